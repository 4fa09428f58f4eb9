//! An account is carried to another machine, or into a drawer.

use std::{fs, process::ExitCode};

use interregnum::{
    accounts::{Mark, NotHere},
    keys::{
        SecretKey,
        vault::{self, WORDS},
    },
};

use super::{claim, elsewhere, typed};
use crate::cli::{
    carried::{self, Carried, words_of},
    impossible::Impossible,
    kept::folder,
    options::{ExportOptions, ImportOptions},
    output::say,
    profile,
};

/// Writes an account into a file, or prints it as words.
pub fn export(options: &ExportOptions) -> anyhow::Result<ExitCode> {
    let folder = folder(&options.profile.kept)?;
    let number = options.profile.profile;
    let unknown = || Impossible(format!("there is no profile {number} in {}", folder.display()));
    let (own, _) = profile::kept(&folder, number).ok_or_else(unknown)?;
    let secret = own.secret().ok_or(NotHere).map_err(elsewhere)?;
    let Some(path) = &options.file else {
        return if options.words { print_words(secret) } else { Err(nowhere().into()) };
    };
    if path.exists() {
        return Err(carried::there_already(path).into());
    }
    let passphrase = typed::passphrase(options.passphrase_file.as_deref(), true)?;
    say(&carried::export(&own, path, &passphrase)?)?;
    Ok(ExitCode::SUCCESS)
}

fn nowhere() -> Impossible {
    Impossible("say which FILE, or --words".to_owned())
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
        Some(path) => {
            Carried::in_file(path, || typed::passphrase(options.passphrase_file.as_deref(), false))?
        }
        None if options.words => Carried::in_words(&read_words()?)?,
        None => return Err(nowhere().into()),
    };
    let folder = folder(&options.profile.kept)?;
    fs::create_dir_all(&folder)?;
    if !profile::is_there(&folder, options.profile.profile) {
        // This is the first start here.
        drop(profile::Profile::try_claim(&folder, options.profile.profile)?);
    }
    let (profile, before) = claim(&options.profile)?;
    let name = options.name.as_ref().map(|called| &called.name);
    let at = profile::folder_of(&folder, profile.number);
    let arrived = carried.arrive(&at, (profile.key.public(), before), options.with_key, name)?;
    say(&arrived.told(&Mark::of(profile.id())))?;
    Ok(ExitCode::SUCCESS)
}

fn read_words() -> anyhow::Result<String> {
    let mut typed = String::new();
    while words_of(&typed).count() < WORDS {
        let line = typed::asked("The words, one line or several:")?;
        if line.is_empty() {
            break;
        }
        typed.push_str(&line);
        typed.push(' ');
    }
    Ok(typed)
}
