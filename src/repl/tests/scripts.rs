//! Scripts that are open in a session.

use super::*;

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
    let job = Job::new(script, header, values, style);
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

#[test]
fn a_small_fork_is_reloaded_from_its_own_files() {
    let mut bench = Bench::new(true);
    let mine = bench.folder.path().join("mine");
    let upstream = crate::script::fork::Upstream::shipped("shared-gateways").expect("shipped");
    let only = ["step:Check the clusters".to_owned()];
    crate::script::fork::copy_only(&upstream, &only, &mine).expect("copied");
    let main = mine.join("main.rhai").to_string_lossy().into_owned();
    bench.good(&format!(":load {main} --primary east --remote west"));
    let step = std::fs::read_dir(mine.join("steps")).expect("steps").next().expect("a step").expect("entry").path();
    std::fs::write(&step, "step \"Check the clusters\" { fail(\"edited\") }\n").expect("written");
    let shown = bench.good(":reload");
    assert!(shown.contains("reloaded"), "{shown}");
    let shown = bench.line(":next");
    assert!(shown.contains("edited"), "{shown}");
    std::fs::write(&step, "step \"Check the clustrs\" { }\n").expect("written");
    let shown = bench.line(":reload");
    assert!(shown.contains("did you mean `Check the clusters`?"), "{shown}");
}

#[test]
fn a_script_of_the_bundle_is_not_reloaded() {
    let mut bench = Bench::new(true);
    bench.good(":load shared-gateways --primary east --remote west");
    assert!(bench.line(":reload").contains("`:fork shared-gateways` makes a copy of yours"));
}
