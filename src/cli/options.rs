//! What can be typed.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use clap::Parser;
use interregnum::{
    config::{BEACON_PORT, Form},
    runtime,
    text::{Name, SessionName},
};
use tracing_subscriber::filter::LevelFilter;

/// An arcade game for one local network that outlives its host.
///
/// Start it on any number of machines: they find each other, elect a host, and play. Whoever
/// leaves or fails, the game goes on.
#[derive(Debug, Parser)]
#[command(name = "interregnum", version, max_term_width = 100)]
pub struct Typed {
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    /// Play at once, without the title.
    #[arg(long)]
    pub play: bool,

    /// How large the window is, in pixels [default: 1280x720].
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub size: Option<(u32, u32)>,

    #[command(flatten)]
    pub common: Common,
}

/// Without one, a window opens; where there is no display, a bot takes part instead.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Players without a screen, played by the program.
    Bot {
        /// How many of them.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
        count: u16,
    },
    /// Measurements with real processes.
    #[command(subcommand)]
    Bench(BenchOptions),
    /// Several peers on this machine, whose host is killed again and again.
    Demo(DemoOptions),
    /// What is kept of all games: to look at, to carry to another machine, to check.
    #[cfg(feature = "store")]
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Who won most, this evening and of all time.
    #[cfg(feature = "store")]
    Scores,
    /// Many games in a virtual network that fails in every way it can, from a seed.
    Sim(SimOptions),
    /// Spectators without a screen.
    Watch {
        /// How many of them.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
        count: u16,
    },
}

/// What to do with what is kept.
#[cfg(feature = "store")]
#[derive(Clone, Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// Print every entry as one JSON object per line.
    Export,
    /// Take in what was exported, here or elsewhere.
    Import {
        /// A file; if there is none, standard input.
        file: Option<PathBuf>,
    },
    /// Check the files and every entry in them.
    Verify,
}

/// What a demo is like.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoOptions {
    /// How many peers.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=32))]
    pub peers: u16,

    /// How often the host is killed.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub kills: u32,

    /// Make one of the peers a window, to play in.
    #[arg(long)]
    pub window: bool,
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
}

#[derive(Clone, Debug, clap::Args)]
pub struct FailoverOptions {
    /// How many peers.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(3..=32))]
    pub peers: u16,

    /// How often the host is lost.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub kills: u32,

    /// The host is stopped, and later continued: it falls silent, and does not know of it.
    #[arg(long)]
    pub silent: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub struct HealOptions {
    /// How many peers.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(2..=32))]
    pub peers: u16,

    /// How often the network is cut and mended.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub heals: u32,
}

#[derive(Clone, Debug, clap::Args)]
pub struct LossOptions {
    /// How many peers.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=32))]
    pub peers: u16,

    /// How many of a hundred packets get lost; 0: none, and all on the loopback of this machine.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=90))]
    pub percent: u8,

    /// How many programs compete for the processor.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=64))]
    pub hogs: u16,
}

/// What is simulated.
#[derive(Clone, Debug, clap::Args)]
pub struct SimOptions {
    /// How many seeds [default: 100; 20 for `--eye`].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,

    /// The first seed; alone: this one only.
    #[arg(long)]
    pub seed: Option<u64>,

    /// Go on for so many minutes.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..10_000))]
    pub minutes: Option<u64>,

    /// Measure what players see instead: whether anybody is shown to jump.
    #[arg(long)]
    pub eye: bool,

    /// Print every event of one seed, in words.
    #[arg(long, conflicts_with_all = ["seeds", "minutes", "eye"])]
    pub trace: bool,

    /// Tell this story instead; `all` tells all of them.
    #[arg(long, value_name = "NAME", conflicts_with = "minutes")]
    pub story: Option<String>,

    /// List the stories.
    #[arg(long, conflicts_with_all = ["story", "minutes", "seed", "seeds"])]
    pub stories: bool,

    /// Build a deliberate bug in, to see that it is found.
    #[cfg(feature = "mutants")]
    #[arg(long, value_name = "NAME")]
    pub mutant: Option<String>,
}

/// What goes with every way of taking part.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Taking part")]
pub struct Common {
    /// What you are called; kept for the next time.
    #[arg(long, global = true, value_parser = name)]
    pub name: Option<Name>,

    /// Which game: those with the same session name play together [default: lan].
    #[arg(long, global = true, env = "GAME_SESSION", value_parser = session)]
    pub session: Option<SessionName>,

    /// Live at this address of this machine alone; 0.0.0.0 or nothing: at all of them.
    #[arg(long, global = true, env = "GAME_IP", value_name = "ADDRESS", value_parser = home)]
    pub ip: Option<Home>,

    /// The TCP and UDP port for the others to reach you at; 0 or nothing: the system chooses.
    #[arg(long, global = true, value_parser = port)]
    pub port: Option<u16>,

    /// Look for somebody there too, where broadcasts do not reach; may be repeated.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub peer: Vec<String>,

    /// Where profiles are kept [default: the system's place for it].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// How much to log, on standard error: off, error, warn, info, debug or trace.
    #[arg(long, global = true, value_name = "LEVEL", default_value_t = LevelFilter::WARN)]
    pub log: LevelFilter,

    /// Print what happens, or is the case, as one JSON object per line.
    #[arg(long, global = true)]
    pub json: bool,

    /// Stop after so many seconds.
    #[arg(long, global = true)]
    pub seconds: Option<u64>,

    /// Tell of every applied tick, with the hash of its world; for `--json`.
    #[arg(long, global = true)]
    pub trace_ticks: bool,

    /// The form of what this node sends: binary, for machines, or json, for people to look at.
    #[arg(long, global = true, value_name = "FORM", default_value = "binary", value_parser = form)]
    pub wire: Form,

    /// The port for beacons. Only nodes with the same one find each other.
    #[arg(long, global = true, hide = true, default_value_t = BEACON_PORT,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub beacon_port: u16,

    /// Leave when standard input ends: whoever started this program is gone then.
    #[arg(long, global = true, hide = true)]
    pub tied: bool,
}

impl Common {
    /// The address to live at, if there is to be one.
    pub fn home(&self) -> Option<Ipv4Addr> {
        self.ip.and_then(|home| home.0)
    }

    /// The port to be reached at, if there is to be a certain one.
    pub fn port(&self) -> Option<u16> {
        self.port.filter(|port| *port != 0)
    }
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

fn name(typed: &str) -> Result<Name, String> {
    if typed.trim().is_empty() {
        return Err("a name has at least one letter".to_owned());
    }
    Ok(Name::new(typed))
}

fn size(typed: &str) -> Result<(u32, u32), String> {
    let wrong = || "a size is like 960x540: 320x180 at least, 8192x8192 at most".to_owned();
    let (width, height) = typed.split_once('x').ok_or_else(wrong)?;
    match (width.parse(), height.parse()) {
        (Ok(width @ 320..=8_192), Ok(height @ 180..=8_192)) => Ok((width, height)),
        _ => Err(wrong()),
    }
}

fn form(typed: &str) -> Result<Form, String> {
    match typed {
        "binary" => Ok(Form::Binary),
        "json" => Ok(Form::Json),
        _ => Err("there are two forms: binary and json".to_owned()),
    }
}

fn session(typed: &str) -> Result<SessionName, String> {
    Ok(SessionName::new(typed))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Typed::command().debug_assert();
    }

    #[test]
    fn common_options_may_stand_before_and_after_the_subcommand() {
        let before = Typed::parse_from(["interregnum", "--json", "bot"]);
        let after = Typed::parse_from(["interregnum", "bot", "--json", "--port", "4000"]);
        assert!(before.common.json && after.common.json);
        assert_eq!(after.common.port, Some(4000));
    }

    #[test]
    fn an_empty_or_unspecified_address_is_none_and_so_is_port_0() {
        for typed in ["", " ", "0.0.0.0", "::"] {
            let parsed = Typed::parse_from(["interregnum", "bot", "--ip", typed]);
            assert_eq!(parsed.common.home(), None, "{typed:?}");
        }
        let typed = Typed::parse_from(["interregnum", "--ip", "127.0.0.2", "--port", "0"]);
        assert_eq!(typed.common.home(), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(typed.common.port(), None);
    }

    #[test]
    fn what_is_no_machines_address_is_refused_and_said_to_be_what_it_is() {
        for (typed, what) in [
            ("255.255.255.255", "broadcast"),
            ("127.255.255.255", "broadcast"),
            ("224.0.0.1", "multicast"),
            ("::1", "IPv4 address is needed"),
            ("fe80::1", "IPv4 address is needed"),
            ("localhost", "like 192.168.1.5"),
            ("10.0.0.1/24", "like 192.168.1.5"),
        ] {
            let error = Typed::try_parse_from(["interregnum", "--ip", typed]).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
        let error = Typed::try_parse_from(["interregnum", "--port", "65536"]).unwrap_err();
        assert!(error.to_string().contains("1 to 65535"), "{error}");
    }

    #[test]
    fn nonsense_is_refused() {
        for typed in [
            &["interregnum", "dance"][..],
            &["interregnum", "bot", "--count", "0"],
            &["interregnum", "--port", "70000"],
            &["interregnum", "--ip", "here"],
            &["interregnum", "--name", " "],
            &["interregnum", "--log", "loud"],
            &["interregnum", "--size", "large"],
            &["interregnum", "--size", "10x10"],
        ] {
            assert!(Typed::try_parse_from(typed).is_err(), "{typed:?}");
        }
    }
}
