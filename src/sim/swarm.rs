//! What one seed's run is like: swarm testing (Groce, Zhang, Eide, Chen, Regehr 2012).
//!
//! If every run could do everything, most runs would be alike: a little of all. Bugs that need much
//! of one thing and nothing of another would hide. So each seed draws its own configuration: how
//! many nodes, which kinds of faults at all and how often each, how they cluster, and what the wire
//! is like between them.

use std::fmt;

use rand_pcg::rand_core::Rng;

use super::{chance::chance, network::Weather};

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process is killed.
    Kill,
    /// The host's process is killed.
    KillHost,
    /// A machine loses its power.
    Unplug,
    /// The host's machine loses its power.
    UnplugHost,
    /// A node leaves politely.
    Leave,
    /// The host leaves politely.
    LeaveHost,
    /// A process is stopped for a while.
    Pause,
    /// The host's process is stopped for a while.
    PauseHost,
    /// A process that was stopped goes on; a machine that was off comes on.
    Start,
    /// All machines that are off come on at once.
    Crowd,
    /// The network falls into two parts.
    Split,
    /// The network falls into three parts.
    SplitThreeWays,
    /// The network falls into two parts, and one machine is in both.
    Bridge,
    /// One machine is cut off.
    Isolate,
    /// The host is cut off.
    IsolateHost,
    /// One pair is cut, in both directions.
    CutPair,
    /// One pair is cut, in one direction.
    CutOneWay,
    /// One pair loses many datagrams, in one direction.
    LoseOneWay,
    /// A machine's cable is loose: off and on, with a period near the time-outs.
    Flap,
    /// The host's cable is loose.
    FlapHost,
    /// No datagram reaches a machine any more. Its links work.
    Deaf,
    /// No datagram reaches the host any more.
    DeafHost,
    /// No datagram of a machine reaches anybody any more. Its links work.
    Mute,
    /// No datagram of the host reaches anybody any more.
    MuteHost,
    /// A machine's radio holds everything back for a moment.
    Delay,
    /// The host's radio holds everything back for a moment.
    DelayHost,
    /// A machine is short of processor time.
    Starve,
    /// The host is short of processor time.
    StarveHost,
    /// One end of a link is gone, and the other does not know.
    HalfOpen,
    /// A machine gets another address.
    Readdress,
    /// A machine's disk is full from here on.
    FillDisk,
    /// The next sync of a disk reports an error.
    FailSync,
    /// The disk of a machine that is off is wiped.
    WipeDisk,
    /// A bit flips on the disk of a machine that is off.
    FlipBit,
    /// A copy is made of a machine's disk; or, if it is off, the old copy is put back.
    CopyDisk,
    /// The programs of some members say what is not so, until all is mended.
    Lie,
    /// All that is cut, deaf, mute or slow is mended.
    Heal,
    /// Datagrams get lost, doubled, late.
    Storm,
    /// The storm is over.
    Calm,
}

/// All of them.
pub const FAULTS: [Fault; 39] = [
    Fault::Kill,
    Fault::KillHost,
    Fault::Unplug,
    Fault::UnplugHost,
    Fault::Leave,
    Fault::LeaveHost,
    Fault::Pause,
    Fault::PauseHost,
    Fault::Start,
    Fault::Crowd,
    Fault::Split,
    Fault::SplitThreeWays,
    Fault::Bridge,
    Fault::Isolate,
    Fault::IsolateHost,
    Fault::CutPair,
    Fault::CutOneWay,
    Fault::LoseOneWay,
    Fault::Flap,
    Fault::FlapHost,
    Fault::Deaf,
    Fault::DeafHost,
    Fault::Mute,
    Fault::MuteHost,
    Fault::Delay,
    Fault::DelayHost,
    Fault::Starve,
    Fault::StarveHost,
    Fault::HalfOpen,
    Fault::Readdress,
    Fault::FillDisk,
    Fault::FailSync,
    Fault::WipeDisk,
    Fault::FlipBit,
    Fault::CopyDisk,
    Fault::Lie,
    Fault::Heal,
    Fault::Storm,
    Fault::Calm,
];

/// What the run of one seed is like.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// How many machines: 2 to 12, few more often than many.
    pub nodes: usize,
    /// The wire between faults. While the judge waits for agreement it is calm.
    pub base: Weather,
    /// Whether broadcasts reach anybody; else all are told of each other (`--peer`).
    pub broadcasts: bool,
    /// Whether all start in the same instant.
    pub together: bool,
    /// What may go wrong; what is in it twice does so twice as often.
    pub kinds: Vec<Fault>,
    /// The most faults in one round.
    pub faults_max: u64,
    /// How many of 1,000 faults follow the one before at once.
    pub burst_permille: u64,
    /// The longest time between two others, in microseconds.
    pub pause_us: u64,
    /// How long it stays quiet after a round, in microseconds.
    pub quiet_us: u64,
    /// Whether there is anything to remember.
    pub gathers: bool,
}

impl Swarm {
    /// What belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        let mut random = chance(seed, 3);
        let mut below = |limit: u64| random.next_u64() % limit;
        let nodes = 2 + below(11).min(below(11)) as usize;
        let base = if below(2) == 0 {
            Weather::calm()
        } else {
            Weather {
                latency_us: 150 + below(30_000),
                jitter_us: 250 + below(10_000),
                loss_permille: below(51),
                double_permille: below(20),
            }
        };
        let mut kinds: Vec<Fault> = Vec::new();
        while kinds.is_empty() {
            for fault in FAULTS {
                if below(2) == 0 {
                    kinds.extend(vec![fault; 1 + below(4) as usize]);
                }
            }
        }
        let broadcasts = below(8) != 0;
        if !broadcasts {
            // If two who are apart move, nothing can tell them where the other one went.
            kinds.retain(|fault| *fault != Fault::Readdress);
            kinds.push(Fault::KillHost);
        }
        Self {
            nodes,
            base,
            broadcasts,
            together: below(4) == 0,
            kinds,
            faults_max: 1 + below(8),
            burst_permille: below(1_000),
            pause_us: 50_000 + below(1_500_000),
            quiet_us: 300_000 + below(1_500_000),
            gathers: below(2) == 0,
        }
    }
}

/// In one line, for the trace.
impl fmt::Display for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Weather { latency_us, jitter_us, loss_permille, .. } = self.base;
        let (latency, jitter) = (latency_us as f64 / 1e3, jitter_us as f64 / 1e3);
        let loss = loss_permille as f64 / 10.0;
        write!(f, "{} nodes; {latency:.1} to {:.1} ms, ", self.nodes, latency + jitter)?;
        write!(f, "{loss:.1} % lost")?;
        let broadcasts = if self.broadcasts { "" } else { "; no broadcasts" };
        write!(
            f,
            "{broadcasts}; up to {} faults a round, {} ‰ ",
            self.faults_max, self.burst_permille
        )?;
        write!(f, "at once, else after up to {} ms: ", self.pause_us / 1_000)?;
        let mut kinds = self.kinds.clone();
        kinds.dedup();
        for (at, kind) in kinds.iter().enumerate() {
            let weight = self.kinds.iter().filter(|other| *other == kind).count();
            write!(f, "{}{kind:?} {weight}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}
