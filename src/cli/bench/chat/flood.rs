//! Five play; one of them is replaced by one that says a thousand lines a second, whatever is allowed. What the
//! others are told of that, what of it is in their books, and what their ticks say, beside those of before.

use std::time::Duration;

use anyhow::Context as _;
use interregnum::{
    chat::Chat,
    ledger::pace::{LINES_BROUGHT_MAX, LINES_HEARD_AT_ONCE},
    types::NodeId,
};
use serde::Serialize;

use super::{Bench, Outcome, taken};
use crate::cli::{
    bench::{
        failover::Applied,
        figures::{self, Quantiles},
    },
    kept::Kept,
    lines::{Line, What},
    options::KeptOptions,
    party::{GATHER_PATIENCE, Party},
};

const OTHERS: usize = 4;

/// By then a newcomer brings nothing along any more.
const BROUGHT: Duration = Duration::from_secs(6);

/// The time between two lines of a flood, in milliseconds.
const EVERY_MS: &str = "1";

/// What came of it.
#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    seconds: u64,
    /// How many lines the flooder has said in that time.
    said: usize,
    /// How many of them the others were told in that time: the one that was told most.
    told: usize,
    /// How many may be.
    allowed: usize,
    /// How many lines of the flooder are in the largest of the others' books in the end, how many may be, and
    /// how many bytes they are.
    kept: usize,
    may_be_kept: usize,
    kept_bytes: usize,
    /// The gaps between ticks at the others, before and during the flood.
    ordinary: Quantiles,
    flooded: Quantiles,
}

/// Measures it.
pub fn measure(bench: &Bench<'_>, seconds: u64) -> anyhow::Result<Outcome> {
    let (mut party, _) = bench.party()?;
    for _ in 0..=OTHERS {
        party.peers.add_bot()?;
    }
    if let Err(cut) = party.gather() {
        return Ok(Err(cut.ending("the peers did not find each other")));
    }
    let host = party.judge.host().context("nobody hosts")?;
    let quiet = party.peers.ids().find(|id| *id != host).context("nobody else is there")?;
    let span = Duration::from_secs(seconds);
    taken(&mut party);
    if let Err(cut) = party.pass(span) {
        return Ok(Err(cut.ending("it never ended")));
    }
    let lines = taken(&mut party);
    let ordinary = gaps(&lines, quiet);

    party.peers.kill(quiet);
    party.judge.died(quiet);
    party.peers.add_bot_with(&["--chatter", EVERY_MS])?;
    let all = |party: &Party| party.judge.in_one_game(OTHERS + 1);
    if let Err(cut) = party.wait(GATHER_PATIENCE, all).and_then(|()| party.pass(BROUGHT)) {
        return Ok(Err(cut.ending("the one that floods did not come in")));
    }
    let flooder = party.peers.ids().last().context("nobody floods")?;
    taken(&mut party);
    if let Err(cut) = party.pass(span) {
        return Ok(Err(cut.ending("it never ended")));
    }
    let lines = taken(&mut party);
    let flooded = gaps(&lines, flooder);
    let said = lines.iter().filter(|line| matches!(line.what, What::Sending { .. })).count();
    let told = party.peers.ids().filter(|id| *id != flooder).map(|id| told(&lines, id, flooder));
    let told = told.max().unwrap_or_default();
    party.peers.end();
    let kept: Vec<(usize, usize)> = (0..party.peers.len() - 1)
        .map(|number| kept(&party, number, flooder))
        .collect::<Result<_, _>>()?;
    let (kept, kept_bytes) = kept.into_iter().max().unwrap_or_default();

    // As many at once as are heard, and one a second; and what a newcomer brings.
    let allowed = LINES_HEARD_AT_ONCE as usize + seconds as usize + 1;
    let may_be_kept = LINES_BROUGHT_MAX as usize + BROUGHT.as_secs() as usize + allowed;
    let ok = told > 0 && told <= allowed && kept <= may_be_kept;
    let (ordinary, flooded) = (Quantiles::of(ordinary), Quantiles::of(flooded));
    let report = Report {
        ok,
        seconds,
        said,
        told,
        allowed,
        kept,
        may_be_kept,
        kept_bytes,
        ordinary,
        flooded,
    };
    tell(&party, &report);
    Ok(Ok(ok))
}

/// The times between two ticks at all nodes but one.
fn gaps(lines: &[Line], without: NodeId) -> Vec<u64> {
    Applied::of(lines).gaps_by_tick(Some(without)).into_values().flatten().collect()
}

/// How many lines of `from` a node was told.
fn told(lines: &[Line], node: NodeId, from: NodeId) -> usize {
    let is_told = |line: &&Line| {
        let said = matches!(&line.what, What::Said { from: author, .. } if *author == from);
        said && line.node == node
    };
    lines.iter().filter(is_told).count()
}

/// How many lines of `from` are in a peer's book, and how many bytes they are.
fn kept(party: &Party, number: usize, from: NodeId) -> anyhow::Result<(usize, usize)> {
    let kept = Kept::of(&KeptOptions { data_dir: Some(party.peers.home(number)) })?;
    let (mut lines, mut bytes) = (0, 0);
    for ledger in kept.ledgers() {
        for line in Chat::of(ledger).iter().filter(|line| line.from == from) {
            lines += 1;
            bytes += ledger.at(line.id).map(|entry| entry.bytes()).sum::<usize>();
        }
    }
    Ok((lines, bytes))
}

fn tell(party: &Party, report: &Report) {
    party.tell(&format!(
        "a flood of {} lines in {} s: {} were told elsewhere ({} may be); {} are in a book in the end ({} may be), \
         {} bytes",
        report.said,
        report.seconds,
        report.told,
        report.allowed,
        report.kept,
        report.may_be_kept,
        report.kept_bytes,
    ));
    party.tell(&figures::head());
    party.tell(&figures::row("between two ticks, in peace", &report.ordinary));
    party.tell(&figures::row("between two ticks, flooded", &report.flooded));
    party.tell_scripts("flooded", report);
}
