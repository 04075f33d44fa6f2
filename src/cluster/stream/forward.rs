//! A port on this machine that leads to a port of a pod.

use super::pods::PodPort;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::request::failure_of;
use crate::failure::{Failure, Kind, Result};
use k8s_openapi::api::core::v1::Pod;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often to try to reach the pod for one connection; a pod that was replaced is looked up again each time.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);

/// What a forwarded port leads to.
#[derive(Debug, Clone)]
enum Goal {
    Pod(PodPort),
    Service { namespace: String, name: String, port: u16 },
}

/// A forwarded port: open until it is closed or its last clone is dropped.
#[derive(Clone)]
pub struct Forward {
    port: u16,
    cancel: CancellationToken,
    _guard: Arc<DropGuard>,
    trouble: Arc<Mutex<Option<Failure>>>,
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Forward({})", self.port)
    }
}

impl Forward {
    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes the port and every connection through it.
    pub fn close(&self) {
        self.cancel.cancel();
    }

    /// Why the last connection did not reach the pod; `None` once one has.
    pub fn trouble(&self) -> Option<Failure> {
        self.trouble.lock().ok()?.clone()
    }
}

impl Cluster {
    /// Forwards a free port on 127.0.0.1 to a port of a pod. Connections that break take nothing else with them.
    ///
    /// # Errors
    /// When no port can be opened here, or the pod cannot be reached now.
    pub async fn forward(&self, namespace: &str, pod: &str, port: u16) -> Result<Forward> {
        self.open(Goal::Pod(PodPort { namespace: namespace.into(), pod: pod.into(), port })).await
    }

    /// The same to a port of a service; each connection goes to a pod that is ready then.
    ///
    /// # Errors
    /// As [`Cluster::forward`], and when the service has no such port or no ready pod.
    pub async fn forward_service(&self, namespace: &str, service: &str, port: u16) -> Result<Forward> {
        self.open(Goal::Service { namespace: namespace.into(), name: service.into(), port }).await
    }

    async fn open(&self, goal: Goal) -> Result<Forward> {
        // Errors that will not pass must not wait for the first connection.
        tunnel(self, &goal).await?;
        let cannot = |e: std::io::Error| Failure::new(Kind::Process, format!("cannot open a port on 127.0.0.1: {e}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
        let cancel = CancellationToken::new();
        let forward = Forward {
            port: listener.local_addr().map_err(cannot)?.port(),
            _guard: Arc::new(cancel.clone().drop_guard()),
            cancel: cancel.clone(),
            trouble: Arc::default(),
        };
        tokio::spawn(accept(self.clone(), listener, goal, cancel, forward.trouble.clone()));
        Ok(forward)
    }
}

async fn accept(
    cluster: Cluster,
    listener: TcpListener,
    goal: Goal,
    cancel: CancellationToken,
    trouble: Arc<Mutex<Option<Failure>>>,
) {
    while let Some(accepted) = cancel.run_until_cancelled(listener.accept()).await {
        let Some(caller) = caller(accepted, cluster.clock(), &trouble).await else { continue };
        let (cluster, goal, cancel, trouble) = (cluster.clone(), goal.clone(), cancel.clone(), trouble.clone());
        tokio::spawn(async move {
            let served = cancel.run_until_cancelled(serve(&cluster, &goal, caller)).await;
            if let (Some(served), Ok(mut trouble)) = (served, trouble.lock()) {
                *trouble = served.err();
            }
        });
    }
}

/// Who has called. When nobody can be let in, as with too many open files, the next one is heard after a pause.
async fn caller(
    accepted: std::io::Result<(TcpStream, SocketAddr)>,
    clock: &Clock,
    trouble: &Mutex<Option<Failure>>,
) -> Option<TcpStream> {
    let error = match accepted {
        Ok((caller, _)) => return Some(caller),
        Err(error) => error,
    };
    if let Ok(mut trouble) = trouble.lock() {
        *trouble = Some(Failure::new(Kind::Process, format!("cannot accept a connection on 127.0.0.1: {error}")));
    }
    clock.sleep(PAUSE).await;
    None
}

async fn serve(cluster: &Cluster, goal: &Goal, mut caller: TcpStream) -> Result<()> {
    let mut tries = 1;
    let (mut forwarder, port) = loop {
        match tunnel(cluster, goal).await {
            Ok(open) => break open,
            Err(failure) if tries == TRIES => return Err(failure),
            Err(_) => cluster.clock().sleep(PAUSE * tries).await,
        }
        tries += 1;
    };
    let Some(mut pod) = forwarder.take_stream(port) else {
        return Err(Failure::internal("a forwarded port has no stream"));
    };
    let error = forwarder.take_error(port);
    // Either end may hang up at any time: that ends this connection and no other.
    let _ = tokio::io::copy_bidirectional(&mut caller, &mut pod).await;
    drop(pod);
    let said = match error {
        Some(error) => tokio::time::timeout(PAUSE, error).await.ok().flatten(),
        None => None,
    };
    said.map_or(Ok(()), |said| Err(Failure::new(Kind::Unreachable, crate::plain::line(&said, 300))))
}

async fn tunnel(cluster: &Cluster, goal: &Goal) -> Result<(kube::api::Portforwarder, u16)> {
    let pod = match goal {
        Goal::Pod(pod) => pod.clone(),
        Goal::Service { namespace, name, port } => cluster.pod_behind(namespace, name, *port).await?,
    };
    let pods: kube::Api<Pod> = kube::Api::namespaced(cluster.client().clone(), &pod.namespace);
    let title = format!("Pod {}/{}", pod.namespace, pod.pod);
    let opened = pods.portforward(&pod.pod, &[pod.port]).await;
    opened.map(|forwarder| (forwarder, pod.port)).map_err(|e| failure_of(e).on_cluster(cluster.name()).about(title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_that_cannot_be_let_in_are_told_and_not_asked_for_at_once() {
        crate::clock::simulated(async |clock| {
            let trouble = Mutex::default();
            let refused = Err(std::io::Error::from_raw_os_error(nix::libc::EMFILE));
            assert!(caller(refused, &clock, &trouble).await.is_none());
            assert_eq!(clock.now(), PAUSE);
            let told = trouble.lock().expect("lock").clone().expect("told");
            assert!(told.message.contains("open files"), "{told}");
        });
    }
}
