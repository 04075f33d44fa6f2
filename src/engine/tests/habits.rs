//! What newcomers type, and what they are told to type instead.

use super::*;

/// What is typed, and a part of the hint.
const TYPED: &[(&str, &str)] = &[
    ("kube.get pods", "kube.cluster(\"CONTEXT\").list(\"pods\")"),
    ("get pods", "kube.cluster(\"CONTEXT\").list(\"pods\")"),
    ("kubectl get po -A", "kube.cluster(\"CONTEXT\").list(\"pods\")"),
    ("kubectl apply -f x.yaml", ".apply(…)` here, with a map or YAML text"),
    ("kubectl -n istio-system delete pod x", ".delete(\"pod\", \"NAMESPACE/NAME\")`"),
    ("let a = 1;\nkubectl logs x", ".logs(\"NAMESPACE/POD\")`"),
    ("istioctl version", "exec.run(\"istioctl\""),
    ("get(\"pods\")", "kube.cluster(\"CONTEXT\").list(\"pods\")"),
    ("fn show() { get }\nlet get = 1;\nshow()", "pass `get` as an argument"),
    ("fn get(a, b) { a + b }\nget(\"pods\")", "it is written `fn get(a, b)`"),
    ("let half = 7 // 2;\nprint(half);", "`//` begins a comment"),
    ("[1].filter(n => n > 1)", "`|x| …`"),
    ("[1].map(lambda n: n)", "`|x| …`"),
    ("for x in [1] print(x)", "a block stands in braces"),
    ("if true then print(1)", "a block stands in braces"),
    ("for (x of [1]) { print(x) }", "`for x in list { … }`"),
    ("try { throw 1 } catch e { 2 }", "`catch (e) { … }`"),
    ("echo hello", "`print` shows a text"),
    ("$x = 5", "`let` makes a variable"),
    ("int x = 5", "`let` makes a variable"),
    ("cluster.list(\"pods\")", "`:use CONTEXT`"),
    ("wait(5)", "`wait.pause("),
    ("sleep(5)", "`wait.pause("),
    ("sleep(0.5)", "`wait.pause("),
    ("[1, 2].size()", "`len()` counts"),
    ("\"a\".upper()", "`to_upper()`"),
    ("print(1, 2)", "`print` takes one value"),
    ("help()", "`:help`"),
    ("kube.cluster(\"a\", #{namespace: default})", "`\"default\"`"),
    ("<<<<<<< ours\nlet a = 1;\n=======\nlet a = 2;\n>>>>>>> theirs", "take the marks out"),
    ("describe pod", "gives an object"),
    ("fn place() { params.a }\nplace()", "pass `params` as an argument"),
    ("let a = true;\nlet x = a ? 1 : 2;", "`if` has a value"),
    ("let i = 0;\ni++;", "`x += 1` counts up"),
    ("let o = #{};\nprint(o.my-key);", "stands in brackets"),
    ("step(\"A\", || 1)", "`step \"NAME\" { … }`"),
    ("let m = #{a: 1};\nfor key in m { }", "`for key in map.keys()"),
    ("let x = None;", "nothing is `()` here"),
    ("let x = null;", "nothing is `()` here"),
    ("let x = nil;", "nothing is `()` here"),
    ("let x = undefined;", "nothing is `()` here"),
    ("let x = True;", "it is `true` here"),
    ("let x = False;", "it is `false` here"),
    ("count = 5", "`let count = …`"),
    ("help", "`:help`"),
    ("ls", "`:help`"),
    ("quit", "`:quit`"),
    ("exit", "`:quit`"),
    ("print \"x\"", "`print(\"…\")`"),
    ("let a = 1;\n# a comment\nlet b = 2;", "a comment begins with `//`"),
    ("let a = 1;\nprint(f\"a is {a}\");", "back-ticks: `… ${name} …`"),
    ("let a = f\"x\";", "back-ticks: `… ${name} …`"),
    ("var x = 1;", "`let` makes a variable"),
    ("def twice(x) { x * 2 }", "`fn` defines a function"),
    ("function twice(x) { x * 2 }", "`fn` defines a function"),
    ("func twice(x) { x * 2 }", "`fn` defines a function"),
    ("let x = 1;\nif x == 1 { 2 } elif x == 2 { 3 }", "it is `else if` here"),
    ("raise \"why\"", "`throw` ends with an error"),
    ("let a = true;\nif a and a { 1 }", "it is `&&` here"),
    ("let a = true;\nif a or a { 1 }", "it is `||` here"),
    ("let a = true;\nif not a { 1 }", "it is `!` here"),
    ("let m = {a: 1};", "`#{a: …}`"),
    ("let m = {\"a\": 1};", "`#{a: …}`"),
    ("kube.cluster(\"a\", namespace: \"x\")", "options are a map, the last argument: `#{namespace: …}`"),
    ("kube.cluster(namespace: \"x\")", "options are a map, the last argument: `#{namespace: …}`"),
    ("kube.cluster(east)", "`\"east\"`"),
    ("for i in range(3) { }", "`0..3`"),
    ("let l = [1, 2];\nl.append(3);", "`push` adds an item"),
    ("kube.cluster(\"east\").apply(\"x.yaml\")", "`exec.run(\"cat\", [\"x.yaml\"]).stdout` is its text"),
    ("fn a() {\n    let x = null;\n    x\n}\na()", "nothing is `()` here"),
];

#[test]
fn habits_of_other_languages_get_what_is_typed_here() {
    let told = |(typed, hint): &(&str, &str)| {
        let failure = Bench::new(&[]).run(typed).expect_err(typed);
        let got = failure.hint.clone().unwrap_or_default();
        (!got.contains(hint)).then(|| format!("{typed}: {}; {got:?} without {hint:?}", failure.message))
    };
    assert_eq!(TYPED.iter().filter_map(told).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_comment_that_was_to_divide_is_seen() {
    for divides in ["7 // 2", "let a = b // 2;", "f(a) // count;", "print(a // 2)", "x[0] // 1.5"] {
        assert_eq!(divisions(divides).len(), 1, "{divides}");
    }
    for comments in
        ["f(); // 2", "let a = [\n1, // 2\n3]", "1 // one", "// 7", "f() // see issue 7", "if a { // 2", "a /* 2 */"]
    {
        assert_eq!(divisions(comments), [], "{comments}");
    }
    assert_eq!(divisions("let a = 1;\nlet ä = a // 2;"), [(2, 11)]);
}

#[test]
fn other_mistakes_are_told_as_before() {
    let hint = |text: &str| Bench::new(&[]).run(text).expect_err(text).hint.unwrap_or_default();
    assert_eq!(hint("let count = 1;\ncuont = 2;"), "did you mean `count`?");
    assert_eq!(hint("lett x = 1;"), "did you mean `let`?");
    assert_eq!(hint("let east = 1;\nkube.cluster(eastt)"), "did you mean `east`?");
    for text in ["let m = #{a 1};", "let a = 1\nlet b = 2;", "switch 1 { 1: 2 }", "log.get = ;"] {
        assert_eq!(hint(text), "", "{text}");
    }
}
