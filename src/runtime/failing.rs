//! What becomes of a node whose thread panics.
//!
//! The rules of a game run on the network thread, on each tick, and so do pilots. A panic in them
//! must not leave a window that shows the last world for ever. So it is caught where the thread
//! begins: by then the node and its sockets are gone, which tells the others what a killed process
//! tells them; and whoever plays here is told by the last view and by the last event. Nothing of the
//! node is used again: nobody knows in what state the panic left it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    game::Game,
    node::{Status, View},
};

use super::{Happened, clock, events::Teller, shared::Shared};

/// Runs `drive` to its end. If that is a panic, tells so; `blank` is what is shown then if nothing
/// was shown before.
pub fn run<G: Game>(
    blank: View<G>,
    shared: &Shared<G>,
    tell: &mut Teller<G>,
    drive: impl FnOnce(&mut Teller<G>),
) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| drive(tell))) else { return };
    let why = message(&*panic);
    tracing::error!("the network thread panicked: {why}");
    let last = shared.view().map_or(blank, |view| View::clone(&view));
    let failure = Some(Arc::clone(&why));
    shared.show(Arc::new(View { at: clock::now(), status: Status::Failed, failure, ..last }));
    tell.tell(Happened::Failed { why });
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panicked").into()
}
