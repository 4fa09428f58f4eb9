//! Two sides of real sockets on loopback.

use std::net::Ipv4Addr;

use crate::{
    node::LINK_BYTES_QUEUED_MAX,
    runtime::{Settings, open},
    text::Name,
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_dialled_link_connects_and_carries_bytes_both_ways() {
    let (mut here, mut there) = (sockets(), sockets());
    let (ours, theirs) = linked(&mut here, &mut there);

    here.send(ours, Arc::from(*b"to and"));
    assert_eq!(read(&mut there, theirs, 6), b"to and");
    there.send(theirs, Arc::from(*b" fro"));
    assert_eq!(read(&mut here, ours, 4), b" fro");
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
    let farewell: Arc<[u8]> = vec![7; LINK_BYTES_QUEUED_MAX / 2].into();
    there.send(theirs, Arc::from(*b"unread"));
    here.send(ours, Arc::clone(&farewell));
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

#[test]
fn who_reads_too_slowly_is_dropped() {
    let (mut here, mut there) = (sockets(), sockets());
    let (ours, _) = linked(&mut here, &mut there);
    let much: Arc<[u8]> = vec![7; LINK_BYTES_QUEUED_MAX / 4].into();
    let closed = (0..64).find_map(|_| {
        here.send(ours, Arc::clone(&much));
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
    here.send(ours, Arc::from(*b"never read"));
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

fn sockets() -> Sockets {
    let mut settings = Settings::new(Name::new("test"));
    settings.ip = Some(Ipv4Addr::LOCALHOST);
    settings.beacon_port = 0;
    Sockets::new(open::open(&settings, settings.ip).unwrap()).unwrap().0
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
