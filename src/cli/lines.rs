//! What `--json` prints: the [lines of the library](interregnum::lines), and what the arena adds to
//! them. All of it is a stable interface.

use std::collections::BTreeMap;

use interregnum::{arena::Score, lines, types::NodeId};
use serde::{Deserialize, Serialize};

pub use interregnum::lines::{Term, Voice};

/// One line.
pub type Line = lines::Line<OfArena>;

/// What a line tells.
pub type What = lines::What<OfArena>;

/// What the arena tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum OfArena {
    /// Somebody's points are others.
    Score {
        player: NodeId,
        points: u32,
        games_won: u32,
        /// Points start again with each.
        round: u32,
    },
    /// Whatever another version of this program tells.
    #[serde(other)]
    Unknown,
}

/// Tells which scores have changed since the last time it was asked.
#[derive(Debug, Default)]
pub struct Scores {
    known: BTreeMap<NodeId, Score>,
}

impl Scores {
    /// The changed ones.
    pub fn news(&mut self, scoreboard: &BTreeMap<NodeId, Score>) -> Vec<(NodeId, Score)> {
        if self.known == *scoreboard {
            return Vec::new();
        }
        let news = scoreboard
            .iter()
            .filter(|(player, score)| self.known.get(player) != Some(score))
            .map(|(player, score)| (*player, *score))
            .collect();
        self.known.clone_from(scoreboard);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Scripts live on these very bytes.
    #[test]
    fn a_score_is_printed_as_documented_and_read_back() {
        let player = NodeId::from_u128(7);
        let score = OfArena::Score { player, points: 5, games_won: 1, round: 2 };
        let line = Line { t_us: 12, node: NodeId::from_u128(1), what: What::Game(score) };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            "{\"t_us\":12,\"node\":\"00000000-0000-0000-0000-000000000001\",\
             \"event\":\"score\",\"player\":\"00000000-0000-0000-0000-000000000007\",\
             \"points\":5,\"games_won\":1,\"round\":2}"
        );
        let back: Line = serde_json::from_str(&text).unwrap();
        assert_eq!(back.what, line.what);
    }

    #[test]
    fn a_line_of_another_version_is_read_too() {
        let text = "{\"t_us\":1,\"node\":\"00000000-0000-0000-0000-000000000001\",\
                    \"event\":\"sunrise\",\"colour\":\"red\"}";
        let line: Line = serde_json::from_str(text).unwrap();
        assert_eq!(line.what, What::Game(OfArena::Unknown));
    }

    #[test]
    fn only_changed_scores_are_news() {
        let (ada, bob) = (NodeId::from_u128(1), NodeId::from_u128(2));
        let score = |points| Score { points, games_won: 0 };
        let mut scores = Scores::default();
        let board = BTreeMap::from([(ada, score(0)), (bob, score(2))]);
        assert_eq!(scores.news(&board).len(), 2);
        assert!(scores.news(&board).is_empty());
        let board = BTreeMap::from([(ada, score(1)), (bob, score(2))]);
        assert_eq!(scores.news(&board), [(ada, score(1))]);
    }
}
