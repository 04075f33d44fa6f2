//! Which credential plugins may run: the policy in the user's kuberc, which kubectl obeys as well.
//!
//! <https://kubernetes.io/docs/reference/kubectl/kuberc/#credential-plugin-policy>. A policy that cannot be understood
//! lets no plugin run.

use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object, yaml};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Fails unless this plugin may run.
///
/// # Errors
/// `Rights` when the user's kuberc does not allow it, `Usage` when it cannot be understood.
pub(super) fn check(plugin: &str) -> Result<()> {
    let Some(file) = file(|name| std::env::var(name).ok()) else { return Ok(()) };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && std::env::var_os(KUBERC).is_none() => {
            return Ok(());
        }
        Err(error) => return Err(unclear(&file, &format!("it cannot be read: {error}"))),
    };
    allows(&file, &text, plugin)
}

/// The variable that names the file; `off` is none.
const KUBERC: &str = "KUBERC";
/// The policies that there are.
const POLICIES: &str = "AllowAll, DenyAll or Allowlist";

fn file(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let off = variable("KUBECTL_KUBERC").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    match variable(KUBERC).filter(|named| !named.is_empty()) {
        _ if off => None,
        Some(named) => (named != "off").then(|| named.into()),
        None => Some(PathBuf::from(variable("HOME")?).join(".kube/kuberc")),
    }
}

fn allows(file: &Path, text: &str, plugin: &str) -> Result<()> {
    let documents = yaml::parse(text).map_err(|failure| unclear(file, &failure.message))?;
    let Some(preference) = documents.iter().find(|document| document.kind() == "Preference") else { return Ok(()) };
    let names =
        names(preference).ok_or_else(|| unclear(file, "credentialPluginAllowlist needs a name in each entry"))?;
    match preference.str_at("credentialPluginPolicy") {
        None | Some("" | "AllowAll") if names.is_empty() => Ok(()),
        None | Some("" | "AllowAll") => {
            Err(unclear(file, "credentialPluginAllowlist counts with credentialPluginPolicy: Allowlist only"))
        }
        Some("DenyAll") => Err(denied(file, plugin, "credentialPluginPolicy is DenyAll")),
        Some("Allowlist") if names.iter().any(|name| is_same(name, plugin)) => Ok(()),
        Some("Allowlist") => Err(denied(file, plugin, "credentialPluginAllowlist does not name it")),
        Some(other) => Err(unclear(file, &format!("credentialPluginPolicy is `{other}`; it can be {POLICIES}"))),
    }
}

/// The plugins of the list; `None` when an entry names none.
fn names(preference: &Object) -> Option<Vec<&str>> {
    let entries = preference.items_at("credentialPluginAllowlist").iter();
    entries.map(|entry| entry.get("name").and_then(Node::as_str).filter(|name| !name.is_empty())).collect()
}

/// Whether a name of the list means this plugin: the same word, or the same program in the `PATH`.
fn is_same(name: &str, plugin: &str) -> bool {
    let found = in_path(plugin);
    let named = if name.starts_with('/') { Some(PathBuf::from(name)) } else { in_path(name) };
    name == plugin || found.is_some() && named == found
}

fn in_path(program: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(runs);
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(runs)
}

fn denied(file: &Path, plugin: &str, why: &str) -> Failure {
    let message = format!("the credential plugin `{plugin}` may not run: {why} in {}", file.display());
    Failure::new(Kind::Rights, message).hint(format!(
        "allow it there: credentialPluginPolicy: Allowlist, credentialPluginAllowlist: [{{name: {plugin}}}]"
    ))
}

fn unclear(file: &Path, why: &str) -> Failure {
    Failure::usage(format!("no credential plugin may run: {}: {why}", file.display()))
        .hint("correct the file, or set KUBERC=off to do without it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(fields: &str, plugin: &str) -> Result<()> {
        let text = format!("apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n{fields}\n");
        allows(Path::new("/home/a/.kube/kuberc"), &text, plugin)
    }

    #[test]
    fn the_policy_decides() {
        let list = "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:";
        for fields in ["", "credentialPluginPolicy: AllowAll", &format!("{list} [{{name: other}}, {{name: login}}]")] {
            assert_eq!(allowed(fields, "login"), Ok(()), "{fields}");
        }
        for fields in ["credentialPluginPolicy: DenyAll", &format!("{list} [{{name: other}}]"), list] {
            let failure = allowed(fields, "login").expect_err(fields);
            assert_eq!(failure.kind, Kind::Rights, "{failure}");
            assert!(failure.message.contains("`login` may not run") && failure.hint.is_some(), "{failure}");
        }
    }

    #[test]
    fn a_policy_that_cannot_be_understood_lets_nothing_run() {
        for fields in [
            "credentialPluginPolicy: Allow",
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{}]",
            "credentialPluginAllowlist: [{name: login}]",
            "credentialPluginPolicy: [",
        ] {
            let failure = allowed(fields, "login").expect_err(fields);
            assert!(failure.kind == Kind::Usage && failure.message.contains("/home/a/.kube/kuberc"), "{failure}");
        }
    }

    #[test]
    fn a_plugin_is_known_by_its_name_and_by_its_path() {
        let shell = in_path("sh").expect("a shell").display().to_string();
        assert!(is_same("sh", &shell) && is_same(&shell, "sh") && is_same(&shell, &shell));
        assert!(!is_same("sh", "/elsewhere/sh") && !is_same("no-such-plugin", "/no-such-plugin"));
    }

    #[test]
    fn the_file_is_kubectls() {
        let of = |pairs: &'static [(&str, &str)]| {
            file(move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("HOME", "/h")]), Some("/h/.kube/kuberc".into()));
        assert_eq!(of(&[("HOME", "/h"), ("KUBERC", "/k")]), Some("/k".into()));
        assert_eq!(of(&[("HOME", "/h"), ("KUBERC", "off")]), None);
        assert_eq!(of(&[("HOME", "/h"), ("KUBECTL_KUBERC", "false")]), None);
    }
}
