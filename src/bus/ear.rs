//! What happens to the node of a member, made into what is heard on its bus.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    heard::{Heard, Message},
    history::{History, Kept, Place},
    inbox::Inbox,
    rules::{Rules, Told, World},
    said::{Kind, Said, SaidId},
};
use crate::{
    node::{Event, View},
    runtime::{self, Events, Handle, Happened},
    text::Name,
    types::{Instant, NodeId},
};

/// Who listens.
#[derive(Debug)]
pub struct Ear {
    me: NodeId,
    pub events: Events<Rules>,
    /// What was heard, until it is read.
    pub inbox: Inbox,
    /// All that is durable and known: what was heard is in it at once.
    pub history: Arc<History>,
    /// The same as it was shown last, which is a moment later.
    shown: Arc<History>,
    /// Where each thing of the history stands: it was told.
    told: BTreeMap<SaidId, Place>,
    /// All up to this one counts as told.
    forgotten: Option<Place>,
    /// What those who are there are called, as far as it was told: in what is shown they may be gone already.
    names: BTreeMap<NodeId, Name>,
    /// How much was said before this one was in; none: it is not yet.
    since: Option<u64>,
    /// The number of the last own thing that has come back, if one has since it was asked.
    came_back: Option<u64>,
}

impl Ear {
    /// Nothing was heard yet.
    pub fn new(me: NodeId, events: Events<Rules>) -> Self {
        Self {
            me,
            events,
            inbox: Inbox::default(),
            history: Arc::default(),
            shown: Arc::default(),
            told: BTreeMap::new(),
            forgotten: None,
            names: BTreeMap::new(),
            since: None,
            came_back: None,
        }
    }

    /// Hears what has arrived. The number of the last own thing that has come back in the sequence of all, if one has.
    pub fn listen(&mut self, handle: &Handle<Rules>) -> Option<u64> {
        // Who comes in is told first who is there, and only then what they say.
        if self.since.is_none()
            && let Some(view) = handle.view()
        {
            self.look(&view, false);
        }
        if self.since.is_none() && !self.events.has_ended() {
            return None;
        }
        let mut heard = false;
        while let Some(timed) = self.events.next_now() {
            heard = true;
            self.hear(handle, timed.at, timed.event);
        }
        if let Some(view) = handle.view() {
            self.look(&view, heard);
        }
        self.came_back.take()
    }

    fn hear(&mut self, handle: &Handle<Rules>, at: Instant, happened: Happened<Rules>) {
        let heard = match happened {
            Happened::Node(Event::Game { event, .. }) => match event {
                Told::Said { place: first, by, batch } => {
                    for (place, said) in (first.place..=u64::MAX).zip(batch.said) {
                        self.said(handle, at, Place { place, ..first }, by, batch.life, said);
                    }
                    return;
                }
                Told::Here(id, name) => {
                    if self.names.insert(id, name.clone()).is_some_and(|known| known == name) {
                        return; // it was there when this one came in
                    }
                    Heard::Here { id, name }
                }
                Told::Gone(id) => {
                    self.names.remove(&id);
                    Heard::Gone { id }
                }
            },
            Happened::Node(Event::Host { host, gap, .. }) => Heard::Host { id: host, gap },
            Happened::Node(Event::Missed { events }) | Happened::Missed { events } => {
                return self.inbox.missed(events);
            }
            _ => return,
        };
        self.inbox.put(heard);
    }

    fn said(
        &mut self,
        handle: &Handle<Rules>,
        at: Instant,
        place: Place,
        by: NodeId,
        life: u32,
        said: Said,
    ) {
        if by == self.me {
            self.came_back = self.came_back.max(Some(said.number));
        }
        let name = self.name_of(handle, by);
        if said.kind == Kind::Durable {
            let (name, said, wall) = (name.clone(), said.clone(), runtime::wall_time().0);
            let kept = Arc::new(Kept { by, life, name, said, wall });
            // Where a thing stands that was ordered again, the ledger decides.
            if self.told.contains_key(&kept.id()) || !self.stands_at(place, &kept) {
                return;
            }
        }
        self.message(at, place, by, name, said);
    }

    fn message(&mut self, heard_at: Instant, place: Place, from: NodeId, name: Name, said: Said) {
        let Said { number, kind, topic, at_ms: sent_ms, data } = said;
        let message = Message { from, name, kind, topic, data, place, number, sent_ms, heard_at };
        self.inbox.heard += 1;
        self.inbox.put(Heard::Message(message));
    }

    /// Notes where something durable stands. Whether it was not known before: where ticks were undone it was, at another
    /// place.
    fn stands_at(&mut self, place: Place, kept: &Arc<Kept>) -> bool {
        let id = kept.id();
        if !self.told.contains_key(&id) && Some(place) <= self.forgotten {
            return false;
        }
        let history = Arc::make_mut(&mut self.history);
        let before = self.told.insert(id, place);
        if let Some(before) = before.filter(|before| *before != place) {
            history.give_up(before, id);
        }
        if let Some((at, gone)) = history.keep(place, Arc::clone(kept))
            && (at, gone.id()) != (place, id)
        {
            self.told.remove(&gone.id());
            self.forgotten = self.forgotten.max(Some(at).filter(|at| *at != place));
        }
        before.is_none()
    }

    fn name_of(&mut self, handle: &Handle<Rules>, id: NodeId) -> Name {
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let view = handle.view();
        let world = view.as_ref().and_then(|view| Some(view.picture.as_ref()?.newest()));
        let Some(sender) = world.and_then(|world| world.senders.get(&id)) else {
            return Name::new("somebody"); // it said so just before it went
        };
        let name = sender.name.clone();
        self.names.insert(id, name.clone());
        self.inbox.put(Heard::Here { id, name: name.clone() });
        name
    }

    /// Looks at what is shown: at what there was before this one came in, and at what is durable and was not told.
    fn look(&mut self, view: &View<Rules>, heard: bool) {
        let Some(picture) = &view.picture else { return };
        let world = picture.newest();
        if let Some(own) = world.senders.get(&view.me).filter(|_| !heard) {
            self.came_back = self.came_back.max(Some(own.last));
        }
        let first = self.since.is_none();
        let since = *self.since.get_or_insert(world.said);
        if !Arc::ptr_eq(&view.scores, &self.shown) {
            let before = std::mem::replace(&mut self.shown, Arc::clone(&view.scores));
            for (place, kept) in view.scores.beyond(&before) {
                // What there was before is history, to be asked for.
                if self.stands_at(place, kept) && place.place > since {
                    self.message(view.at, place, kept.by, kept.name.clone(), kept.said.clone());
                }
            }
        }
        if first {
            self.tell_what_is(view.at, world);
        }
    }

    /// Whoever comes in is told who is there, and how everything is.
    fn tell_what_is(&mut self, at: Instant, world: &World) {
        let mut held = Vec::new();
        for (id, sender) in &world.senders {
            self.names.insert(*id, sender.name.clone());
            self.inbox.put(Heard::Here { id: *id, name: sender.name.clone() });
            held.extend(sender.topics.iter().map(|(topic, held)| (*id, sender, topic, held)));
        }
        held.sort_by_key(|(.., held)| held.place);
        for (id, sender, topic, held) in held {
            let said = Said {
                number: 0,
                kind: Kind::Latest,
                topic: topic.clone(),
                at_ms: held.at_ms,
                data: held.data.clone(),
            };
            let place = Place { place: held.place, reign: world.reign };
            self.message(at, place, id, sender.name.clone(), said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::history::HISTORY_MAX;

    fn kept(number: u64) -> Arc<Kept> {
        let (topic, data) = ("t".into(), "1".into());
        let said = Said { number, kind: Kind::Durable, topic, at_ms: 0, data };
        let (by, name) = (NodeId::from_u128(7), Name::new("Ada"));
        Arc::new(Kept { by, life: 1, name, said, wall: 0 })
    }

    fn at(place: u64) -> Place {
        Place { place, reign: 1 }
    }

    #[test]
    fn what_is_forgotten_is_not_new_when_it_is_shown_again() {
        let most = HISTORY_MAX as u64 + 200;
        let mut ear = Ear::new(NodeId::from_u128(1), Events::none());
        assert!((1..=most).all(|n| ear.stands_at(at(n), &kept(n))));
        assert!(!(1..=most).any(|n| ear.stands_at(at(n), &kept(n))));
        assert_eq!((ear.told.len(), ear.history.len()), (HISTORY_MAX, HISTORY_MAX));
    }

    #[test]
    fn of_many_things_at_one_place_one_is_held() {
        let mut ear = Ear::new(NodeId::from_u128(1), Events::none());
        let told = (1..100).filter(|n| ear.stands_at(at(5), &kept(*n))).count();
        assert_eq!((told, ear.told.len(), ear.history.len()), (99, 1, 1));
    }

    #[test]
    fn what_comes_to_stand_elsewhere_is_told_once_and_stands_there_alone() {
        let mut ear = Ear::new(NodeId::from_u128(1), Events::none());
        assert!(ear.stands_at(at(5), &kept(1)));
        assert!(ear.stands_at(at(6), &kept(2)));
        assert!(!ear.stands_at(at(9), &kept(1)));
        let history: Vec<u64> = ear.history.iter().map(|(place, _)| place.place).collect();
        assert_eq!(history, [6, 9]);
    }
}
