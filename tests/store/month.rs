//! A month of eight players: what is left of millions of points when each round that is over has been
//! folded, how exact the scores are, and how fast it is all there again.
//!
//! The evenings are played by the ledgers alone: who gathers what is drawn, the host changes from life to
//! life, and every now and then in the middle of a round, so that two have the same points; its
//! successor has all that it wrote, as everybody has.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use interregnum::{
    arena::{
        Arena, GatherableId, RoundId,
        hall::{Fact, Hall, Standing},
    },
    game::{FactRules, draw},
    keys::SecretKey,
    ledger::{
        Ledger, Out,
        batch::{self, PORTION_BYTES},
        body::{Body, Called},
        catch_up::Portion,
        disk::Record,
        entry::{Entry, SharedEntry, WallTime, Writer},
        page::{PAGE_ENTRIES_MAX, Page},
        vouching::Pen,
    },
    runtime::store::file::LedgerFile,
    text::Name,
    types::{Epoch, Incarnation, NodeId, SessionId},
};
use uuid::Uuid;

use crate::folder::Folder;

const PLAYERS: u64 = 8;
/// As many as made a ledger full in 33 hours.
const POINTS_PER_SECOND: u64 = 9;
const SPARED: u64 = 512;
/// Many entries in one batch, as a disk that was busy gets them.
const BATCH: usize = 4_096;

#[test]
fn an_evening_of_eight_players_is_folded_and_its_scores_are_exact() {
    let month = Month::play(1, 2, 1_805);
    month.check(&Folder::fast());
    month.check_merges();
    month.check_rounds();
}

#[test]
#[ignore = "the full count, and it measures"]
fn a_month_of_eight_players_around_the_clock_is_there_within_a_second() {
    let began = Instant::now();
    let month = Month::play(30, 24, 21_605);
    println!("played in {:?}", began.elapsed());
    let took = month.check(&Folder::new());
    assert!(month.ledger.rows() < 100_000, "{} rows", month.ledger.rows());
    if !cfg!(debug_assertions) {
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

struct Month {
    ledger: Ledger,
    /// All that is to be kept, in order.
    records: Vec<Record>,
    /// The scores, counted by hand.
    scores: BTreeMap<NodeId, Standing>,
    entries: u64,
}

fn player(number: u64) -> NodeId {
    NodeId::from_u128(u128::from(draw(1, number % PLAYERS)) << 64 | 5)
}

fn session() -> SessionId {
    SessionId(Uuid::from_u128(5))
}

fn empty(pen: Pen) -> Ledger {
    Ledger::summed(session(), pen, FactRules::of::<Arena>())
}

fn reader(life: u64) -> Pen {
    Pen::new(SecretKey::from_bytes(&[99; 32]), Incarnation(life))
}

/// Takes all of it, run by run.
fn take(to: &mut Ledger, entries: impl Iterator<Item = SharedEntry>) {
    for run in batch::runs(entries.map(|entry| Entry::clone(&entry)).collect()) {
        to.accept(run).unwrap();
    }
}

impl Month {
    /// A host falls after so many seconds, in the middle of a round.
    fn play(days: u64, hours: u64, life_seconds: u64) -> Self {
        let mut month = Self {
            ledger: empty(reader(1)),
            records: Vec::new(),
            scores: BTreeMap::new(),
            entries: 0,
        };
        let (mut reign, mut round) = (0, RoundId(1 << 24));
        // What the last host of a life gathered in the round in which it fell: so does the next one.
        let mut again: Vec<Fact> = Vec::new();
        for day in 0..days {
            let evening = 1_700_000_000 + day * 86_400;
            for life in 0..hours * 3_600 / life_seconds {
                reign += 1;
                let at = evening + life * life_seconds;
                again = month.live(reign, at, life_seconds, &mut round, &again);
            }
        }
        month
    }

    /// One life of a host. Returns what it gathered last.
    fn live(
        &mut self,
        reign: u64,
        at: u64,
        seconds: u64,
        round: &mut RoundId,
        again: &[Fact],
    ) -> Vec<Fact> {
        let key = SecretKey::from_bytes(&[1 + (reign % PLAYERS) as u8; 32]);
        let mut host = empty(Pen::new(key, Incarnation(reign)));
        let me = host.me();
        host.reigns(Epoch(reign));
        for number in 0..PLAYERS {
            let called = Called { player: player(number), name: Name::new(&format!("P{number}")) };
            host.write(WallTime(at), Body::Joined(called)).unwrap();
        }
        again.iter().for_each(|fact| drop(host.write(WallTime(at), fact_body(fact)).unwrap()));
        let mut lately = Vec::new();
        for number in 1..=seconds * POINTS_PER_SECOND {
            let chance = draw(reign, number);
            let fact = Fact::Gathered {
                player: player(chance),
                gatherable: GatherableId((reign << 24) + number),
                rare: chance >> 8 & 7 == 0,
                round: *round,
            };
            self.note(&mut host, at + number / POINTS_PER_SECOND, &fact);
            lately.push(fact);
            if number % 100 == 0 {
                let won = Fact::Won { player: player(chance), round: *round };
                self.note(&mut host, at + number / POINTS_PER_SECOND, &won);
                *round = RoundId((reign << 24) + number);
                lately.clear();
                // The real one does so each tick: that takes a while, seventeen million times.
                host.sign();
            }
        }
        host.sign();
        self.entries += host.len() as u64;
        // It falls a little before the end of a round.
        let lately: Vec<Fact> = lately.into_iter().rev().take(20).collect();
        let mut missing = host.missing_from(&self.ledger.vector());
        while let Some(portion) = missing.next(&host, PORTION_BYTES) {
            take(&mut self.ledger, portion.into_entries().into_iter());
            if self.ledger.stream(me).is_some_and(|stream| stream.loose().count() > BATCH) {
                self.fold(me, PAGE_ENTRIES_MAX, SPARED);
            }
        }
        self.fold(me, 16, 0);
        lately
    }

    fn note(&mut self, host: &mut Ledger, at: u64, fact: &Fact) {
        host.note(WallTime(at), fact_body(fact)).unwrap();
        let standing = self.scores.entry(fact.player()).or_default();
        match fact {
            Fact::Gathered { rare, .. } => standing.points += if *rare { 3 } else { 1 },
            Fact::Won { .. } => standing.games_won += 1,
        }
    }

    fn fold(&mut self, writer: Writer, least: u64, spared: u64) {
        while self.ledger.fold_stream(writer, least, PAGE_ENTRIES_MAX, spared) {}
        self.ledger.close_pages();
        // Only what a disk would have in the end: what was folded is in its page.
        while let Some(out) = self.ledger.poll() {
            match out {
                Out::Keep(Record::Fold(page)) => self.records.push(Record::Page(page)),
                Out::Keep(_) | Out::Counts(_) | Out::CountsNoMore(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn assert_right(&self, hall: &Hall) {
        let scores: BTreeMap<NodeId, Standing> = hall.all_time().into_iter().collect();
        assert_eq!(scores, self.scores);
    }

    /// Writes it to a disk, and starts from there. How long that took.
    fn check(&self, folder: &Folder) -> Duration {
        let (mut file, _) = LedgerFile::open(&folder.file()).unwrap();
        let loose = self.ledger.loose().cloned().map(Record::Fresh);
        let records: Vec<Record> = loose.chain(self.records.iter().cloned()).collect();
        records.chunks(BATCH).for_each(|batch| file.write(batch).unwrap());
        drop(file);
        let began = Instant::now();
        let (_file, mut contents) = LedgerFile::open(&folder.file()).unwrap();
        let read = began.elapsed();
        let mut ledger = empty(reader(2));
        let entries = contents.ledgers.remove(&session()).unwrap_or_default();
        ledger.restore_all(entries, &contents.pages[&session()]);
        let restored = began.elapsed();
        let mut hall = Hall::default();
        ledger.fold(|at, record| hall.update(at, record));
        let took = began.elapsed();
        println!(
            "{} entries in {} rows, {} bytes on disk; read after {read:?}, restored after \
             {restored:?}, counted after {took:?}",
            self.entries,
            ledger.rows(),
            std::fs::metadata(folder.file()).unwrap().len()
        );
        assert_eq!((ledger.len() as u64, ledger.behind_holes()), (self.entries, 0));
        assert_eq!(ledger.digest(), self.ledger.digest());
        self.assert_right(&hall);
        took
    }

    /// A start opens pages that have a round in common: those before and after the death of a host, and no
    /// others.
    fn check_rounds(&self) {
        let mut pages_of: BTreeMap<u64, u64> = BTreeMap::new();
        for group in self.ledger.pages().flat_map(|page| page.groups()) {
            *pages_of.entry(*group).or_default() += 1;
        }
        let shared = pages_of.values().filter(|pages| **pages > 1).count();
        let (pages, lives) = (self.ledger.pages().count(), self.ledger.writers().count());
        assert!(pages > 8 * lives, "{pages} pages of {lives} lives");
        assert!(shared < lives, "{shared} rounds are in several pages, after {lives} lives");
    }

    /// Who has all of it entry by entry, as it was before there were pages, and who has it folded are
    /// equal, and become so from either side.
    fn check_merges(&self) {
        let mut old = empty(reader(3));
        take(&mut old, self.ledger.entries());
        assert_eq!(old.rows() as u64, self.entries);
        assert_eq!(old.digest(), self.ledger.digest());
        let half = self.entries as usize / 2;
        for from in [&old, &self.ledger] {
            // Half of it is there already, one by one.
            let mut new = empty(reader(4));
            let _ = old.entries().take(half).fold(Vec::new(), |mut run, entry| {
                run.push(Entry::clone(&entry));
                if entry.signature().is_some() {
                    new.accept(std::mem::take(&mut run)).unwrap();
                }
                run
            });
            let mut missing = from.missing_from(&new.vector());
            while let Some(portion) = missing.next(from, PORTION_BYTES) {
                match portion {
                    Portion::Entries(entries) => take(&mut new, entries.into_iter()),
                    Portion::Page(page) => {
                        new.accept_page(Page::decode(&page.encode()).unwrap()).unwrap();
                    }
                }
            }
            assert_eq!(new.digest(), old.digest());
            let mut hall = Hall::default();
            new.fold(|at, record| hall.update(at, record));
            self.assert_right(&hall);
            assert_eq!(new.counted_len(), old.counted_len());
        }
        let keys: BTreeSet<_> =
            old.counted().iter().map(|entry| (entry.id(), entry.hash().short())).collect();
        let folded = self.ledger.counted();
        assert!(folded.iter().all(|entry| keys.contains(&(entry.id(), entry.hash().short()))));
        assert_eq!(folded.len(), keys.len());
    }
}

fn fact_body(fact: &Fact) -> Body {
    Body::Fact(fact.encode())
}
