//! How a game is joined, in one line: a name for each thing that may be said of it, and sound defaults for all.

use std::{
    env::{self, VarError},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    str::FromStr,
};

use super::{Handle, Pilot, Settings, StartError, launch};
use crate::{
    game::Game,
    keys::Lock,
    node::{Command, View},
    text::{Name, SessionName},
    types::Role,
};

/// A node that is about to start: see [`join`].
#[must_use = "nothing is joined before `start`"]
pub struct Join<G: Game> {
    settings: Settings,
    passphrase: Option<String>,
    pilot: Option<Pilot<G>>,
    /// The first thing that was said and cannot be.
    wrong: Option<StartError>,
}

/// Joins the session of this name, or founds it if there is none around: `join::<Pong>("pong").start()?`.
///
/// All that is not said has a sound default: the player is called *somebody*, the session is open, lives on every network
/// of this machine, and nothing of it outlives the last who is in it. What is said wrongly is told by
/// [`start`](Join::start).
pub fn join<G: Game>(session: &str) -> Join<G> {
    let join = Join::from(Settings::new(Name::new("somebody")));
    join.session(session)
}

/// All settings, for whoever needs another one than those that have a name here.
impl<G: Game> From<Settings> for Join<G> {
    fn from(settings: Settings) -> Self {
        Self { settings, passphrase: None, pilot: None, wrong: None }
    }
}

impl<G: Game> Join<G> {
    /// Another session than the one that was named first.
    pub fn session(mut self, session: &str) -> Self {
        match SessionName::new(session) {
            Ok(session) => self.settings.session = Some(session),
            Err(unfit) => self.wrong = self.wrong.or(Some(StartError::Session(unfit))),
        }
        self
    }

    /// What the player is called. A name that is too long is cut.
    pub fn name(mut self, name: &str) -> Self {
        self.settings.name = Name::new(name);
        self
    }

    /// The node only watches.
    pub fn watch(mut self) -> Self {
        self.settings.role = Role::Spectator;
        self
    }

    /// Only who says the same passphrase comes in. It costs a tenth of a second and 64 MiB, once, at the start.
    pub fn passphrase(mut self, passphrase: &str) -> Self {
        self.passphrase = Some(passphrase.to_owned());
        self
    }

    /// The file in which all that is to outlive everybody is kept: points, and what was said. It is made if there is
    /// none. Each node needs one of its own.
    pub fn ledger(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.ledger = Some(path.as_ref().to_owned());
        self
    }

    /// The node lives at this address of its machine alone: 127.0.0.1 for several on one machine, without a network.
    pub fn ip(mut self, ip: Ipv4Addr) -> Self {
        self.settings.ip = Some(ip);
        self
    }

    /// Looks for the others there, too: where broadcasts do not reach.
    pub fn peer(mut self, peer: SocketAddr) -> Self {
        self.settings.peers.push(peer);
        self
    }

    /// Who takes another UDP port for beacons hears nobody but those who take the same.
    pub fn beacon_port(mut self, port: u16) -> Self {
        self.settings.beacon_port = port;
        self
    }

    /// This plays, and nobody else: it is shown each new view, and says what to do. It is called on the network thread,
    /// so it must be quick; and a panic in it ends the node.
    pub fn pilot(
        mut self,
        pilot: impl FnMut(&View<G>) -> Option<Command<G>> + Send + 'static,
    ) -> Self {
        self.pilot = Some(Box::new(pilot));
        self
    }

    /// What whoever runs the program says in its environment goes before what was said so far:
    ///
    /// | variable | is |
    /// |---|---|
    /// | `GAME_NAME` | [`name`](Join::name) |
    /// | `GAME_SESSION` | another session's name |
    /// | `GAME_IP` | [`ip`](Join::ip) |
    /// | `GAME_PEER` | [`peer`](Join::peer): addresses with ports, with commas between them |
    /// | `GAME_BEACON_PORT` | [`beacon_port`](Join::beacon_port) |
    /// | `GAME_PASSPHRASE` | [`passphrase`](Join::passphrase) |
    /// | `GAME_LEDGER` | [`ledger`](Join::ledger) |
    /// | `GAME_WATCH` | [`watch`](Join::watch), whatever it is set to |
    ///
    /// One that is empty is as if it were not set.
    pub fn env(self) -> Self {
        self.vars(|name| match env::var(name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err("it is no text".to_owned()),
        })
    }

    fn vars(mut self, read: impl Fn(&str) -> Result<Option<String>, String>) -> Self {
        type Say<G> = fn(&mut Join<G>, &str) -> Result<(), String>;
        let each: [(&'static str, Say<G>); 8] = [
            ("GAME_NAME", |join, name| {
                join.settings.name = Name::new(name);
                Ok(())
            }),
            ("GAME_SESSION", |join, name| {
                let session = SessionName::new(name).map_err(|unfit| unfit.to_string())?;
                join.settings.session = Some(session);
                Ok(())
            }),
            ("GAME_IP", |join, ip| {
                join.settings.ip = Some(parsed(ip, "an IPv4 address")?);
                Ok(())
            }),
            ("GAME_PEER", |join, peers| {
                for peer in peers.split(',') {
                    let form = "an address and a port, as in 10.0.0.7:50000";
                    join.settings.peers.push(parsed(peer.trim(), form)?);
                }
                Ok(())
            }),
            ("GAME_BEACON_PORT", |join, port| {
                join.settings.beacon_port = parsed(port, "a port, 1 to 65535")?;
                Ok(())
            }),
            ("GAME_PASSPHRASE", |join, said| {
                join.passphrase = Some(said.to_owned());
                Ok(())
            }),
            ("GAME_LEDGER", |join, path| {
                join.settings.ledger = Some(path.into());
                Ok(())
            }),
            ("GAME_WATCH", |join, _| {
                join.settings.role = Role::Spectator;
                Ok(())
            }),
        ];
        for (variable, say) in each {
            let value = read(variable);
            let said = value.and_then(|value| value.map_or(Ok(()), |value| say(&mut self, &value)));
            if let Err(why) = said {
                self.wrong.get_or_insert(StartError::Variable { variable, why });
            }
        }
        self
    }

    /// Changes any of the settings.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// All that was said so far.
    pub fn as_settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts the node, on a thread of its own. It never blocks whoever calls it but for the passphrase.
    ///
    /// # Errors
    /// [`StartError`] when a socket or a file cannot be had, or something that was said cannot be.
    pub fn start(self) -> Result<Handle<G>, StartError> {
        let Self { mut settings, passphrase, pilot, wrong } = self;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        if let (Some(passphrase), Some(session)) = (passphrase, &settings.session) {
            let lock = Lock::new(&passphrase, session).ok_or(StartError::Passphrase)?;
            settings.lock = Some(lock);
        }
        launch(settings, pilot)
    }
}

fn parsed<T: FromStr>(value: &str, form: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("it is {value:?}, and not {form}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::game::testing::Still;

    fn said(variables: &[(&'static str, &str)]) -> Join<Still> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        join("a game").name("Ada").vars(|name| Ok(variables.get(name).map(ToString::to_string)))
    }

    #[test]
    fn the_environment_goes_before_what_a_program_says() {
        assert_eq!(said(&[]).settings.name, Name::new("Ada"));
        let join = said(&[
            ("GAME_NAME", "Ben"),
            ("GAME_SESSION", "another"),
            ("GAME_IP", "127.0.0.3"),
            ("GAME_PEER", "10.0.0.7:50000, 10.0.0.8:50001"),
            ("GAME_BEACON_PORT", "50123"),
            ("GAME_PASSPHRASE", "four good words here"),
            ("GAME_LEDGER", "a/file"),
            ("GAME_WATCH", "1"),
        ]);
        assert!(join.wrong.is_none());
        let settings = join.settings;
        assert_eq!(settings.name, Name::new("Ben"));
        assert_eq!(settings.session, SessionName::new("another").ok());
        assert_eq!(settings.ip, Some(Ipv4Addr::new(127, 0, 0, 3)));
        assert_eq!(settings.peers.len(), 2);
        assert_eq!((settings.beacon_port, settings.role), (50_123, Role::Spectator));
        assert_eq!(settings.ledger.as_deref(), Some(Path::new("a/file")));
        assert_eq!(join.passphrase.as_deref(), Some("four good words here"));
    }

    #[test]
    fn what_is_said_wrongly_is_told_at_the_start_and_nothing_is_started() {
        for (variable, value) in [
            ("GAME_IP", "here"),
            ("GAME_PEER", "10.0.0.7:50000,there"),
            ("GAME_BEACON_PORT", "65536"),
        ] {
            let error = said(&[(variable, value)]).start().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{variable} cannot be used: ")), "{error}");
        }
        let error = join::<Still>("").start().unwrap_err();
        assert!(matches!(error, StartError::Session(_)), "{error}");
        let error = join::<Still>("a game").passphrase("  ").start().unwrap_err();
        assert!(matches!(error, StartError::Passphrase), "{error}");
    }
}
