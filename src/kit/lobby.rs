//! A game of rounds: people gather, some of them are drawn to play, the others watch and are next, and when a round is
//! over another one begins by itself.
//!
//! Time is counted in steps, in the world: so it stands still between two hosts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::seats::{Moved, Seats};
use crate::{
    game::{News, draw},
    text::Name,
    types::NodeId,
};

/// How rounds are played: a constant of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// The fewest who can play.
    pub fewest: usize,
    /// The most who can; the others wait for the next round.
    pub most: usize,
    /// How many steps a round waits for more people, from the fewest on. All who are present can
    /// [be ready](Lobby::ready) before.
    pub gather: u64,
    /// How many steps a round that is over is still shown.
    pub cheer: u64,
}

/// Where a lobby stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Fewer are present than have to be.
    Waiting,
    /// Enough are present: a round begins soon.
    Gathering {
        /// At this [step](Lobby::steps) at the latest.
        until: u64,
    },
    /// A round is played.
    Playing,
    /// It is over.
    Over {
        /// What comes next comes at this [step](Lobby::steps).
        until: u64,
    },
}

/// What a step of the lobby tells the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A round begins: [`players`](Lobby::players) play it, in this order.
    Begin,
    /// Somebody who plays has left the game.
    Left(NodeId),
    /// A round that was over is shown no longer, and there are too few for another one.
    Wait,
}

/// Who is present, who plays, and where a round stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lobby {
    seats: Seats,
    stage: Stage,
    ready: BTreeSet<NodeId>,
    steps: u64,
    seed: u64,
    drawn: u64,
}

impl Lobby {
    /// Nobody is there. All lots come from `seed`, that of the [world](crate::Game::new_world).
    pub fn new(rounds: &Rounds, seed: u64) -> Self {
        let (seats, ready) = (Seats::new(rounds.most), BTreeSet::new());
        Self { seats, stage: Stage::Waiting, ready, steps: 0, seed, drawn: 0 }
    }

    /// One step: who came and went, and what follows from the time. To be done once in each step of the world, before
    /// anything else.
    pub fn step<C, O>(&mut self, rounds: &Rounds, news: &[News<C, O>]) -> Vec<Call> {
        self.steps = self.steps.saturating_add(1);
        let mut calls = Vec::new();
        for news in news {
            match self.seats.hear(news) {
                Some(Moved::Left(_, id)) => {
                    self.ready.remove(&id);
                    if self.stage == Stage::Playing {
                        calls.push(Call::Left(id));
                    }
                }
                Some(Moved::Went(id)) => _ = self.ready.remove(&id),
                _ => {}
            }
        }
        calls.extend(self.go_on(rounds));
        calls
    }

    fn go_on(&mut self, rounds: &Rounds) -> Option<Call> {
        let enough = self.seats.count() >= rounds.fewest.max(1);
        let gathering = Stage::Gathering { until: self.steps.saturating_add(rounds.gather) };
        match self.stage {
            Stage::Waiting if enough => self.stage = gathering,
            Stage::Gathering { .. } if !enough => self.stage = Stage::Waiting,
            Stage::Gathering { until } => {
                let all_ready = self.seats.people().all(|(id, _)| self.ready.contains(&id));
                if all_ready || self.steps >= until {
                    return Some(self.begin(rounds));
                }
            }
            Stage::Over { until } if self.steps >= until => {
                if enough {
                    return Some(self.begin(rounds));
                }
                self.stage = Stage::Waiting;
                self.seats.seat_others(&[]);
                return Some(Call::Wait);
            }
            _ => {}
        }
        None
    }

    /// The lot says who plays, and in which order: but whoever has watched comes before those who have just played.
    fn begin(&mut self, rounds: &Rounds) -> Call {
        let mut players = self.seats.waiting();
        let mut played: Vec<NodeId> = self.seats.seated().collect();
        self.shuffle(&mut players);
        self.shuffle(&mut played);
        players.append(&mut played);
        players.truncate(rounds.most);
        self.shuffle(&mut players);
        self.seats.seat_others(&players);
        self.ready.clear();
        self.stage = Stage::Playing;
        Call::Begin
    }

    /// Fisher and Yates' shuffle.
    fn shuffle(&mut self, people: &mut [NodeId]) {
        for at in (1..people.len()).rev() {
            self.drawn = self.drawn.wrapping_add(1);
            people.swap(at, (draw(self.seed, self.drawn) % (at as u64 + 1)) as usize);
        }
    }

    /// The round is over: there is a winner, or nobody is left. Does nothing where none is played.
    pub fn end(&mut self, rounds: &Rounds) {
        if self.stage == Stage::Playing {
            self.stage = Stage::Over { until: self.steps.saturating_add(rounds.cheer) };
        }
    }

    /// Somebody who is present need not wait any longer, or does again. As soon as all are ready, a round begins; one
    /// that is over is not waited for either.
    pub fn ready(&mut self, id: NodeId, ready: bool) {
        if ready && self.seats.name(id).is_some() {
            self.ready.insert(id);
        } else {
            self.ready.remove(&id);
        }
        let all_ready = self.seats.people().all(|(id, _)| self.ready.contains(&id));
        if let Stage::Over { until } = &mut self.stage
            && all_ready
        {
            *until = self.steps; // a rematch
        }
    }

    /// Who need not wait any longer.
    pub fn is_ready(&self, id: NodeId) -> bool {
        self.ready.contains(&id)
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Those who play the round, or have played it, and are still present: in the order that was drawn.
    pub fn players(&self) -> impl Iterator<Item = NodeId> {
        self.seats.seated()
    }

    /// Those who watch: they play the next round before those who play this one.
    pub fn waiting(&self) -> Vec<NodeId> {
        self.seats.waiting()
    }

    /// All who are present, with their names.
    pub fn people(&self) -> impl Iterator<Item = (NodeId, &Name)> {
        self.seats.people()
    }

    /// What somebody who is present is called.
    pub fn name(&self, id: NodeId) -> Option<&Name> {
        self.seats.name(id)
    }

    /// Whether this is what steps may have made: what [`Game::is_valid`](crate::Game::is_valid) has to ask.
    pub fn is_valid(&self, rounds: &Rounds) -> bool {
        let soon = |until: u64, most: u64| until.saturating_sub(self.steps) <= most;
        self.seats.is_valid(rounds.most)
            && self.ready.iter().all(|id| self.seats.name(*id).is_some())
            && match self.stage {
                Stage::Waiting | Stage::Playing => true,
                Stage::Gathering { until } => soon(until, rounds.gather),
                Stage::Over { until } => soon(until, rounds.cheer),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: Rounds = Rounds { fewest: 2, most: 3, gather: 10, cheer: 20 };

    const fn id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    fn came(number: u128) -> News<()> {
        News::Joined(id(number), Name::new("somebody"))
    }

    fn wait(lobby: &mut Lobby, most: u64) -> (u64, Vec<Call>) {
        for steps in 1..=most {
            let calls = lobby.step::<(), ()>(&ROUNDS, &[]);
            assert!(lobby.is_valid(&ROUNDS));
            if !calls.is_empty() {
                return (steps, calls);
            }
        }
        (most, Vec::new())
    }

    fn players(lobby: &Lobby) -> BTreeSet<NodeId> {
        lobby.players().collect()
    }

    #[test]
    fn a_round_waits_for_the_fewest_and_a_while_longer_and_the_next_one_begins_by_itself() {
        let mut lobby = Lobby::new(&ROUNDS, 7);
        assert_eq!(lobby.step(&ROUNDS, &[came(1)]), []);
        assert_eq!(wait(&mut lobby, 100), (100, vec![]));
        assert_eq!(lobby.step(&ROUNDS, &[came(2)]), []);
        assert_eq!(wait(&mut lobby, 100), (ROUNDS.gather, vec![Call::Begin]));
        assert_eq!(players(&lobby), [id(1), id(2)].into());
        lobby.end(&ROUNDS);
        assert_eq!(wait(&mut lobby, 100), (ROUNDS.cheer, vec![Call::Begin]));
    }

    #[test]
    fn who_did_not_play_plays_next_and_who_did_waits() {
        let mut lobby = Lobby::new(&ROUNDS, 7);
        lobby.step(&ROUNDS, &[came(1), came(2), came(3), came(4), came(5)]);
        for _ in 0..9 {
            wait(&mut lobby, 100);
            let (played, watched) = (players(&lobby), lobby.waiting());
            assert_eq!((played.len(), watched.len()), (3, 2));
            lobby.end(&ROUNDS);
            wait(&mut lobby, 100);
            assert!(watched.iter().all(|id| players(&lobby).contains(id)));
            lobby.end(&ROUNDS);
        }
    }

    #[test]
    fn whoever_leaves_a_round_is_told_of_and_too_few_wait() {
        let mut lobby = Lobby::new(&ROUNDS, 7);
        lobby.step(&ROUNDS, &[came(1), came(2)]);
        wait(&mut lobby, 100);
        assert_eq!(lobby.step::<(), ()>(&ROUNDS, &[News::Left(id(1))]), [Call::Left(id(1))]);
        lobby.end(&ROUNDS);
        assert_eq!(wait(&mut lobby, 100), (ROUNDS.cheer, vec![Call::Wait]));
        assert_eq!((lobby.stage(), players(&lobby)), (Stage::Waiting, BTreeSet::new()));
    }

    #[test]
    fn when_all_are_ready_nobody_waits_for_a_round_or_a_rematch() {
        let mut lobby = Lobby::new(&ROUNDS, 7);
        lobby.step(&ROUNDS, &[came(1), came(2)]);
        lobby.ready(id(1), true);
        lobby.ready(id(9), true); // is not there
        assert_eq!(wait(&mut lobby, 2), (2, vec![]));
        lobby.ready(id(2), true);
        assert_eq!(wait(&mut lobby, 2), (1, vec![Call::Begin]));
        assert!(!lobby.is_ready(id(1)), "for one round");
        lobby.end(&ROUNDS);
        [1, 2].into_iter().for_each(|number| lobby.ready(id(number), true));
        assert_eq!(wait(&mut lobby, 2), (1, vec![Call::Begin]));
    }

    #[test]
    fn the_order_is_drawn_and_so_is_who_plays_first() {
        let order = |seed| {
            let mut lobby = Lobby::new(&ROUNDS, seed);
            lobby.step(&ROUNDS, &[came(1), came(2), came(3)]);
            wait(&mut lobby, 100);
            lobby.players().collect::<Vec<_>>()
        };
        let orders: BTreeSet<Vec<NodeId>> = (0..100).map(order).collect();
        assert_eq!(orders.len(), 6, "all orders of three");
        let first = |seed| {
            let mut lobby = Lobby::new(&ROUNDS, seed);
            lobby.step(&ROUNDS, &[came(1), came(2), came(3), came(4), came(5)]);
            wait(&mut lobby, 100);
            players(&lobby)
        };
        let first: BTreeSet<BTreeSet<NodeId>> = (0..200).map(first).collect();
        assert_eq!(first.len(), 10, "all threes of five");
    }
}
