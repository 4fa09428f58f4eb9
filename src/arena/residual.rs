//! How little two worlds that nearly agree have to tell each other.
//!
//! Whoever receives a world can step the one it had before, without news, and so *predicts* what
//! comes. What the prediction cannot know is what people did meanwhile. Most often somebody has
//! turned, a tick or two ago; everything that follows from that (place, facing, a dash and its
//! cooldown) follows by the rules, so it is enough to say who, whither and when: a turn,
//! some fifteen bits. Whatever else differs is said outright, field by field, as a difference.
//!
//! Worlds without anything in common are residuals too, only long ones. Equal worlds have an empty
//! one.
//!
//! # Layout
//! Bits, by [`bits`](crate::bits). A *list of places* tells which of `n` things are meant: how
//! many (gamma), and for each how many are skipped before it (Rice, with a shift that follows from
//! the two).
//! ```text
//! 1 bit    whole: fill up the byte; the world follows in postcard; nothing else
//! 1 bit    globals differ: for each of seed, tick, round, side, spawned, intermission,
//!          round id a bit, and if it is set what is written in `write_globals`
//! 1 bit    the roster differs: list of those of the predicted players who are gone,
//!          number of the new (gamma), for each its id (128 bits) and its difference
//!          from a blank player
//! list     of those of the remaining players who differ; for each its difference
//! 1 bit    the gatherables differ: list of those of the predicted ones that are gone,
//!          number of the new (gamma), for each its id less the one that would be next
//!          (signed), a bit whether it lies where chance puts it; if not x, y, rare
//! ```
//! How a player's difference is written stands in `player`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    rules::by_chance,
    world::{
        Board, GATHERABLES_MAX, Gatherable, GatherableId, Intermission, PLAYERS_MAX, Point,
        RoundId, Score, World,
    },
};
use crate::{
    bits::{BitReader, BitWriter},
    game::Malformed,
    types::NodeId,
};

mod player;
#[cfg(test)]
mod tests;

/// Appends what makes `actual` out of `predicted`.
pub(super) fn encode(predicted: &World, actual: &World, out: &mut Vec<u8>) {
    if predicted == actual {
        return;
    }
    let mut bits = BitWriter::new();
    if !is_regular(predicted, actual) {
        bits.bit(true);
        out.extend(bits.finish());
        // Only a serialiser that fails by itself fails here, and ours have no such thing.
        out.extend(postcard::to_stdvec(actual).unwrap_or_default());
        return;
    }
    bits.bit(false);
    write_globals(&mut bits, predicted, actual);
    write_players(&mut bits, predicted, actual);
    write_gatherables(&mut bits, predicted, actual);
    out.extend(bits.finish());
}

/// Makes the actual world out of `predicted` and what [`encode`] wrote.
pub(super) fn decode(predicted: &World, input: &[u8]) -> Result<World, Malformed> {
    if input.is_empty() {
        return Ok(predicted.clone());
    }
    let mut bits = BitReader::new(input);
    if bits.bit()? {
        let (world, rest) = postcard::take_from_bytes(bits.rest()?).map_err(|_| Malformed)?;
        return if rest.is_empty() { Ok(world) } else { Err(Malformed) };
    }
    let mut world = read_globals(&mut bits, predicted)?;
    read_players(&mut bits, predicted, &mut world)?;
    read_gatherables(&mut bits, predicted, &mut world)?;
    bits.finish()?;
    Ok(world)
}

/// Whether `actual` is what the short form can say. Every valid world is.
fn is_regular(predicted: &World, actual: &World) -> bool {
    let World { seed, round, .. } = *actual;
    actual.board == board(predicted, seed, round, actual.board.side)
        && actual.players.len() <= PLAYERS_MAX
        && actual.gatherables.len() <= GATHERABLES_MAX
        && actual.players.keys().eq(actual.scoreboard.keys())
        && actual.players.values().all(|p| p.controls == p.controls.clean() && p.facing < 8)
}

/// The board of a round: the predicted one, if it is that of the same round, else a new one.
fn board(predicted: &World, seed: u64, round: u32, side: u8) -> Board {
    if (predicted.seed, predicted.round, predicted.board.side) == (seed, round, side) {
        predicted.board.clone()
    } else {
        Board::new(seed, round, side)
    }
}

// ---- globals ----

fn write_globals(out: &mut BitWriter, predicted: &World, actual: &World) {
    let differs = [
        predicted.seed != actual.seed,
        predicted.tick != actual.tick,
        predicted.round != actual.round,
        predicted.board.side != actual.board.side,
        predicted.spawned != actual.spawned,
        predicted.intermission != actual.intermission,
        predicted.round_id != actual.round_id,
    ];
    out.bit(differs.contains(&true));
    if !differs.contains(&true) {
        return;
    }
    for bit in differs {
        out.bit(bit);
    }
    let [seed, tick, round, side, spawned, intermission, round_id] = differs;
    if seed {
        out.long(actual.seed);
    }
    if tick {
        out.signed(difference(predicted.tick.0, actual.tick.0));
    }
    if round {
        out.signed(difference(predicted.round.into(), actual.round.into()));
    }
    if side {
        out.number(actual.board.side.into());
    }
    if spawned {
        out.signed(difference(predicted.spawned, actual.spawned));
    }
    if intermission {
        out.bit(actual.intermission.is_some());
        if let Some(Intermission { winner, ticks_left }) = actual.intermission {
            // The winner is most often a player both know.
            let place = predicted.players.keys().position(|id| *id == winner);
            out.bit(place.is_some());
            match place {
                Some(place) => out.number(place as u64),
                None => write_id(out, winner),
            }
            out.number(ticks_left.into());
        }
    }
    if round_id {
        out.long(actual.round_id.0);
    }
}

/// The world but for its players and gatherables.
fn read_globals(input: &mut BitReader, predicted: &World) -> Result<World, Malformed> {
    let mut differs = [false; 7];
    if input.bit()? {
        for bit in &mut differs {
            *bit = input.bit()?;
        }
    }
    let [seed, tick, round, side, spawned, intermission, round_id] = differs;
    let seed = if seed { input.long()? } else { predicted.seed };
    let tick = if tick { sum(predicted.tick.0, input.signed()?) } else { predicted.tick.0 };
    let round = if round {
        u32::try_from(sum(predicted.round.into(), input.signed()?)).map_err(|_| Malformed)?
    } else {
        predicted.round
    };
    let side = if side { byte(input)? } else { predicted.board.side };
    let spawned = if spawned { sum(predicted.spawned, input.signed()?) } else { predicted.spawned };
    let intermission = match (intermission, intermission && input.bit()?) {
        (false, _) => predicted.intermission,
        (true, false) => None,
        (true, true) => {
            let winner = if input.bit()? {
                let place = usize::try_from(input.number()?).map_err(|_| Malformed)?;
                *predicted.players.keys().nth(place).ok_or(Malformed)?
            } else {
                read_id(input)?
            };
            let ticks_left = u16::try_from(input.number()?).map_err(|_| Malformed)?;
            Some(Intermission { winner, ticks_left })
        }
    };
    let round_id = if round_id { RoundId(input.long()?) } else { predicted.round_id };
    Ok(World {
        seed,
        tick: crate::types::Tick(tick),
        round,
        round_id,
        intermission,
        board: board(predicted, seed, round, side),
        players: BTreeMap::new(),
        gatherables: BTreeMap::new(),
        scoreboard: BTreeMap::new(),
        spawned,
    })
}

// ---- players ----

fn write_players(out: &mut BitWriter, predicted: &World, actual: &World) {
    let same = predicted.players.keys().eq(actual.players.keys());
    out.bit(!same);
    if !same {
        let gone: Vec<usize> =
            places(predicted.players.keys(), |id| !actual.players.contains_key(id));
        write_list(out, predicted.players.len(), &gone);
        let new = || actual.players.iter().filter(|(id, _)| !predicted.players.contains_key(id));
        out.gamma(new().count() as u32);
        for (id, player) in new() {
            write_id(out, *id);
            let blank = (&player::blank(), Score::default());
            player::write(out, &actual.board, blank, (player, score(actual, id)));
        }
    }
    let both: Vec<_> = predicted
        .players
        .iter()
        .filter_map(|(id, before)| {
            let before = (before, score(predicted, id));
            Some((before, (actual.players.get(id)?, score(actual, id))))
        })
        .collect();
    let changed = places(both.iter(), |(before, after)| before != after);
    write_list(out, both.len(), &changed);
    for place in changed {
        let (before, after) = both[place];
        player::write(out, &actual.board, before, after);
    }
}

fn read_players(
    input: &mut BitReader,
    predicted: &World,
    world: &mut World,
) -> Result<(), Malformed> {
    let mut new = Vec::new();
    let mut gone = BTreeSet::new();
    if input.bit()? {
        gone = read_list(input, predicted.players.len())?;
        let count = input.gamma()?;
        if count as usize > PLAYERS_MAX {
            return Err(Malformed);
        }
        for _ in 0..count {
            let id = read_id(input)?;
            new.push((
                id,
                player::read(input, &world.board, (&player::blank(), Score::default()))?,
            ));
        }
    }
    let changed = read_list(input, predicted.players.len() - gone.len())?;
    let kept = predicted.players.iter().enumerate().filter(|(place, _)| !gone.contains(place));
    for (place, (_, (id, player))) in kept.enumerate() {
        let before = (player, score(predicted, id));
        let (player, score) = if changed.contains(&place) {
            player::read(input, &world.board, before)?
        } else {
            (player.clone(), before.1)
        };
        world.players.insert(*id, player);
        world.scoreboard.insert(*id, score);
    }
    for (id, (player, score)) in new {
        world.players.insert(id, player);
        world.scoreboard.insert(id, score);
    }
    if world.players.len() > PLAYERS_MAX {
        return Err(Malformed);
    }
    Ok(())
}

fn score(world: &World, id: &NodeId) -> Score {
    world.scoreboard.get(id).copied().unwrap_or_default()
}

// ---- gatherables ----

fn write_gatherables(out: &mut BitWriter, predicted: &World, actual: &World) {
    let same = predicted.gatherables == actual.gatherables;
    out.bit(!same);
    if same {
        return;
    }
    // What changed in its place goes and comes.
    let gone =
        places(predicted.gatherables.iter(), |(id, g)| actual.gatherables.get(id) != Some(*g));
    write_list(out, predicted.gatherables.len(), &gone);
    let new =
        || actual.gatherables.iter().filter(|(id, g)| predicted.gatherables.get(id) != Some(*g));
    out.gamma(new().count() as u32);
    let mut next = predicted.spawned;
    for (id, gatherable) in new() {
        out.signed(difference(next, id.0));
        next = id.0.wrapping_add(1);
        let expected = by_chance(&actual.board, actual.seed, actual.round, *id);
        out.bit(expected == *gatherable);
        if expected != *gatherable {
            out.signed(gatherable.at.x.into());
            out.signed(gatherable.at.y.into());
            out.bit(gatherable.rare);
        }
    }
}

fn read_gatherables(
    input: &mut BitReader,
    predicted: &World,
    world: &mut World,
) -> Result<(), Malformed> {
    world.gatherables = predicted.gatherables.clone();
    if !input.bit()? {
        return Ok(());
    }
    let gone = read_list(input, predicted.gatherables.len())?;
    for (place, id) in predicted.gatherables.keys().enumerate() {
        if gone.contains(&place) {
            world.gatherables.remove(id);
        }
    }
    let count = input.gamma()?;
    if count as usize > GATHERABLES_MAX {
        return Err(Malformed);
    }
    let mut next = predicted.spawned;
    for _ in 0..count {
        let id = GatherableId(sum(next, input.signed()?));
        next = id.0.wrapping_add(1);
        let gatherable = if input.bit()? {
            by_chance(&world.board, world.seed, world.round, id)
        } else {
            let mut length = || i32::try_from(input.signed()?).map_err(|_| Malformed);
            let at = Point { x: length()?, y: length()? };
            Gatherable { at, rare: input.bit()? }
        };
        world.gatherables.insert(id, gatherable);
    }
    if world.gatherables.len() > GATHERABLES_MAX {
        return Err(Malformed);
    }
    Ok(())
}

// ---- small things ----

/// Which of `all` pass, by number.
fn places<T>(all: impl Iterator<Item = T>, mut pass: impl FnMut(&T) -> bool) -> Vec<usize> {
    all.enumerate().filter(|(_, item)| pass(item)).map(|(place, _)| place).collect()
}

/// Writes which of `total` things are meant; `chosen` rises.
fn write_list(out: &mut BitWriter, total: usize, chosen: &[usize]) {
    out.gamma(chosen.len() as u32);
    let shift = list_shift(total, chosen.len());
    let mut next = 0;
    for place in chosen {
        out.rice((place - next) as u32, shift);
        next = place + 1;
    }
}

fn read_list(input: &mut BitReader, total: usize) -> Result<BTreeSet<usize>, Malformed> {
    let count = input.gamma()? as usize;
    if count > total {
        return Err(Malformed);
    }
    let shift = list_shift(total, count);
    let mut chosen = BTreeSet::new();
    let mut next = 0;
    for _ in 0..count {
        let place = next + input.rice(shift)? as usize;
        if place >= total {
            return Err(Malformed);
        }
        chosen.insert(place);
        next = place + 1;
    }
    Ok(chosen)
}

/// The shift that suits gaps between `count` of `total` things: half the mean gap.
fn list_shift(total: usize, count: usize) -> u32 {
    (total / count.max(1)).checked_ilog2().unwrap_or(0).saturating_sub(1)
}

fn read_flags<const N: usize>(input: &mut BitReader) -> Result<[bool; N], Malformed> {
    let mut flags = [false; N];
    for flag in &mut flags {
        *flag = input.bit()?;
    }
    Ok(flags)
}

fn byte(input: &mut BitReader) -> Result<u8, Malformed> {
    u8::try_from(input.number()?).map_err(|_| Malformed)
}

fn write_id(out: &mut BitWriter, id: NodeId) {
    out.long(id.as_u128() as u64);
    out.long((id.as_u128() >> 64) as u64);
}

fn read_id(input: &mut BitReader) -> Result<NodeId, Malformed> {
    let low = u128::from(input.long()?);
    Ok(NodeId::from_u128(low | u128::from(input.long()?) << 64))
}

/// What leads from `from` to `to`, around the end of the numbers if that is shorter.
fn difference(from: u64, to: u64) -> i64 {
    to.wrapping_sub(from) as i64
}

/// The inverse of [`difference`].
fn sum(from: u64, by: i64) -> u64 {
    from.wrapping_add(by as u64)
}
