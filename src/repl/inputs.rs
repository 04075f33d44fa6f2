//! What was entered, and where its lines are.
//!
//! Everything that is entered at one prompt has one source. So that each line of it has a place of its own, inputs stand
//! one below the other, from a line that no script file reaches.

use crate::failure::{Failure, Place};

/// The line before the first input: scripts are shorter.
const FIRST: usize = 20_000;

/// Rhai counts lines in 16 bits.
const LAST: usize = 65_000;

/// Everything that was entered.
#[derive(Default)]
pub struct Inputs(Vec<Input>);

/// One text that was entered.
#[derive(Debug, Clone)]
pub struct Input {
    /// The text.
    pub text: String,
    /// The line that its first line counts as.
    line: usize,
    /// Whether it is a statement of the open script, which has its own lines.
    pub is_part: bool,
    /// Whether it ran to its end.
    pub succeeded: bool,
    /// How many results there were before it.
    pub before: usize,
    /// The number of its result.
    pub result: Option<usize>,
}

impl Input {
    fn new(text: &str, before: usize) -> Input {
        Input { text: text.to_owned(), line: 0, is_part: false, succeeded: false, before, result: None }
    }
}

impl Inputs {
    /// Remembers a text that is about to be run; says which line its first line counts as.
    pub fn begin(&mut self, text: &str, results: usize) -> usize {
        let after = |last: &Input| last.line + last.text.lines().count() + 1;
        let line = self.0.iter().rev().find(|input| !input.is_part).map_or(FIRST, after);
        // Older inputs then lose their places, which only reports about their functions would show.
        let line = if line + text.lines().count() > LAST { FIRST } else { line };
        self.0.push(Input { line, ..Input::new(text, results) });
        line
    }

    /// Remembers a statement of the open script that is about to be run at its own line.
    pub fn begin_part(&mut self, text: &str, line: usize) {
        self.0.push(Input { line, is_part: true, ..Input::new(text, 0) });
    }

    /// The last text ran to its end.
    pub fn succeeded(&mut self, result: Option<usize>) {
        if let Some(last) = self.0.last_mut() {
            (last.succeeded, last.result) = (true, result);
        }
    }

    /// Everything that was entered, in order.
    pub fn all(&self) -> &[Input] {
        &self.0
    }

    /// A failure with places in inputs named as such.
    pub fn placed(&self, mut failure: Failure) -> Failure {
        for place in &mut failure.places {
            if let Some((number, input)) = self.at(place) {
                *place = Place { source: format!("input {number}"), line: place.line - input.line + 1, ..*place };
            }
        }
        failure
    }

    /// The text of `input N`.
    pub fn text(&self, source: &str) -> Option<String> {
        let number: usize = source.strip_prefix("input ")?.parse().ok()?;
        Some(self.0.get(number.checked_sub(1)?)?.text.clone())
    }

    fn at(&self, place: &Place) -> Option<(usize, &Input)> {
        let holds = |input: &Input| {
            !input.is_part && (input.line..input.line + input.text.lines().count().max(1)).contains(&place.line)
        };
        self.0.iter().enumerate().rev().find(|(_, input)| holds(input)).map(|(index, input)| (index + 1, input))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_in_its_input() {
        let mut inputs = Inputs::default();
        let (first, second) = (inputs.begin("fn f() {\n  1\n}", 0), inputs.begin("f()", 0));
        let place = |line| Place { source: "typed".into(), line, column: 1 };
        let failure = Failure { places: vec![place(first + 1), place(second), place(3)], ..Failure::usage("x") };
        let told: Vec<_> = inputs.placed(failure).places.into_iter().map(|place| (place.source, place.line)).collect();
        assert_eq!(told, [("input 1".into(), 2), ("input 2".into(), 1), ("typed".into(), 3)]);
        assert_eq!(inputs.text("input 2").as_deref(), Some("f()"));
    }
}
