//! Starts peers, reads what they print, and ends them with the test.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, unbounded};
use serde_json::Value;
use uuid::Uuid;

/// When to give up. Reached only when something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// So many ticks are a game that goes on.
const TICKS_OF_LIFE: u32 = 30;

/// A session that nobody else knows of.
pub struct Party {
    session: String,
    pub beacon_port: u16,
}

impl Party {
    pub fn new() -> Self {
        let unused = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        Self {
            session: format!("test {}", &Uuid::new_v4().simple().to_string()[..12]),
            beacon_port: unused.local_addr().unwrap().port(),
        }
    }

    /// Another session in the same neighbourhood.
    pub fn next_door(&self) -> Self {
        Self { beacon_port: self.beacon_port, ..Self::new() }
    }

    /// What it is called.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Starts a bot.
    pub fn join(&self) -> Peer {
        self.start("bot").introduced()
    }

    /// Starts a bot that keeps what it is to remember in this folder.
    pub fn join_at(&self, folder: &Path) -> Peer {
        let mut command = self.command("bot");
        Peer::start(command.arg("--data-dir").arg(folder)).introduced()
    }

    /// Starts a bot that is told where one of the others is.
    pub fn join_by(&self, peer: SocketAddr) -> Peer {
        let mut command = self.command("bot");
        Peer::start(command.args(["--peer", &peer.to_string()])).introduced()
    }

    /// Starts a bot with some options of its own, that say where it lives, too.
    pub fn join_with(&self, options: &[&str]) -> Peer {
        let mut command = program();
        command.args(["bot", "--session", &self.session]);
        command.args(["--beacon-port", &self.beacon_port.to_string()]);
        Peer::start(command.args(options)).introduced()
    }

    /// Starts several bots at once.
    pub fn join_all(&self, count: usize) -> Vec<Peer> {
        let started: Vec<Peer> = (0..count).map(|_| self.start("bot")).collect();
        started.into_iter().map(Peer::introduced).collect()
    }

    /// Starts a spectator.
    pub fn watch(&self) -> Peer {
        self.start("watch").introduced()
    }

    /// Starts a spectator that is told where one of the others is.
    pub fn watch_by(&self, peer: SocketAddr) -> Peer {
        let mut command = self.command("watch");
        Peer::start(command.args(["--peer", &peer.to_string()])).introduced()
    }

    fn start(&self, subcommand: &str) -> Peer {
        Peer::start(&mut self.command(subcommand))
    }

    /// The program, told where and what to play.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = program();
        command.args([subcommand, "--ip", "127.0.0.1", "--session", &self.session]);
        command.args(["--beacon-port", &self.beacon_port.to_string()]);
        command
    }
}

/// The program under test.
pub fn program() -> Command {
    plain(Command::new(PROGRAM))
}

/// A command with which the environment of the tests does not interfere.
pub fn plain(mut command: Command) -> Command {
    command.env_remove("GAME_SESSION").env_remove("GAME_IP").env_remove("GAME_PASSPHRASE");
    command
}

/// Where the program under test is.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_interregnum");

/// One process, and what it has said so far.
pub struct Peer {
    process: Child,
    lines: Receiver<Value>,
    /// All that was read of it.
    pub said: Vec<Value>,
    pub id: String,
    pub tcp: SocketAddr,
    /// Who hosts, as it says.
    pub host: Option<String>,
    pub epoch: u64,
    /// The last tick it applied.
    pub tick: u64,
    /// Those in its roster who are not away.
    pub members: Vec<String>,
}

impl Peer {
    /// Starts one by a command that says where and what it plays.
    pub fn start(command: &mut Command) -> Self {
        let mut process = command
            .args(["--json", "--trace-ticks", "--tied"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (heard, lines) = unbounded();
        thread::spawn(move || {
            for text in out.lines().map_while(Result::ok) {
                let line: Value = serde_json::from_str(&text).unwrap();
                if heard.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            process,
            lines,
            said: Vec::new(),
            id: String::new(),
            tcp: SocketAddr::from(([127, 0, 0, 1], 0)),
            host: None,
            epoch: 0,
            tick: 0,
            members: Vec::new(),
        }
    }

    /// The same, as soon as it has said who it is.
    pub fn introduced(mut self) -> Self {
        let started = self.wait_for("started");
        self.id = text(&started["node"]);
        self.tcp.set_port(started["tcp"].as_u64().unwrap() as u16);
        self
    }

    /// Reads on until a line of this kind.
    pub fn wait_for(&mut self, event: &str) -> Value {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let line = self.next_line(give_up, event);
            if line["event"] == event {
                return line;
            }
        }
    }

    /// Reads on until what it has said so far satisfies `enough`.
    pub fn wait_until(&mut self, what: &str, enough: impl Fn(&Peer) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !enough(self) {
            self.next_line(give_up, what);
        }
    }

    /// Reads on until it has applied many more ticks, all of one reign.
    pub fn wait_for_play(&mut self) {
        self.catch_up();
        self.wait_for_ticks();
    }

    /// Reads what it has printed already, which says nothing about the present.
    fn catch_up(&mut self) {
        while let Ok(line) = self.lines.try_recv() {
            self.note(line);
        }
    }

    fn wait_for_ticks(&mut self) {
        let (mut ticks, mut epoch) = (0, self.epoch);
        let give_up = Instant::now() + PATIENCE;
        while ticks < TICKS_OF_LIFE {
            let line = self.next_line(give_up, "ticks");
            if line["event"] == "tick" {
                ticks += 1;
            }
            if self.epoch != epoch {
                (ticks, epoch) = (0, self.epoch);
            }
        }
    }

    /// Reads what it says until then.
    pub fn listen(&mut self, until: Instant) {
        while let Ok(line) = self.lines.recv_deadline(until) {
            self.note(line);
        }
    }

    /// Ends the process as a crash would. What it has said before is read to its end.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.note(line);
        }
    }

    /// Waits until the process has ended by itself.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let give_up = Instant::now() + PATIENCE;
        // Its output ends with it.
        while self.lines.recv_deadline(give_up).is_ok() {}
        assert!(Instant::now() < give_up, "{} does not end", self.id);
        self.process.wait().unwrap()
    }

    /// Types a line into its standard input.
    pub fn type_line(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Ends its standard input.
    #[cfg(not(unix))]
    pub fn untie(&mut self) {
        drop(self.process.stdin.take());
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn next_line(&mut self, give_up: Instant, what: &str) -> Value {
        let line = self.lines.recv_deadline(give_up).unwrap_or_else(|_| {
            panic!(
                "{} waited for {what} in vain (host {:?}, epoch {}, tick {}, members {:?})",
                self.id, self.host, self.epoch, self.tick, self.members
            )
        });
        self.note(line.clone());
        line
    }

    fn note(&mut self, line: Value) {
        match line["event"].as_str() {
            Some("host") => {
                self.host = Some(text(&line["host"]));
                self.epoch = line["term"]["epoch"].as_u64().unwrap();
            }
            Some("tick") => self.tick = line["tick"].as_u64().unwrap(),
            Some("roster") => {
                let members = line["members"].as_array().unwrap().iter();
                let present = members.filter(|member| member["away"] == false);
                self.members = present.map(|member| text(&member["id"])).collect();
            }
            _ => {}
        }
        self.said.push(line);
    }
}

/// Nobody outlives its test, however that ends.
impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until all of them are in one game with each other, and with nobody else. Returns who
/// hosts it.
pub fn wait_for_one_game<'a>(peers: impl IntoIterator<Item = &'a mut Peer>) -> String {
    let mut peers: Vec<&mut Peer> = peers.into_iter().collect();
    let mut everybody: Vec<String> = peers.iter().map(|peer| peer.id.clone()).collect();
    everybody.sort();
    for peer in &mut peers {
        peer.wait_until("everybody in the roster", |peer| {
            let mut members = peer.members.clone();
            members.sort();
            members == everybody
        });
    }
    wait_for_play_of_all(&mut peers);
    // Whoever was asked first may have followed somebody else in the meantime.
    let give_up = Instant::now() + PATIENCE;
    loop {
        let mut hosts: Vec<_> = peers.iter().map(|peer| peer.host.clone()).collect();
        hosts.dedup();
        if let [Some(host)] = &hosts[..] {
            assert!(everybody.contains(host), "a stranger hosts");
            return host.clone();
        }
        assert!(Instant::now() < give_up, "different hosts: {hosts:?}");
        wait_for_play_of_all(&mut peers);
    }
}

/// Waits until each of them has applied many ticks from now on.
fn wait_for_play_of_all(peers: &mut [&mut Peer]) {
    peers.iter_mut().for_each(|peer| peer.catch_up());
    peers.iter_mut().for_each(|peer| peer.wait_for_ticks());
}

/// Takes the one with this id out.
pub fn take(peers: &mut Vec<Peer>, id: &str) -> Peer {
    let position = peers.iter().position(|peer| peer.id == id).unwrap();
    peers.remove(position)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
