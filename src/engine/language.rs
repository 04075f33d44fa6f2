//! What scripts have beside the tables of primitives: the words and methods that this module makes Rhai understand. For
//! help, completion and the reference; a test runs every example.

/// One word of the language.
pub struct Word {
    /// The type it is called on; empty for what stands alone.
    pub on: &'static str,
    /// The word.
    pub name: &'static str,
    /// How to write it.
    pub signature: &'static str,
    /// What it does; the first sentence stands alone in lists.
    pub doc: &'static str,
    /// A script whose last expression is true.
    pub example: &'static str,
}

const fn word(
    on: &'static str,
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Word {
    Word { on, name, signature, doc, example }
}

/// Words that stand alone, then the methods of lists, maps and objects, then those of failures.
pub const WORDS: &[Word] = &[
    word(
        "",
        "step",
        "step NAME [on CLUSTER] [within DURATION] { … }",
        "A named part of a run: one line on the screen and in the journal. It sees and changes the variables around it, \
         and what it ends with is its value. `on` takes a cluster or a list of clusters. `within` says how long it may \
         take in all: waits and programs in it end by then, changes no longer begin, and it fails as a wait that timed \
         out. `meshwright doc steps` is about the comment above it.",
        r#"let count = 0; step "Count" on kube.cluster("east") within "5m" { count += 1; } count == 1"#,
    ),
    word(
        "",
        "test",
        "test NAME [on CONTEXTS] { … }",
        "A test, in a file that ends in `_test.rhai`: `meshwright test` runs it. It has clusters of its own, in memory: \
         `east` and `west`, or those named after `on`. What stands outside of tests runs before each of them.",
        r#"test "an empty cluster has no pods" { assert_eq(kube.cluster("east").list("pods").len(), 0); } true"#,
    ),
    word(
        "",
        "parallel",
        "parallel(list, |item| …) -> array",
        "Calls a closure for each item, each call on a thread of its own. It also takes a map and `|key, value| …`, or \
         a list of closures. Each call sees the variables as they were and changes only copies; results come back in \
         order. When one fails, no further ones begin, and all failures are told.",
        "parallel([1, 2, 3], |n| n * 2) == [2, 4, 6]",
    ),
    word(
        "",
        "fail",
        "fail(message, #{hint, kind, cluster, object, details})",
        "Ends the script with a failure, unless something catches it. The map may be left out.",
        r#"attempt(|| fail("no address", #{hint: "wait for it"})).error.hint == "wait for it""#,
    ),
    word(
        "",
        "attempt",
        "attempt(|| …) -> #{ok, value, error}",
        "Calls a closure and tells how it went. `error` is the failure, with kind, message, cluster, object, hint, \
         details, source, line and column; `()` when there was none. `try { … } catch (e) { … }` sees the same.",
        r#"let outcome = attempt(|| kube.cluster("east").get("Secret", "default/none")); outcome.error.kind == "not_found""#,
    ),
    word(
        "",
        "print",
        "print(value)",
        "Writes a line to stdout, without secrets. Objects of clusters are written as YAML.",
        r#"print("done"); true"#,
    ),
    word(
        "",
        "import",
        "import \"std:NAME\" as name",
        "Makes the functions of a module callable as `name::function(…)`. Modules are \"std:NAME\" of the library, \
         \"bundle:NAME/FILE\" of a shipped script, and \"./FILE\" beside the importing file. Imports stand at the top of \
         a file.",
        r#"import "std:istio/mesh" as mesh_of; true"#,
    ),
    word(
        "Object",
        "get",
        "get(path, default) -> any",
        "The value at a path such as `spec.ports[0].port` or `metadata.labels[\"a/b\"]`, or the default where the path \
         ends early: `()` when left out.",
        "#{spec: #{ports: [#{port: 443}]}}.get(\"spec.ports[0].port\") == 443",
    ),
    word("Object", "len", "len() -> int", "How many items a list has, or keys a map.", "[1, 2].len() == 2"),
    word("Object", "is_empty", "is_empty() -> bool", "Whether there are none.", "[].is_empty()"),
    word("Object", "keys", "keys() -> array", "The keys of a map.", "#{a: 1, b: 2}.keys() == [\"a\", \"b\"]"),
    word("Object", "values", "values() -> array", "The values of a map.", "#{a: 1, b: 2}.values() == [1, 2]"),
    word(
        "Object",
        "contains",
        "contains(value) -> bool",
        "Whether a list has the item, or a map the key.",
        "[1, 2].contains(2) && #{a: 1}.contains(\"a\")",
    ),
    word(
        "Object",
        "filter",
        "filter(|item| …) -> list",
        "The items for which the closure says true; for objects that are maps, `|key, value| …`.",
        "[1, 2, 3].filter(|n| n > 1) == [2, 3]",
    ),
    word(
        "Object",
        "map",
        "map(|item| …) -> list",
        "What the closure makes of each item.",
        "[1, 2].map(|n| n + 1) == [2, 3]",
    ),
    word(
        "Object",
        "some",
        "some(|item| …) -> bool",
        "Whether the closure says true for one item.",
        "[1, 2].some(|n| n > 1)",
    ),
    word(
        "Object",
        "all",
        "all(|item| …) -> bool",
        "Whether the closure says true for every item.",
        "[1, 2].all(|n| n > 0)",
    ),
    word(
        "Object",
        "find",
        "find(|item| …) -> any",
        "The first item for which the closure says true, or `()`.",
        "[1, 2, 3].find(|n| n > 1) == 2",
    ),
    word(
        "Object",
        "reduce",
        "reduce(|result, item| …, start) -> any",
        "The items put together: the closure is called with the result so far and each item.",
        "[1, 2, 3].reduce(|sum, n| sum + n, 0) == 6",
    ),
    word("Object", "first", "first() -> any", "The first item, or `()`.", "[1, 2].first() == 1"),
    word("Object", "last", "last() -> any", "The last item, or `()`.", "[1, 2].last() == 2"),
    word("Object", "join", "join(separator) -> string", "The items as one text.", r#"[1, 2].join(", ") == "1, 2""#),
    word(
        "Object",
        "sort_by",
        "sort_by(|item| …) -> list",
        "The items, sorted by what the closure makes of each. The list itself stays as it is.",
        "[3, 1, 2].sort_by(|n| n) == [1, 2, 3]",
    ),
    word("Object", "push", "push(item)", "Adds an item to the end of a list.", "let l = [1]; l.push(2); l == [1, 2]"),
    word(
        "Object",
        "remove",
        "remove(key) -> any",
        "Takes a key out of a map and gives its value.",
        "let m = #{a: 1}; m.remove(\"a\") == 1 && m.is_empty()",
    ),
    word(
        "Object",
        "to_yaml",
        "to_yaml() -> string",
        "The value as YAML text. `to_json()` gives JSON.",
        "#{a: 1}.to_yaml().contains(\"a: 1\")",
    ),
    word(
        "Object",
        "to_map",
        "to_map() -> map",
        "An object as a map of Rhai, which changes in place. `to_array()` does it for lists.",
        r#"kube.cluster("east").get("Namespace", "default").to_map().contains("metadata")"#,
    ),
    word(
        "Failure",
        "because",
        "because(reasons, hint) -> Failure",
        "A caught failure with what has been found out about it: throw the result. Without reasons it stays as it is.",
        r#"attempt(|| fail("no answer")).error.because(["no route"], "add one").hint == "add one""#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_there_twice() {
        for (at, word) in WORDS.iter().enumerate() {
            let twice = WORDS[..at].iter().any(|other| (other.on, other.name) == (word.on, word.name));
            assert!(!twice, "{}.{}", word.on, word.name);
        }
    }
}
