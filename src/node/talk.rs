//! What people say to each other, as a node follows it.
//!
//! What comes of the ledger goes into the fold, and is told, each line once, when it has its place. While
//! more is expected of somebody who was asked for what is lacking here, telling waits: what comes in
//! portions, each of another writer, is told in the order of all. Letters are opened a few in each tick,
//! like statements are checked.
//!
//! What was on this machine's disk when the session was opened has been shown here before; what comes of
//! the others until everything has come in once was said while nobody was here, but for what another machine of
//! the same person [has shown](crate::chat::marks).

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{ChatLine, ChatNews, ChatView, MemberView, NotSaid, Sent};
use crate::{
    accounts::Accounts,
    chat::{
        self, Chat, Content, Line, Turn,
        marks::{self, Marks},
    },
    config::{LINES_SHOWN, LINES_SHOWN_MAX, MUTED_MAX},
    game::Rate,
    keys::{Chance, SecretKey},
    ledger::{
        Ledger,
        body::Body,
        entry::{Entry, EntryId},
        keeper::Keeper,
        order::Place,
        pace::{Allowed, LINES_AT_ONCE, Pace},
    },
    text::Said,
    types::{Instant, NodeId},
};

/// So many letters are opened in one tick of sixty a second: half a millisecond of them.
const OPENED_PER_TICK: usize = 6;

/// How long telling waits for the rest of what somebody brings.
const TOLD_PATIENCE: Duration = Duration::from_secs(2);

/// How long a session is played before all that was said meanwhile has come in.
const LISTENED: Duration = Duration::from_secs(1);

/// So many lines are told in one tick: whoever reads what is told has time to read it.
const TOLD_PER_TICK: usize = 500;

/// The time between two notes of how far was read here, while there is something new.
const SEEN_EVERY: Duration = Duration::from_secs(30);

/// Of so many of the own last lines it is shown where they are.
const OWN_MAX: usize = 16;

/// The time between two looks at where they are.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// So many lines wait for a session to be said in.
const OUTBOX_MAX: usize = LINES_AT_ONCE as usize;

/// All that was said, and what is yet to be said.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    chance: Chance,
    /// The own account's key, if this machine has it: it opens what was said before the machine was one of
    /// the account's.
    account: Option<SecretKey>,
    chat: Chat,
    /// Those that have their places, and are not told yet.
    untold: BTreeSet<(Option<Place>, EntryId)>,
    waits_since: Option<Instant>,
    /// Letters of before that are not opened yet, the newest last.
    closed: Vec<EntryId>,
    /// Since when this session is played.
    since: Option<Instant>,
    /// All that was said meanwhile has come in.
    settled: bool,
    /// How much was said meanwhile, and what came first of it.
    missed: usize,
    new_from: Option<EntryId>,
    /// What machines of one person said to each other.
    marks: Marks,
    marks_changed: bool,
    /// Lines that were taken back on another machine than the one that wrote them, and are there yet.
    hidden: BTreeSet<EntryId>,
    /// When it was noted last how far was read here.
    noted_at: Instant,
    muted: Arc<BTreeSet<NodeId>>,
    /// So many lines are shown.
    shown_max: usize,
    allowed: Allowed,
    pace: Pace,
    outbox: VecDeque<(Option<NodeId>, Said)>,
    /// The own last lines.
    own: VecDeque<Own>,
    look_at: Instant,
    shown: Arc<ChatView>,
    changed: bool,
}

/// A line that was said here.
#[derive(Clone, Debug)]
struct Own {
    id: EntryId,
    /// What it says: its letter need not be opened.
    said: Said,
    taken_back: bool,
    /// On how many other machines it was when that was looked at last.
    machines: usize,
}

/// What is known around it.
pub(super) struct Around<'a> {
    pub ledger: &'a Ledger,
    pub accounts: &'a Accounts,
    pub me: &'a SecretKey,
    /// Who is in the session.
    pub members: &'a [MemberView],
}

impl Around<'_> {
    /// What whoever writes on this machine is called.
    fn name_of(&self, machine: NodeId) -> Option<String> {
        let member = || self.members.iter().find(|member| member.id == machine);
        let account = self.accounts.name_of(machine).map(str::to_owned);
        account.or_else(|| member().map(|member| member.name.to_string()))
    }
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub(super) struct ToDo {
    /// This is to be told.
    pub news: Vec<ChatNews>,
    /// These entries are to be written.
    pub write: Vec<Body>,
    /// There is something else to show.
    pub show: bool,
}

impl Talk {
    /// Nothing was said.
    pub fn new(
        now: Instant,
        chance: [u8; 32],
        account: Option<SecretKey>,
        allowed: Allowed,
        muted: BTreeSet<NodeId>,
    ) -> Self {
        Self {
            chance: Chance::new(chance),
            account,
            marks: Marks::default(),
            marks_changed: false,
            hidden: BTreeSet::new(),
            noted_at: now,
            muted: Arc::new(muted.into_iter().take(MUTED_MAX).collect()),
            shown_max: LINES_SHOWN,
            allowed,
            chat: Chat::default(),
            untold: BTreeSet::new(),
            waits_since: None,
            closed: Vec::new(),
            since: None,
            settled: false,
            missed: 0,
            new_from: None,
            pace: Pace::new(now, allowed.at_once, allowed.every),
            outbox: VecDeque::new(),
            own: VecDeque::new(),
            look_at: now,
            shown: Arc::default(),
            changed: false,
        }
    }

    /// What there is to show.
    pub fn shown(&self) -> &Arc<ChatView> {
        &self.shown
    }

    /// All lines, to look at.
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    /// From here on the own account's key is this one, or is not here. Letters of before it opens in the next
    /// session that is played.
    pub fn read_as(&mut self, account: Option<SecretKey>) {
        self.account = account;
    }

    /// The ledger of another session is open.
    pub fn opened(&mut self, ledger: &Ledger, me: &SecretKey) {
        self.chat = Chat::of(ledger);
        self.untold.clear();
        self.own.clear();
        self.marks = Marks::default();
        self.hidden.clear();
        self.since = None;
        self.settled = false;
        (self.missed, self.new_from) = (0, None);
        let keys = [me].into_iter().chain(&self.account);
        let closed = self.chat.iter().filter(|line| line.is_sealed_for(keys.clone()));
        self.closed = closed.map(|line| line.id).collect();
        self.changed = true;
    }

    /// Whether something is to be told.
    pub fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// The session is left.
    pub fn left(&mut self) {
        self.since = None;
        self.outbox.clear();
    }

    /// Who is who has changed.
    pub fn persons_changed(&mut self) {
        self.changed = true;
        self.marks_changed = true;
    }

    /// An entry counts from here on. Whether it is about how far somebody has read, or what somebody takes back.
    pub fn hear_mark(&mut self, entry: &Entry) -> bool {
        let is_one = self.marks.hear(entry);
        self.marks_changed |= is_one;
        is_one
    }

    /// What a person says is not shown any more, or shown again. What is to be told.
    pub fn mute(&mut self, person: NodeId, mute: bool) -> ChatNews {
        let mut muted = BTreeSet::clone(&self.muted);
        if mute && muted.len() >= MUTED_MAX && !muted.contains(&person) {
            return ChatNews::NotSaid { said: None, why: NotSaid::Muted };
        }
        if mute {
            muted.insert(person);
        } else {
            muted.remove(&person);
        }
        self.muted = Arc::new(muted);
        self.changed = true;
        ChatNews::Muted { muted: self.muted.clone() }
    }

    /// So many lines are shown.
    pub fn look_back(&mut self, lines: usize) {
        let lines = lines.clamp(LINES_SHOWN, LINES_SHOWN_MAX);
        self.changed |= std::mem::replace(&mut self.shown_max, lines) != lines;
    }

    /// Something has become of a line in the ledger. Whether that is to be told: that a line is taken back is
    /// told to whoever was told of the line, or has said it.
    pub fn hear(&mut self, ledger: &Ledger, accounts: &Accounts, id: EntryId) -> Option<ChatNews> {
        let before = self.chat.get(id).cloned();
        let waited = before.as_ref().is_some_and(|line| self.untold.remove(&(line.place, id)));
        let me = ledger.me().node;
        let told = before.is_some_and(|line| self.was_told(&line, accounts, me, waited));
        let turn = self.chat.hear(ledger, id);
        let place = self.chat.get(id).and_then(|line| line.place);
        self.changed |= turn != Turn::None;
        self.marks_changed = true;
        let own = self.own.iter().find(|own| own.id == id);
        if let Some((own, line)) = own.zip(self.chat.get(id).cloned()) {
            let content = Content::Said(own.said.clone());
            self.chat.put(Line { content, ..Line::clone(&line) });
        }
        if turn == Turn::Placed || waited && turn == Turn::Moved {
            self.untold.insert((place, id));
        }
        // What was taken back on another machine was told then.
        let gone = turn == Turn::Gone && !self.hidden.remove(&id);
        (gone && told).then_some(ChatNews::Deleted { id })
    }

    /// Whether somebody here was told of this line, which may have waited to be told, or has said it.
    fn was_told(&self, line: &Line, accounts: &Accounts, me: NodeId, waited: bool) -> bool {
        let read = line.said().is_some() || self.closed.contains(&line.id);
        let known = line.place.is_some() && read && !accounts.is_deleted(line.from);
        line.from == me || known && !waited
    }

    /// The body of what is to be said now.
    ///
    /// # Errors
    /// [`NotSaid`]: it is not said.
    pub fn say(
        &mut self,
        now: Instant,
        around: &Around<'_>,
        to: Option<NodeId>,
        said: &Said,
    ) -> Result<Body, NotSaid> {
        let body = match to {
            None => chat::to_all(said),
            Some(to) => {
                let Around { ledger, accounts, me, .. } = around;
                let readers = chat::readers(ledger, accounts, me.public(), to);
                let readers = readers.ok_or(NotSaid::Nobody)?;
                chat::to_one(&mut self.chance, to, &readers, said).ok_or(NotSaid::Nobody)?
            }
        };
        self.keep_pace(now)?;
        Ok(body)
    }

    /// Keeps what is to be said until there is a session.
    ///
    /// # Errors
    /// [`NotSaid`]: it is not said.
    pub fn put_off(&mut self, to: Option<NodeId>, said: Said) -> Result<(), NotSaid> {
        if self.outbox.len() == OUTBOX_MAX {
            return Err(NotSaid::Elsewhere);
        }
        self.outbox.push_back((to, said));
        Ok(())
    }

    /// All that was put off.
    pub fn take_put_off(&mut self) -> VecDeque<(Option<NodeId>, Said)> {
        std::mem::take(&mut self.outbox)
    }

    fn keep_pace(&mut self, now: Instant) -> Result<(), NotSaid> {
        if self.pace.left(now, self.allowed.at_once) == 0 {
            return Err(NotSaid::TooFast(self.pace.wait(now)));
        }
        self.pace.said(1);
        Ok(())
    }

    /// This node has said something.
    pub fn has_said(&mut self, id: EntryId, said: &Said) {
        if self.own.len() == OWN_MAX {
            self.own.pop_front();
        }
        self.own.push_back(Own { id, said: said.clone(), taken_back: false, machines: 0 });
        self.changed = true;
    }

    /// Whether `me` has said this, and it was not taken back. What a host has just said is written with its
    /// next tick.
    pub fn is_own(&self, me: NodeId, id: EntryId) -> bool {
        let known = self.chat.get(id).is_some();
        let newest = || self.own.iter().any(|own| own.id == id && !own.taken_back);
        id.writer.node == me && (known || newest())
    }

    /// Whether this is there and was said by the person of this machine, on another one.
    pub fn is_of_person(&self, accounts: &Accounts, me: NodeId, id: EntryId) -> bool {
        let own = accounts.of_machine(me);
        let is_there = self.chat.get(id).is_some() && !self.hidden.contains(&id);
        is_there && own.is_some() && accounts.of_machine(id.writer.node) == own
    }

    /// It is taken back.
    pub fn takes_back(&mut self, id: EntryId) {
        for own in self.own.iter_mut().filter(|own| own.id == id) {
            own.taken_back = true;
        }
    }

    /// A tick passes; this node takes part in a session if it `plays`.
    pub fn tick(
        &mut self,
        now: Instant,
        rate: Rate,
        around: &Around<'_>,
        keeper: &Keeper,
        plays: bool,
        reads: bool,
    ) -> ToDo {
        let mut todo = ToDo::default();
        if std::mem::take(&mut self.marks_changed) {
            self.hide(around, &mut todo);
        }
        let since = plays.then(|| *self.since.get_or_insert(now));
        let comes_in = keeper.is_catching_up(now);
        let waited = self.waits_since.is_some_and(|since| now.since(since) >= TOLD_PATIENCE);
        let mut opens = rate.share(OPENED_PER_TICK);
        if self.untold.is_empty() {
            self.waits_since = None;
        } else if comes_in && !waited || keeper.is_reading() {
            self.waits_since.get_or_insert(now);
        } else {
            self.tell(around, &mut opens, &mut todo.news);
        }
        let settles = since.is_some_and(|since| now.since(since) >= LISTENED) && !comes_in;
        if settles && self.untold.is_empty() && !std::mem::replace(&mut self.settled, true) {
            todo.news.push(ChatNews::WhileAway { lines: self.missed });
            self.changed = true;
        }
        self.open_old(around, opens);
        if reads && plays && now.since(self.noted_at) >= SEEN_EVERY {
            self.noted_at = now;
            todo.write.extend(self.note_seen(around));
        }
        if now >= self.look_at {
            self.look_at = now + LOOK_EVERY;
            for own in &mut self.own {
                let more = keeper.copies(own.id);
                self.changed |= std::mem::replace(&mut own.machines, more) != more;
            }
        }
        if std::mem::take(&mut self.changed) {
            self.shown = Arc::new(self.view(around));
            todo.show = true;
        }
        todo
    }

    /// What there is to note of how far was read here. All that has come in has been shown by now.
    pub fn note_seen(&self, around: &Around<'_>) -> Option<Body> {
        if !self.settled || !self.untold.is_empty() {
            return None;
        }
        let newest = self.chat.iter().rev().find_map(|line| line.place)?;
        let noted = self.marks.seen_by(around.accounts, around.me.public().id());
        (noted < Some(newest)).then(|| marks::seen(newest))
    }

    /// Hides what was taken back on other machines than those that wrote it. What was written here goes.
    fn hide(&mut self, around: &Around<'_>, todo: &mut ToDo) {
        let asked: Vec<EntryId> = self.marks.asked_back().collect();
        for id in asked {
            let Some(line) = self.chat.get(id).cloned() else { continue };
            if self.hidden.contains(&id) || !self.marks.is_taken_back(around.accounts, id) {
                continue;
            }
            self.hidden.insert(id);
            self.changed = true;
            let me = around.me.public().id();
            let waited = self.untold.remove(&(line.place, id));
            if self.was_told(&line, around.accounts, me, waited) {
                todo.news.push(ChatNews::Deleted { id });
            }
            if id.writer.node == me {
                self.takes_back(id);
                todo.write.push(Body::Deleted(id));
            }
        }
    }

    /// Tells what has its place, in the order of all.
    fn tell(&mut self, around: &Around<'_>, opens: &mut usize, news: &mut Vec<ChatNews>) {
        let accounts = around.accounts;
        let own = accounts.person(around.me.public().id());
        let seen = self.marks.seen_by(accounts, around.me.public().id());
        for _ in 0..TOLD_PER_TICK {
            let Some((place, id)) = self.untold.first().copied() else { return };
            let Some(line) = self.chat.get(id).cloned() else {
                self.untold.pop_first();
                continue;
            };
            let line = match self.read(around, line, opens) {
                Ok(line) => line,
                Err(Later) => return,
            };
            self.untold.remove(&(place, id));
            self.changed = true;
            let Some(line) = line.filter(|line| self.is_shown(line, around)) else { continue };
            let away = !self.settled && accounts.person(line.from) != own && line.place > seen;
            if away {
                self.missed += 1;
                self.new_from.get_or_insert(line.id);
            }
            let name = around.name_of(line.from);
            let to_name = line.to.and_then(|to| around.accounts.name_of_person(to));
            let to_name = to_name.map(str::to_owned);
            news.push(ChatNews::Said { line, name, to_name, away });
        }
    }

    /// A line that is to be told, opened if it is a letter that this node can open; none if it is one for
    /// others.
    fn read(
        &mut self,
        around: &Around<'_>,
        line: Arc<Line>,
        opens: &mut usize,
    ) -> Result<Option<Arc<Line>>, Later> {
        let keys = [around.me].into_iter().chain(&self.account);
        let read = if line.said().is_some() {
            Some(line.clone())
        } else if line.is_sealed_for(keys.clone()) {
            *opens = opens.checked_sub(1).ok_or(Later)?;
            line.opened(keys).map(|line| {
                self.chat.put(line.clone());
                Arc::new(line)
            })
        } else {
            None
        };
        Ok(read)
    }

    /// Opens letters of before.
    fn open_old(&mut self, around: &Around<'_>, most: usize) {
        for _ in 0..most {
            let Some(id) = self.closed.pop() else { return };
            let keys = [around.me].into_iter().chain(&self.account);
            if let Some(line) = self.chat.get(id).and_then(|line| line.opened(keys)) {
                self.chat.put(line);
                self.changed = true;
            }
        }
    }

    fn view(&self, around: &Around<'_>) -> ChatView {
        let me = around.me.public().id();
        let is_told =
            |line: &Line| !self.untold.contains(&(line.place, line.id)) || line.from == me;
        let lines = self.chat.iter().rev();
        let mut lines = lines.filter(|line| self.is_shown(line, around) && is_told(line));
        let mut shown: Vec<ChatLine> = lines
            .by_ref()
            .take(self.shown_max)
            .map(|line| {
                let own = self.own.iter().find(|own| own.id == line.id);
                let sent = match line.place {
                    _ if line.from != me => None,
                    None => Some(Sent::OnItsWay),
                    Some(_) => own.map(|own| Sent::Placed { machines: own.machines }),
                };
                ChatLine { line: line.clone(), sent }
            })
            .collect();
        shown.reverse();
        ChatView {
            lines: shown.into(),
            more: lines.next().is_some(),
            missed: self.missed,
            new_from: self.new_from,
            muted: self.muted.clone(),
        }
    }

    /// Whether somebody here is to see a line: it can be read, it has its place or was said here, it was not
    /// taken back, and its author is neither muted nor one that has deleted its account.
    fn is_shown(&self, line: &Line, around: &Around<'_>) -> bool {
        let accounts = around.accounts;
        let on_its_way = line.place.is_none() && line.from != around.me.public().id();
        let hears = self.muted.is_empty() || !self.muted.contains(&accounts.person(line.from));
        let taken_back = self.hidden.contains(&line.id);
        let is_there = line.said().is_some() && !on_its_way && !taken_back;
        is_there && hears && !accounts.is_deleted(line.from)
    }
}

/// No more letters are opened in this tick.
struct Later;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{Claim, Heard, Statement},
        keys::PublicKey,
        ledger::{Out, batch, entry::WallTime, vouching::Pen},
        types::{Epoch, Incarnation, SessionId},
    };

    const WALL: WallTime = WallTime(0);

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    fn ledger(node: u8) -> Ledger {
        Ledger::new(SessionId(uuid::Uuid::from_u128(5)), Pen::new(key(node), Incarnation(1)))
    }

    fn say(ledger: &mut Ledger, to: Option<PublicKey>) -> EntryId {
        let said = Said::new("hello").unwrap();
        let body = match to {
            None => chat::to_all(&said),
            Some(to) => chat::to_one(&mut Chance::new([7; 32]), to.id(), &[to], &said).unwrap(),
        };
        ledger.write(WALL, body).unwrap().id()
    }

    fn take_back(ledger: &mut Ledger, id: EntryId) {
        ledger.write(WALL, Body::Deleted(id)).unwrap();
    }

    /// What `from` has and `to` lacks, taken over.
    fn merge(to: &mut Ledger, from: &Ledger) {
        let mut missing = from.missing_from(&to.vector());
        while let Some(portion) = missing.next(from, 1 << 14) {
            let entries = portion.into_entries().iter().map(|entry| Entry::clone(entry)).collect();
            for run in batch::runs(entries) {
                to.accept(run).unwrap();
            }
        }
    }

    /// Which lines are told to be taken back.
    fn taken_back(talk: &mut Talk, ledger: &mut Ledger, accounts: &Accounts) -> Vec<EntryId> {
        let mut told = Vec::new();
        while let Some(out) = ledger.poll() {
            let Out::Said(id) = out else { continue };
            match talk.hear(ledger, accounts, id) {
                Some(ChatNews::Deleted { id }) => told.push(id),
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
        told
    }

    #[test]
    fn that_a_line_is_taken_back_is_told_to_whoever_was_told_of_the_line_or_said_it() {
        let (mut host, mut ada, mut gone, mut mine) = (ledger(1), ledger(2), ledger(3), ledger(4));
        let me = key(4);
        host.reigns(Epoch(1));
        let to_all = say(&mut ada, None);
        let to_me = say(&mut ada, Some(me.public()));
        let to_host = say(&mut ada, Some(key(1).public()));
        let of_nobody = say(&mut gone, None);
        merge(&mut host, &ada);
        merge(&mut host, &gone);
        host.place(WALL);
        merge(&mut mine, &host);
        let on_its_way = say(&mut ada, None);
        merge(&mut mine, &ada);
        let own = say(&mut mine, None);
        let mut accounts = Accounts::default();
        let machine = key(3).public();
        for claim in [Claim::Certifies { machine, turn: 1 }, Claim::Deleted] {
            accounts.hear(Heard::by(machine.id(), Statement::new(&key(13), claim))).unwrap();
        }
        let mut talk = Talk::new(Instant(0), [1; 32], None, Allowed::default(), BTreeSet::new());
        talk.opened(&mine, &me);
        assert_eq!(taken_back(&mut talk, &mut mine, &accounts), []);

        for id in [to_all, to_me, to_host, on_its_way] {
            take_back(&mut ada, id);
        }
        take_back(&mut gone, of_nobody);
        merge(&mut mine, &ada);
        merge(&mut mine, &gone);
        take_back(&mut mine, own);
        let told = taken_back(&mut talk, &mut mine, &accounts);
        assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), [to_all, to_me, own].into());

        // One that has its place, and was not told yet.
        let waits = say(&mut host, None);
        merge(&mut mine, &host);
        assert_eq!(taken_back(&mut talk, &mut mine, &accounts), []);
        assert!(talk.has_untold());
        take_back(&mut host, waits);
        merge(&mut mine, &host);
        assert_eq!(taken_back(&mut talk, &mut mine, &accounts), []);
        assert!(!talk.has_untold());
    }
}
