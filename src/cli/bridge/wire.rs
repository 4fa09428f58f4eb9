//! One connection, and what it speaks: lines, or a WebSocket, or HTTP until it is one.
//!
//! Nothing here waits. What does not go out at once is kept, up to [`OUT_BYTES_MAX`]; from
//! half of that on whoever fills it stops: so who reads slowly is sent what is newest when it reads on.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
};

use mio::net::TcpStream;
use tungstenite::{
    Error, Message, WebSocket,
    protocol::{Role, WebSocketConfig},
};

use super::http::{self, Request};

/// The most bytes of one line, or of one frame.
pub const LINE_BYTES_MAX: usize = 4 << 10;

/// So many lines of one client are read at once: then it is the others' turn.
const LINES_AT_ONCE: usize = 256;

/// So much waits to be sent to one client at most.
pub const OUT_BYTES_MAX: usize = 1 << 20;

/// A client that goes beyond what it may.
#[derive(Debug)]
pub enum Broken {
    /// The connection is over.
    Over,
    /// It sends what it may not.
    Refused(&'static str),
}

/// A connection.
pub struct Wire {
    stream: Speech,
    /// What has come, line by line.
    pub lines: VecDeque<String>,
    out: Vec<u8>,
    /// What was answered is all: it closes when that has gone out.
    last: bool,
    /// More may have come than was read.
    pub more: bool,
}

enum Speech {
    /// Nothing is known yet.
    Unknown(TcpStream, Vec<u8>),
    Lines(TcpStream, Vec<u8>),
    Web(Box<WebSocket<TcpStream>>, bool),
    /// It was taken out, to become something else.
    Gone,
}

impl Wire {
    /// A connection that was just made.
    pub fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true); // slower without, and right all the same
        let stream = Speech::Unknown(stream, Vec::new());
        Self { stream, lines: VecDeque::new(), out: Vec::new(), last: false, more: false }
    }

    /// Whether it speaks one of the two ways: before that nothing is sent.
    pub fn speaks(&self) -> bool {
        matches!(self.stream, Speech::Lines(..) | Speech::Web(..))
    }

    /// Reads what has come.
    ///
    /// # Errors
    /// [`Broken`]: nothing more comes of it.
    pub fn read(&mut self, own: &[String]) -> Result<(), Broken> {
        self.more = false;
        if let Speech::Unknown(stream, read) = &mut self.stream {
            fill(stream, read, http::HEAD_BYTES_MAX)?;
            match read.first() {
                None => return Ok(()),
                Some(b'{') => {
                    let Speech::Unknown(stream, read) =
                        std::mem::replace(&mut self.stream, Speech::Gone)
                    else {
                        return Err(Broken::Over);
                    };
                    self.stream = Speech::Lines(stream, read);
                }
                Some(_) => match http::request(read, own) {
                    Request::Unfinished => return Ok(()),
                    Request::Answer(answer) => {
                        self.out = answer;
                        self.last = true;
                        return Ok(());
                    }
                    Request::Upgrade(answer, length) => {
                        let Speech::Unknown(mut stream, read) =
                            std::mem::replace(&mut self.stream, Speech::Gone)
                        else {
                            return Err(Broken::Over);
                        };
                        // A new connection has room for it.
                        stream.write_all(&answer).map_err(|_| Broken::Over)?;
                        let config = WebSocketConfig::default()
                            .max_message_size(Some(LINE_BYTES_MAX))
                            .max_frame_size(Some(LINE_BYTES_MAX))
                            .write_buffer_size(0)
                            .max_write_buffer_size(2 * OUT_BYTES_MAX);
                        let rest = read.get(length..).unwrap_or_default().to_vec();
                        let web = WebSocket::from_partially_read(
                            stream,
                            rest,
                            Role::Server,
                            Some(config),
                        );
                        self.stream = Speech::Web(Box::new(web), false);
                    }
                },
            }
        }
        match &mut self.stream {
            Speech::Lines(stream, read) => {
                let over = fill(stream, read, 16 * LINE_BYTES_MAX);
                while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
                    if end > LINE_BYTES_MAX {
                        return Err(Broken::Refused("a line is too long"));
                    }
                    let line: Vec<u8> = read.drain(..=end).collect();
                    let line = String::from_utf8(line);
                    let line = line.map_err(|_| Broken::Refused("a line is no text"))?;
                    self.lines.push_back(line);
                }
                if read.len() > LINE_BYTES_MAX {
                    return Err(Broken::Refused("a line is too long"));
                }
                self.more = matches!(over, Ok(true));
                over.map(|_| ())
            }
            Speech::Web(web, _) => loop {
                match web.read() {
                    Ok(Message::Text(text)) => self.lines.push_back(text.to_string()),
                    Ok(Message::Binary(_)) => return Err(Broken::Refused("say it as text")),
                    Ok(Message::Close(_)) => return Err(Broken::Over),
                    Ok(_) => {}
                    Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                        return Ok(());
                    }
                    Err(Error::Capacity(_)) => {
                        return Err(Broken::Refused("a frame is too large"));
                    }
                    Err(_) => return Err(Broken::Over),
                }
                if self.lines.len() >= LINES_AT_ONCE {
                    self.more = true;
                    return Ok(());
                }
            },
            Speech::Unknown(..) | Speech::Gone => Ok(()),
        }
    }

    /// Says a line, which ends with its end.
    pub fn say(&mut self, line: &str) {
        match &mut self.stream {
            Speech::Web(web, stuck) => {
                // It is kept where it does not go out at once.
                *stuck = is_stuck(web.write(Message::text(line.trim_end())));
            }
            _ => self.out.extend_from_slice(line.as_bytes()),
        }
    }

    /// Sends what waits. Whether all of it is gone.
    ///
    /// # Errors
    /// [`Broken`]: nobody takes it any more, or it was the last.
    pub fn flush(&mut self) -> Result<bool, Broken> {
        match &mut self.stream {
            Speech::Web(web, stuck) => match web.flush() {
                Ok(()) => {
                    *stuck = false;
                    Ok(true)
                }
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    *stuck = true;
                    Ok(false)
                }
                Err(_) => Err(Broken::Over),
            },
            Speech::Unknown(stream, _) | Speech::Lines(stream, _) => {
                while !self.out.is_empty() {
                    match stream.write(&self.out) {
                        Ok(0) => return Err(Broken::Over),
                        Ok(count) => drop(self.out.drain(..count)),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        Err(_) => return Err(Broken::Over),
                    }
                }
                if self.last { Err(Broken::Over) } else { Ok(true) }
            }
            Speech::Gone => Err(Broken::Over),
        }
    }

    /// Whether there is room for more.
    pub fn has_room(&self) -> bool {
        match &self.stream {
            Speech::Web(_, stuck) => !stuck,
            _ => self.out.len() < OUT_BYTES_MAX / 2,
        }
    }
}

fn is_stuck(written: tungstenite::Result<()>) -> bool {
    matches!(written, Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock)
}

/// Reads until nothing more has come, or so much is there: whether it is so much.
fn fill(stream: &mut TcpStream, read: &mut Vec<u8>, most: usize) -> Result<bool, Broken> {
    let mut buffer = [0; 4_096];
    while read.len() < most {
        match stream.read(&mut buffer) {
            Ok(0) => return Err(Broken::Over),
            Ok(count) => read.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(Broken::Over),
        }
    }
    Ok(true)
}
