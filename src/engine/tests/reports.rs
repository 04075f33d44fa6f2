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
    super::super::report::render(&failure, &text_of, super::super::report::Look::PLAIN)
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
     hint: variables end with their block, and functions see only what is passed to them: pass `mesh` as an argument, or, for a `const`, write `global::mesh`
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

/// The message, the hint and the place of a mistake.
fn told(text: &str) -> (String, String, (usize, usize)) {
    let modules = [("std:mesh", "fn install(c, d) { c }\nfn remove(c) { c }\n")];
    let failure = Bench::new(&modules).run(text).expect_err("a mistake");
    let place = failure.places.first().map(|place| (place.line, place.column)).unwrap_or_default();
    (failure.message, failure.hint.unwrap_or_default(), place)
}

#[test]
fn a_function_that_is_nowhere_is_told_with_the_nearest_of_all() {
    for (text, name, meant) in [
        ("prnt(\"x\")", "prnt", "print"),
        ("[1].lenn()", "lenn", "len"),
        ("fn joined(a) { a }\njoind(1)", "joind", "joined"),
        ("parallell([1], |x| x)", "parallell", "parallel"),
        ("fial(\"x\")", "fial", "fail"),
    ] {
        let (message, hint, _) = told(text);
        assert_eq!(message, format!("there is no function `{name}`"), "{text}");
        assert_eq!(hint, format!("did you mean `{meant}`?"), "{text}");
    }
    assert_eq!(told("foo(1)"), ("there is no function `foo`".into(), String::new(), (1, 1)));
}

#[test]
fn a_function_that_takes_something_else_says_what() {
    assert_eq!(told("len(5)").0, "no function `len` that takes a whole number");
    assert!(told("len(5)").1.contains("len(array)"), "{}", told("len(5)").1);
    let (message, hint, _) = told("fn add(a, b) { a + b }\nadd(1)");
    assert_eq!((message.as_str(), hint.as_str()), ("`add` takes 2 arguments, not 1", "it is written `fn add(a, b)`"));
}

#[test]
fn functions_of_modules_are_known_by_name_and_number_of_arguments() {
    let with = |call: &str| told(&format!("import \"std:mesh\" as mesh;\n{call}"));
    let (message, hint, _) = with("mesh::instal(1, 2)");
    assert_eq!(message, "module `mesh` has no function `instal`");
    assert_eq!(hint, "did you mean `install`?");
    assert_eq!(with("mesh::frob()").1, "there are install, remove");
    assert_eq!(with("mesh::install(1)").0, "`mesh::install` takes 2 arguments, not 1");
    assert_eq!(with("mehs::install(1)").1, "did you mean `mesh`?");
}

#[test]
fn a_bracket_without_its_mate_is_blamed_itself() {
    for (text, said, place) in [
        ("let x = true;\nif x { 1", "this `{` lacks its `}`", (2, 6)),
        ("if true { 1 else { 2 }", "this `{` lacks its `}`", (1, 9)),
        ("let a = [1, 2;\nlet b = 1;\n", "this `[` lacks its `]`", (1, 9)),
        ("print((1);\nlet b = 1;\n", "this `(` lacks its `)`", (1, 6)),
        ("fn a() {\n    if true {\n        print(1);\n}\n\nfn b() {\n}\n", "this `{` lacks its `}`", (2, 13)),
        ("let a = 1;\n}\n", "this `}` closes nothing", (2, 1)),
    ] {
        assert_eq!(told(text), (said.into(), String::new(), place), "{text}");
    }
    assert_eq!(
        told("let a = 1\nlet b = #{c: [1]};").0,
        "`;` is missing before this: the statement above it does not end"
    );
}

#[test]
fn a_text_that_goes_on_in_the_next_line_is_told() {
    assert_eq!(told("let a = \"b\nc\";").1, "text over several lines stands in back-ticks: `…`");
    assert_eq!(told("let a = \"b").1, "");
}

#[test]
fn marks_of_a_merge_are_blamed_and_not_the_brackets_that_they_double() {
    let text = "let a = 1;\n<<<<<<< ours\nif a > 1 {\n=======\nif a > 2 {\n>>>>>>> theirs\n    print(a);\n}\n";
    let (said, hint, place) = told(text);
    assert_eq!((said.as_str(), place), ("a merge has left its marks here", (2, 1)));
    assert!(hint.contains("take the marks out"), "{hint}");
    assert_eq!(told("let a = 1;\n=======\nlet b = 2;").0, "a merge has left its marks here");
    assert_eq!(told("let a = `\n=======\n`;\nif a {").0, "this `{` lacks its `}`");
}

#[test]
fn a_misspelled_word_of_the_language_is_told() {
    assert_eq!(told("stp \"Install\" { }").1, "did you mean `step`?");
    assert_eq!(told("lte a = 1;").1, "did you mean `let`?");
    assert_eq!(told("while 1 { }").0, "this must be true or false, not a number");
    assert_eq!(told("tru").1, "did you mean `true`?");
}

#[test]
fn a_wrong_duration_names_its_option() {
    let (message, ..) = told("wait.ready(#{timeout: \"soon\"})");
    assert_eq!(message, "wait.ready: option `timeout`: `soon` is not a duration");
}

#[test]
fn of_several_failures_the_one_that_waiting_does_not_heal_comes_first() {
    let text =
        "parallel([\"timeout\", \"rights\", \"unreachable\"], |kind| fail(`no ${kind}`, #{kind: kind, hint: kind}))";
    let failure = Bench::new(&[]).run(text).expect_err("three");
    assert_eq!((failure.kind, failure.hint.as_deref()), (Kind::Rights, Some("rights")));
    assert_eq!(failure.details, ["also: no timeout", "also: no unreachable"]);
}
