//! A script does what its header says, and no more; whoever runs it is told what that is.

mod ground;

use ground::{Ended, Ground, script};

const CONFIG: &str =
    r#"#{apiVersion: "v1", kind: "ConfigMap", metadata: #{name: "a", namespace: "default"}, data: #{k: "v"}}"#;

fn refused(ended: &Ended, line: usize, words: &[&str]) {
    assert_eq!(ended.code, 4, "{}", ended.err);
    for word in [&format!("script.rhai:{line}:"), "this run may not", "--allow"].iter().chain(words) {
        assert!(ended.err.contains(*word), "`{word}` is missing in:\n{}", ended.err);
    }
}

/// To allow what is denied would not help.
fn denied(ended: &Ended, by: &str) {
    assert_eq!(ended.code, 4, "{}", ended.err);
    for word in ["script.rhai:7:", "this run may not", &format!("denied by --deny {by},"), "leave that out"] {
        assert!(ended.err.contains(word), "`{word}` is missing in:\n{}", ended.err);
    }
    assert!(!ended.err.contains("allow it for this run"), "{}", ended.err);
}

#[test]
fn without_needs_a_script_reads_only() {
    let ground = Ground::new(&["east", "west"]);
    let ended = ground.script("", "print(c.list(\"namespaces\").len() > 0);", &[]);
    assert_eq!((ended.code, ended.out.trim()), (0, "true"), "{}", ended.err);
    let secret = ground.file("token.txt", "a-planted-token");
    let secret = secret.to_string_lossy();
    for (body, right) in [
        (format!("c.apply({CONFIG});"), "--allow write=default/configmaps"),
        ("secret.read(c, \"default/s\", \"k\");".into(), "--allow secrets=default/s"),
        (format!("secret.file(\"{secret}\");"), "--allow files="),
        ("secret.env(\"HOME\");".into(), "--allow env=HOME"),
        ("secret.authority(\"mesh\");".into(), "--allow authorities=mesh"),
        ("secret.reveal(secret.of(\"a\", \"b\"));".into(), "--allow reveal"),
        ("exec.run(\"true\", []);".into(), "--allow exec=true"),
        ("exec.version(\"kubectl\");".into(), "--allow exec=kubectl"),
        ("wait.reachable(\"127.0.0.1\", 22);".into(), "--allow hosts=127.0.0.1"),
        ("wait.resolved(\"localhost\");".into(), "--allow hosts=localhost"),
        ("kube.cluster(\"west\");".into(), "--allow contexts=west"),
        ("c.forward(\"default/p\", 80);".into(), "--allow hosts=clusters"),
        (
            "kube.connect(\"x\", \"clusters: [{name: x, cluster: {server: 'https://10.9.9.9'}}]\");".into(),
            "--allow hosts=10.9.9.9",
        ),
    ] {
        refused(&ground.script("", &body, &[]), 7, &[right]);
    }
}

#[test]
fn a_denial_names_what_helps_in_this_way_to_run() {
    let ground = Ground::new(&["east"]);
    let change = format!("c.apply({CONFIG});");
    let program = "exec.run(\"true\", []);";
    for (needs, body) in [("write: [default]", change.as_str()), ("exec: [\"true\"]", program)] {
        let ended = ground.script(needs, body, &["--read-only"]);
        assert!(ended.code == 4 && ended.err.contains("run it without --read-only"), "{}", ended.err);
        assert!(!ended.err.contains("--allow"), "{}", ended.err);
        assert!(!ended.err.contains("meshwright resume"), "the same would be denied again: {}", ended.err);
    }
    for (expression, help) in [
        (format!("kube.cluster(\"east\").apply({CONFIG})"), "let it write: --write"),
        ("exec.run(\"true\", [])".to_owned(), "--allow-exec 'true'"),
        ("secret.reveal(secret.of(\"a\", \"b\"))".to_owned(), "no expression may"),
    ] {
        let ended = ground.run(&["eval", &expression]);
        assert!(ended.code == 4 && ended.err.contains(help), "{}", ended.err);
        assert!(!ended.err.contains("--allow "), "{}", ended.err);
    }
    ground.file("script.rhai", &script("", &change));
    ground.file("a_test.rhai", "test \"It writes\" on [\"east\"] { rehearse(\"./script.rhai\", #{c: \"east\"}); }");
    let ended = ground.run(&["test", "."]);
    let told = format!("{}{}", ended.out, ended.err);
    assert!(told.contains("to `needs.write` in the script's header") && !told.contains("--allow"), "{told}");
}

#[test]
fn a_kubeconfig_leads_only_where_the_header_says() {
    let ground = Ground::new(&["east"]);
    let cluster = |cluster: &str| format!("kube.connect(\"x\", \"clusters: [{{name: x, cluster: {{{cluster}}}}}]\");");
    for (body, right) in [
        (cluster("server: 'https://allowed.example', proxy-url: 'http://127.0.0.1:18999'"), "hosts=127.0.0.1:18999"),
        (cluster("server: 'http://127.0.0.1:18999'"), "hosts=127.0.0.1:18999"),
    ] {
        refused(&ground.script("hosts: [allowed.example]", &body, &[]), 7, &[right]);
    }
    for url in ["http://127.0.0.1:18999#@allowed.example", "http://allowed.example@127.0.0.1:18999"] {
        let ended = ground.script("hosts: [allowed.example]", &cluster(&format!("server: '{url}'")), &[]);
        assert!(ended.code == 4 && ended.err.contains("is no address of a cluster"), "{}", ended.err);
    }
}

#[test]
fn what_the_header_says_is_allowed() {
    let ground = Ground::new(&["east"]);
    let write = format!("c.apply({CONFIG});");
    refused(&ground.script("write: [default/Secret, other]", &write, &[]), 7, &["ConfigMap default/a"]);
    assert_eq!(ground.script("write: [default/ConfigMap]", &write, &[]).code, 0);
    let file = ground.file("own/token", "a-planted-token");
    let body = format!("print(secret.file(\"{}\"));", file.display());
    let ended = ground.script("files: [own]", &body, &[]);
    assert!(ended.code == 0 && ended.out.contains("‹secret"), "{}", ended.err);
    assert_eq!(ground.script("exec: [\"true\"]", "exec.run(\"true\", []);", &[]).code, 0);
    assert_eq!(ground.script("env: [HOME]", "secret.env(\"HOME\");", &[]).code, 0);
    assert_eq!(ground.script("hosts: [localhost]", "wait.resolved(\"localhost\");", &[]).code, 0);
}

#[test]
fn the_content_of_secrets_is_a_right_of_its_own() {
    let ground = Ground::new(&["east"]);
    let make = r#"c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "s", namespace: "default"}, stringData: #{token: "a-planted-token"}});"#;
    assert_eq!(ground.script("write: [default]", make, &[]).code, 0);
    assert_eq!(ground.script("write: [default]", &format!("c.apply({CONFIG});"), &[]).code, 0);
    // Again: nothing differs, and to see that needs no right.
    let again = format!("if {}.unchanged != 1 {{ throw \"changed\" }}", make.trim_end_matches(';'));
    assert_eq!(ground.script("write: [default]", &again, &[]).code, 0);
    let free = "let s = c.get(\"Secret\", \"default/s\");\nprint([s.metadata.name, s.data.keys(), s.data.token]);";
    let ended = ground.script("", free, &[]);
    assert!(ended.code == 0 && ended.out.contains("\"s\", [\"token\"], ‹secret"), "{} {}", ended.out, ended.err);
    for taken in [
        r#"c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "copy", namespace: "default"}, data: s.data});"#,
        r#"c.edit("Secret", "default/s", |s| { s.data.more = "eA=="; s });"#,
        r#"c.patch("Secret", "default/s", #{data: #{stolen: s.data.token}});"#,
        r#"exec.run("cat", [], #{stdin: s.data.token});"#,
        r#"exec.run("env", [], #{env: #{T: s.data.token}});"#,
        r#"exec.run("cat", [], #{stdin: s.data.token + "x"});"#,
        r#"if s.data.token == "YS1wbGFudGVkLXRva2Vu" { print("guessed") }"#,
        r#"text.parse_yaml(s.data.token);"#,
        r#"secret.of("mine", s.data.token);"#,
    ] {
        let body = format!("let s = c.get(\"Secret\", \"default/s\");\n{taken}");
        let ended = ground.script("write: [default], exec: [cat, env], reveal: true", &body, &[]);
        refused(&ended, 8, &["read the content of Secret default/s", "--allow secrets=default/s"]);
        let ended = ground.script("write: [default], exec: [cat, env], reveal: true, secrets: [default/s]", &body, &[]);
        assert_eq!(ended.code, 0, "{taken}\n{}", ended.err);
    }
    // Taking one away needs no look into it.
    let remove = "for s in c.list(\"Secret\", #{namespace: \"default\"}) { c.delete(s); }";
    assert_eq!(ground.script("write: [default]", remove, &[]).code, 0);
}

#[test]
fn a_file_without_end_is_no_secret() {
    let ground = Ground::new(&["east"]);
    let ended = ground.script("files: [\"*\"]", "secret.file(\"/dev/zero\");", &[]);
    assert!(ended.code == 4 && ended.err.contains("larger than 16 MiB"), "{}", ended.err);
}

#[test]
fn the_content_of_secrets_goes_only_into_secrets() {
    let ground = Ground::new(&["east"]);
    let open = |data: &str| {
        format!("let token = secret.of(\"token\", \"a-planted-token\");\nlet map = {CONFIG};\nc.apply(map);\n{data}")
    };
    let deployment = r#"#{apiVersion: "v1", kind: "Pod", metadata: #{name: "p", namespace: "default"}, spec: #{containers: [#{name: "a", image: "a", env: [#{name: "T", value: token}]}]}}"#;
    for (change, place) in [
        ("map.data.k = token; c.apply(map);".to_owned(), "`data.k`"),
        ("c.annotate(\"ConfigMap\", \"default/a\", #{t: token});".into(), "`metadata.annotations.t`"),
        ("c.patch(\"ConfigMap\", \"default/a\", #{data: #{k: token}});".into(), "`data.k`"),
        ("c.edit(c.get(\"ConfigMap\", \"default/a\"), |o| { o.data.k = token; o });".into(), "`data.k`"),
        (format!("c.create({deployment});"), "`spec.containers[0].env[0].value`"),
    ] {
        let ended = ground.script("write: [default]", &open(&change), &[]);
        assert_eq!(ended.code, 4, "{change}: {}", ended.err);
        assert!(ended.err.contains(place) && ended.err.contains("secret.reveal"), "{change}: {}", ended.err);
    }
    let server = ground.world.server("east").expect("east");
    assert_eq!(server.get("ConfigMap", Some("default"), "a").expect("made")["data"]["k"], "v");
    let kept = r#"c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "s", namespace: "default"}, stringData: #{t: token}});
map.data.k = secret.reveal(token); c.apply(map);"#;
    let ended = ground.script("write: [default], reveal: true", &open(kept), &[]);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn what_is_denied_by_name_is_so_by_every_path() {
    let ground = Ground::new(&["east"]);
    denied(&ground.script("exec: [\"*\"]", "exec.run(\"/bin/true\", []);", &["--deny", "exec=true"]), "exec=true");
    let loaded = "exec.run(\"true\", [], #{env: #{LD_PRELOAD: \"/tmp/other.so\"}});";
    refused(&ground.script("exec: [\"true\"]", loaded, &[]), 7, &["LD_PRELOAD"]);
    let ended = ground
        .run(&["run", &ground.file("a.rhai", "//! # A\n//! ---\n//! needs: [write]\n//! ---\n").to_string_lossy()]);
    assert!(ended.code == 4 && ended.err.contains("`needs` must be keys and lists"), "{}", ended.err);
}

#[test]
fn opening_a_secret_by_parsing_it_needs_the_right_to_reveal() {
    let ground = Ground::new(&["east"]);
    let file = ground.file("config.yaml", "user: {password: a-planted-password}\n");
    let body = format!(
        "let parsed = text.parse_yaml(secret.file(\"{}\"));\nprint(parsed.user.password);\nprint(type_of(parsed.user.password));",
        file.display()
    );
    let ended = ground.script("files: [\"*\"]", &body, &[]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("‹secret") && ended.out.contains("Secret"), "{}", ended.out);
}

#[test]
fn flags_narrow_and_what_they_widen_is_told() {
    let ground = Ground::new(&["east"]);
    let write = format!("c.apply({CONFIG});");
    let ended = ground.script("write: [default]", &write, &["--read-only"]);
    assert!(ended.code == 4 && ended.err.contains("script.rhai:7:"), "{}", ended.err);
    assert!(ended.err.contains("run it without --read-only") && !ended.err.contains("--allow"), "{}", ended.err);
    denied(&ground.script("write: [\"*\"]", &write, &["--deny", "write=default"]), "write=default");
    denied(&ground.script("write: [\"*\"]", &write, &["--deny", "write"]), "write=*");
    denied(&ground.script("", &write, &["--allow", "write=default", "--deny", "write=default"]), "write=default");
    let ended = ground.script("", &write, &["--allow", "write=default"]);
    assert!(ended.code == 0 && ended.err.contains("beyond the script's header"), "{}", ended.err);
    let ended = ground.script("", &write, &["--allow", "wirte=default"]);
    assert!(ended.code == 4 && ended.err.contains("did you mean `write`?"), "{}", ended.err);
}

#[test]
fn what_a_run_may_is_shown_before_it_writes() {
    let ground = Ground::new(&["east"]);
    let ended = ground.script("write: [default, cluster-scoped], exec: [istioctl]", "", &[]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    for line in [
        "This run may",
        "use east (http://127.0.0.1:",
        "write in default, what lies outside namespaces",
        "start istioctl",
    ] {
        assert!(ended.err.contains(line), "`{line}` is missing in:\n{}", ended.err);
    }
    assert!(!ended.err.contains("Go on?"), "nobody is there to answer:\n{}", ended.err);
    let ended = ground.script("", "", &[]);
    assert!(!ended.err.contains("This run may"), "{}", ended.err);
    let help = ground.run(&["run", "script.rhai", "--help"]).out;
    assert!(help.contains("--read-only") && help.contains("--confirm"), "{help}");
}

#[test]
fn whoever_is_asked_sees_about_what() {
    let ground = Ground::new(&["east"]);
    let path = ground.file("script.rhai", &ground::script("write: [default]", ""));
    let mut command = ground.command(&["run", "--quiet", &path.to_string_lossy(), "--c", "east"]);
    command.stdin(std::process::Stdio::inherit()).env("TERM", "xterm");
    let mut session = rexpect::session::spawn_command(command, Some(30_000)).expect("started");
    session.exp_string("write in default").expect("the list");
    session.exp_string("Go on? [y/N]").expect("the question");
    session.send_line("n").expect("answered");
    session.exp_string("you did not say yes").expect("the end");
}

#[test]
fn production_is_confirmed_by_name() {
    let ground = Ground::new(&["east", "eu-prod"]);
    let write = format!("c.apply({CONFIG});");
    let run = |args: &[&str]| ground.script("write: [default]", &write, &[&["--c", "eu-prod"], args].concat());
    for args in [&[][..], &["--yes"], &["--confirm", "east"]] {
        let ended = run(args);
        assert_eq!(ended.code, 4, "{}", ended.err);
        assert!(
            ended.err.contains("looks like production") && ended.err.contains("--confirm eu-prod"),
            "{}",
            ended.err
        );
    }
    for args in [&["--confirm", "eu-prod"][..], &["--yes=eu-prod"]] {
        assert_eq!(run(args).code, 0, "{args:?}");
    }
    ground.file(".config/meshwright/config.yaml", "production: [\"ea*\"]\n");
    assert_eq!(run(&[]).code, 0);
    let ended = ground.script("write: [default]", &write, &[]);
    assert!(ended.code == 4 && ended.err.contains("`production` in"), "{}", ended.err);
    ground.file(".config/meshwright/config.yaml", "# mine\nproductoin: [a]\n");
    let ended = run(&[]);
    assert_eq!(ended.code, 4, "{}", ended.err);
    assert!(ended.err.contains("config.yaml:2:1") && ended.err.contains("did you mean `production`?"), "{}", ended.err);
}

#[test]
fn production_beside_the_parameters_is_confirmed_as_well() {
    let ground = Ground::new(&["east", "eu-prod"]);
    let write = format!("kube.cluster(\"eu-prod\").apply({CONFIG});");
    let run = |needs: &str, args: &[&str]| ground.script(needs, &write, args);
    let both = "contexts: [eu-prod], write: [default]";
    for (needs, args) in [(both, &["--yes"][..]), ("write: [default]", &["--yes", "--allow", "contexts=eu-*"])] {
        let ended = run(needs, args);
        assert_eq!(ended.code, 4, "{}", ended.err);
        assert!(ended.err.contains("`eu-prod` looks like production"), "{}", ended.err);
    }
    let ended = run(both, &["--yes", "--confirm", "eu-prod"]);
    assert!(ended.code == 0 && ended.err.contains("use eu-prod (http://"), "{} {}", ended.code, ended.err);
}

#[test]
fn what_is_typed_changes_production_only_when_that_is_named() {
    let ground = Ground::new(&["east", "eu-prod"]);
    let server = ground.world.server("eu-prod").expect("eu-prod");
    let is_made = || server.remove("ConfigMap", Some("default"), "a").is_some();
    let write = |context: &str| format!("kube.cluster(\"{context}\").apply({CONFIG}).created");
    let eval = |args: &[&str]| ground.run(&[&["eval", &write("eu-prod"), "--write"], args].concat());
    for args in [&[][..], &["--confirm", "east"]] {
        let ended = eval(args);
        assert!(ended.code == 4 && !is_made(), "{}", ended.err);
        let words = ["`eu-prod` looks like production: it matches *prod*", "say that you mean it: --confirm eu-prod"];
        assert!(words.iter().all(|word| ended.err.contains(word)), "{}", ended.err);
    }
    let ended = eval(&["--confirm", "eu-prod"]);
    assert!(ended.code == 0 && is_made(), "{}", ended.err);
    assert_eq!(ground.run(&["eval", &write("east"), "--write"]).code, 0);
    assert_eq!(ground.run(&["eval", "kube.cluster(\"eu-prod\").list(\"pods\").len()", "--write"]).code, 0);
    let typed = |args: &[&str], lines: &[&str]| {
        let file = std::fs::File::open(ground.file("typed", &format!("{}\n", lines.join("\n")))).expect("typed");
        let mut command = ground.command(&[&["repl"], args].concat());
        command.stdin(file);
        let ended = ground::ended(command);
        (format!("{}{}", ended.out, ended.err), is_made())
    };
    let (east, prod) = (write("east"), write("eu-prod"));
    for (args, lines) in
        [(&[][..], &[":write", &east, &prod][..]), (&["--write"], &[&prod]), (&[], &[":write east", &prod])]
    {
        let (shown, made) = typed(args, lines);
        assert!(!made && shown.contains("`eu-prod` looks like production"), "{lines:?}: {shown}");
        assert!(shown.contains("say that you mean it: `:write eu-prod`"), "{shown}");
    }
    assert!(typed(&[], &[":write eu-prod", &prod]).1);
    assert!(typed(&["--write", "--confirm", "eu-prod"], &[&prod]).1);
    let (shown, _) = typed(&[], &[":write eu-prd"]);
    assert!(shown.contains("there is no context `eu-prd`") && shown.contains("`eu-prod`?"), "{shown}");
}

#[test]
fn a_kubeconfig_from_a_script_starts_no_programs_and_names_no_files() {
    let ground = Ground::new(&["east"]);
    let marker = ground.home.path().join("started");
    for user in [
        format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: ['{}']}}}}",
            marker.display()
        ),
        "{tokenFile: /etc/hostname}".to_owned(),
        "{client-certificate: /etc/hostname, client-key: /etc/hostname}".to_owned(),
    ] {
        let config = format!(
            "apiVersion: v1\\nkind: Config\\ncurrent-context: x\\nclusters: [{{name: x, cluster: {{server: 'https://127.0.0.1:1'}}}}]\\ncontexts: [{{name: x, context: {{cluster: x, user: u}}}}]\\nusers: [{{name: u, user: {user}}}]"
        );
        let ended = ground.script("hosts: [\"*\"]", &format!("kube.connect(\"x\", \"{config}\").version();"), &[]);
        assert_eq!(ended.code, 4, "{}", ended.err);
        assert!(ended.err.contains("script.rhai:7:"), "{}", ended.err);
    }
    assert!(!marker.exists());
}

#[test]
fn imports_stay_in_the_project() {
    let ground = Ground::new(&["east"]);
    let outside = tempfile::tempdir().expect("folder");
    std::fs::write(outside.path().join("m.rhai"), "fn f() {}").expect("written");
    std::os::unix::fs::symlink(outside.path().join("m.rhai"), ground.home.path().join("link.rhai")).expect("link");
    std::os::unix::fs::symlink(outside.path(), ground.home.path().join("folder")).expect("link");
    let absolute = outside.path().join("m").display().to_string();
    std::process::Command::new("mkfifo").arg(ground.home.path().join("pipe.rhai")).status().expect("pipe");
    for path in ["../../etc/passwd", &absolute, "./link", "./folder/m", "std:../x", "./pipe"] {
        let ended = ground.script("", &format!("import \"{path}\" as m;"), &[]);
        assert!(ended.code != 0 && ended.err.contains("script.rhai:7:"), "{path}: {}", ended.err);
    }
}

#[test]
fn credential_plugins_run_as_kuberc_says() {
    let ground = Ground::new(&["east"]);
    let token = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"planted-token-34"}}"#;
    let plugin =
        ground.file("bin/login", &format!("#!/bin/sh\ntouch {}/ran\necho '{token}'\n", ground.home.path().display()));
    std::fs::set_permissions(&plugin, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a program");
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "east", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": "east", "context": {"cluster": "east", "user": "u"}}],
        "users": [{"name": "u", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
        }}}],
    });
    let config = ground.file("plugin.yaml", &config.to_string());
    let asked = |policy: &str| {
        let head = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n";
        ground.file(".kube/kuberc", &format!("{head}{policy}\n"));
        drop(std::fs::remove_file(ground.home.path().join("ran")));
        let mut command = ground.command(&["eval", "kube.cluster(\"east\").version()"]);
        command.env("KUBECONFIG", &config);
        (ground::ended(command), ground.home.path().join("ran").exists())
    };
    let (denied, ran) = asked("credentialPluginPolicy: DenyAll");
    assert!(denied.code == 4 && !ran, "{}", denied.err);
    assert!(denied.err.contains("may not run: credentialPluginPolicy is DenyAll"), "{}", denied.err);
    let list =
        format!("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{{name: {}}}]", plugin.display());
    for policy in ["", &list] {
        let (allowed, ran) = asked(policy);
        assert!(allowed.code == 5 && ran, "it logs in, and finds no cluster there: {}", allowed.err);
    }
}
