//! What the network thread and the [`Handle`](super::Handle) hold together.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::{
    game::Game,
    node::{Command, View},
};

use super::Timed;

/// How many commands may wait for the network thread. People are slower than that.
const COMMANDS_WAITING_MAX: usize = 256;

/// How many events may wait for whoever plays: over a minute of traced ticks.
const EVENTS_WAITING_MAX: usize = 8_192;

/// The slots and queues between the two sides.
pub struct Shared<G: Game> {
    view: Mutex<Option<Arc<View<G>>>>,
    controls: Mutex<Slot<G::Controls>>,
    commands: Sender<Command<G>>,
    pub waiting: Receiver<Command<G>>,
    pub events: Sender<Timed<G>>,
}

struct Slot<C> {
    latest: C,
    fresh: bool,
}

impl<G: Game> Shared<G> {
    pub fn new() -> (Arc<Self>, Receiver<Timed<G>>) {
        let (commands, waiting) = bounded(COMMANDS_WAITING_MAX);
        let (events, told) = bounded(EVENTS_WAITING_MAX);
        let shared = Self {
            view: Mutex::new(None),
            controls: Mutex::new(Slot {
                latest: G::Controls::default(),
                fresh: false,
            }),
            commands,
            waiting,
            events,
        };
        (Arc::new(shared), told)
    }

    pub fn command(&self, command: Command<G>) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!("a command was dropped: too many are waiting");
        }
    }

    pub fn controls(&self, controls: G::Controls) {
        let mut slot = lock(&self.controls);
        if slot.latest != controls {
            slot.latest = controls;
            slot.fresh = true;
        }
    }

    pub fn view(&self) -> Option<Arc<View<G>>> {
        lock(&self.view).clone()
    }
}

impl<G: Game> fmt::Debug for Shared<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// A panic on the other side leaves a slot whole: what is in it was put there in one move.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
