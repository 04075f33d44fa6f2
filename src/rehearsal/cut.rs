//! A client that dies in the middle, as SIGKILL ends a program: from then on nothing of it is sent, and no answer heard.
//!
//! A [`super::World`] that has a cut gives it to every transport that is made from then on; others go on as before.

use super::Logged;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Where a client dies, counted in its writes to all clusters, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before this write is sent.
    Before(usize),
    /// When this write is carried out and nobody has heard of it.
    After(usize),
    /// Nowhere: its writes are counted.
    Never,
}

/// A death that waits for a client; clones share it.
#[derive(Clone)]
pub struct Cut(Arc<Inner>);

struct Inner {
    point: Point,
    writes: AtomicUsize,
    dead: AtomicBool,
    dies: Box<dyn Fn() + Send + Sync>,
}

impl Cut {
    /// The client dies there; `dies` is called at that moment.
    pub fn new(point: Point, dies: impl Fn() + Send + Sync + 'static) -> Cut {
        Cut(Arc::new(Inner { point, writes: AtomicUsize::new(0), dead: AtomicBool::new(false), dies: Box::new(dies) }))
    }

    /// How many writes it has sent.
    pub fn writes(&self) -> usize {
        self.0.writes.load(Ordering::SeqCst)
    }

    /// Whether it is dead.
    pub fn is_dead(&self) -> bool {
        self.0.dead.load(Ordering::SeqCst)
    }

    /// The answer to a request with this method and path, if the client lives to hear it.
    pub(super) async fn pass<T>(&self, method: &str, path: &str, answer: impl Future<Output = T>) -> T {
        let request = Logged { method: method.to_owned(), path: path.to_owned(), status: 200, ..Logged::default() };
        if self.is_dead() {
            return std::future::pending().await;
        }
        let number = if request.is_write() { 1 + self.0.writes.fetch_add(1, Ordering::SeqCst) } else { 0 };
        if number > 0 && self.0.point == Point::Before(number) {
            self.die();
            return std::future::pending().await;
        }
        let answer = answer.await;
        if number > 0 && self.0.point == Point::After(number) {
            self.die();
        }
        match self.is_dead() {
            true => std::future::pending().await,
            false => answer,
        }
    }

    fn die(&self) {
        self.0.dead.store(true, Ordering::SeqCst);
        (self.0.dies)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    /// Which of three writes are carried out, and which answers are heard.
    fn told(point: Point) -> (Vec<usize>, Vec<usize>) {
        let (cut, mut done, mut heard) = (Cut::new(point, || ()), Vec::new(), Vec::new());
        for number in 1..=3 {
            let answer = async { done.push(number) };
            heard.extend(cut.pass("POST", "/api/v1/namespaces", answer).now_or_never().map(|()| number));
            assert_eq!(cut.pass("GET", "/version", async {}).now_or_never().is_none(), cut.is_dead());
        }
        (done, heard)
    }

    #[test]
    fn a_client_dies_before_a_write_or_after_it() {
        assert_eq!(told(Point::Before(2)), (vec![1], vec![1]));
        assert_eq!(told(Point::After(2)), (vec![1, 2], vec![1]));
        assert_eq!(told(Point::Never), (vec![1, 2, 3], vec![1, 2, 3]));
    }
}
