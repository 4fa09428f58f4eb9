//! The program plays.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use interregnum::{
    arena::{Arena, bot},
    runtime::Pilot,
};

/// A pilot that plays as long as `on` says so.
pub fn pilot(on: Arc<AtomicBool>) -> Pilot<Arena> {
    Box::new(move |view| {
        if !on.load(Ordering::Relaxed) {
            return None;
        }
        let picture = view.picture.as_ref();
        Some(picture.map_or(bot::NOTHING, |picture| bot::play(&picture.to, view.me, 0)))
    })
}
