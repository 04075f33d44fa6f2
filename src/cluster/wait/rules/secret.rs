//! Secret: exists; one for a service account's token also holds the token.

use super::{Verdict, done, progressing};
use crate::object::Object;

pub(super) fn verdict(object: &Object) -> Verdict {
    if object.str_at("type") != Some("kubernetes.io/service-account-token") {
        return done("exists");
    }
    let missing = ["token", "ca.crt"].into_iter().find(|key| object.at_keys(["data", key]).is_none());
    missing.map_or_else(|| done("holds a token"), |key| progressing(format!("has no {key} yet")))
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
            ('D', "exists", "{apiVersion: v1, kind: Secret, metadata: {name: t}}".into()),
        ]);
    }
}
