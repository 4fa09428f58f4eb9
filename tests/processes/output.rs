//! Output never decides about the game: nobody reads it, it fails, it is closed.
//!
//! The one whose output is in trouble can tell nothing, so others tell of it: it is in their roster,
//! newcomers find it, and it leaves politely.

use std::{
    fs::File,
    io::{ErrorKind, PipeReader, Write, pipe},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    process::{Pid, Signal, kill_process},
};

use crate::peers::{PATIENCE, PROGRAM, Party, Peer, plain, program};

#[test]
fn a_bot_whose_lines_nobody_reads_plays_and_leaves_politely() {
    let (_unread, full) = full_pipe();
    let mut scene = Scene::with(|bot| bot.args(["--json", "--trace-ticks"]).stdout(full));
    scene.plays_on();
    scene.leaves_at(Signal::TERM);
}

#[test]
fn a_bot_whose_story_nobody_reads_leaves_when_its_time_is_over() {
    let (_unread, full) = full_pipe();
    let mut scene = Scene::with(|bot| bot.args(["--seconds", "4"]).stdout(full));
    scene.leaves();
}

// From loopback no packet gets to anywhere else, so the network thread has something to log.
#[test]
fn a_bot_whose_log_nobody_reads_plays_and_leaves_politely() {
    let (_unread, full) = full_pipe();
    let log = ["--log", "trace", "--peer", "192.0.2.1"];
    let mut scene = Scene::with(|bot| bot.args(log).stderr(full));
    scene.plays_on();
    scene.leaves_at(Signal::TERM);
}

#[test]
fn a_bot_whose_disk_is_full_plays_on_without_a_voice() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let log = full.try_clone().unwrap();
    for json in [&["--json"][..], &[]] {
        let (out, err) = (full.try_clone().unwrap(), log.try_clone().unwrap());
        let mut scene = Scene::with(|bot| bot.args(json).stdout(out).stderr(err));
        scene.plays_on();
        scene.leaves_at(Signal::TERM);
    }
}

#[test]
fn a_bot_without_standard_streams_plays_and_leaves_politely() {
    let mut scene = Scene::by_shell("exec \"$@\" <&- >&- 2>&-", |bot| bot);
    scene.plays_on();
    scene.leaves_at(Signal::TERM);
}

#[test]
fn a_bot_whose_pipe_is_closed_leaves_politely() {
    for json in [&["--json"][..], &[]] {
        let (reader, writer) = pipe().unwrap();
        let mut scene = Scene::with(|bot| bot.args(json).stdout(writer));
        drop(reader);
        // It notices with the next line that it says.
        let _newcomer = scene.party.join();
        scene.leaves();
    }
}

#[test]
fn a_bot_whose_log_is_closed_plays_on() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let log = ["--log", "trace", "--peer", "192.0.2.1"];
    let mut scene = Scene::with(|bot| bot.args(log).stderr(writer));
    scene.plays_on();
    scene.leaves_at(Signal::TERM);
}

// `nohup`, and what a shell does with its background jobs.
#[test]
fn signals_that_were_ignored_at_the_start_stay_ignored() {
    let mut scene = Scene::by_shell("trap '' HUP INT; exec \"$@\"", |bot| bot);
    scene.signal(Signal::HUP);
    scene.signal(Signal::INT);
    scene.plays_on();
    scene.leaves_at(Signal::TERM);
    let mut scene = Scene::by_shell("trap '' TERM; exec \"$@\"", |bot| bot);
    scene.signal(Signal::TERM);
    scene.plays_on();
    scene.leaves_at(Signal::HUP);
}

#[test]
fn each_signal_that_asks_for_an_end_is_heeded_politely() {
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        Scene::by_shell("trap - HUP INT TERM; exec \"$@\"", |bot| bot).leaves_at(signal);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_bot_whose_terminal_is_closed_leaves_politely() {
    let (terminal, inside) = terminal();
    let mut scene = Scene::wrapped(&["setsid", "--ctty"], |bot| in_terminal(bot, &inside));
    drop((terminal, inside));
    scene.leaves();
}

#[cfg(target_os = "linux")]
#[test]
fn a_bot_that_is_to_outlive_its_terminal_plays_on() {
    let (terminal, inside) = terminal();
    let wrap = ["setsid", "--ctty", "sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    let mut scene = Scene::wrapped(&wrap, |bot| in_terminal(bot, &inside));
    drop((terminal, inside));
    scene.plays_on();
    scene.leaves_at(Signal::TERM);
}

// As with Ctrl-S: nothing comes out of it, and at some time nothing goes in.
#[cfg(target_os = "linux")]
#[test]
fn a_bot_whose_terminal_stands_still_plays_and_leaves_politely() {
    let (_terminal, inside) = terminal();
    fill(&inside);
    let mut scene = Scene::with(|bot| in_terminal(bot, &inside));
    scene.plays_on();
    scene.leaves_at(Signal::TERM);
}

#[test]
fn a_demo_that_nobody_reads_ends_when_its_time_is_over() {
    for json in [&["--json"][..], &[]] {
        let (_unread, full) = full_pipe();
        let port = Party::new().beacon_port.to_string();
        let mut demo = program();
        demo.args(["demo", "--peers", "2", "--seconds", "3", "--beacon-port", &port]).args(json);
        let status = Quiet(demo.stdout(full).spawn().unwrap()).exit();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let answers = ANSWERS.iter().copied();
    for arguments in answers.chain(cfg!(feature = "store").then_some(&["scores"][..])) {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let done = answer(arguments, full);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains("standard output cannot be written"), "{arguments:?}: {said}");
    }
}

#[test]
fn an_answer_that_nobody_wants_to_hear_to_its_end_is_no_failure() {
    let answers = ANSWERS.iter().copied();
    for arguments in answers.chain(cfg!(feature = "store").then_some(&["scores"][..])) {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let done = answer(arguments, writer);
        assert!(done.status.success(), "{arguments:?}: {}", done.status);
        assert_eq!(String::from_utf8(done.stderr).unwrap(), "", "{arguments:?}");
    }
}

const ANSWERS: &[&[&str]] = &[
    &["--help"],
    &["--version"],
    &["help", "bot"],
    &["bench", "heal", "--help"],
    &["sim", "--stories"],
    &["sim", "--seed", "1"],
    &["sim", "--seed", "1", "--trace"],
];

fn answer(arguments: &[&str], out: impl Into<Stdio>) -> Output {
    let mut command = program();
    command.args(arguments).stdout(out);
    if arguments == ["scores"] {
        // Nobody plays there.
        command.arg("--data-dir").arg(env!("CARGO_TARGET_TMPDIR"));
    }
    command.output().unwrap()
}

/// A game of one who can tell, and one who is in trouble.
struct Scene {
    party: Party,
    witness: Peer,
    quiet: Quiet,
}

impl Scene {
    fn with(trouble: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        Self::wrapped(&[], trouble)
    }

    /// A shell starts the bot: `$@`.
    fn by_shell(script: &str, trouble: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        Self::wrapped(&["sh", "-c", script, "sh"], trouble)
    }

    /// Another program becomes the bot.
    fn wrapped(by: &[&str], trouble: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let party = Party::new();
        let witness = party.join();
        let bot = party.command("bot");
        // Whoever runs the tests may ignore signals (`nohup`), and what is started by them would, too.
        let usual = ["env", "--default-signal=HUP,INT,TERM"];
        let resets = Command::new(usual[0]).args([usual[1], "true"]).output();
        let before: &[&str] = if resets.is_ok_and(|it| it.status.success()) { &usual } else { &[] };
        let line: Vec<&str> = before.iter().chain(by).copied().chain([PROGRAM]).collect();
        let mut command = plain(Command::new(line[0]));
        command.args(&line[1..]).args(bot.get_args());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let quiet = Quiet(trouble(&mut command).spawn().unwrap());
        // Or the other end of a pipe would be held here too.
        drop(command);
        let mut scene = Self { party, witness, quiet };
        scene.witness.wait_until("two in the roster", |witness| witness.members.len() == 2);
        scene
    }

    fn signal(&self, signal: Signal) {
        self.quiet.signal(signal);
    }

    /// A newcomer finds all three in one game that goes on.
    fn plays_on(&mut self) {
        let mut newcomer = self.party.join();
        newcomer.wait_until("three in the roster", |newcomer| newcomer.members.len() == 3);
        newcomer.wait_for_play();
        assert_eq!(newcomer.members.len(), 3);
        let id = newcomer.id.clone();
        newcomer.kill();
        let is_gone = move |witness: &Peer| !witness.members.contains(&id);
        self.witness.wait_until("the newcomer's end", is_gone);
    }

    fn leaves_at(mut self, signal: Signal) {
        self.signal(signal);
        self.leaves();
    }

    /// It has taken leave, and ends well.
    fn leaves(&mut self) {
        let status = self.quiet.exit();
        assert!(status.success(), "{status} (signal {:?})", status.signal());
        let left = |witness: &Peer| {
            witness.said.iter().any(|line| line["event"] == "peer_down" && line["reason"] == "left")
        };
        self.witness.wait_until("a polite farewell", left);
    }
}

/// A process that tells nothing. It does not outlive its test.
struct Quiet(Child);

impl Quiet {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits for its end.
    fn exit(&mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.0);
        let (ended, end) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Whoever waits for it sees by which signal it ended.
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        let status = self.0.wait().unwrap();
        drop(ended);
        watch.join().unwrap();
        status
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pipe that nobody reads and that takes nothing more.
fn full_pipe() -> (PipeReader, OwnedFd) {
    let (reader, writer) = pipe().unwrap();
    let writer = OwnedFd::from(writer);
    fill(&writer);
    (reader, writer)
}

/// Writes until nothing more goes in.
fn fill(stream: &OwnedFd) {
    fcntl_setfl(stream, OFlags::NONBLOCK).unwrap();
    let mut writer = File::from(stream.try_clone().unwrap());
    loop {
        match writer.write(b"x") {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    fcntl_setfl(stream, OFlags::empty()).unwrap();
}

/// A terminal: the side of whoever looks at it, and the side of the programs in it.
#[cfg(target_os = "linux")]
fn terminal() -> (OwnedFd, OwnedFd) {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let outside = openpt(flags).unwrap();
    grantpt(&outside).unwrap();
    unlockpt(&outside).unwrap();
    let inside = ioctl_tiocgptpeer(&outside, flags).unwrap();
    (outside, inside)
}

#[cfg(target_os = "linux")]
fn in_terminal<'a>(bot: &'a mut Command, inside: &impl AsFd) -> &'a mut Command {
    let stream = || inside.as_fd().try_clone_to_owned().unwrap();
    bot.stdin(stream()).stdout(stream()).stderr(stream())
}
