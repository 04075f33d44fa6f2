//! What `import` means in a script: the standard library, the bundle, files beside it, and nothing else.

use super::bundle::{self, Home, Script};
use super::own_steps::own_steps;
use super::paths::{self, disk_name, folder, is_on_disk, with_extension, within};
use crate::engine::{Sources, nearest};
use crate::failure::{Failure, Kind, Result};
use std::path::{Path, PathBuf};

type Found = Result<(String, String)>;

/// Finds modules for one script.
///
/// A script on disk lives in a project: the working folder when the script lies in it, else the script's own folder.
/// Its imports stay in there, and a file `stdlib/NAME.rhai` in the script's folder, or in one above it up to the
/// project's, stands in for `std:NAME`. To that file itself `std:NAME` is the module it stands in for. In a small fork,
/// files of its folder stand in for those of its origin in the same way, and files in its `steps` for steps.
#[derive(Debug, Clone)]
pub struct Resolver {
    working: PathBuf,
    project: Option<PathBuf>,
    /// The script's folder on disk.
    home: Option<PathBuf>,
    /// The folder of the bundle that a small fork is over.
    origin: Option<String>,
}

impl Resolver {
    /// For a script, with the folder that the command was given in.
    pub fn for_script(script: &Script, working: &Path) -> Resolver {
        let working = paths::plain(working);
        let home = script.home.on_disk().map(paths::plain);
        let project = home.clone().map(|home| if home.starts_with(&working) { working.clone() } else { home });
        let origin = match &script.home {
            Home::Over(_, origin) => Some(origin.clone()),
            _ => None,
        };
        Resolver { working, project, home, origin }
    }

    /// For text that is typed: its imports start in this folder.
    pub fn for_folder(working: &Path) -> Resolver {
        let working = paths::plain(working);
        Resolver { project: Some(working.clone()), home: Some(working.clone()), working, origin: None }
    }

    /// The files that stand in for a module, the nearest to the script first.
    fn stand_ins(&self, name: &str) -> Vec<PathBuf> {
        let (Some(home), Some(project)) = (&self.home, &self.project) else { return Vec::new() };
        let folders = home.ancestors().take_while(|folder| folder.starts_with(project));
        folders.map(|folder| folder.join("stdlib").join(with_extension(name))).filter(|file| file.is_file()).collect()
    }

    fn library(&self, name: &str, from: Option<&str>) -> Found {
        let plain = within("", name).filter(|plain| plain == name.trim_end_matches(".rhai") || plain == name);
        let Some(plain) = plain else { return Err(no_path(&format!("std:{name}"))) };
        let plain = plain.trim_end_matches(".rhai");
        let importing = from.filter(|from| is_on_disk(from)).map(|from| paths::plain(&self.working.join(from)));
        let stand_ins = self.stand_ins(plain);
        let next = match stand_ins.iter().position(|file| Some(file) == importing.as_ref()) {
            Some(own) => stand_ins.get(own + 1),
            None => stand_ins.first(),
        };
        if let (Some(file), Some(project)) = (next, &self.project) {
            return self.read(project, file);
        }
        let missing = || missing(&format!("std:{plain}"), "std:", plain, &bundle::library_names());
        bundle::library(plain).map(|text| (format!("std:{plain}"), text.to_owned())).ok_or_else(missing)
    }

    /// A file of the bundle; `said` is how the script names it.
    fn bundled(path: &str, said: &str) -> Found {
        let Some(source) = within("", path) else { return Err(leaves(said)) };
        let source = with_extension(&source);
        let missing = || not_bundled(path, said);
        bundle::bundled(&source).map(|text| (source.clone(), text.to_owned())).ok_or_else(missing)
    }

    /// A file relative to the importing one.
    fn beside(&self, path: &str, from: Option<&str>) -> Found {
        match from {
            Some(from) if from.starts_with("std:") => {
                let name = within(folder(&from["std:".len()..]), path).ok_or_else(|| leaves(path))?;
                self.library(&name, Some(from))
            }
            Some(from) if is_on_disk(from) => {
                let file = paths::plain(&self.working.join(from));
                let found = self.on_disk(file.parent().unwrap_or(&self.working), path);
                found.or_else(|failure| self.stood_in_for(&file, path, from).unwrap_or(Err(failure)))
            }
            Some(from) if bundle::bundled(from).is_some() => {
                let name = within(folder(from), path).ok_or_else(|| leaves(path))?;
                self.over(&name).unwrap_or_else(|| Resolver::bundled(&name, path))
            }
            _ => self.on_disk(&self.working, path),
        }
    }

    /// The file of a small fork that stands in for one of its origin.
    fn over(&self, name: &str) -> Option<Found> {
        let (home, project) = self.home.as_ref().zip(self.project.as_ref())?;
        let inside = name.strip_prefix(self.origin.as_deref()?)?.strip_prefix('/')?;
        let file = home.join(with_extension(inside));
        file.is_file().then(|| self.read(project, &file))
    }

    /// What is not beside a file that stands in for a shipped one, is beside the shipped one.
    fn stood_in_for(&self, file: &Path, path: &str, from: &str) -> Option<Found> {
        let wanted = paths::plain(&file.parent()?.join(path));
        if wanted.exists() || file.parent()?.join(with_extension(path)).exists() {
            return None;
        }
        let home = self.home.as_ref()?;
        let folders =
            home.ancestors().take_while(|folder| self.project.as_ref().is_some_and(|p| folder.starts_with(p)));
        let mut libraries = folders.map(|folder| folder.join("stdlib"));
        if let Some(library) = libraries.find(|library| file.starts_with(library)) {
            let name = paths::slashed(wanted.strip_prefix(library).ok()?);
            return Some(self.library(&name, Some(from))).filter(Result::is_ok);
        }
        let name = paths::slashed(wanted.strip_prefix(home).ok()?);
        Some(Resolver::bundled(&format!("{}/{name}", self.origin.as_ref()?), path)).filter(Result::is_ok)
    }

    fn on_disk(&self, start: &Path, path: &str) -> Found {
        let project = self.project.as_ref().unwrap_or(&self.working);
        let file = paths::plain(&start.join(with_extension(path)));
        if !file.starts_with(project) {
            return Err(leaves(path).hint(format!("imports stay within {}", project.display())));
        }
        if !file.exists() {
            return Err(missing(path, "", &file.to_string_lossy(), &scripts_beside(&file)));
        }
        self.read(project, &file)
    }

    fn read(&self, project: &Path, file: &Path) -> Found {
        let unreadable =
            |e: std::io::Error| Failure::new(Kind::Invalid, format!("{} cannot be read: {e}", file.display()));
        // A link must not lead out of the project either.
        let (real, home) = (file.canonicalize().map_err(unreadable)?, project.canonicalize().map_err(unreadable)?);
        if !real.starts_with(home) {
            let hint = format!("it is a link to {}", real.display());
            return Err(leaves(&disk_name(file, &self.working)).hint(hint));
        }
        // A pipe may never say anything.
        if !real.is_file() {
            return Err(Failure::usage(format!("{} is no file", file.display())));
        }
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        Ok((disk_name(file, &self.working), text))
    }
}

impl Sources for Resolver {
    fn step(&self, source: &str, name: &str) -> Result<Option<(String, String)>> {
        let Some((folder, origin)) = self.home.as_ref().zip(self.origin.as_ref()) else { return Ok(None) };
        let main = format!("{origin}/main.rhai");
        let Some(text) = bundle::bundled(&main).filter(|_| source == main) else { return Ok(None) };
        let own = own_steps(folder, origin, text, &self.working)?;
        Ok(own.into_iter().find(|own| own.step.name == name).map(|own| (own.source, own.text)))
    }

    fn load(&self, path: &str, from: Option<&str>) -> Found {
        if let Some(name) = path.strip_prefix("std:") {
            return self.library(name, from);
        }
        if let Some(inside) = path.strip_prefix("bundle:") {
            return Resolver::bundled(inside, path);
        }
        if path.starts_with("./") || path.starts_with("../") {
            return self.beside(path, from);
        }
        Err(no_path(path))
    }
}

fn scripts_beside(file: &Path) -> Vec<String> {
    let Some(folder) = file.parent() else { return Vec::new() };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let scripts = entries.filter(|path| path.extension().is_some_and(|extension| extension == "rhai"));
    scripts.map(|path| path.to_string_lossy().into_owned()).collect()
}

fn leaves(path: &str) -> Failure {
    Failure::usage(format!("import of `{path}` leaves the project"))
}

fn no_path(path: &str) -> Failure {
    let failure = Failure::usage(format!("`{path}` is not something to import"));
    let names = bundle::library_names();
    match nearest(path, names.iter().map(String::as_str)) {
        Some(name) if !path.contains(':') => failure.hint(format!("did you mean `std:{name}`?")),
        _ => failure.hint("import \"std:NAME\", \"bundle:NAME/FILE\", \"./FILE\" or \"../FILE\""),
    }
}

/// Names of scripts are known without their end.
fn not_bundled(path: &str, said: &str) -> Failure {
    let names: Vec<String> =
        bundle::bundled_names().iter().map(|name| name.trim_end_matches(".rhai").to_owned()).collect();
    let failure = missing(said, "bundle:", path.trim_end_matches(".rhai"), &names);
    failure.hint(format!("there are bundle:{}", names.join(", bundle:")))
}

fn missing(said: &str, prefix: &str, name: &str, known: &[String]) -> Failure {
    let failure = Failure::usage(format!("there is no module `{said}`"));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) if prefix.is_empty() => {
            let file = Path::new(meant).file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            failure.hint(format!("did you mean `{file}`?"))
        }
        Some(meant) => failure.hint(format!("did you mean `{prefix}{meant}`?")),
        None if prefix == "std:" => failure.hint(format!("there are {}", known.join(", "))),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, text).expect("file");
        }
        folder
    }

    #[test]
    fn files_beside_are_found_and_stay_in_the_project() {
        let folder = project(&[("a/main.rhai", "1"), ("a/x.rhai", "2"), ("lib/y.rhai", "3")]);
        std::fs::write(folder.path().join("../outside-of-it.rhai"), "4").expect("file");
        let resolver = Resolver::for_script(&bundle::find("a", folder.path()).expect("script"), folder.path());
        let load = |path: &str| resolver.load(path, Some("./a/main.rhai"));
        assert_eq!(load("./x").expect("beside"), ("./a/x.rhai".into(), "2".into()));
        assert_eq!(load("../lib/y.rhai").expect("project"), ("./lib/y.rhai".into(), "3".into()));
        assert!(load("../../outside-of-it").expect_err("outside").message.contains("leaves the project"));
        assert!(load("/etc/passwd").expect_err("absolute").message.contains("not something to import"));
        assert_eq!(load("./xx").expect_err("missing").hint.as_deref(), Some("did you mean `x.rhai`?"));
        std::fs::remove_file(folder.path().join("../outside-of-it.rhai")).expect("clean");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_does_not_lead_out_of_the_project() {
        let (folder, other) = (project(&[("main.rhai", "1")]), project(&[("secret.rhai", "2")]));
        std::os::unix::fs::symlink(other.path().join("secret.rhai"), folder.path().join("link.rhai")).expect("link");
        let resolver = Resolver::for_folder(folder.path());
        let refused = resolver.load("./link", None).expect_err("link");
        assert_eq!(refused.message, "import of `./link.rhai` leaves the project");
        assert!(refused.hint.is_some_and(|hint| hint.contains("secret.rhai")));
    }

    #[test]
    fn the_library_can_be_shadowed_by_a_project_only() {
        let name = bundle::library_names().into_iter().find(|name| name.contains('/')).expect("a module");
        let folder = project(&[("main.rhai", "1"), (&format!("stdlib/{name}.rhai"), "mine")]);
        let path = format!("std:{name}");
        let own = Resolver::for_folder(folder.path()).load(&path, None).expect("shadow");
        assert_eq!(own, (format!("./stdlib/{name}.rhai"), "mine".into()));
        let script = Script::all().remove(0);
        let shipped = Resolver::for_script(&script, folder.path()).load(&path, None).expect("shipped");
        assert_eq!(shipped.0, path);
        assert!(bundle::library(&name).is_some_and(|text| text == shipped.1));
        assert!(bundle::source_text(&path).is_some());
    }

    #[test]
    fn a_stand_in_lies_in_the_scripts_folder_or_above_and_imports_what_it_stands_in_for() {
        let files = [("a/main.rhai", "1"), ("a/stdlib/istio/sample.rhai", "near"), ("stdlib/istio/sample.rhai", "far")];
        let folder = project(&files);
        let script = bundle::find("a", folder.path()).expect("script");
        let resolver = Resolver::for_script(&script, folder.path());
        let load = |path: &str, from: &str| resolver.load(path, Some(from)).expect(path);
        let near = load("std:istio/sample", "./a/main.rhai");
        assert_eq!(near, ("./a/stdlib/istio/sample.rhai".into(), "near".into()));
        assert_eq!(load("std:istio/sample", "std:istio/traffic"), near);
        let far = load("std:istio/sample", &near.0);
        assert_eq!(far, ("./stdlib/istio/sample.rhai".into(), "far".into()));
        assert_eq!(load("std:istio/sample", &far.0).0, "std:istio/sample");
        // What a stand-in imports beside itself may still be the shipped one.
        assert_eq!(load("./traffic", &near.0).0, "std:istio/traffic");
        assert!(resolver.load("./trafic", Some(&near.0)).is_err());
    }

    #[test]
    fn a_small_fork_stands_in_file_by_file() {
        let folder = project(&[
            ("mine/main.rhai", "//! # Mine\n//! ---\n//! origin: shared-gateways\n//! ---\n"),
            ("mine/rehearsal/pods.rhai", "mine"),
        ]);
        let script = bundle::find("mine", folder.path()).expect("script");
        let shipped = Script::all().remove(0);
        assert_eq!((&script.source, &script.text, script.tasks()), (&shipped.source, &shipped.text, shipped.tasks()));
        let resolver = Resolver::for_script(&script, folder.path());
        let from = Some("shared-gateways/rehearsal.rhai");
        let pods = resolver.load("./rehearsal/pods", from).expect("mine");
        assert_eq!(pods, ("./mine/rehearsal/pods.rhai".into(), "mine".into()));
        assert_eq!(resolver.load("./rehearsal/mesh", from).expect("shipped").0, "shared-gateways/rehearsal/mesh.rhai");
        assert_eq!(resolver.load("./mesh", Some(&pods.0)).expect("shipped").0, "shared-gateways/rehearsal/mesh.rhai");
        assert!(script.beside("rehearsal/current-values.yaml").is_some_and(|(source, _)| source.starts_with("shared")));
        let task = bundle::find("mine/verify", folder.path()).expect("the origin's task");
        assert_eq!((task.source.as_str(), task.name.as_str()), ("shared-gateways/verify.rhai", "mine/verify"));
        assert!(bundle::find("mine/verfy", folder.path()).is_err());
    }

    #[test]
    fn modules_and_bundled_scripts_import_relatively() {
        let script = Script::all().remove(0);
        let resolver = Resolver::for_script(&script, Path::new("/nowhere"));
        let main = resolver.load("./main", Some(&script.source)).expect("beside");
        assert_eq!(main, (script.source.clone(), script.text.clone()));
        assert_eq!(resolver.load(&format!("bundle:{}", script.source), None).expect("bundle"), main);
        assert!(resolver.load("../../x", Some(&script.source)).is_err());
        let name = bundle::library_names().into_iter().find(|name| name.contains('/')).expect("a module");
        let beside = format!("./{}", name.rsplit('/').next().expect("name"));
        assert_eq!(resolver.load(&beside, Some(&format!("std:{name}"))).expect("library").0, format!("std:{name}"));
    }

    #[test]
    fn a_misspelled_file_of_the_bundle_gets_the_nearest() {
        let hint = |path: &str| {
            let failure = Resolver::for_folder(Path::new("/nowhere")).load(path, None).expect_err("none");
            assert_eq!(failure.message, format!("there is no module `{path}`"));
            failure.hint.unwrap_or_default()
        };
        let nearest = "did you mean `bundle:shared-gateways/rehearsal/mesh`?";
        assert_eq!(hint("bundle:shared-gatways/rehearsal/mesh"), nearest);
        assert_eq!(hint("bundle:shared-gateways/rehersal/mesh.rhai"), nearest);
        assert!(hint("bundle:nothing").contains("there are bundle:shared-gateways/cleanup, bundle:"));
    }

    #[test]
    fn a_misspelled_module_gets_the_nearest() {
        let name = bundle::library_names().remove(0);
        let failure =
            Resolver::for_folder(Path::new("/nowhere")).load(&format!("std:{name}x"), None).expect_err("none");
        assert_eq!(failure.hint, Some(format!("did you mean `std:{name}`?")));
        let failure = Resolver::for_folder(Path::new("/nowhere")).load(&name, None).expect_err("no prefix");
        assert_eq!(failure.hint, Some(format!("did you mean `std:{name}`?")));
    }
}
