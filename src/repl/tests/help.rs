//! What a session offers and explains.

use super::*;

/// What Tab offers behind a line.
fn offered(bench: &Bench, line: &str) -> Vec<String> {
    bench.repl.complete(line, line.len()).1.into_iter().map(|candidate| candidate.text).collect()
}

#[test]
fn tab_offers_what_fits_without_running_anything() {
    let mut bench = Bench::new(true);
    bench.good("let east = kube.cluster(\"east\");");
    bench.good(&format!("east.apply(#{SETTINGS}); let pod = #{{metadata: #{{name: \"p\", labels: #{{app: 1}}}}}}; let o = east.get(\"cm\", \"default/c\");"));
    bench.good("/// Halves. Always.\nfn half(n) { n / 2 }");
    bench.good("import \"std:istio/mesh\" as mesh_of;");
    for (line, wanted) in [
        ("ku", "kube"),
        ("eas", "east"),
        ("1 + hal", "half("),
        ("kube.cl", "cluster("),
        ("east.li", "list("),
        ("kube.cluster(\"west\").ge", "get("),
        ("kube.cluster(\"we", "west"),
        ("east.list(\"po", "pods"),
        ("east.list(\"sv", "svc"),
        ("east.list(\"Deplo", "Deployment"),
        ("east.get(\"ConfigMap\", \"def", "default/c"),
        ("kube.cluster(\"east\").get(\"cm\", \"def", "default/c"),
        ("east.list(\"pods\", #{nam", "namespace: "),
        ("east.list(\"pods\", #{limit: 3, lab", "labels: "),
        ("east.list(\"pods\", #{namespace: \"kube-s", "kube-system"),
        ("pod.meta", "metadata"),
        ("pod.metadata.labels.a", "app"),
        ("o.metadata.na", "namespace"),
        ("f(o.da", "data"),
        ("mesh_of::fr", "from("),
        ("import \"std:istio/me", "std:istio/mesh"),
        (":clu", "clusters"),
        (":use we", "west"),
        (":load shared-gateways/v", "shared-gateways/verify"),
        (":doc kube", "kube"),
    ] {
        let offered = offered(&bench, line);
        assert!(offered.iter().any(|text| text == wanted), "{line}: {offered:?}");
    }
    let kinds = offered(&bench, "east.list(\"");
    assert!(kinds.contains(&"pods".to_owned()) && !kinds.contains(&"po".to_owned()), "each kind once: {kinds:?}");
    let shown: Vec<_> = bench.repl.complete("hal", 3).1.into_iter().map(|candidate| candidate.shown).collect();
    assert_eq!(shown, ["half(n)  Halves"]);
    assert!(offered(&bench, "// ku").is_empty() && offered(&bench, "\"ku").is_empty());
    assert_eq!(bench.repl.signature_at("east.get("), Some("kind: string, name: string".into()));
}

#[test]
fn a_name_with_a_question_mark_is_explained() {
    let mut bench = Bench::new(true);
    bench.good(WIDGETS);
    bench.good("let east = kube.cluster(\"east\");");
    bench.good("/// Halves.\nfn half(n) { n / 2 }");
    bench.good("import \"std:istio/mesh\" as mesh_of;");
    for (line, wanted) in [
        ("kube.cluster?", "kube.cluster(context: string) -> Cluster"),
        ("kube?", "kube.contexts()"),
        ("east.list?", "#{limit: int}"),
        ("east?", "east: Cluster"),
        ("half?", "half(n)\n  Halves."),
        ("mesh_of::from?", "mesh_of::from(params)"),
        ("widgets.spec?", "size: integer"),
        ("kube.explain(\"services.spec.ports\")", "nodePort"),
        ("kube.explain(\"widgets.spec.size\")", "How big it is."),
        (":doc wait.ready", "wait.ready("),
        (":doc header", "The types of parameters"),
        (":doc needs", "cluster-scoped"),
    ] {
        let shown = bench.good(line);
        assert!(shown.contains(wanted), "{line}:\n{shown}");
    }
    assert!(bench.line("kube.clutser?").contains("did you mean `kube.cluster`?"));
}

const WIDGETS: &str = r#"kube.cluster("east").apply(#{
    apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: #{name: "widgets.example.io"},
    spec: #{group: "example.io", names: #{kind: "Widget", plural: "widgets"}, scope: "Namespaced", versions: [#{
        name: "v1", served: true, storage: true, schema: #{openAPIV3Schema: #{type: "object", properties: #{
            spec: #{type: "object", properties: #{size: #{type: "integer", description: "How big it is."}}}}}}}]}});"#;

#[test]
fn what_is_explained_fits_the_terminal() {
    let mut bench = Bench::new(false);
    for width in [40, 80] {
        bench.repl.set_view(View { width, ..View::default() });
        bench.good(":use east");
        bench.good("let namespaces = kube.cluster(\"east\").list(\"namespaces\");");
        // In a rehearsal, clusters that nobody names are those that nobody has named.
        bench.good(":load shared-gateways --primary east");
        let lines = [
            ":help",
            ":steps",
            ":clusters",
            ":vars",
            ":time",
            ":ns",
            "kube.explain(\"deploy.spec\")",
            "namespaces",
            "kube.cluster(\"east\").list(\"podds\")",
            "kube.cluster(\"east\").delete(\"Namespace\", \"default\")",
            "kubectl get pods",
            ":clustres",
            ":load shared-gatways",
        ];
        let mut screens = lines.map(|line| format!("{line}\n{}", bench.line(line))).to_vec();
        screens.push(bench.repl.greeting());
        // What is quoted from a script or may be copied stays as it is.
        let may_be_long = |line: &&str| line.contains(['│', '╭', '`']);
        for shown in screens {
            let long: Vec<&str> = shown.lines().skip(1).filter(|line| line.chars().count() > width).collect();
            assert_eq!(long.iter().filter(|line| !may_be_long(line)).count(), 0, "{width}: {long:#?}\n{shown}");
        }
    }
    bench.repl.set_view(View { width: 80, ..View::default() });
    assert!(bench.good(":help").contains("\n  :ns [NAMESPACE]          The namespace that"), "in columns");
}
