//! `definitions`: files that tell editors what a script can call.

use crate::doc::{CONFIGS, definitions};
use crate::failure::{Failure, Result};
use clap::Args;
use std::path::{Path, PathBuf};

/// What the first line of a file says that this command, of this version or an earlier one, has written.
const WRITTEN: &str = "Written by `meshwright definitions`";

/// Arguments of `definitions`.
#[derive(Args)]
pub struct Definitions {
    /// The folder of your scripts: `rhai.toml`, under both spellings that editors know, and `definitions/` are written into it
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

impl Definitions {
    /// Carries the command out.
    pub fn go(self) -> Result<()> {
        let files = definitions();
        for config in CONFIGS {
            self.is_free(config)?;
        }
        for (name, text) in &files {
            write(&self.folder.join(name), text)?;
            super::print(&self.folder.join(name).display().to_string())?;
        }
        Ok(())
    }

    /// Whether there is no such file yet, or one that this command has written.
    fn is_free(&self, config: &str) -> Result<()> {
        let path = self.folder.join(config);
        let is_ours = |text: &String| text.lines().next().is_some_and(|line| line.contains(WRITTEN));
        if std::fs::read_to_string(&path).as_ref().is_ok_and(|text| !is_ours(text)) {
            return Err(Failure::usage(format!(
                "{} is there already, and not as meshwright writes it",
                path.display()
            ))
            .hint(format!("name another folder and include its definitions in your {config}")));
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = made.and_then(|()| std::fs::write(path, text));
    written.map_err(|e| Failure::usage(format!("cannot write {}: {e}", path.display())))
}
