//! Whole sessions, without a terminal.

use super::*;
use crate::run::screen::Style;
use crate::script::{Header, Home, Needs, Script, Values};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Simulated time passes when nobody works: sessions side by side would take each other's work for rest.
static ALONE: Mutex<()> = Mutex::new(());

/// A prompt on two empty clusters in memory.
pub(super) struct Bench {
    pub repl: Repl,
    pub folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    pub fn new(write: bool) -> Bench {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("folder");
        let (name, home) = ("typed".to_owned(), Home::Folder(folder.path().to_owned()));
        let script = Script { source: name.clone(), name, text: String::new(), home };
        let needs = Needs { exec: vec!["*".into()], ..Needs::typed().writing() };
        let header = Header { needs, ..Header::default() };
        let style = Style { quiet: true, ..Style::default() };
        let job = Job { script, header, values: Values::default(), style, stop_after: None, record: None };
        let desk = Desk::new(write);
        let session = Session::rehearsal_at(&job, &["east", "west"], Some(desk.clone())).expect("session");
        let repl = Repl::new(session, desk, &job, View::default()).expect("prompt");
        Bench { repl, folder, _alone: alone }
    }

    /// What a line shows: data, then talk.
    pub fn line(&mut self, line: &str) -> String {
        let output = self.repl.line(line);
        format!("{}{}", output.data, output.talk)
    }

    /// The same of a line that must go well.
    pub fn good(&mut self, line: &str) -> String {
        let output = self.repl.line(line);
        assert!(output.failure.is_none(), "{line}:\n{}", output.talk);
        format!("{}{}", output.data, output.talk)
    }
}

const SETTINGS: &str =
    r#"{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "c", namespace: "default"}, data: #{a: "1"}}"#;

#[test]
fn results_have_names() {
    let mut bench = Bench::new(false);
    assert_eq!(bench.line("20 + 1"), "_1 = 21\n");
    assert_eq!(bench.line("_ * 2"), "_2 = 42\n");
    assert_eq!(bench.line("_1 + _2 - 0"), "_3 = 63\n");
    assert_eq!(bench.line("let x = 5;"), "");
    assert_eq!(bench.line("[x, \"a\"]"), "_4 =\n- 5\n- a\n");
    assert_eq!(bench.line("switch x { 5 => \"five\", _ => \"other\" }"), "_5 = \"five\"\n");
}

#[test]
fn a_failure_shows_its_line_and_becomes_error() {
    let mut bench = Bench::new(false);
    bench.good("fn half(n) {\n  n / 0\n}");
    let shown = bench.line("half(4)");
    assert!(shown.contains("input 1:2") && shown.contains("n / 0") && shown.contains("half(4)"), "{shown}");
    assert!(bench.line("_error.message").contains("zero"));
    let shown = bench.line("let counted = 1; cuonted");
    assert!(shown.contains("did you mean `counted`?"), "{shown}");
}

#[test]
fn a_session_only_reads_until_it_may_write() {
    let mut bench = Bench::new(false);
    let apply = format!("kube.cluster(\"east\").apply(#{SETTINGS}).created");
    assert_eq!(bench.repl.prompt(), "rehearsal read-only> ");
    let shown = bench.line(&apply);
    assert!(shown.contains("this session is read-only") && shown.contains(":write"), "{shown}");
    bench.good("let east = kube.cluster(\"east\");");
    bench.good(":write");
    assert_eq!(bench.repl.prompt(), "rehearsal write> ");
    assert_eq!(bench.line(&apply), "_1 = 1\n", "a cluster in a variable may write as well");
    bench.good(":read-only");
    assert!(bench.line("east.delete(\"ConfigMap\", \"default/c\")").contains("read-only"));
}

#[test]
fn lists_are_tables_and_never_too_long() {
    let mut bench = Bench::new(false);
    let shown = bench.good("kube.cluster(\"east\").list(\"namespaces\")");
    assert!(shown.contains("NAME             STATUS  AGE\ndefault          Active  "), "{shown}");
    let shown = bench.line("let l = []; for i in 0..10000 { l.push(#{n: i}); } l");
    assert!(shown.contains("1 to 36 of 10000 items; `:more` shows the next") && shown.lines().count() < 50, "{shown}");
    assert!(bench.line(":more").contains("37 to 72 of 10000"));
}

#[test]
fn an_interrupt_ends_the_expression_and_keeps_the_session() {
    let mut bench = Bench::new(false);
    bench.good("let x = 1;");
    for endless in ["loop {}", "wait.until(|| false, #{timeout: \"100000h\"})"] {
        let cancel = bench.repl.session().cancel().clone();
        let press = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            cancel.cancel();
        });
        let output = bench.repl.line(endless);
        press.join().expect("pressed");
        assert_eq!(output.failure.map(|failure| failure.kind), Some(Kind::Cancelled), "{endless}");
    }
    assert_eq!(bench.line("x + 1"), "_1 = 2\n");
}

#[test]
fn commands_are_found_and_misspelled_ones_told() {
    let mut bench = Bench::new(false);
    for command in commands::ALL {
        assert!(bench.line(":help").contains(&format!(":{}", command.name)));
    }
    let shown = bench.line(":clustres");
    assert!(shown.contains("did you mean `:clusters`?"), "{shown}");
    assert!(bench.line(":clusters").contains("east") && bench.line(":q").is_empty());
    assert!(bench.line(":use nowhere").contains("there is no context `nowhere`"));
    bench.good(":use east");
    assert!(bench.good(":ns").contains("kube-system"));
    assert!(bench.line(":ns kube-sistem").contains("did you mean `kube-system`?"));
    bench.good(":ns kube-system");
    assert_eq!(bench.repl.prompt(), "east/kube-system read-only> ");
    assert_eq!(bench.good("cluster.name"), "_1 = \"east\"\n");
}

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
        ("east.list(\"deplo", "deploy"),
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

const SCRIPT: &str = r#"//! # Mine
//! ---
//! params:
//!   primary: {type: cluster, help: "the first"}
//!   size: {type: int, default: 1}
//! needs: {write: [default]}
//! ---

let name = "one";

// Makes it.
step "Make settings" on params.primary {
    params.primary.apply(settings(name), #{namespace: "default"});
}

let seen = step "Look" { params.primary.get("ConfigMap", "default/one").data.size };

step "Break" { fail("not yet") }

fn settings(name) {
    #{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: name}, data: #{size: "1"}}
}
"#;

#[test]
fn a_script_is_run_to_a_step_edited_reloaded_and_gone_on_with() {
    let mut bench = Bench::new(true);
    let file = bench.folder.path().join("mine.rhai");
    std::fs::write(&file, SCRIPT).expect("written");
    let path = file.to_string_lossy().into_owned();
    let shown = bench.good(&format!(":load {path}"));
    assert!(shown.contains("3 steps"), "{shown}");
    bench.good(":next");
    assert_eq!(bench.good("name"), "_1 = \"one\"\n", "variables of the script are at hand");
    assert!(bench.good("params.primary.get(\"cm\", \"default/one\").data.size").contains('1'));
    bench.good(":run Look");
    assert_eq!(bench.line("seen"), "_3 = \"1\"\n");
    assert!(bench.repl.prompt().contains("2/3"), "{}", bench.repl.prompt());
    let shown = bench.line(":next");
    assert!(shown.contains("not yet") && shown.contains("mine.rhai:18"), "{shown}");
    let edited = SCRIPT.replace("fail(\"not yet\")", "print(name)").replace("\"one\";", "\"two\";");
    std::fs::write(&file, edited).expect("written");
    let shown = bench.good(":reload");
    assert!(shown.contains("1 run again"), "{shown}");
    assert!(bench.good("name").contains("two"));
    let steps = bench.good(":steps");
    assert!(steps.contains("✓  1. Make settings") && steps.contains("▸  3. Break"), "{steps}");
    bench.good(":next");
    assert!(bench.good(":next").contains("at its end"));
    assert!(bench.line(":run Mak settings").contains("did you mean `Make settings`?"));
}

#[test]
fn an_export_needs_what_the_session_made_use_of_beside_the_clusters() {
    let mut bench = Bench::new(true);
    bench.good("secret.authority(\"ours\");");
    bench.good("attempt(|| secret.file(\"none-here.pem\"))");
    bench.good("attempt(|| secret.env(\"MESHWRIGHT_NO_SUCH_VARIABLE\"))");
    let file = bench.folder.path().join("session.rhai").to_string_lossy().into_owned();
    bench.good(&format!(":export {file}"));
    let script = crate::script::find(&file, bench.folder.path()).expect("script");
    let needs = script.header().expect("header").needs;
    assert_eq!(
        (needs.authorities, needs.env),
        (vec!["ours".to_owned()], vec!["MESHWRIGHT_NO_SUCH_VARIABLE".to_owned()])
    );
    assert_eq!(needs.files, ["none-here.pem"]);
}

#[test]
fn a_field_that_is_not_there_is_told_with_the_nearest() {
    let mut bench = Bench::new(false);
    bench.good("let space = kube.cluster(\"east\").get(\"Namespace\", \"default\");");
    assert_eq!(bench.good("space.metadata.nam"), "(): space.metadata has no field `nam`; did you mean `name`?\n");
    assert_eq!(bench.good("space.metadata.nothing_like_it"), "(): space.metadata has no field `nothing_like_it`\n");
    assert_eq!(bench.good("space.metadata.nam;"), "");
}

#[test]
fn clusters_are_shown_by_name_wherever_they_are() {
    let mut bench = Bench::new(false);
    bench.good("let mesh = #{primary: kube.cluster(\"east\"), all: [kube.cluster(\"west\")]};");
    assert_eq!(bench.good("mesh"), "_1 =\nall:\n  - Cluster west\nprimary: Cluster east\n");
    assert_eq!(bench.good("mesh.primary"), "_2 = Cluster east\n");
    assert!(bench.good(":vars").contains("mesh: map  #{all: [west], primary: east}\n"));
}

#[test]
fn what_is_explained_fits_the_terminal() {
    let mut bench = Bench::new(false);
    for width in [40, 80] {
        bench.repl.set_view(View { width, ..View::default() });
        bench.good(":use east");
        for line in [":help", "kube.explain(\"deploy.spec\")"] {
            let shown = bench.good(line);
            let long: Vec<&str> = shown.lines().filter(|line| line.chars().count() > width).collect();
            let is_prose = |line: &&&str| !line.starts_with("  :") && !line.contains('"');
            assert_eq!(long.iter().filter(is_prose).count(), 0, "{width}: {long:#?}");
        }
    }
    bench.repl.set_view(View { width: 80, ..View::default() });
    assert!(bench.good(":help").contains("\n  :ns [NAMESPACE]          The namespace that"), "in columns");
}

#[test]
fn an_export_needs_the_secrets_it_opened_and_the_pods_it_ran_programs_in() {
    use serde_json::json;
    let furnish = |session: &Session| {
        let east = session.world().expect("world").server("east").expect("east");
        for name in ["read", "copied", "listed"] {
            east.put(
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "kube-system"},
                "data": {"key": "cGxhbnRlZA=="}}),
            );
        }
        east.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "kube-public"},
            "spec": {"containers": [{"name": "c", "image": "x", "env": [{"name": "COLOUR", "value": "red"}]}]}}));
    };
    let mut bench = Bench::new(true);
    furnish(bench.repl.session());
    bench.good("let cluster = kube.cluster(\"east\");");
    bench.good("cluster.list(\"secrets\", #{namespace: \"kube-system\"}).map(|secret| secret.metadata.name);");
    bench.good("let key = secret.read(cluster, \"kube-system/read\", \"key\");");
    bench.good("let other = cluster.get(\"Secret\", \"kube-system/copied\").data.key;");
    bench.good("wait.ready(cluster, \"Pod\", \"kube-public/p\");");
    bench.good("let colour = cluster.exec(\"kube-public/p\", [\"env\"]).stdout;");
    let copy = "cluster.apply(#{apiVersion: \"v1\", kind: \"Secret\", metadata: #{name: \"copy\", namespace: \"default\"}, data: #{key: other}, stringData: #{read: key}})";
    bench.good(copy);
    let file = bench.folder.path().join("session.rhai").to_string_lossy().into_owned();
    bench.good(&format!(":export {file}"));
    let text = std::fs::read_to_string(&file).expect("written");
    let script = crate::script::find(&file, bench.folder.path()).expect("script");
    let header = script.header().expect("header");
    assert_eq!(
        (&header.needs.pods[..], &header.needs.write[..]),
        (&["kube-public".to_owned()][..], &["default".to_owned()][..])
    );
    assert_eq!(header.needs.secrets, ["kube-system/copied", "kube-system/read"], "{text}");
    let values = Values::check(&header, &crate::script::Given::default()).expect("defaults");
    let style = Style { quiet: true, ..Style::default() };
    let job = Job { script, header, values, style, stop_after: None, record: None };
    let session = Session::rehearsal(&job, &["east", "west"]).expect("session");
    furnish(&session);
    session.run(&job).unwrap_or_else(|failure| panic!("{text}\n{failure:?}"));
    let copy = session.world().expect("world").server("east").expect("east").get("Secret", Some("default"), "copy");
    assert_eq!(copy.expect("the same effect")["data"], json!({"key": "cGxhbnRlZA==", "read": "cGxhbnRlZA=="}));
}

#[test]
fn an_export_does_what_the_session_did() {
    let mut bench = Bench::new(true);
    bench.good("let cluster = kube.cluster(\"east\");");
    bench.line("no_such_thing()");
    bench.good(&format!("cluster.apply(#{SETTINGS})"));
    bench.good("_.created + 0");
    bench.good("if _2 == 1 { kube.cluster(\"west\").label(\"Namespace\", \"default\", #{seen: \"yes\"}); }");
    bench.good("fn twice(n) { n * 2 }\ntwice(_2)");
    let file = bench.folder.path().join("session.rhai").to_string_lossy().into_owned();
    bench.good(&format!(":export {file}"));
    let text = std::fs::read_to_string(&file).expect("written");
    assert!(!text.contains("no_such_thing") && !text.contains("kube.cluster(\"west\")"), "{text}");
    let script = crate::script::find(&file, bench.folder.path()).expect("script");
    let header = script.header().expect("header");
    assert_eq!(header.needs.write, ["default"]);
    let values = Values::check(&header, &crate::script::Given::default()).expect("defaults");
    let style = Style { quiet: true, ..Style::default() };
    let job = Job { script, header, values, style, stop_after: None, record: None };
    let session = Session::rehearsal(&job, &["east", "west"]).expect("session");
    session.run(&job).unwrap_or_else(|failure| panic!("{text}\n{failure:?}"));
    let world = session.world().expect("world");
    let east = world.server("east").expect("east").get("ConfigMap", Some("default"), "c");
    assert!(east.is_some_and(|made| made["data"]["a"] == "1"));
    let west = world.server("west").expect("west").get("Namespace", None, "default").expect("namespace");
    assert_eq!(west["metadata"]["labels"]["seen"], "yes");
}

#[test]
fn a_script_that_fails_is_looked_at_and_gone_on_with() {
    let mut bench = Bench::new(true);
    let file = bench.folder.path().join("mine.rhai");
    std::fs::write(
        &file,
        SCRIPT.replace("fail(\"not yet\")", "fail(\"not \" + name)") + "\nstep \"Last\" { print(name) }",
    )
    .expect("written");
    let script = crate::script::find(&file.to_string_lossy(), bench.folder.path()).expect("script");
    let header = script.header().expect("header");
    let given = crate::script::Given { flags: vec![("primary".into(), "east".into())], ..Default::default() };
    let values = Values::check(&header, &given).expect("values");
    let style = Style { quiet: true, ..Style::default() };
    let job = Job { script, header, values, style, stop_after: None, record: None };
    let session = Session::rehearsal_at(&job, &["east"], Some(bench.repl.desk.clone())).expect("session");
    bench.repl = Repl::new(session, bench.repl.desk.clone(), &job, View::default()).expect("prompt");
    let failure = bench.repl.carry_out(&job).expect_err("fails");
    assert_eq!(failure.message, "not one");
    bench.repl.pause(failure);
    assert!(bench.repl.greeting().contains("`:skip`") && !bench.repl.is_done());
    assert!(bench.good("seen").contains('1'), "the variables around the step are at hand");
    bench.good("name = \"two\";");
    assert!(bench.line(":next").contains("not two"), "the step is tried again");
    bench.good(":skip");
    bench.good(":run");
    assert!(bench.repl.is_done());
}
