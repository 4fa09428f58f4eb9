//! Programs on loopback that speak the line protocol of the bridge, and a shell.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdin, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{PATIENCE, new_room, unused_port};

/// A bridge, which ends with its input.
struct Bridge {
    process: Child,
    _input: ChildStdin,
    address: String,
    token: String,
}

impl Bridge {
    fn start(port: u16) -> Self {
        let mut command = program(port);
        command
            .arg("bridge")
            .args(["--json", "--tied"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let word = |of: &str| told[of].as_str().unwrap().to_owned();
        let input = process.stdin.take().unwrap();
        Self { process, _input: input, address: word("address"), token: word("token") }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap());
        Client { stream, lines }
    }

    fn member(&self, room: &str, name: &str) -> Client {
        let mut client = self.connect();
        client.say(&json!({ "token": self.token }));
        client.say(&json!({ "join": { "room": room, "name": name } }));
        client.wait_for("joined", |_| true);
        client
    }

    /// What is answered to this over HTTP.
    fn ask(&self, request: &str) -> String {
        let mut client = self.connect();
        client.stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = client.lines.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program(port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interregnum"));
    command.args(["--beacon-port", &port.to_string()]).env("GAME_IP", "127.0.0.1");
    command
}

struct Client {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    fn say(&mut self, said: &Value) {
        writeln!(self.stream, "{said}").unwrap();
    }

    /// The next line; none: it is closed.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.next().unwrap_or_else(|| panic!("closed before {what}"));
            if let Some(told) = line.get(what).filter(|told| wanted(told)) {
                return told.clone();
            }
        }
    }

    fn message(&mut self, topic: &str) -> Value {
        self.wait_for("message", |told| told["topic"] == topic)
    }
}

#[test]
fn two_clients_of_two_bridges_hear_each_other() {
    let (room, port) = (new_room(), unused_port());
    let (one, other) = (Bridge::start(port), Bridge::start(port));
    let (mut ada, mut ben) = (one.member(&room, "Ada"), other.member(&room, "Ben"));
    ada.say(&json!({ "send": { "topic": "soup", "data": { "is": ["ready"] }, "durable": true, "id": 7 } }));
    let heard = ben.message("soup");
    assert_eq!((&heard["data"], &heard["name"]), (&json!({ "is": ["ready"] }), &json!("Ada")));
    assert_eq!(heard["mine"], false);
    assert_eq!(ada.wait_for("said", |_| true)["id"], 7);
    ben.say(&json!({ "history": { "topic": "soup", "id": 1 } }));
    let history = ben.wait_for("history", |_| true);
    assert_eq!(
        (history["id"].clone(), history["messages"].as_array().unwrap().len()),
        (json!(1), 1)
    );
    let me = heard["from"].clone();
    drop(ada);
    assert_eq!(ben.wait_for("gone", |_| true)["id"], me);
}

#[test]
fn who_does_not_know_the_token_or_says_nonsense_gets_nowhere() {
    let bridge = Bridge::start(unused_port());
    for first in
        [json!({ "join": { "room": "a" } }), json!({ "token": "guess" }), json!({ "x": 1 })]
    {
        let mut client = bridge.connect();
        client.say(&first);
        assert!(client.next().unwrap()["error"]["why"].as_str().unwrap().contains("token"));
        assert!(client.next().is_none());
    }
    let mut long = bridge.connect();
    let _ =
        long.stream.write_all(format!("{{\"token\":\"{}\"}}\n", "x".repeat(1 << 20)).as_bytes());
    let told = long.next();
    assert!(told.is_none() || told.unwrap()["error"]["why"].as_str().unwrap().contains("too long"));
    let mut ada = bridge.member(&new_room(), "Ada");
    ada.say(&json!({ "colour": "red" }));
    assert!(ada.wait_for("refused", |_| true)["why"].as_str().unwrap().contains("no request"));
    ada.say(&json!({ "hold": {} }));
    assert_eq!(ada.wait_for("refused", |_| true)["why"], "play first");
    ada.say(&json!({ "send": { "topic": "t", "data": "x".repeat(1_000) } }));
    assert!(ada.wait_for("refused", |_| true)["why"].as_str().unwrap().contains("900 bytes"));
}

#[test]
fn a_page_is_served_and_other_sites_get_no_socket() {
    let bridge = Bridge::start(unused_port());
    let host = format!("Host: {}\r\n", bridge.address);
    let page = bridge.ask(&format!("GET / HTTP/1.1\r\n{host}\r\n"));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<canvas"));
    let script = bridge.ask(&format!("GET /interregnum.js HTTP/1.1\r\n{host}\r\n"));
    assert!(script.contains("export class Bridge"));
    let socket = "GET /socket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let evil = bridge.ask(&format!("{socket}{host}Origin: http://evil.example\r\n\r\n"));
    assert!(evil.starts_with("HTTP/1.1 403"), "{evil}");
    let rebound = bridge.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
}

/// A client frame of a WebSocket, as RFC 6455 has it, with a mask of zeros.
fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match text.len() {
        length @ ..126 => bytes.push(0x80 | length as u8),
        length @ ..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text.as_bytes());
    bytes
}

/// A page's end of a WebSocket.
struct Page {
    stream: BufReader<TcpStream>,
}

impl Page {
    fn open(bridge: &Bridge) -> Self {
        let Client { mut stream, mut lines } = bridge.connect();
        let address = &bridge.address;
        let request = format!(
            "GET /socket HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 101"), "{line}");
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
        }
        Self { stream: lines }
    }

    fn say(&mut self, said: &Value) {
        self.stream.get_mut().write_all(&frame(&said.to_string())).unwrap();
    }

    /// What comes next, line by line; none: it is closed.
    fn next(&mut self) -> Option<Vec<Value>> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).ok()?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length).ok()?;
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.stream.read_exact(&mut length).ok()?;
                u64::from_be_bytes(length)
            }
            length => length.into(),
        };
        let mut text = vec![0; length as usize];
        self.stream.read_exact(&mut text).ok()?;
        match head[0] & 0xf {
            1 => {
                let text = String::from_utf8(text).unwrap();
                Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
            }
            _ => None,
        }
    }

    fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let lines = self.next().unwrap_or_else(|| panic!("closed before {what}"));
            for line in lines {
                if let Some(told) = line.get(what).filter(|told| wanted(told)) {
                    return told.clone();
                }
            }
        }
    }
}

#[test]
fn a_page_watches_and_plays_and_goes_on_when_the_host_dies() {
    let (session, port) = (new_room(), unused_port());
    let bot = || {
        let mut command = program(port);
        command.args(["bot", "--session", &session]).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut bots = [bot(), bot()];
    let bridge = Bridge::start(port);
    let (mut watches, mut plays) = (Page::open(&bridge), Page::open(&bridge));
    for page in [&mut watches, &mut plays] {
        page.say(&json!({ "token": bridge.token }));
    }
    watches.say(&json!({ "watch": { "session": session } }));
    plays.say(&json!({ "play": { "session": session, "name": "Thumbs" } }));
    let me = plays.wait_for("playing", |_| true)["me"].clone();
    let three = |frame: &Value| frame["players"].as_array().unwrap().len() >= 3;
    watches.wait_for("board", |_| true);
    watches.wait_for("frame", three);
    let at = |frame: &Value| {
        let players = frame["players"].as_array().unwrap();
        let own = players.iter().find(|player| player["id"] == me).unwrap();
        (own["x"].as_f64().unwrap(), own["y"].as_f64().unwrap())
    };
    let from = at(&plays.wait_for("frame", three));
    for (dx, dy) in [(1, 0), (0, 1), (-1, 0), (0, -1)] {
        plays.say(&json!({ "hold": { "dx": dx, "dy": dy } }));
        for _ in 0..20 {
            plays.wait_for("frame", |_| true);
        }
    }
    let way = at(&plays.wait_for("frame", three));
    assert_ne!(from, way, "it was moved by what the page holds down");
    // Whichever of the two bots hosts dies; if the page's own node does, both go on as well.
    bots[0].kill().unwrap();
    bots[0].wait().unwrap();
    for page in [&mut watches, &mut plays] {
        let tick = page.wait_for("frame", |_| true)["tick"].as_u64().unwrap();
        page.wait_for("frame", |frame| {
            frame["tick"].as_u64().unwrap() > tick + 60 && frame["status"] == "playing"
        });
    }
    bots[1].kill().unwrap();
    bots[1].wait().unwrap();
    let huge = frame(&"x".repeat(1 << 20));
    let _ = plays.stream.get_mut().write_all(&huge);
    while plays.next().is_some() {}
    watches.wait_for("frame", |_| true);
}

#[test]
fn a_client_that_stops_reading_costs_the_others_nothing() {
    let (room, port) = (new_room(), unused_port());
    let bridge = Bridge::start(port);
    let (mut sleeps, mut ada, mut ben) =
        (bridge.member(&room, "Sloth"), bridge.member(&room, "Ada"), bridge.member(&room, "Ben"));
    let filler = "x".repeat(800);
    for n in 0..4_000 {
        ada.say(&json!({ "send": { "topic": format!("t{}", n % 50), "data": filler } }));
    }
    ada.say(&json!({ "send": { "topic": "end", "data": 1, "durable": true } }));
    ben.message("end");
    // It reads on, and is told what is newest.
    sleeps.message("end");
    sleeps.say(&json!({ "stats": { "id": 3 } }));
    sleeps.wait_for("stats", |told| told["id"] == 3);
}

#[test]
fn a_shell_says_and_hears_what_is_said() {
    let (room, port) = (new_room(), unused_port());
    let mut listener = program(port)
        .args(["bus", "listen", "--session", &room, "--count", "3", "--topic", "log"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let bus = |verb: &str| {
        let mut command = program(port);
        command.args(["bus", verb, "--session", &room]);
        command
    };
    // Somebody is there all the time, and has the history.
    let bridge = Bridge::start(port);
    let mut stays = bridge.member(&room, "Ada");
    stays.wait_for("here", |told| told["name"] != "Ada");
    let said = bus("send").args(["log", "plain words"]).status().unwrap();
    assert!(said.success());
    let mut piped = bus("send").arg("log").stdin(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(b"{\"a\":1}\n[2]\n").unwrap();
    assert!(piped.wait().unwrap().success());
    let lines = BufReader::new(listener.stdout.take().unwrap()).lines();
    let heard: Vec<Value> = lines
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["data"].clone())
        .collect();
    assert_eq!(heard, [json!("plain words"), json!({ "a": 1 }), json!([2])]);
    assert!(listener.wait().unwrap().success());
    for said in &heard {
        assert_eq!(stays.message("log")["data"], *said);
    }
    let history = bus("listen").args(["--history", "--count", "3"]).output().unwrap();
    assert_eq!(String::from_utf8(history.stdout).unwrap().lines().count(), 3);
    let large = bus("send").args(["log", &"x".repeat(1_000)]).output().unwrap();
    assert_eq!(large.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&large.stderr).contains("900 bytes"));
}
