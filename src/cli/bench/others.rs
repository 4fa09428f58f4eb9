//! How others would say a world of the arena: all of it, or the fields that have changed; and what nobody can do without,
//! the keys pressed.

use std::collections::BTreeMap;

use interregnum::{
    arena::{Controls, Player, Score, World},
    bits::BitWriter,
    types::NodeId,
};

/// How many bytes a world is as JSON.
pub fn json(world: &World) -> usize {
    serde_json::to_vec(world).map_or(0, |bytes| bytes.len())
}

/// The same in postcard.
pub fn postcard(world: &World) -> usize {
    postcard::experimental::serialized_size(world).unwrap_or(0)
}

/// The same, as the fields that differ from those of an older world: a bit for each field of whoever differs, and
/// behind it the difference, packed in bits. Nothing is stepped forward, so all who move differ.
pub fn fields(old: &World, new: &World) -> usize {
    let mut out = BitWriter::new();
    let mut global = |before: u64, after: u64| changed(&mut out, before as i64, after as i64);
    global(old.tick.0, new.tick.0);
    global(old.round.into(), new.round.into());
    global(old.spawned, new.spawned);
    let pause = |world: &World| world.intermission.map_or(0, |pause| pause.ticks_left.into());
    global(pause(old), pause(new));
    out.bit(old.board != new.board);
    if old.board != new.board {
        // A board follows from its round: the walls need not be said.
        out.bits(new.board.side.into(), 8);
    }
    let score = |world: &World, id| world.scoreboard.get(id).copied().unwrap_or_default();
    for (id, player) in &new.players {
        match old.players.get(id) {
            Some(before) => {
                player_fields(&mut out, (before, score(old, id)), (player, score(new, id)));
            }
            None => {
                out.bit(true);
                let bytes = postcard::experimental::serialized_size(player).unwrap_or(0);
                (0..bytes).for_each(|_| out.bits(0, 8));
            }
        }
    }
    things(&mut out, old, new);
    out.len().div_ceil(8)
}

fn changed(out: &mut BitWriter, before: i64, after: i64) {
    out.bit(before != after);
    if before != after {
        out.signed(after.wrapping_sub(before));
    }
}

fn player_fields(out: &mut BitWriter, before: (&Player, Score), after: (&Player, Score)) {
    out.bit(before != after);
    if before == after {
        return;
    }
    let numbers = |(player, score): (&Player, Score)| -> [i64; 13] {
        let Player { at, facing, dash, cooldown, stun, shield, loose, away, bot, .. } = *player;
        let small = [facing, dash, cooldown, stun, shield, loose].map(i64::from);
        let [facing, dash, cooldown, stun, shield, loose] = small;
        let held = i64::from(keys(player.controls));
        let (points, won) = (score.points.into(), score.games_won.into());
        let (x, y, away, bot) = (at.x.into(), at.y.into(), away.into(), bot.into());
        [x, y, facing, held, dash, cooldown, stun, shield, loose, away, bot, points, won]
    };
    for (before, after) in numbers(before).into_iter().zip(numbers(after)) {
        changed(out, before, after);
    }
    let named = |(player, _): (&Player, Score)| (player.name.clone(), player.colour);
    out.bit(named(before) != named(after));
}

fn things(out: &mut BitWriter, old: &World, new: &World) {
    let gone: Vec<usize> = (0..)
        .zip(&old.gatherables)
        .filter(|(_, (id, thing))| new.gatherables.get(id) != Some(*thing))
        .map(|(place, _)| place)
        .collect();
    out.gamma(gone.len() as u32);
    gone.iter().for_each(|place| out.bits(*place as u32, 8));
    let came = || new.gatherables.iter().filter(|(id, it)| old.gatherables.get(id) != Some(*it));
    out.gamma(came().count() as u32);
    for (id, thing) in came() {
        out.signed(id.0.wrapping_sub(old.spawned) as i64);
        out.bits(thing.at.x as u32, 16);
        out.bits(thing.at.y as u32, 16);
        out.bit(thing.rare);
    }
}

/// What somebody holds down, as one of eighteen numbers.
fn keys(controls: Controls) -> u8 {
    let way = |sign: i8| (sign.signum() + 1) as u8;
    (way(controls.dx) * 3 + way(controls.dy)) * 2 + u8::from(controls.dash)
}

/// What all players hold down, tick after tick.
#[derive(Debug, Default)]
pub struct Keys {
    held: BTreeMap<NodeId, u8>,
    /// How often one of them followed upon another one.
    followed: BTreeMap<(u8, u8), u64>,
    ticks: u64,
}

impl Keys {
    /// In the next tick it is this.
    pub fn note(&mut self, world: &World) {
        self.ticks += 1;
        for (id, player) in &world.players {
            let held = keys(player.controls);
            let before = self.held.insert(*id, held).unwrap_or(held);
            *self.followed.entry((before, held)).or_default() += 1;
        }
    }

    /// How often a player presses or lets go of something in a second.
    pub fn changes_per_second(&self, ticks_per_second: f64) -> f64 {
        let all: u64 = self.followed.values().sum();
        let same: u64 = self.followed.iter().filter(|((a, b), _)| a == b).map(|(_, n)| n).sum();
        (all - same) as f64 / all.max(1) as f64 * ticks_per_second
    }

    /// How many bytes a tick of it takes at least, if it is known how often which key follows upon which: the entropy.
    pub fn bytes_per_tick(&self) -> f64 {
        let mut of: BTreeMap<u8, u64> = BTreeMap::new();
        self.followed.iter().for_each(|((before, _), n)| *of.entry(*before).or_default() += n);
        let bits = self.followed.iter().map(|((before, _), n)| {
            let part = *n as f64 / of.get(before).copied().unwrap_or(1).max(1) as f64;
            -(part.log2()) * *n as f64
        });
        bits.sum::<f64>() / 8.0 / self.ticks.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use interregnum::{
        arena::{Arena, Point},
        game::{Game as _, News},
        text::Name,
    };

    use super::*;

    fn id(number: u128) -> NodeId {
        NodeId::from_u128(number)
    }

    fn world() -> World {
        let mut world = Arena::new_world(7);
        let news: Vec<_> = (0..8).map(|n| News::Joined(id(n), Name::new("somebody"))).collect();
        Arena::step(&mut world, &news, &mut Vec::new());
        world
    }

    #[test]
    fn fields_that_are_the_same_cost_a_bit_for_each_player_and_others_what_they_are() {
        let old = world();
        let same = fields(&old, &old);
        assert!(same <= 4, "{same} bytes");
        let mut new = old.clone();
        new.players.values_mut().for_each(|player| player.at = Point { x: 900, y: player.at.y });
        let moved = fields(&old, &new);
        assert!(moved > same + 8 && moved < postcard(&new) && postcard(&new) < json(&new));
    }

    #[test]
    fn keys_that_never_change_have_no_entropy_and_a_coin_has_a_bit() {
        let mut keys = Keys::default();
        let mut world = world();
        (0..100).for_each(|_| keys.note(&world));
        assert_eq!((keys.bytes_per_tick(), keys.changes_per_second(60.0)), (0.0, 0.0));
        let mut keys = Keys::default();
        for number in 0_u64..40_000 {
            let coin = interregnum::game::draw(5, number).is_multiple_of(2);
            world.players.retain(|of, _| *of == id(0));
            world.players.values_mut().for_each(|player| player.controls.dash = coin);
            keys.note(&world);
        }
        assert!((keys.bytes_per_tick() - 0.125).abs() < 0.001, "{}", keys.bytes_per_tick());
        assert!((keys.changes_per_second(60.0) - 30.0).abs() < 1.0);
    }
}
