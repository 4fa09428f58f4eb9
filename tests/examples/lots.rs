//! The tile game on a network that fails: many games, played by bots that now and then want what may not be, or sleep.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use interregnum::{
    Command, Event, Game as _, Instant, NodeId, View, draw,
    sim::{
        Lan,
        world::{Tap, World as Machines},
    },
};

use crate::{
    bot::Bot,
    path::{CELLS, Spot},
    rules::{Move, Phase, SECOND, Snailway, TURN_TICKS, Told, World},
};

/// A bot seems to think for so many ticks.
const THINKS: u64 = 6;

/// What a turn may take beyond its own time. Its clock counts ticks: it stands still while nobody hosts, and where two
/// games become one it counts those again that are given up.
const GOES_ON: Duration = Duration::from_millis(1_000);

/// What was told of a world for so long before that one is given up may be of a line of history that never was.
const APART: Duration = Duration::from_millis(6_000);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// So many players, each a bot; and what must always hold of a world.
fn table(seed: u64, players: usize) -> Lan<Snailway> {
    let mut lan = Lan::new(seed, players);
    for n in 0..players {
        let (mut bot, mut looks) = (Bot::new(THINKS), 0);
        lan.pilot_of(n, move |view: &View<Snailway>| {
            let world = view.picture.as_ref()?.newest();
            looks += 1;
            let chance = draw(seed ^ (n as u64) << 32, looks);
            let turn = draw(seed, world.game ^ u64::from(world.moves()));
            let wanted = match chance % 64 {
                _ if turn.is_multiple_of(16) => None, // whoever's it is, the clock moves for it
                0 | 1 => Some(nonsense(world, chance)),
                _ => bot.look(world, view.me),
            };
            wanted.map(Command::Order)
        });
    }
    lan.always(|_, world| {
        // A step ends whatever is due: no turn, and nothing else, is ever stuck.
        let stuck = world.phase() != Phase::Alone && world.left() == 0;
        match Snailway::is_valid(world) {
            true if !stuck => Ok(()),
            valid => Err(format!("valid: {valid}, stuck: {stuck}")),
        }
    });
    lan
}

/// What may not be, mostly.
fn nonsense(world: &World, chance: u64) -> Move {
    let byte = |shift: u32| (chance >> shift) as u8;
    let start = byte(8).is_multiple_of(2).then(|| Spot { cell: byte(16) % 40, end: byte(24) % 9 });
    let number = world.moves().wrapping_sub(byte(32) % 3 / 2);
    Move { game: world.game, number, tile: byte(40) % 5, turned: byte(48) % 5, start }
}

/// Something goes wrong at the table, and is over within two seconds; who is off comes again.
fn trouble(lan: &mut Lan<Snailway>, chance: u64) {
    let n = (chance >> 8) as usize % lan.count();
    let host = lan.host().unwrap_or(n);
    match chance % 10 {
        0..3 => lan.kill(host),
        3 => lan.kill(n),
        4 => lan.unplug(host),
        5 => lan.leave(n),
        6 => lan.leave(host),
        7 => lan.freeze(host, ms(100 + (chance >> 16) % 1_500)),
        8 if n != host => lan.cut(&[n]),
        _ => {
            lan.latency(ms(20));
            lan.loss(150);
        }
    }
    lan.run(ms(2_000));
    lan.heal();
    lan.start_all();
    lan.run(ms((chance >> 24) % 2_000));
}

/// All that was told of games, on all machines.
#[derive(Default)]
struct Seen {
    /// The moves of all games.
    moves: BTreeSet<(u64, u8)>,
    /// When a machine heard that something happened in a game.
    news: BTreeMap<u64, BTreeSet<Duration>>,
    /// Which machines have heard of its beginning, and the first one when.
    begun: BTreeMap<u64, (Duration, BTreeSet<usize>)>,
    ended: BTreeMap<u64, Duration>,
    /// On which machines it was told of whom that it has won.
    winners: BTreeMap<u64, BTreeMap<NodeId, BTreeSet<usize>>>,
}

impl Seen {
    fn of(lan: &Lan<Snailway>) -> Self {
        let mut seen = Self::default();
        for n in 0..lan.count() {
            let (mut last, mut played) = (None, None);
            let mut won: Vec<(Duration, u64, NodeId)> = Vec::new();
            for (at, event) in lan.told(n) {
                if let Event::Rebase { .. } = event {
                    won.retain(|(told, ..)| *told + APART < at);
                    last = None; // it was laid on a line that is given up
                }
                let Event::Game { event, .. } = event else { continue };
                let first = |time: &mut Duration| *time = at.min(*time);
                if let Told::Begun { game } | Told::Laid { game, .. } | Told::Won { game, .. } =
                    event
                {
                    played = Some(*game);
                }
                if let Some(game) = played.filter(|_| !matches!(event, Told::Refused { .. })) {
                    seen.news.entry(game).or_default().insert(at);
                }
                match *event {
                    Told::Begun { game } => {
                        let (time, machines) =
                            seen.begun.entry(game).or_insert((at, BTreeSet::new()));
                        first(time);
                        machines.insert(n);
                    }
                    Told::Laid { game, number, player, .. } => {
                        let again = number.checked_sub(1).map(|before| (game, before, player));
                        assert!(
                            last.is_none() || last != again,
                            "{player:?} moves twice in {game:x}"
                        );
                        last = Some((game, number, player));
                        seen.moves.insert((game, number));
                    }
                    Told::Won { game, player } => {
                        first(seen.ended.entry(game).or_insert(at));
                        won.push((at, game, player));
                    }
                    _ => {}
                }
            }
            for (_, game, player) in won {
                let winners = seen.winners.entry(game).or_default();
                winners.entry(player).or_default().insert(n);
            }
        }
        seen
    }

    /// The games that ended, each with one winner. What only one machine knows that then is lost, or was cut off, never
    /// was.
    fn games(&self) -> usize {
        let known = |winners: &BTreeMap<NodeId, BTreeSet<usize>>| {
            winners.values().filter(|machines| machines.len() > 1).count()
        };
        let winners = self.winners.iter().map(|(game, winners)| (game, known(winners)));
        winners
            .inspect(|(game, known)| assert!(*known <= 1, "{known} have won {game:x}"))
            .filter(|(_, known)| *known == 1)
            .count()
    }

    /// The longest that nothing happened in a game before it ended: between two moves, or until somebody was out. (Who
    /// comes back in another game may take what it hears then for news of the one before.)
    fn longest_turn(&self) -> Duration {
        let turns = self.ended.iter().filter_map(|(game, ended)| {
            let news: Vec<Duration> = self.news.get(game)?.range(..=*ended).copied().collect();
            news.windows(2).map(|two| two[1].saturating_sub(two[0])).max()
        });
        turns.max().unwrap_or_default()
    }

    /// The longest that a game took, and so many moves it had.
    fn longest_game(&self) -> Option<(Duration, usize)> {
        let games = self.begun.iter().filter_map(|(game, (begun, _))| {
            let moves = self.moves.range((*game, 0)..=(*game, u8::MAX)).count();
            Some((self.ended.get(game)?.saturating_sub(*begun), moves))
        });
        games.max()
    }
}

/// Games with faults, until so many have ended. What there is to tell of them.
fn play(seed: u64, games: usize) -> (Seen, String) {
    let mut lan = table(seed, 5);
    lan.start_all();
    lan.run(ms(4_000));
    let mut faults = 0;
    let turn = Duration::from_secs(TURN_TICKS / SECOND);
    let most = (turn + GOES_ON) * u32::from(CELLS) * games as u32;
    while Seen::of(&lan).games() < games {
        assert!(lan.now() < most, "seed {seed}: {:?}", lan.now());
        trouble(&mut lan, draw(seed, faults));
        faults += 1;
    }
    let report = lan.finish().unwrap();
    let (seen, took) = (Seen::of(&lan), report.took.as_secs());
    assert!(seen.longest_turn() <= turn + GOES_ON, "seed {seed}: {:?}", seen.longest_turn());
    let (longest, moves) = seen.longest_game().unwrap();
    assert!(longest <= (turn + GOES_ON) * (moves as u32 + 1), "seed {seed}: {longest:?}");
    // Nothing is stuck: whatever most have seen beginning has ended before the next one began.
    let known = seen.begun.iter().filter(|(_, (_, machines))| machines.len() > 2);
    let last = known.clone().map(|(_, (at, _))| at).max().unwrap();
    for (game, (at, _)) in known.filter(|(_, (at, _))| at < last) {
        assert!(seen.ended.contains_key(game), "seed {seed}: {game:x}, begun {at:?}, has no end");
    }
    let told = format!(
        "seed {seed}: {} games, {} moves, {faults} faults, {} reigns in {took} s; the longest turn {:?}, the longest \
         game {longest:?} with {moves} moves",
        seen.games(),
        seen.moves.len(),
        report.reigns,
        seen.longest_turn(),
    );
    (seen, told)
}

#[test]
fn games_with_faults_have_one_winner_each_and_nobody_moves_twice() {
    let (seen, told) = play(1, 6);
    println!("{told}");
    assert!(seen.moves.len() > 6 * 4, "{told}");
}

#[test]
#[ignore = "takes a minute; the same for two hundred games"]
fn two_hundred_games_with_faults_have_one_winner_each_and_nobody_moves_twice() {
    let (mut games, mut moves) = (0, 0);
    for seed in 1..=10 {
        let (seen, told) = play(seed, 20);
        println!("{told}");
        games += seen.games();
        moves += seen.moves.len();
    }
    assert!(games >= 200 && moves > 200 * 6, "{games} games, {moves} moves");
}

/// The clock is counted in steps. Where a host is killed none is missed, so it goes on; while a silent one is
/// waited for there are none, so it stands still, and nobody's turn is over meanwhile.
#[test]
fn a_turns_clock_goes_on_when_a_host_is_killed_and_stands_still_while_one_is_silent() {
    let (mut killed, mut silent) = (0, 0);
    for seed in 1..30 {
        let mut lan = Lan::<Snailway>::new(seed, 4); // nobody moves
        lan.start_all();
        lan.run(ms(7_000));
        let host = lan.host().unwrap();
        let survivor = (host + 1) % lan.count();
        let turn = |lan: &Lan<Snailway>| {
            let world = lan.world(survivor)?;
            Some((world.turn()?.1.id, world.left()))
        };
        let before = turn(&lan).unwrap();
        if before.0 == lan.id(host) {
            continue; // whoever is gone loses its turn
        }
        let (count, steps) = match seed.is_multiple_of(2) {
            true => {
                lan.kill(host);
                (&mut killed, 9..=11)
            }
            false => {
                lan.unplug(host);
                (&mut silent, 6..=9)
            }
        };
        lan.run(ms(1_000));
        let after = turn(&lan).unwrap();
        assert_eq!(after.0, before.0, "seed {seed}");
        assert!(steps.contains(&(before.1 - after.1)), "seed {seed}: {before:?}, {after:?}");
        lan.finish().unwrap();
        *count += 1;
    }
    assert!(killed > 3 && silent > 3, "{killed} and {silent}");
}

#[test]
fn the_tile_game_survives_every_kind_of_fault() {
    for seed in 1..=8 {
        let mut lan = table(seed, 2 + seed as usize % 4);
        lan.watchers(1 + seed as usize % 2);
        lan.start_all();
        lan.storm(3);
        lan.finish().unwrap();
    }
}

#[test]
fn who_watches_sees_every_move_within_a_tenth_of_a_second() {
    let mut lan = table(7, 4);
    lan.watchers(3);
    lan.start_all();
    lan.run(ms(60_000));
    lan.finish().unwrap();
    let laid = |n: usize| -> BTreeMap<(u64, u8), Duration> {
        let told = lan.told(n).filter_map(|(at, event)| match event {
            Event::Game { event: Told::Laid { game, number, .. }, .. } => {
                Some(((*game, *number), at))
            }
            _ => None,
        });
        told.collect()
    };
    let at_host = laid(lan.host().unwrap());
    assert!(at_host.len() > 20, "{}", at_host.len());
    let mut longest = Duration::ZERO;
    for watcher in 4..7 {
        let seen = laid(watcher);
        assert!(seen.keys().eq(at_host.keys()), "n{watcher} has seen {} moves", seen.len());
        let late = at_host.iter().map(|(laid, at)| seen[laid].saturating_sub(*at));
        longest = late.max().unwrap().max(longest);
    }
    println!("{} moves, seen after {longest:?} at the latest", at_host.len());
    assert!(longest <= ms(100), "{longest:?}");
}

#[test]
fn a_slow_network_that_loses_packets_costs_no_table_its_host() {
    for (seed, latency) in [(1, 30), (2, 80), (3, 80), (4, 80)] {
        let mut lan = table(seed, 4);
        lan.latency(ms(latency));
        lan.loss(20);
        lan.start_all();
        // So far apart they may found four games, which become one.
        lan.run(ms(10_000));
        let host = lan.host();
        lan.run(ms(600_000));
        assert!(host.is_some() && lan.host() == host, "seed {seed}");
        for n in 0..lan.count() {
            let hosts = |(at, event): &(Duration, &Event<_>)| {
                *at > ms(10_000) && matches!(event, Event::Host { .. })
            };
            assert_eq!(lan.told(n).filter(hosts).count(), 0, "seed {seed}, n{n}");
        }
        lan.finish().unwrap();
    }
}

/// At sixty ticks a second it would be six times as much.
#[test]
fn four_who_think_send_two_kilobytes_a_second_together() {
    for seed in 1..=4 {
        let mut machines = Machines::<Snailway>::of_rules(seed, 4);
        machines.hands_off = true;
        (0..machines.count()).for_each(|place| machines.start(place));
        machines.run(Instant(15_000_000));
        machines.tap = Some(Tap::default());
        machines.run(Instant(75_000_000));
        let Tap { datagrams, beacons, links, .. } = machines.tap.take().unwrap();
        let links: usize = links.values().map(Vec::len).sum();
        let [datagrams, beacons, links] =
            [datagrams.len(), beacons.len(), links].map(|all| all / 60);
        let all = datagrams + beacons + links;
        println!(
            "{all} bytes a second: {datagrams} in datagrams, {links} over links, {beacons} in beacons"
        );
        assert!(all <= 2_440, "{all} bytes a second");
    }
}
