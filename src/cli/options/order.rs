//! The order of what was typed: `interregnum --json bot` means `interregnum bot --json`.

use std::ffi::OsString;

/// Moves the options that stand before a command, or between its words, behind it: there it is
/// known which of them mean anything to it.
pub fn commands_first(
    root: &clap::Command,
    words: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let mut words = words.into_iter();
    let mut sorted: Vec<OsString> = words.next().into_iter().collect();
    let mut options = Vec::new();
    let mut command = root;
    let mut rest = None;
    while command.has_subcommands()
        && let Some(word) = words.next()
    {
        let text = word.to_string_lossy();
        if text != "--" && text.starts_with('-') {
            let value = takes_value(root, &text).then(|| words.next()).flatten();
            options.push(word);
            options.extend(value);
        } else if let Some(named) = command.find_subcommand(&*text) {
            command = named;
            sorted.push(word);
        } else {
            rest = Some(word);
            break;
        }
    }
    sorted.extend(options);
    sorted.extend(rest);
    sorted.extend(words);
    sorted
}

/// Whether a word is an option whose value is the next word, with any command.
fn takes_value(command: &clap::Command, word: &str) -> bool {
    let Some(option) = word.strip_prefix("--") else {
        return false;
    };
    let mut arguments = command.get_arguments();
    arguments
        .any(|argument| argument.get_long() == Some(option) && argument.get_action().takes_values())
        || command.get_subcommands().any(|command| takes_value(command, word))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::options::Typed;

    #[test]
    fn options_before_a_command_are_moved_behind_it() {
        for (typed, means) in [
            ("i --json bot", "i bot --json"),
            ("i --name bot bot --count 2", "i bot --name bot --count 2"),
            ("i --name=bot bot", "i bot --name=bot"),
            ("i --data-dir x ledger import f", "i ledger import --data-dir x f"),
            ("i ledger --data-dir x export", "i ledger export --data-dir x"),
            ("i --log off bench --json failover", "i bench failover --log off --json"),
        ] {
            assert_eq!(sorted(typed), means);
        }
    }

    #[test]
    fn what_needs_no_order_stays_as_it_is() {
        for typed in [
            "i",
            "i --play --name Ada",
            "i dance --json",
            "i --json -- bot",
            "i ledger import -- -f",
        ] {
            assert_eq!(sorted(typed), typed);
        }
    }

    #[test]
    fn an_option_takes_a_value_with_all_commands_or_with_none() {
        fn collect(command: &clap::Command, found: &mut Vec<(String, bool)>) {
            for argument in command.get_arguments() {
                let long = argument.get_long().map(str::to_owned);
                found.extend(long.map(|long| (long, argument.get_action().takes_values())));
            }
            command.get_subcommands().for_each(|command| collect(command, found));
        }
        let mut found = Vec::new();
        collect(&Typed::command(), &mut found);
        found.sort();
        found.dedup();
        let mut names: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
        names.dedup();
        assert_eq!(names.len(), found.len(), "{found:?}");
    }

    fn sorted(typed: &str) -> String {
        let words = typed.split(' ').map(OsString::from);
        let sorted = commands_first(&Typed::command(), words);
        sorted.join(" ".as_ref()).into_string().unwrap()
    }
}
