//! How a world is replicated, for any game.
//!
//! The host runs the world: it collects what each player holds down ([`host`]), steps, and
//! publishes a snapshot of each tick, encoded against the newest state that the receiver is known
//! to hold ([`snapshot`]). A client plays ahead of what it has received and smooths what it shows
//! ([`client`]). Every node keeps the last states it received or made, so each of them can go on as
//! host at any moment, and what the others hold still serves as a baseline then. A host remembers what
//! its steps were told ([`journal`]), and everybody checks it ([`audit`]).

pub mod audit;
pub mod client;
pub mod host;
pub mod journal;
pub mod orders;
pub mod snapshot;

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    sync::Arc,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    cluster::{
        election::{Newest, descends},
        message::{Origin, Payload, WorldCopy, WorldMark},
    },
    game::Game,
    keys::WorldDigest,
    text::Name,
    types::{Clock, Incarnation, NodeId, Term, Tick},
};

/// How many states are kept as possible baselines. At sixty ticks a second half of one; where they are rarer they go
/// back further, for whoever refers to a state counts ticks: see `node::watching`.
pub const HISTORY_STATES: usize = 32;

/// The same where steps may follow each other within a [millisecond](Game::PROMPT): half a second, too.
const PROMPT_HISTORY_STATES: usize = 512;

/// After so many ticks a reign has heard what each member holds.
const YOUNG_REIGN_TICKS: u64 = 16;

/// How many states of a game are kept.
const fn history_states<G: Game>() -> usize {
    if G::PROMPT { PROMPT_HISTORY_STATES } else { HISTORY_STATES }
}

/// From so many ticks on it is worth while to remember what a state becomes: whoever plays refers to one of the
/// last two.
const NEAR_TICKS: u64 = 3;

/// Events older than this many ticks are not sent any more: whoever was away for longer, half a second at sixty ticks
/// in each, has missed more than a sound. It learns how many they were.
const fn event_ticks<G: Game>() -> u64 {
    history_states::<G>() as u64
}

/// Everything that is replicated: the game's world, and what the host must remember of each player
/// so that its successor goes on exactly there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "W: Serialize", deserialize = "W: DeserializeOwned"))]
pub struct State<W> {
    /// The world.
    pub world: W,
    /// Each player who is, or was, in it.
    pub seats: BTreeMap<NodeId, Seat>,
    /// How many events there have been since the world was founded: whoever gets a state some ticks
    /// after the one before learns from it how many events it was not told.
    pub happened: u64,
}

/// What the host remembers of a player.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// In which life the player sat down.
    pub incarnation: Incarnation,
    /// What the world was told that the player is called.
    pub name: Name,
    /// The number of its last controls applied. Lower ones are never applied again, by no host. One
    /// is used up in each tick: 32 bits would last for 828 days.
    pub number: u64,
    /// The number of its last order applied. None up to it is ever applied again, by no host.
    pub orders: u64,
    /// Whether the world has it as present.
    pub present: bool,
}

impl<W> State<W> {
    /// So many ticks pass in which nothing new happens.
    fn go_on<G: Game<World = W>>(&mut self, ticks: u64) {
        let mut events = Vec::new();
        for _ in 0..ticks {
            G::step(&mut self.world, &[], &mut events);
            events.clear();
        }
        for seat in self.seats.values_mut().filter(|seat| seat.present) {
            seat.number = seat.number.wrapping_add(ticks);
        }
    }
}

impl<W: Serialize> State<W> {
    /// 32 bits of the state's hash: XXH3 of its postcard encoding. The same on every machine.
    pub fn hash(&self) -> u32 {
        hash(&self.encoded())
    }

    /// The hash, and what its host signs: SHA-256 of the same encoding.
    pub fn hash_and_digest(&self) -> (u32, WorldDigest) {
        let bytes = self.encoded();
        (hash(&bytes), WorldDigest::of(&bytes))
    }

    fn encoded(&self) -> Vec<u8> {
        let room = Vec::with_capacity(1_024);
        postcard::to_extend(self, room).unwrap_or_default()
    }
}

fn hash(bytes: &[u8]) -> u32 {
    let hash = xxh3_64(bytes);
    (hash ^ hash >> 32) as u32
}

/// A state, where it stands, and its host's signature of it.
type Signed<W> = (WorldMark, Arc<State<W>>, Origin);

/// What one node holds of a world.
#[derive(Clone)]
pub struct Replica<G: Game> {
    /// The newest state: made here, or received.
    newest: Option<(WorldMark, Arc<State<G::World>>)>,
    /// What shows others that its host made it, if anything does.
    origin: Option<Origin>,
    /// The newest state that its host has signed.
    signed: Option<Signed<G::World>>,
    history: VecDeque<(Clock, Arc<State<G::World>>)>,
    /// How many of them, the oldest, may be of a line of history that was given up.
    foreign: usize,
    events: VecDeque<(Tick, G::Event)>,
    events_told: Tick,
    /// How many events of this line of history the user has been told, or told to have missed; none
    /// until the first that it can be told of.
    events_counted: Option<u64>,
    /// What the state that a snapshot referred to becomes if nothing new happens: the next one mostly refers to the
    /// same state, and is a tick later. Remembered, and nothing else.
    ahead: RefCell<Option<Ahead<G::World>>>,
}

/// What a state has become after so many ticks without news.
#[derive(Clone)]
struct Ahead<W> {
    from: Arc<State<W>>,
    ticks: u64,
    state: State<W>,
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
            origin: None,
            signed: None,
            history: VecDeque::new(),
            foreign: 0,
            events: VecDeque::new(),
            events_told: Tick(0),
            events_counted: None,
            ahead: RefCell::default(),
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

    /// All states held of this tick, of whichever reign.
    pub fn at(&self, tick: Tick) -> impl Iterator<Item = &Arc<State<G::World>>> {
        self.history.iter().filter(move |(held, _)| held.tick == tick).map(|(_, state)| state)
    }

    /// Whether a state that is held leads to the newest one, as far as is known.
    pub fn leads_here(&self, clock: Clock) -> bool {
        self.history.range(self.foreign..).any(|(held, _)| *held == clock)
    }

    /// What a state that is held becomes in so many ticks when nothing new happens.
    fn predicted(&self, from: &Arc<State<G::World>>, ticks: u64) -> State<G::World> {
        let remembered = self.ahead.try_borrow_mut().ok();
        let (Some(mut remembered), NEAR_TICKS..) = (remembered, ticks) else {
            let mut state = State::clone(from);
            state.go_on::<G>(ticks);
            return state;
        };
        let known = remembered.take();
        let known = known.filter(|known| Arc::ptr_eq(&known.from, from) && known.ticks <= ticks);
        let afresh = || Ahead { from: from.clone(), ticks: 0, state: State::clone(from) };
        let mut ahead = known.unwrap_or_else(afresh);
        ahead.state.go_on::<G>(ticks - ahead.ticks);
        ahead.ticks = ticks;
        let state = ahead.state.clone();
        *remembered = Some(ahead);
        state
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
            self.signed = None;
            self.events.clear();
            self.events_told = self.events_told.min(mark.began);
            self.events_counted = None;
        }
        if self.history.len() == history_states::<G>() {
            self.history.pop_front();
            self.foreign = self.foreign.saturating_sub(1);
        }
        self.history.push_back((mark.clock, state.clone()));
        self.newest = Some((mark, state));
        self.origin = None;
        rebased.map(|mark| mark.clock)
    }

    /// What shows others that the newest state is its host's.
    pub fn prove(&mut self, origin: Origin) {
        if let (Some((mark, state)), Some(_)) = (&self.newest, &origin.proof.signature) {
            self.signed = Some((*mark, state.clone(), origin.clone()));
        }
        self.origin = Some(origin);
    }

    /// The own reign begins: the newest state goes on, in the new term.
    pub fn reign(&mut self, term: Term) {
        let Some((mark, _)) = &mut self.newest else { return };
        let began = mark.clock.tick;
        self.origin = None;
        *mark = WorldMark { clock: Clock { term, tick: began }, began };
    }

    /// Forgets which controls have been applied: what a host must never do.
    pub(crate) fn forget_controls(&mut self) {
        if let Some((_, state)) = &mut self.newest {
            for seat in Arc::make_mut(state).seats.values_mut() {
                seat.number = seat.number.saturating_sub(30);
            }
        }
    }

    /// Forgets which orders have been applied: what a host must never do either.
    pub(crate) fn forget_orders(&mut self) {
        if let Some((_, state)) = &mut self.newest {
            for seat in Arc::make_mut(state).seats.values_mut() {
                seat.orders = seat.orders.saturating_sub(3);
            }
        }
    }

    /// Notes the events that led to the newest state, as far as they are known. Those of which the
    /// user has not been told yet, and how many came before them that nobody can tell any more.
    pub fn note_events(&mut self, events: Vec<(Tick, G::Event)>) -> (Vec<(Tick, G::Event)>, u64) {
        let told = self.events_told;
        let new: Vec<_> = events.into_iter().filter(|(tick, _)| *tick > told).collect();
        if let Some((last, _)) = new.last() {
            self.events_told = *last;
        }
        self.events.extend(new.iter().cloned());
        let now = self.clock().map_or(Tick(0), |clock| clock.tick);
        while self.events.front().is_some_and(|(tick, _)| tick.0 + event_ticks::<G>() < now.0) {
            self.events.pop_front();
        }
        let happened = self.state().map_or(0, |state| state.happened);
        let counted = self.events_counted.replace(happened).unwrap_or(happened);
        let missed = happened.saturating_sub(counted).saturating_sub(new.len() as u64);
        (new, missed)
    }

    /// What whoever holds the state at tick `held`, which [leads here](Replica::leads_here), has
    /// missed: the events that are still worth telling. Whoever holds none gets the last ones; where a reign is so young
    /// that it has heard of nobody yet what they hold, all of its own.
    pub fn since(&self, held: Option<Tick>) -> Vec<(Tick, G::Event)> {
        let (now, began) = self.mark().map_or((0, 0), |mark| (mark.clock.tick.0, mark.began.0));
        let young = now.saturating_sub(began) <= YOUNG_REIGN_TICKS;
        let spoken = held.unwrap_or(Tick(if young { began } else { now.saturating_sub(1) }));
        self.events.iter().filter(|(at, _)| *at > spoken).cloned().collect()
    }
}

impl<G: Game> Newest for Replica<G> {
    fn mark(&self) -> Option<WorldMark> {
        self.newest.as_ref().map(|(mark, _)| *mark)
    }

    fn encode(&self) -> Option<Payload> {
        let (_, state) = self.newest.as_ref()?;
        postcard::to_stdvec(state.as_ref()).ok().map(Payload::from)
    }

    fn copies(&self, held: Option<WorldMark>) -> Vec<WorldCopy> {
        let newest = self.newest.as_ref().zip(self.origin.as_ref());
        let newest = newest.map(|((mark, state), origin)| (mark, state, origin));
        let signed = self.signed.as_ref().map(|(mark, state, origin)| (mark, state, origin));
        let signed = signed.filter(|(mark, ..)| newest.is_none_or(|(newest, ..)| newest != *mark));
        let needed = newest.into_iter().chain(signed).filter(|(mark, ..)| !descends(held, **mark));
        let copy = |(mark, state, origin): (&WorldMark, &Arc<State<G::World>>, &Origin)| {
            let sync_gamestate = Payload::from(postcard::to_stdvec(state.as_ref()).ok()?);
            Some(WorldCopy { mark: *mark, sync_gamestate, origin: Some(origin.clone()) })
        };
        needed.filter_map(copy).collect()
    }
}

/// The state that [`Newest::encode`] made into `payload`, if it is one and can be stepped.
pub fn decode_copy<G: Game>(payload: &Payload) -> Option<State<G::World>> {
    let state: State<G::World> = payload.decode()?;
    G::is_valid(&state.world).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Form,
        game::News,
        types::{Epoch, Incarnation},
    };

    const HOST: NodeId = NodeId::from_u128(9);

    /// Each step happens something.
    #[derive(Clone, Debug)]
    enum Bell {}

    impl Game for Bell {
        const RULES: &'static str = "bell 1";
        type World = u64;
        type Controls = ();
        type Order = ();
        type Event = u64;
        type Scores = ();

        fn new_world(_seed: u64) -> u64 {
            0
        }

        fn is_valid(_world: &u64) -> bool {
            true
        }

        fn step(world: &mut u64, _news: &[News<()>], events: &mut Vec<u64>) {
            *world += 1;
            events.push(*world);
        }

        fn blend(_from: &u64, to: &u64, _part: u16) -> u64 {
            *to
        }
    }

    struct Ringer {
        term: Term,
        replica: Replica<Bell>,
        host: host::Host<(), ()>,
    }

    impl Ringer {
        fn new() -> Self {
            let term = Term { epoch: Epoch(1), host: HOST, incarnation: Incarnation(1) };
            let mut replica = Replica::default();
            let state = State { world: 0, seats: BTreeMap::new(), happened: 0 };
            let mark = WorldMark { clock: Clock { term, tick: Tick(0) }, began: Tick(0) };
            replica.take(mark, Arc::new(state), None);
            Self { term, replica, host: host::Host::new() }
        }

        fn ticks(&mut self, count: u64) {
            for _ in 0..count {
                let Some((mark, state)) = &self.replica.newest else { panic!("no world") };
                let mut mark = *mark;
                let mut state = State::clone(state);
                let mut events = Vec::new();
                let _ = self.host.step::<Bell>(&mut state, &[], &mut events);
                mark.clock = Clock { term: self.term, tick: Tick(mark.clock.tick.0 + 1) };
                self.replica.take(mark, Arc::new(state), None);
                let tick = mark.clock.tick;
                let noted =
                    self.replica.note_events(events.into_iter().map(|it| (tick, it)).collect());
                assert_eq!((noted.0.len(), noted.1), (1, 0));
            }
        }

        /// What a follower is told by the newest tick: the first event, how many, how many missed.
        fn tell(&self, follower: &mut Replica<Bell>, form: Form) -> (Option<u64>, usize, u64) {
            let Some((mark, state)) = &self.replica.newest else { panic!("no world") };
            let held = follower.clock().filter(|held| self.replica.held(*held).is_some());
            let baseline = held.and_then(|held| Some((held, &**self.replica.held(held)?)));
            let since = self.replica.since(held.map(|held| held.tick));
            let (clock, hash) = (mark.clock, state.hash());
            let payload =
                snapshot::encode::<Bell>(form, clock, state, hash, baseline, &since).unwrap();
            let Ok(received) = snapshot::decode::<Bell>(&payload, clock, follower) else {
                panic!("no state");
            };
            assert_eq!(received.state, *state);
            follower.take(*mark, received.state, None);
            let (new, missed) = follower.note_events(received.events);
            (new.first().map(|(_, event)| *event), new.len(), missed)
        }
    }

    #[test]
    fn who_stands_still_is_told_each_event_or_how_many_it_missed() {
        for form in [Form::Binary, Form::Json] {
            let mut ringer = Ringer::new();
            let mut follower = Replica::default();
            ringer.ticks(100);
            // What was before it came is none of its business.
            assert_eq!(ringer.tell(&mut follower, form), (Some(100), 1, 0));
            for pause in [1, 7, 31, 32, 33, 64, 120, 3_000] {
                let before = ringer.replica.state().unwrap().happened;
                ringer.ticks(pause);
                let (first, told, missed) = ringer.tell(&mut follower, form);
                assert_eq!(told as u64 + missed, pause);
                assert_eq!(first, Some(before + missed + 1));
                assert_eq!(missed == 0, pause < HISTORY_STATES as u64, "{pause} ticks");
            }
        }
    }

    // A spectator's snapshots refer to one state for a while, and then to another one.
    #[test]
    fn what_is_remembered_of_a_state_is_what_it_becomes() {
        let mut ringer = Ringer::new();
        ringer.ticks(20);
        let states = [10, 18].map(|tick| ringer.replica.at(Tick(tick)).next().unwrap().clone());
        for (state, ticks) in
            [(0, 3), (0, 4), (0, 9), (1, 3), (0, 5), (0, 5), (0, 4), (1, 1), (1, 16)]
        {
            let mut becomes = State::clone(&states[state]);
            becomes.go_on::<Bell>(ticks);
            assert_eq!(ringer.replica.predicted(&states[state], ticks), becomes);
        }
    }

    #[test]
    fn the_next_host_goes_on_counting_what_happened() {
        let mut ringer = Ringer::new();
        ringer.ticks(10);
        let (mut heir, mut late) = (Replica::default(), Replica::default());
        ringer.tell(&mut heir, Form::Binary);
        ringer.tell(&mut late, Form::Binary);
        ringer.ticks(200);
        assert_eq!(ringer.tell(&mut heir, Form::Binary), (Some(210), 1, 199));
        ringer.term.epoch = Epoch(2);
        heir.reign(ringer.term);
        ringer.replica = heir;
        ringer.ticks(50);
        assert_eq!(ringer.tell(&mut late, Form::Binary), (Some(260), 1, 249));
    }

    // Another line of history has other events: how many of them there were before says nothing.
    #[test]
    fn nothing_is_missed_of_a_line_of_history_that_was_not_played() {
        let (mut mine, mut theirs) = (Ringer::new(), Ringer::new());
        theirs.term.epoch = Epoch(2);
        mine.ticks(50);
        theirs.ticks(500);
        let (_, told, missed) = theirs.tell(&mut mine.replica, Form::Binary);
        assert_eq!((told, missed), (1, 0));
        theirs.ticks(100);
        assert_eq!(theirs.tell(&mut mine.replica, Form::Binary), (Some(600), 1, 99));
    }
}
