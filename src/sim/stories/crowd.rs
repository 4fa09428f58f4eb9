//! Those who only watch, when there are many of them.

use std::ops::Range;

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    node::Status,
    sim::{
        network::{Place, Weather},
        tally::Tally,
        world::World,
    },
    types::NodeId,
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "crowd-loses-its-host",
        tells: "Many watch. Hosts are killed, one after the other: nobody who watches opens a link for that.",
        nodes: 4 + 16,
        script: crowd_loses_its_host,
    },
    Story {
        name: "crowd-comes-in-at-once",
        tells: "Two play. Forty spectators start in the same instant, and leave, and come again.",
        nodes: 2 + 40,
        script: crowd_comes_in_at_once,
    },
    Story {
        name: "crowd-in-heavy-rain",
        tells: "Many watch, and packets get lost: who missed what is to be referred to finds its way again.",
        nodes: 3 + 12,
        script: crowd_in_heavy_rain,
    },
    Story {
        name: "crowd-in-a-tree",
        tells: "More watch than a host sends to: some hand its ticks down. Then these die, and hosts.",
        nodes: PLAYERS + BRANCHED,
        script: crowd_in_a_tree,
    },
    Story {
        name: "crowd-comes-and-goes-in-a-tree",
        tells: "Of many who watch some leave, fall silent and come, while packets get lost.",
        nodes: PLAYERS + BRANCHED,
        script: crowd_comes_and_goes_in_a_tree,
    },
    Story {
        name: "silent-host-of-a-tree",
        tells: "Many watch through others. Their host loses its power, or sleeps: the heir knows who watches through whom.",
        nodes: PLAYERS + BRANCHED,
        script: silent_host_of_a_tree,
    },
    Story {
        name: "seats-for-those-in-a-tree",
        tells: "Some who wait for seats watch through others. They get seats, play, and part with those.",
        nodes: PLAYERS + BRANCHED,
        script: seats_for_those_in_a_tree,
    },
    Story {
        name: "tree-shows-invented-worlds",
        tells: "Of those who hand a host's ticks down some hand down what they have invented.",
        nodes: PLAYERS + BRANCHED,
        script: tree_shows_invented_worlds,
    },
];

/// How many play where there is a tree, and how many watch.
const PLAYERS: usize = 3;
const BRANCHED: usize = 18;

/// A host sends to so many itself at most, and each that hands its ticks down to so many.
const DIRECT: usize = 4;
const FAN_OUT: usize = 4;

/// Whether all of these hold a world of this host's reign.
fn follow(world: &World<Tally>, watchers: Range<Place>, host: NodeId) -> bool {
    watchers.into_iter().all(|watcher| {
        let Some(node) = world.node(watcher) else { return false };
        let reign = node.replica().clock().map(|clock| clock.term.host);
        node.status() == Status::Playing && reign == Some(host)
    })
}

/// These start to watch. Whether they follow the host within so long.
fn watch(scene: &mut Scene, watchers: Range<Place>, host: Place, within_ms: u64) {
    for watcher in watchers.clone() {
        scene.world.watching.insert(watcher);
        scene.world.start(watcher);
    }
    let id = scene.world.id(host);
    let there = scene.until(ms(within_ms), |world| follow(world, watchers.clone(), id));
    scene.claim(there, || format!("not all of them watch after {within_ms} ms"));
}

/// Who comes after the host, of so many who play.
fn heir(scene: &Scene, players: Place, host: Place) -> Place {
    let others = (0..players).filter(|place| *place != host && scene.world.is_awake(*place));
    others.max_by_key(|place| scene.world.id(*place)).unwrap_or_default()
}

fn crowd_loses_its_host(scene: &mut Scene) {
    const PLAYERS: Place = 4;
    let watchers = PLAYERS..PLAYERS + 16;
    let mut host = scene.gather_some(PLAYERS);
    watch(scene, watchers.clone(), host, 2_000);
    scene.pass(3_000); // by then they have met the heir
    for _ in 0..2 {
        let linked = |scene: &Scene, with: Place| {
            let there = |watcher: &Place| !scene.world.links_between(*watcher, with).is_empty();
            watchers.clone().filter(there).count()
        };
        let heir = heir(scene, PLAYERS, host);
        let met = linked(scene, heir);
        scene.claim(met == watchers.len(), || format!("{met} have met the heir"));
        scene.pass_up_to(100);
        scene.begin();
        scene.world.kill(host);
        let id = scene.world.id(heir);
        let follows = scene.until(ms(60), |world| follow(world, watchers.clone(), id));
        scene.claim(follows, || "not all who watch follow the heir at once".into());
        let waited: Vec<Place> = watchers.clone().collect();
        scene.have_not_waited(&waited, 60);
        host = heir;
        scene.reigns(host);
        scene.pass(3_000);
        scene.have_not_waited(&waited, 40);
    }
}

fn crowd_comes_in_at_once(scene: &mut Scene) {
    const PLAYERS: Place = 2;
    let watchers = PLAYERS..PLAYERS + 40;
    let host = scene.gather_some(PLAYERS);
    for _ in 0..2 {
        watch(scene, watchers.clone(), host, 2_500);
        scene.have_not_waited(&[0, 1], 25);
        let counted = scene.until(ms(2_000), |world| {
            let node = world.node(host);
            node.is_some_and(|node| node.cluster().spectators() == 40)
        });
        scene.claim(counted, || "not all who watch are counted".into());
        for watcher in watchers.clone() {
            scene.world.leave(watcher);
        }
        scene.pass(1_500);
        let gone = scene.world.node(host).is_some_and(|node| node.cluster().spectators() == 0);
        scene.claim(gone, || "some who left are still counted".into());
    }
    scene.reigns(host);
    scene.nobody_asked();
}

fn crowd_in_heavy_rain(scene: &mut Scene) {
    const PLAYERS: Place = 3;
    let watchers = PLAYERS..PLAYERS + 12;
    let host = scene.gather_some(PLAYERS);
    watch(scene, watchers.clone(), host, 2_000);
    scene.pass(1_000);
    scene.begin();
    scene.weather(Weather { loss_permille: 100, double_permille: 50, ..Weather::calm() });
    scene.pass(5_000);
    let waited: Vec<Place> = watchers.clone().collect();
    scene.have_not_waited(&waited, 200);
    scene.weather(Weather::calm());
    scene.pass(500);
    let newest = scene.tick(host);
    for watcher in watchers {
        let behind = newest.saturating_sub(scene.tick(watcher));
        scene.claim(behind <= 2, || format!("n{watcher} is {behind} ticks behind"));
    }
    scene.reigns(host);
}

/// Many watch, and have come to watch through each other. Who hosts.
fn branch(scene: &mut Scene) -> (Place, Range<Place>) {
    let watchers = PLAYERS..PLAYERS + BRANCHED;
    scene.world.tuning.direct_watchers = DIRECT;
    scene.world.tuning.fan_out = FAN_OUT;
    let host = scene.gather_some(PLAYERS);
    watch(scene, watchers.clone(), host, 2_500);
    come_to_watch_through_others(scene, watchers.clone());
    (host, watchers)
}

fn come_to_watch_through_others(scene: &mut Scene, watchers: Range<Place>) {
    let through = |world: &World<Tally>| served(world, watchers.clone()).len();
    let branched = scene.until(ms(4_000), |world| through(world) >= BRANCHED - FAN_OUT - 2);
    scene.claim(branched, || "hardly anybody watches through another one".into());
    scene.pass(2_000); // by then they have met whom they can turn to, and the heir
}

/// How many of those who watch a host sends its ticks to itself.
fn direct(scene: &Scene, host: Place) -> usize {
    let node = scene.world.node(host);
    node.map_or(0, |node| node.cluster().audience(scene.now()).filter(|to| to.watches).count())
}

/// Whoever watches through another one, and that one.
fn served(world: &World<Tally>, watchers: Range<Place>) -> Vec<(Place, NodeId)> {
    let through = |place: Place| Some((place, world.node(place)?.cluster().watches_through()?));
    watchers.filter_map(through).collect()
}

/// Those through whom others watch.
fn relays(scene: &Scene, watchers: Range<Place>) -> Vec<Place> {
    let served = served(&scene.world, watchers.clone());
    let hands_down = |place: &Place| {
        let id = scene.world.id(*place);
        served.iter().any(|(_, relay)| *relay == id)
    };
    watchers.filter(hands_down).collect()
}

fn crowd_in_a_tree(scene: &mut Scene) {
    let (mut host, watchers) = branch(scene);
    let sent = direct(scene, host);
    scene.claim(sent <= DIRECT + 2, || format!("the host sends to {sent} who watch"));
    scene.begin();
    for _ in 0..3 {
        let relays = relays(scene, watchers.clone());
        let relay = scene.pick(&relays);
        scene.pass_up_to(100);
        scene.world.kill(relay);
        scene.pass(1_000);
        let waited: Vec<Place> = watchers.clone().filter(|place| *place != relay).collect();
        scene.have_not_waited(&waited, 50);
        scene.world.start(relay);
        scene.pass(3_000);
        scene.begin();
    }
    let heir = heir(scene, PLAYERS, host);
    scene.pass_up_to(100);
    scene.begin();
    scene.world.kill(host);
    let id = scene.world.id(heir);
    let follows = scene.until(ms(80), |world| follow(world, watchers.clone(), id));
    scene.claim(follows, || "not all who watch follow the heir at once".into());
    scene.pass(1_000);
    host = heir;
    scene.reigns(host);
    let waited: Vec<Place> = watchers.clone().collect();
    scene.have_not_waited(&waited, 60);
    scene.pass(2_000);
    let sent = direct(scene, host);
    scene.claim(sent <= DIRECT + 4, || format!("the next host sends to {sent} who watch"));
    scene.nothing_undone();
    // Few are left: they get all from the host.
    for watcher in watchers.clone().skip(2) {
        scene.world.leave(watcher);
    }
    scene.pass(2_000);
    let through = served(&scene.world, watchers.clone()).len();
    scene.claim(through == 0, || format!("{through} of two still watch through others"));
}

fn silent_host_of_a_tree(scene: &mut Scene) {
    let (host, watchers) = branch(scene);
    let heir = heir(scene, PLAYERS, host);
    scene.pass_up_to(100);
    scene.begin();
    match scene.toss() {
        true => scene.world.unplug(host),
        false => scene.stop_for(host, 3_000),
    }
    let id = scene.world.id(heir);
    let follows = scene.until(ms(250), |world| follow(world, watchers.clone(), id));
    scene.claim(follows, || "not all who watch follow the heir at once".into());
    let sent = direct(scene, heir);
    scene.claim(sent <= DIRECT + 4, || format!("the heir sends to {sent} who watch"));
    let waited: Vec<Place> = watchers.clone().collect();
    scene.have_not_waited(&waited, 150);
    scene.pass(5_000);
    scene.have_not_waited(&waited, 60);
    let sent = direct(scene, heir);
    scene.claim(sent <= DIRECT + 4, || format!("later the heir sends to {sent} who watch"));
    scene.nothing_undone();
}

fn seats_for_those_in_a_tree(scene: &mut Scene) {
    scene.world.tuning.players_max = PLAYERS;
    let (host, watchers) = branch(scene);
    // The last ones want to play, and come again for that.
    let wanting = watchers.end - 4..watchers.end;
    for place in wanting.clone() {
        scene.world.leave(place);
        scene.world.watching.remove(&place);
    }
    scene.pass(500);
    wanting.clone().for_each(|place| scene.world.start(place));
    scene.pass(500);
    come_to_watch_through_others(scene, watchers.clone());
    let through = served(&scene.world, wanting.clone()).len();
    scene.claim(through == wanting.len(), || format!("{through} wait and watch through others"));
    let seated = |world: &World<Tally>| -> Vec<Place> {
        let plays =
            |place: &Place| world.node(*place).is_some_and(|node| node.cluster().me().role.plays());
        wanting.clone().filter(plays).collect()
    };
    let players: Vec<Place> = (0..PLAYERS).filter(|place| *place != host).collect();
    scene.begin();
    for player in players {
        scene.world.leave(player);
    }
    let two = scene.until(ms(1_000), |world| seated(world).len() == 2);
    scene.claim(two, || "two do not get the seats of the two who left".into());
    scene.pass(1_000);
    let players = seated(&scene.world);
    let heir = players.iter().copied().max_by_key(|place| scene.world.id(*place));
    for place in players.iter().copied().filter(|place| Some(*place) != heir) {
        let linked = |other: &Place| !scene.world.links_between(place, *other).is_empty();
        let crowd = watchers.clone().filter(|other| !players.contains(other));
        let met: Vec<Place> = crowd.filter(linked).collect();
        scene.claim(met.is_empty(), || format!("n{place} plays, and is linked with {met:?}"));
    }
    let waited: Vec<Place> = watchers.clone().collect();
    scene.have_not_waited(&waited, 60);
    scene.reigns(host);
}

fn crowd_comes_and_goes_in_a_tree(scene: &mut Scene) {
    let (host, watchers) = branch(scene);
    scene.begin();
    scene.weather(Weather { loss_permille: 50, double_permille: 20, ..Weather::calm() });
    for _ in 0..6 {
        let place = scene.between(watchers.start as u64, watchers.end as u64 - 1) as Place;
        match scene.draw(3) {
            0 => scene.world.leave(place),
            1 => scene.world.kill(place),
            _ => scene.stop_for(place, 700),
        }
        scene.pass_up_to(1_500);
        scene.world.start(place);
    }
    scene.weather(Weather::calm());
    scene.pass(4_000);
    scene.reigns(host);
    let newest = scene.tick(host);
    for watcher in watchers {
        let behind = newest.saturating_sub(scene.tick(watcher));
        scene.claim(behind <= 2, || format!("n{watcher} is {behind} ticks behind"));
    }
}

fn tree_shows_invented_worlds(scene: &mut Scene) {
    scene.world.shown = true; // whoever shows nothing looks at few signatures
    let (host, watchers) = branch(scene);
    let relays = relays(scene, watchers.clone());
    for liar in relays.iter().take(2) {
        scene.world.pervert(*liar);
    }
    scene.begin();
    scene.pass(4_000);
    let invented = scene.world.liars.told[1];
    scene.claim(invented > 0, || "nothing was invented".into());
    scene.reigns(host);
    scene.nothing_undone();
    let newest = scene.tick(host);
    for watcher in watchers.clone() {
        let behind = newest.saturating_sub(scene.tick(watcher));
        scene.claim(behind <= 2, || format!("n{watcher} is {behind} ticks behind"));
    }
    let waited: Vec<Place> = watchers.collect();
    scene.have_not_waited(&waited, 150);
}
