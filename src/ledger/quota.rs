//! How much of a ledger somebody at one address may fill: keys are free, so whoever has one seat could invent as many
//! authors as a ledger has room for.
//!
//! What counts is who *brought* what was not there, whoever wrote it. All that is at one address together may bring so
//! many new lives at once, then so many a second, and never more than [`SHARE_PERCENT`] of what a ledger has room for: the
//! rest is left to the others.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::{
    room::{BYTES_MAX, ROWS_MAX},
    vector::WRITERS_MAX,
};
use crate::types::Instant;

/// So many hundredths of what a ledger may hold may come from one address.
pub const SHARE_PERCENT: usize = 75;

/// So many lives that were never heard of may come from one address at once: those of a month of eight players.
pub const LIVES_AT_ONCE: u32 = 2_048;

/// Then one in each such time.
pub const LIFE_EVERY: Duration = Duration::from_millis(20);

/// The most addresses that are counted.
const ADDRESSES_MAX: usize = 256;

/// What came from each address.
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    addresses: BTreeMap<IpAddr, Quota>,
}

#[derive(Clone, Copy, Debug)]
struct Quota {
    lives_left: u32,
    at: Instant,
    lives: usize,
    rows: usize,
    bytes: usize,
}

impl Quotas {
    /// Whether so many rows and bytes may still come from there, of a life that was never heard of or of a known one.
    pub fn allows(
        &mut self,
        now: Instant,
        from: IpAddr,
        new_life: bool,
        rows: usize,
        bytes: usize,
    ) -> bool {
        let quota = self.of(now, from);
        let share = |all: usize| all / 100 * SHARE_PERCENT;
        let lives = !new_life || quota.lives_left > 0 && quota.lives < share(WRITERS_MAX);
        lives && quota.rows + rows <= share(ROWS_MAX) && quota.bytes + bytes <= share(BYTES_MAX)
    }

    /// So much came from there, and is kept.
    pub fn took(&mut self, now: Instant, from: IpAddr, new_life: bool, rows: usize, bytes: usize) {
        let quota = self.of(now, from);
        if new_life {
            quota.lives_left = quota.lives_left.saturating_sub(1);
            quota.lives += 1;
        }
        quota.rows += rows;
        quota.bytes += bytes;
    }

    /// Another ledger is held from here on.
    pub fn clear(&mut self) {
        self.addresses.clear();
    }

    fn of(&mut self, now: Instant, from: IpAddr) -> &mut Quota {
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&from) {
            // Whoever has brought least loses least.
            let least = self.addresses.iter().min_by_key(|(_, quota)| quota.bytes);
            let least = least.map(|(ip, _)| *ip);
            least.map(|ip| self.addresses.remove(&ip));
        }
        let fresh = Quota { lives_left: LIVES_AT_ONCE, at: now, lives: 0, rows: 0, bytes: 0 };
        let quota = self.addresses.entry(from).or_insert(fresh);
        let every = LIFE_EVERY.as_micros() as u64;
        let more = now.since(quota.at).as_micros() as u64 / every;
        quota.at.0 += more * every;
        let left = u64::from(quota.lives_left).saturating_add(more);
        quota.lives_left = left.min(LIVES_AT_ONCE.into()) as u32;
        quota
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 8));

    fn lives_taken(quotas: &mut Quotas, from: IpAddr, now: Instant, tries: usize) -> usize {
        let taken = (0..tries).filter(|_| {
            let may = quotas.allows(now, from, true, 1, 500);
            if may {
                quotas.took(now, from, true, 1, 500);
            }
            may
        });
        taken.count()
    }

    #[test]
    fn invented_authors_of_one_address_come_slowly_and_never_fill_a_ledger() {
        let (mut quotas, start) = (Quotas::default(), Instant(1_000_000));
        let at_once = lives_taken(&mut quotas, HERE, start, 10_000);
        assert_eq!(at_once, LIVES_AT_ONCE as usize);
        let later = start + LIFE_EVERY * 100;
        assert_eq!(lives_taken(&mut quotas, HERE, later, 10_000), 100);
        assert_eq!(lives_taken(&mut quotas, THERE, later, 10), 10, "the others are no part of it");
        let mut all = at_once + 100;
        for round in 1..1_000 {
            let now = later + LIFE_EVERY * (2_000 * round);
            all += lives_taken(&mut quotas, HERE, now, 10_000);
        }
        assert!(all <= WRITERS_MAX * SHARE_PERCENT / 100, "{all}");
        assert!(quotas.allows(later, HERE, false, 1, 500), "of lives that are known more is taken");
    }

    #[test]
    fn no_address_fills_all_rows_or_bytes() {
        let (mut quotas, now) = (Quotas::default(), Instant(1_000_000));
        let mut rows = 0;
        while quotas.allows(now, HERE, false, 1_000, 200_000) {
            quotas.took(now, HERE, false, 1_000, 200_000);
            rows += 1_000;
        }
        assert!(rows < ROWS_MAX && rows * 200 < BYTES_MAX);
        for last in 0..=255 {
            quotas.took(now, IpAddr::V4([10, 0, 1, last].into()), true, 1, 10);
        }
        assert!(quotas.addresses.len() <= ADDRESSES_MAX);
        assert!(
            !quotas.allows(now, HERE, false, 1_000, 200_000),
            "what it has brought stays counted"
        );
    }
}
