//! Who works while simulated time stands still.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use tokio::sync::Notify;

/// Counts the threads beside the runtime that work, or are due to.
#[derive(Default)]
pub(super) struct Busy {
    working: AtomicUsize,
    /// Grows whenever a thread ends to work.
    turns: AtomicU64,
    /// `turns` when the runtime's thread last looked.
    seen: AtomicU64,
    look: Notify,
}

impl Busy {
    fn begin(&self) {
        self.working.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
        self.working.fetch_sub(1, Ordering::SeqCst);
        self.wake();
    }

    /// Whether nobody works and nothing is left to take up; asked by the runtime's thread when it has nothing to do.
    ///
    /// A thread may have handed something over just before it began to wait: after each turn the runtime goes round
    /// once more, and only the second answer counts.
    pub(super) fn rests(&self) -> bool {
        if self.working.load(Ordering::SeqCst) > 0 {
            return false;
        }
        let turns = self.turns.load(Ordering::SeqCst);
        let settled = self.seen.swap(turns, Ordering::SeqCst) == turns;
        if !settled {
            self.wake();
        }
        settled
    }

    /// Makes the runtime's thread go round once more.
    pub(super) fn wake(&self) {
        self.look.notify_one();
    }

    /// Returns when the runtime's thread was made to go round.
    pub(super) async fn woken(&self) {
        self.look.notified().await;
    }
}

/// See [`super::Clock::working`] and [`super::Clock::waiting`].
pub struct Working {
    busy: Option<Arc<Busy>>,
    works: bool,
}

impl Working {
    pub(super) fn new(busy: Option<Arc<Busy>>, works: bool) -> Working {
        let working = Working { busy, works };
        working.count(works);
        working
    }

    fn count(&self, begins: bool) {
        match &self.busy {
            Some(busy) if begins => busy.begin(),
            Some(busy) => busy.end(),
            None => {}
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.count(!self.works);
    }
}

/// Polls a future on this working thread; whoever wakes it has it counted as working again from that moment on.
pub(super) fn block_on<F: Future>(busy: &Arc<Busy>, future: F) -> F::Output {
    let sleeper = Arc::new(Sleeper { busy: busy.clone(), thread: std::thread::current(), state: AtomicU8::new(RUNS) });
    let waker = Waker::from(sleeper.clone());
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => sleeper.sleep(),
        }
    }
}

struct Sleeper {
    busy: Arc<Busy>,
    thread: Thread,
    state: AtomicU8,
}

const RUNS: u8 = 0;
const SLEEPS: u8 = 1;
const DUE: u8 = 2;

impl Sleeper {
    fn sleep(&self) {
        if self.state.compare_exchange(RUNS, SLEEPS, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.busy.end();
            while self.state.load(Ordering::SeqCst) == SLEEPS {
                std::thread::park();
            }
        }
        self.state.store(RUNS, Ordering::SeqCst);
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Counted before the thread can notice, so that the count never misses it.
        self.busy.begin();
        match self.state.swap(DUE, Ordering::SeqCst) {
            SLEEPS => self.thread.unpark(),
            _ => self.busy.end(),
        }
    }
}
