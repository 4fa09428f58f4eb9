//! Random histories of a few ledgers: who writes what, who reigns, who hears of whom.

use std::collections::{BTreeMap, BTreeSet};

use interregnum::{
    arena::{
        Arena, GatherableId, RoundId,
        hall::{Fact, Hall},
    },
    game::FactRules,
    keys::SecretKey,
    ledger::{
        Ledger, Out, Refused,
        batch::{self, PORTION_BYTES},
        body::{Body, Called},
        catch_up::Portion,
        entry::{Entry, EntryId, Hash, Kind, SharedEntry, WallTime, Writer},
        order::Place,
        page::Page,
        vouching::Pen,
    },
    types::{Epoch, Incarnation, NodeId, SessionId},
};
use proptest::prelude::*;
use uuid::Uuid;

/// How many ledgers a history has.
pub const LEDGERS: usize = 4;

pub const CHAT: Kind = Kind(128);

/// Who lies, if somebody does.
pub const LIAR: u8 = 99;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    Say {
        at: usize,
    },
    Gather {
        at: usize,
        number: u64,
        rare: bool,
    },
    Win {
        at: usize,
        round: u32,
    },
    Rename {
        at: usize,
        name: u8,
    },
    /// Delete the so manieth of the own lines.
    Delete {
        at: usize,
        line: usize,
    },
    Reign {
        at: usize,
        epoch: u64,
    },
    Follow {
        at: usize,
    },
    Place {
        at: usize,
    },
    /// Hear everything that another one has.
    Hear {
        at: usize,
        from: usize,
    },
    /// Hear a part of it.
    Overhear {
        at: usize,
        from: usize,
        entries: usize,
    },
    /// Fold what somebody wrote, if it is enough for a page.
    Fold {
        at: usize,
        writer: usize,
        entries: u64,
    },
    /// Hear everything that another one has, folded as that one has it.
    HearPages {
        at: usize,
        from: usize,
    },
    /// Start anew, from what is there as it is folded.
    Restart {
        at: usize,
    },
    /// A liar gives a name several meanings, signs them all, and tells one of them.
    Lie {
        to: usize,
        number: u64,
        text: u8,
    },
}

pub fn step() -> impl Strategy<Value = Step> {
    let at = 0..LEDGERS;
    prop_oneof![
        4 => at.clone().prop_map(|at| Step::Say { at }),
        8 => (at.clone(), 0..40_u64, any::<bool>())
            .prop_map(|(at, number, rare)| Step::Gather { at, number, rare }),
        1 => (at.clone(), 1..3_u32).prop_map(|(at, round)| Step::Win { at, round }),
        1 => (at.clone(), 0..4_u8).prop_map(|(at, name)| Step::Rename { at, name }),
        1 => (at.clone(), 0..9_usize).prop_map(|(at, line)| Step::Delete { at, line }),
        2 => (at.clone(), 1..9_u64).prop_map(|(at, epoch)| Step::Reign { at, epoch }),
        1 => at.clone().prop_map(|at| Step::Follow { at }),
        3 => at.clone().prop_map(|at| Step::Place { at }),
        4 => (at.clone(), 0..LEDGERS).prop_map(|(at, from)| Step::Hear { at, from }),
        4 => (at.clone(), 0..LEDGERS, 1..5_usize)
            .prop_map(|(at, from, entries)| Step::Overhear { at, from, entries }),
        4 => (at.clone(), 0..LEDGERS, 2..9_u64)
            .prop_map(|(at, writer, entries)| Step::Fold { at, writer, entries }),
        3 => (at.clone(), 0..LEDGERS).prop_map(|(at, from)| Step::HearPages { at, from }),
        1 => at.prop_map(|at| Step::Restart { at }),
    ]
}

/// The same, with a liar among them.
pub fn step_or_lie() -> impl Strategy<Value = Step> {
    let lie = (0..LEDGERS, 1..4_u64, 0..3_u8);
    prop_oneof![
        9 => step(),
        1 => lie.prop_map(|(to, number, text)| Step::Lie { to, number, text }),
    ]
}

/// The ledgers of a history.
pub struct History {
    pub ledgers: Vec<Ledger>,
    /// What each of them told as it went: the scores that a screen would show.
    pub halls: Vec<Hall>,
    written: u64,
}

impl History {
    pub fn new() -> Self {
        let ledgers = (1..=LEDGERS).map(|node| empty(node as u8));
        Self { ledgers: ledgers.collect(), halls: vec![Hall::default(); LEDGERS], written: 0 }
    }

    pub fn take(&mut self, step: &Step) {
        self.written += 1;
        let now = WallTime(1_700_000_000 + self.written * 600);
        match *step {
            Step::Say { at } => {
                let text = format!("line {}", self.written).into_bytes();
                self.ledgers[at].write(now, Body::Other(CHAT, text)).unwrap();
            }
            Step::Gather { at, number, rare } => {
                let (player, round) = (1 + u128::from(number % 2), RoundId(number / 10));
                let fact = Fact::Gathered {
                    player: NodeId::from_u128(player),
                    gatherable: GatherableId(number),
                    rare,
                    round,
                };
                // Sometimes many in a row: others may have them, too.
                for repeat in 0..1 + number % 4 {
                    let fact = match repeat {
                        0 => fact,
                        _ => gathered(number + repeat, round.0),
                    };
                    self.ledgers[at].write(now, fact_body(&fact)).unwrap();
                }
            }
            Step::Win { at, round } => {
                let player = NodeId::from_u128(at as u128 % 2);
                let fact = Fact::Won { player, round: RoundId(u64::from(round)) };
                self.ledgers[at].write(now, fact_body(&fact)).unwrap();
            }
            Step::Rename { at, name } => {
                let player = NodeId::from_u128(at as u128);
                let name = interregnum::text::Name::new(&format!("name {name}"));
                let body = Body::Renamed(Called { player, name });
                self.ledgers[at].write(now, body).unwrap();
            }
            Step::Delete { at, line } => {
                let me = self.ledgers[at].me();
                let own: Vec<EntryId> = lines(&self.ledgers[at])
                    .into_keys()
                    .map(|(id, _)| id)
                    .filter(|id| id.writer == me)
                    .collect();
                if let Some(target) = own.get(line % own.len().max(1)) {
                    self.ledgers[at].write(now, Body::Deleted(*target)).unwrap();
                }
            }
            Step::Reign { at, epoch } => self.ledgers[at].reigns(Epoch(epoch)),
            Step::Follow { at } => self.ledgers[at].follows(),
            Step::Place { at } => {
                self.ledgers[at].place(now);
            }
            Step::Hear { at, from } => self.hear(at, from, usize::MAX),
            Step::Overhear { at, from, entries } => self.hear(at, from, entries),
            Step::Fold { at, writer: of, entries } => {
                let of = writer(1 + of as u8);
                while self.ledgers[at].fold_stream(of, 2, entries, 0) {}
            }
            Step::HearPages { at, from } if at != from => {
                let mut missing = self.ledgers[from].missing_from(&self.ledgers[at].vector());
                while let Some(portion) = missing.next(&self.ledgers[from], PORTION_BYTES) {
                    match portion {
                        Portion::Page(page) => {
                            let read = Page::decode(&page.encode()).unwrap();
                            match self.ledgers[at].accept_page(read) {
                                Ok(_) | Err(Refused::Contradicted) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                        Portion::Entries(entries) => accept(&mut self.ledgers[at], entries),
                    }
                }
            }
            Step::HearPages { .. } => {}
            Step::Restart { at } => {
                let old = &self.ledgers[at];
                let mut new = empty(1 + at as u8);
                let entries = old.loose().map(|entry| Entry::clone(entry)).collect();
                new.restore_all(entries, &old.pages().cloned().collect::<Vec<_>>());
                self.ledgers[at] = new;
                self.halls[at] = Hall::default();
            }
            Step::Lie { to, number, text } => {
                // The first one is the same for all.
                let mut liar = empty(LIAR);
                for n in 0..=number {
                    let text = if n == 0 { 0 } else { text };
                    let body = Body::Other(CHAT, format!("lie {n} {text}").into_bytes());
                    liar.write(WallTime(0), body).unwrap();
                }
                accept(&mut self.ledgers[to], liar.entries());
            }
        }
        for (ledger, hall) in self.ledgers.iter_mut().zip(&mut self.halls) {
            tell(ledger, hall);
        }
    }

    /// Everybody hears of everything, from everybody.
    pub fn everybody_hears(&mut self) {
        for _ in 0..2 {
            for at in 0..LEDGERS {
                for from in 0..LEDGERS {
                    self.hear(at, from, usize::MAX);
                }
            }
        }
        for (ledger, hall) in self.ledgers.iter_mut().zip(&mut self.halls) {
            tell(ledger, hall);
        }
    }

    fn hear(&mut self, at: usize, from: usize, entries: usize) {
        if at != from {
            let heard = missing(&self.ledgers[from], &self.ledgers[at]);
            accept(&mut self.ledgers[at], heard.into_iter().take(entries));
        }
    }
}

/// A new ledger that hears of these, in this order.
pub fn merged<'a>(ledgers: impl IntoIterator<Item = &'a Ledger>) -> Ledger {
    let mut merged = empty(100);
    for ledger in ledgers {
        merge(&mut merged, ledger);
    }
    merged
}

pub fn merge(to: &mut Ledger, from: &Ledger) {
    accept(to, from.entries());
}

/// Takes all of these that somebody vouches for: a liar may have said otherwise before, and of a run that
/// is cut off nobody knows who wrote it.
fn accept(to: &mut Ledger, entries: impl IntoIterator<Item = SharedEntry>) {
    let entries = entries.into_iter().map(|entry| Entry::clone(&entry)).collect();
    for run in batch::runs(entries) {
        match to.accept(run) {
            Ok(_) | Err(Refused::Contradicted | Refused::Unsigned) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn missing(from: &Ledger, to: &Ledger) -> Vec<SharedEntry> {
    let mut missing = from.missing_from(&to.vector());
    let portions = std::iter::from_fn(|| missing.next(from, PORTION_BYTES));
    portions.flat_map(|portion| portion.into_entries()).collect()
}

/// All that can be seen of a ledger, but for what a liar said.
#[derive(Debug, PartialEq)]
pub struct Seen {
    digest: u64,
    order: Vec<(Option<Place>, Entry)>,
    counted: Vec<Entry>,
    hall: Hall,
}

pub fn seen(ledger: &Ledger) -> Seen {
    let order = ledger.lines(|entry| entry.id().writer != writer(LIAR)).into_iter();
    // Which signatures are there depends on the way that entries came.
    let plain = |entry: &SharedEntry| Entry::clone(entry).unsigned();
    Seen {
        digest: ledger.digest(),
        order: order.map(|(place, entry)| (place, plain(&entry))).collect(),
        counted: ledger.counted().iter().map(plain).collect(),
        hall: fold(ledger.counted().iter().map(|entry| &**entry)),
    }
}

/// The lines of chat with what they say.
pub fn lines(ledger: &Ledger) -> BTreeMap<(EntryId, Hash), Option<Vec<u8>>> {
    let lines = ledger.lines(|entry| entry.head().kind == CHAT).into_iter();
    lines.map(|(_, e)| ((e.id(), e.hash()), e.body().map(<[u8]>::to_vec))).collect()
}

/// What was deleted, and by whom, as far as this ledger knows.
pub fn deleted(ledger: &Ledger) -> BTreeSet<EntryId> {
    let targets = ledger.entries().filter_map(|entry| match Body::of(&entry) {
        Some(Body::Deleted(target)) if target.writer.node == entry.id().writer.node => Some(target),
        _ => None,
    });
    targets.collect()
}

/// The scores, from scratch.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Hall {
    let mut hall = Hall::default();
    for entry in entries {
        if let Some(Body::Fact(fact)) = Body::of(entry) {
            hall.add(entry.head().written_at.0, &Fact::decode(&fact).unwrap());
        }
    }
    hall
}

/// The scores, as they change.
fn tell(ledger: &mut Ledger, hall: &mut Hall) {
    while let Some(out) = ledger.poll() {
        let (entry, change): (_, fn(&mut Hall, u64, &Fact)) = match out {
            Out::PageCounts(page) => {
                ledger.tell_page(&page, |at, record| hall.update(at, record));
                continue;
            }
            Out::Counts(entry) => (entry, Hall::add),
            Out::CountsNoMore(entry) => (entry, Hall::remove),
            _ => continue,
        };
        if let Some(Body::Fact(fact)) = Body::of(&entry) {
            change(hall, entry.head().written_at.0, &Fact::decode(&fact).unwrap());
        }
    }
}

/// Two halves of a network with the same numbers may both have it.
pub fn gathered(number: u64, round: u64) -> Fact {
    let player = NodeId::from_u128(1 + u128::from(number % 2));
    Fact::Gathered { player, gatherable: GatherableId(number), rare: false, round: RoundId(round) }
}

pub fn fact_rules() -> FactRules {
    FactRules::of::<Arena>()
}

pub fn empty(node: u8) -> Ledger {
    Ledger::summed(session(), pen(node), fact_rules())
}

pub fn fact_body(fact: &Fact) -> Body {
    Body::Fact(fact.encode())
}

pub fn session() -> SessionId {
    SessionId(Uuid::from_u128(77))
}

pub fn pen(node: u8) -> Pen {
    Pen::new(key(node), Incarnation(node.into()))
}

pub fn key(node: u8) -> SecretKey {
    SecretKey::from_bytes(&[node; 32])
}

pub fn writer(node: u8) -> Writer {
    pen(node).writer()
}
