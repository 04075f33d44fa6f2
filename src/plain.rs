//! Text from elsewhere made safe to show.
//!
//! What clusters, pods and programs print may hold secrets, terminal commands and characters that reorder a line.
//! Whoever puts such text into a message passes it through here (CVE-2021-25743 is what happens otherwise).

use crate::secret::Redactor;
use std::io::Write as _;

/// Writes a line to stderr. That nobody reads it any more is no reason to stop in the middle of a change.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The text without secrets and without anything a terminal would obey; lines and tabs stay.
pub fn text(raw: &str) -> String {
    let redactor = Redactor::global();
    // Once more afterwards: what stood between two halves of a secret is gone then.
    redactor.scrub(&neutral(&redactor.scrub(raw)))
}

/// JSON text in which everything that a terminal would obey is escaped; it means the same.
pub fn json(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len());
    for next in raw.chars() {
        match is_obeyed(next) {
            true => clean.push_str(&format!("\\u{:04x}", u32::from(next))),
            false => clean.push(next),
        }
    }
    clean
}

/// The same on one line, whitespace collapsed, cut to about `most` characters.
pub fn line(raw: &str, most: usize) -> String {
    let joined = text(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

/// The same, cut in the middle: long messages of Kubernetes begin with where and end with why.
pub fn ends(raw: &str, most: usize) -> String {
    let whole = line(raw, usize::MAX);
    let characters = whole.chars().count();
    if characters <= most {
        return whole;
    }
    let (head, tail) = (most / 2, most.saturating_sub(most / 2 + 1));
    let head: String = whole.chars().take(head).collect();
    let tail: String = whole.chars().skip(characters - tail).collect();
    format!("{}…{}", head.trim_end(), tail.trim_start())
}

/// The text in lines of so many columns, broken between words only; what stands in back-ticks, to be copied, stays in one
/// piece. Lines after the first begin with `indent`.
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    const HARD: char = '\u{a0}';
    let mut in_code = false;
    let hold = |c: char| {
        in_code ^= c == '`';
        if in_code && c == ' ' { HARD } else { c }
    };
    let held: String = text.chars().map(hold).collect();
    let options = textwrap::Options::new(width.max(indent.len() + 8)).subsequent_indent(indent).break_words(false);
    let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(&held, options.word_separator(textwrap::WordSeparator::AsciiSpace));
    let lines: Vec<String> = lines.into_iter().map(|line| line.replace(HARD, " ")).collect();
    lines.join("\n")
}

/// How many columns the terminal has that errors are written to, where there is one.
pub fn columns() -> Option<usize> {
    let columns = console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns));
    columns.filter(|columns| *columns > 0)
}

/// The last `most` lines that are not blank, each cut to 200 characters.
pub fn last_lines(raw: &str, most: usize) -> Vec<String> {
    let clean = text(raw);
    let lines: Vec<_> = clean.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(most)..];
    shown.iter().map(|shown| shown.chars().take(200).collect()).collect()
}

/// The text with terminal sequences removed and other control characters escaped.
fn neutral(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\n' | '\t' => clean.push(next),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\u{1b}' => skip_sequence(&mut rest),
            _ if is_obeyed(next) => clean.extend(next.escape_default()),
            _ => clean.push(next),
        }
    }
    clean
}

/// Skips what follows an escape character: a control sequence (`ESC [ … letter`), an operating-system command
/// (`ESC ] … BEL` or `ESC \`), or a single character.
fn skip_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next_if(|next| !next.is_control()) {
        Some('[') => {
            while rest.next_if(|next| ('\u{20}'..='\u{3f}').contains(next)).is_some() {}
            rest.next_if(|next| ('\u{40}'..='\u{7e}').contains(next));
        }
        Some(']') => {
            while rest.next_if(|next| !next.is_control()).is_some() {}
            if rest.next_if_eq(&'\u{7}').is_none() && rest.next_if_eq(&'\u{1b}').is_some() {
                rest.next_if_eq(&'\\');
            }
        }
        _ => {}
    }
}

/// Whether a terminal would do something other than show the character. All of them are below U+10000.
fn is_obeyed(c: char) -> bool {
    c != '\n' && c != '\t' && (c.is_control() || reorders(c))
}

/// Whether the character changes the direction of the text around it.
fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_moves_the_cursor_or_changes_colours(raw in any::<String>(), seed in "(\u{1b}(\\[[0-9;]{0,5}[A-Za-z]|\\][a-z;]{0,9}\u{7}?|[P_^X(#a-z])|[\u{80}-\u{9f}\r\u{8}\u{202a}-\u{202e}\u{2066}-\u{2069}]|[a-z\n]){0,30}") {
            for raw in [format!("{raw}{seed}"), format!("{seed}{raw}{seed}")] {
                for clean in [text(&raw), line(&raw, 80), last_lines(&raw, 9).join("\n"), json(&raw)] {
                    prop_assert!(!clean.chars().any(is_obeyed), "{:?}", clean);
                }
            }
        }

        #[test]
        fn escaped_json_means_the_same(raw in any::<String>()) {
            let json = json(&serde_json::to_string(&raw).expect("json"));
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("json"), raw);
        }
    }

    #[test]
    fn halves_of_a_secret_do_not_come_together() {
        let _held = crate::secret::Secret::new("halves", "halves-of-a-planted-token");
        assert_eq!(text("halves-of-\u{1b}[0ma-planted-token"), "‹secret halves›");
    }

    #[test]
    fn terminal_commands_do_not_survive() {
        assert_eq!(text("\u{1b}[31mred\u{1b}[0m\r\nnext\tcell"), "red\nnext\tcell");
        assert_eq!(text("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\c"), "abc");
        assert_eq!(text("over\rwrite \u{8} \u{9b}2J"), "over\\rwrite \\u{8} \\u{9b}2J");
        assert_eq!(text("\u{202e}gnp.exe"), "\\u{202e}gnp.exe");
    }

    #[test]
    fn secrets_do_not_survive() {
        let _held = crate::secret::Secret::new("plain test", "plain-test-planted-token");
        assert_eq!(text("token plain-test-planted-token"), "token ‹secret plain test›");
    }

    #[test]
    fn text_is_wrapped_between_words_and_never_inside_back_ticks() {
        let text = "add it to `needs.write` in the header, or try `meshwright check mine`";
        assert_eq!(
            wrapped(text, 30, "  "),
            "add it to `needs.write` in the\n  header, or try\n  `meshwright check mine`"
        );
        assert_eq!(wrapped("a_name_that_is_longer_than_a_line b", 20, ""), "a_name_that_is_longer_than_a_line\nb");
    }

    #[test]
    fn long_text_is_cut_at_characters() {
        assert_eq!(ends("pod a: pulling failed, really: not found", 21), "pod a: pul…not found");
        assert_eq!(ends("short", 21), "short");
        assert_eq!(line("one\n  two  drei", 9), "one two d…");
        assert_eq!(line("äöü", 2), "äö…");
        assert_eq!(last_lines("a\n\nb\nc\n", 2), ["b", "c"]);
    }
}
