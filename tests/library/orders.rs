//! Four who order a thousand things a second, each a process of its own, while their host is killed again and again:
//! each order that was taken is applied once, in the sequence in which it was given.
//!
//! The processes are this very test program, with one test that only plays.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::Ipv4Addr,
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
    game::{Game, News},
    keys::SecretKey,
    runtime::{NotTaken, join},
    types::NodeId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{PATIENCE, unused_port};

const PLAYERS: usize = 4;
const PARTY: &str = "INTERREGNUM_TEST_ORDERS";

/// Each of the four orders so many things a second.
const ORDERS_A_SECOND: u32 = 250;

/// It is counted what everybody has ordered.
#[derive(Clone, Debug)]
enum Post {}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Office {
    /// Of each of those who are there: how many came, and the last one. A life counts from 1.
    letters: BTreeMap<NodeId, (u32, u32)>,
    /// One came twice, or one was overtaken.
    amiss: u32,
}

impl Game for Post {
    const RULES: &'static str = "post 1";
    type World = Office;
    type Controls = ();
    type Order = u32;
    type Event = ();
    type Scores = ();

    fn new_world(_seed: u64) -> Office {
        Office::default()
    }

    fn is_valid(_office: &Office) -> bool {
        true
    }

    fn step(office: &mut Office, news: &[News<(), u32>], _events: &mut Vec<()>) {
        for item in news {
            match item {
                News::Joined(id, _) => _ = office.letters.entry(*id).or_default(),
                News::Left(id) => _ = office.letters.remove(id),
                News::Order(id, number) => {
                    let (count, last) = office.letters.entry(*id).or_default();
                    office.amiss += u32::from(*number != *last + 1);
                    (*count, *last) = (*count + 1, *number);
                }
                News::Controls(..) => {}
            }
        }
    }
}

#[test]
fn each_order_is_applied_once_while_the_host_is_killed_three_times() {
    kill_hosts(3);
}

#[test]
#[ignore = "the full count"]
fn each_order_is_applied_once_while_the_host_is_killed_twenty_times() {
    kill_hosts(20);
}

fn kill_hosts(kills: usize) {
    let party = format!("{} {}", unused_port(), &Uuid::new_v4().simple().to_string()[..12]);
    let mut peers: Vec<Peer> = (0..PLAYERS).map(|place| Peer::start(place, &party)).collect();
    let began = Instant::now();
    let mut dead = 0;
    for _ in 0..kills {
        // Everybody plays, and has ordered something in this life.
        wait(&mut peers, "orders", |peers| peers.iter().all(|peer| peer.applied > 50));
        let host = one_host(&mut peers);
        dead += u64::from(peers[host].applied);
        peers[host].kill();
        peers[host] = Peer::start(host, &party);
    }
    wait(&mut peers, "orders", |peers| peers.iter().all(|peer| peer.applied > 50));
    for peer in &mut peers {
        drop(peer.process.stdin.take()); // from here on they order nothing
    }
    wait(&mut peers, "rest", |peers| peers.iter().all(|peer| peer.rests));
    let took = began.elapsed();
    wait(&mut peers, "the last orders", |peers| {
        peers.iter().all(|peer| peer.applied == peer.given)
    });
    for peer in &peers {
        assert_eq!((peer.applied, peer.amiss), (peer.given, 0));
    }
    let alive: u64 = peers.iter().map(|peer| u64::from(peer.applied)).sum();
    let refused: u64 = peers.iter().map(|peer| peer.refused).sum();
    println!(
        "{} orders in {took:.1?}, {:.0} a second; {kills} kills; not taken at once: {refused}",
        alive + dead,
        (alive + dead) as f64 / took.as_secs_f64()
    );
}

/// Whom all name as their host.
fn one_host(peers: &mut [Peer]) -> usize {
    wait(peers, "one host", |peers| {
        peers[0].host.is_some() && peers.iter().all(|peer| peer.host == peers[0].host)
    });
    let host = peers[0].host;
    (0..PLAYERS).find(|place| Some(key(*place).public().id().as_u128()) == host).unwrap()
}

fn wait(peers: &mut [Peer], what: &str, so: impl Fn(&[Peer]) -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !so(peers) {
        assert!(Instant::now() < give_up, "no {what}: {peers:#?}");
        for peer in &mut *peers {
            if let Ok(line) = peer.lines.recv_timeout(Duration::from_millis(2)) {
                peer.hear(&line);
            }
            while let Ok(line) = peer.lines.try_recv() {
                peer.hear(&line);
            }
        }
    }
}

/// Whose place tells who it is.
fn key(place: usize) -> SecretKey {
    SecretKey::from_bytes(&[place as u8 + 1; 32])
}

/// One of the four, by what it has said last.
#[derive(Debug)]
struct Peer {
    process: Child,
    lines: Receiver<String>,
    host: Option<u128>,
    given: u32,
    applied: u32,
    amiss: u32,
    refused: u64,
    rests: bool,
}

impl Peer {
    fn start(place: usize, party: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "orders::the_player", "--ignored", "--nocapture"])
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
        let (host, given, applied, amiss, refused) = (None, 0, 0, 0, 0);
        Self { process, lines, host, given, applied, amiss, refused, rests: false }
    }

    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["is", host, given, applied, amiss, refused, rests] = words[..] {
            self.host = host.parse().ok();
            self.given = given.parse().unwrap();
            self.applied = applied.parse().unwrap();
            self.amiss = amiss.parse().unwrap();
            self.refused = refused.parse().unwrap();
            self.rests = rests == "true";
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a test: orders, and says what it sees, until it is killed. Orders nothing more when its input ends.
#[test]
#[ignore = "is started by the other tests here"]
fn the_player() {
    let Ok(party) = std::env::var(PARTY) else { return };
    let words: Vec<&str> = party.splitn(3, ' ').collect();
    let [place, port, session] = words[..] else { panic!("no party") };
    let key = key(place.parse().unwrap());
    let me = key.public().id();
    let node = join::<Post>(session)
        .name(place)
        .ip(Ipv4Addr::LOCALHOST)
        .beacon_port(port.parse().unwrap())
        .settings(|settings| settings.key = Some(key))
        .start()
        .unwrap();
    let rests = Arc::new(AtomicBool::new(false));
    let resting = rests.clone();
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        resting.store(true, Ordering::Relaxed);
    });
    let began = Instant::now();
    let (mut given, mut refused, mut seen, mut out) = (0_u32, 0_u64, None, std::io::stdout());
    loop {
        let rests = rests.load(Ordering::Relaxed);
        let wanted = (began.elapsed() * ORDERS_A_SECOND).as_secs() as u32;
        while !rests && given < wanted {
            match node.order(given + 1) {
                Ok(()) => given += 1,
                Err(NotTaken::Full) => {
                    refused += 1;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        seen = node.newer_view(seen.as_ref(), Duration::from_millis(5)).or(seen);
        let Some(view) = &seen else { continue };
        let office = view.picture.as_ref().map(|picture| picture.newest());
        let (applied, _) =
            office.and_then(|office| office.letters.get(&me)).copied().unwrap_or_default();
        let amiss = office.map_or(0, |office| office.amiss);
        let host = view.host.map_or("none".to_owned(), |host| host.as_u128().to_string());
        writeln!(out, "is {host} {given} {applied} {amiss} {refused} {rests}").unwrap();
        out.flush().unwrap();
    }
}
