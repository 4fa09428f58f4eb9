//! People talk in a terminal, and whoever hosts may go: what was said stays, in one order for all.
//!
//! `cargo run --release --example chat -- Ada`, in two terminals. The library keeps what is said, so there
//! is nothing to be played: the game has an empty world.

use std::{
    error::Error,
    io::{BufRead as _, stdin},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use interregnum::{
    Event, Game, Happened, News,
    details::{ChatNews, Said},
    join,
};

/// No game at all.
#[derive(Clone, Debug)]
enum Talk {}

impl Game for Talk {
    const RULES: &'static str = "talk 1";
    type World = ();
    type Controls = ();
    type Order = ();
    type Event = ();
    type Scores = ();

    fn new_world(_seed: u64) {}

    fn is_valid(_world: &()) -> bool {
        true
    }

    fn step(_world: &mut (), _news: &[News<()>], _events: &mut Vec<()>) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("somebody".to_owned());
    let handle = join::<Talk>("talk").name(&name).env().start()?;
    let events = handle.events();

    let (typed, lines) = channel();
    thread::Builder::new().spawn(move || {
        let lines = stdin().lock().lines().map_while(Result::ok);
        lines.map(|line| typed.send(line)).all(|sent| sent.is_ok())
    })?;
    let mut hosts = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => match Said::new(&line) {
                Ok(said) => handle.say(None, said)?,
                Err(why) => println!("* {why}"),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let members = handle.view().map(|view| (view.host, view.members.clone()));
        let (host, members) = members.unwrap_or_default();
        let called = |id| {
            let member = members.iter().find(|member| member.id == id);
            member.map(|member| member.name.to_string())
        };
        if hosts != host
            && let Some(name) = host.and_then(called)
        {
            hosts = host;
            println!("* {name} hosts");
        }
        while let Some(happened) = events.next_now() {
            match happened.event {
                Happened::Node(Event::Chat(ChatNews::Said { line, name, .. })) => {
                    let name = name.or(called(line.from)).unwrap_or("somebody".to_owned());
                    println!("{name}: {}", line.said().map_or("", Said::as_str));
                }
                Happened::Node(Event::Chat(ChatNews::NotSaid { why, .. })) => println!("* {why}"),
                Happened::Failed { why } => return Err(why.to_string().into()),
                _ => {}
            }
        }
    }
    handle.leave();
    Ok(())
}
