//! What is shown of the viewer's own heir: one tick ahead of everybody else, as the keys say now.
//!
//! The node hears of a key and shows it one tick later, on the way from one picture to the next: on
//! the screen that is a wait of three frames. So the own heir is stepped once more here, with the keys
//! that this very frame has heard of. It never strays: what it is ahead of is put right each tick.
use std::time::Duration;

use crate::{
    arena::{Arena, Controls, Point, TICK, World},
    game::{Game, News},
    node::Picture,
    types::{Instant, NodeId},
};

/// The world to draw at `now`, with `me` one tick ahead of it.
pub fn shown(picture: &Picture<Arena>, now: Instant, me: NodeId, controls: Controls) -> World {
    ahead(&picture.from, &picture.to, now.since(picture.at), me, controls)
}

/// The same, `past` the tick that leads from one world to the other.
fn ahead(from: &World, to: &World, past: Duration, me: NodeId, controls: Controls) -> World {
    let part = past.as_micros() * 65_536 / TICK.as_micros();
    let part = part.min(65_535) as u16;
    let mut world = Arena::blend(from, to, part);
    if let Some(shown) = world.players.get_mut(&me) {
        let mut next = to.clone();
        Arena::step(&mut next, &[News::Controls(me, controls)], &mut Vec::new());
        if let Some(own) = Arena::blend(to, &next, part).players.remove(&me) {
            *shown = own;
        }
    }
    world
}

/// Counts how many frames it takes until a key shows.
#[derive(Debug, Default)]
pub struct Reaction {
    held: Controls,
    /// Where the heir was drawn last.
    at: Option<Point>,
    /// How many frames ago a key was pressed that has not shown yet, and when.
    waits: Option<(u32, Instant)>,
    /// How long the last one took: in frames, the one that heard of it and the one that showed it
    /// included, and in milliseconds.
    pub took: Option<(u32, f64)>,
}

impl Reaction {
    /// A frame is drawn in which `controls` are held down, heard of at `heard`, and the own heir
    /// stands at `at`.
    pub fn frame(&mut self, controls: Controls, at: Option<Point>, heard: Instant, now: Instant) {
        let still = (self.held.dx, self.held.dy) == (0, 0);
        if still && (controls.dx, controls.dy) != (0, 0) {
            self.waits = Some((0, heard));
        }
        self.held = controls;
        let moved = self.at.is_some() && self.at != at;
        self.at = at;
        if let Some((frames, since)) = &mut self.waits {
            *frames += 1;
            if moved {
                let ms = now.since(*since).as_secs_f64() * 1_000.0;
                tracing::debug!(frames = *frames, ms, "a key shows");
                self.took = Some((*frames, ms));
                self.waits = None;
            } else if *frames > 60 {
                // A wall is in the way.
                self.waits = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Name;

    const ME: NodeId = NodeId::from_u128(7);

    fn stepped(world: &World, controls: Controls) -> World {
        let mut next = world.clone();
        Arena::step(&mut next, &[News::Controls(ME, controls)], &mut Vec::new());
        next
    }

    /// How many frames pass until a key shows that is pressed when the first of them hears of it,
    /// `phase_us` after a tick.
    fn frames_until_seen(phase_us: u64) -> u32 {
        let mut world = Arena::new_world(3);
        Arena::step(&mut world, &[News::Joined(ME, Name::new("Ada"))], &mut Vec::new());
        let before = world.clone();
        // Some way is free.
        let ways = [(1, 0), (-1, 0), (0, 1), (0, -1)];
        let held = ways
            .map(|(dx, dy)| Controls { dx, dy, ..Controls::default() })
            .into_iter()
            .find(|held| stepped(&world, *held).players[&ME].at != world.players[&ME].at)
            .unwrap();
        let tick_us = TICK.as_micros() as u64;
        let (mut shown, mut tick_at) = ((before, world), Instant(1_000_000));
        let mut reaction = Reaction::default();
        let pressed = Instant(1_000_000 + phase_us);
        for frame in 0..8_u64 {
            // The frame before the key is pressed, then those that hear of it.
            let now = Instant(pressed.0 + frame * tick_us - tick_us);
            let controls = if frame == 0 { Controls::default() } else { held };
            while now.0 >= tick_at.0 + tick_us {
                tick_at.0 += tick_us;
                let held = if tick_at > pressed { held } else { Controls::default() };
                let next = stepped(&shown.1, held);
                shown = (shown.1, next);
            }
            let world = ahead(&shown.0, &shown.1, now.since(tick_at), ME, controls);
            reaction.frame(controls, Some(world.players[&ME].at), pressed, now);
            if let Some((frames, _)) = reaction.took {
                return frames;
            }
        }
        panic!("it never shows");
    }

    #[test]
    fn a_key_shows_within_two_frames_whatever_the_phase() {
        for phase_us in (0..TICK.as_micros() as u64).step_by(400) {
            let frames = frames_until_seen(phase_us);
            assert!(frames <= 2, "{frames} frames, {phase_us} µs after a tick");
        }
    }

    #[test]
    fn whoever_holds_nothing_down_is_shown_where_it_stands() {
        let mut world = Arena::new_world(3);
        Arena::step(&mut world, &[News::Joined(ME, Name::new("Ada"))], &mut Vec::new());
        let past = Duration::from_millis(9);
        let shown = ahead(&world, &world, past, ME, Controls::default());
        assert_eq!(shown.players[&ME].at, world.players[&ME].at);
    }
}
