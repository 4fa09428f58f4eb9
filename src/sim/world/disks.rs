//! The machines' disks, and what may happen to them.

use std::{collections::BTreeSet, time::Duration};

use super::{What, World};
use crate::{
    game::Game,
    io::{Effect, Wire},
    ledger::{
        Ledger,
        body::Body,
        disk::{Report, Stored},
        entry::{Entry, EntryId},
    },
    node::{Event, Input},
    sim::{disk::Disk, network::Place},
    text::SessionName,
    types::SessionId,
};

/// How long a disk takes to sync, in microseconds: at least, and how much longer at most. The store
/// gathers for a while, too.
const SYNC_US: (u64, u64) = (1_000, 60_000);

/// What a machine keeps.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub disk: Disk,
    sessions: Vec<(SessionId, SessionName)>,
    /// An old copy of it, that somebody may put back.
    backup: Option<Disk>,
}

impl Storage {
    pub fn new(seed: u64, place: Place) -> Self {
        Self {
            disk: Disk::new(crate::game::draw(seed, place as u64)),
            sessions: Vec::new(),
            backup: None,
        }
    }

    /// What a start finds.
    pub fn read(&mut self) -> Stored {
        let mut kept = Stored { works: true, sessions: self.sessions.clone(), ..Stored::default() };
        let read = self.disk.read();
        for entry in read.entries {
            kept.ledgers.entry(entry.head().session).or_default().push(entry);
        }
        for page in read.pages {
            kept.pages.entry(page.session()).or_default().push(page);
        }
        kept
    }
}

impl<G: Game> World<G> {
    /// The disk of a machine, to look at and to spoil.
    pub fn disk(&mut self, place: Place) -> &mut Disk {
        &mut self.machines[place].storage.disk
    }

    /// What the disk of a machine holds is read, which takes a while: mostly a few milliseconds, now and then some
    /// hundred.
    pub(super) fn read_disk(&mut self, place: Place, life: u32) {
        let stored = Box::new(self.machines[place].storage.read());
        let longest_us = match self.draw() % 16 {
            0..8 => 2_000,
            8..14 => 40_000,
            _ => 400_000,
        };
        let us = self.draw() % longest_us;
        self.push(self.now + Duration::from_micros(us), What::Read { place, life, stored });
    }

    pub(super) fn disk_was_read(&mut self, place: Place, life: u32, stored: Box<Stored>) {
        if self.machines[place].node.is_some() && self.machines[place].life == life {
            self.feed(place, Input::Wire(Wire::Read(stored)));
        }
    }

    /// Whether a machine's disk has not done all that it was asked for.
    pub fn is_writing(&self, place: Place) -> bool {
        self.machines[place].storage.disk.is_writing()
    }

    /// The disk of a machine comes back empty, and its machine remembers no session.
    pub fn wipe(&mut self, place: Place) {
        let storage = &mut self.machines[place].storage;
        storage.disk.wipe();
        storage.sessions.clear();
        self.judge.archive.spoil(place);
    }

    /// A copy of the disk is made, to be put back later.
    pub fn back_up(&mut self, place: Place) {
        let storage = &mut self.machines[place].storage;
        storage.backup = Some(storage.disk.clone());
    }

    /// An old copy of the disk is put back. Whether there was one.
    pub fn put_back(&mut self, place: Place) -> bool {
        let storage = &mut self.machines[place].storage;
        let Some(backup) = storage.backup.clone() else { return false };
        storage.disk = backup;
        self.judge.archive.spoil(place);
        true
    }

    /// A bit of the disk changes.
    pub fn flip_bit(&mut self, place: Place) {
        self.machines[place].storage.disk.flip();
        self.judge.archive.spoil(place);
    }

    /// Whether every ledger that is open is equal to every other one.
    pub fn ledgers_are_equal(&self) -> bool {
        let mut ledgers = self.ledgers().map(|(_, ledger)| (ledger.session(), ledger.digest()));
        let first = ledgers.next();
        ledgers.all(|other| Some(other) == first)
    }

    fn ledgers(&self) -> impl Iterator<Item = (Place, &Ledger)> {
        (0..self.count()).filter_map(|place| Some((place, self.node(place)?.cluster().ledger())))
    }

    /// Judges what an event says about a ledger.
    pub(super) fn judge_ledger(&mut self, place: Place, event: &Event<G>) {
        let now = self.now;
        let Some(node) = &self.machines[place].node else { return };
        let ledger = node.cluster().ledger();
        match event {
            Event::Safe { writer, safety, through } => {
                let session = ledger.session();
                self.judge.archive.acknowledged(place, session, *writer, *safety, *through);
            }
            Event::Tick { clock, .. } if clock.term.host == node.me() => {
                let written = node.cluster().carried_by(clock.tick, ledger.me());
                let (session, me) = (ledger.session(), ledger.me());
                self.judge.archive.made(*clock, session, me, written.unwrap_or_default());
            }
            Event::Tick { clock, .. } => {
                let Some(lack) = self.judge.archive.lacks(*clock, ledger) else { return };
                match node.cluster().keeper().is_owed() {
                    true => self.judge.met.ticks_behind += 1,
                    false => self.judge.fail(now, place, lack),
                }
            }
            _ => {}
        }
    }

    /// D2, D4, D5 and D6, of nodes that have had the time to agree.
    pub fn judge_agreement(&mut self) {
        let now = self.now;
        let mut complaints = Vec::new();
        let mut first: Option<(Place, Vec<EntryId>)> = None;
        for place in 0..self.count() {
            let Some(node) = &self.machines[place].node else { continue };
            let ledger = node.cluster().ledger();
            complaints.extend(self.judge.archive.look(place, ledger).map(|what| (place, what)));
            let lines = ledger.lines(|_| true).into_iter().map(|(_, entry)| entry.id()).collect();
            let (other, expected) = first.get_or_insert((place, lines));
            if *other == place {
                continue;
            }
            let lines = ledger.lines(|_| true).into_iter().map(|(_, entry)| entry.id());
            if !lines.eq(expected.iter().copied()) {
                complaints.push((place, format!("D2, D4: other lines than n{other} has")));
            }
            if self.node(*other).is_some_and(|other| other.scores() != node.scores()) {
                complaints.push((place, format!("D6: other scores than n{other} has")));
            }
            if *node.scores() != fold::<G>(ledger) {
                let (scores, facts) = (node.scores(), fold::<G>(ledger));
                complaints
                    .push((place, format!("D6: {scores:?}, and the facts come to {facts:?}")));
            }
        }
        for (place, what) in complaints {
            self.judge.fail(now, place, what);
        }
    }

    /// D1, at the end of a run: everything is looked for that any node ever acknowledged.
    pub fn judge_disks(&mut self) {
        for place in 0..self.count() {
            // What was asked for gets there.
            while self.disk(place).work().is_some() {}
        }
        self.judge_kept();
        let facts = self.ledgers().map(|(_, ledger)| ledger.counted_len()).max();
        self.judge.met.pages = self.ledgers().map(|(_, it)| it.pages().count() as u64).sum();
        self.judge.met.facts = facts.unwrap_or_default() as u64;
    }

    /// D1, at any time: what was acknowledged is on the disks.
    pub fn judge_kept(&mut self) {
        let disks: Vec<BTreeSet<(SessionId, EntryId)>> = self
            .machines
            .iter()
            .map(|machine| {
                // What was folded is looked for in the pages, where it must be to the last bit.
                let read = machine.storage.disk.peek();
                let name = |entry: &Entry| (entry.head().session, entry.id());
                let folded = read.pages.iter().flat_map(|page| page.entries());
                let folded: Vec<_> = folded.map(|entry| name(&entry)).collect();
                read.entries.iter().map(name).chain(folded).collect()
            })
            .collect();
        let holds = |place: Place, session, id| disks[place].contains(&(session, id));
        if let Some((place, what)) = self.judge.archive.forgotten(self.count(), holds) {
            self.judge.fail(self.now, place, what);
        }
    }

    pub(super) fn store(&mut self, place: Place, effect: Effect) {
        let storage = &mut self.machines[place].storage;
        match effect {
            Effect::Persist { batch, records } => {
                storage.disk.persist(batch, &records);
                let sync = SYNC_US.0 + self.draw() % SYNC_US.1;
                let life = self.machines[place].life;
                self.push(self.now + Duration::from_micros(sync), What::Synced { place, life });
            }
            Effect::Remember { session, name } => {
                storage.sessions.retain(|(known, _)| *known != session);
                storage.sessions.insert(0, (session, name));
            }
            _ => {}
        }
    }

    /// A disk has done what it was asked for. That does not depend on the process being awake.
    pub(super) fn synced(&mut self, place: Place, life: u32) {
        if self.machines[place].life == life
            && let Some(report) = self.machines[place].storage.disk.work()
        {
            self.judge.met.syncs_failed += u64::from(matches!(report, Report::Failed { .. }));
            self.feed(place, Input::Wire(Wire::Persisted(report)));
        }
    }
}

/// What the facts of a ledger come to, computed anew from each of them, folded or not.
fn fold<G: Game>(ledger: &Ledger) -> G::Scores {
    let mut scores = G::Scores::default();
    let facts: Vec<_> =
        ledger.counted().into_iter().map(|entry| (ledger.happened_at(&entry), entry)).collect();
    let keyless = ledger.entries().filter(|entry| entry.key().is_none());
    let keyless = keyless.map(|entry| (ledger.happened_at(&entry), entry));
    for (at, entry) in facts.into_iter().chain(keyless) {
        if let Some(record) = Body::of(&entry).as_ref().and_then(|body| body.record(&entry)) {
            G::update_scores(&mut scores, at, record);
        }
    }
    scores
}
