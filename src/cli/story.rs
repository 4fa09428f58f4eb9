//! What happens, in sentences for people: who hosts, who scores, how long a handover took.

use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

use interregnum::{
    accounts::{Accounts, told_apart},
    arena::{Arena, Score, hall::Hall},
    cluster::{Exclusion, Unreachable},
    node::{Cause, Event, MemberView, place_in_line},
    pairing::{Stage, Told},
    runtime::{Happened, Started, Timed},
    text::{Name, SessionName},
    types::{Instant, NodeId},
};

/// The time between two lines about points.
const POINTS_EVERY: Duration = Duration::from_secs(5);

/// Who is heard and cannot be reached, and what can be done about it.
fn unreachable(who: &Unreachable) -> String {
    let name = who.called();
    let at = who.address.map(|address| format!(" at {address}")).unwrap_or_default();
    let heard = match who.heard {
        true => format!("{name} is heard{at} and cannot be reached"),
        false => format!("{name} is said to host a game{at}, and no way leads there"),
    };
    format!(
        "{heard}: a firewall on that machine lets nobody in, or the network keeps its machines apart, as \
         guest Wi-Fi does; you play on without. Allow the program there, or start it there with --peer \
         and your address"
    )
}

/// Remembers who is who, and puts what happens into words.
#[derive(Debug, Default)]
pub struct Story {
    names: BTreeMap<NodeId, Name>,
    /// The same, told apart where several have one name.
    shown: BTreeMap<NodeId, String>,
    accounts: Arc<Accounts>,
    lost: Option<(NodeId, Cause)>,
    games_won: BTreeMap<NodeId, u32>,
    points: String,
    points_told: Instant,
}

impl Story {
    /// How it begins.
    pub fn beginning(
        &mut self,
        name: &Name,
        session: Option<&SessionName>,
        started: &Started,
    ) -> String {
        self.names.insert(started.id, name.clone());
        self.tell_apart();
        let at = format!("{}, TCP port {}, UDP port {}", started.ip, started.tcp, started.udp);
        match session {
            Some(session) => format!("{name} looks for the session {session} ({at})"),
            None => format!("{name} listens for sessions ({at})"),
        }
    }

    /// The sentence for something that happened; none where there is nothing to say.
    pub fn line(&mut self, timed: &Timed<Arena>) -> Option<String> {
        match &timed.event {
            Happened::Node(event) => self.event(event),
            Happened::Warning(text) => Some(format!("warning: {text}")),
            Happened::Failed { why } => {
                Some(format!("this node has failed, and plays no more: {why}; the others play on"))
            }
            Happened::Stall { .. } | Happened::Missed { .. } => None,
        }
    }

    /// The sentences for a scoreboard: each game won at once, the points now and then.
    ///
    /// Of those who have gone before this node came, only the hall of fame knows what they are called.
    pub fn scores(
        &mut self,
        now: Instant,
        board: &BTreeMap<NodeId, Score>,
        hall: &Hall,
    ) -> Vec<String> {
        for player in board.keys() {
            if let Some(name) = hall.name(*player).filter(|_| !self.names.contains_key(player)) {
                self.names.insert(*player, name.clone());
                self.tell_apart();
            }
        }
        let mut told = Vec::new();
        for (player, score) in board {
            let before = self.games_won.insert(*player, score.games_won);
            if before.is_some_and(|before| score.games_won > before) {
                told.push(format!("{} wins the round", self.name(*player)));
            }
        }
        if now.since(self.points_told) >= POINTS_EVERY {
            let points = self.points(board);
            let none = board.values().all(|score| *score == Score::default());
            if !none && points != self.points {
                told.push(format!("points: {points}"));
                self.points = points;
                self.points_told = now;
            }
        }
        told
    }

    fn event(&mut self, event: &Event<Arena>) -> Option<String> {
        match event {
            Event::PeerUp { peer, name } => {
                self.names.insert(*peer, name.clone());
                self.tell_apart();
                Some(format!("{} is here", self.name(*peer)))
            }
            Event::PeerDown { peer, reason } => {
                Some(format!("{} is gone ({})", self.name(*peer), reason.as_str()))
            }
            Event::HostLost { host, reason, .. } => {
                self.lost = Some((*host, *reason));
                None
            }
            Event::Host { host, gap, .. } => Some(self.crowning(*host, *gap)),
            Event::Roster { members, .. } => {
                self.learn(members);
                None
            }
            Event::Rebase { .. } => {
                Some("two games met and are one again; the smaller one joined the other".into())
            }
            Event::Diverged { .. } => {
                Some("this machine and the host disagree about the rules: please report it".into())
            }
            Event::NobodyFound => Some(
                "nobody else is heard here; if somebody should be, a firewall may be in the way: \
                 try --peer ADDRESS where the firewall is"
                    .into(),
            ),
            Event::Unreachable(who) => Some(unreachable(who)),
            Event::Full { players, ahead } => Some(format!(
                "full with {players} players: you watch, and {}",
                place_in_line(*ahead)
            )),
            Event::Seated => Some("a seat is free: you play".into()),
            Event::Locked { session } => Some(format!(
                "the session \"{session}\" is locked, and not with this passphrase: ask who plays there"
            )),
            Event::Open { session } => Some(format!(
                "a session \"{session}\" without a passphrase is here, too: yours is another one, of those \
                 who know the passphrase; whoever wants to play in the open one gives none"
            )),
            Event::Excluded { session, why: Exclusion::Barred } => Some(format!(
                "you may not be in the session \"{session}\" any more: its host or its members do not want you"
            )),
            Event::Excluded { why: Exclusion::StruckOff, .. } => Some(
                "this machine is not let in: its account has struck it off; ask whoever has the \
                 account's key, or play as somebody else (account create)"
                    .into(),
            ),
            Event::Excluded { session, why: Exclusion::NotListed } => Some(format!(
                "the session \"{session}\" lets in only those who are on a list, and you are not: give its \
                 host your key"
            )),
            Event::HostCheats { host, clock, deceit } => Some(format!(
                "warning: {} does not play fair (tick {}): {}; the members can vote for another host",
                self.name(*host),
                clock.tick.0,
                deceit.words()
            )),
            Event::Votes { host, votes, needed } => Some(format!(
                "{votes} of the {needed} votes that it takes are against {}",
                self.name(*host)
            )),
            Event::Pairing { peer, name, told } => Some(self.pairing(*peer, name, told)),
            Event::Recognised { peer, .. } => Some(recognised(&self.name(*peer))),
            Event::OtherKey { peer, name } => Some(other_key(&self.name(*peer), name)),
            Event::NewIdentity { .. } => Some(
                "somebody else plays with a copy of this profile; going on as a new player".into(),
            ),
            Event::DiskFailed { trouble } => Some(format!(
                "from here on nothing is kept on this machine: {trouble}; the game goes on"
            )),
            Event::LedgerFilling { fullness } => {
                let words = fullness.words();
                words.map(|(what, advice)| format!("{what}: {advice}"))
            }
            Event::Stopped => Some("left the game".into()),
            Event::Election { .. }
            | Event::Tick { .. }
            | Event::Game { .. }
            | Event::Missed { .. }
            | Event::Chat(_)
            | Event::Safe { .. } => None,
        }
    }

    fn pairing(&self, peer: NodeId, name: &Name, told: &Told) -> String {
        let who = self.shown.get(&peer).map_or(name.as_str(), String::as_str);
        match told {
            Told::Stage(Stage::Asking) => format!("{who} is asked to compare; waiting"),
            Told::Stage(Stage::Asked) => format!("{who} wants to compare with you"),
            Told::Stage(Stage::Comparing { code, said: false }) => {
                let [one, two, three, four] = code.words();
                format!("to compare with {who}:  {}  {one}, {two}, {three}, {four}", code.digits())
            }
            Told::Stage(Stage::Comparing { .. }) => format!("{who} has yet to say the same"),
            Told::Paired(key) => format!(
                "nobody stands between you and {who}: the key {key:?}\u{2026} is remembered"
            ),
            Told::Ended { why, by_them } => why.words(who, *by_them),
        }
    }

    fn crowning(&mut self, host: NodeId, gap: Option<Duration>) -> String {
        let host = self.name(host);
        let Some(gap) = gap else {
            return format!("{host} hosts the game");
        };
        let gap_ms = gap.as_micros() as f64 / 1_000.0;
        match self.lost.take() {
            Some((lost, reason)) => format!(
                "{} is lost as host ({}): {host} hosts, {gap_ms:.1} ms later",
                self.name(lost),
                reason.as_str()
            ),
            None => format!("{host} hosts, {gap_ms:.1} ms after the last tick of the host before"),
        }
    }

    fn points(&self, board: &BTreeMap<NodeId, Score>) -> String {
        let mut ranks: Vec<_> = board.iter().collect();
        ranks.sort_by_key(|(player, score)| {
            (std::cmp::Reverse((score.points, score.games_won)), **player)
        });
        let mut text = String::new();
        for (player, score) in ranks {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{} {}", self.name(*player), score.points);
            if score.games_won > 0 {
                let _ = write!(text, " ({} won)", score.games_won);
            }
        }
        text
    }

    fn learn(&mut self, members: &[MemberView]) {
        for member in members {
            self.names.insert(member.id, member.name.clone());
        }
        self.tell_apart();
    }

    /// These accounts are known from here on.
    pub fn know(&mut self, accounts: &Arc<Accounts>) {
        if !Arc::ptr_eq(&self.accounts, accounts) {
            self.accounts = accounts.clone();
            self.tell_apart();
        }
    }

    fn tell_apart(&mut self) {
        let names = self.names.iter().map(|(id, name)| (*id, name.as_str()));
        self.shown = told_apart(names, &self.accounts);
    }

    fn name(&self, id: NodeId) -> String {
        match self.shown.get(&id) {
            Some(name) => name.clone(),
            None => format!("{id:?}"),
        }
    }
}

/// Somebody is here who is remembered.
pub fn recognised(who: &str) -> String {
    format!("{who} is the one whom you have compared with")
}

/// Somebody is here who is called like somebody who is remembered.
pub fn other_key(who: &str, name: &Name) -> String {
    format!(
        "warning: {who} is not the {name} whom you have compared with, but somebody with another key; \
         compare before you trust that name"
    )
}
