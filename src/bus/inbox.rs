//! What was heard, until it is read.
//!
//! A latest thing that nobody has read yet gives way to the next one of its topic and sender: who reads seldom reads
//! what is so now. Of all else so much waits, and what finds no room is counted, and told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    heard::{Heard, Message},
    said::Kind,
};
use crate::types::NodeId;

/// So many things wait to be read.
pub const UNREAD_MAX: usize = 65_536;

/// What waits to be read.
#[derive(Debug, Default)]
pub struct Inbox {
    waiting: VecDeque<Option<Heard>>,
    /// How many have left the front, ever: what stands where.
    gone: u64,
    /// Where the unread one of a topic stands.
    latest: BTreeMap<(NodeId, Arc<str>), u64>,
    unread: usize,
    missed: u64,
    /// So many latest things were outdated before anybody has read them.
    pub outdated: u64,
    /// So many things were heard.
    pub heard: u64,
}

impl Inbox {
    /// Something was heard.
    pub fn put(&mut self, heard: Heard) {
        if let Heard::Message(message) = &heard
            && message.kind == Kind::Latest
        {
            let topic = (message.from, message.topic.clone());
            let here = self.gone + self.waiting.len() as u64;
            if let Some(at) = self.latest.insert(topic, here)
                && let Some(place) = at.checked_sub(self.gone)
                && let Some(older) = self.waiting.get_mut(place as usize)
                && older.take().is_some()
            {
                self.outdated += 1;
                self.unread -= 1;
            }
        }
        if self.unread >= UNREAD_MAX {
            self.missed += 1;
            if let Heard::Message(Message { from, topic, .. }) = heard {
                self.latest.remove(&(from, topic));
            }
            return;
        }
        self.unread += 1;
        self.waiting.push_back(Some(heard));
        // What was outdated at the front takes no room.
        while self.waiting.front().is_some_and(Option::is_none) {
            self.waiting.pop_front();
            self.gone += 1;
        }
    }

    /// So many were never heard here.
    pub fn missed(&mut self, count: u64) {
        self.missed += count;
    }

    /// The next one.
    pub fn take(&mut self) -> Option<Heard> {
        while let Some(next) = self.waiting.pop_front() {
            self.gone += 1;
            let Some(heard) = next else { continue };
            self.unread -= 1;
            if let Heard::Message(message) = &heard
                && message.kind == Kind::Latest
            {
                let topic = (message.from, message.topic.clone());
                if self.latest.get(&topic) == Some(&(self.gone - 1)) {
                    self.latest.remove(&topic);
                }
            }
            return Some(heard);
        }
        match std::mem::take(&mut self.missed) {
            0 => None,
            count => Some(Heard::Missed { count }),
        }
    }

    /// How many wait.
    pub fn unread(&self) -> usize {
        self.unread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: Kind, topic: &str, data: u64) -> Heard {
        let data = data.to_string().into();
        let from = NodeId::from_u128(1);
        Heard::Message(Message::for_test(from, kind, topic, data))
    }

    fn read(inbox: &mut Inbox) -> Vec<String> {
        let heard = std::iter::from_fn(|| inbox.take());
        let words = heard.map(|heard| match heard {
            Heard::Message(message) => message.data.to_string(),
            other => format!("{other:?}"),
        });
        words.collect()
    }

    #[test]
    fn of_a_topic_the_newest_is_read_and_all_that_is_durable() {
        let mut inbox = Inbox::default();
        for n in 0..10 {
            inbox.put(message(Kind::Latest, "a", n));
            inbox.put(message(Kind::Durable, "a", 100 + n));
        }
        let mut expected: Vec<String> = (100..109).map(|n: u32| n.to_string()).collect();
        expected.extend(["9".into(), "109".into()]);
        assert_eq!(read(&mut inbox), expected);
        assert_eq!((inbox.outdated, inbox.unread()), (9, 0));
        inbox.put(message(Kind::Latest, "a", 11));
        assert_eq!(read(&mut inbox), ["11"]);
    }

    #[test]
    fn who_reads_too_late_is_told_how_much_it_has_missed() {
        let mut inbox = Inbox::default();
        for n in 0..UNREAD_MAX as u64 + 5 {
            inbox.put(message(Kind::Durable, "a", n));
        }
        let read = read(&mut inbox);
        assert_eq!(read.len(), UNREAD_MAX + 1);
        assert_eq!(read.last().map(String::as_str), Some("Missed { count: 5 }"));
    }

    #[test]
    fn a_topic_that_changes_for_ever_takes_no_room() {
        let mut inbox = Inbox::default();
        for n in 0..1_000_000 {
            inbox.put(message(Kind::Latest, "a", n));
        }
        assert!(inbox.waiting.len() < 3 && inbox.latest.len() == 1);
    }
}
