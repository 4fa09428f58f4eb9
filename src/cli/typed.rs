//! What is typed, or comes through a pipe, line by line.

use std::{
    io::{self, BufRead},
    thread,
};

use anyhow::Context;
use crossbeam_channel::{Receiver, bounded};

/// So many lines wait here; the others wait in their pipe.
const WAITING_MAX: usize = 64;

/// The lines of standard input, without what surrounds them, until it ends.
pub fn lines() -> anyhow::Result<Receiver<String>> {
    let (typed, lines) = bounded(WAITING_MAX);
    let read = move || {
        let mut stdin = io::stdin().lock();
        let mut line = Vec::new();
        while let Ok(1..) = stdin.read_until(b'\n', &mut line) {
            if typed.send(String::from_utf8_lossy(&line).trim().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    };
    thread::Builder::new().name("typed".into()).spawn(read).context("cannot read the input")?;
    Ok(lines)
}
