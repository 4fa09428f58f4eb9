//! The program plays.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use interregnum::{arena::Arena, runtime::Pilot};

/// A pilot that plays as long as `on` says so.
pub fn pilot(on: Arc<AtomicBool>) -> Pilot<Arena> {
    Box::new(move |view| {
        if !on.load(Ordering::Relaxed) {
            return None;
        }
        let picture = view.picture.as_ref()?;
        Some(play(&picture.to, view.me))
    })
}

fn play(
    _world: &interregnum::arena::World,
    _me: interregnum::types::NodeId,
) -> interregnum::arena::Controls {
    Default::default()
}
