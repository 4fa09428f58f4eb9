//! Two of four players come back with thousands of entries that the others lack: all have them soon,
//! and nobody who plays notices.
//!
//! The full count, which measures: `cargo test --release --test processes -- --ignored --nocapture`.

use std::{
    fmt,
    ops::Range,
    time::{Duration, Instant},
};

use interregnum::{
    arena::{GatherableId, RoundId, hall::Fact},
    keys::SecretKey,
    ledger::{Ledger, body::Body, disk::Record, vouching::Pen},
    runtime::{self, store::file::LedgerFile},
    types::{Epoch, Incarnation},
};
use uuid::Uuid;

use crate::{
    folder::Folder,
    peers::{Peer, wait_for_one_game},
    players::{Players, wait_for_equal_ledgers},
};

#[test]
fn what_two_bring_along_is_on_the_disks_of_all() {
    const APART: usize = 1_000;
    let mut players = Players::new(4);
    let apart = part(&mut players, APART);
    merge(&mut players, &apart);
    for place in 0..4 {
        players.kill(place);
        let kept = players.kept(place);
        let brought = kept.iter().filter(|(author, ..)| apart.writers.contains(author));
        // And the key of either.
        assert_eq!(brought.count(), APART + apart.away.len(), "player {place}");
    }
}

/// Several times, for a single merge has too few ticks for a hundredth of them to say anything.
#[test]
#[ignore = "the full count, and it measures"]
fn ten_thousand_entries_that_two_bring_along_disturb_nobody() {
    const APART: usize = 10_000;
    let mut players = Players::new(4);
    let (mut usual, mut merging) = (Gaps::default(), Gaps::default());
    for _ in 0..10 {
        players.host();
        let start = now();
        let until = Instant::now() + Duration::from_secs(3);
        players.running().into_iter().for_each(|peer| peer.listen(until));
        usual.take(&mut players, start..now());
        let apart = part(&mut players, APART);
        let span = merge(&mut players, &apart);
        let took = Duration::from_micros(span.end - span.start);
        merging.take(&mut players, span);
        println!("{APART} entries apart: one ledger {took:?} after the first of two was back");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    println!("between two ticks at any of four: usually {usual}; while they merge {merging}");
    assert!(merging.p99() < usual.p99() + Duration::from_millis(2));
}

/// Two who have been killed, and who wrote what only their disks have.
struct Apart {
    away: Vec<usize>,
    writers: Vec<String>,
}

/// Kills two who do not host, and puts as many entries on their disks, all in all, that the others
/// lack.
fn part(players: &mut Players, entries: usize) -> Apart {
    let host = players.host();
    let away: Vec<usize> = (0..4).filter(|place| *place != host).take(2).collect();
    away.iter().for_each(|place| drop(players.kill(*place)));
    let brings = |place: &usize| bring(&players.folders[*place], entries / away.len());
    let writers = away.iter().map(brings).collect();
    Apart { away, writers }
}

/// Puts what somebody wrote, as the host of a game, into the session that was played here.
fn bring(folder: &Folder, count: usize) -> String {
    let (mut file, contents) = LedgerFile::open(&folder.file()).unwrap();
    let (session, _) = contents.sessions[0];
    let secret = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
    let key = SecretKey::from_bytes(secret.first_chunk().unwrap());
    let player = key.public().id();
    let mut ledger = Ledger::new(session, Pen::new(key, Incarnation(1)));
    ledger.reigns(Epoch(1));
    for number in 0..count as u64 {
        let (gatherable, round) = (GatherableId(number), RoundId(number / 20));
        let fact = Fact::Gathered { player, gatherable, rare: false, round };
        ledger.write(runtime::wall_time(), Body::Fact(fact.encode())).unwrap();
    }
    file.write(&ledger.entries().map(Record::Fresh).collect::<Vec<_>>()).unwrap();
    player.to_string()
}

/// They come back. The time from when the first of them plays until all have one ledger, in
/// microseconds.
fn merge(players: &mut Players, apart: &Apart) -> Range<u64> {
    apart.away.iter().for_each(|place| players.start(*place));
    let end = wait_for_equal_ledgers(players.running()).last;
    wait_for_one_game(players.running());
    let started = players.running().into_iter().map(|peer| ticks(peer).next().unwrap());
    // The others have played for long.
    let mut started: Vec<u64> = started.collect();
    started.sort_unstable();
    started[started.len() - apart.away.len()]..end
}

/// When it applied each tick.
fn ticks(peer: &Peer) -> impl Iterator<Item = u64> {
    let ticks = peer.said.iter().filter(|line| line["event"] == "tick");
    ticks.map(|line| line["t_us"].as_u64().unwrap())
}

/// What the lines of the players call now.
fn now() -> u64 {
    runtime::now().0
}

/// The times between two ticks.
#[derive(Default)]
struct Gaps(Vec<Duration>);

impl Gaps {
    /// Adds those of all players in a span of time.
    fn take(&mut self, players: &mut Players, span: Range<u64>) {
        for peer in players.running() {
            let ticks: Vec<u64> = ticks(peer).filter(|at| span.contains(at)).collect();
            self.0.extend(ticks.windows(2).map(|two| Duration::from_micros(two[1] - two[0])));
        }
        self.0.sort_unstable();
    }

    fn p99(&self) -> Duration {
        self.0[(self.0.len() * 99).div_ceil(100) - 1]
    }
}

impl fmt::Display for Gaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, longest] = [self.0.len() / 2, self.0.len() - 1].map(|rank| self.0[rank]);
        write!(f, "{median:?} (median), {:?} (p99), {longest:?} (longest)", self.p99())
    }
}
