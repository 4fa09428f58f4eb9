//! What was acknowledged outlives whatever happens to the processes.
//!
//! The full count: `cargo test --release --test processes -- --ignored --nocapture`.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    folder::{Folder, attempt, run},
    peers::{PATIENCE, Party, Peer, wait_for_one_game},
};

/// Author, life, number.
type Name = (String, String, u64);

/// Bots that each have a folder of their own.
struct Players {
    party: Party,
    folders: Vec<Folder>,
    peers: Vec<Option<Peer>>,
}

impl Players {
    fn new(count: usize) -> Self {
        let party = Party::new();
        let folders: Vec<Folder> = (0..count).map(|_| Folder::new()).collect();
        let peers = folders.iter().map(|folder| Some(party.join_at(folder.path()))).collect();
        Self { party, folders, peers }
    }

    fn running(&mut self) -> Vec<&mut Peer> {
        self.peers.iter_mut().flatten().collect()
    }

    fn start(&mut self, place: usize) {
        self.peers[place] = Some(self.party.join_at(self.folders[place].path()));
    }

    /// Kills one. What it had acknowledged as kept on its disk.
    fn kill(&mut self, place: usize) -> BTreeSet<Name> {
        let mut peer = self.peers[place].take().unwrap();
        peer.kill();
        acknowledged(&peer)
    }

    fn host(&mut self) -> usize {
        let host = wait_for_one_game(self.running());
        self.peers.iter().flatten().position(|peer| peer.id == host).unwrap()
    }

    /// What is on the disk of one.
    fn kept(&self, place: usize) -> BTreeSet<Name> {
        let lines = run(self.folders[place].path(), &["ledger", "export"], "");
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let name = |line: Value| {
            let text = |field: &str| line[field].as_str().map(str::to_owned);
            Some((text("author")?, text("incarnation")?, line["number"].as_u64()?))
        };
        lines.filter_map(name).collect()
    }
}

fn acknowledged(peer: &Peer) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for line in peer.said.iter().filter(|line| line["event"] == "kept") {
        let text = |field: &str| line[field].as_str().unwrap().to_owned();
        if line["safety"] == "mine" {
            let through = line["through"].as_u64().unwrap();
            names.extend((1..=through).map(|n| (text("author"), text("incarnation"), n)));
        }
    }
    names
}

/// How many points it has seen.
fn points(peer: &Peer) -> usize {
    let is_point = |line: &&Value| line["event"] == "score" && line["points"] != 0;
    peer.said.iter().filter(is_point).count()
}

/// Waits until all of them have said the same of their ledgers. How long after the first the last
/// one did.
fn wait_for_equal_ledgers(mut peers: Vec<&mut Peer>) -> Duration {
    let began: Vec<usize> = peers.iter().map(|peer| peer.said.len()).collect();
    let give_up = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < give_up, "the ledgers do not become equal");
        let mut said: Vec<Vec<(String, u64)>> = Vec::new();
        for (peer, from) in peers.iter_mut().zip(&began) {
            peer.listen(Instant::now() + Duration::from_millis(100));
            let lines = peer.said[*from..].iter().filter(|line| line["event"] == "ledger");
            let hash = |line: &Value| line["hash"].as_str().unwrap().to_owned();
            said.push(lines.map(|line| (hash(line), line["t_us"].as_u64().unwrap())).collect());
        }
        for (hash, at) in &said[0] {
            let others: Option<Vec<u64>> = said
                .iter()
                .map(|lines| Some(lines.iter().find(|(other, _)| other == hash)?.1))
                .collect();
            if let Some(times) = others {
                let last = times.iter().max().unwrap();
                let first = times.iter().min().unwrap().min(at);
                return Duration::from_micros(last - first);
            }
        }
    }
}

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
    let took = wait_for_equal_ledgers(players.running());
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
