//! A player made of code.
//!
//! [`play`] is a pure function: what it sees is the world, what it remembers is nothing. So a bot
//! can be moved to another machine in the middle of a step, and tests need no set-up. It does not
//! dither for all that, because whatever it walks to becomes more attractive with each step.
//!
//! *What it wants*: the gatherable that brings most points per tick of way, unless somebody else
//! is nearer to it. Bots have tastes, drawn from their seeds, so two of them that stand side by
//! side go different ways, sooner or later.
//!
//! *How it gets there*: a way is one slanting leg and one straight one, in either order, for that
//! is what eight directions give. If neither is clear of walls, it looks for a chain of such ways
//! along the borders of the board's cells. Those borders are always clear (see `map`), so there
//! always is one; of its places the bot heads for the best it can walk to at once, which is what
//! makes it cut corners.
//!
//! *When it dashes*: on long legs, and into those who stand in front of it and have something to
//! lose; neither always, or nobody would like to play with it.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    Board, CELL_HEIGHT, CELL_WIDTH, Controls, Gatherable, PLAYER_RADIUS, Point, SIDE_MAX,
    UNITS_PER_PIXEL, Wall, World, rules::distance_squared, rules::square,
};
use crate::{
    game::draw,
    types::{NodeId, Tick},
};

/// Differences up to this long are as good as none: half a step.
const NEAR: i32 = 32;
/// The room that a bot has where it wants to go: its own size, and a step that may be one too many.
const ROOM: i32 = PLAYER_RADIUS + 4 * UNITS_PER_PIXEL;
/// The room left where a way is planned that will be walked later.
const ROOM_PLANNED: i32 = PLAYER_RADIUS + 8 * UNITS_PER_PIXEL;
/// Legs of at least this length are worth a dash.
const DASH_LEG_MIN: i32 = 150 * UNITS_PER_PIXEL;
/// Others are dashed into from at most this far.
const STRIKE_DISTANCE_MAX: i32 = 90 * UNITS_PER_PIXEL;
/// How long a bot stays in one mood: whether it feels like dashing, and where it strolls.
const MOOD_TICKS: u64 = 40;
/// How long a bot's taste stays the same. That it changes ends any dithering between two wishes.
const TASTE_TICKS: u64 = 240;
/// Places along one side of the largest board: the borders of its cells and the middles between.
const PLACES: usize = 2 * SIDE_MAX as usize + 1;

/// Nothing is held down, by a bot. It says so before it sees anything, or what lies where it appears would be a
/// person's.
pub const NOTHING: Controls = Controls { dx: 0, dy: 0, dash: false, bot: true };

/// What the bot that plays `me` holds down, seeing `world`. Bots of different `seed`s have
/// different tastes.
pub fn play(world: &World, me: NodeId, seed: u64) -> Controls {
    let Some(player) = world.players.get(&me).filter(|p| !p.is_away()) else {
        return NOTHING;
    };
    let mood = draw(seed, world.tick.0 / MOOD_TICKS);
    let Some(leg) = choose(world, me, player.at, seed) else {
        return stroll(mood);
    };
    let ready = player.cooldown == 0 && player.dash == 0 && !player.controls.dash;
    let wants = (leg.length >= DASH_LEG_MIN && mood.is_multiple_of(2))
        || (mood % 4 < 3 && somebody_in_front(world, me, player.at, &leg));
    Controls { dx: leg.dx as i8, dy: leg.dy as i8, dash: ready && wants, ..NOTHING }
}

/// So many ticks somebody runs in one direction who [runs about](run_about).
const RUNS_TICKS: u64 = 24;

/// What somebody holds down who wants nothing but to run about: one of eight directions, or nothing, and every 0.4 seconds
/// another one. For measurements, in which nothing else shall happen than that keys are pressed.
pub fn run_about(tick: Tick, seed: u64) -> Controls {
    let drawn = draw(seed, (tick.0 + seed % RUNS_TICKS) / RUNS_TICKS);
    let way = |drawn: u64| (drawn % 3) as i8 - 1;
    Controls { dx: way(drawn), dy: way(drawn / 3), ..Controls::default() }
}

/// The first leg of the way to the gatherable that `me` likes best.
fn choose(world: &World, me: NodeId, from: Point, seed: u64) -> Option<Leg> {
    let board = &world.board;
    let rivals: Vec<Point> = world
        .players
        .iter()
        .filter(|(id, p)| **id != me && !p.is_away())
        .map(|(_, p)| p.at)
        .collect();
    // What each is worth, and how much of that is left after so long a way.
    let worth = |id: u64, g: &Gatherable| {
        let beaten = rivals.iter().any(|rival| cost(*rival, g.at) < cost(from, g.at));
        let taste = 75 + (draw(draw(seed, world.tick.0 / TASTE_TICKS), id) % 51) as i64;
        i64::from(g.worth()) * taste * if beaten { 1 } else { 3 }
    };
    let left = |worth: i64, way: i64| worth * 1_000_000_000 / (way + 100_000);
    // Walls make ways longer. So who hopes for the best first need not look at all of them.
    let mut hopes: Vec<(i64, i64, Point)> = world
        .gatherables
        .iter()
        .map(|(id, g)| {
            let goal = clear_of_walls(board, g.at);
            let worth = worth(id.0, g);
            (left(worth, cost(from, goal)), worth, goal)
        })
        .collect();
    hopes.sort_unstable_by(|a, b| b.cmp(a));
    let mut best: Option<(i64, Leg)> = None;
    for (hope, worth, goal) in hopes {
        if best.is_some_and(|(sure, _)| sure >= hope) {
            break;
        }
        if let Some((way, leg)) = way(board, from, goal)
            && best.is_none_or(|(sure, _)| sure < left(worth, way))
        {
            best = Some((left(worth, way), leg));
        }
    }
    best.map(|(_, leg)| leg)
}

/// Nothing to gather: a few steps here and there.
fn stroll(mood: u64) -> Controls {
    let stands = mood.is_multiple_of(2);
    let way = |shift: u32| if stands { 0 } else { ((mood >> shift) as u8 as i8 % 3).signum() };
    Controls { dx: way(8), dy: way(16), dash: false, bot: true }
}

/// Whether somebody worth it stands where a dash along `leg` goes.
fn somebody_in_front(world: &World, me: NodeId, at: Point, leg: &Leg) -> bool {
    world.players.iter().any(|(id, other)| {
        let apart = distance_squared(at, other.at);
        if *id == me || other.is_away() || other.loose == 0 || other.shield > 0 {
            return false;
        }
        if apart > square(STRIKE_DISTANCE_MAX) {
            return false;
        }
        // The point of the leg that is as far away as the other, measured along the longer axis.
        let (x, y) = (other.at.x - at.x, other.at.y - at.y);
        let far = x.abs().max(y.abs());
        (x - leg.dx * far).abs() < PLAYER_RADIUS && (y - leg.dy * far).abs() < PLAYER_RADIUS
    })
}

/// How long a walk takes without walls: thousandths of the ticks of 64 units each, times 64.
/// A slanting step covers 45 units on both axes.
fn cost(from: Point, to: Point) -> i64 {
    let (x, y) = (i64::from((to.x - from.x).abs()), i64::from((to.y - from.y).abs()));
    1_000 * x.max(y) + 422 * x.min(y)
}

/// The place next to `place` with enough room for a bot.
fn clear_of_walls(board: &Board, place: Point) -> Point {
    let mut place = Point {
        x: place.x.min(board.width() - PLAYER_RADIUS).max(PLAYER_RADIUS),
        y: place.y.min(board.height() - PLAYER_RADIUS).max(PLAYER_RADIUS),
    };
    for wall in board.walls.iter() {
        let (left, right) = (wall.x - ROOM, wall.x + wall.width + ROOM);
        let (top, bottom) = (wall.y - ROOM, wall.y + wall.height + ROOM);
        if place.x <= left || place.x >= right || place.y <= top || place.y >= bottom {
            continue;
        }
        let ways = [
            (place.x - left, Point { x: left, ..place }),
            (right - place.x, Point { x: right, ..place }),
            (place.y - top, Point { y: top, ..place }),
            (bottom - place.y, Point { y: bottom, ..place }),
        ];
        place = ways.into_iter().min().map_or(place, |(_, out)| out);
    }
    place
}

// ---- ways ----

/// A walk in one of the eight directions.
#[derive(Clone, Copy, Debug)]
struct Leg {
    /// -1, 0 or 1.
    dx: i32,
    /// -1, 0 or 1.
    dy: i32,
    /// Units along the longer axis.
    length: i32,
}

impl Leg {
    fn end(self, from: Point) -> Point {
        Point { x: from.x + self.dx * self.length, y: from.y + self.dy * self.length }
    }

    /// Whether a player that needs `room` to each side can walk it past `wall`.
    fn passes(self, from: Point, wall: &Wall, room: i32) -> bool {
        // The part of the leg, as lengths along it, on which each axis overlaps the wall.
        let span = |at: i32, step: i32, start: i32, length: i32| {
            let (low, high) = (start - room - at, start + length + room - at);
            match step {
                0 if low < 0 && high > 0 => (i32::MIN, i32::MAX),
                0 => (1, 0),
                1 => (low, high),
                _ => (-high, -low),
            }
        };
        let across = span(from.x, self.dx, wall.x, wall.width);
        let down = span(from.y, self.dy, wall.y, wall.height);
        across.0.max(down.0).max(0) >= across.1.min(down.1).min(self.length)
    }
}

/// The two legs from `from` to `to`: the slanting one first.
fn legs(from: Point, to: Point) -> [Leg; 2] {
    let far = |way: i32| if way.abs() <= NEAR { 0 } else { way };
    let (x, y) = (far(to.x - from.x), far(to.y - from.y));
    let slant = Leg { dx: x.signum(), dy: y.signum(), length: x.abs().min(y.abs()) };
    let rest = x.abs().max(y.abs()) - slant.length;
    let straight = Leg {
        dx: if x.abs() > y.abs() { x.signum() } else { 0 },
        dy: if y.abs() > x.abs() { y.signum() } else { 0 },
        length: if rest <= NEAR { 0 } else { rest },
    };
    [slant, straight]
}

/// Whether `from` is `to`, as far as steps can tell.
fn is_there(from: Point, to: Point) -> bool {
    legs(from, to).iter().all(|leg| leg.length == 0)
}

/// How to start a walk from `from` to `to` that passes all `walls`: its first leg. None if there
/// is no such walk of two legs, or nowhere to go.
///
/// Steps are not as fine as lines: a leg may end half a step beside its end, on either side. So
/// the first leg must be clear a bit beyond its end, and the second a bit to both sides. Then a
/// walk that is found once is found again after each step of it, until it is done.
fn walk<'a>(
    from: Point,
    to: Point,
    room: i32,
    walls: impl Iterator<Item = &'a Wall> + Clone,
) -> Option<Leg> {
    let [slant, straight] = legs(from, to);
    for (first, second) in [(slant, straight), (straight, slant)] {
        let middle = first.end(from);
        let longer = Leg { length: first.length + NEAR, ..first };
        let clear = walls.clone().all(|wall| {
            (first.length == 0 || longer.passes(from, wall, room))
                && (second.length == 0 || {
                    let room = if first.length == 0 { room } else { room + NEAR };
                    second.passes(middle, wall, room)
                })
        });
        if clear {
            return [first, second].into_iter().find(|leg| leg.length > 0);
        }
    }
    None
}

/// What a good way from `from` to `goal` costs, and its first leg.
fn way(board: &Board, from: Point, goal: Point) -> Option<(i64, Leg)> {
    if let Some(leg) = walk(from, goal, PLAYER_RADIUS, board.walls.iter()) {
        return Some((cost(from, goal), leg));
    }
    let map = Map::new(board);
    let rest = map.costs_to(goal);
    let mut places: Vec<(i64, i64, Point)> = map
        .places()
        .filter_map(|(column, row)| {
            let rest = rest[row][column]?;
            let place = map.place(column, row);
            Some((cost(from, place) + rest, rest, place))
        })
        .collect();
    places.sort_unstable();
    places.iter().find_map(|(total, _, place)| {
        Some((*total, walk(from, *place, PLAYER_RADIUS, board.walls.iter())?))
    })
}

/// The places on the borders of the cells, by half cells: those with two odd numbers are inside.
struct Map {
    board: Board,
    /// The wall of each cell, by row and column.
    walls: [[Option<Wall>; SIDE_MAX as usize]; SIDE_MAX as usize],
}

/// For each place what a walk from there to the goal costs; none if there is none.
type Costs = [[Option<i64>; PLACES]; PLACES];

impl Map {
    fn new(board: &Board) -> Self {
        let mut walls = [[None; SIDE_MAX as usize]; SIDE_MAX as usize];
        for wall in board.walls.iter() {
            let (column, row) = (wall.x / CELL_WIDTH, wall.y / CELL_HEIGHT);
            if let Some(cell) = walls.get_mut(row as usize).and_then(|r| r.get_mut(column as usize))
            {
                *cell = Some(*wall);
            }
        }
        Self { board: board.clone(), walls }
    }

    fn side(&self) -> usize {
        usize::from(self.board.side.min(SIDE_MAX))
    }

    /// All places, by column and row.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count = 2 * self.side() + 1;
        (0..count)
            .flat_map(move |row| (0..count).map(move |column| (column, row)))
            .filter(is_border)
    }

    fn place(&self, column: usize, row: usize) -> Point {
        let at = |n: usize, half: i32, end: i32| {
            (n as i32 * half).min(end - PLAYER_RADIUS).max(PLAYER_RADIUS)
        };
        Point {
            x: at(column, CELL_WIDTH / 2, self.board.width()),
            y: at(row, CELL_HEIGHT / 2, self.board.height()),
        }
    }

    /// Dijkstra's way, from the goal outwards. Within a cell only its own wall can be in the way.
    fn costs_to(&self, goal: Point) -> Costs {
        let mut costs: Costs = [[None; PLACES]; PLACES];
        let mut open = BinaryHeap::new();
        let last = self.side().saturating_sub(1);
        let cell = ((goal.x / CELL_WIDTH) as usize).min(last);
        let cell_row = ((goal.y / CELL_HEIGHT) as usize).min(last);
        for (column, row) in around(cell, cell_row) {
            let place = self.place(column, row);
            let wall = self.walls[cell_row][cell].iter();
            if is_there(place, goal) || walk(place, goal, PLAYER_RADIUS + NEAR, wall).is_some() {
                costs[row][column] = Some(cost(place, goal));
                open.push(Reverse((cost(place, goal), column, row)));
            }
        }
        while let Some(Reverse((so_far, column, row))) = open.pop() {
            if costs[row][column] != Some(so_far) {
                continue;
            }
            let here = self.place(column, row);
            for (cell, cell_row) in self.cells_at(column, row) {
                for (column, row) in around(cell, cell_row) {
                    let there = self.place(column, row);
                    let total = so_far + cost(there, here);
                    let worse = costs[row][column].is_some_and(|known| known <= total);
                    let wall = self.walls[cell_row][cell].iter();
                    if !worse && walk(there, here, ROOM_PLANNED, wall).is_some() {
                        costs[row][column] = Some(total);
                        open.push(Reverse((total, column, row)));
                    }
                }
            }
        }
        costs
    }

    /// The cells that a place is on the border of.
    fn cells_at(&self, column: usize, row: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let last = self.side().saturating_sub(1);
        let span = move |n: usize| (n.saturating_sub(1) / 2)..=(n / 2).min(last);
        span(row).flat_map(move |r| span(column).map(move |c| (c, r)))
    }
}

/// The eight places on the border of a cell.
fn around(cell: usize, cell_row: usize) -> impl Iterator<Item = (usize, usize)> {
    (2 * cell_row..=2 * cell_row + 2)
        .flat_map(move |row| (2 * cell..=2 * cell + 2).map(move |column| (column, row)))
        .filter(is_border)
}

fn is_border((column, row): &(usize, usize)) -> bool {
    column.is_multiple_of(2) || row.is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        arena::{
            Arena, Event, INTERMISSION_TICKS,
            tests::{any_world, id, populated},
        },
        game::{Game, News},
    };

    /// Lets bots play; returns what happened.
    fn play_on(world: &mut World, players: u8, ticks: usize) -> Vec<(usize, Event)> {
        let mut happened = Vec::new();
        for tick in 0..ticks {
            let news: Vec<_> = (0..players)
                .map(|n| News::Controls(id(n), play(world, id(n), u64::from(n))))
                .collect();
            let mut events = Vec::new();
            Arena::step(world, &news, &mut events);
            happened.extend(events.into_iter().map(|event| (tick, event)));
        }
        happened
    }

    #[test]
    fn a_bot_alone_never_gets_stuck() {
        // A hundred hours of this were played once, without a pause longer than this one.
        for seed in 0..60 {
            let mut world = populated(seed, 1);
            let mut idle_ticks = 0;
            for _ in 0..60 * 60 * 2 {
                let events = play_on(&mut world, 1, 1);
                let busy = events.iter().any(|(_, e)| matches!(e, Event::Gathered { .. }));
                idle_ticks = if busy { 0 } else { idle_ticks + 1 };
                assert!(
                    idle_ticks < 320 + u32::from(INTERMISSION_TICKS),
                    "seed {seed}, round {}: {world:?}",
                    world.round
                );
            }
            assert!(world.round >= 4, "seed {seed}: round {}", world.round);
        }
    }

    #[test]
    fn many_bots_play_on_a_large_board() {
        let mut world = populated(9, 64);
        let happened = play_on(&mut world, 64, 60 * 20);
        let gatherers: BTreeSet<_> = happened
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Gathered { player, .. } => Some(*player),
                _ => None,
            })
            .collect();
        assert_eq!(gatherers.len(), 64);
        assert!(Arena::is_valid(&world));
    }

    #[test]
    fn bots_dash_and_hit_but_not_all_the_time() {
        let mut world = populated(2, 6);
        let happened = play_on(&mut world, 6, 60 * 60);
        let count = |pass: fn(&Event) -> bool| happened.iter().filter(|(_, e)| pass(e)).count();
        let dashes = count(|e| matches!(e, Event::Dashed { .. }));
        let hits = count(|e| matches!(e, Event::Shaken { .. }));
        println!("6 bots in a minute: {dashes} dashes, {hits} hits, round {}", world.round);
        assert!((20..250).contains(&dashes), "{dashes}");
        assert!((2..100).contains(&hits), "{hits}");
    }

    #[test]
    fn two_bots_at_one_place_go_different_ways_sooner_or_later() {
        let mut world = populated(2, 2);
        let at = world.players[&id(0)].at;
        world.players.get_mut(&id(1)).unwrap().at = at;
        play_on(&mut world, 2, 60 * 5);
        assert_ne!(world.players[&id(0)].at, world.players[&id(1)].at);
    }

    #[test]
    fn a_bot_holds_still_what_it_holds() {
        // Changes of what is held are what a residual is made of.
        let mut world = populated(4, 4);
        let mut changes = 0;
        for _ in 0..3_600 {
            let before = world.clone();
            play_on(&mut world, 4, 1);
            changes += (0..4)
                .filter(|n| world.players[&id(*n)].controls != before.players[&id(*n)].controls)
                .count();
        }
        println!("4 bots in a minute: {changes} changes");
        assert!(changes < 4 * 60 * 6, "{changes}");
    }

    #[test]
    fn who_runs_about_takes_every_direction_and_changes_it_now_and_then() {
        let held: Vec<_> = (0..24_000).map(|tick| run_about(Tick(tick), 7)).collect();
        let directions: BTreeSet<_> = held.iter().map(|held| (held.dx, held.dy)).collect();
        assert_eq!(directions.len(), 9);
        let changes = held.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((850..930).contains(&changes), "{changes}");
        assert!(held.iter().all(|held| !held.dash && !held.bot));
    }

    #[test]
    fn who_is_not_there_holds_nothing() {
        assert_eq!(play(&populated(1, 1), id(9), 0), NOTHING);
        assert_eq!(NOTHING, Controls { bot: true, ..Controls::default() });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_bot_has_an_answer_to_any_world(world in any_world(), n in 0..80_u8, seed in any::<u64>()) {
            let controls = play(&world, id(n), seed);
            prop_assert_eq!(controls, Controls { bot: true, ..controls.clean() });
        }
    }
}
