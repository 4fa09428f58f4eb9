//! What happens, as JSON: one object per line, the same shape for writing and for reading.
//!
//! This is a stable interface, for scripts. Fields may be added; none is renamed or removed. Every
//! line has the time in microseconds (comparable between the processes of one machine), the node that
//! tells it, and what happened. What a game adds goes through serde: [`What::Game`].
//!
//! A [`Voice`] makes the lines of one node, of any game:
//!
//! ```no_run
//! use interregnum::{join, lines::{Voice, of_game}};
//! # use interregnum::arena::Arena as YourGame;
//!
//! let handle = join::<YourGame>("a session").name("Ada").start()?;
//! let mut voice = Voice::new(handle.started());
//! for timed in handle.events().until_the_end() {
//!     if let Some(line) = voice.happened(&timed, of_game) {
//!         println!("{}", serde_json::to_string(&line)?);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    accounts::Accounts,
    game::Game,
    keys::PublicKey,
    ledger::{Fullness, entry::WallTime, witness::Safety},
    node::{ChatNews, Event, LedgerView, MemberView, View},
    pairing::{Stage, Told},
    runtime::{CrowdSeen, Happened, Started, Timed},
    text::{Name, SessionName},
    types::{self, Instant, NodeId, Role, Tick},
};

/// What a crowd saw in a second, as a line tells it.
pub fn of_crowd<P>(seen: &CrowdSeen) -> What<P> {
    let us = |span: Duration| span.as_micros() as u64;
    What::Crowd {
        count: seen.count,
        follow: seen.follow,
        through: seen.through,
        all_in_us: seen.all_in.map(us),
        ticks_worst: seen.ticks_worst,
        ticks_median: seen.ticks_median,
        gap_p50_us: us(seen.gap_p50),
        gap_p99_us: us(seen.gap_p99),
        gap_max_us: us(seen.gap_max),
        wrong: seen.wrong,
        failed: seen.failed,
        lost: seen.lost,
        processor_us: us(seen.processor),
        span_us: us(seen.span),
    }
}

/// One line. `P` is what the game tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line<P> {
    /// When, in microseconds.
    pub t_us: u64,
    /// Who tells it.
    pub node: NodeId,
    /// What happened, with the fields that belong to it.
    #[serde(flatten)]
    pub what: What<P>,
}

/// What a line tells. The names of the variants are the values of `event`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What<P> {
    /// The first line of a node.
    Started {
        /// Where it lives.
        ip: Ipv4Addr,
        /// The port for links.
        tcp: u16,
        /// The port for packets.
        udp: u16,
        /// What it is to play in at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionName>,
        /// What its player is called.
        name: Name,
        /// The key that its id follows from, in 64 hexadecimal digits: what stands in the list of those who
        /// may come in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<PublicKey>,
    },
    /// A link to a peer is up.
    PeerUp {
        /// The peer.
        peer: NodeId,
    },
    /// The link to a peer is gone.
    PeerDown {
        /// The peer.
        peer: NodeId,
        /// Why, in a word.
        reason: String,
    },
    /// This node was woken too late.
    Stall {
        /// So much.
        us: u64,
    },
    /// The host is lost.
    HostLost {
        /// Who it was.
        host: NodeId,
        /// Its reign.
        term: Term,
        /// Why, in a word.
        reason: String,
    },
    /// This node asks the others to follow it.
    Election {
        /// The reign that it believes to be over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        term: Option<Term>,
    },
    /// The first tick of a reign was applied.
    Host {
        /// Who reigns.
        host: NodeId,
        /// The reign.
        term: Term,
        /// That tick.
        clock: Clock,
        /// From the last tick of the reign before; absent for those who did not see it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap_us: Option<u64>,
        /// So many ticks of the reign before are undone by it.
        #[serde(default)]
        rolled_back: u64,
    },
    /// A tick was applied: with `--trace-ticks`.
    Tick {
        /// The reign.
        term: Term,
        /// The tick.
        tick: u64,
        /// The hash of its world.
        hash: u32,
    },
    /// The members are players. Who only watches is counted.
    Roster {
        /// It rises with each change within one reign.
        version: u64,
        /// All players.
        members: Vec<Member>,
        /// How many watch.
        #[serde(default)]
        spectators: u32,
    },
    /// The world went back, or over to another line of history.
    Rebase {
        /// What was given up.
        from: Clock,
        /// What goes on.
        to: Clock,
    },
    /// What many spectators of one process have seen in the last second, to measure what a crowd costs.
    Crowd {
        /// How many there are.
        count: usize,
        /// How many of them follow a host.
        follow: usize,
        /// How many get its ticks from somebody else who watches.
        through: usize,
        /// From when a game was heard of until all of them were in it; absent before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        all_in_us: Option<u64>,
        /// How many ticks came to whoever got the fewest.
        ticks_worst: u32,
        /// How many came to whoever is in the middle.
        ticks_median: u32,
        /// Half of the gaps between two ticks are shorter.
        gap_p50_us: u64,
        /// Of a hundred gaps one is longer.
        gap_p99_us: u64,
        /// The longest gap.
        gap_max_us: u64,
        /// Worlds with another hash than their host's.
        wrong: u64,
        /// Dials that failed, since the start.
        failed: u64,
        /// Links that were lost, since the start.
        lost: u64,
        /// How much time on a processor the process took.
        processor_us: u64,
        /// How long the second was.
        span_us: u64,
    },
    /// Two machines disagree about the rules.
    Diverged {
        /// The state about which they disagree.
        clock: Clock,
    },
    /// The ledger has changed.
    Ledger {
        /// How many entries it has.
        entries: usize,
        /// Equal ledgers have the same.
        hash: String,
        /// That of its least safe entry.
        safety: Kept,
    },
    /// Other accounts are known in this session than before.
    Accounts {
        /// How many.
        accounts: usize,
        /// How many of them are deleted.
        deleted: usize,
        /// How many machines speak for any of them.
        machines: usize,
        /// How many machines are struck off.
        struck: usize,
    },
    /// Somebody has said something: told once, when the line has its place, after those before it.
    Said {
        /// The name of the line, to take it back by.
        line: String,
        /// The machine that wrote it.
        from: NodeId,
        /// What its person is called, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The person that it is for; absent: for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<NodeId>,
        /// What that one is called, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_name: Option<String>,
        /// What it says.
        text: String,
        /// When it was written, in seconds since 1970, as far as clocks can be believed.
        at: WallTime,
        /// It was said while this node was not there.
        #[serde(default, skip_serializing_if = "is_false")]
        away: bool,
    },
    /// All that was said while this node was not there has been told.
    SaidWhileAway {
        /// How many lines.
        lines: usize,
    },
    /// What was typed here is written down, and on its way.
    Sending {
        /// The name of the line. What `kept` says of its author, life and number is true of it.
        line: String,
        /// What it says.
        text: String,
    },
    /// What was typed here is not said.
    NotSaid {
        /// What was typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Why not, for people.
        why: String,
    },
    /// Somebody who is known here: an answer to `/list`.
    Known {
        /// The id of its account's key.
        person: NodeId,
        /// What it is called, with its mark where another one has that name.
        name: String,
    },
    /// Whose lines are not shown here from now on.
    Muted {
        /// The ids of all of them.
        people: Vec<NodeId>,
    },
    /// A line that was told is taken back.
    TakenBack {
        /// Its name.
        line: String,
    },
    /// What `author` wrote in this life is so safe from here on.
    Kept {
        /// The id of whoever wrote it.
        author: NodeId,
        /// In which life.
        incarnation: String,
        /// Up to this number.
        through: u64,
        /// How safe.
        safety: Kept,
    },
    /// Nothing more is kept on this machine.
    DiskFailed {
        /// For people.
        why: String,
    },
    /// The session's ledger is nearly full (`soon`), or full (`full`): then nothing more is counted.
    LedgerFilling {
        /// How full.
        fullness: Fill,
    },
    /// Nobody was heard for a while.
    NobodyFound,
    /// Somebody of this session is heard, or said to host it, and no way leads there.
    Unreachable {
        /// The id of the one who is not reached.
        peer: NodeId,
        /// What its player is called, if that is known.
        name: String,
        /// Where it is said to be.
        address: Option<SocketAddr>,
        /// Whether it is heard itself.
        heard: bool,
    },
    /// The session has as many players as it takes. This node watches, and comes in when it is its turn; said again
    /// whenever that comes nearer.
    Full {
        /// So many.
        players: usize,
        /// How many come in before this node: 0 if it is next.
        ahead: usize,
    },
    /// This node, which waited for a seat, has one, and plays.
    Seated,
    /// A session of this name is heard that wants another passphrase than this node has, or one at all.
    Locked {
        /// The session.
        session: String,
    },
    /// A session of this name is heard that is open to everybody. This node has a passphrase, so it is in another
    /// one.
    Open {
        /// The session.
        session: String,
    },
    /// This node may not be in the session any more, or not come in.
    Excluded {
        /// The session.
        session: String,
        /// `barred` (by its host, or voted out), or `not_listed`.
        why: String,
    },
    /// The host does what is against the rules: `world` (a state does not come of the one before), `controls` (it
    /// applied what was not pressed here), `scores` (points that nothing accounts for), or `silence` (it does not say
    /// what it applied).
    HostCheats {
        /// Who hosts.
        host: NodeId,
        /// The state at which it shows.
        clock: Clock,
        /// What it does.
        deceit: String,
    },
    /// So many of those who are present want the host to go; it goes with `needed`.
    Votes {
        /// Who hosts.
        host: NodeId,
        /// How many.
        votes: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The person here compares pictures with somebody, or is asked to; or does no more.
    Pairing {
        /// With whom.
        peer: NodeId,
        /// What that one is called.
        name: Name,
        /// `asking`, `asked`, `comparing`, `paired`, or `ended`.
        stage: String,
        /// The six digits to be compared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digits: Option<String>,
        /// The same as four pictures.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pictures: Vec<String>,
        /// Of `comparing`: the person here has said that it is the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<bool>,
        /// Of `paired`: the key that is remembered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<PublicKey>,
        /// Of `ended`: `refused`, `busy`, `too_often`, `differs`, `late`, `broken`, `gone` or `full`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Of `ended`: whether the other side says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_them: Option<bool>,
    },
    /// See [`Event::Recognised`].
    Recognised {
        /// Who.
        peer: NodeId,
        /// What it is called now.
        name: Name,
    },
    /// See [`Event::OtherKey`].
    OtherKey {
        /// Who.
        peer: NodeId,
        /// What it is called.
        name: Name,
    },
    /// Somebody else uses this node's id; it goes on under this one.
    NewIdentity {
        /// The new one.
        id: NodeId,
    },
    /// For people.
    Warning {
        /// What does not work as it should.
        text: String,
    },
    /// So many events were lost on their way here: nobody read them in time, or nothing came in while
    /// they happened.
    Missed {
        /// How many.
        events: u64,
    },
    /// So many lines are missing at this place, because nobody took them in time, or because they
    /// could not be written. The node is 0, for they may have been of several.
    LeftOut {
        /// How many.
        lines: u64,
    },
    /// The last line of a node.
    Stopped {
        /// `left` or `failed`.
        reason: String,
        /// The message of what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// What the game tells, in a form of its own with an `event` of its own: [`OfGame`] for example.
    /// Whatever is none of the above is read as this, so it should have a variant for all that it does
    /// not know (`#[serde(other)]`).
    #[serde(untagged)]
    Game(P),
}

/// What most games tell: their events, as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum OfGame<E> {
    /// Something happened in the game.
    Game {
        /// At which tick.
        tick: u64,
        /// What happened, as the game puts it.
        what: E,
    },
    /// Whatever another version tells.
    #[serde(other)]
    Unknown,
}

/// Tells an event of a game as it is: for [`Voice::happened`].
pub fn of_game<E: Clone>(tick: Tick, event: &E) -> Option<OfGame<E>> {
    Some(OfGame::Game { tick: tick.0, what: event.clone() })
}

/// How safe something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// It would not survive this node.
    None,
    /// Synced on this machine's disk.
    Mine,
    /// On two machines' disks.
    Shared,
}

/// How full a ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// There is room again.
    Roomy,
    /// Nine tenths of what it may hold are there.
    Soon,
    /// Nothing more finds room.
    Full,
}

/// One reign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term {
    /// Its number.
    pub epoch: u64,
    /// Who reigns.
    pub host: NodeId,
}

/// A state of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The reign that made it.
    pub term: Term,
    /// The tick it stands at.
    pub tick: u64,
}

/// Somebody in the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The player's id.
    pub id: NodeId,
    /// What the player is called.
    pub name: Name,
    /// What it is.
    pub role: Role,
    /// Nothing is heard of it.
    pub away: bool,
}

/// Tells what happens to one node.
#[derive(Debug)]
pub struct Voice {
    node: NodeId,
    ledger: LedgerView,
    accounts: Arc<Accounts>,
}

impl Voice {
    /// Of a node that was just started.
    pub fn new(started: &Started) -> Self {
        Self { node: started.id, ledger: LedgerView::default(), accounts: Arc::default() }
    }

    /// The first line: where this node is.
    pub fn started<P>(
        &self,
        at: Instant,
        started: &Started,
        name: &Name,
        session: Option<&SessionName>,
    ) -> Line<P> {
        let Started { ip, tcp, udp, key, .. } = *started;
        let (session, name) = (session.cloned(), name.clone());
        self.line(at, What::Started { ip, tcp, udp, session, name, key: Some(key) })
    }

    /// The line for something that happened, if there is one. What happened in the game is told as
    /// `game` says: by [`of_game`] as it is.
    pub fn happened<G: Game, P>(
        &mut self,
        timed: &Timed<G>,
        game: impl FnOnce(Tick, &G::Event) -> Option<P>,
    ) -> Option<Line<P>> {
        let what = match &timed.event {
            Happened::Node(event) => what(event, game)?,
            Happened::Stall { late } => What::Stall { us: late.as_micros() as u64 },
            Happened::Warning(text) => What::Warning { text: text.clone() },
            Happened::Missed { events } => What::Missed { events: *events },
            Happened::Failed { why } => {
                What::Stopped { reason: "failed".to_owned(), why: Some(why.to_string()) }
            }
        };
        let line = self.line(timed.at, what);
        if let What::NewIdentity { id } = line.what {
            self.node = id;
        }
        Some(line)
    }

    /// The line for a ledger that has changed since the view before.
    pub fn viewed<G: Game, P>(&mut self, view: &View<G>) -> Option<Line<P>> {
        if self.ledger == view.ledger {
            return None;
        }
        self.ledger = view.ledger.clone();
        let LedgerView { entries, digest, safety, .. } = view.ledger;
        let (hash, safety) = (format!("{digest:016x}"), safety.into());
        Some(self.line(view.at, What::Ledger { entries, hash, safety }))
    }

    /// The line for accounts that have changed since the view before.
    pub fn accounts<G: Game, P>(&mut self, view: &View<G>) -> Option<Line<P>> {
        if Arc::ptr_eq(&self.accounts, &view.accounts) {
            return None;
        }
        self.accounts = view.accounts.clone();
        let known = &*self.accounts;
        let what = What::Accounts {
            accounts: known.len(),
            deleted: known.iter().filter(|(_, account)| account.is_deleted()).count(),
            machines: known.iter().map(|(_, account)| account.machines().count()).sum(),
            struck: known.struck().len(),
        };
        (!known.is_empty()).then(|| self.line(view.at, what))
    }

    /// A line of this node.
    pub fn line<P>(&self, at: Instant, what: What<P>) -> Line<P> {
        Line { t_us: at.0, node: self.node, what }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(so: &bool) -> bool {
    !so
}

fn what<G: Game, P>(
    event: &Event<G>,
    game: impl FnOnce(Tick, &G::Event) -> Option<P>,
) -> Option<What<P>> {
    Some(match event {
        Event::PeerUp { peer, .. } => What::PeerUp { peer: *peer },
        Event::PeerDown { peer, reason } => {
            What::PeerDown { peer: *peer, reason: reason.as_str().to_owned() }
        }
        Event::HostLost { host, term, reason } => {
            What::HostLost { host: *host, term: (*term).into(), reason: reason.as_str().to_owned() }
        }
        Event::Election { ends } => What::Election { term: ends.map(Term::from) },
        Event::Host { host, term, clock, gap, rolled_back } => What::Host {
            host: *host,
            term: (*term).into(),
            clock: (*clock).into(),
            gap_us: gap.map(|gap| gap.as_micros() as u64),
            rolled_back: *rolled_back,
        },
        Event::Tick { clock, hash } => {
            What::Tick { term: clock.term.into(), tick: clock.tick.0, hash: *hash }
        }
        Event::Roster { version, members, spectators } => What::Roster {
            version: *version,
            members: members.iter().map(Member::from).collect(),
            spectators: *spectators,
        },
        Event::Rebase { from, to } => What::Rebase { from: (*from).into(), to: (*to).into() },
        Event::Diverged { clock } => What::Diverged { clock: (*clock).into() },
        Event::Chat(news) => said(news),
        Event::Safe { writer, safety, through } => What::Kept {
            author: writer.node,
            incarnation: format!("{:016x}", writer.incarnation.0),
            through: *through,
            safety: (*safety).into(),
        },
        Event::DiskFailed { trouble } => What::DiskFailed { why: trouble.to_string() },
        Event::LedgerFilling { fullness } => What::LedgerFilling { fullness: (*fullness).into() },
        Event::NobodyFound => What::NobodyFound,
        Event::Unreachable(who) => What::Unreachable {
            peer: who.id,
            name: who.name.to_string(),
            address: who.address,
            heard: who.heard,
        },
        Event::Full { players, ahead } => What::Full { players: *players, ahead: *ahead },
        Event::Seated => What::Seated,
        Event::Locked { session } => What::Locked { session: session.to_string() },
        Event::Open { session } => What::Open { session: session.to_string() },
        Event::Excluded { session, why } => {
            What::Excluded { session: session.to_string(), why: why.as_str().to_owned() }
        }
        Event::HostCheats { host, clock, deceit } => What::HostCheats {
            host: *host,
            clock: (*clock).into(),
            deceit: deceit.as_str().to_owned(),
        },
        Event::Votes { host, votes, needed } => {
            What::Votes { host: *host, votes: *votes, needed: *needed }
        }
        Event::Pairing { peer, name, told } => pairing(*peer, name, told),
        Event::Recognised { peer, name } => What::Recognised { peer: *peer, name: name.clone() },
        Event::OtherKey { peer, name } => What::OtherKey { peer: *peer, name: name.clone() },
        Event::NewIdentity { id } => What::NewIdentity { id: *id },
        Event::Missed { events } => What::Missed { events: *events },
        Event::Stopped => What::Stopped { reason: "left".to_owned(), why: None },
        Event::Game { tick, event } => What::Game(game(*tick, event)?),
    })
}

fn said<P>(news: &ChatNews) -> What<P> {
    match news {
        ChatNews::Said { line, name, to_name, away } => What::Said {
            line: line.id.to_string(),
            from: line.from,
            name: name.clone(),
            to: line.to,
            to_name: to_name.clone(),
            text: line.said().map(ToString::to_string).unwrap_or_default(),
            at: line.at,
            away: *away,
        },
        ChatNews::WhileAway { lines } => What::SaidWhileAway { lines: *lines },
        ChatNews::Deleted { id } => What::TakenBack { line: id.to_string() },
        ChatNews::Sent { id, said } => {
            What::Sending { line: id.to_string(), text: said.to_string() }
        }
        ChatNews::Muted { muted } => What::Muted { people: muted.iter().copied().collect() },
        ChatNews::NotSaid { said, why } => {
            What::NotSaid { text: said.as_ref().map(ToString::to_string), why: why.to_string() }
        }
    }
}

fn pairing<P>(peer: NodeId, name: &Name, told: &Told) -> What<P> {
    let (mut shown, mut key, mut ended) = (None, None, None);
    let stage = match *told {
        Told::Stage(Stage::Asking) => "asking",
        Told::Stage(Stage::Asked) => "asked",
        Told::Stage(Stage::Comparing { code, said }) => {
            shown = Some((code, said));
            "comparing"
        }
        Told::Paired(paired) => {
            key = Some(paired);
            "paired"
        }
        Told::Ended { why, by_them } => {
            ended = Some((why.as_str().to_owned(), by_them));
            "ended"
        }
    };
    let pictures = shown.map(|(code, _)| code.words().map(str::to_owned).to_vec());
    What::Pairing {
        peer,
        name: name.clone(),
        stage: stage.to_owned(),
        digits: shown.map(|(code, _)| code.digits()),
        pictures: pictures.unwrap_or_default(),
        said: shown.map(|(_, said)| said),
        key,
        by_them: ended.as_ref().map(|(_, by_them)| *by_them),
        why: ended.map(|(why, _)| why),
    }
}

impl From<Fullness> for Fill {
    fn from(fullness: Fullness) -> Self {
        match fullness {
            Fullness::Roomy => Self::Roomy,
            Fullness::Soon => Self::Soon,
            Fullness::Full => Self::Full,
        }
    }
}

impl From<Safety> for Kept {
    fn from(safety: Safety) -> Self {
        match safety {
            Safety::None => Self::None,
            Safety::Mine => Self::Mine,
            Safety::Shared => Self::Shared,
        }
    }
}

impl From<types::Term> for Term {
    fn from(term: types::Term) -> Self {
        Self { epoch: term.epoch.0, host: term.host }
    }
}

impl From<types::Clock> for Clock {
    fn from(clock: types::Clock) -> Self {
        Self { term: clock.term.into(), tick: clock.tick.0 }
    }
}

impl From<&MemberView> for Member {
    fn from(member: &MemberView) -> Self {
        // Only players are listed.
        let (name, role) = (member.name.clone(), Role::Player);
        Self { id: member.id, name, role, away: member.away }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = OfGame<(u8, String)>;

    // Scripts live on these very bytes.
    #[test]
    fn a_line_is_printed_as_documented_and_read_back() {
        let host = NodeId::from_u128(7);
        let term = Term { epoch: 3, host };
        let clock = Clock { term, tick: 400 };
        let what = What::<Told>::Host { host, term, clock, gap_us: Some(16_800), rolled_back: 0 };
        let line = Line { t_us: 12, node: NodeId::from_u128(1), what };
        let seven = "\"00000000-0000-0000-0000-000000000007\"";
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            format!(
                "{{\"t_us\":12,\"node\":\"00000000-0000-0000-0000-000000000001\",\
                 \"event\":\"host\",\"host\":{seven},\"term\":{{\"epoch\":3,\"host\":{seven}}},\
                 \"clock\":{{\"term\":{{\"epoch\":3,\"host\":{seven}}},\"tick\":400}},\
                 \"gap_us\":16800,\"rolled_back\":0}}"
            )
        );
        let back: Line<Told> = serde_json::from_str(&text).unwrap();
        assert_eq!(back.what, line.what);
    }

    #[test]
    fn what_a_game_tells_is_printed_with_its_tick_and_read_back() {
        let told = of_game(Tick(400), &(3, "gems".to_owned())).unwrap();
        let line = Line { t_us: 12, node: NodeId::from_u128(1), what: What::Game(told) };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            "{\"t_us\":12,\"node\":\"00000000-0000-0000-0000-000000000001\",\
             \"event\":\"game\",\"tick\":400,\"what\":[3,\"gems\"]}"
        );
        let back: Line<Told> = serde_json::from_str(&text).unwrap();
        assert_eq!(back.what, line.what);
    }

    #[test]
    fn a_line_of_another_version_is_read_too() {
        let text = "{\"t_us\":1,\"node\":\"00000000-0000-0000-0000-000000000001\",\
                    \"event\":\"sunrise\",\"colour\":\"red\"}";
        let line: Line<Told> = serde_json::from_str(text).unwrap();
        assert_eq!(line.what, What::Game(OfGame::Unknown));
    }
}
