//! Many spectators in this process, to measure what a crowd costs: what reaches them, once a second.

use std::{fmt, process::ExitCode, time::Duration};

use crossbeam_channel::select;
use interregnum::{
    arena::Arena,
    lines::of_crowd,
    runtime::{self, CrowdSeen, watch_together},
    text::Name,
    types::NodeId,
};

use super::{
    called,
    impossible::Impossible,
    lines::Line,
    options::PartOptions,
    output::{Output, Stdout},
    profile::Profile,
    secret, session, settings, signals,
    take_part::{LOCKED_OUT, NOT_LET_IN},
};

/// What they are called, with their numbers, if nothing is said.
const NAME: &str = "Watcher";

/// Starts so many, and tells what they see until it is time to stop.
pub fn run(part: &PartOptions, count: u16, log: &Output) -> anyhow::Result<ExitCode> {
    if part.port().is_some_and(|port| port != 0) {
        let many = format!("--port for {count}: each of many has one that the system chooses");
        return Err(Impossible(many).into());
    }
    let name = called(part, log).unwrap_or_else(|| Name::new(NAME));
    let mut settings = settings(part, &mut Profile::passing()?, name)?;
    let session = session(part);
    settings.lock = secret::lock(&part.game, &session)?;
    settings.session = Some(session);
    settings.key = None;
    settings.statements.clear();
    settings.ledger = None;
    let out = Stdout::new(part.run.json)?;
    let stop = signals::stop_requests(part.run.tied, &out)?;
    let end = part.run.seconds.map(|seconds| runtime::now() + Duration::from_secs(seconds));
    let crowd = watch_together::<Arena>(&settings, count.into())?;
    let began = runtime::now();
    loop {
        let left = end.map_or(Duration::from_secs(3_600), |end| end.since(runtime::now()));
        let seen = select! {
            recv(crowd.seen()) -> seen => seen,
            recv(stop) -> _ => return Ok(ExitCode::SUCCESS),
            default(left) => return Ok(ExitCode::SUCCESS),
        };
        let Ok(seen) = seen else { anyhow::bail!("the crowd's thread has ended") };
        match part.run.json {
            true => {
                let line =
                    Line { t_us: seen.at.0, node: NodeId::from_u128(0), what: of_crowd(&seen) };
                out.put(&serde_json::to_string(&line)?);
            }
            false => out.put(&Words(&seen).to_string()),
        }
        if seen.kept_out && seen.follow == 0 && seen.at.since(began) >= LOCKED_OUT {
            return Ok(ExitCode::from(NOT_LET_IN));
        }
    }
}

/// The same for people.
struct Words<'a>(&'a CrowdSeen);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.0;
        let ms = |span: Duration| span.as_secs_f64() * 1_000.0;
        let part = seen.processor.as_secs_f64() / seen.span.as_secs_f64().max(0.001);
        write!(
            f,
            "{} of {} follow, {} through others: {} ticks at the worst, {} in the middle; gaps {:.1} ms p50, {:.1} p99, {:.1} at most; \
             {} worlds wrong; {:.0} % of a processor",
            seen.follow,
            seen.count,
            seen.through,
            seen.ticks_worst,
            seen.ticks_median,
            ms(seen.gap_p50),
            ms(seen.gap_p99),
            ms(seen.gap_max),
            seen.wrong,
            part * 100.0
        )?;
        if seen.failed + seen.lost > 0 {
            write!(f, "; {} dials failed, {} links lost", seen.failed, seen.lost)?;
        }
        Ok(())
    }
}
