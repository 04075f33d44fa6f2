//! How much of what Tab offers is listed: no more than a screen. A longer list would be paged, by keys that nobody knows.

use super::{Candidate, View};
use console::measure_text_width;

/// Lines that the list leaves to what is being typed.
const TYPED: usize = 3;

/// Blanks between the columns of the list.
const GAP: usize = 2;

/// The candidates as they are listed: each on one line, and of too many the first ones, with how many are left.
pub fn fitting(mut candidates: Vec<Candidate>, view: &View) -> Vec<Candidate> {
    let width = view.width.saturating_sub(GAP);
    candidates.iter_mut().for_each(|candidate| candidate.shown = crate::plain::line(&candidate.shown, width));
    let widest = candidates.iter().map(|candidate| measure_text_width(&candidate.shown)).max().unwrap_or_default();
    let note = |left: usize| format!("… {left} more: type on");
    let column = widest.max(note(candidates.len()).chars().count()) + GAP;
    let room = view.height.saturating_sub(TYPED).max(1) * (view.width / column).max(1);
    if candidates.len() <= room {
        return candidates;
    }
    // What all begin with is taken over into the line, as if all were listed.
    let text = common(&candidates);
    let left = candidates.len() - (room - 1);
    candidates.truncate(room - 1);
    candidates.push(Candidate { text, shown: note(left) });
    candidates
}

/// What the texts of all candidates begin with.
fn common(candidates: &[Candidate]) -> String {
    let mut texts = candidates.iter().map(|candidate| candidate.text.as_str());
    let first = texts.next().unwrap_or_default();
    let shared = |one: &str, other: &str| one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let most = texts.map(|text| shared(first, text)).min().unwrap_or(first.chars().count());
    first.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> Candidate {
        Candidate { shown: text.clone(), text }
    }

    fn offered(count: usize, view: &View) -> Vec<Candidate> {
        fitting((0..count).map(|number| plain(format!("default/pod-{number:03}"))).collect(), view)
    }

    #[test]
    fn a_list_is_never_longer_than_the_screen() {
        let view = View { width: 60, height: 13, colour: false };
        assert_eq!(offered(20, &view).len(), 20, "in columns");
        let cut = offered(500, &view);
        let last = cut.last().expect("a note");
        assert_eq!((cut.len(), last.shown.as_str()), (20, "… 481 more: type on"));
        assert_eq!(last.text, "default/pod-", "what all begin with is still taken over");
    }

    #[test]
    fn a_long_line_of_the_list_is_cut() {
        let view = View { width: 40, height: 10, colour: false };
        let shown = fitting(vec![plain("x".repeat(100))], &view).remove(0);
        assert!(measure_text_width(&shown.shown) < 40 && shown.text.len() == 100, "{shown:?}");
    }
}
