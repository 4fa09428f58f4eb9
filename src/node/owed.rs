//! What a node does of a tick after it is told what happened in it: nobody waits for that.

use super::Node;
use crate::{
    cluster::message::WorldMark,
    game::Game,
    keys::WorldDigest,
    types::{Clock, Instant},
};

/// What is left to be done of a tick of which it is told already what happened in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owed {
    /// A host's world was taken: what came with it of the ledger is to be. Each run of it is signed, and to check that
    /// takes longer than all else that a tick is.
    Ledger(Clock),
    /// Somebody else's order was applied here, and whoever reads here is told before all others: they have to be sent
    /// it, with this hash and digest.
    Tick(WorldMark, (u32, WorldDigest)),
}

impl<G: Game> Node<G> {
    /// Does what is owed. Since when it was, if anything was.
    pub(super) fn do_owed(&mut self) -> Option<Instant> {
        let (now, owed) = self.owed.take()?;
        match owed {
            Owed::Ledger(clock) => self.cluster.took(now, clock),
            Owed::Tick(mark, hashes) => self.send_off(now, mark, hashes),
        }
        Some(now)
    }

    /// The same, and all that follows from it. Whether there was anything.
    pub(super) fn settle(&mut self) -> bool {
        let Some(now) = self.do_owed() else { return false };
        self.cluster.flush(now, &self.replica);
        self.drain(now);
        if self.wishes.views {
            self.look(now);
        }
        self.due = if self.excluded { Some(now) } else { self.when_due() };
        true
    }
}
