//! Clusters of kubeconfig files. A cluster is always one named context, never the current one.

use super::Cluster;
use super::client_config::is_set;
use super::layers::{Notice, Settings};
use super::live::Live;
use super::login::Login;
use crate::failure::{Failure, Kind, Result};
use crate::secret::{Redactor, Secret};
use base64::Engine as _;
use kube::Config;
use kube::config::AuthInfo;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The merged kubeconfig files of the user.
#[derive(Clone)]
pub struct Kubeconfigs {
    config: kube::config::Kubeconfig,
    files: Vec<PathBuf>,
    /// By user entry: contexts that share one log in once.
    logins: Arc<Mutex<BTreeMap<String, Login>>>,
}

/// Set, it lets credentials travel over `http://` to this machine.
const ALLOW_HTTP: &str = "MESHWRIGHT_ALLOW_HTTP";

impl Kubeconfigs {
    /// Reads the given file, or those in `$KUBECONFIG`, or `~/.kube/config`. Files that do not exist are passed over, as
    /// kubectl does, unless it was asked for one of them.
    ///
    /// # Errors
    /// When a file cannot be read or understood.
    pub fn load(given: Option<&Path>) -> Result<Kubeconfigs> {
        let (files, optional) = match given {
            Some(file) => (vec![file.to_owned()], false),
            None => (default_files(), true),
        };
        let present = files.iter().filter(|file| !optional || file.exists());
        let mut merged = kube::config::Kubeconfig::default();
        for file in present {
            let next = kube::config::Kubeconfig::read_from(file).map_err(|e| unreadable(file, &e))?;
            merged = merged.merge(next).map_err(|e| unreadable(file, &e))?;
        }
        Ok(Kubeconfigs { config: merged, files, logins: Arc::default() })
    }

    /// The kubeconfig in this text, which may name no files.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_secret(text: &Secret) -> Result<Kubeconfigs> {
        // The parser's own message would quote the text around a mistake.
        let config = kube::config::Kubeconfig::from_yaml(text.reveal());
        let config = config.map_err(|_| Failure::usage(format!("{text} is not a kubeconfig")))?;
        if let Some(field) = outside(&config) {
            let message = format!("{text} names something on this machine: `{field}`");
            return Err(Failure::usage(message).hint("only kubeconfig files of your own may name programs and files"));
        }
        Ok(Kubeconfigs { config, files: Vec::new(), logins: Arc::default() })
    }

    /// The context that the files call current. Only for kubeconfigs made for one cluster.
    pub fn current(&self) -> Option<String> {
        self.config.current_context.clone().filter(|name| !name.is_empty())
    }

    /// The names of all contexts, in the files' order.
    pub fn contexts(&self) -> Vec<String> {
        self.config.contexts.iter().map(|context| context.name.clone()).collect()
    }

    /// The API server's URL of a context.
    ///
    /// # Errors
    /// When there is no such context or its cluster is missing.
    pub fn server(&self, context: &str) -> Result<String> {
        let Some(inner) = self.context(context) else { return Err(self.unknown(context)) };
        let server = self.cluster(context).and_then(|cluster| cluster.server.clone());
        server.filter(|server| !server.is_empty()).ok_or_else(|| {
            let message = format!("context `{context}` names cluster `{}`, which has no server", inner.cluster);
            Failure::usage(message).hint(format!("look into {}", self.shown_files()))
        })
    }

    fn context(&self, name: &str) -> Option<&kube::config::Context> {
        self.config.contexts.iter().find(|known| known.name == name)?.context.as_ref()
    }

    fn cluster(&self, context: &str) -> Option<&kube::config::Cluster> {
        let name = &self.context(context)?.cluster;
        self.config.clusters.iter().find(|known| known.name == *name)?.cluster.as_ref()
    }

    /// The user entry of a context. One that is missing is empty, as kubectl sees it.
    fn user(&self, context: &str) -> AuthInfo {
        let name = self.context(context).and_then(|context| context.user.as_ref());
        let entry = self.config.auth_infos.iter().find(|known| Some(&known.name) == name);
        entry.and_then(|entry| entry.auth_info.clone()).unwrap_or_default()
    }

    /// The certificate authority of a context's API server in PEM, if the context names one.
    ///
    /// # Errors
    /// When it names a file that cannot be read, or its data is not base64.
    pub fn authority(&self, context: &str) -> Result<Option<String>> {
        let Some(cluster) = self.cluster(context) else { return Ok(None) };
        // Bundles have remarks in any encoding; certificates are ASCII.
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let wrong = |why: String| {
            Failure::usage(format!("the certificate authority of context `{context}` cannot be read: {why}"))
                .hint(format!("look into {}", self.shown_files()))
        };
        if let Some(data) = cluster.certificate_authority_data.as_ref().filter(|data| !data.is_empty()) {
            let bytes =
                base64::engine::general_purpose::STANDARD.decode(data.trim()).map_err(|e| wrong(e.to_string()))?;
            return Ok(Some(text(bytes)));
        }
        let file = cluster.certificate_authority.as_ref().filter(|file| is_set(file));
        let Some(file) = file else { return Ok(None) };
        std::fs::read(file).map(|bytes| Some(text(bytes))).map_err(|e| wrong(format!("{file}: {e}")))
    }

    /// The cluster of a context. Nothing is sent yet; `settings` says what its layers do. Call it inside the run's runtime.
    ///
    /// # Errors
    /// When there is no such context, or it cannot be used safely.
    pub fn connect(&self, context: &str, settings: Settings) -> Result<Cluster> {
        let mut config = self.client_config(context).map_err(|failure| failure.on_cluster(context))?;
        learn_secrets(context, &config.auth_info);
        let login = self.login(context, &mut config.auth_info, &settings);
        if config.accept_invalid_certs {
            (settings.listener)(&Notice::Unchecked { cluster: settings.cluster.clone() });
        }
        let proxy = config.proxy_url.as_ref().map(super::proxy::shown);
        Ok(Cluster::over(Live::new(config, login), Settings { proxy, ..settings }))
    }

    /// The login of a context's user entry, the same for all contexts that have it.
    fn login(&self, context: &str, auth: &mut AuthInfo, settings: &Settings) -> Login {
        // A plugin that is told about the cluster may answer otherwise for another one.
        let told = auth.exec.as_ref().is_some_and(|exec| exec.provide_cluster_info);
        let entry = self.context(context).and_then(|context| context.user.clone()).unwrap_or_default();
        let key = if told { format!("{entry}\n{context}") } else { entry };
        let (listener, cluster) = (settings.listener.clone(), settings.cluster.clone());
        let hear = move |text: &str| listener(&Notice::Plugin { cluster: cluster.clone(), text: text.to_owned() });
        let login = Login::new(auth, Box::new(hear));
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(login).clone()
    }

    /// What kube needs to know to connect.
    fn client_config(&self, context: &str) -> Result<Config> {
        let server = self.server(context)?;
        let unusable = |failure: Failure| {
            let message = format!("context `{context}` cannot be used: {}", failure.message);
            Failure::usage(message).hint(format!("look into {}", self.shown_files()))
        };
        let cluster = self.cluster(context).cloned().unwrap_or_default();
        let authority = self.authority(context)?;
        let config = super::client_config::of(&server, &cluster, self.user(context), authority.as_deref());
        let mut config = config.map_err(unusable)?;
        config.connect_timeout = Some(CONNECT);
        config.proxy_url = super::proxy::of_server(self.proxy_of(context), &server, |name| std::env::var(name).ok())?;
        if config.cluster_url.scheme_str() != Some("https") && has_credentials(&config.auth_info) {
            let local = super::proxy::is_this_machine(config.cluster_url.host().unwrap_or_default());
            if !local || std::env::var_os(ALLOW_HTTP).is_none_or(|value| value.is_empty()) {
                return Err(clear_text(&server, local));
            }
        }
        Ok(config)
    }

    fn proxy_of(&self, context: &str) -> Option<String> {
        self.cluster(context)?.proxy_url.clone().filter(|url| !url.is_empty())
    }

    fn unknown(&self, context: &str) -> Failure {
        let failure =
            Failure::new(Kind::NotFound, format!("there is no context `{context}` in {}", self.shown_files()));
        let mut names = self.contexts();
        if names.is_empty() {
            return failure.hint("set KUBECONFIG to a kubeconfig file that has contexts");
        }
        names.sort_by_key(|name| strsim::damerau_levenshtein(name, context));
        names.truncate(5);
        failure.hint(format!("there are: {}", names.join(", ")))
    }

    /// The failure of naming contexts of a kubeconfig that has none, or is not there.
    pub fn without_contexts(&self) -> Failure {
        let there = self.files.iter().any(|file| file.exists());
        let message = match there {
            true => format!("{} names no contexts", self.shown_files()),
            false => format!("there is no kubeconfig: {} does not exist", self.shown_files()),
        };
        Failure::usage(message).hint("set KUBECONFIG to a kubeconfig file, or give one with --kubeconfig")
    }

    /// The files, as users know them.
    pub fn shown_files(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        if files.is_empty() { "~/.kube/config".to_owned() } else { files.join(":") }
    }
}

fn clear_text(server: &str, local: bool) -> Failure {
    let failure = Failure::usage(format!("{server} is not https: credentials would be readable on the way"));
    match local {
        true => failure.hint(format!("use https, a context without user, or set {ALLOW_HTTP}=1: it is this machine")),
        false => failure.hint("use the https address, or a context without user"),
    }
}

/// The first field that names a program or a file.
fn outside(config: &kube::config::Kubeconfig) -> Option<&'static str> {
    let of_cluster = config.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let mut files = of_cluster.filter(|cluster| cluster.certificate_authority.as_deref().is_some_and(is_set));
    if files.next().is_some() {
        return Some("certificate-authority");
    }
    config.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()).find_map(|auth| {
        let fields = [
            (auth.exec.is_some(), "exec"),
            (auth.auth_provider.is_some(), "auth-provider"),
            (auth.token_file.as_deref().is_some_and(is_set), "tokenFile"),
            (auth.client_certificate.as_deref().is_some_and(is_set), "client-certificate"),
            (auth.client_key.as_deref().is_some_and(is_set), "client-key"),
        ];
        fields.into_iter().find_map(|(named, field)| named.then_some(field))
    })
}

fn default_files() -> Vec<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if !listed.is_empty() {
        return listed;
    }
    std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect()
}

/// What is wrong with a kubeconfig file. Its text may hold credentials: none of it is quoted, whatever the parser says.
fn unreadable(file: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    let name = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return Failure::usage(format!("cannot read the kubeconfig {name}: {error}")),
    };
    if let Err(Failure { message, places, .. }) = crate::object::yaml::parse_file(&name, &text) {
        let at = places.first().map(|at| format!(" (line {}, column {})", at.line, at.column)).unwrap_or_default();
        return Failure::usage(format!("the kubeconfig {}{at}", without_values(&message)));
    }
    let said = causes(error);
    let said = said.lines().next().unwrap_or_default();
    Failure::usage(format!("cannot read the kubeconfig {name}: {}", without_values(said)))
}

/// A parser's words without the values that they quote.
fn without_values(said: &str) -> String {
    let quoted = regex::Regex::new(r#"(string|integer|character) ("(\\.|[^"\\])*"|`[^`]*`)"#);
    quoted.map_or_else(|_| String::new(), |quoted| quoted.replace_all(said, "$1").into_owned())
}

/// An error with its causes, each said once. Values of the file are never in them, but known secrets are replaced anyway.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    for cause in std::iter::successors(error.source(), |error| error.source()) {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
    }
    Redactor::global().scrub(&said)
}

fn has_credentials(auth: &AuthInfo) -> bool {
    auth.token.is_some()
        || auth.token_file.is_some()
        || auth.password.is_some()
        || auth.client_certificate.is_some()
        || auth.client_certificate_data.is_some()
        || auth.exec.is_some()
        || auth.auth_provider.is_some()
}

/// Credentials of the file never show, whoever prints them. kube keeps them closed, but writes them open.
fn learn_secrets(context: &str, auth: &AuthInfo) {
    let Ok(open) = serde_json::to_value(auth) else { return };
    for key in ["token", "password", "client-key-data"] {
        if let Some(value) = open.get(key).and_then(serde_json::Value::as_str) {
            Redactor::global().learn(&format!("{key} of {context}"), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn kubeconfig(user: &str, server: &str) -> Kubeconfigs {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: east\n\
             contexts:\n- {{name: east, context: {{cluster: e, user: u}}}}\n- {{name: west, context: {{cluster: w, user: u}}}}\n\
             clusters:\n- {{name: e, cluster: {{server: \"{server}\", tls-server-name: api.east}}}}\nusers:\n- {{name: u, user: {user}}}\n"
        );
        std::fs::write(&file, text).expect("written");
        Kubeconfigs::load(Some(&file)).expect("kubeconfig")
    }

    #[test]
    fn an_unknown_context_is_told_with_those_there_are() {
        let failure = kubeconfig("{}", "https://e").server("eest").expect_err("unknown");
        assert_eq!(failure.kind, Kind::NotFound);
        assert_eq!(failure.hint.as_deref(), Some("there are: east, west"));
        let failure = kubeconfig("{}", "https://e").server("west").expect_err("no such cluster");
        assert!(failure.message.contains("cluster `w`"), "{}", failure.message);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_without_its_values() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("config");
        let told = |text: &str| {
            std::fs::write(&file, text).expect("written");
            let message = Kubeconfigs::load(Some(&file)).err().expect("broken").message;
            message.replace(&file.display().to_string(), "FILE")
        };
        for text in [
            "users: [{name: u, user: {token: planted-broken",
            "users:\n- name: u\n  user: planted-broken\n",
            "users:\n- name: u\n  user: {token: [planted-broken]}\n",
            "users: planted-broken\n",
            "token: \"planted-broken\n  ",
        ] {
            let said = told(text);
            assert!(said.contains("FILE") && !said.contains("planted") && !said.contains('\n'), "{text}: {said}");
        }
        assert_eq!(told("a: [b\n"), "the kubeconfig FILE is not YAML: unclosed bracket '[' (line 1, column 4)");
    }

    #[test]
    fn what_is_empty_is_not_set() {
        let user =
            "{token: '', password: '', username: '', tokenFile: '', client-certificate: '', client-key-data: ''}";
        let config = kubeconfig(user, "http://e:6443").client_config("east").expect("nothing to protect");
        assert!(!has_credentials(&config.auth_info) && config.auth_info.username.is_none());
        let user =
            "{token: '', exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, provideClusterInfo: true}}";
        let config = kubeconfig(user, "https://e:6443").client_config("east").expect("config");
        let exec = config.auth_info.exec.expect("a plugin");
        assert!(
            config.auth_info.token.is_none()
                && exec.cluster.is_some_and(|told| told.server.as_deref() == Some("https://e:6443"))
        );
    }

    #[test]
    fn kubes_own_retry_is_off() {
        let config = kubeconfig("{}", "https://e:6443").client_config("east").expect("config");
        assert!(!config.default_retry);
        assert_eq!(config.connect_timeout, Some(CONNECT));
        assert_eq!(config.tls_server_name.as_deref(), Some("api.east"));
    }

    #[test]
    fn a_kubeconfig_from_elsewhere_names_no_programs_and_no_files() {
        for user in ["{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}}", "{tokenFile: /etc/passwd}"] {
            let text = format!("{{apiVersion: v1, kind: Config, users: [{{name: u, user: {user}}}]}}");
            let failure = Kubeconfigs::from_secret(&Secret::unlearned("k", text)).err().expect("refused");
            assert!(failure.message.contains("names something on this machine"), "{failure}");
        }
    }

    #[tokio::test]
    async fn credentials_never_travel_in_the_clear() {
        let settings = || Settings::new("east", "http://e", Clock::real());
        let failure =
            kubeconfig("{token: planted-token-2}", "http://e").connect("east", settings()).expect_err("refused");
        assert!(failure.message.contains("not https"), "{}", failure.message);
        kubeconfig("{}", "http://e").connect("east", settings()).expect("no credentials");
        kubeconfig("{token: planted-token-2}", "https://e").connect("east", settings()).expect("https");
        assert!(!Redactor::global().scrub("got planted-token-2").contains("planted"));
    }
}
