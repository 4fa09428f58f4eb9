//! What is left of many measurements: four quantiles.

use std::fmt;

use interregnum::arena::TICK;
use serde::Serialize;

/// How long something took, in microseconds: half of the times less than `p50`, and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    pub count: usize,
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl Quantiles {
    /// Of these times, in any order. All zero if there are none.
    pub fn of(mut us: Vec<u64>) -> Self {
        us.sort_unstable();
        // The smallest value that so large a part of all does not exceed.
        let at = |percent: usize| {
            let rank = (us.len() * percent).div_ceil(100).max(1);
            us.get(rank - 1).copied().unwrap_or(0)
        };
        Self { count: us.len(), p50_us: at(50), p95_us: at(95), p99_us: at(99), max_us: at(100) }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for us in [self.p50_us, self.p95_us, self.p99_us, self.max_us] {
            write!(f, "{:>7.1} ({:>4.1})", ms(us), us as f64 / TICK.as_micros() as f64)?;
        }
        Ok(())
    }
}

/// The heading above rows of [`Quantiles`], each after a label of [`LABEL`] letters.
pub fn head() -> String {
    let columns = ["p50", "p95", "p99", "max"].map(|name| format!("{name:>14}"));
    format!("{:LABEL$}{}   in ms (in ticks)", "", columns.concat())
}

/// A row.
pub fn row(label: &str, quantiles: &Quantiles) -> String {
    format!("{label:LABEL$} {quantiles}   {} times", quantiles.count)
}

const LABEL: usize = 42;

pub fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let quantiles = Quantiles::of((1..=200).rev().collect());
        assert_eq!(quantiles.p50_us, 100);
        assert_eq!(quantiles.p95_us, 190);
        assert_eq!(quantiles.p99_us, 198);
        assert_eq!(quantiles.max_us, 200);
    }

    #[test]
    fn one_measurement_is_all_quantiles_and_none_is_zero() {
        let one = Quantiles::of(vec![7]);
        assert_eq!((one.p50_us, one.p99_us, one.max_us), (7, 7, 7));
        assert_eq!(Quantiles::of(Vec::new()), Quantiles::default());
    }
}
