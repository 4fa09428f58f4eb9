//! What is to be said, until it is: batched, at the pace that is allowed, the newest of each topic only.
//!
//! As long as little is on its way each thing leaves at once, alone. When more is said than that, several share an
//! order: those that come while others are on their way leave together. A latest thing that waits yet gives way to
//! the next one of its topic; a durable one waits until it has gone, and if too many do, the next is refused.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::said::{Batch, DATA_BYTES_MAX, Kind, Said, TOPIC_BYTES_MAX};
use crate::types::Instant;

/// So many bytes of things that wait are enough: what is said then is refused, or a latest one outdated.
pub const WAITING_BYTES_MAX: usize = 256 << 10;

/// As long as fewer orders than this are on their way a thing leaves at once, alone.
const ALONE_MAX: usize = 4;

/// So many orders may be on their way.
const UNDER_WAY_MAX: usize = 128;

/// So many bytes of things go in an order.
const ORDER_BYTES: usize = 1_000;

/// The newest of one topic leaves so often: what comes in between is outdated by then.
pub const LATEST_EVERY: Duration = Duration::from_millis(5);

/// Why something is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSaid {
    /// It is too large.
    #[error("it has more than {DATA_BYTES_MAX} bytes as JSON: say less at once")]
    TooLarge,
    /// The topic is none.
    #[error("a topic has 1 to {TOPIC_BYTES_MAX} bytes")]
    NoTopic,
    /// It cannot be told as JSON.
    #[error("it cannot be told as JSON")]
    NoJson,
    /// More is said than the bus takes.
    #[error("more waits to be said than the bus takes: say it again in a moment")]
    Full,
    /// The bus has ended.
    #[error("the bus has ended")]
    Ended,
}

/// What waits, and what is on its way.
#[derive(Debug, Default)]
pub struct Outbox {
    /// A number of this life.
    life: u32,
    /// The number of the last thing that left.
    last: u64,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// The last number of each order on its way.
    under_way: VecDeque<u64>,
    /// When something of a topic has left.
    left: BTreeMap<Arc<str>, Instant>,
    /// So many latest things were outdated before they left.
    pub outdated: u64,
    /// So many were refused.
    pub refused: u64,
    /// So many have left.
    pub sent: u64,
    /// So many have come back in the sequence of all.
    pub acknowledged: u64,
}

#[derive(Debug)]
struct Waiting {
    kind: Kind,
    topic: Arc<str>,
    at_ms: u32,
    data: Arc<str>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.topic.len() + self.data.len() + 24
    }
}

impl Outbox {
    /// Nothing was said yet in this life.
    pub fn new(life: u32) -> Self {
        Self { life, ..Self::default() }
    }

    /// Says something.
    ///
    /// # Errors
    /// [`NotSaid`]: it is not said.
    pub fn say(
        &mut self,
        at_ms: u32,
        kind: Kind,
        topic: &str,
        data: Arc<str>,
    ) -> Result<(), NotSaid> {
        let said = self.take(at_ms, kind, topic, data);
        self.refused += u64::from(said.is_err());
        said
    }

    fn take(&mut self, at_ms: u32, kind: Kind, topic: &str, data: Arc<str>) -> Result<(), NotSaid> {
        if !(1..=TOPIC_BYTES_MAX).contains(&topic.len()) {
            return Err(NotSaid::NoTopic);
        }
        if data.len() > DATA_BYTES_MAX {
            return Err(NotSaid::TooLarge);
        }
        let is_older = |waiting: &Waiting| waiting.kind == Kind::Latest && &*waiting.topic == topic;
        if kind == Kind::Latest
            && let Some(at) = self.waiting.iter().position(is_older)
            && let Some(older) = self.waiting.remove(at)
        {
            self.bytes -= older.bytes();
            self.outdated += 1;
        }
        let next = Waiting { kind, topic: topic.into(), at_ms, data };
        if self.bytes + next.bytes() > WAITING_BYTES_MAX {
            return Err(NotSaid::Full);
        }
        self.bytes += next.bytes();
        self.waiting.push_back(next);
        Ok(())
    }

    /// All up to this number have come back in the sequence of all.
    pub fn acknowledge(&mut self, number: u64) {
        self.acknowledged = self.acknowledged.max(number.min(self.last));
        while self.under_way.front().is_some_and(|last| *last <= number) {
            self.under_way.pop_front();
        }
    }

    /// The next order, if something may leave now. Say whether it was [taken](Outbox::left) before the next one is asked for.
    pub fn next(&mut self, now: Instant) -> Option<Batch> {
        if self.under_way.len() >= UNDER_WAY_MAX {
            return None;
        }
        let mut room = ORDER_BYTES;
        let mut chosen = Vec::new();
        for waiting in &self.waiting {
            let bytes = waiting.bytes();
            if bytes > room {
                break;
            }
            if waiting.kind == Kind::Latest && !self.is_due(now, &waiting.topic) {
                continue;
            }
            room -= bytes;
            chosen.push(Said {
                number: 0,
                kind: waiting.kind,
                topic: waiting.topic.clone(),
                at_ms: waiting.at_ms,
                data: waiting.data.clone(),
            });
        }
        let full = self.bytes >= ORDER_BYTES;
        if chosen.is_empty() || !full && self.under_way.len() >= ALONE_MAX {
            return None;
        }
        for (number, said) in (self.last + 1..).zip(&mut chosen) {
            said.number = number;
        }
        Some(Batch { life: self.life, said: chosen })
    }

    /// This order has left.
    pub fn left(&mut self, now: Instant, Batch { said: order, .. }: &Batch) {
        for said in order {
            let is_it = |waiting: &Waiting| {
                waiting.kind == said.kind
                    && waiting.topic == said.topic
                    && waiting.at_ms == said.at_ms
                    && Arc::ptr_eq(&waiting.data, &said.data)
            };
            if let Some(at) = self.waiting.iter().position(is_it)
                && let Some(waiting) = self.waiting.remove(at)
            {
                self.bytes -= waiting.bytes();
            }
            if said.kind == Kind::Latest {
                self.left.insert(said.topic.clone(), now);
            }
        }
        if self.left.len() > 1_024 {
            self.left.retain(|_, at| now.since(*at) < LATEST_EVERY);
        }
        self.last += order.len() as u64;
        self.sent += order.len() as u64;
        self.under_way.push_back(self.last);
    }

    fn is_due(&self, now: Instant, topic: &Arc<str>) -> bool {
        self.left.get(topic).is_none_or(|at| now.since(*at) >= LATEST_EVERY)
    }

    /// Whether something waits, or has not come back yet.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.acknowledged < self.last
    }

    /// How soon it is worth while to ask for the next order, if nothing else happens.
    pub fn next_look(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(LATEST_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(1_000_000);

    fn out(outbox: &mut Outbox, now: Instant) -> Option<Vec<String>> {
        let order = outbox.next(now)?;
        outbox.left(now, &order);
        Some(order.said.iter().map(|said| said.data.to_string()).collect())
    }

    fn say(outbox: &mut Outbox, kind: Kind, topic: &str, data: u64) -> Result<(), NotSaid> {
        outbox.say(0, kind, topic, data.to_string().into())
    }

    #[test]
    fn a_little_leaves_at_once_and_much_leaves_together() {
        let mut outbox = Outbox::default();
        for n in 0..ALONE_MAX as u64 {
            say(&mut outbox, Kind::Durable, "t", n).unwrap();
            assert_eq!(out(&mut outbox, NOW), Some(vec![n.to_string()]));
        }
        for n in 10..13 {
            say(&mut outbox, Kind::Durable, "t", n).unwrap();
            assert_eq!(out(&mut outbox, NOW), None);
        }
        outbox.acknowledge(1);
        assert_eq!(out(&mut outbox, NOW), Some(["10", "11", "12"].map(String::from).to_vec()));
        assert!(outbox.is_busy());
        outbox.acknowledge(7);
        assert!(!outbox.is_busy());
    }

    #[test]
    fn the_newest_of_a_topic_takes_the_place_of_the_older_one() {
        let mut outbox = Outbox::default();
        say(&mut outbox, Kind::Latest, "a", 1).unwrap();
        assert_eq!(out(&mut outbox, NOW), Some(vec!["1".into()]));
        for n in 2..9 {
            say(&mut outbox, Kind::Latest, "a", n).unwrap();
        }
        say(&mut outbox, Kind::Latest, "b", 1).unwrap();
        assert_eq!(out(&mut outbox, NOW), Some(vec!["1".into()]), "the other topic is due");
        assert_eq!(out(&mut outbox, NOW + LATEST_EVERY), Some(vec!["8".into()]));
        assert_eq!((outbox.outdated, outbox.refused), (6, 0));
    }

    #[test]
    fn what_finds_no_room_is_refused_and_counted() {
        let mut outbox = Outbox::default();
        let large: Arc<str> = format!("\"{}\"", "x".repeat(DATA_BYTES_MAX - 2)).into();
        let said = (0..1_000).map(|_| outbox.say(0, Kind::Durable, "t", large.clone()));
        let fit = said.take_while(Result::is_ok).count();
        assert!((200..300).contains(&fit), "{fit}");
        assert_eq!(outbox.refused, 1);
        let long = "t".repeat(TOPIC_BYTES_MAX + 1);
        assert_eq!(outbox.say(0, Kind::Durable, &long, "1".into()), Err(NotSaid::NoTopic));
        assert_eq!(outbox.say(0, Kind::Durable, "", "1".into()), Err(NotSaid::NoTopic));
        let larger = format!("{large} ").into();
        assert_eq!(outbox.say(0, Kind::Durable, "t", larger), Err(NotSaid::TooLarge));
        let order = outbox.next(NOW).unwrap();
        assert!(crate::node::bytes_of_order(&order).is_some());
    }
}
