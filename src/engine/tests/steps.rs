//! `step` and `parallel`.

use super::*;

#[test]
fn a_step_sees_and_changes_the_variables_around_it_and_yields_a_value() {
    let bench = Bench::new(&[]);
    let text = "let n = 1;\nstep \"Count\" { n += 1; }\nlet got = step `Yield ${n}` on kube.cluster(\"east\") { n + 5 };\nstep \"Both\" on [kube.cluster(\"a\"), \"b\"] { step \"Inner\" { n += 1 } };\n[n, got]";
    assert_eq!(bench.run(text).expect("script").to_string(), "[3, 7]");
    let told = [
        "begin Count [] 2:6",
        "end Count None",
        "begin Yield 2 [\"east\"] 3:16",
        "end Yield 2 None",
        "begin Both [\"a\", \"b\"] 4:6",
        "begin Inner [] 4:48",
        "end Inner None",
        "end Both None",
    ];
    assert_eq!(bench.told.lines(), told);
}

#[test]
fn return_and_throw_pass_through_a_step() {
    let bench = Bench::new(&[]);
    assert_eq!(bench.run("fn f() { step \"S\" { return 4; } 5 } f()").expect("script").as_int(), Ok(4));
    assert_eq!(
        bench
            .run("let n = 0; for i in 0..5 { step \"L\" { if i == 2 { break; } n += 1; } } n")
            .expect("script")
            .as_int(),
        Ok(2)
    );
    let failure = bench.run("step \"Bad\" {\n  fail(\"no\")\n}").expect_err("fails");
    assert_eq!((failure.message.as_str(), failure.places[0].line), ("no", 2));
    assert_eq!(bench.told.lines().last().map(String::as_str), Some("end Bad Some(\"no\")"));
}

#[test]
fn step_is_a_name_everywhere_else() {
    assert_eq!(value("let step = #{step: 2}; let m = #{step: 1}; m.step += step.step; step \"x\" { m.step }"), 3);
    assert_eq!(value("let name = \"n\"; step name { 1 }"), 1);
}

#[test]
fn parallel_keeps_the_order_and_takes_time_once() {
    let bench = Bench::new(&[]);
    let list = bench.run("let k = 10; parallel([1, 2, 3], |x| { wait.sleep(); x * k })").expect("parallel");
    assert_eq!(list.to_string(), "[10, 20, 30]");
    assert_eq!(bench.clock.now().as_secs(), 60);
    assert_eq!(value("parallel(#{a: 1, b: 2}, |k, v| `${k}${v}`)"), serde_json::json!(["a1", "b2"]));
    assert_eq!(value("parallel([|| 1, || 2])"), serde_json::json!([1, 2]));
    assert_eq!(value("parallel(1..=2, |x| x * 2)"), serde_json::json!([2, 4]));
    assert_eq!(value("parallel([], |x| x)"), serde_json::json!([]));
    assert_eq!(
        value("parallel(kube.object(#{l: [1, 2]}).l, |x| parallel([x, x], |y| y + 1))"),
        serde_json::json!([[2, 2], [3, 3]])
    );
}

#[test]
fn parallel_closures_get_snapshots() {
    assert_eq!(
        value(
            "let n = 1; let c = [5]; let r = parallel([1, 2], |x| { n += x; c.push(x); n + c.len() }); [n, c.len(), r]"
        ),
        serde_json::json!([1, 1, [4, 5]])
    );
}

#[test]
fn every_failure_of_parallel_is_reported() {
    let failure = fails("parallel([\"a\", \"b\", \"c\"], |x| { wait.sleep(); if x != \"b\" { fail(`no ${x}`) } })");
    assert_eq!(failure.message, "no a");
    assert_eq!(failure.details, ["also: no c"]);
    let failure = fails("\nparallel([\"a\"], |x|\n kube.cluster(x).refuse(\"p\"))");
    assert_eq!((failure.cluster.as_deref(), failure.places[0].line), (Some("a"), 3), "{failure:?}");
    assert_eq!(failure.places.last().map(|place| place.line), Some(2), "{failure:?}");
}

#[test]
fn a_defect_in_a_thread_becomes_a_failure() {
    let failure = fails("parallel([1], |x| wait.panic())");
    assert_eq!(failure.kind, Kind::Internal);
}

#[test]
fn steps_work_inside_parallel() {
    let bench = Bench::new(&[]);
    let _ = bench.run("parallel([\"a\", \"b\"], |x| { step `Do ${x}` on x { x } })").expect("script");
    assert_eq!(bench.told.lines().len(), 4);
}

#[test]
fn work_that_has_not_begun_is_not_begun_after_a_failure() {
    let failure = fails("parallel(0..40, |x| { wait.sleep(); if x == 3 { fail(`no ${x}`) } })");
    assert_eq!(failure.message, "no 3");
    let left = failure.details.last().expect("a line about the rest");
    assert!(left.starts_with("not begun: ") && left.ends_with(" of 40"), "{left}");
}

/// The failure of a script, and how many seconds it took.
fn fails_after(text: &str) -> (Failure, u64) {
    let bench = Bench::new(&[]);
    let failure = bench.run(text).expect_err("fails");
    (failure, bench.clock.now().as_secs())
}

#[test]
fn a_step_ends_when_its_time_is_over_and_says_which() {
    let (failure, after) = fails_after("step \"Slow\" within \"90s\" {\n  wait.sleep();\n  wait.sleep();\n}");
    assert_eq!((failure.kind, after), (Kind::Timeout, 95), "a moment more, to find the cause");
    assert_eq!(failure.message, "the step `Slow` did not end within 1m 30s");
    assert_eq!(failure.hint.as_deref(), Some("give it more time: `within` after its name"));
    assert_eq!(failure.places[0].line, 3, "{failure:?}");
    assert_eq!(value("step \"Quick\" on \"a\" within `${1}h` { wait.sleep(); 7 }"), 7);
    assert_eq!(
        value("let x = step \"Quick\" within \"1m30s\" { wait.sleep(); 7 }; wait.sleep(); x"),
        7,
        "no longer due"
    );
}

#[test]
fn a_step_that_goes_on_in_spite_of_its_time_is_ended_and_can_be_caught_around() {
    let stubborn = "step \"S\" within \"90s\" { loop { try { wait.sleep(); } catch {} } }";
    let (failure, after) = fails_after(stubborn);
    assert_eq!((failure.kind, after), (Kind::Timeout, 95), "{failure:?}");
    assert_eq!(failure.message, "the step `S` did not end within 1m 30s");
    assert_eq!(
        value(&format!("let k = 0; try {{ {stubborn} }} catch (e) {{ wait.sleep(); k = e.kind; }} k")),
        "timeout"
    );
}

#[test]
fn changes_do_not_begin_when_the_time_of_their_step_is_over() {
    let script = |limit: &str| format!("step \"S\" within \"{limit}\" {{ wait.sleep(); wait.change() }}");
    assert_eq!(value(&script("61s")), "changed");
    let (failure, after) = fails_after(&script("58s"));
    assert_eq!((failure.kind, after), (Kind::Timeout, 60), "looking is not cut off at once: {failure:?}");
}

#[test]
fn the_time_of_a_step_counts_in_its_threads_and_in_steps_within_it() {
    for inner in ["parallel([1, 2], |x| wait.sleep())", "step \"In\" within \"5m\" { wait.sleep() }"] {
        let (failure, after) = fails_after(&format!("step \"Out\" within \"30s\" {{ {inner} }}"));
        assert_eq!((failure.kind, after), (Kind::Timeout, 35), "{failure:?}");
        assert_eq!(failure.message, "the step `Out` did not end within 30s");
    }
}

#[test]
fn what_no_time_would_heal_keeps_its_own_words() {
    let (failure, _) = fails_after("step \"S\" within \"58s\" { wait.sleep(); fail(\"no\", #{kind: \"invalid\"}) }");
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::Invalid, "no"));
    let (failure, _) = fails_after("step \"S\" within \"5m\" { wait.sleep(); fail(\"no\", #{kind: \"timeout\"}) }");
    assert_eq!(failure.message, "no", "there was time left");
    let (failure, _) = fails_after("step \"S\" within \"58s\" { wait.sleep(); fail(\"no\", #{kind: \"timeout\"}) }");
    assert_eq!(failure.message, "the step `S` did not end within 58s: no");
}

#[test]
fn a_time_that_is_none_is_told_at_its_place() {
    for (text, said) in [("5", "not text but i64"), ("\"soon\"", "`soon` is not a duration")] {
        let failure = fails(&format!("let x = 1;\nstep \"S\" within {text} {{ }}"));
        assert_eq!((failure.kind, failure.places[0].line, failure.places[0].column), (Kind::Usage, 2, 17));
        assert!(failure.message.contains("after `within`") && failure.message.contains(said), "{failure:?}");
    }
    assert_eq!(value("let within = 2; step \"S\" { within }"), 2, "elsewhere it is a name");
}

#[test]
fn the_name_of_a_step_is_asked_for_once() {
    let bench = Bench::new(&[]);
    let left = bench.run("let names = [\"a\", \"b\"];\nstep names.pop() { }\nnames.len()");
    assert_eq!(left.expect("script").as_int(), Ok(1));
    assert_eq!(bench.told.lines(), ["begin b [] 2:11", "end b None"]);
}
