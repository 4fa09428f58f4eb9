//! What a host says of its worlds, so that nobody else can say it.
//!
//! What comes from the host itself comes sealed, and needs no more. A world that comes through third hands,
//! because somebody passes ticks on or brings a world along in an election, is believed if its host has said
//! that it made it, in one of two ways:
//!
//! - *signed*, for everybody: 64 bytes, 29 µs, and 64 µs to check. The host signs the first tick of its reign,
//!   every [`SIGNED_EVERY`]th of sixty a second, and each one while somebody gets its ticks through third hands: of those who
//!   [hand ticks down](super::tree) only they get that;
//! - *tagged*, for one node: three bytes, made with the [token](crate::keys::Token) that the host gave that
//!   node when they were linked. Each tick has tags for the [`HEIRS_MAX`] nodes that will ask for the crown
//!   first if this host is lost, and everybody but the heir itself gets them: whatever tick anybody was
//!   the only one to get, the heir can check it.
//!
//! Both are about a [`Claim`]: the session, the term, the tick, what the host says of its reign, and the
//! world's encoding.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::Duration,
};

use super::{
    message::{Ends, Origin, Proof, TickPacket, WorldMark},
    reign::ReignWord,
};
use crate::{
    game::Rate,
    keys::{Chance, Forged, PublicKey, SecretKey, Signature, Subject, Tag, Token, WorldDigest},
    types::{Clock, Incarnation, Instant, NodeId, SessionId, Term},
};

/// How often a host signs its tick, in sixtieths of a second: half of one, two bytes a tick in the mean.
pub const SIGNED_EVERY: u64 = 32;

/// Where ticks are rare it signs one of so many at most: it has four times the bytes of an idle one.
const SIGNED_TICKS_MIN: u64 = 10;

/// How many nodes each tick has a tag for: whoever ranks highest, and who comes after it, should both the
/// host and that one be lost.
pub const HEIRS_MAX: usize = 2;

/// The most tokens kept.
const TOKENS_MAX: usize = 256;

/// In how many ticks of its reign, the first ones, a host gives its word for it: whoever follows it can show
/// that to others, though the roster may never come.
pub const WORD_TICKS: u64 = 8;

/// The most words of hosts kept.
const WORDS_MAX: usize = 16;

/// How long nobody believes a node any more that has passed on what its host never made.
const MISTRUSTED: Duration = Duration::from_secs(10);

/// For how many ticks a host says which term it ended, where there are sixty a second: ten seconds. By then whoever
/// followed that one has lost its host, or has a living one, and the two meet.
const ENDS_TOLD_TICKS: u64 = 600;

/// What a host says of one state of its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which session it is of.
    pub session: SessionId,
    /// Which state it is, and when its reign began.
    pub mark: WorldMark,
    /// Which reign it ended, as long as that is said.
    pub ends: Ends,
    /// The world's encoding.
    pub digest: WorldDigest,
}

impl Claim {
    /// Signs it, as the host.
    pub fn sign(&self, key: &SecretKey) -> Signature {
        key.sign(Subject::World, &[&self.bytes()])
    }

    /// Checks that the host of its term signed it.
    ///
    /// # Errors
    /// [`Forged`] when it did not.
    pub fn check(&self, key: &PublicKey, signature: &Signature) -> Result<(), Forged> {
        match key.id() == self.mark.clock.term.host {
            true => key.verify(Subject::World, &[&self.bytes()], signature),
            false => Err(Forged),
        }
    }

    /// The short word for whoever has this token.
    pub fn tag(&self, token: &Token) -> Tag {
        token.tag(&self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { session, mark, ends, digest } = self;
        let mut bytes = session.0.as_bytes().to_vec();
        let mut write = |term: Term| {
            bytes.extend(term.epoch.0.to_be_bytes());
            bytes.extend(term.host.as_u128().to_be_bytes());
            bytes.extend(term.incarnation.0.to_be_bytes());
        };
        write(mark.clock.term);
        ends.term().into_iter().for_each(&mut write);
        bytes.push(match ends {
            Ends::Nothing => 0,
            Ends::CarriesOn(_) => 1,
            Ends::Beats(_) => 2,
        });
        bytes.extend(mark.clock.tick.0.to_be_bytes());
        bytes.extend(mark.began.0.to_be_bytes());
        bytes.extend(digest.0);
        bytes
    }
}

/// Which reign a host says to have ended: where ticks are rarer, in fewer of them.
pub fn ends_to_tell(rate: Rate, ends: Ends, mark: WorldMark) -> Ends {
    match mark.clock.tick.0.saturating_sub(mark.began.0) < rate.ticks_in(ENDS_TOLD_TICKS) {
        true => told_ends(ends, mark),
        false => Ends::Nothing,
    }
}

/// Which reign a tick can say to have ended: it is said for a while.
pub fn told_ends(ends: Ends, mark: WorldMark) -> Ends {
    match mark.clock.tick.0.saturating_sub(mark.began.0) < ENDS_TOLD_TICKS {
        true => ends,
        false => Ends::Nothing,
    }
}

/// What a host says of one tick, to all of its receivers.
#[derive(Clone, Debug, Default)]
pub struct Vouched {
    signature: Option<Signature>,
    /// It is for all, and not only for those who hand ticks down.
    for_all: bool,
    tags: Vec<(NodeId, Tag)>,
}

impl Vouched {
    /// The part for everybody who plays, or for everybody who watches.
    pub fn signature(&self, watch: bool) -> Option<Signature> {
        self.signature.filter(|_| self.for_all || watch)
    }

    /// The tags for the heirs, but for the receiver.
    pub fn tags_for(&self, to: NodeId) -> impl Iterator<Item = Tag> {
        self.tags.iter().filter(move |(heir, _)| *heir != to).map(|(_, tag)| *tag)
    }
}

/// What tokens are made of. It is never shown.
#[derive(Clone)]
struct Secret([u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a node needs to vouch for its own worlds and to believe those of others.
#[derive(Clone, Debug)]
pub struct Proving {
    /// After how many ticks this node signs one again.
    signed_every: u64,
    /// What this node's own tokens are made of.
    secret: Secret,
    /// Those that others gave to this node.
    tokens: BTreeMap<NodeId, (Incarnation, Token)>,
    /// Until when somebody may get this host's ticks through third hands.
    passed_until: Instant,
    /// The words of hosts that were heard lately, the newest last.
    words: VecDeque<(Term, ReignWord)>,
    /// Who has passed on what no host made, and when.
    mistrusted: BTreeMap<NodeId, Instant>,
}

impl Proving {
    /// With a secret that nobody can guess.
    pub fn new(rate: Rate, chance: &mut Chance) -> Self {
        Self {
            signed_every: rate.ticks_in(SIGNED_EVERY).max(SIGNED_TICKS_MIN),
            secret: Secret(chance.bytes()),
            tokens: BTreeMap::new(),
            passed_until: Instant::default(),
            words: VecDeque::new(),
            mistrusted: BTreeMap::new(),
        }
    }

    /// What this node gives to this life of another.
    pub fn token_for(&self, id: NodeId, incarnation: Incarnation) -> Token {
        Token::new(&self.secret.0, id, incarnation)
    }

    /// What another one gave to this node. Those of nodes that are not linked give way.
    pub fn keep(
        &mut self,
        from: (NodeId, Incarnation),
        token: Token,
        is_linked: impl Fn(NodeId) -> bool,
    ) {
        if self.tokens.len() >= TOKENS_MAX {
            self.tokens.retain(|id, _| is_linked(*id));
        }
        if self.tokens.len() < TOKENS_MAX || self.tokens.contains_key(&from.0) {
            self.tokens.insert(from.0, (from.1, token));
        }
    }

    /// Something came through third hands: whoever sent it gets the ticks that way, too.
    pub fn passed(&mut self, until: Instant) {
        self.passed_until = self.passed_until.max(until);
    }

    /// What this node, which is the host, says of a tick; `heirs` come first if it is lost, and some who watch may hand
    /// it `down` to others.
    pub fn vouch(
        &self,
        now: Instant,
        key: &SecretKey,
        claim: &Claim,
        heirs: &[(NodeId, Incarnation)],
        down: bool,
    ) -> Vouched {
        let WorldMark { clock, began } = claim.mark;
        let for_all = clock.tick.0.is_multiple_of(self.signed_every)
            || clock.tick.0 <= began.0.saturating_add(1)
            || now < self.passed_until;
        let tag =
            |(id, life): &(NodeId, Incarnation)| (*id, claim.tag(&self.token_for(*id, *life)));
        Vouched {
            signature: (for_all || down).then(|| claim.sign(key)),
            for_all,
            tags: heirs.iter().take(HEIRS_MAX).map(tag).collect(),
        }
    }

    /// Whether the host of this world has said that it made it.
    pub fn is_shown(&self, claim: &Claim, origin: &Origin) -> bool {
        let term = claim.mark.clock.term;
        let token = self.tokens.get(&term.host).filter(|(life, _)| *life == term.incarnation);
        let tagged = token.is_some_and(|(_, token)| {
            origin.proof.tags.iter().take(HEIRS_MAX).any(|tag| *tag == claim.tag(token))
        });
        let signature = origin.proof.signature;
        tagged
            || signature.zip(origin.key).is_some_and(|(word, key)| claim.check(&key, &word).is_ok())
    }

    /// A host gave its word for this reign: it was checked, or came from that host.
    pub fn remember(&mut self, term: Term, word: ReignWord) {
        self.words.retain(|(known, _)| *known != term);
        if self.words.len() >= WORDS_MAX {
            self.words.pop_front();
        }
        self.words.push_back((term, word));
    }

    /// The word for this reign, if it is remembered.
    pub fn word(&self, term: Term) -> Option<ReignWord> {
        self.words.iter().find(|(known, _)| *known == term).map(|(_, word)| *word)
    }

    /// A node has passed on what no host made, or has told of a reign that never was.
    pub fn mistrust(&mut self, now: Instant, id: NodeId) {
        self.mistrusted.retain(|_, at| now.since(*at) < MISTRUSTED);
        if self.mistrusted.len() < TOKENS_MAX {
            self.mistrusted.entry(id).or_insert(now);
        }
    }

    /// Whether that was lately.
    pub fn mistrusts(&self, now: Instant, id: NodeId) -> bool {
        self.mistrusted.get(&id).is_some_and(|at| now.since(*at) < MISTRUSTED)
    }
}

impl TickPacket {
    /// The tick of this state, with nothing in it yet.
    pub fn of(mark: WorldMark, ends: Ends) -> Self {
        let WorldMark { clock: Clock { term, tick }, began } = mark;
        Self {
            term,
            ends,
            began,
            tick,
            heard: 0,
            carried: None,
            state: None,
            proof: Proof::default(),
            word: None,
            passed: None,
        }
    }

    /// Which state it is, and when its reign began.
    pub fn mark(&self) -> WorldMark {
        let clock = Clock { term: self.term, tick: self.tick };
        WorldMark { clock, began: self.began }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::message::Proof,
        types::{Epoch, Tick},
    };

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    fn claim(tick: u64) -> Claim {
        let host = key(1).public().id();
        let term = Term { epoch: Epoch(3), host, incarnation: Incarnation(8) };
        let mark = WorldMark { clock: Clock { term, tick: Tick(tick) }, began: Tick(1_000) };
        let digest = WorldDigest::of(b"a world");
        Claim { session: SessionId(uuid::Uuid::nil()), mark, ends: Ends::CarriesOn(term), digest }
    }

    fn proving(number: u8) -> Proving {
        Proving::new(Rate::USUAL, &mut Chance::new([number; 32]))
    }

    fn others(claim: Claim) -> Vec<Claim> {
        let WorldMark { clock, began } = claim.mark;
        let term = Term { epoch: Epoch(4), ..clock.term };
        let mark = |clock| WorldMark { clock, began };
        vec![
            Claim { session: SessionId(uuid::Uuid::max()), ..claim },
            Claim { ends: Ends::Nothing, ..claim },
            Claim { ends: Ends::Beats(clock.term), ..claim },
            Claim { digest: WorldDigest::of(b"another world"), ..claim },
            Claim { mark: mark(Clock { tick: Tick(clock.tick.0 + 1), ..clock }), ..claim },
            Claim { mark: mark(Clock { term, ..clock }), ..claim },
            Claim { mark: WorldMark { began: Tick(999), clock }, ..claim },
        ]
    }

    #[test]
    fn what_a_host_signed_is_that_and_nothing_else() {
        let claim = claim(1_056);
        let word = claim.sign(&key(1));
        assert_eq!(claim.check(&key(1).public(), &word), Ok(()));
        assert_eq!(claim.check(&key(2).public(), &word), Err(Forged));
        assert_eq!(claim.check(&key(2).public(), &claim.sign(&key(2))), Err(Forged));
        for other in others(claim) {
            assert_eq!(other.check(&key(1).public(), &word), Err(Forged), "{other:?}");
        }
    }

    #[test]
    fn an_heir_can_check_each_tick_that_anybody_hands_over_and_others_cannot() {
        let (host, mut heir, mut other) = (proving(1), proving(2), proving(3));
        let ids = [7, 9].map(|id| (NodeId::from_u128(id), Incarnation(id as u64)));
        let from = (key(1).public().id(), Incarnation(8));
        heir.keep(from, host.token_for(ids[0].0, ids[0].1), |_| true);
        other.keep(from, host.token_for(NodeId::from_u128(11), Incarnation(11)), |_| true);
        for tick in 1_050..1_090 {
            let claim = claim(tick);
            let vouched = host.vouch(Instant(1), &key(1), &claim, &ids, false);
            let signed = tick % SIGNED_EVERY == 0;
            assert_eq!(vouched.signature(false).is_some(), signed);
            assert_eq!(vouched.tags_for(ids[0].0).count(), 1, "nobody carries its own");
            let proof = Proof { signature: None, tags: vouched.tags_for(ids[1].0).collect() };
            let (session, ends, key) = (claim.session, claim.ends, None);
            let origin = Origin { session, ends, key, proof };
            assert!(heir.is_shown(&claim, &origin));
            assert!(!other.is_shown(&claim, &origin));
            for claim in others(claim) {
                assert!(!heir.is_shown(&claim, &origin), "{claim:?}");
            }
            let reborn = Proving { tokens: BTreeMap::new(), ..proving(2) };
            assert!(!reborn.is_shown(&claim, &origin));
        }
    }

    #[test]
    fn each_tick_is_signed_while_somebody_gets_them_through_third_hands() {
        let mut host = proving(1);
        let signed = |host: &Proving, now, tick| {
            host.vouch(Instant(now), &key(1), &claim(tick), &[], false).signature(false).is_some()
        };
        assert!(signed(&host, 0, 1_001), "the first of the reign");
        assert!(!signed(&host, 0, 1_057));
        host.passed(Instant(500));
        assert!(signed(&host, 499, 1_057) && !signed(&host, 500, 1_057));
    }

    #[test]
    fn while_some_hand_ticks_down_each_is_signed_for_those_who_watch_and_for_nobody_else() {
        let vouched = proving(1).vouch(Instant(0), &key(1), &claim(1_057), &[], true);
        assert!(vouched.signature(true).is_some() && vouched.signature(false).is_none());
    }

    #[test]
    fn tokens_of_strangers_do_not_pile_up() {
        let mut node = proving(1);
        let token = |id| proving(2).token_for(NodeId::from_u128(id), Incarnation(1));
        for id in 0..10_000 {
            let linked = |id: NodeId| id.as_u128() < 5;
            node.keep((NodeId::from_u128(id), Incarnation(1)), token(id), linked);
        }
        assert!(node.tokens.len() <= TOKENS_MAX);
        assert!((0..5).all(|id| node.tokens.contains_key(&NodeId::from_u128(id))));
    }
}
