//! Did the game go on as promised? Decided from the peers' lines alone.
//!
//! - In one reign there is one host.
//! - No survivor sees the points of a living player fall, unless a game was won in between, which
//!   starts everybody's points again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use interregnum::types::NodeId;
use serde::Serialize;

use super::lines::{Line, OfArena, Term, What};

/// How long one survivor had no host.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Gap {
    pub node: NodeId,
    /// None: it saw no tick of the host before, so there was nothing to miss.
    pub gap_us: Option<u64>,
    pub rolled_back: u64,
}

/// What somebody has gathered so far, as a survivor sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Tally {
    pub games_won: u32,
    pub points: u32,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.points)?;
        if self.games_won > 0 {
            write!(f, "+{}g", self.games_won)?;
        }
        Ok(())
    }
}

/// What the living peers have said.
#[derive(Debug, Default)]
pub struct Judge {
    living: BTreeMap<NodeId, Said>,
    /// Who reigned in which epoch, since everybody was in one game.
    reigns: BTreeMap<u64, NodeId>,
    begun: bool,
    complaints: Vec<Complaint>,
}

/// What one peer has said last.
#[derive(Debug, Default)]
struct Said {
    reign: Option<(Term, Gap)>,
    members: BTreeSet<NodeId>,
    tallies: BTreeMap<NodeId, Mark>,
}

/// A tally, and the round in which it was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    tally: Tally,
    round: u32,
}

#[derive(Clone, Copy, Debug)]
enum Complaint {
    TwoHosts { epoch: u64, one: NodeId, other: NodeId },
    PointsLost { of: NodeId, at: NodeId, before: Tally, after: Tally },
    Diverged { at: NodeId },
}

impl Judge {
    /// From here on all are in one game, and promises count.
    pub fn begin(&mut self) {
        self.begun = true;
    }

    /// A peer is killed.
    pub fn died(&mut self, peer: NodeId) {
        self.living.remove(&peer);
    }

    /// A peer that was taken for dead lives; nothing is known of what it believes.
    pub fn is_back(&mut self, peer: NodeId) {
        self.living.insert(peer, Said::default());
    }

    /// How many hosts there are, as the living peers say.
    pub fn hosts(&self) -> usize {
        let reigns = self.living.values().filter_map(|said| said.reign);
        reigns.map(|(term, _)| term).collect::<BTreeSet<_>>().len()
    }

    /// A peer says something.
    pub fn hear(&mut self, line: &Line) {
        let at = line.node;
        match &line.what {
            What::Started { .. } => {
                self.living.insert(at, Said::default());
            }
            What::NewIdentity { id } => {
                if let Some(said) = self.living.remove(&at) {
                    self.living.insert(*id, said);
                }
            }
            What::Stopped { .. } => self.died(at),
            What::Host { host, term, gap_us, rolled_back, .. } => {
                let gap = Gap { node: at, gap_us: *gap_us, rolled_back: *rolled_back };
                self.crowned(at, *host, *term, gap);
            }
            What::Roster { members, .. } => {
                if let Some(said) = self.living.get_mut(&at) {
                    let present = members.iter().filter(|member| !member.away);
                    said.members = present.map(|member| member.id).collect();
                }
            }
            What::Game(OfArena::Score { player, points, games_won, round }) => {
                let tally = Tally { points: *points, games_won: *games_won };
                self.scored(at, *player, Mark { tally, round: *round });
            }
            What::Diverged { .. } => self.complaints.push(Complaint::Diverged { at }),
            _ => {}
        }
    }

    /// Whether so many peers agree who hosts, and have each other in their rosters.
    pub fn in_one_game(&self, peers: usize) -> bool {
        let host = self.host();
        self.living.len() == peers
            && host.is_some_and(|host| self.living.contains_key(&host))
            && self
                .living
                .values()
                .all(|said| self.living.keys().all(|peer| said.members.contains(peer)))
    }

    /// Who hosts, if all agree.
    pub fn host(&self) -> Option<NodeId> {
        let mut terms = self.living.values().map(|said| said.reign);
        let (first, _) = terms.next()??;
        terms.all(|term| term.is_some_and(|(term, _)| term == first)).then_some(first.host)
    }

    /// The highest epoch heard of.
    pub fn epoch(&self) -> u64 {
        let reigns = self.living.values().filter_map(|said| said.reign);
        reigns.map(|(term, _)| term.epoch).max().unwrap_or(0)
    }

    /// The reign of a living host after `epoch` that all follow, and the gap at each.
    pub fn reign_after(&self, epoch: u64) -> Option<(Term, Vec<Gap>)> {
        let host = self.host()?;
        let reigns = self.living.values().filter_map(|said| said.reign);
        let (term, _) = reigns.clone().next()?;
        let new = term.epoch > epoch && self.living.contains_key(&host);
        new.then(|| (term, reigns.map(|(_, gap)| gap).collect()))
    }

    /// What everybody alive has gathered, but for `killed`: the most that any of them has seen.
    pub fn points_without(&self, killed: NodeId) -> BTreeMap<NodeId, Tally> {
        let mut tallies = BTreeMap::new();
        for (peer, said) in &self.living {
            if *peer == killed {
                continue;
            }
            for (player, mark) in &said.tallies {
                if *player != killed && self.living.contains_key(player) {
                    let tally: &mut Tally = tallies.entry(*player).or_default();
                    *tally = (*tally).max(mark.tally);
                }
            }
        }
        tallies
    }

    /// What went wrong, in words.
    pub fn complaints(&self, name: impl Fn(NodeId) -> String) -> Vec<String> {
        let words = |complaint: &Complaint| match complaint {
            Complaint::TwoHosts { epoch, one, other } => {
                format!("both {} and {} hosted in epoch {epoch}", name(*one), name(*other))
            }
            Complaint::PointsLost { of, at, before, after } => format!(
                "{} saw the points of {} fall from {before} to {after}",
                name(*at),
                name(*of)
            ),
            Complaint::Diverged { at } => format!("{} disagrees about the rules", name(*at)),
        };
        self.complaints.iter().map(words).collect()
    }

    fn crowned(&mut self, at: NodeId, host: NodeId, term: Term, gap: Gap) {
        if let Some(said) = self.living.get_mut(&at) {
            said.reign = Some((term, gap));
        }
        let one = *self.reigns.entry(term.epoch).or_insert(host);
        if one != host && self.begun {
            self.complaints.push(Complaint::TwoHosts { epoch: term.epoch, one, other: host });
        }
    }

    fn scored(&mut self, at: NodeId, player: NodeId, mark: Mark) {
        let alive = self.living.contains_key(&player);
        let Some(said) = self.living.get_mut(&at) else {
            return;
        };
        let before = said.tallies.insert(player, mark).unwrap_or_default();
        if alive && self.begun && before.has_lost(mark) {
            self.complaints.push(Complaint::PointsLost {
                of: player,
                at,
                before: before.tally,
                after: mark.tally,
            });
        }
    }
}

impl Mark {
    /// Whether `later` takes away what is marked here. Each round starts all points again.
    fn has_lost(self, later: Mark) -> bool {
        later.tally.games_won < self.tally.games_won
            || later.round < self.round
            || (later.round == self.round && later.tally.points < self.tally.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: NodeId = NodeId::from_u128(1);
    const BOB: NodeId = NodeId::from_u128(2);
    const EVE: NodeId = NodeId::from_u128(3);

    #[test]
    fn falling_points_are_a_complaint() {
        let mut judge = playing();
        score(&mut judge, BOB, ADA, 5, 1);
        score(&mut judge, BOB, ADA, 4, 1);
        assert_eq!(judge.complaints(|id| format!("{id:?}")).len(), 1);
    }

    #[test]
    fn points_start_again_with_each_round() {
        let mut judge = playing();
        score(&mut judge, BOB, ADA, 5, 1);
        score(&mut judge, BOB, ADA, 0, 2);
        score(&mut judge, BOB, ADA, 1, 2);
        assert!(judge.complaints(|id| format!("{id:?}")).is_empty());
        score(&mut judge, BOB, ADA, 0, 2);
        assert_eq!(judge.complaints(|id| format!("{id:?}")).len(), 1);
    }

    #[test]
    fn two_hosts_in_one_epoch_are_a_complaint() {
        let mut judge = playing();
        crown(&mut judge, ADA, EVE, 2);
        crown(&mut judge, BOB, ADA, 2);
        assert_eq!(judge.complaints(|id| format!("{id:?}")).len(), 1);
    }

    #[test]
    fn the_game_went_on_when_all_survivors_follow_a_living_host() {
        let mut judge = playing();
        assert_eq!(judge.host(), Some(EVE));
        judge.died(EVE);
        assert!(judge.reign_after(1).is_none());
        crown(&mut judge, ADA, BOB, 2);
        assert!(judge.reign_after(1).is_none());
        crown(&mut judge, BOB, BOB, 2);
        let (term, gaps) = judge.reign_after(1).unwrap();
        assert_eq!(term.host, BOB);
        assert_eq!(gaps.len(), 2);
    }

    /// Three peers in one game that Eve hosts.
    fn playing() -> Judge {
        let mut judge = Judge::default();
        for peer in [ADA, BOB, EVE] {
            judge.living.insert(peer, Said::default());
        }
        for peer in [ADA, BOB, EVE] {
            crown(&mut judge, peer, EVE, 1);
        }
        judge.begin();
        judge
    }

    fn crown(judge: &mut Judge, at: NodeId, host: NodeId, epoch: u64) {
        let gap = Gap { node: at, gap_us: Some(16_700), rolled_back: 0 };
        judge.crowned(at, host, Term { epoch, host }, gap);
    }

    fn score(judge: &mut Judge, at: NodeId, player: NodeId, points: u32, round: u32) {
        let tally = Tally { games_won: 0, points };
        judge.scored(at, player, Mark { tally, round });
    }
}
