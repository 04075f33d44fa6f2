//! The first layer: a run changes only what its script's header says, and opens only the Secrets that it names.

use super::{Gate, Settings};
use crate::cluster::path::{ApiPath, Effect, effect_of};
use crate::failure::Result;
use crate::grant::{Grant, Way, matches, refused};
use crate::secret::Witness;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use kube::client::Body;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{BoxError, Service, ServiceExt};

/// The name that stands for objects outside namespaces in `needs.write`.
pub const CLUSTER_SCOPED: &str = "cluster-scoped";
/// The name that stands for everything.
pub const EVERYTHING: &str = "*";

/// What a run may do with a cluster beyond reading.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    write: Grant,
    pods: Grant,
    secrets: Grant,
    way: Way,
    used: Option<Exercised>,
}

/// Which rights were made use of.
#[derive(Debug, Clone, Default)]
pub struct Exercised {
    /// Namespaces in whose pods programs were run.
    pub pods: Witness,
    /// Secrets whose content was used: `NAMESPACE/NAME`.
    pub secrets: Witness,
}

impl Rights {
    /// The rights of a header's `needs`: `write` has `NAMESPACE`, `NAMESPACE/KIND`, and `cluster-scoped` in place of a
    /// namespace; `pods` has namespaces to run programs in; `secrets` has `NAMESPACE` and `NAMESPACE/NAME`.
    pub fn new<T: AsRef<str>>(write: &[T], pods: &[T], secrets: &[T]) -> Rights {
        Rights { write: Grant::new(write), pods: Grant::new(pods), secrets: Grant::new(secrets), ..Rights::default() }
    }

    /// The same rights of what is run in this way.
    #[must_use]
    pub fn run_by(self, way: Way) -> Rights {
        Rights { way, ..self }
    }

    /// The same rights; what is made use of is remembered.
    #[must_use]
    pub fn remembered(self, used: &Exercised) -> Rights {
        Rights { used: Some(used.clone()), ..self }
    }

    /// Who remembers which Secrets were opened.
    pub fn opened(&self) -> Option<&Witness> {
        self.used.as_ref().map(|used| &used.secrets)
    }

    /// The right to write this, and to do nothing else.
    pub fn from_needs<T: AsRef<str>>(write: &[T]) -> Rights {
        Rights::new(write, &[], &[])
    }

    /// The right to do everything.
    pub fn all() -> Rights {
        Rights::new(&[EVERYTHING], &[EVERYTHING], &[EVERYTHING])
    }

    /// The right to read, Secrets without their content.
    pub fn read_only() -> Rights {
        Rights::default()
    }

    /// Fails unless a request with this method, path and query is allowed.
    ///
    /// # Errors
    /// `Rights`, with the verb, the object and the right to add.
    pub fn check(&self, method: &Method, path: &str, query: Option<&str>, subject: Option<&str>) -> Result<()> {
        let target = ApiPath::parse(path);
        let subject = || subject.map_or_else(|| target.title(), str::to_owned);
        if *method == Method::POST && target.subresource.as_deref() == Some("token") {
            return self.check_token(&target, &subject());
        }
        match effect_of(method, path, query) {
            Effect::Read => Ok(()),
            Effect::Run if self.may_run_in(&target) => Ok(()),
            Effect::Run => {
                let namespace = target.namespace.as_deref().unwrap_or("*");
                let by = self.pods.denying(|entry| matches(entry, namespace));
                Err(refused(self.way, &format!("run programs in {}", subject()), "pods", namespace, by))
            }
            Effect::Change if self.write.permits_where(|entry| covers(entry, &target)) => Ok(()),
            Effect::Change => {
                let (what, by) = (verb(method, Effect::Change), self.write.denying(|entry| covers(entry, &target)));
                Err(refused(self.way, &format!("{what} {}", subject()), "write", &needed(&target), by))
            }
        }
    }

    /// Whether it may read the content of a Secret.
    pub fn may_open(&self, namespace: &str, name: &str) -> bool {
        self.secrets.permits_where(|entry| covers_name(entry, namespace, name))
    }

    /// Whether it may read the content of every Secret.
    pub fn may_open_all(&self) -> bool {
        self.secrets.permits_all()
    }

    /// Fails unless it may read the content of a Secret.
    ///
    /// # Errors
    /// `Rights`, with the right to add.
    pub fn check_open(&self, namespace: &str, name: &str) -> Result<()> {
        match self.may_open(namespace, name) {
            true => {
                self.opened().into_iter().for_each(|opened| opened.note(&format!("{namespace}/{name}")));
                Ok(())
            }
            false => Err(self.closed(namespace, name)),
        }
    }

    /// The failure of a run that would need the content of a Secret.
    fn closed(&self, namespace: &str, name: &str) -> crate::failure::Failure {
        let (title, by) = (format!("{namespace}/{name}"), self.denying_secret(namespace, name));
        refused(self.way, &format!("read the content of Secret {title}"), "secrets", &title, by)
    }

    fn denying_secret(&self, namespace: &str, name: &str) -> Option<&str> {
        self.secrets.denying(|entry| covers_name(entry, namespace, name))
    }

    /// A token is as good as the Secret that could hold it.
    fn check_token(&self, target: &ApiPath, subject: &str) -> Result<()> {
        let (namespace, name) = (target.namespace.as_deref().unwrap_or_default(), target.name.as_deref());
        match self.may_open(namespace, name.unwrap_or_default()) {
            true => Ok(()),
            false => {
                let by = self.denying_secret(namespace, name.unwrap_or_default());
                Err(refused(self.way, &format!("get a token of {subject}"), "secrets", namespace, by))
            }
        }
    }

    /// Whoever may make pods in a namespace may run anything there.
    fn may_run_in(&self, target: &ApiPath) -> bool {
        let namespace = target.namespace.as_deref().unwrap_or_default();
        let forbidden = self.pods.forbids_where(|entry| matches(entry, namespace));
        self.pods.permits(namespace) || !forbidden && self.write.permits_where(|entry| covers(entry, target))
    }
}

/// Whether an entry of `needs.write` is about an object.
fn covers(entry: &str, target: &ApiPath) -> bool {
    let (place, kind) = entry.split_once('/').unwrap_or((entry, EVERYTHING));
    let here = match &target.namespace {
        Some(namespace) => place != CLUSTER_SCOPED && matches(place, namespace),
        None => place == CLUSTER_SCOPED || place == EVERYTHING,
    };
    // A run that may write in a namespace may also make it.
    let is_namespace = target.group.is_empty() && target.resource == "namespaces";
    let itself = is_namespace && kind == EVERYTHING && target.name.as_deref().is_some_and(|name| matches(place, name));
    itself || here && is_kind(kind, target)
}

/// Whether `ConfigMap`, `configmaps`, `Gateway.networking.istio.io` or `*` means the resource of an object.
fn is_kind(kind: &str, target: &ApiPath) -> bool {
    let (name, group) = kind.split_once('.').unwrap_or((kind, EVERYTHING));
    let name = name.to_lowercase();
    // The rule by which Kubernetes itself guesses a resource's name, and the one for its exceptions (gateways).
    let plural = match name.as_bytes() {
        [.., b's'] => format!("{name}es"),
        [.., b'y'] => format!("{}ies", &name[..name.len() - 1]),
        _ => format!("{name}s"),
    };
    let simple = format!("{name}s");
    let fits = [name, plural, simple].iter().any(|name| matches(name, &target.resource)) || kind == EVERYTHING;
    fits && matches(group, &target.group)
}

fn covers_name(entry: &str, namespace: &str, name: &str) -> bool {
    let (place, pattern) = entry.split_once('/').unwrap_or((entry, EVERYTHING));
    matches(place, namespace) && matches(pattern, name)
}

/// The least entry of `needs.write` that would do.
fn needed(target: &ApiPath) -> String {
    let place = target.namespace.as_deref().unwrap_or(CLUSTER_SCOPED);
    match target.group.as_str() {
        "" => format!("{place}/{}", target.resource),
        group => format!("{place}/{}.{group}", target.resource),
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

    /// A program that is about to run in a pod.
    fn note(&self, request: &Request<Body>) {
        let (Some(used), uri) = (&self.rights.used, request.uri()) else { return };
        if effect_of(request.method(), uri.path(), uri.query()) == Effect::Run {
            ApiPath::parse(uri.path()).namespace.iter().for_each(|namespace| used.pods.note(namespace));
        }
    }

    fn gate_check(&self, request: &Request<Body>) -> Result<()> {
        let (method, uri) = (request.method(), request.uri());
        let effect = effect_of(method, uri.path(), uri.query());
        if effect == Effect::Read {
            return Ok(());
        }
        if self.gate.is_open() {
            return self.gate.admit(&self.cluster);
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
        if request.extensions().get::<super::Own>().is_some() {
            return Box::pin(self.inner.clone().oneshot(request));
        }
        let subject = request.extensions().get::<super::Subject>().map(|subject| subject.0.as_str());
        let (method, uri) = (request.method(), request.uri());
        let checked = self.rights.check(method, uri.path(), uri.query(), subject);
        match checked.and_then(|()| self.gate_check(&request)) {
            Ok(()) => {
                self.note(&request);
                Box::pin(self.inner.clone().oneshot(request))
            }
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
    use crate::failure::Kind;

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
        let hint = failure.hint.expect("hint");
        assert!(
            hint.contains("`sample/pods` to `needs.write`") && hint.contains("--allow write=sample/pods"),
            "{hint}"
        );
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
    fn rights_may_name_kinds() {
        let config = "/api/v1/namespaces/a/configmaps/x";
        let gateway = "/apis/networking.istio.io/v1/namespaces/a/gateways/x";
        for entry in ["a/ConfigMap", "a/configmaps", "*/ConfigMap", "a*/configmap"] {
            check(&[entry], Method::PATCH, config).expect(entry);
            check(&[entry], Method::PATCH, gateway).expect_err(entry);
            check(&[entry], Method::PATCH, "/api/v1/namespaces/a").expect_err(entry);
        }
        check(&["a/Gateway.networking.istio.io"], Method::PATCH, gateway).expect("kind and group");
        check(&["a/Gateway.gateway.networking.k8s.io"], Method::PATCH, gateway).expect_err("another group");
        check(&["a/NetworkPolicy"], Method::POST, "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies")
            .expect("y");
        check(&["cluster-scoped/Namespace"], Method::POST, "/api/v1/namespaces").expect("outside namespaces");
        check(&["cluster-scoped/IngressClass"], Method::POST, "/apis/networking.k8s.io/v1/ingressclasses").expect("s");
        check(&["*/ConfigMap"], Method::PATCH, "/api/v1/nodes/n").expect_err("outside namespaces");
    }

    #[test]
    fn exceptions_win_over_everything() {
        let rights = ["*", "!kube-*", "!*/Secret", "!cluster-scoped"];
        check(&rights, Method::PATCH, "/api/v1/namespaces/a/configmaps/x").expect("the rest");
        for path in ["/api/v1/namespaces/kube-system/configmaps/x", "/api/v1/namespaces/a/secrets/x", "/api/v1/nodes/x"]
        {
            check(&rights, Method::PATCH, path).expect_err(path);
        }
        check(&rights, Method::DELETE, "/api/v1/namespaces/kube-system").expect_err("the namespace itself");
    }

    #[test]
    fn programs_in_pods_are_a_right_of_their_own() {
        let exec = |rights: Rights| rights.check(&Method::GET, "/api/v1/namespaces/a/pods/x/exec", None, None);
        let rights = |write: &[&str], pods: &[&str]| Rights::new(write, pods, &[]);
        exec(rights(&[], &["a"])).expect("by name");
        exec(rights(&["a"], &[])).expect("whoever may write pods");
        exec(rights(&["a/Pod"], &[])).expect("whoever may write pods");
        exec(rights(&["a/ConfigMap"], &[])).expect_err("other kinds");
        exec(rights(&["a"], &["!*"])).expect_err("denied");
    }

    #[test]
    fn secrets_are_opened_by_name() {
        let rights = Rights::new(&[], &[], &["mesh/cacerts", "mesh/reader-*", "own"]);
        assert!(
            rights.may_open("mesh", "cacerts")
                && rights.may_open("mesh", "reader-token")
                && rights.may_open("own", "x")
        );
        let failure = rights.check_open("mesh", "other").expect_err("another Secret");
        assert!(failure.hint.expect("hint").contains("`mesh/other` to `needs.secrets`"));
        let token = "/api/v1/namespaces/mesh/serviceaccounts/reader/token";
        rights.check(&Method::POST, token, None, None).expect_err("a token");
        Rights::all().check(&Method::POST, token, None, None).expect("a token");
    }
}
