//! What was sealed, for whoever has to tell people what a node says: the simulator's stories.

use std::collections::{BTreeMap, VecDeque};

use xxhash_rust::xxh3::xxh3_64;

/// How much is remembered.
const SAID_MAX: usize = 4_096;

/// What was said lately, by what it looks like when it is sealed; nothing, unless somebody asked for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Legible {
    wanted: bool,
    said: BTreeMap<u64, Vec<u8>>,
    order: VecDeque<u64>,
}

impl Legible {
    /// From here on it is remembered.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Something was said, and looks so.
    pub(super) fn note(&mut self, sealed: &[u8], kind: u8, body: &[u8]) {
        if !self.wanted {
            return;
        }
        let name = xxh3_64(sealed);
        self.said.insert(name, [&[kind], body].concat());
        self.order.push_back(name);
        if self.order.len() > SAID_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.said.remove(&oldest);
        }
    }

    /// What this was: its kind, and what follows.
    pub(super) fn read(&self, sealed: &[u8]) -> Option<&[u8]> {
        self.said.get(&xxh3_64(sealed)).map(Vec::as_slice)
    }
}
