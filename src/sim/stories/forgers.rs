//! Members who want something in the ledger that is not so: in the name of others, unsigned, altered, or
//! one thing for one and another for another.
//!
//! Whatever they try, nobody takes it, all ledgers stay equal, and nobody who plays notices.

use std::sync::Arc;

use super::{Story, scene::Scene};
use crate::{
    cluster::{coding, message::Message},
    game::{Fact, FactRules},
    keys::SecretKey,
    ledger::{
        Ledger,
        batch::{self, PORTION_BYTES},
        body::Body,
        entry::{Entry, EntryId, Head, Kind, SharedEntry, WallTime, Writer},
        exchange::{LedgerMessage, Portion},
        page::Page,
        vouching::Pen,
    },
    mesh::Delivery,
    sim::network::Place,
    types::{Epoch, Incarnation, SessionId},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "member-forges-entries",
        tells: "A member sends entries and pages in the names of others, unsigned and altered.",
        nodes: 5,
        script: member_forges_entries,
    },
    Story {
        name: "member-contradicts-itself",
        tells: "A member signs one thing for one and another for another, and more after it.",
        nodes: 5,
        script: member_contradicts_itself,
    },
];

/// The key of every fact that was never written.
const FORGED: &[u8] = b"forged";

fn member_forges_entries(scene: &mut Scene) {
    let host = scene.gather_some(4);
    scene.plays_on_undisturbed(2_000);
    let forger = scene.another(host);
    let others = scene.others(forger);
    for _ in 0..5 {
        for whom in &others {
            for message in forgeries(scene, forger, host) {
                say(scene, forger, *whom, &message);
            }
            scene.disturb("which nobody ever wrote");
            scene.pass(100);
        }
    }
    scene.reigns(host);
    scene.new_reigns(0);
    scene.have_not_waited(&others, 25);
    scene.nothing_undone();
    for place in others {
        let forged = scene.facts(place).iter().filter(|key| key.starts_with(FORGED)).count();
        scene.claim(forged == 0, || format!("n{place} counts {forged} forged facts"));
        let refused = scene.world.node(place).map(|node| node.cluster().keeper().forged());
        scene.claim(refused >= Some(20), || format!("n{place} has refused {refused:?}"));
    }
    scene.world.start(4);
    scene.one_game_within(700);
    scene.one_ledger_within(2_000);
}

fn member_contradicts_itself(scene: &mut Scene) {
    let host = scene.gather_some(4);
    let liar = scene.another(host);
    let others = scene.others(liar);
    let Some(session) = scene.session(host) else { return };
    let key = SecretKey::from_bytes(&[0xab; 32]);
    for (whom, life) in others.iter().flat_map(|whom| [(*whom, 1), (*whom, 2)]) {
        // To each of them something else.
        let mut words = Ledger::new(session, Pen::new(key.clone(), Incarnation(life)));
        let writer = words.me();
        for number in [1, 10 + whom as u64, 20] {
            let target = EntryId { writer, number };
            let _ = words.write(WallTime(0), Body::Deleted(target));
        }
        let entries: Vec<SharedEntry> = words.entries().collect();
        say(scene, liar, whom, &entries_message(session, &entries));
        scene.pass_up_to(100);
    }
    scene.pass(1_000);
    let broken = |scene: &Scene, place: Place| {
        let ledger = scene.world.node(place).map(|node| node.cluster().ledger());
        let streams = ledger.into_iter().flat_map(|ledger| {
            ledger.writers().filter(|writer| {
                ledger.stream(*writer).is_some_and(|stream| stream.breach().is_some())
            })
        });
        streams.count()
    };
    for place in 0..4 {
        let found = broken(scene, place);
        scene.claim(found == 2, || format!("n{place} has found {found} of two contradictions"));
    }
    scene.reigns(host);
    scene.new_reigns(0);
    scene.nothing_undone();
    scene.world.start(4);
    scene.one_game_within(700);
    scene.one_ledger_within(2_000);
    let found = broken(scene, 4);
    scene.claim(found == 2, || format!("who comes later has found {found} of two contradictions"));
}

/// Everything that somebody may try who holds all that was written, and one key.
fn forgeries(scene: &Scene, forger: Place, victim: Place) -> Vec<LedgerMessage> {
    let Some(node) = scene.world.node(forger) else { return Vec::new() };
    let ledger = node.cluster().ledger();
    let session = ledger.session();
    let victim = scene.world.node(victim).map(|node| node.cluster().ledger().me());
    let Some(written) = victim.and_then(|victim| ledger.stream(victim)) else { return Vec::new() };
    let entries: Vec<Entry> = written.entries().map(|entry| Entry::clone(&entry)).collect();
    let Some(last) = entries.last() else { return Vec::new() };
    let next = EntryId { number: last.id().number + 1, ..last.id() };
    let genuine = last.signature().unwrap_or_default();
    // The forger's own hand, under the name of the victim.
    let mut own = Ledger::new(session, Pen::new(SecretKey::from_bytes(&[9; 32]), Incarnation(9)));
    let _ = own.write(WallTime(0), Body::Fact(fact(0)));
    let foreign = own.entries().last().and_then(|entry| entry.signature().map(<[u8]>::to_vec));
    let signed = |entry: Entry, signature: &[u8]| entry.clone().signed(signature).unwrap_or(entry);
    let altered = entries.iter().map(|entry| {
        let head = Head { written_at: WallTime(entry.head().written_at.0 ^ 1), ..*entry.head() };
        let other = Entry::new(head, entry.body().unwrap_or_default());
        let other = other.unwrap_or_else(|_| entry.clone());
        entry.signature().map_or(other.clone(), |signature| signed(other, signature))
    });
    let unsigned_writer = Writer { node: last.id().writer.node, incarnation: Incarnation(5) };
    let unsigned: Vec<SharedEntry> = (1..=50)
        .filter_map(|number| made_up(session, EntryId { writer: unsigned_writer, number }))
        .map(Arc::new)
        .collect();
    let altered: Vec<SharedEntry> = altered.map(Arc::new).collect();
    let one = |entry: Option<Entry>| {
        let entry: Vec<SharedEntry> = entry.into_iter().map(Arc::new).collect();
        entries_message(session, &entry)
    };
    let page = Page::fold(&unsigned, &FactRules::default(), true);
    let page =
        page.map(|page| LedgerMessage::Page { page: page.encode().into(), portion: Portion::More });
    let mut messages = vec![
        one(made_up(session, next)),
        one(made_up(session, next).map(|entry| signed(entry, genuine))),
        one(made_up(session, next).map(|entry| signed(entry, &foreign.unwrap_or_default()))),
        entries_message(session, &unsigned),
    ];
    // No more than a message may have.
    let mut bytes = 0;
    let fits = |entry: &&SharedEntry| {
        bytes += entry.bytes();
        bytes <= PORTION_BYTES
    };
    let altered: Vec<SharedEntry> = altered.iter().take_while(fits).cloned().collect();
    messages.push(entries_message(session, &altered));
    messages.extend(page);
    messages
}

fn fact(number: u64) -> Fact {
    Fact { key: [FORGED, &number.to_be_bytes()].concat(), value: vec![0; 8] }
}

/// A fact that nobody wrote.
fn made_up(session: SessionId, id: EntryId) -> Option<Entry> {
    let Fact { key, value } = fact(id.number);
    let head = Head {
        id,
        session,
        written_at: WallTime(1),
        reign: Some(Epoch(1)),
        kind: Kind::FACT,
        key_bytes: key.len() as u8,
    };
    Entry::new(head, &[key, value].concat()).ok()
}

fn entries_message(session: SessionId, entries: &[SharedEntry]) -> LedgerMessage {
    LedgerMessage::Entries { batch: batch::encode(session, entries).into(), portion: None }
}

fn say(scene: &mut Scene, by: Place, to: Place, message: &LedgerMessage) {
    if let Some((kind, body)) = coding::encode(&Message::Ledger(message.clone())) {
        scene.world.utter(by, to, Delivery::Link, kind, &body);
    }
}
