//! What names may do to what is sent: nothing, however long they are and wherever they come from.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use interregnum::{
    config::{BEACON_BYTES, RULES_BYTES_MAX},
    io::{Effect, Port},
    keys::{Chance, Lock},
    mesh::{
        discovery::{Discovery, Told},
        identity::Identity,
        message::{Address, Beacon},
    },
    text::{NAME_CHARS_MAX, Name, SessionName},
    types::{Epoch, Incarnation, Instant, NodeId, Role, SessionId, Term},
};
use uuid::Uuid;

#[test]
fn a_beacon_has_room_for_the_longest_of_all_it_may_say() {
    let rules: &'static str = "r".repeat(RULES_BYTES_MAX).leak();
    let everything = u64::MAX;
    for widest in ["\u{1d54f}", "\"", "\\", "\u{1f1e9}", "e\u{301}\u{316}"] {
        let text: String = widest.chars().cycle().take(NAME_CHARS_MAX).collect();
        let (name, session) = (Name::new(&text), SessionName::new(&text).unwrap());
        let me = Identity {
            incarnation: Incarnation(everything),
            name: name.clone(),
            role: Role::Spectator,
            tcp: u16::MAX,
            udp: u16::MAX,
            rules,
            session: Some(session.clone()),
            lock: Some(Lock::from_secret(&[7; 32])),
            ..Identity::numbered(1)
        };
        let term = Term {
            epoch: Epoch(everything),
            host: NodeId::from_u128(1),
            incarnation: me.incarnation,
        };
        let told = Told {
            session_id: Some(SessionId(Uuid::max())),
            session: Some(session),
            term: Some(term),
            host_name: Some(name.clone()),
            host_at: Some(Address {
                ip: IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
                tcp: u16::MAX,
                udp: u16::MAX,
            }),
            players: u32::MAX,
            name: name.clone(),
            role: me.role,
            ask: false,
            lacks: false,
        };
        let peers = vec![SocketAddr::from(([127, 0, 0, 1], 1))];
        // Sealed it is longest.
        for lock in [None, me.lock.clone()] {
            let me = Identity { lock, ..me.clone() };
            let chance = Chance::new([1; 32]);
            let mut discovery = Discovery::new(Duration::from_secs(1), chance, 1, peers.clone());
            discovery.timeout(Instant(0), &me, told.clone());
            let Some(Effect::Packet { bytes, .. }) = discovery.poll() else { panic!("no beacon") };
            assert_eq!(bytes.len(), BEACON_BYTES);
            let reader = Identity { incarnation: Incarnation(1), ..me };
            let from = peers[0];
            let heard = discovery.packet(Instant(0), &reader, from, Port::Own, &bytes, |_| false);
            let (beacon, _) = heard.unwrap();
            assert_eq!((&beacon.who.name, &beacon.host_name), (&name, &Some(name.clone())));
            let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            println!("{} of {BEACON_BYTES} bytes are left", BEACON_BYTES - end - 1);
        }
    }
}

// Whoever sends a session's name is believed nothing: not that it is clean, not that it fits.
#[test]
fn a_beacon_with_a_session_name_that_is_too_long_is_no_beacon() {
    let read = |session: &str| {
        let text = format!(
            "{{\"magic\":\"interregnum\",\"protocol\":1,\"rules\":\"r\",\"session\":\"{session}\",\
             \"session_id\":null,\"key\":\"{0}\",\"incarnation\":1,\"name\":\"{session}\",\
             \"role\":\"player\",\"tcp\":1,\"udp\":1,\"term\":null,\"host_name\":null,\"players\":1}}",
            "0".repeat(64)
        );
        serde_json::from_str::<Beacon>(&text)
    };
    let name = "s".repeat(NAME_CHARS_MAX);
    let beacon = read(&format!("\u{200b}{name} \u{202e}")).unwrap();
    assert_eq!(beacon.who.session, SessionName::new(&name).ok());
    assert!(read(&format!("{name}1")).is_err());
    assert!(read("\u{200b}").is_err());
}
