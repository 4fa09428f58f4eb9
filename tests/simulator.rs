//! The simulator as a judge: many lives of many nodes, with faults, and nothing may break.

use std::sync::atomic::AtomicBool;

use interregnum::{
    config::Tuning,
    node::Node,
    sim::{
        campaign::{Options, run, run_seed},
        faults::disagreement,
        tally::Tally,
        world::World,
    },
    types::Instant,
};

#[test]
fn a_hundred_seeds_of_faults_break_nothing_and_meet_everything() {
    let options = Options { seeds: Some(100), ..Options::default() };
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

/// L2, for a day.
#[test]
#[ignore = "takes minutes; `.ci/run` does it"]
fn a_quiet_day_sees_one_election_only() {
    let mut world = World::<Tally>::new(11, 4);
    (0..world.count()).for_each(|place| world.start(place));
    world.run(Instant(10_000_000));
    assert_eq!(disagreement(&world), None);
    let (elections, reigns) = (world.judge.met.elections, world.judge.met.reigns);
    for hour in 1..=24 {
        world.run(Instant(10_000_000 + hour * 3_600_000_000));
        assert_eq!(disagreement(&world), None, "after {hour} h");
        let met = (world.judge.met.elections, world.judge.met.reigns);
        assert_eq!(met, (elections, reigns), "in hour {hour}");
    }
    assert_eq!(world.judge.violations, []);
}

/// L3 and S5: a process is killed; its links tell the others at once.
#[test]
fn a_killed_host_costs_no_tick() {
    for seed in 0..20 {
        let mut world = settled(seed, 5);
        let host = world.hosts()[0];
        world.judge.met.gaps_us.clear();
        world.kill(host);
        world.run(Instant(world.now.0 + 500_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        let gaps = &world.judge.met.gaps_us;
        assert_eq!(gaps.len(), 4, "seed {seed}: {gaps:?}");
        assert!(gaps.iter().all(|gap| *gap < 30_000), "seed {seed}: {gaps:?}");
        assert_eq!(world.judge.met.rolled_back, 0, "seed {seed}");
    }
}

/// Scenario 3: the successor has the grants of the others already when it is killed, too.
#[test]
fn a_killed_successor_takes_its_grants_with_it() {
    for seed in 0..20 {
        let mut world = settled(seed, 5);
        let host = world.hosts()[0];
        world.judge.met.gaps_us.clear();
        world.kill(host);
        world.run(Instant(world.now.0 + 1_000 * (seed % 10 + 1)));
        let rest = (0..5).filter_map(|place| Some((world.node(place)?.me(), place)));
        let (_, successor) = rest.max().unwrap();
        world.kill(successor);
        world.run(Instant(world.now.0 + 500_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        let gaps = &world.judge.met.gaps_us;
        assert!(gaps.iter().all(|gap| *gap < 60_000), "seed {seed}: {gaps:?}");
        assert_eq!(world.judge.met.rolled_back, 0, "seed {seed}");
    }
}

/// Scenario 11: the host is stopped for three seconds, and goes on in the belief that it reigns.
#[test]
fn a_host_that_wakes_up_follows_whoever_replaced_it() {
    for (seed, timer_first) in [(1, true), (2, false), (3, true), (4, false)] {
        let mut world = settled(seed, 4);
        let host = world.hosts()[0];
        world.pause(host);
        world.run(Instant(world.now.0 + 3_000_000));
        assert_eq!(world.hosts().iter().filter(|place| world.is_awake(**place)).count(), 1);
        world.resume(host, timer_first);
        world.run(Instant(world.now.0 + 100_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        assert_eq!(world.judge.violations, [], "seed {seed}");
    }
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

/// Scenario 17: two and two, each half plays on; one game again soon after the heal.
#[test]
fn a_network_that_was_cut_in_two_becomes_one_game_again() {
    for seed in 0..20 {
        let mut world = settled(seed, 4);
        for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
            world.network.cut(a, b);
            world.network.cut(b, a);
        }
        world.run(Instant(world.now.0 + 10_000_000));
        assert_eq!(world.hosts().len(), 2, "seed {seed}");
        let told = world.judge.met.rebases;
        world.heal();
        world.run(Instant(world.now.0 + 1_000_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        // Whose world was given up is told so.
        assert_eq!(world.judge.met.rebases - told, 2, "seed {seed}");
        assert_eq!(world.judge.violations, [], "seed {seed}");
    }
}

/// Scenario 39: nobody bullies a healthy host.
#[test]
fn newcomers_of_any_id_follow_whoever_reigns() {
    for seed in 0..20 {
        let mut world = World::<Tally>::new(seed, 4);
        world.start(0);
        world.run(Instant(3_000_000));
        for place in 1..4 {
            world.start(place);
            world.run(Instant(world.now.0 + 300_000));
        }
        world.run(Instant(world.now.0 + 500_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        assert_eq!(world.hosts(), [0], "seed {seed}");
    }
}

/// Scenarios 33 and 40: nobody was there before.
#[test]
fn any_number_that_start_in_the_same_instant_are_one_game() {
    for count in [2, 3, 8] {
        for seed in 0..10 {
            let mut world = World::<Tally>::new(seed, count);
            (0..count).for_each(|place| world.start(place));
            world.run(Instant(world.now.0 + 1_000_000));
            assert_eq!(disagreement(&world), None, "{count} nodes, seed {seed}");
        }
    }
}

/// Scenario 37: two sessions of one name, founded apart.
#[test]
fn two_games_of_one_name_that_meet_become_one() {
    for seed in 0..20 {
        let mut world = World::<Tally>::new(seed, 5);
        for (a, b) in [(0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4)] {
            world.network.cut(a, b);
            world.network.cut(b, a);
        }
        (0..5).for_each(|place| world.start(place));
        world.run(Instant(5_000_000));
        assert_eq!(world.hosts().len(), 2, "seed {seed}");
        world.heal();
        world.run(Instant(world.now.0 + 2_000_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        let host = world.hosts()[0];
        assert!(host >= 2, "seed {seed}: the smaller game went on");
    }
}

/// Scenario 36: a copied profile.
#[test]
fn of_two_nodes_with_one_id_one_takes_another() {
    for seed in 0..20 {
        let mut world = World::<Tally>::new(seed, 3);
        world.copy_profile(0, 1);
        (0..3).for_each(|place| world.start(place));
        world.run(Instant(world.now.0 + 4_000_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        let ids: Vec<_> = (0..3).filter_map(|place| world.node(place)).map(Node::me).collect();
        assert!(ids[0] != ids[1] && ids[1] != ids[2], "seed {seed}: {ids:?}");
    }
}

/// Scenarios 21 and 22: a third node stands between a client and its host.
#[test]
fn a_pair_that_is_cut_plays_on_through_another() {
    for seed in 0..20 {
        for ways in [[true, true], [true, false], [false, true]] {
            let mut world = settled(seed, 4);
            let host = world.hosts()[0];
            let client = (host + 1) % 4;
            let reigns = world.judge.met.reigns;
            if ways[0] {
                world.network.cut(host, client);
            }
            if ways[1] {
                world.network.cut(client, host);
            }
            for _ in 0..20 {
                world.run(Instant(world.now.0 + 500_000));
                let tick = |place| world.node(place).unwrap().replica().clock().unwrap().tick.0;
                let behind = tick(host) - tick(client);
                assert!(behind < 10, "seed {seed}, {ways:?}: {behind} ticks behind");
                let state = world.node(host).unwrap().replica().state().unwrap();
                let seat = state.seats[&world.node(client).unwrap().me()];
                assert!(seat.present, "seed {seed}, {ways:?}");
            }
            assert_eq!(world.judge.met.reigns, reigns, "seed {seed}, {ways:?}");
            world.heal();
            world.run(Instant(world.now.0 + 1_000_000));
            assert_eq!(disagreement(&world), None, "seed {seed}, {ways:?}");
            assert_eq!(world.judge.violations, [], "seed {seed}, {ways:?}");
        }
    }
}

/// A firewall that lets links pass and no datagrams: everything goes over the link.
#[test]
fn who_gets_no_datagrams_or_cannot_send_them_plays_over_its_links() {
    for seed in 0..20 {
        for deaf in [true, false] {
            for early in [true, false] {
                let mut world = World::<Tally>::new(seed, 3);
                let block = |world: &mut World<Tally>| match deaf {
                    true => world.network.deafen(2),
                    false => world.network.mute(2),
                };
                if early {
                    block(&mut world);
                }
                (0..3).for_each(|place| world.start(place));
                world.run(Instant(4_000_000));
                block(&mut world);
                world.run(Instant(10_000_000));
                assert_eq!(disagreement(&world), None, "seed {seed}, {deaf}, {early}");
                let reigns = world.judge.met.reigns;
                world.run(Instant(20_000_000));
                assert_eq!(disagreement(&world), None, "seed {seed}, {deaf}, {early}");
                assert_eq!(world.judge.met.reigns, reigns, "seed {seed}, {deaf}, {early}");
                assert_eq!(world.judge.violations, [], "seed {seed}, {deaf}, {early}");
            }
        }
    }
}

/// A session takes so many players and no more; who comes too late is told, and waits.
#[test]
fn who_finds_no_seat_is_told_and_comes_in_when_one_is_free() {
    let mut world = World::<Tally>::new(5, 3);
    world.tuning.players_max = 2;
    world.trace = Some(Vec::new());
    for place in 0..3 {
        world.start(place);
        world.run(Instant(world.now.0 + 1_500_000));
    }
    let told = |world: &World<Tally>| {
        let trace = world.trace.iter().flatten();
        trace.filter(|line| line.contains("Full") && line.contains("n2")).count()
    };
    assert!(disagreement(&world).is_some());
    assert_eq!(told(&world), 1, "{:#?}", world.trace);
    world.leave(1);
    world.run(Instant(world.now.0 + 500_000));
    assert_eq!(disagreement(&world), None);
    assert_eq!(told(&world), 1);
}

/// Scenario 20: one node sees both sides.
#[test]
fn two_games_that_only_one_node_sees_become_one() {
    for seed in 0..20 {
        let mut world = settled(seed, 5);
        let sides = [(0, 2), (0, 3), (1, 2), (1, 3), (4, 2), (4, 3)];
        for (a, b) in sides {
            world.network.cut(a, b);
            world.network.cut(b, a);
        }
        world.run(Instant(world.now.0 + 5_000_000));
        assert_eq!(world.hosts().len(), 2, "seed {seed}");
        for (a, b) in &sides[4..] {
            world.network.heal_pair(*a, *b);
        }
        world.run(Instant(world.now.0 + 3_000_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        let reigns = world.judge.met.reigns;
        world.run(Instant(world.now.0 + 10_000_000));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        assert_eq!(world.judge.met.reigns, reigns, "seed {seed}");
        assert_eq!(world.judge.violations, [], "seed {seed}");
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
