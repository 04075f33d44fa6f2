//! An HTTPS server on loopback that looks at who asks, with an authority of its own.

use base64::Engine as _;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};
use tokio_util::task::AbortOnDropHandle;

/// Who is let in, and who has come.
#[derive(Default)]
pub struct Guests {
    tokens: Mutex<BTreeSet<String>>,
    seen: Mutex<Vec<String>>,
    former: Mutex<Option<CertificateDer<'static>>>,
}

impl Guests {
    /// Only these tokens are accepted from now on.
    pub fn accept(&self, tokens: &[&str]) {
        let tokens = tokens.iter().map(|token| token.to_string()).collect();
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// How everybody has shown who they are: `Bearer …`, `certificate`, or nothing.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This certificate does not count any more.
    pub fn refuse(&self, pair: &Pair) {
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("PEM");
        *self.former.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    fn look_at(&self, header: &str, certificate: Option<&CertificateDer<'static>>) -> bool {
        let shown = if certificate.is_some() { "certificate".to_owned() } else { header.to_owned() };
        let is_former = self.former.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == certificate;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(shown);
        let token = header.strip_prefix("Bearer ").unwrap_or_default();
        certificate.is_some() && !is_former
            || self.tokens.lock().unwrap_or_else(PoisonError::into_inner).contains(token)
    }
}

/// A certificate with its key, in PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Pair {
    pub fn certificate_data(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.certificate)
    }

    pub fn key_data(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.key)
    }
}

/// See the module.
pub struct Tls {
    pub address: SocketAddr,
    pub guests: Arc<Guests>,
    /// The authority's certificate in PEM.
    pub authority: String,
    issuer: Issuer<'static, KeyPair>,
    _task: AbortOnDropHandle<()>,
}

impl Tls {
    /// A server whose certificate is for these names.
    pub async fn start(names: &[&str]) -> Tls {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("root");
        let issuer = Issuer::new(params, key);
        let leaf_key = KeyPair::generate().expect("key");
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let leaf = CertificateParams::new(names).expect("params").signed_by(&leaf_key, &issuer).expect("signed");
        let config = server_config(root.der().clone(), leaf.der().clone(), leaf_key.serialize_der());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, guests) = (listener.local_addr().expect("address"), Arc::new(Guests::default()));
        let task = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), guests.clone()));
        Tls { address, guests, authority: root.pem(), issuer, _task: AbortOnDropHandle::new(task) }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The authority as a field of a kubeconfig's cluster.
    pub fn trust(&self) -> String {
        let data = base64::engine::general_purpose::STANDARD.encode(&self.authority);
        format!("certificate-authority-data: {data}")
    }

    /// A certificate to log in with.
    pub fn client(&self) -> Pair {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

fn server_config(root: CertificateDer<'static>, leaf: CertificateDer<'static>, key: Vec<u8>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let verifier = verifier.allow_unauthenticated().build().expect("verifier");
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").with_client_cert_verifier(verifier);
    builder.with_single_cert(vec![leaf], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key))).expect("certificate")
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, guests: Arc<Guests>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, guests) = (acceptor.clone(), guests.clone());
        tokio::spawn(async move {
            // Clients that do not trust us end here.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let shown = stream.get_ref().1.peer_certificates();
            let certificate = shown.and_then(|all| all.first().cloned()).map(CertificateDer::into_owned);
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                let welcome = guests.look_at(header.unwrap_or_default(), certificate.as_ref());
                std::future::ready(Ok::<_, std::convert::Infallible>(answer(request.uri().path(), welcome)))
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(path: &str, welcome: bool) -> Response<Full<Bytes>> {
    let (code, body) = match path {
        _ if !welcome => (401, r#"{"kind":"Status","code":401,"reason":"Unauthorized","message":"Unauthorized"}"#),
        "/version" => (200, r#"{"major":"1","minor":"34","gitVersion":"v1.34.4"}"#),
        _ => (200, r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"default","uid":"1"}}"#),
    };
    let builder = Response::builder().status(code).header("content-type", "application/json");
    builder.body(Full::new(Bytes::from(body))).expect("response")
}
