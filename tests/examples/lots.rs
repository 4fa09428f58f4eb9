//! The tile game in the simulator: many games, with faults, played by bots that now and then want what
//! may not be.

use std::collections::{BTreeMap, BTreeSet};

use interregnum::{
    Game as _, Instant, NodeId,
    details::Tuning,
    sim::{
        Playable, campaign, faults,
        network::Weather,
        swarm::Fault,
        world::{Tap, World as Machines},
    },
};

use crate::{
    bot,
    path::Spot,
    rules::{Move, Phase, Snailway, World},
};

impl Playable for Snailway {
    fn press(_chance: u64, _stamp: u32, _gathers: bool) {}

    fn order(world: Option<&World>, me: NodeId, chance: u64, _stamp: u32) -> Option<Move> {
        let world = world?;
        if chance.is_multiple_of(6) {
            let byte = |shift: u32| (chance >> shift) as u8;
            let start =
                byte(8).is_multiple_of(2).then(|| Spot { cell: byte(16) % 40, end: byte(24) % 9 });
            let number = world.moves().wrapping_sub(byte(32) % 3 / 2);
            let (tile, turned) = (byte(40) % 5, byte(48) % 5);
            return Some(Move { game: world.game, number, tile, turned, start });
        }
        let turn = world.turn().filter(|(_, player)| player.id == me);
        turn.and_then(|_| bot::choose(world))
    }

    fn favour(world: &mut World, _whom: NodeId) {
        world.game = world.game.wrapping_add(1);
    }

    fn audit(world: &World) -> Option<&'static str> {
        if !Snailway::is_valid(world) {
            return Some("a world that cannot be");
        }
        // A step ends whatever is due: no turn, and nothing else, is ever stuck.
        let stuck = world.phase() != Phase::Alone && world.left() == 0;
        stuck.then_some("a turn is stuck")
    }
}

/// What was seen of all games of one run.
#[derive(Default)]
struct Seen {
    winners: BTreeMap<u64, BTreeSet<NodeId>>,
    /// The game, the moves made and whose turn it was, as each machine had it last.
    turns: BTreeMap<usize, (u64, u8, NodeId)>,
    moves: u64,
}

impl Seen {
    fn look(&mut self, machines: &Machines<Snailway>) {
        let mut won: BTreeMap<(u64, NodeId), usize> = BTreeMap::new();
        for place in 0..machines.count() {
            let state = machines.node(place).and_then(|node| node.replica().state());
            let Some(world) = state.map(|state| &state.world) else {
                self.turns.remove(&place);
                continue;
            };
            if let Some(winner) = world.winner() {
                *won.entry((world.game, winner.id)).or_default() += 1;
            }
            let turn = world.turn().map(|(_, player)| (world.game, world.moves(), player.id));
            let Some(now) = turn else {
                self.turns.remove(&place);
                continue;
            };
            if let Some(before) = self.turns.insert(place, now)
                && (before.0, before.1 + 1) == (now.0, now.1)
            {
                assert_ne!(before.2, now.2, "somebody moves twice");
                self.moves += 1;
            }
        }
        // What only a host knows that is then killed never was.
        for ((game, winner), _) in won.into_iter().filter(|(_, knows)| *knows > 1) {
            self.winners.entry(game).or_default().insert(winner);
        }
    }
}

/// Five machines, and hosts that come and go.
fn play(seed: u64, rounds: usize) -> Seen {
    use Fault::*;
    const FAULTS: [Fault; 12] = [
        Kill, KillHost, KillHost, UnplugHost, Leave, LeaveHost, Start, Crowd, Storm, Calm,
        DelayHost, StarveHost,
    ];
    let mut machines = Machines::<Snailway>::new(seed, 5);
    let mut seen = Seen::default();
    (0..machines.count()).for_each(|place| machines.start(place));
    for _ in 0..rounds {
        let kind = FAULTS[machines.draw() as usize % FAULTS.len()];
        faults::strike(&mut machines, kind, &Weather::calm());
        for _ in 0..40 {
            machines.run(Instant(machines.now.0 + 50_000));
            seen.look(&machines);
        }
        let place = machines.draw() as usize % machines.count();
        machines.start(place);
    }
    assert_eq!(machines.judge.violations, [], "seed {seed}");
    seen
}

#[test]
fn two_hundred_games_with_faults_have_one_winner_each_and_nobody_moves_twice() {
    let (mut games, mut moves) = (0, 0);
    for seed in 1.. {
        let seen = play(seed, 60);
        for (game, winners) in &seen.winners {
            assert_eq!(winners.len(), 1, "seed {seed}, game {game:x}");
        }
        games += seen.winners.len();
        moves += seen.moves;
        println!("seed {seed}: {games} games, {moves} moves seen by somebody");
        if games >= 200 {
            break;
        }
        assert!(seed < 100, "{games} games, {moves} moves");
    }
    assert!(moves > 200 * 6, "{moves}");
}

/// The clock is counted in steps. Where a host is killed none is missed, so it goes on; while a silent one is
/// waited for there are none, so it stands still, and nobody's turn is over meanwhile.
#[test]
fn a_turns_clock_goes_on_when_a_host_is_killed_and_stands_still_while_one_is_silent() {
    let (mut killed, mut silent) = (0, 0);
    for seed in 1..30 {
        let mut machines = Machines::<Snailway>::new(seed, 4);
        machines.hands_off = true;
        (0..machines.count()).for_each(|place| machines.start(place));
        machines.run(Instant(8_000_000));
        let host = machines.hosts()[0];
        let survivor = (host + 1) % machines.count();
        let turn = |machines: &Machines<Snailway>| {
            let world = &machines.node(survivor)?.replica().state()?.world;
            let (_, player) = world.turn()?;
            Some((player.id, world.left()))
        };
        let before = turn(&machines).unwrap();
        if before.0 == machines.id(host) {
            continue; // whoever is gone loses its turn
        }
        let (count, steps) = match seed.is_multiple_of(2) {
            true => {
                machines.kill(host);
                (&mut killed, 9..=11)
            }
            false => {
                machines.unplug(host);
                (&mut silent, 6..=9)
            }
        };
        machines.run(Instant(machines.now.0 + 1_000_000));
        let after = turn(&machines).unwrap();
        assert_eq!(after.0, before.0, "seed {seed}");
        assert!(steps.contains(&(before.1 - after.1)), "seed {seed}: {before:?}, {after:?}");
        assert_eq!(machines.judge.violations, [], "seed {seed}");
        *count += 1;
    }
    assert!(killed > 3 && silent > 3, "{killed} and {silent}");
}

#[test]
fn the_tile_game_survives_every_kind_of_fault() {
    for seed in 1..=4 {
        let run = campaign::play::<Snailway>(seed, 3, &Tuning::default(), false);
        assert_eq!(run.violations, [], "seed {seed}");
    }
}

/// At sixty ticks a second it would be six times as much.
#[test]
fn four_who_think_send_two_kilobytes_a_second_together() {
    let mut machines = Machines::<Snailway>::new(1, 4);
    machines.hands_off = true;
    (0..machines.count()).for_each(|place| machines.start(place));
    machines.run(Instant(15_000_000));
    machines.tap = Some(Tap::default());
    machines.run(Instant(75_000_000));
    let Tap { datagrams, links, .. } = machines.tap.take().unwrap();
    let datagrams = datagrams.len() / 60;
    let links: usize = links.values().map(Vec::len).sum::<usize>() / 60;
    assert!(datagrams < 2_300, "{datagrams} bytes a second in datagrams");
    assert!(links < 2_300, "{links} bytes a second over links");
}
