//! The forms in which a secret may turn up in text.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Values after these words are hidden even when they are short.
const TELLING: [&str; 6] = ["password", "passwd", "token", "secret", "key", "credential"];

/// A line of a longer secret is hidden by itself from this length on: shorter ones are mostly words.
const LONG_LINE: usize = 24;

/// The content and each of its telling lines: as they are, escaped for URLs and JSON, in base64.
pub(super) fn forms(content: &str) -> Vec<String> {
    let lines = content.lines().filter_map(line_of_its_own).filter(|line| line.len() < content.trim().len());
    let parts = std::iter::once(content.trim()).chain(lines);
    let mut all: Vec<String> = parts.flat_map(forms_of).collect();
    // What wraps a text also encodes the line break at its end.
    all.extend(base64_forms(content));
    all
}

fn forms_of(part: &str) -> Vec<String> {
    let mut all = vec![part.to_owned()];
    all.extend([url(part, ""), url(part, "").replace("%20", "+"), lower_url(part)]);
    all.extend(KEPT.iter().map(|kept| url(part, kept)));
    all.extend([json(part), go_json(part), ascii_json(part)]);
    all.extend(base64_forms(part));
    // Most secrets look the same in most of them.
    all.sort_unstable();
    all.dedup();
    all
}

/// What is kept as it is in URLs, beside letters, digits and `-._~`: in paths by Python and by Go, between user and host by
/// Go, by JavaScript in parts and in whole addresses.
const KEPT: [&str; 5] = ["/", "$&+=:@", "$&+,;=", "!'()*", ";/?:@&=+$,#!'()*"];

/// Percent-encoded, but for these characters.
fn url(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ if kept.as_bytes().contains(&byte) => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The same with small hexadecimal digits.
fn lower_url(text: &str) -> String {
    let upper = url(text, "");
    let mut parts = upper.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let (digits, rest) = part.split_at(2);
        format!("{out}%{}{rest}", digits.to_lowercase())
    })
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// As programs in Go write JSON: fit for HTML as well.
fn go_json(text: &str) -> String {
    json(text).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// As programs write JSON that keep to ASCII.
fn ascii_json(text: &str) -> String {
    let escaped = |c: char| {
        let units = &mut [0; 2];
        let units = c.encode_utf16(units).iter();
        if c.is_ascii() { c.to_string() } else { units.map(|unit| format!("\\u{unit:04x}")).collect() }
    };
    json(text).chars().map(escaped).collect()
}

/// In base64: alone, and at each of the three places it can have in a longer text.
fn base64_forms(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut all = vec![STANDARD.encode(text), URL_SAFE.encode(text)];
    for before in 0..3 {
        let padded = [&[0; 3][..before], text.as_bytes()].concat();
        // Only characters that stand for nothing but this text.
        let (first, last) = ([0, 2, 3][before], padded.len() * 8 / 6);
        let cut = |form: String| form.get(first..last).map(str::to_owned);
        all.extend([STANDARD.encode(&padded), URL_SAFE.encode(&padded)].into_iter().filter_map(cut));
    }
    all
}

/// What of a line gives a secret away when it stands alone: a line of a key, the value of a `key: value`. Words between
/// spaces and addresses are too common to be hidden everywhere.
fn line_of_its_own(line: &str) -> Option<&str> {
    let line = line.trim();
    let (key, value) =
        line.split_once(": ").or_else(|| line.split_once('=').filter(|(key, _)| is_telling(key))).unwrap_or(("", line));
    let value = value.trim_matches(['"', '\'']);
    let is_word = !value.contains(char::is_whitespace) && !value.starts_with("http") && !value.starts_with("-----");
    // The padding at the end of a base64 line looks like the value of an assignment.
    let is_word = is_word && value.contains(char::is_alphanumeric);
    (is_word && (value.len() >= LONG_LINE || is_telling(key))).then_some(value)
}

fn is_telling(key: &str) -> bool {
    let key = key.to_lowercase();
    TELLING.iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_a_longer_base64_text_is_known() {
        let secret = "planted-token-value";
        for before in ["", "a", "ab", "abc", "token: "] {
            let text = STANDARD.encode(format!("{before}{secret}\nmore"));
            assert!(base64_forms(secret).iter().any(|form| text.contains(form.as_str())), "{before}");
        }
    }

    #[test]
    fn the_padding_of_a_base64_line_is_no_value() {
        for line in ["AbckEyd1=", "AbckEyd1==", "token="] {
            assert_eq!(line_of_its_own(line), None, "{line}");
            assert!(
                !forms(&format!("first line of a key\n{line}\n")).iter().any(|form| form.trim_matches('=').is_empty())
            );
        }
        assert!(forms("").iter().all(String::is_empty));
    }

    #[test]
    fn short_values_are_hidden_after_telling_words_only() {
        assert_eq!(line_of_its_own("db_password: hunter2hunter2"), Some("hunter2hunter2"));
        assert_eq!(line_of_its_own("API_TOKEN='abc=def='"), Some("abc=def="));
        assert_eq!(line_of_its_own("name: n2-k8s-config"), None);
        assert_eq!(line_of_its_own("server: https://10.0.0.1:6443/with/a/long/path"), None);
    }

    #[test]
    fn every_way_to_write_it_in_an_address_or_in_json_is_known() {
        let all = forms_of("pl nted+/ü&=\"@:(1)");
        for form in [
            "pl+nted%2B%2F%C3%BC%26%3D%22%40%3A%281%29",
            "pl%20nted%2b%2f%c3%bc%26%3d%22%40%3a%281%29",
            "pl%20nted%2B/%C3%BC%26%3D%22%40%3A%281%29",
            "pl%20nted+%2F%C3%BC&=%22@:%281%29",
            "pl%20nted%2B%2F%C3%BC%26%3D%22%40%3A(1)",
            "pl nted+/\\u00fc&=\\\"@:(1)",
            "pl nted+/ü\\u0026=\\\"@:(1)",
        ] {
            assert!(all.iter().any(|known| known == form), "{form} is missing in {all:#?}");
        }
    }
}
