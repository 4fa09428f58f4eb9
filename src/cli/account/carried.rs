//! An account on its way to another machine, or into a drawer: sealed in a file, or as words on paper.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::ExitCode,
};

use interregnum::{
    accounts::{Mark, Own, Statement},
    keys::{
        Chance, SecretKey,
        vault::{self, SEALED_BYTES_MAX, WORDS},
    },
    runtime,
};
use serde::{Deserialize, Serialize};

use super::{called, checked, claim, elsewhere, typed};
use crate::cli::{
    impossible::Impossible,
    kept::{Kept, folder},
    options::{ExportOptions, ImportOptions},
    output::say,
    profile,
};

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Carried {
    /// The account's key.
    secret: String,
    /// What it has said.
    statements: Vec<Statement>,
}

/// Writes an account into a file, or prints it as words.
pub fn export(options: &ExportOptions) -> anyhow::Result<ExitCode> {
    let folder = folder(&options.profile.kept)?;
    let number = options.profile.profile;
    let unknown = || Impossible(format!("there is no profile {number} in {}", folder.display()));
    let (own, _) = profile::kept(&folder, number).ok_or_else(unknown)?;
    let secret = own.secret().ok_or(interregnum::accounts::NotHere).map_err(elsewhere)?;
    let Some(path) = &options.file else {
        return if options.words { print_words(secret) } else { Err(nowhere().into()) };
    };
    if path.exists() {
        return Err(Impossible(format!("{} is there already", path.display())).into());
    }
    let passphrase = typed::passphrase(options.passphrase_file.as_deref(), true)?;
    let statements = own.statements().to_vec();
    let clear = serde_json::to_vec(&Carried { secret: secret.to_text(), statements })?;
    let mut chance = Chance::new(runtime::random_bytes()?);
    let sealed = vault::seal(&passphrase, &clear, &mut chance);
    let sealed = sealed.ok_or_else(|| Impossible("there is nothing in the passphrase".into()))?;
    write(path, &sealed)
        .map_err(|error| Impossible(format!("cannot write {}: {error}", path.display())))?;
    let name = called(Some(&own));
    say(&format!("{name} is in {}, sealed: without the passphrase it is lost", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn nowhere() -> Impossible {
    Impossible("say which FILE, or --words".to_owned())
}

fn write(path: &Path, sealed: &[u8]) -> std::io::Result<()> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(sealed)?;
    file.sync_all()
}

fn print_words(secret: &SecretKey) -> anyhow::Result<ExitCode> {
    let words = vault::to_words(secret);
    for (row, words) in words.chunks(4).enumerate() {
        let numbered = (row * 4 + 1..).zip(words).map(|(at, word)| format!("{at:>2} {word:<10}"));
        say(numbered.collect::<String>().trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets this machine speak for an account that was exported elsewhere.
pub fn import(options: &ImportOptions) -> anyhow::Result<ExitCode> {
    let carried = match &options.file {
        Some(path) => opened(path, options.passphrase_file.as_deref())?,
        None if options.words => read_words()?,
        None => return Err(nowhere().into()),
    };
    let not_one = || Impossible("this is no exported account".to_owned());
    let secret = SecretKey::from_text(&carried.secret).ok_or_else(not_one)?;
    let folder = folder(&options.profile.kept)?;
    fs::create_dir_all(&folder)?;
    if !profile::is_there(&folder, options.profile.profile) {
        // This is the first start here.
        drop(profile::Profile::try_claim(&folder, options.profile.profile)?);
    }
    let (mut profile, before) = claim(&options.profile)?;
    let machine = profile.key.public();
    let same = before.account() == secret.public();
    let turn = before.turn(machine) + u64::from(!same);
    let mut own = Own::new(secret, machine, turn);
    own.learn(carried.statements);
    if same {
        own.learn(before.statements().to_vec());
    }
    let kept = Kept::of(&options.profile.kept)?;
    let accounts = checked(&kept, &folder, |_| vec![own.account()]);
    if let Some(account) = accounts.get(&own.account()) {
        own.learn(account.statements().map(|statement| Statement::clone(statement)));
    }
    if own.is_deleted() {
        return Err(Impossible("that account was deleted".to_owned()).into());
    }
    if let Some(name) = &options.name {
        own.be_called(&name.name, None).map_err(elsewhere)?;
    }
    let aside =
        (!same && before.secret().is_some()).then(|| Mark::of(before.account().id()).to_string());
    let keeps_key = options.with_key || same && before.secret().is_some();
    if let (Some(mark), Some(folder)) = (&aside, profile.folder()) {
        for file in ["account", "statements"] {
            fs::rename(folder.join(file), folder.join(format!("{file}.{mark}")))?;
        }
    }
    profile.set_own(if keeps_key { own } else { own.without_secret() })?;
    if let Some((name, _)) = profile.own.as_ref().and_then(Own::called) {
        let name = name.clone();
        profile.keep_name(&name);
    }
    let name = called(profile.own.as_ref());
    let mark = Mark::of(profile.id());
    say(&format!("this machine, {mark}, speaks for {name}"))?;
    if let Some(mark) = aside {
        say(&format!(
            "{} is set aside, in account.{mark} and statements.{mark}",
            called(Some(&before))
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn opened(path: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<Carried> {
    let unread =
        |error: std::io::Error| Impossible(format!("cannot read {}: {error}", path.display()));
    let long = || Impossible(format!("{}: this is no exported account", path.display()));
    if fs::metadata(path).map_err(unread)?.len() > SEALED_BYTES_MAX as u64 {
        return Err(long().into());
    }
    let sealed = fs::read(path).map_err(unread)?;
    let passphrase = typed::passphrase(passphrase_file, false)?;
    let clear = vault::open(&passphrase, &sealed)
        .map_err(|error| Impossible(format!("{}: {error}", path.display())))?;
    Ok(serde_json::from_slice(&clear).map_err(|_| long())?)
}

fn read_words() -> anyhow::Result<Carried> {
    let mut typed = String::new();
    while typed.split_whitespace().count() < WORDS {
        let line = typed::asked("The words, one line or several:")?;
        if line.is_empty() {
            break;
        }
        // Numbers are there for people.
        let words = line.split_whitespace().filter(|word| word.parse::<u8>().is_err());
        words.for_each(|word| {
            typed.push_str(word);
            typed.push(' ');
        });
    }
    let misread = || {
        Impossible(format!(
            "these are not the {WORDS} words of an account: one is missing or misread"
        ))
    };
    let secret = vault::from_words(&typed).ok_or_else(misread)?;
    Ok(Carried { secret: secret.to_text(), statements: Vec::new() })
}
