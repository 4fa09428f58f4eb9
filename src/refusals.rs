//! What was refused, from whom, and how often: counted always, said in the log now and then.
//!
//! Whoever forges decides how many forgeries there are. So each refusal is counted, and of one node the
//! first one makes a line, then one line every `SAID_AGAIN` that says how many there were since. Keys are
//! free: of all nodes together there are no more than `LINES_MAX` lines in that time.
//!
//! Each of those who refuse counts for itself: the mesh, the cluster, the votes, the two that take in what is written, and
//! whoever follows the accounts. So there are at most six times as many lines.

use std::{collections::BTreeMap, time::Duration};

use crate::types::{Instant, NodeId};

/// How long after a line about a node the next one may come.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// The most lines within that time, whoever they are about.
const LINES_MAX: u32 = 8;

/// The most nodes whose refusals are counted one by one.
const NODES_MAX: usize = 256;

/// What was refused.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    nodes: BTreeMap<NodeId, Counted>,
    all: u64,
    /// Since when lines are counted, and how many there were.
    lines: (Instant, u32),
}

#[derive(Clone, Debug, Default)]
struct Counted {
    refused: u64,
    /// When a line was said last, and how much had been refused by then.
    said: Option<(Instant, u64)>,
}

impl Refusals {
    /// Something was refused that came from `from`.
    pub fn note(&mut self, now: Instant, from: NodeId, what: &str) {
        if let Some(times) = self.count(now, from) {
            tracing::warn!(?from, times, "refused: {what}");
        }
    }

    /// How much was refused, whoever it came from.
    pub fn all(&self) -> u64 {
        self.all
    }

    /// How much of this node's was refused, as far as is remembered.
    pub fn of(&self, node: NodeId) -> u64 {
        self.nodes.get(&node).map_or(0, |counted| counted.refused)
    }

    /// Counts one. Of how many a line is due now, if one is.
    fn count(&mut self, now: Instant, from: NodeId) -> Option<u64> {
        self.all += 1;
        if self.nodes.len() >= NODES_MAX && !self.nodes.contains_key(&from) {
            let least = self.nodes.iter().min_by_key(|(_, counted)| counted.refused);
            let least = least.map(|(node, _)| *node)?;
            self.nodes.remove(&least);
        }
        let counted = self.nodes.entry(from).or_default();
        counted.refused += 1;
        if now.since(self.lines.0) >= SAID_AGAIN {
            self.lines = (now, 0);
        }
        let lately = counted.said.is_some_and(|(at, _)| now.since(at) < SAID_AGAIN);
        if lately || self.lines.1 >= LINES_MAX {
            return None;
        }
        self.lines.1 += 1;
        let before = counted.said.replace((now, counted.refused)).map_or(0, |(_, before)| before);
        Some(counted.refused - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    #[test]
    fn all_is_counted_and_little_is_said() {
        let mut refusals = Refusals::default();
        let start = Instant(1_000_000);
        let mut lines = Vec::new();
        for moment in 0..25_000 {
            let now = start + Duration::from_millis(moment);
            lines.extend(refusals.count(now, node(1)));
        }
        assert_eq!(lines, [1, 10_000, 10_000]);
        assert_eq!((refusals.of(node(1)), refusals.of(node(2))), (25_000, 0));
    }

    #[test]
    fn ten_thousand_keys_make_no_more_lines_and_no_more_memory_than_a_few() {
        let mut refusals = Refusals::default();
        let now = Instant(1_000_000);
        refusals.count(now, node(0));
        refusals.count(now, node(0));
        let lines = (1..10_000).filter_map(|number| refusals.count(now, node(number))).count();
        assert_eq!(lines, LINES_MAX as usize - 1);
        assert_eq!((refusals.nodes.len(), refusals.all()), (NODES_MAX, 10_001));
        assert_eq!(refusals.of(node(0)), 2, "who was refused often is remembered");
        let later = now + SAID_AGAIN;
        assert!(refusals.count(later, node(20_000)).is_some());
    }
}
