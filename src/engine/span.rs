//! What of a script is underlined in a report.

use crate::failure::Place;

/// Bytes of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub start: usize,
    pub length: usize,
}

/// The word at a place, the text in quotes, or a line of the header.
pub(super) fn of(text: &str, place: &Place) -> Span {
    let start: usize = text.split_inclusive('\n').take(place.line.saturating_sub(1)).map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or_default();
    let column = place.column.saturating_sub(1);
    let offset = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    if let Some(header) = line.strip_prefix("//!").filter(|_| offset == 0) {
        let said = header.trim_start();
        return Span { start: start + line.len() - said.len(), length: said.trim_end().len().max(1) };
    }
    let rest = &line[offset..];
    let quoted = rest.strip_prefix('"').and_then(|inner| inner.find('"')).map(|end| end + 2);
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let one = rest.chars().next().map_or(1, char::len_utf8);
    let length = quoted.unwrap_or(word.max(one)).min(text.len() - start - offset);
    Span { start: start + offset, length }
}
