//! `interregnum bus`: a bus from a shell, in scripts and pipes.

use std::{collections::BTreeSet, process::ExitCode, sync::Arc, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use interregnum::{
    bus::{Bus, HISTORY_MAX, Heard, Kind, Message, NotSaid, Place, Said},
    node::Status,
    runtime::{self, Settings},
    text::Name,
    types::{Instant, NodeId},
};
use serde_json::{Value, json};

use super::{
    called,
    impossible::Impossible,
    options::{BusCommand, BusListenOptions, BusSendOptions, PartOptions},
    output::{Output, Stdout},
    profile::Profile,
    secret, session, settings, signals,
    take_part::{LOCKED_OUT, NOT_LET_IN},
};

/// What whoever says something is called, if nothing is said.
const NAME: &str = "Shell";

/// How long what was said may take until it is everywhere.
const SAID_WITHIN: Duration = Duration::from_secs(10);

/// How long somebody else is waited for, to hear it.
const SOMEBODY_WITHIN: Duration = Duration::from_millis(1_500);

/// How long nothing more of what was said before may come until that is all.
const HISTORY_SETTLES: Duration = Duration::from_millis(700);

/// How often it is looked whether it is time to stop.
const LOOK: Duration = Duration::from_millis(20);

pub fn run(command: &BusCommand, log: &Output) -> anyhow::Result<ExitCode> {
    match command {
        BusCommand::Send(options) => send(options, log),
        BusCommand::Listen(options) => listen(options, log),
    }
}

fn join(part: &PartOptions, log: &Output) -> anyhow::Result<Bus> {
    let name = called(part, log).unwrap_or_else(|| Name::new(NAME));
    let mut base = settings(part, &mut Profile::passing()?, name)?;
    let room = session(part);
    base.lock = secret::lock(&part.game, &room)?;
    base.session = Some(room.clone());
    base.key = None;
    base.statements.clear();
    base.ledger = part.data_dir.as_ref().map(|folder| folder.join("bus.ledger"));
    if let Some(folder) = &part.data_dir {
        std::fs::create_dir_all(folder)
            .map_err(|error| Impossible(format!("--data-dir {}: {error}", folder.display())))?;
    }
    let join = Bus::join(room.as_str()).settings(|own| {
        *own = Settings { tuning: own.tuning.clone(), ..base };
    });
    Ok(join.start()?)
}

/// What was typed, as JSON.
fn as_json(typed: &str) -> String {
    match serde_json::from_str::<Value>(typed) {
        Ok(value) => value.to_string(),
        Err(_) => Value::from(typed).to_string(),
    }
}

fn send(options: &BusSendOptions, log: &Output) -> anyhow::Result<ExitCode> {
    let stop = signals::signals()?;
    let lines = match &options.data {
        Some(data) => {
            let (put, lines) = crossbeam_channel::bounded(1);
            put.send(data.clone())?;
            lines
        }
        None => super::typed::lines()?,
    };
    let part = options.guest.part(None);
    let bus = join(&part, log)?;
    let kind = if options.latest { Kind::Latest } else { Kind::Durable };
    let end = part.run.seconds.map(|span| runtime::now() + Duration::from_secs(span));
    let began = runtime::now();
    loop {
        if stop.try_recv().is_ok() || end.is_some_and(|end| runtime::now() >= end) {
            break;
        }
        if is_kept_out(&bus, began) {
            log.put("interregnum: this room is locked, or one is not let in");
            return Ok(ExitCode::from(NOT_LET_IN));
        }
        match lines.recv_timeout(LOOK) {
            Ok(line) => say(&bus, kind, &options.topic, &as_json(&line), &stop)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        while bus.recv().is_some() {}
    }
    let given_up = runtime::now() + SAID_WITHIN;
    while !bus.settle(LOOK) {
        if is_kept_out(&bus, began) {
            log.put("interregnum: this room is locked, or one is not let in");
            return Ok(ExitCode::from(NOT_LET_IN));
        }
        if runtime::now() >= given_up || stop.try_recv().is_ok() {
            log.put("interregnum: not all of it was said in time");
            return Ok(ExitCode::FAILURE);
        }
    }
    // Whoever leaves takes along what nobody else has heard.
    let alone_until = began + SOMEBODY_WITHIN;
    while !is_somebody_there(&bus) {
        if runtime::now() >= alone_until || stop.try_recv().is_ok() {
            log.put("interregnum: nobody else is in this room; nobody has heard it");
            return Ok(ExitCode::FAILURE);
        }
        std::thread::sleep(LOOK);
    }
    bus.settle(LOOK);
    Ok(ExitCode::SUCCESS)
}

fn is_somebody_there(bus: &Bus) -> bool {
    bus.view().is_some_and(|view| view.members.iter().filter(|it| !it.away).count() > 1)
}

/// Says it as soon as there is room.
fn say(bus: &Bus, kind: Kind, topic: &str, data: &str, stop: &Receiver<()>) -> anyhow::Result<()> {
    loop {
        match bus.send_json(kind, topic, data.into()) {
            Ok(()) => return Ok(()),
            Err(NotSaid::Full) if stop.is_empty() => {
                bus.settle(LOOK);
                while bus.recv().is_some() {}
            }
            Err(why @ (NotSaid::TooLarge | NotSaid::NoTopic | NotSaid::NoJson)) => {
                return Err(Impossible(why.to_string()).into());
            }
            Err(why) => return Err(why.into()),
        }
    }
}

fn is_kept_out(bus: &Bus, began: Instant) -> bool {
    let view = bus.view();
    let waits = view.is_some_and(|view| {
        let heard = view.sessions.iter().filter(|it| Some(&it.name) == view.session.as_ref());
        view.status == Status::Searching && heard.clone().any(|it| it.locked)
            || view.status == Status::Browsing
    });
    waits && runtime::now().since(began) >= LOCKED_OUT
}

fn listen(options: &BusListenOptions, log: &Output) -> anyhow::Result<ExitCode> {
    let out = Stdout::new(true)?;
    let part = options.guest.part(options.data_dir.clone());
    let stop = signals::stop_requests(part.run.tied, &out)?;
    let bus = join(&part, log)?;
    let began = runtime::now();
    let end = part.run.seconds.map(|span| began + Duration::from_secs(span));
    let mut teller = Teller { out: &out, options, left: options.count, told: BTreeSet::new() };
    if options.history {
        // What there is comes in one go, if nothing more comes for a while.
        let (mut known, mut since) = (usize::MAX, began);
        while stop.is_empty() && runtime::now().since(since) < HISTORY_SETTLES {
            let len = bus.history().len();
            let plays = bus.view().is_some_and(|view| view.status == Status::Playing);
            if len != known || !plays && runtime::now().since(began) < SAID_WITHIN {
                (known, since) = (len, runtime::now());
            }
            if is_kept_out(&bus, began) {
                break;
            }
            std::thread::sleep(LOOK);
        }
    }
    let mut history = Arc::default();
    loop {
        if options.history {
            let newer = bus.history();
            for (place, kept) in newer.beyond(&history) {
                teller.tell((kept.by, kept.name.as_str()), &kept.said, place);
            }
            history = newer;
        }
        let late = end.is_some_and(|end| runtime::now() >= end);
        if teller.left == Some(0) || stop.try_recv().is_ok() || bus.is_over() || late {
            return Ok(ExitCode::SUCCESS);
        }
        if is_kept_out(&bus, began) {
            log.put("interregnum: this room is locked, or one is not let in");
            return Ok(ExitCode::from(NOT_LET_IN));
        }
        match bus.recv_within(LOOK) {
            Some(Heard::Message(message)) => {
                let from = (message.from, message.name.as_str());
                let Message { kind, topic, data, number, sent_ms: at_ms, place, .. } =
                    message.clone();
                teller.tell(from, &Said { number, kind, topic, at_ms, data }, place);
            }
            Some(Heard::Missed { count }) => log.put(&format!("{count} things were missed")),
            _ => {}
        }
    }
}

/// Prints what is wanted, each durable thing once.
struct Teller<'a> {
    out: &'a Output,
    options: &'a BusListenOptions,
    left: Option<u64>,
    told: BTreeSet<Place>,
}

impl Teller<'_> {
    fn tell(&mut self, from: (NodeId, &str), said: &Said, place: Place) {
        let wanted = self.options.topic.as_deref().is_none_or(|topic| topic == &*said.topic);
        if !wanted || self.left == Some(0) {
            return;
        }
        if said.kind == Kind::Durable && self.options.history {
            if !self.told.insert(place) {
                return;
            }
            while self.told.len() > HISTORY_MAX {
                self.told.pop_first();
            }
        }
        self.out.put(&line(from, &said.topic, &said.data, said.kind, place));
        self.left = self.left.map(|left| left - 1);
    }
}

fn line(from: (NodeId, &str), topic: &str, data: &str, kind: Kind, place: Place) -> String {
    let data: Value = serde_json::from_str(data).unwrap_or(Value::Null);
    let durable = kind == Kind::Durable;
    let (id, name) = from;
    json!({
        "from": id, "name": name, "topic": topic, "data": data, "durable": durable,
        "place": place.place,
    })
    .to_string()
}
