//! The window: what is seen, and what is clicked. Nothing here decides anything about the game.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use interregnum::{Event, Events, Handle, Happened, NodeId, Status, View};
use macroquad::{miniquad, prelude::*};

use super::{
    garden::{self, CELL, COLOURS, color},
    path::{Spot, Tile, Way},
    rules::{HAND, Move, Out, Phase, Player, Snailway, TURN_TICKS, Told, World},
    snail::Snail,
    stage::{HIGH, Stage, WIDE, faded, mixed},
    teller::reason,
};

const SKY: Color = color(0xd6, 0xe8, 0xc8);
const PLATE: Color = color(0xfb, 0xf5, 0xe6);
const INK: Color = color(0x36, 0x30, 0x2a);
const SOFT: Color = color(0x7d, 0x74, 0x66);
const ALARM: Color = color(0xd2, 0x3c, 0x3c);

/// What words are written in.
const FONT: &[u8] = include_bytes!("../../assets/Nunito-ExtraBold.ttf");

/// Where the right half begins.
const SIDE_X: f32 = 775.0;
const SIDE_WIDE: f32 = 460.0;

/// A tile in the hand: where the first lies, how large it is, how far to the next.
const HAND_AT: Vec2 = vec2(826.0, 612.0);
const HAND_TILE: f32 = 100.0;
const HAND_STEP: f32 = 118.0;

/// How many tiles a snail creeps in a second.
const PACE: f32 = 2.6;

/// How long words stay, in seconds.
const WORDS_STAY: f32 = 7.0;

/// The longest wait for something new to show.
const FRAME: Duration = Duration::from_millis(16);

/// Opens the window, and stays until it is closed.
pub fn open(handle: Handle<Snailway>, seconds: Option<u64>) {
    let conf = macroquad::conf::Conf {
        miniquad_conf: miniquad::conf::Conf {
            window_title: "Snailway".to_owned(),
            window_width: WIDE as i32,
            window_height: HIGH as i32,
            sample_count: 4,
            ..Default::default()
        },
        ..Default::default()
    };
    macroquad::Window::from_config(conf, async move {
        prevent_quit();
        let end = seconds.map(|seconds| handle.now() + Duration::from_secs(seconds));
        let mut table = Table::new(handle);
        while !is_quit_requested() && end.is_none_or(|end| table.handle.now() < end) {
            table.frame();
            next_frame().await;
        }
    });
}

/// What is remembered from frame to frame.
struct Table {
    handle: Handle<Snailway>,
    events: Events<Snailway>,
    font: Option<Font>,
    view: Option<Arc<View<Snailway>>>,
    /// Which tile of the hand is chosen, and how each is turned; and by how much it seems to be.
    chosen: usize,
    turned: [u8; HAND],
    leans: [f32; HAND],
    /// Where the snail is to start.
    start: Spot,
    mouse: Vec2,
    /// The move that is held down.
    wanted: Option<Move>,
    /// The game that is shown.
    game: u64,
    /// How far each snail is shown to have crept, and to have fallen, if it is off the board.
    crept: [f32; COLOURS.len()],
    fallen: [f32; COLOURS.len()],
    /// When each tile was seen first.
    laid: BTreeMap<u8, f32>,
    /// What there is to read, and since when.
    words: VecDeque<(String, f32)>,
    /// What is over, and when it was seen.
    won_at: f32,
}

impl Table {
    fn new(handle: Handle<Snailway>) -> Self {
        Self {
            events: handle.events(),
            font: load_ttf_font_from_bytes(FONT).ok(),
            handle,
            view: None,
            chosen: 0,
            turned: [0; HAND],
            leans: [0.0; HAND],
            start: Spot { cell: 2, end: 0 },
            mouse: Vec2::ZERO,
            wanted: None,
            game: 0,
            crept: [0.0; COLOURS.len()],
            fallen: [0.0; COLOURS.len()],
            laid: BTreeMap::new(),
            words: VecDeque::new(),
            won_at: 0.0,
        }
    }

    fn frame(&mut self) {
        self.view = self.handle.newer_view(self.view.as_ref(), FRAME).or(self.view.take());
        let font = self.font.clone();
        let (stage, time) = (Stage::of_window(font.as_ref()), get_time() as f32);
        self.hear(time);
        clear_background(SKY);
        draw_meadow(stage);
        garden::draw_bed(stage);
        let view = self.view.clone();
        let Some(view) = view else { return };
        let Some(picture) = &view.picture else {
            draw_notice(stage, "looking for others…", "It takes a moment.");
            return;
        };
        let world = picture.to.clone();
        let seat = world.players.iter().position(|player| player.id == view.me);
        self.go_along(&world, time);
        self.let_go(picture.newest());
        if let Some(seat) = seat.filter(|seat| is_turn_of(&world, *seat)) {
            self.press(stage, &world, seat);
        }
        self.draw_board(stage, &world, time);
        if let Some(seat) = seat.filter(|seat| is_turn_of(&world, *seat)) {
            self.draw_ghost(stage, &world, seat, time);
        }
        self.draw_snails(stage, &world, time);
        self.draw_side(stage, &world, &view, seat, time);
        self.draw_notices(stage, &world, &view, time);
    }

    /// Takes in what has happened.
    fn hear(&mut self, time: f32) {
        let called = |id: NodeId, view: &Option<Arc<View<Snailway>>>| {
            let members = view.as_ref().map(|view| view.members.clone()).unwrap_or_default();
            let member = members.iter().find(|member| member.id == id);
            member.map_or_else(|| "somebody".to_owned(), |member| member.name.to_string())
        };
        while let Some(timed) = self.events.next_now() {
            let me = self.handle.started().id;
            let words = match &timed.event {
                Happened::Node(Event::Game { event, .. }) => match event {
                    Told::Refused { player, why } if *player == me => {
                        self.hold(None);
                        reason(*why).to_owned()
                    }
                    Told::Laid { player, by_clock: true, .. } if *player == me => {
                        "Your time was up: a tile was laid for you.".to_owned()
                    }
                    Told::Out { player, why: Out::Slid } if *player == me => {
                        "Whee! You slid off the board.".to_owned()
                    }
                    Told::Out { player, why: Out::Slid } => {
                        format!("{} slid off the board.", called(*player, &self.view))
                    }
                    Told::Out { player, why: Out::Left } => {
                        format!("{} has gone home.", called(*player, &self.view))
                    }
                    _ => continue,
                },
                Happened::Node(Event::Host { host, gap: Some(gap), .. }) => {
                    let gap = gap.as_secs_f32() * 1_000.0;
                    format!("{} keeps the garden now ({gap:.0} ms).", called(*host, &self.view))
                }
                Happened::Warning(words) => words.clone(),
                _ => continue,
            };
            self.words.push_back((words, time));
        }
        while self.words.len() > 3
            || self.words.front().is_some_and(|(_, at)| time - at > WORDS_STAY)
        {
            self.words.pop_front();
        }
    }

    fn hold(&mut self, wanted: Option<Move>) {
        self.wanted = wanted;
        self.handle.controls(wanted);
    }

    /// Lets the move go that the world has passed.
    fn let_go(&mut self, newest: &World) {
        let passed = |wanted: Move| (wanted.game, wanted.number) != (newest.game, newest.moves());
        if self.wanted.is_some_and(passed) {
            self.hold(None);
        }
    }

    /// Lets everything move that moves.
    fn go_along(&mut self, world: &World, time: f32) {
        let dt = get_frame_time().min(0.1);
        let new_game = world.game != self.game;
        if new_game {
            self.game = world.game;
            self.laid.clear();
            self.turned = [0; HAND];
            self.fallen = [0.0; COLOURS.len()];
        }
        for cell in world.board.keys() {
            // What lay there before this window came in does not fall from the sky.
            self.laid.entry(*cell).or_insert(if new_game { time - 10.0 } else { time });
        }
        for (seat, player) in world.players.iter().enumerate().take(COLOURS.len()) {
            let goal = player.way(&world.board).tiles.len() as f32;
            let crept = &mut self.crept[seat];
            if new_game || *crept > goal {
                *crept = goal;
            }
            let pace = PACE * (1.0 + (goal - *crept) / 4.0);
            *crept = (*crept + pace * dt).min(goal);
            let is_off = player.out == Some(Out::Slid) && *crept >= goal;
            self.fallen[seat] = if is_off { (self.fallen[seat] + dt * 1.4).min(1.0) } else { 0.0 };
        }
        for (lean, turned) in self.leans.iter_mut().zip(self.turned) {
            let goal = f32::from(turned);
            // The short way round.
            let rest = (goal - *lean + 2.0).rem_euclid(4.0) - 2.0;
            *lean += rest * (dt * 16.0).min(1.0);
        }
        match world.phase {
            Phase::Won(_) if self.won_at == 0.0 => self.won_at = time,
            Phase::Won(_) => {}
            _ => self.won_at = 0.0,
        }
    }

    /// What the keys and the mouse say, when it is one's turn.
    fn press(&mut self, stage: Stage, world: &World, seat: usize) {
        let mouse = stage.mouse();
        let moved = mouse.distance(self.mouse) > 1.0;
        self.mouse = mouse;
        let starts = world.players[seat].at.is_none();
        let choose = [KeyCode::Key1, KeyCode::Key2, KeyCode::Key3, KeyCode::Key4];
        if let Some(chosen) = choose.iter().position(|key| is_key_pressed(*key)) {
            self.chosen = chosen;
        }
        if is_key_pressed(KeyCode::Tab) || is_key_pressed(KeyCode::Down) {
            self.chosen = (self.chosen + 1) % HAND;
        }
        if is_key_pressed(KeyCode::Up) {
            self.chosen = (self.chosen + HAND - 1) % HAND;
        }
        let along =
            i8::from(is_key_pressed(KeyCode::Right)) - i8::from(is_key_pressed(KeyCode::Left));
        let wheel = mouse_wheel().1;
        let right = is_key_pressed(KeyCode::R) || is_mouse_button_pressed(MouseButton::Right);
        let clockwise = right || wheel < 0.0 || (along > 0 && !starts);
        let back = is_key_pressed(KeyCode::E) || wheel > 0.0 || (along < 0 && !starts);
        let turn = &mut self.turned[self.chosen];
        *turn = (*turn + u8::from(clockwise) + 3 * u8::from(back)) % 4;
        if starts {
            self.find_start(world, moved.then_some(mouse), along);
        }
        let clicked = is_mouse_button_pressed(MouseButton::Left);
        if let Some(tile) = (0..HAND).find(|tile| clicked && in_hand(*tile, mouse)) {
            if self.chosen == tile {
                self.turned[tile] = (self.turned[tile] + 1) % 4;
            }
            self.chosen = tile;
        }
        let cell = self.spot(world, seat).map(|spot| spot.cell);
        let laid = clicked && cell.is_some() && garden::cell_at(mouse) == cell;
        if self.wanted.is_none()
            && (laid || is_key_pressed(KeyCode::Enter) || is_key_pressed(KeyCode::Space))
        {
            self.hold(Some(self.meant(world, seat)));
        }
    }

    /// Moves the start to where the mouse is, or along the edge.
    fn find_start(&mut self, world: &World, mouse: Option<Vec2>, along: i8) {
        let free = |spot: &Spot| !world.board.contains_key(&spot.cell);
        if let Some(cell) = mouse.and_then(garden::cell_at) {
            let here = Spot::of_edge().filter(|spot| spot.cell == cell).filter(free);
            let far = |spot: &Spot| garden::spot(*spot).0.distance(self.mouse);
            if let Some(near) = here.min_by(|one, other| far(one).total_cmp(&far(other))) {
                self.start = near;
            }
        }
        // Around the board, clockwise.
        let amid = garden::CORNER + Vec2::splat(CELL * 3.0);
        let angle = |spot: &Spot| (garden::spot(*spot).0 - amid).to_angle();
        let mut around: Vec<Spot> = Spot::of_edge().filter(free).collect();
        around.sort_by(|one, other| angle(one).total_cmp(&angle(other)));
        let Some(count) = (!around.is_empty()).then_some(around.len()) else { return };
        let at = around.iter().position(|spot| *spot == self.start);
        match at {
            Some(at) => {
                self.start = around[(at + count).saturating_add_signed(along.into()) % count]
            }
            None => self.start = around[0],
        }
    }

    /// Where the next tile goes.
    fn spot(&self, world: &World, seat: usize) -> Option<Spot> {
        let player = world.players.get(seat)?;
        Some(player.at.unwrap_or(self.start))
    }

    /// The move that is meant.
    fn meant(&self, world: &World, seat: usize) -> Move {
        let starts = world.players[seat].at.is_none();
        Move {
            game: world.game,
            number: world.moves(),
            tile: self.chosen as u8,
            turned: self.turned[self.chosen],
            start: starts.then_some(self.start),
        }
    }

    fn draw_board(&self, stage: Stage, world: &World, time: f32) {
        for spot in Spot::of_edge().filter(|spot| !world.board.contains_key(&spot.cell)) {
            garden::draw_start(stage, spot, faded(PLATE, 0.35), 0.8);
        }
        for (cell, tile) in &world.board {
            let age = time - self.laid.get(cell).copied().unwrap_or(0.0);
            let part = (age / 0.22).clamp(0.0, 1.0);
            let drop = (1.0 - part) * (1.0 - part);
            garden::draw_tile(
                stage,
                *tile,
                garden::middle(*cell),
                CELL * (1.0 + 0.35 * drop),
                0.0,
                part.max(0.3),
            );
        }
        for (seat, player) in world.players.iter().enumerate().take(COLOURS.len()) {
            let alpha = if player.plays() || is_winner(world, seat) { 1.0 } else { 0.45 };
            garden::draw_trail(
                stage,
                &player.way(&world.board),
                self.crept[seat],
                COLOURS[seat],
                alpha,
            );
        }
    }

    /// The tile under the mouse, or where it would go, and what would come of it.
    fn draw_ghost(&self, stage: Stage, world: &World, seat: usize, time: f32) {
        let Some(spot) = self.spot(world, seat) else { return };
        let player = &world.players[seat];
        let tile = Tile { kind: player.hand[self.chosen], turned: self.turned[self.chosen] };
        let glow = 0.5 + 0.25 * (time * 5.0).sin();
        let middle = garden::middle(spot.cell);
        stage.plate(middle, Vec2::splat(CELL + 6.0), 12.0, 0.0, faded(COLOURS[seat], glow));
        let lean = self.leans[self.chosen] - f32::from(self.turned[self.chosen]);
        let lean = ((lean + 2.0).rem_euclid(4.0) - 2.0) * std::f32::consts::FRAC_PI_2;
        garden::draw_tile(stage, tile, middle, CELL, lean, 0.86);
        if player.at.is_none() {
            for start in Spot::of_edge().filter(|start| start.cell == spot.cell) {
                garden::draw_start(
                    stage,
                    start,
                    if start == spot { COLOURS[seat] } else { PLATE },
                    1.5,
                );
            }
        }
        let Some(after) = world.tried(&self.meant(world, seat)) else { return };
        for (seat, (now, then)) in world.players.iter().zip(&after.players).enumerate() {
            let (from, way) = (now.way(&world.board).tiles.len(), then.way(&after.board));
            if way.tiles.len() > from && now.plays() {
                garden::draw_drops(stage, &way, from, COLOURS[seat], time);
                draw_goal(stage, &way, then, COLOURS[seat], time);
            }
        }
    }

    fn draw_snails(&self, stage: Stage, world: &World, time: f32) {
        for (seat, player) in world.players.iter().enumerate().take(COLOURS.len()) {
            let turn = is_turn_of(world, seat);
            let start = player
                .start
                .or((turn && self.handle.started().id == player.id).then_some(self.start));
            let Some(start) = start else { continue };
            let way = player.way(&world.board);
            let (at, looks) = garden::on_way(&way, start, self.crept[seat]);
            let fallen = self.fallen[seat];
            if fallen >= 1.0 {
                continue;
            }
            let hop = if turn { (time * 6.0).sin().abs() * 4.0 } else { 0.0 };
            let snail = Snail {
                looks,
                hides: player.out == Some(Out::Left),
                creeps: self.crept[seat] < way.tiles.len() as f32,
                lean: fallen * 5.0,
                crown: is_winner(world, seat),
                alpha: 1.0 - fallen * fallen,
                ..Snail::sitting(COLOURS[seat], at, 0.78 * (1.0 - 0.5 * fallen))
            };
            let off = looks * fallen * 60.0 + vec2(0.0, 40.0 * fallen * fallen);
            Snail { at: at + vec2(0.0, 6.0 - hop) + off, ..snail }.draw(stage, time);
        }
    }

    fn draw_side(
        &self,
        stage: Stage,
        world: &World,
        view: &View<Snailway>,
        seat: Option<usize>,
        time: f32,
    ) {
        let x = SIDE_X;
        stage.words("Snailway", vec2(50.0, 56.0), 58.0, INK);
        let host = view.members.iter().find(|member| Some(member.id) == view.host);
        let host = host.map_or_else(String::new, |host| format!("{} keeps the garden", host.name));
        stage.words(&host, vec2(x, 50.0), 22.0, SOFT);
        for (seat, player) in world.players.iter().enumerate().take(COLOURS.len()) {
            let won = view.scores.get(&player.id).copied().unwrap_or(0);
            let top = 84.0 + 96.0 * seat as f32;
            self.draw_player(stage, world, seat, player, won, top, player.id == view.me, time);
        }
        let playing: Vec<NodeId> = world.players.iter().map(|player| player.id).collect();
        let watch = world.people.iter().filter(|(id, _)| !playing.contains(id));
        let mut watching: Vec<String> = watch.map(|(_, person)| person.name.to_string()).collect();
        if view.spectators > 0 {
            watching.push(format!("{} without a seat", view.spectators));
        }
        if !watching.is_empty() {
            let line =
                shortened(stage, &format!("Watching: {}", watching.join(", ")), 20.0, SIDE_WIDE);
            stage.words(&line, vec2(x, 494.0), 20.0, SOFT);
        }
        match seat.map(|seat| (seat, &world.players[seat])) {
            Some((seat, player)) if player.plays() => self.draw_hand(stage, world, seat, player),
            Some(_) => draw_aside(
                stage,
                "You are out of this one.",
                "Sleep well in your shell, until the next game.",
                time,
            ),
            None if world.players.is_empty() => {}
            None => {
                draw_aside(stage, "You watch this one.", "The next game draws lots again.", time)
            }
        }
        for (number, (words, at)) in self.words.iter().enumerate() {
            let alpha = ((WORDS_STAY - (time - at)) / 0.6).clamp(0.0, 1.0);
            let line = shortened(stage, words, 22.0, SIDE_WIDE);
            stage.words(&line, vec2(x, 740.0 + 25.0 * number as f32), 22.0, faded(INK, alpha));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one row of a table, drawn in one place")]
    fn draw_player(
        &self,
        stage: Stage,
        world: &World,
        seat: usize,
        player: &Player,
        won: u32,
        top: f32,
        is_me: bool,
        time: f32,
    ) {
        let turn = is_turn_of(world, seat);
        let amid = vec2(SIDE_X + SIDE_WIDE / 2.0, top + 43.0);
        let alive = player.plays() || is_winner(world, seat);
        let plate = if turn { mixed(PLATE, COLOURS[seat], 0.28) } else { PLATE };
        stage.plate(amid + vec2(0.0, 4.0), vec2(SIDE_WIDE, 86.0), 18.0, 0.0, faded(BLACK, 0.12));
        if turn {
            stage.plate(amid, vec2(SIDE_WIDE + 8.0, 94.0), 22.0, 0.0, COLOURS[seat]);
        }
        stage.plate(
            amid,
            vec2(SIDE_WIDE, 86.0),
            18.0,
            0.0,
            if alive { plate } else { mixed(PLATE, SKY, 0.7) },
        );
        let snail = Snail {
            hides: !alive,
            creeps: turn,
            crown: is_winner(world, seat),
            alpha: if alive { 1.0 } else { 0.7 },
            ..Snail::sitting(COLOURS[seat], vec2(SIDE_X + 54.0, top + 66.0), 0.95)
        };
        snail.draw(stage, time);
        let who = if is_me { format!("{} (you)", player.name) } else { player.name.to_string() };
        let ink = if alive { INK } else { SOFT };
        stage.words(
            &shortened(stage, &who, 32.0, 250.0),
            vec2(SIDE_X + 108.0, top + 38.0),
            32.0,
            ink,
        );
        let state = match (player.out, world.phase) {
            _ if is_winner(world, seat) => "wins!".to_owned(),
            (Some(Out::Slid), _) => "slid off the board".to_owned(),
            (Some(Out::Left), _) => "has gone home".to_owned(),
            _ if turn && player.at.is_none() => "looks for a start".to_owned(),
            _ if turn => "lays a tile".to_owned(),
            _ if player.start.is_none() => "waits for a first turn".to_owned(),
            _ if player.crept == 1 => "crept over 1 tile".to_owned(),
            _ => format!("crept over {} tiles", player.crept),
        };
        stage.words(&state, vec2(SIDE_X + 108.0, top + 66.0), 22.0, SOFT);
        let right = vec2(SIDE_X + SIDE_WIDE - 50.0, top + 43.0);
        if turn {
            let left = world.until.saturating_sub(world.tick);
            let part = left as f32 / TURN_TICKS as f32;
            let colour = if left < 200 { ALARM } else { COLOURS[seat] };
            stage.circle(right, 31.0, faded(WHITE, 0.75));
            stage.ring(right, 27.0, part.min(1.0), 6.0, colour);
            let seconds = left.div_ceil(60).to_string();
            stage.words_amid(
                &seconds,
                right + vec2(0.0, 10.0),
                32.0,
                if left < 200 { ALARM } else { INK },
            );
        } else if won > 0 {
            let words = if won == 1 { "1 win".to_owned() } else { format!("{won} wins") };
            stage.words_amid(&words, right + vec2(-8.0, 8.0), 22.0, SOFT);
        }
    }

    fn draw_hand(&self, stage: Stage, world: &World, seat: usize, player: &Player) {
        let turn = is_turn_of(world, seat);
        let words = match (turn, player.at) {
            (false, _) => "Your tiles",
            (true, None) => "Your turn! Where at the edge will you start?",
            (true, Some(_)) => "Your turn! Lay a tile under your snail.",
        };
        stage.words(words, vec2(SIDE_X, 536.0), 21.5, if turn { INK } else { SOFT });
        for (tile, kind) in player.hand.iter().enumerate() {
            let chosen = turn && tile == self.chosen;
            let at = hand_tile(tile) - vec2(0.0, if chosen { 8.0 } else { 0.0 });
            if chosen {
                stage.plate(at, Vec2::splat(HAND_TILE + 10.0), 14.0, 0.0, COLOURS[seat]);
            }
            let lean = self.leans[tile] * std::f32::consts::FRAC_PI_2;
            let alpha = if turn { 1.0 } else { 0.6 };
            garden::draw_tile(stage, Tile { kind: *kind, turned: 0 }, at, HAND_TILE, lean, alpha);
            stage.words_amid(
                &(tile + 1).to_string(),
                hand_tile(tile) + vec2(0.0, 74.0),
                20.0,
                SOFT,
            );
        }
        if turn {
            let keys = "1–4: choose    R, wheel, right click: turn    Enter, click: lay";
            stage.words(keys, vec2(SIDE_X, 714.0), 16.0, SOFT);
        }
    }

    /// What stands over the board when it is not played on.
    fn draw_notices(&self, stage: Stage, world: &World, view: &View<Snailway>, time: f32) {
        if view.status == Status::Interregnum {
            draw_notice(stage, "The gardener is gone…", "Another one is on its way.");
        }
        let seconds = world.until.saturating_sub(world.tick).div_ceil(60);
        match world.phase {
            Phase::Alone => draw_notice(
                stage,
                "One snail is no race.",
                "Start it once more, here or on another machine.",
            ),
            Phase::Gathering => {
                let names: Vec<_> =
                    world.people.values().map(|person| person.name.to_string()).collect();
                draw_notice(stage, &format!("A game begins in {seconds}…"), &names.join(", "));
            }
            Phase::Won(seat) if time - self.won_at > 1.6 => {
                self.draw_winner(stage, world, usize::from(seat), seconds, time);
            }
            Phase::Won(_) | Phase::Turn(_) => {}
        }
    }

    fn draw_winner(&self, stage: Stage, world: &World, seat: usize, seconds: u64, time: f32) {
        let since = time - self.won_at - 1.6;
        let part = (since / 0.35).clamp(0.0, 1.0);
        let grow = part * (2.0 - part) * (1.0 + 0.15 * (1.0 - part));
        let amid = garden::CORNER + Vec2::splat(CELL * 3.0);
        stage.plate(
            amid,
            Vec2::splat(CELL * 6.0 + 8.0),
            8.0,
            0.0,
            faded(color(0x22, 0x33, 0x22), 0.45 * part),
        );
        for n in 0..140_u64 {
            let drawn = interregnum::draw(world.game, n);
            let bits = |shift: u32| (drawn >> shift & 0xff) as f32 / 255.0;
            let fall = (since * (0.10 + 0.16 * bits(0)) + bits(8)).fract();
            let sway = (time * (1.0 + 2.0 * bits(16)) + bits(24) * 6.0).sin() * 16.0;
            let at = vec2(bits(32) * WIDE + sway, -20.0 + fall * (HIGH + 40.0));
            let size = vec2(5.0 + 9.0 * (time * 5.0 + bits(40) * 6.0).sin().abs(), 11.0);
            stage.plate(
                at,
                size,
                2.0,
                bits(48) * 6.0 + time,
                faded(COLOURS[n as usize % 4], 0.9 * part),
            );
        }
        stage.plate(
            amid + vec2(0.0, 8.0),
            vec2(470.0, 350.0) * grow,
            36.0 * grow,
            0.0,
            faded(BLACK, 0.25),
        );
        stage.plate(amid, vec2(470.0, 350.0) * grow, 36.0 * grow, 0.0, COLOURS[seat % 4]);
        stage.plate(amid, vec2(452.0, 332.0) * grow, 28.0 * grow, 0.0, PLATE);
        if part < 1.0 {
            return;
        }
        let hop = (since * 5.0).sin().abs() * 26.0;
        let winner = Snail {
            crown: true,
            ..Snail::sitting(COLOURS[seat % 4], amid + vec2(-8.0, 34.0 - hop), 2.5)
        };
        winner.draw(stage, time);
        let name =
            world.players.get(seat).map_or_else(String::new, |player| player.name.to_string());
        let line = shortened(stage, &format!("{name} wins!"), 54.0, 420.0);
        stage.words_amid(&line, amid + vec2(0.0, 102.0), 54.0, INK);
        let next = if world.people.len() > 1 {
            format!("the next game begins in {seconds}")
        } else {
            "and is alone now".to_owned()
        };
        stage.words_amid(&next, amid + vec2(0.0, 138.0), 24.0, SOFT);
    }
}

fn is_turn_of(world: &World, seat: usize) -> bool {
    world.turn().is_some_and(|(turn, _)| usize::from(turn) == seat)
}

fn is_winner(world: &World, seat: usize) -> bool {
    matches!(world.phase, Phase::Won(won) if usize::from(won) == seat)
}

fn hand_tile(tile: usize) -> Vec2 {
    HAND_AT + vec2(HAND_STEP * tile as f32, 0.0)
}

fn in_hand(tile: usize, at: Vec2) -> bool {
    (at - hand_tile(tile)).abs().max_element() < HAND_TILE / 2.0
}

/// Where a snail would end up.
fn draw_goal(stage: Stage, way: &Way, then: &Player, colour: Color, time: f32) {
    let Some((cell, _, exit)) = way.tiles.last() else { return };
    let (at, inward) = garden::spot(Spot { cell: *cell, end: *exit });
    let big = 1.0 + 0.12 * (time * 6.0).sin();
    if then.at.is_some() {
        stage.circle(at, 11.0 * big, WHITE);
        stage.circle(at, 8.0 * big, colour);
    } else {
        let off = at - inward * 16.0;
        stage.circle(off, 15.0 * big, WHITE);
        stage.circle(off, 12.5 * big, ALARM);
        stage.words_amid("!", off + vec2(0.0, 8.0), 26.0, WHITE);
    }
}

fn draw_notice(stage: Stage, words: &str, more: &str) {
    let amid = garden::CORNER + Vec2::splat(CELL * 3.0);
    stage.plate(amid + vec2(0.0, 6.0), vec2(560.0, 150.0), 28.0, 0.0, faded(BLACK, 0.2));
    stage.plate(amid, vec2(560.0, 150.0), 28.0, 0.0, PLATE);
    stage.words_amid(words, amid - vec2(0.0, 8.0), 42.0, INK);
    stage.words_amid(&shortened(stage, more, 24.0, 520.0), amid + vec2(0.0, 38.0), 24.0, SOFT);
}

fn draw_aside(stage: Stage, words: &str, more: &str, time: f32) {
    let amid = vec2(SIDE_X + SIDE_WIDE / 2.0, 600.0);
    let snail = Snail { hides: true, ..Snail::sitting(color(0x9a, 0x8f, 0x80), amid, 1.3) };
    snail.draw(stage, time);
    stage.words_amid(words, amid + vec2(0.0, 46.0), 26.0, INK);
    stage.words_amid(more, amid + vec2(0.0, 74.0), 20.0, SOFT);
}

/// Daisies in the grass around the bed.
fn draw_meadow(stage: Stage) {
    for n in 0..46_u64 {
        let drawn = interregnum::draw(2, n);
        let bits = |shift: u32| (drawn >> shift & 0xfff) as f32 / 4_095.0;
        let at = vec2(bits(0) * WIDE, bits(12) * HIGH);
        let size = 2.2 + 1.6 * bits(24);
        for petal in 0..6 {
            let petal =
                Vec2::from_angle(petal as f32 * std::f32::consts::TAU / 6.0 + bits(36)) * size;
            stage.circle(at + petal, size * 0.55, faded(WHITE, 0.75));
        }
        stage.circle(at, size * 0.55, color(0xf2, 0xc9, 0x4c));
    }
}

/// Words that are no wider than that.
fn shortened(stage: Stage, words: &str, size: f32, wide: f32) -> String {
    if stage.width(words, size) <= wide {
        return words.to_owned();
    }
    let mut short = words.to_owned();
    while short.pop().is_some() && stage.width(&format!("{short}…"), size) > wide {}
    format!("{}…", short.trim_end())
}
