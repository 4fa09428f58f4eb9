//! Members whose programs were modified, and strangers: worlds that nobody made, reigns that never were.
//!
//! Whatever they say, nobody plays in such a world, nobody who plays notices, and all that another one owns
//! stays as it is.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    cluster::{
        coding,
        message::{Message, Packet},
        reign::ReignWord,
    },
    config::BEACON_BYTES,
    io::{Effect, Port},
    keys::SecretKey,
    mesh::{Delivery, message::Beacon},
    sim::network::Place,
    types::{Epoch, Incarnation, Term},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "answers-with-invented-worlds",
        tells: "The host is killed, and a member brings worlds to the election that nobody made.",
        nodes: 5,
        script: answers_with_invented_worlds,
    },
    Story {
        name: "relay-alters-worlds",
        tells: "Somebody is cut off from the host, and one of those who could help alters what it passes on.",
        nodes: 5,
        script: relay_alters_worlds,
    },
    Story {
        name: "two-alter-worlds",
        tells: "The host is killed one time after the other, while two members lie in every way they can.",
        nodes: 6,
        script: two_alter_worlds,
    },
    Story {
        name: "member-tells-of-reigns",
        tells: "A member tells everybody of reigns that never were, with words that nobody gave.",
        nodes: 5,
        script: member_tells_of_reigns,
    },
    Story {
        name: "beacon-invents-a-term",
        tells: "Somebody sends beacons in the members' names that tell of a higher reign.",
        nodes: 6,
        script: beacon_invents_a_term,
    },
];

/// Within this time a host that was killed has a successor which everybody follows, and a host's tick that
/// is not late comes.
const SUCCEEDED_MS: u64 = 100;

/// So many hosts die at most, until a liar's answer has left in a datagram.
const DEATHS_MAX: usize = 5;

fn answers_with_invented_worlds(scene: &mut Scene) {
    let mut host = scene.gather();
    for _ in 0..DEATHS_MAX {
        let heir = scene.heir(host);
        let facts = scene.facts(host);
        let others: Vec<Place> = scene.others(host).into_iter().filter(|it| *it != heir).collect();
        let liar = scene.pick(&others);
        scene.world.pervert(liar);
        scene.world.kill(host);
        scene.one_game_within(SUCCEEDED_MS);
        scene.reigns(heir);
        scene.new_reigns(1);
        scene.nothing_undone();
        scene.nobody_waited(45);
        scene.all_hold(&facts);
        let told = scene.world.liars.told;
        if told[0] > 0 {
            let refused = refused(scene, heir, liar);
            // An old world, as its host signed it, is of no use, and no lie.
            scene.claim(refused > 0, || format!("n{heir} has refused nothing of {told:?}"));
            return;
        }
        // Its answer left over a link, where nothing is altered: the next host dies, too.
        scene.world.set_right();
        scene.world.start(host);
        scene.one_game_within(1_000);
        scene.pass(2_500);
        host = heir;
        scene.begin();
    }
    scene.claim(false, || "nobody was told of any invented world".into());
}

fn relay_alters_worlds(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let client = scene.another(host);
    let helpers: Vec<Place> = scene.others(host).into_iter().filter(|it| *it != client).collect();
    let liar = scene.pick(&helpers);
    scene.world.pervert(liar);
    scene.cut(&[host], &[client]);
    scene.pass(3_000);
    let altered = scene.world.liars.told[1];
    let found = refused(scene, client, liar);
    scene.claim(altered == 0 || found > 0, || format!("{altered} altered ticks were taken"));
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nothing_undone();
    let behind = scene.tick(host).saturating_sub(scene.tick(client));
    scene.claim(behind < 10, || format!("n{client} is {behind} ticks behind"));
    scene.have_not_waited(&[host, helpers[0], helpers[1]], 40);
    scene.have_not_waited(&[client], 1_000);
    scene.world.set_right();
    scene.heal();
    scene.world.start(4);
    scene.one_game_within(1_000);
}

fn two_alter_worlds(scene: &mut Scene) {
    let first = scene.gather();
    let liars: Vec<Place> = scene.others(first).into_iter().take(2).collect();
    for liar in &liars {
        scene.world.pervert(*liar);
    }
    for _ in 0..3 {
        let hosts = scene.awake_hosts();
        let Some(host) = hosts.first().copied() else { break };
        // A liar that reigns makes the worlds: these are its own.
        scene.world.kill(host);
        scene.one_game_within(300);
        scene.pass(500);
    }
    scene.nothing_undone();
    scene.new_reigns(3);
}

fn member_tells_of_reigns(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let liar = scene.another(host);
    let others = scene.others(liar);
    let real = scene.world.node(host).and_then(|node| node.cluster().election().reign());
    let Some(real) = real else { return };
    for round in 0..20_u8 {
        for whom in &others {
            for packet in rumours(round, real) {
                if let Some((kind, body)) = coding::encode(&Message::Packet(packet)) {
                    scene.world.utter(liar, *whom, Delivery::Datagram, kind, &body);
                }
            }
        }
        scene.disturb("of reigns that never were");
        scene.pass(50);
    }
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.nothing_undone();
    scene.nobody_waited(25);
    let found = refused(scene, host, liar);
    scene.claim(found >= 20, || format!("the host has refused {found} of them"));
    scene.world.start(4);
    scene.one_game_within(700);
}

/// Claims about reigns of keys that nobody has, and of the host's own, with another's word or none.
fn rumours(round: u8, real: Term) -> Vec<Packet> {
    let key = SecretKey::from_bytes(&[round; 32]);
    let epoch = Epoch(real.epoch.0 + 1 + u64::from(round));
    let nobody = SecretKey::from_bytes(&[!round; 32]).public();
    let invented = Term { epoch, host: nobody.id(), incarnation: Incarnation(7) };
    let hosts = Term { epoch, ..real };
    let claims = [invented, hosts].into_iter().flat_map(|term| {
        let word = ReignWord { key: nobody, ..ReignWord::give(&key, term) };
        [
            Packet::Rival { term, word: None },
            Packet::Rival { term, word: Some(word) },
            Packet::Reign { term, word },
            Packet::Stale { promised: term, word: None, alive: true },
            Packet::Stale { promised: term, word: None, alive: false },
            Packet::Stale { promised: term, word: Some(word), alive: true },
            Packet::Stale { promised: term, word: Some(word), alive: false },
            Packet::Verdict { judge: term, judged: real, keeps: true, word: Some(word) },
            Packet::Verdict { judge: term, judged: real, keeps: false, word: None },
        ]
    });
    claims.collect()
}

fn beacon_invents_a_term(scene: &mut Scene) {
    const STRANGER: Place = 4;
    let host = scene.gather_some(4);
    scene.world.settle_stranger(STRANGER);
    let real = scene.world.node(host).and_then(|node| node.cluster().election().reign());
    let Some(real) = real else { return };
    for round in 0..30_u8 {
        for named in 0..4 {
            let Some(node) = scene.world.node(named) else { continue };
            let nobody = SecretKey::from_bytes(&[round; 32]).public().id();
            let reigns = if round % 3 == 0 { node.me() } else { nobody };
            let incarnation = node.cluster().me().incarnation;
            let epoch = Epoch(real.epoch.0 + 1 + u64::from(round));
            let beacon = Beacon {
                who: node.cluster().me().introduction(),
                session_id: Some(node.cluster().ledger().session()),
                term: Some(Term { epoch, host: reigns, incarnation }),
                host_name: None,
                host_at: None,
                players: 9,
                locked: false,
                ask: false,
            };
            let mut bytes = serde_json::to_vec(&beacon).unwrap_or_default();
            bytes.resize(BEACON_BYTES, 0);
            for to in (0..4).filter(|to| *to != named) {
                let Some(to) = scene.world.beacon_address(to) else { continue };
                let bytes = bytes.clone().into();
                scene.world.act(STRANGER, Effect::Packet { to, via: Port::Own, bytes });
            }
        }
        scene.disturb("in beacons, of reigns that never were");
        scene.pass_up_to(100);
    }
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.nothing_undone();
    scene.nobody_waited(25);
    scene.world.start(5);
    let joined = scene.until(ms(1_000), |world| {
        let followed = world.node(5).and_then(|node| node.cluster().election().following());
        followed == Some(real)
    });
    scene.claim(joined, || "who comes in does not find the game".into());
}

/// How much of what this one sent was refused there.
fn refused(scene: &Scene, there: Place, from: Place) -> u64 {
    let node = scene.world.node(there);
    node.map_or(0, |node| node.cluster().refused(scene.world.id(from)).0)
}
