//! The program as scripts see it: exit codes, and what goes to which stream.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Output,
};

use crate::peers::{PROGRAM, Party, program};

#[test]
fn the_demo_kills_its_host_and_the_game_goes_on() {
    let party = Party::new();
    let done = run(&[
        "demo",
        "--peers",
        "3",
        "--kills",
        "2",
        "--beacon-port",
        &party.beacon_port.to_string(),
    ]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("killed 2 times"), "{said}");
}

#[test]
fn the_bench_measures_a_host_that_is_killed() {
    let (code, figures) = bench(&["--kills", "2"]);
    assert!(code, "{figures}");
    assert_eq!(figures["failovers"]["count"], 2, "{figures}");
    assert!(figures["failovers"]["p50_us"].as_u64() > Some(0), "{figures}");
    assert!(figures["ordinary"]["count"].as_u64() > Some(50), "{figures}");
}

#[cfg(unix)]
#[test]
fn the_bench_measures_a_host_that_falls_silent_and_comes_back() {
    let (code, figures) = bench(&["--kills", "2", "--silent"]);
    assert!(code, "{figures}");
    assert_eq!(figures["follows"]["count"], 2, "{figures}");
    assert_eq!(figures["old_ticks"], 0, "{figures}");
}

/// `bench failover`: whether it went well, and its last line.
fn bench(arguments: &[&str]) -> (bool, serde_json::Value) {
    let port = Party::new().beacon_port.to_string();
    let common = ["bench", "failover", "--peers", "3", "--json", "--beacon-port", &port];
    let done = run(&[&common, arguments].concat());
    let said = String::from_utf8_lossy(&done.stdout);
    let last = said.lines().last().unwrap_or_default();
    (done.status.success(), serde_json::from_str(last).unwrap_or_default())
}

#[test]
fn what_cannot_be_is_said_in_one_line_with_exit_code_2() {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = other.local_addr().unwrap().port().to_string();
    for wrong in [
        &["bot", "--peer", "nobody.invalid"][..],
        &["bot", "--ip", "203.0.113.77"],
        &["bot", "--ip", "127.0.0.1", "--port", &taken],
        &["bot", "--port", "65000", "--count", "900"],
        &["sim", "--story", "no such story"],
        #[cfg(feature = "store")]
        &["ledger", "import", "/there/is/no/such/file"],
        #[cfg(feature = "store")]
        &["ledger", "import", "--data-dir", PROGRAM],
    ] {
        let done = run(wrong);
        assert_eq!(done.status.code(), Some(2), "{wrong:?}");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(said.trim().lines().count(), 1, "{said}");
        assert!(done.stdout.is_empty());
    }
    for wrong in [&["dance"][..], &["sim", "--json"], &["--json", "sim"], &["bot", "--count", "-1"]]
    {
        let done = run(wrong);
        assert_eq!(done.status.code(), Some(2), "{wrong:?}");
        assert!(done.stdout.is_empty());
    }
}

// Only whoever lives somewhere cares for GAME_IP.
#[test]
fn a_setting_of_the_environment_concerns_those_who_take_the_option() {
    let with = |arguments: &[&str]| {
        program().args(arguments).env("GAME_IP", "nowhere").output().unwrap().status.code()
    };
    assert_eq!(with(&["sim", "--stories"]), Some(0));
    assert_eq!(with(&["bench", "--help"]), Some(0));
    assert_eq!(with(&["bot"]), Some(2));
}

#[test]
fn a_bot_leaves_by_itself_after_the_seconds_it_was_given() {
    let party = Party::new();
    let done = run(&[
        "bot",
        "--json",
        "--seconds",
        "1",
        "--ip",
        "127.0.0.1",
        "--beacon-port",
        &party.beacon_port.to_string(),
    ]);
    assert!(done.status.success());
    let said = String::from_utf8_lossy(&done.stdout);
    let events: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "started");
    assert_eq!(events[events.len() - 1]["event"], "stopped");
    assert!(events.iter().all(|event| event["t_us"].is_u64()));
}

#[test]
fn a_session_name_that_is_too_long_is_refused_wherever_it_is_said() {
    let long = "the party on the second floor, 2";
    let typed = run(&["bot", "--session", long]);
    let told = program().arg("bot").env("GAME_SESSION", long).output().unwrap();
    for done in [typed, told] {
        assert_eq!(done.status.code(), Some(2));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(said.contains("24 characters"), "{said}");
        assert!(done.stdout.is_empty());
    }
}

#[test]
fn many_bots_of_a_long_name_keep_their_numbers_and_what_was_cut_is_said() {
    let port = Party::new().beacon_port.to_string();
    let long = "the most excellent player of all";
    let common = ["bot", "--json", "--seconds", "1", "--ip", "127.0.0.1", "--beacon-port", &port];
    let done = run(&[&common[..], &["--count", "12", "--name", long]].concat());
    assert!(done.status.success());
    let lines = String::from_utf8_lossy(&done.stdout);
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    let started = lines.filter(|line: &serde_json::Value| line["event"] == "started");
    let mut names: Vec<_> = started.map(|line| line["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    let mut expected: Vec<_> = (1..=12).map(|n| format!("the most excellent pla {n}")).collect();
    expected[9..].iter_mut().for_each(|name| *name = name.replace("pla ", "pl "));
    expected.sort();
    assert_eq!(names, expected);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("24 characters") && said.contains("excellent pl 12"), "{said}");
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}
