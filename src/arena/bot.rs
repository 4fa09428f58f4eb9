//! A player made of code: goes for what is worth most and near, around the walls.
//!
//! It keeps no memory. What it does in a tick follows from the world alone, so it can play for
//! anybody at any moment, and a test can ask it about any world. Its taste follows from its id:
//! bots that stand side by side do not all run for the same thing.
//!
//! The way around a wall leads over one of its corners, the one with the shorter detour; if
//! another wall stands before that corner, over one of that wall's corners first, and so on. As
//! walls stand apart by more than a player's width, that never ends in a trap.

use super::{
    Board, Controls, DASH_COOLDOWN_TICKS, Gatherable, GatherableId, PLAYER_RADIUS, Player, Point,
    UNITS_PER_PIXEL, Wall, World, rules::RUN,
};
use crate::{game::draw, types::NodeId};

/// How far from a wall a bot passes, beyond its own size.
const CLEARANCE: i32 = 6 * UNITS_PER_PIXEL;
/// A corner this near has been reached: about the way of one tick.
const ARRIVED: i64 = 92;
/// The most walls on the way that are looked at.
const DETOURS_MAX: usize = 6;
/// A target this far away is worth a dash.
const DASH_FROM: i64 = 260 * UNITS_PER_PIXEL as i64;
/// Somebody this near, straight ahead, is worth a push.
const PUSH_WITHIN: i64 = 110 * UNITS_PER_PIXEL as i64;
/// How much of a target's attraction is a matter of taste, in hundredths.
const TASTE_PERCENT: i64 = 35;

/// What `me` should hold down in `world`. Nothing, while it is not in it, or there is nothing to
/// gather.
pub fn play(world: &World, me: NodeId) -> Controls {
    let Some(player) = world.players.get(&me).filter(|player| !player.is_away()) else {
        return Controls::default();
    };
    let goal = match choose(world, me, player) {
        Some(goal) if world.intermission.is_none() => goal,
        _ => return Controls::default(),
    };
    let next = way(&world.board, player.at, goal);
    let mut controls = towards(&world.board, player.at, next);
    let ready = player.cooldown == 0 && player.stun == 0 && !player.controls.dash;
    let far = distance(player.at, goal) > DASH_FROM && next == goal;
    controls.dash = ready && (far || push(world, me, player, next)) && eager(world, me);
    controls
}

/// What it goes for: worth over way, a little by taste, and nothing that somebody else will have
/// first if there is anything else.
fn choose(world: &World, me: NodeId, player: &Player) -> Option<Point> {
    let attraction = |(id, thing): (&GatherableId, &Gatherable)| {
        let way = distance(player.at, thing.at);
        let rivals = world.players.iter().filter(|(id, rival)| **id != me && !rival.is_away());
        let nearer = rivals.filter(|(_, rival)| distance(rival.at, thing.at) < way * 3 / 4).count();
        let taste = draw(taste(me), id.0) % 100;
        let liking = 100 + taste as i64 * TASTE_PERCENT / 100;
        let reach = i64::from(40 * UNITS_PER_PIXEL);
        i64::from(thing.worth()) * liking * 1_000_000 / (way + reach) / (1 + 2 * nearer as i64)
    };
    let best = world.gatherables.iter().max_by_key(|thing| (attraction(*thing), thing.0))?;
    Some(best.1.at)
}

/// Whether a dash from here hits somebody who has something to lose.
fn push(world: &World, me: NodeId, player: &Player, next: Point) -> bool {
    let (dx, dy) = (i64::from(next.x - player.at.x), i64::from(next.y - player.at.y));
    world.players.iter().any(|(id, other)| {
        let (ox, oy) = (i64::from(other.at.x - player.at.x), i64::from(other.at.y - player.at.y));
        let ahead = dx * ox + dy * oy;
        let aside = (dx * oy - dy * ox).abs();
        let worth_it = *id != me && !other.is_away() && other.shield == 0 && other.loose > 0;
        worth_it && ahead > 0 && aside * 4 < ahead && distance(player.at, other.at) < PUSH_WITHIN
    })
}

/// Not every dash that could be is: that would look like a machine.
fn eager(world: &World, me: NodeId) -> bool {
    let moment = world.tick.0 / u64::from(DASH_COOLDOWN_TICKS / 2);
    draw(taste(me), moment).is_multiple_of(3)
}

fn taste(me: NodeId) -> u64 {
    (me.as_u128() ^ (me.as_u128() >> 64)) as u64
}

/// The next point on the way from `from` to `goal`: the goal, or a corner before it.
fn way(board: &Board, from: Point, goal: Point) -> Point {
    let mut next = goal;
    for _ in 0..DETOURS_MAX {
        let blocking = board.walls.iter().filter(|wall| blocks(wall, from, next));
        let Some(wall) = blocking.min_by_key(|wall| distance(from, middle(wall))) else {
            return next;
        };
        match around(board, wall, from, goal) {
            Some(corner) => next = corner,
            None => return next,
        }
    }
    next
}

/// The corner of `wall` that the shortest way around it leads over first.
fn around(board: &Board, wall: &Wall, from: Point, goal: Point) -> Option<Point> {
    let corners: Vec<Point> = corners(board, wall).collect();
    let clear = |a: Point, b: Point| !blocks(wall, a, b);
    let straight = |corner: &Point| clear(*corner, goal).then(|| distance(*corner, goal));
    let mut left: Vec<Option<i64>> = corners.iter().map(straight).collect();
    for _ in 0..2 {
        for (at, corner) in corners.iter().enumerate() {
            let over = corners.iter().zip(&left).filter(|(other, _)| clear(*corner, **other));
            let ways = over.filter_map(|(other, left)| Some(distance(*corner, *other) + (*left)?));
            left[at] = ways.min().into_iter().chain(left[at]).min();
        }
    }
    corners
        .iter()
        .zip(left)
        .filter(|(corner, _)| distance(from, **corner) > ARRIVED && clear(from, **corner))
        .filter_map(|(corner, left)| Some((distance(from, *corner) + left?, *corner)))
        .min()
        .map(|(_, corner)| corner)
}

/// The corners of a wall, as far from it as a player passes, without those off the board.
fn corners(board: &Board, wall: &Wall) -> impl Iterator<Item = Point> {
    let off = PLAYER_RADIUS + CLEARANCE;
    let (left, right) = (wall.x - off, wall.x + wall.width + off);
    let (top, bottom) = (wall.y - off, wall.y + wall.height + off);
    let (width, height) = (board.width(), board.height());
    [(left, top), (right, top), (left, bottom), (right, bottom)]
        .into_iter()
        .map(|(x, y)| Point { x, y })
        .filter(move |at| {
            let fits =
                |along: i32, length: i32| (PLAYER_RADIUS..=length - PLAYER_RADIUS).contains(&along);
            fits(at.x, width) && fits(at.y, height)
        })
}

/// Whether a player cannot walk straight from `from` to `to` because of `wall` (Liang and Barsky's
/// clipping of a line, 1984, at the wall grown by a player's size).
fn blocks(wall: &Wall, from: Point, to: Point) -> bool {
    let grown = PLAYER_RADIUS;
    let (dx, dy) = (i64::from(to.x - from.x), i64::from(to.y - from.y));
    // The line is at `from + t * d / ONE`; each edge bounds t from one side.
    const ONE: i64 = 1 << 16;
    let (mut enters, mut leaves) = (0, ONE);
    let edges = [
        (-dx, i64::from(from.x - (wall.x - grown))),
        (dx, i64::from(wall.x + wall.width + grown - from.x)),
        (-dy, i64::from(from.y - (wall.y - grown))),
        (dy, i64::from(wall.y + wall.height + grown - from.y)),
    ];
    for (speed, room) in edges {
        if speed == 0 && room <= 0 {
            return false;
        }
        if speed < 0 {
            enters = enters.max(room * ONE / speed);
        } else if speed > 0 {
            leaves = leaves.min(room * ONE / speed);
        }
    }
    enters < leaves
}

/// The controls whose step ends nearest to `to`: along a wall, where one is in the way.
fn towards(board: &Board, from: Point, to: Point) -> Controls {
    let signs = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];
    let steps = signs.into_iter().zip(RUN);
    let ends = |(_, (dx, dy)): &(_, (i32, i32))| distance(board.slide(from, *dx, *dy), to);
    match steps.min_by_key(ends) {
        Some(((dx, dy), _)) => Controls { dx, dy, dash: false },
        None => Controls::default(),
    }
}

fn middle(wall: &Wall) -> Point {
    Point { x: wall.x + wall.width / 2, y: wall.y + wall.height / 2 }
}

fn distance(a: Point, b: Point) -> i64 {
    let (dx, dy) = (i64::from(a.x - b.x), i64::from(a.y - b.y));
    (dx * dx + dy * dy).isqrt()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        arena::Arena,
        game::{Game, News},
        text::Name,
    };

    /// Plays `ticks` ticks with `count` bots; how much each has gathered.
    fn evening(seed: u64, count: u128, ticks: u32) -> BTreeMap<NodeId, u32> {
        let mut world = Arena::found(seed);
        let ids: Vec<NodeId> = (1..=count).map(|n| NodeId::from_u128(n << 96 | n)).collect();
        let joined = ids.iter().map(|id| News::Joined(*id, Name::new("bot")));
        let mut news: Vec<_> = joined.collect();
        let mut gathered = BTreeMap::new();
        for _ in 0..ticks {
            let mut events = Vec::new();
            Arena::step(&mut world, &news, &mut events);
            for event in events {
                if let crate::arena::Event::Gathered { player, worth, .. } = event {
                    *gathered.entry(player).or_insert(0) += worth;
                }
            }
            news = ids.iter().map(|id| News::Controls(*id, play(&world, *id))).collect();
        }
        gathered
    }

    #[test]
    fn a_bot_alone_keeps_gathering_on_every_board() {
        for seed in 0..40 {
            let minutes = 2;
            let gathered: u32 = evening(seed, 1, minutes * 3_600).values().sum();
            assert!(gathered >= 30 * minutes, "seed {seed}: {gathered} points");
        }
    }

    #[test]
    fn of_many_bots_everybody_gathers_something() {
        for seed in 0..6 {
            let gathered = evening(seed, 12, 2 * 3_600);
            assert_eq!(gathered.len(), 12, "seed {seed}: {gathered:?}");
        }
    }

    #[test]
    fn who_is_not_in_the_world_holds_nothing_down() {
        assert_eq!(play(&Arena::found(1), NodeId::from_u128(1)), Controls::default());
    }
}
