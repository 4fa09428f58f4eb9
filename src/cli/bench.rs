//! Measures on this machine what the program promises, with real processes.
//!
//! | what | how |
//! |---|---|
//! | [`failover`] | the host is killed, or stopped and continued, again and again |
//! | [`heal`] | the network is cut in two halves and mended, again and again |
//! | [`loss`] | packets get lost, or other programs want the processor: nothing must happen |
//! | `accounts` | a page of ten thousand accounts, from the file of a ledger |
//! | `siege` | hostile outsiders and members, one kind of attack after the other |
//! | `chat` | people talk while hosts are killed, somebody floods, somebody has missed much; a large book |
//! | [`bus`] | fresh programs, the way of a thing said, a flood, and whoever gives the order is killed |
//! | [`crowd`] | many watch: what it costs the host, and those who play, also when the host is killed |
//! | [`join`] | many come in at once |
//! | [`snapshot`] | how many bytes a tick is, beside how others would say it: within one process |
//! | [`tick`] | what a tick costs its host, and how that grows: within one process |
//! | [`seal`] | the handshake of a link, and the seal of a datagram, within one process |
//!
//! All of it is worked out from the peers' lines. A figure stands beside its like of the same run:
//! the gap that a killed host costs beside the gaps that this machine makes anyway.

use std::process::ExitCode;

use tracing_subscriber::filter::LevelFilter;

use super::{impossible::Impossible, lab::Lab, options::BenchOptions};

#[cfg(feature = "store")]
mod accounts;
#[cfg(feature = "store")]
mod book;
mod bus;
#[cfg(feature = "store")]
mod chat;
mod crowd;
mod failover;
mod figures;
mod heal;
mod join;
mod loss;
mod others;
mod plot;
mod seal;
mod siege;
mod snapshot;
mod tick;
mod watchers;

/// Runs one of them.
pub fn run(options: &BenchOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    match options {
        BenchOptions::Failover(options) => failover::run(options, log),
        BenchOptions::Heal(options) => heal::run(options, log),
        BenchOptions::Loss(options) => loss::run(options, log),
        BenchOptions::Bus(options) => bus::run(options),
        BenchOptions::Crowd(options) => crowd::run(options, log),
        BenchOptions::Join(options) => join::run(options, log),
        BenchOptions::Seal(options) => seal::run(options),
        BenchOptions::Siege(options) => siege::run(options, log),
        BenchOptions::Snapshot(options) => snapshot::run(options),
        BenchOptions::Tick(options) => tick::run(options),
        #[cfg(feature = "store")]
        BenchOptions::Accounts(options) => accounts::run(options),
        #[cfg(feature = "store")]
        BenchOptions::Chat(options) => chat::run(options, log),
    }
}

/// A machine for each peer, if this one can pretend to be several.
fn laboratory(peers: u16) -> anyhow::Result<Lab> {
    Ok(Lab::new(usize::from(peers)).map_err(|error| Impossible(format!("{error:#}")))?)
}
