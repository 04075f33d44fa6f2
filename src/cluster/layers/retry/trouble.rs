//! What is wrong with a connection, and whether another try may help.

use crate::failure::{Failure, Kind};
use std::time::Duration;
use tower::BoxError;

/// Nobody waits longer for a server; more could not even be added up.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `Retry-After` in seconds or as an HTTP date.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(date.duration_since(jiff::Timestamp::now())).ok().map(|wait| wait.min(LONGEST))
}

fn chain<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Whether the connection was never made, so that the server cannot have seen the request.
pub(super) fn is_refused(error: &BoxError) -> bool {
    chain(error.as_ref()).any(|error| {
        error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
            || error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}

/// Whether trying again is pointless: certificates do not get better within seconds.
pub(super) fn is_lasting(error: &BoxError) -> bool {
    chain(error.as_ref()).any(|error| is_certificate_trouble(&error.to_string()))
}

fn is_certificate_trouble(text: &str) -> bool {
    ["invalid peer certificate", "certificate required", "bad certificate", "unknown certificate", "unknown ca"]
        .iter()
        .any(|words| text.to_ascii_lowercase().contains(words))
}

pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// The failure of a connection that could not be made or broke.
pub(super) fn unreachable(server: &str, proxied: bool, error: &(dyn std::error::Error + 'static)) -> Failure {
    let cause = root_cause(error);
    let hint = match &cause {
        text if is_certificate_trouble(text) => {
            "the server's certificate does not fit the kubeconfig: check certificate-authority, server name and clock"
        }
        _ if proxied => {
            "is the proxy right, and running? `proxy-url` in the kubeconfig names it, else HTTPS_PROXY, unless NO_PROXY excepts the server"
        }
        text if text.contains("lookup") || text.contains("resolve") => {
            "the host name in the kubeconfig does not resolve: check it, DNS and the VPN"
        }
        text if text.contains("refused") => "nothing listens there: is the cluster running, is the port right?",
        _ => "check the network between here and the cluster: VPN, proxy, firewall",
    };
    Failure::new(Kind::Unreachable, format!("cannot talk to {server}: {cause}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_read() {
        assert_eq!(retry_after("3"), Some(Duration::from_secs(3)));
        assert!(retry_after("Fri, 01 Jan 2100 00:00:00 GMT").is_some());
        assert_eq!(retry_after("18446744073709551615"), Some(LONGEST));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), None);
    }
}
