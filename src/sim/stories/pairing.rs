//! Two people make sure that nobody stands between them; and somebody does.

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    accounts::Standing,
    cluster::{coding, message::Message},
    config::ACCOUNT_PROVED_WITHIN,
    mesh::Delivery,
    node::Command,
    pairing::{Code, Ended, Person, Stage, Step},
    sim::{
        network::Place,
        tally::Tally,
        world::{Tap, World},
    },
    text::Name,
    types::{Incarnation, NodeId},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "two-people-pair",
        tells: "Two compare pictures, know each other again later, and are not taken in by a namesake.",
        nodes: 5,
        script: two_people_pair,
    },
    Story {
        name: "somebody-between-two",
        tells: "Somebody is Bob for Ada and Ada for Bob, passes on what they say, and alters it.",
        nodes: 4,
        script: somebody_between_two,
    },
];

/// What one says reaches the other within this time, in milliseconds.
const HEARD_MS: u64 = 500;

fn two_people_pair(scene: &mut Scene) {
    // Whoever comes last is called like one of the two.
    let (ada, bob, namesake) = (0, 1, 4);
    scene.world.names.insert(namesake, Name::new("N1"));
    let host = scene.gather_some(4);
    let (ada_id, bob_id) = (scene.world.id(ada), scene.world.id(bob));
    scene.world.command(ada, Command::Pair(bob_id));
    if scene.toss() {
        // Each asks the other one; perhaps at once.
        scene.pass_up_to(20);
        scene.world.command(bob, Command::Pair(ada_id));
    } else {
        let asked = scene.until(ms(HEARD_MS), |world| stage(world, bob) == Some(Stage::Asked));
        scene.claim(asked, || "Bob is not asked".into());
        scene.pass_up_to(2_000);
        scene.world.command(bob, Command::Pair(ada_id));
    }
    let shown = scene.until(ms(HEARD_MS), |world| {
        code(world, ada).is_some() && code(world, ada) == code(world, bob)
    });
    scene.claim(shown, || "the two are not shown the same".into());
    // What two people do is no business of the host, unless it is one of them.
    if host > bob && scene.toss() {
        scene.world.kill(host);
    }
    scene.pass_up_to(3_000);
    scene.world.command(ada, Command::Compared { same: true });
    scene.pass_up_to(1_000);
    scene.world.command(bob, Command::Compared { same: true });
    let paired = |world: &World<Tally>| knows(world, ada, bob) && knows(world, bob, ada);
    let both = scene.until(ms(HEARD_MS), paired);
    scene.claim(both, || "the two are not paired".into());
    let still = [ada, bob].map(|place| stage(&scene.world, place));
    scene.claim(still == [None; 2], || format!("they go on comparing: {still:?}"));

    // Both are told who is there when they come again.
    for place in [ada, bob] {
        scene.world.kill(place);
        scene.pass(300);
        scene.world.start(place);
        scene.one_game_within(2_000);
    }
    let again = scene.until(ms(1_000), |world| {
        let known = |one: Place, other: NodeId| world.users.recognised.contains(&(one, other));
        known(ada, bob_id) && known(bob, ada_id)
    });
    scene.claim(again, || "the two do not know each other again".into());
    scene.world.start(namesake);
    scene.pass(ACCOUNT_PROVED_WITHIN.as_millis() as u64 + 2_000);
    let warned = scene.world.users.other_keys.clone();
    let expected = [(ada, scene.world.id(namesake))].into();
    scene.claim(warned == expected, || format!("these were warned: {warned:?}"));
    let standing = scene.world.node(ada).map(|node| node.standing(bob_id));
    scene.claim(standing == Some(Standing::Paired), || format!("Bob is {standing:?} to Ada"));
}

fn somebody_between_two(scene: &mut Scene) {
    // Two machines of one who is neither: one is called like Bob, the other one like Ada.
    let (ada, bob, to_ada, to_bob) = (0, 1, 2, 3);
    scene.world.names.insert(to_ada, Name::new("n1"));
    scene.world.names.insert(to_bob, Name::new("n0"));
    scene.world.tap = Some(Tap::default());
    scene.gather();
    let own = |scene: &Scene, place| Person { machine: scene.world.key(place), certificate: None };

    // Ada asks whom she takes for Bob, and what she says is passed on to him as it is.
    let false_bob = scene.world.id(to_ada);
    scene.world.command(ada, Command::Pair(false_bob));
    let machine = scene.world.key(ada);
    let offer = overheard(scene, |step| match step {
        Step::Offer { who, .. } if who.machine == machine => Some(step.clone()),
        _ => None,
    });
    let Some(Step::Offer { run, commitment, .. }) = offer.clone() else { return };
    offer.into_iter().for_each(|offer| say(scene, to_bob, bob, offer));
    scene.pass(HEARD_MS);
    let at = stage(&scene.world, bob);
    scene.claim(at.is_none(), || format!("Bob is taken in by somebody else's word: {at:?}"));

    // Then with another key in it. Bob is asked, as by anybody, and wants to.
    let who = own(scene, to_bob);
    say(scene, to_bob, bob, Step::Offer { run, who, commitment });
    let asked = scene.until(ms(HEARD_MS), |world| stage(world, bob) == Some(Stage::Asked));
    scene.claim(asked, || "Bob is not asked".into());
    let asks = scene.world.id(to_bob);
    scene.world.command(bob, Command::Pair(asks));
    let machine = scene.world.key(bob);
    let answer = overheard(scene, |step| match step {
        Step::Answer { who, nonce, .. } if who.machine == machine => Some(*nonce),
        _ => None,
    });
    let Some(nonce) = answer else { return };
    let who = own(scene, to_ada);
    say(scene, to_ada, ada, Step::Answer { run, who, nonce });
    let revealed = overheard(scene, |step| match step {
        Step::Reveal { run: of, nonce } if *of == run => Some(*nonce),
        _ => None,
    });
    let Some(nonce) = revealed else { return };
    say(scene, to_bob, bob, Step::Reveal { run, nonce });
    let found = scene
        .until(ms(HEARD_MS), |world| world.users.unpaired.contains(&(bob, Ended::Broken, false)));
    scene.claim(found, || "Bob does not notice that the number is not his partner's".into());
    // It has the word of nobody that Bob's pictures are the same.
    say(scene, to_ada, ada, Step::Same { run });
    scene.pass(HEARD_MS);
    scene.world.command(ada, Command::Compared { same: false });

    // At last it compares with both, by the rules, and claims that all is well.
    let id = scene.world.id(bob);
    scene.world.command(ada, Command::Pair(false_bob));
    scene.world.command(to_bob, Command::Pair(id));
    scene.pass(HEARD_MS);
    let ada_id = scene.world.id(ada);
    scene.world.command(to_ada, Command::Pair(ada_id));
    scene.world.command(bob, Command::Pair(asks));
    let shown = scene
        .until(ms(HEARD_MS), |world| [ada, bob].iter().all(|place| code(world, *place).is_some()));
    scene.claim(shown, || "the two are shown nothing".into());
    let codes = [ada, bob].map(|place| code(&scene.world, place));
    scene.claim(codes[0] != codes[1], || format!("both see {codes:?}"));
    for place in [to_ada, to_bob] {
        scene.world.command(place, Command::Compared { same: true });
    }
    scene.pass(HEARD_MS);
    for place in [ada, bob] {
        scene.world.command(place, Command::Compared { same: false });
    }
    scene.pass(HEARD_MS);
    for place in 0..4 {
        let known = scene.world.node(place).map_or(0, |node| node.friends().all().len());
        scene.claim(known == 0, || format!("n{place} remembers {known}"));
        let at = stage(&scene.world, place);
        scene.claim(at.is_none(), || format!("n{place} goes on comparing: {at:?}"));
    }
    scene.nobody_asked();
    scene.nobody_waited(25);
}

fn stage(world: &World<Tally>, place: Place) -> Option<Stage> {
    Some(world.node(place)?.pairing()?.stage)
}

fn code(world: &World<Tally>, place: Place) -> Option<Code> {
    match stage(world, place) {
        Some(Stage::Comparing { code, .. }) => Some(code),
        _ => None,
    }
}

fn knows(world: &World<Tally>, place: Place, other: Place) -> bool {
    let key = world.key(other);
    world.node(place).is_some_and(|node| node.friends().knows(&key))
}

/// What whoever hears everything hears next of it.
fn overheard<T>(scene: &mut Scene, of: impl Fn(&Step) -> Option<T>) -> Option<T> {
    let find = |world: &World<Tally>| {
        world.tap.iter().flat_map(|tap| &tap.said).rev().find_map(|said| {
            let (kind, body) = said.split_first()?;
            let nobody = (NodeId::from_u128(0), Incarnation(0));
            match coding::decode(*kind, body.to_vec().into(), nobody, nobody) {
                Ok(Message::Pairing(step)) => of(&step),
                _ => None,
            }
        })
    };
    let heard = scene.until(ms(HEARD_MS), |world| find(world).is_some());
    scene.claim(heard, || "what should have been said was not".into());
    find(&scene.world)
}

fn say(scene: &mut Scene, by: Place, to: Place, step: Step) {
    if let Some((kind, body)) = coding::encode(&Message::Pairing(step)) {
        scene.world.utter(by, to, Delivery::Link, kind, &body);
    }
}
