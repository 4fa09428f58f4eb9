//! What people say to each other, while everything else goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Story,
    scene::{Scene, ms},
};
use crate::{
    accounts::Own,
    chat,
    cluster::{coding, message::Message},
    game::Rate,
    keys::SecretKey,
    ledger::{
        Ledger, batch,
        entry::{EntryId, SharedEntry, WallTime},
        exchange::LedgerMessage,
        pace::{Allowed, LINES_HEARD_AT_ONCE},
        vouching::Pen,
    },
    mesh::Delivery,
    node::ChatNews,
    sim::{network::Place, tally::Tally},
    text::{Name, Said},
    types::{Incarnation, Instant, NodeId},
};

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "chat-through-kills",
        tells: "Four talk, while their host is killed again and again.",
        nodes: 4,
        script: chat_through_kills,
    },
    Story {
        name: "chat-without-a-pause",
        tells: "Four say twenty lines a second, while their host is killed twenty times.",
        nodes: 4,
        script: chat_without_a_pause,
    },
    Story {
        name: "chat-on-two-machines",
        tells: "Somebody reads on one machine, comes with another one, and takes back there what it said here.",
        nodes: 4,
        script: chat_on_two_machines,
    },
    Story {
        name: "chat-on-two-sides",
        tells: "Two halves talk, and take back what they said before and after they were cut apart.",
        nodes: 4,
        script: chat_on_two_sides,
    },
    Story {
        name: "chat-ten-years-off",
        tells: "Wall clocks are ten years off, ahead and behind, and nobody who talks notices.",
        nodes: 4,
        script: chat_ten_years_off,
    },
    Story {
        name: "letter-by-a-third",
        tells: "A letter to somebody who is away; its author never comes back; a third delivers it.",
        nodes: 4,
        script: letter_by_a_third,
    },
    Story {
        name: "chat-flood",
        tells: "A member that is a modified program signs a thousand lines a second.",
        nodes: 4,
        script: chat_flood,
    },
    Story {
        name: "account-deleted-in-chat",
        tells: "Somebody who has said much deletes its account on one side of a cut.",
        nodes: 4,
        script: account_deleted_in_chat,
    },
];

/// A line that has its place is on everybody's screen within this time.
const HEARD_MS: u64 = 600;

/// What is taken back is gone everywhere within this time, and so is what a heal brings.
const GONE_MS: u64 = 1_000;

/// What a node has told its user in this life: the names and the texts, in this order.
fn told(scene: &Scene, place: Place) -> Vec<(EntryId, String)> {
    let news = scene.world.judge.chat.get(&place);
    let said = news.into_iter().flatten().filter_map(|(_, news)| match news {
        ChatNews::Said { line, .. } => Some((line.id, line.said()?.to_string())),
        _ => None,
    });
    said.collect()
}

/// The names of what a node has said in this life.
fn sent(scene: &Scene, place: Place) -> Vec<EntryId> {
    let news = scene.world.judge.chat.get(&place).into_iter().flatten();
    let sent = news.filter_map(|(_, news)| match news {
        ChatNews::Sent { id, .. } => Some(*id),
        _ => None,
    });
    sent.collect()
}

/// All lines that a node holds, in their order, with what they say as far as it can be read.
fn lines(scene: &Scene, place: Place) -> Vec<(EntryId, Option<String>)> {
    let chat = scene.world.node(place).map(|node| node.chat());
    let lines = chat.into_iter().flat_map(|chat| chat.iter());
    lines.map(|line| (line.id, line.said().map(ToString::to_string))).collect()
}

fn running(scene: &Scene) -> Vec<Place> {
    (0..scene.world.count()).filter(|place| scene.world.node(*place).is_some()).collect()
}

/// Somebody says something that nobody else says.
fn talk(scene: &mut Scene, place: Place, texts: &mut u64) {
    *texts += 1;
    let text = format!("line {texts} of n{place}");
    scene.world.say(place, None, &text);
}

/// Everybody holds the same lines in the same order, and each has told each line once, in that order if
/// that never changed. Returns the names.
fn all_agree(scene: &mut Scene, in_order: &[Place]) -> Vec<EntryId> {
    let places = running(scene);
    let first = lines(scene, places[0]);
    for place in &places {
        let other = lines(scene, *place);
        scene.claim(other == first, || {
            format!("n{place} holds {} lines, in another order than {}", other.len(), first.len())
        });
        let told = told(scene, *place);
        let once: BTreeSet<EntryId> = told.iter().map(|(id, _)| *id).collect();
        scene.claim(once.len() == told.len(), || format!("n{place} told a line twice"));
    }
    let order: BTreeMap<EntryId, usize> =
        first.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect();
    for place in in_order {
        let told = told(scene, *place);
        let places: Vec<usize> = told.iter().filter_map(|(id, _)| order.get(id).copied()).collect();
        let sorted = places.windows(2).all(|two| two[0] < two[1]);
        scene.claim(sorted, || format!("n{place} told lines in another order than all"));
    }
    first.into_iter().map(|(id, _)| id).collect()
}

/// Within some time everybody has told each of these lines.
fn all_hear(scene: &mut Scene, wanted: &[EntryId], span_ms: u64) {
    let places = running(scene);
    let heard = |news: &[(crate::types::Instant, ChatNews)], wanted: &EntryId| {
        news.iter()
            .any(|(_, news)| matches!(news, ChatNews::Said { line, .. } if line.id == *wanted))
    };
    let all = scene.until(ms(span_ms), |world| {
        places.iter().all(|place| {
            let news = world.judge.chat.get(place).map_or(&[][..], |news| &news[..]);
            wanted.iter().all(|wanted| heard(news, wanted))
        })
    });
    scene.claim(all, || format!("not everybody has heard all {} lines", wanted.len()));
}

fn chat_through_kills(scene: &mut Scene) {
    scene.gather();
    let mut texts = 0;
    let mut acknowledged: Vec<EntryId> = Vec::new();
    let witness = scene.draw(4) as Place;
    for _ in 0..4 {
        for _ in 0..3 {
            for place in running(scene) {
                talk(scene, place, &mut texts);
                scene.pass_up_to(80);
            }
            scene.pass_up_to(700);
        }
        // What somebody else has told is acknowledged, and what is on a disk, too.
        for place in running(scene) {
            acknowledged.extend(told(scene, place).into_iter().map(|(id, _)| id));
        }
        let host = scene.host();
        if host == witness {
            continue;
        }
        talk(scene, host, &mut texts);
        scene.pass_up_to(30);
        scene.world.kill(host);
        scene.pass_up_to(900);
        scene.one_game_within(1_500);
        scene.world.start(host);
        scene.one_game_within(1_500);
        scene.pass(1_000);
    }
    let sent: Vec<EntryId> =
        running(scene).into_iter().flat_map(|place| sent(scene, place)).collect();
    scene.pass(HEARD_MS);
    scene.one_ledger_within(2_500);
    let all = all_agree(scene, &[witness]);
    let lost = acknowledged.iter().chain(&sent).filter(|id| !all.contains(id)).count();
    scene.claim(lost == 0, || format!("{lost} acknowledged lines are lost"));
    let told: BTreeSet<EntryId> = told(scene, witness).into_iter().map(|(id, _)| id).collect();
    let unheard = all.iter().filter(|id| !told.contains(id)).count();
    scene.claim(unheard == 0, || format!("n{witness} was there, and did not tell {unheard} lines"));
}

/// When lines were said, and when they were told elsewhere.
#[derive(Default)]
struct Heard {
    sent: BTreeMap<EntryId, Instant>,
    told: Vec<(EntryId, Instant)>,
}

impl Heard {
    /// Takes down what a node has said and told in this life.
    fn note(&mut self, scene: &Scene, place: Place) {
        let own = scene.world.id(place);
        for (at, news) in scene.world.judge.chat.get(&place).into_iter().flatten() {
            match news {
                ChatNews::Sent { id, .. } => drop(self.sent.insert(*id, *at)),
                ChatNews::Said { line, away: false, .. } if line.from != own => {
                    self.told.push((line.id, *at));
                }
                _ => {}
            }
        }
    }

    /// In how many ticks so many of a hundred lines were told.
    fn ticks(&self, percent: usize) -> u128 {
        let delay = |(id, at): &(EntryId, Instant)| Some(at.since(*self.sent.get(id)?));
        let mut delays: Vec<Duration> = self.told.iter().filter_map(delay).collect();
        delays.sort_unstable();
        let rank = (delays.len() * percent).div_ceil(100).max(1);
        let delay = delays.get(rank - 1).copied().unwrap_or(Duration::MAX);
        delay.as_micros().div_ceil(Rate::of::<Tally>().tick().as_micros())
    }
}

fn chat_without_a_pause(scene: &mut Scene) {
    const KILLS: usize = 20;
    const PAUSE_MS: u64 = 50;
    // As fast as four can: each says five lines a second.
    let every = Duration::from_millis(100);
    scene.world.tuning.talk = Allowed { at_once: 100, every };
    scene.gather();
    let mut texts = 0;
    let mut heard = Heard::default();
    for kill in 0..=KILLS {
        let mut down = None;
        for round in 0..24 {
            if round == 12 && kill < KILLS {
                scene.pass_up_to(PAUSE_MS);
                let host = scene.host();
                heard.note(scene, host);
                scene.world.kill(host);
                down = Some(host);
            }
            let speaker = round % 4;
            if down != Some(speaker) {
                talk(scene, speaker, &mut texts);
            }
            scene.pass(PAUSE_MS);
        }
        if let Some(host) = down {
            scene.world.start(host);
            scene.one_game_within(1_500);
        }
    }
    scene.pass(HEARD_MS);
    running(scene).into_iter().for_each(|place| heard.note(scene, place));
    scene.one_ledger_within(2_500);
    let all: BTreeSet<EntryId> = all_agree(scene, &[]).into_iter().collect();
    let lost = heard.told.iter().filter(|(id, _)| !all.contains(id)).count();
    scene.claim(lost == 0, || format!("{lost} lines are lost that somebody was told"));
    let (half, most) = (heard.ticks(50), heard.ticks(99));
    scene.claim(heard.told.len() > 800, || format!("{} were told", heard.told.len()));
    scene.claim(half <= 2, || format!("half of the lines took {half} ticks and more"));
    // A host is lost, or comes back, in every second: who reigns looks around before it gives places.
    scene.claim(most <= 10, || format!("one in a hundred lines took {most} ticks and more"));
}

fn chat_on_two_machines(scene: &mut Scene) {
    let (desk, laptop, ben) = (0, 1, 2);
    let mut own = account(scene, desk, "Ada");
    let _ = own.certify(scene.world.key(laptop), 2);
    for machine in [desk, laptop] {
        scene.world.declare(machine, own.statements().to_vec());
    }
    scene.gather();
    know(scene, &[own.account().id()]);
    let mut texts = 0;
    talk(scene, laptop, &mut texts);
    talk(scene, laptop, &mut texts);
    scene.pass(HEARD_MS);
    let [first, second] = sent(scene, laptop)[..] else { return };
    scene.world.kill(laptop);
    scene.one_game_within(1_500);
    // Read at the desk, and noted there.
    for _ in 0..3 {
        talk(scene, ben, &mut texts);
    }
    scene.pass(32_000);
    talk(scene, ben, &mut texts);
    talk(scene, desk, &mut texts);
    talk(scene, ben, &mut texts);
    scene.pass(HEARD_MS);
    // What the laptop said is taken back at the desk, while the laptop is off.
    scene.world.unsay(desk, first);
    scene.pass(GONE_MS);
    for place in running(scene) {
        let news = scene.world.judge.chat.get(&place).into_iter().flatten();
        let gone = news.filter(|(_, news)| *news == ChatNews::Deleted { id: first }).count();
        scene.claim(gone == 1, || format!("n{place} told {gone} times that a line is taken back"));
    }
    // Nobody else can do that.
    scene.world.unsay(ben, second);
    scene.world.start(laptop);
    scene.one_game_within(1_500);
    scene.pass(2_000);
    let news = scene.world.judge.chat.get(&laptop).cloned().unwrap_or_default();
    let missed = news.iter().find_map(|(_, news)| match news {
        ChatNews::WhileAway { lines } => Some(*lines),
        _ => None,
    });
    scene.claim(missed == Some(2), || format!("{missed:?} lines are new on the laptop, not 2"));
    let told = told(scene, laptop).len();
    scene.claim(told == 6, || format!("{told} of the lines that it lacked were told there, not 6"));
    scene.one_ledger_within(2_500);
    for place in running(scene) {
        let ledger = scene.world.node(place).map(|node| node.cluster().ledger());
        let holds = |id| ledger.is_some_and(|ledger| ledger.at(id).any(|e| e.body().is_some()));
        let (gone, stays) = (!holds(first), holds(second));
        scene.claim(gone, || format!("n{place} holds what was taken back"));
        scene.claim(stays, || format!("n{place} lacks what nobody has taken back"));
    }
}

fn chat_on_two_sides(scene: &mut Scene) {
    let host = scene.gather();
    let mut texts = 0;
    for place in running(scene) {
        talk(scene, place, &mut texts);
        talk(scene, place, &mut texts);
    }
    scene.pass(HEARD_MS);
    let before = all_agree(scene, &[0, 1, 2, 3]);
    scene.claim(before.len() == 8, || format!("{} lines, not 8", before.len()));
    let [one, other] = scene.halves(host);
    scene.cut(&one, &other);
    scene.pass(1_500);
    let mut gone = Vec::new();
    for round in 0..4 {
        for place in running(scene) {
            talk(scene, place, &mut texts);
            if round == 2 {
                // One of before, and one that the other side never heard of.
                let own = sent(scene, place);
                for id in [own[0], own[own.len() - 1 - scene.draw(2) as usize]] {
                    scene.world.unsay(place, id);
                    gone.push(id);
                }
            }
            scene.pass_up_to(400);
        }
    }
    scene.pass(HEARD_MS);
    let shown: Vec<Vec<EntryId>> = running(scene)
        .into_iter()
        .map(|place| lines(scene, place).into_iter().map(|(id, _)| id).collect())
        .collect();
    let all_sent: Vec<EntryId> =
        running(scene).into_iter().flat_map(|place| sent(scene, place)).collect();
    scene.heal();
    scene.one_game_within(1_500);
    let wanted: BTreeSet<EntryId> =
        all_sent.iter().filter(|id| !gone.contains(id)).copied().collect();
    let places = running(scene);
    let settled = scene.until(ms(GONE_MS + 2_000), |world| {
        places.iter().all(|place| {
            let chat = world.node(*place).map(|node| node.chat());
            chat.is_some_and(|chat| chat.iter().map(|line| line.id).eq_set(&wanted))
        })
    });
    scene.claim(settled, || "not all hold what was said on both sides, and that alone".into());
    scene.one_ledger_within(2_500);
    let all = all_agree(scene, &[]);
    // What was shown on a side stands in the order in which it was shown there.
    for (place, shown) in shown.iter().enumerate() {
        let kept: Vec<EntryId> = shown.iter().filter(|id| !gone.contains(id)).copied().collect();
        let of_all: Vec<EntryId> = all.iter().filter(|id| kept.contains(id)).copied().collect();
        scene.claim(kept == of_all, || format!("what n{place} has shown stands otherwise"));
    }
    // They never come back, whoever starts with whatever disk.
    let again = scene.draw(4) as Place;
    scene.world.kill(again);
    scene.world.start(again);
    scene.one_game_within(1_500);
    scene.pass(1_000);
    for place in running(scene) {
        let ledger = scene.world.node(place).map(|node| node.cluster().ledger());
        let bodies = gone.iter().filter(|id| {
            ledger.is_some_and(|ledger| ledger.at(**id).any(|entry| entry.body().is_some()))
        });
        let bodies = bodies.count();
        scene.claim(bodies == 0, || format!("n{place} holds {bodies} of what was taken back"));
    }
}

/// Sets of names, compared.
trait EqSet {
    fn eq_set(self, other: &BTreeSet<EntryId>) -> bool;
}

impl<I: Iterator<Item = EntryId>> EqSet for I {
    fn eq_set(self, other: &BTreeSet<EntryId>) -> bool {
        self.collect::<BTreeSet<_>>() == *other
    }
}

fn chat_ten_years_off(scene: &mut Scene) {
    const TEN_YEARS: i64 = 10 * 365 * 86_400;
    let right = scene.draw(4) as Place;
    for place in 0..4 {
        let ahead = if scene.toss() { TEN_YEARS } else { -TEN_YEARS };
        if place != right {
            scene.world.wrong_clocks.insert(place, ahead);
        }
    }
    scene.gather();
    let mut texts = 0;
    let mut order = Vec::new();
    for round in 0..3 {
        for place in running(scene) {
            talk(scene, place, &mut texts);
            // One after the other: so the order is known.
            scene.pass(250);
            order.extend(sent(scene, place).last().copied());
        }
        if round == 1 {
            let host = scene.host();
            let heir = scene.heir(host);
            scene.world.kill(host);
            scene.one_game_within(700);
            scene.world.start(host);
            scene.one_game_within(1_500);
            let newest = sent(scene, heir).last().copied();
            if let Some(newest) = newest {
                scene.world.unsay(heir, newest);
                order.retain(|id| *id != newest);
            }
            scene.pass(1_000);
        }
    }
    scene.pass(HEARD_MS);
    scene.one_ledger_within(2_500);
    let all = all_agree(scene, &[]);
    scene.claim(all == order, || "the lines do not stand in the order they were said in".into());
}

/// An account for a machine, which says so.
fn account(scene: &mut Scene, place: Place, name: &str) -> Own {
    let mut bytes = [0; 32];
    bytes.iter_mut().for_each(|byte| *byte = scene.draw(256) as u8);
    let mut own = Own::new(SecretKey::from_bytes(&bytes), scene.world.key(place), 1);
    let _ = own.be_called(&Name::new(name), None);
    scene.world.declare(place, own.statements().to_vec());
    own
}

fn know(scene: &mut Scene, people: &[NodeId]) {
    let count = scene.world.count();
    let known = scene.until(ms(3_000), |world| {
        (0..count).filter_map(|place| world.node(place)).all(|node| {
            people.iter().all(|person| node.accounts().name_of_person(*person).is_some())
        })
    });
    scene.claim(known, || "not everybody is known to all".into());
}

fn letter_by_a_third(scene: &mut Scene) {
    const WORDS: &str = "the key is under the third stone";
    let (author, reader) = (0, 1);
    let people = [account(scene, author, "Ada").account(), account(scene, reader, "Ben").account()];
    scene.gather();
    know(scene, &[people[0].id(), people[1].id()]);
    scene.world.kill(reader);
    scene.one_game_within(1_500);
    scene.world.say(author, Some(people[1].id()), WORDS);
    scene.pass(HEARD_MS);
    let written = sent(scene, author);
    scene.claim(written.len() == 1, || "the letter was not written".into());
    let told_there = told(scene, author);
    scene.claim(told_there.iter().any(|(_, text)| text == WORDS), || {
        "its author does not see it".into()
    });
    scene.one_ledger_within(2_500);
    scene.world.kill(author);
    scene.pass_up_to(1_000);
    // All who carry it stop, one by one or at once, and one comes back.
    for carrier in [2, 3] {
        let node = scene.world.node(carrier);
        let bytes: Vec<u8> = node
            .into_iter()
            .flat_map(|node| {
                let entries = node.cluster().ledger().entries();
                entries.flat_map(|entry| entry.body().unwrap_or_default().to_vec())
            })
            .collect();
        let read = bytes.windows(9).any(|window| window == &WORDS.as_bytes()[..9]);
        scene.claim(!read, || format!("n{carrier} can read what is not for it"));
        let lines = lines(scene, carrier);
        scene.claim(lines.len() == 1 && lines[0].1.is_none(), || {
            format!("n{carrier} holds {lines:?}")
        });
        let told = told(scene, carrier);
        scene.claim(told.is_empty(), || format!("n{carrier} told {told:?}"));
    }
    scene.world.kill(2);
    scene.world.kill(3);
    let carrier = scene.pick(&[2, 3]);
    scene.pass_up_to(1_000);
    scene.world.start(carrier);
    scene.pass(1_000);
    scene.world.start(reader);
    scene.one_game_within(1_500);
    let heard = scene.until(ms(2_000), |world| {
        let news = world.judge.chat.get(&reader).into_iter().flatten();
        news.into_iter().any(|(_, news)| match news {
            ChatNews::Said { line, away, .. } => {
                *away && line.said().is_some_and(|said| said.as_str() == WORDS)
            }
            _ => false,
        })
    });
    scene.claim(heard, || "the letter does not come".into());
}

fn chat_flood(scene: &mut Scene) {
    let host = scene.gather();
    let flooder = scene.another(host);
    let others = scene.others(flooder);
    scene.pass(6_000);
    let Some(session) = scene.session(host) else { return };
    let pen = Pen::new(SecretKey::from_bytes(&[0xab; 32]), Incarnation(1));
    let mut words = Ledger::new(session, pen);
    let before: Vec<usize> = others.iter().map(|place| lines(scene, *place).len()).collect();
    let Ok(text) = Said::new("buy buy buy") else { return };
    let seconds = 4;
    scene.begin();
    for _ in 0..seconds * 20 {
        for _ in 0..50 {
            let _ = words.write(WallTime(0), chat::to_all(&text));
        }
        for whom in &others {
            // From where that one stands: so nothing is refused because something is missing before it.
            let node = scene.world.node(*whom).map(|node| node.cluster().ledger());
            let stream = node.and_then(|ledger| ledger.stream(words.me()));
            let through = stream.map_or(0, |stream| stream.through());
            let next: Vec<SharedEntry> =
                words.entries().filter(|entry| entry.id().number > through).take(50).collect();
            for portion in next.chunks(10) {
                let batch = batch::encode(session, portion).into();
                let message = Message::Ledger(LedgerMessage::Entries { batch, portion: None });
                let Some((kind, body)) = coding::encode(&message) else { return };
                scene.world.utter(flooder, *whom, Delivery::Link, kind, &body);
            }
        }
        scene.pass(50);
    }
    let most = LINES_HEARD_AT_ONCE as usize + seconds + 1;
    for (place, before) in others.iter().zip(before) {
        let heard = lines(scene, *place).len() - before;
        scene.claim(heard <= most, || format!("n{place} has taken {heard} lines of a flood"));
        scene.claim(heard > 0, || format!("n{place} has heard nothing"));
        let ledger = scene.world.node(*place).map(|node| node.cluster().ledger());
        let stream = ledger.and_then(|ledger| ledger.stream(words.me()));
        let kept = stream.map_or(0, |stream| stream.known().count());
        scene.claim(kept <= most + 1, || format!("n{place} keeps {kept} entries of a flood"));
    }
    scene.new_reigns(0);
    scene.have_not_waited(&others, 25);
}

fn account_deleted_in_chat(scene: &mut Scene) {
    let ada = 0;
    let mut own = account(scene, ada, "Ada");
    let host = scene.gather();
    know(scene, &[own.account().id()]);
    let mut texts = 0;
    for _ in 0..3 {
        talk(scene, ada, &mut texts);
        talk(scene, 1, &mut texts);
        scene.pass(300);
    }
    scene.pass(HEARD_MS);
    let by_others = sent(scene, 1);
    let away = if ada == host { [2, 3] } else { [scene.another(ada), ada] };
    let away: Vec<Place> = away.into_iter().filter(|place| *place != ada).collect();
    let here: Vec<Place> =
        running(scene).into_iter().filter(|place| !away.contains(place)).collect();
    scene.cut(&here, &away);
    scene.pass(1_500);
    let _ = own.delete();
    scene.world.declare(ada, own.statements().to_vec());
    scene.pass(1_500);
    scene.heal();
    scene.one_game_within(1_500);
    let id = scene.world.id(ada);
    let places = running(scene);
    let gone = scene.until(ms(GONE_MS + 2_000), |world| {
        places.iter().filter_map(|place| world.node(*place)).all(|node| {
            let of_ada = node.chat().iter().any(|line| line.from == id);
            !of_ada && node.chat().len() == 3
        })
    });
    scene.claim(gone, || "what she said is still there, or what others said is not".into());
    all_hear(scene, &by_others, 500);
}
