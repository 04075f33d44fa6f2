//! Whole sessions, without a terminal.

mod exports;
mod help;
mod scripts;

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
        let job = Job::new(script, header, Values::default(), style);
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
    bench.repl.set_view(View { width: 40, height: 14, colour: false });
    let shown = bench.good("let text = \"\"; for i in 0..2000 { text += \"0123456789\"; } text");
    assert!(
        shown.contains("1 to 10 of 501 lines") && shown.lines().count() < 14,
        "one line longer than the screen: {shown}"
    );
    let shown = bench.good("[1, 2, 3, 4, 5].map(|n| #{n: n, deep: #{a: 1, b: 2, c: [1, 2]}})");
    assert!(shown.contains("1 to 1 of 5 items") && shown.lines().count() < 14, "items of several lines: {shown}");
    let _planted = crate::secret::Secret::new("long", "planted-in-a-long-line");
    let shown = bench.good("let text = \"planted-in-a-long-line\"; for i in 0..10 { text += text; } text");
    assert!(!shown.contains("planted") && !bench.line(":more").contains("long-line"), "{shown}");
}

#[test]
fn ten_thousand_objects_are_a_screen() {
    let mut bench = Bench::new(false);
    let server = bench.repl.session().world().and_then(|world| world.server("east")).expect("east");
    for n in 0..10_000 {
        server.put(serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{n:05}"), "namespace": "default"}}));
    }
    let shown = bench.good("kube.cluster(\"east\").list(\"cm\", #{namespace: \"default\"})");
    assert!(shown.contains("1 to 36 of 10001 items") && shown.lines().count() < 42, "{shown}");
    assert!(bench.good("_").lines().count() < 42 && bench.good(":vars").lines().count() < 12);
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

#[test]
fn a_field_that_is_not_there_is_told_with_the_nearest() {
    let mut bench = Bench::new(false);
    bench.good("let space = kube.cluster(\"east\").get(\"Namespace\", \"default\");");
    assert_eq!(bench.good("space.metadata.nam"), "(): space.metadata has no field `nam`; did you mean `name`?\n");
    assert_eq!(bench.good("space.metadata.nothing_like_it"), "(): space.metadata has no field `nothing_like_it`\n");
    assert_eq!(bench.good("space.metadata.nam;"), "");
}

#[test]
fn a_variable_that_is_declared_anew_hides_the_earlier_one() {
    let mut bench = Bench::new(false);
    bench.good("let size = 1;");
    bench.good("let size = 2;");
    assert!(bench.good(":vars").contains("size: int  2\n"));
}

#[test]
fn what_newcomers_try_with_clusters_is_answered() {
    let mut bench = Bench::new(true);
    for (line, told) in [
        ("kube.get(\"pods\")", "`kube.cluster(\"CONTEXT\").list(\"pods\")`"),
        ("kube.list(\"pods\")", "`kube.cluster(\"CONTEXT\").list(…)`"),
        ("east", "`let east = kube.cluster(\"east\");`"),
        ("kube.cluster(\"east\").pods", "`.list(\"pods\")`"),
        ("kube.cluster(\"east\").list(\"pods\", \"default\")", "`#{namespace: \"default\"}`"),
        ("kube.cluster(\"east\").list(\"pods\").length", "`len()` counts"),
        ("kube.cluster(\"east\").list(\"pods\")[0]", "the list has 0"),
        ("kube.cluster(\"east\").edit(\"ns\", \"default\")", "lacks its closure"),
    ] {
        let shown = bench.line(line);
        assert!(shown.contains(told), "{line}: {shown}");
    }
}

#[test]
fn what_goes_well_and_was_not_meant_is_said() {
    let mut bench = Bench::new(false);
    assert!(bench.good("7 // 2").contains("_1 = 7\n! `//` begins a comment"));
    bench.good("let space = kube.cluster(\"east\").get(\"Namespace\", \"default\");");
    let shown = bench.good("space.metadata.labels.team = \"a\"");
    assert!(shown.contains("nothing is sent; `cluster.apply(space)` sends it"), "{shown}");
    assert_eq!(bench.good("let m = #{a: 1}; m.a = 2;"), "");
    assert_eq!(bench.good("m.a = 3"), "");
}

#[test]
fn clusters_are_shown_by_name_wherever_they_are() {
    let mut bench = Bench::new(false);
    bench.good("let mesh = #{primary: kube.cluster(\"east\"), all: [kube.cluster(\"west\")]};");
    assert_eq!(bench.good("mesh"), "_1 =\nall:\n  - Cluster west\nprimary: Cluster east\n");
    assert_eq!(bench.good("mesh.primary"), "_2 = Cluster east\n");
    assert_eq!(bench.good(r#"attempt(|| fail("no")).error"#), "_3 = Failure no\n");
    assert!(bench.good(":vars").contains("mesh: map  #{all: [west], primary: east}\n"));
}
