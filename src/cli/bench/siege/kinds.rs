//! Every kind of attack that is tried, by what it is called. *Outsiders* have no seat, and only send; *members* have a
//! rightful one (in a locked session they know the passphrase), and lie or flood.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the impure edge")]

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use interregnum::{
    arena::Arena,
    cluster::{
        election::Newest as _,
        message::{
            Answer, ControlsPacket, ElectionPacket, Ends, Message, OkPacket, Packet, Payload, Rank,
            TickPacket, Vote, WorldCopy, WorldMark,
        },
        reign::ReignWord,
    },
    config::BEACON_BYTES,
    game::{Fact, Game},
    keys::{Chance, Lock, PublicKey, SecretKey},
    ledger::{
        Ledger, batch,
        body::{Body, Called},
        entry::{SharedEntry, WallTime},
        exchange::LedgerMessage,
        vector::Vector,
        vouching::Pen,
    },
    mesh::{
        Delivery,
        message::{Address, Beacon, Introduction, MAGIC, OPENING, Opening, PING, PROTOCOL},
    },
    runtime,
    text::{Name, SessionName},
    types::{Clock, Epoch, Incarnation, NodeId, Role, SessionId, Term, Tick},
    wire,
};
use serde::Serialize;

use super::besieger::{HOME, Member, Target, dial, number, socket};

/// One kind.
pub struct Kind {
    pub name: &'static str,
    /// Whether it takes a seat.
    pub is_member: bool,
    pub run: fn(&Attack) -> anyhow::Result<Spent>,
}

impl Kind {
    /// Whether there is any sense in it, with a passphrase or without one.
    pub fn applies(&self, _locked: bool) -> bool {
        true
    }
}

/// Who is attacked, and for how long.
pub struct Attack {
    pub session: SessionName,
    pub lock: Option<Lock>,
    pub targets: Vec<Target>,
    pub host: NodeId,
    pub beacon_port: u16,
    pub span: Duration,
}

/// What it took.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Spent {
    pub attackers: usize,
    /// Bytes that the attackers sent, and got.
    pub sent: u64,
    pub got: u64,
    /// As whom the attackers were members.
    #[serde(skip)]
    pub members: BTreeSet<NodeId>,
}

const fn outsider(name: &'static str, run: fn(&Attack) -> anyhow::Result<Spent>) -> Kind {
    Kind { name, is_member: false, run }
}

const fn member(name: &'static str, run: fn(&Attack) -> anyhow::Result<Spent>) -> Kind {
    Kind { name, is_member: true, run }
}

/// All of them.
pub const KINDS: &[Kind] = &[
    // Links.
    outsider("connect-close", |attack| links(attack, 500, |_| Vec::new(), true)),
    outsider("silent-500", |attack| links(attack, 500, |_| Vec::new(), false)),
    outsider("length-huge", |attack| links(attack, 64, |_| vec![0xff; 4], false)),
    outsider("max-frame", |attack| links(attack, 400, max_frame, false)),
    outsider("garbage-before-hello", |attack| links(attack, 64, garbage, true)),
    outsider("opening-storm", |attack| links(attack, 200, |attack| opening(attack, 48), true)),
    outsider("opening-short", |attack| links(attack, 200, |attack| opening(attack, 3), true)),
    // Beacons.
    outsider("beacons-invented", |attack| beacons(attack, 2_500, invented)),
    outsider("beacons-own-keys", |attack| beacons(attack, 100, own_keys)),
    outsider("beacons-members-here", |attack| beacons(attack, 100, members_here)),
    outsider("beacons-host-at", |attack| beacons(attack, 10, host_at)),
    outsider("beacons-higher-reign", |attack| beacons(attack, 50, higher_reign)),
    outsider("beacon-flood", |attack| beacons(attack, 20_000, invented)),
    outsider("beacon-flood-other-game", |attack| beacons(attack, 20_000, other_game)),
    outsider("questions-many-sources", questions_from_many),
    outsider("questions-short", |attack| beacons(attack, 400, short_question)),
    // Datagrams.
    outsider("datagram-garbage", |attack| datagrams(attack, 5_000, 64)),
    outsider("datagram-flood", |attack| datagrams(attack, 30_000, 40)),
    outsider("datagram-long", |attack| datagrams(attack, 2_000, 1_200)),
    // Members that lie.
    member("verdict-unasked", |attack| lies(attack, 20, verdicts)),
    member("reign-and-verdict", |attack| lies(attack, 20, rival_and_verdict)),
    member("ends-the-reign", |attack| lies(attack, 20, ends)),
    member("forged-reigns", |attack| lies(attack, 50, forged_reigns)),
    member("epoch-max", |attack| lies(attack, 5, epoch_max)),
    member("epoch-leap", |attack| lies(attack, 1, epoch_leap)),
    member("asks-for-the-crown", |attack| lies(attack, 200, asks)),
    member("says-it-lives", |attack| lies(attack, 200, lives)),
    member("brings-worlds", |attack| lies(attack, 50, worlds)),
    member("ticks-of-its-own", |attack| lies(attack, 60, own_ticks)),
    member("controls-far", |attack| lies(attack, 20, controls_far)),
    member("votes-twice", |attack| lies(attack, 10, votes)),
    member("journal-junk", |attack| lies(attack, 200, journal_junk)),
    member("journal-asked", |attack| lies(attack, 1_000, journal_asked)),
    // Members that flood.
    member("flood-pings", |attack| floods(attack, PING, vec![0])),
    member("flood-taken", |attack| {
        let taken = LedgerMessage::Taken.encode().unwrap_or_default();
        floods(attack, LEDGER_KIND, taken)
    }),
    member("flood-want", |attack| floods(attack, LEDGER_KIND, want(attack))),
    member("never-reads", never_reads),
    member("names", names),
    member("sybil-24", sybils),
    member("join-churn", join_churn),
    // The ledger.
    member("ledger-facts", |attack| writes(attack, 200, |_| fact(number_of_chance()))),
    member("ledger-fill", |attack| writes(attack, 8_000, |_| Body::Left(NodeId::from_u128(7)))),
    member("ledger-names", |attack| writes(attack, 20, called)),
    member("ledger-reign-max", ledger_reign_max),
    member("ledger-many-writers", many_writers),
];

/// The kind of what is said of ledgers: see `cluster::coding`.
const LEDGER_KIND: u8 = 0x1a;

/// The time between two strokes of an attack.
const STROKE: Duration = Duration::from_millis(5);

fn number_of_chance() -> u64 {
    runtime::random_bytes().map_or(0, |bytes| number(&mut Chance::new(bytes)))
}

/// How many strokes of so many a second are due by now.
struct Pace {
    began: interregnum::types::Instant,
    end: interregnum::types::Instant,
    a_second: u64,
    done: u64,
}

impl Pace {
    fn new(attack: &Attack, a_second: u64) -> Self {
        let began = runtime::now();
        Self { began, end: began + attack.span, a_second, done: 0 }
    }

    /// How many are due; none: it is over.
    fn due(&mut self) -> Option<u64> {
        let now = runtime::now();
        if now >= self.end {
            return None;
        }
        let total = now.since(self.began).as_micros() as u64 * self.a_second / 1_000_000;
        // Whoever is late does not make up for it with a burst that no wire carries.
        let due = (total + 1).saturating_sub(self.done).min(self.a_second / 20 + 1);
        self.done = total + 1;
        Some(due)
    }
}

// Outsiders: links.

fn links(
    attack: &Attack,
    many: usize,
    say: fn(&Attack) -> Vec<u8>,
    close: bool,
) -> anyhow::Result<Spent> {
    let mut spent = Spent { attackers: 1, ..Spent::default() };
    let mut open: Vec<TcpStream> = Vec::new();
    let mut pace = Pace::new(attack, 400);
    let mut turn = 0;
    while let Some(due) = pace.due() {
        for _ in 0..due {
            turn += 1;
            if open.len() >= many {
                let mut old = open.remove(0);
                spent.got += drain(&mut old);
            }
            let target = attack.targets[turn % attack.targets.len()];
            let Some(mut stream) = dial(HOME, target.link()) else { continue };
            let bytes = say(attack);
            // What the system says for a link that is opened and closed: headers of IP and TCP.
            spent.sent += 3 * 40 + stream.write(&bytes).unwrap_or(0) as u64;
            spent.got += 2 * 40;
            if !close || turn % 4 == 0 {
                open.push(stream);
            }
        }
        for stream in &mut open {
            spent.got += drain(stream);
        }
        thread::sleep(STROKE);
    }
    for mut stream in open {
        spent.got += drain(&mut stream);
    }
    Ok(spent)
}

fn drain(stream: &mut TcpStream) -> u64 {
    let (mut buffer, mut got) = ([0; 4_096], 0);
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        got += length as u64;
    }
    got
}

/// A frame of a megabyte, without its end.
fn max_frame(_: &Attack) -> Vec<u8> {
    [&(1_u32 << 20).to_be_bytes()[..], &[7; 60_000]].concat()
}

fn garbage(_: &Attack) -> Vec<u8> {
    let bytes = runtime::random_bytes().unwrap_or_default();
    bytes.iter().copied().cycle().take(700).collect()
}

/// Says which game it is after as it should, and then something that is no handshake.
fn opening(attack: &Attack, noise: usize) -> Vec<u8> {
    let bytes = runtime::random_bytes().unwrap_or_default();
    let noise: Vec<u8> = bytes.iter().copied().cycle().take(noise).collect();
    let opening = Opening {
        magic: MAGIC.into(),
        protocol: PROTOCOL,
        rules: Arena::RULES.into(),
        session: attack.session.clone(),
        locked: attack.lock.is_some(),
        noise: noise.into(),
    };
    let body = serde_json::to_vec(&opening).unwrap_or_default();
    wire::frame(OPENING, &body).unwrap_or_default()
}

// Outsiders: beacons.

fn beacons(
    attack: &Attack,
    a_second: u64,
    make: fn(&Attack, u64) -> Vec<u8>,
) -> anyhow::Result<Spent> {
    let socket = socket(HOME)?;
    let mut spent = Spent { attackers: 1, ..Spent::default() };
    let mut pace = Pace::new(attack, a_second);
    let mut turn = 0;
    while let Some(due) = pace.due() {
        for _ in 0..due {
            turn += 1;
            let bytes = make(attack, turn);
            shout(attack, &socket, &bytes, turn, &mut spent);
        }
        hear(&socket, &mut spent);
        thread::sleep(STROKE);
    }
    thread::sleep(Duration::from_millis(300));
    hear(&socket, &mut spent);
    Ok(spent)
}

/// To all on this machine, and to one of them by itself.
fn shout(attack: &Attack, socket: &UdpSocket, bytes: &[u8], turn: u64, spent: &mut Spent) {
    let target = attack.targets[turn as usize % attack.targets.len()];
    let _ = socket.set_broadcast(true);
    let all = (Ipv4Addr::new(127, 255, 255, 255), attack.beacon_port);
    for to in [SocketAddr::from(all), target.packets()] {
        spent.sent += socket.send_to(bytes, to).unwrap_or(0) as u64;
    }
}

fn hear(socket: &UdpSocket, spent: &mut Spent) {
    let mut buffer = [0; 2_048];
    while let Ok((length, _)) = socket.recv_from(&mut buffer) {
        spent.got += length as u64;
    }
}

fn padded(beacon: &Beacon) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(beacon).unwrap_or_default();
    bytes.resize(BEACON_BYTES.max(bytes.len()), 0);
    bytes
}

fn beacon(attack: &Attack, key: PublicKey, incarnation: u64, port: u16) -> Beacon {
    let who = Introduction {
        magic: MAGIC.into(),
        protocol: PROTOCOL,
        rules: Arena::RULES.into(),
        session: Some(attack.session.clone()),
        key,
        incarnation: Incarnation(incarnation),
        name: Name::new("stranger"),
        role: Role::Player,
        tcp: port,
        udp: port,
    };
    Beacon {
        who,
        session_id: None,
        term: None,
        host_name: None,
        host_at: None,
        players: 1,
        locked: attack.lock.is_some(),
        ask: true,
    }
}

fn somebody(number: u64) -> PublicKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    PublicKey::from_bytes(bytes)
}

fn invented(attack: &Attack, turn: u64) -> Vec<u8> {
    padded(&beacon(attack, somebody(turn % 10_000), turn, 1 + turn as u16 % 60_000))
}

fn own_keys(attack: &Attack, turn: u64) -> Vec<u8> {
    let target = attack.targets[turn as usize % attack.targets.len()];
    padded(&beacon(attack, target.key.unwrap_or(somebody(1)), 0, 9))
}

fn members_here(attack: &Attack, turn: u64) -> Vec<u8> {
    let target = attack.targets[turn as usize % attack.targets.len()];
    padded(&beacon(attack, target.key.unwrap_or(somebody(1)), u64::MAX, 9))
}

fn host_at(attack: &Attack, turn: u64) -> Vec<u8> {
    let victim = Address { ip: Ipv4Addr::new(127, 0, 0, 77).into(), tcp: 9, udp: 9 };
    let mut beacon = beacon(attack, somebody(turn % 50), turn, 9);
    let term = Term { epoch: Epoch(99), host: attack.host, incarnation: Incarnation(1) };
    (beacon.term, beacon.host_at) = (Some(term), Some(victim));
    padded(&beacon)
}

fn higher_reign(attack: &Attack, turn: u64) -> Vec<u8> {
    let key = somebody(turn % 20);
    let mut beacon = beacon(attack, key, turn, 9);
    let term = Term { epoch: Epoch(1_000), host: key.id(), incarnation: Incarnation(turn) };
    (beacon.term, beacon.players) = (Some(term), 60);
    padded(&beacon)
}

fn other_game(attack: &Attack, turn: u64) -> Vec<u8> {
    let mut beacon = beacon(attack, somebody(turn % 10_000), turn, 9);
    beacon.who.rules = "another/1".into();
    padded(&beacon)
}

/// A question that is shorter than its answer.
fn short_question(attack: &Attack, turn: u64) -> Vec<u8> {
    serde_json::to_vec(&beacon(attack, somebody(turn % 50), turn, 9)).unwrap_or_default()
}

/// From two hundred addresses, in turn.
fn questions_from_many(attack: &Attack) -> anyhow::Result<Spent> {
    let homes = (1..=200).map(|last| socket(Ipv4Addr::new(127, 0, 7, last)));
    let sockets: Vec<UdpSocket> = homes.collect::<anyhow::Result<_>>()?;
    let mut spent = Spent { attackers: 1, ..Spent::default() };
    let mut pace = Pace::new(attack, 4_000);
    let mut turn = 0;
    while let Some(due) = pace.due() {
        for _ in 0..due {
            turn += 1;
            let socket = &sockets[turn as usize % sockets.len()];
            shout(attack, socket, &invented(attack, turn), turn, &mut spent);
        }
        sockets.iter().for_each(|socket| hear(socket, &mut spent));
        thread::sleep(STROKE);
    }
    thread::sleep(Duration::from_millis(300));
    sockets.iter().for_each(|socket| hear(socket, &mut spent));
    Ok(spent)
}

fn datagrams(attack: &Attack, a_second: u64, length: usize) -> anyhow::Result<Spent> {
    let socket = socket(HOME)?;
    let mut spent = Spent { attackers: 1, ..Spent::default() };
    let mut pace = Pace::new(attack, a_second);
    let mut chance = Chance::new(runtime::random_bytes()?);
    while let Some(due) = pace.due() {
        for turn in 0..due {
            let some: [u8; 64] = chance.bytes();
            let mut bytes: Vec<u8> = some.iter().copied().cycle().take(length).collect();
            if let Some(first) = bytes.first_mut() {
                *first |= 0x80; // as datagrams are that somebody sealed
            }
            let target = attack.targets[turn as usize % attack.targets.len()];
            spent.sent += socket.send_to(&bytes, target.packets()).unwrap_or(0) as u64;
        }
        hear(&socket, &mut spent);
        thread::sleep(STROKE);
    }
    Ok(spent)
}

// Members that lie.

/// What a liar knows.
struct Court {
    liar: Member,
    others: Vec<NodeId>,
    real: Term,
    own: Term,
    word: ReignWord,
    session: SessionId,
    turn: u64,
}

fn come_in(attack: &Attack, name: &str) -> anyhow::Result<Option<Court>> {
    let session = attack.session.clone();
    let mut liar = Member::new(name, session, attack.lock.clone(), &attack.targets)?;
    if !liar.join(Duration::from_secs(3)) {
        return Ok(None);
    }
    liar.live(Duration::from_millis(150));
    let me = liar.node.cluster().me();
    let Some(real) = liar.node.cluster().election().following() else { return Ok(None) };
    let own = Term { epoch: Epoch(real.epoch.0 + 1), host: me.id, incarnation: me.incarnation };
    let word = ReignWord::give(&me.key, own);
    let session = liar.node.cluster().ledger().session();
    let others = attack.targets.iter().map(|target| target.id).collect();
    Ok(Some(Court { liar, others, real, own, word, session, turn: 0 }))
}

fn spent_by<'a>(members: impl IntoIterator<Item = &'a Member>) -> Spent {
    let members: BTreeSet<NodeId> = members.into_iter().map(|member| member.node.me()).collect();
    Spent { attackers: members.len(), members, ..Spent::default() }
}

fn lies(
    attack: &Attack,
    a_second: u64,
    lie: fn(&mut Court) -> Vec<Message>,
) -> anyhow::Result<Spent> {
    let Some(mut court) = come_in(attack, "liar")? else { return Ok(Spent::default()) };
    let mut pace = Pace::new(attack, a_second);
    while let Some(due) = pace.due() {
        for _ in 0..due {
            court.turn += 1;
            let lies = lie(&mut court);
            let delivery = if court.turn % 2 == 0 { Delivery::Link } else { Delivery::Datagram };
            for whom in court.others.clone() {
                for lie in &lies {
                    court.liar.say(whom, delivery, lie);
                }
            }
        }
        court.liar.live(STROKE);
    }
    Ok(spent_by([&court.liar]))
}

fn packets(packets: impl IntoIterator<Item = Packet>) -> Vec<Message> {
    packets.into_iter().map(Message::Packet).collect()
}

fn verdicts(court: &mut Court) -> Vec<Message> {
    let verdict = |keeps| Packet::Verdict {
        judge: court.own,
        judged: court.real,
        keeps,
        word: Some(court.word),
    };
    packets([verdict(true), verdict(false)])
}

/// First it tells of a reign of its own, with its own word for it; then it judges as it will have been asked to.
fn rival_and_verdict(court: &mut Court) -> Vec<Message> {
    let rival = Packet::Rival { term: court.own, word: Some(court.word) };
    let reign = Packet::Reign { term: court.own, word: court.word };
    let stale = Packet::Stale { promised: court.own, word: Some(court.word), alive: true };
    let mut said = packets([rival, reign, stale]);
    said.extend(verdicts(court));
    said
}

fn ends(court: &mut Court) -> Vec<Message> {
    let Court { real, own, word, .. } = *court;
    packets([
        Packet::Ends { old: real, new: own, word: Some(word) },
        Packet::Abdicate { term: real, successor: own.host, world: None },
        Packet::Abdicate { term: own, successor: own.host, world: None },
    ])
}

fn forged_reigns(court: &mut Court) -> Vec<Message> {
    let key = SecretKey::from_bytes(&[court.turn as u8; 32]);
    let term = Term { epoch: Epoch(court.real.epoch.0 + 2), ..court.real };
    let word = ReignWord { key: key.public(), ..ReignWord::give(&key, term) };
    packets([
        Packet::Rival { term, word: Some(word) },
        Packet::Reign { term, word },
        Packet::Stale { promised: term, word: Some(word), alive: true },
        Packet::Stale { promised: term, word: Some(word), alive: false },
        Packet::Verdict { judge: term, judged: court.real, keeps: true, word: Some(word) },
    ])
}

fn of_epoch(court: &Court, epoch: u64) -> Vec<Message> {
    let term = Term { epoch: Epoch(epoch), ..court.own };
    let floor = term.epoch;
    let rank = Rank { has_world: false, steady: false, id: court.own.host };
    packets([
        Packet::Stale { promised: term, word: None, alive: false },
        Packet::Rival { term, word: None },
        Packet::Election(ElectionPacket { round: 1, ends: None, world: None, rank, floor }),
        Packet::Ok(OkPacket { round: 1, floor, answer: Answer::TakingOver }),
    ])
}

fn epoch_max(court: &mut Court) -> Vec<Message> {
    of_epoch(court, u64::MAX)
}

fn epoch_leap(court: &mut Court) -> Vec<Message> {
    of_epoch(court, court.real.epoch.0 + (1 << 19) * court.turn)
}

fn asks(court: &mut Court) -> Vec<Message> {
    let mark =
        WorldMark { clock: Clock { term: court.real, tick: Tick(1 << 60) }, began: Tick(1 << 59) };
    let rank = Rank { has_world: true, steady: true, id: NodeId::from_u128(u128::MAX) };
    packets([Packet::Election(ElectionPacket {
        round: court.turn as u32,
        ends: Some(court.real),
        world: Some(mark),
        rank,
        floor: court.real.epoch,
    })])
}

fn lives(court: &mut Court) -> Vec<Message> {
    let clock = Clock { term: court.real, tick: Tick(1 << 60) };
    let ok = |answer| {
        Packet::Ok(OkPacket { round: court.turn as u32 % 60, floor: court.real.epoch, answer })
    };
    packets([ok(Answer::Lives { clock }), ok(Answer::TakingOver)])
}

/// A world in which it has won a thousand rounds.
fn worlds(court: &mut Court) -> Vec<Message> {
    let replica = court.liar.node.replica();
    let Some((mut mark, state)) = replica.mark().zip(replica.state()) else { return Vec::new() };
    let mut state = (**state).clone();
    for score in state.world.scoreboard.values_mut() {
        score.games_won = 4_242;
    }
    mark.clock.tick.0 += 1_000_000;
    let bytes = postcard::to_stdvec(&state).unwrap_or_default();
    let copy = WorldCopy { mark, sync_gamestate: Payload::from(bytes), origin: None };
    let answer = Answer::Follow { world: Some(mark), worlds: vec![copy.clone()] };
    let round = court.turn as u32 % 60;
    packets([
        Packet::Ok(OkPacket { round, floor: court.real.epoch, answer }),
        Packet::Abdicate { term: court.real, successor: court.own.host, world: Some(copy) },
    ])
}

fn own_ticks(court: &mut Court) -> Vec<Message> {
    let ends = match court.turn % 3 {
        0 => Ends::CarriesOn(court.real),
        1 => Ends::Beats(court.real),
        _ => Ends::Nothing,
    };
    let clock = Clock { term: court.own, tick: Tick(1_000_000 + court.turn) };
    let tick = TickPacket::of(WorldMark { clock, began: Tick(1) }, ends);
    packets([Packet::Tick(TickPacket { word: Some(court.word), ..tick })])
}

fn controls_far(court: &mut Court) -> Vec<Message> {
    let list = Payload::from(vec![1, 2, 0, 0, 0]);
    let number = u64::from(u32::MAX) << (court.turn % 30);
    let holds = Some(Clock { term: court.real, tick: Tick(u64::MAX) });
    let term = court.real;
    packets([Packet::Controls(ControlsPacket { term, holds, lossy: true, number, list })])
}

fn votes(court: &mut Court) -> Vec<Message> {
    let key = court.liar.node.cluster().me().key.clone();
    let own = Vote::cast(&key, court.session, court.real);
    let strangers = (0..20).map(|number| {
        let key = SecretKey::from_bytes(&[number ^ court.turn as u8; 32]);
        Vote::cast(&key, court.session, court.real)
    });
    vec![Message::Votes([own.clone(), own].into_iter().chain(strangers).collect())]
}

fn journal_junk(court: &mut Court) -> Vec<Message> {
    let bytes: Vec<u8> = (0..200).map(|at| (court.turn as u8).wrapping_mul(at)).collect();
    vec![Message::Journal(Payload::from(bytes))]
}

fn journal_asked(court: &mut Court) -> Vec<Message> {
    let tick = court.liar.node.replica().clock().map_or(0, |clock| clock.tick.0);
    let after = Tick(tick.saturating_sub(900));
    vec![Message::JournalWanted { epoch: court.real.epoch, after }]
}

// Members that flood, or are many.

fn floods(attack: &Attack, kind: u8, body: Vec<u8>) -> anyhow::Result<Spent> {
    let Some(mut court) = come_in(attack, "flood")? else { return Ok(Spent::default()) };
    let end = runtime::now() + attack.span;
    while runtime::now() < end {
        for _ in 0..2_000 {
            if court.liar.unsent() > 1 << 20 {
                break;
            }
            court.liar.say_bytes(attack.host, Delivery::Link, kind, &body);
        }
        court.liar.live(Duration::from_millis(2));
    }
    Ok(spent_by([&court.liar]))
}

fn want(_: &Attack) -> Vec<u8> {
    let held = Vector::default().encode().into();
    LedgerMessage::Want { session: SessionId::default(), held }.encode().unwrap_or_default()
}

fn many(attack: &Attack, count: usize) -> anyhow::Result<Vec<Member>> {
    let mut members = Vec::new();
    for number in 0..count {
        let name = format!("one of many {number}");
        let session = attack.session.clone();
        members.push(Member::new(&name, session, attack.lock.clone(), &attack.targets)?);
    }
    Ok(members)
}

fn sybils(attack: &Attack) -> anyhow::Result<Spent> {
    let mut members = many(attack, 24)?;
    let end = runtime::now() + attack.span;
    while runtime::now() < end {
        members.iter_mut().for_each(Member::turn);
        thread::sleep(Duration::from_millis(1));
    }
    Ok(spent_by(&members))
}

fn never_reads(attack: &Attack) -> anyhow::Result<Spent> {
    let mut members = many(attack, 6)?;
    let (start, end) = (runtime::now() + Duration::from_secs(1), runtime::now() + attack.span);
    let want = want(attack);
    while runtime::now() < end {
        for member in &mut members {
            member.turn();
            if runtime::now() > start {
                member.reads = false;
                if member.unsent() < 1 << 16 {
                    member.say_bytes(attack.host, Delivery::Link, LEDGER_KIND, &want);
                }
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(spent_by(&members))
}

fn names(attack: &Attack) -> anyhow::Result<Spent> {
    let names = [
        "\u{1b}[31mred",
        "\u{202e}drow",
        "a\u{200b}\u{200d}b",
        "z\u{335}\u{336}\u{337}\u{338}",
        "Ada\u{2060}",
    ];
    let mut members = Vec::new();
    for name in names {
        let session = attack.session.clone();
        members.push(Member::new(name, session, attack.lock.clone(), &attack.targets)?);
    }
    let end = runtime::now() + attack.span;
    while runtime::now() < end {
        members.iter_mut().for_each(Member::turn);
        thread::sleep(Duration::from_millis(1));
    }
    Ok(spent_by(&members))
}

fn join_churn(attack: &Attack) -> anyhow::Result<Spent> {
    let mut spent = Spent::default();
    let mut living: Vec<(Member, interregnum::types::Instant)> = Vec::new();
    let mut pace = Pace::new(attack, 10);
    while let Some(due) = pace.due() {
        for member in many(attack, due as usize)? {
            spent.members.insert(member.node.me());
            living.push((member, runtime::now()));
        }
        living.retain(|(_, since)| runtime::now().since(*since) < Duration::from_millis(300));
        living.iter_mut().for_each(|(member, _)| member.turn());
        thread::sleep(Duration::from_millis(1));
    }
    spent.attackers = 3; // so many are there at once
    Ok(spent)
}

// The ledger.

fn fact(number: u64) -> Body {
    Body::Fact(Fact { key: number.to_be_bytes().to_vec(), value: vec![0; 100] })
}

fn called(court: &Court) -> Body {
    let player = court.others[court.turn as usize % court.others.len()];
    Body::Renamed(Called { player, name: Name::new("owned") })
}

fn entries(session: SessionId, ledger: &Ledger, after: usize) -> Message {
    let written: Vec<SharedEntry> = ledger.entries().skip(after).collect();
    let batch = batch::encode(session, &written).into();
    Message::Ledger(LedgerMessage::Entries { batch, portion: None })
}

/// Writes so many entries a second, under a key of nobody's.
fn writes(attack: &Attack, a_second: u64, body: fn(&Court) -> Body) -> anyhow::Result<Spent> {
    let Some(mut court) = come_in(attack, "scribe")? else { return Ok(Spent::default()) };
    let key = SecretKey::from_bytes(&runtime::random_bytes()?);
    let mut pace = Pace::new(attack, a_second);
    let mut life = 0;
    while let Some(due) = pace.due() {
        life += 1;
        let mut ledger = Ledger::new(court.session, Pen::new(key.clone(), Incarnation(life)));
        for _ in 0..due.min(150) {
            court.turn += 1;
            let _ = ledger.note(WallTime(u64::MAX >> 1), body(&court));
        }
        ledger.sign();
        let message = entries(court.session, &ledger, 0);
        for whom in court.others.clone() {
            if court.liar.unsent() < 1 << 20 {
                court.liar.say(whom, Delivery::Link, &message);
            }
        }
        court.liar.live(STROKE);
    }
    Ok(spent_by([&court.liar]))
}

fn ledger_reign_max(attack: &Attack) -> anyhow::Result<Spent> {
    let Some(mut court) = come_in(attack, "scribe")? else { return Ok(Spent::default()) };
    let key = SecretKey::from_bytes(&runtime::random_bytes()?);
    let mut ledger = Ledger::new(court.session, Pen::new(key, Incarnation(1)));
    ledger.reigns(Epoch(u64::MAX));
    let _ = ledger.write(WallTime(0), fact(1));
    ledger.sign();
    let message = entries(court.session, &ledger, 0);
    for whom in court.others.clone() {
        court.liar.say(whom, Delivery::Link, &message);
    }
    court.liar.live(attack.span);
    Ok(spent_by([&court.liar]))
}

/// Each entry under another key: a hundred new writers a second.
fn many_writers(attack: &Attack) -> anyhow::Result<Spent> {
    let Some(mut court) = come_in(attack, "scribe")? else { return Ok(Spent::default()) };
    let mut chance = Chance::new(runtime::random_bytes()?);
    let mut pace = Pace::new(attack, 400);
    while let Some(due) = pace.due() {
        for _ in 0..due.min(40) {
            let pen = Pen::new(SecretKey::draw(&mut chance), Incarnation(1));
            let mut ledger = Ledger::new(court.session, pen);
            let _ = ledger.write(WallTime(0), fact(number(&mut chance)));
            ledger.sign();
            let message = entries(court.session, &ledger, 0);
            let whom = court.others[court.turn as usize % court.others.len()];
            court.turn += 1;
            court.liar.say(whom, Delivery::Link, &message);
        }
        court.liar.live(STROKE);
    }
    Ok(spent_by([&court.liar]))
}
