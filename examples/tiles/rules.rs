//! The rules of *Snailway*: four snails on a board of path tiles, and the last one on it wins.
//!
//! Whoever's turn it is lays one of the four tiles in its hand where its snail stands, turned as it likes;
//! then every snail that stands there creeps along its path to the end, over as many tiles as it leads. The
//! first tile of each goes to the edge, and its snail starts at one of the ends there. Whoever's path leads
//! off the board is out, and so is whoever leaves the game. Games follow one another, each with up to four
//! of those present, drawn by lot; the others watch.
//!
//! All of it is state: who is there, who plays, what lies where, whose turn it is, and until when. Time is
//! counted in ticks, in the world, of which there are ten in a second. So a turn's clock stands still between two
//! hosts, and goes on with the next one.
//!
//! A move is an order, so it comes once, whoever hosts. It says which move of which game it is: one that comes too
//! late, since the clock was faster, is refused and not taken for the next one.

use std::collections::{BTreeMap, BTreeSet};

use interregnum::{
    Fact, Game, Name, News, NodeId, ScoreNews, draw,
    kit::{Call, Lobby, Rounds, Stage},
};
use serde::{Deserialize, Serialize};

use super::path::{Board, CELLS, KINDS, Spot, Tile, Way, follow};

/// The tiles in a hand.
pub const HAND: usize = 4;

/// The most who play; the others watch.
pub const SEATS: usize = 4;

/// A second, in ticks.
pub const SECOND: u64 = Snailway::TICKS_PER_SECOND;

/// How long a turn may take, in ticks: then a move is made.
pub const TURN_TICKS: u64 = 10 * SECOND;

/// How long a winner is cheered, in ticks.
pub const CHEER_TICKS: u64 = 6 * SECOND;

/// How long a game waits for more players, from the second on, in ticks.
pub const GATHER_TICKS: u64 = 2 * SECOND;

/// Games follow one another, and whoever watched one plays the next.
const ROUNDS: Rounds = Rounds { fewest: 2, most: SEATS, gather: GATHER_TICKS, cheer: CHEER_TICKS };

/// The rules.
#[derive(Clone, Debug)]
pub enum Snailway {}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Who is present, who plays and who watches.
    pub lobby: Lobby,
    /// Where chance comes from, and how often it was asked.
    seed: u64,
    drawn: u64,
    /// The number of the reign, from which games get their names.
    reign: u64,
    /// The name of this game, or of the last one: no two have the same.
    pub game: u64,
    /// Whose turn it is; when it is over, who has won.
    seat: u8,
    /// At this step of the lobby a move is made for whoever's turn it is.
    turn_until: u64,
    /// Those who play, in the order of their turns; when it is over, those who did.
    pub players: Vec<Player>,
    /// The tiles that lie.
    pub board: Board,
}

/// Where a game stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Fewer than two are present.
    Alone,
    /// Enough are present; a game begins soon.
    Gathering,
    /// It is played, and it is this one's turn.
    Turn(u8),
    /// It is over, and this one has won.
    Won(u8),
}

/// Somebody who plays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// Who it is.
    pub id: NodeId,
    /// What it is called.
    pub name: Name,
    /// The kinds of the tiles in its hand.
    pub hand: [u8; HAND],
    /// Where its snail started; none before its first move.
    pub start: Option<Spot>,
    /// Where its snail stands; none before its first move, and when it is off the board.
    pub at: Option<Spot>,
    /// Over how many tiles it crept.
    pub crept: u16,
    /// Why it is out, if it is.
    pub out: Option<Out>,
}

/// Why somebody is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Out {
    /// Its path led off the board.
    Slid,
    /// It left the game.
    Left,
}

/// A move, as somebody wants to make it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Of this game.
    pub game: u64,
    /// So many were made before it.
    pub number: u8,
    /// Which tile of the hand.
    pub tile: u8,
    /// By how many quarters it is turned clockwise.
    pub turned: u8,
    /// Where the snail starts, if this is its first move.
    pub start: Option<Spot>,
}

/// Why a move is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Why {
    /// No game is being played.
    NoGame,
    /// It belongs to another game, or its turn is over.
    TooLate,
    /// Whoever wants it only watches.
    Watching,
    /// Whoever wants it is out.
    OutAlready,
    /// It is somebody else's turn.
    NotYourTurn,
    /// There is no such tile in the hand, or it cannot be turned so.
    NoSuchTile,
    /// The first tile goes to a free cell at the edge, and the snail starts at an end there.
    StartAtEdge,
    /// The snail is on the board, and goes on from where it is.
    StartedAlready,
}

/// What happens, for whoever draws it, or writes it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// A game begins.
    Begun {
        /// Its name.
        game: u64,
    },
    /// A tile was laid.
    Laid {
        /// In this game.
        game: u64,
        /// How many moves were made before this one.
        number: u8,
        /// By whom.
        player: NodeId,
        /// Its time was up, and the move was made for it.
        by_clock: bool,
    },
    /// Somebody is out.
    Out {
        /// Who.
        player: NodeId,
        /// Why.
        why: Out,
    },
    /// A game is over.
    Won {
        /// Its name.
        game: u64,
        /// Who has won.
        player: NodeId,
    },
    /// A move is not made. It concerns whoever wanted it.
    Refused {
        /// Who.
        player: NodeId,
        /// Why.
        why: Why,
    },
}

impl Game for Snailway {
    const RULES: &'static str = "snailway 2";
    /// Nothing moves between two moves, but what the window lets creep.
    const TICKS_PER_SECOND: u64 = 10;
    type World = World;
    type Controls = ();
    type Order = Move;
    type Event = Told;
    /// How many games each has won.
    type Scores = BTreeMap<NodeId, u32>;

    fn new_world(seed: u64) -> World {
        World {
            lobby: Lobby::new(&ROUNDS, seed),
            seed,
            drawn: 0,
            reign: 0,
            game: 0,
            seat: 0,
            turn_until: 0,
            players: Vec::new(),
            board: Board::new(),
        }
    }

    fn is_valid(world: &World) -> bool {
        world.is_valid()
    }

    fn step(world: &mut World, news: &[News<(), Move>], events: &mut Vec<Told>) {
        for call in world.lobby.step(&ROUNDS, news) {
            match call {
                Call::Begin => world.begin(events),
                Call::Left(id) => world.goes(id, events),
                Call::Wait => {}
            }
        }
        for item in news {
            match item {
                News::Joined(id, name) => world.is_called(*id, name),
                News::Order(id, wanted) => world.deal_with(*id, wanted, events),
                News::Left(_) | News::Controls(..) => {}
            }
        }
        if let Phase::Turn(seat) = world.phase()
            && world.left() == 0
        {
            world.move_for(seat, events);
        }
    }

    fn on_new_host(world: &mut World, reign: u64) {
        world.reign = reign;
    }

    fn fact_of_event(_world: &World, event: &Told) -> Option<Fact> {
        let Told::Won { game, player } = event else { return None };
        let key = game.to_be_bytes().to_vec();
        Some(Fact { key, value: player.as_u128().to_be_bytes().to_vec() })
    }

    fn update_scores(scores: &mut Self::Scores, _at: u64, news: ScoreNews<'_>) {
        let (ScoreNews::Counts(fact) | ScoreNews::CountsNoMore(fact)) = news else { return };
        let Some(player) = fact.value.first_chunk().map(|bytes| u128::from_be_bytes(*bytes)) else {
            return;
        };
        let player = NodeId::from_u128(player);
        let won = scores.entry(player).or_default();
        *won = match news {
            ScoreNews::Counts(_) => won.saturating_add(1),
            _ => won.saturating_sub(1),
        };
        if *won == 0 {
            scores.remove(&player);
        }
    }
}

impl Player {
    /// Whether it is still in the game.
    pub fn plays(&self) -> bool {
        self.out.is_none()
    }

    /// The way of its snail so far.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "it is drawn, and tested"))]
    pub fn way(&self, board: &Board) -> Way {
        let Some(start) = self.start else { return Way { tiles: Vec::new(), at: None } };
        let mut way = follow(board, start);
        if self.out == Some(Out::Left) {
            way.tiles.truncate(self.crept.into()); // what was laid afterwards is not its way
            way.at = self.at;
        }
        way
    }
}

impl World {
    /// How many moves of this game were made: each lays a tile.
    pub fn moves(&self) -> u8 {
        self.board.len() as u8
    }

    /// Where the game stands.
    pub fn phase(&self) -> Phase {
        match self.lobby.stage() {
            Stage::Waiting => Phase::Alone,
            Stage::Gathering { .. } => Phase::Gathering,
            Stage::Playing => Phase::Turn(self.seat),
            Stage::Over { .. } => Phase::Won(self.seat),
        }
    }

    /// In so many ticks something happens by itself: a move is made, a game begins.
    pub fn left(&self) -> u64 {
        let until = match self.lobby.stage() {
            Stage::Waiting => return 0,
            Stage::Playing => self.turn_until,
            Stage::Gathering { until } | Stage::Over { until } => until,
        };
        until.saturating_sub(self.lobby.steps())
    }

    /// Whose turn it is.
    pub fn turn(&self) -> Option<(u8, &Player)> {
        let Phase::Turn(seat) = self.phase() else { return None };
        Some((seat, self.players.get(usize::from(seat))?))
    }

    /// Who has won, when it is over.
    pub fn winner(&self) -> Option<&Player> {
        let Phase::Won(seat) = self.phase() else { return None };
        self.players.get(usize::from(seat))
    }

    /// All moves that whoever's turn it is can make.
    pub fn possible(&self) -> Vec<Move> {
        let Some((_, player)) = self.turn() else { return Vec::new() };
        let (game, number) = (self.game, self.moves());
        let starts: Vec<Option<Spot>> = match player.at {
            Some(_) => vec![None],
            None => {
                let free = Spot::of_edge().filter(|spot| !self.board.contains_key(&spot.cell));
                free.map(Some).collect()
            }
        };
        let tiles = (0..HAND as u8).flat_map(|tile| (0..4).map(move |turned| (tile, turned)));
        let moves = tiles.flat_map(|(tile, turned)| {
            starts.iter().map(move |start| Move { game, number, tile, turned, start: *start })
        });
        moves.collect()
    }

    /// The world after a move of whoever's turn it is; none if it cannot be made. For whoever thinks before it
    /// moves.
    pub fn tried(&self, wanted: &Move) -> Option<World> {
        let (_, player) = self.turn()?;
        let (mut tried, id) = (self.clone(), player.id);
        let seat = tried.may(id, wanted).ok()?;
        tried.lay(seat, wanted, false, &mut Vec::new());
        Some(tried)
    }

    fn is_called(&mut self, id: NodeId, name: &Name) {
        if let Some(player) = self.players.iter_mut().find(|player| player.id == id) {
            player.name = name.clone();
        }
    }

    fn goes(&mut self, id: NodeId, events: &mut Vec<Told>) {
        let seat = self.players.iter().position(|player| player.id == id && player.plays());
        let (Some(seat), Phase::Turn(turn)) = (seat, self.phase()) else { return };
        self.players[seat].out = Some(Out::Left);
        events.push(Told::Out { player: id, why: Out::Left });
        match self.who_plays()[..] {
            [last] => self.win(last, events),
            _ if seat == usize::from(turn) => self.pass_on(turn),
            _ => {}
        }
    }

    /// Makes a move that somebody wants to make, or says why not.
    fn deal_with(&mut self, id: NodeId, wanted: &Move, events: &mut Vec<Told>) {
        match self.may(id, wanted) {
            Ok(seat) => self.lay(seat, wanted, false, events),
            Err(why) => events.push(Told::Refused { player: id, why }),
        }
    }

    /// Whether somebody may make a move; in which seat.
    fn may(&self, id: NodeId, wanted: &Move) -> Result<u8, Why> {
        let (turn, on_turn) = self.turn().ok_or(Why::NoGame)?;
        let player = self.players.iter().find(|player| player.id == id).ok_or(Why::Watching)?;
        if !player.plays() {
            return Err(Why::OutAlready);
        }
        if (wanted.game, wanted.number) != (self.game, self.moves()) {
            return Err(Why::TooLate);
        }
        if on_turn.id != id {
            return Err(Why::NotYourTurn);
        }
        if usize::from(wanted.tile) >= HAND || wanted.turned >= 4 {
            return Err(Why::NoSuchTile);
        }
        match (player.at, wanted.start) {
            (Some(_), None) => Ok(turn),
            (Some(_), Some(_)) => Err(Why::StartedAlready),
            (None, Some(start)) if start.is_at_edge() && !self.board.contains_key(&start.cell) => {
                Ok(turn)
            }
            (None, _) => Err(Why::StartAtEdge),
        }
    }

    /// Lays a tile, as one may, and lets all snails creep that stand there.
    fn lay(&mut self, seat: u8, wanted: &Move, by_clock: bool, events: &mut Vec<Told>) {
        let (game, number) = (self.game, self.moves());
        let next = self.draw_kind();
        let Some(player) = self.players.get_mut(usize::from(seat)) else { return };
        let Some(spot) = player.at.or(wanted.start) else { return };
        let Some(kind) = player.hand.get_mut(usize::from(wanted.tile)) else { return };
        let tile = Tile { kind: std::mem::replace(kind, next), turned: wanted.turned };
        player.start = player.start.or(Some(spot));
        player.at = Some(spot);
        events.push(Told::Laid { game, number, player: player.id, by_clock });
        self.board.insert(spot.cell, tile);
        let mut slid = Vec::new();
        for (seat, player) in (0..).zip(&mut self.players) {
            let Some(at) = player.at.filter(|at| player.out.is_none() && at.cell == spot.cell)
            else {
                continue;
            };
            let way = follow(&self.board, at);
            player.crept = player.crept.saturating_add(way.tiles.len() as u16);
            player.at = way.at;
            if way.at.is_none() {
                player.out = Some(Out::Slid);
                events.push(Told::Out { player: player.id, why: Out::Slid });
                slid.push(seat);
            }
        }
        self.go_on(seat, &slid, events);
    }

    /// After a move of `seat`, by which these have slid off the board: somebody else's turn, or the end.
    fn go_on(&mut self, seat: u8, slid: &[u8], events: &mut Vec<Told>) {
        match self.who_plays()[..] {
            [last] => self.win(last, events),
            [] => {
                // All who were left have gone at once: whoever crept farthest wins, and of equals whoever
                // would have been next.
                let after = |other: u8| usize::from(other + SEATS as u8 - seat - 1) % SEATS;
                let crept =
                    |seat: u8| self.players.get(usize::from(seat)).map_or(0, |one| one.crept);
                let best = slid.iter().max_by_key(|one| (crept(**one), SEATS - after(**one)));
                let best = best.copied().unwrap_or(seat);
                self.win(best, events);
            }
            _ => self.pass_on(seat),
        }
    }

    /// It is the turn of whoever plays next after `seat`.
    fn pass_on(&mut self, seat: u8) {
        let playing = self.who_plays();
        let next = playing.iter().find(|next| **next > seat).or(playing.first());
        if let Some(next) = next {
            self.seat = *next;
            self.turn_until = self.lobby.steps().saturating_add(TURN_TICKS);
        }
    }

    fn win(&mut self, seat: u8, events: &mut Vec<Told>) {
        self.seat = seat;
        self.lobby.end(&ROUNDS);
        if let Some(player) = self.players.get(usize::from(seat)) {
            events.push(Told::Won { game: self.game, player: player.id });
        }
    }

    /// The seats of those who are not out.
    fn who_plays(&self) -> Vec<u8> {
        (0..)
            .zip(&self.players)
            .filter(|(_, player)| player.plays())
            .map(|(seat, _)| seat)
            .collect()
    }

    /// Begins another game, with whom the lot says.
    fn begin(&mut self, events: &mut Vec<Told>) {
        self.board.clear();
        let players: Vec<NodeId> = self.lobby.players().collect();
        self.players.clear();
        for id in players {
            let Some(name) = self.lobby.name(id).cloned() else { continue };
            let hand = [(); HAND].map(|()| self.draw_kind());
            let player = Player { id, name, hand, start: None, at: None, crept: 0, out: None };
            self.players.push(player);
        }
        self.game = draw(self.reign, self.drawn);
        self.seat = 0;
        self.turn_until = self.lobby.steps().saturating_add(TURN_TICKS);
        events.push(Told::Begun { game: self.game });
    }

    /// The time is up: makes a move, any that stays on the board if there is one.
    fn move_for(&mut self, seat: u8, events: &mut Vec<Told>) {
        let possible = self.possible();
        if possible.is_empty() {
            // There is no free end for its start: no board on which snails creep is ever so full.
            if let Some(player) = self.players.get_mut(usize::from(seat)) {
                player.out = Some(Out::Slid);
                events.push(Told::Out { player: player.id, why: Out::Slid });
            }
            return self.go_on(seat, &[seat], events);
        }
        let first = self.draw(possible.len());
        let mut turns = possible[first..].iter().chain(&possible[..first]);
        let stays = |wanted: &&Move| {
            let after = self.tried(wanted);
            after.is_some_and(|after| after.players[usize::from(seat)].plays())
        };
        let chosen = turns.find(stays).unwrap_or(&possible[first]);
        self.lay(seat, chosen, true, events);
    }

    /// A number below `limit`, or 0.
    fn draw(&mut self, limit: usize) -> usize {
        self.drawn = self.drawn.wrapping_add(1);
        (draw(self.seed, self.drawn) % limit.max(1) as u64) as usize
    }

    fn draw_kind(&mut self) -> u8 {
        self.draw(KINDS) as u8
    }

    /// Whether a world is one that these rules could have made, as far as it can be seen from it.
    fn is_valid(&self) -> bool {
        let ids: BTreeSet<NodeId> = self.players.iter().map(|player| player.id).collect();
        let seats = self.players.len();
        self.lobby.is_valid(&ROUNDS)
            && seats <= SEATS
            && ids.len() == seats
            && self.board.iter().all(|(cell, tile)| *cell < CELLS && tile.exists())
            && self.players.iter().all(|player| self.is_valid_player(player))
            && match self.phase() {
                Phase::Alone | Phase::Gathering => true,
                Phase::Won(seat) => usize::from(seat) < seats && self.who_plays().len() <= 1,
                Phase::Turn(seat) => {
                    self.who_plays().contains(&seat)
                        && self.who_plays().len() >= 2
                        && self.left() <= TURN_TICKS
                }
            }
    }

    /// Whether a player's snail stands where its path leads.
    fn is_valid_player(&self, player: &Player) -> bool {
        let hand = player.hand.iter().all(|kind| usize::from(*kind) < KINDS);
        let Some(start) = player.start else {
            return hand && player.at.is_none() && player.crept == 0;
        };
        let way = follow(&self.board, start);
        let crept = usize::from(player.crept);
        hand && start.is_at_edge()
            && match player.out {
                None => way.at.is_some() && player.at == way.at && crept == way.tiles.len(),
                Some(Out::Slid) => {
                    way.at.is_none() && player.at.is_none() && crept == way.tiles.len()
                }
                Some(Out::Left) => player.at.is_some_and(Spot::exists) && crept <= way.tiles.len(),
            }
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
