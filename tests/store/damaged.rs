//! Files with torn ends and flipped bits: what is read is what was written, whatever is missing is
//! noticed, and nothing panics.

use std::{fs, ops::Range};

use interregnum::{
    ledger::{disk::BatchId, entry::SharedEntry},
    runtime::store::{
        OpenError,
        file::{Contents, LedgerFile},
    },
};

use crate::folder::{Folder, all, fresh, ledger, opened, write};

/// A database with entries in its pages, and three records more in its log.
struct Original {
    file: Vec<u8>,
    log: Vec<u8>,
    entries: Vec<SharedEntry>,
    /// Where in the log the last three records stand.
    last_three: Range<usize>,
}

const SETTLED: usize = 60;

impl Original {
    fn new() -> Self {
        let folder = Folder::fast();
        let mut own = ledger(7);
        let entries = write(&mut own, SETTLED + 3);
        persist(&folder, &entries[..SETTLED / 2]);
        // A second start carries the log over into the file.
        persist(&folder, &entries[SETTLED / 2..SETTLED]);
        let (store, _, reports) = opened(&folder.file());
        // What it does at its start is done when it has answered.
        store.persist(BatchId(0), Vec::new());
        reports.recv().unwrap();
        let before = fs::metadata(folder.log()).map_or(0, |log| log.len() as usize);
        for (batch, entry) in (1..).zip(&entries[SETTLED..]) {
            store.persist(BatchId(batch), fresh(std::slice::from_ref(entry)));
            reports.recv().unwrap();
        }
        let (file, log) = (fs::read(folder.file()).unwrap(), fs::read(folder.log()).unwrap());
        assert!(log.len() > before);
        let last_three = before..log.len();
        Self { file, log, entries, last_three }
    }

    /// Opens these bytes: what is there must be what was written.
    fn open(&self, folder: &Folder, file: &[u8], log: &[u8]) -> Result<Contents, OpenError> {
        folder.clear();
        fs::write(folder.file(), file).unwrap();
        fs::write(folder.log(), log).unwrap();
        let (opened, contents) = LedgerFile::open(&folder.file())?;
        for entry in all(&contents) {
            assert!(self.entries.iter().any(|known| **known == *entry), "{entry:?} was invented");
        }
        // Whatever it was, it is over.
        drop(opened);
        let (_, again) = LedgerFile::open(&folder.file())?;
        assert!(again.notices.is_empty(), "{:?}", again.notices);
        assert!(all(&again).eq(all(&contents)));
        Ok(contents)
    }

    /// Whether all these are there.
    fn has(&self, contents: &Contents, range: Range<usize>) -> bool {
        self.entries[range].iter().all(|entry| all(contents).any(|known| *known == **entry))
    }
}

fn persist(folder: &Folder, entries: &[SharedEntry]) {
    let (store, ..) = opened(&folder.file());
    store.persist(BatchId(1), fresh(entries));
}

/// The last three records, torn at every `step`th byte.
fn tear_the_log(step: usize) {
    let (original, folder) = (Original::new(), Folder::fast());
    let (mut noticed, mut whole) = (0, [0; 4]);
    for end in original.last_three.clone().step_by(step) {
        let contents = original.open(&folder, &original.file, &original.log[..end]).unwrap();
        assert!(original.has(&contents, 0..SETTLED), "cut at {end}");
        // Of the last three a beginning is there.
        let more = contents.len() - SETTLED;
        assert!(original.has(&contents, SETTLED..SETTLED + more), "cut at {end}");
        whole[more] += 1;
        noticed += contents.notices.len();
    }
    assert!(whole[..3].iter().all(|count| *count > 0), "{whole:?}");
    assert!(noticed > 0);
    println!("cuts with so many of the last three records whole: {whole:?}, noticed: {noticed}");
}

/// The file itself, cut at every `step`th byte of its last two pages.
fn tear_the_file(step: usize) {
    let (original, folder) = (Original::new(), Folder::fast());
    let length = original.file.len();
    for end in (length - 8_192..length).step_by(step) {
        let contents = original.open(&folder, &original.file[..end], &[]).unwrap();
        assert!(original.has(&contents, 0..SETTLED) || !contents.notices.is_empty());
    }
}

/// Every `step`th bit of `range` of the file or its log.
fn flip(of_log: bool, range: Range<usize>, step: usize) {
    let (original, folder) = (Original::new(), Folder::fast());
    let (mut refused, mut noticed, mut harmless, mut salvaged) = (0, 0, 0, 0);
    for bit in (range.start * 8..range.end * 8).step_by(step) {
        let (mut file, mut log) = (original.file.clone(), original.log.clone());
        let bytes = if of_log { &mut log } else { &mut file };
        bytes[bit / 8] ^= 1 << (bit % 8);
        match original.open(&folder, &file, &log) {
            Ok(contents) if contents.notices.is_empty() => {
                assert!(original.has(&contents, 0..SETTLED + 3), "bit {bit}: lost, not noticed");
                harmless += 1;
            }
            Ok(contents) => {
                noticed += 1;
                salvaged += contents.len();
            }
            // To be left alone: it says that it is of a newer version.
            Err(OpenError::Newer { .. }) => refused += 1,
            Err(error) => panic!("bit {bit}: {error}"),
        }
    }
    assert!(noticed > 0);
    let entries = salvaged / noticed.max(1);
    println!(
        "flipped bits noticed: {noticed} (then {entries} of {} entries could be read), \
         refused: {refused}, harmless: {harmless}",
        SETTLED + 3
    );
}

const PAGE: usize = 4_096;

#[test]
fn a_log_torn_anywhere_gives_a_beginning_of_what_was_written() {
    tear_the_log(61);
}

#[test]
fn a_file_torn_anywhere_is_noticed() {
    tear_the_file(173);
}

#[test]
fn a_flipped_bit_of_a_page_is_noticed_or_harmless() {
    flip(false, 0..PAGE, 397);
    flip(false, 2 * PAGE..4 * PAGE, 397);
}

#[test]
fn a_flipped_bit_of_the_log_is_noticed_or_harmless() {
    flip(true, 0..Original::new().log.len(), 1_009);
}

#[test]
#[ignore = "takes minutes"]
fn a_log_torn_at_every_byte_of_the_last_three_records_gives_a_beginning_of_what_was_written() {
    tear_the_log(1);
}

#[test]
#[ignore = "takes minutes"]
fn a_file_torn_at_every_byte_of_its_last_pages_is_noticed() {
    tear_the_file(1);
}

#[test]
#[ignore = "takes minutes"]
fn every_flipped_bit_of_the_first_page_is_noticed_or_harmless() {
    flip(false, 0..PAGE, 1);
}

#[test]
#[ignore = "takes minutes"]
fn every_flipped_bit_of_a_page_of_entries_is_noticed_or_harmless() {
    flip(false, 3 * PAGE..4 * PAGE, 1);
}

#[test]
#[ignore = "takes minutes"]
fn every_flipped_bit_of_a_frame_of_the_log_is_noticed_or_harmless() {
    flip(true, 0..32 + 24 + PAGE, 1);
}
