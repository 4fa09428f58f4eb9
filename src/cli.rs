//! The command line: what can be typed, what it means, and what it shows.
//!
//! What was typed is one type (`options::Typed`), what it means is another
//! (`Task`): only here, in between, are defaults filled in, names resolved and profiles claimed.
//! Exit codes: 0 it went well, 1 it failed, 2 it was asked for something that cannot be: other words
//! are needed, or another machine; 3 it was not let in.
//!
//! Where to read on: `options` is what can be typed, `take_part` runs nodes, `lines` is the JSON
//! that scripts read, `story` the sentences that people read, and `output` how any of it gets out
//! without disturbing anybody.

use std::{
    env,
    io::{self, IsTerminal, Write},
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    process::ExitCode,
    time::Duration,
};

use interregnum::{
    accounts::Own,
    ledger::pace::Allowed,
    runtime::{self, Settings, StartError},
    text::{NAME_CHARS_MAX, Name, SessionName},
    types::Role,
};
use tracing_subscriber::filter::LevelFilter;

#[cfg(feature = "store")]
mod account;
mod bench;
mod bridge;
mod bus;
#[cfg(feature = "store")]
mod carried;
#[cfg(feature = "store")]
mod chat;
mod crowd;
mod demo;
#[cfg(feature = "window")]
mod desk;
#[cfg(feature = "store")]
mod farewell;
mod friends;
#[cfg(feature = "store")]
mod history;
mod impossible;
mod judge;
#[cfg(feature = "store")]
mod kept;
#[cfg(feature = "store")]
mod known;
#[allow(dead_code, reason = "the tests pull more cables than the benches")]
mod lab;
#[cfg(feature = "store")]
mod ledger;
mod options;
mod output;
mod pair;
mod party;
mod peers;
mod pilot;
mod profile;
mod secret;
mod signals;
mod simulate;
mod take_part;
mod typed;
mod window;

mod lines;
mod reporter;
mod story;

use impossible::Impossible;
use options::{
    BridgeOptions, HeadlessOptions, PartOptions, SeatOptions, Subcommand, Typed, WatchOptions,
};
use output::{Output, Stdout, Unwritten};
use profile::Profile;
use take_part::TakePart;

/// How many lines whoever is to talk without a pause may say at once.
const CHATTER_AT_ONCE: u32 = 1_000;

/// Parses, runs, and says how it went.
pub fn main() -> ExitCode {
    let typed = match Typed::read(env::args_os()) {
        Ok(typed) => typed,
        Err(other) => return instead(&other),
    };
    let log = match Output::stderr() {
        Ok(log) => log,
        Err(_) => return ExitCode::FAILURE,
    };
    listen_to_logs(typed.log(), log.clone());
    runtime::raise_file_limit();
    let code = run(typed, &log).unwrap_or_else(|error| {
        if error.downcast_ref().is_some_and(Unwritten::is_closed_pipe) {
            return ExitCode::SUCCESS;
        }
        log.put(&format!("interregnum: {}{}", in_one_line(&error), hint(&error)));
        exit_code(&error)
    });
    log.finish();
    code
}

/// Says what is wrong with what was typed, or gives the help that was asked for.
fn instead(other: &clap::Error) -> ExitCode {
    let said = other.print().and_then(|()| io::stdout().flush()).map_err(Unwritten);
    match said {
        Err(unwritten) if !other.use_stderr() && !unwritten.is_closed_pipe() => {
            // Perhaps this stream takes something.
            let _ = writeln!(io::stderr(), "interregnum: {unwritten}");
            ExitCode::FAILURE
        }
        _ => ExitCode::from(other.exit_code() as u8),
    }
}

/// What happened and why. Some errors name their cause in their own words.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    // Tools that were called may have said several.
    line.replace('\n', "; ")
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    let cannot_be = match error.downcast_ref::<StartError>() {
        Some(StartError::System { .. }) => false,
        Some(_) => true,
        None => error.is::<Impossible>() || is_of_no_use(error),
    };
    ExitCode::from(if cannot_be { 2 } else { 1 })
}

/// Whether a ledger that was named is none that this program can open.
#[cfg(feature = "store")]
fn is_of_no_use(error: &anyhow::Error) -> bool {
    use interregnum::runtime::store::OpenError::{InUse, Newer, Unusable};

    matches!(error.downcast_ref(), Some(InUse { .. } | Newer { .. } | Unusable { .. }))
}

#[cfg(not(feature = "store"))]
fn is_of_no_use(_error: &anyhow::Error) -> bool {
    false
}

fn run(typed: Typed, log: &Output) -> anyhow::Result<ExitCode> {
    let level = typed.log();
    match typed.subcommand {
        None => window::run(&typed.window, log),
        #[cfg(feature = "store")]
        Some(Subcommand::Account(command)) => account::run(&command),
        Some(Subcommand::Bot(options)) => headless(&options, Role::Player, log),
        Some(Subcommand::Bench(options)) => bench::run(&options, level),
        Some(Subcommand::Bridge(options)) => serve(&options, log),
        Some(Subcommand::Bus(command)) => bus::run(&command, log),
        #[cfg(feature = "store")]
        Some(Subcommand::Chat(options)) => chat::run(&options, log),
        Some(Subcommand::Demo(options)) => demo::run(&options, level),
        #[cfg(feature = "store")]
        Some(Subcommand::Ledger(command)) => ledger::run(&command),
        Some(Subcommand::Pair(options)) => pair::run(&options, log),
        Some(Subcommand::Passphrase) => new_passphrase(),
        #[cfg(feature = "store")]
        Some(Subcommand::Scores(options)) => ledger::scores::run(&options),
        Some(Subcommand::Sim(options)) => simulate::run(&options),
        Some(Subcommand::Watch(options)) => watch(options, log),
    }
}

/// Prints one.
fn new_passphrase() -> anyhow::Result<ExitCode> {
    let mut out = io::stdout();
    writeln!(out, "{}", secret::new_passphrase()?).and_then(|()| out.flush()).map_err(Unwritten)?;
    Ok(ExitCode::SUCCESS)
}

/// A spectator without a screen, or many.
fn watch(options: WatchOptions, log: &Output) -> anyhow::Result<ExitCode> {
    let WatchOptions { count, part } = options;
    match count {
        1 => {
            let (chatter, seats) = (None, SeatOptions::default());
            headless(&HeadlessOptions { count, chatter, seats, part }, Role::Spectator, log)
        }
        _ => crowd::run(&part, count, log),
    }
}

/// Bots, or spectators without a screen.
fn headless(options: &HeadlessOptions, role: Role, log: &Output) -> anyhow::Result<ExitCode> {
    let HeadlessOptions { count, chatter, seats, part } = options;
    let count = *count;
    let chatter = chatter.map(Duration::from_millis);
    let mut nodes = Vec::new();
    let session = session(part);
    let lock = secret::lock(&part.game, &session)?;
    let typed = called(part, log);
    if let Some(name) = typed.as_ref().filter(|_| count > 1) {
        let last = name.numbered(count.into());
        if !last.as_str().starts_with(name.as_str()) {
            log.put(&format!("{name:?} becomes shorter where its number needs the room: {last:?}"));
        }
    }
    for number in 1..=count {
        let mut profile = match (&part.data_dir, part.profile) {
            (None, None) => Profile::passing()?,
            _ => claim(part)?,
        };
        let name = match &typed {
            Some(name) if count == 1 => name.clone(),
            Some(name) => name.numbered(number.into()),
            None => profile.name.clone().unwrap_or_else(|| profile.nickname()),
        };
        if typed.is_some() {
            profile.keep_name(&name);
        }
        let mut settings = settings(part, &mut profile, name)?;
        settings.role = role;
        seats.limit(&mut settings);
        settings.session = Some(session.clone());
        settings.lock.clone_from(&lock);
        if let Some(every) = chatter {
            // What comes late comes all at once.
            let every = (every / 2).max(Duration::from_millis(1));
            settings.tuning.talk = Allowed { at_once: CHATTER_AT_ONCE, every };
        }
        settings.port = settings
            .port
            .map(|port| ports(port, count))
            .transpose()?
            .map(|first| first + (number - 1));
        nodes.push((settings, profile));
    }
    let out = Stdout::new(part.run.json)?;
    TakePart { chatter, ..TakePart::of(&part.run) }.run(nodes, &out)
}

impl SeatOptions {
    /// No more may play than was said.
    fn limit(&self, settings: &mut Settings) {
        settings.tuning.players_max = self.seats.map_or(settings.tuning.players_max, usize::from);
    }
}

/// A bridge for other languages: whoever comes in there has no profile, and keeps nothing.
fn serve(options: &BridgeOptions, log: &Output) -> anyhow::Result<ExitCode> {
    let part = &options.guest.part(None);
    let name = called(part, log).unwrap_or_else(|| Name::new("Guest"));
    let mut base = settings(part, &mut Profile::passing()?, name)?;
    (base.key, base.ledger) = (None, None);
    base.statements.clear();
    let (session, passphrase) = (session(part), secret::passphrase(&part.game)?);
    bridge::run(options, bridge::Wants { base, session, passphrase })
}

/// The profile to play with.
fn claim(part: &PartOptions) -> anyhow::Result<Profile> {
    let folder = part.data_dir.clone().or_else(profile::usual_folder);
    let Some(folder) = folder else { return Ok(Profile::passing()?) };
    let Some(number) = part.profile else { return Ok(Profile::claim(&folder)?) };
    let in_use = || Impossible(format!("profile {number} is in use by another copy of the game"));
    Ok(Profile::try_claim(&folder, number)?.ok_or_else(in_use)?)
}

/// The settings that every way of taking part shares: for whoever has this profile, and is called so.
fn settings(part: &PartOptions, profile: &mut Profile, name: Name) -> anyhow::Result<Settings> {
    let PartOptions { game, run, .. } = part;
    let mut settings = Settings::new(name);
    settings.key = Some(profile.key.clone());
    settings.statements = profile.statements(&settings.name);
    settings.reads_as = profile.own.as_ref().and_then(Own::secret).cloned();
    settings.friends = friends::kept(profile.folder()).all().to_vec();
    settings.muted = profile.muted();
    settings.ledger = profile.ledger();
    settings.ip = game.home();
    settings.port = part.port();
    settings.beacon_port = run.beacon_port;
    settings.trace_ticks = game.trace_ticks;
    if let Some(direct) = run.direct_watchers {
        settings.tuning.direct_watchers = direct.into();
    }
    settings.form = run.wire;
    // Whoever meant another one shall be told, and not play alone.
    settings.founds_beside_locked = false;
    settings.allowed = part.allow.as_deref().map(secret::listed).transpose()?;
    for peer in &game.peer {
        settings.peers.push(address(peer, run.beacon_port)?);
    }
    Ok(settings)
}

/// What somebody wants to be called, if that was said. What was cut of it is said, too.
fn called(part: &PartOptions, log: &Output) -> Option<Name> {
    let called = part.name.as_ref()?;
    if called.cut {
        let name = &called.name;
        log.put(&format!("a name has at most {NAME_CHARS_MAX} characters: it becomes {name:?}"));
    }
    Some(called.name.clone())
}

fn session(part: &PartOptions) -> SessionName {
    part.game.session.clone().unwrap_or_default()
}

/// The first of so many ports, if there are as many.
fn ports(first: u16, count: u16) -> anyhow::Result<u16> {
    let last = first.checked_add(count - 1);
    let impossible =
        || Impossible(format!("--port {first} for {count}: the next ones are theirs, up to 65535"));
    Ok(last.map(|_| first).ok_or_else(impossible)?)
}

/// The address of `--peer`: an IP address or a name, with a port or without.
fn address(typed: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let impossible = |why: String| {
        Impossible(format!(
            "--peer {typed}: {why} (an IPv4 address or a name, like 192.168.1.5 or fred.local:{port})"
        ))
    };
    let found = resolve(typed, port).map_err(|error| impossible(error.to_string()))?;
    let usable = found.iter().map(|at| runtime::check_address(at.ip()).map(|_| *at));
    // A name may have addresses of both kinds.
    let best = usable.reduce(|best, other| best.or(other));
    let at = best
        .ok_or_else(|| impossible("has no address".to_owned()))?
        .map_err(|error| impossible(error.to_string()))?;
    if at.port() == 0 {
        return Err(impossible("0 is no port".to_owned()).into());
    }
    Ok(at)
}

fn resolve(typed: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let bare = typed.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.split('%').next().unwrap_or(bare);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    if typed.is_empty() || typed.starts_with(':') {
        return Err(io::Error::other("nobody's address"));
    }
    match typed.rsplit_once(':') {
        Some(_) => typed.to_socket_addrs().map(Iterator::collect),
        None => (typed, port).to_socket_addrs().map(Iterator::collect),
    }
}

/// What to try instead, in the words of the command line.
fn hint(error: &anyhow::Error) -> &'static str {
    match error.downcast_ref() {
        Some(StartError::Bind { address, .. }) if address.port() == 0 => "; try another --ip",
        Some(StartError::Bind { .. }) => "; try another --port or --ip",
        Some(StartError::Address { .. }) => "; see --ip and --peer",
        Some(StartError::InUse { .. }) => " (--data-dir)",
        _ => "",
    }
}

fn listen_to_logs(level: LevelFilter, log: Output) {
    let colours = io::stderr().is_terminal();
    let events = tracing_subscriber::fmt().with_max_level(level).with_ansi(colours);
    events.log_internal_errors(false).with_writer(move || log.clone()).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_an_ipv4_address_or_a_name_with_a_port_or_without() {
        let found = |typed: &str| address(typed, 50_000).unwrap().to_string();
        assert_eq!(found("10.0.0.5"), "10.0.0.5:50000");
        assert_eq!(found("10.0.0.5:4000"), "10.0.0.5:4000");
        assert_eq!(found("localhost:4000"), "127.0.0.1:4000");
    }

    #[test]
    fn a_peer_that_cannot_be_is_refused_and_said_to_be_what_it_is() {
        for (typed, what) in [
            ("255.255.255.255", "broadcast"),
            ("255.255.255.255:4000", "broadcast"),
            ("224.0.0.1", "multicast"),
            ("0.0.0.0", "any address"),
            ("::1", "IPv4 address is needed"),
            ("fe80::1%eth0", "IPv4 address is needed"),
            ("[::1]:4000", "IPv4 address is needed"),
            ("10.0.0.5:0", "0 is no port"),
            ("", "nobody's address"),
            (":4000", "nobody's address"),
        ] {
            let error = address(typed, 50_000).unwrap_err();
            assert!(error.is::<Impossible>());
            assert!(error.to_string().contains(what), "{typed}: {error}");
        }
    }

    #[test]
    fn so_many_bots_need_as_many_ports() {
        assert_eq!(ports(65_000, 536).unwrap(), 65_000);
        assert!(ports(65_000, 537).unwrap_err().is::<Impossible>());
    }
}
