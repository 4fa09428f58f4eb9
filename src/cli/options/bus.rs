//! What can be typed for a bus, and for a bridge.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    Called, GameOptions, PartOptions, RunOptions,
    values::{name, number},
};

/// What goes with whatever takes part in a bus: it has no profile, and keeps nothing but what it is told to.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Taking part")]
pub struct GuestOptions {
    /// What it is called, in 24 characters.
    #[arg(long, value_parser = name)]
    name: Option<Called>,

    /// Let in only those whose public keys stand in this file, one on each line: of nodes, or of accounts
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,

    #[command(flatten)]
    game: GameOptions,

    #[command(flatten)]
    run: RunOptions,
}

impl GuestOptions {
    /// What goes with all that runs.
    pub fn run(&self) -> &RunOptions {
        &self.run
    }

    /// The same, as anybody else takes part.
    pub fn part(&self, keeps_in: Option<PathBuf>) -> PartOptions {
        let Self { name, allow, game, run } = self.clone();
        PartOptions { name, port: None, data_dir: keeps_in, allow, profile: None, game, run }
    }
}

/// A bus: the room is the session.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum BusCommand {
    /// Say something, or each line of standard input, and go when it is said.
    Send(BusSendOptions),
    /// Print what is said, as one JSON object per line.
    Listen(BusListenOptions),
}

/// How to say something.
#[derive(Clone, Debug, clap::Args)]
pub struct BusSendOptions {
    /// About what: up to 64 bytes.
    pub topic: String,

    /// What: JSON, or text that becomes a string. Without it each line of standard input is said.
    #[arg(allow_hyphen_values = true)]
    pub data: Option<String>,

    /// Only how something is now: it is not kept, and gives way to what is newer.
    #[arg(long)]
    pub latest: bool,

    #[command(flatten)]
    pub guest: GuestOptions,
}

/// How to listen.
#[derive(Clone, Debug, clap::Args)]
pub struct BusListenOptions {
    /// Only what is said about this.
    #[arg(long)]
    pub topic: Option<String>,

    /// Keep what is durable in this folder, and hear what is kept there.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// First what was said before, as far as it is durable.
    #[arg(long)]
    pub history: bool,

    /// Go after so many messages.
    #[arg(long, value_name = "N", value_parser = number(1..=u64::MAX), allow_negative_numbers = true)]
    pub count: Option<u64>,

    #[command(flatten)]
    pub guest: GuestOptions,
}

/// How to serve others.
#[derive(Clone, Debug, clap::Args)]
pub struct BridgeOptions {
    /// Where to listen [default: 127.0.0.1, at a port that the system chooses].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,

    /// For phones and projectors: listen at every address of this machine, and show where, as a picture to be scanned.
    #[arg(long)]
    pub web: bool,

    /// The token that clients have to know stands in this file [default: a new one].
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    #[command(flatten)]
    pub guest: GuestOptions,
}
