//! The script line that this thread works for: whoever writes down what was done asks here, without knowing scripts.

use crate::failure::Place;
use std::cell::RefCell;

thread_local! {
    static HERE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// Work for a script line; the line before it counts again when this is dropped.
pub struct At(Option<Place>);

/// What this thread does from now on, it does for this line.
pub fn at(place: Option<Place>) -> At {
    At(HERE.with(|here| here.replace(place)))
}

/// `script:line` that this thread works for.
pub fn line() -> Option<String> {
    HERE.with(|here| here.borrow().as_ref().map(|place| format!("{}:{}", place.source, place.line)))
}

impl Drop for At {
    fn drop(&mut self) {
        let before = self.0.take();
        HERE.with(|here| *here.borrow_mut() = before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_line_counts_until_it_ends() {
        let place = |line| Some(Place { source: "a.rhai".into(), line, column: 1 });
        let _outer = at(place(3));
        {
            let _inner = at(place(7));
            assert_eq!(line().as_deref(), Some("a.rhai:7"));
        }
        assert_eq!(line().as_deref(), Some("a.rhai:3"));
    }
}
