//! Which facts count, what they come to, and how what has come to rest is folded into pages.
//!
//! Of all facts with one key the lowest counts, wherever it is: among the loose entries, where the
//! ledger knows each key, or in a page. A page is opened for its keys only if a fact of the same
//! [group](crate::game::Game::fact_group) comes from elsewhere: when a host died in the middle of a round, or
//! two sides of a cut went on with the same one. So the scores are the totals of the pages, less what
//! is *beaten* in them, and the loose facts that count.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::{
    Fate, Key, Ledger, Out, Refused, Source,
    body::{Body, has_place, is_fact},
    disk::Record,
    entry::{Entry, EntryId, Kind, SharedEntry, WallTime, Writer},
    opened::Facts,
    page::{PAGE_ENTRIES_MAX, Page, SharedPage, fact_of},
};
use crate::game::{Fact, FactRules, Malformed, ScoreNews};

const HOUR_SECONDS: i128 = 3_600;

/// By how much somebody's clock must differ from what is known of it to be heard: more than the half
/// hour that rounding to hours takes away.
const CLOCKS_DIFFER_SECONDS: i128 = 45 * 60;

impl Ledger {
    /// Takes a page that another node sent. Where it does not simply go on what is held its entries are
    /// taken one by one.
    ///
    /// # Errors
    /// [`Refused`]; [`Refused::Malformed`] when it is no page.
    pub fn accept_page(&mut self, page: Page) -> Result<Fate, Refused> {
        let known =
            self.streams.get(&page.writer()).and_then(|stream| stream.page_at(page.first()));
        if known.is_some_and(|known| **known == page) {
            return Ok(Fate::Known);
        }
        let (page, entries) =
            page.verified(&self.fact_rules).map_err(|Malformed| Refused::Malformed)?;
        if page.session() != self.session {
            return Err(Refused::Session);
        }
        if page.signature().is_none() {
            return Err(Refused::Unsigned);
        }
        if !self.fits(&page) {
            return self.accept(entries.iter().map(|entry| Entry::clone(entry)).collect());
        }
        let chain = self.is_vouched_for(page.writer(), &entries)?;
        self.put_page(Arc::new(page.with_chain(chain)), Source::Peer);
        Ok(Fate::Fresh)
    }

    /// Takes all that this node's disk had kept, in whatever order. What is of no use is left out. No line is
    /// told of by itself: whoever opens a ledger looks at all of them.
    pub fn restore_all(&mut self, mut entries: Vec<Entry>, pages: &[SharedPage]) {
        entries.sort_by_key(|entry| (entry.id(), entry.hash()));
        let mut entries = entries.into_iter().peekable();
        let mut pages: Vec<&SharedPage> = pages.iter().collect();
        pages.sort_by_key(|page| (page.writer(), page.first()));
        for page in pages {
            let first = EntryId { writer: page.writer(), number: page.first() };
            while let Some(entry) = entries.next_if(|entry| entry.id() < first) {
                self.restore_or_tell(entry);
            }
            if let Err(error) = self.restore_page(page) {
                tracing::warn!(%error, "a page on the disk is of no use");
            }
        }
        entries.for_each(|entry| self.restore_or_tell(entry));
        self.out.retain(|out| !matches!(out, Out::Said(_)));
    }

    fn restore_or_tell(&mut self, entry: Entry) {
        if let Err(error) = self.restore(entry) {
            tracing::warn!(%error, "an entry on the disk is of no use");
        }
    }

    /// Takes a page that this node's disk had kept, and that was checked there. It may be behind a
    /// hole.
    ///
    /// # Errors
    /// [`Refused`]; then nothing has changed.
    pub fn restore_page(&mut self, page: &SharedPage) -> Result<(), Refused> {
        if page.session() != self.session {
            return Err(Refused::Session);
        }
        let stream = self.streams.get(&page.writer());
        let known = stream.and_then(|stream| stream.page_at(page.first()));
        if known.is_some_and(|known| known == page) {
            return Ok(());
        }
        if stream.is_some_and(|stream| stream.has_any(page.first(), page.last())) {
            // Some of its entries are there. The others are put in between.
            for entry in page.entries() {
                self.restore(Entry::clone(&entry))?;
            }
            return Ok(());
        }
        let last = stream.map_or(0, super::Stream::last);
        if page.first() > last + super::HOLE_MAX {
            return Err(Refused::Gap);
        }
        if !self.has_room(page.writer(), 1) {
            return Err(Refused::Full);
        }
        self.put_page(page.clone(), Source::Disk);
        Ok(())
    }

    /// Whether a page goes on where its writer's stream ends, and finds room.
    fn fits(&self, page: &Page) -> bool {
        let stream = self.streams.get(&page.writer());
        let (through, last) = stream.map_or((0, 0), |stream| (stream.through(), stream.last()));
        page.first() == through + 1 && last == through && self.has_room(page.writer(), 1)
    }

    fn put_page(&mut self, page: SharedPage, source: Source) {
        self.digest.take();
        let writer = page.writer();
        let stream = self.streams.entry(writer).or_default();
        let before = stream.through();
        stream.insert_page(page.clone());
        self.len += page.count() as usize;
        self.grow(1, page.bytes() as isize);
        if source != Source::Disk {
            self.report(Record::Page(page));
        }
        self.take_effect_from(writer, before, source);
    }

    /// A page is held from here on. Its facts stay in their places: there is no line of them.
    pub(super) fn take_effect_of_page(&mut self, page: &SharedPage, source: Source) {
        self.highest_reign = self.highest_reign.max(page.highest_reign());
        self.out.push_back(Out::PageCounts(page.clone()));
        let contested: Vec<u64> =
            page.groups().iter().copied().filter(|group| self.knows_group(*group)).collect();
        if !contested.is_empty() || !page.doubled().is_empty() {
            let mut folded = BTreeMap::new();
            for group in &contested {
                self.folded_of(*group).for_each(|(key, entry)| drop(folded.insert(key, entry)));
            }
            for entry in page.entries() {
                if page.doubled().binary_search(&entry.id().number).is_ok() {
                    self.beaten.insert(entry.id());
                    self.out.push_back(Out::CountsNoMore(entry));
                } else if self.group(&entry).is_some_and(|group| contested.contains(&group))
                    && let Some(key) = self.key(&entry)
                    && let Some(other) = self.counted.get(&key).or(folded.get(&key)).cloned()
                {
                    self.contest(key, &entry, other);
                }
            }
        }
        self.enlist(page);
        for entry in page.others() {
            self.take_effect(entry, source);
        }
    }

    /// A fact of a page that was said to count meets the one of its key that counted so far.
    fn contest(&mut self, key: Key, entry: &SharedEntry, other: SharedEntry) {
        if (other.id(), other.hash()) < (entry.id(), entry.hash()) {
            self.beaten.insert(entry.id());
            self.out.push_back(Out::CountsNoMore(entry.clone()));
            return;
        }
        if self.counted.remove(&key).is_none() {
            self.beaten.insert(other.id());
        }
        self.out.push_back(Out::CountsNoMore(other));
    }

    fn enlist(&mut self, page: &Page) {
        let name = (page.writer(), page.first());
        for group in page.groups() {
            self.groups.entry(*group).or_default().push(name);
        }
    }

    fn knows_group(&self, group: u64) -> bool {
        self.groups.contains_key(&group) || self.counted.range(range(group)).next().is_some()
    }

    /// The fact of this key that counts.
    fn winner(&self, key: Key) -> Option<SharedEntry> {
        let folded = || self.folded_of(key.0).find(|(other, _)| *other == key);
        self.counted.get(&key).cloned().or_else(|| folded().map(|(_, entry)| entry))
    }

    /// All facts of this group that are in pages, and that count.
    fn folded_of(&self, group: u64) -> impl Iterator<Item = (Key, SharedEntry)> {
        let pages = self.groups.get(&group).into_iter().flatten();
        let facts = pages.flat_map(move |name| {
            let facts = self.opened.borrow_mut().facts(*name, || self.facts_in(*name));
            facts.get(&group).cloned().unwrap_or_default()
        });
        facts.filter(|(_, entry)| !self.beaten.contains(&entry.id()))
    }

    /// The facts of a page.
    fn facts_in(&self, (writer, first): (Writer, u64)) -> Facts {
        let stream = self.streams.get(&writer);
        let mut facts: BTreeMap<u64, Vec<(Key, SharedEntry)>> = BTreeMap::new();
        for entry in stream.map(|stream| stream.all_of_page(first)).unwrap_or_default() {
            if let Some(group) = self.group(&entry)
                && let Some(key) = self.key(&entry)
            {
                facts.entry(group).or_default().push((key, entry));
            }
        }
        Arc::new(facts)
    }

    /// What a fact belongs to.
    pub(super) fn group(&self, entry: &Entry) -> Option<u64> {
        group_of(entry, &self.fact_rules)
    }

    /// The key of an entry that has one.
    pub(super) fn key(&self, entry: &Entry) -> Option<Key> {
        let mut hasher = Sha256::new_with_prefix([entry.head().kind.0]);
        hasher.update(entry.key()?);
        let key = hasher.finalize().first_chunk().map(|first| u128::from_be_bytes(*first))?;
        let group = fact_of(entry).map_or(0, |fact| (self.fact_rules.group)(&fact));
        Some((group, key))
    }

    /// Of all entries with one key the lowest counts: that is the same one for all. What has no key
    /// counts by itself.
    pub(super) fn count(&mut self, entry: &SharedEntry) {
        let Some(key) = self.key(entry) else {
            if counts_by_itself(entry) {
                self.out.push_back(Out::Counts(entry.clone()));
            }
            return;
        };
        if let Some(other) = self.winner(key) {
            if (other.id(), other.hash()) < (entry.id(), entry.hash()) {
                return;
            }
            if !self.counted.contains_key(&key) {
                self.beaten.insert(other.id());
            }
            self.out.push_back(Out::CountsNoMore(other));
        }
        self.counted.insert(key, entry.clone());
        self.out.push_back(Out::Counts(entry.clone()));
    }

    // What counts.

    /// Of each key of a fact the entry that counts.
    pub fn counted(&self) -> Vec<SharedEntry> {
        let folded = self.streams.values().flat_map(|stream| {
            let held = stream.pages().filter(|page| page.last() <= stream.through());
            held.flat_map(|page| page.entries())
        });
        let folded = folded
            .filter(|entry| is_fact(entry) && !self.beaten.contains(&entry.id()))
            .filter_map(|entry| Some((self.key(&entry)?, entry)));
        let loose = self.counted.iter().map(|(key, entry)| (*key, entry.clone()));
        loose.chain(folded).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// How many facts count.
    pub fn counted_len(&self) -> usize {
        let held = self
            .streams
            .values()
            .flat_map(|stream| stream.pages().filter(|page| page.last() <= stream.through()));
        let folded: u64 = held.map(|page| page.facts()).sum();
        self.counted.len() + folded as usize - self.beaten.len()
    }

    /// All facts of a group that count.
    pub fn facts_of(&self, group: u64) -> Vec<Fact> {
        let loose = self.counted.range(range(group)).filter_map(|(_, entry)| fact_of(entry));
        loose.chain(self.folded_of(group).filter_map(|(_, entry)| fact_of(&entry))).collect()
    }

    /// Tells `tell` all that counts, and when it happened: for the scores of a game.
    pub fn fold(&self, mut tell: impl FnMut(u64, ScoreNews<'_>)) {
        for stream in self.streams.values() {
            for page in stream.pages().filter(|page| page.last() <= stream.through()) {
                self.tell_page(page, &mut tell);
                page.others().iter().for_each(|entry| self.tell(entry, &mut tell));
            }
            let held = stream.loose().take_while(|entry| entry.id().number <= stream.through());
            held.filter(|entry| entry.key().is_none())
                .for_each(|entry| self.tell(entry, &mut tell));
        }
        for entry in self.beaten.iter().flat_map(|id| self.at(*id)) {
            if let Some(fact) = fact_of(&entry) {
                tell(self.happened_at(&entry), ScoreNews::CountsNoMore(&fact));
            }
        }
        self.counted.values().for_each(|entry| self.tell(entry, &mut tell));
    }

    /// Tells `tell` what the facts of a page come to.
    pub fn tell_page(&self, page: &Page, mut tell: impl FnMut(u64, ScoreNews<'_>)) {
        if !page.totals().is_empty() {
            tell(0, ScoreNews::SumCounts(page.totals(), self.hours_behind(page.writer())));
            return;
        }
        for entry in page.entries().iter().filter(|entry| is_fact(entry)) {
            self.tell(entry, &mut tell);
        }
    }

    fn tell(&self, entry: &Entry, tell: &mut impl FnMut(u64, ScoreNews<'_>)) {
        if let Some(record) = Body::of(entry).as_ref().and_then(|body| body.record(entry)) {
            tell(self.happened_at(entry), record);
        }
    }

    // Clocks.

    /// When an entry was written, by this node's clock as far as it knows how its author's differs.
    pub fn happened_at(&self, entry: &Entry) -> u64 {
        let hours = self.hours_behind(entry.id().writer);
        entry.head().written_at.0.saturating_add_signed(hours.saturating_mul(3_600))
    }

    fn hours_behind(&self, writer: Writer) -> i64 {
        self.behind.get(&writer).copied().unwrap_or_default()
    }

    /// The wall clock of this writer says this, while the own one says `own`. Whether that is news.
    pub fn hear_clock(&mut self, writer: Writer, wall: WallTime, own: WallTime) -> bool {
        let seconds = own.0 as i128 - wall.0 as i128;
        let known = self.hours_behind(writer);
        if (seconds - i128::from(known) * HOUR_SECONDS).abs() < CLOCKS_DIFFER_SECONDS {
            return false;
        }
        let hours = (seconds + HOUR_SECONDS / 2).div_euclid(HOUR_SECONDS);
        self.is_behind(writer, i64::try_from(hours).unwrap_or_default());
        self.out.push_back(Out::Keep(Record::Clock(
            self.session,
            writer,
            self.hours_behind(writer),
        )));
        if self.streams.contains_key(&writer) {
            self.tell_anew();
        }
        true
    }

    /// Tells all that counts once more.
    fn tell_anew(&mut self) {
        let mut out = vec![Out::Redated];
        for stream in self.streams.values() {
            for page in stream.pages().filter(|page| page.last() <= stream.through()) {
                out.push(Out::PageCounts(page.clone()));
                out.extend(page.others().iter().cloned().map(Out::Counts));
            }
            let held = stream.loose().take_while(|entry| entry.id().number <= stream.through());
            let keyless = held.filter(|entry| entry.key().is_none() && counts_by_itself(entry));
            out.extend(keyless.cloned().map(Out::Counts));
        }
        out.extend(self.beaten.iter().flat_map(|id| self.at(*id)).map(Out::CountsNoMore));
        out.extend(self.counted.values().cloned().map(Out::Counts));
        self.out.extend(out);
    }

    /// The clock of this writer is so many hours behind this node's.
    pub fn is_behind(&mut self, writer: Writer, hours: i64) {
        match hours {
            0 => drop(self.behind.remove(&writer)),
            _ => drop(self.behind.insert(writer, hours)),
        }
    }

    /// Whose clocks are known to be behind this node's, or ahead of it, and by how many hours.
    pub fn clocks(&self) -> impl Iterator<Item = (Writer, i64)> {
        self.behind.iter().map(|(writer, hours)| (*writer, *hours))
    }

    // Folding.

    /// Folds a run of at least `least` of what `writer` wrote into a page, but for the last `spared`
    /// of it. Whether there was such a run.
    pub fn fold_stream(&mut self, writer: Writer, least: u64, most: u64, spared: u64) -> bool {
        if self.has_to_place() {
            return false;
        }
        let Some(stream) = self.streams.get_mut(&writer) else { return false };
        let most = most.min(PAGE_ENTRIES_MAX);
        let Some(mut run) = stream.foldable(least, most, spared) else { return false };
        let goes_on = run.last().is_some_and(|last| last.id().number < stream.last());
        run.truncate(end_of_round(&run, &self.fact_rules, stream.is_history(), goes_on));
        let page = Page::fold(&run, &self.fact_rules, stream.is_history());
        let chained = |page: Page| stream.chain_at(page.last()).map(|chain| page.with_chain(chain));
        let Some(page) = page.and_then(chained).map(Arc::new) else { return false };
        stream.fold(page.clone());
        let folded = &run[..page.count() as usize];
        for entry in folded {
            let Some(key) = self.key(entry) else { continue };
            let counts = self.counted.get(&key).is_some_and(|counted| counted.id() == entry.id());
            match counts {
                true => drop(self.counted.remove(&key)),
                false => drop(self.beaten.insert(entry.id())),
            }
        }
        self.enlist(&page);
        let bytes: usize = folded.iter().map(|entry| entry.bytes()).sum();
        self.grow(1 - folded.len() as isize, page.bytes() as isize - bytes as isize);
        self.out.push_back(Out::Keep(Record::Fold(page)));
        true
    }

    /// Takes the page that has this entry apart, if one has it: the entry is to be changed, or gets
    /// company.
    pub(super) fn unfold(&mut self, id: EntryId) {
        let Some(stream) = self.streams.get_mut(&id.writer) else { return };
        let Some(page) = stream.page_at(id.number).cloned() else { return };
        let held = page.last() <= stream.through();
        stream.unfold(page.first());
        let entries = page.entries();
        let bytes: usize = entries.iter().map(|entry| entry.bytes()).sum();
        self.grow(entries.len() as isize - 1, bytes as isize - page.bytes() as isize);
        if !held {
            return;
        }
        let name = (page.writer(), page.first());
        self.opened.get_mut().forget(name);
        for group in page.groups() {
            if let Some(pages) = self.groups.get_mut(group) {
                pages.retain(|other| *other != name);
                if pages.is_empty() {
                    self.groups.remove(group);
                }
            }
        }
        for entry in entries {
            if let Some(key) = self.key(&entry)
                && !self.beaten.remove(&entry.id())
            {
                self.counted.insert(key, entry);
            }
        }
    }

    /// Closes all pages that were opened to be looked into, but for those whose facts others are compared with.
    pub fn close_pages(&mut self) {
        self.opened.get_mut().pass();
        self.streams.values_mut().for_each(super::Stream::close);
    }
}

/// Whether an entry without a key is to be told.
fn counts_by_itself(entry: &Entry) -> bool {
    has_place(entry.head().kind) && entry.head().kind != Kind::LINE
}

/// What an entry belongs to if it is a fact.
fn group_of(entry: &Entry, fact_rules: &FactRules) -> Option<u64> {
    is_fact(entry).then(|| fact_of(entry)).flatten().map(|fact| (fact_rules.group)(&fact))
}

/// How much of a run is best folded into one page: up to the last place where a round ends and a page can,
/// for pages with a group in common cost a look into both at every start. Of a round that fills most of it
/// all is taken, or the page would be no smaller than what is in it. What `goes_on` behind the run goes on
/// with its last round.
fn end_of_round(
    run: &[SharedEntry],
    fact_rules: &FactRules,
    is_history: bool,
    goes_on: bool,
) -> usize {
    let groups: Vec<Option<u64>> = run.iter().map(|entry| group_of(entry, fact_rules)).collect();
    let carry = |group: &mut Option<u64>, next: &Option<u64>| {
        *group = next.or(*group);
        Some(*group)
    };
    // Before each end, and behind it, what the nearest fact belongs to.
    let before: Vec<Option<u64>> = groups.iter().scan(None, carry).collect();
    let mut behind = before.last().copied().flatten().filter(|_| goes_on);
    let fitting = Page::fitting(run);
    for end in (1.max(run.len() / 4)..=run.len()).rev() {
        behind = groups.get(end).copied().flatten().or(behind);
        let is_vouched_for = is_history || run[end - 1].signature().is_some();
        let before = before[end - 1];
        if end <= fitting && is_vouched_for && (before.is_none() || before != behind) {
            return end;
        }
    }
    run.len()
}

/// All keys of a group.
fn range(group: u64) -> std::ops::RangeInclusive<Key> {
    (group, 0)..=(group, u128::MAX)
}
