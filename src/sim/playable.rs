//! Games that the simulator plays by itself, seed after seed.

use crate::{game::Game, types::NodeId};

/// What the simulator has to know of a game to play it by itself, seed after seed, and to audit it. Whoever scripts what
/// happens needs none of it: see [`Lan`](super::Lan).
pub trait Playable: Game {
    /// What a player holds down: `chance` is random, `stamp` rises from call to call, and points may
    /// come of it if it `gathers`.
    fn press(chance: u64, stamp: u32, gathers: bool) -> Self::Controls;

    /// The same of a player who looks at the world first: `me` is who it is. By default nobody looks.
    fn press_seeing(
        _world: &Self::World,
        _me: NodeId,
        chance: u64,
        stamp: u32,
        gathers: bool,
    ) -> Self::Controls {
        Self::press(chance, stamp, gathers)
    }

    /// What a player orders besides, if anything: `world` is what it sees, if it sees one, and `me` who it is. By
    /// default nothing.
    fn order(
        _world: Option<&Self::World>,
        _me: NodeId,
        _chance: u64,
        _stamp: u32,
    ) -> Option<Self::Order> {
        None
    }

    /// Gives somebody what no rule gives.
    fn favour(world: &mut Self::World, whom: NodeId);

    /// What is wrong with `world`, if anything: whether controls were applied twice, say.
    fn audit(world: &Self::World) -> Option<&'static str>;
}
