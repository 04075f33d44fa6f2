//! A rehearsal of the guide, for tests.
#![allow(dead_code, reason = "each test program uses its part")]

pub mod rendering;

use meshwright::failure::Failure;
use meshwright::rehearsal::{Logged, Server};
use meshwright::run::screen::Style;
use meshwright::run::{Job, Session};
use meshwright::script::{self, Given, Script, Values};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// The steps of the guide, in order.
pub const STEPS: [&str; 16] = [
    "Check the clusters",
    "Share one root of trust",
    "Install the control plane",
    "Wait for the control plane",
    "Let the gateways pass mesh traffic through",
    "Find the primary's gateway",
    "Enter it in the mesh networks",
    "Install the remote clusters",
    "Wait for the remote clusters",
    "Find the remote gateways",
    "Enter them in the mesh networks",
    "Let the primary watch the remote clusters",
    "Wait for the remote gateways",
    "Deploy helloworld and sleep",
    "Call helloworld from every cluster",
    "Prove the path",
];

/// A rehearsal that can be run, run again and looked at.
pub struct Guide {
    session: Session,
    job: Job,
}

fn find(name: &str) -> Script {
    script::find(name, Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the script")
}

/// A job for a script; clusters that are not given are `cluster1` and `cluster2`.
pub fn job(name: &str, args: &[&str], stop_after: Option<&str>) -> Job {
    let script = find(name);
    let header = script.header().expect("header");
    let mut words: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
    for (flag, context) in [("--primary", "cluster1"), ("--remote", "cluster2"), ("--dialect", "current")] {
        let known = header.params.iter().any(|param| param.flag() == flag);
        if known && !words.iter().any(|word| word == flag) {
            words.extend([flag.to_owned(), context.to_owned()]);
        }
    }
    let given = Given::from_args(&header, &words);
    let values = Values::check(&header, &given).expect("parameters");
    let style = Style { quiet: true, ..Style::default() };
    Job { stop_after: stop_after.map(str::to_owned), ..Job::new(script, header, values, style) }
}

impl Guide {
    /// The guide with these parameters.
    pub fn of(args: &[&str]) -> Guide {
        Guide::with(job("shared-gateways", args, None))
    }

    /// The guide, stopped after a step.
    pub fn stopping_after(step: &str) -> Guide {
        Guide::with(job("shared-gateways", &[], Some(step)))
    }

    /// The guide with these parameters, stopped after a step.
    pub fn stopping_in(step: &str, args: &[&str]) -> Guide {
        Guide::with(job("shared-gateways", args, Some(step)))
    }

    /// A script of one's own, on the same clusters.
    pub fn with(job: Job) -> Guide {
        let mut contexts = job.values.clusters();
        contexts.sort();
        contexts.dedup();
        let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
        let session = Session::rehearsal(&job, &contexts).expect("a rehearsal");
        let guide = Guide { session, job };
        guide.settle();
        guide
    }

    /// Returns when the new clusters have what their controllers make in every namespace.
    fn settle(&self) {
        const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
        let servers = self.session.world().expect("a rehearsal").servers();
        let is_settled = |server: &Server| {
            let has = |kind, name| NAMESPACES.iter().all(|namespace| server.get(kind, Some(namespace), name).is_some());
            has("ConfigMap", "kube-root-ca.crt") && has("ServiceAccount", "default")
        };
        while !servers.iter().all(is_settled) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// The guide with these parameters, its journal written to a file as on real clusters.
    pub fn written(args: &[&str], file: &Path) -> Guide {
        let job = job("shared-gateways", args, None);
        let contexts = job.values.clusters();
        let contexts: Vec<&str> = contexts.iter().map(String::as_str).collect();
        let session = Session::rehearsal_written(&job, &contexts, file).expect("a rehearsal");
        let guide = Guide { session, job };
        guide.settle();
        guide
    }

    /// What it is run in.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs it.
    pub fn run(&self) -> Result<(), Failure> {
        self.session.run(&self.job)
    }

    /// Runs the guide once more on the same clusters.
    pub fn again(&self, args: &[&str]) -> Result<(), Failure> {
        let job = job("shared-gateways", args, None);
        self.session.again(&job)?.run(&job)
    }

    /// The same; how long the script took, in rehearsed time.
    pub fn again_timed(&self, args: &[&str]) -> (Result<(), Failure>, Duration) {
        let job = job("shared-gateways", args, None);
        let session = match self.session.again(&job) {
            Ok(session) => session,
            Err(failure) => return (Err(failure), Duration::ZERO),
        };
        (session.run(&job), session.screen().took())
    }

    /// Runs the same once more on the same clusters.
    pub fn repeat(&self) -> Result<(), Failure> {
        self.session.again(&self.job)?.run(&self.job)
    }

    /// Runs a task of the guide on the same clusters.
    pub fn task(&self, task: &str, args: &[&str]) -> Result<(), Failure> {
        let job = job(&format!("shared-gateways/{task}"), args, None);
        self.session.again(&job)?.run(&job)
    }

    /// A rehearsed cluster.
    pub fn server(&self, context: &str) -> &Server {
        self.session.world().and_then(|world| world.server(context)).expect("the cluster")
    }

    /// Runs any script on the same clusters.
    pub fn task_of(&self, name: &str, args: &[&str]) -> Result<(), Failure> {
        let job = job(name, args, None);
        self.session.again(&job)?.run(&job)
    }

    /// An object of a rehearsed cluster.
    pub fn get(&self, context: &str, kind: &str, namespace: &str, name: &str) -> Value {
        self.server(context).get(kind, Some(namespace), name).unwrap_or_else(|| panic!("{kind} {namespace}/{name}"))
    }

    /// The contents once the software in the pods has done what it does by itself after a run: istiod makes its
    /// webhooks strict.
    pub fn contents_at_rest(&self) -> BTreeSet<String> {
        let mut last = self.contents();
        loop {
            std::thread::sleep(std::time::Duration::from_millis(300));
            let now = self.contents();
            if now == last {
                return now;
            }
            last = now;
        }
    }

    /// How many requests each cluster has answered so far.
    pub fn asked(&self) -> Vec<usize> {
        self.servers().iter().map(|server| server.log().len()).collect()
    }

    /// The requests since then that changed something, dry runs aside.
    pub fn writes_since(&self, asked: &[usize]) -> Vec<String> {
        let since = self.servers().iter().zip(asked);
        let told = |(server, asked): (&Server, &usize)| {
            let name = server.name().to_owned();
            let writes = server.log().into_iter().skip(*asked).filter(Logged::is_write);
            writes.map(move |sent| format!("{name} {} {} {}", sent.method, sent.path, sent.status)).collect::<Vec<_>>()
        };
        since.flat_map(told).collect()
    }

    fn servers(&self) -> &[Server] {
        self.session.world().expect("a rehearsal").servers()
    }

    /// Every stored object as it was asked for, without what servers and controllers note in it.
    pub fn contents(&self) -> BTreeSet<String> {
        const PASSING: [&str; 6] = ["Event", "Lease", "Endpoints", "EndpointSlice", "Pod", "ReplicaSet"];
        let mut all = BTreeSet::new();
        for server in self.session.world().expect("a rehearsal").servers() {
            for object in server.everything() {
                let mut object = (*object).clone();
                if PASSING.contains(&object["kind"].as_str().unwrap_or_default()) {
                    continue;
                }
                object["status"] = Value::Null;
                for noted in ["managedFields", "resourceVersion", "generation", "annotations"] {
                    object["metadata"][noted] = Value::Null;
                }
                all.insert(format!("{} {object}", server.name()));
            }
        }
        all
    }

    /// Every stored object, as `cluster kind namespace/name`; events and leases come and go by themselves.
    pub fn everything(&self) -> BTreeSet<String> {
        const PASSING: [&str; 2] = ["Event", "Lease"];
        let mut all = BTreeSet::new();
        for server in self.session.world().expect("a rehearsal").servers() {
            for object in server.everything() {
                let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
                if !PASSING.contains(&text("/kind").as_str()) {
                    let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
                    all.insert(format!("{} {kind} {namespace}/{name}", server.name()));
                }
            }
        }
        all
    }

    /// Puts a `cacerts` of another root into a cluster.
    pub fn foreign_cacerts(&self, context: &str) {
        let server = self.server(context);
        server.put(serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}));
        let foreign =
            meshwright::primitives::Authority::open("foreign", &meshwright::primitives::keeper::Memory::default());
        let files = foreign.expect("authority").issue("cluster2", "istiod.istio-system.svc", 30).expect("files");
        let data: serde_json::Map<String, Value> =
            files.into_iter().map(|(key, node)| (key.to_owned(), base64(&node.to_wire()).into())).collect();
        server.put(serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "cacerts", "namespace": "istio-system"}, "data": data,
        }));
    }
}

fn base64(value: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(value.as_str().expect("text"))
}

/// A value of a Secret's data as text.
pub fn decoded(value: &Value) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().expect("text")).expect("base64");
    String::from_utf8(bytes).expect("text")
}
