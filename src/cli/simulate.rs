//! The simulator from the command line: how long, which seeds, and the closing line.

use std::{
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::RecvTimeoutError;
use interregnum::{
    config::Tuning,
    sim::{
        campaign,
        eye::{self, Seen},
        judge::Violation,
        search::{self, Course, Schedule, Searched},
        stories::{self, Story},
        tally::Tally,
    },
};

use super::{
    impossible::Impossible,
    options::SimOptions,
    output::{Unwritten, say},
    signals,
};

/// Runs the seeds that were asked for, or tells the stories.
pub fn run(options: &SimOptions) -> anyhow::Result<ExitCode> {
    if options.eye {
        return look(options.seed.unwrap_or(1), options.seeds.unwrap_or(20));
    }
    if options.stories {
        for Story { name, tells, nodes, .. } in stories::all() {
            say(&format!("{name:<36} {nodes:>2} nodes  {tells}"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = &options.story {
        return tell(name, options);
    }
    if options.learn {
        return search(options);
    }
    if let Some(schedule) = &options.replay {
        return redo(schedule, options.trace, &tuning(options)?);
    }
    let chosen = campaign::Options { tuning: tuning(options)?, ..Default::default() };
    let single = options.seed.is_some() && options.seeds.is_none() && options.minutes.is_none();
    if options.trace || single {
        return replay(options.seed.unwrap_or(chosen.seed), options.trace, &chosen);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asked_to_stop = stop_later(options.minutes, &stop)?;
    let totals = campaign::run(
        &campaign::Options {
            seed: options.seed.unwrap_or(chosen.seed),
            seeds: options.seeds.or(options.minutes.is_none().then_some(100)),
            threads: threads(),
            ..chosen
        },
        &stop,
    );
    stop.store(true, Ordering::Relaxed);
    say(&totals.to_string())?;
    let missed = totals.met.missed();
    if let Some(missed) = missed {
        say(&format!("these runs met {missed}: they prove nothing"))?;
    }
    let excess = totals.met.excess();
    if let Some(excess) = &excess {
        say(&format!("too often: {excess}"))?;
    }
    let cut_short = asked_to_stop.load(Ordering::Relaxed);
    if cut_short {
        say("ended before its time: not all seeds that were asked for have run")?;
    }
    let proves = missed.is_none() && excess.is_none() && !cut_short;
    closing(totals.passed, totals.failed.len(), proves)
}

/// A search: for so many runs or minutes, or until something is found.
fn search(options: &SimOptions) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked_to_stop = stop_later(options.minutes, &stop)?;
    let chosen = search::Options {
        seed: options.seed.unwrap_or(1),
        runs: options.seeds.or(options.minutes.is_none().then_some(100)),
        threads: threads(),
        tuning: tuning(options)?,
    };
    let searched = search::run(&chosen, &stop);
    stop.store(true, Ordering::Relaxed);
    let Searched { simulated_us, founded, courses, kinds, found } = searched;
    let (hours, run) = (simulated_us as f64 / 3.6e9, search::RUN.as_micros() as f64);
    say(&format!(
        "simulated hours  {hours:.1}  (as many as {:.1} runs)",
        simulated_us as f64 / run
    ))?;
    say(&format!("games founded    {founded}"))?;
    say(&format!("courses          {courses}"))?;
    say(&format!("kinds of moments {kinds}"))?;
    for search::Finding { schedule, violation: Violation { at, place, what } } in &found {
        say(&format!("failed at {at:?}, n{place}: {what}"))?;
        say(&format!("    interregnum sim --replay {schedule} --trace"))?;
    }
    let cut_short = asked_to_stop.load(Ordering::Relaxed);
    if cut_short {
        say("ended before its time: not all runs that were asked for have been made")?;
    }
    closing(courses.saturating_sub(found.len() as u64), found.len(), !cut_short)
}

/// What a search has found, once more.
fn redo(schedule: &Schedule, trace: bool, tuning: &Tuning) -> anyhow::Result<ExitCode> {
    let course = Course::<Tally>::follow(schedule, tuning, trace);
    let (violations, print) = (course.world.judge.violations.clone(), course.world.fingerprint());
    course.into_lines().iter().try_for_each(|line| say(line))?;
    report(&violations)?;
    say(&format!("{schedule}, fingerprint {print:016x}"))?;
    let failed = usize::from(!violations.is_empty());
    closing(1 - failed as u64, failed, true)
}

#[cfg(feature = "mutants")]
fn tuning(options: &SimOptions) -> anyhow::Result<Tuning> {
    use interregnum::config::Mutant;

    let Some(name) = &options.mutant else { return Ok(Tuning::default()) };
    let known = Mutant::ALL.iter().find(|(known, _)| known == name);
    let Some((_, mutant)) = known else {
        let names: Vec<&str> = Mutant::ALL.iter().map(|(name, _)| *name).collect();
        let why = format!("there is no deliberate bug {name:?}; there are {}", names.join(", "));
        return Err(Impossible(why).into());
    };
    Ok(Tuning { mutant: Some(*mutant), ..Tuning::default() })
}

#[cfg(not(feature = "mutants"))]
fn tuning(_options: &SimOptions) -> anyhow::Result<Tuning> {
    Ok(Tuning::default())
}

fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

/// One story, or all, with many seeds; or with one, line by line.
fn tell(name: &str, options: &SimOptions) -> anyhow::Result<ExitCode> {
    let chosen: Vec<&Story> = match Story::find(name) {
        Some(story) => vec![story],
        None if name == "all" => stories::all().collect(),
        None => {
            let why = format!("there is no story {name:?}; `sim --stories` lists them");
            return Err(Impossible(why).into());
        }
    };
    let tuning = tuning(options)?;
    let seed = options.seed.unwrap_or(1);
    let (mut passed, mut failed) = (0, 0);
    if options.trace || (options.seed.is_some() && options.seeds.is_none()) {
        for story in chosen {
            say(&format!("{}, seed {seed}: {}", story.name, story.tells))?;
            let told = story.tell(seed, &tuning, options.trace);
            told.trace.iter().try_for_each(|line| say(line))?;
            report(&told.violations)?;
            passed += u64::from(told.violations.is_empty());
            failed += usize::from(!told.violations.is_empty());
        }
        return closing(passed, failed, true);
    }
    say(stories::HEADING)?;
    for story in chosen {
        let seeds = seed..seed.saturating_add(options.seeds.unwrap_or(100));
        let tellings = story.tell_all(seeds, threads(), &tuning);
        say(&tellings.to_string())?;
        passed += tellings.passed;
        failed += tellings.failed.len();
    }
    closing(passed, failed, true)
}

fn report(violations: &[Violation]) -> Result<(), Unwritten> {
    violations
        .iter()
        .try_for_each(|Violation { at, place, what }| say(&format!("{at:?} n{place}: {what}")))
}

/// What players see, scene by scene.
fn look(seed: u64, seeds: u64) -> anyhow::Result<ExitCode> {
    let mut failed = 0;
    for (name, scene) in eye::Scene::ALL {
        let seen = (seed..seed.saturating_add(seeds)).map(|seed| eye::watch(seed, scene));
        let seen = seen.fold(Seen::default(), Seen::and);
        let smooth = scene.is_smooth(&seen);
        failed += usize::from(!smooth);
        say(&format!("{name:<28} {seen}{}", if smooth { "" } else { "   FAILED" }))?;
    }
    closing((eye::Scene::ALL.len() - failed) as u64, failed, true)
}

/// One seed again.
fn replay(seed: u64, trace: bool, chosen: &campaign::Options) -> anyhow::Result<ExitCode> {
    let run = campaign::run_seed(seed, chosen.rounds, &chosen.tuning, trace);
    for line in &run.trace {
        say(line)?;
    }
    report(&run.violations)?;
    say(&format!("seed {seed}, fingerprint {:016x}", run.fingerprint))?;
    let failed = usize::from(!run.violations.is_empty());
    closing(1 - failed as u64, failed, true)
}

fn closing(passed: u64, failed: usize, proves: bool) -> anyhow::Result<ExitCode> {
    say(&format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 && proves { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sets `stop` after so many minutes, or when asked to; what is returned, only then. Once it is set all
/// that is left is to say what came of it; whoever asks then does not want to hear it.
fn stop_later(minutes: Option<u64>, stop: &Arc<AtomicBool>) -> anyhow::Result<Arc<AtomicBool>> {
    let requests = signals::signals()?;
    let stop = Arc::clone(stop);
    let asked = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&asked);
    let wait = move || {
        let mut span = minutes.map_or(Duration::MAX, |minutes| Duration::from_secs(minutes * 60));
        loop {
            match requests.recv_timeout(span) {
                Ok(()) if stop.swap(true, Ordering::Relaxed) => process::exit(1),
                Ok(()) => told.store(true, Ordering::Relaxed),
                Err(RecvTimeoutError::Timeout) => stop.store(true, Ordering::Relaxed),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            span = Duration::MAX;
        }
    };
    thread::Builder::new().name("stop".into()).spawn(wait)?;
    Ok(asked)
}
