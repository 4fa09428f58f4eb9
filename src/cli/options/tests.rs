use interregnum::text::Name;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Typed::command().debug_assert();
}

#[test]
fn options_may_stand_before_and_after_the_command() {
    for typed in ["i --json --port 4000 bot", "i bot --json --port 4000"] {
        let Some(Subcommand::Bot(options)) = read(typed).unwrap().subcommand else {
            panic!("{typed}: no bot");
        };
        assert!(options.part.run.json);
        assert_eq!(options.part.port, Some(4000));
    }
}

#[test]
fn an_empty_or_unspecified_address_is_none_and_so_is_port_0() {
    for typed in ["", " ", "0.0.0.0", "::"] {
        let parsed = Typed::parse_from(["interregnum", "--ip", typed]);
        assert_eq!(parsed.window.part.game.home(), None, "{typed:?}");
    }
    let typed = Typed::parse_from(["interregnum", "--ip", "127.0.0.2", "--port", "0"]);
    assert_eq!(typed.window.part.game.home(), Some(Ipv4Addr::new(127, 0, 0, 2)));
    assert_eq!(typed.window.part.port(), None);
}

#[test]
fn what_is_no_machines_address_is_refused_and_said_to_be_what_it_is() {
    for (typed, what) in [
        ("255.255.255.255", "broadcast"),
        ("127.255.255.255", "broadcast"),
        ("224.0.0.1", "multicast"),
        ("::1", "IPv4 address is needed"),
        ("fe80::1", "IPv4 address is needed"),
        ("localhost", "like 192.168.1.5"),
        ("10.0.0.1/24", "like 192.168.1.5"),
    ] {
        let error = Typed::try_parse_from(["interregnum", "--ip", typed]).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
    let error = Typed::try_parse_from(["interregnum", "--port", "65536"]).unwrap_err();
    assert!(error.to_string().contains("1 to 65535"), "{error}");
}

#[test]
fn nonsense_is_refused() {
    for typed in [
        "i dance",
        "i bot --count 0",
        "i --port 70000",
        "i --ip here",
        "i --name  ",
        "i --log loud",
        "i --size large",
        "i --size 10x10",
    ] {
        assert!(read(typed).is_err(), "{typed}");
    }
}

// Which options each command reads; the structs above say the same to the compiler, which
// complains of those that are never read.
#[test]
fn each_command_takes_the_options_that_mean_something_to_it_and_no_others() {
    const RUN: &str = "beacon-port direct-watchers json seconds tied wire";
    const GAME: &str = "ip passphrase passphrase-file peer session trace-ticks";
    const PART: &str = "allow data-dir name port profile";
    let takes = |command: &str| match command {
        "" => format!("play seats size watch {PART} {GAME} {RUN}"),
        "bot" => format!("chatter count seats {PART} {GAME} {RUN}"),
        "watch" => format!("count {PART} {GAME} {RUN}"),
        "chat" => format!("history search since stay with {PART} {GAME} {RUN}"),
        "pair" => format!("forget list {PART} {GAME} {RUN}"),
        "bridge" => format!("allow listen name token-file web {GAME} {RUN}"),
        "bus listen" => format!("allow count data-dir history name topic {GAME} {RUN}"),
        "bus send" => format!("allow latest name {GAME} {RUN}"),
        "demo" => format!("kill-window kills peers window {GAME} {RUN}"),
        "bench failover" => format!("kills peers program silent {RUN}"),
        "bench heal" => format!("heals peers program {RUN}"),
        "bench loss" => format!("hogs peers percent {RUN}"),
        "bench siege" => format!("each only only-locked only-open {RUN}"),
        "bench chat" => format!("accounts entries flood kills missed rate {RUN}"),
        "bench accounts" => "accounts json times".to_owned(),
        "bench bus" => "json kills messages rate times".to_owned(),
        "bench crowd" => format!("kills peers relay-kills relays span watchers {RUN}"),
        "bench join" => format!("peers times watchers {RUN}"),
        "bench tick" => "json players plot seed ticks watchers".to_owned(),
        "bench snapshot" => "json loss players seed ticks".to_owned(),
        "bench seal" => "datagrams handshakes json".to_owned(),
        "ledger export" | "ledger import" => "data-dir".to_owned(),
        "ledger verify" | "scores" => "data-dir json".to_owned(),
        "sim" if cfg!(feature = "mutants") => {
            "eye learn minutes mutant replay seed seeds stories story trace".to_owned()
        }
        "sim" => "eye learn minutes replay seed seeds stories story trace".to_owned(),
        "account create" => "colour data-dir name".to_owned(),
        "account list" => "data-dir filter json page per-page".to_owned(),
        "account rename" => "colour data-dir profile".to_owned(),
        "account delete" => "data-dir profile yes".to_owned(),
        "account export" => "data-dir passphrase-file profile words".to_owned(),
        "account import" => "data-dir name passphrase-file profile with-key words".to_owned(),
        "account devices" => "data-dir json profile".to_owned(),
        "account devices strike" => "data-dir profile".to_owned(),
        "account" | "bench" | "bus" | "ledger" | "passphrase" => String::new(),
        _ => panic!("{command} is not in the table"),
    };
    let mut root = Typed::command();
    root.build();
    for_each(&root, "", &mut |path, command| {
        let longs = command.get_arguments().filter_map(clap::Arg::get_long);
        let mut longs: Vec<&str> =
            longs.filter(|long| !matches!(*long, "help" | "version" | "log")).collect();
        longs.sort_unstable();
        let takes = takes(path);
        let mut takes: Vec<&str> = takes.split_whitespace().collect();
        takes.sort_unstable();
        assert_eq!(longs, takes, "{path}");
    });
}

#[test]
fn an_option_of_another_command_is_refused_wherever_it_stands() {
    for typed in [
        "i sim --json",
        "i --json sim",
        "i sim --port 4000",
        "i scores --session lan",
        "i demo --name Ada",
        "i demo --data-dir here",
        "i bench failover --peer 10.0.0.1",
        "i bot --play",
        "i --play bot",
        "i ledger export --json",
        "i bot --trace-ticks",
    ] {
        let refused = read(typed).unwrap_err();
        assert_eq!(refused.exit_code(), 2, "{typed}");
    }
}

#[test]
fn whoever_types_no_number_is_told_which_numbers_there_are() {
    for typed in [
        "i bot --count none",
        "i bot --count -1",
        "i bot --count 1.5",
        "i bot --count 99999999999999999999",
        "i bot --seconds 0",
        "i bot --beacon-port 65536",
        "i demo --peers 33",
        "i demo --kills 0",
        "i bench failover --peers 2",
        "i bench heal --heals many",
        "i bench loss --percent 91",
        "i bench loss --hogs -3",
        "i sim --seeds 0",
        "i sim --seed -1",
        "i sim --minutes 0",
    ] {
        let refused = read(typed).unwrap_err().to_string();
        assert!(refused.contains("expected a whole number from "), "{typed}: {refused}");
    }
}

#[test]
fn a_passphrase_is_no_argument_wherever_it_stands_and_is_not_repeated() {
    for typed in [
        "i --passphrase=hunter2",
        "i bot --passphrase=hunter2",
        "i --passphrase=hunter2 bot",
        "i bot --passphrase hunter2 --json",
        "i --passphrase hunter2",
    ] {
        let refused = read(typed).unwrap_err();
        assert_eq!(refused.exit_code(), 2, "{typed}");
        let said = refused.to_string();
        assert!(said.contains("`ps`") && said.contains("--passphrase-file"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    for typed in
        ["i --passphrase", "i --passphrase bot", "i bot --passphrase --json", "i passphrase"]
    {
        assert!(read(typed).is_ok(), "{typed}");
    }
    assert!(read("i bot --passphrase --passphrase-file f").is_err());
}

#[test]
fn what_would_be_without_effect_together_is_refused() {
    for typed in [
        "i sim --eye --minutes 2",
        "i sim --eye --story all",
        "i sim --eye --trace",
        "i sim --stories --eye",
        "i sim --stories --trace",
        "i sim --stories --seeds 2",
        "i sim --story all --minutes 2",
        "i sim --trace --seeds 2",
        "i sim --learn --trace",
        "i sim --learn --story all",
        "i sim --learn --replay 1:peace",
        "i sim --replay peace",
        "i sim --replay 1:peace --seed 2",
    ] {
        assert!(read(typed).is_err(), "{typed}");
    }
}

fn read(typed: &str) -> Result<Typed, clap::Error> {
    Typed::read(typed.split(' ').map(OsString::from))
}

/// Calls `each` with all commands but those that give help.
fn for_each(command: &clap::Command, path: &str, each: &mut impl FnMut(&str, &clap::Command)) {
    each(path, command);
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        for_each(below, format!("{path} {}", below.get_name()).trim(), each);
    }
}

#[test]
fn a_session_name_that_is_too_long_is_refused_with_the_limit() {
    let long = "the session of the very long name";
    for typed in [
        &["interregnum", "--session", long][..],
        &["interregnum", "bot", "--session", long],
        &["interregnum", "demo", "--session", long],
    ] {
        let error = Typed::try_parse_from(typed).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("24 characters"), "{error}");
    }
    let session =
        |typed| Typed::parse_from(["interregnum", "--session", typed]).window.part.game.session;
    assert_eq!(session(&long[..24]), SessionName::new(&long[..24]).ok());
    assert_eq!(session(" "), Some(SessionName::default()));
    assert_eq!(session("cafe\u{301}"), session("caf\u{e9}"));
}

#[test]
fn a_name_that_is_too_long_is_cut_and_known_to_be() {
    let name =
        |typed| Typed::parse_from(["interregnum", "--name", typed]).window.part.name.unwrap();
    assert_eq!(name(" Ada "), Called { name: Name::new("Ada"), cut: false });
    let long = name("the most excellent player");
    assert_eq!(long.name.as_str(), "the most excellent playe");
    assert!(long.cut);
}
