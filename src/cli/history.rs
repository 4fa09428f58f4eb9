//! What was said, as far as it is kept here: without any network.
//!
//! Letters are opened with the keys of the profile that is meant, or of all of this machine's. With
//! `--json` a line is
//!
//! ```text
//! {"session":"an id","line":"a name","from":"an id","name":"Ada","to":"an id","to_name":"Ben",
//!  "text":"at noon","at":1700000000}
//! ```
//!
//! `to` and `to_name` of a letter alone. This is a stable interface: fields may be added.

use std::{collections::BTreeSet, io::Write as _, mem::ManuallyDrop, process::ExitCode};

use interregnum::{
    accounts::Accounts,
    chat::{self, Line, marks::Marks},
    keys::{PublicKey, SecretKey},
    runtime,
    types::{NodeId, SessionId},
};
use serde::Serialize;

use super::{
    impossible::Impossible,
    kept::{Kept, folder},
    known::checked,
    options::{ChatOptions, KeptOptions, PROFILES_MAX},
    output::Unwritten,
    profile,
};

#[derive(Serialize)]
struct Row<'a> {
    session: SessionId,
    line: String,
    from: NodeId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<NodeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_name: Option<&'a str>,
    text: &'a str,
    at: u64,
}

/// Prints it, session by session.
pub fn run(options: &ChatOptions) -> anyhow::Result<ExitCode> {
    let kept_options = KeptOptions { data_dir: options.part.data_dir.clone() };
    // It goes with the process: to give a large one back piece by piece takes a tenth of the whole time.
    let kept = ManuallyDrop::new(Kept::of(&kept_options)?);
    let folder = folder(&kept_options)?;
    let profiles = 1..=PROFILES_MAX;
    let profiles = profiles.filter(|number| options.part.profile.is_none_or(|one| one == *number));
    let keys: Vec<SecretKey> =
        profiles.flat_map(|number| profile::reading_keys(&folder, number)).collect();
    let books = Books::of(&kept, options, &keys);
    // Of all accounts there are those of the lines that are found are checked.
    let pick = |accounts: &Accounts| match books.found(accounts, options, &keys) {
        Ok(found) => books.accounts_in(accounts, options, &found),
        Err(_) => Vec::new(),
    };
    let accounts = checked(&kept, &folder, pick);
    let mut out = std::io::stdout().lock();
    for (session, line) in books.found(&accounts, options, &keys)? {
        let Some(said) = line.said() else { continue };
        let text = match options.part.run.json {
            true => {
                let from = accounts.called(accounts.person(line.from));
                let to_name = line.to.map(|to| accounts.called(to));
                serde_json::to_string(&Row {
                    session,
                    line: line.id.to_string(),
                    from: line.from,
                    name: &from,
                    to: line.to,
                    to_name: to_name.as_deref(),
                    text: said.as_str(),
                    at: line.at.0,
                })?
            }
            false => in_words(&accounts, line, said.as_str()),
        };
        writeln!(out, "{text}").map_err(Unwritten)?;
    }
    out.flush().map_err(Unwritten)?;
    Ok(kept.exit_code())
}

/// What was said in each session that is meant, as far as it can be read and has the word in it that is looked
/// for.
struct Books(Vec<(SessionId, Vec<Line>, Marks)>);

impl Books {
    fn of(kept: &Kept, options: &ChatOptions, keys: &[SecretKey]) -> Self {
        let since = options.since.map_or(0, |ago| runtime::wall_time().0.saturating_sub(ago));
        let search = options.search.as_ref().map(|word| word.to_lowercase());
        let is_meant = |session: &SessionId| {
            let called = kept.sessions.get(session);
            options.part.game.session.as_ref().is_none_or(|wanted| called == Some(wanted))
        };
        let is_found = |line: &Line| {
            let said = line.said().map(|said| said.as_str());
            said.is_some_and(|said| match &search {
                Some(word) => said.to_lowercase().contains(word),
                None => true,
            })
        };
        let books = kept.ledgers.iter().filter(|(session, _)| is_meant(session));
        let books = books.map(|(session, ledger)| {
            let lines = chat::lines(ledger).filter(|line| line.at.0 >= since);
            let lines = lines.map(|line| line.opened(keys).unwrap_or(line));
            let mut lines: Vec<Line> = lines.filter(|line| is_found(line)).collect();
            lines.sort_by_key(Line::key);
            (*session, lines, Marks::of(ledger))
        });
        Self(books.collect())
    }

    /// What is to be printed, where these accounts are known.
    fn found(
        &self,
        accounts: &Accounts,
        options: &ChatOptions,
        keys: &[SecretKey],
    ) -> anyhow::Result<Vec<(SessionId, &Line)>> {
        let own: BTreeSet<NodeId> =
            keys.iter().map(|key| accounts.person(key.public().id())).collect();
        let with = options.with.as_deref().map(|name| named(accounts, name)).transpose()?;
        let is_between = |line: &Line| {
            let from = accounts.person(line.from);
            with.is_none_or(|with| {
                line.to.is_some_and(|to| {
                    from == with && own.contains(&to) || to == with && own.contains(&from)
                })
            })
        };
        let mut found = Vec::new();
        for (session, lines, marks) in &self.0 {
            let is_there = |line: &&Line| {
                !accounts.is_deleted(line.from) && !marks.is_taken_back(accounts, line.id)
            };
            let lines = lines.iter().filter(|line| is_between(line)).filter(is_there);
            found.extend(lines.map(|line| (*session, line)));
        }
        Ok(found)
    }

    /// Whose names and deletions decide about what is printed: to be checked.
    fn accounts_in(
        &self,
        accounts: &Accounts,
        options: &ChatOptions,
        found: &[(SessionId, &Line)],
    ) -> Vec<PublicKey> {
        if options.with.is_some() {
            // Of several of one name each counts.
            return accounts.iter().map(|(key, _)| *key).collect();
        }
        let lines = self.0.iter().flat_map(|(_, lines, _)| lines);
        let authors = lines.filter_map(|line| accounts.of_machine(line.from));
        let readers = found.iter().filter_map(|(_, line)| line.to);
        let readers = readers.filter_map(|to| accounts.by_id(to).map(|(key, _)| *key));
        authors.chain(readers).collect::<BTreeSet<PublicKey>>().into_iter().collect()
    }
}

fn in_words(accounts: &Accounts, line: &Line, said: &str) -> String {
    let from = accounts.called(accounts.person(line.from));
    let to = line.to.map(|to| format!(" \u{2192} {}", accounts.called(to))).unwrap_or_default();
    format!("{} {from}{to}: {said}", date(line.at.0))
}

/// The one person that is called so.
fn named(accounts: &Accounts, name: &str) -> anyhow::Result<NodeId> {
    let wanted = name.trim().to_lowercase();
    let all = accounts.listed("");
    let is = |one: &&interregnum::accounts::Listed<'_>| {
        let marked = format!("{}\u{b7}{}", one.name, one.mark).to_lowercase();
        one.name.as_str().to_lowercase() == wanted || marked == wanted
    };
    let found: Vec<_> = all.iter().filter(is).collect();
    match found[..] {
        [one] => Ok(one.key.id()),
        [] => Err(Impossible(format!("nobody is known by the name of {name}")).into()),
        _ => {
            let names: Vec<String> = found.iter().map(|one| one.shown()).collect();
            Err(Impossible(format!("several are called so: {}", names.join(", "))).into())
        }
    }
}

/// A day and a time, of the zone that everybody has in common. (The days from civil algorithm: eras of 400
/// years, years that begin in March.)
fn date(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}Z", time / 3_600, time / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, said) in [
            (0, "1970-01-01 00:00Z"),
            (951_782_400, "2000-02-29 00:00Z"),
            (1_700_000_000, "2023-11-14 22:13Z"),
            (4_107_542_399, "2100-02-28 23:59Z"),
            (4_107_542_400, "2100-03-01 00:00Z"),
        ] {
            assert_eq!(date(seconds), said);
        }
    }
}
