//! The arena as a whole: what must hold for any world and any news, and what the rules promise.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::{collection::vec, prelude::*};

use std::{collections::BTreeMap, sync::Arc};

use super::{
    map::scale,
    rules::{DASH, RUN},
    *,
};
use crate::{
    game::draw,
    text::Name,
    types::{NodeId, Tick},
};

/// Node ids of the tests: few, so that two worlds share some.
pub(super) fn id(n: u8) -> NodeId {
    NodeId::from_u128(u128::from(n) << 96 | u128::from(n))
}

/// Numbers from a seed, one after the other.
#[derive(Debug)]
pub(super) struct Dice(u64, u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed, 0)
    }

    pub(super) fn below(&mut self, below: u64) -> u64 {
        self.1 += 1;
        draw(self.0, self.1) % below
    }

    fn place(&mut self, board: &Board, radius: i32) -> Point {
        loop {
            let at = Point {
                x: scale(self.below(1 << 32) as u32, board.width()),
                y: scale(self.below(1 << 32) as u32, board.height()),
            };
            if board.is_free(at, radius) {
                return at;
            }
        }
    }

    pub(super) fn controls(&mut self) -> Controls {
        Controls {
            dx: self.below(3) as i8 - 1,
            dy: self.below(3) as i8 - 1,
            dash: self.below(4) == 0,
            bot: false,
        }
    }
}

/// A valid world with nothing to be expected in it.
pub(super) fn wild(seed: u64, players: usize, gatherables: usize) -> World {
    let mut dice = Dice::new(seed);
    let round = 1 + dice.below(1 << 20) as u32;
    let seed = dice.below(4);
    let board = Board::new(seed, round, SIDE_MIN + dice.below(5) as u8);
    let spawned = 500 + dice.below(1 << 50);
    let mut world = World {
        seed,
        tick: Tick(dice.below(u64::MAX)),
        round,
        round_id: RoundId(spawned - dice.below(400)),
        intermission: (dice.below(3) == 0).then(|| Intermission {
            winner: id(dice.below(100) as u8),
            ticks_left: dice.below(u64::from(INTERMISSION_TICKS) + 1) as u16,
        }),
        players: BTreeMap::new(),
        gatherables: BTreeMap::new(),
        scoreboard: BTreeMap::new(),
        spawned,
        board,
    };
    for _ in 0..players {
        let id = id(dice.below(80) as u8);
        let player = Player {
            name: Name::new(&format!("p{}", dice.below(1000))),
            colour: dice.below(12) as u8,
            at: dice.place(&world.board, PLAYER_RADIUS),
            facing: dice.below(8) as u8,
            controls: dice.controls(),
            dash: dice.below(10) as u8,
            cooldown: dice.below(61) as u8,
            stun: dice.below(25) as u8,
            shield: dice.below(121) as u8,
            loose: dice.below(4) as u8,
            away: (dice.below(4) / 3 * dice.below(1801)) as u16,
            bot: dice.below(2) == 0,
        };
        world.players.insert(id, player);
        let score = Score { points: dice.below(40) as u32, games_won: dice.below(5) as u32 };
        world.scoreboard.insert(id, score);
    }
    for _ in 0..gatherables {
        let gatherable = Gatherable { at: dice.place(&world.board, 0), rare: dice.below(2) == 0 };
        world.gatherables.insert(GatherableId(spawned - 1 - dice.below(400)), gatherable);
    }
    world
}

pub(super) fn any_world() -> impl Strategy<Value = World> {
    (any::<u64>(), 0..=64_usize, 0..=160_usize).prop_map(|(seed, p, g)| wild(seed, p, g))
}

pub(super) fn any_news() -> impl Strategy<Value = Vec<News<Controls>>> {
    let item =
        (0..90_u8, 0..12_u8, any::<(i8, i8, bool)>()).prop_map(|(n, kind, (dx, dy, dash))| {
            match kind {
                0 => News::Left(id(n)),
                1 | 2 => News::Joined(id(n), Name::new(&format!("{dx}"))),
                _ => News::Controls(id(n), Controls { dx, dy, dash, ..Controls::default() }),
            }
        });
    vec(item, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_news_makes_a_valid_world_invalid(world in any_world(), news in vec(any_news(), 1..60)) {
        prop_assert!(Arena::is_valid(&world));
        let mut world = world;
        let mut again = world.clone();
        for news in news {
            let (mut events, mut events_again) = (Vec::new(), Vec::new());
            Arena::step(&mut world, &news, &mut events);
            Arena::step(&mut again, &news, &mut events_again);
            prop_assert!(Arena::is_valid(&world), "{:?}", world);
            prop_assert_eq!(&world, &again);
            prop_assert_eq!(events, events_again);
        }
    }

    // The worlds that are shown are blends that are stepped and blended again. They need not be valid.
    #[test]
    fn whatever_is_blended_can_be_stepped_and_blended_again(
        from in any_world(),
        to in any_world(),
        same_board in any::<bool>(),
        news in vec((any_news(), any::<u16>()), 1..60),
    ) {
        let (mut shown, mut predicted) = (from, to);
        if same_board {
            predicted.seed = shown.seed;
            predicted.round = shown.round;
            predicted.board = shown.board.clone();
        }
        for (news, part) in news {
            Arena::step(&mut predicted, &news, &mut Vec::new());
            Arena::step(&mut shown, &news, &mut Vec::new());
            shown = Arena::blend(&shown, &predicted, part);
        }
    }

    #[test]
    fn a_world_off_a_wire_can_be_stepped(world in any_world()) {
        let json = serde_json::to_string(&world).unwrap();
        let bytes = postcard::to_stdvec(&world).unwrap();
        let mut world: World = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&world, &postcard::from_bytes::<World>(&bytes).unwrap());
        prop_assert!(Arena::is_valid(&world));
        for _ in 0..600 {
            Arena::step(&mut world, &[], &mut Vec::new());
        }
        prop_assert!(Arena::is_valid(&world));
    }

    #[test]
    fn a_spoilt_world_is_refused_or_safe(world in any_world(), place in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = postcard::to_stdvec(&world).unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(mut world) = postcard::from_bytes::<World>(&bytes)
            && Arena::is_valid(&world)
        {
            for _ in 0..100 {
                Arena::step(&mut world, &[], &mut Vec::new());
            }
            prop_assert!(Arena::is_valid(&world));
        }
    }

    #[test]
    fn points_fall_only_when_a_round_starts(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let mut world = populated(seed, 6);
        for _ in 0..3_000 {
            let before = world.clone();
            let news = [News::Controls(id(dice.below(6) as u8), dice.controls())];
            Arena::step(&mut world, &news, &mut Vec::new());
            for (id, score) in &world.scoreboard {
                let old = before.scoreboard[id];
                prop_assert!(score.points >= old.points || world.round > before.round);
                prop_assert!(score.games_won >= old.games_won);
            }
        }
    }

    #[test]
    fn nobody_is_ever_caught(seed in any::<u64>(), way in 0..8_u8, side in SIDE_MIN..=SIDE_MAX) {
        // From anywhere, whoever is stopped one way can go another.
        let board = Board::new(seed, 1, side);
        let mut at = Dice::new(seed).place(&board, PLAYER_RADIUS);
        let (dx, dy) = DASH[usize::from(way)];
        for _ in 0..300 {
            at = board.slide(at, dx, dy);
            prop_assert!(board.is_free(at, PLAYER_RADIUS));
        }
        let ways = RUN.iter().filter(|(dx, dy)| board.slide(at, *dx, *dy) != at).count();
        prop_assert!(ways >= 2);
    }

    #[test]
    fn a_larger_board_keeps_the_walls_of_the_smaller(seed in any::<u64>(), side in SIDE_MIN..SIDE_MAX) {
        let (small, large) = (Board::new(seed, 3, side), Board::new(seed, 3, side + 1));
        prop_assert!(small.walls.iter().all(|wall| large.walls.contains(wall)));
    }

    #[test]
    fn between_two_walls_a_player_fits(seed in any::<u64>()) {
        let board = Board::new(seed, 1, SIDE_MAX);
        let room = 2 * PLAYER_RADIUS;
        for (n, a) in board.walls.iter().enumerate() {
            prop_assert!(a.x >= room && a.x + a.width + room <= board.width());
            prop_assert!(a.y >= room && a.y + a.height + room <= board.height());
            for b in &board.walls[n + 1..] {
                let apart = a.x + a.width + room <= b.x || b.x + b.width + room <= a.x
                    || a.y + a.height + room <= b.y || b.y + b.height + room <= a.y;
                prop_assert!(apart, "{:?} {:?}", a, b);
            }
        }
    }
}

/// A world of so many players, all there from the first tick.
pub(super) fn populated(seed: u64, players: u8) -> World {
    let mut world = Arena::new_world(seed);
    let joined = |n| News::Joined(id(n), Name::new(&format!("p{n}")));
    // With its first controls each says that it is a person.
    let news = (0..players).flat_map(|n| [joined(n), hold(n, 0, 0, false)]);
    Arena::step(&mut world, &news.collect::<Vec<_>>(), &mut Vec::new());
    world
}

/// A world without walls in the way or anything to gather, with players side by side.
fn row(players: u8, distance: i32) -> World {
    // Some round has free space around the middle of the board.
    let mut world = populated(7, players);
    world.gatherables.clear();
    world.board.walls = Arc::from([]);
    for (n, player) in world.players.values_mut().enumerate() {
        player.at =
            Point { x: 300 * UNITS_PER_PIXEL + n as i32 * distance, y: 300 * UNITS_PER_PIXEL };
    }
    world
}

fn hold(n: u8, dx: i8, dy: i8, dash: bool) -> News<Controls> {
    News::Controls(id(n), Controls { dx, dy, dash, ..Controls::default() })
}

fn step(world: &mut World, news: &[News<Controls>]) -> Vec<Event> {
    let mut events = Vec::new();
    Arena::step(world, news, &mut events);
    events
}

fn lay(world: &mut World, at: Point, rare: bool) -> GatherableId {
    let id = GatherableId(world.spawned);
    world.spawned += 1;
    world.gatherables.insert(id, Gatherable { at, rare });
    id
}

#[test]
fn all_directions_are_equally_fast() {
    for table in [RUN, DASH] {
        let straight = f64::from(table[0].0);
        for (dx, dy) in table {
            let length = f64::from(dx).hypot(f64::from(dy));
            assert!((length - straight).abs() < straight / 100.0);
        }
    }
}

#[test]
fn a_dash_counts_when_it_is_pressed_not_while_it_is_held() {
    let mut world = row(1, 0);
    let mut dashes = 0;
    for tick in 0..200 {
        let news = if tick == 0 { vec![hold(0, 1, 0, true)] } else { vec![] };
        dashes +=
            step(&mut world, &news).iter().filter(|e| matches!(e, Event::Dashed { .. })).count();
    }
    assert_eq!(dashes, 1);
}

#[test]
fn a_press_and_its_release_in_one_step_are_a_dash() {
    let mut world = row(1, 0);
    let events = step(&mut world, &[hold(0, 0, 0, true), hold(0, 0, 0, false)]);
    assert!(matches!(events[..], [Event::Dashed { .. }]), "{events:?}");
    assert!(!world.players[&id(0)].controls.dash);
}

#[test]
fn a_dash_waits_for_its_cooldown() {
    let mut world = row(1, 0);
    let mut ticks = Vec::new();
    for tick in 0..=120 {
        let news = [hold(0, 1, 0, true), hold(0, 1, 0, false)];
        if step(&mut world, &news).iter().any(|e| matches!(e, Event::Dashed { .. })) {
            ticks.push(tick);
        }
    }
    assert_eq!(ticks, [0, 60, 120]);
}

#[test]
fn a_hit_stuns_and_shakes_something_loose_but_takes_no_point() {
    let mut world = row(2, 60 * UNITS_PER_PIXEL);
    world.players.get_mut(&id(1)).unwrap().loose = 1;
    world.scoreboard.get_mut(&id(1)).unwrap().points = 7;
    let mut shaken = Vec::new();
    let mut news = vec![hold(0, 1, 0, true)];
    for _ in 0..DASH_TICKS {
        shaken.extend(
            step(&mut world, &news).into_iter().filter(|e| matches!(e, Event::Shaken { .. })),
        );
        news.clear();
    }
    assert!(
        matches!(shaken[..], [Event::Shaken { player, by, dropped: Some(_), .. }] if player == id(1) && by == id(0)),
        "{shaken:?}"
    );
    assert_eq!(world.scoreboard[&id(1)].points, 7);
    assert_eq!(world.players[&id(1)].loose, 0);
    let at = world.players[&id(1)].at;
    step(&mut world, &[hold(1, 1, 0, false)]);
    assert_eq!(world.players[&id(1)].at, at, "stunned");
}

#[test]
fn the_nearer_of_two_gathers() {
    let mut world = row(2, 30 * UNITS_PER_PIXEL);
    let near_the_second = Point {
        x: world.players[&id(1)].at.x - 10 * UNITS_PER_PIXEL,
        y: world.players[&id(1)].at.y,
    };
    let gatherable = lay(&mut world, near_the_second, true);
    let events = step(&mut world, &[]);
    assert!(events.contains(&Event::Gathered {
        player: id(1),
        gatherable,
        worth: POINTS_RARE,
        at: near_the_second,
    }));
    assert_eq!(world.scoreboard[&id(1)].points, POINTS_RARE);
    assert_eq!(world.scoreboard[&id(0)].points, 0);
}

#[test]
fn the_limit_wins_the_round_and_the_next_one_starts_from_zero() {
    let mut world = row(2, 300 * UNITS_PER_PIXEL);
    world.scoreboard.get_mut(&id(1)).unwrap().points = POINTS_TO_WIN - 1;
    let at = world.players[&id(1)].at;
    lay(&mut world, at, false);
    let events = step(&mut world, &[]);
    assert!(
        events
            .iter()
            .any(|e| matches!(e, Event::RoundWon { player, round: 1, .. } if *player == id(1)))
    );
    assert_eq!(world.scoreboard[&id(1)].games_won, 1);
    assert!(world.gatherables.is_empty(), "nobody gathers in an intermission");
    let mut ticks = 0;
    while world.intermission.is_some() {
        assert_eq!(world.scoreboard[&id(1)].points, POINTS_TO_WIN);
        step(&mut world, &[]);
        ticks += 1;
    }
    assert_eq!(ticks, INTERMISSION_TICKS);
    assert_eq!((world.round, world.scoreboard[&id(1)].points), (2, 0));
    assert_eq!(world.scoreboard[&id(1)].games_won, 1);
    assert_eq!(world.gatherables.len(), 7);
}

#[test]
fn who_comes_back_in_time_keeps_place_and_points() {
    let mut world = row(2, 300 * UNITS_PER_PIXEL);
    world.scoreboard.get_mut(&id(1)).unwrap().points = 5;
    let before = world.players[&id(1)].clone();
    step(&mut world, &[hold(1, 1, 1, false), News::Left(id(1))]);
    for _ in 0..AWAY_TICKS_MAX - 2 {
        step(&mut world, &[]);
    }
    assert!(world.players[&id(1)].is_away());
    step(&mut world, &[News::Joined(id(1), before.name.clone())]);
    assert_eq!(world.players[&id(1)], before);
    assert_eq!(world.scoreboard[&id(1)].points, 5);
}

// A bot that appears on a coin has it before its first controls are there.
#[test]
fn what_is_gathered_before_the_first_controls_is_no_persons() {
    let mut world = row(1, 0);
    let newcomer = News::Joined(id(9), Name::new("newcomer"));
    step(&mut world, &[newcomer]);
    let mut gather = |news: &[News<Controls>]| {
        let at = world.players[&id(9)].at;
        lay(&mut world, at, false);
        let events = step(&mut world, news);
        let fact = events.iter().find_map(|event| Arena::fact_of_event(&world, event)).unwrap();
        let person = super::hall::Fact::decode(&fact).unwrap().encode();
        fact == person
    };
    assert!(!gather(&[]));
    assert!(gather(&[hold(9, 0, 0, false)]));
}

#[test]
fn who_does_not_come_back_is_forgotten() {
    let mut world = row(2, 300 * UNITS_PER_PIXEL);
    step(&mut world, &[News::Left(id(1))]);
    for _ in 0..AWAY_TICKS_MAX {
        step(&mut world, &[]);
    }
    assert!(!world.players.contains_key(&id(1)) && !world.scoreboard.contains_key(&id(1)));
}

#[test]
fn a_ghost_neither_gathers_nor_is_hit() {
    let mut world = row(2, 40 * UNITS_PER_PIXEL);
    step(&mut world, &[News::Left(id(1))]);
    let at = Point {
        x: world.players[&id(1)].at.x + 20 * UNITS_PER_PIXEL,
        y: world.players[&id(1)].at.y,
    };
    lay(&mut world, at, false);
    let events = step(&mut world, &[hold(0, 1, 0, true)]);
    assert!(!events.iter().any(|e| matches!(e, Event::Gathered { .. } | Event::Shaken { .. })));
}

#[test]
fn the_first_twelve_have_a_colour_each() {
    let world = populated(3, COLOURS);
    let colours: std::collections::BTreeSet<u8> =
        world.players.values().map(|p| p.colour).collect();
    assert_eq!(colours.len(), usize::from(COLOURS));
}

#[test]
fn the_sixty_fifth_gets_in_only_when_somebody_is_away() {
    let mut world = populated(3, 64);
    let late = News::Joined(id(64), Name::new("late"));
    step(&mut world, std::slice::from_ref(&late));
    assert!(!world.players.contains_key(&id(64)));
    step(&mut world, &[News::Left(id(5)), late]);
    assert!(world.players.contains_key(&id(64)) && !world.players.contains_key(&id(5)));
}

#[test]
fn the_board_grows_at_once_and_shrinks_between_rounds() {
    let mut world = populated(3, 17);
    assert_eq!(world.board.side, 6);
    let leave: Vec<_> = (1..17).map(|n| News::Left(id(n))).collect();
    step(&mut world, &leave);
    assert_eq!(world.board.side, 6);
    world.intermission = Some(Intermission { winner: id(0), ticks_left: 1 });
    step(&mut world, &[]);
    assert_eq!(world.board.side, SIDE_MIN);
    assert!(Arena::is_valid(&world));
}

#[test]
fn blending_goes_along_all_ways_but_those_to_another_board() {
    let from = row(3, 300 * UNITS_PER_PIXEL);
    let mut to = from.clone();
    to.players.get_mut(&id(0)).unwrap().at.x += 64;
    to.players.get_mut(&id(1)).unwrap().at.y += 3_000;
    let mut from = from;
    from.players.remove(&id(2));
    let shown = Arena::blend(&from, &to, 1 << 15);
    assert_eq!(shown.players[&id(0)].at.x, from.players[&id(0)].at.x + 32);
    assert_eq!(shown.players[&id(1)].at.y, from.players[&id(1)].at.y + 1_500);
    assert_eq!(shown.players[&id(2)], to.players[&id(2)]);
    assert_eq!(Arena::blend(&from, &to, 0).players[&id(0)].at, from.players[&id(0)].at);
    to.round += 1;
    assert_eq!(Arena::blend(&from, &to, 0), to);
}

#[test]
fn the_json_has_the_keys_of_the_protocol() {
    let world = populated(1, 2);
    let json = serde_json::to_value(&world).unwrap();
    for key in ["players", "gatherables", "scoreboard", "board", "round", "seed", "tick"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    let key = id(1).to_string();
    assert!(json["players"].get(&key).is_some() && json["scoreboard"].get(&key).is_some());
}
