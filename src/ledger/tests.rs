use super::*;
use crate::{
    game::{Fact, FactRules},
    keys::SecretKey,
    ledger::entry::Kind,
};

const CHAT: Kind = Kind(128);

pub fn session() -> SessionId {
    SessionId(uuid::Uuid::from_u128(5))
}

/// What a node writes with, in one life of it.
pub fn pen(node: u8, life: u64) -> Pen {
    Pen::new(SecretKey::from_bytes(&[node; 32]), Incarnation(life))
}

/// The ledger of a node, empty.
pub fn ledger(node: u8) -> Ledger {
    Ledger::new(session(), pen(node, 1))
}

/// Writes a line of chat.
pub fn say(ledger: &mut Ledger, text: &str) -> SharedEntry {
    ledger.write(WallTime(0), Body::Other(CHAT, text.into())).unwrap()
}

/// All that its own node wrote.
pub fn own(ledger: &Ledger) -> Vec<Entry> {
    let entries = ledger.entries().filter(|entry| entry.id().writer == ledger.me());
    entries.map(|entry| Entry::clone(&entry)).collect()
}

/// To be kept, for the first time.
pub fn fresh(entry: &SharedEntry) -> Record {
    Record::Fresh(entry.clone())
}

pub fn fact(ledger: &mut Ledger, key: &str, value: &str) -> SharedEntry {
    let fact = Fact { key: key.into(), value: value.into() };
    ledger.write(WallTime(0), Body::Fact(fact)).unwrap()
}

/// What `from` has and `to` lacks, taken over.
pub fn merge(to: &mut Ledger, from: &Ledger) {
    let mut missing = from.missing_from(&to.vector());
    while let Some(portion) = missing.next(from, batch::PORTION_BYTES) {
        let entries = portion.into_entries().iter().map(|entry| Entry::clone(entry)).collect();
        for run in batch::runs(entries) {
            match to.accept(run) {
                Ok(_) | Err(Refused::Contradicted) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn texts(ledger: &Ledger) -> Vec<String> {
    let lines = ledger.lines(|entry| entry.head().kind == CHAT);
    let text = |body: Option<&[u8]>| match body {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => "(deleted)".to_owned(),
    };
    lines.into_iter().map(|(_, entry)| text(entry.body())).collect()
}

fn counted(ledger: &Ledger) -> Vec<Vec<u8>> {
    ledger.counted().iter().filter_map(|entry| entry.body().map(<[u8]>::to_vec)).collect()
}

#[test]
fn an_entry_whose_predecessor_is_missing_is_refused() {
    let (mut one, mut other) = (ledger(1), ledger(2));
    say(&mut one, "first");
    say(&mut one, "second");
    let [author, first, second] = &own(&one)[..] else { panic!("not three") };
    assert_eq!(other.accept(vec![second.clone()]), Err(Refused::Gap));
    assert_eq!(other.accept(vec![author.clone(), first.clone()]), Ok(Fate::Fresh));
    assert_eq!(other.accept(vec![second.clone()]), Ok(Fate::Fresh));
    assert_eq!(other.accept(vec![second.clone()]), Ok(Fate::Known));
    assert_eq!(other.digest(), one.digest());
}

#[test]
fn entries_of_another_session_stay_there() {
    let mut one = Ledger::new(SessionId(uuid::Uuid::from_u128(6)), pen(1, 1));
    say(&mut one, "at home");
    assert_eq!(ledger(2).accept(own(&one)), Err(Refused::Session));
}

#[test]
fn nobody_writes_in_this_nodes_name() {
    let (mut one, mut forger) = (ledger(1), ledger(1));
    say(&mut forger, "forged");
    assert_eq!(one.accept(own(&forger)), Err(Refused::Forged));
}

#[test]
fn of_facts_with_one_key_one_counts_whichever_came_first() {
    let (mut one, mut other) = (ledger(1), ledger(2));
    fact(&mut one, "coin 1", "three");
    fact(&mut other, "coin 1", "seven");
    fact(&mut other, "coin 2", "one");
    let mut third = ledger(3);
    merge(&mut third, &other);
    assert_eq!(counted(&third).len(), 2);
    merge(&mut third, &one);
    merge(&mut one, &other);
    assert_eq!(counted(&third), counted(&one));
    assert_eq!(counted(&third).len(), 2);
    let counts = std::iter::from_fn(|| third.poll()).fold(0, |sum, out| match out {
        Out::Counts(_) => sum + 1,
        Out::CountsNoMore(_) => sum - 1,
        _ => sum,
    });
    assert_eq!(counts, 2);
}

#[test]
fn a_deletion_takes_the_body_here_and_wherever_it_arrives() {
    let (mut author, mut early, mut late) = (ledger(1), ledger(2), ledger(3));
    let said = say(&mut author, "said in anger");
    merge(&mut early, &author);
    let id = said.id();
    author.write(WallTime(0), Body::Deleted(id)).unwrap();
    merge(&mut early, &author);
    // An old copy with its body comes after the deletion.
    merge(&mut late, &author);
    assert_eq!(late.accept(vec![Entry::clone(&said)]), Ok(Fate::Known));
    for ledger in [&author, &early, &late] {
        let entry = ledger.at(id).next().unwrap();
        assert_eq!((entry.body(), entry.hash()), (None, said.hash()));
        assert_eq!(ledger.digest(), author.digest());
    }
}

#[test]
fn nobody_deletes_what_others_said_nor_what_counts() {
    let (mut author, mut other) = (ledger(1), ledger(2));
    let said = say(&mut author, "mine");
    let point = fact(&mut author, "coin", "1");
    merge(&mut other, &author);
    other.write(WallTime(0), Body::Deleted(said.id())).unwrap();
    author.write(WallTime(0), Body::Deleted(point.id())).unwrap();
    merge(&mut other, &author);
    merge(&mut author, &other);
    for ledger in [&author, &other] {
        assert!(ledger.at(said.id()).all(|entry| entry.body().is_some()));
        assert!(ledger.at(point.id()).all(|entry| entry.body().is_some()));
    }
}

#[test]
fn a_body_that_somebody_holds_back_comes_with_the_next_comparison() {
    let (mut author, mut victim) = (ledger(1), ledger(2));
    let said = say(&mut author, "hidden");
    let first = own(&author)[0].clone();
    victim.accept(vec![first, said.redacted().unwrap()]).unwrap();
    assert_ne!(victim.digest(), author.digest());
    merge(&mut victim, &author);
    assert_eq!(texts(&victim), ["hidden"]);
    assert_eq!(victim.digest(), author.digest());
}

#[test]
fn a_hole_that_a_damaged_disk_left_is_filled_by_a_peer() {
    let (mut one, mut other) = (ledger(1), ledger(2));
    (0..5).for_each(|n| drop(say(&mut one, &n.to_string())));
    let written = own(&one);
    for kept in [0, 1, 4, 5] {
        other.restore(written[kept].clone()).unwrap();
    }
    let writer = one.me();
    assert_eq!(other.vector().mark(writer).through, 2);
    assert_eq!(other.accept(vec![written[3].clone()]), Err(Refused::Gap));
    merge(&mut other, &one);
    assert_eq!(other.vector(), one.vector());
}

#[test]
fn a_line_on_its_way_stands_last_until_the_host_gives_it_a_place() {
    let (mut host, mut client) = (ledger(1), ledger(2));
    host.reigns(Epoch(1));
    let early = say(&mut client, "client, early");
    say(&mut host, "host");
    merge(&mut client, &host);
    assert_eq!(texts(&client), ["host", "client, early"]);
    assert!(client.is_unplaced(early.id()));
    merge(&mut host, &client);
    host.place(WallTime(0));
    say(&mut host, "host, later");
    merge(&mut client, &host);
    assert_eq!(texts(&client), ["host", "client, early", "host, later"]);
    assert_eq!(texts(&host), texts(&client));
    assert!(!client.is_unplaced(early.id()));
}

/// After a heal: the surviving side only appends, the other side's lines come as one block, in the
/// order that they had there.
#[test]
fn what_the_other_side_said_comes_as_one_block() {
    let (mut winner, mut loser, mut guest) = (ledger(1), ledger(2), ledger(3));
    winner.reigns(Epoch(3));
    loser.reigns(Epoch(2));
    say(&mut winner, "w1");
    say(&mut loser, "l1");
    say(&mut guest, "g1");
    merge(&mut loser, &guest);
    loser.place(WallTime(0));
    say(&mut loser, "l2");
    say(&mut guest, "g2");
    merge(&mut loser, &guest);
    loser.place(WallTime(0));
    say(&mut winner, "w2");
    // They meet.
    loser.follows();
    merge(&mut winner, &loser);
    winner.place(WallTime(0));
    say(&mut winner, "w3");
    let expected = ["w1", "w2", "l1", "g1", "l2", "g2", "w3"];
    assert_eq!(texts(&winner), expected);
    for ledger in [&mut loser, &mut guest] {
        merge(ledger, &winner);
        assert_eq!(texts(ledger), expected);
    }
}

/// A host has a tick to make in between.
#[test]
fn very_many_come_as_one_block_too_after_several_calls() {
    let (mut winner, mut loser, mut guest) = (ledger(1), ledger(2), ledger(3));
    winner.reigns(Epoch(3));
    loser.reigns(Epoch(2));
    for n in 0..PLACING_STEPS {
        say(&mut guest, &format!("g{n}"));
        if n % 50 == 0 {
            merge(&mut loser, &guest);
            while loser.has_to_place() {
                loser.place(WallTime(0));
            }
        }
        say(&mut loser, &format!("l{n}"));
    }
    merge(&mut loser, &guest);
    let expected = texts(&loser);
    merge(&mut winner, &loser);
    assert_eq!(winner.place(WallTime(0)), None, "it was done in one call");
    let calls = std::iter::repeat_with(|| winner.place(WallTime(0)));
    let written: Vec<_> = calls.skip_while(Option::is_none).map_while(|entry| entry).collect();
    assert!(written.len() > 1);
    assert!(!winner.has_to_place());
    assert_eq!(texts(&winner), expected);
    merge(&mut loser, &winner);
    assert_eq!(texts(&loser), expected);
}

#[test]
fn what_comes_late_from_the_reign_before_is_appended() {
    let (mut old, mut new, mut client) = (ledger(1), ledger(2), ledger(3));
    old.reigns(Epoch(1));
    say(&mut old, "one");
    merge(&mut new, &old);
    say(&mut old, "two");
    merge(&mut client, &old);
    // The old host dies; the new one has not heard the second line.
    new.reigns(Epoch(2));
    say(&mut new, "three");
    merge(&mut new, &client);
    assert!(new.has_to_place());
    new.place(WallTime(0));
    merge(&mut client, &new);
    assert_eq!(texts(&new), ["one", "three", "two"]);
    assert_eq!(texts(&client), texts(&new));
}

#[test]
fn what_somebody_lacks_comes_in_portions() {
    let mut one = ledger(1);
    for n in 0..1_000 {
        say(&mut one, &format!("line {n}"));
    }
    let mut missing = one.missing_from(&Vector::default());
    assert_eq!(missing.len(), 1_001);
    let mut count = 0;
    while let Some(portion) = missing.next(&one, batch::PORTION_BYTES) {
        let portion = portion.into_entries();
        let bytes = batch::encode(one.session(), &portion).len();
        assert!(bytes <= batch::PORTION_BYTES, "{bytes}");
        count += portion.len();
    }
    assert_eq!(count, 1_001);
}

#[test]
fn people_are_told_when_nine_tenths_are_used_and_when_nothing_more_is_kept() {
    let mut own = ledger(1);
    let mut told = Vec::new();
    for life in 1..=vector::WRITERS_MAX as u64 {
        let mut other = Ledger::new(own.session(), pen(7, life));
        say(&mut other, "hello");
        own.accept(self::own(&other)).unwrap();
        while let Some(out) = own.poll() {
            if let Out::Filling(fullness) = out {
                told.push((life, fullness));
            }
        }
    }
    let nine_tenths = (vector::WRITERS_MAX as u64 * 9).div_ceil(10);
    assert_eq!(told, [(nine_tenths, Fullness::Soon), (16_384, Fullness::Full)]);
    let mut other = Ledger::new(own.session(), pen(8, 1));
    say(&mut other, "too late");
    assert_eq!(own.accept(self::own(&other)), Err(Refused::Full));
}

#[test]
fn a_page_that_lies_about_its_entries_is_put_right() {
    let (mut one, mut other) = (ledger(1), ledger(2));
    one.reigns(Epoch(1));
    for n in 0..39 {
        fact(&mut one, &format!("coin {n}"), "a value that is the same for all of them");
    }
    assert!(one.fold_stream(one.me(), 8, 40, 0));
    let bytes = one.pages().next().unwrap().encode();
    let mut taken = 0;
    for at in 0..bytes.len() {
        let mut lie = bytes.clone();
        lie[at] ^= 1;
        let mut third = ledger(3);
        let Ok(page) = page::Page::decode(&lie) else { continue };
        if third.accept_page(page).is_ok() {
            taken += 1;
            // Whatever it said of itself, this is what its entries come to, and its author signed them.
            assert!(third.pages().all(|page| page.is_true(&FactRules::default())));
            assert_eq!(third.digest(), one.digest());
            assert_eq!(third.unvouched(), []);
        } else {
            assert_eq!((third.len(), third.rows()), (0, 0));
        }
    }
    assert!(taken > 0);
    other.accept_page(page::Page::decode(&bytes).unwrap()).unwrap();
    assert_eq!(other.digest(), one.digest());
}

/// What is written with a tick is signed once, and is there when it is.
#[test]
fn a_round_is_in_one_page_unless_it_is_longer_than_one() {
    // The value says which round it is.
    let round = |fact: &Fact| fact.value.first().copied().unwrap_or_default().into();
    let rules = FactRules { group: round, ..FactRules::default() };
    for (each, shared) in [(90, 0), (900, 0), (5_000, 2)] {
        let mut host = Ledger::summed(session(), pen(1, 1), rules);
        host.reigns(Epoch(1));
        for number in 0..6_000 {
            let value = vec![(number / each) as u8, 7];
            let fact = Fact { key: format!("coin {number}").into(), value };
            host.note(WallTime(0), Body::Fact(fact)).unwrap();
            if number % 3 == 2 {
                host.sign();
            }
        }
        host.sign();
        while host.fold_stream(host.me(), 16, 2_048, 0) {}
        assert!(host.loose().count() < 16, "{} of rounds of {each}", host.loose().count());
        let mut pages_of: BTreeMap<u64, u64> = BTreeMap::new();
        for group in host.pages().flat_map(|page| page.groups()) {
            *pages_of.entry(*group).or_default() += 1;
        }
        let several = pages_of.values().filter(|pages| **pages > 1).count();
        assert!(several <= shared, "{several} rounds of {each} are in several pages");
    }
}

#[test]
fn what_is_noted_takes_effect_when_it_is_signed() {
    let (mut host, mut other) = (ledger(1), ledger(2));
    host.reigns(Epoch(1));
    for n in 0..4 {
        let fact = Fact { key: vec![n], value: vec![n] };
        host.note(WallTime(0), Body::Fact(fact)).unwrap();
    }
    assert_eq!((host.len(), host.counted_len()), (0, 0));
    let signed = host.sign();
    assert_eq!((host.len(), host.counted_len()), (5, 4));
    let with: Vec<bool> = signed.iter().map(|entry| entry.signature().is_some()).collect();
    assert_eq!(with, [true, false, false, false, true]);
    merge(&mut other, &host);
    assert_eq!(other.digest(), host.digest());
    assert_eq!(host.unvouched(), []);
}
