//! Who of those who play is remembered by the person here, and who is only called like somebody who is.
//!
//! Whose a machine is stands in the ledger, which may be on its way: so whoever has the name of somebody who
//! is remembered, and has proved no account yet, is nobody in particular for
//! [a while](ACCOUNT_PROVED_WITHIN), neither the one nor an impostor.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    accounts::{Accounts, Friend, Friends, Standing},
    cluster::message::Member,
    config::ACCOUNT_PROVED_WITHIN,
    types::{Instant, NodeId},
};

/// The time between two looks at who is there.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Those who are remembered, and how those who are here stand to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Company {
    friends: Friends,
    /// The same, to be shown.
    shown: Arc<[Friend]>,
    /// How each of those who are here stands to them, and since when it is here.
    here: BTreeMap<NodeId, (Standing, Instant)>,
    look_at: Instant,
}

impl Company {
    /// These are remembered from before.
    pub fn new(kept: Vec<Friend>) -> Self {
        let friends = Friends::new(kept);
        Self { shown: friends.all().into(), friends, ..Self::default() }
    }

    /// All who are remembered.
    pub fn friends(&self) -> &Friends {
        &self.friends
    }

    /// The same, to be shown.
    pub fn shown(&self) -> &Arc<[Friend]> {
        &self.shown
    }

    /// Remembers whoever plays on this machine.
    pub fn remember(&mut self, now: Instant, machine: NodeId, friend: Friend) {
        self.friends.remember(friend);
        self.shown = self.friends.all().into();
        // That it is known is no news to anybody.
        self.here.entry(machine).or_insert((Standing::Paired, now)).0 = Standing::Paired;
        self.stir();
    }

    /// Somebody else is here, or is called otherwise.
    pub fn stir(&mut self) {
        self.look_at = Instant::default();
    }

    /// How somebody stands to those who are remembered.
    pub fn standing(&self, id: NodeId) -> Standing {
        self.here.get(&id).map_or(Standing::Unknown, |(standing, _)| *standing)
    }

    /// Looks who is here besides `me`. Those who stand otherwise than before.
    pub fn look(
        &mut self,
        now: Instant,
        me: NodeId,
        members: &[Member],
        accounts: &Accounts,
    ) -> Vec<NodeId> {
        if now < self.look_at {
            return Vec::new();
        }
        self.look_at = now + LOOK_EVERY;
        self.here.retain(|id, _| members.iter().any(|member| member.id == *id));
        let mut changed = Vec::new();
        for member in members.iter().filter(|member| member.id != me) {
            let (known, since) = self.here.entry(member.id).or_insert((Standing::Unknown, now));
            let account = accounts.of_machine(member.id);
            let standing = self.friends.standing(member.id, member.name.as_str(), account);
            let proved = account.is_some() || now.since(*since) >= ACCOUNT_PROVED_WITHIN;
            let standing = match standing {
                Standing::OtherKey if !proved => Standing::Unknown,
                standing => standing,
            };
            if std::mem::replace(known, standing) != standing {
                changed.push(member.id);
            }
        }
        changed
    }

    /// The session is left.
    pub fn left(&mut self) {
        self.here.clear();
        self.stir();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{Claim, Heard, Statement},
        keys::{PublicKey, SecretKey},
        text::Name,
        types::Incarnation,
    };

    const NOW: Instant = Instant(9_000_000);

    const ME: NodeId = NodeId::from_u128(1);

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    fn member(number: u8, name: &str) -> Member {
        Member {
            id: key(number).public().id(),
            incarnation: Incarnation(1),
            name: Name::new(name),
            address: None,
            away: false,
            unsteady: false,
        }
    }

    fn bob(key: PublicKey) -> Company {
        Company::new(vec![Friend { name: Name::new("Bob"), key }])
    }

    /// Machine 1 speaks for the account of key 101.
    fn accounts() -> Accounts {
        let machine = key(1).public();
        let certifies = Statement::new(&key(101), Claim::Certifies { machine, turn: 1 });
        let mut accounts = Accounts::default();
        accounts.hear(Heard::by(machine.id(), certifies)).unwrap();
        accounts
    }

    #[test]
    fn nobody_is_called_an_impostor_before_its_account_may_have_come() {
        let (mut company, members) = (bob(key(101).public()), [member(1, "Bob")]);
        let id = members[0].id;
        assert!(company.look(NOW, ME, &members, &Accounts::default()).is_empty());
        let soon = NOW + ACCOUNT_PROVED_WITHIN / 2;
        assert!(company.look(soon, ME, &members, &Accounts::default()).is_empty());
        assert_eq!(company.look(NOW + ACCOUNT_PROVED_WITHIN, ME, &members, &accounts()), [id]);
        assert_eq!(company.standing(id), Standing::Paired);
    }

    #[test]
    fn whoever_proves_no_account_or_another_one_is_an_impostor_once() {
        let (mut company, members) = (bob(key(101).public()), [member(2, "Bob")]);
        let late = NOW + ACCOUNT_PROVED_WITHIN;
        assert!(company.look(NOW, ME, &members, &accounts()).is_empty());
        assert_eq!(company.look(late, ME, &members, &accounts()), [members[0].id]);
        assert_eq!(company.standing(members[0].id), Standing::OtherKey);
        assert!(company.look(late + LOOK_EVERY, ME, &members, &accounts()).is_empty());
        // Whoever proves another account is one at once.
        let (mut company, members) = (bob(key(7).public()), [member(1, "Bob")]);
        assert_eq!(company.look(NOW, ME, &members, &accounts()), [members[0].id]);
        // Who was away is told of again.
        company.left();
        assert_eq!(company.look(NOW, ME, &members, &accounts()), [members[0].id]);
    }

    #[test]
    fn nobody_stands_in_any_way_to_itself() {
        let (mut company, members) = (bob(key(101).public()), [member(2, "Bob")]);
        let me = members[0].id;
        for after in [Duration::ZERO, ACCOUNT_PROVED_WITHIN, 2 * ACCOUNT_PROVED_WITHIN] {
            assert!(company.look(NOW + after, me, &members, &accounts()).is_empty());
            assert_eq!(company.standing(me), Standing::Unknown);
        }
        // Nor is the own account recognised, on another one of its machines.
        let (mut company, members) = (bob(key(101).public()), [member(1, "Bob")]);
        assert!(company.look(NOW, members[0].id, &members, &accounts()).is_empty());
    }

    #[test]
    fn whom_one_has_just_compared_with_is_no_news() {
        let (mut company, members) = (Company::default(), [member(1, "Bob")]);
        company.look(NOW, ME, &members, &accounts());
        let friend = Friend { name: Name::new("Bob"), key: key(101).public() };
        company.remember(NOW, members[0].id, friend);
        assert!(company.look(NOW, ME, &members, &accounts()).is_empty());
        assert_eq!(company.standing(members[0].id), Standing::Paired);
    }
}
