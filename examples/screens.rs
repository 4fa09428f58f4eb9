//! The window's screens without a network, to work on their looks: a world that is stepped right
//! here, players made of a few lines, and a host that falls every few seconds.
//!
//! `cargo run --example screens -- [--play] [--players N] [--gap-ms N] [--reign-s N] [--lonely]
//! [--realms N] [--accounts N] [--points N] [--trouble] [--host] [--width N --height N] [--seconds N]
//! [--asked] [--code N] [--watch] [--waits N]`
//!
//! One realm is locked, and its passphrase is "open sesame".
//!
//! Whoever is asked to compare pictures agrees, and sees the same; with `--asked` somebody asks for that.
//! With `--watch` nobody plays at this window; with `--waits` so many come in before it.
//! With `--seconds` it leaves by itself, and says what its frames cost.
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use interregnum::{
    accounts::{Accounts, Claim, Friend, Heard, Own, Standing, Statement},
    arena::{Arena, Controls, Player, TICK, World, hall::Hall},
    chat::{Content, Line},
    game::{Game, News, ScoreNews},
    keys::{Lock, SecretKey},
    ledger::entry::{EntryId, WallTime, Writer},
    node::{
        Cause, ChatLine, ChatNews, ChatView, Command, Event, Handover, LedgerView, MemberView,
        PairingView, Picture, Sent, SessionView, Status, View,
    },
    pairing::{Code, Ended, Stage as Step, Told},
    runtime::Happened,
    text::{Name, Said, SessionName},
    types::{Clock, Epoch, Incarnation, Instant, NodeId, Role, Term, Tick},
    ui::{self, Console},
};

const NAMES: [&str; 12] = [
    "Ada",
    "Bertrand",
    "Chloé",
    "Dmitri Дмитрий",
    "李小龙",
    "Freya",
    "Günther",
    "Hana はな",
    "Ivo",
    "Jun",
    "Katarzyna Łucja",
    "Leo",
];

/// Something that does not work as it should.
const TROUBLE: &str = "port 50000 is held by another program: whoever can listen there still finds \
                       you, and two machines that both cannot need --peer ADDRESS, with the address \
                       that the other one shows at its upper right";

/// A realm that is locked, and with what.
const VAULT: &str = "the vault";
const PASSPHRASE: &str = "open sesame";

/// What the wall clock says.
const WALL: WallTime = WallTime(1_700_000_000);

/// What was asked for on the command line.
struct Asked {
    play: bool,
    players: usize,
    gap: Duration,
    reign: Duration,
    lonely: bool,
    /// How many realms are heard of, beside the usual ones.
    realms: usize,
    /// Points of everybody at the start.
    points: u32,
    /// Disks that are full.
    trouble: bool,
    /// The player hosts.
    host: bool,
    /// Somebody wants to compare pictures.
    asked: bool,
    /// What the viewer is, and how many come in before it, if it waits for a seat.
    role: Role,
    ahead: Option<usize>,
    /// Which ones.
    code: Code,
    /// How many accounts are known.
    accounts: usize,
    /// When it leaves by itself.
    end: Duration,
}

/// A play in place of a node.
struct Show {
    asked: Asked,
    start: std::time::Instant,
    stage: Mutex<Stage>,
    own: Own,
    accounts: Arc<Accounts>,
}

struct Stage {
    name: Name,
    playing: bool,
    locked: bool,
    world: World,
    before: World,
    next_tick: Instant,
    controls: Controls,
    host: usize,
    epoch: u64,
    /// When the host falls, or when the throne is taken again.
    turn_at: Instant,
    empty_since: Option<Instant>,
    fallen: Option<(usize, Instant)>,
    handover: Option<Handover>,
    events: Vec<Happened<Arena>>,
    hall: Hall,
    chat: Vec<ChatLine>,
    deeds: u64,
    ended: bool,
    /// With whom pictures are compared, how far that is, and since when.
    pairing: Option<(usize, Step, Instant)>,
}

impl Stage {
    /// What there is to read from the start.
    fn greet(&mut self) {
        for (from, to, text) in [
            (1, None, "who took my ruby?"),
            (4, None, "\u{4e0d}\u{662f}\u{6211}"),
            (2, Some(id(0)), "it was Bertrand, but do not tell him"),
        ] {
            if let Ok(said) = Said::new(text) {
                self.talk(id(from), to, &said);
            }
        }
    }

    /// Somebody says something, and everybody hears it at once.
    fn talk(&mut self, from: NodeId, to: Option<NodeId>, said: &Said) {
        let writer = Writer { node: from, incarnation: Incarnation(1) };
        let line = Arc::new(Line {
            id: EntryId { writer, number: self.chat.len() as u64 + 1 },
            from,
            to,
            content: Content::Said(said.clone()),
            at: WALL,
            place: None,
        });
        let sent = (from == id(0)).then_some(Sent::Placed { machines: 2 });
        self.chat.push(ChatLine { line: line.clone(), sent });
        let news = ChatNews::Said { line, name: None, to_name: None, away: false };
        self.events.push(Happened::Node(Event::Chat(news)));
    }
}

fn id(i: usize) -> NodeId {
    NodeId::from_u128((i as u128 + 1).wrapping_mul(0x1234_5678_9abc_def0_1234_5678_9abc_def1))
}

fn name(i: usize) -> Name {
    Name::new(NAMES[i % NAMES.len()])
}

/// The player's own account, on four machines of which one was lost; and so many others.
fn accounts(others: usize) -> (Own, Accounts) {
    let key = |number: usize| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        SecretKey::from_bytes(&bytes)
    };
    let mut accounts = Accounts::default();
    let mut believe = |statement: &Statement, machine: NodeId| {
        accounts.believe(Heard::by(machine, statement.clone()));
    };
    let mut own = Own::new(key(0), key(1).public(), 1);
    let _ = own.be_called(&name(0), Some(2));
    for machine in 2..5 {
        let _ = own.certify(key(machine).public(), 1);
    }
    let _ = own.strike(key(3).public().id());
    for statement in own.statements() {
        let machine = match statement.claim {
            Claim::Certifies { machine, .. } => machine.id(),
            _ => id(0),
        };
        believe(statement, machine);
    }
    for number in 0..others {
        let mut other = Own::new(key(100 + number), key(100_000 + number).public(), 1);
        let _ = other.be_called(&name(number), None);
        let machine = key(100_000 + number).public().id();
        other.statements().iter().for_each(|statement| believe(statement, machine));
    }
    (own, accounts)
}

impl Show {
    /// Who looks on: the first of those who play, or nobody of them.
    fn viewer(&self) -> NodeId {
        id(if self.asked.role.plays() { 0 } else { self.asked.players })
    }

    #[expect(clippy::disallowed_methods, reason = "the impure edge")]
    fn new(asked: Asked) -> Self {
        let mut world = Arena::new_world(7);
        let news: Vec<_> = (0..asked.players).map(|i| News::Joined(id(i), name(i))).collect();
        Arena::step(&mut world, &news, &mut Vec::new());
        for (i, score) in world.scoreboard.values_mut().enumerate() {
            score.points = asked.points.saturating_sub(i as u32 / 2);
            score.games_won = i as u32 % 5;
        }
        let (own, accounts) = accounts(asked.accounts);
        Self {
            own,
            accounts: Arc::new(accounts),
            start: std::time::Instant::now(),
            stage: Mutex::new(Stage {
                name: name(0),
                playing: asked.play,
                locked: false,
                before: world.clone(),
                world,
                next_tick: Instant(0),
                controls: Controls::default(),
                host: usize::from(!asked.host) % asked.players,
                epoch: 1,
                turn_at: Instant(0) + asked.reign,
                empty_since: None,
                fallen: None,
                handover: None,
                events: if asked.trouble {
                    vec![Happened::Warning(TROUBLE.to_owned())]
                } else {
                    vec![]
                },
                hall: Hall::default(),
                chat: Vec::new(),
                deeds: 0,
                ended: false,
                pairing: asked.asked.then_some((2, Step::Asked, Instant(0))),
            }),
            asked,
        }
    }

    fn pass(&self, stage: &mut Stage, now: Instant) {
        while stage.next_tick <= now {
            let at = stage.next_tick;
            stage.next_tick += TICK;
            self.reigns(stage, at);
            if stage.empty_since.is_none() {
                self.tick(stage);
            }
        }
    }

    fn reigns(&self, stage: &mut Stage, now: Instant) {
        if now < stage.turn_at {
            return;
        }
        match stage.empty_since {
            None => {
                stage.empty_since = Some(now);
                stage.turn_at = now + self.asked.gap.saturating_sub(TICK);
            }
            Some(since) => {
                let from = stage.host;
                stage.host = (stage.host + 1) % self.asked.players;
                stage.epoch += 1;
                stage.empty_since = None;
                stage.turn_at = now + self.asked.reign;
                let causes = [Cause::Closed, Cause::Silent, Cause::Left];
                stage.handover = Some(Handover {
                    from: id(from),
                    to: id(stage.host),
                    gap: now.since(since) + TICK,
                    reason: Some(causes[stage.epoch as usize % causes.len()]),
                    at: now,
                });
                if from != 0 {
                    stage.fallen = Some((from, now));
                }
                if stage.epoch.is_multiple_of(4) {
                    let clock = clock(stage);
                    let event = Event::Rebase { from: clock, to: clock };
                    stage.events.push(Happened::Node(event));
                }
            }
        }
    }

    fn tick(&self, stage: &mut Stage) {
        let mut news = Vec::new();
        for i in 0..self.asked.players {
            let controls = if i == 0 && stage.deeds > 0 {
                stage.controls
            } else {
                chase(&stage.world, id(i), i)
            };
            news.push(News::Controls(id(i), controls));
        }
        if let Some((who, since)) = stage.fallen {
            let ago = stage.next_tick.since(since);
            if ago > Duration::from_secs(7) {
                news.push(News::Joined(id(who), name(who)));
                stage.fallen = None;
            } else if ago > Duration::from_millis(1_500) && !stage.world.players[&id(who)].is_away()
            {
                news.push(News::Left(id(who)));
            }
        }
        stage.before = stage.world.clone();
        let mut events = Vec::new();
        Arena::step(&mut stage.world, &news, &mut events);
        let tick = stage.world.tick;
        for event in &events {
            if let Some(fact) = Arena::fact_of_event(&stage.world, event) {
                stage.hall.update(WALL.0, ScoreNews::Counts(&fact));
            }
        }
        stage
            .events
            .extend(events.into_iter().map(|event| Happened::Node(Event::Game { tick, event })));
    }

    fn stage(&self) -> std::sync::MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code of this number.
fn code(number: u64) -> Code {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    Code::of(&hash)
}

fn clock(stage: &Stage) -> Clock {
    Clock {
        term: Term { epoch: Epoch(stage.epoch), host: id(stage.host), incarnation: Incarnation(1) },
        tick: Tick(stage.world.tick.0),
    }
}

/// Runs for the nearest gatherable, and dashes now and then.
fn chase(world: &World, id: NodeId, i: usize) -> Controls {
    let Some(player) = world.players.get(&id) else {
        return Controls::default();
    };
    let far = |p: &Player, at: interregnum::arena::Point| {
        i64::from(p.at.x - at.x).pow(2) + i64::from(p.at.y - at.y).pow(2)
    };
    let mut goals: Vec<_> = world.gatherables.values().collect();
    goals.sort_by_key(|g| far(player, g.at));
    let Some(goal) = goals.get(i % 2).or(goals.first()) else {
        return Controls::default();
    };
    let toward = |d: i32| if d.abs() < 60 { 0 } else { d.signum() as i8 };
    // Now and then a step aside, to come around walls.
    let beat = (world.tick.0 / 20 + i as u64 * 7) % 6;
    let (dx, dy) = (toward(goal.at.x - player.at.x), toward(goal.at.y - player.at.y));
    let (dx, dy) = match beat {
        4 if dx == 0 => (1, dy),
        5 if dy == 0 => (dx, -1),
        _ => (dx, dy),
    };
    Controls { dx, dy, dash: (world.tick.0 + i as u64 * 31) % 150 < 3, bot: i % 3 == 2 }
}

impl Console for Show {
    fn now(&self) -> Instant {
        Instant(1 + self.start.elapsed().as_micros() as u64)
    }

    fn view(&self) -> Option<Arc<View<Arena>>> {
        let now = self.now();
        let mut stage = self.stage();
        self.pass(&mut stage, now);
        let session = |name: &str, players, host: Option<&str>, joinable| SessionView {
            name: SessionName::new(name).unwrap_or_default(),
            players,
            host: host.map(Name::new),
            joinable,
            locked: false,
        };
        let sessions = if self.asked.lonely {
            vec![]
        } else {
            let mut sessions = vec![
                session("attic", 2, Some("Freya"), true),
                session("lan", self.asked.players as u32, Some("Bertrand"), true),
                session("old guard", 3, None, false),
                SessionView { locked: true, ..session(VAULT, 0, None, true) },
            ];
            for i in 0..self.asked.realms {
                let realm = format!("realm {i} of many, far");
                sessions.push(session(&realm, i as u32 + 1, Some(NAMES[i % NAMES.len()]), true));
            }
            sessions
        };
        if let Some((with, Step::Asking, since)) = stage.pairing
            && now.since(since) > Duration::from_secs(2)
        {
            let code = self.asked.code;
            stage.pairing = Some((with, Step::Comparing { code, said: false }, now));
        }
        let members = (0..self.asked.players).map(|i| MemberView {
            id: id(i),
            name: name(i),
            away: stage.world.players.get(&id(i)).is_some_and(Player::is_away),
            standing: match i {
                1 => Standing::Paired,
                3 => Standing::OtherKey,
                _ => Standing::Unknown,
            },
        });
        let pairing = stage.pairing.map(|(with, stage, _)| PairingView {
            peer: id(with),
            name: name(with),
            stage,
        });
        let known = self.accounts.listed("").into_iter().take(9).step_by(3);
        let friends =
            known.map(|one| Friend { name: one.name.clone(), key: *one.key }).collect::<Vec<_>>();
        let clock = clock(&stage);
        let status = match (stage.playing, stage.empty_since) {
            (false, _) => Status::Browsing,
            (true, None) => Status::Playing,
            (true, Some(_)) => Status::Interregnum,
        };
        let picture = stage.playing.then(|| {
            let at = Instant(stage.next_tick.0 - TICK.as_micros() as u64);
            let (from, to) = (Arc::new(stage.before.clone()), Arc::new(stage.world.clone()));
            Picture::new(clock, at, from, to, stage.world.clone())
        });
        Some(Arc::new(View {
            status,
            session: stage.playing.then(SessionName::default),
            locked: stage.locked,
            sessions: sessions.into(),
            host: Some(id(stage.host)),
            term: Some(clock.term),
            members: members.collect(),
            picture,
            handover: stage.handover,
            scores: Arc::new(stage.hall.clone()),
            chat: Arc::new(ChatView { lines: stage.chat.clone().into(), ..ChatView::default() }),
            ledger: LedgerView {
                entries: stage.world.tick.0 as usize / 60,
                ..LedgerView::default()
            },
            wall: WALL,
            pairing,
            friends: friends.into(),
            ahead: self.asked.ahead,
            ..View::new(now, self.viewer(), stage.name.clone(), self.asked.role)
        }))
    }

    fn next_event(&self) -> Option<Happened<Arena>> {
        let mut stage = self.stage();
        if self.start.elapsed() > self.asked.end && !std::mem::replace(&mut stage.ended, true) {
            return Some(Happened::Node(Event::Stopped));
        }
        if stage.playing && stage.chat.is_empty() {
            stage.greet();
        }
        (!stage.events.is_empty()).then(|| stage.events.remove(0))
    }

    fn controls(&self, controls: Controls) {
        let mut stage = self.stage();
        if controls != Controls::default() {
            stage.deeds += 1;
        }
        stage.controls = controls;
    }

    fn command(&self, command: Command<Arena>) {
        let mut stage = self.stage();
        match command {
            Command::Mute { .. } | Command::LookBack { .. } | Command::Order(_) => {}
            Command::Play(session, Some(lock)) if session.as_str() == VAULT => {
                stage.playing = Lock::new(PASSPHRASE, &session) == Some(lock);
                stage.locked = stage.playing;
                if !stage.playing {
                    stage.events.push(Happened::Node(Event::Locked { session }));
                }
            }
            Command::Play(_, lock) => (stage.playing, stage.locked) = (true, lock.is_some()),
            Command::Kick(who) | Command::Ban(who) => {
                if let Some(i) = (0..self.asked.players).find(|i| id(*i) == who) {
                    stage.fallen = Some((i, stage.next_tick));
                }
            }
            Command::VoteOut(host) => {
                let event = Event::Votes { host, votes: 1, needed: self.asked.players / 2 + 1 };
                stage.events.push(Happened::Node(event));
            }
            Command::Pair(who) => {
                let with = (0..self.asked.players).find(|i| id(*i) == who);
                let code = self.asked.code;
                let step = match stage.pairing {
                    Some((_, Step::Asked, _)) => Step::Comparing { code, said: false },
                    _ => Step::Asking,
                };
                stage.pairing = with.map(|with| (with, step, stage.next_tick));
            }
            Command::Compared { same } => {
                let Some((with, ..)) = stage.pairing.take() else { return };
                let told = match same {
                    true => Told::Paired(self.own.account()),
                    false => Told::Ended { why: Ended::Differs, by_them: false },
                };
                let event = Event::Pairing { peer: id(with), name: name(with), told };
                stage.events.push(Happened::Node(event));
            }
            Command::Browse => stage.playing = false,
            Command::Rename(name) => stage.name = name,
            Command::Leave => stage.events.push(Happened::Node(Event::Stopped)),
            Command::Say(to, said) => stage.talk(id(0), to, &said),
            Command::Unsay(line) => stage.chat.retain(|known| known.line.id != line),
            Command::Controls(_) | Command::Declare { .. } => {}
        }
    }

    fn account(&self) -> Option<Own> {
        Some(self.own.clone())
    }

    fn accounts(&self) -> Option<Arc<Accounts>> {
        Some(self.accounts.clone())
    }

    fn create_account(&self, name: &Name) -> Result<String, String> {
        Ok(format!("{name} is made: nothing more, for this is a show"))
    }

    fn delete_account(&self) -> Result<(), String> {
        Ok(())
    }

    fn address(&self) -> String {
        "192.0.2.7:41234".to_owned()
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let number = |flag: &str, otherwise: u64| {
        let at = args.iter().position(|arg| arg == flag);
        at.and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(otherwise)
    };
    let asked = Asked {
        play: has("--play"),
        players: number("--players", 5).max(2) as usize,
        gap: Duration::from_millis(number("--gap-ms", 17)),
        reign: Duration::from_secs(number("--reign-s", 6)),
        lonely: has("--lonely"),
        realms: number("--realms", 0) as usize,
        points: number("--points", 0) as u32,
        trouble: has("--trouble"),
        host: has("--host"),
        asked: has("--asked"),
        role: match (has("--watch"), has("--waits")) {
            (_, true) => Role::Waiting,
            (true, false) => Role::Spectator,
            (false, false) => Role::Player,
        },
        ahead: has("--waits").then(|| number("--waits", 0) as usize),
        code: code(number("--code", 493_102)),
        accounts: number("--accounts", 57) as usize,
        end: Duration::from_secs(number("--seconds", u64::from(u32::MAX))),
    };
    let mut options = ui::Options::new(name(0));
    options.play = asked.play;
    options.size_px = (number("--width", 1280) as u32, number("--height", 720) as u32);
    match ui::run(|| Some(Arc::new(Show::new(asked))), options) {
        Ok(outcome) => {
            let (frames, seconds) = outcome.frames;
            println!(
                "goodbye, {}: {:.1} frames/s, at most {} vertices",
                outcome.name,
                frames as f32 / seconds,
                outcome.vertices_most
            );
        }
        Err(no_display) => println!("{no_display}"),
    }
}
