//! The rules of the bus, on a network that fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use interregnum::{
    Command, Event, NodeId, View,
    bus::{Batch, Kind, Rules, Said, Told},
    sim::{Lan, check},
};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// So many who say a number each so many ticks, in turn a durable and a latest one, up to a last one.
fn talkers(seed: u64, count: usize, every: u64, most: u64) -> Lan<Rules> {
    let mut lan = Lan::new(seed, count);
    for n in 0..count {
        let (mut ticks, mut number, mut life) = (0_u64, 0, 1);
        lan.pilot_of(n, move |view: &View<Rules>| {
            // A life begins anew, and the process with it would, too.
            let world = view.picture.as_ref()?.newest();
            let own = world.senders.get(&view.me)?;
            if own.last == 0 && number > 20 {
                (number, life) = (0, life + 1);
            }
            ticks += 1;
            if !ticks.is_multiple_of(every) || number >= most {
                return None;
            }
            let said = |number: u64, kind| Said {
                number,
                kind,
                topic: "n".into(),
                at_ms: (view.at.0 / 1_000) as u32,
                data: number.to_string().into(),
            };
            let said = vec![said(number + 1, Kind::Durable), said(number + 2, Kind::Latest)];
            number += 2;
            Some(Command::Order(Batch { life, said }))
        });
    }
    lan
}

/// Of each sender the numbers that a machine was told, in order.
fn told(lan: &Lan<Rules>, n: usize) -> BTreeMap<NodeId, Vec<u64>> {
    let mut numbers: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
    for event in lan.events(n) {
        if let Told::Said { by, batch: Batch { said, .. }, .. } = event {
            numbers.entry(*by).or_default().extend(said.iter().map(|said| said.number));
        }
    }
    numbers
}

#[test]
fn the_rules_of_the_bus_are_what_a_game_has_to_be() {
    check::<Rules>(20).unwrap();
}

#[test]
fn whoever_gives_the_order_is_killed_and_all_is_heard_once_and_in_one_order() {
    (1..=12).for_each(killed_twice);
}

fn killed_twice(seed: u64) {
    let mut lan = talkers(seed, 4, 3, u64::MAX);
    lan.start_all();
    lan.run(ms(2_000));
    let mut killed = BTreeSet::new();
    let mut longest = Duration::ZERO;
    for _ in 0..2 {
        let host = lan.kill_host().unwrap();
        killed.insert(host);
        lan.run(ms(1_500));
    }
    lan.finish().unwrap();
    let survivors: Vec<usize> = (0..4).filter(|n| !killed.contains(n)).collect();
    for n in &survivors {
        let gaps = lan.told(*n).filter_map(|(_, event)| match event {
            Event::Host { gap, .. } => *gap,
            _ => None,
        });
        longest = gaps.max().unwrap().max(longest);
        for (by, numbers) in told(&lan, *n) {
            let first = numbers[0];
            let expected: Vec<u64> = (first..first + numbers.len() as u64).collect();
            assert_eq!(numbers, expected, "of {by:?} at n{n}");
            assert!(numbers.len() > 60, "of {by:?} at n{n}: {}", numbers.len());
        }
    }
    assert!(longest <= ms(50), "{longest:?}");
    let order = |n: usize| -> Vec<(NodeId, u64)> {
        let said = lan.events(n).filter_map(|event| match event {
            Told::Said { by, batch: Batch { said, .. }, .. } => Some((*by, said[0].number)),
            _ => None,
        });
        said.collect()
    };
    let (one, other) = (order(survivors[0]), order(survivors[1]));
    let from = one.iter().position(|said| *said == other[0]);
    match from {
        Some(from) => assert!(one[from..].iter().eq(&other)),
        None => {
            let from = other.iter().position(|said| *said == one[0]).unwrap();
            assert!(other[from..].iter().eq(&one));
        }
    }
}

#[test]
fn whoever_comes_later_has_all_that_is_durable_and_how_everything_is() {
    let mut lan = talkers(4, 4, 2, 300);
    (0..3).for_each(|n| lan.start(n));
    lan.run(ms(9_000));
    lan.start(3);
    lan.run(ms(3_000));
    let history = lan.scores(3).unwrap();
    for n in 0..3 {
        let of = history.iter().filter(|(_, kept)| kept.by == lan.id(n));
        assert!(of.map(|(_, kept)| kept.said.number).eq((1..300).step_by(2)), "n{n}");
        let sender = &lan.world(3).unwrap().senders[&lan.id(n)];
        assert_eq!(&*sender.topics["n"].data, "300");
    }
    lan.finish().unwrap();
}

#[test]
fn what_is_durable_survives_every_kind_of_fault_and_stands_in_one_order() {
    for seed in 1..=8 {
        let mut lan = talkers(seed, 2 + seed as usize % 4, 5, u64::MAX);
        lan.watchers(1);
        lan.start_all();
        lan.storm(3);
        lan.finish().unwrap();
        let on: Vec<usize> = (0..lan.count()).filter(|n| lan.is_on(*n)).collect();
        let first = lan.scores(on[0]).unwrap();
        assert!(on.iter().all(|n| lan.scores(*n).unwrap() == first), "seed {seed}");
        let (mut places, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let once = first.iter().all(|(place, it)| places.insert(place) && seen.insert(it.id()));
        assert!(once && !first.is_empty(), "seed {seed}: {}", first.len());
    }
}

#[test]
fn something_said_is_everywhere_long_before_the_next_tick() {
    let mut lan = talkers(5, 3, 30, 40);
    lan.start_all();
    lan.run(ms(14_000));
    let at = |n: usize| -> BTreeMap<(NodeId, u64), Duration> {
        let said = lan.told(n).filter_map(|(at, event)| match event {
            Event::Game { event: Told::Said { by, batch: Batch { said, .. }, .. }, .. } => {
                Some(((*by, said[0].number), at))
            }
            _ => None,
        });
        said.collect()
    };
    let all = [at(0), at(1), at(2)];
    let mut spans: Vec<Duration> = all[0]
        .iter()
        .filter_map(|(said, at)| {
            let times = [*at, *all[1].get(said)?, *all[2].get(said)?];
            Some(*times.iter().max()? - *times.iter().min()?)
        })
        .collect();
    spans.sort_unstable();
    assert!(spans.len() > 40, "{}", spans.len());
    let longest = spans[spans.len() * 95 / 100];
    assert!(longest < ms(4), "{longest:?}");
    lan.finish().unwrap();
}

#[test]
fn somebody_who_is_gone_takes_its_topics_with_it() {
    let mut lan = talkers(6, 3, 5, u64::MAX);
    lan.start_all();
    lan.run(ms(2_000));
    let host = lan.host().unwrap();
    let (leaver, stays) = ((host + 1) % 3, (host + 2) % 3);
    lan.kill(leaver);
    let gone = lan
        .until(ms(1_000), |lan| !lan.world(stays).unwrap().senders.contains_key(&lan.id(leaver)));
    assert!(gone);
    assert!(
        lan.events(stays).any(|event| matches!(event, Told::Gone(id) if *id == lan.id(leaver)))
    );
}
