//! Being asked to stop: by Ctrl-C, by SIGTERM, by the end of standard input.

use std::{
    io::Read,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::Context;
use crossbeam_channel::{Receiver, bounded};

/// Something is sent here when this program is asked to stop. Who asks twice does not wait for a
/// polite farewell. `tied`: the end of standard input counts as well.
pub fn stop_requests(tied: bool) -> anyhow::Result<Receiver<()>> {
    let (asked, requests) = bounded(1);
    let from_input = asked.clone();
    let again = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if again.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
        let _ = asked.try_send(());
    })
    .context("cannot listen for Ctrl-C")?;
    if tied {
        let watch = move || {
            let mut byte = [0];
            while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
            let _ = from_input.try_send(());
        };
        thread::Builder::new().name("input".into()).spawn(watch)?;
    }
    Ok(requests)
}
