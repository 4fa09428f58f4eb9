//! The arena in the simulator: a share of the hours is played with the real rules.

use super::playable::Playable;
use crate::{
    arena::{Arena, Controls, World},
    game::Game,
    types::NodeId,
};

impl Playable for Arena {
    fn press(chance: u64, _stamp: u32, _gathers: bool) -> Controls {
        let sign = |bits: u64| (bits % 3) as i8 - 1;
        Controls {
            dx: sign(chance),
            dy: sign(chance >> 8),
            dash: (chance >> 16).is_multiple_of(6),
            bot: false,
        }
    }

    fn favour(world: &mut World, whom: NodeId) {
        if let Some(score) = world.scoreboard.get_mut(&whom) {
            score.points += 1;
        }
    }

    fn audit(world: &World) -> Option<&'static str> {
        (!Arena::is_valid(world)).then_some("a world that cannot be")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Tuning, sim::campaign};

    #[test]
    fn the_arena_survives_faults_too() {
        for seed in 1..=3 {
            let run = campaign::play::<Arena>(seed, 2, &Tuning::default(), false);
            assert_eq!(run.violations, [], "seed {seed}");
        }
    }
}
