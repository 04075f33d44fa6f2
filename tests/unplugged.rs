//! The guide on real connections, and a cluster's network is unplugged in the middle of a step: half a minute later it is
//! plugged in again, and the run goes on to its end.
//!
//! The clusters are rehearsed ones behind real ports; what istioctl renders was rendered before.

mod stage;

use stage::rendering::{ADDRESS, rendering};
use stage::{Guide, STEPS};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of connections without a network.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pulled {
    /// Nothing comes through any more, no end either, as when a cable is pulled.
    Silent,
    /// They break, and new ones do too, as when a VPN goes down.
    Broken,
}

/// The way to a cluster.
struct Cable {
    port: u16,
    plugged: Arc<watch::Sender<bool>>,
}

impl Cable {
    /// To what listens at this port.
    async fn to(target: u16, pulled: Pulled) -> Cable {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let (plugged, sees) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(link(near, target, sees.clone(), pulled));
            }
        });
        Cable { port, plugged: Arc::new(plugged) }
    }
}

async fn link(mut near: TcpStream, target: u16, mut plugged: watch::Receiver<bool>, pulled: Pulled) {
    if *plugged.borrow() {
        let mut far = TcpStream::connect(("127.0.0.1", target)).await.expect("the cluster");
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
            _ = plugged.wait_for(|plugged| !plugged) => {}
        }
    }
    if pulled == Pulled::Silent {
        let _ = plugged.wait_for(|plugged| *plugged).await;
    }
    near.set_zero_linger().expect("reset");
}

/// Two clusters for the guide, and a home with a kubeconfig and an istioctl.
struct Site {
    home: tempfile::TempDir,
    guide: Guide,
    cables: Vec<Cable>,
    _network: tokio::runtime::Runtime,
}

const ISTIOCTL: &str = "#!/bin/sh
# What was rendered before, for the address that is asked for.
address=$(sed -n 's/.*remotePilotAddress: *\"*\\([0-9.]*\\).*/\\1/p')
if [ -n \"$address\" ]; then sed \"s/PLACEHOLDER/$address/g\" HOME/remote; else cat HOME/primary; fi
";

impl Site {
    fn new(pulled: Pulled) -> Site {
        let home = tempfile::tempdir().expect("folder");
        let guide = Guide::of(&[]);
        let world = guide.session().world().expect("a rehearsal").clone();
        world.catch_up();
        let network = tokio::runtime::Runtime::new().expect("runtime");
        let mut cables = Vec::new();
        for server in world.servers() {
            let listener = guide.session().runtime().block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a port");
            let port = listener.local_addr().expect("address").port();
            guide.session().runtime().handle().spawn(server.clone().serve(listener));
            cables.push(network.block_on(Cable::to(port, pulled)));
        }
        world.clock().follow_real_time(1);
        let site = Site { home, guide, cables, _network: network };
        site.furnish();
        site
    }

    fn furnish(&self) {
        let home = self.home.path();
        for cluster in ["primary", "remote"] {
            let objects = rendering("current", cluster).objects;
            let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
            let text = documents.join("\n---\n").replace(ADDRESS, "PLACEHOLDER");
            std::fs::write(home.join(cluster), text).expect("written");
        }
        let program = ISTIOCTL.replace("HOME", &home.display().to_string());
        std::fs::write(home.join("istioctl"), program).expect("written");
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.join("istioctl"), mode).expect("a program");
        let entry = |(name, cable): (&str, &Cable)| {
            let server = serde_json::json!({"server": format!("http://127.0.0.1:{}", cable.port)});
            serde_json::json!({"name": name, "cluster": server, "context": {"cluster": name, "user": "nobody"}})
        };
        let entries: Vec<_> = ["cluster1", "cluster2"].into_iter().zip(&self.cables).map(entry).collect();
        let users = [serde_json::json!({"name": "nobody", "user": {}})];
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "clusters": entries, "contexts": entries, "users": users,
        });
        std::fs::write(home.join("kubeconfig"), config.to_string()).expect("written");
    }

    fn run(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
        let remote = self.guide.server("cluster2").url();
        command.args([
            "run",
            "shared-gateways",
            "--primary",
            "cluster1",
            "--remote",
            "cluster2",
            "--yes",
            "--dialect",
            "current",
        ]);
        command.args(["--remote-server", &remote, "--yes"]).current_dir(self.home.path()).stdin(Stdio::null());
        let path = format!("{}:{}", self.home.path().display(), std::env::var("PATH").unwrap_or_default());
        command.env_clear().env("PATH", path).env("HOME", self.home.path()).env("NO_COLOR", "1");
        command.env("KUBECONFIG", self.home.path().join("kubeconfig"));
        command
    }

    fn writes(&self) -> usize {
        self.guide.writes_since(&[0, 0]).iter().filter(|write| !write.contains("/leases")).count()
    }

    /// What the journals hold.
    fn journal(&self) -> String {
        let folder = self.home.path().join(".local/state/meshwright/runs");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect()
    }
}

fn until(what: &str, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !there() {
        assert!(Instant::now() < end, "not within 120 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How long a cluster is out of reach.
const OUTAGE: Duration = Duration::from_secs(30);

/// The guide runs, a cluster is unplugged when `now` says so, and plugged in again half a minute later.
fn survives(pulled: Pulled, cluster: usize, what: &str, now: impl Fn(&Site) -> bool) {
    let site = Site::new(pulled);
    let log = std::fs::File::create(site.home.path().join("log")).expect("log");
    let mut child = site.run().stdout(Stdio::null()).stderr(log).spawn().expect("started");
    let told = || std::fs::read_to_string(site.home.path().join("log")).unwrap_or_default();
    until(what, || now(&site) || child.try_wait().expect("child").is_some());
    assert!(child.try_wait().expect("child").is_none(), "{what}: it ended before: {}", told());
    site.cables[cluster].plugged.send_replace(false);
    std::thread::sleep(OUTAGE);
    assert!(child.try_wait().expect("child").is_none(), "{what}: it ended: {}", told());
    site.cables[cluster].plugged.send_replace(true);
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(0), "{pulled:?}, {what}: {}", told());
    assert!(told().contains(&format!("Done: {} steps", STEPS.len())), "{}", told());
    let before = site.writes();
    let again = site.run().output().expect("started");
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(site.writes(), before, "once more: nothing to do");
}

fn begun(step: &str) -> impl Fn(&Site) -> bool {
    let begun = format!("\"step\":\"{step}\",\"what\":\"begin\"");
    move |site| site.journal().contains(&begun)
}

#[test]
fn a_pulled_cable_while_the_control_plane_is_installed() {
    survives(Pulled::Silent, 0, "some objects are there", |site| site.writes() >= 20);
}

#[test]
fn a_pulled_cable_while_the_control_plane_is_waited_for() {
    survives(Pulled::Silent, 0, "it waits", begun("Wait for the control plane"));
}

#[test]
fn a_vpn_that_goes_down_while_a_remote_is_installed() {
    survives(Pulled::Broken, 1, "it installs the remote", begun("Install the remote clusters"));
}

#[test]
fn a_vpn_that_goes_down_while_the_sample_is_deployed() {
    survives(Pulled::Broken, 1, "it deploys the sample", begun("Deploy helloworld and sleep"));
}

#[test]
fn a_vpn_that_goes_down_while_helloworld_is_called() {
    survives(Pulled::Broken, 0, "it calls helloworld", begun("Call helloworld from every cluster"));
}

#[test]
fn a_pulled_cable_while_helloworld_is_called() {
    survives(Pulled::Silent, 1, "it calls helloworld", begun("Call helloworld from every cluster"));
}
