use super::*;
use crate::{
    accounts::{Heard, Own},
    ledger::{entry::SharedEntry, vouching::Pen},
    text::Name,
    types::{Epoch, Incarnation, SessionId},
};

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32])
}

fn id(number: u8) -> NodeId {
    key(number).public().id()
}

fn ledger(node: u8) -> Ledger {
    Ledger::new(SessionId(uuid::Uuid::from_u128(5)), Pen::new(key(node), Incarnation(1)))
}

fn said(text: &str) -> Said {
    Said::new(text).unwrap()
}

fn say(ledger: &mut Ledger, text: &str) -> SharedEntry {
    ledger.write(WallTime(0), to_all(&said(text))).unwrap()
}

/// What `from` has and `to` lacks, taken over.
fn merge(to: &mut Ledger, from: &Ledger) {
    let mut missing = from.missing_from(&to.vector());
    while let Some(portion) = missing.next(from, 1 << 14) {
        let entries = portion.into_entries().iter().map(|entry| Entry::clone(entry)).collect();
        for run in crate::ledger::batch::runs(entries) {
            to.accept(run).unwrap();
        }
    }
}

fn texts(chat: &Chat) -> Vec<String> {
    let text = |line: &Arc<Line>| line.said().map_or("(sealed)".into(), ToString::to_string);
    chat.iter().map(text).collect()
}

/// An account that speaks on these machines, and what everybody has heard of it.
fn account(accounts: &mut Accounts, number: u8, machines: &[u8]) -> Own {
    let mut own = Own::new(key(number), key(machines[0]).public(), 1);
    for machine in &machines[1..] {
        own.certify(key(*machine).public(), 1).unwrap();
    }
    own.be_called(&Name::new("Ada"), None).unwrap();
    tell(accounts, &own, machines);
    own
}

fn tell(accounts: &mut Accounts, own: &Own, machines: &[u8]) {
    for statement in own.statements() {
        for machine in machines {
            accounts.hear(Heard::by(id(*machine), statement.clone())).unwrap();
        }
    }
}

#[test]
fn a_line_stands_last_until_a_host_gives_it_its_place_and_then_stays() {
    let (mut host, mut guest) = (ledger(1), ledger(2));
    host.reigns(Epoch(1));
    let mut chat = Chat::default();
    let hello = say(&mut guest, "hello");
    assert_eq!(chat.hear(&guest, hello.id()), Turn::OnItsWay);
    merge(&mut host, &guest);
    say(&mut host, "welcome");
    host.place(WallTime(0));
    say(&mut host, "how are you?");
    merge(&mut guest, &host);
    assert_eq!(chat.hear(&guest, hello.id()), Turn::Placed);
    assert_eq!(chat.hear(&guest, hello.id()), Turn::Moved);
    for ledger in [&host, &guest] {
        assert_eq!(texts(&Chat::of(ledger)), ["welcome", "hello", "how are you?"]);
    }
}

#[test]
fn the_ledger_says_what_becomes_of_each_line() {
    let (mut host, mut guest) = (ledger(1), ledger(2));
    host.reigns(Epoch(1));
    let hello = say(&mut guest, "hello").id();
    merge(&mut host, &guest);
    host.place(WallTime(0));
    let turns = |ledger: &mut Ledger, chat: &mut Chat| {
        let mut turns = Vec::new();
        while let Some(out) = ledger.poll() {
            if let crate::ledger::Out::Said(id) = out {
                turns.push(chat.hear(ledger, id));
            }
        }
        turns
    };
    let mut chat = Chat::default();
    assert_eq!(turns(&mut guest, &mut chat), [Turn::OnItsWay]);
    merge(&mut guest, &host);
    assert_eq!(turns(&mut guest, &mut chat), [Turn::Placed]);
    guest.write(WallTime(0), Body::Deleted(hello)).unwrap();
    assert_eq!(turns(&mut guest, &mut chat), [Turn::Gone]);
    assert!(chat.is_empty());
    // Elsewhere the line and the deletion come together.
    let mut other = ledger(3);
    merge(&mut other, &guest);
    let mut late = Chat::default();
    assert!(turns(&mut other, &mut late).iter().all(|turn| *turn == Turn::None));
    assert!(other.at(hello).next().unwrap().body().is_none());
}

#[test]
fn equal_texts_are_two_lines_and_one_that_comes_twice_is_one() {
    let (mut one, mut other) = (ledger(1), ledger(2));
    one.reigns(Epoch(1));
    say(&mut one, "again");
    say(&mut one, "again");
    merge(&mut other, &one);
    merge(&mut other, &one);
    for entry in one.said().collect::<Vec<_>>() {
        let entry = one.at(entry).next().unwrap();
        let _ = other.accept(vec![Entry::clone(&entry)]);
    }
    assert_eq!(texts(&Chat::of(&other)), ["again", "again"]);
}

#[test]
fn a_letter_is_read_on_all_machines_of_both_and_by_nobody_else() {
    let mut accounts = Accounts::default();
    // Ada (1) plays on machines 11 and 12, Ben (2) on 21 and 22.
    account(&mut accounts, 1, &[11, 12]);
    account(&mut accounts, 2, &[21, 22]);
    let mut ledger = ledger(11);
    let readers = readers(&ledger, &accounts, key(11).public(), id(2)).unwrap();
    let words = said("at noon, by the well");
    let body = to_one(&mut Chance::new([7; 32]), id(2), &readers, &words).unwrap();
    let entry = ledger.write(WallTime(0), body).unwrap();
    let line = Line::of(&ledger, &entry).unwrap();
    assert_eq!((line.to, line.said()), (Some(id(2)), None));
    // Their machines, and the accounts' keys on a machine that comes later.
    for reader in [11, 12, 21, 22, 1, 2] {
        assert_eq!(line.opened([&key(reader)]).unwrap().said(), Some(&words), "{reader}");
    }
    assert_eq!(line.opened([&key(31), &key(3)]), None);
    let body = entry.body().unwrap();
    assert!(!body.windows(4).any(|bytes| bytes == b"noon" || bytes == b"well"));
}

#[test]
fn a_machine_that_is_struck_off_reads_nothing_from_then_on() {
    let mut accounts = Accounts::default();
    let mut ben = account(&mut accounts, 2, &[21, 22]);
    ben.strike(id(22)).unwrap();
    tell(&mut accounts, &ben, &[21]);
    let ledger = ledger(11);
    let readers = readers(&ledger, &accounts, key(11).public(), id(2)).unwrap();
    assert!(readers.contains(&key(21).public()) && !readers.contains(&key(22).public()));
}

#[test]
fn nobody_writes_to_whom_nobody_knows_or_who_is_no_more() {
    let mut accounts = Accounts::default();
    let mut ben = account(&mut accounts, 2, &[21]);
    let mut ledger = ledger(11);
    let to = |ledger: &Ledger, accounts: &Accounts, person| {
        readers(ledger, accounts, key(11).public(), person)
    };
    assert!(to(&ledger, &accounts, id(2)).is_some());
    assert_eq!(to(&ledger, &accounts, id(3)), None);
    ben.delete().unwrap();
    tell(&mut accounts, &ben, &[21]);
    assert_eq!(to(&ledger, &accounts, id(2)), None);
    // Somebody without an account is known once it has written something.
    let mut stranger = super::tests::ledger(31);
    say(&mut stranger, "hello");
    merge(&mut ledger, &stranger);
    assert_eq!(to(&ledger, &accounts, id(31)), Some(vec![key(11).public(), key(31).public()]));
}

#[test]
fn the_longest_line_for_ten_readers_fits_an_entry() {
    let words = said(&"\u{1f980}".repeat(280));
    let readers: Vec<PublicKey> = (1..=10).map(|number| key(number).public()).collect();
    let body = to_one(&mut Chance::new([7; 32]), id(1), &readers, &words).unwrap();
    assert!(ledger(1).write(WallTime(0), body).is_ok());
}

#[test]
fn what_makes_no_sense_is_no_line() {
    let mut ledger = ledger(1);
    let long = "x".repeat(281);
    let form = |text: &str| postcard::to_stdvec(&Form::Open(text.to_owned())).unwrap();
    for bytes in
        [b"junk".to_vec(), Vec::new(), form(""), form(&long), [form("a"), vec![0]].concat()]
    {
        let entry = ledger.write(WallTime(0), Body::Other(Kind::LINE, bytes)).unwrap();
        assert_eq!(Line::of(&ledger, &entry), None);
    }
    let entry = ledger.write(WallTime(0), Body::Other(Kind::LINE, form("a\u{202e}b"))).unwrap();
    assert_eq!(Line::of(&ledger, &entry).unwrap().said().unwrap().as_str(), "ab");
}
