//! How bytes become messages on a stream, before anybody knows what they mean.
//!
//! A link carries frames: four bytes of length, big-endian, then that many bytes, of which the first
//! says of which kind they are. The length is checked against a limit before anything is allocated
//! for it, so a stranger who announces four gigabytes costs four bytes.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest frame after the handshake, in bytes.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// The longest frame before and during the handshake, in bytes.
pub const STRANGER_FRAME_BYTES_MAX: usize = 4 << 10;

/// What a seal adds to what it seals, in bytes.
pub const SEAL_BYTES: usize = 16;

/// Of how many bytes at most a frame is sealed at a time, the seal included.
pub const PIECE_BYTES: usize = u16::MAX as usize;

/// The longest frame when it is sealed.
const SEALED_FRAME_BYTES_MAX: usize =
    FRAME_BYTES_MAX + FRAME_BYTES_MAX.div_ceil(PIECE_BYTES - SEAL_BYTES) * SEAL_BYTES;

const LENGTH_BYTES: usize = 4;

/// How much room is kept for the next frame.
const KEPT_BYTES: usize = 64 << 10;

/// A frame is longer than its limit. The link is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {bytes} bytes exceeds the limit of {limit}")]
pub struct TooLong {
    /// The announced length.
    pub bytes: usize,
    /// The limit in force.
    pub limit: usize,
}

/// Puts what follows a `kind` into a frame.
///
/// # Errors
/// [`TooLong`] above [`FRAME_BYTES_MAX`].
pub fn frame(kind: u8, body: &[u8]) -> Result<Vec<u8>, TooLong> {
    let length = 1 + body.len();
    if length > FRAME_BYTES_MAX {
        return Err(TooLong { bytes: length, limit: FRAME_BYTES_MAX });
    }
    let mut out = Vec::with_capacity(LENGTH_BYTES + length);
    out.extend_from_slice(&(length as u32).to_be_bytes());
    out.push(kind);
    out.extend_from_slice(body);
    Ok(out)
}

/// A list off a wire, of so many elements at most. Its length comes from somebody else, and elements that take no bytes
/// make no message longer: without this they could cost as much time as somebody likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Few<T, const MOST: usize>(pub Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> de::Visitor<'de> for Visitor<T, MOST> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST}")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = seq.next_element()? {
                    if list.len() == MOST {
                        return Err(de::Error::invalid_length(MOST + 1, &self));
                    }
                    list.push(element);
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(Visitor::<T, MOST>(PhantomData)).map(Few)
    }
}

/// Takes a stream of bytes, cut anywhere, apart into frames.
#[derive(Clone, Debug)]
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
        self.limit = SEALED_FRAME_BYTES_MAX;
    }

    /// How many bytes wait for the rest of their frame.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Takes in what came off the stream.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new(); // a long frame has gone through
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

/// Bytes inside of a message: as they are, or in JSON as a string of hexadecimal digits. Clones share
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Bytes);

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(self);
        }
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
        let hex: String = self.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect();
        serializer.serialize_str(&hex)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return <&[u8]>::deserialize(deserializer)
                .map(|bytes| Self(Bytes::copy_from_slice(bytes)));
        }
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        let value = |digit: u8| char::from(digit).to_digit(16);
        let byte = |pair: &[u8]| Some((value(pair[0])? << 4 | value(pair[1])?) as u8);
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks_exact(2).map(byte).collect();
        match bytes {
            Some(bytes) if text.len().is_multiple_of(2) => Ok(bytes.into()),
            _ => Err(serde::de::Error::custom("not hexadecimal")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_elements_without_bytes_is_no_longer_than_it_may_be() {
        let list = |count: u64| {
            let bytes = postcard::to_stdvec(&count).unwrap();
            postcard::from_bytes::<Few<(), 256>>(&bytes).map(|Few(list)| list.len())
        };
        assert_eq!((list(0), list(256)), (Ok(0), Ok(256)));
        for count in [257, 1 << 40, u64::MAX] {
            assert!(list(count).is_err(), "{count}");
        }
        let text = format!("[{}]", ["null"; 300].join(","));
        assert!(serde_json::from_str::<Few<(), 256>>(&text).is_err());
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_frames() {
        let frames: [&[u8]; 3] = [b"one", b"2", b"three"];
        let stream: Vec<u8> = frames.iter().flat_map(|f| frame(f[0], &f[1..]).unwrap()).collect();
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
        let long = frame(0, &vec![0; STRANGER_FRAME_BYTES_MAX]).unwrap();
        let mut deframer = Deframer::new();
        deframer.push(&long);
        assert!(deframer.next_frame().is_err());
        let mut deframer = Deframer::new();
        deframer.trust();
        deframer.push(&long);
        assert!(deframer.next_frame().unwrap().is_some());
    }
}
