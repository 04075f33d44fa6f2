//! One writing run at a time on a cluster: a lease in each, renewed while the run lasts, given back at its end.
//!
//! A lease expires by itself. One whose holder is certainly gone, a process of this machine that has ended, is taken
//! over at once.

use super::record::is_alive;
use super::screen::Screen;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::lease::{DURATION, Lease};
use crate::engine::Cancel;
use crate::failure::{Failure, Kind, Result};
use crate::primitives::host::Level;
use futures::future::join_all;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Who holds a lease: `user@host/PID-NAMESPACE/PID/RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    who: String,
    /// Processes have the same numbers in other containers of a host.
    space: String,
    pid: u32,
    run: String,
}

impl Holder {
    /// This process, for a run.
    pub fn here(run: &str) -> Holder {
        let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()).unwrap_or_default();
        let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let space: String = space.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        let who = [user, host].iter().map(|part| part.replace(['/', '@'], "-")).collect::<Vec<_>>().join("@");
        Holder { who, space, pid: std::process::id(), run: run.to_owned() }
    }

    /// The holder that a lease names, when it is a run of meshwright.
    fn parse(text: &str) -> Option<Holder> {
        let [who, space, pid, run] = text.split('/').collect::<Vec<_>>().try_into().ok()?;
        Some(Holder { who: who.to_owned(), space: space.to_owned(), pid: pid.parse().ok()?, run: run.to_owned() })
    }

    fn is_where(&self, other: &Holder) -> bool {
        let host = |holder: &Holder| holder.who.rsplit('@').next().map(str::to_owned);
        host(self) == host(other) && self.space == other.space
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{}", self.who, self.space, self.pid, self.run)
    }
}

/// What the leases of a run need to know of it.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) holder: Holder,
    pub(super) clock: Clock,
    pub(super) cancel: Cancel,
    pub(super) screen: Arc<Screen>,
}

/// The leases of a run.
pub(super) struct Leases {
    around: Around,
    held: Vec<(Cluster, JoinHandle<()>)>,
    lost: Arc<Mutex<Option<Failure>>>,
}

impl Leases {
    /// Takes the lease of each of these clusters. A cluster that keeps no leases is told, and the run goes on. Call it
    /// inside the run's runtime.
    ///
    /// # Errors
    /// `Conflict` when another run works there; `Unreachable` and `Unauthorized` as clusters say it.
    pub(super) async fn take(clusters: Vec<Cluster>, around: Around) -> Result<Leases> {
        let taken = join_all(clusters.iter().map(|cluster| take(cluster, &around))).await;
        let mut leases = Leases { around, held: Vec::new(), lost: Arc::default() };
        let mut refused: Option<Failure> = None;
        for (cluster, taken) in clusters.into_iter().zip(taken) {
            match taken {
                Ok(lease) => leases.keep(cluster, lease),
                Err(failure) if is_fatal(&failure) => {
                    refused = Some(match refused {
                        None => failure,
                        Some(first) => Failure::detail(first, format!("also: {failure}")),
                    });
                }
                Err(failure) => {
                    let line = format!("{cluster}: no lease keeps other runs away: {}", failure.message);
                    leases.around.screen.say(Level::Info, &line);
                }
            }
        }
        let Some(failure) = refused else { return Ok(leases) };
        leases.give_back().await;
        Err(failure)
    }

    fn keep(&mut self, cluster: Cluster, lease: Lease) {
        let (around, lost, kept) = (self.around.clone(), self.lost.clone(), cluster.clone());
        let task = tokio::spawn(async move {
            let failure = keep(&kept, lease, &around).await;
            around.screen.say(Level::Warning, &failure.to_string());
            *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            around.cancel.cancel();
        });
        self.held.push((cluster, task));
    }

    /// Gives them back; the failure of a run that has lost one.
    pub(super) async fn give_back(self) -> Option<Failure> {
        self.held.iter().for_each(|(_, task)| task.abort());
        let holder = self.around.holder.to_string();
        // What cannot be given back expires: a run that is over must not wait for it.
        let given = join_all(self.held.iter().map(|(cluster, _)| cluster.drop_lease(&holder)));
        let _ = self.around.clock.timeout(Duration::from_secs(2), given).await;
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn is_fatal(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Conflict | Kind::Unreachable | Kind::Unauthorized)
}

/// Takes the lease of a cluster, from whoever is gone.
async fn take(cluster: &Cluster, around: &Around) -> Result<Lease> {
    let me = around.holder.to_string();
    // Somebody may be faster, or an answer be lost: what is there then tells.
    for _ in 0..4 {
        let taken = match cluster.lease().await? {
            None => cluster.make_lease(&me, now(around)).await,
            Some(lease) if lease.holder() == me => return Ok(lease),
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

/// Renews a lease until somebody else has it; the failure of the run then.
async fn keep(cluster: &Cluster, mut lease: Lease, around: &Around) -> Failure {
    let me = around.holder.to_string();
    loop {
        around.clock.sleep(DURATION / 3).await;
        let renewed = match cluster.renew_lease(&lease, now(around)).await {
            Err(failure) if matches!(failure.kind, Kind::Conflict | Kind::NotFound) => cluster.lease().await,
            renewed => renewed.map(Some),
        };
        match renewed {
            Ok(Some(now)) if now.holder() == me => lease = now,
            Ok(Some(now)) if !now.holder().is_empty() => {
                let failure = held_by(Holder::parse(now.holder()), &now).on_cluster(cluster.name());
                let message = format!("this run has lost its lease and ends: {}", failure.message);
                return Failure { message, ..failure };
            }
            // Somebody has removed it.
            Ok(_) => {
                if let Ok(made) = take(cluster, around).await {
                    lease = made;
                }
            }
            // The next try may find the cluster again; nobody takes the lease before it expires.
            Err(_) => {}
        }
    }
}

/// What time it is, in the run's time.
fn now(around: &Around) -> jiff::Timestamp {
    static START: std::sync::OnceLock<jiff::Timestamp> = std::sync::OnceLock::new();
    if !around.clock.is_simulated() {
        return jiff::Timestamp::now();
    }
    *START.get_or_init(jiff::Timestamp::now) + around.clock.now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::layers::{MemoryJournal, Rights, Settings};
    use crate::rehearsal::{Effect, Fault, World};
    use crate::run::screen::Style;
    use serde_json::json;

    struct Scene {
        world: World,
        clock: Clock,
        journal: Arc<MemoryJournal>,
    }

    impl Scene {
        fn new(clock: Clock) -> Scene {
            Scene { world: World::new(clock.clone(), &["east"]), clock, journal: Arc::default() }
        }

        fn cluster(&self) -> Cluster {
            let server = self.world.server("east").expect("east");
            let settings = Settings::new("east", &server.url(), self.clock.clone());
            let (rights, journal) = (Rights::read_only(), self.journal.clone());
            Cluster::over(server.transport(), Settings { rights, journal, ..settings })
        }

        fn around(&self, who: &str, pid: u32, run: &str) -> Around {
            let style = Style { quiet: true, ..Style::default() };
            Around {
                holder: Holder { who: who.into(), space: "1".into(), pid, run: run.into() },
                clock: self.clock.clone(),
                cancel: Cancel::default(),
                screen: Arc::new(Screen::new(style, self.clock.clone(), Default::default())),
            }
        }

        async fn take(&self, around: &Around) -> Result<Leases> {
            Leases::take(vec![self.cluster()], around.clone()).await
        }

        fn holder(&self) -> Option<String> {
            let lease = self.world.server("east")?.get("Lease", Some("kube-system"), "meshwright")?;
            lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_second_run_is_told_who_works_there_until_the_first_ends() {
        crate::clock::simulated(async |clock| {
            let scene = Scene::new(clock.clone());
            let (first, second) = (scene.around("anna@a", 7, "one"), scene.around("bert@b", 8, "two"));
            let held = scene.take(&first).await.expect("free");
            // Long after it would have expired, had nobody renewed it.
            clock.sleep(5 * MINUTE).await;
            let failure = scene.take(&second).await.map(drop).expect_err("held");
            assert_eq!((failure.kind, failure.cluster.as_deref()), (Kind::Conflict, Some("east")));
            assert!(failure.message.contains("run one of anna@a (process 7), since 20"), "{}", failure.message);
            assert!(failure.hint.expect("hint").contains("60 s"));
            assert!(held.give_back().await.is_none());
            assert_eq!(scene.holder(), None);
            scene.take(&second).await.expect("free again");
            assert!(scene.journal.intents().is_empty(), "no change of a script");
        });
    }

    #[test]
    fn an_expired_lease_is_taken_over_and_a_fresh_one_is_not() {
        crate::clock::simulated(async |clock| {
            let scene = Scene::new(clock.clone());
            let (first, second) = (scene.around("anna@a", 7, "one"), scene.around("bert@b", 8, "two"));
            let held = scene.take(&first).await.expect("free");
            // The machine has lost its power.
            held.held.iter().for_each(|(_, task)| task.abort());
            clock.sleep(Duration::from_secs(55)).await;
            scene.take(&second).await.map(drop).expect_err("not yet");
            clock.sleep(Duration::from_secs(10)).await;
            scene.take(&second).await.expect("expired");
            assert_eq!(scene.holder(), Some(second.holder.to_string()));
        });
    }

    #[test]
    fn a_process_of_this_machine_that_is_gone_holds_nothing() {
        crate::clock::simulated(async |clock| {
            let mut child = std::process::Command::new("true").spawn().expect("started");
            child.wait().expect("ended");
            let scene = Scene::new(clock.clone());
            let dead = scene.around("anna@a", child.id(), "one");
            let held = scene.take(&dead).await.expect("free");
            held.held.iter().for_each(|(_, task)| task.abort());
            let elsewhere = scene.around("anna@b", 8, "two");
            scene.take(&elsewhere).await.map(drop).expect_err("nobody there knows whether it is gone");
            let alive = scene.around("bert@a", 8, "two");
            scene.take(&alive).await.expect("taken over at once");
            assert_eq!(scene.holder(), Some(alive.holder.to_string()));
        });
    }

    #[test]
    fn a_cluster_that_keeps_no_leases_is_used_all_the_same() {
        crate::clock::simulated(async |clock| {
            for code in [403, 404] {
                let scene = Scene::new(clock.clone());
                let server = scene.world.server("east").expect("east");
                let refused = Effect::Status { code, retry_after: None };
                server.faults().inject(Fault::new(refused).path("/leases"));
                let held = scene.take(&scene.around("anna@a", 7, "one")).await.expect("goes on");
                assert!(held.held.is_empty(), "{code}");
            }
        });
    }

    #[test]
    fn a_run_that_has_lost_its_lease_ends() {
        crate::clock::simulated(async |clock| {
            let scene = Scene::new(clock.clone());
            let around = scene.around("anna@a", 7, "one");
            let held = scene.take(&around).await.expect("free");
            scene.world.server("east").expect("east").put(json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": "meshwright", "namespace": "kube-system"},
                "spec": {"holderIdentity": "bert@b/1/8/two", "leaseDurationSeconds": 60},
            }));
            clock.sleep(MINUTE / 2).await;
            assert!(around.cancel.is_cancelled());
            let failure = held.give_back().await.expect("lost");
            assert!(failure.message.contains("lost its lease") && failure.message.contains("run two"), "{failure:?}");
            assert_eq!(scene.holder().as_deref(), Some("bert@b/1/8/two"), "it is not ours to give back");
        });
    }

    #[test]
    fn two_contexts_of_one_cluster_are_one_run() {
        crate::clock::simulated(async |clock| {
            let scene = Scene::new(clock.clone());
            let both = vec![scene.cluster(), scene.cluster()];
            let held = Leases::take(both, scene.around("anna@a", 7, "one")).await.expect("both");
            assert_eq!(held.held.len(), 2);
            assert!(held.give_back().await.is_none());
            assert_eq!(scene.holder(), None);
        });
    }

    #[test]
    fn holders_are_read_as_they_are_written() {
        let here = Holder::here("abc");
        assert_eq!(Holder::parse(&here.to_string()), Some(here));
        assert_eq!(Holder::parse("somebody"), None);
    }
}
