//! The step: what a sixtieth of a second does to a world.
//!
//! In this order: the news, the clock, who was away for too long, the board's growth, movement,
//! hits, gathering and its consequences, new gatherables. Within each, players come in the order
//! of their ids; where that would be unfair (two reach for the same gatherable), the nearer wins.

use std::collections::BTreeSet;

use super::{
    map::{Chance, chance, side_for},
    world::{
        AWAY_TICKS_MAX, Board, COLOURS, Controls, DASH_COOLDOWN_TICKS, DASH_TICKS, Event,
        GATHERABLE_RADIUS, GATHERABLES_MAX, Gatherable, GatherableId, INTERMISSION_TICKS,
        Intermission, LOOSE_MAX, PLAYER_RADIUS, PLAYERS_MAX, POINTS_TO_WIN, Player, Point, REACH,
        RoundId, SHIELD_TICKS, SIDE_MAX, SIDE_MIN, STUN_TICKS, Score, UNITS_PER_PIXEL, World,
    },
};
use crate::{game::News, text::Name, types::NodeId};

/// Units per tick of somebody who runs, by facing: 240 pixels in a second in all directions.
pub(super) const RUN: [(i32, i32); 8] = circle(64, 45);
/// Units per tick of somebody who dashes: three times as fast, 108 pixels in all.
pub(super) const DASH: [(i32, i32); 8] = circle(192, 136);

/// How far a gatherable falls from whom it is shaken out of.
const FALL_DISTANCE: i32 = 64 * UNITS_PER_PIXEL;
/// The room that is left around a new gatherable.
const SPAWN_ROOM: i32 = PLAYER_RADIUS;
/// Gatherables on the board of nobody; each present player brings one more.
const GATHERABLES_BASE: usize = 5;
/// Ticks between two new gatherables for one player; for more it is so much less.
const SPAWN_PERIOD_TICKS: u64 = 30;
/// Of this many gatherables one is rare.
const RARE_ONE_OF: u64 = 8;
/// No counter in a valid world is beyond this, so none can overflow while somebody looks.
const COUNTER_MAX: u64 = 1 << 62;

const fn circle(straight: i32, slant: i32) -> [(i32, i32); 8] {
    [
        (straight, 0),
        (slant, slant),
        (0, straight),
        (-slant, slant),
        (-straight, 0),
        (-slant, -slant),
        (0, -straight),
        (slant, -slant),
    ]
}

impl Controls {
    /// What a player holds down in a world: nothing but -1, 0 and 1, whoever says so.
    pub fn clean(self) -> Self {
        Self { dx: self.dx.signum(), dy: self.dy.signum(), dash: self.dash, bot: false }
    }

    /// Whither it points, as in [`Player::facing`]; none when it points nowhere.
    pub fn facing(self) -> Option<u8> {
        match (self.dx.signum(), self.dy.signum()) {
            (1, 0) => Some(0),
            (1, 1) => Some(1),
            (0, 1) => Some(2),
            (-1, 1) => Some(3),
            (-1, 0) => Some(4),
            (-1, -1) => Some(5),
            (0, -1) => Some(6),
            (1, -1) => Some(7),
            _ => None,
        }
    }
}

/// Of how many bits in a gatherable's id the counter is made; the others tell the reign.
const COUNTED_BITS: u32 = 24;

/// The first id of a reign, below [`COUNTER_MAX`].
fn first_id(reign: u64) -> u64 {
    reign >> (COUNTED_BITS + 2) << COUNTED_BITS
}

/// From here on gatherables have names of this reign.
pub(super) fn on_new_host(world: &mut World, reign: u64) {
    world.spawned = first_id(reign);
}

/// A new world, with nobody in it.
pub(super) fn new_world(seed: u64) -> World {
    let mut world = World {
        seed,
        tick: Default::default(),
        round: 1,
        round_id: RoundId(first_id(seed)),
        intermission: None,
        board: Board::new(seed, 1, SIDE_MIN),
        players: Default::default(),
        gatherables: Default::default(),
        scoreboard: Default::default(),
        spawned: first_id(seed),
    };
    fill(&mut world, &mut Vec::new());
    world
}

/// Whether [`step`] can do no harm to `world`, nor with it.
pub(super) fn is_valid(world: &World) -> bool {
    let board = &world.board;
    let counters = world.spawned <= COUNTER_MAX && world.round >= 1;
    let sizes = world.players.len() <= PLAYERS_MAX
        && world.gatherables.len() <= GATHERABLES_MAX
        && (SIDE_MIN..=SIDE_MAX).contains(&board.side);
    counters
        && sizes
        && *board == Board::new(world.seed, world.round, board.side)
        && world.intermission.is_none_or(|i| i.ticks_left <= INTERMISSION_TICKS)
        && world.players.keys().eq(world.scoreboard.keys())
        && world.players.values().all(|p| valid_player(board, p))
        && world.gatherables.values().all(|g| board.is_free(g.at, 0))
}

fn valid_player(board: &Board, player: &Player) -> bool {
    player.colour < COLOURS
        && player.facing < 8
        && player.controls == player.controls.clean()
        && player.dash <= DASH_TICKS
        && player.cooldown <= DASH_COOLDOWN_TICKS
        && player.stun <= STUN_TICKS
        && player.shield <= SHIELD_TICKS
        && player.loose <= LOOSE_MAX
        && player.away <= AWAY_TICKS_MAX
        && board.is_free(player.at, PLAYER_RADIUS)
}

/// One tick.
pub(super) fn step(world: &mut World, news: &[News<Controls>], events: &mut Vec<Event>) {
    let dashing = hear(world, news, events);
    world.tick.0 = world.tick.0.wrapping_add(1);
    forget(world, events);
    grow(world);
    run(world, &dashing, events);
    hit(world, events);
    match &mut world.intermission {
        None => {
            gather(world, events);
            spawn(world, events);
            crown(world, events);
        }
        Some(pause) if pause.ticks_left > 1 => pause.ticks_left -= 1,
        Some(_) => begin_round(world, events),
    }
}

/// Takes in the news. Returns who pressed dash.
fn hear(world: &mut World, news: &[News<Controls>], events: &mut Vec<Event>) -> BTreeSet<NodeId> {
    let mut dashing = BTreeSet::new();
    for item in news {
        match item {
            News::Order(..) => {}
            News::Joined(id, name) => join(world, *id, name, events),
            News::Left(id) => {
                if let Some(player) = world.players.get_mut(id).filter(|p| !p.is_away()) {
                    player.away = 1;
                    player.controls = Controls::default();
                    player.dash = 0;
                    player.stun = 0;
                    dashing.remove(id);
                    events.push(Event::Left { player: *id, at: player.at });
                }
            }
            News::Controls(id, controls) => {
                if let Some(player) = world.players.get_mut(id).filter(|p| !p.is_away()) {
                    player.bot = controls.bot;
                    let controls = controls.clean();
                    if controls.dash && !player.controls.dash {
                        dashing.insert(*id);
                    }
                    player.controls = controls;
                }
            }
        }
    }
    dashing
}

/// Lets somebody in, or in again, or by another name.
fn join(world: &mut World, id: NodeId, name: &Name, events: &mut Vec<Event>) {
    if let Some(player) = world.players.get_mut(&id) {
        player.name = name.clone();
        if player.is_away() {
            player.away = 0;
            events.push(Event::Returned { player: id, at: player.at });
        }
        return;
    }
    if world.players.len() >= PLAYERS_MAX {
        // A full house: whoever is away for the longest makes room, or there is none.
        let gone = world.players.iter().filter(|(_, p)| p.is_away()).max_by_key(|(_, p)| p.away);
        let Some(gone) = gone.map(|(id, _)| *id) else {
            return;
        };
        world.players.remove(&gone);
        world.scoreboard.remove(&gone);
        events.push(Event::Forgotten { player: gone });
    }
    let player = Player {
        name: name.clone(),
        colour: free_colour(world),
        at: start(world, id),
        facing: 2,
        controls: Controls::default(),
        dash: 0,
        cooldown: 0,
        stun: 0,
        shield: 0,
        loose: 0,
        away: 0,
        // Whoever it is says so with its first controls: until then nothing counts as a person's.
        bot: true,
    };
    events.push(Event::Joined { player: id, at: player.at });
    world.players.insert(id, player);
    world.scoreboard.insert(id, Score::default());
}

/// The first of the colours that as few others as possible have: colours are numbered so that the
/// first ones are the farthest apart.
fn free_colour(world: &World) -> u8 {
    let mut users = [0_u8; COLOURS as usize];
    for player in world.players.values() {
        if let Some(count) = users.get_mut(usize::from(player.colour)) {
            *count = count.saturating_add(1);
        }
    }
    (0..COLOURS).min_by_key(|colour| users[usize::from(*colour)]).unwrap_or(0)
}

/// Where `id` starts in this round.
fn start(world: &World, id: NodeId) -> Point {
    let bits = id.as_u128();
    let counter = (bits >> 64) as u64 ^ bits as u64;
    world.board.place(world.seed, world.round, Chance::Player, counter, 2 * PLAYER_RADIUS)
}

/// Counts how long the absent are absent, and removes those who are not coming back.
fn forget(world: &mut World, events: &mut Vec<Event>) {
    let mut gone = Vec::new();
    for (id, player) in &mut world.players {
        if player.away >= AWAY_TICKS_MAX {
            gone.push(*id);
        } else if player.is_away() {
            player.away += 1;
        }
    }
    for player in gone {
        world.players.remove(&player);
        world.scoreboard.remove(&player);
        events.push(Event::Forgotten { player });
    }
}

/// How many are here.
fn present(world: &World) -> usize {
    world.players.values().filter(|p| !p.is_away()).count()
}

/// Makes the board larger, if more players are here than it was made for. It shrinks only
/// between two rounds.
fn grow(world: &mut World) {
    let side = side_for(present(world));
    if side > world.board.side {
        world.board = Board::new(world.seed, world.round, side);
    }
}

/// Moves everybody by one tick.
fn run(world: &mut World, dashing: &BTreeSet<NodeId>, events: &mut Vec<Event>) {
    for (id, player) in &mut world.players {
        player.cooldown = player.cooldown.saturating_sub(1);
        player.shield = player.shield.saturating_sub(1);
        if player.stun > 0 {
            player.stun -= 1;
            continue;
        }
        let wanted = player.controls.facing();
        if player.dash == 0 {
            player.facing = wanted.unwrap_or(player.facing % 8);
            if dashing.contains(id) && player.cooldown == 0 {
                player.dash = DASH_TICKS;
                player.cooldown = DASH_COOLDOWN_TICKS;
                events.push(Event::Dashed { player: *id, at: player.at, facing: player.facing });
            }
        }
        let facing = usize::from(player.facing % 8);
        let (dx, dy) = if player.dash > 0 {
            player.dash -= 1;
            DASH[facing]
        } else if wanted.is_some() {
            RUN[facing]
        } else {
            continue;
        };
        player.at = world.board.slide(player.at, dx, dy);
    }
}

/// Lets those who dash shake those they touch. Who dashes cannot be shaken.
fn hit(world: &mut World, events: &mut Vec<Event>) {
    let attackers: Vec<(NodeId, Point)> =
        world.players.iter().filter(|(_, p)| p.dash > 0).map(|(id, p)| (*id, p.at)).collect();
    if attackers.is_empty() {
        return;
    }
    let mut shaken = Vec::new();
    for (id, player) in &mut world.players {
        if player.is_away() || player.dash > 0 || player.shield > 0 {
            continue;
        }
        let nearest = attackers
            .iter()
            .map(|(by, at)| (distance_squared(*at, player.at), *by))
            .filter(|(distance, _)| *distance <= square(2 * PLAYER_RADIUS))
            .min();
        if let Some((_, by)) = nearest {
            player.stun = STUN_TICKS;
            player.shield = SHIELD_TICKS;
            shaken.push((*id, by, player.at));
        }
    }
    for (id, by, at) in shaken {
        let dropped = fall(world, id, at, events);
        events.push(Event::Shaken { player: id, by, at, dropped });
    }
}

/// Lets a fresh gatherable fall out of `id`, if something in it is loose.
fn fall(world: &mut World, id: NodeId, at: Point, events: &mut Vec<Event>) -> Option<GatherableId> {
    let player = world.players.get_mut(&id)?;
    if player.loose == 0 || world.intermission.is_some() {
        return None;
    }
    let way = chance(world.seed, world.round, Chance::Fall, world.spawned) as usize;
    let place = (0..8)
        .map(|turn| {
            let (dx, dy) = RUN[(way % 8 + turn) % 8];
            Point { x: at.x + dx * FALL_DISTANCE / 64, y: at.y + dy * FALL_DISTANCE / 64 }
        })
        .find(|place| world.board.is_free(*place, GATHERABLE_RADIUS))
        .unwrap_or(at);
    player.loose -= 1;
    put(world, place, false, events)
}

/// Gives each gatherable that somebody reaches to the nearest who does.
fn gather(world: &mut World, events: &mut Vec<Event>) {
    let players: Vec<(NodeId, Point)> = world
        .players
        .iter()
        .filter(|(_, p)| !p.is_away() && p.stun == 0)
        .map(|(id, p)| (*id, p.at))
        .collect();
    let mut gathered = Vec::new();
    for (id, gatherable) in &world.gatherables {
        let nearest = players
            .iter()
            .map(|(player, at)| (distance_squared(*at, gatherable.at), *player))
            .filter(|(distance, _)| *distance <= square(REACH))
            .min();
        if let Some((_, player)) = nearest {
            gathered.push((*id, *gatherable, player));
        }
    }
    for (id, gatherable, by) in gathered {
        world.gatherables.remove(&id);
        if let Some(player) = world.players.get_mut(&by) {
            player.loose = (player.loose + 1).min(LOOSE_MAX);
        }
        let score = world.scoreboard.entry(by).or_default();
        score.points = score.points.saturating_add(gatherable.worth());
        events.push(Event::Gathered {
            player: by,
            gatherable: id,
            worth: gatherable.worth(),
            at: gatherable.at,
        });
    }
}

/// Ends the round, if somebody has enough. Of two in one tick the one with more points, then the
/// one with the lower id.
fn crown(world: &mut World, events: &mut Vec<Event>) {
    let best = world.scoreboard.iter_mut().rev().max_by_key(|(_, score)| score.points);
    let Some((winner, score)) = best.filter(|(_, score)| score.points >= POINTS_TO_WIN) else {
        return;
    };
    score.games_won = score.games_won.saturating_add(1);
    let player = *winner;
    events.push(Event::RoundWon {
        player,
        at: world.players.get(&player).map(|p| p.at).unwrap_or_default(),
        round: world.round,
    });
    world.intermission = Some(Intermission { winner: player, ticks_left: INTERMISSION_TICKS });
    world.gatherables.clear();
}

/// The next round: a board of the right size, everybody on a new place, all points at zero.
fn begin_round(world: &mut World, events: &mut Vec<Event>) {
    world.intermission = None;
    world.round = world.round.checked_add(1).unwrap_or(1);
    world.round_id = RoundId(world.spawned);
    world.board = Board::new(world.seed, world.round, side_for(present(world)));
    world.gatherables.clear();
    for score in world.scoreboard.values_mut() {
        score.points = 0;
    }
    let ids: Vec<NodeId> = world.players.keys().copied().collect();
    for id in ids {
        let at = start(world, id);
        if let Some(player) = world.players.get_mut(&id) {
            player.at = at;
            player.dash = 0;
            player.cooldown = 0;
            player.stun = 0;
            player.shield = 0;
            player.loose = 0;
        }
    }
    events.push(Event::RoundStarted { round: world.round });
    fill(world, events);
}

/// How many gatherables shall lie about.
fn wanted(present: usize) -> usize {
    (GATHERABLES_BASE + present).min(GATHERABLES_MAX)
}

/// Adds a gatherable now and then while there are fewer than there shall be.
fn spawn(world: &mut World, events: &mut Vec<Event>) {
    let present = present(world);
    if world.gatherables.len() >= wanted(present) {
        return;
    }
    let period = (SPAWN_PERIOD_TICKS / (present.max(1) as u64)).max(1);
    if world.tick.0.is_multiple_of(period) {
        put_anywhere(world, events);
    }
}

/// Adds all gatherables that there shall be.
fn fill(world: &mut World, events: &mut Vec<Event>) {
    for _ in world.gatherables.len()..wanted(present(world)) {
        put_anywhere(world, events);
    }
}

fn put_anywhere(world: &mut World, events: &mut Vec<Event>) {
    let next = by_chance(&world.board, world.seed, world.round, GatherableId(world.spawned));
    put(world, next.at, next.rare, events);
}

/// The gatherable of this id, if it is not one that was shaken loose.
pub(super) fn by_chance(board: &Board, seed: u64, round: u32, id: GatherableId) -> Gatherable {
    let kind = chance(seed, round, Chance::Fall, id.0) >> 32;
    Gatherable {
        at: board.place(seed, round, Chance::Gatherable, id.0, SPAWN_ROOM),
        rare: kind.is_multiple_of(RARE_ONE_OF),
    }
}

/// Puts the next gatherable down, if the board is not full of them.
fn put(world: &mut World, at: Point, rare: bool, events: &mut Vec<Event>) -> Option<GatherableId> {
    if world.gatherables.len() >= GATHERABLES_MAX || world.spawned >= COUNTER_MAX {
        return None;
    }
    let id = GatherableId(world.spawned);
    world.spawned += 1;
    world.gatherables.insert(id, Gatherable { at, rare });
    events.push(Event::Spawned { gatherable: id, at });
    Some(id)
}

/// The square of a length.
pub(super) fn square(length: i32) -> i64 {
    i64::from(length) * i64::from(length)
}

/// The square of the distance between two points.
pub(super) fn distance_squared(a: Point, b: Point) -> i64 {
    square(a.x.saturating_sub(b.x)) + square(a.y.saturating_sub(b.y))
}
