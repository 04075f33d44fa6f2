//! Every example in the tables of primitives, run against clusters in memory: its last expression is true.

use meshwright::engine::Cancel;
use meshwright::primitives::TABLES;
use meshwright::run::Job;
use meshwright::run::screen::Style;
use meshwright::run::trial::Trial;
use meshwright::script::{Header, Home, Needs, Script, Values};

fn job(example: &str) -> Job {
    let script = Script {
        name: "example".into(),
        source: "example".into(),
        text: example.into(),
        home: Home::Folder(env!("CARGO_MANIFEST_DIR").into()),
    };
    let exec = vec!["sh".into(), "echo".into(), "istioctl".into()];
    let header = Header { needs: Needs { exec, ..Needs::typed().writing() }, ..Header::default() };
    Job::new(script, header, Values::default(), Style { quiet: true, ..Style::default() })
}

#[test]
fn every_example_holds() {
    let mut wrong = Vec::new();
    for primitive in meshwright::doc::entries() {
        let job = job(primitive.example);
        let (session, _) = Trial::session(&job, &["east", "west"], None, &Cancel::default()).expect("a rehearsal");
        let scope = session.scope(&job).expect("scope");
        let name = format!("{}.{}", primitive.on, primitive.name);
        match session.evaluate("example", primitive.example, scope) {
            Ok(value) if value.as_bool() == Ok(true) => {}
            Ok(value) => wrong.push(format!("{name}: {value}")),
            Err(failure) => wrong.push(format!("{name}: {failure:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} examples do not hold:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_entry_is_complete() {
    for primitive in TABLES.iter().flat_map(|table| table.iter()) {
        let name = format!("{}.{}", primitive.on, primitive.name);
        assert!(!primitive.doc.is_empty() && primitive.doc.ends_with(['.', ')', '`']), "{name}: doc");
        assert!(!primitive.example.is_empty() && !primitive.returns.is_empty(), "{name}: example, returns");
        assert!(primitive.since.split('.').count() == 3, "{name}: since");
        let takes_options = primitive.params.contains("options?: map");
        assert_eq!(takes_options, !primitive.options.is_empty(), "{name}: options");
    }
}

/// What a script on two rehearsed clusters ends with.
fn evaluated(text: &str) -> Result<rhai::Dynamic, meshwright::failure::Failure> {
    let job = job(text);
    let (session, _) = Trial::session(&job, &["east", "west"], None, &Cancel::default()).expect("a rehearsal");
    let scope = session.scope(&job).expect("scope");
    session.evaluate("example", text, scope)
}

fn holds(text: &str) {
    assert_eq!(evaluated(text).map(|value| value.as_bool()), Ok(Ok(true)), "{text}");
}

#[test]
fn a_mistake_in_a_secret_is_told_without_its_text() {
    let filler = "x".repeat(60);
    let json = format!(r#"{{"user": "u", "password": "planted-in-json", "filler": "{filler}", "broken": [1, }}"#);
    for text in [json.as_str(), "{planted-in-json: 1, planted-in-json: 2}", "a: *planted-in-json"] {
        for script in [
            format!("text.parse_yaml(secret.of(\"it\", `{text}`))"),
            format!("kube.connect(\"other\", secret.of(\"it\", `{text}`))"),
        ] {
            let failure = evaluated(&script).expect_err("broken");
            let told = format!("{failure:?}");
            assert!(!told.contains("planted") && !told.contains("xxx") && told.contains("line 1"), "{told}");
        }
    }
}

#[test]
fn the_parts_of_a_secret_are_secrets_wherever_they_turn_up() {
    let scrub = |text: &str| meshwright::secret::Redactor::global().scrub(text);
    let part =
        "let u = text.parse_yaml(secret.of(\"u\", `{name: leafy-part-of-it, pin: 987654321, on: true, none: ~}`)); ";
    holds(&format!("{part} type_of(u.name) == \"Secret\" && type_of(u.pin) == \"Secret\" && u.none == ()"));
    holds(&format!("{part} `${{u.pin}} ${{u.on}}` == \"‹secret u› ‹secret u›\""));
    assert_eq!(scrub("it says leafy-part-of-it and 987654321"), "it says ‹secret u› and ‹secret u›");
    evaluated("text.parse_yaml(secret.of(\"pin\", \"83746519\")) + 1").expect_err("a number in a secret is no number");
    assert_eq!(scrub("true"), "true");
}

#[test]
fn clusters_are_compared_by_their_names() {
    let all = "let e = kube.cluster(\"east\"); let w = kube.cluster(\"west\"); ";
    for same in ["e, e", "[e, 1], [e, 1]", "#{a: [w]}, #{a: [w]}"] {
        holds(&format!("{all} assert_eq({same}); true"));
    }
    for other in ["e, w", "[e], [w]", "#{a: e}, #{a: w}", "e, \"east\""] {
        let failure = evaluated(&format!("{all} assert_eq({other})")).expect_err(other);
        assert_eq!(failure.message, "the two differ", "{other}");
    }
    let shown = evaluated(&format!("{all} assert_eq(e, w)")).expect_err("two");
    assert!(shown.details.join(" ").contains("east") && shown.details.join(" ").contains("west"), "{shown:?}");
    let failure = evaluated("let f = || 1; assert_eq([f], [f])").expect_err("closures");
    assert!(failure.message.contains("cannot be compared"), "{failure:?}");
}

#[test]
fn what_would_never_end_or_overflow_is_refused() {
    for (script, word) in [
        ("wait.until(|| false, #{every: \"0s\", timeout: \"1s\"})", "every"),
        ("wait.pause(\"2562047788015215h\")", "longer than"),
        ("secret.authority(\"m\").issue(\"c\", #{days: 9999999999})", "days"),
        ("secret.authority(\"m\").issue(\"c\", #{days: 0})", "days"),
    ] {
        let failure = evaluated(script).expect_err(script);
        assert!(failure.message.contains(word), "{script}: {failure:?}");
    }
}

#[test]
fn a_signature_of_a_kind_that_cannot_be_read_is_no_trust() {
    let pem = |name: &str| {
        let path = format!("{}/tests/data/certificates/p521-{name}.pem", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a certificate")
    };
    let trusts = |root: &str, chain: &str| evaluated(&format!("secret.trusts(`{}`, `{}`)", pem(root), pem(chain)));
    for (root, chain) in [("one", "two"), ("two", "leaf"), ("twin", "leaf")] {
        assert_eq!(trusts(root, chain).expect("known").as_bool(), Ok(false), "{root} {chain}");
    }
    assert_eq!(trusts("one", "one").expect("the same").as_bool(), Ok(true));
    let failure = trusts("one", "leaf").expect_err("nobody can tell");
    assert!(failure.message.contains("cannot be checked here"), "{failure:?}");
}

#[test]
fn a_port_that_was_closed_is_not_reachable() {
    let open = "let c = kube.cluster(\"east\");
        c.apply(#{apiVersion: \"v1\", kind: \"Pod\", metadata: #{name: \"p\", namespace: \"default\"}, spec: #{containers: [#{name: \"a\", image: \"web\", ports: [#{containerPort: 8080}]}]}});
        wait.ready(c, \"Pod\", \"default/p\");
        let p = c.forward(\"default/p\", 8080); wait.reachable(\"127.0.0.1\", p.port); ";
    let failure = evaluated(&format!("{open} p.close(); wait.reachable(\"127.0.0.1\", p.port, #{{timeout: \"2s\"}})"));
    assert_eq!(failure.expect_err("closed").kind, meshwright::failure::Kind::Timeout);
}
