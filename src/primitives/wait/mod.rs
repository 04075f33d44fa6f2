//! `wait`: until the clusters are as they should be, with the cause when they are not.

mod address;
mod subject;
mod until;

use super::Host;
use crate::cluster::wait::{Limits, Rule, Wait, until_all};
use crate::engine::value::from_node;
use crate::engine::{Call, Effect, Outcome, Primitive};
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use rhai::Dynamic;
use std::time::Duration;
use subject::{Subject, subjects};

/// How long a wait may take unless its call says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

const SUBJECT: &str = "of: Cluster|map|array, kind?: string, name?: string, options?: map";
const TIME: (&str, &str, &str) = ("timeout", "string", "how long it may take; 5m when left out");
const FAST: (&str, &str, &str) =
    ("fail_fast", "bool", "give up early on what cannot heal by itself; true when left out");

/// The table of `wait`.
pub const WAIT: &[Primitive<Host>] = &[
    Primitive {
        on: "wait",
        name: "ready",
        params: SUBJECT,
        options: &[TIME, FAST],
        returns: "any",
        doc: "Waits until an object, or every object of a list, is ready by the rule of its kind, and returns it as it was then. \
              It is an Object, or a Cluster with kind and name and need not exist yet.",
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
        options: &[TIME, FAST],
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
        options: &[TIME, FAST, ("status", "string", "the status it must have; True when left out")],
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
        options: &[TIME, ("kind", "string", "MutatingWebhookConfiguration when left out")],
        returns: "object",
        doc: "Waits until the webhooks of a configuration answer the API server: certificate authority filled in, service \
              there, and a dry run goes through.",
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
            ("node_port", "bool", "the address of a node with the node ports, instead of a load balancer's"),
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
        doc: "The IP addresses of a host name, as soon as it resolves; an address is its own answer.",
        example: r#"wait.resolved("10.1.2.3") == ["10.1.2.3"]"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: address::resolved,
    },
    Primitive {
        on: "wait",
        name: "reachable",
        params: "host: string, port: int, options?: map",
        options: &[("timeout", "string", "how long it may take; 1m when left out")],
        returns: "()",
        doc: "Waits until a TCP connection from this machine succeeds.",
        example: r#"attempt(|| wait.reachable("127.0.0.1", 9, #{timeout: "10ms"})).error.kind == "timeout""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: address::reachable,
    },
    Primitive {
        on: "wait",
        name: "until",
        params: "closure: closure, options?: map",
        options: &[
            TIME,
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
    all(call, |subject| subject.object.as_ref().map_or_else(Rule::ready, Rule::ready_since))
}

fn exists(call: &Call<'_, Host>) -> Outcome {
    all(call, |_| Rule::exists())
}

fn gone(call: &Call<'_, Host>) -> Outcome {
    let uid = |subject: &Subject| subject.object.as_ref().map(|object| object.uid().to_owned());
    drop(all(call, |subject| Rule::gone(uid(subject).filter(|uid| !uid.is_empty())))?);
    Ok(Dynamic::UNIT)
}

fn condition(call: &Call<'_, Host>) -> Outcome {
    // Kind and name are optional: the condition is the last text.
    let texts: Vec<String> = (1..call.len()).filter_map(|index| call.any(index).into_string().ok()).collect();
    let Some(name) = texts.last() else { return Err(Failure::usage("wait.condition: which condition?").into()) };
    let status = call.options().str("status")?.unwrap_or_else(|| "True".to_owned());
    all(call, |_| Rule::condition(name, &status))
}

fn webhook(call: &Call<'_, Host>) -> Outcome {
    let Some(cluster) = call.value::<crate::cluster::Cluster>(0) else {
        return Err(Failure::usage("no cluster").into());
    };
    let kind = call.options().str("kind")?.unwrap_or_else(|| "MutatingWebhookConfiguration".to_owned());
    let target = call.block(cluster.target(&kind, &call.str(1)))?;
    let waits = [Wait { cluster, target, rule: Rule::ready() }];
    let mut objects = call.block(until_all(&waits, limits(call)?))?;
    Ok(shown(&waits[0], objects.pop().unwrap_or_default()))
}

/// Waits for all subjects of a call; one that was given alone comes back alone.
fn all(call: &Call<'_, Host>, rule: impl Fn(&Subject) -> Rule) -> Outcome {
    let (subjects, alone) = subjects(call)?;
    let waits: Vec<Wait> = subjects
        .into_iter()
        .map(|subject| Wait { rule: rule(&subject), cluster: subject.cluster, target: subject.target })
        .collect();
    let objects = call.block(until_all(&waits, limits(call)?))?;
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

fn limits(call: &Call<'_, Host>) -> Result<Limits> {
    let options = call.options();
    let fail_fast = options.get("fail_fast").is_none_or(|fast| fast.as_bool().unwrap_or(true));
    Ok(Limits { timeout: options.duration("timeout")?.unwrap_or(TIMEOUT), fail_fast })
}

/// A wait that is not about one object has not got there.
fn timed_out(message: String) -> Failure {
    Failure::new(Kind::Timeout, message)
}
