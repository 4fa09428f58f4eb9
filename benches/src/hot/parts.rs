//! What the hot parts of a host's tick cost, each alone: a step, its hash, a snapshot, the seal of a datagram.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use interregnum::{
    Clock, Game as _, Name, News, NodeId, Term, Tick,
    arena::{Arena, World, bot},
    cluster::message::WorldMark,
    config::Form,
    details::{Epoch, Incarnation},
    keys::Chance,
    mesh::{
        channel::{Channel, INDEX_MIN, Ink},
        identity::Identity,
    },
    replica::{Replica, State, snapshot},
};

/// A tick with 64 players, and what goes in a datagram at most.
const BODY_BYTES: [usize; 2] = [60, 1_100];

fn id(number: u32) -> NodeId {
    NodeId::from_u128(u128::from(number) + 1)
}

/// A world in which so many bots have played for a while, and what they hold down in it.
fn played(players: u32) -> (World, Vec<News<interregnum::arena::Controls>>) {
    let mut world = Arena::new_world(7);
    let joined: Vec<_> =
        (0..players).map(|n| News::Joined(id(n), Name::new(&format!("player {n}")))).collect();
    Arena::step(&mut world, &joined, &mut Vec::new());
    let press = |world: &World| -> Vec<_> {
        (0..players).map(|n| News::Controls(id(n), bot::play(world, id(n), n.into()))).collect()
    };
    for _ in 0..300 {
        let news = press(&world);
        Arena::step(&mut world, &news, &mut Vec::new());
    }
    let news = press(&world);
    (world, news)
}

fn state(world: World) -> State<World> {
    State { world, seats: Default::default(), happened: 0 }
}

fn clock(tick: u64) -> Clock {
    let term = Term { epoch: Epoch(1), host: id(0), incarnation: Incarnation(1) };
    Clock { term, tick: Tick(tick) }
}

fn worlds(criterion: &mut Criterion) {
    for players in [8, 64] {
        let (world, news) = played(players);
        let name = |what: &str| format!("{what}, {players} players");
        criterion.bench_function(&name("step"), |bencher| {
            bencher.iter_batched_ref(
                || world.clone(),
                |world| Arena::step(world, black_box(&news), &mut Vec::new()),
                criterion::BatchSize::SmallInput,
            );
        });
        let old = state(world.clone());
        let mut new = old.clone();
        Arena::step(&mut new.world, &news, &mut Vec::new());
        criterion.bench_function(&name("hash and digest"), |bencher| {
            bencher.iter(|| black_box(&new).hash_and_digest());
        });
        let hash = new.hash();
        let encode =
            |held| snapshot::encode::<Arena>(Form::Binary, clock(2), &new, hash, held, &[]);
        criterion.bench_function(&name("encode, a tick later"), |bencher| {
            bencher.iter(|| encode(black_box(Some((clock(1), &old)))));
        });
        criterion.bench_function(&name("encode, whole"), |bencher| {
            bencher.iter(|| encode(black_box(None)));
        });
        let payload = encode(Some((clock(1), &old))).expect("a snapshot");
        let mut replica = Replica::<Arena>::default();
        let mark = WorldMark { clock: clock(1), began: Tick(0) };
        replica.take(mark, old.clone().into(), None);
        criterion.bench_function(&name("decode, a tick later"), |bencher| {
            bencher.iter(|| match snapshot::decode(black_box(&payload), clock(2), &replica) {
                Ok(snapshot) => snapshot.hash,
                Err(why) => panic!("{why:?}"),
            });
        });
        criterion.bench_function(&name("postcard, whole"), |bencher| {
            bencher.iter(|| postcard::to_stdvec(black_box(&new.world)));
        });
    }
}

/// Both ends of a channel.
fn agreed() -> Option<(Channel, Channel)> {
    let mut chance = Chance::new([7; 32]);
    let (one, other) = (Identity::numbered(1), Identity::numbered(2));
    let mut dials = one.handshake(&mut chance, true)?;
    let mut answers = other.handshake(&mut chance, false)?;
    answers.read(&dials.write(b"")?).ok()?;
    dials.read(&answers.write(b"hello")?).ok()?;
    answers.read(&dials.write(b"hello")?).ok()?;
    dials
        .channel((other.id, other.incarnation), INDEX_MIN)
        .zip(answers.channel((one.id, one.incarnation), INDEX_MIN))
}

fn seals(criterion: &mut Criterion) {
    for bytes in BODY_BYTES {
        let (mut one, mut other) = agreed().expect("a handshake");
        let body = vec![7; bytes];
        let mut ink = Ink::default();
        criterion.bench_function(&format!("seal, {bytes} bytes"), |bencher| {
            bencher.iter(|| one.seal_datagram(0x10, black_box(&body), &mut ink));
        });
        criterion.bench_function(&format!("open, {bytes} bytes"), |bencher| {
            // Each can be opened once.
            bencher.iter_batched(
                || one.seal_datagram(0x10, &body, &mut ink),
                |sealed| other.open_datagram(&sealed[2..]).is_ok(),
                criterion::BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(parts, worlds, seals);
criterion_main!(parts);
