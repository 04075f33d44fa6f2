//! The script lines that a report shows around a place, as far as they fit.

use super::span::{self, Span};
use crate::failure::Place;
use console::measure_text_width;
use miette::{MietteError, MietteSpanContents, NamedSource, SourceCode, SourceSpan, SpanContents};

/// What stands before a line: its number, and a rule.
const RULE: usize = 5;

/// Room for less than this shows nothing of a line.
const LEAST: usize = 16;

/// A source whose lines around a place are cut to a width.
pub(super) struct Excerpt {
    source: NamedSource<String>,
    /// What is underlined, in the text as it is cut.
    pub span: Span,
    name: String,
    /// Where that stands in its line, from 0.
    column: usize,
}

impl Excerpt {
    /// The text around a place; `width` is that of the report, `None` where lines may be as long as they are.
    pub fn new(text: String, place: &Place, width: Option<usize>) -> Excerpt {
        let span = span::of(&text, place);
        let column = text[..span.start].chars().rev().take_while(|c| *c != '\n').count();
        let room = width.map(|width| width.saturating_sub(RULE + (place.line + 1).to_string().len()).max(LEAST));
        let (text, span) = room.map_or((text.clone(), span), |room| cut(&text, place.line, span, room));
        Excerpt { source: NamedSource::new(&place.source, text), span, name: place.source.clone(), column }
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.source.read_span(span, before, after)?;
        // Its column is one of bytes, in a line that may be cut. That of lines shown from their start is none.
        let column = if before == 0 { self.column } else { inner.column() };
        let (name, lines) = (self.name.clone(), inner.line_count());
        Ok(Box::new(MietteSpanContents::new_named(name, inner.data(), *inner.span(), inner.line(), column, lines)))
    }
}

/// The text with the lines around this one cut, and where what is underlined stands then.
fn cut(text: &str, line: usize, span: Span, room: usize) -> (String, Span) {
    let mut out = String::with_capacity(text.len());
    let mut moved = span;
    let mut start = 0;
    for (number, whole) in (1..).zip(text.split_inclusive('\n')) {
        let said = whole.trim_end_matches(['\n', '\r']);
        let end = &whole[said.len()..];
        if number == line {
            let (shown, at, length) = window(said, span.start.saturating_sub(start).min(said.len()), span.length, room);
            moved = Span { start: out.len() + at, length };
            out += &shown;
        } else if number.abs_diff(line) == 1 {
            out += &console::truncate_str(said, room, "…");
        } else {
            out += said;
        }
        out += end;
        start += whole.len();
    }
    (out, moved)
}

/// As much of a line as fits, what is underlined in it; where that stands then, and how long it is.
fn window(line: &str, at: usize, length: usize, room: usize) -> (String, usize, usize) {
    let is_whole = measure_text_width(line) <= room;
    let length = length.min(line.len() - at).max(usize::from(at >= line.len()));
    if is_whole {
        return (line.to_owned(), at, length);
    }
    // A third of the room for what stands before, unless all of that fits.
    let before = &line[..at];
    let marked = measure_text_width(&line[at..(at + length).min(line.len())]);
    let left = if measure_text_width(before) + marked < room { usize::MAX } else { room / 3 };
    let head = tail_of(before, left);
    let start = format!("{}{head}", if head.len() < before.len() { "…" } else { "" });
    let rest = console::truncate_str(&line[at..], room.saturating_sub(measure_text_width(&start)), "…").into_owned();
    let length = length.min(rest.len()).max(1);
    (format!("{start}{rest}"), start.len(), length)
}

/// The end of a text that is so wide at the most.
fn tail_of(text: &str, width: usize) -> &str {
    let mut used = 0;
    let fits = |(_, c): &(usize, char)| {
        used += measure_text_width(&c.to_string());
        used <= width
    };
    let from = text.char_indices().rev().take_while(fits).last().map_or(text.len(), |(at, _)| at);
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, column: usize, room: usize) -> (String, String) {
        let place = Place { source: "s".into(), line: 2, column };
        let text = format!("{}\n{line}\nend", "a".repeat(100));
        let (cut, span) = cut(&text, 2, span::of(&text, &place), room);
        assert!(cut.lines().all(|line| measure_text_width(line) <= room), "{cut}");
        let marked = cut[span.start..span.start + span.length].to_owned();
        (cut.lines().nth(1).expect("a line").to_owned(), marked)
    }

    #[test]
    fn a_long_line_is_cut_around_what_is_meant() {
        assert_eq!(shown("let a = 1;", 5, 30), ("let a = 1;".into(), "a".into()));
        let line = "step \"Parallel\" { parallel([1, 2], |n| { broken(n); other(n) }) }";
        assert_eq!(shown(line, 42, 30), ("…2], |n| { broken(n); other(n…".into(), "broken".into()));
        assert_eq!(shown(line, 6, 30), ("step \"Parallel\" { parallel([1…".into(), "\"Parallel\"".into()));
        let wide = format!("let s = \"{}\"; s + last", "豆".repeat(30));
        let (shown, marked) = shown(&wide, 47, 30);
        assert!(shown.starts_with('…') && shown.ends_with("s + last"), "{shown}");
        assert_eq!(marked, "last");
    }

    #[test]
    fn the_column_is_that_of_the_script() {
        let place = Place { source: "s".into(), line: 1, column: 47 };
        let text = format!("let s = \"{}\"; s + last", "豆".repeat(30));
        for width in [None, Some(40)] {
            let excerpt = Excerpt::new(text.clone(), &place, width);
            let span = (excerpt.span.start, excerpt.span.length).into();
            assert_eq!(excerpt.read_span(&span, 0, 0).expect("a span").column(), 46, "{width:?}");
        }
    }
}
