//! What a run may do outside the clusters: programs, other contexts, hosts, files, variables, authorities.

use crate::failure::{Failure, Result};
use crate::grant::{Grant, Way, lacking, matches, refused};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// In `needs.hosts`: whatever the run's clusters name, their API servers and the addresses of their Services.
const CLUSTERS: &str = "clusters";

/// Variables by which a program's loader takes in other code.
const LOADING: [&str; 2] = ["LD_*", "DYLD_*"];

/// What a run may do beyond reading from its clusters: from the script's header, narrowed by flags.
#[derive(Debug, Default)]
pub struct Grants {
    /// How it is run.
    pub way: Way,
    /// Local programs it may start.
    pub programs: Grant,
    /// Contexts it may use.
    pub contexts: Grant,
    /// Hosts that it may look up or connect to, as the header has them.
    pub hosts: Vec<String>,
    /// Files and folders it may read.
    pub files: Files,
    /// Environment variables it may read.
    pub env: Grant,
    /// Certificate authorities that it may make and sign with.
    pub authorities: Grant,
    /// Whether `secret.reveal` may open secrets.
    pub reveal: bool,
    /// Hosts that a cluster of the run has named.
    pub named: Mutex<BTreeSet<String>>,
    /// Ports on this machine that the run itself has opened.
    pub opened: Mutex<BTreeSet<u16>>,
    /// What was made use of, by the key of `needs`.
    pub used: Mutex<BTreeMap<&'static str, BTreeSet<String>>>,
}

/// Files and folders, and after `!` those that are not meant; `*` stands for any text.
#[derive(Debug, Default)]
pub struct Files {
    allowed: Vec<Entry>,
    denied: Vec<Entry>,
}

/// What one entry names: a file or folder, or what lies in a folder and fits a pattern.
#[derive(Debug)]
struct Entry {
    folder: PathBuf,
    pattern: Option<String>,
}

impl Entry {
    fn new(entry: &str, folder: &Path) -> Entry {
        let Some((before, _)) = entry.split_once('*') else {
            return Entry { folder: folder.join(entry), pattern: None };
        };
        if entry == "*" {
            return Entry { folder: PathBuf::from("/"), pattern: None };
        }
        let at = before.rfind('/').map_or(0, |at| at + 1);
        Entry { folder: folder.join(&entry[..at]), pattern: Some(entry[at..].to_owned()) }
    }

    /// Whether a path, its links followed, is what the entry names or lies in it.
    fn covers(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(real(&self.folder)) else { return false };
        let Some(pattern) = &self.pattern else { return true };
        inside.ancestors().any(|part| !part.as_os_str().is_empty() && matches(pattern, &part.to_string_lossy()))
    }
}

impl Files {
    /// What these entries mean, seen from a folder.
    pub fn new(entries: &[String], folder: &Path) -> Files {
        let mut files = Files::default();
        for entry in entries {
            match entry.strip_prefix('!') {
                Some(denied) => files.denied.push(Entry::new(denied, folder)),
                None => files.allowed.push(Entry::new(entry, folder)),
            }
        }
        files
    }

    /// Whether a path is one of them or lies in one of them. Links are followed first.
    fn permit(&self, path: &Path) -> bool {
        let path = real(path);
        let within = |list: &[Entry]| list.iter().any(|entry| entry.covers(&path));
        within(&self.allowed) && !within(&self.denied)
    }
}

impl Grants {
    /// Whether the run may start this program.
    ///
    /// # Errors
    /// [`Kind::Rights`] with the line to add to the header; so do the others.
    pub fn may_run(&self, tool: &str) -> Result<()> {
        let name = Path::new(tool).file_name().and_then(|name| name.to_str()).unwrap_or(tool);
        // What is forbidden by name is so by every path that ends in it.
        let may = self.programs.permits(tool) && !self.programs.forbids_where(|entry| matches(entry, name));
        self.granted(may, &format!("start `{tool}`"), "exec", tool)
    }

    /// Whether it may give this variable to a program that it may start: one that makes the program load code of others
    /// would start more than was granted.
    pub fn may_set(&self, variable: &str) -> Result<()> {
        let loads = LOADING.iter().any(|pattern| matches(pattern, variable));
        self.granted(!loads || self.programs.permits_all(), &format!("start programs with {variable}"), "exec", "*")
    }

    /// Whether it may connect to ports of pods.
    pub fn may_forward(&self) -> Result<()> {
        let may = Grant::new(&self.hosts).permits_where(|entry| matches!(entry, CLUSTERS | "*"));
        self.granted(may, "connect to ports of pods", "hosts", CLUSTERS)
    }

    /// Whether it may use this context.
    pub fn may_use(&self, context: &str) -> Result<()> {
        let may = self.contexts.permits(context);
        self.granted(may, &format!("use the context `{context}`, which is none of its parameters"), "contexts", context)
    }

    /// Whether it may read this variable.
    pub fn may_read_variable(&self, name: &str) -> Result<()> {
        self.granted(self.env.permits(name), &format!("read the variable {name}"), "env", name)
    }

    /// Whether it may make or sign with this certificate authority.
    pub fn may_sign_as(&self, name: &str) -> Result<()> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            return Err(Failure::usage(format!("`{name}` is no name of a certificate authority"))
                .hint("a name has no slashes and does not begin with a dot"));
        }
        self.granted(
            self.authorities.permits(name),
            &format!("make or sign with the authority `{name}`"),
            "authorities",
            name,
        )
    }

    /// Whether it may open secrets as plain text.
    pub fn may_reveal(&self) -> Result<()> {
        match self.reveal {
            true => self.granted(true, "reveal secrets", "reveal", "true"),
            false => Err(lacking(self.way, "reveal secrets", "reveal", "true")),
        }
    }

    /// Whether it may touch this file, given as the script says it and as a path. Links are followed first.
    pub fn may_touch(&self, said: &str, path: &Path) -> Result<()> {
        self.granted(self.files.permit(path), &format!("read the file {said}"), "files", said)
    }

    /// Whether it may look up this host, or connect to a port of it.
    pub fn may_dial(&self, host: &str, port: Option<u16>) -> Result<()> {
        let own = port.is_some_and(|port| self.has_opened(host, port));
        let list = Grant::new(&self.hosts);
        let is_named = locked(&self.named).contains(&plain_host(host).0);
        let covers = |entry: &str| is_host(entry, host, port) || entry == CLUSTERS && is_named;
        let (plain, its_port) = plain_host(host);
        let entry = port.or(its_port).map_or_else(|| plain.clone(), |port| format!("{plain}:{port}"));
        if own {
            return Ok(());
        }
        let used = if is_named { CLUSTERS } else { &entry };
        let may = list.permits_where(covers);
        self.granted(may, &format!("connect to {host}"), "hosts", if may { used } else { &entry })
    }

    /// Whether the run has opened this port on this machine.
    pub fn has_opened(&self, host: &str, port: u16) -> bool {
        host == "127.0.0.1" && locked(&self.opened).contains(&port)
    }

    /// Notes what is made use of, or fails with what is lacking.
    fn granted(&self, may: bool, what: &str, key: &'static str, entry: &str) -> Result<()> {
        if !may {
            return Err(refused(self.way, what, key, entry, self.denying(key, entry)));
        }
        locked(&self.used).entry(key).or_default().insert(entry.to_owned());
        Ok(())
    }

    /// The exception that denies it, where names alone tell.
    fn denying(&self, key: &str, entry: &str) -> Option<&str> {
        let grant = match key {
            "exec" => &self.programs,
            "contexts" => &self.contexts,
            "env" => &self.env,
            "authorities" => &self.authorities,
            _ => return None,
        };
        // A program may be given by its path.
        let name = entry.rsplit('/').next().filter(|_| key == "exec").unwrap_or(entry);
        grant.denying(|pattern| matches(pattern, entry) || matches(pattern, name))
    }

    /// A cluster of the run has named this host or URL.
    pub fn name_host(&self, host: &str) {
        locked(&self.named).insert(plain_host(host).0);
    }

    /// The run has opened this port on this machine.
    pub fn open_port(&self, port: u16) {
        locked(&self.opened).insert(port);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path behind all links; of what does not exist, as far as it does.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        // `..` after something that does not exist leads nowhere.
        _ => PathBuf::from("/nonexistent"),
    }
}

/// Host and port of `host`, `host:port`, `[::1]:port` or a URL.
fn plain_host(text: &str) -> (String, Option<u16>) {
    let (host, port) = host_and_port(text);
    (canonical(&host), port)
}

fn host_and_port(text: &str) -> (String, Option<u16>) {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host.to_lowercase(), rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host.to_lowercase(), port.parse().ok()),
        _ => (text.to_lowercase(), None),
    }
}

/// The same for all ways to write one host: `example.com.` is `example.com`, `::ffff:10.0.0.1` is `10.0.0.1`.
fn canonical(host: &str) -> String {
    let name = host.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(host);
    name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), |address| address.to_canonical().to_string())
}

/// Whether an entry of `needs.hosts` means this host and port.
fn is_host(entry: &str, host: &str, port: Option<u16>) -> bool {
    let (pattern, only) = plain_host(entry);
    matches(&pattern, &plain_host(host).0) && (only.is_none() || port.is_none() || only == port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    fn hosts(entries: &[&str]) -> Grants {
        Grants { hosts: entries.iter().map(|entry| (*entry).to_owned()).collect(), ..Grants::default() }
    }

    #[test]
    fn hosts_are_named_with_or_without_port() {
        let grants = hosts(&["api.example.com", "10.0.0.1:443", "*.mesh.example", "https://k8s.example:6443/x"]);
        for (host, port, may) in [
            ("api.example.com", Some(80), true),
            ("API.example.com", None, true),
            ("10.0.0.1", Some(443), true),
            ("10.0.0.1", Some(22), false),
            ("gw.mesh.example", None, true),
            ("mesh.example", None, false),
            ("https://k8s.example:6443", Some(6443), true),
            ("::1", Some(443), false),
        ] {
            assert_eq!(grants.may_dial(host, port).is_ok(), may, "{host} {port:?}");
        }
        assert!(hosts(&["[::1]:443"]).may_dial("::1", Some(443)).is_ok());
    }

    #[test]
    fn a_url_is_where_its_client_goes() {
        let grants = hosts(&["allowed.example"]);
        for url in [
            "http://127.0.0.1:18999#@allowed.example",
            "http://127.0.0.1:18999/@allowed.example",
            "http://127.0.0.1:18999?@allowed.example",
            "http://127.0.0.1:18999\\@allowed.example",
            "http://allowed.example@127.0.0.1:18999",
        ] {
            assert!(grants.may_dial(url, None).is_err(), "{url}");
        }
    }

    #[test]
    fn what_clusters_name_is_allowed_where_the_header_says_so() {
        for (entries, may) in [(vec!["clusters"], true), (vec![], false)] {
            let grants = hosts(&entries);
            grants.name_host("https://10.1.0.11:6443");
            assert_eq!(grants.may_dial("10.1.0.11", Some(6443)).is_ok(), may);
            grants.may_dial("10.1.0.12", None).expect_err("named by nobody");
        }
        let grants = hosts(&[]);
        grants.open_port(4711);
        grants.may_dial("127.0.0.1", Some(4711)).expect("its own port");
        grants.may_dial("127.0.0.1", Some(22)).expect_err("another port");
    }

    #[test]
    fn files_are_those_named_whatever_the_way_to_them() {
        let folder = tempfile::tempdir().expect("folder");
        let (own, other) = (folder.path().join("own"), folder.path().join("other"));
        std::fs::create_dir_all(&own).expect("made");
        std::fs::create_dir_all(&other).expect("made");
        std::fs::write(other.join("key"), "k").expect("written");
        std::os::unix::fs::symlink(other.join("key"), own.join("link")).expect("link");
        let files = Files::new(&["own".to_owned(), "!own/not".to_owned()], folder.path());
        let grants = Grants { files, ..Grants::default() };
        let may = |path: PathBuf| grants.may_touch("it", &path).is_ok();
        assert!(may(own.join("a.pem")) && may(own.clone()) && !may(own.join("not/a")));
        assert!(!may(own.join("link")) && !may(own.join("../other/key")) && !may(other.join("key")));
        assert!(!may(own.join("new/../../other/key")) && !may(folder.path().join("ownership")));
        assert!(Grants::default().may_touch("it", &own).is_err());
    }

    #[test]
    fn a_program_that_is_denied_is_so_by_every_path() {
        let grants = Grants { programs: Grant::new(&["*", "!kubectl"]), ..Grants::default() };
        for (tool, may) in
            [("kubectl", false), ("/usr/bin/kubectl", false), ("./kubectl", false), ("/usr/bin/env", true)]
        {
            assert_eq!(grants.may_run(tool).is_ok(), may, "{tool}");
        }
        let narrow = Grants { programs: Grant::new(&["istioctl"]), ..Grants::default() };
        assert!(narrow.may_run("./istioctl").is_err(), "another one");
        assert!(narrow.may_set("KUBECONFIG").is_ok() && narrow.may_set("LD_PRELOAD").is_err());
        assert!(Grants { programs: Grant::new(&["*"]), ..Grants::default() }.may_set("LD_PRELOAD").is_ok());
    }

    #[test]
    fn a_host_that_is_denied_is_so_however_it_is_written() {
        let grants = hosts(&["*", "!10.0.0.1", "!db.example.com"]);
        for host in ["10.0.0.1", "::ffff:10.0.0.1", "[::ffff:10.0.0.1]:80", "db.example.com.", "DB.example.com"] {
            assert!(grants.may_dial(host, Some(80)).is_err(), "{host}");
        }
        grants.may_dial("10.0.0.2", Some(80)).expect("another");
    }

    #[test]
    fn ports_of_pods_belong_to_what_clusters_name() {
        for (entries, may) in [(vec!["clusters"], true), (vec!["*"], true), (vec!["10.0.0.1"], false), (vec![], false)]
        {
            assert_eq!(hosts(&entries).may_forward().is_ok(), may, "{entries:?}");
        }
        assert!(hosts(&["*", "!clusters"]).may_forward().is_err());
    }

    #[test]
    fn a_star_stands_for_any_text_in_the_name_of_a_file() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir_all(folder.path().join("certs/deep")).expect("made");
        let entries = ["certs/*.pem".to_owned(), "!certs/private-*".to_owned()];
        let grants = Grants { files: Files::new(&entries, folder.path()), ..Grants::default() };
        let may = |path: &str| grants.may_touch("it", &folder.path().join(path)).is_ok();
        assert!(may("certs/ca.pem") && may("certs/deep/ca.pem"));
        assert!(!may("certs/ca.key") && !may("certs/private-ca.pem") && !may("other/ca.pem") && !may("ca.pem"));
    }

    #[test]
    fn authorities_have_plain_names() {
        let grants = Grants { authorities: Grant::new(&["*"]), ..Grants::default() };
        grants.may_sign_as("mesh 1").expect("plain");
        for name in ["", "../x", "a/b", ".hidden"] {
            assert_eq!(grants.may_sign_as(name).expect_err(name).kind, Kind::Usage);
        }
    }
}
