//! How long a tick of a game lasts, and what follows from that for everything that waits for ticks.
//!
//! Some times belong to the network: how long a packet takes, a machine to answer, a person to look. They are
//! the same for every game. Others are times in which ticks have to come: whoever hears nothing for less than
//! that has no reason to ask anybody. Such a time is a [`Span`]: what it is at sixty ticks a second, and how many
//! ticks of it are waited for. Where a tick is longer than a sixtieth, the span is longer by that, once for each of
//! these ticks; where it is shorter the span stays, since networks are no faster then.
//!
//! And what is counted in ticks because it is a time (how long something is said, how often something is done) is
//! counted in as many ticks as that time has.

use std::time::Duration;

use super::Game;

/// The fewest ticks that a game may have in a second: with fewer, nobody could tell a host that is lost from one
/// whose next tick is not due yet.
pub const TICKS_PER_SECOND_MIN: u64 = 5;

/// The most: with more, a tick would be over before it has come to everybody.
pub const TICKS_PER_SECOND_MAX: u64 = 120;

/// In how many ticks a second everything is reckoned that is said in ticks or in spans.
const USUAL: u64 = 60;

/// Ticks of which each lasts for as long as this, or longer, are rare: see [`Rate::is_slow`].
const SLOW_TICK: Duration = Duration::from_millis(50);

/// How many ticks a game has in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u64,
}

/// A time in which ticks have to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How long it is where there are sixty a second.
    at_sixty: Duration,
    /// How many of them it is longer for.
    ticks: u32,
}

impl Span {
    /// So many milliseconds at sixty ticks a second, in which so many ticks are waited for.
    pub const fn ms(ms: u64, ticks: u32) -> Self {
        Self { at_sixty: Duration::from_millis(ms), ticks }
    }
}

impl Rate {
    /// That of a game that says nothing of it: sixty ticks a second.
    pub const USUAL: Rate = Rate { per_second: USUAL };

    /// That of a game. One that has too few ticks in a second, or too many, does not compile.
    ///
    /// ```
    /// # use interregnum::{Game, News, game::Rate};
    /// # #[derive(Clone, Debug)]
    /// enum Draughts {}
    ///
    /// impl Game for Draughts {
    ///     const RULES: &'static str = "draughts 1";
    ///     const TICKS_PER_SECOND: u64 = 10;
    /// #   type World = ();
    /// #   type Controls = ();
    /// #   type Order = ();
    /// #   type Event = ();
    /// #   type Scores = ();
    /// #   fn new_world(_seed: u64) {}
    /// #   fn is_valid(_world: &()) -> bool {
    /// #       true
    /// #   }
    /// #   fn step(_world: &mut (), _news: &[News<()>], _events: &mut Vec<()>) {}
    ///     // …
    /// }
    /// assert_eq!(Rate::of::<Draughts>().tick().as_millis(), 100);
    /// ```
    pub const fn of<G: Game>() -> Self {
        const {
            let few = G::TICKS_PER_SECOND < TICKS_PER_SECOND_MIN;
            assert!(!few, "Game::TICKS_PER_SECOND is too small: see TICKS_PER_SECOND_MIN");
            let many = G::TICKS_PER_SECOND > TICKS_PER_SECOND_MAX;
            assert!(!many, "Game::TICKS_PER_SECOND is too large: see TICKS_PER_SECOND_MAX");
        }
        Self { per_second: G::TICKS_PER_SECOND }
    }

    /// How long one step of the world lasts: rounded down to whole microseconds.
    pub const fn tick(self) -> Duration {
        Duration::from_micros(1_000_000 / self.per_second)
    }

    /// Whether ticks are so rare that somebody who presses nothing new need not say so in each: with twenty a second and
    /// fewer.
    pub const fn is_slow(self) -> bool {
        self.tick().as_micros() >= SLOW_TICK.as_micros()
    }

    /// How long a span is.
    pub const fn span(self, span: Span) -> Duration {
        self.stretch(span.at_sixty, span.ticks)
    }

    /// How long a span is that is told by its parts.
    pub const fn stretch(self, at_sixty: Duration, ticks: u32) -> Duration {
        let longer = self.tick().saturating_sub(Rate::USUAL.tick());
        at_sixty.saturating_add(longer.saturating_mul(ticks))
    }

    /// How many ticks there are in the time of so many sixtieths of a second: one at least.
    pub const fn ticks_in(self, sixtieths: u64) -> u64 {
        match sixtieths * self.per_second / USUAL {
            0 => 1,
            ticks => ticks,
        }
    }

    /// How much is done in each tick where so much is done in each sixtieth of a second: one at least.
    pub const fn share(self, in_a_sixtieth: usize) -> usize {
        match in_a_sixtieth * USUAL as usize / self.per_second as usize {
            0 => 1,
            share => share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rate(per_second: u64) -> Rate {
        Rate { per_second }
    }

    #[test]
    fn at_sixty_ticks_a_second_everything_is_as_it_is_written_down() {
        let rate = Rate::USUAL;
        assert_eq!(rate.tick(), Duration::from_micros(16_666));
        for ticks in 0..200 {
            assert_eq!(rate.span(Span::ms(25, ticks)), Duration::from_millis(25));
            assert_eq!(rate.ticks_in(u64::from(ticks) + 1), u64::from(ticks) + 1);
            assert_eq!(rate.share(ticks as usize + 1), ticks as usize + 1);
        }
    }

    #[test]
    fn a_span_is_longer_by_what_its_ticks_are_longer() {
        let span = Span::ms(50, 2);
        assert_eq!(rate(10).span(span), Duration::from_micros(50_000 + 2 * 83_334));
        assert_eq!(rate(5).span(span), Duration::from_micros(50_000 + 2 * 183_334));
        assert_eq!(rate(120).span(span), Duration::from_millis(50), "no network is faster for it");
    }

    #[test]
    fn what_is_counted_takes_the_same_time_at_every_pace() {
        assert_eq!(
            [5, 10, 30, 60, 120].map(|ticks| rate(ticks).ticks_in(600)),
            [50, 100, 300, 600, 1_200]
        );
        assert_eq!([5, 10, 30, 60, 120].map(|ticks| rate(ticks).share(4)), [48, 24, 8, 4, 2]);
        assert_eq!((rate(10).ticks_in(3), rate(120).share(1)), (1, 1), "and never none");
    }
}
