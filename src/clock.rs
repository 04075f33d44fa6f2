//! Time, real or simulated.
//!
//! Everything that waits takes its time from a [`Clock`]: deadlines, poll intervals, the rehearsal's controllers. The
//! real clock is tokio's. The simulated clock stands still while anybody works and jumps to the next timer as soon as
//! everybody waits, so that a rehearsed rollout takes its forty seconds in a few milliseconds and in the right order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
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
    /// Script threads that are working rather than waiting.
    busy: AtomicUsize,
    /// Grows with every request, store change and timer; the clock jumps only after it stood still.
    activity: AtomicU64,
    /// Grows whenever a script thread begins or ends to wait.
    turns: AtomicU64,
    /// When set, simulated time also advances with real time from that moment on.
    realtime: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Timers {
    now: Duration,
    next_id: u64,
    pending: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
}

/// How long nothing must happen before a simulated clock jumps.
const QUIET: Duration = Duration::from_micros(300);

impl Clock {
    /// Wall-clock time.
    pub fn real() -> Clock {
        Clock(Source::Real(Instant::now()))
    }

    /// A simulated clock. Call [`Clock::drive`] on a runtime to make it move.
    pub fn simulated() -> Clock {
        Clock(Source::Simulated(Arc::new(Simulation {
            timers: Mutex::default(),
            busy: AtomicUsize::new(0),
            activity: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            realtime: Mutex::new(None),
        })))
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
                let id_and_timer = simulation.arm(duration);
                let disarm = Disarm { simulation, key: id_and_timer.0 };
                let _ = id_and_timer.1.await;
                drop(disarm);
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

    /// Tells a simulated clock that something is going on: a request, a change, an event delivered.
    pub fn touch(&self) {
        if let Source::Simulated(simulation) = &self.0 {
            simulation.activity.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// While the guard lives, a simulated clock stands still. Script threads hold one whenever they run script code.
    pub fn working(&self) -> Working {
        Working::new(self, 1)
    }

    /// While the guard lives, this working thread only waits. Used around awaiting and joining.
    pub fn waiting(&self) -> Working {
        Working::new(self, -1)
    }

    /// From now on simulated time also passes by itself, as a user at a prompt expects.
    pub fn follow_real_time(&self) {
        if let Source::Simulated(simulation) = &self.0
            && let Ok(mut since) = simulation.realtime.lock()
        {
            since.get_or_insert_with(Instant::now);
        }
    }

    /// Moves a simulated clock for as long as it has other owners; returns at once for the real clock.
    pub async fn drive(self) {
        let Source::Simulated(simulation) = self.0 else { return };
        let (mut seen, mut turns, mut jumps) = (u64::MAX, 0, 0u32);
        while Arc::strong_count(&simulation) > 1 {
            // On a loaded machine a script thread may be due and not scheduled yet: the longer none had its turn, the
            // slower time runs, so that deadlines do not pass meanwhile.
            tokio::time::sleep(QUIET * (1 + jumps / 8)).await;
            let activity = simulation.activity.load(Ordering::SeqCst);
            let quiet = activity == seen && simulation.busy.load(Ordering::SeqCst) == 0;
            seen = activity;
            let turns_now = simulation.turns.load(Ordering::SeqCst);
            if turns_now != turns {
                (turns, jumps) = (turns_now, 0);
            }
            match simulation.real_time_passed() {
                Some(passed) => simulation.advance(passed),
                None if quiet => {
                    simulation.jump();
                    jumps = jumps.saturating_add(1);
                }
                None => {}
            }
        }
    }
}

impl Simulation {
    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn arm(&self, duration: Duration) -> ((Duration, u64), oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut timers = self.timers();
        timers.next_id += 1;
        let key = (timers.now + duration, timers.next_id);
        timers.pending.insert(key, sender);
        (key, receiver)
    }

    fn jump(&self) {
        let mut timers = self.timers();
        if let Some(((due, _), sender)) = timers.pending.pop_first() {
            timers.now = timers.now.max(due);
            let _ = sender.send(());
            self.activity.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn real_time_passed(&self) -> Option<Duration> {
        let mut since = self.realtime.lock().ok()?;
        let start = since.as_mut()?;
        let passed = start.elapsed();
        *start = Instant::now();
        Some(passed)
    }

    fn advance(&self, passed: Duration) {
        let mut timers = self.timers();
        timers.now += passed;
        let now = timers.now;
        while let Some(entry) = timers.pending.first_entry()
            && entry.key().0 <= now
        {
            let _ = entry.remove().send(());
        }
    }
}

/// Removes a timer whose sleeper went away.
struct Disarm<'a> {
    simulation: &'a Simulation,
    key: (Duration, u64),
}

impl Drop for Disarm<'_> {
    fn drop(&mut self) {
        self.simulation.timers().pending.remove(&self.key);
    }
}

/// See [`Clock::working`] and [`Clock::waiting`].
pub struct Working {
    simulation: Option<Arc<Simulation>>,
    step: isize,
}

impl Working {
    fn new(clock: &Clock, step: isize) -> Working {
        let simulation = match &clock.0 {
            Source::Real(_) => None,
            Source::Simulated(simulation) => Some(simulation.clone()),
        };
        let working = Working { simulation, step };
        working.add(step);
        working
    }

    fn add(&self, step: isize) {
        let Some(simulation) = &self.simulation else { return };
        if step > 0 {
            simulation.busy.fetch_add(1, Ordering::SeqCst);
        } else {
            let _ = simulation.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n.saturating_sub(1)));
        }
        simulation.activity.fetch_add(1, Ordering::SeqCst);
        if self.step < 0 {
            simulation.turns.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.add(-self.step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn simulated_time_jumps_in_order_when_everybody_waits() {
        let clock = Clock::simulated();
        tokio::spawn(clock.clone().drive());
        let start = Instant::now();
        let (late, soon) = (clock.clone(), clock.clone());
        let order = Arc::new(Mutex::new(Vec::new()));
        let (a, b) = (order.clone(), order.clone());
        tokio::join!(
            async move {
                late.sleep(Duration::from_secs(3600)).await;
                a.lock().expect("lock").push("late");
            },
            async move {
                soon.sleep(Duration::from_secs(5)).await;
                b.lock().expect("lock").push("soon");
            },
        );
        assert_eq!(*order.lock().expect("lock"), ["soon", "late"]);
        assert_eq!(clock.now(), Duration::from_secs(3600));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn simulated_time_stands_still_while_somebody_works() {
        let clock = Clock::simulated();
        tokio::spawn(clock.clone().drive());
        let working = clock.working();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(1)).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(clock.now(), Duration::ZERO);
        drop(working);
        sleeper.await.expect("sleeper");
        assert_eq!(clock.now(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_timeout_ends_what_takes_too_long() {
        let clock = Clock::simulated();
        tokio::spawn(clock.clone().drive());
        assert_eq!(clock.timeout(Duration::from_secs(9), std::future::pending::<()>()).await, None);
        assert_eq!(clock.timeout(Duration::from_secs(9), async { 7 }).await, Some(7));
    }
}
