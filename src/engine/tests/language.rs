//! Words, limits, modules, closures.

use super::*;

/// Rhai's reserved words and keywords; each must be usable as a field and as a map key.
const WORDS: [&str; 67] = [
    "match",
    "default",
    "case",
    "with",
    "new",
    "use",
    "is",
    "module",
    "sync",
    "async",
    "await",
    "yield",
    "spawn",
    "thread",
    "go",
    "null",
    "nil",
    "void",
    "static",
    "shared",
    "public",
    "protected",
    "var",
    "package",
    "super",
    "goto",
    "each",
    "then",
    "exit",
    "private",
    "in",
    "for",
    "if",
    "else",
    "as",
    "import",
    "export",
    "const",
    "let",
    "until",
    "while",
    "loop",
    "do",
    "switch",
    "return",
    "throw",
    "try",
    "catch",
    "true",
    "false",
    "fn",
    "global",
    "break",
    "continue",
    "this",
    "print",
    "debug",
    "eval",
    "call",
    "curry",
    "type_of",
    "is_shared",
    "is_def_fn",
    "is_def_var",
    "Fn",
    "step",
    // Not reserved, but every value of Rhai has a number of this name.
    "tag",
];

#[test]
fn every_reserved_word_is_a_field_and_a_key() {
    let bench = Bench::new(&[]);
    for word in WORDS {
        for text in [
            format!("let o = #{{}}; o.{word} = 1; o.{word} + o?.{word} == 2"),
            format!("let o = #{{ {word}: 1, other: #{{{word} : 2}} }}; o.{word} == 1 && o.other.{word} == 2"),
            format!("let o = kube.object(#{{{word}: #{{ {word}: 7 }}}}); o.{word}.{word} == 7"),
            format!("let o = kube.object(#{{spec: 1}}); o.{word} = 5; o.{word} == 5 && o.contains(\"{word}\")"),
            format!("let o = kube.object(#{{spec: 1}}); o.{word} = \"a\"; o?.{word} == \"a\" && o.spec == 1"),
        ] {
            let outcome = bench.run(&text).and_then(|value| value.as_bool().map_err(Failure::usage));
            assert_eq!(outcome, Ok(true), "{text}");
        }
    }
}

#[test]
fn words_that_rhai_only_reserves_are_variables_too() {
    for word in ["match", "default", "new", "use", "with", "module", "package", "public", "static", "shared", "step"] {
        assert_eq!(value(&format!("let {word} = 3; {word} + {word} * 2")), 9, "{word}");
    }
}

#[test]
fn keywords_keep_their_meaning_elsewhere() {
    assert_eq!(value("let n = 0; for i in 0..3 { if i in [1, 2] { n += i } } do { n += 1 } until n > 9; n"), 10);
    assert_eq!(value("switch 2 { 1 => \"a\", _ => \"b\" }"), "b");
    assert_eq!(value("fn f(x) { this + x } let a = 1; a.f(2)"), 3);
    assert_eq!(value("let f = |x| x * 2; f.call(4) + type_of(1).len()"), 11);
    assert_eq!(value("wait.until(|| true)"), true);
    assert_eq!(value("let x = 5; `a ${if x > 3 { \"big\" } else { \"small\" }} ${#{if: x}.if}`"), "a big 5");
}

#[test]
fn eval_is_switched_off() {
    let failure = fails("eval(\"1 + 1\")");
    assert!(failure.message.contains("switched off"), "{failure}");
}

#[test]
fn limits_are_generous_and_the_same_in_every_build() {
    let nested = format!("let m = {}1{}; m.a.a.a.a != ()", "#{a: ".repeat(30), "}".repeat(30));
    assert_eq!(value(&nested), true);
    assert_eq!(value("fn deep(n) { if n == 0 { 0 } else { 1 + deep(n - 1) } } deep(100)"), 100);
    let failure = fails("fn deep(n) { deep(n + 1) } deep(0)");
    assert!(failure.message.contains("too deeply"), "{failure}");
}

const COUNTER: (&str, &str) = (
    "std:counter",
    "import \"std:base\" as base; const STEP = 10; fn adder(n) { |x| x + n + global::STEP + base::one() } fn each(list, f) { list.map(f) } fn broken() { || kube.get(1) }",
);
const BASE: (&str, &str) = ("std:base", "fn one() { 1 }");

#[test]
fn closures_of_modules_work_outside_and_inside() {
    let bench = Bench::new(&[COUNTER, BASE]);
    let import = "import \"std:counter\" as counter;";
    let sum = bench.run(&format!("{import} let f = counter::adder(5); f.call(1) + [1].map(f)[0]")).expect("closure");
    assert_eq!(sum.as_int(), Ok(34));
    let list = bench.run(&format!("{import} let k = 3; counter::each([1, 2], |x| x * k)")).expect("passed in");
    assert_eq!(list.to_string(), "[3, 6]");
    let list = bench.run(&format!("{import} parallel([1, 2], counter::adder(5))")).expect("in threads");
    assert_eq!(list.to_string(), "[17, 18]");
}

#[test]
fn closures_that_are_written_alike_call_the_functions_of_their_own_files() {
    const FORK: &str = "fn word() { \"FORK\" }\nfn say() { || word() }\nfn all() { [1].map(|x| word())[0] }\nfn bad() { || fail(\"no\") }";
    const SHIPPED: &str = "fn word() { \"SHIPPED\" }\nfn say() { || word() }\nfn all() { [1].map(|x| word())[0] }\nfn bad() { || fail(\"no\") }";
    let bench = Bench::new(&[("fork", FORK), ("shipped", SHIPPED)]);
    let import = "import \"fork\" as fork; import \"shipped\" as shipped; ";
    let said = bench.run(&format!(
        "{import} `${{fork::say().call()}} ${{fork::all()}} ${{shipped::say().call()}} ${{shipped::all()}}`"
    ));
    assert_eq!(said.expect("closures").to_string(), "FORK FORK SHIPPED SHIPPED");
    for name in ["fork", "shipped"] {
        let failure = bench.run(&format!("{import} let f = {name}::bad(); f.call()")).expect_err("fails");
        assert_eq!((failure.places[0].source.as_str(), failure.places[0].line), (name, 4), "{failure:?}");
    }
    // A script that is written like its module.
    let main = "fn word() { \"MAIN\" }\nfn say() { || word() }\nimport \"fork\" as fork;\n`${fork::say().call()} ${say().call()}`";
    assert_eq!(bench.run(main).expect("closures").to_string(), "FORK MAIN");
}

#[test]
fn errors_in_closures_name_the_file_they_are_written_in() {
    let bench = Bench::new(&[COUNTER, BASE]);
    let import = "import \"std:counter\" as counter;\n";
    let failure = bench.run(&format!("{import}counter::each([1], |x| kube.get(x, \"y\"))")).expect_err("wrong type");
    assert_eq!((failure.places[0].source.as_str(), failure.places[0].line), ("main.rhai", 2), "{failure:?}");
    let failure = bench.run(&format!("{import}wait.until(counter::broken())")).expect_err("wrong type");
    assert_eq!((failure.places[0].source.as_str(), failure.places[0].line), ("std:counter", 1), "{failure:?}");
    assert_eq!(failure.places.last().map(|place| (place.source.as_str(), place.line)), Some(("main.rhai", 2)));
}

#[test]
fn import_circles_and_missing_modules_are_errors() {
    let bench = Bench::new(&[("a", "import \"b\" as b;"), ("b", "import \"a\" as a;")]);
    let failure = bench.run("import \"a\" as a;").expect_err("circle");
    assert!(failure.message.contains("a → b → a"), "{failure}");
    let failure = bench.run("let x = 1;\nimport \"c\" as c;").expect_err("missing");
    assert_eq!((failure.kind, failure.places[0].line), (Kind::NotFound, 2), "{failure:?}");
}

#[test]
fn errors_in_modules_name_module_and_importer() {
    let bench = Bench::new(&[("broken", "fn a() { 1 }\nlet = 3;")]);
    let failure = bench.run("\nimport \"broken\" as b;").expect_err("parse error");
    let places: Vec<_> = failure.places.iter().map(|place| (place.source.as_str(), place.line)).collect();
    assert_eq!(places, [("broken", 2), ("main.rhai", 2)], "{failure:?}");
}

#[test]
fn output_goes_to_the_observer_without_secrets() {
    let bench = Bench::new(&[]);
    let secret = Secret::new("planted", "planted-content-0815");
    let mut scope = Scope::new();
    scope.push("token", secret);
    let text = "print(`a ${token}`); print(token); print([token]); print(#{t: token}); print(\"planted-content-0815\"); debug(1);";
    let _ = run_script(&bench.engine, "main.rhai", text, &mut scope).expect("script");
    let shown = "‹secret planted›";
    let lines = [
        format!("print a {shown}"),
        format!("print {shown}"),
        format!("print [{shown}]"),
        format!("print #{{\"t\": {shown}}}"),
        format!("print {shown}"),
        "debug 1 Some(1)".to_owned(),
    ];
    assert_eq!(bench.told.lines(), lines);
}

#[test]
fn secrets_compare_and_join_without_showing() {
    let bench = Bench::new(&[]);
    let mut scope = Scope::new();
    scope.push("token", Secret::new("planted", "planted-content-4711"));
    let mut run = |text: &str| run_script(&bench.engine, "main.rhai", text, &mut scope).expect("script");
    assert_eq!(run("token == token && token != \"x\" && token == \"planted-content-4711\"").as_bool(), Ok(true));
    let joined = run("\"Bearer \" + token");
    assert_eq!(joined.read_lock::<Secret>().expect("a secret").reveal(), "Bearer planted-content-4711");
    assert_eq!(run("(\"Bearer \" + token).to_string()").to_string(), "‹secret planted›");
    assert_eq!(run("#{a: token}.to_json()").to_string(), "{\n  \"a\": \"‹secret planted›\"\n}");
}

#[test]
fn a_comment_that_ends_in_a_period_changes_nothing() {
    assert_eq!(
        value("// A sentence.\nlet x = 1;\n// Another one.\nfn twice(n) { 2 * n }\ntwice(x) == 2"),
        serde_json::json!(true)
    );
}
