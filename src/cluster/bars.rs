//! Who may not come in any more.
//!
//! The host kicks somebody for a minute, or bans it for good; and what the members
//! [vote](super::votes) holds for a host. A ban is part of the [roster](super::message::Roster) that the
//! host publishes: every member refuses its links from then on, and whoever hosts next publishes it again. So it
//! outlives the host, and the session's last member alone.
//!
//! Members only add to what they know. A roster that says less than the one before (two halves of a network
//! became one, and the other half's host had barred nobody) pardons nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::message::Bar;
use crate::{
    config::{BARRED_MAX, KICKED_FOR},
    types::{Instant, NodeId},
};

/// Who is barred, as one node knows.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    /// Until when; none: for good.
    barred: BTreeMap<NodeId, Option<Instant>>,
}

impl Bars {
    /// Bars somebody for good, or for a while. Whether that changed anything: where there is no room for
    /// another one, it does not.
    pub fn bar(&mut self, now: Instant, id: NodeId, for_good: bool) -> bool {
        let known = self.barred.get(&id);
        let room = known.is_some() || self.barred.len() < BARRED_MAX;
        if !room || known.is_some_and(|until| until.is_none() || !for_good) {
            return false;
        }
        self.barred.insert(id, (!for_good).then(|| now + KICKED_FOR));
        true
    }

    /// Takes over what a host publishes.
    pub fn adopt(&mut self, now: Instant, published: &[Bar]) {
        for Bar { id, for_good } in published.iter().take(BARRED_MAX) {
            self.bar(now, *id, *for_good);
        }
    }

    /// Time has passed. Whether somebody may come in again.
    pub fn pass(&mut self, now: Instant) -> bool {
        let before = self.barred.len();
        self.barred.retain(|_, until| until.is_none_or(|until| now < until));
        self.barred.len() != before
    }

    /// Who it is.
    pub fn ids(&self) -> BTreeSet<NodeId> {
        self.barred.keys().copied().collect()
    }

    /// What a host publishes of it.
    pub fn published(&self) -> Vec<Bar> {
        let bars = self.barred.iter();
        bars.map(|(id, until)| Bar { id: *id, for_good: until.is_none() }).collect()
    }

    /// Forgets all of it: the node has left the session.
    pub fn clear(&mut self) {
        self.barred.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> NodeId {
        NodeId::from_u128(number as u128)
    }

    #[test]
    fn a_kick_passes_and_a_ban_does_not() {
        let now = Instant(1_000_000);
        let mut bars = Bars::default();
        assert!(bars.bar(now, id(1), false) && bars.bar(now, id(2), true));
        assert!(!bars.bar(now, id(1), false) && !bars.bar(now, id(2), false));
        let mut other = Bars::default();
        other.adopt(now, &bars.published());
        assert_eq!(other.published(), bars.published());
        assert!(!bars.pass(now + KICKED_FOR / 2));
        assert!(bars.pass(now + KICKED_FOR) && other.pass(now + KICKED_FOR));
        assert_eq!((bars.ids(), other.ids()), ([id(2)].into(), [id(2)].into()));
    }

    #[test]
    fn who_is_kicked_can_be_banned_and_who_is_banned_is_not_pardoned() {
        let now = Instant(1_000_000);
        let mut bars = Bars::default();
        bars.bar(now, id(1), false);
        assert!(bars.bar(now, id(1), true));
        bars.adopt(now, &[Bar { id: id(1), for_good: false }]);
        bars.adopt(now, &[]);
        assert!(!bars.pass(now + KICKED_FOR * 9));
        assert_eq!(bars.ids(), [id(1)].into());
    }

    #[test]
    fn there_are_no_more_than_there_may_be() {
        let mut bars = Bars::default();
        let many: Vec<Bar> =
            (0..BARRED_MAX * 2).map(|at| Bar { id: id(at), for_good: true }).collect();
        bars.adopt(Instant(0), &many);
        bars.adopt(Instant(0), &many[BARRED_MAX..]);
        assert_eq!(bars.ids().len(), BARRED_MAX);
    }
}
