//! Cables and switches: whoever cannot reach each other plays on, and then again together.

use std::time::Duration;

use crate::scene::{Scene, now};

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn two_and_two_play_on_and_are_one_game_again() {
    let mut scene = Scene::playing(4);
    for ms in [300, 2_000, 6_000] {
        let cut = scene.lab.split(&[&[0, 1], &[2, 3]]).unwrap().0;
        scene.pass(Duration::from_millis(ms));
        let gap = scene.longest_gap(cut);
        assert!(scene.lab.swallowed().unwrap() > 0, "the cut cut nothing");
        let healed = scene.lab.heal().unwrap().0;
        scene.one_game();
        println!("two and two for {ms} ms: {gap:.1} ms without a tick; {}", scene.mended(healed));
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn a_host_whose_cable_is_out_plays_alone_and_follows_the_others_afterwards() {
    let mut scene = Scene::playing(4);
    for ms in [300, 2_000, 6_000] {
        let host = scene.one_game();
        let cut = scene.lab.unplug(host).unwrap().0;
        scene.pass(Duration::from_millis(ms));
        let gap = scene.longest_gap(cut);
        let healed = scene.lab.plug(host).unwrap().0;
        // Whoever waits for the processor is not there to be counted.
        let kept = scene.one_game() == host;
        assert!(
            !kept || scene.stood_still(&scene.hosts(), healed - 500_000),
            "one takes the crown from three"
        );
        println!(
            "host's cable out for {ms} ms: {gap:.1} ms without a tick; {}",
            scene.mended(healed)
        );
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn of_two_each_plays_alone_while_the_cable_is_out() {
    let mut scene = Scene::playing(2);
    for ms in [1_500, 6_000] {
        let host = scene.one_game();
        let cut = scene.lab.unplug(host).unwrap().0;
        scene.pass(Duration::from_millis(ms));
        let gap = scene.longest_gap(cut);
        let healed = scene.lab.plug(host).unwrap().0;
        scene.one_game();
        println!(
            "cable of two out for {ms} ms: {gap:.1} ms without a tick; {}",
            scene.mended(healed)
        );
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn a_cable_that_flaps_near_the_time_outs_leaves_one_game() {
    let mut scene = Scene::playing(4);
    for of_host in [true, false] {
        for ms in [30, 60, 120, 250] {
            let host = scene.one_game();
            let flapping = if of_host { host } else { (host + 1) % 4 };
            let began = now();
            let mut flaps = 0;
            while now() < began + 1_500_000 {
                scene.lab.unplug(flapping).unwrap();
                scene.pass(Duration::from_millis(ms));
                scene.lab.plug(flapping).unwrap();
                scene.pass(Duration::from_millis(ms));
                flaps += 1;
            }
            let healed = now();
            scene.one_game();
            let who = if of_host { "the host" } else { "a client" };
            println!(
                "cable of {who} out {flaps} times for {ms} ms: {} reigns, {:.1} ms without a tick; {}",
                scene.reigns(began..now()),
                scene.longest_gap(began),
                scene.mended(healed)
            );
        }
    }
    scene.end();
}

#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn with_a_third_of_all_packets_lost_the_game_goes_on() {
    let mut scene = Scene::playing(4);
    let host = scene.one_game();
    let (epoch, began) = (scene.epoch(), now());
    for host in scene.hosts() {
        scene.lab.loss(host, 30).unwrap();
    }
    scene.pass(Duration::from_secs(10));
    scene.one_game();
    println!(
        "30 % loss: {} reigns, {:.1} ms without a tick, {} packets lost",
        scene.reigns(began..now()),
        scene.longest_gap(began),
        scene.lab.swallowed().unwrap()
    );
    assert!(scene.lab.swallowed().unwrap() > 0, "nothing was lost");
    scene.assert_same_reign(host, epoch, began);
    for host in scene.hosts() {
        scene.lab.loss(host, 0).unwrap();
    }
    scene.end();
}

// Whichever of the two their packets take, one of these two pulls hits it.
#[test]
#[ignore = "needs root and Linux's network namespaces"]
fn with_two_cables_either_can_be_pulled() {
    let mut scene = Scene::empty(3);
    for host in 0..3 {
        scene.lab.add_cable(host).unwrap();
    }
    scene.enter(0..3);
    for cable in 0..2 {
        let host = scene.one_game();
        let pulled = scene.lab.unplug_cable(host, cable).unwrap().0;
        scene.pass(Duration::from_secs(4));
        scene.one_game();
        println!(
            "cable {cable} of the host's two pulled: {} reigns, {:.1} ms without a tick, settled \
             after {:.1} ms",
            scene.reigns(pulled..now()),
            scene.longest_gap(pulled),
            scene.settled_after(pulled)
        );
        scene.lab.plug(host).unwrap();
    }
    scene.end();
}
