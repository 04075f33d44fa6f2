//! From a path to what answers it.

use super::call::{Call, Query, Target, decoded};
use super::kinds::Kind;
use super::server::Server;
use super::status::{Outcome, Status};
use super::transport::Reply;
use super::{Logged, access, create, delete, discovery, kinds, patch, pods, read, reply, subresources, update, watch};
use bytes::Bytes;
use http::{Method, request::Parts};
use std::sync::{Arc, Mutex};

/// Answers one request and logs it.
pub(super) async fn answer(server: Server, parts: Parts, body: Bytes) -> Reply {
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    let agent = parts.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut logged =
        Logged { method: parts.method.to_string(), path, user_agent: agent.to_owned(), ..Logged::default() };
    let mut reply = route(&server, parts, body).await.unwrap_or_else(|status| refused(&status));
    logged.status = reply.status().as_u16();
    let warnings = reply.headers().get_all(http::header::WARNING);
    logged.warnings = warnings.iter().filter_map(|value| value.to_str().ok().map(str::to_owned)).collect();
    if let Some(date) = date(&server) {
        reply.headers_mut().insert(http::header::DATE, date);
    }
    server.record(logged);
    reply
}

/// The time of the world, as HTTP says it.
fn date(server: &Server) -> Option<http::HeaderValue> {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&server.time()).ok()?.parse().ok()
}

/// A refusal as it is sent.
pub(super) fn refused(status: &Status) -> Reply {
    reply::json(status.code, &status.to_json())
}

async fn route(server: &Server, parts: Parts, body: Bytes) -> Outcome<Reply> {
    let call = Call {
        server: server.clone(),
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        headers: parts.headers.clone(),
        body,
        user: access::user(server, &parts.headers, parts.extensions.get().copied().unwrap_or_default())?,
        warnings: Mutex::default(),
    };
    access::check(&call)?;
    if let Some(reply) = discovery::answer(&call) {
        return Ok(reply);
    }
    let Some(target) = target(server, &call.path) else { return unknown(&call.path) };
    let lacks = |subresource: &String| !target.kind.has(subresource.split('/').next().unwrap_or_default());
    if target.subresource.as_ref().is_some_and(lacks) {
        return Err(if target.kind.is_custom() {
            Status::not_found(&target.kind, target.name())
        } else {
            Status::no_resource()
        });
    }
    if target.subresource.as_deref().is_some_and(|name| pods::SERVED.contains(&name)) {
        return pods::answer(&call, &target, parts);
    }
    if let Some(deprecated) = target.kind.deprecation(&target.version) {
        call.warn(deprecated.to_owned());
    }
    let mut reply = dispatch(&call, &target).unwrap_or_else(|status| refused(&status));
    for warning in call.warnings() {
        if let Ok(value) = warning.parse() {
            reply.headers_mut().append(http::header::WARNING, value);
        }
    }
    Ok(reply)
}

/// Built-in groups know that a kind does not exist; other paths are nobody's.
fn unknown(path: &str) -> Outcome<Reply> {
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let (group, version) = match segments.as_slice() {
        ["api", version, ..] => ("", *version),
        ["apis", group, version, ..] => (*group, *version),
        _ => return Ok(reply::text(404, "404 page not found\n")),
    };
    let serves = |kind: &Arc<Kind>| kind.group == group && kind.versions.iter().any(|one| one == version);
    match kinds::all_built_in().iter().any(serves) {
        true => Err(Status::no_resource()),
        false => Ok(reply::text(404, "404 page not found\n")),
    }
}

/// The object or collection that a path names.
fn target(server: &Server, path: &str) -> Option<Target> {
    let segments: Vec<String> = path.trim_matches('/').split('/').map(|one| decoded(one, false)).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", _, sub] if group.is_empty() && matches!(*sub, "status" | "finalize") => (None, rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        _ => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, None, None),
        [plural, name] => (*plural, Some(*name), None),
        [plural, name, subresource @ ..] => (*plural, Some(*name), Some(subresource.join("/"))),
        [] => return None,
    };
    let kind = served(server, group, version, plural)?;
    let fits = match (&namespace, kind.namespaced) {
        (Some(_), of_namespace) => of_namespace,
        (None, true) => name.is_none(),
        (None, false) => true,
    };
    fits.then(|| Target { kind, version: version.to_owned(), namespace, name: name.map(str::to_owned), subresource })
}

fn served(server: &Server, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
    let store = server.store();
    let is_it = |kind: &&Arc<Kind>| {
        kind.plural == plural && kind.group == group && kind.versions.iter().any(|one| one == version)
    };
    store.kinds().find(is_it).cloned()
}

fn dispatch(call: &Call, target: &Target) -> Outcome<Reply> {
    if target.kind.review || target.subresource.is_some() {
        return match &target.subresource {
            None => access::reviews::answer(call, target),
            Some(subresource) => subresources::answer(call, target, subresource),
        };
    }
    match (&call.method, &target.name) {
        (&Method::GET, None) if call.query.is("watch") => watch::answer(call, target),
        (&Method::GET, None) => read::list(call, target),
        (&Method::GET, Some(_)) => read::get(call, target),
        (&Method::POST, None) if !target.kind.namespaced || target.namespace.is_some() => create::answer(call, target),
        (&Method::PUT, Some(_)) => update::answer(call, target),
        (&Method::PATCH, Some(_)) => patch::answer(call, target),
        (&Method::DELETE, Some(_)) => delete::answer(call, target),
        (&Method::DELETE, None) if target.kind.verbs().contains(&"deletecollection") => {
            delete::collection(call, target)
        }
        _ => Err(Status::method_not_allowed()),
    }
}
