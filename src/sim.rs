//! The simulator: virtual time, a virtual network, faults from a seed, and a judge.
//!
//! It drives the very [`Node`](crate::node::Node) that the runtime drives. Nothing in it depends on
//! the machine it runs on: the same seed gives the same run, event by event, and a run that breaks
//! an invariant prints the line that replays it.
//!
//! | part | does |
//! |---|---|
//! | [`network`] | datagrams and links between the nodes: latency, loss, copies, cuts, resets |
//! | [`world`] | the machines, the queue of events, and the loop |
//! | [`swarm`] | what one seed's run is like: how many nodes, which kinds of faults |
//! | [`faults`] | what goes wrong, round after round |
//! | [`judge`] | the invariants |
//! | [`archive`] | what must not be forgotten |
//! | [`met`] | what was met |
//! | [`disk`] | disks that tear, forget, fill up and fail |
//! | [`tally`] | the smallest game, for the hours |
//! | [`trace`] | what happened, in words |
//! | [`check()`] | the rules of a game, before anybody plays it |
//! | [`campaign`] | many seeds on all cores, and the totals |
//! | [`search`] | a search that learns: it goes on from moments that are worth it |

pub mod archive;
mod arena;
pub mod campaign;
mod check;
pub mod disk;
pub mod eye;
pub mod faults;
pub mod judge;
pub mod met;
pub mod network;
pub mod search;
pub mod stories;
pub mod swarm;
pub mod tally;
pub mod trace;
pub mod world;

use rand_pcg::Pcg64Mcg;

pub use self::check::{Checked, Fault, Flaw, check};
use crate::{
    game::{self, Game},
    types::NodeId,
};

/// What the simulator has to know of a game to play it and to audit it.
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

/// The chance of a run with this seed, for one `purpose` of several. Mixed well, so that the runs of
/// neighbouring seeds have nothing in common.
fn chance(seed: u64, purpose: u64) -> Pcg64Mcg {
    let bits = |counter| u128::from(game::draw(seed, counter));
    Pcg64Mcg::new(bits(2 * purpose) << 64 | bits(2 * purpose + 1))
}
