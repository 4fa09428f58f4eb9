//! What is searched, and what a search has come to.

use std::fmt;

use interregnum::{config::Tuning, sim::network::Place};

use crate::table::Cut;

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
    /// Whether the three have a host already when things begin to happen; else they have just met.
    pub settled: bool,
    /// Which cuts.
    pub cuts: Vec<Cut>,
    /// Who lies; none: any of them.
    pub liar: Option<Place>,
    /// On every so many beats something may happen, though nothing but time has passed: five
    /// or ten; none: never.
    pub stride: Option<u64>,
    /// The most states that are looked at.
    pub states_max: u64,
    /// What all machines are told.
    pub tuning: Tuning,
    /// Threads to search on.
    pub threads: usize,
}

impl Bounds {
    /// Whether something may happen in this beat, whatever went before.
    pub fn is_time(&self, beat: u64) -> bool {
        self.stride.is_some_and(|stride| beat.is_multiple_of(stride))
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            means: Means::default(),
            settled: true,
            cuts: Cut::ALL.to_vec(),
            liar: None,
            stride: Some(5),
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
