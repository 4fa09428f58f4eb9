//! What the network thread and the [`Handle`](super::Handle) hold together.

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use mio::Waker;

use crate::{
    config::ORDERS_WAITING_MAX,
    game::Game,
    node::{Command, View},
};

use super::{NotTaken, Traffic};

/// How many commands may wait for the network thread. People are slower than that.
const COMMANDS_WAITING_MAX: usize = 256;

/// The slots and queues between the two sides.
pub struct Shared<G: Game> {
    waker: Waker,
    view: Mutex<Option<Arc<View<G>>>>,
    viewed: Condvar,
    controls: Mutex<Slot<G::Controls>>,
    commands: Sender<Command<G>>,
    waiting: Receiver<Command<G>>,
    orders: (Sender<G::Order>, Receiver<G::Order>),
    traffic: Mutex<(Traffic, Traffic)>,
    leave: AtomicBool,
    abandon: AtomicBool,
}

struct Slot<C> {
    latest: C,
    fresh: bool,
}

/// The side of whoever plays.
impl<G: Game> Shared<G> {
    pub fn command(&self, command: Command<G>) -> Result<(), NotTaken> {
        // Its other end is here, too: full is all that it can be.
        self.commands.try_send(command).map_err(|_| NotTaken::Full)?;
        self.wake();
        Ok(())
    }

    pub fn order(&self, order: G::Order) -> Result<(), NotTaken> {
        self.orders.0.try_send(order).map_err(|_| NotTaken::Full)?;
        self.wake();
        Ok(())
    }

    pub fn hold(&self, controls: G::Controls) {
        let mut slot = lock(&self.controls);
        if slot.latest == controls {
            return;
        }
        slot.latest = controls;
        slot.fresh = true;
        drop(slot);
        self.wake();
    }

    pub fn view(&self) -> Option<Arc<View<G>>> {
        lock(&self.view).clone()
    }

    /// Waits until there is another view than `seen`.
    pub fn newer_view(
        &self,
        seen: Option<&Arc<View<G>>>,
        patience: Duration,
    ) -> Option<Arc<View<G>>> {
        let old = |view: &mut Option<Arc<View<G>>>| match (view, seen) {
            (Some(view), Some(seen)) => Arc::ptr_eq(view, seen),
            (view, _) => view.is_none(),
        };
        let (view, result) = self
            .viewed
            .wait_timeout_while(lock(&self.view), patience, old)
            .unwrap_or_else(PoisonError::into_inner);
        if result.timed_out() { None } else { view.clone() }
    }

    /// What was sent, and received.
    pub fn traffic(&self) -> (Traffic, Traffic) {
        *lock(&self.traffic)
    }

    /// Asks for a polite end.
    pub fn leave(&self) {
        self.leave.store(true, Ordering::Release);
        self.wake();
    }

    /// Asks for an end at once.
    pub fn abandon(&self) {
        self.abandon.store(true, Ordering::Release);
        self.wake();
    }

    pub fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::warn!(%error, "the network thread cannot be woken");
        }
    }
}

/// The side of the network thread.
impl<G: Game> Shared<G> {
    pub fn new(waker: Waker) -> Arc<Self> {
        let (commands, waiting) = bounded(COMMANDS_WAITING_MAX);
        Arc::new(Self {
            waker,
            view: Mutex::new(None),
            viewed: Condvar::new(),
            controls: Mutex::new(Slot { latest: G::Controls::default(), fresh: false }),
            commands,
            waiting,
            orders: bounded(ORDERS_WAITING_MAX),
            traffic: Mutex::default(),
            leave: AtomicBool::new(false),
            abandon: AtomicBool::new(false),
        })
    }

    pub fn count(&self, sent: Traffic, received: Traffic) {
        *lock(&self.traffic) = (sent, received);
    }

    pub fn show(&self, view: Arc<View<G>>) {
        *lock(&self.view) = Some(view);
        self.viewed.notify_all();
    }

    pub fn next_command(&self) -> Option<Command<G>> {
        self.waiting.try_recv().ok()
    }

    pub fn next_order(&self) -> Option<G::Order> {
        self.orders.1.try_recv().ok()
    }

    /// What is held down, if that has changed since the last call.
    pub fn fresh_controls(&self) -> Option<G::Controls> {
        let mut slot = lock(&self.controls);
        std::mem::take(&mut slot.fresh).then_some(slot.latest)
    }

    /// Whether a polite end is asked for: said once.
    pub fn is_leaving(&self) -> bool {
        self.leave.load(Ordering::Acquire) && self.leave.swap(false, Ordering::AcqRel)
    }

    pub fn is_abandoned(&self) -> bool {
        self.abandon.load(Ordering::Acquire)
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
