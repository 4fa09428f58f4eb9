use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::*;
use crate::{
    arena::{self, Arena},
    game::{Fact, News, ScoreNews},
    sim::tally::Tally,
    types::Role,
};

/// What is wrong with the rules.
const NOTHING: u8 = 0;
const PANICS: u8 = 1;
const COUNTS_CALLS: u8 = 2;
const LETS_FALL: u8 = 3;

thread_local! {
    /// Which it is in this test. (A type for each would be compiled once for each.)
    static FAULT: Cell<u8> = const { Cell::new(NOTHING) };
}

/// Presses are counted, and each tenth is kept for ever.
#[derive(Clone, Debug)]
enum Presses {}

type Counts = BTreeMap<NodeId, (bool, u64)>;

static CALLS: AtomicU64 = AtomicU64::new(0);

impl Game for Presses {
    const RULES: &'static str = "presses";
    type World = (u64, Counts);
    type Controls = bool;
    type Order = ();
    type Event = (NodeId, u64);
    type Scores = u64;

    fn new_world(_seed: u64) -> Self::World {
        (0, Counts::new())
    }

    fn is_valid((_, counts): &Self::World) -> bool {
        counts.len() < 100
    }

    fn step(
        (reign, counts): &mut Self::World,
        news: &[News<bool>],
        events: &mut Vec<(NodeId, u64)>,
    ) {
        for news in news {
            match news {
                News::Joined(id, _) if counts.len() < 99 => _ = counts.entry(*id).or_default(),
                News::Controls(id, down) => {
                    let Some((was_down, count)) = counts.get_mut(id) else { continue };
                    if *down && !*was_down {
                        *count = count.wrapping_add(1);
                        assert!(FAULT.get() != PANICS || *count < 5, "nobody counts to {count}");
                        if count.is_multiple_of(10) {
                            events.push((*id, *count ^ *reign));
                        }
                        if FAULT.get() == LETS_FALL && *count == 7 {
                            *count = 3;
                        }
                    }
                    *was_down = *down;
                }
                _ => {}
            }
        }
        if FAULT.get() == COUNTS_CALLS {
            *reign = CALLS.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn on_new_host(world: &mut Self::World, reign: u64) {
        world.0 = reign;
    }

    fn fact_of_event(_world: &Self::World, (id, name): &(NodeId, u64)) -> Option<Fact> {
        let key = [&id.as_u128().to_be_bytes()[..], &name.to_be_bytes()].concat();
        Some(Fact { key, value: Vec::new() })
    }

    fn update_scores(scores: &mut u64, _at: u64, news: ScoreNews<'_>) {
        match news {
            ScoreNews::Counts(_) => *scores += 1,
            ScoreNews::CountsNoMore(_) => *scores -= 1,
            _ => {}
        }
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn second<G: Game>(view: &View<G>) -> u64 {
    view.at.0 / 1_000_000
}

/// Four who press five times a second, by rules with this fault.
fn pressing(fault: u8, seed: u64) -> Lan<Presses> {
    FAULT.set(fault);
    let mut lan = Lan::new(seed, 4);
    lan.pilot(|view| Some(Command::Controls(view.at.0 % 200_000 < 100_000)));
    lan.start_all();
    lan
}

fn is_host<G: Game>(event: &Event<G>) -> bool {
    matches!(event, Event::Host { .. })
}

fn sum((_, counts): &(u64, Counts)) -> u64 {
    counts.values().map(|(_, count)| count).sum()
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let run = |seed| {
        let mut lan = pressing(NOTHING, seed);
        lan.start_trace();
        lan.run(ms(2_000));
        lan.kill_host().unwrap();
        lan.run(ms(500));
        lan.storm(1);
        (lan.finish().unwrap(), lan.trace())
    };
    let (report, trace) = run(3);
    assert_eq!(run(3), (report.clone(), trace.clone()));
    assert_ne!(run(4).0.fingerprint, report.fingerprint);
    assert!(
        trace.iter().any(|line| line.ends_with("is killed")) && report.reigns >= 2,
        "{report:?}"
    );
}

#[test]
fn what_is_counted_survives_host_after_host_and_is_the_same_for_all() {
    let mut lan = pressing(NOTHING, 5);
    let seen = Arc::new(Mutex::new(BTreeMap::<usize, u64>::new()));
    lan.always(move |n, world| {
        let before = seen.lock().unwrap().insert(n, sum(world)).unwrap_or_default();
        if sum(world) + 2 < before {
            Err(format!("{before} fell to {}", sum(world)))
        } else {
            Ok(())
        }
    });
    lan.run(ms(3_000));
    for _ in 0..6 {
        let host = lan.kill_host().unwrap();
        assert!(lan.world(host).is_none() && !lan.is_on(host));
        assert!(lan.until(ms(1_000), |lan| lan.host().is_some()));
        lan.run(ms(400));
        lan.start(host);
        lan.run(ms(1_000));
    }
    let report = lan.finish().unwrap();
    assert_eq!((report.reigns, report.left_behind), (7, 0));
    assert!(report.longest_wait < ms(100), "{report:?}");
    let counted = sum(lan.world(0).unwrap());
    assert!(counted > 4 * 5 * 10, "{counted}");
    // What was worth an event is a fact, and all have all of them.
    let scores: Vec<u64> = (0..4).map(|n| *lan.scores(n).unwrap()).collect();
    assert!(scores[0] > 10 && scores.iter().all(|own| *own == scores[0]), "{scores:?}");
    let (told, hosts) =
        (lan.events(0).count(), lan.told(0).filter(|(_, event)| is_host(event)).count());
    assert!(told > 0 && hosts > 3, "{told}, {hosts}");
}

#[test]
fn a_network_that_is_cut_has_two_games_and_one_again() {
    let mut lan = pressing(NOTHING, 6);
    lan.run(ms(3_000));
    let host = lan.host().unwrap();
    lan.cut(&[host]);
    let halves = |lan: &Lan<_>| lan.host().is_some_and(|new| new != host);
    assert!(lan.until(ms(2_000), halves));
    lan.run(ms(1_000));
    assert_ne!(lan.world(host), lan.world((host + 1) % 4));
    lan.heal();
    assert!(lan.until(ms(2_000), |lan| disagreement(&lan.world).is_none()));
    let report = lan.finish().unwrap();
    assert!(report.rolled_back + report.left_behind > 50, "{report:?}");
}

#[test]
fn whoever_freezes_goes_on_and_a_slow_wire_is_slow() {
    let mut lan = pressing(NOTHING, 7);
    lan.run(ms(3_000));
    let host = lan.host().unwrap();
    lan.freeze(host, ms(700));
    lan.run(ms(600));
    assert!(lan.host().is_some_and(|new| new != host));
    lan.run(ms(1_000));
    assert!(lan.host().is_some_and(|new| new != host));
    lan.latency(ms(30));
    lan.loss(20);
    lan.run(ms(2_000));
    let newest = |lan: &Lan<Presses>, n| lan.world.node(n)?.replica().clock();
    let (first, other) = (lan.host().unwrap(), (lan.host().unwrap() + 1) % 4);
    assert!(newest(&lan, first) > newest(&lan, other));
    let leaver = (0..4).find(|n| Some(*n) != lan.host()).unwrap();
    lan.leave(leaver);
    lan.unplug((leaver + 1) % 4);
    lan.run(ms(1_000));
    lan.restart(leaver);
    lan.finish().unwrap();
    assert!(lan.is_on(leaver) && !lan.is_on((leaver + 1) % 4));
}

#[test]
fn who_watches_sees_everything_and_counts_for_nothing() {
    let mut lan = Lan::<Presses>::new(8, 2);
    lan.watchers(3);
    lan.pilot_of(0, |view| Some(Command::Controls(view.at.0 % 200_000 < 100_000)));
    let pressed = Arc::new(AtomicU64::new(0));
    let others = pressed.clone();
    lan.pilot(move |view| {
        others.fetch_add(u64::from(view.role == Role::Spectator), Ordering::Relaxed);
        Some(Command::Controls(second(view) % 2 == 0))
    });
    lan.start_all();
    lan.run(ms(4_000));
    lan.finish().unwrap();
    assert_eq!(lan.count(), 5);
    assert!(pressed.load(Ordering::Relaxed) > 100);
    let (_, counts) = lan.world(4).unwrap();
    let (quick, slow) = (counts[&lan.id(0)].1, counts[&lan.id(1)].1);
    assert!(counts.len() == 2 && quick > 3 * slow && slow > 0, "{counts:?}");
    assert!(lan.view(4).unwrap().role == Role::Spectator);
    let told: Vec<u64> = lan.events(4).map(|(_, name)| *name).collect();
    assert!(!told.is_empty() && lan.events(0).map(|(_, name)| *name).eq(told));
}

#[test]
fn a_panic_in_the_rules_is_told_with_the_node_and_its_words() {
    let mut lan = pressing(PANICS, 9);
    lan.run(ms(6_000));
    let broken = lan.finish().unwrap_err();
    assert!(
        broken.what[0].contains("s n") && broken.what[0].contains("panicked: nobody counts to 5")
    );
    let told = format!("{broken:?}");
    assert!(told.starts_with("seed 9:\n") && told.contains("Lan::new(9, 4)"), "{told}");
    assert!((0..4).all(|n| !lan.is_on(n)), "one after the other comes to the same step");
}

#[test]
fn rules_that_differ_from_machine_to_machine_are_told() {
    let mut lan = pressing(COUNTS_CALLS, 10);
    lan.run(ms(3_000));
    let broken = lan.finish().unwrap_err();
    let named = |what: &String| what.contains("Machines disagree about the rules");
    assert!(broken.what.iter().any(named), "{broken}");
}

#[test]
fn what_an_author_asks_for_is_told_where_it_does_not_hold() {
    let mut lan = pressing(LETS_FALL, 11);
    let most = Arc::new(Mutex::new(BTreeMap::<NodeId, u64>::new()));
    lan.always(move |_, (_, counts)| {
        let mut most = most.lock().unwrap();
        counts.iter().try_for_each(|(id, (_, count))| {
            let before = most.insert(*id, *count).unwrap_or_default();
            if *count < before { Err(format!("the count of {id:?} falls")) } else { Ok(()) }
        })
    });
    lan.run(ms(4_000));
    let broken = lan.finish().unwrap_err();
    assert!(broken.what[0].contains(" falls") && broken.what.len() <= TOLD_MAX, "{broken}");
}

#[test]
fn where_nobody_plays_there_is_no_game() {
    let mut lan = Lan::<Presses>::new(12, 2);
    let broken = lan.finish().unwrap_err();
    assert!(broken.what[0].contains("there is no one game"), "{broken}");
    assert!(broken.what[0].contains("a promise of the library"), "{broken}");
}

/// Storms over two to five machines, some of which watch. What they met.
fn storms(seeds: std::ops::Range<u64>, rounds: usize) -> BTreeMap<&'static str, u64> {
    let mut met = BTreeMap::new();
    for seed in seeds {
        let mut lan = Lan::<Presses>::new(seed, 1 + seed as usize % 4);
        lan.pilot(|view| Some(Command::Controls(view.at.0 % 200_000 < 100_000)));
        lan.watchers(1 + seed as usize % 3);
        lan.start_all();
        lan.storm(rounds);
        let report = lan.finish().unwrap_or_else(|broken| panic!("{broken}"));
        report.faults.into_iter().for_each(|(name, count)| *met.entry(name).or_default() += count);
    }
    met
}

#[test]
fn storms_blow_over_whoever_watches() {
    let met = storms(0..8, 2);
    assert!(met.len() > 12, "{met:?}");
}

#[test]
fn the_games_of_the_house_can_be_scripted_like_any_other() {
    let mut lan = Lan::<Tally>::new(1, 3);
    lan.start_all();
    lan.run(ms(1_500));
    lan.kill_host().unwrap();
    lan.finish().unwrap();
    let mut lan = Lan::<Arena>::new(1, 3);
    lan.pilot(|view| {
        let dash = second(view) % 2 == 0;
        Some(Command::Controls(arena::Controls { dx: 1, dash, ..Default::default() }))
    });
    lan.start_all();
    lan.run(ms(2_000));
    lan.kill_host().unwrap();
    lan.finish().unwrap();
}
