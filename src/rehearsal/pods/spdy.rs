//! SPDY/3.1 as Go's clients of Kubernetes speak it: many streams over one connection, each with headers, opened by the
//! client. kubectl up to 1.30 and istioctl exec and forward ports over it; later ones forward ports over it in a websocket.

use bytes::{Buf as _, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress};
use std::collections::HashMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf};
use tokio::sync::mpsc;

/// A stream of a connection.
pub(crate) type Id = u32;

/// What the client did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It opened a stream with these headers, names in lower case.
    Opened(Id, HashMap<String, String>),
    /// It sent bytes.
    Data(Id, Bytes),
    /// It sends no more on a stream.
    Ended(Id),
    /// It is gone.
    Closed,
}

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const FIN: u8 = 1;
const CONTROL: u32 = 0x8003_0000;

/// The server's end of a connection.
pub(crate) struct Connection<S> {
    reader: ReadHalf<S>,
    input: BytesMut,
    /// To the task that writes: sending never waits, so receiving may be given up at any point.
    output: mpsc::UnboundedSender<Bytes>,
    headers: Headers,
    replied: bool,
    /// A stream that was opened and ended by one frame.
    ended: Option<Id>,
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Connection<S> {
    /// Over this transport.
    pub fn new(transport: S) -> Connection<S> {
        let (reader, mut writer) = tokio::io::split(transport);
        let (output, mut frames) = mpsc::unbounded_channel::<Bytes>();
        tokio::spawn(async move {
            while let Some(frame) = frames.recv().await {
                if writer.write_all(&frame).await.is_err() || writer.flush().await.is_err() {
                    return;
                }
            }
            // The client may be gone already.
            let _ = writer.shutdown().await;
        });
        let (input, headers) = (BytesMut::new(), Headers::default());
        Connection { reader, input, output, headers, replied: false, ended: None }
    }

    /// What the client does next. Streams are accepted and pings answered on the way.
    pub async fn receive(&mut self) -> Event {
        loop {
            if let Some(id) = self.ended.take() {
                return Event::Ended(id);
            }
            while let Some(frame) = Frame::take(&mut self.input) {
                match self.understood(frame) {
                    Some(event) => return event,
                    None => continue,
                }
            }
            if self.reader.read_buf(&mut self.input).await.is_ok_and(|count| count > 0) {
                continue;
            }
            return Event::Closed;
        }
    }

    fn understood(&mut self, frame: Frame) -> Option<Event> {
        let Frame { word, flags, mut payload } = frame;
        if word & 0x8000_0000 == 0 {
            let ended = flags & FIN != 0;
            if payload.is_empty() {
                return ended.then_some(Event::Ended(word));
            }
            self.ended = ended.then_some(word);
            return Some(Event::Data(word, payload));
        }
        let kind = u16::try_from(word & 0xffff).unwrap_or_default();
        match (kind, payload.len()) {
            (SYN_STREAM, 10..) => {
                let id = payload.get_u32();
                payload.advance(6);
                let Some(headers) = self.headers.read(&payload) else { return Some(Event::Closed) };
                self.accept(id);
                self.ended = (flags & FIN != 0).then_some(id);
                Some(Event::Opened(id, headers))
            }
            (RST_STREAM, 4..) => Some(Event::Ended(payload.get_u32())),
            (PING, 4..) => {
                self.control(PING, &payload);
                None
            }
            _ => None,
        }
    }

    fn accept(&mut self, id: Id) {
        let mut payload = id.to_be_bytes().to_vec();
        payload.extend(no_headers(!self.replied));
        self.replied = true;
        self.control(SYN_REPLY, &payload);
    }

    /// Sends bytes on a stream.
    pub fn send(&self, id: Id, bytes: &[u8]) {
        for chunk in bytes.chunks(32 * 1024) {
            self.write(id, 0, chunk);
        }
    }

    /// Ends this side of a stream.
    pub fn end(&self, id: Id) {
        self.write(id, FIN, &[]);
    }

    fn control(&self, kind: u16, payload: &[u8]) {
        self.write(CONTROL | u32::from(kind), 0, payload);
    }

    fn write(&self, word: u32, flags: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or_default();
        let mut frame = Vec::with_capacity(payload.len() + 8);
        frame.extend(word.to_be_bytes());
        frame.extend((u32::from(flags) << 24 | length).to_be_bytes());
        frame.extend(payload);
        // A client that went away is no failure.
        let _ = self.output.send(frame.into());
    }
}

/// A frame: stream or kind, flags, payload.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    word: u32,
    flags: u8,
    payload: Bytes,
}

impl Frame {
    /// Takes a whole frame off the front.
    fn take(input: &mut BytesMut) -> Option<Frame> {
        let head: [u8; 8] = input.get(..8)?.try_into().ok()?;
        let word = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let length = usize::try_from(u32::from_be_bytes([0, head[5], head[6], head[7]])).ok()?;
        if input.len() < 8 + length {
            return None;
        }
        input.advance(8);
        Some(Frame { word, flags: head[4], payload: input.split_to(length).freeze() })
    }
}

/// What all headers are compressed against.
const DICTIONARY: &[u8] = include_bytes!("spdy.dictionary");
/// How large the headers of a stream may be.
const LARGEST: usize = 64 * 1024;

/// Reads the client's headers: one stream of compressed data for the whole connection.
struct Headers {
    inflate: Decompress,
    begun: bool,
}

impl Default for Headers {
    fn default() -> Headers {
        Headers { inflate: Decompress::new(false), begun: false }
    }
}

impl Headers {
    fn read(&mut self, block: &[u8]) -> Option<HashMap<String, String>> {
        let block = if self.begun { block } else { self.begin(block)? };
        let plain = self.inflated(block)?;
        pairs(&plain)
    }

    /// Skips what zlib begins with, and makes the dictionary known: as data that came before.
    fn begin<'b>(&mut self, block: &'b [u8]) -> Option<&'b [u8]> {
        self.begun = true;
        let known = self.inflated(&stored(DICTIONARY))?;
        // Two bytes, and four of the dictionary's checksum.
        (known.len() == DICTIONARY.len()).then(|| block.get(6..)).flatten()
    }

    fn inflated(&mut self, mut block: &[u8]) -> Option<Vec<u8>> {
        let mut plain = Vec::new();
        while plain.len() < LARGEST {
            plain.reserve(4096);
            let before = self.inflate.total_in();
            self.inflate.decompress_vec(block, &mut plain, FlushDecompress::Sync).ok()?;
            block = block.get(usize::try_from(self.inflate.total_in() - before).ok()?..)?;
            if block.is_empty() && plain.len() < plain.capacity() {
                return Some(plain);
            }
        }
        None
    }
}

fn pairs(mut plain: &[u8]) -> Option<HashMap<String, String>> {
    let count = number(&mut plain)?;
    let pair = |_| Some((text(&mut plain)?.to_ascii_lowercase(), text(&mut plain)?));
    (0..count).map(pair).collect()
}

fn number(plain: &mut &[u8]) -> Option<usize> {
    let (number, rest) = plain.split_at_checked(4)?;
    *plain = rest;
    usize::try_from(u32::from_be_bytes(number.try_into().ok()?)).ok()
}

fn text(plain: &mut &[u8]) -> Option<String> {
    let length = number(plain)?;
    let (text, rest) = plain.split_at_checked(length)?;
    *plain = rest;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Deflate's way to write bytes as they are, without an end.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or_default();
    let mut block = vec![0];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend(bytes);
    block
}

/// No headers as a reply has them; the first block says which dictionary the others would use.
fn no_headers(first: bool) -> Vec<u8> {
    let mut block = if first { vec![0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2] } else { Vec::new() };
    block.extend(stored(&0u32.to_be_bytes()));
    // Readers wait for the end of a block.
    block.extend(stored(&[]));
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::DuplexStream;

    /// Two blocks of headers as zlib writes them one after the other.
    const FIRST: &str = "78bbe3c6a7c202e50e703a2b294a4dcc851625aca9a0808614cb45e01c008c0d0300000000ffff";
    const SECOND: &str = "c2aa1454ea24a2ab04000000ffff";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
    }

    fn frame(word: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short");
        [&word.to_be_bytes()[..], &(u32::from(flags) << 24 | length).to_be_bytes(), payload].concat()
    }

    fn opening(id: Id, flags: u8, headers: &str) -> Vec<u8> {
        frame(CONTROL | u32::from(SYN_STREAM), flags, &[&id.to_be_bytes()[..], &[0; 6], &bytes(headers)].concat())
    }

    fn headers(kind: &str) -> HashMap<String, String> {
        [("streamtype", kind), ("port", "5000")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    async fn read(client: &mut DuplexStream, length: usize) -> Vec<u8> {
        let mut read = vec![0; length];
        client.read_exact(&mut read).await.expect("an answer");
        read
    }

    #[tokio::test]
    async fn streams_are_opened_used_and_ended() {
        let (mut client, server) = tokio::io::duplex(4096);
        let mut server = Connection::new(server);
        client.write_all(&opening(1, 0, FIRST)).await.expect("sent");
        client.write_all(&[opening(3, FIN, SECOND), frame(1, FIN, b"hello")].concat()).await.expect("sent");
        assert_eq!(server.receive().await, Event::Opened(1, headers("error")));
        assert_eq!(server.receive().await, Event::Opened(3, headers("data")));
        assert_eq!(server.receive().await, Event::Ended(3));
        assert_eq!(server.receive().await, Event::Data(1, Bytes::from_static(b"hello")));
        assert_eq!(server.receive().await, Event::Ended(1));
        let replies = [(1, no_headers(true)), (3, no_headers(false))].map(|(id, block): (Id, _)| {
            frame(CONTROL | u32::from(SYN_REPLY), 0, &[&id.to_be_bytes()[..], &block].concat())
        });
        let replies = replies.concat();
        assert_eq!(read(&mut client, replies.len()).await, replies);
        server.send(1, b"bye");
        server.end(1);
        let sent = [frame(1, 0, b"bye"), frame(1, FIN, b"")].concat();
        assert_eq!(read(&mut client, sent.len()).await, sent);
        drop(client);
        assert_eq!(server.receive().await, Event::Closed);
    }

    #[tokio::test]
    async fn pings_are_answered_and_frames_may_come_in_pieces() {
        let (mut client, server) = tokio::io::duplex(4096);
        let mut server = Connection::new(server);
        let ping = frame(CONTROL | u32::from(PING), 0, &7u32.to_be_bytes());
        let data = frame(1, 0, b"x");
        let sender = async {
            for part in [&ping[..3], &ping[3..], &data[..8], &data[8..]] {
                client.write_all(part).await.expect("sent");
                tokio::task::yield_now().await;
            }
            read(&mut client, ping.len()).await
        };
        let (event, pong) = tokio::join!(server.receive(), sender);
        assert_eq!((event, pong), (Event::Data(1, Bytes::from_static(b"x")), ping.clone()));
    }

    #[test]
    fn broken_headers_are_refused() {
        assert_eq!(Headers::default().read(b"nonsense that is no zlib"), None);
        assert_eq!(Headers::default().read(&[]), None);
        assert_eq!(pairs(&[0, 0, 0, 1, 0, 0, 0, 9]), None);
    }
}
