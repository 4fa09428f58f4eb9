//! Who is heard and cannot be reached: firewalls, and networks that keep their machines apart.

use std::time::Duration;

use serde_json::Value;

use crate::scene::{Scene, now};

/// In milliseconds: so soon those who reach one another play together, and a little later they are
/// told who is out of reach.
const TOGETHER: f64 = 3_000.0;
const TOLD: Duration = Duration::from_secs(4);

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn a_host_behind_a_firewall_keeps_nobody_from_playing() {
    let mut scene = Scene::empty(3);
    scene.lab.wall(0, &[]).unwrap();
    scene.enter([0]);
    scene.one_game_of(&[0]);
    let started = scene.enter([1, 2]);
    scene.one_game_of(&[1, 2]);
    let took = scene.settled_at_after(&[1, 2], started);
    println!("a host behind a firewall: the others in one game {took:.1} ms after their start");
    scene.assert_within(TOGETHER, took, &[1, 2], started);
    scene.pass(TOLD);
    let walled = scene.peer(0).id.clone();
    for host in [1, 2] {
        let told: Vec<&Value> = scene.lines(host, "unreachable").collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["peer"], walled.as_str());
        assert_eq!(told[0]["heard"], true);
    }
    // Somebody allows the program.
    scene.lab.tear_down_wall(0).unwrap();
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn where_wifi_keeps_its_machines_apart_one_on_a_cable_lets_all_into_one_game() {
    let mut scene = Scene::empty(4);
    scene.lab.keep_apart(&[0, 1, 2]).unwrap();
    scene.enter([0]);
    scene.one_game_of(&[0]);
    scene.enter([3]);
    scene.one_game_of(&[0, 3]);
    let started = scene.enter([1, 2]);
    scene.one_game();
    let took = scene.settled_at_after(&[0, 1, 2, 3], started);
    println!("guest Wi-Fi: all in one game {took:.1} ms after the last start");
    scene.assert_within(TOGETHER, took, &[0, 1, 2, 3], started);
    let began = now();
    scene.pass(Duration::from_secs(5));
    assert!(scene.lab.swallowed().unwrap() > 0, "nothing was kept apart");
    println!("guest Wi-Fi: {:.1} ms without a tick", scene.longest_gap(began));
    for host in scene.hosts() {
        assert_eq!(scene.lines(host, "unreachable").next(), None, "all of them play together");
    }
    // The one on the cable lets them go on when the host is gone.
    scene.kill([0]);
    scene.one_game();
    scene.end();
}
