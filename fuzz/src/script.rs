//! Bytes as a script: what to do next, and with what.

/// Bytes that are read from the front; where they are over, zeros follow.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// The next ones, as many as there are of those wanted.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// Changes some bytes of these, a few at most, or none.
    pub(crate) fn spoil(&mut self, bytes: &mut [u8]) {
        for _ in 0..self.byte() % 4 {
            let at = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
            let byte = self.byte();
            if let Some(length) = std::num::NonZeroUsize::new(bytes.len()) {
                bytes[at % length] = byte;
            }
        }
    }
}
