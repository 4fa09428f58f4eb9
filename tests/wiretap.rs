//! What somebody learns who listens at every wire: of a locked session that there is one, and nothing of who
//! plays there, what they do, or how they fare.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use interregnum::{
    arena::Arena,
    config::Form,
    keys::Lock,
    mesh::message::KINDS_ABOVE,
    node::{Command, Node},
    sim::world::{Tap, World},
    text::Name,
    types::Instant,
};

/// Nobody is called so by chance.
const NAMES: [&str; 6] = [
    "Philippa Quackenbush",
    "Bartholomew Zimt",
    "Gr\u{e2}ce H\u{fc}hnerbein",
    "Wolfgang Xylophon",
    "Ottilie Dampfwalze",
    "Ignatius Regenschirm",
];
const NEW_NAME: &str = "Kunigunde Pfefferkorn";

/// What stands in a world that goes as JSON.
const WORDS: [&str; 4] = ["scoreboard", "gatherables", "sync_gamestate", "games_won"];

/// How many bytes of what was said are looked for, and how many different ones they must have.
const WINDOW: usize = 16;
const DIFFERENT: usize = 10;
/// So many pieces of what was said are looked for.
const PIECES: usize = 3_000;
/// What is looked for has so many bytes at least, however it is coded.
const SHORTEST: usize = 8;

const KINDS: usize = 6;

/// What is looked for, and what it is.
struct Sought {
    what: String,
    bytes: Vec<u8>,
}

#[test]
fn a_locked_session_shows_no_name_no_score_and_no_key_in_any_coding() {
    for form in [Form::Binary, Form::Json] {
        let (tap, sought) = listen(form, true);
        let found = find(&tap, &sought);
        assert!(found.is_empty(), "{form:?}: {:?}", found.iter().take(9).collect::<Vec<_>>());
        // That there is such a session is no secret.
        assert!(!find(&tap, &text("\"session\":\"lan\"")).is_empty());
    }
}

#[test]
fn an_open_session_shows_who_plays_there_in_its_beacons() {
    let (tap, _) = listen(Form::Binary, false);
    let beacons = Tap { beacons: tap.beacons, ..Tap::default() };
    for name in NAMES {
        assert!(!find(&beacons, &text(name)).is_empty(), "{name} is not found");
    }
    // What they say to each other is sealed all the same.
    let talk = Tap { beacons: Vec::new(), said: Vec::new(), ..listen(Form::Json, false).0 };
    assert!(find(&talk, &WORDS.into_iter().flat_map(text).collect::<Vec<_>>()).is_empty());
}

#[test]
fn whatever_is_looked_for_would_be_found() {
    for sought in text(NAMES[2]).into_iter().chain(bytes("bytes", &[7, 200, 3, 4, 5, 6, 0, 9, 1])) {
        let mut beacons = vec![b'x'; 100];
        beacons.extend(&sought.bytes);
        beacons.extend([b'y'; 100]);
        let sought = [sought];
        assert_eq!(find(&Tap { beacons, ..Tap::default() }, &sought).len(), 1);
    }
    // In the midst of something that is coded as a whole.
    for before in 0..3 {
        let whole = [&vec![b'#'; before][..], NAMES[0].as_bytes(), b"###"].concat();
        let beacons = base64(&whole, false).into_bytes();
        assert!(!find(&Tap { beacons, ..Tap::default() }, &text(NAMES[0])).is_empty(), "{before}");
    }
}

/// A session of several with all that may happen to it, heard at every wire; and what nobody shall hear.
fn listen(form: Form, locked: bool) -> (Tap, Vec<Sought>) {
    let mut world = World::<Arena>::new(5, NAMES.len());
    world.form = form;
    world.tap = Some(Tap::default());
    for (place, name) in NAMES.iter().enumerate() {
        world.names.insert(place, Name::new(name));
        if locked {
            world.locks.insert(place, Lock::from_secret(&[7; 32]));
        }
    }
    let pass = |world: &mut World<Arena>, ms: u64| {
        let until = Instant(world.now.0 + ms * 1_000);
        world.run(until);
    };
    let newcomer = NAMES.len() - 1;
    (0..newcomer).for_each(|place| world.start(place));
    pass(&mut world, 4_000);
    let host = world.hosts()[0];
    world.kill(host);
    pass(&mut world, 1_000);
    world.start(newcomer);
    pass(&mut world, 1_000);
    world.rename(newcomer, Name::new(NEW_NAME));
    let [heir] = world.hosts()[..] else { panic!("hosts: {:?}", world.hosts()) };
    let other = (0..NAMES.len()).find(|place| ![host, heir, newcomer].contains(place)).unwrap();
    let (heir_id, other_id) = (world.id(heir), world.id(other));
    world.command(newcomer, Command::VoteOut(heir_id));
    world.command(heir, Command::Kick(other_id));
    pass(&mut world, 1_500);

    let all_named = world.node(heir).map_or(0, |node| node.cluster().members().len());
    assert!(all_named >= 4, "{all_named} members");
    let mut sought: Vec<Sought> =
        NAMES.into_iter().chain([NEW_NAME]).chain(WORDS).flat_map(text).collect();
    for place in 0..NAMES.len() {
        sought.extend(text(&world.id(place).0.to_string()));
        sought.extend(bytes("id", world.id(place).0.as_bytes()));
        sought.extend(text(&world.key(place).to_string()));
        sought.extend(bytes("key", world.key(place).as_bytes()));
    }
    let node: &Node<Arena> = world.node(heir).unwrap();
    let counted = node.cluster().ledger().counted();
    let facts: BTreeSet<&[u8]> = counted.iter().filter_map(|entry| entry.key()).collect();
    assert!(!facts.is_empty(), "nobody got a point");
    sought.extend(facts.into_iter().flat_map(|fact| bytes("fact", fact)));
    let tap = world.tap.take().unwrap();
    // Some words stand in everybody's beacons.
    let common = beacons_of_somebody_else();
    let mut pieces = pieces(&tap.said, form);
    let before = pieces.len();
    pieces.retain(|piece| !common.windows(WINDOW).any(|window| window == piece));
    assert!(before - pieces.len() < 9, "{} of {before} pieces are common", before - pieces.len());
    let said =
        |piece: &Vec<u8>| bytes(&format!("said {:?}", String::from_utf8_lossy(piece)), piece);
    sought.extend(pieces.iter().flat_map(said));
    (tap, sought)
}

/// What somebody says on the title who has nothing to do with them.
fn beacons_of_somebody_else() -> Vec<u8> {
    let mut world = World::<Arena>::new(99, 1);
    world.tap = Some(Tap::default());
    world.start(0);
    world.command(0, Command::Browse);
    world.run(Instant(world.now.0 + 3_000_000));
    world.tap.take().unwrap().beacons
}

/// Pieces of all that was said, of each kind.
fn pieces(said: &[Vec<u8>], form: Form) -> Vec<Vec<u8>> {
    let mut kinds: BTreeMap<u8, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for said in said.iter().filter(|said| said[0] >= KINDS_ABOVE) {
        let windows = said[1..].windows(WINDOW).step_by(WINDOW);
        let telling = windows.filter(|w| w.iter().collect::<BTreeSet<_>>().len() >= DIFFERENT);
        kinds.entry(said[0]).or_default().extend(telling.map(<[u8]>::to_vec));
    }
    if form == Form::Binary {
        // Ticks of several kinds, what people hold down, what is said of the ledger, and all else.
        assert!(kinds.len() >= KINDS && kinds.contains_key(&0x18), "{:?}", kinds.keys());
    }
    let share = PIECES / kinds.len();
    let spread = |all: BTreeSet<Vec<u8>>| {
        let step = all.len().div_ceil(share).max(1);
        all.into_iter().step_by(step)
    };
    kinds.into_values().flat_map(spread).collect()
}

/// A text in every coding.
fn text(text: &str) -> Vec<Sought> {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let escaped: String = text.chars().flat_map(char::escape_unicode).collect();
    let mut all = bytes(text, text.as_bytes());
    all.extend([
        sought(text, "UTF-16, low first", utf16(u16::to_le_bytes)),
        sought(text, "UTF-16, high first", utf16(u16::to_be_bytes)),
        sought(text, "upper case", text.to_uppercase().into_bytes()),
        sought(text, "lower case", text.to_lowercase().into_bytes()),
        sought(text, "turned round by letters", text.chars().rev().collect::<String>().into()),
        sought(text, "escaped", escaped.into_bytes()),
        sought(text, "no blanks", text.replace(' ', "").into_bytes()),
    ]);
    all.retain(|sought| sought.bytes.len() >= SHORTEST);
    all
}

/// Bytes in every coding.
fn bytes(what: &str, bytes: &[u8]) -> Vec<Sought> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let spaced: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut all = vec![
        sought(what, "as it is", bytes.to_vec()),
        sought(what, "turned round", bytes.iter().rev().copied().collect()),
        sought(what, "every bit turned", bytes.iter().map(|byte| !byte).collect()),
        sought(what, "hexadecimal", hex.clone().into_bytes()),
        sought(what, "hexadecimal, large", hex.to_uppercase().into_bytes()),
        sought(what, "hexadecimal, spaced", spaced.join(" ").into_bytes()),
        sought(what, "a list of numbers", list.join(",").into_bytes()),
    ];
    for before in 0..3 {
        for url in [false, true] {
            // What stands before and behind it changes the letters at its ends.
            let coded = base64(&[&vec![0; before][..], bytes].concat(), url);
            let (from, to) = ([0, 2, 3][before], (before + bytes.len()) * 8 / 6);
            all.push(sought(what, "base 64", coded.as_bytes()[from..to].to_vec()));
        }
    }
    all.retain(|sought| sought.bytes.len() >= SHORTEST);
    all
}

fn sought(what: &str, coding: &str, bytes: Vec<u8>) -> Sought {
    Sought { what: format!("{what}, {coding}"), bytes }
}

fn base64(bytes: &[u8], url: bool) -> String {
    let last = if url { *b"-_" } else { *b"+/" };
    let letters: Vec<u8> =
        (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(last).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(char::from(letters[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

/// What of it was heard.
fn find<'a>(tap: &Tap, sought: &'a [Sought]) -> Vec<&'a str> {
    let mut by_start: BTreeMap<u64, Vec<&Sought>> = BTreeMap::new();
    let start = |bytes: &[u8]| bytes.first_chunk().map(|first| u64::from_be_bytes(*first));
    for one in sought {
        by_start.entry(start(&one.bytes).unwrap()).or_default().push(one);
    }
    // Most places begin nothing: two bytes tell.
    let mut begins = vec![false; 1 << 16];
    by_start.keys().for_each(|start| begins[(start >> 48) as usize] = true);
    let mut found = BTreeSet::new();
    for heard in tap.heard() {
        for at in 0..heard.len().saturating_sub(SHORTEST - 1) {
            let two = usize::from(heard[at]) << 8 | usize::from(heard[at + 1]);
            if !begins[two] {
                continue;
            }
            let here = start(&heard[at..]).and_then(|start| by_start.get(&start));
            let all = here.into_iter().flatten().filter(|one| heard[at..].starts_with(&one.bytes));
            found.extend(all.map(|one| one.what.as_str()));
        }
    }
    found.into_iter().collect()
}
