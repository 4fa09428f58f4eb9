//! A search that learns: it goes on from moments that are worth it, instead of starting again.
//!
//! A seed of the [campaign](super::campaign) founds a game, spends most of its time with waiting, and ends. The
//! search founds one now and then, and keeps clones of games at moments that were like none before (by
//! [`World::likeness`](super::world::World::likeness)): in the middle of an ask, with two hosts, just before a
//! zombie wakes. It goes on from those, each time with other faults at other instants. What pays is done more
//! often:
//!
//! - of a few kept moments drawn at random the one is taken whose kind was seen least and taken least;
//! - a fault that has led to new kinds of moments is drawn more often than one that has not; but in every second
//!   course only faults that strike the host, for it is the crown that most can go wrong with;
//! - one course in three begins in peace, for there the next fault finds everybody fit to do something wrong;
//! - courses are short, and end with peace, which takes longer than they do: of those that came to nothing new
//!   most end without it;
//! - after the last fault of a course most waits are about as long as it takes to suspect a host: peace that is made
//!   before anybody has missed it shows little;
//! - a wait ends when nothing has changed for a while; if the judge waits for a successor, when there is one, or
//!   ought to be. That it does only where everybody has rested, which takes longer than many courses: so a game
//!   rests now and then, not at the beginning, and is kept beside the others, to lose its host again and again.
//!
//! Whatever it does to a game is a [`Schedule`]: so what it finds can be done again, alone and exactly, and told
//! line by line. Before a finding is told, acts are left out of it for as long as the same invariant breaks
//! without them.
//!
//! What it costs is counted in simulated time, all of it, whatever became of the course; [`RUN`] of it is one
//! run, which is what a seed of the campaign takes. The smallest game is played only.

mod course;
mod schedule;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};

pub use self::{
    course::Course,
    schedule::{Act, Schedule, Unreadable},
};
use super::{
    chance::chance,
    judge::Violation,
    network::Weather,
    swarm::{FAULTS, Fault},
    tally::Tally,
};
use crate::config::Tuning;

/// What a seed of the campaign takes, in simulated time.
pub const RUN: Duration = Duration::from_secs(28);

/// How it is searched.
#[derive(Clone, Debug)]
pub struct Habits {
    /// So many moments are kept at most.
    pub kept_max: usize,
    /// Of so many drawn at random that is taken which is known least.
    pub drawn: usize,
    /// One time in so many another game is founded.
    pub founds_every: u64,
    /// The most faults in one course, and the most kinds of them.
    pub faults_max: u64,
    /// See `faults_max`.
    pub kinds_max: u64,
    /// When nothing has changed for so long, a wait ends.
    pub still_us: u64,
    /// So many times as often as another one a fault is drawn at most that has paid.
    pub luck_max: u64,
    /// In so many of a hundred courses all faults strike the host.
    pub host_percent: u64,
    /// The longest wait between two faults is twice two to this power, in microseconds; all orders of magnitude
    /// below it are as frequent.
    pub wait_order_max: u64,
    /// After the last fault of a course the wait is one of those one time in so many. Else it is longer.
    pub hurries_every: u64,
    /// From so long on, and as likely any length up to `lingers_max_us`.
    pub lingers_min_us: u64,
    /// See `lingers_min_us`.
    pub lingers_max_us: u64,
    /// So many of a hundred courses begin in peace for certain.
    pub peace_percent: u64,
    /// One game in so many rests when it has been founded, until the judge can expect a successor.
    pub rests_every: u64,
    /// One course in so many begins where a game has rested last, if one has, and there the host is lost first.
    pub loses_every: u64,
    /// Peace is made after one in so many of the courses that have come to no moment of a new kind. After the
    /// others it is always made.
    pub peaces_every: u64,
    /// One course in so many that begins in peace has another wire.
    pub weather_every: u64,
    /// Moments are kept between faults; else only those after peace.
    pub keeps_moments: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            kept_max: 96,
            drawn: 5,
            founds_every: 40,
            faults_max: 2,
            kinds_max: 3,
            still_us: 250_000,
            luck_max: 16,
            host_percent: 50,
            wait_order_max: 16,
            hurries_every: 4,
            lingers_min_us: 30_000,
            lingers_max_us: 130_000,
            peace_percent: 30,
            rests_every: 3,
            loses_every: 8,
            peaces_every: 4,
            weather_every: 4,
            keeps_moments: true,
        }
    }
}

/// How closely is looked whether anything has changed, in microseconds.
const LOOK_US: u64 = 2_000;

/// The shortest wait between two faults is two to this power, in microseconds.
const WAIT_ORDER_MIN: u64 = 8;

/// So often it is tried to leave something out of a finding.
const CUTS_MAX: usize = 200;

/// What is to be searched.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the search starts: the first game, and all chance.
    pub seed: u64,
    /// How many runs it may take; none: until told to stop.
    pub runs: Option<u64>,
    /// Threads to run on: each searches for itself, for its share of the runs.
    pub threads: usize,
    /// What all nodes are told.
    pub tuning: Tuning,
}

/// What a search has come to.
#[derive(Clone, Debug, Default)]
pub struct Searched {
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    /// Games that were founded.
    pub founded: u64,
    /// Courses that were gone.
    pub courses: u64,
    /// Kinds of moments that were seen.
    pub kinds: u64,
    /// What was broken, if anything was.
    pub found: Vec<Finding>,
}

/// An invariant that was broken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How it is broken again.
    pub schedule: Schedule,
    /// Which.
    pub violation: Violation,
}

/// A search on its way.
pub struct Search {
    tuning: Tuning,
    habits: Habits,
    random: Pcg64Mcg,
    next_game: u64,
    /// How often each kind of moment was entered.
    seen: BTreeMap<u64, u32>,
    kept: Vec<Kept>,
    /// The game that has rested last.
    rested: Option<Course<Tally>>,
    luck: [Luck; FAULTS.len()],
    searched: Searched,
}

/// A moment that was like none before.
struct Kept {
    course: Course<Tally>,
    kind: u64,
    taken: u32,
}

/// How often a fault was tried, and how many new kinds of moments it has led to.
#[derive(Clone, Copy, Default)]
struct Luck {
    tried: u64,
    new: u64,
}

impl Search {
    /// A search that starts at `seed`.
    pub fn new(seed: u64, habits: Habits, tuning: Tuning) -> Self {
        Self {
            tuning,
            habits,
            random: chance(seed, 5),
            next_game: seed,
            seen: BTreeMap::new(),
            kept: Vec::new(),
            rested: None,
            luck: [Luck::default(); FAULTS.len()],
            searched: Searched::default(),
        }
    }

    /// What it has come to so far.
    pub fn searched(&self) -> &Searched {
        &self.searched
    }

    /// Goes one course more, or founds a game. What that broke, if it broke anything.
    pub fn step(&mut self) -> Option<Finding> {
        let founds = self.kept.is_empty() || self.one_in(self.habits.founds_every);
        let (course, violation) = match founds {
            true => self.found(),
            false => self.go_on(),
        };
        let violation = violation?;
        Some(Finding { schedule: course.schedule().clone(), violation })
    }

    /// Founds a game.
    fn found(&mut self) -> (Course<Tally>, Option<Violation>) {
        let seed = self.next_game;
        self.next_game = self.next_game.wrapping_add(1);
        self.searched.founded += 1;
        let mut course = Course::begin(seed, &self.tuning, false);
        self.searched.simulated_us += course.world.now.0.saturating_sub(START_US);
        self.keep_peace(&course);
        if self.searched.founded.is_multiple_of(self.habits.rests_every) {
            self.rest(&mut course);
        }
        let broken = course.broken().cloned();
        (course, broken)
    }

    /// Goes on from some moment.
    fn go_on(&mut self) -> (Course<Tally>, Option<Violation>) {
        self.searched.courses += 1;
        let loses = self.rested.is_some() && self.one_in(self.habits.loses_every);
        let rested = self.rested.as_ref().filter(|_| loses).cloned();
        let mut course = rested.unwrap_or_else(|| self.take());
        let kinds = self.seen.len();
        let violation = self.go(&mut course, loses);
        let new = self.seen.len() > kinds;
        self.searched.kinds = self.seen.len() as u64;
        if violation.is_some() || !new && !self.one_in(self.habits.peaces_every) {
            return (course, violation);
        }
        self.act(&mut course, Act::Peace);
        let mut violation = course.broken().cloned();
        if violation.is_none() {
            let mut end = course.world.clone();
            end.judge_disks();
            violation = end.judge.violations.into_iter().next();
        }
        self.keep_peace(&course);
        (course, violation)
    }

    /// Lets faults strike; `loses` says that the first one costs the host, on a calm wire.
    fn go(&mut self, course: &mut Course<Tally>, loses: bool) -> Option<Violation> {
        let draw = self.random.next_u64();
        self.act(course, Act::Draw(draw));
        if !loses && course.is_at_peace() && self.one_in(self.habits.weather_every) {
            let weather = self.weather();
            self.act(course, Act::Air(weather));
        }
        let kinds = self.kinds();
        let faults = 1 + self.below(self.habits.faults_max);
        for nth in 1..=faults {
            let at = match loses && nth == 1 {
                true => self.one_of(Fault::loses_the_host),
                false => kinds[self.below(kinds.len() as u64) as usize],
            };
            let seen = self.seen.len();
            self.luck[at].tried += 1;
            if self.act(course, Act::Strike(FAULTS[at])) {
                let span_us = self.span_us(nth == faults);
                self.wait(course, span_us);
            }
            self.luck[at].new += (self.seen.len() - seen) as u64;
            if course.broken().is_some() {
                break;
            }
        }
        course.broken().cloned()
    }

    /// The kinds of faults of one course.
    fn kinds(&mut self) -> Vec<usize> {
        let kinds = 1 + self.below(self.habits.kinds_max);
        let at_the_host = self.below(100) < self.habits.host_percent;
        let mut kind = || match at_the_host {
            true => self.one_of(Fault::strikes_the_host),
            false => self.fault(),
        };
        (0..kinds).map(|_| kind()).collect()
    }

    /// How long to wait after a fault, in microseconds.
    fn span_us(&mut self, is_last: bool) -> u64 {
        let Habits { hurries_every, lingers_min_us, lingers_max_us, .. } = self.habits;
        if is_last && !self.one_in(hurries_every) {
            return lingers_min_us + self.below(lingers_max_us.saturating_sub(lingers_min_us));
        }
        let order = WAIT_ORDER_MIN + self.below(self.habits.wait_order_max + 1 - WAIT_ORDER_MIN);
        (1 << order) + self.below(1 << order)
    }

    /// Lets time pass: for as long as something happens, or the judge waits for something.
    fn wait(&mut self, course: &mut Course<Tally>, mut span_us: u64) {
        let awaits = course.world.awaits() && self.below(4) != 0;
        if awaits {
            span_us = course.world.awaited().as_micros() as u64 + 1_000;
        }
        let (mut kind, mut still_us) = (course.likeness(), 0);
        while span_us > 0
            && (awaits || still_us < self.habits.still_us)
            && course.broken().is_none()
        {
            if awaits && !course.world.awaits() {
                return;
            }
            let step_us = span_us.min(LOOK_US);
            self.act(course, Act::Wait(step_us));
            span_us -= step_us;
            still_us += step_us;
            let now = course.likeness();
            if now != kind {
                (kind, still_us) = (now, 0);
                let new = self.enter(kind);
                if new && self.habits.keeps_moments && course.broken().is_none() {
                    self.keep(course, kind);
                }
            }
        }
    }

    /// A game that was just founded rests until the judge can expect a successor, and that is kept.
    fn rest(&mut self, course: &mut Course<Tally>) {
        let mut patience_us = REST_US;
        while !course.world.is_rested() && patience_us > 0 && course.broken().is_none() {
            self.act(course, Act::Wait(LOOK_US * 10));
            patience_us = patience_us.saturating_sub(LOOK_US * 10);
        }
        self.rested = Some(course.clone()).filter(|course| course.broken().is_none());
    }

    /// Keeps a moment of peace, whether or not there was one of its kind.
    fn keep_peace(&mut self, course: &Course<Tally>) {
        let kind = course.likeness();
        self.enter(kind);
        if course.broken().is_none() {
            self.keep(course, kind);
        }
    }

    /// Does something, and counts the time.
    fn act(&mut self, course: &mut Course<Tally>, act: Act) -> bool {
        let before = course.world.now;
        let done = course.act(act);
        self.searched.simulated_us += course.world.now.since(before).as_micros() as u64;
        done
    }

    /// A moment of some kind has begun. Whether there was none before.
    fn enter(&mut self, kind: u64) -> bool {
        let seen = self.seen.entry(kind).or_default();
        *seen = seen.saturating_add(1);
        *seen == 1
    }

    /// Keeps this moment; in place of the one that is known best, if there are many.
    fn keep(&mut self, course: &Course<Tally>, kind: u64) {
        self.kept.push(Kept { course: course.clone(), kind, taken: 0 });
        if self.kept.len() > self.habits.kept_max {
            let (seen, kept) = (&self.seen, self.kept.iter().enumerate());
            let known = kept.max_by_key(|(_, kept)| kept.known(seen)).map(|(at, _)| at);
            if let Some(at) = known {
                self.kept.swap_remove(at);
            }
        }
    }

    /// One of those that are kept, to go on from.
    fn take(&mut self) -> Course<Tally> {
        let in_peace = self.below(100) < self.habits.peace_percent;
        let fits = |kept: &Kept| !in_peace || kept.course.is_at_peace();
        let fit: Vec<usize> = (0..self.kept.len()).filter(|at| fits(&self.kept[*at])).collect();
        let drawn: Vec<usize> = (0..self.habits.drawn)
            .filter_map(|_| fit.get(self.below(fit.len() as u64) as usize).copied())
            .collect();
        let rare = drawn.into_iter().min_by_key(|at| self.kept[*at].known(&self.seen));
        let kept = &mut self.kept[rare.unwrap_or_default()];
        kept.taken = kept.taken.saturating_add(1);
        kept.course.clone()
    }

    /// A fault, those more often that have paid.
    fn fault(&mut self) -> usize {
        let most = self.habits.luck_max;
        let weights =
            self.luck.map(|Luck { tried, new }| 1 + (most * (new + 1) / (tried + 1)).min(most));
        let mut left = self.below(weights.iter().sum());
        for (at, weight) in weights.into_iter().enumerate() {
            if left < weight {
                return at;
            }
            left -= weight;
        }
        0
    }

    /// One of the faults that are so, each as likely.
    fn one_of(&mut self, is_so: impl Fn(Fault) -> bool) -> usize {
        let such: Vec<usize> = (0..FAULTS.len()).filter(|at| is_so(FAULTS[*at])).collect();
        such[self.below(such.len() as u64) as usize]
    }

    fn weather(&mut self) -> Weather {
        Weather {
            latency_us: 150 + self.below(30_000),
            jitter_us: 250 + self.below(10_000),
            loss_permille: self.below(51),
            double_permille: self.below(20),
        }
    }

    fn one_in(&mut self, so_many: u64) -> bool {
        self.below(so_many) == 0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random.next_u64() % limit.max(1)
    }
}

/// When a world's time begins.
const START_US: u64 = 1_000_000;

/// Nobody rests for longer.
const REST_US: u64 = 3_000_000;

impl Kept {
    /// How well it is known already.
    fn known(&self, seen: &BTreeMap<u64, u32>) -> u64 {
        let seen = seen.get(&self.kind).copied().unwrap_or_default();
        u64::from(seen) * (1 + u64::from(self.taken))
    }
}

/// Searches until something is found, the runs are used up, or `stop` is set.
#[expect(clippy::disallowed_methods, reason = "the impure edge: searches share nothing")]
pub fn run(options: &Options, stop: &AtomicBool) -> Searched {
    let threads = options.threads.max(1) as u64;
    let all = Mutex::new(Searched::default());
    let run_us = RUN.as_micros() as u64;
    let limit_us = options.runs.map_or(u64::MAX, |runs| (runs * run_us).div_ceil(threads));
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let all = &all;
            scope.spawn(move || {
                // Far apart: no two found the same game.
                let seed = options.seed.wrapping_add(thread << 32);
                let mut search = Search::new(seed, Habits::default(), options.tuning.clone());
                let mut found = None;
                while !stop.load(Ordering::Relaxed)
                    && found.is_none()
                    && search.searched.simulated_us < limit_us
                {
                    found = search.step();
                }
                if let Some(finding) = &found {
                    stop.store(true, Ordering::Relaxed);
                    found = Some(shortened(finding, &options.tuning));
                }
                let Searched { simulated_us, founded, courses, kinds, .. } = search.searched;
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.simulated_us += simulated_us;
                all.founded += founded;
                all.courses += courses;
                all.kinds += kinds;
                all.found.extend(found);
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The same finding, without the acts that it does not take: all without which the same invariant breaks.
pub fn shortened(finding: &Finding, tuning: &Tuning) -> Finding {
    let mut short = finding.clone();
    let mut at = short.schedule.acts.len();
    let mut cuts = 0;
    while at > 0 && cuts < CUTS_MAX {
        at -= 1;
        let mut schedule = short.schedule.clone();
        schedule.acts.remove(at);
        cuts += 1;
        let course = Course::<Tally>::follow(&schedule, tuning, false);
        if let Some(violation) = course.broken()
            && rule(violation) == rule(&finding.violation)
        {
            short = Finding { violation: violation.clone(), schedule: course.schedule().clone() };
            at = at.min(short.schedule.acts.len());
        }
    }
    short
}

/// The name of the invariant that was broken.
fn rule(violation: &Violation) -> &str {
    violation.what.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_of_a_game_goes_on_as_the_game_does() {
        for seed in 1..4 {
            let mut course = Course::<Tally>::begin(seed, &Tuning::default(), false);
            let acts = [
                Act::Draw(7),
                Act::Strike(Fault::KillHost),
                Act::Wait(20_300),
                Act::Strike(Fault::Split),
                Act::Wait(700_000),
                Act::Peace,
            ];
            for at in 0..acts.len() {
                let mut clone = course.clone();
                for act in &acts[at..] {
                    clone.act(act.clone());
                }
                let mut whole = Course::<Tally>::begin(seed, &Tuning::default(), false);
                for act in &acts {
                    whole.act(act.clone());
                }
                assert_eq!(clone.world.fingerprint(), whole.world.fingerprint(), "{seed}, {at}");
                course.act(acts[at].clone());
            }
        }
    }

    // What somebody had sent before it left came, late, after it was back, and counted as said in its new life. And
    // whoever had seen no roster yet believed in a world that a liar had signed with a key which it had just made up.
    #[test]
    fn what_the_search_has_found_once_breaks_nothing_any_more() {
        let found = [
            "60001:SplitThreeWays,w360,SplitThreeWays,w50000,b98fde9b8a1e935ad,MuteHost,\
             w472,peace,w30000,befa78aafabd0e7c6,air20679+9978-12-3,DelayHost,w56000,\
             be0d03d72dff2ff38,Split,w3604,Split,w18000,Calm,IsolateHost,w48000,\
             bf38ab56122348184,Readdress,w2902,Readdress,w4000,b96d62e1f02a53ea3,FlapHost,\
             w393,FlapHost,w104701,peace,w30000,Leave,peace,w30000,peace,w30000,peace,\
             w114145,peace,w30000",
            "88001:b4b0148e20b294a0c,FlapHost,w104828,peace,b5ec18fc3a25283d0,Crowd,Crowd,\
             peace,b8a671762facbaa35,DeafHost,w58684,DeafHost,w18000,b5a78f170fdb00de8,\
             UnplugHost,w12747,UnplugHost,peace,b33927b330b34a2f0,Split,w25378,Split,\
             w62000,b3ebb1ce9b2f3e398,MuteHost,w30000,b4352ed3a3f2be1ce,MuteHost,w7847,\
             DelayHost,w44000,bd12c8dcf1738d4c0,HalfOpen,w28000,b2129394af33c04d4,\
             IsolateHost,w12000,b57b0f7e2de8203ca,FlapHost,w50000,be06ac29c1e8c21c,\
             StarveHost,w50000,LeaveHost,w920,beeff28247f1fd25e,KillHost,w1225,\
             b34477f9301d0c7ac,DeafHost,w8449,b6948f0747889f4dd,FlapHost,w10000,\
             b50058e697fb1d76b,StarveHost,w2000,b117294294100da8d,KillHost,w38000,\
             IsolateHost,w2000,bdf359d9eb2f19bd9,DeafHost,w32000,UnplugHost,w2000,\
             PauseHost,w8000,bf9b8cf84c47fdc9a,FlapHost,w42000,b28572b2ea3f1b4c9,Crowd,\
             w18000,b64fd4b74e4117b2c,Heal,w4000,baaaf8f9dcfd8451c,FillDisk,w2990,Isolate,\
             w2000,b75ff2993da9d0c1d,LeaveHost,w622,b89293fcccce94a7,Leave,Leave,w12000,\
             b1b11e8b1d80b9828,Heal,w34000,bc6072bada4698fd7,UnplugHost,w16000,\
             ba39d5dd08b7d2475,DeafHost,w46000,Readdress,w14000,b13ce1d44931bf51b,Storm,\
             w14000,b5dbfbd9195538270,StarveHost,w6000,baf0b94a041c7f58a,Crowd,w2000,\
             DeafHost,w312,MuteHost,w4000,bf8b9087e08240c90,MuteHost,w19374,KillHost,w2000,\
             b8cf53369f9dfdfe6,FailSync,w10000,b1fabea623a64dbb8,Crowd,w20000,\
             bfed29e84ece781df,DeafHost,w4000,b3f93a7d42f7a0e34,DelayHost,w34831,DelayHost,\
             w24000,bed4c68b0338278a3,KillHost,w10000,Lie,w40000",
        ];
        for schedule in found {
            let schedule: Schedule = schedule.parse().unwrap();
            let course = Course::<Tally>::follow(&schedule, &Tuning::default(), false);
            assert_eq!(course.broken(), None, "{schedule}");
        }
    }

    #[test]
    fn what_a_search_does_can_be_done_again_from_its_schedule() {
        let tuning = Tuning::default();
        let mut search = Search::new(3, Habits::default(), tuning.clone());
        for _ in 0..30 {
            assert!(search.step().is_none());
        }
        let kept = search.kept.iter().rev().take(3);
        for course in kept.map(|kept| &kept.course) {
            let told: Schedule = course.schedule().to_string().parse().unwrap();
            let mut again = Course::<Tally>::begin(told.seed, &tuning, true);
            told.acts.iter().for_each(|act| {
                again.act(act.clone());
            });
            assert_eq!(again.world.fingerprint(), course.world.fingerprint());
            assert_eq!(again.likeness(), course.likeness());
        }
        assert!(search.searched.kinds > 5, "{:?}", search.searched);
    }
}
