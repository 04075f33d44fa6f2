//! Secret values and the redactor that everything printed passes.
//!
//! A [`Secret`] prints as `‹secret NAME›` wherever it could be seen. Its content leaves only through
//! [`Secret::reveal`], which the few sinks call: a Secret's data on its way to a cluster, a process's stdin and
//! environment, a file of mode 0600. Making a secret registers its content with the process-wide redactor.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use zeroize::Zeroizing;

/// A value that never shows itself.
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

struct Inner {
    name: String,
    content: Zeroizing<String>,
}

impl Secret {
    /// A secret with the name it is shown under. Its content is redacted from all output from now on.
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Secret {
        let (name, content) = (name.into(), content.into());
        Redactor::global().learn(&name, &content);
        Secret(Arc::new(Inner { name, content: Zeroizing::new(content) }))
    }

    /// A value that shows its name only, but is no secret wherever else it stands: a certificate, a namespace.
    pub fn unlearned(name: impl Into<String>, content: impl Into<String>) -> Secret {
        Secret(Arc::new(Inner { name: name.into(), content: Zeroizing::new(content.into()) }))
    }

    /// The name it is shown under.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The content. For sinks only; never format or log what this returns.
    pub fn reveal(&self) -> &str {
        &self.0.content
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹secret {}›", self.0.name)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.content == other.0.content
    }
}

/// Replaces every known secret in text.
#[derive(Default)]
pub struct Redactor {
    /// Needles, longest first, with what to show instead.
    needles: Mutex<Vec<(Zeroizing<String>, String)>>,
}

/// Shorter contents are not searched for: masking `true` or `443` everywhere would ruin output without hiding anything.
const SHORTEST: usize = 8;

impl Redactor {
    /// The redactor of this process.
    pub fn global() -> &'static Redactor {
        static GLOBAL: OnceLock<Redactor> = OnceLock::new();
        GLOBAL.get_or_init(Redactor::default)
    }

    /// Hides this content, its base64 and JSON-escaped forms, and each of its longer lines.
    pub fn learn(&self, name: &str, content: &str) {
        use base64::Engine as _;
        let shown = format!("‹secret {name}›");
        let mut forms = vec![content.to_owned(), base64::engine::general_purpose::STANDARD.encode(content)];
        if let Ok(json) = serde_json::to_string(content) {
            forms.push(json.trim_matches('"').to_owned());
        }
        forms.extend(content.lines().filter_map(line_of_its_own).map(str::to_owned));
        let Ok(mut needles) = self.needles.lock() else { return };
        for form in forms.into_iter().filter(|form| form.trim().len() >= SHORTEST) {
            if !needles.iter().any(|(known, _)| **known == form) {
                needles.push((Zeroizing::new(form), shown.clone()));
            }
        }
        needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
    }

    /// The text with every known secret replaced by its name.
    pub fn scrub(&self, text: &str) -> String {
        let Ok(needles) = self.needles.lock() else { return text.to_owned() };
        let mut clean = text.to_owned();
        for (needle, shown) in needles.iter() {
            if clean.contains(needle.as_str()) {
                clean = clean.replace(needle.as_str(), shown);
            }
        }
        clean
    }
}

/// What of a line gives a secret away when it stands alone: a line of a key, the value of a `key: value`. Words between
/// spaces and addresses are too common to be hidden everywhere.
fn line_of_its_own(line: &str) -> Option<&str> {
    let line = line.trim();
    let value = line.split_once(": ").map_or(line, |(_, value)| value.trim_matches('"'));
    let is_word = !value.contains(char::is_whitespace) && !value.starts_with("http") && !value.starts_with("-----");
    (is_word && value.len() >= 24).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_its_name_only() {
        let token = Secret::new("reader token", "eyJhbGciOiJSUzI1NiJ9.planted");
        assert_eq!(format!("{token} {token:?}"), "‹secret reader token› ‹secret reader token›");
    }

    #[test]
    fn every_form_of_a_secret_is_scrubbed() {
        let redactor = Redactor::default();
        redactor
            .learn("key", "-----BEGIN KEY-----\nMHcCAQEEIFirstLineOfTheKeyItself\nAwEHoUQDQgAESecondLineOfTheKey\n");
        let printed = "a MHcCAQEEIFirstLineOfTheKeyItself b AwEHoUQDQgAESecondLineOfTheKey c LS0tLS1CRUdJTiBLRVktLS0tLQpNSGNDQVFFRUlGaXJzdExpbmVPZlRoZUtleUl0c2VsZgpBd0VIb1VRRFFnQUVTZWNvbmRMaW5lT2ZUaGVLZXkK d MHcCAQEEIFirstLineOfTheKeyItself\\nAwEHoUQDQgAESecondLineOfTheKey";
        let clean = redactor.scrub(printed);
        for piece in ["FirstLine", "SecondLine", "LS0tLS1CRUdJTiBLRVkt"] {
            assert!(!clean.contains(piece), "{piece} in {clean}");
        }
    }

    #[test]
    fn common_words_of_a_secret_text_stay_readable() {
        let redactor = Redactor::default();
        redactor.learn(
            "kubeconfig",
            "current-context: n2-k8s-config\nusers:\n- name: n2-k8s-config\n  token: eyJhbGciOiJSUzI1NiJ9.planted\n",
        );
        assert_eq!(redactor.scrub("- name: n2-k8s-config"), "- name: n2-k8s-config");
        assert_eq!(redactor.scrub("Bearer eyJhbGciOiJSUzI1NiJ9.planted"), "Bearer ‹secret kubeconfig›");
    }
}
