//! *Interregnum*: games for one local network that outlive their host.
//!
//! Nodes find each other by broadcast, link up, and elect a host, which runs the world at sixty
//! ticks a second, or [as many as its game wants](Game::TICKS_PER_SECOND); everybody else plays
//! through it, and holds its newest state. When the host is lost, whichever way, the others elect
//! another, and the world goes on from the newest state that any of them holds: for a killed process
//! within the same tick.
//!
//! The library knows no game. [`guide`] makes one in five steps; this page leads through all that its author
//! needs, in the order in which it is met. Everything here is imported from `interregnum::` itself.
//!
//! # A whole game
//!
//! Everybody clicks, and all clicks are counted. Start it on several machines, kill any of them, and
//! the count goes on.
//!
//! ```
//! use interregnum::{Event, Game, Happened, News, join};
//! use serde::{Deserialize, Serialize};
//!
//! /// The rules. There are no values of it: all state is in the world.
//! #[derive(Clone, Debug)]
//! enum Clicks {}
//!
//! #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
//! struct World {
//!     count: u64,
//! }
//!
//! impl Game for Clicks {
//!     const RULES: &'static str = "clicks 1";
//!     type World = World;
//!     type Controls = (); // nothing is held down
//!     type Order = (); // a click
//!     type Event = u64; // it was clicked, and how many that makes
//!     type Scores = (); // nothing is kept for ever
//!
//!     fn new_world(_seed: u64) -> World {
//!         World::default()
//!     }
//!
//!     fn is_valid(_world: &World) -> bool {
//!         true // any world can be stepped and shown
//!     }
//!
//!     fn step(world: &mut World, news: &[News<()>], events: &mut Vec<u64>) {
//!         for news in news {
//!             let News::Order(_player, ()) = news else { continue };
//!             world.count = world.count.wrapping_add(1);
//!             events.push(world.count);
//!         }
//!     }
//! }
//!
//! # let unused = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
//! # let port = unused.local_addr()?.port();
//! # drop(unused);
//! let handle = join::<Clicks>("clicking")
//!     .name("Ada")
//! #   .ip(std::net::Ipv4Addr::LOCALHOST).beacon_port(port)
//!     .env()
//!     .start()?;
//! let events = handle.events();
//! for _ in 0..3 {
//!     handle.order(())?; // a click
//! }
//! for timed in events.until_the_end() {
//!     if let Happened::Node(Event::Game { event: count, .. }) = timed.event {
//!         println!("{count} clicks");
//!         if count == 3 {
//!             break;
//!         }
//!     }
//! }
//! handle.leave();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/counter.rs` is a little more of the same, with everybody's names; `examples/pong.rs` has a window,
//! `examples/chat.rs` no world at all, and `examples/tiles` is a whole game with turns, seats and clocks. [`arena`] is
//! the game that ships.
//!
//! # The rules
//! [`Game`] is what yours has to be: a world that can be encoded, and a pure step over it. The step is
//! told [`News`]: who came, who left, what everybody holds down, and what somebody orders. Its chance comes from [`draw`].
//!
//! # The start
//! [`join`] names a session, and gives a [`Join`], on which everything else can be said that has a sound default:
//! who plays, and where. [`Join::start`] gives a [`Handle`], or a [`StartError`]. All there is to be said are
//! [`Settings`]: a [`Name`], a [`Role`], a [`SessionName`] and more.
//!
//! # While it runs
//! Three ways in: [`Handle::hold`] is what your player holds down from here on, [`Handle::order`] is what it does
//! once, and [`Handle::command`] takes a [`Command`], such as to play elsewhere or to leave.
//!
//! Two ways out. [`Handle::view`] is what there is to see, whole, and the latest replaces the one before:
//! a [`View`] with a [`Status`], the players ([`MemberView`]), the sessions around ([`SessionView`]), and
//! the [`Picture`] to draw. [`Handle::events`] is what happened, each once: [`Events`] give one
//! [`Happened`] after the other, most of them an [`Event`] of the node, among these those of your game.
//! None of these ever waits for the network, and the network waits for none of them.
//!
//! Who and when: a [`NodeId`] is a player, for as long as its profile lives; a [`Term`] is one reign of
//! one host; a [`Tick`] is one step of the world, and a [`Clock`] both; an [`Instant`] is a time to draw
//! for.
//!
//! # Parts of a world
//! [`kit`] has what many games need: who plays and who waits, rounds, and what somebody has chosen and shows later.
//!
//! # Without a world
//! [`bus`] is for people who want none: everybody hears what everybody says, in one order, and nobody keeps a server.
//!
//! # What people say
//! [`Handle::say`] says something to all or to one, [`Handle::unsay`] takes it back. Everybody hears of it as an
//! [`Event::Chat`], once, in one order, also whoever was away; [`View::chat`] has the last lines.
//!
//! # What is kept
//! Points that are to outlive the evening are [`Fact`]s. They are written down on every machine, if
//! [`Settings::ledger`] names a file. What they come to is computed by your game out of [`ScoreNews`],
//! and shown in [`View::scores`].
//!
//! # The rest
//! [`details`] has the types that stand in fields of these, and are seldom named. [`lines`] tells what
//! happens as JSON, for scripts. [`sim`] plays a game in a virtual network that fails in every way it can:
//! [`sim::check()`] holds your rules to what they have to be, [`sim::Lan`] is what a test of your own is scripted in.
//! [`inside`] is for the curious: how all this works.

#[cfg(feature = "window")]
#[doc(hidden)]
pub mod ui;

// The program. It stands in here so that what it and the library both need of generic code is built once;
// it names the library as every other program does.
#[cfg(feature = "cli")]
#[doc(hidden)]
#[expect(clippy::disallowed_methods, reason = "the impure edge")]
pub mod cli;
#[cfg(feature = "cli")]
extern crate self as interregnum;

#[doc(hidden)]
pub mod accounts;
#[cfg(feature = "arena")]
pub mod arena;
pub mod bus;
pub mod guide;
pub mod kit;
pub mod lines;
#[cfg(feature = "sim")]
pub mod sim;

#[doc(hidden)]
pub mod bits;
#[doc(hidden)]
pub mod chat;
#[doc(hidden)]
pub mod cluster;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod game;
#[doc(hidden)]
pub mod io;
#[doc(hidden)]
pub mod keys;
#[doc(hidden)]
pub mod ledger;
#[doc(hidden)]
pub mod mesh;
#[doc(hidden)]
pub mod node;
#[doc(hidden)]
pub mod pairing;
#[doc(hidden)]
pub mod refusals;
#[doc(hidden)]
pub mod replica;
#[doc(hidden)]
pub mod runtime;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod types;
#[doc(hidden)]
pub mod wire;

pub use game::{Fact, Game, News, ScoreNews, draw};
pub use node::{Command, Event, MemberView, Picture, SessionView, Status, View};
pub use runtime::{Events, Handle, Happened, Join, Settings, StartError, join};
pub use text::{Name, SessionName};
pub use types::{Clock, Instant, NodeId, Role, Term, Tick};

pub mod details {
    //! What stands in the fields of those at the [root](crate), and is seldom named: imported from
    //! here by whoever does.
    //!
    //! | of | are |
    //! |---|---|
    //! | [`Settings`](crate::Settings) | [`Form`], [`Tuning`], [`Lock`], [`PublicKey`], and what [`check_address`] says of an address |
    //! | [`StartError`](crate::StartError) | [`AddressError`], [`OutOfRange`] |
    //! | [`Handle`](crate::Handle) | [`Started`], [`Timed`], [`NotTaken`], [`Pilot`], [`Stats`], [`Traffic`] |
    //! | [`kit`](crate::kit) | [`random_bytes`], for what is to be hidden |
    //! | [`View`](crate::View) | [`Handover`], [`Connection`], [`LedgerView`], [`WallTime`], [`Accounts`], [`Friend`], [`PairingView`], [`ChatView`] |
    //! | [`ChatView`] | [`ChatLine`], [`Line`], [`Content`], [`Place`], [`EntryId`], [`Sent`] |
    //! | [`MemberView`](crate::MemberView) | [`Standing`] |
    //! | [`Command`](crate::Command) | [`Statement`], [`Said`], [`Unsaid`] |
    //! | [`Event`](crate::Event) | [`Told`], [`Stage`], [`Code`], [`Sign`], [`Ended`], [`Cause`], [`Parting`], [`Unreachable`], [`Exclusion`], [`Deceit`], [`Writer`], [`Safety`], [`Trouble`], [`Fullness`], [`ChatNews`], [`NotSaid`] |
    //! | [`Term`](crate::Term) | [`Epoch`], [`Incarnation`] |
    //! | [`Name`](crate::Name) | [`Unfit`], [`NAME_CHARS_MAX`] |
    //! | [`Game`](crate::Game) | [`Malformed`], [`Recency`], [`RULES_BYTES_MAX`], [`Rate`], [`TICKS_PER_SECOND_MIN`], [`TICKS_PER_SECOND_MAX`] |

    pub use crate::{
        accounts::{Accounts, Friend, Standing, Statement},
        chat::{Content, Line},
        cluster::Unreachable,
        config::{BEACON_PORT, EVENTS_WAITING_MAX, Form, OutOfRange, RULES_BYTES_MAX, Tuning},
        game::{Malformed, Rate, Recency, TICKS_PER_SECOND_MAX, TICKS_PER_SECOND_MIN},
        keys::{Lock, PublicKey},
        ledger::{
            Fullness,
            disk::Trouble,
            entry::{EntryId, WallTime, Writer},
            order::Place,
            witness::Safety,
        },
        node::{
            Cause, ChatLine, ChatNews, ChatView, Connection, Deceit, Exclusion, Handover,
            LedgerView, NotSaid, PairingView, Parting, Sent,
        },
        pairing::{Code, Ended, Sign, Stage, Told},
        runtime::{
            AddressError, NotTaken, Pilot, Started, Stats, Timed, Traffic, check_address,
            random_bytes,
        },
        text::{NAME_CHARS_MAX, Said, Unfit, Unsaid},
        types::{Epoch, Incarnation},
    };
}

pub mod inside {
    //! How it works, for the curious.
    //!
    //! # The map
    //! Imports run down this list only, and a test holds that.
    //!
    //! | module | what it is |
    //! |---|---|
    //! | [`types`], [`text`], [`bits`], [`wire`] | the words; clean names; packing; frames |
    //! | [`keys`] | keys, signatures, passphrases |
    //! | [`refusals`] | what was refused, from whom, and how often |
    //! | [`game`] | what a game is |
    //! | [`ledger`] | what must outlive every crash: facts, merged by taking all of them |
    //! | [`accounts`] | who is who: what the statements in a ledger come to |
    //! | [`chat`] | what people say to each other, in one order for all |
    //! | [`config`], [`io`] | every tunable; what goes in and out of a node |
    //! | [`pairing`] | two people compare pictures, so that nobody stands between them |
    //! | [`mesh`] | discovery and links: whatever comes, however it comes, goes up as [`mesh::Received`] |
    //! | [`cluster`] | election, roster, relays: one machine that knows no game |
    //! | [`replica`] | how a world is replicated: host, client, snapshots |
    //! | [`node`] | cluster and replica as one machine, and the contract of whoever drives it |
    //! | [`runtime`], [`sim`](crate::sim) | the two drivers: real sockets and real time; virtual ones, with faults |
    //! | [`kit`](crate::kit) | parts that a world may have |
    //! | [`arena`](crate::arena), `ui` | the game that ships, and its window |
    //!
    //! To understand the network read [`mesh`], [`cluster::message`], [`cluster::election`], [`node`],
    //! [`sim`](crate::sim), in this order. To understand the game, [`arena`](crate::arena) and
    //! [`replica::client`].
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

    #[doc(inline)]
    pub use crate::{
        accounts, bits, chat, cluster, config, game, io, keys, ledger, mesh, node, pairing,
        refusals, replica, runtime, text, types, wire,
    };
}
