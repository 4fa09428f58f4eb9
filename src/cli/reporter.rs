//! Tells what happens to one node on standard output: as lines for scripts, or as a story.

use std::io::{self, Write};

use interregnum::{
    arena::Arena,
    node::{Event, LedgerView, View},
    runtime::{self, Happened, Started, Timed},
    text::{Name, SessionName},
    types::{Instant, NodeId},
};

use super::{
    lines::{self, Line, Scores, What},
    story::Story,
};

/// In which words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// One JSON object per line.
    Json,
    /// Sentences.
    Story,
}

/// One node's voice.
#[derive(Debug)]
pub struct Reporter {
    node: NodeId,
    words: Words,
    story: Story,
    scores: Scores,
    ledger: LedgerView,
}

impl Reporter {
    /// A voice for `node`, which has just started.
    ///
    /// # Errors
    /// When nobody reads standard output any more; so for all that follow.
    pub fn start(
        words: Words,
        name: &Name,
        session: Option<&SessionName>,
        started: &Started,
    ) -> io::Result<Self> {
        let mut reporter = Self {
            node: started.id,
            words,
            story: Story::default(),
            scores: Scores::default(),
            ledger: LedgerView::default(),
        };
        match words {
            Words::Story => say(&reporter.story.beginning(name, session, started))?,
            Words::Json => reporter.print(
                runtime::now(),
                What::Started {
                    ip: started.ip,
                    tcp: started.tcp,
                    udp: started.udp,
                    session: session.cloned(),
                    name: name.clone(),
                },
            )?,
        }
        Ok(reporter)
    }

    /// Tells of something that happened.
    ///
    /// # Errors
    /// As at the start.
    pub fn happened(&mut self, timed: &Timed<Arena>) -> io::Result<()> {
        let told = match self.words {
            Words::Story => self.story.line(timed).map_or(Ok(()), |line| say(&line)),
            Words::Json => lines::line(self.node, timed).map_or(Ok(()), |line| json(&line)),
        };
        if let Happened::Node(Event::NewIdentity { id }) = &timed.event {
            self.node = *id;
        }
        told
    }

    /// Tells which points changed, and whether the ledger has.
    ///
    /// # Errors
    /// As at the start.
    pub fn viewed(&mut self, view: &View<Arena>) -> io::Result<()> {
        if self.words == Words::Json && self.ledger != view.ledger {
            self.ledger = view.ledger.clone();
            let LedgerView { entries, digest, safety, .. } = view.ledger;
            let (hash, safety) = (format!("{digest:016x}"), safety.into());
            self.print(view.at, What::Ledger { entries, hash, safety })?;
        }
        let Some(picture) = &view.picture else {
            return Ok(());
        };
        let world = picture.newest();
        let board = &world.scoreboard;
        match self.words {
            Words::Story => {
                for line in self.story.scores(view.at, board) {
                    say(&line)?;
                }
            }
            Words::Json => {
                for (player, score) in self.scores.news(board) {
                    let (points, games_won) = (score.points, score.games_won);
                    let round = world.round;
                    let what = What::Score { player, points, games_won, round };
                    self.print(view.at, what)?;
                }
            }
        }
        Ok(())
    }

    /// Tells that the node ended without having said so.
    ///
    /// # Errors
    /// As at the start.
    pub fn failed(&self) -> io::Result<()> {
        match self.words {
            Words::Story => say("the network thread has failed"),
            Words::Json => {
                self.print(runtime::now(), What::Stopped { reason: "failed".to_owned() })
            }
        }
    }

    fn print(&self, at: Instant, what: What) -> io::Result<()> {
        json(&Line { t_us: at.0, node: self.node, what })
    }
}

/// Prints a line of JSON at once: whoever reads it may be waiting for it.
pub fn json(line: &Line) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&bytes)?;
    out.flush()
}

/// Prints a line for people.
pub fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
