//! Apply: what it changes, what it leaves alone, and whose fields it does not take. Each test runs against any server.

use super::{Bench, in_default, object, outcomes};
use meshwright::cluster::{ApplyOptions, Force, Outcome};
use meshwright::failure::Kind;
use meshwright::object::yaml;

/// Objects of which each has something that an API server fills in or writes differently.
pub const EVERYDAY: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: everyday, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: everyday}
stringData: {token: planted-token-5}
data: {other: YQ==}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a, namespace: everyday}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: everyday, creationTimestamp: null}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: https, port: 443, targetPort: 8443}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: everyday}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: a
      volumes: [{name: tmp, emptyDir: {}}, {name: s, secret: {secretName: s}}]
      containers:
      - name: web
        image: web:1
        args: ["--a", "--b"]
        ports: [{containerPort: 80}, {containerPort: 8443, name: https}]
        env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, {name: A, value: "1"}]
        resources: {requests: {cpu: 1000m, memory: 2048Mi}, limits: {cpu: 2}}
        volumeMounts: [{name: tmp, mountPath: /tmp}]
        readinessProbe: {httpGet: {path: /, port: 80}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: everyday}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everyday}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: everyday}
subjects: [{kind: ServiceAccount, name: a, namespace: everyday}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: everyday}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: everyday}
webhooks:
- name: a.everyday.io
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {service: {name: web, namespace: everyday, path: /check}}
  rules: [{apiGroups: [everyday.io], apiVersions: ["*"], operations: [CREATE], resources: ["*"]}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.everyday.io}
spec:
  group: everyday.io
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: everyday.io/v1
kind: Widget
metadata: {name: w, namespace: everyday}
spec: {size: 3, parts: [{name: a}, {name: b}]}
"#;

pub async fn a_second_run_writes_nothing(bench: &Bench) {
    let first = bench.apply_all(EVERYDAY).await;
    assert!(outcomes(&first).iter().all(|outcome| *outcome == Outcome::Created), "{:?}", outcomes(&first));
    let titles: Vec<String> = first.iter().map(|one| one.object.title()).collect();
    assert_eq!(
        (titles[0].as_str(), titles[10].as_str()),
        ("Namespace everyday", "Widget everyday/w"),
        "in the manifests' order"
    );
    let (changes, requests) = (bench.changes(), bench.requests());
    let second = bench.apply_all(EVERYDAY).await;
    let changed: Vec<String> =
        second.iter().filter(|one| one.outcome != Outcome::Unchanged).map(|one| one.object.title()).collect();
    assert!(changed.is_empty(), "{changed:?}");
    assert_eq!(bench.changes(), changes, "no change is sent");
    let objects = second.len() as u64;
    assert_eq!(bench.requests() - requests, objects, "one read for each object, no dry run");
}

pub async fn fields_are_changed_given_up_and_left_to_others(bench: &Bench) {
    let manifest =
        |data: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: shared}}, data: {data}}}");
    assert_eq!(bench.apply(&manifest("{a: '1', b: '1'}")).await.outcome, Outcome::Created);
    bench.apply_as("other", &manifest("{c: '1'}")).await;
    let after = bench.apply(&manifest("{a: '2'}")).await;
    assert_eq!(after.outcome, Outcome::Changed);
    assert_eq!(after.object.to_wire()["data"], serde_json::json!({"a": "2", "c": "1"}));
    assert_eq!(bench.apply(&manifest("{a: '2'}")).await.outcome, Outcome::Unchanged);
}

pub async fn conflicts_name_the_owner_and_are_never_forced_silently(bench: &Bench) {
    let manifest = |value: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: owned}}, data: {{a: '{value}', b: '{value}'}}}}")
    };
    bench.apply_as("helm", &manifest("1")).await;
    let try_with = |force: Force| {
        let options = ApplyOptions { force, ..in_default() };
        let wanted = object(&manifest("2"));
        async move { bench.cluster.apply(&wanted, &options).await }
    };
    let failure = try_with(Force::Never).await.expect_err("conflict");
    assert_eq!(failure.kind, Kind::Conflict);
    assert_eq!(failure.object.as_deref(), Some("ConfigMap default/owned"));
    assert!(
        failure.details.iter().any(|line| line.starts_with(".data.a: owned by \"helm\", Apply at")),
        "{:?}",
        failure.details
    );
    assert!(failure.hint.is_some_and(|hint| hint.contains("force: [\".data.a\", \".data.b\"]")));
    let failure = try_with(Force::Fields(vec![".data.a".into()])).await.expect_err("one is not given");
    assert_eq!(failure.kind, Kind::Conflict);
    let forced = try_with(Force::Fields(vec![".data".into()])).await.expect("forced");
    assert_eq!(forced.outcome, Outcome::Changed);
    assert_eq!(try_with(Force::Never).await.expect("ours now").outcome, Outcome::Unchanged);
}

pub async fn mistakes_are_told_before_anything_is_stored(bench: &Bench) {
    let wrong = "{apiVersion: v1, kind: Service, metadata: {name: wrong}, spec: {prots: [{port: 1}]}}";
    let failure = bench.cluster.apply(&object(wrong), &in_default()).await.expect_err("unknown field");
    assert_eq!(failure.kind, Kind::Invalid, "{failure}");
    assert!(failure.message.contains("prots"), "{failure}");
    let lost = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: nowhere}}";
    let failure = bench.cluster.apply(&object(lost), &in_default()).await.expect_err("no namespace");
    assert_eq!(failure.kind, Kind::NotFound);
    assert!(failure.hint.is_some_and(|hint| hint.contains("kind: Namespace")), "{:?}", failure.message);
    let unknown = "{apiVersion: nowhere.io/v1, kind: Thing, metadata: {name: a}}";
    let failure = bench.cluster.apply(&object(unknown), &in_default()).await.expect_err("unknown kind");
    assert_eq!(failure.kind, Kind::NotFound);
    let several = yaml::parse(&format!("{wrong}\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: right}}}}"));
    let failure = bench.cluster.apply_all(&several.expect("yaml"), &in_default()).await.expect_err("one is wrong");
    assert!(failure.details.iter().any(|line| line.starts_with("1 of 2 objects")), "{:?}", failure.details);
}

pub async fn what_was_read_can_be_applied(bench: &Bench) {
    bench.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: read}, data: {a: '1'}}").await;
    let target = bench.cluster.target("cm", "default/read").await.expect("target");
    let live = bench.cluster.get(&target).await.expect("read");
    assert_eq!(bench.cluster.apply(&live, &in_default()).await.expect("applied").outcome, Outcome::Unchanged);
}

#[test]
fn in_memory() {
    super::in_memory(async |bench| {
        a_second_run_writes_nothing(bench).await;
        fields_are_changed_given_up_and_left_to_others(bench).await;
        conflicts_name_the_owner_and_are_never_forced_silently(bench).await;
        mistakes_are_told_before_anything_is_stored(bench).await;
        what_was_read_can_be_applied(bench).await;
    });
}
