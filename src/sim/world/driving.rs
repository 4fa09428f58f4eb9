//! Feeds a node, and does what it wants done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{INBOX_PACKETS_MAX, World, fingerprint, links::Item, watch};
use crate::{
    accounts::Friend,
    game::Game,
    io::{Effect, Wire},
    node::{Command, Event, Input, Node, Output},
    pairing::Told,
    sim::{network::Place, panics::words_of},
};

impl<G: Game> World<G> {
    pub(super) fn feed(&mut self, place: Place, input: Input<G>) {
        let machine = &mut self.machines[place];
        if let (Some(heard), Input::Wire(wire)) = (&mut machine.stranger, &input) {
            return heard.push(wire.clone());
        }
        if machine.paused {
            if machine.inbox.len() < INBOX_PACKETS_MAX
                || !matches!(input, Input::Wire(Wire::Packet { .. }))
            {
                machine.inbox.push_back(input);
            }
            return;
        }
        if machine.node.is_none() {
            return;
        }
        if machine.slow > Duration::ZERO {
            machine.inbox.push_back(input);
            return self.queue_up(place);
        }
        self.handle(place, input);
    }

    /// Feeds a node, and does what it wants done.
    pub(super) fn handle(&mut self, place: Place, input: Input<G>) {
        fingerprint(&mut self.fingerprint, self.now, place, &input);
        if self.trace.is_some() {
            self.trace_input(place, &input);
        }
        let machine = &mut self.machines[place];
        let Some(node) = &mut machine.node else { return };
        let (before, now) = (node.me(), machine.clock.read(self.now));
        // The rules of a game are in there: what panics ends this node, as it does in the runtime.
        let outcome = catch_unwind(AssertUnwindSafe(|| node.handle(now, input)));
        if let Err(panic) = outcome {
            return self.fail(place, words_of(&*panic));
        }
        if node.me() != before {
            self.judge.born(place); // somebody else, who has promised nothing
            self.introduce(place);
        }
        self.look(place);
        self.drain(place);
    }

    /// The rules have panicked in a node: it is over, and the others see a killed process.
    fn fail(&mut self, place: Place, why: String) {
        self.note(place, format_args!("panics: {why}"));
        self.judge.fail(self.now, place, format!("panicked: {why}"));
        self.kill(place);
    }

    /// Carries out what a node wants. What has happened is looked at when the node has done all that it had to do.
    pub(super) fn drain(&mut self, place: Place) {
        let (mut wish, mut events) = (None, Vec::new());
        loop {
            let Some(node) = &mut self.machines[place].node else {
                return;
            };
            // Something may be done in there, too.
            let output = match catch_unwind(AssertUnwindSafe(|| node.poll())) {
                Ok(output) => output,
                Err(panic) => return self.fail(place, words_of(&*panic)),
            };
            match output {
                Some(Output::Effect(effect)) => self.effect(place, effect),
                Some(Output::Event(event)) => events.push(event),
                Some(Output::View(view)) => {
                    if let Some(eye) = &self.eye {
                        eye(place, &view);
                    }
                    if let Some(pilot) = &self.pilot {
                        wish = pilot(place, view).or(wish);
                    }
                }
                None => break,
            }
        }
        events.iter().for_each(|event| self.event(place, event));
        self.utter_lies();
        let machine = &mut self.machines[place];
        let timer = machine.node.as_ref().and_then(Node::next_timeout);
        machine.timer = timer.map(|timer| machine.clock.when(timer));
        if let Some(wish) = wish.filter(|_| !self.hands_off) {
            self.obey(place, wish);
        }
    }

    /// A pilot wants this. What is held down already need not be said again.
    fn obey(&mut self, place: Place, wish: Command<G>) {
        match wish {
            Command::Controls(controls)
                if self.machines[place].held.replace(controls) == Some(controls) => {}
            Command::Order(order) => self.order(place, order),
            other => self.handle(place, Input::Command(other)),
        }
    }

    pub(super) fn event(&mut self, place: Place, event: &Event<G>) {
        if !matches!(event, Event::Tick { .. } | Event::Game { .. }) {
            if let Some(trace) = &mut self.trace {
                trace.event(self.now, place, event);
            }
        } else if let Some(state) = self.node(place).and_then(|node| node.replica().state()) {
            let wrong = self.auditor.as_ref().and_then(|audit| audit(place, &state.world));
            if let Some(what) = wrong {
                self.judge.fail(self.now, place, what);
            }
        }
        if let Some(told) = &mut self.told
            && !matches!(event, Event::Tick { .. })
        {
            told.entry(place).or_default().push((self.now, event.clone()));
        }
        match event {
            Event::PeerDown { .. } => self.partings += 1,
            Event::HostCheats { host, clock, deceit } if !self.meddlers.contains(host) => {
                let what = format!("S10: says that {host:?} cheats at {clock:?}: {deceit:?}");
                self.judge.fail(self.now, place, what);
            }
            Event::Pairing { name, told: Told::Paired(key), .. } => {
                let friend = Friend { name: name.clone(), key: *key };
                self.friends.entry(place).or_default().push(friend);
            }
            _ => {}
        }
        self.users.note(self.now, place, event);
        if matches!(event, Event::Election { .. }) {
            let quiet =
                self.quiet_since.is_some_and(|since| self.now.since(since) > watch::HEALTHY);
            self.judge.met.quiet_elections += u64::from(quiet);
        }
        self.judge.event(self.now, place, event);
        self.judge_ledger(place, event);
        if matches!(event, Event::Tick { .. }) {
            self.pauses.ticked(self.now, place);
            self.judge.met.zombie_ticks += u64::from(self.machines[place].zombie);
            self.applied();
        }
    }

    pub(super) fn effect(&mut self, place: Place, effect: Effect) {
        if self.lies(place, &effect) {
            return;
        }
        if let (Some(tap), Some(node)) = (&mut self.tap, &self.machines[place].node) {
            tap.hear(place, &effect, |bytes| node.cluster().read(bytes));
        }
        match effect {
            Effect::Packet { to, via, bytes } => self.datagram(place, to, via, bytes),
            Effect::Broadcast { on, port, bytes } => self.broadcast(place, on, port, bytes),
            Effect::Dial { link, to } => self.dial(place, link, to),
            Effect::Bytes { link, bytes } => {
                if let Some(cable) = self.machines[place].links.get(&link).copied() {
                    let (way, to) = self.way(cable, place);
                    if let (Some(to), Some(life)) = (to, self.life(place))
                        && let Some(trace) = &mut self.trace
                        && let Some(node) = &self.machines[place].node
                        && let Some(said) = node.cluster().read(&bytes)
                    {
                        trace.framed(self.now, (place, life), to, said);
                    }
                    self.carry(cable, way, Item::Bytes(bytes.to_vec()));
                }
            }
            Effect::Close { link } => {
                if let Some(cable) = self.machines[place].links.remove(&link) {
                    let (way, to) = self.way(cable, place);
                    if let Some(to) = to {
                        self.note(place, format_args!("closes a link with n{to}"));
                    }
                    self.carry(cable, way, Item::End);
                }
            }
            effect @ (Effect::Persist { .. } | Effect::Remember { .. }) => {
                self.store(place, effect);
            }
        }
    }
}
