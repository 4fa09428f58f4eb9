//! What was acknowledged outlives whatever happens to the processes.
//!
//! The full count: `cargo test --release --test processes -- --ignored --nocapture`.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    folder::{Folder, attempt, run},
    peers::{Party, wait_for_one_game},
    players::{Name, Players, acknowledged, points, wait_for_equal_ledgers},
};

#[test]
fn all_killed_at_once_remember_everything_when_they_come_back_in_another_order() {
    let mut players = Players::new(4);
    wait_for_one_game(players.running());
    for peer in players.running() {
        peer.wait_until("some points", |peer| points(peer) >= 5);
    }
    let acknowledged: Vec<BTreeSet<Name>> = (0..4).map(|place| players.kill(place)).collect();
    for (place, acknowledged) in acknowledged.iter().enumerate() {
        assert!(!acknowledged.is_empty());
        assert!(players.kept(place).is_superset(acknowledged), "player {place} forgot something");
    }
    for place in [2, 0, 3, 1] {
        players.start(place);
    }
    wait_for_one_game(players.running());
    wait_for_equal_ledgers(players.running());
    for place in 0..4 {
        players.kill(place);
        let kept = players.kept(place);
        for acknowledged in &acknowledged {
            assert!(kept.is_superset(acknowledged), "player {place} lacks something");
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_while_the_host_is_killed_twice() {
    kill_hosts(2);
}

#[test]
#[ignore = "the full count"]
fn nothing_acknowledged_is_lost_while_the_host_is_killed_twenty_times() {
    kill_hosts(20);
}

fn kill_hosts(kills: u32) {
    let mut players = Players::new(4);
    let mut acknowledged = BTreeSet::new();
    for _ in 0..kills {
        let host = players.host();
        for peer in players.running() {
            let before = points(peer);
            peer.wait_until("another point", |peer| points(peer) > before);
        }
        acknowledged.extend(players.kill(host));
        players.start(host);
    }
    players.host();
    let equal = wait_for_equal_ledgers(players.running());
    let took = Duration::from_micros(equal.last - equal.first);
    assert!(took < Duration::from_secs(2), "{took:?}");
    for place in 0..4 {
        acknowledged.extend(players.kill(place));
    }
    for place in 0..4 {
        run(players.folders[place].path(), &["ledger", "verify"], "");
    }
    let kept: BTreeSet<Name> = (0..4).flat_map(|place| players.kept(place)).collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:?}");
    println!(
        "{kills} hosts killed, {} entries acknowledged, none lost; ledgers equal within {took:?}",
        acknowledged.len()
    );
}

/// Scenario 46: it takes the next free profile.
#[test]
fn a_second_copy_with_the_same_folder_is_somebody_else_with_a_ledger_of_its_own() {
    let (party, folder) = (Party::new(), Folder::new());
    let mut peers = [party.join_at(folder.path()), party.join_at(folder.path())];
    assert_ne!(peers[0].id, peers[1].id);
    wait_for_one_game(&mut peers);
    for peer in &mut peers {
        peer.wait_until("something kept", |peer| !acknowledged(peer).is_empty());
    }
    let done = attempt(folder.path(), &["ledger", "import"], "");
    assert_eq!(done.status.code(), Some(2));
    assert!(folder.path().join("profile-2/ledger.db").exists());
}

/// Scenario 45.
#[test]
fn where_nothing_can_be_kept_one_plays_all_the_same() {
    let (party, folder) = (Party::new(), Folder::new());
    std::fs::write(folder.path(), "in the way").unwrap();
    let mut peer = party.join_at(folder.path());
    peer.wait_for_play();
    assert!(acknowledged(&peer).is_empty());
    std::fs::remove_file(folder.path()).unwrap();
}
