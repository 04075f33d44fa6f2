//! What a fork comes from, as this program has it.

use super::Files;
use crate::engine::nearest;
use crate::failure::{Failure, Kind, Result};
use crate::script::bundle;

/// The folder in a fork whose files stand in for modules of the standard library.
const LIBRARY: &str = "stdlib/";

/// A script and the modules that it may import, in one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// The script's name.
    pub name: String,
    /// The version of the program that has it.
    pub version: String,
    /// The files of its folder, and every module of the standard library as `stdlib/NAME.rhai`.
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
        Ok(Upstream { name: name.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), files })
    }

    /// The files of the script's own folder.
    pub fn script_files(&self) -> Files {
        let own = self.files.iter().filter(|(path, _)| !path.starts_with(LIBRARY));
        own.map(|(path, content)| (path.clone(), content.clone())).collect()
    }

    /// The path in a fork of a file that is named as in the script's folder, or `std:NAME`.
    ///
    /// # Errors
    /// `NotFound` with the nearest name.
    pub fn path_of(&self, name: &str) -> Result<String> {
        let path = match name.strip_prefix("std:") {
            Some(module) => format!("{LIBRARY}{}.rhai", module.trim_end_matches(".rhai")),
            None => name.trim_start_matches("./").to_owned(),
        };
        if path == "main.rhai" {
            return Err(Failure::usage("a small fork has a main.rhai of its own")
                .hint("to change the steps, copy the whole folder: leave out --only"));
        }
        if self.files.contains_key(&path) {
            return Ok(path);
        }
        let failure = Failure::new(Kind::NotFound, format!("{} has no file `{name}`", self.name));
        let shown = |path: &String| match path.strip_prefix(LIBRARY) {
            Some(module) => format!("std:{}", module.trim_end_matches(".rhai")),
            None => path.clone(),
        };
        let names: Vec<String> = self.files.keys().filter(|path| *path != "main.rhai").map(shown).collect();
        Err(match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
            None => failure.hint(format!("there are {}", names.join(", "))),
        })
    }
}
