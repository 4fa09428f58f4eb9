//! Checks the rules of a game before anybody plays it.
//!
//! A game's author calls [`check`] in a test of its own. It makes worlds from seeds, plays them with news drawn at
//! random, also with such as only a broken or hostile machine would send, and holds the rules to what
//! [`Game`] asks of them. What is wrong is a [`Fault`], in words that say what to do.
//!
//! ```
//! use interregnum::{Game, News, sim::check};
//!
//! # #[derive(Clone, Debug)]
//! enum Clicks {}
//!
//! impl Game for Clicks {
//!     const RULES: &'static str = "clicks 1";
//!     type World = u64;
//!     type Controls = bool;
//!     type Order = ();
//!     type Event = ();
//!     type Scores = ();
//!
//!     fn new_world(_seed: u64) -> u64 {
//!         0
//!     }
//!
//!     fn is_valid(_world: &u64) -> bool {
//!         true
//!     }
//!
//!     fn step(world: &mut u64, news: &[News<bool>], _events: &mut Vec<()>) {
//!         *world = world.wrapping_add(news.len() as u64);
//!     }
//! }
//!
//! check::<Clicks>(100)?;
//! # Ok::<(), interregnum::sim::Fault>(())
//! ```
//!
//! It takes each step twice, the second time on a copy that went over a wire, as ggrs' sync test does; and at the end
//! some seeds once more, so that what outlives a world shows. What is the same as long as a process lives, and another
//! in the next one, shows in a second process only: [`check_across_processes`]. [`Checked::digest`] says the same on every
//! machine, for whoever wants to compare two of them. How the rules fare on a network that fails is for
//! [`Lan`](super::Lan) to tell.

mod processes;

use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
};

use rand_pcg::{Pcg64Mcg, rand_core::Rng as _};
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

pub use self::processes::check_across_processes;

use super::panics::words_of;
use crate::{
    game::{Fact, Game, News, ScoreNews},
    ledger::entry::BODY_BYTES_MAX,
    text::Name,
    types::NodeId,
    wire::FRAME_BYTES_MAX,
};

/// How many steps each seed takes.
const STEPS: u64 = 240;

/// So many people come and go.
const PEOPLE: usize = 10;

/// A world that a stranger might send is tried in each so manieth step.
const FORGED_EVERY: u64 = 6;

/// For so many steps.
const FORGED_STEPS: usize = 3;

/// The largest and the smallest numbers, as a world's encoding (postcard's) writes them: those of one byte; then of two,
/// four and eight, where the last but one is the largest with a sign, and the last the largest without and the smallest with.
const EXTREMES: [&[u8]; 9] = [
    &[0x7f],
    &[0x80],
    &[0xff],
    &[0xfe, 0xff, 0x03],
    &[0xff, 0xff, 0x03],
    &[0xfe, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];

/// The scores are put into the world in each so manieth step.
const SCORES_EVERY: u64 = 24;

/// When the first fact was written down, in seconds since 1970, and the next ones a second later each.
const WRITTEN_FROM: u64 = 1_700_000_000;

/// If of so many facts none was of the group that its world was in, none ever will be.
const ASTRAY_MAX: u64 = 8;

/// So many seeds are played again at the end.
const AGAIN: u64 = 8;

/// The longest key of a fact, in bytes; and the longest fact, with room for what is written around it.
const KEY_BYTES_MAX: usize = 128;
const FACT_BYTES_MAX: usize = BODY_BYTES_MAX - 16;

/// The largest world, in bytes: what goes with it in a frame has room besides.
const WORLD_BYTES_MAX: usize = FRAME_BYTES_MAX - (64 << 10);

/// So many facts of one seed are counted in several orders.
const FACTS_MAX: usize = 64;

/// How many bytes are drawn for what is to be read of them.
const DRAWN_BYTES: usize = 96;

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many seeds were played.
    pub seeds: u64,
    /// How many steps were taken, each of them twice.
    pub steps: u64,
    /// How many worlds were tried that a stranger might send, and that [`Game::is_valid`] let through.
    pub forged: u64,
    /// Of the last world of each seed: the same on every machine, if the rules are.
    pub digest: u64,
}

/// What is wrong with the rules of a game, and where it showed.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}: {flaw}")]
pub struct Fault {
    /// In the world of this seed.
    pub seed: u64,
    /// In this step, from 0.
    pub step: u64,
    /// What it is.
    pub flaw: Flaw,
}

impl Debug for Fault {
    /// As it is told: a test that fails shows this.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// What can be wrong with the rules of a game.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// One of its functions panicked.
    #[error(
        "`{function}` panicked ({said}). A panic ends the node it happens in, and whoever is host next steps the \
         same world: look at what is indexed, divided, subtracted and unwrapped there"
    )]
    Panicked {
        /// Which one.
        function: &'static str,
        /// What the panic said.
        said: String,
    },
    /// A valid world cannot be stepped.
    #[error(
        "`is_valid` lets a world through on which `{function}` panics ({said}). Whoever sends such a world ends every \
         node that takes it: refuse it in `is_valid`, or let `{function}` stand it"
    )]
    Lies {
        /// Which function panicked.
        function: &'static str,
        /// What the panic said.
        said: String,
    },
    /// The rules depend on something else than what they are given.
    #[error(
        "`{function}` came to two different things from the same arguments. It may depend on nothing else: on no \
         clock, no static, no random generator (chance comes from `interregnum::draw`), and on nothing that has no \
         order of its own"
    )]
    Impure {
        /// Which function.
        function: &'static str,
    },
    /// The same seed gave another game later on.
    #[error(
        "this seed gave another game when it was played again. Something outlives the world and changes it: a \
         static, a cache, a clock"
    )]
    Varies,
    /// Two equal worlds are sent as different bytes.
    #[error(
        "a world was sent and read again, and is equal, but is sent as other bytes now. Something in it has no order \
         of its own, such as a HashMap or a HashSet: use BTreeMap or BTreeSet"
    )]
    NoOrder,
    /// A world does not come over a wire.
    #[error(
        "a world was sent and read again, and is another one, or none. Its Serialize and Deserialize do not fit \
         together: is a field skipped, or compared that is not sent?"
    )]
    Lossy,
    /// A world is too large to be sent.
    #[error("a world takes {bytes} bytes, and at most {most} can be sent: let it hold less")]
    TooLarge {
        /// How many.
        bytes: usize,
        /// How many there may be.
        most: usize,
    },
    /// The rules made a world that they refuse.
    #[error(
        "`is_valid` refuses a world that `{function}` itself made. Every machine would refuse it that it is sent to, \
         and nobody could join: allow it, or do not let it come to that"
    )]
    Refuses {
        /// Which function.
        function: &'static str,
    },
    /// The two halves of a difference do not fit together.
    #[error(
        "`decode_difference` did not give the world back that `encode_difference` was given. Write both of them for \
         any two worlds, or neither"
    )]
    Difference,
    /// What is shown moves by itself.
    #[error(
        "`blend` of a world with itself is another world: what stands still would be seen to move. Between two equal \
         things there is nothing but that"
    )]
    Drifts,
    /// A fact cannot be written down.
    #[error("`fact_of_event` gave a key of {bytes} bytes: a key has 1 to 128")]
    Key {
        /// How many.
        bytes: usize,
    },
    /// A fact is too long to be written down.
    #[error(
        "`fact_of_event` gave a fact of {bytes} bytes, key and value: at most {FACT_BYTES_MAX} are written down"
    )]
    LongFact {
        /// How many.
        bytes: usize,
    },
    /// The order of facts makes a difference.
    #[error(
        "`update_scores` came to other scores when the same facts came in another order, as they do on another \
         machine: add, take the highest, or keep the most recent, and nothing else"
    )]
    Order,
    /// A fact that does not count any more has left something behind.
    #[error(
        "`update_scores` came to other scores when some facts counted first and then no more (CountsNoMore) than \
         without them: take away all that Counts or SumCounts has added, down to the line of whoever has nothing left"
    )]
    LeavesTraces,
    /// The world asks for facts of a group to which none belongs.
    #[error(
        "`current_group` names a group that no fact belongs to: of {facts} facts not one was of the group that its \
         world was in, by `fact_group`. `scores_into_world` would never be given any: let both speak of the same thing"
    )]
    Groups {
        /// How many facts that were.
        facts: u64,
    },
    /// An honest host would be said to cheat.
    #[error(
        "`scores_account_for` says that a host cheats which has put scores into its world as it knew them, by facts all \
         of which are known: it may have heard of fewer facts, at another time of day, and no more is to be asked of it"
    )]
    Accuses,
    /// The same seed gave another game in another process.
    #[error(
        "this seed gave another game in a second process. Something is the same as long as a process lives, and another \
         one in the next, and so on the next machine: a hash seed or a number drawn once in a static, an address, an \
         environment variable, a clock"
    )]
    OtherProcess,
    /// There was no second process to compare with.
    #[error("a second process could not say what it came to: {why}")]
    NoSecondProcess {
        /// Why not.
        why: String,
    },
    /// A sum says something else than what it sums up.
    #[error(
        "what `sum_up` says of some facts came to other scores than the facts one by one: both ways must lead to the \
         same"
    )]
    Sum,
}

/// Plays worlds of the seeds 0 to `seeds`, and holds the rules to all that [`Game`] asks of them.
///
/// It takes some ten thousand steps for each hundred seeds: a second or so for small rules.
///
/// # Errors
/// The first [`Fault`] that shows. Where a function panics its message has been printed, too.
pub fn check<G: Game>(seeds: u64) -> Result<Checked, Fault> {
    ends_of::<G>(seeds).map(|(checked, _)| checked)
}

/// The same, and what the last world of each seed is like.
fn ends_of<G: Game>(seeds: u64) -> Result<(Checked, Vec<u64>), Fault> {
    let mut checked = Checked { seeds, steps: 0, forged: 0, digest: 0 };
    let mut ends = Vec::new();
    for seed in 0..seeds {
        let end = Run::<G>::new(seed, &mut checked)?.play()?;
        ends.push(end);
        checked.digest = xxh3_64(&[checked.digest, end].map(u64::to_be_bytes).concat());
    }
    for (seed, end) in (0..seeds.min(AGAIN)).zip(&ends) {
        let mut again = checked;
        if Run::<G>::new(seed, &mut again)?.play()? != *end {
            return Err(Fault { seed, step: STEPS, flaw: Flaw::Varies });
        }
    }
    Ok((checked, ends))
}

/// One seed.
struct Run<'a, G: Game> {
    seed: u64,
    step: u64,
    chance: Pcg64Mcg,
    world: G::World,
    /// Who came at some time, and who is there.
    people: Vec<(NodeId, bool)>,
    /// Of each key one, with the time when it was written.
    facts: Vec<(u64, Fact)>,
    /// How many facts were made while their world asked for those of a group, and how many of that one.
    asked_for: u64,
    of_group: u64,
    checked: &'a mut Checked,
}

impl<'a, G: Game> Run<'a, G> {
    fn new(seed: u64, checked: &'a mut Checked) -> Result<Self, Fault> {
        let fault = |flaw| Fault { seed, step: 0, flaw };
        let made = || caught("new_world", || G::new_world(seed)).map_err(fault);
        let world = made()?;
        if made()? != world {
            return Err(fault(Flaw::Impure { function: "new_world" }));
        }
        let people = (0..PEOPLE).map(|one| (NodeId::from_u128(one as u128 + 1), false)).collect();
        let chance = super::chance::chance(seed, u64::from(u32::MAX));
        let (facts, asked_for, of_group) = (Vec::new(), 0, 0);
        let mut run =
            Self { seed, step: 0, chance, world, people, facts, asked_for, of_group, checked };
        run.is_sound("new_world").map_err(fault)?;
        let reign = run.chance.next_u64();
        run.world = caught("on_new_host", || {
            let mut world = run.world.clone();
            G::on_new_host(&mut world, reign);
            world
        })
        .map_err(fault)?;
        run.is_sound("on_new_host").map_err(fault)?;
        Ok(run)
    }

    /// Takes all steps. What the last world is like.
    fn play(mut self) -> Result<u64, Fault> {
        let seed = self.seed;
        for step in 0..STEPS {
            self.step = step;
            self.checked.steps += 1;
            self.take_step().map_err(|flaw| Fault { seed, step, flaw })?;
            if step % FORGED_EVERY == 0 {
                self.try_forged().map_err(|flaw| Fault { seed, step, flaw })?;
            }
            if step % SCORES_EVERY == SCORES_EVERY - 1 {
                self.put_scores().map_err(|flaw| Fault { seed, step, flaw })?;
            }
        }
        self.count_facts().map_err(|flaw| Fault { seed, step: STEPS, flaw })?;
        Ok(xxh3_64(&encoded(&self.world).unwrap_or_default()))
    }

    fn take_step(&mut self) -> Result<(), Flaw> {
        let before = self.world.clone();
        let news = self.news();
        let (after, events) = stepped::<G>(before.clone(), &news)?;
        let copy = sent(&before)?;
        let (again, events_again) = stepped::<G>(copy, &news)?;
        self.world = after.clone();
        self.is_sound("step")?;
        if again != after || encoded(&events) != encoded(&events_again) {
            return Err(Flaw::Impure { function: "step" });
        }
        self.note_facts(&before, &after, &events)?;
        // A client predicts with less than the host knows.
        let known = self.below(news.len() + 1);
        let (predicted, _) = stepped::<G>(before.clone(), &news[..known])?;
        for (from, to) in [(&predicted, &after), (&before, &after), (&after, &before)] {
            is_made_of_difference::<G>(from, to)?;
        }
        let garbage = self.drawn_bytes();
        caught("decode_difference", || drop(G::decode_difference(&before, &garbage)))?;
        let part = self.chance.next_u32() as u16;
        let shown = caught("blend", || G::blend(&before, &after, part))?;
        if caught("blend", || G::blend(&after, &after, part))? != after {
            return Err(Flaw::Drifts);
        }
        // What is shown is stepped, too.
        let held = self.news();
        stepped::<G>(shown, &held).map(drop)
    }

    /// The world as it is can be sent, and is taken by whoever gets it.
    fn is_sound(&self, function: &'static str) -> Result<(), Flaw> {
        sent(&self.world)?;
        match caught("is_valid", || G::is_valid(&self.world))? {
            true => Ok(()),
            false => Err(Flaw::Refuses { function }),
        }
    }

    /// A world that nobody's rules made: as it is after some of its bytes are others, or some of its numbers as large or
    /// as small as they can be.
    fn try_forged(&mut self) -> Result<(), Flaw> {
        let Some(mut bytes) = encoded(&self.world).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] = self.chance.next_u32() as u8,
                1 => bytes[at] = u8::MAX,
                2 => bytes[at] = bytes[at].wrapping_add(1),
                _ => {
                    let rest = bytes[at..].iter().take_while(|byte| **byte > 0x7f).count();
                    let number = at..(at + rest + 1).min(bytes.len());
                    let extreme = EXTREMES[self.below(EXTREMES.len())];
                    bytes.splice(number, extreme.iter().copied());
                }
            }
        }
        let Ok((mut world, _)) = postcard::take_from_bytes::<G::World>(&bytes) else {
            return Ok(());
        };
        if !caught("is_valid", || G::is_valid(&world))? {
            return Ok(());
        }
        self.checked.forged += 1;
        let scores = counted::<G>(self.facts.iter())?;
        let group = caught("current_group", || G::current_group(&world)).map_err(lies)?;
        let facts = self.facts_of(group, self.facts.len())?;
        caught("scores_account_for", || {
            G::scores_account_for(&self.world, &world, &scores, &facts)
        })
        .map_err(lies)?;
        for _ in 0..FORGED_STEPS {
            let news = self.news();
            let shown = caught("blend", || G::blend(&self.world, &world, 30_000)).map_err(lies)?;
            stepped::<G>(shown, &news).map_err(lies)?;
            is_made_of_difference::<G>(&self.world, &world).map_err(lies)?;
            world = stepped::<G>(world, &news).map_err(lies)?.0;
        }
        Ok(())
    }

    fn note_facts(
        &mut self,
        before: &G::World,
        world: &G::World,
        events: &[G::Event],
    ) -> Result<(), Flaw> {
        if events.is_empty() {
            return Ok(());
        }
        let groups = [current_group::<G>(before)?, current_group::<G>(world)?];
        for event in events {
            let Some(fact) = caught("fact_of_event", || G::fact_of_event(world, event))? else {
                continue;
            };
            let bytes = fact.key.len();
            if !(1..=KEY_BYTES_MAX).contains(&bytes) {
                return Err(Flaw::Key { bytes });
            }
            let bytes = bytes + fact.value.len();
            if bytes > FACT_BYTES_MAX {
                return Err(Flaw::LongFact { bytes });
            }
            let group = || caught("fact_group", || G::fact_group(&fact));
            let own = group()?;
            if group()? != own {
                return Err(Flaw::Impure { function: "fact_group" });
            }
            self.asked_for += u64::from(groups.iter().any(Option::is_some));
            self.of_group += u64::from(groups.contains(&Some(own)));
            // Of one key one counts.
            if self.facts.len() < FACTS_MAX
                && self.facts.iter().all(|(_, known)| known.key != fact.key)
            {
                self.facts.push((WRITTEN_FROM + self.facts.len() as u64, fact));
            }
        }
        Ok(())
    }

    /// What a host does when its scores have changed, and what everybody does who checks it and has heard of as many
    /// facts, or of more.
    fn put_scores(&mut self) -> Result<(), Flaw> {
        let before = self.world.clone();
        let heard = self.below(self.facts.len() + 1);
        let scores = counted::<G>(self.facts[..heard].iter())?;
        let facts = self.facts_of(current_group::<G>(&before)?, heard)?;
        let now = WRITTEN_FROM + u64::from(self.chance.next_u32() >> 8);
        self.world = caught("scores_into_world", || {
            let mut world = before.clone();
            G::scores_into_world(&mut world, &scores, now, &facts);
            world
        })?;
        self.is_sound("scores_into_world")?;
        if self.world == before {
            return Ok(());
        }
        for known in [heard, self.facts.len()] {
            let scores = counted::<G>(self.facts[..known].iter())?;
            let facts = self.facts_of(current_group::<G>(&self.world)?, known)?;
            let accounts = caught("scores_account_for", || {
                G::scores_account_for(&before, &self.world, &scores, &facts)
            })?;
            if !accounts {
                return Err(Flaw::Accuses);
            }
        }
        Ok(())
    }

    /// Of the first so many facts those of this group.
    fn facts_of(&self, group: Option<u64>, first: usize) -> Result<Vec<Fact>, Flaw> {
        let facts = self.facts[..first].iter().map(|(_, fact)| fact);
        caught("fact_group", || {
            facts.filter(|fact| Some(G::fact_group(fact)) == group).cloned().collect()
        })
    }

    /// Counts all facts in several orders, some of them for a while only, and their sum.
    fn count_facts(&mut self) -> Result<(), Flaw> {
        if self.asked_for >= ASTRAY_MAX && self.of_group == 0 {
            return Err(Flaw::Groups { facts: self.asked_for });
        }
        let facts = std::mem::take(&mut self.facts);
        let one_by_one = counted::<G>(facts.iter())?;
        if counted::<G>(facts.iter().rev())? != one_by_one {
            return Err(Flaw::Order);
        }
        let (some, rest) = facts.split_at(self.below(facts.len() + 1));
        let counts_no_more = |mut scores: G::Scores| {
            caught("update_scores", move || {
                for (at, fact) in rest {
                    G::update_scores(&mut scores, *at, ScoreNews::CountsNoMore(fact));
                }
                scores
            })
        };
        let of_some = counted::<G>(some.iter())?;
        if counts_no_more(one_by_one.clone())? != of_some {
            return Err(Flaw::LeavesTraces);
        }
        let with_sum = |of: &[(u64, Fact)], mut scores: G::Scores| {
            let sum = caught("sum_up", || G::sum_up(of))?;
            let is_there = !sum.is_empty();
            caught("update_scores", move || {
                if is_there {
                    G::update_scores(&mut scores, 0, ScoreNews::SumCounts(&sum, 0));
                }
                is_there.then_some(scores)
            })
        };
        if with_sum(some, counted::<G>(rest.iter())?)?.is_some_and(|scores| scores != one_by_one) {
            return Err(Flaw::Sum);
        }
        if let Some(summed) = with_sum(&facts, G::Scores::default())?
            && counts_no_more(summed)? != of_some
        {
            return Err(Flaw::LeavesTraces);
        }
        Ok(())
    }

    /// What reaches a world in one step: people come and go, and press whatever can be pressed.
    fn news(&mut self) -> Vec<News<G::Controls, G::Order>> {
        let mut news = Vec::new();
        let chatty = self.below(4);
        for _ in 0..chatty {
            let one = self.below(PEOPLE);
            let (id, here) = self.people[one];
            match self.below(8) {
                0 | 1 if !here => {
                    self.people[one].1 = true;
                    news.push(News::Joined(id, self.name()));
                }
                0 if here => news.push(News::Joined(id, self.name())),
                1 => {
                    self.people[one].1 = false;
                    news.push(News::Left(id));
                }
                2 if here => news.extend(self.any().map(|order| News::Order(id, order))),
                _ if here => news.push(News::Controls(id, self.any().unwrap_or_default())),
                _ => {}
            }
        }
        news
    }

    fn name(&mut self) -> Name {
        let names = ["Ada", "Ben", "Cleo", "\u{5e78}", "X", "a name of twenty-four chars"];
        Name::new(names[self.below(names.len())])
    }

    /// Any value of a type that a wire may bring; none where none was found.
    fn any<T: DeserializeOwned>(&mut self) -> Option<T> {
        (0..16).find_map(|_| {
            let bytes = self.drawn_bytes();
            postcard::take_from_bytes(&bytes).ok().map(|(value, _)| value)
        })
    }

    /// Many of them small, for flags and numbers of variants are.
    fn drawn_bytes(&mut self) -> Vec<u8> {
        let small = self.below(3) > 0;
        let byte = |bits: u32| if small && bits & 0x300 != 0 { bits as u8 & 3 } else { bits as u8 };
        (0..DRAWN_BYTES).map(|_| byte(self.chance.next_u32())).collect()
    }

    /// From 0 up to, and without, `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.chance.next_u64() % end.max(1) as u64) as usize
    }
}

/// Does it. What it panics with is a flaw.
fn caught<T>(function: &'static str, act: impl FnOnce() -> T) -> Result<T, Flaw> {
    catch_unwind(AssertUnwindSafe(act))
        .map_err(|panic| Flaw::Panicked { function, said: words_of(&*panic) })
}

/// A panic on a world that was let through is another flaw than one on a world that the rules made.
fn lies(flaw: Flaw) -> Flaw {
    match flaw {
        Flaw::Panicked { function, said } => Flaw::Lies { function, said },
        other => other,
    }
}

fn stepped<G: Game>(
    mut world: G::World,
    news: &[News<G::Controls, G::Order>],
) -> Result<(G::World, Vec<G::Event>), Flaw> {
    caught("step", move || {
        let mut events = Vec::new();
        G::step(&mut world, news, &mut events);
        (world, events)
    })
}

fn counted<'f, G: Game>(facts: impl Iterator<Item = &'f (u64, Fact)>) -> Result<G::Scores, Flaw> {
    caught("update_scores", move || {
        let mut scores = G::Scores::default();
        for (at, fact) in facts {
            G::update_scores(&mut scores, *at, ScoreNews::Counts(fact));
        }
        scores
    })
}

/// The group that a world asks for, and the same of it at the other end of a wire.
fn current_group<G: Game>(world: &G::World) -> Result<Option<u64>, Flaw> {
    let of = |world: &G::World| caught("current_group", || G::current_group(world));
    let group = of(world)?;
    if group.is_some() && of(&sent(world)?)? != group {
        return Err(Flaw::Impure { function: "current_group" });
    }
    Ok(group)
}

fn encoded<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    postcard::to_stdvec(value).ok()
}

/// The world as it is at the other end of a wire.
fn sent<W: Serialize + DeserializeOwned + PartialEq>(world: &W) -> Result<W, Flaw> {
    let bytes = encoded(world).ok_or(Flaw::Lossy)?;
    if bytes.len() > WORLD_BYTES_MAX {
        return Err(Flaw::TooLarge { bytes: bytes.len(), most: WORLD_BYTES_MAX });
    }
    let Ok((copy, [])) = postcard::take_from_bytes::<W>(&bytes) else { return Err(Flaw::Lossy) };
    if copy != *world {
        return Err(Flaw::Lossy);
    }
    if encoded(&copy).as_ref() != Some(&bytes) {
        return Err(Flaw::NoOrder);
    }
    Ok(copy)
}

fn is_made_of_difference<G: Game>(from: &G::World, to: &G::World) -> Result<(), Flaw> {
    let difference = caught("encode_difference", || {
        let mut difference = Vec::new();
        G::encode_difference(from, to, &mut difference);
        difference
    })?;
    let made = caught("decode_difference", || G::decode_difference(from, &difference))?;
    if made.as_ref() == Ok(to) { Ok(()) } else { Err(Flaw::Difference) }
}

#[cfg(test)]
mod tests;
