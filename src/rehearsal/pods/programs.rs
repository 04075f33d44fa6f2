//! The few programs of every container that need nothing but what the cluster knows: `hostname`, `env`, `cat` and `ls` of
//! what is mounted, `echo`, `date`. They answer when the behaviour knows no such program.

use super::super::{Answer, Server};
use super::environment::{self, hostname};
use super::files::{self, Files};
use serde_json::Value;
use std::collections::BTreeSet;

/// The answer of a program; `None` when it is none of these.
pub(super) fn run(server: &Server, pod: &Value, container: &str, argv: &[String], stdin: &str) -> Option<Answer> {
    let (program, rest) = argv.split_first()?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let container = definition(pod, container)?;
    match (program.rsplit('/').next()?, rest.as_slice()) {
        ("true", _) => Some(Answer::default()),
        ("false", _) => Some(Answer { code: 1, ..Answer::default() }),
        ("hostname", []) => said(hostname(pod)),
        ("echo", words) => said(words.join(" ")),
        ("date", []) => said(server.time().strftime("%a %b %e %H:%M:%S UTC %Y").to_string()),
        ("env" | "printenv", []) => {
            let variables = environment::of(server, pod, container);
            said(variables.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n"))
        }
        ("printenv", [name]) => {
            let variables = environment::of(server, pod, container);
            let found = variables.into_iter().find(|(known, _)| known == name).map(|(_, value)| value);
            found.map_or_else(|| Some(Answer { code: 1, ..Answer::default() }), said)
        }
        ("cat", []) => Some(Answer { stdout: stdin.to_owned(), ..Answer::default() }),
        ("cat", paths) => Some(cat(&files::of(server, pod, container), paths)),
        ("ls", words) => Some(ls(&files::of(server, pod, container), words)),
        _ => None,
    }
}

fn definition<'p>(pod: &'p Value, name: &str) -> Option<&'p Value> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let all = lists.iter().filter_map(|list| pod["spec"][*list].as_array()).flatten();
    all.into_iter().find(|container| container["name"] == name)
}

fn said(line: String) -> Option<Answer> {
    Some(Answer { stdout: line + "\n", ..Answer::default() })
}

fn missing(program: &str, path: &str) -> String {
    format!("{program}: {path}: No such file or directory (a rehearsed container has what is mounted, not its image)\n")
}

fn cat(files: &Files, paths: &[&str]) -> Answer {
    let mut answer = Answer::default();
    for path in paths.iter().filter(|path| !path.starts_with('-')) {
        match files.get(*path) {
            Some(bytes) => answer.stdout.push_str(&String::from_utf8_lossy(bytes)),
            None => {
                answer.stderr.push_str(&missing("cat", path));
                answer.code = 1;
            }
        }
    }
    answer
}

fn ls(files: &Files, words: &[&str]) -> Answer {
    let long = words.iter().any(|word| word.starts_with('-') && word.contains('l'));
    let path = words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or("/");
    let folder = format!("{}/", path.trim_end_matches('/'));
    let below: BTreeSet<&str> = files.keys().filter_map(|file| file.strip_prefix(&folder)?.split('/').next()).collect();
    let names: Vec<&str> = if files.contains_key(path) { vec![path] } else { below.into_iter().collect() };
    if names.is_empty() {
        return Answer { code: 1, stderr: missing("ls", path), ..Answer::default() };
    }
    let line = |name: &&str| {
        let size = files.get(*name).or_else(|| files.get(&format!("{folder}{name}"))).map(Vec::len);
        match (long, size) {
            (false, _) => format!("{name}\n"),
            (true, Some(size)) => format!("-rw-r--r--    1 root     root     {size:>9} {name}\n"),
            (true, None) => format!("drwxr-xr-x    2 root     root             0 {name}\n"),
        }
    };
    Answer { stdout: names.iter().map(line).collect(), ..Answer::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::rehearsal::{World, account};
    use serde_json::json;

    #[test]
    fn containers_show_what_the_cluster_gave_them() {
        let world = World::new(Clock::simulated(), &["east"]);
        let server = &world.servers()[0];
        let named = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        server.put(named("ServiceAccount", "default"));
        let mut map = named("ConfigMap", "m");
        map["data"] = json!({"a": "1", "b": "2"});
        server.put(map);
        let mut authority = named("ConfigMap", "kube-root-ca.crt");
        authority["data"] = json!({"ca.crt": "an authority"});
        server.put(authority);
        let mut secret = named("Secret", "s");
        secret["data"] = json!({"key": "aGlkZGVu"});
        server.put(secret);
        let pod = json!({
            "metadata": {"name": "p", "namespace": "default", "labels": {"app": "x"}}, "status": {"podIP": "10.16.0.9"},
            "spec": {
                "volumes": [{"name": "m", "configMap": {"name": "m", "items": [{"key": "a", "path": "sub/a"}]}}, {"name": "s", "secret": {"secretName": "s"}}, account::projected("t")],
                "containers": [{
                    "name": "c", "envFrom": [{"configMapRef": {"name": "m"}, "prefix": "M_"}],
                    "env": [
                        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                        {"name": "URL", "value": "http://$(IP)"},
                        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
                    ],
                    "volumeMounts": [{"name": "m", "mountPath": "/etc/m"}, {"name": "s", "mountPath": "/one", "subPath": "key"}, {"name": "t", "mountPath": account::FOLDER}],
                }],
            },
        });
        let run = |line: &str| {
            let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            run(server, &pod, "c", &argv, "typed").map(|answer| (answer.code, answer.stdout))
        };
        let good = |text: &str| Some((0, text.to_owned()));
        assert_eq!(run("hostname"), good("p\n"));
        assert_eq!(run("cat"), good("typed"));
        assert_eq!(run("ls -l /etc/m"), good("drwxr-xr-x    2 root     root             0 sub\n"));
        assert_eq!(run("/bin/cat /etc/m/sub/a /one"), good("1hidden"));
        assert_eq!(run("ls /etc"), good("hostname\nhosts\nm\nresolv.conf\n"));
        assert_eq!(run("ls /var/run/secrets/kubernetes.io/serviceaccount"), good("ca.crt\nnamespace\ntoken\n"));
        assert_eq!(run("printenv URL"), good("http://10.16.0.9\n"));
        assert_eq!(run("printenv M_b"), good("2\n"));
        assert_eq!(run("printenv KEY"), good("hidden\n"));
        assert_eq!(run("cat /bin/sh").map(|(code, _)| code), Some(1));
        assert_eq!(run("curl x"), None);
        let (_, token) = run("cat /var/run/secrets/kubernetes.io/serviceaccount/token").expect("a token");
        assert!(server.authenticates(&token));
    }
}
