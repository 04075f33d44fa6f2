//! `wait`: until the clusters are as they should be, with the cause when they are not.

mod address;
mod limits;
mod network;
mod subject;
mod unless;
mod until;

use super::Host;
use crate::cluster::wait::rules::Verdict;
use crate::cluster::wait::{Rule, Wait};
use crate::engine::value::from_node;
use crate::engine::{Call, Effect, Outcome, Primitive};
use crate::failure::Failure;
use crate::object::Object;
use rhai::Dynamic;
use std::time::Duration;
use subject::{Subject, subjects};

/// How many nodes a DaemonSet must run on.
const MIN_NODES: Choice = ("min_nodes", "int", "how many nodes a DaemonSet must match; none is enough when left out");

/// How long a wait may take unless its call says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

const SUBJECT: &str = "of: Cluster|map|array, kind?: string, name?: string, options?: map";
type Choice = (&'static str, &'static str, &'static str);
const TIME: (&str, &str, &str) = ("timeout", "string", "how long it may take; 5m when left out");
const FAST: (&str, &str, &str) =
    ("fail_fast", "bool", "give up early on what cannot heal by itself; true when left out. false: warn and go on");

const UNLESS: Choice = (
    "unless",
    "closure",
    "asked after 20s and every 20s from then on: the texts that it returns say why waiting is in vain, and end it",
);

/// The options of waits that look for the cause of trouble, and some more.
macro_rules! patient {
    ($($more:expr),*) => {
        &[
            TIME, FAST, UNLESS, limits::APPEAR, limits::REPLACED, limits::IMAGE, limits::PULL, limits::CRASH,
            limits::RESTARTS, limits::CONFIG, limits::CONTAINER, limits::UNSCHEDULABLE, limits::SCALE_UP,
            limits::CREATION, limits::MOUNT, limits::PROVISION, limits::BALANCER, $($more),*
        ]
    };
}

/// The table of `wait`.
pub const WAIT: &[Primitive<Host>] = &[
    Primitive {
        on: "wait",
        name: "ready",
        params: SUBJECT,
        options: patient![limits::STATUS, MIN_NODES],
        returns: "any",
        doc: "Waits until an object, or every object of a list, is ready by the rule of its kind, and returns it as it was then. \
              It is an Object, or a Cluster with kind and name, and may still be missing for a while. What cannot heal by itself \
              ends the wait early; how long each sign of trouble may last is an option.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "d", namespace: "default"}, spec: #{
    selector: #{matchLabels: #{app: "d"}},
    template: #{metadata: #{labels: #{app: "d"}}, spec: #{containers: [#{name: "a", image: "a"}]}},
}});
wait.ready(c, "Deployment", "default/d", #{timeout: "1m"}).status.readyReplicas == 1"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: ready,
    },
    Primitive {
        on: "wait",
        name: "gone",
        params: SUBJECT,
        options: &[TIME, FAST],
        returns: "()",
        doc: "Waits until an object, or every object of a list, does not exist any more, and says what holds it.",
        example: r#"let c = kube.cluster("east");
let made = c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "n"}}).objects[0];
c.delete(made);
wait.gone(made);
!c.exists("Namespace", "n")"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: gone,
    },
    Primitive {
        on: "wait",
        name: "exists",
        params: SUBJECT,
        options: &[
            TIME,
            FAST,
            UNLESS,
            ("keys", "array", "keys that a Secret or ConfigMap must have, none of them empty"),
        ],
        returns: "any",
        doc: "Waits until an object exists, and returns it.",
        example: r#"wait.exists(kube.cluster("east"), "ConfigMap", "default/kube-root-ca.crt").metadata.name == "kube-root-ca.crt""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: exists,
    },
    Primitive {
        on: "wait",
        name: "condition",
        params: "of: Cluster|map|array, kind?: string, name?: string, condition: string, options?: map",
        options: patient![("status", "string", "the status it must have; True when left out")],
        returns: "any",
        doc: "Waits until a condition in an object's status is true, and returns the object.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}});
wait.condition(c, "Pod", "default/p", "Initialized").metadata.name == "p""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: condition,
    },
    Primitive {
        on: "wait",
        name: "webhook",
        params: "cluster: Cluster, name: string, options?: map",
        options: &[TIME, UNLESS, ("kind", "string", "MutatingWebhookConfiguration when left out")],
        returns: "object",
        doc: "Waits until the webhooks of a configuration answer the API server: certificate authority filled in, service \
              there, and a dry run that they are asked about: a sidecar injector must give a pod its sidecar, Istio's \
              validation must deny what is wrong.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingWebhookConfiguration", metadata: #{name: "none"}});
wait.webhook(c, "none").metadata.name == "none""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: webhook,
    },
    Primitive {
        on: "wait",
        name: "address",
        params: "of: Cluster|map, name?: string, options?: map",
        options: &[
            TIME,
            FAST,
            limits::APPEAR,
            limits::BALANCER,
            ("node_port", "bool", "the address of a node with the node ports, instead of a load balancer's"),
            ("dns", "string", "wait as well until its host name resolves from this machine, so long at most"),
            (
                "tcp",
                "int|string",
                "wait as well until this port of the Service, its number or name, accepts a connection",
            ),
            ("tcp_timeout", "string", "how long that may take; 1m when left out"),
        ],
        returns: "object",
        doc: "Waits until a Service can be reached from outside its cluster: `#{host, ip, hostname, kind, ports}`. `kind` is \
              `ip`, `hostname` or `node_port`; `ports` has each port by its name and by its number.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Service", metadata: #{name: "s", namespace: "default"},
    spec: #{type: "LoadBalancer", ports: [#{name: "https", port: 443}]}});
let found = wait.address(c, "default/s");
found.kind == "ip" && found.ports.https == 443"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: address::address,
    },
    Primitive {
        on: "wait",
        name: "resolved",
        params: "host: string, options?: map",
        options: &[("timeout", "string", "how long it may take; 1m when left out")],
        returns: "array",
        doc: "The IP addresses of a host name, as soon as it resolves; an address is its own answer. In a rehearsal no name server \
              is asked.",
        example: r#"wait.resolved("10.1.2.3") == ["10.1.2.3"]"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: network::resolved,
    },
    Primitive {
        on: "wait",
        name: "reachable",
        params: "host: string, port: int, options?: map",
        options: &[("timeout", "string", "how long it may take; 1m when left out")],
        returns: "()",
        doc: "Waits until a TCP connection from this machine succeeds. In a rehearsal no connection is made: load balancers and \
              node ports of its clusters answer when a ready pod stands behind them.",
        example: r#"attempt(|| wait.reachable("127.0.0.1", 9, #{timeout: "10ms"})).error.kind == "timeout""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: network::reachable,
    },
    Primitive {
        on: "wait",
        name: "until",
        params: "closure: closure, options?: map",
        options: &[
            TIME,
            UNLESS,
            ("every", "string", "the pause between two calls; 500ms when left out"),
            ("want", "string", "what is waited for, for the message on time-out"),
        ],
        returns: "any",
        doc: "Calls a closure until it returns something other than `()` and `false`, and returns that.",
        example: r#"let c = kube.cluster("east");
wait.until(|| c.find("ConfigMap", "default/kube-root-ca.crt")).metadata.namespace == "default""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: until::until,
    },
    Primitive {
        on: "wait",
        name: "pause",
        params: "duration: string",
        options: &[],
        returns: "()",
        doc: "Lets time pass. Waiting for something is better.",
        example: r#"wait.pause("2s") == ()"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: until::pause,
    },
];

fn ready(call: &Call<'_, Host>) -> Outcome {
    let nodes = call.options().int("min_nodes")?;
    all(call, |subject| {
        let rule = subject.object.as_ref().map_or_else(Rule::ready, Rule::ready_since);
        match nodes {
            Some(nodes) => rule.and(move |object| on_nodes(object, nodes)),
            None => rule,
        }
    })
}

/// A DaemonSet that no node matches is ready; one that is meant to run somewhere is not.
fn on_nodes(object: &Object, wanted: i64) -> Option<Verdict> {
    let nodes = object.int_at("status.desiredNumberScheduled").unwrap_or_default();
    (nodes < wanted).then(|| Verdict::Progressing(format!("{nodes} nodes match it, at least {wanted} should")))
}

fn exists(call: &Call<'_, Host>) -> Outcome {
    let keys = call.options().strings("keys")?;
    all(call, |_| if keys.is_empty() { Rule::exists() } else { Rule::keys(keys.clone()) })
}

fn gone(call: &Call<'_, Host>) -> Outcome {
    let uid = |subject: &Subject| subject.object.as_ref().map(|object| object.uid().to_owned());
    drop(all(call, |subject| Rule::gone(uid(subject).filter(|uid| !uid.is_empty())))?);
    Ok(Dynamic::UNIT)
}

fn condition(call: &Call<'_, Host>) -> Outcome {
    // Kind and name are optional: the condition is the last text.
    let texts: Vec<String> = (1..call.count()).filter_map(|index| call.any(index).into_string().ok()).collect();
    let Some(name) = texts.last() else { return Err(Failure::usage("wait.condition: which condition?").into()) };
    let status = call.options().str("status")?.unwrap_or_else(|| "True".to_owned());
    all(call, |_| Rule::condition(name, &status))
}

fn webhook(call: &Call<'_, Host>) -> Outcome {
    let Some(cluster) = call.value::<crate::cluster::Cluster>(0) else {
        return Err(Failure::usage("no cluster").into());
    };
    let kind = call.options().str("kind")?.unwrap_or_else(|| "MutatingWebhookConfiguration".to_owned());
    let target = {
        let _until = subject::in_time(call)?;
        call.block(cluster.target(&kind, &call.str(1)))?
    };
    let waits = [Wait { cluster, target, rule: Rule::ready() }];
    let mut objects = unless::until_all(call, &waits, limits::of(call, false)?)?;
    Ok(shown(&waits[0], objects.pop().unwrap_or_default()))
}

/// Waits for all subjects of a call; one that was given alone comes back alone.
fn all(call: &Call<'_, Host>, rule: impl Fn(&Subject) -> Rule) -> Outcome {
    let (subjects, alone) = subjects(call)?;
    let named = subjects.iter().all(|subject| subject.object.is_none());
    let waits: Vec<Wait> = subjects
        .into_iter()
        .map(|subject| Wait { rule: rule(&subject), cluster: subject.cluster, target: subject.target })
        .collect();
    let limits = limits::of(call, named && waits.iter().all(|wait| wait.rule.expects()))?;
    let objects = unless::until_all(call, &waits, limits)?;
    let mut objects: Vec<Dynamic> = waits.iter().zip(objects).map(|(wait, object)| shown(wait, object)).collect();
    match alone {
        true => Ok(objects.pop().unwrap_or(Dynamic::UNIT)),
        false => Ok(Dynamic::from_array(objects)),
    }
}

fn shown(wait: &Wait, object: Object) -> Dynamic {
    match object.node {
        crate::object::Node::Null => from_node(&object.node),
        _ => Dynamic::from(object.from_cluster(wait.cluster.name())),
    }
}
