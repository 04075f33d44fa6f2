//! Changes that are under way, whether or not anybody still waits for them.

use super::Settings;
use crate::clock::Clock;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long a change that was sent may go on when nobody waits for it any more: what came of it should be known.
const GRACE: Duration = Duration::from_secs(2);

/// Counts the changes of a run that are under way; clones share the count.
#[derive(Clone, Default)]
pub struct Flights(Arc<watch::Sender<usize>>);

impl Flights {
    /// One more is under way while the guard lives.
    pub(super) fn begin(&self) -> Flight {
        self.0.send_modify(|count| *count += 1);
        Flight(self.clone())
    }

    /// Returns when none is under way.
    pub async fn landed(&self) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A change under way.
pub(super) struct Flight(Flights);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

type Change<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A change that goes on for a while when it is dropped.
pub(super) struct Airborne<T: Send + 'static> {
    /// `None` once it has landed.
    change: Option<Change<T>>,
    /// Set when it is dropped: what has not been sent yet is not sent.
    forgotten: Arc<AtomicBool>,
    runtime: Option<Handle>,
    clock: Clock,
}

impl<T: Send + 'static> Airborne<T> {
    /// This change, counted among those of the run; it looks at `forgotten` before it is sent.
    pub(super) fn new(
        change: impl Future<Output = T> + Send + 'static,
        forgotten: Arc<AtomicBool>,
        settings: &Settings,
    ) -> Airborne<T> {
        let flight = settings.flights.begin();
        let change: Change<T> = Box::pin(async move {
            let _flight = flight;
            change.await
        });
        let runtime = Handle::try_current().ok();
        Airborne { change: Some(change), forgotten, runtime, clock: settings.clock.clone() }
    }
}

impl<T: Send + 'static> Future for Airborne<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(change) = &mut self.change else { return Poll::Pending };
        let landed = change.as_mut().poll(context);
        if landed.is_ready() {
            self.change = None;
        }
        landed
    }
}

impl<T: Send + 'static> Drop for Airborne<T> {
    fn drop(&mut self) {
        self.forgotten.store(true, Ordering::SeqCst);
        let (Some(change), Some(runtime)) = (self.change.take(), &self.runtime) else { return };
        let clock = self.clock.clone();
        runtime.spawn(async move { clock.timeout(GRACE, change).await.map(drop) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn all_have_landed_when_the_last_one_has() {
        let flights = Flights::default();
        let (one, two) = (flights.begin(), flights.begin());
        drop(one);
        assert!(flights.landed().now_or_never().is_none());
        drop(two);
        assert!(flights.landed().now_or_never().is_some());
    }
}
