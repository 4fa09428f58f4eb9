//! Two sides of real sockets on loopback.
#![expect(clippy::disallowed_types, reason = "tests of the impure edge")]

use std::net::Ipv4Addr;

use crate::{
    node::LINK_BYTES_QUEUED_MAX,
    runtime::{Settings, StartError, open},
    text::Name,
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_dialled_link_connects_and_carries_bytes_both_ways() {
    let (mut here, mut there) = (sockets(), sockets());
    let (ours, theirs) = linked(&mut here, &mut there);

    here.send(ours, Bytes::from_static(b"to and"));
    assert_eq!(read(&mut there, theirs, 6), b"to and");
    there.send(theirs, Bytes::from_static(b" fro"));
    assert_eq!(read(&mut here, ours, 4), b" fro");
}

// Thirty thousand a second may come, and each may cost something.
#[test]
fn a_flood_is_read_for_a_moment_a_wait_and_no_longer() {
    let mut here = sockets();
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, here.ports().unwrap().1));
    let flood = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    (0..150).for_each(|_| assert_eq!(flood.send_to(&[7; 60], to).unwrap(), 60));
    here.wait(Some(clock::now() + PATIENCE));
    let mut taken = 0;
    while here.next().is_some() {
        taken += 1;
        let begun = clock::now();
        while clock::now().since(begun) < READING {}
    }
    assert_eq!(taken, PIECES_MIN);
    // What is left is read after the next wait, which does not block.
    here.wait(Some(clock::now() + PATIENCE));
    assert!(here.next().is_some());
}

// A port that nobody listens on: one that was given back.
#[test]
fn a_dial_that_nobody_answers_fails() {
    let port = sockets().ports().unwrap().0;
    let mut here = sockets();
    let link = LinkId(2);
    here.dial(link, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    expect(&mut here, |wire| matches!(wire, Wire::DialFailed { link: failed } if failed == link));
}

#[test]
fn what_was_sent_before_closing_still_arrives() {
    let (mut here, mut there) = (sockets(), sockets());
    let (ours, theirs) = linked(&mut here, &mut there);
    // More than the system buffers at once, and something unread at our side, which would turn
    // a plain close into a reset.
    let farewell: Bytes = vec![7; LINK_BYTES_QUEUED_MAX / 2].into();
    there.send(theirs, Bytes::from_static(b"unread"));
    here.send(ours, farewell.clone());
    here.close(ours);

    let mut arrived = 0;
    let reason = loop {
        here.look();
        while here.next().is_some() {}
        there.wait(Some(clock::now() + Duration::from_millis(1)));
        match there.next() {
            Some(Wire::Bytes { chunk, .. }) => arrived += chunk.len(),
            Some(Wire::Closed { reason, .. }) => break reason,
            _ => {}
        }
    };
    assert_eq!(arrived, farewell.len());
    assert_eq!(reason, CloseReason::EndOfStream);
}

// Whoever is dropped and does not care would keep the processor busy until its time is up.
#[test]
fn a_link_that_was_closed_here_and_not_there_wakes_nobody() {
    let (mut here, mut there) = (sockets(), sockets());
    let (ours, _) = linked(&mut here, &mut there);
    here.close(ours);
    let until = clock::now() + PARTING / 2;
    let mut waits = 0;
    while clock::now() < until {
        here.wait(Some(until));
        while here.next().is_some() {}
        waits += 1;
    }
    assert!(waits < 10, "{waits} waits");
}

#[test]
fn who_reads_too_slowly_is_dropped() {
    let (mut here, mut there) = (sockets(), sockets());
    let (ours, _) = linked(&mut here, &mut there);
    let much: Bytes = vec![7; LINK_BYTES_QUEUED_MAX / 4].into();
    let closed = (0..64).find_map(|_| {
        here.send(ours, much.clone());
        here.look();
        here.next()
    });
    assert!(matches!(closed, Some(Wire::Closed { reason: CloseReason::Slow, .. })));
}

// The process at the other end is gone, with bytes it never read: the system sends a reset.
#[test]
fn a_reset_link_ends_like_any_other() {
    let (mut here, mut there) = (sockets(), sockets());
    let (ours, theirs) = linked(&mut here, &mut there);
    here.send(ours, Bytes::from_static(b"never read"));
    there.wait(Some(clock::now() + PATIENCE));
    there.links.remove(&theirs);
    expect(&mut here, |wire| matches!(wire, Wire::Closed { reason: CloseReason::EndOfStream, .. }));
}

#[test]
fn an_oversized_datagram_is_skipped_and_the_next_one_read() {
    let (here, mut there) = (sockets(), sockets());
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, there.ports().unwrap().1));
    here.packet(to, Port::Own, &[7; DATAGRAM_BYTES + 1]);
    here.packet(to, Port::Own, b"fits");
    expect(&mut there, |wire| matches!(wire, Wire::Packet { bytes, .. } if bytes == b"fits"));
}

#[test]
fn a_wait_ends_within_a_millisecond_of_its_deadline() {
    let mut here = sockets();
    // A busy machine may run somebody else at that very moment: the best of some waits counts.
    let late = (0..20).map(|_| {
        let deadline = clock::now() + Duration::from_micros(2_300);
        here.wait(Some(deadline));
        let woken = clock::now();
        assert!(woken >= deadline, "woken too early");
        woken.since(deadline)
    });
    let best = late.min().unwrap();
    assert!(best < Duration::from_millis(1), "{best:?} too late");
}

// Apple's systems have 127.0.0.1 alone.
#[cfg(not(target_vendor = "apple"))]
#[test]
fn links_and_packets_leave_from_the_address_that_a_node_lives_at() {
    let home = Ipv4Addr::new(127, 0, 0, 3);
    let (mut here, mut there) = (sockets_at(Some(home), 0), sockets());
    let (tcp, udp) = there.ports().unwrap();
    here.dial(LinkId(2), SocketAddr::from((Ipv4Addr::LOCALHOST, tcp)));
    expect(&mut there, |wire| match wire {
        Wire::Accepted { from, .. } => {
            assert_eq!(from.ip(), home);
            true
        }
        _ => false,
    });
    here.packet(SocketAddr::from((Ipv4Addr::LOCALHOST, udp)), Port::Own, b"hello");
    expect(&mut there, |wire| match wire {
        Wire::Packet { from, .. } => {
            assert_eq!(from.ip(), home);
            true
        }
        _ => false,
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_question_is_answered_from_the_address_and_the_port_that_it_went_to() {
    let asked = Ipv4Addr::new(127, 0, 0, 7);
    let beacons = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = beacons.local_addr().unwrap().port();
    drop(beacons);
    for home in [None, Some(asked)] {
        let mut here = sockets_at(home, port);
        let mine = Interface { ip: asked, prefix_bits: 8, index: 0, broadcast: None };
        here.set_interfaces(&[mine]);
        let asker = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        asker.set_read_timeout(Some(PATIENCE)).unwrap();
        asker.send_to(b"who?", (asked, port)).unwrap();
        let mut answer = None;
        expect(&mut here, |wire| {
            if let Wire::Packet { from, via, .. } = wire {
                answer = Some((from, via));
            }
            answer.is_some()
        });
        let (from, via) = answer.unwrap();
        here.packet(from, via, b"me");
        let (_, from) = asker.recv_from(&mut [0; 8]).unwrap();
        assert_eq!(from, SocketAddr::from((asked, port)));
    }
}

#[test]
fn a_port_that_was_asked_for_comes_whole_if_nobody_has_a_part_of_it() {
    let taken = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut settings = Settings::new(Name::new("test"));
    settings.port = Some(port);
    let opened = open::open(&settings, Some(Ipv4Addr::LOCALHOST)).unwrap();
    assert_eq!(opened.listener.local_addr().unwrap().port(), port);
    assert_ne!(opened.own.local_addr().unwrap().port(), port);
    assert_eq!(opened.displaced.unwrap().kind(), std::io::ErrorKind::AddrInUse);
    drop((opened.listener, taken));
    let opened = open::open(&settings, Some(Ipv4Addr::LOCALHOST)).unwrap();
    assert_eq!(opened.own.local_addr().unwrap().port(), port);
    assert!(opened.displaced.is_none());
    drop(opened.own);
    let refused = open::open(&settings, Some(Ipv4Addr::LOCALHOST)).err().unwrap();
    assert!(matches!(refused, StartError::Bind { protocol: "TCP", .. }), "{refused}");
    assert!(!refused.to_string().contains("--"), "the library knows no command line: {refused}");
}

#[test]
fn at_the_port_for_beacons_a_node_needs_no_other_socket_for_them() {
    let unused = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let mut settings = Settings::new(Name::new("test"));
    settings.beacon_port = unused.local_addr().unwrap().port();
    settings.port = Some(settings.beacon_port);
    drop(unused);
    // At one address it would hear no broadcasts.
    let opened = open::open(&settings, Some(Ipv4Addr::LOCALHOST)).unwrap();
    assert!(opened.beacon.unwrap().is_some());
    drop((opened.own, opened.listener));
    let opened = open::open(&settings, None).unwrap();
    assert!(opened.beacon.unwrap().is_none());
}

#[test]
fn sockets_for_broadcasts_follow_the_networks() {
    let poll = Poll::new().unwrap();
    let lo = Interface { ip: Ipv4Addr::LOCALHOST, prefix_bits: 8, index: 0, broadcast: None };
    let mut casters = Casters::default();
    casters.serve(&[lo], Token(CASTERS), EXTRA_MAX, poll.registry());
    casters.serve(&[lo, lo], Token(CASTERS), 1, poll.registry());
    let port = |caster: &UdpSocket| caster.local_addr().unwrap();
    assert_eq!(casters.at(lo.ip).map(port), casters.numbered(0).map(port));
    assert!(casters.numbered(0).is_some() && casters.numbered(1).is_none());
    casters.serve(&[], Token(CASTERS), EXTRA_MAX, poll.registry());
    assert!(casters.at(lo.ip).is_none());
}

fn sockets() -> Sockets {
    sockets_at(Some(Ipv4Addr::LOCALHOST), 0)
}

fn sockets_at(home: Option<Ipv4Addr>, beacon_port: u16) -> Sockets {
    let mut settings = Settings::new(Name::new("test"));
    settings.beacon_port = beacon_port;
    Sockets::new(open::open(&settings, home).unwrap()).unwrap().0
}

fn linked(here: &mut Sockets, there: &mut Sockets) -> (LinkId, LinkId) {
    let ours = LinkId(2);
    let port = there.ports().unwrap().0;
    here.dial(ours, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    expect(here, |wire| matches!(wire, Wire::Connected { .. }));
    let mut theirs = LinkId(0);
    expect(there, |wire| match wire {
        Wire::Accepted { link, .. } => {
            theirs = link;
            true
        }
        _ => false,
    });
    (ours, theirs)
}

fn expect(sockets: &mut Sockets, mut wanted: impl FnMut(Wire) -> bool) {
    let deadline = clock::now() + PATIENCE;
    while clock::now() < deadline {
        sockets.wait(Some(deadline));
        while let Some(wire) = sockets.next() {
            if wanted(wire) {
                return;
            }
        }
    }
    panic!("what was expected did not come");
}

fn read(sockets: &mut Sockets, from: LinkId, bytes: usize) -> Vec<u8> {
    let mut got = Vec::new();
    expect(sockets, |wire| match wire {
        Wire::Bytes { link, chunk } if link == from => {
            got.extend(chunk);
            got.len() >= bytes
        }
        _ => false,
    });
    got
}
