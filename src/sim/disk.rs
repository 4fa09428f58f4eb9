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
//! record is its length, a checksum and an entry; reading gives every record that is whole, and says
//! whether any was not.

use std::collections::VecDeque;

use rand_pcg::{Pcg64Mcg, rand_core::Rng};
use xxhash_rust::xxh3::xxh3_64;

use super::chance;
use crate::cluster::ledger::{
    batch,
    disk::{BatchId, Record, Report, Trouble},
    entry::{Entry, SharedEntry},
};

const LENGTH_BYTES: usize = 4;
const SUM_BYTES: usize = 8;

/// One machine's disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// What is synced.
    bytes: Vec<u8>,
    asked: VecDeque<(BatchId, Vec<u8>)>,
    trouble: Option<Trouble>,
    /// How many bytes find room.
    pub capacity: usize,
    /// The next sync reports an error.
    pub fail_next_sync: bool,
    random: Pcg64Mcg,
}

/// What a disk gave when it was read.
#[derive(Debug)]
pub struct Read {
    /// All entries that are whole.
    pub entries: Vec<Entry>,
    /// Whether something was not.
    pub damaged: bool,
}

impl Disk {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        Self {
            bytes: Vec::new(),
            asked: VecDeque::new(),
            trouble: None,
            capacity: usize::MAX,
            fail_next_sync: false,
            random: chance(seed, 4),
        }
    }

    /// Asks for a batch to be kept.
    pub fn persist(&mut self, batch: BatchId, records: &[Record]) {
        let bytes = records.iter().flat_map(|record| bytes_of(&record.entry)).collect();
        self.asked.push_back((batch, bytes));
    }

    /// Does what was asked for first. None: nothing was asked for.
    pub fn work(&mut self) -> Option<Report> {
        let (batch, bytes) = self.asked.pop_front()?;
        if self.trouble.is_none() && self.bytes.len() + bytes.len() > self.capacity {
            self.trouble = Some(Trouble::Full);
        } else if self.trouble.is_none() && std::mem::take(&mut self.fail_next_sync) {
            self.trouble = Some(Trouble::Failed("sync".to_owned()));
            if self.draw(2) == 0 {
                self.bytes.extend(&bytes);
            }
        }
        if let Some(why) = self.trouble.clone() {
            return Some(Report::Failed { batch, why });
        }
        self.bytes.extend(bytes);
        Some(Report::Persisted { batch })
    }

    /// Whether it has not done all that it was asked for.
    pub fn is_writing(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The process, or the whole machine, stops: of what was asked for a part may be on the disk.
    pub fn crash(&mut self) {
        for (_, bytes) in std::mem::take(&mut self.asked) {
            let torn = self.draw(bytes.len() + 1);
            self.bytes.extend(&bytes[..torn]);
            if torn < bytes.len() {
                break;
            }
        }
    }

    /// Changes one bit.
    pub fn flip(&mut self) {
        if !self.bytes.is_empty() {
            let (at, bit) = (self.draw(self.bytes.len()), self.draw(8));
            self.bytes[at] ^= 1 << bit;
        }
    }

    /// From here on nothing more finds room.
    pub fn fill(&mut self) {
        self.capacity = self.bytes.len();
    }

    /// There is room again, for whoever starts anew.
    pub fn make_room(&mut self) {
        self.capacity = usize::MAX;
        self.fail_next_sync = false;
    }

    /// Loses everything.
    pub fn wipe(&mut self) {
        self.bytes.clear();
        self.asked.clear();
    }

    /// What is on it, as a start would find it.
    pub fn peek(&self) -> Read {
        let (mut entries, mut damaged) = (Vec::new(), false);
        let mut rest = &self.bytes[..];
        while !rest.is_empty() {
            let Some((head, body)) = rest.split_at_checked(LENGTH_BYTES + SUM_BYTES) else {
                return Read { entries, damaged: true };
            };
            let (length, sum) = head.split_at(LENGTH_BYTES);
            let length = length.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
            let Some((body, next)) = body.split_at_checked(length as usize) else {
                return Read { entries, damaged: true };
            };
            let read = (sum == xxh3_64(body).to_be_bytes()).then(|| batch::decode(body));
            match read {
                Some(Ok(read)) => entries.extend(read),
                _ => damaged = true,
            }
            rest = next;
        }
        Read { entries, damaged }
    }

    /// Reads it, at the start of a node. What is not whole is set aside; from here on it works
    /// again.
    pub fn read(&mut self) -> Read {
        let read = self.peek();
        self.asked.clear();
        self.trouble = None;
        if read.damaged {
            let whole = read.entries.iter().cloned().map(SharedEntry::new);
            self.bytes = whole.flat_map(|entry| bytes_of(&entry)).collect();
        }
        read
    }

    fn draw(&mut self, below: usize) -> usize {
        (self.random.next_u64() % below.max(1) as u64) as usize
    }
}

fn bytes_of(entry: &SharedEntry) -> Vec<u8> {
    let body = batch::encode(entry.head().session, [entry]);
    let length = (body.len() as u32).to_be_bytes();
    [&length[..], &xxh3_64(&body).to_be_bytes(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::ledger::{
            Ledger,
            body::Body,
            entry::{Kind, WallTime, Writer},
        },
        types::{Incarnation, NodeId, SessionId},
    };

    fn written(count: u64) -> Vec<SharedEntry> {
        let me = Writer { node: NodeId::from_u128(1), incarnation: Incarnation(1) };
        let mut ledger = Ledger::new(SessionId(uuid::Uuid::from_u128(1)), me);
        let body = |n| Body::Other(Kind(128), format!("line {n}").into_bytes());
        (0..count).map(|n| ledger.write(WallTime(n), body(n)).unwrap()).collect()
    }

    fn fresh(entries: &[SharedEntry]) -> Vec<Record> {
        entries.iter().map(|entry| Record { entry: entry.clone(), fresh: true }).collect()
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
