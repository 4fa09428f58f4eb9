//! What a demo shows: a row per kill, and a verdict.

use std::{collections::BTreeMap, fmt};

use interregnum::{arena::TICK, types::NodeId};
use serde::Serialize;

use super::Failover;
use crate::cli::judge::Tally;

/// The heading of the rows, for so many survivors.
pub fn head(survivors: usize) -> String {
    format!(
        "\n{:>4}  {:<8} {:<9} {:<width$} {}",
        "kill",
        "killed",
        "successor",
        "gap at each survivor, ms (ticks)",
        "points before → after",
        width = gaps_width(survivors),
    )
}

fn gaps_width(survivors: usize) -> usize {
    (survivors * "17.2 (1.0), ".len()).max(34)
}

/// One kill.
pub fn row(failover: &Failover, name: impl Fn(NodeId) -> String) -> String {
    let gaps: Vec<String> = failover
        .gaps
        .iter()
        .map(|gap| match gap.gap_us {
            Some(us) => format!("{:.1} ({:.1})", ms(us), ticks(us)),
            None => "-".to_owned(),
        })
        .collect();
    let points = |tallies: &BTreeMap<NodeId, Tally>| {
        let each: Vec<String> =
            tallies.iter().map(|(player, tally)| format!("{} {tally}", name(*player))).collect();
        each.join(", ")
    };
    format!(
        "{:>4}  {:<8} {:<9} {:<width$} {} → {}",
        failover.kill,
        name(failover.killed),
        name(failover.successor),
        gaps.join(", "),
        points(&failover.points_before),
        points(&failover.points_after),
        width = gaps_width(failover.gaps.len()),
    )
}

/// How it went, in all.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub ok: bool,
    pub kills: usize,
    pub gap_p50_us: Option<u64>,
    pub gap_max_us: Option<u64>,
    pub rolled_back_max: u64,
    pub complaints: Vec<String>,
}

/// Sums up.
pub fn verdict(failovers: &[Failover], complaints: Vec<String>) -> Verdict {
    let gaps = failovers.iter().flat_map(|failover| &failover.gaps);
    let mut us: Vec<u64> = gaps.clone().filter_map(|gap| gap.gap_us).collect();
    us.sort_unstable();
    Verdict {
        ok: complaints.is_empty(),
        kills: failovers.len(),
        gap_p50_us: us.get(us.len() / 2).copied(),
        gap_max_us: us.last().copied(),
        rolled_back_max: gaps.map(|gap| gap.rolled_back).max().unwrap_or(0),
        complaints,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(median), Some(longest)) = (self.gap_p50_us, self.gap_max_us) {
            writeln!(
                f,
                "\nHost killed {} times. Gap between two ticks at a survivor: median {:.1} ms, \
                 longest {:.1} ms (one tick is {:.1} ms). Ticks rolled back: {} at most.",
                self.kills,
                ms(median),
                ms(longest),
                ms(TICK.as_micros() as u64),
                self.rolled_back_max,
            )?;
        }
        for complaint in &self.complaints {
            writeln!(f, "FAILED: {complaint}")?;
        }
        if self.ok {
            write!(f, "The game went on every time, and nobody lost a point.")?;
        }
        Ok(())
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

fn ticks(us: u64) -> f64 {
    us as f64 / TICK.as_micros() as f64
}
