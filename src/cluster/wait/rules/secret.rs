//! Secret: exists; one for a service account's token also holds the token.

use super::{Verdict, done, progressing};
use crate::object::{Node, Object};

pub(super) fn verdict(object: &Object) -> Verdict {
    if object.str_at("type") != Some("kubernetes.io/service-account-token") {
        return done("exists");
    }
    match missing_key(object, &["token", "ca.crt"]) {
        None => done("holds a token"),
        Some(key) => progressing(format!("has no {key} yet")),
    }
}

/// The first of these keys that a Secret or ConfigMap lacks, or holds nothing under.
pub(in super::super) fn missing_key<'k>(object: &Object, keys: &[&'k str]) -> Option<&'k str> {
    let is_empty = |node: &Node| match node {
        Node::Null => true,
        Node::Str(text) => text.is_empty(),
        Node::Secret(secret) => secret.reveal().is_empty(),
        _ => false,
    };
    let holds = |part: &str, key: &str| object.at_keys([part, key]).is_some_and(|value| !is_empty(value));
    keys.iter().copied().find(|key| !["data", "binaryData"].iter().any(|part| holds(part, key)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn token_secrets_need_their_token() {
        let secret = |data: &str| {
            format!(
                "{{apiVersion: v1, kind: Secret, metadata: {{name: t}}, type: kubernetes.io/service-account-token, data: {{{data}}}}}"
            )
        };
        check(&[
            ('D', "token", secret("token: dG9rZW4=, ca.crt: Y2E=")),
            ('P', "no ca.crt", secret("token: dG9rZW4=")),
            ('P', "no token", secret("")),
            ('P', "no token", secret("token: '', ca.crt: Y2E=")),
            ('D', "exists", "{apiVersion: v1, kind: Secret, metadata: {name: t}}".into()),
        ]);
    }
}
