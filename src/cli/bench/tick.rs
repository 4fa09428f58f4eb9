//! `bench tick`: what a tick costs whoever hosts, with so many players and so many who watch, and how that grows.
//!
//! The host is a whole node, and so is each of the others; all of them are in one thread and in virtual time, so that
//! thousands fit on a machine with two processors, and only what the host does is timed, by the clock of the thread.
//! Its datagrams go to the others, and once more out of a real socket to a real one for each receiver, which is timed
//! as well. Spectators open every second tick only, which makes no difference to the host: they acknowledge one of eight.
//!
//! All who play run about, in directions of their own: with bots a measurement would depend on whether a round is on.
//!
//! What is not in it: what waking its receivers costs, reading from a real socket, and that they compete for the
//! processor. `bench crowd` has that, with few players.
#![expect(clippy::disallowed_types, reason = "the impure edge")]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use interregnum::{
    arena::{Arena, TICK, World, bot},
    config::{FAN_OUT_BUDGET, Form},
    game::{Game as _, draw},
    node::Status,
    replica::{State, snapshot},
    runtime,
    sim::court::{self, BEGINNING, Cargo, Court, Parcel},
    types::{Clock, Instant, Role},
};
use serde::Serialize;

use super::plot::{Line, Plot};
use crate::cli::{options::TickOptions, output::Stdout};

/// The host's number, and so its address.
const HOST: usize = 0;

/// After how many moments somebody alone has founded a session, and within how many the others have come in.
const FOUNDS: usize = 3_000;
const GATHERED_WITHIN: usize = 60_000;

/// For so many ticks nothing is measured after somebody has come in.
const SETTLES_TICKS: u64 = 48;

/// Spectators open one tick of so many: none of them thinks that its host is silent.
const OPENS_EVERY: u64 = 2;

/// How many come in at once, and after how many moments the next ones do.
const AT_ONCE: usize = 50;
const COMES_EVERY: usize = 50;

/// Sockets of receivers have their addresses in this network.
const SINK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// From so many spectators on it is they who cost most: the power of growth is theirs.
const MANY: u16 = 500;

/// What a tick costs, in microseconds, in the mean.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Cost {
    players: u16,
    watchers: u16,
    /// All of it.
    total_us: f64,
    /// To hear what the others say between two ticks.
    hear_us: f64,
    /// The tick itself: one step, one snapshot of each kind, a seal for each receiver.
    tick_us: f64,
    /// In it, the step; and a snapshot for those who hold the world before.
    step_us: f64,
    encode_us: f64,
    /// To send all of it.
    send_us: f64,
    /// All of it, by receivers.
    per_receiver_us: f64,
    /// What a datagram has, in bytes.
    datagram_bytes: f64,
}

#[derive(Debug, Serialize)]
struct Growth {
    /// With so many players the cost of a tick grows with this power of the receivers.
    players: u16,
    receivers_power: f64,
}

#[derive(Debug, Serialize)]
struct PlayersGrowth {
    /// With so many who watch it grows with this power of the players.
    watchers: u16,
    players_power: f64,
}

/// Runs it.
pub fn run(options: &TickOptions) -> anyhow::Result<ExitCode> {
    let out = Stdout::new(options.json)?;
    let mut watchers = options.watchers.clone();
    watchers.sort_unstable();
    watchers.dedup();
    runtime::raise_file_limit();
    let mut costs = Vec::new();
    if !options.json {
        out.put(&head());
    }
    for players in &options.players {
        let mut reign = Reign::found(*players, options.seed)?;
        for watchers in &watchers {
            reign.let_in(*watchers)?;
            let cost = reign.measure(options.ticks)?;
            let line = if options.json { serde_json::to_string(&cost)? } else { cost.words() };
            out.put(&line);
            costs.push(cost);
        }
    }
    for players in &options.players {
        let of = costs.iter().filter(|cost| cost.players == *players && cost.watchers >= MANY);
        let points = of.map(|cost| (receivers(cost), cost.total_us));
        let Some(power) = power(points) else { continue };
        let growth = Growth { players: *players, receivers_power: power };
        out.put(&match options.json {
            true => serde_json::to_string(&growth)?,
            false => format!(
                "{players} players, {MANY} spectators and more: the cost of a tick grows with the power {power:.2} of \
                 its receivers"
            ),
        });
    }
    for watchers in &watchers {
        let of = costs.iter().filter(|cost| cost.watchers == *watchers);
        let Some(power) = power(of.map(|cost| (cost.players.into(), cost.total_us))) else {
            continue;
        };
        let growth = PlayersGrowth { watchers: *watchers, players_power: power };
        out.put(&match options.json {
            true => serde_json::to_string(&growth)?,
            false => {
                format!("{watchers} spectators: it grows with the power {power:.2} of its players")
            }
        });
    }
    if let Some(file) = &options.plot {
        fs::write(file, plot(&costs))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn receivers(cost: &Cost) -> f64 {
    f64::from(cost.players) - 1.0 + f64::from(cost.watchers)
}

fn head() -> String {
    "players  watch     a tick   hear   step  encode   seals   send  for each  bytes   (in µs)"
        .to_owned()
}

impl Cost {
    fn words(&self) -> String {
        format!(
            "{:>7} {:>6} {:>10.0} {:>6.0} {:>6.1} {:>7.1} {:>7.0} {:>6.0} {:>9.2} {:>6.1}",
            self.players,
            self.watchers,
            self.total_us,
            self.hear_us,
            self.step_us,
            self.encode_us,
            (self.tick_us - self.step_us - self.encode_us).max(0.0),
            self.send_us,
            self.per_receiver_us,
            self.datagram_bytes,
        )
    }
}

/// The power by which the second number grows with the first: the slope of the line through their logarithms that
/// misses them by the least squares.
fn power(points: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let logs: Vec<(f64, f64)> =
        points.filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    let together: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    (logs.len() >= 2 && spread > 0.0).then(|| together / spread)
}

fn plot(costs: &[Cost]) -> String {
    let mut players: Vec<u16> = costs.iter().map(|cost| cost.players).collect();
    players.dedup();
    let lines = players.into_iter().map(|players| {
        let of = costs.iter().filter(|cost| cost.players == players && cost.watchers > 0);
        Line {
            name: format!("{players} players"),
            points: of.map(|cost| (cost.watchers.into(), cost.total_us)).collect(),
        }
    });
    let ms = |span: Duration| span.as_micros() as f64;
    Plot {
        title: "What a tick costs its host".to_owned(),
        across: "spectators".to_owned(),
        upwards: "µs on a processor".to_owned(),
        lines: lines.collect(),
        marks: vec![
            (ms(FAN_OUT_BUDGET), "spectators get fewer ticks above this".to_owned()),
            (ms(TICK), "a tick lasts so long".to_owned()),
        ],
    }
    .draw()
}

/// A host and all others.
struct Reign {
    now: Instant,
    host: Court<Arena>,
    others: Court<Arena>,
    players: u16,
    watchers: u16,
    seed: u64,
    own: UdpSocket,
    sinks: Vec<(UdpSocket, SocketAddr)>,
    spent: Spent,
    /// The world one tick before the newest.
    before: Option<(Clock, Arc<State<World>>)>,
}

/// What the host has done, until it is looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    ticks: u64,
    hear: Duration,
    tick: Duration,
    step: Duration,
    encode: Duration,
    send: Duration,
    datagrams: u64,
    bytes: u64,
}

impl Reign {
    fn found(players: u16, seed: u64) -> anyhow::Result<Self> {
        let mut reign = Self {
            now: BEGINNING,
            host: Court::new(seed),
            others: Court::new(seed + 1),
            players,
            watchers: 0,
            seed,
            own: UdpSocket::bind((SINK, 0)).context("no socket")?,
            sinks: Vec::new(),
            spent: Spent::default(),
            before: None,
        };
        reign.host.add(reign.now, court::address(10, HOST), Role::Player, Vec::new());
        for _ in 0..FOUNDS {
            reign.pass(false)?;
        }
        for number in 1..usize::from(players) {
            reign.come(number, Role::Player)?;
        }
        reign.gather()?;
        Ok(reign)
    }

    fn come(&mut self, number: usize, role: Role) -> anyhow::Result<()> {
        let at = (court::address(10, HOST), court::UDP_PORT).into();
        self.others.add(self.now, court::address(10, number), role, vec![at]);
        let sink = UdpSocket::bind((SINK, 0)).context("there are not enough sockets")?;
        sink.set_nonblocking(true)?;
        let at = sink.local_addr()?;
        self.sinks.push((sink, at));
        Ok(())
    }

    /// Until so many watch.
    fn let_in(&mut self, watchers: u16) -> anyhow::Result<()> {
        let mut number = usize::from(self.players + self.watchers);
        let end = usize::from(self.players + watchers);
        self.watchers = watchers;
        while number < end {
            for number in number..end.min(number + AT_ONCE) {
                self.come(number, Role::Spectator)?;
            }
            number += AT_ONCE;
            for _ in 0..COMES_EVERY {
                self.pass(false)?;
            }
        }
        self.gather()
    }

    fn gather(&mut self) -> anyhow::Result<()> {
        let mut moments = 0;
        while !self.is_complete() {
            self.pass(false)?;
            moments += 1;
            ensure!(moments < GATHERED_WITHIN, "they did not find each other");
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        let members = self.host.node(0).cluster().members();
        members.len() == usize::from(self.players) && self.others.all_follow()
    }

    fn measure(&mut self, ticks: u64) -> anyhow::Result<Cost> {
        for ticks in [SETTLES_TICKS, ticks] {
            self.spent = Spent::default();
            while self.spent.ticks < ticks {
                self.pass(true)?;
            }
        }
        ensure!(self.host.wrong + self.others.wrong == 0, "worlds were wrong");
        ensure!(self.is_complete(), "somebody got lost");
        let Spent { ticks, hear, tick, step, encode, send, datagrams, bytes } = self.spent;
        let us = |span: Duration| span.as_secs_f64() * 1e6 / ticks as f64;
        let total_us = us(hear + tick + send);
        let receivers = f64::from(self.players) - 1.0 + f64::from(self.watchers);
        Ok(Cost {
            players: self.players,
            watchers: self.watchers,
            total_us,
            hear_us: us(hear),
            tick_us: us(tick),
            step_us: us(step),
            encode_us: us(encode),
            send_us: us(send),
            per_receiver_us: total_us / receivers.max(1.0),
            datagram_bytes: bytes as f64 / datagrams.max(1) as f64,
        })
    }

    /// The next moment comes. `sends`: what the host says also leaves by a socket.
    fn pass(&mut self, sends: bool) -> anyhow::Result<()> {
        let due = self.host.next_timeout().unwrap_or(Instant::NEVER).max(self.now);
        self.now = due.min(self.now + Duration::from_millis(1));
        let before = self.newest();
        let began = processor();
        self.host.run(self.now);
        let took = processor().saturating_sub(began);
        let newest = self.newest();
        let ticked = before.as_ref().map(|(clock, _)| *clock) != newest.as_ref().map(|new| new.0);
        match ticked {
            true => {
                (self.spent.ticks, self.spent.tick) = (self.spent.ticks + 1, self.spent.tick + took)
            }
            false => self.spent.hear += took,
        }
        let said: Vec<Parcel> = std::iter::from_fn(|| self.host.poll()).collect();
        if sends && ticked {
            self.send(&said);
            self.time_parts();
        }
        let tick = newest.as_ref().map_or(0, |(clock, _)| clock.tick.0);
        let opens = tick.is_multiple_of(OPENS_EVERY);
        for parcel in said {
            let shut = !opens && matches!(parcel.cargo, Cargo::Datagram(_)) && self.dozes(&parcel);
            if !shut {
                self.others.bring(parcel);
            }
        }
        self.others.run(self.now);
        while let Some(parcel) = self.others.poll() {
            self.host.bring(parcel);
        }
        if ticked {
            self.before = before;
            let seed = self.seed;
            for court in [&mut self.host, &mut self.others] {
                court.press(self.now, |world, me| {
                    bot::run_about(world.tick, draw(seed, me.as_u128() as u64))
                });
            }
        }
        Ok(())
    }

    /// Whether it is for a spectator who has a host already.
    fn dozes(&self, parcel: &Parcel) -> bool {
        let number = number_of(parcel);
        number >= usize::from(self.players)
            && self.others.node(number - 1).status() == Status::Playing
    }

    fn newest(&self) -> Option<(Clock, Arc<State<World>>)> {
        let replica = self.host.node(0).replica();
        Some((replica.clock()?, replica.state()?.clone()))
    }

    /// What is said in a tick leaves for the sockets of those to whom it is said, and is thrown away there.
    fn send(&mut self, said: &[Parcel]) {
        let began = processor();
        for parcel in said {
            if let (Cargo::Datagram(bytes), Some((_, to))) =
                (&parcel.cargo, number_of(parcel).checked_sub(1).and_then(|at| self.sinks.get(at)))
            {
                let _ = self.own.send_to(bytes, to); // lost, like any other
                self.spent.datagrams += 1;
                self.spent.bytes += bytes.len() as u64;
            }
        }
        self.spent.send += processor().saturating_sub(began);
        let mut buffer = [0; 2_048];
        for (sink, _) in &self.sinks {
            while sink.recv(&mut buffer).is_ok() {}
        }
    }

    /// The step alone, and one snapshot alone.
    fn time_parts(&mut self) {
        let (Some((old_clock, old)), Some((clock, state))) = (self.before.clone(), self.newest())
        else {
            return;
        };
        let mut world = state.world.clone();
        let began = processor();
        Arena::step(&mut world, &[], &mut Vec::new());
        let stepped = processor();
        let held = Some((old_clock, old.as_ref()));
        let _ = snapshot::encode::<Arena>(Form::Binary, clock, &state, 0, held, &[]);
        self.spent.step += stepped.saturating_sub(began);
        self.spent.encode += processor().saturating_sub(stepped);
    }
}

/// The number of whoever gets it: see [`court::address`].
fn number_of(parcel: &Parcel) -> usize {
    match parcel.to {
        SocketAddr::V4(to) => court::number_at(*to.ip()),
        SocketAddr::V6(_) => HOST,
    }
}

/// How much time on a processor this thread has had.
#[cfg(unix)]
fn processor() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec.unsigned_abs() as u32)
}

/// How much time has passed: this system does not tell how much of it was this thread's.
#[cfg(not(unix))]
fn processor() -> Duration {
    runtime::now().since(Instant::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_is_found_in_what_grows_with_it() {
        let found = power([2.0_f64, 8.0, 50.0].into_iter().map(|x| (x, 3.0 * x.powf(1.5))));
        assert!((found.unwrap() - 1.5).abs() < 1e-9);
        assert_eq!(power([(1.0, 2.0)].into_iter()), None);
        assert_eq!(power([(3.0, 2.0), (3.0, 5.0)].into_iter()), None, "nothing has grown");
    }

    #[test]
    fn a_small_reign_is_measured_and_its_receivers_get_what_they_are_sent() {
        let mut reign = Reign::found(3, 5).unwrap();
        reign.let_in(4).unwrap();
        let cost = reign.measure(20).unwrap();
        assert_eq!((cost.players, cost.watchers), (3, 4));
        assert!(cost.total_us > 0.0 && cost.tick_us >= cost.step_us && cost.send_us > 0.0);
        assert!((30.0..300.0).contains(&cost.datagram_bytes), "{}", cost.datagram_bytes);
        assert_eq!(reign.spent.ticks, 20);
        assert!(reign.spent.datagrams >= 20 * 6);
    }
}
