//! Pong for two, and whoever else comes waits for a place. Kill the host, and the ball flies on.
//!
//! `cargo run --release --example pong -- Ada`, in two terminals: a window each, up and down move the bat.
//! With `--bot` behind the name it plays by itself, without a window.

use std::error::Error;

use interregnum::{
    Command, Event, Game, Handle, Happened, Name, News, NodeId, draw, join, kit::Seats,
};
use serde::{Deserialize, Serialize};

/// The court, and what is on it, in hundredths of a pixel.
pub const PIXEL: i32 = 100;
const WIDE: i32 = 64_000;
const HIGH: i32 = 40_000;
const BAT: i32 = 8_000;
const BAT_FROM_EDGE: i32 = 3_000;
/// How far a bat goes in a step.
pub const BAT_PACE: i32 = 700;
const BALL: i32 = 900;
/// A ball is lost when it has flown so far out: by then everybody knows that no bat has hit it.
const OUT: i32 = 9_000;
const BALL_PACE: i32 = 420;
const BALL_PACE_MAX: i32 = 1_100;
/// So long a ball lies before it flies, in steps.
const SERVE: u16 = 60;

/// The rules.
#[derive(Clone, Debug)]
pub enum Pong {}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    seed: u64,
    serves: u64,
    /// Who plays, on the left and on the right, and who waits.
    pub seats: Seats,
    /// What they play with.
    pub bats: [Bat; 2],
    /// Where the ball is.
    pub ball: (i32, i32),
    /// How far it flies in a step.
    pub pace: (i32, i32),
    /// So many steps until it flies.
    rests: u16,
}

/// What whoever sits there plays with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bat {
    /// Where its middle is.
    pub at: i32,
    /// Up is -1, down is 1.
    pub moves: i8,
    /// How many it has shot.
    pub goals: u32,
}

impl Bat {
    const NEW: Bat = Bat { at: HIGH / 2, moves: 0, goals: 0 };
}

impl Game for Pong {
    const RULES: &'static str = "pong 3";
    type World = World;
    /// Up is -1, down is 1.
    type Controls = i8;
    type Order = ();
    /// Who shot a goal, and how many that makes.
    type Event = (NodeId, u32);
    type Scores = ();

    fn new_world(seed: u64) -> World {
        let (seats, bats, ball) = (Seats::new(2), [Bat::NEW; 2], (WIDE / 2, HIGH / 2));
        World { seed, serves: 0, seats, bats, ball, pace: (BALL_PACE, 0), rests: SERVE }
    }

    fn is_valid(world: &World) -> bool {
        let World { seats, bats, ball, pace, .. } = world;
        seats.is_valid(2)
            && bats.iter().all(|bat| (0..=HIGH).contains(&bat.at) && (-1..=1).contains(&bat.moves))
            && (-OUT..=WIDE + OUT).contains(&ball.0)
            && (0..=HIGH).contains(&ball.1)
            && (-BALL_PACE_MAX..=BALL_PACE_MAX).contains(&pace.0)
            && (-BALL_PACE_MAX..=BALL_PACE_MAX).contains(&pace.1)
    }

    fn step(world: &mut World, news: &[News<i8>], events: &mut Vec<(NodeId, u32)>) {
        for item in news {
            world.seats.hear(item);
            if let News::Controls(id, moves) = item
                && let Some(side) = world.seats.seat_of(*id)
            {
                world.bats[side].moves = moves.signum();
            }
        }
        for (side, _) in world.seats.fill() {
            world.bats[side] = Bat::NEW;
        }
        for bat in &mut world.bats {
            bat.at = (bat.at + BAT_PACE * i32::from(bat.moves)).clamp(BAT / 2, HIGH - BAT / 2);
        }
        if world.seats.seated().count() == 2 {
            world.fly(events);
        }
    }

    fn blend(from: &World, to: &World, part: u16) -> World {
        let mut shown = to.clone();
        let between = |from: i32, to: i32| from + (((to - from) * i32::from(part >> 4)) >> 12);
        if from.serves == to.serves {
            shown.ball = (between(from.ball.0, to.ball.0), between(from.ball.1, to.ball.1));
        }
        for side in 0..2 {
            if from.seats.seats()[side] == to.seats.seats()[side] {
                shown.bats[side].at = between(from.bats[side].at, to.bats[side].at);
            }
        }
        shown
    }
}

impl World {
    fn fly(&mut self, events: &mut Vec<(NodeId, u32)>) {
        self.rests = self.rests.saturating_sub(1);
        if self.rests > 0 {
            return;
        }
        self.ball.0 += self.pace.0;
        self.ball.1 += self.pace.1;
        if self.ball.1 < BALL || self.ball.1 > HIGH - BALL {
            self.pace.1 = if self.ball.1 < BALL { self.pace.1.abs() } else { -self.pace.1.abs() };
            self.ball.1 = self.ball.1.clamp(BALL, HIGH - BALL);
        }
        let (left, right) = (BAT_FROM_EDGE + BALL, WIDE - BAT_FROM_EDGE - BALL);
        let side = usize::from(self.pace.0 > 0);
        let reaches = if side == 0 { self.ball.0 <= left } else { self.ball.0 >= right };
        let off = self.ball.1 - self.bats[side].at;
        let is_near = (left - 2 * BALL..=right + 2 * BALL).contains(&self.ball.0);
        if reaches && is_near && off.abs() <= BAT / 2 + BALL {
            let pace = (self.pace.0.abs() + 25).min(BALL_PACE_MAX);
            self.pace = (if side == 0 { pace } else { -pace }, off * 4 * BALL_PACE / BAT);
        } else if self.ball.0 < -OUT || self.ball.0 > WIDE + OUT {
            let winner = &mut self.bats[1 - side];
            winner.goals = winner.goals.saturating_add(1);
            events.extend(self.seats.seats()[1 - side].map(|id| (id, winner.goals)));
            self.serve(side);
        }
    }

    /// The ball flies to this side, in a moment.
    fn serve(&mut self, side: usize) {
        self.serves = self.serves.wrapping_add(1);
        let slope = (draw(self.seed, self.serves) % 601) as i32 - 300;
        self.ball = (WIDE / 2, HIGH / 2);
        self.pace = (if side == 0 { -BALL_PACE } else { BALL_PACE }, slope);
        self.rests = SERVE;
    }
}

/// Runs after the ball, and aims badly: by so much for as long as nobody hits it.
pub fn chase(world: &World, me: NodeId) -> i8 {
    let bat = world.seats.seat_of(me).map(|side| world.bats[side]);
    let amiss = draw(world.seed ^ u64::from(world.pace.0.unsigned_abs()), world.serves) % 15_001;
    let off = bat.map_or(0, |bat| world.ball.1 + amiss as i32 - 7_500 - bat.at);
    if off.abs() < BAT / 4 { 0 } else { off.signum() as i8 }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or("somebody".to_owned());
    let pong = join::<Pong>("pong").name(&name).env();
    if words.next().is_none_or(|word| word != "--bot") {
        return window(pong.start()?);
    }
    let handle = pong
        .pilot(|view| Some(Command::Controls(chase(view.picture.as_ref()?.newest(), view.me))))
        .start()?;
    println!("me {}", handle.started().id);
    for timed in handle.events().until_the_end() {
        match timed.event {
            Happened::Node(Event::Game { event: (who, goals), .. }) => {
                println!("goal {who} {goals}")
            }
            Happened::Node(Event::Host { host, .. }) => println!("host {host}"),
            Happened::Failed { why } => return Err(why.to_string().into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(not(feature = "window"))]
fn window(_handle: Handle<Pong>) -> Result<(), Box<dyn Error>> {
    Err("this was built without a window; try --bot".into())
}

#[cfg(feature = "window")]
fn window(handle: Handle<Pong>) -> Result<(), Box<dyn Error>> {
    use std::time::Duration;

    use macroquad::prelude::*;

    macroquad::Window::new("Pong", async move {
        let mut seen = None;
        loop {
            seen = handle.newer_view(seen.as_ref(), Duration::from_millis(16)).or(seen);
            let up = is_key_down(KeyCode::Up) || is_key_down(KeyCode::W);
            let down = is_key_down(KeyCode::Down) || is_key_down(KeyCode::S);
            handle.hold(i8::from(down) - i8::from(up));
            clear_background(Color::from_hex(0x0b1a2a));
            let scale = (screen_width() / WIDE as f32).min(screen_height() / HIGH as f32);
            let px = |length: i32| length as f32 * scale;
            draw_rectangle(0.0, 0.0, px(WIDE), px(HIGH), Color::from_hex(0x16324f));
            (0..20).for_each(|n| {
                draw_circle(px(WIDE / 2), px(HIGH / 40 * (2 * n + 1)), px(250), GRAY)
            });
            let picture = seen.as_ref().and_then(|view| view.picture.as_ref());
            if let Some(world) = picture.map(|picture| picture.shown(handle.now())) {
                let sides = [(BAT_FROM_EDGE, SKYBLUE), (WIDE - BAT_FROM_EDGE, PINK)];
                for (side, (x, colour)) in sides.into_iter().enumerate() {
                    let Some(id) = world.seats.seats()[side] else { continue };
                    let bat = world.bats[side];
                    let top = px(bat.at - BAT / 2);
                    draw_rectangle(px(x - 500), top, px(1_000), px(BAT), colour);
                    let name = world.seats.name(id).map_or("", Name::as_str);
                    let words = format!("{name}  {}", bat.goals);
                    let at = if x < WIDE / 2 { WIDE / 8 } else { WIDE * 5 / 8 };
                    draw_text(&words, px(at), px(3_500), px(3_000), colour);
                }
                let ball = vec2(px(world.ball.0), px(world.ball.1));
                draw_circle(ball.x, ball.y, px(BALL), YELLOW);
                let waits = world.seats.waiting().len();
                if waits > 0 {
                    draw_text(
                        format!("{waits} wait"),
                        px(1_000),
                        px(HIGH - 1_000),
                        px(2_000),
                        GRAY,
                    );
                }
            }
            next_frame().await;
        }
    });
    Ok(())
}
