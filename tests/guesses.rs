//! How often somebody may guess a passphrase: what a node looks at, whoever dials and however often.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{net::SocketAddr, time::Duration};

use interregnum::{
    config::Tuning,
    io::{Effect, Wire},
    keys::{Chance, Lock},
    mesh::{
        Mesh, Out,
        identity::Identity,
        message::{ANSWER, OPENING, REFUSED, Refusal},
    },
    types::{Instant, LinkId},
    wire,
};

const START: Instant = Instant(5_000_000);
const STEP: Duration = Duration::from_millis(5);

/// A node in a locked session, and what it answers to whoever dials.
struct Gate {
    me: Identity,
    mesh: Mesh,
    now: Instant,
    links: u64,
    chance: Chance,
    /// When it answered on which link, and with what kind.
    answers: Vec<(Instant, LinkId, u8, Vec<u8>)>,
}

impl Gate {
    fn new() -> Self {
        Self {
            me: locked(1, 7),
            mesh: Mesh::new(Tuning::default(), Chance::new([1; 32]), 0, Vec::new()),
            now: START,
            links: 0,
            chance: Chance::new([2; 32]),
            answers: Vec::new(),
        }
    }

    /// Somebody dials, and says its first word with what it believes to be the passphrase.
    fn dial(&mut self, from: [u8; 4], secret: u8) -> LinkId {
        self.links += 1;
        let link = LinkId(self.links);
        let other = locked(2, secret);
        let mut handshake = other.handshake(&mut self.chance, true).unwrap();
        let opening = other.opening(handshake.write(&[]).unwrap()).unwrap();
        let chunk = wire::frame(OPENING, &serde_json::to_vec(&opening).unwrap()).unwrap();
        let from = SocketAddr::from((from, 40_000));
        self.mesh.handle(self.now, &self.me, Wire::Accepted { link, from });
        self.mesh.handle(self.now, &self.me, Wire::Bytes { link, chunk });
        self.hear();
        link
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now += STEP;
            self.mesh.timeout(self.now, &self.me);
            self.hear();
        }
    }

    fn hear(&mut self) {
        while let Some(out) = self.mesh.poll() {
            if let Out::Effect(Effect::Bytes { link, bytes }) = out {
                self.answers.push((self.now, link, bytes[4], bytes[5..].to_vec()));
            }
        }
    }

    /// When the first word on a link was answered, and with what kind.
    fn answer(&self, link: LinkId) -> Option<(Instant, u8)> {
        let answer = self.answers.iter().find(|(_, on, ..)| *on == link);
        answer.map(|(at, _, kind, _)| (*at, *kind))
    }
}

fn locked(number: u8, secret: u8) -> Identity {
    Identity { lock: Some(Lock::from_secret(&[secret; 32])), ..Identity::numbered(number) }
}

const GUESSER: [u8; 4] = [10, 0, 0, 9];
const FRIEND: [u8; 4] = [10, 0, 0, 2];

#[test]
fn a_wrong_passphrase_is_refused_at_once_and_said_to_be_one() {
    let mut gate = Gate::new();
    let link = gate.dial(GUESSER, 8);
    assert_eq!(gate.answer(link), Some((START, REFUSED)));
    let refusal: Refusal = serde_json::from_slice(&gate.answers[0].3).unwrap();
    assert_eq!(refusal, Refusal::Passphrase);
}

#[test]
fn of_a_thousand_guesses_from_one_address_one_a_second_is_looked_at() {
    const SECONDS: u64 = 10;
    let mut gate = Gate::new();
    for guess in 0..SECONDS * 100 {
        gate.dial(GUESSER, 8 + (guess % 200) as u8);
        gate.pass(Duration::from_millis(10));
    }
    let looked_at: Vec<Instant> = gate.answers.iter().map(|(at, ..)| *at).collect();
    println!("{} of {} guesses were looked at", looked_at.len(), SECONDS * 100);
    assert!((SECONDS..=SECONDS + 1).contains(&(looked_at.len() as u64)), "{looked_at:?}");
    for pair in looked_at.windows(2) {
        assert!(pair[1].since(pair[0]) >= Duration::from_secs(1), "{looked_at:?}");
    }
}

#[test]
fn whoever_knows_it_gets_in_at_once_from_another_address_while_somebody_guesses() {
    let mut gate = Gate::new();
    for _ in 0..50 {
        gate.dial(GUESSER, 8);
        gate.pass(Duration::from_millis(20));
    }
    let (now, friend) = (gate.now, gate.dial(FRIEND, 7));
    assert_eq!(gate.answer(friend), Some((now, ANSWER)));
}

// Two behind one router have one address: whoever mistypes keeps the other out for a second, no longer.
#[test]
fn whoever_knows_it_gets_in_a_little_later_from_the_address_of_somebody_who_does_not() {
    let mut gate = Gate::new();
    gate.dial(GUESSER, 8);
    let friend = gate.dial(GUESSER, 7);
    assert_eq!(gate.answer(friend), None);
    gate.pass(Duration::from_millis(1_100));
    let (at, kind) = gate.answer(friend).unwrap();
    assert_eq!(kind, ANSWER);
    assert!(at.since(START) <= Duration::from_millis(1_010), "{at:?}");
}
