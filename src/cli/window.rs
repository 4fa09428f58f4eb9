//! Taking part with a window; or without one, where there is no display: then a bot takes part, and
//! tells what happens. So the same command is of use on a bare server.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use interregnum::{
    arena::Arena,
    keys::Lock,
    node::Command,
    runtime::{self, Events, Handle, Join},
    text::SessionName,
    types::Role,
};

use super::{
    TakePart,
    options::WindowOptions,
    output::{Output, Stdout},
    pilot::pilot,
    profile::Profile,
    reporter::{Reporter, Words},
    signals,
    take_part::Participant,
};

/// Opens the window. Without a display a bot takes part instead.
pub fn run(options: &WindowOptions, log: &Output) -> anyhow::Result<ExitCode> {
    let WindowOptions { play, watch, seats, size: size_px, part } = options;
    let (play, size_px) = (*play, *size_px);
    let out = Stdout::new(part.run.json)?;
    let stop = signals::stop_requests(part.run.tied, &out)?;
    let mut profile = super::claim(part)?;
    let name = super::called(part, log).unwrap_or_else(|| profile.usual_name());
    profile.keep_name(&name);
    let session = super::session(part);
    let lock = super::secret::lock(&part.game, &session)?;
    let mut settings = super::settings(part, &mut profile, name.clone())?;
    settings.talks = true;
    if *watch {
        settings.role = Role::Spectator;
    }
    seats.limit(&mut settings);
    settings.session = play.then(|| session.clone());
    settings.lock.clone_from(&lock);
    // A person plays, unless there turns out to be no window for one.
    let watch = *watch;
    let on_its_own = Arc::new(AtomicBool::new(false));
    let handle: Handle<Arena> =
        Join::from(settings).pilot(pilot(Arc::clone(&on_its_own))).start()?;
    let mut stay = Stay {
        events: Arc::new(handle.events()),
        handle: Arc::new(handle),
        out: out.clone(),
        part: TakePart::of(&part.run),
        session,
        lock,
        play,
        size_px,
        stop,
    };
    let no_display = match stay.open_window(&mut profile, &name)? {
        Ok(code) => return Ok(code),
        Err(no_display) => no_display,
    };
    let what = if watch { "watching" } else { "taking part as a bot" };
    log.put(&format!("{no_display}; {what}, until Ctrl-C"));
    on_its_own.store(!watch, Ordering::Relaxed);
    if !play {
        stay.handle.command(Command::Play(stay.session.clone(), stay.lock.clone()))?;
    }
    let session = Some(&stay.session);
    let reporter = Reporter::start(&out, stay.part.words, &name, session, stay.handle.started());
    Ok(stay
        .part
        .stay(vec![Participant::taken(stay.handle, stay.events, reporter, profile)], &stay.stop))
}

/// What both ways of staying need.
struct Stay {
    handle: Arc<Handle<Arena>>,
    events: Arc<Events<Arena>>,
    out: Output,
    part: TakePart,
    session: SessionName,
    lock: Option<Lock>,
    play: bool,
    size_px: Option<(u32, u32)>,
    stop: crossbeam_channel::Receiver<()>,
}

#[cfg(not(feature = "window"))]
impl Stay {
    /// Says that there is no window in this program.
    fn open_window(
        &mut self,
        _profile: &mut Profile,
        _name: &interregnum::text::Name,
    ) -> anyhow::Result<Result<ExitCode, String>> {
        let _ = (self.play, self.size_px, &self.out, Words::Json);
        Ok(Err("this program was built without a window".to_owned()))
    }
}

#[cfg(feature = "window")]
mod shown {
    use std::{path::PathBuf, sync::Mutex, time::Duration};

    use crossbeam_channel::{Receiver, bounded};

    use interregnum::{
        accounts::{Accounts, Friend, Own},
        arena::Controls,
        node::{ChatNews, Event, View},
        pairing::Told,
        runtime::Happened,
        text::Name,
        types::{Instant, NodeId},
        ui::{self, Errand},
    };

    use super::*;
    use crate::cli::desk::Desk;

    impl Stay {
        /// Stays until the window is closed. The inner error: there is no display.
        pub fn open_window(
            &mut self,
            profile: &mut Profile,
            name: &Name,
        ) -> anyhow::Result<Result<ExitCode, String>> {
            let mut options = ui::Options::new(name.clone());
            options.session = self.session.clone();
            options.lock.clone_from(&self.lock);
            options.play = self.play;
            options.size_px = self.size_px.unwrap_or(options.size_px);
            let session = self.play.then_some(&self.session);
            let reporter = match self.part.words {
                words @ Words::Json => {
                    Some(Reporter::start(&self.out, words, name, session, self.handle.started()))
                }
                Words::Story => None,
            };
            let chair = Chair {
                handle: Arc::clone(&self.handle),
                events: Arc::clone(&self.events),
                reporter: Mutex::new(reporter),
                stop: self.stop.clone(),
                desk: Arc::new(Desk::of(profile)),
                end: self.part.seconds.map(|s| runtime::now() + Duration::from_secs(s)),
                asked_to_leave: AtomicBool::new(false),
            };
            let console: Arc<dyn ui::Console> = Arc::new(chair);
            Ok(match ui::run(move || Some(console), options) {
                Ok(outcome) => {
                    profile.keep_name(&outcome.name);
                    let failed = self.handle.view().is_some_and(|view| view.failure.is_some());
                    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
                }
                Err(no_display) => Err(no_display.to_string()),
            })
        }
    }

    /// A console at the window that also tells what happens, and gets up when asked to.
    struct Chair {
        handle: Arc<Handle<Arena>>,
        events: Arc<Events<Arena>>,
        reporter: Mutex<Option<Reporter>>,
        stop: crossbeam_channel::Receiver<()>,
        desk: Arc<Desk>,
        end: Option<Instant>,
        asked_to_leave: AtomicBool,
    }

    impl ui::Console for Chair {
        fn now(&self) -> Instant {
            self.handle.now()
        }

        fn view(&self) -> Option<Arc<View<Arena>>> {
            let view = self.handle.view()?;
            self.tell(|reporter| reporter.viewed(&view));
            Some(view)
        }

        fn next_event(&self) -> Option<Happened<Arena>> {
            let over = self.end.is_some_and(|end| runtime::now() >= end);
            if (over || self.stop.try_recv().is_ok())
                && !self.asked_to_leave.swap(true, Ordering::Relaxed)
            {
                self.command(Command::Leave);
            }
            let timed = self.events.next_now()?;
            self.tell(|reporter| reporter.happened(&timed));
            if let Happened::Node(Event::Pairing { name, told: Told::Paired(key), .. }) =
                &timed.event
            {
                self.desk.remember(Friend { name: name.clone(), key: *key });
            }
            if let Happened::Node(Event::Chat(ChatNews::Muted { muted })) = &timed.event {
                self.desk.keep_muted(muted);
            }
            Some(timed.event)
        }

        fn controls(&self, controls: Controls) {
            self.handle.hold(controls);
        }

        fn command(&self, command: Command<Arena>) {
            if let Command::Rename(name) = &command
                && self.desk.rename(name).is_ok()
            {
                declare(&self.desk, &self.handle);
            }
            if let Err(error) = self.handle.command(command) {
                tracing::warn!("{error}");
            }
        }

        fn account(&self) -> Option<Own> {
            self.desk.account()
        }

        fn look_accounts_up(&self) {
            self.desk.look_again();
        }

        fn accounts(&self) -> Option<Arc<Accounts>> {
            self.desk.accounts()
        }

        fn create_account(&self, name: &Name) -> Result<String, String> {
            self.desk.create(name)
        }

        fn like_colour(&self, colour: u8) -> Result<(), String> {
            self.desk.like_colour(colour)?;
            declare(&self.desk, &self.handle);
            Ok(())
        }

        fn delete_account(&self) -> Result<(), String> {
            self.desk.delete()?;
            declare(&self.desk, &self.handle);
            Ok(())
        }

        fn strike_machine(&self, machine: NodeId) -> Result<String, String> {
            let told = self.desk.strike(machine)?;
            declare(&self.desk, &self.handle);
            Ok(told)
        }

        fn copies(&self) -> Option<PathBuf> {
            directories::UserDirs::new().map(|user| user.home_dir().to_owned())
        }

        fn errand(&self, errand: Errand) -> Receiver<Result<String, String>> {
            let (tell, told) = bounded(1);
            let (desk, handle) = (Arc::clone(&self.desk), Arc::clone(&self.handle));
            let run = move || {
                let done = desk.run(errand);
                if done.is_ok() {
                    declare(&desk, &handle);
                    let called = desk.account().and_then(|own| Some(own.called()?.0.clone()));
                    called.map(|name| handle.command(Command::Rename(name)));
                }
                let _ = tell.send(done);
            };
            // Should there be no thread to be had, the other end of the channel says so.
            let _ = std::thread::Builder::new().name("errand".to_owned()).spawn(run);
            told
        }

        fn address(&self) -> String {
            let started = self.handle.started();
            format!("{}:{}", started.ip, started.tcp)
        }
    }

    impl Chair {
        fn tell(&self, say: impl FnOnce(&mut Reporter)) {
            if let Ok(mut reporter) = self.reporter.lock()
                && let Some(reporter) = &mut *reporter
            {
                say(reporter);
            }
        }
    }

    /// Tells the node what the own account says.
    fn declare(desk: &Desk, handle: &Handle<Arena>) {
        let Some(own) = desk.account() else { return };
        let (statements, reads_as) =
            (own.statements().to_vec(), own.secret().cloned().map(Box::new));
        if let Err(error) = handle.command(Command::Declare { statements, reads_as }) {
            tracing::warn!("{error}");
        }
    }
}
