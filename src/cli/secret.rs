//! Passphrases: where they come from, and new ones; and the list of those who may come in.
//!
//! A passphrase is never an argument: everybody on a machine sees the arguments of all its processes, and a
//! shell writes them down. It is asked for on the terminal, or stands in a file or in the environment,
//! which only this user and the administrator can read.

use std::{
    collections::BTreeSet,
    env, fs,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use bip39::Language;
use interregnum::{
    keys::{Lock, PublicKey},
    runtime,
    text::SessionName,
};

use super::{impossible::Impossible, options::GameOptions};

/// Where a passphrase is looked for that was not asked for otherwise.
pub const VARIABLE: &str = "GAME_PASSPHRASE";

/// How long a passphrase may be, in bytes.
const PASSPHRASE_BYTES_MAX: u64 = 4_096;

/// How many words a new passphrase has. Each is one of 2,048, which is 11 bits.
const WORDS: usize = 4;

/// The lock of the session that is to be played in, if it is to have one.
pub fn lock(game: &GameOptions, session: &SessionName) -> anyhow::Result<Option<Lock>> {
    let Some(passphrase) = passphrase(game)? else { return Ok(None) };
    let nothing = || Impossible("there is nothing in the passphrase".to_owned());
    Ok(Some(Lock::new(&passphrase, session).ok_or_else(nothing)?))
}

/// What stands in the first line of a file, without the blanks around it.
pub fn first_word(file: &Path) -> anyhow::Result<String> {
    let read = File::open(file).and_then(|file| first_line(BufReader::new(file)));
    let read = read.map_err(|error| Impossible(format!("{}: {error}", file.display())))?;
    let word = read.trim().to_owned();
    match word.is_empty() {
        true => Err(Impossible(format!("there is nothing in {}", file.display())).into()),
        false => Ok(word),
    }
}

/// The passphrase that was typed, or that stands where it was said to; none: the session is open.
pub fn passphrase(game: &GameOptions) -> anyhow::Result<Option<String>> {
    if game.passphrase {
        let asked = rpassword::prompt_password("Passphrase: ").map_err(|error| {
            Impossible(format!(
                "there is no terminal to ask for a passphrase on ({error}): use --passphrase-file, or \
                 {VARIABLE} in the environment"
            ))
        });
        return Ok(Some(asked?));
    }
    if let Some(file) = &game.passphrase_file {
        let read = match file.as_os_str() == "-" {
            true => first_line(io::stdin().lock()),
            false => File::open(file).and_then(|file| first_line(BufReader::new(file))),
        };
        let failed = |error| Impossible(format!("--passphrase-file {}: {error}", file.display()));
        return Ok(Some(read.map_err(failed)?));
    }
    // An empty variable is like none.
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let unreadable = |_| Impossible(format!("{VARIABLE} is no text"));
    Ok(named.map(|value| value.into_string().map_err(unreadable)).transpose()?)
}

/// The first line, and nothing of what follows it, so that somebody else can read that.
pub fn first_line(mut from: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    Read::by_ref(&mut from).take(PASSPHRASE_BYTES_MAX).read_line(&mut line)?;
    Ok(line)
}

/// A new passphrase: four words that nobody can guess, of the 2,048 of BIP 39, of which any two differ
/// within their first four letters. 44 bits: with what each guess costs, a thousand processors
/// try for decades.
pub fn new_passphrase() -> io::Result<String> {
    let drawn = runtime::random_bytes()?;
    let words = drawn.as_chunks::<2>().0.iter().take(WORDS);
    let list = Language::English.word_list();
    // 2,048 divides what two bytes can be: none comes more often than another.
    let words = words.map(|two| list[usize::from(u16::from_be_bytes(*two)) % list.len()]);
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// Those who may come in: a file with a public key in 64 hexadecimal digits on each line. What follows a # is
/// for people.
pub fn listed(file: &Path) -> anyhow::Result<BTreeSet<PublicKey>> {
    let at = file.display();
    let text =
        fs::read_to_string(file).map_err(|error| Impossible(format!("--allow {at}: {error}")))?;
    let mut listed = BTreeSet::new();
    for (line, text) in text.lines().enumerate() {
        let key = text.split('#').next().unwrap_or_default().trim();
        if key.is_empty() {
            continue;
        }
        let wrong = || {
            let line = line + 1;
            Impossible(format!(
                "--allow {at}: line {line} is no public key of 64 hexadecimal digits"
            ))
        };
        listed.insert(PublicKey::from_text(key).ok_or_else(wrong)?);
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_passphrase_has_four_words_of_the_list_and_no_two_are_alike() {
        let drawn: BTreeSet<String> = (0..100).map(|_| new_passphrase().unwrap()).collect();
        assert_eq!(drawn.len(), 100);
        let list = Language::English.word_list();
        assert_eq!(list.len(), 2_048);
        for passphrase in &drawn {
            let words: Vec<&str> = passphrase.split(' ').collect();
            assert_eq!(words.len(), WORDS);
            assert!(words.iter().all(|word| list.contains(word)), "{passphrase}");
        }
    }

    #[test]
    fn only_the_first_line_is_a_passphrase_and_the_rest_is_left() {
        let mut text = io::Cursor::new(b"four words\r\nsomething else\n");
        assert_eq!(first_line(&mut text).unwrap().trim(), "four words");
        let mut rest = String::new();
        text.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "something else\n");
        let long = vec![b'x'; 10_000];
        assert_eq!(first_line(io::Cursor::new(long)).unwrap().len(), 4_096);
    }

    #[test]
    fn a_list_has_a_key_on_each_line_and_says_where_it_has_none() {
        let folder = env::temp_dir().join(format!("interregnum-list-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("friends");
        let key = "0123456789abcdef".repeat(4);
        fs::write(&file, format!("# friends\n\n  {key}  # Ada\n{}\n", key.to_uppercase())).unwrap();
        let found = listed(&file).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [PublicKey::from_text(&key).unwrap()]);
        fs::write(&file, format!("{key}\n{}\n", &key[1..])).unwrap();
        let error = listed(&file).unwrap_err().to_string();
        assert!(error.contains("line 2 is no public key"), "{error}");
        fs::remove_file(&file).unwrap();
        assert!(listed(&file).unwrap_err().is::<Impossible>());
        fs::remove_dir_all(folder).unwrap();
    }
}
