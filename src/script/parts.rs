//! The statements at the top of a script, one after the other: what can be run one by one.

use super::Script;
use super::lexer::{Piece, What, pieces};
use super::outline::{Import, Outline};
use super::own_steps::from_top;
use super::steps::steps;

/// One statement at the top of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its text, without the comments above it.
    pub text: String,
    /// Its first byte in the script.
    pub start: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Whether it only defines a function.
    pub is_function: bool,
    /// The steps in it.
    pub steps: Vec<String>,
    /// The texts that stand in for steps of it, in a small fork.
    pub own: Vec<String>,
}

/// Words that begin a statement which ends with a block.
const BLOCKS: [&str; 9] = ["step", "if", "for", "while", "loop", "fn", "private", "try", "switch"];

/// The statements of a script's text.
pub fn parts(text: &str) -> Vec<Part> {
    let all = pieces(text);
    let code: Vec<Piece<'_>> = all.into_iter().filter(|piece| !matches!(piece.what, What::Comment(_))).collect();
    let steps = steps(text);
    let (mut parts, mut first) = (Vec::new(), 0);
    while let Some(begin) = code.get(first) {
        let last = end(&code, first);
        let stop = code[last].end;
        let lines = begin.line..code.get(last + 1).map_or(usize::MAX, |next| next.line.max(begin.line + 1));
        let within = steps.iter().filter(|step| lines.contains(&step.line)).map(|step| step.name.clone());
        parts.push(Part {
            text: text[begin.start..stop].to_owned(),
            start: begin.start,
            line: begin.line,
            is_function: matches!(begin.what, What::Word("fn" | "private")),
            steps: within.collect(),
            own: Vec::new(),
        });
        first = last + 1;
    }
    parts
}

/// The last piece of the statement that begins at `first`.
fn end(code: &[Piece<'_>], first: usize) -> usize {
    let is_block = match code[first].what {
        What::Symbol('{') => true,
        What::Word(word) => BLOCKS.contains(&word),
        _ => false,
    };
    let mut depth = 0_usize;
    for (at, piece) in code.iter().enumerate().skip(first) {
        match piece.what {
            What::Symbol('(' | '[' | '{') => depth += 1,
            What::Symbol(')' | ']') => depth = depth.saturating_sub(1),
            What::Symbol('}') => {
                depth = depth.saturating_sub(1);
                let next = code.get(at + 1).map(|next| next.what);
                let goes_on = matches!(next, Some(What::Word("else" | "catch") | What::Symbol(';')));
                if depth == 0 && is_block && !goes_on {
                    return at;
                }
            }
            What::Symbol(';') if depth == 0 => return at,
            _ => {}
        }
    }
    code.len() - 1
}

/// The statements of a script, each with what stands in for its steps.
pub fn parts_of(script: &Script) -> Vec<Part> {
    let (mut parts, files) = (parts(&script.text), script.step_files());
    let own = script.steps().into_iter().filter_map(|step| Some((step.name, step.file?)));
    let own: Vec<(String, String)> = own.collect();
    for part in &mut parts {
        let sources = own.iter().filter(|(name, _)| part.steps.contains(name)).map(|(_, source)| source);
        let texts = sources.filter_map(|source| files.iter().find(|(known, _)| known == source));
        part.own = texts.map(|(_, text)| text.clone()).collect();
    }
    parts
}

impl Part {
    /// Its text with what stands in for its steps written into it. What those import beside what is known already they
    /// import for themselves; their functions stand below.
    pub fn whole(&self, known: &[Import]) -> String {
        let mut whole = self.text.clone();
        for own in &self.own {
            let Some(step) = steps(own).into_iter().next() else { continue };
            let Some(there) = steps(&whole).into_iter().find(|there| there.name == step.name) else { continue };
            let is_known = |import: &Import| known.iter().any(|k| k.path == import.path && k.name == import.name);
            let mut imports = Outline::of(&own[..step.range.start]).imports;
            imports.retain(|import| !is_known(import));
            let body = &own[step.range];
            let lines: String = imports.iter().map(|import| format!("    {}\n", from_top(import))).collect();
            // A text over several lines stays as it is.
            let deeper = if body.contains('`') { body.to_owned() } else { body.replace('\n', "\n    ") };
            let body = if lines.is_empty() { body.to_owned() } else { format!("{{\n{lines}    {deeper}\n}}") };
            whole.replace_range(there.range, &body);
            let functions = parts(own).into_iter().filter(|part| part.is_function);
            functions.for_each(|function| whole += &format!("\n{}", function.text));
        }
        whole
    }

    /// Whether it is written as this one is.
    pub fn is_as(&self, other: &Part) -> bool {
        self.text == other.text && self.own == other.own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_stand_one_by_one() {
        let text = "//! # T\nimport \"std:a\" as a;\n// doc\nlet m = #{a: [1; 2]};\nstep \"One\" on m.c {\n  f();\n}\nlet b = step `Two` { 2 };\nif m { step \"Three\" {} } else { 1 }\nfn f() { 1 }\ntry { 1 } catch (e) { 2 }\nm.a = |x| { x; };\n7";
        let told: Vec<_> =
            parts(text).into_iter().map(|p| (p.line, p.text, p.steps.join(","), p.is_function)).collect();
        let part = |line, text: &str, step: &str, function| (line, text.to_owned(), step.to_owned(), function);
        assert_eq!(
            told,
            [
                part(2, "import \"std:a\" as a;", "", false),
                part(4, "let m = #{a: [1; 2]};", "", false),
                part(5, "step \"One\" on m.c {\n  f();\n}", "One", false),
                part(8, "let b = step `Two` { 2 };", "Two", false),
                part(9, "if m { step \"Three\" {} } else { 1 }", "Three", false),
                part(10, "fn f() { 1 }", "", true),
                part(11, "try { 1 } catch (e) { 2 }", "", false),
                part(12, "m.a = |x| { x; };", "", false),
                part(13, "7", "", false),
            ]
        );
    }

    #[test]
    fn every_part_of_the_bundle_compiles_by_itself() {
        let engine = crate::engine::parser();
        for script in crate::script::Script::all() {
            let parts = parts(&script.text);
            assert!(parts.len() > 3, "{}", script.name);
            for part in parts {
                drop(crate::engine::compile(&engine, &script.source, &part.text).expect(&part.text));
            }
        }
    }
}
