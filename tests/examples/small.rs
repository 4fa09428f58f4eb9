//! The small games on a network that fails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use interregnum::{
    Command, Game as _, NodeId, View, draw,
    sim::{Lan, check},
};

use crate::{
    counter::Counter,
    pong::{self, BAT_PACE, PIXEL, Pong, World},
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

/// How long somebody at a bat holds the same, in ticks, and how long after that nobody holds what others do not know.
const HELD: u64 = 120;
const KNOWN: u64 = 45;

/// What two at the bats are shown.
#[derive(Default)]
struct Shown {
    before: BTreeMap<NodeId, (World, i8, u32)>,
    /// How far a thing was shown off where it should have been next, at most, in hundredths of a pixel; and how often
    /// that was looked at.
    off: i32,
    looked: u32,
    /// How often somebody's own bat moved with the very picture after its key went down, or with the one after it.
    at_once: [u32; 2],
    late: u32,
    /// How often a goal was shown that was none.
    taken_back: u32,
}

fn goals(world: &World) -> u32 {
    world.bats.iter().map(|bat| bat.goals).sum()
}

impl Shown {
    /// What somebody does who sees this.
    fn look(&mut self, view: &View<Pong>) -> Option<i8> {
        let picture = view.picture.as_ref()?;
        let (me, to, tick) = (view.me, &*picture.to, picture.clock.tick.0);
        let side = to.seats.seat_of(me)?;
        let holds = (draw(me.as_u128() as u64, tick / HELD) % 3) as i8 - 1;
        let Some((before, held, since)) = self.before.remove(&me) else {
            self.before.insert(me, (to.clone(), holds, 9));
            return Some(holds);
        };
        let mut next = before.clone();
        Pong::step(&mut next, &[], &mut Vec::new());
        if tick % HELD > KNOWN {
            self.looked += 1;
            let mut off = vec![next.bats[1 - side].at - to.bats[1 - side].at];
            // After a goal there is another ball, in the middle; it may come a step sooner or later.
            match goals(&next) == goals(to) {
                true => off.extend([next.ball.0 - to.ball.0, next.ball.1 - to.ball.1]),
                false => self.taken_back += u32::from(goals(to) < goals(&before)),
            }
            self.off = off.into_iter().map(i32::abs).max().unwrap_or(0).max(self.off);
        }
        let gone = to.bats[side].at - before.bats[side].at;
        let moves =
            gone == BAT_PACE * i32::from(held) || next.bats[side].at == before.bats[side].at;
        match since {
            0 | 1 if moves && held != 0 => {
                self.at_once[since as usize] += 1;
            }
            1 if held != 0 => self.late += 1,
            _ => {}
        }
        let since = match () {
            () if holds != held => 0,
            () if since == 0 && moves => 9,
            () => since + 1,
        };
        self.before.insert(me, (to.clone(), holds, since));
        Some(holds)
    }
}

#[test]
fn at_eighty_milliseconds_the_own_bat_moves_at_once_and_nothing_else_jumps() {
    for seed in 1..=12 {
        let shown = Arc::new(Mutex::new(Shown::default()));
        let mut lan = Lan::<Pong>::new(seed, 2);
        let looks = shown.clone();
        lan.pilot(move |view| looks.lock().unwrap().look(view).map(Command::Controls));
        lan.latency(Duration::from_millis(80));
        lan.loss(20);
        lan.start_all();
        lan.run(Duration::from_secs(8));
        *shown.lock().unwrap() = Shown::default();
        lan.run(Duration::from_secs(120));
        let Shown { off, looked, at_once, late, taken_back, .. } = *shown.lock().unwrap();
        println!("{off} off in {looked} pictures; {at_once:?} at once, {late} late; {taken_back}");
        assert!(looked > 5_000 && at_once[0] > 20 && late == 0);
        assert!(off <= 12 * PIXEL, "{off}");
        assert_eq!(taken_back, 0, "goals that were none");
    }
}
