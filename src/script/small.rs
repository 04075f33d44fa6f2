//! A small fork: a folder whose `main.rhai` only names its origin. The origin's script runs, with the files beside the
//! fork's `main.rhai` in place of its own, and with the defaults that the fork's header gives.

use super::bundle::{Home, Script};
use super::header::{self, Header};
use super::lexer::{What, pieces};
use crate::engine::nearest;
use crate::failure::{Failure, Kind, Place, Result};
use std::path::Path;

/// Source name and text of a small fork's `main.rhai`.
pub(super) struct HeaderFile {
    pub source: String,
    pub text: String,
    pub is_main: bool,
}

/// The file whose header a small fork goes by.
pub(super) fn header_file(folder: &Path, is_main: bool) -> Result<HeaderFile> {
    let file = folder.join("main.rhai");
    let working = super::paths::plain(&std::env::current_dir().unwrap_or_default());
    let text = std::fs::read_to_string(&file)
        .map_err(|e| Failure::new(Kind::NotFound, format!("{} cannot be read: {e}", file.display())))?;
    Ok(HeaderFile { source: super::paths::disk_name(&file, &working), text, is_main })
}

/// The origin that a script's header names.
///
/// # Errors
/// When there is code beside it.
pub(super) fn origin(script: &Script) -> Result<Option<String>> {
    let is_main = script.source.ends_with("main.rhai") && matches!(script.home, Home::Folder(_));
    let Some(origin) = Header::origin(&script.source, &script.text)?.filter(|_| is_main) else { return Ok(None) };
    let code = pieces(&script.text).into_iter().find(|piece| !matches!(piece.what, What::Comment(_)));
    match code {
        None => Ok(Some(origin)),
        Some(piece) => {
            let place = Place { source: script.source.clone(), line: piece.line, column: 1 };
            let failure = Failure::usage(format!("a fork that names its `origin` runs {origin}: it has no code of its own here"))
                .hint(format!("a step goes into a file in steps/, a module into stdlib/ (meshwright fork {origin} DIR --only 'step:NAME' writes one); to add or move steps, copy the whole: meshwright fork {origin} DIR"));
            Err(Failure { places: vec![place], ..failure })
        }
    }
}

/// The failure of naming an origin that does not exist.
pub(super) fn no_origin(script: &Script, origin: &str) -> Failure {
    let names: Vec<String> = Script::all().into_iter().map(|script| script.name).collect();
    let failure = Failure::usage(format!("there is no script `{origin}` to be the origin"));
    let failure = match nearest(origin, names.iter().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint(format!("there are {}", names.join(", "))),
    };
    Failure { places: vec![header::place(&script.source, &script.text, &["origin"])], ..failure }
}

#[cfg(test)]
mod tests {
    use crate::failure::Failure;
    use crate::script::{Given, Header, Script, Values, find};

    fn script(main: &str) -> (tempfile::TempDir, Result<Script, Failure>) {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("mine")).expect("folder");
        std::fs::write(folder.path().join("mine/main.rhai"), main).expect("file");
        let script = find("mine", folder.path());
        (folder, script)
    }

    fn header(yaml: &str) -> Result<Header, Failure> {
        let (_folder, script) = script(&format!("//! # Mine\n//! ---\n//! origin: shared-gateways\n{yaml}//! ---\n"));
        script?.header()
    }

    #[test]
    fn a_small_fork_gives_other_words_defaults_and_needs() {
        let header = header(
            "//! params:\n//!   hub: {default: registry.example.com/istio}\n//! needs:\n//!   env: [HTTPS_PROXY]\n",
        )
        .expect("header");
        assert_eq!(header.title, "Mine");
        let args = ["--primary", "a", "--remote", "b"].map(str::to_owned);
        let values = Values::check(&header, &Given::from_args(&header, &args)).expect("values").to_object().to_wire();
        assert_eq!((&values["hub"], &values["calls"]), (&"registry.example.com/istio".into(), &40.into()));
        assert_eq!(header.needs.env, ["HTTPS_PROXY"]);
        assert_eq!(header.needs.exec, ["istioctl"]);
    }

    #[test]
    fn mistakes_of_a_small_fork_have_their_place() {
        let wrong = |yaml: &str| {
            let failure = header(yaml).expect_err(yaml);
            (failure.message, failure.places[0].line)
        };
        let told = wrong("//! params:\n//!   hubb: {default: x}\n");
        assert_eq!(told, ("the origin has no parameter `hubb`; did you mean `hub`?".into(), 5));
        assert!(wrong("//! params:\n//!   calls: {default: x}\n").0.contains("whole number"));
        assert!(wrong("//! parms: {}\n").0.contains("did you mean `params`?"));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_each_at_its_own_line() {
        let told = |yaml: &str| header(yaml).expect_err(yaml);
        let failure = told("//! params: {hubb: {default: x}}\n//! needs: {wrte: [a]}\n//! parms: {}\n");
        assert_eq!((failure.message.as_str(), failure.places[0].line), ("the header is wrong in 3 places", 4));
        let lines: Vec<_> = failure.details.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
        assert_eq!(lines, ["line 4", "line 5", "line 6"], "{:?}", failure.details);
        let failure = told("//! params:\n//!   calls:\n//!     help: few\n//!     default: many\n");
        assert_eq!(failure.places[0].line, 7, "{failure:?}");
        // The reader misses the bracket in the line below.
        let failure = told("//! params:\n//!   calls: {default: 5\n//! needs:\n//!   exec: [a]\n");
        assert_eq!((failure.places[0].line, failure.places[0].column), (5, 14), "{failure:?}");
    }

    #[test]
    fn an_origin_exists_and_has_no_code_beside_it() {
        let header = "//! # Mine\n//! ---\n//! origin: shared-gatways\n//! ---\n";
        let failure = script(header).1.expect_err("misspelled");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `shared-gateways`?"));
        let failure = script(&format!("{}step \"Mine\" {{}}\n", header.replace("gatw", "gatew"))).1.expect_err("code");
        assert!(failure.message.contains("no code of its own") && failure.places[0].line == 5, "{failure:?}");
    }
}
