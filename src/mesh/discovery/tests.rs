//! What is heard and told in beacons.

use std::net::Ipv4Addr;

use super::*;
use crate::{keys::Lock, mesh::strangers::FREE_SPAN, types::Epoch};

#[test]
fn a_beacon_goes_out_once_of_each_network_whatever_addresses_there_are() {
    let at = |index, ip: [u8; 4], prefix_bits| Interface {
        ip: ip.into(),
        prefix_bits,
        index,
        broadcast: None,
    };
    let first = at(2, [10, 77, 0, 9], 24);
    let second = at(2, [10, 77, 0, 1], 24);
    let other_network = at(2, [192, 168, 0, 1], 24);
    let other_device = at(3, [10, 77, 0, 2], 24);
    let found = outlets(&[first, second, other_network, other_device]);
    assert_eq!(found, [first, other_network, other_device]);
    let alone = |index| at(index, [10, 77, 0, 100], 32);
    assert_eq!(outlets(&[alone(2), first]), [first]);
    assert_eq!(outlets(&[alone(4), at(4, [10, 77, 0, 101], 32)]), [alone(4)]);
    let unknown = Interface { ip: Ipv4Addr::UNSPECIFIED, ..at(0, [0; 4], 32) };
    let loopback = at(0, [127, 0, 0, 1], 8);
    assert_eq!(outlets(&[loopback, unknown]), [loopback, unknown]);
}

#[test]
fn who_was_named_is_asked_until_it_is_heard() {
    let (me, other) = (Identity::numbered(1), Identity::numbered(2));
    let at = SocketAddr::from(([10, 77, 0, 2], 50_000));
    let mut here = discovery(vec![at]);
    let mut there = discovery(Vec::new());
    let start = Instant(1_000_000);
    here.timeout(start, &me, told());
    let (question, asks) = beacon(&mut here);
    assert!(asks, "it was never heard");

    there.timeout(start, &other, told());
    there.packet(
        start,
        &other,
        SocketAddr::from(([10, 77, 0, 1], 4_000)),
        Port::Beacon,
        &question,
        |_| false,
    );
    let (answer, asks) = beacon(&mut there);
    assert!(!asks, "an answer never asks");
    here.packet(start, &me, at, Port::Own, &answer, |_| false);
    here.timeout(start + Duration::from_secs(1), &me, told());
    assert!(!beacon(&mut here).1, "it was heard");
    here.timeout(start + FRESH + Duration::from_secs(1), &me, told());
    assert!(beacon(&mut here).1, "nothing came for long");
}

#[test]
fn a_locked_session_is_heard_of_by_all_and_looked_into_by_its_own() {
    let locked = |number, secret| Identity {
        lock: Some(Lock::from_secret(&[secret; 32])),
        name: Name::new("Ada"),
        ..Identity::numbered(number)
    };
    let at = SocketAddr::from(([10, 77, 0, 2], 50_000));
    let now = Instant(1_000_000);
    let mut there = discovery(vec![at]);
    there.timeout(now, &locked(1, 7), Told { name: Name::new("Ada"), ..told() });
    let Some(Effect::Packet { bytes, .. }) = there.poll() else { panic!("none is sent") };
    assert_eq!(bytes.len(), BEACON_BYTES);
    assert!(!bytes.windows(3).any(|text| text == b"Ada"));
    let hears = |me: &Identity, bytes: &[u8]| {
        let mut here = discovery(Vec::new());
        let beacon = here.packet(now, me, at, Port::Beacon, bytes, |_| false);
        (beacon.map(|(beacon, _)| beacon.who.name.clone()), here.locked(now).count())
    };
    assert_eq!(hears(&locked(2, 7), &bytes), (Some(Name::new("Ada")), 0));
    assert_eq!(hears(&locked(2, 8), &bytes), (None, 1), "another passphrase");
    assert_eq!(hears(&Identity::numbered(2), &bytes), (None, 1), "none");
    for at in 0..bytes.len() {
        let mut altered = bytes.to_vec();
        altered[at] ^= 1;
        if let (Some(_), _) = hears(&locked(2, 7), &altered) {
            // What is no part of the seal says nothing of anybody.
            assert!(at < 120 || altered[at] == 1, "byte {at}");
        }
    }
}

#[test]
fn a_recorded_beacon_of_an_earlier_life_is_not_proved_and_an_older_one_is_not_looked_at() {
    let locked =
        |number| Identity { lock: Some(Lock::from_secret(&[7; 32])), ..Identity::numbered(number) };
    let (me, other) = (locked(1), locked(2));
    let [here_at, there_at] = [1, 2].map(|last| SocketAddr::from(([10, 77, 0, last], 50_000)));
    let now = Instant(1_000_000);
    let (mut here, mut there) = (discovery(Vec::new()), discovery(vec![here_at]));
    there.timeout(now, &other, told());
    let Some(Effect::Packet { bytes: old, .. }) = there.poll() else { panic!("none is sent") };
    let proved =
        |here: &Discovery, now| here.heard(now).map(|heard| heard.proved).collect::<Vec<_>>();

    here.timeout(now, &me, told());
    assert!(here.packet(now, &me, there_at, Port::Own, &old, |_| false).is_some());
    assert_eq!(proved(&here, now), [false], "anybody may have recorded it");
    // It is asked, and answers: so it is there.
    let Some(Effect::Packet { bytes: question, to, .. }) = here.poll() else {
        panic!("no question")
    };
    assert_eq!((to, question.len()), (there_at, old.len()));
    assert!(there.packet(now, &other, here_at, Port::Own, &question, |_| false).is_some());
    let Some(Effect::Packet { bytes: answer, .. }) = there.poll() else { panic!("no answer") };
    assert!(answer.len() <= question.len());
    assert!(here.packet(now, &me, there_at, Port::Own, &answer, |_| false).is_some());
    assert_eq!(proved(&here, now), [true]);
    assert!(here.poll().is_none(), "it need not be asked any more");

    let elsewhere = SocketAddr::from(([10, 77, 0, 9], 50_000));
    assert!(
        here.packet(now, &me, elsewhere, Port::Own, &old, |_| false).is_none(),
        "it is an old one"
    );
    let mut later =
        Discovery::new(Duration::from_secs(1), Chance::new([2; 32]), 50_000, Vec::new());
    later.timeout(now, &me, told());
    assert!(later.packet(now, &me, there_at, Port::Own, &answer, |_| false).is_some());
    assert_eq!(proved(&later, now), [false], "it answers somebody else's question");
}

#[test]
fn however_long_a_node_says_nothing_a_beacon_that_answers_nothing_is_not_proved() {
    let locked =
        |number| Identity { lock: Some(Lock::from_secret(&[7; 32])), ..Identity::numbered(number) };
    let (me, other) = (locked(1), locked(2));
    let [here_at, there_at] = [1, 2].map(|last| SocketAddr::from(([10, 77, 0, last], 50_000)));
    for silent in [0, 9, 15, 25, 300] {
        let now = Instant(1_000_000) + Duration::from_secs(silent);
        let (mut here, mut there) = (discovery(Vec::new()), discovery(vec![here_at]));
        here.timeout(Instant(1_000_000), &me, told());
        there.timeout(now, &other, told());
        let Some(Effect::Packet { bytes, .. }) = there.poll() else { panic!("none is sent") };
        assert!(here.packet(now, &me, there_at, Port::Own, &bytes, |_| false).is_some());
        assert!(here.heard(now).all(|heard| !heard.proved), "after {silent} s");
    }
}

/// A member of a locked session and somebody else of it whose beacons were proved just now, how it says
/// one more in another of its lives, and the last beacon of this one.
struct Known {
    me: Identity,
    here: Discovery,
    there_at: SocketAddr,
    last: Vec<u8>,
    of_before: Vec<u8>,
}

const PROVED_AT: Instant = Instant(1_000_000);

fn known() -> Known {
    let lock = || Some(Lock::from_secret(&[7; 32]));
    let (me, other) = (
        Identity { lock: lock(), ..Identity::numbered(1) },
        Identity { lock: lock(), incarnation: Incarnation(5), ..Identity::numbered(2) },
    );
    let before = Identity { lock: lock(), incarnation: Incarnation(4), ..Identity::numbered(2) };
    let [here_at, there_at] = [1, 2].map(|last| SocketAddr::from(([10, 77, 0, last], 50_000)));
    let (mut here, mut there) = (discovery(Vec::new()), discovery(vec![here_at]));
    let sent = |discovery: &mut Discovery| match discovery.poll() {
        Some(Effect::Packet { bytes, .. }) => bytes.to_vec(),
        other => panic!("{other:?}"),
    };
    let mut earlier = discovery(vec![here_at]);
    earlier.timeout(PROVED_AT, &before, told());
    let of_before = sent(&mut earlier);
    here.timeout(PROVED_AT, &me, told());
    there.timeout(PROVED_AT, &other, told());
    here.packet(PROVED_AT, &me, there_at, Port::Own, &sent(&mut there), |_| false).unwrap();
    there.packet(PROVED_AT, &other, here_at, Port::Own, &sent(&mut here), |_| false).unwrap();
    let last = sent(&mut there);
    here.packet(PROVED_AT, &me, there_at, Port::Own, &last, |_| false).unwrap();
    Known { me, here, there_at, last, of_before }
}

/// The lives that are heard of, and whether they are proved.
fn lives(here: &Discovery, now: Instant) -> Vec<(u64, bool)> {
    let lives = here.heard(now).map(|heard| (heard.beacon.who.incarnation.0, heard.proved));
    lives.collect()
}

#[test]
fn the_last_beacon_of_somebody_who_is_gone_keeps_it_no_longer_however_often_it_is_sent() {
    let Known { me, mut here, there_at, last, .. } = known();
    let elsewhere = SocketAddr::from(([10, 77, 0, 9], 50_000));
    assert_eq!(lives(&here, PROVED_AT), [(5, true)]);
    for after in 1..25 {
        let now = PROVED_AT + Duration::from_millis(after * 100);
        let from = if after % 2 == 0 { there_at } else { elsewhere };
        here.packet(now, &me, from, Port::Own, &last, |_| false);
        assert_eq!(lives(&here, now), [(5, true)]);
        assert!(here.heard(now).all(|heard| heard.from == there_at));
    }
    let now = PROVED_AT + FRESH;
    here.packet(now, &me, there_at, Port::Own, &last, |_| false);
    assert_eq!(lives(&here, now), []);
}

#[test]
fn a_recorded_beacon_of_an_earlier_life_takes_the_place_of_no_proved_one() {
    let Known { me, mut here, there_at, of_before, .. } = known();
    let now = PROVED_AT + Duration::from_millis(500);
    assert!(here.packet(now, &me, there_at, Port::Own, &of_before, |_| false).is_some());
    assert_eq!(lives(&here, now), [(5, true)]);
    // Once that one is silent it may be dialled; nobody waits for it.
    let now = PROVED_AT + FRESH;
    assert!(here.packet(now, &me, there_at, Port::Own, &of_before, |_| false).is_some());
    assert_eq!(lives(&here, now), [(4, false)]);
}

#[test]
fn neither_what_is_remembered_of_announcements_nor_what_is_read_of_a_flood_grows() {
    let me = Identity::numbered(1);
    let mut here = discovery(Vec::new());
    let mut there = discovery(vec![SocketAddr::from(([10, 77, 0, 1], 50_000))]);
    let mut read = 0;
    for number in 0..3_000_u32 {
        let now = Instant(1_000_000 + u64::from(number) * 1_000);
        let mut other = Identity::numbered(2);
        other.key = crate::keys::SecretKey::from_bytes(&{
            let mut bytes = [9; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            bytes
        });
        there.timeout(now, &other, Told { players: number, ..told() });
        there.cadence.speak_at(now);
        there.timeout(now, &other, Told { players: number, ..told() });
        let Some(Effect::Packet { bytes, .. }) = there.poll() else { continue };
        while there.poll().is_some() {}
        let from = SocketAddr::from(([10, 77, 0, 2], 4_000));
        // A hundred of them at once.
        let at = Instant(1_000_000 + u64::from(number / 1_000) * 1_000_000);
        read += u32::from(here.packet(at, &me, from, Port::Own, &bytes, |_| false).is_some());
        assert!(here.heard.len() <= ANNOUNCED_PER_ADDRESS_MAX);
    }
    assert_eq!(read, 3 * 96, "so many of each thousand that come at once");
}

#[test]
fn who_asks_all_of_a_game_is_sent_what_it_sends_and_little_more_in_a_second() {
    for locked in [false, true] {
        let identity = |number| Identity {
            lock: locked.then(|| Lock::from_secret(&[7; 32])),
            name: Name::new("a name of some length"),
            ..Identity::numbered(number)
        };
        let members: Vec<Identity> = (1..17).map(identity).collect();
        let (host, incarnation) = (members[0].id, members[0].incarnation);
        let reign = Term { epoch: Epoch(3), host, incarnation };
        let mut game: Vec<Discovery> = (1..17)
            .map(|chance| {
                let (every, port) = (Duration::from_secs(1), 50_000);
                Discovery::new(every, Chance::new([chance; 32]), port, Vec::new())
            })
            .collect();
        let at = |last: u8| SocketAddr::from(([10, 77, 0, last], 50_000));
        let stranger = identity(99);
        let mut asks = discovery(vec![at(1)]);
        let (mut sent, mut answered, mut by_host) = (0, 0, 0);
        for number in 0..300_u32 {
            // Each time somebody else, as far as anybody sees.
            let now = Instant(1_000_000 + u64::from(number) * 200_000);
            let from = at((number % 200) as u8 + 20);
            asks.timeout(now, &stranger, Told { ask: true, players: number, ..told() });
            asks.cadence.speak_at(now);
            let Some(Effect::Packet { bytes, .. }) = asks.poll() else { continue };
            while asks.poll().is_some() {}
            sent += bytes.len();
            for (member, (me, here)) in members.iter().zip(&mut game).enumerate() {
                let term = Some(reign);
                here.timeout(now, me, Told { term, players: 16, ..told() });
                here.packet(now, me, from, Port::Beacon, &bytes, |_| false);
                while let Some(effect) = here.poll() {
                    let Effect::Packet { to, bytes, .. } = effect else { continue };
                    assert_eq!(to, from);
                    answered += bytes.len();
                    by_host += u32::from(member == 0);
                }
            }
        }
        assert!(by_host > 250, "the host answered {by_host}");
        // Each has some that it answers whatever others do: few, however fast somebody asks.
        let lasts = Duration::from_millis(300 * 200);
        let each = lasts.div_duration_f64(FREE_SPAN).ceil() as usize + 1;
        let free = 15 * each * BEACON_BYTES;
        assert!(answered <= sent + free, "{answered} bytes for {sent}");
    }
}

#[test]
fn those_who_play_together_fall_silent_until_somebody_comes() {
    let (me, other) = (Identity::numbered(1), Identity::numbered(2));
    let (host, incarnation) = (me.id, me.incarnation);
    let term = Some(Term { epoch: Epoch(3), host, incarnation });
    let plays = || Told { term, players: 2, ..told() };
    let to = SocketAddr::from(([10, 77, 0, 9], 50_000));
    let start = Instant(1_000_000);
    let later = |seconds| start + Duration::from_secs(seconds);
    // How often this one speaks in so many seconds of those that follow.
    let spoke = |here: &mut Discovery, me: &Identity, from: u64, seconds: u64, told: &Told| {
        let mut count = 0;
        let until = later(from + seconds);
        let mut now = later(from);
        while now < until {
            here.timeout(now, me, told.clone());
            count += std::iter::from_fn(|| here.poll()).count();
            now = here.next_timeout();
        }
        count
    };
    let (mut hosts, mut follows) = (discovery(vec![to]), discovery(vec![to]));
    assert_eq!(spoke(&mut hosts, &me, 0, 10, &plays()), 20);
    assert_eq!(spoke(&mut follows, &other, 0, 10, &plays()), 10);
    assert!(spoke(&mut hosts, &me, 10, 60, &plays()) <= 31);
    assert!(spoke(&mut follows, &other, 10, 60, &plays()) <= 3);

    // Each hears the other, who plays with it: that is nothing new.
    let said = |discovery: &mut Discovery, now: Instant, me: &Identity, told: Told| {
        discovery.cadence.speak_at(now);
        discovery.timeout(now, me, told);
        let Some(Effect::Packet { bytes, .. }) = discovery.poll() else { panic!("none") };
        bytes
    };
    let bytes = said(&mut follows, later(70), &other, plays());
    hosts.packet(later(70), &me, to, Port::Beacon, &bytes, |_| false);
    assert!(spoke(&mut hosts, &me, 70, 60, &plays()) <= 31);
    // Somebody comes to the title.
    let title = Identity { session: None, ..Identity::numbered(3) };
    let mut looks = Discovery::new(Duration::from_secs(1), Chance::new([2; 32]), 50_000, vec![to]);
    let bytes = said(&mut looks, start, &title, Told { session: None, ..told() });
    for (here, me) in [(&mut hosts, &me), (&mut follows, &other)] {
        here.packet(later(131), me, to, Port::Beacon, &bytes, |_| false);
    }
    assert!(hosts.next_timeout() <= later(131), "a host speaks at once");
    assert!(follows.next_timeout() <= later(132));
    assert!(spoke(&mut hosts, &me, 131, 10, &plays()) >= 20);
    // Somebody is missing.
    let lacks = Told { lacks: true, ..plays() };
    assert!(spoke(&mut hosts, &me, 200, 60, &lacks) >= 119);
}

// They had ids where there are keys now.
#[test]
fn sessions_of_earlier_versions_are_heard_of() {
    let mut here = discovery(Vec::new());
    for port in [4_000, 4_001] {
        let from = SocketAddr::from(([10, 77, 0, 2], port));
        let text = format!(
            "{{\"magic\":\"interregnum\",\"protocol\":3,\"rules\":\"r\",\"session\":\"old {port}\",\
             \"session_id\":null,\"id\":\"{}\",\"incarnation\":1,\"name\":\"Ada\",\
             \"role\":\"player\",\"tcp\":1,\"udp\":1,\"term\":null,\"host_name\":null,\
             \"players\":1}}",
            uuid::Uuid::from_u128(port.into())
        );
        let me = Identity::numbered(1);
        assert!(
            here.packet(Instant(1), &me, from, Port::Beacon, text.as_bytes(), |_| false).is_some()
        );
    }
    assert_eq!(here.heard(Instant(1)).count(), 2);
}

fn discovery(peers: Vec<SocketAddr>) -> Discovery {
    Discovery::new(Duration::from_secs(1), Chance::new([1; 32]), 50_000, peers)
}

fn told() -> Told {
    Told {
        session_id: None,
        session: Some(SessionName::default()),
        term: None,
        host_name: None,
        host_at: None,
        players: 1,
        name: Name::new("somebody"),
        role: Role::Player,
        ask: false,
        lacks: false,
    }
}

/// The beacon that is sent next, and whether it asks.
fn beacon(discovery: &mut Discovery) -> (Vec<u8>, bool) {
    let Some(Effect::Packet { bytes, .. }) = discovery.poll() else { panic!("none is sent") };
    let text = std::str::from_utf8(&bytes).unwrap().trim_end_matches('\0');
    let said: Beacon = serde_json::from_str(text).unwrap();
    (bytes.to_vec(), said.ask)
}
