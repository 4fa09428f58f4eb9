//! Shows on one machine what this program is for: several peers, and whoever hosts is killed.
//!
//! The peers are processes like any other, `interregnum bot --json`, in a session of their own. All
//! the demo does is to start them and to kill them, without any warning. `judge` decides from their
//! lines whether the game went on as promised.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use interregnum::types::NodeId;
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use super::{
    impossible::Impossible,
    judge::{Gap, Tally},
    options::DemoOptions,
    output::Stdout,
    party::{Ended, Party},
    peers::Peers,
    signals,
};

mod table;

/// How long the game may take to go on after its host was killed. Far above what it takes: this
/// decides only when to give up.
const FAILOVER_PATIENCE: Duration = Duration::from_secs(10);

/// How long a killed peer stays away.
const RESTART_AFTER: Duration = Duration::from_millis(700);

/// How long everybody plays before the next kill.
const PLAY_BETWEEN_KILLS: Duration = Duration::from_millis(1_500);

/// How many peers there are at least if one of them is a window that is not killed: two that take
/// turns.
const PEERS_WITH_WINDOW_MIN: u16 = 3;

/// What happened at one kill.
#[derive(Clone, Debug, Serialize)]
pub struct Failover {
    /// Counted from 1.
    pub kill: u32,
    pub killed: NodeId,
    pub successor: NodeId,
    pub epoch: u64,
    pub gaps: Vec<Gap>,
    /// All points of the survivors together, games won counted in full.
    pub points_before: BTreeMap<NodeId, Tally>,
    pub points_after: BTreeMap<NodeId, Tally>,
}

/// Runs the demo.
pub fn run(options: &DemoOptions, log: LevelFilter) -> anyhow::Result<ExitCode> {
    let DemoOptions { game, run, .. } = options;
    let spare_window = options.window && !options.kill_window;
    if spare_window && options.peers < PEERS_WITH_WINDOW_MIN {
        return Err(Impossible(format!(
            "the window is not killed, so it takes {PEERS_WITH_WINDOW_MIN} peers for somebody else \
             to host at any time: --peers {PEERS_WITH_WINDOW_MIN}, or more; or --kill-window"
        ))
        .into());
    }
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let mut peers = Peers::new(game, run, log)?;
    while peers.len() + usize::from(options.window) < usize::from(options.peers) {
        peers.add_bot()?;
    }
    let party = Party::new(peers, run, stop, &out);
    let mut demo = Demo { party, failovers: Vec::new(), spare_window };
    let ended = demo.play(options)?;
    demo.party.peers.end();
    Ok(demo.close(ended))
}

struct Demo {
    party: Party,
    failovers: Vec<Failover>,
    /// A person plays in the window: it is not killed.
    spare_window: bool,
}

impl Demo {
    fn play(&mut self, options: &DemoOptions) -> anyhow::Result<Ended> {
        let party = &mut self.party;
        let apart = "the peers did not find each other";
        if let Err(cut) = party.gather() {
            return Ok(cut.ending(apart));
        }
        if options.window {
            // It comes into a game that has a host already, so that it is not the first one.
            party.peers.add_window()?;
            if let Err(cut) = party.gather() {
                return Ok(cut.ending(apart));
            }
        }
        let host = party.judge.host().map_or_else(|| "nobody".to_owned(), |id| party.name(id));
        party.tell(&format!("{} peers are in one game; {host} hosts", party.peers.len()));
        party.tell(&table::head(party.peers.len() - 1));
        party.judge.begin();
        for kill in 1..=options.kills {
            if let Err(cut) = self.party.pass(PLAY_BETWEEN_KILLS) {
                return Ok(cut.ending("unreachable"));
            }
            if let Err(ended) = self.kill_host(kill)? {
                return Ok(ended);
            }
        }
        Ok(Ended::Through)
    }

    /// Kills whoever hosts, waits until the game goes on at all survivors, and until the killed one
    /// is back.
    fn kill_host(&mut self, kill: u32) -> anyhow::Result<Result<(), Ended>> {
        let party = &mut self.party;
        let Some(killed) = party.judge.host() else {
            return Ok(Err(Ended::Stuck("nobody hosts".to_owned())));
        };
        if self.spare_window && party.peers.is_window(killed) {
            let name = party.name(killed);
            party.tell(&format!("{kill:>4}  nobody: {name} hosts, and that is you"));
            return Ok(Ok(()));
        }
        party.take_in_waiting();
        let points_before = party.judge.points_without(killed);
        let epoch_before = party.judge.epoch();
        if !party.peers.kill(killed) {
            return Ok(Err(Ended::Stuck("the host is none of the peers".to_owned())));
        }
        party.judge.died(killed);
        let went_on = |party: &Party| party.judge.reign_after(epoch_before).is_some();
        if let Err(cut) = party.wait(FAILOVER_PATIENCE, went_on) {
            return Ok(Err(cut.ending("the game did not go on after its host was killed")));
        }
        let Some((term, gaps)) = party.judge.reign_after(epoch_before) else {
            return Ok(Err(Ended::Stuck("nobody hosts".to_owned())));
        };
        if let Err(cut) = party.pass(RESTART_AFTER) {
            return Ok(Err(cut.ending("unreachable")));
        }
        let failover = Failover {
            kill,
            killed,
            successor: term.host,
            epoch: term.epoch,
            gaps,
            points_before,
            points_after: party.judge.points_without(killed),
        };
        party.tell(&table::row(&failover, |id| party.name(id)));
        party.tell_scripts("failover", &failover);
        self.failovers.push(failover);
        party.peers.restart(killed)?;
        Ok(party.gather().map_err(|cut| cut.ending("a killed peer did not come back")))
    }

    /// The verdict.
    fn close(self, ended: Ended) -> ExitCode {
        let Self { party, failovers, .. } = self;
        let mut complaints = party.judge.complaints(|id| party.name(id));
        if let Ended::Stuck(why) = &ended {
            complaints.push(why.clone());
        }
        let verdict = table::verdict(&failovers, complaints);
        party.tell(&verdict.to_string());
        party.tell_scripts("demo", &verdict);
        if verdict.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
