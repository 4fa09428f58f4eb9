//! What stands beside the board, and over it: who plays, what is in one's hand, who has won.

use interregnum::Status;
use macroquad::prelude::*;

use super::{
    garden::{self, CELL, COLOURS, color},
    path::Tile,
    rules::{HAND, Out, Phase, SECOND, TURN_TICKS, World},
    snail::Snail,
    stage::{HIGH, Stage, WIDE, faded, mixed},
};

pub const SKY: Color = color(0xd6, 0xe8, 0xc8);
pub const PLATE: Color = color(0xfb, 0xf5, 0xe6);
pub const INK: Color = color(0x36, 0x30, 0x2a);
pub const SOFT: Color = color(0x7d, 0x74, 0x66);
pub const ALARM: Color = color(0xd2, 0x3c, 0x3c);

/// What words are written in.
pub const FONT: &[u8] = include_bytes!("../../assets/Nunito-ExtraBold.ttf");

/// Where the right half begins.
pub const SIDE_X: f32 = 775.0;
pub const SIDE_WIDE: f32 = 460.0;

/// A tile in the hand: where the first lies, how large it is, how far to the next.
pub const HAND_AT: Vec2 = vec2(826.0, 612.0);
pub const HAND_TILE: f32 = 100.0;
pub const HAND_STEP: f32 = 118.0;

/// When whoever's turn it is had better hurry, in ticks before it is over.
const HURRY_TICKS: u64 = 10 * SECOND / 3;

/// One who plays. The world is to be `into_tick` ticks older than it is: there are few, and clocks do not hop.
pub fn draw_player(
    stage: Stage,
    (world, into_tick): (&World, f32),
    seat: usize,
    won: u32,
    is_me: bool,
    time: f32,
) {
    let (player, top) = (&world.players[seat], 84.0 + 96.0 * seat as f32);
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
    stage.words(&shortened(stage, &who, 32.0, 250.0), vec2(SIDE_X + 108.0, top + 38.0), 32.0, ink);
    let state = match (player.out, world.phase()) {
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
        let left = world.left();
        let part = (left as f32 + 1.0 - into_tick) / TURN_TICKS as f32;
        let colour = if left < HURRY_TICKS { ALARM } else { COLOURS[seat] };
        stage.circle(right, 31.0, faded(WHITE, 0.75));
        stage.ring(right, 27.0, part.min(1.0), 6.0, colour);
        let seconds = left.div_ceil(SECOND).to_string();
        stage.words_amid(
            &seconds,
            right + vec2(0.0, 10.0),
            32.0,
            if left < HURRY_TICKS { ALARM } else { INK },
        );
    } else if won > 0 {
        let words = if won == 1 { "1 win".to_owned() } else { format!("{won} wins") };
        stage.words_amid(&words, right + vec2(-8.0, 8.0), 22.0, SOFT);
    }
}

/// The tiles of the one in `seat`, and which of them is chosen, and how they lean, in quarters.
pub fn draw_hand(
    stage: Stage,
    world: &World,
    seat: usize,
    chosen_tile: usize,
    leans: &[f32; HAND],
) {
    let player = &world.players[seat];
    let turn = is_turn_of(world, seat);
    let words = match (turn, player.at) {
        (false, _) => "Your tiles",
        (true, None) => "Your turn! Where at the edge will you start?",
        (true, Some(_)) => "Your turn! Lay a tile under your snail.",
    };
    stage.words(words, vec2(SIDE_X, 536.0), 21.5, if turn { INK } else { SOFT });
    for (tile, kind) in player.hand.iter().enumerate() {
        let chosen = turn && tile == chosen_tile;
        let at = hand_tile(tile) - vec2(0.0, if chosen { 8.0 } else { 0.0 });
        if chosen {
            stage.plate(at, Vec2::splat(HAND_TILE + 10.0), 14.0, 0.0, COLOURS[seat]);
        }
        let lean = leans[tile] * std::f32::consts::FRAC_PI_2;
        let alpha = if turn { 1.0 } else { 0.6 };
        garden::draw_tile(stage, Tile { kind: *kind, turned: 0 }, at, HAND_TILE, lean, alpha);
        stage.words_amid(&(tile + 1).to_string(), hand_tile(tile) + vec2(0.0, 74.0), 20.0, SOFT);
    }
    if turn {
        let keys = "1–4: choose    R, wheel, right click: turn    Enter, click: lay";
        stage.words(keys, vec2(SIDE_X, 714.0), 16.0, SOFT);
    }
}

/// What stands over the board when it is not played on.
pub fn draw_notices(stage: Stage, world: &World, status: Status, won_at: Option<f32>, time: f32) {
    if status == Status::Interregnum {
        draw_notice(stage, "The gardener is gone…", "Another one is on its way.");
    }
    let seconds = world.left().div_ceil(SECOND);
    match world.phase() {
        Phase::Alone => draw_notice(
            stage,
            "One snail is no race.",
            "Start it once more, here or on another machine.",
        ),
        Phase::Gathering => {
            let names: Vec<_> = world.lobby.people().map(|(_, name)| name.to_string()).collect();
            draw_notice(stage, &format!("A game begins in {seconds}…"), &names.join(", "));
        }
        Phase::Won(seat) => {
            if let Some(at) = won_at {
                draw_winner(stage, world, usize::from(seat), seconds, time, time - at);
            }
        }
        Phase::Turn(_) => {}
    }
}

/// Who has won, for so many seconds now.
fn draw_winner(stage: Stage, world: &World, seat: usize, seconds: u64, time: f32, since: f32) {
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
    let name = world.players.get(seat).map_or_else(String::new, |player| player.name.to_string());
    let line = shortened(stage, &format!("{name} wins!"), 54.0, 420.0);
    stage.words_amid(&line, amid + vec2(0.0, 102.0), 54.0, INK);
    let next = if world.lobby.people().count() > 1 {
        format!("the next game begins in {seconds}")
    } else {
        "and is alone now".to_owned()
    };
    stage.words_amid(&next, amid + vec2(0.0, 138.0), 24.0, SOFT);
}

/// Words over the board.
pub fn draw_notice(stage: Stage, words: &str, more: &str) {
    let amid = garden::CORNER + Vec2::splat(CELL * 3.0);
    stage.plate(amid + vec2(0.0, 6.0), vec2(560.0, 150.0), 28.0, 0.0, faded(BLACK, 0.2));
    stage.plate(amid, vec2(560.0, 150.0), 28.0, 0.0, PLATE);
    stage.words_amid(words, amid - vec2(0.0, 8.0), 42.0, INK);
    stage.words_amid(&shortened(stage, more, 24.0, 520.0), amid + vec2(0.0, 38.0), 24.0, SOFT);
}

/// Words in place of a hand.
pub fn draw_aside(stage: Stage, words: &str, more: &str, time: f32) {
    let amid = vec2(SIDE_X + SIDE_WIDE / 2.0, 600.0);
    let snail = Snail { hides: true, ..Snail::sitting(color(0x9a, 0x8f, 0x80), amid, 1.3) };
    snail.draw(stage, time);
    stage.words_amid(words, amid + vec2(0.0, 46.0), 26.0, INK);
    stage.words_amid(more, amid + vec2(0.0, 74.0), 20.0, SOFT);
}

/// Whether it is this one's turn.
pub fn is_turn_of(world: &World, seat: usize) -> bool {
    world.turn().is_some_and(|(turn, _)| usize::from(turn) == seat)
}

/// Whether this one has won.
pub fn is_winner(world: &World, seat: usize) -> bool {
    matches!(world.phase(), Phase::Won(won) if usize::from(won) == seat)
}

fn hand_tile(tile: usize) -> Vec2 {
    HAND_AT + vec2(HAND_STEP * tile as f32, 0.0)
}

/// Whether a tile of the hand is at this point.
pub fn in_hand(tile: usize, at: Vec2) -> bool {
    (at - hand_tile(tile)).abs().max_element() < HAND_TILE / 2.0
}

/// Words that are no wider than that.
pub fn shortened(stage: Stage, words: &str, size: f32, wide: f32) -> String {
    if stage.width(words, size) <= wide {
        return words.to_owned();
    }
    let mut short = words.to_owned();
    while short.pop().is_some() && stage.width(&format!("{short}…"), size) > wide {}
    format!("{}…", short.trim_end())
}
