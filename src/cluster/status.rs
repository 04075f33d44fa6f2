//! What an API server says when it refuses: its `Status` object, and the failure it becomes.

use crate::failure::{Failure, Kind};
use crate::object::{self, Node};
use crate::plain;
use crate::secret::Redactor;
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};

/// What to do about an answer that no API server gives.
pub(super) const STRANGER: &str = "something else answers in the API server's place, such as a proxy or a login page: \
    check `server` in the kubeconfig, the proxy and the VPN";

/// A server's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// The machine-readable reason, such as `AlreadyExists`.
    pub reason: String,
    /// The server's words.
    pub message: String,
    /// Field, reason and words of each cause.
    pub causes: Vec<Cause>,
    /// The token with which an expired list can go on.
    pub continue_token: Option<String>,
    /// Whether an earlier try of the same request may have been carried out: nobody heard.
    pub lost: bool,
}

/// One cause of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// The field concerned, such as `.spec.replicas`.
    pub field: String,
    /// The machine-readable reason, such as `FieldManagerConflict`.
    pub reason: String,
    /// The server's words.
    pub message: String,
}

impl Status {
    /// Reads an answer with an error code. Bodies that are no `Status` (proxies, load balancers) give their first line.
    pub fn read(code: StatusCode, body: &[u8]) -> Status {
        match object::from_json(body) {
            Ok(status) if status.kind() == "Status" => Status {
                code: code.as_u16(),
                reason: status.str_at("reason").unwrap_or_default().to_owned(),
                message: scrubbed(status.str_at("message").unwrap_or_else(|| phrase(code))),
                causes: status.items_at("details.causes").iter().map(Cause::read).collect(),
                continue_token: status.str_at("metadata.continue").filter(|token| !token.is_empty()).map(str::to_owned),
                lost: false,
            },
            _ => Status { code: code.as_u16(), message: plain_message(code, body), ..Status::default() },
        }
    }

    /// The same of a whole answer: one that leads elsewhere says where to. Nobody follows it: credentials stay here.
    pub fn of(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Status {
        let status = Status::read(code, body);
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).filter(|_| code.is_redirection());
        // What stands behind the path may be a token.
        match location.and_then(|location| location.split(['?', '#']).next()) {
            Some(place) => {
                let message = format!("{} {}: it leads to {}", code.as_u16(), phrase(code), plain::line(place, 200));
                Status { message: scrubbed(&message), ..status }
            }
            None => status,
        }
    }

    /// Whether asking again may help: trouble of the server with its store, its leader or its start.
    pub fn is_passing(&self) -> bool {
        const PASSING: [&str; 7] = [
            "etcdserver: leader changed",
            "etcdserver: request timed out",
            "etcdserver: no leader",
            "etcdserver: too many requests",
            "unexpected EOF",
            "connection reset by peer",
            "apiserver is shutting down",
        ];
        self.code == 500 && PASSING.iter().any(|words| self.message.contains(words))
    }

    /// Whether the server knows who asks, and that one lacks the right. Rights take seconds to spread after they are given.
    pub fn is_missing_right(&self) -> bool {
        self.code == 403 && self.message.contains(" is forbidden: User ") && self.message.contains(" cannot ")
    }

    /// Whether an admission webhook could not be asked, as happens while its pods start.
    /// Words of `k8s.io/apiserver/pkg/admission/plugin/webhook/errors`.
    pub fn is_webhook_trouble(&self) -> bool {
        const STARTING: [&str; 6] = [
            "connection refused",
            "no endpoints available",
            "context deadline exceeded",
            "i/o timeout",
            "EOF",
            "x509: certificate signed by unknown authority",
        ];
        self.message.contains("failed calling webhook") && STARTING.iter().any(|words| self.message.contains(words))
    }

    /// Whether the namespace that should hold the object is on its way out.
    pub fn is_terminating_namespace(&self) -> bool {
        self.code == 403
            && (self.message.contains("is being terminated")
                || self.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> Kind {
        match (self.code, self.reason.as_str()) {
            // Whoever answers so is no API server.
            (..=399, _) => Kind::Unreachable,
            (401, _) => Kind::Unauthorized,
            (403, _) => Kind::Forbidden,
            (404, _) => Kind::NotFound,
            (409, "AlreadyExists") => Kind::AlreadyExists,
            (409, _) => Kind::Conflict,
            // Server-side apply reports fields that the schema does not have as an internal error.
            (500, _) if self.message.contains("field not declared in schema") => Kind::Invalid,
            (408 | 410 | 429 | 500.., _) => Kind::Server,
            _ => Kind::Invalid,
        }
    }

    /// The failure with the server's words.
    pub fn into_failure(self) -> Failure {
        let mut failure = Failure::new(self.kind(), self.message.clone());
        if let Some(hint) = self.hint() {
            failure = failure.hint(hint);
        }
        // The server's message already joins the causes of a validation error.
        let news = self.causes.iter().filter(|cause| !self.message.contains(&cause.message));
        failure.details.extend(news.map(|cause| format!("{}: {}", cause.field, cause.message)));
        failure
    }

    fn hint(&self) -> Option<&'static str> {
        match self.kind() {
            Kind::Unreachable => Some(STRANGER),
            Kind::Unauthorized => Some("the cluster does not accept these credentials: log in again, then repeat"),
            Kind::Forbidden if self.is_terminating_namespace() => Some("wait until the namespace is gone, then repeat"),
            Kind::Forbidden => Some("ask the cluster's administrator for this right, or use another context"),
            Kind::Server if self.code == 429 => {
                Some("the API server has too much to do: repeat it later, or see who asks it so much")
            }
            Kind::Server if self.message.contains("failed calling webhook") => {
                Some("the service behind this webhook does not answer: look at its pods")
            }
            _ => None,
        }
    }
}

impl Cause {
    fn read(node: &Node) -> Cause {
        let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default();
        Cause { field: text("field").to_owned(), reason: text("reason").to_owned(), message: scrubbed(text("message")) }
    }
}

fn phrase(code: StatusCode) -> &'static str {
    code.canonical_reason().unwrap_or("no reason given")
}

fn plain_message(code: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('<')).unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    let said = format!("{} {}", code.as_u16(), phrase(code));
    if line.is_empty() || line.starts_with('{') { said } else { scrubbed(&format!("{said}: {line}")) }
}

/// Servers quote what they refuse, and that may be a secret.
fn scrubbed(text: &str) -> String {
    Redactor::global().scrub(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_reasons_become_kinds() {
        let kind = |code: u16, reason: &str| Status { code, reason: reason.into(), ..Status::default() }.kind();
        assert_eq!(kind(409, "AlreadyExists"), Kind::AlreadyExists);
        assert_eq!(kind(409, "Conflict"), Kind::Conflict);
        assert_eq!(kind(422, "Invalid"), Kind::Invalid);
        assert_eq!(kind(400, "BadRequest"), Kind::Invalid);
        assert_eq!(kind(503, ""), Kind::Server);
        assert_eq!(kind(302, ""), Kind::Unreachable);
        assert_eq!(kind(429, ""), Kind::Server);
    }

    #[test]
    fn the_servers_words_and_causes_are_kept() {
        let body = br#"{"kind":"Status","code":409,"reason":"Conflict","message":"Apply failed with 1 conflict",
            "details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"helm\"","field":".spec.replicas"}]}}"#;
        let failure = Status::read(StatusCode::CONFLICT, body).into_failure();
        assert_eq!(failure.message, "Apply failed with 1 conflict");
        assert_eq!(failure.details, [".spec.replicas: conflict with \"helm\""]);
    }

    #[test]
    fn an_answer_that_leads_elsewhere_says_where_to_without_what_it_hands_over() {
        let headers =
            HeaderMap::from_iter([(LOCATION, "https://sso.example/login?ticket=planted-9".parse().expect("value"))]);
        let status = Status::of(StatusCode::FOUND, &headers, b"");
        assert_eq!(status.message, "302 Found: it leads to https://sso.example/login");
        assert_eq!(Status::of(StatusCode::FORBIDDEN, &headers, b"").message, "403 Forbidden");
    }

    #[test]
    fn a_proxys_page_is_one_line() {
        let status = Status::read(StatusCode::BAD_GATEWAY, b"<html>\n<body>\nupstream down\n</body>");
        assert_eq!(status.message, "502 Bad Gateway: upstream down");
        assert_eq!(Status::read(StatusCode::BAD_GATEWAY, b"").message, "502 Bad Gateway");
    }
}
