//! The accounts that this machine knows of: from its ledgers, and from the profiles themselves.

use std::{collections::BTreeSet, path::Path};

use interregnum::{
    accounts::{Accounts, Claim, Heard, Own, heard_in},
    keys::PublicKey,
    ledger::{Ledger, entry::Hash},
};

use super::profile;

/// The accounts known, of which those that `pick` takes are checked: to check all of thousands would take
/// longer than anybody waits for a list.
pub fn checked<'a>(
    ledgers: impl Iterator<Item = &'a Ledger> + Clone,
    folder: &Path,
    pick: impl Fn(&Accounts) -> Vec<PublicKey>,
) -> Accounts {
    let mut forged = BTreeSet::new();
    loop {
        let accounts = known(ledgers.clone(), folder, &forged);
        let found = accounts.forged_among(pick(&accounts));
        if found.is_empty() {
            return accounts;
        }
        forged.extend(found);
    }
}

/// All that is said of accounts, but for what is known to be forged.
fn known<'a>(
    ledgers: impl Iterator<Item = &'a Ledger>,
    folder: &Path,
    forged: &BTreeSet<Hash>,
) -> Accounts {
    let mut accounts = Accounts::default();
    let own = profile::accounts(folder).flat_map(|(_, own)| heard_of(&own));
    for heard in ledgers.flat_map(heard_in).chain(own) {
        if forged.is_empty() || !forged.contains(&heard.statement.hash()) {
            accounts.believe(heard);
        }
    }
    accounts
}

/// What an own account says, as if all machines concerned had written it down.
fn heard_of(own: &Own) -> Vec<Heard> {
    let author = |claim: &Claim| match claim {
        Claim::Certifies { machine, .. } => machine.id(),
        _ => own.account().id(),
    };
    let said = own.statements().iter();
    let heard = said.map(|said| Heard::by(author(&said.claim), said.clone()));
    heard.collect()
}
