//! The bracket of a text that lacks its mate. A parser only notices much further down, and blames what stands there.

use super::lexer::{Piece, What, pieces};

/// What is wrong with a bracket, and where: line and column, from 1.
pub(super) struct Lonely {
    pub said: String,
    pub line: usize,
    pub column: usize,
}

/// The first bracket that lacks its mate.
pub(super) fn lonely(text: &str) -> Option<Lonely> {
    let mut open: Vec<Piece<'_>> = Vec::new();
    let mut crooked = None;
    for piece in pieces(text) {
        let What::Symbol(symbol) = piece.what else { continue };
        if mate(symbol).is_some() {
            open.push(piece);
            continue;
        }
        let Some(opener) = opener(symbol) else { continue };
        let Some(last) = open.pop() else { return Some(at(text, piece, format!("this `{symbol}` closes nothing"))) };
        if last.what != What::Symbol(opener) {
            // At a prompt lines have no numbers that somebody knows.
            let place = match piece.line - last.line {
                0 => "behind it".to_owned(),
                1 => "in the next line".to_owned(),
                lines => format!("{lines} lines below"),
            };
            let said = format!("{} before the `{symbol}` {place}", unclosed(last));
            return Some(at(text, last, said));
        }
        let is_crooked = symbol == '}' && starts_line(text, piece) && indent(text, piece) < indent(text, last);
        if is_crooked && crooked.is_none() {
            crooked = Some(last);
        }
    }
    // Where the indentation shows that a block took its neighbour's end, that block is the one that is open.
    let last = open.pop()?;
    let piece = crooked.filter(|crooked| crooked.start > last.start).unwrap_or(last);
    Some(at(text, piece, unclosed(piece)))
}

fn unclosed(piece: Piece<'_>) -> String {
    let What::Symbol(symbol) = piece.what else { return String::new() };
    format!("this `{symbol}` lacks its `{}`", mate(symbol).unwrap_or_default())
}

fn mate(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

fn opener(close: char) -> Option<char> {
    ['(', '[', '{'].into_iter().find(|open| mate(*open) == Some(close))
}

fn line_of<'t>(text: &'t str, piece: Piece<'_>) -> &'t str {
    let start = text[..piece.start].rfind('\n').map_or(0, |at| at + 1);
    text[start..].lines().next().unwrap_or_default()
}

fn indent(text: &str, piece: Piece<'_>) -> usize {
    let line = line_of(text, piece);
    line.len() - line.trim_start().len()
}

fn starts_line(text: &str, piece: Piece<'_>) -> bool {
    text[..piece.start].chars().rev().take_while(|c| *c != '\n').all(char::is_whitespace)
}

fn at(text: &str, piece: Piece<'_>, said: String) -> Lonely {
    let column = text[..piece.start].chars().rev().take_while(|c| *c != '\n').count() + 1;
    Lonely { said, line: piece.line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (String, usize, usize) {
        let lonely = lonely(text).expect("a bracket alone");
        (lonely.said, lonely.line, lonely.column)
    }

    #[test]
    fn the_bracket_that_is_left_open_is_found() {
        assert_eq!(told("if x {\n  f(1);\n"), ("this `{` lacks its `}`".into(), 1, 6));
        assert_eq!(told("let a = #{b: [1, 2};"), ("this `[` lacks its `]` before the `}` behind it".into(), 1, 14));
        assert_eq!(told("\n[\n\n)").0, "this `[` lacks its `]` before the `)` 2 lines below");
        assert_eq!(told("f(1));"), ("this `)` closes nothing".into(), 1, 5));
    }

    #[test]
    fn indentation_tells_which_of_two_blocks_is_open() {
        let text = "fn a() {\n    if x {\n        f();\n}\n\nfn b() {\n}\n";
        assert_eq!(told(text), ("this `{` lacks its `}`".into(), 2, 10));
    }

    #[test]
    fn brackets_in_texts_and_comments_do_not_count() {
        assert!(lonely("f(\"(\"); // (\n`${g(\"}\")} {`; /* { */ [1]").is_none());
    }
}
