//! What those may cost who have not shown who they are.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::types::Instant;

/// How many messages of handshakes are reckoned with in each [`SPAN`]: each takes a tenth of a
/// millisecond or two, and those who play do not wait for it. A crowd of five hundred is through in a
/// second.
const HANDSHAKES: u32 = 4;

/// In which they are.
const SPAN: Duration = Duration::from_millis(4);

/// How long after a wrong passphrase nothing else is tried from there.
const GUESS_PAUSE: Duration = Duration::from_secs(1);

/// The most addresses of which wrong guesses are remembered: beyond, the oldest goes.
const GUESSERS_MAX: usize = 256;

/// How much is reckoned for handshakes.
#[derive(Debug, Default)]
pub(super) struct Reckoning {
    since: Instant,
    done: u32,
}

impl Reckoning {
    /// Whether there is time for one more.
    pub(super) fn may_go_on(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= SPAN {
            (self.since, self.done) = (now, 0);
        }
        self.done < HANDSHAKES
    }

    /// One more is done.
    pub(super) fn one_more(&mut self) {
        self.done += 1;
    }

    /// It was put off before anything was reckoned.
    pub(super) fn one_less(&mut self) {
        self.done = self.done.saturating_sub(1);
    }

    /// When there is time again.
    pub(super) fn again_at(&self) -> Instant {
        self.since + SPAN
    }
}

/// Who has tried a wrong passphrase lately.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    wrong: BTreeMap<IpAddr, Instant>,
}

impl Guesses {
    /// Whether a passphrase from there is looked at now.
    pub(super) fn may_try(&mut self, now: Instant, from: IpAddr) -> bool {
        self.wrong.retain(|_, until| now < *until);
        !self.wrong.contains_key(&from)
    }

    /// When it is.
    pub(super) fn next_try(&self, from: IpAddr) -> Option<Instant> {
        self.wrong.get(&from).copied()
    }

    /// It was wrong.
    pub(super) fn wrong(&mut self, now: Instant, from: IpAddr) {
        if self.wrong.len() >= GUESSERS_MAX
            && let Some(oldest) =
                self.wrong.iter().min_by_key(|(_, until)| **until).map(|(ip, _)| *ip)
        {
            self.wrong.remove(&oldest);
        }
        self.wrong.insert(from, now + GUESS_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_handshakes_is_spread_over_time() {
        let mut reckoning = Reckoning::default();
        let mut now = Instant(1_000_000);
        let mut spans = 1;
        for _ in 0..100 {
            while !reckoning.may_go_on(now) {
                now = reckoning.again_at();
                spans += 1;
            }
            reckoning.one_more();
        }
        assert_eq!(spans, 100 / HANDSHAKES);
    }

    #[test]
    fn each_address_has_one_wrong_guess_a_second() {
        let mut guesses = Guesses::default();
        let at = |last: u8| IpAddr::from([10, 0, 0, last]);
        let start = Instant(1_000_000);
        assert!(guesses.may_try(start, at(1)));
        guesses.wrong(start, at(1));
        assert!(!guesses.may_try(start + Duration::from_millis(999), at(1)));
        assert!(guesses.may_try(start, at(2)), "others are not to blame");
        assert_eq!(guesses.next_try(at(1)), Some(start + GUESS_PAUSE));
        assert!(guesses.may_try(start + GUESS_PAUSE, at(1)));
        (0..=255).for_each(|last| guesses.wrong(start, at(last)));
        guesses.wrong(start, IpAddr::from([10, 0, 1, 1]));
        assert_eq!(guesses.wrong.len(), GUESSERS_MAX);
    }
}
