//! Where a run takes place: on the clusters of a kubeconfig, in a rehearsal, or in a recording.

use super::connected::Connected;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::kubeconfig::Kubeconfigs;
use crate::cluster::layers::{Doorkeeper, Flights, Gate, Journal, Listener, Rights, Settings, Tape};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object, yaml};
use crate::primitives::host::Clusters;
use crate::recording::Player;
use crate::rehearsal::{Server, World};
use crate::secret::Secret;
use base64::Engine as _;
use std::sync::Arc;
use tower::ServiceExt as _;

/// What the stacks of all clusters of a run share.
#[derive(Clone)]
pub struct Shared {
    /// What the run may write.
    pub rights: Rights,
    /// Whether it may write anything now.
    pub gate: Gate,
    /// Who writes down what it writes.
    pub journal: Arc<dyn Journal>,
    /// Who is asked before it does.
    pub door: Option<Arc<dyn Doorkeeper>>,
    /// What of it is under way.
    pub flights: Flights,
    /// Who is told of server warnings and outages.
    pub listener: Listener,
    /// The run's id, for the User-Agent.
    pub run: Arc<str>,
    /// The run's time.
    pub clock: Clock,
    /// Whether the traffic is recorded, or comes from a recording.
    pub tape: Tape,
}

impl Shared {
    fn settings(&self, cluster: &str, server: &str) -> Settings {
        let mut settings = Settings::new(cluster, server, self.clock.clone());
        settings.rights = self.rights.clone();
        settings.gate = self.gate.clone();
        settings.journal = self.journal.clone();
        settings.door = self.door.clone();
        settings.flights = self.flights.clone();
        settings.listener = self.listener.clone();
        settings.run = self.run.clone();
        settings.tape = self.tape.clone();
        settings
    }
}

/// The clusters of the user's kubeconfig.
pub struct Live {
    kubeconfig: Kubeconfigs,
    shared: Shared,
    runtime: tokio::runtime::Handle,
    connected: Connected,
}

impl Live {
    /// The clusters of this kubeconfig.
    pub fn new(kubeconfig: Kubeconfigs, shared: Shared, runtime: tokio::runtime::Handle) -> Live {
        Live { kubeconfig, shared, runtime, connected: Connected::default() }
    }
}

impl Clusters for Live {
    fn contexts(&self) -> Result<Vec<String>> {
        Ok(self.kubeconfig.contexts())
    }

    fn connect(&self, context: &str) -> Result<Cluster> {
        self.connected.get_or(context, || {
            let _inside = self.runtime.enter();
            let settings = self.shared.settings(context, &self.kubeconfig.server(context)?);
            self.kubeconfig.connect(context, settings)
        })
    }

    fn connect_with(&self, name: &str, kubeconfig: &Secret) -> Result<Cluster> {
        self.connected.with(&self.kubeconfig.contexts(), (name, kubeconfig), || {
            let _inside = self.runtime.enter();
            let own = Kubeconfigs::from_secret(kubeconfig)?;
            let context = own.current().ok_or_else(|| Failure::usage("the kubeconfig names no current context"))?;
            let settings = self.shared.settings(name, &own.server(&context)?);
            own.connect(&context, settings)
        })
    }

    fn named(&self, name: &str) -> Result<Cluster> {
        self.connected.in_hand(name).map_or_else(|| self.connect(name), Ok)
    }
}

/// The clusters of a rehearsal.
pub struct Rehearsed {
    world: World,
    shared: Shared,
    runtime: tokio::runtime::Handle,
    connected: Connected,
}

impl Rehearsed {
    /// The clusters of this world.
    pub fn new(world: World, shared: Shared, runtime: tokio::runtime::Handle) -> Rehearsed {
        Rehearsed { world, shared, runtime, connected: Connected::default() }
    }

    fn over(&self, name: &str, server: &Server, token: Option<Secret>) -> Result<Cluster> {
        let _inside = self.runtime.enter();
        let settings = self.shared.settings(name, &server.url());
        let Some(token) = token else { return Ok(Cluster::over(server.transport(), settings)) };
        let header = http::HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
        let mut header = header.map_err(|_| Failure::usage("the token in the kubeconfig is no HTTP header value"))?;
        header.set_sensitive(true);
        let transport = server.transport().map_request(move |mut request: http::Request<kube::client::Body>| {
            request.headers_mut().insert(http::header::AUTHORIZATION, header.clone());
            request
        });
        Ok(Cluster::over(transport, settings))
    }
}

impl Clusters for Rehearsed {
    fn contexts(&self) -> Result<Vec<String>> {
        Ok(self.world.servers().iter().map(|server| server.name().to_owned()).collect())
    }

    fn connect(&self, context: &str) -> Result<Cluster> {
        let names = self.contexts()?;
        let server = self.world.server(context).ok_or_else(|| {
            let failure = Failure::new(Kind::NotFound, format!("there is no context `{context}` in this rehearsal"));
            failure.hint(format!("its contexts: {}", names.join(", ")))
        })?;
        self.connected.get_or(context, || self.over(context, server, None))
    }

    fn connect_with(&self, name: &str, kubeconfig: &Secret) -> Result<Cluster> {
        let documents = yaml::parse_secret(kubeconfig)?;
        let config = documents.first().cloned().unwrap_or_default();
        let url = config.str_at("clusters.0.cluster.server").unwrap_or_default();
        let unreachable = || Failure::new(Kind::Unreachable, format!("dial {url}: no such host in this rehearsal"));
        let server = self.world.by_url(url).ok_or_else(unreachable)?;
        if !trusts(&config, server) {
            let words = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
            return Err(Failure::new(Kind::Unreachable, words));
        }
        let token = config.str_at("users.0.user.token").map(|token| Secret::new("token", token));
        self.connected.with(&self.contexts()?, (name, kubeconfig), || self.over(name, server, token))
    }

    fn named(&self, name: &str) -> Result<Cluster> {
        self.connected.in_hand(name).map_or_else(|| self.connect(name), Ok)
    }

    fn resolve(&self, host: &str) -> Option<Vec<String>> {
        Some(vec![self.world.look_up(host)])
    }

    fn dial(&self, host: &str, port: u16) -> Option<Result<(), String>> {
        Some(self.world.dial(host, port).map_err(str::to_owned))
    }
}

/// The clusters of a recording.
pub struct Replayed {
    player: Player,
    shared: Shared,
    runtime: tokio::runtime::Handle,
    connected: Connected,
}

impl Replayed {
    /// The clusters of this recording.
    pub fn new(player: Player, shared: Shared, runtime: tokio::runtime::Handle) -> Replayed {
        Replayed { player, shared, runtime, connected: Connected::default() }
    }
}

impl Clusters for Replayed {
    fn contexts(&self) -> Result<Vec<String>> {
        Ok(self.player.servers().keys().cloned().collect())
    }

    fn connect(&self, context: &str) -> Result<Cluster> {
        let server = self.player.servers().get(context).ok_or_else(|| {
            let failure = Failure::new(Kind::NotFound, format!("there is no cluster `{context}` in this recording"));
            failure
                .hint(format!("its clusters: {}", self.player.servers().keys().cloned().collect::<Vec<_>>().join(", ")))
        })?;
        self.connected.get_or(context, || {
            let _inside = self.runtime.enter();
            Ok(Cluster::over(self.player.transport(context), self.shared.settings(context, server)))
        })
    }

    /// Who asks makes no difference: the recording knows what was answered.
    fn connect_with(&self, name: &str, _: &Secret) -> Result<Cluster> {
        self.connect(name)
    }

    /// An address of documentation (RFC 5737): a replay asks no name server.
    fn resolve(&self, _: &str) -> Option<Vec<String>> {
        Some(vec!["192.0.2.1".to_owned()])
    }

    /// What was recorded went on, so whoever was waited for was there.
    fn dial(&self, _: &str, _: u16) -> Option<Result<(), String>> {
        Some(Ok(()))
    }
}

fn trusts(config: &Object, server: &Server) -> bool {
    let Some(Node::Str(data)) = config.at("clusters.0.cluster.certificate-authority-data") else { return true };
    let decoded = base64::engine::general_purpose::STANDARD.decode(data.as_bytes()).unwrap_or_default();
    String::from_utf8(decoded).is_ok_and(|pem| pem.trim() == server.ca_pem().trim())
}
