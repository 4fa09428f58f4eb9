//! What its user says, and takes back, and what is said to that user.

use super::{ChatNews, Event, Node, NotSaid, Status, talk::Around};
use crate::{
    accounts::Accounts,
    chat::marks,
    game::Game,
    ledger::{body::Body, entry::EntryId},
    text::Said,
    types::{Instant, NodeId},
};

impl<G: Game> Node<G> {
    /// Follows what is said, and says what waited for a session.
    pub(super) fn mind_talk(&mut self, now: Instant) {
        let plays = self.status() == Status::Playing;
        if plays && !self.cluster.keeper().is_reading() {
            for (to, said) in self.talk.take_put_off() {
                self.say_to(now, to, said);
            }
        }
        let accounts = self.persons.shown().clone();
        let ledger = self.cluster.ledger();
        let (me, members) = (&self.cluster.me().key, &self.members[..]);
        let around = Around { ledger, accounts: &accounts, me, members };
        let talks = self.wishes.talks;
        let todo = self.talk.tick(now, Self::RATE, &around, self.cluster.keeper(), plays, talks);
        self.view_due |= todo.show;
        todo.write.into_iter().for_each(|body| self.cluster.write(now, body));
        todo.news.into_iter().for_each(|news| self.say(Event::Chat(news)));
    }

    /// What is known around what is said.
    pub(super) fn around<'a>(&'a self, accounts: &'a Accounts) -> Around<'a> {
        let (me, members) = (&self.cluster.me().key, &self.members[..]);
        Around { ledger: self.cluster.ledger(), accounts, me, members }
    }

    /// Says something to all, or to one.
    pub(super) fn say_to(&mut self, now: Instant, to: Option<NodeId>, said: Said) {
        let news = match self.try_to_say(now, to, &said) {
            Ok(Some(id)) => ChatNews::Sent { id, said },
            Ok(None) => return,
            Err(why) => ChatNews::NotSaid { said: Some(said), why },
        };
        self.say(Event::Chat(news));
    }

    pub(super) fn try_to_say(
        &mut self,
        now: Instant,
        to: Option<NodeId>,
        said: &Said,
    ) -> Result<Option<EntryId>, NotSaid> {
        if self.applied.is_none() || self.cluster.keeper().is_reading() {
            return self.talk.put_off(to, said.clone()).map(|()| None);
        }
        let accounts = self.persons.shown().clone();
        let ledger = self.cluster.ledger();
        let (me, members) = (&self.cluster.me().key, &self.members[..]);
        let around = Around { ledger, accounts: &accounts, me, members };
        let body = self.talk.say(now, &around, to, said)?;
        for body in self.persons.introduce(self.cluster.ledger(), self.me()) {
            self.cluster.write(now, body);
        }
        let id = self.cluster.say(now, body).map_err(|_| NotSaid::Full)?;
        self.talk.has_said(id, said);
        Ok(Some(id))
    }

    /// Takes back what this node has said.
    pub(super) fn unsay(&mut self, now: Instant, id: EntryId) {
        if self.talk.is_own(self.me(), id) {
            self.talk.takes_back(id);
            self.cluster.write(now, Body::Deleted(id));
        } else if self.talk.is_of_person(self.persons.shown(), self.me(), id) {
            for body in self.persons.introduce(self.cluster.ledger(), self.me()) {
                self.cluster.write(now, body);
            }
            self.cluster.write(now, marks::take_back(id));
        } else {
            let why = NotSaid::NotOwn;
            self.say(Event::Chat(ChatNews::NotSaid { said: None, why }));
        }
    }
}
