//! A game that is full: whoever comes watches, and plays when its turn comes.

use rustix::process::Signal;

use crate::peers::{Party, Peer, take, wait_for_one_game};

/// So many seats there are, whoever hosts.
const SEATS: &str = "2";

/// Starts one who would play.
fn join(party: &Party) -> Peer {
    Peer::start(party.command("bot").args(["--seats", SEATS])).introduced()
}

/// Two play, and no more may; so many wait, in this order, each of which was told how many are before it.
fn full(party: &Party, waiting: usize) -> (Vec<Peer>, Vec<Peer>) {
    let mut players: Vec<Peer> = (0..2).map(|_| join(party)).collect();
    wait_for_one_game(&mut players);
    let come = |ahead: usize| {
        let mut peer = join(party);
        let told = peer.wait_for("full");
        assert_eq!((&told["players"], &told["ahead"]), (&2.into(), &ahead.into()));
        peer.wait_for_play();
        peer
    };
    let waiting = (0..waiting).map(come).collect();
    (players, waiting)
}

/// Reads on until it is told that so many come in before it.
fn wait_for_place(peer: &mut Peer, ahead: usize) {
    peer.wait_until("its place in the line", |peer| {
        let mut told = peer.said.iter().rev().filter(|line| line["event"] == "full");
        told.next().is_some_and(|told| told["ahead"] == ahead)
    });
}

/// Whether it has been told that it has a seat.
fn was_seated(peer: &Peer) -> bool {
    peer.said.iter().any(|line| line["event"] == "seated")
}

#[test]
fn whoever_finds_all_seats_taken_watches_and_plays_in_order_of_arrival() {
    let party = Party::new();
    let (mut players, mut waiting) = full(&party, 3);
    let mut spectator = party.watch();
    spectator.wait_for_play();
    let host = wait_for_one_game(&mut players);
    for _ in 0..2 {
        let leaves = players.iter().position(|peer| peer.id != host).unwrap();
        players[leaves].signal(Signal::TERM);
        players.remove(leaves).wait_for_exit();
        let mut next = waiting.remove(0);
        next.wait_for("seated");
        players.push(next);
        for (ahead, peer) in waiting.iter_mut().enumerate() {
            wait_for_place(peer, ahead);
            assert!(!was_seated(peer), "it came later");
        }
        // In the same process, and the others play on with the same host.
        assert_eq!(wait_for_one_game(&mut players), host);
    }
    spectator.wait_for_play();
    assert!(!was_seated(&spectator) && !spectator.said.iter().any(|line| line["event"] == "full"));
    // Nobody has a seat any more but one, who is the host.
    let leaves = players.iter().position(|peer| peer.id != host).unwrap();
    drop(players.remove(leaves));
    waiting[0].wait_for("seated");
    players.append(&mut waiting);
    assert_eq!(wait_for_one_game(&mut players), host);
}

#[test]
fn whoever_hosts_next_knows_whose_turn_it_is_and_may_be_one_of_those_who_waited() {
    let party = Party::new();
    let (mut players, mut waiting) = full(&party, 3);
    for _ in 0..3 {
        let host = wait_for_one_game(&mut players);
        take(&mut players, &host).kill();
        let mut next = waiting.remove(0);
        next.wait_for("seated");
        assert_ne!(next.host.as_deref(), Some(&*host));
        for (ahead, peer) in waiting.iter_mut().enumerate() {
            wait_for_place(peer, ahead);
            assert!(!was_seated(peer), "it came later");
        }
        players.push(next);
    }
    let host = wait_for_one_game(&mut players);
    assert!(players.iter().any(|peer| peer.id == host && was_seated(peer)));
}

#[test]
fn whoever_waited_goes_on_with_the_game_of_players_who_are_all_gone() {
    let party = Party::new();
    let (mut players, mut waiting) = full(&party, 2);
    wait_for_one_game(&mut players);
    let tick = players.iter().map(|peer| peer.tick).max().unwrap();
    players.iter_mut().for_each(Peer::kill);
    waiting[1].wait_for("seated");
    let host = wait_for_one_game(&mut waiting);
    assert_eq!(host, waiting[0].id);
    assert!(waiting.iter().all(|peer| peer.tick > tick), "they begin anew");
}
