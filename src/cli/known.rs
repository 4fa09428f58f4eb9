//! The accounts that this machine knows of, from the ledgers of its profiles.

use std::{collections::BTreeSet, path::Path};

use interregnum::{
    accounts::{Accounts, Claim, Heard, Own, heard_in},
    keys::PublicKey,
    ledger::entry::Hash,
};

#[cfg(feature = "window")]
use super::options::KeptOptions;
use super::{kept::Kept, profile};

/// All accounts that this machine knows of, without a check: what is shown is checked then.
pub fn known(kept: &Kept, folder: &Path, forged: &BTreeSet<Hash>) -> Accounts {
    let mut accounts = Accounts::default();
    let own = profile::accounts(folder).flat_map(|(_, own)| heard_of(&own));
    for heard in kept.ledgers().flat_map(heard_in).chain(own) {
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

/// The accounts known, of which those that `pick` takes are checked.
pub fn checked(kept: &Kept, folder: &Path, pick: impl Fn(&Accounts) -> Vec<PublicKey>) -> Accounts {
    let mut forged = BTreeSet::new();
    loop {
        let accounts = known(kept, folder, &forged);
        let found = accounts.forged_among(pick(&accounts));
        if found.is_empty() {
            return accounts;
        }
        forged.extend(found);
    }
}

/// All accounts that the profiles in this folder know of, each statement checked.
#[cfg(feature = "window")]
pub fn all_checked(folder: &Path) -> anyhow::Result<Accounts> {
    let kept = Kept::of(&KeptOptions { data_dir: Some(folder.to_owned()) })?;
    Ok(checked(&kept, folder, |accounts| accounts.iter().map(|(key, _)| *key).collect()))
}
