//! Finds every known secret in text, in all its forms, and shows its name instead.
//!
//! White space does not count, so that a secret that was wrapped over lines is found as well. Of a secret only lengths
//! and hashes are kept: its first eight bytes lead to them, so that the time for a text hardly depends on how many
//! secrets are known.

use super::forms;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

/// Shorter contents are not searched for: masking `true` or `443` everywhere would ruin output without hiding anything.
const SHORTEST: usize = 8;

/// Bits of the filter, as a power of two.
const FILTER_BITS: u32 = 18;

/// Replaces every known secret in text.
#[derive(Default)]
pub struct Redactor(RwLock<Known>);

/// What is known of all secrets.
struct Known {
    /// By the first eight bytes: the length, and the hashes of all secrets of that length with what to show instead.
    by_start: HashMap<u64, BTreeMap<usize, HashMap<u64, Arc<str>>>>,
    /// A bit for each start; most places in a text are done with after one look at it.
    filter: Vec<u64>,
}

impl Default for Known {
    fn default() -> Known {
        Known { by_start: HashMap::new(), filter: vec![0; 1 << (FILTER_BITS - 6)] }
    }
}

/// A part of a text that holds secrets, and what to show instead.
struct Span {
    start: usize,
    end: usize,
    shown: Arc<str>,
}

impl Redactor {
    /// The redactor of this process.
    pub fn global() -> &'static Redactor {
        static GLOBAL: OnceLock<Redactor> = OnceLock::new();
        GLOBAL.get_or_init(Redactor::default)
    }

    /// Hides this content from now on: as it is, escaped for URLs and JSON, in base64, and each of its longer lines.
    pub fn learn(&self, name: &str, content: &str) {
        if content.trim().len() < SHORTEST {
            return;
        }
        let shown: Arc<str> = format!("‹secret {name}›").into();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        forms::forms(content).iter().for_each(|form| known.add(form.as_bytes(), &shown));
    }

    /// The text with every known secret replaced by its name.
    pub fn scrub(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        for span in self.known().spans(text.as_bytes()) {
            clean.push_str(&text[done..span.start]);
            clean.push_str(&span.shown);
            done = span.end;
        }
        clean.push_str(&text[done..]);
        clean
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, form: &[u8], shown: &Arc<str>) {
        READINGS.iter().for_each(|reading| self.add_as(*reading, form, shown));
    }

    fn add_as(&mut self, reading: Reading, form: &[u8], shown: &Arc<str>) {
        let squeezed: Vec<u8> = Squeezed::new(form, 0, reading).map(|(_, byte)| byte).collect();
        let Some(start) = squeezed.first_chunk::<SHORTEST>().map(|start| u64::from_be_bytes(*start)) else { return };
        let bit = filter_bit(start);
        self.filter[bit / 64] |= 1 << (bit % 64);
        let lengths = self.by_start.entry(start).or_default();
        let hash = squeezed.iter().fold(HASH_START, |hash, byte| hashed(hash, *byte));
        lengths.entry(squeezed.len()).or_default().entry(hash).or_insert_with(|| shown.clone());
    }

    /// The parts that hold secrets, in order; those that overlap are one.
    fn spans(&self, text: &[u8]) -> Vec<Span> {
        let mut spans = Vec::new();
        if self.by_start.is_empty() {
            return spans;
        }
        self.spans_as(Reading::Escapes, text, &mut spans);
        if !escapes(text).is_empty() {
            self.spans_as(Reading::Letters, text, &mut spans);
            spans.extend(escapes(text).iter().filter_map(|at| self.at_start(text, at + 1)));
            spans.sort_by_key(|span| span.start);
        }
        spans.into_iter().fold(Vec::new(), |mut joined, span| {
            join(&mut joined, span);
            joined
        })
    }

    /// A secret that begins with the letter of what looks like an escape.
    fn at_start(&self, text: &[u8], start: usize) -> Option<Span> {
        let first: Vec<(usize, u8)> = Squeezed::new(text, start, Reading::Escapes).take(SHORTEST).collect();
        let window = u64::from_be_bytes(first.iter().map(|(_, byte)| *byte).collect::<Vec<u8>>().try_into().ok()?);
        let (end, shown) = self.longest(window, text, first.last()?.0, Reading::Escapes)?;
        Some(Span { start, end, shown: shown.clone() })
    }

    fn spans_as(&self, reading: Reading, text: &[u8], spans: &mut Vec<Span>) {
        let (mut window, mut places) = (0_u64, [0_usize; SHORTEST]);
        for (count, (at, byte)) in Squeezed::new(text, 0, reading).enumerate() {
            window = window << 8 | u64::from(byte);
            places[count % SHORTEST] = at;
            let bit = filter_bit(window);
            if count + 1 < SHORTEST || self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
                continue;
            }
            let start = places[(count + 1) % SHORTEST];
            if let Some((end, shown)) = self.longest(window, text, at, reading) {
                spans.push(Span { start, end, shown: shown.clone() });
            }
        }
    }

    /// Where the longest secret with this start ends, whose eighth byte stands at `at`.
    fn longest(&self, start: u64, text: &[u8], at: usize, reading: Reading) -> Option<(usize, &Arc<str>)> {
        let lengths = self.by_start.get(&start)?;
        let most = lengths.keys().next_back()?;
        let mut hash = start.to_be_bytes().into_iter().fold(HASH_START, hashed);
        let mut found = None;
        let mut consider = |length: usize, end: usize, hash: u64| {
            let shown = lengths.get(&length).and_then(|hashes| hashes.get(&hash));
            found = shown.map(|shown| (end, shown)).or(found);
        };
        consider(SHORTEST, at + 1, hash);
        for (more, (at, byte)) in Squeezed::new(text, at + 1, reading).enumerate().take(most - SHORTEST) {
            hash = hashed(hash, byte);
            consider(SHORTEST + more + 1, at + 1, hash);
        }
        found
    }
}

fn join(spans: &mut Vec<Span>, next: Span) {
    match spans.last_mut() {
        Some(last) if next.start < last.end => {
            if next.end - next.start > last.end - last.start {
                last.shown = next.shown;
            }
            last.end = last.end.max(next.end);
        }
        _ => spans.push(next),
    }
}

/// What `\n`, `\r` and `\t` in a text are: nobody knows whether a backslash begins an escape or ends something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// White space.
    Escapes,
    /// A backslash and a letter.
    Letters,
}

const READINGS: [Reading; 2] = [Reading::Escapes, Reading::Letters];

/// Where there is what looks like an escaped white space.
fn escapes(text: &[u8]) -> Vec<usize> {
    let pairs = text.windows(2).enumerate();
    pairs.filter(|(_, pair)| pair[0] == b'\\' && is_white_letter(pair[1])).map(|(at, _)| at).collect()
}

fn is_white_letter(byte: u8) -> bool {
    matches!(byte, b'n' | b'r' | b't')
}

/// The bytes of a text with their places, white space left out, written as such or as an escape.
struct Squeezed<'t> {
    text: &'t [u8],
    at: usize,
    reading: Reading,
}

impl<'t> Squeezed<'t> {
    fn new(text: &'t [u8], at: usize, reading: Reading) -> Squeezed<'t> {
        Squeezed { text, at, reading }
    }
}

impl Iterator for Squeezed<'_> {
    type Item = (usize, u8);

    fn next(&mut self) -> Option<(usize, u8)> {
        loop {
            let (at, byte) = (self.at, *self.text.get(self.at)?);
            let escaped = self.reading == Reading::Escapes
                && byte == b'\\'
                && self.text.get(at + 1).is_some_and(|next| is_white_letter(*next));
            self.at += if escaped { 2 } else { 1 };
            if !escaped && !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some((at, byte));
            }
        }
    }
}

fn filter_bit(start: u64) -> usize {
    (start.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS)) as usize
}

/// FNV-1a: byte by byte, so that one pass over a text gives the hash of every length.
const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

fn hashed(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    const KEY: &str =
        "-----BEGIN KEY-----\nMHcCAQEEIFirstLineOfTheKeyItself\nAwEHoUQDQgAESecondLineOfTheKey\n-----END KEY-----\n";

    fn knowing(content: &str) -> Redactor {
        let redactor = Redactor::default();
        redactor.learn("it", content);
        redactor
    }

    #[test]
    fn every_form_of_a_secret_is_scrubbed() {
        let redactor = knowing(KEY);
        let encoded = STANDARD.encode(KEY);
        let inside = STANDARD.encode(format!("x: {KEY}"));
        for printed in [KEY, &KEY.replace('\n', "\\n"), &KEY.replace('\n', "\r\n    "), &encoded, &inside] {
            let clean = redactor.scrub(&format!("before {printed} after"));
            assert!(clean.starts_with("before ") && clean.ends_with(" after"), "{clean}");
            for piece in ["FirstLine", "SecondLine", &encoded[20..40], &inside[40..60]] {
                assert!(!clean.contains(piece), "{piece} in {clean}");
            }
        }
        assert_eq!(redactor.scrub("a AwEHoUQDQgAESecondLineOfTheKey b"), "a ‹secret it› b");
    }

    #[test]
    fn escaped_secrets_are_scrubbed() {
        let redactor = knowing("p&ss<w>rd/with \"quotes\"+é");
        for printed in [
            "p%26ss%3Cw%3Erd%2Fwith%20%22quotes%22%2B%C3%A9",
            "p%26ss%3cw%3erd%2fwith%20%22quotes%22%2b%c3%a9",
            r#"p&ss<w>rd/with \"quotes\"+é"#,
            r#"p\u0026ss\u003cw\u003erd/with \"quotes\"+é"#,
        ] {
            assert_eq!(redactor.scrub(&format!("[{printed}]")), "[‹secret it›]");
        }
    }

    #[test]
    fn a_secret_that_was_wrapped_is_found() {
        let redactor = knowing("eyJhbGciOiJSUzI1NiJ9.planted.token");
        assert_eq!(redactor.scrub("token: eyJhbGciOiJS\n      UzI1NiJ9.plan\n      ted.token."), "token: ‹secret it›.");
    }

    #[test]
    fn a_backslash_beside_a_secret_hides_nothing_of_it() {
        let secret = "tomato-password-9";
        assert_eq!(knowing(secret).scrub(&format!(r"CORP\{secret} end")), r"CORP\‹secret it› end");
        assert_eq!(knowing(r"password-of-9\").scrub(r"x password-of-9\next"), "x ‹secret it›next");
        assert_eq!(knowing(r"C:\new\table-of-9").scrub(r"in C:\new\table-of-9."), "in ‹secret it›.");
        assert_eq!(knowing("tomato-of\nthe-password").scrub(r"CORP\tomato-of\nthe-password"), r"CORP\‹secret it›");
    }

    #[test]
    fn what_overlaps_is_hidden_as_one() {
        let redactor = knowing("first-secret-tail");
        redactor.learn("longer", "tail-of-the-second-secret");
        assert_eq!(redactor.scrub("a first-secret-tail-of-the-second-secret z"), "a ‹secret longer› z");
    }

    #[test]
    fn common_words_of_a_secret_text_stay_readable() {
        let redactor = knowing(
            "current-context: n2-k8s-config\nusers:\n- name: n2-k8s-config\n  token: eyJhbGciOiJSUzI1NiJ9.planted\n",
        );
        assert_eq!(redactor.scrub("- name: n2-k8s-config"), "- name: n2-k8s-config");
        assert_eq!(redactor.scrub("Bearer eyJhbGciOiJSUzI1NiJ9.planted"), "Bearer ‹secret it›");
    }

    #[test]
    fn short_contents_are_not_searched_for() {
        assert_eq!(knowing("true").scrub("it is true"), "it is true");
        assert_eq!(knowing("1234567").scrub("1234567"), "1234567");
        assert_eq!(knowing("12345678").scrub("12345678"), "‹secret it›");
    }

    proptest! {
        #[test]
        fn text_around_a_secret_stays(before in "[^s]{0,40}", after in "[^t]{0,40}", secret in "s[a-z0-9+/]{14,60}t") {
            let clean = knowing(&secret).scrub(&format!("{before}{secret}{after}"));
            prop_assert!(clean.starts_with(&before) && clean.ends_with(&after), "{}", clean);
            prop_assert!(!clean.contains(&secret));
        }

        #[test]
        fn a_secret_behind_a_backslash_is_found(secret in "[nrt][a-z0-9]{10,40}", more in "[nrt]?") {
            let clean = knowing(&secret).scrub(&format!("\\{secret}\\{more}"));
            prop_assert!(!clean.contains(&secret), "{}", clean);
        }

        #[test]
        fn no_text_breaks_it(text in any::<String>(), secret in any::<String>()) {
            let redactor = knowing(&secret);
            redactor.learn("word", "ordinary-word");
            let clean = redactor.scrub(&format!("{text}ordinary-word{text}"));
            prop_assert!(!clean.contains("ordinary-word"), "{}", clean);
            prop_assert_eq!(Redactor::default().scrub(&text), text);
        }
    }
}
