//! Random numbers from the system: all chance there is begins here.

use std::io;

use uuid::Uuid;

/// 32 bytes that nobody can guess: for a key, say.
///
/// # Errors
/// When the system has none.
pub fn random_bytes() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A name that nobody else has.
#[cfg(feature = "store")]
#[expect(clippy::disallowed_methods, reason = "the impure edge")]
pub fn random_name() -> Uuid {
    Uuid::new_v4()
}

/// Two halves of a random id: its few fixed bits fall on random ones.
#[expect(clippy::disallowed_methods, reason = "the impure edge")]
pub fn random_bits() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}
