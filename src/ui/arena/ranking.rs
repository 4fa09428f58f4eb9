//! Between two rounds: who won, how good everybody was, and when it goes on.
use std::collections::BTreeMap;

use macroquad::math::{Rect, Vec2, vec2};

use super::{WINDOW, cast::draw_bot_mark, herald::whose};
use crate::{
    arena::{Arena, INTERMISSION_TICKS, Intermission, Score, World},
    game::Game,
    node::View,
    types::NodeId,
    ui::{
        draw::{Canvas, Paint},
        heir::{Mood, Pose, draw_heir, tunic},
        palette::{
            CREAM, GOLD, GOLD_DEEP, GOLD_LIGHT, HEATHER, LAVENDER, NIGHT, PANEL_EDGE, faded, lit,
        },
        panel::draw_panel,
        screen::Frame,
        text::Ink,
    },
};

/// Lines in a column of the ranking.
const LINES: usize = 8;
const LINE_HEIGHT: f32 = 33.0;
const COLUMN: f32 = 400.0;

/// Draws the winner and the ranking, while a round is over.
pub fn draw_ranking(
    frame: &Frame,
    world: &World,
    view: &View<Arena>,
    names: &BTreeMap<NodeId, String>,
) {
    let Some(intermission) = world.intermission else {
        return;
    };
    let left_s = f32::from(intermission.ticks_left) / Arena::TICKS_PER_SECOND as f32;
    let whole_s = f32::from(INTERMISSION_TICKS) / Arena::TICKS_PER_SECOND as f32;
    let since = whole_s - left_s;
    let c = &frame.stage.faded((since / 0.25).min(1.0) * (left_s / 0.25).min(1.0));
    let ranks = ranks(world, view.me);
    let columns = if ranks.len() > LINES { 2.0 } else { 1.0 };
    let lines = ranks.len().min(LINES) as f32;
    let width = columns * COLUMN + 60.0;
    let height = 214.0 + lines * LINE_HEIGHT;
    let place = Rect::new(
        WINDOW.center().x - width / 2.0,
        WINDOW.center().y - height / 2.0 + 20.0,
        width,
        height,
    );
    draw_panel(c, place);
    c.round_rect(place, 14.0, faded(NIGHT, 0.45));
    c.round_frame(place, 14.0, 2.0, faded(GOLD, 0.8));
    draw_winner(c, intermission, world, place, names, view.me, frame.seconds);
    let heading = Ink::plain(14.0, HEATHER);
    for column in 0..columns as usize {
        let x = place.x + 30.0 + column as f32 * COLUMN;
        let y = place.y + 152.0;
        c.text("heir", vec2(x + 84.0, y), heading);
        c.text("rounds won", vec2(x + COLUMN - 96.0, y), heading.right());
        c.text("points", vec2(x + COLUMN - 22.0, y), heading.right());
    }
    for (i, rank) in ranks.iter().enumerate() {
        let at = vec2(
            place.x + 30.0 + (i / LINES) as f32 * COLUMN,
            place.y + 160.0 + (i % LINES) as f32 * LINE_HEIGHT,
        );
        draw_line(c, at, rank, world, names, view.me, frame.seconds);
    }
    let next = format!("the next round begins in {}", left_s.ceil().max(1.0));
    let ink = Ink::plain(17.0, LAVENDER).centred();
    c.text(&next, vec2(place.center().x, place.bottom() - 16.0), ink);
}

/// A line of the ranking.
struct Rank {
    place: usize,
    who: NodeId,
    score: Score,
}

/// Everybody, best first, as many as there is room for; the viewer is always among them. Who has the
/// same points has the same place.
fn ranks(world: &World, me: NodeId) -> Vec<Rank> {
    let mut all: Vec<(NodeId, Score)> = world.scoreboard.iter().map(|(id, s)| (*id, *s)).collect();
    let winner = world.intermission.map(|pause| pause.winner);
    all.sort_by_key(|(id, score)| (std::cmp::Reverse(score.points), Some(*id) != winner, *id));
    let mut ranks: Vec<Rank> = Vec::with_capacity(all.len());
    for (i, (who, score)) in all.into_iter().enumerate() {
        let tied = ranks.last().filter(|before| before.score.points == score.points);
        let place = tied.filter(|_| i > 1).map_or(i + 1, |before| before.place);
        ranks.push(Rank { place, who, score });
    }
    let own = ranks.iter().position(|rank| rank.who == me);
    if let Some(own) = own.filter(|own| *own >= 2 * LINES) {
        ranks.swap(own, 2 * LINES - 1);
    }
    ranks.truncate(2 * LINES);
    ranks
}

fn draw_line(
    c: &Canvas,
    at: Vec2,
    rank: &Rank,
    world: &World,
    names: &BTreeMap<NodeId, String>,
    me: NodeId,
    seconds: f32,
) {
    let line = Rect::new(at.x, at.y, COLUMN - 12.0, LINE_HEIGHT - 4.0);
    if rank.who == me {
        c.round_rect(line, 9.0, faded(PANEL_EDGE, 0.6));
        c.round_frame(line, 9.0, 1.2, faded(LAVENDER, 0.6));
    }
    let base = line.y + 21.0;
    let first = rank.place == 1;
    let ink = Ink::plain(17.0, if first { GOLD } else { LAVENDER }).right();
    c.text(&format!("{}.", rank.place), vec2(line.x + 36.0, base), ink);
    let ink = Ink::plain(18.0, CREAM);
    c.text(&rank.score.points.to_string(), vec2(line.right() - 10.0, base), ink.right());
    if rank.score.games_won > 0 {
        let won = rank.score.games_won.to_string();
        c.text(&won, vec2(line.right() - 84.0, base), ink.coloured(GOLD_LIGHT).right());
    }
    let Some(player) = world.players.get(&rank.who) else { return };
    let mut pose = Pose::standing(vec2(line.x + 58.0, line.bottom() - 4.0), 10.0, player.colour);
    pose.seconds = seconds;
    if player.is_away() {
        pose.mood = Mood::Ghost;
    }
    draw_heir(c, &pose);
    let name = names.get(&rank.who).map_or(player.name.as_str(), String::as_str);
    let ink = ink.coloured(lit(tunic(player.colour), 0.5));
    let room = line.w - 84.0 - 130.0 - if player.bot { 22.0 } else { 0.0 };
    let width = c.text(&c.fitted(name, room, ink), vec2(line.x + 84.0, base), ink);
    if player.bot {
        draw_bot_mark(c, vec2(line.x + 84.0 + width + 13.0, base - 6.0), 6.5, LAVENDER);
    }
}

fn draw_winner(
    c: &Canvas,
    intermission: Intermission,
    world: &World,
    place: Rect,
    names: &BTreeMap<NodeId, String>,
    me: NodeId,
    seconds: f32,
) {
    let centre = vec2(place.center().x, place.y + 44.0);
    c.glow(centre - vec2(0.0, 30.0), 150.0, faded(GOLD, 0.30));
    if let Some(player) = world.players.get(&intermission.winner) {
        let mut pose = Pose::standing(centre, 36.0, player.colour);
        pose.mood = Mood::Cheering;
        pose.hop = (seconds * 6.0).sin().abs() * 0.35;
        draw_heir(c, &pose);
        // A wreath is the winner's, the crown is the host's.
        draw_wreath(c, &pose);
    }
    let won = if intermission.winner == me { "win" } else { "wins" };
    let who = whose(names, intermission.winner, me);
    let title = format!("{who} {won} round {}", world.round);
    let ink = Ink::royal(38.0, GOLD);
    let size = ink.size * ((place.w - 60.0) / c.text_width(&title, ink)).min(1.0);
    let ink = Ink { size, ..ink };
    let at = centre + vec2(0.0, 62.0);
    c.text(&title, at + vec2(0.0, 2.5), ink.coloured(faded(NIGHT, 0.9)));
    c.text(&title, at, ink);
}

/// A wreath of golden leaves around a head, open at the top.
fn draw_wreath(c: &Canvas, pose: &Pose) {
    let c = c.shifted(pose.feet - vec2(0.0, (0.98 + pose.hop) * pose.radius), pose.radius);
    c.sprite("wreath", 0, Rect::new(-1.9, -1.9, 3.8, 3.8), |c| {
        for side in [-1.0, 1.0] {
            for i in 0..8 {
                let turn = 0.45 + i as f32 * 0.27;
                let at = vec2(turn.sin() * side, -turn.cos()) * 1.26;
                let up = vec2(-turn.cos() * side, -turn.sin());
                for (lean, colour) in [(0.55, GOLD_DEEP), (-0.45, GOLD)] {
                    let long = Vec2::from_angle(lean * side).rotate(up) * 0.5;
                    let wide = long.perp() * 0.26;
                    let leaf = [at, at + long * 0.45 + wide, at + long, at + long * 0.45 - wide];
                    c.line(&leaf, true, 0.07, NIGHT);
                    c.convex(&leaf, Paint::Down(GOLD_LIGHT, colour));
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arena::Controls,
        game::{Game, News},
        text::Name,
    };

    fn world(points: &[u32]) -> World {
        let mut world = Arena::new_world(7);
        let id = |i: usize| NodeId::from_u128(i as u128 + 1);
        let news: Vec<News<Controls>> =
            (0..points.len()).map(|i| News::Joined(id(i), Name::new("x"))).collect();
        Arena::step(&mut world, &news, &mut Vec::new());
        for (i, points) in points.iter().enumerate() {
            world.scoreboard.get_mut(&id(i)).unwrap().points = *points;
        }
        world.intermission = Some(Intermission { winner: id(1), ticks_left: 9 });
        world
    }

    #[test]
    fn the_winner_is_first_and_who_has_the_same_points_has_the_same_place() {
        let ranks = ranks(&world(&[20, 20, 7, 7, 3]), NodeId::from_u128(5));
        let places: Vec<usize> = ranks.iter().map(|rank| rank.place).collect();
        assert_eq!(ranks[0].who, NodeId::from_u128(2));
        assert_eq!(places, [1, 2, 3, 3, 5]);
    }

    #[test]
    fn the_viewer_of_a_crowd_finds_its_own_line() {
        let points: Vec<u32> = (0..33).map(|i| 40 - i).collect();
        let ranks = ranks(&world(&points), NodeId::from_u128(33));
        assert_eq!(ranks.len(), 2 * LINES);
        assert_eq!(
            (ranks.last().unwrap().who, ranks.last().unwrap().place),
            (NodeId::from_u128(33), 33)
        );
    }
}
