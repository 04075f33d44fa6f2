//! The script line that this thread works for, and whose turn it is: whoever writes down what was done asks here,
//! without knowing scripts.

use crate::failure::Place;
use std::cell::RefCell;

thread_local! {
    static HERE: RefCell<Option<Place>> = const { RefCell::new(None) };
    static TURN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// This thread works for a script, from this turn on: a part of what another thread's turn is about, or, when empty, the
/// script itself.
pub fn begin(turn: Vec<usize>) {
    TURN.set([turn, vec![0]].concat());
}

/// The next turn of this thread, in the order of the script however its threads hurry; empty on a thread that works for
/// no script.
pub fn turn() -> Vec<usize> {
    TURN.with_borrow_mut(|turn| {
        let now = turn.clone();
        turn.last_mut().into_iter().for_each(|last| *last += 1);
        now
    })
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

    #[test]
    fn turns_are_in_the_order_of_the_script() {
        begin(Vec::new());
        let (before, both) = (turn(), turn());
        let after = turn();
        let beside = |index| {
            let both = both.clone();
            let turns = std::thread::spawn(move || {
                begin([&both[..], &[index]].concat());
                [turn(), turn()]
            });
            turns.join().expect("turns")
        };
        let (second, first) = (beside(1), beside(0));
        let mut told = [vec![after.clone()], second.to_vec(), first.to_vec(), vec![before.clone()]].concat();
        told.sort();
        assert_eq!(told, [vec![before], first.to_vec(), second.to_vec(), vec![after]].concat());
        assert_eq!(std::thread::spawn(turn).join().expect("a turn"), Vec::<usize>::new());
    }
}
