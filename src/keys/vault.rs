//! A key that is to be kept outside of this machine: sealed by a passphrase, or as words.
//!
//! A file may be found by anybody, so a guess at its passphrase is made as dear as one at a session's
//! (see [`Lock`](super::Lock)). The words are the key itself, for paper: 24 of the 2,048 of BIP 39, of
//! which the last has a checksum in it, so that a word that was misread shows.
//!
//! ```text
//! "interregnum account 1\n" memory (KiB) passes lanes (u32 each, big-endian) salt(16) nonce(24) sealed
//! sealed = XChaCha20-Poly1305 under Argon2id(passphrase, salt), the bytes before it vouched for
//! ```

use argon2::{Algorithm, Argon2, Params, Version};
use bip39::{Language, Mnemonic};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use unicode_normalization::UnicodeNormalization as _;

use super::{Chance, KEY_BYTES, SecretKey};

const MAGIC: &[u8] = b"interregnum account 1\n";

/// Argon2id's cost: memory in KiB, passes, lanes.
const COST: [u32; 3] = [64 << 10, 3, 1];

/// The most that is spent on a file of somebody else: memory in KiB, passes, lanes.
const COST_MAX: [u32; 3] = [256 << 10, 16, 4];

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = MAGIC.len() + 12 + SALT_BYTES + NONCE_BYTES;

/// The longest sealed file, in bytes.
pub const SEALED_BYTES_MAX: usize = 64 << 10;

/// How many words a key is.
pub const WORDS: usize = 24;

/// Why something sealed was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It is something else.
    #[error("this is no exported account")]
    Foreign,
    /// Another passphrase sealed it, or it was changed.
    #[error("the passphrase is wrong, or the file is damaged")]
    Wrong,
}

/// Seals something by a passphrase. None: there is nothing in the passphrase. Takes a tenth of a second
/// and 64 MiB. Spaces at the ends and doubled ones make no difference, nor does how an accent is typed.
pub fn seal(passphrase: &str, clear: &[u8], chance: &mut Chance) -> Option<Vec<u8>> {
    let (salt, nonce) = (chance.bytes::<SALT_BYTES>(), chance.bytes::<NONCE_BYTES>());
    let key = stretched(passphrase, &salt, COST)?;
    let mut sealed = MAGIC.to_vec();
    COST.iter().for_each(|cost| sealed.extend(cost.to_be_bytes()));
    sealed.extend(salt);
    sealed.extend(nonce);
    let payload = Payload { msg: clear, aad: &sealed };
    let cipher = XChaCha20Poly1305::new(Key::from_slice(&key));
    let body = cipher.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
    sealed.extend(body);
    Some(sealed)
}

/// The inverse of [`seal`].
///
/// # Errors
/// [`Unopened`], and why.
pub fn open(passphrase: &str, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
    let (head, body) = sealed.split_at_checked(HEAD_BYTES).ok_or(Unopened::Foreign)?;
    let rest = head.strip_prefix(MAGIC).ok_or(Unopened::Foreign)?;
    let (costs, rest) = rest.split_at(12);
    let (salt, nonce) = rest.split_at(SALT_BYTES);
    let (costs, _) = costs.as_chunks::<4>();
    let mut cost = [0; 3];
    for ((cost, bytes), most) in cost.iter_mut().zip(costs).zip(COST_MAX) {
        *cost = u32::from_be_bytes(*bytes);
        if *cost > most {
            return Err(Unopened::Foreign);
        }
    }
    let key = stretched(passphrase, salt, cost).ok_or(Unopened::Wrong)?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(&key));
    let payload = Payload { msg: body, aad: head };
    cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| Unopened::Wrong)
}

/// What a passphrase comes to.
fn stretched(passphrase: &str, salt: &[u8], cost: [u32; 3]) -> Option<[u8; 32]> {
    let words: Vec<String> =
        passphrase.split_whitespace().map(|word| word.nfc().collect()).collect();
    if words.is_empty() {
        return None;
    }
    let [memory, passes, lanes] = cost;
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(words.join(" ").as_bytes(), salt, &mut key)
        .ok()?;
    Some(key)
}

/// A key as words, to be written down.
pub fn to_words(key: &SecretKey) -> Vec<&'static str> {
    let mnemonic = Mnemonic::from_entropy_in(Language::English, &key.to_bytes());
    mnemonic.map(|mnemonic| mnemonic.words().collect()).unwrap_or_default()
}

/// The key of these words, however they are spaced and in whatever case. None: one of them is none, or
/// was misread.
pub fn from_words(typed: &str) -> Option<SecretKey> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    if words.len() != WORDS {
        return None;
    }
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words.join(" ")).ok()?;
    let (entropy, bytes) = mnemonic.to_entropy_array();
    let key = entropy.first_chunk::<KEY_BYTES>().filter(|_| bytes == KEY_BYTES)?;
    Some(SecretKey::from_bytes(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_passphrase_alone() {
        let mut chance = Chance::new([1; 32]);
        let sealed = seal("caf\u{e9} four words", b"the key", &mut chance).unwrap();
        assert_eq!(open(" cafe\u{301}  four words ", &sealed).unwrap(), b"the key");
        assert_eq!(open("caf\u{e9} five words", &sealed), Err(Unopened::Wrong));
        assert_eq!(seal("  ", b"the key", &mut chance), None);
        assert!(!sealed.windows(7).any(|bytes| bytes == b"the key"));
    }

    #[test]
    fn what_was_changed_is_not_opened_and_costs_no_more_than_it_may() {
        let sealed = seal("four words", b"the key", &mut Chance::new([2; 32])).unwrap();
        for at in [HEAD_BYTES - 1, HEAD_BYTES, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open("four words", &changed), Err(Unopened::Wrong));
        }
        let mut dear = sealed.clone();
        dear[MAGIC.len()] = 0xff;
        for foreign in [&dear[..], b"", b"interregnum account 1\n", &[7; 200]] {
            assert_eq!(open("four words", foreign), Err(Unopened::Foreign));
        }
    }

    // Whoever wrote them down relies on these very words.
    #[test]
    fn a_key_is_the_words_that_the_standard_gives() {
        let zeros = to_words(&SecretKey::from_bytes(&[0; 32]));
        assert_eq!(zeros[..23], ["abandon"; 23]);
        assert_eq!(zeros[23], "art");
        let words = to_words(&SecretKey::from_bytes(&[0x7f; 32]));
        assert_eq!((words[0], words[23]), ("legal", "title"));
    }

    #[test]
    fn words_are_read_however_they_are_written_and_a_misread_one_shows() {
        let key = SecretKey::from_bytes(&[9; 32]);
        let words = to_words(&key);
        assert_eq!(words.len(), WORDS);
        let typed =
            format!(" {}\n{} ", words[..12].join("  ").to_uppercase(), words[12..].join("\n"));
        assert_eq!(from_words(&typed).unwrap().to_bytes(), key.to_bytes());
        let mut misread = words.clone();
        misread.swap(3, 4);
        assert!(words[3] != words[4] && from_words(&misread.join(" ")).is_none());
        misread[3] = "interregnum";
        assert!(from_words(&misread.join(" ")).is_none());
        assert!(from_words(&words[1..].join(" ")).is_none());
    }
}
