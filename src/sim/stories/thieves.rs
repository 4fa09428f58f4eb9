//! Those who use what is not theirs: datagrams of others that they have recorded, the key of somebody
//! else, the name of the host under a roster.
//!
//! None of it is believed by anybody, and nobody who plays notices.

use super::{
    Story,
    scene::Scene,
    strangers::{knows, lets_in, settle, somebody},
};
use crate::{
    cluster::{
        coding,
        message::{Bar, Message, Roster, SignedRoster},
    },
    keys::{Chance, SecretKey},
    mesh::{Delivery, channel::LifeKey, identity::Identity, message::BEACON},
    sim::{network::Place, tally::Tally, world::World},
    types::NodeId,
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "dead-host-played-back",
        tells: "The host loses its power, and somebody sends all that it ever said again and again.",
        nodes: 5,
        script: dead_host_played_back,
    },
    Story {
        name: "key-without-proof",
        tells: "Somebody says hello with the key of another one, and cannot prove that it has it.",
        nodes: 6,
        script: key_without_proof,
    },
    Story {
        name: "member-forges-rosters",
        tells: "A member sends rosters in the host's name in which somebody is missing, and barred.",
        nodes: 5,
        script: member_forges_rosters,
    },
];

/// Whether all who play know that this one is away.
fn is_away(world: &World<Tally>, gone: NodeId, places: &[Place]) -> bool {
    places.iter().filter_map(|place| world.node(*place)).all(|node| {
        let mut members = node.cluster().members().iter();
        members.any(|member| member.id == gone && member.away)
    })
}

/// Beacons say where somebody is, and are nobody's word: see `materials/security.md`.
fn all_but_beacons(bytes: &mut Vec<u8>) {
    if bytes.first() == Some(&BEACON) {
        bytes.clear();
    }
}

fn dead_host_played_back(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let (id, others) = (scene.world.id(host), scene.others(host));
    scene.world.take_down_datagrams();
    scene.pass(1_000);
    scene.world.unplug(host);
    let many = scene.world.play_back(all_but_beacons);
    scene.claim(many > 200, || format!("{many} datagrams are few"));
    scene.one_game_within(150);
    scene.new_reigns(1);
    scene.nobody_waited(110);
    for _ in 0..20 {
        scene.world.play_back(all_but_beacons);
        scene.pass(150);
    }
    let away = is_away(&scene.world, id, &others);
    scene.claim(away, || format!("n{host} is dead, and somebody believes that it is there"));
    scene.new_reigns(1);
    scene.nothing_undone();
    scene.nobody_waited(25);
}

fn key_without_proof(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let mut stranger = settle(scene);
    for number in 0..10 {
        // What it says is what the other one would say, but for the proof.
        let (whom, thief) = (somebody(2 * number), somebody(2 * number + 1));
        let mut chance = Chance::new([number; 32]);
        let life = LifeKey::draw(&thief.key, whom.incarnation, &mut chance);
        let id = whom.id;
        stranger.says_hello(scene, host, &Identity { life, ..whom });
        let known = knows(scene, host, id);
        scene.claim(!known, || format!("{id:?} is let in, without a proof"));
        scene.pass_up_to(200);
    }
    scene.plays_on_undisturbed(6_000);
    lets_in(scene, 5);
}

fn member_forges_rosters(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let forger = scene.another(host);
    let others = scene.others(forger);
    let victims: Vec<Place> = others.iter().copied().filter(|place| *place != host).collect();
    let victim = scene.pick(&victims);
    for round in 0..5_u8 {
        for whom in &others {
            let Some(forged) = forged(scene, host, victim, round) else { return };
            if let Some((kind, body)) = coding::encode(&Message::Roster(forged)) {
                scene.world.utter(forger, *whom, Delivery::Link, kind, &body);
            }
        }
        scene.disturb("in the host's name");
        scene.pass(100);
    }
    scene.reigns(host);
    scene.nobody_asked();
    scene.nothing_undone();
    scene.have_not_waited(&others, 25);
    let id = scene.world.id(victim);
    let known = others.iter().all(|place| knows(scene, *place, id));
    scene.claim(known, || format!("somebody believes that n{victim} is out"));
    let linked = !scene.world.links_between(victim, host).is_empty();
    scene.claim(linked, || format!("n{victim} has no link with its host any more"));
    lets_in(scene, 4);
}

/// The host's roster without one of those who play, who is barred; signed by somebody else.
fn forged(scene: &Scene, host: Place, victim: Place, round: u8) -> Option<SignedRoster> {
    let node = scene.world.node(host)?;
    let victim = scene.world.id(victim);
    let members = node.cluster().members().iter();
    let roster = Roster {
        session_id: scene.session(host)?,
        term: node.cluster().election().reign()?,
        version: node.cluster().roster_version() + 10 + u64::from(round),
        members: members.filter(|member| member.id != victim).cloned().collect(),
        spectators: 0,
        waiting: Vec::new(),
        barred: vec![Bar { id: victim, for_good: true }],
    };
    let signed = SignedRoster::new(roster, &SecretKey::from_bytes(&[round; 32]))?;
    let key = if round.is_multiple_of(2) { scene.world.key(host) } else { signed.key };
    Some(SignedRoster { key, ..signed })
}
