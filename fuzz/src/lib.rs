//! What reads bytes of others, each as a function of any bytes: nothing panics, nothing hangs, nothing
//! grows, and what has two ways gives the same by both.
//!
//! | function | what it tries |
//! |---|---|
//! | [`frames`] | a stream cut anywhere, into frames |
//! | [`messages`] | what a member says, into messages, and back |
//! | [`snapshots`] | a state as the difference to another |
//! | [`beacons`] | announcements, open and sealed |
//! | [`handshakes`] | the first words on a link, with bytes changed |
//! | [`ledgers`] | entries, pages and messages of the ledger; two ledgers that merge |
//! | [`statements`] | what an account says of itself |
//! | [`texts`] | names, words for paper, keys in digits |
//! | [`strangers`] | a node and whoever knows nothing of the protocol |
//! | [`members`] | a node and a member that says anything, under the seal |
//!
//! With `cargo fuzz` (the nightly toolchain) each is a target, which learns what leads further; in
//! `tests/garbage.rs` they are property tests over random bytes, and over those that once broke something.

pub mod pair;
mod script;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use interregnum::{
    accounts::Statement,
    arena::{Arena, TICK},
    cluster::{
        coding,
        message::{Payload, WorldMark},
    },
    config::{ANNOUNCED_MAX, ANNOUNCED_PER_ADDRESS_MAX, Form},
    game::Game,
    io::{CloseReason, Effect, Port, Wire},
    keys::{Chance, PublicKey, SecretKey, Signature, Subject, vault},
    ledger::{
        batch::{self, Carried},
        exchange::LedgerMessage,
        page::Page,
    },
    mesh::{
        Delivery,
        discovery::{self, Discovery},
        identity::Identity,
    },
    replica::{Replica, State, decode_copy, snapshot},
    text::{Name, SessionName},
    types::{Clock, Epoch, Incarnation, Instant, LinkId, NodeId, Term, Tick},
    wire::{Deframer, FRAME_BYTES_MAX, STRANGER_FRAME_BYTES_MAX, frame},
};

use self::{
    pair::{Lone, address, config, exchange, lock, pass_both, playing},
    script::Script,
};

/// A stream that is cut anywhere is the frames that it is when it comes at once, and nobody who
/// announces much is believed.
pub fn frames(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let trusted = script.byte().is_multiple_of(2);
    let cuts = script.take(16).to_vec();
    let stream = script.rest();
    let whole = deframed([stream].into_iter(), trusted);
    let mut left = stream;
    let mut cuts = cuts.iter().cycle();
    let chunks = std::iter::from_fn(|| {
        let length = cuts.next().map_or(left.len(), |cut| usize::from(*cut) + 1);
        let (chunk, rest) = left.split_at(length.min(left.len()));
        left = rest;
        (!chunk.is_empty()).then_some(chunk)
    });
    assert_eq!(deframed(chunks, trusted), whole);
    if let Ok(framed) = frame(0x10, stream) {
        assert!(stream.len() < FRAME_BYTES_MAX);
        let expected = [&[0x10], stream].concat();
        if trusted || expected.len() <= STRANGER_FRAME_BYTES_MAX {
            assert_eq!(deframed([&framed[..]].into_iter(), trusted), (vec![expected], false));
        }
    }
}

/// The frames of a stream until it announces too much, and whether it does.
fn deframed<'a>(chunks: impl Iterator<Item = &'a [u8]>, trusted: bool) -> (Vec<Vec<u8>>, bool) {
    let mut deframer = Deframer::new();
    if trusted {
        deframer.trust();
    }
    let mut frames = Vec::new();
    for chunk in chunks {
        deframer.push(chunk);
        loop {
            match deframer.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// What was understood can be said again, and is understood as the same.
pub fn messages(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let (from, me) = ((node(1), Incarnation(1)), (node(2), Incarnation(2)));
    let decode = |kind, body: &[u8]| coding::decode(kind, body.to_vec().into(), from, me);
    let Ok(message) = decode(*kind, body) else { return };
    let Some((kind, body)) = coding::encode(&message) else { return };
    let again = decode(kind, &body);
    assert_eq!(format!("{again:?}"), format!("{:?}", Ok::<_, ()>(message)));
}

/// Whatever stands for a state is one that can be stepped, or none.
pub fn snapshots(bytes: &[u8]) {
    let term = Term { epoch: Epoch(1), host: node(1), incarnation: Incarnation(1) };
    let clock = Clock { term, tick: Tick(10) };
    let mut replica = Replica::<Arena>::default();
    let state = State { world: Arena::new_world(1), seats: Default::default(), happened: 0 };
    replica.take(WorldMark { clock, began: Tick(1) }, state.into(), None);
    let mut script = Script::new(bytes);
    let later = Clock { term, tick: Tick(10 + u64::from(script.byte() % 8)) };
    let stood = script.byte().is_multiple_of(2).then(|| replica.held(clock).cloned()).flatten();
    // A rightful one with bytes changed goes deeper than any bytes.
    let payload = match &stood {
        None => Payload::from(script.rest().to_vec()),
        Some(held) => {
            let mut next = State::clone(held);
            Arena::step(&mut next.world, &[], &mut Vec::new());
            let hash = next.hash();
            let baseline = Some((clock, &**held));
            let encoded =
                snapshot::encode::<Arena>(Form::Binary, later, &next, hash, baseline, &[]);
            let mut bytes = encoded.map_or_else(Vec::new, |payload| payload.as_bytes().to_vec());
            script.spoil(&mut bytes);
            Payload::from(bytes)
        }
    };
    if let Ok(snapshot) = snapshot::decode(&payload, later, &replica) {
        steppable(snapshot.state.world.clone());
    }
    if let Some(state) = decode_copy::<Arena>(&payload) {
        steppable(state.world);
    }
}

fn steppable(mut world: <Arena as Game>::World) {
    for _ in 0..3 {
        Arena::step(&mut world, &[], &mut Vec::new());
    }
}

/// An announcement is one, or none, and of rightful ones, each with another key and some with bytes changed, no more
/// are remembered than there may be: in all, and of each address.
pub fn beacons(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut chance = Chance::new([1; 32]);
    let mut me = Identity::new(&config(1), Arena::RULES, &mut chance);
    me.session = Some(SessionName::default());
    me.lock = script.byte().is_multiple_of(2).then(lock);
    let mut other = Identity { lock: me.lock.clone(), ..me.clone() };
    let begun = Instant(1);
    let mut discovery = Discovery::new(Duration::from_millis(500), chance, 50_000, Vec::new());
    let (mut now, mut number) = (begun, 0_u16);
    while !script.is_over() {
        let what = script.byte();
        let from = SocketAddr::from(([10, 0, 0, what % 4], 2));
        let said = match what / 4 % 8 {
            0 => {
                let length = usize::from(script.byte()) * 4;
                script.take(length).to_vec()
            }
            kind => {
                number += 1;
                let mut secret = [9; 32];
                secret[..2].copy_from_slice(&number.to_be_bytes());
                other.key = SecretKey::from_bytes(&secret);
                let mut said = announced(&other);
                if kind == 1 {
                    script.spoil(&mut said);
                }
                said
            }
        };
        discovery.packet(now, &me, from, Port::Beacon, &said, |_| false);
        now += TICK;
        // Whoever looks from the beginning has forgotten nobody.
        let heard: Vec<IpAddr> = discovery.heard(begun).map(|heard| heard.from.ip()).collect();
        assert!(heard.len() <= ANNOUNCED_MAX);
        let of_one = heard.iter().filter(|ip| **ip == from.ip()).count();
        assert!(of_one <= ANNOUNCED_PER_ADDRESS_MAX);
    }
    while discovery.poll().is_some() {}
}

/// What somebody announces of itself.
fn announced(who: &Identity) -> Vec<u8> {
    let chance = Chance::new([3; 32]);
    let mut discovery = Discovery::new(Duration::from_secs(1), chance, 50_000, vec![address(1)]);
    let told = discovery::Told {
        session_id: None,
        session: who.session.clone(),
        term: None,
        host_name: None,
        host_at: None,
        players: 1,
        name: who.name.clone(),
        role: who.role,
        ask: false,
        lacks: false,
    };
    discovery.timeout(Instant(1), who, told);
    match discovery.poll() {
        Some(Effect::Packet { bytes, .. }) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Nobody who changes a byte of it gets through a handshake, and nobody falls over it.
pub fn handshakes(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut chance = Chance::new([2; 32]);
    let sides = [1, 2].map(|place| Identity::new(&config(place), Arena::RULES, &mut chance));
    let (Some(mut dials), Some(mut answers)) =
        (sides[0].handshake(&mut chance, true), sides[1].handshake(&mut chance, false))
    else {
        return;
    };
    let mut spoilt = false;
    for round in 0..3 {
        let (speaks, hears) = match round {
            1 => (&mut answers, &mut dials),
            _ => (&mut dials, &mut answers),
        };
        let Some(message) = speaks.write(b"who I am") else { return };
        let mut heard = message.clone();
        script.spoil(&mut heard);
        spoilt |= heard != message;
        match hears.read(&heard) {
            // Nothing is sealed yet in the first word: that it was changed shows in the second.
            Ok(said) => assert!(!spoilt && said == b"who I am" || round == 0),
            Err(_) => return assert!(spoilt),
        }
    }
}

/// What is read of a ledger is what was written, and whatever is taken in leaves one ledger.
pub fn ledgers(bytes: &[u8]) {
    if let Ok(message) = LedgerMessage::decode(bytes) {
        let again = message.encode().map(|bytes| LedgerMessage::decode(&bytes));
        assert_eq!(format!("{again:?}"), format!("{:?}", Some(Ok::<_, ()>(message))));
    }
    if let Ok(entries) = batch::decode(bytes) {
        assert!(batch::runs(entries.clone()).concat() == entries);
    }
    let _ = Carried::decode(bytes);
    if let Ok(page) = Page::decode(bytes) {
        assert!(Page::decode(&page.encode()).is_ok());
        let _ = page.open();
    }
}

/// What an account is said to say of itself is checked, or none.
pub fn statements(bytes: &[u8]) {
    if let Ok(statement) = serde_json::from_slice::<Statement>(bytes) {
        assert!(statement.verify().is_err(), "somebody's signature was found");
    }
    let mut script = Script::new(bytes);
    let Some(key) = script.take(32).first_chunk().copied() else { return };
    let Some(signature) = script.take(64).first_chunk().copied() else { return };
    let forged = PublicKey::from_bytes(key).verify(
        Subject::Account,
        &[script.rest()],
        &Signature(signature),
    );
    assert!(forged.is_err(), "somebody's signature was found");
}

/// What people type and what others are called.
pub fn texts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let name = Name::new(&text);
    assert_eq!(Name::new(name.as_str()), name, "what is clean stays as it is");
    if let Ok(whole) = Name::whole(&text) {
        assert_eq!(Name::whole(whole.as_str()).as_ref().map(Name::as_str), Ok(whole.as_str()));
    }
    if let Ok(session) = SessionName::new(&text) {
        assert!(SessionName::new(session.as_str()).is_ok_and(|again| again == session));
    }
    if let Some(key) = vault::from_words(&text) {
        assert_eq!(vault::to_words(&key).len(), text.split_whitespace().count());
    }
    if let Some(key) = PublicKey::from_text(&text) {
        assert_eq!(PublicKey::from_text(&key.to_string()), Some(key));
    }
}

/// A node, and whoever knows nothing of the protocol: it goes on, and is as it was.
pub fn strangers(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut lone = Lone::new(1);
    let mut links = 0;
    while !script.is_over() && links < 64 {
        let from = address(script.byte());
        let link = LinkId(2 * u64::from(script.byte() % 8) + 1);
        match script.byte() % 6 {
            0 => {
                links += 1;
                lone.feed(Wire::Accepted { link, from });
            }
            1 => lone.feed(Wire::Closed { link, reason: CloseReason::Error }),
            2 => lone.pass_time(),
            way => {
                let length = usize::from(script.byte());
                let bytes = script.take(length).to_vec();
                lone.feed(match way {
                    3 => Wire::Packet { from, via: Port::Own, bytes },
                    4 => Wire::Packet { from, via: Port::Beacon, bytes },
                    _ => Wire::Bytes { link, chunk: bytes },
                });
            }
        }
        lone.said();
    }
    for _ in 0..5 {
        lone.pass_time();
    }
}

/// A node, and a member that says under the seal whatever the bytes are: a message of its own with some
/// changed, or some of no meaning. The node goes on playing.
pub fn members(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let (mut liar, mut honest) = playing();
    let mut rounds = 0;
    while !script.is_over() && rounds < 100 {
        rounds += 1;
        liar.pass_time();
        honest.pass_time();
        exchange(&mut honest, &mut liar, |_, to, effect| to.receive(effect, |_| ()));
        match script.byte() % 4 {
            0 => {
                let delivery = delivery(script.byte());
                let kind = script.byte();
                let length = usize::from(script.byte());
                let body = script.take(length).to_vec();
                liar.utter(delivery, kind, &body);
            }
            1 => exchange(&mut liar, &mut honest, |liar, to, effect| {
                match liar.read(&effect).filter(|(_, said)| !said.is_empty()) {
                    None => to.receive(effect, |_| ()),
                    Some((delivery, mut said)) => {
                        script.spoil(&mut said);
                        liar.utter(delivery, said[0], &said[1..]);
                    }
                }
            }),
            2 => exchange(&mut liar, &mut honest, |_, to, effect| {
                to.receive(effect, |bytes| script.spoil(bytes));
            }),
            _ => {}
        }
        exchange(&mut liar, &mut honest, |_, to, effect| to.receive(effect, |_| ()));
    }
    for _ in 0..20 {
        pass_both(&mut liar, &mut honest);
    }
    assert!(honest.id() != liar.id());
}

fn delivery(byte: u8) -> Delivery {
    match byte % 2 {
        0 => Delivery::Datagram,
        _ => Delivery::Link,
    }
}

fn node(number: u128) -> NodeId {
    NodeId::from_u128(number)
}
