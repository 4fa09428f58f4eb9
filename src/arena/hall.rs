//! The hall of fame: what the facts of many games come to.
//!
//! Two things that happen in the arena are worth keeping for ever: somebody gathered something, and
//! somebody won a round. As [`Fact`]s they outlive the world they happened in, its host, and the
//! evening. What they come to is computed from them alone: a [`Hall`] is the same whichever came
//! first, and taking a fact out again leaves no trace of it.
//!
//! *A fact counts once.* Each has a key; of two with the same key one is dropped before it gets here.
//! The same gatherable is gathered only once by one player, whatever was rolled back in between,
//! and a round is won only once. On each side of a split network new things appear: their names
//! ([`GatherableId`], [`RoundId`]) contain the reign in which they did, so no two are alike.
//!
//! *Bots have no fame.* What a player did while the program played it says so. It counts in its round
//! like any other, and not in the lists of who is the best.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::{GatherableId, POINTS_COMMON, POINTS_RARE, RoundId, World};
use crate::{
    game::{Fact as Kept, Malformed, Recency, ScoreNews},
    text::Name,
    types::NodeId,
};

/// How far back an evening goes, in seconds.
pub const EVENING_SECONDS: u64 = 12 * 3_600;

const HOUR_SECONDS: u64 = 3_600;

/// What stands at the end of a fact of a player that the program played.
const OF_BOT: u8 = 1;

/// What is worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Somebody gathered something.
    Gathered {
        /// Whose point it is.
        player: NodeId,
        /// What was gathered; no other thing has this number.
        gatherable: GatherableId,
        /// Whether it was a rare one.
        rare: bool,
        /// In which round.
        round: RoundId,
    },
    /// Somebody won a round.
    Won {
        /// The winner.
        player: NodeId,
        /// The round that was won.
        round: RoundId,
    },
}

#[derive(Serialize, Deserialize)]
enum Key {
    Gathered(NodeId, GatherableId),
    Won(NodeId, RoundId),
}

impl Fact {
    /// As it is kept: the key is what tells it from all facts that are not the same, the value what
    /// else it says; about 26 and 10 bytes.
    pub fn encode(&self) -> Kept {
        let (key, value) = match *self {
            Self::Gathered { player, gatherable, rare, round } => {
                (Key::Gathered(player, gatherable), postcard::to_stdvec(&(rare, round)))
            }
            Self::Won { player, round } => (Key::Won(player, round), Ok(Vec::new())),
        };
        let key = postcard::to_stdvec(&key).unwrap_or_default();
        Kept { key, value: value.unwrap_or_default() }
    }

    /// The same, of a player that the program played: one byte more.
    pub fn encode_of_bot(&self) -> Kept {
        let Kept { key, mut value } = self.encode();
        value.push(OF_BOT);
        Kept { key, value }
    }

    /// Whether it is of a player that the program played.
    fn is_of_bot(&self, Kept { value, .. }: &Kept) -> bool {
        self.encode().value.len() < value.len()
    }

    /// The inverse of [`encode`](Fact::encode) and of [`encode_of_bot`](Fact::encode_of_bot).
    ///
    /// # Errors
    /// [`Malformed`] when it is none.
    pub fn decode(Kept { key, value }: &Kept) -> Result<Self, Malformed> {
        let (key, rest) = postcard::take_from_bytes(key).map_err(|_| Malformed)?;
        if !rest.is_empty() {
            return Err(Malformed);
        }
        match key {
            Key::Gathered(player, gatherable) => {
                let ((rare, round), rest) =
                    postcard::take_from_bytes(value).map_err(|_| Malformed)?;
                let fact = Self::Gathered { player, gatherable, rare, round };
                if matches!(rest, [] | [OF_BOT]) { Ok(fact) } else { Err(Malformed) }
            }
            Key::Won(player, round) if matches!(value[..], [] | [OF_BOT]) => {
                Ok(Self::Won { player, round })
            }
            Key::Won(..) => Err(Malformed),
        }
    }

    /// About whom it is.
    pub fn player(&self) -> NodeId {
        let (Self::Gathered { player, .. } | Self::Won { player, .. }) = self;
        *player
    }

    /// In which round it happened.
    pub fn round(&self) -> RoundId {
        let (Self::Gathered { round, .. } | Self::Won { round, .. }) = self;
        *round
    }

    fn worth(&self) -> Standing {
        match self {
            Self::Gathered { rare: true, .. } => {
                Standing { points: POINTS_RARE.into(), games_won: 0 }
            }
            Self::Gathered { rare: false, .. } => {
                Standing { points: POINTS_COMMON.into(), games_won: 0 }
            }
            Self::Won { .. } => Standing { points: 0, games_won: 1 },
        }
    }
}

/// What somebody has to show for many games.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// All points.
    pub points: u64,
    /// All rounds won.
    pub games_won: u64,
}

impl Standing {
    fn plus(self, other: Self) -> Self {
        Self { points: self.points + other.points, games_won: self.games_won + other.games_won }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            points: self.points.saturating_sub(other.points),
            games_won: self.games_won.saturating_sub(other.games_won),
        }
    }
}

/// Of each player and each hour what it got then.
type Hours = BTreeMap<NodeId, BTreeMap<u64, Standing>>;

/// What these facts come to by themselves, each with the time when it was noted. What is no fact of the
/// arena says nothing.
pub fn sum_up(facts: &[(u64, Kept)]) -> Vec<u8> {
    let mut hall = Hall::default();
    for (at, fact) in facts {
        hall.update(*at, ScoreNews::Counts(fact));
    }
    postcard::to_stdvec(&(&hall.hours, &hall.of_bots)).unwrap_or_default()
}

/// What all facts come to, by player and by hour.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Hall {
    hours: Hours,
    /// What of `hours` is of bots.
    of_bots: Hours,
    names: BTreeMap<NodeId, (Recency, Name)>,
}

impl Hall {
    /// A fact of a person that counts; `at` is when it happened, in seconds since 1970.
    pub fn add(&mut self, at: u64, fact: &Fact) {
        self.change(at, fact, false, Standing::plus);
    }

    /// A fact of a person that counted and does not any more.
    pub fn remove(&mut self, at: u64, fact: &Fact) {
        self.change(at, fact, false, Standing::minus);
    }

    /// Enters a record; what is no fact of the arena says nothing.
    pub fn update(&mut self, at: u64, record: ScoreNews<'_>) {
        match record {
            ScoreNews::Called(player, name, place) => self.call(place, player, name),
            ScoreNews::SumCounts(total, hours) => self.add_total(total, hours),
            ScoreNews::Counts(kept) => {
                if let Ok(fact) = Fact::decode(kept) {
                    self.change(at, &fact, fact.is_of_bot(kept), Standing::plus);
                }
            }
            ScoreNews::CountsNoMore(kept) => {
                if let Ok(fact) = Fact::decode(kept) {
                    self.change(at, &fact, fact.is_of_bot(kept), Standing::minus);
                }
            }
        }
    }

    /// What [`sum_up`] made of many facts, whose author's clock was so many hours behind.
    fn add_total(&mut self, total: &[u8], behind: i64) {
        let Ok((hours, of_bots)) = postcard::from_bytes::<(Hours, Hours)>(total) else { return };
        add_all(&mut self.hours, hours, behind);
        add_all(&mut self.of_bots, of_bots, behind);
    }

    /// Takes in what a session that was played later comes to.
    pub fn go_on_with(&mut self, later: Self) {
        add_all(&mut self.hours, later.hours, 0);
        add_all(&mut self.of_bots, later.of_bots, 0);
        self.names.extend(later.names);
    }

    /// Brings a world's scores in line with the hall and with all `facts` of its round. Points that
    /// were shown are never taken back: whoever hosts may not have heard of all facts yet.
    pub fn put_into(&self, world: &mut World, now: u64, facts: &[Kept]) {
        self.raise(world, evening(now), facts);
    }

    /// Whether a host that knows no more than this, of whichever evening, can have made `after` out of `before`.
    /// What an evening is depends on clocks; so rounds of any evening account for rounds.
    pub fn accounts_for(&self, before: &World, after: &World, facts: &[Kept]) -> bool {
        let raised = |world: &World| {
            let mut world = world.clone();
            self.raise(&mut world, 0..=u64::MAX, facts);
            world
        };
        raised(before) == raised(after)
    }

    fn raise(&self, world: &mut World, hours: RangeInclusive<u64>, facts: &[Kept]) {
        let mut round: BTreeMap<NodeId, u64> = BTreeMap::new();
        let facts = facts.iter().filter_map(|fact| Fact::decode(fact).ok());
        for fact in facts.filter(|fact| fact.round() == world.round_id) {
            *round.entry(fact.player()).or_default() += fact.worth().points;
        }
        for (player, score) in &mut world.scoreboard {
            let points = round.get(player).copied().unwrap_or_default();
            let games_won = sum_in(&self.hours, *player, hours.clone()).games_won;
            score.points = score.points.max(u32::try_from(points).unwrap_or(u32::MAX));
            score.games_won = score.games_won.max(u32::try_from(games_won).unwrap_or(u32::MAX));
        }
    }

    /// What `player` was called at that place in the order. The last name is the one that is shown.
    pub fn call(&mut self, place: Recency, player: NodeId, name: &Name) {
        let called = (place, name.clone());
        let known = self.names.entry(player).or_insert_with(|| called.clone());
        if *known < called {
            *known = called;
        }
    }

    /// What `player` is called, if it ever said so.
    pub fn name(&self, player: NodeId) -> Option<&Name> {
        self.names.get(&player).map(|(_, name)| name)
    }

    /// Of all time, the best people first.
    pub fn all_time(&self) -> Vec<(NodeId, Standing)> {
        self.people_within(0..=u64::MAX)
    }

    /// Of all time, the best bots first.
    pub fn bots_of_all_time(&self) -> Vec<(NodeId, Standing)> {
        self.bots_within(0..=u64::MAX)
    }

    /// Of the evening that `now` is in, the best people first.
    pub fn this_evening(&self, now: u64) -> Vec<(NodeId, Standing)> {
        self.people_within(evening(now))
    }

    /// Of the evening that `now` is in, the best bots first.
    pub fn bots_of_this_evening(&self, now: u64) -> Vec<(NodeId, Standing)> {
        self.bots_within(evening(now))
    }

    fn bots_within(&self, wanted: RangeInclusive<u64>) -> Vec<(NodeId, Standing)> {
        let standing = |player: &NodeId| (*player, sum_in(&self.of_bots, *player, wanted.clone()));
        ranked(self.of_bots.keys().map(standing).filter(|(_, it)| *it != Standing::default()))
    }

    fn people_within(&self, wanted: RangeInclusive<u64>) -> Vec<(NodeId, Standing)> {
        let standing = |player: &NodeId| {
            let of_bot = sum_in(&self.of_bots, *player, wanted.clone());
            (*player, sum_in(&self.hours, *player, wanted.clone()).minus(of_bot))
        };
        ranked(self.hours.keys().map(standing).filter(|(_, it)| *it != Standing::default()))
    }

    fn change(
        &mut self,
        at: u64,
        fact: &Fact,
        of_bot: bool,
        how: fn(Standing, Standing) -> Standing,
    ) {
        apply(&mut self.hours, fact.player(), at / HOUR_SECONDS, fact, how);
        if of_bot {
            apply(&mut self.of_bots, fact.player(), at / HOUR_SECONDS, fact, how);
        }
    }
}

/// The same standings by person: what somebody has to show on all its machines is one line. `person` says
/// who plays on a machine.
pub fn by_person(
    standings: impl IntoIterator<Item = (NodeId, Standing)>,
    person: impl Fn(NodeId) -> NodeId,
) -> Vec<(NodeId, Standing)> {
    let mut persons: BTreeMap<NodeId, Standing> = BTreeMap::new();
    for (machine, standing) in standings {
        let sum = persons.entry(person(machine)).or_default();
        *sum = sum.plus(standing);
    }
    ranked(persons.into_iter())
}

/// What `player` has to show in those hours.
fn sum_in(hours: &Hours, player: NodeId, wanted: RangeInclusive<u64>) -> Standing {
    let hours = hours.get(&player).into_iter().flat_map(|hours| hours.range(wanted.clone()));
    hours.map(|(_, standing)| *standing).fold(Standing::default(), Standing::plus)
}

/// Adds to `hours` what others come to, so many hours later.
fn add_all(hours: &mut Hours, others: Hours, later: i64) {
    for (player, others) in others {
        for (hour, standing) in others {
            let own = hours.entry(player).or_default();
            let known = own.entry(hour.saturating_add_signed(later)).or_default();
            *known = known.plus(standing);
        }
    }
}

/// The hours of the evening that `now` is in. What is dated later was written by a clock that nobody
/// here has met; half an hour is granted to clocks that differ.
fn evening(now: u64) -> RangeInclusive<u64> {
    let ends = now.saturating_add(HOUR_SECONDS / 2) / HOUR_SECONDS;
    now.saturating_sub(EVENING_SECONDS) / HOUR_SECONDS..=ends
}

/// Who has nothing is not listed.
fn apply<K: Ord + Copy, L: Ord + Copy>(
    boards: &mut BTreeMap<K, BTreeMap<L, Standing>>,
    board: K,
    line: L,
    fact: &Fact,
    how: fn(Standing, Standing) -> Standing,
) {
    let lines = boards.entry(board).or_default();
    let standing = how(lines.get(&line).copied().unwrap_or_default(), fact.worth());
    if standing == Standing::default() {
        lines.remove(&line);
    } else {
        lines.insert(line, standing);
    }
    if lines.is_empty() {
        boards.remove(&board);
    }
}

/// Who won most first; then who has the most points; then by id, so that it is the same for all.
fn ranked(standings: impl Iterator<Item = (NodeId, Standing)>) -> Vec<(NodeId, Standing)> {
    let mut ranked: Vec<_> = standings.collect();
    ranked.sort_by_key(|(player, standing)| {
        (std::cmp::Reverse((standing.games_won, standing.points)), *player)
    });
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, Incarnation, Term};

    const ADA: NodeId = NodeId::from_u128(1);
    const BEN: NodeId = NodeId::from_u128(2);
    const ROUND: RoundId = RoundId(9);

    fn gathered(player: NodeId, number: u64, rare: bool) -> Fact {
        Fact::Gathered { player, gatherable: GatherableId(number), rare, round: ROUND }
    }

    #[test]
    fn a_fact_is_read_as_it_was_written() {
        let facts = [gathered(ADA, 3, true), Fact::Won { player: BEN, round: ROUND }];
        for fact in facts {
            let kept = fact.encode();
            assert_eq!(Fact::decode(&kept), Ok(fact));
            let cut = Kept { key: kept.key[1..].to_vec(), value: kept.value.clone() };
            assert_eq!(Fact::decode(&cut), Err(Malformed));
            let longer = Kept { value: [&kept.value[..], &[7]].concat(), ..kept.clone() };
            assert_eq!(Fact::decode(&longer), Err(Malformed));
            let of_bot = fact.encode_of_bot();
            assert_eq!((Fact::decode(&of_bot), of_bot.key), (Ok(fact), kept.key.clone()));
            assert!(fact.is_of_bot(&fact.encode_of_bot()) && !fact.is_of_bot(&kept));
        }
    }

    #[test]
    fn a_key_says_who_and_what_and_no_more() {
        let (common, rare) = (gathered(ADA, 3, false).encode(), gathered(ADA, 3, true).encode());
        assert_eq!(common.key, rare.key);
        assert_ne!(common.key, gathered(BEN, 3, false).encode().key);
        assert_ne!(common.key, gathered(ADA, 4, false).encode().key);
    }

    #[test]
    fn points_and_wins_add_up() {
        let mut hall = Hall::default();
        hall.add(100, &gathered(ADA, 1, false));
        hall.add(100, &gathered(ADA, 2, true));
        hall.add(100, &gathered(BEN, 3, false));
        hall.add(100, &Fact::Won { player: BEN, round: ROUND });
        let (ada, ben) =
            (Standing { points: 4, games_won: 0 }, Standing { points: 1, games_won: 1 });
        assert_eq!(hall.all_time(), [(BEN, ben), (ADA, ada)]);
    }

    #[test]
    fn what_a_person_has_on_all_its_machines_is_one_line() {
        let mut hall = Hall::default();
        let laptop = NodeId::from_u128(3);
        hall.add(100, &gathered(ADA, 1, true));
        hall.add(100, &gathered(laptop, 2, true));
        hall.add(100, &gathered(BEN, 3, true));
        hall.add(100, &gathered(BEN, 4, false));
        let person = |machine| if machine == laptop { ADA } else { machine };
        let standing = |points| Standing { points, games_won: 0 };
        let persons = by_person(hall.all_time(), person);
        assert_eq!(persons, [(ADA, standing(6)), (BEN, standing(4))]);
        assert_eq!(by_person(hall.all_time(), |machine| machine), hall.all_time());
    }

    #[test]
    fn what_a_bot_did_is_not_in_the_lists() {
        let mut hall = Hall::default();
        let enter = |hall: &mut Hall, kept: &Kept| hall.update(5, ScoreNews::Counts(kept));
        enter(&mut hall, &gathered(ADA, 1, false).encode());
        enter(&mut hall, &gathered(BEN, 2, true).encode_of_bot());
        enter(&mut hall, &Fact::Won { player: BEN, round: ROUND }.encode_of_bot());
        let ada = Standing { points: 1, games_won: 0 };
        assert_eq!(hall.all_time(), [(ADA, ada)]);
        assert_eq!(hall.this_evening(6), [(ADA, ada)]);
        let ben = Standing { points: 3, games_won: 1 };
        assert_eq!(hall.bots_of_all_time(), [(BEN, ben)]);
        assert_eq!(hall.bots_of_this_evening(6), [(BEN, ben)]);
        // A person that was played by the program for a while keeps its own fame.
        enter(&mut hall, &gathered(BEN, 4, false).encode());
        assert_eq!(hall.all_time(), [(ADA, ada), (BEN, Standing { points: 1, games_won: 0 })]);
        // Folded, it is the same.
        let facts = [gathered(BEN, 7, false).encode(), gathered(BEN, 8, true).encode_of_bot()];
        let (mut folded, mut told) = (Hall::default(), Hall::default());
        let all = sum_up(&facts.clone().map(|fact| (5, fact)));
        folded.update(5, ScoreNews::SumCounts(&all, 0));
        facts.iter().for_each(|fact| enter(&mut told, fact));
        assert_eq!(folded, told);
        let before = hall.clone();
        enter(&mut hall, &gathered(BEN, 5, false).encode_of_bot());
        hall.update(5, ScoreNews::CountsNoMore(&gathered(BEN, 5, false).encode_of_bot()));
        assert_eq!(hall, before);
    }

    #[test]
    fn an_evening_ends_while_all_time_does_not() {
        let mut hall = Hall::default();
        let morning = 1_700_000_000;
        hall.add(morning, &gathered(ADA, 1, false));
        assert_eq!(hall.this_evening(morning + EVENING_SECONDS).len(), 1);
        assert_eq!(hall.this_evening(morning + EVENING_SECONDS + HOUR_SECONDS), []);
        assert_eq!(hall.all_time().len(), 1);
    }

    #[test]
    fn a_fact_taken_out_leaves_no_trace() {
        let mut hall = Hall::default();
        hall.add(5, &gathered(ADA, 1, false));
        let before = hall.clone();
        hall.add(9_000, &gathered(BEN, 2, true));
        hall.remove(9_000, &gathered(BEN, 2, true));
        assert_eq!(hall, before);
    }

    #[test]
    fn the_latest_name_is_shown_whichever_is_heard_first() {
        let place =
            |index| (Term { epoch: Epoch(1), host: BEN, incarnation: Incarnation(1) }, index);
        let names = [
            (place(5), Name::new("Ada")),
            (place(9), Name::new("Countess")),
            (place(9), Name::new("Ada L.")),
        ];
        let mut halls = [Hall::default(), Hall::default()];
        names.iter().for_each(|(at, name)| halls[0].call(*at, ADA, name));
        names.iter().rev().for_each(|(at, name)| halls[1].call(*at, ADA, name));
        assert_eq!(halls[0], halls[1]);
        assert_eq!(halls[0].name(ADA), Some(&Name::new("Countess")));
    }
}
