//! All that may happen to three nodes, instead of what a seed happens to draw.
//!
//! The simulator draws its faults; it may miss the one moment that matters. Here nothing is drawn: from three
//! machines that have just met, or that have a host already, every way is followed that things may go, as far
//! as `Means` allow: machines that crash, with their links closed or not, leave politely, and come back in a new life; a cut, of any
//! kind, at any time, mended at any time or never; packets that are lost, late, or overtaken; one of the three
//! that lies. What is driven is the very `Election` that nodes run, not a model of it.
//!
//! | part | does |
//! |---|---|
//! | `table` | three machines, and a stand-in for the rest of their nodes |
//! | `likeness` | when two tables are the same for all that may come |
//! | `lies` | what a member can say that is not so |
//! | `rules` | what must hold at each step, and at rest |
//! | `bounds` | what is searched, and what comes of it |
//! | `branch` | a table on its way, and the ways that lead off it |
//! | `search` | the search itself, on several threads |
//!
//! # What is abstracted, and what that leaves out
//! *Time* passes in beats of 20 ms, and only when nothing else is under way. In each beat every host makes a tick
//! and every client sends controls, and those that may get through do. Whatever an election waits for is a
//! whole number of beats, or is noticed in the next: 20 ms are less than every patience but that of a
//! single repetition, so the order of all waits is that of real time. Packets of the election take no time,
//! as on a LAN they take next to none; each may, out of the *hitches*, be late by a beat, be overtaken by all
//! others under way, or be lost, and so may a timer be late. What this leaves out: latencies that are
//! whole multiples of a beat for all packets; clocks that run apart; single ticks that are lost (a cut
//! that is mended after a beat is one); sleep.
//!
//! *When* a means is used: whenever a packet is about to arrive or a timer about to fire, at the beat after
//! anything but time has changed, and on every `Bounds::stride`th beat of all others, if there is
//! a stride: with one of 1 that is every moment there is. The great search has none. It leaves out what happens in
//! the middle of a wait in which no machine does anything, and there it matters only how much of the wait is left.
//!
//! *The rest of the node* is what decides how an election goes on: who hears whom and which links are up, the world
//! that is held (its mark: not what is in it), the roster's word on who is steady, relays, and who was in touch. Links
//! come up a beat after both sides run, and time out after `Tuning::link_silence`; a cut does not close them. Keys,
//! proofs and signatures are taken as done: a liar speaks under its own name, and of worlds and reigns that there were
//! or that are its own.
//!
//! *States* are told apart by a hash of 64 bits of all that decides how they go on. Numbers are looked at by their
//! distances, so that a reign looks like the next one, and what is at rest stays the same. With that the states are
//! finitely many, and rest is found as a state that comes back: then, and not after any fixed time, everybody must be
//! of one mind. Of two ticks only the order counts and whether they are one or two apart, and the age of a cut up to
//! what is measured in it: two tables may be taken for one that differ in how long it takes until two worlds are
//! of the same tick. The largest gap between ticks, from which a machine takes how long it is patient, counts by tens
//! of milliseconds.
//!
//! With a liar *and* a cut, agreement is asked for once the cut is mended: somebody may have been told of a reign that
//! is none, and who could deny it does not get through.

mod bounds;
mod branch;
mod lies;
mod likeness;
mod rules;
mod search;
mod table;

use self::{
    bounds::{Bounds, Means, Report},
    search::explore,
    table::{Cut, SEATS},
};

/// What is searched in seconds.
fn small() -> Vec<Bounds> {
    let met = |means| Bounds { means, settled: false, ..Bounds::default() };
    let settled = |means| Bounds { means, stride: None, ..Bounds::default() };
    vec![
        met(Means { crashes: 1, hitches: 1, ..Means::default() }),
        met(Means { cuts: 1, ..Means::default() }),
        met(Means { lies: 1, ..Means::default() }),
        settled(Means { crashes: 2, returns: 1, ..Means::default() }),
        settled(Means { crashes: 1, lies: 1, ..Means::default() }),
    ]
}

/// What is searched in a minute or two with the release profile. A liar, two crashes and a cut all at once take the best
/// part of an hour: each search here leaves one of them out.
fn great() -> Vec<Bounds> {
    let settled = |means| Bounds { means, stride: None, ..Bounds::default() };
    let crashes_and_cut = settled(Means { crashes: 2, cuts: 1, ..Means::default() });
    let lies_and_cut = settled(Means { cuts: 1, lies: 1, ..Means::default() });
    vec![
        // Around one, and between two.
        Bounds { cuts: Cut::ALL.into_iter().take(6).collect(), ..crashes_and_cut },
        settled(Means { crashes: 2, lies: 1, ..Means::default() }),
        Bounds { cuts: Cut::ALL.into_iter().take(3).collect(), ..lies_and_cut },
    ]
}

fn told(bounds: &Bounds) -> Report {
    let report = explore(bounds);
    println!("{:?}: {report}", bounds.means);
    report
}

#[test]
fn no_way_that_an_election_of_three_may_go_breaks_a_rule() {
    for bounds in small() {
        let report = told(&bounds);
        assert!(report.breach.is_none(), "{report}");
        assert!(report.whole && report.states > 1_000 && report.rests > 10, "{report}");
    }
}

/// In `.ci/run`, with the release profile.
#[test]
#[ignore = "minutes"]
fn no_way_breaks_a_rule_with_two_of_two_crashes_a_cut_and_a_liar() {
    for bounds in great() {
        let report = told(&bounds);
        assert!(report.breach.is_none() && report.whole, "{report}");
    }
}

/// The search for one's own bounds, as nine numbers in `EXHAUST`: crashes, returns, cuts, hitches, lies, the stride
/// (0: none), whether they are settled, how many kinds of cuts, and who lies (3: any). Where nothing is asked for
/// nothing is searched.
#[test]
#[ignore = "by hand"]
fn whatever_is_asked_for() {
    let Ok(asked) = std::env::var("EXHAUST") else { return };
    let numbers: Result<Vec<u8>, _> =
        asked.split(',').map(|number| number.trim().parse()).collect();
    let numbers: [u8; 9] = numbers.unwrap_or_default().try_into().expect("nine numbers");
    let [crashes, returns, cuts, hitches, lies, stride, settled, kinds, liar] = numbers;
    let means = Means { crashes, returns, cuts, hitches, lies };
    let report = told(&Bounds {
        means,
        settled: settled > 0,
        cuts: Cut::ALL.into_iter().take(kinds.into()).collect(),
        liar: Some(liar.into()).filter(|liar| *liar < SEATS),
        stride: Some(stride.into()).filter(|stride| *stride > 0),
        states_max: 1_000_000_000, // nearly twenty gigabytes
        ..Bounds::default()
    });
    assert!(report.breach.is_none(), "{report}");
}

/// Those deliberate bugs that an election of three can show at all, without sleep, worlds, keys and rates.
#[cfg(feature = "mutants")]
#[test]
fn deliberate_bugs_of_the_election_are_found() {
    use interregnum::config::{Mutant, Tuning};
    const WITHIN_REACH: [&str; 9] = [
        "no-terms",
        "not-sticky",
        "old-world",
        "stubborn",
        "no-ask-first",
        "yes-sayer",
        "waits-for-all",
        "follows-the-deaf",
        "usurper",
    ];
    let mut lost = Vec::new();
    for (name, mutant) in Mutant::ALL {
        let tuning = Tuning { mutant: Some(mutant), ..Tuning::default() };
        let mut moves = 0;
        let found = small().into_iter().find_map(|bounds| {
            let report = explore(&Bounds { tuning: tuning.clone(), ..bounds });
            moves += report.moves;
            report.breach
        });
        match found {
            Some(breach) => println!("{name}: after {moves} moves, {}", breach.what),
            None if WITHIN_REACH.contains(&name) => lost.push(name),
            None => println!("{name}: not within reach of {moves} moves"),
        }
    }
    assert!(lost.is_empty(), "not found: {lost:?}");
}
