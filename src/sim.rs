//! The simulator: virtual time, a virtual network, faults from a seed, and a judge.
//!
//! It drives the very [`Node`](crate::node::Node) that the runtime drives. Nothing in it depends on
//! the machine it runs on: the same seed gives the same run, event by event, and a run that breaks
//! an invariant prints the line that replays it.
//!
//! Whoever writes a game needs two names of it: [`check()`] holds its rules to what they have to be, and a [`Lan`] is what
//! its tests are scripted in. All else is how that is done.
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
//! | [`Lan`] | any game on a network that fails, scripted by its author |
//! | [`campaign`] | many seeds on all cores, and the totals |
//! | [`court`] | a host and its crowd without faults, to be measured |
//! | [`search`] | a search that learns: it goes on from moments that are worth it |

pub mod archive;
mod arena;
pub mod campaign;
mod chance;
mod check;
pub mod court;
pub mod disk;
pub mod eye;
pub mod faults;
pub mod judge;
mod lan;
pub mod met;
pub mod network;
mod panics;
mod playable;
pub mod search;
pub mod stories;
pub mod swarm;
pub mod tally;
pub mod trace;
pub mod world;

pub use self::{
    check::{Checked, Fault, Flaw, check, check_across_processes},
    lan::{Broken, Lan, Report},
    playable::Playable,
};
