//! What somebody else lacks, in portions that fit between two ticks.
//!
//! A portion of entries ends where their author [vouches](super::vouching) for them, or nobody would take
//! it, and where a round does, if there is such a place: the signature there is the one that is kept, and
//! [pages](super::page) end where signatures are. A page is sent as a whole, to those who have a part of it, too.
//! What was vouched for in one go and is longer than a portion was a page once, somewhere: it becomes one again on its
//! way.
//!
//! Of an author that [contradicts itself](super::stream::Breach) both that it signed is sent: so each sees for
//! itself, and believes nobody.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Ledger,
    entry::{SharedEntry, Writer},
    page::{Page, SharedPage},
    vector::{BROKEN, Vector},
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
    /// Those who contradict themselves: what is not held of them follows.
    breaches: VecDeque<Writer>,
}

impl Ledger {
    /// What whoever holds `held` lacks of this ledger. Where the checksums of a writer's stream
    /// differ, that is the whole stream: somewhere in it its author contradicts itself.
    pub fn missing_from(&self, held: &Vector) -> CatchUp {
        let mut missing = CatchUp::default();
        let signed = self.streams.iter().filter(|(_, stream)| !stream.is_history());
        for (writer, stream) in signed {
            let (through, other) = (stream.through(), held.mark(*writer));
            if other == BROKEN {
                continue;
            }
            let agrees = other.through > through || other.sum == stream.sum_at(other.through);
            let mut first = if agrees { other.through.saturating_add(1) } else { 1 };
            if let Some(breach) = stream.breach() {
                first = first.min(breach.number);
                missing.breaches.push_back(*writer);
            }
            if first <= through {
                missing.left.push_back((*writer, first, through));
            }
        }
        missing
    }

    /// A run that its author vouches for, as what is sent at once.
    fn sent_as(&self, run: Vec<SharedEntry>, bytes_max: usize) -> Portion {
        let bytes: usize = run.iter().map(|entry| entry.bytes()).sum();
        if bytes > bytes_max
            && let Some(page) = Page::fold(&run, &self.fact_rules, false)
            && page.count() == run.len() as u64
        {
            return Portion::Page(Arc::new(page));
        }
        Portion::Entries(run)
    }
}

impl CatchUp {
    /// The next portion: a page, if one begins there, or at least one entry, and no more than so many
    /// bytes if that is possible. None: that was all.
    pub fn next(&mut self, ledger: &Ledger, bytes_max: usize) -> Option<Portion> {
        let (mut portion, mut bytes) = (Vec::new(), 0);
        // Which round its last fact is of; how much of it lies before that one began, and what number began it.
        let (mut round, mut began) = (None, None);
        while let Some((writer, next, last)) = self.left.front_mut() {
            let stream = ledger.stream(*writer).filter(|_| *next <= *last);
            let Some((stream, end)) =
                stream.and_then(|stream| Some((stream, stream.vouched_from(*next)?)))
            else {
                self.left.pop_front();
                (round, began) = (None, None);
                continue;
            };
            if let Some(page) = stream.page_at(*next) {
                if !portion.is_empty() {
                    break;
                }
                *next = page.last() + 1;
                return Some(Portion::Page(page.clone()));
            }
            let run: Vec<SharedEntry> =
                (*next..=end).flat_map(|number| stream.at(number)).collect();
            let more: usize = run.iter().map(|entry| entry.bytes()).sum();
            let mut rounds = run.iter().filter_map(|entry| ledger.group(entry));
            let (first, last) = (rounds.next(), rounds.next_back());
            if round.is_some() && first.is_some() && first != round {
                began = Some((portion.len(), *next));
            }
            round = last.or(first).or(round);
            if !portion.is_empty() && bytes + more > bytes_max {
                if let Some((length, number)) = began {
                    portion.truncate(length);
                    *next = number;
                }
                break;
            }
            *next = end + 1;
            if more > bytes_max {
                return Some(ledger.sent_as(run, bytes_max));
            }
            portion.extend(run);
            bytes += more;
        }
        if !portion.is_empty() {
            return Some(Portion::Entries(portion));
        }
        while let Some(writer) = self.breaches.pop_front() {
            let breach = ledger.stream(writer).and_then(|stream| stream.breach());
            if let Some(breach) = breach.filter(|breach| !breach.other.is_empty()) {
                return Some(ledger.sent_as(breach.other.clone(), bytes_max));
            }
        }
        None
    }

    /// How many numbers are left.
    pub fn len(&self) -> u64 {
        let left = self.left.iter().map(|(_, first, last)| (last + 1).saturating_sub(*first));
        left.sum::<u64>() + self.breaches.len() as u64
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
