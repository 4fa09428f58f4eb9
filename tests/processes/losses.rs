//! Whoever is lost, the game goes on.

use crate::peers::{Party, Peer, take, wait_for_one_game};

#[test]
fn the_game_outlives_its_host() {
    let party = Party::new();
    let mut peers = party.join_all(4);
    for _ in 0..2 {
        let host = wait_for_one_game(&mut peers);
        let (epoch, tick) = (peers[0].epoch, peers[0].tick);
        take(&mut peers, &host).kill();
        for survivor in &mut peers {
            let crowned = survivor.wait_for("host");
            assert_ne!(crowned["host"], host.as_str(), "the dead reign");
            assert!(crowned["term"]["epoch"].as_u64().unwrap() > epoch);
            let clock = crowned["clock"]["tick"].as_u64().unwrap();
            assert!(clock >= tick, "the world went back from {tick} to {clock}");
            survivor.wait_for_play();
        }
    }
}

// Its host and the only other one: nobody is left to ask.
#[test]
fn the_last_survivor_hosts_alone() {
    let party = Party::new();
    let mut peers = party.join_all(2);
    let host = wait_for_one_game(&mut peers);
    take(&mut peers, &host).kill();
    let last = &mut peers[0];
    let crowned = last.wait_for("host");
    assert_eq!(crowned["host"], last.id.as_str());
    last.wait_for_play();
}

#[test]
fn a_newcomer_killed_on_arrival_disturbs_nobody() {
    let party = Party::new();
    let mut peers = party.join_all(2);
    let host = wait_for_one_game(&mut peers);
    let epoch = peers[0].epoch;
    for _ in 0..3 {
        let mut newcomer = party.join();
        newcomer.wait_for("peer_up");
        newcomer.kill();
        for peer in &mut peers {
            peer.wait_for_play();
            assert_eq!((peer.host.as_ref(), peer.epoch), (Some(&host), epoch));
        }
    }
    let newcomer = party.join();
    let id = newcomer.id.clone();
    peers.push(newcomer);
    for peer in &mut peers {
        peer.wait_until("the newcomer in the roster", |peer| peer.members.contains(&id));
        peer.wait_for_play();
    }
}

#[test]
fn a_host_that_leaves_hands_over_and_ends_well() {
    let party = Party::new();
    let mut peers = party.join_all(3);
    let host = wait_for_one_game(&mut peers);
    let mut leaving = take(&mut peers, &host);
    ask_to_leave(&mut leaving);
    let stopped = leaving.wait_for("stopped");
    assert_eq!(stopped["reason"], "left");
    assert!(leaving.wait_for_exit().success());
    for survivor in &mut peers {
        survivor.wait_for("host");
        survivor.wait_for_play();
    }
    wait_for_one_game(&mut peers);
}

// A zombie: stopped until the others have replaced it, then continued. It believes that it reigns.
#[cfg(unix)]
#[test]
fn a_host_that_was_stopped_follows_when_it_wakes() {
    use rustix::process::Signal;

    let party = Party::new();
    let mut peers = party.join_all(3);
    let host = wait_for_one_game(&mut peers);
    let mut zombie = take(&mut peers, &host);
    let old_epoch = zombie.epoch;
    zombie.signal(Signal::STOP);
    for survivor in &mut peers {
        survivor.wait_until("another host", |peer| peer.host.as_ref() != Some(&host));
        survivor.wait_for_play();
    }
    zombie.signal(Signal::CONT);
    zombie.wait_until("a later reign", |peer| peer.epoch > old_epoch);
    zombie.wait_for_play();
    peers.push(zombie);
    wait_for_one_game(&mut peers);
}

#[cfg(unix)]
fn ask_to_leave(peer: &mut Peer) {
    peer.signal(rustix::process::Signal::TERM);
}

#[cfg(not(unix))]
fn ask_to_leave(peer: &mut Peer) {
    // There are no signals here; the end of its standard input asks for the same.
    peer.untie();
}
