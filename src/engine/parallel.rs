//! `parallel(list, |item| …)`: a closure per item, each on its own thread.
//!
//! Each closure gets a snapshot of what it captured: it sees the values as they were at the call, and what it changes
//! stays its own. Results come back in the order of the list. When some fail, the others are awaited, since a change
//! that is under way must not be cut off, no further ones begin, and all failures are reported.

use super::bridge::panicked;
use super::errors;
use super::inside::Inside;
use super::register::located;
use super::value::{as_object, type_name, with_article};
use crate::clock::Working;
use crate::failure::{Failure, Kind};
use crate::here;
use crate::object::{Node, Object};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};
use std::any::TypeId;
use std::ops::{Range, RangeInclusive};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

type Outcome = Result<Dynamic, Box<EvalAltResult>>;

/// How many items are worked on at once.
const AT_ONCE: usize = 16;

/// Address space for the stack of one thread; a closure's calls meet the engine's limits well before its end.
const STACK: usize = 128 << 20;

/// One call: the closure, and its arguments.
struct Job {
    closure: FnPtr,
    args: Vec<Dynamic>,
}

/// Makes `parallel` known to scripts.
pub(super) fn register(engine: &mut Engine, inside: &Arc<Inside>) {
    for count in 0..=3 {
        let inside = inside.clone();
        engine.register_raw_fn("parallel", vec![TypeId::of::<Dynamic>(); count], move |context, args| {
            let args: Vec<_> = args.iter().map(|arg| snapshot(arg)).collect();
            let results = jobs(&args).map_err(Into::into).and_then(|jobs| run(&context, &inside, jobs));
            results.map(Dynamic::from).map_err(|error| located(error, &context))
        });
    }
}

fn jobs(args: &[Dynamic]) -> Result<Vec<Job>, Failure> {
    match args {
        [closures] if closures.is_array() => {
            closures.clone().into_array().unwrap_or_default().into_iter().map(alone).collect()
        }
        [items, closure] => {
            let closure = closure.clone().try_cast::<FnPtr>().ok_or_else(|| wrong("2nd", "a closure", closure))?;
            refuse_too_many(items)?;
            let items = items_of(items).ok_or_else(|| wrong("1st", "a list, a range or a map", items))?;
            Ok(items.into_iter().map(|args| Job { closure: closure.clone(), args }).collect())
        }
        _ => Err(usage("parallel takes a list and a closure")),
    }
}

fn alone(closure: Dynamic) -> Result<Job, Failure> {
    let found = with_article(type_name(&closure));
    let closure = closure.try_cast::<FnPtr>();
    let closure = closure.ok_or_else(|| usage(format!("parallel: a list alone must hold closures, not {found}")))?;
    Ok(Job { closure, args: Vec::new() })
}

fn wrong(which: &str, wants: &str, got: &Dynamic) -> Failure {
    usage(format!("parallel: the {which} argument must be {wants}, not {}", with_article(type_name(got))))
}

fn usage(message: impl Into<String>) -> Failure {
    Failure::usage(message).hint("parallel(list, |item| …), parallel(map, |key, value| …) or parallel([|| …, || …])")
}

/// No list can be longer than the engine's longest; a range may, and its numbers would fill the memory before any
/// work begins.
fn refuse_too_many(items: &Dynamic) -> Result<(), Failure> {
    let length = |start: i64, end: i64| end.saturating_sub(start);
    let exclusive = items.read_lock::<Range<i64>>().map(|range| length(range.start, range.end));
    let inclusive =
        items.read_lock::<RangeInclusive<i64>>().map(|range| length(*range.start(), *range.end()).saturating_add(1));
    match exclusive.or(inclusive).and_then(|count| usize::try_from(count).ok()) {
        Some(count) if count > super::limits::LONGEST_LIST => Err(usage(format!(
            "parallel: {count} items are more than a list may hold ({})",
            super::limits::LONGEST_LIST
        ))),
        _ => Ok(()),
    }
}

/// The closure's arguments for each item: the item, or key and value of a map.
fn items_of(items: &Dynamic) -> Option<Vec<Vec<Dynamic>>> {
    if let Ok(list) = items.as_array_ref() {
        return Some(list.iter().map(|item| vec![item.clone()]).collect());
    }
    if let Ok(map) = items.as_map_ref() {
        return Some(map.iter().map(|(key, value)| vec![key.as_str().into(), value.clone()]).collect());
    }
    if let Some(range) = items.read_lock::<Range<i64>>() {
        return Some(range.clone().map(|item| vec![item.into()]).collect());
    }
    if let Some(range) = items.read_lock::<RangeInclusive<i64>>() {
        return Some(range.clone().map(|item| vec![item.into()]).collect());
    }
    let object = as_object(items)?;
    match &object.node {
        Node::Array(_) => Some(super::objects::items(&object).into_iter().map(|item| vec![item]).collect()),
        Node::Map(map) => Some(map.0.iter().map(|(key, node)| vec![key.to_string().into(), part(node)]).collect()),
        _ => None,
    }
}

fn part(node: &Node) -> Dynamic {
    match node {
        Node::Array(_) | Node::Map(_) => Dynamic::from(Object::new(node.clone())),
        scalar => super::value::from_node(scalar),
    }
}

/// A copy that shares no variable with its original: closures keep the values they captured.
fn snapshot(value: &Dynamic) -> Dynamic {
    let mut value = value.flatten_clone();
    if let Some(mut closure) = value.write_lock::<FnPtr>() {
        let captured: Vec<_> = closure.curry().iter().map(snapshot).collect();
        closure.set_curry(captured);
    } else if let Ok(mut items) = value.as_array_mut() {
        items.iter_mut().for_each(|item| *item = snapshot(item));
    } else if let Ok(mut map) = value.as_map_mut() {
        map.values_mut().for_each(|item| *item = snapshot(item));
    }
    value
}

fn run(context: &NativeCallContext, inside: &Inside, jobs: Vec<Job>) -> Result<Array, Box<EvalAltResult>> {
    let outcomes = on_threads(context, inside, &jobs)?;
    let source = context.call_source().unwrap_or_default();
    let begun = outcomes.iter().flatten().count();
    let failed = outcomes.iter().flatten().filter(|outcome| outcome.is_err()).count();
    if failed == 0 && begun == jobs.len() {
        return outcomes.into_iter().flatten().collect();
    }
    let mut errors: Vec<_> = outcomes.into_iter().flatten().filter_map(Result::err).collect();
    if errors.is_empty() {
        return Err(super::bridge::cancelled().into());
    }
    if let Some(at) = errors.iter().position(|error| !error.is_catchable()) {
        return Err(errors.swap_remove(at));
    }
    if begun == jobs.len() && failed == 1 {
        return Err(errors.remove(0));
    }
    let mut failures: Vec<_> = errors.iter().map(|error| errors::failure(context.engine(), error, source)).collect();
    failures.sort_by_key(|failure| rank(failure.kind));
    let mut failures = failures.into_iter();
    let first = failures.next().unwrap_or_else(super::bridge::cancelled);
    let others = failures.filter(|other| other.to_string() != first.to_string()).collect::<Vec<_>>();
    let failure = others.iter().fold(first, |failure, other| failure.detail(format!("also: {other}")));
    let left = jobs.len() - begun;
    Err(if left == 0 { failure } else { failure.detail(format!("not begun: {left} of {}", jobs.len())) }.into())
}

/// Of several failures the first is told in full, and decides what the run ends with: one that waiting does not heal
/// rather than one that may be gone the next time.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Usage | Kind::Rights => 0,
        Kind::Forbidden | Kind::Unauthorized => 1,
        Kind::Unreachable | Kind::Server | Kind::Timeout => 3,
        _ => 2,
    }
}

/// The outcomes in order; `None` where work did not begin because other work had failed.
fn on_threads(
    context: &NativeCallContext,
    inside: &Inside,
    jobs: &[Job],
) -> Result<Vec<Option<Outcome>>, Box<EvalAltResult>> {
    #[expect(deprecated, reason = "Rhai marks this type as volatile; the version is pinned")]
    let stored = context.store_data();
    let engine = context.engine();
    let pool = Pool::new(jobs);
    let clock = &inside.bridge.clock;
    let (turn, bounds) = (here::turn(), here::bounds());
    let _seats = Seats::take(&inside.threads, pool.threads)?;
    // Before the threads start: simulated time must not pass until all of them do.
    let guards: Vec<_> = (0..pool.threads).map(|_| clock.working()).collect();
    let (left, last) = (AtomicUsize::new(pool.threads), Mutex::new(None));
    let work = |first: usize, working: Working| {
        let _bounds = here::within(bounds);
        #[expect(deprecated, reason = "see above")]
        pool.work(&stored.create_context(engine), first, &turn);
        // The last one works on, for the clock, until this thread does again.
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(working);
        }
    };
    let waiting = clock.waiting();
    std::thread::scope(|scope| -> std::io::Result<()> {
        for (first, working) in guards.into_iter().enumerate() {
            let thread = std::thread::Builder::new().name("parallel".into()).stack_size(STACK);
            let work = &work;
            thread.spawn_scoped(scope, move || work(first, working))?;
        }
        Ok(())
    })
    .map_err(|e| Failure::internal(format!("cannot start a thread: {e}")))?;
    drop((waiting, last));
    Ok(pool.outcomes())
}

/// Threads that one engine has at once in all; `parallel` within `parallel` multiplies them.
const MOST_THREADS: usize = 512;

/// Some of these threads; given back when dropped.
struct Seats<'c>(&'c AtomicUsize, usize);

impl Seats<'_> {
    fn take(taken: &AtomicUsize, wanted: usize) -> Result<Seats<'_>, Failure> {
        let seats = Seats(taken, wanted);
        match taken.fetch_add(wanted, Ordering::SeqCst) + wanted {
            ..=MOST_THREADS => Ok(seats),
            _ => Err(Failure::new(
                Kind::Script,
                format!("`parallel` within `parallel` takes more than {MOST_THREADS} threads"),
            )
            .hint("does a function here call itself by `parallel`?")),
        }
    }
}

impl Drop for Seats<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

/// The jobs and what became of them.
struct Pool<'j> {
    jobs: &'j [Job],
    threads: usize,
    outcomes: Vec<Mutex<Option<Outcome>>>,
    next: AtomicUsize,
    failed: AtomicBool,
}

impl Pool<'_> {
    fn new(jobs: &[Job]) -> Pool<'_> {
        let threads = jobs.len().min(AT_ONCE);
        let outcomes = jobs.iter().map(|_| Mutex::new(None)).collect();
        Pool { jobs, threads, outcomes, next: AtomicUsize::new(threads), failed: AtomicBool::new(false) }
    }

    /// What one thread does: its first job in any case, then others until one has failed anywhere.
    fn work(&self, context: &NativeCallContext, first: usize, turn: &[usize]) {
        let mut index = first;
        while let Some(job) = self.jobs.get(index) {
            here::begin([turn, &[index]].concat());
            let outcome = call(context, job);
            self.failed.fetch_or(outcome.is_err(), Ordering::SeqCst);
            *self.outcomes[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            if self.failed.load(Ordering::SeqCst) {
                return;
            }
            index = self.next.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn outcomes(self) -> Vec<Option<Outcome>> {
        let taken = self.outcomes.into_iter().map(|outcome| outcome.into_inner());
        taken.map(|outcome| outcome.unwrap_or_else(PoisonError::into_inner)).collect()
    }
}

fn call(context: &NativeCallContext, job: &Job) -> Outcome {
    let call = AssertUnwindSafe(|| job.closure.call_within_context::<Dynamic>(context, job.args.clone()));
    match std::panic::catch_unwind(call) {
        Ok(outcome) => outcome.map(Dynamic::flatten),
        Err(panic) => Err(panicked(&*panic).into()),
    }
}

/// The engine must be shareable between threads.
const _: fn() = || {
    fn shareable<T: Send + Sync>() {}
    shareable::<Engine>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_longer_than_any_list_is_refused_before_it_is_collected() {
        for range in [Dynamic::from(0..i64::MAX), Dynamic::from(i64::MIN..=i64::MAX), Dynamic::from(0..1_000_001_i64)] {
            let failure = refuse_too_many(&range).expect_err("too many");
            assert!(failure.message.contains("more than a list may hold"), "{failure}");
        }
        let (most, none) = (i64::MAX, 0_i64);
        for range in [Dynamic::from(0..1_000_000_i64), Dynamic::from(most..=none), Dynamic::from(most..none)] {
            refuse_too_many(&range).expect("not too many");
        }
    }
}
