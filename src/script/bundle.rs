//! The scripts and modules inside the program, and how a name on the command line finds a script.

use super::header::{self, Header};
use super::own_steps::own_steps;
use super::paths::{self, disk_name, folder, is_on_disk, with_extension};
use super::small;
use crate::engine::nearest;
use crate::failure::{Failure, Kind, Result};
use include_dir::{Dir, include_dir};
use std::path::{Path, PathBuf};

static SCRIPTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scripts");
static STDLIB: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/stdlib");

/// Where a script lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In the program, in the folder of this name.
    Bundle(String),
    /// In a folder on disk.
    Folder(PathBuf),
    /// A small fork: in the bundle, in the folder of this name, with the files of a folder on disk in place of its own.
    Over(PathBuf, String),
}

impl Home {
    /// Its folder on disk, if it has one.
    pub fn on_disk(&self) -> Option<&Path> {
        match self {
            Home::Bundle(_) => None,
            Home::Folder(folder) | Home::Over(folder, _) => Some(folder),
        }
    }

    /// Its folder in the bundle, if it has one.
    pub fn bundled(&self) -> Option<&str> {
        match self {
            Home::Bundle(name) | Home::Over(_, name) => Some(name),
            Home::Folder(_) => None,
        }
    }
}

/// One script, read but not run.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Its name for people: `shared-gateways`, `shared-gateways/cleanup`, `./mine/main.rhai`.
    pub name: String,
    /// Its source name.
    pub source: String,
    /// Its text.
    pub text: String,
    /// Where it lives.
    pub home: Home,
}

impl Script {
    /// Its header.
    ///
    /// # Errors
    /// When the header is wrong, with the line.
    pub fn header(&self) -> Result<Header> {
        self.read_header().map_err(header::together)
    }

    /// The same, with a failure for everything that is wrong.
    pub(super) fn read_header(&self) -> Result<Header, Vec<Failure>> {
        // A script of one's own beside a small fork has a header of its own.
        let Home::Over(folder, _) = &self.home else { return Header::read(&self.source, &self.text) };
        if is_on_disk(&self.source) {
            return Header::read(&self.source, &self.text);
        }
        let file = small::header_file(folder, self.source.ends_with("/main.rhai")).map_err(|failure| vec![failure])?;
        Header::over((&self.source, &self.text), &file)
    }

    /// The text of a file beside it, such as `rehearsal.rhai`, with that file's source name.
    pub fn beside(&self, file: &str) -> Option<(String, String)> {
        let own = self.home.on_disk().and_then(|path| {
            let text = std::fs::read_to_string(path.join(file)).ok()?;
            let source = match &self.home {
                Home::Over(..) => {
                    disk_name(&path.join(file), &paths::plain(&std::env::current_dir().unwrap_or_default()))
                }
                _ => format!("{}/{file}", folder(&self.source)),
            };
            Some((source, text))
        });
        own.or_else(|| {
            let source = format!("{}/{file}", self.home.bundled()?);
            bundled(&source).map(|text| (source, text.to_owned()))
        })
    }

    /// The main script that it is a task of: the one beside it, when both carry out the same guide.
    pub fn main(&self) -> Option<Script> {
        if self.source.rsplit('/').next() == Some("main.rhai") {
            return None;
        }
        let (source, text) = self.beside("main.rhai")?;
        let name = match &self.home {
            Home::Bundle(name) => name.clone(),
            Home::Folder(_) | Home::Over(..) => source.clone(),
        };
        let main = Script { name, source, text, home: self.home.clone() };
        let guide = self.header().ok()?.guide?;
        (main.header().ok()?.guide? == guide).then_some(main)
    }

    /// The names of the tasks in its folder: every script with a title, the main one left out.
    pub fn tasks(&self) -> Vec<String> {
        let bundled = self.home.bundled().and_then(|name| SCRIPTS.get_dir(name)).map(files_in);
        let mut names = bundled.unwrap_or_default();
        names.extend(self.home.on_disk().map(files_on_disk).unwrap_or_default());
        names.sort();
        names.dedup();
        names.retain(|name| self.beside(name).is_some_and(|(source, text)| is_task(name, &source, &text)));
        let mut names: Vec<_> = names.iter().map(|name| name.trim_end_matches(".rhai").to_owned()).collect();
        names.sort();
        names
    }
}

impl Script {
    /// The files of tests in its folder.
    pub fn tests(&self) -> Vec<Script> {
        let bundled = self.home.bundled().and_then(|name| SCRIPTS.get_dir(name)).map(files_in);
        let mut names = bundled.unwrap_or_default();
        names.extend(self.home.on_disk().map(files_on_disk).unwrap_or_default());
        names.retain(|name| name.ends_with("_test.rhai"));
        names.sort();
        names.dedup();
        let script = |name: String| {
            let (source, text) = self.beside(&name)?;
            Some(Script { name: source.clone(), source, text, home: self.home.clone() })
        };
        names.into_iter().filter_map(script).collect()
    }
}

fn files_in(dir: &Dir<'static>) -> Vec<String> {
    let names = dir.files().filter_map(|file| file.path().file_name()?.to_str());
    names.filter(|name| name.ends_with(".rhai")).map(str::to_owned).collect()
}

fn files_on_disk(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".rhai")).collect()
}

fn is_task(name: &str, source: &str, text: &str) -> bool {
    let is_other = matches!(name, "main.rhai" | "rehearsal.rhai") || name.ends_with("_test.rhai");
    !is_other && Header::parse(source, text).is_ok_and(|header| !header.title.is_empty())
}

/// The text of a file of the bundle, such as `shared-gateways/main.rhai`.
pub fn bundled(path: &str) -> Option<&'static str> {
    SCRIPTS.get_file(path)?.contents_utf8()
}

/// The text of a module of the standard library, such as `istio/mesh`.
pub fn library(name: &str) -> Option<&'static str> {
    STDLIB.get_file(with_extension(name))?.contents_utf8()
}

/// The names of all modules of the standard library.
pub fn library_names() -> Vec<String> {
    let mut names = Vec::new();
    let mut dirs = vec![&STDLIB];
    while let Some(dir) = dirs.pop() {
        dirs.extend(dir.dirs());
        let paths = dir.files().filter_map(|file| file.path().to_str()?.strip_suffix(".rhai"));
        names.extend(paths.filter(|name| !name.ends_with("_test")).map(str::to_owned));
    }
    names.sort();
    names
}

/// Every file of a folder of the bundle, by its path in there.
pub(super) fn bundled_files(name: &str) -> super::fork::Files {
    let (mut files, mut dirs) = (super::fork::Files::new(), Vec::from_iter(SCRIPTS.get_dir(name)));
    while let Some(dir) = dirs.pop() {
        dirs.extend(dir.dirs());
        files.extend(dir.files().map(|file| {
            let path = file.path().strip_prefix(name).unwrap_or(file.path());
            (paths::slashed(path), file.contents().to_vec())
        }));
    }
    files
}

/// The names of all files of the bundle.
pub(super) fn bundled_names() -> Vec<String> {
    let (mut names, mut dirs) = (Vec::new(), vec![&SCRIPTS]);
    while let Some(dir) = dirs.pop() {
        dirs.extend(dir.dirs());
        let files = dir.files().filter_map(|file| file.path().to_str());
        names.extend(files.filter(|name| name.ends_with(".rhai") && !name.ends_with("_test.rhai")).map(str::to_owned));
    }
    names.sort();
    names
}

impl Script {
    /// The main scripts of the bundle, by name.
    pub fn all() -> Vec<Script> {
        let mut scripts: Vec<_> = SCRIPTS.dirs().filter_map(|dir| in_bundle(dir.path().to_str()?)).collect();
        scripts.sort_by(|one, other| one.name.cmp(&other.name));
        scripts
    }
}

/// The script that a name means: `NAME` or `NAME/TASK` of the bundle, a `.rhai` file, or a folder with a `main.rhai`.
/// Relative paths start from `working`.
///
/// # Errors
/// `Kind::NotFound` with the nearest name, or what reading the file failed with.
pub fn find(name: &str, working: &Path) -> Result<Script> {
    let is_path = name.starts_with('.') || name.starts_with('/') || name.ends_with(".rhai");
    if !is_path && let Some(script) = in_bundle(name) {
        return Ok(script);
    }
    let path = paths::plain(&working.join(name));
    let candidates = [path.join("main.rhai"), PathBuf::from(with_extension(&path.to_string_lossy()))];
    let script = match candidates.iter().find(|candidate| candidate.is_file()) {
        Some(file) => on_disk(name, file, working)?,
        None => return task_of_origin(name, &path)?.ok_or_else(|| not_found(name, is_path)),
    };
    if let Some(origin) = small::origin(&script)? {
        return over(script, &origin, working);
    }
    beside_small(script)
}

/// A script of one's own in the folder of a small fork: what stands beside the origin's scripts stands beside it too.
fn beside_small(script: Script) -> Result<Script> {
    let Home::Folder(folder) = &script.home else { return Ok(script) };
    let home = origin_of(folder)?.map(|origin| Home::Over(folder.clone(), origin));
    Ok(Script { home: home.unwrap_or_else(|| script.home.clone()), ..script })
}

/// The origin of the small fork in this folder, if there is one.
fn origin_of(folder: &Path) -> Result<Option<String>> {
    let Ok(text) = std::fs::read_to_string(folder.join("main.rhai")) else { return Ok(None) };
    let source = folder.join("main.rhai").display().to_string();
    small::origin(&Script { name: source.clone(), source, text, home: Home::Folder(folder.to_owned()) })
}

/// The script that a small fork stands for.
fn over(script: Script, origin: &str, working: &Path) -> Result<Script> {
    let shipped = in_bundle(origin).ok_or_else(|| small::no_origin(&script, origin))?;
    let folder = script.home.on_disk().map(Path::to_path_buf).unwrap_or_default();
    drop(own_steps(&folder, origin, &shipped.text, &paths::plain(working))?);
    Ok(Script { name: script.name, home: Home::Over(folder, origin.to_owned()), ..shipped })
}

/// The origin's task, for `FOLDER/TASK` where the folder is a small fork without that task.
fn task_of_origin(name: &str, path: &Path) -> Result<Option<Script>> {
    let (Some(folder), Some(task)) = (path.parent(), path.file_stem()) else { return Ok(None) };
    let Some(origin) = origin_of(folder)? else { return Ok(None) };
    let shipped = in_bundle(&format!("{origin}/{}", task.to_string_lossy()));
    Ok(shipped.map(|shipped| Script { name: name.to_owned(), home: Home::Over(folder.to_owned(), origin), ..shipped }))
}

fn in_bundle(name: &str) -> Option<Script> {
    let (folder, task) = name.split_once('/').unwrap_or((name, "main"));
    let source = format!("{folder}/{task}.rhai");
    let text = bundled(&source)?.to_owned();
    let name = if task == "main" { folder } else { name };
    Some(Script { name: name.to_owned(), source, text, home: Home::Bundle(folder.to_owned()) })
}

fn on_disk(name: &str, file: &Path, working: &Path) -> Result<Script> {
    let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
    let home = Home::Folder(file.parent().map(Path::to_path_buf).unwrap_or_default());
    let working = paths::plain(working);
    Ok(Script { name: name.trim_end_matches('/').to_owned(), source: disk_name(file, &working), text, home })
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        std::io::ErrorKind::InvalidData => "it is not text in UTF-8".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(Kind::NotFound, format!("{} cannot be read: {why}", file.display()))
}

fn not_found(name: &str, is_path: bool) -> Failure {
    let failure = Failure::new(Kind::NotFound, format!("there is no script `{name}`"));
    if is_path {
        if let Some(meant) = beside(name) {
            return failure.hint(format!("did you mean `{meant}`?"));
        }
        if Path::new(name).is_dir() {
            return Failure::new(Kind::NotFound, format!("the folder {name} has no main.rhai"))
                .hint("name one of its .rhai files, or make a script: meshwright fork shared-gateways FOLDER");
        }
        return failure
            .hint("give a .rhai file, a folder with a main.rhai, or the name of a bundled script: meshwright list");
    }
    let all = Script::all();
    let tasks = all.iter().flat_map(|script| script.tasks().into_iter().map(|task| format!("{}/{task}", script.name)));
    let names: Vec<_> = all.iter().map(|script| script.name.clone()).chain(tasks).collect();
    match nearest(name, names.iter().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint(format!("there are {}", names.join(", "))),
    }
}

/// The script in the same folder whose name is nearest.
fn beside(name: &str) -> Option<String> {
    let (folder, wrong) = name.rsplit_once('/').unwrap_or((".", name));
    let entries = std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let scripts: Vec<String> = entries.filter(|name| name.ends_with(".rhai")).collect();
    nearest(wrong, scripts.iter().map(String::as_str)).map(|meant| format!("{folder}/{meant}"))
}

/// The text of a source, to show lines of it: a module of the library, a file of the bundle, or a script on disk.
pub fn source_text(source: &str) -> Option<String> {
    if let Some(name) = source.strip_prefix("std:") {
        return library(name).map(str::to_owned);
    }
    let on_disk = || std::fs::read_to_string(source).ok();
    if is_on_disk(source) { on_disk() } else { bundled(source).map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_script_has_a_header_and_imports_what_exists() {
        let scripts = Script::all();
        assert!(!scripts.is_empty());
        for script in scripts {
            let header = script.header().expect("header");
            assert!(!header.title.is_empty(), "{} has no title", script.name);
            for task in script.tasks() {
                let task = find(&format!("{}/{task}", script.name), Path::new("/nowhere")).expect("task");
                task.header().expect("header");
            }
        }
    }

    #[test]
    fn everything_in_the_program_compiles_and_its_imports_exist() {
        use crate::engine::{Sources, compile};
        let engine = crate::engine::parser();
        let modules = library_names().into_iter().map(|name| format!("std:{name}"));
        let sources: Vec<_> = modules.chain(bundled_names()).collect();
        assert!(sources.len() > 3, "{sources:?}");
        let resolver = crate::script::Resolver::for_script(&Script::all().remove(0), Path::new("/nowhere"));
        for source in sources {
            let text = source_text(&source).expect("text");
            let _ = compile(&engine, &source, &text).expect("compiles");
            for import in crate::script::Outline::of(&text).imports {
                let found = resolver.load(&import.path, Some(&source));
                assert!(found.is_ok(), "{source}:{}: {found:?}", import.line);
            }
        }
    }

    #[test]
    fn a_misspelled_name_gets_the_nearest() {
        let failure = find("shared-gatways", Path::new("/nowhere")).expect_err("misspelled");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `shared-gateways`?"));
        assert_eq!(failure.kind, Kind::NotFound);
    }

    #[test]
    fn files_and_folders_on_disk_are_scripts() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("mine")).expect("folder");
        std::fs::write(folder.path().join("mine/main.rhai"), "//! # Mine\n1").expect("file");
        std::fs::write(folder.path().join("mine/check.rhai"), "//! # Check\n2").expect("file");
        std::fs::write(folder.path().join("mine/helper.rhai"), "fn f() {}").expect("file");
        for name in ["mine", "./mine", "mine/main.rhai", "./mine/"] {
            let script = find(name, folder.path()).expect("script");
            assert_eq!(script.source, "./mine/main.rhai", "{name}");
            assert_eq!(script.tasks(), ["check"]);
        }
        assert_eq!(find("mine/check", folder.path()).expect("task").text, "//! # Check\n2");
        assert!(find("./yours", folder.path()).is_err());
    }
}
