//! What somebody else lacks, in portions that fit between two ticks.

use std::collections::VecDeque;

use super::{
    Ledger,
    entry::{SharedEntry, Writer},
    page::SharedPage,
    vector::Vector,
};

/// What is sent at once.
#[derive(Clone, Debug)]
pub enum Portion {
    /// Single entries: at least one.
    Entries(Vec<SharedEntry>),
    /// A page.
    Page(SharedPage),
}

impl Portion {
    /// All its entries.
    pub fn into_entries(self) -> Vec<SharedEntry> {
        match self {
            Self::Entries(entries) => entries,
            Self::Page(page) => page.entries(),
        }
    }
}

/// What is still to be sent to somebody.
#[derive(Clone, Debug, Default)]
pub struct CatchUp {
    /// Of each writer the numbers from the first to the last.
    left: VecDeque<(Writer, u64, u64)>,
}

impl Ledger {
    /// What whoever holds `held` lacks of this ledger. Where the checksums of a writer's stream
    /// differ, that is the whole stream: somewhere in it there is a fork.
    pub fn missing_from(&self, held: &Vector) -> CatchUp {
        let mut left = VecDeque::new();
        for (writer, stream) in &self.streams {
            let (own, other) = (stream.mark(), held.mark(*writer));
            let agrees = other.through > own.through || other.sum == stream.sum_at(other.through);
            let first = if agrees { other.through.saturating_add(1) } else { 1 };
            if first <= own.through {
                left.push_back((*writer, first, own.through));
            }
        }
        CatchUp { left }
    }
}

impl CatchUp {
    /// The next portion: a page, if one begins there, or at least one entry, and no more than so many
    /// bytes if that is possible. None: that was all.
    pub fn next(&mut self, ledger: &Ledger, bytes_max: usize) -> Option<Portion> {
        let (mut portion, mut bytes) = (Vec::new(), 0);
        while let Some((writer, next, last)) = self.left.front_mut() {
            if *next > *last {
                self.left.pop_front();
                continue;
            }
            let Some(stream) = ledger.stream(*writer) else {
                self.left.pop_front();
                continue;
            };
            let page = stream.page_at(*next);
            if let Some(page) = page.filter(|page| page.first() == *next && page.last() <= *last) {
                if portion.is_empty() {
                    *next = page.last() + 1;
                    return Some(Portion::Page(page.clone()));
                }
                break;
            }
            let entries: Vec<SharedEntry> = stream.at(*next).collect();
            let more: usize = entries.iter().map(|entry| entry.bytes()).sum();
            if !portion.is_empty() && bytes + more > bytes_max {
                break;
            }
            portion.extend(entries);
            bytes += more;
            *next += 1;
        }
        (!portion.is_empty()).then_some(Portion::Entries(portion))
    }

    /// How many numbers are left.
    pub fn len(&self) -> u64 {
        self.left.iter().map(|(_, first, last)| (last + 1).saturating_sub(*first)).sum()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
