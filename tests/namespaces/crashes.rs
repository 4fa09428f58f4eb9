//! Processes and machines that are gone from one moment to the next.

use std::time::Duration;

use crate::scene::Scene;

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn the_host_is_killed_and_the_others_play_on() {
    let mut scene = Scene::playing(4);
    for _ in 0..3 {
        let host = scene.one_game();
        let killed = scene.kill([host]);
        scene.one_game();
        println!("host killed: {:.1} ms without a tick", scene.longest_gap(killed));
        scene.assert_nothing_rolled_back(killed);
        scene.enter([host]);
    }
    scene.end();
}

// Nobody hears it: neither an end of stream nor a reset comes.
#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn the_host_loses_its_power_and_the_others_play_on() {
    let mut scene = Scene::playing(4);
    for _ in 0..3 {
        let host = scene.one_game();
        let lost = scene.lab.unplug(host).unwrap().0;
        scene.kill([host]);
        scene.one_game();
        println!("host without power: {:.1} ms without a tick", scene.longest_gap(lost));
        scene.assert_nothing_rolled_back(lost);
        scene.lab.plug(host).unwrap();
        scene.enter([host]);
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn the_host_of_two_loses_its_power_and_the_other_plays_on() {
    let mut scene = Scene::playing(2);
    let host = scene.one_game();
    let lost = scene.lab.unplug(host).unwrap().0;
    scene.kill([host]);
    scene.one_game();
    println!("host of two without power: {:.1} ms without a tick", scene.longest_gap(lost));
    scene.assert_nothing_rolled_back(lost);
    scene.lab.plug(host).unwrap();
    scene.enter([host]);
    scene.end();
}

// The one that everybody else expects to take over is gone, too.
#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn the_host_and_the_highest_id_are_killed_together() {
    let mut scene = Scene::empty(5);
    scene.enter(0..4);
    let host = scene.one_game();
    scene.enter([4]);
    assert_eq!(scene.one_game(), host, "the newcomer has bullied the host");
    let killed = scene.kill([host, 4]);
    scene.one_game();
    println!("host and heir killed: {:.1} ms without a tick", scene.longest_gap(killed));
    scene.assert_nothing_rolled_back(killed);
    scene.enter([host, 4]);
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn three_hosts_in_a_row_are_killed_soon_after_they_were_crowned() {
    let mut scene = Scene::playing(6);
    for reign in [0, 10, 150] {
        let mut killed = vec![scene.one_game()];
        let first = scene.kill([killed[0]]);
        let mut last = first;
        while killed.len() < 3 {
            let witness = scene.hosts()[0];
            let crowned = scene.peer(witness).wait_for("host");
            scene.pass(Duration::from_millis(reign));
            let host = scene.hosts().into_iter().find(|at| crowned["host"] == scene.peer(*at).id);
            killed.push(host.unwrap());
            last = scene.kill(host);
        }
        scene.one_game();
        println!(
            "three hosts killed within {:.1} ms: {:.1} ms without a tick",
            (last - first) as f64 / 1_000.0,
            scene.longest_gap(first)
        );
        scene.assert_nothing_rolled_back(first);
        scene.enter(killed);
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn all_are_killed_and_start_again_in_any_order() {
    let mut scene = Scene::playing(3);
    for order in [[2, 0, 1], [0, 1, 2], [1, 2, 0]] {
        scene.kill(0..3);
        scene.judge();
        scene.forget();
        scene.enter([order[0]]);
        scene.one_game();
        let started = scene.enter([order[1], order[2]]);
        scene.one_game();
        println!("all killed: one game {:.1} ms later", scene.settled_after(started));
    }
    scene.kill(0..3);
    scene.judge();
    scene.forget();
    let started = scene.enter([2, 1, 0]);
    scene.one_game();
    println!("all killed: one game {:.1} ms later", scene.settled_after(started));
    scene.end();
}
