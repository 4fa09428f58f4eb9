//! Who may come in.
//!
//! Whoever is barred may not. If there is a list, only those may who are on it: nodes by their own keys, and
//! accounts. Of an account a node shows the certificate of its machine within the handshake, so it is known
//! when a link is agreed upon, and no sooner. Until then a node that is not listed itself is *met*: it is
//! dialled, or dials, and has [`Tuning::handshake`](crate::config::Tuning::handshake) for its proof; it has no
//! part in anything. Whoever has shown who it is and is not on the list is told so, and not dialled for a
//! while.
//!
//! A machine that its account has struck off does not speak for it any more, whatever certificate it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::message::Refusal;
use crate::{
    accounts::Statement,
    keys::PublicKey,
    types::{Instant, NodeId},
};

/// How long somebody who was not on the list is not dialled.
const NOT_MET_FOR: Duration = Duration::from_secs(30);

/// The most of those who are remembered who were turned away, and of those who have broken rules: beyond, whoever
/// it was first is met again.
const REMEMBERED_MAX: usize = 256;

/// The most machines of listed accounts that are remembered: beyond, the one of the lowest id has to show
/// its certificate again.
const VOUCHED_MAX: usize = 1_024;

/// Whom a node lets in.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission {
    barred: BTreeSet<NodeId>,
    /// Who alone may come in, if that is so: the ids of nodes, and those that follow from accounts' keys.
    listed: Option<BTreeSet<NodeId>>,
    /// Which machines a listed account has struck off: the account first.
    struck: BTreeSet<(NodeId, NodeId)>,
    /// Machines that have shown that they speak for a listed account.
    vouched: BTreeMap<NodeId, NodeId>,
    /// Who was not on the list, and when that turned out.
    turned_away: Lately,
    /// Who has broken rules, and until when nothing is heard of it.
    held_off: Lately,
}

/// A time for each of the last ones of whom something became.
#[derive(Clone, Debug, Default)]
struct Lately(BTreeMap<NodeId, Instant>);

impl Lately {
    fn note(&mut self, id: NodeId, at: Instant) {
        if self.0.len() >= REMEMBERED_MAX
            && !self.0.contains_key(&id)
            && let Some((_, first)) = self.0.iter().map(|(id, at)| (*at, *id)).min()
        {
            self.0.remove(&first);
        }
        self.0.insert(id, at);
    }
}

impl Admission {
    /// Nobody of these may come in.
    pub fn bar(&mut self, barred: BTreeSet<NodeId>) {
        self.barred = barred;
    }

    /// Only these may, if there are any.
    pub fn list(&mut self, listed: Option<BTreeSet<NodeId>>) {
        self.listed = listed;
        self.vouched.clear();
        self.turned_away.0.clear();
    }

    /// These machines do not speak any more for these accounts, which are listed.
    pub fn strike(&mut self, struck: BTreeSet<(NodeId, NodeId)>) {
        self.struck = struck;
        let struck = &self.struck;
        self.vouched.retain(|machine, account| !struck.contains(&(*account, *machine)));
    }

    /// Somebody has broken rules: nothing is heard of it until then.
    pub fn hold_off(&mut self, until: Instant, id: NodeId) {
        self.held_off.note(id, until);
    }

    /// Whether somebody has broken rules lately.
    pub fn is_held_off(&self, now: Instant, id: NodeId) -> bool {
        self.held_off.0.get(&id).is_some_and(|until| now < *until)
    }

    /// A node has proved that it has `key`, and shows this certificate of the account that it speaks for. Why
    /// it may not come in, if so.
    pub fn shown(
        &mut self,
        now: Instant,
        key: &PublicKey,
        certificate: Option<&Statement>,
    ) -> Option<Refusal> {
        let id = key.id();
        if let Some(account) = certificate.and_then(|shown| self.vouches(shown, key)) {
            if self.vouched.len() >= VOUCHED_MAX && !self.vouched.contains_key(&id) {
                self.vouched.pop_first();
            }
            self.vouched.insert(id, account);
            self.turned_away.0.remove(&id);
        }
        let refusal = self.refuses(id);
        if refusal == Some(Refusal::NotListed) {
            self.turned_away.note(id, now);
        }
        refusal
    }

    /// The listed account that has signed that this machine speaks for it.
    fn vouches(&self, shown: &Statement, machine: &PublicKey) -> Option<NodeId> {
        let account = shown.account.id();
        let listed = self.listed.as_ref()?.contains(&account);
        let struck = self.struck.contains(&(account, machine.id()));
        (listed && !struck && shown.certifies(machine)).then_some(account)
    }

    /// Why this node may not come in, if so. Of somebody who has not shown who it is yet that is so, too.
    pub fn refuses(&self, id: NodeId) -> Option<Refusal> {
        if self.barred.contains(&id) {
            return Some(Refusal::Barred);
        }
        let listed = self.listed.as_ref().is_none_or(|listed| listed.contains(&id));
        (!listed && !self.vouched.contains_key(&id)).then_some(Refusal::NotListed)
    }

    /// Whether it is worth while to find out who this is, or known already that it may come in.
    pub fn may_meet(&self, now: Instant, id: NodeId) -> bool {
        if self.is_held_off(now, id) {
            return false;
        }
        let lately = |at: &Instant| now.since(*at) < NOT_MET_FOR;
        match self.refuses(id) {
            None => true,
            Some(Refusal::NotListed) => !self.turned_away.0.get(&id).is_some_and(lately),
            Some(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{accounts::Claim, keys::SecretKey};

    const NOW: Instant = Instant(5_000_000);

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    fn certificate(account: &SecretKey, machine: &SecretKey) -> Statement {
        Statement::new(account, Claim::Certifies { machine: machine.public(), turn: 1 })
    }

    fn listing(listed: &[&SecretKey]) -> Admission {
        let mut admission = Admission::default();
        admission.list(Some(listed.iter().map(|key| key.public().id()).collect()));
        admission
    }

    #[test]
    fn whoever_shows_a_certificate_of_a_listed_account_comes_in() {
        let (account, machine, other) = (key(1), key(2), key(3));
        let mut admission = listing(&[&account]);
        let id = machine.public().id();
        assert!(admission.may_meet(NOW, id), "how else could it show anything");
        assert_eq!(admission.refuses(id), Some(Refusal::NotListed), "it has shown nothing");
        let of_mine = certificate(&account, &machine);
        assert_eq!(admission.shown(NOW, &machine.public(), Some(&of_mine)), None);
        assert_eq!(admission.refuses(id), None);
        // A certificate is for one machine.
        let refused = admission.shown(NOW, &other.public(), Some(&of_mine));
        assert_eq!(refused, Some(Refusal::NotListed));
        let own = certificate(&other, &other);
        assert_eq!(admission.shown(NOW, &other.public(), Some(&own)), Some(Refusal::NotListed));
        let mut forged = certificate(&other, &other);
        forged.account = account.public();
        assert_eq!(admission.shown(NOW, &other.public(), Some(&forged)), Some(Refusal::NotListed));
    }

    #[test]
    fn a_machine_that_a_listed_account_has_struck_off_does_not() {
        let (account, machine) = (key(1), key(2));
        let mut admission = listing(&[&account]);
        let shown = certificate(&account, &machine);
        let (machine, pair) = (machine.public(), (account.public().id(), machine.public().id()));
        assert_eq!(admission.shown(NOW, &machine, Some(&shown)), None);
        admission.strike(BTreeSet::from([pair]));
        assert_eq!(admission.refuses(machine.id()), Some(Refusal::NotListed));
        assert_eq!(admission.shown(NOW, &machine, Some(&shown)), Some(Refusal::NotListed));
    }

    #[test]
    fn whoever_was_turned_away_is_not_met_again_for_a_while() {
        let (friend, stranger) = (key(1), key(2));
        let mut admission = listing(&[&friend]);
        assert_eq!(admission.shown(NOW, &stranger.public(), None), Some(Refusal::NotListed));
        let id = stranger.public().id();
        assert!(!admission.may_meet(NOW, id));
        assert!(admission.may_meet(NOW + NOT_MET_FOR, id));
        for number in 0..=255 {
            let _ = admission.shown(NOW + Duration::from_secs(1), &key(number).public(), None);
        }
        assert!(admission.turned_away.0.len() <= REMEMBERED_MAX);
    }

    #[test]
    fn of_those_who_break_rules_the_last_ones_are_held_off_and_one_that_does_it_again_takes_nobodys_place()
     {
        let mut admission = Admission::default();
        let id = |number: usize| NodeId::from_u128(number as u128);
        let until = |number: usize| NOW + Duration::from_secs(1 + number as u64);
        (0..REMEMBERED_MAX).for_each(|number| admission.hold_off(until(number), id(number)));
        admission.hold_off(until(REMEMBERED_MAX), id(7));
        assert!((0..REMEMBERED_MAX).all(|number| admission.is_held_off(NOW, id(number))));
        admission.hold_off(until(REMEMBERED_MAX), id(REMEMBERED_MAX));
        assert!(!admission.is_held_off(NOW, id(0)), "the first one");
        assert!((1..=REMEMBERED_MAX).all(|number| admission.is_held_off(NOW, id(number))));
    }

    #[test]
    fn whoever_is_barred_is_not_even_met() {
        let (account, machine) = (key(1), key(2));
        let mut admission = listing(&[&account]);
        admission.bar(BTreeSet::from([machine.public().id()]));
        let shown = certificate(&account, &machine);
        let refused = admission.shown(NOW, &machine.public(), Some(&shown));
        assert_eq!(refused, Some(Refusal::Barred));
        assert!(!admission.may_meet(NOW, machine.public().id()));
    }
}
