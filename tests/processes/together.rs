//! How they find each other.

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
fn sessions_of_different_names_do_not_mix() {
    let party = Party::new();
    let neighbours = party.next_door();
    let mut here = party.join_all(2);
    let mut there = neighbours.join_all(2);
    // Holds only if nobody else is in the roster.
    wait_for_one_game(&mut here);
    wait_for_one_game(&mut there);
}
