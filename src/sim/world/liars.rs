//! Members whose programs were modified: what they say of the worlds and reigns of others is not so.
//!
//! A liar plays like anybody. But whenever it would answer an ask with the world that it holds, it brings
//! another one along; what it passes on between two others it alters; and now and then it tells of a reign that
//! never was. It has one key, its own, and all that a member hears. What has left in a frame of a link is not
//! altered, since frames are counted.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::World;
use crate::{
    cluster::{
        coding,
        election::Newest as _,
        message::{
            Answer, Message, OkPacket, Origin, Packet, Passed, Payload, Proof, RelayPacket,
            TickPacket, Word, WorldCopy,
        },
        proof::Claim,
        reign::ReignWord,
    },
    config::Form,
    game::{Game, News},
    io::Effect,
    keys::{SecretKey, WorldDigest},
    mesh::Delivery,
    node::Node,
    replica::snapshot,
    sim::network::Place,
    types::{Clock, Epoch, Term, Tick},
};

/// How many of a liar's controls are left out, and a reign is told of in their place: one of so many.
const RUMOUR_EVERY: u64 = 16;

/// Who lies, and what is to be said yet.
#[derive(Clone, Debug, Default)]
pub struct Liars {
    who: BTreeSet<Place>,
    due: VecDeque<(Place, Place, Message)>,
    lying: bool,
    /// In place of worlds it brings word that the lost host lives, or, if so, that it takes over itself.
    pub holds_up: Option<bool>,
    /// How many worlds were invented, how many ticks altered, and how many reigns told of.
    pub told: [u64; 3],
}

impl Liars {
    /// Whether this one lies.
    pub(super) fn who(&self, place: Place) -> bool {
        self.who.contains(&place)
    }
}

impl<G: Game> World<G> {
    /// From here on somebody lies.
    pub fn pervert(&mut self, place: Place) {
        self.liars.who.insert(place);
        if let Some(node) = &mut self.machines[place].node {
            node.stay_legible();
        }
        self.note(place, "lies from here on");
    }

    /// From here on somebody gives itself what no rule gives, whenever it hosts.
    pub fn meddle(&mut self, place: Place) {
        self.meddlers.insert(self.id(place));
        if let Some(node) = &mut self.machines[place].node {
            node.meddle(self.favour);
        }
        self.note(place, "plays by its own rules from here on");
    }

    /// Nobody lies any more.
    pub fn set_right(&mut self) {
        self.liars.who.clear();
    }

    /// Whether something else is said in place of this.
    pub(super) fn lies(&mut self, by: Place, effect: &Effect) -> bool {
        if self.liars.lying || !self.liars.who.contains(&by) {
            return false;
        }
        let Effect::Packet { to, bytes, .. } = effect else { return false };
        let (Some(to), Some(node)) = (self.lives_at(*to), self.node(by)) else { return false };
        let Some((kind, body)) = node.cluster().read(bytes).and_then(<[u8]>::split_first) else {
            return false;
        };
        let Some(whom) = self.node(to) else { return false };
        let life = |node: &Node<G>| (node.me(), node.cluster().me().incarnation);
        let body = Bytes::copy_from_slice(body);
        let Ok(said) = coding::decode(*kind, body, life(node), life(whom)) else { return false };
        let Some(lie) = self.lie(by, said) else { return false };
        self.liars.due.push_back((by, to, lie));
        true
    }

    /// Says what is to be said yet.
    pub(super) fn utter_lies(&mut self) {
        if std::mem::replace(&mut self.liars.lying, true) {
            return;
        }
        while let Some((by, to, lie)) = self.liars.due.pop_front() {
            if let Some((kind, body)) = coding::encode(&lie) {
                self.utter(by, to, Delivery::Datagram, kind, &body);
            }
        }
        self.liars.lying = false;
    }

    fn lie(&mut self, by: Place, said: Message) -> Option<Message> {
        let (kind, packet) = match said {
            Message::Packet(Packet::Ok(OkPacket {
                answer: Answer::Follow { .. },
                round,
                floor,
                ..
            })) => {
                let answer = match self.liars.holds_up {
                    None => self.invented(by)?,
                    Some(true) => Answer::TakingOver,
                    Some(false) => {
                        let Clock { term, tick } = self.node(by)?.replica().clock()?;
                        Answer::Lives { clock: Clock { term, tick: Tick(tick.0 + 100) } }
                    }
                };
                (0, Packet::Ok(OkPacket { round, floor, answer }))
            }
            Message::Packet(Packet::Relay(relay)) => (1, Packet::Relay(self.altered(by, relay)?)),
            Message::Packet(Packet::Down(tick)) => {
                (1, Packet::Down(self.invented_below(by, &tick)?))
            }
            Message::Packet(Packet::Controls(controls))
                if self.draw().is_multiple_of(RUMOUR_EVERY) =>
            {
                (2, self.rumour(by, controls.term))
            }
            _ => return None,
        };
        self.liars.told[kind] += 1;
        Some(Message::Packet(packet))
    }

    /// An answer with a world in which there is more than there was, and that nobody made.
    fn invented(&mut self, by: Place) -> Option<Answer> {
        let chance = self.draw();
        let key = self.machines[by].key.clone();
        let node = self.node(by)?;
        let (mark, state) = node.replica().mark().zip(node.replica().state())?;
        let mut state = (**state).clone();
        let ahead = 1 + chance % 100;
        for number in 0..ahead {
            let stamp = u32::MAX - 200 + number as u32;
            let pressed =
                self.press.and_then(|press| press((None, node.me()), chance, stamp, true).0);
            let pressed = pressed.unwrap_or_default();
            G::step(&mut state.world, &[News::Controls(node.me(), pressed)], &mut Vec::new());
        }
        state.happened += 1_000;
        let mut mark = mark;
        mark.clock.tick.0 += ahead;
        let signed = node.replica().copies(None).pop();
        let session = node.cluster().ledger().session();
        let life = node.cluster().me().incarnation;
        let mut origin = signed.as_ref().and_then(|copy| copy.origin.clone());
        let (mut signs, mut old) = (None, None);
        match chance >> 8 & 7 {
            0 => origin = None,
            1 => {} // the host's word for another of its worlds
            2 => old = signed.map(|copy| copy.sync_gamestate), // an old one, as if it were new
            3 | 4 => {
                // A reign of its own, or of a key that nobody has.
                let nobody = SecretKey::from_bytes(&[chance as u8; 32]);
                let key = if chance >> 8 & 1 == 0 { key } else { nobody };
                let Epoch(epoch) = mark.clock.term.epoch;
                mark.clock.term =
                    Term { epoch: Epoch(epoch + 3), host: key.public().id(), incarnation: life };
                mark.began = Tick(mark.clock.tick.0 - 1);
                signs = Some((key.public(), key));
            }
            _ => {
                // In the host's name, with its own hand.
                let host = mark.clock.term.host;
                let place = (0..self.count()).find(|place| self.id(*place) == host)?;
                signs = Some((self.key(place), key));
            }
        }
        let bytes = postcard::to_stdvec(&state).ok()?;
        if let Some((of, with)) = signs {
            let ends = Default::default();
            let claim = Claim { session, mark, ends, digest: WorldDigest::of(&bytes) };
            let tags = vec![[1, 2, 3], [chance as u8; 3]];
            let proof = Proof { signature: Some(claim.sign(&with)), tags };
            origin = Some(Origin { session, ends, key: Some(of), proof });
        }
        let sync_gamestate = old.unwrap_or_else(|| Payload::from(bytes));
        let copy = WorldCopy { mark, sync_gamestate, origin };
        Some(Answer::Follow { world: Some(mark), worlds: vec![copy] })
    }

    /// A tick of the host, with another world, or of another number.
    fn altered(&mut self, by: Place, relay: RelayPacket) -> Option<RelayPacket> {
        let chance = self.draw();
        let node = self.node(by)?;
        let (Packet::Tick(tick), Word::Tick(passed, word)) = (&*relay.packet, &relay.word) else {
            return None;
        };
        let clock = Clock { term: tick.term, tick: tick.tick };
        let mut state = (**node.replica().held(clock)?).clone();
        G::step(&mut state.world, &[], &mut Vec::new());
        state.happened += 1_000;
        let (hash, digest) = state.hash_and_digest();
        let ahead = if chance % 3 == 1 { 1 + chance % 20 } else { 0 };
        let clock = Clock { tick: Tick(clock.tick.0 + ahead), ..clock };
        let payload = snapshot::encode::<G>(Form::Binary, clock, &state, hash, None, &[]);
        let tick = TickPacket { tick: clock.tick, state: payload, ..tick.clone() };
        let passed = if chance % 3 == 2 { Passed { digest, ..*passed } } else { *passed };
        let word = Word::Tick(passed, *word);
        Some(RelayPacket { packet: Box::new(Packet::Tick(tick)), word, ..relay })
    }

    /// A tick that is handed down, with another world, in another reign, or without a word of its host.
    fn invented_below(&mut self, by: Place, tick: &TickPacket) -> Option<TickPacket> {
        let chance = self.draw();
        let key = self.machines[by].key.clone();
        let node = self.node(by)?;
        let session = node.cluster().ledger().session();
        let clock = Clock { term: tick.term, tick: tick.tick };
        let mut state = (**node.replica().held(clock)?).clone();
        G::step(&mut state.world, &[], &mut Vec::new());
        state.happened += 1_000;
        let (hash, digest) = state.hash_and_digest();
        let mut tick = tick.clone();
        match chance % 4 {
            0 => tick.proof.signature = None,
            1 => {} // the host's word for the world that it was
            2 => tick.term.epoch.0 += 1 + chance % 3, // a later reign of the host
            _ => {
                // A reign of its own, and it has signed what it makes there.
                let (host, epoch) = (key.public().id(), Epoch(tick.term.epoch.0 + 1));
                tick.term = Term { epoch, host, incarnation: node.cluster().me().incarnation };
                tick.word = Some(ReignWord::give(&key, tick.term)).filter(|_| chance >> 8 & 1 == 0);
                let claim = Claim { session, mark: tick.mark(), ends: tick.ends, digest };
                tick.proof.signature = Some(claim.sign(&key));
            }
        }
        let clock = Clock { term: tick.term, tick: tick.tick };
        tick.state = snapshot::encode::<G>(Form::Binary, clock, &state, hash, None, &[]);
        Some(tick)
    }

    /// Something about a reign that never was.
    fn rumour(&mut self, by: Place, real: Term) -> Packet {
        let chance = self.draw();
        let key = self.machines[by].key.clone();
        let nobody = SecretKey::from_bytes(&[chance as u8; 32]).public();
        let epoch = Epoch(real.epoch.0 + 1 + chance % 5);
        let term = Term { epoch, host: nobody.id(), ..real };
        let word = ReignWord { key: nobody, ..ReignWord::give(&key, term) };
        let said = Some(word).filter(|_| chance >> 8 & 1 == 0);
        match chance >> 9 & 3 {
            0 => Packet::Rival { term, word: said },
            1 => Packet::Reign { term, word },
            alive => Packet::Stale { promised: term, word: said, alive: alive == 2 },
        }
    }
}
