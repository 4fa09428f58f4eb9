//! How much sooner the search that learns finds a deliberate bug than seeds do, each of which starts again:
//! the table in `materials/design.md`. Only what breaks an invariant is looked for; what is too frequent, and
//! what only a story shows, is in `tests/mutants.rs`.
#![cfg(feature = "mutants")]

use std::{env, fmt};

use interregnum::{
    config::{Mutant, Tuning},
    sim::{
        campaign::run_seed,
        search::{Course, Finding, Habits, RUN, Schedule, Search, shortened},
        tally::Tally,
    },
};

/// Both start at so many numbers, if nothing else is said: 1, 1,001, 2,001 and so on.
const STARTS: u64 = 5;

/// So many seeds say what a seed takes.
const SEEDS_FOR_A_RUN: u64 = 60;

/// After so many runs the search does not go on, if nothing else is said; seeds go on for ten times as many.
const RUNS_MAX: u64 = 50;

/// Bugs that seeds find late, and the search must find within so many runs.
const SOON: [(&str, u64); 2] = [("stubborn", 8), ("trusts-answers", 8)];

#[test]
fn the_search_finds_bugs_and_what_it_finds_can_be_done_again() {
    let run = RUN.as_micros() as u64;
    for (name, runs) in SOON {
        let tuning = with_bug(name);
        let (_, finding) = searched(1, runs * run, &tuning);
        let finding = finding.unwrap_or_else(|| panic!("{name} is not found within {runs} runs"));
        let short = shortened(&finding, &tuning);
        assert!(short.schedule.acts.len() <= finding.schedule.acts.len());
        let typed: Schedule = short.schedule.to_string().parse().unwrap();
        let again = Course::<Tally>::follow(&typed, &tuning, true);
        assert_eq!(again.broken(), Some(&short.violation), "{name}: {typed}");
        let without = Course::<Tally>::follow(&typed, &Tuning::default(), false);
        assert_eq!(without.broken(), None, "{name}: {typed} breaks something without the bug");
    }
}

#[test]
#[ignore = "by hand, for the table: `MUTANT=one,other`, `RUNS=N` to give up after, `STARTS=N`"]
fn each_deliberate_bug_is_found_by_seeds_and_by_the_search() {
    let only = env::var("MUTANT").ok();
    let runs = env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS_MAX);
    let run = RUN.as_micros() as u64;
    println!("| bug | seeds | search | part | broken first |\n|---|---|---|---|---|");
    let starts = env::var("STARTS").ok().and_then(|starts| starts.parse().ok()).unwrap_or(STARTS);
    let mut parts = Vec::new();
    for (name, mutant) in Mutant::ALL {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|only| only == name)) {
            continue;
        }
        let tuning = Tuning { mutant: Some(mutant), ..Tuning::default() };
        let (mut seeds, mut searches, mut broken) =
            (Costs::new(run), Costs::new(run), String::new());
        for start in (0..starts).map(|nth| 1 + 1_000 * nth) {
            let limit = runs * run;
            let (cost, finding) = searched(start, limit, &tuning);
            searches.0.push((cost, finding.is_some()));
            if let Some(Finding { schedule, violation }) = finding {
                broken = violation.what.split(':').next().unwrap_or_default().to_owned();
                eprintln!("{name}, {start}: {}\n    --replay {schedule}", violation.what);
            }
            seeds.0.push(seeded(start, 10 * limit, &tuning));
            let two = |costs: &Costs| costs.0.len() == 2 && costs.0.iter().all(|(_, found)| !found);
            if two(&seeds) && two(&searches) {
                break;
            }
        }
        let part = searches.median() as f64 / seeds.median() as f64;
        println!("| `{name}` | {seeds} | {searches} | {part:.2} | {broken} |");
        if seeds.is_found() || searches.is_found() {
            parts.push(part);
        }
    }
    parts.sort_unstable_by(f64::total_cmp);
    println!("the median part of {}: {:?}", parts.len(), parts.get(parts.len() / 2));
}

/// What the real program breaks under the search: nothing.
#[test]
#[ignore = "by hand, for hours: `RUNS=N`"]
fn the_search_finds_nothing_where_there_is_nothing() {
    let runs: u64 = env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS_MAX);
    let start = env::var("START").ok().and_then(|start| start.parse().ok()).unwrap_or(1);
    let mut search = Search::new(start, habits(), Tuning::default());
    let limit = runs * RUN.as_micros() as u64;
    let mut found = 0;
    while search.searched().simulated_us < limit {
        if let Some(finding) = search.step() {
            let Finding { schedule, violation } = shortened(&finding, &Tuning::default());
            println!("{}\n    --replay {schedule}", violation.what);
            found += 1;
        }
    }
    println!("{:?}", search.searched());
    assert_eq!(found, 0);
}

/// How it is searched; `HABITS=founds_every=3,drawn=1` has it otherwise.
fn habits() -> Habits {
    let mut habits = Habits::default();
    for (name, value) in env::var("HABITS")
        .iter()
        .flat_map(|said| said.split(','))
        .filter_map(|it| it.split_once('='))
    {
        let value: u64 = value.parse().expect("a habit is a number");
        match name {
            "kept_max" => habits.kept_max = value as usize,
            "drawn" => habits.drawn = value as usize,
            "founds_every" => habits.founds_every = value,
            "faults_max" => habits.faults_max = value,
            "kinds_max" => habits.kinds_max = value,
            "still_us" => habits.still_us = value,
            "luck_max" => habits.luck_max = value,
            "host_percent" => habits.host_percent = value,
            "hurries_every" => habits.hurries_every = value,
            "lingers_min_us" => habits.lingers_min_us = value,
            "lingers_max_us" => habits.lingers_max_us = value,
            "peace_percent" => habits.peace_percent = value,
            "wait_order_max" => habits.wait_order_max = value,
            "rests_every" => habits.rests_every = value,
            "loses_every" => habits.loses_every = value,
            "peaces_every" => habits.peaces_every = value,
            "weather_every" => habits.weather_every = value,
            "keeps_moments" => habits.keeps_moments = value > 0,
            _ => panic!("{name} is no habit"),
        }
    }
    habits
}

#[test]
#[ignore = "by hand, when the campaign changes"]
fn a_run_is_what_a_seed_takes() {
    let run_s = run_us(SEEDS_FOR_A_RUN) as f64 / 1e6;
    assert!((run_s - RUN.as_secs_f64()).abs() < 2.0, "{run_s} simulated seconds");
}

fn with_bug(name: &str) -> Tuning {
    let (_, mutant) =
        Mutant::ALL.into_iter().find(|(known, _)| *known == name).expect("it is one of them");
    Tuning { mutant: Some(mutant), ..Tuning::default() }
}

/// What a seed takes in the mean, in simulated microseconds.
fn run_us(seeds: u64) -> u64 {
    let spent = |seed| run_seed(seed, 8, &Tuning::default(), false).met.simulated_us;
    (1..=seeds).map(spent).sum::<u64>() / seeds
}

/// The simulated time until seeds from `start` on break something, and whether they do before `limit`.
fn seeded(start: u64, limit: u64, tuning: &Tuning) -> (u64, bool) {
    let mut spent = 0;
    for seed in start.. {
        let run = run_seed(seed, 8, tuning, false);
        spent += run.met.simulated_us;
        if !run.violations.is_empty() {
            return (spent, true);
        }
        if spent >= limit {
            break;
        }
    }
    (limit, false)
}

/// The same of the search, and what it finds.
fn searched(start: u64, limit: u64, tuning: &Tuning) -> (u64, Option<Finding>) {
    let mut search = Search::new(start, habits(), tuning.clone());
    while search.searched().simulated_us < limit {
        if let Some(finding) = search.step() {
            return (search.searched().simulated_us, Some(finding));
        }
    }
    (limit, None)
}

/// What it took from each start, in simulated microseconds, and whether it was found at all.
struct Costs(Vec<(u64, bool)>, u64); // and what a run takes

impl Costs {
    fn new(run: u64) -> Self {
        Self(Vec::new(), run)
    }

    fn sorted(&self) -> Vec<(u64, bool)> {
        let mut costs = self.0.clone();
        costs.sort_unstable();
        costs
    }

    fn median(&self) -> u64 {
        self.sorted()[self.0.len() / 2].0
    }

    /// Whether it was found from most starts.
    fn is_found(&self) -> bool {
        self.sorted()[self.0.len() / 2].1
    }
}

/// The median, and from where to where, in runs.
impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let costs = self.sorted();
        let runs = |at: usize| {
            let (cost, found) = costs[at];
            format!("{}{:.2}", if found { "" } else { "> " }, cost as f64 / self.1 as f64)
        };
        write!(f, "{} ({} to {})", runs(costs.len() / 2), runs(0), runs(costs.len() - 1))
    }
}
