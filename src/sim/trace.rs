//! What happened in a run, in words: a line for each event.
//!
//! ```text
//!    12.000 n2 loses its host n0: link closed
//!    12.000 n2 asks: is n0's term 3 over? It holds tick 81 of n0's term 3 [Election → n1, n3 (lost)]
//!    12.410 n1 answers: I follow you [Ok → n2]
//! ```
//!
//! Times are milliseconds since the trace began. Nodes go by their place, whatever their id. What is
//! sent is told as it is sent, with what becomes of it; the first tick only of a
//! reign (`Coordinator`) and those of one that is over; controls and beacons not at all.

mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    time::Duration,
};

use bytes::Bytes;

use super::network::Place;
use crate::{
    cluster::{
        coding,
        message::{Message, Packet},
    },
    game::Game,
    mesh::message::REFUSED,
    node::Event,
    types::{Incarnation, Instant, NodeId, Term},
};

/// What takes longer on its way than this is worth a word.
const LATE: Duration = Duration::from_millis(50);

/// The lines of one run, and who is who in them.
#[derive(Clone, Debug)]
pub struct Trace {
    since: Instant,
    lines: Vec<String>,
    said: Option<Said>,
    names: Names,
    /// Who has told whom of which reign.
    announced: BTreeSet<(Place, Term, Place)>,
}

/// Who is who. Two machines may have one id (a copied profile), but never one incarnation.
#[derive(Clone, Debug, Default)]
struct Names {
    ids: BTreeMap<NodeId, BTreeSet<Place>>,
    lives: BTreeMap<Incarnation, Place>,
}

/// Something that a node says, to one or several at once.
#[derive(Clone, Debug)]
struct Said {
    at: Instant,
    by: Place,
    words: String,
    message: &'static str,
    to: Vec<String>,
}

/// What becomes of something that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives after so long.
    After(Duration),
    /// It arrives more than once.
    Doubled,
    /// It goes over a link, after whatever was sent on it before.
    Link,
}

impl Fate {
    /// Of a datagram sent at `now`, of which copies arrive at these times.
    pub fn of(now: Instant, copies: &[Instant]) -> Self {
        match copies {
            [] => Fate::Lost,
            [at] => Fate::After(at.since(now)),
            _ => Fate::Doubled,
        }
    }
}

impl Trace {
    /// An empty trace that begins at `since`.
    pub fn new(since: Instant) -> Self {
        Self {
            since,
            lines: Vec::new(),
            said: None,
            names: Names::default(),
            announced: BTreeSet::new(),
        }
    }

    /// Learns who lives at `place`.
    pub fn introduce(&mut self, place: Place, id: NodeId, incarnation: Option<Incarnation>) {
        self.names.ids.entry(id).or_default().insert(place);
        self.names.lives.extend(incarnation.map(|incarnation| (incarnation, place)));
    }

    /// All lines.
    pub fn into_lines(mut self) -> Vec<String> {
        self.close();
        self.lines
    }

    /// Something happened at no machine in particular.
    pub fn tell(&mut self, now: Instant, what: impl Display) {
        self.close();
        let ms = (now.0 as f64 - self.since.0 as f64) / 1_000.0;
        self.lines.push(format!("{ms:>10.3} {what}"));
    }

    /// Something happened to the machine at `place`, or was done by it.
    pub fn note(&mut self, now: Instant, place: Place, what: impl Display) {
        self.tell(now, format_args!("n{place} {what}"));
    }

    /// A node told its user something.
    pub fn event<G: Game>(&mut self, now: Instant, place: Place, event: &Event<G>) {
        if let Some(what) = words::event(&self.names, place, event) {
            self.note(now, place, what);
        }
    }

    /// A datagram of `by`, that lives there as `life`, is on its way.
    pub fn datagram(
        &mut self,
        now: Instant,
        (by, life): (Place, (NodeId, Incarnation)),
        to: Place,
        said: &[u8],
        fate: Fate,
    ) {
        if let Some(packet) = packet(said, life) {
            self.packet(now, by, to, &packet, fate);
        }
    }

    /// One message of `by` is on its way over a link.
    pub fn framed(
        &mut self,
        now: Instant,
        (by, life): (Place, (NodeId, Incarnation)),
        to: Place,
        said: &[u8],
    ) {
        let Some((kind, body)) = said.split_first() else { return };
        match (*kind, decoded(*kind, body, life)) {
            (_, Some(Message::Packet(packet))) => self.packet(now, by, to, &packet, Fate::Link),
            (_, Some(Message::Bye)) => {
                self.say(now, by, to, "says goodbye".into(), "Bye", Fate::Link);
            }
            (REFUSED, _) => {
                let why = serde_json::from_slice(body).map(words::refusal);
                why.into_iter()
                    .for_each(|why| self.say(now, by, to, why.into(), "Refused", Fate::Link));
            }
            _ => {}
        }
    }

    /// A datagram comes in at `place`, which has promised a term: if it is a tick of one that is
    /// over, it is dropped.
    pub fn fenced(
        &mut self,
        now: Instant,
        place: Place,
        promised: Term,
        life: (NodeId, Incarnation),
        said: &[u8],
    ) {
        if let Some(Packet::Tick(tick)) = packet(said, life)
            && tick.term < promised
        {
            let (old, new) = (self.names.reign(tick.term), self.names.reign(promised));
            self.note(now, place, format_args!("drops a tick of {old}, having promised {new}"));
        }
    }

    fn packet(&mut self, now: Instant, by: Place, to: Place, packet: &Packet, fate: Fate) {
        let relayed = match packet {
            Packet::Relay(relay) => &*relay.packet,
            packet => packet,
        };
        if let Packet::Tick(tick) = relayed
            && !self.announced.insert((by, tick.term, to))
        {
            return;
        }
        if let Some((words, message)) = words::packet(&self.names, packet) {
            self.say(now, by, to, words, message, fate);
        }
    }

    fn say(
        &mut self,
        now: Instant,
        by: Place,
        to: Place,
        words: String,
        message: &'static str,
        fate: Fate,
    ) {
        let to = match fate {
            Fate::Lost => format!("n{to} (lost)"),
            Fate::After(span) if span > LATE => format!("n{to} ({} ms late)", span.as_millis()),
            Fate::After(_) => format!("n{to}"),
            Fate::Doubled => format!("n{to} (twice)"),
            Fate::Link => format!("n{to} (link)"),
        };
        if let Some(said) = &mut self.said
            && (said.at, said.by, &said.words) == (now, by, &words)
        {
            return said.to.push(to);
        }
        self.close();
        self.said = Some(Said { at: now, by, words, message, to: vec![to] });
    }

    /// Whatever was being said has been said to all.
    fn close(&mut self) {
        if let Some(Said { at, by, words, message, to }) = self.said.take() {
            self.note(at, by, format_args!("{words} [{message} → {}]", to.join(", ")));
        }
    }
}

impl Names {
    fn node(&self, id: NodeId) -> String {
        let Some(places) = self.ids.get(&id) else { return format!("stranger {id:?}") };
        let places: Vec<String> = places.iter().map(|place| format!("n{place}")).collect();
        places.join("/")
    }

    fn reign(&self, term: Term) -> String {
        let host = match self.lives.get(&term.incarnation) {
            Some(place) => format!("n{place}"),
            None => self.node(term.host),
        };
        format!("{host}'s term {}", term.epoch.0)
    }
}

/// What stands in a datagram of a node that lives as `life`, once it is open.
fn packet(said: &[u8], life: (NodeId, Incarnation)) -> Option<Packet> {
    let (kind, body) = said.split_first()?;
    match decoded(*kind, body, life)? {
        Message::Packet(packet) => Some(packet),
        _ => None,
    }
}

fn decoded(kind: u8, body: &[u8], life: (NodeId, Incarnation)) -> Option<Message> {
    coding::decode(kind, Bytes::copy_from_slice(body), life, life).ok()
}
