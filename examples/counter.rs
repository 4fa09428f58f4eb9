//! A whole game in one file, without a window: everybody counts together, and whoever of them is
//! killed, the count goes on. It is played by itself; start it in two or three terminals, and kill
//! one.
//!
//! `cargo run --release --example counter [NAME]`

use std::{collections::BTreeMap, time::Duration};

use interregnum::{Event, Game, Happened, News, NodeId, join};
use serde::{Deserialize, Serialize};

/// The rules. There are no values of it: all state is in the world.
#[derive(Clone, Debug)]
pub enum Counter {}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// How often all buttons were pressed.
    pub count: u64,
    players: BTreeMap<NodeId, Player>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Player {
    name: String,
    present: bool,
}

impl Game for Counter {
    const RULES: &'static str = "counter 1";
    type World = World;
    /// Nothing is held down.
    type Controls = ();
    /// A press of the button.
    type Order = ();
    /// Who made the count round.
    type Event = (NodeId, u64);
    /// Nothing is kept for ever.
    type Scores = ();

    fn new_world(_seed: u64) -> World {
        World::default()
    }

    fn is_valid(_world: &World) -> bool {
        true // Any world can be stepped and shown.
    }

    fn step(world: &mut World, news: &[News<()>], events: &mut Vec<(NodeId, u64)>) {
        for news in news {
            match news {
                News::Joined(id, name) => {
                    let player = world.players.entry(*id).or_default();
                    player.name = name.to_string();
                    player.present = true;
                }
                News::Left(id) => {
                    world.players.entry(*id).or_default().present = false;
                }
                News::Order(id, ()) => {
                    world.count = world.count.wrapping_add(1);
                    if world.count.is_multiple_of(100) {
                        events.push((*id, world.count));
                    }
                }
                News::Controls(..) => {}
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "somebody".to_owned());
    let handle = join::<Counter>("counting").name(&name).env().start()?;
    let events = handle.events();

    let mut seen = None;
    let (mut told, mut pressed) = (0, 0);
    loop {
        while let Some(happened) = events.next_now() {
            match happened.event {
                Happened::Node(Event::Host { gap: Some(gap), rolled_back, .. }) => {
                    println!("the host is another: {gap:.1?}, {rolled_back} ticks undone");
                }
                Happened::Node(Event::Game { event: (who, count), .. }) => {
                    println!("{who:?} made it {count}");
                }
                Happened::Node(Event::Missed { events }) | Happened::Missed { events } => {
                    println!("{events} were not heard of")
                }
                Happened::Failed { why } => return Err(why.to_string().into()),
                _ => {}
            }
        }
        // Twice a second the button is pressed.
        let halves = handle.now().0 / 500_000;
        if std::mem::replace(&mut pressed, halves) != halves {
            handle.order(())?;
        }
        seen = handle.newer_view(seen.as_ref(), Duration::from_secs(1)).or(seen);
        let Some(picture) = seen.as_ref().and_then(|view| view.picture.as_ref()) else { continue };
        let world = picture.newest();
        if world.count / 10 != told {
            told = world.count / 10;
            let present = world.players.values().filter(|player| player.present);
            let names: Vec<&str> = present.map(|player| player.name.as_str()).collect();
            println!("{} counted by {}", world.count, names.join(", "));
        }
    }
}
