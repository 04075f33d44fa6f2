//! `definitions`: files that tell editors what a script can call.

use crate::doc::{CONFIG, definitions};
use crate::failure::{Failure, Result};
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `definitions`.
#[derive(Args)]
pub struct Definitions {
    /// The folder of your scripts: `Rhai.toml` and `definitions/` are written into it
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

impl Definitions {
    /// Carries the command out.
    pub fn go(self) -> Result<()> {
        let config = self.folder.join(CONFIG);
        let files = definitions();
        let is_ours = |text: &str| files.iter().any(|(name, ours)| name == Path::new(CONFIG) && ours == text);
        if std::fs::read_to_string(&config).is_ok_and(|text| !is_ours(&text)) {
            return Err(Failure::usage(format!(
                "{} is there already, and not as meshwright writes it",
                config.display()
            ))
            .hint(format!("name another folder and include its definitions in your {CONFIG}")));
        }
        for (name, text) in &files {
            write(&self.folder.join(name), text)?;
            super::print(&self.folder.join(name).display().to_string())?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = made.and_then(|()| std::fs::write(path, text));
    written.map_err(|e| Failure::usage(format!("cannot write {}: {e}", path.display())))
}
