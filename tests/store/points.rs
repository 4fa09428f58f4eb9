//! Four who make points fast, each a process with a disk of its own, while their host is killed
//! (SIGKILL) again and again: each point that was acknowledged counts, and counts once.
//!
//! The processes are this very test program, with one test that only plays.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, unbounded};
use interregnum::{
    keys::SecretKey,
    ledger::{entry::EntryId, witness::Safety},
    node::{self, Event, View},
    runtime::{Happened, Join, Settings, store::file::LedgerFile},
    sim::{Playable, tally::Tally},
    text::{Name, SessionName},
};
use uuid::Uuid;

use crate::folder::{Folder, all};

const PLAYERS: usize = 4;
const FILE: &str = "INTERREGNUM_TEST_FILE";
const PARTY: &str = "INTERREGNUM_TEST_PARTY";

/// Every fourth change of pace is a point: four players make more than fifty points a second, and
/// three of them, while one is dead, not much less.
const PACE_HELD: Duration = Duration::from_millis(17);

/// Reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writer, life, number.
type Named = (u128, u64, u64);

#[test]
fn each_acknowledged_point_counts_once_while_the_host_is_killed_twice() {
    kill_hosts(2);
}

#[test]
#[ignore = "the full count"]
fn each_acknowledged_point_counts_once_while_the_host_is_killed_twenty_times() {
    kill_hosts(20);
}

fn kill_hosts(kills: usize) {
    let mut players = Players::new();
    let began = Instant::now();
    for _ in 0..kills {
        let host = players.wait_for_one_host();
        let lines: Vec<u64> = players.peers.iter().map(|peer| peer.entries).collect();
        players.wait("more points", |peers| {
            peers.iter().zip(&lines).all(|(peer, lines)| peer.entries >= lines + 30)
        });
        players.kill(host);
        players.start(host);
    }
    players.wait_for_one_host();
    let played = began.elapsed();
    // Nobody does anything any more.
    let rested = Instant::now();
    for peer in &mut players.peers {
        peer.process.stdin.take();
    }
    players.wait("equal ledgers", |peers| {
        peers.iter().all(|peer| peer.rests && peer.digest == peers[0].digest)
    });
    let equal = rested.elapsed();
    assert!(equal < Duration::from_secs(10), "equal only after {equal:?}");
    // A view counts up a little later than the ledger grows.
    players.wait("everything kept and counted", |peers| {
        peers.iter().all(|peer| peer.is_kept && peer.points == peers[0].points)
    });
    (0..PLAYERS).for_each(|place| players.kill(place));

    let mut counts = BTreeSet::new();
    for folder in &players.folders {
        let (_, contents) = LedgerFile::open(&folder.file()).unwrap();
        assert_eq!(contents.damaged, 0, "{:?}", contents.notices);
        let name = |id: EntryId| (id.writer.node.as_u128(), id.writer.incarnation.0, id.number);
        let kept: BTreeSet<Named> = all(&contents).map(|entry| name(entry.id())).collect();
        let lost: Vec<_> = players.acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "{lost:?} were acknowledged");
        let keys: Vec<&[u8]> = all(&contents).filter_map(|entry| entry.key()).collect();
        let points: BTreeSet<&[u8]> = keys.iter().copied().collect();
        assert_eq!(keys.len(), points.len(), "a point was written twice");
        counts.insert(points.len());
    }
    assert_eq!(counts.len(), 1, "their disks hold different numbers of points: {counts:?}");
    let points = counts.first().copied().unwrap_or_default();
    let told = &players.points;
    assert!(told.values().all(|told| *told == points as u64), "{points} points, but {told:?}");
    println!(
        "{kills} hosts killed, {points} points in {:.0} s ({:.0} a second), {} entries \
         acknowledged, none lost or counted twice; ledgers equal within {:.0} ms",
        played.as_secs_f64(),
        points as f64 / played.as_secs_f64(),
        players.acknowledged.len(),
        equal.as_secs_f64() * 1e3
    );
}

struct Players {
    party: String,
    folders: Vec<Folder>,
    peers: Vec<Peer>,
    /// On the disk of anybody, ever.
    acknowledged: BTreeSet<Named>,
    /// How many points each has counted last.
    points: BTreeMap<usize, u64>,
}

struct Peer {
    process: Child,
    lines: Receiver<String>,
    host: Option<(u64, u128)>,
    entries: u64,
    digest: u64,
    points: u64,
    rests: bool,
    is_kept: bool,
    /// Up to where what each writer wrote is on its disk.
    acknowledged: BTreeMap<(u128, u64), u64>,
}

impl Players {
    fn new() -> Self {
        let unused = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = unused.local_addr().unwrap().port();
        drop(unused);
        let party = format!("{port} {}", &Uuid::new_v4().simple().to_string()[..12]);
        let folders: Vec<Folder> = (0..PLAYERS).map(|_| Folder::new()).collect();
        let start = |place: usize| Peer::start(folders[place].file(), place, &party);
        let peers = (0..PLAYERS).map(start).collect();
        Self { folders, peers, acknowledged: BTreeSet::new(), points: BTreeMap::new(), party }
    }

    fn start(&mut self, place: usize) {
        self.peers[place] = Peer::start(self.folders[place].file(), place, &self.party);
    }

    fn kill(&mut self, place: usize) {
        let peer = &mut self.peers[place];
        peer.process.kill().unwrap();
        peer.process.wait().unwrap();
        while let Ok(line) = peer.lines.recv_timeout(PATIENCE) {
            peer.hear(&line);
        }
        for ((writer, life), through) in &peer.acknowledged {
            self.acknowledged.extend((1..=*through).map(|number| (*writer, *life, number)));
        }
        self.points.insert(place, peer.points);
    }

    fn wait(&mut self, what: &str, so: impl Fn(&[Peer]) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !so(&self.peers) {
            assert!(Instant::now() < give_up, "no {what}");
            for peer in &mut self.peers {
                if let Ok(line) = peer.lines.recv_timeout(Duration::from_millis(2)) {
                    peer.hear(&line);
                }
                while let Ok(line) = peer.lines.try_recv() {
                    peer.hear(&line);
                }
            }
        }
    }

    /// The place of the host that all agree on.
    fn wait_for_one_host(&mut self) -> usize {
        let is_one = |peers: &[Peer]| {
            let host = peers[0].host;
            host.is_some() && peers.iter().all(|peer| peer.host == host)
        };
        self.wait("one host", is_one);
        let (_, host) = self.peers[0].host.unwrap();
        (0..PLAYERS).find(|place| key(*place).public().id().as_u128() == host).unwrap()
    }
}

/// Whose place tells who it is.
fn key(place: usize) -> SecretKey {
    SecretKey::from_bytes(&[place as u8 + 1; 32])
}

impl Peer {
    fn start(file: PathBuf, place: usize, party: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "points::the_player", "--ignored", "--nocapture"])
            .env(FILE, file)
            .env(PARTY, format!("{place} {party}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (hear, lines) = unbounded();
        thread::spawn(move || {
            let mut lines = out.lines().map_while(Result::ok);
            lines.try_for_each(|line| hear.send(line))
        });
        Self {
            process,
            lines,
            host: None,
            entries: 0,
            digest: 0,
            points: 0,
            rests: false,
            is_kept: false,
            acknowledged: BTreeMap::new(),
        }
    }

    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["host", term, id] => {
                self.host = Some((term.parse().unwrap(), id.parse().unwrap()));
            }
            ["kept", writer, life, through] => {
                let writer = (writer.parse().unwrap(), life.parse().unwrap());
                self.acknowledged.insert(writer, through.parse().unwrap());
            }
            ["ledger", entries, digest, points, is_kept, rests] => {
                self.entries = entries.parse().unwrap();
                self.digest = digest.parse().unwrap();
                self.points = points.parse().unwrap();
                self.is_kept = is_kept == "true";
                self.rests = rests == "true";
            }
            _ => {}
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a test: plays, and says what it holds, until it is killed. Rests when its input ends.
#[test]
#[ignore = "is started by the other tests here"]
fn the_player() {
    let (Some(file), Ok(party)) = (std::env::var_os(FILE), std::env::var(PARTY)) else { return };
    let words: Vec<&str> = party.splitn(3, ' ').collect();
    let [place, port, session] = words[..] else { panic!("no party") };
    let number = place.parse().unwrap();
    let settings = Settings {
        session: Some(SessionName::new(session).unwrap()),
        key: Some(key(number)),
        ip: Some(Ipv4Addr::LOCALHOST),
        beacon_port: port.parse().unwrap(),
        ledger: Some(PathBuf::from(file)),
        ..Settings::new(Name::new(place))
    };
    let rests = Arc::new(AtomicBool::new(false));
    let resting = rests.clone();
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        resting.store(true, Ordering::Relaxed);
    });
    let (pilot_rests, began) = (rests.clone(), Instant::now());
    let pilot = move |_: &View<Tally>| {
        let stamp = began.elapsed().as_micros() / PACE_HELD.as_micros();
        let paces = !pilot_rests.load(Ordering::Relaxed);
        paces.then(|| node::Command::Controls(Tally::press(stamp as u64, stamp as u32, true)))
    };
    let node = Join::<Tally>::from(settings).pilot(pilot).start().unwrap();
    let events = node.events();
    let mut out = std::io::stdout();
    let mut seen = None;
    let mut told = String::new();
    loop {
        seen = node.newer_view(seen.as_ref(), Duration::from_millis(100)).or(seen);
        while let Some(timed) = events.next_now() {
            if let Happened::Node(Event::Safe { writer, safety: Safety::Mine, through }) =
                timed.event
            {
                let (node, life) = (writer.node.as_u128(), writer.incarnation.0);
                writeln!(out, "kept {node} {life} {through}").unwrap();
            }
        }
        let Some(view) = &seen else { continue };
        if let (Some(host), Some(term)) = (view.host, view.term) {
            writeln!(out, "host {} {}", term.epoch.0, host.as_u128()).unwrap();
        }
        let points: u64 = view.scores.values().sum();
        let rests = rests.load(Ordering::Relaxed);
        let ledger = &view.ledger;
        let is_kept = ledger.safety >= Safety::Mine;
        let (entries, digest) = (ledger.entries, ledger.digest);
        let line = format!("ledger {entries} {digest} {points} {is_kept} {rests}");
        if line != told {
            writeln!(out, "{line}").unwrap();
            told = line;
        }
        out.flush().unwrap();
    }
}
