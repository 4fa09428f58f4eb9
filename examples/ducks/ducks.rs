use std::collections::BTreeMap;

use interregnum::{Game, Name, News, NodeId, draw};
use serde::{Deserialize, Serialize};

/// The rules. There are no values of it: all state is in the world.
#[derive(Clone, Debug)]
pub enum Ducks {}

/// A pond, 1,000 wide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pond {
    pub seed: u64,
    /// How often bread has fallen.
    pub fallen: u64,
    pub bread: i32,
    pub ducks: BTreeMap<NodeId, Duck>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duck {
    pub name: Name,
    pub at: i32,
    pub swims: i8,
    pub bread: u32,
}

/// Whoever is near is frightened away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quack;

impl Game for Ducks {
    const RULES: &'static str = "ducks 1"; // nodes with other rules never meet
    type World = Pond;
    type Controls = i8; // left is -1, right is 1
    type Order = Quack; // once, instead of held down
    type Event = NodeId; // this duck had bread
    type Scores = ();

    fn new_world(seed: u64) -> Pond {
        Pond { seed, fallen: 0, bread: 700, ducks: BTreeMap::new() }
    }

    fn is_valid(pond: &Pond) -> bool {
        let on_pond = |at: i32| (0..1_000).contains(&at);
        on_pond(pond.bread)
            && pond.ducks.values().all(|duck| on_pond(duck.at) && (-1..=1).contains(&duck.swims))
    }

    fn step(pond: &mut Pond, news: &[News<i8, Quack>], events: &mut Vec<NodeId>) {
        for item in news {
            match item {
                News::Joined(id, name) => {
                    let new = Duck { name: name.clone(), at: 500, swims: 0, bread: 0 };
                    pond.ducks.entry(*id).or_insert(new);
                }
                News::Left(id) => drop(pond.ducks.remove(id)), // with all its bread
                News::Controls(id, swims) => {
                    if let Some(duck) = pond.ducks.get_mut(id) {
                        duck.swims = (*swims).clamp(-1, 1);
                    }
                }
                News::Order(id, Quack) => {
                    let Some(from) = pond.ducks.get(id).map(|duck| duck.at) else { continue };
                    for (other, duck) in &mut pond.ducks {
                        if other != id && (duck.at - from).abs() < 100 {
                            let away = if duck.at < from { -100 } else { 100 };
                            duck.at = (duck.at + away).clamp(0, 999);
                        }
                    }
                }
            }
        }
        for (id, duck) in &mut pond.ducks {
            duck.at = (duck.at + 4 * i32::from(duck.swims)).clamp(0, 999);
            if (duck.at - pond.bread).abs() < 10 {
                duck.bread = duck.bread.saturating_add(1);
                events.push(*id);
                pond.fallen = pond.fallen.wrapping_add(1);
                pond.bread = (draw(pond.seed, pond.fallen) % 1_000) as i32;
            }
        }
    }
}
