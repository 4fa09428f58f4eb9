//! Processes that are killed, machines that lose their power.

use super::{
    Story,
    scene::{Scene, ms},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "host-killed",
        tells: "The host's process is killed; its closing links tell the others at once.",
        nodes: 5,
        script: host_killed,
    },
    Story {
        name: "host-loses-power",
        tells: "The host's machine loses its power: silence, and no link ends.",
        nodes: 5,
        script: host_loses_power,
    },
    Story {
        name: "host-of-two-loses-power",
        tells: "The same with two players: nobody else can say whether the host lives.",
        nodes: 2,
        script: host_of_two_loses_power,
    },
    Story {
        name: "host-and-heir-killed",
        tells: "The host and whoever would come next are killed in the same moment.",
        nodes: 5,
        script: host_and_heir_killed,
    },
    Story {
        name: "killed-while-a-newcomer-comes-in",
        tells: "The host is killed while somebody new is about to get the world.",
        nodes: 5,
        script: killed_while_a_newcomer_comes_in,
    },
    Story {
        name: "winner-killed-before-announcing",
        tells: "The host is killed; whoever asks for the crown is killed before it is answered.",
        nodes: 5,
        script: winner_killed_before_announcing,
    },
    Story {
        name: "winner-killed-before-its-first-tick",
        tells: "Who has just won the crown is killed before anybody knows, and comes back at once.",
        nodes: 5,
        script: winner_killed_before_its_first_tick,
    },
    Story {
        name: "three-hosts-killed-in-a-row",
        tells: "The host is killed, and its successor, and that one's, within 400 ms.",
        nodes: 6,
        script: three_hosts_killed_in_a_row,
    },
    Story {
        name: "back-again-and-again",
        tells: "Somebody is killed and comes back, with the profile it had, again and again.",
        nodes: 4,
        script: back_again_and_again,
    },
    Story {
        name: "orders-through-kills",
        tells: "Everybody orders this and that, while the host is killed again and again.",
        nodes: 4,
        script: orders_through_kills,
    },
];

fn host_killed(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    scene.world.kill(host);
    scene.one_game_within(50);
    scene.reigns(heir);
    scene.new_reigns(1);
    scene.nobody_waited(25);
    scene.nothing_undone();
    scene.world.start(host);
    scene.one_game_within(500);
    scene.reigns(heir);
}

fn host_loses_power(scene: &mut Scene) {
    let host = scene.gather();
    scene.world.unplug(host);
    scene.one_game_within(150);
    scene.new_reigns(1);
    scene.nobody_waited(110);
    scene.nothing_undone();
    let new = scene.host();
    scene.world.start(host);
    scene.one_game_within(500);
    scene.reigns(new);
}

fn host_of_two_loses_power(scene: &mut Scene) {
    let host = scene.gather();
    scene.world.unplug(host);
    scene.one_game_within(150);
    scene.new_reigns(1);
    scene.nobody_waited(150);
    scene.nothing_undone();
}

fn host_and_heir_killed(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    let mut order = [host, heir];
    scene.shuffle(&mut order);
    scene.world.kill(order[0]);
    let most = scene.pick(&[0, 1, 10]);
    scene.pass_up_to(most);
    scene.world.kill(order[1]);
    scene.one_game_within(100);
    scene.nobody_waited(110);
    scene.nothing_undone();
}

fn killed_while_a_newcomer_comes_in(scene: &mut Scene) {
    let host = scene.gather_some(4);
    scene.world.start(4);
    scene.pass_up_to(30);
    let tick = scene.tick(host);
    scene.world.kill(host);
    scene.one_game_within(100);
    scene.have_not_waited(&[0, 1, 2, 3], 60);
    let new = scene.host();
    let goes_on = scene.tick(new) >= tick;
    scene.claim(goes_on, || "somebody without the world took the crown".into());
    scene.nothing_undone();
}

fn winner_killed_before_announcing(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    let asks = scene.world.judge.met.elections;
    scene.world.kill(host);
    let asked = scene.until(ms(50), |world| world.judge.met.elections > asks);
    scene.claim(asked, || "nobody asked".into());
    scene.pass_up_to(1);
    scene.world.kill(heir);
    scene.one_game_within(120);
    scene.nobody_waited(120);
    scene.nothing_undone();
}

fn winner_killed_before_its_first_tick(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    scene.world.kill(host);
    let crowned = scene.until(ms(50), |world| world.hosts() == [heir]);
    scene.claim(crowned, || format!("n{heir} does not reign"));
    scene.world.kill(heir);
    // It knows nothing of the epoch in which it reigned, and may choose the same again.
    scene.world.start(heir);
    scene.pass(1);
    scene.one_game_within(700);
    scene.new_reigns(2);
    let others: Vec<usize> = scene.others(heir);
    scene.have_not_waited(&others, 110);
    scene.nothing_undone();
}

fn three_hosts_killed_in_a_row(scene: &mut Scene) {
    let mut host = scene.gather();
    for _ in 0..3 {
        scene.world.kill(host);
        scene.pass(30);
        scene.pass_up_to(100);
        scene.until(ms(100), |world| !world.hosts().is_empty());
        host = scene.host();
    }
    scene.one_game_within(50);
    scene.new_reigns(3);
    scene.nobody_waited(25);
    scene.nothing_undone();
}

fn back_again_and_again(scene: &mut Scene) {
    scene.gather();
    for _ in 0..4 {
        let place = scene.draw(4) as usize;
        scene.world.kill(place);
        scene.pass_up_to(1_000);
        scene.world.start(place);
        scene.pass(100);
        scene.one_game_within(600);
        scene.have_not_waited(&scene.others(place), 60);
    }
    scene.new_reigns_at_most(4);
    scene.nothing_undone();
}

fn orders_through_kills(scene: &mut Scene) {
    scene.gather();
    scene.world.keys_held_us = 5_000..60_000;
    for _ in 0..8 {
        scene.pass(300);
        scene.pass_up_to(500);
        let host = scene.host();
        scene.world.kill(host);
        scene.one_game_within(50);
        scene.nothing_undone();
        scene.pass_up_to(200);
        scene.world.start(host);
        scene.one_game_within(500);
    }
    scene.pass(300);
    scene.world.hands_off = true;
    scene.pass(200);
    for place in 0..scene.world.count() {
        let (id, given) = (scene.world.id(place), scene.world.ordered(place));
        let state = scene.world.node(place).and_then(|node| node.replica().state().cloned());
        let applied = state.map_or(0, |state| state.world.ordered(id));
        scene.claim(given > 2 && applied == given, || {
            format!("of n{place} {given} orders were given, and {applied} applied")
        });
    }
}
