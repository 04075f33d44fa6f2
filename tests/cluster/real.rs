//! The same tests against a real kube-apiserver over its own etcd, where both programs are installed (`tests/lab/lab`
//! builds them); elsewhere the test says that it did nothing.

use super::{Bench, applying, changing, together};
use meshwright::clock::Clock;
use meshwright::cluster::kubeconfig::Kubeconfigs;
use meshwright::cluster::layers::{MemoryJournal, Settings};
use meshwright::failure::Result;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running API server; it ends with the value.
struct ApiServer {
    programs: Vec<Child>,
    folder: tempfile::TempDir,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

fn installed(program: &str) -> Option<PathBuf> {
    let lab = std::env::home_dir()?.join(".cache/meshwright-lab/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain([lab]).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("port").port()
}

fn start(program: &Path, log: &Path, args: &[String]) -> Child {
    let log = std::fs::File::create(log).expect("log");
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().expect("started")
}

impl ApiServer {
    fn start() -> Option<ApiServer> {
        let (etcd, apiserver) = (installed("etcd")?, installed("kube-apiserver")?);
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        let shown = |name: &str| at(name).display().to_string();
        let (store, peer, port) = (free_port(), free_port(), free_port());
        let key = rcgen::KeyPair::generate().expect("key");
        std::fs::write(at("sa.key"), key.serialize_pem()).expect("written");
        std::fs::write(at("sa.pub"), key.public_key_pem()).expect("written");
        std::fs::write(at("tokens"), "planted-token-6,admin,admin,system:masters\n").expect("written");
        let etcd_args = [
            format!("--data-dir={}", shown("etcd")),
            format!("--listen-client-urls=http://127.0.0.1:{store}"),
            format!("--advertise-client-urls=http://127.0.0.1:{store}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
        ];
        let args = [
            format!("--etcd-servers=http://127.0.0.1:{store}"),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", shown("certificates")),
            format!("--token-auth-file={}", shown("tokens")),
            format!("--service-account-key-file={}", shown("sa.pub")),
            format!("--service-account-signing-key-file={}", shown("sa.key")),
            "--service-account-issuer=https://test".into(),
            "--bind-address=127.0.0.1".into(),
            "--authorization-mode=RBAC".into(),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
            "--profiling=false".into(),
        ];
        let programs =
            vec![start(&etcd, &at("etcd.log"), &etcd_args), start(&apiserver, &at("kube-apiserver.log"), &args)];
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\n\
             clusters: [{{name: real, cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority: certificates/apiserver.crt}}}}]\n\
             users: [{{name: admin, user: {{token: planted-token-6}}}}]\n\
             contexts: [{{name: real, context: {{cluster: real, user: admin}}}}]\n"
        );
        std::fs::write(at("kubeconfig"), kubeconfig).expect("written");
        Some(ApiServer { programs, folder })
    }

    fn bench(&self) -> Bench {
        let journal = Arc::new(MemoryJournal::default());
        let kubeconfigs = Kubeconfigs::load(Some(&self.folder.path().join("kubeconfig"))).expect("kubeconfig");
        let server = kubeconfigs.server("real").expect("server");
        let settings = Settings { journal: journal.clone(), ..Settings::new("real", &server, Clock::real()) };
        Bench { cluster: kubeconfigs.connect("real", settings).expect("cluster"), journal, _world: None }
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
        if !self.folder.path().join("certificates/apiserver.crt").exists() {
            return Ok(false);
        }
        let bench = self.bench();
        let target = bench.cluster.target("Namespace", "default").await?;
        Ok(bench.cluster.find(&target).await?.is_some())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_server() {
    let Some(server) = ApiServer::start() else {
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
