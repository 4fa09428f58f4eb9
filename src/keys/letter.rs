//! Letters: a few bytes that some can read, and everybody may carry.
//!
//! A letter is sealed with a key of its own (XChaCha20-Poly1305, used once), and that key goes along in a
//! *sealed box* for each reader (libsodium's construction, by `crypto_box`): made with a key that is
//! forgotten at once, so that not even its author can open it again, unless it is a reader itself. A
//! reader is whoever has the other half of a [`PublicKey`]: the key that signs is turned into one that
//! opens (Ed25519 into X25519, as libsodium does it).
//!
//! ```text
//! letter = readers (1 byte), of each: mark (4), box (80); then the sealed text
//! mark   = the first 4 bytes of the reader's id: so nobody tries to open what is for others
//! ```
//!
//! Of boxes with one mark the first counts: so whatever a letter is made of, to open it costs as much as to
//! open one box. Of two readers with one mark, which is a chance of one in a hundred million, the second reads nothing.
//!
//! What a letter does not hide: how long it is, and who can read it.

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce, aead::Aead as _};
use crypto_box::aead::rand_core::{self, CryptoRng, RngCore};
use ed25519_dalek::VerifyingKey;

use super::{Chance, KEY_BYTES, PublicKey, SecretKey};

/// The most readers of one letter.
pub const READERS_MAX: usize = 10;

const MARK_BYTES: usize = 4;

/// A key in a sealed box: the key that it was made with, the seal, and the key.
const BOX_BYTES: usize = 32 + 16 + KEY_BYTES;

/// How much longer a letter is than its text, for so many readers.
pub const fn letter_bytes(readers: usize) -> usize {
    1 + readers * (MARK_BYTES + BOX_BYTES) + 16
}

/// Seals `text` for these, of whom the first [`READERS_MAX`] that have sound keys can read it. None: there
/// is none.
pub fn seal(chance: &mut Chance, readers: &[PublicKey], text: &[u8]) -> Option<Vec<u8>> {
    let key: [u8; KEY_BYTES] = chance.bytes();
    let mut boxes: Vec<[u8; MARK_BYTES + BOX_BYTES]> = Vec::new();
    for reader in readers {
        let mark = mark(reader);
        if boxes.len() < READERS_MAX && boxes.iter().all(|one| one[..MARK_BYTES] != mark) {
            boxes.extend(boxed(chance, reader, &key));
        }
    }
    let sealed = XChaCha20Poly1305::new(&key.into()).encrypt(&XNonce::default(), text).ok()?;
    let count = u8::try_from(boxes.len()).ok().filter(|count| *count > 0)?;
    let mut letter = vec![count];
    boxes.iter().for_each(|one| letter.extend_from_slice(one));
    letter.extend_from_slice(&sealed);
    Some(letter)
}

/// What a letter says; none if it is not for whoever has this key, or makes no sense. To find out that it
/// is not costs nothing.
pub fn open(secret: &SecretKey, letter: &[u8]) -> Option<Vec<u8>> {
    let (boxes, sealed) = parts(letter)?;
    let mark = mark(&secret.public());
    let one = boxes.iter().find(|one| one[..MARK_BYTES] == mark)?;
    let own = crypto_box::SecretKey::from_bytes(secret.pair.to_scalar_bytes());
    let key: [u8; KEY_BYTES] = own.unseal(&one[MARK_BYTES..]).ok()?.try_into().ok()?;
    XChaCha20Poly1305::new(&key.into()).decrypt(&XNonce::default(), sealed).ok()
}

/// Whether a letter says that whoever has the other half of this key can read it.
pub fn is_for(key: &PublicKey, letter: &[u8]) -> bool {
    let mark = mark(key);
    parts(letter).is_some_and(|(boxes, _)| boxes.iter().any(|one| one[..MARK_BYTES] == mark))
}

/// The boxes of a letter, and the sealed text.
fn parts(letter: &[u8]) -> Option<(&[[u8; MARK_BYTES + BOX_BYTES]], &[u8])> {
    let (count, rest) = letter.split_first()?;
    let count = usize::from(*count);
    let (boxes, sealed) = rest.split_at_checked(count * (MARK_BYTES + BOX_BYTES))?;
    (count <= READERS_MAX).then_some((boxes.as_chunks().0, sealed))
}

fn boxed(
    chance: &mut Chance,
    reader: &PublicKey,
    key: &[u8; KEY_BYTES],
) -> Option<[u8; MARK_BYTES + BOX_BYTES]> {
    let point = VerifyingKey::from_bytes(reader.as_bytes()).ok()?.to_montgomery();
    let sealed = crypto_box::PublicKey::from_bytes(point.to_bytes());
    let sealed = sealed.seal(&mut Drawn(chance), key).ok()?;
    let mut bytes = [0; MARK_BYTES + BOX_BYTES];
    bytes[..MARK_BYTES].copy_from_slice(&mark(reader));
    bytes.get_mut(MARK_BYTES..)?.copy_from_slice(sealed.get(..BOX_BYTES)?);
    Some(bytes)
}

fn mark(key: &PublicKey) -> [u8; MARK_BYTES] {
    key.id().as_u128().to_be_bytes().first_chunk().copied().unwrap_or_default()
}

/// Chance that somebody brings, as `crypto_box` asks for it.
struct Drawn<'a>(&'a mut Chance);

impl RngCore for Drawn<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Drawn<'_> {}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    #[test]
    fn whoever_a_letter_is_for_can_read_it_and_nobody_else() {
        let mut chance = Chance::new([1; 32]);
        let readers = [key(1).public(), key(2).public(), key(2).public()];
        let letter = seal(&mut chance, &readers, b"at noon").unwrap();
        assert_eq!(letter.len(), letter_bytes(2) + 7);
        for reader in [1, 2] {
            assert!(is_for(&key(reader).public(), &letter));
            assert_eq!(open(&key(reader), &letter).unwrap(), b"at noon");
        }
        assert!(!is_for(&key(3).public(), &letter));
        assert_eq!(open(&key(3), &letter), None);
        assert!(!letter.windows(7).any(|window| window == b"at noon"));
        assert_eq!(seal(&mut chance, &[], b"at noon"), None);
    }

    #[test]
    fn no_two_letters_are_alike_and_none_survives_a_change() {
        let mut chance = Chance::new([1; 32]);
        let letter = seal(&mut chance, &[key(1).public()], b"at noon").unwrap();
        assert_ne!(letter, seal(&mut chance, &[key(1).public()], b"at noon").unwrap());
        for at in 0..letter.len() {
            let mut other = letter.clone();
            other[at] ^= 1;
            assert_eq!(open(&key(1), &other), None, "byte {at}");
        }
    }

    #[test]
    fn whoever_makes_a_letter_of_many_boxes_has_one_of_them_opened() {
        let letter = seal(&mut Chance::new([1; 32]), &[key(1).public()], b"at noon").unwrap();
        let (boxes, text) = letter[1..].split_at(MARK_BYTES + BOX_BYTES);
        let mut junk = boxes.to_vec();
        junk[MARK_BYTES..].fill(7);
        let of = |boxes: &[&[u8]]| {
            let count = [boxes.len() as u8];
            [&count[..], &boxes.concat(), text].concat()
        };
        assert_eq!(open(&key(1), &of(&[boxes])).unwrap(), b"at noon");
        assert_eq!(open(&key(1), &of(&[boxes, &junk])).unwrap(), b"at noon");
        let mut many: Vec<&[u8]> = vec![&junk; READERS_MAX];
        many[READERS_MAX - 1] = boxes;
        assert_eq!(open(&key(1), &of(&many)), None, "the right one stands last");
    }

    #[test]
    fn a_letter_has_so_many_readers_and_no_more() {
        let readers: Vec<PublicKey> = (1..=20).map(|number| key(number).public()).collect();
        let letter = seal(&mut Chance::new([1; 32]), &readers, b"").unwrap();
        assert_eq!(letter.len(), letter_bytes(READERS_MAX));
        assert_eq!(open(&key(10), &letter), Some(Vec::new()));
        assert_eq!(open(&key(11), &letter), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_letter_or_none(bytes in vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(open(&key(1), &bytes), None);
        }
    }
}
