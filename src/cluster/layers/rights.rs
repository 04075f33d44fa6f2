//! The first layer: a run changes only what its script's header says.

use super::{Gate, Settings};
use crate::cluster::path::{ApiPath, Effect, effect_of};
use crate::failure::{Failure, Kind, Result};
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use kube::client::Body;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{BoxError, Service, ServiceExt};

/// The name that stands for objects outside namespaces in `needs.write`.
pub const CLUSTER_SCOPED: &str = "cluster-scoped";
/// The name that stands for everything in `needs.write`.
pub const EVERYTHING: &str = "*";

/// What a run may change: namespaces, and objects outside them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights(BTreeSet<String>);

impl Rights {
    /// The rights of a header's `needs.write`: namespaces, `cluster-scoped`, `*`. An empty list may only read.
    pub fn from_needs<T: AsRef<str>>(write: &[T]) -> Rights {
        Rights(write.iter().map(|right| right.as_ref().to_owned()).collect())
    }

    /// The right to change everything.
    pub fn all() -> Rights {
        Rights::from_needs(&[EVERYTHING])
    }

    /// The right to read only.
    pub fn read_only() -> Rights {
        Rights::default()
    }

    /// What both allow.
    pub fn narrowed_to(&self, other: &Rights) -> Rights {
        match (self.allows(EVERYTHING), other.allows(EVERYTHING)) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => Rights(self.0.intersection(&other.0).cloned().collect()),
        }
    }

    /// Whether this right (a namespace or `cluster-scoped`) is there.
    pub fn allows(&self, right: &str) -> bool {
        self.0.contains(EVERYTHING) || self.0.contains(right)
    }

    /// Fails unless a request with this method, path and query is allowed.
    ///
    /// # Errors
    /// `Rights`, with the verb, the object and the right to add.
    pub fn check(&self, method: &Method, path: &str, query: Option<&str>, subject: Option<&str>) -> Result<()> {
        let effect = effect_of(method, path, query);
        if effect == Effect::Read {
            return Ok(());
        }
        let target = ApiPath::parse(path);
        let right = needed(&target);
        // A run that may write in a namespace may also make it.
        let own_namespace =
            target.resource == "namespaces" && target.name.as_deref().is_some_and(|name| self.allows(name));
        if self.allows(right) || own_namespace {
            return Ok(());
        }
        let subject = subject.map_or_else(|| target.title(), str::to_owned);
        Err(Failure::new(Kind::Rights, format!("this run may not {} {subject}", verb(method, effect)))
            .hint(format!("add `{right}` to `needs.write` in the script's header")))
    }
}

fn needed(target: &ApiPath) -> &str {
    match &target.namespace {
        Some(namespace) => namespace,
        None => CLUSTER_SCOPED,
    }
}

fn verb(method: &Method, effect: Effect) -> &'static str {
    match (effect, method.as_str()) {
        (Effect::Run, _) => "run programs in",
        (_, "POST") => "create",
        (_, "DELETE") => "delete",
        _ => "change",
    }
}

/// See the module.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    cluster: Arc<str>,
    rights: Rights,
    gate: Gate,
}

impl<S> Guarded<S> {
    /// This service behind the rights.
    pub fn new(inner: S, settings: &Settings) -> Guarded<S> {
        let Settings { cluster, rights, gate, .. } = settings;
        Guarded { inner, cluster: cluster.clone(), rights: rights.clone(), gate: gate.clone() }
    }

    fn gate_check(&self, request: &Request<Body>) -> Result<()> {
        let (method, uri) = (request.method(), request.uri());
        let effect = effect_of(method, uri.path(), uri.query());
        if effect == Effect::Read || self.gate.is_open() {
            return Ok(());
        }
        let subject = request.extensions().get::<super::Subject>().map(|subject| subject.0.clone());
        let subject = subject.unwrap_or_else(|| ApiPath::parse(uri.path()).title());
        self.gate.check(&format!("{} {subject}", verb(method, effect)))
    }
}

impl<S, B> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let subject = request.extensions().get::<super::Subject>().map(|subject| subject.0.as_str());
        let (method, uri) = (request.method(), request.uri());
        let checked = self.rights.check(method, uri.path(), uri.query(), subject);
        match checked.and_then(|()| self.gate_check(&request)) {
            Ok(()) => Box::pin(self.inner.clone().oneshot(request)),
            Err(failure) => {
                let failure = failure.on_cluster(&*self.cluster);
                Box::pin(async move { Err(failure.into()) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rights: &[&str], method: Method, path: &str) -> Result<()> {
        Rights::from_needs(rights).check(&method, path, None, None)
    }

    #[test]
    fn a_run_without_rights_only_reads() {
        let pods = "/api/v1/namespaces/sample/pods";
        check(&[], Method::GET, pods).expect("reading");
        let failure = check(&[], Method::POST, pods).expect_err("creating");
        assert_eq!(failure.kind, Kind::Rights);
        assert_eq!(failure.message, "this run may not create pods in sample");
        assert!(failure.hint.is_some_and(|hint| hint.contains("`sample`")));
    }

    #[test]
    fn rights_are_namespaces_and_what_lies_outside() {
        let (role, pod) = ("/apis/rbac.authorization.k8s.io/v1/clusterroles/x", "/api/v1/namespaces/a/pods/x");
        check(&["a"], Method::DELETE, pod).expect("own namespace");
        check(&["a"], Method::PATCH, "/api/v1/namespaces/a").expect("the namespace itself");
        check(&["b"], Method::DELETE, pod).expect_err("another namespace");
        check(&["a"], Method::PATCH, role).expect_err("cluster-scoped");
        check(&["cluster-scoped"], Method::PATCH, role).expect("cluster-scoped");
        check(&["*"], Method::PATCH, role).expect("everything");
        check(&["b"], Method::GET, "/api/v1/namespaces/a/pods/x/exec").expect_err("running in another namespace");
    }

    #[test]
    fn rights_are_narrowed_never_widened() {
        let (all, some) = (Rights::all(), Rights::from_needs(&["a", "b"]));
        assert_eq!(all.narrowed_to(&some), some);
        assert_eq!(some.narrowed_to(&Rights::from_needs(&["b", "c"])), Rights::from_needs(&["b"]));
        assert_eq!(some.narrowed_to(&Rights::read_only()), Rights::read_only());
    }
}
