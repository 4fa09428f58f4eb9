//! The account of whoever plays here, as this machine has it.
//!
//! A machine need not have the account's key: to speak for the account it is enough that the account has
//! said so once. So a laptop that gets lost can be struck off, and whoever has it cannot take that back.

use super::{COLOURS, Claim, Statement};
use crate::{
    keys::{PublicKey, SecretKey},
    text::Name,
    types::NodeId,
};

/// The account that a machine speaks for, and what the account has said of itself, as far as this machine
/// keeps it: all that is to be written into each ledger that does not say it yet.
#[derive(Clone, Debug)]
pub struct Own {
    account: PublicKey,
    secret: Option<SecretKey>,
    statements: Vec<Statement>,
}

/// This machine does not have the account's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this machine speaks for its account, and does not have the account's key")]
pub struct NotHere;

impl Own {
    /// The account of this key, for which the machine speaks: its how manieth that is, says `turn`.
    pub fn new(secret: SecretKey, machine: PublicKey, turn: u64) -> Self {
        let mut own =
            Self { account: secret.public(), secret: Some(secret), statements: Vec::new() };
        let _ = own.say(Claim::Certifies { machine, turn });
        own
    }

    /// What was kept: the account's key, if it was, and what the account has said. None: this does not
    /// say whose account it is, or something in it is not true.
    pub fn restored(secret: Option<SecretKey>, statements: Vec<Statement>) -> Option<Self> {
        let said = statements.first().map(|statement| statement.account);
        let account = secret.as_ref().map(SecretKey::public).or(said)?;
        let sound =
            |statement: &Statement| statement.account == account && statement.verify().is_ok();
        statements.iter().all(sound).then_some(Self { account, secret, statements })
    }

    /// Its key.
    pub fn account(&self) -> PublicKey {
        self.account
    }

    /// The secret half of it, if this machine has that.
    pub fn secret(&self) -> Option<&SecretKey> {
        self.secret.as_ref()
    }

    /// Forgets the secret half.
    pub fn without_secret(self) -> Self {
        Self { secret: None, ..self }
    }

    /// What it has said.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What it is called, and in which colour.
    pub fn called(&self) -> Option<(&Name, u8)> {
        self.statements.iter().find_map(|statement| match &statement.claim {
            Claim::Called { name, colour, .. } => Some((name, *colour)),
            _ => None,
        })
    }

    /// The how manieth account this is that this machine speaks for.
    pub fn turn(&self, machine: PublicKey) -> u64 {
        let turns = self.statements.iter().filter_map(|statement| match &statement.claim {
            Claim::Certifies { machine: known, turn } if *known == machine => Some(*turn),
            _ => None,
        });
        turns.max().unwrap_or_default()
    }

    /// Whether it is no more.
    pub fn is_deleted(&self) -> bool {
        self.statements.iter().any(|statement| statement.claim == Claim::Deleted)
    }

    /// Is called so from here on, in this colour or in the one it has. What is so already is not said again.
    ///
    /// # Errors
    /// [`NotHere`]: nobody can say so here.
    pub fn be_called(&mut self, name: &Name, colour: Option<u8>) -> Result<(), NotHere> {
        let usual = self.account.as_bytes()[0] % COLOURS;
        let (known, hue) = self.called().map_or((None, usual), |(name, hue)| (Some(name), hue));
        let colour = colour.unwrap_or(hue).min(COLOURS - 1);
        if known == Some(name) && hue == colour {
            return Ok(());
        }
        let revision = self.revision() + 1;
        self.say(Claim::Called { name: name.clone(), colour, revision })
    }

    /// Is called so until it is known what it is called: any name that it was ever given is more recent than this one.
    ///
    /// # Errors
    /// [`NotHere`]: nobody can say so here.
    pub fn be_called_until_known(&mut self, name: &Name) -> Result<(), NotHere> {
        if self.called().is_some() {
            return Ok(());
        }
        let colour = self.account.as_bytes()[0] % COLOURS;
        self.say(Claim::Called { name: name.clone(), colour, revision: 0 })
    }

    /// What it was called by before there were keys.
    ///
    /// # Errors
    /// [`NotHere`]: nobody can say so here.
    pub fn was(&mut self, id: NodeId) -> Result<(), NotHere> {
        self.say(Claim::Formerly { id })
    }

    /// Another machine speaks for it, too.
    ///
    /// # Errors
    /// [`NotHere`]: nobody can say so here.
    pub fn certify(&mut self, machine: PublicKey, turn: u64) -> Result<(), NotHere> {
        self.say(Claim::Certifies { machine, turn })
    }

    /// A machine speaks for it no more.
    ///
    /// # Errors
    /// [`NotHere`]: nobody can say so here.
    pub fn strike(&mut self, machine: NodeId) -> Result<(), NotHere> {
        self.say(Claim::Strikes { machine })
    }

    /// It is no more.
    ///
    /// # Errors
    /// [`NotHere`]: nobody can say so here.
    pub fn delete(&mut self) -> Result<(), NotHere> {
        self.say(Claim::Deleted)
    }

    /// Takes over what the account has said elsewhere. What is not true, or another's, is left out.
    pub fn learn(&mut self, said: impl IntoIterator<Item = Statement>) {
        for statement in said {
            if statement.account == self.account && statement.verify().is_ok() {
                self.keep(statement);
            }
        }
    }

    fn revision(&self) -> u64 {
        let revisions = self.statements.iter().filter_map(|statement| match statement.claim {
            Claim::Called { revision, .. } => Some(revision),
            _ => None,
        });
        revisions.max().unwrap_or_default()
    }

    fn say(&mut self, claim: Claim) -> Result<(), NotHere> {
        let statement = Statement::new(self.secret.as_ref().ok_or(NotHere)?, claim);
        self.keep(statement);
        Ok(())
    }

    /// Of what it is called only the last is kept; nothing is kept twice.
    fn keep(&mut self, statement: Statement) {
        if let Claim::Called { revision, .. } = statement.claim {
            if revision < self.revision() {
                return;
            }
            self.statements.retain(|known| !matches!(known.claim, Claim::Called { .. }));
        }
        if !self.statements.iter().any(|known| known.claim == statement.claim) {
            self.statements.push(statement);
        }
    }
}
