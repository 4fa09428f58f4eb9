//! Where the chance of a run comes from.

use rand_pcg::Pcg64Mcg;

use crate::game;

/// The chance of a run with this seed, for one `purpose` of several. Mixed well, so that the runs of
/// neighbouring seeds have nothing in common.
pub fn chance(seed: u64, purpose: u64) -> Pcg64Mcg {
    let bits = |counter| u128::from(game::draw(seed, counter));
    Pcg64Mcg::new(bits(2 * purpose) << 64 | bits(2 * purpose + 1))
}
