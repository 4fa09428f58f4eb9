//! Runs nodes without a screen until it is time to stop, and tells what happens to them.

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use crossbeam_channel::{Receiver, Select};
use interregnum::{
    arena::Arena,
    node::{Command, Event},
    pairing::{Stage, Told},
    runtime::{self, Events, Handle, Happened, Join, Settings},
    text::Said,
    types::{Instant, Role},
};

use super::{
    options::RunOptions,
    output::Output,
    pilot::pilot,
    profile::Profile,
    reporter::{Reporter, Words},
    signals,
};

/// How often points are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How long somebody who is not let in waits for that to change.
pub const LOCKED_OUT: Duration = Duration::from_secs(3);

/// What the program ends with if somebody was not let in.
pub const NOT_LET_IN: u8 = 3;

/// How long all of them may take to leave.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// How to take part, whoever does.
pub struct TakePart {
    pub words: Words,
    pub seconds: Option<u64>,
    pub tied: bool,
    /// Each says a line in each such time.
    pub chatter: Option<Duration>,
}

impl TakePart {
    /// What was typed about it.
    pub fn of(run: &RunOptions) -> Self {
        Self {
            words: if run.json { Words::Json } else { Words::Story },
            seconds: run.seconds,
            tied: run.tied,
            chatter: None,
        }
    }

    /// Starts the nodes and stays until it is time to stop.
    pub fn run(&self, nodes: Vec<(Settings, Profile)>, out: &Output) -> anyhow::Result<ExitCode> {
        let stop = signals::stop_requests(self.tied, out)?;
        let mut participants = Vec::new();
        for (settings, profile) in nodes {
            participants.push(Participant::start(out, self.words, settings, profile)?);
        }
        Ok(self.stay(participants, &stop))
    }

    /// Tells what happens to those in their participants until it is time to stop.
    pub fn stay(&self, mut participants: Vec<Participant>, stop: &Receiver<()>) -> ExitCode {
        let end = self.seconds.map(|seconds| runtime::now() + Duration::from_secs(seconds));
        let mut leave_by = None;
        let mut next_look = runtime::now();
        let mut code = ExitCode::SUCCESS;
        let mut chatter = self.chatter.map(|every| Chatter { every, next: next_look, lines: 0 });
        while !participants.is_empty() {
            let next = chatter.as_ref().map_or(next_look, |chatter| chatter.next.min(next_look));
            wait(&participants, stop, next);
            let now = runtime::now();
            if let Some(chatter) = &mut chatter {
                chatter.talk(now, &participants);
            }
            let asked = stop.try_recv().is_ok() || end.is_some_and(|end| now >= end);
            if asked && leave_by.is_none() {
                leave_by = Some(now + LEAVE_PATIENCE);
                for participant in &participants {
                    // Who has ended already says so among its events; who does not listen is left.
                    let _ = participant.handle.command(Command::Leave);
                }
            }
            let look = now >= next_look;
            if look {
                next_look = now + LOOK;
            }
            for participant in &mut participants {
                participant.tell(look);
                if participant.is_kept_out(now) {
                    code = ExitCode::from(NOT_LET_IN);
                    let _ = participant.handle.command(Command::Leave);
                }
            }
            if participants.iter().any(|participant| participant.end == Some(End::Failed)) {
                return ExitCode::FAILURE;
            }
            participants.retain(|participant| participant.end.is_none());
            if leave_by.is_some_and(|by| now >= by) {
                break;
            }
        }
        code
    }
}

/// Somebody who talks without a pause.
struct Chatter {
    every: Duration,
    next: Instant,
    lines: u64,
}

impl Chatter {
    /// Everybody who plays says what is due.
    fn talk(&mut self, now: Instant, participants: &[Participant]) {
        while now >= self.next {
            self.next += self.every;
            self.lines += 1;
            let Ok(said) = Said::new(&format!("this is line {}", self.lines)) else { return };
            for participant in participants.iter().filter(|participant| participant.plays) {
                let _ = participant.handle.say(None, said.clone());
            }
        }
    }
}

/// Blocks until something happened to somebody, or it is time to look at the points.
fn wait(participants: &[Participant], stop: &Receiver<()>, until: Instant) {
    let mut select = Select::new();
    select.recv(stop);
    for participant in participants {
        select.recv(participant.events.queue());
    }
    let _ = select.ready_timeout(until.since(runtime::now()));
}

/// A node, who it is, and its voice.
pub struct Participant {
    pub handle: Arc<Handle<Arena>>,
    events: Arc<Events<Arena>>,
    reporter: Reporter,
    end: Option<End>,
    /// It has come into a game.
    plays: bool,
    /// From when on it waits in vain before a session that it is not let into.
    kept_out_from: Option<Instant>,
    _profile: Profile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Left,
    Failed,
}

impl Participant {
    fn start(
        out: &Output,
        words: Words,
        settings: Settings,
        profile: Profile,
    ) -> anyhow::Result<Self> {
        let name = settings.name.clone();
        let session = settings.session.clone();
        let plays = Arc::new(AtomicBool::new(settings.role == Role::Player));
        let handle = Join::from(settings).pilot(pilot(plays)).start()?;
        let reporter = Reporter::start(out, words, &name, session.as_ref(), handle.started());
        let events = Arc::new(handle.events());
        Ok(Self::taken(Arc::new(handle), events, reporter, profile))
    }

    /// For a node that runs already.
    pub fn taken(
        handle: Arc<Handle<Arena>>,
        events: Arc<Events<Arena>>,
        reporter: Reporter,
        profile: Profile,
    ) -> Self {
        Self {
            handle,
            events,
            reporter,
            end: None,
            plays: false,
            kept_out_from: None,
            _profile: profile,
        }
    }

    /// Whether it is no use any more to wait: said once.
    fn is_kept_out(&mut self, now: Instant) -> bool {
        self.kept_out_from.take_if(|from| now >= *from).is_some()
    }

    /// Tells all that happened since the last time.
    fn tell(&mut self, look: bool) {
        if look && let Some(view) = self.handle.view() {
            self.reporter.viewed(&view);
        }
        while let Some(timed) = self.events.next_now() {
            self.reporter.happened(&timed);
            match timed.event {
                Happened::Node(Event::Stopped) => self.end = Some(End::Left),
                Happened::Failed { .. } => self.end = Some(End::Failed),
                Happened::Node(Event::Locked { .. }) => {
                    self.kept_out_from = Some(timed.at + LOCKED_OUT);
                }
                Happened::Node(Event::Excluded { .. }) => self.kept_out_from = Some(timed.at),
                Happened::Node(Event::Host { .. }) => {
                    self.plays = true;
                    self.kept_out_from = None;
                }
                // Nobody is there who could look.
                Happened::Node(Event::Pairing { told: Told::Stage(Stage::Asked), .. }) => {
                    let _ = self.handle.command(Command::Compared { same: false });
                }
                _ => {}
            }
        }
        if self.events.is_over() {
            self.end.get_or_insert(End::Failed);
        }
    }
}
