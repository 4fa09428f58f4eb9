//! Two people compare, each at a program of its own, and know each other from then on.

use std::path::Path;

use serde_json::Value;

use crate::{
    folder::{Folder, attempt, run},
    peers::{Party, Peer, wait_for_one_game},
};

/// Somebody who wants to compare with `whom`.
fn pair(party: &Party, folder: &Path, name: &str, whom: &str) -> Peer {
    let mut command = party.command("pair");
    command.args([whom, "--name", name]).arg("--data-dir").arg(folder);
    Peer::start(&mut command).introduced()
}

/// What it has said of a comparison that has come so far.
fn at(peer: &Peer, stage: &str) -> Option<Value> {
    let says = |line: &&Value| line["event"] == "pairing" && line["stage"] == stage;
    peer.said.iter().find(says).cloned()
}

/// Reads on until a comparison has come so far.
fn wait_for(peer: &mut Peer, stage: &str) -> Value {
    peer.wait_until(stage, |peer| at(peer, stage).is_some());
    at(peer, stage).unwrap()
}

/// Both see something to compare, and it is the same.
fn both_see_the_same(ada: &mut Peer, bob: &mut Peer) {
    let seen = [ada, bob].map(|peer| wait_for(peer, "comparing"));
    for field in ["digits", "pictures"] {
        assert_eq!(seen[0][field], seen[1][field]);
    }
    assert_eq!(seen[0]["digits"].as_str().unwrap().len(), 7, "{seen:?}");
    assert_eq!(seen[0]["pictures"].as_array().unwrap().len(), 4, "{seen:?}");
}

fn json(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let said = run(folder, arguments, "");
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The key of the account of this folder's player.
fn account(folder: &Path) -> Value {
    let accounts = json(folder, &["account", "list", "--json"]);
    accounts.iter().find(|row| row["profile"] == 1).unwrap()["account"].clone()
}

#[test]
fn two_people_pair_know_each_other_again_and_are_told_of_a_namesake() {
    let party = Party::new();
    let [here, there, elsewhere] = [Folder::new(), Folder::new(), Folder::new()];
    let mut ada = pair(&party, here.path(), "Ada", "Bob");
    let mut bob = pair(&party, there.path(), "Bob", "ada");
    both_see_the_same(&mut ada, &mut bob);
    ada.type_line("y");
    bob.type_line("yes");
    let keys = [&mut ada, &mut bob].map(|peer| wait_for(peer, "paired")["key"].clone());
    assert_eq!([ada.wait_for_exit(), bob.wait_for_exit()].map(|code| code.code()), [Some(0); 2]);
    // What is remembered is the person, not the machine.
    assert_eq!(keys, [account(there.path()), account(here.path())]);
    let kept = json(here.path(), &["pair", "--list", "--json"]);
    assert_eq!((kept.len(), &kept[0]["name"], &kept[0]["key"]), (1, &"Bob".into(), &keys[0]));
    let (ada_id, bob_id) = (ada.id.clone(), bob.id.clone());

    let mut ada = party.join_at(here.path());
    let mut bob = party.join_at(there.path());
    assert_eq!(ada.wait_for("recognised")["peer"], bob_id.as_str());
    assert_eq!(bob.wait_for("recognised")["peer"], ada_id.as_str());
    // By now Ada has heard of Bob's account, and lists it as his.
    let mut command = party.command("bot");
    command.args(["--name", "Bob"]).arg("--data-dir").arg(elsewhere.path());
    let mut other = Peer::start(&mut command).introduced();
    let warned = ada.wait_for("other_key");
    assert_eq!((&warned["peer"], &warned["name"]), (&other.id.as_str().into(), &"Bob".into()));
    wait_for_one_game([&mut ada, &mut bob, &mut other]);
    let mistaken = |peer: &Peer| {
        peer.said.iter().any(|line| line["peer"] == bob_id.as_str() && line["event"] == "other_key")
    };
    assert!(!mistaken(&ada) && !mistaken(&bob));
    for peer in [&mut ada, &mut bob, &mut other] {
        peer.kill();
    }
    let listed = json(here.path(), &["account", "list", "--json", "--filter", "bob"]);
    let paired: Vec<&Value> = listed.iter().filter(|row| row["paired"] == true).collect();
    assert_eq!(paired.len(), 1, "{listed:?}");
    assert_eq!(paired[0]["account"], keys[0]);
    let for_people = run(here.path(), &["account", "list", "--filter", "bob"], "");
    assert_eq!(for_people.matches("paired").count(), 1, "{for_people}");

    let said = run(here.path(), &["pair", "--forget", "BOB"], "");
    assert!(said.contains("forgotten"), "{said}");
    assert!(json(here.path(), &["pair", "--list", "--json"]).is_empty());
}

#[test]
fn what_differs_is_remembered_by_nobody() {
    let party = Party::new();
    let [here, there] = [Folder::new(), Folder::new()];
    let mut ada = pair(&party, here.path(), "Ada", "Bob");
    let mut bob = pair(&party, there.path(), "Bob", "Ada");
    both_see_the_same(&mut ada, &mut bob);
    ada.type_line("y");
    bob.type_line("n");
    let ended = [&mut ada, &mut bob].map(|peer| wait_for(peer, "ended"));
    assert_eq!([&ended[0]["why"], &ended[1]["why"]], ["differs"; 2]);
    assert_eq!([&ended[0]["by_them"], &ended[1]["by_them"]], [true, false]);
    assert_eq!([ada.wait_for_exit(), bob.wait_for_exit()].map(|code| code.code()), [Some(1); 2]);
    for folder in [here, there] {
        assert!(json(folder.path(), &["pair", "--list", "--json"]).is_empty());
    }
}

#[test]
fn a_bot_does_not_compare_and_says_so() {
    let party = Party::new();
    let (here, there) = (Folder::new(), Folder::new());
    let mut command = party.command("bot");
    command.args(["--name", "Robot"]).arg("--data-dir").arg(there.path());
    let _robot = Peer::start(&mut command).introduced();
    let mut ada = pair(&party, here.path(), "Ada", "robot");
    assert_eq!(wait_for(&mut ada, "ended")["why"], "refused");
    assert_eq!(ada.wait_for_exit().code(), Some(1));
}

#[test]
fn what_cannot_be_compared_is_said_to_be_so() {
    let folder = Folder::empty();
    for (arguments, says) in [
        (&["pair"][..], "NAME"),
        (&["pair", "--forget", "Bob"], "nobody is remembered as Bob"),
        (&["pair", "Bob", "--list"], "--list"),
    ] {
        let done = attempt(folder.path(), arguments, "");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    let said = run(folder.path(), &["pair", "--list"], "");
    assert!(said.contains("nobody"), "{said}");
}
