//! Members of a bus as threads of this process.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use interregnum::bus::{Bus, Heard, Kind, NotSaid};

use crate::{PATIENCE, new_room, unused_port};

fn member(room: &str, port: u16, name: &str) -> Bus {
    Bus::join(room).name(name).ip(Ipv4Addr::LOCALHOST).beacon_port(port).start().unwrap()
}

/// Reads until so many messages have come: what they said.
fn hear(bus: &Bus, topic: &str, count: usize) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    while heard.len() < count {
        assert!(Instant::now() < end, "{} of {count}: {:?}", heard.len(), bus.stats());
        match bus.recv_within(Duration::from_millis(100)) {
            Some(Heard::Message(message)) if &*message.topic == topic => {
                heard.push(message.data.to_string());
            }
            _ => {}
        }
    }
    heard
}

#[test]
fn two_who_start_at_once_lose_none_of_the_first_things_they_say() {
    let (room, port) = (new_room(), unused_port());
    let (ada, ben) = (member(&room, port, "Ada"), member(&room, port, "Ben"));
    let expected: Vec<String> = (0..50).map(|n: u32| n.to_string()).collect();
    for n in 0..50_u32 {
        ada.send(Kind::Durable, "count", &n).unwrap();
    }
    assert_eq!(hear(&ben, "count", 50), expected);
    assert_eq!(hear(&ada, "count", 50), expected);
    assert!(ada.settle(PATIENCE));
    let stats = ada.stats();
    assert_eq!((stats.sent, stats.acknowledged, stats.refused), (50, 50, 0));
}

#[test]
fn ten_thousand_things_are_heard_once_each_and_in_their_order() {
    let (room, port) = (new_room(), unused_port());
    let (ada, ben) = (member(&room, port, "Ada"), member(&room, port, "Ben"));
    let mut full = 0;
    for n in 0..10_000_u32 {
        while let Err(why) = ada.send(Kind::Durable, "count", &n) {
            assert_eq!(why, NotSaid::Full);
            full += 1;
            ada.settle(Duration::from_millis(5));
        }
    }
    let expected: Vec<String> = (0..10_000).map(|n: u32| n.to_string()).collect();
    assert_eq!(hear(&ben, "count", 10_000), expected);
    assert_eq!(ada.stats().refused, full);
    // Whoever comes later asks for it.
    let cleo = member(&room, port, "Cleo");
    let end = Instant::now() + PATIENCE;
    while cleo.history().len() < 10_000 {
        assert!(Instant::now() < end, "{}", cleo.history().len());
        cleo.recv_within(Duration::from_millis(50));
    }
    assert!(cleo.history().iter().map(|(_, kept)| kept.said.data.to_string()).eq(expected));
    while let Some(heard) = cleo.recv() {
        assert!(!matches!(heard, Heard::Message(_)), "nobody asked: {heard:?}");
    }
}

#[test]
fn whoever_comes_in_while_others_talk_knows_who_they_are() {
    let (room, port) = (new_room(), unused_port());
    let ada = member(&room, port, "Ada");
    for n in 0..4 {
        let ben = member(&room, port, &format!("Ben {n}"));
        let (end, mut here, mut heard) = (Instant::now() + PATIENCE, BTreeMap::new(), 0);
        while heard < 30 {
            assert!(Instant::now() < end, "{:?}", ben.stats());
            ada.send(Kind::Durable, "word", &"hello").unwrap();
            match ben.recv_within(Duration::from_millis(1)) {
                Some(Heard::Here { id, name }) => drop(here.insert(id, name)),
                Some(Heard::Gone { id }) => drop(here.remove(&id)),
                Some(Heard::Message(message)) => {
                    assert_eq!(message.name.as_str(), "Ada");
                    assert_eq!(here.get(&message.from), Some(&message.name));
                    heard += 1;
                }
                _ => {}
            }
        }
    }
}

#[test]
fn whoever_comes_in_is_told_how_everything_is_and_who_goes_takes_it_along() {
    let (room, port) = (new_room(), unused_port());
    let ada = member(&room, port, "Ada");
    for n in 0..2_000_u32 {
        ada.send(Kind::Latest, "place", &n).unwrap();
    }
    ada.send(Kind::Latest, "colour", "red").unwrap();
    assert!(ada.settle(PATIENCE));
    assert!(ada.stats().outdated_unsent > 1_000, "{:?}", ada.stats());
    let ben = member(&room, port, "Ben");
    let (end, mut known) = (Instant::now() + PATIENCE, BTreeMap::new());
    while known.len() < 2 {
        assert!(Instant::now() < end, "{known:?}");
        if let Some(Heard::Message(message)) = ben.recv_within(Duration::from_millis(100)) {
            known.insert(message.topic.to_string(), message.data.to_string());
        }
    }
    let expected = [("colour", r#""red""#), ("place", "1999")];
    assert!(known.iter().map(|(topic, data)| (&**topic, &**data)).eq(expected), "{known:?}");
    let me = ada.me();
    drop(ada);
    let end = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < end);
        if ben.recv_within(Duration::from_millis(100)) == Some(Heard::Gone { id: me }) {
            break;
        }
    }
}

#[test]
fn what_is_too_large_or_about_nothing_is_refused() {
    let ada = member(&new_room(), unused_port(), "Ada");
    assert_eq!(ada.send(Kind::Latest, "", &1), Err(NotSaid::NoTopic));
    assert_eq!(ada.send(Kind::Latest, "t", &"x".repeat(1_000)), Err(NotSaid::TooLarge));
    assert_eq!(ada.stats().refused, 2);
}

#[test]
fn who_only_listens_hears_everything_too_and_has_the_history() {
    let (room, port) = (new_room(), unused_port());
    let join = |name| Bus::join(&room).name(name).ip(Ipv4Addr::LOCALHOST).beacon_port(port);
    let ada = join("Ada").start().unwrap();
    for n in 0..10_u32 {
        ada.send(Kind::Durable, "before", &n).unwrap();
    }
    ada.send(Kind::Latest, "now", &0).unwrap();
    let ben = join("Ben").listen().start().unwrap();
    assert_eq!(hear(&ben, "now", 1), ["0"]);
    for n in 0..10_u32 {
        ada.send(Kind::Durable, "after", &n).unwrap();
    }
    let expected: Vec<String> = (0..10).map(|n: u32| n.to_string()).collect();
    assert_eq!(hear(&ben, "after", 10), expected);
    let end = Instant::now() + PATIENCE;
    while ben.history().len() < 20 {
        assert!(Instant::now() < end, "{}", ben.history().len());
        ben.recv_within(Duration::from_millis(50));
    }
}
