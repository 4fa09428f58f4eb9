//! When two tables are the same for all that may come.
//!
//! Epochs are counted down from the highest one around. Of ticks the order counts, and distances up to
//! [`TICKS_APART`]: nothing in an election asks for more. Rounds of asks are counted down from the last one of
//! the same node. Times are taken as far as they are from now (`cluster::election::likeness`).

use std::{
    cell::{Cell, RefCell},
    hash::{Hash, Hasher},
    time::Duration,
};

use crate::table::{Flying, SEATS, Table, What, place};
use interregnum::{
    cluster::{
        election::likeness::{Eyes, look_at_ask},
        message::{Answer, Ends, MeetPacket, OkPacket, Packet, TickPacket},
    },
    types::{Epoch, Instant, NodeId, Tick},
};

/// Two ticks that are further apart than this count as this far apart, if none is between them.
const TICKS_APART: u64 = 3;

/// What there is to be seen at a table at all: from where its numbers are looked at.
pub struct Survey {
    epoch: u64,
    /// Each tick, and what it looks like.
    ticks: Vec<(u64, u64)>,
}

/// Who looks what there is.
struct Surveyor {
    epoch: Cell<u64>,
    ticks: RefCell<Vec<u64>>,
}

impl Eyes for Surveyor {
    fn time(&self, _: Instant, _: Duration) -> i64 {
        0
    }

    fn span(&self, _: Duration) -> u64 {
        0
    }

    fn under_way(&self, _: u64) -> u64 {
        0
    }

    fn epoch(&self, epoch: Epoch) -> u64 {
        self.epoch.set(self.epoch.get().max(epoch.0));
        0
    }

    fn tick(&self, tick: Tick) -> u64 {
        self.ticks.borrow_mut().push(tick.0);
        0
    }

    fn round(&self, _: NodeId, _: u32) -> u32 {
        0
    }
}

struct Seen<'a> {
    table: &'a Table,
    survey: &'a Survey,
    with_times: bool,
}

/// All that is looked at, in 64 bits: each word is mixed into those before it by a product of 128 bits,
/// folded. There are very many, and all of them short.
struct Mixer(u64);

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (product as u64 ^ (product >> 64) as u64).wrapping_add(FACTOR);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Nothing is noted.
struct Nothing;

impl Hasher for Nothing {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        0
    }
}

impl Eyes for Seen<'_> {
    fn time(&self, at: Instant, horizon: Duration) -> i64 {
        let now = self.table.now;
        let span = match at > now {
            true => at.since(now).as_micros() as i64,
            false => -(now.since(at).min(horizon).as_micros() as i64),
        };
        if self.with_times { span } else { 0 }
    }

    fn span(&self, span: Duration) -> u64 {
        if self.with_times { span.as_micros() as u64 } else { 0 }
    }

    fn under_way(&self, controls: u64) -> u64 {
        if self.with_times { controls } else { 0 }
    }

    fn epoch(&self, epoch: Epoch) -> u64 {
        self.survey.epoch.saturating_sub(epoch.0)
    }

    fn tick(&self, tick: Tick) -> u64 {
        let ticks = &self.survey.ticks;
        let at = ticks.binary_search_by_key(&tick.0, |(tick, _)| *tick);
        at.ok().and_then(|at| ticks.get(at)).map_or(u64::MAX, |(_, looks)| *looks)
    }

    fn round(&self, asker: NodeId, round: u32) -> u32 {
        let seat = place(asker).and_then(|place| self.table.seats[place].as_ref());
        seat.map_or(0, |seat| seat.election.round().wrapping_sub(round))
    }
}

impl Table {
    /// From where its numbers are looked at.
    pub fn survey(&self) -> Survey {
        let surveyor = Surveyor { epoch: Cell::new(0), ticks: RefCell::new(Vec::new()) };
        self.look(&surveyor, &mut Nothing);
        let mut ticks = surveyor.ticks.into_inner();
        ticks.sort_unstable();
        ticks.dedup();
        let (mut looks, mut before) = (0, 0);
        let looks = ticks.into_iter().map(|tick| {
            looks += TICKS_APART.min(tick - before);
            before = tick;
            (tick, looks)
        });
        Survey { epoch: surveyor.epoch.get(), ticks: looks.collect() }
    }

    /// The same for two tables if the same may come of both. Without times: if nothing but time passes
    /// between them.
    pub fn likeness(&self, survey: &Survey, with_times: bool) -> u64 {
        let mut mixer = Mixer(0);
        self.look(&Seen { table: self, survey, with_times }, &mut mixer);
        mixer.finish()
    }

    fn look(&self, eyes: &impl Eyes, to: &mut impl Hasher) {
        let Self {
            now: _,
            tuning: _,
            seats,
            lives,
            heard,
            linked,
            cut,
            was_cut,
            wire,
            late,
            liar,
            undisturbed,
            breach: _,
        } = self;
        (lives, linked, cut, was_cut, liar).hash(to);
        undisturbed.map(|term| eyes.term(term)).hash(to);
        for (place, seat) in seats.iter().enumerate() {
            let Some(seat) = seat else {
                place.hash(to);
                continue;
            };
            seat.election.look(eyes, to);
            seat.world.map(|world| eyes.mark(world)).hash(to);
            look_at_end(seat.ends, eyes, to);
            seat.steady.hash(to);
            for other in (0..SEATS).filter(|other| *other != place) {
                eyes.time(heard[place][other], self.tuning.heard).hash(to);
                self.look_at_controls(place, other, seat.heard_of[other], eyes, to);
            }
            let granted = seat.granted.as_ref();
            granted.map(|(to, at)| (*to, eyes.time(*at, self.tuning.ask_deadline))).hash(to);
        }
        for flying in wire {
            look_at(flying, eyes, to);
        }
        wire.len().hash(to);
        for flying in late {
            look_at(flying, eyes, to);
        }
    }

    /// How far a host is behind with what another has sent.
    fn look_at_controls(
        &self,
        host: usize,
        client: usize,
        heard: (u64, u64),
        eyes: &impl Eyes,
        to: &mut impl Hasher,
    ) {
        let (Some(host), Some(client)) = (&self.seats[host], &self.seats[client]) else { return };
        if host.election.reign().is_some() {
            let behind = |number: u64| eyes.under_way(client.sent.saturating_sub(number).min(64));
            (behind(heard.0), behind(heard.1)).hash(to);
        }
    }
}

fn look_at_end(ends: Ends, eyes: &impl Eyes, to: &mut impl Hasher) {
    std::mem::discriminant(&ends).hash(to);
    ends.term().map(|term| eyes.term(term)).hash(to);
}

fn look_at(flying: &Flying, eyes: &impl Eyes, to: &mut impl Hasher) {
    let Flying { from, to: receiver, what } = flying;
    (from, receiver).hash(to);
    std::mem::discriminant(what).hash(to);
    if let What::Packet(packet, via) = what {
        via.hash(to);
        std::mem::discriminant(&**packet).hash(to);
        look_at_packet((from.0, receiver.0), packet, eyes, to);
    }
}

fn look_at_packet(
    (from, receiver): (usize, usize),
    packet: &Packet,
    eyes: &impl Eyes,
    to: &mut impl Hasher,
) {
    let id = crate::table::id;
    match packet {
        Packet::Election(ask) => look_at_ask(id(from), ask, eyes, to),
        Packet::Ok(OkPacket { round, floor, answer }) => {
            (eyes.round(id(receiver), *round), eyes.epoch(*floor)).hash(to);
            std::mem::discriminant(answer).hash(to);
            match answer {
                Answer::Lives { .. } | Answer::TakingOver => {}
                Answer::Follow { world, worlds } => {
                    (world.map(|mark| eyes.mark(mark)), worlds.len()).hash(to);
                    worlds.iter().for_each(|copy| eyes.mark(copy.mark).hash(to));
                }
            }
        }
        Packet::Stale { promised, alive, .. } => (eyes.term(*promised), alive).hash(to),
        Packet::Rival { term, .. } => eyes.term(*term).hash(to),
        Packet::Meet(MeetPacket { term, members, tick }) => {
            (eyes.term(*term), members, eyes.tick(*tick)).hash(to);
        }
        Packet::Verdict { judge, judged, keeps, .. } => {
            (eyes.term(*judge), eyes.term(*judged), keeps).hash(to);
        }
        Packet::Ends { old, new, .. } => (eyes.term(*old), eyes.term(*new)).hash(to),
        Packet::Abdicate { term, successor, world } => {
            (eyes.term(*term), successor).hash(to);
            world.as_ref().map(|copy| eyes.mark(copy.mark)).hash(to);
        }
        Packet::Tick(TickPacket { term, ends, began, tick, heard, .. }) => {
            (eyes.term(*term), eyes.tick(*began), eyes.tick(*tick), heard).hash(to);
            look_at_end(*ends, eyes, to);
        }
        _ => {} // no packets of an election
    }
}
