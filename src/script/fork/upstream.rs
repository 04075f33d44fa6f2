//! What a fork comes from, as this program has it.

use super::Files;
use crate::engine::nearest;
use crate::failure::{Failure, Kind, Result};
use crate::script::steps::steps;
use crate::script::{bundle, own_steps};

/// The folder in a fork whose files stand in for modules of the standard library.
const LIBRARY: &str = "stdlib/";

/// The folders of what is no file of the script's own.
const PARTS: [&str; 2] = [LIBRARY, own_steps::FOLDER];

/// A script and the modules that it may import, in one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// The script's name.
    pub name: String,
    /// The version of the program that has it.
    pub version: String,
    /// The files of its folder, every module of the standard library as `stdlib/NAME.rhai`, and every step of its main
    /// script as `steps/WORDS.rhai`.
    pub files: Files,
}

impl Upstream {
    /// The script as this program ships it.
    ///
    /// # Errors
    /// `NotFound` when the program has no such script.
    pub fn shipped(name: &str) -> Result<Upstream> {
        let mut files = bundle::bundled_files(name);
        if files.is_empty() {
            return Err(Failure::new(Kind::NotFound, format!("this meshwright has no script `{name}`"))
                .hint("meshwright list shows the scripts there are"));
        }
        for module in bundle::library_names() {
            let text = bundle::library(&module).unwrap_or_default();
            files.insert(format!("{LIBRARY}{module}.rhai"), text.as_bytes().to_vec());
        }
        let main = bundle::bundled(&format!("{name}/main.rhai")).unwrap_or_default();
        files.extend(own_steps::step_files(main).into_iter().map(|(_, path, text)| (path, text.into_bytes())));
        Ok(Upstream { name: name.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), files })
    }

    /// The files of the script's own folder.
    pub fn script_files(&self) -> Files {
        let own = self.files.iter().filter(|(path, _)| !PARTS.iter().any(|part| path.starts_with(part)));
        own.map(|(path, content)| (path.clone(), content.clone())).collect()
    }

    /// Everything that a small fork may hold, as it is named on the command line.
    pub fn parts(&self) -> impl Iterator<Item = String> {
        self.files.iter().filter(|(path, _)| *path != "main.rhai").map(shown)
    }

    /// The path in a fork of a file that is named as in the script's folder, of `std:NAME`, or of `step:NAME`.
    ///
    /// # Errors
    /// `NotFound` with the nearest name.
    pub fn path_of(&self, name: &str) -> Result<String> {
        let path = match name.split_once(':') {
            Some(("std", module)) => format!("{LIBRARY}{}.rhai", module.trim_end_matches(".rhai")),
            Some(("step", step)) => own_steps::file_of(step),
            _ => name.trim_start_matches("./").to_owned(),
        };
        if path == "main.rhai" {
            return Err(Failure::usage("a small fork has a main.rhai of its own")
                .hint("one step of it is `--only 'step:NAME'`; for all of it, leave out --only"));
        }
        if self.files.contains_key(&path) {
            return Ok(path);
        }
        let failure = Failure::new(Kind::NotFound, format!("{} has no file `{name}`", self.name));
        let is_step = name.starts_with("step:");
        let names: Vec<String> = self.parts().filter(|other| other.starts_with("step:") == is_step).collect();
        Err(match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint(format!("there are {}", names.join(", "))),
        })
    }
}

/// A file as it is named on the command line.
fn shown((path, content): (&String, &Vec<u8>)) -> String {
    if let Some(module) = path.strip_prefix(LIBRARY) {
        return format!("std:{}", module.trim_end_matches(".rhai"));
    }
    let step = path.starts_with(own_steps::FOLDER).then(|| steps(&String::from_utf8_lossy(content)).into_iter().next());
    step.flatten().map_or_else(|| path.clone(), |step| format!("step:{}", step.name))
}
