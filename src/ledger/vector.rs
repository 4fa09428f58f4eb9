//! What a ledger holds, in few words: for each writer the number up to which it holds everything,
//! and a checksum of that.
//!
//! A number alone would do among honest writers. The checksum finds a writer that gave two entries
//! one name: two ledgers may then hold the same numbers, and not the same entries. Whoever has seen that
//! says so ([`BROKEN`]), and tells the others what it has seen.

use std::collections::BTreeMap;

use super::entry::Writer;
use crate::{
    game::Malformed,
    types::{Incarnation, NodeId},
};

/// The most writers in one ledger: so many lives of all its players together. A vector of so many
/// still fits a frame.
pub const WRITERS_MAX: usize = 16_384;

/// How far one writer's stream is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Mark {
    /// Everything up to this number.
    pub through: u64,
    /// The sum of the first 64 bits of the hashes of all that.
    pub sum: u64,
}

/// How far a stream is held whose author contradicts itself: nobody takes any more of it.
pub const BROKEN: Mark = Mark { through: u64::MAX, sum: 0 };

/// As it is written: of each node its lives, and of each life `(incarnation, through, sum)`.
type Nodes = Vec<(NodeId, Vec<(Incarnation, u64, u64)>)>;

/// A version vector.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Vector {
    marks: BTreeMap<Writer, Mark>,
}

impl Vector {
    /// How far `writer`'s stream is held.
    pub fn mark(&self, writer: Writer) -> Mark {
        self.marks.get(&writer).copied().unwrap_or_default()
    }

    /// All streams of which anything is held.
    pub fn marks(&self) -> impl Iterator<Item = (Writer, Mark)> {
        self.marks.iter().map(|(writer, mark)| (*writer, *mark))
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Sets how far `writer`'s stream is held.
    pub fn set(&mut self, writer: Writer, mark: Mark) {
        if mark.through == 0 {
            self.marks.remove(&writer);
        } else if self.marks.len() < WRITERS_MAX || self.marks.contains_key(&writer) {
            self.marks.insert(writer, mark);
        }
    }

    /// Takes over what `newer` says of the writers it names.
    pub fn update(&mut self, newer: &Vector) {
        for (writer, mark) in newer.marks() {
            self.set(writer, mark);
        }
    }

    /// About 20 bytes for each writer.
    pub fn encode(&self) -> Vec<u8> {
        let mut nodes: Nodes = Vec::new();
        for (writer, mark) in self.marks() {
            let stream = (writer.incarnation, mark.through, mark.sum);
            match nodes.last_mut().filter(|(node, _)| *node == writer.node) {
                Some((_, streams)) => streams.push(stream),
                None => nodes.push((writer.node, vec![stream])),
            }
        }
        postcard::to_stdvec(&nodes).unwrap_or_default()
    }

    /// The inverse of [`encode`](Vector::encode).
    ///
    /// # Errors
    /// [`Malformed`] when it is none, or has more than [`WRITERS_MAX`] writers.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (nodes, rest): (Nodes, _) = postcard::take_from_bytes(bytes).map_err(|_| Malformed)?;
        let writers: usize = nodes.iter().map(|(_, streams)| streams.len()).sum();
        if !rest.is_empty() || writers > WRITERS_MAX {
            return Err(Malformed);
        }
        let mut vector = Self::default();
        for (node, streams) in nodes {
            for (incarnation, through, sum) in streams {
                vector.set(Writer { node, incarnation }, Mark { through, sum });
            }
        }
        Ok(vector)
    }
}

impl FromIterator<(Writer, Mark)> for Vector {
    fn from_iter<I: IntoIterator<Item = (Writer, Mark)>>(marks: I) -> Self {
        let mut vector = Self::default();
        for (writer, mark) in marks {
            vector.set(writer, mark);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FRAME_BYTES_MAX;

    fn writer(node: u128, life: u64) -> Writer {
        Writer { node: NodeId::from_u128(node), incarnation: Incarnation(life) }
    }

    #[test]
    fn a_vector_is_read_as_it_was_written() {
        let mark = |through| Mark { through, sum: through << 40 };
        let marks = [(writer(1, 1), mark(3)), (writer(1, 9), mark(1)), (writer(2, 5), mark(70))];
        let vector = Vector::from_iter(marks);
        assert_eq!(Vector::decode(&vector.encode()), Ok(vector));
    }

    #[test]
    fn the_largest_vector_fits_a_frame_even_in_hexadecimal() {
        let mark = Mark { through: 1 << 30, sum: !0 };
        let vector: Vector =
            (0..WRITERS_MAX as u128).map(|n| (writer(n % 512, !(n as u64)), mark)).collect();
        assert_eq!(vector.marks().count(), WRITERS_MAX);
        assert!(vector.encode().len() * 2 < FRAME_BYTES_MAX - 1_024);
    }

    #[test]
    fn more_writers_than_a_ledger_takes_are_malformed() {
        let streams: Vec<_> =
            (0..=WRITERS_MAX as u64).map(|life| (Incarnation(life), 1_u64, 0_u64)).collect();
        let bytes = postcard::to_stdvec(&vec![(NodeId::from_u128(1), streams)]).unwrap();
        assert_eq!(Vector::decode(&bytes), Err(Malformed));
        assert_eq!(Vector::decode(b"\x05junk"), Err(Malformed));
    }
}
