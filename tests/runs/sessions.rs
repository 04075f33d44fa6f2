//! Whole sessions, as they stand on the screen: to be read aloud.

use crate::stage::{FORCED, Stage, held_elsewhere};
use meshwright::rehearsal::{Effect, Fault};
use regex::Regex;

const MAKE: &str = r#"
c.apply(#{apiVersion: "v1", kind: "Namespace", metadata: #{name: "other"}});
c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "new", namespace: "other"}, data: #{a: "1"}});
c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "key", namespace: "shop"}, stringData: #{k: "planted-session-secret"}}, #{force: true});
wait.until(|| true, #{want: "nothing"});
"#;

/// A screen of the session: the command, what it says, its exit code.
struct Screens<'s>(&'s Stage, Vec<String>);

impl Screens<'_> {
    fn show(&mut self, args: &[&str]) {
        let (code, out, err) = self.0.meshwright(args);
        let words = args.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).into() });
        let words = words.collect::<Vec<String>>().join(" ");
        let said = format!("{out}{err}");
        self.1.push(format!("$ meshwright {words}\n{}\nexit {code}\n", said.trim_end()));
    }

    /// The screens, with a name for each run and without what is different each time.
    fn told(&self) -> String {
        let mut text = self.1.join("\n");
        let (_, rows, _) = self.0.meshwright(&["runs", "-o", "json"]);
        let rows: serde_json::Value = serde_json::from_str(&rows).expect("json");
        for (number, row) in rows.as_array().expect("rows").iter().rev().enumerate() {
            text = text.replace(row["id"].as_str().expect("id"), &format!("run-{:08}", number + 1));
        }
        let home = self.0.home.path().to_string_lossy().into_owned();
        let plain = [
            (regex::escape(&home), "HOME"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?".into(), "TIME"),
            (r"127\.0\.0\.1:\d+".into(), "127.0.0.1:PORT"),
            (r"\d+\.\d+s".into(), "0.0s"),
            (r"(?m) +$".into(), ""),
        ];
        for (from, to) in plain {
            text = Regex::new(&from).expect("pattern").replace_all(&text, to).into_owned();
        }
        // Tables are as wide as the home's path.
        let narrow = |line: &str| line.split_whitespace().collect::<Vec<_>>().join("  ");
        let is_row = |line: &str| line.starts_with("RUN ") || line.starts_with("run-0");
        text.lines().map(|line| if is_row(line) { narrow(line) } else { line.to_owned() } + "\n").collect()
    }
}

/// Another's Secret, which the run changes.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.server().put_as("somebody", serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "shop"}, "data": {"k": "b2xk"},
    }));
    stage
}

#[test]
fn a_run_is_looked_at_and_taken_back() {
    let stage = stage();
    stage.owned();
    let id = stage.ran(&format!("{MAKE}{FORCED}"));
    let mut screens = Screens(&stage, Vec::new());
    screens.show(&["runs"]);
    screens.show(&["show-run", &id]);
    screens.show(&["undo", &id]);
    screens.show(&["undo", &id, "--dry-run"]);
    stage.lives();
    screens.show(&["undo", &id, "--yes"]);
    screens.show(&["undo", &id, "--dry-run"]);
    screens.show(&["undo", &id, "--yes"]);
    screens.show(&["runs"]);
    screens.show(&["show-run", "last"]);
    insta::assert_snapshot!("a_run_is_looked_at_and_taken_back", screens.told());
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let stage = stage();
    let id = stage.killed_after(
        r#"c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "first", namespace: "shop"}, data: #{a: "1"}});
c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "second", namespace: "shop"}, data: #{a: "1"}});"#,
    );
    let mut screens = Screens(&stage, Vec::new());
    screens.show(&["show-run", &id]);
    screens.show(&["resume", &id, "--yes"]);
    screens.show(&["show-run", &id]);
    screens.show(&["runs"]);
    insta::assert_snapshot!("a_run_that_was_killed_is_gone_on_with", screens.told());
}

#[test]
fn an_undo_that_cannot_be_says_why() {
    let stage = stage();
    stage.owned();
    let id = stage.ran(FORCED);
    let mut screens = Screens(&stage, Vec::new());
    held_elsewhere(&stage);
    screens.show(&["undo", &id, "--yes"]);
    stage.server().remove("Lease", Some("kube-system"), "meshwright");
    let refused = Effect::Status { code: 403, retry_after: None };
    stage.server().faults().inject(Fault::new(refused).path("meshwright-undo").times(1));
    screens.show(&["undo", &id, "--yes"]);
    let edit = r#"kube.cluster("east").patch("ConfigMap", "shop/owned", #{data: #{other: "1"}}).metadata.name"#;
    screens.show(&["eval", "--write", edit]);
    screens.show(&["undo", &id, "--dry-run"]);
    screens.show(&["undo", &id, "--yes"]);
    screens.show(&["resume", "last", "--yes"]);
    screens.show(&["show-run", "nothing"]);
    insta::assert_snapshot!("an_undo_that_cannot_be_says_why", screens.told());
}
