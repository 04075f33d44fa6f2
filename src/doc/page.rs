//! An entry as text for a terminal.

use super::Entry;

/// The first sentence of a text.
pub fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

/// How to call it, and its first sentence below.
pub fn brief(entry: &Entry, width: usize) -> String {
    let sentence = wrapped(first_sentence(entry.doc), width.saturating_sub(6));
    format!("  {}\n{}", entry.signature, indented(&indented(&indented(&sentence))))
}

/// Everything about it, in lines of at most this width.
pub fn full(entry: &Entry, width: usize) -> String {
    let mut text = format!("{}\n{}", entry.signature, indented(&wrapped(entry.doc, width.saturating_sub(2))));
    if !entry.options.is_empty() {
        text += &format!("\n{}", options(entry, width));
    }
    if entry.effect.is_some() {
        text += &format!("\n  {} · since {}\n", entry.effect_words(), entry.since);
    }
    if !entry.errors().is_empty() {
        let errors = format!("fails with {}", entry.errors().join(", "));
        text += &indented(&wrapped(&errors, width.saturating_sub(2)));
    }
    if !entry.example.is_empty() {
        text += &format!("\n  Example:\n{}", indented(&indented(&entry.example())));
    }
    text
}

/// The options, the meanings in one column.
fn options(entry: &Entry, width: usize) -> String {
    let names = entry.options.iter().map(|(name, kinds, _)| format!("#{{{name}: {kinds}}}"));
    let names: Vec<String> = names.collect();
    let column = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().min(34) + 4;
    let mut text = String::new();
    for (name, (_, _, doc)) in names.iter().zip(entry.options) {
        let doc = wrapped(doc, width.saturating_sub(column).max(24));
        for (at, line) in doc.lines().enumerate() {
            let head = if at == 0 { format!("  {name}") } else { String::new() };
            text += &format!("{head:<column$}{line}\n", column = column.max(head.chars().count() + 2));
        }
    }
    text
}

/// Every line two blanks further in.
pub fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// Words in lines of at most this width; lines of the text stay apart.
pub fn wrapped(text: &str, width: usize) -> String {
    text.lines().map(|line| paragraph(line, width)).collect::<Vec<_>>().join("\n")
}

fn paragraph(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let more = word.chars().count();
        let last = lines.len() - 1;
        if length == 0 {
            lines[last] = word.to_owned();
            length = more;
        } else if length + more < width {
            lines[last] += &format!(" {word}");
            length += more + 1;
        } else {
            lines.push(word.to_owned());
            length = more;
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::entries;

    #[test]
    fn a_page_has_everything_that_the_table_knows() {
        let entry = entries().find(|entry| entry.label() == "Cluster.list").expect("list");
        let text = full(&entry, 80);
        for part in [&*entry.signature, "#{namespace: string}", "reads · since 0.1.0", "fails with", "Example:"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }

    #[test]
    fn prose_fits_into_the_width() {
        for entry in entries() {
            let text = full(&entry, 72);
            let prose = text.lines().skip(1).take_while(|line| !line.contains("Example:"));
            // A name of an option may be longer than its column.
            let long: Vec<&str> = prose.filter(|line| line.chars().count() > 72 && !line.contains("#{")).collect();
            assert!(long.is_empty(), "{}: {long:?}", entry.label());
        }
    }
}
