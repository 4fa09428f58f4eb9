//! A hundred thousand entries: how long they take to be written, read and taken in.

use std::time::{Duration, Instant};

use interregnum::{
    arena::{GatherableId, RoundId, hall::Fact},
    ledger::{
        Ledger,
        batch::{self, PORTION_BYTES},
        body::Body,
        disk::BatchId,
        entry::{SharedEntry, WallTime},
        vector::Vector,
    },
    types::{Epoch, NodeId},
};

use crate::folder::{Folder, fresh, ledger, opened};

const ENTRIES: usize = 100_000;

/// Measured in release builds: `cargo test --release --test store -- --ignored --nocapture large`.
#[test]
#[ignore = "measures"]
fn a_hundred_thousand_entries_are_there_within_a_second() {
    let folder = Folder::new();
    let entries = timed("written by the ledger", || points(ENTRIES));
    let (store, _, reports) = opened(&folder.file());
    timed("kept on disk, in batches of 4,096", || {
        for (batch, chunk) in (1..).zip(entries.chunks(4_096)) {
            store.persist(BatchId(batch), fresh(chunk));
            reports.recv().unwrap();
        }
    });
    let session = entries[0].head().session;
    let entries_count = entries.len();
    drop((store, entries));
    println!("{} bytes on disk", std::fs::metadata(folder.file()).unwrap().len());

    let before = resident_kib();
    let began = Instant::now();
    let (_store, mut contents, _) = timed("opened, checked and read", || opened(&folder.file()));
    let mut own = ledger(99);
    timed("taken in by the ledger", || {
        for entry in contents.ledgers.remove(&session).unwrap() {
            own.restore(entry).unwrap();
        }
    });
    while own.poll().is_some() {}
    let took = began.elapsed();
    assert_eq!(own.len(), entries_count);
    println!("together {took:?}; {} KiB of memory", resident_kib().saturating_sub(before));
    assert!(took < Duration::from_secs(1), "{took:?}");

    // Somebody else has all but the last hundred: only these are sent.
    let mut held = own.vector();
    for (writer, mark) in held.clone().marks() {
        let through = mark.through - 100;
        let sum = own.stream(writer).unwrap().sum_at(through);
        held.set(writer, interregnum::ledger::vector::Mark { through, sum });
    }
    let mut missing = timed("a hundred found missing", || own.missing_from(&held));
    assert_eq!(missing.len(), 100);
    assert!(missing.next(&own, usize::MAX).unwrap().into_entries().len() == 100);
    let all = timed("all found missing", || own.missing_from(&Vector::default()));
    assert_eq!(all.len(), entries_count as u64);

    // Somebody who has nothing takes in one portion after the other, between two ticks each.
    let (mut newcomer, mut all) = (ledger(100), all);
    let (mut longest, mut portions) = (Duration::ZERO, 0);
    while let Some(portion) = all.next(&own, PORTION_BYTES) {
        let began = Instant::now();
        let entries = portion.into_entries().into_iter().map(SharedEntry::unwrap_or_clone);
        for run in batch::runs(entries.collect()) {
            newcomer.accept(run).unwrap();
        }
        while newcomer.poll().is_some() {}
        (longest, portions) = (longest.max(began.elapsed()), portions + 1);
    }
    println!("{portions} portions, the longest took {longest:?} to take in");
    timed("digest", || assert_eq!(newcomer.digest(), own.digest()));
}

/// Points as the arena makes them, each with a tick of its own; and the key before them.
fn points(count: usize) -> Vec<SharedEntry> {
    let mut ledger: Ledger = ledger(1);
    ledger.reigns(Epoch(1));
    for number in 0..count as u64 {
        let fact = Fact::Gathered {
            player: NodeId::from_u128(u128::MAX / 8 * u128::from(number % 8)),
            gatherable: GatherableId((1 << 60) + number),
            rare: number % 8 == 0,
            round: RoundId((1 << 60) + number / 100),
        };
        ledger.write(WallTime(1_700_000_000 + number), Body::Fact(fact.encode())).unwrap();
    }
    ledger.entries().collect()
}

fn timed<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = act();
    println!("{what}: {:?}", began.elapsed());
    result
}

/// Memory of this process, as Linux tells it; elsewhere nothing.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
