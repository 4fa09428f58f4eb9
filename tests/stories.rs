//! What a session goes through in real life, told in the simulator: `interregnum sim --stories`
//! lists it, `interregnum sim --story NAME --trace` tells it line by line.

use std::collections::BTreeSet;

use interregnum::{
    config::Tuning,
    sim::stories::{self, Story},
};

/// With this seed each story is told; with twenty in a release, by `interregnum sim --story all`.
const SEEDS: std::ops::Range<u64> = 1..2;

#[test]
fn every_story_ends_well() {
    for story in stories::all() {
        let tellings = story.tell_all(SEEDS, 2, &Tuning::default());
        assert!(tellings.failed.is_empty() && tellings.passed > 0, "{tellings}");
    }
}

#[test]
fn a_story_told_again_with_the_same_seed_is_the_same_word_by_word() {
    let tell = |name, seed| Story::find(name).unwrap().tell(seed, &Tuning::default(), true);
    for name in ["host-killed", "loose-cable", "other-versions"] {
        let [one, other] = [tell(name, 5), tell(name, 5)];
        assert!(one.trace.len() > 3, "{name}: {:#?}", one.trace);
        assert_eq!(one.trace, other.trace, "{name}");
        assert_eq!(one.fingerprint, other.fingerprint, "{name}");
        assert_ne!(one.fingerprint, tell(name, 6).fingerprint, "{name}");
    }
}

#[test]
fn stories_have_names_of_their_own_and_sentences() {
    let mut names = BTreeSet::new();
    for Story { name, tells, .. } in stories::all() {
        let fits = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(name.chars().all(fits) && names.insert(name), "{name}");
        assert!(tells.ends_with('.') && tells.len() < 110, "{name}: {tells}");
    }
}
