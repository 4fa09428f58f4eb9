//! Real processes on loopback: what the simulator cannot know about sockets, signals and pipes.
//!
//! Every test has a session and a beacon port of its own, so they do not hear each other; all other
//! ports are the system's choice. Nothing sleeps: a test waits for the lines that `--json` prints,
//! and gives up after a time that no healthy run comes near.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests of the impure edge"
)]

#[cfg(feature = "store")]
mod accounts;
mod addresses;
#[cfg(feature = "store")]
mod chat;
#[cfg(feature = "store")]
mod folder;
#[cfg(feature = "store")]
mod ledger;
#[cfg(feature = "store")]
mod locks;
mod losses;
#[cfg(feature = "store")]
mod merging;
#[cfg(unix)]
mod output;
#[cfg(feature = "store")]
mod pairing;
#[path = "../common/peers.rs"]
#[cfg_attr(not(feature = "store"), expect(dead_code, reason = "other tests use the rest"))]
mod peers;
#[cfg(feature = "store")]
mod players;
mod program;
#[cfg(feature = "store")]
mod remembered;
#[cfg(unix)]
mod seats;
mod spectators;
mod strangers;
mod together;
