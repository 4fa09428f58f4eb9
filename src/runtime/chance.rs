//! Random numbers from the system: all chance there is begins here.

use uuid::Uuid;

use crate::types::NodeId;

/// An id that nobody else has.
#[expect(clippy::disallowed_methods, reason = "the impure edge")]
pub fn random_id() -> NodeId {
    NodeId(Uuid::new_v4())
}

/// Two halves of a random id: its few fixed bits fall on random ones.
#[expect(clippy::disallowed_methods, reason = "the impure edge")]
pub fn random_bits() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}
