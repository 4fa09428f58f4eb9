//! *Interregnum*: games for one local network that outlive their host.
//!
//! Nodes find each other by broadcast, link up, and elect a host, which runs the world at sixty
//! ticks a second; everybody else plays through it, and holds its newest state. When the host is
//! lost, whichever way, the others elect another, and the world goes on from the newest state that
//! any of them holds: for a killed process within the same tick.
//!
//! The library knows no game. [`game::Game`] is what yours has to be: a world that can be encoded,
//! and a pure step over it. [`arena`] is the one that ships. To play:
//!
//! ```no_run
//! use interregnum::{arena::Arena, runtime::{self, Settings}, text::{Name, SessionName}};
//!
//! let mut settings = Settings::new(Name::new("Ada"));
//! settings.session = Some(SessionName::new("lan")?);
//! let handle = runtime::start::<Arena>(settings)?;
//! while let Some(view) = handle.view() {
//!     println!("{:?}, hosted by {:?}", view.status, view.host);
//! #   break;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map
//! Imports run down this list only, and a test holds that.
//!
//! | module | what it is |
//! |---|---|
//! | [`types`], [`text`], [`bits`], [`wire`] | the words; clean names; packing; frames |
//! | [`game`] | what a game is |
//! | [`ledger`] | what must outlive every crash: facts, merged by taking all of them |
//! | [`config`], [`io`] | every tunable; what goes in and out of a node |
//! | [`mesh`] | discovery and links: whatever comes, however it comes, goes up as [`mesh::Received`] |
//! | [`cluster`] | election, roster, relays: one machine that knows no game |
//! | [`replica`] | how a world is replicated: host, client, snapshots |
//! | [`node`] | cluster and replica as one machine, and the contract of whoever drives it |
//! | [`runtime`], [`sim`] | the two drivers: real sockets and real time; virtual ones, with faults |
//! | [`arena`], `ui` | the game that ships, and its window |
//!
//! To understand the network read [`mesh`], [`cluster::message`], [`cluster::election`], [`node`],
//! [`sim`], in this order. To understand the game, [`arena`] and [`replica::client`].
//!
//! # What is true everywhere
//! - *The core is pure.* From `types` to `node` nothing reads a clock, draws an unseeded random
//!   number, opens a socket or starts a thread; there is no `HashMap`, whose order differs from run
//!   to run. Time, chance and bytes are arguments. So the simulator runs the real node.
//! - *Terms fence.* Everything a host sends carries the [`types::Term`] of its reign, and lower ones
//!   are dropped: a host that was replaced cannot do any harm, however late it finds out.
//! - *What comes off a wire is data.* It is bounded before it is kept and checked before it is used;
//!   junk costs its sender the link, and nobody else anything. Nothing in here panics over it.
//! - *Nobody waits for anybody.* Readers that are too slow are dropped; a window that stands still
//!   finds the newest view when it looks again.

pub mod arena;
pub mod bits;
pub mod cluster;
pub mod config;
pub mod game;
pub mod io;
pub mod ledger;
pub mod mesh;
pub mod node;
pub mod replica;
pub mod runtime;
pub mod sim;
pub mod text;
pub mod types;
#[cfg(feature = "window")]
pub mod ui;
pub mod wire;
