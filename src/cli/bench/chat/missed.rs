//! Somebody comes into a session in which many lines were said that it has never heard; and comes again, when it
//! has heard all of them.

use std::time::Duration;

use anyhow::Context as _;
use interregnum::{
    runtime,
    types::{Instant, NodeId},
};
use serde::Serialize;

use super::{Bench, Outcome, first, taken};
use crate::cli::{
    bench::{book, figures::ms},
    lines::{Line, What},
    party::{Cut, Party},
};

/// How long all of it may take. Decides only when to give up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    lines: usize,
    in_order: bool,
    /// From the link until the last line is told.
    told_ms: f64,
    /// From the start of a process until it plays: where there is nothing to be missed, where all lines are
    /// missing, and where none is.
    join_empty_ms: f64,
    join_missing_ms: f64,
    join_none_missing_ms: f64,
}

/// Measures it.
pub fn measure(bench: &Bench<'_>, lines: usize) -> anyhow::Result<Outcome> {
    let mut report = Report { lines, ..Report::default() };
    let (mut party, _) = bench.party()?;
    match two(&mut party)? {
        Ok((_, _, join)) => report.join_empty_ms = join,
        Err(cut) => return Ok(Err(cut.ending("the peers did not find each other"))),
    }
    let (mut party, session) = bench.party()?;
    book::fill(&party.peers.home(0), &session, 0, lines)?;
    let (comer, came, join) = match two(&mut party)? {
        Ok(joined) => joined,
        Err(cut) => return Ok(Err(cut.ending("the peers did not find each other"))),
    };
    report.join_missing_ms = join;
    let all_told = |party: &Party| {
        let heard = party.record.iter().flatten();
        heard.filter(|line| line.node == comer && is_said(&line.what)).count() >= lines
    };
    if let Err(cut) = party.wait(PATIENCE, all_told) {
        return Ok(Err(cut.ending("what was missed did not come")));
    }
    let heard = taken(&mut party);
    let heard: Vec<Line> = heard.into_iter().filter(|line| line.node == comer).collect();
    let up = first(&heard, came, |what| matches!(what, What::PeerUp { .. }));
    let last = heard.iter().rev().find(|line| is_said(&line.what)).map(|line| line.t_us);
    let (up, last) = up.zip(last).context("the lines tell of no link")?;
    report.told_ms = ms(last.saturating_sub(up));
    report.in_order = is_in_order(&heard, lines);

    // What has come is on its disk by then.
    if let Err(cut) = party.pass(Duration::from_secs(2)) {
        return Ok(Err(cut.ending("it never ended")));
    }
    party.peers.kill(comer);
    party.judge.died(comer);
    taken(&mut party);
    let again = runtime::now();
    party.peers.restart(comer)?;
    if let Err(cut) = party.gather() {
        return Ok(Err(cut.ending("it did not come again")));
    }
    report.join_none_missing_ms = joined(&taken(&mut party), comer, again)?;
    party.peers.end();
    report.ok = report.in_order;
    party.tell(&format!(
        "{lines} missed lines: told {} {:.0} ms after the link; from its start until it plays: {:.0} ms where \
         nothing was ever said, {:.0} ms while all are missing, {:.0} ms where none is",
        if report.in_order { "in order" } else { "IN ANOTHER ORDER" },
        report.told_ms,
        report.join_empty_ms,
        report.join_missing_ms,
        report.join_none_missing_ms,
    ));
    party.tell_scripts("missed_lines", &report);
    Ok(Ok(report.ok))
}

/// One plays, and another one comes: who that is, when its process was started, and how many milliseconds later
/// it played.
fn two(party: &mut Party) -> anyhow::Result<Result<(NodeId, Instant, f64), Cut>> {
    party.peers.add_bot()?;
    if let Err(cut) = party.gather() {
        return Ok(Err(cut));
    }
    let host = party.judge.host();
    // No network is new to it.
    if let Err(cut) = party.pass(Duration::from_secs(1)) {
        return Ok(Err(cut));
    }
    let came = runtime::now();
    party.peers.add_bot()?;
    if let Err(cut) = party.gather() {
        return Ok(Err(cut));
    }
    let comer = party.peers.ids().find(|id| Some(*id) != host).context("nobody came")?;
    let heard = party.record.as_deref().unwrap_or_default();
    let join = joined(heard, comer, came)?;
    Ok(Ok((comer, came, join)))
}

/// How many milliseconds after it was started somebody played.
fn joined(lines: &[Line], node: NodeId, from: Instant) -> anyhow::Result<f64> {
    let own = lines.iter().filter(|line| line.node == node && line.t_us >= from.0);
    let mut plays = own.filter(|line| matches!(line.what, What::Host { .. }));
    let plays = plays.next().context("it never played")?;
    Ok(ms(plays.t_us.saturating_sub(from.0)))
}

fn is_said(what: &What) -> bool {
    matches!(what, What::Said { .. })
}

/// Whether the lines of a book were told as it has them.
fn is_in_order(lines: &[Line], count: usize) -> bool {
    let told = lines.iter().filter_map(|line| match &line.what {
        What::Said { text, .. } => Some(text.clone()),
        _ => None,
    });
    let wanted = (0..book::SPEAKERS).flat_map(|speaker| {
        let numbers = (0..count).skip(speaker).step_by(book::SPEAKERS);
        numbers.map(move |number| format!("line {number} of speaker {speaker}"))
    });
    told.eq(wanted)
}
