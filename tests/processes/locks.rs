//! Locked sessions, and lists of those who may come in.

use std::{
    fs,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::Command,
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    folder::Folder,
    peers::{Party, Peer, program, wait_for_one_game},
};

const NAMES: [&str; 2] = ["Philippa Quackenbush", "Bartholomew Zimt"];

/// What a program ends with that is not let in.
const NOT_LET_IN: i32 = 3;

/// How soon somebody is told that its passphrase does not fit. A second, and what a machine that is busy
/// with other tests adds.
const TOLD_WITHIN_US: u64 = 2_000_000;

fn bot<'a>(command: &'a mut Command, passphrase: &str) -> &'a mut Command {
    command.env("GAME_PASSPHRASE", passphrase)
}

/// All datagrams that come to the port for beacons while two play there, of a locked session or an open one.
fn overhear(passphrase: Option<&str>) -> (Vec<Vec<u8>>, Party) {
    let party = Party::new();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    #[cfg(unix)]
    socket.set_reuse_port(true).unwrap();
    let at = SocketAddr::from((Ipv4Addr::UNSPECIFIED, party.beacon_port));
    socket.bind(&at.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let ear = UdpSocket::from(socket);

    let mut peers: Vec<Peer> = NAMES
        .iter()
        .map(|name| {
            let mut command = party.command("bot");
            command.args(["--name", name]);
            if let Some(passphrase) = passphrase {
                bot(&mut command, passphrase);
            }
            Peer::start(&mut command)
        })
        .collect();
    peers = peers.into_iter().map(Peer::introduced).collect();
    wait_for_one_game(&mut peers);
    let mut heard = Vec::new();
    let mut bytes = [0; 2_048];
    loop {
        match ear.recv(&mut bytes) {
            Ok(length) => heard.push(bytes[..length].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    (heard, party)
}

fn says(datagrams: &[Vec<u8>], text: &str) -> bool {
    let found = |datagram: &Vec<u8>| datagram.windows(text.len()).any(|w| w == text.as_bytes());
    datagrams.iter().any(found)
}

#[test]
fn beacons_of_a_locked_session_tell_its_name_and_nothing_of_its_players() {
    let (heard, party) = overhear(Some("four words of mine"));
    assert!(heard.len() > 2 && says(&heard, party.session()), "{} beacons", heard.len());
    for secret in NAMES.into_iter().chain(["\"players\"", "\"host_name\"", "\"term\"", "\"key\""]) {
        assert!(!says(&heard, secret), "{secret}");
    }
    let (heard, party) = overhear(None);
    for told in NAMES.into_iter().chain([party.session(), "\"players\"", "\"key\""]) {
        assert!(says(&heard, told), "{told}");
    }
}

#[test]
fn whoever_has_another_passphrase_or_none_is_told_soon_and_ends_with_a_code_of_its_own() {
    let party = Party::new();
    let mut host = Peer::start(bot(&mut party.command("bot"), "four words of mine")).introduced();
    host.wait_for_play();
    let mut stranger = party.command("bot");
    bot(&mut stranger, "four other words");
    for command in [&mut stranger, &mut party.command("watch")] {
        let mut stranger = Peer::start(command).introduced();
        let locked = stranger.wait_for("locked");
        let at = |line: &serde_json::Value| line["t_us"].as_u64().unwrap();
        let took = at(&locked) - at(&stranger.said[0]);
        println!("told after {} ms", took / 1_000);
        assert!(took < TOLD_WITHIN_US, "{took} us");
        assert_eq!(stranger.wait_for_exit().code(), Some(NOT_LET_IN));
        assert!(stranger.said.iter().all(|line| line["event"] != "host"), "it played alone");
    }
    // Whoever knows it gets in, however it is typed.
    let mut friend =
        Peer::start(bot(&mut party.command("bot"), " four  words of mine\n")).introduced();
    wait_for_one_game([&mut host, &mut friend]);
}

#[test]
fn a_passphrase_may_stand_in_a_file() {
    let party = Party::new();
    let folder = Folder::empty();
    let file = folder.path().join("passphrase");
    fs::write(&file, "four words of mine\nand a second line\n").unwrap();
    let mut command = party.command("bot");
    command.arg("--passphrase-file").arg(&file);
    let mut one = Peer::start(&mut command).introduced();
    let mut other = Peer::start(bot(&mut party.command("bot"), "four words of mine")).introduced();
    wait_for_one_game([&mut one, &mut other]);
}

#[test]
fn only_those_on_the_list_come_in() {
    let party = Party::new();
    let folder = Folder::empty();
    let mut friend = party.next_door().join_at(folder.path());
    let key = friend.said[0]["key"].as_str().unwrap().to_owned();
    friend.kill();
    let list = folder.path().join("friends");
    fs::write(&list, format!("{key} # a friend\n")).unwrap();
    let mut command = party.command("bot");
    let mut host = Peer::start(command.arg("--allow").arg(&list)).introduced();
    host.wait_for_play();
    let mut stranger = Peer::start(&mut party.command("bot")).introduced();
    assert_eq!(stranger.wait_for("excluded")["why"], "not_listed");
    assert_eq!(stranger.wait_for_exit().code(), Some(NOT_LET_IN));
    let mut friend = party.join_at(folder.path());
    wait_for_one_game([&mut host, &mut friend]);
    assert!(!host.members.contains(&stranger.id));
}

#[test]
fn an_account_on_the_list_lets_in_its_machines() {
    let party = Party::new();
    let folder = Folder::empty();
    let made = program()
        .args(["account", "create", "--name", "Ada", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    let listed = program()
        .args(["account", "list", "--json", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let first = String::from_utf8(listed.stdout).unwrap();
    let row: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    let list = folder.path().join("friends");
    fs::write(&list, format!("{} # Ada\n", row["account"].as_str().unwrap())).unwrap();
    let mut command = party.command("bot");
    let mut host = Peer::start(command.arg("--allow").arg(&list)).introduced();
    host.wait_for_play();
    let mut stranger = Peer::start(&mut party.command("bot")).introduced();
    assert_eq!(stranger.wait_for("excluded")["why"], "not_listed");
    let mut ada = party.join_at(folder.path());
    assert_ne!(ada.said[0]["key"], row["account"], "it is not the machine that is listed");
    wait_for_one_game([&mut host, &mut ada]);
}

#[test]
fn whoever_brings_a_passphrase_to_an_open_session_is_told_once() {
    let party = Party::new();
    let mut open = Peer::start(&mut party.command("bot")).introduced();
    open.wait_for_play();
    let mut locked = Peer::start(bot(&mut party.command("bot"), "four words of mine")).introduced();
    let told = locked.wait_for("open");
    assert_eq!(told["session"], party.session());
    locked.wait_for_play();
    open.wait_for_play();
    locked.wait_for_play();
    let times = locked.said.iter().filter(|line| line["event"] == "open").count();
    assert_eq!(times, 1);
    assert_eq!((open.members.len(), locked.members.len()), (1, 1), "two sessions");
}

#[test]
fn a_new_passphrase_is_four_words_and_another_one_each_time() {
    let new = || {
        let output = program().arg("passphrase").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let [one, other] = [new(), new()];
    assert_eq!(one.split_whitespace().count(), 4, "{one}");
    assert_ne!(one, other);
}

#[test]
fn a_passphrase_that_cannot_be_had_is_said_to_be_so() {
    for (options, what) in [
        (&["--passphrase=hunter2"][..], "`ps`"),
        (&["--passphrase-file", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["--allow", "/nowhere/at/all"], "--allow /nowhere/at/all"),
    ] {
        let output = program().arg("bot").args(options).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(what) && !said.contains("hunter2"), "{said}");
    }
}
