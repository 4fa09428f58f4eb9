//! The rules of a bus: a world of what everybody has said last, and one sequence of all that is said.
//!
//! It is a [`Game`] like any other, in which nothing moves. What somebody says goes up as an order, so it is applied
//! once, in its sender's sequence, whoever hosts by then; and it comes down as an event of the step that has it. What
//! is durable is a fact besides. The world holds, of each sender, the newest of each of its topics: for whoever comes
//! later, and for nothing else.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    history::{History, Place},
    said::{Batch, DATA_BYTES_MAX, Kind, Said, TOPIC_BYTES_MAX},
};
use crate::{
    game::{Fact, Game, Malformed, News, ScoreNews},
    text::Name,
    types::NodeId,
};

/// Of so many topics of one sender the newest is held for whoever comes later.
pub const TOPICS_MAX: usize = 64;

/// As long as so many bytes of one sender are held, its topics and what stands in them together.
pub const HELD_BYTES_MAX: usize = 16 << 10;

/// Everything that a bus holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// How many things were said since the beginning.
    pub said: u64,
    /// A number of the reign, so that two halves of a network give no two things one name.
    pub reign: u64,
    /// Who is there.
    pub senders: BTreeMap<NodeId, Sender>,
}

/// Somebody who is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// What it is called.
    pub name: Name,
    /// The number of the last thing that it has said.
    pub last: u64,
    /// The newest of each of its topics.
    pub topics: Arc<BTreeMap<Arc<str>, Held>>,
}

/// The newest of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its place in the sequence of all that was said.
    pub place: u64,
    /// When it was said, by its sender's clock.
    pub at_ms: u32,
    /// What.
    pub data: Arc<str>,
}

impl Sender {
    fn new(name: Name) -> Self {
        Self { name, last: 0, topics: Arc::default() }
    }

    fn is_valid(&self) -> bool {
        let fit = |(topic, held): (&Arc<str>, &Held)| {
            (1..=TOPIC_BYTES_MAX).contains(&topic.len())
                && (1..=DATA_BYTES_MAX).contains(&held.data.len())
        };
        self.topics.len() <= TOPICS_MAX
            && self.held_bytes() <= HELD_BYTES_MAX
            && self.topics.iter().all(fit)
    }

    fn held_bytes(&self) -> usize {
        self.topics.iter().map(|(topic, held)| topic.len() + held.data.len()).sum()
    }

    /// Holds what is the newest of its topic, where there is room.
    fn hold(&mut self, place: u64, said: &Said) {
        let topics = Arc::make_mut(&mut self.topics);
        topics.remove(&said.topic);
        if &*said.data == "null" {
            return;
        }
        let held = Held { place, at_ms: said.at_ms, data: said.data.clone() };
        let bytes = said.topic.len() + said.data.len();
        let before: usize = topics.iter().map(|(topic, held)| topic.len() + held.data.len()).sum();
        if topics.len() < TOPICS_MAX && before + bytes <= HELD_BYTES_MAX {
            topics.insert(said.topic.clone(), held);
        }
    }
}

/// What happened on the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// Somebody has said something, or several things one after the other.
    Said {
        /// The place of the first in the sequence of all that was said; the others follow.
        place: Place,
        /// Who.
        by: NodeId,
        /// What.
        batch: Batch,
    },
    /// Somebody is there.
    Here(NodeId, Name),
    /// Somebody is gone, and with it all of its topics.
    Gone(NodeId),
}

/// The rules.
#[derive(Clone, Debug)]
pub enum Rules {}

impl Game for Rules {
    const RULES: &'static str = "bus 2";
    const PROMPT: bool = true;
    type World = World;
    type Controls = ();
    /// Several things that somebody says, one after the other.
    type Order = Batch;
    type Event = Told;
    /// All that is durable.
    type Scores = History;

    fn new_world(_seed: u64) -> World {
        World::default()
    }

    fn is_valid(world: &World) -> bool {
        world.senders.values().all(Sender::is_valid)
    }

    fn step(world: &mut World, news: &[News<(), Batch>], events: &mut Vec<Told>) {
        for item in news {
            match item {
                News::Joined(id, name) => {
                    let sender = world.senders.entry(*id);
                    let sender = sender.or_insert_with(|| Sender::new(name.clone()));
                    sender.name = name.clone();
                    events.push(Told::Here(*id, name.clone()));
                }
                News::Left(id) => {
                    if world.senders.remove(id).is_some() {
                        events.push(Told::Gone(*id));
                    }
                }
                News::Order(id, Batch { life, said }) => {
                    let Some(sender) = world.senders.get_mut(id) else { continue };
                    let said: Vec<Said> = said.iter().filter(|said| said.fits()).cloned().collect();
                    let place = Place { place: world.said.saturating_add(1), reign: world.reign };
                    for said in &said {
                        world.said = world.said.saturating_add(1);
                        sender.last = said.number;
                        if said.kind == Kind::Latest {
                            sender.hold(world.said, said);
                        }
                    }
                    if !said.is_empty() {
                        let batch = Batch { life: *life, said };
                        events.push(Told::Said { place, by: *id, batch });
                    }
                }
                News::Controls(..) => {}
            }
        }
    }

    fn on_new_host(world: &mut World, reign: u64) {
        world.reign = reign;
    }

    fn fact_of_event(world: &World, event: &Told) -> Option<Fact> {
        let Told::Said { place, by, batch } = event else { return None };
        let name = &world.senders.get(by)?.name;
        History::fact(*place, *by, name, batch)
    }

    fn update_scores(history: &mut History, at: u64, news: ScoreNews<'_>) {
        match news {
            ScoreNews::Counts(fact) => history.add(fact, at),
            ScoreNews::CountsNoMore(fact) => history.take_away(fact),
            ScoreNews::Called(..) | ScoreNews::SumCounts(..) => {}
        }
    }

    /// Places go on where the history ends, also in a world that is founded anew.
    fn scores_into_world(world: &mut World, history: &History, _now: u64, _facts: &[Fact]) {
        world.said = world.said.max(history.last_place());
    }

    /// Each machine may know another part of the history: places leap, and nothing else changes.
    fn scores_account_for(before: &World, after: &World, _: &History, _: &[Fact]) -> bool {
        let leapt = World { said: after.said, ..before.clone() };
        before.said <= after.said && leapt == *after
    }

    fn encode_difference(predicted: &World, actual: &World, out: &mut Vec<u8>) {
        if predicted == actual {
            return;
        }
        let difference = Difference::between(predicted, actual);
        if let Ok(bytes) = postcard::to_stdvec(&difference) {
            out.extend(bytes);
        }
    }

    fn decode_difference(predicted: &World, input: &[u8]) -> Result<World, Malformed> {
        if input.is_empty() {
            return Ok(predicted.clone());
        }
        match postcard::take_from_bytes::<Difference>(input) {
            Ok((difference, [])) => Ok(difference.applied_to(predicted)),
            _ => Err(Malformed),
        }
    }
}

/// What is different in one world from another.
#[derive(Debug, Serialize, Deserialize)]
struct Difference {
    said: u64,
    reign: u64,
    gone: Vec<NodeId>,
    changed: Vec<(NodeId, Changed)>,
}

/// What is different about a sender.
#[derive(Debug, Serialize, Deserialize)]
struct Changed {
    name: Name,
    last: u64,
    gone: Vec<Arc<str>>,
    topics: Vec<(Arc<str>, Held)>,
}

impl Difference {
    fn between(before: &World, after: &World) -> Self {
        let gone = before.senders.keys().filter(|id| !after.senders.contains_key(id));
        let changed = after.senders.iter().filter_map(|(id, sender)| {
            let known = before.senders.get(id);
            (known != Some(sender)).then(|| (*id, Changed::between(known, sender)))
        });
        Self {
            said: after.said,
            reign: after.reign,
            gone: gone.copied().collect(),
            changed: changed.collect(),
        }
    }

    fn applied_to(self, before: &World) -> World {
        let mut world = before.clone();
        (world.said, world.reign) = (self.said, self.reign);
        for id in &self.gone {
            world.senders.remove(id);
        }
        for (id, Changed { name, last, gone, topics }) in self.changed {
            let sender = world.senders.entry(id).or_insert_with(|| Sender::new(name.clone()));
            (sender.name, sender.last) = (name, last);
            if gone.is_empty() && topics.is_empty() {
                continue;
            }
            let held = Arc::make_mut(&mut sender.topics);
            for topic in &gone {
                held.remove(topic);
            }
            held.extend(topics);
        }
        world
    }
}

impl Changed {
    fn between(before: Option<&Sender>, after: &Sender) -> Self {
        let none = BTreeMap::new();
        let before = before.map_or(&none, |before| &*before.topics);
        let gone = before.keys().filter(|topic| !after.topics.contains_key(*topic));
        let new = after.topics.iter().filter(|(topic, held)| before.get(*topic) != Some(held));
        Self {
            name: after.name.clone(),
            last: after.last,
            gone: gone.cloned().collect(),
            topics: new.map(|(topic, held)| (topic.clone(), held.clone())).collect(),
        }
    }
}
