//! What a client of the bridge is, once it has said so: a member of a bus, somebody who watches the arena, or who plays.
//!
//! Each member and each player is a node of its own, with a name and a place of its own, on the machine that has the
//! bridge; it goes on when the host dies, like any other. Those who watch share one node.

use std::{collections::VecDeque, sync::Arc, thread};

use interregnum::{
    arena::{Arena, Board, Controls},
    bus::{Bus, Heard, Kind},
    node::View,
    runtime::Handle,
    text::SessionName,
};

use super::{
    frames,
    words::{HistoryAsked, HoldAsked, MessageTold, SendAsked, Told},
};

/// The most messages of a history that are told at once.
const HISTORY_TOLD_MAX: usize = 1_000;

/// What a client is.
pub enum Guest {
    Member(Member),
    Watcher(Watcher),
    Player(Player),
}

/// A member of a bus.
pub struct Member {
    bus: Option<Bus>,
    /// Of the durable things that are on their way, those of which something is to be told.
    said: VecDeque<Option<u64>>,
}

impl Member {
    pub fn new(bus: Bus) -> Self {
        Self { bus: Some(bus), said: VecDeque::new() }
    }

    /// Says something. What is to be told at once.
    pub fn send(&mut self, asked: &SendAsked) -> Option<Told> {
        let bus = self.bus.as_ref()?;
        let kind = if asked.durable { Kind::Durable } else { Kind::Latest };
        match bus.send_json(kind, &asked.topic, asked.data.get().into()) {
            Ok(()) => {
                if asked.durable {
                    self.said.push_back(asked.id);
                }
                None
            }
            Err(why) => Some(Told::Refused { id: asked.id, why: why.to_string() }),
        }
    }

    /// The next lines of what was heard.
    pub fn next(&mut self) -> Option<String> {
        let bus = self.bus.as_ref()?;
        loop {
            let heard = bus.recv()?;
            let mut said = None;
            if let Heard::Message(message) = &heard
                && message.from == bus.me()
                && message.kind == Kind::Durable
            {
                said = self.said.pop_front().flatten();
            }
            if let Some(told) = Told::heard(bus.me(), heard) {
                let mut lines = told.line();
                if let Some(id) = said {
                    lines.push_str(&Told::Said { id }.line());
                }
                return Some(lines);
            }
        }
    }

    pub fn history(&self, asked: &HistoryAsked) -> Option<Told> {
        let bus = self.bus.as_ref()?;
        let history = bus.history();
        let wanted = history.iter().rev().take_while(|(place, _)| place.place > asked.after);
        let wanted = wanted.filter(|(_, kept)| {
            asked.topic.as_deref().is_none_or(|topic| topic == &*kept.said.topic)
        });
        let most = asked.limit.unwrap_or(HISTORY_TOLD_MAX).min(HISTORY_TOLD_MAX);
        let told = wanted.filter_map(|(place, kept)| MessageTold::kept(bus.me(), place, kept));
        let mut messages: Vec<MessageTold> = told.take(most).collect();
        messages.reverse();
        Some(Told::History { id: asked.id, messages })
    }

    pub fn stats(&self, id: Option<u64>) -> Option<Told> {
        let bus = self.bus.as_ref()?;
        Some(Told::stats(id, bus.stats(), bus.traffic()))
    }

    pub fn is_over(&self) -> bool {
        self.bus.as_ref().is_none_or(Bus::is_over)
    }
}

/// It leaves politely, and nobody waits for that.
impl Drop for Member {
    fn drop(&mut self) {
        let bus = self.bus.take();
        let leave = thread::Builder::new().name("farewell".into()).spawn(move || drop(bus));
        drop(leave); // without a thread it has left by now
    }
}

/// Somebody who watches: where it looks, and how much it has been shown.
pub struct Watcher {
    pub session: SessionName,
    /// The number of the last frame.
    pub shown: u64,
    pub board: Option<Arc<str>>,
}

/// The node by way of which all watch.
pub struct Stage {
    handle: Option<Handle<Arena>>,
    seen: Option<Arc<View<Arena>>>,
    known: Option<Board>,
    /// How many frames there were.
    pub number: u64,
    pub frame: Arc<str>,
    pub board: Arc<str>,
}

impl Stage {
    pub fn new(handle: Handle<Arena>) -> Self {
        let (frame, board): (Arc<str>, Arc<str>) = ("".into(), "".into());
        Self { handle: Some(handle), seen: None, known: None, number: 0, frame, board }
    }

    /// Looks whether there is a new frame.
    pub fn look(&mut self) {
        let Some(handle) = &self.handle else { return };
        let Some(view) = newer(handle, self.seen.as_ref()) else { return };
        if let Some(picture) = &view.picture {
            let now = handle.now();
            let shown = picture.shown(now);
            if self.known.as_ref() != Some(&shown.board) {
                self.board = frames::board(&shown.board).into();
                self.known = Some(shown.board.clone());
            }
            self.frame = frames::frame(&view, &shown).into();
            self.number += 1;
        }
        self.seen = Some(view);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        leave(self.handle.take());
    }
}

/// Somebody who plays.
pub struct Player {
    handle: Option<Handle<Arena>>,
    seen: Option<Arc<View<Arena>>>,
    known: Option<Board>,
}

impl Player {
    pub fn new(handle: Handle<Arena>) -> Self {
        Self { handle: Some(handle), seen: None, known: None }
    }

    pub fn hold(&self, asked: &HoldAsked) {
        let HoldAsked { dx, dy, dash } = *asked;
        if let Some(handle) = &self.handle {
            handle.hold(Controls { dx: dx.signum(), dy: dy.signum(), dash, bot: false });
        }
    }

    /// What is to be shown, if anything is new.
    pub fn next(&mut self) -> Option<String> {
        let handle = self.handle.as_ref()?;
        let view = newer(handle, self.seen.as_ref())?;
        let mut lines = String::new();
        if let Some(picture) = &view.picture {
            let now = handle.now();
            let shown = picture.shown(now);
            if self.known.as_ref() != Some(&shown.board) {
                lines.push_str(&frames::board(&shown.board));
                self.known = Some(shown.board.clone());
            }
            lines.push_str(&frames::frame(&view, &shown));
        }
        self.seen = Some(view);
        Some(lines).filter(|lines| !lines.is_empty())
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        leave(self.handle.take());
    }
}

fn newer(handle: &Handle<Arena>, seen: Option<&Arc<View<Arena>>>) -> Option<Arc<View<Arena>>> {
    let view = handle.view()?;
    let same = seen.is_some_and(|seen| Arc::ptr_eq(seen, &view));
    (!same).then_some(view)
}

fn leave(handle: Option<Handle<Arena>>) {
    let leave = thread::Builder::new().name("farewell".into()).spawn(move || drop(handle));
    drop(leave); // without a thread it has left by now
}
