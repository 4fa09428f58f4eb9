//! A crowd of spectators in a process of its own, as a bench sees it: by its lines.

use std::{
    io::{BufRead, BufReader},
    process::Child,
    thread,
    time::Duration,
};

use anyhow::Context;
use crossbeam_channel::{Receiver, unbounded};
use interregnum::types::NodeId;
use serde::Serialize;

use super::{
    failover::Applied,
    figures::{Quantiles, ms},
};
use crate::cli::{
    lines::{Line, What},
    party::{Cut, Party},
};

/// One second of theirs.
#[derive(Clone, Copy, Debug)]
pub struct Second {
    pub at_us: u64,
    pub follow: usize,
    pub through: usize,
    pub all_in_us: Option<u64>,
    pub ticks_worst: u32,
    pub ticks_median: u32,
    pub gap_p99_us: u64,
    pub gap_max_us: u64,
    pub wrong: u64,
    pub failed: u64,
    pub lost: u64,
    pub processor_us: u64,
    pub span_us: u64,
}

/// A running crowd. It is killed when this is dropped.
pub struct Watchers {
    pub count: u16,
    process: Child,
    lines: Receiver<Second>,
    pub seconds: Vec<Second>,
}

impl Watchers {
    /// Starts so many, in the session of these peers.
    pub fn start(party: &Party, count: u16) -> anyhow::Result<Self> {
        let mut command = party.peers.command("watch")?;
        command.args(["--count", &count.to_string()]);
        let mut process = command.spawn().context("cannot start a crowd")?;
        let (heard, lines) = unbounded();
        let out = process.stdout.take().context("a crowd without a voice")?;
        let read = move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let second = serde_json::from_str(&line).ok().and_then(second);
                if second.is_some_and(|second| heard.send(second).is_err()) {
                    return;
                }
            }
        };
        thread::Builder::new().name("crowd".into()).spawn(read)?;
        Ok(Self { count, process, lines, seconds: Vec::new() })
    }

    /// Takes in what they have said.
    pub fn look(&mut self) {
        self.seconds.extend(self.lines.try_iter());
    }

    /// Waits until all of them follow a host.
    pub fn gather(&mut self, party: &mut Party, patience: Duration) -> Result<(), Cut> {
        let give_up = interregnum::runtime::now() + patience;
        loop {
            party.pass(Duration::from_millis(200))?;
            self.look();
            let last = self.seconds.last();
            if last.is_some_and(|last| last.follow == usize::from(self.count)) {
                return Ok(());
            }
            if interregnum::runtime::now() >= give_up {
                return Err(Cut::TooLong);
            }
        }
    }

    /// The seconds that began and ended within this time.
    pub fn between(&self, from_us: u64, to_us: u64) -> Vec<Second> {
        let within = |second: &&Second| {
            second.at_us.saturating_sub(second.span_us) >= from_us && second.at_us <= to_us
        };
        self.seconds.iter().filter(within).copied().collect()
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn second(line: Line) -> Option<Second> {
    match line.what {
        What::Crowd {
            follow,
            through,
            all_in_us,
            ticks_worst,
            ticks_median,
            gap_p99_us,
            gap_max_us,
            wrong,
            failed,
            lost,
            processor_us,
            span_us,
            ..
        } => Some(Second {
            at_us: line.t_us,
            follow,
            through,
            all_in_us,
            ticks_worst,
            ticks_median,
            gap_p99_us,
            gap_max_us,
            wrong,
            failed,
            lost,
            processor_us,
            span_us,
        }),
        _ => None,
    }
}

/// What those who play notice.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Played {
    /// Gaps between the ticks of the host itself.
    pub host: Quantiles,
    /// Gaps between those that the others apply.
    pub others: Quantiles,
}

impl Played {
    /// From the lines of a span of time.
    pub fn of(lines: &[Line], host: Option<NodeId>) -> Self {
        let applied = Applied::of(lines);
        let others = applied.gaps_by_tick(host).into_values().flatten().collect();
        let own = applied.nodes.iter().filter(|(node, _)| Some(**node) == host);
        let own = own.flat_map(|(_, ticks)| ticks.windows(2).map(|pair| pair[1].at - pair[0].at));
        Self { host: Quantiles::of(own.collect()), others: Quantiles::of(others) }
    }

    /// In words.
    pub fn words(&self) -> String {
        format!(
            "gap at the host {:.1} ms p50, {:.1} p99, {:.1} at most; at the others {:.1}, {:.1}, {:.1}",
            ms(self.host.p50_us),
            ms(self.host.p99_us),
            ms(self.host.max_us),
            ms(self.others.p50_us),
            ms(self.others.p99_us),
            ms(self.others.max_us),
        )
    }
}

/// How much time on a processor a process has had, in microseconds; none where the system does not tell.
#[cfg(target_os = "linux")]
pub fn processor_us(pid: u32) -> Option<u64> {
    /// What Linux counts in, on every machine that it runs on.
    const CLOCKS_US: u64 = 10_000;

    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything, in brackets.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * CLOCKS_US)
}

/// How much time on a processor a process has had, in microseconds; none where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn processor_us(_pid: u32) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lines::Term;

    #[test]
    fn gaps_are_those_of_each_node_and_the_hosts_are_apart() {
        let (host, other) = (NodeId::from_u128(1), NodeId::from_u128(2));
        let tick = |node, t_us, tick| {
            let term = Term { epoch: 1, host };
            Line { t_us, node, what: What::Tick { term, tick, hash: 0 } }
        };
        let lines = [
            tick(host, 1_000, 1),
            tick(other, 1_500, 1),
            tick(host, 17_000, 2),
            tick(other, 19_500, 2),
        ];
        let played = Played::of(&lines, Some(host));
        assert_eq!((played.host.count, played.host.max_us), (1, 16_000));
        assert_eq!((played.others.count, played.others.max_us), (1, 18_000));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_own_process_has_had_a_processor() {
        assert!(processor_us(std::process::id()).is_some());
        assert!(processor_us(u32::MAX).is_none());
    }
}
