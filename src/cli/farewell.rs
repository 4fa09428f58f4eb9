//! The last that is said of an account, where nobody plays with its profile any more.

use std::path::Path;

use interregnum::{
    accounts::{Accounts, Claim, Own, farewell},
    arena::Arena,
    game::FactRules,
    keys::SecretKey,
    ledger::{
        Ledger, Out,
        disk::{BATCH_ENTRIES_MAX, Record},
        entry::Writer,
    },
    runtime::{self, store::file::LedgerFile},
    types::Incarnation,
};

/// Writes into each ledger of this file that the account is deleted, and takes back what this machine has
/// written there that can be. The others hear of it when the session is played again.
pub fn say_farewell(path: &Path, machine: &SecretKey, own: &Own) -> anyhow::Result<()> {
    let Some(last) = own.statements().iter().find(|said| said.claim == Claim::Deleted) else {
        return Ok(());
    };
    if !path.exists() {
        return Ok(());
    }
    let (mut file, contents) = LedgerFile::open(path)?;
    let node = machine.public().id();
    let life = runtime::random_bytes()?.first_chunk().map_or(1, |first| u64::from_be_bytes(*first));
    let me = Writer { node, incarnation: Incarnation(life) };
    let now = runtime::wall_time();
    let mut pages = contents.pages;
    for (session, entries) in contents.ledgers {
        let mut ledger = Ledger::summed(session, me, FactRules::of::<Arena>());
        ledger.restore_all(entries, &pages.remove(&session).unwrap_or_default());
        while ledger.poll().is_some() {}
        let accounts = Accounts::of([&ledger]);
        let Some(account) = accounts.get(&own.account()) else { continue };
        let last = (!account.is_deleted()).then(|| last.body());
        let bodies = last.into_iter().chain(farewell(&ledger, node));
        for body in bodies.collect::<Vec<_>>() {
            ledger.write(now, body)?;
        }
        let records = std::iter::from_fn(|| ledger.poll());
        let kept = records.filter_map(|out| match out {
            Out::Keep(record) => Some(record),
            _ => None,
        });
        for records in kept.collect::<Vec<Record>>().chunks(BATCH_ENTRIES_MAX) {
            file.write(records)?;
        }
    }
    Ok(())
}
