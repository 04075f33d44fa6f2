//! Time, real or simulated.
//!
//! Everything that waits takes its time from a [`Clock`]: deadlines, poll intervals, the rehearsal's controllers. The
//! real clock is tokio's. The simulated clock stands still while anybody works and jumps to the next timer as soon as
//! everybody waits, so that a rehearsed rollout takes its forty seconds in a few milliseconds and in the right order.
//!
//! Whether everybody waits is known, not guessed: all asynchronous work of a simulated clock runs on the one thread of
//! its [`Runtime`], which says when it has nothing left to do, and threads beside it are counted (see [`Busy`]).

mod busy;
mod runtime;

use busy::Busy;
pub use busy::Working;
pub use runtime::Runtime;
#[cfg(test)]
pub(crate) use runtime::simulated;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A source of time; clones share it.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    Real(Instant),
    Simulated(Arc<Simulation>),
}

struct Simulation {
    timers: Mutex<Timers>,
    busy: Arc<Busy>,
    /// Whether a runtime moves it.
    moves: AtomicBool,
    /// When set, time passes with real time from that moment on, this many times as fast (0: not at all), and jumps no
    /// more.
    pace: Mutex<Option<(Instant, u32)>>,
}

#[derive(Default)]
struct Timers {
    now: Duration,
    next_id: u64,
    pending: Pending,
    /// Timers for the sake of which time does not jump.
    along: Pending,
}

type Pending = BTreeMap<(Duration, u64), oneshot::Sender<()>>;

impl Timers {
    /// Takes out the timers that are due.
    fn due(&mut self) -> Vec<oneshot::Sender<()>> {
        let next = (self.now + Duration::from_nanos(1), 0);
        let mut due = Vec::new();
        for timers in [&mut self.pending, &mut self.along] {
            let later = timers.split_off(&next);
            due.extend(std::mem::replace(timers, later).into_values());
        }
        due
    }

    /// The place of a new timer.
    fn key(&mut self, duration: Duration) -> (Duration, u64) {
        self.next_id += 1;
        (self.now + duration, self.next_id)
    }

    fn next(&self) -> Option<Duration> {
        self.pending.keys().chain(self.along.keys()).map(|(due, _)| *due).min()
    }
}

impl Clock {
    /// Wall-clock time.
    pub fn real() -> Clock {
        Clock(Source::Real(Instant::now()))
    }

    /// A simulated clock. It moves while a [`Runtime`] of it lives.
    pub fn simulated() -> Clock {
        let (timers, busy, pace) = (Mutex::default(), Arc::default(), Mutex::new(None));
        Clock(Source::Simulated(Arc::new(Simulation { timers, busy, moves: AtomicBool::new(false), pace })))
    }

    /// Time since the clock was made.
    pub fn now(&self) -> Duration {
        match &self.0 {
            Source::Real(start) => start.elapsed(),
            Source::Simulated(simulation) => simulation.timers().now,
        }
    }

    /// Whether time is simulated.
    pub fn is_simulated(&self) -> bool {
        matches!(self.0, Source::Simulated(_))
    }

    /// Returns after `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Source::Real(_) => tokio::time::sleep(duration).await,
            Source::Simulated(simulation) => {
                debug_assert!(simulation.moves.load(Ordering::SeqCst), "nothing moves this clock: see Clock::runtime");
                let (key, timer) = simulation.arm(duration);
                let _disarm = Disarm { simulation, key };
                let _ = timer.await;
            }
        }
    }

    /// Returns when `duration` of this clock's time is over. Simulated time stops there on its way to the timers of others,
    /// and does not jump for the sake of this one alone: for what goes on for ever, and matters only while time passes anyway.
    pub async fn sleep_along(&self, duration: Duration) {
        match &self.0 {
            Source::Real(_) => tokio::time::sleep(duration).await,
            Source::Simulated(simulation) => {
                let (key, receiver) = simulation.arm_along(duration);
                let _disarm = Disarm { simulation, key };
                let _ = receiver.await;
            }
        }
    }

    /// The future's result, or `None` when `limit` passed first.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep(limit) => None,
        }
    }

    /// While the guard lives, simulated time stands still: a thread beside the runtime works. What the thread hands over
    /// at its end must be taken before the guard goes.
    pub fn working(&self) -> Working {
        Working::new(self.busy(), true)
    }

    /// While the guard lives, this working thread only waits for others that are counted themselves.
    pub fn waiting(&self) -> Working {
        Working::new(self.busy(), false)
    }

    /// Polls a future to its end on this thread, which counts as working except while the future waits. Only for
    /// working threads.
    pub fn block_on<F: Future>(&self, runtime: &tokio::runtime::Handle, future: F) -> F::Output {
        match &self.0 {
            Source::Real(_) => runtime.block_on(future),
            Source::Simulated(simulation) => {
                let _inside = runtime.enter();
                busy::block_on(&simulation.busy, future)
            }
        }
    }

    /// From now on simulated time stands still, until it follows real time: nothing happens while nobody looks.
    pub fn stand_still(&self) {
        let Source::Simulated(simulation) = &self.0 else { return };
        simulation.pace().get_or_insert_with(|| (Instant::now(), 0));
        simulation.busy.wake();
    }

    /// From now on simulated time passes by itself, `pace` times as fast as real time: for people at a prompt, and for
    /// programs that are not part of the rehearsal.
    pub fn follow_real_time(&self, pace: u32) {
        let Source::Simulated(simulation) = &self.0 else { return };
        let mut current = simulation.pace();
        if current.is_none_or(|(_, factor)| factor == 0) {
            *current = Some((Instant::now(), pace.max(1)));
        }
        drop(current);
        simulation.busy.wake();
    }

    fn busy(&self) -> Option<Arc<Busy>> {
        match &self.0 {
            Source::Real(_) => None,
            Source::Simulated(simulation) => Some(simulation.busy.clone()),
        }
    }
}

impl Simulation {
    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, Option<(Instant, u32)>> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arm(&self, duration: Duration) -> ((Duration, u64), oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut timers = self.timers();
        let key = timers.key(duration);
        timers.pending.insert(key, sender);
        (key, receiver)
    }

    fn arm_along(&self, duration: Duration) -> ((Duration, u64), oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut timers = self.timers();
        let key = timers.key(duration);
        timers.along.insert(key, sender);
        (key, receiver)
    }

    /// The runtime's thread has nothing to do.
    fn idle(&self) {
        if self.busy.rests() && self.pace().is_none() {
            self.jump();
        }
    }

    /// To the next timer; not at all when there are only such as go along.
    fn jump(&self) {
        let mut timers = self.timers();
        let Some((first, _)) = timers.pending.first_key_value().map(|(key, _)| *key) else { return };
        timers.now = timers.now.max(timers.next().unwrap_or(first));
        let pending = if first <= timers.now { timers.pending.pop_first() } else { None };
        let now = (timers.now + Duration::from_nanos(1), 0);
        let later = timers.along.split_off(&now);
        let along = std::mem::replace(&mut timers.along, later);
        drop(timers);
        for (_, sender) in pending.into_iter().chain(along) {
            let _ = sender.send(());
        }
    }

    /// Lets the real time pass that has passed; how much real time there is until the next timer, when time is paced.
    fn keep_pace(&self) -> Option<Duration> {
        let mut pace = self.pace();
        let (since, factor) = pace.as_mut()?;
        let passed = since.elapsed() * *factor;
        *since = Instant::now();
        let mut timers = self.timers();
        timers.now += passed;
        let now = timers.now;
        let due = timers.due();
        let next = timers.next().map_or(LONG, |due| due.saturating_sub(now) / (*factor).max(1));
        drop(timers);
        for sender in due {
            let _ = sender.send(());
        }
        Some(next.clamp(SHORT, LONG))
    }
}

/// How often paced time is looked at, at the least and at the most: timers can be armed meanwhile.
const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_millis(20);

/// Removes a timer whose sleeper went away.
struct Disarm<'a> {
    simulation: &'a Simulation,
    key: (Duration, u64),
}

impl Drop for Disarm<'_> {
    fn drop(&mut self) {
        let mut timers = self.simulation.timers();
        timers.pending.remove(&self.key);
        timers.along.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_time_jumps_in_order_when_everybody_waits() {
        let start = Instant::now();
        simulated(async |clock| {
            let order = Mutex::new(Vec::new());
            let nap = async |name, seconds| {
                clock.sleep(Duration::from_secs(seconds)).await;
                order.lock().expect("lock").push(name);
            };
            tokio::join!(nap("late", 3600), nap("soon", 5));
            assert_eq!(*order.lock().expect("lock"), ["soon", "late"]);
            assert_eq!(clock.now(), Duration::from_secs(3600));
        });
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn time_does_not_jump_for_who_only_goes_along() {
        simulated(async |clock| {
            let minute = Duration::from_secs(60);
            let along = clock.sleep_along(minute);
            tokio::pin!(along);
            let early = tokio::time::timeout(Duration::from_millis(20), &mut along).await;
            assert!(early.is_err() && clock.now() == Duration::ZERO);
            clock.sleep(2 * minute).await;
            along.await;
            assert_eq!(clock.now(), 2 * minute);
        });
    }

    #[test]
    fn time_that_jumps_passes_no_moment_of_who_goes_along() {
        simulated(async |clock| {
            let minute = Duration::from_secs(60);
            let along = async {
                for n in 1..=3 {
                    clock.sleep_along(minute).await;
                    assert_eq!(clock.now(), n * minute);
                }
            };
            tokio::join!(along, clock.sleep(5 * minute));
            assert_eq!(clock.now(), 5 * minute);
        });
    }

    #[test]
    fn time_that_was_stopped_passes_when_it_follows_real_time() {
        simulated(async |clock| {
            clock.stand_still();
            let nap = clock.sleep(Duration::from_millis(50));
            tokio::pin!(nap);
            let early = tokio::time::timeout(Duration::from_millis(40), &mut nap).await;
            assert!(early.is_err() && clock.now() == Duration::ZERO);
            clock.follow_real_time(1);
            nap.await;
            assert!(clock.now() >= Duration::from_millis(50));
        });
    }

    #[test]
    fn simulated_time_stands_still_while_somebody_works() {
        let clock = Clock::simulated();
        let runtime = clock.runtime().expect("runtime");
        let working = clock.working();
        let sleeper = runtime.handle().spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(1)).await }
        });
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(clock.now(), Duration::ZERO);
        drop(working);
        runtime.block_on(sleeper).expect("sleeper");
        assert_eq!(clock.now(), Duration::from_secs(1));
    }

    /// A thread that is woken is due at once, however late the machine lets it run.
    #[test]
    fn no_time_passes_between_a_thread_that_is_woken_and_its_turn() {
        let clock = Clock::simulated();
        let runtime = clock.runtime().expect("runtime");
        let second = Duration::from_secs(1);
        let working = clock.working();
        let others = clock.clone();
        runtime.handle().spawn(async move {
            loop {
                others.sleep(Duration::from_millis(7)).await;
            }
        });
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _working = working;
                for n in 1..500u32 {
                    clock.block_on(runtime.handle(), clock.sleep(second));
                    assert_eq!(clock.now(), second * n);
                    if n.is_multiple_of(50) {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                }
            });
        });
    }

    #[test]
    fn a_timeout_ends_what_takes_too_long() {
        simulated(async |clock| {
            assert_eq!(clock.timeout(Duration::from_secs(9), std::future::pending::<()>()).await, None);
            assert_eq!(clock.timeout(Duration::from_secs(9), async { 7 }).await, Some(7));
        });
    }

    #[test]
    fn paced_time_passes_by_itself() {
        let start = Instant::now();
        simulated(async |clock| {
            clock.follow_real_time(100);
            clock.sleep(Duration::from_secs(2)).await;
            assert!(clock.now() >= Duration::from_secs(2));
        });
        assert!(start.elapsed() >= Duration::from_millis(20));
    }
}
