use std::time::Instant;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    keys::{Chance, SecretKey},
    ledger::{
        body::Body,
        entry::{EntryId, WallTime, Writer},
        vouching::Pen,
    },
    types::{Epoch, Incarnation, SessionId, Term},
};

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32])
}

fn called(account: u8, name: &str, revision: u64) -> Statement {
    Statement::new(&key(account), Claim::Called { name: Name::new(name), colour: 3, revision })
}

fn certifies(account: u8, machine: u8, turn: u64) -> Statement {
    Statement::new(&key(account), Claim::Certifies { machine: key(machine).public(), turn })
}

fn strikes(account: u8, machine: u8) -> Statement {
    Statement::new(&key(account), Claim::Strikes { machine: key(machine).public().id() })
}

fn by(machine: u8, statement: Statement) -> Heard {
    Heard::by(key(machine).public().id(), statement)
}

fn place(index: u64) -> Option<Place> {
    let term = Term { epoch: Epoch(1), host: NodeId::from_u128(1), incarnation: Incarnation(1) };
    Some(Place { term, index, position: 0 })
}

fn all_of(heard: impl IntoIterator<Item = Heard>) -> Accounts {
    let mut accounts = Accounts::default();
    heard.into_iter().for_each(|heard| accounts.hear(heard).unwrap());
    accounts
}

fn id(machine: u8) -> NodeId {
    key(machine).public().id()
}

#[test]
fn a_name_until_the_name_is_known_loses_to_any_that_was_given() {
    let named = |key: u8, name: &str| {
        let mut own = Own::new(
            SecretKey::from_bytes(&[key; 32]),
            SecretKey::from_bytes(&[9; 32]).public(),
            1,
        );
        own.be_called(&Name::new(name), None).unwrap();
        own
    };
    for key in 1..20 {
        let given = named(key, "Cleo");
        let mut recalled = Own::new(
            SecretKey::from_bytes(&[key; 32]),
            SecretKey::from_bytes(&[8; 32]).public(),
            1,
        );
        recalled.be_called_until_known(&Name::new("Laptop")).unwrap();
        assert_eq!(recalled.called().unwrap().0.as_str(), "Laptop");
        let mut accounts = Accounts::default();
        for statement in recalled.statements().iter().chain(given.statements()) {
            accounts.hear(Heard::by(given.account().id(), statement.clone())).unwrap();
        }
        let account = accounts.get(&given.account()).unwrap();
        assert_eq!(account.name().map(Name::as_str), Some("Cleo"));
        recalled.learn(given.statements().iter().cloned());
        recalled.be_called_until_known(&Name::new("Laptop")).unwrap();
        assert_eq!(recalled.called().unwrap().0.as_str(), "Cleo");
    }
}

#[test]
fn a_statement_is_read_as_it_was_written_and_proves_who_made_it() {
    for statement in [
        called(1, "Ada", 2),
        certifies(1, 11, 1),
        strikes(1, 11),
        Statement::new(&key(1), Claim::Formerly { id: NodeId::from_u128(5) }),
        Statement::new(&key(1), Claim::Deleted),
    ] {
        let entry = entry(11, statement.body());
        assert_eq!(Statement::of(&entry), Some(statement.clone()));
        assert_eq!(statement.verify(), Ok(()));
        let line = serde_json::to_string(&statement).unwrap();
        assert_eq!(serde_json::from_str::<Statement>(&line).unwrap(), statement);
        let another = Statement { account: key(2).public(), ..statement.clone() };
        assert_eq!(another.verify(), Err(Forged));
        let twisted = Statement { claim: Claim::Strikes { machine: id(3) }, ..statement };
        assert_eq!(twisted.verify(), Err(Forged));
    }
}

#[test]
fn the_last_name_counts_and_what_nobody_said_does_not() {
    let mut accounts = all_of([by(11, called(1, "Countess", 2)), by(11, called(1, "Ada", 1))]);
    let forged = Statement { account: key(1).public(), ..called(2, "Mallory", 9) };
    assert_eq!(accounts.hear(by(12, forged)), Err(Forged));
    assert_eq!(accounts.get(&key(1).public()).unwrap().name(), Some(&Name::new("Countess")));
}

#[test]
fn one_person_is_all_its_machines() {
    let accounts = all_of([
        by(11, called(1, "Ada", 1)),
        by(11, certifies(1, 11, 1)),
        by(12, certifies(1, 12, 1)),
    ]);
    let ada = key(1).public().id();
    assert_eq!([11, 12, 13].map(|machine| accounts.person(id(machine))), [ada, ada, id(13)]);
    assert_eq!(accounts.name_of(id(12)), Some("Ada"));
}

#[test]
fn nobody_makes_the_machine_of_somebody_else_its_own() {
    let accounts = all_of([by(11, certifies(1, 11, 1)), by(12, certifies(2, 11, 9))]);
    assert_eq!(accounts.of_machine(id(11)), Some(key(1).public()));
}

#[test]
fn a_machine_speaks_for_the_last_account_that_it_took() {
    let accounts = all_of([by(11, certifies(2, 11, 2)), by(11, certifies(1, 11, 1))]);
    assert_eq!(accounts.of_machine(id(11)), Some(key(2).public()));
}

#[test]
fn a_machine_is_struck_off_by_its_own_account_alone() {
    let said = [by(11, certifies(1, 11, 1)), by(12, certifies(2, 12, 1)), by(13, strikes(1, 12))];
    let accounts = all_of(said.clone());
    assert_eq!(accounts.struck(), BTreeSet::new());
    let accounts = all_of(said.into_iter().chain([by(13, strikes(1, 11))]));
    assert_eq!(accounts.struck(), BTreeSet::from([id(11)]));
    // What it says of itself afterwards changes nothing.
    let again = by(11, certifies(1, 11, 1));
    let mut later = accounts.clone();
    later.hear(again).unwrap();
    assert_eq!(later, accounts);
}

#[test]
fn an_account_that_is_deleted_is_somebody_whatever_it_says_later() {
    let accounts = all_of([
        by(11, Statement::new(&key(1), Claim::Deleted)),
        by(11, certifies(1, 11, 1)),
        by(11, called(1, "Ada", 7)),
    ]);
    let account = accounts.get(&key(1).public()).unwrap();
    assert_eq!((account.name(), account.colour()), (None, None));
    assert_eq!(accounts.name_of(id(11)), Some(SOMEBODY));
    assert!(accounts.listed("").is_empty());
}

#[test]
fn an_id_of_before_is_whose_claim_has_the_first_place_and_one_of_a_key_is_nobody_elses() {
    let old = NodeId::from_u128(0x4000_8000_0000_0000_0005);
    let claims = |account: u8, id, index| {
        let statement = Statement::new(&key(account), Claim::Formerly { id });
        Heard { place: place(index), ..by(10 + account, statement) }
    };
    let accounts = all_of([claims(1, old, 9), claims(2, old, 4), claims(3, old, 5)]);
    assert_eq!(accounts.of_machine(old), Some(key(2).public()));
    // Without a place it comes after all that have one.
    let accounts = all_of([Heard { place: None, ..claims(1, old, 0) }, claims(2, old, 4)]);
    assert_eq!(accounts.of_machine(old), Some(key(2).public()));
    // Whoever repeats a claim in a later entry makes it no later.
    let entry = |number| Some(EntryId { writer: writer(15), number });
    let accounts = all_of([
        Heard { entry: entry(1), ..claims(2, old, 4) },
        Heard { entry: entry(2), ..claims(2, old, 9) },
        claims(1, old, 5),
    ]);
    assert_eq!(accounts.of_machine(old), Some(key(2).public()));
    let accounts = all_of([claims(1, id(20), 1)]);
    assert_eq!(accounts.of_machine(id(20)), None);
}

#[test]
fn two_of_one_name_are_told_apart_and_nobody_else() {
    let accounts = all_of([
        by(11, certifies(1, 11, 1)),
        by(12, certifies(2, 12, 1)),
        by(13, certifies(2, 13, 1)),
    ]);
    let mark = |account: u8| Mark::of(key(account).public().id());
    let shown = told_apart([(id(11), "Ada"), (id(12), "Ada"), (id(14), "Ben")], &accounts);
    assert_eq!(shown[&id(11)], format!("Ada\u{b7}{}", mark(1)));
    assert_eq!(shown[&id(12)], format!("Ada\u{b7}{}", mark(2)));
    assert_eq!(shown[&id(14)], "Ben");
    // Two machines of one account play against each other.
    let shown = told_apart([(id(12), "Ada"), (id(13), "Ada")], &accounts);
    assert_eq!(shown[&id(12)], format!("Ada\u{b7}{}\u{b7}{}", mark(2), Mark::of(id(12))));
    assert_ne!(shown[&id(12)], shown[&id(13)]);
}

#[test]
fn a_mark_is_two_syllables_and_seldom_anybody_elses() {
    let marks: BTreeSet<String> = (0..100).map(|number| Mark::of(id(number)).to_string()).collect();
    assert!(marks.len() >= 98, "{}", marks.len());
    for mark in &marks {
        let letters: Vec<bool> = mark.chars().map(|c| "aeiou".contains(c)).collect();
        assert_eq!(letters, [false, true, false, true], "{mark}");
    }
}

#[test]
fn what_a_ledger_says_already_need_not_be_said_again() {
    let said = [by(11, called(1, "Ada", 2)), by(11, certifies(1, 11, 1))];
    let accounts = all_of(said.clone());
    let me = id(11);
    assert!(said.iter().all(|heard| accounts.knows(&heard.statement, me)));
    assert!(accounts.knows(&called(1, "Ada", 1), me), "it has another name by now");
    assert!(!accounts.knows(&called(1, "Countess", 3), me));
    assert!(!accounts.knows(&certifies(1, 12, 1), id(12)));
    assert!(accounts.knows(&certifies(1, 12, 1), me), "it is not this machine's to say");
    assert!(!accounts.knows(&strikes(1, 12), me));
}

#[test]
fn a_list_is_filtered_by_name_and_mark_and_comes_in_pages() {
    let names = ["Ada", "Ben", "ada", "Ada", "Cleo"];
    let said = (1..).zip(names).map(|(number, name)| by(number, called(number, name, 1)));
    let accounts = all_of(said);
    let shown = |filter: &str| -> Vec<String> {
        accounts.listed(filter).iter().map(Listed::shown).collect()
    };
    assert_eq!(shown("").len(), 5);
    assert_eq!((shown("be"), shown("BEN ")), (vec!["Ben".to_owned()], vec!["Ben".to_owned()]));
    let adas = shown("ada");
    assert_eq!(adas.len(), 3);
    assert_eq!(adas.iter().filter(|name| name.starts_with("Ada\u{b7}")).count(), 2);
    let mark = Mark::of(key(5).public().id());
    assert_eq!(shown(mark.as_str()), ["Cleo"]);
    assert_eq!(shown(&format!("cleo\u{b7}{mark}")), ["Cleo"]);
    let half = &mark.as_str()[..2];
    let found = shown(half);
    assert!("cleo".contains(half) || !found.contains(&"Cleo".to_owned()), "half a mark is none");
    let all = accounts.listed("");
    assert_eq!([1, 2, 3, 4].map(|page| page_of(&all, page, 2).len()), [2, 2, 1, 0]);
    assert_eq!((page_of(&all, 0, 2).len(), page_of(&all, usize::MAX, 2).len()), (2, 0));
}

fn entry(machine: u8, body: Body) -> Entry {
    let mut ledger = Ledger::new(SessionId(Uuid::from_u128(1)), pen(machine));
    Entry::clone(&ledger.write(WallTime(0), body).unwrap())
}

fn writer(machine: u8) -> Writer {
    pen(machine).writer()
}

fn pen(machine: u8) -> Pen {
    Pen::new(key(machine), Incarnation(u64::from(machine)))
}

/// Ten thousand people have met in one session. The bound is one that a busy machine keeps, too; on a
/// free one it is a quarter of it and less.
#[test]
#[expect(clippy::disallowed_methods, reason = "it is measured")]
fn ten_thousand_are_listed_at_once() {
    let session = SessionId(Uuid::from_u128(1));
    let mut ledger = Ledger::new(session, pen(1));
    let mut chance = Chance::new([5; 32]);
    for number in 0..10_000 {
        let account = SecretKey::draw(&mut chance);
        let name = Name::new(&format!("player {}", number % 9_000));
        let statement = Statement::new(&account, Claim::Called { name, colour: 1, revision: 1 });
        ledger.note(WallTime(0), statement.body()).unwrap();
    }
    ledger.sign();
    let start = Instant::now();
    let mut accounts = Accounts::default();
    heard_in(&ledger).for_each(|heard| accounts.believe(heard));
    let all = accounts.listed("");
    let page = page_of(&all, 400, 25);
    let forged = accounts.forged_among(page.iter().map(|one| *one.key));
    let took = start.elapsed();
    assert_eq!((all.len(), page.len(), forged.len()), (10_000, 25, 0));
    let some = accounts.listed("player 123");
    assert_eq!(some.len(), 12);
    println!("10,000 accounts folded, sorted and a page of them checked in {took:?}");
    assert!(took.as_millis() < 1_000, "{took:?}");
}

fn anything() -> impl Strategy<Value = Heard> {
    let small = 1..4_u8;
    (small.clone(), small, 0..8_u8, 0..4_u64).prop_map(|(account, machine, what, number)| {
        let machine = machine + 10;
        let statement = match what {
            0 | 1 => called(account, if number % 2 == 0 { "Ada" } else { "Ben" }, number / 2),
            2 | 3 => certifies(account, machine, number / 2),
            4 => certifies(account, 11, number),
            5 => strikes(account, machine),
            6 => {
                let claim = Claim::Formerly { id: NodeId::from_u128(u128::from(number / 2) + 1) };
                let statement = Statement::new(&key(account), claim);
                return Heard { place: place(number), ..by(machine, statement) };
            }
            _ => Statement::new(&key(account), Claim::Deleted),
        };
        by(machine, statement)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_matters_neither_in_which_order_statements_are_heard_nor_how_often(
        (said, mixed) in proptest::collection::vec(anything(), 0..24).prop_flat_map(|said| {
            let twice = [said.clone(), said.clone()].concat();
            (Just(said), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(all_of(said), all_of(mixed));
    }
}

#[test]
fn a_machine_without_the_key_of_its_account_speaks_for_it_and_changes_nothing() {
    let machine = key(11).public();
    let mut own = Own::new(key(1), machine, 1);
    own.be_called(&Name::new("Ada"), Some(4)).unwrap();
    own.be_called(&Name::new("Ada"), None).unwrap();
    assert_eq!(own.called(), Some((&Name::new("Ada"), 4)));
    own.be_called(&Name::new("Countess"), None).unwrap();
    assert_eq!(own.called(), Some((&Name::new("Countess"), 4)));
    assert_eq!(own.statements().len(), 2, "only the last name is kept");
    let mut own = own.without_secret();
    assert_eq!(own.strike(id(11)), Err(NotHere));
    assert_eq!(own.be_called(&Name::new("Ben"), None), Err(NotHere));
    let again = Own::restored(None, own.statements().to_vec()).unwrap();
    assert_eq!((again.account(), again.turn(machine)), (key(1).public(), 1));
    let mixed = [own.statements().to_vec(), vec![called(2, "Ben", 1)]].concat();
    assert!(Own::restored(None, mixed).is_none());
    assert!(Own::restored(Some(key(2)), own.statements().to_vec()).is_none());
}
