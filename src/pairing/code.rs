//! What two people compare: six digits, or the same number as four pictures.

use std::fmt;

/// How many codes there are: six digits. Whoever stands between two people has one chance in as many for each
/// time that they compare.
pub const CODES: u32 = 1_000_000;

/// How many pictures a code has.
pub const PICTURES: usize = 4;

/// A number below [`CODES`] that follows from all that two nodes have agreed upon.
///
/// The pictures are that very number, written with 32 signs instead of ten: so it makes no difference which
/// of the two are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(u32);

impl Code {
    /// The code that follows from a hash. Each comes up equally often, but for one part in 10^13.
    pub fn of(hash: &[u8; 32]) -> Self {
        let number = hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        Self((number % u64::from(CODES)) as u32)
    }

    /// It as a number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Its six digits, in two groups.
    pub fn digits(self) -> String {
        format!("{:03} {:03}", self.0 / 1_000, self.0 % 1_000)
    }

    /// Its four pictures, in their order.
    pub fn pictures(self) -> [Sign; PICTURES] {
        [15, 10, 5, 0].map(|shift| {
            let sign = (self.0 >> shift) as usize % Sign::ALL.len();
            Sign::ALL[sign]
        })
    }

    /// What the four pictures are called.
    pub fn words(self) -> [&'static str; PICTURES] {
        self.pictures().map(Sign::word)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits())
    }
}

macro_rules! pictures {
    ($($picture:ident $word:literal,)*) => {
        /// A thing that is easily drawn and told from the others, with a name that is easily said.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each is what it is called")]
        pub enum Sign {
            $($picture,)*
        }

        impl Sign {
            /// All of them. Their order is part of the protocol: both sides show the same.
            pub const ALL: [Self; 32] = [$(Self::$picture,)*];

            /// What it is called.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$picture => $word,)*
                }
            }
        }
    };
}

pictures! {
    Anchor "anchor",
    Apple "apple",
    Arrow "arrow",
    Bell "bell",
    Boat "boat",
    Book "book",
    Candle "candle",
    Cloud "cloud",
    Clock "clock",
    Crown "crown",
    Cup "cup",
    Dice "dice",
    Drop "drop",
    Eye "eye",
    Fish "fish",
    Flag "flag",
    Flower "flower",
    Hammer "hammer",
    Heart "heart",
    House "house",
    Key "key",
    Ladder "ladder",
    Leaf "leaf",
    Lightning "lightning",
    Moon "moon",
    Mountain "mountain",
    Mushroom "mushroom",
    Star "star",
    Sun "sun",
    Sword "sword",
    Tree "tree",
    Umbrella "umbrella",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn digits_and_pictures_are_one_number() {
        assert_eq!(Code(7).digits(), "000 007");
        assert_eq!(Code(999_999).digits(), "999 999");
        assert_eq!(Code(0).words(), ["anchor"; 4]);
        assert_eq!(Code(33).words(), ["anchor", "anchor", "apple", "apple"]);
        let mut seen = BTreeSet::new();
        for number in (0..CODES).step_by(7) {
            assert!(seen.insert(Code(number).pictures()), "{number}");
        }
    }

    #[test]
    fn no_two_pictures_have_one_word() {
        let words: BTreeSet<&str> = Sign::ALL.map(Sign::word).into();
        assert_eq!(words.len(), Sign::ALL.len());
    }
}
