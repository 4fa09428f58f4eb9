//! What of a player moves by itself, and the one thing that turns it: a press of its keys.

use super::*;

/// The part of a player that its controls decide.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Motion {
    pub(super) controls: Controls,
    pub(super) facing: u8,
    pub(super) at: Point,
    pub(super) dash: u8,
    pub(super) cooldown: u8,
}

impl Motion {
    pub(super) fn of(player: &Player) -> Self {
        Self {
            controls: player.controls,
            facing: player.facing,
            at: player.at,
            dash: player.dash,
            cooldown: player.cooldown,
        }
    }

    pub(super) fn put_into(self, player: &mut Player) {
        player.controls = self.controls;
        player.facing = self.facing;
        player.at = self.at;
        player.dash = self.dash;
        player.cooldown = self.cooldown;
    }

    pub(super) fn write(self, out: &mut BitWriter, before: Motion) {
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

    pub(super) fn read(input: &mut BitReader, before: Motion) -> Result<Self, Malformed> {
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
pub(super) struct Turn {
    pub(super) controls: Controls,
    /// Ticks moved by the new controls.
    pub(super) ticks: u8,
    /// Whether a dash began with it.
    pub(super) dashed: bool,
}

impl Turn {
    /// The turn that makes `after` out of `before`, if there is one.
    pub(super) fn find(board: &Board, before: &Player, after: Motion) -> Option<Self> {
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
    pub(super) fn can_dash(controls: Controls, before: &Player) -> bool {
        controls.dash && !before.controls.dash
    }

    /// What follows from it, by the rules of movement: the old steps are taken back, the new ones
    /// made. It is a guess where walls are touched, but the same guess on both sides.
    pub(super) fn motion(self, board: &Board, before: &Player) -> Motion {
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

    pub(super) fn write(self, out: &mut BitWriter, before: &Player) {
        out.gamma(self.ticks.into());
        write_controls(out, self.controls);
        if Self::can_dash(self.controls, before) {
            out.bit(self.dashed);
        }
    }

    pub(super) fn read(input: &mut BitReader, before: &Player) -> Result<Self, Malformed> {
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
