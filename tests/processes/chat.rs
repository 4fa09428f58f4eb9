//! Chat between real processes: scripted from a shell, read by whoever was away, taken back, looked up.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use interregnum::{
    chat,
    keys::SecretKey,
    ledger::{Ledger, Out, disk::BATCH_ENTRIES_MAX, entry::WallTime, vouching::Pen},
    runtime::store::file::LedgerFile,
    text::{Said, SessionName},
    types::{Epoch, Incarnation, SessionId},
};
use serde_json::Value;

use crate::{
    folder::{Folder, run},
    peers::{PATIENCE, Party, wait_for_one_game},
};

/// Starts somebody who says this, line by line, and leaves.
fn talk(party: &Party, folder: &Path, name: &str, script: &str) -> Child {
    let mut talker = command(party, folder, name);
    let mut talker = talker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    talker.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    talker
}

fn command(party: &Party, folder: &Path, name: &str) -> Command {
    let mut command = party.command("chat");
    command.args(["--json", "--seconds", "60", "--name", name, "--data-dir"]).arg(folder);
    command
}

/// All that somebody prints who says this and leaves.
fn said_by(party: &Party, folder: &Path, name: &str, script: &str) -> Vec<Value> {
    let done = talk(party, folder, name, script).wait_with_output().unwrap();
    let lines = lines(&done);
    assert!(done.status.success(), "{name}: {lines:#?}");
    lines
}

fn lines(done: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&done.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was heard: who said it, and what.
fn heard(lines: &[Value]) -> Vec<(String, String)> {
    let said = lines.iter().filter(|line| line["event"] == "said");
    said.map(|line| (text(&line["name"]), text(&line["text"]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

/// Whether these bytes stand in any file below a folder.
fn stands_in(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(stands_in(&path, bytes));
        } else if fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn two_talk_from_a_shell_and_list_and_log_out() {
    let party = Party::new();
    let (ada, ben, bot) = (Folder::empty(), Folder::empty(), Folder::empty());
    let mut host = party.join_at(bot.path());
    host.wait_for_play();

    let first = said_by(&party, ada.path(), "Ada", "hello, everybody\nremarkable words\n/list\n");
    assert_eq!(heard(&first), [pair("Ada", "hello, everybody"), pair("Ada", "remarkable words")]);
    assert!(first.iter().any(|line| line["event"] == "known" && line["name"] == "Ada"));
    let kept = first.iter().filter(|line| line["event"] == "kept" && line["safety"] == "mine");
    assert!(kept.count() > 0, "it left before its lines were kept");

    let second = said_by(&party, ben.path(), "Ben", "/list\nwho is there?\n/quit\nunheard\n");
    assert_eq!(
        heard(&second),
        [
            pair("Ada", "hello, everybody"),
            pair("Ada", "remarkable words"),
            pair("Ben", "who is there?")
        ]
    );
    let missed = second.iter().find(|line| line["event"] == "said_while_away").unwrap();
    assert_eq!(missed["lines"], 2);

    let third = talk(&party, ben.path(), "Ben", "/dance\n").wait_with_output().unwrap();
    assert_eq!(third.status.code(), Some(1));
    let said = lines(&third);
    let refused = said.iter().find(|line| line["event"] == "not_said").unwrap();
    assert!(text(&refused["why"]).contains("/w NAME"), "{refused}");
}

#[test]
fn what_is_taken_back_is_in_no_file_of_anybody() {
    const WORDS: &str = "remarkable words";
    let party = Party::new();
    let (ada, ben, bot) = (Folder::empty(), Folder::empty(), Folder::empty());
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    said_by(&party, ada.path(), "Ada", &format!("{WORDS}\n"));
    said_by(&party, ben.path(), "Ben", "I see\n");
    for folder in [&ada, &ben, &bot] {
        assert!(!stands_in(folder.path(), WORDS.as_bytes()).is_empty());
    }
    let deleted = said_by(&party, ada.path(), "Ada", "/delete\n");
    assert!(deleted.iter().any(|line| line["event"] == "taken_back"), "{deleted:#?}");
    let told = said_by(&party, ben.path(), "Ben", "");
    assert!(told.iter().any(|line| line["event"] == "taken_back"), "{told:#?}");
    assert_eq!(heard(&told), []);
    // Also not in that of the bot, which goes on.
    let give_up = Instant::now() + PATIENCE;
    for folder in [&ada, &ben, &bot] {
        while !stands_in(folder.path(), WORDS.as_bytes()).is_empty() {
            let files = stands_in(folder.path(), WORDS.as_bytes());
            assert!(Instant::now() < give_up, "{files:?}");
            host.listen(Instant::now() + Duration::from_millis(50));
        }
    }
    let history = run(ben.path(), &["chat", "--history"], "");
    assert!(history.contains("Ben: I see") && !history.contains(WORDS), "{history}");
}

#[test]
fn a_letter_comes_by_a_third_whose_files_do_not_tell_and_is_found_in_the_history() {
    const WORDS: &str = "the key is under the third stone";
    let party = Party::new();
    let (ada, ben, bot) = (Folder::empty(), Folder::empty(), Folder::empty());
    let cleo = Folder::empty();
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    said_by(&party, ben.path(), "Ben", "see you later\n");
    let written = said_by(&party, ada.path(), "Ada", &format!("/w Ben {WORDS}\ngood night\n"));
    assert!(heard(&written).contains(&pair("Ada", WORDS)), "{written:#?}");
    drop(ada);
    let by_a_third = heard(&said_by(&party, cleo.path(), "Cleo", ""));
    assert_eq!(by_a_third, [pair("Ben", "see you later"), pair("Ada", "good night")]);
    host.kill();
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    let read = said_by(&party, ben.path(), "Ben", "/r I have it\n");
    assert!(heard(&read).contains(&pair("Ada", WORDS)), "{read:#?}");
    let answer = read.iter().find(|line| line["text"] == "I have it" && line["event"] == "said");
    assert_eq!(answer.unwrap()["to_name"], "Ada");
    host.kill();
    for piece in [&WORDS[..9], &WORDS[WORDS.len() - 9..]] {
        for other in [&bot, &cleo] {
            assert_eq!(stands_in(other.path(), piece.as_bytes()), [""; 0]);
        }
    }

    let rows = |arguments: &[&str]| -> Vec<Value> {
        let all = [&["chat", "--history", "--json"], arguments].concat();
        let said = run(ben.path(), &all, "");
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let texts = |rows: &[Value]| rows.iter().map(|row| text(&row["text"])).collect::<Vec<_>>();
    assert_eq!(texts(&rows(&[])), ["see you later", WORDS, "good night", "I have it"]);
    assert_eq!(texts(&rows(&["--with", "Ada"])), [WORDS, "I have it"]);
    assert_eq!(texts(&rows(&["--search", "STONE"])), [WORDS]);
    assert_eq!(rows(&["--since", "1h"]).len(), 4);
    assert_eq!(rows(&["--session", "another"]).len(), 0);
    let bots = run(bot.path(), &["chat", "--history"], "");
    assert!(bots.contains("good night") && !bots.contains("stone"), "{bots}");
}

/// A ledger in which as many lines stand as this, of several people.
fn ledger_of(folder: &Path, session: &str, count: usize) {
    let id = SessionId(uuid::Uuid::new_v4());
    let path = folder.join("profile-1/ledger.db");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (mut file, _) = LedgerFile::open(&path).unwrap();
    file.remember(id, &SessionName::new(session).unwrap()).unwrap();
    let mut records = Vec::new();
    for writer in 0..10 {
        let pen = Pen::new(SecretKey::from_bytes(&[writer; 32]), Incarnation(1));
        let mut ledger = Ledger::new(id, pen);
        ledger.reigns(Epoch(u64::from(writer) + 1));
        for number in 0..count / 10 {
            let said = Said::new(&format!("line {number} of {writer}")).unwrap();
            ledger.note(WallTime(1_700_000_000), chat::to_all(&said)).unwrap();
        }
        ledger.sign();
        while let Some(out) = ledger.poll() {
            if let Out::Keep(record) = out {
                records.push(record);
            }
        }
    }
    for batch in records.chunks(BATCH_ENTRIES_MAX) {
        file.write(batch).unwrap();
    }
}

#[test]
fn ten_thousand_missed_lines_come_in_order() {
    const COUNT: usize = 10_000;
    let party = Party::new();
    let (bot, ben) = (Folder::empty(), Folder::empty());
    ledger_of(bot.path(), party.session(), COUNT);
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    let lines = said_by(&party, ben.path(), "Ben", "");
    let at = |event: &str| {
        let line = lines.iter().find(|line| line["event"] == event).unwrap();
        line["t_us"].as_u64().unwrap()
    };
    let texts: Vec<String> = heard(&lines).into_iter().map(|(_, text)| text).collect();
    let wanted: Vec<String> = (0..10)
        .flat_map(|writer| (0..COUNT / 10).map(move |number| format!("line {number} of {writer}")))
        .collect();
    assert_eq!(texts.len(), COUNT);
    assert!(texts == wanted, "in another order");
    println!("{COUNT} lines came within {} ms of the link", (at("said") - at("peer_up")) / 1_000);
}

/// A whole evening, typed into a shell: an account is made, comes in, lists, talks, leaves, and is deleted.
#[test]
fn a_login_a_list_some_talk_a_logout_and_a_deletion_from_a_shell() {
    const WORDS: &str = "nobody shall remember this";
    let party = Party::new();
    let (ada, ben) = (Folder::empty(), Folder::empty());
    run(ada.path(), &["account", "create", "--name", "Ada"], "");
    let mut host = party.join_at(ben.path());
    host.wait_for_play();
    let script = format!("{WORDS}\nand this neither\n/list\n/quit\n");
    let lines = said_by(&party, ada.path(), "Ada", &script);
    assert!(lines.iter().any(|line| line["event"] == "known" && line["name"] == "Ada"));
    assert_eq!(heard(&lines), [pair("Ada", WORDS), pair("Ada", "and this neither")]);
    let stopped = lines.last().unwrap();
    assert_eq!((&stopped["event"], &stopped["reason"]), (&"stopped".into(), &"left".into()));
    let history = run(ben.path(), &["chat", "--history"], "");
    assert!(history.contains(&format!("Ada: {WORDS}")), "{history}");

    let deleted = run(ada.path(), &["account", "delete", "--yes"], "");
    assert!(deleted.contains("is deleted"), "{deleted}");
    // Somebody new comes with that profile, and brings the news along.
    said_by(&party, ada.path(), "Cleo", "good evening\n");
    let give_up = Instant::now() + PATIENCE;
    loop {
        let history = run(ben.path(), &["chat", "--history"], "");
        let all_gone = stands_in(ben.path(), WORDS.as_bytes()).is_empty();
        if all_gone && history.contains("good evening") {
            assert!(!history.contains("neither"), "{history}");
            break;
        }
        assert!(Instant::now() < give_up, "{history}");
        host.listen(Instant::now() + Duration::from_millis(100));
    }
    let listed = run(ben.path(), &["account", "list"], "");
    assert!(!listed.contains("Ada"), "{listed}");
}

/// Two networks that never meet, and a stick.
#[test]
fn what_was_said_is_carried_by_hand_and_twice_is_once() {
    let (one, other) = (Party::new(), Folder::empty());
    let (ada, bot) = (Folder::empty(), Folder::empty());
    let mut host = one.join_at(bot.path());
    host.wait_for_play();
    said_by(&one, ada.path(), "Ada", "two\nthree\n/delete\nfour\n");
    let exported = run(ada.path(), &["ledger", "export"], "");
    for _ in 0..2 {
        run(other.path(), &["ledger", "import"], &exported);
        let history = run(other.path(), &["chat", "--history"], "");
        let lines: Vec<&str> =
            history.lines().map(|line| line.split_once("Z ").unwrap().1).collect();
        assert_eq!(lines, ["Ada: two", "Ada: four"]);
        let listed = run(other.path(), &["account", "list"], "");
        assert!(listed.contains("Ada"), "{listed}");
    }
    assert_eq!(stands_in(other.path(), b"three"), [""; 0]);
    let again = run(other.path(), &["ledger", "export"], "");
    let rows = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(rows(&again), rows(&exported));
}

#[test]
fn whom_one_has_muted_one_does_not_hear_and_all_others_do() {
    let party = Party::new();
    let (ada, ben, cleo, bot) =
        (Folder::empty(), Folder::empty(), Folder::empty(), Folder::empty());
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    said_by(&party, ben.path(), "Ben", "good evening\n");
    let muted = said_by(&party, ada.path(), "Ada", "/mute Ben\n/muted\n");
    let people = muted.iter().rfind(|line| line["event"] == "muted").unwrap();
    assert_eq!(people["people"].as_array().unwrap().len(), 1);
    said_by(&party, ben.path(), "Ben", "la la la\n");
    assert_eq!(heard(&said_by(&party, ada.path(), "Ada", "")), []);
    let all = heard(&said_by(&party, cleo.path(), "Cleo", ""));
    assert_eq!(all, [pair("Ben", "good evening"), pair("Ben", "la la la")]);
    said_by(&party, ada.path(), "Ada", "/unmute Ben\n");
    said_by(&party, ben.path(), "Ben", "hello again\n");
    assert_eq!(heard(&said_by(&party, ada.path(), "Ada", "")), [pair("Ben", "hello again")]);
}

#[test]
fn whoever_loses_everybody_says_when_it_tries_again_and_says_once_what_was_typed_meanwhile() {
    let party = Party::new();
    let (ada, bot) = (Folder::empty(), Folder::empty());
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    let mut talker = party.command("chat");
    talker.args(["--name", "Ada", "--seconds", "60", "--data-dir"]).arg(ada.path());
    let mut talker = talker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = talker.stdin.take().unwrap();
    let mut out = std::io::BufReader::new(talker.stdout.take().unwrap());
    let mut read_until = |part: &str| {
        let mut read = String::new();
        while !read.lines().last().is_some_and(|line| line.contains(part)) {
            let more = std::io::BufRead::read_line(&mut out, &mut read).unwrap();
            assert!(more > 0, "no {part:?} in {read}");
        }
        read
    };
    writeln!(input, "before").unwrap();
    read_until("Ada: before");
    // Her line is on the disk of whoever comes back.
    let give_up = Instant::now() + PATIENCE;
    while stands_in(bot.path(), b"before").is_empty() {
        assert!(Instant::now() < give_up, "it is not kept");
        host.listen(Instant::now() + Duration::from_millis(50));
    }
    host.kill();
    let told = read_until("reconnecting, next try in ");
    assert!(told.ends_with(" s\n"), "{told}");
    writeln!(input, "meanwhile").unwrap();
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    let again = read_until("Ada: meanwhile");
    assert!(again.contains("connected again"), "{again}");
    drop(input);
    assert!(talker.wait().unwrap().success());
    let lines = heard(&said_by(&party, Folder::empty().path(), "Ben", ""));
    assert_eq!(lines, [pair("Ada", "before"), pair("Ada", "meanwhile")]);
}

#[test]
fn what_was_acknowledged_outlives_a_kill_at_any_moment() {
    kill_who_talks(24);
}

/// The full count.
#[test]
#[ignore = "the full count"]
fn what_was_acknowledged_outlives_a_thousand_kills() {
    kill_who_talks(1_000);
}

fn kill_who_talks(kills: usize) {
    let party = Party::new();
    let (ada, bot) = (Folder::empty(), Folder::empty());
    let mut host = party.join_at(bot.path());
    host.wait_for_play();
    let mut acknowledged = BTreeSet::new();
    for kill in 0..kills {
        let mut talker = command(&party, ada.path(), "Ada");
        let mut talker = talker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = talker.stdin.take().unwrap();
        for line in 0..5 {
            writeln!(input, "line {line} of {kill}").unwrap();
        }
        // At another moment each time: after some of its lines were placed, or kept.
        let before = acknowledged.len();
        let mut out = std::io::BufReader::new(talker.stdout.take().unwrap());
        let (mut sent, mut left) = (Vec::<(String, u64, String)>::new(), 1 + kill % 5);
        let mut hear = |said: &str| {
            let Ok(line) = serde_json::from_str::<Value>(said) else { return false };
            match line["event"].as_str() {
                Some("sending") => {
                    let name = text(&line["line"]);
                    let [_, life, number] = name.split('/').collect::<Vec<_>>()[..] else {
                        panic!("{name}");
                    };
                    sent.push((life.to_owned(), number.parse().unwrap(), text(&line["text"])));
                }
                Some("kept") if line["author"] == line["node"] => {
                    let through = line["through"].as_u64().unwrap();
                    let life = text(&line["incarnation"]);
                    let kept =
                        sent.iter().filter(|(of, number, _)| *of == life && *number <= through);
                    acknowledged.extend(kept.map(|(.., text)| text.clone()));
                }
                Some("said") if kill % 2 == 0 => left = left.saturating_sub(1),
                _ => {}
            }
            left == 0 || acknowledged.len() > before + kill / 2 % 5
        };
        let mut text = String::new();
        while std::io::BufRead::read_line(&mut out, &mut text).unwrap() > 0 {
            if hear(&text) {
                break;
            }
            text.clear();
        }
        talker.kill().unwrap();
        talker.wait().unwrap();
        for rest in std::io::BufRead::lines(out).map_while(Result::ok) {
            hear(&rest);
        }
    }
    let history = run(ada.path(), &["chat", "--history"], "");
    let there: BTreeSet<&str> =
        history.lines().filter_map(|line| line.split_once("Ada: ").map(|(_, text)| text)).collect();
    let lost = acknowledged.iter().filter(|text| !there.contains(text.as_str())).count();
    assert!(!acknowledged.is_empty());
    assert_eq!(lost, 0, "of {}: {history}", acknowledged.len());
    println!("{} acknowledged lines, {kills} kills", acknowledged.len());
    // Everybody else holds them, too.
    let ben = Folder::empty();
    let lines = said_by(&party, ben.path(), "Ben", "");
    let heard: BTreeSet<String> = heard(&lines).into_iter().map(|(_, text)| text).collect();
    assert!(acknowledged.is_subset(&heard), "{heard:?}");
}

#[test]
fn lines_are_said_at_the_pace_that_is_allowed_and_each_once() {
    let party = Party::new();
    let (ada, ben) = (Folder::empty(), Folder::empty());
    let mut peers = party.join_all(2);
    wait_for_one_game(&mut peers);
    let mut listener = command(&party, ben.path(), "Ben");
    let listener = listener.arg("--stay").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut listener = listener.spawn().unwrap();
    let script: String = (0..7).map(|number| format!("line {number}\n")).collect();
    let lines = said_by(&party, ada.path(), "Ada", &script);
    let wanted: Vec<String> = (0..7).map(|number| format!("line {number}")).collect();
    let own: Vec<String> = heard(&lines).into_iter().map(|(_, text)| text).collect();
    assert_eq!(own, wanted);
    let sent = lines.iter().filter(|line| line["event"] == "sending");
    let at: Vec<u64> = sent.map(|line| line["t_us"].as_u64().unwrap()).collect();
    assert!(at[6] - at[0] >= 1_900_000, "{at:?}");
    // Who hears it hears the same.
    let mut out = std::io::BufReader::new(listener.stdout.take().unwrap());
    let (mut heard_there, mut text) = (Vec::new(), String::new());
    while heard_there.len() < 7 && std::io::BufRead::read_line(&mut out, &mut text).unwrap() > 0 {
        let line: Value = serde_json::from_str(&text).unwrap();
        heard_there.extend(heard(&[line]).into_iter().map(|(_, text)| text));
        text.clear();
    }
    listener.kill().unwrap();
    listener.wait().unwrap();
    assert_eq!(heard_there, wanted);
}
