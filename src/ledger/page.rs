//! A page: many successive entries of one writer, folded into one.
//!
//! A round of the arena leaves a hundred coins behind, each of them an entry: eight players fill a
//! ledger in a day or two. But nobody looks at a coin of yesterday. What is asked of it is what
//! all coins of its kind come to, and, very seldom, whether it is there already. So what has come to
//! rest is folded: a page holds what its facts come to (the [totals](crate::game::Game::sum_up) of the
//! game), which [groups](crate::game::Game::fact_group) they belong to, the few entries that are no facts,
//! and, packed, all of it, to the last bit. It takes up a fiftieth of the room.
//!
//! *Nothing is lost.* A page can be opened at any time, and gives the very entries that were put into
//! it, whose hashes are computed and not believed. So pages are a way to hold entries and to send
//! them, and no part of what a ledger is: two that hold the same entries are equal, however each has
//! folded them; their vectors, checksums, lines and scores are the same, and so is what is exported.
//! Whether a page says the truth about its entries is seen by opening it: who gets one from somebody
//! else does that.
//!
//! *What can be folded.* What a host wrote and nobody can take back. What has no place of its own yet,
//! what its author may delete, and whatever shares its name with another entry stays as it is.
//!
//! *Who vouches for it.* A page ends with an entry that is [signed](super::vouching), and keeps that one
//! signature: it vouches for all before it, so those of the others are not needed any more. It notes the
//! chain at its end, too, so that a start need not open it; from somebody else that is not believed. Only what
//! an earlier version wrote is folded without a signature; such a page is never sent.
//!
//! ```text
//! packed = DEFLATE of, for each entry: (written_at - the one before, reign - the one before,
//!          kind, key_bytes, body), as postcard
//! ```

use std::{collections::BTreeSet, sync::Arc};

use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use serde::{Deserialize, Serialize};

use super::{
    batch::{self, PORTION_BYTES},
    body::{Body, is_fact},
    entry::{Entry, EntryId, Head, Kind, SIGNATURE_BYTES_MAX, SharedEntry, WallTime, Writer},
    vouching::Chain,
};
use crate::{
    game::{Fact, FactRules, Malformed},
    types::{Epoch, SessionId},
};

/// The most entries in one page: it is opened between two ticks.
pub const PAGE_ENTRIES_MAX: u64 = 2_048;

/// The most bytes that its entries take up when it is open.
const OPEN_BYTES_MAX: usize = 256 << 10;

/// How hard it is tried to make a page small, from 0 to 10.
const EFFORT: u8 = 6;

/// The first byte of a page that nobody vouches for, as earlier versions wrote all: no [batch] starts
/// with it.
const HISTORY_TAG: u8 = 0x11;

/// The first byte of every other page.
const TAG: u8 = 0x12;

/// Successive entries of one writer.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    session: SessionId,
    writer: Writer,
    first: u64,
    count: u64,
    /// What its entries add to a checksum.
    sum: u64,
    highest_reign: Epoch,
    facts: u64,
    /// Of those the numbers of all that have the key of one before them in this page.
    doubled: Vec<u64>,
    groups: Vec<u64>,
    totals: Vec<u8>,
    others: Vec<SharedEntry>,
    packed: Vec<u8>,
    /// Of its last entry.
    signature: Option<Box<[u8]>>,
    /// After its last entry.
    chain: Chain,
}

/// Pages are shared between the ledger, the disk and the wire.
pub type SharedPage = Arc<Page>;

/// As it is written, behind the first byte. Behind it the signature and the chain follow, if it is signed.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    session: SessionId,
    writer: Writer,
    first: u64,
    count: u64,
    sum: u64,
    highest_reign: Epoch,
    facts: u64,
    doubled: Vec<u64>,
    groups: Vec<u64>,
    totals: &'a [u8],
    others: &'a [u8],
    packed: &'a [u8],
}

/// An entry within a page.
type Packed<'a> = (i64, i64, u8, u8, &'a [u8]);

impl Page {
    /// Whether an entry can be in a page.
    pub fn can_hold(entry: &Entry) -> bool {
        let head = entry.head();
        head.reign.is_some()
            && !head.kind.is_personal()
            && (head.key_bytes == 0 || is_fact(entry))
            && entry.body().is_some()
    }

    /// How many of the first of these, which are successive and of one writer, can be in one page.
    pub fn fitting(entries: &[SharedEntry]) -> usize {
        let mut bytes = 0;
        let fits = |entry: &&SharedEntry| {
            bytes += entry.bytes();
            Self::can_hold(entry) && bytes <= OPEN_BYTES_MAX
        };
        entries.iter().take(PAGE_ENTRIES_MAX as usize).take_while(fits).count()
    }

    /// Folds `entries`, which are successive and of one writer, or as many of the first of them as fit
    /// a page and end with a signature; or, of what `is_history`, without one. None: there are none, or
    /// they are no smaller then.
    pub fn fold(entries: &[SharedEntry], fact_rules: &FactRules, is_history: bool) -> Option<Self> {
        let mut entries = &entries[..Self::fitting(entries)];
        loop {
            if !is_history {
                let signed = entries.iter().rposition(|entry| entry.signature().is_some());
                entries = &entries[..signed? + 1];
            }
            let page = Self::derived(entries, pack(entries), fact_rules)?;
            if page.bytes() <= PORTION_BYTES {
                let open: usize = entries.iter().map(|entry| entry.bytes()).sum();
                return (page.bytes() < open).then_some(page);
            }
            entries = &entries[..entries.len() / 2];
        }
    }

    /// What follows from these entries, which are the packed ones.
    fn derived(entries: &[SharedEntry], packed: Vec<u8>, fact_rules: &FactRules) -> Option<Self> {
        let head = entries.first()?.head();
        let (mut facts, mut others, mut doubled) = (Vec::new(), Vec::new(), Vec::new());
        let (mut groups, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for entry in entries {
            let Some(fact) = fact_of(entry).filter(|_| is_fact(entry)) else {
                others.push(entry.clone());
                continue;
            };
            let group = (fact_rules.group)(&fact);
            groups.insert(group);
            if !keys.insert((group, fact.key.clone())) {
                doubled.push(entry.id().number);
            }
            facts.push((entry.head().written_at.0, fact));
        }
        Some(Self {
            session: head.session,
            writer: head.id.writer,
            first: head.id.number,
            count: entries.len() as u64,
            sum: entries.iter().fold(0, |sum, entry| sum.wrapping_add(entry.hash().short())),
            highest_reign: entries.iter().filter_map(|entry| entry.head().reign).max()?,
            facts: facts.len() as u64,
            doubled,
            groups: groups.into_iter().collect(),
            totals: (fact_rules.sum_up)(&facts),
            others,
            packed,
            signature: entries.last()?.signature().map(Box::from),
            chain: Chain::default(),
        })
    }

    /// The same, of a stream whose chain at its end is this one.
    #[must_use]
    pub fn with_chain(self, chain: Chain) -> Self {
        Self { chain, ..self }
    }

    /// Its entries, and the page that really follows from them: somebody else made this one.
    ///
    /// # Errors
    /// [`Malformed`] when it cannot be opened, or holds what no page can.
    pub fn verified(self, fact_rules: &FactRules) -> Result<(Self, Vec<SharedEntry>), Malformed> {
        let entries = self.open()?;
        if self.bytes() > PORTION_BYTES || !entries.iter().all(|entry| Self::can_hold(entry)) {
            return Err(Malformed);
        }
        let page = Self::derived(&entries, self.packed, fact_rules).ok_or(Malformed)?;
        Ok((page, entries))
    }

    /// Whether it is what follows from its own entries.
    pub fn is_true(&self, fact_rules: &FactRules) -> bool {
        let verified = self.clone().verified(fact_rules);
        verified.is_ok_and(|(page, _)| page.with_chain(self.chain) == *self)
    }

    /// Its entries, by their numbers.
    ///
    /// # Errors
    /// [`Malformed`] when they are not what was packed.
    pub fn open(&self) -> Result<Vec<SharedEntry>, Malformed> {
        let bytes = decompress_to_vec_with_limit(&self.packed, OPEN_BYTES_MAX);
        let bytes = bytes.map_err(|_| Malformed)?;
        if self.count == 0 || self.count > PAGE_ENTRIES_MAX || self.last() == u64::MAX {
            return Err(Malformed);
        }
        let (mut rest, mut entries) = (&bytes[..], Vec::new());
        let (mut time, mut reign) = (0_u64, 0_u64);
        for number in self.first..=self.last() {
            let (packed, more): (Packed<'_>, _) =
                postcard::take_from_bytes(rest).map_err(|_| Malformed)?;
            let (later, further, kind, key_bytes, body) = packed;
            (rest, time) = (more, time.wrapping_add_signed(later));
            reign = reign.wrapping_add_signed(further);
            let head = Head {
                id: EntryId { writer: self.writer, number },
                session: self.session,
                written_at: WallTime(time),
                reign: Some(Epoch(reign)),
                kind: Kind(kind),
                key_bytes,
            };
            let mut entry = Entry::new(head, body).map_err(|_| Malformed)?;
            if let Some(signature) = self.signature.as_ref().filter(|_| number == self.last()) {
                entry = entry.signed(signature).map_err(|_| Malformed)?;
            }
            entries.push(Arc::new(entry));
        }
        if rest.is_empty() && self.first > 0 { Ok(entries) } else { Err(Malformed) }
    }

    /// Its entries; those of a page that was checked.
    pub fn entries(&self) -> Vec<SharedEntry> {
        self.open().unwrap_or_default()
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let form = Form {
            session: self.session,
            writer: self.writer,
            first: self.first,
            count: self.count,
            sum: self.sum,
            highest_reign: self.highest_reign,
            facts: self.facts,
            doubled: self.doubled.clone(),
            groups: self.groups.clone(),
            totals: &self.totals,
            others: &batch::encode(self.session, &self.others),
            packed: &self.packed,
        };
        let bytes = match &self.signature {
            Some(signature) => postcard::to_extend(&(form, &signature[..], self.chain), vec![TAG]),
            None => postcard::to_extend(&form, vec![HISTORY_TAG]),
        };
        bytes.unwrap_or_default()
    }

    /// Whether these bytes are meant to be a page.
    pub fn is_page(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&(TAG | HISTORY_TAG)))
    }

    /// The inverse of [`encode`](Page::encode). What it says of its entries is believed.
    ///
    /// # Errors
    /// [`Malformed`] when it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (tag, bytes) = bytes.split_first().ok_or(Malformed)?;
        let (form, rest): (Form<'_>, _) =
            postcard::take_from_bytes(bytes).map_err(|_| Malformed)?;
        let (signature, chain, rest): (&[u8], _, _) = match *tag {
            TAG => {
                let ((signature, chain), rest) =
                    postcard::take_from_bytes(rest).map_err(|_| Malformed)?;
                (signature, chain, rest)
            }
            HISTORY_TAG => (&[], Chain::default(), rest),
            _ => return Err(Malformed),
        };
        if signature.len() > SIGNATURE_BYTES_MAX || signature.is_empty() == (*tag == TAG) {
            return Err(Malformed);
        }
        let sound = form.count > 0 && form.count <= PAGE_ENTRIES_MAX && form.first > 0;
        if !rest.is_empty() || !sound || form.first.checked_add(form.count).is_none() {
            return Err(Malformed);
        }
        Ok(Self {
            session: form.session,
            writer: form.writer,
            first: form.first,
            count: form.count,
            sum: form.sum,
            highest_reign: form.highest_reign,
            facts: form.facts,
            doubled: form.doubled,
            groups: form.groups,
            totals: form.totals.to_vec(),
            others: batch::decode(form.others)?.into_iter().map(Arc::new).collect(),
            packed: form.packed.to_vec(),
            signature: (!signature.is_empty()).then(|| signature.into()),
            chain,
        })
    }

    /// About what it takes up.
    pub fn bytes(&self) -> usize {
        let others: usize = self.others.iter().map(|entry| entry.bytes()).sum();
        let vouched = self.signature.as_ref().map_or(0, |signature| 32 + signature.len());
        128 + vouched + self.groups.len() * 10 + self.totals.len() + others + self.packed.len()
    }

    /// The session it belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Whose entries they are.
    pub fn writer(&self) -> Writer {
        self.writer
    }

    /// The number of the first.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number of the last.
    pub fn last(&self) -> u64 {
        self.first.saturating_add(self.count).saturating_sub(1)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What they add to a checksum.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The highest reign in which one of them was written.
    pub fn highest_reign(&self) -> Epoch {
        self.highest_reign
    }

    /// How many of them are facts.
    pub fn facts(&self) -> u64 {
        self.facts
    }

    /// Of these all that have the key of one before them in this page, by their numbers.
    pub fn doubled(&self) -> &[u64] {
        &self.doubled
    }

    /// What these belong to, in ascending order.
    pub fn groups(&self) -> &[u64] {
        &self.groups
    }

    /// What these come to.
    pub fn totals(&self) -> &[u8] {
        &self.totals
    }

    /// Its author's signature of its last entry; none if it is of an earlier version.
    pub fn signature(&self) -> Option<&[u8]> {
        self.signature.as_deref()
    }

    /// The chain after its last entry, as far as it is known.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// All that are no facts.
    pub fn others(&self) -> &[SharedEntry] {
        &self.others
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}#{} to {}", self.writer, self.first, self.last())
    }
}

fn pack(entries: &[SharedEntry]) -> Vec<u8> {
    let (mut bytes, mut time, mut reign) = (Vec::new(), 0, 0);
    for entry in entries {
        let head = entry.head();
        let (later, epoch) = (head.written_at.0, head.reign.map_or(0, |reign| reign.0));
        let packed: Packed<'_> = (
            later.wrapping_sub(time) as i64,
            epoch.wrapping_sub(reign) as i64,
            head.kind.0,
            head.key_bytes,
            entry.body().unwrap_or_default(),
        );
        (time, reign) = (later, epoch);
        bytes.extend(postcard::to_stdvec(&packed).unwrap_or_default());
    }
    compress_to_vec(&bytes, EFFORT)
}

/// What an entry says as a fact, if it is one.
pub(super) fn fact_of(entry: &Entry) -> Option<Fact> {
    match Body::of(entry)? {
        Body::Fact(fact) => Some(fact),
        _ => None,
    }
}
