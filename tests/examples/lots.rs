//! The tile game in the simulator: many games, with faults, played by bots that now and then want what
//! may not be.

use std::collections::{BTreeMap, BTreeSet};

use interregnum::{
    Game as _, Instant, NodeId,
    details::Tuning,
    sim::{Playable, campaign, faults, network::Weather, swarm::Fault, world::World as Machines},
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

#[test]
fn the_tile_game_survives_every_kind_of_fault() {
    for seed in 1..=4 {
        let run = campaign::play::<Snailway>(seed, 3, &Tuning::default(), false);
        assert_eq!(run.violations, [], "seed {seed}");
    }
}
