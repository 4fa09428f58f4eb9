//! How they find each other where a system tells odd addresses, or has several.

use std::time::Duration;

use crate::scene::Scene;

/// The addresses of two hosts on one cable, as `ip` takes them.
const ODD: [(&str, &str, &str); 9] = [
    ("no broadcast address", "10.77.0.1/24", "10.77.0.2/24"),
    ("0.0.0.0", "10.77.0.1/24 broadcast 0.0.0.0", "10.77.0.2/24 broadcast 0.0.0.0"),
    (
        "all ones",
        "10.77.0.1/24 broadcast 255.255.255.255",
        "10.77.0.2/24 broadcast 255.255.255.255",
    ),
    ("the own one", "10.77.0.1/24 broadcast 10.77.0.1", "10.77.0.2/24 broadcast 10.77.0.2"),
    ("a wrong one", "10.77.0.1/24 broadcast 10.77.9.255", "10.77.0.2/24 broadcast 10.77.9.255"),
    ("two of 31 bits", "10.77.0.2/31", "10.77.0.3/31"),
    ("two of 32 bits", "10.77.0.1/32", "10.77.0.2/32"),
    ("a wide mask here", "10.77.0.1/16 broadcast +", "10.77.1.2/24 broadcast +"),
    ("a wide mask there", "10.77.1.1/24 broadcast +", "10.77.0.2/16 broadcast +"),
];

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn where_broadcast_addresses_are_wrong_they_find_each_other() {
    for (what, here, there) in ODD {
        println!("{what}");
        let mut scene = Scene::empty(2);
        for (host, address) in [here, there].into_iter().enumerate() {
            settle(&scene, host, "eth0", address);
        }
        scene.enter(0..2);
        scene.one_game();
        quiet(&mut scene, Duration::from_secs(3));
        scene.end();
    }
}

// The routing table of the one with two networks leads to the other of them. Whoever has the lower
// id dials first: it is tried both ways round.
#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn in_two_networks_of_one_number_those_of_the_second_are_found_too() {
    for (twofold, single) in [(0, 1), (1, 0)] {
        let mut scene = Scene::empty(2);
        for host in 0..2 {
            scene.lab.add_cable(host).unwrap();
        }
        settle(&scene, twofold, "eth0", "10.77.0.1/24 broadcast +");
        settle(&scene, twofold, "eth1", "10.77.0.2/24 broadcast +");
        scene.lab.configure(single, "address flush dev eth0\n").unwrap();
        settle(&scene, single, "eth1", "10.77.0.3/24 broadcast +");
        scene.enter(0..2);
        scene.one_game();
        quiet(&mut scene, Duration::from_secs(3));
        scene.end();
    }
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn who_is_on_one_network_twice_is_not_seen_to_move_about() {
    let mut scene = Scene::empty(3);
    scene.lab.add_cable(1).unwrap();
    scene.lab.replug_cable(1, 1, 0).unwrap();
    settle(&scene, 1, "eth1", "10.77.0.102/24 broadcast +");
    scene.enter(0..3);
    scene.one_game();
    quiet(&mut scene, Duration::from_secs(6));
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn who_has_two_addresses_in_one_network_is_not_seen_to_move_about() {
    for options in [&[][..], &["--ip", "10.77.0.102"], &["--ip", "10.77.0.2"]] {
        let mut scene = Scene::empty(3);
        let second = "address add 10.77.0.102/24 broadcast + dev eth0\n";
        scene.lab.configure(1, second).unwrap();
        scene.enter([0]);
        scene.enter_with(1, options);
        // This one knows it by its second address, or by its only one.
        let known = options.get(1).copied().unwrap_or("10.77.0.102");
        scene.enter_with(2, &["--peer", known]);
        scene.one_game();
        quiet(&mut scene, Duration::from_secs(6));
        scene.end();
    }
}

/// Gives a device this one address.
fn settle(scene: &Scene, host: usize, device: &str, address: &str) {
    let commands = format!("address flush dev {device}\naddress add {address} dev {device}\n");
    scene.lab.configure(host, &commands).unwrap();
}

/// Lets them play for so long, in which nobody loses anybody.
fn quiet(scene: &mut Scene, span: Duration) {
    let since = crate::scene::now();
    scene.pass(span);
    for host in scene.hosts() {
        for event in ["peer_down", "host_lost"] {
            let lost = scene.lines(host, event).filter(|line| crate::judge::at(line) >= since);
            let lost: Vec<_> = lost.collect();
            assert!(lost.is_empty() || scene.stood_still(&scene.hosts(), since), "{lost:?}");
        }
    }
}
