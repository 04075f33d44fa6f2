//! The same tests against a real kube-apiserver over its own etcd, where both programs are installed (`tests/lab/lab`
//! builds them); elsewhere the test says that it did nothing.

use super::apiserver::ApiServer;
use super::{Bench, applying, changing, together};
use meshwright::clock::Clock;
use meshwright::cluster::kubeconfig::Kubeconfigs;
use meshwright::cluster::layers::{MemoryJournal, Settings};
use meshwright::failure::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server that is being asked.
struct Real(ApiServer);

impl Real {
    fn bench(&self) -> Bench {
        let journal = Arc::new(MemoryJournal::default());
        let kubeconfigs = Kubeconfigs::load(Some(&self.0.kubeconfig())).expect("kubeconfig");
        let server = kubeconfigs.server("real").expect("server");
        let settings = Settings { journal: journal.clone(), ..Settings::new("real", &server, Clock::real()) };
        Bench { cluster: kubeconfigs.connect("real", settings).expect("cluster"), journal, world: None }
    }

    /// Returns when the server is up: it makes its certificate first, then refuses for a while.
    async fn ready(&self) -> Bench {
        let start = Instant::now();
        loop {
            let why = match self.has_default_namespace().await {
                Ok(true) => return self.bench(),
                Ok(false) => "no namespace default".to_owned(),
                Err(failure) => failure.to_string(),
            };
            assert!(start.elapsed() < Duration::from_secs(90), "the API server does not start: {why}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn has_default_namespace(&self) -> Result<bool> {
        if !self.0.has_certificate() {
            return Ok(false);
        }
        let bench = self.bench();
        let target = bench.cluster.target("Namespace", "default").await?;
        Ok(bench.cluster.find(&target).await?.is_some())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_server() {
    let Some(server) = ApiServer::start().map(Real) else {
        eprintln!("no etcd or kube-apiserver here: nothing was tested");
        return;
    };
    let bench = server.ready().await;
    applying::fields_are_changed_given_up_and_left_to_others(&bench).await;
    applying::conflicts_name_the_owner_and_are_never_forced_silently(&bench).await;
    applying::mistakes_are_told_before_anything_is_stored(&bench).await;
    applying::what_was_read_can_be_applied(&bench).await;
    applying::a_second_run_writes_nothing(&bench).await;
    changing::an_edit_starts_again_when_somebody_was_quicker(&bench).await;
    changing::patches_that_change_nothing_are_not_sent(&bench).await;
    changing::only_the_object_that_was_seen_is_deleted(&bench).await;
    changing::workloads_are_scaled_and_restarted(&bench).await;
    changing::objects_are_created_once_and_listed(&bench).await;
    changing::a_cluster_says_what_it_is_and_may(&bench).await;
    changing::fields_are_explained(&bench).await;
    together::many_writers_of_one_yaml_lose_nothing(&bench).await;
    together::what_belongs_together_comes_in_one_call(&bench, 100).await;
}
