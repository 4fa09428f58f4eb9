//! What can be typed where something is shown or measured: demos and benches.

use std::path::PathBuf;

use interregnum::config::{CROWD_MAX, PLAYERS_MAX};

use super::{GameOptions, RunOptions, values::number};

/// How many processes a demo or a measurement may start.
const PEERS_MAX: u16 = 32;

/// How often a demo or a measurement may do something.
const TIMES_MAX: u32 = 1_000_000;

/// What a demo is like.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoOptions {
    /// How many peers.
    #[arg(long, default_value = "4", value_parser = number(2..=PEERS_MAX), allow_negative_numbers = true)]
    pub peers: u16,

    /// How often the host is killed.
    #[arg(long, default_value = "5", value_parser = number(1..=TIMES_MAX), allow_negative_numbers = true)]
    pub kills: u32,

    /// Make one of the peers a window, to play in. It is not killed.
    #[arg(long)]
    pub window: bool,

    /// Kill the window too, when it hosts.
    #[arg(long, requires = "window")]
    pub kill_window: bool,

    #[command(flatten)]
    pub game: GameOptions,

    #[command(flatten)]
    pub run: RunOptions,
}

/// How a bus is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct BusBenchOptions {
    /// How often two fresh programs are started.
    #[arg(long, default_value = "20", value_parser = number(1..=TIMES_MAX), allow_negative_numbers = true)]
    pub times: u32,

    /// How many things are said one after the other.
    #[arg(long, default_value = "2000", value_parser = number(1..=TIMES_MAX), allow_negative_numbers = true)]
    pub messages: u32,

    /// How many durable things a second the flood says.
    #[arg(long, default_value = "50000", value_parser = number(1..=TIMES_MAX), allow_negative_numbers = true)]
    pub rate: u32,

    /// How often whoever gives the order is killed.
    #[arg(long, default_value = "20", value_parser = number(0..=TIMES_MAX), allow_negative_numbers = true)]
    pub kills: u32,

    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What is measured.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum BenchOptions {
    /// The host is killed, or stopped, again and again: the gap at the worst survivor, beside the
    /// gaps of ordinary play.
    Failover(FailoverOptions),
    /// The network is cut in two halves and mended: how long until all have one host. Needs root
    /// and Linux.
    Heal(HealOptions),
    /// Packets get lost, or the processor is busy: whether anything comes of it. Loss needs root
    /// and Linux.
    Loss(LossOptions),
    /// Somebody attacks a game of four in every way that is known: whether anything comes of it
    Siege(SiegeOptions),
    /// A bus: how soon two programs hear each other, how much may be said, and what a killed host loses
    Bus(BusBenchOptions),
    /// Many watch: what that costs the host, and what it costs those who play
    Crowd(CrowdOptions),
    /// Many come in at once: how long until all are in, and what those who play notice of it
    Join(JoinOptions),
    /// What it costs that nobody else reads along: handshakes, and the seal of a datagram
    Seal(SealOptions),
    /// What a tick costs its host, with so many players and so many who watch, and how that grows
    Tick(TickOptions),
    /// How many bytes a tick takes, seal and all, beside JSON, postcard, changed fields, and the keys alone
    Snapshot(SnapshotOptions),
    /// How long it takes to list a page of many accounts
    #[cfg(feature = "store")]
    Accounts(AccountsOptions),
    /// What is said while hosts are killed, floods, missed lines, and a large book: how long each takes
    #[cfg(feature = "store")]
    Chat(ChatBenchOptions),
}

/// What is measured of chat.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct ChatBenchOptions {
    /// How often the host is killed while four talk; 0: that is left out.
    #[arg(long, default_value = "20", value_parser = number(0..=TIMES_MAX), allow_negative_numbers = true)]
    pub kills: u32,

    /// How many lines the four say in a second, all together.
    #[arg(long, default_value = "20", value_parser = number(4..=200_u64), allow_negative_numbers = true)]
    pub rate: u64,

    /// For how many seconds one of five floods the others; 0: that is left out.
    #[arg(long, default_value = "10", value_parser = number(0..=3_600_u64), allow_negative_numbers = true)]
    pub flood: u64,

    /// How many lines somebody has missed; 0: that is left out.
    #[arg(long, default_value = "10000", value_parser = number(0..=200_000_usize), allow_negative_numbers = true)]
    pub missed: usize,

    /// How many entries there are in a large book; 0: that is left out.
    #[arg(long, default_value = "100000", value_parser = number(0..=500_000_usize), allow_negative_numbers = true)]
    pub entries: usize,

    /// How many accounts have said who they are in it.
    #[arg(long, default_value = "10000", value_parser = number(1..=16_000_usize), allow_negative_numbers = true)]
    pub accounts: usize,

    #[command(flatten)]
    pub run: RunOptions,
}

#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct AccountsOptions {
    /// How many accounts there are.
    #[arg(long, default_value = "10000", value_parser = number(1..=16_000_u32), allow_negative_numbers = true)]
    pub accounts: u32,

    /// How often each is tried: the least time counts.
    #[arg(long, default_value = "5", value_parser = number(1..=1_000_u32), allow_negative_numbers = true)]
    pub times: u32,

    /// Print what is measured as one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// What is measured of a crowd that watches.
#[derive(Clone, Debug, clap::Args)]
pub struct CrowdOptions {
    /// How many play.
    #[arg(long, default_value = "4", value_parser = number(2..=PEERS_MAX), allow_negative_numbers = true)]
    pub peers: u16,

    /// How many watch: one measurement for each of these.
    #[arg(long, default_value = "100,500", value_delimiter = ',', value_parser = number(2..=CROWD_MAX as u16))]
    pub watchers: Vec<u16>,

    /// For how many seconds each is measured.
    #[arg(long, default_value = "10", value_parser = number(2..=3_600_u64), allow_negative_numbers = true)]
    pub span: u64,

    /// How often the host is killed while the last of these crowds watches.
    #[arg(long, default_value = "3", value_parser = number(0..=TIMES_MAX), allow_negative_numbers = true)]
    pub kills: u32,

    /// So many pairs more stand in processes of their own, and have been there for longest: they are the first to hand ticks
    /// down, if the host sends to fewer than watch (`--direct-watchers`).
    #[arg(long, default_value = "0", value_parser = number(0..=64_u16), allow_negative_numbers = true)]
    pub relays: u16,

    /// How often one of those pairs is killed while the last of these crowds watches, one in a second.
    #[arg(long, default_value = "0", value_parser = number(0..=TIMES_MAX), requires = "relays",
          allow_negative_numbers = true)]
    pub relay_kills: u32,

    #[command(flatten)]
    pub run: RunOptions,
}

/// What is measured of a crowd that comes in.
#[derive(Clone, Debug, clap::Args)]
pub struct JoinOptions {
    /// How many play already.
    #[arg(long, default_value = "2", value_parser = number(2..=PEERS_MAX), allow_negative_numbers = true)]
    pub peers: u16,

    /// How many come in at once: one measurement for each of these.
    #[arg(long, default_value = "100,500", value_delimiter = ',', value_parser = number(2..=CROWD_MAX as u16))]
    pub watchers: Vec<u16>,

    /// How often each is measured.
    #[arg(long, default_value = "3", value_parser = number(1..=TIMES_MAX), allow_negative_numbers = true)]
    pub times: u32,

    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Clone, Debug, clap::Args)]
pub struct SealOptions {
    /// How many handshakes.
    #[arg(long, default_value = "200", value_parser = number(1..=1_000_000_u32), allow_negative_numbers = true)]
    pub handshakes: u32,

    /// How many datagrams of each size, at most as many as keep their numbers apart.
    #[arg(long, default_value = "20000", value_parser = number(1..=1_000_000_u32), allow_negative_numbers = true)]
    pub datagrams: u32,

    /// Print what is measured as one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// What is measured of snapshots.
#[derive(Clone, Debug, clap::Args)]
pub struct SnapshotOptions {
    /// How many play.
    #[arg(long, default_value = "64", value_parser = number(2..=PLAYERS_MAX as u16), allow_negative_numbers = true)]
    pub players: u16,

    /// How many ticks are measured.
    #[arg(long, default_value = "600", value_parser = number(1..=1_000_000_u64), allow_negative_numbers = true)]
    pub ticks: u64,

    /// How many of a hundred datagrams get lost the second time.
    #[arg(long, default_value = "5", value_parser = number(0..=50_u8), allow_negative_numbers = true)]
    pub loss: u8,

    /// Where all chance comes from.
    #[arg(long, default_value = "1", value_parser = number(0..=u64::MAX >> 1), allow_negative_numbers = true)]
    pub seed: u64,

    /// Print what is measured as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is measured of a host's ticks.
#[derive(Clone, Debug, clap::Args)]
pub struct TickOptions {
    /// How many play: one measurement for each of these.
    #[arg(long, default_value = "8,16,32,64", value_delimiter = ',', value_parser = number(2..=PLAYERS_MAX as u16))]
    pub players: Vec<u16>,

    /// How many watch: one measurement for each of these, with each of those.
    #[arg(long, default_value = "0,100,500,1000,2000,4000", value_delimiter = ',', value_parser = number(0..=CROWD_MAX as u16))]
    pub watchers: Vec<u16>,

    /// How many ticks are measured each time.
    #[arg(long, default_value = "60", value_parser = number(8..=100_000_u64), allow_negative_numbers = true)]
    pub ticks: u64,

    /// Where all chance comes from.
    #[arg(long, default_value = "1", value_parser = number(0..=u64::MAX >> 1), allow_negative_numbers = true)]
    pub seed: u64,

    /// Draw it, too: an SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,

    /// Print what is measured as one JSON object per line
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub struct SiegeOptions {
    /// Only those attacks that have this in their names.
    #[arg(long, value_name = "WORD")]
    pub only: Option<String>,

    /// Only the session with a passphrase.
    #[arg(long, conflicts_with = "only_open")]
    pub only_locked: bool,

    /// Only the session without one.
    #[arg(long)]
    pub only_open: bool,

    /// How many seconds each attack lasts.
    #[arg(long, default_value = "4", value_parser = number(2..=600_u64), allow_negative_numbers = true)]
    pub each: u64,

    #[command(flatten)]
    pub run: RunOptions,
}

/// Which build is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct BuildOptions {
    /// The peers run another build of this program: so that one measures both in the same way.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Args)]
pub struct FailoverOptions {
    /// How many peers.
    #[arg(long, default_value = "8", value_parser = number(3..=PEERS_MAX), allow_negative_numbers = true)]
    pub peers: u16,

    /// How often the host is lost.
    #[arg(long, default_value = "50", value_parser = number(1..=TIMES_MAX), allow_negative_numbers = true)]
    pub kills: u32,

    /// The host is stopped, and later continued: it falls silent, and does not know of it.
    #[arg(long)]
    pub silent: bool,

    #[command(flatten)]
    pub build: BuildOptions,

    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Clone, Debug, clap::Args)]
pub struct HealOptions {
    /// How many peers.
    #[arg(long, default_value = "6", value_parser = number(2..=PEERS_MAX), allow_negative_numbers = true)]
    pub peers: u16,

    /// How often the network is cut and mended.
    #[arg(long, default_value = "20", value_parser = number(1..=TIMES_MAX), allow_negative_numbers = true)]
    pub heals: u32,

    #[command(flatten)]
    pub build: BuildOptions,

    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("seconds", |seconds| seconds.help("Stop after so many seconds [default: 600]")))]
pub struct LossOptions {
    /// How many peers.
    #[arg(long, default_value = "8", value_parser = number(2..=PEERS_MAX), allow_negative_numbers = true)]
    pub peers: u16,

    /// How many of a hundred packets get lost; 0: none, and all on the loopback of this machine.
    #[arg(long, default_value = "0", value_parser = number(0..=90_u8), allow_negative_numbers = true)]
    pub percent: u8,

    /// How many programs compete for the processor.
    #[arg(long, default_value = "0", value_parser = number(0..=64_u16), allow_negative_numbers = true)]
    pub hogs: u16,

    #[command(flatten)]
    pub run: RunOptions,
}
