//! Bit packing: numbers of any width, one after the other, without gaps. Knows no message.
//!
//! Bits fill each byte from its lowest upwards, and a number is written from its lowest bit
//! upwards. The last byte is filled up with zeros, which is why a reader cannot tell how many bits
//! were written; whoever reads knows what comes, or it is [`Malformed`].
//!
//! Ways to write a number whose size is not known beforehand:
//!
//! | way | 0 | 1 | 5 | 100 | 10,000 | for |
//! |---|---|---|---|---|---|---|
//! | [`gamma`](BitWriter::gamma) | 1 | 3 | 5 | 13 | 27 bits | what is mostly 0 or 1 |
//! | [`number`](BitWriter::number) | 4 | 4 | 4 | 12 | 20 bits | the rest |
//! | [`signed`](BitWriter::signed) | 4 | 4 | 8 | 12 | 20 bits | differences |
//!
//! and [`rice`](BitWriter::rice), where the usual size is known.
//!
//! A reader gives each number that was written, and no other bits give it: what is read can be
//! written again to the same bits. That leaves nobody room to hide things in a message, and makes
//! equal messages equal bytes.

/// Bytes that are not what they should be. Says nothing else: they came off a wire, and whoever
/// sent them is not going to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed bytes")]
pub struct Malformed;

/// Writes bits into bytes.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// The bits that do not fill a byte yet, from the lowest.
    rest: u64,
    /// How many they are: fewer than eight.
    filled: u32,
}

impl BitWriter {
    /// A writer with nothing in it.
    pub fn new() -> Self {
        // Most of what is written is the head of a packet.
        Self { bytes: Vec::with_capacity(64), ..Self::default() }
    }

    /// The lowest `count` bits of `value`; `count` is at most 32. Higher bits are left out.
    pub fn bits(&mut self, value: u32, count: u32) {
        debug_assert!(count <= 32);
        let mask = (1_u64 << count.min(32)) - 1;
        self.rest |= (u64::from(value) & mask) << self.filled;
        self.filled += count.min(32);
        while self.filled >= 8 {
            self.bytes.push(self.rest as u8);
            self.rest >>= 8;
            self.filled -= 8;
        }
    }

    /// One bit.
    pub fn bit(&mut self, value: bool) {
        self.bits(u32::from(value), 1);
    }

    /// A number of 64 bits, in 64 bits.
    pub fn long(&mut self, value: u64) {
        self.bits(value as u32, 32);
        self.bits((value >> 32) as u32, 32);
    }

    /// A number that is most often tiny, as Elias' gamma code of its successor: as many zeros as
    /// that has bits after its first, then those bits.
    pub fn gamma(&mut self, value: u32) {
        let successor = u64::from(value) + 1;
        let extra = successor.ilog2();
        // At most 32 zeros, a one, and 32 bits.
        self.bits(0, extra);
        self.bit(true);
        self.bits((successor - (1 << extra)) as u32, extra);
    }

    /// A number of about the size `1 << shift`, as Rice's code: the part above the lowest `shift`
    /// bits as so many zeros and a one, then those bits. `shift` is below 32.
    pub fn rice(&mut self, value: u32, shift: u32) {
        for _ in 0..value >> shift {
            self.bit(false);
        }
        self.bit(true);
        self.bits(value, shift);
    }

    /// A number in groups of four bits: three of the number, lowest first, and one that says that
    /// more follow.
    pub fn number(&mut self, mut value: u64) {
        while value >= 8 {
            self.bits((value & 7) as u32 | 8, 4);
            value >>= 3;
        }
        self.bits(value as u32, 4);
    }

    /// A number that may be negative: small ones of either sign are short.
    pub fn signed(&mut self, value: i64) {
        self.number(zigzag(value));
    }

    /// How many bits have been written.
    pub fn len(&self) -> usize {
        self.bytes.len() * 8 + self.filled as usize
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, the last filled up with zeros.
    pub fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.rest as u8);
        }
        self.bytes
    }
}

/// Reads what a [`BitWriter`] wrote. Never reads beyond the end, and never panics.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> BitReader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits; `count` is at most 32.
    ///
    /// # Errors
    /// [`Malformed`] when there are not that many.
    pub fn bits(&mut self, count: u32) -> Result<u32, Malformed> {
        debug_assert!(count <= 32);
        let count = count.min(32);
        let end = self.at + count as usize;
        if end > self.bytes.len() * 8 {
            return Err(Malformed);
        }
        // 32 bits touch at most five bytes.
        let mut window = 0_u64;
        for (place, byte) in self.bytes[self.at / 8..].iter().take(5).enumerate() {
            window |= u64::from(*byte) << (8 * place);
        }
        let value = (window >> (self.at % 8)) & ((1_u64 << count) - 1);
        self.at = end;
        Ok(value as u32)
    }

    /// One bit.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn bit(&mut self) -> Result<bool, Malformed> {
        Ok(self.bits(1)? == 1)
    }

    /// A number written by [`BitWriter::long`].
    ///
    /// # Errors
    /// [`Malformed`] when fewer than 64 bits are left.
    pub fn long(&mut self) -> Result<u64, Malformed> {
        let low = u64::from(self.bits(32)?);
        Ok(low | u64::from(self.bits(32)?) << 32)
    }

    /// A number written by [`BitWriter::gamma`].
    ///
    /// # Errors
    /// [`Malformed`] at the end, or when the number does not fit 32 bits.
    pub fn gamma(&mut self) -> Result<u32, Malformed> {
        let mut extra = 0;
        while !self.bit()? {
            extra += 1;
            if extra > 32 {
                return Err(Malformed);
            }
        }
        let successor = (1_u64 << extra) + u64::from(self.bits(extra)?);
        u32::try_from(successor - 1).map_err(|_| Malformed)
    }

    /// A number written by [`BitWriter::rice`] with the same `shift`.
    ///
    /// # Errors
    /// [`Malformed`] at the end, or when the number does not fit 32 bits.
    pub fn rice(&mut self, shift: u32) -> Result<u32, Malformed> {
        let mut high = 0_u64;
        while !self.bit()? {
            high += 1;
        }
        let low = u64::from(self.bits(shift)?);
        // `high` is at most the number of bits read, so this cannot overflow.
        u32::try_from((high << shift) + low).map_err(|_| Malformed)
    }

    /// A number written by [`BitWriter::number`].
    ///
    /// # Errors
    /// [`Malformed`] at the end, when the number does not fit 64 bits, or has a needless group.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(3) {
            let group = u64::from(self.bits(4)?);
            let (bits, more) = (group & 7, group & 8 != 0);
            if bits << shift >> shift != bits || (bits == 0 && !more && shift > 0) {
                return Err(Malformed);
            }
            value |= bits << shift;
            if !more {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A number written by [`BitWriter::signed`].
    ///
    /// # Errors
    /// As [`number`](BitReader::number).
    pub fn signed(&mut self) -> Result<i64, Malformed> {
        self.number().map(unzigzag)
    }

    /// How many bits are left.
    pub fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// Skips the zeros that fill the last byte up, and gives the whole bytes after them.
    ///
    /// # Errors
    /// [`Malformed`] when they are not zeros.
    pub fn rest(mut self) -> Result<&'a [u8], Malformed> {
        let padding = (8 - self.at % 8) % 8;
        if self.bits(padding as u32)? != 0 {
            return Err(Malformed);
        }
        Ok(&self.bytes[self.at / 8..])
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed`] when more is left than the zeros that fill the last byte up.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest()?.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// 0, -1, 1, -2, 2 … as 0, 1, 2, 3, 4 …
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[derive(Clone, Debug)]
    enum Item {
        Bits(u32, u32),
        Long(u64),
        Gamma(u32),
        Rice(u32, u32),
        Number(u64),
        Signed(i64),
    }

    fn item() -> impl Strategy<Value = Item> {
        // Short and long numbers alike.
        let wide = || (any::<u64>(), 0..64_u32).prop_map(|(n, shift)| n >> shift);
        prop_oneof![
            (any::<u32>(), 0..=32_u32).prop_map(|(n, count)| Item::Bits(
                (u64::from(n) & ((1 << count) - 1)) as u32,
                count
            )),
            wide().prop_map(Item::Long),
            wide().prop_map(|n| Item::Gamma(n as u32)),
            (0..50_000_u32, 10..32_u32).prop_map(|(n, shift)| Item::Rice(n, shift)),
            wide().prop_map(Item::Number),
            (wide(), any::<bool>()).prop_map(|(n, minus)| {
                let n = n as i64;
                Item::Signed(if minus { n.wrapping_neg() } else { n })
            }),
        ]
    }

    fn write(items: &[Item]) -> Vec<u8> {
        let mut out = BitWriter::new();
        for item in items {
            match *item {
                Item::Bits(n, count) => out.bits(n, count),
                Item::Long(n) => out.long(n),
                Item::Gamma(n) => out.gamma(n),
                Item::Rice(n, shift) => out.rice(n, shift),
                Item::Number(n) => out.number(n),
                Item::Signed(n) => out.signed(n),
            }
        }
        out.finish()
    }

    fn read(items: &[Item], bytes: &[u8]) -> Result<(), Malformed> {
        let mut input = BitReader::new(bytes);
        for item in items {
            match *item {
                Item::Bits(n, count) => assert_eq!(input.bits(count)?, n),
                Item::Long(n) => assert_eq!(input.long()?, n),
                Item::Gamma(n) => assert_eq!(input.gamma()?, n),
                Item::Rice(n, shift) => assert_eq!(input.rice(shift)?, n),
                Item::Number(n) => assert_eq!(input.number()?, n),
                Item::Signed(n) => assert_eq!(input.signed()?, n),
            }
        }
        input.finish()
    }

    fn lengths_of(write: impl Fn(&mut BitWriter, u32)) -> [usize; 5] {
        [0, 1, 5, 100, 10_000].map(|n| {
            let mut out = BitWriter::new();
            write(&mut out, n);
            out.len()
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(items in vec(item(), 0..40)) {
            prop_assert_eq!(read(&items, &write(&items)), Ok(()));
        }

        #[test]
        fn a_cut_message_is_an_error(items in vec(item(), 1..40)) {
            let bytes = write(&items);
            if let Some((_, cut)) = bytes.split_last() {
                prop_assert_eq!(read(&items, cut), Err(Malformed));
            }
        }

        #[test]
        fn rubbish_is_read_without_a_panic(bytes in vec(any::<u8>(), 0..40), kinds in vec(0..7_u8, 0..80)) {
            let mut input = BitReader::new(&bytes);
            for kind in kinds {
                let _ = match kind {
                    0 => input.bits(32).map(u64::from),
                    1 => input.long(),
                    2 => input.gamma().map(u64::from),
                    3 => input.number(),
                    4 => input.signed().map(|n| n as u64),
                    5 => input.rice(3).map(u64::from),
                    _ => input.bit().map(u64::from),
                };
            }
            let _ = input.finish();
        }

        #[test]
        fn a_number_has_one_way_to_be_written(bytes in vec(any::<u8>(), 1..12)) {
            let mut input = BitReader::new(&bytes);
            if let Ok(n) = input.number() {
                let mut out = BitWriter::new();
                out.number(n);
                prop_assert_eq!(out.len(), bytes.len() * 8 - input.left());
            }
        }
    }

    #[test]
    fn lengths_are_as_the_table_says() {
        assert_eq!(lengths_of(|out, n| out.gamma(n)), [1, 3, 5, 13, 27]);
        assert_eq!(lengths_of(|out, n| out.number(n.into())), [4, 4, 4, 12, 20]);
        assert_eq!(lengths_of(|out, n| out.signed(n.into())), [4, 4, 8, 12, 20]);
    }

    #[test]
    fn the_bits_that_fill_up_must_be_zeros() {
        let mut input = BitReader::new(&[0b1000_0001]);
        assert_eq!(input.bits(4), Ok(1));
        assert_eq!(input.finish(), Err(Malformed));
    }

    #[test]
    fn whole_bytes_can_follow() {
        let mut out = BitWriter::new();
        out.bit(true);
        let mut bytes = out.finish();
        bytes.extend(b"rest");
        let mut input = BitReader::new(&bytes);
        assert_eq!(input.bit(), Ok(true));
        assert_eq!(input.rest(), Ok(&b"rest"[..]));
    }

    #[test]
    fn bits_lie_from_the_lowest_upwards() {
        let mut out = BitWriter::new();
        out.bits(0b1, 1);
        out.bits(0b10, 2);
        out.number(9);
        assert_eq!(out.finish(), [0b1100_1101, 0b000]);
    }
}
