//! Which version a program is.

use super::{Command, Output, Programs};
use crate::failure::{Failure, Kind, Result};
use crate::plain;
use std::time::Duration;

/// How long a program may take to say its version.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The semantic version that a program says it has, such as `1.29.1`, without a leading `v`.
///
/// # Errors
/// `NotFound` when there is no such program, `Process` when it says nothing that looks like a version.
pub async fn version(programs: &dyn Programs, tool: &str) -> Result<String> {
    let mut said = Output::default();
    for argv in questions(tool) {
        let mut command = Command::new(tool, argv.iter().copied());
        command.timeout = TIMEOUT;
        said = programs.run(&command).await?;
        let found = semver(&said.stdout).or_else(|| semver(&said.stderr));
        if let Some(version) = found.filter(|_| said.code == 0) {
            return Ok(version);
        }
    }
    let mut failure = Failure::new(Kind::Process, format!("`{tool}` does not say which version it is"));
    failure.details = plain::last_lines(&format!("{}\n{}", said.stdout, said.stderr), 5);
    Err(failure)
}

/// How to ask a program: kubectl and istioctl would also ask a cluster unless told not to.
fn questions(tool: &str) -> &'static [&'static [&'static str]] {
    match tool.rsplit('/').next().unwrap_or(tool) {
        "kubectl" => &[&["version", "--client"]],
        "istioctl" => &[&["version", "--remote=false"]],
        "openssl" | "go" | "helm" => &[&["version"]],
        _ => &[&["--version"], &["version"]],
    }
}

/// The first `MAJOR.MINOR.PATCH` in a text, with a pre-release part if it has one.
fn semver(text: &str) -> Option<String> {
    let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || ".-".contains(c)));
    parts.filter_map(|part| read(part.trim_start_matches(|c: char| c.is_ascii_alphabetic()))).next()
}

fn read(part: &str) -> Option<String> {
    let (numbers, pre) = part.split_once('-').map_or((part, None), |(numbers, pre)| (numbers, Some(pre)));
    let numbers: Vec<_> = numbers
        .split('.')
        .take(3)
        .map(|number| {
            let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            &number[..digits]
        })
        .collect();
    // Builds between releases leave the patch number out: `1.31-alpha.0`.
    if numbers.len() < 2 || numbers.len() < 3 && pre.is_none() || numbers.iter().any(|number| number.is_empty()) {
        return None;
    }
    let pre = pre.map(|pre| pre.trim_end_matches(['.', '-'])).filter(|pre| !pre.is_empty());
    Some(pre.map_or_else(|| numbers.join("."), |pre| format!("{}-{pre}", numbers.join("."))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::process::Rehearsed;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, version) in [
            ("client version: 1.29.1\n", Some("1.29.1")),
            ("version.BuildInfo{Version:\"v3.14.0\", GitCommit:\"3fc9\"}", Some("3.14.0")),
            ("Client Version: v1.35.0-rc.1\nKustomize Version: v5.7.1", Some("1.35.0-rc.1")),
            ("OpenSSL 3.0.13 30 Jan 2024", Some("3.0.13")),
            ("go version go1.25.3 linux/amd64", Some("1.25.3")),
            ("git version 2.43.0.", Some("2.43.0")),
            ("OpenSSL 1.1.1w  11 Sep 2023", Some("1.1.1")),
            ("unable to connect to 10.0.0", Some("10.0.0")),
            ("client version: 1.31-alpha.eed52ebb66ad", Some("1.31-alpha.eed52ebb66ad")),
            ("no version, only 1.2", None),
            ("", None),
        ] {
            assert_eq!(semver(said).as_deref(), version, "{said}");
        }
    }

    #[tokio::test]
    async fn programs_are_asked_the_way_they_understand() {
        let programs = Rehearsed::new(Clock::simulated(), |command| {
            let known = match (&*command.tool, &*command.argv.join(" ")) {
                ("istioctl", "version --remote=false") => "client version: 1.29.1",
                ("jq", "--version") => return Some(Output { code: 2, ..Output::default() }),
                ("jq", "version") => "jq 1.7.1",
                ("mute", _) => "hello",
                _ => return None,
            };
            Some(Output { stdout: known.into(), ..Output::default() })
        });
        assert_eq!(version(&programs, "istioctl").await.as_deref(), Ok("1.29.1"));
        assert_eq!(version(&programs, "jq").await.as_deref(), Ok("1.7.1"));
        assert_eq!(version(&programs, "mute").await.expect_err("mute").details, ["hello"]);
        assert_eq!(version(&programs, "helm").await.expect_err("missing").kind, Kind::NotFound);
    }
}
