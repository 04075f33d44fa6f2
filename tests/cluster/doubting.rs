//! Waits that a script knows to be in vain: the option `unless`.

use super::primitives::{fails, holds};
use meshwright::failure::Kind;

/// A ConfigMap that nobody makes.
const NEVER: &str = r#"let c = kube.cluster("east"); let asked = 0;"#;

#[test]
fn what_the_script_finds_ends_the_wait_at_once() {
    let failure = fails(
        &format!(
            r#"{NEVER} wait.exists(c, "ConfigMap", "default/never", #{{unless: || ["nobody makes it", "nor wants it"]}})"#
        ),
        &[],
    );
    assert_eq!(failure.kind, Kind::Script, "{failure:?}");
    assert_eq!(failure.message, "will not get there by itself: nobody makes it");
    let all = failure.details.join("\n");
    assert!(all.contains("cause    nor wants it") && all.contains("20s gave up"), "{all}");
}

#[test]
fn a_closure_that_is_waited_for_can_be_given_up_too() {
    let failure = fails(r#"wait.until(|| false, #{want: "the moon", unless: || "it is cheese"})"#, &[]);
    assert_eq!(failure.kind, Kind::Script, "{failure:?}");
    assert_eq!(failure.message, "will not get there by itself: it is cheese");
    assert!(failure.details.join("\n").contains("rule     the moon"), "{failure:?}");
}

#[test]
fn the_script_is_asked_again_and_again_while_it_finds_nothing() {
    for nothing in ["[]", "()", "\"\""] {
        let failure = fails(
            &format!(
                r#"{NEVER}
                let tried = attempt(|| wait.exists(c, "ConfigMap", "default/never", #{{timeout: "70s", unless: || {{ asked += 1; {nothing} }}}}));
                if asked != 3 {{ fail(`asked ${{asked}} times`) }}
                throw tried.error"#
            ),
            &[],
        );
        assert_eq!(failure.kind, Kind::Timeout, "{nothing}: {failure:?}");
    }
}

#[test]
fn what_gets_ready_in_time_is_not_doubted() {
    holds(
        r#"let c = kube.cluster("east");
        c.apply(#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "there", namespace: "default"}});
        wait.exists(c, "ConfigMap", "default/there", #{unless: || fail("asked")}).metadata.name == "there"
            && wait.until(|| true, #{unless: || fail("asked")})"#,
    );
}

#[test]
fn an_answer_that_is_no_text_is_a_mistake_of_the_script() {
    for answer in ["7", "true", "[7]", "#{why: \"x\"}"] {
        let failure = fails(&format!("wait.until(|| false, #{{unless: || {answer}}})"), &[]);
        assert_eq!(failure.kind, Kind::Usage, "{answer}: {failure:?}");
        assert!(failure.message.contains("must return texts"), "{failure:?}");
    }
    let failure = fails("wait.until(|| false, #{unless: true})", &[]);
    assert!(failure.message.contains("option `unless` must be a closure"), "{failure:?}");
}
