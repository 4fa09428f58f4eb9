//! What a host has told its world, step by step: from the state before a step it follows which state comes of
//! it, so whoever holds the one can check the other ([`audit`](super::audit)).
//!
//! A step is told *who is in* (if the roster has changed that), *what everybody holds down* and orders, and, where points have
//! come in from the ledger, what they changed. The rest of what the rules are told follows from these:
//! who joined and left is what two lists of seats differ in, and a reign begins where it begins.
//!
//! A host keeps the last [`STEPS_KEPT`] of its reign, and tells whoever asks of so many of them at once. What
//! people hold down seldom changes, so it is told in runs: some twenty bytes for forty steps of four players.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use super::{Seat, State};
use crate::{
    cluster::message::Payload,
    config::Form,
    game::{Game, Malformed, News, draw},
    types::{Epoch, NodeId, Term, Tick},
    wire::Few,
};

/// How many steps a host remembers: seventeen seconds of them.
pub const STEPS_KEPT: usize = 1_024;

/// The most steps that are told at once, and taken at once.
pub const STEPS_TOLD_MAX: usize = 128;

/// The most bytes in which they are told. Where it is more, fewer are.
pub const JOURNAL_BYTES_MAX: usize = 64 << 10;

/// What one step was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<C, O> {
    /// The seats, if other players are in, or are called otherwise.
    pub seats: Option<BTreeMap<NodeId, Seat>>,
    /// What was applied: whose (the place among the seats), by how much the number rose, and what.
    pub controls: Vec<(u16, u64, C)>,
    /// What was ordered: by whom (the place among the seats), by how much the number rose, and what.
    pub orders: Vec<(u16, u64, O)>,
    /// What the scores of the ledger changed in the world after the step, as the game tells a difference.
    pub scores: Option<Vec<u8>>,
}

/// The steps of one reign, as its host remembers them.
#[derive(Clone, Debug)]
pub struct Journal<C, O> {
    /// The tick of the state with which the reign began, and that state's hash.
    base: (Tick, u32),
    /// The tick of the state before the first step that is remembered.
    after: Tick,
    steps: VecDeque<Step<C, O>>,
}

impl<C, O> Default for Journal<C, O> {
    fn default() -> Self {
        Self { base: (Tick(0), 0), after: Tick(0), steps: VecDeque::new() }
    }
}

impl<C: Copy + Eq, O: Clone> Journal<C, O> {
    /// A reign begins with the state of this tick, of this hash.
    pub fn begin(&mut self, tick: Tick, hash: u32) {
        *self = Self { base: (tick, hash), after: tick, steps: VecDeque::new() };
    }

    /// One step of it.
    pub fn note(&mut self, step: Step<C, O>) {
        if self.steps.len() == STEPS_KEPT {
            self.steps.pop_front();
            self.after.0 += 1;
        }
        self.steps.push_back(step);
    }

    /// The steps that follow upon the state of this tick, at most so many, and none where they are not
    /// remembered any more.
    pub fn since(&self, epoch: Epoch, tick: Tick, most: usize) -> Option<Told<C, O>> {
        let skipped = usize::try_from(tick.0.checked_sub(self.after.0)?).ok()?;
        let steps = self.steps.range(skipped.min(self.steps.len())..).take(most);
        let (base_tick, hash) = self.base;
        let mut told = Told {
            epoch,
            after: tick,
            base: (tick == base_tick).then_some(hash),
            values: Vec::new(),
            sections: Vec::new(),
            orders: Vec::new(),
        };
        (0_u16..).zip(steps).for_each(|(at, step)| told.add(at, step));
        (!told.sections.is_empty()).then_some(told)
    }
}

/// Steps as they are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told<C, O> {
    /// In which of its reigns.
    pub epoch: Epoch,
    /// The tick of the state before the first of them.
    pub after: Tick,
    /// If the reign began with that state: the hash of it.
    pub base: Option<u32>,
    /// All that is held down in them, each once.
    #[serde(deserialize_with = "values", bound(deserialize = "C: DeserializeOwned"))]
    values: Vec<C>,
    sections: Vec<Section>,
    /// What was ordered, and in which of the steps.
    orders: Vec<(u16, u16, u64, O)>,
}

/// An index into these has sixteen bits.
fn values<'de, D: Deserializer<'de>, C: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<C>, D::Error> {
    Few::<_, { u16::MAX as usize }>::deserialize(deserializer).map(|Few(values)| values)
}

/// Steps with the same seats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Section {
    /// The seats, if they are others than before.
    seats: Option<BTreeMap<NodeId, Seat>>,
    steps: u16,
    /// For each seat, in their order: how often in a row which value was applied, once a step, with the next
    /// number. 0: none was; 1: the first value.
    runs: Vec<Vec<(u16, u16)>>,
    odd: Vec<Odd>,
    /// What the scores changed after the last of the steps.
    scores: Option<Vec<u8>>,
}

/// Where it was not one a step: of which step and seat, and by how much the number rose with which value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Odd {
    step: u16,
    seat: u16,
    applied: Vec<(u64, u16)>,
}

impl<C: Copy + Eq, O: Clone> Told<C, O> {
    fn add(&mut self, at: u16, step: &Step<C, O>) {
        let orders = step.orders.iter().cloned();
        self.orders.extend(orders.map(|(seat, rise, order)| (at, seat, rise, order)));
        let ended = self.sections.last().is_none_or(|section| section.scores.is_some());
        if ended || step.seats.is_some() {
            let (runs, odd) = (Vec::new(), Vec::new());
            let seats = step.seats.clone();
            self.sections.push(Section { seats, steps: 0, runs, odd, scores: None });
        }
        let mut seats: BTreeMap<u16, Vec<(u64, u16)>> = BTreeMap::new();
        for (seat, rise, value) in &step.controls {
            let value = self.index(*value);
            seats.entry(*seat).or_default().push((*rise, value));
        }
        let Some(section) = self.sections.last_mut() else { return };
        let at = section.steps;
        let highest = seats.last_key_value().map_or(0, |(seat, _)| usize::from(*seat) + 1);
        while section.runs.len() < highest {
            section.runs.push(if at > 0 { vec![(0, at)] } else { Vec::new() });
        }
        for (seat, runs) in (0_u16..).zip(&mut section.runs) {
            let value = match seats.remove(&seat) {
                None => 0,
                Some(applied) if matches!(applied[..], [(1, _)]) => applied[0].1,
                Some(applied) => {
                    section.odd.push(Odd { step: at, seat, applied });
                    0
                }
            };
            match runs.last_mut() {
                Some((last, length)) if *last == value => *length += 1,
                _ => runs.push((value, 1)),
            }
        }
        section.steps += 1;
        section.scores.clone_from(&step.scores);
    }

    fn index(&mut self, value: C) -> u16 {
        let known = self.values.iter().position(|known| *known == value);
        let index = known.unwrap_or_else(|| {
            self.values.push(value);
            self.values.len() - 1
        });
        u16::try_from(index + 1).unwrap_or(u16::MAX)
    }

    /// The steps, one by one.
    ///
    /// # Errors
    /// [`Malformed`] when they are more than are told at once, or speak of what is not there.
    pub fn steps(&self) -> Result<Vec<Step<C, O>>, Malformed> {
        let count: usize = self.sections.iter().map(|section| usize::from(section.steps)).sum();
        if count > STEPS_TOLD_MAX || self.sections.len() > STEPS_TOLD_MAX {
            return Err(Malformed);
        }
        let mut steps = Vec::with_capacity(count);
        for section in &self.sections {
            self.expand(section, &mut steps)?;
        }
        for (at, seat, rise, order) in &self.orders {
            let step = steps.get_mut(usize::from(*at)).ok_or(Malformed)?;
            step.orders.push((*seat, *rise, order.clone()));
        }
        Ok(steps)
    }

    fn expand(&self, section: &Section, out: &mut Vec<Step<C, O>>) -> Result<(), Malformed> {
        let value = |index: u16| {
            let index = usize::from(index).checked_sub(1).ok_or(Malformed)?;
            self.values.get(index).copied().ok_or(Malformed)
        };
        let count = usize::from(section.steps);
        let mut controls: Vec<BTreeMap<u16, Vec<(u64, C)>>> = vec![BTreeMap::new(); count];
        for (seat, runs) in (0_u16..).zip(&section.runs) {
            let mut at = 0;
            for (index, length) in runs {
                let end = at + usize::from(*length);
                let steps = controls.get_mut(at..end).ok_or(Malformed)?;
                at = end;
                if *index > 0 {
                    let value = value(*index)?;
                    steps.iter_mut().for_each(|step| drop(step.insert(seat, vec![(1, value)])));
                }
            }
        }
        for odd in &section.odd {
            let step = controls.get_mut(usize::from(odd.step)).ok_or(Malformed)?;
            let applied = odd.applied.iter().map(|(rise, index)| Ok((*rise, value(*index)?)));
            step.insert(odd.seat, applied.collect::<Result<_, Malformed>>()?);
        }
        let first = out.len();
        out.extend(controls.into_iter().map(|seats| {
            let seats = seats.into_iter();
            let flat = |(seat, applied): (u16, Vec<(u64, C)>)| {
                applied.into_iter().map(move |(rise, value)| (seat, rise, value))
            };
            let controls = seats.flat_map(flat).collect();
            Step { seats: None, controls, orders: Vec::new(), scores: None }
        }));
        if let Some(step) = out.get_mut(first..).and_then(<[_]>::first_mut) {
            step.seats.clone_from(&section.seats);
        }
        if let Some(step) = out.get_mut(first..).and_then(<[_]>::last_mut) {
            step.scores.clone_from(&section.scores);
        }
        Ok(())
    }
}

impl<C: Copy + Eq + Serialize, O: Clone + Serialize> Journal<C, O> {
    /// What is told to whoever asks for what follows upon the state of this tick.
    pub fn tell(&self, form: Form, epoch: Epoch, tick: Tick) -> Option<Payload> {
        let mut most = STEPS_TOLD_MAX;
        while most > 0 {
            let told = self.since(epoch, tick, most)?;
            let payload = Payload::encode(form, &told)?;
            if payload.as_bytes().len() <= JOURNAL_BYTES_MAX {
                return Some(payload);
            }
            most /= 2;
        }
        None
    }
}

/// What was told, in whichever form.
///
/// # Errors
/// [`Malformed`] when it is nothing.
pub fn decode<C: DeserializeOwned, O: DeserializeOwned>(
    payload: &Payload,
) -> Result<Told<C, O>, Malformed> {
    if payload.as_bytes().len() > JOURNAL_BYTES_MAX {
        return Err(Malformed);
    }
    payload.decode().ok_or(Malformed)
}

/// Does a step again. `reign` is its number if it is the first of one. Returns the world before the scores came
/// in, if they changed it.
///
/// # Errors
/// [`Malformed`] when no host can have made such a step: the state is of no use then.
pub fn replay<G: Game>(
    state: &mut State<G::World>,
    step: &Step<G::Controls, G::Order>,
    reign: Option<u64>,
) -> Result<Option<G::World>, Malformed> {
    if let Some(reign) = reign {
        G::on_new_host(&mut state.world, reign);
    }
    let mut news = Vec::new();
    if let Some(seats) = &step.seats {
        came_and_went(&state.seats, seats, &mut news);
        state.seats.clone_from(seats);
    }
    let mut seats: Vec<(&NodeId, &mut Seat)> = state.seats.iter_mut().collect();
    for (seat, rise, controls) in &step.controls {
        let (id, seat) = seats.get_mut(usize::from(*seat)).ok_or(Malformed)?;
        if !seat.present || *rise == 0 {
            return Err(Malformed);
        }
        seat.number = seat.number.checked_add(*rise).ok_or(Malformed)?;
        news.push(News::Controls(**id, *controls));
    }
    for (seat, rise, order) in &step.orders {
        let (id, seat) = seats.get_mut(usize::from(*seat)).ok_or(Malformed)?;
        if !seat.present || *rise == 0 {
            return Err(Malformed);
        }
        seat.orders = seat.orders.checked_add(*rise).ok_or(Malformed)?;
        news.push(News::Order(**id, order.clone()));
    }
    let mut events = Vec::new();
    G::step(&mut state.world, &news, &mut events);
    state.happened = state.happened.saturating_add(events.len() as u64);
    let Some(difference) = &step.scores else { return Ok(None) };
    let after = G::decode_difference(&state.world, difference)?;
    if !G::is_valid(&after) {
        return Err(Malformed);
    }
    Ok(Some(std::mem::replace(&mut state.world, after)))
}

/// What the world is told of those who came and went between two lists of seats.
fn came_and_went<C, O>(
    old: &BTreeMap<NodeId, Seat>,
    new: &BTreeMap<NodeId, Seat>,
    news: &mut Vec<News<C, O>>,
) {
    for (id, seat) in new {
        let was = old.get(id);
        let same = was.filter(|was| was.incarnation == seat.incarnation);
        if was.is_some_and(|was| was.present) && !same.is_some_and(|_| seat.present) {
            news.push(News::Left(*id));
        }
        let known = same.is_some_and(|was| was.present && was.name == seat.name);
        if seat.present && !known {
            news.push(News::Joined(*id, seat.name.clone()));
        }
    }
    let gone = old.iter().filter(|(id, seat)| seat.present && !new.contains_key(id));
    news.extend(gone.map(|(id, _)| News::Left(*id)));
}

/// A number for a reign that no other reign has.
pub fn number_of(term: Term) -> u64 {
    let Term { epoch, host, incarnation } = term;
    let (high, low) = host.0.as_u64_pair();
    draw(draw(high ^ low, incarnation.0), epoch.0)
}

#[cfg(test)]
mod tests {
    use rand_pcg::{Pcg64Mcg, rand_core::Rng};

    use super::*;
    use crate::{
        cluster::message::Member,
        replica::{host::Host, orders::Given},
        text::Name,
        types::{Clock, Incarnation},
    };

    /// Everything that the rules are told, and in which order, is in the world.
    #[derive(Clone, Debug)]
    enum Diary {}

    impl Game for Diary {
        const RULES: &'static str = "diary 1";
        type World = Vec<String>;
        type Controls = u8;
        type Order = u16;
        type Event = ();
        type Scores = ();

        fn new_world(_seed: u64) -> Vec<String> {
            Vec::new()
        }

        fn is_valid(_world: &Vec<String>) -> bool {
            true
        }

        fn step(world: &mut Vec<String>, news: &[News<u8, u16>], events: &mut Vec<()>) {
            world.clear();
            world.extend(news.iter().map(|news| format!("{news:?}")));
            events.extend(news.iter().map(drop));
        }
    }

    fn member(dice: &mut Pcg64Mcg, id: u128) -> Member {
        Member {
            id: NodeId::from_u128(id),
            incarnation: Incarnation(dice.next_u64() % 20 / 19),
            name: Name::new(if dice.next_u64().is_multiple_of(20) { "Ada" } else { "Ben" }),
            address: None,
            away: dice.next_u64().is_multiple_of(10),
            unsteady: false,
        }
    }

    // People come, go, are renamed, come back in another life; their controls are late, doubled and lost.
    #[test]
    fn who_holds_the_state_before_gets_every_later_one_from_what_is_told() {
        for seed in 0..40 {
            let mut dice = Pcg64Mcg::new(seed);
            let (mut host, mut journal) = (Host::new(), Journal::<u8, u16>::default());
            let mut state =
                State { world: Diary::new_world(0), seats: BTreeMap::new(), happened: 0 };
            journal.begin(Tick(100), state.hash());
            let mut states = vec![state.clone()];
            let mut members: Vec<Member> = (1..5).map(|id| member(&mut dice, id)).collect();
            for number in 1..=STEPS_TOLD_MAX as u64 {
                if dice.next_u64().is_multiple_of(9) {
                    let here: Vec<u128> =
                        (1..7).filter(|_| !dice.next_u64().is_multiple_of(5)).collect();
                    members = here.into_iter().map(|id| member(&mut dice, id)).collect();
                }
                for member in &members {
                    let held = (number / 7 + dice.next_u64() % 20 / 19) as u8;
                    let list = vec![held; 1 + dice.next_u64() as usize % 2];
                    if !dice.next_u64().is_multiple_of(12) {
                        host.collect(member.id, member.incarnation, None::<Clock>, number, &list);
                    }
                    if dice.next_u64().is_multiple_of(5) {
                        // Some again, some for the first time.
                        let base = 1 + number.saturating_sub(3);
                        let orders = (0..dice.next_u64() % 9).map(|more| (base + more) as u16);
                        let given = Given { base, first: base, orders: orders.collect() };
                        host.collect_orders(member.id, member.incarnation, given);
                    }
                }
                let (_, step) = host.step::<Diary>(&mut state, &members, &mut Vec::new());
                journal.note(step);
                states.push(state.clone());
            }
            for form in [Form::Binary, Form::Json] {
                for from in [0, 1, 77] {
                    let tick = Tick(100 + from as u64);
                    let payload = journal.tell(form, Epoch(3), tick).unwrap();
                    let told: Told<u8, u16> = decode(&payload).unwrap();
                    assert_eq!(told.base.is_some(), from == 0);
                    let steps = told.steps().unwrap();
                    assert_eq!(steps.len(), STEPS_TOLD_MAX - from);
                    let mut state = states[from].clone();
                    for (step, expected) in steps.iter().zip(&states[from + 1..]) {
                        replay::<Diary>(&mut state, step, None).unwrap();
                        assert_eq!(state, *expected, "seed {seed}");
                    }
                }
            }
        }
    }

    fn steps(count: usize) -> Journal<u8, ()> {
        let mut journal = Journal::default();
        journal.begin(Tick(7), 9);
        for _ in 0..count {
            let controls = (0..4).map(|seat| (seat, 1, 5)).collect();
            journal.note(Step { seats: None, controls, orders: Vec::new(), scores: None });
        }
        journal
    }

    #[test]
    fn forty_steps_in_which_nobody_does_anything_else_are_few_bytes() {
        let payload = steps(40).tell(Form::Binary, Epoch(3), Tick(10_000 + 7));
        assert!(payload.is_none(), "that is in the future");
        let payload = steps(40).tell(Form::Binary, Epoch(3), Tick(7)).unwrap();
        assert!(payload.as_bytes().len() <= 32, "{} bytes", payload.as_bytes().len());
    }

    #[test]
    fn what_is_too_long_ago_is_forgotten() {
        let journal = steps(STEPS_KEPT + 10);
        assert!(journal.since(Epoch(1), Tick(16), 5).is_none());
        let told = journal.since(Epoch(1), Tick(17), 5).unwrap();
        assert_eq!((told.after, told.base, told.steps().unwrap().len()), (Tick(17), None, 5));
    }

    #[test]
    fn what_no_host_can_have_told_is_malformed_and_never_panics() {
        let payload = steps(60).tell(Form::Binary, Epoch(3), Tick(7)).unwrap();
        let mut dice = Pcg64Mcg::new(5);
        let state = State { world: Diary::new_world(0), seats: BTreeMap::new(), happened: 0 };
        for _ in 0..20_000 {
            let mut bytes = payload.as_bytes().to_vec();
            for _ in 0..1 + dice.next_u64() % 4 {
                let at = dice.next_u64() as usize % bytes.len();
                bytes[at] = dice.next_u64() as u8;
            }
            let Ok(told) = decode::<u8, u16>(&Payload::from(bytes)) else { continue };
            for step in told.steps().into_iter().flatten() {
                let replayed = replay::<Diary>(&mut state.clone(), &step, None);
                let says_nothing = step.controls.is_empty() && step.orders.is_empty();
                assert!(replayed.is_err() || says_nothing || step.seats.is_some());
            }
        }
    }
}
