//! Text that is entered piece by piece, as at a prompt: what one piece defines, the next ones know.

use super::inside::Inside;
use super::left::{self, Variable};
use super::lexer::{self, What};
use super::{errors, modules, tokens};
use crate::failure::{Failure, Result};
use rhai::{AST, Dynamic, Engine, LexError, ParseError, ParseErrorType, Position, Scope, Stmt};
use std::ops::Range;

/// What a text is so far.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// It can be run.
    Whole,
    /// It ends in the middle of something: more must follow.
    Open,
    /// It is no script, whatever follows.
    Wrong(Failure),
}

/// Variables, functions and imports of everything entered so far.
pub struct Console {
    /// The source name of everything that is entered.
    source: String,
    /// Functions and imports, without any other statement.
    known: AST,
    /// Variables.
    scope: Scope<'static>,
    /// Where among the variables those of the step stand that failed last.
    inner: Range<usize>,
}

impl Console {
    /// Nothing entered yet. `source` decides what relative imports mean.
    pub fn new(source: &str, scope: Scope<'static>) -> Console {
        Console { source: source.to_owned(), known: AST::empty(), scope, inner: 0..0 }
    }

    /// What a text is so far.
    pub fn read(engine: &Engine, source: &str, text: &str) -> Reading {
        match tokens::reading(text, || engine.compile(text)) {
            Ok(_) if ends_in_comment(text) => Reading::Open,
            Ok(_) => Reading::Whole,
            Err(error) if is_open(&error, text) => Reading::Open,
            Err(error) => Reading::Wrong(modules::not_a_script(&error, source, text)),
        }
    }

    /// Runs a text to its value. What it defines stays known; when it fails, the variables it made are gone again.
    ///
    /// The text's first line counts as `line` of the source, from 1. Call it on a script thread.
    ///
    /// # Errors
    /// What the text fails with.
    pub fn enter(&mut self, engine: &Engine, text: &str, line: usize) -> Result<Dynamic> {
        let placed = format!("{}{text}", "\n".repeat(line.saturating_sub(1)));
        let inside = Inside::of(engine);
        let ast = modules::compile(engine, inside.as_deref(), &self.source, &placed);
        let ast = ast.map_err(|error| modules::not_a_script(&error, &self.source, &placed))?;
        let whole = self.known.merge(&ast);
        let before = self.scope.len();
        match engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &whole) {
            Ok(value) => {
                self.keep(&whole);
                Ok(value.flatten())
            }
            Err(error) => {
                self.scope.rewind(before);
                Err(errors::failure(engine, &error, &self.source))
            }
        }
    }

    /// Runs a statement of a script. When a step in it fails, the variables inside that step stay, until
    /// [`Console::leave_step`].
    ///
    /// # Errors
    /// What the statement fails with.
    pub fn enter_part(&mut self, engine: &Engine, text: &str, line: usize) -> Result<Dynamic> {
        self.leave_step();
        let Some(inside) = Inside::of(engine) else { return self.enter(engine, text, line) };
        let (outcome, left) = inside.left.of(|| self.enter(engine, text, line));
        if outcome.is_err() {
            self.step_into(left);
        }
        outcome
    }

    /// Puts the variables of a step beside those around it, which it may have seen.
    fn step_into(&mut self, left: Vec<Variable>) {
        let own = left::variables(&self.scope);
        let is_around = own.len() <= left.len() && own.iter().zip(&left).all(|(own, other)| own.0 == other.0);
        let known = if is_around { own.len() } else { 0 };
        left.into_iter().skip(known).for_each(|variable| push(&mut self.scope, variable));
        self.inner = own.len()..self.scope.len();
    }

    /// Takes away the variables of the step that failed last. Those that were made since stay.
    pub fn leave_step(&mut self) {
        let inner = std::mem::take(&mut self.inner);
        if inner.is_empty() {
            return;
        }
        let all = left::variables(&std::mem::take(&mut self.scope)).into_iter().enumerate();
        let kept = all.filter(|(index, _)| !inner.contains(index));
        kept.for_each(|(_, variable)| push(&mut self.scope, variable));
    }

    /// The names of the variables of the step that failed last.
    pub fn of_step(&self) -> Vec<String> {
        let all = left::variables(&self.scope).into_iter().map(|(name, ..)| name);
        all.skip(self.inner.start).take(self.inner.len()).collect()
    }

    /// Takes a variable away.
    pub fn forget(&mut self, name: &str) {
        let newer = self.scope.iter_raw().position(|(known, ..)| known == name);
        let Some(at) = newer.map(|newer| self.scope.len() - 1 - newer) else { return };
        let _ = self.scope.remove::<Dynamic>(name);
        let moved = |bound: usize| bound - usize::from(at < bound);
        self.inner = moved(self.inner.start)..moved(self.inner.end);
    }

    /// The variables.
    pub fn scope(&self) -> &Scope<'static> {
        &self.scope
    }

    /// The variables, to change them.
    pub fn scope_mut(&mut self) -> &mut Scope<'static> {
        &mut self.scope
    }

    /// The source name of what is entered from now on.
    pub fn set_source(&mut self, source: &str) {
        source.clone_into(&mut self.source);
    }

    /// The functions that were entered, with their parameters.
    pub fn functions(&self) -> Vec<(String, Vec<String>)> {
        let named = self.known.iter_functions().filter(|function| !function.name.starts_with("anon$"));
        named.map(|f| (f.name.to_owned(), f.params.iter().map(|param| (*param).to_owned()).collect())).collect()
    }

    /// Keeps functions and imports; of several imports under one name the last.
    fn keep(&mut self, whole: &AST) {
        let mut imports: Vec<Stmt> = Vec::new();
        for statement in whole.statements() {
            let Stmt::Import(import, _) = statement else { continue };
            let name = &import.1.name;
            imports.retain(|known| !matches!(known, Stmt::Import(known, _) if known.1.name == *name));
            imports.push(statement.clone());
        }
        let functions = whole.shared_lib().clone();
        self.known = AST::new_with_source(imports, functions, self.source.clone());
    }
}

fn push(scope: &mut Scope, (name, constant, value): Variable) {
    if constant {
        scope.push_constant_dynamic(name, value);
    } else {
        scope.push_dynamic(name, value);
    }
}

/// A block comment that is not closed compiles as a whole script.
fn ends_in_comment(text: &str) -> bool {
    let pieces = lexer::pieces(text);
    let Some(What::Comment(comment)) = pieces.last().map(|piece| piece.what) else { return false };
    comment.starts_with("/*") && comment.matches("/*").count() > comment.matches("*/").count()
}

/// Whether an error only says that the text ends too early.
fn is_open(error: &ParseError, text: &str) -> bool {
    match error.err_type() {
        ParseErrorType::UnexpectedEOF => true,
        // A text in double quotes ends on its line.
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            offset(text, error.position()).is_none_or(|at| text[at..].starts_with('`'))
        }
        _ => offset(text, error.position()).is_none_or(|at| at >= text.trim_end().len()),
    }
}

/// The byte that a position means; `None` when it means none.
fn offset(text: &str, position: Position) -> Option<usize> {
    let line = position.line()?;
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let column = position.position().unwrap_or(1).saturating_sub(1);
    let rest = text.get(start..)?;
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        crate::engine::parser()
    }

    fn reading(text: &str) -> Reading {
        Console::read(&engine(), "typed", text)
    }

    #[test]
    fn the_parser_decides_whether_more_must_follow() {
        for open in [
            "fn f(x) {",
            "let x =",
            "let x = 1 +",
            "[1, 2,",
            "#{a: 1,",
            "f(1,",
            "if true {",
            "`a ${b}",
            "`a",
            "step \"x\"",
            "step \"x\" on a",
            "step \"x\" {\n let y = 1;",
            "a.",
            "a.b(|x|",
            "/* a",
            "import \"x\" as",
            "1 + /* a\n",
            "let x = #{\n",
        ] {
            assert_eq!(reading(open), Reading::Open, "{open}");
        }
        for whole in ["", "1", "let x = 1;", "let x = 1", "fn f() {}", "a.b", "// c", "`a\nb`", "step \"x\" { 1 }"] {
            assert_eq!(reading(whole), Reading::Whole, "{whole}");
        }
        for wrong in ["1 1", "let 1 = 2", ")", "a.b(]", "\"abc", "fn (x) {}", "eval(\"1\")"] {
            assert!(matches!(reading(wrong), Reading::Wrong(_)), "{wrong}: {:?}", reading(wrong));
        }
    }

    #[test]
    fn what_was_entered_stays_known() {
        let engine = engine();
        let mut console = Console::new("typed", Scope::new());
        let mut enter = |text: &str| console.enter(&engine, text, 1).map(|value| value.to_string());
        enter("let x = 20; fn twice(n) { n * 2 }").expect("defined");
        assert_eq!(enter("twice(x) + 2").expect("known"), "42");
        enter("let add = |n| n + x;").expect("closure");
        assert_eq!(enter("add.call(1)").expect("closure"), "21");
        enter("fn twice(n) { n * 3 }").expect("again");
        assert_eq!(enter("let y = 5; twice(y)").expect("the later one"), "15");
    }

    #[test]
    fn a_failed_text_leaves_no_variables() {
        let engine = engine();
        let mut console = Console::new("typed", Scope::new());
        let failure = console.enter(&engine, "let y = 1;\nthrow \"no\"", 7).expect_err("throws");
        assert_eq!(failure.places[0].line, 8);
        assert!(!console.scope().contains("y"));
    }
}
