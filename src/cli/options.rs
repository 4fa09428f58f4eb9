//! What can be typed.

use std::{
    ffi::OsString,
    fmt::Display,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
};

use clap::{
    CommandFactory, FromArgMatches, Parser,
    builder::{PossibleValuesParser, Resettable, TypedValueParser},
    error::ErrorKind,
};
#[cfg(feature = "store")]
use interregnum::accounts::COLOURS;
use interregnum::{
    config::{BEACON_PORT, Form},
    runtime,
    sim::search::Schedule,
    text::{Name, SessionName, Unfit},
};
use tracing_subscriber::filter::LevelFilter;

use order::commands_first;

mod order;

/// How many bots or spectators one process may be.
const COUNT_MAX: u16 = 1_000;

/// How many processes a demo or a measurement may start.
const PEERS_MAX: u16 = 32;

/// How often a demo or a measurement may do something.
const TIMES_MAX: u32 = 1_000_000;

/// How many seeds may be simulated at once.
const SEEDS_MAX: u64 = 1_000_000_000;

/// How many minutes may be simulated: a week.
const MINUTES_MAX: u64 = 10_080;

/// How many profiles there may be on one machine.
pub const PROFILES_MAX: u32 = 64;

/// How many pages a list may have, and lines on one.
#[cfg(feature = "store")]
const PAGES_MAX: usize = 1_000_000;

/// How many seconds anything may be given: thirty years.
const SECONDS_MAX: u64 = 1_000_000_000;

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
    Watch(HeadlessOptions),
}

/// What the window is like.
#[derive(Clone, Debug, clap::Args)]
pub struct WindowOptions {
    /// Play at once, without the title.
    #[arg(long)]
    pub play: bool,

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

/// Where what is kept is kept.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct KeptOptions {
    /// Where profiles are kept [default: the system's place for it].
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

/// Which account of this machine is meant.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct ProfileOptions {
    /// The number of its profile.
    #[arg(long, value_name = "N", default_value = "1", value_parser = number(1..=PROFILES_MAX),
          allow_negative_numbers = true)]
    pub profile: u32,

    #[command(flatten)]
    pub kept: KeptOptions,
}

/// What to do with accounts.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Subcommand)]
pub enum AccountCommand {
    /// Make another account on this machine, in a profile of its own.
    Create {
        /// What it is called, in 24 characters [default: a name that is made up].
        #[arg(long, value_parser = name)]
        name: Option<Called>,

        /// The colour it likes, from 0 to 11.
        #[arg(long, value_name = "C", value_parser = number(0..=COLOURS - 1),
              allow_negative_numbers = true)]
        colour: Option<u8>,

        #[command(flatten)]
        kept: KeptOptions,
    },
    /// List all accounts that this machine knows of.
    List(ListOptions),
    /// Call an account of this machine something else.
    Rename {
        /// What it is called from here on.
        #[arg(value_parser = name)]
        name: Called,

        /// The colour it likes from here on, from 0 to 11.
        #[arg(long, value_name = "C", value_parser = number(0..=COLOURS - 1),
              allow_negative_numbers = true)]
        colour: Option<u8>,

        #[command(flatten)]
        profile: ProfileOptions,
    },
    /// Delete an account of this machine, for ever and everywhere.
    Delete {
        /// Do not ask.
        #[arg(long)]
        yes: bool,

        #[command(flatten)]
        profile: ProfileOptions,
    },
    /// Write an account into a file that a passphrase opens, or print it as words for paper.
    Export(ExportOptions),
    /// Let this machine speak for an account that was exported on another one.
    Import(ImportOptions),
    /// List the machines that speak for an account.
    #[command(args_conflicts_with_subcommands = true)]
    Devices {
        #[command(subcommand)]
        action: Option<DevicesAction>,

        /// Print one JSON object for each.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        profile: ProfileOptions,
    },
}

/// What to do with the machines of an account.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Subcommand)]
pub enum DevicesAction {
    /// Let a machine speak for the account no more.
    Strike {
        /// Its mark, or its id.
        mark: String,

        #[command(flatten)]
        profile: ProfileOptions,
    },
}

/// How accounts are listed.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct ListOptions {
    /// Only those that have this in their name, or whose mark it is.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// Which page.
    #[arg(long, value_name = "N", default_value = "1", value_parser = number(1..=PAGES_MAX),
          allow_negative_numbers = true)]
    pub page: usize,

    /// How many on a page.
    #[arg(long, value_name = "N", default_value = "20", value_parser = number(1..=PAGES_MAX),
          allow_negative_numbers = true)]
    pub per_page: usize,

    /// Print one JSON object for each.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub kept: KeptOptions,
}

/// How an account is exported.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct ExportOptions {
    /// The file to write, which must not be there.
    pub file: Option<PathBuf>,

    /// Print 24 words instead, to be written down.
    #[arg(long, conflicts_with_all = ["file", "passphrase_file"])]
    pub words: bool,

    /// The passphrase stands in this file; otherwise in GAME_PASSPHRASE, or it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    pub profile: ProfileOptions,
}

/// How an account is imported.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct ImportOptions {
    /// The file.
    pub file: Option<PathBuf>,

    /// Read 24 words from standard input instead.
    #[arg(long, conflicts_with_all = ["file", "passphrase_file"])]
    pub words: bool,

    /// The passphrase stands in this file; otherwise in GAME_PASSPHRASE, or it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    /// Keep the account's key here, too: then it can be renamed, deleted and exported here, and machines
    /// be struck off; also by whoever finds or steals this machine.
    #[arg(long)]
    pub with_key: bool,

    /// What the account is called from here on, in 24 characters.
    #[arg(long, value_parser = name)]
    pub name: Option<Called>,

    #[command(flatten)]
    pub profile: ProfileOptions,
}

/// What to do with what is kept.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// Print every entry as one JSON object per line.
    Export(KeptOptions),
    /// Take in what was exported, here or elsewhere.
    Import {
        /// A file; if there is none, standard input.
        file: Option<PathBuf>,

        #[command(flatten)]
        kept: KeptOptions,
    },
    /// Check the files and every entry in them.
    Verify {
        /// Print one JSON object for each file.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        kept: KeptOptions,
    },
}

/// How the scores are told.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Args)]
pub struct ScoresOptions {
    /// Print all of them as one JSON object.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub kept: KeptOptions,
}

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
    /// What it costs that nobody else reads along: handshakes, and the seal of a datagram
    Seal(SealOptions),
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

    /// The peers run another build of this program: so that one measures both in the same way.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,

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

    /// The peers run another build of this program: so that one measures both in the same way.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,

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

/// What is simulated.
#[derive(Clone, Debug, clap::Args)]
pub struct SimOptions {
    /// How many seeds [default: 100; 20 for `--eye`].
    #[arg(long, value_parser = number(1..=SEEDS_MAX), allow_negative_numbers = true)]
    pub seeds: Option<u64>,

    /// The first seed; alone: this one only.
    #[arg(long, value_parser = number(0..=u64::MAX), allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// Go on for so many minutes.
    #[arg(long, value_parser = number(1..=MINUTES_MAX), allow_negative_numbers = true)]
    pub minutes: Option<u64>,

    /// Search instead, for as many runs as there would be seeds: go on from moments that are worth it.
    #[arg(long, conflicts_with_all = ["eye", "trace", "story", "stories"])]
    pub learn: bool,

    /// Do once more what a search has found.
    #[arg(long, value_name = "SCHEDULE",
          conflicts_with_all = ["learn", "seed", "seeds", "minutes", "eye", "story", "stories"])]
    pub replay: Option<Schedule>,

    /// Measure what players see instead: whether anybody is shown to jump.
    #[arg(long, conflicts_with = "minutes")]
    pub eye: bool,

    /// Print every event of one seed, in words.
    #[arg(long, conflicts_with_all = ["seeds", "minutes", "eye"])]
    pub trace: bool,

    /// Tell this story instead; `all` tells all of them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["minutes", "eye"])]
    pub story: Option<String>,

    /// List the stories.
    #[arg(long, conflicts_with_all = ["story", "minutes", "seed", "seeds", "eye", "trace"])]
    pub stories: bool,

    /// Build a deliberate bug in, to see that it is found.
    #[cfg(feature = "mutants")]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["eye", "stories"])]
    pub mutant: Option<String>,
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

    /// Leave when standard input ends: whoever started this program is gone then.
    #[arg(long, hide = true)]
    pub tied: bool,
}

/// An address to live at, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home(Option<Ipv4Addr>);

fn home(typed: &str) -> Result<Home, String> {
    let wrong = "an address of this machine is needed, like 192.168.1.5 or 127.0.0.2";
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(Home(None));
    }
    let ip: IpAddr = typed.parse().map_err(|_| wrong.to_owned())?;
    if ip.is_unspecified() {
        return Ok(Home(None));
    }
    let ip = runtime::check_address(ip).map_err(|error| format!("{error}; {wrong}"))?;
    Ok(Home(Some(ip)))
}

fn port(typed: &str) -> Result<u16, String> {
    let wrong = |_| "a port is a number from 1 to 65535; 0: the system chooses".to_owned();
    typed.trim().parse().map_err(wrong)
}

/// Reads a whole number. Whoever types something else is told what was expected.
fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |typed| {
        let number = typed.parse().ok().filter(|number| range.contains(number));
        let expected =
            || format!("expected a whole number from {} to {}", range.start(), range.end());
        number.ok_or_else(expected)
    }
}

fn level() -> impl TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<LevelFilter>())
}

/// A name that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    pub name: Name,
    /// It was longer than a name can be.
    pub cut: bool,
}

fn name(typed: &str) -> Result<Called, Unfit> {
    match Name::whole(typed) {
        Ok(name) => Ok(Called { name, cut: false }),
        Err(Unfit::TooLong) => Ok(Called { name: Name::new(typed), cut: true }),
        Err(unfit @ Unfit::Empty) => Err(unfit),
    }
}

fn size(typed: &str) -> Result<(u32, u32), String> {
    let wrong = || "a size is like 960x540: 320x180 at least, 8192x8192 at most".to_owned();
    let (width, height) = typed.split_once('x').ok_or_else(wrong)?;
    match (width.parse(), height.parse()) {
        (Ok(width @ 320..=8_192), Ok(height @ 180..=8_192)) => Ok((width, height)),
        _ => Err(wrong()),
    }
}

/// So many seconds.
#[cfg(feature = "store")]
fn ago(typed: &str) -> Result<u64, String> {
    let wrong = || "a time is a number and a letter: 90s, 30m, 12h, 7d".to_owned();
    let typed = typed.trim();
    let unit = match typed.chars().next_back().ok_or_else(wrong)? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = typed[..typed.len() - 1].parse::<u64>().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|seconds| *seconds <= SECONDS_MAX).ok_or_else(wrong)
}

fn form(typed: &str) -> Result<Form, String> {
    match typed {
        "binary" => Ok(Form::Binary),
        "json" => Ok(Form::Json),
        _ => Err("there are two forms: binary and json".to_owned()),
    }
}

/// An empty variable is like none.
fn session(typed: &str) -> Result<SessionName, Unfit> {
    if typed.trim().is_empty() { Ok(SessionName::default()) } else { SessionName::new(typed) }
}

#[cfg(test)]
mod tests;
