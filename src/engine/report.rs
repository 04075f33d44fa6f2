//! A failure as people read it: what, where, who called, why, what to do.

use super::excerpt::Excerpt;
use crate::failure::{Failure, Place};
use crate::secret::Redactor;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, Report};
use std::fmt::Write as _;
use textwrap::{WordSeparator, WordSplitter};

/// How a report is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Colours that a terminal shows.
    pub colour: bool,
    /// Messages are wrapped between words to this many columns, and script lines are cut; commands and tables are not.
    pub width: usize,
}

impl Look {
    /// Without colours, in lines of the same length everywhere: for files and pipes.
    pub const PLAIN: Look = Look { colour: false, width: 110 };

    /// Fits the terminal that errors are written to, where there is one.
    pub fn for_stderr(colour: bool) -> Look {
        let width = crate::plain::columns().unwrap_or(Look::PLAIN.width).clamp(40, Look::PLAIN.width);
        Look { colour, width }
    }

    /// A line of prose behind a label: wrapped where the terminal would break words.
    fn fitted(self, text: &str, indent: &str) -> String {
        let width =
            if self.width < Look::PLAIN.width { self.width.saturating_sub(indent.chars().count()) } else { usize::MAX };
        let lines = plain(text);
        let lines: Vec<String> = lines.lines().map(|line| crate::plain::wrapped(line, width, "")).collect();
        lines.join("\n").replace('\n', &format!("\n{indent}"))
    }
}

/// How many callers are shown before the rest is only counted.
const CALLERS: usize = 8;

/// The failure with its script line, its callers, its details and its hint; `text_of` gives the text of a source.
///
/// Without colour the layout is the same. Secrets in script lines are masked.
pub fn render(failure: &Failure, text_of: &dyn Fn(&str) -> Option<String>, look: Look) -> String {
    let mut out = String::new();
    headline(&mut out, failure, text_of, look);
    let callers = callers(failure);
    for place in callers.iter().take(CALLERS) {
        caller(&mut out, place, text_of, look);
    }
    if let Some(more) = callers.len().checked_sub(CALLERS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  … and {more} more callers");
    }
    for detail in &failure.details {
        let _ = writeln!(out, "  │ {}", look.fitted(detail, "  │ "));
    }
    if let Some(hint) = &failure.hint {
        let label = if look.colour { "\u{1b}[36mhint:\u{1b}[0m" } else { "hint:" };
        let _ = writeln!(out, "  {label} {}", look.fitted(hint, "        "));
    }
    Redactor::global().scrub(&out)
}

/// The callers, innermost first, each line once: a closure is called by the line that it stands in.
fn callers(failure: &Failure) -> Vec<&Place> {
    let mut places: Vec<&Place> = failure.places.iter().collect();
    places.dedup_by(|after, before| (&after.source, after.line) == (&before.source, before.line));
    places.split_off(places.len().min(1))
}

/// Text from scripts, clusters and programs, without secrets and without anything a terminal would obey.
pub fn plain(text: &str) -> String {
    crate::plain::text(text)
}

/// The message and, where its text is known, the innermost place.
fn headline(out: &mut String, failure: &Failure, text_of: &dyn Fn(&str) -> Option<String>, look: Look) {
    let theme = if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_context_lines(1).with_links(false);
    // A command in a message stays in one piece: hyphens and slashes are no places to break a line at.
    let handler = handler.with_width(look.width).with_break_words(false);
    let handler = handler.with_word_splitter(WordSplitter::NoHyphenation);
    let handler = handler.with_word_separator(WordSeparator::AsciiSpace);
    let mut diagnostic = MietteDiagnostic::new(plain(&failure.to_string()));
    let snippet = failure.places.first().and_then(|place| Some((place, text_of(&place.source)?)));
    let width = Some(look.width).filter(|width| *width < Look::PLAIN.width);
    let snippet = snippet.map(|(place, text)| Excerpt::new(text, place, width));
    if let Some(Excerpt { span, .. }) = &snippet {
        diagnostic = diagnostic.with_label(LabeledSpan::new(None, span.start, span.length));
    }
    let is_known = snippet.is_some();
    let report = Report::new(diagnostic);
    let report = match snippet {
        Some(excerpt) => report.with_source_code(excerpt),
        None => report,
    };
    let _ = handler.render_report(out, report.as_ref());
    if let Some(place) = failure.places.first().filter(|_| !is_known) {
        let _ = writeln!(out, "  at {}:{}:{}", place.source, place.line, place.column);
    }
}

fn caller(out: &mut String, place: &Place, text_of: &dyn Fn(&str) -> Option<String>, look: Look) {
    let line = text_of(&place.source);
    let line = line.as_deref().and_then(|text| text.lines().nth(place.line.saturating_sub(1)));
    let said = format!("  called from {}:{}:{}", place.source, place.line, place.column);
    let room = look.width.saturating_sub(said.chars().count() + 4);
    let line = line.map(|line| line.trim()).filter(|_| look.width >= Look::PLAIN.width || room > 8);
    let line =
        line.map(|line| if look.width < Look::PLAIN.width { crate::plain::line(line, room) } else { line.to_owned() });
    let line = line.map(|line| format!("   {line}")).unwrap_or_default();
    let _ = writeln!(out, "{said}{line}");
}
