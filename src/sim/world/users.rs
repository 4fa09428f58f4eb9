//! What nodes have told their users, for stories to look at.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    game::Game,
    node::{Deceit, Event},
    pairing::{Ended, Told},
    sim::network::Place,
    types::{Instant, NodeId},
};

/// What each node has told its user.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// Who was told that somebody is known, and who that somebody has the name and another key of one who is.
    pub recognised: BTreeSet<(Place, NodeId)>,
    /// See `recognised`.
    pub other_keys: BTreeSet<(Place, NodeId)>,
    /// How the last comparisons ended, by those who were told; and whether by the other side.
    pub unpaired: Vec<(Place, Ended, bool)>,
    /// Who was told that it does not reach whom.
    pub unreached: BTreeSet<(Place, NodeId)>,
    /// Who was told that a session of its name wants another passphrase, and when.
    pub locked_out: BTreeMap<Place, Instant>,
    /// What each was told last of votes: how many there are, and how many are needed.
    pub votes: BTreeMap<Place, (usize, usize)>,
    /// Who was told that there is an open session of the name of its locked one, and how often.
    pub heard_open: BTreeMap<Place, u32>,
    /// Who was told that it may not be there any more.
    pub excluded: BTreeSet<Place>,
    /// Who was told first of whom that it cheats, when, and of what.
    pub caught: BTreeMap<(Place, NodeId), (Instant, Deceit)>,
}

impl Users {
    /// A node tells its user of this.
    pub(super) fn note<G: Game>(&mut self, now: Instant, place: Place, event: &Event<G>) {
        match event {
            Event::Locked { .. } => {
                self.locked_out.entry(place).or_insert(now);
            }
            Event::Votes { votes, needed, .. } => {
                self.votes.insert(place, (*votes, *needed));
            }
            Event::Open { .. } => *self.heard_open.entry(place).or_default() += 1,
            Event::Excluded { .. } => {
                self.excluded.insert(place);
            }
            Event::HostCheats { host, deceit, .. } => {
                self.caught.entry((place, *host)).or_insert((now, *deceit));
            }
            Event::Pairing { told: Told::Ended { why, by_them }, .. } => {
                self.unpaired.push((place, *why, *by_them));
            }
            Event::Recognised { peer, .. } => {
                self.recognised.insert((place, *peer));
            }
            Event::OtherKey { peer, .. } => {
                self.other_keys.insert((place, *peer));
            }
            Event::Unreachable(who) => {
                self.unreached.insert((place, who.id));
            }
            _ => {}
        }
    }
}
