//! Clusters in memory behind real ports, a home of its own, and the program as a user starts it.
#![allow(dead_code, reason = "each test program uses its part")]

use meshwright::clock::Clock;
use meshwright::rehearsal::World;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a test takes place.
pub struct Ground {
    /// The user's home; everything that the program writes is below it.
    pub home: tempfile::TempDir,
    /// The clusters themselves.
    pub world: World,
    kubeconfig: PathBuf,
    _runtime: tokio::runtime::Runtime,
}

/// What the program did.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ground {
    /// Clusters with these context names.
    pub fn new(contexts: &[&str]) -> Ground {
        let home = tempfile::tempdir().expect("folder");
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let inside = runtime.enter();
        let world = World::new(Clock::real(), contexts);
        world.start();
        let mut config = String::from("apiVersion: v1\nkind: Config\n");
        let (mut clusters, mut named) = (String::new(), String::new());
        for server in world.servers() {
            let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).expect("a port");
            let (name, port) = (server.name(), listener.local_addr().expect("address").port());
            clusters += &format!("- {{name: {name}, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}\n");
            named += &format!("- {{name: {name}, context: {{cluster: {name}, user: nobody}}}}\n");
            tokio::spawn(server.clone().serve(listener));
        }
        config += &format!("clusters:\n{clusters}contexts:\n{named}users:\n- {{name: nobody, user: {{}}}}\n");
        drop(inside);
        let kubeconfig = home.path().join("kubeconfig");
        std::fs::write(&kubeconfig, config).expect("written");
        Ground { home, world, kubeconfig, _runtime: runtime }
    }

    /// Writes a file below the home and returns its path.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().expect("folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    /// The program, with this home and without a terminal.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("meshwright"));
        command.args(args).current_dir(self.home.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.env("KUBECONFIG", &self.kubeconfig).env("NO_COLOR", "1").env("TMPDIR", self.home.path());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        ended(self.command(args))
    }

    /// Runs a script with a cluster parameter `c`, which is `east` unless the arguments say otherwise.
    pub fn script(&self, needs: &str, body: &str, args: &[&str]) -> Ended {
        let path = self.file("script.rhai", &script(needs, body));
        let given = if args.contains(&"--c") { &[][..] } else { &["--c", "east"] };
        self.run(&[&["run", &*path.to_string_lossy(), "--yes"], given, args].concat())
    }

    /// Every file below the home, with its content.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.home.path(), &mut files);
        files
    }
}

/// Whether SIGHUP is ignored, as below `nohup`: the program inherits that, and obeys.
pub fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// A script with a cluster parameter `c`; its body begins at line 7.
pub fn script(needs: &str, body: &str) -> String {
    format!(
        "//! # Test\n//! ---\n//! params: {{c: {{type: cluster}}}}\n//! needs: {{{needs}}}\n//! ---\nlet c = params.c;\n{body}\n"
    )
}

pub fn ended(mut command: Command) -> Ended {
    let output = command.output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // Long messages are wrapped.
    let err = text(&output.stderr).replace("\n  │ ", " ");
    Ended { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err }
}

fn collect(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("entry").path();
        match path.is_dir() {
            true => collect(&path, into),
            false => into.push((path.clone(), std::fs::read(&path).unwrap_or_default())),
        }
    }
}
