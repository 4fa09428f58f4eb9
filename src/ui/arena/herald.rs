//! The herald: proclaims on ribbons who reigns, and keeps the list of who came and went.
use std::{collections::BTreeMap, time::Duration};

use macroquad::{color::Color, math::vec2};

use super::{WINDOW, comparing};
use crate::{
    arena::{self, Arena, TICK},
    game::Game,
    node::{Cause, Event, Handover, Status, View, place_in_line},
    pairing::{Stage, Told},
    types::{Instant, NodeId},
    ui::{
        draw::Canvas,
        heir::{Pose, draw_crowned, draw_heir},
        palette::{CREAM, GOLD, GOLD_LIGHT, LAVENDER, RUBY_LIGHT, TUNICS},
        particles::Sparks,
        ribbon::{Cloth, Ribbon},
    },
};

/// How long a ribbon stays, in seconds.
const RIBBON_S: f32 = 4.5;
/// How long a line stays in the list, in seconds.
const LINE_S: f32 = 14.0;
/// The most lines in the list.
const LINES_MAX: usize = 7;
/// How many ribbons may wait for the one that is shown.
const RIBBONS_MAX: usize = 3;

/// One line of news.
pub struct Line {
    /// What it says.
    pub text: String,
    /// In which colour.
    pub colour: Color,
    /// For how many seconds it has been there.
    pub age: f32,
}

impl Line {
    /// How visible it is, from 0 to 1.
    pub fn strength(&self) -> f32 {
        (self.age / 0.2).min(1.0) * ((LINE_S - self.age) / 2.0).clamp(0.0, 1.0)
    }
}

/// Proclaims who wears the crown, on a ribbon, and tells in a list what else happens.
pub struct Herald {
    /// The last change of host that was proclaimed, or is too old to be.
    proclaimed: Instant,
    ribbons: Vec<Ribbon>,
    lines: Vec<Line>,
    crowned: Option<NodeId>,
    confetti: Sparks,
}

impl Herald {
    /// A herald who has no interest in what was before `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            proclaimed: now,
            ribbons: Vec::new(),
            lines: Vec::new(),
            crowned: None,
            confetti: Sparks::default(),
        }
    }

    /// The news, oldest first.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How much of the space above the board a ribbon takes, from 0 to 1.
    pub fn presence(&self) -> f32 {
        self.ribbons.first().map_or(0.0, |ribbon| {
            (ribbon.age / 0.15).min((ribbon.life - ribbon.age) / 0.4).clamp(0.0, 1.0)
        })
    }

    /// Hears of something that happened.
    pub fn happened(&mut self, event: &Event<Arena>, names: &BTreeMap<NodeId, String>, me: NodeId) {
        match event {
            Event::Rebase { .. } => {
                self.proclaim(
                    "Two realms are one again".to_owned(),
                    "two crowns met; one of them was laid down".to_owned(),
                    Cloth::Peace,
                );
                self.say("two crowns met".to_owned(), CREAM);
            }
            Event::Full { ahead, .. } => self.proclaim(
                "Full".to_owned(),
                format!("you watch, and {}", place_in_line(*ahead)),
                Cloth::Peace,
            ),
            Event::Seated => {
                let note = "run for the coins".to_owned();
                self.proclaim("A seat is free: you play".to_owned(), note, Cloth::Peace);
            }
            Event::Locked { .. } => self.proclaim(
                "This session is locked".to_owned(),
                "it wants another passphrase than yours".to_owned(),
                Cloth::Crown,
            ),
            Event::Open { .. } => self.proclaim(
                "Another session has this name".to_owned(),
                "it is open to everybody; yours wants the passphrase".to_owned(),
                Cloth::Peace,
            ),
            Event::HostCheats { host, deceit, .. } => {
                let name = names.get(host).map_or("The host", String::as_str);
                self.proclaim(
                    format!("{name} does not play fair"),
                    format!("{}; K, then V, votes for another host", deceit.words()),
                    Cloth::Crown,
                );
            }
            Event::Votes { host, votes, needed } => {
                let name = names.get(host).map_or("the host", String::as_str);
                self.say(format!("{votes} of {needed} votes against {name}"), RUBY_LIGHT);
            }
            Event::Pairing { peer, name, told: Told::Stage(Stage::Asked) } => {
                let name = names.get(peer).map_or(name.as_str(), String::as_str);
                self.proclaim(
                    format!("{name} would compare pictures"),
                    "K shows what, and answers; it waits for a minute".to_owned(),
                    Cloth::Peace,
                );
            }
            Event::Pairing { .. } => {
                if let Some((what, colour)) = comparing::outcome_in_short(event) {
                    self.say(what, colour);
                }
            }
            Event::OtherKey { name, .. } => self.proclaim(
                format!("That is not the {name} you know"),
                "somebody of that name came with another key: compare before you trust it (K)"
                    .to_owned(),
                Cloth::Crown,
            ),
            Event::Unreachable(who) => self.proclaim(
                format!("{} is out of reach", who.called()),
                "a firewall or a guest network lets nobody through; you play on without".to_owned(),
                Cloth::Peace,
            ),
            Event::DiskFailed { trouble } => self.proclaim(
                "Nothing more is kept here".to_owned(),
                format!("{trouble}; the game goes on"),
                Cloth::Crown,
            ),
            Event::LedgerFilling { fullness } => {
                if let Some((what, advice)) = fullness.words() {
                    self.proclaim(what.to_owned(), advice.to_owned(), Cloth::Crown);
                }
            }
            Event::NewIdentity { .. } => {
                self.say("you go by a new identity".to_owned(), LAVENDER);
            }
            Event::Diverged { .. } => {
                self.say("worlds disagree; mending".to_owned(), RUBY_LIGHT);
            }
            Event::Game { event, .. } => self.game(event, names, me),
            _ => {}
        }
    }

    fn game(&mut self, event: &arena::Event, names: &BTreeMap<NodeId, String>, me: NodeId) {
        let who = |id: &NodeId| whose(names, *id, me);
        match event {
            arena::Event::Joined { player, .. } => {
                self.say(format!("{} came in", who(player)), CREAM);
            }
            arena::Event::Returned { player, .. } => {
                let be = if *player == me { "are" } else { "is" };
                self.say(format!("{} {be} back", who(player)), CREAM);
            }
            arena::Event::Left { player, .. } => {
                self.say(format!("{} went away", who(player)), LAVENDER);
            }
            arena::Event::Shaken { player, by, .. } if *by == me || *player == me => {
                let whom = if *player == me { "you".to_owned() } else { whose(names, *player, me) };
                self.say(format!("{} bumped {whom}", who(by)), LAVENDER);
            }
            arena::Event::RoundWon { player, round, .. } => {
                self.say(format!("{} won round {round}", who(player)), GOLD_LIGHT);
                for part in [0.2, 0.5, 0.8] {
                    let from = vec2(WINDOW.x + WINDOW.w * part, WINDOW.bottom() - 190.0);
                    self.confetti.confetti(from, 90, &TUNICS);
                }
            }
            _ => {}
        }
    }

    /// Looks who reigns, and lets `passed` seconds go by.
    pub fn watch(&mut self, view: &View<Arena>, names: &BTreeMap<NodeId, String>, passed: f32) {
        if let Some(handover) = &view.handover
            && handover.at > self.proclaimed
        {
            self.proclaimed = handover.at;
            let (title, note, cloth) = words(handover, names, view.me);
            self.proclaim(title, note, cloth);
        }
        if view.status == Status::Playing && view.host != self.crowned {
            self.crowned = view.host;
            if let Some(host) = view.host {
                let verb = if host == view.me { "reign" } else { "reigns" };
                let line = format!("{} {verb}", whose(names, host, view.me));
                self.say(line, GOLD);
            }
        }
        self.confetti.pass(passed);
        for line in &mut self.lines {
            line.age += passed;
        }
        self.lines.retain(|line| line.age < LINE_S);
        if let Some(ribbon) = self.ribbons.first_mut() {
            ribbon.age += passed;
            if ribbon.is_over() {
                self.ribbons.remove(0);
            }
        }
    }

    /// Draws the ribbon, and the confetti.
    pub fn draw(&self, c: &Canvas) {
        self.confetti.draw(c);
        if let Some(ribbon) = self.ribbons.first() {
            ribbon.draw(c, vec2(WINDOW.center().x, WINDOW.y - 34.0), WINDOW.w - 40.0);
        }
    }

    fn proclaim(&mut self, title: String, note: String, cloth: Cloth) {
        // News overtakes: what is shown makes room quickly, what has not been shown is dropped.
        self.ribbons.truncate(RIBBONS_MAX);
        if let Some(shown) = self.ribbons.first_mut() {
            shown.age = shown.age.max(shown.life - 0.25);
        }
        self.ribbons.truncate(1);
        self.ribbons.push(Ribbon::new(title, note, cloth, RIBBON_S));
    }

    fn say(&mut self, text: String, colour: Color) {
        if self.lines.len() == LINES_MAX {
            self.lines.remove(0);
        }
        self.lines.push(Line { text, colour, age: 0.0 });
    }
}

/// What somebody is called, seen from `me`.
pub fn whose(names: &BTreeMap<NodeId, String>, id: NodeId, me: NodeId) -> String {
    if id == me {
        return "you".to_owned();
    }
    let name = names.get(&id).filter(|name| !name.is_empty());
    name.cloned().unwrap_or_else(|| "somebody".to_owned())
}

/// What there is to say about a change of host.
fn words(
    handover: &Handover,
    names: &BTreeMap<NodeId, String>,
    me: NodeId,
) -> (String, String, Cloth) {
    let (old, new) = (whose(names, handover.from, me), whose(names, handover.to, me));
    let took = took(handover.gap);
    if handover.from == handover.to {
        let keep = if handover.to == me { "keep" } else { "keeps" };
        let note = format!("after a moment's doubt — {took}");
        return (format!("{new} {keep} the crown"), note, Cloth::Crown);
    }
    let title = format!("The crown passes to {new}");
    match handover.reason {
        Some(Cause::Left) => (title, format!("{old} handed it on — {took}"), Cloth::Crown),
        Some(Cause::Yielded) => {
            let title =
                format!("Two crowns met: {new} reign{}", if handover.to == me { "" } else { "s" });
            let note = format!("{old} laid the other one down — {took}");
            (title, note, Cloth::Peace)
        }
        Some(Cause::Closed) => (title, format!("{old} fell — {took}"), Cloth::Crown),
        // It may be well, and only slow or out of reach: nobody knows that it fell.
        Some(Cause::Silent | Cause::Deaf) => {
            (title, format!("{old} was not heard — {took}"), Cloth::Crown)
        }
        None => (title, format!("{old} has it no more — {took}"), Cloth::Crown),
    }
}

/// How long the throne was empty, in words.
fn took(gap: Duration) -> String {
    let ms = (gap.as_micros() + 500) / 1_000;
    // Between two ticks of one reign there is one tick too.
    let ticks = (gap.as_micros() as f64 / TICK.as_micros() as f64).round() as u64;
    let missed = ticks.saturating_sub(1);
    match missed {
        0 => format!("{ms} ms, not a tick missed"),
        1 => format!("{ms} ms, one tick missed"),
        n if n < Arena::TICKS_PER_SECOND => format!("{ms} ms, {n} ticks missed"),
        _ => format!("{:.1} s without a crown", gap.as_secs_f64()),
    }
}

/// Draws the figure beside a name: crowned or not.
pub fn draw_badge(c: &Canvas, pose: &Pose, crowned: bool) {
    if crowned {
        draw_crowned(c, pose, 0.0);
    } else {
        draw_heir(c, pose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handover(gap_us: u64, reason: Option<Cause>) -> Handover {
        Handover {
            from: NodeId::from_u128(1),
            to: NodeId::from_u128(2),
            gap: Duration::from_micros(gap_us),
            reason,
            at: Instant(5),
        }
    }

    fn said(handover: &Handover, me: u128) -> (String, String) {
        let names =
            [(1, "Ada"), (2, "Bert")].map(|(id, name)| (NodeId::from_u128(id), name.to_owned()));
        let (title, note, _) = words(handover, &names.into(), NodeId::from_u128(me));
        (title, note)
    }

    #[test]
    fn a_fall_is_told_with_its_milliseconds_and_ticks() {
        let (title, note) = said(&handover(17_200, Some(Cause::Closed)), 3);
        assert_eq!(title, "The crown passes to Bert");
        assert_eq!(note, "Ada fell — 17 ms, not a tick missed");
    }

    #[test]
    fn nobody_is_said_to_have_fallen_who_may_be_well() {
        let (_, note) = said(&handover(50_000, Some(Cause::Silent)), 3);
        assert_eq!(note, "Ada was not heard — 50 ms, 2 ticks missed");
        let causes = [Cause::Silent, Cause::Deaf, Cause::Left, Cause::Yielded].map(Some);
        for reason in causes.into_iter().chain([None]) {
            let (_, note) = said(&handover(50_000, reason), 3);
            assert!(!note.contains("fell"), "{reason:?}: {note}");
        }
    }

    #[test]
    fn whoever_looks_on_is_spoken_to() {
        let (title, note) = said(&handover(1_500_000, Some(Cause::Left)), 2);
        assert_eq!(title, "The crown passes to you");
        assert_eq!(note, "Ada handed it on — 1.5 s without a crown");
    }
}
