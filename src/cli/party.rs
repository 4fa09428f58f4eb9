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
    peers::{Heard, Peers},
    reporter::say,
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
    /// Of peers that have just been started. Ends after `seconds`, or when asked to stop; with
    /// `json` it passes on every line.
    pub fn new(peers: Peers, json: bool, stop: Receiver<()>, seconds: Option<u64>) -> Self {
        let end = seconds.map(|seconds| runtime::now() + Duration::from_secs(seconds));
        Self { peers, judge: Judge::default(), record: None, json, stop, end }
    }

    /// Waits until all are in one game.
    pub fn gather(&mut self) -> anyhow::Result<Result<(), Cut>> {
        self.wait(GATHER_PATIENCE, |party| party.judge.in_one_game(party.peers.len()))
    }

    /// What a peer is called.
    pub fn name(&self, id: NodeId) -> String {
        self.peers.name(id)
    }

    /// Reads lines until `enough`.
    pub fn wait(
        &mut self,
        patience: Duration,
        enough: impl Fn(&Party) -> bool,
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
    pub fn pass(&mut self, span: Duration) -> anyhow::Result<Result<(), Cut>> {
        let until = runtime::now() + span;
        match self.wait(span, |_| false)? {
            Err(Cut::TooLong) => Ok(Ok(())),
            Err(Cut::TimeOver) if runtime::now() >= until => Ok(Ok(())),
            other => Ok(other),
        }
    }

    /// Reads the lines that wait to be read: they belong to the time before.
    pub fn take_in_waiting(&mut self) -> anyhow::Result<()> {
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
        if let Some(record) = &mut self.record {
            record.push(line);
        }
        Ok(())
    }

    /// Tells people something; scripts have the lines.
    pub fn tell(&self, text: &str) -> anyhow::Result<()> {
        if !self.json {
            say(text)?;
        }
        Ok(())
    }

    /// Tells scripts something; people have the words.
    pub fn tell_scripts(&self, event: &str, what: &impl Serialize) -> anyhow::Result<()> {
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
            say(&serde_json::to_string(&told)?)?;
        }
        Ok(())
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
