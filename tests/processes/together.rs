//! How they find each other.

use std::net::{Ipv4Addr, UdpSocket};

use crate::peers::{Party, wait_for_one_game};

#[test]
fn two_copies_on_one_machine_find_each_other() {
    let party = Party::new();
    let mut peers = party.join_all(2);
    wait_for_one_game(&mut peers);
}

#[test]
fn five_who_start_at_once_play_one_game() {
    let party = Party::new();
    let mut peers = party.join_all(5);
    wait_for_one_game(&mut peers);
}

// Whatever its id, and although it may have a greater one than the host.
#[test]
fn newcomers_follow_the_host_that_reigns() {
    let party = Party::new();
    let mut peers = party.join_all(2);
    let host = wait_for_one_game(&mut peers);
    for _ in 0..3 {
        peers.push(party.join());
        assert_eq!(wait_for_one_game(&mut peers), host);
    }
    for peer in &peers {
        assert_eq!(peer.epoch, peers[0].epoch);
    }
}

#[test]
fn where_the_port_for_beacons_is_taken_the_address_of_a_peer_is_enough() {
    let party = Party::new();
    let _taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, party.beacon_port)).unwrap();
    let first = party.join();
    let second = party.join_by(first.tcp);
    wait_for_one_game(&mut [first, second]);
}

// Nobody else hears anybody's beacons, and the one whose address is known is not the host.
#[test]
fn the_address_of_any_peer_leads_to_the_host() {
    let party = Party::new();
    let _taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, party.beacon_port)).unwrap();
    let mut peers = vec![party.join()];
    let host = wait_for_one_game(&mut peers);
    peers.push(party.join_by(peers[0].tcp));
    assert_eq!(wait_for_one_game(&mut peers), host);
    let known = peers[1].tcp;
    peers.push(party.join_by(known));
    assert_eq!(wait_for_one_game(&mut peers), host);
    let mut spectator = party.watch_by(known);
    spectator.wait_until("the host", |spectator| spectator.host.as_ref() == Some(&host));
    spectator.wait_for_play();
}

#[test]
fn sessions_of_different_names_do_not_mix() {
    let party = Party::new();
    let neighbours = party.next_door();
    let mut here = party.join_all(2);
    let mut there = neighbours.join_all(2);
    // Holds only if nobody else is in the roster.
    wait_for_one_game(&mut here);
    wait_for_one_game(&mut there);
}
