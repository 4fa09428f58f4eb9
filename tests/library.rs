//! What the library says of itself to whoever builds a game on it: when the rules fail, when a
//! setting is wrong, when more is asked than can be done, when somebody is called otherwise.
//!
//! Real nodes on loopback, with games of a few lines. Nothing sleeps: a test waits for a view or an
//! event, and gives up after a time that no healthy run comes near.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests of the impure edge"
)]

#[path = "library/orders.rs"]
mod orders;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, UdpSocket},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use interregnum::{
    config::{EVENTS_WAITING_MAX, Tuning},
    game::{Game, News},
    node::{Command, Event, Status, View},
    runtime::{Handle, Happened, Join, NotTaken, Settings, StartError, Timed},
    text::{Name, SessionName},
    types::{NodeId, Role},
};
use serde::{Deserialize, Serialize};

const PATIENCE: Duration = Duration::from_secs(60);

/// A game that can be told to fail.
#[derive(Clone, Debug)]
enum Trap {}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct World {
    /// So many steps are left until every world that comes of this one fails.
    fuse: Option<u16>,
    /// Everybody's names, oldest first.
    names: BTreeMap<NodeId, Vec<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Key {
    #[default]
    None,
    /// Fails where it is applied, and leaves nothing in the world.
    Fail,
    LightFuse,
    /// Makes many events.
    Shout,
}

impl Game for Trap {
    const RULES: &'static str = "trap 1";
    type World = World;
    type Controls = Key;
    type Order = ();
    type Event = ();
    type Scores = ();

    fn new_world(_seed: u64) -> World {
        World::default()
    }

    fn is_valid(_world: &World) -> bool {
        true
    }

    fn step(world: &mut World, news: &[News<Key>], events: &mut Vec<()>) {
        for item in news {
            match item {
                News::Joined(id, name) => {
                    world.names.entry(*id).or_default().push(name.to_string());
                }
                News::Controls(_, Key::Fail) => panic!("the key that fails"),
                News::Controls(_, Key::LightFuse) => _ = world.fuse.get_or_insert(20),
                News::Controls(_, Key::Shout) => events.extend([(); 1_000]),
                News::Left(_) | News::Controls(..) | News::Order(..) => {}
            }
        }
        if let Some(left) = &mut world.fuse {
            *left = left.checked_sub(1).unwrap_or_else(|| panic!("{} names", world.names.len()));
        }
    }

    fn blend(_from: &World, to: &World, _part: u16) -> World {
        to.clone()
    }
}

#[test]
fn rules_that_panic_on_one_node_are_told_there_and_the_others_play_on() {
    let nodes = gathered(3);
    let host = nodes[0].view().unwrap().host.unwrap();
    let (failing, others): (Vec<_>, Vec<_>) =
        nodes.iter().partition(|node| node.started().id == host);
    failing[0].hold(Key::Fail);
    is_failed(failing[0], "the key that fails");
    for node in others {
        let view = until(node, |view| {
            view.status == Status::Playing && view.host != Some(host) && view.picture.is_some()
        });
        assert_eq!(view.failure, None);
    }
}

// The world itself is what cannot be stepped: whoever takes the crown fails in its turn.
#[test]
fn a_world_that_panics_ends_one_node_after_the_other_and_each_says_so() {
    let nodes = gathered(3);
    nodes[1].hold(Key::LightFuse);
    for node in &nodes {
        is_failed(node, "3 names");
    }
}

#[test]
fn a_pilot_that_panics_is_told_like_rules_that_do() {
    let settings = settings("Ada", unused_port());
    let pilot = |view: &View<Trap>| match view.status {
        Status::Playing => panic!("no idea"),
        _ => None,
    };
    let node = Join::<Trap>::from(settings).pilot(pilot).start().unwrap();
    is_failed(&node, "no idea");
}

#[test]
fn a_command_that_finds_no_room_comes_back() {
    let (gate, wait) = mpsc::channel::<()>();
    let pilot = move |_: &View<Trap>| {
        let _ = wait.recv(); // the network thread stands still until the gate is gone
        None
    };
    let settings = settings("Ada", unused_port());
    let node = Join::<Trap>::from(settings).pilot(pilot).start().unwrap();
    let rename = |number| node.command(Command::Rename(Name::new("Ada").numbered(number)));
    let taken = (0..2_000).find_map(|number| rename(number).err().map(|error| (number, error)));
    let (taken, error) = taken.unwrap();
    assert_eq!(error, NotTaken::Full);
    assert!((256..300).contains(&taken), "{taken}");
    drop(gate);
    let last = format!("Ada {}", taken - 1);
    until(&node, |view| view.name.as_str() == last);
    rename(0).unwrap();
}

#[test]
fn who_has_left_takes_no_command() {
    let node = Join::<Trap>::from(settings("Ada", unused_port())).start().unwrap();
    node.command(Command::Leave).unwrap();
    let last = node.events().until_the_end().last().unwrap();
    assert!(matches!(last.event, Happened::Node(Event::Stopped)), "{last:?}");
    let ended = wait_for(|| (node.command(Command::Browse) == Err(NotTaken::Ended)).then_some(()));
    assert_eq!(ended, Some(()));
}

#[test]
fn two_readers_both_hear_everything_from_when_they_were_taken_on() {
    let node = Join::<Trap>::from(settings("Ada", unused_port())).start().unwrap();
    let (first, second) = (node.events(), node.events());
    node.command(Command::Leave).unwrap();
    let [first, second] = [first, second].map(|events| {
        let told = events.until_the_end().map(|timed| (timed.at, format!("{:?}", timed.event)));
        told.collect::<Vec<_>>()
    });
    assert!(second.last().unwrap().1.contains("Stopped"), "{second:?}");
    assert!(first.ends_with(&second), "{first:?} {second:?}");
    assert!(node.events().is_over());
}

#[test]
fn a_reader_that_does_not_read_hinders_nobody_and_is_told_how_many_it_missed() {
    let node = Join::<Trap>::from(settings("Ada", unused_port())).start().unwrap();
    until(&node, |view| view.status == Status::Playing && view.picture.is_some());
    let (idle, busy) = (node.events(), node.events());
    node.hold(Key::Shout);
    let mut heard = 0;
    while heard < 2 * EVENTS_WAITING_MAX as u64 {
        heard += count(&busy.next_within(PATIENCE).unwrap());
    }
    node.command(Command::Leave).unwrap();
    heard += busy.until_the_end().map(|timed| count(&timed)).sum::<u64>();
    let told: Vec<_> = idle.until_the_end().collect();
    assert!(told.len() <= EVENTS_WAITING_MAX, "{} waited", told.len());
    let [.., missed, last] = &told[..] else { panic!("{told:?}") };
    assert!(matches!(missed.event, Happened::Missed { .. }), "{missed:?}");
    assert!(matches!(last.event, Happened::Node(Event::Stopped)), "{last:?}");
    assert!(told.iter().map(count).sum::<u64>() >= heard);
}

#[test]
fn a_setting_out_of_its_range_is_refused_at_the_start() {
    for players_max in [0, 1, 65, usize::MAX] {
        let mut settings = settings("Ada", unused_port());
        settings.tuning = Tuning { players_max, ..Tuning::default() };
        let Err(StartError::Tuning(error)) = Join::<Trap>::from(settings).start() else {
            panic!("{players_max} players were taken");
        };
        assert_eq!(error.field, "players_max");
        assert!(error.to_string().contains("from 2 to 64"), "{error}");
    }
}

#[test]
fn who_only_watches_is_counted_and_not_listed() {
    let port = unused_port();
    let ada = Join::<Trap>::from(settings("Ada", port)).start().unwrap();
    let mut watching = settings("Ben", port);
    watching.role = Role::Spectator;
    let ben = Join::<Trap>::from(watching).start().unwrap();
    for node in [&ada, &ben] {
        let view = until(node, |view| view.status == Status::Playing && view.spectators == 1);
        let listed: Vec<_> = view.members.iter().map(|member| member.id).collect();
        assert_eq!(listed, [ada.started().id]);
    }
    ben.leave();
    until(&ada, |view| view.spectators == 0);
}

// Ben hosts, and hears no beacon of Ada's: she hears his.
#[test]
fn the_rules_are_told_what_a_player_is_called_even_where_no_beacon_says_so() {
    let mut ada = settings("Ada", unused_port());
    let session = ada.session.take().unwrap();
    let ada = Join::<Trap>::from(ada).start().unwrap();
    let mut ben = settings("Ben", unused_port());
    ben.peers.push((Ipv4Addr::LOCALHOST, ada.started().udp).into());
    let ben = Join::<Trap>::from(ben).start().unwrap();
    let ben_id = ben.started().id;
    until(&ben, |view| view.status == Status::Playing);
    ada.command(Command::Play(session, None)).unwrap();
    until(&ada, |view| view.status == Status::Playing && view.host == Some(ben_id));
    ada.command(Command::Rename(Name::new("Countess"))).unwrap();
    let id = ada.started().id;
    let view = until(&ben, |view| names_of(view, id).len() == 2);
    assert_eq!(names_of(&view, id), ["Ada", "Countess"]);
}

/// Nodes in one game.
fn gathered(count: usize) -> Vec<Handle<Trap>> {
    let port = unused_port();
    let names = ["Ada", "Ben", "Cleo", "Dov"];
    let start = |name| Join::<Trap>::from(settings(name, port)).start().unwrap();
    let nodes: Vec<_> = names.into_iter().take(count).map(start).collect();
    for node in &nodes {
        let all_named = |view: &View<Trap>| {
            view.picture.as_ref().is_some_and(|picture| picture.newest().names.len() == count)
        };
        until(node, |view| view.status == Status::Playing && all_named(view));
    }
    nodes
}

fn settings(name: &str, beacon_port: u16) -> Settings {
    Settings {
        session: Some(SessionName::new("library").unwrap()),
        ip: Some(Ipv4Addr::LOCALHOST),
        beacon_port,
        ..Settings::new(Name::new(name))
    }
}

fn unused_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

/// Both ways out say that the node failed, and over what, and nothing comes after that.
fn is_failed(node: &Handle<Trap>, why: &str) {
    let view = until(node, |view| view.status == Status::Failed);
    assert_eq!(view.failure.as_deref(), Some(why));
    let last = node.events().until_the_end().last().unwrap();
    let Happened::Failed { why: said } = last.event else { panic!("{last:?}") };
    assert_eq!(&*said, why);
    let ended = wait_for(|| (node.command(Command::Browse) == Err(NotTaken::Ended)).then_some(()));
    assert_eq!(ended, Some(()));
    assert_eq!(node.view().unwrap().status, Status::Failed);
}

fn names_of(view: &View<Trap>, id: NodeId) -> Vec<String> {
    let world = view.picture.as_ref().map(|picture| picture.newest());
    world.and_then(|world| world.names.get(&id).cloned()).unwrap_or_default()
}

/// For how many events this one stands.
fn count(timed: &Timed<Trap>) -> u64 {
    match timed.event {
        Happened::Missed { events } => events,
        _ => 1,
    }
}

/// Waits for a view that is so.
fn until(node: &Handle<Trap>, so: impl Fn(&View<Trap>) -> bool) -> Arc<View<Trap>> {
    let since = Instant::now();
    let mut seen = None;
    while since.elapsed() < PATIENCE {
        let step = Duration::from_millis(100);
        seen = node.newer_view(seen.as_ref(), step).or(seen);
        if let Some(view) = seen.as_ref().filter(|view| so(view)) {
            return Arc::clone(view);
        }
    }
    panic!("not so within {PATIENCE:?}: {seen:?}");
}

/// Asks again and again.
fn wait_for<T>(mut what: impl FnMut() -> Option<T>) -> Option<T> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if let Some(found) = what() {
            return Some(found);
        }
        std::thread::yield_now();
    }
    None
}

#[test]
fn what_came_and_went_is_counted_and_how_soon_what_is_pressed_comes_back() {
    let nodes = gathered(2);
    for node in &nodes {
        until(node, |view| view.connection.ticks > 30 && view.connection.lag.is_some());
        let stats = node.stats();
        assert!(stats.sent.datagrams > 10 && stats.received.datagrams > 10, "{stats:?}");
        assert!(stats.sent.bytes > 20 * stats.sent.datagrams, "{stats:?}");
        assert!(stats.connection.lag.unwrap() < Duration::from_secs(1), "{stats:?}");
    }
}
