//! What tests have beside all that scripts have: assertions, rehearsals of scripts, faults.

use super::host::{Rehearsal, Replay};
use super::{Authority, Host};
use crate::cluster::Cluster;
use crate::engine::value::{to_node, type_name};
use crate::engine::{Call, Effect, Outcome, Primitive, duration};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use crate::rehearsal::{Effect as FaultEffect, Fault, Server};
use rhai::{Dynamic, Map};
use similar::{ChangeTag, TextDiff};

/// How many lines of a difference are shown.
const MOST_LINES: usize = 60;

/// The table of tests.
pub const TEST: &[Primitive<Host>] = &[
    Primitive {
        on: "",
        name: "assert",
        params: "condition: bool, message?: string",
        options: &[],
        returns: "()",
        doc: "Fails the test unless the condition is true.",
        example: r#"assert(1 + 1 == 2, "arithmetic"); true"#,
        effect: Effect::None,
        since: "0.1.0",
        call: assert,
    },
    Primitive {
        on: "",
        name: "assert_eq",
        params: "one: any, other: any, message?: string",
        options: &[],
        returns: "()",
        doc: "Fails the test unless the two are the same, and shows where they differ. Types count: `1` is not `\"1\"`.",
        example: r#"assert_eq([1, 2].map(|n| n * 2), [2, 4]); true"#,
        effect: Effect::None,
        since: "0.1.0",
        call: assert_eq,
    },
    Primitive {
        on: "",
        name: "assert_fails",
        params: "closure: closure, part?: string",
        options: &[],
        returns: "Failure",
        doc: "Fails the test unless the closure fails, with this part in its message, details, hint or kind. Gives the \
              failure, to look at more of it.",
        example: r#"
            let failure = assert_fails(|| kube.cluster("east").get("Secret", "default/none"), "not found");
            failure.kind == "not_found""#,
        effect: Effect::None,
        since: "0.1.0",
        call: assert_fails,
    },
    Primitive {
        on: "",
        name: "rehearse",
        params: "script: string, params?: map, options?: map",
        options: &[("stop_after", "string", "stop after this step: its name, a part of it, or its number")],
        returns: "map",
        doc: "Rehearses a script on the test's clusters: a shipped one by name, or a file or folder from the test's own, \
              such as \"./main.rhai\". Clusters that the parameters do not name are the test's, in order. Gives \
              `#{steps, changes, said, printed, clusters}`: names of steps, `#{created, changed, deleted}` of every \
              cluster that was changed, the lines shown and printed, and the clusters to look at. When the script fails, \
              so does this.",
        example: r#"
            let first = rehearse("shared-gateways");
            let again = rehearse("shared-gateways");
            first.steps.len() == 16 && first.clusters.east.exists("Deployment", "istio-system/istiod") && again.changes == #{}"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: rehearse,
    },
    Primitive {
        on: "",
        name: "replay",
        params: "recording: string, options?: map",
        options: &[
            (
                "script",
                "string",
                "the script to run instead of the recorded one, by name or path, such as \"./main.rhai\"",
            ),
            ("params", "map", "parameters that take the place of those recorded"),
            ("differences", "bool", "give differences as `differences` instead of failing"),
        ],
        returns: "map",
        doc: "Runs a script on what `run --record FILE` or `rehearse --record FILE` has kept, without any cluster or \
              program: FILE from the test's own folder. Fails when it changes an object otherwise than recorded, or \
              starts other programs, and shows how; secrets and times are not compared, nor in which order objects are \
              changed. Gives what `rehearse` gives, and `differences`, a list of lines.",
        example: r#"attempt(|| replay("no-such-recording.jsonl")).error.kind == "not_found""#,
        effect: Effect::Write,
        since: "0.1.0",
        call: replay,
    },
    Primitive {
        on: "",
        name: "fault",
        params: "cluster: string|Cluster, options?: map",
        options: &[
            ("method", "string", "only requests with this method: GET, PATCH, …"),
            ("path", "string", "only requests whose path contains this, such as \"/secrets\""),
            ("times", "int", "only so many requests; all from now on when left out"),
            ("status", "int", "they are refused with this status code: 403, 409, 429, 500, 503, …"),
            ("retry_after", "int", "seconds that the refusal says to wait"),
            ("latency", "duration", "they are answered later, by this much rehearsed time"),
            ("reset", "bool", "the connection breaks before they are handled"),
            ("lose_answer", "bool", "they are handled, but the connection breaks before the answer"),
            ("drop_watch", "duration", "watches break after this much rehearsed time"),
        ],
        returns: "()",
        doc: "Something that goes wrong with a cluster's API server from now on.",
        example: r#"
            fault("east", #{status: 503, path: "/configmaps", times: 2});
            kube.cluster("east").list("configmaps", #{namespace: "kube-system"}).len() >= 0"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: fault,
    },
    Primitive {
        on: "",
        name: "end_faults",
        params: "cluster: string|Cluster",
        options: &[],
        returns: "()",
        doc: "Ends all faults of a cluster.",
        example: r#"
            fault("east", #{status: 403});
            end_faults("east");
            kube.cluster("east").exists("Namespace", "default")"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: end_faults,
    },
];

fn assert(call: &Call<'_, Host>) -> Outcome {
    if call.any(0).as_bool() == Ok(true) {
        return Ok(Dynamic::UNIT);
    }
    let message = call.opt_str(1).map_or_else(|| "this is not true".to_owned(), |message| message.to_string());
    Err(Failure::new(Kind::Script, message).into())
}

fn assert_eq(call: &Call<'_, Host>) -> Outcome {
    let (one, other) = (call.any(0), call.any(1));
    if same(&one, &other)? {
        return Ok(Dynamic::UNIT);
    }
    let message = call.opt_str(2).map_or_else(|| "the two differ".to_owned(), |message| message.to_string());
    Err(Failure::new(Kind::Script, message).details(difference(call, &one, &other)).into())
}

/// Whether two values are the same: trees by what is in them, clusters by their names, authorities by their roots.
fn same(one: &Dynamic, other: &Dynamic) -> Result<bool> {
    if let (Ok(one), Ok(other)) = (to_node(one), to_node(other)) {
        return one.is_same(&other);
    }
    if let (Ok(one), Ok(other)) = (one.as_array_ref(), other.as_array_ref()) {
        let mut pairs = one.iter().zip(other.iter());
        return Ok(one.len() == other.len()
            && pairs.try_fold(true, |so_far, (one, other)| Ok::<_, Failure>(so_far && same(one, other)?))?);
    }
    if let (Ok(one), Ok(other)) = (one.as_map_ref(), other.as_map_ref()) {
        let mut pairs = one.iter().map(|(key, value)| (value, other.get(key)));
        let alike = |value, found: Option<&Dynamic>| found.map_or(Ok(false), |other| same(value, other));
        return Ok(one.len() == other.len()
            && pairs.try_fold(true, |so_far, (value, found)| Ok::<_, Failure>(so_far && alike(value, found)?))?);
    }
    if type_name(one) != type_name(other) {
        return Ok(false);
    }
    if let (Some(one), Some(other)) = (one.read_lock::<Cluster>(), other.read_lock::<Cluster>()) {
        return Ok(one.name() == other.name());
    }
    if let (Some(one), Some(other)) = (one.read_lock::<Authority>(), other.read_lock::<Authority>()) {
        return Ok(one.root == other.root);
    }
    if let (Some(one), Some(other)) = (one.read_lock::<Failure>(), other.read_lock::<Failure>()) {
        return Ok(*one == *other);
    }
    let failure = Failure::usage(format!("values of type `{}` cannot be compared", type_name(one)));
    Err(failure.hint("compare what they give: names, numbers, texts"))
}

/// Lines that say where two values differ: `-` is the first one's, `+` the second one's.
fn difference(call: &Call<'_, Host>, one: &Dynamic, other: &Dynamic) -> Vec<String> {
    let (first, second) = (shown(call, one), shown(call, other));
    if !first.contains('\n') && !second.contains('\n') {
        return vec![format!("first:  {first}"), format!("second: {second}")];
    }
    let diff = TextDiff::from_lines(&first, &second);
    let mut lines = vec!["- first, + second".to_owned()];
    for (at, group) in diff.grouped_ops(3).iter().enumerate() {
        lines.extend((at > 0).then(|| "  …".to_owned()));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", change.value().trim_end_matches('\n')));
        }
    }
    cut(lines)
}

/// Not more lines than can be read.
fn cut(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MOST_LINES {
        let more = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(format!("… and {more} lines more"));
    }
    lines
}

/// A value to compare by eye: YAML where it has a form as YAML, so that types show.
fn shown(call: &Call<'_, Host>, value: &Dynamic) -> String {
    match to_node(value) {
        Ok(node) => Object::new(node).to_yaml().trim_end().to_owned(),
        Err(_) => format!("{} {}", type_name(value), crate::engine::shown(call.context(), value)),
    }
}

fn assert_fails(call: &Call<'_, Host>) -> Outcome {
    let error = match call.invoke(&call.closure(0), Vec::new()) {
        Ok(value) => {
            let gave = crate::plain::line(&shown(call, &value), 200);
            return Err(Failure::new(Kind::Script, "this did not fail").detail(format!("it gave {gave}")).into());
        }
        Err(error) if error.is_pseudo_error() || !error.is_catchable() => return Err(error),
        Err(error) => error,
    };
    let source = call.context().call_source().unwrap_or_default();
    let failure = crate::engine::failure(call.context().engine(), &error, source);
    match call.opt_str(1).filter(|part| !says(&failure, part)) {
        None => Ok(Dynamic::from(failure)),
        Some(part) => {
            let failed = Failure::new(Kind::Script, "this failed with other words");
            let said = std::iter::once(format!("it said: {failure}")).chain(failure.details.clone());
            Err(failed.details(said).detail(format!("nowhere in it: {part}")).into())
        }
    }
}

fn says(failure: &Failure, part: &str) -> bool {
    let texts = [failure.to_string(), failure.kind.name().to_owned(), failure.hint.clone().unwrap_or_default()];
    texts.iter().chain(&failure.details).any(|text| text.contains(part))
}

fn rehearse(call: &Call<'_, Host>) -> Outcome {
    let params = parameters(call.any(1))?;
    let rehearsal =
        Rehearsal { script: call.str(0).to_string(), params, stop_after: call.options().str("stop_after")? };
    Ok(bench(call)?.rehearse(&rehearsal)?.into())
}

/// A map of parameters.
fn parameters(map: Dynamic) -> Result<Node> {
    let params = map.try_cast::<Map>().unwrap_or_default();
    let named = params.into_iter().map(|(key, value)| Ok((key.as_str().into(), to_node(&named(value))?)));
    Ok(Node::Map(crate::object::Map(std::sync::Arc::new(named.collect::<Result<_>>()?))))
}

fn replay(call: &Call<'_, Host>) -> Outcome {
    let options = call.options();
    let (script, params) = (options.str("script")?, options.get("params").cloned().unwrap_or_default());
    let wanted = Replay { recording: call.str(0).to_string(), script, params: parameters(params)? };
    let report = bench(call)?.replay(&wanted)?;
    if options.flag("differences")? {
        return Ok(report.into());
    }
    let differences = report.get("differences").and_then(|lines| lines.as_array_ref().ok().map(|lines| lines.clone()));
    let lines: Vec<String> = differences.into_iter().flatten().map(|line| line.to_string()).collect();
    if lines.is_empty() {
        return Ok(report.into());
    }
    let failure = Failure::new(Kind::Script, format!("the script does not do what {} says", wanted.recording));
    Err(failure
        .detail("- recorded, + now")
        .details(cut(lines))
        .hint("when this is meant, record it again: meshwright run or rehearse … --record FILE")
        .into())
}

/// A value with clusters by their names, as parameters want them.
fn named(value: Dynamic) -> Dynamic {
    if let Some(cluster) = value.read_lock::<Cluster>() {
        return cluster.name().to_owned().into();
    }
    match value.as_array_ref().map(|items| items.clone()) {
        Ok(items) => items.into_iter().map(named).collect::<rhai::Array>().into(),
        Err(_) => value,
    }
}

fn bench<'c>(call: &'c Call<'_, Host>) -> Result<&'c dyn super::host::Bench> {
    let missing = || Failure::internal(format!("`{}` is for tests", call.primitive().name));
    call.host().bench.as_deref().ok_or_else(missing)
}

fn fault(call: &Call<'_, Host>) -> Outcome {
    let server = server(call)?;
    let effects = effects(call)?;
    if effects.is_empty() {
        return Err(Failure::usage("fault: what is to go wrong?")
            .hint("give status, latency, reset, lose_answer or drop_watch")
            .into());
    }
    let options = call.options();
    let (method, path, times) = (options.str("method")?, options.str("path")?, options.int("times")?);
    let times = times.map(|times| u32::try_from(times).map_err(|_| Failure::usage("fault: `times` is a small number")));
    let times = times.transpose()?;
    for effect in effects {
        server.faults().inject(Fault { method: method.clone(), path: path.clone(), times, effect });
    }
    Ok(Dynamic::UNIT)
}

fn effects(call: &Call<'_, Host>) -> Result<Vec<FaultEffect>> {
    let options = call.options();
    let small = |name: &str| -> Result<Option<u32>> {
        let number = options.int(name)?.map(u32::try_from).transpose();
        number.map_err(|_| Failure::usage(format!("fault: `{name}` is a small number")))
    };
    let mut effects = Vec::new();
    if let Some(code) = small("status")? {
        let code = u16::try_from(code).ok().filter(|code| (400..600).contains(code));
        let code = code.ok_or_else(|| Failure::usage("fault: `status` is an HTTP status code from 400 to 599"))?;
        effects.push(FaultEffect::Status { code, retry_after: small("retry_after")? });
    }
    effects.extend(options.str("latency")?.map(|text| duration(&text).map(FaultEffect::Latency)).transpose()?);
    effects.extend(options.flag("reset")?.then_some(FaultEffect::Reset));
    effects.extend(options.flag("lose_answer")?.then_some(FaultEffect::ResetAfter));
    effects.extend(options.str("drop_watch")?.map(|text| duration(&text).map(FaultEffect::DropWatch)).transpose()?);
    Ok(effects)
}

fn end_faults(call: &Call<'_, Host>) -> Outcome {
    server(call)?.faults().clear();
    Ok(Dynamic::UNIT)
}

/// The rehearsed API server of the cluster in the first argument.
fn server(call: &Call<'_, Host>) -> Result<Server> {
    let name = call.value::<Cluster>(0).map_or_else(|| call.str(0).to_string(), |cluster| cluster.name().to_owned());
    let world = bench(call)?.world();
    let names = || world.servers().iter().map(Server::name).collect::<Vec<_>>().join(", ");
    let missing =
        || Failure::usage(format!("this test has no cluster `{name}`")).hint(format!("its clusters: {}", names()));
    world.server(&name).cloned().ok_or_else(missing)
}
