//! A game together with what was done to it: it can be cloned at any moment, gone on with in several ways, and
//! done once more from its schedule.

use std::time::Duration;

use super::schedule::{Act, Schedule};
use crate::{
    config::Tuning,
    sim::{
        faults, judge::Violation, met::Met, network::Weather, playable::Playable, swarm::Swarm,
        trace::Trace, world::World,
    },
};

/// A game, and how it has come to where it is.
#[derive(Clone)]
pub struct Course<G: Playable> {
    /// The game.
    pub world: World<G>,
    schedule: Schedule,
    /// The wire between faults.
    base: Weather,
    /// What had been met when it was one game last.
    before: Met,
    /// How many faults have struck since.
    faults: u64,
}

impl<G: Playable> Course<G> {
    /// A game that has just been founded, as `seed` says.
    pub fn begin(seed: u64, tuning: &Tuning, trace: bool) -> Self {
        let swarm = Swarm::new(seed);
        let mut world = World::<G>::new(seed, swarm.nodes);
        if trace {
            world.start_trace();
        }
        world.tuning = Tuning { folding: world.tuning.folding, ..tuning.clone() };
        faults::found_soon(&mut world, &swarm);
        let (schedule, before) = (Schedule { seed, acts: Vec::new() }, world.judge.met.clone());
        Self { world, schedule, base: Weather::calm(), before, faults: 0 }
    }

    /// All of a schedule, or as much of it as comes before something is broken.
    pub fn follow(schedule: &Schedule, tuning: &Tuning, trace: bool) -> Self {
        let mut course = Self::begin(schedule.seed, tuning, trace);
        for act in &schedule.acts {
            if course.broken().is_some() {
                break;
            }
            course.act(act.clone());
        }
        if course.is_at_peace() && course.broken().is_none() {
            course.world.judge_disks();
        }
        course
    }

    /// How it has come to where it is.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What was broken first, if anything was.
    pub fn broken(&self) -> Option<&Violation> {
        self.world.judge.violations.first()
    }

    /// Whether nothing has been done to it since it was one game last, but to let time pass.
    pub fn is_at_peace(&self) -> bool {
        self.faults == 0 && self.world.network.weather == Weather::calm()
    }

    /// The likeness of this moment.
    pub fn likeness(&self) -> u64 {
        self.world.likeness(&self.before)
    }

    /// Does something to it. Whether that could be done.
    pub fn act(&mut self, act: Act) -> bool {
        let done = match &act {
            Act::Draw(seed) => {
                self.world.reseed(*seed);
                true
            }
            Act::Air(weather) => {
                self.world.set_quiet(None);
                self.world.tell(format_args!("the wire is another: {weather:?}"));
                self.base = weather.clone();
                self.world.network.weather = weather.clone();
                true
            }
            Act::Wait(span_us) => {
                self.world.run(self.world.now + Duration::from_micros(*span_us));
                true
            }
            Act::Strike(fault) => {
                self.world.set_quiet(None);
                let struck = faults::strike(&mut self.world, *fault, &self.base);
                self.faults += u64::from(struck);
                struck
            }
            Act::Peace => {
                self.base = Weather::calm();
                faults::make_peace(&mut self.world, self.before.reigns, self.faults);
                self.before = self.world.judge.met.clone();
                self.faults = 0;
                true
            }
        };
        self.note(act);
        done
    }

    /// What could not be done belongs to it, too: it was drawn for.
    fn note(&mut self, act: Act) {
        match (self.schedule.acts.last_mut(), act) {
            (Some(Act::Wait(before)), Act::Wait(span_us)) => *before += span_us,
            (_, act) => self.schedule.acts.push(act),
        }
    }

    /// What happened, in lines.
    pub fn into_lines(self) -> Vec<String> {
        self.world.trace.map(Trace::into_lines).unwrap_or_default()
    }
}
