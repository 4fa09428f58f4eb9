//! The hall of fame, on the terminal.

use std::process::ExitCode;

use interregnum::{
    arena::hall::{Hall, Standing},
    runtime,
    types::NodeId,
};
use serde::Serialize;

use super::Kept;
use crate::cli::{options::ScoresOptions, output::say};

/// How many people see of each list. Scripts get all of it.
const SHOWN_MAX: usize = 20;

#[derive(Serialize)]
struct Scores {
    this_evening: Vec<Row>,
    all_time: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    player: NodeId,
    name: Option<String>,
    points: u64,
    games_won: u64,
    /// A bot's: people see none of those. Who plays and leaves the playing to the program now and then
    /// has a row of each kind.
    bot: bool,
}

/// Prints who won most.
pub fn run(options: &ScoresOptions) -> anyhow::Result<ExitCode> {
    let kept = Kept::of(&options.kept)?;
    // The last name is that of the session that was played last.
    let mut hall = Hall::default();
    let nameless = kept.ledgers.keys().filter(|session| !kept.order.contains(session));
    for ledger in nameless.chain(&kept.order).filter_map(|session| kept.ledgers.get(session)) {
        let mut later = Hall::default();
        ledger.fold(|at, record| later.update(at, record));
        hall.go_on_with(later);
    }
    let row = |bot, (player, standing): (NodeId, Standing)| Row {
        player,
        name: hall.name(player).map(ToString::to_string),
        points: standing.points,
        games_won: standing.games_won,
        bot,
    };
    let rows = |people: Vec<_>, bots: Vec<_>| {
        let people = people.into_iter().map(|person| row(false, person));
        people.chain(bots.into_iter().map(|bot| row(true, bot))).collect()
    };
    let now = runtime::wall_time().0;
    let scores = Scores {
        this_evening: rows(hall.this_evening(now), hall.bots_of_this_evening(now)),
        all_time: rows(hall.all_time(), hall.bots_of_all_time()),
    };
    if options.json {
        say(&serde_json::to_string(&scores)?)?;
    } else if scores.all_time.iter().all(|row| row.bot) {
        say(match scores.all_time.is_empty() {
            true => "nobody has gathered anything yet",
            false => "nobody but bots has gathered anything yet",
        })?;
    } else {
        print("this evening", &scores.this_evening)?;
        say("")?;
        print("of all time", &scores.all_time)?;
    }
    Ok(kept.exit_code())
}

fn print(title: &str, rows: &[Row]) -> anyhow::Result<()> {
    say(&format!("{title:<24}  games won  points"))?;
    let people: Vec<&Row> = rows.iter().filter(|row| !row.bot).collect();
    for row in people.iter().take(SHOWN_MAX) {
        let name = row.name.clone().unwrap_or_else(|| format!("{:?}", row.player));
        say(&format!("{name:<24}  {:>9}  {:>6}", row.games_won, row.points))?;
    }
    match people.len().saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => Ok(say(&format!("and {more} more"))?),
    }
}
