//! Being asked to stop: by Ctrl-C, by SIGTERM, by a terminal that closes, by the end of standard
//! input, or because nobody reads what this program says.
//!
//! A signal that this process was told to ignore by whoever started it stays ignored. That is what
//! `nohup` does with SIGHUP, and a shell without job control with the SIGINT of what it starts in
//! the background.

use std::{io::Read, process, thread};

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::output::Output;

#[cfg(unix)]
mod inherited;

/// Something is sent here when this program is asked to stop. Who asks twice does not wait for a
/// polite farewell. `tied`: the end of standard input counts as well.
pub fn stop_requests(tied: bool, out: &Output) -> anyhow::Result<Receiver<()>> {
    let (asked, requests) = bounded(1);
    if tied {
        let asked = asked.clone();
        let watch = move || {
            let mut byte = [0];
            while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
            let _ = asked.try_send(());
        };
        thread::Builder::new().name("input".into()).spawn(watch)?;
    }
    out.when_closed(asked.clone());
    listen(asked)?;
    Ok(requests)
}

/// The same for whoever does not watch its output.
pub fn signals() -> anyhow::Result<Receiver<()>> {
    let (asked, requests) = bounded(1);
    listen(asked)?;
    Ok(requests)
}

/// Listens for signals from here on.
#[cfg(unix)]
fn listen(asked: Sender<()>) -> anyhow::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };

    let heeded = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|name| !inherited::ignores(*name));
    let mut signals =
        Signals::new(heeded.collect::<Vec<_>>()).context("cannot listen for signals")?;
    let watch = move || {
        let mut again = false;
        for signal in signals.forever() {
            // The end of a terminal is told by the system, and by its shell once more.
            if again && signal != SIGHUP {
                process::exit(1);
            }
            again = true;
            let _ = asked.try_send(());
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch)?;
    Ok(())
}

/// Listens for Ctrl-C and a console that closes, from here on.
#[cfg(not(unix))]
fn listen(asked: Sender<()>) -> anyhow::Result<()> {
    use std::sync::atomic::{AtomicBool, Ordering};

    let again = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if again.swap(true, Ordering::Relaxed) {
            process::exit(1);
        }
        let _ = asked.try_send(());
    })
    .context("cannot listen for Ctrl-C")
}
