//! Standard output and standard error: neither of them decides about the game.
//!
//! Whoever reads a pipe may have stopped reading, a terminal may be held by Ctrl-S, a disk may be
//! full. Who plays must not wait for any of them, and least of all the network thread, which logs
//! too. So a stream has a thread of its own that writes to it ([`Output`]), and all others only put
//! lines into its queue, which takes no time.
//!
//! - *Nobody reads:* the queue is full at some time. What comes then is left out and counted, and as
//!   soon as something flows again, a line stands where the others are missing and says how many.
//! - *A write fails* (a full disk, a terminal that is gone): the same. Each line is tried anew, for a
//!   disk does not stay full. A line that was written in part ends there.
//! - *A closed pipe:* nobody will ever read. If it is standard output, the program is asked to stop,
//!   for that is what `| head` means. If it is standard error, the game goes on without it.
//! - *The end of the program:* what waits is written, but nobody is waited for longer than
//!   [`FAREWELL`].
//!
//! A command that answers and ends has nothing that could be disturbed. It waits for whoever reads
//! ([`say`]), and fails if its answer cannot be written.

use std::{
    io::{self, Write},
    mem,
    ops::Deref,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crossbeam_channel::Sender;
use interregnum::{runtime, types::NodeId};

use super::lines::{Line, What};

/// How many bytes may wait to be written. Five minutes of traced ticks of one node, and no machine
/// feels it.
const WAITING_MAX: usize = 4 << 20;

/// What the queue keeps of its memory when it was long for once.
const KEPT_CAPACITY: usize = 64 << 10;

/// How long the end of the program may wait for whoever reads.
const FAREWELL: Duration = Duration::from_secs(1);

/// How soon a stream is tried again that takes nothing for the moment, but was set not to let
/// anybody wait.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// A stream, written to by a thread of its own.
#[derive(Clone, Debug)]
pub struct Output {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something was put in, or written, or the pipe was closed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// Whole lines, one after the other.
    waiting: Vec<u8>,
    /// How many lines found no room after those that wait.
    left_out: u64,
    /// The thread is busy with what it has taken.
    writing: bool,
    closed: bool,
    /// Who wants to know when the pipe is closed.
    hang_up: Option<Sender<()>>,
}

impl Output {
    /// Standard error.
    pub fn stderr() -> io::Result<Self> {
        // There is nobody left to whom its trouble could be told.
        Self::start("stderr", unbuffered::stderr()?, in_words, |_| {})
    }

    /// Writes to `stream` from here on. `missing` puts into words how many lines were left out;
    /// `trouble` is told when writing begins to fail.
    fn start(
        name: &str,
        stream: impl Write + Send + 'static,
        missing: fn(u64) -> String,
        trouble: fn(&io::Error),
    ) -> io::Result<Self> {
        let output = Self { shared: Arc::default() };
        let shared = Arc::clone(&output.shared);
        let pen = Pen { stream, missing, trouble, lost: 0, torn: false, failing: false };
        thread::Builder::new().name(name.into()).spawn(move || shared.write_all(pen))?;
        Ok(output)
    }

    /// Puts a line, or several, at the end of the queue. Never waits.
    pub fn put(&self, text: &str) {
        let mut queue = self.shared.lock();
        if queue.closed {
            return;
        }
        // As long as something is missing here, nothing may follow on it.
        let full = queue.waiting.len() + text.len() >= WAITING_MAX;
        if full || queue.left_out > 0 {
            queue.left_out += text.lines().count().max(1) as u64;
        } else {
            queue.waiting.extend_from_slice(text.as_bytes());
            if !text.ends_with('\n') {
                queue.waiting.push(b'\n');
            }
        }
        drop(queue);
        self.shared.changed.notify_all();
    }

    /// Sends something as soon as it is known that nobody will ever read this any more.
    pub fn when_closed(&self, hang_up: Sender<()>) {
        let mut queue = self.shared.lock();
        if queue.closed {
            let _ = hang_up.try_send(());
        }
        queue.hang_up = Some(hang_up);
    }

    /// Waits until all is written, but not for ever.
    pub fn finish(&self) {
        self.finish_within(FAREWELL);
    }

    fn finish_within(&self, patience: Duration) {
        let queue = self.shared.lock();
        let _ = self.shared.changed.wait_timeout_while(queue, patience, |queue| queue.is_busy());
    }
}

/// For logs: one event at a time.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output of a command that runs for long. When the command ends, what it has said is
/// written, if anybody takes it.
#[derive(Debug)]
pub struct Stdout(Output);

impl Stdout {
    /// In lines for scripts (`json`), or for people.
    pub fn new(json: bool) -> io::Result<Self> {
        let missing = if json { in_json } else { in_words };
        let trouble = |error: &io::Error| {
            tracing::warn!("standard output takes nothing ({error}): going on without it");
        };
        Output::start("stdout", unbuffered::stdout()?, missing, trouble).map(Self)
    }
}

impl Deref for Stdout {
    type Target = Output;

    fn deref(&self) -> &Output {
        &self.0
    }
}

impl Drop for Stdout {
    fn drop(&mut self) {
        self.finish();
    }
}

fn in_words(lines: u64) -> String {
    match lines {
        1 => "(one line is missing here: it could not be written)\n".to_owned(),
        _ => format!("({lines} lines are missing here: they could not be written)\n"),
    }
}

/// A process may be home to several nodes, so the line is nobody's.
fn in_json(lines: u64) -> String {
    let what = What::LeftOut { lines };
    let line = Line { t_us: runtime::now().0, node: NodeId::from_u128(0), what };
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

impl Queue {
    fn is_busy(&self) -> bool {
        !self.closed && (self.writing || self.has_news())
    }

    fn has_news(&self) -> bool {
        !self.waiting.is_empty() || self.left_out > 0
    }
}

/// The side of the thread.
impl Shared {
    fn write_all(&self, mut pen: Pen<impl Write>) {
        let mut lines = Vec::new();
        loop {
            let left_out = self.take(&mut lines);
            if pen.write(&lines, left_out) == Err(Closed) {
                return self.close();
            }
            lines.clear();
            lines.shrink_to(KEPT_CAPACITY);
        }
    }

    /// Waits for lines, and takes all there are. How many are missing after them.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut queue = self.lock();
        queue.writing = false;
        self.changed.notify_all();
        let mut queue = self
            .changed
            .wait_while(queue, |queue| !queue.has_news())
            .unwrap_or_else(PoisonError::into_inner);
        queue.writing = true;
        mem::swap(&mut queue.waiting, lines);
        mem::take(&mut queue.left_out)
    }

    fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.waiting = Vec::new();
        if let Some(hang_up) = &queue.hang_up {
            let _ = hang_up.try_send(());
        }
        drop(queue);
        self.changed.notify_all();
    }

    /// Nobody panics while holding the queue; and if so, it is whole.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody reads any more, and nobody ever will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Closed;

/// Writes line by line, each in one piece if the stream allows, since other processes may write to
/// the same stream. Knows what is missing.
struct Pen<W> {
    stream: W,
    missing: fn(u64) -> String,
    trouble: fn(&io::Error),
    /// How many lines are missing at this place, and nobody has been told.
    lost: u64,
    /// The last line that was written lacks its end.
    torn: bool,
    failing: bool,
}

impl<W: Write> Pen<W> {
    /// Writes lines, and after them that so many more were left out.
    fn write(&mut self, lines: &[u8], left_out: u64) -> Result<(), Closed> {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if !(self.own_up()? && self.line(line)?) {
                self.lost += 1;
            }
        }
        if left_out > 0 {
            self.lost += left_out;
            self.own_up()?;
        }
        Ok(())
    }

    /// Tells how many lines are missing, if any are. False: that could not be written either.
    fn own_up(&mut self) -> Result<bool, Closed> {
        if self.lost == 0 {
            return Ok(true);
        }
        let told = self.line((self.missing)(self.lost).as_bytes())?;
        if told {
            self.lost = 0;
        }
        Ok(told)
    }

    /// False: it could not be written.
    fn line(&mut self, line: &[u8]) -> Result<bool, Closed> {
        let begun = if self.torn { self.bytes(b"\n") } else { Ok(()) };
        match begun.and_then(|()| self.bytes(line)) {
            Ok(()) => {
                self.failing = false;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed),
            Err(error) => {
                if !mem::replace(&mut self.failing, true) {
                    (self.trouble)(&error);
                }
                Ok(false)
            }
        }
    }

    fn bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.torn = bytes[count - 1] != b'\n';
                    bytes = &bytes[count..];
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => thread::sleep(BUSY_PAUSE),
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }
}

/// The streams themselves. Those of the standard library keep what they could not write, and try
/// it once more when the process ends, for however long that takes.
#[cfg(unix)]
mod unbuffered {
    use std::{fs::File, io, os::fd::AsFd};

    pub fn stdout() -> io::Result<File> {
        Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
    }

    pub fn stderr() -> io::Result<File> {
        Ok(File::from(io::stderr().as_fd().try_clone_to_owned()?))
    }
}

/// A console of Windows takes no bytes, but text: the standard library knows how.
#[cfg(not(unix))]
mod unbuffered {
    use std::io;

    pub fn stdout() -> io::Result<io::Stdout> {
        Ok(io::stdout())
    }

    pub fn stderr() -> io::Result<io::Stderr> {
        Ok(io::stderr())
    }
}

/// Standard output did not take an answer.
#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written: {0}")]
pub struct Unwritten(#[from] pub io::Error);

impl Unwritten {
    /// Whoever read has gone. That is how `| head` works, not a failure.
    pub fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// A line of the answer of a command that ends by itself. Waits for whoever reads.
///
/// # Errors
/// When it cannot be written.
pub fn say(line: &str) -> Result<(), Unwritten> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests;
