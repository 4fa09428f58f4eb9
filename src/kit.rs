//! Parts that a world may have, so that not every game writes them again. They are state, like everything in a world:
//! a game has them as fields, tells them its news, and asks them.
//!
//! | part | is |
//! |---|---|
//! | [`Seats`] | who plays and who waits, where somebody may sit down at any time |
//! | [`Lobby`] | the same for a game of rounds: gathered, ready, played, won, and again |
//! | [`Secret`], [`Commitment`] | what somebody has chosen and shows later, and could not have changed meanwhile |
//!
//! None of them knows the network: whoever sits there and whose turn it is survives a host as all of the world does.

mod lobby;
mod seats;
mod secret;

pub use self::{
    lobby::{Call, Lobby, Rounds, Stage},
    seats::{Moved, Seats},
    secret::{Commitment, Secret},
};
