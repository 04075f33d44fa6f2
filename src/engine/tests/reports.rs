//! How typical mistakes read.

use super::*;

fn report(text: &str) -> String {
    report_with(text, &[])
}

fn report_with(text: &str, modules: &[(&'static str, &'static str)]) -> String {
    let bench = Bench::new(modules);
    let failure = bench.run(text).expect_err("a mistake");
    let text_of = |source: &str| {
        let module = modules.iter().find(|(name, _)| *name == source).map(|(_, text)| (*text).to_owned());
        if source == "main.rhai" { Some(text.to_owned()) } else { module }
    };
    super::super::report::render(&failure, &text_of, false)
}

#[test]
fn a_misspelled_function() {
    insta::assert_snapshot!(report("let c = kube.cluster(\"east\");\nc.apllay(#{kind: \"Gateway\"});\n"), @r#"
     × no function `apllay` on a Cluster
      ╭─[main.rhai:2:3]
    1 │ let c = kube.cluster("east");
    2 │ c.apllay(#{kind: "Gateway"});
      ·   ──────
      ╰────
     hint: did you mean `apply`? Cluster.apply(object: object, name?: string, options?: map) -> any
    "#);
}

#[test]
fn a_wrong_argument_deep_inside() {
    let modules =
        [("std:mesh", "fn install(c) {\n    kube.get(c, 5)\n}\nfn all(list) {\n    for c in list { install(c) }\n}\n")];
    insta::assert_snapshot!(report_with("import \"std:mesh\" as mesh;\nstep \"Install\" {\n    mesh::all([\"east\"]);\n}\n", &modules), @r#"
     × kube.get: `name` (2nd argument) must be a string, not a whole number
      ╭─[std:mesh:2:10]
    1 │ fn install(c) {
    2 │     kube.get(c, 5)
      ·          ───
    3 │ }
      ╰────
     called from std:mesh:5:21   for c in list { install(c) }
     called from main.rhai:3:11   mesh::all(["east"]);
     hint: kube.get(kind: string, name: string, options?: map) -> any
    "#);
}

#[test]
fn a_cluster_that_says_no() {
    insta::assert_snapshot!(report("kube.cluster(\"east\").refuse(\"shop/cart\")"), @r#"
     × east: Pod shop/cart: pods "x" not found
      ╭─[main.rhai:1:22]
    1 │ kube.cluster("east").refuse("shop/cart")
      ·                      ──────
      ╰────
     hint: look again
    "#);
}

#[test]
fn several_clusters_that_say_no() {
    insta::assert_snapshot!(report("parallel([\"east\", \"west\"], |name| {\n    wait.sleep();\n    kube.cluster(name).refuse(\"a/b\")\n});"), @r#"
     × east: Pod a/b: pods "x" not found
      ╭─[main.rhai:3:24]
    2 │     wait.sleep();
    3 │     kube.cluster(name).refuse("a/b")
      ·                        ──────
    4 │ });
      ╰────
     called from main.rhai:1:1   parallel(["east", "west"], |name| {
     │ also: west: Pod a/b: pods "x" not found
     hint: look again
    "#);
}

#[test]
fn a_missing_field() {
    insta::assert_snapshot!(report("let pod = kube.object(#{spec: #{}});\nlet name = pod.spec.affinity.nodeAffinity;\n"), @r#"
     × `pod.spec.affinity` is missing, `()`, so there is no `nodeAffinity` of it
      ╭─[main.rhai:2:30]
    1 │ let pod = kube.object(#{spec: #{}});
    2 │ let name = pod.spec.affinity.nodeAffinity;
      ·                              ────────────
      ╰────
     hint: if it may be missing, write `pod.spec.affinity?.nodeAffinity`, and `?? default` behind it
    "#);
}

#[test]
fn a_missing_semicolon() {
    insta::assert_snapshot!(report("let a = 1\nlet b = 2;\n"), @r#"
     × `;` is missing before this: the statement above it does not end
      ╭─[main.rhai:2:1]
    1 │ let a = 1
    2 │ let b = 2;
      · ───
      ╰────
    "#);
}

#[test]
fn an_unknown_variable_in_a_function() {
    insta::assert_snapshot!(report("let mesh = \"m\";\nfn name() { mesh }\nname();\n"), @r#"
     × there is no variable `mesh`
      ╭─[main.rhai:2:13]
    1 │ let mesh = "m";
    2 │ fn name() { mesh }
      ·             ────
    3 │ name();
      ╰────
     called from main.rhai:3:1   name();
     hint: functions see only what is passed to them: pass `mesh` as an argument, or, for a `const`, write `global::mesh`
    "#);
}

#[test]
fn a_misspelled_option() {
    insta::assert_snapshot!(report("kube.get(\"Pod\", \"a\", #{time_out: \"5s\"})"), @r#"
     × kube.get has no option `time_out`
      ╭─[main.rhai:1:6]
    1 │ kube.get("Pod", "a", #{time_out: "5s"})
      ·      ───
      ╰────
     hint: did you mean `timeout`?
    "#);
}
