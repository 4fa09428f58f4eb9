//! How a node comes to life on its machine, stops, and hears what its player wants.

use std::time::Duration;

use rand_pcg::rand_core::Rng;

use super::{TCP_PORT, UDP_PORT, What, World, any_bytes, links::Item};
use crate::{
    accounts::Statement,
    config::{BEACON_PORT, Config},
    game::Game,
    io::Wire,
    ledger::entry::EntryId,
    node::{Command, Input, Node},
    sim::network::Place,
    text::{Name, Said, SessionName},
    types::{Incarnation, NodeId, Role},
};

impl<G: Game> World<G> {
    /// An account says this of itself, and this machine speaks for it.
    pub fn declare(&mut self, place: Place, statements: Vec<Statement>) {
        self.machines[place].statements.clone_from(&statements);
        if self.machines[place].node.is_some() {
            self.note(place, "says what its account says");
            self.feed(place, Input::Command(Command::Declare { statements, reads_as: None }));
        }
    }

    /// Somebody says something, to all or to one person.
    pub fn say(&mut self, place: Place, to: Option<NodeId>, text: &str) {
        if let Ok(said) = Said::new(text) {
            self.feed(place, Input::Command(Command::Say(to, said)));
        }
    }

    /// Somebody takes back what it said.
    pub fn unsay(&mut self, place: Place, line: EntryId) {
        self.feed(place, Input::Command(Command::Unsay(line)));
    }

    /// The player of a machine orders something, if there is room for it.
    pub fn order(&mut self, place: Place, order: G::Order) {
        if self.node(place).is_some_and(Node::has_room_for_orders) {
            self.machines[place].ordered += 1;
            self.feed(place, Input::Command(Command::Order(order)));
        }
    }

    /// The player of a machine holds this down from here on.
    pub fn hold(&mut self, place: Place, controls: G::Controls) {
        self.feed(place, Input::Command(Command::Controls(controls)));
    }

    /// How many orders the player of a machine has given in this life.
    pub fn ordered(&self, place: Place) -> u32 {
        self.machines[place].ordered
    }

    /// Starts the node of a machine.
    pub fn start(&mut self, place: Place) {
        if self.machines[place].node.is_some() {
            return;
        }
        let config = Config {
            key: self.machines[place].key.clone(),
            statements: self.machines[place].statements.clone(),
            reads_as: None,
            talks: true,
            friends: self.friends.get(&place).cloned().unwrap_or_default(),
            muted: Default::default(),
            incarnation: Incarnation(self.random.next_u64()),
            name: self.names.get(&place).cloned().unwrap_or(Name::new(&format!("n{place}"))),
            role: match self.watching.contains(&place) {
                true => Role::Spectator,
                false => Role::Player,
            },
            session: Some(SessionName::default()),
            lock: self.locks.get(&place).cloned(),
            founds_beside_locked: !self.patient.contains(&place),
            allowed: self.allowed.get(&place).cloned(),
            peers: self.invited(place),
            stored: None,
            wall: self.wall(place),
            beacon_port: BEACON_PORT,
            tcp_port: TCP_PORT,
            udp_port: UDP_PORT,
            chance: any_bytes(&mut self.random),
            seed: self.random.next_u64(),
            trace_ticks: true,
            views: self.shown || self.eye.is_some() || self.pilot.is_some(),
            form: self.form,
            tuning: self.tuning.clone(),
        };
        if let Some(trace) = &mut self.trace {
            trace.introduce(place, config.key.public().id(), Some(config.incarnation));
        }
        self.note(place, "starts");
        self.judge.born(place);
        if self.watching.contains(&place) {
            self.judge.watching.insert(place);
        }
        self.started = self.now;
        let machine = &mut self.machines[place];
        machine.life += 1;
        machine.stamp = 0;
        machine.ordered = 0;
        machine.held = None;
        machine.awake_since = self.now;
        let mut node = Node::new(machine.clock.read(self.now), config);
        if self.trace.is_some() || self.tap.is_some() || self.liars.who(place) {
            node.stay_legible();
        }
        machine.node = Some(node);
        let life = machine.life;
        self.feed_interfaces(place);
        if self.press.is_some() {
            self.push(self.now, What::Press { place, life });
        }
        self.read_disk(place, life);
    }

    /// Kills the process of a machine: its links end, without another word.
    pub fn kill(&mut self, place: Place) {
        self.note(place, "is killed");
        let links: Vec<u64> = self.machines[place].links.values().copied().collect();
        for cable in links {
            let (way, _) = self.way(cable, place);
            self.carry(cable, way, Item::End);
        }
        self.stop(place);
    }

    /// Cuts the power of a machine: nobody hears of it.
    pub fn unplug(&mut self, place: Place) {
        self.note(place, "loses its power");
        self.network.haunt(place);
        self.stop(place);
    }

    /// Lets a node leave politely, and stops its machine.
    pub fn leave(&mut self, place: Place) {
        self.note(place, "leaves");
        self.handle(place, Input::Command(Command::Leave));
        while self.disk(place).work().is_some() {}
        self.kill(place);
    }

    /// The player of a machine is called otherwise from here on.
    pub fn rename(&mut self, place: Place, name: Name) {
        self.note(place, format_args!("is called {name} from here on"));
        self.feed(place, Input::Command(Command::Rename(name)));
    }

    /// The player of a machine wants something.
    pub fn command(&mut self, place: Place, command: Command<G>) {
        self.note(place, format_args!("is told: {command:?}"));
        self.disturbed = self.now;
        self.feed(place, Input::Command(command));
    }

    /// Stops the process of a machine (SIGSTOP): its sockets go on filling.
    pub fn pause(&mut self, place: Place) {
        if self.is_awake(place) {
            self.note(place, "is stopped");
            self.disturbed = self.now;
            self.machines[place].paused = true;
            self.pauses.forget(place);
        }
    }

    /// Lets a stopped process go on: with its inbox first, or with its timer first.
    pub fn resume(&mut self, place: Place, timer_first: bool) {
        if !std::mem::take(&mut self.machines[place].paused) {
            return;
        }
        self.note(place, "is continued");
        self.disturbed = self.now;
        if self.is_replaced(place) {
            self.judge.met.zombies += 1;
            self.machines[place].zombie = true;
        }
        self.machines[place].awake_since = self.now;
        let inbox = std::mem::take(&mut self.machines[place].inbox);
        if timer_first {
            self.feed(place, Input::Wire(Wire::Timeout));
        }
        for input in inbox {
            self.feed(place, input);
        }
    }

    /// Stops the process of a machine, and lets it go on after so long.
    pub fn pause_for(&mut self, place: Place, span: Duration) {
        if self.is_awake(place) {
            self.pause(place);
            let life = self.machines[place].life;
            self.push(self.now + span, What::Thaw { place, life });
        }
    }

    pub(super) fn thaw(&mut self, place: Place, life: u32) {
        if self.machines[place].life == life {
            let timer_first = self.draw().is_multiple_of(2);
            self.resume(place, timer_first);
        }
    }

    pub(super) fn stop(&mut self, place: Place) {
        self.stopped = self.now;
        self.pauses.forget(place);
        let machine = &mut self.machines[place];
        machine.storage.disk.crash();
        machine.node = None;
        machine.paused = false;
        machine.inbox.clear();
        machine.links.clear();
        machine.slow = Duration::ZERO;
        machine.waiting = false;
        machine.timer = None;
        machine.reign = None;
        machine.current = None;
        machine.zombie = false;
    }
}
