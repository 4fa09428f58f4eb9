//! Games with fewer ticks in a second, and with more: nobody is accused between two ticks, however far they are
//! apart, and a host that is lost is replaced as soon as at sixty, but for the ticks that had to be waited for.

use std::time::Duration;

use interregnum::{
    Command, Fact, Game, News, NodeId, ScoreNews,
    config::Tuning,
    details::Rate,
    sim::{
        Playable, campaign,
        faults::{disagreement, disagreement_among},
        network::{Place, Weather},
        tally::{self, Line, Point, Tally},
        world::{Tap, World},
    },
    types::Instant,
};
use serde::{Deserialize, Serialize};

/// The smallest game, with so many ticks in a second.
#[derive(Clone, Debug)]
enum At<const N: u64> {}

impl<const N: u64> Game for At<N> {
    const RULES: &'static str = "tally at another rate 1";
    const TICKS_PER_SECOND: u64 = N;
    type World = Line;
    type Controls = tally::Pace;
    type Order = u32;
    type Event = Point;
    type Scores = <Tally as Game>::Scores;

    fn new_world(seed: u64) -> Line {
        Tally::new_world(seed)
    }

    fn is_valid(world: &Line) -> bool {
        Tally::is_valid(world)
    }

    fn step(world: &mut Line, news: &[News<tally::Pace, u32>], events: &mut Vec<Point>) {
        Tally::step(world, news, events);
    }

    fn on_new_host(world: &mut Line, reign: u64) {
        Tally::on_new_host(world, reign);
    }

    fn fact_of_event(world: &Line, point: &Point) -> Option<Fact> {
        Tally::fact_of_event(world, point)
    }

    fn update_scores(scores: &mut Self::Scores, at: u64, news: ScoreNews<'_>) {
        Tally::update_scores(scores, at, news);
    }

    fn fact_group(fact: &Fact) -> u64 {
        Tally::fact_group(fact)
    }

    fn sum_up(facts: &[(u64, Fact)]) -> Vec<u8> {
        Tally::sum_up(facts)
    }
}

impl<const N: u64> Playable for At<N> {
    fn press(chance: u64, stamp: u32, gathers: bool) -> tally::Pace {
        Tally::press(chance, stamp, gathers)
    }

    fn order(world: Option<&Line>, me: NodeId, chance: u64, stamp: u32) -> Option<u32> {
        Tally::order(world, me, chance, stamp)
    }

    fn favour(world: &mut Line, whom: NodeId) {
        Tally::favour(world, whom);
    }

    fn audit(world: &Line) -> Option<&'static str> {
        Tally::audit(world)
    }
}

fn pass<G: Playable>(world: &mut World<G>, span: Duration) {
    world.run(world.now + span);
}

/// So many nodes in one game, for a while.
fn settled<G: Playable>(seed: u64, count: usize) -> World<G> {
    let mut world = World::new(seed, count);
    (0..count).for_each(|place| world.start(place));
    world.run(Instant(6_000_000 + seed * 7_919 % 250_000));
    assert_eq!(disagreement(&world), None, "seed {seed}");
    world.judge.met.gaps_us.clear();
    world
}

/// How long after the last tick of a host that was lost each of the others had the first one of the next.
fn gaps<G: Playable>(world: &World<G>) -> Vec<Duration> {
    world.judge.met.gaps_us.iter().map(|us| Duration::from_micros(*us)).collect()
}

fn elections_and_reigns<G: Playable>(world: &World<G>) -> (u64, u64) {
    (world.judge.met.elections, world.judge.met.reigns)
}

/// The ids decide who hosts; somebody who does not.
fn another<G: Playable>(world: &World<G>, place: Place) -> Place {
    (place + 1) % world.count()
}

fn quiet_night<G: Playable>() {
    for (seed, weather) in [
        (1, Weather::calm()),
        (2, Weather { latency_us: 2_000, jitter_us: 6_000, loss_permille: 0, double_permille: 5 }),
    ] {
        let mut world = settled::<G>(seed, 4);
        world.network.weather = weather;
        let before = elections_and_reigns(&world);
        pass(&mut world, Duration::from_secs(240));
        assert_eq!(elections_and_reigns(&world), before, "{} ticks a second", G::TICKS_PER_SECOND);
        assert_eq!((disagreement(&world), world.judge.violations), (None, vec![]));
    }
}

#[test]
fn in_a_quiet_night_nobody_asks_for_a_crown_at_any_pace() {
    quiet_night::<At<5>>();
    quiet_night::<At<10>>();
    quiet_night::<At<30>>();
    quiet_night::<At<120>>();
}

/// One tick in fifty gets lost: whoever asks hears that its host lives.
#[test]
fn on_a_lossy_wire_no_host_is_replaced_at_ten_ticks_a_second() {
    for seed in 1..5 {
        let mut world = settled::<At<10>>(seed, 4);
        world.network.weather =
            Weather { latency_us: 1_000, jitter_us: 4_000, loss_permille: 20, double_permille: 0 };
        let (_, reigns) = elections_and_reigns(&world);
        pass(&mut world, Duration::from_secs(120));
        assert_eq!(elections_and_reigns(&world).1, reigns, "seed {seed}");
        assert_eq!((disagreement(&world), world.judge.violations), (None, vec![]));
    }
}

fn killed<G: Playable>() {
    let tick = Rate::of::<G>().tick();
    for seed in 1..20 {
        let mut world = settled::<G>(seed, 4);
        let (elections, reigns) = elections_and_reigns(&world);
        let host = world.hosts()[0];
        world.kill(host);
        pass(&mut world, Duration::from_millis(20));
        assert_eq!(world.hosts().len(), 1, "seed {seed}: the next one reigns at once");
        pass(&mut world, tick * 2);
        assert_eq!(disagreement(&world), None, "seed {seed}");
        // No tick is missed: the next one comes when the one of the old host would have.
        for gap in gaps(&world) {
            let off = gap.abs_diff(tick);
            assert!(off < Duration::from_millis(8), "seed {seed}: {gap:?} of {tick:?}");
        }
        assert_eq!(gaps(&world).len(), 3);
        assert_eq!(elections_and_reigns(&world), (elections + 1, reigns + 1), "seed {seed}");
        assert_eq!((world.judge.met.rolled_back, world.judge.violations), (0, vec![]));
    }
}

#[test]
fn a_killed_host_is_replaced_at_once_and_the_next_tick_comes_in_phase() {
    killed::<At<5>>();
    killed::<At<10>>();
    killed::<At<30>>();
    killed::<Tally>(); // at sixty
    killed::<At<120>>();
}

/// A machine without power, a process that is stopped, a cable that is out.
fn fall_silent(world: &mut World<At<10>>, host: Place, how: u64) {
    match how {
        0 => world.unplug(host),
        1 => world.pause(host),
        _ => {
            for other in (0..world.count()).filter(|other| *other != host) {
                world.network.cut(host, other);
                world.network.cut(other, host);
            }
            world.disturbed = world.now;
        }
    }
}

#[test]
fn a_silent_host_is_replaced_within_three_ticks_at_ten_a_second() {
    for seed in 1..30 {
        let mut world = settled::<At<10>>(seed, 4);
        let reigns = elections_and_reigns(&world).1;
        let host = world.hosts()[0];
        fall_silent(&mut world, host, seed % 3);
        pass(&mut world, Duration::from_millis(600));
        let hosts: Vec<Place> = world.hosts().into_iter().filter(|place| *place != host).collect();
        assert_eq!(hosts.len(), 1, "seed {seed}");
        assert_eq!(gaps(&world).len(), 3, "seed {seed}");
        for gap in gaps(&world) {
            let (least, most) = (Duration::from_millis(200), Duration::from_millis(300));
            assert!(gap > least && gap < most, "seed {seed}: {gap:?}");
        }
        // The old host finds that out, and follows.
        world.resume(host, seed.is_multiple_of(2));
        world.heal();
        world.start(host);
        pass(&mut world, Duration::from_secs(2));
        assert_eq!(disagreement(&world), None, "seed {seed}");
        assert_eq!(world.hosts(), hosts, "seed {seed}");
        assert_eq!(elections_and_reigns(&world).1, reigns + 1, "seed {seed}");
        assert_eq!(world.judge.violations, [], "seed {seed}");
    }
}

/// With two nobody else can say whether the host lives.
#[test]
fn a_silent_host_of_two_is_replaced_in_time_at_ten_ticks_a_second() {
    for seed in 1..15 {
        let mut world = settled::<At<10>>(seed, 2);
        let host = world.hosts()[0];
        fall_silent(&mut world, host, 0);
        pass(&mut world, Duration::from_millis(600));
        assert_eq!(world.hosts(), [another(&world, host)], "seed {seed}");
        assert!(gaps(&world).iter().all(|gap| *gap < Duration::from_millis(600)), "seed {seed}");
    }
}

/// The host and one who hears nothing of it reach the others: one of those passes everything on.
#[test]
fn a_cut_between_a_host_and_one_client_costs_no_reign_at_ten_ticks_a_second() {
    for seed in 1..15 {
        let mut world = settled::<At<10>>(seed, 4);
        let reigns = elections_and_reigns(&world).1;
        let host = world.hosts()[0];
        let client = another(&world, host);
        world.network.cut(host, client);
        world.network.cut(client, host);
        world.disturbed = world.now;
        pass(&mut world, Duration::from_secs(6));
        assert_eq!(world.hosts(), [host], "seed {seed}");
        let tick = |place: Place| world.node(place).unwrap().replica().clock().unwrap().tick.0;
        assert!(
            tick(host) - tick(client) <= 3,
            "seed {seed}: {} ticks behind",
            tick(host) - tick(client)
        );
        assert_eq!(elections_and_reigns(&world).1, reigns, "seed {seed}");
        world.heal();
        pass(&mut world, Duration::from_secs(2));
        assert_eq!((disagreement(&world), world.judge.violations), (None, vec![]));
    }
}

/// Shorter than a tick is no sleep, and nothing that anybody is accused of.
#[test]
fn whoever_stands_still_for_a_tick_is_not_missed_at_ten_a_second() {
    for seed in 1..15 {
        let mut world = settled::<At<10>>(seed, 4);
        let before = elections_and_reigns(&world);
        let host = world.hosts()[0];
        for pause in 0..10 {
            for place in [host, another(&world, host)] {
                world.pause(place);
                pass(&mut world, Duration::from_millis(10 + (seed * 13 + pause * 29) % 90));
                world.resume(place, pause.is_multiple_of(2));
                pass(&mut world, Duration::from_millis(700));
            }
        }
        assert_eq!(elections_and_reigns(&world), before, "seed {seed}");
        assert_eq!((disagreement(&world), world.judge.violations), (None, vec![]));
    }
}

#[test]
fn faults_of_every_kind_break_nothing_at_other_paces() {
    fn survives<const N: u64>(seeds: std::ops::Range<u64>) {
        let mut needless = 0;
        for seed in seeds {
            let run = campaign::play::<At<N>>(seed, 8, &Tuning::default(), false);
            assert_eq!(run.violations, [], "seed {seed} at {N} ticks a second");
            needless += run.met.needless;
        }
        assert!(needless < 4, "{needless} reigns were needless at {N} ticks a second");
    }
    survives::<10>(1..16);
    survives::<5>(20..24);
    survives::<30>(30..34);
}

#[test]
fn whoever_watches_keeps_up_at_ten_ticks_a_second_and_has_the_next_host_at_once() {
    let mut world = World::<At<10>>::new(5, 8);
    world.watching.extend(3..8);
    (0..8).for_each(|place| world.start(place));
    pass(&mut world, Duration::from_secs(8));
    let players: Vec<Place> = (0..3).collect();
    for _ in 0..2 {
        let host = world.hosts()[0];
        let tick = |place: Place| world.node(place).unwrap().replica().clock().unwrap().tick.0;
        for watcher in 3..8 {
            let behind = tick(host).saturating_sub(tick(watcher));
            assert!(behind <= 1, "n{watcher} is {behind} ticks behind");
        }
        (0..8).for_each(|place| world.pauses.restart(place));
        pass(&mut world, Duration::from_secs(20));
        world.kill(host);
        pass(&mut world, Duration::from_secs(1));
        let rest: Vec<Place> =
            players.iter().copied().filter(|place| world.is_awake(*place)).collect();
        assert_eq!(disagreement_among(&world, &rest), None);
        for place in (0..8).filter(|place| world.is_awake(*place)) {
            let longest = world.pauses.longest(world.now, place);
            assert!(longest < Duration::from_millis(130), "n{place} waited for {longest:?}");
        }
    }
    assert_eq!(world.judge.violations, []);
}

// What it costs.

/// A board of two and a half thousand bytes, ten times a second.
#[derive(Clone, Debug)]
enum Board {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cells {
    tick: u64,
    cells: Vec<u8>,
}

/// How many cells a move changes, here and there.
const CHANGED: usize = 12;

impl Game for Board {
    const RULES: &'static str = "board 1";
    const TICKS_PER_SECOND: u64 = 10;
    type World = Cells;
    type Controls = Option<(u8, u8)>;
    type Order = ();
    type Event = ();
    type Scores = ();

    fn new_world(_seed: u64) -> Cells {
        Cells { tick: 0, cells: vec![0; 2_500] }
    }

    fn is_valid(world: &Cells) -> bool {
        world.cells.len() == 2_500
    }

    fn step(world: &mut Cells, news: &[News<Option<(u8, u8)>>], _events: &mut Vec<()>) {
        world.tick += 1;
        for news in news {
            let News::Controls(_, Some((at, value))) = news else { continue };
            for number in 0..CHANGED {
                let cell = (usize::from(*at) * 7 + number * 197) % 2_500;
                world.cells[cell] = *value;
            }
        }
    }
}

impl Playable for Board {
    fn press(_chance: u64, _stamp: u32, _gathers: bool) -> Option<(u8, u8)> {
        None
    }

    fn favour(world: &mut Cells, _whom: NodeId) {
        world.cells[0] ^= 1;
    }

    fn audit(world: &Cells) -> Option<&'static str> {
        (!Board::is_valid(world)).then_some("a board of another size")
    }
}

/// How many bytes leave all machines together while something is done: in datagrams, and over links.
fn bytes_of<G: Playable>(world: &mut World<G>, what: impl FnOnce(&mut World<G>)) -> [usize; 2] {
    world.tap = Some(Tap::default());
    what(world);
    let Tap { datagrams, links, .. } = world.tap.take().unwrap_or_default();
    [datagrams.len(), links.values().map(Vec::len).sum()]
}

/// Four of them, and nothing happens: how many bytes that is in a second.
fn idle<G: Playable>() -> [usize; 2] {
    let mut world = settled::<G>(1, 4);
    world.hands_off = true;
    pass(&mut world, Duration::from_secs(10));
    bytes_of(&mut world, |world| pass(world, Duration::from_secs(60))).map(|bytes| bytes / 60)
}

#[test]
fn an_idle_game_costs_a_fifth_at_ten_ticks_a_second() {
    let [often, seldom] = [idle::<Tally>(), idle::<At<10>>()];
    assert!(seldom[0] * 5 < often[0], "{seldom:?} and {often:?} bytes a second");
}

#[test]
fn a_move_on_a_large_board_costs_three_hundred_bytes_for_each_who_hears_of_it() {
    let mut world = settled::<Board>(1, 4);
    world.hands_off = true;
    let host = world.hosts()[0];
    let mut most = 0;
    for number in 1..=10 {
        pass(&mut world, Duration::from_millis(10_037));
        // The same as it goes on if nobody moves.
        let mut idle = world.clone();
        let [held, rest] = [150, 2_850].map(Duration::from_millis);
        let idle = bytes_of(&mut idle, |idle| pass(idle, held + rest));
        let mover = (host + number) % 4;
        let moved = bytes_of(&mut world, |world| {
            let changed = Some((number as u8 * 11, number as u8));
            world.command(mover, Command::Controls(changed));
            pass(world, held);
            world.command(mover, Command::Controls(None));
            pass(world, rest);
        });
        most = most.max(moved.iter().sum::<usize>().saturating_sub(idle.iter().sum()));
        assert!(
            world.node(0).unwrap().replica().state().unwrap().world.cells.contains(&(number as u8))
        );
    }
    assert!((50..3 * 300).contains(&most), "{most} bytes");
}

/// Whoever has pressed nothing for long says so in every second tick, and still is heard with the next one.
#[test]
fn what_is_pressed_after_a_pause_counts_with_the_next_tick_but_one_at_ten_a_second() {
    let mut world = settled::<Board>(2, 4);
    world.hands_off = true;
    let host = world.hosts()[0];
    for number in 1..=40 {
        pass(&mut world, Duration::from_micros(2_000_000 + 7_001 * u64::from(number)));
        let mover = (host + 1 + usize::from(number) % 3) % 4;
        world.command(mover, Command::Controls(Some((number, number))));
        // Its own next tick, and the host's after that.
        pass(&mut world, Duration::from_millis(205));
        let held = world.node(host).and_then(|node| node.replica().state());
        assert!(held.unwrap().world.cells.contains(&number), "move {number}");
        world.command(mover, Command::Controls(None));
    }
    assert_eq!(world.judge.violations, []);
}
