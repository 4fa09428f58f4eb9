//! The four states of a node in an election, and which may follow upon which.

use super::*;

#[derive(Clone, Debug)]
pub(super) enum State {
    /// On the title.
    Idle,
    /// Hears a host.
    Following(Following),
    /// Has none, and looks for one.
    Seeking(Seeking),
    /// Is one.
    Reigning(Reigning),
}

#[derive(Clone, Debug)]
pub(super) struct Seeking {
    pub(super) lost: Option<Lost>,
    pub(super) ask_at: Instant,
    /// Whether `ask_at` already contains what this node waits for its rank.
    pub(super) ranked: bool,
    /// Who asked and was told to wait. It is asked in turn, linked or not: it waits for that.
    pub(super) deferred: BTreeSet<NodeId>,
    /// How often each has said that the lost host lives, or that it takes over itself.
    pub(super) held_up: BTreeMap<NodeId, u8>,
    pub(super) candidacy: Option<Box<Candidacy>>,
}

#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) following: Following,
    pub(super) cause: Cause,
    pub(super) at: Instant,
}

#[derive(Clone, Debug)]
pub(super) struct Candidacy {
    pub(super) began: Instant,
    pub(super) repeat_at: Instant,
    pub(super) deadline: Instant,
    /// When the deadline first passes: a sign of life that comes later gives one more, once.
    pub(super) extends_at: Option<Instant>,
    pub(super) ends: Option<Term>,
    pub(super) asked: BTreeSet<NodeId>,
    /// The silent host, if it is worth asking.
    pub(super) suspect: Option<NodeId>,
    pub(super) follows: BTreeMap<NodeId, (Option<WorldMark>, Option<Payload>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Reigning {
    pub(super) term: Term,
    pub(super) announced: Instant,
    /// When each member's controls named this term last.
    pub(super) members: BTreeMap<NodeId, Instant>,
    pub(super) rival: Option<Rival>,
    /// To whom this host, as the judge, has given the crown, and when.
    pub(super) conceded: Option<Conceded>,
}

/// The crown was given away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conceded {
    pub(super) to: NodeId,
    pub(super) at: Instant,
}

impl Conceded {
    /// Whether it was given to this one, who may still take it.
    pub(super) fn holds(self, now: Instant, rate: Rate, to: NodeId) -> bool {
        self.to == to && now.since(self.at) <= rate.span(RIVAL_REMEMBERED)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Rival {
    pub(super) term: Term,
    pub(super) heard: Instant,
    pub(super) meet_at: Instant,
    /// The neighbour by way of whom it was heard of: that is the way to it.
    pub(super) told_by: Option<NodeId>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) to: NodeId,
    pub(super) until: Instant,
}

impl State {
    /// Looks for a host, having lost one or never had one.
    pub(super) fn seeking(lost: Option<Lost>, ask_at: Instant) -> Self {
        let (deferred, held_up) = (BTreeSet::new(), BTreeMap::new());
        State::Seeking(Seeking { lost, ask_at, ranked: false, deferred, held_up, candidacy: None })
    }

    /// The reign in force here: the own one, or the one that is followed or was lost.
    pub(super) fn term(&self) -> Option<Term> {
        match self {
            State::Idle => None,
            State::Following(following) => Some(following.term),
            State::Seeking(seeking) => seeking.lost.as_ref().map(|lost| lost.following.term),
            State::Reigning(reign) => Some(reign.term),
        }
    }

    pub(super) fn as_following(&self) -> Option<&Following> {
        match self {
            State::Following(following) => Some(following),
            _ => None,
        }
    }

    pub(super) fn as_following_mut(&mut self) -> Option<&mut Following> {
        match self {
            State::Following(following) => Some(following),
            _ => None,
        }
    }

    pub(super) fn as_seeking_mut(&mut self) -> Option<&mut Seeking> {
        match self {
            State::Seeking(seeking) => Some(seeking),
            _ => None,
        }
    }

    pub(super) fn as_reigning(&self) -> Option<&Reigning> {
        match self {
            State::Reigning(reign) => Some(reign),
            _ => None,
        }
    }

    pub(super) fn as_reigning_mut(&mut self) -> Option<&mut Reigning> {
        match self {
            State::Reigning(reign) => Some(reign),
            _ => None,
        }
    }

    /// The host that is followed, or that is missed.
    pub(super) fn host(&self) -> Option<&Following> {
        match self {
            State::Following(following) => Some(following),
            State::Seeking(seeking) => seeking.lost.as_ref().map(|lost| &lost.following),
            _ => None,
        }
    }

    pub(super) fn lost(&self) -> Option<&Lost> {
        match self {
            State::Seeking(seeking) => seeking.lost.as_ref(),
            _ => None,
        }
    }

    pub(super) fn lost_mut(&mut self) -> Option<&mut Lost> {
        self.as_seeking_mut()?.lost.as_mut()
    }

    pub(super) fn candidacy_mut(&mut self) -> Option<&mut Candidacy> {
        self.as_seeking_mut()?.candidacy.as_deref_mut()
    }

    /// Whether `next` may follow upon this state: nobody reigns who has not asked, and who reigns
    /// stops doing so only by following another, or by leaving.
    fn may_become(&self, next: &State) -> bool {
        match (self, next) {
            (_, State::Idle) | (State::Idle, State::Seeking(_)) => true,
            (State::Idle, _) => false,
            (State::Following(old), State::Following(new)) => old.term <= new.term,
            (State::Following(old), State::Seeking(new)) => {
                new.lost.as_ref().is_some_and(|lost| lost.following.term == old.term)
            }
            (State::Following(_), State::Reigning(_)) => false,
            (State::Seeking(_), _) => true,
            (State::Reigning(old), State::Following(new)) => old.term < new.term,
            (State::Reigning(_), _) => false,
        }
    }
}

impl Election {
    /// The one place where one state becomes another. Returns the old one.
    pub(super) fn turn(&mut self, next: State) -> State {
        let mutant = self.tuning.has(Mutant::NotSticky) || self.tuning.has(Mutant::NoTerms);
        debug_assert!(mutant || self.state.may_become(&next), "{:?} -> {next:?}", self.state);
        let binds = match &next {
            State::Following(following) => Some(following.term),
            State::Reigning(reign) => Some(reign.term),
            State::Idle | State::Seeking(_) => None,
        };
        debug_assert!(mutant || binds.is_none() || self.promised <= binds, "S2");
        if let Some(term) = binds {
            self.promised = Some(term);
            self.grant = None;
        }
        std::mem::replace(&mut self.state, next)
    }
}
