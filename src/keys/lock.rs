//! What a passphrase comes to: the secret that all in a locked session share.
//!
//! A passphrase can be guessed, by a machine that tries millions. So each guess is made dear: 64 MiB and
//! three passes of Argon2id (RFC 9106), once for each session that is opened, never for a link. What
//! comes of it is told nobody; two keys follow from it, one for the first word of each link, one for
//! beacons.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use crate::text::SessionName;

/// Argon2id's cost: memory in KiB, passes, lanes.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// The secret of a locked session.
#[derive(Clone, PartialEq, Eq)]
pub struct Lock {
    link: [u8; 32],
    beacon: [u8; 32],
}

impl Lock {
    /// The lock that this passphrase opens, in the session of this name. Takes a tenth of a second and
    /// 64 MiB. Spaces at the ends and doubled ones make no difference, nor does how an accent is
    /// typed. None: there is nothing in it.
    pub fn new(passphrase: &str, session: &SessionName) -> Option<Self> {
        let words: Vec<String> =
            passphrase.split_whitespace().map(|word| word.nfc().collect()).collect();
        if words.is_empty() {
            return None;
        }
        let salt = Sha256::new_with_prefix(b"interregnum session 1")
            .chain_update(session.as_str())
            .finalize();
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).ok()?;
        let mut secret = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(words.join(" ").as_bytes(), &salt, &mut secret)
            .ok()?;
        Some(Self::from_secret(&secret))
    }

    /// The lock of a secret that nobody can guess anyhow.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let key = |of: &[u8]| Sha256::new_with_prefix(of).chain_update(secret).finalize().into();
        Self { link: key(b"interregnum link 1"), beacon: key(b"interregnum beacon 1") }
    }

    /// What whoever dials has to know.
    pub fn link(&self) -> &[u8; 32] {
        &self.link
    }

    /// What beacons are sealed with.
    pub fn beacon(&self) -> &[u8; 32] {
        &self.beacon
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_opens_one_session_however_it_is_typed() {
        let session = SessionName::new("friday").unwrap();
        let lock = Lock::new("caf\u{e9} four  words", &session).unwrap();
        assert_eq!(Lock::new(" cafe\u{301} four words ", &session), Some(lock.clone()));
        assert_ne!(Lock::new("caf\u{e9} five words", &session), Some(lock.clone()));
        let other = SessionName::new("saturday").unwrap();
        assert_ne!(Lock::new("caf\u{e9} four words", &other), Some(lock.clone()));
        assert_eq!(Lock::new("  ", &session), None);
        assert_ne!(lock.link(), lock.beacon());
        assert_eq!(format!("{lock:?}"), "Lock");
    }
}
