//! What can be typed.

mod bench;
mod bus;
#[cfg(feature = "store")]
mod kept;
mod order;
mod sim;
mod values;

use std::{ffi::OsString, net::Ipv4Addr, path::PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser, builder::Resettable, error::ErrorKind};
use interregnum::{
    config::{BEACON_PORT, CROWD_MAX, Form, PLAYERS_MAX},
    text::SessionName,
};
use tracing_subscriber::filter::LevelFilter;

#[cfg(feature = "store")]
use self::values::ago;
#[cfg(feature = "store")]
pub use self::{
    bench::{AccountsOptions, ChatBenchOptions},
    kept::{
        AccountCommand, DevicesAction, ExportOptions, ImportOptions, KeptOptions, LedgerCommand,
        ListOptions, ProfileOptions, ScoresOptions,
    },
};
pub use self::{
    bench::{
        BenchOptions, BusBenchOptions, CrowdOptions, DemoOptions, FailoverOptions, HealOptions,
        JoinOptions, LossOptions, SealOptions, SiegeOptions, SnapshotOptions, TickOptions,
    },
    bus::{BridgeOptions, BusCommand, BusListenOptions, BusSendOptions},
    sim::SimOptions,
    values::{Called, Home},
};
use self::{
    order::commands_first,
    values::{SECONDS_MAX, form, home, level, name, number, port, session, size},
};

/// How many bots or spectators one process may be.
const COUNT_MAX: u16 = 1_000;

/// How many profiles there may be on one machine.
pub const PROFILES_MAX: u32 = 64;

/// An arcade game for one local network that outlives its host.
///
/// Start it on any number of machines: they find each other, elect a host, and play. Whoever
/// leaves or fails, the game goes on.
#[derive(Debug, Parser)]
#[command(
    name = "interregnum",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
#[command(after_help = EXIT_CODES)]
pub struct Typed {
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    #[command(flatten)]
    pub window: WindowOptions,

    /// How much to log, on standard error; warn, but of what is simulated nothing, unless that is asked for.
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level(),
          help_heading = None::<&str>)]
    log: Option<LevelFilter>,
}

impl Typed {
    /// How much to log.
    pub fn log(&self) -> LevelFilter {
        let of_itself = match self.subcommand {
            Some(Subcommand::Sim(_)) => LevelFilter::OFF, // liars are among its faults
            _ => LevelFilter::WARN,
        };
        self.log.unwrap_or(of_itself)
    }
}

const EXIT_CODES: &str = "Exit codes: 0 it went well, 1 it failed, 2 it was asked for something that \
                          cannot be, 3 it was not let in.";

impl Typed {
    /// What was typed. Options may stand before a command as well as behind it.
    ///
    /// # Errors
    /// When it means nothing; but also when help is wanted.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let command = Self::command();
        let words = commands_first(&command, words);
        if is_told_aloud(&command, &words) {
            return Err(command.clone().error(ErrorKind::TooManyValues, NOT_ALOUD));
        }
        let first = words.get(1).map(|word| word.to_string_lossy());
        let command = match first.and_then(|first| command.find_subcommand(&*first)) {
            // The environment speaks to commands that take part; what is said of the window is
            // not read for any of them.
            Some(_) => command.mut_args(|argument| argument.env(Resettable::Reset)),
            None => command,
        };
        Self::from_arg_matches(&command.try_get_matches_from(words)?)
    }
}

/// What to say to whoever types a passphrase where everybody sees it.
const NOT_ALOUD: &str = "a passphrase is no argument: whoever looks at the processes of this machine (`ps`) reads it, and your \
     shell writes it down. Type --passphrase alone, and be asked for it; or use --passphrase-file FILE, or \
     GAME_PASSPHRASE in the environment. This one should be used no more";

/// Whether somebody typed a passphrase as the value of an option.
fn is_told_aloud(command: &clap::Command, words: &[OsString]) -> bool {
    let words = words.iter().map(|word| word.to_string_lossy()).take_while(|word| word != "--");
    let words: Vec<_> = words.collect();
    let next = words.windows(2).any(|pair| {
        let is_value = !pair[1].starts_with('-') && command.find_subcommand(&*pair[1]).is_none();
        pair[0] == "--passphrase" && is_value
    });
    next || words.iter().any(|word| word.starts_with("--passphrase="))
}

/// Without one, a window opens; where there is no display, a bot takes part instead.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Accounts: who you are, on this machine and on others.
    #[cfg(feature = "store")]
    #[command(subcommand)]
    Account(AccountCommand),
    /// Players without a screen, played by the program.
    Bot(HeadlessOptions),
    /// Measurements with real processes.
    #[command(subcommand)]
    Bench(BenchOptions),
    /// A bus and the arena for programs in any language, and for pages: lines of JSON over TCP, or a WebSocket.
    Bridge(BridgeOptions),
    /// A bus for scripts and pipes: everybody hears what everybody says.
    #[command(subcommand)]
    Bus(BusCommand),
    /// Talk, without a screen and without a seat in the game; or look up what was said.
    #[cfg(feature = "store")]
    Chat(ChatOptions),
    /// Several peers on this machine, whose host is killed again and again.
    Demo(DemoOptions),
    /// What is kept of all games: to look at, to carry to another machine, to check.
    #[cfg(feature = "store")]
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Compare six digits or four pictures with somebody, to be sure that nobody stands between you.
    Pair(PairOptions),
    /// A new passphrase: four words that nobody can guess.
    Passphrase,
    /// Who won most, this evening and of all time.
    #[cfg(feature = "store")]
    Scores(ScoresOptions),
    /// Many games in a virtual network that fails in every way it can, from a seed.
    Sim(SimOptions),
    /// Spectators without a screen.
    Watch(WatchOptions),
}

/// What the window is like.
#[derive(Clone, Debug, clap::Args)]
pub struct WindowOptions {
    /// Play at once, without the title.
    #[arg(long)]
    pub play: bool,

    /// Only watch, without a seat in the game.
    #[arg(long)]
    pub watch: bool,

    #[command(flatten)]
    pub seats: SeatOptions,

    /// How large the window is, in pixels [default: 1280x720].
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub size: Option<(u32, u32)>,

    #[command(flatten)]
    pub part: PartOptions,
}

/// Those without a screen.
#[derive(Clone, Debug, clap::Args)]
pub struct HeadlessOptions {
    /// How many of them.
    #[arg(long, default_value = "1", value_parser = number(1..=COUNT_MAX), allow_negative_numbers = true)]
    pub count: u16,

    /// For measurements: say a line each so many milliseconds, and let all others talk as fast.
    #[arg(long, hide = true, value_parser = number(1..=60_000_u64), allow_negative_numbers = true)]
    pub chatter: Option<u64>,

    #[command(flatten)]
    pub seats: SeatOptions,

    #[command(flatten)]
    pub part: PartOptions,
}

/// How many may play.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SeatOptions {
    /// How many may play where this one hosts; whoever comes later watches, and is next [default: 32].
    #[arg(long, value_name = "N", value_parser = number(2..=PLAYERS_MAX as u16),
          allow_negative_numbers = true)]
    pub seats: Option<u16>,
}

/// Those who only watch.
#[derive(Clone, Debug, clap::Args)]
pub struct WatchOptions {
    /// How many of them. More than one measure what a crowd costs: they share one thread, show nothing of the
    /// game, and say once a second what reaches them.
    #[arg(long, default_value = "1", value_parser = number(1..=CROWD_MAX as u16), allow_negative_numbers = true)]
    pub count: u16,

    #[command(flatten)]
    pub part: PartOptions,
}

/// How to talk.
///
/// What is typed, or comes in a pipe, is said line by line; it ends when that ends and everything is said.
/// `/help` tells what else can be typed.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct ChatOptions {
    /// Stay and listen when there is nothing more to say.
    #[arg(long, conflicts_with = "history")]
    pub stay: bool,

    /// Print what was said, as far as it is kept here, without any network.
    #[arg(long)]
    pub history: bool,

    /// Only what was said since then: 90s, 30m, 12h, 7d ago.
    #[arg(long, value_name = "AGO", value_parser = ago, requires = "history")]
    pub since: Option<u64>,

    /// Only what passed between you and this one alone.
    #[arg(long, value_name = "NAME", requires = "history")]
    pub with: Option<String>,

    /// Only lines that have this in them.
    #[arg(long, value_name = "WORD", requires = "history")]
    pub search: Option<String>,

    #[command(flatten)]
    pub part: PartOptions,
}

/// With whom to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct PairOptions {
    /// The name of the other one, its mark, or both: Bob, kobi, Bob·kobi.
    #[arg(value_name = "NAME")]
    pub who: Option<String>,

    /// List those whom you have compared with.
    #[arg(long, conflicts_with_all = ["who", "forget"])]
    pub list: bool,

    /// Forget somebody.
    #[arg(long, value_name = "NAME", conflicts_with = "who")]
    pub forget: Option<String>,

    #[command(flatten)]
    pub part: PartOptions,
}

/// What goes with every way of taking part.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Taking part")]
pub struct PartOptions {
    /// What you are called, in 24 characters; kept for the next time.
    #[arg(long, value_parser = name)]
    pub name: Option<Called>,

    /// The TCP and UDP port for the others to reach you at; 0 or nothing: the system chooses.
    #[arg(long, value_parser = port, allow_negative_numbers = true)]
    pub port: Option<u16>,

    /// Where profiles are kept [default: the system's place for it].
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// Let in only those whose public keys stand in this file, one on each line: of nodes, or of accounts
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,

    /// Play with this profile, and its account [default: the first that is not in use].
    #[arg(long, value_name = "N", value_parser = number(1..=PROFILES_MAX),
          allow_negative_numbers = true)]
    pub profile: Option<u32>,

    #[command(flatten)]
    pub game: GameOptions,

    #[command(flatten)]
    pub run: RunOptions,
}

/// Which game, and where.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Taking part")]
pub struct GameOptions {
    /// Which game: those with the same session name, of 24 characters at most, play together
    /// [default: lan].
    #[arg(long, env = "GAME_SESSION", value_parser = session)]
    pub session: Option<SessionName>,

    /// Lock the session with a passphrase, or come into a locked one: it is asked for on the terminal.
    /// Without it, GAME_PASSPHRASE in the environment counts.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub passphrase: bool,

    /// The same, with what stands in the first line of a file; -: of standard input.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    /// Live at this address of this machine alone; 0.0.0.0 or nothing: at all of them.
    #[arg(long, env = "GAME_IP", value_name = "ADDRESS", value_parser = home)]
    pub ip: Option<Home>,

    /// Look for somebody there too, where broadcasts do not reach; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub peer: Vec<String>,

    /// Tell of every applied tick, with the hash of its world.
    #[arg(long, requires = "json")]
    pub trace_ticks: bool,
}

impl PartOptions {
    /// The port to be reached at, if there is to be a certain one.
    pub fn port(&self) -> Option<u16> {
        self.port.filter(|port| *port != 0)
    }
}

impl GameOptions {
    /// The address to live at, if there is to be one.
    pub fn home(&self) -> Option<Ipv4Addr> {
        self.ip.and_then(|home| home.0)
    }

    /// A game on this machine that nobody else takes part in.
    pub fn private(trace_ticks: bool) -> Self {
        let peer = Vec::new();
        let (passphrase, passphrase_file) = (false, None);
        Self { session: None, passphrase, passphrase_file, ip: None, peer, trace_ticks }
    }
}

/// What goes with all that runs until it is stopped, whoever takes part in it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "While it runs")]
pub struct RunOptions {
    /// Print what happens as one JSON object per line.
    #[arg(long)]
    pub json: bool,

    /// Stop after so many seconds.
    #[arg(long, value_parser = number(1..=SECONDS_MAX), allow_negative_numbers = true)]
    pub seconds: Option<u64>,

    /// The form of what is sent: binary, for machines, or json, for people to look at.
    #[arg(long, value_name = "FORM", default_value = "binary", value_parser = form)]
    pub wire: Form,

    /// The port for beacons. Only nodes with the same one find each other.
    #[arg(long, hide = true, default_value_t = BEACON_PORT, value_parser = number(1..=u16::MAX),
          allow_negative_numbers = true)]
    pub beacon_port: u16,

    /// To how many who only watch it sends each tick itself, while it hosts.
    #[arg(long, hide = true, value_parser = number(1..=u16::MAX), allow_negative_numbers = true)]
    pub direct_watchers: Option<u16>,

    /// Leave when standard input ends: whoever started this program is gone then.
    #[arg(long, hide = true)]
    pub tied: bool,
}

#[cfg(test)]
mod tests;
