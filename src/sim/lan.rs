//! A game of one's own in a virtual network that fails: scripts, in verbs, for tests.
//!
//! A [`Lan`] is some machines on one network, each with a real node, in virtual time: five seconds of four players take
//! some hundredths of a second, and the same seed gives the same run, event by event. Nothing is wanted of a game but
//! its rules, and a closure that says what a player holds down.
//!
//! ```
//! use std::time::Duration;
//!
//! use interregnum::{Command, Game, News, sim::Lan};
//!
//! # #[derive(Clone, Debug)]
//! enum Clicks {}
//!
//! impl Game for Clicks {
//!     const RULES: &'static str = "clicks 1";
//!     type World = u64; // how many clicks
//!     type Controls = ();
//!     type Order = (); // a click
//!     type Event = ();
//!     type Scores = ();
//!
//!     fn new_world(_seed: u64) -> u64 {
//!         0
//!     }
//!
//!     fn is_valid(_world: &u64) -> bool {
//!         true
//!     }
//!
//!     fn step(count: &mut u64, news: &[News<()>], _events: &mut Vec<()>) {
//!         let clicks = news.iter().filter(|news| matches!(news, News::Order(..)));
//!         *count = count.wrapping_add(clicks.count() as u64);
//!     }
//! }
//!
//! let mut lan = Lan::<Clicks>::new(7, 4);
//! lan.pilot(|_view| Some(Command::Order(()))); // everybody clicks, in each tick
//! lan.start_all();
//! lan.run(Duration::from_secs(5));
//!
//! let host = lan.kill_host().expect("they have found each other");
//! let survivor = (host + 1) % 4;
//! let counted = *lan.world(survivor).unwrap();
//! lan.run(Duration::from_secs(2));
//! assert!(*lan.world(survivor).unwrap() > counted, "the count goes on");
//!
//! lan.start(host);
//! let report = lan.finish()?; // one game again, one world, and nothing was broken
//! assert_eq!(report.reigns, 2);
//! # Ok::<(), interregnum::sim::Broken>(())
//! ```
//!
//! # What it finds
//! [`check`](super::check()) asks the rules one by one; this plays them. All [invariants](super::judge) of the simulator are
//! judged after every event, among them that two machines at one tick hold one world, and that nobody has a
//! reason to say that its host cheats: so rules that are impure are found here, too, if ever so seldom. A panic in
//! the rules ends the node that it happens in, as it would a real one, and is told. What a game promises itself is
//! for its author to say, with [`Lan::always`] or between two verbs.
//!
//! # What it does not find
//! All nodes are of one process and one build, and rules take no time in it. What differs from machine to machine,
//! or is too slow, shows on machines.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand_pcg::{Pcg64Mcg, rand_core::Rng as _};

use super::{
    chance::chance,
    faults::{self, disagreement},
    judge::Violation,
    network::{Place, Weather},
    swarm::Swarm,
    trace::Trace,
    world::{BEGINNING, World, names},
};
use crate::{
    game::{Game, draw},
    node::{Command, Event, View},
    types::{Instant, NodeId},
};

/// All that start together do so within this time, in microseconds.
const START_US: u64 = 60_000;

/// When everything is mended there is one game again within this time; real ones take a fifth of it.
const ONE_GAME: Duration = Duration::from_secs(5);

/// Then, with nobody pressing anything else, all hold the same tick within this time, and all ledgers are equal within
/// that one.
const ONE_WORLD: Duration = Duration::from_secs(1);
const ONE_LEDGER: Duration = Duration::from_secs(3);

/// So much of what was broken is told.
const TOLD_MAX: usize = 8;

/// Machines on one network, in virtual time. They go by their numbers, from 0; in words `n0`, which is also what the
/// player there is called. A number that no machine has is a mistake of the script, and panics.
pub struct Lan<G: Game> {
    seed: u64,
    players: usize,
    world: World<G>,
    crew: Arc<Mutex<Crew<G>>>,
    random: Pcg64Mcg,
    storms: u64,
}

/// What a player does, seeing this.
type Hand<G> = Box<dyn FnMut(&View<G>) -> Option<Command<G>> + Send>;

/// What must hold of the world that a machine holds.
type Rule<G> = Box<dyn FnMut(usize, &<G as Game>::World) -> Result<(), String> + Send>;

/// Those at the machines.
struct Crew<G: Game> {
    all: Option<Hand<G>>,
    own: BTreeMap<Place, Hand<G>>,
    rules: Vec<Rule<G>>,
    /// What each node has shown last.
    views: BTreeMap<Place, Arc<View<G>>>,
}

/// How it went, if all went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// So much virtual time has passed.
    pub took: Duration,
    /// So many reigns have begun, the first one included.
    pub reigns: u64,
    /// So many ticks were undone by a reign that began without them, at all machines together.
    pub rolled_back: u64,
    /// So many ticks were given up where two games became one.
    pub left_behind: u64,
    /// The faults of all [storms](Lan::storm), by what they are.
    pub faults: BTreeMap<&'static str, u64>,
    /// The longest time that anybody who runs at the end has waited for a tick in this life.
    pub longest_wait: Duration,
    /// The same if and only if the same things happened.
    pub fingerprint: u64,
}

/// What was broken, in words, and how to see it once more.
#[derive(Clone, PartialEq, Eq)]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// With how many players, and how many machines in all.
    pub machines: (usize, usize),
    /// What was broken: when, where, and how, the first one first.
    pub what: Vec<String>,
}

impl<G: Game> Lan<G> {
    /// So many machines of players, all off: 32 at the most play in one game. All chance comes from `seed`.
    pub fn new(seed: u64, players: usize) -> Self {
        let crew =
            Crew { all: None, own: BTreeMap::new(), rules: Vec::new(), views: BTreeMap::new() };
        let crew = Arc::new(Mutex::new(crew));
        let mut world = World::of_rules(seed, players);
        world.told = Some(BTreeMap::new());
        let hands = crew.clone();
        world.pilot = Some(Arc::new(move |place, view| lock(&hands).see(place, view)));
        let rules = crew.clone();
        world.auditor = Some(Arc::new(move |place, world| lock(&rules).judge(place, world)));
        Self { seed, players, world, crew, random: chance(seed, 5), storms: 0 }
    }

    /// So many machines besides, off, of people who only watch. Their numbers follow those of the others.
    pub fn watchers(&mut self, count: usize) {
        for _ in 0..count {
            let place = self.world.add(self.seed);
            self.world.watching.insert(place);
        }
    }

    /// Everybody does what this says, who has no [pilot of its own](Self::pilot_of): holds something down from there on
    /// ([`Command::Controls`]), or orders something ([`Command::Order`]). It is shown each new view of each node
    /// (`view.me` is who sees it), as a [real one](crate::Join::pilot) is.
    pub fn pilot(&mut self, hand: impl FnMut(&View<G>) -> Option<Command<G>> + Send + 'static) {
        lock(&self.crew).all = Some(Box::new(hand));
    }

    /// The same for one machine alone, in all its lives.
    pub fn pilot_of(
        &mut self,
        n: usize,
        hand: impl FnMut(&View<G>) -> Option<Command<G>> + Send + 'static,
    ) {
        lock(&self.crew).own.insert(n, Box::new(hand));
    }

    /// What must hold of each world that any machine comes to hold: it is asked with the machine's number after each
    /// tick there. What it says otherwise, [`finish`](Self::finish) tells.
    pub fn always(
        &mut self,
        rule: impl FnMut(usize, &G::World) -> Result<(), String> + Send + 'static,
    ) {
        lock(&self.crew).rules.push(Box::new(rule));
    }

    // Time.

    /// So much time passes.
    pub fn run(&mut self, span: Duration) {
        self.world.run(self.world.now + span);
    }

    /// Time passes, event by event, until something is so, or until so much has passed. Whether it is so.
    pub fn until(&mut self, most: Duration, mut so: impl FnMut(&Self) -> bool) -> bool {
        let end = self.world.now + most;
        while !so(self) {
            if !self.world.step(end) {
                self.world.now = self.world.now.max(end);
                return so(self);
            }
        }
        true
    }

    /// How much time has passed since the beginning.
    pub fn now(&self) -> Duration {
        since_start(self.world.now)
    }

    // What happens to machines.

    /// Starts all machines that are off, within a moment.
    pub fn start_all(&mut self) {
        let off: Vec<usize> = (0..self.count()).filter(|n| self.world.node(*n).is_none()).collect();
        let most = START_US / off.len().max(1) as u64;
        for n in off {
            let pause = Duration::from_micros(self.random.next_u64() % most);
            self.run(pause);
            self.world.start(n);
        }
    }

    /// Starts a machine that is off. Its disk has what was kept there in its lives before.
    pub fn start(&mut self, n: usize) {
        self.world.start(n);
    }

    /// Kills a machine's process, if it runs, and starts it again at once.
    pub fn restart(&mut self, n: usize) {
        self.kill(n);
        self.world.start(n);
    }

    /// Kills a machine's process.
    pub fn kill(&mut self, n: usize) {
        if self.is_on(n) {
            self.world.kill(n);
        }
    }

    /// Kills the host's process. Who that was; none if nobody [hosts](Self::host) just now.
    pub fn kill_host(&mut self) -> Option<usize> {
        let host = self.host()?;
        self.world.kill(host);
        Some(host)
    }

    /// A machine loses its power: unlike a killed process, nobody is told.
    pub fn unplug(&mut self, n: usize) {
        if self.is_on(n) {
            self.world.unplug(n);
        }
    }

    /// Leaves politely, and ends.
    pub fn leave(&mut self, n: usize) {
        if self.is_on(n) {
            self.world.resume(n, false);
            self.world.leave(n);
        }
    }

    /// Stops a machine's process. It goes on after so long, if it was not killed meanwhile; no time passes here.
    pub fn freeze(&mut self, n: usize, span: Duration) {
        self.world.pause_for(n, span);
    }

    /// What a person may want at a machine that is on: to say something, to have another name, to let somebody go.
    pub fn command(&mut self, n: usize, command: Command<G>) {
        self.world.command(n, command);
    }

    // What happens to the network.

    /// Nothing passes any more between these and all others. Among themselves they reach each other.
    pub fn cut(&mut self, some: &[usize]) {
        let others: Vec<usize> = (0..self.count()).filter(|n| !some.contains(n)).collect();
        self.world.cut_apart(some, &others);
    }

    /// Of 1,000 datagrams so many get lost from here on; what links carry is late instead.
    pub fn loss(&mut self, permille: u64) {
        let weather = self.world.network.weather.clone();
        self.world.set_weather(Weather { loss_permille: permille, ..weather });
    }

    /// Whatever is sent takes so long from here on, and up to a quarter longer.
    pub fn latency(&mut self, least: Duration) {
        let latency_us = least.as_micros() as u64;
        let weather = self.world.network.weather.clone();
        let jitter_us = latency_us / 4;
        self.world.set_weather(Weather { latency_us, jitter_us, ..weather });
    }

    /// The network is mended: no cuts, no loss, and as quick as at the beginning.
    pub fn heal(&mut self) {
        self.world.disturb("the network is mended");
        self.world.network.weather = Weather::calm();
        self.world.heal();
    }

    /// So many rounds of whatever may go wrong; the seed says what.
    ///
    /// In each, up to eight faults strike, of the kinds that the seed has drawn from among 39: processes are killed,
    /// stopped and started, machines lose their power, networks are cut, links lie, disks forget, members tell lies.
    /// Then everything is mended, most of the machines that are off are started, and there must be one game again
    /// within a second. A round takes some seconds. Nothing happens where there are fewer than two machines, or after
    /// something was broken.
    pub fn storm(&mut self, rounds: usize) {
        let broken = !self.world.judge.violations.is_empty();
        if self.count() < 2 || broken || !self.is_one_game() {
            return;
        }
        self.storms += 1;
        let swarm = Swarm::new(draw(self.seed, self.storms));
        self.world.tell(&swarm);
        faults::storm(&mut self.world, &swarm, rounds);
        self.world.set_quiet(None);
    }

    // What there is to see.

    /// How many machines there are.
    pub fn count(&self) -> usize {
        self.world.count()
    }

    /// Whether a machine is on, frozen or not.
    pub fn is_on(&self, n: usize) -> bool {
        self.world.node(n).is_some()
    }

    /// Who hosts, of those that are on and not frozen; of several the one whose reign is the newest.
    pub fn host(&self) -> Option<usize> {
        let reign = |n: &usize| self.world.node(*n)?.cluster().election().reign();
        self.world.hosts().into_iter().filter(|n| self.world.is_awake(*n)).max_by_key(reign)
    }

    /// Who plays at a machine.
    pub fn id(&self, n: usize) -> NodeId {
        self.world.id(n)
    }

    /// The newest world that a machine holds, as the host had it; none if it is off, or has none yet.
    pub fn world(&self, n: usize) -> Option<&G::World> {
        Some(&self.world.node(n)?.replica().state()?.world)
    }

    /// What a machine has shown last.
    pub fn view(&self, n: usize) -> Option<Arc<View<G>>> {
        lock(&self.crew).views.get(&n).cloned()
    }

    /// What all facts come to that a machine knows; none if it is off.
    pub fn scores(&self, n: usize) -> Option<&G::Scores> {
        Some(self.world.node(n)?.scores())
    }

    /// What a machine has told of the game, in all its lives, in order.
    pub fn events(&self, n: usize) -> impl Iterator<Item = &G::Event> {
        self.told(n).filter_map(|(_, event)| match event {
            Event::Game { event, .. } => Some(event),
            _ => None,
        })
    }

    /// All that a machine has told, in all its lives, in order, but for [ticks](Event::Tick); and [when](Self::now).
    pub fn told(&self, n: usize) -> impl Iterator<Item = (Duration, &Event<G>)> {
        let told = self.world.told.iter().flat_map(move |told| told.get(&n)).flatten();
        told.map(|(at, event)| (since_start(*at), event))
    }

    /// From here on [`trace`](Self::trace) has lines.
    pub fn start_trace(&mut self) {
        self.world.start_trace();
    }

    /// What has happened since [`start_trace`](Self::start_trace), in words: who was killed, who asks for the crown,
    /// what was sent and whether it got lost. The times are milliseconds since then.
    pub fn trace(&self) -> Vec<String> {
        self.world.trace.clone().map(Trace::into_lines).unwrap_or_default()
    }

    /// A number that is the same if and only if the same things happened.
    pub fn fingerprint(&self) -> u64 {
        self.world.fingerprint()
    }

    // What must hold.

    /// Mends everything, and lets whatever is frozen go on; what is off stays off. Then there must be one game again of
    /// all that are on, with one world and one ledger; and nothing may have been broken since the beginning. It may go
    /// on after that.
    ///
    /// # Errors
    /// [`Broken`], in words.
    pub fn finish(&mut self) -> Result<Report, Broken> {
        self.world.set_quiet(None);
        faults::mend(&mut self.world, false);
        if self.world.judge.violations.is_empty() && self.is_one_game() {
            self.world.hands_off = true;
            self.is_one_world();
            self.is_one_ledger();
            self.world.hands_off = false;
        }
        let (world, seed) = (&self.world, self.seed);
        if !world.judge.violations.is_empty() {
            let machines = (self.players, self.count());
            let told = world.judge.violations.iter().take(TOLD_MAX).map(words);
            return Err(Broken { seed, machines, what: told.collect() });
        }
        let awake = (0..self.count()).filter(|n| world.is_awake(*n));
        let met = &world.judge.met;
        Ok(Report {
            seed,
            took: self.now(),
            reigns: met.reigns,
            rolled_back: met.rolled_back,
            left_behind: met.left_behind,
            faults: met.faults.clone(),
            longest_wait: awake
                .map(|n| world.pauses.longest(world.now, n))
                .max()
                .unwrap_or_default(),
            fingerprint: world.fingerprint(),
        })
    }

    /// Whether there is one game soon.
    fn is_one_game(&mut self) -> bool {
        let flows = self.world.network.flows().since(self.world.now);
        let is_one = self.world.until(flows + ONE_GAME, |world| disagreement(world).is_none());
        if let Some((n, what)) = disagreement(&self.world).filter(|_| !is_one) {
            let what = format!("L1: there is no one game after {:?}: {what}", flows + ONE_GAME);
            self.fail(n, what);
        }
        is_one
    }

    fn is_one_world(&mut self) {
        let on: Vec<usize> = (0..self.count()).filter(|n| self.is_on(*n)).collect();
        let clock = |world: &World<G>, n: usize| world.node(n)?.replica().clock();
        let at_once = |world: &World<G>| {
            let first = clock(world, on[0]);
            first.is_some() && on.iter().all(|n| clock(world, *n) == first)
        };
        if !self.world.until(ONE_WORLD, at_once) {
            let clocks: Vec<_> = on.iter().map(|n| clock(&self.world, *n)).collect();
            return self.fail(0, format!("L1: {} never hold one tick: {clocks:?}", names(&on)));
        }
        let other = on.iter().find(|n| self.world(**n) != self.world(on[0])).copied();
        if let Some(other) = other {
            self.fail(other, format!("S6: it holds another world than n{} at one tick", on[0]));
        }
    }

    fn is_one_ledger(&mut self) {
        if self.world.until(ONE_LEDGER, World::ledgers_are_equal) {
            self.world.judge_agreement();
        } else {
            self.fail(0, format!("D2: the ledgers still differ after {ONE_LEDGER:?}"));
        }
        self.world.judge_kept();
    }

    fn fail(&mut self, n: usize, what: String) {
        self.world.judge.fail(self.world.now, n, what);
    }
}

impl<G: Game> fmt::Debug for Lan<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lan")
            .field("seed", &self.seed)
            .field("now", &self.now())
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

impl<G: Game> Crew<G> {
    fn see(&mut self, place: Place, view: Arc<View<G>>) -> Option<Command<G>> {
        let hand = self.own.get_mut(&place).or(self.all.as_mut());
        let wish = hand.and_then(|hand| hand(&view));
        self.views.insert(place, view);
        wish
    }

    fn judge(&mut self, place: Place, world: &G::World) -> Option<String> {
        self.rules.iter_mut().find_map(|rule| rule(place, world).err())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (players, all) = self.machines;
        writeln!(f, "seed {}:", self.seed)?;
        self.what.iter().try_for_each(|what| writeln!(f, "    {what}"))?;
        write!(f, "The same happens again after Lan::new({}, {players})", self.seed)?;
        if all > players {
            write!(f, " with watchers({})", all - players)?;
        }
        write!(
            f,
            " and the same calls; with start_trace() before them, trace() tells how it comes to it"
        )
    }
}

impl fmt::Debug for Broken {
    /// As it is told: a test that fails shows this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Broken {}

/// Something broken, with what it may come from.
fn words(violation: &Violation) -> String {
    let Violation { at, place, what } = violation;
    let hint = match what.split_once([':', ' ']).map(|(first, _)| first) {
        Some("panicked") => {
            ". A panic in the rules ends its node, and the next host steps the same world: `sim::check` may find it \
             with less"
        }
        Some("S6" | "S10") => {
            ". Machines disagree about the rules: `step` depends on something else than the world and the news; \
             `sim::check` may say on what"
        }
        Some("D6") => {
            ". The scores of a game must not depend on the order of facts; `sim::check` looks for that"
        }
        Some(code) if is_code(code) => {
            ". That is a promise of the library, not of the game: `sim::judge` lists them"
        }
        _ => "",
    };
    format!("{:?} n{place}: {what}{hint}", since_start(*at))
}

/// Whether this is the name of one of the judge's invariants.
fn is_code(word: &str) -> bool {
    let mut letters = word.trim_end_matches(',').chars();
    let first = letters.next().is_some_and(|first| "SLD".contains(first));
    first && letters.clone().count() > 0 && letters.all(|letter| letter.is_ascii_digit())
}

/// What virtual time there was, in words of durations.
fn since_start(at: Instant) -> Duration {
    at.since(BEGINNING)
}

fn lock<G: Game>(crew: &Mutex<Crew<G>>) -> MutexGuard<'_, Crew<G>> {
    crew.lock().unwrap_or_else(PoisonError::into_inner)
}
