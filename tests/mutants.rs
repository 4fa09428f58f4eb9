//! Each deliberate bug is found by the simulator within 500 seeds: it breaks an invariant, or makes
//! something too frequent. What does not find them proves nothing by finding none in the real program.
#![cfg(feature = "mutants")]

use std::sync::atomic::AtomicBool;

use interregnum::{
    config::{Mutant, Tuning},
    sim::{
        campaign::{Options, run},
        met::Met,
    },
};

const SEEDS: u64 = 500;

/// So many seeds are run before anybody looks whether one broke an invariant.
const AT_ONCE: u64 = 10;

/// So many are run before anybody looks whether something became too frequent: fewer say too little.
const FOR_A_RATE: u64 = 50;

#[test]
fn each_deliberate_bug_is_found() {
    let lost: Vec<&str> = Mutant::ALL
        .into_iter()
        .filter_map(|(name, mutant)| {
            let found = found(Some(mutant));
            println!("{name}: {}", found.as_deref().unwrap_or("not found"));
            found.is_none().then_some(name)
        })
        .collect();
    assert!(lost.is_empty(), "not found: {lost:?}");
}

/// How it was found: the seed and what it broke, or what became too frequent.
fn found(mutant: Option<Mutant>) -> Option<String> {
    let tuning = Tuning { mutant, ..Tuning::default() };
    let mut met = Met::default();
    for first in (1..=SEEDS).step_by(AT_ONCE as usize) {
        let options = Options {
            seed: first,
            seeds: Some(AT_ONCE),
            tuning: tuning.clone(),
            ..Options::default()
        };
        let totals = run(&options, &AtomicBool::new(false));
        if let Some((seed, violation)) = totals.failed.into_iter().min_by_key(|(seed, _)| *seed) {
            return Some(format!("seed {seed}, {}", violation.what));
        }
        met.add(totals.met);
        let seeds = first + AT_ONCE - 1;
        if let Some(excess) = met.excess().filter(|_| seeds.is_multiple_of(FOR_A_RATE)) {
            return Some(format!("{seeds} seeds, {excess}"));
        }
    }
    None
}
