//! Text from elsewhere made safe to show.
//!
//! What clusters, pods and programs print may hold secrets, terminal commands and characters that reorder a line.
//! Whoever puts such text into a message passes it through here (CVE-2021-25743 is what happens otherwise).

use crate::secret::Redactor;

/// The text without secrets and without anything a terminal would obey; lines and tabs stay.
pub fn text(raw: &str) -> String {
    neutral(&Redactor::global().scrub(raw))
}

/// The same on one line, whitespace collapsed, cut to about `most` characters.
pub fn line(raw: &str, most: usize) -> String {
    let joined = text(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
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
            _ if next.is_control() || reorders(next) => clean.extend(next.escape_default()),
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

/// Whether the character changes the direction of the text around it.
fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn long_text_is_cut_at_characters() {
        assert_eq!(line("one\n  two  drei", 9), "one two d…");
        assert_eq!(line("äöü", 2), "äö…");
        assert_eq!(last_lines("a\n\nb\nc\n", 2), ["b", "c"]);
    }
}
