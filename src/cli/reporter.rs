//! Tells what happens to one node on standard output: as lines for scripts, or as a story.

use interregnum::{
    arena::Arena,
    node::{Event, LedgerView, View},
    runtime::{self, Happened, Started, Timed},
    text::{Name, SessionName},
    types::{Instant, NodeId},
};

use super::{
    lines::{self, Line, Scores, What},
    output::Output,
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
    out: Output,
    node: NodeId,
    words: Words,
    story: Story,
    scores: Scores,
    ledger: LedgerView,
}

impl Reporter {
    /// A voice for `node`, which has just started.
    pub fn start(
        out: &Output,
        words: Words,
        name: &Name,
        session: Option<&SessionName>,
        started: &Started,
    ) -> Self {
        let mut reporter = Self {
            out: out.clone(),
            node: started.id,
            words,
            story: Story::default(),
            scores: Scores::default(),
            ledger: LedgerView::default(),
        };
        match words {
            Words::Story => {
                let beginning = reporter.story.beginning(name, session, started);
                reporter.out.put(&beginning);
            }
            Words::Json => reporter.print(
                runtime::now(),
                What::Started {
                    ip: started.ip,
                    tcp: started.tcp,
                    udp: started.udp,
                    session: session.cloned(),
                    name: name.clone(),
                },
            ),
        }
        reporter
    }

    /// Tells of something that happened.
    pub fn happened(&mut self, timed: &Timed<Arena>) {
        match self.words {
            Words::Story => {
                if let Some(line) = self.story.line(timed) {
                    self.out.put(&line);
                }
            }
            Words::Json => {
                if let Some(line) = lines::line(self.node, timed) {
                    self.json(&line);
                }
            }
        }
        if let Happened::Node(Event::NewIdentity { id }) = &timed.event {
            self.node = *id;
        }
    }

    /// Tells which points changed, and whether the ledger has.
    pub fn viewed(&mut self, view: &View<Arena>) {
        if self.words == Words::Json && self.ledger != view.ledger {
            self.ledger = view.ledger.clone();
            let LedgerView { entries, digest, safety, .. } = view.ledger;
            let (hash, safety) = (format!("{digest:016x}"), safety.into());
            self.print(view.at, What::Ledger { entries, hash, safety });
        }
        let Some(picture) = &view.picture else {
            return;
        };
        let world = picture.newest();
        let board = &world.scoreboard;
        match self.words {
            Words::Story => {
                for line in self.story.scores(view.at, board, &view.scores) {
                    self.out.put(&line);
                }
            }
            Words::Json => {
                for (player, score) in self.scores.news(board) {
                    let (points, games_won) = (score.points, score.games_won);
                    let round = world.round;
                    let what = What::Score { player, points, games_won, round };
                    self.print(view.at, what);
                }
            }
        }
    }

    fn print(&self, at: Instant, what: What) {
        self.json(&Line { t_us: at.0, node: self.node, what });
    }

    fn json(&self, line: &Line) {
        match serde_json::to_string(line) {
            Ok(text) => self.out.put(&text),
            Err(error) => tracing::error!(%error, "a line has no form in JSON"),
        }
    }
}
