//! What each fault does.

use std::time::Duration;

use crate::{
    game::Game,
    sim::{
        network::{Place, Weather},
        swarm::Fault,
        world::World,
    },
};

/// A fault that is about to strike.
pub struct Strike<'a> {
    fault: Fault,
    /// Whom it hits.
    target: Place,
    /// Everybody else.
    others: Vec<Place>,
    /// The one of them who is hit with the target where it takes two.
    other: Place,
    /// Whether the target runs, and is not stopped.
    awake: bool,
    /// The same, and somebody else runs too: then it may go.
    running: bool,
    /// The wire between faults.
    base: &'a Weather,
}

impl<'a> Strike<'a> {
    /// Draws what is still open.
    pub fn new<G: Game>(
        world: &mut World<G>,
        fault: Fault,
        target: Place,
        base: &'a Weather,
    ) -> Self {
        let count = world.count();
        let others: Vec<Place> = (0..count).filter(|other| *other != target).collect();
        let other = others[world.draw() as usize % others.len()];
        let awake = world.is_awake(target);
        let alone = (0..count).filter(|place| world.node(*place).is_some()).count() < 2;
        Self { fault, target, others, other, awake, running: awake && !alone, base }
    }

    /// Does it. Its name, if it could be done.
    pub fn act<G: Game>(&self, world: &mut World<G>) -> Option<&'static str> {
        self.hit_process(world)
            .or_else(|| self.cut(world))
            .or_else(|| self.disturb(world))
            .or_else(|| self.hit_machine(world))
            .or_else(|| self.hit_disk(world))
            .or_else(|| self.change_weather(world))
    }

    /// What happens to processes.
    fn hit_process<G: Game>(&self, world: &mut World<G>) -> Option<&'static str> {
        let count = world.count();
        Some(match self.fault {
            Fault::Kill | Fault::KillHost if self.running => {
                world.kill(self.target);
                "kill"
            }
            Fault::Unplug | Fault::UnplugHost if self.running => {
                world.unplug(self.target);
                "unplug"
            }
            Fault::Leave | Fault::LeaveHost if self.running => {
                world.leave(self.target);
                "leave"
            }
            Fault::Pause | Fault::PauseHost if self.awake => {
                world.pause(self.target);
                "pause"
            }
            Fault::Start if world.node(self.target).is_none() => {
                world.start(self.target);
                "start"
            }
            Fault::Start if world.is_paused(self.target) => {
                let timer_first = world.draw().is_multiple_of(2);
                world.resume(self.target, timer_first);
                "continue"
            }
            Fault::Crowd => {
                let off: Vec<Place> =
                    (0..count).filter(|place| world.node(*place).is_none()).collect();
                off.first()?;
                off.into_iter().for_each(|place| world.start(place));
                "crowd"
            }
            _ => return None,
        })
    }

    /// Who cannot reach whom any more.
    fn cut<G: Game>(&self, world: &mut World<G>) -> Option<&'static str> {
        Some(match self.fault {
            Fault::Split => {
                split(world, 2, None);
                "split"
            }
            Fault::SplitThreeWays => {
                split(world, 3, None);
                "split three ways"
            }
            Fault::Bridge => {
                split(world, 2, Some(self.target));
                "bridge"
            }
            Fault::Isolate | Fault::IsolateHost => {
                for other in self.others.iter().copied() {
                    world.network.cut(self.target, other);
                    world.network.cut(other, self.target);
                }
                "isolate"
            }
            Fault::CutPair => {
                world.network.cut(self.target, self.other);
                world.network.cut(self.other, self.target);
                "cut"
            }
            Fault::CutOneWay => {
                world.network.cut(self.target, self.other);
                "cut one way"
            }
            _ => return None,
        })
    }

    /// Whose datagrams get lost or come late, and whose cable is loose.
    fn disturb<G: Game>(&self, world: &mut World<G>) -> Option<&'static str> {
        Some(match self.fault {
            Fault::LoseOneWay => {
                let permille = 200 + world.draw() % 800;
                world.network.lose(self.target, self.other, permille);
                "loss one way"
            }
            Fault::Flap | Fault::FlapHost => {
                let half = Duration::from_micros(10_000 + world.draw() % 290_000);
                let until = world.now + half * 2 * (1 + world.draw() % 6) as u32;
                world.flap(
                    self.others.iter().map(|other| (self.target, *other)).collect(),
                    half,
                    until,
                );
                "flap"
            }
            Fault::Deaf | Fault::DeafHost => {
                world.network.deafen(self.target);
                "deaf"
            }
            Fault::Mute | Fault::MuteHost => {
                world.network.mute(self.target);
                "mute"
            }
            Fault::Delay | Fault::DelayHost => {
                let extra = Duration::from_micros(200_000 + world.draw() % 300_000);
                let until = world.now + Duration::from_micros(50_000 + world.draw() % 1_000_000);
                world.network.delay(self.target, extra, until);
                "delay"
            }
            _ => return None,
        })
    }

    /// What happens to a machine, its links and its address.
    fn hit_machine<G: Game>(&self, world: &mut World<G>) -> Option<&'static str> {
        Some(match self.fault {
            Fault::Starve | Fault::StarveHost if self.awake => {
                let slow = Duration::from_micros(5_000 + world.draw() % 95_000);
                world.slow_down(self.target, slow);
                "starve"
            }
            Fault::Lie if self.awake => {
                world.pervert(self.target);
                for other in &self.others {
                    if world.draw().is_multiple_of(3) {
                        world.pervert(*other);
                    }
                }
                "lie"
            }
            Fault::HalfOpen if self.awake => {
                world.half_open(self.target);
                "half open"
            }
            Fault::Readdress if self.awake => {
                world.readdress(self.target);
                "address"
            }
            _ => return None,
        })
    }

    /// What happens to a disk.
    fn hit_disk<G: Game>(&self, world: &mut World<G>) -> Option<&'static str> {
        Some(match self.fault {
            Fault::FillDisk => {
                world.disk(self.target).fill();
                "disk full"
            }
            Fault::FailSync => {
                world.disk(self.target).fail_next_sync = true;
                "sync error"
            }
            Fault::WipeDisk if world.node(self.target).is_none() => {
                world.wipe(self.target);
                "disk wiped"
            }
            Fault::FlipBit if world.node(self.target).is_none() => {
                world.flip_bit(self.target);
                "bit flipped"
            }
            Fault::CopyDisk if world.node(self.target).is_some() => {
                world.back_up(self.target);
                "disk copied"
            }
            Fault::CopyDisk if world.put_back(self.target) => "old disk",
            _ => return None,
        })
    }

    /// What happens to the wire of all.
    fn change_weather<G: Game>(&self, world: &mut World<G>) -> Option<&'static str> {
        Some(match self.fault {
            Fault::Heal if world.is_disturbed() => {
                world.heal();
                world.quicken();
                "heal"
            }
            Fault::Storm => {
                world.network.weather = Weather {
                    latency_us: world.draw() % 5_000,
                    jitter_us: world.draw() % 30_000,
                    loss_permille: world.draw() % 300,
                    double_permille: world.draw() % 100,
                };
                "storm"
            }
            Fault::Calm if world.network.weather != *self.base => {
                world.network.weather = self.base.clone();
                "calm"
            }
            _ => return None,
        })
    }
}

/// Cuts the network into parts, all but the bridge between them.
fn split<G: Game>(world: &mut World<G>, parts: u64, bridge: Option<Place>) {
    let sides: Vec<u64> = (0..world.count()).map(|_| world.draw() % parts).collect();
    for a in 0..world.count() {
        for b in 0..world.count() {
            if sides[a] != sides[b] && Some(a) != bridge && Some(b) != bridge {
                world.network.cut(a, b);
            }
        }
    }
}
