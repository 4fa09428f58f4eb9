//! What a player sees, measured: does anything jump when a host is lost, packets are, or two games
//! become one?
//!
//! The arena is played with the real client, and every node's pictures are looked at, frame by frame.
//! Whoever goes straight on in the world as the host has it must be shown going straight on: what is
//! measured is the second difference of its shown positions, which is nothing for even movement.
//! Walls, turns, dashes and hits bend the true way, and are left out for as long as that takes to
//! arrive at everybody. When two games become one, the true way itself breaks: there the first
//! difference is measured, how far anybody is shown to go in one frame.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{network::Place, world::World};
use crate::{
    arena::{Arena, Controls, Point, UNITS_PER_PIXEL},
    node::View,
    types::{Instant, NodeId},
};

/// People hold a key for so long, in microseconds.
const KEYS_HELD_US: std::ops::Range<u64> = 200_000..1_600_000;

/// The true way must have been straight for so many ticks before a frame, and after it: for what people press is
/// shown to themselves before the host has heard of it. Where the host is [far](Scene::Far) that is longer, and longer
/// again when a packet gets lost.
const STRAIGHT_BEFORE: u64 = 20;
const STRAIGHT_AFTER: u64 = 12;
const STRAIGHT_AFTER_FAR: u64 = 24;

/// Who holds a key goes on evenly, but for the rounding of a diagonal.
const STRAIGHT_UNITS: i32 = UNITS_PER_PIXEL / 2;

/// A node that shows nothing for so long was stopped, or started anew; for the time after that its
/// player has seen a still picture, and expects that it moves.
const STOPPED: Duration = Duration::from_millis(100);
const RECOVERS: Duration = Duration::from_millis(700);

/// What is done to the players.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Nothing happens but play.
    Quiet,
    /// The host is killed again and again.
    Kills,
    /// The host is stopped again and again.
    Silences,
    /// One packet in twenty gets lost.
    Loss,
    /// What anybody says takes 80 ms, and one packet in fifty gets lost.
    Far,
    /// The network is cut in two halves and mended, again and again.
    Heals,
}

impl Scene {
    /// All of them, with a word for each.
    pub const ALL: [(&'static str, Scene); 6] = [
        ("nothing happens", Scene::Quiet),
        ("the host is killed", Scene::Kills),
        ("the host is stopped", Scene::Silences),
        ("5 % of all packets get lost", Scene::Loss),
        ("80 ms of delay, and 2 % lost", Scene::Far),
        ("two halves become one", Scene::Heals),
    ];

    /// For how many ticks after a frame the true way must have been straight.
    fn straight_after(self) -> u64 {
        if self == Scene::Far { STRAIGHT_AFTER_FAR } else { STRAIGHT_AFTER }
    }

    /// Whether what was seen is smooth enough, in pixels on a board of 1280 by 720.
    pub fn is_smooth(self, seen: &Seen) -> bool {
        let (bend, stride) = match self {
            Scene::Quiet => (3, 24),
            Scene::Kills | Scene::Silences => (6, 24),
            Scene::Loss | Scene::Far => (12, 36),
            Scene::Heals => (12, 48),
        };
        seen.frames > 1_000
            && seen.bend <= bend * UNITS_PER_PIXEL
            && seen.stride <= stride * UNITS_PER_PIXEL
    }
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many shown positions were judged.
    pub frames: u64,
    /// The largest second difference among them, in units.
    pub bend: i32,
    /// The farthest that anybody was shown to go in one frame, in units.
    pub stride: i32,
}

impl Seen {
    /// What was seen here and there, together.
    pub fn and(self, other: Self) -> Self {
        Self {
            frames: self.frames + other.frames,
            bend: self.bend.max(other.bend),
            stride: self.stride.max(other.stride),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pixels = |units: i32| f64::from(units) / f64::from(UNITS_PER_PIXEL);
        write!(
            f,
            "{:5.1} px off a straight way, {:5.1} px in one frame; {} positions",
            pixels(self.bend),
            pixels(self.stride),
            self.frames
        )
    }
}

/// Plays a scene with six players, and looks.
pub fn watch(seed: u64, scene: Scene) -> Seen {
    let eye = Arc::new(Mutex::new(Eye::of(scene)));
    let mut world = World::<Arena>::new(seed, 6);
    world.keys_held_us = KEYS_HELD_US;
    let looks = eye.clone();
    world.eye = Some(Arc::new(move |place, view| {
        looks.lock().unwrap_or_else(PoisonError::into_inner).look(place, view);
    }));
    if scene == Scene::Far {
        let weather = &mut world.network.weather;
        (weather.latency_us, weather.loss_permille) = (80_000, 20);
    }
    (0..world.count()).for_each(|place| world.start(place));
    world.run(Instant(if scene == Scene::Far { 8_000_000 } else { 4_000_000 }));
    if scene == Scene::Loss {
        world.network.weather.loss_permille = 50;
    }
    // Whatever the founding looked like.
    *eye.lock().unwrap_or_else(PoisonError::into_inner) = Eye::of(scene);
    for _ in 0..8 {
        let pause = 1_000_000 + world.draw() % 1_000_000;
        world.run(Instant(world.now.0 + pause));
        play(&mut world, scene);
    }
    eye.lock().unwrap_or_else(PoisonError::into_inner).seen
}

fn play(world: &mut World<Arena>, scene: Scene) {
    let Some(host) = world.hosts().first().copied() else { return };
    let pass = |world: &mut World<Arena>, ms: u64| world.run(Instant(world.now.0 + ms * 1_000));
    match scene {
        Scene::Quiet | Scene::Loss | Scene::Far => pass(world, 1_000),
        Scene::Kills => {
            world.kill(host);
            pass(world, 700);
            world.start(host);
            pass(world, 700);
        }
        Scene::Silences => {
            world.pause(host);
            pass(world, 700);
            world.resume(host, true);
            pass(world, 700);
        }
        Scene::Heals => {
            for (a, b) in (0..3).flat_map(|a| (3..6).map(move |b| (a, b))) {
                world.network.cut(a, b);
                world.network.cut(b, a);
            }
            pass(world, 2_000);
            world.heal();
            pass(world, 1_500);
        }
    }
}

/// What all nodes show, and how it truly is.
#[derive(Debug, Default)]
struct Eye {
    /// For so many ticks after a frame the true way must have been straight.
    after: u64,
    truth: BTreeMap<NodeId, BTreeMap<u64, (Point, Controls)>>,
    newest: u64,
    shown: BTreeMap<Place, Shown>,
    waiting: VecDeque<Frame>,
    seen: Seen,
}

/// The last two frames of one node.
#[derive(Debug, Default)]
struct Shown {
    at: Instant,
    /// Not judged before.
    from: Instant,
    last: BTreeMap<NodeId, Point>,
    before: BTreeMap<NodeId, Point>,
}

/// A shown position, to be judged when it is known what was true around it.
#[derive(Debug)]
struct Frame {
    tick: u64,
    player: NodeId,
    bend: i32,
}

impl Eye {
    fn of(scene: Scene) -> Self {
        Self { after: scene.straight_after(), ..Self::default() }
    }

    fn look(&mut self, place: Place, view: &View<Arena>) {
        let Some(picture) = &view.picture else {
            self.shown.remove(&place);
            return;
        };
        let tick = picture.clock.tick.0;
        self.learn(tick, picture.newest());
        let shown = self.shown.entry(place).or_default();
        if shown.at == picture.at {
            return;
        }
        if picture.at.since(shown.at) > STOPPED && shown.at != Instant::default() {
            *shown = Shown { from: picture.at + RECOVERS, ..Shown::default() };
        }
        shown.at = picture.at;
        if picture.at < shown.from {
            return;
        }
        let now: BTreeMap<NodeId, Point> = picture
            .to
            .players
            .iter()
            .filter(|(_, player)| !player.is_away())
            .map(|(id, player)| (*id, player.at))
            .collect();
        for (player, at) in &now {
            let Some(last) = shown.last.get(player) else { continue };
            self.seen.stride = self.seen.stride.max(distance(*at, *last));
            if let Some(before) = shown.before.get(player) {
                let straight = Point { x: 2 * last.x - before.x, y: 2 * last.y - before.y };
                let bend = distance(*at, straight);
                self.waiting.push_back(Frame { tick, player: *player, bend });
            }
        }
        shown.before = std::mem::replace(&mut shown.last, now);
        self.judge();
    }

    /// How it is.
    fn learn(&mut self, tick: u64, world: &crate::arena::World) {
        self.newest = self.newest.max(tick);
        for (id, player) in &world.players {
            let track = self.truth.entry(*id).or_default();
            let true_now = (player.at, player.controls);
            if track.insert(tick, true_now).is_some_and(|known| known != true_now) {
                track.clear(); // another line of history
            }
            while track.first_key_value().is_some_and(|(first, _)| first + 256 < tick) {
                track.pop_first();
            }
        }
    }

    fn judge(&mut self) {
        while self.waiting.front().is_some_and(|frame| frame.tick + self.after < self.newest) {
            let Some(frame) = self.waiting.pop_front() else { return };
            if self.is_straight(frame.player, frame.tick) {
                self.seen.frames += 1;
                self.seen.bend = self.seen.bend.max(frame.bend);
            }
        }
    }

    /// Whether a player truly goes straight on around a tick, and wants nothing else: whoever is
    /// stunned in the moment of its dash sees itself start.
    fn is_straight(&self, player: NodeId, tick: u64) -> bool {
        let Some(track) = self.truth.get(&player) else { return false };
        let ticks = tick.saturating_sub(STRAIGHT_BEFORE)..tick + self.after - 1;
        ticks.into_iter().all(|tick| {
            let [one, two, three] = [0, 1, 2].map(|next| track.get(&(tick + next)));
            let (Some(one), Some(two), Some(three)) = (one, two, three) else { return false };
            let straight = Point { x: 2 * two.0.x - one.0.x, y: 2 * two.0.y - one.0.y };
            one.1 == three.1 && distance(three.0, straight) <= STRAIGHT_UNITS
        })
    }
}

fn distance(one: Point, other: Point) -> i32 {
    let (dx, dy) = (f64::from(one.x - other.x), f64::from(one.y - other.y));
    dx.hypot(dy).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_smooth(scene: Scene) {
        let seen = (1..=2).map(|seed| watch(seed, scene)).fold(Seen::default(), Seen::and);
        assert!(scene.is_smooth(&seen), "{scene:?}: {seen}");
    }

    #[test]
    fn nobody_jumps_when_a_host_is_lost() {
        is_smooth(Scene::Kills);
        is_smooth(Scene::Silences);
    }

    #[test]
    fn nobody_jumps_when_packets_get_lost_or_nothing_happens() {
        is_smooth(Scene::Quiet);
        is_smooth(Scene::Loss);
        is_smooth(Scene::Far);
    }

    #[test]
    fn whoever_presses_a_key_moves_at_once_however_far_its_host_is() {
        let mut world = World::<Arena>::new(3, 3);
        world.network.weather.latency_us = 80_000;
        world.hands_off = true;
        let shown = Arc::new(Mutex::new(BTreeMap::new()));
        let shows = shown.clone();
        world.eye = Some(Arc::new(move |place, view| {
            let picture = view.picture.as_ref();
            let own = picture.and_then(|picture| picture.to.players.get(&view.me));
            own.into_iter().for_each(|own| _ = shows.lock().unwrap().insert(place, own.at));
        }));
        (0..3).for_each(|place| world.start(place));
        world.run(Instant(8_000_000));
        let host = world.hosts()[0];
        for place in (0..3).filter(|place| *place != host) {
            let before = shown.lock().unwrap()[&place];
            let moved = |dx, dy| {
                let mut world = world.clone();
                world.hold(place, Controls { dx, dy, ..Controls::default() });
                world.run(Instant(world.now.0 + 50_000)); // the host has not even heard of it
                distance(shown.lock().unwrap()[&place], before)
            };
            let most = moved(1, 0).max(moved(0, 1)).max(moved(-1, 0));
            assert!(most > UNITS_PER_PIXEL, "n{place} moved by {most} units");
        }
    }

    #[test]
    fn everybody_glides_when_two_games_become_one() {
        is_smooth(Scene::Heals);
    }
}
