//! An error that its reader can do something about.

/// What somebody wants is impossible here, and the message says what to do instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(pub String);
