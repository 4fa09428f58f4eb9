//! Processes that are stopped, laptops that sleep, clocks, too little processor time.

use std::time::Duration;

use super::{
    Story,
    scene::{Scene, ms},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "host-stopped",
        tells: "The host's process is stopped, and goes on in the belief that it reigns.",
        nodes: 4,
        script: host_stopped,
    },
    Story {
        name: "host-blinks",
        tells: "The host's process stands still for two ticks, and nobody minds.",
        nodes: 4,
        script: host_blinks,
    },
    Story {
        name: "client-stopped",
        tells: "A client's process is stopped, and goes on.",
        nodes: 4,
        script: client_stopped,
    },
    Story {
        name: "client-misses-events",
        tells: "A client's process is stopped for seconds; it hears how many events it was not told.",
        nodes: 4,
        script: client_misses_events,
    },
    Story {
        name: "candidate-stopped-while-asking",
        tells: "The host falls silent; whoever asks for its crown is stopped in the middle of it.",
        nodes: 5,
        script: candidate_stopped_while_asking,
    },
    Story {
        name: "laptop-asleep-for-hours",
        tells: "Somebody closes the lid, host or not, and opens it hours later.",
        nodes: 4,
        script: laptop_asleep_for_hours,
    },
    Story {
        name: "clocks-that-differ",
        tells: "Each machine's clock shows another year, and none is exactly as fast as another.",
        nodes: 4,
        script: clocks_that_differ,
    },
    Story {
        name: "everybody-blinks",
        tells: "They all run on one machine, and that stands still for a moment, again and again.",
        nodes: 6,
        script: everybody_blinks,
    },
    Story {
        name: "host-short-of-cpu",
        tells: "The host gets its share of the processor late, again and again.",
        nodes: 4,
        script: host_short_of_cpu,
    },
];

const STOPS_MS: [u64; 3] = [300, 1_000, 3_000];

fn host_stopped(scene: &mut Scene) {
    let host = scene.gather();
    scene.world.pause(host);
    scene.pass(200);
    let successor = scene.host();
    scene.nobody_waited(110);
    let span = scene.pick(&STOPS_MS);
    scene.stop_for(host, span - 200);
    scene.one_game_within(100);
    scene.reigns(successor);
    scene.new_reigns(1);
    scene.have_not_waited(&scene.others(host), 25);
    scene.nothing_undone();
}

fn host_blinks(scene: &mut Scene) {
    let host = scene.gather();
    for _ in 0..10 {
        let span = scene.between(1, 30);
        scene.stop_for(host, span);
        scene.pass(300);
    }
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.reigns(host);
    scene.nobody_waited(50);
}

/// Whoever goes on first finds nothing new: the host has not listened either.
fn everybody_blinks(scene: &mut Scene) {
    let host = scene.gather();
    for _ in 0..10 {
        let mut all: Vec<usize> = (0..scene.world.count()).collect();
        all.iter().for_each(|place| scene.world.pause(*place));
        let span = scene.between(20, 150);
        scene.pass(span);
        scene.shuffle(&mut all);
        for place in all {
            scene.pass_up_to(2);
            let timer_first = scene.toss();
            scene.world.resume(place, timer_first);
        }
        scene.pass(300);
    }
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.reigns(host);
}

fn client_stopped(scene: &mut Scene) {
    let host = scene.gather();
    let client = scene.another(host);
    let span = scene.pick(&STOPS_MS);
    scene.stop_for(client, span);
    scene.one_game_within(100);
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.have_not_waited(&scene.others(client), 25);
    scene.nothing_undone();
}

fn client_misses_events(scene: &mut Scene) {
    let host = scene.gather();
    let client = scene.another(host);
    scene.rest(300);
    let before = [host, client].map(|place| scene.world.judge.events(place));
    let span = scene.between(2_000, 6_000);
    scene.stop_for(client, span);
    scene.one_game_within(100);
    scene.rest(300);
    let after = [host, client].map(|place| scene.world.judge.events(place));
    let [happened, told] = [0, 1].map(|at| after[at].0 - before[at].0);
    let missed = after[1].1 - before[1].1;
    scene.claim(happened > 0 && missed > 0, || format!("{happened} happened, {missed} missed"));
    scene.claim(told + missed == happened, || {
        format!("of {happened} events n{client} was told {told} and missed {missed}")
    });
}

fn candidate_stopped_while_asking(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    let asks = scene.world.judge.met.elections;
    scene.world.unplug(host);
    let asked = scene.until(ms(200), |world| world.judge.met.elections > asks);
    scene.claim(asked, || "nobody asked".into());
    scene.world.pause(heir);
    scene.pass(500);
    let successor = scene.host();
    scene.nobody_waited(350);
    let span = scene.between(1, 3_000);
    scene.stop_for(heir, span);
    scene.one_game_within(100);
    scene.reigns(successor);
    scene.nothing_undone();
}

fn laptop_asleep_for_hours(scene: &mut Scene) {
    // For the others as many minutes pass as it takes to forget somebody: hours would be no
    // different, but take long to tell.
    scene.world.tuning.forget = ms(5_000);
    let host = scene.gather();
    let sleeper = if scene.toss() { host } else { scene.another(host) };
    let others = scene.others(sleeper);
    scene.cut(&[sleeper], &others);
    scene.world.pause(sleeper);
    scene.pass(6_000);
    scene.pass_up_to(3_000);
    let host = scene.host();
    scene.nobody_waited(110);
    scene.heal();
    let hours = scene.between(1, 80);
    scene.world.wake(sleeper, Duration::from_secs(hours * 3_600));
    scene.one_game_within(1_000);
    scene.reigns(host);
    scene.have_not_waited(&others, 25);
}

/// There is no wall clock in the core: what a node knows of the time is the number that its driver
/// hands it. So to set the wall clock changes nothing, and no two nodes' numbers need agree.
fn clocks_that_differ(scene: &mut Scene) {
    for place in 0..scene.world.count() {
        let ahead = Duration::from_secs(scene.draw(50 * 365 * 24 * 3_600));
        let drift_ppm = scene.pick(&[-500, -50, 0, 50, 500]);
        scene.world.set_clock(place, ahead, drift_ppm);
    }
    let host = scene.gather();
    scene.pass(10_000);
    scene.nobody_asked();
    scene.nobody_waited(25);
    scene.world.kill(host);
    scene.one_game_within(50);
    scene.nobody_waited(25);
    scene.nothing_undone();
}

fn host_short_of_cpu(scene: &mut Scene) {
    let host = scene.gather();
    let late = scene.between(5, 100);
    scene.world.disturbed = scene.now();
    scene.world.slow_down(host, ms(late));
    scene.world.note(host, format_args!("gets the processor up to {late} ms late"));
    scene.pass(5_000);
    scene.new_reigns_at_most(1);
    scene.have_not_waited(&scene.others(host), 260);
    scene.world.slow_down(host, Duration::ZERO);
    scene.one_game_within(200);
    scene.new_reigns_at_most(1);
    // What it still computed before it heard that somebody else reigns.
    scene.rolled_back_at_most(10);
}
