//! Taking a lease from whoever is gone, and renewing it.

use super::{Around, Holder};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::lease::{DURATION, Lease};
use crate::failure::{Failure, Kind, Result};
use crate::primitives::host::Level;
use crate::run::record::is_alive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Takes the lease of a cluster, from whoever is gone.
pub(super) async fn take(cluster: &Cluster, around: &Around) -> Result<Lease> {
    let me = around.holder.to_string();
    // Somebody may be faster, or an answer be lost: what is there then tells.
    for _ in 0..4 {
        let taken = match cluster.lease().await? {
            None => cluster.make_lease(&me, now(around)).await,
            // Made by a request whose answer was lost, or long ago: from now on it holds again.
            Some(lease) if lease.holder() == me => cluster.renew_lease(&lease, now(around)).await,
            Some(lease) => take_over(cluster, &lease, around).await,
        };
        match taken {
            Err(failure) if matches!(failure.kind, Kind::AlreadyExists | Kind::NotFound) => {}
            Err(failure) if failure.kind == Kind::Conflict && failure.hint.is_none() => {}
            Err(failure) if failure.kind == Kind::Unreachable => {}
            taken => return taken,
        }
    }
    cluster.lease().await?;
    Err(Failure::new(Kind::Conflict, "other runs take its lease at the same time").on_cluster(cluster.name()))
}

async fn take_over(cluster: &Cluster, lease: &Lease, around: &Around) -> Result<Lease> {
    let (me, now) = (around.holder.to_string(), now(around));
    let why = match Holder::parse(lease.holder()) {
        _ if lease.holder().is_empty() => None,
        Some(holder) if around.holder.is_where(&holder) && !is_alive(holder.pid) => {
            Some(format!("run {} of process {} has ended without giving its lease back", holder.run, holder.pid))
        }
        holder if cluster.lease_is_over(lease, now).await? => {
            let who = holder.map_or_else(|| lease.holder().to_owned(), |holder| told(&holder));
            Some(format!("{who} has not renewed its lease for {} s", DURATION.as_secs()))
        }
        holder => return Err(held_by(holder, lease).on_cluster(cluster.name())),
    };
    let taken = cluster.take_lease(lease, &me, now).await?;
    let why = why.map(|why| format!("{cluster}: took the lease over: {}", crate::plain::line(&why, 300)));
    why.iter().for_each(|line| around.screen.say(Level::Warning, line));
    Ok(taken)
}

fn told(holder: &Holder) -> String {
    format!("run {} of {} (process {})", holder.run, holder.who, holder.pid)
}

fn held_by(holder: Option<Holder>, lease: &Lease) -> Failure {
    let who = holder.map_or_else(|| lease.holder().to_owned(), |holder| told(&holder));
    let since = lease.since().get(..19).unwrap_or("an unknown time").replace('T', " ");
    let message = format!("another run works on this cluster: {who}, since {since} UTC");
    Failure::new(Kind::Conflict, crate::plain::line(&message, 300)).hint(format!(
        "wait until it ends, or end it, then repeat; the lease of a run that died expires after {} s",
        DURATION.as_secs()
    ))
}

/// When a lease was renewed last; clones share it.
#[derive(Clone)]
pub(super) struct Renewed(Arc<Mutex<Moment>>);

/// A moment by the run's clock and by the calendar: the clock stands still while the machine sleeps, and the calendar can
/// be set.
#[derive(Clone, Copy)]
struct Moment {
    clock: Duration,
    calendar: jiff::Timestamp,
}

impl Moment {
    fn now(clock: &Clock) -> Moment {
        Moment { clock: clock.now(), calendar: time(clock) }
    }

    /// How long it has been by whichever of the two has gone on further.
    fn until(self, later: Moment) -> Duration {
        let by_calendar = Duration::try_from(later.calendar.duration_since(self.calendar)).unwrap_or_default();
        later.clock.saturating_sub(self.clock).max(by_calendar)
    }
}

impl Renewed {
    pub(super) fn now(clock: &Clock) -> Renewed {
        Renewed(Arc::new(Mutex::new(Moment::now(clock))))
    }

    fn set(&self, clock: &Clock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Moment::now(clock);
    }

    /// Whether that is so long ago that another run may have taken it.
    pub(super) fn is_over(&self, clock: &Clock) -> bool {
        let renewed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.until(Moment::now(clock)) >= DURATION
    }
}

/// After a try that has failed, the next one comes so soon.
const AGAIN: Duration = Duration::from_secs(2);

/// Renews a lease until somebody else has it; the failure of the run then.
pub(super) async fn keep(cluster: &Cluster, mut lease: Lease, around: &Around, last: &Renewed) -> Failure {
    let me = around.holder.to_string();
    let mut pause = DURATION / 3;
    loop {
        around.clock.sleep(pause).await;
        pause = DURATION / 3;
        let renewed = match cluster.renew_lease(&lease, now(around)).await {
            Err(failure) if matches!(failure.kind, Kind::Conflict | Kind::NotFound) => cluster.lease().await,
            renewed => renewed.map(Some),
        };
        match renewed {
            Ok(Some(now)) if now.holder() == me => {
                last.set(&around.clock);
                lease = now;
            }
            Ok(Some(now)) if !now.holder().is_empty() => {
                let failure = held_by(Holder::parse(now.holder()), &now).on_cluster(cluster.name());
                let message = format!("this run has lost its lease and ends: {}", failure.message);
                return Failure { message, ..failure };
            }
            // Somebody has removed it.
            Ok(_) => {
                if let Ok(made) = take(cluster, around).await {
                    last.set(&around.clock);
                    lease = made;
                }
            }
            // The next try may find the cluster again; nobody takes the lease before it expires.
            Err(_) => pause = AGAIN,
        }
    }
}

/// What time it is, in the run's time.
fn now(around: &Around) -> jiff::Timestamp {
    time(&around.clock)
}

fn time(clock: &Clock) -> jiff::Timestamp {
    static START: std::sync::OnceLock<jiff::Timestamp> = std::sync::OnceLock::new();
    if !clock.is_simulated() {
        return jiff::Timestamp::now();
    }
    *START.get_or_init(jiff::Timestamp::now) + clock.now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_runs_out_while_the_machine_sleeps() {
        let at = |clock: u64, calendar: i64| Moment {
            clock: Duration::from_secs(clock),
            calendar: jiff::Timestamp::from_second(1_800_000_000 + calendar).expect("a time"),
        };
        let renewed = at(100, 0);
        assert!(renewed.until(at(101, 3_600)) >= DURATION, "an hour of sleep");
        assert!(renewed.until(at(170, -3_600)) >= DURATION, "the calendar was set back");
        assert!(renewed.until(at(110, 10)) < DURATION);
    }
}
