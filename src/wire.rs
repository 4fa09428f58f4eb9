//! How bytes become messages on a stream, before anybody knows what they mean.
//!
//! A link carries frames: four bytes of length, big-endian, then that many bytes. The length is
//! checked against a limit before anything is allocated for it, so a stranger who announces four
//! gigabytes costs four bytes.

/// The longest frame after the handshake, in bytes.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// The longest frame before and during the handshake, in bytes.
pub const STRANGER_FRAME_BYTES_MAX: usize = 4 << 10;

const LENGTH_BYTES: usize = 4;

/// A frame is longer than its limit. The link is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {bytes} bytes exceeds the limit of {limit}")]
pub struct TooLong {
    /// The announced length.
    pub bytes: usize,
    /// The limit in force.
    pub limit: usize,
}

/// Puts `payload` into a frame.
///
/// # Errors
/// [`TooLong`] above [`FRAME_BYTES_MAX`].
pub fn frame(payload: &[u8]) -> Result<Vec<u8>, TooLong> {
    if payload.len() > FRAME_BYTES_MAX {
        return Err(TooLong { bytes: payload.len(), limit: FRAME_BYTES_MAX });
    }
    let mut out = Vec::with_capacity(LENGTH_BYTES + payload.len());
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    out.extend_from_slice(payload);
    Ok(out)
}

/// Takes a stream of bytes, cut anywhere, apart into frames.
#[derive(Debug)]
pub struct Deframer {
    buffer: Vec<u8>,
    start: usize,
    limit: usize,
}

impl Deframer {
    /// Starts with the limit for strangers.
    pub fn new() -> Self {
        Self { buffer: Vec::new(), start: 0, limit: STRANGER_FRAME_BYTES_MAX }
    }

    /// Lifts the limit, once the other side has introduced itself.
    pub fn trust(&mut self) {
        self.limit = FRAME_BYTES_MAX;
    }

    /// Takes in what came off the stream.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole frame's payload, if it is there.
    ///
    /// # Errors
    /// [`TooLong`] when the next frame announces more than the limit.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let rest = &self.buffer[self.start..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let bytes = u32::from_be_bytes(*length) as usize;
        if bytes > self.limit {
            return Err(TooLong { bytes, limit: self.limit });
        }
        if rest.len() < bytes {
            return Ok(None);
        }
        let from = self.start + LENGTH_BYTES;
        self.start = from + bytes;
        Ok(Some(&self.buffer[from..from + bytes]))
    }
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_frames() {
        let frames: [&[u8]; 3] = [b"one", b"", b"three"];
        let stream: Vec<u8> = frames.iter().flat_map(|f| frame(f).unwrap()).collect();
        for cut in 1..stream.len() {
            let mut deframer = Deframer::new();
            let mut got: Vec<Vec<u8>> = Vec::new();
            for chunk in stream.chunks(cut) {
                deframer.push(chunk);
                while let Some(payload) = deframer.next_frame().unwrap() {
                    got.push(payload.to_vec());
                }
            }
            assert_eq!(got, frames);
        }
    }

    #[test]
    fn an_announced_four_gigabytes_is_refused_after_four_bytes() {
        let mut deframer = Deframer::new();
        deframer.push(&[0xff; 4]);
        assert_eq!(deframer.next_frame().unwrap_err().bytes, 0xffff_ffff);
    }

    #[test]
    fn strangers_have_a_lower_limit_than_members() {
        let long = frame(&vec![0; STRANGER_FRAME_BYTES_MAX + 1]).unwrap();
        let mut deframer = Deframer::new();
        deframer.push(&long);
        assert!(deframer.next_frame().is_err());
        let mut deframer = Deframer::new();
        deframer.trust();
        deframer.push(&long);
        assert!(deframer.next_frame().unwrap().is_some());
    }
}
