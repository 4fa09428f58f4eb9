//! What the disks of others hold, as they say: when an entry is safe.
//!
//! One disk can be lost with its machine. An entry is *shared* when two machines have it on their
//! disks; machines are told apart by their addresses, so that two copies of the program on one
//! machine vouch for each other no more than one does for itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    Ledger,
    disk::Disk,
    entry::{EntryId, Writer},
    vector::Vector,
};
use crate::types::{Incarnation, NodeId};

/// The most nodes whose disks are remembered.
const WITNESSES_MAX: usize = 128;

/// How safe an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// It would not survive this node.
    None,
    /// *Mine*: synced on this machine's disk, and, for all that is known, only there.
    Mine,
    /// *Shared*: synced on two machines at least.
    Shared,
}

/// How far what one writer wrote is safe: the numbers up to which all of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reach {
    /// On this machine's disk.
    pub mine: u64,
    /// On the disks of two machines.
    pub shared: u64,
}

impl Reach {
    /// How safe the entry with this number is.
    pub fn safety(&self, number: u64) -> Safety {
        match number {
            number if number <= self.shared => Safety::Shared,
            number if number <= self.mine => Safety::Mine,
            _ => Safety::None,
        }
    }
}

/// The disks of others.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    own: BTreeSet<IpAddr>,
    others: BTreeMap<NodeId, Witness>,
}

#[derive(Clone, Debug)]
struct Witness {
    incarnation: Incarnation,
    ip: IpAddr,
    holds: Vector,
}

impl Witnesses {
    /// The addresses of this machine.
    pub fn set_own(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.own = addresses.into_iter().collect();
    }

    /// A node of another address, or of this one, says what its disk holds: all of it (`whole`),
    /// or what is new. A new life of it starts from nothing: its disk may be another one.
    pub fn testify(
        &mut self,
        node: NodeId,
        incarnation: Incarnation,
        ip: IpAddr,
        holds: &Vector,
        whole: bool,
    ) {
        if self.others.len() >= WITNESSES_MAX && !self.others.contains_key(&node) {
            return;
        }
        let fresh = Witness { incarnation, ip, holds: Vector::default() };
        let witness = self.others.entry(node).or_insert(fresh);
        if whole || witness.incarnation != incarnation {
            witness.holds = Vector::default();
        }
        witness.incarnation = incarnation;
        witness.ip = ip;
        witness.holds.update(holds);
    }

    /// How far what `writer` wrote is safe.
    pub fn reach(&self, ledger: &Ledger, disk: &Disk, writer: Writer) -> Reach {
        let Some(stream) = ledger.stream(writer) else { return Reach::default() };
        let mine = disk.mark(ledger, writer).through;
        let mut machines: BTreeMap<IpAddr, u64> = BTreeMap::new();
        let elsewhere = |ip: IpAddr| !ip.is_loopback() && !self.own.contains(&ip);
        for witness in self.others.values().filter(|witness| elsewhere(witness.ip)) {
            let mark = witness.holds.mark(writer);
            if mark.through > stream.through() || mark.sum == stream.sum_at(mark.through) {
                let through = machines.entry(witness.ip).or_default();
                *through = mark.through.min(stream.through()).max(*through);
            }
        }
        // Two machines have what the second of them has.
        let mut machines: Vec<u64> = machines.into_values().chain([mine]).collect();
        machines.sort_unstable();
        let shared = machines.iter().rev().nth(1).copied().unwrap_or_default();
        Reach { mine, shared }
    }

    /// On how many other machines' disks an entry is.
    pub fn copies(&self, ledger: &Ledger, id: EntryId) -> usize {
        let Some(stream) = ledger.stream(id.writer) else { return 0 };
        let elsewhere = |ip: IpAddr| !ip.is_loopback() && !self.own.contains(&ip);
        let others = self.others.values().filter(|witness| elsewhere(witness.ip));
        let holding = others.filter(|witness| {
            let mark = witness.holds.mark(id.writer);
            let sound =
                || mark.through > stream.through() || mark.sum == stream.sum_at(mark.through);
            mark.through >= id.number && sound()
        });
        holding.map(|witness| witness.ip).collect::<BTreeSet<_>>().len()
    }

    /// Forgets what the others hold: it is about another ledger.
    pub fn forget(&mut self) {
        self.others.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::ledger::{
        disk::Report,
        tests::{fresh, ledger, say},
    };

    fn ip(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn an_entry_is_shared_when_two_machines_have_it_on_their_disks() {
        let (mut ledger, mut disk, mut witnesses) = (ledger(1), Disk::new(), Witnesses::default());
        witnesses.set_own([ip(1)]);
        let writer = say(&mut ledger, "hello").id().writer;
        while ledger.poll().is_some() {}
        ledger.entries().for_each(|entry| disk.keep(fresh(&entry)));
        let safety =
            |witnesses: &Witnesses, disk: &Disk| witnesses.reach(&ledger, disk, writer).safety(2);
        assert_eq!(safety(&witnesses, &disk), Safety::None);
        let (batch, _) = disk.next_batch().unwrap();
        disk.report(&Report::Persisted { batch });
        assert_eq!(safety(&witnesses, &disk), Safety::Mine);
        let (node, life) = (NodeId::from_u128(2), Incarnation(1));
        // Another copy of the program on the same machine.
        witnesses.testify(node, life, ip(1), &ledger.vector(), true);
        assert_eq!(safety(&witnesses, &disk), Safety::Mine);
        witnesses.testify(node, life, ip(2), &ledger.vector(), false);
        assert_eq!(safety(&witnesses, &disk), Safety::Shared);
        // It comes back with another disk.
        witnesses.testify(node, Incarnation(2), ip(2), &Vector::default(), false);
        assert_eq!(safety(&witnesses, &disk), Safety::Mine);
    }

    #[test]
    fn a_disk_with_another_entry_of_the_same_name_is_no_witness() {
        let (mut one, mut other) = (ledger(1), ledger(1));
        let (mut disk, mut witnesses) = (Disk::new(), Witnesses::default());
        let writer = say(&mut one, "this").id().writer;
        say(&mut other, "that");
        while one.poll().is_some() {}
        one.entries().for_each(|entry| disk.keep(fresh(&entry)));
        let (batch, _) = disk.next_batch().unwrap();
        disk.report(&Report::Persisted { batch });
        witnesses.testify(NodeId::from_u128(2), Incarnation(1), ip(2), &other.vector(), true);
        let reach = witnesses.reach(&one, &disk, writer);
        assert_eq!(reach, Reach { mine: 2, shared: 0 });
    }
}
