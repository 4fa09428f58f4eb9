//! How two nodes agree upon keys, and how all they say to each other is sealed with them.
//!
//! A link begins with a handshake: Noise, pattern XX (noiseprotocol.org, by `snow`), three messages. In it
//! each side shows that it has the key that its [id](crate::types::NodeId) comes from: it signs the key
//! that it agrees with, drawn for one life, together with that life's number. In a locked session what
//! the passphrase comes to is mixed in before anything else (`psk0`), so whoever does not know it is
//! turned away before a curve is computed.
//!
//! What comes of it is a [`Channel`]: two keys, one for each direction, known to these two nodes alone.
//! Frames of the link and datagrams are sealed with the same ones (ChaCha20-Poly1305) under numbers that
//! never meet:
//!
//! ```text
//! frame     u32 length, pieces of at most 65,519 bytes, each sealed by itself under the numbers 0, 1, 2...
//! datagram  u16 index, u16 number, sealed under 2^63 + the whole number, from 1
//! ```
//!
//! The index is chosen by whoever receives, at random from 2^15 up, and stands for the channel. Of a
//! datagram's number the low half is sent: the rest follows from those that came before (RFC 9000, A.3).
//! A number that has come is not taken again, nor is one that lies [`WINDOW`] behind the highest (RFC
//! 6479).

use std::{fmt, sync::Arc};

use bytes::{BufMut as _, Bytes, BytesMut};
use snow::{
    Builder, Error, HandshakeState, StatelessTransportState,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::{CryptoResolver, DefaultResolver, RingResolver},
    types::{Cipher, Dh, Hash, Random},
};

use crate::{
    keys::{Chance, Forged, Lock, PublicKey, SecretKey, Signature, Subject},
    types::{Incarnation, NodeId},
    wire::{FRAME_BYTES_MAX, PIECE_BYTES, SEAL_BYTES, TooLong},
};

const OPEN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
const LOCKED: &str = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s";

/// The longest message of a handshake.
const MESSAGE_BYTES_MAX: usize = 2_048;

/// The lowest index: no beacon begins so.
pub const INDEX_MIN: u16 = 1 << 15;

/// Datagrams are numbered from here on, frames from 0.
const DATAGRAMS_FROM: u64 = 1 << 63;

/// How far behind the highest number a datagram may come.
pub const WINDOW: u64 = 1_024;

/// How much room is made at a time for datagrams that are to leave: a tick for a thousand.
const INK_BYTES: usize = 64 << 10;

/// The key that a node agrees upon others with, drawn anew for each life of it, and its word that it
/// is its own.
#[derive(Clone)]
pub struct LifeKey {
    private: [u8; 32],
    proof: Signature,
}

impl LifeKey {
    /// One for this life of whoever has `key`.
    pub fn draw(key: &SecretKey, incarnation: Incarnation, chance: &mut Chance) -> Self {
        let drawn = OPEN.parse().ok().and_then(|pattern| {
            Builder::with_resolver(pattern, Box::new(Resolver::new(chance))).generate_keypair().ok()
        });
        let (private, public) = drawn.map(|pair| (pair.private, pair.public)).unwrap_or_default();
        Self {
            private: private.first_chunk().copied().unwrap_or_default(),
            proof: key.sign(Subject::Life, &[&public, &incarnation.0.to_be_bytes()]),
        }
    }

    /// Its owner's word.
    pub fn proof(&self) -> Signature {
        self.proof
    }
}

impl fmt::Debug for LifeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LifeKey")
    }
}

/// One side of a handshake under way.
///
/// It may be cloned like the rest of a node. What `snow` holds of it cannot be, but follows from how it began
/// and what was written and read since: so a clone goes through that once more.
pub struct Handshake {
    /// None: it came to nothing, and nothing can be made of it.
    state: Option<Box<HandshakeState>>,
    began: Box<Beginning>,
    steps: Vec<Step>,
}

/// How a handshake began.
#[derive(Clone)]
struct Beginning {
    private: [u8; 32],
    lock: Option<Lock>,
    about: Vec<u8>,
    chance: [u8; 32],
    dials: bool,
}

/// What has come of it so far.
#[derive(Clone)]
enum Step {
    Wrote(Vec<u8>),
    Read(Vec<u8>),
}

impl Beginning {
    fn state(&self) -> Option<Box<HandshakeState>> {
        let pattern = if self.lock.is_some() { LOCKED } else { OPEN };
        let resolver = Resolver { seed: self.chance };
        let builder = Builder::with_resolver(pattern.parse().ok()?, Box::new(resolver));
        let builder = builder.local_private_key(&self.private);
        let mut builder = builder.and_then(|b| b.prologue(&self.about)).ok()?;
        if let Some(lock) = &self.lock {
            builder = builder.psk(0, lock.link()).ok()?;
        }
        let dials = self.dials;
        let state = if dials { builder.build_initiator() } else { builder.build_responder() };
        state.ok().map(Box::new)
    }
}

impl Clone for Handshake {
    fn clone(&self) -> Self {
        let (state, began) = (self.began.state(), self.began.clone());
        let mut clone = Self { state, began, steps: Vec::new() };
        for step in &self.steps {
            let done = match step {
                Step::Wrote(said) => clone.write(said).is_some(),
                Step::Read(message) => clone.read(message).is_ok(),
            };
            if !done {
                clone.state = None;
            }
        }
        clone
    }
}

impl Handshake {
    /// Begins one with this key, as whoever dials or as whoever was dialled. It succeeds where both sides
    /// have the same lock, and say that it is about the same.
    pub fn new(
        life: &LifeKey,
        lock: Option<&Lock>,
        about: &[u8],
        chance: &mut Chance,
        dials: bool,
    ) -> Option<Self> {
        let (private, lock, about) = (life.private, lock.cloned(), about.to_vec());
        let chance = chance.bytes();
        let began = Box::new(Beginning { private, lock, about, chance, dials });
        Some(Self { state: Some(began.state()?), began, steps: Vec::new() })
    }

    /// The next message, with something in it.
    pub fn write(&mut self, said: &[u8]) -> Option<Vec<u8>> {
        let mut message = vec![0; MESSAGE_BYTES_MAX];
        let length = self.state.as_mut()?.write_message(said, &mut message).ok()?;
        message.truncate(length);
        self.steps.push(Step::Wrote(said.to_vec()));
        Some(message)
    }

    /// What is in the other side's next message.
    ///
    /// # Errors
    /// [`Forged`]: it is none, or whoever sent it does not know the passphrase.
    pub fn read(&mut self, message: &[u8]) -> Result<Vec<u8>, Forged> {
        let state = self.state.as_mut().ok_or(Forged)?;
        let mut said = vec![0; MESSAGE_BYTES_MAX];
        let message = Some(message).filter(|message| message.len() <= MESSAGE_BYTES_MAX);
        let message = message.ok_or(Forged)?;
        let length = state.read_message(message, &mut said).map_err(|_| Forged)?;
        said.truncate(length);
        self.steps.push(Step::Read(message.to_vec()));
        Ok(said)
    }

    /// Checks that whoever takes part on the other side is this life of whoever has `key`.
    ///
    /// # Errors
    /// [`Forged`]: it is somebody else.
    pub fn check(
        &self,
        key: &PublicKey,
        incarnation: Incarnation,
        proof: &Signature,
    ) -> Result<(), Forged> {
        let theirs = self.state.as_ref().and_then(|it| it.get_remote_static()).ok_or(Forged)?;
        key.verify(Subject::Life, &[theirs, &incarnation.0.to_be_bytes()], proof)
    }

    /// The channel that was agreed upon with `peer`, which wants its datagrams to begin with `index`.
    /// None: the handshake is not over.
    pub fn channel(self, (peer, life): (NodeId, Incarnation), index: u16) -> Option<Channel> {
        // Whoever dialled has said the last word, and cannot know yet whether it has come.
        let state = self.state?;
        let mutual = !state.is_initiator();
        let keys = Arc::new(state.into_stateless_transport_mode().ok()?);
        Some(Channel {
            peer,
            life,
            index,
            mutual,
            keys,
            sealed: 0,
            opened: 0,
            sent: 0,
            window: Window::default(),
        })
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake")
    }
}

/// What two nodes share that nobody else knows.
#[derive(Clone)]
pub struct Channel {
    /// With whom.
    pub peer: NodeId,
    /// In which of its lives: what comes by a channel is said in that one.
    pub life: Incarnation,
    /// What the other side's datagrams begin with.
    index: u16,
    /// The other side has the keys, too.
    mutual: bool,
    /// They never change: how many messages they have sealed is counted beside them.
    keys: Arc<StatelessTransportState>,
    /// How many pieces of frames were sealed here, and opened.
    sealed: u64,
    opened: u64,
    /// How many datagrams were sent.
    sent: u64,
    window: Window,
}

impl Channel {
    /// Whether the other side is known to have the keys, too: something of it has come.
    pub fn is_mutual(&self) -> bool {
        self.mutual
    }

    /// A frame, as it goes over the link.
    ///
    /// # Errors
    /// [`TooLong`] above [`FRAME_BYTES_MAX`].
    pub fn seal_frame(&mut self, kind: u8, body: &[u8]) -> Result<Vec<u8>, TooLong> {
        let clear = [&[kind], body].concat();
        if clear.len() > FRAME_BYTES_MAX {
            return Err(TooLong { bytes: clear.len(), limit: FRAME_BYTES_MAX });
        }
        let pieces = clear.chunks(PIECE_BYTES - SEAL_BYTES);
        let length = clear.len() + pieces.len() * SEAL_BYTES;
        let mut frame = (length as u32).to_be_bytes().to_vec();
        for piece in pieces {
            self.seal(self.sealed, piece, &mut frame);
            self.sealed += 1;
        }
        Ok(frame)
    }

    /// What is in a frame: its kind, and what follows.
    ///
    /// # Errors
    /// [`Forged`]: the other side never sent it, or not as the next one.
    pub fn open_frame(&mut self, frame: &[u8]) -> Result<Vec<u8>, Forged> {
        let mut clear = Vec::with_capacity(frame.len());
        for piece in frame.chunks(PIECE_BYTES) {
            self.open(self.opened, piece, &mut clear)?;
            self.opened += 1;
        }
        self.mutual = true;
        Ok(clear)
    }

    /// A datagram.
    pub fn seal_datagram(&mut self, kind: u8, body: &[u8], ink: &mut Ink) -> Bytes {
        self.sent += 1;
        ink.clear.clear();
        ink.clear.push(kind);
        ink.clear.extend_from_slice(body);
        let sealed = ink.clear.len() + SEAL_BYTES;
        let out = ink.room_for(4 + sealed);
        out.put_u16(self.index);
        out.put_u16(self.sent as u16);
        out.put_bytes(0, sealed);
        self.seal_at(DATAGRAMS_FROM + self.sent, &ink.clear, &mut ink.sealed[4..]);
        ink.sealed.split().freeze()
    }

    /// What is in a datagram behind its index: its kind, and what follows.
    ///
    /// # Errors
    /// [`Forged`]: the other side never sent it, or it has come before, or far too late.
    pub fn open_datagram(&mut self, rest: &[u8]) -> Result<Vec<u8>, Forged> {
        let (low, sealed) = rest.split_first_chunk().ok_or(Forged)?;
        let number = self.window.whole(u16::from_be_bytes(*low));
        if !self.window.is_fresh(number) {
            return Err(Forged);
        }
        let mut clear = Vec::with_capacity(sealed.len());
        self.open(DATAGRAMS_FROM + number, sealed, &mut clear)?;
        self.window.note(number);
        self.mutual = true;
        Ok(clear)
    }

    /// From here on what has come would be taken again: a [deliberate bug](crate::config::Mutant).
    pub(super) fn forget_what_came(&mut self) {
        self.window.seen = Default::default();
    }

    fn seal(&self, number: u64, clear: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        out.resize(from + clear.len() + SEAL_BYTES, 0);
        self.seal_at(number, clear, &mut out[from..]);
    }

    fn seal_at(&self, number: u64, clear: &[u8], out: &mut [u8]) {
        let sealed = self.keys.write_message(number, clear, out);
        debug_assert!(sealed.is_ok(), "{sealed:?}");
        if sealed.is_err() {
            out.fill(0); // nothing that was not sealed leaves
        }
    }

    fn open(&self, number: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), Forged> {
        let from = out.len();
        out.resize(from + sealed.len(), 0); // it is opened in place, seal and all
        let length =
            self.keys.read_message(number, sealed, &mut out[from..]).map_err(|_| Forged)?;
        out.truncate(from + length);
        Ok(())
    }
}

/// Where datagrams are sealed: many share one piece of memory, which is used again when all of them have left.
#[derive(Clone, Debug, Default)]
pub struct Ink {
    clear: Vec<u8>,
    sealed: BytesMut,
}

impl Ink {
    /// Where so many bytes find room.
    fn room_for(&mut self, bytes: usize) -> &mut BytesMut {
        if self.sealed.capacity() < bytes {
            self.sealed.reserve(INK_BYTES.max(bytes));
        }
        &mut self.sealed
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel with {:?}", self.peer)
    }
}

/// Which datagrams have come.
#[derive(Clone, Debug, Default)]
struct Window {
    highest: u64,
    /// A bit for each of the last numbers, each where its remainder says.
    seen: [u64; (WINDOW / 64) as usize],
}

impl Window {
    /// The number that ends with `low`: the one that is nearest to the next.
    fn whole(&self, low: u16) -> u64 {
        const SPAN: u64 = 1 << 16;
        let next = self.highest + 1;
        let near = next & !(SPAN - 1) | u64::from(low);
        if near + SPAN / 2 <= next {
            near + SPAN
        } else if near > next + SPAN / 2 && near >= SPAN {
            near - SPAN
        } else {
            near
        }
    }

    fn bit(number: u64) -> (usize, u64) {
        ((number % WINDOW / 64) as usize, 1 << (number % 64))
    }

    fn is_fresh(&self, number: u64) -> bool {
        let (word, bit) = Self::bit(number);
        number > self.highest || number + WINDOW > self.highest && self.seen[word] & bit == 0
    }

    fn note(&mut self, number: u64) {
        for passed in (self.highest + 1..=number).rev().take(WINDOW as usize) {
            let (word, bit) = Self::bit(passed);
            self.seen[word] &= !bit;
        }
        self.highest = self.highest.max(number);
        let (word, bit) = Self::bit(number);
        self.seen[word] |= bit;
    }
}

/// Snow's own algorithms, but for the cipher: the one of `ring`, which seals a small datagram in a
/// fraction of the time; and chance that somebody brings.
struct Resolver {
    seed: [u8; 32],
}

impl Resolver {
    fn new(chance: &mut Chance) -> Self {
        Self { seed: chance.bytes() }
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Drawn(Chance::new(self.seed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        RingResolver.resolve_cipher(choice)
    }
}

struct Drawn(Chance);

impl Random for Drawn {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::identity::Identity;

    /// Both ends of a channel.
    fn agreed() -> (Channel, Channel) {
        agree(&Identity::numbered(1), &Identity::numbered(2)).unwrap()
    }

    fn agree(one: &Identity, other: &Identity) -> Result<(Channel, Channel), Forged> {
        let mut chance = Chance::new([5; 32]);
        let mut dials = one.handshake(&mut chance, true).unwrap();
        let mut answers = other.handshake(&mut chance, false).unwrap();
        assert_eq!(answers.read(&dials.write(b"").unwrap())?, b"");
        assert_eq!(dials.read(&answers.write(b"who I am").unwrap())?, b"who I am");
        dials.check(&other.key.public(), other.incarnation, &other.life.proof())?;
        assert_eq!(answers.read(&dials.write(b"and I").unwrap())?, b"and I");
        answers.check(&one.key.public(), one.incarnation, &one.life.proof())?;
        let index = INDEX_MIN + 7;
        let channels = dials
            .channel((other.id, other.incarnation), index)
            .zip(answers.channel((one.id, one.incarnation), index));
        channels.ok_or(Forged)
    }

    #[test]
    fn what_one_seals_the_other_opens_and_nobody_reads() {
        let (mut one, mut other) = agreed();
        for body in [&b""[..], b"a secret word", &vec![7; 70_000], &vec![8; FRAME_BYTES_MAX - 1]] {
            let frame = one.seal_frame(0x10, body).unwrap();
            assert!(!frame.windows(8).any(|bytes| body.len() > 8 && bytes == &body[..8]));
            assert_eq!(other.open_frame(&frame[4..]).unwrap(), [&[0x10], body].concat());
        }
        assert!(one.seal_frame(0x10, &vec![0; FRAME_BYTES_MAX]).is_err());
        let datagram = one.seal_datagram(0x11, b"a secret word", &mut Ink::default());
        assert!(!datagram.windows(6).any(|bytes| bytes == b"secret"));
        assert_eq!(datagram.len(), 21 + 13);
        assert_eq!(other.open_datagram(&datagram[2..]).unwrap(), b"\x11a secret word");
    }

    #[test]
    fn whoever_dialled_knows_that_the_other_one_has_the_keys_when_something_came() {
        let (mut dialled, mut answered) = agreed();
        assert!(answered.is_mutual() && !dialled.is_mutual());
        let said = answered.seal_datagram(0x11, b"said", &mut Ink::default());
        let mut altered = said.to_vec();
        altered[9] ^= 1;
        assert!(dialled.open_datagram(&altered[2..]).is_err() && !dialled.is_mutual());
        assert!(dialled.open_datagram(&said[2..]).is_ok() && dialled.is_mutual());
    }

    #[test]
    fn nothing_is_taken_that_was_altered_or_came_before_or_out_of_turn() {
        let (mut one, mut other) = agreed();
        let frames = [1, 2].map(|kind| one.seal_frame(kind, b"said").unwrap());
        assert_eq!(other.open_frame(&frames[1][4..]), Err(Forged), "it overtook another");
        assert!(other.open_frame(&frames[0][4..]).is_ok());
        assert_eq!(other.open_frame(&frames[0][4..]), Err(Forged), "it came before");
        let datagram = one.seal_datagram(0x11, b"said", &mut Ink::default());
        for at in 2..datagram.len() {
            let mut altered = datagram.to_vec();
            altered[at] ^= 1;
            assert_eq!(other.open_datagram(&altered[2..]), Err(Forged));
        }
        for length in 2..datagram.len() {
            assert_eq!(other.open_datagram(&datagram[2..length]), Err(Forged));
        }
        assert!(other.open_datagram(&datagram[2..]).is_ok());
        assert_eq!(other.open_datagram(&datagram[2..]), Err(Forged), "it came before");
        let back = one.open_datagram(&datagram[2..]);
        assert_eq!(back, Err(Forged), "it was not for whoever sent it");
    }

    #[test]
    fn datagrams_may_come_late_and_many_may_be_lost() {
        let (mut one, mut other) = agreed();
        let mut late = Vec::new();
        for number in 0..200_000_u64 {
            let datagram = one.seal_datagram(0x11, b"", &mut Ink::default());
            if number % 1_000 == 0 {
                late.push(datagram);
            } else if number % 7 == 0 || number > 150_000 && number % 30_000 == 1 {
                assert!(other.open_datagram(&datagram[2..]).is_ok(), "{number}");
            }
            if number % 1_000 == 1_000 - 10 {
                assert!(other.open_datagram(&late.pop().unwrap()[2..]).is_ok(), "{number}");
            }
        }
    }

    #[test]
    fn the_number_of_a_datagram_is_the_nearest_one() {
        for highest in [0_u64, 1, 30_000, 40_000, 65_535, 65_536, 100_000, 1 << 40] {
            let window = Window { highest, ..Window::default() };
            for number in highest.saturating_sub(20_000)..highest + 30_000 {
                assert_eq!(window.whole(number as u16), number, "behind {highest}");
            }
        }
    }

    #[test]
    fn who_does_not_know_the_passphrase_is_turned_away_at_the_first_word() {
        let locked = |secret: u8| Identity {
            lock: Some(Lock::from_secret(&[secret; 32])),
            ..Identity::numbered(1)
        };
        assert!(agree(&locked(1), &locked(1)).is_ok());
        let mut chance = Chance::new([5; 32]);
        for wrong in [locked(2), Identity::numbered(1)] {
            let mut dials = wrong.handshake(&mut chance, true).unwrap();
            let mut answers = locked(1).handshake(&mut chance, false).unwrap();
            assert_eq!(answers.read(&dials.write(b"").unwrap()), Err(Forged));
        }
    }

    #[test]
    fn a_handshake_that_is_cloned_at_any_point_goes_on_as_if_it_were_the_first() {
        let (one, other) = (Identity::numbered(1), Identity::numbered(2));
        for locked in [false, true] {
            let lock = locked.then(|| Lock::from_secret(&[1; 32]));
            let (one, other) = (
                Identity { lock: lock.clone(), ..one.clone() },
                Identity { lock, ..other.clone() },
            );
            let mut chance = Chance::new([5; 32]);
            let mut dials = one.handshake(&mut chance, true).unwrap();
            let mut answers = other.handshake(&mut chance, false).unwrap();
            for said in [&b""[..], b"who I am", b"and I"] {
                let (mut again, mut there) = (dials.clone(), answers.clone());
                let message = dials.write(said).unwrap();
                assert_eq!(again.write(said).unwrap(), message);
                assert_eq!(answers.read(&message).unwrap(), said);
                assert_eq!(there.read(&message).unwrap(), said);
                (dials, answers) = (there, again);
            }
            let channels = dials
                .channel((one.id, one.incarnation), INDEX_MIN)
                .zip(answers.channel((other.id, other.incarnation), INDEX_MIN));
            let (mut answered, mut dialled) = channels.unwrap();
            let frame = dialled.seal_frame(7, b"said").unwrap();
            assert_eq!(answered.open_frame(&frame[4..]).unwrap(), b"\x07said");
        }
    }

    #[test]
    fn nobody_passes_for_another_or_for_another_life() {
        let thief = Identity::numbered(3);
        let robbed = Identity::numbered(1);
        let stolen = Identity { key: robbed.key.clone(), ..thief.clone() };
        // It has the other's words, not its key: the proof is for another life's key.
        let stolen =
            Identity { life: LifeKey { proof: robbed.life.proof(), ..thief.life }, ..stolen };
        assert!(agree(&stolen, &Identity::numbered(2)).is_err());
        let reborn = Identity { incarnation: Incarnation(99), ..Identity::numbered(1) };
        assert!(agree(&reborn, &Identity::numbered(2)).is_err());
    }

    #[test]
    fn garbage_is_no_handshake() {
        let (me, mut chance) = (Identity::numbered(1), Chance::new([5; 32]));
        for garbage in [&b""[..], &[0; 31], &[0; 5_000]] {
            let mut answers = me.handshake(&mut chance, false).unwrap();
            assert_eq!(answers.read(garbage), Err(Forged));
        }
        // Whatever stands for a key is taken for one; what comes of it nobody can go on with.
        let mut answers = me.handshake(&mut chance, false).unwrap();
        let said = answers.read(&[0xff; 600]);
        assert!(said.is_ok_and(|said| !said.is_empty()));
        let _ = answers.write(b"who I am").unwrap();
        for garbage in [&[0xff; 64][..], &[0; 600]] {
            assert_eq!(answers.read(garbage), Err(Forged));
        }
    }
}
