//! Four talk, and their host is killed again and again. Every line that was acknowledged (its author's disk has
//! it, or somebody else was told it) must stand once in each book, in the same order in all of them; and how long
//! it takes from one's keyboard to the others' screens is measured, handovers included.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Context as _;
use interregnum::{chat::Chat, lines::Kept as Safe, runtime, types::NodeId};
use serde::Serialize;

use super::{Bench, Outcome, taken};
use crate::cli::{
    bench::figures::{self, Quantiles},
    kept::Kept,
    lines::{Line, What},
    options::KeptOptions,
    party::{Ended, Party},
};

const PEERS: usize = 4;

/// How long all talk before the next kill.
const ORDINARY: Duration = Duration::from_millis(1_000);

/// How long a host stays killed.
const GONE: Duration = Duration::from_millis(500);

/// How long the game may take to go on. Decides only when to give up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long after its acknowledgement a line may take to be in all books.
const SETTLED: Duration = Duration::from_secs(3);

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    kills: u32,
    /// How many lines were said, and in how many seconds.
    said: usize,
    seconds: f64,
    acknowledged: usize,
    /// How many of these are missing in a book.
    lost: usize,
    /// How many were told twice to somebody.
    twice: usize,
    /// How many were told to somebody after one that stands behind them in the end.
    told_late: usize,
    /// Whether all books have the acknowledged lines in one order.
    one_order: bool,
    /// From being said until somebody else is told, at all of these.
    delays: Quantiles,
}

/// What the peers' lines say of what was said.
#[derive(Debug, Default)]
struct Talked {
    /// Of each line its author, and when it was said.
    sent: BTreeMap<String, (NodeId, u64)>,
    acknowledged: BTreeSet<String>,
    lives: BTreeMap<NodeId, u32>,
    /// What each life of somebody was told, in this order.
    told: BTreeMap<(NodeId, u32), Vec<String>>,
    delays: Vec<u64>,
}

impl Talked {
    fn hear(&mut self, lines: &[Line]) {
        // The lines of several processes come in any order.
        for line in lines {
            if let What::Sending { line: name, .. } = &line.what {
                self.sent.insert(name.clone(), (line.node, line.t_us));
            }
        }
        for Line { t_us, node, what } in lines {
            match what {
                What::Started { .. } => *self.lives.entry(*node).or_default() += 1,
                What::Kept { author, incarnation, through, safety }
                    if author == node && *safety >= Safe::Mine =>
                {
                    let own = format!("{author}/{incarnation}/");
                    let kept = self.sent.keys().filter(|name| {
                        let number = name.strip_prefix(&own).and_then(|n| n.parse::<u64>().ok());
                        number.is_some_and(|number| number <= *through)
                    });
                    let kept: Vec<String> = kept.cloned().collect();
                    self.acknowledged.extend(kept);
                }
                What::Said { line: name, from, away, .. } => {
                    let life = self.lives.get(node).copied().unwrap_or_default();
                    self.told.entry((*node, life)).or_default().push(name.clone());
                    if from == node {
                        continue;
                    }
                    self.acknowledged.insert(name.clone());
                    let sent = self.sent.get(name).filter(|_| !away);
                    self.delays.extend(sent.map(|(_, at)| t_us.saturating_sub(*at)));
                }
                _ => {}
            }
        }
    }

    /// How many lines somebody was told twice in one life, and how many after one that stands behind them in
    /// this order.
    fn amiss(&self, order: &[String]) -> (usize, usize) {
        let places: BTreeMap<&String, usize> = order.iter().zip(0..).collect();
        let (mut twice, mut late) = (0, 0);
        for told in self.told.values() {
            let once: BTreeSet<&String> = told.iter().collect();
            twice += told.len() - once.len();
            let mut highest = 0;
            for place in told.iter().filter_map(|name| places.get(name)) {
                late += usize::from(*place < highest);
                highest = highest.max(*place);
            }
        }
        (twice, late)
    }
}

/// Measures it.
pub fn measure(bench: &Bench<'_>, kills: u32, rate: u64) -> anyhow::Result<Outcome> {
    let (mut party, _) = bench.party()?;
    let every = (PEERS as u64 * 1_000 / rate).max(1).to_string();
    for _ in 0..PEERS {
        party.peers.add_bot_with(&["--chatter", &every])?;
    }
    let mut talked = Talked::default();
    let began = runtime::now();
    if let Err(ended) = kill(&mut party, kills, &mut talked)? {
        return Ok(Err(ended));
    }
    // What was said until here has come to its places when all end.
    let through = runtime::now();
    let mut acknowledged = talked.acknowledged.clone();
    if let Err(cut) = party.pass(SETTLED) {
        return Ok(Err(cut.ending("it never ended")));
    }
    talked.hear(&taken(&mut party));
    acknowledged.retain(|name| talked.sent.contains_key(name));
    party.peers.end();
    let books = books(&party)?;
    let orders: Vec<Vec<&String>> = books
        .iter()
        .map(|book| book.iter().filter(|name| acknowledged.contains(*name)).collect())
        .collect();
    let lacking = |order: &Vec<&String>| {
        let there: BTreeSet<&String> = order.iter().copied().collect();
        acknowledged.iter().filter(|name| !there.contains(name)).count()
    };
    let (twice, told_late) = talked.amiss(books.first().context("no book")?);
    let mut report = Report {
        ok: false,
        kills,
        said: talked.sent.len(),
        seconds: through.since(began).as_secs_f64(),
        acknowledged: acknowledged.len(),
        lost: orders.iter().map(lacking).max().unwrap_or_default(),
        twice,
        told_late,
        one_order: orders.windows(2).all(|two| two[0] == two[1]),
        delays: Quantiles::of(talked.delays),
    };
    report.ok = report.lost == 0 && report.twice == 0 && report.one_order;
    tell(&party, &report);
    Ok(Ok(report.ok))
}

fn kill(party: &mut Party, kills: u32, talked: &mut Talked) -> anyhow::Result<Result<(), Ended>> {
    if let Err(cut) = party.gather() {
        return Ok(Err(cut.ending("the peers did not find each other")));
    }
    party.judge.begin();
    for _ in 0..kills {
        if let Err(cut) = party.pass(ORDINARY) {
            return Ok(Err(cut.ending("it never ended")));
        }
        let host = party.judge.host().context("nobody hosts")?;
        let epoch = party.judge.epoch();
        talked.hear(&taken(party));
        party.peers.kill(host);
        party.judge.died(host);
        if let Err(cut) = party.wait(PATIENCE, |party| party.judge.reign_after(epoch).is_some()) {
            return Ok(Err(cut.ending("the game did not go on")));
        }
        if let Err(cut) = party.pass(GONE) {
            return Ok(Err(cut.ending("it never ended")));
        }
        talked.hear(&taken(party));
        party.peers.restart(host)?;
        if let Err(cut) = party.gather() {
            return Ok(Err(cut.ending("who was killed did not come back")));
        }
        talked.hear(&taken(party));
    }
    Ok(Ok(()))
}

/// The names of all lines in each peer's book, in their order.
fn books(party: &Party) -> anyhow::Result<Vec<Vec<String>>> {
    let book = |number| {
        let kept = Kept::of(&KeptOptions { data_dir: Some(party.peers.home(number)) })?;
        let chats = kept.ledgers().map(Chat::of);
        let chat = chats.max_by_key(Chat::len).context("a peer has no book")?;
        Ok(chat.iter().map(|line| line.id.to_string()).collect())
    };
    (0..PEERS).map(book).collect()
}

fn tell(party: &Party, report: &Report) {
    party.tell(&format!(
        "{} kills of the host, {} lines said in {:.0} s by four: {} acknowledged, {} lost, {} told twice, {} told \
         late; {} in all books",
        report.kills,
        report.said,
        report.seconds,
        report.acknowledged,
        report.lost,
        report.twice,
        report.told_late,
        if report.one_order { "one order" } else { "ANOTHER ORDER" },
    ));
    party.tell(&figures::head());
    party.tell(&figures::row("said until told elsewhere", &report.delays));
    party.tell_scripts("talked", report);
}

#[cfg(test)]
mod tests {
    use interregnum::text::Name;

    use super::*;

    const ADA: NodeId = NodeId::from_u128(1);
    const BEN: NodeId = NodeId::from_u128(2);

    fn name(number: u64) -> String {
        use interregnum::{
            ledger::entry::{EntryId, Writer},
            types::Incarnation,
        };
        EntryId { writer: Writer { node: ADA, incarnation: Incarnation(5) }, number }.to_string()
    }

    fn line(node: NodeId, t_us: u64, what: What) -> Line {
        Line { t_us, node, what }
    }

    fn said(node: NodeId, t_us: u64, number: u64) -> Line {
        let (line_name, text) = (name(number), String::new());
        let (from, at) = (ADA, interregnum::ledger::entry::WallTime(0));
        let (named, to, to_name, away) = (Some(Name::new("Ada").to_string()), None, None, false);
        line(
            node,
            t_us,
            What::Said { line: line_name, from, name: named, to, to_name, text, at, away },
        )
    }

    fn sending(t_us: u64, number: u64) -> Line {
        line(ADA, t_us, What::Sending { line: name(number), text: String::new() })
    }

    #[test]
    fn a_line_counts_once_it_is_kept_or_told_elsewhere() {
        let mut talked = Talked::default();
        let incarnation = format!("{:016x}", 5);
        let kept = What::Kept { author: ADA, incarnation, through: 3, safety: Safe::Mine };
        talked.hear(&[sending(10, 2), sending(20, 3), sending(30, 4), line(ADA, 40, kept)]);
        assert_eq!(talked.acknowledged, [name(2), name(3)].into());
        talked.hear(&[said(ADA, 45, 2), said(BEN, 50, 4)]);
        assert_eq!(talked.acknowledged.len(), 3);
        assert_eq!(talked.delays, [20]);
    }

    #[test]
    fn what_is_told_twice_or_late_is_counted() {
        let mut talked = Talked::default();
        talked.hear(&[said(BEN, 1, 2), said(BEN, 2, 4), said(BEN, 3, 3), said(BEN, 4, 4)]);
        let order = [name(2), name(3), name(4)];
        assert_eq!(talked.amiss(&order), (1, 1));
    }
}
