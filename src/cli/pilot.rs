//! The program plays.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use interregnum::{
    arena::{Arena, bot},
    node::Command,
    runtime::Pilot,
};

/// A pilot that plays as long as `on` says so.
pub fn pilot(on: Arc<AtomicBool>) -> Pilot<Arena> {
    Box::new(move |view| {
        if !on.load(Ordering::Relaxed) {
            return None;
        }
        let picture = view.picture.as_ref();
        let pressed = picture.map_or(bot::NOTHING, |picture| bot::play(&picture.to, view.me, 0));
        Some(Command::Controls(pressed))
    })
}
