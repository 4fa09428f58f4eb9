//! Where they live: addresses and ports of their own.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    process::Output,
};

use crate::peers::{Party, program, wait_for_one_game};

/// How many ticks of play in which nothing is lost are enough.
const QUIET_ROUNDS: usize = 8;

// Apple's systems have 127.0.0.1 alone.
#[cfg(not(target_vendor = "apple"))]
#[test]
fn copies_with_a_loopback_address_each_play_as_quietly_as_others() {
    let party = Party::new();
    let join = |number: u8| party.join_with(&["--ip", &format!("127.0.0.{number}")]);
    let mut peers: Vec<_> = (2..6).map(join).collect();
    wait_for_one_game(&mut peers);
    let said: Vec<usize> = peers.iter().map(|peer| peer.said.len()).collect();
    for _ in 0..QUIET_ROUNDS {
        peers.iter_mut().for_each(|peer| peer.wait_for_play());
    }
    for (peer, said) in peers.iter().zip(said) {
        let closed = peer.said[said..].iter().filter(|line| line["event"] == "peer_down");
        assert_eq!(closed.collect::<Vec<_>>(), [&serde_json::Value::Null; 0]);
    }
}

#[test]
fn who_plays_at_the_port_for_beacons_is_no_stranger_to_itself() {
    let party = Party::new();
    let port = party.beacon_port.to_string();
    let first = party.join_with(&["--ip", "127.0.0.1", "--port", &port]);
    assert_eq!(first.tcp.port(), party.beacon_port);
    let second = party.join();
    let mut peers = [first, second];
    wait_for_one_game(&mut peers);
    for peer in &peers {
        let warned = peer.said.iter().filter(|line| line["event"] == "warning");
        assert_eq!(warned.collect::<Vec<_>>(), [&serde_json::Value::Null; 0]);
    }
}

#[test]
fn a_port_at_which_nobody_can_knock_is_refused() {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let done = run(&["bot", "--ip", "127.0.0.1", "--port", &port.to_string()]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains(&format!("TCP 127.0.0.1:{port}")), "{said}");
    assert!(said.contains("--port"), "what to do instead: {said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}

// Somebody opened a firewall for that port.
#[test]
fn who_gets_one_half_of_a_port_alone_plays_and_is_told_what_else_to_open() {
    let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = held.local_addr().unwrap().port();
    let party = Party::new();
    let first = party.join_with(&["--ip", "127.0.0.1", "--port", &port.to_string()]);
    assert_eq!(first.tcp.port(), port);
    let mut peers = [first, party.join()];
    wait_for_one_game(&mut peers);
    let mut warned = peers[0].said.iter().filter(|line| line["event"] == "warning");
    let warning = warned.next().expect("no warning")["text"].as_str().unwrap().to_owned();
    let started = peers[0].said.iter().find(|line| line["event"] == "started").unwrap();
    let udp = started["udp"].to_string();
    assert!(warning.contains(&format!("UDP port {port}")), "{warning}");
    assert!(warning.contains(&udp) && warning.contains("another port"), "{warning}");
    assert!(warned.next().is_none());
}

#[test]
fn addresses_that_no_single_machine_has_are_refused() {
    for (wrong, what) in [
        (["--ip", "255.255.255.255"], "broadcast"),
        (["--ip", "127.255.255.255"], "broadcast"),
        (["--ip", "224.0.0.1"], "multicast"),
        (["--ip", "::1"], "IPv4"),
        (["--peer", "255.255.255.255"], "broadcast"),
        (["--peer", "239.1.2.3"], "multicast"),
        (["--peer", "::1"], "IPv4"),
        (["--peer", "0.0.0.0"], "any address"),
    ] {
        let done = run(&[&["bot", "--seconds", "1"], &wrong[..]].concat());
        assert_eq!(done.status.code(), Some(2), "{wrong:?}");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(said.contains(what), "{wrong:?}: {said}");
    }
    let done = program().args(["bot", "--seconds", "1"]).env("GAME_IP", "224.0.0.1").output();
    assert_eq!(done.unwrap().status.code(), Some(2));
}

// More copies than there are numbers for.
#[test]
fn bots_for_whom_there_are_no_ports_are_refused() {
    let done = run(&["bot", "--count", "2", "--ip", "127.0.0.1", "--port", "65535"]);
    assert_eq!(done.status.code(), Some(2));
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}
