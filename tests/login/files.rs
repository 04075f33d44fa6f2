//! Kubeconfig files, as a user's shell names them.

use super::kubeconfig;
use super::server::Tls;
use std::path::Path;
use std::process::Output;

async fn version(context: &str, files: &[&Path], allow_http: bool) -> (Option<i32>, String) {
    let state = tempfile::tempdir().expect("folder");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.args(["eval", &format!("kube.cluster({context:?}).version()")]).stdin(std::process::Stdio::null());
    command.env("KUBECONFIG", std::env::join_paths(files).expect("paths")).env("XDG_STATE_HOME", state.path());
    if allow_http {
        command.env("MESHWRIGHT_ALLOW_HTTP", "1");
    }
    let Output { status, stdout, stderr } = command.output().await.expect("ran");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_are_one_and_the_first_to_say_something_is_heard() {
    let server = Tls::start(&["127.0.0.1"]).await;
    server.guests.accept(&["planted-token-71"]);
    let folder = tempfile::tempdir().expect("folder");
    let (one, two, none) = (folder.path().join("one"), folder.path().join("two"), folder.path().join("none"));
    let contexts = "contexts: [{name: east, context: {cluster: e, user: u}}]\n";
    let users = "users: [{name: u, user: {token: planted-token-71}}]\n";
    std::fs::write(&one, format!("apiVersion: v1\nkind: Config\n{contexts}{users}")).expect("written");
    // Its user is another one, and does not count; its cluster does.
    std::fs::write(&two, kubeconfig(&server.url(), &server.trust(), "{token: planted-token-72}")).expect("written");
    let (code, said) = version("east", &[&none, &one, &two], false).await;
    assert!(code == Some(0) && said.contains("v1.34.4"), "{said}");
    assert_eq!(version("west", &[&one, &two], false).await.0, Some(0), "contexts of both files");
    assert!(server.guests.seen().iter().all(|shown| shown == "Bearer planted-token-71"), "{:?}", server.guests.seen());
    let (code, said) = version("east", &[&two, &one], false).await;
    assert!(code == Some(1) && !said.contains("planted"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_do_not_travel_in_the_clear() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("config");
    let plain = |server: &str| kubeconfig(server, "disable-compression: true", "{token: planted-token-73}");
    std::fs::write(&file, plain("http://api.test:8080")).expect("written");
    for allowed in [false, true] {
        let (code, said) = version("east", &[&file], allowed).await;
        assert!(code == Some(4) && said.contains("not https") && !said.contains("planted"), "{said}");
    }
    std::fs::write(&file, plain("http://127.0.0.1:1")).expect("written");
    let (code, said) = version("east", &[&file], false).await;
    assert!(code == Some(4) && said.contains("MESHWRIGHT_ALLOW_HTTP"), "{said}");
    let (code, said) = version("east", &[&file], true).await;
    assert_eq!(code, Some(5), "nobody is there: {said}");
}
