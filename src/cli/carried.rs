//! An account on its way to another machine, or into a drawer: sealed in a file, or as words on paper.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use interregnum::{
    accounts::{Mark, NotHere, Own, Statement},
    keys::{
        Chance, PublicKey, SecretKey,
        vault::{self, SEALED_BYTES_MAX, WORDS},
    },
    runtime,
    text::Name,
};
use serde::{Deserialize, Serialize};

use super::{impossible::Impossible, kept::Kept, known::checked, options::KeptOptions, profile};

/// What an account is called whose name is not known yet.
const NAMELESS: &str = "somebody";

/// An account with its key.
#[derive(Serialize, Deserialize)]
pub struct Carried {
    /// The account's key.
    secret: String,
    /// What it has said.
    statements: Vec<Statement>,
}

/// What came of an account that was brought to this machine.
pub struct Arrived {
    /// The account that this machine speaks for from here on.
    pub own: Own,
    /// The one it spoke for before, if that was another one whose key is here; and the mark that its files have
    /// in their names now.
    pub aside: Option<(Own, Mark)>,
}

impl Arrived {
    /// What there is to say of it, in lines.
    pub fn told(&self, machine: &Mark) -> String {
        let mut told = format!("this machine, {machine}, speaks for {}", called(Some(&self.own)));
        if let Some((before, mark)) = &self.aside {
            let before = called(Some(before));
            told += &format!("\n{before} is set aside, in account.{mark} and statements.{mark}");
        }
        told
    }
}

/// The name of an own account with its mark.
pub fn called(own: Option<&Own>) -> String {
    let Some(own) = own else { return "nobody".to_owned() };
    let name = own.called().map_or("a new account", |(name, _)| name.as_str());
    format!("{name}\u{b7}{}", Mark::of(own.account().id()))
}

/// What can be done where the account's key is not.
pub fn elsewhere(error: NotHere) -> Impossible {
    Impossible(format!("{error}: do that where the account was made, or import it --with-key"))
}

/// Writes an account into a file that only this passphrase opens. What there is to say then.
pub fn export(own: &Own, path: &Path, passphrase: &str) -> anyhow::Result<String> {
    let secret = own.secret().ok_or(NotHere).map_err(elsewhere)?;
    let statements = own.statements().to_vec();
    let clear = serde_json::to_vec(&Carried { secret: secret.to_text(), statements })?;
    let mut chance = Chance::new(runtime::random_bytes()?);
    let sealed = vault::seal(passphrase, &clear, &mut chance);
    let sealed = sealed.ok_or_else(|| Impossible("there is nothing in the passphrase".into()))?;
    write(path, &sealed).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => there_already(path),
        _ => Impossible(format!("cannot write {}: {error}", path.display())),
    })?;
    let name = called(Some(own));
    Ok(format!("{name} is in {}, sealed: without the passphrase it is lost", path.display()))
}

/// Nothing is written over.
pub fn there_already(path: &Path) -> Impossible {
    Impossible(format!("{} is there already", path.display()))
}

fn write(path: &Path, sealed: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(sealed).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a copy is none, and would be in the way of the next one.
        let _ = fs::remove_file(path);
    }
    written
}

impl Carried {
    /// What was exported into a file; the passphrase is asked for when it is found to be one.
    pub fn in_file(
        path: &Path,
        passphrase: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let unread =
            |error: io::Error| Impossible(format!("cannot read {}: {error}", path.display()));
        let foreign = || Impossible(format!("{}: this is no exported account", path.display()));
        let is = fs::metadata(path).map_err(unread)?;
        if !is.is_file() || is.len() > SEALED_BYTES_MAX as u64 {
            return Err(foreign().into());
        }
        let sealed = fs::read(path).map_err(unread)?;
        let clear = vault::open(&passphrase()?, &sealed)
            .map_err(|error| Impossible(format!("{}: {error}", path.display())))?;
        Ok(serde_json::from_slice(&clear).map_err(|_| foreign())?)
    }

    /// What was written down.
    pub fn in_words(typed: &str) -> anyhow::Result<Self> {
        let misread = || {
            Impossible(format!(
                "these are not the {WORDS} words of an account: one is missing or misread"
            ))
        };
        let secret = vault::from_words(&words_of(typed).collect::<Vec<_>>().join(" "));
        let secret = secret.ok_or_else(misread)?;
        Ok(Self { secret: secret.to_text(), statements: Vec::new() })
    }

    /// Lets the machine whose profile is kept in `folder`, and claimed by this process, speak for this account.
    /// It keeps the account's key if it is to, or has it already. The account is called `name` from here on, if
    /// one is given.
    pub fn arrive(
        self,
        folder: &Path,
        (machine, before): (PublicKey, Own),
        with_key: bool,
        name: Option<&Name>,
    ) -> anyhow::Result<Arrived> {
        let not_one = || Impossible("this is no exported account".to_owned());
        let secret = SecretKey::from_text(&self.secret).ok_or_else(not_one)?;
        let same = before.account() == secret.public();
        let turn = before.turn(machine) + u64::from(!same);
        let mut own = Own::new(secret, machine, turn);
        own.learn(self.statements);
        if same {
            own.learn(before.statements().to_vec());
        }
        own.learn(said_here(folder, own.account())?);
        if own.is_deleted() {
            return Err(Impossible("that account was deleted".to_owned()).into());
        }
        match name {
            Some(name) => own.be_called(name, None),
            // Words say nothing of a name.
            None => {
                own.be_called_until_known(before.called().map_or(&Name::new(NAMELESS), |it| it.0))
            }
        }
        .map_err(elsewhere)?;
        let had_key = before.secret().is_some();
        let aside = (!same && had_key).then(|| Mark::of(before.account().id()));
        if let Some(mark) = &aside {
            for file in ["account", "statements"] {
                let (from, aside) = (folder.join(file), folder.join(format!("{file}.{mark}")));
                // The key of another account that has the same mark is not written over.
                if file == "account" && aside.exists() && fs::read(&aside)? != fs::read(&from)? {
                    return Err(Impossible(format!("{} is in the way", aside.display())).into());
                }
                // Whatever happens from here on, the account is in one place at least.
                fs::copy(from, aside)?;
            }
        }
        let own = if with_key || same && had_key { own } else { own.without_secret() };
        profile::keep_account(folder, &own)?;
        if let Some((name, _)) = own.called() {
            profile::replace(&folder.join("name"), name.as_str())?;
        }
        Ok(Arrived { own, aside: aside.map(|mark| (before, mark)) })
    }
}

/// The words that somebody typed; the numbers between them are there for people.
pub fn words_of(typed: &str) -> impl Iterator<Item = &str> {
    typed.split_whitespace().filter(|word| word.trim_end_matches('.').parse::<u8>().is_err())
}

/// What this account is known here to have said; the folder is that of one of the profiles.
pub fn said_here(folder: &Path, account: PublicKey) -> anyhow::Result<Vec<Statement>> {
    let Some(all) = folder.parent() else { return Ok(Vec::new()) };
    let kept = Kept::of(&KeptOptions { data_dir: Some(all.to_owned()) })?;
    let accounts = checked(&kept, all, |_| vec![account]);
    let said = accounts.get(&account).into_iter().flat_map(|account| account.statements());
    Ok(said.map(|statement| Statement::clone(statement)).collect())
}
