//! The word of a host that it reigns: 64 bytes and its key, which anybody may carry, and nobody else can
//! make. A reign that is told of by somebody whose reign it is not is believed with its word, and not without.

use serde::{Deserialize, Serialize};

use crate::{
    keys::{Forged, PublicKey, SecretKey, Signature, Subject},
    types::Term,
};

/// The word of a host that it reigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReignWord {
    /// Its key.
    pub key: PublicKey,
    /// Its signature of the term.
    pub signature: Signature,
}

impl ReignWord {
    /// That of whoever has `key`.
    pub fn give(key: &SecretKey, term: Term) -> Self {
        let parts = parts(term);
        let signature = key.sign(Subject::Reign, &parts.each_ref().map(|part| &part[..]));
        Self { key: key.public(), signature }
    }

    /// Checks that the host of this term gave it.
    ///
    /// # Errors
    /// [`Forged`] when it did not.
    pub fn check(&self, term: Term) -> Result<(), Forged> {
        match self.key.id() == term.host {
            true => {
                let parts = parts(term);
                let parts = parts.each_ref().map(|part| &part[..]);
                self.key.verify(Subject::Reign, &parts, &self.signature)
            }
            false => Err(Forged),
        }
    }
}

fn parts(term: Term) -> [[u8; 8]; 2] {
    [term.epoch.0.to_be_bytes(), term.incarnation.0.to_be_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, Incarnation};

    #[test]
    fn a_word_is_for_one_reign_of_whoever_gave_it() {
        let key = |number| SecretKey::from_bytes(&[number; 32]);
        let of = |number| key(number).public().id();
        let term = Term { epoch: Epoch(3), host: of(1), incarnation: Incarnation(8) };
        let word = ReignWord::give(&key(1), term);
        assert_eq!(word.check(term), Ok(()));
        for other in [
            Term { epoch: Epoch(4), ..term },
            Term { incarnation: Incarnation(9), ..term },
            Term { host: of(2), ..term },
        ] {
            assert_eq!(word.check(other), Err(Forged));
        }
        let theft = ReignWord { key: key(1).public(), ..ReignWord::give(&key(2), term) };
        assert_eq!(theft.check(term), Err(Forged));
    }
}
