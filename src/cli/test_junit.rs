//! The results of tests as JUnit XML, for build servers.

use crate::failure::{Failure, Result};
use crate::run::trials::{Test, Verdict};
use crate::script::Script;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::path::Path;

/// Told before the tests run, not after them: that the file cannot be written.
pub fn check(path: &Path) -> Result<()> {
    let there = std::fs::symlink_metadata(path);
    // A pipe or a link is left as it is until there is something to write.
    if there.as_ref().is_ok_and(|there| !there.is_file()) {
        return Ok(());
    }
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|e| unwritable(path, &e.to_string()))?;
    if there.is_err() {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn unwritable(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("cannot write the results to {}: {why}", path.display()))
        .hint("--junit takes a file in a folder that is there")
}

/// Writes the results into a file: a suite for each file of tests.
pub fn write(path: &Path, done: &[(Test, Verdict)], broken: &[(Script, Failure)]) -> Result<()> {
    let text = report(done, broken).to_string().map_err(|e| unwritable(path, &e.to_string()))?;
    std::fs::write(path, text).map_err(|e| unwritable(path, &e.to_string()))
}

fn report(done: &[(Test, Verdict)], broken: &[(Script, Failure)]) -> Report {
    let mut report = Report::new("meshwright");
    let mut files: Vec<&str> = done.iter().map(|(test, _)| test.file.source.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    for file in files {
        let mut suite = TestSuite::new(file);
        let mut own: Vec<_> = done.iter().filter(|(test, _)| test.file.source == file).collect();
        own.sort_by_key(|(test, _)| (test.place.line, test.name.clone()));
        suite.add_test_cases(own.iter().map(|(test, verdict)| case(test, verdict)));
        report.add_test_suite(suite);
    }
    for (file, failure) in broken {
        let mut suite = TestSuite::new(file.source.clone());
        suite.add_test_case(TestCase::new("the file", status(failure, NonSuccessKind::Error)));
        report.add_test_suite(suite);
    }
    report
}

fn case(test: &Test, verdict: &Verdict) -> TestCase {
    let status = match &verdict.failure {
        None => TestCaseStatus::success(),
        Some(failure) => status(failure, NonSuccessKind::Failure),
    };
    let mut case = TestCase::new(test.name.clone(), status);
    case.set_classname(test.file.source.clone()).set_time(verdict.took);
    if !verdict.said.is_empty() {
        case.set_system_out(crate::plain::text(&verdict.said.join("\n")));
    }
    case
}

fn status(failure: &Failure, kind: NonSuccessKind) -> TestCaseStatus {
    let text_of = |source: &str| crate::script::source_text(source);
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(failure.kind.name()).set_message(crate::plain::text(&failure.to_string()));
    status.set_description(crate::engine::report::render(failure, &text_of, crate::engine::report::Look::PLAIN));
    status
}
