//! A laboratory: several machines on one, to pull their cables and to cut their network in pieces.
//!
//! Each host is a network namespace with a loopback of its own and a cable (a veth pair) to a
//! switch (a bridge) in one more namespace; there is no default route, as on a bare switch at a
//! party. Programs run in it unchanged:
//!
//! ```ignore
//! let mut lab = Lab::new(4)?;
//! lab.command(0, "interregnum").arg("bot").spawn()?;
//! lab.split(&[&[0, 1], &[2, 3]])?;
//! lab.heal()?;
//! ```
//!
//! | what | how |
//! |---|---|
//! | a cable out | the switch's end goes down: the host sees its carrier vanish, as in life |
//! | a cut, loss, no broadcasts | rules of the switch; each change replaces all of them at once |
//!
//! A change says when it was begun and has taken effect when it returns, a few milliseconds later:
//! what is measured from it is rather too long than too short. All of it vanishes with the value.
//! What a killed process left behind bears its process id in its name, is in nobody's way, and is
//! removed by the next laboratory.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    io::Write as _,
    net::Ipv4Addr,
    path::Path,
    process::{self, Command, Stdio},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, bail, ensure};
use interregnum::{runtime, types::Instant};

/// What the names of all namespaces begin with.
const PREFIX: &str = "ig";

/// How many hosts fit: each has an address in 10.77.0.0/24.
const HOSTS_MAX: usize = 250;

/// How many cables a host can have, each to a switch of its own.
const CABLES: usize = 2;

/// A host whose cable is plugged in again asks for its neighbours' addresses at this pace, in
/// milliseconds. Linux takes a second, which would be part of whatever is measured.
const ARP_REPEAT_MS: u32 = 20;

/// Several hosts around a switch.
#[derive(Debug)]
pub struct Lab {
    name: String,
    hosts: Vec<Host>,
    broadcasts: bool,
}

#[derive(Debug)]
struct Host {
    cables: usize,
    /// Which of the switch's sides it is on; equal numbers reach each other.
    side: usize,
    /// Nothing passes between it and others that are so, too.
    isolated: bool,
    loss_percent: u8,
}

impl Lab {
    /// So many hosts, with a cable each, which all reach each other.
    pub fn new(hosts: usize) -> anyhow::Result<Self> {
        static SWEPT: Once = Once::new();
        static LABS: AtomicU32 = AtomicU32::new(0);

        ensure!((1..=HOSTS_MAX).contains(&hosts), "a laboratory has 1 to {HOSTS_MAX} hosts");
        SWEPT.call_once(sweep);
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        // From here on whatever is made is removed, should the rest fail.
        let mut lab = Self {
            name: format!("{PREFIX}-{}-{number}", process::id()),
            hosts: Vec::new(),
            broadcasts: true,
        };
        lab.build(hosts).context(
            "a laboratory needs Linux, root, and the tools ip and nft: \
             try it with sudo, and install the packages iproute2 and nftables",
        )?;
        Ok(lab)
    }

    /// A program, to be started on a host.
    pub fn command(&self, host: usize, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]).arg(program);
        command
    }

    /// The address of a host at its first cable.
    pub fn address(&self, host: usize) -> Ipv4Addr {
        address(host, 0)
    }

    /// Gives a host one more cable, to another switch: 10.77.1.0/24.
    pub fn add_cable(&mut self, host: usize) -> anyhow::Result<()> {
        ensure!(self.hosts[host].cables < CABLES, "a host has {CABLES} cables at most");
        let cable = self.hosts[host].cables;
        self.lay(host, cable)?;
        self.hosts[host].cables += 1;
        // The rules know of it from now on.
        self.apply().map(drop)
    }

    /// Changes what a host has: commands for `ip`, one a line.
    pub fn configure(&self, host: usize, commands: &str) -> anyhow::Result<()> {
        ip(Some(&self.namespace(host)), commands)
    }

    /// Puts a cable of a host into the switch of another one, both counted from 0.
    pub fn replug_cable(&self, host: usize, cable: usize, switch: usize) -> anyhow::Result<()> {
        let port = port(host, cable);
        ip(Some(&self.switch()), &format!("link set {port} master wire{switch}\n"))
    }

    /// Gives a host a firewall as systems have it: what the host has not asked for is dropped, except
    /// what is named, in the language of `nft`.
    pub fn wall(&self, host: usize, except: &[&str]) -> anyhow::Result<()> {
        let except: String = except.iter().map(|what| format!("{what} accept\n")).collect();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host), "nft", "-f", "-"]);
        let rules = format!(
            "table inet wall {{\n\
             chain input {{\n\
             type filter hook input priority 0; policy drop;\n\
             iifname \"lo\" accept\n\
             ct state established,related accept\n\
             {except}\
             }}\n\
             }}\n"
        );
        run(command, &rules).map(drop)
    }

    /// A host has no firewall any more.
    pub fn tear_down_wall(&self, host: usize) -> anyhow::Result<()> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host), "nft", "delete table inet wall"]);
        run(command, "").map(drop)
    }

    /// Nothing passes between any two of these hosts: Wi-Fi that isolates its clients.
    pub fn keep_apart(&mut self, hosts: &[usize]) -> anyhow::Result<Instant> {
        for (number, host) in self.hosts.iter_mut().enumerate() {
            host.isolated = hosts.contains(&number);
        }
        self.apply()
    }

    /// Pulls all cables of a host.
    pub fn unplug(&self, host: usize) -> anyhow::Result<Instant> {
        self.set_ports(host, 0..self.hosts[host].cables, "down")
    }

    /// Plugs all cables of a host in again.
    pub fn plug(&self, host: usize) -> anyhow::Result<Instant> {
        self.set_ports(host, 0..self.hosts[host].cables, "up")
    }

    /// Pulls one cable of a host, counted from 0. [`plug`](Lab::plug) puts it back.
    pub fn unplug_cable(&self, host: usize, cable: usize) -> anyhow::Result<Instant> {
        self.set_ports(host, cable..cable + 1, "down")
    }

    /// Cuts the network: nothing passes between two sides. Hosts named in none of them are one more.
    pub fn split(&mut self, sides: &[&[usize]]) -> anyhow::Result<Instant> {
        for (number, host) in self.hosts.iter_mut().enumerate() {
            let side = sides.iter().position(|side| side.contains(&number));
            host.side = side.unwrap_or(sides.len());
        }
        self.apply()
    }

    /// All reach each other again.
    pub fn heal(&mut self) -> anyhow::Result<Instant> {
        self.split(&[])
    }

    /// So many of a hundred packets from and to this host are lost; between two such hosts as many
    /// as at the worse one.
    pub fn loss(&mut self, host: usize, percent: u8) -> anyhow::Result<Instant> {
        ensure!(percent <= 100, "{percent} of a hundred packets cannot be lost");
        self.hosts[host].loss_percent = percent;
        self.apply()
    }

    /// Whether the switch lets IPv4 broadcasts pass.
    pub fn broadcasts(&mut self, pass: bool) -> anyhow::Result<Instant> {
        self.broadcasts = pass;
        self.apply()
    }

    /// How many packets the switch has swallowed since its rules were last changed: whether a cut
    /// cut anything.
    pub fn swallowed(&self) -> anyhow::Result<u64> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.switch(), "nft", "list", "counters", "bridge"]);
        let said = run(command, "")?;
        let count = said.split("packets ").nth(1).and_then(|rest| rest.split(' ').next());
        count.and_then(|count| count.parse().ok()).with_context(|| format!("no count in {said:?}"))
    }

    fn build(&mut self, hosts: usize) -> anyhow::Result<()> {
        let switch = self.switch();
        ip(None, &format!("netns add {switch}\n"))?;
        let mut bridges = String::new();
        for cable in 0..CABLES {
            // A real switch forwards at once, too: its ports have been up for long.
            writeln!(bridges, "link add wire{cable} type bridge stp_state 0 forward_delay 0")?;
            writeln!(bridges, "link set wire{cable} up")?;
        }
        ip(Some(&switch), &bridges)?;
        for host in 0..hosts {
            let namespace = self.namespace(host);
            self.hosts.push(Host { cables: 1, side: 0, isolated: false, loss_percent: 0 });
            ip(None, &format!("netns add {namespace}\n"))?;
            ip(Some(&namespace), "link set lo up\n")?;
            self.lay(host, 0)?;
        }
        // Fails here and now where there is no nft.
        self.apply().map(drop)
    }

    /// Lays a cable from a host to a switch.
    fn lay(&self, host: usize, cable: usize) -> anyhow::Result<()> {
        let (namespace, port) = (self.namespace(host), port(host, cable));
        ip(
            Some(&self.switch()),
            &format!(
                "link add {port} type veth peer name eth{cable} netns {namespace}\n\
                 link set {port} master wire{cable} up\n"
            ),
        )?;
        ip(
            Some(&namespace),
            &format!(
                "address add {}/24 broadcast + dev eth{cable}\n\
                 ntable change name arp_cache dev eth{cable} retrans {ARP_REPEAT_MS}\n\
                 link set eth{cable} up\n",
                address(host, cable)
            ),
        )
    }

    fn set_ports(
        &self,
        host: usize,
        cables: std::ops::Range<usize>,
        state: &str,
    ) -> anyhow::Result<Instant> {
        let begun = runtime::now();
        let commands: String =
            cables.map(|cable| format!("link set {} {state}\n", port(host, cable))).collect();
        ip(Some(&self.switch()), &commands)?;
        Ok(begun)
    }

    /// Puts the switch's rules in force, in one transaction.
    fn apply(&self) -> anyhow::Result<Instant> {
        let begun = runtime::now();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.switch(), "nft", "-f", "-"]);
        run(command, &self.rules())?;
        Ok(begun)
    }

    fn rules(&self) -> String {
        let mut rules = Vec::new();
        let swallow = "counter name swallowed drop";
        for one in 0..self.hosts.len() {
            // Who is on another side, or kept apart.
            let apart = |other: &usize| {
                let (one, other) = (&self.hosts[one], &self.hosts[*other]);
                one.side != other.side || one.isolated && other.isolated
            };
            let others = (0..self.hosts.len())
                .filter(|other| *other != one && apart(other))
                .flat_map(|other| self.ports(other));
            let others: Vec<_> = others.collect();
            if !others.is_empty() {
                let ports = self.ports(one).collect::<Vec<_>>().join(", ");
                let others = others.join(", ");
                rules.push(format!("iifname {{ {ports} }} oifname {{ {others} }} {swallow}"));
            }
        }
        if !self.broadcasts {
            // But not ARP's.
            rules.push(format!("ether type ip ether daddr ff:ff:ff:ff:ff:ff {swallow}"));
        }
        // The worst first, and whatever survives it is through: no packet meets two chances.
        let mut lossy: Vec<usize> =
            (0..self.hosts.len()).filter(|host| self.hosts[*host].loss_percent > 0).collect();
        lossy.sort_by_key(|host| std::cmp::Reverse(self.hosts[*host].loss_percent));
        for host in lossy {
            let percent = self.hosts[host].loss_percent;
            let ports = self.ports(host).collect::<Vec<_>>().join(", ");
            for direction in ["iifname", "oifname"] {
                let packets = format!("{direction} {{ {ports} }}");
                rules.push(format!("{packets} numgen random mod 100 < {percent} {swallow}"));
                rules.push(format!("{packets} accept"));
            }
        }
        format!(
            "table bridge lab\n\
             delete table bridge lab\n\
             table bridge lab {{\n\
             counter swallowed {{ }}\n\
             chain forward {{\n\
             type filter hook forward priority 0;\n\
             {}\n\
             }}\n\
             }}\n",
            rules.join("\n")
        )
    }

    fn ports(&self, host: usize) -> impl Iterator<Item = String> {
        (0..self.hosts[host].cables).map(move |cable| format!("\"{}\"", port(host, cable)))
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }

    fn namespace(&self, host: usize) -> String {
        format!("{}-{host}", self.name)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let hosts = (0..self.hosts.len()).map(|host| self.namespace(host));
        remove(hosts.chain([self.switch()]));
    }
}

fn address(host: usize, cable: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 77, 0, 1).to_bits() + (cable as u32 * 256) + host as u32)
}

/// The switch's end of a cable.
fn port(host: usize, cable: usize) -> String {
    format!("host{host}-{cable}")
}

/// Removes what processes have left behind that are no more. This one has made nothing yet.
fn sweep() {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    remove(names.filter(|name| {
        let mut parts = name.split('-');
        let pid = (parts.next() == Some(PREFIX)).then(|| parts.next()).flatten();
        pid.and_then(|pid| pid.parse::<u32>().ok())
            .is_some_and(|pid| pid == process::id() || !Path::new(&format!("/proc/{pid}")).exists())
    }));
}

/// Removes namespaces. What cannot be removed stays.
fn remove(namespaces: impl Iterator<Item = String>) {
    let commands: String = namespaces.map(|name| format!("netns del {name}\n")).collect();
    if !commands.is_empty() {
        let mut command = Command::new("ip");
        command.args(["-force", "-batch", "-"]);
        let _ = run(command, &commands);
    }
}

/// Commands for `ip`, one a line, in a namespace.
fn ip(namespace: Option<&str>, commands: &str) -> anyhow::Result<()> {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    command.args(["-batch", "-"]);
    run(command, commands).map(drop)
}

/// Runs a tool to its end with `input`. Returns what it says.
fn run(mut command: Command, input: &str) -> anyhow::Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
    if let Some(mut stdin) = tool.stdin.take() {
        // Whoever does not read to the end says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let done = tool.wait_with_output()?;
    if !done.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
