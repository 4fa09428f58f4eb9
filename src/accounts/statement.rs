//! What an account says of itself.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    keys::{Forged, PublicKey, SecretKey, Signature, Subject},
    ledger::{
        body::Body,
        entry::{Entry, Hash, Kind},
    },
    text::Name,
    types::NodeId,
};

/// The kind of the entries that hold statements.
pub const STATEMENT: Kind = Kind(128);

/// So many colours there are to choose from: as many as there are tunics.
pub const COLOURS: u8 = 12;

/// What can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It is called so, and likes this colour.
    Called {
        /// Its name.
        name: Name,
        /// The colour, below [`COLOURS`].
        colour: u8,
        /// How often it has said that, this time included.
        revision: u64,
    },
    /// This machine speaks for it. It is the certificate of that machine.
    Certifies {
        /// The machine's key.
        machine: PublicKey,
        /// The how manieth account this is that the machine speaks for.
        turn: u64,
    },
    /// This machine speaks for it no more, for ever.
    Strikes {
        /// The machine.
        machine: NodeId,
    },
    /// It was called by this id before there were keys.
    Formerly {
        /// The id.
        id: NodeId,
    },
    /// It is no more.
    Deleted,
}

/// Something that an account says of itself, signed by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The account that says it.
    pub account: PublicKey,
    /// What it says.
    pub claim: Claim,
    /// Its signature.
    pub signature: Signature,
}

impl Statement {
    /// Says something as the account that has this key.
    pub fn new(account: &SecretKey, claim: Claim) -> Self {
        let key = account.public();
        let signature = account.sign(subject(&claim), &[key.as_bytes(), &bytes(&claim)]);
        Self { account: key, claim, signature }
    }

    /// Checks that the account said so.
    ///
    /// # Errors
    /// [`Forged`]: it did not.
    pub fn verify(&self) -> Result<(), Forged> {
        let parts = [&self.account.as_bytes()[..], &bytes(&self.claim)];
        self.account.verify(subject(&self.claim), &parts, &self.signature)
    }

    /// Whether it is the certificate of this machine, by the account.
    pub fn certifies(&self, machine: &PublicKey) -> bool {
        let is_of_it = matches!(&self.claim, Claim::Certifies { machine: of, .. } if of == machine);
        is_of_it && self.verify().is_ok()
    }

    /// Of what an account says, what makes this machine speak for it; none if the account is no more.
    pub fn certificate<'a>(said: &'a [Self], machine: &PublicKey) -> Option<&'a Self> {
        let deleted = said.iter().any(|said| said.claim == Claim::Deleted);
        let turn = |said: &&Self| match &said.claim {
            Claim::Certifies { machine: certified, turn } if certified == machine => Some(*turn),
            _ => None,
        };
        let of_it = said.iter().filter(|said| !deleted && turn(said).is_some());
        of_it.max_by_key(turn)
    }

    /// What tells it from all others.
    pub fn hash(&self) -> Hash {
        let mut hasher = Sha256::new_with_prefix(b"interregnum statement 1");
        hasher.update(self.account.as_bytes());
        hasher.update(bytes(&self.claim));
        hasher.update(self.signature.0);
        Hash(hasher.finalize().into())
    }

    /// What an entry says, if it is one of these. Whether it is true is another question.
    pub fn of(entry: &Entry) -> Option<Self> {
        let body = entry.body().filter(|_| entry.head().kind == STATEMENT)?;
        let (statement, rest): (Self, _) = postcard::take_from_bytes(body).ok()?;
        let sound = match &statement.claim {
            Claim::Called { colour, .. } => *colour < COLOURS,
            _ => true,
        };
        (sound && rest.is_empty()).then_some(statement)
    }

    /// The body of an entry that says it.
    pub fn body(&self) -> Body {
        Body::Other(STATEMENT, postcard::to_stdvec(self).unwrap_or_default())
    }
}

fn bytes(claim: &Claim) -> Vec<u8> {
    postcard::to_stdvec(claim).unwrap_or_default()
}

fn subject(claim: &Claim) -> Subject {
    match claim {
        Claim::Certifies { .. } => Subject::Machine,
        _ => Subject::Account,
    }
}
