//! The small games on a network that fails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use interregnum::{
    Command, NodeId,
    sim::{Lan, check},
};

use crate::{
    counter::Counter,
    pong::{self, Pong},
};

/// What whoever is host next may not have got of its predecessor: a press or two of each.
const LOST: u64 = 4;

#[test]
fn the_rules_of_the_small_games_are_what_a_game_has_to_be() {
    check::<Counter>(20).unwrap();
    check::<Pong>(20).unwrap();
}

#[test]
fn the_count_goes_on_whoever_of_the_counters_is_killed() {
    let mut lan = Lan::<Counter>::new(1, 4);
    let mut pressed = BTreeMap::new();
    lan.pilot(move |view| {
        let halves = view.at.0 / 500_000;
        (pressed.insert(view.me, halves) != Some(halves)).then_some(Command::Order(()))
    });
    let most = Arc::new(Mutex::new(0));
    let counted = most.clone();
    lan.always(move |_, world| {
        let mut most = counted.lock().unwrap();
        *most = world.count.max(*most);
        if world.count + LOST < *most {
            Err(format!("{} after {most}", world.count))
        } else {
            Ok(())
        }
    });
    lan.start_all();
    lan.run(Duration::from_secs(3));
    for _ in 0..5 {
        let before = *most.lock().unwrap();
        let host = lan.kill_host().unwrap();
        lan.run(Duration::from_secs(2));
        lan.start(host);
        lan.run(Duration::from_secs(1));
        assert!(*most.lock().unwrap() > before + 12, "four press twice a second");
    }
    let report = lan.finish().unwrap();
    assert_eq!(report.reigns, 6);
}

#[test]
fn goals_of_pong_stand_whoever_hosts() {
    let mut lan = Lan::<Pong>::new(2, 3);
    lan.pilot(|view| {
        let world = view.picture.as_ref()?.newest();
        Some(Command::Controls(pong::chase(world, view.me)))
    });
    let goals = |lan: &Lan<Pong>, n: usize| -> BTreeMap<NodeId, u32> {
        let world = lan.world(n).unwrap();
        let seats = world.seats.seats().iter().zip(&world.bats);
        seats.filter_map(|(id, bat)| Some(((*id)?, bat.goals))).collect()
    };
    lan.start_all();
    let mut most = 0;
    for _ in 0..4 {
        lan.run(Duration::from_secs(8));
        let host = lan.host().unwrap();
        let survivor = (host + 1) % 3;
        let mut before = goals(&lan, survivor);
        before.remove(&lan.id(host)); // whoever goes loses its place
        lan.kill(host);
        lan.run(Duration::from_secs(1));
        let after = goals(&lan, survivor);
        assert!(before.iter().all(|(id, goals)| after[id] >= *goals), "{before:?}, then {after:?}");
        most = before.into_values().max().unwrap().max(most);
        lan.start(host);
    }
    lan.run(Duration::from_secs(8));
    lan.finish().unwrap();
    assert!(most > 0 && lan.world(0).unwrap().seats.seated().count() == 2);
    lan.storm(1);
    lan.finish().unwrap();
}
