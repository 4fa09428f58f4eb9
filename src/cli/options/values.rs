//! What single words mean: numbers, addresses, names. Whoever types something else is told what was expected.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    str::FromStr,
};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use interregnum::{
    config::Form,
    runtime,
    text::{Name, SessionName, Unfit},
};
use tracing_subscriber::filter::LevelFilter;

/// How many seconds anything may be given: thirty years.
pub(super) const SECONDS_MAX: u64 = 1_000_000_000;

/// An address to live at, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home(pub(super) Option<Ipv4Addr>);

pub(super) fn home(typed: &str) -> Result<Home, String> {
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

pub(super) fn port(typed: &str) -> Result<u16, String> {
    let wrong = |_| "a port is a number from 1 to 65535; 0: the system chooses".to_owned();
    typed.trim().parse().map_err(wrong)
}

/// Reads a whole number. Whoever types something else is told what was expected.
pub(super) fn number<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
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

pub(super) fn level() -> impl TypedValueParser<Value = LevelFilter> {
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

pub(super) fn name(typed: &str) -> Result<Called, Unfit> {
    match Name::whole(typed) {
        Ok(name) => Ok(Called { name, cut: false }),
        Err(Unfit::TooLong) => Ok(Called { name: Name::new(typed), cut: true }),
        Err(unfit @ Unfit::Empty) => Err(unfit),
    }
}

pub(super) fn size(typed: &str) -> Result<(u32, u32), String> {
    let wrong = || "a size is like 960x540: 320x180 at least, 8192x8192 at most".to_owned();
    let (width, height) = typed.split_once('x').ok_or_else(wrong)?;
    match (width.parse(), height.parse()) {
        (Ok(width @ 320..=8_192), Ok(height @ 180..=8_192)) => Ok((width, height)),
        _ => Err(wrong()),
    }
}

/// So many seconds.
#[cfg(feature = "store")]
pub(super) fn ago(typed: &str) -> Result<u64, String> {
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

pub(super) fn form(typed: &str) -> Result<Form, String> {
    match typed {
        "binary" => Ok(Form::Binary),
        "json" => Ok(Form::Json),
        _ => Err("there are two forms: binary and json".to_owned()),
    }
}

/// An empty variable is like none.
pub(super) fn session(typed: &str) -> Result<SessionName, Unfit> {
    if typed.trim().is_empty() { Ok(SessionName::default()) } else { SessionName::new(typed) }
}
