//! D1 and D2 on a small model: nodes with disks that fail and links that break.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::LazyLock,
    time::Duration,
};

use interregnum::{
    ledger::{
        Ledger,
        batch::Carried,
        body::Body,
        disk::{Stored, Trouble},
        entry::{EntryId, Hash, Kind, WallTime},
        exchange::{LedgerMessage, Sender},
        keeper::{Folding, Keeper, Out},
        stream::Stream,
        vouching::Pen,
        witness::Safety,
    },
    sim::disk::Disk,
    text::SessionName,
    types::{Epoch, Incarnation, Instant, NodeId},
};
use proptest::{collection::vec, prelude::*};

use crate::histories::{fact_body, fact_rules, gathered, key, seen, session};

const NODES: usize = 4;
const TICK_US: u64 = 16_666;

#[derive(Clone, Debug)]
enum Step {
    Say {
        at: usize,
    },
    /// So many facts of few keys, if it is host.
    Gather {
        at: usize,
        facts: u64,
    },
    Delete {
        at: usize,
    },
    Reign {
        at: usize,
    },
    Ticks {
        count: u64,
    },
    /// One message arrives.
    Carry {
        from: usize,
        to: usize,
    },
    CarryAll,
    Work {
        at: usize,
    },
    Link {
        a: usize,
        b: usize,
    },
    Cut {
        a: usize,
        b: usize,
    },
    Crash {
        at: usize,
    },
    Start {
        at: usize,
    },
    Fill {
        at: usize,
    },
    FailSync {
        at: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..NODES;
    prop_oneof![
        5 => at().prop_map(|at| Step::Say { at }),
        3 => (at(), 1..24_u64).prop_map(|(at, facts)| Step::Gather { at, facts }),
        1 => at().prop_map(|at| Step::Delete { at }),
        1 => at().prop_map(|at| Step::Reign { at }),
        4 => (1..40_u64).prop_map(|count| Step::Ticks { count }),
        5 => (at(), at()).prop_map(|(from, to)| Step::Carry { from, to }),
        3 => Just(Step::CarryAll),
        5 => at().prop_map(|at| Step::Work { at }),
        3 => (at(), at()).prop_map(|(a, b)| Step::Link { a, b }),
        1 => (at(), at()).prop_map(|(a, b)| Step::Cut { a, b }),
        1 => at().prop_map(|at| Step::Crash { at }),
        2 => at().prop_map(|at| Step::Start { at }),
        1 => at().prop_map(|at| Step::Fill { at }),
        1 => at().prop_map(|at| Step::FailSync { at }),
    ]
}

/// Machines, their disks, and what is under way between them.
struct World {
    now: Instant,
    machines: Vec<Machine>,
    wires: BTreeMap<(usize, usize), VecDeque<LedgerMessage>>,
    epoch: u64,
    lives: u64,
    /// What was acknowledged, and where it was on disk then.
    acknowledged: BTreeMap<(EntryId, Hash), Safety>,
}

struct Machine {
    keeper: Option<Keeper>,
    /// What its disk holds, which it has not been told yet.
    reads: Option<Stored>,
    disk: Disk,
    life: Incarnation,
}

impl World {
    fn new(seed: u64) -> Self {
        let machine = |n| Machine {
            keeper: None,
            reads: None,
            disk: Disk::new(seed << 8 | n as u64),
            life: Incarnation(0),
        };
        let mut world = Self {
            now: Instant(1_000_000),
            machines: (0..NODES).map(machine).collect(),
            wires: BTreeMap::new(),
            epoch: 0,
            lives: 0,
            acknowledged: BTreeMap::new(),
        };
        for at in 0..NODES {
            world.start(at);
            world.work(at);
        }
        world
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Say { at } => {
                let body = Body::Other(Kind(128), format!("at {:?}", self.now).into_bytes());
                self.act(at, |keeper, now| {
                    keeper.write(now, body).unwrap();
                });
            }
            Step::Gather { at, facts } => self.act(at, |keeper, now| {
                let writes = keeper.ledger().is_reigning();
                for number in (0..facts).filter(|_| writes) {
                    let fact = gathered((now.0 / TICK_US + number) % 200, 0);
                    keeper.write(now, fact_body(&fact)).unwrap();
                }
            }),
            Step::Delete { at } => self.act(at, |keeper, now| {
                let me = keeper.ledger().me();
                let own = keeper
                    .ledger()
                    .entries()
                    .find(|entry| entry.id().writer == me && entry.head().kind == Kind(128));
                if let Some(target) = own.map(|entry| entry.id()) {
                    keeper.write(now, Body::Deleted(target)).unwrap();
                }
            }),
            Step::Reign { at } => {
                self.epoch += 1;
                let epoch = Epoch(self.epoch);
                for node in 0..NODES {
                    self.act(node, |keeper, _| match node == at {
                        true => keeper.reigns(epoch),
                        false => keeper.follows(),
                    });
                }
            }
            Step::Ticks { count } => (0..count).for_each(|_| self.tick()),
            Step::Carry { from, to } => self.carry(from, to),
            Step::CarryAll => self.carry_all(),
            Step::Work { at } => self.work(at),
            Step::Link { a, b } => self.link(a, b),
            Step::Cut { a, b } => self.cut(a, b),
            Step::Crash { at } => self.crash(at),
            Step::Start { at } => self.start(at),
            Step::Fill { at } => self.machines[at].disk.capacity = 0,
            Step::FailSync { at } => self.machines[at].disk.fail_next_sync = true,
        }
        self.look();
    }

    fn start(&mut self, at: usize) {
        if self.machines[at].keeper.is_some() {
            return;
        }
        self.lives += 1;
        let (now, life) = (self.now, Incarnation(self.lives));
        let machine = &mut self.machines[at];
        machine.life = life;
        machine.disk.capacity = usize::MAX;
        machine.disk.fail_next_sync = false;
        let read = machine.disk.read();
        let pen = Pen::new(key(at as u8 + 1), life);
        let kept = Stored {
            works: true,
            ledgers: [(session(), read.entries)].into(),
            pages: [(session(), read.pages)].into(),
            sessions: vec![(session(), SessionName::default())],
            ..Stored::default()
        };
        let folding = Folding {
            entries: 16,
            spared: 4,
            rest: Duration::from_millis(300),
            least: 4,
            pause: Duration::from_millis(40),
        };
        let mut keeper =
            Keeper::new(now, WallTime(0), pen, false, None).folds(fact_rules(), folding);
        keeper.open(now, session());
        keeper.set_own_addresses([ip(at)]);
        machine.keeper = Some(keeper);
        machine.reads = Some(kept);
    }

    /// The process and the machine stop, whatever they were doing.
    fn crash(&mut self, at: usize) {
        for other in 0..NODES {
            self.cut(at, other);
        }
        self.machines[at].keeper = None;
        self.machines[at].reads = None;
        self.machines[at].disk.crash();
    }

    fn link(&mut self, a: usize, b: usize) {
        let up = |at: usize| self.machines[at].keeper.is_some();
        if a == b || !up(a) || !up(b) || self.wires.contains_key(&(a, b)) {
            return;
        }
        for (from, to) in [(a, b), (b, a)] {
            self.wires.insert((from, to), VecDeque::new());
        }
        self.act(a, |keeper, now| keeper.link_is_up(now, node(b), false));
        self.act(b, |keeper, now| keeper.link_is_up(now, node(a), false));
    }

    fn cut(&mut self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            if self.wires.remove(&(from, to)).is_some() {
                self.act(from, |keeper, _| keeper.part(node(to)));
            }
        }
    }

    fn carry(&mut self, from: usize, to: usize) {
        let Some(message) = self.wires.get_mut(&(from, to)).and_then(VecDeque::pop_front) else {
            return;
        };
        let sender =
            Sender { node: node(from), incarnation: self.machines[from].life, ip: ip(from) };
        self.act(to, |keeper, now| keeper.hear(now, sender, &message).unwrap());
    }

    fn carry_all(&mut self) {
        while let Some((from, to)) =
            self.wires.iter().find(|(_, wire)| !wire.is_empty()).map(|(ends, _)| *ends)
        {
            self.carry(from, to);
        }
    }

    /// The disk gets on with what it does: first it is read.
    fn work(&mut self, at: usize) {
        if let Some(mut read) = self.machines[at].reads.take() {
            if (self.now.0 / TICK_US).is_multiple_of(2) {
                read.prepare(&SessionName::default(), fact_rules());
            }
            return self.act(at, |keeper, now| keeper.read(now, read));
        }
        if let Some(report) = self.machines[at].disk.work() {
            self.act(at, |keeper, _| keeper.report(&report));
        }
    }

    /// What a host writes is carried by its ticks. They may get lost.
    fn tick(&mut self) {
        self.now = Instant(self.now.0 + TICK_US);
        for at in 0..NODES {
            self.act(at, Keeper::tick);
            let Some(keeper) = self.machines[at].keeper.as_mut() else { continue };
            let riding = keeper.take_riding();
            let lost = self.now.0.is_multiple_of(3) || riding.is_empty();
            let writer = keeper.ledger().me();
            let written = keeper.ledger().stream(writer).map_or(0, Stream::through);
            let carried = Carried::encode(session(), written, &riding);
            for to in 0..NODES {
                if lost || !self.wires.contains_key(&(at, to)) {
                    continue;
                }
                self.act(to, |keeper, now| {
                    keeper.take(now, writer, Carried::decode(&carried).unwrap());
                });
            }
        }
    }

    /// Lets a node do something, and carries out what comes of it.
    fn act(&mut self, at: usize, act: impl FnOnce(&mut Keeper, Instant)) {
        let Machine { keeper: Some(keeper), disk, .. } = &mut self.machines[at] else { return };
        act(keeper, self.now);
        while let Some(out) = keeper.poll() {
            match out {
                Out::Send { to, message } => {
                    if let Some(wire) = self.wires.get_mut(&(at, place(to))) {
                        wire.push_back(message);
                    }
                }
                Out::Persist { batch, records } => disk.persist(batch, &records),
                Out::DiskFailed(why) => assert_ne!(why, Trouble::None),
                Out::Equivocation(id) => panic!("nobody lies here: {id:?}"),
                Out::Opened
                | Out::Remember(..)
                | Out::Counts(_)
                | Out::CountsNoMore(_)
                | Out::PageCounts(_)
                | Out::Said(_)
                | Out::Safe(..) => {}
                Out::Redated | Out::Filling(_) => panic!("all clocks agree, and there is room"),
            }
        }
    }

    /// What is acknowledged must be on the disks that are said to have it.
    fn look(&mut self) {
        let disks: Vec<BTreeMap<(EntryId, Hash), ()>> =
            self.machines.iter().map(|machine| durable(&machine.disk)).collect();
        for (at, machine) in self.machines.iter().enumerate() {
            let Some(keeper) = &machine.keeper else { continue };
            for entry in keeper.ledger().entries() {
                let name = (entry.id(), entry.hash());
                let holders = disks.iter().filter(|disk| disk.contains_key(&name)).count();
                let safety = keeper.safety(entry.id());
                match safety {
                    Safety::None => continue,
                    Safety::Mine => assert!(disks[at].contains_key(&name), "{name:?} at {at}"),
                    Safety::Shared => assert!(holders >= 2, "{name:?}: {holders} holders"),
                }
                let known = self.acknowledged.entry(name).or_insert(safety);
                *known = safety.max(*known);
            }
        }
    }

    /// Everybody is well, and two seconds pass.
    fn settle(&mut self) {
        for at in 0..NODES {
            self.start(at);
        }
        for (a, b) in [(0, 1), (1, 2), (2, 3), (0, 2)] {
            self.link(a, b);
        }
        self.take(&Step::Reign { at: 1 });
        for _ in 0..120 {
            self.tick();
            self.carry_all();
            (0..NODES).for_each(|at| self.work(at));
        }
    }

    fn ledgers(&self) -> Vec<&Ledger> {
        self.machines.iter().filter_map(|m| m.keeper.as_ref()).map(Keeper::ledger).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// D1, D2 and scenario 8. At any time what is acknowledged is on the disks that it says; and
    /// when all of them have crashed at once and come back, it is there.
    #[test]
    fn what_was_acknowledged_is_there_and_all_ledgers_become_equal(
        seed in any::<u64>(),
        steps in vec(step(), 0..150),
    ) {
        let mut world = World::new(seed);
        steps.iter().for_each(|step| world.take(step));
        (0..NODES).for_each(|at| world.crash(at));
        world.settle();
        let ledgers = world.ledgers();
        let first = seen(ledgers[0]);
        for ledger in &ledgers[1..] {
            prop_assert_eq!(&seen(ledger), &first);
        }
        for (id, hash) in world.acknowledged.keys() {
            prop_assert!(ledgers[0].at(*id).any(|entry| entry.hash() == *hash), "{:?}", id);
        }
    }

    /// Scenarios 9, 41 and 42: disks come back empty, torn, or with a flipped bit. What another
    /// one holds is not lost.
    #[test]
    fn nothing_is_lost_that_another_disk_holds(
        seed in any::<u64>(),
        steps in vec(step(), 0..100),
        damage in vec((0..NODES, any::<bool>()), 1..3),
    ) {
        let mut world = World::new(seed);
        steps.iter().for_each(|step| world.take(step));
        (0..NODES).for_each(|at| world.crash(at));
        for (at, wiped) in damage {
            match wiped {
                true => world.machines[at].disk.wipe(),
                false => world.machines[at].disk.flip(),
            }
        }
        // What is behind a hole that nobody can fill is kept, but cannot be passed on.
        let mut held = BTreeMap::new();
        for machine in &world.machines {
            let mut ledger = Ledger::to_read(session(), fact_rules());
            let read = machine.disk.peek();
            ledger.restore_all(read.entries, &read.pages);
            for entry in ledger.entries() {
                held.insert((entry.id(), entry.hash()), ());
            }
        }
        world.settle();
        let ledgers = world.ledgers();
        for ledger in &ledgers {
            prop_assert_eq!(seen(ledger), seen(ledgers[0]));
            for (id, hash) in held.keys() {
                prop_assert!(ledger.at(*id).any(|entry| entry.hash() == *hash), "{:?}", id);
            }
        }
    }
}

/// D1: a host that has just written, and whose tick has carried it to somebody, does not say that it is on
/// its own disk before it is.
#[test]
fn what_was_written_a_moment_ago_is_not_said_to_be_on_the_own_disk() {
    let mut world = World::new(0);
    for step in [
        Step::Link { a: 0, b: 3 },
        Step::Say { at: 3 },
        Step::CarryAll,
        Step::Reign { at: 3 },
        Step::Work { at: 3 },
        Step::Say { at: 3 },
        Step::Ticks { count: 1 },
        Step::CarryAll,
        Step::Work { at: 0 },
        Step::Work { at: 0 },
    ] {
        world.take(&step);
    }
    let keeper = world.machines[0].keeper.as_ref().unwrap();
    let newest = keeper.ledger().entries().last().unwrap().id();
    assert_eq!(keeper.safety(newest), Safety::Mine, "it is on one disk");
}

/// Scenario 43 and 44: whoever has no disk any more says so and goes on; what it writes is safe
/// when it is on the disks of two others.
#[test]
fn a_node_whose_disk_is_full_goes_on_and_its_words_are_kept_by_others() {
    let mut world = World::new(1);
    for (a, b) in [(0, 1), (0, 2), (0, 3)] {
        world.link(a, b);
    }
    world.take(&Step::Fill { at: 0 });
    world.take(&Step::Say { at: 0 });
    let keeper = world.machines[0].keeper.as_ref().unwrap();
    let id = keeper.ledger().entries().next().unwrap().id();
    world.work(0);
    world.carry_all();
    let keeper = world.machines[0].keeper.as_ref().unwrap();
    assert_eq!(keeper.trouble(), Some(&Trouble::Full));
    assert_eq!(keeper.safety(id), Safety::None);
    for _ in 0..10 {
        (1..NODES).for_each(|at| world.work(at));
        world.tick();
        world.carry_all();
    }
    let keeper = world.machines[0].keeper.as_ref().unwrap();
    assert_eq!(keeper.safety(id), Safety::Shared);
}

/// Scenario 47.
#[test]
fn ten_thousand_entries_of_difference_are_merged_within_five_seconds() {
    let mut world = World::new(1);
    for n in 0..10_000 {
        let at = n % 2;
        world.act(at, |keeper, now| {
            let body = Body::Other(Kind(128), b"a line as people write them".to_vec());
            keeper.write(now, body).unwrap();
        });
    }
    world.link(0, 1);
    let began = world.now;
    let mut longest = 0;
    while world.machines[0].keeper.as_ref().unwrap().ledger().digest()
        != world.machines[1].keeper.as_ref().unwrap().ledger().digest()
    {
        world.tick();
        let bytes = |wire: &VecDeque<LedgerMessage>| -> usize {
            wire.iter().map(|message| serde_json::to_string(message).unwrap().len()).sum()
        };
        longest = longest.max(world.wires.values().map(bytes).max().unwrap());
        world.carry_all();
        assert!(world.now.since(began).as_secs() < 5);
    }
    // And what either began with: its key.
    assert_eq!(world.ledgers()[0].len(), 10_002);
    // No more than a few portions in any tick, in their longest form.
    assert!(longest < 150_000, "{longest} bytes in a tick");
}

fn durable(disk: &Disk) -> BTreeMap<(EntryId, Hash), ()> {
    let read = disk.peek();
    let folded = read.pages.iter().flat_map(|page| page.entries());
    let folded: Vec<_> = folded.map(|entry| ((entry.id(), entry.hash()), ())).collect();
    let loose = read.entries.into_iter().map(|entry| ((entry.id(), entry.hash()), ()));
    loose.chain(folded).collect()
}

fn node(at: usize) -> NodeId {
    static NODES_BY_PLACE: LazyLock<[NodeId; NODES]> =
        LazyLock::new(|| std::array::from_fn(|at| key(at as u8 + 1).public().id()));
    NODES_BY_PLACE[at]
}

fn place(id: NodeId) -> usize {
    (0..NODES).find(|at| node(*at) == id).unwrap()
}

fn ip(at: usize) -> std::net::IpAddr {
    [10, 0, 0, at as u8 + 1].into()
}

/// What was written meanwhile goes to the disk with the rest, and is said to be there when it is.
#[test]
fn what_is_written_while_the_disk_is_read_is_not_said_to_be_on_it() {
    let mut world = World::new(0);
    for step in [
        Step::Say { at: 0 },
        Step::Work { at: 0 },
        Step::Crash { at: 0 },
        Step::Start { at: 0 },
        Step::Link { a: 2, b: 0 },
        Step::Say { at: 0 },
        Step::Say { at: 0 },
        // It is read.
        Step::Work { at: 0 },
        Step::CarryAll,
        Step::Work { at: 2 },
    ] {
        world.take(&step);
    }
    let held = |world: &World| world.machines[0].keeper.as_ref().unwrap().ledger().len();
    assert!(held(&world) >= 3, "what was there, and what was written");
    world.settle();
    let keeper = world.machines[0].keeper.as_ref().unwrap();
    assert_eq!(keeper.safety_of_all(), Safety::Shared, "also what was on its disk before");
    let lens: Vec<usize> = world.ledgers().iter().map(|ledger| ledger.len()).collect();
    assert!(lens.iter().all(|len| *len == held(&world)), "{lens:?}");
}
