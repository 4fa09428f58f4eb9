//! The accounts that this machine knows of, from the ledgers of its profiles.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
};

use crossbeam_channel::bounded;
use interregnum::{
    accounts::{Accounts, Claim, Heard, Listed, Own, STATEMENT, Statement, heard_in, page_of},
    keys::PublicKey,
    ledger::entry::{Entry, Hash},
};

use super::{
    kept::{Kept, each_of, folder},
    options::KeptOptions,
    profile,
};

/// All accounts that this machine knows of, without a check: what is shown is checked then.
pub fn known(kept: &Kept, folder: &Path, forged: &BTreeSet<Hash>) -> Accounts {
    let own = profile::accounts(folder).flat_map(|(_, own)| heard_of(&own));
    of(kept.ledgers().flat_map(heard_in).chain(own), forged)
}

/// What this comes to, without what is known to be forged.
fn of(said: impl Iterator<Item = Heard>, forged: &BTreeSet<Hash>) -> Accounts {
    let mut accounts = Accounts::default();
    for heard in said {
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
    accounts: Accounts,
    /// Those that stand on the page.
    keys: Vec<PublicKey>,
    /// How many there are with such a name, on all pages together.
    pub in_all: usize,
    /// The folder.
    pub folder: PathBuf,
    /// How a command ends that shows it.
    pub exit_code: ExitCode,
}

impl Page {
    /// Those that stand on it.
    pub fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        self.keys.iter().filter_map(|key| self.accounts.listed_one(key))
    }
}

/// Of all accounts that this machine knows of with `filter` in their names this page, from 1, of so many
/// lines each.
pub fn page(
    options: &KeptOptions,
    filter: &str,
    page: usize,
    per_page: usize,
) -> anyhow::Result<Page> {
    let folder = folder(options)?;
    let mut accounts = Accounts::default();
    let mut said = Vec::new();
    let mut hear = |heard: Heard| {
        said.push(heard.clone());
        accounts.believe(heard);
    };
    // Where an entry stands among the others makes no difference for what is shown here, so no ledger is
    // made of what is on the disk.
    let complete = read_beside(options, |entry| said_in(&entry).into_iter().for_each(&mut hear))?;
    profile::accounts(&folder).flat_map(|(_, own)| heard_of(&own)).for_each(hear);
    let exit_code = if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let mut forged = BTreeSet::new();
    loop {
        let all = accounts.listed(filter);
        let in_all = all.len();
        let shown = page_of(&all, page, per_page).iter();
        let keys: Vec<_> = shown.map(|one| *one.key).collect();
        let found = accounts.forged_among(keys.iter().copied());
        if found.is_empty() {
            return Ok(Page { accounts, keys, in_all, folder, exit_code });
        }
        forged.extend(found);
        accounts = of(said.iter().cloned(), &forged);
    }
}

/// So many entries are handed over at once, and so many such heaps wait at most.
const HEAP: usize = 512;
const HEAPS_WAITING: usize = 8;

/// All entries on the disk, each given to `take` while others are being read: reading takes about as long as
/// what is done with them.
#[expect(clippy::disallowed_methods, reason = "one reads, the other one reckons")]
fn read_beside(options: &KeptOptions, mut take: impl FnMut(Entry)) -> anyhow::Result<bool> {
    let (full, heaps) = bounded::<Vec<Entry>>(HEAPS_WAITING);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut heap = Vec::with_capacity(HEAP);
            let complete = each_of(options, STATEMENT, |entry| {
                heap.push(entry);
                if heap.len() == HEAP {
                    let _ = full.send(std::mem::replace(&mut heap, Vec::with_capacity(HEAP)));
                }
            });
            let _ = full.send(heap);
            complete
        });
        heaps.into_iter().flatten().for_each(&mut take);
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What an entry that was kept says of an account.
fn said_in(entry: &Entry) -> Option<Heard> {
    let (id, statement) = (entry.id(), Statement::of(entry)?);
    let (statement, author) = (Arc::new(statement), id.writer.node);
    Some(Heard { statement, author, entry: Some(id), place: None })
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
