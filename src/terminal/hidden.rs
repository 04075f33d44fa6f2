//! A question whose answer is not shown, and which can be given up: nobody is left reading then, and what was typed so
//! far goes to nobody else.

use super::{Held, Modes};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, LocalFlags, SetArg, tcflush, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, PipeReader, PipeWriter, Read, Result, Write};
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use tokio::sync::{Mutex, MutexGuard, oneshot};

static TURN: Mutex<()> = Mutex::const_new(());

/// Returns when no other question like this is open: two at once would share the keys.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// A question that somebody is asked. Dropping it gives it up.
pub struct Hidden {
    answer: oneshot::Receiver<Result<String>>,
    /// The thread reads until this is gone.
    open: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Hidden {
    /// Asks on the terminal, on a thread of its own: what ends a run must not wait for somebody to type.
    ///
    /// # Errors
    /// When there can be no such thread.
    pub fn ask(question: String, held: Held) -> Result<Hidden> {
        let (given_up, open) = std::io::pipe()?;
        let (tell, answer) = oneshot::channel();
        let thread = std::thread::Builder::new().name("question".into()).spawn(move || {
            let line = OpenOptions::new().read(true).write(true).open("/dev/tty");
            let line = line.and_then(|terminal| read(terminal, &question, &given_up));
            drop(held);
            // Whoever has given up hears nothing.
            let _ = tell.send(line);
        })?;
        Ok(Hidden { answer, open: Some(open), thread: Some(thread) })
    }

    /// The answer, without the end of its line.
    ///
    /// # Errors
    /// When the terminal ends first, or what is typed is no text.
    pub async fn answer(&mut self) -> Result<String> {
        (&mut self.answer).await.unwrap_or_else(|_| Err(Error::other("nobody could ask")))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        drop(self.open.take());
        if let Some(thread) = self.thread.take() {
            // A question that failed leaves nothing to tell.
            let _ = thread.join();
        }
    }
}

fn read(mut terminal: File, question: &str, given_up: &PipeReader) -> Result<String> {
    let _modes = Modes::kept();
    hide(&terminal)?;
    terminal.write_all(question.as_bytes())?;
    let (mut typed, mut chunk) = (Vec::new(), [0; 4096]);
    while !typed.ends_with(b"\n") {
        if !is_typed(&terminal, given_up)? {
            tcflush(&terminal, FlushArg::TCIFLUSH)?;
            terminal.write_all(b"\n")?;
            return Err(ErrorKind::Interrupted.into());
        }
        match terminal.read(&mut chunk)? {
            0 if typed.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            0 => break,
            more => typed.extend(&chunk[..more]),
        }
    }
    let line = String::from_utf8(typed).map_err(|_| Error::new(ErrorKind::InvalidData, "it is no UTF-8 text"))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// From now on only the end of a line is shown.
fn hide(terminal: &File) -> Result<()> {
    let mut modes = tcgetattr(terminal)?;
    modes.local_flags.remove(LocalFlags::ECHO);
    modes.local_flags.insert(LocalFlags::ECHONL);
    Ok(tcsetattr(terminal, SetArg::TCSANOW, &modes)?)
}

/// Waits for a line; false when the question was given up first.
fn is_typed(terminal: &File, given_up: &PipeReader) -> Result<bool> {
    let mut watched =
        [PollFd::new(terminal.as_fd(), PollFlags::POLLIN), PollFd::new(given_up.as_fd(), PollFlags::POLLIN)];
    while let Err(error) = poll(&mut watched, PollTimeout::NONE) {
        if error != nix::errno::Errno::EINTR {
            return Err(error.into());
        }
    }
    Ok(!watched[1].any().unwrap_or(false))
}
