//! The simulator as a judge: many lives of many nodes, with faults, and nothing may break. What a
//! session may go through one thing at a time is told in `stories`.

use std::sync::atomic::AtomicBool;

use interregnum::{
    config::Tuning,
    sim::{
        campaign::{Options, run, run_seed},
        faults::disagreement,
        tally::Tally,
        trace::Trace,
        world::World,
    },
    types::Instant,
};

/// Six hundred of them, and stories by the dozen, are in `.ci/run`.
#[test]
fn forty_seeds_of_faults_break_nothing_and_meet_everything() {
    let options = Options { seeds: Some(40), ..Options::default() };
    let totals = run(&options, &AtomicBool::new(false));
    assert_eq!(totals.failed, [], "{totals}");
    assert_eq!(totals.met.missed(), None, "{totals}");
    assert_eq!(totals.met.excess(), None, "{totals}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [3, 8, 12] {
        let [one, other] = [(); 2].map(|()| run_seed(seed, 3, &Tuning::default(), true));
        assert_eq!(one.fingerprint, other.fingerprint, "seed {seed}");
        assert_eq!(one.trace, other.trace, "seed {seed}");
    }
    let fingerprint = |seed| run_seed(seed, 3, &Tuning::default(), false).fingerprint;
    assert_ne!(fingerprint(3), fingerprint(13));
}

/// L2, for a quarter of an hour.
#[test]
fn a_quiet_network_sees_one_election_only() {
    let mut world = World::<Tally>::new(7, 5);
    for place in 0..world.count() {
        world.start(place);
    }
    world.run(Instant(10_000_000));
    assert_eq!(disagreement(&world), None);
    let (elections, reigns) = (world.judge.met.elections, world.judge.met.reigns);
    world.run(Instant(900_000_000));
    assert_eq!(disagreement(&world), None);
    assert_eq!(world.judge.met.elections, elections);
    assert_eq!(world.judge.met.reigns, reigns);
    assert_eq!(world.judge.violations, []);
}

/// L2, for a night: what is sealed costs the simulator its time, and more hours would tell little more.
#[test]
#[ignore = "takes minutes; `.ci/run` does it"]
fn a_quiet_night_of_eight_hours_sees_one_election_only() {
    let mut world = World::<Tally>::new(11, 4);
    (0..world.count()).for_each(|place| world.start(place));
    world.run(Instant(10_000_000));
    assert_eq!(disagreement(&world), None);
    let (elections, reigns) = (world.judge.met.elections, world.judge.met.reigns);
    for hour in 1..=8 {
        world.run(Instant(10_000_000 + hour * 3_600_000_000));
        assert_eq!(disagreement(&world), None, "after {hour} h");
        let met = (world.judge.met.elections, world.judge.met.reigns);
        assert_eq!(met, (elections, reigns), "in hour {hour}");
    }
    assert_eq!(world.judge.violations, []);
}

/// A machine that has stalled once may do so again: the crown does not go back to it.
#[test]
fn a_host_that_fell_silent_ranks_behind_for_a_minute() {
    for seed in 0..20 {
        let mut world = settled(seed, 4);
        let first = world.hosts()[0];
        world.pause(first);
        world.run(Instant(world.now.0 + 500_000));
        world.resume(first, true);
        world.run(Instant(world.now.0 + 1_000_000));
        for _ in 0..2 {
            let host = world.hosts()[0];
            assert_ne!(host, first, "seed {seed}");
            world.judge.met.gaps_us.clear();
            world.kill(host);
            world.run(Instant(world.now.0 + 500_000));
            let gaps = &world.judge.met.gaps_us;
            assert!(gaps.iter().all(|gap| *gap < 30_000), "seed {seed}: {gaps:?}");
        }
        let host = world.hosts()[0];
        assert_ne!(host, first, "seed {seed}");
        world.run(Instant(world.now.0 + 70_000_000));
        world.kill(host);
        world.run(Instant(world.now.0 + 500_000));
        assert_eq!(world.hosts(), [first], "seed {seed}");
    }
}

/// A session takes so many players and no more; who comes too late is told, and waits.
#[test]
fn who_finds_no_seat_is_told_and_comes_in_when_one_is_free() {
    let mut world = World::<Tally>::new(5, 3);
    world.tuning.players_max = 2;
    world.start_trace();
    for place in 0..3 {
        world.start(place);
        world.run(Instant(world.now.0 + 1_500_000));
    }
    assert_eq!(disagreement(&world), None);
    let waits = |world: &World<Tally>| world.node(2).and_then(|node| node.cluster().ahead());
    assert_eq!(waits(&world), Some(0));
    world.leave(1);
    world.run(Instant(world.now.0 + 500_000));
    assert_eq!(disagreement(&world), None);
    let trace = world.trace.map(Trace::into_lines).unwrap_or_default();
    let told = trace.iter().filter(|line| line.contains("n2 finds no seat"));
    assert_eq!(told.count(), 1, "{trace:#?}");
    assert!(trace.iter().any(|line| line.contains("n2 has a seat")), "{trace:#?}");
}

/// What seeds do to games in which everybody has a seat they do to games with few: whoever waits, comes in, loses its seat
/// to somebody else while it is away, or is left alone.
#[test]
fn games_with_few_seats_survive_the_same_faults() {
    games_with_few_seats_survive(8);
}

#[test]
#[ignore = "takes a minute; `.ci/run` does it"]
fn eighty_games_with_few_seats_survive_the_same_faults() {
    games_with_few_seats_survive(40);
}

fn games_with_few_seats_survive(seeds: u64) {
    for players_max in [2, 4] {
        let tuning = Tuning { players_max, ..Tuning::default() };
        let seeds = Some(seeds);
        let options = Options { seed: 1, seeds, rounds: 6, tuning, ..Options::default() };
        let totals = run(&options, &AtomicBool::new(false));
        assert!(totals.failed.is_empty(), "{players_max} seats: {totals}");
    }
}

/// So many nodes in one game.
fn settled(seed: u64, count: usize) -> World<Tally> {
    let mut world = World::new(seed, count);
    for place in 0..count {
        world.start(place);
    }
    world.run(Instant(4_000_000));
    assert_eq!(disagreement(&world), None, "seed {seed}");
    world
}
