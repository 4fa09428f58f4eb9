//! The command line: what can be typed, what it means, and what it shows.
//!
//! What was typed is one type ([`Typed`](options::Typed)), what it means is another
//! ([`Task`]): only here, in between, are defaults filled in, names resolved and profiles claimed.
//! Exit codes: 0 it went well, 1 it failed, 2 it was asked for something that cannot be.
//!
//! Where to read on: `options` is what can be typed, `take_part` runs nodes, `lines` is the JSON
//! that scripts read, `story` the sentences that people read.

use std::{
    io::{self, IsTerminal},
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    process::ExitCode,
};

use clap::Parser;
use interregnum::{
    cluster::message::Role,
    runtime::{self, Settings, StartError},
    text::{Name, SessionName},
};
use tracing_subscriber::filter::LevelFilter;

mod bench;
mod demo;
mod judge;
#[allow(dead_code, reason = "the tests pull more cables than the benches")]
mod lab;
#[cfg(feature = "store")]
mod ledger;
mod options;
mod party;
mod peers;
mod pilot;
mod profile;
mod signals;
mod simulate;
mod take_part;
mod window;

mod lines;
mod reporter;
mod story;

use options::{Common, Subcommand, Typed};
use profile::Profile;
use take_part::TakePart;

/// What somebody wants is impossible here, and the message says what to do instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(String);

/// Parses, runs, and says how it went.
pub fn main() -> ExitCode {
    let typed = Typed::parse();
    listen_to_logs(typed.common.log);
    match run(typed) {
        Ok(code) => code,
        Err(error) if says_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interregnum: {error:#}{}", hint(&error));
            let usage = error.is::<Impossible>() || error.is::<StartError>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

fn run(typed: Typed) -> anyhow::Result<ExitCode> {
    let common = typed.common;
    match typed.subcommand {
        None => window::run(&common, typed.play, typed.size),
        Some(Subcommand::Bot { count }) => headless(&common, Role::Player, count),
        Some(Subcommand::Bench(options)) => bench::run(&common, &options),
        Some(Subcommand::Demo(options)) => demo::run(&common, &options),
        #[cfg(feature = "store")]
        Some(Subcommand::Ledger(command)) => ledger::run(&common, &command),
        #[cfg(feature = "store")]
        Some(Subcommand::Scores) => ledger::scores::run(&common),
        Some(Subcommand::Sim(options)) => simulate::run(&options),
        Some(Subcommand::Watch { count }) => headless(&common, Role::Spectator, count),
    }
}

/// Bots, or spectators without a screen.
fn headless(common: &Common, role: Role, count: u16) -> anyhow::Result<ExitCode> {
    let mut nodes = Vec::new();
    for number in 1..=count {
        let profile = match &common.data_dir {
            Some(folder) => Profile::claim(folder),
            None => Profile::passing(),
        };
        let name = match &common.name {
            Some(name) if count == 1 => name.clone(),
            Some(name) => Name::new(&format!("{name} {number}")),
            None => profile.name.clone().unwrap_or_else(|| profile.nickname()),
        };
        let mut settings = settings(common, name)?;
        settings.role = role;
        settings.session = Some(session(common));
        settings.port = settings
            .port
            .map(|port| ports(port, count))
            .transpose()?
            .map(|first| first + (number - 1));
        nodes.push((settings, profile));
    }
    TakePart::of(common).run(nodes)
}

/// The settings that every way of taking part shares.
fn settings(common: &Common, name: Name) -> anyhow::Result<Settings> {
    let mut settings = Settings::new(name);
    settings.ip = common.home();
    settings.port = common.port();
    settings.beacon_port = common.beacon_port;
    settings.trace_ticks = common.trace_ticks;
    settings.form = common.wire;
    for peer in &common.peer {
        settings.peers.push(address(peer, common.beacon_port)?);
    }
    Ok(settings)
}

fn session(common: &Common) -> SessionName {
    common.session.clone().unwrap_or_else(|| SessionName::new("lan"))
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

fn listen_to_logs(level: LevelFilter) {
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_max_level(level).with_ansi(colours);
    log.with_writer(io::stderr).init();
}

/// Whoever read our lines has gone. That is how `| head` works, not a failure.
fn says_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
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
