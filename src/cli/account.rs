//! Accounts, from the command line: made, listed, renamed, carried to other machines, deleted.
//!
//! What is listed is known from the ledgers of this machine's profiles and from the profiles themselves.
//! What is said here of an own account is kept in its profile, and written into each session's ledger when
//! that is played the next time. So a profile that is in use is not changed.
//!
//! With `--json`, `account list` prints a line for each account of the page,
//!
//! ```text
//! {"name":"Ada","mark":"kobi","shown":"Ada","account":"64 digits","colour":3,"profile":1,
//!  "machines":[{"machine":"an id","mark":"zura","struck":false}]}
//! ```
//!
//! (`profile` where it is one of this machine's, `paired` where somebody here has compared pictures with it), and
//! at last `{"accounts":57,"page":1,"pages":3}`;
//! `account devices` prints a line for each machine, as above, with `here` for the one it runs on. These
//! are stable interfaces: fields may be added.

mod carry;
mod typed;

use std::{io, process::ExitCode};

use interregnum::{
    accounts::{Account, Listed, Mark, NotHere, Own},
    keys::PublicKey,
    text::Name,
    types::NodeId,
};
use serde::Serialize;

use super::{
    carried::{self, called, elsewhere},
    friends,
    impossible::Impossible,
    kept::{Kept, folder},
    known::{self, checked},
    options::{AccountCommand, DevicesAction, KeptOptions, ListOptions, ProfileOptions},
    output::say,
    profile::{self, Profile},
};

/// Does what was asked for.
pub fn run(command: &AccountCommand) -> anyhow::Result<ExitCode> {
    match command {
        AccountCommand::Create { name, colour, kept } => {
            create(kept, name.as_ref().map(|called| &called.name), *colour)
        }
        AccountCommand::List(options) => list(options),
        AccountCommand::Rename { name, colour, profile } => rename(profile, &name.name, *colour),
        AccountCommand::Delete { yes, profile } => delete(profile, *yes),
        AccountCommand::Export(options) => carry::export(options),
        AccountCommand::Import(options) => carry::import(options),
        AccountCommand::Devices { action: None, json, profile } => devices(profile, *json),
        AccountCommand::Devices {
            action: Some(DevicesAction::Strike { mark, profile }), ..
        } => strike(profile, mark),
    }
}

fn create(kept: &KeptOptions, name: Option<&Name>, colour: Option<u8>) -> anyhow::Result<ExitCode> {
    let mut profile = Profile::create(&folder(kept)?)?;
    let name = name.cloned().unwrap_or_else(|| profile.nickname());
    profile.keep_name(&name);
    profile.statements(&name);
    if let Some(own) = &mut profile.own {
        own.be_called(&name, colour)?;
        profile.keep_own();
        let (name, number) = (called(profile.own.as_ref()), profile.number);
        say(&format!("made {name}, in profile {number}: play as it with --profile {number}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a Name,
    mark: &'a str,
    shown: String,
    account: &'a PublicKey,
    colour: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    paired: bool,
    machines: Vec<Machine>,
}

#[derive(Serialize)]
struct Machine {
    machine: NodeId,
    mark: String,
    struck: bool,
    #[serde(skip_serializing_if = "is_false")]
    here: bool,
}

#[derive(Serialize)]
struct Foot {
    accounts: usize,
    page: usize,
    pages: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(so: &bool) -> bool {
    !so
}

fn machines(account: &Account) -> Vec<Machine> {
    let machine = |(machine, struck)| Machine {
        machine,
        mark: Mark::of(machine).to_string(),
        struck,
        here: false,
    };
    account.machines().map(machine).collect()
}

fn list(options: &ListOptions) -> anyhow::Result<ExitCode> {
    let ListOptions { filter, page, per_page, json, kept } = options;
    let filter = filter.as_deref().unwrap_or_default();
    let found = known::page(kept, filter, *page, *per_page)?;
    let own: Vec<(u32, PublicKey)> =
        profile::accounts(&found.folder).map(|(number, own)| (number, own.account())).collect();
    let friends = friends::in_any(profile::folders(&found.folder));
    let pages = found.in_all.div_ceil(*per_page).max(1);
    for one in found.listed() {
        let profile = own.iter().find(|(_, key)| key == one.key).map(|(number, _)| *number);
        let paired = friends.iter().any(|friend| friend.key == *one.key);
        match json {
            true => {
                let row = Row {
                    name: one.name,
                    mark: one.mark.as_str(),
                    shown: one.shown(),
                    account: one.key,
                    colour: one.account.colour(),
                    profile,
                    paired,
                    machines: machines(one.account),
                };
                say(&serde_json::to_string(&row)?)?;
            }
            false => say(&line(&one, profile, paired))?,
        }
    }
    match json {
        true => {
            let foot = Foot { accounts: found.in_all, page: *page, pages };
            say(&serde_json::to_string(&foot)?)?;
        }
        false if found.in_all == 0 => say("nobody is known here by such a name")?,
        false => say(&format!("page {page} of {pages}, {} accounts", found.in_all))?,
    }
    Ok(found.exit_code)
}

fn line(one: &Listed<'_>, profile: Option<u32>, paired: bool) -> String {
    let machines = match one.account.machines().filter(|(_, struck)| !struck).count() {
        1 => "1 machine".to_owned(),
        more => format!("{more} machines"),
    };
    let own = profile.map(|number| format!("  yours, in profile {number}")).unwrap_or_default();
    let paired = if paired { "  paired" } else { "" };
    format!("{:<30}  {}  {machines:>11}{own}{paired}", one.shown(), one.mark)
}

/// The profile that is meant, which nobody else uses meanwhile, and its account.
fn claim(options: &ProfileOptions) -> anyhow::Result<(Profile, Own)> {
    let folder = folder(&options.kept)?;
    if !profile::is_there(&folder, options.profile) {
        return Err(Impossible(format!(
            "there is no profile {} in {}: account create makes one",
            options.profile,
            folder.display()
        ))
        .into());
    }
    let profile = Profile::try_claim(&folder, options.profile)?;
    let in_use = || {
        Impossible(format!(
            "profile {} is in use: end that copy of the game first",
            options.profile
        ))
    };
    let profile = profile.ok_or_else(in_use)?;
    let own = profile.own.clone().ok_or_else(|| io::Error::other("no account can be kept"))?;
    Ok((profile, own))
}

fn rename(options: &ProfileOptions, name: &Name, colour: Option<u8>) -> anyhow::Result<ExitCode> {
    let (mut profile, mut own) = claim(options)?;
    let before = called(Some(&own));
    if let Some(folder) = profile.folder() {
        own.learn(carried::said_here(folder, own.account())?);
    }
    own.be_called(name, colour).map_err(elsewhere)?;
    profile.set_own(own)?;
    profile.keep_name(name);
    say(&format!("{before} is called {} from here on", called(profile.own.as_ref())))?;
    Ok(ExitCode::SUCCESS)
}

fn delete(options: &ProfileOptions, yes: bool) -> anyhow::Result<ExitCode> {
    let (mut profile, mut own) = claim(options)?;
    let name = called(Some(&own));
    if own.secret().is_none() {
        return Err(elsewhere(NotHere).into());
    }
    if !yes {
        let question = format!(
            "Delete {name} for ever? Its name goes, everywhere; its points stay, as somebody's. \
             Type \"delete\":"
        );
        if typed::asked(&question)? != "delete" {
            return Err(Impossible("nothing was deleted (--yes means it)".to_owned()).into());
        }
    }
    own.delete().map_err(elsewhere)?;
    profile.set_own(own)?;
    drop(profile);
    // Whoever claims it buries it.
    let (profile, _) = claim(options)?;
    let new = called(profile.own.as_ref());
    say(&format!("{name} is deleted; whoever plays with this profile is somebody new, {new}"))?;
    Ok(ExitCode::SUCCESS)
}

/// The own account, as far as it is known, and its machines.
fn own_devices(options: &ProfileOptions) -> anyhow::Result<(Own, NodeId, Vec<Machine>)> {
    let folder = folder(&options.kept)?;
    let unknown =
        || Impossible(format!("there is no profile {} in {}", options.profile, folder.display()));
    let (own, machine) = profile::kept(&folder, options.profile).ok_or_else(unknown)?;
    let kept = Kept::of(&options.kept)?;
    let accounts = checked(&kept, &folder, |_| vec![own.account()]);
    let account = accounts.get(&own.account()).cloned().unwrap_or_default();
    let mut machines = machines(&account);
    machines.retain_mut(|known| {
        known.here = known.machine == machine;
        accounts.of_machine(known.machine) == Some(own.account())
    });
    Ok((own, machine, machines))
}

fn devices(options: &ProfileOptions, json: bool) -> anyhow::Result<ExitCode> {
    let (own, _, machines) = own_devices(options)?;
    if !json {
        say(&called(Some(&own)))?;
    }
    for known in machines {
        let what = match (known.here, known.struck) {
            (true, false) => "this machine",
            (true, true) => "this machine, struck off",
            (false, true) => "struck off",
            (false, false) => "",
        };
        match json {
            true => say(&serde_json::to_string(&known)?)?,
            false => say(format!("  {}  {}  {what}", known.mark, known.machine).trim_end())?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn strike(options: &ProfileOptions, mark: &str) -> anyhow::Result<ExitCode> {
    let (_, here, machines) = own_devices(options)?;
    let wanted = mark.trim().to_lowercase();
    let meant: Vec<&Machine> = machines
        .iter()
        .filter(|known| known.mark == wanted || known.machine.to_string() == wanted)
        .collect();
    let [meant] = meant[..] else {
        let why = if meant.is_empty() { "no machine" } else { "more than one machine" };
        let help = "account devices lists them; an id will do, too";
        return Err(Impossible(format!("{why} of this account is called {mark}: {help}")).into());
    };
    if meant.machine == here {
        let why = "this is the machine that you are at; strike it off at another one";
        return Err(Impossible(why.to_owned()).into());
    }
    let (mut profile, mut own) = claim(options)?;
    own.strike(meant.machine).map_err(elsewhere)?;
    profile.set_own(own)?;
    say(&format!("{} is struck off: whoever hears of that lets it in no more", meant.mark))?;
    Ok(ExitCode::SUCCESS)
}
