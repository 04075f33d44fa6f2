use super::*;
use crate::engine::{Effect, Outcome, Primitive};
use crate::script::{bundle, library, library_names};
use std::path::Path;

fn never(_: &crate::engine::Call<'_, ()>) -> Outcome {
    Ok(rhai::Dynamic::UNIT)
}

const fn primitive(
    on: &'static str,
    name: &'static str,
    params: &'static str,
    returns: &'static str,
    effect: Effect,
) -> Primitive<()> {
    Primitive {
        on,
        name,
        params,
        options: if params.len() > 20 { &[("timeout", "duration", ""), ("namespace", "string", "")] } else { &[] },
        returns,
        doc: "It.",
        example: "true",
        effect,
        since: "0.1.0",
        call: never,
    }
}

const TABLE: &[Primitive<()>] = &[
    primitive("kube", "cluster", "context: string", "Cluster", Effect::Read),
    primitive("Cluster", "get", "kind: string, name: string", "Object", Effect::Read),
    primitive("Cluster", "apply", "objects: objects, options?: map", "object", Effect::Write),
    primitive("exec", "run", "tool: string, arguments: array, options?: map", "object", Effect::Run),
];

fn found(text: &str) -> Vec<String> {
    let known = Callables::of(&[TABLE]);
    let sources = crate::script::Resolver::for_folder(Path::new("/nowhere"));
    let subject = Subject { source: "main.rhai", text, is_module: false, around: None };
    let told =
        |failure: Failure| format!("{}:{} {}", failure.places[0].line, failure.places[0].column, failure.message);
    check(&subject, &known, &sources).into_iter().map(told).collect()
}

#[test]
fn what_is_right_is_not_reported() {
    let fine = [
        "let c = 1; c += 1; [c].map(|x| x + c)",
        "fn f(a) { a } f(1); 1.f();",
        "fn n() { 1 } let n = n(); n += 1; [1].map(|n| n + 1); [1].map(|x| { let n = x; n + n() })",
        "fn f(x) { x } [1].map(f); [1].map(|x| [x].map(f))",
        "let m = #{go: |x| x}; m.go(1)",
        "let s = \"a\"; s.replace(\"a\", \"b\"); s",
        "let all = []; for x in [1, 2] { let own = x; all.push(|| own); }",
        "for x in [1, 2] { print([1].filter(|y| y == x)); }",
        "let n = 1; parallel([1], |x| { let n = x; n += 1; n });",
        "try { throw 1 } catch (e) { print(e) }",
        "switch 1 { 1 => 2, _ => 3 }",
        "import \"std:istio/mesh\" as m; m::members(#{})",
        "let a = 1; print(\"echo ${HOME} ${a\" + a); print(`${a}`); print(\"${PATH}\")",
        "//! # T\n//! ---\n//! params: {c: {type: cluster}}\n//! needs: {write: [b]}\n//! ---\nlet o = params.c.get(\"Pod\", \"b/c\"); o.spec.x = 1; params.c.apply(o);",
        "let o = #{a: 1}; o.a = 2;",
        "fn helper(n) { n * 2 } let f = Fn(\"helper\"); call(f, 2);",
        "const MOST = 3; fn over(n) { n > global::MOST } over(1);",
        "let n = 0; step \"A\" on [] within \"1m\" { n += 1; for (x, i) in [1] { n += x + i; } } n",
        "let outer = |x| { let inner = |y| x + y; inner.call(1) }; outer.call(2)",
        "let x = 1; { let x = x + 1; print(x) } print(x); let y = [1].map(|x| [x].map(|z| x + z)); y",
        "let total = 0; [1].for_each(|| total += this); do { total -= 1 } while total > 0; total",
        "fn f(a) { let b = a; for c in [b] { try { throw c } catch (e) { print(e + b) } } b } f(1)",
        "//! # T\n//! ---\n//! params: {a: {type: int}}\n//! ---\n[1].map(|x| [x].map(|y| y + params.a));",
        "//! # T\n//! ---\n//! needs: {exec: [a]}\n//! ---\nlet most = \"5s\"; exec.run(\"a\", [], #{timeout: most}); exec.run(\"a\", [], #{timeout: `${1}s`});",
        "switch 1 { 1 if 2 > 1 => 2, 3..5 => 4, _ => () }; let r = if true { 1 } else { 2 }; `a ${`b ${r}`}`",
    ];
    for text in fine {
        assert_eq!(found(text), [] as [&str; 0], "{text}");
    }
}

#[test]
fn a_clusters_type_is_followed_through_variables_and_parameters() {
    assert_eq!(
        found(
            "//! # T\n//! ---\n//! needs: {contexts: [a]}\n//! ---\nlet c = kube.cluster(\"a\");\nc.gett(\"Pod\", \"a\");"
        ),
        ["6:3 no function `gett` on a Cluster"]
    );
    let header = "//! # T\n//! ---\n//! params: {east: {type: cluster}}\n//! ---\n";
    assert_eq!(found(&format!("{header}params.east.get(\"Pod\");")), ["5:13 Cluster.get takes 2 arguments, not 1"]);
    assert_eq!(found(&format!("{header}params.east.aply(#{{}});")), ["5:13 no function `aply` on a Cluster"]);
}

#[test]
fn an_import_that_leads_back_is_told_where_it_stands() {
    struct Two;
    impl Sources for Two {
        fn load(&self, path: &str, _: Option<&str>) -> crate::failure::Result<(String, String)> {
            let text = if path == "./b" { "import \"./c\" as c;" } else { "import \"./b\" as b;" };
            Ok((format!("{}.rhai", &path[2..]), text.to_owned()))
        }
    }
    let known = Callables::of(&[TABLE]);
    let told = |source: &str, text: &str| {
        let subject = Subject { source, text, is_module: true, around: None };
        let found = check(&subject, &known, &Two);
        found.into_iter().map(|failure| failure.message).collect::<Vec<_>>()
    };
    let way = "modules import each other in a circle: c.rhai → b.rhai → c.rhai";
    assert_eq!(told("c.rhai", "import \"./b\" as b;"), [way]);
    assert_eq!(told("main.rhai", "import \"./b\" as b;"), [] as [&str; 0], "it is not in the circle itself");
}

#[test]
fn every_shipped_module_is_read_without_a_parse_error() {
    // The whole bundle is checked against the real table in tests/check.rs; this holds what needs no table.
    for name in library_names() {
        let text = library(&name).expect("module");
        let source = format!("std:{name}");
        let known = Callables::of(&[TABLE]);
        let script = bundle::Script::all().remove(0);
        let sources = crate::script::Resolver::for_script(&script, Path::new("/nowhere"));
        let found = check(&Subject { source: &source, text, is_module: true, around: None }, &known, &sources);
        assert!(found.iter().all(|failure| !failure.message.contains("module `")), "{found:?}");
    }
}
