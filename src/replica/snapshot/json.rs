//! The form for people: the world's own fields, beside a few of the protocol.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::{Snapshot, Unusable};
use crate::{
    game::Game,
    replica::{Replica, State},
    types::{Clock, Tick},
};

#[derive(Serialize, Deserialize)]
struct Header {
    sync_gamestate: Kind,
    clock: Clock,
    baseline: Option<Clock>,
    hash: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Full,
    Changes,
}

/// The fields of the protocol, beside which those of the world stand.
const OWN_FIELDS: [&str; 7] =
    ["sync_gamestate", "clock", "baseline", "hash", "seats", "happened", "events"];

pub(super) fn encode<G: Game>(
    clock: Clock,
    state: &State<G::World>,
    hash: u32,
    baseline: Option<(Clock, &State<G::World>)>,
    events: &[(Tick, G::Event)],
) -> Option<Box<RawValue>> {
    let mut fields = fields(state)?;
    if let Some((_, old)) = baseline {
        let old = self::fields(old)?;
        fields.retain(|key, value| old.get(key) != Some(value));
    }
    if !events.is_empty() {
        fields.insert("events".to_owned(), serde_json::to_value(events).ok()?);
    }
    let header = Header {
        sync_gamestate: if baseline.is_some() { Kind::Changes } else { Kind::Full },
        clock,
        baseline: baseline.map(|(clock, _)| clock),
        hash,
    };
    let Value::Object(header) = serde_json::to_value(header).ok()? else {
        return None;
    };
    fields.extend(header);
    RawValue::from_string(serde_json::to_string(&fields).ok()?).ok()
}

pub(super) fn decode<G: Game>(
    bytes: &[u8],
    clock: Clock,
    replica: &Replica<G>,
) -> Result<Snapshot<G>, Unusable> {
    let mut fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|_| Unusable::Malformed)?;
    let header: Header = take(&mut fields, &OWN_FIELDS[..4])?;
    if header.clock != clock {
        return Err(Unusable::Malformed);
    }
    let events = match fields.remove("events") {
        Some(events) => serde_json::from_value(events).map_err(|_| Unusable::Malformed)?,
        None => Vec::new(),
    };
    if let Some(baseline) = header.baseline {
        let held = replica.held(baseline).ok_or(Unusable::NoBaseline)?;
        let mut merged = self::fields(held).ok_or(Unusable::Malformed)?;
        merged.append(&mut fields);
        fields = merged;
    }
    let seats = fields.remove("seats").ok_or(Unusable::Malformed)?;
    let seats = serde_json::from_value(seats).map_err(|_| Unusable::Malformed)?;
    let happened = fields.remove("happened").and_then(|happened| happened.as_u64());
    let happened = happened.ok_or(Unusable::Malformed)?;
    let world = match fields.remove("world") {
        Some(world) => world,
        None => Value::Object(fields),
    };
    let world = serde_json::from_value(world).map_err(|_| Unusable::Malformed)?;
    if !G::is_valid(&world) {
        return Err(Unusable::Malformed);
    }
    let state = State { world, seats, happened };
    let hash = state.hash();
    if hash != header.hash {
        return Err(Unusable::Diverged);
    }
    Ok(Snapshot { state: Arc::new(state), hash, events })
}

/// The fields of a state: those of its world if that is an object and they do not clash with the
/// protocol's, otherwise the world as one field.
fn fields<W: Serialize>(state: &State<W>) -> Option<Map<String, Value>> {
    let mut fields = match serde_json::to_value(&state.world).ok()? {
        Value::Object(world)
            if !world.contains_key("world")
                && OWN_FIELDS.iter().all(|own| !world.contains_key(*own)) =>
        {
            world
        }
        world => Map::from_iter([("world".to_owned(), world)]),
    };
    fields.insert("seats".to_owned(), serde_json::to_value(&state.seats).ok()?);
    fields.insert("happened".to_owned(), state.happened.into());
    Some(fields)
}

fn take<T: for<'de> Deserialize<'de>>(
    fields: &mut Map<String, Value>,
    keys: &[&str],
) -> Result<T, Unusable> {
    let own = keys.iter().filter_map(|key| fields.remove_entry(*key)).collect();
    serde_json::from_value(Value::Object(own)).map_err(|_| Unusable::Malformed)
}
