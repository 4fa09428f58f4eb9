//! Pages that were opened for the keys of their facts.
//!
//! A fact whose round stands in pages, too, is compared with what they say of it. Where two who were apart come
//! together such facts come by the thousand, and most of them ask the same few pages. So these stay open for a while:
//! what each group has in them, by its key.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Key,
    entry::{SharedEntry, Writer},
};

/// The most pages that stay open: a few hundred KiB each, when they are full.
const PAGES_MAX: usize = 64;

/// A page that nobody asks for through so many [turns](Opened::pass) is closed.
const TURNS_IDLE: u64 = 60;

/// The facts of a page, by their groups.
pub(super) type Facts = Arc<BTreeMap<u64, Vec<(Key, SharedEntry)>>>;

/// A page by its name: its writer, and the number of its first entry.
type Name = (Writer, u64);

/// Those that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened {
    /// And the turn in which each was asked for last.
    pages: BTreeMap<Name, (Facts, u64)>,
    turn: u64,
}

impl Opened {
    /// The facts of a page; `open` opens it.
    pub fn facts(&mut self, name: Name, open: impl FnOnce() -> Facts) -> Facts {
        if let Some((facts, asked)) = self.pages.get_mut(&name) {
            *asked = self.turn;
            return facts.clone();
        }
        let facts = open();
        if self.pages.len() >= PAGES_MAX {
            let idle = self.pages.iter().min_by_key(|(_, (_, asked))| *asked);
            idle.map(|(name, _)| *name).map(|name| self.pages.remove(&name));
        }
        self.pages.insert(name, (facts.clone(), self.turn));
        facts
    }

    /// There is no such page any more.
    pub fn forget(&mut self, name: Name) {
        self.pages.remove(&name);
    }

    /// A moment has passed: what nobody has asked for lately is closed.
    pub fn pass(&mut self) {
        self.turn += 1;
        self.pages.retain(|_, (_, asked)| *asked + TURNS_IDLE > self.turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Incarnation, NodeId};

    fn name(number: u64) -> Name {
        (Writer { node: NodeId::from_u128(1), incarnation: Incarnation(number) }, 1)
    }

    /// Asks for a page; whether it had to be opened.
    fn is_opened(opened: &mut Opened, number: u64) -> bool {
        let mut opens = false;
        opened.facts(name(number), || {
            opens = true;
            Facts::default()
        });
        opens
    }

    #[test]
    fn a_page_that_is_asked_for_stays_open_and_no_more_are_than_may_be() {
        let mut opened = Opened::default();
        assert!(is_opened(&mut opened, 0) && !is_opened(&mut opened, 0));
        for turn in 0..3 * TURNS_IDLE {
            opened.pass();
            assert!(!is_opened(&mut opened, 0), "after {turn} turns");
        }
        for number in 1..=3 * PAGES_MAX as u64 {
            opened.pass();
            assert!(is_opened(&mut opened, number) && !is_opened(&mut opened, 0));
            assert!(opened.pages.len() <= PAGES_MAX);
        }
        opened.forget(name(0));
        assert!(is_opened(&mut opened, 0), "it is another one");
        (0..TURNS_IDLE).for_each(|_| opened.pass());
        assert!(opened.pages.is_empty());
    }
}
