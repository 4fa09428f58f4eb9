use super::*;
use crate::{
    game::FactRules,
    ledger::{
        batch,
        body::Body,
        catch_up::Portion,
        entry::{Head, Kind, WallTime},
        page::Page,
        tests::{fact, ledger, merge, own, pen, say, session},
    },
    types::{Epoch, Incarnation, NodeId},
};

/// Two lines of a writer, behind its key.
fn three(node: u8, texts: [&str; 2]) -> Vec<Entry> {
    let mut author = ledger(node);
    texts.iter().for_each(|text| drop(say(&mut author, text)));
    own(&author)
}

/// An entry that says it is `writer`'s, as anybody can make one up.
fn made_up(writer: Writer, number: u64, body: Body) -> Entry {
    let (kind, key_bytes, bytes) = body.into_parts();
    let id = EntryId { writer, number };
    let session = session();
    let head = Head { id, session, written_at: WallTime(0), reign: None, kind, key_bytes };
    Entry::new(head, &bytes).unwrap()
}

/// What an earlier version wrote: no key, no signature.
pub fn history(life: u64, count: u64) -> Vec<Entry> {
    let mut author = ledger(200);
    author.reigns(Epoch(1));
    (0..count).for_each(|n| drop(fact(&mut author, &format!("old coin {n}"), "as it was once")));
    let writer = Writer { node: NodeId::from_u128(7), incarnation: Incarnation(life) };
    let renamed = |(number, entry): (u64, &Entry)| {
        let head = Head { id: EntryId { writer, number }, ..*entry.head() };
        Entry::new(head, entry.body().unwrap()).unwrap()
    };
    (1..).zip(&own(&author)[1..]).map(renamed).collect()
}

/// A host with so many facts in one page, and the page.
fn paged(node: u8, facts: u64) -> (Ledger, Page) {
    let mut host = ledger(node);
    host.reigns(Epoch(1));
    for n in 0..facts {
        fact(&mut host, &format!("coin {n}"), "a value that is the same for all of them");
    }
    assert!(host.fold_stream(host.me(), facts, facts + 1, 0));
    let page = Page::clone(host.pages().next().unwrap());
    (host, page)
}

/// Nobody takes it, and nothing is different afterwards.
fn is_refused(ledger: &mut Ledger, run: Vec<Entry>, why: Refused) {
    let before = (ledger.digest(), ledger.len(), ledger.rows(), ledger.counted_len());
    while ledger.poll().is_some() {}
    assert_eq!(ledger.accept(run), Err(why));
    assert_eq!((ledger.digest(), ledger.len(), ledger.rows(), ledger.counted_len()), before);
    assert!(ledger.poll().is_none());
}

#[test]
fn nobody_speaks_in_the_name_of_another() {
    let (mut reader, victim, liar) = (ledger(1), pen(2, 1), pen(3, 1));
    let said = Body::Other(Kind(200), b"never said".to_vec());
    // With the victim's key, which everybody knows, and the liar's signature.
    for named in [victim.public(), liar.public()] {
        let run = vec![
            made_up(victim.writer(), 1, Body::Author(named)),
            made_up(victim.writer(), 2, said.clone()),
        ];
        let chain = Chain::start(session(), victim.writer()).after_all(&run);
        let signed = vec![run[0].clone(), liar.sign(run[1].clone(), chain)];
        let why = if named == victim.public() { Refused::Forged } else { Refused::Unsigned };
        is_refused(&mut reader, signed, why);
        is_refused(&mut reader, run, Refused::Unsigned);
    }
    // On what the victim has written.
    reader.accept(three(2, ["a", "b"])).unwrap();
    let next = made_up(victim.writer(), 4, said);
    let chain = reader.stream(victim.writer()).unwrap().chain().after(next.hash());
    is_refused(&mut reader, vec![next.clone()], Refused::Unsigned);
    is_refused(&mut reader, vec![liar.sign(next.clone(), chain)], Refused::Forged);
    assert_eq!(reader.accept(vec![victim.sign(next, chain)]), Ok(Fate::Fresh));
}

#[test]
fn what_was_altered_on_the_way_is_refused() {
    let entries = three(2, ["a", "b"]);
    for at in 0..3 {
        let mut reader = ledger(1);
        let mut altered = entries.clone();
        let signature = altered[at].signature().unwrap().to_vec();
        let head = Head { written_at: WallTime(9), ..*altered[at].head() };
        let other = Entry::new(head, altered[at].body().unwrap()).unwrap();
        altered[at] = other.signed(&signature).unwrap();
        is_refused(&mut reader, altered, Refused::Forged);
        let mut altered = entries.clone();
        let mut signature = altered[2].signature().unwrap().to_vec();
        signature[at] ^= 1;
        altered[2] = altered[2].clone().signed(&signature).unwrap();
        is_refused(&mut reader, altered, Refused::Forged);
    }
}

#[test]
fn a_signature_of_another_stream_says_nothing() {
    let entries = three(2, ["a", "b"]);
    let mut other_life = Ledger::new(session(), pen(2, 9));
    let mut other_session = Ledger::new(crate::types::SessionId::default(), pen(2, 1));
    let mut other_words = ledger(2);
    for ledger in [&mut other_life, &mut other_session, &mut other_words] {
        say(ledger, "c");
        say(ledger, "d");
        let signature = own(ledger)[2].signature().unwrap().to_vec();
        let mut run = entries.clone();
        run[2] = run[2].clone().signed(&signature).unwrap();
        is_refused(&mut self::ledger(1), run, Refused::Forged);
    }
    // Nor does the one of an earlier number.
    let mut run = entries.clone();
    run[2] = run[2].clone().signed(entries[1].signature().unwrap()).unwrap();
    is_refused(&mut ledger(1), run, Refused::Forged);
}

#[test]
fn of_a_run_that_is_cut_or_mixed_up_what_is_signed_is_taken() {
    let entries = three(2, ["a", "b"]);
    let [author, a, b] = &entries[..] else { panic!("not three") };
    let bare = |entry: &Entry| entry.clone().unsigned();
    let mut reader = ledger(1);
    is_refused(&mut reader, vec![a.clone(), b.clone()], Refused::Gap);
    is_refused(&mut reader, vec![author.clone(), b.clone()], Refused::Gap);
    is_refused(&mut reader, vec![b.clone(), a.clone(), author.clone()], Refused::Gap);
    is_refused(&mut reader, vec![bare(author), bare(a)], Refused::Unsigned);
    // The end of it has got lost.
    assert_eq!(reader.accept(vec![author.clone(), a.clone(), bare(b)]), Ok(Fate::Fresh));
    assert_eq!(reader.len(), 2);
    is_refused(&mut reader, vec![bare(b)], Refused::Unsigned);
    assert_eq!(reader.accept(vec![a.clone(), b.clone()]), Ok(Fate::Fresh));
    assert_eq!((reader.len(), reader.unvouched().len()), (3, 0));
}

/// Nobody has checked them.
#[test]
fn signatures_within_a_run_go_and_the_rest_can_be_passed_on() {
    let mut entries = three(2, ["a", "b"]);
    entries[1] = entries[1].clone().signed(&[7; 64]).unwrap();
    let (mut reader, mut third) = (ledger(1), ledger(3));
    reader.accept(entries).unwrap();
    let signed: Vec<bool> = reader.entries().map(|entry| entry.signature().is_some()).collect();
    assert_eq!(signed, [false, false, true]);
    merge(&mut third, &reader);
    assert_eq!((third.digest(), third.len()), (reader.digest(), 3));
}

#[test]
fn whoever_cut_it_elsewhere_gets_the_rest() {
    let mut author = ledger(2);
    let (mut one, mut other) = (ledger(1), ledger(3));
    for n in 0..9 {
        say(&mut author, &n.to_string());
        if n % 2 == 0 {
            merge(&mut one, &author);
        }
        if n % 3 == 0 {
            merge(&mut other, &author);
        }
    }
    let mut late = ledger(4);
    late.accept(own(&author)[..5].to_vec()).unwrap();
    merge(&mut late, &one);
    merge(&mut other, &late);
    assert_eq!(late.digest(), author.digest());
    assert_eq!(other.digest(), author.digest());
}

#[test]
fn a_page_that_its_author_did_not_sign_is_refused() {
    let (host, page) = paged(2, 40);
    let bytes = page.encode();
    let at = bytes.windows(64).position(|window| Some(window) == page.signature()).unwrap();
    let mut forged = bytes.clone();
    forged[at + 5] ^= 1;
    let entries: Vec<SharedEntry> = page.entries();
    let altered: Vec<SharedEntry> = entries
        .iter()
        .map(|entry| {
            let head = Head { written_at: WallTime(77), ..*entry.head() };
            let body = entry.body().unwrap();
            let signature = entry.signature().map(<[u8]>::to_vec);
            let entry = Entry::new(head, body).unwrap();
            Arc::new(match signature {
                Some(signature) => entry.signed(&signature).unwrap(),
                None => entry,
            })
        })
        .collect();
    let rules = FactRules::default();
    let altered = Page::fold(&altered, &rules, false).unwrap();
    let bare: Vec<SharedEntry> =
        entries.iter().map(|entry| Arc::new(Entry::clone(entry).unsigned())).collect();
    let unsigned = Page::fold(&bare, &rules, true).unwrap();
    let mut reader = ledger(1);
    for (page, why) in [
        (Page::decode(&forged).unwrap(), Refused::Forged),
        (altered, Refused::Forged),
        (unsigned, Refused::Unsigned),
    ] {
        assert_eq!(reader.accept_page(page), Err(why));
        assert_eq!((reader.len(), reader.rows()), (0, 0));
    }
    assert_eq!(reader.accept_page(page), Ok(Fate::Fresh));
    assert_eq!((reader.digest(), reader.unvouched().len()), (host.digest(), 0));
}

/// Whoever has a part of a page gets the page, and takes the rest out of it.
#[test]
fn who_has_the_beginning_of_a_page_takes_the_rest() {
    let (mut host, mut reader, mut third) = (ledger(2), ledger(1), ledger(3));
    host.reigns(Epoch(1));
    for n in 0..600 {
        let text = format!("a value that is the same for {n}, and long so that a portion is full");
        let fact = crate::game::Fact { key: n.to_string().into(), value: text.into() };
        host.note(WallTime(0), Body::Fact(fact)).unwrap();
        if n == 99 {
            host.sign();
            merge(&mut reader, &host);
            assert_eq!(reader.len(), 101);
        }
    }
    host.sign();
    assert!(host.fold_stream(host.me(), 600, 2_048, 0));
    assert_eq!(host.rows(), 1);
    let mut missing = host.missing_from(&reader.vector());
    let Some(Portion::Page(page)) = missing.next(&host, 1_000) else { panic!("no page") };
    assert!(missing.next(&host, 1_000).is_none());
    assert_eq!(reader.accept_page(Page::clone(&page)), Ok(Fate::Fresh));
    assert_eq!((reader.digest(), reader.len()), (host.digest(), 601));
    // What is signed at its end alone, and longer than a portion, can be passed on.
    third.accept(own(&host)[..101].to_vec()).unwrap_err();
    let mut missing = reader.missing_from(&third.vector());
    while let Some(portion) = missing.next(&reader, 4_000) {
        match portion {
            Portion::Page(page) => {
                third.accept_page(Page::clone(&page)).unwrap();
            }
            Portion::Entries(entries) => {
                let bytes: usize = entries.iter().map(|entry| entry.bytes()).sum();
                assert!(bytes < 5_000, "{bytes}");
                let entries = entries.iter().map(|entry| Entry::clone(entry)).collect();
                for run in batch::runs(entries) {
                    third.accept(run).unwrap();
                }
            }
        }
    }
    assert_eq!(third.digest(), host.digest());
}

/// The own disk lost what came last: a signature was in it.
#[test]
fn an_end_that_nobody_vouches_for_any_more_waits_for_a_peer() {
    let mut host = ledger(2);
    for n in 0..4 {
        host.note(WallTime(0), Body::Other(Kind(200), vec![n])).unwrap();
    }
    let signed = host.sign();
    let mut restarted = ledger(1);
    for entry in &signed[..4] {
        restarted.restore(Entry::clone(entry)).unwrap();
    }
    let writer = host.me();
    assert_eq!(restarted.stream(writer).unwrap().through(), 1);
    assert_eq!(restarted.behind_holes(), 3);
    // A peer has got it in other portions: its signature is at another place.
    let mut peer = ledger(3);
    let chain = Chain::start(session(), writer).after_all(signed[..3].iter().map(|it| &**it));
    let third = pen(2, 1).sign(Entry::clone(&signed[2]), chain);
    peer.accept(vec![Entry::clone(&signed[0]), Entry::clone(&signed[1]), third]).unwrap();
    merge(&mut restarted, &peer);
    assert_eq!(restarted.stream(writer).unwrap().through(), 3);
    merge(&mut restarted, &host);
    assert_eq!((restarted.digest(), restarted.len()), (host.digest(), 5));
    assert_eq!((restarted.behind_holes(), restarted.unvouched().len()), (0, 0));
}

#[test]
fn what_an_earlier_version_wrote_counts_here_and_stays_here() {
    let (mut own, mut peer) = (ledger(1), ledger(2));
    own.restore_all(history(1, 30), &[]);
    assert_eq!((own.len(), own.counted_len(), own.unsigned_len()), (30, 30, 30));
    assert_eq!(own.digest(), ledger(1).digest());
    // It is not taken, neither as entries nor as a page, and not asked for.
    is_refused(&mut peer, history(1, 30), Refused::Unsigned);
    let entries: Vec<SharedEntry> = own.entries().collect();
    let page = Page::fold(&entries, &FactRules::default(), true).unwrap();
    assert_eq!(peer.accept_page(Page::decode(&page.encode()).unwrap()), Err(Refused::Unsigned));
    assert!(own.missing_from(&peer.vector()).is_empty());
    // It goes on, and is folded as ever.
    fact(&mut own, "new coin", "of today");
    merge(&mut peer, &own);
    assert_eq!((own.counted_len(), peer.counted_len()), (31, 1));
    assert_eq!(own.digest(), peer.digest());
    let writer = Writer { node: NodeId::from_u128(7), incarnation: Incarnation(1) };
    assert!(own.fold_stream(writer, 8, 2_048, 0));
    assert_eq!((own.counted_len(), own.counted().len(), own.digest()), (31, 31, peer.digest()));
    // Nobody can add to it, not even with a signature.
    let key = pen(9, 1);
    let next = made_up(writer, 31, Body::Author(key.public()));
    let chain = own.stream(writer).unwrap().chain().after(next.hash());
    is_refused(&mut own, vec![key.sign(next, chain)], Refused::Unsigned);
}

#[test]
fn who_has_the_same_history_and_who_has_another_are_equal() {
    let (mut one, mut other) = (ledger(1), ledger(2));
    one.restore_all(history(1, 30), &[]);
    other.restore_all(history(2, 20), &[]);
    say(&mut one, "a");
    say(&mut other, "b");
    merge(&mut one, &other);
    merge(&mut other, &one);
    assert_eq!(one.digest(), other.digest());
    assert_eq!((one.len(), other.len()), (34, 24));
}

#[test]
fn history_that_somebody_imports_is_kept_and_goes_on_nothing_that_is_signed() {
    let mut own = ledger(1);
    for entry in history(1, 3) {
        assert_eq!(own.accept_history(entry), Ok(Fate::Fresh));
    }
    let kept = std::iter::from_fn(|| own.poll()).filter(|out| matches!(out, Out::Keep(_))).count();
    assert_eq!((kept, own.counted_len()), (3, 3));
    assert_eq!(own.accept_history(history(2, 2).remove(1)), Err(Refused::Gap));
    let entries = three(2, ["a", "b"]);
    assert_eq!(own.accept_history(entries[0].clone()), Err(Refused::Unsigned));
    own.accept(entries).unwrap();
    let more = made_up(pen(2, 1).writer(), 4, Body::Other(Kind(200), Vec::new()));
    assert_eq!(own.accept_history(more), Err(Refused::Unsigned));
}

#[test]
fn an_author_that_contradicts_itself_is_found_out_by_everybody() {
    let (this, that) = (three(2, ["a", "this"]), three(2, ["a", "that"]));
    let (mut one, mut other, mut third) = (ledger(1), ledger(3), ledger(4));
    one.accept(this.clone()).unwrap();
    other.accept(that.clone()).unwrap();
    third.accept(this.clone()).unwrap();
    while one.poll().is_some() {}
    assert_eq!(one.accept(that.clone()), Err(Refused::Contradicted));
    let name = this[2].id();
    let told = std::iter::from_fn(|| one.poll());
    assert!(told.into_iter().any(|out| matches!(out, Out::Equivocation(id) if id == name)));
    // What came first stays, and nothing more comes.
    assert_eq!((one.len(), one.at(name).count()), (3, 1));
    let mut author = ledger(2);
    ["a", "this", "more"].iter().for_each(|text| drop(say(&mut author, text)));
    assert_eq!(one.accept(own(&author)), Err(Refused::Contradicted));
    assert_eq!(one.accept(this), Ok(Fate::Known));
    // The others see it for themselves, whichever they have.
    for ledger in [&mut third, &mut other] {
        assert_ne!(ledger.digest(), one.digest());
        merge(ledger, &one);
        assert_eq!(ledger.digest(), one.digest());
        assert!(one.missing_from(&ledger.vector()).is_empty());
        assert!(ledger.missing_from(&one.vector()).is_empty());
    }
    // So does whoever comes later, from whomever.
    for from in [&one, &other, &third] {
        let mut late = self::ledger(5);
        merge(&mut late, from);
        assert_eq!((late.len(), late.digest()), (3, from.digest()));
    }
}

#[test]
fn a_contradiction_in_a_page_is_found_and_the_page_stays() {
    let (one, page) = paged(2, 40);
    let (mut reader, mut twin) = (ledger(1), ledger(2));
    twin.reigns(Epoch(1));
    for n in 0..40 {
        fact(&mut twin, &format!("coin {n}"), "another value, which is the same for all, too");
    }
    reader.accept_page(page.clone()).unwrap();
    merge(&mut reader, &twin);
    assert_eq!((reader.rows(), reader.counted_len()), (1, 40));
    assert!(reader.stream(one.me()).unwrap().breach().is_some());
    let mut other = ledger(3);
    merge(&mut other, &twin);
    assert_eq!(other.accept_page(page), Err(Refused::Contradicted));
    assert_eq!(other.digest(), reader.digest());
}

#[test]
fn a_liar_with_endless_contradictions_gets_no_more_room() {
    let (mut one, mut other) = (ledger(8), ledger(9));
    for n in 0..20 {
        let _ = one.accept(three(2, ["a", &format!("lie {n}")]));
        let _ = other.accept(three(2, ["a", &format!("lie {}", 19 - n)]));
    }
    assert_eq!((one.len(), one.rows()), (3, 3));
    assert_eq!(one.digest(), other.digest());
}

/// Nobody else can make it look so.
#[test]
fn nobody_makes_an_honest_author_contradict_itself() {
    let (mut reader, liar) = (ledger(1), pen(3, 1));
    let entries = three(2, ["a", "b"]);
    reader.accept(entries.clone()).unwrap();
    let other = made_up(entries[2].id().writer, 3, Body::Other(Kind(200), b"lie".to_vec()));
    let chain = reader.stream(other.id().writer).unwrap().chain_at(2).unwrap().after(other.hash());
    is_refused(&mut reader, vec![liar.sign(other.clone(), chain)], Refused::Forged);
    is_refused(&mut reader, vec![other], Refused::Unsigned);
    let mut own = ledger(2);
    say(&mut own, "a");
    // Not even this node's own key, in somebody else's hands.
    is_refused(&mut own, three(2, ["z", "z"]), Refused::Forged);
}
