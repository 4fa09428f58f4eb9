//! What each receiver costs whoever sends a tick to all: our host, renet, and a bare loop of `send_to`.
//!
//! One world of 64 players who run about, one crowd of receivers with a socket each, one run. The sender stands alone on one
//! processor and the receivers on another; what is told is the processor time of the sending thread, and the three take
//! turns, so that whatever else the machine does is shared. Ours is a whole host in a whole game: it steps, encodes,
//! signs, seals for each, hears controls and acknowledgements. renet broadcasts the same worlds in postcard over an
//! unreliable channel, neither sealed nor checked, and hears the acknowledgements of its clients; it steps nothing. The bare
//! loop sends a packet as large as ours, and does nothing else.
//!
//! Time is virtual: a tick is due when the one before it has been taken in. Links are not sockets here; what goes over
//! them is a few bytes a second. A spectator opens every second tick, which makes no difference to its host.
//!
//! `fan_out [RECEIVERS [PLAYERS [ROUNDS]]]`

use std::{
    collections::VecDeque,
    io::ErrorKind,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use interregnum::{
    Instant, Role,
    arena::{Arena, World, bot},
    draw,
    sim::court::{self, BEGINNING, Cargo, Court, Parcel},
};
use mio::{Events, Interest, Poll, Token, Waker, net::UdpSocket};
use renet::{ConnectionConfig, DefaultChannel, RenetClient, RenetServer};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// So many ticks each of the three sends before it is another one's turn.
const TICKS: usize = 60;

/// How long a tick lasts, to renet.
const TICK: Duration = Duration::from_micros(16_667);

/// Within how many moments all have come in.
const GATHERED_WITHIN: usize = 60_000;

/// Spectators open one tick of so many: they acknowledge one of eight, and must not think that their host is silent.
const OPENS_EVERY: u64 = 2;

/// The first part of all addresses.
const NETWORK: u8 = 127;

/// What the receivers are told.
enum Told {
    /// It is this time, these have come over links, and this is the newest tick: do what there is to be done.
    Moment(Instant, Vec<Parcel>),
    /// A tick of renet's is over.
    Renet,
    /// A tick of the bare loop is.
    Bare,
    /// That is all.
    End,
}

/// What they say when it is done: what goes over links, and whether all follow.
type Done = (Vec<Parcel>, bool);

/// Who sends, and so who reads.
const OURS: u64 = 0;
const RENET: u64 = 1;
const BARE: u64 = 2;

/// What the sender and the receivers both look at.
#[derive(Default)]
struct Shared {
    sends: AtomicU64,
    tick: AtomicU64,
}

fn main() -> anyhow::Result<()> {
    let mut typed = std::env::args().skip(1).map(|word| word.parse::<usize>());
    let mut number = |otherwise: usize| typed.next().unwrap_or(Ok(otherwise));
    let (receivers, players, rounds) = (number(500)?, number(64)?, number(7)?);
    ensure!(players >= 2 && receivers + 1 >= players, "there are fewer receivers than players");
    more_files();
    let (mut host, mut others, mut now) = gather(players, receivers)?;
    pin(0);
    let socket = udp(0)?;
    let sockets = (1..=receivers).map(udp).collect::<anyhow::Result<Vec<_>>>()?;
    let addresses: Vec<SocketAddr> = (1..=receivers).map(address).collect();
    let (tell, told) = channel();
    let (say, done) = channel();
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), Token(receivers))?);
    let shared = Arc::new(Shared::default());
    let crowd_shared = Arc::clone(&shared);
    let at = address(0);
    others.press(now, play);
    let crowd = thread::Builder::new().name("crowd".into()).spawn(move || {
        pin(1);
        let clients = (0..receivers).map(|_| {
            let mut client = RenetClient::new(ConnectionConfig::default());
            client.set_connected();
            client
        });
        Crowd {
            poll,
            sockets,
            others,
            clients: clients.collect(),
            host: at,
            players,
            shared: crowd_shared,
        }
        .run(&told, &say)
    })?;
    let mut speaker = Speaker { socket, tell, done, waker, shared, buffer: vec![0; 2_048] };
    let mut renet = RenetServer::new(ConnectionConfig::default());
    (1..=receivers as u64).for_each(|id| renet.add_connection(id));

    let mut rows = Vec::new();
    println!(
        "{receivers} receivers, {players} players, {TICKS} ticks of each in a round; µs for each receiver and tick"
    );
    println!("round    ours   renet    bare   ours/bare  renet/ours   bytes: ours  renet");
    for round in 0..=rounds {
        let (ours, worlds, bytes) = speaker.ours(&mut host, &mut now)?;
        let (theirs, their_bytes) = speaker.renet(&mut renet, &worlds)?;
        let bare = speaker.bare(&addresses, bytes)?;
        let each = |span: Duration| span.as_secs_f64() * 1e6 / (TICKS * receivers) as f64;
        let Ours { hear, tick, send } = ours;
        let [hears, ticks, sends] = [hear, tick, send].map(each);
        let row = [each(hear + tick + send), each(theirs), each(bare)];
        let [ours, theirs, bare] = row;
        let name = if round == 0 { "warm".to_owned() } else { round.to_string() };
        println!(
            "{name:>5} {ours:>7.2} {theirs:>7.2} {bare:>7.2} {:>11.2} {:>11.2} {bytes:>13} {their_bytes:>6}   ours: hears \
             {hears:.2}, ticks {ticks:.2}, sends {sends:.2}",
            ours / bare,
            theirs / ours
        );
        if round > 0 {
            rows.push([ours, theirs, bare, ours / bare, theirs / ours]);
        }
    }
    let median = |of: usize| {
        let mut all: Vec<f64> = rows.iter().map(|row| row[of]).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    println!(
        "medians: ours {:.2}, renet {:.2}, bare {:.2}; ours is {:.2} times the bare loop, renet {:.1} times ours",
        median(0),
        median(1),
        median(2),
        median(3),
        median(4)
    );
    speaker.tell.send(Told::End)?;
    speaker.waker.wake()?;
    let _ = crowd.join();
    Ok(())
}

fn play(world: &World, me: interregnum::NodeId) -> interregnum::arena::Controls {
    bot::run_about(world.tick, draw(7, me.as_u128() as u64))
}

fn address(number: usize) -> SocketAddr {
    SocketAddr::from((court::address(NETWORK, number), court::UDP_PORT))
}

fn udp(number: usize) -> anyhow::Result<UdpSocket> {
    let at = address(number);
    UdpSocket::bind(at).with_context(|| format!("no socket at {at}"))
}

/// Three files for each receiver are enough.
fn more_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// The own thread stays on this processor, if there is such a one.
fn pin(processor: usize) {
    let mut only = CpuSet::new();
    only.set(processor);
    if let Err(error) = sched_setaffinity(None, &only) {
        eprintln!("not pinned to processor {processor}: {error}");
    }
}

/// How much time on a processor this thread has had.
fn processor() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec.unsigned_abs() as u32)
}

/// A host, and all others, in one game: without sockets.
fn gather(
    players: usize,
    receivers: usize,
) -> anyhow::Result<(Court<Arena>, Court<Arena>, Instant)> {
    let (mut host, mut others) = (Court::<Arena>::new(1), Court::new(2));
    let mut now = BEGINNING;
    let keeps_all = |_: &Parcel, _: &Court<Arena>| false;
    host.add(now, court::address(NETWORK, 0), Role::Player, Vec::new());
    for _ in 0..3_000 {
        court::pass(&mut now, &mut host, &mut others, keeps_all);
    }
    for number in 1..=receivers {
        let role = if number < players { Role::Player } else { Role::Spectator };
        others.add(now, court::address(NETWORK, number), role, vec![address(0)]);
        court::pass(&mut now, &mut host, &mut others, keeps_all);
    }
    let mut moments = 0;
    while !(others.all_follow() && host.node(0).cluster().members().len() == players) {
        court::pass(&mut now, &mut host, &mut others, keeps_all);
        moments += 1;
        ensure!(moments < GATHERED_WITHIN, "they did not find each other");
    }
    Ok((host, others, now))
}

/// What our host does, and how long it takes.
#[derive(Clone, Copy, Default)]
struct Ours {
    /// It reads and opens what the others say.
    hear: Duration,
    /// It ticks: steps, encodes, and seals for each.
    tick: Duration,
    /// It sends.
    send: Duration,
}

/// Who sends: the thread that is measured.
struct Speaker {
    socket: UdpSocket,
    tell: Sender<Told>,
    done: Receiver<Done>,
    waker: Arc<Waker>,
    shared: Arc<Shared>,
    buffer: Vec<u8>,
}

impl Speaker {
    /// Our host has its turn. What it cost, what its worlds were, and how large a datagram is in the mean.
    fn ours(
        &mut self,
        host: &mut Court<Arena>,
        now: &mut Instant,
    ) -> anyhow::Result<(Ours, Vec<World>, usize)> {
        self.shared.sends.store(OURS, Ordering::SeqCst);
        let (mut spent, mut worlds) = (Ours::default(), Vec::new());
        let (mut sent, mut bytes_sent) = (0, 0);
        let mut last = host.node(0).replica().clock();
        while worlds.len() < TICKS {
            let due = host.next_timeout().unwrap_or(Instant::NEVER).max(*now);
            *now = due.min(*now + Duration::from_millis(1));
            let mut linked = Vec::new();
            let began = processor();
            while let Some((from, length)) = self.receive() {
                let cargo = Cargo::Datagram(self.buffer[..length].to_vec().into());
                host.bring(Parcel { from, to: address(0), cargo });
            }
            let heard = processor();
            host.run(*now);
            let ran = processor();
            let tick = host.node(0).replica().clock().map_or(0, |clock| clock.tick.0);
            self.shared.tick.store(tick, Ordering::SeqCst);
            while let Some(parcel) = host.poll() {
                match &parcel.cargo {
                    Cargo::Datagram(bytes) => {
                        let _ = self.socket.send_to(bytes, parcel.to);
                        (sent, bytes_sent) = (sent + 1, bytes_sent + bytes.len());
                    }
                    _ => linked.push(parcel),
                }
            }
            let ticked = host.node(0).replica().clock() != last;
            let took = ran.saturating_sub(heard);
            *if ticked { &mut spent.tick } else { &mut spent.hear } += took;
            spent.hear += heard.saturating_sub(began);
            spent.send += processor().saturating_sub(ran);
            self.tell(Told::Moment(*now, linked))?;
            let (linked, all_follow) = self.done.recv()?;
            ensure!(all_follow, "somebody has lost its host");
            linked.into_iter().for_each(|parcel| host.bring(parcel));
            let newest = host.node(0).replica().clock();
            if newest != last
                && let Some(state) = host.node(0).replica().state()
            {
                last = newest;
                worlds.push(state.world.clone());
                host.press(*now, play);
            }
        }
        Ok((spent, worlds, bytes_sent / sent.max(1)))
    }

    /// renet has its turn, with the same worlds.
    fn renet(
        &mut self,
        server: &mut RenetServer,
        worlds: &[World],
    ) -> anyhow::Result<(Duration, usize)> {
        self.shared.sends.store(RENET, Ordering::SeqCst);
        let (mut spent, mut bytes) = (Duration::ZERO, 0);
        for world in worlds {
            let began = processor();
            while let Some((from, length)) = self.receive() {
                let SocketAddr::V4(from) = from else { continue };
                let id = court::number_at(*from.ip()) as u64;
                let _ = server.process_packet_from(&self.buffer[..length], id);
            }
            server.update(TICK);
            let encoded = postcard::to_stdvec(world)?;
            bytes += encoded.len();
            server.broadcast_message(DefaultChannel::Unreliable, encoded);
            for id in server.clients_id() {
                let to = address(id as usize);
                for packet in server.get_packets_to_send(id).unwrap_or_default() {
                    let _ = self.socket.send_to(&packet, to);
                }
            }
            spent += processor().saturating_sub(began);
            self.tell(Told::Renet)?;
            self.done.recv()?;
        }
        Ok((spent, bytes / worlds.len().max(1)))
    }

    /// The bare loop has its turn.
    fn bare(&mut self, addresses: &[SocketAddr], bytes: usize) -> anyhow::Result<Duration> {
        self.shared.sends.store(BARE, Ordering::SeqCst);
        let packet = vec![7; bytes];
        let mut spent = Duration::ZERO;
        for _ in 0..TICKS {
            let began = processor();
            for to in addresses {
                let _ = self.socket.send_to(&packet, *to);
            }
            spent += processor().saturating_sub(began);
            self.tell(Told::Bare)?;
            self.done.recv()?;
        }
        // What is left of anybody's is for nobody.
        while self.receive().is_some() {}
        Ok(spent)
    }

    fn receive(&mut self) -> Option<(SocketAddr, usize)> {
        let (length, from) = self.socket.recv_from(&mut self.buffer).ok()?;
        Some((from, length))
    }

    fn tell(&self, told: Told) -> anyhow::Result<()> {
        self.tell.send(told)?;
        Ok(self.waker.wake()?)
    }
}

/// Who receives.
struct Crowd {
    poll: Poll,
    sockets: Vec<UdpSocket>,
    others: Court<Arena>,
    clients: Vec<RenetClient>,
    host: SocketAddr,
    players: usize,
    shared: Arc<Shared>,
}

impl Crowd {
    fn run(mut self, told: &Receiver<Told>, say: &Sender<Done>) -> anyhow::Result<()> {
        for (number, socket) in self.sockets.iter_mut().enumerate() {
            self.poll.registry().register(socket, Token(number), Interest::READABLE)?;
        }
        let mut events = Events::with_capacity(1_024);
        let mut last = None;
        loop {
            if let Err(error) = self.poll.poll(&mut events, None)
                && error.kind() != ErrorKind::Interrupted
            {
                return Err(error.into());
            }
            for event in &events {
                self.read(event.token().0);
            }
            while let Ok(told) = told.try_recv() {
                // All that was sent before this was said is here, whether its readiness was told yet or not.
                (0..self.sockets.len()).for_each(|number| self.read(number));
                let linked = match told {
                    Told::End => return Ok(()),
                    Told::Bare => Vec::new(),
                    Told::Renet => {
                        self.renet();
                        Vec::new()
                    }
                    Told::Moment(now, linked) => {
                        let tick = self.shared.tick.load(Ordering::SeqCst);
                        let ticked = last.replace(tick) != Some(tick);
                        self.moment(now, linked, ticked)
                    }
                };
                say.send((linked, self.others.all_follow()))?;
            }
        }
    }

    fn read(&mut self, number: usize) {
        let Some(socket) = self.sockets.get(number) else { return };
        let sends = self.shared.sends.load(Ordering::SeqCst);
        let opens = self.shared.tick.load(Ordering::SeqCst).is_multiple_of(OPENS_EVERY);
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            match sends {
                RENET => self.clients[number].process_packet(&buffer[..length]),
                OURS if number + 1 < self.players || opens => {
                    let cargo = Cargo::Datagram(buffer[..length].to_vec().into());
                    self.others.bring(Parcel { from, to: address(number + 1), cargo });
                }
                _ => {}
            }
        }
    }

    /// Each client takes what came, and acknowledges it.
    fn renet(&mut self) {
        for (client, socket) in self.clients.iter_mut().zip(&self.sockets) {
            client.update(TICK);
            while client.receive_message(DefaultChannel::Unreliable).is_some() {}
            for packet in client.get_packets_to_send() {
                let _ = socket.send_to(&packet, self.host);
            }
        }
    }

    fn moment(&mut self, now: Instant, linked: Vec<Parcel>, ticked: bool) -> Vec<Parcel> {
        linked.into_iter().for_each(|parcel| self.others.bring(parcel));
        self.others.run(now);
        if ticked {
            self.others.press(now, play);
        }
        let mut linked = VecDeque::new();
        while let Some(parcel) = self.others.poll() {
            match (&parcel.cargo, parcel.from) {
                (Cargo::Datagram(bytes), SocketAddr::V4(from)) => {
                    let socket = self.sockets.get(court::number_at(*from.ip()) - 1);
                    let _ = socket.map(|socket| socket.send_to(bytes, parcel.to));
                }
                _ => linked.push_back(parcel),
            }
        }
        linked.into()
    }
}
