//! A laboratory with a player at each host.

use std::{fs, path::PathBuf};

use interregnum::runtime;
use uuid::Uuid;

use crate::{
    lab::Lab,
    peers::{PROGRAM, Peer, plain, wait_for_one_game},
};

/// Hosts, and who plays at them.
pub struct Scene {
    pub lab: Lab,
    pub peers: Vec<Peer>,
    homes: PathBuf,
}

impl Scene {
    /// Hosts at which nobody plays yet.
    pub fn empty(hosts: usize) -> Self {
        let homes = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
        Self { lab: Lab::new(hosts).unwrap(), peers: Vec::new(), homes }
    }

    /// Somebody starts to play.
    pub fn enter(&mut self, host: usize) {
        let mut command = plain(self.lab.command(host, PROGRAM));
        command.arg("bot").arg("--data-dir").arg(self.homes.join(host.to_string()));
        self.peers.push(Peer::start(&mut command).introduced());
    }

    pub fn one_game(&mut self) {
        wait_for_one_game(&mut self.peers);
    }

    pub fn now(&self) -> u64 {
        runtime::now().0
    }

    pub fn settled_after(&self, since: u64) -> f64 {
        let last = self.peers.iter().filter_map(|peer| {
            let crowned = peer.said.iter().rfind(|line| line["event"] == "host")?;
            crowned["t_us"].as_u64()
        });
        (last.max().unwrap() as f64 - since as f64) / 1_000.0
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.homes);
    }
}
