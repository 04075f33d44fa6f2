//! What networks, proxies and overloaded API servers do, over real TCP connections: everything here survives it.

mod changing;
mod front;
mod primitives;
mod scenes;
mod strangers;
mod table;
mod waiting;

use front::Front;
use meshwright::clock::Clock;
use meshwright::cluster::Cluster;
use meshwright::cluster::kubeconfig::Kubeconfigs;
use meshwright::cluster::layers::{MemoryJournal, Notice, Settings};
use meshwright::rehearsal::{Server, World};
use std::sync::{Arc, Mutex, PoisonError};

/// A cluster behind a front, connected as a user's kubeconfig connects it.
struct Bench {
    cluster: Cluster,
    journal: Arc<MemoryJournal>,
    notices: Arc<Mutex<Vec<Notice>>>,
}

impl Bench {
    fn on(front: &Front) -> Bench {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("config");
        std::fs::write(&file, front.kubeconfig()).expect("written");
        let kubeconfigs = Kubeconfigs::load(Some(&file)).expect("kubeconfig");
        let (journal, notices) = (Arc::new(MemoryJournal::default()), Arc::new(Mutex::new(Vec::new())));
        let sink = notices.clone();
        let mut settings = Settings::new("east", &front.url(), Clock::real());
        settings.journal = journal.clone();
        settings.listener =
            Arc::new(move |notice| sink.lock().unwrap_or_else(PoisonError::into_inner).push(notice.clone()));
        let cluster = kubeconfigs.connect("east", settings).expect("cluster");
        Bench { cluster, journal, notices }
    }

    /// What the user was told.
    fn told(&self) -> Vec<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An in-memory cluster on real time, without controllers.
fn world() -> (World, Server) {
    let world = World::new(Clock::real(), &["east"]);
    let server = world.server("east").expect("east").clone();
    (world, server)
}
