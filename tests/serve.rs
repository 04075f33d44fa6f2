//! `rehearse` of tasks, and `rehearse … --serve`: the clusters as programs of the user's own see them.

mod ground;

use ground::Ground;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

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

    /// What kubectl says to these words; `None` when there is no kubectl here.
    fn kubectl(&self, line: &str) -> Option<Said> {
        self.kubectl_with(&line.split_whitespace().collect::<Vec<_>>())
    }

    fn kubectl_with(&self, args: &[&str]) -> Option<Said> {
        self.kubectl_in(&[], args)
    }

    fn kubectl_in(&self, environment: &[(&str, &str)], args: &[&str]) -> Option<Said> {
        let output = Command::new(kubectl()?)
            .args(args)
            .env_clear()
            .envs(environment.iter().copied())
            .env("HOME", self._ground.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .expect("kubectl");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    async fn client(&self, context: &str) -> kube::Client {
        let config = Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        let options = KubeConfigOptions { context: Some(context.into()), ..KubeConfigOptions::default() };
        let config = kube::Config::from_custom_kubeconfig(config, &options).await.expect("a context");
        kube::Client::try_from(config).expect("a client")
    }
}

/// What kubectl printed.
struct Said {
    ok: bool,
    out: String,
    err: String,
}

/// Where kubectl is; with `CI=true` in the environment its absence is a failure.
fn kubectl() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|file| file.is_file());
    assert!(found.is_some() || std::env::var("CI").as_deref() != Ok("true"), "kubectl is needed where CI=true");
    found
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

#[test]
fn every_end_removes_the_kubeconfig() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        if signal == Signal::SIGHUP && ground::outlives_its_terminal() {
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

/// A script that takes longer than rehearsals usually do.
const LONG: &str = r#"//! # Long
//! ---
//! params:
//!   c: {type: cluster}
//! needs: {write: ["*"]}
//! ---
step "Wait" {
    try { wait.until(|| false, #{timeout: "3h"}); } catch {}
    params.c.apply(#{apiVersion: "v1", kind: "Pod", metadata: #{name: "late", namespace: "default"}, spec: #{containers: [#{name: "c", image: "i"}]}});
    wait.ready(params.c.get("Pod", "default/late"));
}
"#;

#[test]
fn nothing_that_is_served_comes_from_the_future() {
    let ground = Ground::new(&["unused"]);
    let served = Served::start(&[&*ground.file("long.rhai", LONG).to_string_lossy()]);
    let Some(events) = served.kubectl("get events") else { return };
    assert!(events.out.contains("pod/late") && !events.out.contains("invalid"), "{}{}", events.out, events.err);
    let pods = served.kubectl("get pods,nodes,namespaces").expect("kubectl");
    assert!(pods.out.contains("late") && !pods.out.contains("invalid"), "{}", pods.out);
    assert!(served.kubectl("-n kube-node-lease get leases -o yaml").expect("kubectl").out.contains("renewTime"));
}

#[test]
fn kinds_and_fields_are_explained() {
    let ground = Ground::new(&["unused"]);
    let served = Served::start(&[&*ground.file("small.rhai", SMALL).to_string_lossy()]);
    for (field, words) in [
        ("deploy.spec", "DeploymentSpec is the specification of the desired behavior"),
        ("pod.spec.containers", "FIELD: containers <[]Container>"),
        ("svc.spec.ports", "nodePort\t<integer>"),
        ("secret.data", "FIELD: data <map[string]string>"),
        ("deploy.spec.template.spec.containers.livenessProbe.httpGet.port", "FIELD: port <IntOrString>"),
    ] {
        let Some(said) = served.kubectl(&format!("explain {field}")) else { return };
        assert!(said.out.contains(words), "{field}: {}{}", said.out, said.err);
    }
    let said = served.kubectl("explain deploy.spec.replica").expect("kubectl");
    assert_eq!(said.err.trim(), "error: field \"replica\" does not exist");
}

#[test]
fn clusters_are_served_as_real_ones_are() {
    let served = Served::start(&["shared-gateways"]);
    let config = std::fs::read_to_string(&served.kubeconfig).expect("a kubeconfig");
    assert!(config.contains("server: https://127.0.0.1:") && config.contains("certificate-authority-data:"));
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&served.kubeconfig).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let Some(said) = served.kubectl("--context cluster2 get namespaces -o name") else { return };
    assert!(said.ok && said.out.contains("namespace/istio-system"), "{}", said.err);
    let said = served.kubectl("--context cluster2 --token=unknown get namespaces").expect("kubectl");
    assert_eq!(said.err.trim(), "error: You must be logged in to the server (Unauthorized)");
    let kubectl = |line: &str| served.kubectl(&format!("--context cluster2 {line}")).expect("kubectl");

    // The account with which the primary reads the remote cluster.
    let secrets = "-n istio-system get secrets --field-selector=type=kubernetes.io/service-account-token -o";
    let annotation = "{.metadata.annotations.kubernetes\\.io/service-account\\.name}";
    let listed =
        kubectl(&format!(r#"{secrets} jsonpath={{range.items[*]}}{annotation}{{":"}}{{.data.token}}{{"\n"}}{{end}}"#));
    let (account, token) = listed.out.lines().next().and_then(|line| line.split_once(':')).expect("a token");
    use base64::Engine as _;
    let token = base64::engine::general_purpose::STANDARD.decode(token).expect("base64");
    let token = String::from_utf8(token).expect("text");
    let as_account = |line: &str| kubectl(&format!("--token={token} {line}"));
    let who = as_account("auth whoami");
    assert!(who.out.contains(&format!("system:serviceaccount:istio-system:{account}")), "{}{}", who.out, who.err);
    assert!(as_account("get services -A").ok);
    let said = as_account("-n istio-system create serviceaccount x");
    let words = format!(
        "error: failed to create serviceaccount: serviceaccounts is forbidden: User \"system:serviceaccount:istio-system:{account}\" cannot create resource \"serviceaccounts\" in API group \"\" in the namespace \"istio-system\""
    );
    assert_eq!(said.err.trim(), words);
    assert_eq!(as_account("auth can-i delete pods").out.trim(), "no");
    assert!(as_account("auth can-i --list").out.contains("services"));
    assert_eq!(kubectl("auth can-i '*' '*'").out.trim(), "yes");
    let asked = kubectl(&format!("--as=system:serviceaccount:istio-system:{account} auth can-i list pods -A"));
    assert_eq!(asked.out.trim(), "yes");
}

/// What a GET of this path on a forwarded port of helloworld answers.
fn forwarded(served: &Served, over_websocket: bool, path: &str) -> Option<String> {
    use std::io::{Read as _, Write as _};
    let mut command = Command::new(kubectl()?);
    command.args(["--context", "cluster2", "-n", "sample", "port-forward", "svc/helloworld", ":5000"]);
    command.env_clear().env("HOME", served._ground.home.path()).env("KUBECONFIG", &served.kubeconfig);
    command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", over_websocket.to_string());
    let mut program = command.stdout(Stdio::piped()).spawn().expect("kubectl");
    let mut line = String::new();
    let mut lines = BufReader::new(program.stdout.take().expect("stdout"));
    lines.read_line(&mut line).expect("a line");
    let address = line.strip_prefix("Forwarding from ").and_then(|line| line.split(' ').next()).expect("an address");
    let mut stream = std::net::TcpStream::connect(address).expect("connected");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    stream.shutdown(std::net::Shutdown::Write).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    program.kill().expect("ended");
    program.wait().expect("ended");
    Some(answer)
}

#[test]
fn the_stored_kubeconfig_of_a_remote_cluster_works() {
    let served = Served::start(&["shared-gateways", "--dialect", "classic"]);
    let secret = "--context cluster1 -n istio-system get secrets -l istio/multiCluster=true -o";
    let config = "go-template={{range.items}}{{range.data}}{{.}}{{end}}{{end}}";
    let Some(said) = served.kubectl(&format!("{secret} {config}")) else { return };
    use base64::Engine as _;
    let config = base64::engine::general_purpose::STANDARD.decode(said.out).expect("base64");
    let file = served._ground.file("remote.kubeconfig", &String::from_utf8(config).expect("text"));
    // Its own address is one of the rehearsal; the certificate is checked all the same.
    let address = "--context cluster2 config view --minify -o jsonpath={.clusters[0].cluster.server}";
    let address = served.kubectl(address).expect("kubectl").out;
    let remote = |line: &str| {
        served.kubectl(&format!("--kubeconfig {} --server {address} {line}", file.display())).expect("kubectl")
    };
    let said = remote("get pods -A");
    assert!(said.ok && said.out.contains("helloworld-v2"), "{}", said.err);
    let said = remote("-n sample delete pods --all");
    assert!(!said.ok && said.err.contains("cannot delete resource \"pods\""), "{}{}", said.out, said.err);
}

#[test]
fn pods_are_looked_into() {
    let served = Served::start(&["shared-gateways"]);
    let Some(said) = served.kubectl("-n istio-system exec deploy/istiod -- ls /etc/cacerts") else { return };
    assert_eq!(said.out, "ca-cert.pem\nca-key.pem\ncert-chain.pem\nroot-cert.pem\n", "{}", said.err);
    let watched = r#"{"id":"n2-k8s-config","secretName":"istio-system/n2-k8s-secret","syncStatus":"synced"}"#;
    let proxy = r#"{"cluster_id":"n2-k8s-config","istio_version":"1.31.0","proxy":"#;
    for (page, words) in [("clusterz", watched), ("syncz", proxy)] {
        let asked = format!("-n istio-system exec deploy/istiod -- curl -s localhost:15014/debug/{page}");
        assert!(served.kubectl(&asked).expect("kubectl").out.contains(words), "{page}");
    }
    let pod = served.kubectl("-n sample get pod -l app=sleep -o name").expect("kubectl").out;
    let said = served
        .kubectl(&format!("-n sample debug {} --image=busybox:1 --profile=general", pod.trim()))
        .expect("kubectl");
    assert!(said.ok, "{}", said.err);
    let running = "jsonpath={.status.ephemeralContainerStatuses[0].state.running}";
    let said =
        served.kubectl(&format!("-n sample wait {} --for={running} --timeout=20s", pod.trim())).expect("kubectl");
    assert!(said.ok, "{}", said.err);
    let said = served
        .kubectl(&format!("-n sample cp {}:/etc/hosts hosts", pod.trim().trim_start_matches("pod/")))
        .expect("kubectl");
    assert!(!said.ok && format!("{}{}", said.out, said.err).contains("tar: not found: this pod is rehearsed"));
    let said = served.kubectl("top pods").expect("kubectl");
    assert_eq!(said.err.trim(), "error: Metrics API not available");
}

#[test]
fn pods_are_reached_by_kubectl_of_any_age() {
    let served = Served::start(&["shared-gateways"]);
    for over_websocket in [true, false] {
        let Some(answer) = forwarded(&served, over_websocket, "/hello") else { return };
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("Hello version: v2"), "{answer}");
        let answer = forwarded(&served, over_websocket, "/nothing").expect("kubectl");
        assert!(answer.starts_with("HTTP/1.1 404 Not Found"), "{answer}");
        let websocket = [("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", if over_websocket { "true" } else { "false" })];
        let exec = |words: &[&str]| {
            let pod = ["--context", "cluster2", "-n", "sample", "exec", "-i", "deploy/sleep", "-c", "sleep", "--"];
            served.kubectl_in(&websocket, &[&pod, words].concat()).expect("kubectl")
        };
        assert!(exec(&["curl", "-sS", "helloworld:5000/hello"]).out.contains("Hello version"));
        assert_eq!(exec(&["printenv", "HOSTNAME"]).out, exec(&["hostname"]).out);
        let said = exec(&["nothing"]);
        assert!(!said.ok && said.err.contains("nothing: not found: this pod is rehearsed"), "{}", said.err);
        assert!(
            said.err.ends_with("rehearsal.rhai plays curl\ncommand terminated with exit code 127\n"),
            "{}",
            said.err
        );
    }
}

#[test]
fn istios_kinds_are_shown_explained_and_checked() {
    let served = Served::start(&["shared-gateways"]);
    let Some(said) = served.kubectl("explain virtualservice.spec.http.route") else { return };
    assert!(said.out.contains("FIELD: route <[]Object>") && said.out.contains("weight\t<integer>"), "{}", said.out);
    let said = served.kubectl("-n istio-system get virtualservices").expect("kubectl");
    let lines: Vec<_> = said.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["NAME", "GATEWAYS", "HOSTS", "AGE"], "{}", said.out);
    assert_eq!(lines[1][..3], ["istiod-vs", r#"["istiod-gateway"]"#, r#"["*"]"#], "{}", said.out);
    let gateway = |tls: &str| {
        format!(
            r#"{{"apiVersion":"networking.istio.io/v1","kind":"Gateway","metadata":{{"name":"g","namespace":"default"}},
            "spec":{{"servers":[{{"hosts":["*"],"port":{{"name":"tls","number":443,"protocol":"TLS"}},"tls":{tls}}}]}}}}"#
        )
    };
    let file = served._ground.file("gateway.yaml", &gateway(r#"{"mode":"AUTO_PASSTHROUGH"}"#));
    let apply = format!("apply -f {}", file.display());
    assert!(served.kubectl(&apply).expect("kubectl").ok);
    served._ground.file("gateway.yaml", &gateway(r#"{"mode":"AUTO_PASS"}"#));
    let said = served.kubectl(&apply).expect("kubectl").err;
    assert!(said.contains(r#"tls.mode: Unsupported value: "AUTO_PASS": supported values: "PASSTHROUGH""#), "{said}");
    served._ground.file("gateway.yaml", &gateway(r#"{"modus":"SIMPLE"}"#));
    let said = served.kubectl(&apply).expect("kubectl").err;
    assert!(said.contains(r#"unknown field "spec.servers[0].tls.modus""#), "{said}");
}

#[test]
fn calls_are_logged_at_the_time_that_is_served() {
    let served = Served::start(&["shared-gateways"]);
    let Some(pods) = served.kubectl("-n sample get pods -l app=sleep -o name") else { return };
    let sleep = |line: &str| served.kubectl(&format!("-n sample {line} {}", pods.out.trim())).expect("kubectl").out;
    let made: jiff::Timestamp = sleep("get -o jsonpath={.metadata.creationTimestamp}").parse().expect("a time");
    let logs = sleep("logs -c istio-proxy");
    let calls = logs.lines().filter_map(|line| line.strip_prefix('[')?.split(']').next());
    let calls: Vec<jiff::Timestamp> = calls.map(|time| time.parse().expect("a time")).collect();
    let is_right = |call: &jiff::Timestamp| *call >= made && *call <= jiff::Timestamp::now();
    assert!(!calls.is_empty() && calls.iter().all(is_right), "{calls:?}");
}

/// A pod that never gets ready is asked about again and again: no hours may pass before somebody looks.
#[test]
fn what_is_served_is_what_the_script_left() {
    let ground = Ground::new(&["unused"]);
    let script = "//! # Stuck\n//! ---\n//! params:\n//!   c: {type: cluster}\n//! needs:\n//!   write: [default]\n//! ---\n\
                  params.c.apply(#{apiVersion: \"v1\", kind: \"Pod\", metadata: #{name: \"p\", namespace: \"default\"}, \
                  spec: #{containers: [#{name: \"a\", image: \"a\", command: [\"false\"]}]}});\n";
    let path = ground.file("stuck.rhai", script);
    let served = Served::start(&[&path.to_string_lossy()]);
    let Some(said) = served.kubectl("get pod p -o jsonpath={.metadata.creationTimestamp}") else { return };
    let made: jiff::Timestamp = said.out.parse().unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
    assert!(jiff::Timestamp::now().duration_since(made).as_secs() < 60, "{made}");
}
