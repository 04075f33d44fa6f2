//! Whom we trust, and certificates to log in with.

use super::server::Tls;
use super::{ask, connect, kubeconfig, load};
use meshwright::cluster::layers::Notice;
use meshwright::failure::Kind;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_taken_from_data_and_from_files_beside_the_kubeconfig() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let pair = server.client();
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("me.crt"), &pair.certificate).expect("written");
    std::fs::write(folder.path().join("me.key"), &pair.key).expect("written");
    std::fs::write(folder.path().join("ca.crt"), &server.authority).expect("written");
    let data =
        format!("{{client-certificate-data: {}, client-key-data: {}}}", pair.certificate_data(), pair.key_data());
    let files = "{client-certificate: me.crt, client-key: me.key}".to_owned();
    for (trust, user) in [(server.trust(), data), ("certificate-authority: ca.crt".to_owned(), files)] {
        let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &trust, &user));
        assert_eq!(ask(&connect(&kubeconfigs, "east").0).await.as_deref(), Ok("default"));
    }
    assert_eq!(server.guests.seen(), ["certificate", "certificate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_the_one_meant_is_told_at_once() {
    let (server, other) = (Tls::start(&["api.test"]).await, Tls::start(&["127.0.0.1"]).await);
    server.guests.accept(&["planted-token-41"]);
    let folder = tempfile::tempdir().expect("folder");
    let user = "{token: planted-token-41}";
    let named = format!("{}, tls-server-name: api.test", server.trust());
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &named, user));
    assert_eq!(ask(&connect(&kubeconfigs, "east").0).await.as_deref(), Ok("default"));
    for trust in [server.trust(), other.trust()] {
        let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &trust, user));
        let start = Instant::now();
        let failure = ask(&connect(&kubeconfigs, "east").0).await.expect_err("another server");
        assert_eq!(failure.kind, Kind::Unreachable, "{failure}");
        assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("certificate-authority")), "{failure:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
    assert_eq!(server.guests.seen(), ["Bearer planted-token-41"], "no token for a server that is not trusted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_checked_is_warned_of() {
    let server = Tls::start(&["elsewhere.test"]).await;
    server.guests.accept(&["planted-token-42"]);
    let folder = tempfile::tempdir().expect("folder");
    let text = kubeconfig(&server.url(), "insecure-skip-tls-verify: true", "{token: planted-token-42}");
    let (cluster, notices) = connect(&load(folder.path(), &text), "east");
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"));
    let notices = notices.lock().expect("lock").clone();
    assert!(matches!(notices.as_slice(), [Notice::Unchecked { cluster }] if &**cluster == "east"), "{notices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_is_read_again_when_its_token_is_refused() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "planted-token-43\n").expect("written");
    server.guests.accept(&["planted-token-43"]);
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), "{tokenFile: token}"));
    let (cluster, _) = connect(&kubeconfigs, "east");
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"), "without the line's end");
    std::fs::write(&token, "planted-token-44\n").expect("written");
    server.guests.accept(&["planted-token-44"]);
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"));
    std::fs::remove_file(&token).expect("removed");
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"), "the last token counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_file_that_is_replaced_is_read_again() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let (one, two) = (server.client(), server.client());
    let folder = tempfile::tempdir().expect("folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("me.crt", &one.certificate);
    write("me.key", &one.key);
    let user = "{client-certificate: me.crt, client-key: me.key}";
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), user));
    let (cluster, _) = connect(&kubeconfigs, "east");
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"));
    write("me.crt", &two.certificate);
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"), "its key comes later");
    write("me.key", &two.key);
    server.guests.refuse(&one);
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"));
    server.guests.refuse(&two);
    assert_eq!(ask(&cluster).await.expect_err("refused").kind, Kind::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_beside_a_token_file_counts_until_the_file_can_be_read() {
    let server = Tls::start(&["127.0.0.1"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let user = "{token: planted-token-45, tokenFile: token}";
    let kubeconfigs = load(folder.path(), &kubeconfig(&server.url(), &server.trust(), user));
    let (cluster, _) = connect(&kubeconfigs, "east");
    server.guests.accept(&["planted-token-45"]);
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"), "there is no file yet");
    std::fs::write(folder.path().join("token"), "planted-token-46\n").expect("written");
    server.guests.accept(&["planted-token-46"]);
    assert_eq!(ask(&cluster).await.as_deref(), Ok("default"));
    assert!(!meshwright::secret::Redactor::global().scrub("planted-token-45").contains("planted"));
}
