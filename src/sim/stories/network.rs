//! Cuts, loss, delay, addresses, and other things that networks do.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{config::Form, sim::network::Weather};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "split-in-halves",
        tells: "The network falls into two halves; both play on, and become one game again.",
        nodes: 4,
        script: split_in_halves,
    },
    Story {
        name: "neck-and-neck",
        tells: "The host loses its power, and two who are cut off from each other reign, tick for tick; then they meet.",
        nodes: 3,
        script: neck_and_neck,
    },
    Story {
        name: "split-three-ways",
        tells: "The network falls into three parts, and is mended one gap after the other.",
        nodes: 6,
        script: split_three_ways,
    },
    Story {
        name: "host-alone",
        tells: "The host's cable is out for a while: it plays alone, the others without it.",
        nodes: 4,
        script: host_alone,
    },
    Story {
        name: "cable-out-for-a-blink",
        tells: "The host's cable is out for a tenth of a second: whom all others have now, they keep.",
        nodes: 5,
        script: cable_out_for_a_blink,
    },
    Story {
        name: "bridge-holds",
        tells: "The network falls apart but for one machine that sees both sides: it stays one game.",
        nodes: 5,
        script: bridge_holds,
    },
    Story {
        name: "bridge-joins",
        tells: "Two games become one because one machine sees both.",
        nodes: 5,
        script: bridge_joins,
    },
    Story {
        name: "one-way-cut",
        tells: "Nothing of the host reaches one client any more, or nothing of the client the host.",
        nodes: 4,
        script: one_way_cut,
    },
    Story {
        name: "one-pair-cut",
        tells: "The host and one client do not reach each other; everybody else reaches both.",
        nodes: 4,
        script: one_pair_cut,
    },
    Story {
        name: "deaf-or-mute",
        tells: "A firewall lets the links of somebody pass, and none of its datagrams, one way.",
        nodes: 3,
        script: deaf_or_mute,
    },
    Story {
        name: "loose-cable",
        tells: "Somebody's cable is off and on again, at a pace near the time-outs.",
        nodes: 4,
        script: loose_cable,
    },
    Story {
        name: "heavy-weather",
        tells: "A third of all packets is lost; others come late, overtake, come twice.",
        nodes: 4,
        script: heavy_weather,
    },
    Story {
        name: "bursts-of-delay",
        tells: "Somebody's radio holds everything back for 200 to 500 ms, again and again.",
        nodes: 4,
        script: bursts_of_delay,
    },
    Story {
        name: "half-open-links",
        tells: "Links are gone at one end, and the other end does not know.",
        nodes: 4,
        script: half_open_links,
    },
    Story {
        name: "old-packets-after-a-cut",
        tells: "Some switch has kept what was sent into a cut, and delivers it after the heal.",
        nodes: 4,
        script: old_packets_after_a_cut,
    },
    Story {
        name: "another-address",
        tells: "Somebody gets another address in the middle of the game.",
        nodes: 4,
        script: another_address,
    },
    Story {
        name: "two-networks",
        tells: "All are on two networks, and one of the two fails, for one of them or for all.",
        nodes: 4,
        script: two_networks,
    },
    Story {
        name: "no-broadcasts",
        tells: "Broadcasts reach nobody; everybody was told of all, or all of one.",
        nodes: 4,
        script: no_broadcasts,
    },
    Story {
        name: "told-of-a-client",
        tells: "Where broadcasts reach nobody, newcomers are told where somebody is who does not host.",
        nodes: 5,
        script: told_of_a_client,
    },
    Story {
        name: "large-packets-vanish",
        tells: "What is larger than 1,280 bytes vanishes without a word, and worlds are larger.",
        nodes: 7,
        script: large_packets_vanish,
    },
    Story {
        name: "beacon-port-taken",
        tells: "Another program has the port for beacons, at the founder's machine or a newcomer's.",
        nodes: 3,
        script: beacon_port_taken,
    },
];

fn split_in_halves(scene: &mut Scene) {
    let host = scene.gather();
    let [here, there] = scene.halves(host);
    scene.cut(&here, &there);
    scene.pass(200);
    scene.hosts_are(2);
    scene.have_not_waited(&here, 25);
    scene.have_not_waited(&there, 130);
    scene.pass_up_to(5_000);
    scene.nothing_undone();
    scene.heal();
    scene.one_game_within(500);
    scene.given_up(2);
    scene.new_reigns_at_most(2);
    scene.nobody_waited(50);
}

fn neck_and_neck(scene: &mut Scene) {
    let host = scene.gather();
    let others: Vec<usize> = (0..3).filter(|place| *place != host).collect();
    // One hears the host's last tick some milliseconds after the other, and ticks so much later from there on.
    scene.weather(Weather { jitter_us: 10_000, ..Weather::calm() });
    scene.pass_up_to(100);
    scene.cut(&others[..1], &others[1..]);
    scene.world.unplug(host);
    scene.weather(Weather::calm());
    scene.pass(600);
    scene.hosts_are(2);
    scene.pass_up_to(300);
    scene.heal();
    scene.one_game_within(100);
    scene.new_reigns_at_most(3);
}

fn split_three_ways(scene: &mut Scene) {
    scene.gather();
    let parts = [[0, 1], [2, 3], [4, 5]];
    for [a, b] in [[0, 1], [1, 2], [2, 0]] {
        scene.cut(&parts[a], &parts[b]);
    }
    scene.pass(200);
    scene.hosts_are(3);
    scene.pass_up_to(3_000);
    scene.nobody_waited(200);
    for (gap, hosts) in [([0, 1], 2), ([1, 2], 1)] {
        let [a, b] = gap;
        scene.heal_between(&parts[a], &parts[b]);
        let agreed = scene.until(ms(1_000), |world| world.hosts().len() == hosts);
        scene.claim(agreed, || format!("more than {hosts} hosts, a second after a heal"));
        scene.pass(500);
        scene.hosts_are(hosts);
    }
    scene.is_one_game();
    scene.heal();
    scene.one_game_within(100);
    scene.new_reigns_at_most(4);
    scene.nobody_waited(200);
}

fn host_alone(scene: &mut Scene) {
    let host = scene.gather();
    let (heir, others) = (scene.heir(host), scene.others(host));
    scene.cut(&[host], &others);
    scene.pass(200);
    scene.hosts_are(2);
    scene.have_not_waited(&others, 110);
    scene.pass_up_to(5_000);
    scene.heal();
    scene.one_game_within(500);
    scene.reigns(heir);
    scene.new_reigns_at_most(2);
    scene.given_up(1);
    scene.have_not_waited(&others, 50);
}

fn cable_out_for_a_blink(scene: &mut Scene) {
    let host = scene.gather();
    let (heir, others) = (scene.heir(host), scene.others(host));
    scene.cut(&[host], &others);
    // It comes back before it would call those that it does not hear any more no members.
    let elected = scene.until(ms(120), |world| world.hosts().contains(&heir));
    scene.claim(elected, || "nobody was elected meanwhile".to_owned());
    scene.heal();
    scene.one_game_within(500);
    scene.reigns(heir);
    scene.new_reigns(1);
}

fn bridge_holds(scene: &mut Scene) {
    scene.gather();
    scene.cut(&[0, 1], &[2, 3]);
    scene.pass(5_000);
    scene.is_one_game();
    scene.new_reigns(0);
    scene.nobody_waited(350);
    scene.heal();
    scene.pass(2_000);
    scene.is_one_game();
    scene.new_reigns(0);
    scene.nobody_waited(30);
}

fn bridge_joins(scene: &mut Scene) {
    scene.gather();
    scene.cut(&[0, 1], &[2, 3]);
    scene.cut(&[4], &[2, 3]);
    scene.pass(500);
    scene.hosts_are(2);
    scene.pass_up_to(4_000);
    scene.heal_between(&[4], &[2, 3]);
    scene.one_game_within(600);
    scene.new_reigns_at_most(2);
    scene.pass(3_000);
    scene.is_one_game();
    scene.new_reigns_at_most(2);
}

fn one_way_cut(scene: &mut Scene) {
    let host = scene.gather();
    let client = scene.another(host);
    match scene.toss() {
        true => scene.cut_one_way(host, client),
        false => scene.cut_one_way(client, host),
    }
    plays_through_others(scene, host, client);
}

fn one_pair_cut(scene: &mut Scene) {
    let host = scene.gather();
    let client = scene.another(host);
    scene.cut(&[host], &[client]);
    plays_through_others(scene, host, client);
}

fn plays_through_others(scene: &mut Scene, host: usize, client: usize) {
    scene.pass(1_000);
    scene.have_not_waited(&[client], 150);
    for _ in 0..5 {
        scene.pass(1_000);
        let behind = scene.tick(host).saturating_sub(scene.tick(client));
        scene.claim(behind < 5, || format!("n{client} is {behind} ticks behind"));
        let seated = scene.is_seated(host, client);
        scene.claim(seated, || format!("n{client} counts as gone"));
    }
    scene.is_one_game();
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nobody_waited(100);
    scene.heal();
    scene.pass(1_000);
    scene.new_reigns(0);
    scene.is_one_game();
}

fn deaf_or_mute(scene: &mut Scene) {
    let deaf = scene.toss();
    let early = scene.toss();
    let block = |scene: &mut Scene| match deaf {
        true => {
            scene.world.network.deafen(2);
            scene.disturb("no datagram reaches n2 any more");
        }
        false => {
            scene.world.network.mute(2);
            scene.disturb("no datagram of n2 reaches anybody any more");
        }
    };
    if early {
        block(scene);
    }
    if early {
        (0..3).for_each(|place| scene.world.start(place));
        scene.pass(2_000);
    } else {
        scene.gather();
        block(scene);
        scene.pass(2_000);
    }
    scene.one_game_within(1_000);
    scene.begin();
    scene.pass(5_000);
    scene.is_one_game();
    scene.new_reigns(0);
    scene.nobody_waited(150);
}

fn loose_cable(scene: &mut Scene) {
    let host = scene.gather();
    let whose = if scene.toss() { host } else { scene.another(host) };
    let others = scene.others(whose);
    let half = ms(scene.between(20, 300));
    let times = scene.between(3, 8) as u32;
    scene.disturb(format_args!("n{whose}'s cable is off and on every {half:?}"));
    let pairs = others.iter().map(|other| (whose, *other)).collect();
    scene.world.flap(pairs, half, scene.now() + half * 2 * times);
    scene.pass((half * 2 * times).as_millis() as u64);
    scene.disturb("the cable holds");
    scene.one_game_within(600);
    scene.new_reigns_at_most(2);
    scene.have_not_waited(&others, 250);
}

fn heavy_weather(scene: &mut Scene) {
    scene.gather();
    let (latency_us, jitter_us) = (scene.draw(5_000), scene.draw(20_000));
    scene.weather(Weather { latency_us, jitter_us, loss_permille: 300, double_permille: 100 });
    scene.pass(10_000);
    scene.new_reigns_at_most(1);
    scene.nobody_waited(200);
    scene.weather(Weather::calm());
    scene.one_game_within(200);
}

fn bursts_of_delay(scene: &mut Scene) {
    let host = scene.gather();
    let whose = if scene.toss() { host } else { scene.another(host) };
    for _ in 0..5 {
        let extra = ms(scene.between(200, 500));
        let span = ms(scene.between(50, 1_000));
        scene.disturb(format_args!("all of n{whose} comes {extra:?} late, for {span:?}"));
        scene.world.network.delay(whose, extra, scene.now() + span);
        scene.pass(2_000);
        scene.is_one_game();
    }
    scene.new_reigns_at_most(8);
    scene.have_not_waited(&scene.others(whose), 250);
}

fn half_open_links(scene: &mut Scene) {
    scene.gather();
    for _ in 0..8 {
        let place = scene.draw(4) as usize;
        scene.world.note(place, "forgets a link, and the other end does not know");
        scene.world.half_open(place);
        // One after the other: a link is dialled again after 50 ms.
        scene.pass(100);
        scene.pass_up_to(900);
    }
    scene.one_game_within(200);
    scene.new_reigns(0);
    scene.nobody_waited(100);
}

fn old_packets_after_a_cut(scene: &mut Scene) {
    let host = scene.gather();
    let (heir, others) = (scene.heir(host), scene.others(host));
    scene.world.network.hoards = true;
    scene.cut(&[host], &others);
    scene.pass(200);
    scene.pass_up_to(8_000);
    scene.heal();
    scene.one_game_within(500);
    scene.reigns(heir);
    scene.new_reigns_at_most(2);
    scene.have_not_waited(&others, 110);
}

fn another_address(scene: &mut Scene) {
    let host = scene.gather();
    let whose = if scene.toss() { host } else { scene.another(host) };
    scene.disturb(format_args!("n{whose} moves"));
    scene.world.readdress(whose);
    scene.pass(500);
    scene.one_game_within(1_500);
    scene.pass(1_000);
    scene.is_one_game();
    scene.new_reigns_at_most(1);
    scene.have_not_waited(&scene.others(whose), 150);
}

fn two_networks(scene: &mut Scene) {
    for place in 0..scene.world.count() {
        scene.world.join_network(place, 1);
    }
    scene.gather();
    let net = scene.draw(2) as u8;
    let all: Vec<usize> = (0..scene.world.count()).collect();
    let whose = if scene.toss() { all } else { vec![scene.draw(4) as usize] };
    for place in &whose {
        scene.world.network.unplug(*place, net);
    }
    scene.disturb(format_args!("network {net} fails for {whose:?}"));
    scene.pass(1_000);
    scene.one_game_within(500);
    scene.nobody_waited(600);
    scene.pass(3_000);
    scene.is_one_game();
    scene.new_reigns_at_most(5);
}

fn no_broadcasts(scene: &mut Scene) {
    scene.world.network.broadcasts = false;
    scene.world.hub = scene.toss().then_some(0);
    scene.world.start(0);
    scene.pass(500);
    let host = scene.gather();
    scene.new_reigns(0);
    scene.reigns(0);
    scene.world.kill(host);
    scene.one_game_within(50);
    scene.nobody_waited(25);
    scene.world.hub = None; // who comes back knows somebody who is there
    scene.world.start(host);
    scene.one_game_within(700);
    scene.new_reigns(1);
}

fn told_of_a_client(scene: &mut Scene) {
    scene.world.network.broadcasts = false;
    scene.world.hub = Some(0);
    scene.world.start(0);
    scene.pass(500);
    scene.world.start(1);
    scene.one_game_within(700);
    scene.reigns(0);
    scene.begin();
    scene.world.hub = Some(1);
    for place in 2..5 {
        scene.pass_up_to(60);
        scene.world.start(place);
    }
    scene.one_game_within(700);
    scene.reigns(0);
    scene.new_reigns(0);
    scene.world.kill(0);
    scene.one_game_within(50);
}

fn large_packets_vanish(scene: &mut Scene) {
    const MTU: usize = 1_280;
    scene.world.form = Form::Json;
    scene.world.network.mtu = Some(MTU);
    let host = scene.gather();
    let state = scene.world.node(host).and_then(|node| node.replica().state());
    let bytes = state.and_then(|state| serde_json::to_vec(&**state).ok()).unwrap_or_default();
    scene.claim(bytes.len() > MTU, || format!("the world has {} bytes", bytes.len()));
    scene.plays_on_undisturbed(500);
    scene.world.kill(host);
    scene.one_game_within(50);
    scene.nobody_waited(25);
    let vanished = scene.world.network.vanished;
    scene.claim(vanished == 0, || format!("{vanished} packets vanished"));
}

fn beacon_port_taken(scene: &mut Scene) {
    let whose = scene.pick(&[0, 1]);
    scene.world.take_port(whose);
    scene.begin();
    scene.world.start(0);
    scene.pass(1_000);
    scene.reigns(0);
    scene.world.start(1);
    scene.one_game_within(1_000);
    scene.world.start(2);
    scene.one_game_within(1_000);
    scene.reigns(0);
    // Who did not hear the founder in time has founded a game of its own meanwhile.
    scene.new_reigns_at_most(if whose == 0 { 3 } else { 1 });
    scene.pass(2_000);
    scene.is_one_game();
}
