//! All that may happen to three nodes, instead of what a seed happens to draw.
//!
//! The simulator draws its faults; it may miss the one moment that matters. Here nothing is drawn: from three
//! machines that have just met, every way is followed that things may go, as far as [`Means`] allow: machines
//! that crash, with their links closed or not, leave politely, and come back in a new life; a cut, of any
//! kind, at any time, mended at any time or never; packets that are lost, late, or overtaken; one of the three
//! that lies. What is driven is the very [`Election`](crate::cluster::election::Election) that nodes run, not a
//! model of it.
//!
//! | part | does |
//! |---|---|
//! | `table` | three machines, and a stand-in for the rest of their nodes |
//! | `likeness` | when two tables are the same for all that may come |
//! | `lies` | what a member can say that is not so |
//! | `rules` | what must hold at each step, and at rest |
//! | `search` | the search itself, on several threads |
//!
//! # What is abstracted, and what that leaves out
//! *Time* passes in beats of 20 ms, and only when nothing else is under way. In each beat every host makes a tick
//! and every client sends controls, and those that may get through do. Whatever an election waits for is a
//! whole number of beats, or is noticed in the next: 20 ms are less than every patience but that of a
//! single repetition, so the order of all waits is that of real time. Packets of the election take no time,
//! as on a LAN they take next to none; each may, out of the *hitches*, be late by a beat, be overtaken by all
//! others under way, or be lost, and so may a timer be late. What this leaves out: latencies that are
//! whole multiples of a beat for all packets; clocks that run apart; single ticks that are lost (a cut
//! that is mended after a beat is one); sleep.
//!
//! *When* a means is used: whenever a packet is about to arrive or a timer about to fire, at the beat after
//! anything but time has changed, and on every [`Bounds::stride`]th beat of all others. With a stride of one that
//! is every moment there is.
//!
//! *The rest of the node* is what decides how an election goes on: who hears whom and which links are up, the world
//! that is held (its mark: not what is in it), the roster's word on who is steady, relays, and who was in touch. Links
//! come up a beat after both sides run, and time out after [`Tuning::link_silence`]; a cut does not close them. Keys,
//! proofs and signatures are taken as done: a liar speaks under its own name, and of worlds and reigns that there were
//! or that are its own.
//!
//! *States* are told apart by a hash of 64 bits of all that decides how they go on. Numbers are looked at by their
//! distances, so that a reign looks like the next one, and what is at rest stays the same. With that the states are
//! finitely many, and rest is found as a state that comes back: then, and not after any fixed time, everybody must be
//! of one mind. Of two ticks only the order counts and whether they are one or two apart, and the age of a cut up to
//! what is measured in it: two tables may be taken for one that differ in how long it takes until two worlds are
//! of the same tick.

mod lies;
mod likeness;
mod rules;
mod search;
mod table;

use std::fmt;

pub use self::{search::explore, table::Cut};
use crate::{config::Tuning, sim::network::Place};

/// How much may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Means {
    /// Machines that crash or leave.
    pub crashes: u8,
    /// Machines that come back.
    pub returns: u8,
    /// Cuts.
    pub cuts: u8,
    /// Packets that are lost, late or overtaken; timers that are late.
    pub hitches: u8,
    /// What one member says that is not so.
    pub lies: u8,
}

/// What is searched.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How much may happen.
    pub means: Means,
    /// Which cuts.
    pub cuts: Vec<Cut>,
    /// On every so many beats something may happen, though nothing but time has passed.
    pub stride: u64,
    /// The most states that are looked at.
    pub states_max: u64,
    /// What all machines are told.
    pub tuning: Tuning,
    /// Threads to search on.
    pub threads: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            means: Means::default(),
            cuts: Cut::ALL.to_vec(),
            stride: 5,
            states_max: u64::MAX,
            tuning: Tuning::default(),
            threads: 2,
        }
    }
}

/// Something that happens, other than that things go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A process ends: its links are closed.
    Kill(Place),
    /// A machine loses its power: nobody is told.
    Unplug(Place),
    /// A host leaves politely.
    Leave(Place),
    /// A machine comes back, in a new life.
    Start(Place),
    /// Something does not get through any more.
    Cut(Cut),
    /// Everything gets through again.
    Mend,
    /// What is next is late by a beat.
    Late,
    /// What is next is overtaken by all that is under way.
    Overtaken,
    /// What is next is lost.
    Lost,
    /// One says to another what is not so.
    Lie(Place, Place, &'static str),
}

/// What a search has come to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// States that differ, at which something may happen.
    pub states: u64,
    /// Moves that were tried.
    pub moves: u64,
    /// Steps in all: packets, timers, beats.
    pub steps: u64,
    /// States in which all has come to rest, and everybody is of one mind.
    pub rests: u64,
    /// The longest way from the beginning, in beats.
    pub beats: u64,
    /// Whether there was nothing left to look at.
    pub whole: bool,
    /// What was broken first, and how it came to that.
    pub breach: Option<Breach>,
}

/// Something that must not be, and how it comes about.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Which rule is broken, and how.
    pub what: String,
    /// What happened, and in which beat.
    pub way: Vec<(u64, Move)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, moves, steps, rests, beats, whole, breach } = self;
        write!(f, "{states} states, {moves} moves, {steps} steps, {rests} at rest, ")?;
        write!(f, "{beats} beats deep, {}", if *whole { "whole" } else { "not whole" })?;
        if let Some(Breach { what, way }) = breach {
            write!(f, "\n{what}")?;
            for (beat, happened) in way {
                write!(f, "\n    beat {beat}: {happened:?}")?;
            }
        }
        Ok(())
    }
}
