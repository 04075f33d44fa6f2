//! Files of tests: which tests they hold, and running them side by side.

use super::screen::Style;
use super::session::Job;
use super::trial::Trial;
use crate::engine::{self, Cancel};
use crate::failure::{Failure, Place, Result};
use crate::grant::Way;
use crate::script::{Needs, Script, Values};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The clusters of a test that names none.
const CLUSTERS: [&str; 2] = ["east", "west"];

/// One test of a file.
#[derive(Debug, Clone)]
pub struct Test {
    /// The file.
    pub file: Script,
    /// The test's name.
    pub name: String,
    /// Its clusters.
    pub clusters: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

/// How a test went.
#[derive(Debug)]
pub struct Verdict {
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it had to say.
    pub said: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// The tests of a file, in order.
///
/// # Errors
/// When the file cannot be run; its tests are not.
pub fn list(file: &Script, cancel: &Cancel) -> Result<Vec<Test>> {
    let job = job(file)?;
    let (session, trial) = Trial::session(&job, &CLUSTERS, None, cancel)?;
    carry_out(&session, &job)?;
    let test = |found: super::trial::Found| {
        let clusters = if found.on.is_empty() { CLUSTERS.map(str::to_owned).to_vec() } else { found.on };
        Test { file: file.clone(), name: found.name, clusters, place: found.place }
    };
    Ok(trial.found().into_iter().map(test).collect())
}

/// Runs one test on clusters of its own.
pub fn run(test: &Test, cancel: &Cancel) -> Verdict {
    let start = Instant::now();
    let clusters: Vec<&str> = test.clusters.iter().map(String::as_str).collect();
    let session = |job: &Job| Trial::session(job, &clusters, Some(test.name.clone()), cancel);
    let made = job(&test.file).and_then(|job| Ok((session(&job)?, job)));
    match made {
        Err(failure) => Verdict { failure: Some(failure), said: Vec::new(), took: start.elapsed() },
        Ok(((session, trial), job)) => {
            let outcome = carry_out(&session, &job);
            let said = [trial.heard().said(), trial.heard().printed()].concat();
            Verdict { failure: outcome.err(), said, took: start.elapsed() }
        }
    }
}

/// Runs tests on so many threads, and tells of each as it ends. Once cancelled, those under way are cut short, and nothing
/// is told of them.
pub fn run_all(tests: &[Test], threads: usize, cancel: &Cancel, mut told: impl FnMut(&Test, Verdict)) {
    let (next, (sender, receiver)) = (AtomicUsize::new(0), mpsc::channel());
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, tests.len().max(1)) {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let verdict = run(test, cancel);
                    if cancel.is_cancelled() {
                        return;
                    }
                    let _ = sender.send((test, verdict));
                }
            });
        }
        drop(sender);
        receiver.iter().for_each(|(test, verdict)| told(test, verdict));
    });
}

fn carry_out(session: &super::Session, job: &Job) -> Result<()> {
    let mut scope = session.scope(job)?;
    engine::on_script_thread(&session.clock, || {
        engine::run_script(&session.engine, &job.script.source, &job.script.text, &mut scope).map(drop)
    })?
}

/// A test may do everything: its clusters are in memory.
fn job(file: &Script) -> Result<Job> {
    let mut header = file.header()?;
    header.needs = Needs { exec: vec!["*".into()], reveal: true, ..Needs::typed().writing() };
    Ok(Job::new(file.clone(), header, Values::default(), Style::default()).run_by(Way::Test))
}
