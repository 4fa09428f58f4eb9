//! A game that is full: who waits for a seat, who gets one, and who is left when all who played are gone.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    sim::{network::Place, tally::Tally, world::World},
    types::Role,
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "full-board",
        tells: "Three play, and no more may. Five more come: two leave, and the first two who came are in.",
        nodes: 3 + 5 + 1,
        script: full_board,
    },
    Story {
        name: "full-board-loses-its-host",
        tells: "The board is full, and some wait. Hosts are killed: the next ones know whose turn it is.",
        nodes: 3 + 4,
        script: full_board_loses_its_host,
    },
    Story {
        name: "full-board-is-handed-over",
        tells: "The board is full, and some wait. Hosts leave politely, one after the other.",
        nodes: 3 + 3,
        script: full_board_is_handed_over,
    },
    Story {
        name: "seat-kept-for-who-comes-back",
        tells: "The board is full. Somebody is killed and comes back at once: nobody has taken its seat.",
        nodes: 3 + 2,
        script: seat_kept_for_who_comes_back,
    },
    Story {
        name: "only-those-who-wait-are-left",
        tells: "All who play are killed or lose their power. Whoever waited goes on with their game, in turn.",
        nodes: 2 + 3,
        script: only_those_who_wait_are_left,
    },
    Story {
        name: "full-board-in-two-halves",
        tells: "A full board is cut in two, with some who wait on each side, and is one again.",
        nodes: 4 + 4,
        script: full_board_in_two_halves,
    },
    Story {
        name: "crowd-waits-for-seats",
        tells: "Two play. Thirty want to, and start in the same instant: nobody who plays is disturbed.",
        nodes: 2 + 30,
        script: crowd_waits_for_seats,
    },
];

/// Whether somebody has a seat, by what it says itself and by what its host says.
fn plays(world: &World<Tally>, place: Place) -> bool {
    let Some(node) = world.node(place) else { return false };
    let Some(host) = world.hosts().first().and_then(|host| world.node(*host)) else { return false };
    let seated = host.cluster().members().iter().any(|member| member.id == node.me());
    seated && node.cluster().me().role.plays()
}

/// So many play, on a board that takes no more. Their host.
fn fill(scene: &mut Scene, players: usize) -> Place {
    scene.world.tuning.players_max = players;
    scene.gather_some(players)
}

/// These come, one after the other and in this order; each of them is told at once that it waits, and how many are
/// before it.
fn queue(scene: &mut Scene, newcomers: &[Place], before: usize) {
    for (nth, place) in newcomers.iter().copied().enumerate() {
        scene.world.start(place);
        let waits = |world: &World<Tally>| {
            let node = world.node(place);
            node.is_some_and(|node| {
                node.cluster().ahead() == Some(before + nth) && node.replica().clock().is_some()
            })
        };
        let waits = scene.until(ms(700), waits);
        scene.claim(waits, || format!("n{place} does not wait as number {}", before + nth));
        scene.pass_up_to(200);
    }
}

/// These play, within so long, and all who are on besides wait, in this order.
fn in_turn(scene: &mut Scene, players: &[Place], waiting: &[Place], within_ms: u64) {
    let all = |world: &World<Tally>| players.iter().all(|place| plays(world, *place));
    let came = scene.until(ms(within_ms), all);
    let who: Vec<Place> =
        (0..scene.world.count()).filter(|place| plays(&scene.world, *place)).collect();
    scene.claim(came, || format!("{who:?} play after {within_ms} ms, not {players:?}"));
    scene.pass(300);
    for (nth, place) in waiting.iter().copied().enumerate() {
        let node = scene.world.node(place);
        let cluster = node.map(|node| (node.cluster().me().role, node.cluster().ahead()));
        let waits = cluster == Some((Role::Waiting, Some(nth)));
        scene.claim(waits, || format!("n{place} does not wait as number {nth}: {cluster:?}"));
    }
    scene.is_one_game();
}

/// Whoever waits is linked with the host and whoever comes next, and with nobody else.
fn keep_to_the_host(scene: &mut Scene, waiting: &[Place]) {
    let host = scene.host();
    let others = scene.others(host).into_iter();
    let players: Vec<Place> = others.filter(|place| plays(&scene.world, *place)).collect();
    let heir = players.iter().copied().max_by_key(|place| scene.world.id(*place));
    for place in waiting {
        let linked = |other: &Place| !scene.world.links_between(*place, *other).is_empty();
        let met: Vec<Place> =
            (0..scene.world.count()).filter(|other| *other != *place && linked(other)).collect();
        let fits = met.iter().all(|other| *other == host || Some(*other) == heir);
        scene.claim(fits && met.contains(&host), || format!("n{place} is linked with {met:?}"));
    }
}

fn full_board(scene: &mut Scene) {
    const WATCHER: Place = 8;
    let host = fill(scene, 3);
    scene.world.watching.insert(WATCHER);
    scene.world.start(WATCHER);
    let mut newcomers: Vec<Place> = (3..8).collect();
    scene.shuffle(&mut newcomers);
    queue(scene, &newcomers, 0);
    scene.plays_on_undisturbed(7_000);
    keep_to_the_host(scene, &newcomers);
    let leaving = scene.others(host).into_iter().filter(|place| *place < 3);
    let leaving: Vec<Place> = leaving.collect();
    leaving.iter().for_each(|place| scene.world.leave(*place));
    let (players, waiting) = newcomers.split_at(2);
    in_turn(scene, players, waiting, 200);
    scene.plays_on_undisturbed(1_000);
    // One of those who wait goes, and is skipped.
    scene.world.leave(waiting[0]);
    scene.world.leave(players[0]);
    in_turn(scene, &[host, players[1], waiting[1]], &waiting[2..], 200);
    // Somebody new comes after all others.
    queue(scene, &leaving[..1], waiting.len() - 2);
    scene.world.leave(players[1]);
    in_turn(scene, &[host, waiting[1], waiting[2]], &leaving[..1], 200);
    let watches = scene.world.node(WATCHER).map(|node| node.cluster().me().role);
    scene.claim(watches == Some(Role::Spectator), || format!("who watches is {watches:?}"));
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.nothing_undone();
    scene.one_ledger_within(2_500);
}

fn full_board_loses_its_host(scene: &mut Scene) {
    let mut host = fill(scene, 3);
    let mut waiting: Vec<Place> = (3..7).collect();
    scene.shuffle(&mut waiting);
    queue(scene, &waiting, 0);
    scene.pass(2_500); // by then they have met the heir
    for _ in 0..2 {
        let players: Vec<Place> = (0..scene.world.count())
            .filter(|place| *place != host && plays(&scene.world, *place))
            .collect();
        let heir = players.iter().copied().max_by_key(|place| scene.world.id(*place));
        scene.begin();
        match scene.toss() {
            true => scene.world.kill(host),
            false => scene.world.unplug(host),
        }
        scene.pass(400);
        scene.have_not_waited(&players, 120);
        scene.have_not_waited(&waiting, 350);
        host = scene.host();
        scene.claim(Some(host) == heir, || format!("n{host} reigns, not {heir:?}"));
        let early = waiting.iter().any(|place| plays(&scene.world, *place));
        scene.claim(!early, || "its seat is taken before it may have come back".into());
        let next = waiting.remove(0);
        in_turn(scene, &[next], &waiting, 4_500);
        scene.new_reigns(1);
        // It has a vote from here on, and may be the heir.
        scene.pass(2_500);
        keep_to_the_host(scene, &waiting);
    }
    // Whoever is next is gone when its turn comes, and so is the host.
    let gone = waiting.remove(0);
    scene.begin();
    scene.world.kill(gone);
    scene.world.kill(host);
    in_turn(scene, &waiting.clone(), &[], 4_500);
    scene.new_reigns(1);
    scene.one_ledger_within(2_500);
}

fn full_board_is_handed_over(scene: &mut Scene) {
    let mut host = fill(scene, 3);
    let mut waiting: Vec<Place> = (3..6).collect();
    scene.shuffle(&mut waiting);
    queue(scene, &waiting, 0);
    scene.pass_up_to(2_500); // perhaps they have met the heir
    for _ in 0..3 {
        scene.begin();
        scene.world.leave(host);
        let next = waiting.remove(0);
        in_turn(scene, &[next], &waiting, 900);
        scene.new_reigns(1);
        scene.nothing_undone();
        scene.pass_up_to(1_000);
        host = scene.host();
    }
    scene.one_ledger_within(2_500);
}

fn seat_kept_for_who_comes_back(scene: &mut Scene) {
    let host = fill(scene, 3);
    let waiting = [3, 4];
    queue(scene, &waiting, 0);
    scene.begin();
    for _ in 0..2 {
        let one = scene.others(host).into_iter().filter(|place| *place < 3);
        let one: Vec<Place> = one.collect();
        let one = scene.pick(&one);
        scene.world.kill(one);
        let span = scene.between(100, 2_000);
        scene.pass(span);
        scene.world.start(one);
        in_turn(scene, &[0, 1, 2], &waiting, 700);
        scene.pass(3_000);
    }
    in_turn(scene, &[0, 1, 2], &waiting, 0);
    scene.new_reigns(0);
}

fn only_those_who_wait_are_left(scene: &mut Scene) {
    fill(scene, 2);
    let mut waiting: Vec<Place> = (2..5).collect();
    scene.shuffle(&mut waiting);
    queue(scene, &waiting, 0);
    scene.pass(2_500);
    let ticks = scene.tick(waiting[0]);
    scene.begin();
    for place in 0..2 {
        match scene.toss() {
            true => scene.world.kill(place),
            false => scene.world.unplug(place),
        }
    }
    in_turn(scene, &waiting[..1], &[], 4_500);
    scene.reigns(waiting[0]);
    let went_on = scene.tick(waiting[0]);
    scene.claim(went_on >= ticks, || format!("it begins anew at {went_on}, not from {ticks}"));
    in_turn(scene, &waiting[..2], &waiting[2..], 4_500);
    scene.new_reigns_at_most(2);
    scene.reigns(waiting[0]);
}

fn full_board_in_two_halves(scene: &mut Scene) {
    let host = fill(scene, 4);
    let mut waiting: Vec<Place> = (4..8).collect();
    scene.shuffle(&mut waiting);
    queue(scene, &waiting, 0);
    scene.pass(1_000);
    let one = scene.others(host).into_iter().find(|place| *place < 4).unwrap_or(host);
    let some: Vec<Place> = vec![host, one, waiting[0], waiting[1]];
    let others: Vec<Place> = (0..8).filter(|place| !some.contains(place)).collect();
    scene.begin();
    scene.cut(&some, &others);
    let span = scene.between(200, 8_000);
    scene.pass(span);
    scene.hosts_are(2);
    scene.heal();
    scene.one_game_within(1_500);
    let seated = (0..8).filter(|place| plays(&scene.world, *place)).count();
    scene.claim(seated == 4, || format!("{seated} have the four seats"));
    let waits = (0..8).filter(|place| {
        scene.world.node(*place).is_some_and(|node| node.cluster().me().role == Role::Waiting)
    });
    let waits = waits.count();
    scene.claim(waits == 4, || format!("{waits} wait, not four"));
    scene.pass(1_000);
    scene.is_one_game();
    scene.one_ledger_within(2_500);
}

fn crowd_waits_for_seats(scene: &mut Scene) {
    let host = fill(scene, 2);
    let crowd: Vec<Place> = (2..32).collect();
    crowd.iter().for_each(|place| scene.world.start(*place));
    let wait = |world: &World<Tally>| {
        crowd
            .iter()
            .all(|place| world.node(*place).is_some_and(|node| node.cluster().ahead().is_some()))
    };
    let wait = scene.until(ms(2_000), wait);
    scene.claim(wait, || "not all of them wait".into());
    scene.have_not_waited(&[0, 1], 25);
    scene.pass(7_000);
    keep_to_the_host(scene, &crowd);
    let place = |scene: &Scene, place: Place| scene.world.node(place)?.cluster().ahead();
    let mut order: Vec<Place> = crowd.clone();
    order.sort_by_key(|waits| place(scene, *waits));
    let distinct = order.iter().enumerate().all(|(nth, waits)| place(scene, *waits) == Some(nth));
    scene.claim(distinct, || "two of them have the same place".into());
    scene.world.leave(1 - host);
    in_turn(scene, &order[..1], &order[1..], 200);
    scene.reigns(host);
    scene.nobody_asked();
}
