//! The cast: figures that run, stretch, blink and fall, made out of positions and events, and the
//! crown that flies from one to the next.
use std::collections::{BTreeMap, VecDeque};

use macroquad::{
    color::{Color, WHITE},
    math::{Rect, Vec2, vec2},
};

use super::{pixels, tags::Tag};
use crate::{
    arena::{DASH_COOLDOWN_TICKS, Event, PLAYER_RADIUS, Player, World},
    types::NodeId,
    ui::{
        crown::{draw_crown, draw_twinkle},
        draw::Canvas,
        heir::{Mood, Pose, blink, draw_heir, tunic},
        palette::{CREAM, GOLD, GOLD_LIGHT, LAVENDER, NIGHT, RUBY_LIGHT, TUNICS, faded, lit},
        particles::{Shape, Sparks},
        text::Ink,
    },
};

/// Half the width of an heir as drawn: a little more than what walls see of it, for charm.
const FIGURE_RADIUS: f32 = PLAYER_RADIUS as f32 / 16.0 * 1.55;
/// The speed that counts as running, in pixels of the board in a second.
const RUN: f32 = 240.0;
/// How many pictures of itself a dash leaves behind.
const TRAIL: usize = 9;
/// How long the crown flies, in seconds.
const FLIGHT_S: f32 = 0.6;
/// The longest way that is run and not jumped, in one frame.
const STEP_MAX: f32 = 140.0;

/// Everybody and everything that moves.
#[derive(Default)]
pub struct Cast {
    actors: BTreeMap<NodeId, Actor>,
    /// When each gatherable was first seen, in seconds.
    born: BTreeMap<u64, f32>,
    crown: Crown,
    sparks: Sparks,
    /// Numbers that rise from where something was gathered.
    gains: Vec<Gain>,
    /// What everybody is called, told apart.
    names: BTreeMap<NodeId, String>,
}

struct Actor {
    at: Vec2,
    velocity: Vec2,
    look: Vec2,
    stride: f32,
    stretch: f32,
    trail: VecDeque<Vec2>,
    trail_age: f32,
    dashing: bool,
    cheer: f32,
}

#[derive(Default)]
struct Crown {
    wearer: Option<NodeId>,
    /// From where it flies, and since how many seconds.
    flight: Option<(Vec2, f32)>,
    /// Where it was seen last.
    at: Vec2,
}

struct Gain {
    at: Vec2,
    worth: u32,
    age: f32,
}

impl Cast {
    /// Where a player is drawn.
    pub fn place(&self, id: NodeId) -> Option<Vec2> {
        self.actors.get(&id).map(|actor| actor.at)
    }

    /// For how long something lies there.
    pub fn gatherable_age(&self, id: u64, seconds: f32) -> f32 {
        self.born.get(&id).map_or(1.0, |born| seconds - born)
    }

    /// Shows something that happened.
    pub fn happened(&mut self, event: &Event, me: NodeId) {
        match event {
            Event::Gathered { player, worth, at, .. } => {
                let at = pixels(*at);
                let colour = if *worth > 1 { RUBY_LIGHT } else { GOLD_LIGHT };
                let more = if *player == me { 2 } else { 1 };
                self.sparks.burst(at, 7 * more, Shape::Star, 170.0, colour);
                self.sparks.burst(at, 5 * more, Shape::Dot, 130.0, GOLD);
                self.sparks.ring(at, 34.0, faded(colour, 0.8));
                self.gains.push(Gain { at, worth: *worth, age: 0.0 });
            }
            Event::Shaken { at, by, .. } => {
                let at = pixels(*at);
                self.sparks.burst(at, 14, Shape::Star, 260.0, CREAM);
                self.sparks.ring(at, 62.0, CREAM);
                if let Some(actor) = self.actors.get_mut(by) {
                    actor.stretch = 0.7;
                }
            }
            Event::Dashed { at, .. } => {
                let feet = pixels(*at) + vec2(0.0, 8.0);
                self.sparks.burst(feet, 8, Shape::Dust, 70.0, faded(LAVENDER, 0.7));
            }
            Event::Joined { at, player } | Event::Returned { at, player } => {
                let at = pixels(*at);
                self.sparks.ring(at, 70.0, CREAM);
                self.sparks.burst(at, 16, Shape::Star, 200.0, GOLD_LIGHT);
                if let Some(actor) = self.actors.get_mut(player) {
                    actor.cheer = 0.6;
                }
            }
            Event::Left { at, .. } => {
                self.sparks.burst(pixels(*at), 14, Shape::Dust, 60.0, faded(CREAM, 0.6));
            }
            Event::RoundWon { player, at, .. } => {
                let at = pixels(*at);
                self.sparks.confetti(at, 130, &TUNICS);
                self.sparks.ring(at, 120.0, GOLD);
                if let Some(actor) = self.actors.get_mut(player) {
                    actor.cheer = 3.0;
                }
            }
            Event::Spawned { at, .. } => {
                self.sparks.glimmer(pixels(*at), Shape::Star, 5.0, faded(CREAM, 0.8));
            }
            Event::Forgotten { .. } | Event::RoundStarted { .. } => {}
        }
    }

    /// Lets `passed` seconds go by, in which the world came to look like `world`.
    pub fn pass(&mut self, passed: f32, world: &World, crowned: Option<NodeId>, seconds: f32) {
        self.actors.retain(|id, _| world.players.contains_key(id));
        for (id, player) in &world.players {
            let at = pixels(player.at);
            let actor = self.actors.entry(*id).or_insert_with(|| Actor::new(at));
            actor.pass(passed, at, player);
            if actor.dashing && self.sparks.chance() < passed * 60.0 {
                let offset = vec2(self.sparks.chance() - 0.5, self.sparks.chance() - 0.5) * 16.0;
                let colour = faded(lit(tunic(player.colour), 0.4), 0.8);
                self.sparks.glimmer(at + offset, Shape::Dot, 3.5, colour);
            }
        }
        self.born.retain(|id, _| {
            let id = crate::arena::GatherableId(*id);
            world.gatherables.contains_key(&id)
        });
        for id in world.gatherables.keys() {
            self.born.entry(id.0).or_insert(seconds);
        }
        self.pass_crown(passed, world, crowned);
        self.sparks.pass(passed);
        for gain in &mut self.gains {
            gain.age += passed;
        }
        self.gains.retain(|gain| gain.age < 0.9);
    }

    fn pass_crown(&mut self, passed: f32, world: &World, crowned: Option<NodeId>) {
        if crowned != self.crown.wearer {
            let had_one = self.crown.wearer.is_some();
            self.crown.wearer = crowned;
            self.crown.flight = had_one.then_some((self.crown.at, 0.0));
        }
        let Some(player) = crowned.and_then(|id| world.players.get(&id)) else {
            return;
        };
        let Some(actor) = crowned.and_then(|id| self.actors.get_mut(&id)) else {
            return;
        };
        let console = actor.pose(player, 0.0).crown_seat();
        let Some((from, age)) = &mut self.crown.flight else {
            self.crown.at = console;
            return;
        };
        *age += passed;
        let part = (*age / FLIGHT_S).min(1.0);
        let eased = part * part * (3.0 - 2.0 * part);
        let rise = (40.0 + from.distance(console) * 0.28) * (part * std::f32::consts::PI).sin();
        self.crown.at = from.lerp(console, eased) - vec2(0.0, rise);
        let spot = self.crown.at - vec2(0.0, 8.0);
        self.sparks.glimmer(spot, Shape::Star, 5.0, GOLD_LIGHT);
        if part >= 1.0 {
            self.crown.flight = None;
            actor.cheer = 0.9;
            self.sparks.ring(console, 60.0, GOLD);
            self.sparks.burst(console, 18, Shape::Star, 210.0, GOLD_LIGHT);
        }
    }

    /// Draws what lies flat on the floor: trails, and the mark of the viewer's own heir.
    pub fn draw_under(&self, c: &Canvas, me: NodeId, world: &World, seconds: f32) {
        for (id, actor) in &self.actors {
            let Some(player) = world.players.get(id) else {
                continue;
            };
            for (i, spot) in actor.trail.iter().enumerate() {
                let part = (i + 1) as f32 / (TRAIL + 1) as f32;
                let fade = part * (1.0 - actor.trail_age / 0.25).clamp(0.0, 1.0);
                let radius = FIGURE_RADIUS * (0.45 + 0.5 * part);
                let middle = *spot - vec2(0.0, FIGURE_RADIUS * 0.45);
                c.disc(middle, radius, faded(tunic(player.colour), 0.38 * fade));
            }
        }
        let (Some(actor), Some(player)) = (self.actors.get(&me), world.players.get(&me)) else {
            return;
        };
        // The ring fills as the next dash comes near, and shines when it is there.
        let ready = 1.0 - f32::from(player.cooldown) / f32::from(DASH_COOLDOWN_TICKS);
        let centre = actor.feet() - vec2(0.0, 1.0);
        let ring: Vec<Vec2> = (0..=40)
            .map(|i| {
                let turn = (i as f32 / 40.0 * ready - 0.25) * std::f32::consts::TAU;
                centre + Vec2::from_angle(turn) * vec2(1.45, 0.72) * FIGURE_RADIUS
            })
            .collect();
        let full: Vec<Vec2> = (0..40)
            .map(|i| {
                let turn = i as f32 / 40.0 * std::f32::consts::TAU;
                centre + Vec2::from_angle(turn) * vec2(1.45, 0.72) * FIGURE_RADIUS
            })
            .collect();
        c.line(&full, true, 3.0, faded(CREAM, 0.18));
        if ready >= 1.0 {
            let pulse = 0.75 + 0.2 * (seconds * 4.0).sin();
            c.line(&full, true, 3.0, faded(CREAM, pulse));
        } else {
            c.line(&ring, false, 3.0, faded(CREAM, 0.6));
        }
    }

    /// Draws one player.
    pub fn draw_player(&self, c: &Canvas, id: NodeId, world: &World, seconds: f32) {
        let (Some(actor), Some(player)) = (self.actors.get(&id), world.players.get(&id)) else {
            return;
        };
        let mut pose = actor.pose(player, seconds);
        pose.blink = blink(seconds, id.as_u128() as u32);
        draw_heir(c, &pose);
        if player.shield > 0 && player.stun == 0 && !player.is_away() {
            let flicker = 0.20 + 0.10 * (seconds * 9.0).sin();
            let middle = pose.feet - vec2(0.0, FIGURE_RADIUS * 0.95);
            c.hoop(middle, FIGURE_RADIUS * 1.5, faded(CREAM, flicker * 2.0));
            c.disc(middle, FIGURE_RADIUS * 1.5, faded(CREAM, flicker * 0.35));
        }
    }

    /// Everybody is called so from here on.
    pub fn call(&mut self, names: BTreeMap<NodeId, String>) {
        self.names = names;
    }

    fn called<'a>(&'a self, id: NodeId, player: &'a Player) -> &'a str {
        self.names.get(&id).map_or(player.name.as_str(), String::as_str)
    }

    /// What everybody is called, and where that would like to stand: the viewer first.
    pub fn tags(&self, c: &Canvas, world: &World, me: NodeId, zoom: f32) -> Vec<Tag> {
        let ink = tag_ink(zoom);
        let tag = |(id, player): (&NodeId, &Player)| {
            let actor = self.actors.get(id)?;
            let wears = self.crown.wearer == Some(*id) && self.crown.flight.is_none();
            let above = if wears { 3.25 } else { 2.6 };
            let wanted = actor.feet() - vec2(0.0, FIGURE_RADIUS * above - ink.size * 0.25);
            let name = tag_text(c, self.called(*id, player), zoom);
            let mark = if player.bot { BOT_MARK * ink.size } else { 0.0 };
            let size = vec2(c.text_width(&name, ink) + mark + 6.0 / zoom, ink.size * 1.12);
            Some(Tag { whose: *id, wanted, size })
        };
        let own = world.players.get_key_value(&me);
        let others = world.players.iter().filter(|(id, _)| **id != me);
        own.into_iter().chain(others).filter_map(tag).collect()
    }

    /// Draws what everybody is called, where there is room for it, and the arrow over the viewer's own
    /// heir.
    pub fn draw_names(
        &self,
        c: &Canvas,
        world: &World,
        me: NodeId,
        zoom: f32,
        tags: &[Tag],
        places: &[Option<Rect>],
    ) {
        for (tag, place) in tags.iter().zip(places) {
            let (Some(place), Some(player)) = (place, world.players.get(&tag.whose)) else {
                continue;
            };
            let alpha = if player.is_away() { 0.55 } else { 1.0 };
            let own = tag.whose == me;
            let colour = if own { CREAM } else { lit(tunic(player.colour), 0.45) };
            let ink = tag_ink(zoom).coloured(faded(colour, alpha));
            let at = vec2(place.x + 3.0 / zoom, place.bottom() - ink.size * 0.26);
            c.pill(*place, faded(NIGHT, 0.42 * alpha));
            let name = tag_text(c, self.called(tag.whose, player), zoom);
            let width = c.text(&name, at, ink);
            if player.bot {
                let middle = at + vec2(width + ink.size * 0.48, -ink.size * 0.34);
                draw_bot_mark(c, middle, ink.size * 0.36, faded(LAVENDER, alpha));
            }
            if own {
                let size = place.h * 0.42;
                let tip = vec2(place.center().x, place.y - size * 0.3);
                let wedge = [tip, tip + vec2(-size, -size * 1.3), tip + vec2(size, -size * 1.3)];
                c.line(&wedge, true, 2.5, NIGHT);
                c.convex(&wedge, CREAM);
            }
        }
        for gain in &self.gains {
            let part = gain.age / 0.9;
            let at = gain.at - vec2(0.0, 16.0 + 34.0 * (1.0 - (1.0 - part).powi(2)));
            let colour = if gain.worth > 1 { RUBY_LIGHT } else { GOLD_LIGHT };
            let size = if gain.worth > 1 { 26.0 } else { 20.0 };
            let ink = Ink::plain(size, faded(colour, 1.0 - part * part)).centred();
            let text = format!("+{}", gain.worth);
            let shade = ink.coloured(faded(NIGHT, 0.8 * (1.0 - part)));
            c.text(&text, at + vec2(0.0, 2.0), shade);
            c.text(&text, at, ink);
        }
    }

    /// Draws the crown: on a head, in flight, or hovering above an empty throne.
    pub fn draw_crown(&self, c: &Canvas, host: Option<NodeId>, hovering: bool, seconds: f32) {
        let Some(actor) = self.crown.wearer.and_then(|id| self.actors.get(&id)) else {
            return;
        };
        let width = FIGURE_RADIUS * 1.65;
        let at = self.crown.at;
        c.glow(at - vec2(0.0, 8.0), 34.0, faded(GOLD, 0.28));
        if let Some((_, age)) = self.crown.flight {
            let spin = (age / FLIGHT_S).min(1.0) * std::f32::consts::TAU;
            draw_crown(c, at, width * 1.15, spin, 0.0);
            return;
        }
        if hovering || host != self.crown.wearer {
            let sway = (seconds * 5.0).sin();
            let at = at - vec2(0.0, 12.0 + 3.0 * sway);
            draw_crown(c, at, width, 0.25 * sway, 0.0);
            draw_twinkle(c, at - vec2(0.0, 14.0), 9.0 * sway.abs(), faded(CREAM, 0.7));
            return;
        }
        let tilt = actor.look.x * 0.12 + (actor.stride * 2.0).sin() * 0.04 * actor.pace();
        let glint = (seconds.rem_euclid(3.5) - 0.5).clamp(0.0, 1.0);
        draw_crown(c, at, width, tilt, glint);
    }

    /// Draws the sparks.
    pub fn draw_sparks(&self, c: &Canvas) {
        self.sparks.draw(c);
    }
}

/// How a name is written on the board: in the same size whatever the zoom.
fn tag_ink(zoom: f32) -> Ink {
    Ink::plain(15.0 / zoom, CREAM)
}

fn tag_text(c: &Canvas, name: &str, zoom: f32) -> String {
    c.fitted(name, 150.0 / zoom, tag_ink(zoom))
}

/// The room for the mark of a bot behind its name, in heights of the name.
const BOT_MARK: f32 = 0.95;

/// A cog: whoever has it is played by the program.
pub fn draw_bot_mark(c: &Canvas, middle: Vec2, radius: f32, colour: Color) {
    let c = c.shifted(middle, radius);
    c.tinted_sprite("cog", Rect::new(-1.2, -1.2, 2.4, 2.4), colour, |c| {
        let teeth: Vec<Vec2> = (0..32)
            .map(|i| {
                let reach = if i % 4 < 2 { 1.1 } else { 0.78 };
                Vec2::from_angle(i as f32 / 32.0 * std::f32::consts::TAU) * reach
            })
            .collect();
        c.line(&teeth, true, 0.12, WHITE);
        c.ring(Vec2::ZERO, 0.58, 0.5, WHITE);
    });
}

impl Actor {
    fn new(at: Vec2) -> Self {
        Self {
            at,
            velocity: Vec2::ZERO,
            look: vec2(0.0, 0.3),
            stride: 0.0,
            stretch: 1.0,
            trail: VecDeque::new(),
            trail_age: 1.0,
            dashing: false,
            cheer: 0.0,
        }
    }

    fn pass(&mut self, passed: f32, at: Vec2, player: &Player) {
        let moved = at - self.at;
        let jumped = moved.length() > STEP_MAX;
        let velocity = if jumped || passed <= 0.0 { Vec2::ZERO } else { moved / passed };
        let soft = |rate: f32| 1.0 - (-passed * rate).exp();
        self.velocity += (velocity - self.velocity) * soft(28.0);
        let facing = Vec2::from_angle(f32::from(player.facing) / 8.0 * std::f32::consts::TAU);
        let wanted = if self.pace() > 0.15 { facing } else { facing * 0.75 };
        self.look += (wanted - self.look) * soft(16.0);
        self.stride = (self.stride + self.pace() * passed * 15.0).rem_euclid(1_000.0);
        let was_dashing = self.dashing;
        self.dashing = player.dash > 0;
        if was_dashing && !self.dashing {
            self.stretch = 0.78;
        }
        let goal = if self.dashing { 1.42 } else { 1.0 };
        self.stretch += (goal - self.stretch) * soft(if self.dashing { 30.0 } else { 11.0 });
        if jumped {
            self.trail.clear();
        }
        if self.dashing {
            self.trail_age = 0.0;
            self.trail.push_back(at);
            if self.trail.len() > TRAIL {
                self.trail.pop_front();
            }
        } else {
            self.trail_age += passed;
            if self.trail_age > 0.25 {
                self.trail.clear();
            }
        }
        self.cheer = (self.cheer - passed).max(0.0);
        self.at = at;
    }

    fn pace(&self) -> f32 {
        (self.velocity.length() / RUN).min(1.0)
    }

    /// The feet are a little below the middle that the rules know, so that walls hide little of a figure.
    fn feet(&self) -> Vec2 {
        self.at + vec2(0.0, FIGURE_RADIUS * 0.5)
    }

    fn pose(&self, player: &Player, seconds: f32) -> Pose {
        let mut pose = Pose::standing(self.feet(), FIGURE_RADIUS, player.colour);
        pose.look = self.look;
        pose.pace = self.pace();
        pose.stride = self.stride;
        pose.stretch = self.stretch;
        pose.seconds = seconds;
        if player.is_away() {
            pose.mood = Mood::Ghost;
        } else if player.stun > 0 {
            pose.mood = Mood::Dizzy;
        } else if self.cheer > 0.0 {
            pose.mood = Mood::Cheering;
            pose.hop = (self.cheer * 9.0).sin().abs() * 0.5;
        }
        pose
    }
}
