//! The processes of a demo. They never outlive it: they are killed when it ends, and should it be
//! killed itself, they see their standard input end, and leave.

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
use interregnum::{text::Name, types::NodeId};
use uuid::Uuid;

use crate::cli::options::{Common, DemoOptions};

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
}

struct Peer {
    name: Name,
    /// A player's window instead of a bot.
    window: bool,
    id: Option<NodeId>,
    udp: Option<u16>,
    life: u32,
    process: Option<Child>,
}

impl Peers {
    /// Starts them all.
    pub fn start(common: &Common, options: &DemoOptions) -> anyhow::Result<Self> {
        let (heard, lines) = unbounded();
        let session = match &common.session {
            Some(session) => session.to_string(),
            None => format!("demo {:08x}", Uuid::new_v4().as_fields().0),
        };
        let ip = common.ip.unwrap_or(Ipv4Addr::LOCALHOST);
        let mut arguments: Vec<String> =
            ["--json", "--tied", "--session"].map(str::to_owned).into();
        arguments.push(session);
        arguments.extend(["--ip".to_owned(), ip.to_string()]);
        arguments.extend(["--beacon-port".to_owned(), common.beacon_port.to_string()]);
        arguments.extend(["--log".to_owned(), common.log.to_string()]);
        for peer in &common.peer {
            arguments.extend(["--peer".to_owned(), peer.clone()]);
        }
        if common.trace_ticks {
            arguments.push("--trace-ticks".to_owned());
        }
        let mut peers = Self {
            peers: Vec::new(),
            lines,
            heard,
            folder: Folder::new().context("cannot make a folder for the peers")?,
            arguments,
        };
        for number in 0..usize::from(options.peers) {
            let name = match NAMES.get(number) {
                Some(name) => Name::new(name),
                None => Name::new(&format!("Peer {}", number + 1)),
            };
            peers.peers.push(Peer {
                name,
                window: options.window && number == 0,
                id: None,
                udp: None,
                life: 0,
                process: None,
            });
            if peers.peers[number].window {
                peers.stay_out_of_the_line(number)?;
            }
            peers.spawn(number)?;
        }
        Ok(peers)
    }

    /// What they print, as it comes.
    pub fn lines(&self) -> &Receiver<Heard> {
        &self.lines
    }

    /// How many there are, those included that are down for the moment.
    pub fn len(&self) -> usize {
        self.peers.len()
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
        let program = env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.arg(if peer.window { "--play" } else { "bot" });
        command.args(&self.arguments);
        command.args(["--name", peer.name.as_str()]);
        command.arg("--data-dir").arg(self.home(number));
        // On macOS there is no broadcast on loopback: whoever comes later is told of the others.
        if cfg!(target_os = "macos") {
            for other in self.peers.iter().filter_map(|peer| peer.udp) {
                command.arg("--peer");
                command.arg(format!("{}:{other}", Ipv4Addr::LOCALHOST));
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("cannot start a peer")?;
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

    fn home(&self, number: usize) -> PathBuf {
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
        let folder = env::temp_dir().join(format!("interregnum-demo-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
