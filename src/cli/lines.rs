//! What `--json` prints: one object per line, the same shape for writing and for reading.
//!
//! This is a stable interface. Fields may be added; none is renamed or removed. Every line has the
//! time in microseconds (comparable between the processes of one machine), the node that prints
//! it, and what happened.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use interregnum::{
    arena::{Arena, Score},
    ledger::{Fullness, witness::Safety},
    node::{Event, MemberView},
    runtime::{Happened, Timed},
    text::{Name, SessionName},
    types::{self, NodeId, Role},
};
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub t_us: u64,
    pub node: NodeId,
    #[serde(flatten)]
    pub what: What,
}

/// What a line tells. The names of the variants are the values of `event`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The first line of a node.
    Started {
        ip: Ipv4Addr,
        tcp: u16,
        udp: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionName>,
        name: Name,
    },
    PeerUp {
        peer: NodeId,
    },
    PeerDown {
        peer: NodeId,
        reason: String,
    },
    /// This node was woken so much too late.
    Stall {
        us: u64,
    },
    HostLost {
        host: NodeId,
        term: Term,
        reason: String,
    },
    /// This node asks the others to follow it; `term` is the reign that it believes to be over.
    Election {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        term: Option<Term>,
    },
    /// The first tick of a reign was applied. The gap runs from the last tick of the reign before,
    /// and is absent for those who did not see it.
    Host {
        host: NodeId,
        term: Term,
        clock: Clock,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap_us: Option<u64>,
        #[serde(default)]
        rolled_back: u64,
    },
    /// With `--trace-ticks`.
    Tick {
        term: Term,
        tick: u64,
        hash: u32,
    },
    Score {
        player: NodeId,
        points: u32,
        games_won: u32,
        /// Points start again with each.
        round: u32,
    },
    /// The members are players. Who only watches is counted.
    Roster {
        version: u64,
        members: Vec<Member>,
        #[serde(default)]
        spectators: u32,
    },
    Rebase {
        from: Clock,
        to: Clock,
    },
    /// Two machines disagree about the rules.
    Diverged {
        clock: Clock,
    },
    /// The ledger has changed. Equal ledgers have the same hash; `safety` is that of its least safe
    /// entry: `none`, `mine` (synced on this machine's disk) or `shared` (on two machines' disks).
    Ledger {
        entries: usize,
        hash: String,
        safety: Kept,
    },
    /// What `author` wrote in this life, up to this number, is so safe from here on.
    Kept {
        author: NodeId,
        incarnation: String,
        through: u64,
        safety: Kept,
    },
    /// Nothing more is kept on this machine.
    DiskFailed {
        why: String,
    },
    /// The session's ledger is nearly full (`soon`), or full (`full`): then nothing more is counted.
    LedgerFilling {
        fullness: Fill,
    },
    NobodyFound,
    /// Somebody of this session is heard, or said (`heard` is false) to host it, and no way leads there.
    Unreachable {
        peer: NodeId,
        name: String,
        address: Option<SocketAddr>,
        heard: bool,
    },
    /// The session has as many players as it takes. This node comes in as soon as one leaves.
    Full {
        players: usize,
    },
    /// Somebody else uses this node's id; it goes on under this one.
    NewIdentity {
        id: NodeId,
    },
    /// For people.
    Warning {
        text: String,
    },
    /// So many events were lost on their way here: nobody read them in time, or nothing came in while
    /// they happened.
    Missed {
        events: u64,
    },
    /// So many lines are missing at this place, because nobody took them in time, or because they
    /// could not be written. The node is 0, for they may have been of several.
    LeftOut {
        lines: u64,
    },
    /// The last line of a node. The reason is `left` or `failed`; of a failure `why` says more.
    Stopped {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Whatever another version of this program tells.
    #[serde(other)]
    Unknown,
}

/// How safe something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    None,
    Mine,
    Shared,
}

/// One reign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term {
    pub epoch: u64,
    pub host: NodeId,
}

/// A state of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    pub term: Term,
    pub tick: u64,
}

/// Somebody in the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: NodeId,
    pub name: Name,
    pub role: Role,
    pub away: bool,
}

/// The line for something that happened; none for what is not told in this form.
pub fn line(node: NodeId, timed: &Timed<Arena>) -> Option<Line> {
    let what = match &timed.event {
        Happened::Node(event) => what(event)?,
        Happened::Stall { late } => What::Stall { us: late.as_micros() as u64 },
        Happened::Warning(text) => What::Warning { text: text.clone() },
        Happened::Missed { events } => What::Missed { events: *events },
        Happened::Failed { why } => {
            What::Stopped { reason: "failed".to_owned(), why: Some(why.to_string()) }
        }
    };
    Some(Line { t_us: timed.at.0, node, what })
}

fn what(event: &Event<Arena>) -> Option<What> {
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
        Event::Full { players } => What::Full { players: *players },
        Event::NewIdentity { id } => What::NewIdentity { id: *id },
        Event::Missed { events } => What::Missed { events: *events },
        Event::Stopped => What::Stopped { reason: "left".to_owned(), why: None },
        Event::Game { .. } => return None,
    })
}

/// Tells which scores have changed since the last time it was asked.
#[derive(Debug, Default)]
pub struct Scores {
    known: BTreeMap<NodeId, Score>,
}

impl Scores {
    /// The changed ones.
    pub fn news(&mut self, scoreboard: &BTreeMap<NodeId, Score>) -> Vec<(NodeId, Score)> {
        if self.known == *scoreboard {
            return Vec::new();
        }
        let news = scoreboard
            .iter()
            .filter(|(player, score)| self.known.get(player) != Some(score))
            .map(|(player, score)| (*player, *score))
            .collect();
        self.known.clone_from(scoreboard);
        news
    }
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

    // Scripts live on these very bytes.
    #[test]
    fn a_line_is_printed_as_documented_and_read_back() {
        let host = NodeId::from_u128(7);
        let term = Term { epoch: 3, host };
        let line = Line {
            t_us: 12,
            node: NodeId::from_u128(1),
            what: What::Host {
                host,
                term,
                clock: Clock { term, tick: 400 },
                gap_us: Some(16_800),
                rolled_back: 0,
            },
        };
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
        let back: Line = serde_json::from_str(&text).unwrap();
        assert_eq!(back.what, line.what);
    }

    #[test]
    fn a_line_of_another_version_is_read_too() {
        let text = "{\"t_us\":1,\"node\":\"00000000-0000-0000-0000-000000000001\",\
                    \"event\":\"sunrise\",\"colour\":\"red\"}";
        let line: Line = serde_json::from_str(text).unwrap();
        assert_eq!(line.what, What::Unknown);
    }

    #[test]
    fn only_changed_scores_are_news() {
        let (ada, bob) = (NodeId::from_u128(1), NodeId::from_u128(2));
        let score = |points| Score { points, games_won: 0 };
        let mut scores = Scores::default();
        let board = BTreeMap::from([(ada, score(0)), (bob, score(2))]);
        assert_eq!(scores.news(&board).len(), 2);
        assert!(scores.news(&board).is_empty());
        let board = BTreeMap::from([(ada, score(1)), (bob, score(2))]);
        assert_eq!(scores.news(&board), [(ada, score(1))]);
    }
}
