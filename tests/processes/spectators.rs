//! Those who only watch.

use crate::peers::{Party, Peer, take, wait_for_one_game};

#[test]
fn a_spectator_follows_the_host_and_is_not_listed() {
    let party = Party::new();
    let mut peers = party.join_all(2);
    let host = wait_for_one_game(&mut peers);
    let mut spectator = party.watch();
    spectator.wait_until("the host", |spectator| spectator.host.as_ref() == Some(&host));
    spectator.wait_for_play();
    // Still in one game with each other, and with nobody else.
    assert_eq!(wait_for_one_game(&mut peers), host);
    for peer in &peers {
        assert!(!peer.members.contains(&spectator.id), "a spectator is listed");
    }
}

// Nobody tells it who is next: it knows the roster, and hears the beacons.
#[test]
fn a_spectator_finds_the_next_host() {
    let party = Party::new();
    let mut peers = party.join_all(3);
    let mut spectator = party.watch();
    for _ in 0..2 {
        let host = wait_for_one_game(&mut peers);
        spectator.wait_until("the host", |spectator| spectator.host.as_ref() == Some(&host));
        spectator.wait_for_play();
        take(&mut peers, &host).kill();
        spectator.wait_until("another host", |spectator| spectator.host.as_ref() != Some(&host));
        spectator.wait_for_play();
    }
    let last = wait_for_one_game(&mut peers);
    assert_eq!(spectator.host, Some(last));
}

// However old it is and whatever its id, it never reigns: without players there is no game.
#[test]
fn a_spectator_never_reigns() {
    let party = Party::new();
    let mut spectator = party.watch();
    let mut peers = party.join_all(1);
    let host = wait_for_one_game(&mut peers);
    spectator.wait_until("the host", |spectator| spectator.host.as_ref() == Some(&host));
    spectator.wait_for_play();
    peers.clear();
    let lost = spectator.wait_for("host_lost");
    assert_eq!(lost["host"], host.as_str());
    peers = party.join_all(1);
    let next = wait_for_one_game(&mut peers);
    spectator.wait_until("the next host", |spectator| spectator.host.as_ref() == Some(&next));
    spectator.wait_for_play();
}

/// Reads on until all of a crowd get ticks, as it says from here on.
fn wait_for_all(crowd: &mut Peer, count: u64) {
    let from = crowd.said.len();
    crowd.wait_until("all of them", |crowd| {
        crowd.said[from..].iter().any(|line| {
            let gets = line["ticks_worst"].as_u64().is_some_and(|ticks| ticks > 0);
            line["event"] == "crowd" && line["follow"] == count && gets
        })
    });
}

#[test]
fn a_crowd_in_one_process_follows_the_host_and_then_its_heir() {
    let party = Party::new();
    let mut peers = party.join_all(3);
    let host = wait_for_one_game(&mut peers);
    let mut crowd = Peer::start(party.command("watch").args(["--count", "24"]));
    wait_for_all(&mut crowd, 24);
    take(&mut peers, &host).kill();
    wait_for_one_game(&mut peers);
    wait_for_all(&mut crowd, 24);
    let crowd = crowd.said.iter().filter(|line| line["event"] == "crowd");
    for line in crowd {
        assert_eq!(line["wrong"], 0, "{line}");
        assert_eq!(line["count"], 24);
    }
}

/// Reads on until so many of a crowd, or more, get their ticks from others who watch, and all get some.
fn wait_for_branches(crowd: &mut Peer, through: u64) {
    let from = crowd.said.len();
    crowd.wait_until("a tree", |crowd| {
        crowd.said[from..].iter().any(|line| {
            let branched = line["through"].as_u64().is_some_and(|count| count >= through);
            let gets = line["ticks_worst"].as_u64().is_some_and(|ticks| ticks > 0);
            line["event"] == "crowd" && branched && gets
        })
    });
}

// A host sends to two only; so the others get its ticks from these, and from their like.
#[test]
fn spectators_hand_ticks_down_to_spectators_and_go_on_when_one_of_them_or_the_host_is_killed() {
    let party = Party::new();
    let bot = || {
        let mut command = party.command("bot");
        Peer::start(command.args(["--direct-watchers", "2"]))
    };
    let started: Vec<Peer> = (0..3).map(|_| bot()).collect();
    let mut peers: Vec<Peer> = started.into_iter().map(Peer::introduced).collect();
    let host = wait_for_one_game(&mut peers);
    let mut relay = party.watch(); // it has been there for longest
    relay.wait_for_play();
    let mut crowd = Peer::start(party.command("watch").args(["--count", "24"]));
    wait_for_branches(&mut crowd, 20);
    relay.kill();
    wait_for_all(&mut crowd, 24);
    wait_for_branches(&mut crowd, 20);
    take(&mut peers, &host).kill();
    wait_for_one_game(&mut peers);
    wait_for_all(&mut crowd, 24);
    wait_for_branches(&mut crowd, 20);
    for line in crowd.said.iter().filter(|line| line["event"] == "crowd") {
        assert_eq!(line["wrong"], 0, "{line}");
    }
}
