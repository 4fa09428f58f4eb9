//! A mark: four letters that tell two of one name apart.

use std::{collections::BTreeMap, fmt};

use super::Accounts;
use crate::types::NodeId;

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 5] = b"aeiou";

/// Two syllables that follow from an id, of which there are 6,400: enough for two of one name in one
/// room, and quickly said aloud. It proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark([u8; 4]);

impl Mark {
    /// The mark of a machine, or, of the id of an account's key, that of the account.
    pub fn of(id: NodeId) -> Self {
        let bytes = id.0.as_bytes();
        // The last ones: version and variant of the id stand in the middle.
        let [.., a, b, c, d] = *bytes;
        let consonant = |byte: u8| CONSONANTS[usize::from(byte) % CONSONANTS.len()];
        let vowel = |byte: u8| VOWELS[usize::from(byte) % VOWELS.len()];
        Self([consonant(a), vowel(b), consonant(c), vowel(d)])
    }

    /// Its letters.
    pub fn as_str(&self) -> &str {
        // They are ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What each of these players is to be called where all of them are shown: by its name, and where several
/// have one, also by the mark of its account. Where these are several machines of one account, which
/// play against each other, by that of the machine, too.
pub fn told_apart<'a>(
    players: impl IntoIterator<Item = (NodeId, &'a str)>,
    accounts: &Accounts,
) -> BTreeMap<NodeId, String> {
    let mut of_name: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    for (id, name) in players {
        of_name.entry(name).or_default().push(id);
    }
    let mut shown = BTreeMap::new();
    for (name, players) in of_name {
        if let [only] = players[..] {
            shown.insert(only, name.to_owned());
            continue;
        }
        for id in &players {
            let person = accounts.person(*id);
            let mut called = format!("{name}\u{b7}{}", Mark::of(person));
            let machines =
                players.iter().filter(|other| accounts.person(**other) == person).count();
            if machines > 1 {
                called = format!("{called}\u{b7}{}", Mark::of(*id));
            }
            shown.insert(*id, called);
        }
    }
    shown
}
