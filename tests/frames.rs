//! Frames of the window, drawn without one: what they cost, and that no screen does harm at any size.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use interregnum::{
    accounts::{Accounts, Claim, Heard, Own, Standing, Statement},
    arena::{Arena, Controls, Intermission, TICK, World, bot},
    game::{Game, News},
    keys::{Lock, SecretKey},
    ledger::entry::WallTime,
    node::{
        Cause, Command, Event, Exclusion, Handover, MemberView, PairingView, Picture, SessionView,
        Status, View,
    },
    pairing::{Code, Stage, Told},
    runtime::Happened,
    text::{Name, SessionName},
    types::{Clock, Epoch, Incarnation, Instant, NodeId, Role, Term, Tick},
    ui::{
        Console, Frame, Options, STAGE, Screen, Turn, VERTICES_BUDGET,
        accounts::AccountsScreen,
        arena::ArenaScreen,
        draw::{Canvas, Studio},
        keys::Keys,
        title::Title,
    },
};
use macroquad::math::{Rect, Vec2, vec2};

const SIZES: [(f32, f32); 6] = [
    (320.0, 180.0),
    (640.0, 360.0),
    (960.0, 540.0),
    (1280.0, 720.0),
    (1920.0, 1080.0),
    (1000.0, 1000.0),
];

/// Nobody sits here; what is asked for is noted.
#[derive(Default)]
struct Bench {
    asked: Mutex<Vec<Command<Arena>>>,
    own: Option<Own>,
    accounts: Option<Arc<Accounts>>,
    /// Whether the own account was deleted.
    deleted: AtomicBool,
}

impl Console for Bench {
    fn now(&self) -> Instant {
        Instant(1)
    }

    fn view(&self) -> Option<Arc<View<Arena>>> {
        None
    }

    fn next_event(&self) -> Option<Happened<Arena>> {
        None
    }

    fn controls(&self, _controls: Controls) {}

    fn command(&self, command: Command<Arena>) {
        self.asked.lock().unwrap().push(command);
    }

    fn account(&self) -> Option<Own> {
        self.own.clone()
    }

    fn accounts(&self) -> Option<Arc<Accounts>> {
        self.accounts.clone()
    }

    fn delete_account(&self) -> Result<(), String> {
        self.deleted.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn address(&self) -> String {
        "192.0.2.7:41234".to_owned()
    }
}

fn id(i: usize) -> NodeId {
    NodeId::from_u128((i as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// A game that is played by bots, and a window that looks on.
struct Theatre {
    studio: Studio,
    console: Bench,
    players: usize,
    before: World,
    world: World,
    view: View<Arena>,
    frames: u64,
    size: Vec2,
    /// What the node tells in the next frame, beside what happens in the game.
    told: Vec<Event<Arena>>,
}

impl Theatre {
    fn new(players: usize, size: (f32, f32)) -> Self {
        let name = |i: usize| Name::new(&format!("Player {i} 李小龙 Łucja"));
        let mut world = Arena::new_world(players as u64);
        let news: Vec<_> = (0..players).map(|i| News::Joined(id(i), name(i))).collect();
        Arena::step(&mut world, &news, &mut Vec::new());
        let members = (0..players).map(|i| MemberView {
            id: id(i),
            name: name(i),
            away: false,
            standing: [Standing::Unknown, Standing::Paired, Standing::OtherKey][i % 3],
        });
        let view = View {
            status: Status::Playing,
            session: Some(SessionName::default()),
            host: Some(id(1 % players.max(1))),
            members: members.collect(),
            wall: WallTime(1_700_000_000),
            ..View::new(Instant(1), id(0), name(0), Role::Player)
        };
        Self {
            studio: Studio::new().unwrap(),
            console: Bench::default(),
            players,
            before: world.clone(),
            world,
            view,
            frames: 0,
            size: vec2(size.0, size.1),
            told: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        Instant(1_000_000 + self.frames * TICK.as_micros() as u64)
    }

    fn step(&mut self) -> Vec<Event<Arena>> {
        self.before = self.world.clone();
        let news: Vec<_> = (0..self.players)
            .map(|i| News::Controls(id(i), bot::play(&self.world, id(i), i as u64)))
            .collect();
        let mut events = Vec::new();
        Arena::step(&mut self.world, &news, &mut events);
        let tick = self.world.tick;
        events.into_iter().map(|event| Event::Game { tick, event }).collect()
    }

    /// Shows one frame. Returns how many vertices it has, layers that were painted included.
    fn frame(&mut self, screen: &mut dyn Screen, keys: &Keys) -> (Turn, usize) {
        self.frames += 1;
        let mut events = self.step();
        events.append(&mut self.told);
        let now = self.now();
        let term = Term { epoch: Epoch(1), host: id(1), incarnation: Incarnation(1) };
        let clock = Clock { term, tick: Tick(self.world.tick.0) };
        let (from, to) = (Arc::new(self.before.clone()), Arc::new(self.world.clone()));
        self.view.picture = Some(Picture::new(clock, now, from, to, self.world.clone()));
        let scale = (self.size / STAGE).min_element();
        let origin = ((self.size - STAGE * scale) / 2.0).round();
        self.studio.begin();
        let frame = Frame {
            stage: Canvas::new(&self.studio).shifted(origin, scale),
            visible: Rect::new(
                -origin.x / scale,
                -origin.y / scale,
                self.size.x / scale,
                self.size.y / scale,
            ),
            console: &self.console,
            view: Some(Arc::new(self.view.clone())),
            events: &events,
            keys,
            heard: now,
            now,
            passed: 1.0 / 60.0,
            seconds: self.frames as f32 / 60.0,
            frame_ms: 16.7,
        };
        let turn = screen.frame(&frame);
        self.studio.end();
        let vertices = self.studio.last().vertices;
        self.studio.printed();
        (turn, vertices)
    }

    /// The most vertices of so many frames.
    fn most(&mut self, screen: &mut dyn Screen, frames: usize) -> usize {
        (0..frames).map(|_| self.frame(screen, &Keys::default()).1).max().unwrap()
    }
}

#[test]
fn no_frame_of_a_game_has_more_vertices_than_the_budget() {
    for players in [1, 2, 8, 33, 64] {
        let mut theatre = Theatre::new(players, (1280.0, 720.0));
        let mut screen = ArenaScreen::new(Instant(0));
        let most = theatre.most(&mut screen, 300);
        let painted = theatre.studio.most();
        println!("{players} players: {most} vertices; {painted} in a frame that paints layers");
        assert!(most <= VERTICES_BUDGET, "{players} players: {most}");
    }
}

#[test]
fn no_frame_of_the_title_has_more_vertices_than_the_budget() {
    let mut theatre = Theatre::new(1, (1280.0, 720.0));
    let mut screen = Title::new(&Options::new(Name::new("Ada")));
    let session = |i: usize| SessionView {
        name: SessionName::new(&format!("realm {i}")).unwrap(),
        players: 3,
        host: Some(Name::new("Ben")),
        joinable: true,
        locked: false,
    };
    theatre.view.sessions = (0..40).map(session).collect();
    let most = theatre.most(&mut screen, 300);
    println!("{most} vertices; {} in a frame that paints layers", theatre.studio.most());
    assert!(most <= VERTICES_BUDGET / 4, "{most}");
}

#[test]
fn what_stands_still_is_painted_once() {
    let mut theatre = Theatre::new(2, (1280.0, 720.0));
    let mut screen = ArenaScreen::new(Instant(0));
    theatre.frame(&mut screen, &Keys::default());
    let first = theatre.studio.painted();
    for _ in 0..100 {
        theatre.frame(&mut screen, &Keys::default());
    }
    assert_eq!((first, theatre.studio.painted()), (2, 2));
}

#[test]
fn every_screen_is_drawn_at_every_size() {
    let page = Keys { pages: 1, ..Keys::default() };
    let tab = Keys { tab: true, ..Keys::default() };
    let figures = Keys { figures: true, ..Keys::default() };
    let escape = Keys { escape: true, ..Keys::default() };
    let council = Keys { council: true, ..Keys::default() };
    for size in SIZES {
        for players in [1, 8, 33] {
            let mut theatre = Theatre::new(players, size);
            theatre.view.handover = Some(Handover {
                from: id(0),
                to: id(1),
                gap: TICK,
                reason: Some(Cause::Silent),
                at: Instant(900_000),
            });
            let mut screen = ArenaScreen::new(Instant(0));
            let round = [&Keys::default(), &page, &figures, &tab, &tab, &page, &tab];
            for keys in round.into_iter().chain([&council, &page, &escape, &escape]) {
                let (turn, _) = theatre.frame(&mut screen, keys);
                assert!(matches!(turn, Turn::Stay));
            }
            theatre.world.intermission = Some(Intermission { winner: id(0), ticks_left: 200 });
            theatre.most(&mut screen, 3);
            theatre.view.status = Status::Interregnum;
            theatre.most(&mut screen, 30);
        }
    }
}

#[test]
fn a_comparison_is_shown_at_every_size_within_the_budget() {
    let council = Keys { council: true, ..Keys::default() };
    let code = Code::of(&[9; 32]);
    for size in SIZES {
        let mut theatre = Theatre::new(8, size);
        let mut screen = ArenaScreen::new(Instant(0));
        theatre.frame(&mut screen, &Keys::default());
        let (peer, name) = (id(2), theatre.view.members[2].name.clone());
        let told = Told::Stage(Stage::Asked);
        theatre.told = vec![
            Event::Pairing { peer, name: name.clone(), told },
            Event::OtherKey { peer, name: name.clone() },
        ];
        theatre.frame(&mut screen, &council);
        for stage in [
            Stage::Asking,
            Stage::Asked,
            Stage::Comparing { code, said: false },
            Stage::Comparing { code, said: true },
        ] {
            theatre.view.pairing = Some(PairingView { peer, name: name.clone(), stage });
            let most = theatre.most(&mut screen, 3);
            assert!(most <= VERTICES_BUDGET, "{size:?} {stage:?}: {most}");
        }
        // What is pressed is for the comparison, and nothing is for the game.
        theatre.console.asked.lock().unwrap().clear();
        theatre.frame(&mut screen, &Keys { differ: true, ..Keys::default() });
        let asked = theatre.console.asked.lock().unwrap();
        assert!(matches!(asked[..], [Command::Compared { same: false }]), "{asked:?}");
    }
}

#[test]
fn leaving_and_quitting_are_asked_first() {
    let escape = Keys { escape: true, ..Keys::default() };
    let enter = Keys { enter: true, ..Keys::default() };
    let screens: [Box<dyn Screen>; 2] = [
        Box::new(ArenaScreen::new(Instant(0))),
        Box::new(Title::new(&Options::new(Name::new("Ada")))),
    ];
    for mut screen in screens {
        let mut theatre = Theatre::new(2, (640.0, 360.0));
        for _ in 0..5 {
            let (turn, _) = theatre.frame(&mut *screen, &escape);
            assert!(matches!(turn, Turn::Stay));
        }
        // The question is there: nothing that is held down is for the game.
        let held = Keys { held: Controls { dx: 1, ..Controls::default() }, ..Keys::default() };
        assert_eq!(screen.controls(&held), Controls::default());
        let (turn, _) = theatre.frame(&mut *screen, &enter);
        assert!(matches!(turn, Turn::Back));
    }
}

#[test]
fn whoever_watches_sees_one_player_from_nearer_and_then_the_whole_board_again() {
    let (right, escape) =
        (Keys { right: true, ..Keys::default() }, Keys { escape: true, ..Keys::default() });
    for size in SIZES {
        let mut theatre = Theatre::new(33, size);
        theatre.view.me = id(99);
        theatre.view.role = Role::Waiting;
        let mut screen = ArenaScreen::new(Instant(0));
        for ahead in [None, Some(0), Some(3)] {
            theatre.view.ahead = ahead;
            theatre.frame(&mut screen, &Keys::default());
            theatre.frame(&mut screen, &right);
            let most = theatre.most(&mut screen, 90);
            assert!(size.0 < 1280.0 || most <= VERTICES_BUDGET, "{most}");
            // Escape leads to the whole board, and not away.
            theatre.frame(&mut screen, &escape);
            let held = Keys { held: Controls { dx: 1, ..Controls::default() }, ..Keys::default() };
            assert_ne!(screen.controls(&held), Controls::default());
            theatre.most(&mut screen, 90);
        }
        theatre.frame(&mut screen, &escape);
        assert_eq!(screen.controls(&Keys::default()), Controls::default());
        let (turn, _) = theatre.frame(&mut screen, &Keys { enter: true, ..Keys::default() });
        assert!(matches!(turn, Turn::Back));
    }
}

fn typed(typed: &str) -> Keys {
    Keys { typed: typed.to_owned(), ..Keys::default() }
}

/// Types a passphrase before a door, and waits until what it comes to is tried: a tenth of a second, or a few
/// on a busy machine.
fn try_passphrase(theatre: &mut Theatre, title: &mut Title, passphrase: &str) -> Option<Lock> {
    theatre.console.asked.lock().unwrap().clear();
    for keys in [typed(passphrase), Keys { enter: true, ..Keys::default() }] {
        theatre.frame(title, &keys);
    }
    while theatre.console.asked.lock().unwrap().is_empty() {
        assert!(theatre.frames < 1_000_000, "nothing comes of it");
        theatre.frame(title, &Keys::default());
    }
    match theatre.console.asked.lock().unwrap().pop() {
        Some(Command::Play(_, lock)) => lock,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_locked_session_asks_for_its_passphrase_until_it_fits() {
    let mut theatre = Theatre::new(1, (640.0, 360.0));
    let (session, enter) = (SessionName::default(), Keys { enter: true, ..Keys::default() });
    theatre.view.status = Status::Browsing;
    let locked = |name: &SessionName, locked| SessionView {
        name: name.clone(),
        players: 0,
        host: None,
        joinable: true,
        locked,
    };
    theatre.view.sessions = [locked(&session, true)].into();
    let mut title = Title::new(&Options::new(theatre.view.name.clone()));
    theatre.frame(&mut title, &enter);
    theatre.frame(&mut title, &enter);
    assert!(theatre.console.asked.lock().unwrap().is_empty(), "nothing was typed");

    let wrong = try_passphrase(&mut theatre, &mut title, "open ses");
    assert_eq!(wrong, Lock::new("open ses", &session));
    theatre.view.status = Status::Searching;
    theatre.told = vec![Event::Locked { session: session.clone() }];
    theatre.frame(&mut title, &Keys::default());
    assert!(matches!(theatre.console.asked.lock().unwrap()[..], [Command::Browse]));

    theatre.view.status = Status::Browsing;
    let right = try_passphrase(&mut theatre, &mut title, "open sesam\u{8}me");
    assert_eq!(right, Lock::new("open sesame", &session));
    let (turn, _) = theatre.frame(&mut title, &Keys::default());
    assert!(matches!(turn, Turn::Stay), "nobody has answered yet");
    theatre.view.status = Status::Playing;
    let (turn, _) = theatre.frame(&mut title, &Keys::default());
    assert!(matches!(turn, Turn::Enter(_)));

    // It need not be typed again.
    theatre.console.asked.lock().unwrap().clear();
    theatre.view.status = Status::Browsing;
    theatre.frame(&mut title, &enter);
    let asked = theatre.console.asked.lock().unwrap();
    assert!(matches!(&asked[..], [Command::Play(_, Some(_))]), "{asked:?}");
}

#[test]
fn a_realm_that_nobody_is_in_can_be_locked_and_one_that_is_open_cannot() {
    let mut theatre = Theatre::new(1, (1280.0, 720.0));
    let lock = Keys { lock: true, ..Keys::default() };
    theatre.view.status = Status::Browsing;
    let mut title = Title::new(&Options::new(theatre.view.name.clone()));
    theatre.frame(&mut title, &lock);
    let passphrase = try_passphrase(&mut theatre, &mut title, "four words");
    assert_eq!(passphrase, Lock::new("four words", &SessionName::default()));

    theatre.console.asked.lock().unwrap().clear();
    theatre.view.sessions = [SessionView {
        name: SessionName::default(),
        players: 2,
        host: Some(Name::new("Ben")),
        joinable: true,
        locked: false,
    }]
    .into();
    let mut title = Title::new(&Options::new(theatre.view.name.clone()));
    theatre.frame(&mut title, &lock);
    theatre.frame(&mut title, &typed("four words"));
    let (turn, _) = theatre.frame(&mut title, &Keys { enter: true, ..Keys::default() });
    assert!(matches!(turn, Turn::Enter(_)), "it is open");
    let asked = theatre.console.asked.lock().unwrap();
    assert!(matches!(asked[..], [Command::Play(_, None)]), "{asked:?}");
}

#[test]
fn whoever_may_not_be_there_any_more_is_back_on_the_title() {
    let mut theatre = Theatre::new(2, (640.0, 360.0));
    let mut screen = ArenaScreen::new(Instant(0));
    theatre.frame(&mut screen, &Keys::default());
    let (session, why) = (SessionName::default(), Exclusion::Barred);
    theatre.told = vec![Event::Excluded { session, why }];
    let (turn, _) = theatre.frame(&mut screen, &Keys::default());
    assert!(matches!(turn, Turn::Back));
}

#[test]
fn an_emptied_name_is_not_taken_back_in_silence() {
    let mut theatre = Theatre::new(1, (1280.0, 720.0));
    let mut screen = Title::new(&Options::new(theatre.view.name.clone()));
    let enter = Keys { enter: true, ..Keys::default() };
    theatre.frame(&mut screen, &Keys { tab: true, ..Keys::default() });
    theatre.frame(&mut screen, &typed(&"\u{8}".repeat(30)));
    theatre.frame(&mut screen, &enter);
    // The field stays open and says why; what is typed into it counts.
    theatre.frame(&mut screen, &typed("Ada "));
    theatre.frame(&mut screen, &typed("L."));
    assert!(theatre.console.asked.lock().unwrap().is_empty());
    theatre.frame(&mut screen, &enter);
    let asked = theatre.console.asked.lock().unwrap();
    assert!(
        matches!(&asked[..], [Command::Rename(name)] if name.as_str() == "Ada L."),
        "{asked:?}"
    );
}

/// An account of one's own, and so many others.
fn with_accounts(theatre: &mut Theatre, others: u64) {
    let key = |number: u64| {
        let mut bytes = [3; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        SecretKey::from_bytes(&bytes)
    };
    let mut own = Own::new(key(0), key(1).public(), 1);
    own.be_called(&Name::new("Ada"), None).unwrap();
    let mut accounts = Accounts::default();
    for number in 0..others {
        let name = Name::new(&format!("Player {number} 李小龙 Łucja"));
        let claim = Claim::Called { name, colour: (number % 12) as u8, revision: 1 };
        accounts.believe(Heard::by(id(0), Statement::new(&key(2 + number), claim)));
    }
    theatre.console.own = Some(own);
    theatre.console.accounts = Some(Arc::new(accounts));
}

#[test]
fn no_frame_of_the_accounts_has_more_vertices_than_the_budget_at_any_size() {
    for size in SIZES {
        let mut theatre = Theatre::new(1, size);
        let mut screen = AccountsScreen::new();
        theatre.most(&mut screen, 3);
        with_accounts(&mut theatre, 2_000);
        let most = theatre.most(&mut screen, 10);
        theatre.frame(&mut screen, &Keys { pages: 1, ..Keys::default() });
        theatre.frame(&mut screen, &Keys { typed: "nobody at all".into(), ..Keys::default() });
        println!("{size:?}: {most} vertices");
        assert!(most <= VERTICES_BUDGET / 4, "{size:?}: {most}");
    }
}

#[test]
fn an_account_is_renamed_by_typing_and_deleted_only_when_that_is_meant() {
    let mut theatre = Theatre::new(1, (1280.0, 720.0));
    with_accounts(&mut theatre, 20);
    let mut screen = AccountsScreen::new();
    let enter = Keys { enter: true, ..Keys::default() };
    let escape = Keys { escape: true, ..Keys::default() };
    let remove = Keys { remove: true, ..Keys::default() };
    let typed = |typed: &str| Keys { typed: typed.to_owned(), ..Keys::default() };
    theatre.frame(&mut screen, &Keys { rename: true, ..Keys::default() });
    theatre.frame(&mut screen, &typed(" L."));
    theatre.frame(&mut screen, &enter);
    for (answer, deleted) in [(&escape, false), (&enter, true)] {
        theatre.frame(&mut screen, &remove);
        theatre.frame(&mut screen, answer);
        assert_eq!(theatre.console.deleted.load(Ordering::Relaxed), deleted);
    }
    let asked = theatre.console.asked.lock().unwrap();
    let [Command::Rename(name), Command::Leave] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(name.as_str(), "Ada L.");
    drop(asked);
    // A filter is taken away before the screen is left.
    theatre.frame(&mut screen, &typed("x"));
    assert!(matches!(theatre.frame(&mut screen, &escape).0, Turn::Stay));
    assert!(matches!(theatre.frame(&mut screen, &escape).0, Turn::Back));
}
