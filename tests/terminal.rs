//! Text that comes from a cluster, a process or a kubeconfig moves no cursor and changes no colour, wherever it is shown.

mod ground;

use ground::{Ended, Ground};
use serde_json::json;

/// What terminals obey: escapes to clear, to colour and to rename, C0, C1, and marks that turn text around.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;renamed\u{7}\r\u{8}\u{9b}31m\u{202e}evil";

/// Everything that shows text of others; `EVIL` stands for it.
const SCRIPT: &str = r#"
let map = c.get("ConfigMap", "default/evil");
let evil = map.data.text;
print(map); print(evil); debug(evil); print(text.yaml(map)); print([evil]); print(#{a: evil});
log.info(evil); log.warn(`it says ${evil}`);
step `Say ${evil}` on [c] { log.info(evil); }
print(exec.run("printf", ["%s", evil]));
for failing in [
    || exec.run("sh", ["-c", "printf %s \"$1\" >&2; exit 3", "sh", evil]),
    || exec.run("printf", [evil, evil], #{dir: "/no/such/" + evil}),
    || c.get("ConfigMap", `default/${evil}`),
    || c.get(evil, "default/evil"),
    || c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: evil, namespace: "default"}}),
    || wait.ready(c, "Pod", "default/evil", #{timeout: "300ms"}),
    || wait.until(|| false, #{timeout: "10ms", every: "1ms", want: evil}),
    || text.parse_yaml("a: [" + evil),
    || secret.file(evil),
    || kube.cluster(evil),
    || fail(evil, #{details: [evil], hint: evil}),
] {
    let error = attempt(failing).error;
    print(error); print(error.message); log.warn(`${error}`);
}
"#;

fn furnished() -> Ground {
    let ground = Ground::new(&["east"]);
    let server = ground.world.server("east").expect("east");
    let metadata = json!({"name": "evil", "namespace": "default", "annotations": {"note": EVIL}});
    server.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": EVIL}}));
    let unschedulable = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": EVIL});
    server.put(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"schedulerName": "another", "containers": [{"name": "a", "image": EVIL}]},
        "status": {"phase": "Pending", "reason": EVIL, "message": EVIL, "conditions": [unschedulable]},
    }));
    server.put(json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "evil.1", "namespace": "default"},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "evil", "namespace": "default"},
        "type": "Warning", "reason": "FailedScheduling", "message": EVIL, "source": {"component": EVIL},
        "firstTimestamp": "2100-01-01T00:00:00Z", "lastTimestamp": "2100-01-01T00:00:00Z", "count": 1,
    }));
    ground
}

/// The characters of a text that a terminal would obey.
fn obeyed(text: &str) -> Vec<char> {
    let is_layout = |c: char| matches!(c, '\n' | '\t');
    let is_turn = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !is_layout(*c) && (c.is_control() || is_turn(*c))).collect()
}

fn at_the_prompt(ground: &Ground) -> Ended {
    let lines = "let c = kube.cluster(\"east\");\nlet map = c.get(\"ConfigMap\", \"default/evil\");\nmap\nmap.data\nmap.data.text\n[map]\nc.list(\"pods\", #{namespace: \"default\"})\nfail(map.data.text)\n_error\n:use east\n:ns default\nwait.ready(c, \"Pod\", \"default/evil\", #{timeout: \"300ms\"})\n:vars\n:clusters\n";
    let mut command = ground.command(&["repl"]);
    command.stdin(std::fs::File::open(ground.file("typed", lines)).expect("typed"));
    ground::ended(command)
}

/// A kubeconfig whose contexts are called so.
fn with_names(ground: &Ground, args: &[&str]) -> Ended {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "users": [{"name": "u", "user": {}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": EVIL, "context": {"cluster": "k", "user": "u"}}, {"name": format!("b{EVIL}"), "context": {"cluster": "k", "user": "u"}}],
    });
    // YAML takes such characters only as escapes.
    let escaped = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
    let config = ground.file("names", &config.to_string().chars().map(escaped).collect::<String>());
    let mut command = ground.command(args);
    command.env("KUBECONFIG", config);
    ground::ended(command)
}

#[test]
fn text_of_others_moves_no_cursor_and_changes_no_colour() {
    let ground = furnished();
    let needs = "write: [default], exec: [sh, printf], files: [\"*\"], contexts: [\"*\"]";
    let file = ground.file("script.rhai", &ground::script(needs, SCRIPT));
    let file = file.to_string_lossy().into_owned();
    let get = "[kube.cluster(\"east\").get(\"ConfigMap\", \"default/evil\"), kube.cluster(\"east\").get(\"Pod\", \"default/evil\")]";
    let data = "kube.cluster(\"east\").get(\"ConfigMap\", \"default/evil\").data.text";
    let wait = "wait.ready(kube.cluster(\"east\"), \"Pod\", \"default/evil\", #{timeout: \"300ms\"})";
    let thrown = |what: &str| ground.run(&["eval", &format!("let evil = {data}; {what}")]);
    let all = [
        ("run", 0, ground.run(&["run", &file, "--c", "east", "--yes"])),
        ("verbose", 0, ground.run(&["--verbose", "run", &file, "--c", "east", "--yes"])),
        ("yaml", 0, ground.run(&["eval", get])),
        ("json", 0, ground.run(&["eval", "-o", "json", get])),
        ("table", 0, ground.run(&["eval", "-o", "table", get])),
        ("text", 0, ground.run(&["eval", data])),
        ("wait", 3, ground.run(&["eval", wait])),
        ("fail", 1, thrown("fail(evil, #{details: [evil], hint: evil})")),
        ("throw", 1, thrown("throw evil")),
        ("cluster", 1, thrown("kube.cluster(evil)")),
        ("prompt", 1, at_the_prompt(&ground)),
        ("contexts", 0, with_names(&ground, &["eval", "kube.contexts()"])),
        ("no such context", 4, with_names(&ground, &["run", &file, "--c", "other"])),
        ("unreachable", 5, with_names(&ground, &["eval", "kube.cluster(kube.contexts()[0]).version()"])),
        ("runs", 0, ground.run(&["runs"])),
        ("show-run", 0, ground.run(&["show-run", "last"])),
    ];
    for (what, code, ended) in &all {
        assert_eq!(ended.code, *code, "{what}: {:?} {:?}", ended.out, ended.err);
        for (stream, text) in [("stdout", &ended.out), ("stderr", &ended.err)] {
            let obeyed = obeyed(text);
            assert!(obeyed.is_empty(), "{what}: {stream}: {obeyed:?} in {text:?}");
        }
    }
    let shown = all.iter().filter(|(_, _, ended)| format!("{}{}", ended.out, ended.err).contains("evil")).count();
    assert!(shown >= all.len() - 1, "only {shown} have shown it");
}
