//! Shows on one machine what this program is for: several peers, and whoever hosts is killed.
//!
//! The peers are processes like any other, `interregnum bot --json`, in a session of their own. All
//! the demo knows it reads from their lines, as any script could; all it does is to start them and
//! to kill them, without any warning. `judge` decides whether the game went on as promised.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError, select};
use interregnum::{
    runtime,
    types::{Instant, NodeId},
};
use serde::Serialize;

use super::{
    lines::{Line, What},
    options::{Common, DemoOptions},
    reporter::say,
    signals,
};

mod judge;
mod peers;
mod table;

use judge::Judge;
use peers::{Heard, Peers};

/// How long the peers may take to find each other, at the start and after a restart.
const GATHER_PATIENCE: Duration = Duration::from_secs(20);

/// How long the game may take to go on after its host was killed. Far above what it takes: this
/// decides only when to give up.
const FAILOVER_PATIENCE: Duration = Duration::from_secs(10);

/// How long a killed peer stays away.
const RESTART_AFTER: Duration = Duration::from_millis(700);

/// How long everybody plays before the next kill.
const PLAY_BETWEEN_KILLS: Duration = Duration::from_millis(1_500);

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
    pub points_before: BTreeMap<NodeId, judge::Tally>,
    pub points_after: BTreeMap<NodeId, judge::Tally>,
}

/// How long one survivor had no host.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Gap {
    pub node: NodeId,
    /// None: it saw no tick of the host before, so there was nothing to miss.
    pub gap_us: Option<u64>,
    pub rolled_back: u64,
}

/// How a demo ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// All kills done, or the time was over.
    Through,
    /// Asked to stop.
    Stopped,
    /// Something took too long.
    Stuck(String),
}

/// Runs the demo.
pub fn run(common: &Common, options: &DemoOptions) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_requests(common.tied)?;
    let peers = Peers::start(common, options)?;
    let mut demo = Demo {
        json: common.json,
        judge: Judge::default(),
        peers,
        stop,
        end: common.seconds.map(|seconds| runtime::now() + Duration::from_secs(seconds)),
        failovers: Vec::new(),
    };
    let ended = demo.play(options.kills)?;
    demo.peers.end();
    demo.close(ended)
}

struct Demo {
    json: bool,
    judge: Judge,
    peers: Peers,
    stop: Receiver<()>,
    end: Option<Instant>,
    failovers: Vec<Failover>,
}

/// Why waiting came to an end before what was waited for.
enum Cut {
    TooLong,
    Stopped,
    TimeOver,
}

impl Demo {
    fn play(&mut self, kills: u32) -> anyhow::Result<Ended> {
        if let Err(cut) = self.wait(GATHER_PATIENCE, Demo::all_in_one_game)? {
            return Ok(cut.ending("the peers did not find each other"));
        }
        self.tell(&format!(
            "{} peers are in one game; {} hosts",
            self.peers.len(),
            self.host_name()
        ))?;
        self.judge.begin();
        for kill in 1..=kills {
            if let Err(cut) = self.pass(PLAY_BETWEEN_KILLS)? {
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
        let Some(killed) = self.judge.host() else {
            return Ok(Err(Ended::Stuck("nobody hosts".to_owned())));
        };
        // Lines that wait to be read belong to the time before.
        self.take_in_waiting()?;
        let points_before = self.judge.points_without(killed);
        let epoch_before = self.judge.epoch();
        if !self.peers.kill(killed) {
            return Ok(Err(Ended::Stuck("the host is none of the peers".to_owned())));
        }
        self.judge.died(killed);
        let went_on = |demo: &Demo| demo.judge.reign_after(epoch_before).is_some();
        if let Err(cut) = self.wait(FAILOVER_PATIENCE, went_on)? {
            return Ok(Err(cut.ending("the game did not go on after its host was killed")));
        }
        let Some((term, gaps)) = self.judge.reign_after(epoch_before) else {
            return Ok(Err(Ended::Stuck("nobody hosts".to_owned())));
        };
        if let Err(cut) = self.pass(RESTART_AFTER)? {
            return Ok(Err(cut.ending("unreachable")));
        }
        let failover = Failover {
            kill,
            killed,
            successor: term.host,
            epoch: term.epoch,
            gaps,
            points_before,
            points_after: self.judge.points_without(killed),
        };
        self.note(failover)?;
        self.peers.restart(killed)?;
        match self.wait(GATHER_PATIENCE, Demo::all_in_one_game)? {
            Ok(()) => Ok(Ok(())),
            Err(cut) => Ok(Err(cut.ending("a killed peer did not come back"))),
        }
    }

    fn all_in_one_game(&self) -> bool {
        self.judge.in_one_game(self.peers.len())
    }

    fn host_name(&self) -> String {
        match self.judge.host() {
            Some(host) => self.peers.name(host),
            None => "nobody".to_owned(),
        }
    }

    /// Reads lines until `enough`.
    fn wait(
        &mut self,
        patience: Duration,
        enough: impl Fn(&Demo) -> bool,
    ) -> anyhow::Result<Result<(), Cut>> {
        let give_up = runtime::now() + patience;
        while !enough(self) {
            let now = runtime::now();
            if self.end.is_some_and(|end| now >= end) {
                return Ok(Err(Cut::TimeOver));
            }
            if now >= give_up {
                return Ok(Err(Cut::TooLong));
            }
            let until = self.end.map_or(give_up, |end| end.min(give_up));
            let heard = select! {
                recv(self.peers.lines()) -> heard => heard.ok(),
                recv(self.stop) -> _ => return Ok(Err(Cut::Stopped)),
                default(until.since(now)) => None,
            };
            if let Some(heard) = heard {
                self.hear(heard)?;
            }
        }
        Ok(Ok(()))
    }

    /// Reads lines for so long.
    fn pass(&mut self, span: Duration) -> anyhow::Result<Result<(), Cut>> {
        let until = runtime::now() + span;
        match self.wait(span, |_| false)? {
            Err(Cut::TooLong) => Ok(Ok(())),
            Err(Cut::TimeOver) if runtime::now() >= until => Ok(Ok(())),
            other => Ok(other),
        }
    }

    fn take_in_waiting(&mut self) -> anyhow::Result<()> {
        loop {
            match self.peers.lines().recv_timeout(Duration::ZERO) {
                Ok(heard) => self.hear(heard)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// One line of a peer.
    fn hear(&mut self, heard: Heard) -> anyhow::Result<()> {
        let Heard { peer, life, text } = heard;
        if self.json {
            say(&text)?;
        }
        let Ok(line) = serde_json::from_str::<Line>(&text) else {
            if !self.json {
                eprintln!("{text}");
            }
            return Ok(());
        };
        if !self.peers.is_current(peer, life) {
            return Ok(());
        }
        if let What::Started { name, udp, .. } = &line.what {
            self.peers.started(peer, line.node, name.clone(), *udp);
        }
        self.judge.hear(&line);
        Ok(())
    }

    fn note(&mut self, failover: Failover) -> anyhow::Result<()> {
        if self.json {
            self.say_json("failover", &failover)?;
        } else {
            say(&table::row(&failover, |id| self.peers.name(id)))?;
        }
        self.failovers.push(failover);
        Ok(())
    }

    /// Tells people something; scripts have the lines.
    fn tell(&self, text: &str) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        say(text)?;
        Ok(say(&table::head())?)
    }

    fn say_json(&self, event: &str, what: &impl Serialize) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Told<'a, T> {
            t_us: u64,
            node: NodeId,
            event: &'a str,
            #[serde(flatten)]
            what: &'a T,
        }
        let told = Told { t_us: runtime::now().0, node: NodeId::from_u128(0), event, what };
        Ok(say(&serde_json::to_string(&told)?)?)
    }

    /// The verdict.
    fn close(self, ended: Ended) -> anyhow::Result<ExitCode> {
        let mut complaints = self.judge.complaints(|id| self.peers.name(id));
        if let Ended::Stuck(why) = &ended {
            complaints.push(why.clone());
        }
        let verdict = table::verdict(&self.failovers, complaints);
        if self.json {
            self.say_json("demo", &verdict)?;
        } else {
            say(&verdict.to_string())?;
        }
        Ok(if verdict.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Cut {
    fn ending(self, stuck: &str) -> Ended {
        match self {
            Cut::TooLong => Ended::Stuck(stuck.to_owned()),
            Cut::Stopped => Ended::Stopped,
            Cut::TimeOver => Ended::Through,
        }
    }
}
