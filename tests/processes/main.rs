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

mod losses;
#[path = "../common/peers.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod peers;
mod program;
mod spectators;
mod strangers;
mod together;
