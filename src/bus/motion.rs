//! Where something is between two messages that say so, and after the last one.
//!
//! Its sender says now and then where a thing is, and perhaps how fast it goes. In between it is *interpolated*, on the
//! cubic through both places that has both speeds there (Hermite's). After the last one it is *extrapolated*: it goes
//! straight on, for [`GOES_ON_MAX`] at most. Which of the two, the time decides: the quickest message so far says how
//! far the sender's clock and the own one are apart, so that messages that come late, or in a bunch, move nothing.

use std::{collections::VecDeque, time::Duration};

/// So many places of a thing are remembered.
const PLACES_MAX: usize = 16;

/// A thing goes straight on for so long after the last word of it; then it stands.
pub const GOES_ON_MAX: Duration = Duration::from_millis(500);

/// The way of one thing, in any number of directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Motion<const N: usize> {
    places: VecDeque<Seen<N>>,
    /// The least that a message took, on two clocks, in milliseconds.
    apart: Option<f64>,
    delay_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen<const N: usize> {
    sent_ms: f64,
    at: [f64; N],
    /// In units a second.
    speed: Option<[f64; N]>,
}

impl<const N: usize> Motion<N> {
    /// Shown so long after it was so: 0 shows how things are now, which is mostly extrapolated; as long as the time between
    /// two messages and a little more, and all of it is interpolated.
    pub fn new(delay: Duration) -> Self {
        let delay_ms = delay.as_secs_f64() * 1_000.0;
        Self { places: VecDeque::new(), apart: None, delay_ms }
    }

    /// A message said so, sent at this time of its sender's clock and heard at this one of the own, in milliseconds; the
    /// speed in units a second, if it is said. What was sent before something that is known already says nothing.
    pub fn hear(&mut self, sent_ms: f64, heard_ms: f64, at: [f64; N], speed: Option<[f64; N]>) {
        if self.places.back().is_some_and(|last| last.sent_ms >= sent_ms) {
            return;
        }
        let took = heard_ms - sent_ms;
        self.apart = Some(self.apart.map_or(took, |apart| apart.min(took)));
        if self.places.len() == PLACES_MAX {
            self.places.pop_front();
        }
        self.places.push_back(Seen { sent_ms, at, speed });
    }

    /// Where it is at this time of the own clock, in milliseconds; none before anything was heard.
    pub fn at(&self, now_ms: f64) -> Option<[f64; N]> {
        let time = now_ms - self.apart? - self.delay_ms;
        let after = self.places.partition_point(|seen| seen.sent_ms <= time);
        let Some(from) = after.checked_sub(1) else { return Some(self.places.front()?.at) };
        let before = self.places.get(from)?;
        let speed = self.speed(from);
        let Some(next) = self.places.get(after) else {
            let on = (time - before.sent_ms).min(GOES_ON_MAX.as_secs_f64() * 1_000.0) / 1_000.0;
            return Some(std::array::from_fn(|n| before.at[n] + speed[n] * on));
        };
        let (span, there) = ((next.sent_ms - before.sent_ms) / 1_000.0, self.speed(after));
        let part = (time - before.sent_ms) / 1_000.0 / span;
        let (two, three) = (part * part, part * part * part);
        Some(std::array::from_fn(|n| {
            (2.0 * three - 3.0 * two + 1.0) * before.at[n]
                + (three - 2.0 * two + part) * span * speed[n]
                + (3.0 * two - 2.0 * three) * next.at[n]
                + (three - two) * span * there[n]
        }))
    }

    /// How fast it goes at one of its places: as was said, or as it came from the one before.
    fn speed(&self, place: usize) -> [f64; N] {
        let Some(here) = self.places.get(place) else { return [0.0; N] };
        if let Some(speed) = here.speed {
            return speed;
        }
        let Some(before) = place.checked_sub(1).and_then(|before| self.places.get(before)) else {
            return [0.0; N];
        };
        let seconds = (here.sent_ms - before.sent_ms) / 1_000.0;
        std::array::from_fn(|n| (here.at[n] - before.at[n]) / seconds)
    }
}

impl<const N: usize> Default for Motion<N> {
    /// How things are now.
    fn default() -> Self {
        Self::new(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A circle of 100 units in three seconds.
    fn truth(ms: f64) -> ([f64; 2], [f64; 2]) {
        let (turn, pace) = (ms / 3_000.0 * std::f64::consts::TAU, std::f64::consts::TAU / 3.0);
        let (sin, cos) = turn.sin_cos();
        ([100.0 * cos, 100.0 * sin], [-100.0 * pace * sin, 100.0 * pace * cos])
    }

    fn distance(one: [f64; 2], other: [f64; 2]) -> f64 {
        (one[0] - other[0]).hypot(one[1] - other[1])
    }

    /// How far things are shown off, in the mean: held where they were last, without a speed, and with one. Ten messages a
    /// second, one in twenty lost, up to 20 ms late.
    fn off(delay: Duration) -> [f64; 3] {
        let mut motions = [false, true].map(|_| Motion::<2>::new(delay));
        let (mut held, mut sums, mut count) = ([0.0; 2], [0.0; 3], 0.0);
        let mut arrivals: Vec<(f64, f64)> = (0..300_u32)
            .filter(|n| n % 20 != 7)
            .map(|n| (f64::from(n) * 100.0, f64::from(n) * 100.0 + f64::from(n * 7 % 21) + 1.0))
            .rev()
            .collect();
        for ms in 0..30_000_u32 {
            let now = f64::from(ms);
            while arrivals.last().is_some_and(|(_, heard)| *heard <= now) {
                let Some((sent, heard)) = arrivals.pop() else { break };
                let (at, speed) = truth(sent);
                held = at;
                motions[0].hear(sent + 5e6, heard, at, None);
                motions[1].hear(sent + 5e6, heard, at, Some(speed));
            }
            if ms < 1_000 {
                continue;
            }
            let real = truth(now - delay.as_secs_f64() * 1_000.0).0;
            let shown = [Some(held), motions[0].at(now), motions[1].at(now)];
            for (sum, shown) in sums.iter_mut().zip(shown) {
                *sum += distance(shown.unwrap_or_default(), real);
            }
            count += 1.0;
        }
        sums.map(|sum| sum / count)
    }

    #[test]
    fn what_is_extrapolated_is_off_by_less_than_a_third_of_what_is_held() {
        let [held, without, with] = off(Duration::ZERO);
        println!("held {held:.2}, extrapolated {without:.2}, with a speed {with:.2}");
        assert!(without < held / 3.0 && with < without, "{held} {without} {with}");
    }

    #[test]
    fn what_is_interpolated_is_hardly_off_at_all() {
        let [_, without, with] = off(Duration::from_millis(250));
        println!("interpolated {without:.2}, with a speed {with:.2}");
        assert!(without < 3.0 && with < 0.5, "{without} {with}");
    }

    #[test]
    fn it_does_not_go_on_for_ever() {
        let mut motion = Motion::<1>::default();
        assert_eq!(motion.at(0.0), None);
        motion.hear(0.0, 10.0, [0.0], Some([10.0]));
        assert_eq!(motion.at(510.0), Some([5.0]));
        assert_eq!(motion.at(99_999.0), Some([5.0]));
        motion.hear(0.0, 700.0, [9.0], None);
        assert_eq!(motion.at(510.0), Some([5.0]), "what was known is no news");
    }
}
