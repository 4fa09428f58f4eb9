//! What is asked for at a terminal, or stands where nobody else reads it, when an account's key is sealed.

use std::{
    env,
    fs::File,
    io::{self, BufReader, IsTerminal, Write},
    path::Path,
};

use crate::cli::{
    impossible::Impossible,
    secret::{VARIABLE, first_line},
};

/// The passphrase: of this file, or the environment's, or what is typed; a `fresh` one is typed twice.
pub fn passphrase(file: Option<&Path>, fresh: bool) -> anyhow::Result<String> {
    let given = match file {
        Some(path) => {
            let unread = |error| Impossible(format!("cannot read {}: {error}", path.display()));
            let line = File::open(path).and_then(|file| first_line(BufReader::new(file)));
            Some(line.map_err(unread)?)
        }
        None => env::var(VARIABLE).ok(),
    };
    let phrase = match given {
        Some(given) => given,
        None => typed(fresh)?,
    };
    if phrase.trim().is_empty() {
        return Err(Impossible("a passphrase has at least one letter".to_owned()).into());
    }
    Ok(phrase)
}

fn typed(fresh: bool) -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let instead = "a passphrase is needed: type it at a terminal, or give --passphrase-file FILE or \
                       GAME_PASSPHRASE";
        return Err(Impossible(instead.to_owned()).into());
    }
    let phrase = rpassword::prompt_password("Passphrase: ")?;
    if fresh && rpassword::prompt_password("The same again: ")? != phrase {
        return Err(Impossible("the two are not the same".to_owned()).into());
    }
    Ok(phrase)
}

/// A line that somebody types who is asked for it.
pub fn asked(question: &str) -> io::Result<String> {
    if io::stdin().is_terminal() {
        eprint!("{question} ");
        io::stderr().flush()?;
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
