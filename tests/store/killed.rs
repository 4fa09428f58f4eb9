//! A process that writes is killed again and again (SIGKILL): what it said it had kept is there.
//!
//! The process is this very test program, with one test that only writes.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, unbounded};
use interregnum::{
    ledger::disk::{BatchId, Report},
    runtime::store::file::LedgerFile,
};
use uuid::Uuid;

use crate::folder::{Folder, all, fresh, ledger, opened, write};

const FILE: &str = "INTERREGNUM_TEST_FILE";

/// How often a file is written to before a fresh one is taken: the checks read all of it.
const KILLS_PER_FILE: u32 = 25;

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed_twenty_times() {
    kill(20);
}

#[test]
#[ignore = "takes minutes"]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed_a_thousand_times() {
    kill(1_000);
}

fn kill(kills: u32) {
    let began = Instant::now();
    let (mut acknowledged, mut kept, mut unsaid) = (0, 0, 0);
    let mut folder = Folder::new();
    let mut said = BTreeSet::new();
    for kill in 0..kills {
        if kill > 0 && kill % KILLS_PER_FILE == 0 {
            folder = Folder::new();
            said.clear();
        }
        let heard = live_and_die(folder.file());
        acknowledged += heard.len();
        said.extend(heard);
        let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
        assert!(contents.damaged == 0, "{:?}", contents.notices);
        let there: BTreeSet<(u64, u64)> = all(&contents)
            .map(|entry| (entry.id().writer.incarnation.0, entry.id().number))
            .collect();
        let lost: Vec<_> = said.difference(&there).collect();
        assert!(lost.is_empty(), "after {kill} kills {lost:?} are lost");
        kept = there.len();
        unsaid += there.difference(&said).count();
        said.extend(there);
    }
    assert!(acknowledged > kills as usize, "hardly anything was written");
    println!(
        "{kills} kills, {acknowledged} entries acknowledged, 0 lost ({unsaid} were kept without \
         having been acknowledged; {kept} in the last file), {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// Starts a writer and kills it some time later. What it has acknowledged.
fn live_and_die(file: PathBuf) -> Vec<(u64, u64)> {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::the_writer", "--ignored", "--nocapture"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(process.stdout.take().unwrap());
    let (hear, heard) = unbounded();
    let reader = thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            if words.next() == Some("kept") {
                let number = |word: Option<&str>| word.and_then(|word| word.parse().ok());
                if let (Some(life), Some(entry)) = (number(words.next()), number(words.next())) {
                    hear.send((life, entry)).unwrap();
                }
            }
        }
    });
    // It has acknowledged something; then anything from at once to two transactions later.
    let mut said: Vec<(u64, u64)> = vec![heard.recv().unwrap()];
    let chance = Uuid::new_v4().as_u128() as u64;
    said.extend(listen(&heard, Duration::from_micros(chance % 120_000)));
    process.kill().unwrap();
    process.wait().unwrap();
    reader.join().unwrap();
    said.extend(heard.try_iter());
    said
}

fn listen(heard: &Receiver<(u64, u64)>, span: Duration) -> Vec<(u64, u64)> {
    let until = Instant::now() + span;
    std::iter::from_fn(|| heard.recv_deadline(until).ok()).collect()
}

/// Not a test: writes as fast as it is acknowledged, and says what was, until it is killed.
#[test]
#[ignore = "is started by the other tests here"]
fn the_writer() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let life = Uuid::new_v4().as_u128() as u64;
    let mut own = ledger(life);
    let (store, _, reports) = opened(&PathBuf::from(file));
    let mut under_way = std::collections::BTreeMap::new();
    let mut out = std::io::stdout();
    for batch in 1.. {
        let entries = write(&mut own, 1 + 37 * batch as usize % 200);
        under_way.insert(BatchId(batch), entries.clone());
        store.persist(BatchId(batch), fresh(&entries));
        // A few batches are always under way.
        while under_way.len() > 3 {
            let Report::Persisted { batch } = reports.recv().unwrap() else {
                panic!("the disk failed");
            };
            for entry in under_way.remove(&batch).unwrap() {
                writeln!(out, "kept {life} {}", entry.id().number).unwrap();
            }
            out.flush().unwrap();
        }
    }
}
