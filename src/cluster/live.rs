//! The transport to a real cluster: kube's HTTPS client, made at the first request and again when credentials end.

use super::layers::retry::copy_of;
use crate::failure::{Failure, Kind};
use crate::secret::Redactor;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use kube::client::{AuthError, Body, ClientBuilder};
use kube::{Client, Config};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::Mutex;
use tower::{BoxError, Service};

/// How long before its client certificate ends a client is replaced.
const BEFORE_END: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// See the module. Clones share the connections.
#[derive(Clone)]
pub(super) struct Live(Arc<Inner>);

struct Inner {
    config: Config,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    client: Option<Client>,
    /// Which client this is: credentials are renewed once for all requests that were refused with the same ones.
    number: u64,
}

impl Live {
    pub fn new(config: Config) -> Live {
        Live(Arc::new(Inner { config, made: Mutex::default() }))
    }

    async fn client(&self) -> Result<(Client, u64), Failure> {
        let mut made = self.0.made.lock().await;
        if let Some(client) = made.client.as_ref().filter(|client| is_fresh(client)) {
            return Ok((client.clone(), made.number));
        }
        let (config, runtime) = (self.0.config.clone(), tokio::runtime::Handle::current());
        // Credential plugins are programs that may take their time.
        let built = tokio::task::spawn_blocking(move || {
            let _runtime = runtime.enter();
            ClientBuilder::try_from(config).map(ClientBuilder::build).map_err(|e| unusable(&e))
        });
        let client = built.await.map_err(|e| Failure::internal(format!("connecting stopped: {e}")))??;
        *made = Made { client: Some(client.clone()), number: made.number + 1 };
        Ok((client, made.number))
    }

    /// Forgets a client whose credentials the server refused; false when there are no others to get.
    async fn forget(&self, number: u64) -> bool {
        let auth = &self.0.config.auth_info;
        if auth.exec.is_none() && auth.auth_provider.is_none() && auth.token_file.is_none() {
            return false;
        }
        let mut made = self.0.made.lock().await;
        if made.number == number {
            made.client = None;
        }
        true
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let copy = copy_of(&request);
        let (client, number) = self.client().await?;
        let answer = client.send(request).await.map_err(of_plugin)?;
        if answer.status() != StatusCode::UNAUTHORIZED || !self.forget(number).await {
            return Ok(answer);
        }
        let Some(copy) = copy else { return Ok(answer) };
        let (client, _) = self.client().await?;
        client.send(copy).await.map_err(of_plugin)
    }
}

impl Service<Request<Body>> for Live {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

fn is_fresh(client: &Client) -> bool {
    client.valid_until().is_none_or(|end| jiff::Timestamp::now() + BEFORE_END < end)
}

/// A failure of a credential plugin at a later refresh comes as an error of a request.
fn of_plugin(error: kube::Error) -> BoxError {
    if let kube::Error::Auth(_) = &error {
        return unusable(&error).into();
    }
    if let kube::Error::Service(inner) = &error
        && let Some(auth) = inner.downcast_ref::<AuthError>()
    {
        return of_auth(auth).into();
    }
    error.into()
}

fn unusable(error: &kube::Error) -> Failure {
    match error {
        kube::Error::Auth(auth) => of_auth(auth),
        other => {
            let message = format!("no connection can be made with this kubeconfig: {}", scrubbed(&other.to_string()));
            Failure::usage(message)
        }
    }
}

/// What a credential plugin did. Its standard output may hold a token and is never shown.
fn of_auth(error: &AuthError) -> Failure {
    let message = match error {
        AuthError::AuthExecRun { out, .. } => {
            let text = String::from_utf8_lossy(&out.stderr);
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
            format!("the credential plugin of this context failed ({}): {last}", out.status)
        }
        AuthError::AuthExecParse(_) => "the credential plugin of this context printed no credentials".to_owned(),
        AuthError::AuthExecStart(error) => format!("the credential plugin of this context cannot be started: {error}"),
        other => format!("the credentials of this context cannot be used: {other}"),
    };
    Failure::new(Kind::Unauthorized, scrubbed(&message))
        .hint("log in with this context first, for example by `kubectl --context NAME get ns`")
}

fn scrubbed(text: &str) -> String {
    Redactor::global().scrub(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};

    fn plugin(script: &str) -> Config {
        let mut config = Config::new("https://127.0.0.1:1".parse().expect("uri"));
        let exec = ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".into()),
            command: Some("sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            interactive_mode: Some(ExecInteractiveMode::Never),
            ..ExecConfig::default()
        };
        config.auth_info = AuthInfo { exec: Some(exec), ..AuthInfo::default() };
        config
    }

    #[tokio::test]
    async fn a_failing_plugin_tells_its_last_line_and_no_token() {
        let live = Live::new(plugin("echo planted-token-3; echo please log in >&2; exit 3"));
        let failure = live.client().await.err().expect("failure");
        assert_eq!(failure.kind, Kind::Unauthorized);
        assert!(failure.message.ends_with("please log in"), "{}", failure.message);
        assert!(!failure.message.contains("planted"), "{}", failure.message);
    }

    #[tokio::test]
    async fn credentials_are_fetched_once_and_again_when_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let count = folder.path().join("count");
        let status =
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}}"#;
        let live = Live::new(plugin(&format!("echo run >> {}; echo '{status}'", count.display())));
        let runs = || std::fs::read_to_string(&count).unwrap_or_default().lines().count();
        let (_, number) = live.client().await.expect("client");
        let first = runs();
        live.client().await.expect("client");
        assert_eq!(runs(), first);
        assert!(live.forget(number).await && live.forget(number).await);
        live.client().await.expect("client");
        assert!(runs() > first);
    }
}
