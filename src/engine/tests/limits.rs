//! Scripts that would never end or take everything: each ends in an error at its line.

use super::*;

/// Fails, at this line, with this message.
fn ends(text: &str, line: usize, message: &str) {
    let failure = fails(text);
    assert!(failure.message.contains(message), "{text}: {failure:?}");
    assert!(failure.places.iter().any(|place| place.line == line), "{text}: {failure:?}");
}

#[test]
fn an_endless_loop_ends() {
    ends("let n = 0;\n\nloop {\n n += 1\n}", 4, "without reading, writing or waiting");
}

#[test]
fn an_endless_loop_of_costly_operations_ends_in_time() {
    let head = "let s = \"x\";\nfor i in 0..18 { s += s; }\n";
    ends(&format!("{head}loop {{ let n = s.index_of(\"z\"); }}"), 3, "seconds without reading, writing or waiting");
}

#[test]
fn a_loop_that_does_something_goes_on() {
    // Each turn computes a little; only what lies between two effects counts.
    let script = "let n = 0;\nwhile n < 40 {\n kube.get(\"Pod\", \"a\");\n n += 1;\n for i in 0..1000 {}\n}\nn";
    assert_eq!(value(script), 40);
}

#[test]
fn a_text_of_a_gibibyte_is_refused() {
    ends("let s = \"x\";\nloop {\n s += s;\n}", 3, "too");
    ends("let s = \"x\";\ns.pad(1073741824, \"y\");", 2, "too");
}

#[test]
fn lists_and_maps_that_grow_without_end_are_refused() {
    ends("let a = [1];\nloop {\n a += a;\n}", 3, "too");
    ends("let a = [];\na.pad(100000000, 1);", 2, "too");
}

#[test]
fn endless_recursion_is_refused() {
    ends("fn f(n) {\n f(n + 1)\n}\nf(0)", 4, "deep");
    ends("let f = |f| {\n f.call(f)\n};\nf.call(f)", 4, "deep");
    let deep = format!("let x = \n{}1{};", "(".repeat(5_000), ")".repeat(5_000));
    ends(&deep, 2, "complex");
}

#[test]
fn parallel_within_parallel_without_end_is_refused() {
    let failure = fails("fn f() {\n parallel([1, 2, 3, 4, 5, 6, 7, 8], |x| f())\n}\nf()");
    let told = format!("{failure:?}");
    assert!(told.contains("512 threads") || told.contains("deep"), "{told}");
}

#[test]
fn a_module_is_read_again_when_one_below_it_has_changed() {
    struct Changing(Mutex<&'static str>);
    impl Sources for Changing {
        fn load(&self, path: &str, _: Option<&str>) -> Result<(String, String)> {
            let below = *self.0.lock().expect("lock");
            Ok((
                path.to_owned(),
                if path == "b" { below } else { "import \"b\" as b; fn word() { b::word() }" }.to_owned(),
            ))
        }
    }
    let sources = Arc::new(Changing(Mutex::new("fn word() { 1 }")));
    let bench = Bench::over(sources.clone());
    let word = || bench.run("import \"a\" as a; a::word()").expect("script").as_int();
    assert_eq!((word(), word()), (Ok(1), Ok(1)));
    *sources.0.lock().expect("lock") = "fn word() { 2 }";
    assert_eq!(word(), Ok(2));
}

#[test]
fn modules_that_import_each_other_are_refused() {
    let bench =
        Bench::new(&[("a", "import \"b\" as b;"), ("b", "import \"a\" as a;"), ("self", "import \"self\" as s;")]);
    for name in ["a", "self"] {
        let failure = bench.run(&format!("\nimport \"{name}\" as m;")).expect_err("a circle");
        assert!(failure.message.contains("import each other in a circle"), "{failure:?}");
        assert!(
            failure.places.iter().any(|place| (place.source.as_str(), place.line) == ("main.rhai", 2)),
            "{failure:?}"
        );
    }
}

#[test]
fn an_interrupt_ends_a_tight_loop_and_every_thread() {
    for script in ["loop {}", "parallel([1, 2, 3], |x| loop {})", "loop { try { loop {} } catch {} }"] {
        let bench = Bench::new(&[]);
        let cancel = bench.cancel.clone();
        let presser = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            cancel.cancel();
        });
        assert_eq!(bench.run(script).expect_err("interrupted").kind, Kind::Cancelled, "{script}");
        presser.join().expect("pressed");
    }
}
