//! The words, texts and comments of a script, with their lines: as much of Rhai's grammar as showing a script needs.

/// What a piece of a script is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What<'t> {
    /// A word or a number.
    Word(&'t str),
    /// A text literal, without its quotes.
    Text(&'t str),
    /// Anything else that is not space.
    Symbol(char),
    /// A comment with its slashes.
    Comment(&'t str),
}

/// One piece of a script.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'t> {
    /// What it is.
    pub what: What<'t>,
    /// Its line, from 1.
    pub line: usize,
    /// Its first byte in the text.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// The pieces of a text. A text that is no script gives some pieces too.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = length(rest, first, 0);
        let here = &rest[..length];
        if let Some(what) = what(here, first) {
            pieces.push(Piece { what, line, start: at, end: at + length });
        }
        line += here.matches('\n').count();
        at += length;
    }
    pieces
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Texts in back-ticks hold code that holds texts: what is nested deeper than this is taken as one piece.
const DEEPEST: usize = 64;

fn length(rest: &str, first: char, depth: usize) -> usize {
    if is_word(first) {
        return rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    }
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    match first {
        '"' | '`' => quoted(rest, first, depth),
        '#' => raw(rest).unwrap_or(1),
        // A character, or a quote that has lost its mate.
        '\'' => rest[1..].find('\'').filter(|end| *end <= 12).map_or(1, |end| end + 2),
        other => other.len_utf8(),
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(found) = rest[at..].find(['/', '*']) {
        let here = &rest[at + found..];
        at += found + 1;
        if here.starts_with("/*") {
            (depth, at) = (depth + 1, at + 1);
        } else if here.starts_with("*/") {
            (depth, at) = (depth.saturating_sub(1), at + 1);
            if depth == 0 {
                return at;
            }
        }
    }
    rest.len()
}

/// How many `#` a raw text begins with; 0 for what is none.
fn hashes(rest: &str) -> usize {
    let count = rest.len() - rest.trim_start_matches('#').len();
    if rest[count..].starts_with('"') { count } else { 0 }
}

/// A raw text `#"…"#` with as many `#` on either side.
fn raw(rest: &str) -> Option<usize> {
    let count = Some(hashes(rest)).filter(|count| *count > 0)?;
    let (begin, end) = (count + 1, format!("\"{}", "#".repeat(count)));
    Some(rest[begin..].find(&end).map_or(rest.len(), |at| begin + at + end.len()))
}

/// A text literal with its quotes; in back-ticks, `${…}` holds script code with texts of its own.
fn quoted(rest: &str, quote: char, depth: usize) -> usize {
    if depth > DEEPEST {
        return rest.len();
    }
    let mut at = 1;
    while let Some(c) = rest[at..].chars().next() {
        let here = &rest[at..];
        if quote == '`' && here.starts_with("${") {
            at += interpolated(here, depth + 1);
            continue;
        }
        at += c.len_utf8();
        if c == quote {
            return at;
        }
        // In back-ticks a backslash is a character like others.
        if c == '\\' && quote == '"' {
            at += rest[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    rest.len()
}

/// `${…}` with everything in it.
fn interpolated(here: &str, nested: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = 1;
    while let Some(c) = here[at..].chars().next() {
        let step = length(&here[at..], c, nested);
        at += step;
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    here.len()
}

fn what(here: &str, first: char) -> Option<What<'_>> {
    match first {
        c if c.is_whitespace() => None,
        c if is_word(c) => Some(What::Word(here)),
        '"' | '`' => Some(What::Text(here[1..].strip_suffix(first).unwrap_or(&here[1..]))),
        '#' if here.len() > 1 => {
            let (count, inner) = (hashes(here), &here[hashes(here) + 1..]);
            Some(What::Text(inner.strip_suffix(&format!("\"{}", "#".repeat(count))).unwrap_or(inner)))
        }
        '/' if here.len() > 1 => Some(What::Comment(here)),
        c => Some(What::Symbol(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_comments_are_not_taken_for_code() {
        let text = "a // step \"x\"\n/* step /* in */ */ \"st\\\"ep\" `a ${f(\"}\")} b` 'q' c";
        let found: Vec<_> = pieces(text).into_iter().map(|piece| piece.what).collect();
        let wanted = [
            What::Word("a"),
            What::Comment("// step \"x\""),
            What::Comment("/* step /* in */ */"),
            What::Text("st\\\"ep"),
            What::Text("a ${f(\"}\")} b"),
            What::Symbol('\''),
            What::Word("c"),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_backslash_in_back_ticks_and_a_raw_text_hide_nothing_behind_them() {
        let found = |text| pieces(text).into_iter().map(|piece| piece.what).collect::<Vec<_>>();
        assert_eq!(found("`\\` a"), [What::Text("\\"), What::Word("a")]);
        assert_eq!(found("#\"a\\\" b"), [What::Text("a\\\" b")]);
        assert_eq!(found("#\"a\\\"# b"), [What::Text("a\\"), What::Word("b")]);
        assert_eq!(found("##\"a \"# `\"## b"), [What::Text("a \"# `"), What::Word("b")]);
        assert_eq!(found("#{a}"), [What::Symbol('#'), What::Symbol('{'), What::Word("a"), What::Symbol('}')]);
    }

    #[test]
    fn texts_within_texts_end_at_a_depth() {
        let deep = "`${".repeat(200_000);
        assert!(pieces(&deep).last().is_some_and(|piece| piece.end == deep.len()));
    }

    #[test]
    fn broken_texts_end_where_the_script_ends() {
        for text in ["\"abc", "`a ${b", "/* a", "'", "`${", "é`ü", "\"\\", "##\"a\"#", "#\"", "##"] {
            assert!(pieces(text).last().is_some_and(|piece| piece.end == text.len()), "{text}");
        }
    }
}
