//! What one writer wrote, in the order of its numbers, and a running checksum of it.
//!
//! A stream is a row of segments: single entries, and [pages](super::page) of many. It grows at its
//! end, without gaps. There are two exceptions. What is read back from a damaged disk may leave
//! *holes*: what lies behind one is kept, but has no effect until somebody fills the hole, for it could
//! not be passed on. And a writer that gave one number to two entries has *forks*: all are kept.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use super::{
    entry::{Hash, SharedEntry},
    page::{Page, SharedPage},
    vector::Mark,
};

/// The most entries of one name that are kept. A writer with so many is past caring for: its
/// checksums agree from there on, or two ledgers would compare it for ever.
pub const FORKS_MAX: usize = 8;

/// What one writer wrote.
#[derive(Debug, Default)]
pub struct Stream {
    /// By the number of their first entry.
    segments: BTreeMap<u64, Segment>,
    through: u64,
    last: u64,
    overrun: bool,
    /// The page that was opened last, by its first number.
    opened: RefCell<Option<(u64, Arc<[SharedEntry]>)>>,
}

#[derive(Debug)]
struct Segment {
    content: Content,
    /// The sum of the weights up to its end.
    sum: u64,
}

#[derive(Debug)]
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
}

impl Stream {
    /// The number up to which nothing is missing.
    pub fn through(&self) -> u64 {
        self.through
    }

    /// The number of the last entry known, beyond holes too.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How far it is held.
    pub fn mark(&self) -> Mark {
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

    /// The numbers of the first run of at least `least` entries held that a page could have: no more
    /// than `most`, and none of the last `spared`.
    pub fn foldable(&self, least: u64, most: u64, spared: u64) -> Option<Vec<SharedEntry>> {
        let mut run: Vec<SharedEntry> = Vec::new();
        for (number, segment) in self.segments.range(..=self.through.saturating_sub(spared)) {
            let goes_on = run.last().is_none_or(|last| last.id().number + 1 == *number);
            let one = match &segment.content {
                Content::Loose(entries) => match &entries[..] {
                    [one] if Page::can_hold(one) && goes_on => Some(one),
                    _ => None,
                },
                Content::Page(_) => None,
            };
            match one {
                Some(one) => run.push(one.clone()),
                None if run.len() as u64 >= least => return Some(run),
                None => run.clear(),
            }
            if run.len() as u64 >= most {
                return Some(run);
            }
        }
        (run.len() as u64 >= least).then_some(run)
    }

    /// Puts in an entry that is not there yet, and that adds `weight` to the checksum. It is in no
    /// page.
    pub fn insert(&mut self, entry: SharedEntry, weight: u64) {
        let number = entry.id().number;
        let before = self.sum_before(number);
        let fresh = || Segment { content: Content::Loose(Vec::new()), sum: before };
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
        let before = self.sum_before(first);
        self.segments.insert(first, Segment { content: Content::Page(page), sum: before });
        self.add_weight(first, sum);
        self.reach(last);
    }

    /// Puts a page in the place of the loose entries that it was made of.
    pub fn fold(&mut self, page: SharedPage) {
        let (first, last) = (page.first(), page.last());
        let sum = self.segments.get(&last).map_or(0, |segment| segment.sum);
        (first..=last).for_each(|number| {
            self.segments.remove(&number);
        });
        self.segments.insert(first, Segment { content: Content::Page(page), sum });
    }

    /// Puts the entries of the page that begins with this number in its place.
    pub fn unfold(&mut self, first: u64) {
        let mut sum = self.sum_before(first);
        let entries = self.opened(first);
        *self.opened.get_mut() = None;
        self.segments.remove(&first);
        for entry in entries.iter().cloned() {
            sum = sum.wrapping_add(entry.hash().short());
            let number = entry.id().number;
            self.segments.insert(number, Segment { content: Content::Loose(vec![entry]), sum });
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

    fn reach(&mut self, last: u64) {
        self.last = self.last.max(last);
        while let Some(segment) = self.segments.get(&(self.through + 1)) {
            self.through = segment.last(self.through + 1);
        }
    }
}
