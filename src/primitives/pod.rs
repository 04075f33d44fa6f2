//! What can be done with pods: programs in them, their logs, their ports.

use super::Host;
use super::exec::content;
use super::text::map_of;
use crate::cluster::Cluster;
use crate::cluster::stream::{Exec, Forward, LogOptions};
use crate::engine::{Call, Effect, Outcome, Primitive};
use crate::failure::{Failure, Result};
use crate::object::{Node, Object};
use rhai::Dynamic;
use std::fmt;
use std::time::Duration;

/// A port on this machine that leads into a cluster.
#[derive(Clone, Debug)]
pub struct Port(Forward);

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.0.0.1:{}", self.0.port())
    }
}

/// How long a program in a pod may run unless its call says otherwise.
const EXEC_TIMEOUT: Duration = Duration::from_secs(60);

/// The table of what a Cluster can do with pods.
pub const POD: &[Primitive<Host>] = &[
    Primitive {
        on: "Cluster",
        name: "exec",
        params: "pod: string|map, arguments: array, options?: map",
        options: &[
            ("container", "string", "the container; the pod's default one when left out"),
            ("stdin", "any", "text or Secret that it reads from standard input"),
            ("timeout", "string", "how long it may run; 1m when left out"),
            ("check", "bool", "whether a non-zero exit code is a failure; true when left out"),
        ],
        returns: "object",
        doc: "Runs a program in a pod, given as an Object or `\"namespace/name\"`, to its end, without a shell: \
              `#{code, stdout, stderr}`. Needs the right to write in the pod's namespace.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}});
wait.ready(c, "Pod", "default/p");
c.exec("default/p", ["no-such-program"], #{check: false}).code != 0"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: exec,
    },
    Primitive {
        on: "Cluster",
        name: "logs",
        params: "pod: string|map, options?: map",
        options: &[
            ("container", "string", "the container; the pod's default one when left out"),
            ("tail", "int", "only this many lines from the end; 10000 when left out"),
            ("since", "string", "only what is younger than this duration"),
            ("previous", "bool", "the log of the container's previous run, before it crashed"),
        ],
        returns: "string",
        doc: "The log of a pod's container; the pod is given as an Object or `\"namespace/name\"`.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}});
wait.ready(c, "Pod", "default/p");
c.logs("default/p", #{tail: 5}) == """#,
        effect: Effect::Read,
        since: "0.1.0",
        call: logs,
    },
    Primitive {
        on: "Cluster",
        name: "forward",
        params: "pod: string|map, port: int",
        options: &[],
        returns: "Port",
        doc: "A port on this machine that leads to a port of a pod, open until it is closed or forgotten: `p.port`, `p.close()`. \
              Needs `needs: {hosts: [clusters]}` in the script's header.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}});
wait.ready(c, "Pod", "default/p");
let p = c.forward("default/p", 8080);
let open = p.port > 0;
p.close();
open"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: forward,
    },
    Primitive {
        on: "Port",
        name: "port",
        params: "",
        options: &[],
        returns: "int",
        doc: "Its number on 127.0.0.1.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}});
wait.ready(c, "Pod", "default/p");
c.forward("default/p", 8080).port > 1023"#,
        effect: Effect::None,
        since: "0.1.0",
        call: port,
    },
    Primitive {
        on: "Port",
        name: "close",
        params: "",
        options: &[],
        returns: "()",
        doc: "Closes it, and every connection through it.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a"}]}});
wait.ready(c, "Pod", "default/p");
c.forward("default/p", 8080).close() == ()"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: close,
    },
];

/// Namespace and name of the pod that the first argument means.
fn pod(call: &Call<'_, Host>) -> Result<(String, String)> {
    if let Ok(text) = call.any(0).into_string() {
        let parts = text.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        let (namespace, name) = parts.ok_or_else(|| {
            Failure::usage(format!("`{text}` does not say which pod")).hint("write \"namespace/name\"")
        })?;
        return Ok((namespace.to_owned(), name.to_owned()));
    }
    let object: Object = call.object(0)?;
    match (object.namespace(), object.name()) {
        (Some(namespace), name) if !name.is_empty() => Ok((namespace.to_owned(), name.to_owned())),
        _ => Err(Failure::usage("this is no pod: metadata.namespace or metadata.name is missing")),
    }
}

fn exec(call: &Call<'_, Host>) -> Outcome {
    let cluster: Cluster = call.receiver();
    let options = call.options();
    let (namespace, name) = pod(call)?;
    let argv = call.strings(1)?;
    let shown = argv.join(" ");
    let exec = Exec {
        namespace,
        pod: name,
        container: options.str("container")?,
        argv,
        stdin: options.get("stdin").map(|stdin| content("stdin", stdin)).transpose()?,
        timeout: call.at_most(options.duration("timeout")?.unwrap_or(EXEC_TIMEOUT)),
    };
    let output = call.block(cluster.exec(&exec))?;
    let check = options.get("check").is_none_or(|check| check.as_bool().unwrap_or(true));
    let about =
        |failure: Failure| failure.on_cluster(cluster.name()).about(format!("Pod {}/{}", exec.namespace, exec.pod));
    let output = if check { output.checked(&shown).map_err(about)? } else { output };
    Ok(map_of([
        ("code", Node::Int(output.code.into())),
        ("stdout", Node::Str(output.stdout.into())),
        ("stderr", Node::Str(output.stderr.into())),
    ]))
}

fn logs(call: &Call<'_, Host>) -> Outcome {
    let cluster: Cluster = call.receiver();
    let (namespace, name) = pod(call)?;
    let options = call.options();
    let wanted = LogOptions {
        container: options.str("container")?,
        tail: options.int("tail")?,
        since: options.duration("since")?,
        previous: options.flag("previous")?,
    };
    Ok(call.block(cluster.logs(&namespace, &name, &wanted))?.into())
}

fn forward(call: &Call<'_, Host>) -> Outcome {
    let cluster: Cluster = call.receiver();
    let (namespace, name) = pod(call)?;
    call.host().grants.may_forward()?;
    let wrong = || Failure::usage(format!("{} is no port: 1 to 65535", call.int(1)));
    let port = u16::try_from(call.int(1)).ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    let forward = call.block(cluster.forward(&namespace, &name, port))?;
    call.host().grants.open_port(forward.port());
    Ok(Dynamic::from(Port(forward)))
}

fn port(call: &Call<'_, Host>) -> Outcome {
    Ok(i64::from(call.receiver::<Port>().0.port()).into())
}

fn close(call: &Call<'_, Host>) -> Outcome {
    call.receiver::<Port>().0.close();
    Ok(Dynamic::UNIT)
}
