//! Objects as script values.

use super::*;
use crate::object::{Map, Node};

const POD: &str = "let o = kube.object(`
kind: Pod
metadata: {name: p, labels: {a/b: c}}
spec: {replicas: 1, len: 7, containers: [{name: x, port: 2}, {name: w, port: 1}], tags: [b, a]}
`); ";

fn pod(text: &str) -> serde_json::Value {
    value(&format!("{POD}{text}"))
}

#[test]
fn fields_items_and_missing_ones() {
    assert_eq!(
        pod("[o.kind, o[\"kind\"], o.metadata.labels[\"a/b\"], o.spec.containers[0].name, o.spec.containers[-1].name]"),
        serde_json::json!(["Pod", "Pod", "c", "x", "w"])
    );
    assert_eq!(
        pod("[o.nothing, o.spec?.nothing?.more, o.nothing ?? 1, type_of(o.spec)]"),
        serde_json::json!([null, null, 1, "Object"])
    );
    assert_eq!(
        pod(
            "[o.spec.len, o.spec.len(), o.get(\"spec.containers[1].name\"), o.get(\"metadata.labels[\\\"a/b\\\"]\"), o.get(\"x.y\", 3)]"
        ),
        serde_json::json!([7, 4, "w", "c", 3])
    );
    assert_eq!(fails(&format!("{POD}o.spec.containers[9]")).message, "there is no item 9: the list has 2");
}

#[test]
fn loops_membership_and_comparison() {
    assert_eq!(
        pod("let n = \"\"; for c in o.spec.containers { n += c.name } for k in o { n += k } n"),
        "xwkindmetadataspec"
    );
    assert_eq!(
        pod("[\"a\" in o.spec.tags, \"z\" in o.spec.tags, \"kind\" in o]"),
        serde_json::json!([true, false, true])
    );
    assert_eq!(
        pod("[o.spec.tags == [\"b\", \"a\"], #{\"a/b\": \"c\"} == o.metadata.labels, o == o, o != #{}]"),
        serde_json::json!([true, true, true, true])
    );
}

#[test]
fn list_methods() {
    assert_eq!(pod("o.spec.containers.filter(|c| c.port == 1).map(|c| c.name)"), serde_json::json!(["w"]));
    assert_eq!(
        pod(
            "let c = o.spec.containers; [c.some(|c| c.port > 1), c.all(|c| c.port > 1), c.find(|c| c.port == 1).name, c.find(|c| false), c.reduce(|s, c| s + c.port, 0)]"
        ),
        serde_json::json!([true, false, "w", null, 3])
    );
    assert_eq!(
        pod(
            "let c = o.spec.containers; [c.sort_by(|c| c.port)[0].name, c.first().name, c.last().name, o.spec.tags.join(\",\"), c.len(), c.is_empty()]"
        ),
        serde_json::json!(["w", "x", "w", "b,a", 2, false])
    );
    assert_eq!(
        pod("[o.metadata.keys(), o.metadata.labels.values(), o.spec.contains(\"len\")]"),
        serde_json::json!([["name", "labels"], ["c"], true])
    );
    assert_eq!(
        value("[[3, 1].sort_by(|x| x), [1, 2].first(), [].last(), [\"a\", 1].join(\"-\"), #{a: [1]}.get(\"a[0]\")]"),
        serde_json::json!([[1, 3], 1, null, "a-1", 1])
    );
}

#[test]
fn a_path_leads_past_what_has_no_tree() {
    assert_eq!(
        value(
            "let m = #{labels: #{app: \"a\"}, all: [#{n: 1}], c: kube.cluster(\"east\"), f: || 1}; [m.get(\"labels.app\", \"DEFAULT\"), m.get(\"all[-1].n\"), m.get(\"c\").name, m.get(\"labels.no\", 2), m.get(\"f.x\", 3), [m].get(\"[0].labels.app\")]"
        ),
        serde_json::json!(["a", 1, "east", 2, 3, "a"])
    );
    assert_eq!(value("#{o: kube.object(\"a: {b: 1}\"), f: || 1}.get(\"o.a.b\")"), 1);
    assert!(fails("#{f: || 1}.get(\"a..b\")").message.contains("not a path"));
}

#[test]
fn keys_of_every_kind_are_sorted() {
    let mixed =
        "let all = []; for i in 0..40 { all += [i % 7, \"t\" + i, 1.5 - i.to_float(), true, (), [i], 0.0 / 0.0]; } ";
    assert_eq!(
        value(&format!("{mixed} let s = all.sort_by(|x| x); [s.len(), s[0], type_of(s[40]), type_of(s[-1])]")),
        serde_json::json!([280, null, "bool", "array"])
    );
    assert_eq!(
        value("[9007199254740993, 9007199254740992.0, 9007199254740991].sort_by(|x| x)[0]"),
        9007199254740991_i64
    );
}

#[test]
fn what_is_closed_is_not_compared() {
    let closed = |name: &str| Node::Secret(Secret::new(format!("default/c:{name}"), "c2VjcmV0LXZhbHVl").close());
    let data = Node::Map(Map(Arc::new(vec![("a".into(), closed("a"))].into())));
    for text in [
        "o == #{a: \"c2VjcmV0LXZhbHVl\"}",
        "#{a: s} != o",
        "o == o2",
        "[o].contains(o2)",
        "[o2] == list",
        "list.contains(#{a: s})",
    ] {
        let bench = Bench::new(&[]);
        let mut scope = Scope::new();
        scope.push("o", Object::new(data.clone()));
        scope.push("o2", Object::new(data.clone()));
        scope.push("list", Object::new(Node::Array(Arc::new(vec![data.clone()]))));
        scope.push("s", Secret::new("s", "c2VjcmV0LXZhbHVl"));
        let failure = run_script(&bench.engine, "main.rhai", text, &mut scope).expect_err(text);
        assert_eq!(failure.kind, Kind::Rights, "{text}: {failure:?}");
    }
}

#[test]
fn changes_are_made_to_a_copy() {
    assert_eq!(
        pod(
            "let before = o; o.spec.replicas = 3; o.metadata.labels[\"a/b\"] = \"d\"; [before.spec.replicas, o.spec.replicas, o.metadata.labels[\"a/b\"]]"
        ),
        serde_json::json!([1, 3, "d"])
    );
    assert_eq!(
        pod(
            "o.spec.replicas += 2; o.spec.containers[0].name = \"z\"; o.spec.tags.push(\"c\"); [o.spec.replicas, o.spec.containers[0].name, o.spec.tags.len()]"
        ),
        serde_json::json!([3, "z", 3])
    );
    assert_eq!(
        pod("o.metadata.remove(\"labels\"); o.spec = #{a: 1}; [o.metadata.keys(), o.spec.a]"),
        serde_json::json!([["name"], 1])
    );
    assert_eq!(
        pod("let m = o + #{kind: \"X\"}; [m.kind, o.kind, (o.spec.tags + [\"c\"]).len()]"),
        serde_json::json!(["X", "Pod", 3])
    );
}

#[test]
fn objects_become_text_and_native_values() {
    assert_eq!(
        pod(
            "let m = o.metadata.to_map(); m.name = \"q\"; [type_of(m), m.name, type_of(o.spec.tags.to_array()), o.metadata.labels.to_json()]"
        ),
        serde_json::json!(["map", "q", "array", "{\n  \"a/b\": \"c\"\n}"])
    );
    assert_eq!(pod("`${o.metadata.labels}`"), "a/b: c");
    assert_eq!(value("#{a: 1}.to_yaml()"), "a: 1\n");
}

#[test]
fn no_property_of_rhai_hides_a_field() {
    assert_eq!(
        pod("let m = o + #{tag: \"1.2\"}; let n = m; n.tag = \"3\"; [m.tag, m?.tag, n.tag, n[\"tag\"]]"),
        serde_json::json!(["1.2", "1.2", "3", "3"])
    );
}

#[test]
fn a_missing_value_is_named() {
    let failure = fails(&format!("{POD}o.spec.nothing.more"));
    assert!(failure.message.contains("`o.spec.nothing`") && failure.message.contains("`more`"), "{failure}");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("?.more")), "{failure:?}");
}

#[test]
fn items_of_a_list_come_from_its_cluster() {
    let list = yaml::parse("[{kind: Pod, spec: {a: 1}}]").expect("yaml").remove(0).from_cluster("east");
    let bench = Bench::new(&[]);
    let mut scope = Scope::new();
    scope.push("list", list);
    let text = "let all = [list[0], list.first(), list.find(|p| true)]; for p in list { all.push(p) } all.append(list.filter(|p| true)); all";
    let all = run_script(&bench.engine, "main.rhai", text, &mut scope)
        .expect("script")
        .into_typed_array::<Object>()
        .expect("objects");
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|pod| pod.origin.as_deref() == Some("east")));
}
