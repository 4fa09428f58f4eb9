//! The invariants, checked as the run goes on, and a count of what was met.
//!
//! | | holds after every event |
//! |---|---|
//! | S1 | in one term there reigns one machine, in one life, and nothing is applied of any other |
//! | S2 | `promised` never falls within an incarnation |
//! | S3 | no packet of a term below `promised` is applied |
//! | S4 | within a term applied ticks rise; a step back comes only with a new term |
//! | S5 | a new host starts at or after the newest world among those that answered |
//! | S6 | same clock, same hash of the world |
//! | S7 | each control is applied at most once |
//! | S8 | who holds a world holds every fact up to it, or is asking for it |
//! | S9 | a reign begins with a world that a host has made |
//! | S10 | nobody says of a host that plays by the rules that it cheats |
//!
//! | | holds at quiescence |
//! |---|---|
//! | L1 | within a second of the last fault (newcomers: 1.5 s) there is exactly one host, known to all |
//! | L2 | on a quiet network nobody takes the crown from a healthy host |
//! | L3 | a single loss is made good within the suspicion time and 100 ms (`world/watch.rs` has the rest) |
//! | L4 | at most four reigns per fault, and four for what the last round left behind |
//!
//! Who only watches has no vote, and breaks no promise by watching another game: S2 and S3 are not asked of it.
//!
//! What must not be forgotten (S8, D1 to D6) is judged with the help of the [`archive`](super::archive).
//!
//! What no single moment can show (whether a crown had to pass at all) is counted in [`Met`], and
//! the campaign compares it with its limits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    game::Game,
    node::{ChatNews, Event},
    sim::{archive::Archive, met::Met, network::Place},
    types::{Clock, Instant, Term, Tick},
};

/// How many clocks the judge remembers the hash of.
const HASHES_MAX: usize = 4_096;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was noticed, in virtual time.
    pub at: Instant,
    /// At which machine.
    pub place: Place,
    /// Which, and how.
    pub what: String,
}

/// The judge of one run.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// What was met so far.
    pub met: Met,
    /// What was broken.
    pub violations: Vec<Violation>,
    /// Who has reigned: which machine, in which of its lives.
    reigns: BTreeMap<Term, (Place, u32)>,
    /// The state that each reign began with.
    parents: BTreeMap<Term, Option<Clock>>,
    /// How far the world was made in each reign.
    made: BTreeMap<Term, Tick>,
    hashes: BTreeMap<Clock, u32>,
    hash_order: VecDeque<Clock>,
    nodes: BTreeMap<Place, Watched>,
    /// Who only watches.
    pub watching: BTreeSet<Place>,
    /// What must not be forgotten.
    pub archive: Archive,
    /// The news of what people say that each node has told its user in this life.
    pub chat: BTreeMap<Place, Vec<(Instant, ChatNews)>>,
}

/// What the judge remembers of one life of a node.
#[derive(Clone, Debug, Default)]
struct Watched {
    life: u32,
    promised: Option<Term>,
    reign: Option<Term>,
    applied: Option<Clock>,
    /// How many events of the game it has told, and how many it said to have missed.
    events: (u64, u64),
}

impl Judge {
    /// A node starts a new life.
    pub fn born(&mut self, place: Place) {
        self.archive.born(place);
        self.chat.remove(&place);
        let watched = self.nodes.entry(place).or_default();
        *watched = Watched { life: watched.life + 1, ..Watched::default() };
    }

    /// A node has handled something: what it promises, and where it reigns.
    pub fn look(&mut self, at: Instant, place: Place, promised: Option<Term>, reign: Option<Term>) {
        let watched = self.nodes.entry(place).or_default();
        if promised == watched.promised && reign == watched.reign {
            return;
        }
        let mut fail = |what: String| self.violations.push(Violation { at, place, what });
        if promised < watched.promised && !self.watching.contains(&place) {
            fail(format!("S2: promised {:?} after {:?}", promised, watched.promised));
        }
        if reign.is_some() && reign != promised {
            fail(format!("S2: reigns in {reign:?}, promised {promised:?}"));
        }
        if let Some(term) = reign
            && reign != watched.reign
        {
            self.met.reigns += 1;
            let me = (place, watched.life);
            let first = *self.reigns.entry(term).or_insert(me);
            if first != me {
                fail(format!(
                    "S1: reigns in {term:?} in life {}, as did n{} in life {}",
                    me.1, first.0, first.1
                ));
            }
        }
        watched.promised = promised;
        watched.reign = reign;
    }

    /// A reign has begun here, with this state, or with a new world.
    pub fn descend(&mut self, at: Instant, place: Place, term: Term, parent: Option<Clock>) {
        let made = |clock: &Clock| self.made.get(&clock.term).copied().unwrap_or_default();
        if let Some(clock) = parent.filter(|clock| clock.tick.0 > 0 && clock.tick > made(clock)) {
            let what = format!("S9: reigns from {clock:?}, which no host has made");
            self.violations.push(Violation { at, place, what });
        }
        let tick = parent.map_or(Tick(0), |clock| clock.tick);
        let made = self.made.entry(term).or_default();
        *made = tick.max(*made);
        self.parents.insert(term, parent);
    }

    /// How many events of the game a node has told in this life, and how many it said to have missed.
    pub fn events(&self, place: Place) -> (u64, u64) {
        self.nodes.get(&place).map_or((0, 0), |watched| watched.events)
    }

    /// A node has told its user something.
    pub fn event<G: Game>(&mut self, at: Instant, place: Place, event: &Event<G>) {
        match event {
            Event::Tick { clock, hash } => self.tick(at, place, *clock, *hash),
            Event::Host { gap: Some(gap), .. } => {
                self.met.failovers += 1;
                self.met.gaps_us.push(gap.as_micros() as u64);
            }
            Event::Game { .. } => self.nodes.entry(place).or_default().events.0 += 1,
            Event::Missed { events } => self.nodes.entry(place).or_default().events.1 += events,
            Event::Chat(news) => self.chat.entry(place).or_default().push((at, news.clone())),
            Event::Election { .. } => self.met.elections += 1,
            Event::Rebase { .. } => self.met.rebases += 1,
            Event::Diverged { clock } => self.violations.push(Violation {
                at,
                place,
                what: format!("S6: diverged at {clock:?}"),
            }),
            _ => {}
        }
    }

    /// Something that must hold does not.
    pub fn fail(&mut self, at: Instant, place: Place, what: String) {
        self.violations.push(Violation { at, place, what });
    }

    fn tick(&mut self, at: Instant, place: Place, clock: Clock, hash: u32) {
        self.met.ticks += 1;
        let made = self.made.entry(clock.term).or_default();
        *made = clock.tick.max(*made);
        let mut fail = |what: String| self.violations.push(Violation { at, place, what });
        if !self.reigns.contains_key(&clock.term) {
            fail(format!("S1: applied {clock:?}, in which nobody reigns"));
        }
        let watched = self.nodes.entry(place).or_default();
        if watched.promised.is_some_and(|promised| clock.term < promised) {
            fail(format!("S3: applied {clock:?}, promised {:?}", watched.promised));
        }
        let before = watched.applied.replace(clock);
        if let Some(before) = before {
            if before.term == clock.term && before.tick >= clock.tick {
                fail(format!("S4: applied {clock:?} after {before:?}"));
            }
            if before.term > clock.term && !self.watching.contains(&place) {
                fail(format!("S3: applied {clock:?} after {before:?}"));
            }
        }
        if let Some(before) = before
            && before.term != clock.term
        {
            let (direct, undone) = self.undone(before, clock.term);
            let count = if direct { &mut self.met.rolled_back } else { &mut self.met.left_behind };
            *count += undone;
        }
        let mut fail = |what: String| self.violations.push(Violation { at, place, what });
        match self.hashes.get(&clock) {
            Some(known) if *known != hash => fail(format!("S6: two worlds at {clock:?}")),
            Some(_) => {}
            None => {
                self.hashes.insert(clock, hash);
                self.hash_order.push_back(clock);
                if self.hash_order.len() > HASHES_MAX
                    && let Some(old) = self.hash_order.pop_front()
                {
                    self.hashes.remove(&old);
                }
            }
        }
    }

    /// How many ticks of `before` are no part of the history of `term`; and whether that reign
    /// descends from the one of `before`, so that all others of that reign lived on.
    fn undone(&self, before: Clock, term: Term) -> (bool, u64) {
        let new: Vec<Clock> = self.line(Clock { term, tick: Tick(u64::MAX) }).collect();
        let direct = new.iter().any(|clock| clock.term == before.term);
        let shared = self.line(before).find_map(|old| {
            let same = new.iter().find(|clock| clock.term == old.term)?;
            Some(old.tick.min(same.tick))
        });
        (direct, before.tick.0.saturating_sub(shared.unwrap_or_default().0))
    }

    /// A state, the one that its reign began with, and so on to the founding.
    fn line(&self, from: Clock) -> impl Iterator<Item = Clock> {
        std::iter::successors(Some(from), |clock| *self.parents.get(&clock.term)?)
    }
}
