//! How entries find their way in: those of peers, which are checked, and those of the own disk, which
//! were.
//!
//! What a peer sends comes in [runs](super::batch::runs). Of a run what is there is passed over, and the rest
//! is taken if it goes on where the stream ends and if its author [vouches](super::vouching) for it: one
//! signature is checked, the last one of the run, and what stands behind that is left out. Nothing is
//! kept in the hope that somebody will vouch for it later, so a liar fills no room; what is refused comes
//! again when it is asked for. Signatures within a run go: nobody has checked them, and the last one
//! says as much.
//!
//! *An author that contradicts itself* has signed two entries of one number. It takes the key to do so,
//! so nobody can do that to somebody else, and no honest node does it: the streams of two lives have
//! different names. The entry that came first stays, and counts; the other does not. From then on nothing
//! more is taken of that author in that life. What it signed second is kept, once, and passed on, so
//! that everybody sees it and two ledgers agree about where they stand with it ([`BROKEN`]). Which of
//! the two entries is held need not be the same everywhere: what somebody said to one and denied to the other
//! is no fact.
//!
//! *What an earlier version wrote* is not signed ([history](super::stream)). It comes from the own disk, or out
//! of a file that somebody imports on purpose, counts here, and goes nowhere.
//!
//! [`BROKEN`]: super::vector::BROKEN

use std::{borrow::Borrow, sync::Arc};

use super::{
    Fate, HOLE_MAX, Ledger, Out, Refused, Source,
    body::author_of,
    entry::{Entry, EntryId, SharedEntry, Writer},
    stream::{Breach, Stream},
    vouching::Chain,
};
use crate::keys::PublicKey;

/// The most bytes of what contradicts an entry that are kept: as much as goes in one message.
const BREACH_BYTES_MAX: usize = 32 << 10;

impl Ledger {
    /// Takes a run of successive entries of one writer that another node sent.
    ///
    /// # Errors
    /// [`Refused`]; then nothing has changed, but that its writer may be known to contradict itself.
    pub fn accept(&mut self, run: Vec<Entry>) -> Result<Fate, Refused> {
        let Some(EntryId { writer, number }) = run.first().map(Entry::id) else {
            return Ok(Fate::Known);
        };
        let follows = |(number, entry): (u64, &Entry)| entry.id() == EntryId { writer, number };
        if run.iter().any(|entry| entry.head().session != self.session) {
            return Err(Refused::Session);
        }
        let through = self.streams.get(&writer).map_or(0, Stream::through);
        let leaves_out = number.checked_sub(1).is_none_or(|before| before > through);
        if leaves_out || !(number..=u64::MAX).zip(&run).all(follows) {
            return Err(Refused::Gap);
        }
        if self.streams.get(&writer).is_some_and(Stream::is_history) {
            return Err(Refused::Unsigned);
        }
        let mut fate = Fate::Known;
        let mut rest = run.into_iter().peekable();
        while let Some(entry) = rest.next_if(|entry| entry.id().number <= through) {
            let stream = self.streams.get(&writer);
            match stream.and_then(|stream| stream.find(entry.id().number, entry.hash())) {
                Some(known) if self.complete(&known, &entry, Source::Peer) == Fate::Completed => {
                    fate = Fate::Completed;
                }
                Some(_) => {}
                None => {
                    return Err(self.hear_contradiction([entry].into_iter().chain(rest).collect()));
                }
            }
        }
        let mut new: Vec<Entry> = rest.collect();
        if new.is_empty() {
            return Ok(fate);
        }
        cut(&mut new)?;
        self.is_vouched_for(writer, &new)?;
        if !self.has_room(writer, new.len()) {
            return Err(Refused::Full);
        }
        let last = new.len() - 1;
        for (place, entry) in new.into_iter().enumerate() {
            self.put_checked(if place == last { entry } else { entry.unsigned() });
        }
        Ok(Fate::Fresh)
    }

    /// Whether it takes what nobody signed: a deliberate bug.
    pub(super) fn believes_all(&mut self, believes_all: bool) {
        self.believes_all = believes_all;
    }

    /// Whether the author vouches for these, which are new and end with a signature: then the chain at
    /// their end.
    pub(super) fn is_vouched_for<E: Borrow<Entry>>(
        &self,
        writer: Writer,
        new: &[E],
    ) -> Result<Chain, Refused> {
        if writer == self.me {
            return Err(Refused::Forged);
        }
        let stream = self.streams.get(&writer);
        if stream.is_some_and(|stream| stream.breach().is_some()) {
            return Err(Refused::Contradicted);
        }
        let (Some(first), Some(last)) = (new.first(), new.last()) else {
            return Err(Refused::Unsigned);
        };
        // A hole at the front of what the own disk had: the key comes with what fills it.
        let held = stream.filter(|stream| stream.through() > 0);
        let (author, before): (PublicKey, Chain) = match held {
            Some(stream) => (stream.author().ok_or(Refused::Unsigned)?, stream.chain()),
            None => {
                let author = author_of(first.borrow()).ok_or(Refused::Unsigned)?;
                (author, Chain::start(self.session, writer))
            }
        };
        let chain = before.after_all(new.iter().map(Borrow::borrow));
        match chain.is_signed_by(&author, last.borrow()) || self.believes_all {
            true => Ok(chain),
            false => Err(Refused::Forged),
        }
    }

    /// An entry that its author vouches for. What the own disk had of that number behind a hole was
    /// vouched for once, too: usually it is this one.
    fn put_checked(&mut self, entry: Entry) {
        let EntryId { writer, number } = entry.id();
        self.unfold(entry.id());
        let stream = self.streams.get(&writer);
        let known: Vec<SharedEntry> =
            stream.map(|stream| stream.at(number)).into_iter().flatten().collect();
        let same = known.iter().find(|known| known.hash() == entry.hash()).cloned();
        match same.filter(|_| known.len() == 1) {
            Some(known) => {
                let signed = entry.signature().is_some() && known.signature().is_none();
                let deleted = self.deleted.contains(&known.id());
                let body = known.body().is_none() && entry.body().is_some() && !deleted;
                if signed || body {
                    let signature = entry.signature().or(known.signature()).map(<[u8]>::to_vec);
                    let entry = if body { entry } else { Entry::clone(&known) };
                    let entry = match signature {
                        Some(signature) => entry.clone().signed(&signature).unwrap_or(entry),
                        None => entry,
                    };
                    self.put_in_place(&known, entry);
                }
            }
            None => {
                self.take_out(&known);
                self.put(entry, Source::Peer);
            }
        }
    }

    /// A better copy of an entry that is known and not held yet: it may be held from here on.
    fn put_in_place(&mut self, known: &Entry, copy: Entry) {
        let writer = known.id().writer;
        let gained = self.weight(&copy).wrapping_sub(self.weight(known));
        let copy = Arc::new(copy);
        self.digest.take();
        let Some(stream) = self.streams.get_mut(&writer) else { return };
        let before = stream.through();
        stream.replace(copy.clone(), gained);
        self.grow(0, copy.bytes() as isize - known.bytes() as isize);
        self.keep(copy, false, Source::Peer);
        self.take_effect_from(writer, before, Source::Peer);
    }

    /// What is known of one number, and not held, is none of its author's.
    fn take_out(&mut self, known: &[SharedEntry]) {
        let Some(id) = known.first().map(|entry| entry.id()) else { return };
        let weights = known.iter().map(|entry| self.weight(entry));
        let weight = weights.fold(0, u64::wrapping_add);
        let bytes: usize = known.iter().map(|entry| entry.bytes()).sum();
        if let Some(stream) = self.streams.get_mut(&id.writer) {
            stream.remove(id.number, weight);
        }
        self.len = self.len.saturating_sub(known.len());
        self.grow(-(known.len() as isize), -(bytes as isize));
    }

    /// These, of which the first one is not what is held of its number, were sent as its author's.
    fn hear_contradiction(&mut self, mut other: Vec<Entry>) -> Refused {
        let Some(id) = other.first().map(Entry::id) else { return Refused::Gap };
        let Some(stream) = self.streams.get(&id.writer) else { return Refused::Gap };
        if stream.breach().is_some() {
            return Refused::Contradicted;
        }
        let known = stream.author().zip(stream.chain_at(id.number - 1));
        let Some((author, before)) = known else { return Refused::Forged };
        if let Err(unsigned) = cut(&mut other) {
            return unsigned;
        }
        let chain = before.after_all(&other);
        let signed = other.last().is_some_and(|last| chain.is_signed_by(&author, last));
        // Nobody else has this node's key in this life; if somebody has, no word of it counts here.
        if !signed || id.writer == self.me {
            return Refused::Forged;
        }
        let bytes: usize = other.iter().map(Entry::bytes).sum();
        let keeps = bytes <= BREACH_BYTES_MAX && self.has_room(id.writer, 1);
        let last = other.len() - 1;
        let other = other.into_iter().enumerate();
        let other = other.map(|(at, entry)| if at == last { entry } else { entry.unsigned() });
        let other: Vec<SharedEntry> = other.filter(|_| keeps).map(Arc::new).collect();
        self.digest.take();
        if let Some(stream) = self.streams.get_mut(&id.writer) {
            stream.break_off(Breach { number: id.number, other });
        }
        if keeps {
            self.grow(0, bytes as isize);
        }
        self.out.push_back(Out::Equivocation(id));
        Refused::Contradicted
    }

    /// Takes an entry that this node's disk had kept. It may be behind a hole: then it is not
    /// held, and has no effect, until a peer fills the hole.
    ///
    /// # Errors
    /// [`Refused`]; then nothing has changed.
    pub fn restore(&mut self, entry: Entry) -> Result<Fate, Refused> {
        let last = self.streams.get(&entry.id().writer).map_or(0, Stream::last);
        self.take(entry, last + HOLE_MAX, Source::Disk)
    }

    /// Takes an entry that an earlier version wrote, which nobody has signed: it comes out of a file that
    /// somebody imports. From here on it is on the own disk.
    ///
    /// # Errors
    /// [`Refused`], of what goes on a stream that is signed, too; then nothing has changed.
    pub fn accept_history(&mut self, entry: Entry) -> Result<Fate, Refused> {
        let stream = self.streams.get(&entry.id().writer);
        let begins = stream.is_none_or(|stream| stream.last() == 0);
        let signed = author_of(&entry).is_some() || entry.signature().is_some();
        if signed || !begins && !stream.is_some_and(Stream::is_history) {
            return Err(Refused::Unsigned);
        }
        let through = stream.map_or(0, Stream::through);
        self.take(entry, through + 1, Source::File)
    }

    /// Takes an entry that need not be checked, up to this number.
    fn take(&mut self, entry: Entry, in_reach: u64, source: Source) -> Result<Fate, Refused> {
        if entry.head().session != self.session {
            return Err(Refused::Session);
        }
        let id = entry.id();
        let stream = self.streams.get(&id.writer);
        // Nothing is known behind the last one.
        let within = stream.filter(|stream| id.number <= stream.last());
        if let Some(known) = within.and_then(|stream| stream.find(id.number, entry.hash())) {
            if known.completed_by(&entry).is_some() {
                self.unfold(id);
            }
            return Ok(self.complete(&known, &entry, source));
        }
        if id.number == 0 || id.number > in_reach {
            return Err(Refused::Gap);
        }
        let forked = within.is_some_and(|stream| stream.at(id.number).next().is_some());
        let forks = within.is_none_or(|stream| stream.has_room_for_fork(id.number));
        if !forks || !self.has_room(id.writer, 1) {
            return Err(Refused::Full);
        }
        if forked {
            self.unfold(id);
        }
        self.put(entry, source);
        if !forked {
            return Ok(Fate::Fresh);
        }
        self.out.push_back(Out::Equivocation(id));
        Ok(Fate::Forked)
    }

    /// Another copy of an entry that is there.
    fn complete(&mut self, known: &Entry, copy: &Entry, source: Source) -> Fate {
        let Some(mut entry) = known.completed_by(copy) else {
            return Fate::Known;
        };
        if self.deleted.contains(&entry.id()) {
            let redacted = entry.redacted().unwrap_or(entry);
            if redacted == *known {
                return Fate::Known;
            }
            entry = redacted;
        }
        let gained = self.weight(&entry).wrapping_sub(self.weight(known));
        let entry = Arc::new(entry);
        self.digest.take();
        if let Some(stream) = self.streams.get_mut(&entry.id().writer) {
            stream.replace(entry.clone(), gained);
        }
        if let Some(counted) = self.key(&entry).and_then(|key| self.counted.get_mut(&key))
            && counted.hash() == entry.hash()
        {
            *counted = entry.clone();
        }
        if self.said.contains(&entry.id()) {
            self.out.push_back(Out::Said(entry.id()));
        }
        self.keep(entry, false, source);
        Fate::Completed
    }
}

/// Leaves out what stands behind the last signature.
fn cut(run: &mut Vec<Entry>) -> Result<(), Refused> {
    let signed = run.iter().rposition(|entry| entry.signature().is_some());
    run.truncate(signed.ok_or(Refused::Unsigned)? + 1);
    Ok(())
}

#[cfg(test)]
mod tests;
