//! The transport to a real cluster: kube's HTTPS client, made at the first request and again when its certificate ends.
//!
//! It is ready when it has credentials: whoever measures how long a request takes starts after that.

use super::layers::Renewed;
use super::login::{Credentials, Login};
use crate::failure::{Failure, Kind};
use crate::secret::Redactor;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use kube::client::{AuthError, Body, ClientBuilder};
use kube::config::AuthInfo;
use kube::{Client, Config};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;
use tokio::sync::Mutex;
use tower::{BoxError, Service};

/// How long before its client certificate ends a client is replaced.
const BEFORE_END: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// See the module. Clones share the connections.
pub(super) struct Live {
    inner: Arc<Inner>,
    connecting: Option<BoxFuture<'static, Result<Connection, Failure>>>,
    connection: Option<Connection>,
}

impl Clone for Live {
    fn clone(&self) -> Live {
        Live { inner: self.inner.clone(), connecting: None, connection: None }
    }
}

struct Inner {
    config: Config,
    login: Login,
    made: Mutex<Option<Made>>,
}

/// A client.
struct Made {
    client: Client,
    /// The number of the credentials whose certificate it has.
    number: u64,
    /// What the files of its certificate and key were then.
    files: Files,
}

/// When each of the files of certificate and key was written, and how long it is.
type Files = [Option<(SystemTime, u64)>; 2];

/// What the certificate and key files of a user entry are now.
fn files(auth: &AuthInfo) -> Files {
    let of = |file: &Option<String>| {
        let known = std::fs::metadata(file.as_ref()?).ok()?;
        Some((known.modified().ok()?, known.len()))
    };
    [of(&auth.client_certificate), of(&auth.client_key)]
}

/// What one request is sent with.
struct Connection {
    client: Client,
    files: Files,
    header: Option<HeaderValue>,
    number: u64,
}

impl Live {
    pub fn new(config: Config, login: Login) -> Live {
        let inner = Inner { config, login, made: Mutex::default() };
        Live { inner: Arc::new(inner), connecting: None, connection: None }
    }
}

impl Inner {
    async fn connect(self: Arc<Inner>) -> Result<Connection, Failure> {
        let credentials = self.login.credentials().await?;
        let (header, number) = (credentials.header.clone(), credentials.number);
        let mut made = self.made.lock().await;
        let files = files(&self.config.auth_info);
        let fits = |of: u64| credentials.identity.is_none() || of == number;
        let fresh = made.as_ref().filter(|made| is_fresh(&made.client) && fits(made.number));
        let usable = fresh.map(|made| Connection {
            client: made.client.clone(),
            files: made.files,
            header: header.clone(),
            number,
        });
        match usable {
            Some(connection) if connection.files == files => Ok(connection),
            // Whoever replaces the files may have replaced one of them so far.
            Some(connection) => match build(&self.config, credentials).await {
                Ok(client) => Ok(keep(&mut made, client, files, header, number)),
                Err(_) => Ok(connection),
            },
            None => Ok(keep(&mut made, build(&self.config, credentials).await?, files, header, number)),
        }
    }

    /// Forgets credentials that the server refused; false when there are no others to get.
    async fn refused(&self, number: u64, used: Files) -> bool {
        if files(&self.config.auth_info) != used {
            return true;
        }
        if self.config.auth_info.auth_provider.is_some() {
            *self.made.lock().await = None;
            return true;
        }
        self.login.refused(number)
    }

    async fn send(self: Arc<Inner>, with: Connection, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        if let Some(header) = with.header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let mut answer = with.client.send(request).await.map_err(of_provider)?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.refused(with.number, with.files).await {
            answer.extensions_mut().insert(Renewed);
        }
        Ok(answer)
    }
}

fn keep(made: &mut Option<Made>, client: Client, files: Files, header: Option<HeaderValue>, number: u64) -> Connection {
    *made = Some(Made { client: client.clone(), number, files });
    Connection { client, files, header, number }
}

async fn build(config: &Config, credentials: Credentials) -> Result<Client, Failure> {
    let mut config = config.clone();
    config.auth_info = credentials.into_auth(&config.auth_info);
    let runtime = tokio::runtime::Handle::current();
    // Older credential providers run programs that may take their time.
    let built = tokio::task::spawn_blocking(move || {
        let _runtime = runtime.enter();
        ClientBuilder::try_from(config).map(ClientBuilder::build).map_err(|e| unusable(&e))
    });
    built.await.map_err(|e| Failure::internal(format!("connecting stopped: {e}")))?
}

impl Service<Request<Body>> for Live {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.connection.is_none() {
            let inner = &self.inner;
            let connecting = self.connecting.get_or_insert_with(|| inner.clone().connect().boxed());
            let connection = ready!(connecting.poll_unpin(context));
            self.connecting = None;
            self.connection = Some(connection?);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, connection) = (self.inner.clone(), self.connection.take());
        Box::pin(async move {
            let connection = match connection {
                Some(connection) => connection,
                None => inner.clone().connect().await?,
            };
            inner.send(connection, request).await
        })
    }
}

fn is_fresh(client: &Client) -> bool {
    client.valid_until().is_none_or(|end| jiff::Timestamp::now() + BEFORE_END < end)
}

/// A failure of a credential provider at a later refresh comes as an error of a request.
fn of_provider(error: kube::Error) -> BoxError {
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

/// What a credential provider's program did. What it printed may be a token and is never shown.
fn of_auth(error: &AuthError) -> Failure {
    let message = match error {
        AuthError::AuthExecRun { out, .. } => format!("the credential program of this context failed ({})", out.status),
        AuthError::AuthExecParse(_) => "the credential program of this context printed no credentials".to_owned(),
        AuthError::AuthExecStart(error) => format!("the credential program of this context cannot be started: {error}"),
        other => format!("the credentials of this context cannot be used: {other}"),
    };
    Failure::new(Kind::Unauthorized, scrubbed(&message))
        .hint("log in with this context first, for example by `kubectl --context NAME get ns`")
}

fn scrubbed(text: &str) -> String {
    Redactor::global().scrub(text)
}
