//! What scripts are written in: verbs for what happens, and for what must hold.

use std::{collections::BTreeSet, fmt::Display, time::Duration};

use rand_pcg::{Pcg64Mcg, rand_core::Rng};

use super::Told;
use crate::{
    config::Tuning,
    ledger::{Ledger, witness::Safety},
    sim::{
        chance::chance,
        faults::disagreement,
        network::{Place, Weather},
        tally::Tally,
        trace::Trace,
        world::{World, names},
    },
    types::{Instant, SessionId},
};

/// Within this time those who start together must have found each other.
const GATHERED_MS: u64 = 1_500;

/// How long everybody plays in peace before a story begins: nobody is remembered any more who was
/// not there, and no link is new.
const PEACE_MS: u64 = 2_500;

/// A world, and what was so when the story began.
pub struct Scene {
    /// The machines.
    pub world: World<Tally>,
    random: Pcg64Mcg,
    traced: bool,
    began: Count,
    pause: Duration,
    settled: Duration,
}

/// What had been counted at some time.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    asks: u64,
    reigns: u64,
    rolled_back: u64,
    left_behind: u64,
    rebases: u64,
}

/// A tick that is not late comes within this time after the one before, in milliseconds.
const UNDISTURBED_MS: u64 = 25;

/// So many milliseconds.
pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Scene {
    /// `nodes` machines, all off.
    pub fn new(seed: u64, nodes: usize, tuning: Tuning, traced: bool) -> Self {
        let mut world = World::new(seed, nodes);
        world.tuning = tuning;
        Self {
            world,
            random: chance(seed, 4),
            traced,
            began: Count::default(),
            pause: Duration::ZERO,
            settled: Duration::ZERO,
        }
    }

    /// How it went.
    pub(super) fn end(mut self) -> Told {
        for place in 0..self.world.count() {
            self.note_pause(place);
        }
        self.world.judge_disks();
        let Count { asks, reigns, rolled_back, .. } = self.since();
        let fingerprint = self.world.fingerprint();
        Told {
            violations: self.world.judge.violations,
            trace: self.world.trace.map(Trace::into_lines).unwrap_or_default(),
            pause: self.pause,
            settled: self.settled,
            asks,
            reigns,
            rolled_back,
            fingerprint,
        }
    }

    // Before it begins.

    /// All machines come on within a moment and play together for a while; then the story begins.
    /// Their host.
    pub fn gather(&mut self) -> Place {
        self.gather_some(self.world.count())
    }

    /// The same for the first so many machines.
    pub fn gather_some(&mut self, count: usize) -> Place {
        self.gather_in(count, GATHERED_MS)
    }

    /// All machines come on, and may take so long to find each other.
    pub fn gather_within(&mut self, span_ms: u64) -> Place {
        self.gather_in(self.world.count(), span_ms)
    }

    fn gather_in(&mut self, count: usize, span_ms: u64) -> Place {
        let mut order: Vec<Place> = (0..count).collect();
        self.shuffle(&mut order);
        for place in order {
            self.pass_up_to(60);
            self.world.start(place);
        }
        self.wait_for_one_game(ms(span_ms));
        self.pass(PEACE_MS);
        self.pass_up_to(100);
        let host = self.host();
        self.begin();
        host
    }

    /// Here the story begins: what was before does not count, and is not told.
    pub fn begin(&mut self) {
        self.began = self.count();
        (0..self.world.count()).for_each(|place| self.world.pauses.restart(place));
        self.settled = Duration::ZERO;
        if self.traced {
            self.world.start_trace();
            let hosts = self.world.hosts();
            let reigns = hosts.iter().filter_map(|host| {
                let term = self.world.node(*host)?.cluster().election().reign()?;
                Some(format!("n{host} reigns in term {}", term.epoch.0))
            });
            let reigns: Vec<String> = reigns.collect();
            if !reigns.is_empty() {
                self.world.tell(reigns.join(", "));
            }
        }
    }

    // Time and chance.

    /// Time passes.
    pub fn pass(&mut self, span_ms: u64) {
        self.world.run(self.world.now + ms(span_ms));
    }

    /// A moment passes, as long as chance wants it.
    pub fn pass_up_to(&mut self, most_ms: u64) {
        let span = Duration::from_micros(self.draw(most_ms * 1_000 + 1));
        self.world.run(self.world.now + span);
    }

    /// Time passes, event by event, until something is so. Whether that came in time.
    pub fn until(&mut self, most: Duration, so: impl Fn(&World<Tally>) -> bool) -> bool {
        self.world.until(most, so)
    }

    /// A number below `limit`.
    pub fn draw(&mut self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.draw(most - least + 1)
    }

    /// Up to so many bytes, any.
    pub fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..=self.draw(most)).map(|_| self.random.next_u64() as u8).collect()
    }

    /// Yes or no.
    pub fn toss(&mut self) -> bool {
        self.draw(2) == 0
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.draw(from.len() as u64) as usize]
    }

    /// Any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.draw(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }

    // Who.

    /// The one host; it is a violation if there is none, or another.
    pub fn host(&mut self) -> Place {
        let hosts = self.awake_hosts();
        self.claim(hosts.len() == 1, || format!("there are the hosts {hosts:?}"));
        hosts.first().copied().unwrap_or_default()
    }

    /// The machines whose nodes reign, but for those that are stopped.
    pub fn awake_hosts(&self) -> Vec<Place> {
        let mut hosts = self.world.hosts();
        hosts.retain(|place| self.world.is_awake(*place));
        hosts
    }

    /// The host with the highest reign, where there may be several, or else anybody.
    pub fn host_of_most(&self) -> Place {
        let reign = |place: &Place| {
            let node = self.world.node(*place);
            node.and_then(|node| node.cluster().election().reign())
        };
        self.awake_hosts().into_iter().max_by_key(reign).unwrap_or_default()
    }

    /// All whose nodes run, without `place`.
    pub fn others(&self, place: Place) -> Vec<Place> {
        (0..self.world.count())
            .filter(|other| *other != place && self.world.is_awake(*other))
            .collect()
    }

    /// Anybody whose node runs, but not `place`.
    pub fn another(&mut self, place: Place) -> Place {
        let others = self.others(place);
        self.pick(&others)
    }

    /// Who comes first should `host` be lost: the highest id.
    pub fn heir(&self, host: Place) -> Place {
        let others = self.others(host).into_iter();
        others.max_by_key(|place| self.world.id(*place)).unwrap_or_default()
    }

    /// The host and one other; and the rest.
    pub fn halves(&self, host: Place) -> [Vec<Place>; 2] {
        let other = self.others(host)[0];
        let half = |inside: bool| {
            let all = (0..self.world.count()).filter(|place| self.world.node(*place).is_some());
            all.filter(|place| (*place == host || *place == other) == inside).collect()
        };
        [half(true), half(false)]
    }

    // What happens, where there is more to it than a verb of the world.

    /// Something else than a verb of the world comes between the nodes.
    pub fn disturb(&mut self, what: impl Display) {
        self.world.disturb(what);
    }

    /// Nothing of `from` reaches `to` any more.
    pub fn cut_one_way(&mut self, from: Place, to: Place) {
        self.world.network.cut(from, to);
        self.disturb(format_args!("nothing of n{from} reaches n{to} any more"));
    }

    /// From here on the network is like this.
    pub fn weather(&mut self, weather: Weather) {
        self.world.set_weather(weather);
    }

    /// Nothing passes any more between `some` and `others`.
    pub fn cut(&mut self, some: &[Place], others: &[Place]) {
        self.world.cut_apart(some, others);
    }

    /// Everything passes again between `some` and `others`.
    pub fn heal_between(&mut self, some: &[Place], others: &[Place]) {
        for a in some {
            for b in others {
                self.world.network.heal_pair(*a, *b);
            }
        }
        let (some, others) = (names(some), names(others));
        self.disturb(format_args!("{some} and {others} reach each other again"));
        self.world.release();
    }

    /// The whole network is mended, but for its weather.
    pub fn heal(&mut self) {
        self.disturb("the network is mended");
        self.world.heal();
    }

    /// A process is stopped for so long, and goes on.
    pub fn stop_for(&mut self, place: Place, span_ms: u64) {
        self.world.pause(place);
        self.pass(span_ms);
        let timer_first = self.toss();
        self.world.resume(place, timer_first);
    }

    /// Nobody does anything for so long.
    pub fn rest(&mut self, span_ms: u64) {
        self.world.hands_off = true;
        self.pass(span_ms);
        self.world.hands_off = false;
    }

    // What must hold.

    /// It is a violation if this is not so.
    pub fn claim(&mut self, so: bool, otherwise: impl FnOnce() -> String) {
        if !so {
            let now = self.world.now;
            self.world.judge.fail(now, 0, otherwise());
            self.world.tell("which must not be");
        }
    }

    /// Within this time there is one host, known to all; and a moment later it is so too.
    pub fn one_game_within(&mut self, span_ms: u64) {
        self.wait_for_one_game(ms(span_ms));
        self.pass(300);
        let quarrel = disagreement(&self.world);
        self.claim(quarrel.is_none(), || format!("one game no more: {quarrel:?}"));
    }

    /// There is one host, known to all.
    pub fn is_one_game(&mut self) {
        let quarrel = disagreement(&self.world);
        self.claim(quarrel.is_none(), || format!("no one game: {quarrel:?}"));
    }

    /// So much time passes, and nobody who plays notices anything: not one tick is late, and nobody
    /// looks for another host.
    pub fn plays_on_undisturbed(&mut self, span_ms: u64) {
        let quarrels = self.until(ms(span_ms), |world| disagreement(world).is_some());
        let quarrel = disagreement(&self.world);
        self.claim(!quarrels, || format!("one game no more: {quarrel:?}"));
        self.nobody_asked();
        self.new_reigns(0);
        self.nothing_undone();
        self.nobody_waited(UNDISTURBED_MS);
    }

    /// So many reign at once.
    pub fn hosts_are(&mut self, expected: usize) {
        let hosts = self.awake_hosts();
        self.claim(hosts.len() == expected, || format!("not {expected}, but {hosts:?} reign"));
    }

    /// So many lines of history have been given up since the story began, and their players told.
    pub fn given_up(&mut self, expected: u64) {
        let rebases = self.since().rebases;
        self.claim(rebases == expected, || {
            format!("{rebases} gave up what they had played, not {expected}")
        });
    }

    /// Nobody does anything for a while. Within this time all ledgers are equal, and what follows from
    /// them too.
    pub fn one_ledger_within(&mut self, span_ms: u64) {
        self.world.hands_off = true;
        let equal = self.until(ms(span_ms), World::ledgers_are_equal);
        self.claim(equal, || format!("the ledgers still differ after {span_ms} ms"));
        // What was written last is on all disks soon.
        self.pass(300);
        self.world.judge_agreement();
        self.world.hands_off = false;
    }

    /// Everybody who runs holds these facts.
    pub fn all_hold(&mut self, facts: &BTreeSet<Vec<u8>>) {
        for place in 0..self.world.count() {
            let lacks = facts.difference(&self.facts(place)).count();
            let runs = self.world.node(place).is_some();
            self.claim(!runs || lacks == 0, || format!("n{place} lacks {lacks} facts"));
        }
    }

    /// A machine has said that it keeps nothing any more.
    pub fn disk_is_given_up(&mut self, place: Place) {
        let node = self.world.node(place);
        let is_said = node.is_some_and(|node| node.cluster().keeper().trouble().is_some());
        self.claim(is_said, || format!("n{place} does not say that its disk fails"));
    }

    /// All that a node holds is on two disks.
    pub fn all_is_safe_at(&mut self, place: Place) {
        let node = self.world.node(place);
        let safety = node.map(|node| node.cluster().keeper().safety_of_all());
        self.claim(safety == Some(Safety::Shared), || format!("n{place} holds what is {safety:?}"));
    }

    fn wait_for_one_game(&mut self, span: Duration) {
        let since = self.world.now;
        let agreed = self.until(span, |world| disagreement(world).is_none());
        let quarrel = disagreement(&self.world);
        self.claim(agreed, || format!("no one game after {span:?}: {quarrel:?}"));
        self.settled = self.settled.max(self.world.now.since(since));
    }

    /// This one reigns, and nobody else who is awake.
    pub fn reigns(&mut self, place: Place) {
        let hosts = self.awake_hosts();
        self.claim(hosts == [place], || format!("{hosts:?} reign, not n{place}"));
    }

    /// As many reigns have begun since the story did.
    pub fn new_reigns(&mut self, expected: u64) {
        let reigns = self.since().reigns;
        self.claim(reigns == expected, || format!("{reigns} reigns began, not {expected}"));
    }

    /// No more reigns than this have begun since the story did.
    pub fn new_reigns_at_most(&mut self, most: u64) {
        let reigns = self.since().reigns;
        self.claim(reigns <= most, || format!("{reigns} reigns began, more than {most}"));
    }

    /// Nobody has asked for the crown since the story began.
    pub fn nobody_asked(&mut self) {
        let asks = self.since().asks;
        self.claim(asks == 0, || format!("{asks} times somebody asked for the crown"));
    }

    /// No tick was undone, of whichever history.
    pub fn nothing_undone(&mut self) {
        let Count { rolled_back, left_behind, .. } = self.since();
        self.claim(rolled_back + left_behind == 0, || {
            format!("{rolled_back} ticks were rolled back, {left_behind} left behind")
        });
    }

    /// Of one history, no more ticks than this were undone.
    pub fn rolled_back_at_most(&mut self, most: u64) {
        let rolled_back = self.since().rolled_back;
        self.claim(rolled_back <= most, || format!("{rolled_back} ticks were rolled back"));
    }

    /// None of those who run has waited for a tick for longer than this since the story began, or
    /// since this was last asked.
    pub fn nobody_waited(&mut self, most_ms: u64) {
        let all: Vec<Place> = (0..self.world.count()).collect();
        self.have_not_waited(&all, most_ms);
    }

    /// The same of some.
    pub fn have_not_waited(&mut self, places: &[Place], most_ms: u64) {
        for place in places {
            let pause = self.note_pause(*place);
            self.claim(pause <= ms(most_ms), || format!("n{place} waited for {pause:?}"));
        }
    }

    /// How long somebody who runs has waited for a tick. From here on it counts anew.
    fn note_pause(&mut self, place: Place) -> Duration {
        let pause = match self.world.is_awake(place) {
            true => self.world.pauses.longest(self.world.now, place),
            false => Duration::ZERO,
        };
        self.world.pauses.restart(place);
        self.pause = self.pause.max(pause);
        pause
    }

    /// Whether the world of `host` counts the player of `place` as there.
    pub fn is_seated(&self, host: Place, place: Place) -> bool {
        let (Some(host), Some(node)) = (self.world.node(host), self.world.node(place)) else {
            return false;
        };
        let seat = host.replica().state().and_then(|state| state.seats.get(&node.me()));
        seat.is_some_and(|seat| seat.present)
    }

    /// The newest tick that a node holds.
    pub fn tick(&self, place: Place) -> u64 {
        let clock = self.world.node(place).and_then(|node| node.replica().clock());
        clock.map_or(0, |clock| clock.tick.0)
    }

    /// The keys of all facts that count, as far as a node holds them.
    pub fn facts(&self, place: Place) -> BTreeSet<Vec<u8>> {
        let ledger = self.world.node(place).map(|node| node.cluster().ledger());
        let counted = ledger.into_iter().flat_map(Ledger::counted);
        counted.filter_map(|entry| entry.key().map(<[u8]>::to_vec)).collect()
    }

    /// What a node plays.
    pub fn session(&self, place: Place) -> Option<SessionId> {
        self.world.node(place).map(|node| node.cluster().ledger().session())
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.world.now
    }

    fn count(&self) -> Count {
        let met = &self.world.judge.met;
        Count {
            asks: met.elections,
            reigns: met.reigns,
            rolled_back: met.rolled_back,
            left_behind: met.left_behind,
            rebases: met.rebases,
        }
    }

    fn since(&self) -> Count {
        let now = self.count();
        Count {
            asks: now.asks - self.began.asks,
            reigns: now.reigns - self.began.reigns,
            rolled_back: now.rolled_back - self.began.rolled_back,
            left_behind: now.left_behind - self.began.left_behind,
            rebases: now.rebases - self.began.rebases,
        }
    }
}
