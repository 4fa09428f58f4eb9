//! What goes wrong, drawn from the seed.
//!
//! A run is a number of rounds. In each, a few faults strike at random times, of the kinds that the
//! seed has drawn ([`Swarm`]); then everything is mended, and the judge looks whether one second
//! later there is exactly one host, known to all. Whenever a host is lost with nothing else going
//! on, there must be another one in time.

mod strike;

use std::time::Duration;

use self::strike::Strike;
use super::{
    network::{Place, Weather},
    swarm::{Fault, Swarm},
    world::{Loss, World},
};
use crate::{
    config::WAITS_WITHOUT_HOST,
    game::{Game, Rate, Span},
    node::Node,
    types::{Instant, Role},
};

/// How long after the last fault one host must be known to all. Longer where ticks are.
const SETTLE: Span = Span::ms(1_000, 4);

/// The same if nobody who runs has ever had one: whoever has just come in waits for a host that was
/// announced, though it may be gone by then. And where somebody only watches: a host dials no spectator, so who
/// watches finds one of another address by its next beacon.
const SETTLE_NEWCOMERS: Span = Span::ms(1_500, 4);

/// The same where somebody waits for a seat: it watches, and may have to be told by a host that it does before it finds
/// another one.
const SETTLE_WAITING: Span = Span::ms(2_500, 4);

/// How much longer it takes where all who run wait: one after the other, so much later each, they look for a game
/// themselves.
const EACH_OF_THE_LEFT: Duration = Duration::from_secs(1);

/// Who has so little time for it believes that one host stays one, once it has been so for so long.
const HOLDS: Duration = Duration::from_millis(40);

/// The same after peace: what breaks later is met by what comes next.
const HOLDS_IN_PEACE: Duration = Duration::from_millis(10);

/// How long after that, with nobody doing anything, all ledgers must be equal (D2).
const LEDGERS_EQUAL: Duration = Duration::from_secs(2);

/// The most reigns that one fault may cost, and a machine that it may have left alone (L4).
const REIGNS_PER_FAULT: u64 = 4;
const REIGNS_PER_MACHINE: u64 = 1;

/// Runs `rounds` rounds of the faults of `swarm` over `world`.
pub fn rounds<G: Game>(world: &mut World<G>, swarm: &Swarm, rounds: usize) {
    found(world, swarm, Duration::from_micros(swarm.quiet_us), None);
    if storm(world, swarm, rounds) {
        world.judge_disks();
    }
}

/// The same over a game that is played already, of two machines at least. Whether all went well.
pub fn storm<G: Game>(world: &mut World<G>, swarm: &Swarm, rounds: usize) -> bool {
    (0..rounds).all(|_| {
        round(world, swarm);
        world.judge.violations.is_empty()
    })
}

/// All machines come on, and found a game, in no more time than that takes.
pub fn found_soon<G: Game>(world: &mut World<G>, swarm: &Swarm) {
    found(world, swarm, Duration::ZERO, Some(HOLDS));
}

fn found<G: Game>(world: &mut World<G>, swarm: &Swarm, quiet: Duration, holds: Option<Duration>) {
    world.network.broadcasts = swarm.broadcasts;
    world.gathers = swarm.gathers;
    let apart_us = if holds.is_some() { 10_000 } else { 100_000 };
    for place in 0..world.count() {
        world.start(place);
        let pause = if swarm.together { 0 } else { world.draw() % apart_us };
        world.run(world.now + Duration::from_micros(pause));
    }
    let founded = world.judge.met.reigns;
    settle(world, quiet, holds);
    cost(world, founded, 1);
}

/// Everything is mended, and it is one game again. `faults` have cost what the reigns are more than `before`.
pub fn make_peace<G: Game>(world: &mut World<G>, before: u64, faults: u64) {
    mend(world, true);
    settle(world, Duration::ZERO, Some(HOLDS_IN_PEACE));
    cost(world, before, faults + 1);
}

/// One round: faults, then peace, then perhaps a crash out of the blue.
fn round<G: Game>(world: &mut World<G>, swarm: &Swarm) {
    let reigns = world.judge.met.reigns;
    world.set_quiet(None);
    world.network.weather = swarm.base.clone();
    let mut faults = 0;
    for _ in 0..1 + world.draw() % swarm.faults_max {
        let burst = world.draw() % 1_000 < swarm.burst_permille;
        let pause = world.draw() % if burst { 20_000 } else { swarm.pause_us };
        world.run(world.now + Duration::from_micros(pause));
        let kind = swarm.kinds[world.draw() as usize % swarm.kinds.len()];
        faults += u64::from(strike(world, kind, &swarm.base));
    }
    let pause = world.draw() % swarm.pause_us;
    world.run(world.now + Duration::from_micros(pause));
    mend(world, true);
    settle(world, Duration::from_micros(swarm.quiet_us), None);
    if world.draw().is_multiple_of(2) {
        faults += u64::from(lose_the_host(world));
    }
    cost(world, reigns, faults + 1);
}

/// The host is lost out of the blue, and whoever is left has the time to get another one (L3).
fn lose_the_host<G: Game>(world: &mut World<G>) -> bool {
    use Fault::*;
    const KINDS: [Fault; 8] =
        [KillHost, KillHost, KillHost, UnplugHost, UnplugHost, IsolateHost, MuteHost, DeafHost];
    world.set_quiet(None);
    let kind = KINDS[world.draw() as usize % KINDS.len()];
    let struck = strike(world, kind, &Weather::calm());
    if struck {
        let rest = world.draw() % 200_000;
        world.run(world.now + world.awaited() + Duration::from_micros(rest));
        mend(world, true);
    }
    struck
}

/// L4: judges how many reigns the faults have cost.
fn cost<G: Game>(world: &mut World<G>, before: u64, faults: u64) {
    let reigns = world.judge.met.reigns - before;
    if reigns > REIGNS_PER_FAULT * faults + REIGNS_PER_MACHINE * world.count() as u64 {
        world.judge.fail(world.now, 0, format!("L4: {reigns} reigns after {faults} faults"));
    }
}

/// Lets one fault happen, if it can. Whether it did.
pub fn strike<G: Game>(world: &mut World<G>, fault: Fault, base: &Weather) -> bool {
    let count = world.count();
    let place = world.draw() as usize % count;
    let host = world.hosts().first().copied();
    let Some(target) = (if fault.strikes_the_host() { host } else { Some(place) }) else {
        return false;
    };
    let loss = fault.loss().filter(|_| world.hosts() == [target] && is_content(world));
    let Some(name) = Strike::new(world, fault, target, base).act(world) else { return false };
    if !matches!(name, "kill" | "unplug" | "leave" | "start" | "crowd") {
        world.disturbed = world.now;
    }
    world.expect_nothing();
    if let Some(loss) = loss {
        world.expect_successor(target, loss);
    }
    world.note(target, format_args!("is struck: {fault:?}"));
    *world.judge.met.faults.entry(name).or_default() += 1;
    true
}

impl Fault {
    /// Whether it strikes the host, whoever that is.
    pub fn strikes_the_host(self) -> bool {
        use Fault::*;
        matches!(
            self,
            KillHost
                | UnplugHost
                | LeaveHost
                | PauseHost
                | IsolateHost
                | FlapHost
                | DeafHost
                | MuteHost
                | DelayHost
                | StarveHost
        )
    }

    /// Whether the host is lost by it, so that there must be another one.
    pub fn loses_the_host(self) -> bool {
        self.strikes_the_host() && self.loss().is_some()
    }

    /// What it means for the others, should it strike the host.
    fn loss(self) -> Option<Loss> {
        match self {
            Fault::Kill | Fault::KillHost => Some(Loss::Killed),
            Fault::Unplug | Fault::UnplugHost | Fault::Pause | Fault::PauseHost => {
                Some(Loss::Silent)
            }
            Fault::Isolate | Fault::IsolateHost | Fault::Mute | Fault::MuteHost => {
                Some(Loss::Silent)
            }
            Fault::Deaf | Fault::DeafHost => Some(Loss::Deaf),
            _ => None,
        }
    }
}

/// Whether nothing is going on, and nothing was lately: one host, known to all, on a quiet wire.
fn is_content<G: Game>(world: &World<G>) -> bool {
    !world.is_disturbed() && world.is_rested() && disagreement(world).is_none()
}

/// Mends everything: network, weather, pauses. If `starts`, machines that are off come on, most of them, and one
/// that plays at least.
pub fn mend<G: Game>(world: &mut World<G>, starts: bool) {
    if world.is_disturbed() {
        world.disturbed = world.now;
    }
    world.expect_nothing();
    world.network.weather = Weather::calm();
    world.heal();
    world.quicken();
    world.set_right();
    for place in 0..world.count() {
        world.disk(place).make_room();
        let timer_first = world.draw().is_multiple_of(2);
        world.resume(place, timer_first);
        if starts && world.node(place).is_none() && !world.draw().is_multiple_of(4) {
            world.start(place);
        }
    }
    let plays = |place| world.node(place).is_some() && !world.watching.contains(&place);
    if starts && !(0..world.count()).any(plays) {
        world.start(0);
    }
    world.tell("everything is mended");
}

/// Waits until one host is known to all, and judges how long it took (L1). What is allowed is waited for in
/// any case, and `quiet` on top of it; or until it has been so for as long as `holds` says.
fn settle<G: Game>(world: &mut World<G>, quiet: Duration, holds: Option<Duration>) {
    let start = world.now;
    let players = (0..world.count()).filter(|place| !world.watching.contains(place));
    let newcomers = players
        .filter_map(|place| world.node(place))
        .all(|node| node.cluster().election().promised().is_none());
    let running = (0..world.count()).filter_map(|place| world.node(place));
    let waits = |node: &&Node<G>| node.cluster().me().role == Role::Waiting;
    let (waiting, running) = (running.clone().filter(waits).count(), running.count());
    let slow = newcomers || !world.watching.is_empty();
    let usual = match (waiting > 0, slow) {
        (true, _) => SETTLE_WAITING,
        (false, true) => SETTLE_NEWCOMERS,
        (false, false) => SETTLE,
    };
    let left_alone = match waiting == running && waiting > 0 {
        true => WAITS_WITHOUT_HOST + EACH_OF_THE_LEFT * waiting as u32,
        false => Duration::ZERO,
    };
    let allowed = Rate::of::<G>().span(usual) + left_alone;
    world.set_quiet(Some(start));
    let mut settled = None;
    let step = Duration::from_millis(10);
    let end = start + allowed + quiet;
    let holds = |settled: Option<Instant>, now: Instant| {
        holds.zip(settled).is_some_and(|(holds, at)| now.since(at) >= holds)
    };
    while world.now < end && !holds(settled, world.now) {
        world.run(world.now + step);
        match (disagreement(world), settled) {
            (None, None) => settled = Some(world.now),
            (Some(_), Some(_)) => settled = None,
            _ => {}
        }
    }
    let took = settled.map(|at: Instant| at.since(start));
    match took {
        Some(took) if took <= allowed => {
            world.judge.met.settled_us.push(took.as_micros() as u64);
        }
        _ => {
            let (place, what) = disagreement(world).unwrap_or((0, format!("only after {took:?}")));
            world.judge.fail(world.now, place, format!("L1: {what}"));
        }
    }
    agree(world);
}

/// Waits until all ledgers are equal, and judges them (D2, D4, D5, D6). What a storm held back comes
/// first: TCP may need seconds for that.
fn agree<G: Game>(world: &mut World<G>) {
    let start = world.now.max(world.network.flows());
    world.hands_off = true;
    while !world.ledgers_are_equal() && world.now < start + LEDGERS_EQUAL {
        world.run(world.now + Duration::from_millis(10));
    }
    world.judge.met.equal_us.push(world.now.since(start).as_micros() as u64);
    world.judge_agreement();
    world.hands_off = false;
}

/// Who does not know the one host, if anybody.
pub fn disagreement<G: Game>(world: &World<G>) -> Option<(Place, String)> {
    disagreement_among(world, &(0..world.count()).collect::<Vec<_>>())
}

/// The same among some, whoever else there is.
pub fn disagreement_among<G: Game>(world: &World<G>, places: &[Place]) -> Option<(Place, String)> {
    let mut hosts = world.hosts();
    hosts.retain(|host| places.contains(host));
    let [host] = hosts[..] else {
        return Some((0, format!("{} hosts: {hosts:?}", hosts.len())));
    };
    let term = world.node(host)?.cluster().election().reign();
    for place in places.iter().copied().filter(|place| *place != host) {
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
        let members = world.node(host).map_or(&[][..], |host| host.cluster().members());
        let seated = members.iter().any(|member| member.id == node.me() && !member.away);
        let role = node.cluster().me().role;
        if !seated && role.plays() {
            return Some((place, format!("n{place} is not in the roster")));
        }
        if role == Role::Waiting && members.len() < world.tuning.players_max {
            return Some((place, format!("n{place} waits, and there is a seat")));
        }
    }
    None
}
