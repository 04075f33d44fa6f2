//! What users may do, asked of this server and of a real one: see [`super::super::real`]. `as-user` and `as-group` in a
//! query stand for the headers of impersonation.

use super::super::real::{APPLY, Asked, MERGE};
use serde_json::{Value, json};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Requests that build on each other, in a namespace that is there.
pub(in super::super) fn requests(namespace: &str) -> Vec<Asked> {
    let own = format!("{RBAC}/namespaces/{namespace}");
    let mut all = roles(namespace, &own);
    // The real server hears of its roles a moment later.
    all.push(("WAIT", "roles".to_owned(), "", Value::Null));
    all.extend(asked(namespace));
    all.extend(reviews(namespace));
    all.extend(escalations(namespace, &own));
    for path in [format!("{own}/rolebindings?ignored"), format!("{RBAC}/clusterroles/{namespace}?ignored")] {
        all.push(("DELETE", path, "", Value::Null));
    }
    all
}

fn rules(verbs: &[&str], resources: &[&str]) -> Value {
    json!([{"verbs": verbs, "apiGroups": ["", "apps"], "resources": resources}])
}

fn binding(name: &str, role: (&str, &str), subject: Value) -> Value {
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1});
    json!({"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
}

/// jane reads, a patcher patches, an account views, a group administers the namespace; one binding leads nowhere.
fn roles(namespace: &str, own: &str) -> Vec<Asked> {
    let (roles, bindings) = (format!("{own}/roles"), format!("{own}/rolebindings"));
    let group = json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "admins"});
    let account = json!({"kind": "ServiceAccount", "name": "viewer", "namespace": namespace});
    let reader = json!({"metadata": {"name": "reader"}, "rules": rules(&["get", "list"], &["configmaps", "pods/log"])});
    let patcher = json!({"metadata": {"name": "patcher"}, "rules": rules(&["patch"], &["configmaps"])});
    let admin = json!({"metadata": {"name": "admin"}, "rules": [
        {"verbs": ["*"], "apiGroups": ["", "apps"], "resources": ["pods", "configmaps"]},
        {"verbs": ["create", "update", "patch"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]},
    ]});
    let aggregate = json!({"metadata": {"name": namespace}, "rules": rules(&["get"], &["nodes"])});
    vec![
        ("POST", roles.clone(), "", reader),
        ("POST", roles.clone(), "", patcher),
        ("POST", roles, "", admin),
        ("POST", format!("{RBAC}/clusterroles"), "", aggregate),
        ("POST", bindings.clone(), "", binding("reader", ("Role", "reader"), user("jane"))),
        ("POST", bindings.clone(), "", binding("patcher", ("Role", "patcher"), user("patcher"))),
        ("POST", bindings.clone(), "", binding("viewer", ("ClusterRole", "system:aggregate-to-view"), account)),
        ("POST", bindings.clone(), "", binding("admins", ("Role", "admin"), group)),
        ("POST", bindings.clone(), "", binding("nowhere", ("ClusterRole", "nothing"), user("lost"))),
        ("POST", bindings.clone(), "", binding("wrong", ("Thing", "nothing"), user("lost"))),
        ("PATCH", format!("{bindings}/reader"), MERGE, json!({"roleRef": {"name": "other"}})),
    ]
}

/// Allowed and refused requests.
fn asked(namespace: &str) -> Vec<Asked> {
    let root = format!("/api/v1/namespaces/{namespace}");
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let viewer = format!("as-user=system:serviceaccount:{namespace}:viewer");
    let paths = [
        format!("{root}/configmaps?as-user=jane"),
        format!("{root}/configmaps/nothing?as-user=jane"),
        format!("{root}/secrets?as-user=jane"),
        format!("{root}/secrets/s?as-user=jane"),
        format!("{root}/pods/p/log?as-user=jane"),
        format!("{root}/pods/p?as-user=jane"),
        format!("{root}/nothing?as-user=jane"),
        format!("{root}?as-user=jane"),
        "/api/v1/configmaps?as-user=jane".to_owned(),
        "/api/v1/nodes/n?as-user=jane".to_owned(),
        "/apis/apps/v1/deployments?as-user=jane".to_owned(),
        "/apis/nothing/v1/things?as-user=jane".to_owned(),
        "/metrics?as-user=jane".to_owned(),
        "/healthz?as-user=jane".to_owned(),
        "/apis/apps?as-user=jane".to_owned(),
        "/api/v1?as-user=system:anonymous".to_owned(),
        "/livez?as-user=system:anonymous".to_owned(),
        format!("{root}/configmaps?as-user=a%3Cb%26c%3E"),
        format!("{root}/configmaps?as-user=lost"),
        format!("{root}/configmaps/nothing?{viewer}"),
        format!("{root}/secrets?{viewer}"),
        format!("{root}/configmaps/nothing?as-user=eve&as-group=admins"),
        format!("/api/v1/namespaces/{namespace}-other/pods?as-user=eve&as-group=admins"),
    ];
    let mut all: Vec<Asked> = paths.into_iter().map(|path| ("GET", path, "", Value::Null)).collect();
    all.extend([
        ("POST", format!("{root}/configmaps?as-user=jane"), "", map("x")),
        ("PUT", format!("{root}/configmaps/x?as-user=jane"), "", map("x")),
        ("DELETE", format!("{root}/configmaps?as-user=jane"), "", Value::Null),
        ("DELETE", format!("{root}/configmaps/x?as-user=jane"), "", Value::Null),
        ("PATCH", format!("{root}/configmaps/x?fieldManager=f&as-user=patcher"), APPLY, map("x")),
        ("PATCH", format!("{root}/configmaps/x?as-user=patcher"), MERGE, json!({})),
        ("POST", format!("{root}/pods/p/eviction?as-user=jane"), "", json!({"metadata": {"name": "p"}})),
        ("POST", format!("{root}/serviceaccounts/r/token?as-user=jane"), "", json!({"spec": {}})),
    ]);
    all
}

/// Nobody gives more than they have.
fn escalations(namespace: &str, own: &str) -> Vec<Asked> {
    let eve = "as-user=eve&as-group=admins";
    let role =
        |verbs: &[&str], resources: &[&str]| json!({"metadata": {"name": "e"}, "rules": rules(verbs, resources)});
    let named = json!({"metadata": {"name": "n"}, "rules": [
        {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"], "resourceNames": ["a", "b"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
    ]});
    vec![
        ("POST", format!("{own}/roles?{eve}"), "", role(&["get"], &["nodes", "pods"])),
        ("POST", format!("{own}/roles?{eve}"), "", named),
        ("POST", format!("{own}/roles?{eve}"), "", role(&["get", "list"], &["pods"])),
        ("PATCH", format!("{own}/roles/e?{eve}"), MERGE, json!({"rules": rules(&["*"], &["*"])})),
        ("PATCH", format!("{own}/roles/e?{eve}"), MERGE, json!({"rules": rules(&["get"], &["pods"])})),
        ("POST", format!("{own}/rolebindings?{eve}"), "", binding("e", ("ClusterRole", "cluster-admin"), user("eve"))),
        ("POST", format!("{own}/rolebindings?{eve}"), "", binding("n", ("ClusterRole", namespace), user("eve"))),
        ("POST", format!("{own}/rolebindings?{eve}"), "", binding("v", ("Role", "admin"), user("eve"))),
        ("POST", format!("{own}/rolebindings?{eve}"), "", binding("m", ("Role", "missing"), user("eve"))),
    ]
}

fn reviews(namespace: &str) -> Vec<Asked> {
    let path = |kind: &str, query: &str| format!("/apis/authorization.k8s.io/v1/{kind}?{query}");
    let pods = json!({"verb": "list", "resource": "configmaps", "namespace": namespace});
    let own = json!({"spec": {"resourceAttributes": pods}});
    let viewer = format!("system:serviceaccount:{namespace}:viewer");
    let of = |user: &str| json!({"spec": {"user": user, "resourceAttributes": pods}});
    let health = json!({"spec": {"nonResourceAttributes": {"verb": "get", "path": "/api"}}});
    let local = format!("/apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews");
    vec![
        ("POST", path("selfsubjectaccessreviews", ""), "", own.clone()),
        ("POST", path("selfsubjectaccessreviews", "as-user=jane"), "", own.clone()),
        ("POST", path("selfsubjectaccessreviews", "as-user=eve&as-group=admins"), "", own),
        ("POST", path("selfsubjectaccessreviews", "as-user=jane"), "", health),
        ("POST", path("selfsubjectaccessreviews", ""), "", json!({"spec": {}})),
        ("POST", path("subjectaccessreviews", ""), "", of("jane")),
        ("POST", path("subjectaccessreviews", ""), "", of("lost")),
        ("POST", path("subjectaccessreviews", ""), "", of(&viewer)),
        ("POST", path("subjectaccessreviews", ""), "", of("")),
        ("POST", path("subjectaccessreviews", "as-user=jane"), "", of("jane")),
        ("POST", local.clone(), "", of("jane")),
        (
            "POST",
            local,
            "",
            json!({"spec": {"user": "jane", "resourceAttributes": {"verb": "get", "namespace": "other"}}}),
        ),
        ("POST", path("selfsubjectrulesreviews", "as-user=jane"), "", json!({"spec": {"namespace": namespace}})),
        ("POST", path("selfsubjectrulesreviews", ""), "", json!({"spec": {}})),
        (
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews?as-user=jane&as-group=dev".to_owned(),
            "",
            json!({}),
        ),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews".to_owned(), "", json!({"spec": {"token": "nonsense"}})),
    ]
}
