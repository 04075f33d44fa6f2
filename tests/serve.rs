//! `rehearse` of tasks, and `rehearse … --serve`: the clusters as programs of the user's own see them.

mod ground;

use ground::Ground;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// A program that serves its rehearsed clusters.
struct Served {
    program: Child,
    kubeconfig: PathBuf,
    _ground: Ground,
}

impl Served {
    fn start(args: &[&str]) -> Served {
        let ground = Ground::new(&["unused"]);
        let mut command = ground.command(&[&["rehearse"], args, &["--serve"]].concat());
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let mut line = String::new();
        BufReader::new(program.stdout.as_mut().expect("stdout")).read_line(&mut line).expect("a line");
        let path = line.trim().strip_prefix("export KUBECONFIG=").unwrap_or_else(|| panic!("it said `{line}`"));
        let kubeconfig = PathBuf::from(path);
        Served { program, kubeconfig, _ground: ground }
    }

    fn ended_by(&mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(i32::try_from(self.program.id()).expect("pid")), signal).expect("sent");
        self.program.wait().expect("ended").code()
    }

    async fn client(&self, context: &str) -> kube::Client {
        let config = Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        let options = KubeConfigOptions { context: Some(context.into()), ..KubeConfigOptions::default() };
        let config = kube::Config::from_custom_kubeconfig(config, &options).await.expect("a context");
        kube::Client::try_from(config).expect("a client")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A script with two steps for nobody's guide.
const SMALL: &str = "//! # Small\n//! ---\n//! params:\n//!   c: {type: cluster}\n//! ---\nstep \"Look\" { params.c.list(\"namespaces\"); }\n";

#[test]
fn a_task_is_rehearsed_after_its_main_script() {
    let ground = Ground::new(&["unused"]);
    for dialect in ["current", "classic"] {
        for (task, line) in [("verify", "✓ Prove the path"), ("cleanup", "✓ Remove what Istio left behind")] {
            let ended = ground.run(&["rehearse", &format!("shared-gateways/{task}"), "--dialect", dialect]);
            assert_eq!(ended.code, 0, "{}", ended.err);
            let first =
                format!("First shared-gateways, without its output: shared-gateways/{task} works on what it makes.");
            assert!(ended.err.starts_with(&first) && ended.err.contains(line), "{}", ended.err);
            assert!(!ended.err.contains("Install the control plane"), "{}", ended.err);
        }
    }
}

#[test]
fn parameters_of_a_task_hold_for_its_main_script_as_well() {
    let ground = Ground::new(&["unused"]);
    let ended = ground.run(&[
        "rehearse",
        "shared-gateways/verify",
        "--remote",
        "b",
        "--remote",
        "c",
        "--sample-namespace",
        "shop",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("on cluster1, b, c:"), "{}", ended.err);
    let ended = ground.run(&["rehearse", "shared-gateways/verify", "--sample=false"]);
    assert_eq!(ended.code, 1, "there is no sample to call: {}", ended.err);
    let ended = ground.run(&["rehearse", "shared-gateways/verify", "--smaple"]);
    assert_eq!(ended.code, 4, "{}", ended.err);
}

#[test]
fn a_script_beside_a_main_one_of_another_guide_is_rehearsed_alone() {
    let ground = Ground::new(&["unused"]);
    ground.file("own/main.rhai", "//! # Main\n//! ---\n//! guide: own\n//! ---\nthrow \"not to be run\";\n");
    ground.file("own/small.rhai", SMALL);
    let ended = ground.run(&["rehearse", "./own/small.rhai"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.starts_with("Rehearsing"), "{}", ended.err);
}

/// Whether SIGHUP is ignored, as below `nohup`: the program inherits that, and obeys.
fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn every_end_removes_the_kubeconfig() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        if signal == Signal::SIGHUP && outlives_its_terminal() {
            continue;
        }
        let ground = Ground::new(&["unused"]);
        let path = ground.file("small.rhai", SMALL);
        let mut served = Served::start(&[&path.to_string_lossy()]);
        assert!(served.kubeconfig.exists());
        assert_eq!(served.ended_by(signal), Some(code), "{signal}");
        assert!(!served.kubeconfig.exists(), "{signal} leaves {}", served.kubeconfig.display());
    }
}

#[test]
fn what_is_served_is_never_younger_than_now() {
    let served = Served::start(&["shared-gateways"]);
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        let client = served.client("cluster1").await;
        let mut made = Vec::new();
        for (version, kind) in [("v1", "Pod"), ("v1", "Event"), ("v1", "Namespace")] {
            let gvk = kube::core::GroupVersionKind::gvk("", version, kind);
            let kind = kube::core::ApiResource::from_gvk(&gvk);
            let all: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
            let all = all.list(&ListParams::default()).await.expect("a list");
            made.extend(all.items.into_iter().filter_map(|object| object.metadata.creation_timestamp));
        }
        let now = jiff::Timestamp::now();
        assert!(made.len() > 10 && made.iter().all(|made| made.0 <= now), "{made:?}");
        let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(client, "default");
        let map = serde_json::from_value(serde_json::json!({"metadata": {"name": "new"}})).expect("a map");
        let map = maps.create(&PostParams::default(), &map).await.expect("created");
        let age = jiff::Timestamp::now().duration_since(map.metadata.creation_timestamp.expect("a time").0);
        assert!((0..30).contains(&age.as_secs()), "{age:?}");
    });
}
