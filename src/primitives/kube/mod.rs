//! `kube` and `Cluster`: everything that is asked of clusters and changed in them, but waits, logs and programs in pods.

mod address;
mod change;
mod read;

use super::Host;
use crate::engine::{Effect, Primitive};

/// Options of everything that selects objects.
const SELECTION: &[(&str, &str, &str)] = &[
    ("namespace", "string", "only this namespace; all of them unless given"),
    ("labels", "string|map", "a label selector, such as \"app=istiod\" or #{app: \"istiod\"}"),
    ("fields", "string|map", "a field selector, such as \"spec.nodeName=n1\""),
    ("limit", "int", "at most this many"),
];

/// The option of everything that takes manifests.
const NAMESPACE: (&str, &str, &str) = ("namespace", "string", "for namespaced objects that name none");

/// The table of `kube`.
pub const KUBE: &[Primitive<Host>] = &[
    Primitive {
        on: "kube",
        name: "cluster",
        params: "context: string",
        options: &[],
        returns: "Cluster",
        doc: "The cluster of a context of the kubeconfig. It is connected when first asked something.",
        example: r#"kube.cluster("east").name == "east""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::cluster,
    },
    Primitive {
        on: "kube",
        name: "contexts",
        params: "",
        options: &[],
        returns: "array",
        doc: "The names of all contexts of the kubeconfig.",
        example: r#"kube.contexts().contains("west")"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::contexts,
    },
    Primitive {
        on: "kube",
        name: "connect",
        params: "name: string, kubeconfig: string|Secret",
        options: &[],
        returns: "Cluster",
        doc: "The cluster that a kubeconfig in hand leads to, with that kubeconfig's credentials. `name` is what messages \
              call it: no context's name, and for one server only.",
        example: r#"
            let east = kube.cluster("east");
            east.apply(#{apiVersion: "v1", kind: "ServiceAccount", metadata: #{name: "reader", namespace: "default"}});
            kube.connect("reader of east", secret.kubeconfig(east, "default/reader")).version() == east.version()"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::connect,
    },
];

/// The table of `Cluster`.
pub const CLUSTER: &[Primitive<Host>] = &[
    Primitive {
        on: "Cluster",
        name: "name",
        params: "",
        options: &[],
        returns: "string",
        doc: "The name of its context.",
        example: r#"kube.cluster("east").name == "east""#,
        effect: Effect::None,
        since: "0.1.0",
        call: read::name,
    },
    Primitive {
        on: "Cluster",
        name: "server",
        params: "",
        options: &[],
        returns: "string",
        doc: "The URL of its API server, as the kubeconfig has it.",
        example: r#"kube.cluster("east").server.starts_with("https://")"#,
        effect: Effect::None,
        since: "0.1.0",
        call: read::server,
    },
    Primitive {
        on: "Cluster",
        name: "uid",
        params: "",
        options: &[],
        returns: "string",
        doc: "What tells it from all other clusters, whatever its context is called: the uid of namespace kube-system.",
        example: r#"kube.cluster("east").uid() != kube.cluster("west").uid()"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::uid,
    },
    Primitive {
        on: "Cluster",
        name: "version",
        params: "",
        options: &[],
        returns: "string",
        doc: "The version of its API server, such as `v1.34.1`.",
        example: r#"kube.cluster("east").version().starts_with("v1.")"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::version,
    },
    Primitive {
        on: "Cluster",
        name: "get",
        params: "kind: string, name: string",
        options: &[],
        returns: "Object",
        doc: "An object; a failure of kind `not_found` when there is none. The name is \"namespace/name\" for kinds that \
              live in namespaces.",
        example: r#"kube.cluster("east").get("Namespace", "default").metadata.name == "default""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::get,
    },
    Primitive {
        on: "Cluster",
        name: "find",
        params: "kind: string, name: string",
        options: &[],
        returns: "Object|()",
        doc: "An object, or `()` when there is none, also when the cluster does not know the kind.",
        example: r#"kube.cluster("east").find("ConfigMap", "default/nothing") == ()"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::find,
    },
    Primitive {
        on: "Cluster",
        name: "exists",
        params: "kind: string, name: string",
        options: &[],
        returns: "bool",
        doc: "Whether there is such an object. False also when the cluster does not know the kind.",
        example: r#"kube.cluster("east").exists("Namespace", "default")"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::exists,
    },
    Primitive {
        on: "Cluster",
        name: "list",
        params: "kind: string, options?: map",
        options: SELECTION,
        returns: "Object",
        doc: "The objects of a kind, as a list: all of them, or those selected.",
        example: r#"kube.cluster("east").list("Namespace", #{fields: "metadata.name=default"}).len() == 1"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::list,
    },
    Primitive {
        on: "Cluster",
        name: "each",
        params: "kind: string, closure: closure, options?: map",
        options: SELECTION,
        returns: "int",
        doc: "Calls the closure with each object of a kind, one after the other, without ever holding all of them; says how \
              many there were. A closure that returns `false` ends it.",
        example: r#"kube.cluster("east").each("Namespace", |namespace| namespace.metadata.name != "") > 0"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::each,
    },
    Primitive {
        on: "Cluster",
        name: "can",
        params: "verb: string, kind: string, namespace?: string",
        options: &[],
        returns: "bool",
        doc: "Whether the credentials in use may do this, in the namespace or everywhere.",
        example: r#"kube.cluster("east").can("create", "namespaces")"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::can,
    },
    Primitive {
        on: "Cluster",
        name: "events",
        params: "of: string|map, name?: string",
        options: &[],
        returns: "Object",
        doc: "What the controllers said about an object, oldest first.",
        example: r#"kube.cluster("east").events("Namespace", "default").len() == 0"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::events,
    },
    Primitive {
        on: "Cluster",
        name: "explain",
        params: "path: string",
        options: &[],
        returns: "Object",
        doc: "What a kind or a field means, from the cluster's own documents: `#{path, kind, description, fields}`. The path \
              is a kind and fields below it, such as `deployments.spec.replicas`.",
        example: r#"
            let ports = kube.cluster("east").explain("services.spec.ports");
            ports.kind == "[]ServicePort" && ports.fields.some(|field| field.name == "nodePort")"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read::explain,
    },
    Primitive {
        on: "Cluster",
        name: "create",
        params: "objects: objects, options?: map",
        options: &[NAMESPACE],
        returns: "Object",
        doc: "Creates objects and returns them as a list; a failure of kind `already_exists` when one is there. `apply` is \
              the one that can run again.",
        example: r#"
            let east = kube.cluster("east");
            let job = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{generateName: "seen-", namespace: "default"}};
            east.create(job)[0].metadata.name.starts_with("seen-")"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::create,
    },
    Primitive {
        on: "Cluster",
        name: "apply",
        params: "objects: objects, options?: map",
        options: &[
            NAMESPACE,
            ("force", "bool|array", "take fields that others own: all of them, or the paths listed"),
            ("manager", "string", "the field manager; one script seldom needs another"),
            (
                "patience",
                "duration",
                "how long to wait for what is on its way out, and for webhooks that do not answer yet; 1m when left out",
            ),
        ],
        returns: "map",
        doc: "Brings objects to what the manifests say, by server-side apply. Reads first and sends only what differs; fields \
              of other owners are never taken silently. Namespaces and CRDs come first, webhooks last. Says \
              `#{created, changed, unchanged, objects}`.",
        example: r#"
            let east = kube.cluster("east");
            let settings = #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "applied"}, data: #{a: "1"}};
            let first = east.apply(settings, #{namespace: "default"});
            let again = east.apply(settings, #{namespace: "default"});
            first.created == 1 && again.unchanged == 1 && again.objects[0].data.a == "1""#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::apply,
    },
    Primitive {
        on: "Cluster",
        name: "edit",
        params: "of: string|map, name?: string, closure: closure",
        options: &[],
        returns: "Object",
        doc: "Reads an object, lets the closure change it, and writes what the closure returns; starts again when somebody \
              else was quicker. Nothing is written when nothing differs.",
        example: r#"
            let east = kube.cluster("east");
            east.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "edited", namespace: "default"}});
            let after = east.edit("ConfigMap", "default/edited", |config| { config.data = #{a: "2"}; config });
            after.data.a == "2""#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::edit,
    },
    Primitive {
        on: "Cluster",
        name: "patch",
        params: "of: string|map, name?: string, patch: map|array, options?: map",
        options: &[("type", "string", "`merge` (the default for maps), `json` (for lists) or `strategic`")],
        returns: "Object",
        doc: "Patches an object. What would change nothing is not sent.",
        example: r#"
            let east = kube.cluster("east");
            east.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "patched", namespace: "default"}});
            east.patch("ConfigMap", "default/patched", #{data: #{a: "1"}}, #{type: "merge"}).data.a == "1""#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::patch,
    },
    Primitive {
        on: "Cluster",
        name: "label",
        params: "of: string|map, name?: string, labels: map",
        options: &[],
        returns: "Object",
        doc: "Sets labels; `()` removes one.",
        example: r#"
            let east = kube.cluster("east");
            east.label("Namespace", "default", #{seen: "yes"}).metadata.labels.seen == "yes""#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::label,
    },
    Primitive {
        on: "Cluster",
        name: "annotate",
        params: "of: string|map, name?: string, annotations: map",
        options: &[],
        returns: "Object",
        doc: "Sets annotations; `()` removes one.",
        example: r#"
            let east = kube.cluster("east");
            east.annotate("Namespace", "default", #{seen: "yes"}).metadata.annotations.seen == "yes""#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::annotate,
    },
    Primitive {
        on: "Cluster",
        name: "delete",
        params: "of: string|map, name?: string, options?: map",
        options: &[
            ("missing_ok", "bool", "it is fine when there is no such object"),
            ("wait", "duration", "wait this long until it is really gone"),
            (
                "propagation",
                "string",
                "what happens to dependents: `background` (the default), `foreground` or `orphan`",
            ),
            ("grace", "int", "seconds that pods get to end"),
        ],
        returns: "bool",
        doc: "Removes an object: exactly the one that was read, never a namesake that took its place. Says whether there was \
              one.",
        example: r#"
            let east = kube.cluster("east");
            east.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "removed", namespace: "default"}});
            east.delete("ConfigMap", "default/removed", #{wait: "10s"}) && !east.exists("ConfigMap", "default/removed")"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::delete,
    },
    Primitive {
        on: "Cluster",
        name: "scale",
        params: "of: string|map, name?: string, replicas: int",
        options: &[],
        returns: "bool",
        doc: "Sets the number of replicas; says whether that changed anything.",
        example: r#"
            let east = kube.cluster("east");
            let labels = #{app: "scaled"};
            let spec = #{replicas: 1, selector: #{matchLabels: labels},
                template: #{metadata: #{labels: labels}, spec: #{containers: [#{name: "a", image: "a"}]}}};
            east.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "scaled", namespace: "default"}, spec: spec});
            east.scale("Deployment", "default/scaled", 2) && !east.scale("Deployment", "default/scaled", 2)"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::scale,
    },
    Primitive {
        on: "Cluster",
        name: "restart",
        params: "of: string|map, name?: string",
        options: &[],
        returns: "Object",
        doc: "Makes a Deployment, StatefulSet or DaemonSet replace its pods, as `kubectl rollout restart` does.",
        example: r#"
            let east = kube.cluster("east");
            let labels = #{app: "restarted"};
            let spec = #{selector: #{matchLabels: labels},
                template: #{metadata: #{labels: labels}, spec: #{containers: [#{name: "a", image: "a"}]}}};
            east.apply(#{apiVersion: "apps/v1", kind: "Deployment", metadata: #{name: "restarted", namespace: "default"}, spec: spec});
            let after = east.restart("Deployment", "default/restarted");
            "kubectl.kubernetes.io/restartedAt" in after.spec.template.metadata.annotations"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: change::restart,
    },
];
