//! The steps of a script, with the comment above each: what `show` prints.

use super::lexer::{Piece, What, pieces};
use std::ops::Range;

/// One `step` as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name; a name that the script computes is shown as written.
    pub name: String,
    /// The expression after `on`.
    pub on: Option<String>,
    /// The `//` comment directly above it, without slashes.
    pub doc: String,
    /// Its line, from 1.
    pub line: usize,
    /// How many steps it stands in.
    pub depth: usize,
    /// Its bytes in the text, from `step` to the closing brace.
    pub range: Range<usize>,
    /// The file of a small fork that it is written in, when it stands in for the origin's.
    pub file: Option<String>,
}

impl Step {
    /// The command lines in its comment, as they are written: those behind three blanks.
    pub fn commands(&self) -> Vec<&str> {
        self.doc.lines().filter_map(|line| line.strip_prefix("  ")).map(str::trim).collect()
    }
}

/// The steps of a script's text, in order.
pub fn steps(text: &str) -> Vec<Step> {
    let all = pieces(text);
    let code: Vec<Piece<'_>> = all.iter().filter(|piece| !matches!(piece.what, What::Comment(_))).copied().collect();
    let mut found: Vec<Step> = Vec::new();
    // The brace depths at which steps that are open began, with the steps' numbers.
    let (mut depth, mut open, mut awaited) = (0_usize, Vec::new(), false);
    for (at, piece) in code.iter().enumerate() {
        match piece.what {
            What::Word("step") => {
                if let Some(step) = step_at(text, &all, &code[at..], open.len()) {
                    found.push(step);
                    awaited = true;
                }
            }
            What::Symbol('{') => {
                depth += 1;
                if std::mem::take(&mut awaited) {
                    open.push((depth, found.len() - 1));
                }
            }
            What::Symbol('}') => {
                if let Some((_, step)) = open.pop_if(|(began, _)| *began == depth) {
                    found[step].range.end = piece.end;
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    found
}

fn step_at(text: &str, all: &[Piece<'_>], code: &[Piece<'_>], depth: usize) -> Option<Step> {
    let [step, name, rest @ ..] = code else { return None };
    let What::Text(quoted) = name.what else { return None };
    let block = rest.iter().find(|piece| piece.what == What::Symbol('{'))?;
    let on = rest.first().filter(|piece| piece.what == What::Word("on"));
    let within = rest.iter().find(|piece| piece.what == What::Word("within") && piece.start < block.start);
    let end = within.map_or(block.start, |within| within.start);
    let on = on.map(|on| text[on.end..end].trim().to_owned());
    let (name, doc, range) = (quoted.replace("\\\"", "\""), comment_above(all, step.line), step.start..block.end);
    Some(Step { name, on, doc, line: step.line, depth, range, file: None })
}

/// The `//` lines that end directly above a line.
pub(super) fn comment_above(all: &[Piece<'_>], line: usize) -> String {
    let mut lines = Vec::new();
    let mut wanted = line;
    for piece in all.iter().rev().filter(|piece| piece.line < line) {
        let What::Comment(comment) = piece.what else { break };
        let is_plain = comment.starts_with("//") && !comment.starts_with("///") && !comment.starts_with("//!");
        let stands_alone = !all.iter().any(|other| other.line == piece.line && other.start < piece.start);
        if piece.line + 1 != wanted || !is_plain || !stands_alone {
            break;
        }
        wanted = piece.line;
        let comment = &comment[2..];
        lines.push(comment.strip_prefix(' ').unwrap_or(comment).trim_end());
    }
    lines.reverse();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_with_their_comments_targets_and_depths() {
        let text = "//! # T\n\n// unrelated\n\n// Guide: step 1.\n//   kubectl get\nstep \"One\" on mesh.clusters {\n  // inner\n  let x = #{step: 1};\n  step \"Two\" { f(\"step \\\"no\\\" {\") }\n}\nlet a = 1; // not a doc\nlet b = step `Three ${b}` within t { 2 };\nlet step = 1;\nstep \"Four\" on c within \"5m\" { }";
        let steps = steps(text);
        let told: Vec<_> =
            steps.iter().map(|s| (s.name.as_str(), s.on.as_deref(), s.doc.as_str(), s.line, s.depth)).collect();
        let wanted = [
            ("One", Some("mesh.clusters"), "Guide: step 1.\n  kubectl get", 7, 0),
            ("Two", None, "", 10, 1),
            ("Three ${b}", None, "", 13, 0),
            ("Four", Some("c"), "", 15, 0),
        ];
        assert_eq!(told, wanted);
        assert_eq!(&text[steps[1].range.clone()], "step \"Two\" { f(\"step \\\"no\\\" {\") }");
    }
}
