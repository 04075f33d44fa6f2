//! Logging in as kubectl does, over TLS on loopback: certificates, tokens, credential plugins, proxies, kubeconfig files.

mod certificates;
mod files;
mod plugins;
mod proxies;
mod server;
mod terminal;

use meshwright::clock::Clock;
use meshwright::cluster::Cluster;
use meshwright::cluster::kubeconfig::Kubeconfigs;
use meshwright::cluster::layers::{Notice, Settings};
use meshwright::failure::Result;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

type Notices = Arc<Mutex<Vec<Notice>>>;

/// The kubeconfigs in this file of a folder.
fn load(folder: &Path, text: &str) -> Kubeconfigs {
    let file = folder.join("config");
    std::fs::write(&file, text).expect("written");
    Kubeconfigs::load(Some(&file)).expect("kubeconfig")
}

/// The cluster of a context, and what the user is told.
fn connect(kubeconfigs: &Kubeconfigs, context: &str) -> (Cluster, Notices) {
    let notices = Notices::default();
    let sink = notices.clone();
    let server = kubeconfigs.server(context).expect("server");
    let mut settings = Settings::new(context, &server, Clock::real());
    settings.listener =
        Arc::new(move |notice| sink.lock().unwrap_or_else(PoisonError::into_inner).push(notice.clone()));
    (kubeconfigs.connect(context, settings).expect("cluster"), notices)
}

/// Asks a cluster for something.
async fn ask(cluster: &Cluster) -> Result<String> {
    let request = http::Request::get("/api/v1/namespaces/default").body(Vec::new()).expect("request");
    cluster.send(request).await.map(|object| object.name().to_owned())
}

/// A kubeconfig with contexts `east` and `west` at the same server, with the same user.
fn kubeconfig(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\n\
         clusters:\n- {{name: e, cluster: {{server: '{server}', {cluster}}}}}\n\
         contexts:\n- {{name: east, context: {{cluster: e, user: u}}}}\n- {{name: west, context: {{cluster: e, user: u}}}}\n\
         users:\n- {{name: u, user: {user}}}\n"
    )
}
