//! What goes wrong, drawn from the seed.
//!
//! A run is a number of rounds. In each, a few faults strike at random times; then everything is
//! mended, and the judge looks whether one second later there is exactly one host, known to all.

use std::time::Duration;

use super::{
    Playable,
    network::{Place, Weather},
    world::World,
};
use crate::types::Instant;

/// How long after the last fault one host must be known to all.
const SETTLE: Duration = Duration::from_millis(1_000);

/// How long a round stays quiet after that.
const QUIET: Duration = Duration::from_millis(1_500);

/// The most reigns that one fault may cost (L4).
const REIGNS_PER_FAULT: u64 = 4;

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
    /// A process is stopped for a while.
    Pause,
    /// The host's process is stopped for a while.
    PauseHost,
    /// A machine that was off comes on.
    Start,
    /// The network falls into two halves.
    Split,
    /// One machine is cut off.
    Isolate,
    /// The host is cut off.
    IsolateHost,
    /// One pair is cut, in both directions.
    CutPair,
    /// One pair is cut, in one direction.
    Deafen,
    /// All cuts are mended.
    Heal,
    /// Datagrams get lost, doubled, late.
    Storm,
    /// The weather calms down.
    Calm,
}

const FAULTS: [Fault; 16] = [
    Fault::Kill,
    Fault::KillHost,
    Fault::Unplug,
    Fault::UnplugHost,
    Fault::Leave,
    Fault::Pause,
    Fault::PauseHost,
    Fault::Start,
    Fault::Split,
    Fault::Isolate,
    Fault::IsolateHost,
    Fault::CutPair,
    Fault::Deafen,
    Fault::Heal,
    Fault::Storm,
    Fault::Calm,
];

/// Runs `rounds` rounds of faults over `world`.
pub fn rounds<G: Playable>(world: &mut World<G>, rounds: usize) {
    for place in 0..world.count() {
        world.start(place);
        let pause = world.draw() % 100_000;
        world.run(world.now + Duration::from_micros(pause));
    }
    settle(world, 1);
    for _ in 0..rounds {
        world.set_quiet(None);
        let faults = 1 + world.draw() % 5;
        for _ in 0..faults {
            let pause =
                world.draw() % if world.draw().is_multiple_of(2) { 20_000 } else { 1_200_000 };
            world.run(world.now + Duration::from_micros(pause));
            let fault = FAULTS[world.draw() as usize % FAULTS.len()];
            strike(world, fault);
        }
        let pause = world.draw() % 2_000_000;
        world.run(world.now + Duration::from_micros(pause));
        mend(world);
        settle(world, faults + 1);
        if !world.judge.violations.is_empty() {
            return;
        }
    }
}

/// Lets one fault happen, if it can.
pub fn strike<G: Playable>(world: &mut World<G>, fault: Fault) {
    let place = world.draw() as usize % world.count();
    let host = world.hosts().first().copied();
    let up = (0..world.count()).filter(|place| world.node(*place).is_some()).count();
    let target = match fault {
        Fault::KillHost | Fault::UnplugHost | Fault::PauseHost | Fault::IsolateHost => host,
        _ => Some(place),
    };
    let Some(target) = target else { return };
    let awake = world.is_awake(target);
    let name = match fault {
        Fault::Kill | Fault::KillHost if awake && up > 1 => {
            world.kill(target);
            "kill"
        }
        Fault::Unplug | Fault::UnplugHost if awake && up > 1 => {
            world.unplug(target);
            "unplug"
        }
        Fault::Leave if awake && up > 1 => {
            world.leave(target);
            "leave"
        }
        Fault::Pause | Fault::PauseHost if awake => {
            world.pause(target);
            "pause"
        }
        Fault::Start if world.node(target).is_none() => {
            world.start(target);
            "start"
        }
        Fault::Start if world.is_paused(target) => {
            let timer_first = world.draw().is_multiple_of(2);
            world.resume(target, timer_first);
            "continue"
        }
        Fault::Split => {
            let sides = world.draw();
            for a in 0..world.count() {
                for b in 0..world.count() {
                    if sides >> a & 1 != sides >> b & 1 {
                        world.network.cut(a, b);
                    }
                }
            }
            "split"
        }
        Fault::Isolate | Fault::IsolateHost => {
            for other in (0..world.count()).filter(|other| *other != target) {
                world.network.cut(target, other);
                world.network.cut(other, target);
            }
            "isolate"
        }
        Fault::CutPair | Fault::Deafen => {
            let other = world.draw() as usize % world.count();
            if other != target {
                world.network.cut(target, other);
                if fault == Fault::CutPair {
                    world.network.cut(other, target);
                }
            }
            "cut"
        }
        Fault::Heal => {
            world.heal();
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
        Fault::Calm => {
            world.network.weather = Weather::calm();
            "calm"
        }
        _ => return,
    };
    if !matches!(name, "kill" | "unplug" | "leave" | "start") {
        world.disturbed = world.now;
    }
    if world.trace.is_some() {
        world.note(target, &format!("fault: {name}"));
    }
    *world.judge.met.faults.entry(name).or_default() += 1;
}

/// Mends everything: network, weather, pauses; machines that are off come on.
fn mend<G: Playable>(world: &mut World<G>) {
    if world.network.is_disturbed() {
        world.disturbed = world.now;
    }
    world.network.weather = Weather::calm();
    world.heal();
    for place in 0..world.count() {
        let timer_first = world.draw().is_multiple_of(2);
        world.resume(place, timer_first);
        if world.node(place).is_none() && !world.draw().is_multiple_of(4) {
            world.start(place);
        }
    }
    if (0..world.count()).all(|place| world.node(place).is_none()) {
        world.start(0);
    }
    world.note(0, "everything is mended");
}

/// Waits until one host is known to all, and judges how long it took.
fn settle<G: Playable>(world: &mut World<G>, faults: u64) {
    let start = world.now;
    let reigns = world.judge.met.reigns;
    world.set_quiet(Some(start));
    let mut settled = None;
    let step = Duration::from_millis(10);
    while world.now.since(start) < SETTLE + QUIET {
        world.run(world.now + step);
        match (disagreement(world), settled) {
            (None, None) => settled = Some(world.now),
            (Some(_), Some(_)) => settled = None,
            _ => {}
        }
    }
    let took = settled.map(|at: Instant| at.since(start));
    match took {
        Some(took) if took <= SETTLE => {
            world.judge.met.settled_us.push(took.as_micros() as u64);
        }
        _ => {
            let (place, what) = disagreement(world).unwrap_or((0, format!("only after {took:?}")));
            world.judge.fail(world.now, place, format!("L1: {what}"));
        }
    }
    let reigns = world.judge.met.reigns - reigns;
    if reigns > REIGNS_PER_FAULT * faults {
        world.judge.fail(world.now, 0, format!("L4: {reigns} reigns after {faults} faults"));
    }
}

/// Who does not know the one host, if anybody.
pub fn disagreement<G: Playable>(world: &World<G>) -> Option<(Place, String)> {
    let hosts = world.hosts();
    let [host] = hosts[..] else {
        return Some((0, format!("{} hosts: {hosts:?}", hosts.len())));
    };
    let term = world.node(host)?.cluster().election().reign();
    for place in (0..world.count()).filter(|place| *place != host) {
        let Some(node) = world.node(place) else {
            continue;
        };
        let followed = node.cluster().election().following();
        if followed != term {
            return Some((place, format!("n{place} follows {followed:?}, not {term:?}")));
        }
        let clock = node.replica().clock();
        if clock.map(|clock| clock.term) != term {
            return Some((place, format!("n{place} holds {clock:?}, not of {term:?}")));
        }
        let seated = world.node(host).is_some_and(|host| {
            let me = node.me();
            host.cluster().members().iter().any(|member| member.id == me && !member.away)
        });
        if !seated {
            return Some((place, format!("n{place} is not in the roster")));
        }
    }
    None
}
