//! Accounts, by the program itself: made, listed, renamed, carried to another machine, struck off, deleted.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    folder::{Folder, attempt, run},
    peers::{Party, Peer, wait_for_one_game},
    players::points,
};

const PASSPHRASE: &str = "correct horse battery staple";

#[test]
fn accounts_are_made_renamed_and_listed_by_filter_and_page() {
    let folder = Folder::new();
    let at = folder.path();
    for number in 1..=12 {
        run(at, &["account", "create", "--name", &format!("Player {number}")], "");
    }
    let made = run(at, &["account", "create", "--name", "Player 1", "--colour", "7"], "");
    assert!(made.contains("profile 13"), "{made}");

    let all = json(at, &["account", "list", "--json", "--per-page", "100"]);
    assert_eq!(all.len(), 14, "thirteen, and the sum");
    assert_eq!(all[13], serde_json::json!({"accounts": 13, "page": 1, "pages": 1}));
    let page = json(at, &["account", "list", "--json", "--per-page", "5", "--page", "3"]);
    assert_eq!(page.len(), 4);
    assert_eq!(page[3]["pages"], 3);
    assert_eq!(page[..3], all[10..13]);
    let filtered = json(at, &["account", "list", "--json", "--filter", "player 1"]);
    assert_eq!(filtered.len(), 6);
    let two: Vec<&Value> = filtered.iter().filter(|row| row["name"] == "Player 1").collect();
    assert_eq!(two.len(), 2, "of one name");
    for row in &two {
        assert_eq!(text(&row["shown"]), format!("Player 1\u{b7}{}", text(&row["mark"])));
    }
    assert_ne!(two[0]["mark"], two[1]["mark"]);
    let by_mark = json(at, &["account", "list", "--json", "--filter", &text(&two[0]["mark"])]);
    assert_eq!(by_mark[0], *two[0]);

    run(at, &["account", "rename", "Countess", "--profile", "13"], "");
    let renamed = json(at, &["account", "list", "--json", "--filter", "countess"]);
    assert_eq!((&renamed[0]["profile"], &renamed[0]["colour"]), (&13.into(), &7.into()));
    let for_people = run(at, &["account", "list", "--per-page", "2"], "");
    assert!(for_people.contains("yours, in profile 13"), "{for_people}");
    assert!(for_people.contains("page 1 of 7, 13 accounts"), "{for_people}");
}

#[test]
fn what_cannot_be_is_said_and_nothing_is_changed() {
    let folder = Folder::empty();
    let refused = |arguments: &[&str], input: &str, says: &str| {
        let done = attempt(folder.path(), arguments, input);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    };
    refused(&["account", "rename", "Ada"], "", "account create");
    refused(&["account", "devices"], "", "no profile 1");
    run(folder.path(), &["account", "create", "--name", "Ada"], "");
    let before = files(folder.path());
    refused(&["account", "delete"], "no\n", "nothing was deleted");
    refused(&["account", "devices", "strike", "kobi"], "", "no machine");
    refused(&["account", "export"], "", "--words");
    refused(&["account", "export", "x"], "", "GAME_PASSPHRASE");
    refused(&["account", "import", "nowhere"], "", "cannot read nowhere");
    refused(&["account", "import", "--words"], "abandon abandon\n", "24 words");
    refused(&["account", "list", "--page", "0"], "", "whole number");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn an_account_goes_to_another_machine_by_file_with_its_passphrase_alone() {
    let (here, there) = (Folder::new(), Folder::new());
    run(here.path(), &["account", "create", "--name", "Ada"], "");
    run(there.path(), &["account", "create", "--name", "Laptop"], "");
    let (file, right, wrong) =
        (here.path().join("ada"), here.path().join("right"), here.path().join("wrong"));
    fs::write(&right, PASSPHRASE).unwrap();
    fs::write(&wrong, "another one").unwrap();
    let with = |verb: &str, passphrase: &Path| -> Vec<String> {
        let words = ["account", verb, file.to_str().unwrap(), "--passphrase-file"];
        words.iter().map(ToString::to_string).chain([passphrase.display().to_string()]).collect()
    };
    let export = with("export", &right);
    let export: Vec<&str> = export.iter().map(String::as_str).collect();
    run(here.path(), &export, "");
    let again = attempt(here.path(), &export, "");
    assert_eq!(again.status.code(), Some(2), "nothing is written over");

    let before = files(there.path());
    let import = with("import", &wrong);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    let refused = attempt(there.path(), &import, "");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("the passphrase is wrong"), "{said}");
    assert_eq!(files(there.path()), before, "nothing was changed");

    let import = with("import", &right);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    let said = run(there.path(), &import, "");
    assert!(said.contains("speaks for Ada"), "{said}");
    assert!(said.contains("Laptop") && said.contains("set aside"), "{said}");
    let rows = json(there.path(), &["account", "list", "--json", "--filter", "Ada"]);
    assert_eq!(rows[0]["account"], json(here.path(), &["account", "list", "--json"])[0]["account"]);
    assert!(!there.path().join("profile-1/account").exists(), "the key stays where it was");
    let renamed = attempt(there.path(), &["account", "rename", "Eve"], "");
    assert_eq!(renamed.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&renamed.stderr).contains("does not have the account's key"));
}

#[test]
fn an_account_comes_back_from_its_words() {
    let (here, there) = (Folder::new(), Folder::new());
    run(here.path(), &["account", "create", "--name", "Ada"], "");
    let words = run(here.path(), &["account", "export", "--words"], "");
    assert_eq!(words.split_whitespace().count(), 48, "{words}");
    run(there.path(), &["account", "import", "--words", "--with-key"], &words);
    let unnamed = json(there.path(), &["account", "list", "--json"])[0]["name"].clone();
    assert_eq!(unnamed, "somebody", "words say nothing of a name");
    run(there.path(), &["account", "import", "--words", "--with-key", "--name", "Ada"], &words);
    let account =
        |folder: &Folder| json(folder.path(), &["account", "list", "--json"])[0]["account"].clone();
    assert_eq!(account(&here), account(&there));
    run(there.path(), &["account", "rename", "Countess"], "");
}

/// The whole life of an account, among real processes.
#[test]
fn one_person_plays_on_two_machines_strikes_one_off_and_is_somebody_in_the_end() {
    let party = Party::new();
    let [desk, laptop, other] = [Folder::new(), Folder::new(), Folder::new()];
    run(desk.path(), &["account", "create", "--name", "Ada"], "");
    let (file, passphrase) = (desk.path().join("ada"), desk.path().join("passphrase"));
    fs::write(&passphrase, PASSPHRASE).unwrap();
    let file = file.to_str().unwrap();
    let sealed = ["--passphrase-file", passphrase.to_str().unwrap()];
    run(desk.path(), &[&["account", "export", file][..], &sealed].concat(), "");
    run(laptop.path(), &[&["account", "import", file][..], &sealed].concat(), "");

    let mut peers = [&desk, &laptop, &other].map(|folder| party.join_at(folder.path()));
    let ids = peers.each_ref().map(|peer| peer.id.clone());
    wait_for_one_game(&mut peers);
    // What both said of themselves is kept by everybody.
    wait_until_all_know(&mut peers, [2, 0, 3, 0]);
    for peer in &mut peers {
        peer.wait_until("some points", |peer| points(peer) >= 3);
    }
    peers.iter_mut().for_each(Peer::kill);
    let devices = json(desk.path(), &["account", "devices", "--json"]);
    let machine = |id: &str| devices.iter().find(|row| row["machine"] == id).unwrap().clone();
    assert_eq!(devices.len(), 2);
    assert_eq!(machine(&ids[0])["here"], true);
    // Both machines' points are Ada's, in one line, also for whoever only met them.
    for folder in [&desk, &laptop, &other] {
        let scores: Value =
            serde_json::from_str(&run(folder.path(), &["scores", "--json"], "")).unwrap();
        let rows = scores["all_time"].as_array().unwrap();
        let adas: Vec<&Value> = rows.iter().filter(|row| row["name"] == "Ada").collect();
        assert!(adas.len() <= 1 && rows.len() <= 2, "{scores}");
    }

    let mark = text(&machine(&ids[1])["mark"]);
    run(desk.path(), &["account", "devices", "strike", &mark], "");
    let mut two = [&desk, &other].map(|folder| party.join_at(folder.path()));
    wait_for_one_game(&mut two);
    wait_until_all_know(&mut two, [2, 0, 3, 1]);
    let mut struck = party.join_at(laptop.path());
    struck.wait_for("excluded");
    for peer in &mut two {
        peer.wait_for_play();
        assert_eq!(peer.members.len(), 2, "{:?}", peer.members);
    }
    drop(struck);
    two.iter_mut().for_each(Peer::kill);
    drop(two);

    let said = run(desk.path(), &["account", "delete", "--yes"], "");
    assert!(said.contains("is deleted"), "{said}");
    let named = |folder: &Folder| run(folder.path(), &["account", "list", "--filter", "Ada"], "");
    assert!(named(&desk).contains("nobody"), "{}", named(&desk));
    assert!(named(&other).contains("Ada"), "it has not heard of that yet");
    let mut two = [&desk, &other].map(|folder| party.join_at(folder.path()));
    wait_for_one_game(&mut two);
    wait_until_all_know(&mut two, [3, 1, 4, 1]);
    two.iter_mut().for_each(Peer::kill);
    assert!(named(&other).contains("nobody"), "{}", named(&other));
    let scores = run(other.path(), &["scores", "--json"], "");
    assert!(!scores.contains("\"Ada\""), "{scores}");
    // What its own machine had written of its name is gone there, too.
    let kept = run(other.path(), &["ledger", "export"], "");
    let mut lines = kept.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let named = lines.any(|line| {
        line["author"] == ids[0].as_str()
            && line["kind"] == 128
            && line["body"].as_str().is_some_and(|body| body.contains("03416461"))
    });
    assert!(!named, "{kept}");
}

#[test]
fn a_profile_of_before_there_were_keys_keeps_its_name_and_its_points() {
    let folder = Folder::new();
    let old = crate::ledger::ADA;
    drop(folder.fill());
    fs::write(folder.path().join("profile-1/id"), format!("{old}\n")).unwrap();
    fs::write(folder.path().join("profile-1/name"), "Ada\n").unwrap();
    let points_of_ada = |folder: &Folder| -> Value {
        let scores: Value =
            serde_json::from_str(&run(folder.path(), &["scores", "--json"], "")).unwrap();
        let rows = scores["all_time"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["name"] == "Ada").unwrap()
    };
    let before = points_of_ada(&folder);
    run(folder.path(), &["account", "rename", "Countess"], "");
    let scores = run(folder.path(), &["scores", "--json"], "");
    assert!(scores.contains("Countess") && !scores.contains("\"Ada\""), "{scores}");
    run(folder.path(), &["account", "rename", "Ada"], "");
    let after = points_of_ada(&folder);
    assert_eq!((&after["points"], &after["games_won"]), (&before["points"], &before["games_won"]));
    assert!(after["account"].is_string());
}

/// Waits until each has said that it knows so many accounts, of which some are deleted, so many machines,
/// of which some are struck off; and until all of that is on its disk.
fn wait_until_all_know(peers: &mut [Peer], known: [u64; 4]) {
    let [accounts, deleted, machines, struck] = known;
    let expected = serde_json::json!({
        "accounts": accounts, "deleted": deleted, "machines": machines, "struck": struck
    });
    let says = |line: &Value| {
        let fields = expected.as_object().unwrap();
        line["event"] == "accounts" && fields.iter().all(|(field, is)| line[field] == *is)
    };
    for peer in peers {
        peer.wait_until(&expected.to_string(), |peer| peer.said.iter().any(says));
        // Entries go to the disk in their order: what is kept from here on comes after these.
        let so_far = peer.said.len();
        peer.wait_until("more that is kept", |peer| {
            let since = &peer.said[so_far..];
            since.iter().filter(|line| line["event"] == "kept").count() >= 3
        });
    }
}

fn json(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let said = run(folder, arguments, "");
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// All files of a folder, and what is in them.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}
