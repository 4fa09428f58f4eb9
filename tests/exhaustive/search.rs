//! The search: depth first, on several threads, over states that nobody has seen yet.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    Bounds, Breach, Means, Move, Report,
    lies::lies,
    rules,
    table::{BEAT, SEATS, Table, What},
};
use crate::types::{Instant, Term};

/// The states seen are kept in so many sets, so that threads seldom wait for each other.
const SHARDS: usize = 64;

/// Whoever has not come to rest after so many beats never will: half a minute.
const BEATS_MAX: u64 = 1_500;

/// A table somewhere on the way.
#[derive(Clone, Debug)]
struct Branch {
    table: Table,
    /// What may still happen.
    left: Means,
    /// Whether nothing but lies has happened yet.
    faultless: bool,
    way: Option<Arc<Step>>,
}

/// One move on the way to a branch.
#[derive(Debug)]
struct Step {
    beat: u64,
    happened: Move,
    before: Option<Arc<Step>>,
}

struct Search<'a> {
    bounds: &'a Bounds,
    seen: Vec<Mutex<BTreeSet<u64>>>,
    todo: Mutex<Todo>,
    more: Condvar,
    stop: AtomicBool,
    states: AtomicU64,
    moves: AtomicU64,
    steps: AtomicU64,
    rests: AtomicU64,
    beats: AtomicU64,
    breach: Mutex<Option<Breach>>,
}

struct Todo {
    branches: Vec<Branch>,
    busy: usize,
}

/// Follows every way that things may go, within these bounds, until all were followed or a rule is broken.
#[expect(
    clippy::disallowed_methods,
    reason = "the impure edge: branches share what was seen, and nothing else"
)]
pub fn explore(bounds: &Bounds) -> Report {
    let table = Table::new(bounds.tuning.clone());
    let root = Branch { table, left: bounds.means, faultless: true, way: None };
    let search = Search {
        bounds,
        seen: (0..SHARDS).map(|_| Mutex::default()).collect(),
        todo: Mutex::new(Todo { branches: vec![root], busy: 0 }),
        more: Condvar::new(),
        stop: AtomicBool::new(false),
        states: AtomicU64::new(0),
        moves: AtomicU64::new(0),
        steps: AtomicU64::new(0),
        rests: AtomicU64::new(0),
        beats: AtomicU64::new(0),
        breach: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for _ in 0..bounds.threads.max(1) {
            scope.spawn(|| search.work());
        }
    });
    let breach = search.breach.into_inner().unwrap_or_else(PoisonError::into_inner);
    Report {
        states: search.states.into_inner(),
        moves: search.moves.into_inner(),
        steps: search.steps.into_inner(),
        rests: search.rests.into_inner(),
        beats: search.beats.into_inner(),
        whole: breach.is_none() && !search.stop.into_inner(),
        breach,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Search<'_> {
    fn work(&self) {
        while let Some(branch) = self.next() {
            let found = self.follow(branch);
            let mut todo = locked(&self.todo);
            todo.branches.extend(found);
            todo.busy -= 1;
            drop(todo);
            self.more.notify_all();
        }
    }

    fn next(&self) -> Option<Branch> {
        let mut todo = locked(&self.todo);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(branch) = todo.branches.pop() {
                todo.busy += 1;
                return Some(branch);
            }
            if todo.busy == 0 {
                return None;
            }
            todo = self.more.wait(todo).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Follows a branch until it comes to what was seen before. What leads off it is returned.
    fn follow(&self, mut branch: Branch) -> Vec<Branch> {
        let (mut found, mut passed) = (Vec::new(), BTreeSet::new());
        let (mut steps, mut before, began) = (0, 0, branch.table.now);
        let mut fresh = true;
        loop {
            if branch.table.breach.is_some() {
                self.report(&branch, branch.table.breach.clone().unwrap_or_default());
                break;
            }
            let calm = branch.table.wire.is_empty();
            if calm {
                let now = branch.table.likeness(false);
                fresh |= now != before;
                before = now;
            }
            if !calm || fresh || beat(&branch.table).is_multiple_of(self.bounds.stride) {
                let seen = branch.likeness(calm && fresh, self.bounds.stride);
                if !self.is_new(seen) {
                    if passed.contains(&seen) {
                        self.rest(&branch);
                    }
                    break;
                }
                passed.insert(seen);
                self.lead_off(&branch, &mut found);
            }
            fresh = !calm;
            branch.table.go_on();
            steps += 1;
            if branch.table.now.since(began) > BEAT * BEATS_MAX as u32 {
                self.rest(&branch);
                break;
            }
        }
        self.steps.fetch_add(steps, Ordering::Relaxed);
        self.beats.fetch_max(beat(&branch.table), Ordering::Relaxed);
        found
    }

    fn is_new(&self, seen: u64) -> bool {
        let shard = &self.seen[seen as usize % SHARDS];
        let new = locked(shard).insert(seen);
        if new && self.states.fetch_add(1, Ordering::Relaxed) >= self.bounds.states_max {
            self.halt();
        }
        new
    }

    /// Nothing more will happen by itself.
    fn rest(&self, branch: &Branch) {
        match rules::at_rest(&branch.table) {
            Ok(()) => _ = self.rests.fetch_add(1, Ordering::Relaxed),
            Err(what) => self.report(branch, what),
        }
    }

    fn report(&self, branch: &Branch, what: String) {
        let steps = std::iter::successors(branch.way.as_ref(), |step| step.before.as_ref());
        let mut way: Vec<_> = steps.map(|step| (step.beat, step.happened)).collect();
        way.reverse();
        locked(&self.breach).get_or_insert(Breach { what, way });
        self.halt();
    }

    fn halt(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.more.notify_all();
    }

    fn lead_off(&self, branch: &Branch, found: &mut Vec<Branch>) {
        let before = found.len();
        branch.hitches(found);
        branch.crashes(found);
        branch.cuts(&self.bounds.cuts, found);
        branch.lies(found);
        self.moves.fetch_add((found.len() - before) as u64, Ordering::Relaxed);
    }
}

fn beat(table: &Table) -> u64 {
    table.now.since(Instant::default()).as_micros() as u64 / BEAT.as_micros() as u64
}

impl Branch {
    fn likeness(&self, fresh: bool, stride: u64) -> u64 {
        let phase = beat(&self.table) % stride;
        let bits = self.table.likeness(true);
        let left = &self.left;
        let more = [left.crashes, left.returns, left.cuts, left.hitches, left.lies];
        let more = more.into_iter().fold(phase, |sum, left| sum << 4 | u64::from(left));
        let more = more << 2 | u64::from(fresh) << 1 | u64::from(self.faultless);
        (bits ^ more.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(31)
    }

    /// The same, after this has happened.
    fn after(&self, happened: Move, left: Means, act: impl FnOnce(&mut Table)) -> Branch {
        let before = self.way.clone();
        let step = Step { beat: beat(&self.table), happened, before };
        let lie = matches!(happened, Move::Lie(..));
        let mut next = Branch {
            table: self.table.clone(),
            left,
            faultless: self.faultless && lie,
            way: Some(Arc::new(step)),
        };
        if !lie {
            next.table.undisturbed = None;
        }
        act(&mut next.table);
        next
    }

    fn hitches(&self, found: &mut Vec<Branch>) {
        let Some(hitches) = self.left.hitches.checked_sub(1) else { return };
        let Some(next) = self.table.wire.front() else { return };
        let left = Means { hitches, ..self.left };
        found.push(self.after(Move::Late, left, |table| {
            table.late.extend(table.wire.pop_front());
        }));
        if matches!(next.what, What::Packet(..)) {
            found.push(self.after(Move::Lost, left, |table| _ = table.wire.pop_front()));
        }
        if self.table.wire.len() > 1 {
            found.push(self.after(Move::Overtaken, left, |table| table.wire.rotate_left(1)));
        }
    }

    fn crashes(&self, found: &mut Vec<Branch>) {
        for place in 0..SEATS {
            let Some(seat) = &self.table.seats[place] else {
                if let Some(returns) = self.left.returns.checked_sub(1) {
                    let left = Means { returns, ..self.left };
                    found.push(self.after(Move::Start(place), left, |table| table.start(place)));
                }
                continue;
            };
            let Some(crashes) = self.left.crashes.checked_sub(1) else { continue };
            let left = Means { crashes, ..self.left };
            let kill = |table: &mut Table| table.stop(place, true);
            found.push(self.after(Move::Kill(place), left, kill));
            let unplug = |table: &mut Table| table.stop(place, false);
            found.push(self.after(Move::Unplug(place), left, unplug));
            if seat.election.reign().is_some() {
                found.push(self.after(Move::Leave(place), left, |table| table.leave(place)));
            }
        }
    }

    fn cuts(&self, cuts: &[super::Cut], found: &mut Vec<Branch>) {
        if self.table.cut.is_some() {
            found.push(self.after(Move::Mend, self.left, |table| table.cut = None));
        } else if let Some(left) = self.left.cuts.checked_sub(1) {
            let left = Means { cuts: left, ..self.left };
            for cut in cuts {
                let act = |table: &mut Table| table.cut = Some(*cut);
                found.push(self.after(Move::Cut(*cut), left, act));
            }
        }
    }

    fn lies(&self, found: &mut Vec<Branch>) {
        let Some(left) = self.left.lies.checked_sub(1) else { return };
        let left = Means { lies: left, ..self.left };
        let agreed = self.faultless.then(|| rules::agreed(&self.table)).flatten();
        for liar in (0..SEATS).filter(|place| self.table.liar.is_none_or(|liar| liar == *place)) {
            let honest: Option<Term> =
                agreed.filter(|term| super::table::place(term.host) != Some(liar));
            for to in (0..SEATS).filter(|to| *to != liar && self.table.passes(liar, *to)) {
                for (what, packet) in lies(&self.table, liar, to) {
                    found.push(self.after(Move::Lie(liar, to, what), left, |table| {
                        table.liar = Some(liar);
                        table.undisturbed = table.undisturbed.or(honest);
                        table.utter(liar, to, packet);
                    }));
                }
            }
        }
    }
}
