//! `bench chat`: what people say to each other, while the worst happens.
//!
//! | what | how |
//! |---|---|
//! | [`talking`] | four talk, and their host is killed again and again |
//! | [`flood`] | a fifth one says a thousand lines a second, whatever is allowed |
//! | [`missed`] | somebody comes who has missed many lines, and somebody who has missed none |
//! | [`large`] | a book with many entries is listed, searched, and started with |

use std::process::ExitCode;

use crossbeam_channel::Receiver;
use interregnum::{text::SessionName, types::Instant};
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use crate::cli::{
    lines::{Line, What},
    options::{ChatBenchOptions, GameOptions, RunOptions},
    output::{Output, Stdout},
    party::{Ended, Party},
    peers::Peers,
    signals,
};

mod flood;
mod large;
mod missed;
mod talking;

/// What all parts need.
struct Bench<'a> {
    run: &'a RunOptions,
    log: LevelFilter,
    out: Output,
    stop: Receiver<()>,
}

/// How one part ended: whether all was as promised.
type Outcome = Result<bool, Ended>;

impl Bench<'_> {
    /// A session of its own, and nobody in it yet.
    fn party(&self) -> anyhow::Result<(Party, SessionName)> {
        let session = SessionName::new(&format!("talk {:08x}", Uuid::new_v4().as_fields().0))?;
        let game = GameOptions { session: Some(session.clone()), ..GameOptions::private(true) };
        let peers = Peers::new(&game, self.run, self.log)?;
        let mut party = Party::new(peers, self.run, self.stop.clone(), &self.out);
        party.record = Some(Vec::new());
        Ok((party, session))
    }
}

/// Runs it.
pub fn run(options: &ChatBenchOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let run = &options.run;
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let bench = Bench { run, log, out: out.clone(), stop };
    let mut ok = true;
    for part in 0..4 {
        let outcome = match part {
            0 if options.kills > 0 => talking::measure(&bench, options.kills, options.rate)?,
            1 if options.flood > 0 => flood::measure(&bench, options.flood)?,
            2 if options.missed > 0 => missed::measure(&bench, options.missed)?,
            3 if options.entries > 0 => large::measure(&bench, options.entries, options.accounts)?,
            _ => continue,
        };
        match outcome {
            Ok(fine) => ok &= fine,
            Err(Ended::Stuck(why)) => {
                out.put(&format!("failed: {why}"));
                return Ok(ExitCode::FAILURE);
            }
            Err(_) => return Ok(ExitCode::SUCCESS),
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes the lines that the peers have printed since the last time.
fn taken(party: &mut Party) -> Vec<Line> {
    party.take_in_waiting();
    party.record.replace(Vec::new()).unwrap_or_default()
}

/// When a line of this kind came first, at or after a time.
fn first(lines: &[Line], from: Instant, is: impl Fn(&What) -> bool) -> Option<u64> {
    lines.iter().find(|line| line.t_us >= from.0 && is(&line.what)).map(|line| line.t_us)
}
