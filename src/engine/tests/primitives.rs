//! Calling primitives, rightly and wrongly.

use super::*;

/// Message and hint of a failing script.
fn said(text: &str) -> (String, String) {
    let failure = fails(text);
    assert_eq!(failure.kind, Kind::Usage, "{failure:?}");
    assert_eq!(failure.places.first().map(|place| place.line), Some(1), "{failure:?}");
    (failure.message, failure.hint.unwrap_or_default())
}

#[test]
fn primitives_are_called_on_constants_values_and_maps() {
    assert_eq!(value("kube.get(\"Pod\", \"a\")"), "Pod/a false");
    assert_eq!(value("kube.get(\"Pod\", \"a\", #{force: true})"), "Pod/a true");
    assert_eq!(
        value("let c = kube.cluster(\"east\"); `${c} ${c.name()} ${c.name} ${type_of(c)}`"),
        "east east east Cluster"
    );
    assert_eq!(value("kube.cluster(\"east\").apply(\"kind: A\")"), "east A ");
    assert_eq!(value("kube.cluster(\"east\").apply(#{kind: \"B\"}, \"n\", #{timeout: \"5s\"})"), "east B n");
    assert_eq!(value("kube.cluster(\"east\").apply(#{kind: \"B\"}, #{timeout: \"5s\"})"), "east B ");
    assert_eq!(value("#{metadata: #{name: \"n\"}}.ready()"), "n");
    assert_eq!(value("kube.count([\"kind: A\\n---\\nkind: B\", #{kind: \"C\"}])"), 3);
    assert_eq!(value("fn f() { kube.get(\"a\", \"b\") } f()"), "a/b false");
}

#[test]
fn a_wrong_type_names_the_parameter() {
    let (message, hint) = said("kube.get(\"Pod\", #{})");
    assert_eq!(message, "kube.get: `name` (2nd argument) must be a string, not a map");
    assert_eq!(hint, "kube.get(kind: string, name: string, options?: map) -> any");
}

#[test]
fn a_wrong_count_shows_the_signature() {
    let (message, hint) = said("kube.get(\"Pod\")");
    assert_eq!(message, "kube.get takes 2 to 3 arguments, not 1");
    assert!(hint.contains("name: string"));
    assert_eq!(said("wait.sleep(1)").0, "wait.sleep takes no arguments, not 1");
}

#[test]
fn a_wrong_option_names_the_nearest() {
    assert_eq!(said("kube.get(\"a\", \"b\", #{timout: \"5s\"})").1, "did you mean `timeout`?");
    let (message, _) = said("kube.get(\"a\", \"b\", #{force: \"yes\"})");
    assert_eq!(message, "kube.get: option `force` must be true or false, not a string");
}

#[test]
fn a_misspelled_function_names_the_nearest() {
    let (message, hint) = said("let c = kube.cluster(\"east\"); c.apllay(#{})");
    assert_eq!(message, "no function `apllay` on a Cluster");
    assert_eq!(hint, "did you mean `apply`? Cluster.apply(object: object, name?: string, options?: map) -> any");
    assert_eq!(said("kube.gett(\"a\")").0, "no function `gett` on `kube`");
    assert!(said("kube.aply(#{})").1.contains("Cluster.apply("));
    assert!(said("kube.apply(#{})").1.contains("Cluster.apply("));
    assert!(said("frobnicate(1)").0.contains("no function `frobnicate`"));
}

#[test]
fn a_misspelled_field_names_the_nearest() {
    let (message, hint) = said("let c = kube.cluster(\"east\"); c.nam");
    assert_eq!(message, "a Cluster has no field `nam`");
    assert!(hint.contains("`name`"), "{hint}");
    assert_eq!(said("kube.get").0, "`kube.get` is a function: call it");
}

#[test]
fn namespace_objects_are_constants() {
    assert!(fails("kube = 1").message.contains("constant"));
    assert_eq!(value("let kube = 1; kube"), 1);
}

#[test]
fn tables_are_held_to_their_shape() {
    assert_eq!(table::problems(&[TABLE], TYPES), Vec::<String>::new());
    const WRONG: &[Primitive<()>] = &[
        entry("", "match", "a?: string, b: strin", |_| Ok(Dynamic::UNIT)),
        entry("", "match", "a", |_| Ok(Dynamic::UNIT)),
    ];
    let problems = table::problems(&[WRONG], TYPES);
    for part in ["in the tables twice", "no type `strin`", "`a` is not `name: type`", "reserved word"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }
}

#[test]
fn what_may_be_left_out_is_left_out_for_what_must_be_there() {
    assert_eq!(value("wait.met(1, \"Ready\")"), serde_json::json!(",,Ready"));
    assert_eq!(value("wait.met(1, \"Ready\", #{timeout: \"1s\"})"), serde_json::json!(",,Ready"));
    assert_eq!(value("wait.met(1, \"Pod\", \"Ready\")"), serde_json::json!("Pod,,Ready"));
    assert_eq!(
        value("wait.met(1, \"Pod\", \"a/b\", \"Ready\", #{timeout: \"1s\"})"),
        serde_json::json!("Pod,a/b,Ready")
    );
    // A map at the end may be what must be there, not options.
    assert_eq!(value("wait.patched(\"ConfigMap\", \"a/b\", #{a: 1})"), serde_json::json!("a/b"));
    assert!(fails("wait.met(1)").message.contains("takes 2 to 5"));
}
