//! Colours for what is typed.

use crate::script::lexer::{Piece, What, pieces};

const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "do", "until", "break", "continue", "return", "throw",
    "try", "catch", "fn", "private", "import", "export", "as", "switch", "true", "false", "step", "this",
];

/// The text with colours; `names` are the namespace objects, `matched` the bytes of two brackets that belong together.
pub fn highlighted(text: &str, names: &[&str], matched: Option<(usize, usize)>) -> String {
    if text.trim_start().starts_with(':') {
        return paint("36", text);
    }
    let (mut out, mut at) = (String::new(), 0);
    for piece in pieces(text) {
        out += &text[at..piece.start];
        let here = &text[piece.start..piece.end];
        let is_matched = matched.is_some_and(|(one, other)| piece.start == one || piece.start == other);
        match colour(&piece, names) {
            _ if is_matched => out += &paint("1;34", here),
            Some(colour) => out += &paint(colour, here),
            None => out += here,
        }
        at = piece.end;
    }
    out + &text[at..]
}

/// Terminal colours must not run over the end of a line.
fn paint(code: &str, text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| format!("\x1b[{code}m{line}\x1b[0m")).collect();
    lines.join("\n")
}

fn colour(piece: &Piece<'_>, names: &[&str]) -> Option<&'static str> {
    match piece.what {
        What::Comment(_) => Some("2"),
        What::Text(_) => Some("32"),
        What::Word(word) if word.starts_with(|c: char| c.is_ascii_digit()) => Some("33"),
        What::Word(word) if KEYWORDS.contains(&word) => Some("35"),
        What::Word(word) if names.contains(&word) => Some("36"),
        _ => None,
    }
}

/// The bracket at or before the cursor and its mate.
pub fn matching(text: &str, cursor: usize) -> Option<(usize, usize)> {
    let brackets: Vec<(usize, char)> = pieces(text)
        .into_iter()
        .filter_map(|piece| match piece.what {
            What::Symbol(symbol) if "()[]{}".contains(symbol) => Some((piece.start, symbol)),
            _ => None,
        })
        .collect();
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut pairs = Vec::new();
    for (at, symbol) in brackets {
        match symbol {
            '(' | '[' | '{' => open.push((at, symbol)),
            _ => match open.pop() {
                Some((start, first)) if mate(first) == symbol => pairs.push((start, at)),
                _ => return None,
            },
        }
    }
    let touches = |at: usize| at == cursor || at + 1 == cursor;
    pairs.into_iter().find(|(start, end)| touches(*start) || touches(*end))
}

fn mate(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_find_their_mates_outside_of_texts() {
        assert_eq!(matching("f(\")\", [1])", 2), Some((1, 10)));
        assert_eq!(matching("f(\")\", [1])", 10), Some((7, 9)), "the one at the cursor or before it");
        assert_eq!(matching("f(]", 2), None);
        assert_eq!(matching("ab", 1), None);
    }

    #[test]
    fn words_texts_and_numbers_have_colours() {
        let shown = highlighted("let x = kube.get(\"a\", 1)", &["kube"], None);
        assert_eq!(shown, "\x1b[35mlet\x1b[0m x = \x1b[36mkube\x1b[0m.get(\x1b[32m\"a\"\x1b[0m, \x1b[33m1\x1b[0m)");
        assert_eq!(highlighted("`a\nb`", &[], None), "\x1b[32m`a\x1b[0m\n\x1b[32mb`\x1b[0m");
    }
}
