//! D3 to D6: what a ledger shows is a function of the set of its entries.

use interregnum::arena::hall::Hall;
use proptest::{collection::vec, prelude::*};

use crate::histories::{
    CHAT, History, LEDGERS, Step, deleted, fold, lines, merge, merged, seen, step, step_or_lie,
};

fn history<'a>(steps: impl IntoIterator<Item = &'a Step>) -> History {
    let mut history = History::new();
    steps.into_iter().for_each(|step| history.take(step));
    history
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// D3.
    #[test]
    fn merging_is_idempotent_commutative_and_associative(steps in vec(step(), 0..80)) {
        let history = history(&steps);
        let [a, b, c, ..] = &history.ledgers[..] else { unreachable!() };
        let whole = seen(&merged([a, b, c]));
        for order in [[a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
            prop_assert_eq!(&seen(&merged(order)), &whole);
        }
        prop_assert_eq!(&seen(&merged([a, b, c, a, b, c, a])), &whole);
        let (left, right) = (merged([&merged([a, b]), c]), merged([a, &merged([b, c])]));
        prop_assert_eq!(&seen(&left), &whole);
        prop_assert_eq!(&seen(&right), &whole);
    }

    /// D4, and D2 as far as merging goes: whoever has heard of everything shows the same.
    #[test]
    fn the_order_is_the_same_everywhere_once_merged(steps in vec(step(), 0..120)) {
        let mut history = history(&steps);
        history.everybody_hears();
        let first = seen(&history.ledgers[0]);
        for ledger in &history.ledgers[1..] {
            prop_assert_eq!(&seen(ledger), &first);
        }
    }

    /// Whoever signs two entries of one name spoils nothing but what it says itself: all else is the
    /// same everywhere, all see that it contradicts itself, and they have nothing left to tell each other.
    #[test]
    fn a_liar_spoils_nothing_but_what_it_says_itself(steps in vec(step_or_lie(), 0..120)) {
        let mut history = history(&steps);
        history.everybody_hears();
        let first = seen(&history.ledgers[0]);
        for ledger in &history.ledgers[1..] {
            prop_assert_eq!(&seen(ledger), &first);
            let missing = ledger.missing_from(&history.ledgers[0].vector());
            prop_assert!(missing.is_empty(), "{:?}", missing);
        }
    }

    /// D5.
    #[test]
    fn no_line_vanishes_or_changes_but_by_its_authors_deletion(steps in vec(step(), 0..120)) {
        let mut history = History::new();
        for step in steps {
            let before: Vec<_> = history.ledgers.iter().map(lines).collect();
            history.take(&step);
            for (ledger, before) in history.ledgers.iter().zip(before) {
                let (after, deleted) = (lines(ledger), deleted(ledger));
                for (line, text) in before {
                    let now = after.get(&line);
                    prop_assert!(now.is_some(), "{:?} vanished", line);
                    let gone = now == Some(&None) && deleted.contains(&line.0);
                    prop_assert!(now == Some(&text) || gone, "{:?} changed", line);
                }
            }
        }
    }

    /// D5 for the eye: while one host reigns, what it has placed stays where it is.
    #[test]
    fn within_a_reign_placed_lines_are_only_appended_to(
        steps in vec(step(), 0..60),
        more in vec(step(), 0..60),
    ) {
        let honest = |step: &&Step| !matches!(step, Step::Delete { .. });
        let mut history = history(steps.iter().filter(honest));
        history.take(&Step::Reign { at: 0, epoch: 100 });
        history.take(&Step::Place { at: 0 });
        let mut before: Vec<_> = Vec::new();
        for step in more.iter().filter(honest).filter(|step| !matches!(
            step,
            Step::Reign { .. } | Step::Follow { at: 0 } | Step::Place { at: 1.. }
        )) {
            history.take(step);
            history.take(&Step::Place { at: 0 });
            let placed = history.ledgers[0].lines(|entry| entry.head().kind == CHAT).into_iter();
            let placed: Vec<_> = placed
                .filter(|(place, _)| place.is_some_and(|place| place.term.epoch.0 == 100))
                .map(|(_, entry)| (entry.id(), entry.hash()))
                .collect();
            prop_assert!(placed.starts_with(&before), "{:?} is not after {:?}", placed, before);
            before = placed;
        }
    }

    /// D6: the scores are the same from scratch, as they changed, and in any order of arrival.
    #[test]
    fn the_leaderboard_is_a_pure_fold(
        steps in vec(step(), 0..120),
        shuffle in vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut history = history(&steps);
        history.everybody_hears();
        let whole = fold(history.ledgers[0].counted().iter().map(|entry| &**entry));
        for at in 0..LEDGERS {
            prop_assert_eq!(&history.halls[at], &whole, "as it changed at {}", at);
        }
        let mut entries: Vec<_> = history.ledgers[0].counted();
        let len = entries.len();
        for pair in shuffle.chunks_exact(2).filter(|_| len > 0) {
            entries.swap(pair[0].index(len), pair[1].index(len));
        }
        prop_assert_eq!(&fold(entries.iter().map(|entry| &**entry)), &whole);
    }

    /// D2 to D6 with pages: however each has folded what it has, all are the same, to the last bit; and
    /// the totals of the pages come to what the facts come to one by one.
    #[test]
    fn however_ledgers_are_folded_they_are_equal_and_the_totals_are_exact(
        steps in vec(step(), 0..160),
    ) {
        let mut history = history(&steps);
        history.everybody_hears();
        let whole = seen(&merged(&history.ledgers));
        for ledger in &history.ledgers {
            prop_assert_eq!(&seen(ledger), &whole);
            let mut hall = Hall::default();
            ledger.fold(|at, record| hall.update(at, record));
            prop_assert_eq!(hall.all_time(), fold(ledger.counted().iter().map(|entry| &**entry)).all_time());
            prop_assert_eq!(ledger.counted_len(), ledger.counted().len());
            prop_assert_eq!(ledger.len(), ledger.entries().count());
        }
    }

    /// A ledger read back from its own disk is the same ledger.
    #[test]
    fn what_was_kept_is_what_was_there(steps in vec(step(), 0..120)) {
        let history = history(&steps);
        let ledger = merged(&history.ledgers);
        let mut restored = merged([]);
        for entry in ledger.entries() {
            restored.restore(interregnum::ledger::entry::Entry::clone(&entry)).unwrap();
        }
        prop_assert_eq!(seen(&restored), seen(&ledger));
        merge(&mut restored, &ledger);
        prop_assert_eq!(seen(&restored), seen(&ledger));
    }
}
