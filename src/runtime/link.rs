//! One link as the driver sees it: a TCP stream, and what it has not taken yet.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
};

use bytes::Bytes;
use mio::net::TcpStream;

use crate::node::{CloseReason, LINK_BYTES_QUEUED_MAX};

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Dialled, not connected yet.
    Dialling,
    /// Bytes flow.
    Open,
    /// The node has closed it. What was queued is still written, then the end of the stream; what
    /// comes in is thrown away, because closing a socket with unread bytes would reset it, and the
    /// reset would overtake what was written last.
    Parting,
}

/// What a read gave.
pub enum Taken {
    /// So many bytes, at the start of the buffer.
    Bytes(usize),
    /// Nothing is there yet.
    Nothing,
    /// The link is gone.
    Gone(CloseReason),
}

/// A stream, its stage, and the bytes that wait to be written.
#[derive(Debug)]
pub struct Link {
    pub stream: TcpStream,
    pub stage: Stage,
    queue: VecDeque<Bytes>,
    /// How much of the first in the queue is written already.
    written: usize,
    /// How many bytes the queue holds, those written included.
    queued: usize,
    /// Why nothing can be written any more. What came in before can still be read.
    mute: Option<CloseReason>,
    /// Whether the other side was told that nothing comes any more. To tell it again would report the stream as writable
    /// again, and so without end.
    ended: bool,
}

impl Link {
    pub fn new(stream: TcpStream, stage: Stage) -> Self {
        // Without it a small message may wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            stage,
            queue: VecDeque::new(),
            written: 0,
            queued: 0,
            mute: None,
            ended: false,
        }
    }

    /// Whether a dialled link is connected; none: not known yet.
    pub fn connected(&self) -> Option<bool> {
        if let Ok(Some(_)) | Err(_) = self.stream.take_error() {
            return Some(false);
        }
        match self.stream.peer_addr() {
            Ok(_) => Some(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => None,
            Err(_) => Some(false),
        }
    }

    /// Reads what is there, at most one buffer.
    pub fn read(&mut self, buffer: &mut [u8]) -> Taken {
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => Taken::Gone(self.mute.unwrap_or(CloseReason::EndOfStream)),
                Ok(bytes) => Taken::Bytes(bytes),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.mute.map_or(Taken::Nothing, Taken::Gone),
                    ErrorKind::Interrupted => continue,
                    _ => Taken::Gone(reason(&error)),
                },
            };
        }
    }

    /// Whether it is known to be lost, once everything is read.
    pub fn is_mute(&self) -> bool {
        self.mute.is_some()
    }

    /// How many bytes wait to be written.
    pub fn queued(&self) -> usize {
        self.queued - self.written
    }

    /// Writes `bytes`, or as much as the stream takes, and keeps the rest. False: too much is kept
    /// already, the other side is too slow.
    pub fn send(&mut self, bytes: Bytes) -> bool {
        if bytes.is_empty() || self.mute.is_some() {
            return true;
        }
        if self.queued - self.written + bytes.len() > LINK_BYTES_QUEUED_MAX {
            return false;
        }
        let idle = self.queue.is_empty();
        self.queued += bytes.len();
        self.queue.push_back(bytes);
        // A stream that did not take everything tells when it takes more: no need to try.
        if idle && self.stage != Stage::Dialling {
            self.flush();
        }
        true
    }

    /// Writes what waits, as much as the stream takes.
    pub fn flush(&mut self) {
        while let Some(first) = self.queue.front() {
            match self.stream.write(&first[self.written..]) {
                Ok(bytes) => {
                    self.written += bytes;
                    if self.written == first.len() {
                        self.queued -= first.len();
                        self.written = 0;
                        self.queue.pop_front();
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    ErrorKind::Interrupted => {}
                    _ => {
                        self.mute = Some(reason(&error));
                        self.queue.clear();
                        return;
                    }
                },
            }
        }
        if self.stage == Stage::Parting && !std::mem::replace(&mut self.ended, true) {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Closes the link after what waits to be written.
    pub fn part(&mut self) {
        self.stage = Stage::Parting;
        self.flush();
    }
}

/// A killed process resets the links on which it had not read everything: to those at the other
/// end that is the end of a stream like any other.
fn reason(error: &io::Error) -> CloseReason {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            CloseReason::EndOfStream
        }
        _ => CloseReason::Error,
    }
}
