//! Bots with disks, and what they say of their ledgers.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    folder::{Folder, run},
    peers::{PATIENCE, Party, Peer, wait_for_one_game},
};

/// Author, life, number.
pub type Name = (String, String, u64);

/// Bots that each have a folder of their own.
pub struct Players {
    party: Party,
    pub folders: Vec<Folder>,
    peers: Vec<Option<Peer>>,
}

impl Players {
    pub fn new(count: usize) -> Self {
        let party = Party::new();
        let folders: Vec<Folder> = (0..count).map(|_| Folder::new()).collect();
        let peers = folders.iter().map(|folder| Some(party.join_at(folder.path()))).collect();
        Self { party, folders, peers }
    }

    pub fn running(&mut self) -> Vec<&mut Peer> {
        self.peers.iter_mut().flatten().collect()
    }

    pub fn start(&mut self, place: usize) {
        self.peers[place] = Some(self.party.join_at(self.folders[place].path()));
    }

    /// Kills one. What it had acknowledged as kept on its disk.
    pub fn kill(&mut self, place: usize) -> BTreeSet<Name> {
        let mut peer = self.peers[place].take().unwrap();
        peer.kill();
        acknowledged(&peer)
    }

    pub fn host(&mut self) -> usize {
        let host = wait_for_one_game(self.running());
        self.peers.iter().flatten().position(|peer| peer.id == host).unwrap()
    }

    /// What is on the disk of one.
    pub fn kept(&self, place: usize) -> BTreeSet<Name> {
        let lines = run(self.folders[place].path(), &["ledger", "export"], "");
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let name = |line: Value| {
            let text = |field: &str| line[field].as_str().map(str::to_owned);
            Some((text("author")?, text("incarnation")?, line["number"].as_u64()?))
        };
        lines.filter_map(name).collect()
    }
}

/// What one said to be on its disk.
pub fn acknowledged(peer: &Peer) -> BTreeSet<Name> {
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
pub fn points(peer: &Peer) -> usize {
    let is_point = |line: &&Value| line["event"] == "score" && line["points"] != 0;
    peer.said.iter().filter(is_point).count()
}

/// When the first and the last of several had one ledger, in microseconds.
pub struct Equal {
    pub first: u64,
    pub last: u64,
}

/// Waits until all of them have said the same of their ledgers.
pub fn wait_for_equal_ledgers(mut peers: Vec<&mut Peer>) -> Equal {
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
                let first = times.iter().copied().fold(*at, u64::min);
                let last = times.into_iter().fold(*at, u64::max);
                return Equal { first, last };
            }
        }
    }
}
