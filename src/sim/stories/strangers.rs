//! Whatever else may knock at an open port, and members that do what no node does.
//!
//! Whoever they are, the others play on as if they were not there, keep nothing of them, and a
//! newcomer gets in afterwards.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    cluster::{
        coding,
        message::{
            Answer, ElectionPacket, Ends, Message, OkPacket, Packet, Rank, TickPacket, WorldMark,
        },
    },
    config::{BEACON_BYTES, DIAL_COSTS_BYTES, DIALS_TO_STRANGERS_MAX, Tuning},
    game::Game,
    io::{Effect, Port, Wire},
    keys::{Chance, PublicKey, SecretKey},
    mesh::{
        self, Acquaintance, Delivery, Mesh,
        channel::LifeKey,
        identity::Identity,
        message::{
            Address, BEACON, Beacon, Introduction, OPENING, Opening, PING, PROTOCOL, REFUSED,
            Refusal,
        },
    },
    node::Node,
    sim::{
        network::Place,
        tally::Tally,
        world::{Tap, World},
    },
    text::{Name, SessionName},
    types::{Clock, Epoch, Incarnation, Instant, LinkId, NodeId, Role, Term, Tick},
    wire::{self, Deframer},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "connect-and-close",
        tells: "A stranger opens links and closes them at once, hundreds of times.",
        nodes: 6,
        script: connect_and_close,
    },
    Story {
        name: "connect-and-say-nothing",
        tells: "A stranger opens more links than there is room for, and says nothing.",
        nodes: 6,
        script: connect_and_say_nothing,
    },
    Story {
        name: "more-ghosts-than-seats",
        tells: "More strangers than there are seats say hello, are let in, and go.",
        nodes: 6,
        script: more_ghosts_than_seats,
    },
    Story {
        name: "garbage-before-the-hello",
        tells: "A stranger sends bytes that are no hello.",
        nodes: 6,
        script: garbage_before_the_hello,
    },
    Story {
        name: "garbage-after-the-hello",
        tells: "A member's links carry bytes that mean nothing.",
        nodes: 5,
        script: garbage_after_the_hello,
    },
    Story {
        name: "length-beyond-limits",
        tells: "A stranger, then a member, announces a message of four gigabytes.",
        nodes: 6,
        script: length_beyond_limits,
    },
    Story {
        name: "garbage-on-the-beacon-port",
        tells: "A stranger sends datagrams that mean nothing, to each port there is.",
        nodes: 6,
        script: garbage_on_the_beacon_port,
    },
    Story {
        name: "stranger-claims-the-crown",
        tells: "Somebody who is no member announces that it reigns, in every way there is.",
        nodes: 6,
        script: stranger_claims_the_crown,
    },
    Story {
        name: "played-back",
        tells: "Somebody who listened sends all of it again, in the names of those who said it.",
        nodes: 6,
        script: played_back,
    },
    Story {
        name: "altered-on-the-way",
        tells: "Somebody sends what was sealed again at once, with bits changed or its end cut off.",
        nodes: 6,
        script: altered_on_the_way,
    },
    Story {
        name: "invented-nodes",
        tells: "A stranger announces thousands of nodes that do not exist; somebody comes in meanwhile.",
        nodes: 6,
        script: invented_nodes,
    },
    Story {
        name: "own-keys-elsewhere",
        tells: "A stranger announces itself with everybody's keys, as lives that began earlier.",
        nodes: 6,
        script: own_keys_elsewhere,
    },
    Story {
        name: "members-elsewhere",
        tells: "A stranger announces every member at its own address, again and again; then the host dies.",
        nodes: 6,
        script: members_elsewhere,
    },
    Story {
        name: "other-versions",
        tells: "Somebody of another protocol, other rules or another session wants to come in.",
        nodes: 6,
        script: other_versions,
    },
    Story {
        name: "member-talks-nonsense",
        tells: "A member says what is JSON, and no message.",
        nodes: 5,
        script: member_talks_nonsense,
    },
    Story {
        name: "everything-twice",
        tells: "Every datagram arrives twice, and then the host is killed.",
        nodes: 4,
        script: everything_twice,
    },
    Story {
        name: "member-floods",
        tells: "A member sends ten thousand messages a second to its host.",
        nodes: 5,
        script: member_floods,
    },
    Story {
        name: "reader-that-never-reads",
        tells: "A member takes in nothing more from its links, and leaves them open.",
        nodes: 5,
        script: reader_that_never_reads,
    },
];

/// Where the stranger lives, in the stories with six machines. Four play; the last comes in after
/// it all.
const STRANGER: Place = 4;
const NEWCOMER: Place = 5;

/// Longer than anybody may take for a hello, and than a link is read that has been replaced.
const FORGOTTEN_MS: u64 = 6_000;

const GARBAGE: [&[u8]; 7] = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    &[0; 4_096],
    &[0xff; 70_000],
    b"\0\0\0\x02{}",
    b"\0\0\0\x04null",
    b"\0\0\0\x05hello",
    b"\0\0\0\x04\xff\xfe\xfd\xfc",
];

fn connect_and_close(scene: &mut Scene) {
    strangers_do(scene, |scene, stranger| {
        for _ in 0..300 {
            let whose = scene.draw(4) as Place;
            let link = stranger.dial(scene, whose);
            scene.pass_up_to(3);
            scene.world.act(STRANGER, Effect::Close { link });
        }
    });
}

fn connect_and_say_nothing(scene: &mut Scene) {
    scene.world.tuning.strangers_max = 256;
    strangers_do(scene, |scene, stranger| {
        let before = scene.world.links_at(0);
        for _ in 0..400 {
            stranger.dial(scene, 0);
            scene.pass_up_to(2);
        }
        let limit = scene.world.tuning.strangers_max;
        let strangers = scene.world.links_at(0) - before;
        scene.claim(strangers <= limit, || format!("{strangers} links of strangers are open"));
    });
}

/// Each of them says hello as it should, as somebody else, and hangs up. What seats there are some of them have, for a
/// while; the others wait for one in vain.
fn more_ghosts_than_seats(scene: &mut Scene) {
    scene.world.tuning.players_max = 8;
    let host = scene.gather_some(4);
    let mut stranger = settle(scene);
    for ghost in 0..30 {
        let ghost = somebody(ghost);
        let link = stranger.says_hello(scene, host, &ghost);
        let node = scene.world.node(host);
        let waits = node.is_some_and(|node| node.cluster().waiting().contains(&ghost.id));
        let is_listed = waits || knows(scene, host, ghost.id);
        scene.claim(is_listed, || format!("{:?} is not let in", ghost.id));
        scene.pass(200);
        scene.world.act(STRANGER, Effect::Close { link });
    }
    scene.plays_on_undisturbed(FORGOTTEN_MS);
    lets_in(scene, NEWCOMER);
    let host = scene.host();
    let seated = (0..4).chain([NEWCOMER]).all(|place| scene.is_seated(host, place));
    scene.claim(seated, || "somebody who plays has no seat".into());
}

fn garbage_before_the_hello(scene: &mut Scene) {
    strangers_do(scene, |scene, stranger| {
        for _ in 0..5 {
            for garbage in GARBAGE {
                let whose = scene.draw(4) as Place;
                let link = stranger.dial(scene, whose);
                scene.pass(1);
                send(scene, STRANGER, link, garbage);
            }
            let whose = scene.draw(4) as Place;
            let link = stranger.dial(scene, whose);
            let random = scene.bytes(3_000);
            send(scene, STRANGER, link, &random);
            scene.pass_up_to(300);
        }
    });
}

fn garbage_after_the_hello(scene: &mut Scene) {
    members_do(scene, |scene, member, whom| {
        let garbage = match scene.toss() {
            true => scene.pick(&GARBAGE).to_vec(),
            false => scene.bytes(3_000),
        };
        for link in scene.world.links_between(member, whom) {
            send(scene, member, link, &garbage);
        }
    });
}

fn length_beyond_limits(scene: &mut Scene) {
    strangers_do(scene, |scene, stranger| {
        for _ in 0..20 {
            let whose = scene.draw(4) as Place;
            let link = stranger.dial(scene, whose);
            scene.pass(2);
            send(scene, STRANGER, link, &[0xff; 4]);
            scene.pass(2);
            let over = stranger.is_hung_up_on(scene, link);
            scene.claim(over, || format!("n{whose} waits for four gigabytes"));
        }
    });
}

fn garbage_on_the_beacon_port(scene: &mut Scene) {
    strangers_do(scene, |scene, _| {
        for _ in 0..200 {
            let whose = scene.draw(4) as Place;
            let bytes = match scene.draw(8) {
                0 => Vec::new(),
                1 => b"{".to_vec(),
                2 => b"null".to_vec(),
                3 => br#"{"magic":"interregnum"}"#.to_vec(),
                4 => vec![b'['; 1_200],
                5 => vec![b' '; 60_000],
                _ => scene.bytes(1_200),
            };
            shout(scene, STRANGER, whose, &bytes);
            scene.pass_up_to(10);
        }
    });
}

fn stranger_claims_the_crown(scene: &mut Scene) {
    strangers_do(scene, |scene, stranger| {
        let host = scene.host();
        let me = stranger.me.id;
        let term = Term { epoch: Epoch(1_000_000), host: me, incarnation: Incarnation(7) };
        let reign = scene.world.node(host).and_then(|node| node.cluster().election().reign());
        let Some(ends) = reign else { return };
        let promised = |scene: &Scene, place| {
            let node = scene.world.node(place);
            node.and_then(|node| node.cluster().election().promised())
        };
        let before: Vec<_> = (0..4).map(|place| promised(scene, place)).collect();
        let world = None;
        let rank = Rank { has_world: true, steady: true, id: me };
        let clock = Clock { term, tick: Tick(1_000_000) };
        let mark = WorldMark { clock, began: Tick(0) };
        let claims = [
            Packet::Tick(TickPacket::of(mark, Ends::CarriesOn(ends))),
            Packet::Ends { old: ends, new: term, word: None },
            Packet::Abdicate { term: ends, successor: me, world },
            Packet::Stale { promised: term, word: None, alive: true },
            Packet::Rival { term, word: None },
            Packet::Election(ElectionPacket {
                round: 1,
                ends: Some(ends),
                world: None,
                rank,
                floor: term.epoch,
            }),
            Packet::Ok(OkPacket { round: 1, floor: term.epoch, answer: Answer::TakingOver }),
        ];
        for _ in 0..20 {
            for claim in &claims {
                let whose = scene.draw(4) as Place;
                let unsealed = datagram(scene.draw(1 << 16) as u16, claim);
                shout(scene, STRANGER, whose, &unsealed);
                let link = stranger.dial(scene, whose);
                scene.pass_up_to(3);
                send(scene, STRANGER, link, &framed(claim));
                scene.pass_up_to(10);
            }
        }
        let after: Vec<_> = (0..4).map(|place| promised(scene, place)).collect();
        scene.claim(before == after, || format!("{before:?} became {after:?}"));
    });
}

fn played_back(scene: &mut Scene) {
    scene.world.tap = Some(Tap::default());
    strangers_do(scene, |scene, stranger| {
        scene.world.take_down_datagrams();
        scene.pass(3_000);
        for _ in 0..3 {
            let many = scene.world.play_back(|_| {});
            scene.claim(many > 500, || format!("{many} datagrams are few"));
            scene.pass(1_500);
        }
        // What was said on a link begins with a handshake, which nobody can go on with.
        let links: Vec<Vec<u8>> =
            scene.world.tap.iter().flat_map(|tap| tap.links.values().cloned()).collect();
        for said in links {
            let whose = scene.draw(4) as Place;
            let link = stranger.dial(scene, whose);
            scene.pass(2);
            send(scene, STRANGER, link, &said);
            scene.pass_up_to(20);
        }
    });
}

fn altered_on_the_way(scene: &mut Scene) {
    strangers_do(scene, |scene, _| {
        for _ in 0..20 {
            scene.world.take_down_datagrams();
            scene.pass(100);
            let dice: Vec<u64> = (0..64).map(|_| scene.draw(1 << 32)).collect();
            let mut turn = 0;
            scene.world.play_back(|bytes| {
                if bytes.first() == Some(&BEACON) {
                    return; // nobody sealed it, and nobody believes it
                }
                let chance = dice[turn % dice.len()] as usize;
                turn += 1;
                match chance % 4 {
                    0 => bytes.truncate(chance / 4 % bytes.len().max(1)),
                    flips => (0..flips).for_each(|flip| {
                        let at = (chance >> (8 * flip)) % bytes.len().max(1);
                        if let Some(byte) = bytes.get_mut(at) {
                            *byte ^= 1 << (chance % 8);
                        }
                    }),
                }
            });
        }
    });
}

/// Each node sends whoever announces them no more than came from there, and opens few links.
fn invented_nodes(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let stranger = settle(scene);
    let links: Vec<usize> = (0..4).map(|place| scene.world.links_at(place)).collect();
    let mut said = 0;
    for number in 0..3_000_u32 {
        let mut key = [7; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        let who = Introduction {
            key: PublicKey::from_bytes(key),
            tcp: 1 + number as u16,
            ..stranger.me.introduction()
        };
        let beacon = beacon_of(&who, false);
        for place in 0..4 {
            said += shout_once(scene, STRANGER, place, &beacon);
        }
        if number % 3 == 0 {
            scene.pass(1);
        }
        if number == 1_500 {
            scene.world.start(NEWCOMER);
        }
        for (place, before) in links.iter().enumerate() {
            let more = scene.world.links_at(place).saturating_sub(*before);
            let most = DIALS_TO_STRANGERS_MAX + 2;
            scene.claim(more <= most, || format!("n{place} has {more} links more"));
        }
    }
    let seated = scene.is_seated(host, NEWCOMER);
    scene.claim(seated, || "who came meanwhile is not let in".into());
    scene.plays_on_undisturbed(FORGOTTEN_MS);
    scene.reigns(host);
    let heard = scene.world.heard_by(STRANGER).iter();
    let bytes = heard.map(|wire| match wire {
        Wire::Packet { bytes, .. } => bytes.len(),
        Wire::Accepted { .. } => DIAL_COSTS_BYTES as usize,
        _ => 0,
    });
    let bytes: usize = bytes.sum();
    scene.claim(bytes <= said, || format!("{bytes} bytes for {said}"));
}

fn own_keys_elsewhere(scene: &mut Scene) {
    strangers_do(scene, |scene, stranger| {
        let ids: Vec<_> = (0..4).map(|place| scene.world.id(place)).collect();
        for _ in 0..40 {
            for place in 0..4 {
                let Some(node) = scene.world.node(place) else { continue };
                let who = Introduction {
                    incarnation: Incarnation(0),
                    tcp: stranger.me.tcp,
                    udp: stranger.me.udp,
                    ..node.cluster().me().introduction()
                };
                shout(scene, STRANGER, place, &beacon_of(&who, false));
            }
            scene.pass_up_to(100);
        }
        for (place, id) in ids.iter().enumerate() {
            let now = scene.world.node(place).map(Node::me);
            scene.claim(now == Some(*id), || format!("n{place} is somebody else now"));
        }
    });
}

fn members_elsewhere(scene: &mut Scene) {
    let host = scene.gather_some(4);
    settle(scene);
    for _ in 0..30 {
        for whom in 0..4 {
            let Some(node) = scene.world.node(whom) else { continue };
            let beacon = beacon_of(&node.cluster().me().introduction(), false);
            for place in 0..4 {
                shout(scene, STRANGER, place, &beacon);
            }
        }
        scene.pass_up_to(100);
    }
    scene.nobody_asked();
    scene.reigns(host);
    scene.world.kill(host);
    scene.one_game_within(100);
    scene.new_reigns(1);
    scene.nobody_waited(50);
    scene.nothing_undone();
}

fn other_versions(scene: &mut Scene) {
    strangers_do(scene, |scene, stranger| {
        let Some(right) = stranger.me.opening(vec![7; 32]) else { return };
        let other = SessionName::new("other").unwrap_or_default();
        let openings = [
            (Opening { protocol: PROTOCOL + 1, ..right.clone() }, Refusal::Protocol),
            (Opening { rules: "tally 2".into(), ..right.clone() }, Refusal::Rules),
            (Opening { session: other, ..right.clone() }, Refusal::Session),
            (Opening { locked: true, ..right }, Refusal::Passphrase),
        ];
        for (opening, refusal) in openings {
            let whose = scene.draw(4) as Place;
            let Opening { protocol, rules, session, locked, .. } = opening.clone();
            let session = Some(session);
            let who = Introduction { protocol, rules, session, ..stranger.me.introduction() };
            for to in 0..4 {
                shout(scene, STRANGER, to, &beacon_of(&who, locked));
            }
            let link = stranger.dial(scene, whose);
            scene.pass(2);
            send(scene, STRANGER, link, &opening_frame(&opening));
            scene.pass(5);
            let said = stranger.refusals_on(scene, link);
            let told = said.contains(&refusal);
            scene.claim(told, || format!("not {refusal:?}, but {said:?}"));
            let over = stranger.is_hung_up_on(scene, link);
            scene.claim(over, || "the link is still open".into());
        }
        scene.pass(2_000);
        let heard = scene.world.heard_by(STRANGER);
        let dialled = heard.iter().any(|wire| matches!(wire, Wire::Accepted { .. }));
        scene.claim(!dialled, || "somebody dials whom it cannot understand".into());
    });
}

fn member_talks_nonsense(scene: &mut Scene) {
    members_do(scene, |scene, member, whom| {
        let nonsense: &[u8] = scene.pick(&[
            &b"{}"[..],
            b"[]",
            b"null",
            b"{\"roster\":{}}",
            b"{\"packet\":{\"tick\":{\"term\":1}}}",
            b"{\"packet\":{\"controls\":null}}",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"{\"coordinator\":{\"epoch\":-1}}",
        ]);
        let kind = scene.pick(&[0x00, 0x01, 0x03, 0x10, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0xff]);
        shout(scene, member, whom, nonsense);
        for delivery in [Delivery::Datagram, Delivery::Link] {
            scene.world.utter(member, whom, delivery, kind, nonsense);
        }
    });
}

fn everything_twice(scene: &mut Scene) {
    let host = scene.gather();
    scene.world.network.weather.double_permille = 1_000;
    scene.disturb("every datagram arrives twice");
    scene.plays_on_undisturbed(5_000);
    scene.world.kill(host);
    scene.one_game_within(50);
    scene.new_reigns(1);
    scene.nobody_waited(25);
    scene.nothing_undone();
}

fn member_floods(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let member = scene.another(host);
    scene.world.note(member, format_args!("floods n{host}"));
    let Some(node) = scene.world.node(member) else { return };
    let from = node.me();
    let election = node.cluster().election();
    let Some(term) = election.following() else { return };
    let rank = Rank { has_world: true, steady: true, id: from };
    let floods = [
        Packet::Rival { term, word: None },
        Packet::Stale { promised: term, word: None, alive: true },
        Packet::Stale { promised: term, word: None, alive: false },
        Packet::Election(ElectionPacket {
            round: 1,
            ends: Some(term),
            world: None,
            rank,
            floor: term.epoch,
        }),
        Packet::Ok(OkPacket { round: 1, floor: term.epoch, answer: Answer::TakingOver }),
    ];
    for _ in 0..50 {
        let packet = scene.pick(&[0, 1, 2, 3, 4]);
        let said = coding::encode(&Message::Packet(floods[packet].clone()));
        let (kind, body) = said.unwrap_or_default();
        for _ in 0..100 {
            scene.world.utter(member, host, Delivery::Datagram, kind, &body);
        }
        for _ in 0..20 {
            scene.world.utter(member, host, Delivery::Link, PING, &[0]);
        }
        scene.pass(10);
    }
    scene.plays_on_undisturbed(1_000);
    lets_in(scene, 4);
}

fn reader_that_never_reads(scene: &mut Scene) {
    scene.world.unsent_max = 8_000; // so that it takes seconds instead of an hour
    let host = scene.gather_some(4);
    let reader = scene.another(host);
    let others = scene.others(reader);
    scene.world.stop_reading(reader);
    scene.world.note(reader, "reads nothing more from its links");
    // It is dialled again and again, and never says who it is.
    let is_given_up = |world: &World<Tally>| {
        world.node(host).is_some_and(|node| !node.cluster().is_linked_with(world.id(reader)))
    };
    let given_up = scene.until(ms(120_000), is_given_up);
    scene.claim(given_up, || "the link is still there".into());
    scene.pass(3_000);
    scene.reigns(host);
    // Without a link it may believe to be alone; who meets it judges, and nobody else notices.
    scene.new_reigns_at_most(2);
    scene.have_not_waited(&others, 25);
    scene.rolled_back_at_most(2);
    lets_in(scene, 4);
}

/// Four play; a stranger does something to them, which leaves no trace; and a newcomer gets in.
fn strangers_do(scene: &mut Scene, what: impl FnOnce(&mut Scene, &mut Stranger)) {
    scene.gather_some(4);
    let before: Vec<usize> = (0..4).map(|place| scene.world.links_at(place)).collect();
    let mut stranger = settle(scene);
    what(scene, &mut stranger);
    scene.plays_on_undisturbed(FORGOTTEN_MS);
    let after: Vec<usize> = (0..4).map(|place| scene.world.links_at(place)).collect();
    scene.claim(after == before, || format!("{before:?} links became {after:?}"));
    lets_in(scene, NEWCOMER);
}

pub(super) fn settle(scene: &mut Scene) -> Stranger {
    scene.world.settle_stranger(STRANGER);
    scene.world.tell("a stranger turns up at n4");
    Stranger { me: somebody(0), dialled: 0 }
}

/// Four play; one of them does something to each of the others, again and again. Nobody else notices
/// more than that its link with that one has to be opened anew.
fn members_do(scene: &mut Scene, what: impl Fn(&mut Scene, Place, Place)) {
    let host = scene.gather_some(4);
    let member = scene.another(host);
    let others = scene.others(member);
    for _ in 0..5 {
        for whom in &others {
            what(scene, member, *whom);
            scene.disturb("which it should not have said");
            scene.pass(100); // or it would soon be on its own
            scene.pass_up_to(200);
        }
    }
    scene.pass(1_000);
    scene.one_game_within(100);
    scene.reigns(host);
    scene.new_reigns(0);
    scene.have_not_waited(&others, 25);
    scene.nothing_undone();
    lets_in(scene, 4);
}

/// Somebody starts, and is in the game soon.
pub(super) fn lets_in(scene: &mut Scene, newcomer: Place) {
    let host = scene.host();
    scene.world.start(newcomer);
    scene.one_game_within(700);
    scene.reigns(host);
}

/// Somebody who is no node.
pub(super) struct Stranger {
    me: Identity,
    dialled: u64,
}

/// Somebody whom nobody knows: the same one for the same number.
pub(super) fn somebody(number: u8) -> Identity {
    let incarnation = Incarnation(7);
    let key = SecretKey::from_bytes(&[number ^ 0xaa; 32]);
    Identity {
        id: key.public().id(),
        life: LifeKey::draw(&key, incarnation, &mut Chance::new([number; 32])),
        key,
        incarnation,
        name: Name::new("stranger"),
        role: Role::Player,
        tcp: 7_001,
        udp: 7_002,
        rules: Tally::RULES,
        session: Some(SessionName::default()),
        lock: None,
        certificate: None,
    }
}

impl Stranger {
    fn dial(&mut self, scene: &mut Scene, whose: Place) -> LinkId {
        let link = LinkId(self.dialled * 2);
        self.dialled += 1;
        if let Some(to) = scene.world.tcp_address(whose) {
            scene.world.act(STRANGER, Effect::Dial { link, to });
        }
        link
    }

    /// How often, and why, this node was refused on a link.
    fn refusals_on(&self, scene: &Scene, link: LinkId) -> Vec<Refusal> {
        let mut deframer = Deframer::new();
        deframer.trust();
        for wire in scene.world.heard_by(STRANGER) {
            if let Wire::Bytes { link: of, chunk } = wire
                && *of == link
            {
                deframer.push(chunk);
            }
        }
        let mut said = Vec::new();
        while let Ok(Some(payload)) = deframer.next_frame() {
            if let Some((&REFUSED, refusal)) = payload.split_first() {
                said.extend(serde_json::from_slice::<Refusal>(refusal));
            }
        }
        said
    }

    fn is_hung_up_on(&self, scene: &Scene, link: LinkId) -> bool {
        let heard = scene.world.heard_by(STRANGER);
        heard.iter().any(|wire| matches!(wire, Wire::Closed { link: of, .. } if *of == link))
    }

    /// Says hello to somebody, as this one. The link that it has then, if it is let in.
    pub(super) fn says_hello(
        &mut self,
        scene: &mut Scene,
        whose: Place,
        ghost: &Identity,
    ) -> LinkId {
        let link = self.dial(scene, whose);
        let (Some(to), Some(whom)) = (scene.world.tcp_address(whose), scene.world.node(whose))
        else {
            return link;
        };
        let now = Instant(1_000_000);
        let address = Address { ip: to.ip(), tcp: to.port(), udp: to.port() };
        let them = whom.cluster().me().introduction();
        let mut mesh = Mesh::new(Tuning::default(), Chance::new([9; 32]), 1, Vec::new());
        let known = Acquaintance {
            address: Some(address),
            ..Acquaintance::introduced(them, to.ip(), true, 1_136)
        };
        mesh.learn_of(now, ghost, known);
        mesh.timeout(now, ghost);
        // What it dials is the link that is open already.
        let mut as_dialled = LinkId(0);
        let mut heard = 0;
        scene.pass(2);
        mesh.handle(now, ghost, Wire::Connected { link: as_dialled });
        for _ in 0..3 {
            while let Some(out) = mesh.poll() {
                match out {
                    mesh::Out::Effect(Effect::Dial { link, .. }) => {
                        as_dialled = link;
                        mesh.handle(now, ghost, Wire::Connected { link });
                    }
                    mesh::Out::Effect(Effect::Bytes { bytes, .. }) => {
                        scene.world.act(STRANGER, Effect::Bytes { link, bytes });
                    }
                    _ => {}
                }
            }
            scene.pass(3);
            let said: Vec<Vec<u8>> = scene.world.heard_by(STRANGER)[heard..]
                .iter()
                .filter_map(|wire| match wire {
                    Wire::Bytes { link: of, chunk } if *of == link => Some(chunk.clone()),
                    _ => None,
                })
                .collect();
            heard = scene.world.heard_by(STRANGER).len();
            for chunk in said {
                mesh.handle(now, ghost, Wire::Bytes { link: as_dialled, chunk });
            }
        }
        link
    }
}

/// Whether a node counts somebody among those who play.
pub(super) fn knows(scene: &Scene, place: Place, id: NodeId) -> bool {
    let node = scene.world.node(place);
    node.is_some_and(|node| node.cluster().members().iter().any(|member| member.id == id))
}

/// The beacon of somebody.
fn beacon_of(who: &Introduction, locked: bool) -> Vec<u8> {
    let beacon = Beacon {
        who: who.clone(),
        session_id: None,
        term: None,
        host_name: None,
        host_at: None,
        players: 1,
        locked,
        ask: true,
    };
    let mut bytes = serde_json::to_vec(&beacon).unwrap_or_default();
    bytes.resize(BEACON_BYTES, 0);
    bytes
}

fn opening_frame(opening: &Opening) -> Vec<u8> {
    wire::frame(OPENING, &serde_json::to_vec(opening).unwrap_or_default()).unwrap_or_default()
}

fn framed(packet: &Packet) -> Vec<u8> {
    let said = coding::encode(&Message::Packet(packet.clone()));
    said.and_then(|(kind, body)| wire::frame(kind, &body).ok()).unwrap_or_default()
}

/// A packet that nobody sealed, for whichever channel.
fn datagram(index: u16, packet: &Packet) -> Vec<u8> {
    let Some((kind, body)) = coding::encode(&Message::Packet(packet.clone())) else {
        return Vec::new();
    };
    [&(index | 1 << 15).to_be_bytes()[..], &[0, 1, kind], &body, &[0; 16]].concat()
}

/// Bytes go out on a link of the machine at `by`.
fn send(scene: &mut Scene, by: Place, link: LinkId, bytes: &[u8]) {
    scene.world.act(by, Effect::Bytes { link, bytes: bytes.to_vec().into() });
}

/// A datagram goes from the machine at `by` to the port for beacons of the one at `to`. How many bytes.
fn shout_once(scene: &mut Scene, by: Place, to: Place, bytes: &[u8]) -> usize {
    let Some(to) = scene.world.beacon_address(to) else { return 0 };
    scene.world.act(by, Effect::Packet { to, via: Port::Own, bytes: bytes.to_vec().into() });
    bytes.len()
}

/// A datagram goes from the machine at `by` to both ports of the one at `to`.
fn shout(scene: &mut Scene, by: Place, to: Place, bytes: &[u8]) {
    let (own, beacons) = (scene.world.udp_address(to), scene.world.beacon_address(to));
    for to in [own, beacons].into_iter().flatten() {
        scene.world.act(by, Effect::Packet { to, via: Port::Own, bytes: bytes.to_vec().into() });
    }
}
