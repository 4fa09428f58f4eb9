//! Short words between two nodes that a third one carries.
//!
//! A signature can be checked by everybody, and has 64 bytes. Where only one node has to believe something
//! that another one says of each tick, three bytes do: a *tag*, made with a *token* that these two alone know
//! (keyed BLAKE2s, by `blake2`). Whoever passes the tag on has no token, and can only guess: a guess is right
//! once in 16 million times.

use std::fmt;

use blake2::{
    Blake2sMac256,
    digest::{Mac as _, consts::U32, generic_array::GenericArray},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::types::{Incarnation, NodeId};

/// How long a tag is, in bytes.
pub const TAG_BYTES: usize = 3;

/// A short word: for whoever has the token that it was made with.
pub type Tag = [u8; TAG_BYTES];

/// What stands for some bytes, and for no others (SHA-256).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorldDigest(pub [u8; 32]);

impl WorldDigest {
    /// What stands for these.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// The first eight digits.
impl fmt::Debug for WorldDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::hex(&self.0[..4]))
    }
}

/// What one node gives to one life of another, over their sealed link. It is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token([u8; 32]);

impl Token {
    /// The one for this life of a node, of whoever has the secret.
    pub fn new(secret: &[u8; 32], id: NodeId, incarnation: Incarnation) -> Self {
        let (id, life) = (id.as_u128().to_be_bytes(), incarnation.0.to_be_bytes());
        Self(keyed(secret, &[b"interregnum token", &id, &life]))
    }

    /// The word for these bytes.
    pub fn tag(&self, bytes: &[u8]) -> Tag {
        let [a, b, c, ..] = keyed(&self.0, &[b"interregnum tag", bytes]);
        [a, b, c]
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let key: &GenericArray<u8, U32> = key.into();
    let mut mac = Blake2sMac256::new(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_for_one_life_and_one_word() {
        let token =
            |secret, id, life| Token::new(&[secret; 32], NodeId::from_u128(id), Incarnation(life));
        let tag = token(1, 2, 3).tag(b"a world");
        assert_eq!(tag, token(1, 2, 3).tag(b"a world"));
        for other in [token(2, 2, 3), token(1, 3, 3), token(1, 2, 4)] {
            assert_ne!(tag, other.tag(b"a world"));
        }
        assert_ne!(tag, token(1, 2, 3).tag(b"another world"));
        assert!(!format!("{:?}", token(1, 2, 3)).contains(|c: char| c.is_ascii_digit()));
    }
}
