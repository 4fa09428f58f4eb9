//! What somebody has chosen, and shows later: commit, then reveal.
//!
//! Everybody holds the whole world, so there is nothing hidden in it: not a hand of cards, and not a move that is to be
//! made at the same time as others. What helps is that its owner keeps the value to itself and puts a *commitment* into
//! the world, which says nothing of the value, and cannot be shown with another one later.
//!
//! ```
//! use interregnum::kit::{Commitment, Secret};
//!
//! // Each player chooses, and orders the commitment alone.
//! let secret = Secret::new("rock", interregnum::details::random_bytes()?);
//! let commitment: Commitment = secret.commitment();
//! // When the world has the commitments of both, each orders its secret: the rules look whether it is that one.
//! assert_eq!(commitment.open(&secret), Some(&"rock"));
//! let other = Secret::new("paper", interregnum::details::random_bytes()?);
//! assert_eq!(commitment.open(&other), None);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! *Dice that nobody can load*: each player commits to a number; when all have, each shows it; the sum, or
//! [`draw`](crate::draw) of it, is what is thrown.
//!
//! # Limits
//! - Whoever does not like what it sees may never show its secret: the rules need a clock, and a penalty. With dice the
//!   last one to show knows the sum before it does.
//! - A secret is with its owner alone, and goes with its process. Whoever wants it back after a crash keeps it in a file.
//! - A value that nobody may know, such as the order of a deck from which hidden cards are drawn, cannot be had like this:
//!   that takes *mental poker*, or a server that everybody trusts.
//! - The number that goes with a value has to come from the system's generator, for each secret another one. With one
//!   that can be guessed, all values can be tried.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A value, and 32 random bytes that nobody else knows: what its owner keeps, and shows in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret<T> {
    value: T,
    nonce: [u8; 32],
}

/// What the world holds of a secret: SHA-256 of the random bytes and the value, as it is encoded (postcard).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Commitment([u8; 32]);

impl<T: Serialize> Secret<T> {
    /// A value with these random bytes.
    pub fn new(value: T, nonce: [u8; 32]) -> Self {
        Self { value, nonce }
    }

    /// What is chosen.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What others may see of it.
    pub fn commitment(&self) -> Commitment {
        let value = postcard::to_stdvec(&self.value).unwrap_or_default();
        let hash = Sha256::new_with_prefix(b"interregnum secret 1");
        Commitment(hash.chain_update(self.nonce).chain_update(value).finalize().into())
    }
}

impl Commitment {
    /// The value, if this is the secret that was committed to.
    pub fn open<'s, T: Serialize>(&self, secret: &'s Secret<T>) -> Option<&'s T> {
        (secret.commitment() == *self).then_some(&secret.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_committed_to_opens_it() {
        let secret = Secret::new(7_u32, [1; 32]);
        let commitment = secret.commitment();
        assert_eq!(commitment.open(&secret), Some(&7));
        assert_eq!(commitment.open(&Secret::new(8_u32, [1; 32])), None);
        assert_eq!(commitment.open(&Secret::new(7_u32, [2; 32])), None);
    }

    #[test]
    fn equal_values_look_different() {
        let commitment = |nonce| Secret::new((), [nonce; 32]).commitment();
        assert_ne!(commitment(1), commitment(2));
    }

    #[test]
    fn a_secret_arrives_as_it_was_sent() {
        let secret = Secret::new("paper".to_owned(), [9; 32]);
        let bytes = postcard::to_stdvec(&secret).unwrap();
        let shown: Secret<String> = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(secret.commitment().open(&shown).map(String::as_str), Some("paper"));
    }
}
