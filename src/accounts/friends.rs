//! Those whom somebody has compared pictures with, and is sure of since.
//!
//! What is remembered is a name and a key: the account's, or the machine's where no account was proved.
//! Whoever has the key is that person, whatever it is called; whoever has the name and another key is not,
//! however well it plays the part. Names are compared without regard to upper and lower case. That two names
//! merely look alike (a zero for an O, a letter of another alphabet) is not noticed: only the mark that says
//! that somebody is known proves anything.

use serde::{Deserialize, Serialize};

use crate::{keys::PublicKey, text::Name, types::NodeId};

/// The most people whom one profile remembers. Nobody is forgotten for another one: whoever is full compares
/// with nobody else before it has forgotten somebody.
pub const FRIENDS_MAX: usize = 256;

/// Somebody who is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Friend {
    /// What it was called when the two compared.
    pub name: Name,
    /// The key of its account, or of its machine where it has none.
    pub key: PublicKey,
}

/// How somebody stands to those who are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is not remembered; nothing is known against it either.
    #[default]
    Unknown,
    /// It is one of them.
    Paired,
    /// It is called like one of them, and has another key.
    OtherKey,
}

/// All who are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Friends {
    all: Vec<Friend>,
}

impl Friends {
    /// What was kept of them. What is there twice, or beyond the limit, is left out.
    pub fn new(kept: impl IntoIterator<Item = Friend>) -> Self {
        let mut friends = Self::default();
        for friend in kept {
            friends.remember(friend);
        }
        friends
    }

    /// Whether another one can be remembered.
    pub fn has_room(&self) -> bool {
        self.all.len() < FRIENDS_MAX
    }

    /// Remembers somebody. Of one key the last name counts. False: there is no room.
    pub fn remember(&mut self, friend: Friend) -> bool {
        if let Some(known) = self.all.iter_mut().find(|known| known.key == friend.key) {
            known.name = friend.name;
            return true;
        }
        let room = self.has_room();
        if room {
            self.all.push(friend);
        }
        room
    }

    /// Forgets all who are called so. How many these were.
    pub fn forget(&mut self, name: &str) -> usize {
        let before = self.all.len();
        self.all.retain(|friend| !same_name(friend.name.as_str(), name));
        before - self.all.len()
    }

    /// All of them, in the order in which they were met.
    pub fn all(&self) -> &[Friend] {
        &self.all
    }

    /// Whether this key is one of theirs.
    pub fn knows(&self, key: &PublicKey) -> bool {
        self.all.iter().any(|friend| friend.key == *key)
    }

    /// How whoever plays on a machine stands to them, by what it is called, and by the account that it has
    /// proved, if it has.
    pub fn standing(&self, machine: NodeId, name: &str, account: Option<PublicKey>) -> Standing {
        let is_key = |friend: &Friend| friend.key.id() == machine || Some(friend.key) == account;
        if self.all.iter().any(is_key) {
            Standing::Paired
        } else if self.all.iter().any(|friend| same_name(friend.name.as_str(), name)) {
            Standing::OtherKey
        } else {
            Standing::Unknown
        }
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;

    fn key(number: u16) -> PublicKey {
        let mut bytes = [1; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        SecretKey::from_bytes(&bytes).public()
    }

    fn friend(name: &str, number: u16) -> Friend {
        Friend { name: Name::new(name), key: key(number) }
    }

    #[test]
    fn a_key_is_a_friend_under_any_name_and_a_name_is_none_with_another_key() {
        let friends = Friends::new([friend("Bob", 1), friend("Cleo", 2)]);
        let standing = |machine, name, account| friends.standing(machine, name, account);
        assert_eq!(standing(key(9).id(), "Bob", Some(key(1))), Standing::Paired);
        assert_eq!(standing(key(9).id(), "Robert", Some(key(1))), Standing::Paired);
        assert_eq!(standing(key(2).id(), "Cleo", None), Standing::Paired, "a machine's own key");
        assert_eq!(standing(key(9).id(), "bob ", Some(key(8))), Standing::OtherKey);
        assert_eq!(standing(key(9).id(), "Bob", None), Standing::OtherKey);
        assert_eq!(standing(key(9).id(), "Dora", Some(key(8))), Standing::Unknown);
    }

    #[test]
    fn two_of_one_name_may_both_be_friends_and_are_forgotten_by_it() {
        let mut friends = Friends::new([friend("Bob", 1), friend("Bob", 2), friend("Cleo", 3)]);
        for number in [1, 2] {
            assert_eq!(friends.standing(key(number).id(), "Bob", None), Standing::Paired);
        }
        assert_eq!(friends.forget("BOB"), 2);
        assert_eq!(friends.all(), [friend("Cleo", 3)]);
        assert_eq!(friends.standing(key(1).id(), "Bob", None), Standing::Unknown);
    }

    #[test]
    fn of_one_key_the_last_name_counts_and_there_are_no_more_than_there_may_be() {
        let mut friends = Friends::new([friend("Bob", 1), friend("Robert", 1)]);
        assert_eq!(friends.all(), [friend("Robert", 1)]);
        for number in 2..=FRIENDS_MAX as u16 {
            assert!(friends.remember(friend("Somebody", number)));
        }
        assert!(!friends.has_room() && !friends.remember(friend("One more", 9_999)));
        assert!(friends.remember(friend("Bob", 1)), "who is known already needs no room");
        assert_eq!(friends.all().len(), FRIENDS_MAX);
    }
}
