//! What the README says of firewalls: of such as systems have, which drop what nobody has asked for.

use std::time::Duration;

use crate::scene::Scene;

/// Where beacons come in.
const BEACONS: &str = "udp dport 50000";

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn who_is_behind_a_firewall_types_an_address_and_finds_everybody() {
    let mut scene = Scene::empty(3);
    scene.lab.wall(1, &[]).unwrap();
    scene.enter([0, 2]);
    scene.one_game();
    let known = scene.lab.address(0).to_string();
    scene.enter_with(1, &["--peer", &known]);
    scene.one_game();
    scene.end();
}

// It has founded a game of its own by the time somebody is there to answer.
#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn who_is_behind_a_firewall_may_type_an_address_before_anybody_lives_there() {
    let mut scene = Scene::empty(2);
    scene.lab.wall(1, &[]).unwrap();
    let known = scene.lab.address(0).to_string();
    scene.enter_with(1, &["--peer", &known]);
    scene.peer(1).wait_for("host");
    scene.enter([0]);
    scene.one_game();
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn a_firewall_that_lets_beacons_in_is_enough_if_the_others_have_none() {
    for walled in [0, 1] {
        let mut scene = Scene::empty(3);
        scene.lab.wall(walled, &[BEACONS]).unwrap();
        scene.enter(0..3);
        scene.one_game();
        scene.end();
    }
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn firewalls_that_let_beacons_and_a_fixed_port_in_are_no_obstacle() {
    let mut scene = Scene::empty(3);
    let open = [BEACONS, "udp dport 50001", "tcp dport 50001"];
    for host in 0..3 {
        scene.lab.wall(host, &open).unwrap();
        scene.enter_with(host, &["--port", "50001"]);
    }
    scene.one_game();
    scene.end();
}

// Of two behind firewalls one has to let the other's link in.
#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn of_two_firewalls_one_has_to_let_the_fixed_port_in() {
    for open in [0, 1] {
        let mut scene = Scene::empty(2);
        scene.lab.wall(open, &[BEACONS, "udp dport 50001", "tcp dport 50001"]).unwrap();
        scene.lab.wall(1 - open, &[BEACONS]).unwrap();
        scene.enter_with(open, &["--port", "50001"]);
        scene.enter([1 - open]);
        scene.one_game();
        scene.end();
    }
}

// Its firewall drops the question, and the answer to its own broadcasts, too.
#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn typed_on_the_other_machine_an_address_does_not_lead_through_a_firewall() {
    let mut scene = Scene::empty(2);
    scene.lab.wall(0, &[]).unwrap();
    scene.enter([0]);
    let walled = scene.lab.address(0).to_string();
    scene.enter_with(1, &["--peer", &walled]);
    scene.pass(Duration::from_secs(4));
    let met = scene.lines(0, "peer_up").chain(scene.lines(1, "peer_up")).count();
    assert_eq!(met, 0, "then the README may say so");
}
