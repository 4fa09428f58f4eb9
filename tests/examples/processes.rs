//! The examples' programs, as processes on loopback.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, unbounded};
use serde_json::Value;
use uuid::Uuid;

/// When to give up. Reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(90);

/// One program, and what it has said.
struct Program {
    process: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    /// How much of it was looked at.
    read: usize,
}

impl Program {
    /// Starts it on loopback, where it finds others by this port alone.
    fn start(example: &str, port: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(built(example));
        command.env("GAME_IP", "127.0.0.1").env("GAME_BEACON_PORT", port);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (heard, lines) = unbounded();
        thread::spawn(move || {
            let mut lines = out.lines().map_while(Result::ok);
            lines.all(|line| heard.send(line).is_ok())
        });
        Self { process, lines, said: Vec::new(), read: 0 }
    }

    /// Reads on until a line of which `found` makes something.
    fn wait_for<T>(&mut self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if self.read == self.said.len() {
                let line = self.lines.recv_deadline(give_up);
                self.said.push(line.unwrap_or_else(|_| panic!("no {what} in {:#?}", self.said)));
            }
            self.read += 1;
            if let Some(found) = found(&self.said[self.read - 1]) {
                return found;
            }
        }
    }

    /// Takes in what comes for a moment, to be read later.
    fn listen(&mut self) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(5)) {
            self.said.push(line);
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said.push(line);
        }
    }

    fn type_line(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }
}

/// Nobody outlives its test, however that ends.
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where an example was built: beside the tests.
fn built(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    let built = folder.join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(built.exists(), "{} is not there: cargo build --examples", built.display());
    built
}

fn unused_port() -> String {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port().to_string()
}

/// One who plays with tiles.
struct Snail {
    program: Program,
    id: String,
}

impl Snail {
    fn start(port: &str, session: &str) -> Self {
        Self::start_as(&["--bot", "--fast"], port, session)
    }

    fn start_as(who: &[&str], port: &str, session: &str) -> Self {
        let arguments = [who, &["--json", "--session", session]].concat();
        let mut program = Program::start("tiles", port, &arguments);
        let id = program.wait_for("start", |line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["event"] == "started").then(|| line["node"].as_str().unwrap().to_owned())
        });
        Self { program, id }
    }

    /// Reads on until something of the game is told.
    fn wait_for(&mut self, what: &str) -> Value {
        self.program.wait_for(what, |line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let told = line["what"].get(what)?;
            Some(told.clone())
        })
    }

    /// Who hosts, by what it has said last, and in which reign.
    fn host(&mut self) -> Option<(u64, String)> {
        self.program.listen();
        let lines = self.program.said.iter().rev();
        let mut hosts = lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["event"] == "host");
        let last = hosts.next()?;
        Some((last["term"]["epoch"].as_u64()?, last["host"].as_str()?.to_owned()))
    }
}

fn snails(count: usize) -> (Vec<Snail>, impl Fn() -> Snail) {
    let (port, session) = (unused_port(), Uuid::new_v4().simple().to_string()[..12].to_owned());
    let another = move || Snail::start(&port, &session);
    ((0..count).map(|_| another()).collect(), another)
}

/// Kills whoever hosts, as soon as that is one of them.
fn kill_the_host(snails: &mut Vec<Snail>) {
    let give_up = Instant::now() + PATIENCE;
    let host = loop {
        assert!(Instant::now() < give_up, "nobody hosts");
        let newest = snails.iter_mut().filter_map(Snail::host).max();
        let host = newest.and_then(|(_, id)| snails.iter().position(|snail| snail.id == id));
        if let Some(host) = host {
            break host;
        }
    };
    snails.remove(host).program.kill();
}

#[test]
fn a_game_of_four_whose_host_is_killed_in_the_middle_has_one_winner_and_the_next_one_begins() {
    let (mut snails, _) = snails(4);
    let game = loop {
        let laid = snails[0].wait_for("Laid");
        if laid["number"].as_u64().unwrap() >= 5 {
            break laid["game"].clone();
        }
    };
    kill_the_host(&mut snails);
    let winners: Vec<Value> = snails
        .iter_mut()
        .map(|snail| {
            loop {
                let won = snail.wait_for("Won");
                if won["game"] == game {
                    break won["player"].clone();
                }
            }
        })
        .collect();
    assert!(winners.iter().all(|winner| *winner == winners[0]), "{winners:?}");
    for snail in &mut snails {
        assert_ne!(snail.wait_for("Begun")["game"], game);
        snail.wait_for("Laid");
    }
}

#[test]
fn a_game_whose_host_is_killed_at_every_turn_ends_properly() {
    let (mut snails, another) = snails(4);
    let game = snails[0].wait_for("Laid")["game"].clone();
    let mut kills = 0;
    let winner = loop {
        kill_the_host(&mut snails);
        kills += 1;
        snails.push(another());
        let what = snails[0].program.wait_for("move or end", |line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let what = &line["what"];
            let told = what.get("Laid").or(what.get("Won"))?;
            let won = what.get("Won").map(|won| won["player"].clone());
            (told["game"] == game).then_some(won)
        });
        if let Some(winner) = what {
            break winner;
        }
        // Whoever was killed is out, so this ends.
        assert!(kills < 40);
    };
    assert!(winner.is_string() && kills > 0);
    let begun = snails[0].wait_for("Begun");
    assert_ne!(begun["game"], game);
}

/// When each move of a game was told of, in microseconds of the machine's clock.
fn laid(snail: &mut Snail, until: u64) -> BTreeMap<(u64, u64), u64> {
    let mut laid = BTreeMap::new();
    loop {
        let (at, what) = snail.program.wait_for("move", |line| {
            let line: Value = serde_json::from_str(line).unwrap();
            Some((line["t_us"].as_u64()?, line["what"].get("Laid")?.clone()))
        });
        if at > until {
            return laid;
        }
        let number = |of: &str| what[of].as_u64().unwrap();
        laid.insert((number("game"), number("number")), at);
    }
}

#[test]
#[ignore = "starts a hundred processes, and takes half a minute"]
fn a_hundred_who_watch_see_each_move_within_a_tenth_of_a_second() {
    let (port, session) = (unused_port(), Uuid::new_v4().simple().to_string()[..12].to_owned());
    let who = |who: &'static [&str]| Snail::start_as(who, &port, &session);
    let mut players: Vec<Snail> = (0..4).map(|_| who(&["--bot"])).collect();
    players[0].wait_for("Laid");
    let mut watchers: Vec<Snail> = (0..100).map(|_| who(&["--bot", "--watch"])).collect();
    let in_at = watchers.iter_mut().map(|watcher| {
        watcher.program.wait_for("host", |line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["event"] == "host").then(|| line["t_us"].as_u64().unwrap())
        })
    });
    let from = in_at.max().unwrap() + 1_000_000;
    let until = from + 20_000_000;
    let seen: Vec<_> = players.iter_mut().chain(&mut watchers).map(|it| laid(it, until)).collect();
    let (at_players, at_watchers) = seen.split_at(players.len());
    let made = |laid| at_players.iter().filter_map(|seen| seen.get(laid).copied()).min();
    let moves: BTreeMap<(u64, u64), u64> = at_players[0]
        .keys()
        .filter_map(|laid| Some((*laid, made(laid)?)))
        .filter(|(_, at)| (from..until - 500_000).contains(at))
        .collect();
    assert!(moves.len() >= 8, "{} moves", moves.len());
    let late = moves.iter().flat_map(|(laid, made)| {
        at_watchers.iter().map(move |seen| seen[laid].saturating_sub(*made))
    });
    let longest = Duration::from_micros(late.max().unwrap());
    println!("{} moves, each seen by a hundred after {longest:?} at the latest", moves.len());
    assert!(longest <= Duration::from_millis(100), "{longest:?}");
}

#[test]
fn pong_goes_on_when_its_host_is_killed() {
    let port = unused_port();
    let start = |name| {
        let mut player = Program::start("pong", &port, &[name, "--bot"]);
        let id = player.wait_for("start", |line| line.strip_prefix("me ").map(str::to_owned));
        (id, player)
    };
    let goal = |line: &str| line.starts_with("goal ").then_some(());
    let mut players: Vec<_> = ["Ada", "Ben", "Cleo"].into_iter().map(start).collect();
    for (_, player) in &mut players {
        player.wait_for("goal", goal);
    }
    for _ in 0..2 {
        let said = players.iter().flat_map(|(_, player)| player.said.iter().rev());
        let host = said.filter_map(|line| line.strip_prefix("host ")).next().unwrap().to_owned();
        let host = players.iter().position(|(id, _)| *id == host).unwrap();
        players.remove(host).1.kill();
        players.push(start("Dov"));
        for (_, player) in &mut players {
            player.wait_for("goal", goal);
        }
    }
}

#[test]
fn what_was_said_stays_and_what_is_said_arrives_when_the_host_is_killed() {
    let port = unused_port();
    let start = |name| Program::start("chat", &port, &[name]);
    let names = ["Ada", "Ben", "Cleo"];
    let mut people: Vec<Program> = names.into_iter().map(start).collect();
    let hosts = |line: &str| line.strip_prefix("* ")?.strip_suffix(" hosts").map(str::to_owned);
    for person in &mut people {
        person.wait_for("host", hosts);
    }
    people[0].type_line("good morning");
    for person in &mut people {
        person.wait_for("line", |line| line.ends_with(": good morning").then_some(()));
    }
    let said = people[1].said.iter().rev();
    let host = said.filter_map(|line| hosts(line)).next();
    let host = names.iter().position(|name| Some(*name) == host.as_deref()).unwrap();
    people.remove(host).kill();
    people[0].type_line("still here?");
    people.push(start("Dov"));
    for person in &mut people {
        person.wait_for("line", |line| line.ends_with(": still here?").then_some(()));
    }
    assert!(
        people[2].said.iter().any(|line| line.ends_with(": good morning")),
        "{:?}",
        people[2].said
    );
}

#[test]
fn cursors_go_on_when_whoever_gives_the_order_is_killed() {
    let port = unused_port();
    let start = |name| Program::start("cursors", &port, &[name, "--bot"]);
    let mut bots: Vec<Program> = ["Ada", "Ben", "Cleo"].into_iter().map(start).collect();
    let sees =
        |of: &'static str| move |line: &str| line.starts_with(&format!("{of} is at")).then_some(());
    bots[1].wait_for("cursor", sees("Ada"));
    bots[2].wait_for("cursor", sees("Ben"));
    bots[0].wait_for("cursor", sees("Cleo"));
    let hosts = |bot: &Program| bot.said.iter().any(|line| line == "this one hosts");
    let host = bots.iter().position(hosts);
    let host = host.unwrap_or_else(|| {
        bots.iter_mut().for_each(Program::listen);
        bots.iter().position(hosts).unwrap()
    });
    bots.remove(host).kill();
    let names: Vec<&str> = ["Ada", "Ben", "Cleo"]
        .into_iter()
        .enumerate()
        .filter(|(n, _)| *n != host)
        .map(|(_, name)| name)
        .collect();
    for bot in &mut bots {
        bot.wait_for("a sign that it is gone", |line| (line == "somebody is gone").then_some(()));
    }
    bots[0].wait_for("cursor", sees(names[1]));
    bots[1].wait_for("cursor", sees(names[0]));
}

#[test]
fn the_count_goes_on_whichever_of_three_processes_is_killed() {
    let port = unused_port();
    let start = |name| Program::start("counter", &port, &[name]);
    let mut counters: Vec<Program> = ["Ada", "Ben", "Cleo"].into_iter().map(start).collect();
    let count = |line: &str| line.split_once(" counted by ")?.0.parse::<u64>().ok();
    let mut before = 0;
    for counter in &mut counters {
        before =
            counter.wait_for("count", |line| count(line).filter(|count| *count > 5)).max(before);
    }
    // One of the three hosts.
    for _ in 0..3 {
        counters.remove(0).kill();
        counters.push(start("Dov"));
        for counter in &mut counters {
            let more = |line: &str| count(line).filter(|count| *count > before);
            counter.wait_for("count that goes on", more);
        }
        before += 10;
    }
    let anew =
        |line: &String| line.starts_with("the host is another") && line.contains(" 0 ticks undone");
    assert!(counters.iter().any(|counter| counter.said.iter().any(anew)));
}

#[test]
fn the_guides_ducks_swim_on_whichever_of_them_is_killed() {
    let port = unused_port();
    let start = || Program::start("ducks", &port, &[]);
    let mut ducks: Vec<Program> = (0..2).map(|_| start()).collect();
    let fallen =
        |line: &str| line.split_once(" has bread: ")?.1.split(' ').nth(2)?.parse::<u64>().ok();
    let mut before = 0;
    for duck in &mut ducks {
        before = duck.wait_for("bread", fallen).max(before);
    }
    // One of the two hosts.
    for _ in 0..2 {
        ducks.remove(0).kill();
        ducks.push(start());
        for duck in &mut ducks {
            let more = |line: &str| fallen(line).filter(|now| *now > before);
            duck.wait_for("bread that goes on falling", more);
        }
        before += 2;
    }
    let survived = |line: &String| line.contains("; it stood still for ");
    assert!(ducks.iter().any(|duck| duck.said.iter().any(survived)));
}
