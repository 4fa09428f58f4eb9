use std::time::Duration;

use super::*;
use crate::{
    accounts::{Own, Statement},
    config::{
        PAIRING_ANSWERED, PAIRING_COMPARED, PAIRING_REVEALED, PAIRING_TRIES_ALL_MAX,
        PAIRING_TRIES_FOR, PAIRING_TRIES_MAX,
    },
    keys::{Chance, SecretKey},
    text::Name,
    types::Instant,
};

const NOW: Instant = Instant(9_000_000);

/// One who compares, and what became of it.
struct One {
    key: SecretKey,
    /// The certificate that it shows.
    shows: Option<Statement>,
    machine: Pairing,
    told: Vec<Told>,
}

impl One {
    fn new(number: u8) -> Self {
        let machine = Pairing::new(Chance::new([number; 32]));
        let key = SecretKey::from_bytes(&[number; 32]);
        Self { key, shows: None, machine, told: Vec::new() }
    }

    fn id(&self) -> NodeId {
        self.key.public().id()
    }

    fn person(&self) -> Person {
        Person { machine: self.key.public(), certificate: self.shows.clone() }
    }

    /// What it says, and to whom. What it tells its person is kept.
    fn says(&mut self) -> Vec<(NodeId, Step)> {
        let mut said = Vec::new();
        while let Some(out) = self.machine.poll() {
            match out {
                Out::Say(to, step) => said.push((to, *step)),
                Out::Tell(_, told) => self.told.push(told),
            }
        }
        said
    }

    fn pair(&mut self, with: NodeId) {
        self.machine.pair(NOW, self.person(), with);
    }

    /// Its person wants to compare with whoever has asked.
    fn agrees(&mut self) {
        let (peer, stage) = self.machine.under_way().unwrap();
        assert_eq!(stage, Stage::Asked);
        self.pair(peer);
    }

    fn hear(&mut self, from: NodeId, step: Step) {
        self.machine.hear(NOW, self.person(), from, step);
    }

    /// What the person sees, if anything.
    fn code(&self) -> Option<Code> {
        match self.machine.under_way() {
            Some((_, Stage::Comparing { code, .. })) => Some(code),
            _ => None,
        }
    }

    fn last(&self) -> Option<Told> {
        self.told.last().copied()
    }
}

/// Carries what the two say, until they have nothing more to say.
fn talk(one: &mut One, other: &mut One) {
    loop {
        let (there, back) = (one.says(), other.says());
        if there.is_empty() && back.is_empty() {
            return;
        }
        there.into_iter().for_each(|(_, step)| other.hear(one.id(), step));
        back.into_iter().for_each(|(_, step)| one.hear(other.id(), step));
    }
}

/// Two who see their codes.
fn comparing() -> (One, One) {
    let (mut ada, mut bob) = (One::new(1), One::new(2));
    ada.pair(bob.id());
    talk(&mut ada, &mut bob);
    assert_eq!(bob.last(), Some(Told::Stage(Stage::Asked)));
    bob.agrees();
    talk(&mut ada, &mut bob);
    (ada, bob)
}

fn ended(why: Ended, by_them: bool) -> Option<Told> {
    Some(Told::Ended { why, by_them })
}

#[test]
fn two_who_say_that_they_see_the_same_remember_each_others_keys() {
    let (mut ada, mut bob) = comparing();
    assert!(ada.code().is_some());
    assert_eq!(ada.code(), bob.code());
    ada.machine.compared(true);
    ada.machine.compared(true);
    talk(&mut ada, &mut bob);
    assert!(matches!(ada.last(), Some(Told::Stage(Stage::Comparing { said: true, .. }))));
    bob.machine.compared(true);
    talk(&mut ada, &mut bob);
    assert_eq!(ada.last(), Some(Told::Paired(bob.key.public())));
    assert_eq!(bob.last(), Some(Told::Paired(ada.key.public())));
    assert_eq!((ada.machine.under_way(), bob.machine.under_way()), (None, None));
}

#[test]
fn nothing_is_remembered_if_one_of_the_two_says_that_it_differs() {
    for ada_first in [true, false] {
        let (mut ada, mut bob) = comparing();
        if ada_first {
            ada.machine.compared(true);
            talk(&mut ada, &mut bob);
        }
        bob.machine.compared(false);
        talk(&mut ada, &mut bob);
        assert_eq!(bob.last(), ended(Ended::Differs, false));
        assert_eq!(ada.last(), ended(Ended::Differs, true));
    }
}

/// Both want to compare, and one of the two programs agrees to it once more, late.
#[test]
fn whoever_agrees_to_compare_has_not_said_that_it_is_the_same() {
    let (mut ada, mut bob) = comparing();
    ada.pair(bob.id());
    bob.pair(ada.id());
    talk(&mut ada, &mut bob);
    for one in [&ada, &bob] {
        let (_, stage) = one.machine.under_way().unwrap();
        assert!(matches!(stage, Stage::Comparing { said: false, .. }), "{stage:?}");
    }
    // Nor does whoever says that something is the same agree to anything.
    let (mut eve, mut dan) = (One::new(3), One::new(4));
    eve.pair(dan.id());
    talk(&mut eve, &mut dan);
    dan.machine.compared(true);
    assert_eq!(dan.machine.under_way(), Some((eve.id(), Stage::Asked)));
}

#[test]
fn whoever_does_not_want_to_says_so_and_whoever_asked_may_think_better_of_it() {
    for asked in [true, false] {
        let (mut ada, mut bob) = (One::new(1), One::new(2));
        ada.pair(bob.id());
        talk(&mut ada, &mut bob);
        let (one, other) = if asked { (&mut bob, &mut ada) } else { (&mut ada, &mut bob) };
        one.machine.compared(false);
        talk(one, other);
        assert_eq!(one.last(), ended(Ended::Refused, false));
        assert_eq!(other.last(), ended(Ended::Refused, true));
        // Nor does it mean anything to say that something is the same that nobody sees.
        one.machine.compared(true);
        assert!(one.says().is_empty());
    }
}

#[test]
fn two_who_ask_each_other_at_once_compare_once() {
    let (mut ada, mut bob) = (One::new(1), One::new(2));
    ada.pair(bob.id());
    bob.pair(ada.id());
    talk(&mut ada, &mut bob);
    assert!(ada.code().is_some());
    assert_eq!(ada.code(), bob.code());
    for one in [&mut ada, &mut bob] {
        one.machine.compared(true);
    }
    talk(&mut ada, &mut bob);
    assert_eq!(ada.last(), Some(Told::Paired(bob.key.public())));
    assert_eq!(bob.last(), Some(Told::Paired(ada.key.public())));
}

#[test]
fn of_an_account_its_key_is_remembered_and_no_certificate_of_others_passes() {
    let (mut ada, mut bob) = (One::new(1), One::new(2));
    let account = SecretKey::from_bytes(&[77; 32]);
    let mut own = Own::new(account.clone(), bob.key.public(), 3);
    own.be_called(&Name::new("Bob"), None).unwrap();
    bob.shows = Statement::certificate(own.statements(), &bob.key.public()).cloned();
    ada.pair(bob.id());
    talk(&mut ada, &mut bob);
    bob.agrees();
    talk(&mut ada, &mut bob);
    assert!(ada.code().is_some() && ada.code() == bob.code());
    for one in [&mut ada, &mut bob] {
        one.machine.compared(true);
    }
    talk(&mut ada, &mut bob);
    assert_eq!(ada.last(), Some(Told::Paired(account.public())));

    // Eve has seen it, and shows it for her own machine.
    let mut eve = One::new(3);
    eve.shows = bob.shows.clone();
    ada.told.clear();
    eve.pair(ada.id());
    talk(&mut eve, &mut ada);
    assert_eq!(eve.last(), ended(Ended::Broken, true));
    assert_eq!(ada.told, [], "her person is not even asked");
    // Nor does she answer as Bob.
    ada.pair(eve.id());
    talk(&mut eve, &mut ada);
    eve.agrees();
    talk(&mut eve, &mut ada);
    assert_eq!(ada.last(), ended(Ended::Broken, false));
    // An account that is no more is shown by nobody, nor for another machine than its own.
    assert_eq!(Statement::certificate(own.statements(), &ada.key.public()), None);
    own.delete().unwrap();
    assert_eq!(Statement::certificate(own.statements(), &bob.key.public()), None);
}

#[test]
fn both_accounts_and_both_machines_are_part_of_the_code() {
    let (ada, bob) = (One::new(1).person(), One::new(2).person());
    let certified = |person: &Person, account: u8| {
        let own = Own::new(SecretKey::from_bytes(&[account; 32]), person.machine, 1);
        let certificate = Statement::certificate(own.statements(), &person.machine).cloned();
        Person { certificate, ..person.clone() }
    };
    let (x, y) = ([5; 32], [6; 32]);
    let all = [
        code((&ada, &x), (&bob, &y)),
        code((&bob, &x), (&ada, &y)),
        code((&ada, &y), (&bob, &x)),
        code((&certified(&ada, 8), &x), (&bob, &y)),
        code((&certified(&ada, 9), &x), (&bob, &y)),
        code((&ada, &x), (&certified(&bob, 8), &y)),
        code((&One::new(3).person(), &x), (&bob, &y)),
        code((&ada, &x), (&One::new(3).person(), &y)),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(one), "{all:?}");
    }
}

#[test]
fn a_number_that_was_changed_after_the_commitment_is_refused_on_both_sides() {
    let (mut eve, mut bob) = (One::new(3), One::new(2));
    eve.pair(bob.id());
    talk(&mut eve, &mut bob);
    bob.agrees();
    for (_, step) in bob.says() {
        eve.hear(bob.id(), step);
    }
    for (_, step) in eve.says() {
        let Step::Reveal { run, mut nonce } = step else { panic!("{step:?}") };
        nonce[31] ^= 1;
        bob.hear(eve.id(), Step::Reveal { run, nonce });
    }
    assert_eq!(bob.code(), None);
    talk(&mut eve, &mut bob);
    assert_eq!(bob.last(), ended(Ended::Broken, false));
    assert_eq!(eve.last(), ended(Ended::Broken, true));
}

#[test]
fn what_one_has_committed_to_towards_somebody_is_nothing_to_anybody_else() {
    let nonce = [7; 32];
    let (ada, bob, eve) = (One::new(1), One::new(2), One::new(3));
    let own = commitment(&ada.person(), bob.id(), &nonce);
    assert_ne!(own, commitment(&eve.person(), bob.id(), &nonce), "under another key");
    assert_ne!(own, commitment(&ada.person(), eve.id(), &nonce), "towards another node");
}

#[test]
fn where_no_more_people_can_be_remembered_the_other_side_is_told_so_and_nobody_is_suspected() {
    let (mut ada, mut bob) = (One::new(1), One::new(2));
    ada.pair(bob.id());
    talk(&mut ada, &mut bob);
    for (mut ada, mut bob) in [(ada, bob), comparing()] {
        bob.machine.full();
        talk(&mut ada, &mut bob);
        assert_eq!((ada.last(), bob.last()), (ended(Ended::Full, true), ended(Ended::Full, false)));
        assert_eq!((ada.machine.under_way(), bob.machine.under_way()), (None, None));
    }
}

#[test]
fn offers_and_answers_in_the_name_of_others_and_out_of_turn_are_nothing() {
    let (mut ada, mut bob, mut eve) = (One::new(1), One::new(2), One::new(3));
    ada.pair(bob.id());
    let offer = ada.says().remove(0).1;
    // Somebody passes on what was said to it, as it was.
    bob.hear(eve.id(), offer.clone());
    assert_eq!(bob.says().len(), 1, "which is that it is refused");
    assert!(bob.told.is_empty());
    // Nor does anybody speak in the middle of what others say.
    bob.hear(ada.id(), offer.clone());
    bob.agrees();
    let answer = bob.says().remove(0).1;
    let Step::Offer { run, .. } = offer else { panic!() };
    for step in [
        Step::Reveal { run, nonce: [0; 32] },
        Step::Same { run },
        Step::End { run, why: Ended::Differs },
        answer.clone(),
    ] {
        bob.hear(eve.id(), step.clone());
        ada.hear(eve.id(), step);
    }
    for step in [Step::Same { run }, Step::Reveal { run: run ^ 1, nonce: [0; 32] }] {
        bob.hear(ada.id(), step);
    }
    ada.hear(bob.id(), answer);
    talk(&mut ada, &mut bob);
    assert!(ada.code().is_some() && ada.code() == bob.code());
    // Whoever is busy says so to others.
    eve.pair(bob.id());
    talk(&mut eve, &mut bob);
    assert_eq!(eve.last(), ended(Ended::Busy, true));
    bob.pair(eve.id());
    bob.says();
    assert_eq!(bob.last(), ended(Ended::Busy, false));
    assert!(bob.code().is_some(), "and goes on with the other one");
}

#[test]
fn nobody_waits_for_ever() {
    let pass = |one: &mut One, span: Duration| {
        one.machine.pass(NOW + (span - Duration::from_millis(1)));
        assert!(one.machine.under_way().is_some());
        one.machine.pass(NOW + span);
        let said = one.says();
        assert!(matches!(said[..], [(_, Step::End { why: Ended::Late, .. })]), "{said:?}");
        assert_eq!(one.last(), ended(Ended::Late, false));
    };
    let (mut ada, mut bob) = (One::new(1), One::new(2));
    ada.pair(bob.id());
    for (_, step) in ada.says() {
        bob.hear(ada.id(), step);
    }
    bob.says();
    pass(&mut ada, PAIRING_ANSWERED);
    pass(&mut bob, PAIRING_ANSWERED);
    let (mut ada, mut bob) = comparing();
    pass(&mut ada, PAIRING_COMPARED);
    pass(&mut bob, PAIRING_COMPARED);
    // A machine that has seen the other's number and says nothing more is not waited for as people are.
    let (mut ada, mut bob) = (One::new(1), One::new(2));
    ada.pair(bob.id());
    for (_, step) in ada.says() {
        bob.hear(ada.id(), step);
    }
    bob.agrees();
    bob.says();
    pass(&mut bob, PAIRING_REVEALED);
}

#[test]
fn a_link_that_is_gone_ends_it() {
    let (mut ada, bob) = comparing();
    ada.machine.part(One::new(9).id());
    assert!(ada.code().is_some());
    ada.machine.part(bob.id());
    ada.says();
    assert_eq!(ada.last(), ended(Ended::Gone, false));
}

#[test]
fn there_are_few_tries_in_a_minute_with_one_and_with_all() {
    let mut bob = One::new(2);
    let attempt = |bob: &mut One, eve: &mut One, now: Instant| {
        eve.machine = Pairing::new(Chance::new([9; 32])); // which heeds no limit
        eve.machine.pair(now, eve.person(), bob.id());
        let offer = eve.says().remove(0).1;
        bob.machine.hear(now, bob.person(), eve.id(), offer);
        let asked = bob.machine.under_way().is_some();
        bob.machine.compared(false);
        bob.says();
        asked
    };
    let mut eve = One::new(3);
    for _ in 0..PAIRING_TRIES_MAX {
        assert!(attempt(&mut bob, &mut eve, NOW));
    }
    assert!(!attempt(&mut bob, &mut eve, NOW));
    // Nor does it help that the person here is brought to ask.
    bob.pair(eve.id());
    bob.says();
    assert_eq!(bob.last(), ended(Ended::TooOften, false));
    // Whoever comes under ever new keys is not let through either.
    let through = (10..100).filter(|number| attempt(&mut bob, &mut One::new(*number), NOW)).count();
    assert_eq!(through, PAIRING_TRIES_ALL_MAX - PAIRING_TRIES_MAX);
    // The person here can ask others all the same.
    bob.pair(One::new(200).id());
    bob.says();
    assert_eq!(bob.last(), Some(Told::Stage(Stage::Asking)));
    bob.machine.compared(false);
    bob.says();
    assert!(attempt(&mut bob, &mut eve, NOW + PAIRING_TRIES_FOR));
}

/// So many codes there are in the tests of whoever stands in the middle: few, so that a rate shows.
const FEW: u32 = 64;

/// So often it is tried.
const TIMES: u32 = 4_000;

/// So many hashes it computes each time: with as many it could find any code, if only it might choose its
/// number last.
const HASHES: u32 = 8 * FEW;

fn few(code: Code) -> u32 {
    code.number() % FEW
}

/// One who stands between two, towards each of whom it is the other one.
struct Between {
    to_ada: SecretKey,
    to_bob: SecretKey,
    chance: Chance,
}

impl Between {
    fn new(seed: u32) -> Self {
        let mut bytes = [0xee; 32];
        bytes[..4].copy_from_slice(&seed.to_be_bytes());
        let mut chance = Chance::new(bytes);
        let (to_ada, to_bob) = (SecretKey::draw(&mut chance), SecretKey::draw(&mut chance));
        Self { to_ada, to_bob, chance }
    }

    fn person(key: &SecretKey) -> Person {
        Person { machine: key.public(), certificate: None }
    }

    /// A number with which something is as it wants it; any, if there is none among so many.
    fn search(&mut self, fits: impl Fn(&Nonce) -> bool) -> Nonce {
        let mut nonce: Nonce = self.chance.bytes();
        for _ in 0..HASHES {
            if fits(&nonce) {
                return nonce;
            }
            nonce = self.chance.bytes();
        }
        nonce
    }
}

/// Ada asks, and whoever is between answers her as Bob; then it asks Bob as Ada, with all that it knows by
/// then. Whether both see the same.
fn asks_after(ada: &mut One, bob: &mut One, between: &mut Between) -> bool {
    let (to_ada, to_bob) = (Between::person(&between.to_ada), Between::person(&between.to_bob));
    ada.pair(to_ada.machine.id());
    let Step::Offer { run, .. } = ada.says().remove(0).1 else { panic!() };
    // It has to name a number before Ada names hers. Whichever it likes best.
    let nonce = between.search(|nonce| nonce[0] == 0);
    ada.hear(to_ada.machine.id(), Step::Answer { run, who: to_ada.clone(), nonce });
    let Step::Reveal { nonce: of_ada, .. } = ada.says().remove(0).1 else { panic!() };
    let seen = few(ada.code().unwrap());
    assert_eq!(seen, few(code((&ada.person(), &of_ada), (&to_ada, &nonce))));
    // It knows what Ada sees, and has to commit itself before Bob names his number. It takes one that would
    // be the right one if Bob's were some number or other.
    let (person, guess) = (bob.person(), [0; 32]);
    let mine = between.search(|mine: &Nonce| few(code((&to_bob, mine), (&person, &guess))) == seen);
    let commitment = commitment(&to_bob, bob.id(), &mine);
    bob.hear(to_bob.machine.id(), Step::Offer { run: 1, who: to_bob.clone(), commitment });
    bob.agrees();
    bob.says();
    bob.hear(to_bob.machine.id(), Step::Reveal { run: 1, nonce: mine });
    few(bob.code().unwrap()) == seen
}

/// It begins with Bob, whose code it knows before he does; then Ada asks it.
fn asks_before(ada: &mut One, bob: &mut One, between: &mut Between) -> bool {
    let (to_ada, to_bob) = (Between::person(&between.to_ada), Between::person(&between.to_bob));
    let mine: Nonce = between.chance.bytes();
    let promised = commitment(&to_bob, bob.id(), &mine);
    bob.hear(
        to_bob.machine.id(),
        Step::Offer { run: 1, who: to_bob.clone(), commitment: promised },
    );
    bob.agrees();
    let Step::Answer { nonce: of_bob, .. } = bob.says().remove(0).1 else { panic!() };
    let seen = few(code((&to_bob, &mine), (&bob.person(), &of_bob)));
    ada.pair(to_ada.machine.id());
    let Step::Offer { run, .. } = ada.says().remove(0).1 else { panic!() };
    // The best answer, if Ada's number were some number or other: her commitment says nothing of it.
    let (person, guess) = (ada.person(), [0; 32]);
    let nonce =
        between.search(|nonce: &Nonce| few(code((&person, &guess), (&to_ada, nonce))) == seen);
    ada.hear(to_ada.machine.id(), Step::Answer { run, who: to_ada.clone(), nonce });
    bob.hear(to_bob.machine.id(), Step::Reveal { run: 1, nonce: mine });
    few(ada.code().unwrap()) == few(bob.code().unwrap())
}

/// How often whoever stands in the middle succeeds.
fn successes(attack: fn(&mut One, &mut One, &mut Between) -> bool) -> u32 {
    let mut successes = 0;
    for time in 0..TIMES {
        let mut seed = [0x5a; 32];
        seed[..4].copy_from_slice(&time.to_be_bytes());
        let (mut ada, mut bob) = (One::new(1), One::new(2));
        ada.machine = Pairing::new(Chance::new(seed));
        seed[31] = 0;
        bob.machine = Pairing::new(Chance::new(seed));
        successes += u32::from(attack(&mut ada, &mut bob, &mut Between::new(time)));
    }
    successes
}

/// Five times what chance scatters.
fn is_chance(successes: u32) -> bool {
    let expected = f64::from(TIMES) / f64::from(FEW);
    (f64::from(successes) - expected).abs() < 5.0 * expected.sqrt()
}

#[test]
fn whoever_stands_in_the_middle_succeeds_no_better_than_chance_however_much_it_computes() {
    for attack in [asks_after, asks_before] {
        let successes = successes(attack);
        assert!(is_chance(successes), "{successes} of {TIMES}, with {FEW} codes");
    }
}

/// That the one above is told from chance at all: where nobody commits to anything, the same one with the same
/// hashes succeeds each time.
#[test]
fn without_a_commitment_the_same_one_would_always_succeed() {
    let attack = |ada: &mut One, bob: &mut One, between: &mut Between| {
        let (to_ada, to_bob) = (Between::person(&between.to_ada), Between::person(&between.to_bob));
        let (of_ada, of_bob): (Nonce, Nonce) = (between.chance.bytes(), between.chance.bytes());
        let nonce = between.chance.bytes();
        let seen = few(code((&ada.person(), &of_ada), (&to_ada, &nonce)));
        let person = bob.person();
        // It chooses last.
        let mine =
            between.search(|mine: &Nonce| few(code((&to_bob, mine), (&person, &of_bob))) == seen);
        few(code((&to_bob, &mine), (&person, &of_bob))) == seen
    };
    let successes = successes(attack);
    assert!(successes > TIMES * 99 / 100 && !is_chance(successes), "{successes} of {TIMES}");
}

#[test]
fn all_that_is_said_is_written_and_read_back() {
    let own = Own::new(SecretKey::from_bytes(&[7; 32]), One::new(1).key.public(), 2);
    let certificate = Statement::certificate(own.statements(), &One::new(1).key.public()).cloned();
    let who = Person { certificate, ..One::new(1).person() };
    for step in [
        Step::Offer { run: u64::MAX, who, commitment: [1; 32] },
        Step::Answer { run: 0, who: One::new(2).person(), nonce: [2; 32] },
        Step::Reveal { run: 1, nonce: [255; 32] },
        Step::Same { run: 1 },
        Step::End { run: 1, why: Ended::TooOften },
    ] {
        let text = serde_json::to_string(&step).unwrap();
        assert!(text.len() < 1_000, "{text}");
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
    }
}
