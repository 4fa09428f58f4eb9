#![expect(clippy::disallowed_types, reason = "rules that are wrong are what is looked for")]

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Deserialize;

use super::*;
use crate::{arena::Arena, game::Malformed, sim::tally::Tally};

/// What is wrong with the rules.
const NOTHING: u8 = 0;
const COUNTS_CALLS: u8 = 1;
const HAS_A_HASH_MAP: u8 = 2;
const PANICS: u8 = 3;
const BELIEVES_ALL: u8 = 4;
const DRIFTS: u8 = 5;
const KEEPS_THE_LAST: u8 = 6;
const FORGETS_A_HALF: u8 = 7;
const REFUSES_ITSELF: u8 = 8;
const SUMS_WRONG: u8 = 9;
const GROWS: u8 = 10;
const OUTLIVES: u8 = 11;
const TAKES_NOTHING_BACK: u8 = 12;
const NAMES_OTHER_GROUPS: u8 = 13;
const ASKS_THE_CLOCK: u8 = 14;
const DRAWN_ONCE: u8 = 15;
const DRAWS_GROUPS: u8 = 16;
const COUNTS_FOR_EVER: u8 = 17;

thread_local! {
    /// Which fault the rules have in this test. (A type for each would be compiled once for each.)
    static FAULT: Cell<u8> = const { Cell::new(NOTHING) };
}

/// A small game with one fault, or none.
#[derive(Clone, Debug)]
enum Faulty {}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct World {
    count: u64,
    /// Whose turn it is.
    turn: u8,
    points: [u8; 4],
    players: BTreeMap<NodeId, String>,
    unordered: HashMap<NodeId, u64>,
    long: Vec<u8>,
    /// What all facts come to, as far as it was heard of.
    kept: u64,
}

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Another number in each process.
static DRAWN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(7));

impl Game for Faulty {
    const RULES: &'static str = "faulty";
    type World = World;
    type Controls = (bool, u8);
    type Order = ();
    type Event = u64;
    type Scores = u64;

    fn new_world(seed: u64) -> World {
        World { count: seed, ..World::default() }
    }

    fn is_valid(world: &World) -> bool {
        match FAULT.get() {
            BELIEVES_ALL => true,
            REFUSES_ITSELF => world.count < 5,
            _ => usize::from(world.turn) < world.points.len(),
        }
    }

    fn step(world: &mut World, news: &[News<(bool, u8)>], events: &mut Vec<u64>) {
        for news in news {
            match news {
                News::Joined(id, name) => {
                    assert!(FAULT.get() != PANICS || name.as_str() != "X", "nobody is called X");
                    world.players.insert(*id, name.to_string());
                    if FAULT.get() == HAS_A_HASH_MAP {
                        world.unordered.insert(*id, world.count);
                    }
                }
                News::Left(id) => drop(world.players.remove(id)),
                News::Controls(_, (pressed, by)) if *pressed => {
                    let turn = usize::from(world.turn);
                    world.points[turn] = world.points[turn].wrapping_add(*by);
                    world.turn = (world.turn + 1) % 4;
                    world.count = world.count.wrapping_add(1);
                    events.push(world.count);
                }
                News::Controls(..) | News::Order(..) => {}
            }
        }
        match FAULT.get() {
            COUNTS_CALLS => world.count = CALLS.fetch_add(1, Ordering::Relaxed),
            OUTLIVES => world.count += CALLS.fetch_add(1, Ordering::Relaxed) / 100_000,
            DRAWN_ONCE => world.count ^= *DRAWN,
            COUNTS_FOR_EVER => world.kept = world.kept.checked_add(1).expect("no room to count on"),
            GROWS => world.long.resize(world.long.len() * 2 + 1, 7),
            _ => {}
        }
    }

    fn blend(_from: &World, to: &World, _part: u16) -> World {
        let count = if FAULT.get() == DRIFTS { to.count.wrapping_add(1) } else { to.count };
        World { count, ..to.clone() }
    }

    fn fact_of_event(_world: &World, event: &u64) -> Option<Fact> {
        Some(Fact { key: event.to_be_bytes().to_vec(), value: Vec::new() })
    }

    fn update_scores(scores: &mut u64, _at: u64, news: ScoreNews<'_>) {
        match news {
            ScoreNews::Counts(fact) if FAULT.get() == KEEPS_THE_LAST => {
                *scores = fact.key.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            }
            ScoreNews::Counts(_) => *scores += 1,
            ScoreNews::CountsNoMore(_) if FAULT.get() != TAKES_NOTHING_BACK => *scores -= 1,
            ScoreNews::SumCounts(sum, _) => *scores += u64::from(sum[0]),
            _ => {}
        }
    }

    fn fact_group(fact: &Fact) -> u64 {
        let (last, _) = fact.key.split_last().unwrap_or((&0, &[]));
        u64::from(*last % 2)
    }

    fn current_group(world: &World) -> Option<u64> {
        match FAULT.get() {
            NAMES_OTHER_GROUPS => Some(world.count | 2),
            DRAWS_GROUPS => Some(CALLS.fetch_add(1, Ordering::Relaxed)),
            _ => Some(world.count % 2),
        }
    }

    fn scores_into_world(world: &mut World, scores: &u64, now: u64, facts: &[Fact]) {
        // Whoever checks a host asks with the facts of another world, at no time.
        let own = Self::current_group(world);
        let given =
            |fact| FAULT.get() != NOTHING || now == 0 || Some(Self::fact_group(fact)) == own;
        assert!(facts.iter().all(given));
        let known = if FAULT.get() == ASKS_THE_CLOCK { now } else { *scores };
        world.kept = world.kept.max(known);
    }

    fn sum_up(facts: &[(u64, Fact)]) -> Vec<u8> {
        vec![facts.len() as u8 + u8::from(FAULT.get() == SUMS_WRONG)]
    }

    fn encode_difference(_predicted: &World, actual: &World, out: &mut Vec<u8>) {
        out.extend(encoded(actual).unwrap_or_default());
    }

    fn decode_difference(predicted: &World, input: &[u8]) -> Result<World, Malformed> {
        let (world, _) = postcard::take_from_bytes::<World>(input).map_err(|_| Malformed)?;
        match FAULT.get() {
            FORGETS_A_HALF => Ok(World { turn: predicted.turn, ..world }),
            _ => Ok(world),
        }
    }
}

/// What is found within a hundred seeds if the rules have this fault.
fn found(fault: u8) -> Flaw {
    FAULT.set(fault);
    check::<Faulty>(100).expect_err("it is not found").flaw
}

#[test]
fn rules_that_do_what_is_asked_pass_and_come_to_the_same_each_time() {
    let checked = check::<Faulty>(40).unwrap();
    assert_eq!((checked.seeds, checked.steps), (40, 40 * STEPS));
    assert!(checked.forged > 200, "{checked:?}");
    assert_eq!(check::<Faulty>(40).unwrap(), checked);
    assert_ne!(check::<Faulty>(41).unwrap().digest, checked.digest);
}

#[test]
fn the_game_that_ships_and_the_smallest_one_pass() {
    check::<Arena>(6).unwrap();
    check::<Tally>(40).unwrap();
}

#[test]
fn impure_rules_are_named() {
    assert_eq!(found(COUNTS_CALLS), Flaw::Impure { function: "step" });
    let outlives = found(OUTLIVES);
    let named = matches!(outlives, Flaw::Varies | Flaw::Impure { function: "step" });
    assert!(named, "{outlives}");
}

#[test]
fn a_hash_map_in_a_world_is_named() {
    let flaw = found(HAS_A_HASH_MAP);
    assert_eq!(flaw, Flaw::NoOrder);
    assert!(flaw.to_string().contains("use BTreeMap"), "{flaw}");
}

#[test]
fn a_step_that_panics_is_named_with_what_it_said() {
    FAULT.set(PANICS);
    let fault = check::<Faulty>(100).unwrap_err();
    let said = "nobody is called X".to_owned();
    assert_eq!(fault.flaw, Flaw::Panicked { function: "step", said });
    let told = format!("{fault:?}");
    assert!(
        told.starts_with(&format!("seed {}, step {}: `step` panicked", fault.seed, fault.step))
    );
}

#[test]
fn a_check_of_worlds_that_lets_all_through_is_named() {
    let flaw = found(BELIEVES_ALL);
    assert!(matches!(flaw, Flaw::Lies { function: "step", .. }), "{flaw}");
}

#[test]
fn a_number_that_grows_beyond_its_size_is_named() {
    let flaw = found(COUNTS_FOR_EVER);
    assert!(matches!(flaw, Flaw::Lies { function: "step", .. }), "{flaw}");
}

#[test]
fn rules_that_refuse_their_own_worlds_are_named() {
    assert!(matches!(found(REFUSES_ITSELF), Flaw::Refuses { .. }));
}

#[test]
fn what_is_shown_and_sent_otherwise_than_it_is_is_named() {
    assert_eq!(found(DRIFTS), Flaw::Drifts);
    assert_eq!(found(FORGETS_A_HALF), Flaw::Difference);
    assert!(matches!(found(GROWS), Flaw::TooLarge { .. }));
}

#[test]
fn scores_that_depend_on_an_order_and_sums_that_are_wrong_are_named() {
    assert_eq!(found(KEEPS_THE_LAST), Flaw::Order);
    assert_eq!(found(SUMS_WRONG), Flaw::Sum);
}

#[test]
fn scores_that_leave_something_behind_are_named() {
    assert_eq!(found(TAKES_NOTHING_BACK), Flaw::LeavesTraces);
}

#[test]
fn groups_to_which_nothing_belongs_or_that_are_drawn_are_named() {
    assert!(matches!(found(NAMES_OTHER_GROUPS), Flaw::Groups { facts: ASTRAY_MAX.. }));
    assert_eq!(found(DRAWS_GROUPS), Flaw::Impure { function: "current_group" });
}

#[test]
fn an_honest_host_that_would_be_accused_is_named() {
    assert_eq!(found(ASKS_THE_CLOCK), Flaw::Accuses);
}

#[test]
fn rules_that_are_pure_come_to_the_same_in_a_second_process() {
    let this = "sim::check::tests::rules_that_are_pure_come_to_the_same_in_a_second_process";
    let checked = check_across_processes::<Faulty>(this, 10).unwrap();
    assert_eq!(checked, check::<Faulty>(10).unwrap());
}

#[test]
fn what_is_drawn_once_in_a_process_shows_in_a_second_one_only() {
    let this = "sim::check::tests::what_is_drawn_once_in_a_process_shows_in_a_second_one_only";
    FAULT.set(DRAWN_ONCE);
    check::<Faulty>(10).unwrap();
    let fault = check_across_processes::<Faulty>(this, 10).unwrap_err();
    assert_eq!((fault.seed, fault.flaw), (0, Flaw::OtherProcess));
}

#[test]
fn a_second_process_that_does_not_know_the_test_is_told_of() {
    let fault = check_across_processes::<Faulty>("tests::nobody", 2).unwrap_err();
    let Flaw::NoSecondProcess { why } = fault.flaw else { panic!("{}", fault.flaw) };
    assert!(why.contains("has no test named \"tests::nobody\""), "{why}");
}
