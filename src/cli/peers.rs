//! The processes of a [`Party`](super::party::Party). They never outlive it: they are killed when it
//! ends, and should this process be killed itself, they see their standard input end, and leave.

use std::{
    env, fs,
    io::{self, BufRead, BufReader},
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, unbounded};
use interregnum::{config::Form, text::Name, types::NodeId};
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use super::{
    impossible::Impossible,
    lab::Lab,
    options::{GameOptions, RunOptions},
    secret,
};

const NAMES: [&str; 12] =
    ["Ada", "Ben", "Cleo", "Dov", "Elif", "Finn", "Gita", "Hugo", "Iris", "Jun", "Kofi", "Lena"];

/// A line that a peer printed.
pub struct Heard {
    pub peer: usize,
    /// Which of the peer's processes it was, counted from 0.
    pub life: u32,
    pub text: String,
}

/// All peers, and what they print.
pub struct Peers {
    peers: Vec<Peer>,
    lines: Receiver<Heard>,
    heard: Sender<Heard>,
    folder: Folder,
    arguments: Vec<String>,
    /// What opens their session, if anything has to.
    passphrase: Option<String>,
    /// Each on a machine of its own, or all on this one.
    pub lab: Option<Lab>,
    /// What each of them runs: this very program, if nothing is said.
    pub program: Option<PathBuf>,
}

struct Peer {
    name: Name,
    /// A player's window instead of a bot.
    window: bool,
    /// What it is told besides.
    options: Vec<String>,
    id: Option<NodeId>,
    udp: Option<u16>,
    life: u32,
    process: Option<Child>,
}

impl Peers {
    /// None yet; all that come will be in a session of their own, on this machine's loopback.
    pub fn new(game: &GameOptions, run: &RunOptions, log: LevelFilter) -> anyhow::Result<Self> {
        let ip = game.home().unwrap_or(Ipv4Addr::LOCALHOST).to_string();
        Self::with_arguments(game, run, vec!["--ip".to_owned(), ip], log, None)
    }

    /// None yet; each that comes will be on a host of `lab`.
    pub fn in_lab(
        game: &GameOptions,
        run: &RunOptions,
        log: LevelFilter,
        lab: Lab,
    ) -> anyhow::Result<Self> {
        Self::with_arguments(game, run, Vec::new(), log, Some(lab))
    }

    fn with_arguments(
        game: &GameOptions,
        run: &RunOptions,
        mut arguments: Vec<String>,
        log: LevelFilter,
        lab: Option<Lab>,
    ) -> anyhow::Result<Self> {
        let (heard, lines) = unbounded();
        let session = match &game.session {
            Some(session) => session.to_string(),
            None => format!("party {:08x}", Uuid::new_v4().as_fields().0),
        };
        arguments.extend(["--json", "--tied", "--session"].map(str::to_owned));
        arguments.push(session);
        arguments.extend(["--beacon-port".to_owned(), run.beacon_port.to_string()]);
        if let Some(direct) = run.direct_watchers {
            arguments.extend(["--direct-watchers".to_owned(), direct.to_string()]);
        }
        arguments.extend(["--log".to_owned(), log.to_string()]);
        for peer in &game.peer {
            arguments.extend(["--peer".to_owned(), peer.clone()]);
        }
        if run.wire == Form::Json {
            arguments.extend(["--wire".to_owned(), "json".to_owned()]);
        }
        if game.trace_ticks {
            arguments.push("--trace-ticks".to_owned());
        }
        Ok(Self {
            peers: Vec::new(),
            lines,
            heard,
            folder: Folder::new().context("cannot make a folder for the peers")?,
            arguments,
            passphrase: secret::passphrase(game)?,
            lab,
            program: None,
        })
    }

    /// What opens their session, from here on.
    pub fn set_passphrase(&mut self, passphrase: Option<String>) {
        self.passphrase = passphrase;
    }

    /// The numbers of the processes that run, in the order in which they were started first.
    pub fn pids(&self) -> Vec<u32> {
        let running = self.peers.iter().filter_map(|peer| peer.process.as_ref());
        running.map(Child::id).collect()
    }

    /// The process of a peer, if it runs.
    pub fn pid(&self, id: NodeId) -> Option<u32> {
        let peer = self.peers.iter().find(|peer| peer.id == Some(id))?;
        peer.process.as_ref().map(Child::id)
    }

    /// This program, told to do something in the session of the peers, which is none of them.
    pub fn command(&self, what: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(env::current_exe().context("cannot find this program")?);
        command.arg(what).args(&self.arguments);
        match &self.passphrase {
            Some(passphrase) => command.env(secret::VARIABLE, passphrase),
            None => command.env_remove(secret::VARIABLE),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(command)
    }

    /// Starts one more bot.
    pub fn add_bot(&mut self) -> anyhow::Result<()> {
        self.add(false, &[])
    }

    /// Starts one more bot, with these options besides.
    pub fn add_bot_with(&mut self, options: &[&str]) -> anyhow::Result<()> {
        self.add(false, options)
    }

    /// Starts a window for the person before the screen.
    pub fn add_window(&mut self) -> anyhow::Result<()> {
        self.stay_out_of_the_line(self.peers.len())?;
        self.add(true, &[])
    }

    fn add(&mut self, window: bool, options: &[&str]) -> anyhow::Result<()> {
        let number = self.peers.len();
        let name = match NAMES.get(number) {
            Some(name) => Name::new(name),
            None => Name::new("Peer").numbered(number as u32 + 1),
        };
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let peer = Peer { name, window, options, id: None, udp: None, life: 0, process: None };
        self.peers.push(peer);
        self.spawn(number)
    }

    /// What they print, as it comes.
    pub fn lines(&self) -> &Receiver<Heard> {
        &self.lines
    }

    /// How many there are, those included that are down for the moment.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Who they are, as far as they have said, those included that are down for the moment.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> {
        self.peers.iter().filter_map(|peer| peer.id)
    }

    /// Whether a line is from the process that runs at present.
    pub fn is_current(&self, peer: usize, life: u32) -> bool {
        let peer = &self.peers[peer];
        peer.life == life && peer.process.is_some()
    }

    /// A peer says who it is.
    pub fn started(&mut self, peer: usize, id: NodeId, name: Name, udp: u16) {
        let peer = &mut self.peers[peer];
        peer.id = Some(id);
        peer.name = name;
        peer.udp = Some(udp);
    }

    /// What a peer is called.
    pub fn name(&self, id: NodeId) -> String {
        let peer = self.peers.iter().find(|peer| peer.id == Some(id));
        peer.map_or_else(|| format!("{id:?}"), |peer| peer.name.to_string())
    }

    /// Whether a person plays there, in a window.
    pub fn is_window(&self, id: NodeId) -> bool {
        self.peers.iter().any(|peer| peer.id == Some(id) && peer.window)
    }

    /// Kills a peer: SIGKILL, without any warning. False: there is none of that id.
    pub fn kill(&mut self, id: NodeId) -> bool {
        let running = self
            .peers
            .iter_mut()
            .find(|peer| peer.id == Some(id))
            .and_then(|peer| peer.process.take());
        let Some(mut process) = running else {
            return false;
        };
        let killed = process.kill().is_ok();
        let _ = process.wait();
        killed
    }

    /// Stops a peer's process where it is, or lets it go on.
    ///
    /// # Errors
    /// Where the system cannot do that, or the peer is gone.
    #[cfg(unix)]
    pub fn stop(&self, id: NodeId, stopped: bool) -> anyhow::Result<()> {
        use rustix::process::{Pid, Signal, kill_process};

        let peer = self.peers.iter().find(|peer| peer.id == Some(id));
        let process = peer.and_then(|peer| peer.process.as_ref()).context("that peer is gone")?;
        let pid = Pid::from_child(process);
        Ok(kill_process(pid, if stopped { Signal::STOP } else { Signal::CONT })?)
    }

    /// Stops a peer's process where it is, or lets it go on.
    ///
    /// # Errors
    /// Where the system cannot do that, or the peer is gone.
    #[cfg(not(unix))]
    pub fn stop(&self, _id: NodeId, _stopped: bool) -> anyhow::Result<()> {
        Err(Impossible("only Unix can stop a process and let it go on".to_owned()).into())
    }

    /// Starts a killed peer again: the same player, a new process.
    pub fn restart(&mut self, id: NodeId) -> anyhow::Result<()> {
        let Some(number) = self.peers.iter().position(|peer| peer.id == Some(id)) else {
            return Ok(());
        };
        self.peers[number].life += 1;
        self.spawn(number)
    }

    /// Ends them all.
    pub fn end(&mut self) {
        for peer in &mut self.peers {
            if let Some(mut process) = peer.process.take() {
                let _ = process.kill();
                let _ = process.wait();
            }
        }
    }

    fn spawn(&mut self, number: usize) -> anyhow::Result<()> {
        let peer = &self.peers[number];
        let program = match &self.program {
            Some(program) => program.clone(),
            None => env::current_exe().context("cannot find this program")?,
        };
        let mut command = match &self.lab {
            Some(lab) => lab.command(number, program),
            None => Command::new(program),
        };
        command.arg(if peer.window { "--play" } else { "bot" });
        command.args(&self.arguments).args(&peer.options);
        command.args(["--name", peer.name.as_str()]);
        command.arg("--data-dir").arg(self.home(number));
        // On macOS there is no broadcast on loopback: whoever comes later is told of the others.
        if cfg!(target_os = "macos") {
            for other in self.peers.iter().filter_map(|peer| peer.udp) {
                command.arg("--peer");
                command.arg(format!("{}:{other}", Ipv4Addr::LOCALHOST));
            }
        }
        match &self.passphrase {
            Some(passphrase) => command.env(secret::VARIABLE, passphrase),
            None => command.env_remove(secret::VARIABLE),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| match &self.program {
            Some(program) => {
                Impossible(format!("cannot start {}: {error}", program.display())).into()
            }
            None => anyhow::Error::new(error).context("cannot start a peer"),
        })?;
        if let Some(out) = process.stdout.take() {
            let (heard, life) = (self.heard.clone(), peer.life);
            thread::Builder::new()
                .name(format!("peer {number}"))
                .spawn(move || read(number, life, BufReader::new(out), &heard))?;
        }
        self.peers[number].process = Some(process);
        Ok(())
    }

    /// The person at the window is to see hosts fall, not to be one: the lowest id is the last in
    /// the line of succession.
    fn stay_out_of_the_line(&self, number: usize) -> io::Result<()> {
        let profile = self.home(number).join("profile-1");
        fs::create_dir_all(&profile)?;
        let low = Uuid::from_u128(Uuid::new_v4().as_u128() >> 32);
        fs::write(profile.join("id"), low.to_string())
    }

    /// Where a peer keeps what it keeps, counted from 0; of one that may not be there yet.
    pub fn home(&self, number: usize) -> PathBuf {
        self.folder.0.join(format!("peer-{number}"))
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.end();
    }
}

fn read(peer: usize, life: u32, out: impl BufRead, heard: &Sender<Heard>) {
    for text in out.lines().map_while(Result::ok) {
        if heard.send(Heard { peer, life, text }).is_err() {
            return;
        }
    }
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("interregnum-party-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
