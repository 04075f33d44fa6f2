//! What asynchronous work of a clock runs on.

use super::{Clock, Simulation, Source};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Rehearsed software is Rhai on the runtime's blocking threads.
const STACK: usize = 32 << 20;

/// How many threads compute what rehearsed software does: it never waits for others, and each thread that allocates keeps
/// memory of its own.
const THREADS: usize = 4;

/// A tokio runtime that keeps a clock: of several threads in real time, of one thread in simulated time. It ends when it
/// is dropped.
pub struct Runtime(Kind);

enum Kind {
    Real(tokio::runtime::Runtime),
    Simulated { handle: Handle, clock: Clock, end: Option<oneshot::Sender<()>>, thread: Option<JoinHandle<()>> },
}

impl Clock {
    /// A runtime for work in this clock's time. A simulated clock has one at a time.
    ///
    /// # Errors
    /// When the machine refuses threads or sockets.
    pub fn runtime(&self) -> std::io::Result<Runtime> {
        match &self.0 {
            Source::Real(_) => {
                let mut builder = Builder::new_multi_thread();
                Ok(Runtime(Kind::Real(builder.worker_threads(2).thread_stack_size(STACK).enable_all().build()?)))
            }
            Source::Simulated(simulation) => self.simulated_runtime(simulation.clone()),
        }
    }

    fn simulated_runtime(&self, simulation: Arc<Simulation>) -> std::io::Result<Runtime> {
        let idle = simulation.clone();
        simulation.moves.store(true, Ordering::SeqCst);
        let mut builder = Builder::new_current_thread();
        builder.thread_stack_size(STACK).max_blocking_threads(THREADS).enable_all();
        let runtime = builder.on_thread_park(move || idle.idle()).build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let work = move || {
            runtime.spawn(go_round(simulation));
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("rehearsal".into()).stack_size(STACK).spawn(work)?;
        Ok(Runtime(Kind::Simulated { handle, clock: self.clone(), end: Some(end), thread: Some(thread) }))
    }
}

/// A test in simulated time.
#[cfg(test)]
pub(crate) fn simulated<F: Future>(test: impl FnOnce(Clock) -> F) -> F::Output {
    let clock = Clock::simulated();
    let runtime = clock.runtime().expect("runtime");
    runtime.block_on(test(clock))
}

/// Keeps the thread going round, and paced time passing.
async fn go_round(simulation: Arc<Simulation>) {
    loop {
        match simulation.keep_pace() {
            None => simulation.busy.woken().await,
            Some(pause) => drop(tokio::time::timeout(pause, simulation.busy.woken()).await),
        }
    }
}

impl Runtime {
    /// What work is given to.
    pub fn handle(&self) -> &Handle {
        match &self.0 {
            Kind::Real(runtime) => runtime.handle(),
            Kind::Simulated { handle, .. } => handle,
        }
    }

    /// Runs a future to its end. Simulated time passes only while it waits.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Kind::Real(runtime) => runtime.block_on(future),
            Kind::Simulated { handle, clock, .. } => {
                let _working = clock.working();
                clock.block_on(handle, future)
            }
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let Kind::Simulated { end, thread, .. } = &mut self.0 else { return };
        drop(end.take());
        let thread = thread.take().filter(|thread| thread.thread().id() != std::thread::current().id());
        let _ = thread.map(JoinHandle::join);
    }
}
