//! A real kube-apiserver over its own etcd, where both programs are installed (`tests/lab/lab` builds them).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running API server; it ends with the value.
pub struct ApiServer {
    programs: Vec<Child>,
    pub folder: tempfile::TempDir,
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
    /// Starts it; it makes its certificate first, then refuses for a while. The kubeconfig in its folder has context `real`.
    pub fn start() -> Option<ApiServer> {
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

    /// The kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Whether it has its certificate.
    pub fn has_certificate(&self) -> bool {
        self.folder.path().join("certificates/apiserver.crt").exists()
    }
}
