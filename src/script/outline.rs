//! What a script or a module offers: steps, functions, imports.

use super::lexer::{Piece, What, pieces};
use super::steps::{Step, steps};

/// The outline of a text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// Its steps.
    pub steps: Vec<Step>,
    /// Its functions.
    pub functions: Vec<Function>,
    /// What it imports.
    pub imports: Vec<Import>,
}

/// A function as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<String>,
    /// The `///` comment directly above it, without slashes.
    pub doc: String,
    /// Whether only its own file can call it.
    pub private: bool,
    /// Its line, from 1.
    pub line: usize,
}

/// An `import "PATH" as NAME`.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The path as written.
    pub path: String,
    /// The name it is used under; empty when it has none.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
}

impl Outline {
    /// The outline of a script's or module's text.
    pub fn of(text: &str) -> Outline {
        let all = pieces(text);
        let code: Vec<Piece<'_>> =
            all.iter().filter(|piece| !matches!(piece.what, What::Comment(_))).copied().collect();
        let starts = 0..code.len();
        let functions = starts.clone().filter_map(|at| function(&all, &code, at)).collect();
        let imports = starts.filter_map(|at| import(&code[at..])).collect();
        Outline { steps: steps(text), functions, imports }
    }
}

fn function(all: &[Piece<'_>], code: &[Piece<'_>], at: usize) -> Option<Function> {
    let [keyword, name, bracket, rest @ ..] = &code[at..] else { return None };
    let (What::Word("fn"), What::Word(called), What::Symbol('(')) = (keyword.what, name.what, bracket.what) else {
        return None;
    };
    let params = rest.iter().take_while(|piece| piece.what != What::Symbol(')'));
    let params = params.filter_map(|piece| match piece.what {
        What::Word(word) => Some(word.to_owned()),
        _ => None,
    });
    let before = at.checked_sub(1).and_then(|before| code.get(before));
    let private = before.is_some_and(|piece| piece.what == What::Word("private"));
    let first = if private { before.map_or(keyword.line, |piece| piece.line) } else { keyword.line };
    Some(Function {
        name: called.into(),
        params: params.collect(),
        doc: doc_above(all, first),
        private,
        line: keyword.line,
    })
}

/// The `///` lines that end directly above a line.
fn doc_above(all: &[Piece<'_>], line: usize) -> String {
    let mut lines = Vec::new();
    for piece in all.iter().rev().filter(|piece| piece.line < line) {
        match piece.what {
            What::Comment(comment) if comment.starts_with("///") => {
                let comment = &comment[3..];
                lines.push(comment.strip_prefix(' ').unwrap_or(comment).trim_end());
            }
            _ => break,
        }
    }
    lines.reverse();
    lines.join("\n")
}

fn import(code: &[Piece<'_>]) -> Option<Import> {
    let [keyword, path, rest @ ..] = code else { return None };
    let (What::Word("import"), What::Text(path)) = (keyword.what, path.what) else { return None };
    let name = match rest {
        [word, name, ..] if word.what == What::Word("as") => match name.what {
            What::Word(name) => name,
            _ => "",
        },
        _ => "",
    };
    Some(Import { path: path.to_owned(), name: name.to_owned(), line: keyword.line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_imports_are_listed() {
        let text =
            "import \"std:a\" as a;\n/// Adds.\n/// Well.\nfn add(x, y) { x + y }\n\nprivate fn hidden() { |fn_| 1 }\n";
        let outline = Outline::of(text);
        assert_eq!(outline.imports, [Import { path: "std:a".into(), name: "a".into(), line: 1 }]);
        let told: Vec<_> = outline
            .functions
            .iter()
            .map(|f| (f.name.as_str(), f.params.join(","), f.doc.as_str(), f.private))
            .collect();
        assert_eq!(told, [("add", "x,y".into(), "Adds.\nWell.", false), ("hidden", String::new(), "", true)]);
    }
}
