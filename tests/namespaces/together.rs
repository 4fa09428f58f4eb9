//! How they find each other.

use crate::scene::{Scene, now};

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn on_a_bare_switch_a_newcomer_finds_the_game_that_runs() {
    let mut scene = Scene::empty(2);
    scene.enter([0]);
    scene.peer(0).wait_for("host");
    let started = scene.enter([1]);
    scene.one_game();
    let took = scene.settled_after(started);
    println!("a newcomer: one game {took:.1} ms after its start");
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn eight_who_join_at_once_play_one_game() {
    let mut scene = Scene::empty(8);
    let started = scene.enter(0..8);
    scene.one_game();
    let took = scene.settled_after(started);
    println!("eight at once: one game {took:.1} ms after the first start");
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn two_who_start_in_the_same_instant_play_one_game() {
    for _ in 0..5 {
        let mut scene = Scene::empty(2);
        let started = scene.enter(0..2);
        scene.one_game();
        let took = scene.settled_after(started);
        println!("two at once: one game {took:.1} ms after the first start");
        scene.end();
    }
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn a_higher_id_joins_and_does_not_bully() {
    let mut scene = Scene::empty(4);
    scene.enter([0]);
    let host = scene.one_game();
    let (epoch, since) = (scene.epoch(), now());
    for newcomer in 1..4 {
        scene.enter([newcomer]);
        scene.one_game();
        scene.assert_same_reign(host, epoch, since);
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn where_broadcasts_are_blocked_the_address_of_a_peer_is_enough() {
    let mut scene = Scene::empty(3);
    scene.lab.broadcasts(false).unwrap();
    scene.enter([0]);
    scene.one_game();
    let host = scene.lab.address(0).to_string();
    // The third learns of the second from the host alone.
    scene.enter_with(1, &["--peer", &host]);
    scene.enter_with(2, &["--peer", &host]);
    scene.one_game();
    assert!(scene.lab.swallowed().unwrap() > 0, "no broadcast was blocked");
    scene.end();
}
