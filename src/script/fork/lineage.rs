//! Where a fork comes from: `.meshwright/origin.yaml`, and the files as they came in `.meshwright/origin/`.

use super::{Files, KEPT, Upstream, line_ends, read_folder, write, write_all};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Map, Node, yaml};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const ABOUT: &str = "# Where this folder comes from. `meshwright fork status`, `fork diff` and `fork merge` read it;\n# the files as they came are in `origin/` beside it. Keep both in version control.\n";

/// The origin of a fork.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    /// The script it comes from.
    pub origin: String,
    /// The version of meshwright that it was last taken from.
    pub version: String,
    /// Whether it holds only some of the origin's files.
    pub only: bool,
    /// The files as they came.
    pub base: Files,
}

impl Lineage {
    /// The lineage of these files of an origin.
    pub fn of(upstream: &Upstream, base: Files, only: bool) -> Lineage {
        Lineage { origin: upstream.name.clone(), version: upstream.version.clone(), only, base }
    }

    /// The lineage of the fork in a folder.
    ///
    /// # Errors
    /// `NotFound` when the folder is no fork, and what is wrong with its files.
    pub fn read(folder: &Path) -> Result<Lineage> {
        let file = folder.join(KEPT).join("origin.yaml");
        let name = file.display().to_string();
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(no_fork(folder)),
            Err(e) => return Err(Failure::usage(format!("cannot read {name}: {e}"))),
        };
        let node = yaml::parse_file(&name, &text)?.into_iter().next().map(|object| object.node).unwrap_or_default();
        let said = |key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        let wrong = |what: &str| {
            Failure::new(Kind::Invalid, format!("{name}: {what}")).hint("take it from version control again")
        };
        let (origin, version) =
            said("origin").zip(said("version")).ok_or_else(|| wrong("`origin` and `version` are missing"))?;
        let kept = folder.join(KEPT).join("origin");
        let base = if kept.is_dir() { read_folder(&kept) } else { Ok(Files::new()) };
        let base = base.map_err(|e| Failure::usage(format!("cannot read {}: {e}", kept.display())))?;
        let hashes = node.get("files").map_or(&[][..], Node::entries);
        let hashes: BTreeMap<&str, &str> =
            hashes.iter().filter_map(|(path, hash)| Some((&**path, hash.as_str()?))).collect();
        let as_came = |(path, content): (String, Vec<u8>)| {
            let plain = line_ends::plain(&content);
            let plain = plain.filter(|plain| hashes.get(path.as_str()).is_some_and(|known| hash(plain) == **known));
            (path, plain.unwrap_or(content))
        };
        let base: Files = base.into_iter().map(as_came).collect();
        for path in base.keys().map(String::as_str).chain(hashes.keys().copied()) {
            if base.get(path).map(|content| hash(content)).as_deref() != hashes.get(path).copied() {
                return Err(wrong(&format!("origin/{path} is not what it was when the fork was made")));
            }
        }
        Ok(Lineage { origin, version, only: node.get("only").and_then(Node::as_bool).unwrap_or_default(), base })
    }

    /// Writes it into a fork's folder.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let kept = folder.join(KEPT);
        let old = kept.join("origin");
        if old.is_dir() {
            std::fs::remove_dir_all(&old).map_err(|e| super::unwritable(&old, &e))?;
        }
        write_all(&old, &self.base)?;
        write(&kept.join("origin.yaml"), self.text().as_bytes())?;
        Ok(())
    }

    fn text(&self) -> String {
        let map = |entries: Vec<(Arc<str>, Node)>| Node::Map(Map(Arc::new(entries.into())));
        let string = |text: &str| Node::from(&serde_json::Value::from(text));
        let files = self.base.iter().map(|(path, content)| (path.as_str().into(), string(&hash(content)))).collect();
        let mut entries: Vec<(Arc<str>, Node)> =
            vec![("origin".into(), string(&self.origin)), ("version".into(), string(&self.version))];
        if self.only {
            entries.push(("only".into(), Node::from(&serde_json::Value::Bool(true))));
        }
        entries.push(("files".into(), map(files)));
        format!("{ABOUT}{}", yaml::emit(&map(entries)))
    }
}

fn no_fork(folder: &Path) -> Failure {
    let what = if folder.is_dir() { "is no fork: it has no .meshwright/origin.yaml" } else { "is no folder" };
    Failure::new(Kind::Usage, format!("{} {what}", folder.display())).hint("`meshwright fork NAME DIR` makes one")
}

/// The SHA-256 of a file's content.
fn hash(content: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
