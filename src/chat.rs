//! Chat: what people say to each other, in one order for all.
//!
//! A line is an entry of the ledger like any other, of the kind [`LINE`](Kind::LINE): written by the
//! machine of whoever says it, signed by it, on everybody's disk soon, and so there for whoever was away.
//! No server keeps it, and none has to be asked. [`Chat`] is what all lines come to: a fold over the
//! ledger, like the accounts.
//!
//! # In which order
//! In the order of the [places](crate::ledger::order) that hosts give; no wall clock is asked. What that
//! promises:
//!
//! - Whoever holds the same entries sees the same lines in the same order.
//! - Among those who are connected with a host, a line that has its place stays where it is: later ones
//!   come behind it, also those of whoever hosts next.
//! - When two sides of a cut become one, those on the side whose host goes on see the lines of the other
//!   side in one block behind their own; those on the other side see their own lines move behind those of
//!   the first. Each side keeps the order among its own lines, and nothing that was shown vanishes.
//! - A line that has no place yet is on its way. It is shown to whoever said it, and to nobody else.
//!
//! What only the disk of a host that died in that very moment knew of can come in another order, since
//! nobody else had seen it.
//!
//! # To one
//! A line to one person is a [letter]: sealed for each machine of both, and for the
//! accounts' own keys. All machines of both can read it that were known when it was written, whether they
//! were on or not; a machine that comes later reads what is said from then on, or everything if it keeps
//! the account's key. A machine that was struck off reads nothing that is said afterwards by anybody who
//! has heard of that. Who writes to whom, when, and how much is not hidden.
//!
//! # Deleting
//! Whoever deletes a line writes that it did; the body then goes on each machine, also where it arrives
//! later. That is [the ledger's own](crate::ledger::body::Body::Deleted). An account that is deleted takes
//! all its lines along: its machines delete what they wrote, and meanwhile nobody shows it. In the same way
//! another machine of whoever wrote a line takes it back: see [`marks`].

pub mod marks;
pub mod typed;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    accounts::Accounts,
    keys::{
        Chance, PublicKey, SecretKey,
        letter::{self, READERS_MAX},
    },
    ledger::{
        Ledger,
        body::Body,
        entry::{Entry, EntryId, Kind, WallTime},
        order::Place,
    },
    text::Said,
    types::NodeId,
};

/// How a line stands in its entry.
#[derive(Serialize, Deserialize)]
enum Form {
    /// To all.
    Open(String),
    /// To one person, in a letter.
    Sealed(NodeId, Vec<u8>),
}

/// What a line says, as far as it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// This.
    Said(Said),
    /// Something in a letter that has not been opened.
    Sealed(Arc<[u8]>),
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub id: EntryId,
    /// The machine that wrote it.
    pub from: NodeId,
    /// The person that it is for; none: for all.
    pub to: Option<NodeId>,
    /// What it says.
    pub content: Content,
    /// When it was written, by the clock of whoever reads as far as the author's is known to differ. To be
    /// shown, and for nothing else.
    pub at: WallTime,
    /// Where it stands; none: it is on its way.
    pub place: Option<Place>,
}

impl Line {
    /// The line in an entry, if it is one that makes sense and was not deleted.
    pub fn of(ledger: &Ledger, entry: &Entry) -> Option<Self> {
        let bytes = entry.body().filter(|_| entry.head().kind == Kind::LINE)?;
        let (form, rest): (Form, _) = postcard::take_from_bytes(bytes).ok()?;
        let (to, content) = match form {
            Form::Open(text) => (None, Content::Said(Said::new(&text).ok()?)),
            Form::Sealed(to, letter) => (Some(to), Content::Sealed(letter.into())),
        };
        let (id, at) = (entry.id(), WallTime(ledger.happened_at(entry)));
        let place = ledger.place_of(entry);
        rest.is_empty().then_some(Self { id, from: id.writer.node, to, content, at, place })
    }

    /// What it says, if that is known here.
    pub fn said(&self) -> Option<&Said> {
        match &self.content {
            Content::Said(said) => Some(said),
            Content::Sealed(_) => None,
        }
    }

    /// Whether it is a letter that one of these keys opens.
    pub fn is_sealed_for<'a>(&self, keys: impl IntoIterator<Item = &'a SecretKey>) -> bool {
        let Content::Sealed(letter) = &self.content else { return false };
        keys.into_iter().any(|key| letter::is_for(&key.public(), letter))
    }

    /// The same, opened with the first of these keys that opens it. None: none of them does, or what is in
    /// it is no line.
    pub fn opened<'a>(&self, keys: impl IntoIterator<Item = &'a SecretKey>) -> Option<Self> {
        let Content::Sealed(letter) = &self.content else { return None };
        let text = keys.into_iter().find_map(|key| letter::open(key, letter))?;
        let said = Said::new(str::from_utf8(&text).ok()?).ok()?;
        Some(Self { content: Content::Said(said), ..self.clone() })
    }

    /// Where it stands among the others: what is on its way stands last.
    pub fn key(&self) -> Key {
        (self.place.is_none(), self.place, self.id)
    }
}

/// All lines of a ledger, in no order: for whoever needs few of them.
pub fn lines(ledger: &Ledger) -> impl Iterator<Item = Line> {
    let entries = ledger.said().filter_map(|id| ledger.at(id).next());
    entries.filter_map(|entry| Line::of(ledger, &entry))
}

/// The body of an entry that says this to all.
pub fn to_all(said: &Said) -> Body {
    body(&Form::Open(said.as_str().to_owned()))
}

/// The body of an entry that says this to one person, to be read by whoever has any of the keys of
/// `readers`. None: nobody could read it.
pub fn to_one(chance: &mut Chance, to: NodeId, readers: &[PublicKey], said: &Said) -> Option<Body> {
    let letter = letter::seal(chance, readers, said.as_str().as_bytes())?;
    Some(body(&Form::Sealed(to, letter)))
}

fn body(form: &Form) -> Body {
    Body::Other(Kind::LINE, postcard::to_stdvec(form).unwrap_or_default())
}

/// The keys with which a letter from `me` to a person can be read on all machines of both, the most needed
/// first. None: that person is not known, or is no more.
pub fn readers(
    ledger: &Ledger,
    accounts: &Accounts,
    me: PublicKey,
    to: NodeId,
) -> Option<Vec<PublicKey>> {
    let theirs = keys_of(ledger, accounts, to)?;
    let own = accounts.of_machine(me.id()).and_then(|own| keys_of(ledger, accounts, own.id()));
    let mut readers = vec![me];
    for key in theirs.into_iter().chain(own.into_iter().flatten()) {
        if !readers.contains(&key) {
            readers.push(key);
        }
    }
    readers.truncate(READERS_MAX);
    Some(readers)
}

/// The keys of a person: of its account and its machines; of somebody without an account that of its
/// machine.
fn keys_of(ledger: &Ledger, accounts: &Accounts, person: NodeId) -> Option<Vec<PublicKey>> {
    let Some((key, account)) = accounts.by_id(person) else {
        let of_machine = accounts.of_machine(person).is_none();
        let streams = ledger.writers().filter(|writer| writer.node == person && of_machine);
        let key = streams.filter_map(|writer| ledger.stream(writer)?.author()).next()?;
        return Some(vec![key]);
    };
    if account.is_deleted() {
        return None;
    }
    Some([*key].into_iter().chain(account.keys_of_machines()).collect())
}

/// [`Line::key`].
pub type Key = (bool, Option<Place>, EntryId);

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is there and was not, or it has its place and had none.
    Placed,
    /// It is there, and on its way.
    OnItsWay,
    /// It stands elsewhere, or nothing has changed.
    Moved,
    /// It was there, and is deleted.
    Gone,
    /// There is no such line.
    None,
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    lines: BTreeMap<Key, Arc<Line>>,
    keys: BTreeMap<EntryId, Key>,
}

impl Chat {
    /// All lines of a ledger.
    pub fn of(ledger: &Ledger) -> Self {
        let lines = lines(ledger).map(|line| (line.key(), Arc::new(line)));
        let lines: BTreeMap<_, _> = lines.collect();
        let keys = lines.iter().map(|(key, line)| (line.id, *key)).collect();
        Self { lines, keys }
    }

    /// Something has become of a line in the ledger.
    pub fn hear(&mut self, ledger: &Ledger, id: EntryId) -> Turn {
        let line = ledger.at(id).next().and_then(|entry| Line::of(ledger, &entry));
        let known = self.keys.remove(&id).and_then(|key| self.lines.remove(&key));
        let Some(mut line) = line else {
            return if known.is_some() { Turn::Gone } else { Turn::None };
        };
        let turn = match (&known, line.place) {
            (None, None) => Turn::OnItsWay,
            (Some(known), Some(_)) if known.place.is_none() => Turn::Placed,
            (None, Some(_)) => Turn::Placed,
            _ => Turn::Moved,
        };
        if let Some(known) = known {
            // It may have been opened.
            line.content = known.content.clone();
        }
        self.put(line);
        turn
    }

    /// A letter was opened.
    pub fn put(&mut self, line: Line) {
        let key = line.key();
        if let Some(old) = self.keys.insert(line.id, key) {
            self.lines.remove(&old);
        }
        self.lines.insert(key, Arc::new(line));
    }

    /// The line of this name.
    pub fn get(&self, id: EntryId) -> Option<&Arc<Line>> {
        self.lines.get(self.keys.get(&id)?)
    }

    /// All of them, in their order: those on their way last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Line>> {
        self.lines.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests;
