//! Talking, from a terminal or a pipe: linked like a spectator, with a voice.
//!
//! What is typed is said line by line, at the pace that is allowed; what others say is printed as it gets
//! its place, and what was said while nobody was here first. When the input ends, and everything is said
//! and kept, it leaves. So `echo hello | interregnum chat` says hello, and `interregnum chat < /dev/null`
//! tells what one has missed.
//!
//! With `--json` the lines are those of [`lines`](super::lines), all that happens included; `said` is a line
//! of chat, `sending`, `not_said`, `taken_back` and `said_while_away` the rest. These are a stable interface.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, IsTerminal as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use crossbeam_channel::{Receiver, Select, TryRecvError};
use interregnum::{
    accounts::told_apart,
    arena::Arena,
    chat::{
        Line,
        typed::{self, HELP, Meaningless, Typed},
    },
    ledger::{
        entry::{EntryId, Writer},
        witness::Safety,
    },
    node::{ChatNews, Command, Event, NotSaid, Status, View},
    runtime::{self, Events, Handle, Happened, Join, Timed},
    text::Name,
    types::{Instant, NodeId, Role},
};

use super::{
    history,
    lines::What,
    options::ChatOptions,
    output::{Output, Stdout},
    profile::Profile,
    reporter::{Reporter, Words},
    secret, signals, story,
    take_part::{LOCKED_OUT, NOT_LET_IN},
};

/// How often it is looked whether something can be said.
const LOOK: Duration = Duration::from_millis(50);

/// How long a name that is not known yet may be heard of.
const NAME_PATIENCE: Duration = Duration::from_secs(5);

/// How long nothing may come of what is to be said, when the input has ended.
const SAY_PATIENCE: Duration = Duration::from_secs(30);

/// How long leaving may take.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// So many lines of a pipe wait here; the others wait in it.
const TYPED_WAITING_MAX: usize = 64;

/// Talks, or looks up what was said.
pub fn run(options: &ChatOptions, log: &Output) -> anyhow::Result<ExitCode> {
    if options.history {
        return history::run(options);
    }
    let part = &options.part;
    let session = super::session(part);
    let lock = secret::lock(&part.game, &session)?;
    let mut profile = super::claim(part)?;
    let typed = super::called(part, log);
    if let Some(name) = &typed {
        profile.keep_name(name);
    }
    let name = typed.unwrap_or_else(|| profile.usual_name());
    let mut settings = super::settings(part, &mut profile, name.clone())?;
    settings.role = Role::Spectator;
    settings.talks = true;
    settings.session = Some(session.clone());
    settings.lock = lock;
    let out = Stdout::new(part.run.json)?;
    let stop = signals::stop_requests(part.run.tied, &out)?;
    let input = if part.run.tied { None } else { Some(super::typed::lines()?) };
    let handle = Join::<Arena>::from(settings).start()?;
    let words = if part.run.json { Words::Json } else { Words::Story };
    let reporter = Reporter::start(&out, words, &name, Some(&session), handle.started());
    let end = part.run.seconds.map(|seconds| runtime::now() + Duration::from_secs(seconds));
    let talker = Talker {
        events: handle.events(),
        me: handle.started().id,
        handle,
        reporter,
        out: out.clone(),
        json: part.run.json,
        asked: io::stdin().is_terminal(),
        stays: options.stay || part.run.tied,
        profile,
        input,
        end,
        waiting: VecDeque::new(),
        saying: false,
        not_before: runtime::now(),
        first_tried: None,
        mine: Vec::new(),
        unplaced: BTreeSet::new(),
        unkept: BTreeSet::new(),
        kept: BTreeMap::new(),
        taking_back: BTreeSet::new(),
        away: Vec::new(),
        settled: false,
        played: false,
        told_try: None,
        moved_at: runtime::now(),
        kept_out_from: None,
        code: ExitCode::SUCCESS,
    };
    Ok(talker.run(&stop))
}

/// Somebody who talks.
struct Talker {
    handle: Handle<Arena>,
    events: Events<Arena>,
    me: NodeId,
    reporter: Reporter,
    out: Output,
    json: bool,
    /// Whether a person types.
    asked: bool,
    stays: bool,
    profile: Profile,
    /// None: it has ended.
    input: Option<Receiver<String>>,
    end: Option<Instant>,
    waiting: VecDeque<String>,
    /// The first that waits was handed over, and nothing has come of it yet.
    saying: bool,
    not_before: Instant,
    /// Since when somebody is looked for by that name.
    first_tried: Option<Instant>,
    /// What was said here, and was not taken back.
    mine: Vec<EntryId>,
    unplaced: BTreeSet<EntryId>,
    unkept: BTreeSet<EntryId>,
    kept: BTreeMap<Writer, u64>,
    taking_back: BTreeSet<EntryId>,
    /// What was said while nobody was here, until all of it has come.
    away: Vec<(Arc<Line>, Option<String>)>,
    settled: bool,
    played: bool,
    told_try: Option<Instant>,
    /// When something came of anything last.
    moved_at: Instant,
    kept_out_from: Option<Instant>,
    code: ExitCode,
}

impl Talker {
    fn run(mut self, stop: &Receiver<()>) -> ExitCode {
        let mut leave_by = None;
        loop {
            self.wait(stop);
            let now = runtime::now();
            self.take_input();
            if let Some(view) = self.handle.view() {
                if self.json {
                    self.reporter.viewed(&view);
                }
                self.look(now, &view);
                self.pump(now, &view);
            }
            while let Some(timed) = self.events.next_now() {
                let stopped = matches!(timed.event, Happened::Node(Event::Stopped));
                let failed = matches!(timed.event, Happened::Failed { .. });
                self.hear(&timed);
                if failed {
                    return ExitCode::FAILURE;
                }
                if stopped {
                    return self.code;
                }
            }
            if self.events.is_over() {
                return ExitCode::FAILURE;
            }
            if leave_by.is_some_and(|by| now >= by) {
                return self.code;
            }
            if leave_by.is_none() && (stop.try_recv().is_ok() || self.is_over(now)) {
                leave_by = Some(now + LEAVE_PATIENCE);
                let _ = self.handle.command(Command::Leave);
            }
        }
    }

    fn wait(&self, stop: &Receiver<()>) {
        let mut select = Select::new();
        select.recv(stop);
        select.recv(self.events.queue());
        if let Some(input) = self.input.as_ref().filter(|_| self.has_room()) {
            select.recv(input);
        }
        let _ = select.ready_timeout(LOOK);
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < TYPED_WAITING_MAX
    }

    fn take_input(&mut self) {
        while let Some(input) = self.input.as_ref().filter(|_| self.has_room()) {
            match input.try_recv() {
                Ok(line) if line.is_empty() => {}
                Ok(line) => self.waiting.push_back(line),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.input = None;
                    self.moved_at = runtime::now();
                }
            }
        }
    }

    /// Whether there is nothing more to do here.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.kept_out_from.is_some_and(|from| now >= from) {
            self.code = ExitCode::from(NOT_LET_IN);
            return true;
        }
        if self.end.is_some_and(|end| now >= end) {
            return true;
        }
        if self.input.is_some() || self.stays {
            return false;
        }
        let said = self.waiting.is_empty() && self.unplaced.is_empty() && self.unkept.is_empty();
        if said && self.taking_back.is_empty() && self.settled {
            return true;
        }
        let stuck = now.since(self.moved_at) >= SAY_PATIENCE;
        if stuck {
            self.complain("nobody was reached, or not everything could be said and kept");
            self.code = ExitCode::FAILURE;
        }
        stuck
    }

    /// Says what waits, as fast as that may be.
    fn pump(&mut self, now: Instant, view: &View<Arena>) {
        self.played |= view.status == Status::Playing;
        while self.played && !self.saying && now >= self.not_before {
            let Some(line) = self.waiting.front().cloned() else { return };
            let lines = view.chat.lines.iter().map(|line| &*line.line);
            let answered = typed::answered(lines, &view.accounts, self.me);
            match typed::read(&line, &view.accounts, answered) {
                // Who is known, and what was said before, has come in by then.
                Ok(Typed::List(_) | Typed::Unsay(_) | Typed::Muted) if !self.settled => return,
                Ok(typed) => {
                    self.first_tried = None;
                    if self.does(typed, view) {
                        return;
                    }
                }
                Err(Meaningless::Nobody(_) | Meaningless::NoLetter)
                    if now.since(*self.first_tried.get_or_insert(now)) < NAME_PATIENCE =>
                {
                    return;
                }
                Err(error) => {
                    self.first_tried = None;
                    self.refuse(&line, &error.to_string());
                }
            }
            self.waiting.pop_front();
            self.moved_at = now;
        }
    }

    /// Does what was typed. Whether its outcome is waited for.
    fn does(&mut self, typed: Typed, view: &View<Arena>) -> bool {
        match typed {
            Typed::Say(to, said) => {
                self.saying = self.handle.say(to, said).is_ok();
                return true;
            }
            Typed::Unsay(named) => {
                let last = || self.mine.last().copied().or_else(|| self.last_of(view));
                match named.or_else(last) {
                    Some(id) => {
                        self.taking_back.insert(id);
                        let _ = self.handle.unsay(id);
                    }
                    None => {
                        self.code = ExitCode::FAILURE;
                        self.complain("there is no line of yours to take back");
                    }
                }
            }
            Typed::Mute(person, mute) => {
                let _ = self.handle.command(Command::Mute { person, mute });
                let name = view.accounts.called(person);
                self.tell(&format!("{name} is {}", if mute { "muted" } else { "heard again" }));
            }
            Typed::Muted => {
                let people: Vec<NodeId> = view.chat.muted.iter().copied().collect();
                let names: Vec<String> =
                    people.iter().map(|person| view.accounts.called(*person)).collect();
                match people[..] {
                    _ if self.json => self.reporter.tell(What::Muted { people }),
                    [] => self.tell("nobody is muted"),
                    _ => self.tell(&format!("muted: {}", names.join(", "))),
                }
            }
            Typed::List(filter) => {
                for one in view.accounts.listed(&filter) {
                    let (person, name) = (one.key.id(), one.shown());
                    if self.json {
                        self.reporter.tell(What::Known { person, name });
                    } else {
                        self.tell(&name);
                    }
                }
            }
            Typed::Help => self.tell(HELP),
            Typed::Quit => {
                self.waiting.truncate(1);
                self.input = None;
                self.stays = false;
            }
        }
        false
    }

    fn last_of(&self, view: &View<Arena>) -> Option<EntryId> {
        let lines = view.chat.lines.iter().map(|line| &*line.line);
        typed::last_own(lines, &view.accounts, self.me)
    }

    /// Something happened.
    fn hear(&mut self, timed: &Timed<Arena>) {
        if self.json {
            self.reporter.happened(timed);
        }
        match &timed.event {
            Happened::Node(Event::Chat(news)) => self.hear_said(timed.at, news),
            Happened::Node(Event::Safe { writer, safety, through }) if *safety >= Safety::Mine => {
                let kept = self.kept.entry(*writer).or_default();
                *kept = (*kept).max(*through);
                self.look_at_kept(timed.at);
            }
            Happened::Node(Event::Locked { .. }) => {
                self.kept_out_from = Some(timed.at + LOCKED_OUT);
                self.tell("this session is locked, with another passphrase than this one");
            }
            Happened::Node(Event::Excluded { why, .. }) => {
                self.kept_out_from = Some(timed.at);
                self.tell(&format!("not let in: {}", why.as_str()));
            }
            Happened::Node(Event::Host { .. }) => {
                self.kept_out_from = None;
                if self.told_try.take().is_some() {
                    self.tell("connected again");
                }
            }
            Happened::Node(Event::NewIdentity { id }) => self.me = *id,
            Happened::Node(Event::Recognised { peer, name }) => {
                self.tell(&story::recognised(&self.shown(*peer, name)));
            }
            Happened::Node(Event::OtherKey { peer, name }) => {
                self.tell(&story::other_key(&self.shown(*peer, name), name));
            }
            Happened::Node(Event::DiskFailed { trouble }) => {
                self.tell(&format!("nothing more is kept here: {trouble}"));
            }
            Happened::Warning(text) => self.tell(text),
            _ => {}
        }
    }

    fn hear_said(&mut self, at: Instant, news: &ChatNews) {
        self.moved_at = at;
        match news {
            ChatNews::Said { line, name, away, .. } => {
                self.unplaced.remove(&line.id);
                if *away && !self.settled {
                    self.away.push((line.clone(), name.clone()));
                } else {
                    self.print(line, name.as_deref());
                }
            }
            ChatNews::WhileAway { lines } => {
                self.settled = true;
                if *lines > 0 {
                    let lines = if *lines == 1 { "line" } else { "lines" };
                    self.tell(&format!("{} new {lines} while you were away:", self.away.len()));
                }
                for (line, name) in std::mem::take(&mut self.away) {
                    self.print(&line, name.as_deref());
                }
            }
            ChatNews::Deleted { id } => {
                self.taking_back.remove(id);
                self.unplaced.remove(id);
                self.mine.retain(|mine| mine != id);
                self.tell(&format!("(taken back: {id})"));
            }
            ChatNews::Sent { id, .. } => {
                self.saying = false;
                self.waiting.pop_front();
                self.mine.push(*id);
                self.unplaced.insert(*id);
                self.unkept.insert(*id);
                self.look_at_kept(at);
            }
            ChatNews::Muted { muted } => self.profile.keep_muted(muted),
            ChatNews::NotSaid { why: NotSaid::TooFast(wait), .. } => {
                self.saying = false;
                self.not_before = at + *wait;
                if self.asked {
                    self.tell("a little slower, please: five lines at once, then one a second");
                }
            }
            ChatNews::NotSaid { said, why } => {
                if said.is_some() {
                    self.saying = false;
                    self.waiting.pop_front();
                }
                self.taking_back.clear();
                self.code = ExitCode::FAILURE;
                self.tell(&format!("not said: {why}"));
            }
        }
    }

    fn look_at_kept(&mut self, at: Instant) {
        let kept = &self.kept;
        let before = self.unkept.len();
        self.unkept.retain(|id| kept.get(&id.writer).is_none_or(|through| *through < id.number));
        if self.unkept.len() < before {
            self.moved_at = at;
        }
    }

    /// Looks at what is to be seen and is no event.
    fn look(&mut self, now: Instant, view: &View<Arena>) {
        if view.ledger.trouble.is_some() {
            // It is on the disks of others.
            self.unkept.clear();
        }
        let is_new = view.next_try.is_some_and(|next| self.told_try.is_none_or(|told| next > told));
        if let Some(seconds) = view.tries_again_in(now).filter(|_| is_new) {
            self.told_try = view.next_try;
            self.tell(&format!("reconnecting, next try in {seconds} s"));
        }
    }

    /// What somebody who plays is called, so that it is told from others of that name.
    fn shown(&self, peer: NodeId, name: &Name) -> String {
        let view = self.handle.view();
        let shown = view.and_then(|view| {
            let players = view.members.iter().map(|member| (member.id, member.name.as_str()));
            told_apart(players, &view.accounts).remove(&peer)
        });
        shown.unwrap_or_else(|| name.to_string())
    }

    fn print(&self, line: &Line, name: Option<&str>) {
        let Some(view) = self.handle.view() else { return };
        let accounts = &view.accounts;
        if self.json {
            return;
        }
        let Some(said) = line.said() else { return };
        // What is seen may be older than what was said.
        let known = accounts.of_machine(line.from).is_some();
        let from = match name.filter(|_| !known) {
            Some(name) => name.to_owned(),
            None => accounts.called(accounts.person(line.from)),
        };
        let own = accounts.person(self.me);
        let whom = match line.to {
            None => from,
            Some(to) if to == own || to == self.me => format!("{from} \u{2192} you"),
            Some(to) => format!("{from} \u{2192} {}", accounts.called(to)),
        };
        self.out.put(&format!("{whom}: {said}"));
    }

    /// Tells people something; scripts have the lines.
    fn tell(&self, text: &str) {
        if !self.json {
            self.out.put(text);
        }
    }

    fn refuse(&mut self, line: &str, why: &str) {
        self.code = ExitCode::FAILURE;
        if self.json {
            let text = Some(line.to_owned());
            self.reporter.tell(What::NotSaid { text, why: why.to_owned() });
        }
        self.tell(&format!("not said: {why}"));
    }

    fn complain(&self, text: &str) {
        if self.json {
            self.reporter.tell(What::Warning { text: text.to_owned() });
        }
        self.tell(text);
    }
}
