//! Several peers on this machine, as whoever started them sees them: what they print, and what that
//! comes to.
//!
//! `demo` shows one, `bench` measures one. All that they know they read from the peers' lines, as
//! any script could.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, select};
use interregnum::{
    runtime,
    types::{Instant, NodeId},
};
use serde::Serialize;

use super::{
    judge::Judge,
    lines::{Line, What},
    options::RunOptions,
    output::Output,
    peers::{Heard, Peers},
};

/// How long the peers may take to find each other, at the start and after a restart.
pub const GATHER_PATIENCE: Duration = Duration::from_secs(20);

/// Peers, and what they have said.
pub struct Party {
    pub peers: Peers,
    pub judge: Judge,
    /// Every line since the last look, if wanted.
    pub record: Option<Vec<Line>>,
    json: bool,
    out: Output,
    stop: Receiver<()>,
    end: Option<Instant>,
}

/// Why waiting came to an end before what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    TooLong,
    Stopped,
    TimeOver,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// All is done, or the time was over.
    Through,
    /// Asked to stop.
    Stopped,
    /// Something took too long.
    Stuck(String),
}

impl Party {
    /// Of peers that have just been started. Ends when the time is over, or when asked to stop;
    /// scripts are passed every line.
    pub fn new(peers: Peers, run: &RunOptions, stop: Receiver<()>, out: &Output) -> Self {
        let end = run.seconds.map(|seconds| runtime::now() + Duration::from_secs(seconds));
        let (json, out) = (run.json, out.clone());
        Self { peers, judge: Judge::default(), record: None, json, out, stop, end }
    }

    /// Waits until all are in one game.
    pub fn gather(&mut self) -> Result<(), Cut> {
        self.wait(GATHER_PATIENCE, |party| party.judge.in_one_game(party.peers.len()))
    }

    /// What a peer is called.
    pub fn name(&self, id: NodeId) -> String {
        self.peers.name(id)
    }

    /// Reads lines until `enough`.
    pub fn wait(&mut self, patience: Duration, enough: impl Fn(&Party) -> bool) -> Result<(), Cut> {
        let give_up = runtime::now() + patience;
        while !enough(self) {
            let now = runtime::now();
            if self.end.is_some_and(|end| now >= end) {
                return Err(Cut::TimeOver);
            }
            if now >= give_up {
                return Err(Cut::TooLong);
            }
            let until = self.end.map_or(give_up, |end| end.min(give_up));
            let heard = select! {
                recv(self.peers.lines()) -> heard => heard.ok(),
                recv(self.stop) -> _ => return Err(Cut::Stopped),
                default(until.since(now)) => None,
            };
            if let Some(heard) = heard {
                self.hear(heard);
            }
        }
        Ok(())
    }

    /// Reads lines for so long.
    pub fn pass(&mut self, span: Duration) -> Result<(), Cut> {
        let until = runtime::now() + span;
        match self.wait(span, |_| false) {
            Err(Cut::TooLong) => Ok(()),
            Err(Cut::TimeOver) if runtime::now() >= until => Ok(()),
            other => other,
        }
    }

    /// Reads the lines that wait to be read: they belong to the time before.
    pub fn take_in_waiting(&mut self) {
        // And no more: others come meanwhile, perhaps as fast as they are read.
        for _ in 0..self.peers.lines().len() {
            match self.peers.lines().recv_timeout(Duration::ZERO) {
                Ok(heard) => self.hear(heard),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// One line of a peer.
    fn hear(&mut self, heard: Heard) {
        let Heard { peer, life, text } = heard;
        if self.json {
            self.out.put(&text);
        }
        let Ok(line) = serde_json::from_str::<Line>(&text) else {
            if !self.json {
                tracing::warn!("a peer says: {text}");
            }
            return;
        };
        if !self.peers.is_current(peer, life) {
            return;
        }
        if let What::Started { name, udp, .. } = &line.what {
            self.peers.started(peer, line.node, name.clone(), *udp);
        }
        self.judge.hear(&line);
        if let Some(record) = &mut self.record {
            record.push(line);
        }
    }

    /// Tells people something; scripts have the lines.
    pub fn tell(&self, text: &str) {
        if !self.json {
            self.out.put(text);
        }
    }

    /// Tells scripts something; people have the words.
    pub fn tell_scripts(&self, event: &str, what: &impl Serialize) {
        #[derive(Serialize)]
        struct Told<'a, T> {
            t_us: u64,
            node: NodeId,
            event: &'a str,
            #[serde(flatten)]
            what: &'a T,
        }
        if self.json {
            let told = Told { t_us: runtime::now().0, node: NodeId::from_u128(0), event, what };
            match serde_json::to_string(&told) {
                Ok(text) => self.out.put(&text),
                Err(error) => tracing::error!(%error, "a line has no form in JSON"),
            }
        }
    }
}

impl Cut {
    /// How it ended, if what was waited for did not come: `stuck` says what that means.
    pub fn ending(self, stuck: &str) -> Ended {
        match self {
            Cut::TooLong => Ended::Stuck(stuck.to_owned()),
            Cut::Stopped => Ended::Stopped,
            Cut::TimeOver => Ended::Through,
        }
    }
}
