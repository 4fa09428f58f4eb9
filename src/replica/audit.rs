//! Whether a host plays by the rules: everybody works out for itself what must come of each step.
//!
//! A host owns the tick, and could make of the world what it likes. But a step follows from the state before it and
//! from what it was told, so whoever has both knows what comes of it. A client holds a state. Every
//! [`ASKED_EVERY`] ticks of sixty a second it asks its host what the steps since were told ([`journal`]), does them again, and
//! compares each state with the one that it got. Nothing depends on single packets: a step is compared whether its
//! tick came or not, for the next one that came has it in its past.
//!
//! | [`Deceit`] | how it is found |
//! |---|---|
//! | [`World`](Deceit::World) | another state comes of a step than the host has sent |
//! | [`Controls`](Deceit::Controls) | the steps were told something in one's own name that one did not press or order |
//! | [`Scores`](Deceit::Scores) | points came in from the ledger that nothing there accounts for |
//! | [`Silence`](Deceit::Silence) | the host does not say what the steps were told |
//!
//! *What is not found*: a host may say what it likes of its own controls, and leave out those of others, like a
//! bad cable; it may let in and send away whom it likes. What it says of a third one's controls that one alone
//! can check, and does. A reign is checked from its first state on, if one holds the state that it began with; from
//! the first that came if not. While somebody gets the ticks through a third node it checks nothing, and goes on
//! where it was as soon as it has a link.

use std::collections::{BTreeMap, VecDeque};
use std::{sync::Arc, time::Duration};

use super::{
    Replica, State,
    journal::{self, Step, Told},
};
use crate::{
    cluster::message::WorldMark,
    config::ORDERS_WAITING_MAX,
    game::{Game, Malformed, Rate},
    types::{Clock, Epoch, Incarnation, Instant, NodeId, Term, Tick},
};

/// After so many ticks of sixty a second a client asks what they were told: two thirds of one.
pub const ASKED_EVERY: u64 = 40;

/// After no fewer ticks it does, however long they take: an ask costs as much as three of them.
const ASKED_TICKS_MIN: u64 = 20;

/// The time between two asks of one host.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// The least time between two answers to one client.
pub const ANSWERED_EVERY: Duration = Duration::from_millis(100);

/// So many ticks of sixty a second may come over a link without a word of what they were told: ten seconds of them;
/// and so many times as many as are asked for at once, at least.
const UNTOLD_MAX: u64 = 600;
const UNTOLD_ASKS_MIN: u64 = 3;

/// Whoever is so many ticks behind with this (it had no link, or slept) begins anew.
const BEHIND_MAX: u64 = 900;

/// The most hashes that are kept to be compared.
const HASHES_MAX: usize = 1_024;

/// How many of the own controls are remembered.
const PRESSED_MAX: usize = 2_048;

/// How many of the own orders are.
const ORDERED_MAX: usize = 2 * ORDERS_WAITING_MAX;

/// How many changes by scores are kept that the ledger does not account for yet, and for how many ticks of sixty a
/// second: what was written elsewhere may be on its way.
const UNPROVED_MAX: usize = 64;
const UNPROVED_TICKS: u64 = 600;

/// After how many ticks a client asks what they were told.
const fn asked_every(rate: Rate) -> u64 {
    let ticks = rate.ticks_in(ASKED_EVERY);
    if ticks < ASKED_TICKS_MIN { ASKED_TICKS_MIN } else { ticks }
}

/// How many ticks may come without a word of what they were told.
fn untold_max(rate: Rate) -> u64 {
    rate.ticks_in(UNTOLD_MAX).max(UNTOLD_ASKS_MIN * asked_every(rate))
}

/// What a host did that is against the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deceit {
    /// A state does not come of the one before by the rules.
    World,
    /// It applied controls or orders in the name of this node that were not given here.
    Controls,
    /// Points came in from the ledger that nothing there accounts for.
    Scores,
    /// It does not say what its steps were told.
    Silence,
}

impl Deceit {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Deceit::World => "world",
            Deceit::Controls => "controls",
            Deceit::Scores => "scores",
            Deceit::Silence => "silence",
        }
    }

    /// For people: what happened.
    pub fn words(self) -> &'static str {
        match self {
            Deceit::World => "the world is not what everybody's keys make of it by the rules",
            Deceit::Controls => "it did something in your name that you did not do",
            Deceit::Scores => "it gave points that nobody has gathered",
            Deceit::Silence => "it does not say how its world came about",
        }
    }
}

/// What was given here, with its number, oldest first.
type Numbered<T> = VecDeque<(u64, T)>;

/// What was found, and at which state.
pub type Finding = (Clock, Deceit);

/// What a client remembers to check its host.
#[derive(Clone, Debug)]
pub struct Audit<G: Game> {
    /// What was pressed here.
    pressed: Numbered<G::Controls>,
    /// What was ordered here.
    ordered: Numbered<G::Order>,
    line: Option<Line<G>>,
}

/// The reign that is checked.
#[derive(Clone, Debug)]
struct Line<G: Game> {
    term: Term,
    began: Tick,
    /// States that it may have begun with.
    bases: Vec<Arc<State<G::World>>>,
    /// The first state that came, where there is none to go on from.
    first: Option<(Tick, Arc<State<G::World>>)>,
    /// The last state that was worked out.
    at: Option<(Tick, State<G::World>)>,
    newest: Tick,
    /// The hashes of states that came, and of those that were worked out, until they are compared.
    came: BTreeMap<Tick, u32>,
    worked_out: BTreeMap<Tick, u32>,
    /// How many ticks came over a link since steps were told last.
    untold: u64,
    ask_at: Instant,
    unproved: VecDeque<Unproved<G>>,
}

/// Scores changed this world into that one.
#[derive(Clone, Debug)]
struct Unproved<G: Game> {
    tick: Tick,
    before: G::World,
    after: G::World,
}

impl<G: Game> Default for Audit<G> {
    fn default() -> Self {
        Self { pressed: VecDeque::new(), ordered: VecDeque::new(), line: None }
    }
}

impl<G: Game> Audit<G> {
    /// This was pressed here.
    pub fn pressed(&mut self, number: u64, controls: G::Controls) {
        if self.pressed.len() == PRESSED_MAX {
            self.pressed.pop_front();
        }
        self.pressed.push_back((number, controls));
    }

    /// This was ordered here.
    pub fn ordered(&mut self, number: u64, order: G::Order) {
        if self.ordered.len() == ORDERED_MAX {
            self.ordered.pop_front();
        }
        self.ordered.push_back((number, order));
    }

    /// Nobody is checked from here on.
    pub fn rest(&mut self) {
        self.line = None;
    }

    /// Nobody is checked from here on, and whoever is here is another one, or elsewhere.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A state of this hash came from the host, and is the newest of `replica`. `linked`: the host could say over a
    /// link what it was told.
    pub fn came(
        &mut self,
        mark: WorldMark,
        hash: u32,
        replica: &Replica<G>,
        linked: bool,
    ) -> Option<Finding> {
        let WorldMark { clock: Clock { term, tick }, began } = mark;
        let state = replica.state()?;
        if self.line.as_ref().is_none_or(|line| line.term != term) {
            self.line = Some(Line::new(term, tick, began, replica));
        }
        let line = self.line.as_mut()?;
        line.newest = line.newest.max(tick);
        line.catch_up(tick, state);
        line.untold = if linked { line.untold + 1 } else { 0 };
        if line.untold > untold_max(Rate::of::<G>()) {
            line.untold = 0;
            return Some((mark.clock, Deceit::Silence));
        }
        if line.worked_out.remove(&tick).is_some_and(|worked_out| worked_out != hash) {
            line.begin_anew();
            return Some((mark.clock, Deceit::World));
        }
        if line.at.as_ref().is_none_or(|(at, _)| *at < tick) {
            line.came.insert(tick, hash);
            if line.came.len() > HASHES_MAX {
                line.came.pop_first();
            }
        }
        None
    }

    /// What is to be asked of the host now, if anything: what follows upon the state of a tick.
    pub fn to_ask(&mut self, now: Instant) -> Option<(Epoch, Tick)> {
        let line = self.line.as_mut()?;
        let after = line.after()?;
        if now < line.ask_at || line.newest.0 < after.0.saturating_add(Line::<G>::ASKED_EVERY) {
            return None;
        }
        line.ask_at = now + ASK_AGAIN;
        Some((line.term.epoch, after))
    }

    /// The host of this term has said what its steps were told; `me` is whoever checks it.
    ///
    /// # Errors
    /// [`Malformed`] when it makes no sense.
    pub fn hear(
        &mut self,
        term: Term,
        told: &Told<G::Controls, G::Order>,
        me: (NodeId, Incarnation),
    ) -> Result<Option<Finding>, Malformed> {
        let Some(line) = self.line.as_mut().filter(|line| line.term == term) else {
            return Ok(None);
        };
        if told.epoch != term.epoch {
            return Ok(None);
        }
        let steps = told.steps()?;
        line.settle(told);
        for (number, step) in (1..).zip(&steps) {
            let tick = Tick(told.after.0.saturating_add(number));
            if let Some(deceit) = line.redo(tick, step, me, (&self.pressed, &self.ordered)) {
                line.begin_anew();
                return Ok(Some((Clock { term, tick }, deceit)));
            }
        }
        Ok(None)
    }

    /// Looks anew at what scores have changed. `accounts_for` says whether the ledger, as it is held here, can have
    /// made the one world out of the other.
    pub fn weigh_scores(
        &mut self,
        mut accounts_for: impl FnMut(&G::World, &G::World) -> bool,
        complete: bool,
    ) -> Option<Finding> {
        let line = self.line.as_mut()?;
        line.unproved.retain(|change| !accounts_for(&change.before, &change.after));
        let oldest = line.unproved.front()?.tick;
        if !complete
            || line.newest.0 < oldest.0.saturating_add(Rate::of::<G>().ticks_in(UNPROVED_TICKS))
        {
            return None;
        }
        line.unproved.clear();
        Some((Clock { term: line.term, tick: oldest }, Deceit::Scores))
    }

    /// Whether scores have changed a world, and the ledger has not accounted for that yet.
    pub fn has_unproved(&self) -> bool {
        self.line.as_ref().is_some_and(|line| !line.unproved.is_empty())
    }
}

impl<G: Game> Line<G> {
    const ASKED_EVERY: u64 = asked_every(Rate::of::<G>());

    fn new(term: Term, tick: Tick, began: Tick, replica: &Replica<G>) -> Self {
        let young = tick.0 <= began.0.saturating_add(Self::ASKED_EVERY);
        Self {
            term,
            began,
            bases: replica.at(began).filter(|_| young).cloned().collect(),
            first: None,
            at: None,
            newest: began,
            came: BTreeMap::new(),
            worked_out: BTreeMap::new(),
            untold: 0,
            ask_at: Instant::default(),
            unproved: VecDeque::new(),
        }
    }

    /// A state came: where there is none to go on from, or none that the host remembers, it is that one.
    fn catch_up(&mut self, tick: Tick, state: &Arc<State<G::World>>) {
        let stands = self.at.as_ref().map(|(tick, _)| *tick);
        let stands = stands.or(self.first.as_ref().map(|(tick, _)| *tick));
        match stands {
            Some(stands) if stands.0.saturating_add(BEHIND_MAX) >= tick.0 => {}
            _ => {
                self.begin_anew();
                self.first = Some((tick, state.clone()));
            }
        }
    }

    /// What was worked out so far is of no use any more.
    fn begin_anew(&mut self) {
        if self.at.is_some() || self.first.is_some() {
            self.bases.clear();
        }
        self.first = None;
        self.at = None;
        self.came.clear();
        self.worked_out.clear();
    }

    /// The tick of the state that the next steps are to follow upon.
    fn after(&self) -> Option<Tick> {
        let first = self.first.as_ref().map(|(tick, _)| *tick);
        let first = if self.bases.is_empty() { first } else { Some(self.began) };
        self.at.as_ref().map(|(tick, _)| *tick).or(first)
    }

    /// Finds the state to go on from: the one that the reign began with, if it is held; or the first that came.
    fn settle(&mut self, told: &Told<G::Controls, G::Order>) {
        if self.at.is_some() {
            return;
        }
        let mut bases = std::mem::take(&mut self.bases).into_iter();
        let base = told.base.filter(|_| told.after == self.began);
        let base = base.and_then(|hash| bases.find(|state| state.hash() == hash));
        let base = base.map(|state| (self.began, state)).or(self.first.take());
        self.at = base.map(|(tick, state)| (tick, State::clone(&state)));
    }

    /// Does a step again, if it is the next one.
    fn redo(
        &mut self,
        tick: Tick,
        step: &Step<G::Controls, G::Order>,
        me: (NodeId, Incarnation),
        given: (&Numbered<G::Controls>, &Numbered<G::Order>),
    ) -> Option<Deceit> {
        // No more is worked out than what came, and a little: steps cost time.
        let (at, state) = self.at.as_mut()?;
        if tick.0 != at.0 + 1 || tick.0 > self.newest.0.saturating_add(Self::ASKED_EVERY) {
            return None;
        }
        if !were_given(step, state, me, given) {
            return Some(Deceit::Controls);
        }
        let reign = (*at == self.began).then(|| journal::number_of(self.term));
        let Ok(before) = journal::replay::<G>(state, step, reign) else {
            return Some(Deceit::World);
        };
        *at = tick;
        self.untold = 0;
        let hash = state.hash();
        if let Some(before) = before
            && self.unproved.len() < UNPROVED_MAX
        {
            let after = state.world.clone();
            self.unproved.push_back(Unproved { tick, before, after });
        }
        match self.came.remove(&tick) {
            Some(came) if came != hash => return Some(Deceit::World),
            Some(_) => {}
            None => {
                self.worked_out.insert(tick, hash);
                if self.worked_out.len() > HASHES_MAX {
                    self.worked_out.pop_first();
                }
            }
        }
        None
    }
}

/// Whether all that a step was told in the name of `me` was pressed and ordered there, as far as that is remembered.
fn were_given<W, C: Copy + Eq, O: Eq>(
    step: &Step<C, O>,
    state: &State<W>,
    (me, life): (NodeId, Incarnation),
    (pressed, ordered): (&Numbered<C>, &Numbered<O>),
) -> bool {
    let seats = step.seats.as_ref().unwrap_or(&state.seats);
    let seat = seats.iter().enumerate().find(|(_, (id, _))| **id == me);
    let Some((place, (_, seat))) = seat.filter(|(_, (_, seat))| seat.incarnation == life) else {
        return true;
    };
    were_remembered(place, seat.number, &step.controls, pressed)
        && were_remembered(place, seat.orders, &step.orders, ordered)
}

/// Whether those of the `told` that are of one seat are `known`, or older than what is: `number` is that of the last
/// one before them.
fn were_remembered<T: Eq>(
    place: usize,
    mut number: u64,
    told: &[(u16, u64, T)],
    known: &Numbered<T>,
) -> bool {
    let mut own = told.iter().filter(|(seat, ..)| usize::from(*seat) == place);
    own.all(|(_, rise, told)| {
        number = number.saturating_add(*rise);
        match known.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => known.get(at).is_some_and(|(_, known)| known == told),
            Err(at) => at == 0 && !known.is_empty(), // it is older than what is remembered
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        cluster::message::Member,
        config::Form,
        game::News,
        replica::{host::Host, journal::Journal, orders::Given},
        text::Name,
    };

    const ME: NodeId = NodeId::from_u128(7);
    const HOST: NodeId = NodeId::from_u128(9);
    const LIFE: Incarnation = Incarnation(3);
    const NOW: Instant = Instant(9_000_000);

    #[derive(Clone, Debug)]
    enum Walk {}

    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    struct Way {
        steps: u64,
        at: BTreeMap<NodeId, i64>,
        points: u64,
        reign: u64,
    }

    impl Game for Walk {
        const RULES: &'static str = "walk 1";
        type World = Way;
        type Controls = i8;
        type Order = i64;
        type Event = ();
        type Scores = u64;

        fn new_world(_seed: u64) -> Way {
            Way::default()
        }

        fn is_valid(_world: &Way) -> bool {
            true
        }

        fn on_new_host(world: &mut Way, reign: u64) {
            world.reign = reign;
        }

        fn step(world: &mut Way, news: &[News<i8, i64>], _events: &mut Vec<()>) {
            world.steps += 1;
            for item in news {
                match item {
                    News::Controls(id, pace) => {
                        *world.at.entry(*id).or_default() += i64::from(*pace);
                    }
                    News::Order(id, to) => _ = world.at.insert(*id, *to),
                    _ => {}
                }
            }
        }

        fn scores_into_world(
            world: &mut Way,
            scores: &u64,
            _now: u64,
            _facts: &[crate::game::Fact],
        ) {
            world.points = world.points.max(*scores);
        }
    }

    /// A host, and one who checks it.
    struct Played {
        term: Term,
        host: Host<i8, i64>,
        journal: Journal<i8, i64>,
        truth: Replica<Walk>,
        copy: Replica<Walk>,
        audit: Audit<Walk>,
        number: u64,
        began: Tick,
        told: usize,
    }

    fn member(id: NodeId) -> Member {
        let name = Name::new("Ada");
        Member { id, incarnation: LIFE, name, address: None, away: false, unsteady: false }
    }

    fn mark(term: Term, tick: u64, began: Tick) -> WorldMark {
        WorldMark { clock: Clock { term, tick: Tick(tick) }, began }
    }

    impl Played {
        fn new() -> Self {
            let term = Term { epoch: Epoch(3), host: HOST, incarnation: Incarnation(8) };
            let mut game = Self {
                term,
                host: Host::new(),
                journal: Journal::default(),
                truth: Replica::default(),
                copy: Replica::default(),
                audit: Audit::default(),
                number: 0,
                began: Tick(100),
                told: 0,
            };
            let state = State { world: Way::default(), seats: BTreeMap::new(), happened: 0 };
            game.truth.take(mark(term, 100, Tick(100)), Arc::new(state), None);
            game
        }

        fn tick(&self) -> u64 {
            self.truth.clock().unwrap().tick.0
        }

        /// One tick. `meddle` is what the host does to the world besides, and `alter` what it applies in place of what
        /// was pressed. Whether the tick arrives, and whether what it asks for is told, is up to others.
        fn step(
            &mut self,
            meddle: impl FnOnce(&mut Way),
            scores: Option<u64>,
            alter: Option<i8>,
            arrives: bool,
            tells: bool,
        ) -> Option<Finding> {
            self.number += 1;
            let pressed = (self.number / 9 % 3) as i8 - 1;
            self.audit.pressed(self.number, pressed);
            let applied = alter.unwrap_or(pressed);
            self.host.collect(ME, LIFE, None, self.number, &[applied]);
            self.host.collect(HOST, LIFE, None, self.number, &[2]);
            let mut state = State::clone(self.truth.state().unwrap());
            let tick = self.tick();
            if tick == self.began.0 {
                self.journal.begin(self.began, state.hash());
                Walk::on_new_host(&mut state.world, journal::number_of(self.term));
            }
            let members = [member(ME), member(HOST)];
            let (_, mut step) = self.host.step::<Walk>(&mut state, &members, &mut Vec::new());
            let before = state.world.clone();
            scores.iter().for_each(|scores| {
                Walk::scores_into_world(&mut state.world, scores, 0, &[]);
                let mut difference = Vec::new();
                Walk::encode_difference(&before, &state.world, &mut difference);
                step.scores = Some(difference);
            });
            self.journal.note(step);
            meddle(&mut state.world);
            let (state, mark) = (Arc::new(state), mark(self.term, tick + 1, self.began));
            self.truth.take(mark, state.clone(), None);
            if !arrives {
                return None;
            }
            let hash = state.hash();
            self.copy.take(mark, state, None);
            let mut found = self.audit.came(mark, hash, &self.copy, true);
            let now = NOW + Rate::USUAL.tick() * (self.number as u32);
            if let Some((epoch, after)) = self.audit.to_ask(now).filter(|_| tells) {
                let payload = self.journal.tell(Form::Binary, epoch, after).unwrap();
                let told = journal::decode(&payload).unwrap();
                self.told += payload.as_bytes().len();
                found = found.or(self.audit.hear(self.term, &told, (ME, LIFE)).unwrap());
            }
            found
        }

        fn fair(&mut self, steps: u64) {
            for number in 0..steps {
                let arrives = number % 7 != 3 && number % 31 > 4;
                assert_eq!(self.step(|_| {}, None, None, arrives, number % 90 > 3), None);
            }
        }

        /// How many steps it takes until something is found.
        fn found_after(
            &mut self,
            most: u64,
            how: impl Fn(&mut Self) -> Option<Finding>,
        ) -> (u64, Finding) {
            for steps in 1..=most {
                if let Some(found) = how(self) {
                    return (steps, found);
                }
            }
            panic!("nothing was found in {most} steps");
        }
    }

    #[test]
    fn whoever_plays_by_the_rules_is_never_accused_whatever_gets_lost() {
        let mut game = Played::new();
        game.fair(3_000);
        let bytes = game.told as f64 / 3_000.0;
        assert!(bytes < 1.2, "{bytes} bytes a tick");
    }

    #[test]
    fn a_world_that_no_rule_makes_is_found_within_a_second_with_its_tick() {
        for lost in [false, true] {
            let mut game = Played::new();
            game.fair(100);
            let tick = game.tick() + 1;
            assert_eq!(game.step(|world| world.points += 1, None, None, !lost, true), None);
            let (steps, found) =
                game.found_after(55, |game| game.step(|_| {}, None, None, true, true));
            assert_eq!(found.1, Deceit::World);
            let (at, late) = (found.0.tick.0, u64::from(lost));
            assert_eq!(at, tick + late, "after {steps} steps");
            game.fair(500);
        }
    }

    #[test]
    fn a_host_that_cheats_in_its_first_tick_is_found() {
        let mut game = Played::new();
        game.fair(200);
        // It reigns on, and whoever follows holds the state that the reign begins with.
        assert_eq!(game.step(|_| {}, None, None, true, true), None);
        game.term.epoch = Epoch(4);
        game.began = Tick(game.tick());
        game.truth.reign(game.term);
        let tick = game.tick() + 1;
        assert_eq!(game.step(|world| world.points += 5, None, None, true, true), None);
        let (_, found) = game.found_after(55, |game| game.step(|_| {}, None, None, true, true));
        assert_eq!((found.0.tick.0, found.1), (tick, Deceit::World));
    }

    #[test]
    fn whoever_is_moved_as_it_did_not_press_says_so() {
        let mut game = Played::new();
        game.fair(100);
        assert_eq!(game.step(|_| {}, None, Some(9), true, true), None);
        let (_, found) = game.found_after(55, |game| game.step(|_| {}, None, None, true, true));
        assert_eq!(found.1, Deceit::Controls);
    }

    #[test]
    fn whoever_ordered_something_else_says_so_and_who_ordered_it_does_not() {
        for (applied, deceit) in [(40, None), (41, Some(Deceit::Controls))] {
            let mut game = Played::new();
            game.fair(100);
            game.audit.ordered(1, 40);
            let given = Given { base: 1, first: 1, orders: vec![applied] };
            game.host.collect_orders(ME, LIFE, given);
            let found = (0..55).find_map(|_| game.step(|_| {}, None, None, true, true));
            assert_eq!(found.map(|(_, deceit)| deceit), deceit);
        }
    }

    #[test]
    fn a_host_that_does_not_say_what_it_applied_is_found() {
        let mut game = Played::new();
        game.fair(100);
        let most = UNTOLD_MAX + 5;
        let (_, found) = game.found_after(most, |game| game.step(|_| {}, None, None, true, false));
        assert_eq!(found.1, Deceit::Silence);
    }

    #[test]
    fn points_from_the_ledger_are_asked_for_there() {
        let fits = |known: u64| {
            move |before: &Way, after: &Way| Walk::scores_account_for(before, after, &known, &[])
        };
        let mut game = Played::new();
        game.fair(100);
        assert_eq!(game.step(|_| {}, Some(30), None, true, true), None);
        game.fair(60);
        assert!(game.audit.has_unproved());
        assert_eq!(game.audit.weigh_scores(fits(10), true), None, "it may be on its way");
        assert_eq!(game.audit.weigh_scores(fits(40), true), None);
        assert!(!game.audit.has_unproved(), "more is known by now than the host knew");

        let tick = game.tick() + 1;
        assert_eq!(game.step(|_| {}, Some(1_000), None, true, true), None);
        game.fair(UNPROVED_TICKS + 60);
        assert_eq!(game.audit.weigh_scores(fits(40), false), None, "some of it is on its way");
        let found = game.audit.weigh_scores(fits(40), true).unwrap();
        assert_eq!((found.0.tick.0, found.1), (tick, Deceit::Scores));
    }
}
