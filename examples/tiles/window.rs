//! The window: what is seen, and what is clicked. Nothing here decides anything about the game.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use interregnum::{Event, Events, Game, Handle, Happened, NodeId, Role, View};
use macroquad::{miniquad, prelude::*};

use super::{
    garden::{self, CELL, COLOURS, color},
    panel::{
        self, ALARM, FONT, INK, PLATE, SIDE_WIDE, SIDE_X, SKY, SOFT, draw_aside, draw_notice,
        in_hand, is_turn_of, is_winner, shortened,
    },
    path::{Spot, Tile, Way},
    rules::{HAND, Move, Out, Phase, Player, Snailway, Told, World},
    snail::Snail,
    stage::{HIGH, Stage, WIDE, faded},
    teller::reason,
};

/// How many tiles a snail creeps in a second.
const PACE: f32 = 3.8;

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
    /// The move that is under way.
    wanted: Option<Move>,
    /// The part of a tick that has passed since the one that is shown.
    into_tick: f32,
    /// The game that is shown.
    game: u64,
    /// How far each snail is shown to have crept, and to have fallen, if it is off the board.
    crept: [f32; COLOURS.len()],
    fallen: [f32; COLOURS.len()],
    /// When each tile was seen first.
    laid: BTreeMap<u8, f32>,
    /// What there is to read, and since when.
    words: VecDeque<(String, f32)>,
    /// Since when the game is over, and nothing moves any more.
    won_at: Option<f32>,
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
            into_tick: 0.0,
            game: 0,
            crept: [0.0; COLOURS.len()],
            fallen: [0.0; COLOURS.len()],
            laid: BTreeMap::new(),
            words: VecDeque::new(),
            won_at: None,
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
        let past = self.handle.now().since(picture.at).as_secs_f32();
        self.into_tick = (past * Snailway::TICKS_PER_SECOND as f32).min(1.0);
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
        panel::draw_notices(stage, &world, view.status, self.won_at, time);
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
                        self.wanted = None;
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

    fn order(&mut self, wanted: Move) {
        self.wanted = self.handle.order(wanted).is_ok().then_some(wanted);
    }

    /// Forgets the move that the world has passed.
    fn let_go(&mut self, newest: &World) {
        let passed = |wanted: Move| (wanted.game, wanted.number) != (newest.game, newest.moves());
        if self.wanted.is_some_and(passed) {
            self.wanted = None;
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
            let pace = PACE * (1.0 + (goal - *crept) / 3.0);
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
        let rests = |(seat, player): (usize, &Player)| {
            let goal = player.way(&world.board).tiles.len() as f32;
            self.crept[seat] >= goal && (player.out != Some(Out::Slid) || self.fallen[seat] >= 1.0)
        };
        let mut players = world.players.iter().enumerate().take(COLOURS.len());
        self.won_at = match (world.phase(), self.won_at) {
            (Phase::Won(_), Some(at)) => Some(at),
            (Phase::Won(_), None) => players.all(rests).then_some(time),
            _ => None,
        };
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
            self.order(self.meant(world, seat));
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
            let shown = (world, self.into_tick);
            panel::draw_player(stage, shown, seat, won, player.id == view.me, time);
        }
        let playing: Vec<NodeId> = world.players.iter().map(|player| player.id).collect();
        let watch = world.lobby.people().filter(|(id, _)| !playing.contains(id));
        let mut watching: Vec<String> = watch.map(|(_, name)| name.to_string()).collect();
        if view.spectators > 0 {
            watching.push(format!("{} without a seat", view.spectators));
        }
        if !watching.is_empty() && !world.players.is_empty() {
            let line =
                shortened(stage, &format!("Watching: {}", watching.join(", ")), 20.0, SIDE_WIDE);
            stage.words(&line, vec2(x, 494.0), 20.0, SOFT);
        }
        match seat.map(|seat| (seat, &world.players[seat])) {
            Some((seat, player)) if player.plays() => {
                panel::draw_hand(stage, world, seat, self.chosen, &self.leans);
            }
            Some(_) => draw_aside(
                stage,
                "You are out of this one.",
                "Sleep well in your shell, until the next game.",
                time,
            ),
            None if world.players.is_empty() => {}
            None if view.role == Role::Spectator => {
                draw_aside(stage, "You watch.", "Nobody asks you to lay a tile.", time);
            }
            None => {
                draw_aside(stage, "You watch this one.", "The next game draws lots again.", time);
            }
        }
        for (number, (words, at)) in self.words.iter().enumerate() {
            let alpha = ((WORDS_STAY - (time - at)) / 0.6).clamp(0.0, 1.0);
            let line = shortened(stage, words, 22.0, SIDE_WIDE);
            stage.words(&line, vec2(x, 740.0 + 25.0 * number as f32), 22.0, faded(INK, alpha));
        }
    }
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
