//! One writing run at a time on a cluster: a lease in each, renewed while the run lasts, given back at its end.
//!
//! A lease expires by itself. One whose holder is certainly gone, a process of this machine that has ended, is taken
//! over at once.

mod door;
mod holder;
mod taking;

pub(super) use door::Door;
pub use holder::Holder;

use super::screen::Screen;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::lease::Lease;
use crate::engine::Cancel;
use crate::failure::{Failure, Kind, Result};
use crate::primitives::host::Level;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;
use taking::{Renewed, keep, take};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// What the leases of a run need to know of it.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) holder: Holder,
    pub(super) clock: Clock,
    pub(super) cancel: Cancel,
    pub(super) screen: Arc<Screen>,
}

/// The leases of a run, or of all sessions of a prompt; clones share them.
#[derive(Clone, Default)]
pub(super) struct Leases(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whoever came first speaks for all.
    around: OnceLock<Around>,
    /// By context. Locked while leases are taken: two changes must not both take one.
    held: Mutex<BTreeMap<String, Held>>,
    lost: std::sync::Mutex<Option<Failure>>,
}

/// What there is of a cluster's lease.
enum Held {
    /// It is renewed by this task, and was so last at this time.
    Kept(Cluster, JoinHandle<()>, Renewed),
    /// The cluster keeps no leases.
    Without,
}

impl Held {
    /// Whether nobody has renewed it for so long that another run may have it. Nobody renews it any more then.
    fn is_over(&self, clock: &Clock) -> bool {
        let Held::Kept(_, task, renewed) = self else { return false };
        let is_over = renewed.is_over(clock);
        if is_over {
            task.abort();
        }
        is_over
    }
}

impl Leases {
    /// Takes the lease of each of these clusters that is not held yet. A cluster that keeps no leases is told, and the run
    /// goes on. Call it inside the run's runtime.
    ///
    /// # Errors
    /// `Conflict` when another run works there; `Unreachable` and `Unauthorized` as clusters say it. None of these
    /// clusters' leases is taken then.
    pub(super) async fn take(&self, clusters: Vec<Cluster>, around: impl FnOnce() -> Around) -> Result<()> {
        let around = self.0.around.get_or_init(around);
        let mut held = self.0.held.lock().await;
        held.retain(|_, held| !held.is_over(&around.clock));
        let clusters: Vec<Cluster> =
            clusters.into_iter().filter(|cluster| !held.contains_key(cluster.name())).collect();
        let taken = join_all(clusters.iter().map(|cluster| take(cluster, around))).await;
        let (mut new, mut refused) = (Vec::new(), None);
        for (cluster, taken) in clusters.into_iter().zip(taken) {
            match taken {
                Ok(lease) => new.push((cluster.name().to_owned(), self.kept(cluster, lease, around))),
                Err(failure) if is_fatal(&failure) => refused = Some(both(refused, failure)),
                Err(failure) => {
                    let line = format!("{cluster}: no lease keeps other runs away: {}", failure.message);
                    around.screen.say(Level::Info, &line);
                    new.push((cluster.name().to_owned(), Held::Without));
                }
            }
        }
        let Some(failure) = refused else {
            held.extend(new);
            return Ok(());
        };
        give_back(new.into_iter().map(|(_, held)| held), around).await;
        Err(failure)
    }

    fn kept(&self, cluster: Cluster, lease: Lease, around: &Around) -> Held {
        let (around, leases, kept) = (around.clone(), self.clone(), cluster.clone());
        let renewed = Renewed::now(&around.clock);
        let told = renewed.clone();
        let task = tokio::spawn(async move {
            let failure = keep(&kept, lease, &around, &told).await;
            around.screen.say(Level::Warning, &failure.to_string());
            *leases.0.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            around.cancel.cancel();
            leases.0.held.lock().await.remove(kept.name());
        });
        Held::Kept(cluster, task, renewed)
    }

    /// Gives them back; the failure of a run that has lost one.
    pub(super) async fn give_back(&self) -> Option<Failure> {
        let held = std::mem::take(&mut *self.0.held.lock().await);
        if let Some(around) = self.0.around.get() {
            give_back(held.into_values(), around).await;
        }
        self.0.lost.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn both(first: Option<Failure>, failure: Failure) -> Failure {
    match first {
        None => failure,
        Some(first) => Failure::detail(first, format!("also: {failure}")),
    }
}

async fn give_back(held: impl Iterator<Item = Held>, around: &Around) {
    let holder = around.holder.to_string();
    let clusters: Vec<Cluster> = held
        .filter_map(|held| match held {
            Held::Kept(cluster, task, _) => {
                task.abort();
                Some(cluster)
            }
            Held::Without => None,
        })
        .collect();
    // What cannot be given back expires: a run that is over must not wait for it.
    let given = join_all(clusters.iter().map(|cluster| cluster.drop_lease(&holder)));
    let _ = around.clock.timeout(Duration::from_secs(2), given).await;
}

fn is_fatal(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Conflict | Kind::Unreachable | Kind::Unauthorized)
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

        fn cluster(&self, name: &str) -> Cluster {
            let server = self.world.server("east").expect("east");
            let settings = Settings::new(name, &server.url(), self.clock.clone());
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
            let leases = Leases::default();
            leases.take(vec![self.cluster("east")], || around.clone()).await.map(|()| leases)
        }

        fn holder(&self) -> Option<String> {
            let lease = self.world.server("east")?.get("Lease", Some("kube-system"), "meshwright")?;
            lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
        }
    }

    impl Leases {
        /// As when the machine loses its power.
        async fn die(&self) {
            for held in self.0.held.lock().await.values() {
                if let Held::Kept(_, task, _) = held {
                    task.abort();
                }
            }
        }

        async fn count(&self) -> usize {
            self.0.held.lock().await.values().filter(|held| matches!(held, Held::Kept(..))).count()
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
            held.die().await;
            clock.sleep(Duration::from_secs(55)).await;
            scene.take(&second).await.map(drop).expect_err("not yet");
            clock.sleep(Duration::from_secs(10)).await;
            scene.take(&second).await.expect("expired");
            assert_eq!(scene.holder(), Some(second.holder.to_string()));
        });
    }

    #[test]
    fn a_change_after_a_lease_has_expired_takes_it_anew_or_is_refused() {
        crate::clock::simulated(async |clock| {
            let scene = Scene::new(clock.clone());
            let (first, second) = (scene.around("anna@a", 7, "one"), scene.around("bert@b", 8, "two"));
            let held = scene.take(&first).await.expect("free");
            let again = || held.take(vec![scene.cluster("east")], || first.clone());
            held.die().await;
            clock.sleep(Duration::from_secs(65)).await;
            again().await.expect("still its own");
            clock.sleep(Duration::from_secs(30)).await;
            scene.take(&second).await.map(drop).expect_err("renewed");
            held.die().await;
            clock.sleep(Duration::from_secs(65)).await;
            scene.take(&second).await.expect("expired");
            assert_eq!(again().await.expect_err("somebody else has it").kind, Kind::Conflict);
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
            held.die().await;
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
                assert_eq!(held.count().await, 0, "{code}");
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
            let (both, held) = (vec![scene.cluster("east"), scene.cluster("same")], Leases::default());
            held.take(both, || scene.around("anna@a", 7, "one")).await.expect("both");
            assert_eq!(held.count().await, 2);
            assert!(held.give_back().await.is_none());
            assert_eq!(scene.holder(), None);
        });
    }
}
