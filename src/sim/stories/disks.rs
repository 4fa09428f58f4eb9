//! What is forgotten: old disks, damaged ones, none; and what must not be.
//!
//! What was acknowledged is looked for on the disks at the end of every story.

use std::collections::BTreeSet;

use super::{
    Story,
    scene::{Scene, ms},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "all-killed",
        tells: "All are killed, and started again in any order: their session goes on.",
        nodes: 4,
        script: all_killed,
    },
    Story {
        name: "back-with-a-wiped-disk",
        tells: "Somebody is killed and comes back as somebody else who knows nothing, host or not.",
        nodes: 4,
        script: back_with_a_wiped_disk,
    },
    Story {
        name: "back-with-an-old-disk",
        tells: "Somebody is killed and comes back with an old copy of its disk, host or not.",
        nodes: 4,
        script: back_with_an_old_disk,
    },
    Story {
        name: "killed-while-it-writes",
        tells: "Somebody is killed in the middle of writing: its last record may be torn.",
        nodes: 4,
        script: killed_while_it_writes,
    },
    Story {
        name: "flipped-bit",
        tells: "Somebody is killed, and a bit of its disk changes before it comes back.",
        nodes: 4,
        script: flipped_bit,
    },
    Story {
        name: "disk-full",
        tells: "A disk is full: its machine says so, and plays on; the others keep what it makes.",
        nodes: 4,
        script: disk_full,
    },
    Story {
        name: "sync-fails",
        tells: "A sync fails, so nobody can say what is on that disk: nothing more is written there.",
        nodes: 4,
        script: sync_fails,
    },
    Story {
        name: "a-thousand-apart",
        tells: "Two halves make points as fast as they can, and meet: a thousand entries to merge.",
        nodes: 4,
        script: a_thousand_apart,
    },
    Story {
        name: "apart-again-and-again",
        tells: "The network is cut in two halves and mended, three times, with points on both sides.",
        nodes: 4,
        script: apart_again_and_again,
    },
];

/// After a heal, or a return, all ledgers are equal within this time.
const EQUAL_MS: u64 = 2_000;

fn all_killed(scene: &mut Scene) {
    scene.gather();
    scene.one_ledger_within(EQUAL_MS);
    let (session, facts) = (scene.session(0), scene.facts(0));
    scene.pass_up_to(1_000);
    let mut order = [0, 1, 2, 3];
    scene.shuffle(&mut order);
    for place in order {
        scene.world.kill(place);
        scene.pass_up_to(30);
    }
    scene.shuffle(&mut order);
    for place in order {
        scene.world.start(place);
        scene.pass_up_to(1_000);
    }
    scene.one_game_within(500);
    scene.one_ledger_within(EQUAL_MS);
    scene.all_hold(&facts);
    let goes_on = scene.session(0) == session;
    scene.claim(goes_on, || "it is another session".into());
}

fn back_with_a_wiped_disk(scene: &mut Scene) {
    let host = scene.gather();
    let place = if scene.toss() { host } else { scene.another(host) };
    let others = scene.others(place);
    scene.world.kill(place);
    scene.pass_up_to(1_000);
    scene.world.new_profile(place);
    scene.world.wipe(place);
    scene.world.start(place);
    scene.pass(100);
    scene.one_game_within(600);
    let reigns = scene.host();
    scene.claim(reigns != place, || "a newcomer took the crown".into());
    scene.have_not_waited(&others, 60);
    scene.nothing_undone();
    gets_what_it_lacks(scene, place);
}

fn back_with_an_old_disk(scene: &mut Scene) {
    let host = scene.gather();
    let place = if scene.toss() { host } else { scene.another(host) };
    scene.world.back_up(place);
    scene.pass(2_000);
    scene.world.kill(place);
    scene.world.put_back(place);
    comes_back(scene, place);
}

fn killed_while_it_writes(scene: &mut Scene) {
    let host = scene.gather();
    let place = if scene.toss() { host } else { scene.another(host) };
    let writes = scene.until(ms(1_000), |world| world.is_writing(place));
    scene.claim(writes, || format!("n{place} writes nothing"));
    scene.world.kill(place);
    comes_back(scene, place);
}

fn flipped_bit(scene: &mut Scene) {
    let host = scene.gather();
    let place = if scene.toss() { host } else { scene.another(host) };
    scene.world.kill(place);
    scene.world.flip_bit(place);
    comes_back(scene, place);
}

/// A machine that was killed is started, and nobody but itself has a reason to notice.
fn comes_back(scene: &mut Scene, place: usize) {
    scene.pass_up_to(1_000);
    scene.world.start(place);
    scene.pass(100);
    scene.one_game_within(600);
    scene.have_not_waited(&scene.others(place), 60);
    scene.nothing_undone();
    gets_what_it_lacks(scene, place);
}

fn gets_what_it_lacks(scene: &mut Scene, place: usize) {
    let other = scene.another(place);
    let facts = scene.facts(other);
    scene.one_ledger_within(EQUAL_MS);
    scene.all_hold(&facts);
}

fn disk_full(scene: &mut Scene) {
    let host = scene.gather();
    let place = if scene.toss() { host } else { scene.another(host) };
    scene.world.disk(place).fill();
    plays_on_without_a_disk(scene, place);
}

fn sync_fails(scene: &mut Scene) {
    let host = scene.gather();
    let place = if scene.toss() { host } else { scene.another(host) };
    scene.world.disk(place).fail_next_sync = true;
    plays_on_without_a_disk(scene, place);
}

fn plays_on_without_a_disk(scene: &mut Scene, place: usize) {
    scene.plays_on_undisturbed(2_000);
    scene.disk_is_given_up(place);
    // What it holds is safe all the same, for two others have it.
    scene.one_ledger_within(EQUAL_MS);
    scene.all_is_safe_at(place);
    let facts = scene.facts(place);
    scene.world.kill(place);
    scene.world.disk(place).make_room();
    comes_back(scene, place);
    scene.all_hold(&facts);
}

fn a_thousand_apart(scene: &mut Scene) {
    let host = scene.gather();
    scene.world.keys_held_us = 4_500..5_500;
    apart(scene, host, 18_000, 1_000);
}

fn apart_again_and_again(scene: &mut Scene) {
    let mut host = scene.gather();
    for _ in 0..3 {
        let span = scene.between(1_000, 4_000);
        apart(scene, host, span, 2);
        host = scene.host();
    }
}

/// Two halves play for themselves for so long, and both make points, so many in all or more. Mended,
/// everybody has those of both.
fn apart(scene: &mut Scene, host: usize, span_ms: u64, least: usize) {
    let [one, other] = scene.halves(host);
    let before = scene.facts(one[0]);
    scene.cut(&one, &other);
    scene.pass(span_ms);
    scene.hosts_are(2);
    let sides = [scene.facts(one[0]), scene.facts(other[0])];
    let new = |side: &BTreeSet<Vec<u8>>| side.difference(&before).count();
    let made = sides.each_ref().map(new);
    let enough = made.iter().all(|made| *made > 0) && made.iter().sum::<usize>() >= least;
    scene.claim(enough, || format!("they made only {made:?} points"));
    scene.nobody_waited(200);
    scene.heal();
    scene.one_game_within(500);
    let host = scene.host();
    scene.have_not_waited(if one.contains(&host) { &one } else { &other }, 50);
    scene.one_ledger_within(EQUAL_MS);
    sides.iter().for_each(|facts| scene.all_hold(facts));
}
