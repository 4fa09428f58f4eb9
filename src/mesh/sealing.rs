//! A beacon of a locked session as bytes: an [`Envelope`] that everybody reads, and behind it what only those read
//! who know the passphrase (XChaCha20-Poly1305, under a number drawn for it alone).

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce, aead::Aead as _};

use super::message::{Beacon, Envelope, MAGIC, PROTOCOL};
use crate::{keys::Lock, text::SessionName};

/// How long the number is that a beacon is sealed under, in bytes.
pub(super) const NONCE_BYTES: usize = 24;

/// What stands before a beacon in a seal: a question, an answer, and which beacon it is.
const FRESHNESS_BYTES: usize = 16;

/// What tells a sealed beacon from an old one: nothing, of one that was not sealed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Freshness {
    /// What its sender asks; zero: nothing.
    pub question: u32,
    /// The question of the receiver's that it answers; zero: none.
    pub answer: u32,
    /// Which beacon of its sender's life it is.
    pub number: u64,
}

/// An envelope that has nothing in it yet.
pub(super) fn envelope(rules: String, session: SessionName) -> Envelope {
    let magic = MAGIC.to_owned();
    Envelope { magic, protocol: PROTOCOL, rules, session, ask: false, sealed: 0 }
}

/// What follows an envelope.
pub(super) fn sealed_in(bytes: &[u8], length: usize) -> Option<&[u8]> {
    let mut texts = serde_json::Deserializer::from_slice(bytes).into_iter::<Envelope>();
    texts.next()?.ok()?;
    bytes.get(texts.byte_offset()..)?.get(..length)
}

/// The bytes of a beacon that stands in the `clear`, sealed under this number.
pub(super) fn seal(
    lock: &Lock,
    nonce: [u8; NONCE_BYTES],
    mut envelope: Envelope,
    freshness: Freshness,
    clear: &[u8],
) -> Option<Vec<u8>> {
    let Freshness { question, answer, number } = freshness;
    let (question, answer) = (question.to_be_bytes(), answer.to_be_bytes());
    let clear = [&question[..], &answer, &number.to_be_bytes(), clear].concat();
    let cipher = XChaCha20Poly1305::new(lock.beacon().into());
    let sealed = cipher.encrypt(XNonce::from_slice(&nonce), &clear[..]).ok()?;
    let sealed = [&nonce[..], &sealed].concat();
    envelope.sealed = u16::try_from(sealed.len()).ok()?;
    Some([serde_json::to_vec(&envelope).ok()?, sealed].concat())
}

/// What is in a sealed beacon, if this lock opens it.
pub(super) fn open(lock: &Lock, sealed: &[u8]) -> Option<(Beacon, Freshness)> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
    let cipher = XChaCha20Poly1305::new(lock.beacon().into());
    let clear = cipher.decrypt(XNonce::from_slice(nonce), sealed).ok()?;
    let (fresh, clear) = clear.split_at_checked(FRESHNESS_BYTES)?;
    let number = |at: std::ops::Range<usize>| {
        fresh[at].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let freshness = Freshness {
        question: number(0..4) as u32,
        answer: number(4..8) as u32,
        number: number(8..16),
    };
    let beacon = serde_json::from_slice(clear).ok().filter(|beacon: &Beacon| beacon.locked)?;
    Some((beacon, freshness))
}
