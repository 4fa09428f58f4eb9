//! What is true whatever happens, judged from all lines that all of them ever printed.
//!
//! - Nobody applies a tick of a term below one that it applied before, and ticks rise within a term.
//! - The same tick of the same term is the same world everywhere: nobody else reigns in that term.
//! - In the eyes of each node nobody's points fall within a round, unless it gave its world up for
//!   that of a larger half (`rebase`).
//! - Nobody disagrees about the rules, and nobody fails.

use std::collections::BTreeMap;

use serde_json::Value;

type Term = (u64, String);

/// What is wrong with these lines: one record for each process.
pub fn complaints<'a>(records: impl Iterator<Item = &'a [Value]>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut worlds: BTreeMap<(Term, u64), u64> = BTreeMap::new();
    for record in records {
        let mut clock: Option<(Term, u64)> = None;
        let mut points: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        // Points are told a moment later than what has changed them.
        let mut record: Vec<&Value> = record.iter().collect();
        record.sort_by_key(|line| at(line));
        for line in record {
            let mut wrong = |what: &str| complaints.push(format!("{what}: {line}"));
            match line["event"].as_str().unwrap() {
                "tick" => {
                    let tick = (term(line), number(line, "tick"));
                    if clock.as_ref().is_some_and(|before| *before >= tick) {
                        wrong(&format!("a tick of the past, after {clock:?}"));
                    }
                    let world = number(line, "hash");
                    if *worlds.entry(tick.clone()).or_insert(world) != world {
                        wrong("two worlds of one clock");
                    }
                    clock = Some(tick);
                }
                "host" if line["host"] != line["term"]["host"] => wrong("somebody else's term"),
                "rebase" => points.clear(),
                "score" => {
                    let score = ["games_won", "round", "points"].map(|key| number(line, key));
                    let player = line["player"].as_str().unwrap();
                    let [won, round, gathered] = points.insert(player, score).unwrap_or_default();
                    if score[0] < won || (score[1], score[2]) < (round, gathered) {
                        wrong(&format!("points lost, after {gathered} in round {round}"));
                    }
                }
                "diverged" => wrong("a disagreement about the rules"),
                "stopped" if line["reason"] == "failed" => wrong("a failure"),
                _ => {}
            }
        }
    }
    complaints
}

/// When a line was printed.
pub fn at(line: &Value) -> u64 {
    number(line, "t_us")
}

/// The reign that a line is about.
pub fn term(line: &Value) -> Term {
    let term = &line["term"];
    (number(term, "epoch"), term["host"].as_str().unwrap().to_owned())
}

fn number(of: &Value, key: &str) -> u64 {
    of[key].as_u64().unwrap()
}

#[test]
fn healthy_lines_are_no_reason_to_complain() {
    assert!(complaints_about(&[(1, "b", 1, 5), (1, "b", 2, 6), (2, "a", 3, 7)]).is_empty());
}

#[test]
fn ticks_of_the_past_are_noticed() {
    assert_eq!(complaints_about(&[(1, "b", 2, 5), (1, "b", 2, 5)]).len(), 1);
    assert_eq!(complaints_about(&[(2, "a", 2, 5), (1, "b", 3, 5)]).len(), 1);
    assert_eq!(complaints_about(&[(1, "b", 2, 5), (1, "a", 3, 5)]).len(), 1);
}

#[test]
fn two_worlds_of_one_clock_are_noticed() {
    let one = ticks(&[(1, "b", 1, 5)]);
    let other = ticks(&[(1, "b", 1, 6)]);
    assert_eq!(complaints([&one[..], &other[..]].into_iter()).len(), 1);
}

#[test]
fn lost_points_are_noticed_unless_the_world_was_given_up() {
    let score = |round: u64, points: u64| {
        serde_json::json!({
            "event": "score", "player": "a", "points": points, "games_won": 0, "round": round,
            "t_us": 0,
        })
    };
    let rebase = serde_json::json!({ "event": "rebase", "t_us": 0 });
    let fine = [score(1, 5), score(2, 0), rebase, score(1, 4)];
    assert!(complaints([&fine[..]].into_iter()).is_empty());
    let bad = [score(1, 5), score(1, 4)];
    assert_eq!(complaints([&bad[..]].into_iter()).len(), 1);
}

#[cfg(test)]
fn complaints_about(said: &[(u64, &str, u64, u64)]) -> Vec<String> {
    complaints([&ticks(said)[..]].into_iter())
}

#[cfg(test)]
fn ticks(said: &[(u64, &str, u64, u64)]) -> Vec<Value> {
    let line = |(epoch, host, tick, hash): &(u64, &str, u64, u64)| {
        serde_json::json!({
            "event": "tick", "term": { "epoch": epoch, "host": host }, "tick": tick, "hash": hash,
            "t_us": 0,
        })
    };
    said.iter().map(line).collect()
}
