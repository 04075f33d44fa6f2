//! Who a request comes from: bearer tokens, and what stands for none.

use super::super::identity::{Holder, Token};
use super::super::server::Server;
use super::super::status::{Outcome, Status};
use super::{User, impersonation};
use http::HeaderMap;

/// Who requests without a token come from; depends on the way in. A request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Nameless {
    /// The client is part of the rehearsal, or a test.
    #[default]
    Administrator,
    /// It may be anybody.
    Anonymous,
}

/// The user of a request with these headers: whom the token stands for, or whom that one acts for.
///
/// # Errors
/// 401 for bearer tokens that this server has not issued or that have ended, 403 when it may not act for that user.
pub(in super::super) fn user(server: &Server, headers: &HeaderMap, nameless: Nameless) -> Outcome<User> {
    impersonation::acting(server, own(server, headers, nameless)?, headers)
}

fn own(server: &Server, headers: &HeaderMap, nameless: Nameless) -> Outcome<User> {
    let header = headers.get(http::header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let is_bearer = |(scheme, _): &(&str, &str)| scheme.eq_ignore_ascii_case("bearer");
    match (header.and_then(|header| header.split_once(' ')).filter(is_bearer), nameless) {
        (Some((_, token)), _) => bearer(server, token.trim()).map(|(user, _)| user).ok_or_else(Status::unauthorized),
        (None, Nameless::Administrator) => Ok(User::administrator()),
        (None, Nameless::Anonymous) if header.is_none() => Ok(User::anonymous()),
        (None, Nameless::Anonymous) => Err(Status::unauthorized()),
    }
}

impl Server {
    /// Whether requests with this bearer token are accepted.
    pub fn authenticates(&self, token: &str) -> bool {
        bearer(self, token).is_some()
    }
}

/// Whom a token stands for and for which audiences, while its account and its Secret exist and it has not expired.
pub(in super::super) fn bearer(server: &Server, text: &str) -> Option<(User, Vec<String>)> {
    match server.identity().known(text)? {
        Holder::Administrator => Some((User::administrator(), Vec::new())),
        Holder::Account(token) => is_valid(server, &token).then(|| (User::account(&token), token.audiences)),
    }
}

fn is_valid(server: &Server, token: &Token) -> bool {
    let Some(account) = server.get_shared("serviceaccounts", Some(&token.namespace), &token.account) else {
        return false;
    };
    let alive = account["metadata"]["uid"] == token.uid.as_str();
    let kept =
        token.secret.as_ref().is_none_or(|name| server.get_shared("secrets", Some(&token.namespace), name).is_some());
    let timely = token.expires.is_none_or(|end| server.time().as_second() < end);
    alive && kept && timely
}
