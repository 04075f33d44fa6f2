//! What `catch` sees, and where errors come from.

use super::*;

#[test]
fn catch_sees_the_fields_of_a_failure() {
    let caught = value(
        "let seen = ();\ntry {\n  kube.cluster(\"east\").refuse(\"a/b\")\n} catch (e) {\n  seen = [e.kind, e.message, e.cluster, e.object, e.hint, e.line, e.column, e.source, `${e}`]\n}\nseen",
    );
    let wanted = serde_json::json!([
        "not_found",
        "pods \"x\" not found",
        "east",
        "Pod a/b",
        "look again",
        3,
        24,
        "main.rhai",
        "east: Pod a/b: pods \"x\" not found"
    ]);
    assert_eq!(caught, wanted);
}

#[test]
fn a_failure_thrown_again_keeps_its_origin() {
    let failure = fails("try {\n kube.cluster(\"east\").refuse(\"a\")\n} catch (e) {\n throw e\n}");
    let lines: Vec<_> = failure.places.iter().map(|place| place.line).collect();
    assert_eq!(lines, [2, 4], "{failure:?}");
    assert_eq!(failure.kind, Kind::NotFound);
}

#[test]
fn places_go_from_the_origin_to_the_outermost_caller() {
    let failure = fails("fn inner() { kube.get(1) }\nfn outer() {\n inner()\n}\nouter()");
    let lines: Vec<_> = failure.places.iter().map(|place| place.line).collect();
    assert_eq!(lines, [1, 3, 5], "{failure:?}");
}

#[test]
fn what_scripts_throw_becomes_a_failure() {
    let failure = fails("throw #{message: \"no\", kind: \"timeout\", hint: \"wait\"}");
    assert_eq!((failure.kind, failure.message.as_str(), failure.hint.as_deref()), (Kind::Timeout, "no", Some("wait")));
    assert_eq!(fails("throw \"plain\"").message, "plain");
    let failure = fails("fail(\"no mesh\", #{hint: \"install it\", object: #{}})");
    assert_eq!((failure.kind, failure.hint.as_deref(), failure.places[0].line), (Kind::Script, Some("install it"), 1));
}

#[test]
fn attempt_tells_how_it_went() {
    assert_eq!(value("let r = attempt(|| 3); [r.ok, r.value, r.error]"), serde_json::json!([true, 3, null]));
    let told = value("let r = attempt(|| kube.get(1)); [r.ok, r.value, r.error.kind, r.error.line]");
    assert_eq!(told, serde_json::json!([false, null, "usage", 1]));
    assert_eq!(value("attempt(|| 1 / 0).error.kind"), "script");
}

#[test]
fn interruptions_cannot_be_caught() {
    let bench = Bench::new(&[]);
    let inside = inside::Inside::of(&bench.engine).expect("inside");
    inside.bridge.cancel.cancel();
    let failure = bench.run("try { wait.sleep() } catch (e) { print(\"caught\") }").expect_err("cancelled");
    assert_eq!(failure.kind, Kind::Cancelled);
    assert!(bench.told.lines().is_empty());
}

#[test]
fn a_failure_can_be_thrown_again_with_its_cause() {
    let again = |reasons: &str| {
        fails(&format!(
            "let tried = attempt(|| {{\n fail(\"not ready\", #{{kind: \"timeout\", details: [\"seen\"], hint: \"wait\"}})\n}});\n\
             throw tried.error.because({reasons}, \"mend the gate\");"
        ))
    };
    let told = again("[\"the gate is shut\"]");
    assert_eq!((told.kind, told.message.as_str()), (Kind::Timeout, "not ready"));
    assert_eq!(told.details, ["the gate is shut", "seen"]);
    assert_eq!(told.hint.as_deref(), Some("mend the gate"));
    assert_eq!(told.places.first().map(|place| place.line), Some(2), "where it failed, not where it is thrown again");
    let untold = again("[]");
    assert_eq!((untold.details, untold.hint.as_deref()), (vec!["seen".to_owned()], Some("wait")));
}

#[test]
fn no_message_shows_rhai_s_own_type_names() {
    for text in [
        "nonsense(\"a\", 1)",
        "\"a\".frob(#{})",
        "1 + #{}",
        "let x = (); x.y",
        "\"a\".b",
        "let x = 1; x[0][1]",
        "kube.cluster(1)",
        "undefined_name",
        "let f = |x| x; f.call(1, 2)",
        "if 1 { }",
        "[1][5]",
        "for x in 5 {}",
        "import \"none\" as n; ",
        "n::f()",
        "let x = ;",
        "let a = \"b",
        "#{a: 1, a: 2}",
    ] {
        let failure = fails(text);
        for raw in ["ImmutableString", "&str", "i64", "Function not found", "rhai::", "EvalAlt"] {
            assert!(!failure.message.contains(raw), "{text}: {}", failure.message);
        }
        assert!(!failure.places.is_empty(), "{text}: {failure:?}");
    }
}

#[test]
fn whatever_fail_is_given_is_told() {
    let failure = fails(
        "fail(\"x\", #{cluster: kube.cluster(\"east\"), details: [1, #{a: 2}, kube.cluster(\"west\")], hint: 5, object: 7})",
    );
    assert_eq!(failure.cluster.as_deref(), Some("east"));
    assert_eq!(failure.details, ["1", "#{\"a\": 2}", "west"]);
    assert_eq!((failure.hint.as_deref(), failure.object.as_deref()), (Some("5"), Some("7")));
    let failure = fails("fail(\"x\", #{details: kube.object(\"{a: [b, 1]}\").a})");
    assert_eq!(failure.details, ["b", "1"]);
    let failure = fails("fail(\"x\", #{kind: \"cancelled\"})");
    assert!(failure.kind == Kind::Usage && failure.message.contains("no kind `cancelled`"), "{failure:?}");
}

#[test]
fn words_in_comments_are_no_variables() {
    let failure = fails("// let cluster = 1 for clusters\nlet other = 1;\nclustre");
    assert_eq!(failure.hint, None, "{failure:?}");
}
