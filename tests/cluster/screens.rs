//! Whole screens of waits that end badly, as the user sees them: the scripts in `tests/data/waits`, rehearsed.
//!
//! `INSTA_UPDATE=always cargo test --test cluster screens` writes the screens anew; read them before you keep them.

use regex::Regex;
use std::path::Path;

/// No screen is longer.
const MOST_LINES: usize = 25;

/// What `meshwright rehearse` shows for one of the scripts, and its exit code.
fn screen(name: &str) -> (String, i32) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/waits");
    let mut program = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("meshwright"));
    let output = program.current_dir(folder).env("NO_COLOR", "1").args(["rehearse", name]).output().expect("output");
    (settled(&String::from_utf8_lossy(&output.stderr)), output.status.code().unwrap_or(-1))
}

/// Without what differs from run to run: made-up names and fractions of simulated time.
fn settled(text: &str) -> String {
    let rules = [
        (r"web-[a-z0-9]{10}-[a-z0-9]{5}", "web-HASH-POD"),
        (r"web-[a-z0-9]{10}", "web-HASH"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
        (r"\(x\d+\)", "(x#)"),
        (r"\b(\d+m )?\d+(\.\d+)?m?s( \d+ms)?\b", "#s"),
        (r" +#s", " #s"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"),
        (r"\d+ reconnects", "# reconnects"),
        (r"  │ event    Warning Failed pod web-HASH-POD: Error: ImagePullBackOff\n", ""),
        // How much of a rollout's first moment is seen is a matter of luck.
        (r"#s (its controller has not seen it yet|0 of 1 replicas have been updated) · ", ""),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, plain)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *plain).into_owned()
    })
}

/// One screen against its golden text: the failure itself, without the lines of the run above it.
fn check(name: &str, code: i32) {
    let (text, exit) = screen(&format!("./{name}.rhai"));
    let failure = text.find("  × ").map_or(text.as_str(), |at| &text[at..]);
    insta::with_settings!({snapshot_path => "../data/waits", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, failure);
    });
    assert_eq!(exit, code, "{text}");
    assert!(failure.lines().count() <= MOST_LINES, "{} lines:\n{failure}", failure.lines().count());
}

macro_rules! screens {
    ($($name:ident $code:literal,)*) => { $(
        #[test]
        fn $name() {
            check(stringify!($name), $code);
        }
    )* };
}

screens! {
    image 3,
    crash 3,
    quota 3,
    secret 3,
    node 3,
    balancer 3,
    namespace 3,
    until 3,
    predicate 1,
    others 3,
}
