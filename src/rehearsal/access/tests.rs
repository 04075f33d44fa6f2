//! Access control as clients of a server meet it.

use super::super::tests::running;
use super::super::{Server, World};
use serde_json::{Value, json};

/// A cluster with a namespace `mesh` and an account in it, and a token of that account.
fn with_account(clock: &crate::clock::Clock) -> (World, Server, String) {
    let world = running(clock, &["east"]);
    let east = world.servers()[0].clone();
    east.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mesh"}}));
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": "mesh"}});
    let account = east.put(account);
    let token = east.token(&account, None);
    (world, east, token)
}

/// Status code and answer of a request with these headers.
async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> (u16, Value) {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = request.body(kube::client::Body::from(bytes)).expect("request");
    let reply = kube::Client::new(server.transport(), "default").send(request).await.expect("answer");
    let code = reply.status().as_u16();
    let bytes = reply.into_body().collect_bytes().await.expect("body");
    (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn rbac(kind: &str, metadata: Value, more: Value) -> Value {
    let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata});
    object.as_object_mut().expect("map").extend(more.as_object().expect("map").clone());
    object
}

fn bind(server: &Server, metadata: Value, role: (&str, &str)) {
    let kind = if metadata["namespace"].is_null() { "ClusterRoleBinding" } else { "RoleBinding" };
    let subjects = json!([{"kind": "ServiceAccount", "name": "reader", "namespace": "mesh"}]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1});
    server.put(rbac(kind, metadata, json!({"roleRef": role, "subjects": subjects})));
}

#[test]
fn an_account_may_do_what_its_bindings_say() {
    crate::clock::simulated(async |clock| {
        let (_world, east, token) = with_account(&clock);
        let token = bearer(&token);
        let as_reader = [("authorization", token.as_str())];
        let get = async |path: &str| ask(&east, "GET", path, &as_reader, Value::Null).await;
        let (code, refusal) = get("/api/v1/namespaces/mesh/pods").await;
        assert_eq!(
            (code, &refusal["message"]),
            (
                403,
                &json!(
                    "pods is forbidden: User \"system:serviceaccount:mesh:reader\" cannot list resource \"pods\" in API group \"\" in the namespace \"mesh\""
                )
            )
        );
        assert_eq!((&refusal["reason"], &refusal["details"]), (&json!("Forbidden"), &json!({"kind": "pods"})));
        assert_eq!(get("/api").await.0, 200, "everybody may discover");
        bind(&east, json!({"name": "view", "namespace": "mesh"}), ("ClusterRole", "view"));
        assert_eq!(get("/api/v1/namespaces/mesh/pods").await.0, 200);
        assert_eq!(get("/api/v1/namespaces/mesh/pods?watch=1&timeoutSeconds=1").await.0, 200);
        assert_eq!(get("/api/v1/namespaces/default/pods").await.0, 403, "another namespace");
        let (code, refusal) = get("/api/v1/namespaces/mesh/secrets/s").await;
        assert_eq!(
            (code, &refusal["message"]),
            (
                403,
                &json!(
                    "secrets \"s\" is forbidden: User \"system:serviceaccount:mesh:reader\" cannot get resource \"secrets\" in API group \"\" in the namespace \"mesh\""
                )
            )
        );
        assert_eq!(get("/api/v1/nodes").await.0, 403);
        bind(&east, json!({"name": "all"}), ("ClusterRole", "cluster-admin"));
        assert_eq!(get("/api/v1/nodes").await.0, 200);
        assert_eq!(get("/metrics").await.0, 404);
    });
}

#[test]
fn a_patch_that_creates_needs_the_right_to_create() {
    crate::clock::simulated(async |clock| {
        let (_world, east, token) = with_account(&clock);
        let rules = json!([{"verbs": ["patch", "get"], "apiGroups": [""], "resources": ["configmaps"]}]);
        east.put(rbac("Role", json!({"name": "maps", "namespace": "mesh"}), json!({"rules": rules})));
        bind(&east, json!({"name": "maps", "namespace": "mesh"}), ("Role", "maps"));
        let token = bearer(&token);
        let headers = [("authorization", token.as_str()), ("content-type", "application/apply-patch+yaml")];
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v"}});
        let path = "/api/v1/namespaces/mesh/configmaps/m?fieldManager=f";
        let (code, refusal) = ask(&east, "PATCH", path, &headers, map.clone()).await;
        assert_eq!(code, 403, "{refusal}");
        assert!(refusal["message"].as_str().expect("words").contains("cannot create resource \"configmaps\""));
        let mut stored = map.clone();
        stored["metadata"]["namespace"] = json!("mesh");
        east.put(stored);
        assert_eq!(ask(&east, "PATCH", path, &headers, map).await.0, 200);
    });
}

#[test]
fn reviews_tell_what_would_be_decided() {
    crate::clock::simulated(async |clock| {
        let (_world, east, token) = with_account(&clock);
        bind(&east, json!({"name": "view", "namespace": "mesh"}), ("ClusterRole", "view"));
        let token = bearer(&token);
        let as_reader = [("authorization", token.as_str())];
        let review = async |kind: &str, headers: &[(&str, &str)], spec: Value| {
            let path = format!("/apis/authorization.k8s.io/v1/{kind}");
            ask(&east, "POST", &path, headers, json!({"spec": spec})).await.1["status"].clone()
        };
        let pods = |verb: &str| json!({"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": "mesh"}});
        let reason =
            "RBAC: allowed by RoleBinding \"view/mesh\" of ClusterRole \"view\" to ServiceAccount \"reader/mesh\"";
        let own = "selfsubjectaccessreviews";
        assert_eq!(review(own, &as_reader, pods("list")).await, json!({"allowed": true, "reason": reason}));
        assert_eq!(review(own, &as_reader, pods("delete")).await, json!({"allowed": false}));
        assert_eq!(review(own, &[], pods("delete")).await, json!({"allowed": true}));
        let mut of_another = pods("delete");
        of_another["user"] = json!("jane");
        assert_eq!(review("subjectaccessreviews", &[], of_another).await, json!({"allowed": false}));
        let rules = review("selfsubjectrulesreviews", &as_reader, json!({"namespace": "mesh"})).await;
        let text = rules.to_string();
        assert!(text.contains("pods/log") && text.contains("/healthz") && !text.contains("pods/exec"), "{rules}");
    });
}

#[test]
fn requests_on_behalf_of_others_need_a_right() {
    crate::clock::simulated(async |clock| {
        let (_world, east, token) = with_account(&clock);
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let who = async |headers: &[(&str, &str)]| {
            let (code, answer) = ask(&east, "POST", path, headers, json!({})).await;
            (code, answer["status"]["userInfo"].clone(), answer["message"].clone())
        };
        let reader = "system:serviceaccount:mesh:reader";
        let groups = ["system:serviceaccounts", "system:serviceaccounts:mesh", "system:authenticated"];
        let (code, info, _) = who(&[("impersonate-user", reader)]).await;
        assert_eq!((code, &info["username"], &info["groups"]), (201, &json!(reader), &json!(groups)));
        let (_, info, _) = who(&[("impersonate-user", "jane"), ("impersonate-group", "dev")]).await;
        assert_eq!(info["groups"], json!(["dev", "system:authenticated"]));
        let token = bearer(&token);
        let (code, _, words) = who(&[("authorization", &token), ("impersonate-user", "jane")]).await;
        let expected = format!(
            "users \"jane\" is forbidden: User \"{reader}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
        );
        assert_eq!((code, words), (403, json!(expected)));
        assert_eq!(who(&[("impersonate-group", "dev")]).await.0, 500);
    });
}

#[test]
fn aggregated_roles_follow_their_parts() {
    crate::clock::simulated(async |clock| {
        let (world, east, _) = with_account(&clock);
        let rules = json!([{"verbs": ["get"], "apiGroups": ["x.io"], "resources": ["things"]}]);
        let labels = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
        east.put(rbac("ClusterRole", json!({"name": "things", "labels": labels}), json!({"rules": rules})));
        world.clock().sleep(std::time::Duration::from_secs(1)).await;
        let view = |server: &Server| server.get("ClusterRole", None, "view").expect("view")["rules"].to_string();
        assert!(view(&east).contains("x.io"));
        east.remove("ClusterRole", None, "things");
        world.clock().sleep(std::time::Duration::from_secs(1)).await;
        assert!(!view(&east).contains("x.io"));
    });
}

#[test]
fn nobody_gives_more_than_they_have() {
    crate::clock::simulated(async |clock| {
        let (_world, east, token) = with_account(&clock);
        let rules = json!([
            {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]},
            {"verbs": ["create", "patch"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]},
        ]);
        east.put(rbac("Role", json!({"name": "writer", "namespace": "mesh"}), json!({"rules": rules})));
        bind(&east, json!({"name": "writer", "namespace": "mesh"}), ("Role", "writer"));
        let token = bearer(&token);
        let headers = [("authorization", token.as_str())];
        let root = "/apis/rbac.authorization.k8s.io/v1/namespaces/mesh";
        let post =
            async |plural: &str, body: Value| ask(&east, "POST", &format!("{root}/{plural}"), &headers, body).await;
        let role = |name: &str, resource: &str| json!({"metadata": {"name": name}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": [resource]}]});
        assert_eq!(post("roles", role("pods", "pods")).await.0, 201);
        let (code, refusal) = post("roles", role("secrets", "secrets")).await;
        let words = "roles.rbac.authorization.k8s.io \"secrets\" is forbidden: user \"system:serviceaccount:mesh:reader\" (groups=[\"system:serviceaccounts\" \"system:serviceaccounts:mesh\" \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}";
        assert_eq!((code, &refusal["message"]), (403, &json!(words)));
        let binding = |role: &str| json!({"metadata": {"name": role}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}});
        assert_eq!(post("rolebindings", binding("cluster-admin")).await.0, 403);
        let more = json!([{"verbs": ["bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["view"]}]);
        east.put(rbac("ClusterRole", json!({"name": "binder"}), json!({"rules": more})));
        bind(&east, json!({"name": "binder"}), ("ClusterRole", "binder"));
        assert_eq!(post("rolebindings", binding("cluster-admin")).await.0, 403);
        assert_eq!(post("rolebindings", binding("view")).await.0, 201);
    });
}
