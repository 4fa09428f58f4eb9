//! What one writer wrote, in the order of its numbers, and a running checksum of it.
//!
//! A stream is a row of segments: single entries, and [pages](super::page) of many. It grows at its
//! end, without gaps, and as far as its author [vouches](super::vouching) for it. What is read back from a
//! damaged disk may leave *holes*, and an end without a signature: what lies behind is kept, but has no
//! effect until somebody brings what is missing, for it could not be passed on.
//!
//! A stream that does not begin with its author's key is *history*: an earlier version wrote it, when
//! nothing was signed. It is what the own disk had, and stays here. There a writer that gave one
//! number to two entries has *forks*: all are kept. In a stream that is signed the first one stays, and
//! what [contradicts](Breach) it is remembered: nothing more is taken of such a writer.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use super::{
    body::author_of,
    entry::{Entry, Hash, SharedEntry},
    page::{Page, SharedPage},
    vector::{BROKEN, Mark},
    vouching::Chain,
};
use crate::keys::PublicKey;

/// The most entries of one name that are kept of what was never signed. A writer with so many is past caring for: its
/// checksums agree from there on, or two ledgers would compare it for ever.
pub const FORKS_MAX: usize = 8;

/// A run that ends with what cannot be folded, such as a line of chat, becomes a page if it has so many.
const BETWEEN_LINES: u64 = 64;

/// What one writer wrote.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// By the number of their first entry.
    segments: BTreeMap<u64, Segment>,
    through: u64,
    last: u64,
    overrun: bool,
    origin: Option<Origin>,
    /// Of what is held.
    chain: Chain,
    /// Up to where nothing is missing, vouched for or not, and the chain there.
    reached: (u64, Chain),
    breach: Option<Breach>,
    /// The page that was opened last, by its first number.
    opened: RefCell<Option<(u64, Arc<[SharedEntry]>)>>,
}

/// What a stream begins with.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// The key of its author.
    Author(PublicKey),
    /// Something else: an earlier version wrote it.
    History,
}

/// Its author has signed two different entries of one number.
#[derive(Clone, Debug)]
pub struct Breach {
    /// The number.
    pub number: u64,
    /// The entry of this number that is not held, and what follows it up to a signature.
    pub other: Vec<SharedEntry>,
}

#[derive(Clone, Debug)]
struct Segment {
    content: Content,
    /// The sum of the weights up to its end.
    sum: u64,
    /// The chain at its end, if nothing before it is missing.
    chain: Chain,
}

#[derive(Clone, Debug)]
enum Content {
    /// One entry, and others of the same name.
    Loose(Vec<SharedEntry>),
    Page(SharedPage),
}

impl Segment {
    fn last(&self, first: u64) -> u64 {
        match &self.content {
            Content::Loose(_) => first,
            Content::Page(page) => page.last(),
        }
    }

    fn is_signed(&self) -> bool {
        match &self.content {
            Content::Loose(entries) => entries.iter().any(|entry| entry.signature().is_some()),
            Content::Page(page) => page.signature().is_some(),
        }
    }
}

impl Stream {
    /// The number up to which nothing is missing, and its author vouches for all.
    pub fn through(&self) -> u64 {
        self.through
    }

    /// The key of whoever wrote it, if it is known.
    pub fn author(&self) -> Option<PublicKey> {
        match self.origin {
            Some(Origin::Author(key)) => Some(key),
            _ => None,
        }
    }

    /// Whether it is of an earlier version: nobody vouches for it.
    pub fn is_history(&self) -> bool {
        matches!(self.origin, Some(Origin::History))
    }

    /// That its author contradicts itself, if that is known.
    pub fn breach(&self) -> Option<&Breach> {
        self.breach.as_ref()
    }

    /// From here on nothing more is taken of its author.
    pub fn break_off(&mut self, breach: Breach) {
        self.breach = Some(breach);
    }

    /// The chain of what is held.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// The chain at this number, which is not beyond what is held.
    pub fn chain_at(&self, number: u64) -> Option<Chain> {
        let Some((first, segment)) = self.segment_at(number) else {
            let entry = self.at(1).next().filter(|_| number == 0)?;
            return Some(Chain::start(entry.head().session, entry.id().writer));
        };
        if number == segment.last(first) {
            return Some(segment.chain);
        }
        let before = self.chain_at(first - 1)?;
        let opened = self.opened(first);
        let entries = opened.iter().take_while(|entry| entry.id().number <= number);
        Some(before.after_all(entries.map(|entry| &**entry)))
    }

    /// Whether all that is held is what its author has signed. History is.
    pub fn is_true(&self) -> bool {
        let (Some(author), Some(mut chain)) = (self.author(), self.chain_at(0)) else {
            return self.is_history() || self.through == 0;
        };
        for segment in self.segments.range(..=self.through).map(|(_, segment)| segment) {
            let entries = match &segment.content {
                Content::Loose(entries) => entries.clone(),
                Content::Page(page) => page.entries(),
            };
            chain = chain.after_all(entries.iter().map(|entry| &**entry));
            let last = entries.last().filter(|_| segment.is_signed());
            if chain != segment.chain || last.is_some_and(|last| !chain.is_signed_by(&author, last))
            {
                return false;
            }
        }
        true
    }

    /// The last number up to this one at which its author vouches for all before.
    pub fn vouched_at(&self, number: u64) -> u64 {
        let number = number.min(self.through);
        if self.is_history() || number == self.through {
            return number;
        }
        let ends = self.segments.range(..=number).rev();
        let ends = ends.filter(|(_, segment)| segment.is_signed());
        let mut ends = ends.map(|(first, segment)| segment.last(*first));
        ends.find(|last| *last <= number).unwrap_or(0)
    }

    /// The first number from this one on at which its author vouches for all before.
    pub fn vouched_from(&self, number: u64) -> Option<u64> {
        let (first, _) = self.segment_at(number)?;
        let mut ends = self.segments.range(first..).filter(|(_, segment)| segment.is_signed());
        ends.next().map(|(first, segment)| segment.last(*first))
    }

    /// The number of the last entry known, beyond holes too.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How far it is held.
    pub fn mark(&self) -> Mark {
        if self.breach.is_some() {
            return BROKEN;
        }
        Mark { through: self.through, sum: self.sum_at(self.through) }
    }

    /// The checksum of what is held up to `number`.
    pub fn sum_at(&self, number: u64) -> u64 {
        let number = number.min(self.through);
        let Some((first, segment)) = self.segment_at(number).filter(|_| !self.overrun) else {
            return 0;
        };
        if number == segment.last(first) {
            return segment.sum;
        }
        let opened = self.opened(first);
        let beyond = opened.iter().filter(|entry| entry.id().number > number);
        beyond.fold(segment.sum, |sum, entry| sum.wrapping_sub(entry.hash().short()))
    }

    /// The entries with this number, beyond holes too: one, if the writer is honest.
    pub fn at(&self, number: u64) -> impl Iterator<Item = SharedEntry> + use<> {
        let segment = self.segment_at(number);
        let entries = segment.map(|(first, segment)| match &segment.content {
            Content::Loose(entries) => entries.clone(),
            Content::Page(_) => {
                let opened = self.opened(first);
                opened.get((number - first) as usize).cloned().into_iter().collect()
            }
        });
        entries.into_iter().flatten()
    }

    /// The page that has the entry of this number, if one has it.
    pub fn page_at(&self, number: u64) -> Option<&SharedPage> {
        match &self.segment_at(number)?.1.content {
            Content::Page(page) => Some(page),
            Content::Loose(_) => None,
        }
    }

    /// All entries held, by their numbers.
    pub fn entries(&self) -> impl Iterator<Item = SharedEntry> {
        self.known().take_while(|entry| entry.id().number <= self.through)
    }

    /// All entries known, beyond holes too, by their numbers.
    pub fn known(&self) -> impl Iterator<Item = SharedEntry> {
        self.segments.values().flat_map(|segment| match &segment.content {
            Content::Loose(entries) => entries.clone(),
            Content::Page(page) => page.entries(),
        })
    }

    /// All entries known that are in no page, by their numbers.
    pub fn loose(&self) -> impl Iterator<Item = &SharedEntry> {
        self.segments.values().flat_map(|segment| match &segment.content {
            Content::Loose(entries) => &entries[..],
            Content::Page(_) => &[],
        })
    }

    /// All pages known, by their numbers.
    pub fn pages(&self) -> impl Iterator<Item = &SharedPage> {
        self.segments.values().filter_map(|segment| match &segment.content {
            Content::Page(page) => Some(page),
            Content::Loose(_) => None,
        })
    }

    /// The entry with this number and hash.
    pub fn find(&self, number: u64, hash: Hash) -> Option<SharedEntry> {
        self.at(number).find(|entry| entry.hash() == hash)
    }

    /// Whether another fork with this number finds room.
    pub fn has_room_for_fork(&self, number: u64) -> bool {
        self.at(number).count() < FORKS_MAX
    }

    /// Whether anything with a number between these is known.
    pub fn has_any(&self, first: u64, last: u64) -> bool {
        self.segment_at(first).is_some() || self.segments.range(first..=last).next().is_some()
    }

    /// The first run of at least `least` entries held that a page could have: no more than `most`, and
    /// none of the last `spared`. It ends with a signature, if anything here is signed.
    pub fn foldable(&self, least: u64, most: u64, spared: u64) -> Option<Vec<SharedEntry>> {
        let mut run: Vec<SharedEntry> = Vec::new();
        let is_enough = |run: &[SharedEntry], end: usize, least: u64| {
            run.len() as u64 >= least && end > 0 && 2 * end as u64 >= least
        };
        for (number, segment) in self.segments.range(..=self.through.saturating_sub(spared)) {
            let goes_on = run.last().is_none_or(|last| last.id().number + 1 == *number);
            let one = match &segment.content {
                Content::Loose(entries) => match &entries[..] {
                    [one] if Page::can_hold(one) && goes_on => Some(one),
                    _ => None,
                },
                Content::Page(_) => None,
            };
            if one.is_none() || run.len() as u64 >= most {
                let end = self.end_of(&run);
                // It will never be longer: somebody has said something, say.
                let ends = one.is_none();
                let least = if ends { least.min(BETWEEN_LINES) } else { least };
                if is_enough(&run, end, least) {
                    run.truncate(end);
                    return Some(run);
                }
                // A run may begin in the middle of what was signed in one go.
                let goes_on = one.is_some() && end > 0;
                run.drain(..if goes_on { end } else { run.len() });
            }
            run.extend(one.cloned());
        }
        let end = self.end_of(&run);
        is_enough(&run, end, least).then(|| run.into_iter().take(end).collect())
    }

    /// How much of a run can be vouched for in a page.
    fn end_of(&self, run: &[SharedEntry]) -> usize {
        let signed = || run.iter().rposition(|entry| entry.signature().is_some());
        if self.is_history() { run.len() } else { signed().map_or(0, |last| last + 1) }
    }

    /// Puts in an entry that is not there yet, and that adds `weight` to the checksum. It is in no
    /// page.
    pub fn insert(&mut self, entry: SharedEntry, weight: u64) {
        let number = entry.id().number;
        if number == 1 {
            self.begin(&entry);
        }
        let before = self.sum_before(number);
        let chain = Chain::default();
        let fresh = || Segment { content: Content::Loose(Vec::new()), sum: before, chain };
        let segment = self.segments.entry(number).or_insert_with(fresh);
        if let Content::Loose(entries) = &mut segment.content {
            entries.push(entry);
            self.overrun |= entries.len() >= FORKS_MAX;
        }
        self.add_weight(number, weight);
        self.reach(number);
    }

    /// Puts in a page of which nothing is there yet.
    pub fn insert_page(&mut self, page: SharedPage) {
        let (first, last, sum) = (page.first(), page.last(), page.sum());
        if first == 1 {
            // Whoever names its author there has it among those that are no facts.
            let named = page.others().iter().find(|entry| entry.id().number == 1).cloned();
            named.into_iter().for_each(|entry| self.begin(&entry));
            self.origin.get_or_insert(Origin::History);
        }
        let (before, chain) = (self.sum_before(first), page.chain());
        self.segments.insert(first, Segment { content: Content::Page(page), sum: before, chain });
        self.add_weight(first, sum);
        self.reach(last);
    }

    /// Puts a page in the place of the loose entries that it was made of.
    pub fn fold(&mut self, page: SharedPage) {
        let (first, last) = (page.first(), page.last());
        let (sum, chain) = self
            .segments
            .get(&last)
            .map_or((0, Chain::default()), |segment| (segment.sum, segment.chain));
        (first..=last).for_each(|number| {
            self.segments.remove(&number);
        });
        self.segments.insert(first, Segment { content: Content::Page(page), sum, chain });
    }

    /// Puts the entries of the page that begins with this number in its place.
    pub fn unfold(&mut self, first: u64) {
        let mut sum = self.sum_before(first);
        let entries = self.opened(first);
        let mut chain = self.chain_at(first - 1).unwrap_or_default();
        *self.opened.get_mut() = None;
        self.segments.remove(&first);
        for entry in entries.iter().cloned() {
            sum = sum.wrapping_add(entry.hash().short());
            chain = chain.after(entry.hash());
            let number = entry.id().number;
            let content = Content::Loose(vec![entry]);
            self.segments.insert(number, Segment { content, sum, chain });
        }
    }

    /// Puts in another copy of an entry that is there and in no page, which adds `weight` more than
    /// that one did.
    pub fn replace(&mut self, entry: SharedEntry, weight: u64) {
        let number = entry.id().number;
        if let Some(Segment { content: Content::Loose(entries), .. }) =
            self.segments.get_mut(&number)
        {
            for copy in entries.iter_mut().filter(|copy| copy.hash() == entry.hash()) {
                *copy = entry.clone();
            }
        }
        self.add_weight(number, weight);
        // It may have got a signature that was missing.
        if number > self.through {
            self.reached = (self.through, self.chain);
            self.reach(number);
        }
    }

    /// Takes out a single entry that is not held: somebody vouches for another one of its number. What
    /// it added to the checksum is taken back.
    pub fn remove(&mut self, number: u64, weight: u64) {
        self.add_weight(number, 0_u64.wrapping_sub(weight));
        self.segments.remove(&number);
        self.reached = (self.through, self.chain);
    }

    /// The entries of the page that begins with this number.
    pub fn all_of_page(&self, first: u64) -> Vec<SharedEntry> {
        self.opened(first).to_vec()
    }

    /// Closes the page that was opened last.
    pub fn close(&mut self) {
        *self.opened.get_mut() = None;
    }

    fn segment_at(&self, number: u64) -> Option<(u64, &Segment)> {
        let (first, segment) = self.segments.range(..=number).next_back()?;
        (segment.last(*first) >= number).then_some((*first, segment))
    }

    /// The entries of the page that begins with this number.
    fn opened(&self, first: u64) -> Arc<[SharedEntry]> {
        let mut opened = self.opened.borrow_mut();
        if let Some((known, entries)) = &*opened
            && *known == first
        {
            return entries.clone();
        }
        let entries: Arc<[SharedEntry]> =
            match self.segments.get(&first).map(|segment| &segment.content) {
                Some(Content::Page(page)) => page.entries().into(),
                _ => Arc::from([]),
            };
        *opened = Some((first, entries.clone()));
        entries
    }

    fn sum_before(&self, number: u64) -> u64 {
        self.segments.range(..number).next_back().map_or(0, |(_, segment)| segment.sum)
    }

    fn add_weight(&mut self, number: u64, weight: u64) {
        for (_, segment) in self.segments.range_mut(number..).filter(|_| weight != 0) {
            segment.sum = segment.sum.wrapping_add(weight);
        }
    }

    /// The first entry is there.
    fn begin(&mut self, first: &Entry) {
        if self.origin.is_none() {
            self.origin = Some(author_of(first).map_or(Origin::History, Origin::Author));
            self.chain = Chain::start(first.head().session, first.id().writer);
            self.reached = (0, self.chain);
        }
    }

    fn reach(&mut self, last: u64) {
        self.last = self.last.max(last);
        let history = self.is_history();
        while let Some(segment) = self.segments.get_mut(&(self.reached.0 + 1)) {
            let (before, chain) = self.reached;
            segment.chain = match &segment.content {
                Content::Loose(entries) => {
                    entries.first().map_or(chain, |entry| chain.after(entry.hash()))
                }
                Content::Page(page) => page.chain(),
            };
            self.reached = (segment.last(before + 1), segment.chain);
            if history || segment.is_signed() {
                (self.through, self.chain) = self.reached;
            }
        }
    }
}
