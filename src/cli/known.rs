//! The accounts that this machine knows of, from the ledgers of its profiles.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use interregnum::{
    accounts::{Accounts, Claim, Heard, Own, heard_in, page_of},
    keys::PublicKey,
    ledger::entry::Hash,
};

use super::{
    kept::{Kept, folder},
    options::KeptOptions,
    profile,
};

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

/// A page of the accounts known, and what it was found in.
pub struct Page {
    /// All of them; those of the page are checked.
    pub accounts: Accounts,
    /// The folder.
    pub folder: PathBuf,
    /// How a command ends that shows it.
    pub exit_code: ExitCode,
}

/// Of all accounts that this machine knows of with `filter` in their names this page, from 1, of so many
/// lines each.
pub fn page(
    options: &KeptOptions,
    filter: &str,
    page: usize,
    per_page: usize,
) -> anyhow::Result<Page> {
    let (kept, folder) = (Kept::of(options)?, folder(options)?);
    let shown = |accounts: &Accounts| -> Vec<PublicKey> {
        let all = accounts.listed(filter);
        page_of(&all, page, per_page).iter().map(|one| *one.key).collect()
    };
    let accounts = checked(&kept, &folder, shown);
    Ok(Page { accounts, folder, exit_code: kept.exit_code() })
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
