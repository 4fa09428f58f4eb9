//! What was done to a game, as data: a seed that says what the game is like, and what came next, act by act.
//! As text it is one word, for the command line:
//!
//! ```text
//! 17:b9c1f,air150+250-20-0,w35000,KillHost,w1204,peace
//! ```
//!
//! | act | is |
//! |---|---|
//! | `b9c1f` | from here on everything is drawn from this number |
//! | `air150+250-20-0` | the wire: latency, jitter (microseconds), datagrams lost and doubled in a thousand |
//! | `w35000` | so many microseconds pass |
//! | `KillHost` | this fault strikes |
//! | `peace` | everything is mended, and it must become one game again |

use std::{fmt, str::FromStr};

use crate::sim::{
    network::Weather,
    swarm::{FAULTS, Fault},
};

/// Nobody types more acts than this.
const ACTS_MAX: usize = 10_000;

/// One thing that is done to a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// From here on everything is drawn from this number.
    Draw(u64),
    /// The wire is like this between faults.
    Air(Weather),
    /// So many microseconds pass.
    Wait(u64),
    /// A fault strikes, if it can.
    Strike(Fault),
    /// Everything is mended, and it must become one game again.
    Peace,
}

/// What was done to a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What the game is like, and how it begins.
    pub seed: u64,
    /// What came then.
    pub acts: Vec<Act>,
}

/// It is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Neither a seed nor an act.
    #[error(
        "{0:?} is no part of a schedule. It is what a search has printed: a seed, and what is done after it, \
         like 12:w17000,KillHost,peace"
    )]
    Part(String),
    /// No search makes such a long one.
    #[error("a schedule has at most {ACTS_MAX} acts")]
    TooLong,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Draw(seed) => write!(f, "b{seed:x}"),
            Act::Air(Weather { latency_us, jitter_us, loss_permille, double_permille }) => {
                write!(f, "air{latency_us}+{jitter_us}-{loss_permille}-{double_permille}")
            }
            Act::Wait(span_us) => write!(f, "w{span_us}"),
            Act::Strike(fault) => write!(f, "{fault:?}"),
            Act::Peace => f.write_str("peace"),
        }
    }
}

impl FromStr for Act {
    type Err = Unreadable;

    fn from_str(typed: &str) -> Result<Self, Unreadable> {
        let strike = || FAULTS.into_iter().find(|fault| format!("{fault:?}") == typed);
        let act = if typed == "peace" {
            Some(Act::Peace)
        } else if let Some(weather) = typed.strip_prefix("air") {
            air(weather).map(Act::Air)
        } else if let Some(span_us) = typed.strip_prefix('w') {
            // An hour is longer than anything that is worth waiting for.
            span_us.parse().ok().filter(|span_us| *span_us <= 3_600_000_000).map(Act::Wait)
        } else if let Some(seed) = typed.strip_prefix('b') {
            u64::from_str_radix(seed, 16).ok().map(Act::Draw)
        } else {
            strike().map(Act::Strike)
        };
        act.ok_or_else(|| Unreadable::Part(typed.to_owned()))
    }
}

fn air(typed: &str) -> Option<Weather> {
    let (latency_us, rest) = typed.split_once('+')?;
    let mut rest = rest.split('-').map(|number| number.parse().ok());
    let mut next = |most: u64| rest.next().flatten().filter(|number| *number <= most);
    let weather = Weather {
        latency_us: latency_us.parse().ok().filter(|latency_us| *latency_us <= 10_000_000)?,
        jitter_us: next(10_000_000)?,
        // If nothing at all came through, a link would try for ever.
        loss_permille: next(950)?,
        double_permille: next(1_000)?,
    };
    rest.next().is_none().then_some(weather)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        for (at, act) in self.acts.iter().enumerate() {
            write!(f, "{}{act}", if at == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = Unreadable;

    fn from_str(typed: &str) -> Result<Self, Unreadable> {
        let (seed, acts) = typed.split_once(':').unwrap_or((typed, ""));
        let seed = seed.parse().map_err(|_| Unreadable::Part(seed.to_owned()))?;
        let acts = acts.split(',').filter(|act| !act.is_empty());
        if acts.clone().count() > ACTS_MAX {
            return Err(Unreadable::TooLong);
        }
        Ok(Self { seed, acts: acts.map(str::parse).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_that_was_written_is_read_as_it_was() {
        let mut acts = vec![Act::Draw(u64::MAX), Act::Peace, Act::Wait(17)];
        acts.extend(FAULTS.map(Act::Strike));
        let stormy =
            Weather { latency_us: 1, jitter_us: 20, loss_permille: 300, double_permille: 4 };
        acts.extend([Weather::calm(), stormy].map(Act::Air));
        for acts in [Vec::new(), acts[..1].to_vec(), acts] {
            let schedule = Schedule { seed: 12, acts };
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
    }

    #[test]
    fn what_is_no_schedule_is_not_read() {
        for typed in
            ["", "x", "-1", "1:killhost", "1:w", "1:w-4", "1:bz", "1:air1+2-3", "1:air1+2-3-4-5"]
        {
            assert!(typed.parse::<Schedule>().is_err(), "{typed}");
        }
        let long = format!("1{}", ":peace".to_owned() + &",peace".repeat(ACTS_MAX));
        assert_eq!(long.parse::<Schedule>(), Err(Unreadable::TooLong));
        assert!("1:air1+2-1000-0".parse::<Schedule>().is_err(), "nothing comes through");
    }
}
