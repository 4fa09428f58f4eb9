//! The difference between two strings of bytes that nearly agree: what is copied, left out, and put in.
//!
//! A difference is a list of edits, each of three numbers and some bytes: so many bytes are copied, so many
//! are left out, so many are put in, and these follow. What is left at the end is copied. No bytes at all
//! mean that nothing differs. Edits are looked for where bytes differ, and not far: where the two have
//! nothing in common any more, all that is left is put in, but for what the two end with alike.

use crate::bits::Malformed;

/// After a difference so many equal bytes in a row make the two go together again.
const ALIKE: usize = 4;

/// So far it is looked for them.
const LOOK: usize = 64;

/// The most bytes that may come of a difference.
const MADE_MAX: usize = 16 << 20;

/// Appends what makes `after` out of `before`.
pub fn encode(before: &[u8], after: &[u8], out: &mut Vec<u8>) {
    let (mut before, mut after) = (before, after);
    while before != after {
        let copied = before.iter().zip(after).take_while(|(one, other)| one == other).count();
        (before, after) = (&before[copied..], &after[copied..]);
        let (left_out, put_in) = edit(before, after);
        number(copied, out);
        number(left_out, out);
        number(put_in, out);
        out.extend(&after[..put_in]);
        (before, after) = (&before[left_out..], &after[put_in..]);
    }
}

/// What `input` makes out of `before`.
///
/// # Errors
/// [`Malformed`] when `input` is no difference from that.
pub fn decode(before: &[u8], input: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (mut before, mut input) = (before, input);
    let mut made = Vec::with_capacity(before.len());
    while !input.is_empty() {
        made.extend(take(&mut before, &mut input)?);
        let (left_out, rest) = read(input)?;
        before = before.get(left_out..).ok_or(Malformed)?;
        let (put_in, rest) = read(rest)?;
        made.extend(rest.get(..put_in).ok_or(Malformed)?);
        input = &rest[put_in..];
        if made.len() > MADE_MAX {
            return Err(Malformed);
        }
    }
    made.extend(before);
    Ok(made)
}

/// The bytes that an edit copies.
fn take<'a>(before: &mut &'a [u8], input: &mut &[u8]) -> Result<&'a [u8], Malformed> {
    let (copied, rest) = read(input)?;
    let (head, tail) = before.split_at_checked(copied).ok_or(Malformed)?;
    (*before, *input) = (tail, rest);
    Ok(head)
}

/// How many bytes are left out and put in, where two strings begin to differ.
fn edit(before: &[u8], after: &[u8]) -> (usize, usize) {
    let together = |left_out: usize, put_in: usize| {
        let (before, after) = (before.get(left_out..)?, after.get(put_in..)?);
        let alike = before == after
            || matches!((before.get(..ALIKE), after.get(..ALIKE)), (Some(one), Some(other)) if one == other);
        alike.then_some((left_out, put_in))
    };
    // As many left out as put in is what a changed number looks like: that is tried first.
    let near = (1..=LOOK).flat_map(|far| {
        let aside = (0..far).flat_map(move |near| [(far, near), (near, far)]);
        std::iter::once((far, far)).chain(aside)
    });
    let found = near.into_iter().find_map(|(left_out, put_in)| together(left_out, put_in));
    found.unwrap_or_else(|| {
        let pairs = before.iter().rev().zip(after.iter().rev());
        let end = pairs.take_while(|(one, other)| one == other).count();
        (before.len() - end, after.len() - end)
    })
}

/// A number, seven bits a byte, the lowest first.
fn number(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The number that `input` begins with, and what follows it.
fn read(input: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let mut number = 0_usize;
    for (place, byte) in input.iter().enumerate().take(4) {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok((number, &input[place + 1..]));
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn difference(before: &[u8], after: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(before, after, &mut out);
        assert_eq!(decode(before, &out).as_deref(), Ok(after));
        out
    }

    proptest! {
        #[test]
        fn a_difference_makes_the_one_out_of_the_other(
            before in vec(0..4_u8, 0..300), after in vec(0..4_u8, 0..300)
        ) {
            difference(&before, &after);
        }

        #[test]
        fn what_changes_in_a_few_places_is_told_in_a_few_bytes(
            before in vec(any::<u8>(), 200..2_000), places in vec((any::<prop::sample::Index>(), 0..3), 1..6)
        ) {
            let mut after = before.clone();
            for (place, how) in &places {
                let at = place.index(after.len());
                match how {
                    0 => after[at] ^= 0x5a,
                    1 => after.insert(at, 7),
                    _ => _ = after.remove(at),
                }
            }
            prop_assert!(difference(&before, &after).len() <= 12 * places.len());
        }

        #[test]
        fn rubbish_is_read_without_a_panic(before in vec(any::<u8>(), 0..40), input in vec(any::<u8>(), 0..40)) {
            let _ = decode(&before, &input);
        }
    }

    #[test]
    fn what_is_equal_takes_nothing_and_what_is_all_new_little_more_than_itself() {
        assert_eq!(difference(b"the same", b"the same"), b"");
        let (before, after) = ([1; 1_000], [2; 1_000]);
        assert!(difference(&before, &after).len() < 1_010);
        assert!(difference(&[], &after).len() < 1_010);
        assert!(difference(&before, &[]).len() < 10);
    }
}
