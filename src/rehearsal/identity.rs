//! Who a server is and whom it knows: its certificate authority and the tokens of service accounts.

use super::authority::Authority;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_rustls::rustls::ServerConfig;

/// A cluster's authority and tokens.
pub(super) struct Identity {
    authority: OnceLock<Option<Authority>>,
    /// By digest: a dump of the memory shows no token.
    tokens: Mutex<HashMap<[u8; 32], Holder>>,
}

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Whoever serves the cluster.
    Administrator,
    /// A service account.
    Account(Token),
}

/// The token of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Namespace of the service account.
    pub namespace: String,
    /// Name of the service account.
    pub account: String,
    /// Uid of the service account: a successor of the same name does not inherit the token.
    pub uid: String,
    /// The token Secret that the token dies with.
    pub secret: Option<String>,
    /// When it ends, in seconds since 1970.
    pub expires: Option<i64>,
    /// Whom it is for.
    pub audiences: Vec<String>,
}

/// The audience of tokens that name none.
pub(super) const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

impl Identity {
    pub fn new() -> Identity {
        Identity { authority: OnceLock::new(), tokens: Mutex::default() }
    }

    /// The authority, made when first asked for; `None` if this machine cannot make keys.
    fn authority(&self) -> Option<&Authority> {
        self.authority.get_or_init(|| Authority::new().ok()).as_ref()
    }

    /// The authority's certificate; empty if there is none.
    pub fn ca_pem(&self) -> &str {
        self.authority().map_or("", Authority::pem)
    }

    /// What an API server at this address needs to speak TLS.
    pub fn tls(&self, address: &str) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error + Send + Sync>> {
        self.authority().ok_or("this machine cannot make keys")?.tls(address)
    }

    /// A new token of the administrator.
    pub fn issue_to_administrator(&self) -> String {
        let text = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|part| part.simple().to_string()).concat();
        self.keep(&text, Holder::Administrator);
        text
    }

    fn keep(&self, text: &str, holder: Holder) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(digest(text), holder);
    }

    /// A new token of a service account. `issued` is now, in seconds since 1970.
    pub fn issue(&self, token: Token, issued: i64) -> String {
        let mut claims = json!({
            "iss": AUDIENCE,
            "iat": issued,
            "jti": uuid::Uuid::new_v4().to_string(),
            "sub": token.user(),
            "kubernetes.io": {"namespace": token.namespace, "serviceaccount": {"name": token.account, "uid": token.uid}},
        });
        claims["aud"] = token.audiences.clone().into();
        if let Some(expires) = token.expires {
            claims["exp"] = expires.into();
        }
        let signed = format!("{}.{}", encoded(&json!({"alg": "RS256", "kid": "rehearsal"})), encoded(&claims));
        let signature = Sha256::digest(uuid::Uuid::new_v4().as_bytes());
        let text = format!("{signed}.{}", base64_url(&signature));
        self.forget_before(issued);
        self.keep(&text, Holder::Account(token));
        text
    }

    /// Forgets tokens that ended a while ago, when there are many.
    fn forget_before(&self, now: i64) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() % 256 == 255 {
            let lasts = |token: &Token| token.expires.is_none_or(|end| end + 3600 > now);
            tokens.retain(|_, holder| !matches!(holder, Holder::Account(token) if !lasts(token)));
        }
    }

    /// Moves the ends of all tokens: they last as long as was asked for, whatever the date is called.
    pub fn move_times(&self, by: jiff::SignedDuration) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        for holder in tokens.values_mut() {
            if let Holder::Account(Token { expires: Some(end), .. }) = holder {
                *end += by.as_secs();
            }
        }
    }

    /// Whom a token stands for, if it is one of this server's.
    pub fn known(&self, token: &str) -> Option<Holder> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&digest(token)).cloned()
    }
}

impl Token {
    /// The user name that it authenticates.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn encoded(claims: &Value) -> String {
    base64_url(claims.to_string().as_bytes())
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            namespace: "istio-system".into(),
            account: "reader".into(),
            uid: "1".into(),
            secret: None,
            expires: None,
            audiences: vec![AUDIENCE.into()],
        }
    }

    #[test]
    fn a_server_knows_its_own_tokens_only() {
        let (east, west) = (Identity::new(), Identity::new());
        let text = east.issue(token(), 0);
        assert_eq!(text.split('.').count(), 3);
        assert_eq!(east.known(&text), Some(Holder::Account(token())));
        assert_eq!(token().user(), "system:serviceaccount:istio-system:reader");
        assert_eq!(west.known(&text), None);
    }

    #[test]
    fn a_token_ends_as_much_later_as_the_date_is_moved() {
        let east = Identity::new();
        let text = east.issue(Token { expires: Some(1000), ..token() }, 0);
        east.move_times(jiff::SignedDuration::from_secs(600));
        assert_eq!(east.known(&text), Some(Holder::Account(Token { expires: Some(1600), ..token() })));
    }

    #[test]
    fn every_server_has_its_own_authority() {
        let (east, west) = (Identity::new(), Identity::new());
        assert!(east.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
        assert_ne!(east.ca_pem(), west.ca_pem());
        assert_eq!(east.ca_pem(), east.ca_pem());
    }
}
