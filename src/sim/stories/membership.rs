//! Who comes and goes, and when.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{node::Node, text::Name};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "eight-at-once",
        tells: "Eight start in the same instant, where nobody was before.",
        nodes: 8,
        script: all_at_once,
    },
    Story {
        name: "two-at-once",
        tells: "Two start in the same instant, where nobody was before.",
        nodes: 2,
        script: all_at_once,
    },
    Story {
        name: "eight-join-at-once",
        tells: "Two play; eight more start in the same instant.",
        nodes: 10,
        script: eight_join_at_once,
    },
    Story {
        name: "join-during-an-election",
        tells: "Somebody starts just when the host is lost.",
        nodes: 5,
        script: join_during_an_election,
    },
    Story {
        name: "leave-during-an-election",
        tells: "The host is lost, and while the others ask for its crown, one of them leaves.",
        nodes: 5,
        script: leave_during_an_election,
    },
    Story {
        name: "another-name",
        tells: "Somebody is called otherwise in the middle of a game, perhaps just before its host dies.",
        nodes: 4,
        script: another_name,
    },
    Story {
        name: "host-leaves",
        tells: "The host leaves politely, and hands the crown over.",
        nodes: 4,
        script: host_leaves,
    },
    Story {
        name: "copied-profile",
        tells: "Two have the same id; one of them takes another.",
        nodes: 4,
        script: copied_profile,
    },
    Story {
        name: "founded-apart",
        tells: "Two sessions of one name, founded where neither saw the other, meet.",
        nodes: 5,
        script: founded_apart,
    },
    Story {
        name: "higher-id-joins",
        tells: "Newcomers of any id follow whoever reigns.",
        nodes: 4,
        script: higher_id_joins,
    },
];

fn all_at_once(scene: &mut Scene) {
    scene.begin();
    for place in 0..scene.world.count() {
        scene.world.start(place);
    }
    scene.one_game_within(600);
    scene.new_reigns(1);
    scene.pass(1_000);
    scene.is_one_game();
    scene.new_reigns(1);
}

fn eight_join_at_once(scene: &mut Scene) {
    let host = scene.gather_some(2);
    for place in 2..scene.world.count() {
        scene.world.start(place);
    }
    scene.one_game_within(500);
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.have_not_waited(&[0, 1], 25);
}

fn join_during_an_election(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let heir = scene.heir(host);
    let others = scene.others(host);
    let silent = scene.toss();
    match silent {
        true => scene.world.unplug(host),
        false => scene.world.kill(host),
    }
    scene.pass_up_to(if silent { 80 } else { 10 });
    scene.world.start(4);
    scene.pass(100);
    scene.have_not_waited(&others, 110);
    scene.one_game_within(1_000);
    scene.reigns(heir);
    scene.new_reigns(1);
    scene.nothing_undone();
}

fn leave_during_an_election(scene: &mut Scene) {
    let host = scene.gather();
    let asks = scene.world.judge.met.elections;
    scene.world.unplug(host);
    let asked = scene.until(ms(100), |world| world.judge.met.elections > asks);
    scene.claim(asked, || "nobody asked".into());
    scene.pass_up_to(2);
    let leaver = scene.another(host);
    scene.world.leave(leaver);
    scene.one_game_within(120);
    scene.nobody_waited(120);
    scene.nothing_undone();
}

fn another_name(scene: &mut Scene) {
    let host = scene.gather();
    let player = scene.draw(4) as usize;
    let name = Name::new("somebody else");
    scene.world.rename(player, name.clone());
    if player != host && scene.toss() {
        scene.pass_up_to(60);
        scene.world.kill(host);
        scene.one_game_within(50);
    }
    let Some(id) = scene.world.node(player).map(Node::me) else { return };
    let known = scene.until(ms(300), |world| {
        let nodes = (0..world.count()).filter_map(|place| world.node(place));
        let mut states = nodes.filter_map(|node| node.replica().state());
        states.all(|state| state.seats.get(&id).is_some_and(|seat| seat.name == name))
    });
    scene.claim(known, || format!("the world is not told what n{player} is called"));
}

fn host_leaves(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    scene.world.leave(host);
    scene.one_game_within(50);
    scene.reigns(heir);
    scene.new_reigns(1);
    scene.nobody_waited(25);
    scene.nothing_undone();
    let gone = scene.world.id(host);
    let members = scene.world.node(heir).map_or(0, |node| node.cluster().members().len());
    scene.claim(members == 3, || format!("{members} members, {gone:?} has left"));
}

fn copied_profile(scene: &mut Scene) {
    scene.world.copy_profile(0, 1);
    if scene.toss() {
        scene.begin();
        (0..4).for_each(|place| scene.world.start(place));
    } else {
        scene.world.start(0);
        scene.world.start(2);
        scene.world.start(3);
        scene.pass(3_000);
        scene.begin();
        scene.world.start(1);
    }
    scene.pass(500);
    scene.one_game_within(4_000);
    let nodes = (0..4).filter_map(|place| scene.world.node(place));
    let mut ids: Vec<_> = nodes.map(Node::me).collect();
    ids.sort();
    ids.dedup();
    scene.claim(ids.len() == 4, || format!("four nodes have the ids {ids:?}"));
}

fn founded_apart(scene: &mut Scene) {
    scene.cut(&[0, 1], &[2, 3, 4]);
    scene.begin();
    (0..5).for_each(|place| scene.world.start(place));
    scene.pass(1_000);
    scene.pass_up_to(5_000);
    scene.hosts_are(2);
    scene.heal();
    scene.one_game_within(1_500);
    let host = scene.host();
    scene.claim(host >= 2, || "the smaller game went on".into());
    scene.given_up(2);
    scene.new_reigns_at_most(3);
}

fn higher_id_joins(scene: &mut Scene) {
    scene.begin();
    let mut order = [0, 1, 2, 3];
    scene.shuffle(&mut order);
    scene.world.start(order[0]);
    scene.pass(1_000);
    for place in &order[1..] {
        scene.world.start(*place);
        scene.one_game_within(500);
    }
    scene.reigns(order[0]);
    scene.new_reigns(1);
    scene.have_not_waited(&order[..1], 25);
}
