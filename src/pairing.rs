//! Two people make sure that nobody stands between them.
//!
//! In an open session everybody may come in, under any name. Whoever stands between two people does so *as
//! somebody of its own*: Ada sees a member that is called Bob, Bob sees one that is called Ada, and both are
//! the one in the middle, with keys of its own. No link is to be broken for that, and no key to be stolen: it is
//! enough that Ada does not know Bob's key. So the two, who hear or see each other (across the room, on the
//! telephone), compare a short [code](Code) once: six digits, or four pictures. It follows from the keys that
//! each of them sees at the other end. From then on the keys are remembered
//! ([`Friends`](crate::accounts::Friends)).
//!
//! A short code is found by trying, if only one may try. So both sides put a random number into it, and one of
//! them *commits* to its own before it sees the other's, as ZRTP (RFC 6189, 4.4.1.1) and the short
//! authentication strings of Matrix (by vodozemac) do:
//!
//! ```text
//! Ada                                    Bob
//! offer   who Ada is, commitment    ->           SHA-256("…commitment" Ada, Bob's id, Ada's number)
//!                                   <-  answer   who Bob is, Bob's number   (Bob's person wants to, too)
//! reveal  Ada's number              ->           Bob checks the commitment
//!           both: code = SHA-256("…code" Ada, Bob, Ada's number, Bob's number) mod 1,000,000
//! same                             <->  same     each when its person has said so
//! ```
//!
//! Whoever answers does so without knowing Ada's number, and whoever offers can change hers no more when it
//! knows the answer's. So one in the middle, who talks with both, has fixed its own part of either code before it
//! knows that code: however many hashes it can compute, the two codes agree once in a million times. It can
//! break off and try again; but each try is one that both people see, wanted by a person, and there are
//! [few in a minute](crate::config::PAIRING_TRIES_MAX).
//!
//! What is compared are *people*, as far as they can be told: the key of an account, if the machine shows a
//! certificate of that account for its own key ([`Statement::certifies`]), and its own key otherwise. Both are part of
//! the code.
//!
//! [`Pairing`] is the machine, without clock and without chance of its own.

mod code;
mod machine;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::{
    code::{CODES, Code, PICTURES, Sign},
    machine::{Out, Pairing},
};
use crate::{accounts::Statement, keys::PublicKey, types::NodeId};

/// A random number that nobody can guess.
pub type Nonce = [u8; 32];

/// What somebody has committed itself to.
pub type Commitment = [u8; 32];

/// Who somebody shows itself to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The key of its machine.
    pub machine: PublicKey,
    /// Whose machine that is: its certificate, by the account that it speaks for.
    #[serde(default)]
    pub certificate: Option<Statement>,
}

impl Person {
    /// The key to be remembered.
    pub fn key(&self) -> PublicKey {
        self.certificate.as_ref().map_or(self.machine, |certificate| certificate.account)
    }

    /// Whether this is what the node of that id, which a link has proved, may say of itself.
    pub fn is(&self, id: NodeId) -> bool {
        let speaks = |certificate: &Statement| certificate.certifies(&self.machine);
        self.machine.id() == id && self.certificate.as_ref().is_none_or(speaks)
    }

    /// Both keys. All have one length, so that nothing can be read in two ways.
    fn bytes(&self) -> [u8; 65] {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(self.machine.as_bytes());
        if let Some(certificate) = &self.certificate {
            bytes[32] = 1;
            bytes[33..].copy_from_slice(certificate.account.as_bytes());
        }
        bytes
    }
}

/// What whoever offers commits itself to, towards the node of this id.
pub fn commitment(offers: &Person, to: NodeId, nonce: &Nonce) -> Commitment {
    let mut hasher = Sha256::new_with_prefix(b"interregnum pairing 1 commitment\0");
    hasher.update(offers.bytes());
    hasher.update(to.as_u128().to_be_bytes());
    hasher.update(nonce);
    hasher.finalize().into()
}

/// What both show their people.
pub fn code(offers: (&Person, &Nonce), answers: (&Person, &Nonce)) -> Code {
    let mut hasher = Sha256::new_with_prefix(b"interregnum pairing 1 code\0");
    hasher.update(offers.0.bytes());
    hasher.update(answers.0.bytes());
    hasher.update(offers.1);
    hasher.update(answers.1);
    Code::of(&hasher.finalize().into())
}

/// What one node says to another about it. `run` tells one try from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// "Shall we compare?"
    Offer {
        /// Which try.
        run: u64,
        /// Who asks.
        who: Person,
        /// To a number that is told later.
        commitment: Commitment,
    },
    /// "Yes."
    Answer {
        /// Which try.
        run: u64,
        /// Who answers.
        who: Person,
        /// Its number.
        nonce: Nonce,
    },
    /// The number that whoever offered had committed itself to.
    Reveal {
        /// Which try.
        run: u64,
        /// The number.
        nonce: Nonce,
    },
    /// The person there says that the codes are the same.
    Same {
        /// Which try.
        run: u64,
    },
    /// It is over, without a result.
    End {
        /// Which try.
        run: u64,
        /// Why.
        why: Ended,
    },
}

/// Why nothing came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// A person did not want to, or broke it off.
    Refused,
    /// Somebody is being compared with already.
    Busy,
    /// There were too many tries lately.
    TooOften,
    /// A person says that the codes differ.
    Differs,
    /// Nobody answered in time.
    Late,
    /// What was said does not fit to what was said before: a number that was not the one that had been
    /// committed to, or keys that are not the sender's.
    Broken,
    /// There is no link between the two, or none any more.
    Gone,
    /// As many are remembered here as can be.
    Full,
}

impl Ended {
    /// In a word, for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::TooOften => "too_often",
            Self::Differs => "differs",
            Self::Late => "late",
            Self::Broken => "broken",
            Self::Gone => "gone",
            Self::Full => "full",
        }
    }

    /// In a sentence about `name`, for people; `by_them`: the other side ended it.
    pub fn words(self, name: &str, by_them: bool) -> String {
        match (self, by_them) {
            (Self::Refused, true) => format!("{name} does not want to compare now"),
            (Self::Refused, false) => format!("you do not compare with {name}"),
            (Self::Busy, true) => format!("{name} compares with somebody else just now"),
            (Self::Busy, false) => "you compare with somebody else just now".to_owned(),
            (Self::TooOften, true) => format!("{name} was asked too often; wait a minute"),
            (Self::TooOften, false) => {
                format!("you have tried that with {name} too often; wait a minute")
            }
            (Self::Differs, true) => {
                format!("{name} sees other pictures: somebody may stand between you; nothing is kept")
            }
            (Self::Differs, false) => format!(
                "the pictures differ: somebody may stand between you and {name}; nothing is kept"
            ),
            (Self::Late, _) => format!("nothing more was heard of {name} in time"),
            (Self::Broken, _) => {
                format!("what {name} said does not fit together; it may be somebody in between")
            }
            (Self::Gone, _) => format!("there is no link with {name}"),
            (Self::Full, true) => format!("{name} remembers as many people as it can"),
            (Self::Full, false) => {
                "as many people are remembered here as can be: forget somebody first (pair --forget \
                 NAME)"
                    .to_owned()
            }
        }
    }
}

/// How far the try that is under way has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The other person was asked, or its machine has yet to say something.
    Asking,
    /// The person here is asked.
    Asked,
    /// Both see this.
    Comparing {
        /// What is to be compared.
        code: Code,
        /// The person here has said that it is the same.
        said: bool,
    },
}

/// What a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is under way, and has come so far.
    Stage(Stage),
    /// Both have said that it is the same: this key is the other one's, and is to be remembered.
    Paired(PublicKey),
    /// Nothing comes of it.
    Ended {
        /// Why.
        why: Ended,
        /// The other side ended it.
        by_them: bool,
    },
}
