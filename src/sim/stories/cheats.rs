//! Hosts that do not play by the rules, and members that want what is not theirs: what a rightful seat does not
//! give, whatever its program says.
//!
//! A host that cheats is seen by everybody else within a second, and may be voted out. A member that lies takes no
//! more than its own seat: nobody who plays notices, and all that another one owns stays as it is.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    cluster::{
        coding,
        message::{
            Answer, ControlsPacket, ElectionPacket, Ends, Message, OkPacket, Packet, Payload, Rank,
            TickPacket, Vote, WorldMark,
        },
        reign::ReignWord,
    },
    keys::SecretKey,
    ledger::{
        Ledger, batch,
        body::Body,
        entry::{SharedEntry, WallTime},
        exchange::LedgerMessage,
        vouching::Pen,
    },
    mesh::Delivery,
    node::{Command, Deceit},
    sim::network::Place,
    types::{Clock, Epoch, Incarnation, Term, Tick},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "host-gives-itself-points",
        tells: "The host gives itself what no rule gives; all others say so, and vote for another one.",
        nodes: 5,
        script: host_gives_itself_points,
    },
    Story {
        name: "heir-gives-itself-points",
        tells: "The host is killed, and whoever comes after it cheats from its first tick on.",
        nodes: 5,
        script: heir_gives_itself_points,
    },
    Story {
        name: "cheats-on-a-bad-wire",
        tells: "Of three packets in a hundred each is lost, and the host cheats now and then.",
        nodes: 4,
        script: cheats_on_a_bad_wire,
    },
    Story {
        name: "nobody-cheats-on-a-bad-wire",
        tells: "Packets are lost, links break, hosts are stopped and killed, and nobody says that anybody cheats.",
        nodes: 5,
        script: nobody_cheats_on_a_bad_wire,
    },
    Story {
        name: "member-ends-a-reign",
        tells: "A member tells everybody that the reign is over, and that it reigns itself.",
        nodes: 5,
        script: member_ends_a_reign,
    },
    Story {
        name: "member-judges-unasked",
        tells: "A member judges between its host and itself, and nobody has asked it to.",
        nodes: 5,
        script: member_judges_unasked,
    },
    Story {
        name: "member-says-the-dead-live",
        tells: "The host is killed, and a member answers everybody that it lives, or that it takes over.",
        nodes: 5,
        script: member_says_the_dead_live,
    },
    Story {
        name: "member-votes-twice",
        tells: "A member votes against its host as often as it can, under its own key and others.",
        nodes: 5,
        script: member_votes_twice,
    },
    Story {
        name: "highest-epoch",
        tells: "A member tells of the highest reigns there can be, writes them down, and all start again.",
        nodes: 6,
        script: highest_epoch,
    },
    Story {
        name: "speaks-for-another-life",
        tells: "A member speaks for lives that are over, and for those of others.",
        nodes: 5,
        script: speaks_for_another_life,
    },
];

/// A host that cheats is seen by everybody within this time.
const CAUGHT_MS: u64 = 1_000;

fn host_gives_itself_points(scene: &mut Scene) {
    let host = scene.gather();
    let others = scene.others(host);
    scene.world.meddle(host);
    is_caught(scene, host, &others);
    scene.reigns(host);
    scene.new_reigns(0);
    scene.have_not_waited(&others, 25);
    let id = scene.world.id(host);
    for voter in &others {
        scene.world.command(*voter, Command::VoteOut(id));
    }
    let heir = others.iter().copied().max_by_key(|place| scene.world.id(*place));
    let agreed = scene.until(ms(400), |world| {
        others.iter().all(|place| {
            let election = world.node(*place).map(|node| node.cluster().election());
            election.and_then(|election| election.current()).map(|term| term.host)
                == heir.map(|heir| world.id(heir))
        })
    });
    scene.claim(agreed, || "the members have no other host".into());
    // Nobody says of the next one that it cheats: that would be a violation.
    scene.pass(2_000);
    scene.new_reigns(1);
}

fn heir_gives_itself_points(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    let others: Vec<Place> = scene.others(host).into_iter().filter(|it| *it != heir).collect();
    scene.world.meddle(heir);
    scene.pass_up_to(500);
    scene.world.kill(host);
    is_caught(scene, heir, &others);
    scene.reigns(heir);
    scene.new_reigns(1);
}

fn cheats_on_a_bad_wire(scene: &mut Scene) {
    let host = scene.gather();
    let others = scene.others(host);
    scene.world.network.weather.loss_permille = 30;
    scene.disturb("of a hundred packets three are lost");
    scene.pass(2_000);
    scene.world.meddle(host);
    let caught = scene.until(ms(2 * CAUGHT_MS), |world| {
        let host = world.id(host);
        others.iter().all(|place| world.users.caught.contains_key(&(*place, host)))
    });
    scene.claim(caught, || "not everybody has seen it".into());
}

fn nobody_cheats_on_a_bad_wire(scene: &mut Scene) {
    scene.gather();
    for _ in 0..6 {
        let host = scene.host_of_most();
        scene.world.network.weather.loss_permille = scene.draw(100);
        scene.world.network.weather.jitter_us = scene.draw(20_000);
        scene.disturb("the wire gets worse");
        scene.pass_up_to(3_000);
        let other = scene.another(host);
        match scene.draw(5) {
            0 => {
                scene.world.kill(host);
                scene.pass_up_to(2_000);
                scene.world.start(host);
            }
            1 => scene.stop_for(host, 400),
            2 => scene.stop_for(other, 2_500),
            3 => {
                scene.cut(&[host], &[other]);
                scene.pass_up_to(2_500);
                scene.heal_between(&[host], &[other]);
            }
            _ => {
                let [some, rest] = scene.halves(host);
                scene.cut(&some, &rest);
                scene.pass_up_to(2_500);
                scene.heal();
            }
        }
        scene.pass_up_to(2_000);
    }
    scene.world.network.weather = crate::sim::network::Weather::calm();
    scene.heal();
    scene.pass(6_000);
}

fn is_caught(scene: &mut Scene, host: Place, others: &[Place]) {
    let caught = scene.until(ms(CAUGHT_MS), |world| {
        let id = world.id(host);
        let by = |place: &Place| world.users.caught.get(&(*place, id));
        others.iter().all(|place| by(place).is_some_and(|(_, deceit)| *deceit == Deceit::World))
    });
    let id = scene.world.id(host);
    let seen =
        others.iter().filter(|place| scene.world.users.caught.contains_key(&(**place, id))).count();
    scene.claim(caught, || format!("{seen} of {} have seen that n{host} cheats", others.len()));
}

/// Who lies, its host, all but the liar, and the reign that there is.
struct Court {
    host: Place,
    liar: Place,
    others: Vec<Place>,
    real: Term,
    /// A reign of the liar's own, and its word for that.
    own: Term,
    word: ReignWord,
}

fn court(scene: &mut Scene, count: usize) -> Option<Court> {
    let host = scene.gather_some(count);
    let liar = scene.another(host);
    let others = scene.others(liar);
    let real = scene.world.node(host)?.cluster().election().reign()?;
    let me = scene.world.node(liar)?.cluster().me();
    let epoch = Epoch(real.epoch.0 + 1);
    let own = Term { epoch, host: me.id, incarnation: me.incarnation };
    let word = ReignWord::give(&me.key, own);
    Some(Court { host, liar, others, real, own, word })
}

fn tell(scene: &mut Scene, by: Place, to: Place, message: &Message) {
    if let Some((kind, body)) = coding::encode(message) {
        let delivery = if scene.toss() { Delivery::Link } else { Delivery::Datagram };
        scene.world.utter(by, to, delivery, kind, &body);
    }
}

/// All goes on as if nothing had been said.
fn nothing_came_of_it(scene: &mut Scene, host: Place, others: &[Place]) {
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nobody_asked();
    scene.nothing_undone();
    scene.have_not_waited(others, 25);
}

fn member_ends_a_reign(scene: &mut Scene) {
    let Some(Court { host, liar, others, real, own, word }) = court(scene, 4) else { return };
    for round in 0..20 {
        let clock = Clock { term: own, tick: Tick(1_000_000 + round) };
        let ends = if round % 2 == 0 { Ends::CarriesOn(real) } else { Ends::Nothing };
        let tick = TickPacket::of(WorldMark { clock, began: Tick(0) }, ends);
        for whom in &others {
            let new = own;
            for packet in [
                Packet::Ends { old: real, new, word: Some(word) },
                Packet::Abdicate { term: real, successor: own.host, world: None },
                Packet::Abdicate { term: own, successor: own.host, world: None },
                Packet::Stale { promised: own, word: None, alive: false },
            ] {
                // A host that is told that more was promised reigns on above that, and loses nothing.
                let harmless = *whom != host || !matches!(packet, Packet::Stale { .. });
                if harmless {
                    tell(scene, liar, *whom, &Message::Packet(packet));
                }
            }
            if *whom != host {
                tell(scene, liar, *whom, &Message::Packet(Packet::Tick(tick.clone())));
            }
        }
        scene.disturb("that the reign is over");
        scene.pass(50);
    }
    nothing_came_of_it(scene, host, &others);
    scene.world.start(4);
    scene.one_game_within(700);
}

fn member_judges_unasked(scene: &mut Scene) {
    let Some(Court { host, liar, others, real, own, word }) = court(scene, 4) else { return };
    for round in 0..20 {
        for whom in &others {
            for keeps in [true, false] {
                let judge = Term { epoch: Epoch(own.epoch.0 + round), ..own };
                let word = (judge == own).then_some(word);
                let verdict = Packet::Verdict { judge, judged: real, keeps, word };
                tell(scene, liar, *whom, &Message::Packet(verdict));
            }
        }
        scene.disturb("who is to reign");
        scene.pass(50);
    }
    nothing_came_of_it(scene, host, &others);
}

fn member_says_the_dead_live(scene: &mut Scene) {
    let host = scene.gather();
    let heir = scene.heir(host);
    let others: Vec<Place> = scene.others(host).into_iter().filter(|it| *it != heir).collect();
    let liar = scene.pick(&others);
    scene.world.liars.holds_up = Some(scene.toss());
    scene.world.pervert(liar);
    let honest: Vec<Place> = scene.others(liar).into_iter().filter(|it| *it != host).collect();
    scene.world.kill(host);
    let agreed = scene.until(ms(HELD_UP_MS), |world| {
        let heir = Some(world.id(heir));
        honest.iter().all(|place| {
            let election = world.node(*place).map(|node| node.cluster().election());
            let term = election.and_then(|election| election.reign().or(election.following()));
            term.map(|term| term.host) == heir
        })
    });
    scene.claim(agreed, || "nobody reigns, since one says that the dead live".into());
    scene.have_not_waited(&honest, HELD_UP_MS);
    scene.nothing_undone();
    let told = scene.world.liars.told[0];
    scene.claim(told > 1, || format!("it was said {told} times"));
    scene.world.set_right();
    scene.pass(500);
    scene.one_game_within(1_000);
    scene.new_reigns(1);
}

/// For so long one member can hold up an election of others.
const HELD_UP_MS: u64 = 1_000;

fn member_votes_twice(scene: &mut Scene) {
    let Some(Court { host, liar, others, real, .. }) = court(scene, 5) else { return };
    let Some(session) = scene.session(host) else { return };
    let Some(key) = scene.world.node(liar).map(|node| node.cluster().me().key.clone()) else {
        return;
    };
    for round in 0..20_u8 {
        let own = Vote::cast(&key, session, real);
        let strangers = Vote::cast(&SecretKey::from_bytes(&[round; 32]), session, real);
        let victim = scene.pick(&others);
        let forged = Vote { voter: scene.world.key(victim), ..own.clone() };
        for whom in &others {
            let votes = vec![own.clone(), own.clone(), strangers.clone(), forged.clone()];
            tell_over_link(scene, liar, *whom, &Message::Votes(votes));
        }
        scene.pass(50);
    }
    let most = scene.world.users.votes.values().map(|(votes, _)| *votes).max();
    scene.claim(most == Some(1), || format!("one member has {most:?} votes"));
    nothing_came_of_it(scene, host, &others);
}

fn tell_over_link(scene: &mut Scene, by: Place, to: Place, message: &Message) {
    if let Some((kind, body)) = coding::encode(message) {
        scene.world.utter(by, to, Delivery::Link, kind, &body);
    }
}

fn highest_epoch(scene: &mut Scene) {
    let Some(Court { host, liar, others, own, .. }) = court(scene, 5) else { return };
    let Some(session) = scene.session(host) else { return };
    let highest = Term { epoch: Epoch(u64::MAX), ..own };
    // It has written in such a reign.
    let key = SecretKey::from_bytes(&[0xcd; 32]);
    let mut words = Ledger::new(session, Pen::new(key, Incarnation(1)));
    words.reigns(Epoch(u64::MAX));
    let fact = crate::game::Fact { key: b"highest".to_vec(), value: Vec::new() };
    let _ = words.write(WallTime(0), Body::Fact(fact));
    words.sign();
    let entries: Vec<SharedEntry> = words.entries().collect();
    let batch = batch::encode(session, &entries).into();
    let written = LedgerMessage::Entries { batch, portion: None };
    for whom in &others {
        tell_over_link(scene, liar, *whom, &Message::Ledger(written.clone()));
        let rank = Rank { has_world: true, steady: true, id: own.host };
        let ask = ElectionPacket { round: 1, ends: None, world: None, rank, floor: highest.epoch };
        let answer = Answer::TakingOver;
        for packet in [
            Packet::Stale { promised: highest, word: None, alive: true },
            Packet::Stale { promised: highest, word: None, alive: false },
            Packet::Rival { term: highest, word: None },
            Packet::Ends { old: own, new: highest, word: None },
            Packet::Election(ask),
            Packet::Ok(OkPacket { round: 1, floor: highest.epoch, answer }),
        ] {
            tell(scene, liar, *whom, &Message::Packet(packet));
        }
        let asked = Message::JournalWanted { epoch: highest.epoch, after: Tick(u64::MAX) };
        tell_over_link(scene, liar, *whom, &asked);
        scene.disturb("of the highest reigns");
        scene.pass_up_to(100);
    }
    scene.pass(1_000);
    scene.nothing_undone();
    scene.world.kill(host);
    scene.one_game_within(400);
    scene.world.start(5);
    scene.one_game_within(1_500);
    // All start again, from what they have on their disks.
    scene.pass(500);
    for place in 0..6 {
        if scene.world.node(place).is_some() {
            scene.world.kill(place);
        }
    }
    scene.pass(3_000);
    for place in 0..6 {
        scene.world.start(place);
        scene.pass_up_to(50);
    }
    scene.one_game_within(2_000);
}

fn speaks_for_another_life(scene: &mut Scene) {
    let Some(Court { host, liar, others, real, own, .. }) = court(scene, 4) else { return };
    let (Some(key), Some(session)) =
        (scene.world.node(liar).map(|node| node.cluster().me().key.clone()), scene.session(host))
    else {
        return;
    };
    let victims: Vec<Place> = others.iter().copied().filter(|place| *place != host).collect();
    for round in 0..20_u64 {
        let life = Incarnation(round);
        let number = u64::from(u32::MAX);
        let list = Payload::from(vec![0]);
        let controls = ControlsPacket { term: real, holds: None, number, lossy: false, list };
        // Of an own life that is over, and with a third one's name over the own hand.
        let packet = Packet::Controls(controls);
        for whom in &others {
            let to = scene.world.id(*whom);
            if let Some(relay) = coding::signed(&key, life, to, number, packet.clone()) {
                let victim = scene.pick(&victims);
                let mut stolen = relay.clone();
                stolen.from = scene.world.key(victim);
                tell(scene, liar, *whom, &Message::Packet(Packet::Relay(relay)));
                tell(scene, liar, *whom, &Message::Packet(Packet::Relay(stolen)));
            }
        }
        // Entries of lives of others: each stream begins with the key that its author's id follows from.
        let mut words = Ledger::new(session, Pen::new(key.clone(), Incarnation(7_000 + round)));
        let _ = words.write(WallTime(0), Body::Left(scene.world.id(host)));
        words.sign();
        let entries: Vec<SharedEntry> = words.entries().collect();
        let batch = batch::encode(session, &entries).into();
        tell_over_link(
            scene,
            liar,
            host,
            &Message::Ledger(LedgerMessage::Entries { batch, portion: None }),
        );
        scene.disturb("of other lives");
        scene.pass(50);
    }
    scene.claim(own.host == scene.world.id(liar), || "it is somebody else".into());
    // Whoever passes on what nobody signed is parted with, and may think for a moment that it is alone.
    scene.have_not_waited(&others, 25);
    scene.pass(1_500);
    scene.one_game_within(1_500);
    scene.reigns(host);
    scene.have_not_waited(&others, 25);
    // What they hold down still counts.
    let state = scene.world.node(host).and_then(|node| node.replica().state().cloned());
    for victim in victims {
        let id = scene.world.id(victim);
        let number = state.as_ref().and_then(|state| Some(state.seats.get(&id)?.number));
        let steered = number.is_none_or(|number| number >= u64::from(u32::MAX));
        scene.claim(!steered, || format!("controls of n{victim} do not count any more"));
    }
    scene.world.start(4);
    scene.one_game_within(700);
}
