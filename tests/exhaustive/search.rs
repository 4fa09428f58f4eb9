//! The search: depth first, on several threads, over states that nobody has seen yet.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{
    bounds::{Bounds, Breach, Report},
    branch::{Branch, Step, beat, told},
    rules,
    table::{BEAT, Table},
};

/// The states seen are kept in so many sets, so that threads seldom wait for each other.
const SHARDS: usize = 64;

/// Whoever has not come to rest after so many beats never will: half a minute.
const BEATS_MAX: u32 = 1_500;

/// On every so many beats it is looked whether all this has been there before.
const LOOK_BACK: u64 = 10;

/// After so many beats three who have met have a host, and nothing remembers how they came to it.
const SETTLED_BEATS: u64 = 400;

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
    let root = begin(bounds);
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

/// Where everything begins.
pub fn begin(bounds: &Bounds) -> Branch {
    let mut table = Table::new(bounds.tuning.clone());
    if bounds.settled {
        settle(&mut table);
    }
    Branch::new(table, bounds.means)
}

/// Lets things go on until everybody has a host, and everything that is measured has been long ago.
fn settle(table: &mut Table) {
    while beat(table) < SETTLED_BEATS || !table.wire.is_empty() {
        table.go_on();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Search<'_> {
    fn work(&self) {
        while let Some(branch) = self.next() {
            let way = branch.way.clone();
            let found = catch_unwind(AssertUnwindSafe(|| self.follow(branch)));
            let found = found.unwrap_or_else(|_| {
                self.report(way.as_ref(), "a machine panics".into());
                Vec::new()
            });
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
                self.report(branch.way.as_ref(), branch.table.breach.clone().unwrap_or_default());
                break;
            }
            let calm = branch.table.wire.is_empty();
            let survey = branch.table.survey();
            if calm {
                let now = branch.table.likeness(&survey, false);
                fresh |= now != before;
                before = now;
            }
            let leads_off = !calm || fresh || self.bounds.is_time(beat(&branch.table));
            if leads_off || beat(&branch.table).is_multiple_of(LOOK_BACK) {
                let seen = branch.likeness(&survey, calm && fresh, LOOK_BACK);
                if !self.is_new(seen) {
                    if passed.contains(&seen) {
                        self.rest(&branch);
                    }
                    break;
                }
                passed.insert(seen);
                if leads_off {
                    self.lead_off(&branch, &mut found);
                }
            }
            fresh = !calm;
            branch.table.go_on();
            steps += 1;
            if branch.table.now.since(began) > BEAT * BEATS_MAX {
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
            Err(what) => self.report(branch.way.as_ref(), what),
        }
    }

    fn report(&self, way: Option<&Arc<Step>>, what: String) {
        locked(&self.breach).get_or_insert(Breach { what, way: told(way) });
        self.halt();
    }

    fn halt(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.more.notify_all();
    }

    fn lead_off(&self, branch: &Branch, found: &mut Vec<Branch>) {
        let ways = branch.ways(self.bounds);
        self.moves.fetch_add(ways.len() as u64, Ordering::Relaxed);
        found.extend(ways);
    }
}
