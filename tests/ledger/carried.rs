//! What goes with a host's worlds, so that whoever holds one holds what was written up to it.

use std::{collections::BTreeMap, sync::Arc};

use interregnum::{
    cluster::{ledger::batch::Carried, message::WorldMark},
    game::Game,
    replica::{Replica, State},
    sim::tally::Tally,
    types::{Clock, Epoch, Incarnation, NodeId, SessionId, Term, Tick},
};

fn mark(epoch: u64, tick: u64, began: u64) -> WorldMark {
    let (host, incarnation) = (NodeId::from_u128(u128::from(epoch)), Incarnation(1));
    let term = Term { epoch: Epoch(epoch), host, incarnation };
    WorldMark { clock: Clock { term, tick: Tick(tick) }, began: Tick(began) }
}

/// How much a host says that it has written, to somebody who holds the world of a tick.
fn says(replica: &Replica<Tally>, held: u64) -> Option<u64> {
    let carried = replica.since(Some(Tick(held)), SessionId::default(), 14).carried;
    (!carried.is_empty()).then(|| Carried::decode(&carried).unwrap().written)
}

/// It may have written in an earlier reign that nobody followed to its end.
#[test]
fn who_is_crowned_says_how_much_it_has_written_before() {
    let mut replica = Replica::<Tally>::default();
    let state = Arc::new(State { world: Tally::found(1), seats: BTreeMap::new(), happened: 0 });
    replica.take(mark(4, 505, 463), state.clone(), None);
    assert_eq!(says(&replica, 505), None);
    let mark = mark(5, 506, 505);
    replica.reign(mark.clock.term);
    replica.take(mark, state, None);
    assert_eq!(says(&replica, 505), Some(14));
    assert_eq!(says(&replica, 506), None);
}
