//! The table in docs/reliability.md: who survives the twenty faults. `benches/faults` makes it.

use super::Bench;
use super::scenes::{FAULTS, Fault, Scene};
use super::waiting;
use futures::future::{BoxFuture, FutureExt as _, join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// When the pod turns Ready.
const READY: Duration = Duration::from_millis(2500);
/// How long a client may take.
const LIMIT: Duration = Duration::from_secs(25);

type Client = fn(&Scene) -> BoxFuture<'_, Result<(), String>>;

/// What became of one wait.
enum Cell {
    Survived(Duration),
    Lost(String),
    /// It said Ready before the pod was.
    Wrong(Duration),
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Cell::Survived(took) => format!("✓ {:.1} s", took.as_secs_f32()),
            Cell::Lost(why) => format!("✗ {why}"),
            Cell::Wrong(took) => format!("✗ said so after {:.1} s", took.as_secs_f32()),
        }
    }
}

fn ours(scene: &Scene) -> BoxFuture<'_, Result<(), String>> {
    async {
        let bench = Bench::on(&scene.front);
        waiting::wait(&bench, LIMIT).await.map(drop).map_err(|failure| failure.message)
    }
    .boxed()
}

fn kubectl(scene: &Scene) -> BoxFuture<'_, Result<(), String>> {
    async {
        let home = tempfile::tempdir().map_err(|e| e.to_string())?;
        let file = home.path().join("config");
        std::fs::write(&file, scene.front.kubeconfig()).map_err(|e| e.to_string())?;
        let mut command = tokio::process::Command::new("kubectl");
        command.args(["wait", "pod/p", "--namespace=default", "--for=condition=Ready"]);
        command.arg(format!("--timeout={}s", LIMIT.as_secs())).arg("--kubeconfig").arg(&file);
        command.env("HOME", home.path()).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(said.lines().last().unwrap_or_default().to_owned()) }
    }
    .boxed()
}

fn kube_rs(scene: &Scene) -> BoxFuture<'_, Result<(), String>> {
    async {
        let config = Kubeconfig::from_yaml(&scene.front.kubeconfig()).map_err(|e| e.to_string())?;
        let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await;
        let client = kube::Client::try_from(config.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
        let pods: kube::Api<Pod> = kube::Api::namespaced(client, "default");
        let ready = |pod: Option<&Pod>| {
            let conditions = pod.and_then(|pod| pod.status.as_ref()?.conditions.as_ref());
            conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
        };
        kube_runtime::wait::await_condition(pods, "p", ready).await.map(drop).map_err(|e| e.to_string())
    }
    .boxed()
}

async fn cell(fault: &Fault, client: Client) -> Cell {
    let scene = Scene::new(fault, READY);
    let start = Instant::now();
    let outcome = tokio::time::timeout(LIMIT, client(&scene)).await;
    let took = start.elapsed();
    match outcome {
        Ok(Ok(())) if took < READY - Duration::from_millis(100) => Cell::Wrong(took),
        Ok(Ok(())) => Cell::Survived(took),
        Ok(Err(_)) if took < LIMIT - Duration::from_secs(1) => {
            Cell::Lost(format!("gave up after {:.1} s", took.as_secs_f32()))
        }
        _ => Cell::Lost(format!("not within {} s", LIMIT.as_secs())),
    }
}

async fn column(client: Client) -> Vec<Cell> {
    join_all(FAULTS.iter().map(|fault| cell(fault, client))).await
}

fn survived(cells: &[Cell]) -> usize {
    cells.iter().filter(|cell| matches!(cell, Cell::Survived(_))).count()
}

fn kube_version() -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let entry = lock.split("name = \"kube-runtime\"").nth(1).unwrap_or_default();
    entry.split('"').nth(1).unwrap_or_default()
}

fn kubectl_version() -> Option<String> {
    let output = std::process::Command::new("kubectl").args(["version", "--client", "-o", "json"]).output().ok()?;
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    value["clientVersion"]["gitVersion"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and needs kubectl: benches/faults runs it"]
async fn table() {
    let kubectl_version = kubectl_version().expect("kubectl in the PATH");
    let columns = [
        ("meshwright".to_owned(), column(ours).await),
        (format!("kubectl {kubectl_version} `wait`"), column(kubectl).await),
        (format!("kube-rs {} `await_condition`", kube_version()), column(kube_rs).await),
    ];
    let mut text = String::from("| fault |");
    columns.iter().for_each(|(name, _)| write!(text, " {name} |").expect("text"));
    text.push_str("\n| --- | --- | --- | --- |\n");
    for (row, fault) in FAULTS.iter().enumerate() {
        write!(text, "| {} |", fault.name).expect("text");
        columns.iter().for_each(|(_, cells)| write!(text, " {} |", cells[row].text()).expect("text"));
        text.push('\n');
    }
    text.push_str("| **survived** |");
    let all = FAULTS.len();
    columns.iter().for_each(|(_, cells)| write!(text, " **{} of {all}** |", survived(cells)).expect("text"));
    match std::env::var_os("TABLE") {
        Some(file) => std::fs::write(file, text + "\n").expect("written"),
        None => println!("{text}"),
    }
    assert_eq!(survived(&columns[0].1), all, "meshwright survives them all");
}
