//! How a world is replicated, for any game.
//!
//! The host runs the world: it collects what each player holds down ([`host`]), steps, and
//! publishes a snapshot of each tick, encoded against the newest state that the receiver is known
//! to hold ([`snapshot`]). A client plays ahead of what it has received and smooths what it shows
//! ([`client`]). Every node keeps the last states it received or made, so each of them can go on as
//! host at any moment, and what the others hold still serves as a baseline then.

pub mod client;
pub mod host;
pub mod snapshot;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    sync::Arc,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

use self::snapshot::Since;
use crate::{
    cluster::{
        election::{Newest, descends},
        ledger::{
            batch::Carried,
            entry::{SharedEntry, Writer},
        },
        message::{Payload, WorldMark},
    },
    game::Game,
    types::{Clock, Incarnation, NodeId, SessionId, Term, Tick},
};

/// How many states are kept as possible baselines. Half a second of them.
pub const HISTORY_STATES: usize = 32;

/// How much of the ledger goes with a world, in bytes: what matters is that the packet stays one. What
/// finds no room is asked for.
const CARRIED_BYTES_MAX: usize = 640;

/// Events older than this many ticks are not sent any more: whoever was away for longer has missed
/// more than a sound.
const EVENT_TICKS: u64 = 32;

/// For how many ticks entries of the ledger are passed on with worlds: longer than any baseline is
/// referred to.
const ENTRY_TICKS: u64 = 4 * HISTORY_STATES as u64;

/// Everything that is replicated: the game's world, and what the host must remember of each player
/// so that its successor goes on exactly there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "W: Serialize", deserialize = "W: DeserializeOwned"))]
pub struct State<W> {
    /// The world.
    pub world: W,
    /// Each player who is, or was, in it.
    pub seats: BTreeMap<NodeId, Seat>,
}

/// What the host remembers of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// In which life the player sat down.
    pub incarnation: Incarnation,
    /// The number of its last controls applied. Lower ones are never applied again, by no host.
    pub number: u32,
    /// Whether the world has it as present.
    pub present: bool,
}

impl<W: Serialize> State<W> {
    /// 32 bits of the state's hash: XXH3 of its postcard encoding. The same on every machine.
    pub fn hash(&self) -> u32 {
        let room = Vec::with_capacity(1_024);
        let bytes = postcard::to_extend(self, room).unwrap_or_default();
        let hash = xxh3_64(&bytes);
        (hash ^ hash >> 32) as u32
    }
}

/// What one node holds of a world.
pub struct Replica<G: Game> {
    /// The newest state: made here, or received.
    newest: Option<(WorldMark, Arc<State<G::World>>)>,
    history: VecDeque<(Clock, Arc<State<G::World>>)>,
    /// How many of them, the oldest, may be of a line of history that was given up.
    foreign: usize,
    events: VecDeque<(Tick, G::Event)>,
    events_told: Tick,
    /// What ticks carried for the ledger, and which tick carried it first.
    entries: VecDeque<(Tick, SharedEntry)>,
    /// From this tick on, nothing that ticks carried is missing among them.
    complete_from: Tick,
}

impl<G: Game> Debug for Replica<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").field("mark", &self.mark()).finish_non_exhaustive()
    }
}

impl<G: Game> Default for Replica<G> {
    fn default() -> Self {
        Self {
            newest: None,
            history: VecDeque::new(),
            foreign: 0,
            events: VecDeque::new(),
            events_told: Tick(0),
            entries: VecDeque::new(),
            complete_from: Tick(0),
        }
    }
}

impl<G: Game> Replica<G> {
    /// The newest state held.
    pub fn state(&self) -> Option<&Arc<State<G::World>>> {
        self.newest.as_ref().map(|(_, state)| state)
    }

    /// Its clock.
    pub fn clock(&self) -> Option<Clock> {
        self.newest.as_ref().map(|(mark, _)| mark.clock)
    }

    /// A state held exactly, by its clock.
    pub fn held(&self, clock: Clock) -> Option<&Arc<State<G::World>>> {
        self.history.iter().rev().find(|(held, _)| *held == clock).map(|(_, state)| state)
    }

    /// Whether a state that is held leads to the newest one, as far as is known.
    pub fn leads_here(&self, clock: Clock) -> bool {
        self.history.range(self.foreign..).any(|(held, _)| *held == clock)
    }

    /// Takes `state` as the newest. Returns the clock that was the newest before, if `mark` does
    /// not descend from it, or it is of the reign of a beaten `rival`: then a line of history
    /// is given up.
    pub fn take(
        &mut self,
        mark: WorldMark,
        state: Arc<State<G::World>>,
        rival: Option<Term>,
    ) -> Option<Clock> {
        let before = self.newest.as_ref().map(|(mark, _)| *mark);
        let rebased = before
            .filter(|before| rival == Some(before.clock.term) || !descends(Some(mark), *before));
        if rebased.is_some() {
            self.foreign = self.history.len();
            self.events.clear();
            self.entries.clear();
            self.complete_from = mark.clock.tick;
            self.events_told = self.events_told.min(mark.clock.tick);
        }
        if self.history.len() == HISTORY_STATES {
            self.history.pop_front();
            self.foreign = self.foreign.saturating_sub(1);
        }
        self.history.push_back((mark.clock, state.clone()));
        self.newest = Some((mark, state));
        rebased.map(|mark| mark.clock)
    }

    /// The own reign begins: the newest state goes on, in the new term. Whoever holds it may lack what
    /// this node wrote in an earlier reign that nobody followed to its end.
    pub fn reign(&mut self, term: Term) {
        let Some((mark, _)) = &mut self.newest else { return };
        let began = mark.clock.tick;
        *mark = WorldMark { clock: Clock { term, tick: began }, began };
        self.lacks_entries_before(Tick(began.0 + 1));
    }

    /// Forgets which controls have been applied: what a host must never do.
    pub(crate) fn forget_controls(&mut self) {
        if let Some((_, state)) = &mut self.newest {
            for seat in Arc::make_mut(state).seats.values_mut() {
                seat.number = seat.number.saturating_sub(30);
            }
        }
    }

    /// Notes an event of `tick`. Whether the user has not been told of that tick's events yet.
    pub fn note_events(&mut self, events: Vec<(Tick, G::Event)>) -> Vec<(Tick, G::Event)> {
        let told = self.events_told;
        let new: Vec<_> = events.into_iter().filter(|(tick, _)| *tick > told).collect();
        if let Some((last, _)) = new.last() {
            self.events_told = *last;
        }
        self.events.extend(new.iter().cloned());
        let now = self.clock().map_or(Tick(0), |clock| clock.tick);
        while self.events.front().is_some_and(|(tick, _)| tick.0 + EVENT_TICKS < now.0) {
            self.events.pop_front();
        }
        new
    }

    /// Notes entries of the ledger that came with `tick`: they go on with it, to whoever gets this
    /// world from here.
    pub fn note_entries(&mut self, tick: Tick, entries: impl IntoIterator<Item = SharedEntry>) {
        for entry in entries {
            if self.entries.iter().all(|(_, known)| known.id() != entry.id()) {
                self.entries.push_back((tick, entry));
            }
        }
        while self.entries.front().is_some_and(|(at, _)| at.0 + ENTRY_TICKS < tick.0) {
            self.entries.pop_front();
        }
    }

    /// This tick's world came without what had been written up to it.
    pub fn lacks_entries_before(&mut self, tick: Tick) {
        self.complete_from = self.complete_from.max(tick);
    }

    /// Up to which number entries of `writer` came with ticks up to this one, as far as is remembered.
    pub fn carried_by(&self, tick: Tick, writer: Writer) -> Option<u64> {
        let carried =
            self.entries.iter().filter(|(at, _)| *at <= tick).map(|(_, entry)| entry.id());
        carried.filter(|id| id.writer == writer).map(|id| id.number).max()
    }

    /// What whoever holds the state at tick `held`, which [leads here](Replica::leads_here), has
    /// missed: the events that are still worth telling, and what was written since into the ledger of
    /// this `session`, in which the host has `written` so much. Whoever holds none gets the last events,
    /// and asks for what was written; so does whoever may lack what this node never was given with a
    /// tick.
    pub fn since(&self, held: Option<Tick>, session: SessionId, written: u64) -> Since<G::Event> {
        let now = self.clock().map_or(0, |clock| clock.tick.0);
        let spoken = held.unwrap_or(Tick(now.saturating_sub(1)));
        let events = self.events.iter().filter(|(at, _)| *at > spoken).cloned().collect();
        let wrote = |held: Tick| self.entries.back().is_some_and(|(at, _)| *at > held);
        let lacks_nothing = held.is_some_and(|held| held >= self.complete_from && !wrote(held));
        let carried = match lacks_nothing {
            true => Vec::new(),
            false => {
                let entries = held.map(|held| self.entries_since(held, session));
                Carried::encode(session, written, entries.into_iter().flatten())
            }
        };
        Since { events, carried }
    }

    /// The oldest after that tick, as many as find room.
    fn entries_since(&self, tick: Tick, session: SessionId) -> Vec<&SharedEntry> {
        let mut room = CARRIED_BYTES_MAX;
        let entries = self.entries.iter().filter(|(at, _)| *at > tick).map(|(_, entry)| entry);
        let fits = |entry: &&SharedEntry| {
            let left = room.checked_sub(entry.bytes());
            room = left.unwrap_or_default();
            left.is_some()
        };
        entries.filter(|entry| entry.head().session == session).take_while(fits).collect()
    }
}

impl<G: Game> Newest for Replica<G> {
    fn mark(&self) -> Option<WorldMark> {
        self.newest.as_ref().map(|(mark, _)| *mark)
    }

    fn encode(&self) -> Option<Payload> {
        let (_, state) = self.newest.as_ref()?;
        postcard::to_stdvec(state.as_ref()).ok().map(Payload::Binary)
    }
}

/// The state that [`Newest::encode`] made into `payload`, if it is one and can be stepped.
pub fn decode_copy<G: Game>(payload: &Payload) -> Option<State<G::World>> {
    let state: State<G::World> = match payload {
        Payload::Binary(bytes) => postcard::from_bytes(bytes).ok()?,
        Payload::Json(raw) => serde_json::from_str(raw.get()).ok()?,
    };
    G::valid(&state.world).then_some(state)
}
