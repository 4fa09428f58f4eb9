//! `bench seal`: what it costs that nobody else reads along: the handshake of a link, and the seal of a
//! datagram, beside what it costs to copy the same bytes.

use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use interregnum::{
    keys::{Chance, SecretKey, Subject},
    mesh::{
        channel::{Channel, INDEX_MIN, Ink},
        identity::Identity,
        message::DATAGRAM_HEAD_BYTES,
    },
    runtime,
};
use serde::Serialize;

use crate::cli::{
    options::SealOptions,
    output::{Output, Stdout},
};

/// A tick of eight players, and what goes in a datagram at most.
const BODY_BYTES: [usize; 2] = [40, 1_100];

/// So many are sealed, then opened, then gone: fresh memory for each of thousands would cost more than the seals.
const AT_ONCE: u32 = 128;

#[derive(Debug, Serialize)]
struct Seal {
    body_bytes: usize,
    /// What the datagram has beside its body.
    head_bytes: usize,
    copy_ns: u64,
    seal_ns: u64,
    open_ns: u64,
}

#[derive(Debug, Serialize)]
struct Shake {
    /// All three messages, at both ends.
    handshake_us: u64,
    sign_us: u64,
    verify_us: u64,
}

/// Runs it.
pub fn run(options: &SealOptions) -> anyhow::Result<ExitCode> {
    let out = Stdout::new(options.json)?;
    let shake = shake(options.handshakes)?;
    tell(&out, options.json, &shake, || {
        format!(
            "a handshake, both ends together  {} us\na signature                      {} us, its check {} us",
            shake.handshake_us, shake.sign_us, shake.verify_us
        )
    })?;
    for body_bytes in BODY_BYTES {
        let seal = seal(body_bytes, options.datagrams)?;
        tell(&out, options.json, &seal, || {
            format!(
                "a datagram of {body_bytes:>4} bytes        {} ns to seal, {} ns to open, {} ns to copy; {} bytes more",
                seal.seal_ns, seal.open_ns, seal.copy_ns, seal.head_bytes
            )
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(
    out: &Output,
    json: bool,
    figures: &impl Serialize,
    words: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let line = if json { serde_json::to_string(figures)? } else { words() };
    out.put(&line);
    Ok(())
}

fn shake(times: u32) -> anyhow::Result<Shake> {
    let mut chance = Chance::new(runtime::random_bytes()?);
    let began = Instant::now();
    for _ in 0..times {
        black_box(agreed(&mut chance).context("no handshake")?);
    }
    let handshake_us = (began.elapsed() / times).as_micros() as u64;
    let key = SecretKey::draw(&mut chance);
    let began = Instant::now();
    for _ in 0..times {
        black_box(key.sign(Subject::Roster, &[b"who is in"]));
    }
    let sign_us = (began.elapsed() / times).as_micros() as u64;
    let signature = key.sign(Subject::Roster, &[b"who is in"]);
    let began = Instant::now();
    for _ in 0..times {
        key.public().verify(Subject::Roster, &[b"who is in"], black_box(&signature))?;
    }
    Ok(Shake { handshake_us, sign_us, verify_us: (began.elapsed() / times).as_micros() as u64 })
}

fn seal(body_bytes: usize, times: u32) -> anyhow::Result<Seal> {
    let mut chance = Chance::new(runtime::random_bytes()?);
    let (mut one, mut other) = agreed(&mut chance).context("no handshake")?;
    let mut body = vec![0; body_bytes];
    chance.fill(&mut body);
    let began = Instant::now();
    for _ in 0..times {
        black_box(black_box(&body).clone());
    }
    let copy_ns = (began.elapsed() / times).as_nanos() as u64;
    let (mut sealing, mut opening) = (Duration::ZERO, Duration::ZERO);
    let mut ink = Ink::default();
    let rounds = times.div_ceil(AT_ONCE);
    for _ in 0..rounds {
        let began = Instant::now();
        let sealed: Vec<Bytes> =
            (0..AT_ONCE).map(|_| one.seal_datagram(0x10, black_box(&body), &mut ink)).collect();
        sealing += began.elapsed();
        let began = Instant::now();
        for datagram in &sealed {
            black_box(other.open_datagram(&datagram[2..])?);
        }
        opening += began.elapsed();
    }
    let of_one = |spent: Duration| (spent / (rounds * AT_ONCE)).as_nanos() as u64;
    let (seal_ns, open_ns) = (of_one(sealing), of_one(opening));
    Ok(Seal { body_bytes, head_bytes: DATAGRAM_HEAD_BYTES, copy_ns, seal_ns, open_ns })
}

/// Both ends of a channel.
fn agreed(chance: &mut Chance) -> Option<(Channel, Channel)> {
    let (one, other) = (Identity::numbered(1), Identity::numbered(2));
    let mut dials = one.handshake(chance, true)?;
    let mut answers = other.handshake(chance, false)?;
    answers.read(&dials.write(b"")?).ok()?;
    dials.read(&answers.write(b"hello")?).ok()?;
    answers.read(&dials.write(b"hello")?).ok()?;
    dials
        .channel((other.id, other.incarnation), INDEX_MIN)
        .zip(answers.channel((one.id, one.incarnation), INDEX_MIN))
}
