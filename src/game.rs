//! What a game is to this library: rules as a pure, total step over a world.
//!
//! Implement [`Game`] for an empty `enum`, and the rest of the crate finds the other players,
//! elects a host, replicates the world, and lets it survive whoever runs it. Three things are
//! asked in return, and the simulator tests them:
//!
//! - *Deterministic.* The same world and the same news give the same world on every machine. So:
//!   integers instead of floats, `BTreeMap` instead of `HashMap`, and random numbers computed from
//!   a counter in the world ([`draw`]) instead of drawn from a generator.
//! - *Total.* `step` neither panics nor overflows, whatever news it is given, and whatever world
//!   that is valid, or was [blended](Game::blend) of such. A panic ends the node it happens in
//!   ([`Status::Failed`](crate::node::Status::Failed)); the next host steps the same world, so one
//!   mistake may end all of them, one after the other, and each says so.
//! - *Suspicious.* `valid` is asked of each world that came off a wire; what passes must be safe
//!   to step.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use xxhash_rust::xxh3::xxh3_64;

pub use crate::bits::Malformed;
use crate::{
    text::Name,
    types::{NodeId, Term},
};

/// Steps of the world in a second.
pub const TICKS_PER_SECOND: u64 = 60;

/// All that reaches a world from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News<C> {
    /// A player came in, or came back, or has another name: then it is there already. Whoever hosts,
    /// each of these is told once.
    Joined(NodeId, Name),
    /// A player went away: it left politely, or nothing is heard of it. It may come back.
    Left(NodeId),
    /// What a player holds down from this step on. Several may come for one player in one step
    /// (packets are late, then come together): the last one holds, but a press in any counts.
    Controls(NodeId, C),
}

/// Something that is to outlive the world it happened in, its host, and the evening: opaque to all
/// but the game. Of all facts with one key one counts, however often and wherever they were noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What tells it from all other facts: 128 bytes at most, and never none.
    pub key: Vec<u8>,
    /// What else it says.
    pub value: Vec<u8>,
}

/// What a hall of fame is told.
#[derive(Clone, Copy, Debug)]
pub enum Remembered<'a> {
    /// This fact counts from here on.
    Counts(&'a Fact),
    /// This fact counted and does not any more: another one of its key does.
    CountsNoMore(&'a Fact),
    /// Somebody is called so. The name of the highest place is the last one.
    Called(NodeId, &'a Name, Rank),
    /// Many facts count, which come to this much by themselves: what [`Game::total`] made of them.
    /// The clock of whoever wrote them was so many hours behind.
    Total(&'a [u8], i64),
}

/// The place that something had in the order of the ledger when it was written: in which reign, and
/// the how manieth of its host.
pub type Rank = (Term, u64);

/// How a game sorts its facts and sums them up, for a ledger that knows no game.
#[derive(Clone, Copy, Debug)]
pub struct Summing {
    /// See [`Game::scope`].
    pub scope: fn(&Fact) -> u64,
    /// See [`Game::total`].
    pub total: fn(&[(u64, Fact)]) -> Vec<u8>,
}

impl Summing {
    /// As this game does it.
    pub fn of<G: Game>() -> Self {
        Self { scope: G::scope, total: G::total }
    }
}

impl Default for Summing {
    /// Each fact has a scope of its own, and there are no totals.
    fn default() -> Self {
        Self { scope: |fact| xxh3_64(&fact.key), total: |_| Vec::new() }
    }
}

/// The rules of a game. A marker type without values; all state is in the world.
pub trait Game: Clone + Debug + Send + Sync + Sized + 'static {
    /// Name and version. Nodes with other rules never meet. At most
    /// [`RULES_BYTES_MAX`](crate::config::RULES_BYTES_MAX) bytes, or it does not compile.
    const RULES: &'static str;

    /// The state of a game, whole.
    type World: Clone + Eq + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// What a player holds down in one tick.
    type Controls: Copy + Eq + Default + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// What happened in a step and is worth a sound or a line, but is not state.
    type Event: Clone + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// What all facts come to: the scores of many worlds.
    type Hall: Clone + Default + PartialEq + Debug + Send + Sync;

    /// A new world. All its chance comes from `seed`.
    fn found(seed: u64) -> Self::World;

    /// Whether `world`, which came off a wire, can be stepped and shown.
    fn valid(world: &Self::World) -> bool;

    /// One step, a sixtieth of a second. Appends what happened to `events`.
    ///
    /// It is called more often than once a tick: whoever shows the world predicts with it, on worlds
    /// that never come to be, and drops the events of those.
    fn step(world: &mut Self::World, news: &[News<Self::Controls>], events: &mut Vec<Self::Event>);

    /// A world between `from` (`part` 0) and `to` (`part` 65,536, never reached): what moves smoothly
    /// is interpolated, everything else is as in `to`. What jumped (a player put elsewhere) is not
    /// dragged across the board.
    ///
    /// What comes of it is shown, and *stepped*: the world that is shown is in each tick stepped with
    /// what the own player holds down, and then blended a fifth of the way into the one that is
    /// predicted. So it must be a whole world, with everything in it that [`step`](Game::step)
    /// relies on. It need not be [`valid`](Game::valid): it is never sent, hashed or kept, nobody
    /// else ever sees it, and no fact comes of it.
    fn blend(from: &Self::World, to: &Self::World, part: u16) -> Self::World;

    /// A new reign begins with this world, and `reign` is a number that no other has: if the world
    /// gives names to what facts speak of, they must be such as no world of another reign gives.
    fn begin_reign(_world: &mut Self::World, _reign: u64) {}

    /// What is to be kept for ever of something that happened in this world's last step.
    fn fact(_world: &Self::World, _event: &Self::Event) -> Option<Fact> {
        None
    }

    /// Enters a record in the hall; `at` is when it was noted, in seconds since 1970. In whatever
    /// order records come: what counts in the end decides.
    fn enter(_hall: &mut Self::Hall, _at: u64, _record: Remembered<'_>) {}

    /// What a fact belongs to: a round, for example. Facts of one key must have one scope; the fewer
    /// facts share one, and the closer together these are written, the faster a ledger finds those of
    /// one key.
    fn scope(fact: &Fact) -> u64 {
        xxh3_64(&fact.key)
    }

    /// What these facts come to by themselves, each with the time when it was noted: so that a ledger
    /// with millions of them is read in a moment. None: they are told one by one.
    fn total(_facts: &[(u64, Fact)]) -> Vec<u8> {
        Vec::new()
    }

    /// The scope of what happens in this world, if [`recall`](Game::recall) asks for its facts.
    fn open_scope(_world: &Self::World) -> Option<u64> {
        None
    }

    /// Brings the scores of a world in line with the hall: facts may have come in from elsewhere.
    /// `now` is in seconds since 1970, `facts` are all of the [open scope](Game::open_scope).
    fn recall(_world: &mut Self::World, _hall: &Self::Hall, _now: u64, _facts: &[Fact]) {}

    /// Appends what is needed to make `actual` out of `predicted`. Defined for any two worlds;
    /// nothing at all when they are equal. By default the whole of `actual`.
    fn encode_residual(predicted: &Self::World, actual: &Self::World, out: &mut Vec<u8>) {
        if predicted != actual
            && let Ok(bytes) = postcard::to_stdvec(actual)
        {
            out.extend(bytes);
        }
    }

    /// The inverse of [`encode_residual`](Game::encode_residual).
    ///
    /// # Errors
    /// [`Malformed`] when `input` is no residual. Never panics.
    fn decode_residual(predicted: &Self::World, input: &[u8]) -> Result<Self::World, Malformed> {
        if input.is_empty() {
            return Ok(predicted.clone());
        }
        let (world, rest) = postcard::take_from_bytes(input).map_err(|_| Malformed)?;
        if rest.is_empty() { Ok(world) } else { Err(Malformed) }
    }
}

/// The random number that belongs to `counter` under `seed`: SplitMix64's output function (Steele,
/// Lea, Flood 2014) of their combination. Equal arguments give equal numbers, so a step that uses
/// it can be repeated.
pub const fn draw(seed: u64, counter: u64) -> u64 {
    let mut z = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
