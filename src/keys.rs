//! Keys: how somebody shows that it is the one it says.
//!
//! Each node has a key pair (Ed25519, by `ed25519-dalek`). Its [id](crate::types::NodeId) follows from
//! the public half, so that nobody can claim the id of somebody else: whoever speaks in a name shows
//! the key that the name comes from, and a signature of it.
//!
//! ```text
//! node id   = the first 16 bytes of SHA-256("interregnum node 1" key), as a UUID of version 8
//! signature = Ed25519 over "interregnum " subject 0, and of each part its length (u32, big-endian)
//!             and its bytes
//! ```
//!
//! Nothing here draws a random number: keys are made of bytes that somebody brings, and [`Chance`]
//! makes many random bytes out of 32.

pub mod letter;
mod lock;
mod token;
pub mod vault;

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

pub use self::{
    lock::Lock,
    token::{TAG_BYTES, Tag, Token, WorldDigest},
};
use crate::types::NodeId;

/// How long a key is, each half of it, in bytes.
pub const KEY_BYTES: usize = 32;

/// How long a signature is, in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// What a signature is about: one that was made about something cannot be passed off as one about
/// something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A life of a node, and the key that it agrees upon keys with.
    Life,
    /// An entry of the ledger, and all of its writer's before it.
    Entry,
    /// That somebody reigns, in which term.
    Reign,
    /// Who is in a session, by its host.
    Roster,
    /// Something that a third node passes on.
    Passed,
    /// One state of a world, by its host.
    World,
    /// A machine that speaks for an account.
    Machine,
    /// A member's wish that a host goes.
    Vote,
    /// Something else that an account says of itself.
    Account,
}

impl Subject {
    fn as_str(self) -> &'static str {
        match self {
            Subject::Life => "life",
            Subject::Entry => "entry",
            Subject::Reign => "reign",
            Subject::Roster => "roster",
            Subject::Passed => "passed",
            Subject::World => "world",
            Subject::Machine => "machine",
            Subject::Vote => "vote",
            Subject::Account => "account",
        }
    }
}

/// The half of a key that everybody may know, and the id that follows from it. In JSON 64 hexadecimal
/// digits, in binary forms 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    bytes: [u8; KEY_BYTES],
    id: NodeId,
}

impl PublicKey {
    /// The key of these bytes. Whether there can be a signature of it shows when one is checked.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        let hash = Sha256::new_with_prefix(b"interregnum node 1").chain_update(bytes).finalize();
        let uuid = hash
            .first_chunk()
            .map_or(Uuid::nil(), |first| Builder::from_custom_bytes(*first).into_uuid());
        Self { bytes, id: NodeId(uuid) }
    }

    /// The key of these 64 hexadecimal digits; none if it is not that.
    pub fn from_text(text: &str) -> Option<Self> {
        unhex(text).map(Self::from_bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// The id of the node that has the other half.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Checks that whoever has the other half signed these parts. Takes some 60 microseconds.
    ///
    /// # Errors
    /// [`Forged`] when nobody did.
    pub fn verify(
        &self,
        subject: Subject,
        parts: &[&[u8]],
        signature: &Signature,
    ) -> Result<(), Forged> {
        let key = VerifyingKey::from_bytes(&self.bytes).map_err(|_| Forged)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&message(subject, parts), &signature).map_err(|_| Forged)
    }
}

/// All zeros: nobody's.
impl Default for PublicKey {
    fn default() -> Self {
        Self::from_bytes([0; KEY_BYTES])
    }
}

/// The first eight digits.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.bytes[..4]))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.bytes))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(self),
            false => self.bytes.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            unhex(&text).ok_or_else(|| D::Error::custom("not a key"))?
        } else {
            <[u8; KEY_BYTES]>::deserialize(deserializer)?
        };
        Ok(Self::from_bytes(bytes))
    }
}

/// A signature. In JSON 128 hexadecimal digits, in binary forms 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE_BYTES]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0[..4]))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&hex(&self.0));
        }
        let (one, other) = self.0.split_at(KEY_BYTES);
        let half = |half: &[u8]| half.first_chunk::<KEY_BYTES>().copied().unwrap_or_default();
        (half(one), half(other)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            return unhex(&text).map(Self).ok_or_else(|| D::Error::custom("not a signature"));
        }
        let (one, other) = <([u8; KEY_BYTES], [u8; KEY_BYTES])>::deserialize(deserializer)?;
        let mut bytes = [0; SIGNATURE_BYTES];
        bytes[..KEY_BYTES].copy_from_slice(&one);
        bytes[KEY_BYTES..].copy_from_slice(&other);
        Ok(Self(bytes))
    }
}

/// A signature that its alleged author never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature that nobody made who has the key")]
pub struct Forged;

/// Both halves of a key. It is never shown, and wiped from memory when it goes.
#[derive(Clone)]
pub struct SecretKey {
    pair: SigningKey,
    public: PublicKey,
}

impl SecretKey {
    /// The key that these bytes are the secret half of: any, if only nobody can guess them.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let pair = SigningKey::from_bytes(bytes);
        let public = PublicKey::from_bytes(pair.verifying_key().to_bytes());
        Self { pair, public }
    }

    /// A new one.
    pub fn draw(chance: &mut Chance) -> Self {
        Self::from_bytes(&chance.bytes())
    }

    /// The secret half, to be kept where nobody else reads it.
    pub fn to_bytes(&self) -> [u8; KEY_BYTES] {
        self.pair.to_bytes()
    }

    /// The secret half in 64 hexadecimal digits, to be kept where nobody else reads it.
    pub fn to_text(&self) -> String {
        hex(&self.to_bytes())
    }

    /// The inverse of [`to_text`](SecretKey::to_text); none if it is not that.
    pub fn from_text(text: &str) -> Option<Self> {
        unhex(text).map(|bytes| Self::from_bytes(&bytes))
    }

    /// The other half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs these parts. Takes some 20 microseconds.
    pub fn sign(&self, subject: Subject, parts: &[&[u8]]) -> Signature {
        Signature(self.pair.sign(&message(subject, parts)).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret half of {:?}", self.public)
    }
}

/// Random bytes that nobody can guess who does not know the 32 they are made of (ChaCha20, by
/// `rand_chacha`). A clone draws the same ones again: it is for whoever goes over one course of things twice.
#[derive(Clone)]
pub struct Chance(ChaCha20Rng);

impl Chance {
    /// All that follows from these.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Some more.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Some more, into `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// One for somebody else: neither can guess what the other draws.
    pub fn split(&mut self) -> Self {
        Self::new(self.bytes())
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}

fn message(subject: Subject, parts: &[&[u8]]) -> Vec<u8> {
    let mut message = b"interregnum ".to_vec();
    message.extend_from_slice(subject.as_str().as_bytes());
    message.push(0);
    for part in parts {
        message.extend_from_slice(&(part.len() as u32).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (value(*high)? << 4 | value(*low)?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    // Other versions, other machines and old files rely on this very id.
    #[test]
    fn an_id_follows_from_a_key_as_documented() {
        let public = key(1).public();
        let mut bytes = b"interregnum node 1".to_vec();
        bytes.extend(public.as_bytes());
        let hash = Sha256::digest(&bytes);
        let id = *public.id().0.as_bytes();
        assert_eq!(id[..6], hash[..6]);
        assert_eq!(id[15], hash[15]);
        assert_eq!(public.id().0.get_version_num(), 8);
    }

    #[test]
    fn only_the_very_words_of_the_very_author_pass() {
        let signature = key(1).sign(Subject::Life, &[b"ab", b"c"]);
        let of = |number: u8| key(number).public();
        assert_eq!(of(1).verify(Subject::Life, &[b"ab", b"c"], &signature), Ok(()));
        for (number, subject, parts) in [
            (2, Subject::Life, [&b"ab"[..], b"c"]),
            (1, Subject::Roster, [b"ab", b"c"]),
            (1, Subject::Life, [b"a", b"bc"]),
            (1, Subject::Life, [b"ab", b"d"]),
        ] {
            assert_eq!(of(number).verify(subject, &parts, &signature), Err(Forged));
        }
        let mut altered = signature;
        altered.0[9] ^= 1;
        assert_eq!(of(1).verify(Subject::Life, &[b"ab", b"c"], &altered), Err(Forged));
        let nobody = PublicKey::from_bytes([0xff; 32]);
        assert_eq!(nobody.verify(Subject::Life, &[b"ab", b"c"], &signature), Err(Forged));
    }

    #[test]
    fn keys_and_signatures_are_written_in_both_forms() {
        let (public, signature) = (key(3).public(), key(3).sign(Subject::Entry, &[b"x"]));
        let text = serde_json::to_string(&(public, signature)).unwrap();
        assert_eq!(
            serde_json::from_str::<(PublicKey, Signature)>(&text).unwrap(),
            (public, signature)
        );
        let bytes = postcard::to_stdvec(&(public, signature)).unwrap();
        assert_eq!(bytes.len(), KEY_BYTES + SIGNATURE_BYTES);
        let back: (PublicKey, Signature) = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back, (public, signature));
        for broken in ["\"\"", "\"0\"", "\"zz\"", "1"] {
            assert!(serde_json::from_str::<PublicKey>(broken).is_err());
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = key(7);
        let shown = format!("{secret:?} {:?}", Chance::new([7; 32]));
        assert!(!shown.contains("0707") && !shown.contains("7, 7"), "{shown}");
    }

    #[test]
    fn chance_is_the_same_from_the_same_seed_and_split_off_another() {
        let draw = |seed| Chance::new([seed; 32]).bytes::<16>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut chance = Chance::new([1; 32]);
        let mut other = chance.split();
        assert_ne!(chance.bytes::<16>(), other.bytes::<16>());
    }
}
