//! The hall of fame, on the terminal. A person is one line, on however many machines.

use std::{collections::BTreeMap, process::ExitCode};

use interregnum::{
    accounts::{Accounts, told_apart},
    arena::hall::{Hall, Standing, by_person},
    keys::PublicKey,
    runtime,
    types::NodeId,
};
use serde::Serialize;

use super::{Kept, folder};
use crate::cli::{known::checked, options::ScoresOptions, output::say};

/// How many people see of each list. Scripts get all of it.
const SHOWN_MAX: usize = 20;

#[derive(Serialize)]
struct Scores {
    this_evening: Vec<Row>,
    all_time: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    /// The machine; of several of one account the one with the lowest id.
    player: NodeId,
    name: Option<String>,
    points: u64,
    games_won: u64,
    /// A bot's: people see none of those. Who plays and leaves the playing to the program now and then
    /// has a row of each kind.
    bot: bool,
    /// Whose points these are, on all its machines, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<PublicKey>,
    /// What people read: the name, told apart from others of the same name.
    #[serde(skip)]
    shown: String,
}

/// Who is listed, and what each is called.
struct People<'a> {
    hall: &'a Hall,
    accounts: &'a Accounts,
}

impl People<'_> {
    /// The name of a machine's player.
    fn name(&self, machine: NodeId) -> Option<String> {
        let known = self.accounts.name_of(machine).map(str::to_owned);
        known.or_else(|| self.hall.name(machine).map(ToString::to_string))
    }

    /// The rows of all that are listed, best first.
    fn rows(&self, bot: bool, standings: Vec<(NodeId, Standing)>) -> Vec<Row> {
        let mut machines: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        for (machine, _) in &standings {
            let first = machines.entry(self.accounts.person(*machine)).or_insert(*machine);
            *first = (*first).min(*machine);
        }
        let persons = by_person(standings, |machine| self.accounts.person(machine));
        let machine = |person: NodeId| machines.get(&person).copied().unwrap_or(person);
        let names: Vec<(NodeId, Option<String>)> = persons
            .iter()
            .map(|(person, _)| (machine(*person), self.name(machine(*person))))
            .collect();
        let named = names.iter().filter_map(|(id, name)| Some((*id, name.as_deref()?)));
        let shown = told_apart(named, self.accounts);
        let rows = persons.into_iter().zip(&names).map(|((_, standing), (player, name))| Row {
            player: *player,
            name: name.clone(),
            points: standing.points,
            games_won: standing.games_won,
            bot,
            account: self.accounts.of_machine(*player),
            shown: shown.get(player).cloned().unwrap_or_else(|| format!("{player:?}")),
        });
        rows.collect()
    }
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
    // Only those who have points are asked whether they are who they say.
    let concerned = |accounts: &Accounts| {
        let players = hall.all_time().into_iter().chain(hall.bots_of_all_time());
        players.filter_map(|(player, _)| accounts.of_machine(player)).collect()
    };
    let accounts = checked(kept.ledgers(), &folder(&options.kept)?, concerned);
    let people = People { hall: &hall, accounts: &accounts };
    let rows = |persons, bots| {
        let mut rows = people.rows(false, persons);
        rows.extend(people.rows(true, bots));
        rows
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
        let name = &row.shown;
        say(&format!("{name:<24}  {:>9}  {:>6}", row.games_won, row.points))?;
    }
    match people.len().saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => Ok(say(&format!("and {more} more"))?),
    }
}
