//! Each deliberate bug is found by the simulator within 500 seeds. What does not find them proves
//! nothing by finding none in the real program.
#![cfg(feature = "mutants")]

use interregnum::{
    config::{Mutant, Tuning},
    sim::campaign::{Options, run_seed},
};

#[test]
fn each_deliberate_bug_is_found() {
    for (name, mutant) in Mutant::ALL {
        let tuning = Tuning { mutant: Some(mutant), ..Tuning::default() };
        let rounds = Options::default().rounds;
        let found = (1..=500).find_map(|seed| {
            let run = run_seed(seed, rounds, &tuning, false);
            run.violations.into_iter().next().map(|violation| (seed, violation))
        });
        let (seed, violation) = found.unwrap_or_else(|| panic!("{name} was not found"));
        println!("{name}: seed {seed}, {}", violation.what);
    }
}
