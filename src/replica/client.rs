//! A client's part: number the own controls, play ahead, and show everything smoothly.
//!
//! The client *predicts*: it takes the newest state it has received and steps it with those of its
//! own controls that the host has not acknowledged yet. So the own player obeys at once, and the
//! others go on as they were going. Each snapshot puts the prediction right (*reconciliation*).
//!
//! What is *shown* is not the prediction itself but a world that follows it: each tick it is
//! stepped like any world and then drawn a fifth of the way towards the prediction. A correction,
//! a lost packet, even a new host's first snapshot thus shows as a slight change of course, never
//! as a jump. When nothing comes any more, everybody goes on moving for a bounded time. When this
//! line of history is given up for another one, everybody glides over to its place there.

use std::{collections::VecDeque, sync::Arc};

use super::State;
use crate::{
    game::{Game, News},
    types::{Incarnation, NodeId},
};

/// How far the prediction runs ahead of the newest state at most, in ticks: half a second.
const AHEAD_TICKS_MAX: usize = 30;

/// Which part of its distance from the prediction the shown world makes up for in each tick, of
/// 65,536.
const CATCH_UP: u16 = 13_107;

/// How long a glide to another line of history takes.
const GLIDE_TICKS: u32 = 40;

/// The own controls, and what is shown.
#[derive(Debug)]
pub struct Client<G: Game> {
    number: u32,
    unacknowledged: VecDeque<(u32, G::Controls)>,
    shown: Option<Arc<G::World>>,
    /// Ticks left of a glide to another line of history.
    glide: u32,
}

impl<G: Game> Default for Client<G> {
    fn default() -> Self {
        Self { number: 0, unacknowledged: VecDeque::new(), shown: None, glide: 0 }
    }
}

impl<G: Game> Client<G> {
    /// Notes what the player holds down in this tick. Its number.
    pub fn press(&mut self, controls: G::Controls) -> u32 {
        self.number = self.number.wrapping_add(1);
        if self.unacknowledged.len() == AHEAD_TICKS_MAX {
            self.unacknowledged.pop_front();
        }
        self.unacknowledged.push_back((self.number, controls));
        self.number
    }

    /// Forgets what `state` says has been applied; without a seat in it, nothing ever will be.
    pub fn acknowledge<W>(&mut self, me: NodeId, incarnation: Incarnation, state: &State<W>) {
        let Some(seat) =
            state.seats.get(&me).filter(|seat| seat.incarnation == incarnation && seat.present)
        else {
            return self.unacknowledged.clear();
        };
        while self.unacknowledged.front().is_some_and(|(number, _)| *number <= seat.number) {
            self.unacknowledged.pop_front();
        }
    }

    /// The controls that the host may not have, oldest first, and the number of the last.
    pub fn unacknowledged(&self) -> (u32, Vec<G::Controls>) {
        (self.number, self.unacknowledged.iter().map(|(_, controls)| *controls).collect())
    }

    /// What to show in one tick, and in the next, given the newest state.
    pub fn show(
        &mut self,
        me: NodeId,
        newest: &State<G::World>,
        reigns: bool,
    ) -> (Arc<G::World>, Arc<G::World>) {
        let mut predicted = newest.world.clone();
        let mut events = Vec::new();
        let ahead = if reigns { 0 } else { self.unacknowledged.len() };
        for (_, controls) in self.unacknowledged.iter().take(ahead) {
            G::step(&mut predicted, &[News::Controls(me, *controls)], &mut events);
        }
        let from = self.shown.take();
        let to = Arc::new(match &from {
            None => predicted,
            Some(shown) => {
                let mut followed = G::World::clone(shown);
                let own = self.unacknowledged.back();
                let news: Vec<_> =
                    own.map(|(_, controls)| News::Controls(me, *controls)).into_iter().collect();
                G::step(&mut followed, &news, &mut events);
                // So much of the rest, so much of what is left then, ...: an even speed.
                let even = u16::try_from(65_536 / self.glide.max(2)).unwrap_or(CATCH_UP);
                self.glide = self.glide.saturating_sub(1);
                G::blend(&followed, &predicted, even.min(CATCH_UP))
            }
        });
        self.shown = Some(to.clone());
        (from.unwrap_or_else(|| to.clone()), to)
    }

    /// What is shown belongs to a line of history that was given up.
    pub fn glide(&mut self) {
        self.glide = GLIDE_TICKS;
    }

    /// Forgets what was shown: what comes next has nothing to do with it.
    pub fn forget(&mut self) {
        self.shown = None;
        self.unacknowledged.clear();
    }
}
