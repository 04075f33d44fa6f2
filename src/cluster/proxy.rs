//! Which proxy a cluster is reached through, by the rules that kubectl has from Go.

use crate::failure::{Failure, Result};
use http::Uri;
use std::sync::Arc;

/// The proxy for a server: the kubeconfig's own, else `HTTPS_PROXY` (or `HTTP_PROXY` for http) unless `NO_PROXY` names
/// the server or it is this machine. `golang.org/x/net/http/httpproxy`.
///
/// # Errors
/// When the proxy is not a URL.
pub(super) fn of_server(
    own: Option<String>,
    server: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>> {
    let either = |name: &str| {
        let found = variable(name).filter(|value| !value.is_empty());
        found.or_else(|| variable(&name.to_lowercase()).filter(|value| !value.is_empty()))
    };
    let name = if server.starts_with("http://") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
    let outside = || either(name).filter(|_| !is_direct(server, &either("NO_PROXY").unwrap_or_default()));
    let Some(proxy) = own.or_else(outside) else { return Ok(None) };
    let url = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    // Names are resolved by the proxy in both cases.
    let url = url.replacen("socks5h://", "socks5://", 1);
    // A password in it is nobody's business.
    let shown = url.split_once("://").map_or("", |(_, rest)| rest.rsplit('@').next().unwrap_or_default());
    let proxy: Uri = url.parse().map_err(|_| Failure::usage(format!("the proxy {shown:?} is not a URL")))?;
    let names_somebody = proxy.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if names_somebody && proxy.scheme_str() == Some("socks5") {
        let failure = Failure::usage(format!("the SOCKS proxy {shown} wants a user name, which is not supported"));
        return Err(failure.hint("use a proxy that speaks HTTP, or a SOCKS proxy that asks for nobody's name"));
    }
    Ok(Some(proxy))
}

/// A proxy as people may see it: without who uses it.
pub(super) fn shown(proxy: &Uri) -> Arc<str> {
    let place = proxy.authority().map_or("", |authority| authority.as_str().rsplit('@').next().unwrap_or_default());
    format!("{}://{place}", proxy.scheme_str().unwrap_or("http")).into()
}

/// Whether a host is this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn is_direct(server: &str, no_proxy: &str) -> bool {
    let Ok(uri) = server.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
    let address = host.parse::<std::net::IpAddr>().ok();
    if is_this_machine(&host) {
        return true;
    }
    let usual = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    let port = uri.port_u16().unwrap_or(usual);
    no_proxy.split(',').map(str::trim).any(|rule| fits(rule, &host, port, address))
}

/// `*`, `host`, `.domain`, `*.domain`, an address, a network; with a port, only that port.
fn fits(rule: &str, host: &str, port: u16, address: Option<std::net::IpAddr>) -> bool {
    if rule == "*" {
        return true;
    }
    if let (Some(address), Some((network, bits))) = (address, rule.split_once('/')) {
        return in_network(address, network, bits);
    }
    let (name, wanted) = with_port(rule);
    if name.is_empty() || wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let plain = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(other) = plain.parse::<std::net::IpAddr>() {
        return address == Some(other);
    }
    let name = name.trim_start_matches('*').to_lowercase();
    match name.strip_prefix('.') {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => host == name || host.strip_suffix(&*name).is_some_and(|rest| rest.ends_with('.')),
    }
}

/// A rule's name and its port, where it has one. The colons of an IPv6 address without brackets are its own.
fn with_port(rule: &str) -> (&str, Option<u16>) {
    match rule.rsplit_once(':') {
        Some((name, number)) if !name.contains(':') || name.ends_with(']') => match number.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (rule, None),
        },
        _ => (rule, None),
    }
}

fn in_network(address: std::net::IpAddr, network: &str, bits: &str) -> bool {
    use std::net::IpAddr;
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) if bits <= 32 => {
            (u32::from(a) ^ u32::from(n)).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) if bits <= 128 => {
            (u128::from(a) ^ u128::from(n)).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, no_proxy: &str) -> Option<String> {
        let variable = |name: &str| match name {
            "HTTPS_PROXY" => Some("proxy.corp:3128".to_owned()),
            "no_proxy" => Some(no_proxy.to_owned()),
            _ => None,
        };
        of_server(None, server, variable).expect("proxy").map(|uri| uri.to_string())
    }

    #[test]
    fn servers_in_no_proxy_are_reached_directly() {
        assert_eq!(proxy("https://api.far:6443", "near.corp").as_deref(), Some("http://proxy.corp:3128/"));
        for rule in ["*", "api.near", ".near", "near", "*.near", "x, api.near:6443"] {
            assert_eq!(proxy("https://api.near:6443", rule), None, "{rule}");
        }
        assert!(proxy("https://api.near:6443", "api.near:443").is_some());
        assert_eq!(proxy("https://10.1.2.3:6443", "10.0.0.0/8"), None);
        assert!(proxy("https://11.1.2.3:6443", "10.0.0.0/8").is_some());
        assert_eq!(proxy("https://127.0.0.1:6443", ""), None, "this machine");
    }

    #[test]
    fn rules_are_read_as_go_does() {
        assert_eq!(proxy("https://api.near", "api.near:443"), None, "the usual port");
        assert_eq!(proxy("https://api.near:443", "api.near:443"), None);
        assert!(proxy("https://api.near", "api.near:6443").is_some());
        for rule in ["[fd00::1]:6443", "[fd00::1]", "fd00::1", "FD00:0:0::1", "fd00::/8"] {
            assert_eq!(proxy("https://[fd00::1]:6443", rule), None, "{rule}");
        }
        for rule in ["[fd00::1]:443", "fd00::2", "[fd00::2]:6443", "localhost,127.0.0.1,", " , ,<local>, :6443"] {
            assert!(proxy("https://[fd00::1]:6443", rule).is_some(), "{rule}");
        }
    }

    #[test]
    fn a_socks_proxy_with_a_password_is_refused_without_showing_it() {
        for url in ["socks5://me:planted-81@s:1080", "socks5h://me:planted-81@s:1080", "socks5://me:planted-81@s :1"] {
            let failure = of_server(Some(url.into()), "https://a", |_| None).expect_err("refused");
            assert!(!format!("{failure:?}").contains("planted") && failure.message.contains("s"), "{failure:?}");
        }
        let with = of_server(Some("http://me:planted-81@s:1080".into()), "https://a", |_| None);
        let with = with.expect("a proxy").expect("Basic authentication");
        assert_eq!(&*shown(&with), "http://s:1080");
    }

    #[test]
    fn the_kubeconfigs_own_proxy_always_counts() {
        let own = of_server(Some("socks5://s:1080".into()), "https://127.0.0.1", |_| Some("*".into())).expect("proxy");
        assert_eq!(own.map(|uri| uri.to_string()).as_deref(), Some("socks5://s:1080/"));
    }
}
