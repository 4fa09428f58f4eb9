//! What is said of worlds and reigns by somebody whose worlds and reigns they are not: believed as far as
//! their host has said it too, refused otherwise, and counted.

use super::{
    Cluster,
    election::{Newest, descends},
    message::{
        Answer, Ends, Message, OkPacket, Origin, Packet, Payload, TickPacket, WorldCopy, WorldMark,
    },
    proof::{Claim, HEIRS_MAX, Vouched, told_ends},
    reign::ReignWord,
};
use crate::{
    config::Mutant,
    keys::{PublicKey, WorldDigest},
    mesh::{Delivery, Peer},
    types::{Incarnation, Instant, NodeId, Term},
};

/// The most worlds that are looked at in an answer: the newest, and the newest that is signed.
const WORLDS_MAX: usize = 2;

impl Cluster {
    /// What this host says of a tick that it is about to publish.
    pub fn vouch(&self, now: Instant, mark: WorldMark, ends: Ends, digest: WorldDigest) -> Vouched {
        let Some(session) = self.session_id else { return Vouched::default() };
        let claim = Claim { session, mark, ends: told_ends(ends, mark), digest };
        let down = self.tree.has_relays();
        self.proving.vouch(now, &self.me.key, &claim, &self.heirs(), down)
    }

    /// Who asks for the crown first if this host is lost, and in which lives.
    fn heirs(&self) -> Vec<(NodeId, Incarnation)> {
        let linked = |id| self.mesh.peer(id).is_some_and(Peer::is_linked);
        let members = self.roster.members().iter();
        let mut heirs: Vec<_> = members
            .filter(|member| member.id != self.me.id && !member.away && linked(member.id))
            .map(|member| (!member.unsteady, member.id, member.incarnation))
            .collect();
        heirs.sort_unstable_by(|one, other| other.cmp(one));
        heirs.truncate(HEIRS_MAX);
        heirs.into_iter().map(|(_, id, life)| (id, life)).collect()
    }

    /// An answer to this node's ask: of the worlds in it the newest that its host has made stays, of those
    /// that this node needs at all. A world that nobody showed to be a host's is as good as none.
    pub(super) fn weigh(
        &mut self,
        now: Instant,
        newest: &dyn Newest,
        from: NodeId,
        ok: &mut OkPacket,
    ) {
        let awaited = self.election.awaits(from, ok.round);
        let Answer::Follow { world, worlds } = &mut ok.answer else { return };
        let brought = std::mem::take(worlds);
        if !awaited {
            *world = None;
            return;
        }
        let mine = newest.mark();
        let needed = brought.into_iter().take(WORLDS_MAX).filter(|copy| !descends(mine, copy.mark));
        let needed: Vec<WorldCopy> = needed.collect();
        let offered = !needed.is_empty();
        let shown = needed.into_iter().find(|copy| self.is_a_hosts(mine, from, copy));
        *world = world.filter(|mark| descends(mine, *mark));
        match shown {
            Some(copy) => {
                *world = Some(copy.mark);
                worlds.push(copy);
            }
            None if offered => self.refuse(now, from, "a world that no host is known to have made"),
            None => {}
        }
    }

    /// Whether the host of this world has said that it made it: a host that this node has followed, or
    /// that stands in its roster; until a roster has come, one that was linked with it. Anybody can sign what it makes in
    /// a reign of its own invention, and in the name of a key that it has just made up.
    fn is_a_hosts(&self, mine: Option<WorldMark>, from: NodeId, copy: &WorldCopy) -> bool {
        if self.tuning.has(Mutant::TrustsAnswers) {
            return true;
        }
        let term = copy.mark.clock.term;
        let followed = [mine.map(|mark| mark.clock.term), self.election.current()];
        let known = match self.roster.published() {
            Some(_) => self.roster.member(term.host).is_some(),
            None => self.mesh.peer(term.host).is_some_and(Peer::was_linked),
        };
        let (Some(origin), Payload::Binary(bytes)) = (&copy.origin, &copy.sync_gamestate) else {
            return false;
        };
        let fits = followed.contains(&Some(term)) || known && term.host != from;
        let here = self.session_id.is_none_or(|session| session == origin.session);
        let digest = WorldDigest::of(bytes);
        let claim = Claim { session: origin.session, mark: copy.mark, ends: origin.ends, digest };
        fits && here && self.proving.is_shown(&claim, origin)
    }

    /// Something was refused that came from this node.
    pub(super) fn refuse(&mut self, now: Instant, from: NodeId, what: &str) {
        self.refusals.note(now, from, what);
    }

    /// How much was refused of what this node has sent, and of all nodes together: worlds, ticks, rosters
    /// and reigns that are not their host's.
    pub fn refused(&self, from: NodeId) -> (u64, u64) {
        (self.refusals.of(from), self.refusals.all())
    }

    /// A tick that `by` passed on is not what its host made: for a while nothing is taken from there.
    pub fn mistrust(&mut self, now: Instant, by: NodeId) {
        self.refuse(now, by, "a tick that its host did not make so");
        self.proving.mistrust(now, by);
        self.through.fails(now, by);
    }

    /// The word of a host for its reign, as far as it is known here, to be shown to others.
    pub(super) fn reign_word(&self, term: Term) -> Option<ReignWord> {
        let known = self.known_word(term);
        if (term.host, term.incarnation) == (self.me.id, self.me.incarnation) {
            return Some(known.unwrap_or_else(|| ReignWord::give(&self.me.key, term)));
        }
        // What the host said here itself was not checked then.
        known.filter(|word| word.check(term).is_ok())
    }

    pub(super) fn known_word(&self, term: Term) -> Option<ReignWord> {
        self.proving.word(term).or_else(|| self.roster.reign_word(term))
    }

    /// The key of the host of this term, as far as it is known here.
    pub(super) fn host_key(&self, term: Term) -> Option<PublicKey> {
        let own = (term.host == self.me.id).then(|| self.me.key.public());
        let known = || self.known_word(term).map(|word| word.key);
        own.or_else(known).filter(|key| key.id() == term.host)
    }

    /// Where the world of a tick comes from, should it be handed over one day.
    pub fn origin_of(&self, tick: &TickPacket) -> Option<Origin> {
        let session = tick.passed.map(|passed| passed.session).or(self.session_id)?;
        let proof = tick.proof.clone();
        (!proof.is_none()).then_some(Origin { session, ends: tick.ends, key: None, proof })
    }

    /// Gives a player that has come in what it can check short words of this node with.
    pub(super) fn give_token(&mut self, now: Instant, to: NodeId) {
        let plays = |peer: &&Peer| peer.role.plays() && self.me.role.plays();
        let Some(peer) = self.mesh.peer(to).filter(plays) else { return };
        let token = self.proving.token_for(to, peer.incarnation);
        self.send(now, to, Delivery::Link, &Message::Token(token));
    }

    /// Adds the word of a host to what is said of its reign, and its key to what is handed over of it.
    pub(super) fn with_word(&self, mut packet: Packet) -> Packet {
        match &mut packet {
            Packet::Rival { term, word }
            | Packet::Stale { promised: term, word, .. }
            | Packet::Verdict { judge: term, word, .. }
            | Packet::Ends { new: term, word, .. } => {
                *word = self.reign_word(*term);
            }
            Packet::Ok(OkPacket { answer: Answer::Follow { worlds, .. }, .. }) => {
                for copy in worlds {
                    let key = self.host_key(copy.mark.clock.term);
                    if let Some(origin) = &mut copy.origin {
                        origin.key = key;
                    }
                }
            }
            _ => {}
        }
        packet
    }

    /// Whether the host of this term itself says so, be it by way of others. What is said without its word
    /// says nothing, and what is said with another's is refused. What comes from the host needs no check,
    /// which would cost more than all else that a new reign does: it is sealed, and its word is checked
    /// when it is [shown to others](Self::reign_word).
    pub(super) fn is_reign(
        &mut self,
        now: Instant,
        from: NodeId,
        term: Term,
        word: Option<ReignWord>,
    ) -> bool {
        if self.tuning.has(Mutant::TrustsRumours) {
            return true;
        }
        let Some(word) = word else { return term.host == from };
        let known = self.proving.word(term);
        if known == Some(word) {
            return true;
        }
        if term.host == from {
            if known.is_none() {
                self.proving.remember(term, word);
            }
            return true;
        }
        // Of whoever forged one nothing is checked for a while: checks are what a flood of them would cost.
        let genuine = !self.proving.mistrusts(now, from) && word.check(term).is_ok();
        match genuine {
            true => self.proving.remember(term, word),
            false => {
                self.refuse(now, from, "a reign that its host did not sign");
                self.proving.mistrust(now, from);
            }
        }
        genuine
    }
}
