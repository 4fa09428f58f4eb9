//! A player made of code: looks at every move that it can make, and one move ahead at that.

use interregnum::{NodeId, draw};

use super::{
    path::{SIDE, Spot},
    rules::{Move, Out, TURN_TICKS, World},
};

/// The most moves that are looked at: for a first one there are hundreds.
const LOOKED_AT: usize = 96;

/// A player.
#[derive(Debug)]
pub struct Bot {
    /// The last move that it has ordered: of which game, and how many were made before it.
    made: Option<(u64, u8)>,
    /// How long it seems to think, in ticks.
    thinks: u64,
}

impl Bot {
    /// One that seems to think for so many ticks.
    pub fn new(thinks: u64) -> Self {
        Self { made: None, thinks }
    }

    /// Looks at the world as the host has it, and says which move to order, if any: each of its own once.
    pub fn look(&mut self, world: &World, me: NodeId) -> Option<Move> {
        world.turn().filter(|(_, player)| player.id == me)?;
        let turn = Some((world.game, world.moves()));
        if world.left() > TURN_TICKS.saturating_sub(self.thinks) || self.made == turn {
            return None;
        }
        self.made = turn;
        choose(world)
    }
}

/// The best move of whoever's turn it is, as far as it can be seen.
pub fn choose(world: &World) -> Option<Move> {
    let (seat, _) = world.turn()?;
    let possible = world.possible();
    let chance = |number: usize| draw(world.game ^ u64::from(world.moves()), number as u64);
    let some = (0..possible.len().min(LOOKED_AT)).map(|number| match possible.len() > LOOKED_AT {
        true => possible[chance(number) as usize % possible.len()],
        false => possible[number],
    });
    let worth = some.filter_map(|wanted| Some((worth(&world.tried(&wanted)?, seat), wanted)));
    let best = worth.enumerate().max_by_key(|(number, (worth, _))| (*worth, chance(!number)));
    best.map(|(_, (_, wanted))| wanted)
}

/// What a world is worth to the one in `seat`, who has just moved.
fn worth(world: &World, seat: u8) -> i64 {
    let Some(player) = world.players.get(usize::from(seat)) else { return 0 };
    let others = world.players.iter().filter(|other| other.id != player.id);
    let gone = others.filter(|other| other.out == Some(Out::Slid)).count() as i64;
    let won = world.winner().is_some_and(|winner| winner.id == player.id);
    let stands = player.at.map_or(-1_000, |at| room(world, at));
    i64::from(won) * 10_000 + gone * 60 + stands
}

/// How comfortably a snail stands: with free cells around, and far from the edge.
fn room(world: &World, at: Spot) -> i64 {
    let (x, y) = at.place();
    let to_edge = x.min(y).min(SIDE - 1 - x).min(SIDE - 1 - y);
    let mut around = (0..8).step_by(2).map(|end| Spot { cell: at.cell, end }.beyond());
    let free =
        around.clone().flatten().filter(|spot| !world.board.contains_key(&spot.cell)).count();
    let open = around.all(|beyond| beyond.is_some());
    // Somebody else who stands at the same cell may move one's own snail.
    let beside = world.players.iter().filter(|other| {
        other.plays() && other.at.is_some_and(|other| other.cell == at.cell && other != at)
    });
    i64::from(to_edge) * 6 + free as i64 * 10 + i64::from(open) * 4 - beside.count() as i64 * 15
}
