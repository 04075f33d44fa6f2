//! A cluster's requests against API servers: the one in memory always, a real one when the lab is there.

#[path = "../apiserver/mod.rs"]
mod apiserver;
mod applying;
mod changing;
mod doubting;
mod former;
mod primitives;
mod real;
mod screens;
mod together;
mod waiting;
mod webhooks;

use meshwright::clock::Clock;
use meshwright::cluster::layers::{MemoryJournal, Settings};
use meshwright::cluster::{Applied, ApplyOptions, Cluster, Outcome};
use meshwright::object::{Object, yaml};
use meshwright::rehearsal::World;
use std::sync::Arc;

/// A cluster, and the journal of what was changed in it.
struct Bench {
    cluster: Cluster,
    journal: Arc<MemoryJournal>,
    world: Option<World>,
}

/// Runs tests against a cluster in memory.
fn in_memory(test: impl AsyncFnOnce(&Bench)) {
    simulated(async |clock| test(&Bench::rehearsed(clock)).await);
}

/// Runs a test in simulated time.
fn simulated(test: impl AsyncFnOnce(Clock)) {
    let clock = Clock::simulated();
    let runtime = clock.runtime().expect("runtime");
    runtime.block_on(test(clock));
}

impl Bench {
    /// A cluster in memory.
    fn rehearsed(clock: Clock) -> Bench {
        let world = World::new(clock, &["east"]);
        world.start();
        let server = world.server("east").expect("east");
        let journal = Arc::new(MemoryJournal::default());
        let settings =
            Settings { journal: journal.clone(), ..Settings::new("east", &server.url(), world.clock().clone()) };
        Bench { cluster: Cluster::over(server.transport(), settings), journal, world: Some(world) }
    }

    /// How many changes were sent so far.
    fn changes(&self) -> usize {
        self.journal.intents().len()
    }

    /// How many requests were sent so far.
    fn requests(&self) -> u64 {
        self.cluster.counters().requests()
    }

    async fn apply(&self, manifest: &str) -> Applied {
        self.cluster.apply(&object(manifest), &in_default()).await.expect("applied")
    }

    async fn apply_all(&self, manifests: &str) -> Vec<Applied> {
        let objects = yaml::parse(manifests).expect("yaml");
        self.cluster.apply_all(&objects, &in_default()).await.expect("applied")
    }

    /// Changes an object as somebody else.
    async fn apply_as(&self, manager: &str, manifest: &str) -> Applied {
        let options = ApplyOptions { manager: Some(manager.into()), ..in_default() };
        self.cluster.apply(&object(manifest), &options).await.expect("applied")
    }
}

fn object(text: &str) -> Object {
    yaml::parse(text).expect("yaml").remove(0)
}

fn in_default() -> ApplyOptions {
    ApplyOptions { namespace: Some("default".into()), ..ApplyOptions::default() }
}

fn outcomes(applied: &[Applied]) -> Vec<Outcome> {
    applied.iter().map(|one| one.outcome).collect()
}
