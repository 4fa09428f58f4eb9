//! A game for tests, in which nothing ever happens.

use super::{Game, News};

/// It makes so many steps a second.
#[derive(Clone, Debug)]
pub enum Still<const TICKS_PER_SECOND: u64 = 60> {}

impl<const TICKS_PER_SECOND: u64> Game for Still<TICKS_PER_SECOND> {
    const RULES: &'static str = "still 1";
    const TICKS_PER_SECOND: u64 = TICKS_PER_SECOND;
    type World = ();
    type Controls = ();
    type Order = ();
    type Event = ();
    type Scores = ();

    fn new_world(_seed: u64) {}

    fn is_valid(_world: &()) -> bool {
        true
    }

    fn step(_world: &mut (), _news: &[News<()>], _events: &mut Vec<()>) {}
}
