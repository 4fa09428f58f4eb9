//! What those may cost who have not shown who they are.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::types::Instant;

/// How many messages of handshakes are reckoned with in each [`SPAN`], however long they come: each takes a tenth
/// of a millisecond or two, and those who play do not wait for it.
const HANDSHAKES: u32 = 1;

/// How many there are while a crowd comes in. Five hundred are in after a third of a second.
const HANDSHAKES_HURRIED: u32 = 3;

/// How many there may be above [`HANDSHAKES`] until that is over: two for each of a crowd of twelve hundred. A flood
/// of strangers gets no more than that.
const HURRY_MAX: u32 = 2_400;

/// In how many spans one of these comes back.
const HURRY_BACK_SPANS: u64 = 8;

/// How many there are where nobody plays yet: a newcomer meets eight at once without a pause.
const HANDSHAKES_BEFORE: u32 = 32;

/// In which they are: short, so that a tick that is due waits for no more than a few.
const SPAN: Duration = Duration::from_millis(1);

/// How long after a wrong passphrase nothing else is tried from there.
const GUESS_PAUSE: Duration = Duration::from_secs(1);

/// The most addresses of which wrong guesses are remembered: beyond, the oldest goes.
const GUESSERS_MAX: usize = 256;

/// How much is reckoned for handshakes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reckoning {
    since: Instant,
    done: u32,
    /// How many were done in a hurry that have not come back.
    hurried: u64,
}

impl Reckoning {
    /// Whether there is time for one more; less of it while this node plays.
    pub(super) fn may_go_on(&mut self, now: Instant, plays: bool) -> bool {
        let passed = now.since(self.since);
        if passed >= SPAN {
            let extra = self.done.saturating_sub(HANDSHAKES);
            let hurried = self.hurried + HURRY_BACK_SPANS * u64::from(extra);
            let spans = (passed.as_micros() / SPAN.as_micros()) as u64;
            self.hurried = hurried.saturating_sub(spans);
            (self.since, self.done) = (now, 0);
        }
        let may_hurry = self.hurried < HURRY_BACK_SPANS * u64::from(HURRY_MAX);
        self.done
            < match plays {
                false => HANDSHAKES_BEFORE,
                true if may_hurry => HANDSHAKES_HURRIED,
                true => HANDSHAKES,
            }
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
#[derive(Clone, Debug, Default)]
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

/// How much is done for strangers within a span of time: so much in all, and so much for each of them.
#[derive(Clone, Debug)]
pub(super) struct Ration<K> {
    span: Duration,
    in_all: u32,
    each: u32,
    since: Instant,
    done: u32,
    by: BTreeMap<K, u32>,
}

impl<K: Ord> Ration<K> {
    /// So much within each span.
    pub(super) fn new(span: Duration, in_all: u32, each: u32) -> Self {
        let (since, done, by) = (Instant::default(), 0, BTreeMap::new());
        Self { span, in_all, each, since, done, by }
    }

    /// Whether there is something left for this one.
    pub(super) fn is_left(&mut self, now: Instant, whom: &K) -> bool {
        if now.since(self.since) >= self.span {
            (self.since, self.done) = (now, 0);
            self.by.clear();
        }
        self.done < self.in_all && self.by.get(whom).is_none_or(|taken| *taken < self.each)
    }

    /// The same, and if there is, it is taken.
    pub(super) fn take(&mut self, now: Instant, whom: K) -> bool {
        let is_left = self.is_left(now, &whom);
        if is_left {
            *self.by.entry(whom).or_default() += 1;
            self.done += 1;
        }
        is_left
    }
}

/// What beacons are read, and which of them are answered.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    read: Ration<IpAddr>,
    answered: Ration<SocketAddr>,
    by_network: Ration<[u8; 3]>,
    far: Ration<()>,
    free: Ration<()>,
}

/// So many beacons are read in the time of a tick: each takes some five microseconds, and what follows from it.
const READ_IN_ALL: u32 = 128;
const READ_EACH: u32 = 96;
const READ_SPAN: Duration = Duration::from_millis(16);

/// So many are answered in a tenth of a second: each address once, in all, of one network (its first three
/// numbers), and of networks that this machine is not on.
const ANSWER_SPAN: Duration = Duration::from_millis(100);
const ANSWERED_IN_ALL: u32 = 128;
const ANSWERED_PER_NETWORK: u32 = 96;
const ANSWERED_FAR: u32 = 8;

/// Of those that another one would answer, one in such a time is answered all the same: somebody may have asked this
/// node alone, or hear no other one.
const ANSWERED_FREE: u32 = 1;
pub(super) const FREE_SPAN: Duration = Duration::from_secs(2);

impl Default for Patience {
    fn default() -> Self {
        Self {
            read: Ration::new(READ_SPAN, READ_IN_ALL, READ_EACH),
            answered: Ration::new(ANSWER_SPAN, ANSWERED_IN_ALL, 1),
            by_network: Ration::new(ANSWER_SPAN, ANSWERED_IN_ALL, ANSWERED_PER_NETWORK),
            far: Ration::new(ANSWER_SPAN, ANSWERED_FAR, ANSWERED_FAR),
            free: Ration::new(FREE_SPAN, ANSWERED_FREE, ANSWERED_FREE),
        }
    }
}

impl Patience {
    /// Whether a beacon from there is read.
    pub(super) fn may_read(&mut self, now: Instant, from: IpAddr) -> bool {
        self.read.take(now, from)
    }

    /// Whether one is answered that is somebody else's to answer.
    pub(super) fn may_answer_besides(&mut self, now: Instant) -> bool {
        self.free.take(now, ())
    }

    /// Whether one is answered. `near`: it came from a network that this machine is on, or from somebody whom
    /// its user has named.
    pub(super) fn may_answer(&mut self, now: Instant, to: SocketAddr, near: bool) -> bool {
        let network = match to.ip() {
            IpAddr::V4(ip) => [ip.octets()[0], ip.octets()[1], ip.octets()[2]],
            IpAddr::V6(_) => [0; 3],
        };
        // Nothing is taken of one where another one is used up.
        let is_left = self.answered.is_left(now, &to) && self.by_network.is_left(now, &network);
        is_left
            && (near || self.far.take(now, ()))
            && self.by_network.take(now, network)
            && self.answered.take(now, to)
    }
}

/// Of those who are only heard of, the one that is to give way to a newcomer from `ip`, if one has to: each says
/// from which address it is, and since when nothing came of it.
pub(super) fn gives_way<I: Copy + Ord>(
    known: impl Iterator<Item = (I, IpAddr, Instant)>,
    ip: IpAddr,
    in_all: usize,
    per_address: usize,
) -> Option<I> {
    let mut by: BTreeMap<IpAddr, (usize, (Instant, I))> = BTreeMap::new();
    let mut count = 0;
    for (id, ip, at) in known {
        count += 1;
        let (many, oldest) = by.entry(ip).or_insert((0, (at, id)));
        *many += 1;
        *oldest = (*oldest).min((at, id));
    }
    let own = by.get(&ip).filter(|(many, _)| *many >= per_address);
    let crowded = || by.values().filter(|_| count >= in_all).max_by_key(|(many, _)| *many);
    own.or_else(crowded).map(|(_, (_, id))| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ration_is_for_all_and_for_each() {
        let mut ration = Ration::new(Duration::from_millis(10), 5, 2);
        let now = Instant(1_000_000);
        let taken: Vec<bool> =
            [1, 1, 1, 2, 2, 3, 4].into_iter().map(|whom| ration.take(now, whom)).collect();
        assert_eq!(taken, [true, true, false, true, true, true, false]);
        assert!(ration.take(now + Duration::from_millis(10), 1));
    }

    #[test]
    fn whoever_comes_from_a_crowded_address_takes_nobody_elses_place() {
        let at = |last: u8| IpAddr::from([10, 0, 0, last]);
        let crowd = || (0..10_u64).map(|n| (n, at(1), Instant(100 + n)));
        let others = || (0..3_u64).map(|n| (20 + n, at(2), Instant(n)));
        let known = || crowd().chain(others());
        assert_eq!(gives_way(known(), at(1), 100, 10), Some(0), "the oldest from there");
        assert_eq!(gives_way(known(), at(2), 100, 10), None, "there is room");
        assert_eq!(gives_way(known(), at(3), 13, 100), Some(0), "the crowd gives way to others");
        assert_eq!(gives_way(known(), at(2), 13, 100), Some(0));
    }

    #[test]
    fn no_flood_of_questions_is_answered_beyond_a_rate() {
        let mut patience = Patience::default();
        let now = Instant(1_000_000);
        let at = |n: u16| SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 4_000));
        let many = |patience: &mut Patience, near| {
            (0..5_000).filter(|n| patience.may_answer(now, at(*n), near)).count()
        };
        assert!(patience.may_answer(now, at(0), true));
        assert!(!patience.may_answer(now, at(0), true), "each address once");
        assert_eq!(many(&mut Patience::default(), true), ANSWERED_IN_ALL as usize);
        assert_eq!(many(&mut Patience::default(), false), ANSWERED_FAR as usize);
        let near = |n: u16| SocketAddr::from(([10, 0, 0, 1], 4_000 + n));
        let of_one = (0..5_000).filter(|n| patience.may_answer(now, near(*n), true)).count();
        assert_eq!(of_one, ANSWERED_PER_NETWORK as usize - 1);
    }

    /// How many handshakes' messages there is time for within so long.
    fn reckoned(reckoning: &mut Reckoning, plays: bool, from: Instant, span: Duration) -> u32 {
        let mut now = from;
        let mut done = 0;
        while now < from + span {
            while reckoning.may_go_on(now, plays) {
                reckoning.one_more();
                done += 1;
            }
            now = reckoning.again_at();
        }
        done
    }

    #[test]
    fn a_burst_of_handshakes_is_spread_over_time() {
        let start = Instant(1_000_000);
        let ms = Duration::from_millis;
        let mut reckoning = Reckoning::default();
        assert_eq!(reckoned(&mut reckoning, false, start, ms(10)), 10 * HANDSHAKES_BEFORE);
        let mut reckoning = Reckoning::default();
        assert_eq!(reckoned(&mut reckoning, true, start, ms(500)), 500 * HANDSHAKES_HURRIED);
    }

    #[test]
    fn a_flood_of_handshakes_gets_little_time_and_a_crowd_some_later_again() {
        let start = Instant(1_000_000);
        let minute = Duration::from_secs(60);
        let mut reckoning = Reckoning::default();
        let in_all = reckoned(&mut reckoning, true, start, minute);
        let steady = 60_000 * HANDSHAKES + 60_000 / HURRY_BACK_SPANS as u32;
        assert!((steady..=steady + HURRY_MAX + 8).contains(&in_all), "{in_all}");
        let later = start + minute * 2;
        let crowd = reckoned(&mut reckoning, true, later, Duration::from_secs(1));
        assert_eq!(crowd, 1_000 * HANDSHAKES_HURRIED);
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
