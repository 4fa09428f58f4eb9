//! Who is heard and cannot be reached: firewalls, networks that keep their machines apart, addresses
//! that only the teller can use; and wires that are slow.

use std::collections::BTreeSet;

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::sim::{
    faults::disagreement_among,
    network::{Place, Weather},
};

/// Within this time after the last start those who reach one another are in one game.
const TOGETHER_MS: u64 = 3_000;

/// Within this time everybody has been told whom it hears and does not reach.
const TOLD_MS: u64 = 6_000;

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "heard-not-reached",
        tells: "Firewalls, and Wi-Fi that keeps its machines apart, in any mix and order.",
        nodes: 6,
        script: heard_not_reached,
    },
    Story {
        name: "host-behind-firewall",
        tells: "The first host lets nobody in; those who come after it have a game of their own.",
        nodes: 4,
        script: host_behind_firewall,
    },
    Story {
        name: "guest-wifi",
        tells: "Wi-Fi keeps its machines apart; somebody on a cable lets all into one game.",
        nodes: 4,
        script: guest_wifi,
    },
    Story {
        name: "address-of-no-use",
        tells: "Newcomers are told where the host is, in a network that they are not on.",
        nodes: 4,
        script: address_of_no_use,
    },
    Story {
        name: "slow-wire",
        tells: "A round trip takes 60 to 300 ms, and packets get lost; nobody loses a link or its host for it.",
        nodes: 4,
        script: slow_wire,
    },
    Story {
        name: "slow-wire-host-killed",
        tells: "A round trip takes 80, 150 or 300 ms, and the host is killed.",
        nodes: 4,
        script: slow_wire_host_killed,
    },
];

/// How a machine is connected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By cable, with nothing between.
    Open,
    /// By cable, behind a firewall; it was told of somebody, or of nobody.
    Walled(Option<Place>),
    /// By Wi-Fi: no way to others on Wi-Fi.
    Radio,
}

fn heard_not_reached(scene: &mut Scene) {
    let count = scene.world.count();
    let mix = scene.between(1, 3);
    let kinds: Vec<Kind> = (0..count)
        .map(|place| match scene.draw(mix + 1) {
            0 => Kind::Open,
            1 => Kind::Radio,
            _ => Kind::Walled(Some(scene.draw(count as u64) as Place).filter(|to| *to != place)),
        })
        .collect();
    let radios_are_heard = scene.toss();
    let mut heard: Vec<Vec<bool>> = vec![vec![true; count]; count];
    for a in 0..count {
        if let Kind::Walled(told_of) = kinds[a] {
            scene.world.network.wall(a);
            (0..count).for_each(|other| heard[a][other] = false);
            let told_of = told_of.and_then(|place| scene.world.beacon_address(place));
            scene.world.told_of.insert(a, told_of.into_iter().collect());
        }
        for b in (0..count).filter(|b| *b != a && kinds[a] == Kind::Radio) {
            if kinds[b] == Kind::Radio && radios_are_heard {
                scene.world.network.keep_apart(a, b);
            } else if kinds[b] == Kind::Radio {
                scene.world.network.cut(a, b);
                heard[a][b] = false;
            }
        }
    }
    let groups = groups(&kinds);
    scene.begin();
    let mut order: Vec<Place> = (0..count).collect();
    scene.shuffle(&mut order);
    for place in order {
        let pause = if scene.toss() { 60 } else { 2_000 };
        scene.pass_up_to(pause);
        scene.world.start(place);
    }
    for group in &groups {
        let agreed =
            scene.until(ms(TOGETHER_MS), |world| disagreement_among(world, group).is_none());
        let quarrel = disagreement_among(&scene.world, group);
        scene.claim(agreed, || format!("{group:?} are no one game: {quarrel:?}"));
    }
    // Some were told rightly of others before somebody came who is linked with both.
    let together = |a: Place, b: Place| groups.iter().any(|g| g.contains(&a) && g.contains(&b));
    let ids: Vec<_> = (0..count).map(|place| scene.world.id(place)).collect();
    let apart =
        |a: Place, id| ids.iter().position(|other| *other == id).is_none_or(|b| !together(a, b));
    scene.world.users.unreached.retain(|(a, id)| apart(*a, *id));
    scene.pass(TOLD_MS);
    for group in &groups {
        let quarrel = disagreement_among(&scene.world, group);
        scene.claim(quarrel.is_none(), || format!("{group:?} are one game no more: {quarrel:?}"));
    }
    for (a, hears) in heard.iter().enumerate() {
        for (b, hears) in hears.iter().enumerate().filter(|(b, _)| *b != a) {
            let told = scene.world.users.unreached.contains(&(a, scene.world.id(b)));
            let apart = *hears && !together(a, b);
            scene.claim(told || !apart, || format!("n{a} was not told that n{b} is out of reach"));
            scene.claim(!told || !together(a, b), || {
                format!("n{a} was told that n{b} is out of reach, and plays with it")
            });
        }
    }
}

/// Who can be in one game: whoever is linked, or has somebody between.
fn groups(kinds: &[Kind]) -> Vec<Vec<Place>> {
    let mut group: Vec<Place> = (0..kinds.len()).collect();
    let mut join = |a: Place, b: Place| {
        let (from, to) = (group[b], group[a]);
        group.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
    };
    for (a, kind) in kinds.iter().enumerate() {
        match kind {
            Kind::Walled(Some(b)) if !matches!(kinds[*b], Kind::Walled(_)) => join(a, *b),
            Kind::Open => {
                let reached = |b: &Place| !matches!(kinds[*b], Kind::Walled(_));
                (0..kinds.len()).filter(reached).for_each(|b| join(a, b));
            }
            _ => {}
        }
    }
    let leaders: BTreeSet<Place> = group.iter().copied().collect();
    let members = |leader: &Place| {
        (0..kinds.len()).filter(|place| group[*place] == *leader).collect::<Vec<_>>()
    };
    leaders.iter().map(members).collect()
}

fn host_behind_firewall(scene: &mut Scene) {
    scene.world.network.wall(0);
    scene.world.start(0);
    scene.pass(500);
    scene.pass_up_to(2_000);
    scene.reigns(0);
    scene.begin();
    let others = [1, 2, 3];
    for place in others {
        scene.pass_up_to(60);
        scene.world.start(place);
    }
    together_within(scene, &others, TOGETHER_MS);
    scene.pass(TOLD_MS);
    let first = scene.world.id(0);
    for place in others {
        let told = scene.world.users.unreached.contains(&(place, first));
        scene.claim(told, || format!("n{place} was not told that n0 is out of reach"));
    }
    scene.new_reigns_at_most(3);
    let reigns = scene.world.judge.met.reigns;
    scene.pass(20_000);
    let more = scene.world.judge.met.reigns - reigns;
    scene.claim(more == 0, || format!("{more} more reigns, though nothing happened"));
    // Somebody allows the program.
    scene.heal();
    scene.one_game_within(1_500);
}

fn guest_wifi(scene: &mut Scene) {
    let radios = [0, 1, 2];
    let are_heard = scene.toss();
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        match are_heard {
            true => scene.world.network.keep_apart(a, b),
            false => scene.cut(&[a], &[b]),
        }
    }
    let first = scene.pick(&[0, 3]);
    scene.world.start(first);
    scene.pass(500);
    scene.pass_up_to(1_000);
    scene.begin();
    for place in (0..4).filter(|place| *place != first).rev() {
        scene.pass_up_to(60);
        scene.world.start(place);
    }
    scene.one_game_within(TOGETHER_MS);
    scene.reigns(first);
    scene.new_reigns(0);
    for place in radios {
        scene.claim(scene.is_seated(first, place), || format!("n{place} has no seat"));
    }
    scene.pass(1_000);
    scene.nobody_waited(TOGETHER_MS);
    scene.pass(5_000);
    scene.is_one_game();
    scene.new_reigns(0);
    scene.nobody_waited(100);
    let told = scene.world.users.unreached.len();
    scene.claim(told == 0, || format!("{told} were told that somebody is out of reach"));
    // Whoever is there plays on when the host is gone, through the one on the cable.
    if first == 0 {
        scene.world.kill(0);
        together_within(scene, &[1, 2, 3], 500);
    }
}

fn address_of_no_use(scene: &mut Scene) {
    // The first two meet on a network of their own; behind a router are all of them.
    scene.world.network.routed.insert(2);
    for place in 0..4 {
        scene.world.join_network(place, 2);
    }
    for place in [2, 3] {
        scene.world.leave_network(place, 0);
    }
    scene.world.start(0);
    scene.pass(500);
    scene.world.start(1);
    together_within(scene, &[0, 1], 700);
    scene.reigns(0);
    scene.begin();
    for place in [2, 3] {
        let client = scene.world.beacon_address_in(1, 2);
        scene.world.told_of.insert(place, client.into_iter().collect());
        scene.pass_up_to(60);
        scene.world.start(place);
    }
    scene.one_game_within(2_000);
    scene.reigns(0);
    scene.new_reigns(0);
    // The member introduced them, and the host has dialled them.
    scene.pass(1_000);
    scene.world.kill(1);
    scene.pass(2_000);
    together_within(scene, &[0, 2, 3], 1);
    scene.reigns(0);
}

fn slow_wire(scene: &mut Scene) {
    weather_of_a_slow_wire(scene);
    let count = scene.world.count();
    for place in 0..count {
        scene.pass_up_to(60);
        scene.world.start(place);
    }
    scene.one_game_within(TOGETHER_MS);
    scene.pass(5_000);
    scene.begin();
    let partings = scene.world.partings;
    scene.pass(600_000);
    let lost = scene.world.partings - partings;
    scene.claim(lost == 0, || format!("{lost} times somebody lost a link"));
    scene.is_one_game();
    scene.new_reigns(0);
    scene.nothing_undone();
    // Where three ticks in a row get lost somebody asks, once in an hour, and is told that its host lives.
    if scene.world.network.weather.loss_permille == 0 {
        scene.nobody_asked();
        scene.nobody_waited(60);
    } else {
        scene.nobody_waited(120);
    }
}

fn slow_wire_host_killed(scene: &mut Scene) {
    let trip_ms = weather_of_a_slow_wire(scene);
    let host = scene.gather_within(TOGETHER_MS);
    scene.world.kill(host);
    scene.pass(10);
    scene.one_game_within(400 + 3 * trip_ms);
    scene.new_reigns_at_most(2);
    scene.pass(3_000);
    scene.is_one_game();
    scene.new_reigns_at_most(2);
}

/// Makes every wire slow. How long a round trip takes, in milliseconds.
fn weather_of_a_slow_wire(scene: &mut Scene) -> u64 {
    let trip_ms = scene.pick(&[60, 80, 150, 160, 300]);
    let jitter_us = scene.draw(5_000);
    let loss_permille = scene.pick(&[0, 20]);
    scene.weather(Weather {
        latency_us: trip_ms * 500,
        jitter_us,
        loss_permille,
        ..Weather::calm()
    });
    trip_ms
}

fn together_within(scene: &mut Scene, places: &[Place], span_ms: u64) {
    let agreed = scene.until(ms(span_ms), |world| disagreement_among(world, places).is_none());
    let quarrel = disagreement_among(&scene.world, places);
    scene.claim(agreed, || format!("{places:?} are no one game: {quarrel:?}"));
}
