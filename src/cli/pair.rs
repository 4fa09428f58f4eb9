//! `pair`: two people make sure that nobody stands between them, on a terminal.
//!
//! The profile takes part in the session, as a player who stands still, until the two have compared. Both
//! sides type the same, each with the other's name; or one of them sits at a window, where it is asked. What
//! is to be compared is printed, and the answer is read from standard input: so a script can give it, too. With
//! `--json` everything is printed as by whoever takes part: the lines `pairing`, `recognised` and `other_key` tell of it.
//!
//! `pair --list --json` prints a line for each who is remembered: `{"name":"Bob","mark":"kobi","key":"64
//! digits"}`. Fields may be added.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use crossbeam_channel::{Receiver, TryRecvError};
use interregnum::{
    accounts::{Friend, Mark, told_apart},
    arena::Arena,
    keys::PublicKey,
    node::{Command, Event, View},
    pairing::{Ended, Stage, Told},
    runtime::{self, Events, Handle, Happened, Join},
    text::Name,
    types::{Instant, NodeId, Role},
};
use serde::Serialize;

use super::{
    friends,
    impossible::Impossible,
    options::{PairOptions, PartOptions},
    output::{Output, Stdout, say},
    pilot::pilot,
    profile::{self, Profile},
    reporter::{Reporter, Words},
    secret, signals,
    take_part::NOT_LET_IN,
    typed,
};

/// How long somebody of that name is waited for, unless `--seconds` says otherwise.
const FOUND_WITHIN: Duration = Duration::from_secs(120);

/// After this time it is said who is there instead.
const SAY_WHO_IS_THERE: Duration = Duration::from_secs(5);

/// How often it is looked whether there is anything to do.
const LOOK: Duration = Duration::from_millis(50);

/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Does what was asked for.
pub fn run(options: &PairOptions, log: &Output) -> anyhow::Result<ExitCode> {
    let PairOptions { who, list, forget, part } = options;
    match (who, list, forget) {
        (None, true, None) => list_all(part),
        (None, false, Some(name)) => forget_one(part, name),
        (Some(who), false, None) => compare(who, part, log),
        _ => Err(Impossible("say with whom: NAME; or --list, or --forget NAME".to_owned()).into()),
    }
}

/// The folder of the profile that is meant.
fn folder(part: &PartOptions) -> anyhow::Result<PathBuf> {
    let folder = part.data_dir.clone().or_else(profile::usual_folder);
    let nowhere = || Impossible("nothing can be remembered here: say where, --data-dir".to_owned());
    Ok(folder.ok_or_else(nowhere)?)
}

/// The profile that is meant, which nobody else uses meanwhile.
fn claim(part: &PartOptions) -> anyhow::Result<Profile> {
    let number = part.profile.unwrap_or(1);
    let in_use = || {
        let help = "compare there (K, then P), or end it";
        Impossible(format!("profile {number} is in use by another copy of the game: {help}"))
    };
    Ok(Profile::try_claim(&folder(part)?, number)?.ok_or_else(in_use)?)
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a Name,
    mark: &'a str,
    key: &'a PublicKey,
}

fn list_all(part: &PartOptions) -> anyhow::Result<ExitCode> {
    let at = profile::folder_of(&folder(part)?, part.profile.unwrap_or(1));
    let kept = friends::kept(Some(&at));
    for Friend { name, key } in kept.all() {
        let mark = Mark::of(key.id());
        match part.run.json {
            true => say(&serde_json::to_string(&Row { name, mark: mark.as_str(), key })?)?,
            false => say(&format!("{:<30}  {mark}  key {:?}\u{2026}", name.as_str(), key))?,
        }
    }
    if kept.all().is_empty() && !part.run.json {
        say("you have compared with nobody yet")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn forget_one(part: &PartOptions, name: &str) -> anyhow::Result<ExitCode> {
    let profile = claim(part)?;
    let mut kept = friends::kept(profile.folder());
    match (kept.forget(name), profile.folder()) {
        (forgotten @ 1.., Some(folder)) => {
            friends::keep(folder, &kept)?;
            let what = if forgotten == 1 { "is" } else { "are all" };
            say(&format!("{name} {what} forgotten: compare again before you trust that name"))?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(Impossible(format!("nobody is remembered as {name}: see pair --list")).into()),
    }
}

fn compare(who: &str, part: &PartOptions, log: &Output) -> anyhow::Result<ExitCode> {
    let mut profile = claim(part)?;
    let name = super::called(part, log).unwrap_or_else(|| profile.usual_name());
    profile.keep_name(&name);
    let session = super::session(part);
    let mut settings = super::settings(part, &mut profile, name.clone())?;
    settings.role = Role::Player;
    settings.lock = secret::lock(&part.game, &session)?;
    settings.session = Some(session.clone());
    let out = Stdout::new(part.run.json)?;
    let stop = signals::stop_requests(false, &out)?;
    let words = if part.run.json { Words::Json } else { Words::Story };
    let handle: Handle<Arena> =
        Join::from(settings).pilot(pilot(Arc::new(AtomicBool::new(false)))).start()?;
    let reporter = Reporter::start(&out, words, &name, Some(&session), handle.started());
    let patience = part.run.seconds.map_or(FOUND_WITHIN, Duration::from_secs);
    let mut comparison = Comparison {
        who: who.trim().to_lowercase(),
        events: handle.events(),
        handle,
        reporter,
        for_people: !part.run.json,
        folder: profile.folder(),
        linked: BTreeSet::new(),
        began: runtime::now(),
        patience,
        whom: None,
        said_who_is_there: false,
    };
    let code = comparison.until_the_end(&stop, &typed::lines()?, part.run.tied);
    comparison.leave();
    code
}

/// A node that takes part until two people have compared.
struct Comparison<'a> {
    /// With whom, as it was typed.
    who: String,
    handle: Handle<Arena>,
    events: Events<Arena>,
    reporter: Reporter,
    for_people: bool,
    folder: Option<&'a Path>,
    /// Who is linked.
    linked: BTreeSet<NodeId>,
    began: Instant,
    patience: Duration,
    /// Who it is, once that is clear.
    whom: Option<NodeId>,
    said_who_is_there: bool,
}

impl Comparison<'_> {
    fn until_the_end(
        &mut self,
        stop: &Receiver<()>,
        typed: &Receiver<String>,
        tied: bool,
    ) -> anyhow::Result<ExitCode> {
        loop {
            if let Some(timed) = self.events.next_within(LOOK) {
                if !self.for_people || is_about_people(&timed.event) {
                    self.reporter.happened(&timed);
                }
                if let Some(code) = self.heed(&timed.event) {
                    return Ok(code);
                }
            }
            if stop.try_recv().is_ok() || self.events.is_over() {
                return Ok(ExitCode::FAILURE);
            }
            match typed.try_recv() {
                Ok(line) => self.answer(&line),
                // What is tied to its input ends with it.
                Err(TryRecvError::Disconnected) if tied => return Ok(ExitCode::FAILURE),
                Err(_) => {}
            }
            let waited = runtime::now().since(self.began);
            if waited >= self.patience {
                let who = &self.who;
                self.reporter.say(&format!("nothing came of it: {who} was not met"));
                return Ok(ExitCode::FAILURE);
            }
            if let (None, Some(view)) = (self.whom, self.handle.view()) {
                self.reporter.viewed(&view);
                self.look_for(&view, waited)?;
            }
        }
    }

    /// Heeds something that happened. What the program ends with, if it does.
    fn heed(&mut self, event: &Happened<Arena>) -> Option<ExitCode> {
        let Happened::Node(event) = event else { return None };
        match event {
            Event::PeerUp { peer, .. } => {
                self.linked.insert(*peer);
            }
            Event::PeerDown { peer, .. } => {
                self.linked.remove(peer);
            }
            Event::Locked { .. } | Event::Excluded { .. } => {
                return Some(ExitCode::from(NOT_LET_IN));
            }
            Event::Stopped => return Some(ExitCode::FAILURE),
            Event::Pairing { peer, name, told } => return self.paired(*peer, name, told),
            _ => {}
        }
        None
    }

    fn paired(&mut self, peer: NodeId, name: &Name, told: &Told) -> Option<ExitCode> {
        match told {
            Told::Stage(Stage::Asked) => {
                // That was asked for here, too; but perhaps with somebody else.
                let meant =
                    self.handle.view().is_some_and(|view| self.meant(&view).contains(&peer));
                self.whom = self.whom.or(Some(peer).filter(|_| meant));
                self.tell(match meant {
                    true => Command::Pair(peer),
                    false => Command::Compared { same: false },
                });
            }
            Told::Stage(Stage::Comparing { said: false, .. }) if self.for_people => {
                self.reporter.say(&format!("Does {name} see the same? Type y or n:"));
            }
            Told::Stage(_) => {}
            Told::Paired(key) => {
                friends::remember(self.folder, Friend { name: name.clone(), key: *key });
                return Some(ExitCode::SUCCESS);
            }
            // Whoever was not meant was refused.
            Told::Ended { .. } if self.whom != Some(peer) => {}
            // The link comes back, or comes yet.
            Told::Ended { why: Ended::Gone, .. } => self.whom = None,
            Told::Ended { .. } => return Some(ExitCode::FAILURE),
        }
        None
    }

    fn answer(&mut self, line: &str) {
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => self.tell(Command::Compared { same: true }),
            "n" | "no" => self.tell(Command::Compared { same: false }),
            _ => self.reporter.say("type y if it is the same there, n if it is not"),
        }
    }

    /// Asks whoever is meant, if there is one.
    fn look_for(&mut self, view: &View<Arena>, waited: Duration) -> anyhow::Result<()> {
        let meant = self.meant(view);
        match meant[..] {
            [] => {
                if waited >= SAY_WHO_IS_THERE && !self.said_who_is_there {
                    self.said_who_is_there = true;
                    let names: Vec<String> = called(view).map(|(_, name)| name).collect();
                    let there = match names.is_empty() {
                        true => "nobody".to_owned(),
                        false => names.join(", "),
                    };
                    let who = &self.who;
                    self.reporter.say(&format!("waiting for {who}; {there} is here"));
                }
            }
            [only] => {
                if self.linked.contains(&only) {
                    self.whom = Some(only);
                    self.tell(Command::Pair(only));
                }
            }
            _ => {
                let names: Vec<String> = called(view)
                    .filter(|(id, _)| meant.contains(id))
                    .map(|(_, name)| name)
                    .collect();
                let names = names.join(" or ");
                return Err(Impossible(format!("there are several of that name: {names}?")).into());
            }
        }
        Ok(())
    }

    /// Those who are called so, or have that mark.
    fn meant(&self, view: &View<Arena>) -> Vec<NodeId> {
        let is_meant = |(id, shown): &(NodeId, String)| {
            let member = view.members.iter().find(|member| member.id == *id);
            let name = member.map(|member| member.name.as_str().to_lowercase());
            let mark = Mark::of(view.accounts.person(*id));
            let marked = name.as_ref().map(|name| format!("{name}\u{b7}{mark}"));
            name.as_ref() == Some(&self.who)
                || marked.as_ref() == Some(&self.who)
                || mark.as_str() == self.who
                || shown.to_lowercase() == self.who
        };
        called(view).filter(is_meant).map(|(id, _)| id).collect()
    }

    fn tell(&self, command: Command<Arena>) {
        if let Err(error) = self.handle.command(command) {
            tracing::warn!("{error}");
        }
    }

    /// Leaves, and tells what is told meanwhile.
    fn leave(&mut self) {
        self.tell(Command::Leave);
        let end = runtime::now() + FAREWELL;
        while let Some(timed) = self.events.next_within(end.since(runtime::now())) {
            if !self.for_people {
                self.reporter.happened(&timed);
            }
            if matches!(timed.event, Happened::Node(Event::Stopped)) {
                return;
            }
        }
    }
}

/// All others who are there, as they are shown.
fn called(view: &View<Arena>) -> impl Iterator<Item = (NodeId, String)> {
    let there = view.members.iter().filter(|member| member.id != view.me && !member.away);
    let names = there.map(|member| (member.id, member.name.as_str()));
    told_apart(names, &view.accounts).into_iter()
}

/// What somebody wants to read who wants to compare, and not to play.
fn is_about_people(event: &Happened<Arena>) -> bool {
    match event {
        Happened::Node(event) => matches!(
            event,
            Event::Pairing { .. }
                | Event::Recognised { .. }
                | Event::OtherKey { .. }
                | Event::Locked { .. }
                | Event::Excluded { .. }
                | Event::Unreachable(_)
                | Event::NobodyFound
        ),
        _ => true,
    }
}
