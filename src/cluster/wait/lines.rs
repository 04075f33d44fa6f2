//! The lines of a watch's endless answer.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;

/// No event is longer than this: API servers refuse objects above 3 MiB.
const LONGEST: usize = 16 << 20;

/// What comes next on a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, without its end.
    Line(Bytes),
    /// The server has ended the stream after a whole line.
    Ended,
    /// The connection broke, or the stream ended within a line.
    Broken(String),
}

/// Takes a body apart into lines.
pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Lines {
        Lines { body, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line. When the future is dropped nothing is lost.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            if let Some(line) = self.take_line() {
                return Next::Line(line);
            }
            if self.buffer.len() > LONGEST {
                return Next::Broken("an event is longer than any object can be".into());
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(e)) => return Next::Broken(e.to_string()),
                None if self.buffer.is_empty() => return Next::Ended,
                None => return Next::Broken("the stream ended within an event".into()),
            }
        }
    }

    fn take_line(&mut self) -> Option<Bytes> {
        loop {
            let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                return None;
            };
            let line = self.buffer.split_to(self.searched + end + 1).freeze();
            self.searched = 0;
            let line = line.slice(..line.len() - 1);
            if !line.is_empty() {
                return Some(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &'static str) -> Vec<Next> {
        let mut lines = Lines::new(Body::from(text.as_bytes().to_vec()));
        let mut all = Vec::new();
        loop {
            let next = lines.next().await;
            let last = !matches!(next, Next::Line(_));
            all.push(next);
            if last {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn lines_come_one_by_one() {
        assert_eq!(read("a\n\nbc\n").await, [Next::Line("a".into()), Next::Line("bc".into()), Next::Ended]);
    }

    #[tokio::test]
    async fn a_line_that_is_cut_is_a_broken_stream() {
        let all = read("a\n{\"type\":").await;
        assert!(matches!(all.last(), Some(Next::Broken(_))), "{all:?}");
    }
}
