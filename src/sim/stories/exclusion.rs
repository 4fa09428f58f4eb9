//! Who is not let in, and who is shown the door.

use std::collections::BTreeSet;

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    cluster::votes::majority,
    config::KICKED_FOR,
    keys::Lock,
    node::{Command, Status},
    sim::{faults::disagreement_among, network::Place, tally::Tally, world::World},
    text::SessionName,
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "host-kicks-somebody",
        tells: "The host lets somebody go, who comes back at once in vain, and a minute later is let in.",
        nodes: 4,
        script: host_kicks_somebody,
    },
    Story {
        name: "ban-outlives-the-host",
        tells: "The host bans somebody, and dies; so does the next one. Who was banned never gets in again.",
        nodes: 6,
        script: ban_outlives_the_host,
    },
    Story {
        name: "members-vote-the-host-out",
        tells: "One member after the other votes against the host, until they are more than half.",
        nodes: 5,
        script: members_vote_the_host_out,
    },
    Story {
        name: "some-votes-come-late",
        tells: "Somebody hears no votes but those that others pass on, and decides the same.",
        nodes: 5,
        script: some_votes_come_late,
    },
    Story {
        name: "spectator-sees-the-votes",
        tells: "Somebody watches while the members vote: it sees each vote once, and what comes of them.",
        nodes: 5,
        script: spectator_sees_the_votes,
    },
    Story {
        name: "open-beside-locked",
        tells: "Somebody brings a passphrase where only an open session is: it is told, and founds its own.",
        nodes: 4,
        script: open_beside_locked,
    },
    Story {
        name: "two-of-two",
        tells: "Two play, and one of them votes against the other one, who hosts: nothing comes of it.",
        nodes: 2,
        script: two_of_two,
    },
    Story {
        name: "on-no-list",
        tells: "Some play by a list; whoever is not on it knocks, is told so, and disturbs nobody.",
        nodes: 4,
        script: on_no_list,
    },
    Story {
        name: "another-passphrase",
        tells: "Somebody knows another passphrase: it is told within a second, and waits outside.",
        nodes: 4,
        script: another_passphrase,
    },
    Story {
        name: "two-passphrases",
        tells: "Two locked sessions of one name never mix, and each has its game and its failover.",
        nodes: 6,
        script: two_passphrases,
    },
];

/// Within this time whoever is let go knows it.
const TOLD_MS: u64 = 1_000;

fn host_kicks_somebody(scene: &mut Scene) {
    let host = scene.gather();
    let victim = scene.another(host);
    let rest = without(scene, &[victim]);
    let id = scene.world.id(victim);
    scene.world.command(host, Command::Kick(id));
    is_let_go(scene, victim, &rest);

    play(scene, victim);
    is_let_go(scene, victim, &rest);
    scene.have_not_waited(&rest, 25);
    scene.nobody_asked();

    scene.pass(KICKED_FOR.as_millis() as u64);
    play(scene, victim);
    scene.one_game_within(1_500);
    scene.new_reigns(0);
}

fn ban_outlives_the_host(scene: &mut Scene) {
    let mut host = scene.gather();
    let victim = scene.another(host);
    let id = scene.world.id(victim);
    scene.world.command(host, Command::Ban(id));
    let rest = without(scene, &[victim]);
    is_let_go(scene, victim, &rest);
    scene.pass(200);

    for _ in 0..2 {
        scene.world.kill(host);
        let rest = without(scene, &[victim]);
        let agreed = scene.until(ms(100), |world| disagreement_among(world, &rest).is_none());
        scene.claim(agreed, || "those who are left have no host".into());
        host = scene.host();
        play(scene, victim);
        is_let_go(scene, victim, &rest);
    }
    // In another life, too, and long after a kick would be over.
    scene.world.kill(victim);
    scene.pass(KICKED_FOR.as_millis() as u64 + 1_000);
    scene.world.start(victim);
    let rest = without(scene, &[victim]);
    is_let_go(scene, victim, &rest);
    let game = disagreement_among(&scene.world, &rest);
    scene.claim(game.is_none(), || format!("the game was disturbed: {game:?}"));
}

fn members_vote_the_host_out(scene: &mut Scene) {
    let host = scene.gather();
    let id = scene.world.id(host);
    let mut members = scene.others(host);
    scene.shuffle(&mut members);
    for voter in &members[..majority(5) - 1] {
        scene.world.command(*voter, Command::VoteOut(id));
        // Whoever says it twice counts once.
        scene.world.command(*voter, Command::VoteOut(id));
        scene.pass(500);
        scene.reigns(host);
    }
    scene.nobody_asked();
    scene.nobody_waited(25);

    scene.world.command(members[majority(5) - 1], Command::VoteOut(id));
    let agreed = scene.until(ms(300), |world| disagreement_among(world, &members).is_none());
    scene.claim(agreed, || "the members have no host".into());
    is_let_go(scene, host, &members);
    scene.have_not_waited(&members, 300);

    play(scene, host);
    is_let_go(scene, host, &members);
    scene.new_reigns(1);
}

fn spectator_sees_the_votes(scene: &mut Scene) {
    const WATCHER: Place = 4;
    let host = scene.gather_some(4);
    scene.world.watching.insert(WATCHER);
    scene.world.start(WATCHER);
    let id = scene.world.id(host);
    let watches = |world: &World<Tally>| {
        let mut links = world.links_between(WATCHER, host).into_iter();
        let node = world.node(WATCHER).map(|node| node.status());
        links.next().is_some() && node == Some(Status::Playing)
    };
    let there = scene.until(ms(1_000), watches);
    scene.claim(there, || "nobody watches".into());
    let mut members: Vec<Place> = (0..4).filter(|place| *place != host).collect();
    scene.shuffle(&mut members);
    for (before, voter) in members[..2].iter().enumerate() {
        for _ in 0..2 {
            scene.world.command(*voter, Command::VoteOut(id));
            scene.pass(200);
        }
        let seen = scene.world.users.votes.get(&WATCHER).copied();
        let right = seen == Some((before + 1, majority(4)));
        scene.claim(right, || format!("who watches has seen {seen:?}"));
        let bars = scene.world.node(WATCHER).is_some_and(|node| node.cluster().is_barred(id));
        scene.claim(!bars, || "who watches has decided".into());
    }
    scene.reigns(host);
    scene.nobody_asked();
    scene.world.command(members[2], Command::VoteOut(id));
    let seen = scene.until(ms(3_000), |world| {
        let result = world.users.votes.get(&WATCHER) == Some(&(majority(4), majority(4)));
        let node = world.node(WATCHER);
        let follows = node.and_then(|node| node.cluster().election().following());
        result && follows.is_some_and(|term| term.host != id)
    });
    scene.claim(seen, || "who watches does not know what came of it".into());
}

fn open_beside_locked(scene: &mut Scene) {
    scene.gather_some(3);
    scene.world.locks.insert(3, lock(1));
    scene.world.start(3);
    scene.disturb("a locked session is founded beside the open one");
    // It does not wait any longer for that than where nobody is.
    let founds = |world: &World<Tally>| {
        world.node(3).is_some_and(|node| node.cluster().election().reign().is_some())
    };
    let founded = scene.until(ms(1_200), founds);
    scene.claim(founded, || "n3 has not founded a session of its own".into());
    scene.pass(3_000);
    let told = scene.world.users.heard_open.get(&3).copied();
    scene.claim(told == Some(1), || format!("n3 was told {told:?} times"));
    let others = (0..3).any(|place| scene.world.users.heard_open.contains_key(&place));
    scene.claim(!others, || "somebody else was told".into());
    scene.new_reigns_at_most(1);
}

fn some_votes_come_late(scene: &mut Scene) {
    let host = scene.gather();
    let id = scene.world.id(host);
    let members = scene.others(host);
    // It hears its host, and one other.
    let late = members[0];
    scene.cut(&[late], &members[2..]);
    for voter in &members[1..] {
        scene.world.command(*voter, Command::VoteOut(id));
    }
    let barred = scene.until(ms(300), |world| world.links_between(late, host).is_empty());
    scene.claim(barred, || format!("n{late} has not parted with its host"));
    scene.heal();
    let agreed = scene.until(ms(3_000), |world| disagreement_among(world, &members).is_none());
    scene.claim(agreed, || "the members are not one game any more".into());
    is_let_go(scene, host, &members);
}

fn two_of_two(scene: &mut Scene) {
    let host = scene.gather();
    let id = scene.world.id(host);
    let member = scene.another(host);
    scene.world.command(member, Command::VoteOut(id));
    // Nor does a member kick anybody.
    scene.world.command(member, Command::Ban(id));
    scene.plays_on_undisturbed(1_000);
    scene.reigns(host);
}

fn on_no_list(scene: &mut Scene) {
    let friends: Vec<Place> = vec![0, 1, 2];
    let keys = friends.iter().map(|place| scene.world.key(*place)).collect();
    for place in &friends {
        scene.world.allowed.insert(*place, BTreeSet::clone(&keys));
    }
    scene.gather_some(3);
    scene.world.start(3);
    is_let_go(scene, 3, &friends);
    scene.have_not_waited(&friends, 25);
    scene.nobody_asked();
    scene.new_reigns(0);
}

fn another_passphrase(scene: &mut Scene) {
    for place in 0..4 {
        scene.world.locks.insert(place, lock(place / 3));
    }
    scene.world.patient.insert(3);
    scene.gather_some(3);
    scene.world.start(3);
    let told = scene.until(ms(TOLD_MS), |world| world.users.locked_out.contains_key(&3));
    scene.claim(told, || "n3 is not told that it is locked out".into());
    scene.pass(5_000);
    scene.nobody_asked();
    scene.new_reigns(0);
    scene.have_not_waited(&[0, 1, 2], 25);
    let status = scene.world.node(3).map(|node| node.status());
    scene.claim(status == Some(Status::Searching), || format!("n3 is {status:?}"));
}

fn two_passphrases(scene: &mut Scene) {
    for place in 0..6 {
        scene.world.locks.insert(place, lock(place % 2));
    }
    let halves = [vec![0, 2, 4], vec![1, 3, 5]];
    for place in 0..6 {
        scene.pass_up_to(60);
        scene.world.start(place);
    }
    // Whoever comes second to a name waits a while: it is no disturbance when it founds its own.
    for _ in 0..6 {
        scene.disturb("two sessions of one name are founded");
        scene.pass(1_000);
    }
    scene.begin();
    each_has_its_game(scene, &halves);
    scene.nobody_waited(25);
    let hosts = scene.world.hosts();
    let killed = scene.pick(&hosts);
    scene.world.kill(killed);
    scene.pass(300);
    each_has_its_game(scene, &halves);
    scene.new_reigns(1);
    scene.pass(3_000);
    scene.world.start(killed);
    scene.pass(1_500);
    each_has_its_game(scene, &halves);
    scene.new_reigns(1);
}

fn each_has_its_game(scene: &mut Scene, halves: &[Vec<Place>; 2]) {
    for half in halves {
        let quarrel = disagreement_among(&scene.world, half);
        scene.claim(quarrel.is_none(), || format!("{half:?} have no game: {quarrel:?}"));
        let ids: Vec<_> = half.iter().map(|place| scene.world.id(*place)).collect();
        for place in half {
            let Some(node) = scene.world.node(*place) else { continue };
            let members = node.cluster().members().iter();
            let strangers = members.filter(|member| !ids.contains(&member.id)).count();
            scene
                .claim(strangers == 0, || format!("n{place} has {strangers} of the other session"));
        }
    }
}

fn lock(number: usize) -> Lock {
    Lock::from_secret(&[number as u8 + 1; 32])
}

/// All whose nodes run, but for some.
fn without(scene: &Scene, out: &[Place]) -> Vec<Place> {
    let all = 0..scene.world.count();
    all.filter(|place| !out.contains(place) && scene.world.is_awake(*place)).collect()
}

fn play(scene: &mut Scene, place: Place) {
    scene.world.users.excluded.remove(&place);
    scene.world.command(place, Command::Play(SessionName::default(), None));
}

/// This one is told that it may not be there, goes back to the title, and nobody of the rest counts it
/// or has a link with it.
fn is_let_go(scene: &mut Scene, place: Place, rest: &[Place]) {
    let id = scene.world.id(place);
    let gone = |world: &World<Tally>| {
        let browses = world.node(place).is_some_and(|node| node.status() == Status::Browsing);
        let mut nodes = rest.iter().filter_map(|place| world.node(*place));
        let forgotten =
            nodes.all(|node| node.cluster().members().iter().all(|member| member.id != id));
        browses && forgotten && world.users.excluded.contains(&place)
    };
    let told = scene.until(ms(TOLD_MS), gone);
    scene.claim(told, || format!("n{place} is still there"));
    scene.pass(100);
    let still = gone(&scene.world);
    scene.claim(still, || format!("n{place} is there again"));
}
