//! Whom a request comes from.

use super::super::identity::Token;
use serde_json::{Value, json};

/// Whoever may do everything.
pub(in super::super) const MASTERS: &str = "system:masters";
/// The group of everybody with credentials.
pub(super) const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody without.
pub(super) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The name of everybody without.
pub(super) const ANONYMOUS: &str = "system:anonymous";

/// A user as the API server knows one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct User {
    /// The name that bindings and refusals say.
    pub name: String,
    /// The uid of a service account; empty for others.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
}

impl User {
    /// Whoever set the cluster up.
    pub fn administrator() -> User {
        User::of("kubernetes-admin", &[MASTERS, AUTHENTICATED])
    }

    /// Somebody without credentials.
    pub fn anonymous() -> User {
        User::of(ANONYMOUS, &[UNAUTHENTICATED])
    }

    /// The service account of a token.
    pub fn account(token: &Token) -> User {
        let mut groups = account_groups(&token.namespace);
        groups.push(AUTHENTICATED.to_owned());
        User { name: token.user(), uid: token.uid.clone(), groups }
    }

    fn of(name: &str, groups: &[&str]) -> User {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        User { name: name.to_owned(), groups, ..User::default() }
    }

    /// The `UserInfo` of reviews.
    pub fn info(&self) -> Value {
        let mut info = json!({"username": self.name, "groups": self.groups});
        if !self.uid.is_empty() {
            info["uid"] = self.uid.as_str().into();
        }
        info
    }
}

/// The groups of the service accounts of a namespace.
pub(super) fn account_groups(namespace: &str) -> Vec<String> {
    vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
}
