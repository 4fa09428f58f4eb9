//! A laboratory with a player at each host, and what is measured and judged of their lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Write,
    ops::Range,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use interregnum::runtime;
use rustix::process::Signal;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    judge::{at, complaints, term},
    lab::Lab,
    peers::{PROGRAM, Peer, plain, wait_for_one_game},
};

/// In milliseconds: nothing takes as long, neither a failover, nor the meeting of two hosts, nor to
/// find a game. What a process waited for its turn on the processor comes on top.
const LONG: f64 = 3_000.0;

/// In milliseconds: who waited for its turn for so long may have been replaced.
const STALL: f64 = 30.0;

/// Hosts, and who plays at them. The player of a later host has a higher id.
pub struct Scene {
    pub lab: Lab,
    peers: BTreeMap<usize, Peer>,
    /// Those who were killed.
    past: Vec<Peer>,
    homes: PathBuf,
    began: u64,
}

impl Scene {
    /// Hosts at which nobody plays yet.
    pub fn empty(hosts: usize) -> Self {
        let homes = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
        for host in 0..hosts {
            let profile = homes.join(host.to_string()).join("profile-1");
            fs::create_dir_all(&profile).unwrap();
            let id = Uuid::from_u128((host as u128 + 1) << 96);
            fs::write(profile.join("id"), id.to_string()).unwrap();
        }
        let lab = Lab::new(hosts).unwrap();
        Self { lab, peers: BTreeMap::new(), past: Vec::new(), homes, began: now() }
    }

    /// One game of all.
    pub fn playing(hosts: usize) -> Self {
        let mut scene = Self::empty(hosts);
        scene.enter(0..hosts);
        scene.one_game();
        scene
    }

    /// Players start at these hosts, all at once. Returns when.
    pub fn enter(&mut self, hosts: impl IntoIterator<Item = usize>) -> u64 {
        let started = now();
        let entering: Vec<_> =
            hosts.into_iter().map(|host| (host, self.start(host, &[]))).collect();
        self.peers.extend(entering.into_iter().map(|(host, peer)| (host, peer.introduced())));
        started
    }

    /// A player starts, who is told something.
    pub fn enter_with(&mut self, host: usize, arguments: &[&str]) {
        let peer = self.start(host, arguments).introduced();
        self.peers.insert(host, peer);
    }

    fn start(&self, host: usize, arguments: &[&str]) -> Peer {
        let mut command = plain(self.lab.command(host, PROGRAM));
        command.arg("bot").arg("--data-dir").arg(self.homes.join(host.to_string()));
        Peer::start(command.args(arguments))
    }

    /// The player at this host.
    pub fn peer(&mut self, host: usize) -> &mut Peer {
        self.peers.get_mut(&host).unwrap()
    }

    /// Where somebody plays.
    pub fn hosts(&self) -> Vec<usize> {
        self.peers.keys().copied().collect()
    }

    /// Waits until all are in one game. Returns who hosts it.
    pub fn one_game(&mut self) -> usize {
        let hosts = self.hosts();
        self.one_game_of(&hosts)
    }

    /// The same for some of them, who have lost the others.
    pub fn one_game_of(&mut self, hosts: &[usize]) -> usize {
        let some = self.peers.iter_mut().filter(|(host, _)| hosts.contains(host));
        let id = wait_for_one_game(some.map(|(_, peer)| peer));
        *self.peers.iter().find(|(_, peer)| peer.id == id).unwrap().0
    }

    /// Lets them play for so long.
    pub fn pass(&mut self, span: Duration) {
        let until = Instant::now() + span;
        for peer in self.peers.values_mut() {
            peer.listen(until);
        }
    }

    /// Ends players as a crash would: SIGKILL, without any warning. Returns when.
    pub fn kill(&mut self, hosts: impl IntoIterator<Item = usize>) -> u64 {
        let killed = now();
        for host in hosts {
            let mut peer = self.peers.remove(&host).unwrap();
            peer.kill();
            self.past.push(peer);
        }
        killed
    }

    /// Stops a player for so long, and lets it go on. Returns when it was stopped and when it went on.
    pub fn stop_for(&mut self, host: usize, span: Duration) -> (u64, u64) {
        let stopped = now();
        self.peer(host).signal(Signal::STOP);
        self.pass(span);
        let continued = now();
        self.peer(host).signal(Signal::CONT);
        (stopped, continued)
    }

    /// The highest epoch of those who play.
    pub fn epoch(&self) -> u64 {
        self.peers.values().map(|peer| peer.epoch).max().unwrap()
    }

    /// The longest time between two ticks that anybody alive has seen since then, in milliseconds.
    pub fn longest_gap(&self, since: u64) -> f64 {
        let hosts = self.hosts();
        self.longest_gap_at(&hosts, since)
    }

    /// The same at some hosts.
    pub fn longest_gap_at(&self, hosts: &[usize], since: u64) -> f64 {
        let of = |host: &usize| {
            let ticks: Vec<u64> = self.lines(*host, "tick").map(at).collect();
            ticks.windows(2).filter(|pair| pair[1] >= since).map(|pair| pair[1] - pair[0]).max()
        };
        let gap = ms(hosts.iter().filter_map(of).max().unwrap());
        self.assert_soon("the next tick came", gap, hosts, since);
        gap
    }

    /// How long after that moment the last of them had the host and the roster that they have now,
    /// in milliseconds; 0 if all had them already.
    pub fn settled_after(&self, since: u64) -> f64 {
        let settled = ms(self.last(&["host", "roster"]).saturating_sub(since));
        self.assert_soon("they were one game", settled, &self.hosts(), since);
        settled
    }

    /// The same of some of them.
    pub fn settled_at_after(&self, hosts: &[usize], since: u64) -> f64 {
        let lines = hosts.iter().flat_map(|host| &self.peers[host].said);
        let settling = lines.filter(|line| line["event"] == "host" || line["event"] == "roster");
        ms(settling.map(at).max().unwrap().saturating_sub(since))
    }

    /// Fails if something took longer than it may, beside the time that somebody stood still.
    pub fn assert_within(&self, most: f64, took: f64, hosts: &[usize], since: u64) {
        let stalled = hosts.iter().map(|host| self.stalls(*host, since).sum::<f64>());
        let slow = stalled.fold(0.0, f64::max);
        assert!(took < most + slow, "{took} ms, {slow} of which somebody stood still");
    }

    /// How long after a heal they were one game again, in words.
    pub fn mended(&self, healed: u64) -> String {
        let host = ms(self.last(&["host"]).saturating_sub(healed));
        let roster = self.settled_after(healed);
        format!("one host {host:.1} ms after the heal, one roster {roster:.1} ms after it")
    }

    /// How many reigns began within that time, as far as anybody alive saw.
    pub fn reigns(&self, when: Range<u64>) -> usize {
        let crowned = self.hosts().into_iter().flat_map(|host| {
            let lines = self.lines(host, "host").filter(|line| when.contains(&at(line)));
            lines.map(term).collect::<Vec<_>>()
        });
        crowned.collect::<BTreeSet<_>>().len()
    }

    /// Fails if anybody follows another reign than the one of `epoch`, unless its host, that at
    /// `host`, stood still for a while: two cores serve all of them.
    pub fn assert_same_reign(&self, host: usize, epoch: u64, since: u64) {
        if self.peers.values().all(|peer| peer.epoch == epoch) {
            return;
        }
        assert!(
            self.stood_still(&[host], since),
            "another reign, although its host never stood still"
        );
        println!("(another reign, after its host stood still)");
    }

    /// Whether any of these waited for its turn on the processor for so long that the others could
    /// do without it.
    pub fn stood_still(&self, hosts: &[usize], since: u64) -> bool {
        hosts.iter().any(|host| self.stalls(*host, since).any(|stall| stall >= STALL))
    }

    fn assert_soon(&self, what: &str, took: f64, hosts: &[usize], since: u64) {
        let stalled = hosts.iter().map(|host| self.stalls(*host, since).sum::<f64>());
        let slow = stalled.fold(0.0, f64::max);
        assert!(took < LONG + slow, "{what} after {took} ms, {slow} of which somebody stood still");
    }

    /// For how many milliseconds the one at this host waited for its turn, each time.
    fn stalls(&self, host: usize, since: u64) -> impl Iterator<Item = f64> {
        let stalls = self.lines(host, "stall").filter(move |line| at(line) >= since);
        stalls.map(|line| ms(line["us"].as_u64().unwrap()))
    }

    /// Fails if a tick that anybody alive has seen since then was taken back.
    pub fn assert_nothing_rolled_back(&self, since: u64) {
        for host in self.hosts() {
            let rolled_back = self.lines(host, "rebase").filter(|line| at(line) >= since);
            assert_eq!(rolled_back.collect::<Vec<_>>(), [&Value::Null; 0]);
        }
    }

    /// The end: all are in one game, and nothing that anybody ever said breaks a promise.
    pub fn end(mut self) {
        self.one_game();
        self.judge();
        println!("(the scene took {:.1} s)", ms(now() - self.began) / 1_000.0);
    }

    /// Fails if anything that anybody ever said breaks a promise.
    pub fn judge(&self) {
        let everybody = self.past.iter().chain(self.peers.values());
        let complaints = complaints(everybody.map(|peer| &peer.said[..]));
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    /// Forgets those who were killed: what they knew is lost, and their clocks begin again.
    pub fn forget(&mut self) {
        self.past.clear();
    }

    /// The lines of one kind of the player at this host.
    pub fn lines(&self, host: usize, event: &str) -> impl DoubleEndedIterator<Item = &Value> {
        self.peers[&host].said.iter().filter(move |line| line["event"] == event)
    }

    fn last(&self, events: &[&str]) -> u64 {
        let lines = self.peers.values().filter_map(|peer| {
            peer.said.iter().rfind(|line| events.iter().any(|event| line["event"] == *event))
        });
        lines.map(at).max().unwrap()
    }

    /// All lines of a scene that failed, in the order of their times.
    fn keep_lines(&self) -> PathBuf {
        let path = self.homes.with_extension("jsonl");
        let everybody = self.past.iter().chain(self.peers.values());
        let mut lines: Vec<&Value> = everybody.flat_map(|peer| &peer.said).collect();
        lines.sort_by_key(|line| at(line));
        let mut file = File::create(&path).unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
        path
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if thread::panicking() {
            for peer in self.peers.values_mut() {
                peer.listen(Instant::now());
            }
            println!("what they said is kept in {}", self.keep_lines().display());
        }
        let _ = fs::remove_dir_all(&self.homes);
    }
}

/// What time it is, in the clock of the lines.
pub fn now() -> u64 {
    runtime::now().0
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}
