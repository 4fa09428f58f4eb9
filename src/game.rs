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
//! - *Suspicious.* `is_valid` is asked of each world that came off a wire; what passes must be safe
//!   to step.

mod difference;
mod rate;
#[cfg(test)]
pub mod testing;

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use xxhash_rust::xxh3::xxh3_64;

pub use self::rate::{Rate, Span, TICKS_PER_SECOND_MAX, TICKS_PER_SECOND_MIN};
pub use crate::bits::Malformed;
use crate::{
    text::Name,
    types::{NodeId, Term},
};

/// All that reaches a world from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News<C, O = ()> {
    /// A player came in, or came back, or has another name: then it is there already. Whoever hosts,
    /// each of these is told once.
    Joined(NodeId, Name),
    /// A player went away: it left politely, or nothing is heard of it. It may come back.
    Left(NodeId),
    /// What a player holds down from this step on. Several may come for one player in one step
    /// (packets are late, then come together): the last one holds, but a press in any counts.
    Controls(NodeId, C),
    /// A player orders something. Each order comes once, in the order in which its player gave them, also
    /// when a host was lost in between; of one step those of a player come after what it holds down.
    Order(NodeId, O),
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

/// All that reaches the scores of a game: see [`Game::update_scores`].
#[derive(Clone, Copy, Debug)]
pub enum ScoreNews<'a> {
    /// This fact counts from here on.
    Counts(&'a Fact),
    /// This fact counted and does not any more: another one of its key does.
    CountsNoMore(&'a Fact),
    /// Somebody is called so. Of several names of one player the most recent one holds.
    Called(NodeId, &'a Name, Recency),
    /// Many facts count, which come to this much by themselves: what [`Game::sum_up`] made of them.
    /// The clock of whoever wrote them was so many hours behind.
    SumCounts(&'a [u8], i64),
}

/// How recent something is that was written down: the greater was written later, whatever the clocks of
/// the machines said. (In which reign, and the how manieth of its host.)
pub type Recency = (Term, u64);

/// How a game groups its facts and sums them up, for a ledger that knows no game.
#[derive(Clone, Copy, Debug)]
pub struct FactRules {
    /// See [`Game::fact_group`].
    pub group: fn(&Fact) -> u64,
    /// See [`Game::sum_up`].
    pub sum_up: fn(&[(u64, Fact)]) -> Vec<u8>,
}

impl FactRules {
    /// As this game does it.
    pub fn of<G: Game>() -> Self {
        Self { group: G::fact_group, sum_up: G::sum_up }
    }
}

impl Default for FactRules {
    /// Each fact has a group of its own, and there are no sums.
    fn default() -> Self {
        Self { group: group_of_its_own, sum_up: |_| Vec::new() }
    }
}

fn group_of_its_own(fact: &Fact) -> u64 {
    xxh3_64(&fact.key)
}

/// The rules of a game. A marker type without values; all state is in the world.
///
/// Four functions make a game: [`new_world`](Game::new_world), [`is_valid`](Game::is_valid),
/// [`step`](Game::step), and, as soon as anything moves, [`blend`](Game::blend). All others have
/// defaults, and most games leave them alone:
///
/// | what you want | what to write |
/// |---|---|
/// | scores that outlive the evening | [`fact_of_event`](Game::fact_of_event), [`update_scores`](Game::update_scores), [`sum_up`](Game::sum_up) |
/// | those scores in the world, too | [`scores_into_world`](Game::scores_into_world), [`fact_group`](Game::fact_group), [`current_group`](Game::current_group), [`on_new_host`](Game::on_new_host) |
/// | large worlds in small packets | [`encode_difference`](Game::encode_difference), [`decode_difference`](Game::decode_difference) |
///
/// All of them are called on the network thread, `step` and `blend` wherever else you like: so they are
/// quick, and none of them waits for anything.
pub trait Game: Clone + Debug + Send + Sync + Sized + 'static {
    /// Name and version of the rules, read at each start: nodes with other rules never meet. Change it
    /// whenever a world would be stepped, or would look, otherwise than before. At most
    /// [`RULES_BYTES_MAX`](crate::config::RULES_BYTES_MAX) bytes, or it does not compile.
    const RULES: &'static str;

    /// How many steps the world makes in a second: sixty, unless a game says otherwise; from
    /// [`TICKS_PER_SECOND_MIN`] to [`TICKS_PER_SECOND_MAX`], or it does not compile. It belongs to the rules: with
    /// another number they need another [`RULES`](Game::RULES).
    ///
    /// Sixty is for what has to obey the hand at once; ten do for a board game. What it decides:
    ///
    /// - *[`step`](Game::step)* is called so often, so whatever a world counts in steps (a turn's clock, the pace
    ///   of a body) follows from it; better say `10 * TICKS_PER_SECOND` than a number. Where a host is killed no step is
    ///   missed, so a clock goes on; while a silent one is waited for there are none, so it stands still.
    /// - *Bytes.* A host sends everybody each tick, and everybody answers with what is held down: each tick, or, with
    ///   twenty a second and fewer, every second one while nothing happens. So at ten a second an idle game costs a
    ///   sixth of what it costs at sixty. What happens costs the same.
    /// - *How soon a press counts.* It leaves, and is shown to whoever pressed, with that node's next tick, and counts
    ///   with the host's next one: that is a tick and a half, in the mean.
    /// - *How soon a lost host is missed.* One whose process ends is replaced at once, and its successor makes
    ///   the next tick when it is due; so that shows less, the rarer ticks are. One that falls silent is missed after two
    ///   ticks and some 16 ms: a twentieth of a second at sixty, under a quarter of one at ten.
    /// - *What is shown.* Prediction runs ahead by half a second at most, or by eight ticks.
    ///   [`Picture::shown`](crate::node::Picture::shown) draws what is between two ticks, for each frame, with
    ///   [`blend`](Game::blend): the fewer ticks, the longer the way in between, and the more depends on that.
    const TICKS_PER_SECOND: u64 = 60;

    /// Whether an order is applied as soon as it has come, in a step of its own, and not with the next tick. For a world
    /// that only orders change: in another one nothing can be counted in steps any more, since there are more of them
    /// whenever somebody orders something. Then an order is everywhere a moment after it was given, in a quarter of a
    /// millisecond between two programs on one machine. A few steps may follow one another at once; in the mean one does after
    /// [`PROMPT_STEP_AFTER`](crate::config::PROMPT_STEP_AFTER) at the soonest. Without orders there are as many steps as
    /// [`TICKS_PER_SECOND`](Game::TICKS_PER_SECOND) says.
    const PROMPT: bool = false;

    /// The state of a game, whole: everything that [`step`](Game::step) reads, and everything that is to
    /// be seen. Each machine holds it, and whoever becomes host goes on with it.
    type World: Clone + Eq + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// What a player holds down in one tick; the default is nothing at all. `()` if there is nothing to
    /// press.
    type Controls: Copy + Eq + Default + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// What a player does once, instead of holding it down: a move, a bid, a word. It is given with
    /// [`Handle::order`](crate::Handle::order), and comes as [`News::Order`]. At most
    /// [`ORDER_BYTES_MAX`](crate::config::ORDER_BYTES_MAX) bytes, encoded. `()` if nothing is ordered.
    type Order: Clone + Eq + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// What happened in a step and is worth a sound or a line, but is not state. Every machine is told
    /// ([`Event::Game`](crate::node::Event::Game)). `()` if nothing is.
    type Event: Clone + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// What all facts come to: the scores of many worlds, of this evening and of all time, as
    /// [`View::scores`](crate::node::View::scores) shows them. `()` if none are kept.
    type Scores: Clone + Default + PartialEq + Debug + Send + Sync;

    /// Makes a new world. All its chance comes from `seed`, of which no two are alike.
    ///
    /// Called once for each session, on the machine that founds it; everybody else gets that world.
    fn new_world(seed: u64) -> Self::World;

    /// Whether `world` can be stepped and shown.
    ///
    /// Called by every machine on each world that came off a wire, before anything else is done with it.
    /// So it is the place to refuse what a broken or hostile machine may send: an index that points
    /// nowhere, a number that is too large, a list that is too long. It has no default, for nobody but
    /// you can say that; it is `true` if `step` stands *every* value that the type can have.
    fn is_valid(world: &Self::World) -> bool;

    /// One step: a sixtieth of a second, or what [`TICKS_PER_SECOND`](Game::TICKS_PER_SECOND) says. Changes `world`, and appends what happened to `events`.
    ///
    /// Called by the host on each tick; and by every machine more often than that: whoever shows the
    /// world predicts with it, on worlds that never come to be, and drops the events of those. So it
    /// does nothing but what it says here.
    fn step(
        world: &mut Self::World,
        news: &[News<Self::Controls, Self::Order>],
        events: &mut Vec<Self::Event>,
    );

    /// A world between `from` (`part` 0) and `to` (`part` 65,536, never reached): what moves smoothly
    /// is interpolated, everything else is as in `to`. What jumped (a player put elsewhere) is not
    /// dragged across the board.
    ///
    /// Called by every machine that shows the world, on each tick, and by
    /// [`Picture::shown`](crate::node::Picture::shown) for each frame. By default there is nothing in
    /// between, and `to` is shown: right for a game in which nothing moves smoothly.
    ///
    /// What comes of it is shown, and *stepped*: the world that is shown is in each tick stepped with
    /// what the own player holds down, and then blended a part of the way into the one that is
    /// predicted: a fifth, at sixty ticks a second. So it must be a whole world, with everything in it that [`step`](Game::step)
    /// relies on. It need not be [valid](Game::is_valid): it is never sent, hashed or kept, nobody
    /// else ever sees it, and no fact comes of it.
    fn blend(_from: &Self::World, to: &Self::World, _part: u16) -> Self::World {
        to.clone()
    }

    /// A new host runs this world from here on (or the same one, anew), and `reign` is a number that was
    /// never given before, to nobody.
    ///
    /// Called by that host, once, before its next step; also by the first host of all. If the world
    /// gives names to what facts speak of, let them contain `reign`: where a network was cut in two,
    /// both halves go on, and must not give one name to two things. By default nothing is done, which
    /// is right for a game that keeps no facts.
    fn on_new_host(_world: &mut Self::World, _reign: u64) {}

    /// What is to be kept for ever of something that happened in the last step, which led to `world`.
    ///
    /// Called by the host after each step, for each event. The fact is written down with that very tick,
    /// on all machines. By default nothing is kept.
    fn fact_of_event(_world: &Self::World, _event: &Self::Event) -> Option<Fact> {
        None
    }

    /// Changes the scores by some news; `at` is when it was written, in seconds since 1970 (0 of a sum).
    ///
    /// Called by every machine, at the start for all that its disk holds, and then for whatever comes in.
    /// News come in any order, and the scores must be the same in the end: so add and take away, and
    /// keep the most recent name. By default nothing is counted.
    fn update_scores(_scores: &mut Self::Scores, _at: u64, _news: ScoreNews<'_>) {}

    /// Which group a fact belongs to: that of its round, for example. Facts of one key must be in one
    /// group; the fewer facts share one, and the closer together these are written, the faster those of
    /// one key are found.
    ///
    /// Called by every machine for each fact. By default each key has a group of its own.
    fn fact_group(fact: &Fact) -> u64 {
        group_of_its_own(fact)
    }

    /// Sums up: what these facts come to by themselves, each with the time when it was written, in any
    /// form that [`update_scores`](Game::update_scores) can read ([`ScoreNews::SumCounts`]).
    ///
    /// Called by every machine, for some thousand old facts at a time: with it a start reads a few sums
    /// instead of millions of facts. By default there are no sums (no bytes), and the facts are told
    /// one by one; that is fast enough for some ten thousand.
    fn sum_up(_facts: &[(u64, Fact)]) -> Vec<u8> {
        Vec::new()
    }

    /// The group that facts of this world belong to now, if
    /// [`scores_into_world`](Game::scores_into_world) asks for them.
    ///
    /// Called by the host, just before that one. By default it is given no facts.
    fn current_group(_world: &Self::World) -> Option<u64> {
        None
    }

    /// Puts the scores into the world, if it shows any: points may have come in from elsewhere, from
    /// another evening or from the other side of a cut. `now` is in seconds since 1970, `facts` are all
    /// of the [current group](Game::current_group).
    ///
    /// Called by the host after a step, when the scores have changed. By default the world knows
    /// nothing of scores that are kept.
    fn scores_into_world(
        _world: &mut Self::World,
        _scores: &Self::Scores,
        _now: u64,
        _facts: &[Fact],
    ) {
    }

    /// Whether the scores can have made `after` out of `before`: `facts` are all of the current group of `after`. Each
    /// machine holds some facts that another one has not heard of yet, so a world that was given less than these
    /// come to is fine, and one that was given more is not.
    ///
    /// Called by everybody who checks the host, where [`scores_into_world`](Game::scores_into_world) has changed
    /// something. By default both worlds, with the scores put in that are known here, must be the same: right wherever
    /// what is shown never falls, or is set.
    fn scores_account_for(
        before: &Self::World,
        after: &Self::World,
        scores: &Self::Scores,
        facts: &[Fact],
    ) -> bool {
        let filled = |world: &Self::World| {
            let mut world = world.clone();
            Self::scores_into_world(&mut world, scores, 0, facts);
            world
        };
        filled(before) == filled(after)
    }

    /// Appends what is needed to make `actual` out of `predicted`. Defined for any two worlds;
    /// nothing at all when they are equal.
    ///
    /// Called by whoever sends a tick: `predicted` is what the receiver can work out itself, so the two
    /// are nearly the same. By default what differs between their encodings: some four bytes for each
    /// place, and the bytes that are new there. That costs both encodings whenever something differs,
    /// so a world of many thousand bytes of which something always does is worth a form of its own.
    fn encode_difference(predicted: &Self::World, actual: &Self::World, out: &mut Vec<u8>) {
        if predicted != actual
            && let (Ok(before), Ok(after)) =
                (postcard::to_stdvec(predicted), postcard::to_stdvec(actual))
        {
            difference::encode(&before, &after, out);
        }
    }

    /// The inverse of [`encode_difference`](Game::encode_difference): the actual world. Write both, or
    /// neither.
    ///
    /// Called by whoever receives a tick, with bytes that came off a wire.
    ///
    /// # Errors
    /// [`Malformed`] when `input` is no difference. Never panics.
    fn decode_difference(predicted: &Self::World, input: &[u8]) -> Result<Self::World, Malformed> {
        if input.is_empty() {
            return Ok(predicted.clone());
        }
        let before = postcard::to_stdvec(predicted).map_err(|_| Malformed)?;
        let after = difference::decode(&before, input)?;
        let (world, rest) = postcard::take_from_bytes(&after).map_err(|_| Malformed)?;
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
