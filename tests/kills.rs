//! The guide, killed: before each of its writes is sent, after each is carried out and before its answer is heard. The
//! same command then ends where an uninterrupted run ends.
//!
//! The tests take a sample of the points. `benches/kills` takes all of them and writes the figures of
//! `docs/reliability.md`.

mod stage;

use meshwright::failure::Kind;
use meshwright::rehearsal::{Cut, Point};
use meshwright::run::record::History;
use regex::Regex;
use serde_json::Value;
use stage::Guide;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many changes may be under way at once: `apply` of many objects sends eight at a time to each of two clusters.
const WORKERS: usize = 16;

/// What is never in a file: private keys and service accounts' tokens, plain or in base64.
const SECRETS: [&str; 4] = ["PRIVATE KEY-----", "LS0tLS1CRUdJTiBFQyBQUklW", "LS0tLS1CRUdJTiBQUklW", "eyJhbGciOi"];

/// A change that the same command sends although nothing is left to do.
const AGAIN: &str = "written once more";

/// A run of the guide that was killed, and the same command after it.
struct Killed {
    /// Writes until its death.
    writes: usize,
    /// How long the same command took then, in rehearsed time.
    recovery: Duration,
    /// What there was in the end.
    state: BTreeSet<String>,
    /// What there was in the end that should not be so.
    faults: Vec<String>,
}

/// Runs the guide to its death and then to its end.
fn killed(dialect: &str, point: Point, folder: &Path) -> Killed {
    killed_and(dialect, point, folder, Duration::ZERO)
}

/// The same, where the same command comes so much later: the clusters' software has gone on without it.
fn killed_and(dialect: &str, point: Point, folder: &Path, later: Duration) -> Killed {
    let (args, file) = (["--dialect", dialect], folder.join("journal.jsonl"));
    drop(std::fs::remove_file(&file));
    let guide = Guide::written(&args, &file);
    let world = guide.session().world().expect("a rehearsal").clone();
    let (cancel, seen) = (guide.session().cancel().clone(), Arc::new(Mutex::new(Vec::new())));
    let (kept, journal) = (seen.clone(), file.clone());
    let cut = Cut::new(point, move || {
        // What stands in the file at this moment is what a kill would leave.
        *kept.lock().expect("journal") = std::fs::read(&journal).unwrap_or_default();
        cancel.cancel();
    });
    world.set_cut(Some(cut.clone()));
    let outcome = guide.run();
    world.set_cut(None);
    let mut faults = Vec::new();
    if cut.is_dead() {
        let journal = seen.lock().expect("journal").clone();
        faults.extend(wrong_journal(&guide, &String::from_utf8_lossy(&journal)));
        if outcome.err().map(|failure| failure.kind) != Some(Kind::Cancelled) {
            faults.push("it lived".into());
        }
    } else if let Err(failure) = outcome {
        faults.push(format!("uninterrupted: {failure}"));
    }
    let rest = |time: Duration| guide.session().runtime().block_on(async { world.clock().sleep(time).await });
    if !later.is_zero() {
        rest(later);
    }
    let (again, recovery) = guide.again_timed(&args);
    if let Err(failure) = again {
        faults.push(format!("the same command: {failure}"));
    }
    // The software in the pods finishes by itself what it does after a run.
    rest(Duration::from_secs(300));
    let asked = guide.asked();
    if let Err(failure) = guide.again(&args) {
        faults.push(format!("once more: {failure}"));
    }
    faults.extend(guide.writes_since(&asked).into_iter().map(|write| format!("{AGAIN}: {write}")));
    Killed { writes: cut.writes(), recovery, state: state(&guide), faults }
}

/// What is wrong with the journal of a killed run.
fn wrong_journal(guide: &Guide, text: &str) -> Vec<String> {
    let history = History::parse("killed", text);
    let readable = |line: &&str| serde_json::from_str::<Value>(line).is_err();
    let lines = text.lines().filter(readable).map(|line| format!("not readable: {line}"));
    let mut wrong: Vec<String> = lines.collect();
    // Every change that a cluster has carried out was announced.
    let mut announced: BTreeMap<String, usize> = BTreeMap::new();
    for change in &history.changes {
        *announced
            .entry(format!("{} {} {}", change.intent.cluster, change.intent.method, change.intent.path))
            .or_default() += 1;
    }
    for write in guide.writes_since(&[0, 0]) {
        let write = write.rsplit_once(' ').map(|(write, _)| write.to_owned()).unwrap_or_default();
        match announced.get_mut(&write) {
            Some(count) if *count > 0 => *count -= 1,
            _ => wrong.push(format!("not announced: {write}")),
        }
    }
    let open = history.changes.iter().filter(|change| change.outcome.is_none()).count();
    if open > WORKERS {
        wrong.push(format!("{open} changes without an outcome"));
    }
    wrong.extend(SECRETS.iter().filter(|secret| text.contains(**secret)).map(|secret| format!("a secret: {secret}")));
    wrong
}

/// What is stored: what was asked for, without what comes out otherwise each time (keys, certificates, addresses).
fn state(guide: &Guide) -> BTreeSet<String> {
    const PASSING: [&str; 7] = ["Event", "Lease", "Endpoints", "EndpointSlice", "Pod", "ReplicaSet", "Node"];
    let random = Regex::new(concat!(
        r"-----BEGIN[^-]*-----[^-]*-----END[^-]*-----(\\n)?|LS0tLS1CRUdJTi[A-Za-z0-9+/=]*|ZXlK[A-Za-z0-9+/=]+|",
        r"[1-9][0-9]*\.[0-9]+\.[0-9]+\.[0-9]+",
    ))
    .expect("pattern");
    let mut all = BTreeSet::new();
    for server in guide.session().world().expect("a rehearsal").servers() {
        for object in server.everything() {
            let mut object = (*object).clone();
            if PASSING.contains(&object["kind"].as_str().unwrap_or_default()) {
                continue;
            }
            object["status"] = Value::Null;
            let own = ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "ownerReferences"];
            own.iter().for_each(|field| object["metadata"][*field] = Value::Null);
            if object["kind"] == "Secret" {
                object["metadata"]["annotations"]["kubernetes.io/service-account.uid"] = Value::Null;
                let data = object["data"].as_object_mut();
                data.into_iter().flat_map(|data| data.values_mut()).for_each(|value| *value = Value::Null);
            }
            if let Some(ports) = object["spec"]["ports"].as_array_mut() {
                ports.iter_mut().for_each(|port| port["nodePort"] = Value::Null);
            }
            let text = object.to_string();
            all.insert(format!("{} {}", server.name(), random.replace_all(&text, "…")));
        }
    }
    all
}

/// What differs from an uninterrupted run, and what else is wrong.
fn faults(killed: Killed, whole: &BTreeSet<String>) -> Vec<String> {
    let missing = whole.difference(&killed.state).map(|object| format!("missing: {object}"));
    let more = killed.state.difference(whole).map(|object| format!("too much: {object}"));
    let all = killed.faults.iter().cloned().chain(missing).chain(more);
    all.map(|fault| fault.chars().take(1500).collect()).collect()
}

fn whole(dialect: &str, folder: &Path) -> Killed {
    let whole = killed(dialect, Point::Never, folder);
    assert_eq!(whole.faults, [] as [String; 0]);
    whole
}

#[test]
fn two_uninterrupted_runs_end_in_the_same_state() {
    let folder = tempfile::tempdir().expect("folder");
    let first = whole("current", folder.path());
    assert!(first.writes > 50 && first.state.len() > 100, "{} writes, {} objects", first.writes, first.state.len());
    let text = first.state.iter().cloned().collect::<Vec<_>>().join("\n");
    assert!(text.contains("meshNetworks") && text.contains("istio-ingressgateway"));
    assert_eq!(faults(whole("current", folder.path()), &first.state), [] as [String; 0]);
}

#[test]
fn killed_at_a_sample_of_points_the_same_command_finishes() {
    let sample =
        |k| vec![Point::Before(1), Point::After(1), Point::Before(k / 3), Point::After(k / 2), Point::After(k)];
    survives("current", sample);
}

#[test]
fn killed_in_the_words_of_the_guide_the_same_command_finishes() {
    survives("classic", |k| vec![Point::After(1), Point::Before(k / 2), Point::After(k - 1)]);
}

/// When somebody comes back from lunch: Deployments that lack something have passed their progress deadline of ten
/// minutes.
#[test]
fn a_quarter_of_an_hour_later_the_same_command_finishes() {
    let late = Duration::from_secs(15 * 60);
    survives_after("current", late, |k| (1..4).map(|part| Point::After(k * part / 4)).collect());
    survives_after("classic", late, |k| vec![Point::Before(k / 3), Point::After(k / 2)]);
}

/// A whole run of the dialect, and one for each of the points that `sample` gives for its number of writes.
fn survives(dialect: &str, sample: impl Fn(usize) -> Vec<Point>) {
    survives_after(dialect, Duration::ZERO, sample);
}

/// The same, where the same command comes later.
fn survives_after(dialect: &str, later: Duration, sample: impl Fn(usize) -> Vec<Point>) {
    let folder = tempfile::tempdir().expect("folder");
    let whole = whole(dialect, folder.path());
    for point in sample(whole.writes) {
        let killed = killed_and(dialect, point, folder.path(), later);
        assert_eq!(faults(killed, &whole.state), [] as [String; 0], "{dialect}: {point:?} of {} writes", whole.writes);
    }
}

/// All points; the figures go to the file that `FIGURES` names.
#[test]
#[ignore = "takes long; benches/kills runs it"]
fn all_points() {
    let folder = tempfile::tempdir().expect("folder");
    let mut lines = vec![
        "| dialect | writes | points | survived | written once more | uninterrupted | worst recovery |".to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    let mut all_faults = Vec::new();
    for dialect in ["current", "classic"] {
        let start = whole(dialect, folder.path());
        let uninterrupted = uninterrupted(dialect, folder.path());
        let points = (1..=start.writes).flat_map(|n| [Point::Before(n), Point::After(n)]).chain([Point::Never]);
        let (mut tried, mut survived, mut again, mut worst) = (0, 0, 0, (Duration::ZERO, Point::Never));
        for point in points {
            let killed = killed(dialect, point, folder.path());
            worst = if killed.recovery > worst.0 { (killed.recovery, point) } else { worst };
            let faults = faults(killed, &start.state);
            again += faults.iter().filter(|fault| fault.starts_with(AGAIN)).count();
            tried += 1;
            survived += usize::from(faults.is_empty());
            all_faults.extend(faults.into_iter().map(|fault| format!("{dialect} {point:?}: {fault}")));
        }
        let seconds = |duration: Duration| format!("{:.0} s", duration.as_secs_f64());
        lines.push(format!(
            "| {dialect} | {} | {tried} | {survived} | {again} | {} | {} ({}) |",
            start.writes,
            seconds(uninterrupted),
            seconds(worst.0),
            told(worst.1),
        ));
    }
    if let Ok(file) = std::env::var("FIGURES") {
        std::fs::write(file, lines.join("\n")).expect("written");
    }
    assert_eq!(all_faults, [] as [String; 0]);
}

/// How long a run takes that nobody kills, in rehearsed time.
fn uninterrupted(dialect: &str, folder: &Path) -> Duration {
    let guide = Guide::written(&["--dialect", dialect], &folder.join("whole.jsonl"));
    guide.run().expect("the guide");
    guide.session().screen().took()
}

fn told(point: Point) -> String {
    match point {
        Point::Before(n) => format!("killed before write {n}"),
        Point::After(n) => format!("killed after write {n}"),
        Point::Never => "not killed".into(),
    }
}
