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
    Job {
        script,
        header,
        values: Values::default(),
        style: Style { quiet: true, ..Style::default() },
        stop_after: None,
        record: None,
        amended: Default::default(),
    }
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
