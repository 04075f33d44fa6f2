//! The kinds that every API server has. Names, short names, categories and subresources are those of Kubernetes 1.34.

use super::kinds::Kind;

/// Lives in a namespace.
const IN: bool = true;
/// Belongs to the whole cluster.
const ALL: bool = false;

/// Group, versions (preferred first), kind, plural, short names, scope, subresources, categories.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
    &'static [&'static str],
    bool,
    &'static [&'static str],
    &'static [&'static str],
);

const V1: &[&str] = &["v1"];
const HPA: &[&str] = &["v2", "v1"];
const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const STATUS: &[&str] = &["status"];
const SCALED: &[&str] = &["scale", "status"];
const POD: &[&str] = &[
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "log",
    "portforward",
    "proxy",
    "resize",
    "status",
];
const GENERAL: &[&str] = &["all"];
const EXTENSIONS: &[&str] = &["api-extensions"];

#[rustfmt::skip]
const STORED: &[Row] = &[
    ("", V1, "Binding", "bindings", &[], IN, &[], &[]),
    ("", V1, "ComponentStatus", "componentstatuses", &["cs"], ALL, &[], &[]),
    ("", V1, "ConfigMap", "configmaps", &["cm"], IN, &[], &[]),
    ("", V1, "Endpoints", "endpoints", &["ep"], IN, &[], &[]),
    ("", V1, "Event", "events", &["ev"], IN, &[], &[]),
    ("", V1, "LimitRange", "limitranges", &["limits"], IN, &[], &[]),
    ("", V1, "Namespace", "namespaces", &["ns"], ALL, &["finalize", "status"], &[]),
    ("", V1, "Node", "nodes", &["no"], ALL, &["proxy", "status"], &[]),
    ("", V1, "PersistentVolumeClaim", "persistentvolumeclaims", &["pvc"], IN, STATUS, &[]),
    ("", V1, "PersistentVolume", "persistentvolumes", &["pv"], ALL, STATUS, &[]),
    ("", V1, "Pod", "pods", &["po"], IN, POD, GENERAL),
    ("", V1, "PodTemplate", "podtemplates", &[], IN, &[], &[]),
    ("", V1, "ReplicationController", "replicationcontrollers", &["rc"], IN, SCALED, GENERAL),
    ("", V1, "ResourceQuota", "resourcequotas", &["quota"], IN, STATUS, &[]),
    ("", V1, "Secret", "secrets", &[], IN, &[], &[]),
    ("", V1, "ServiceAccount", "serviceaccounts", &["sa"], IN, &["token"], &[]),
    ("", V1, "Service", "services", &["svc"], IN, &["proxy", "status"], GENERAL),
    ("apps", V1, "ControllerRevision", "controllerrevisions", &[], IN, &[], &[]),
    ("apps", V1, "DaemonSet", "daemonsets", &["ds"], IN, STATUS, GENERAL),
    ("apps", V1, "Deployment", "deployments", &["deploy"], IN, SCALED, GENERAL),
    ("apps", V1, "ReplicaSet", "replicasets", &["rs"], IN, SCALED, GENERAL),
    ("apps", V1, "StatefulSet", "statefulsets", &["sts"], IN, SCALED, GENERAL),
    ("events.k8s.io", V1, "Event", "events", &["ev"], IN, &[], &[]),
    ("autoscaling", HPA, "HorizontalPodAutoscaler", "horizontalpodautoscalers", &["hpa"], IN, STATUS, GENERAL),
    ("batch", V1, "CronJob", "cronjobs", &["cj"], IN, STATUS, GENERAL),
    ("batch", V1, "Job", "jobs", &[], IN, STATUS, GENERAL),
    ("certificates.k8s.io", V1, "CertificateSigningRequest", "certificatesigningrequests", &["csr"], ALL, &["approval", "status"], &[]),
    ("networking.k8s.io", V1, "IngressClass", "ingressclasses", &[], ALL, &[], &[]),
    ("networking.k8s.io", V1, "Ingress", "ingresses", &["ing"], IN, STATUS, &[]),
    ("networking.k8s.io", V1, "IPAddress", "ipaddresses", &["ip"], ALL, &[], &[]),
    ("networking.k8s.io", V1, "NetworkPolicy", "networkpolicies", &["netpol"], IN, &[], &[]),
    ("networking.k8s.io", V1, "ServiceCIDR", "servicecidrs", &[], ALL, STATUS, &[]),
    ("policy", V1, "PodDisruptionBudget", "poddisruptionbudgets", &["pdb"], IN, STATUS, &[]),
    (RBAC, V1, "ClusterRoleBinding", "clusterrolebindings", &[], ALL, &[], &[]),
    (RBAC, V1, "ClusterRole", "clusterroles", &[], ALL, &[], &[]),
    (RBAC, V1, "RoleBinding", "rolebindings", &[], IN, &[], &[]),
    (RBAC, V1, "Role", "roles", &[], IN, &[], &[]),
    ("storage.k8s.io", V1, "CSIDriver", "csidrivers", &[], ALL, &[], &[]),
    ("storage.k8s.io", V1, "CSINode", "csinodes", &[], ALL, &[], &[]),
    ("storage.k8s.io", V1, "CSIStorageCapacity", "csistoragecapacities", &[], IN, &[], &[]),
    ("storage.k8s.io", V1, "StorageClass", "storageclasses", &["sc"], ALL, &[], &[]),
    ("storage.k8s.io", V1, "VolumeAttachment", "volumeattachments", &[], ALL, STATUS, &[]),
    ("storage.k8s.io", V1, "VolumeAttributesClass", "volumeattributesclasses", &["vac"], ALL, &[], &[]),
    (ADMISSION, V1, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", &[], ALL, &[], EXTENSIONS),
    (ADMISSION, V1, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", &[], ALL, STATUS, EXTENSIONS),
    (ADMISSION, V1, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", &[], ALL, &[], EXTENSIONS),
    (ADMISSION, V1, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", &[], ALL, &[], EXTENSIONS),
    ("apiextensions.k8s.io", V1, "CustomResourceDefinition", "customresourcedefinitions", &["crd", "crds"], ALL, STATUS, EXTENSIONS),
    ("apiregistration.k8s.io", V1, "APIService", "apiservices", &[], ALL, STATUS, EXTENSIONS),
    ("scheduling.k8s.io", V1, "PriorityClass", "priorityclasses", &["pc"], ALL, &[], &[]),
    ("coordination.k8s.io", V1, "Lease", "leases", &[], IN, &[], &[]),
    ("node.k8s.io", V1, "RuntimeClass", "runtimeclasses", &[], ALL, &[], &[]),
    ("discovery.k8s.io", V1, "EndpointSlice", "endpointslices", &[], IN, &[], &[]),
    ("flowcontrol.apiserver.k8s.io", V1, "FlowSchema", "flowschemas", &[], ALL, STATUS, &[]),
    ("flowcontrol.apiserver.k8s.io", V1, "PriorityLevelConfiguration", "prioritylevelconfigurations", &[], ALL, STATUS, &[]),
];

/// Kinds that are only ever posted: group, kind, plural, scope.
#[rustfmt::skip]
const REVIEWS: &[(&str, &str, &str, bool)] = &[
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", ALL),
    ("authentication.k8s.io", "TokenReview", "tokenreviews", ALL),
    ("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews", IN),
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", ALL),
    ("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews", ALL),
    ("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", ALL),
];

/// Kinds of which the server counts changes to the desired state in `metadata.generation`.
const COUNTED: &[&str] = &[
    "DaemonSet",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Pod",
    "Ingress",
    "IngressClass",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "CustomResourceDefinition",
    "EndpointSlice",
    "PriorityClass",
    "FlowSchema",
    "PriorityLevelConfiguration",
];

/// Every built-in kind, core group first.
pub(super) fn kinds() -> Vec<Kind> {
    STORED.iter().map(stored).chain(REVIEWS.iter().map(review)).collect()
}

fn stored(row: &Row) -> Kind {
    let &(group, versions, kind, plural, short_names, namespaced, subresources, categories) = row;
    Kind {
        group: group.to_owned(),
        versions: owned(versions),
        storage: versions[0].to_owned(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short_names: owned(short_names),
        categories: owned(categories),
        namespaced,
        subresources: owned(subresources),
        review: kind == "Binding",
        counts_generations: COUNTED.contains(&kind),
        definition: None,
        known_schema: None,
    }
}

fn review(&(group, kind, plural, namespaced): &(&str, &str, &str, bool)) -> Kind {
    Kind {
        group: group.to_owned(),
        versions: owned(V1),
        storage: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        namespaced,
        review: true,
        ..Kind::default()
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
