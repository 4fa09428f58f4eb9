//! One tick as bytes, against a state the receiver holds.
//!
//! Two forms of the same. [`Form::Binary`] is what nodes speak: see the module `binary` for its
//! bytes. [`Form::Json`] is for people (`--wire json`): the world's own fields beside a few of the
//! protocol. A field that is as in the baseline is left out, so `gatherables` and `scoreboard` of
//! the arena are there only when they have changed.
//!
//! ```json
//! {"sync_gamestate":"changes", "clock":{..}, "baseline":{..}, "hash":3735928559,
//!  "seats":{..}, "happened":12, "events":[..], "players":{..}}
//! ```
//!
//! A snapshot carries 32 bits of the hash of the state it stands for. A receiver that gets another
//! hash has other rules, or a fault: it reports that, and asks for everything.

mod binary;
mod json;

use std::sync::Arc;

use super::{Replica, State};
use crate::{
    cluster::message::Payload,
    config::Form,
    game::Game,
    types::{Clock, Tick},
};

/// A snapshot, decoded.
pub struct Snapshot<G: Game> {
    /// The state.
    pub state: Arc<State<G::World>>,
    /// Its hash, as computed here.
    pub hash: u32,
    /// What has happened since the baseline.
    pub events: Vec<(Tick, G::Event)>,
}

/// Why a snapshot gives no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It refers to a state that is not held here (any more).
    NoBaseline,
    /// It is no snapshot, or gives a world that cannot be.
    Malformed,
    /// It gives a state with another hash than its sender's.
    Diverged,
}

/// The snapshot of `state` for whoever holds `baseline`, with the `events` since: whoever skips a tick
/// misses what happened in it.
pub fn encode<G: Game>(
    form: Form,
    clock: Clock,
    state: &State<G::World>,
    hash: u32,
    baseline: Option<(Clock, &State<G::World>)>,
    events: &[(Tick, G::Event)],
) -> Option<Payload> {
    match form {
        Form::Binary => {
            binary::encode::<G>(clock, state, hash, baseline, events).map(Payload::from)
        }
        Form::Json => json::encode::<G>(clock, state, hash, baseline, events).map(Payload::Json),
    }
}

/// The state that `payload` stands for, in whichever form.
///
/// # Errors
/// [`Unusable`] says why there is none. Never panics, whatever the bytes.
pub fn decode<G: Game>(
    payload: &Payload,
    clock: Clock,
    replica: &Replica<G>,
) -> Result<Snapshot<G>, Unusable> {
    match payload {
        Payload::Binary(bytes) => binary::decode(bytes, clock, replica),
        Payload::Json(raw) => json::decode(raw.get().as_bytes(), clock, replica),
    }
}
