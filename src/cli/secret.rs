//! What nobody else may read: passphrases, asked for without an echo, and never taken from the command
//! line, which every user of a machine can see.

use std::{
    env, fs,
    io::{self, IsTerminal, Write},
    path::Path,
};

use super::impossible::Impossible;

/// The variable that a passphrase may stand in.
const VARIABLE: &str = "GAME_PASSPHRASE";

/// The passphrase: of this file, or the environment's, or what is typed; a `fresh` one is typed twice.
pub fn passphrase(file: Option<&Path>, fresh: bool) -> anyhow::Result<String> {
    let given = match file {
        Some(path) => {
            let text = fs::read_to_string(path);
            let unread = |error| Impossible(format!("cannot read {}: {error}", path.display()));
            Some(text.map_err(unread)?)
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
