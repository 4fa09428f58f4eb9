//! Many spectators in one thread, to measure what a crowd costs its host.
//!
//! Each is a whole [`Node`] with a socket, keys, links and states of its own; it decodes each packet that
//! comes, and checks the hash of its world. What it leaves out is what nobody looks at: it neither predicts nor shows
//! anything, and between two packets it does nothing. All of them are driven by one thread with one poll.
//!
//! They would disturb each other where they look for a game, a thousand on one machine: each beacon would be read by
//! all of them. So they share the socket for beacons: the first one asks around for all, and what is heard goes to
//! those who have no game yet. From there on each is alone.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::{
    Events, Interest, Poll, Registry, Token, Waker,
    event::Event as Ready,
    net::{TcpListener, TcpStream, UdpSocket},
};

use super::{
    Settings, StartError, Started, addresses,
    chance::{random_bits, random_bytes},
    clock, config, interfaces,
    link::{Link, Stage, Taken},
    open,
    paths::Leaving,
    timer::{TIMER, Timer},
};
use crate::{
    config::{CROWD_MAX, Config, FILES_WANTED},
    game::Game,
    io::{CloseReason, Effect, Interface, Port, Wire},
    keys::SecretKey,
    ledger::disk::Stored,
    mesh::message::BEACON as BEACON_KIND,
    node::{Command, Event, Input, Node, Output, Status},
    types::{Instant, LinkId, Role},
};

const WAKER: Token = Token(0);
const BEACON: Token = Token(2);
/// The tokens of sockets and links are their places after the fixed ones.
const PLACES: usize = 8;

/// The time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How finely the gaps between ticks are counted, and up to where.
const GAP_STEP: Duration = Duration::from_micros(100);
const GAPS: usize = 20_000;

/// How much is read at a time.
const BUFFER_BYTES: usize = 16 << 10;

/// So many of them can be dialled, the first ones: the host may have these hand its ticks down to others.
const DIALLED_MAX: usize = 64;

/// How long all of them may take to leave.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a crowd saw in one second.
#[derive(Clone, Debug, Default)]
pub struct CrowdSeen {
    /// When this second was over.
    pub at: Instant,
    /// How many watch, or want to.
    pub count: usize,
    /// How many of them follow a host.
    pub follow: usize,
    /// How many get its ticks from somebody else who watches.
    pub through: usize,
    /// How long it took from when the first one heard of a game until all of them had applied a tick.
    pub all_in: Option<Duration>,
    /// How many ticks were applied, at whoever applied the fewest.
    pub ticks_worst: u32,
    /// The same at whoever is in the middle.
    pub ticks_median: u32,
    /// Half of the gaps between two ticks at one of them are shorter.
    pub gap_p50: Duration,
    /// Of a hundred gaps one is longer.
    pub gap_p99: Duration,
    /// The longest gap that ended in this second.
    pub gap_max: Duration,
    /// Worlds that did not have the hash that their host gave them.
    pub wrong: u64,
    /// Since the start: dials that failed.
    pub failed: u64,
    /// Since the start: links that ended, but for those that this side closed.
    pub lost: u64,
    /// How much time on a processor the process had in this second.
    pub processor: Duration,
    /// How long the second was.
    pub span: Duration,
    /// Somebody was not let in.
    pub kept_out: bool,
}

/// A running crowd. It leaves when this is dropped.
#[derive(Debug)]
pub struct Crowd {
    seen: Receiver<CrowdSeen>,
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// What it sees, once a second. No more comes when it is over.
    pub fn seen(&self) -> &Receiver<CrowdSeen> {
        &self.seen
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts so many spectators, [`CROWD_MAX`] at most, in one thread, to measure what they see. The process must be
/// allowed to open five files for each.
///
/// # Errors
/// [`StartError`] when a socket cannot be had, or a setting is out of its range.
pub fn watch_together<G: Game>(settings: &Settings, count: usize) -> Result<Crowd, StartError> {
    settings.tuning.check().map_err(StartError::Tuning)?;
    let system = |what| move |source| StartError::System { what, source };
    let networks = interfaces::interfaces().unwrap_or_else(|_| interfaces::assumed());
    let home = addresses(settings, &networks)?;
    let present = interfaces::present(&networks, home);
    let poll = Poll::new().map_err(system("wait for sockets"))?;
    let waker = Waker::new(poll.registry(), WAKER).map_err(system("wait for sockets"))?;
    let mut beacon = open::beacon(settings.beacon_port).map(UdpSocket::from_std).ok();
    if let Some(beacon) = &mut beacon {
        let registered = poll.registry().register(beacon, BEACON, Interest::READABLE);
        registered.map_err(system("wait for sockets"))?;
    }
    let mut driver = Driver::<G> {
        timer: Timer::new(&poll),
        poll,
        home,
        beacon,
        networks: present,
        watchers: Vec::new(),
        ports: BTreeSet::new(),
        places: Places::default(),
        due: BTreeSet::new(),
        heard: VecDeque::new(),
        tally: Tally::new(clock::now()),
        buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
    };
    for number in 0..count.min(CROWD_MAX) {
        driver.add(settings, number)?;
    }
    let (tell, seen) = unbounded();
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let run = move || driver.run(&tell, &stopping);
    let thread = thread::Builder::new().name("crowd".into()).spawn(run);
    let thread = Some(thread.map_err(system("start a thread"))?);
    Ok(Crowd { seen, stop, waker: Arc::new(waker), thread })
}

/// What a token stands for.
#[derive(Clone, Copy, Debug)]
enum Source {
    Listener(usize),
    Socket(usize),
    Link(usize, LinkId),
}

/// Which token stands for what.
#[derive(Debug, Default)]
struct Places {
    taken: Vec<Option<Source>>,
    free: Vec<usize>,
}

impl Places {
    fn take(&mut self, source: Source) -> Token {
        let place = self.free.pop().unwrap_or_else(|| {
            self.taken.push(None);
            self.taken.len() - 1
        });
        if let Some(taken) = self.taken.get_mut(place) {
            *taken = Some(source);
        }
        Token(PLACES + place)
    }

    fn give_up(&mut self, token: Token) {
        if let Some(place) = token.0.checked_sub(PLACES)
            && self.taken.get_mut(place).is_some_and(|taken| taken.take().is_some())
        {
            self.free.push(place);
        }
    }

    fn at(&self, token: Token) -> Option<Source> {
        *self.taken.get(token.0.checked_sub(PLACES)?)?
    }
}

/// One spectator.
struct Watcher<G: Game> {
    node: Node<G>,
    socket: UdpSocket,
    /// Where it can be dialled, and the number of the next link that comes so. (The odd ones are accepted.)
    listener: Option<TcpListener>,
    next_accepted: u64,
    links: BTreeMap<LinkId, (Link, Token)>,
    due: Option<Instant>,
    /// How many ticks were applied in this second, and when the last one was.
    ticks: u32,
    last: Option<Instant>,
}

/// What is counted of all of them.
struct Tally {
    since: Instant,
    processor: Duration,
    /// How many gaps there were of each length.
    gaps: Vec<u32>,
    gap_max: Duration,
    wrong: u64,
    failed: u64,
    lost: u64,
    kept_out: bool,
    /// When a game was heard of first, and how many have applied a tick.
    heard: Option<Instant>,
    came_in: usize,
    all_in: Option<Duration>,
}

impl Tally {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            processor: clock::processor(),
            gaps: vec![0; GAPS],
            gap_max: Duration::ZERO,
            wrong: 0,
            failed: 0,
            lost: 0,
            kept_out: false,
            heard: None,
            came_in: 0,
            all_in: None,
        }
    }

    fn gap(&mut self, gap: Duration) {
        let step = (gap.as_micros() / GAP_STEP.as_micros()) as usize;
        if let Some(count) = self.gaps.get_mut(step.min(GAPS - 1)) {
            *count += 1;
        }
        self.gap_max = self.gap_max.max(gap);
    }

    /// The gap that so many of a hundred do not exceed.
    fn quantile(&self, percent: u64) -> Duration {
        let all: u64 = self.gaps.iter().map(|count| u64::from(*count)).sum();
        let rank = (all * percent).div_ceil(100);
        let mut seen = 0;
        for (step, count) in (0..).zip(&self.gaps) {
            seen += u64::from(*count);
            if seen >= rank {
                return GAP_STEP * step;
            }
        }
        Duration::ZERO
    }
}

/// All of them.
struct Driver<G: Game> {
    poll: Poll,
    timer: Timer,
    home: Option<Ipv4Addr>,
    beacon: Option<UdpSocket>,
    networks: Vec<Interface>,
    watchers: Vec<Watcher<G>>,
    /// Where they speak from.
    ports: BTreeSet<u16>,
    places: Places,
    /// When each wants to be woken.
    due: BTreeSet<(Instant, usize)>,
    /// Beacons for all who look for a game.
    heard: VecDeque<(SocketAddr, Port, Vec<u8>)>,
    tally: Tally,
    buffer: Box<[u8]>,
}

impl<G: Game> Driver<G> {
    fn add(&mut self, settings: &Settings, number: usize) -> Result<(), StartError> {
        let system = |what| move |source| StartError::System { what, source };
        let draw = || random_bytes().map_err(system("draw random numbers"));
        let at = SocketAddr::from((self.home.unwrap_or(Ipv4Addr::UNSPECIFIED), 0));
        let refused = |source| StartError::Bind { protocol: "UDP", address: at, source };
        let socket = open::own(at, false).map_err(refused)?;
        let mut socket = UdpSocket::from_std(socket);
        let port = socket.local_addr().map_err(system("see the own ports"))?.port();
        self.ports.insert(port);
        let token = self.places.take(Source::Socket(number));
        let registered = self.poll.registry().register(&mut socket, token, Interest::READABLE);
        registered.map_err(system("wait for sockets"))?;
        let mut listener = None;
        if number < DIALLED_MAX {
            let refused = |source| StartError::Bind { protocol: "TCP", address: at, source };
            let mut opened = TcpListener::from_std(open::listener(at).map_err(refused)?);
            let token = self.places.take(Source::Listener(number));
            let registered = self.poll.registry().register(&mut opened, token, Interest::READABLE);
            registered.map_err(system("wait for sockets"))?;
            listener = Some(opened);
        }
        let dialled_at = listener.as_ref().map(TcpListener::local_addr).transpose();
        let dialled_at = dialled_at.map_err(system("see the own ports"))?;
        let key = SecretKey::from_bytes(&draw()?);
        let started = Started {
            id: key.public().id(),
            key: key.public(),
            ip: self.home.unwrap_or_else(|| interfaces::likely_ip(&self.networks)),
            tcp: dialled_at.map_or(0, |at| at.port()),
            udp: port,
        };
        let own = Settings {
            name: settings.name.numbered(number as u32 + 1),
            role: Role::Spectator,
            ..settings.clone()
        };
        let config = config(own, &started, Some(Stored::default()), key, draw()?);
        let config = Config { views: false, trace_ticks: true, seed: random_bits(), ..config };
        let now = clock::now();
        let node = Node::new(now, config);
        self.watchers.push(Watcher {
            node,
            socket,
            listener,
            next_accepted: 1,
            links: BTreeMap::new(),
            due: None,
            ticks: 0,
            last: None,
        });
        self.feed(number, Wire::Interfaces(self.networks.clone()));
        Ok(())
    }

    fn run(mut self, tell: &Sender<CrowdSeen>, stop: &AtomicBool) {
        let mut events = Events::with_capacity(4_096);
        let mut report_at = clock::now() + REPORT_EVERY;
        while !stop.load(Ordering::Acquire) {
            self.turn(&mut events, report_at);
            let now = clock::now();
            if now >= report_at {
                report_at = (report_at + REPORT_EVERY).max(now);
                if tell.send(self.report(now)).is_err() {
                    break;
                }
            }
        }
        self.leave(&mut events);
    }

    /// One wait, and all that comes of it.
    fn turn(&mut self, events: &mut Events, until: Instant) {
        let first = self.due.first().map_or(Instant::NEVER, |(at, _)| *at);
        let timeout = self.timer.arm(Some(first.min(until)));
        if self.poll.poll(events, timeout).is_ok() {
            for event in events.iter() {
                self.ready(event);
            }
        }
        self.share_beacons();
        let now = clock::now();
        while let Some((at, number)) = self.due.first().copied()
            && at <= now
        {
            // What it waits for may have come while the others had their turns: they are many.
            self.read_packets(number);
            if self.due.first() != Some(&(at, number)) {
                continue;
            }
            self.feed(number, Wire::Timeout);
            // Whoever is still due comes after the others.
            if self.due.first() == Some(&(at, number)) {
                break;
            }
        }
    }

    fn ready(&mut self, event: &Ready) {
        match event.token() {
            WAKER | TIMER => {}
            BEACON => self.read_beacons(),
            token => match self.places.at(token) {
                Some(Source::Listener(number)) => self.accept(number),
                Some(Source::Socket(number)) => self.read_packets(number),
                Some(Source::Link(number, link)) => {
                    if event.is_writable() || event.is_error() {
                        self.write_link(number, link);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.read_link(number, link);
                    }
                }
                None => {}
            },
        }
    }

    fn read_beacons(&mut self) {
        while let Some(beacon) = &self.beacon {
            match beacon.recv_from(&mut self.buffer) {
                Ok((bytes, from)) => {
                    let said = self.buffer[..bytes].to_vec();
                    self.heard.push_back((from, Port::Beacon, said));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {}
            }
        }
    }

    /// What was announced goes to all who look for a game, and to the one that looks around for all.
    fn share_beacons(&mut self) {
        while let Some((from, via, bytes)) = self.heard.pop_front() {
            if self.is_one_of_them(from) {
                continue; // or all would answer all
            }
            self.tally.heard.get_or_insert(clock::now());
            for number in 0..self.watchers.len() {
                let looks = |watcher: &Watcher<G>| watcher.node.status() != Status::Playing;
                if number == 0 || self.watchers.get(number).is_some_and(looks) {
                    self.feed(number, Wire::Packet { from, via, bytes: bytes.clone() });
                }
            }
        }
    }

    fn is_one_of_them(&self, from: SocketAddr) -> bool {
        let here = |ip: IpAddr| {
            ip.is_loopback() || self.networks.iter().any(|network| IpAddr::V4(network.ip) == ip)
        };
        here(from.ip()) && self.ports.contains(&from.port())
    }

    fn read_packets(&mut self, number: usize) {
        while let Some(watcher) = self.watchers.get(number) {
            match watcher.socket.recv_from(&mut self.buffer) {
                Ok((bytes, from)) => {
                    let bytes = self.buffer[..bytes].to_vec();
                    match bytes.first() {
                        Some(&BEACON_KIND) => self.heard.push_back((from, Port::Own, bytes)),
                        _ => self.feed(number, Wire::Packet { from, via: Port::Own, bytes }),
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {}
            }
        }
    }

    /// Somebody dials one of them, and perhaps others do.
    fn accept(&mut self, number: usize) {
        while let Some(watcher) = self.watchers.get_mut(number)
            && let Some(listener) = &watcher.listener
        {
            let (mut stream, from) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return, // there is nobody, or nobody any more, or no room
            };
            let link = LinkId(watcher.next_accepted);
            watcher.next_accepted += 2;
            let token = self.places.take(Source::Link(number, link));
            let wanted = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, token, wanted).is_err() {
                self.places.give_up(token);
                continue;
            }
            watcher.links.insert(link, (Link::new(stream, Stage::Open), token));
            self.feed(number, Wire::Accepted { link, from });
        }
    }

    fn read_link(&mut self, number: usize, link: LinkId) {
        loop {
            let watcher = self.watchers.get_mut(number);
            let Some((open, _)) = watcher.and_then(|watcher| watcher.links.get_mut(&link)) else {
                return;
            };
            if open.stage == Stage::Dialling {
                return;
            }
            match open.read(&mut self.buffer) {
                Taken::Bytes(bytes) => {
                    let chunk = self.buffer[..bytes].to_vec();
                    self.feed(number, Wire::Bytes { link, chunk });
                }
                Taken::Nothing => return,
                Taken::Gone(reason) => {
                    self.tally.lost += 1;
                    self.drop_link(number, link);
                    return self.feed(number, Wire::Closed { link, reason });
                }
            }
        }
    }

    fn write_link(&mut self, number: usize, link: LinkId) {
        let watcher = self.watchers.get_mut(number);
        let Some((open, _)) = watcher.and_then(|watcher| watcher.links.get_mut(&link)) else {
            return;
        };
        if open.stage == Stage::Dialling {
            match open.connected() {
                None => return,
                Some(true) => {
                    open.stage = Stage::Open;
                    self.feed(number, Wire::Connected { link });
                }
                Some(false) => return self.fail_dial(number, link),
            }
        }
        let watcher = self.watchers.get_mut(number);
        if let Some((open, _)) = watcher.and_then(|watcher| watcher.links.get_mut(&link)) {
            open.flush();
        }
    }

    fn fail_dial(&mut self, number: usize, link: LinkId) {
        self.tally.failed += 1;
        self.drop_link(number, link);
        self.feed(number, Wire::DialFailed { link });
    }

    fn drop_link(&mut self, number: usize, link: LinkId) {
        let watcher = self.watchers.get_mut(number);
        if let Some((_, token)) = watcher.and_then(|watcher| watcher.links.remove(&link)) {
            self.places.give_up(token);
        }
    }

    /// Feeds one of them, and carries out what comes of it.
    fn feed(&mut self, number: usize, wire: Wire) {
        self.give(number, Input::Wire(wire));
    }

    fn give(&mut self, number: usize, input: Input<G>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = clock::now();
            let Some(watcher) = self.watchers.get_mut(number) else { return };
            watcher.node.handle(now, input);
            while let Some(watcher) = self.watchers.get_mut(number)
                && let Some(output) = watcher.node.poll()
            {
                match output {
                    Output::Effect(effect) => {
                        inputs.extend(self.carry_out(number, effect).map(Input::Wire));
                    }
                    Output::Event(event) => self.note(now, number, &event),
                    Output::View(_) => {}
                }
            }
        }
        let Some(watcher) = self.watchers.get_mut(number) else { return };
        let due = watcher.node.next_timeout();
        if due != watcher.due {
            if let Some(before) = std::mem::replace(&mut watcher.due, due) {
                self.due.remove(&(before, number));
            }
            self.due.extend(due.map(|due| (due, number)));
        }
    }

    fn note(&mut self, now: Instant, number: usize, event: &Event<G>) {
        let all = self.watchers.len();
        let Some(watcher) = self.watchers.get_mut(number) else { return };
        match event {
            Event::Tick { .. } => {
                watcher.ticks += 1;
                match watcher.last.replace(now) {
                    Some(last) => self.tally.gap(now.since(last)),
                    None => {
                        self.tally.came_in += 1;
                        if self.tally.came_in == all {
                            let heard = self.tally.heard.unwrap_or(now);
                            self.tally.all_in = Some(now.since(heard));
                        }
                    }
                }
            }
            Event::Diverged { .. } => self.tally.wrong += 1,
            Event::Locked { .. } | Event::Excluded { .. } => self.tally.kept_out = true,
            _ => {}
        }
    }

    /// Does what one of them wants. What follows at once, if anything does.
    fn carry_out(&mut self, number: usize, effect: Effect) -> Option<Wire> {
        let watcher = self.watchers.get_mut(number)?;
        match effect {
            Effect::Packet { to, bytes, .. } => {
                let _ = watcher.socket.send_to(&bytes, to); // lost, like any other
            }
            Effect::Broadcast { on, port, bytes } => {
                if number == 0
                    && let Some(ip) = on.broadcast
                {
                    let _ = watcher.socket.send_to(&bytes, SocketAddr::from((ip, port)));
                }
            }
            Effect::Dial { link, to } => {
                let token = self.places.take(Source::Link(number, link));
                match dial(self.poll.registry(), token, to, self.home) {
                    Ok(stream) => {
                        let open = (Link::new(stream, Stage::Dialling), token);
                        watcher.links.insert(link, open);
                    }
                    Err(error) => {
                        tracing::debug!(%to, %error, "cannot dial");
                        self.places.give_up(token);
                        self.tally.failed += 1;
                        return Some(Wire::DialFailed { link });
                    }
                }
            }
            Effect::Bytes { link, bytes } => {
                let (open, _) = watcher.links.get_mut(&link)?;
                if !open.send(bytes) {
                    self.drop_link(number, link);
                    return Some(Wire::Closed { link, reason: CloseReason::Slow });
                }
            }
            Effect::Close { link } => {
                if let Some((open, _)) = watcher.links.get_mut(&link) {
                    open.part(); // what was said last goes out first
                }
                self.drop_link(number, link);
            }
            Effect::Persist { .. } | Effect::Remember { .. } => {} // nothing is kept
        }
        None
    }

    fn report(&mut self, now: Instant) -> CrowdSeen {
        let follows = |watcher: &&Watcher<G>| watcher.node.status() == Status::Playing;
        let through = |watcher: &&Watcher<G>| watcher.node.cluster().watches_through().is_some();
        let mut ticks: Vec<u32> = self.watchers.iter().map(|watcher| watcher.ticks).collect();
        ticks.sort_unstable();
        let processor = clock::processor();
        let tally = &mut self.tally;
        let seen = CrowdSeen {
            at: now,
            count: self.watchers.len(),
            follow: self.watchers.iter().filter(follows).count(),
            through: self.watchers.iter().filter(through).count(),
            all_in: tally.all_in,
            ticks_worst: ticks.first().copied().unwrap_or(0),
            ticks_median: ticks.get(ticks.len() / 2).copied().unwrap_or(0),
            gap_p50: tally.quantile(50),
            gap_p99: tally.quantile(99),
            gap_max: tally.gap_max,
            wrong: tally.wrong,
            failed: tally.failed,
            lost: tally.lost,
            processor: processor.saturating_sub(tally.processor),
            span: now.since(tally.since),
            kept_out: tally.kept_out,
        };
        self.watchers.iter_mut().for_each(|watcher| watcher.ticks = 0);
        tally.gaps.fill(0);
        (tally.since, tally.processor) = (now, processor);
        (tally.gap_max, tally.wrong) = (Duration::ZERO, 0);
        seen
    }

    /// All say farewell.
    fn leave(&mut self, events: &mut Events) {
        for number in 0..self.watchers.len() {
            self.give(number, Input::Command(Command::Leave));
        }
        let until = clock::now() + FAREWELL;
        while self.watchers.iter().any(|watcher| !watcher.links.is_empty()) && clock::now() < until
        {
            self.turn(events, until);
        }
    }
}

fn dial(
    registry: &Registry,
    token: Token,
    to: SocketAddr,
    home: Option<Ipv4Addr>,
) -> io::Result<TcpStream> {
    let leaving = home.map(|local| Leaving { local, device: None });
    let mut stream = TcpStream::from_std(open::dial(to, leaving)?);
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

/// So many files are enough for the largest crowd: each has a socket, and links with its host, the heir, a relay and
/// another one.
const _: () = assert!(CROWD_MAX * 5 + DIALLED_MAX < FILES_WANTED as usize);
