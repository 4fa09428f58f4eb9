//! `bench bus`: how soon two fresh programs hear each other, how long something said takes, how much may be said, and
//! what is lost when whoever gives the order is killed. Real processes: each is a bridge, to which this one speaks as a
//! client; only the flood is said within this process.
#![expect(clippy::disallowed_types, reason = "the impure edge")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};
use crossbeam_channel::{Receiver, unbounded};
use interregnum::{
    bus::{Bus, Heard, Kind},
    runtime,
    types::Instant,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::figures::ms;
use crate::cli::{options::BusBenchOptions, output::Stdout};

/// When to give up.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many talk while whoever gives the order is killed.
const TALKERS: usize = 4;

/// How often each of them says something.
const SAYS_EVERY: Duration = Duration::from_millis(10);

/// For how long they talk after each kill.
const TALKS: Duration = Duration::from_millis(700);

/// How long the flood lasts.
const FLOODS: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    /// From the start of two fresh programs until the first thing said was heard, in microseconds: the median, the
    /// 99th of 100, the longest; and how many of the first things were lost.
    first_us: [u64; 3],
    first_lost: usize,
    /// From one program to the other.
    way_us: [u64; 3],
    /// So many durable things were said in the flood, heard, and refused, in how long.
    flood_said: u64,
    flood_heard: u64,
    flood_refused: u64,
    flood_us: u64,
    /// How often whoever gave the order was killed; the gaps between two things heard at the survivors.
    kills: usize,
    gap_us: [u64; 3],
    kept: u64,
    lost: u64,
    twice: u64,
}

/// A program that is a member, by way of its bridge.
struct Member {
    process: Child,
    _input: ChildStdin,
    stream: TcpStream,
    lines: Receiver<(Instant, Value)>,
    me: String,
}

impl Member {
    fn start(port: u16, room: &str, name: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(["bridge", "--json", "--tied", "--ip", "127.0.0.1"]);
        command.args(["--beacon-port", &port.to_string()]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(out)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("a program without pipes");
        };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).context("this is no bridge")?;
        let word = |of: &str| told[of].as_str().unwrap_or_default().to_owned();
        let stream = TcpStream::connect(word("address"))?;
        stream.set_nodelay(true)?;
        let reads = BufReader::new(stream.try_clone()?);
        let (put, lines) = unbounded();
        let read = move || {
            let mut lines = reads.lines().map_while(Result::ok);
            lines.all(|line| {
                let told = serde_json::from_str(&line).unwrap_or(Value::Null);
                put.send((runtime::now(), told)).is_ok()
            })
        };
        thread::Builder::new().name("reader".into()).spawn(read)?;
        let mut member = Self { process, _input: input, stream, lines, me: String::new() };
        member.say(&json!({ "token": word("token") }))?;
        member.say(&json!({ "join": { "room": room, "name": name } }))?;
        let (_, joined) = member.wait_for("joined", |_| true)?;
        member.me = joined["me"].as_str().unwrap_or_default().to_owned();
        Ok(member)
    }

    fn say(&mut self, said: &Value) -> anyhow::Result<()> {
        Ok(writeln!(self.stream, "{said}")?)
    }

    fn send(&mut self, topic: &str, data: u64, id: Option<u64>) -> anyhow::Result<()> {
        self.say(&json!({ "send": { "topic": topic, "data": data, "durable": true, "id": id } }))
    }

    fn wait_for(
        &mut self,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<(Instant, Value)> {
        let end = runtime::now() + PATIENCE;
        loop {
            let left = end.since(runtime::now());
            let (at, line) = self.lines.recv_timeout(left).context(format!("no {what}"))?;
            if let Some(told) = line.get(what).filter(|told| wanted(told)) {
                return Ok((at, told.clone()));
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The median, the 99th of 100, the longest.
fn quantiles(mut spans: Vec<u64>) -> [u64; 3] {
    spans.sort_unstable();
    let at = |part: usize| spans.get(part.min(spans.len().saturating_sub(1))).copied();
    [spans.len() / 2, spans.len() * 99 / 100, usize::MAX].map(|part| at(part).unwrap_or(0))
}

fn words(spans: [u64; 3]) -> String {
    let [median, late, longest] = spans.map(ms);
    format!("{median:.2} ms p50, {late:.2} p99, {longest:.2} at most")
}

struct Rooms {
    port: u16,
    count: u32,
}

impl Rooms {
    fn next(&mut self) -> String {
        self.count += 1;
        format!("bench {}", self.count)
    }
}

/// Runs it.
pub fn run(options: &BusBenchOptions) -> anyhow::Result<ExitCode> {
    let out = Stdout::new(options.json)?;
    let tell = |text: &str| {
        if !options.json {
            out.put(text);
        }
    };
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut rooms = Rooms { port, count: 0 };

    let (mut firsts, mut first_lost) = (Vec::new(), 0);
    for _ in 0..options.times {
        let (took, lost) = first(&mut rooms)?;
        firsts.push(took);
        first_lost += lost;
    }
    let first_us = quantiles(firsts);
    tell(&format!(
        "two fresh programs, {} times: the first thing is heard after {}; {first_lost} of the first ten lost",
        options.times,
        words(first_us)
    ));
    let way_us = quantiles(ways(&mut rooms, options.messages)?);
    tell(&format!(
        "{} things, one after the other: heard after {}",
        options.messages,
        words(way_us)
    ));
    let flooded = flood(&mut rooms, options.rate)?;
    tell(&format!(
        "a flood of {} a second: {} said, {} heard and {} missed in {:.2} s, {} refused",
        options.rate,
        flooded.said,
        flooded.heard,
        flooded.missed,
        flooded.took.as_secs_f64(),
        flooded.refused
    ));
    let killed = kill(&mut rooms, options.kills)?;
    let gap_us = quantiles(killed.gaps);
    tell(&format!(
        "whoever gives the order killed {} times: between two things heard {}; {} acknowledged, {} lost, {} twice",
        options.kills,
        words(gap_us),
        killed.kept,
        killed.lost,
        killed.twice
    ));
    let ok = first_lost == 0 && killed.lost + killed.twice == 0 && flooded.heard == flooded.said;
    let report = Report {
        ok,
        first_us,
        first_lost,
        way_us,
        flood_said: flooded.said,
        flood_heard: flooded.heard,
        flood_refused: flooded.refused,
        flood_us: flooded.took.as_micros() as u64,
        kills: options.kills as usize,
        gap_us,
        kept: killed.kept,
        lost: killed.lost,
        twice: killed.twice,
    };
    if options.json {
        out.put(&serde_json::to_string(&report)?);
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Two fresh programs. How long until the first thing said was heard, and how many of the first ten never were.
fn first(rooms: &mut Rooms) -> anyhow::Result<(u64, usize)> {
    let (room, port) = (rooms.next(), rooms.port);
    let began = runtime::now();
    let other = {
        let room = room.clone();
        thread::spawn(move || Member::start(port, &room, "Ben"))
    };
    let mut ada = Member::start(port, &room, "Ada")?;
    for number in 0..10 {
        ada.send("first", number, None)?;
    }
    let Ok(ben) = other.join() else { bail!("a thread has panicked") };
    let mut ben = ben?;
    let mut heard = 0;
    let mut at = began;
    while heard < 10 {
        let Ok((now, _)) = ben.wait_for("message", |told| told["topic"] == "first") else { break };
        if heard == 0 {
            at = now;
        }
        heard += 1;
    }
    Ok((at.since(began).as_micros() as u64, 10 - heard))
}

/// How long something said takes from one program to the other.
fn ways(rooms: &mut Rooms, messages: u32) -> anyhow::Result<Vec<u64>> {
    let room = rooms.next();
    let mut ada = Member::start(rooms.port, &room, "Ada")?;
    let mut ben = Member::start(rooms.port, &room, "Ben")?;
    ben.wait_for("here", |told| told["name"] == "Ada")?;
    let mut spans = Vec::new();
    for number in 0..u64::from(messages) {
        let (from, to) = match number % 2 {
            0 => (&mut ada, &mut ben),
            _ => (&mut ben, &mut ada),
        };
        let said = runtime::now();
        from.send("way", number, None)?;
        let (at, _) = to.wait_for("message", |told| told["data"] == number)?;
        spans.push(at.since(said).as_micros() as u64);
        thread::sleep(Duration::from_micros(2_500 + number % 1_000));
    }
    Ok(spans)
}

struct Flooded {
    said: u64,
    heard: u64,
    missed: u64,
    refused: u64,
    took: Duration,
}

/// Somebody says so many things a second, and another one hears them.
fn flood(rooms: &mut Rooms, rate: u32) -> anyhow::Result<Flooded> {
    let (room, port) = (rooms.next(), rooms.port);
    let member =
        |name: &str| Bus::join(&room).name(name).ip(Ipv4Addr::LOCALHOST).beacon_port(port).start();
    let (ada, ben) = (member("Ada")?, Arc::new(member("Ben")?));
    let listens = Arc::clone(&ben);
    let (done, asked) = crossbeam_channel::bounded::<u64>(1);
    let listener = thread::spawn(move || {
        let (mut heard, mut missed, mut wanted, mut last) = (0_u64, 0, u64::MAX, runtime::now());
        while heard + missed < wanted && runtime::now().since(last) < PATIENCE {
            if let Ok(count) = asked.try_recv() {
                wanted = count;
            }
            match listens.recv_within(Duration::from_millis(20)) {
                Some(Heard::Message(_)) => (heard, last) = (heard + 1, runtime::now()),
                Some(Heard::Missed { count }) => missed += count,
                _ => {}
            }
        }
        (heard, missed, last)
    });
    let (began, mut said) = (runtime::now(), 0_u64);
    loop {
        let past = runtime::now().since(began);
        if past >= FLOODS {
            break;
        }
        let due = (past.as_secs_f64() * f64::from(rate)) as u64;
        while said < due {
            if ada.send(Kind::Durable, "n", &said).is_err() {
                break;
            }
            said += 1;
        }
        while ada.recv().is_some() {}
        thread::sleep(Duration::from_micros(500));
    }
    let refused = ada.stats().refused;
    let _ = done.send(said);
    while ada.recv_within(Duration::from_millis(50)).is_some() {}
    let Ok((heard, missed, last)) = listener.join() else { bail!("a thread has panicked") };
    Ok(Flooded { said, heard, missed, refused, took: last.since(began) })
}

struct Killed {
    gaps: Vec<u64>,
    kept: u64,
    lost: u64,
    twice: u64,
}

/// What one of the talkers has heard, and what it knows to be kept.
#[derive(Default)]
struct Seen {
    heard: BTreeMap<(String, u64), u32>,
    kept: Vec<u64>,
    host: Option<String>,
    last: Option<Instant>,
    gap: u64,
}

impl Seen {
    fn note(&mut self, at: Instant, line: &Value) {
        if let Some(told) = line.get("message") {
            let from = told["from"].as_str().unwrap_or_default().to_owned();
            *self.heard.entry((from, told["data"].as_u64().unwrap_or(0))).or_default() += 1;
            let gap = self.last.map_or(0, |last| at.since(last).as_micros() as u64);
            self.gap = self.gap.max(gap);
            self.last = Some(at);
        } else if let Some(told) = line.get("said") {
            self.kept.extend(told["id"].as_u64());
        } else if let Some(told) = line.get("host") {
            self.host = told["id"].as_str().map(str::to_owned);
        }
    }
}

/// Some talk, and whoever gives the order is killed, again and again.
fn kill(rooms: &mut Rooms, kills: u32) -> anyhow::Result<Killed> {
    let mut killed = Killed { gaps: Vec::new(), kept: 0, lost: 0, twice: 0 };
    let room = rooms.next();
    let start = |number: usize| Member::start(rooms.port, &room, &format!("Talker {number}"));
    let mut members: Vec<(Member, Seen)> = Vec::new();
    for number in 0..TALKERS {
        members.push((start(number)?, Seen::default()));
    }
    let mut number = 0;
    talk(&mut members, &mut number, Duration::from_secs(1))?;
    for _ in 0..kills {
        talk(&mut members, &mut number, TALKS)?;
        for (_, seen) in &mut members {
            seen.gap = 0;
        }
        let host = members.iter().find_map(|(_, seen)| seen.host.clone());
        let Some(at) = members.iter().position(|(member, _)| Some(&member.me) == host.as_ref())
        else {
            bail!("nobody knows who gives the order");
        };
        let (victim, dead) = members.remove(at);
        let (me, mut before) = (victim.me.clone(), dead);
        victim.lines.try_iter().for_each(|(at, line)| before.note(at, &line));
        let struck = runtime::now();
        drop(victim);
        talk_since(struck, &mut members, &mut number, TALKS)?;
        killed.gaps.extend(members.iter().map(|(_, seen)| seen.gap));
        // What it knew to be kept is known to all who live.
        for id in &before.kept {
            killed.kept += 1;
            let known = |seen: &Seen| seen.heard.contains_key(&(me.clone(), *id));
            killed.lost += u64::from(!members.iter().all(|(_, seen)| known(seen)));
        }
        killed.twice += before.heard.values().filter(|count| **count > 1).count() as u64;
        let mut fresh = Seen::default();
        let member = start(at)?;
        // It was not there before: only from here on it has to have heard everything.
        for (_, seen) in &members {
            fresh.heard.extend(seen.heard.keys().map(|what| (what.clone(), 1)));
        }
        members.push((member, fresh));
        talk(&mut members, &mut number, Duration::from_millis(300))?;
        let known: Vec<_> =
            members.iter().flat_map(|(_, seen)| seen.heard.keys().cloned()).collect();
        if let Some((_, fresh)) = members.last_mut() {
            known.into_iter().for_each(|what| _ = fresh.heard.entry(what).or_insert(1));
        }
    }
    talk(&mut members, &mut number, Duration::from_secs(1))?;
    for (member, seen) in &members {
        killed.kept += seen.kept.len() as u64;
        let known = |id: &u64| {
            let what = (member.me.clone(), *id);
            members.iter().all(|(_, seen)| seen.heard.contains_key(&what))
        };
        killed.lost += seen.kept.iter().filter(|id| !known(id)).count() as u64;
        killed.twice += seen.heard.values().filter(|count| **count > 1).count() as u64;
    }
    Ok(killed)
}

/// All of them talk for so long, and hear.
fn talk(members: &mut [(Member, Seen)], number: &mut u64, span: Duration) -> anyhow::Result<()> {
    talk_since(runtime::now(), members, number, span)
}

/// The same, and the first gap began then.
fn talk_since(
    began: Instant,
    members: &mut [(Member, Seen)],
    number: &mut u64,
    span: Duration,
) -> anyhow::Result<()> {
    let end = runtime::now() + span;
    members.iter_mut().for_each(|(_, seen)| seen.last = Some(began));
    while runtime::now() < end {
        for (member, _) in members.iter_mut() {
            *number += 1;
            member.send("talk", *number, Some(*number))?;
        }
        thread::sleep(SAYS_EVERY);
        for (member, seen) in members.iter_mut() {
            member.lines.try_iter().for_each(|(at, line)| seen.note(at, &line));
        }
    }
    thread::sleep(Duration::from_millis(60));
    for (member, seen) in members.iter_mut() {
        member.lines.try_iter().for_each(|(at, line)| seen.note(at, &line));
    }
    Ok(())
}
