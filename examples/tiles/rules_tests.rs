use proptest::prelude::*;

use super::*;
use crate::{bot, path::SIDE};

const fn id(number: u128) -> NodeId {
    NodeId::from_u128(number)
}

fn name(number: u128) -> Name {
    Name::new(["Ada", "Ben", "Cleo", "Dov", "Eve", "Finn"][number as usize % 6])
}

fn step(world: &mut World, news: &[News<(), Move>]) -> Vec<Told> {
    let mut events = Vec::new();
    Snailway::step(world, news, &mut events);
    assert!(Snailway::is_valid(world), "{world:?}");
    events
}

/// Steps until something happens, or that many times.
fn wait(world: &mut World, ticks: u64) -> Vec<Told> {
    let told = (0..ticks).map(|_| step(world, &[])).find(|events| !events.is_empty());
    told.unwrap_or_default()
}

/// A game that has just begun.
fn begun(seed: u64, people: u128) -> World {
    let mut world = Snailway::new_world(seed);
    Snailway::on_new_host(&mut world, seed);
    let joined: Vec<_> = (1..=people).map(|one| News::Joined(id(one), name(one))).collect();
    step(&mut world, &joined);
    let told = wait(&mut world, GATHER_TICKS + 1);
    assert_eq!(told, [Told::Begun { game: world.game }]);
    world
}

fn on_turn(world: &World) -> NodeId {
    world.turn().unwrap().1.id
}

/// Whoever's turn it is makes a good move.
fn play(world: &mut World) -> Vec<Told> {
    let (id, wanted) = (on_turn(world), bot::choose(world).unwrap());
    step(world, &[News::Order(id, wanted)])
}

/// One world of many, in the middle of something.
fn any_world(seed: u64, people: u128, moves: usize) -> World {
    let mut world = begun(seed, people);
    for _ in 0..moves {
        if world.turn().is_some() {
            play(&mut world);
        }
    }
    world
}

#[test]
fn the_rules_are_what_a_game_has_to_be() {
    let this = "rules::tests::the_rules_are_what_a_game_has_to_be";
    let checked = interregnum::sim::check_across_processes::<Snailway>(this, 30).unwrap();
    assert!(checked.forged > 50, "{checked:?}");
}

#[test]
fn a_game_begins_with_up_to_four_of_those_present_and_others_watch() {
    for people in 2..=6 {
        let world = begun(7, people);
        assert_eq!(world.players.len(), (people as usize).min(SEATS));
        assert_eq!(world.lobby.people().count(), people as usize);
        assert_eq!(world.phase(), Phase::Turn(0));
    }
    let mut alone = Snailway::new_world(1);
    step(&mut alone, &[News::Joined(id(1), name(1))]);
    assert_eq!(wait(&mut alone, 10 * GATHER_TICKS), []);
    assert_eq!(alone.phase(), Phase::Alone);
}

#[test]
fn the_order_is_drawn_and_so_is_who_plays() {
    let first = |seed| begun(seed, 6).players.iter().map(|player| player.id).collect::<Vec<_>>();
    let orders: BTreeSet<Vec<NodeId>> = (0..200).map(first).collect();
    assert!(orders.len() > 100, "{}", orders.len());
    let who_begins: BTreeSet<NodeId> = orders.iter().map(|order| order[0]).collect();
    assert_eq!(who_begins.len(), 6);
}

#[test]
fn every_game_has_one_winner_and_nobody_moves_twice_in_a_row() {
    for seed in 0..200 {
        let mut world = begun(seed, 2 + u128::from(seed % 4));
        let (mut last, mut won) = (None, Vec::new());
        while world.turn().is_some() {
            let (mover, moves) = (on_turn(&world), world.moves());
            assert_ne!(last, Some(mover));
            let told = play(&mut world);
            assert!(
                matches!(told[0], Told::Laid { player, by_clock: false, .. } if player == mover)
            );
            assert_eq!(world.moves(), moves + 1);
            won.extend(told.iter().filter(|told| matches!(told, Told::Won { .. })).copied());
            last = Some(mover);
        }
        let winner = world.winner().unwrap().id;
        assert_eq!(won, [Told::Won { game: world.game, player: winner }]);
        let fact = Snailway::fact_of_event(&world, &won[0]).unwrap();
        let mut scores = BTreeMap::new();
        Snailway::update_scores(&mut scores, 0, ScoreNews::Counts(&fact));
        assert_eq!(scores, BTreeMap::from([(winner, 1)]));
    }
}

#[test]
fn the_next_game_begins_by_itself_and_has_another_name() {
    let mut world = any_world(3, 3, 40);
    let before = world.game;
    assert!(world.winner().is_some());
    let told = wait(&mut world, CHEER_TICKS + 1);
    assert_eq!(told, [Told::Begun { game: world.game }]);
    assert!(world.game != before && world.board.is_empty());
}

#[test]
fn a_move_is_made_for_whoever_makes_none_within_ten_seconds() {
    let mut world = begun(5, 2);
    let mover = on_turn(&world);
    for _ in 1..TURN_TICKS {
        assert_eq!(step(&mut world, &[]), []);
    }
    let told = step(&mut world, &[]);
    assert!(matches!(told[0], Told::Laid { player, by_clock: true, .. } if player == mover));
    assert_ne!(on_turn(&world), mover);
    // So a game ends whoever sleeps.
    for _ in 0..CELLS {
        wait(&mut world, TURN_TICKS);
    }
    assert!(world.game != 0 && (world.winner().is_some() || world.board.len() < CELLS.into()));
}

#[test]
fn what_may_not_be_is_ignored_and_its_sender_is_told_why() {
    let mut world = begun(9, 5);
    let mover = on_turn(&world);
    let other = world.players[1].id;
    let watcher = (1..=5).map(id).find(|one| world.players.iter().all(|player| player.id != *one));
    let good = bot::choose(&world).unwrap();
    let inner = Spot { cell: SIDE + 1, end: 0 };
    let wrong = [
        (watcher.unwrap(), good, Why::Watching),
        (other, good, Why::NotYourTurn),
        (mover, Move { number: 1, ..good }, Why::TooLate),
        (mover, Move { game: world.game ^ 1, ..good }, Why::TooLate),
        (mover, Move { tile: HAND as u8, ..good }, Why::NoSuchTile),
        (mover, Move { turned: 4, ..good }, Why::NoSuchTile),
        (mover, Move { start: None, ..good }, Why::StartAtEdge),
        (mover, Move { start: Some(inner), ..good }, Why::StartAtEdge),
        (mover, Move { start: Some(Spot { cell: 200, end: 9 }), ..good }, Why::StartAtEdge),
    ];
    for (who, wanted, why) in wrong {
        let ordered = News::Order(who, wanted);
        let refused = Told::Refused { player: who, why };
        assert_eq!(step(&mut world, &[ordered.clone(), ordered]), [refused, refused]);
        assert!(world.board.is_empty() && on_turn(&world) == mover);
    }
    // Then the right one counts; and not once more, for then it is somebody else's turn.
    let ordered = News::Order(mover, good);
    let told = step(&mut world, &[ordered.clone(), ordered]);
    assert!(matches!(told[0], Told::Laid { .. }));
    assert_eq!(told[1..], [Told::Refused { player: mover, why: Why::TooLate }]);
    assert_eq!(world.moves(), 1);
    // Who is on the board goes on from there.
    while on_turn(&world) != mover {
        play(&mut world);
    }
    if world.players[0].plays() {
        let wanted = Move { number: world.moves(), ..good };
        let told = step(&mut world, &[News::Order(mover, wanted)]);
        assert_eq!(told, [Told::Refused { player: mover, why: Why::StartedAlready }]);
    }
    let told = step(&mut world, &[News::Order(id(77), good)]);
    assert_eq!(
        told,
        [Told::Refused { player: id(77), why: Why::Watching }],
        "nobody knows that one"
    );
}

#[test]
fn a_turns_clock_is_in_the_world_and_stands_still_between_two_hosts() {
    let mut world = begun(4, 2);
    (0..TURN_TICKS / 2).for_each(|_| _ = step(&mut world, &[]));
    let left = world.left();
    Snailway::on_new_host(&mut world, 5); // however long that took
    assert_eq!(world.left(), left);
    assert!(left <= TURN_TICKS / 2 + 1);
}

#[test]
fn who_leaves_the_game_is_out_and_the_board_stays_right() {
    let mut world = any_world(11, 4, 5);
    let (tiles, mover) = (world.board.clone(), on_turn(&world));
    let playing = world.who_plays().len();
    let told = step(&mut world, &[News::Left(mover)]);
    assert_eq!(told, [Told::Out { player: mover, why: Out::Left }]);
    assert_eq!((world.board.clone(), world.who_plays().len()), (tiles, playing - 1));
    assert_ne!(on_turn(&world), mover);
    // Coming back is for the next game.
    step(&mut world, &[News::Joined(mover, Name::new("back"))]);
    assert!(world.players.iter().any(|player| player.id == mover && !player.plays()));
    // The others play on, and its way does not grow any more.
    let gone = world.players.iter().position(|player| player.id == mover).unwrap();
    let crept = usize::from(world.players[gone].crept);
    while world.turn().is_some() {
        play(&mut world);
        let player = &world.players[gone];
        assert!(player.start.is_none() || player.way(&world.board).tiles.len() == crept);
    }
}

#[test]
fn whoever_is_left_wins_even_if_all_others_leave_at_once() {
    let mut world = any_world(11, 4, 2);
    let all: Vec<_> = world.players.iter().map(|player| News::Left(player.id)).collect();
    let told = step(&mut world, &all);
    let won = told.iter().filter(|told| matches!(told, Told::Won { .. })).count();
    assert_eq!(won, 1);
    assert_eq!(world.winner().unwrap().id, world.players[3].id);
    wait(&mut world, CHEER_TICKS + 1);
    assert_eq!(world.phase(), Phase::Alone);
}

/// Both snails stand at one cell, and a tile there sends each back along the other's way.
#[test]
fn if_the_last_ones_go_at_once_whoever_crept_farthest_has_won() {
    let mut found = 0;
    for seed in 0..400 {
        let mut world = begun(seed, 3);
        while world.turn().is_some() {
            let (seat, mover) = (world.turn().unwrap().0, on_turn(&world));
            let all_go = |wanted: &&Move| {
                let after = world.tried(wanted).unwrap();
                after.winner().is_some() && after.who_plays().is_empty()
            };
            let Some(wanted) = world.possible().iter().find(all_go).copied() else {
                play(&mut world);
                continue;
            };
            let before = world.clone();
            step(&mut world, &[News::Order(mover, wanted)]);
            let winner = world.winner().unwrap();
            let slid = before.who_plays();
            let crept = |seat: &u8| world.players[usize::from(*seat)].crept;
            assert_eq!(slid.iter().map(crept).max(), Some(winner.crept));
            let equals = slid.iter().filter(|seat| crept(seat) == winner.crept).count();
            assert!(equals == 1 || world.players[usize::from(seat)].id != winner.id);
            found += 1;
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn a_world_is_small_and_a_move_is_told_in_a_few_bytes() {
    let mut most = 0;
    for seed in 0..20 {
        let mut world = begun(seed, 6);
        while world.turn().is_some() {
            let mut predicted = world.clone();
            step(&mut predicted, &[]);
            play(&mut world);
            let mut out = Vec::new();
            Snailway::encode_difference(&predicted, &world, &mut out);
            assert_eq!(Snailway::decode_difference(&predicted, &out).as_ref(), Ok(&world));
            most = most.max(out.len());
        }
        let whole = postcard::to_stdvec(&world).unwrap().len();
        assert!(whole < 800, "{whole}");
    }
    assert!((1..150).contains(&most), "{most}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is read from bytes and found valid can be stepped, whatever anybody wants.
    #[test]
    fn every_world_that_is_valid_can_be_stepped(
        seed in any::<u64>(), people in 2..6_u128, moves in 0..30_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        wants in prop::collection::vec((0..7_u128, any::<[u8; 4]>(), any::<Option<(u8, u8)>>()), 0..40),
    ) {
        let world = any_world(seed, people, moves);
        let mut bytes = postcard::to_stdvec(&world).unwrap();
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(mut world) = postcard::from_bytes::<World>(&bytes) else { return Ok(()) };
        if !Snailway::is_valid(&world) {
            return Ok(());
        }
        for (who, [kind, number, tile, turned], start) in wants {
            let start = start.map(|(cell, end)| Spot { cell, end });
            let (game, number) = match kind % 8 {
                0 => (seed, number),
                _ => (world.game, world.moves()),
            };
            let wanted = Move { game, number, tile: tile % 5, turned: turned % 5, start };
            let who = if kind % 3 == 0 { world.turn().map_or(id(who), |(_, player)| player.id) } else { id(who) };
            let wanted = if kind % 5 == 0 { bot::choose(&world).unwrap_or(wanted) } else { wanted };
            let news = match kind {
                250.. => News::Left(who),
                240..250 => News::Joined(who, Name::new("new")),
                _ => News::Order(who, wanted),
            };
            let mut events = Vec::new();
            Snailway::step(&mut world, &[news], &mut events);
            prop_assert!(Snailway::is_valid(&world), "{world:?}");
        }
        // Time passes, and no turn is stuck.
        for _ in 0..3 {
            for _ in 0..=world.left() {
                Snailway::step(&mut world, &[], &mut Vec::new());
            }
            prop_assert!(Snailway::is_valid(&world), "{world:?}");
        }
    }
}
