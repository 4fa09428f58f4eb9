//! What a member can say that is not so, and that it can say at all: under its own key, of its own reigns and
//! those that there were. Worlds are those that some host has made, for others are refused before an election
//! hears of them.

use crate::{
    rules,
    table::{SEATS, Table, id, tick_of},
};
use interregnum::{
    cluster::message::{
        Answer, ElectionPacket, Ends, MeetPacket, OkPacket, Packet, Rank, WorldMark,
    },
    sim::network::Place,
    types::{Clock, Epoch, Incarnation, NodeId, Term, Tick},
};

/// As far as an epoch may be above all known ones to be believed at all.
const LEAP: u64 = 1 << 20;

/// All that one may say to another.
pub fn lies(table: &Table, liar: Place, to: Place) -> Vec<(&'static str, Packet)> {
    let (Some(mine), Some(theirs)) = (&table.seats[liar], &table.seats[to]) else {
        return Vec::new();
    };
    let known = rules::highest(table);
    let own = |epoch: u64| Term {
        epoch: Epoch(epoch),
        host: id(liar),
        incarnation: Incarnation(table.lives[liar] * SEATS as u64 + liar as u64),
    };
    let higher = own(known.0 + 1);
    let mut lies = answers(theirs.election.round(), mine.world, theirs.election.current(), known);
    let asks = [
        ("asks as the highest", theirs.election.current(), ahead(theirs.world)),
        ("asks as a newcomer of the highest rank", None, None),
    ];
    lies.extend(asks.map(|(what, ends, world)| {
        let rank = Rank { has_world: true, steady: true, id: NodeId::from_u128(u128::MAX) };
        (what, Packet::Election(ElectionPacket { round: 1 << 30, ends, world, rank, floor: known }))
    }));
    if let Some(judged) = theirs.election.reign() {
        let verdict = |keeps| Packet::Verdict { judge: higher, judged, keeps, word: None };
        let stale = |promised, alive| Packet::Stale { promised, word: None, alive };
        lies.extend([
            ("keeps the crown", verdict(true)),
            ("gives the crown away", verdict(false)),
            ("tells of a reign of its own", Packet::Rival { term: higher, word: None }),
            ("has promised more", stale(higher, false)),
            ("hears itself reign", stale(higher, true)),
            ("has promised all", stale(own(known.0 + LEAP), false)),
        ]);
        for (what, term) in [("asks for a verdict from below", own(0)), ("from above", higher)] {
            let members = (0..SEATS).map(id).collect();
            lies.push((what, Packet::Meet(MeetPacket { term, members, tick: Tick(u64::MAX) })));
        }
    }
    if let Some(old) = theirs.election.current() {
        lies.push(("says who is to be followed", Packet::Ends { old, new: higher, word: None }));
        let third = (0..SEATS).find(|place| *place != liar && *place != to).unwrap_or(to);
        for (what, successor) in [("for itself", liar), ("for you", to), ("for a third", third)] {
            let successor = id(successor);
            lies.push((what, Packet::Abdicate { term: old, successor, world: None }));
        }
        let tick = theirs.world.map_or(Tick(0), |world| world.clock.tick);
        let world = WorldMark { clock: Clock { term: higher, tick }, began: tick };
        for (what, ends) in
            [("has ended the reign", Ends::CarriesOn(old)), ("has beaten it", Ends::Beats(old))]
        {
            lies.push((what, Packet::Tick(tick_of(higher, ends, world, 0))));
        }
    }
    lies
}

fn answers(
    round: u32,
    mine: Option<WorldMark>,
    lost: Option<Term>,
    known: Epoch,
) -> Vec<(&'static str, Packet)> {
    let ok = |floor, answer| Packet::Ok(OkPacket { round, floor, answer });
    let follow = |world| Answer::Follow { world, worlds: Vec::new() };
    let mut answers = vec![
        ("takes over", ok(known, Answer::TakingOver)),
        ("follows without a world", ok(known, follow(None))),
        ("follows with its own", ok(known, follow(mine))),
        ("follows after all epochs", ok(Epoch(known.0 + LEAP), follow(mine))),
    ];
    if let Some(term) = lost {
        let clock = Clock { term, tick: Tick(u64::MAX >> 1) };
        answers.push(("the host lives", ok(known, Answer::Lives { clock })));
    }
    answers
}

/// A world that nobody has yet.
fn ahead(world: Option<WorldMark>) -> Option<WorldMark> {
    let mut world = world?;
    world.clock.tick.0 += 100;
    Some(world)
}
