//! What a user entry of a kubeconfig logs in with, kept up to date: token files and credential plugins.
//!
//! kube can do this too, but runs a plugin three times for each client and never again when its token is refused, and
//! takes the line break at the end of a token file for a part of the token. What never changes (tokens, passwords,
//! certificates) and the older providers are left to kube.

use super::plugin::{self, Hear, Issued};
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;
use base64::Engine as _;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use kube::config::{AuthInfo, ExecConfig};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How often a token file is read again.
const REREAD: SignedDuration = SignedDuration::from_secs(60);
/// How long before their end credentials are replaced.
const BEFORE_END: SignedDuration = SignedDuration::from_secs(10);

/// Where credentials come from.
enum Source {
    /// From the kubeconfig itself, by kube.
    Kubeconfig,
    /// A token file, and the token until it could be read once.
    File(PathBuf, Option<Secret>),
    Plugin(Box<ExecConfig>),
}

/// What to log in with now.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    /// Counts how often they were renewed.
    pub number: u64,
    /// The header that proves who asks.
    pub header: Option<HeaderValue>,
    /// Certificate and key in PEM.
    pub identity: Option<(String, Secret)>,
    until: Option<Timestamp>,
}

type Fetching = Shared<BoxFuture<'static, Result<Credentials>>>;

#[derive(Default)]
struct State {
    now: Option<Credentials>,
    /// Somebody fetches new ones; all who need them wait for the same, and it goes on when one of them gives up.
    fetching: Option<Fetching>,
    number: u64,
}

struct Inner {
    source: Source,
    hear: Box<Hear>,
    state: Mutex<State>,
}

/// See the module. Clones share the credentials.
#[derive(Clone)]
pub(super) struct Login(Arc<Inner>);

impl Login {
    /// How this user entry logs in. What kube must not do itself is taken out of it.
    pub fn new(auth: &mut AuthInfo, hear: Box<Hear>) -> Login {
        let fixed = auth.password.is_some() || auth.auth_provider.is_some();
        let source = match (auth.token_file.take(), auth.exec.take()) {
            // The file wins over a token beside it, as with kubectl.
            (Some(file), _) if !fixed => Source::File(file.into(), take_token(auth)),
            (_, Some(exec)) if !fixed && auth.token.is_none() => Source::Plugin(Box::new(exec)),
            _ => Source::Kubeconfig,
        };
        Login(Arc::new(Inner { source, hear, state: Mutex::default() }))
    }

    /// The credentials to use now.
    ///
    /// # Errors
    /// When they cannot be got.
    pub async fn credentials(&self) -> Result<Credentials> {
        if matches!(self.0.source, Source::Kubeconfig) {
            return Ok(Credentials::default());
        }
        let fetching = {
            let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(now) = state.now.as_ref().filter(|now| now.is_fresh()) {
                return Ok(now.clone());
            }
            state.fetching.get_or_insert_with(|| self.clone().fetch()).clone()
        };
        fetching.await
    }

    /// The server does not accept these; false when there are no others to get.
    pub fn refused(&self, number: u64) -> bool {
        if matches!(self.0.source, Source::Kubeconfig) {
            return false;
        }
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Credentials are renewed once for all requests that were refused with the same ones.
        if let Some(now) = state.now.as_mut().filter(|now| now.number == number) {
            now.until = Some(Timestamp::MIN);
        }
        true
    }

    fn fetch(self) -> Fetching {
        let task = tokio::spawn(async move {
            let issued = self.issue().await;
            let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.fetching = None;
            state.number += 1;
            let credentials = issued.and_then(|issued| Credentials::new(issued, state.number))?;
            state.now = Some(credentials.clone());
            Ok(credentials)
        });
        let result =
            async move { task.await.unwrap_or_else(|e| Err(Failure::internal(format!("logging in stopped: {e}")))) };
        result.boxed().shared()
    }

    async fn issue(&self) -> Result<Issued> {
        match &self.0.source {
            Source::Kubeconfig => Ok(Issued::default()),
            Source::Plugin(exec) => plugin::run(exec, &*self.0.hear).await,
            Source::File(path, first) => {
                let ends = Some(Timestamp::now() + REREAD + BEFORE_END);
                match std::fs::read_to_string(path) {
                    Ok(text) => {
                        Ok(Issued { token: Some(Secret::new("token", text.trim())), ends, ..Issued::default() })
                    }
                    Err(error) => self.last_token((path, first.as_ref()), &error, ends),
                }
            }
        }
    }

    /// Whoever hands out a token file may take it away again: the last token counts then.
    fn last_token(
        &self,
        (path, first): (&std::path::Path, Option<&Secret>),
        error: &std::io::Error,
        ends: Option<Timestamp>,
    ) -> Result<Issued> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let header = state.now.as_ref().and_then(|now| now.header.as_ref()?.to_str().ok()?.strip_prefix("Bearer "));
        let Some(token) = header.or(first.map(Secret::reveal)) else {
            let message = format!("the token file {} cannot be read: {error}", path.display());
            return Err(Failure::new(Kind::Unauthorized, message).hint("log in again, or correct the kubeconfig"));
        };
        Ok(Issued { token: Some(Secret::new("token", token)), ends, ..Issued::default() })
    }
}

impl Credentials {
    fn new(issued: Issued, number: u64) -> Result<Credentials> {
        let header = issued.token.as_ref().map(header).transpose()?;
        // Credentials that are about to end when they come are used as long as they last.
        let until = issued.ends.map(|ends| (ends - BEFORE_END).max(Timestamp::now() + SignedDuration::from_secs(1)));
        Ok(Credentials { number, header, identity: issued.identity, until })
    }

    fn is_fresh(&self) -> bool {
        self.until.is_none_or(|until| Timestamp::now() < until)
    }

    /// The user entry with the certificate and key of these credentials.
    pub fn into_auth(self, auth: &AuthInfo) -> AuthInfo {
        let Some((certificate, key)) = self.identity else { return auth.clone() };
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let identity = serde_json::json!({
            "client-certificate-data": encode(&certificate), "client-key-data": encode(key.reveal()),
        });
        let identity: AuthInfo = serde_json::from_value(identity).unwrap_or_default();
        AuthInfo {
            client_certificate: None,
            client_key: None,
            client_certificate_data: identity.client_certificate_data,
            client_key_data: identity.client_key_data,
            ..auth.clone()
        }
    }
}

/// The token of a user entry, which kube must not use itself.
fn take_token(auth: &mut AuthInfo) -> Option<Secret> {
    let open = serde_json::to_value(&*auth).ok()?;
    auth.token = None;
    open.get("token")?.as_str().map(|token| Secret::new("token", token))
}

fn header(token: &Secret) -> Result<HeaderValue> {
    let header = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
    let mut header = header.map_err(|_| Failure::new(Kind::Unauthorized, "the token is no HTTP header value"))?;
    header.set_sensitive(true);
    Ok(header)
}
