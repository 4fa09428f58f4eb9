//! A book as it is after years: a ledger in which so many accounts have said who they are, each on a machine of
//! its own, and so many lines were said.

use std::{fs, path::Path};

use anyhow::Context as _;
use interregnum::{
    accounts::{Claim, Statement},
    chat,
    keys::{Chance, SecretKey},
    ledger::{
        Ledger, Out,
        disk::{BATCH_ENTRIES_MAX, Record},
        entry::WallTime,
        vouching::Pen,
    },
    runtime::{self, store::file::LedgerFile},
    text::{Name, Said, SessionName},
    types::{Epoch, Incarnation, SessionId},
};
use uuid::Uuid;

use crate::cli::profile;

/// How many people say the lines, one after the other.
pub const SPEAKERS: usize = 10;

/// Puts it into the first profile of a folder, as what was played last under this name.
pub fn fill(
    folder: &Path,
    session: &SessionName,
    accounts: usize,
    lines: usize,
) -> anyhow::Result<()> {
    let file = profile::ledgers(folder).next().context("no profile")?;
    fs::create_dir_all(file.parent().context("no folder")?)?;
    let (mut file, _) = LedgerFile::open(&file)?;
    let id = SessionId(Uuid::new_v4());
    file.remember(id, session)?;
    let mut chance = Chance::new(runtime::random_bytes()?);
    let mut records = Vec::new();
    for number in 0..accounts {
        let (account, machine) = (SecretKey::draw(&mut chance), SecretKey::draw(&mut chance));
        let name = Name::new(&format!("player {}", number % 9_000));
        let says = [
            Claim::Called { name, colour: (number % 12) as u8, revision: 1 },
            Claim::Certifies { machine: machine.public(), turn: 1 },
        ];
        let mut ledger = Ledger::new(id, Pen::new(machine, Incarnation(number as u64)));
        for claim in says {
            ledger.note(WallTime(0), Statement::new(&account, claim).body())?;
        }
        take(&mut ledger, &mut records);
    }
    for speaker in 0..SPEAKERS {
        let pen = Pen::new(SecretKey::draw(&mut chance), Incarnation(1));
        let mut ledger = Ledger::new(id, pen);
        // Each as the host of a reign: so every line has its place.
        ledger.reigns(Epoch(speaker as u64 + 1));
        for number in (0..lines).skip(speaker).step_by(SPEAKERS) {
            let said = Said::new(&format!("line {number} of speaker {speaker}"))?;
            // Each signed, as people say them.
            ledger.write(WallTime(1_700_000_000), chat::to_all(&said))?;
        }
        take(&mut ledger, &mut records);
    }
    for batch in records.chunks(BATCH_ENTRIES_MAX) {
        file.write(batch).map_err(|trouble| anyhow::anyhow!("{trouble}"))?;
    }
    Ok(())
}

/// What was written, as it is kept.
fn take(ledger: &mut Ledger, records: &mut Vec<Record>) {
    ledger.sign();
    while let Some(out) = ledger.poll() {
        if let Out::Keep(record) = out {
            records.push(record);
        }
    }
}
