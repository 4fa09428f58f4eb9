//! The arena: the game as it is seen and played.
//!
//! What stands where comes from the [`View`]; what happened comes as events
//! and is shown as sparks, lines and ribbons. Between the two stands a little theatre that knows no
//! rules: `cast` turns positions into figures that run and stretch, and lets the
//! crown fly.
use std::{collections::BTreeMap, sync::Arc};

use macroquad::math::{Rect, Vec2, vec2};

mod ahead;
mod board;
mod cast;
mod comparing;
mod council;
mod figures;
mod following;
mod hall;
mod herald;
mod list;
mod margin;
mod ranking;
mod tags;
mod talk;

use self::{
    ahead::Reaction,
    cast::Cast,
    council::Council,
    figures::draw_figures,
    following::Following,
    hall::{Keeping, Scores, draw_hall},
    herald::Herald,
    list::Scroll,
    margin::{draw_feed, draw_header, draw_scoreboard},
    ranking::draw_ranking,
    tags::Tags,
    talk::Talk,
};
use super::{
    ask::{Answer, Ask},
    crown::draw_crown,
    draw::{Canvas, Paint},
    heir::{Pose, blink, draw_heir},
    keys::{self, Hint, Keys},
    layers::key_of,
    palette::{CREAM, DUSK, GOLD, GOLD_DEEP, LAVENDER, NIGHT, PANEL, faded, mixed},
    screen::{Frame, STAGE, Screen, Turn},
    text::Ink,
};
use crate::{
    accounts::{Accounts, told_apart},
    arena::{Arena, Controls, Point, UNITS_PER_PIXEL, World},
    node::{Command, Event, Status, View},
    types::{Instant, NodeId},
};

/// Where the board is shown, on the stage.
const WINDOW: Rect = Rect { x: 26.0, y: 80.0, w: 1004.0, h: 592.0 };
/// Where the scoreboard and the news stand.
const MARGIN: Rect = Rect { x: 1050.0, y: 80.0, w: 206.0, h: 592.0 };
/// The least size of a board's pixel on the stage. A board that does not fit then is followed by a
/// gentle camera.
const ZOOM_MIN: f32 = 0.58;
/// How much nearer whoever is followed is shown than the whole board.
const NEARER: f32 = 1.5;
/// For how long the keys are explained, in seconds.
const HINTS_S: f32 = 14.0;
/// For how long the throne must be empty until the screen says so, in seconds: nobody shall read
/// about what nobody can notice.
const INTERREGNUM_S: f32 = 0.3;

/// The arena screen.
pub struct ArenaScreen {
    cast: Cast,
    herald: Herald,
    camera: Camera,
    following: Following,
    /// What everybody was ever called here: those who fell are gone from the lists.
    called: BTreeMap<NodeId, String>,
    /// The same, told apart where two of one name are there.
    names: BTreeMap<NodeId, String>,
    /// By these accounts.
    accounts: Arc<Accounts>,
    /// Seconds since the screen came up.
    seconds: f32,
    /// Seconds without a host.
    interregnum_s: f32,
    scores: Scores,
    scroll: Scroll,
    keeping: Keeping,
    tags: Tags,
    reaction: Reaction,
    ask: Ask,
    council: Council,
    talk: Talk,
    debug: bool,
}

/// What of the board is in the middle of the picture, and how large it is.
struct Camera {
    centre: Vec2,
    zoom: f32,
    /// How much nearer that is than the whole board.
    nearer: f32,
    settled: bool,
}

impl ArenaScreen {
    /// The arena, from `now` on: what happened before is history.
    pub fn new(now: Instant) -> Self {
        Self {
            cast: Cast::default(),
            herald: Herald::new(now),
            camera: Camera { centre: Vec2::ZERO, zoom: 1.0, nearer: 1.0, settled: false },
            following: Following::default(),
            called: BTreeMap::new(),
            names: BTreeMap::new(),
            accounts: Arc::default(),
            seconds: 0.0,
            interregnum_s: 0.0,
            scores: Scores::default(),
            scroll: Scroll::default(),
            keeping: Keeping::default(),
            tags: Tags::default(),
            reaction: Reaction::default(),
            ask: Ask::default(),
            council: Council::default(),
            talk: Talk::default(),
            debug: false,
        }
    }

    fn learn_names(&mut self, view: &View<Arena>, world: Option<&World>) {
        let called = &mut self.called;
        let mut news = false;
        // What a member is called now is newer than what the world was told.
        let players = world.iter().flat_map(|world| &world.players);
        let missing = players.filter(|(id, _)| view.members.iter().all(|member| member.id != **id));
        for (id, player) in missing {
            news |= *id != view.me && set_name(called, *id, player.name.as_str());
        }
        for member in view.members.iter().filter(|member| member.id != view.me) {
            news |= set_name(called, member.id, member.name.as_str());
        }
        news |= set_name(called, view.me, view.name.as_str());
        if news || !Arc::ptr_eq(&self.accounts, &view.accounts) {
            self.accounts = view.accounts.clone();
            let called = self.called.iter().map(|(id, name)| (*id, name.as_str()));
            self.names = told_apart(called, &self.accounts);
            self.cast.call(self.names.clone());
        }
    }

    fn draw_board(&mut self, frame: &Frame, view: &View<Arena>, world: &World) {
        let c = &frame.stage;
        let host = view.host;
        let nearer = if self.following.whom().is_some() { NEARER } else { 1.0 };
        let marked = self.marked(view);
        self.camera.follow(frame.passed, world, marked, nearer);
        let zoom = self.camera.zoom;
        let on_board = c.shifted(WINDOW.center() - self.camera.centre * zoom, zoom);
        let seen = Rect::new(
            self.camera.centre.x - WINDOW.w / 2.0 / zoom,
            self.camera.centre.y - WINDOW.h / 2.0 / zoom,
            WINDOW.w / zoom,
            WINDOW.h / zoom,
        );
        board::draw_board(&on_board, world, seen);
        self.cast.draw_under(&on_board, marked, world, frame.seconds);
        self.draw_standing(&on_board, world, frame.seconds);
        let named = self.cast.tags(&on_board, world, marked, zoom);
        let board = board::whole(&world.board);
        let room = seen.intersect(board).unwrap_or(board);
        let places = self.tags.place(&named, room);
        self.cast.draw_names(&on_board, world, marked, zoom, &named, &places);
        let hovering = view.status == Status::Interregnum;
        self.cast.draw_crown(&on_board, host, hovering, frame.seconds);
        self.cast.draw_sparks(&on_board);
        draw_surround(frame);
    }

    /// Who is marked: whoever is followed, or the viewer's own heir.
    fn marked(&self, view: &View<Arena>) -> NodeId {
        self.following.whom().unwrap_or(view.me)
    }

    /// Whatever stands on the floor: it hides what is behind it.
    fn draw_standing(&self, on_board: &Canvas, world: &World, seconds: f32) {
        let mut standing: Vec<(f32, Thing)> = Vec::new();
        for (id, gatherable) in &world.gatherables {
            let at = pixels(gatherable.at);
            standing.push((at.y, Thing::Gatherable(id.0, at, gatherable.rare)));
        }
        for id in world.players.keys() {
            if let Some(at) = self.cast.place(*id) {
                standing.push((at.y + 10.0, Thing::Player(*id, at)));
            }
        }
        // Walls are there already: only who stands behind one is to be covered again.
        for wall in world.board.walls.iter() {
            let foot = pixels_of(wall.y + wall.height) - 6.0;
            let body = board::body(wall);
            let hides =
                standing.iter().any(|(y, thing)| *y < foot && thing.reach().overlaps(&body));
            let torch = board::torch(wall);
            if hides || torch.is_some() {
                standing.push((foot, Thing::Wall(*wall, hides, torch)));
            }
        }
        standing.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, thing) in &standing {
            match *thing {
                Thing::Wall(wall, hides, torch) => {
                    if hides {
                        board::draw_wall_again(on_board, &world.board, &wall);
                    }
                    if let Some(at) = torch {
                        board::draw_flames(on_board, at, seconds);
                    }
                }
                Thing::Gatherable(id, at, rare) => {
                    let age = self.cast.gatherable_age(id, seconds);
                    board::draw_gatherable(on_board, at, rare, id, seconds, age);
                }
                Thing::Player(id, _) => self.cast.draw_player(on_board, id, world, seconds),
            }
        }
    }

    /// The frame of the picture and what is said around it.
    fn draw_around(&mut self, frame: &Frame, view: &View<Arena>, world: Option<&World>) {
        let c = &frame.stage;
        // A ribbon hangs where the header stands.
        draw_header(&c.faded(1.0 - self.herald.presence()), view, world);
        let place = scoreboard_place();
        match self.scores {
            Scores::Round => {
                let scroll = &mut self.scroll;
                let marked = self.following.whom().unwrap_or(view.me);
                draw_scoreboard(frame, place, (view, marked), world, &self.names, scroll);
            }
            scores => draw_hall(frame, place, view, scores, &self.names, &mut self.scroll),
        }
        self.keeping.pass(frame.passed, &view.ledger);
        self.keeping.draw(c, vec2(MARGIN.center().x, 701.0), &view.ledger, MARGIN.w + 30.0);
        draw_feed(c, feed_place(), self.herald.lines());
        let explained = (HINTS_S - self.seconds).clamp(0.0, 1.0);
        if !view.role.plays() {
            keys::draw_hints(c, vec2(WINDOW.center().x, 701.0), self.following.hints());
        } else if explained > 0.0 {
            keys::draw_hints(
                &c.faded(explained),
                vec2(WINDOW.center().x, 701.0),
                &[
                    Hint { keys: "left up down right", does: "or WASD run" },
                    Hint { keys: "Space", does: "dash" },
                    Hint { keys: "Tab", does: "scores" },
                    Hint { keys: "Enter", does: "talk" },
                    Hint { keys: "K", does: "council" },
                    Hint { keys: "F11", does: "full screen" },
                    Hint { keys: "Esc", does: "leave" },
                ],
            );
        }
    }
}

/// Notes a name. Whether it is another one.
fn set_name(names: &mut BTreeMap<NodeId, String>, id: NodeId, name: &str) -> bool {
    let known = names.entry(id).or_default();
    let news = known != name;
    if news {
        name.clone_into(known);
    }
    news
}

enum Thing {
    /// A wall, whether it hides somebody, and where its torch burns.
    Wall(crate::arena::Wall, bool, Option<Vec2>),
    Gatherable(u64, Vec2, bool),
    Player(NodeId, Vec2),
}

impl Thing {
    /// What it covers at most.
    fn reach(&self) -> Rect {
        match *self {
            Self::Gatherable(_, at, _) => Rect::new(at.x - 26.0, at.y - 30.0, 52.0, 50.0),
            Self::Player(_, at) => Rect::new(at.x - 52.0, at.y - 80.0, 104.0, 110.0),
            Self::Wall(..) => Rect::default(),
        }
    }
}

impl Screen for ArenaScreen {
    fn controls(&self, keys: &Keys) -> Controls {
        let busy = self.ask.is_open() || self.council.sits() || self.talk.is_open();
        if busy { Controls::default() } else { keys.held }
    }

    fn frame(&mut self, frame: &Frame) -> Turn {
        self.seconds += frame.passed;
        self.council.pass(frame.passed);
        frame.events.iter().for_each(|event| self.council.happened(event));
        if frame.events.iter().any(|event| matches!(event, Event::Excluded { .. })) {
            return Turn::Back; // the node is on the title already
        }
        if !self.ask.is_open()
            && !self.council.sits()
            && let Some(view) = &frame.view
        {
            let talked = self.talk.is_open();
            if let Some(command) = self.talk.hear(frame.keys, view) {
                frame.console.command(command);
            }
            if talked || self.talk.is_open() {
                self.show(frame);
                return Turn::Stay;
            }
        }
        if !self.ask.is_open()
            && let Some(view) = &frame.view
        {
            let sat = self.council.sits();
            if let Some(command) = self.council.hear(frame.keys, view) {
                frame.console.command(command);
            }
            if sat || self.council.sits() {
                self.show(frame);
                return Turn::Stay;
            }
        }
        if !self.ask.is_open()
            && let Some(view) = &frame.view
        {
            let world = view.picture.as_ref().map(|picture| picture.newest());
            if self.following.hear(frame.keys, !view.role.plays(), world) {
                self.show(frame);
                return Turn::Stay;
            }
        }
        match self.ask.hear(frame.keys, frame.passed) {
            Answer::Yes => {
                frame.console.command(Command::Browse);
                return Turn::Back;
            }
            Answer::Open => {}
            Answer::NotAsked => {
                self.debug ^= frame.keys.figures;
                if frame.keys.tab {
                    self.scores = self.scores.next();
                    self.scroll = Scroll::default();
                }
            }
        }
        self.show(frame);
        let note = "the others play on; your points are kept";
        self.ask.draw(frame, "Leave the game?", note, "leave");
        Turn::Stay
    }
}

impl ArenaScreen {
    fn show(&mut self, frame: &Frame) {
        let c = &frame.stage;
        let Some(view) = frame.view.as_deref() else {
            draw_seeking(frame, "looking for the others…");
            return;
        };
        let controls = self.controls(frame.keys);
        let world = view
            .picture
            .as_ref()
            .map(|picture| ahead::shown(picture, frame.now, view.me, controls));
        let at = world.as_ref().and_then(|world| Some(world.players.get(&view.me)?.at));
        self.reaction.frame(controls, at, frame.heard, frame.now);
        self.learn_names(view, world.as_ref());
        for event in frame.events {
            if let Event::Game { event, .. } = event {
                self.cast.happened(event, view.me);
            }
            self.herald.happened(event, &self.names, view.me);
            self.talk.happened(event);
        }
        self.herald.watch(view, &self.names, frame.passed);

        let Some(world) = world else {
            let saying = match view.status {
                Status::Interregnum => "the throne is empty…".to_owned(),
                _ => looking(view),
            };
            draw_seeking(frame, &saying);
            self.herald.draw(c);
            return;
        };
        let crowned = view.host.filter(|host| world.players.contains_key(host));
        self.cast.pass(frame.passed, &world, crowned, frame.seconds);

        self.draw_board(frame, view, &world);
        self.draw_around(frame, view, Some(&world));
        draw_ranking(frame, &world, view, &self.names);
        self.herald.draw(c);

        match view.status {
            Status::Interregnum => self.interregnum_s += frame.passed,
            _ => self.interregnum_s = 0.0,
        }
        if self.interregnum_s > INTERREGNUM_S {
            draw_interregnum(frame, self.interregnum_s);
        } else if view.status == Status::Searching {
            draw_state(c, &looking(view), frame.seconds);
        }
        if !view.role.plays() {
            let called = |id: NodeId| self.names.get(&id).cloned().unwrap_or_default();
            self.following.draw(c, view, called);
        }
        self.talk.draw(frame, view, WINDOW);
        self.council.draw(frame, view, &self.names);
        if self.debug {
            draw_figures(frame, view, &self.reaction);
        }
    }
}

impl Camera {
    /// Shows the whole board if it can be shown large enough, or so much `nearer`; otherwise goes with `whom`.
    fn follow(&mut self, seconds: f32, world: &World, whom: NodeId, nearer: f32) {
        let size = vec2(pixels_of(world.board.width()), pixels_of(world.board.height()));
        // What is shown begins above the board, with the wall behind it.
        let top = -board::BACK_WALL_HEIGHT;
        let fit = (WINDOW.w / size.x).min(WINDOW.h / (size.y - top));
        let zoom = fit.max(ZOOM_MIN) * nearer;
        let reach = vec2(WINDOW.w, WINDOW.h) / 2.0 / zoom;
        let whom = world.players.get(&whom).map(|player| pixels(player.at));
        let wanted = whom.unwrap_or(size / 2.0);
        let bound = |value: f32, reach: f32, from: f32, to: f32| {
            if reach * 2.0 >= to - from {
                (from + to) / 2.0
            } else {
                value.clamp(from + reach, to - reach)
            }
        };
        let goal =
            vec2(bound(wanted.x, reach.x, 0.0, size.x), bound(wanted.y, reach.y, top, size.y));
        // A cut, and no ride: what stands still would be painted anew in each frame of it.
        self.settled &= nearer == self.nearer;
        self.nearer = nearer;
        let part = if self.settled { 1.0 - (-seconds * 4.0).exp() } else { 1.0 };
        // What is nearly there is there: a layer is painted anew for each size.
        let there = !self.settled || (zoom - self.zoom).abs() < 0.004;
        self.settled = true;
        self.centre += (goal - self.centre) * part;
        self.zoom = if there { zoom } else { self.zoom + (zoom - self.zoom) * part };
    }
}

/// What is said while the others are looked for.
fn looking(view: &View<Arena>) -> String {
    let next = view.tries_again_in(view.at);
    let next = next.map(|seconds| format!(" next try in {seconds} s")).unwrap_or_default();
    format!("looking for the others…{next}")
}

fn scoreboard_place() -> Rect {
    Rect { h: MARGIN.h - 172.0, ..MARGIN }
}

fn feed_place() -> Rect {
    Rect::new(MARGIN.x, MARGIN.bottom() - 160.0, MARGIN.w, 160.0)
}

/// Covers what of the board lies beyond its window, with a golden frame around that.
fn draw_surround(frame: &Frame) {
    let c = &frame.stage;
    let all = frame.visible;
    let pieces = [
        Rect::new(all.x, all.y, all.w, WINDOW.y - all.y),
        Rect::new(all.x, WINDOW.y, WINDOW.x - all.x, WINDOW.h),
        Rect::new(WINDOW.right(), WINDOW.y, all.right() - WINDOW.right(), WINDOW.h),
        Rect::new(all.x, WINDOW.bottom(), all.w, all.bottom() - WINDOW.bottom()),
    ];
    let key = key_of(&[all.x, all.y, all.w, all.h].map(f32::to_bits));
    c.layer("surround", key, all, &pieces, |c| {
        let dusk = mixed(NIGHT, DUSK, 0.45);
        let [top, left, right, bottom] = pieces;
        c.block(top, Paint::Down(NIGHT, dusk));
        c.block(left, dusk);
        c.block(right, dusk);
        c.block(bottom, Paint::Down(dusk, NIGHT));
        let grown = |by: f32| {
            Rect::new(WINDOW.x - by, WINDOW.y - by, WINDOW.w + 2.0 * by, WINDOW.h + 2.0 * by)
        };
        c.round_frame(grown(4.0), 8.0, 9.0, PANEL);
        c.round_frame(grown(8.0), 10.0, 1.6, GOLD_DEEP);
        c.round_frame(grown(0.8), 5.0, 1.4, faded(GOLD, 0.75));
        for corner in super::draw::corners(grown(8.0)) {
            let diamond = [(0.0, -9.0), (9.0, 0.0), (0.0, 9.0), (-9.0, 0.0)]
                .map(|(x, y)| corner + vec2(x, y));
            c.convex(&diamond, PANEL);
            let gem = diamond.map(|point| corner + (point - corner) * 0.72);
            c.convex(&gem, Paint::Down(GOLD, GOLD_DEEP));
        }
    });
}

/// Nothing to see yet: three heirs look around.
fn draw_seeking(frame: &Frame, saying: &str) {
    let c = &frame.stage;
    c.block(frame.visible, Paint::Down(NIGHT, mixed(NIGHT, DUSK, 0.9)));
    let centre = STAGE / 2.0;
    c.glow_ellipse(centre, vec2(420.0, 220.0), faded(DUSK, 0.9));
    for i in 0..3_u8 {
        let feet = centre + vec2((f32::from(i) - 1.0) * 92.0, 20.0);
        let mut pose = Pose::standing(feet, 30.0, i);
        let turn = frame.seconds * 1.7 + f32::from(i) * 1.9;
        pose.look = vec2(turn.sin(), 0.1 + 0.2 * (turn * 0.6).cos());
        pose.blink = blink(frame.seconds, i.into());
        draw_heir(c, &pose);
    }
    let bob = (frame.seconds * 2.2).sin() * 5.0;
    c.glow(centre + vec2(0.0, -92.0 + bob), 80.0, faded(GOLD, 0.25));
    draw_crown(c, centre + vec2(0.0, -74.0 + bob), 54.0, bob * 0.015, 0.0);
    let ink = Ink::royal(24.0, CREAM).spaced(0.08);
    c.text(saying, centre + vec2(0.0, 84.0), ink);
    let hints = [Hint { keys: "Esc", does: "back" }];
    keys::draw_hints(c, vec2(centre.x, 701.0), &hints);
}

fn draw_interregnum(frame: &Frame, seconds: f32) {
    let c = frame.stage.faded((seconds - INTERREGNUM_S) * 5.0);
    let centre = WINDOW.center();
    c.glow_ellipse(centre, vec2(330.0, 90.0), faded(NIGHT, 0.85));
    let ink = Ink::royal(34.0, GOLD).spaced(0.18);
    c.text("interregnum…", centre + vec2(0.0, 2.0), ink);
    let since = format!("the throne is empty for {seconds:.1} s");
    let ink = Ink::plain(15.0, LAVENDER).centred();
    c.text(&since, centre + vec2(0.0, 32.0), ink);
}

fn draw_state(c: &Canvas, saying: &str, seconds: f32) {
    let at = vec2(WINDOW.center().x, WINDOW.bottom() - 30.0);
    draw_pill(c, saying, at, 0.75 + 0.2 * (seconds * 4.0).sin());
}

/// A few words in a frame that shines so much.
fn draw_pill(c: &Canvas, saying: &str, at: Vec2, shine: f32) {
    let ink = Ink::plain(17.0, CREAM).centred();
    let width = c.text_width(saying, ink) + 44.0;
    let pill = Rect::new(at.x - width / 2.0, at.y - 21.0, width, 32.0);
    c.round_rect(pill, 16.0, faded(NIGHT, 0.8));
    c.round_frame(pill, 16.0, 1.4, faded(GOLD, shine));
    c.text(saying, at, ink);
}

/// A place on the board, in its pixels.
fn pixels(at: Point) -> Vec2 {
    vec2(pixels_of(at.x), pixels_of(at.y))
}

/// A length on the board, in its pixels.
fn pixels_of(units: i32) -> f32 {
    units as f32 / UNITS_PER_PIXEL as f32
}
