//! What happens, told line by line: in words, or as the JSON that every game on the library has.

use std::collections::BTreeMap;

use interregnum::{
    Event, Handle, Happened, Name, NodeId, SessionName, View,
    details::Timed,
    lines::{OfGame, Voice, of_game},
};

use super::rules::{Out, Snailway, Told, Why};

/// Tells it.
pub struct Teller {
    voice: Option<Voice>,
    me: NodeId,
    /// What everybody is called who was ever there.
    names: BTreeMap<NodeId, Name>,
}

impl Teller {
    pub fn new(
        handle: &Handle<Snailway>,
        name: &Name,
        session: Option<&SessionName>,
        json: bool,
    ) -> Self {
        let started = handle.started();
        let voice = json.then(|| Voice::new(started));
        if let Some(voice) = &voice {
            say(&voice.started::<OfGame<Told>>(handle.now(), started, name, session));
        }
        Self { voice, me: started.id, names: BTreeMap::new() }
    }

    /// Tells what has happened.
    pub fn tell(&mut self, timed: &Timed<Snailway>, view: Option<&View<Snailway>>) {
        if let Some(voice) = &mut self.voice {
            if let Some(line) = voice.happened(timed, of_game) {
                say(&line);
            }
            return;
        }
        for member in view.iter().flat_map(|view| view.members.iter()) {
            self.names.insert(member.id, member.name.clone());
        }
        if let Some(words) = self.words(&timed.event) {
            println!("{words}");
        }
    }

    fn words(&self, event: &Happened<Snailway>) -> Option<String> {
        let name =
            |id: &NodeId| self.names.get(id).map_or_else(|| format!("{id:?}"), Name::to_string);
        Some(match event {
            Happened::Node(Event::Game { event, .. }) => match event {
                Told::Begun { .. } => "A game begins.".to_owned(),
                Told::Laid { player, by_clock: false, .. } => {
                    format!("{} lays a tile.", name(player))
                }
                Told::Laid { player, .. } => {
                    format!("{} sleeps; a tile is laid for it.", name(player))
                }
                Told::Out { player, why: Out::Slid } => {
                    format!("{} slides off the board.", name(player))
                }
                Told::Out { player, why: Out::Left } => format!("{} has left.", name(player)),
                Told::Won { player, .. } => format!("{} wins.", name(player)),
                Told::Refused { player, why } if *player == self.me => reason(*why).to_owned(),
                Told::Refused { .. } => return None,
            },
            Happened::Node(Event::Host { host, gap, .. }) => match gap {
                Some(gap) => format!("{} hosts from here on, after {gap:.1?}.", name(host)),
                None => format!("{} hosts.", name(host)),
            },
            Happened::Node(Event::Missed { events }) | Happened::Missed { events } => {
                format!("{events} things happened unheard.")
            }
            Happened::Warning(words) => words.clone(),
            _ => return None,
        })
    }
}

/// Why a move is not made, for whoever wanted it.
pub fn reason(why: Why) -> &'static str {
    match why {
        Why::NoGame => "No game is on just now.",
        Why::TooLate => "Too late: that turn is over.",
        Why::Watching => "You watch this one; the next game draws lots again.",
        Why::OutAlready => "You are out of this one.",
        Why::NotYourTurn => "It is not your turn yet.",
        Why::NoSuchTile => "There is no such tile in your hand.",
        Why::StartAtEdge => "Your first tile goes to a free cell at the edge.",
        Why::StartedAlready => "Your snail goes on from where it stands.",
    }
}

fn say<T: serde::Serialize>(line: &T) {
    if let Ok(line) = serde_json::to_string(line) {
        println!("{line}");
    }
}
