//! Servers behind proxies. Their names mean something to the proxy only.

use super::server::Tls;
use super::{ask, connect, kubeconfig, load};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that leads everybody to this address and remembers where they wanted to go.
async fn proxy(to: SocketAddr, socks: bool) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, asked) = (listener.local_addr().expect("address"), Arc::new(Mutex::new(Vec::new())));
    let log = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let log = log.clone();
            tokio::spawn(async move {
                let wanted = if socks { greet_socks(&mut near).await } else { greet_http(&mut near).await };
                log.lock().expect("lock").push(wanted);
                let mut far = TcpStream::connect(to).await.expect("the server");
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, asked)
}

async fn greet_http(near: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.expect("head"));
    }
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("answer");
    String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned()
}

async fn greet_socks(near: &mut TcpStream) -> String {
    let mut methods = [0; 2];
    near.read_exact(&mut methods).await.expect("greeting");
    near.read_exact(&mut vec![0; usize::from(methods[1])]).await.expect("methods");
    near.write_all(&[5, 0]).await.expect("answer");
    let mut head = [0; 4];
    near.read_exact(&mut head).await.expect("request");
    assert_eq!(head[3], 3, "a name, for the proxy to resolve");
    let mut name = vec![0; usize::from(near.read_u8().await.expect("length"))];
    near.read_exact(&mut name).await.expect("name");
    let port = near.read_u16().await.expect("port");
    near.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.expect("answer");
    format!("{}:{port}", String::from_utf8_lossy(&name))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubeconfigs_proxy_is_used_and_resolves_the_name() {
    let server = Tls::start(&["api.test"]).await;
    server.guests.accept(&["planted-token-61"]);
    let folder = tempfile::tempdir().expect("folder");
    for (scheme, socks) in [("http", false), ("socks5", true), ("socks5h", true)] {
        let (address, asked) = proxy(server.address, socks).await;
        let cluster = format!("{}, proxy-url: '{scheme}://{address}'", server.trust());
        let text = kubeconfig("https://api.test:6443", &cluster, "{token: planted-token-61}");
        assert_eq!(ask(&connect(&load(folder.path(), &text), "east").0).await.as_deref(), Ok("default"), "{scheme}");
        let asked = asked.lock().expect("lock").join(" ");
        assert!(asked.contains("api.test:6443"), "{scheme}: {asked}");
    }
}

/// The output of the program with the proxy in its environment.
async fn version_by(server: &Tls, variables: &[(&str, String)]) -> (bool, String) {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("config");
    let text = kubeconfig("https://api.test:6443", &server.trust(), "{token: planted-token-62}");
    std::fs::write(&file, text).expect("written");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.args(["eval", r#"kube.cluster("east").version()"#]).stdin(std::process::Stdio::null());
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("KUBECONFIG", &file).env("XDG_STATE_HOME", folder.path());
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().await.expect("ran");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environments_proxy_is_used_unless_no_proxy_says_otherwise() {
    let server = Tls::start(&["api.test"]).await;
    server.guests.accept(&["planted-token-62"]);
    let (address, asked) = proxy(server.address, false).await;
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let (fine, said) = version_by(&server, &[(name, format!("http://{address}"))]).await;
        assert!(fine && said.contains("v1.34.4"), "{name}: {said}");
    }
    let before = asked.lock().expect("lock").len();
    let direct = [("HTTPS_PROXY", format!("http://{address}")), ("NO_PROXY", ".test".to_owned())];
    let (fine, said) = version_by(&server, &direct).await;
    assert!(!fine && !said.contains("planted"), "{said}");
    assert_eq!(asked.lock().expect("lock").len(), before);
    let (fine, said) = version_by(&server, &[("HTTPS_PROXY", "http://me:planted-63@127.0.0.1:9".into())]).await;
    assert!(!fine && said.contains("through the proxy http://127.0.0.1:9") && !said.contains("planted"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_exceptions_is_read_as_kubectl_reads_it() {
    let server = Tls::start(&["api.test"]).await;
    server.guests.accept(&["planted-token-62"]);
    let (address, asked) = proxy(server.address, false).await;
    for exceptions in ["localhost,127.0.0.1,", "a.test, b.test", "<local>", ",", "10.0.0.0/99, [::1"] {
        let variables = [("HTTPS_PROXY", address.to_string()), ("NO_PROXY", exceptions.to_owned())];
        let (fine, said) = version_by(&server, &variables).await;
        assert!(fine && said.contains("v1.34.4"), "{exceptions}: {said}");
    }
    assert_eq!(asked.lock().expect("lock").len(), 5);
}
