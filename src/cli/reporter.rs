//! Tells what happens to one node on standard output: as lines for scripts, or as a story.

use interregnum::{
    arena::Arena,
    node::View,
    runtime::{self, Started, Timed},
    text::{Name, SessionName},
};

use super::{
    lines::{Line, OfArena, Scores, Voice, What},
    output::Output,
    story::Story,
};

/// In which words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// One JSON object per line.
    Json,
    /// Sentences for people.
    Story,
}

/// Tells of one node.
#[derive(Debug)]
pub struct Reporter {
    out: Output,
    words: Words,
    voice: Voice,
    story: Story,
    scores: Scores,
}

impl Reporter {
    /// For a node that has just started.
    pub fn start(
        out: &Output,
        words: Words,
        name: &Name,
        session: Option<&SessionName>,
        started: &Started,
    ) -> Self {
        let mut reporter = Self {
            out: out.clone(),
            words,
            voice: Voice::new(started),
            story: Story::default(),
            scores: Scores::default(),
        };
        match words {
            Words::Story => {
                let beginning = reporter.story.beginning(name, session, started);
                reporter.out.put(&beginning);
            }
            Words::Json => {
                let now = runtime::now();
                reporter.json(&reporter.voice.started(now, started, name, session));
            }
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
                // What happens in the arena is told by its points.
                if let Some(line) = self.voice.happened(timed, |_, _| None) {
                    self.json(&line);
                }
            }
        }
    }

    /// Says something for people, in a line of its own.
    pub fn say(&self, text: &str) {
        match self.words {
            Words::Story => self.out.put(text),
            Words::Json => {
                let what = What::Warning { text: text.to_owned() };
                self.json(&self.voice.line(runtime::now(), what));
            }
        }
    }

    /// Tells which points changed, and whether the ledger has.
    pub fn viewed(&mut self, view: &View<Arena>) {
        if self.words == Words::Json
            && let Some(line) = self.voice.viewed(view)
        {
            self.json(&line);
        }
        self.story.know(&view.accounts);
        if self.words == Words::Json
            && let Some(line) = self.voice.accounts(view)
        {
            self.json(&line);
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
                    let score = OfArena::Score { player, points, games_won, round: world.round };
                    self.json(&self.voice.line(view.at, What::Game(score)));
                }
            }
        }
    }

    /// Tells something of this very program: to scripts.
    pub fn tell(&self, what: What) {
        self.json(&self.voice.line(runtime::now(), what));
    }

    fn json(&self, line: &Line) {
        match serde_json::to_string(line) {
            Ok(text) => self.out.put(&text),
            Err(error) => tracing::error!(%error, "a line has no form in JSON"),
        }
    }
}
