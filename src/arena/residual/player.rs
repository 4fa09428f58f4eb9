//! How one player differs from what was predicted of it.
//!
//! `1` and a [`Turn`], or `00` when it moved as predicted, or `01` and its [`Motion`] field by
//! field. Then a bit whether anything else differs, and if so a bit for each of `loose`, points,
//! games won and the rare fields, and for the rare ones a bit each again; then the values.

use super::{byte, difference, read_flags, sum};
use crate::{
    arena::{
        rules::{DASH, RUN},
        world::{Board, Controls, DASH_COOLDOWN_TICKS, DASH_TICKS, Player, Point, Score},
    },
    bits::{BitReader, BitWriter},
    game::Malformed,
    text::Name,
};

/// Turns that are longer ago are not looked for.
const TURN_TICKS_MAX: u8 = 8;

/// What a new player is told apart from.
pub(super) fn blank() -> Player {
    Player {
        name: Name::new(""),
        colour: 0,
        at: Point::default(),
        facing: 2,
        controls: Controls::default(),
        dash: 0,
        cooldown: 0,
        stun: 0,
        shield: 0,
        loose: 0,
        away: 0,
        bot: false,
    }
}

pub(super) fn write(
    out: &mut BitWriter,
    board: &Board,
    (before, score_before): (&Player, Score),
    (after, score_after): (&Player, Score),
) {
    let motion = Motion::of(after);
    let turn = Turn::find(board, before, motion);
    out.bit(turn.is_some());
    match turn {
        Some(turn) => turn.write(out, before),
        None => {
            let differs = Motion::of(before) != motion;
            out.bit(differs);
            if differs {
                motion.write(out, Motion::of(before));
            }
        }
    }
    let rare = [
        before.name != after.name,
        before.colour != after.colour,
        before.stun != after.stun,
        before.shield != after.shield,
        before.away != after.away,
        before.bot != after.bot,
    ];
    let rest = [
        before.loose != after.loose,
        score_before.points != score_after.points,
        score_before.games_won != score_after.games_won,
        rare.contains(&true),
    ];
    out.bit(rest.contains(&true));
    if !rest.contains(&true) {
        return;
    }
    for bit in rest {
        out.bit(bit);
    }
    if rest[0] {
        out.number(after.loose.into());
    }
    if rest[1] {
        out.signed(difference(score_before.points.into(), score_after.points.into()));
    }
    if rest[2] {
        out.signed(difference(score_before.games_won.into(), score_after.games_won.into()));
    }
    if !rest[3] {
        return;
    }
    for bit in rare {
        out.bit(bit);
    }
    if rare[0] {
        let name = after.name.as_str().as_bytes();
        out.number(name.len() as u64);
        for byte in name {
            out.bits(u32::from(*byte), 8);
        }
    }
    let numbers = [after.colour.into(), after.stun.into(), after.shield.into(), after.away.into()];
    for (number, differs) in numbers.into_iter().zip(&rare[1..]) {
        if *differs {
            out.number(number);
        }
    }
}

pub(super) fn read(
    input: &mut BitReader,
    board: &Board,
    (before, mut score): (&Player, Score),
) -> Result<(Player, Score), Malformed> {
    let mut player = before.clone();
    if input.bit()? {
        Turn::read(input, before)?.motion(board, before).put_into(&mut player);
    } else if input.bit()? {
        Motion::read(input, Motion::of(before))?.put_into(&mut player);
    }
    if !input.bit()? {
        return Ok((player, score));
    }
    let [loose, points, games_won, rare] = read_flags(input)?;
    if loose {
        player.loose = byte(input)?;
    }
    let changed =
        |number: u32, by: i64| u32::try_from(sum(number.into(), by)).map_err(|_| Malformed);
    if points {
        score.points = changed(score.points, input.signed()?)?;
    }
    if games_won {
        score.games_won = changed(score.games_won, input.signed()?)?;
    }
    if !rare {
        return Ok((player, score));
    }
    let [name, colour, stun, shield, away, bot] = read_flags(input)?;
    if name {
        player.name = read_name(input)?;
    }
    if colour {
        player.colour = byte(input)?;
    }
    if stun {
        player.stun = byte(input)?;
    }
    if shield {
        player.shield = byte(input)?;
    }
    if away {
        player.away = u16::try_from(input.number()?).map_err(|_| Malformed)?;
    }
    player.bot ^= bot;
    Ok((player, score))
}

fn read_name(input: &mut BitReader) -> Result<Name, Malformed> {
    let length = usize::try_from(input.number()?).map_err(|_| Malformed)?;
    if length > input.left() / 8 {
        return Err(Malformed);
    }
    let bytes: Result<Vec<u8>, Malformed> =
        (0..length).map(|_| input.bits(8).map(|byte| byte as u8)).collect();
    let text = String::from_utf8(bytes?).map_err(|_| Malformed)?;
    Ok(Name::new(&text))
}

/// The part of a player that its controls decide.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Motion {
    controls: Controls,
    facing: u8,
    at: Point,
    dash: u8,
    cooldown: u8,
}

impl Motion {
    fn of(player: &Player) -> Self {
        Self {
            controls: player.controls,
            facing: player.facing,
            at: player.at,
            dash: player.dash,
            cooldown: player.cooldown,
        }
    }

    fn put_into(self, player: &mut Player) {
        player.controls = self.controls;
        player.facing = self.facing;
        player.at = self.at;
        player.dash = self.dash;
        player.cooldown = self.cooldown;
    }

    fn write(self, out: &mut BitWriter, before: Motion) {
        out.bit(self.controls != before.controls);
        if self.controls != before.controls {
            write_controls(out, self.controls);
        }
        out.bit(self.facing != before.facing);
        if self.facing != before.facing {
            out.bits(self.facing.into(), 3);
        }
        out.bit(self.at != before.at);
        if self.at != before.at {
            out.signed(i64::from(self.at.x) - i64::from(before.at.x));
            out.signed(i64::from(self.at.y) - i64::from(before.at.y));
        }
        let dash = (self.dash, self.cooldown) != (before.dash, before.cooldown);
        out.bit(dash);
        if dash {
            out.number(self.dash.into());
            out.number(self.cooldown.into());
        }
    }

    fn read(input: &mut BitReader, before: Motion) -> Result<Self, Malformed> {
        let mut motion = before;
        if input.bit()? {
            motion.controls = read_controls(input)?;
        }
        if input.bit()? {
            motion.facing = input.bits(3)? as u8;
        }
        if input.bit()? {
            let moved = |from: i32, by: i64| {
                i32::try_from(i64::from(from).saturating_add(by)).map_err(|_| Malformed)
            };
            motion.at.x = moved(motion.at.x, input.signed()?)?;
            motion.at.y = moved(motion.at.y, input.signed()?)?;
        }
        if input.bit()? {
            motion.dash = byte(input)?;
            motion.cooldown = byte(input)?;
        }
        Ok(motion)
    }
}

/// What most differences come down to: some ticks ago somebody began to hold something else down.
#[derive(Clone, Copy)]
struct Turn {
    controls: Controls,
    /// Ticks moved by the new controls.
    ticks: u8,
    /// Whether a dash began with it.
    dashed: bool,
}

impl Turn {
    /// The turn that makes `after` out of `before`, if there is one.
    fn find(board: &Board, before: &Player, after: Motion) -> Option<Self> {
        let controls = after.controls;
        if controls == before.controls {
            return None;
        }
        let dashed = after.dash > 0 && before.dash == 0 && Self::can_dash(controls, before);
        (0..=TURN_TICKS_MAX)
            .map(|ticks| Self { controls, ticks, dashed })
            .find(|turn| turn.motion(board, before) == after)
    }

    /// Whether a dash can have begun with these controls.
    fn can_dash(controls: Controls, before: &Player) -> bool {
        controls.dash && !before.controls.dash
    }

    /// What follows from it, by the rules of movement: the old steps are taken back, the new ones
    /// made. It is a guess where walls are touched, but the same guess on both sides.
    fn motion(self, board: &Board, before: &Player) -> Motion {
        let mut motion = Motion { controls: self.controls, ..Motion::of(before) };
        if before.stun > 0 || before.dash > 0 {
            return motion;
        }
        let back = step_of(before.controls.facing());
        // Whoever walks against a wall has most likely done so in the ticks before.
        let beyond = board.slide(before.at, back.0, back.1);
        let back = (beyond.x.wrapping_sub(before.at.x), beyond.y.wrapping_sub(before.at.y));
        let wanted = self.controls.facing();
        let mut step = step_of(wanted);
        motion.facing = wanted.unwrap_or(before.facing) % 8;
        if self.dashed {
            step = DASH[usize::from(motion.facing)];
            motion.dash = DASH_TICKS.saturating_sub(self.ticks);
            motion.cooldown = (DASH_COOLDOWN_TICKS + 1).saturating_sub(self.ticks);
        }
        let ticks = i32::from(self.ticks);
        motion.at.x = motion.at.x.wrapping_sub(back.0.wrapping_mul(ticks));
        motion.at.y = motion.at.y.wrapping_sub(back.1.wrapping_mul(ticks));
        for _ in 0..self.ticks {
            motion.at = board.slide(motion.at, step.0, step.1);
        }
        motion
    }

    fn write(self, out: &mut BitWriter, before: &Player) {
        out.gamma(self.ticks.into());
        write_controls(out, self.controls);
        if Self::can_dash(self.controls, before) {
            out.bit(self.dashed);
        }
    }

    fn read(input: &mut BitReader, before: &Player) -> Result<Self, Malformed> {
        let ticks = u8::try_from(input.gamma()?).map_err(|_| Malformed)?;
        if ticks > TURN_TICKS_MAX {
            return Err(Malformed);
        }
        let controls = read_controls(input)?;
        let dashed = Self::can_dash(controls, before) && input.bit()?;
        Ok(Self { controls, ticks, dashed })
    }
}

fn step_of(facing: Option<u8>) -> (i32, i32) {
    facing.map_or((0, 0), |facing| RUN[usize::from(facing % 8)])
}

fn write_controls(out: &mut BitWriter, controls: Controls) {
    // 0 to 8, from the upper left.
    let keys = (controls.dy + 1) * 3 + controls.dx + 1;
    out.bits(keys as u32, 4);
    out.bit(controls.dash);
}

fn read_controls(input: &mut BitReader) -> Result<Controls, Malformed> {
    let keys = input.bits(4)? as i8;
    if keys > 8 {
        return Err(Malformed);
    }
    Ok(Controls { dx: keys % 3 - 1, dy: keys / 3 - 1, dash: input.bit()?, bot: false })
}
