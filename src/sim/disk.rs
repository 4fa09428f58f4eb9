//! A disk that fails in every way that disks do: what the storage of the real program promises, as a
//! small model.
//!
//! It is asked to [`persist`](Disk::persist) batches, and answers with a [`Report`] when it gets to
//! it ([`Disk::work`]). In between anything may happen:
//!
//! | fault | what it does |
//! |---|---|
//! | [`Disk::crash`] | what was not reported may be there, in part (torn at any byte), or not at all |
//! | [`Disk::flip`] | a bit of what is there changes |
//! | [`Disk::capacity`] | a batch finds no room, nor does any after it |
//! | [`Disk::fail_next_sync`] | a sync fails; what it was to secure may be there or not |
//! | [`Disk::wipe`] | everything is gone |
//!
//! After a failure it answers nothing but failures until it is read again, at the next start. A
//! record is its length, a checksum and an entry or a page of them; reading gives every record that is
//! whole, and says whether any was not. Where a page takes the place of its entries, these are gone as
//! soon as it is there.

use std::collections::{BTreeMap, VecDeque};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};
use xxhash_rust::xxh3::xxh3_64;

use super::chance::chance;
use crate::{
    ledger::{
        batch,
        disk::{BatchId, Record, Report, Trouble},
        entry::{Entry, EntryId, SharedEntry},
        page::{Page, SharedPage},
    },
    types::SessionId,
};

const LENGTH_BYTES: usize = 4;
const SUM_BYTES: usize = 8;

/// One machine's disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// What is synced, record by record; behind a crash also a part of one.
    records: BTreeMap<u64, Vec<u8>>,
    next: u64,
    /// How many bytes that is.
    used: usize,
    /// Where each single entry is, as it was written.
    singles: BTreeMap<Name, Vec<u64>>,
    /// What was asked for, as it will be there, and the pages that take the place of others.
    asked: VecDeque<(BatchId, Vec<Written>, Vec<SharedPage>)>,
    trouble: Option<Trouble>,
    /// How many bytes find room.
    pub capacity: usize,
    /// The next sync reports an error.
    pub fail_next_sync: bool,
    random: Pcg64Mcg,
}

/// The name of a single entry.
type Name = (SessionId, EntryId);

/// A record, and which single entry is in it.
#[derive(Clone, Debug)]
struct Written {
    bytes: Vec<u8>,
    single: Option<Name>,
}

/// What a disk gave when it was read.
#[derive(Debug)]
pub struct Read {
    /// All single entries that are whole.
    pub entries: Vec<Entry>,
    /// All pages that are.
    pub pages: Vec<SharedPage>,
    /// Whether something was not.
    pub damaged: bool,
}

impl Disk {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        Self {
            records: BTreeMap::new(),
            next: 0,
            used: 0,
            singles: BTreeMap::new(),
            asked: VecDeque::new(),
            trouble: None,
            capacity: usize::MAX,
            fail_next_sync: false,
            random: chance(seed, 4),
        }
    }

    /// Asks for a batch to be kept.
    pub fn persist(&mut self, batch: BatchId, records: &[Record]) {
        let (mut written, mut folds) = (Vec::new(), Vec::new());
        for record in records {
            match record {
                Record::Fresh(entry) | Record::Changed(entry) => written.push(single(entry)),
                Record::Page(page) => written.push(whole_page(page)),
                Record::Fold(page) => {
                    written.push(whole_page(page));
                    folds.push(page.clone());
                }
                Record::Clock(..) => {}
            }
        }
        self.asked.push_back((batch, written, folds));
    }

    /// Does what was asked for first. None: nothing was asked for.
    pub fn work(&mut self) -> Option<Report> {
        let (batch, written, folds) = self.asked.pop_front()?;
        if self.trouble.is_none() && self.used + bytes_in(&written) > self.capacity {
            self.trouble = Some(Trouble::Full);
        } else if self.trouble.is_none() && std::mem::take(&mut self.fail_next_sync) {
            self.trouble = Some(Trouble::Failed("sync".to_owned()));
            if self.draw(2) == 0 {
                written.iter().cloned().for_each(|written| self.append(written));
            }
        }
        if let Some(why) = self.trouble.clone() {
            return Some(Report::Failed { batch, why });
        }
        written.into_iter().for_each(|written| self.append(written));
        folds.iter().for_each(|page| self.remove_folded(page));
        Some(Report::Persisted { batch })
    }

    fn append(&mut self, Written { bytes, single }: Written) {
        self.used += bytes.len();
        if let Some(name) = single {
            self.singles.entry(name).or_default().push(self.next);
        }
        self.records.insert(self.next, bytes);
        self.next += 1;
    }

    /// Removes all single entries that this page has.
    fn remove_folded(&mut self, page: &Page) {
        for number in page.first()..=page.last() {
            let name = (page.session(), EntryId { writer: page.writer(), number });
            for record in self.singles.remove(&name).into_iter().flatten() {
                self.used -= self.records.remove(&record).map_or(0, |bytes| bytes.len());
            }
        }
    }

    /// Whether it has not done all that it was asked for.
    pub fn is_writing(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The process, or the whole machine, stops: of what was asked for a part may be on the disk.
    pub fn crash(&mut self) {
        for (_, written, _) in std::mem::take(&mut self.asked) {
            let length = bytes_in(&written);
            let torn = self.draw(length + 1);
            let mut left = torn;
            for Written { mut bytes, single } in written {
                let whole = bytes.len() <= left;
                bytes.truncate(left);
                left -= bytes.len();
                self.append(Written { bytes, single: single.filter(|_| whole) });
            }
            if torn < length {
                break;
            }
        }
    }

    /// Changes one bit.
    pub fn flip(&mut self) {
        if self.used == 0 {
            return;
        }
        let (mut at, bit) = (self.draw(self.used), self.draw(8));
        for bytes in self.records.values_mut() {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
                return;
            }
            at -= bytes.len();
        }
    }

    /// From here on nothing more finds room.
    pub fn fill(&mut self) {
        self.capacity = self.used;
    }

    /// There is room again, for whoever starts anew.
    pub fn make_room(&mut self) {
        self.capacity = usize::MAX;
        self.fail_next_sync = false;
    }

    /// Loses everything.
    pub fn wipe(&mut self) {
        self.empty();
        self.asked.clear();
    }

    fn empty(&mut self) {
        self.records.clear();
        self.singles.clear();
        self.used = 0;
    }

    /// What is on it, as a start would find it.
    pub fn peek(&self) -> Read {
        let mut read = Read { entries: Vec::new(), pages: Vec::new(), damaged: false };
        let bytes: Vec<u8> = self.records.values().flatten().copied().collect();
        let mut rest = &bytes[..];
        while let Some(Split { sum, body, next }) = split(rest) {
            let sound = sum == xxh3_64(body).to_be_bytes();
            match Page::is_page(body) {
                true if sound => match Page::decode(body) {
                    Ok(page) => read.pages.push(page.into()),
                    Err(_) => read.damaged = true,
                },
                false if sound => match batch::decode(body) {
                    Ok(entries) => read.entries.extend(entries),
                    Err(_) => read.damaged = true,
                },
                _ => read.damaged = true,
            }
            rest = next;
        }
        read.damaged |= !rest.is_empty();
        read
    }

    /// Reads it, at the start of a node. What is not whole is set aside; from here on it works
    /// again.
    pub fn read(&mut self) -> Read {
        let read = self.peek();
        self.asked.clear();
        self.trouble = None;
        if read.damaged {
            self.empty();
            let whole = read.entries.iter().cloned().map(SharedEntry::new);
            whole.for_each(|entry| self.append(single(&entry)));
            read.pages.iter().for_each(|page| self.append(whole_page(page)));
        }
        read
    }

    fn draw(&mut self, below: usize) -> usize {
        (self.random.next_u64() % below.max(1) as u64) as usize
    }
}

/// The first record, and all that follows.
struct Split<'a> {
    sum: &'a [u8],
    body: &'a [u8],
    next: &'a [u8],
}

fn split(bytes: &[u8]) -> Option<Split<'_>> {
    let (head, body) = bytes.split_at_checked(LENGTH_BYTES + SUM_BYTES)?;
    let (length, sum) = head.split_at(LENGTH_BYTES);
    let length = length.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes)) as usize;
    let (body, next) = body.split_at_checked(length)?;
    Some(Split { sum, body, next })
}

fn bytes_in(written: &[Written]) -> usize {
    written.iter().map(|written| written.bytes.len()).sum()
}

fn single(entry: &SharedEntry) -> Written {
    let session = entry.head().session;
    let bytes = record(&batch::encode(session, [entry]));
    Written { bytes, single: Some((session, entry.id())) }
}

fn whole_page(page: &Page) -> Written {
    Written { bytes: record(&page.encode()), single: None }
}

fn record(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length[..], &xxh3_64(body).to_be_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        keys::SecretKey,
        ledger::{
            Ledger,
            body::Body,
            entry::{Kind, WallTime},
            vouching::Pen,
        },
        types::{Incarnation, SessionId},
    };

    fn written(count: u64) -> Vec<SharedEntry> {
        let pen = Pen::new(SecretKey::from_bytes(&[1; 32]), Incarnation(1));
        let mut ledger = Ledger::new(SessionId(uuid::Uuid::from_u128(1)), pen);
        let body = |n| Body::Other(Kind(128), format!("line {n}").into_bytes());
        (0..count).map(|n| ledger.write(WallTime(n), body(n)).unwrap()).collect()
    }

    fn fresh(entries: &[SharedEntry]) -> Vec<Record> {
        entries.iter().cloned().map(Record::Fresh).collect()
    }

    fn holds(disk: &Disk, entries: &[SharedEntry]) -> bool {
        let read = disk.peek().entries;
        entries.iter().all(|entry| read.contains(entry))
    }

    #[test]
    fn what_was_reported_survives_every_crash() {
        let entries = written(9);
        for seed in 0..200 {
            let mut disk = Disk::new(seed);
            disk.persist(BatchId(1), &fresh(&entries[..3]));
            assert_eq!(disk.work(), Some(Report::Persisted { batch: BatchId(1) }));
            disk.persist(BatchId(2), &fresh(&entries[3..6]));
            disk.persist(BatchId(3), &fresh(&entries[6..]));
            disk.crash();
            assert!(holds(&disk, &entries[..3]));
            // What there is of the rest is a beginning of it.
            let read = disk.read().entries;
            assert!(read.iter().eq(entries.iter().map(|entry| &**entry).take(read.len())));
            assert!(!disk.peek().damaged);
        }
    }

    #[test]
    fn a_flipped_bit_costs_no_more_than_is_noticed() {
        let entries = written(9);
        for seed in 0..500 {
            let mut disk = Disk::new(seed);
            disk.persist(BatchId(1), &fresh(&entries));
            disk.work();
            disk.flip();
            let read = disk.read();
            assert!(read.damaged);
            assert!(read.entries.iter().all(|read| entries.iter().any(|entry| **entry == *read)));
        }
    }

    #[test]
    fn a_disk_that_failed_reports_nothing_but_failures() {
        let entries = written(3);
        for full in [true, false] {
            let mut disk = Disk::new(1);
            match full {
                true => disk.capacity = 10,
                false => disk.fail_next_sync = true,
            }
            for batch in 1..4 {
                disk.persist(BatchId(batch), &fresh(&entries));
                assert!(matches!(disk.work(), Some(Report::Failed { .. })));
            }
            disk.capacity = usize::MAX;
            disk.read();
            disk.persist(BatchId(4), &fresh(&entries));
            assert_eq!(disk.work(), Some(Report::Persisted { batch: BatchId(4) }));
        }
    }
}
