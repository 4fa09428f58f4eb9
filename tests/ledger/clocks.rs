//! Clocks of others decide nothing: neither what happened this evening nor what somebody is called.

use interregnum::{
    arena::hall::{Fact, Hall},
    ledger::{
        Ledger, Out, batch,
        body::{Body, Called},
        entry::{Entry, WallTime},
    },
    text::Name,
    types::{Epoch, NodeId},
};

use crate::histories::{empty, fact_body, gathered, writer};

const NOW: u64 = 1_800_000_000;
const YEAR: u64 = 31_557_600;
/// What clocks say that were never set, or set wrongly.
const WRONG: [u64; 2] = [YEAR, NOW + 73 * YEAR];

/// A host whose clock says this writes down so many points, one by one or folded.
fn host(clock: u64, points: u64, folded: bool) -> Ledger {
    let mut host = empty(3);
    host.reigns(Epoch(1));
    for number in 0..points {
        host.write(WallTime(clock), fact_body(&gathered(number, 0))).unwrap();
    }
    if folded {
        assert!(host.fold_stream(writer(3), 2, 2_048, 0));
    }
    host
}

/// What a reader sees who gets all of it, and tells as it comes.
fn take(reader: &mut Ledger, from: &Ledger) {
    for page in from.pages() {
        reader.accept_page((**page).clone()).unwrap();
    }
    for run in batch::runs(from.loose().map(|entry| Entry::clone(entry)).collect()) {
        reader.accept(run).unwrap();
    }
}

fn points(standings: &[(NodeId, interregnum::arena::hall::Standing)]) -> u64 {
    standings.iter().map(|(_, standing)| standing.points).sum()
}

fn hall(ledger: &Ledger) -> Hall {
    let mut hall = Hall::default();
    ledger.fold(|at, record| hall.update(at, record));
    hall
}

#[test]
fn what_was_played_with_a_host_of_another_century_counts_for_this_evening_and_no_longer() {
    for (wrong, folded) in WRONG.into_iter().flat_map(|wrong| [(wrong, false), (wrong, true)]) {
        let (host, mut reader) = (host(wrong, 40, folded), empty(4));
        take(&mut reader, &host);
        assert!(reader.hear_clock(writer(3), WallTime(wrong + 100), WallTime(NOW + 100)));
        assert!(!reader.hear_clock(writer(3), WallTime(wrong + 160), WallTime(NOW + 160)));
        let hall = hall(&reader);
        for (later_hours, expected) in [(0, 40), (10, 40), (14, 0), (24 * 365 * 80, 0)] {
            let evening = hall.this_evening(NOW + 200 + later_hours * 3_600);
            assert_eq!(points(&evening), expected, "{wrong}, {later_hours} hours later");
        }
        assert_eq!(points(&hall.all_time()), 40);
    }
}

#[test]
fn the_evening_that_is_told_as_it_goes_is_the_same_as_the_one_that_is_read_at_the_end() {
    for folded in [false, true] {
        let (host, mut reader) = (host(WRONG[1], 40, folded), empty(4));
        take(&mut reader, &host);
        reader.hear_clock(writer(3), WallTime(WRONG[1]), WallTime(NOW));
        let mut told = Hall::default();
        while let Some(out) = reader.poll() {
            match out {
                Out::Redated => told = Hall::default(),
                Out::PageCounts(page) => reader.tell_page(&page, |at, it| told.update(at, it)),
                Out::Counts(entry) => {
                    if let Some(Body::Fact(fact)) = Body::of(&entry) {
                        told.add(reader.happened_at(&entry), &Fact::decode(&fact).unwrap());
                    }
                }
                _ => {}
            }
        }
        assert_eq!(told, hall(&reader));
    }
}

#[test]
fn what_an_unknown_clock_dates_in_the_future_never_fills_an_evening() {
    let mut reader = empty(4);
    take(&mut reader, &host(WRONG[1], 40, false));
    let hall = hall(&reader);
    assert_eq!(points(&hall.this_evening(NOW)), 0);
    assert_eq!(points(&hall.all_time()), 40);
}

#[test]
fn clocks_that_differ_by_minutes_are_alike() {
    let mut reader = empty(4);
    take(&mut reader, &host(NOW, 4, false));
    assert!(!reader.hear_clock(writer(3), WallTime(NOW + 1_200), WallTime(NOW)));
    assert_eq!(reader.clocks().count(), 0);
}

#[test]
fn the_last_name_is_that_of_the_last_place_whatever_the_clocks_say() {
    let ada = NodeId::from_u128(1);
    for (first, second) in [(WRONG[1], NOW), (NOW, WRONG[0])] {
        let mut reader = empty(4);
        for (life, at, name) in [(1, first, "Oldname"), (2, second, "Newname")] {
            let mut start = empty(life);
            start.reigns(Epoch(life.into()));
            let called = Called { player: ada, name: Name::new(name) };
            start.write(WallTime(at), Body::Joined(called)).unwrap();
            take(&mut reader, &start);
        }
        assert_eq!(hall(&reader).name(ada), Some(&Name::new("Newname")));
    }
}
