//! placeholder

use serde::{Deserialize, Serialize};

/// What a node is in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sits in the mesh, votes, may become host.
    Player,
    /// Only watches.
    Spectator,
}
