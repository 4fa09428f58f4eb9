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
];

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
        let players = (0..PLAYERS).filter(|place| *place != host && scene.world.is_awake(*place));
        let heir = players.max_by_key(|place| scene.world.id(*place)).unwrap_or_default();
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
