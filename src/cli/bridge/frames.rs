//! The arena as JSON, for a page that draws it: positions in pixels, the board only when it is another one.

use interregnum::{
    arena::{Arena, Board, UNITS_PER_PIXEL, World},
    node::{Status, View},
    types::NodeId,
};
use serde::Serialize;

#[derive(Serialize)]
struct BoardTold {
    width: i32,
    height: i32,
    /// Left, upper edge, width, height.
    walls: Vec<[i32; 4]>,
}

#[derive(Serialize)]
struct FrameTold<'a> {
    tick: u64,
    status: &'static str,
    host: Option<NodeId>,
    round: u32,
    winner: Option<NodeId>,
    players: Vec<PlayerTold<'a>>,
    /// Where, and whether it is a rare one.
    coins: Vec<(f32, f32, bool)>,
}

#[derive(Serialize)]
struct PlayerTold<'a> {
    id: NodeId,
    name: &'a str,
    colour: u8,
    x: f32,
    y: f32,
    facing: u8,
    dash: bool,
    stun: bool,
    away: bool,
    points: u32,
}

fn pixels(units: i32) -> f32 {
    (units as f32 / UNITS_PER_PIXEL as f32 * 10.0).round() / 10.0
}

/// The line that tells of a board.
pub fn board(board: &Board) -> String {
    let px = |units: i32| units / UNITS_PER_PIXEL;
    let walls = board.walls.iter().map(|w| [px(w.x), px(w.y), px(w.width), px(w.height)]);
    let told =
        BoardTold { width: px(board.width()), height: px(board.height()), walls: walls.collect() };
    line("board", &told)
}

/// The line that tells how everything is.
pub fn frame(view: &View<Arena>, shown: &World) -> String {
    let players = shown.players.iter().map(|(id, player)| PlayerTold {
        id: *id,
        name: player.name.as_str(),
        colour: player.colour,
        x: pixels(player.at.x),
        y: pixels(player.at.y),
        facing: player.facing,
        dash: player.dash > 0,
        stun: player.stun > 0,
        away: player.is_away(),
        points: shown.scoreboard.get(id).map_or(0, |score| score.points),
    });
    let coins = shown.gatherables.values();
    let status = match view.status {
        Status::Browsing => "browsing",
        Status::Searching => "searching",
        Status::Playing => "playing",
        Status::Interregnum => "interregnum",
        Status::Stopped | Status::Failed => "over",
    };
    let told = FrameTold {
        tick: shown.tick.0,
        status,
        host: view.host,
        round: shown.round,
        winner: shown.intermission.map(|pause| pause.winner),
        players: players.collect(),
        coins: coins.map(|coin| (pixels(coin.at.x), pixels(coin.at.y), coin.rare)).collect(),
    };
    line("frame", &told)
}

fn line<T: Serialize>(name: &str, told: &T) -> String {
    format!("{{\"{name}\":{}}}\n", serde_json::to_string(told).unwrap_or_default())
}
