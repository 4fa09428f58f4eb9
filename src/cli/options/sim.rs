//! What can be typed where something is simulated.

use interregnum::sim::search::Schedule;

use super::values::number;

/// How many seeds may be simulated at once.
const SEEDS_MAX: u64 = 1_000_000_000;

/// How many minutes may be simulated: a week.
const MINUTES_MAX: u64 = 10_080;

/// What is simulated.
#[derive(Clone, Debug, clap::Args)]
pub struct SimOptions {
    /// How many seeds [default: 100; 20 for `--eye`].
    #[arg(long, value_parser = number(1..=SEEDS_MAX), allow_negative_numbers = true)]
    pub seeds: Option<u64>,

    /// The first seed; alone: this one only.
    #[arg(long, value_parser = number(0..=u64::MAX), allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// Go on for so many minutes.
    #[arg(long, value_parser = number(1..=MINUTES_MAX), allow_negative_numbers = true)]
    pub minutes: Option<u64>,

    /// Search instead, for as many runs as there would be seeds: go on from moments that are worth it.
    #[arg(long, conflicts_with_all = ["eye", "trace", "story", "stories"])]
    pub learn: bool,

    /// Do once more what a search has found.
    #[arg(long, value_name = "SCHEDULE",
          conflicts_with_all = ["learn", "seed", "seeds", "minutes", "eye", "story", "stories"])]
    pub replay: Option<Schedule>,

    /// Measure what players see instead: whether anybody is shown to jump.
    #[arg(long, conflicts_with = "minutes")]
    pub eye: bool,

    /// Print every event of one seed, in words.
    #[arg(long, conflicts_with_all = ["seeds", "minutes", "eye"])]
    pub trace: bool,

    /// Tell this story instead; `all` tells all of them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["minutes", "eye"])]
    pub story: Option<String>,

    /// List the stories.
    #[arg(long, conflicts_with_all = ["story", "minutes", "seed", "seeds", "eye", "trace"])]
    pub stories: bool,

    /// Build a deliberate bug in, to see that it is found.
    #[cfg(feature = "mutants")]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["eye", "stories"])]
    pub mutant: Option<String>,
}
