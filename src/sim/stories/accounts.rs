//! One person on several machines, and what becomes of a machine that is struck off.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    accounts::Own,
    keys::SecretKey,
    sim::{network::Place, tally::Tally, world::World},
    text::Name,
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "one-person-three-machines",
        tells: "One account plays on three machines, apart for a while, and then together.",
        nodes: 5,
        script: one_person_three_machines,
    },
    Story {
        name: "struck-off-machine",
        tells: "A machine of an account is struck off on one side of a cut; then the cut heals.",
        nodes: 5,
        script: struck_off_machine,
    },
    Story {
        name: "listed-account",
        tells: "A list has an account on it: its machines come in, but for one that it strikes off.",
        nodes: 5,
        script: listed_account,
    },
];

/// Longer than a link takes from its opening to its hello.
const SHOWN_MS: u64 = 3_500;

/// So many of the machines are one person's; the others are nobody's in particular.
const ADAS: usize = 3;

/// What is written into a ledger is there, and known to all who are linked, after this time.
const KNOWN_MS: u64 = 2_500;

/// Within this time after a heal nobody lets a machine in any more that was struck off.
const TURNED_OUT_MS: u64 = 1_500;

/// An account for the first machines, which all of them speak for. They do not run yet.
fn account(scene: &mut Scene) -> Own {
    let mut bytes = [0; 32];
    bytes.iter_mut().for_each(|byte| *byte = scene.draw(256) as u8);
    let machine = |scene: &Scene, place| scene.world.key(place);
    let mut own = Own::new(SecretKey::from_bytes(&bytes), machine(scene, 0), 1);
    for place in 1..ADAS {
        let _ = own.certify(machine(scene, place), 1);
    }
    let _ = own.be_called(&Name::new("Ada"), None);
    declare(scene, &own);
    own
}

/// What the account says is said on each of its machines that hears of it.
fn declare(scene: &mut Scene, own: &Own) {
    for place in 0..ADAS {
        scene.world.declare(place, own.statements().to_vec());
    }
}

/// Whether a node knows that all of Ada's machines are hers.
fn knows_ada(world: &World<Tally>, place: Place, own: &Own) -> bool {
    let Some(node) = world.node(place) else { return true };
    let ada = own.account().id();
    (0..ADAS).all(|machine| node.accounts().person(world.id(machine)) == ada)
}

fn all_know_ada(scene: &mut Scene, own: &Own) {
    let count = scene.world.count();
    let known =
        scene.until(ms(KNOWN_MS), |world| (0..count).all(|place| knows_ada(world, place, own)));
    scene.claim(known, || "not everybody knows whose the machines are".into());
}

fn one_person_three_machines(scene: &mut Scene) {
    let mut own = account(scene);
    scene.gather();
    all_know_ada(scene, &own);
    // Each of hers is by itself, or with somebody else.
    let sides = [vec![0], vec![1, 3], vec![2, 4]];
    for (at, side) in sides.iter().enumerate() {
        for other in &sides[at + 1..] {
            scene.cut(side, other);
        }
    }
    scene.pass(1_500);
    scene.pass_up_to(2_000);
    // On one of them she takes another name meanwhile.
    let _ = own.be_called(&Name::new("Countess"), None);
    scene.world.declare(0, own.statements().to_vec());
    scene.pass(1_500);
    scene.hosts_are(3);
    let facts = (0..scene.world.count()).flat_map(|place| scene.facts(place)).collect();
    scene.heal();
    scene.one_game_within(1_500);
    scene.one_ledger_within(2_500);
    scene.all_hold(&facts);
    all_know_ada(scene, &own);
    scene.pass(1_000);
    for place in 0..scene.world.count() {
        let node = scene.world.node(place);
        let name =
            node.and_then(|node| node.accounts().name_of(scene.world.id(1)).map(str::to_owned));
        scene.claim(name.as_deref() == Some("Countess"), || format!("n{place} calls her {name:?}"));
        let forked = scene.world.node(place).is_some_and(|node| {
            let ledger = node.cluster().ledger();
            ledger
                .known()
                .map(|entry| entry.id())
                .collect::<Vec<_>>()
                .windows(2)
                .any(|two| two[0] == two[1])
        });
        scene.claim(!forked, || format!("n{place} holds two entries of one name"));
    }
}

/// Whether anybody but `lost` itself counts it among those who play, or follows it.
fn is_let_in(world: &World<Tally>, lost: Place) -> bool {
    let all: Vec<Place> = (0..world.count()).collect();
    is_let_in_by(world, lost, &all)
}

/// The same of some of them.
fn is_let_in_by(world: &World<Tally>, lost: Place, some: &[Place]) -> bool {
    let id = world.id(lost);
    some.iter().copied().filter(|place| *place != lost).any(|place| {
        world.node(place).is_some_and(|node| {
            let cluster = node.cluster();
            let followed = cluster.election().following().is_some_and(|term| term.host == id);
            let seat = node.replica().state().and_then(|state| state.seats.get(&id));
            let seated =
                cluster.election().reign().is_some() && seat.is_some_and(|seat| seat.present);
            followed || seated || cluster.members().iter().any(|member| member.id == id)
        })
    })
}

fn struck_off_machine(scene: &mut Scene) {
    let mut own = account(scene);
    scene.gather();
    all_know_ada(scene, &own);
    let lost = scene.draw(ADAS as u64) as Place;
    let striker = (lost + 1 + scene.draw(2) as Place) % ADAS;
    let (mut there, mut here): (Vec<Place>, Vec<Place>) = (vec![lost], vec![striker]);
    for place in (0..scene.world.count()).filter(|place| *place != lost && *place != striker) {
        if scene.toss() { there.push(place) } else { here.push(place) }
    }
    scene.cut(&there, &here);
    scene.pass(800);
    scene.pass_up_to(1_500);
    let _ = own.strike(scene.world.id(lost));
    scene.world.declare(striker, own.statements().to_vec());
    let after = scene.between(700, 2_000);
    scene.pass(after);
    // There are two games, and whoever is over there plays on as if nothing had been said.
    scene.hosts_are(2);
    let seated_there = is_let_in_by(&scene.world, lost, &there);
    scene.claim(there.len() == 1 || seated_there, || format!("n{lost} has no seat among its own"));
    let out_here = !is_let_in_by(&scene.world, lost, &here);
    scene.claim(out_here, || format!("n{lost} is struck off here, and plays here"));
    scene.heal();
    let turned_out = scene.until(ms(TURNED_OUT_MS), |world| !is_let_in(world, lost));
    scene.claim(turned_out, || format!("n{lost} is struck off, and plays"));
    // So it stays, whatever it tries.
    let comes_back = scene.until(ms(3_000), |world| is_let_in(world, lost));
    scene.claim(!comes_back, || format!("n{lost} is struck off, and plays again"));
    scene.world.kill(lost);
    scene.world.start(lost);
    let comes_back = scene.until(ms(2_000), |world| is_let_in(world, lost));
    scene.claim(!comes_back, || format!("n{lost} is struck off, and plays after a new start"));
    scene.world.kill(lost);
    // Nor where it does not even know of it any more.
    scene.world.wipe(lost);
    scene.world.start(lost);
    let comes_back = scene.until(ms(2_000), |world| is_let_in(world, lost));
    scene.claim(!comes_back, || format!("n{lost} is struck off, and plays with an empty disk"));
    scene.world.kill(lost);
    scene.one_game_within(1_000);
    scene.one_ledger_within(2_500);
}

fn listed_account(scene: &mut Scene) {
    let mut own = account(scene);
    let keys = [own.account(), scene.world.key(3)];
    for place in 0..ADAS {
        scene.world.allowed.insert(place, keys.into_iter().collect());
    }
    scene.world.allowed.insert(3, keys.into_iter().collect());
    scene.gather_some(4);
    let all = |world: &World<Tally>, machines: usize| {
        (0..machines).chain([3]).all(|place| is_let_in(world, place))
    };
    let let_in = all(&scene.world, ADAS);
    scene.claim(let_in, || "a machine of the account is not let in".into());
    // Whoever is neither listed nor hers is told so, and disturbs nobody.
    scene.world.start(4);
    let told = scene.until(ms(SHOWN_MS), |world| world.users.excluded.contains(&4));
    scene.claim(told, || "n4 is not told that it is on no list".into());
    let outside = !is_let_in(&scene.world, 4);
    scene.claim(outside, || "n4 is on no list, and plays".into());
    scene.nobody_asked();
    scene.world.kill(4);
    let _ = own.strike(scene.world.id(2));
    for place in 0..2 {
        scene.world.declare(place, own.statements().to_vec());
    }
    let turned_out = scene.until(ms(2_500), |world| !is_let_in(world, 2));
    scene.claim(turned_out, || "n2 is struck off, and plays".into());
    // It may have found out itself, and before the others.
    scene.pass(1_000);
    scene.world.kill(2);
    scene.world.start(2);
    let comes_back = scene.until(ms(SHOWN_MS), |world| is_let_in(world, 2));
    scene.claim(!comes_back, || "n2 is struck off, and plays again".into());
    scene.world.kill(2);
    scene.pass(500);
    scene.one_game_within(1_000);
}
