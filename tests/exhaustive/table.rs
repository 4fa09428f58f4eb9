//! Three election machines at one table, and nothing around them but what decides how they go on: who hears
//! whom, which links are up, what is under way, and which world each holds.

use std::{collections::VecDeque, time::Duration};

use crate::rules;
use interregnum::{
    cluster::{
        election::{Admission, Context, Election, Newest, Out, Voter, descends},
        message::{Answer, Ends, Packet, Payload, Proof, TickPacket, WorldCopy, WorldMark},
        relay::Via,
    },
    config::Tuning,
    game::Rate,
    sim::network::Place,
    types::{Clock, Incarnation, Instant, NodeId, Role, Term, Tick},
};

/// How many sit there.
pub const SEATS: usize = 3;

/// The step in which time passes. In each of them every host makes a tick, and every client sends controls.
pub const BEAT: Duration = Duration::from_millis(20);

/// A machine that wants to be woken so often without time passing will want it for ever.
const SPIN_MAX: usize = 50;

/// More packets than this are under way only if they call forth each other.
pub const UNDER_WAY_MAX: usize = 100;

/// What does not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// One is cut off from both others.
    Around(Place),
    /// Two do not reach each other; the third reaches both.
    Between(Place, Place),
    /// Nothing reaches this one, though it is heard.
    Into(Place),
    /// Nothing of this one reaches anybody, though it hears.
    OutOf(Place),
}

impl Cut {
    /// All of them.
    pub const ALL: [Cut; 12] = [
        Cut::Around(0),
        Cut::Around(1),
        Cut::Around(2),
        Cut::Between(0, 1),
        Cut::Between(0, 2),
        Cut::Between(1, 2),
        Cut::Into(0),
        Cut::Into(1),
        Cut::Into(2),
        Cut::OutOf(0),
        Cut::OutOf(1),
        Cut::OutOf(2),
    ];

    fn stops(self, from: Place, to: Place) -> bool {
        match self {
            Cut::Around(one) => from == one || to == one,
            Cut::Between(one, other) => (from, to) == (one, other) || (from, to) == (other, one),
            Cut::Into(one) => to == one,
            Cut::OutOf(one) => from == one,
        }
    }
}

/// One machine, and what the rest of its node would be.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The machine itself.
    pub election: Election,
    /// The world that is held: which one, not what is in it.
    pub world: Option<WorldMark>,
    /// What the own reign has ended.
    pub ends: Ends,
    /// Whom the roster has nothing against.
    pub steady: [bool; SEATS],
    /// The number of the last controls sent.
    pub sent: u64,
    /// As a host: the last controls heard from each one itself, and by whatever way.
    pub heard_of: [(u64, u64); SEATS],
    /// To whom the last grant went, and when.
    pub granted: Option<(NodeId, Instant)>,
}

/// Something that will happen, one after the other.
#[derive(Clone, Debug)]
pub struct Flying {
    /// Whose doing it is, in which life.
    pub from: (Place, u64),
    /// Whom it happens to, in which life.
    pub to: (Place, u64),
    /// What it is.
    pub what: What,
}

/// What may happen to a machine.
#[derive(Clone, Debug)]
pub enum What {
    /// A packet arrives, by way of a third one or not.
    Packet(Box<Packet>, Option<Place>),
    /// The end of a link.
    Closed,
    /// It is woken.
    Timer,
}

/// Three machines, and what is between them.
#[derive(Clone, Debug)]
pub struct Table {
    /// The time.
    pub now: Instant,
    /// The durations of all of them.
    pub tuning: Tuning,
    /// The machines that run.
    pub seats: [Option<Seat>; SEATS],
    /// How often each has been started.
    pub lives: [u64; SEATS],
    /// When each last heard each other.
    pub heard: [[Instant; SEATS]; SEATS],
    /// Whose links each believes to be up.
    pub linked: [[bool; SEATS]; SEATS],
    /// What does not get through.
    pub cut: Option<Cut>,
    /// What happens next, in this order, before time passes.
    pub wire: VecDeque<Flying>,
    /// What happens in the next beat.
    pub late: Vec<Flying>,
    /// Who lies.
    pub liar: Option<Place>,
    /// Whether it ever was.
    pub was_cut: bool,
    /// The reign against which nothing was brought but lies, and a cut between two of three.
    pub undisturbed: Option<Term>,
    /// What was broken, if anything.
    pub breach: Option<String>,
}

struct Held(Option<WorldMark>);

impl Newest for Held {
    fn mark(&self) -> Option<WorldMark> {
        self.0
    }

    fn encode(&self) -> Option<Payload> {
        self.0.map(|_| Payload::from(Vec::new()))
    }

    fn copies(&self, held: Option<WorldMark>) -> Vec<WorldCopy> {
        let mark = self.0.filter(|mark| !descends(held, *mark));
        let copy =
            |mark| WorldCopy { mark, sync_gamestate: Payload::from(Vec::new()), origin: None };
        mark.map(copy).into_iter().collect()
    }
}

/// The id of whoever sits there: the higher the place, the higher the rank.
pub fn id(place: Place) -> NodeId {
    NodeId::from_u128((place as u128 + 1) << 120)
}

/// Who has this id.
pub fn place(id: NodeId) -> Option<Place> {
    (0..SEATS).find(|place| self::id(*place) == id)
}

impl Table {
    /// Three who have just met, and look for a host.
    pub fn new(tuning: Tuning) -> Self {
        let now = Instant(1_000_000);
        let mut table = Self {
            now,
            tuning,
            seats: [const { None }; SEATS],
            lives: [0; SEATS],
            heard: [[now; SEATS]; SEATS],
            linked: [[true; SEATS]; SEATS],
            cut: None,
            was_cut: false,
            wire: VecDeque::new(),
            late: Vec::new(),
            liar: None,
            undisturbed: None,
            breach: None,
        };
        (0..SEATS).for_each(|place| table.start(place));
        table
    }

    /// Whoever runs.
    pub fn living(&self) -> impl Iterator<Item = (Place, &Seat)> {
        self.seats.iter().enumerate().filter_map(|(place, seat)| Some((place, seat.as_ref()?)))
    }

    /// Whether what one says gets to another, who runs.
    pub fn passes(&self, from: Place, to: Place) -> bool {
        self.seats[to].is_some() && !self.cut.is_some_and(|cut| cut.stops(from, to))
    }

    /// Whether each reaches the other.
    pub fn reach(&self, one: Place, other: Place) -> bool {
        self.passes(one, other) && self.passes(other, one)
    }

    /// A new life begins. Nothing is left of the one before.
    pub fn start(&mut self, place: Place) {
        self.lives[place] += 1;
        let life = Incarnation(self.lives[place] * SEATS as u64 + place as u64);
        let mut election = Election::new(Rate::USUAL, self.tuning.clone(), id(place), life);
        election.seek(self.now, self.tuning.discovery);
        self.seats[place] = Some(Seat {
            election,
            world: None,
            ends: Ends::Nothing,
            steady: [true; SEATS],
            sent: 0,
            heard_of: [(0, 0); SEATS],
            granted: None,
        });
        if self.lives[place] > 1 {
            self.hang_up(place); // whoever believes in a link with its last life
            self.linked[place] = [false; SEATS];
        }
    }

    /// A machine stops. Its links are closed, or nobody is told.
    pub fn stop(&mut self, place: Place, told: bool) {
        self.seats[place] = None;
        if told {
            self.hang_up(place);
        }
    }

    /// A machine leaves politely.
    pub fn leave(&mut self, place: Place) {
        self.elect(place, |election, now, cx| election.abdicate(now, cx));
        self.stop(place, true);
    }

    /// The others see the ends of their links with this one.
    fn hang_up(&mut self, place: Place) {
        for other in (0..SEATS).filter(|other| *other != place) {
            if std::mem::take(&mut self.linked[other][place]) {
                let (from, to) = ((place, self.lives[place]), (other, self.lives[other]));
                self.wire.push_back(Flying { from, to, what: What::Closed });
            }
        }
    }

    /// The next thing happens; if there is none, time passes.
    pub fn go_on(&mut self) {
        match self.wire.pop_front() {
            Some(next) => self.happen(next),
            None => self.beat(),
        }
        if self.wire.len() > UNDER_WAY_MAX {
            self.broken("packets call forth each other without end".into());
        }
    }

    /// A rule is broken.
    pub fn broken(&mut self, what: String) {
        self.breach.get_or_insert(what);
    }

    fn happen(&mut self, next: Flying) {
        let Flying { from: (from, _), to: (to, life), what } = next;
        if self.lives[to] != life || self.seats[to].is_none() {
            return;
        }
        match what {
            What::Timer => self.wake(to),
            What::Closed => {
                if let Some(seat) = &mut self.seats[to] {
                    seat.granted.take_if(|(other, _)| *other == id(from));
                }
                self.elect(to, |election, now, cx| election.link_closed(now, cx, id(from)));
            }
            What::Packet(..) if next.from.1 != self.lives[from] => {}
            What::Packet(packet, via) => {
                let through = |by| self.passes(from, by) && self.passes(by, to);
                if !via.map_or(self.passes(from, to), through) {
                    return;
                }
                match *packet {
                    Packet::Tick(tick) => self.tick(to, &tick, None),
                    mut packet => {
                        self.weigh(to, &mut packet);
                        self.elect(to, |election, now, cx| {
                            election.packet(now, cx, id(from), packet, via.map(id));
                        });
                    }
                }
            }
        }
    }

    /// Of the worlds in an answer those count that are brought along, or that need not be.
    fn weigh(&self, to: Place, packet: &mut Packet) {
        if let Packet::Ok(ok) = packet
            && let Answer::Follow { world, worlds } = &mut ok.answer
            && let Some(seat) = &self.seats[to]
        {
            worlds.retain(|copy| !descends(seat.world, copy.mark));
            let brought = worlds.first().map(|copy| copy.mark);
            *world = brought.or(world.filter(|mark| descends(seat.world, *mark)));
        }
    }

    fn wake(&mut self, place: Place) {
        for _ in 0..SPIN_MAX {
            if !self.is_due(place) {
                return;
            }
            self.elect(place, |election, now, cx| election.timeout(now, cx));
        }
        self.broken(format!("{place} wants to be woken without end"));
    }

    fn is_due(&self, place: Place) -> bool {
        let seat = self.seats[place].as_ref();
        let at = seat.and_then(|seat| seat.election.next_timeout());
        at.is_some_and(|at| at <= self.now)
    }

    /// Time passes: links come and go, hosts make ticks, clients send controls, and whoever has waited for
    /// this moment is woken.
    fn beat(&mut self) {
        self.now += BEAT;
        for from in 0..SEATS {
            for to in (0..SEATS).filter(|to| *to != from) {
                self.hear(from, to);
            }
        }
        for host in 0..SEATS {
            self.make_tick(host);
        }
        for client in 0..SEATS {
            self.send_controls(client);
        }
        for place in 0..SEATS {
            if !self.is_due(place) {
                continue;
            }
            let me = (place, self.lives[place]);
            self.wire.push_back(Flying { from: me, to: me, what: What::Timer });
        }
        self.wire.extend(std::mem::take(&mut self.late));
    }

    fn hear(&mut self, from: Place, to: Place) {
        if self.seats[from].is_some() && self.passes(from, to) {
            self.heard[to][from] = self.now;
            if self.passes(to, from) {
                self.linked[to][from] = true;
            }
        } else if self.now.since(self.heard[to][from]) > self.tuning.link_silence {
            self.linked[to][from] = false;
        }
    }

    fn make_tick(&mut self, host: Place) {
        let Some(seat) = &mut self.seats[host] else { return };
        let (Some(term), Some(world)) = (seat.election.reign(), &mut seat.world) else { return };
        world.clock.tick.0 += 1;
        let (mark, ends, steady, heard_of) = (*world, seat.ends, seat.steady, seat.heard_of);
        for to in (0..SEATS).filter(|to| *to != host) {
            let (itself, by_any_way) = heard_of[to];
            if self.passes(host, to) {
                self.tick(to, &tick_of(term, ends, mark, itself), None);
            }
            if let Some(by) = self.relay_of(to).or_else(|| self.door_of(to, host, term))
                && by != host
                && by != to
                && self.passes(host, by)
                && self.reach(by, to)
                && self.follows(by, term)
            {
                let via = Via { by: id(by), far: 1 };
                self.tick(to, &tick_of(term, ends, mark, by_any_way), Some(via));
                self.heard[to][host] = self.now;
            }
            if self.follows(to, term)
                && let Some(seat) = &mut self.seats[to]
            {
                seat.steady = steady;
            }
        }
    }

    fn relay_of(&self, place: Place) -> Option<Place> {
        self::place(self.seats[place].as_ref()?.election.relay(self.now)?)
    }

    /// By way of whom a newcomer knocks at a host that it does not reach.
    fn door_of(&self, place: Place, host: Place, term: Term) -> Option<Place> {
        let newcomer = self.seats[place].as_ref()?.election.current().is_none();
        let apart = newcomer && !self.reach(host, place);
        (0..SEATS).find(|by| apart && self.linked[place][*by] && self.follows(*by, term))
    }

    fn follows(&self, place: Place, term: Term) -> bool {
        self.seats[place].as_ref().is_some_and(|seat| seat.election.following() == Some(term))
    }

    fn tick(&mut self, to: Place, tick: &TickPacket, via: Option<Via>) {
        let Some(seat) = &self.seats[to] else { return };
        let promised = seat.election.promised();
        let admission = self.elect(to, |election, now, cx| election.tick(now, cx, tick, via));
        let Some(seat) = &mut self.seats[to] else { return };
        if admission != Some(Admission::Apply) {
            return;
        }
        let clock = Clock { term: tick.term, tick: tick.tick };
        if seat.world.is_none_or(|held| held.clock.term != clock.term || held.clock < clock) {
            seat.world = Some(WorldMark { clock, began: tick.began });
        }
        if promised.is_some_and(|promised| tick.term < promised) {
            self.broken(format!("S3: {to} takes {clock:?}, and has promised {promised:?}"));
        }
    }

    fn send_controls(&mut self, client: Place) {
        let Some(seat) = &mut self.seats[client] else { return };
        let Some(term) = seat.election.served() else { return };
        seat.sent += 1;
        let number = seat.sent;
        seat.election.sent(number);
        let Some(host) = place(term.host).filter(|host| *host != client) else { return };
        let relay = self.relay_of(client).filter(|by| *by != host && *by != client);
        let itself = self.passes(client, host);
        let passed_on = relay.is_some_and(|by| self.passes(client, by) && self.passes(by, host));
        if !itself && !passed_on {
            return;
        }
        self.heard[host][client] = self.now;
        let taken = self
            .elect(host, |election, now, _| election.controls(now, id(client), term, Role::Player));
        if taken == Some(true)
            && let Some(seat) = &mut self.seats[host]
        {
            let (before, _) = seat.heard_of[client];
            seat.heard_of[client] = (if itself { number } else { before }, number);
        }
    }

    /// Lets a machine act, and what it decides take effect at once.
    fn elect<T>(
        &mut self,
        place: Place,
        act: impl FnOnce(&mut Election, Instant, &Context<'_>) -> T,
    ) -> Option<T> {
        let mut seat = self.seats[place].take()?;
        let (now, heard) = (self.now, self.tuning.heard);
        let steady = seat.steady;
        let voter = |other: Place| {
            let (last, linked) = (self.heard[place][other], self.linked[place][other]);
            let estranged = !linked && now.since(last) <= heard;
            Voter { id: id(other), heard: last, linked, estranged, steady: steady[other] }
        };
        let voters = || (0..SEATS).filter(|other| *other != place).map(voter).collect();
        let newcomer = seat.election.promised().is_none();
        let held_back = newcomer
            && self.living().any(|(other, seat)| {
                seat.election.reign().is_some()
                    && !self.cut.is_some_and(|cut| cut.stops(other, place))
            });
        let before = (seat.election.promised(), seat.election.reign());
        let newest = Held(seat.world);
        let cx = Context { voters: &voters, steady: steady[place], newest: &newest, held_back };
        let acted = act(&mut seat.election, now, &cx);
        self.seats[place] = Some(seat);
        rules::look(self, place, before);
        while let Some(out) = self.seats[place].as_mut().and_then(|seat| seat.election.poll()) {
            self.obey(place, out);
        }
        Some(acted)
    }

    fn obey(&mut self, place: Place, out: Out) {
        rules::weigh(self, place, &out);
        match out {
            Out::Send { to, packet } | Out::SendTwice { to, packet } => {
                self.send(place, to, packet, None);
            }
            Out::SendThrough { relay, to, packet } => {
                self.send(place, to, packet, self::place(relay));
            }
            Out::Lost { .. } | Out::Asking { .. } => {}
            Out::Reign { term, ends, silent, world } => {
                let Some(seat) = &mut self.seats[place] else { return };
                seat.world = world.map(|copy| copy.mark).or(seat.world);
                seat.ends = ends.map_or(Ends::Nothing, Ends::CarriesOn);
                if let Some(host) = ends.filter(|_| silent).and_then(|ends| self::place(ends.host))
                {
                    seat.steady[host] = false;
                }
                seat.reign_on(term);
            }
            Out::Announce { term, ends } => {
                let Some(seat) = &mut self.seats[place] else { return };
                let own = ends.host == id(place);
                seat.ends = if own { Ends::CarriesOn(ends) } else { Ends::Beats(ends) };
                seat.reign_on(term);
            }
            Out::Follow { term, yielded } => self.follow(place, term, yielded),
        }
    }

    fn follow(&mut self, place: Place, term: Term, yielded: Option<Term>) {
        let others = (0..SEATS).filter(|other| *other != place);
        for other in others.filter(|other| id(*other) != term.host) {
            if let Some(old) = yielded {
                self.send(place, id(other), Packet::Ends { old, new: term, word: None }, None);
            }
            let host = self::place(term.host);
            let apart = host.is_none_or(|host| !self.linked[place][host]);
            if apart && self.linked[place][other] && self.follows(other, term) {
                let now = self.now;
                self.elect(place, |election, _, _| election.go_through(now, id(other)));
            }
        }
    }

    fn send(&mut self, from: Place, to: NodeId, packet: Packet, via: Option<Place>) {
        let by = via.unwrap_or(from);
        let gets_through =
            |to: &Place| self.passes(by, *to) && (by == from || self.passes(from, by));
        if let Some(to) = place(to).filter(|to| *to != from).filter(gets_through) {
            let (from, to) = ((from, self.lives[from]), (to, self.lives[to]));
            self.wire.push_back(Flying { from, to, what: What::Packet(Box::new(packet), via) });
        }
    }

    /// Says what the machine of `from` would not say. It arrives next.
    pub fn utter(&mut self, from: Place, to: Place, packet: Packet) {
        let (from, to) = ((from, self.lives[from]), (to, self.lives[to]));
        self.wire.push_front(Flying { from, to, what: What::Packet(Box::new(packet), None) });
    }
}

impl Seat {
    /// The world that is held is that of the own reign from here on.
    fn reign_on(&mut self, term: Term) {
        let began = self.world.map_or(Tick(0), |world| world.clock.tick);
        self.world = Some(WorldMark { clock: Clock { term, tick: began }, began });
        self.heard_of = [(0, 0); SEATS];
    }
}

/// What a host says in each beat.
pub fn tick_of(term: Term, ends: Ends, world: WorldMark, heard: u64) -> TickPacket {
    let WorldMark { clock, began } = world;
    TickPacket {
        term,
        ends,
        began,
        tick: clock.tick,
        heard,
        carried: None,
        state: None,
        proof: Proof::default(),
        word: None,
        passed: None,
    }
}
