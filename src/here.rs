//! The script line that this thread works for, until when, by when its step is due, and whose turn it is: whoever writes
//! down what was done, or does it again, asks here, without knowing scripts.

use crate::failure::Place;
use std::cell::{Cell, RefCell};
use std::time::Duration;

thread_local! {
    static HERE: RefCell<Option<Place>> = const { RefCell::new(None) };
    static BOUNDS: Cell<Bounds> = const { Cell::new(Bounds { end: None, due: None }) };
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

/// How long what only looks may go on when a step's time is over: the failure should know its cause.
pub const AFTERMATH: Duration = Duration::from_secs(5);

/// By when a thread's work must be done, by the run's clock.
#[derive(Clone, Copy, Default)]
pub struct Bounds {
    end: Option<Duration>,
    due: Option<Duration>,
}

/// Work that ends by a time of the run's clock; the bounds before it count again when this is dropped.
pub struct Until(Bounds);

/// What this thread asks for from now on, it needs by this time, or by an earlier one that counts already.
pub fn until(end: Duration) -> Until {
    let before = BOUNDS.get();
    within(Bounds { end: Some(earlier(before.end, end)), ..before })
}

/// What this thread does from now on is due at this time, or at an earlier one that counts already: a step's.
pub fn due_by(due: Duration) -> Until {
    let before = BOUNDS.get();
    within(Bounds { due: Some(earlier(before.due, due)), ..before })
}

/// This thread works within the bounds of another one.
pub fn within(bounds: Bounds) -> Until {
    Until(BOUNDS.replace(bounds))
}

fn earlier(one: Option<Duration>, other: Duration) -> Duration {
    one.map_or(other, |one| one.min(other))
}

/// The bounds of this thread, for another one that works for it.
pub fn bounds() -> Bounds {
    BOUNDS.get()
}

/// When what this thread asks for is of no use any more, by the run's clock.
pub fn end() -> Option<Duration> {
    BOUNDS.get().end
}

/// When the step that this thread works for must be done, by the run's clock.
pub fn due() -> Option<Duration> {
    BOUNDS.get().due
}

/// When even looking for the cause ends, once the step is overdue.
pub fn overdue() -> Option<Duration> {
    due().map(|due| due + AFTERMATH)
}

impl Drop for Until {
    fn drop(&mut self) {
        BOUNDS.set(self.0);
    }
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
    fn the_earlier_end_counts() {
        let of = Duration::from_secs;
        let outer = until(of(10));
        {
            let _inner = until(of(5));
            let _later = until(of(20));
            assert_eq!(end(), Some(of(5)));
        }
        assert_eq!(end(), Some(of(10)));
        drop(outer);
        assert_eq!(end(), None);
    }

    #[test]
    fn a_step_within_a_step_is_due_at_the_earlier_time_and_threads_inherit_it() {
        let of = Duration::from_secs;
        let _outer = due_by(of(10));
        let _inner = due_by(of(20));
        let _wait = until(of(30));
        assert_eq!((due(), overdue(), end()), (Some(of(10)), Some(of(15)), Some(of(30))));
        let bounds = bounds();
        let elsewhere = std::thread::spawn(move || {
            let before = due();
            let _bounds = within(bounds);
            (before, due(), end())
        });
        assert_eq!(elsewhere.join().expect("a thread"), (None, Some(of(10)), Some(of(30))));
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
