//! What is kept, through the command line: carried from one folder to another, checked, and summed
//! up.

use std::fs;

use interregnum::{
    arena::{GatherableId, RoundId, hall::Fact},
    keys::SecretKey,
    ledger::{
        Ledger,
        body::{Body, Called},
        disk::Record,
        entry::Kind,
        vouching::Pen,
    },
    runtime::{self, store::file::LedgerFile},
    text::{Name, SessionName},
    types::{Epoch, Incarnation, NodeId, SessionId},
};
use serde_json::Value;
use uuid::Uuid;

use crate::folder::{Folder, attempt, run};

/// Whose points are in a folder that was filled.
pub const ADA: NodeId = NodeId::from_u128(1);
const BEN: NodeId = NodeId::from_u128(2);

#[test]
fn what_is_exported_can_be_imported_elsewhere_and_is_the_same() {
    let (from, to) = (Folder::new(), Folder::new());
    from.fill();
    let exported = run(from.path(), &["ledger", "export"], "");
    assert_eq!(exported.lines().count(), 8);
    let said = run(to.path(), &["ledger", "import"], &exported);
    assert!(said.contains("7 entries are new, 0 were known"), "{said}");
    assert_eq!(run(to.path(), &["ledger", "export"], ""), exported);
    let again = run(to.path(), &["ledger", "import"], &exported);
    assert!(again.contains("0 entries are new, 7 were known"), "{again}");
}

#[test]
fn a_changed_line_is_not_imported_nor_is_anything_with_it() {
    let (from, to) = (Folder::new(), Folder::new());
    from.fill();
    let exported = run(from.path(), &["ledger", "export"], "");
    let forged = exported.replacen("\"number\":2", "\"number\":9", 1);
    assert_ne!(forged, exported);
    let done = attempt(to.path(), &["ledger", "import"], &forged);
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("was changed"));
    assert_eq!(run(to.path(), &["ledger", "export"], ""), "");
}

#[test]
fn nothing_is_imported_into_a_ledger_that_is_in_use() {
    let folder = Folder::new();
    let file = folder.fill();
    let done = attempt(folder.path(), &["ledger", "import"], "");
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("in use"));
    // Looking is free.
    run(folder.path(), &["ledger", "verify"], "");
    drop(file);
}

#[test]
fn verify_counts_what_is_there_and_fails_when_something_is_damaged() {
    let folder = Folder::new();
    drop(folder.fill());
    let said = run(folder.path(), &["ledger", "verify", "--json"], "");
    let sound: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&sound["entries"], &sound["damaged"]), (&7.into(), &0.into()));
    let bytes = fs::read(folder.file()).unwrap();
    let at = bytes.windows(5).rposition(|window| window == b"hello").unwrap();
    let mut damaged = bytes;
    damaged[at] ^= 1;
    fs::write(folder.file(), damaged).unwrap();
    let done = attempt(folder.path(), &["ledger", "verify", "--json"], "");
    assert_eq!(done.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&said["entries"], &said["damaged"]), (&6.into(), &1.into()));
}

#[test]
fn the_scores_are_the_sum_of_what_is_kept() {
    let folder = Folder::new();
    let (gatherable, round) = (GatherableId(7), RoundId(3));
    let of_bot = Fact::Gathered { player: BEN, gatherable, rare: true, round }.encode_of_bot();
    let called = Called { player: BEN, name: Name::new("Ben") };
    folder.fill_with(vec![Body::Joined(called), Body::Fact(of_bot)]);
    let scores: Value =
        serde_json::from_str(&run(folder.path(), &["scores", "--json"], "")).unwrap();
    for list in ["this_evening", "all_time"] {
        let rows = scores[list].as_array().unwrap();
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!((&rows[0]["bot"], &rows[1]["bot"]), (&false.into(), &true.into()));
        assert_eq!((&rows[1]["points"], &rows[1]["games_won"]), (&3.into(), &0.into()));
        assert_eq!(rows[0]["name"], "Ada");
        assert_eq!((&rows[0]["points"], &rows[0]["games_won"]), (&4.into(), &1.into()));
    }
    let words = run(folder.path(), &["scores"], "");
    assert!(words.contains("of all time") && words.contains("Ada"), "{words}");
    assert!(!words.contains("Ben"), "a bot is in the hall of fame: {words}");
    let nothing = run(Folder::empty().path(), &["scores"], "");
    assert!(nothing.contains("nobody"), "{nothing}");
    // A folder that was mistyped is not one in which nothing is kept.
    for command in [&["scores"][..], &["ledger", "export"], &["ledger", "verify"]] {
        let done = attempt(Folder::new().path(), command, "");
        assert_eq!(done.status.code(), Some(2), "{command:?}");
        assert!(String::from_utf8(done.stderr).unwrap().contains("there is no folder"));
    }
}

impl Folder {
    /// Six entries of a host and its key, in the first profile's ledger.
    pub fn fill(&self) -> LedgerFile {
        self.fill_with(Vec::new())
    }

    /// The same, and more.
    fn fill_with(&self, more: Vec<Body>) -> LedgerFile {
        let session = SessionId(Uuid::from_u128(5));
        let pen = Pen::new(SecretKey::from_bytes(&[2; 32]), Incarnation(1));
        let mut ledger = Ledger::new(session, pen);
        ledger.reigns(Epoch(1));
        let round = RoundId(3);
        let gathered = |number, rare| {
            let gatherable = GatherableId(number);
            fact(&Fact::Gathered { player: ADA, gatherable, rare, round })
        };
        let six = [
            Body::Joined(Called { player: ADA, name: Name::new("Ada") }),
            gathered(1, false),
            gathered(2, true),
            gathered(2, true),
            fact(&Fact::Won { player: ADA, round }),
            Body::Other(Kind(200), b"hello".to_vec()),
        ];
        for body in six.into_iter().chain(more) {
            ledger.write(runtime::wall_time(), body).unwrap();
        }
        let entries = ledger.entries();
        let records: Vec<Record> = entries.map(|entry| Record::Fresh(entry.clone())).collect();
        let (mut file, _) = LedgerFile::open(&self.file()).unwrap();
        file.write(&records).unwrap();
        file.remember(session, &SessionName::default()).unwrap();
        file
    }
}

fn fact(fact: &Fact) -> Body {
    Body::Fact(fact.encode())
}
