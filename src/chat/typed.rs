//! What somebody types into a line of chat, and what it means: the same in a window and in a terminal.
//!
//! | typed | means |
//! |---|---|
//! | `some words` | to all; `//words` if they begin with a stroke |
//! | `/w NAME words` | to one; where several are called so, `NAME·mark` |
//! | `/r words` | to whoever wrote to you last |
//! | `/delete`, `/delete LINE` | take back your last line, or the one of this name |
//! | `/mute NAME`, `/unmute NAME` | do not show, or show again, what somebody says: to yourself alone |
//! | `/muted` | whose lines are not shown |
//! | `/list`, `/list TEXT` | who is known, of those the ones with this in their name |
//! | `/help`, `/quit` | |

use crate::{
    accounts::{Accounts, Mark},
    ledger::entry::EntryId,
    text::{Said, Unsaid},
    types::NodeId,
};

use super::Line;

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Say this: to one person, or to all.
    Say(Option<NodeId>, Said),
    /// Take back the line of this name, or the last one.
    Unsay(Option<EntryId>),
    /// Do not show any more, or show again, what this person says.
    Mute(NodeId, bool),
    /// Tell who is muted.
    Muted,
    /// Tell who is known.
    List(String),
    /// Tell what can be typed.
    Help,
    /// Leave.
    Quit,
}

/// Why a line means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Meaningless {
    /// There is no such command.
    #[error("there is no /{0}: /w NAME words, /r words, /delete, /mute NAME, /muted, /list, /quit")]
    Unknown(String),
    /// Nobody is known by that name. It may be heard of soon.
    #[error("nobody here is called that: {0}")]
    Nobody(String),
    /// Several are known by that name.
    #[error("several are called that: write {0}")]
    Several(String),
    /// Nobody has written to whoever types.
    #[error("nobody has written to you alone yet")]
    NoLetter,
    /// No line has such a name.
    #[error("{0} is no name of a line: /delete alone takes back your last one")]
    NoLine(String),
    /// It is no line of chat.
    #[error("{0}")]
    Unsaid(#[from] Unsaid),
}

/// What can be typed, for people.
pub const HELP: &str = "/w NAME words: to one; /r words: answer; /delete: take back your last line; /mute NAME, \
                        /unmute NAME, /muted; /list; /quit";

/// What somebody means who typed this. `answered` is who would get an answer.
///
/// # Errors
/// [`Meaningless`], with words for people.
pub fn read(
    line: &str,
    accounts: &Accounts,
    answered: Option<NodeId>,
) -> Result<Typed, Meaningless> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return Ok(Typed::Say(None, Said::new(line)?));
    };
    if command.starts_with('/') {
        return Ok(Typed::Say(None, Said::new(command)?));
    }
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    Ok(match word {
        "w" | "msg" => {
            let (person, words) = named(accounts, rest)?;
            Typed::Say(Some(person), Said::new(words)?)
        }
        "r" => Typed::Say(Some(answered.ok_or(Meaningless::NoLetter)?), Said::new(rest)?),
        "delete" if rest.is_empty() => Typed::Unsay(None),
        "delete" => {
            let line = EntryId::named(rest).ok_or_else(|| Meaningless::NoLine(rest.to_owned()))?;
            Typed::Unsay(Some(line))
        }
        "mute" | "unmute" => Typed::Mute(named(accounts, rest)?.0, word == "mute"),
        "muted" => Typed::Muted,
        "list" => Typed::List(rest.to_owned()),
        "help" | "?" => Typed::Help,
        "quit" => Typed::Quit,
        other => return Err(Meaningless::Unknown(other.to_owned())),
    })
}

/// The person that these words begin with, and the rest of them. Of several names the longest counts.
fn named<'a>(accounts: &Accounts, words: &'a str) -> Result<(NodeId, &'a str), Meaningless> {
    let mut found: Vec<(NodeId, String, &str)> = Vec::new();
    let mut longest = 0;
    for (key, account) in accounts.iter() {
        let Some(name) = account.name() else { continue };
        let Some(rest) = after(words, name.as_str()) else { continue };
        let marked = format!("{name}\u{b7}{}", Mark::of(key.id()));
        let behind = |rest: &&str| rest.is_empty() || rest.starts_with(char::is_whitespace);
        let by_mark = after(words, &marked).filter(behind);
        let Some(rest) = by_mark.or_else(|| Some(rest).filter(behind)) else { continue };
        let length = words.len() - rest.len();
        if length > longest {
            longest = length;
            found.clear();
        }
        if length == longest {
            found.push((key.id(), marked, rest.trim()));
        }
    }
    match &found[..] {
        [] => {
            let name = words.split_whitespace().next().unwrap_or("(no name)");
            Err(Meaningless::Nobody(name.to_owned()))
        }
        [(person, _, rest)] => Ok((*person, rest)),
        several => {
            let marked: Vec<&str> = several.iter().map(|(_, marked, _)| marked.as_str()).collect();
            Err(Meaningless::Several(marked.join(" or ")))
        }
    }
}

/// What stands behind this beginning; the upper and the lower case are one.
fn after<'a>(words: &'a str, beginning: &str) -> Option<&'a str> {
    let mut rest = words.chars();
    for expected in beginning.chars() {
        let typed = rest.next()?;
        if typed != expected && !typed.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// Who would get an answer: the other one in the last letter to or from `me`.
pub fn answered<'a>(
    lines: impl DoubleEndedIterator<Item = &'a Line>,
    accounts: &Accounts,
    me: NodeId,
) -> Option<NodeId> {
    let own = accounts.person(me);
    let mut letters = lines.rev().filter_map(|line| {
        let (from, to) = (accounts.person(line.from), line.to?);
        Some((from, to))
    });
    let mut sent = None;
    letters
        .find_map(|(from, to)| {
            if from == own {
                sent.get_or_insert(to);
            }
            (from != own).then_some(from)
        })
        .or(sent)
}

/// The last line that is still there of whoever types on `me`, written on whichever machine.
pub fn last_own<'a>(
    lines: impl DoubleEndedIterator<Item = &'a Line>,
    accounts: &Accounts,
    me: NodeId,
) -> Option<EntryId> {
    let own = accounts.person(me);
    lines.rev().find(|line| accounts.person(line.from) == own).map(|line| line.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{Claim, Heard, Statement},
        keys::SecretKey,
        ledger::entry::Writer,
        text::Name,
        types::Incarnation,
    };

    fn accounts(names: &[&str]) -> Accounts {
        let mut accounts = Accounts::default();
        for (number, name) in (1..).zip(names) {
            let key = SecretKey::from_bytes(&[number; 32]);
            let claim = Claim::Called { name: Name::new(name), colour: 0, revision: 1 };
            let heard = Heard::by(key.public().id(), Statement::new(&key, claim));
            accounts.hear(heard).unwrap();
        }
        accounts
    }

    fn id(number: u8) -> NodeId {
        SecretKey::from_bytes(&[number; 32]).public().id()
    }

    fn said(to: Option<NodeId>, text: &str) -> Result<Typed, Meaningless> {
        Ok(Typed::Say(to, Said::new(text).unwrap()))
    }

    #[test]
    fn names_may_have_blanks_and_the_longest_counts() {
        let known = accounts(&["Ada", "Ada Lovelace", "Ben"]);
        let read = |line: &str| read(line, &known, Some(id(3)));
        assert_eq!(read("hello /w"), said(None, "hello /w"));
        assert_eq!(read("//shrug"), said(None, "/shrug"));
        assert_eq!(read("/w ada at noon"), said(Some(id(1)), "at noon"));
        assert_eq!(read("/w Ada Lovelace at noon"), said(Some(id(2)), "at noon"));
        assert_eq!(read("/w Adamant at noon"), Err(Meaningless::Nobody("Adamant".into())));
        assert_eq!(read("/w Ben"), Err(Meaningless::Unsaid(Unsaid::Empty)));
        assert_eq!(read("/r fine"), said(Some(id(3)), "fine"));
        assert_eq!(read("/mute BEN"), Ok(Typed::Mute(id(3), true)));
        assert_eq!(read("/muted"), Ok(Typed::Muted));
        assert_eq!(read("/delete"), Ok(Typed::Unsay(None)));
        let (writer, number) = (Writer { node: id(3), incarnation: Incarnation(5) }, 7);
        let line = EntryId { writer, number };
        assert_eq!(read(&format!("/delete {line}")), Ok(Typed::Unsay(Some(line))));
        for no_line in ["no, wait", "7", &format!("{line}x"), &format!("{line} now")] {
            let meaningless = Meaningless::NoLine(no_line.to_owned());
            assert_eq!(read(&format!("/delete {no_line}")), Err(meaningless));
        }
        assert_eq!(read("/dance"), Err(Meaningless::Unknown("dance".into())));
        assert_eq!(super::read("/r fine", &known, None), Err(Meaningless::NoLetter));
    }

    #[test]
    fn of_two_of_one_name_the_mark_decides() {
        let known = accounts(&["Ada", "Ada"]);
        let marked = format!("/w Ada\u{b7}{} hello", Mark::of(id(2)));
        assert_eq!(read(&marked, &known, None), said(Some(id(2)), "hello"));
        assert!(matches!(read("/w Ada hello", &known, None), Err(Meaningless::Several(_))));
    }
}
