//! Nothing is forgotten: whole nodes in the simulator, with disks, through crashes and cuts.
//!
//! Full counts, for the most part: `cargo test --release --test remembering -- --ignored --nocapture`.
//! What may happen to disks, and to halves of a network, is told in the stories (`sim::stories`).
#![expect(clippy::disallowed_methods, reason = "figures are measured on this machine's clock")]

use std::{
    collections::BTreeSet,
    time::{Duration, Instant as Stopwatch},
};

use interregnum::{
    ledger::Ledger,
    sim::{faults::disagreement, tally::Tally, world::World},
    types::{Instant, NodeId},
};

const TICK_US: u64 = 16_666;

/// Four players who together make so many points a second.
fn four(seed: u64, points_per_second: u64) -> World<Tally> {
    let mut world = World::new(seed, 4);
    // Four of them, and every fourth change of pace is a point.
    let held_us = 4 * 1_000_000 / 4 / points_per_second;
    world.keys_held_us = held_us * 9 / 10..held_us * 11 / 10;
    (0..4).for_each(|place| world.start(place));
    run(&mut world, 3_000);
    assert_eq!(disagreement(&world), None, "seed {seed}");
    world
}

fn run(world: &mut World<Tally>, ms: u64) {
    world.run(Instant(world.now.0 + ms * 1_000));
}

/// Nobody does anything any more. How long it takes until all ledgers are equal.
fn agree(world: &mut World<Tally>, patience: Duration) -> Duration {
    world.hands_off = true;
    let start = world.now;
    while !world.ledgers_are_equal() {
        let took = world.now.since(start);
        assert!(took < patience, "the ledgers still differ after {took:?}");
        run(world, 5);
    }
    let took = world.now.since(start);
    // What was written last is on all disks soon.
    run(world, 300);
    world.judge_agreement();
    world.judge_disks();
    assert_eq!(world.judge.violations, []);
    took
}

fn ledger(world: &World<Tally>, place: usize) -> &Ledger {
    world.node(place).map(|node| node.cluster().ledger()).expect("it runs")
}

/// The keys of all facts that count.
fn facts(world: &World<Tally>, place: usize) -> BTreeSet<Vec<u8>> {
    let counted = ledger(world, place).counted().into_iter();
    counted.filter_map(|entry| entry.key().map(<[u8]>::to_vec)).collect()
}

fn cut(world: &mut World<Tally>, sides: [[usize; 2]; 2]) {
    for a in sides[0] {
        for b in sides[1] {
            world.network.cut(a, b);
            world.network.cut(b, a);
        }
    }
}

#[test]
fn every_point_counts_once_while_the_host_is_killed_three_times() {
    kill_hosts(1, 3);
}

#[test]
#[ignore = "the full count"]
fn every_point_counts_once_while_the_host_is_killed_twenty_times() {
    (1..=20).for_each(|seed| kill_hosts(seed, 20));
}

/// Under fifty points a second.
fn kill_hosts(seed: u64, kills: u32) {
    let mut world = four(seed, 50);
    for _ in 0..kills {
        let pause = world.draw() % 1_000;
        run(&mut world, 500 + pause);
        let host = world.hosts()[0];
        world.kill(host);
        run(&mut world, 300);
        world.start(host);
        run(&mut world, 1_000);
    }
    let took = agree(&mut world, Duration::from_secs(2));
    let met = &world.judge.met;
    assert!(met.facts > u64::from(kills) * 50, "hardly any points: {}", met.facts);
    println!(
        "seed {seed}: {kills} hosts killed, {} points, each once; equal after {took:?}; {} of {} \
         ticks applied before their facts came",
        met.facts, met.ticks_behind, met.ticks
    );
}

#[test]
#[ignore = "the full count"]
fn after_a_split_of_a_minute_the_points_of_both_sides_count_once_on_both() {
    (1..=10).for_each(|seed| split(seed, 60));
}

/// Scenarios 17, 49 and 50: apart, together, and apart again.
fn split(seed: u64, seconds: u64) {
    let mut world = four(seed, 50);
    for _ in 0..2 {
        world.hands_off = false;
        cut(&mut world, [[0, 1], [2, 3]]);
        run(&mut world, seconds * 1_000);
        assert_eq!(world.hosts().len(), 2, "both sides play");
        let (one, other) = (facts(&world, 0), facts(&world, 2));
        let shared = one.intersection(&other).count();
        assert!(shared < one.len() && shared < other.len(), "both sides make points");
        world.heal();
        run(&mut world, 500);
        let took = agree(&mut world, Duration::from_secs(2));
        let union = facts(&world, 3);
        assert!(union.is_superset(&one) && union.is_superset(&other));
        println!(
            "seed {seed}: {seconds} s apart, {} and {} points of which {shared} are shared, {} in \
             all, equal {took:?} later",
            one.len(),
            other.len(),
            union.len()
        );
    }
}

/// Scenario 47, with whole nodes.
#[test]
#[ignore = "the full count, and it measures"]
fn ten_thousand_entries_of_difference_are_merged_within_five_seconds() {
    merge(10_000);
}

fn merge(entries: usize) {
    let mut world = four(6, 200);
    cut(&mut world, [[0, 1], [2, 3]]);
    let start = facts(&world, 0);
    let difference = |world: &World<Tally>| {
        let (one, other) = (facts(world, 0), facts(world, 2));
        one.difference(&start).count() + other.difference(&start).count()
    };
    while difference(&world) < entries {
        run(&mut world, 500);
    }
    // Points go on, but at a usual pace.
    world.keys_held_us = 90_000..110_000;
    let usual = ticks(&mut world, 300);
    world.heal();
    let healed = world.now;
    let mut merging = Vec::new();
    while world.hosts().len() > 1 || facts(&world, 0).len() != facts(&world, 2).len() {
        merging.extend(ticks(&mut world, 1));
        assert!(world.now.since(healed) < Duration::from_secs(5));
    }
    let took = world.now.since(healed);
    agree(&mut world, Duration::from_secs(2));
    let (usual, merging) = (p99(usual), p99(merging));
    println!(
        "{entries} entries of difference: one ledger {took:?} after the heal; a tick of all four \
         nodes takes {usual:?} at p99, {merging:?} while they merge"
    );
    if !cfg!(debug_assertions) {
        assert!(merging < usual + Duration::from_millis(2) * 4, "{merging:?}");
    }
}

/// How long each of the next ticks takes to compute, all nodes together.
fn ticks(world: &mut World<Tally>, count: usize) -> Vec<Duration> {
    let one = |world: &mut World<Tally>| {
        let began = Stopwatch::now();
        world.run(Instant(world.now.0 + TICK_US));
        began.elapsed()
    };
    (0..count).map(|_| one(world)).collect()
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
}

/// One machine lives in another century. Whoever meets it dates what it writes by its own clock.
#[test]
fn what_is_written_in_another_century_is_dated_by_the_clock_of_who_reads_it() {
    const CENTURY_SECONDS: i64 = 100 * 31_557_600;
    for (seed, ahead) in [(1, CENTURY_SECONDS), (2, -CENTURY_SECONDS / 2)] {
        let mut world = World::<Tally>::new(seed, 3);
        world.wrong_clocks.insert(0, ahead);
        // It starts first, and reigns.
        world.start(0);
        run(&mut world, 1_000);
        (1..3).for_each(|place| world.start(place));
        run(&mut world, 20_000);
        assert_eq!(world.hosts(), [0], "seed {seed}");
        for place in 0..3 {
            let (now, ledger) = (world.wall(place).0, ledger(&world, place));
            assert!(ledger.counted_len() > 20, "seed {seed}");
            for entry in ledger.counted() {
                let age_seconds = now.abs_diff(ledger.happened_at(&entry));
                assert!(age_seconds < 3_600, "seed {seed}, n{place}: {age_seconds} s");
            }
        }
        agree(&mut world, Duration::from_secs(2));
    }
}

/// S8 at work: what the dead host's last tick brought is known to whoever goes on from it.
#[test]
fn a_successor_holds_every_fact_of_the_world_that_it_takes_over() {
    for seed in 0..20 {
        let mut world = four(seed, 50);
        let host = world.hosts()[0];
        let me: NodeId = world.node(host).expect("it reigns").me();
        world.kill(host);
        run(&mut world, 200);
        let by_the_dead = |place: usize| {
            let entries = ledger(&world, place).entries();
            entries.filter(|entry| entry.id().writer.node == me).count()
        };
        let held: Vec<usize> = (0..4).filter(|place| *place != host).map(by_the_dead).collect();
        assert!(held.windows(2).all(|two| two[0] == two[1]), "seed {seed}: {held:?}");
        assert_eq!(world.judge.violations, [], "seed {seed}");
    }
}
