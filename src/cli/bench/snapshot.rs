//! `bench snapshot`: how many bytes a tick of the arena takes on the wire, seal, head and all, as a host sends it to
//! those who play; beside what others would send for the same worlds, and beside what the keys alone are.
//!
//! Everybody is a whole node, in one process and in virtual time: so each run is the same. First they run about, each in
//! a direction of its own that it changes every 0.4 seconds; then bots play, who gather and dash, so that much happens
//! and is written down. Either way once nothing gets lost, and once some of the datagrams of the host and some of its
//! players'.

use std::{
    collections::{BTreeMap, VecDeque},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use bytes::{Buf as _, Bytes};
use interregnum::{
    arena::{Arena, World, bot},
    bits::BitReader,
    cluster::{
        coding,
        message::{Message, Packet, Payload, TickPacket},
    },
    details::Rate,
    game::draw,
    replica::State,
    sim::court::{self, BEGINNING, Cargo, Court, Parcel},
    types::{Instant, Role, Tick},
};
use serde::Serialize;

use super::others::{self, Keys};
use crate::cli::{options::SnapshotOptions, output::Stdout};

/// After how many moments somebody alone has founded a session, and within how many the others have come in.
const FOUNDS: usize = 3_000;
const GATHERED_WITHIN: usize = 20_000;

/// For so many ticks nothing is counted after anything has changed.
const SETTLES_TICKS: u64 = 120;

/// So many worlds are remembered that somebody may refer to.
const REMEMBERED: usize = 128;

/// So many times as large as the datagram the others have to be where all run about: JSON, postcard, changed fields. What
/// they say has neither head nor seal, nor what happened, nor what was written down.
const AT_LEAST: [f64; 3] = [60.0, 12.0, 2.5];

/// And no more than so many times as large where packets get lost.
const WITH_LOSS_AT_MOST: f64 = 2.0;

/// Who presses the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Hands {
    /// They run about.
    Runners,
    /// Bots.
    Bots,
}

/// What it takes, in bytes, in the mean.
#[derive(Clone, Debug, Default, Serialize)]
struct Mean {
    /// A datagram with a snapshot, whole.
    datagram: f64,
    /// What is in it: how the world differs from what was to be expected, what happened, what was written into the ledger,
    /// and proofs; the rest is heads and the seal.
    world: f64,
    happened: f64,
    carried: f64,
    proofs: f64,
    /// All datagrams of ticks to one player in one tick, second copies included.
    per_tick: f64,
    /// The same worlds otherwise.
    json: f64,
    postcard: f64,
    fields: f64,
    /// The entropy of the keys.
    keys: f64,
}

#[derive(Debug, Serialize)]
struct Measured {
    hands: Hands,
    loss_percent: u8,
    datagrams: u64,
    key_changes_per_second: f64,
    bytes: Mean,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    players: u16,
    ticks: u64,
    measured: Vec<Measured>,
    complaints: Vec<String>,
}

/// Runs it.
pub fn run(options: &SnapshotOptions) -> anyhow::Result<ExitCode> {
    let out = Stdout::new(options.json)?;
    let mut table = Table::gather(options)?;
    let mut measured = Vec::new();
    for hands in [Hands::Runners, Hands::Bots] {
        for loss in [0, options.loss] {
            let one = table.measure(hands, loss, options.ticks)?;
            if !options.json {
                out.put(&one.words());
            }
            measured.push(one);
        }
    }
    let mut complaints = Vec::new();
    if let [calm, lossy, ..] = &measured[..] {
        complaints.extend(calm.too_large());
        let ratio = lossy.bytes.datagram / calm.bytes.datagram;
        if ratio > WITH_LOSS_AT_MOST {
            complaints.push(format!("{ratio:.2} times as large where packets get lost"));
        }
    }
    let (ok, players, ticks) = (complaints.is_empty(), options.players, options.ticks);
    if options.json {
        let report = Report { ok, players, ticks, measured, complaints };
        out.put(&serde_json::to_string(&report)?);
    } else {
        complaints.iter().for_each(|complaint| out.put(&format!("FAILED: {complaint}")));
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Measured {
    fn rows(&self) -> [(&'static str, f64); 3] {
        let Mean { json, postcard, fields, .. } = self.bytes;
        [("serde_json", json), ("postcard", postcard), ("the fields that changed, in bits", fields)]
    }

    fn too_large(&self) -> impl Iterator<Item = String> {
        let datagram = self.bytes.datagram;
        let rows = self.rows().into_iter().zip(AT_LEAST);
        rows.filter_map(move |((what, bytes), least)| {
            let ratio = bytes / datagram;
            (ratio < least).then(|| format!("{what}: {ratio:.1} times as much, and not {least}"))
        })
    }

    fn words(&self) -> String {
        let Mean { datagram, world, happened, carried, proofs, per_tick, keys, .. } = self.bytes;
        let who = match self.hands {
            Hands::Runners => "all run about",
            Hands::Bots => "bots play",
        };
        let mut lines = vec![
            format!(
                "{who}, {} % lost: {datagram:.1} bytes a datagram: {world:.1} the world, {happened:.1} what happened, \
                 {carried:.1} what was written down, {proofs:.1} proofs, {:.1} heads and seal; {per_tick:.1} for each \
                 player and tick, second copies included; {} datagrams",
                self.loss_percent,
                datagram - world - happened - carried - proofs,
                self.datagrams
            ),
            format!(
                "  the keys alone: {keys:.1} bytes ({:.1} changes a second of each player)",
                self.key_changes_per_second
            ),
        ];
        let rows = self.rows().into_iter();
        lines.extend(rows.map(|(what, bytes)| {
            format!(
                "  {what}: {bytes:.0} bytes, {:.1} times as much; {:.0} times the world in it",
                bytes / datagram,
                bytes / world.max(1.0)
            )
        }));
        lines.join("\n")
    }
}

/// Sums, until they are divided.
struct Counter {
    hands: Hands,
    loss: u8,
    seed: u64,
    drawn: u64,
    counts: bool,
    worlds: VecDeque<(Tick, Arc<State<World>>)>,
    keys: Keys,
    datagrams: u64,
    lost: u64,
    ticks: u64,
    sum: Mean,
    /// What the others need for the newest world: whole, and by how old the one is that it refers to.
    whole: (f64, f64),
    fields: BTreeMap<u64, f64>,
}

/// A host and all who play with it.
struct Table {
    now: Instant,
    host: Court<Arena>,
    others: Court<Arena>,
    seed: u64,
}

impl Table {
    fn gather(options: &SnapshotOptions) -> anyhow::Result<Self> {
        let seed = options.seed;
        let (mut host, mut others) = (Court::<Arena>::new(seed), Court::new(seed + 1));
        let mut now = BEGINNING;
        let keeps_all = |_: &Parcel, _: &Court<Arena>| false;
        host.add(now, court::address(10, 0), Role::Player, Vec::new());
        host.stay_legible(0);
        for _ in 0..FOUNDS {
            court::pass(&mut now, &mut host, &mut others, keeps_all);
        }
        let at = (court::address(10, 0), court::UDP_PORT).into();
        for number in 1..usize::from(options.players) {
            others.add(now, court::address(10, number), Role::Player, vec![at]);
        }
        let mut moments = 0;
        while !(others.all_follow() && host.node(0).cluster().members().len() == others.len() + 1) {
            court::pass(&mut now, &mut host, &mut others, keeps_all);
            moments += 1;
            ensure!(moments < GATHERED_WITHIN, "they did not find each other");
        }
        Ok(Self { now, host, others, seed })
    }

    fn measure(&mut self, hands: Hands, loss: u8, ticks: u64) -> anyhow::Result<Measured> {
        let Self { now, host, others, seed } = self;
        let mut counter = Counter::new(hands, loss, *seed);
        let mut tick = newest(host).context("there is no world")?.0;
        let settled = tick.0 + SETTLES_TICKS;
        while tick.0 < settled + ticks {
            let before = tick;
            counter.counts = tick.0 >= settled;
            court::pass(now, host, others, |parcel, host| counter.see(parcel, host));
            tick = newest(host).context("there is no world")?.0;
            if tick > before {
                press(*now, host, hands, *seed);
                press(*now, others, hands, *seed);
            }
        }
        ensure!(host.wrong + others.wrong == 0, "worlds were wrong");
        Ok(counter.measured())
    }
}

fn press(now: Instant, court: &mut Court<Arena>, hands: Hands, seed: u64) {
    court.press(now, |world, me| {
        let own = draw(seed, me.as_u128() as u64);
        match hands {
            Hands::Runners => bot::run_about(world.tick, own),
            Hands::Bots => bot::play(world, me, own),
        }
    });
}

fn newest(host: &Court<Arena>) -> Option<(Tick, Arc<State<World>>)> {
    let replica = host.node(0).replica();
    Some((replica.clock()?.tick, replica.state()?.clone()))
}

impl Counter {
    fn new(hands: Hands, loss: u8, seed: u64) -> Self {
        Self {
            hands,
            loss,
            seed,
            drawn: 0,
            counts: false,
            worlds: VecDeque::new(),
            keys: Keys::default(),
            datagrams: 0,
            lost: 0,
            ticks: 0,
            sum: Mean::default(),
            whole: (0.0, 0.0),
            fields: BTreeMap::new(),
        }
    }

    /// Something goes from the host to a player, or from a player to the host. Whether it gets lost.
    fn see(&mut self, parcel: &Parcel, host: &Court<Arena>) -> bool {
        let Cargo::Datagram(bytes) = &parcel.cargo else { return false };
        self.note_world(host);
        if self.counts {
            self.count(bytes, host);
        }
        self.drawn += 1;
        let lost = draw(self.seed, self.drawn) % 100 < self.loss.into();
        self.lost += u64::from(lost);
        lost
    }

    fn note_world(&mut self, host: &Court<Arena>) {
        let Some((tick, state)) = newest(host) else { return };
        if self.worlds.back().is_some_and(|(last, _)| *last == tick) {
            return;
        }
        self.fields.clear();
        if self.counts {
            self.ticks += 1;
            self.keys.note(&state.world);
            let (json, postcard) = (others::json(&state.world), others::postcard(&state.world));
            self.whole = (json as f64, postcard as f64);
        }
        if self.worlds.len() == REMEMBERED {
            self.worlds.pop_front();
        }
        self.worlds.push_back((tick, state));
    }

    /// If this is a tick with its world, it counts.
    fn count(&mut self, bytes: &Bytes, host: &Court<Arena>) {
        let Some(tick) = read_tick(bytes, host) else { return };
        let Some(Payload::Binary(state)) = &tick.state else { return };
        self.datagrams += 1;
        let proofs = tick.proof.tags.as_flattened().len()
            + tick.proof.signature.map_or(0, |signature| signature.0.len());
        let sum = &mut self.sum;
        sum.datagram += bytes.len() as f64;
        let Some(Parts { ago, head, happened }) = parts(state) else { return };
        sum.world += (state.len() - head - happened) as f64;
        sum.happened += happened as f64;
        sum.carried += tick.carried.map_or(0, |carried| carried.len()) as f64;
        sum.proofs += proofs as f64;
        sum.json += self.whole.0;
        sum.postcard += self.whole.1;
        let worlds = &self.worlds;
        sum.fields += match ago {
            None => self.whole.1,
            Some(ago) => *self.fields.entry(ago).or_insert_with(|| {
                let new = worlds.back().map(|(_, state)| &state.world);
                let old = worlds.iter().rev().find(|(at, _)| at.0 + ago == tick.tick.0);
                let both = new.zip(old);
                both.map_or(self.whole.1, |(new, (_, old))| others::fields(&old.world, new) as f64)
            }),
        };
    }

    fn measured(self) -> Measured {
        let all = self.datagrams.max(1) as f64;
        let sum = &self.sum;
        let (keys, ticks) = (&self.keys, self.ticks.max(1) as f64);
        let players = self.worlds.back().map_or(1, |(_, state)| state.world.players.len());
        let bytes = Mean {
            datagram: sum.datagram / all,
            world: sum.world / all,
            happened: sum.happened / all,
            carried: sum.carried / all,
            proofs: sum.proofs / all,
            per_tick: sum.datagram / ticks / (players as f64 - 1.0).max(1.0),
            json: sum.json / all,
            postcard: sum.postcard / all,
            fields: sum.fields / all,
            keys: keys.bytes_per_tick(),
        };
        let rate = Rate::of::<Arena>().tick().as_secs_f64().recip();
        Measured {
            hands: self.hands,
            loss_percent: self.loss,
            datagrams: self.datagrams,
            key_changes_per_second: keys.changes_per_second(rate),
            bytes,
        }
    }
}

/// What the host has just sealed, if it is a tick.
fn read_tick(bytes: &Bytes, host: &Court<Arena>) -> Option<TickPacket> {
    let cluster = host.node(0).cluster();
    let mut body = Bytes::copy_from_slice(cluster.read(bytes)?);
    let kind = body.get_u8();
    let life = (cluster.me().id, cluster.me().incarnation);
    match coding::decode(kind, body, life, life).ok()? {
        Message::Packet(Packet::Tick(tick)) => Some(tick),
        _ => None,
    }
}

/// What a snapshot is made of, as `replica::snapshot` says it.
struct Parts {
    /// How many ticks before it the world was that it refers to; none: it refers to none.
    ago: Option<u64>,
    /// How many bytes its head has, the hash of the world and the numbers of controls included.
    head: usize,
    /// How many bytes say what happened.
    happened: usize,
}

fn parts(snapshot: &[u8]) -> Option<Parts> {
    let mut head = BitReader::new(snapshot);
    let ago = match head.bits(2).ok()? {
        0 => None,
        1 => Some(head.number().ok()?),
        _ => return None, // of another reign: there is none here
    };
    head.bits(32).ok()?;
    if ago.is_some() && head.bit().ok()? && !head.bit().ok()? {
        for _ in 0..head.number().ok()? {
            head.number().ok()?;
            head.signed().ok()?;
        }
    }
    let happened = head.number().ok()? as usize;
    head.number().ok()?;
    Some(Parts { ago, head: snapshot.len() - head.rest().ok()?.len(), happened })
}
