//! The loop of the network thread.
//!
//! Wait; read what came in; only then, if the node's deadline has come, tell it so. The order
//! matters: after a stall of this machine the inbox holds the proof that everybody else is alive,
//! and a node that looked at its deadlines first would accuse them all of silence.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::Receiver;

use crate::{
    game::{Game, Rate},
    node::{Command, Effect, Event, Input, Node, Output, View, Wire},
    types::Instant,
};

use super::{
    Happened, Pilot, Traffic, clock,
    disk::{self, Disk},
    events::Teller,
    interfaces::Seen,
    shared::Shared,
    sockets::Sockets,
};

/// How old a look at the sockets may be when a deadline is told. Older, and they are looked at
/// again: this thread may have been away from the processor in between.
const LOOK_FRESH: Duration = Duration::from_millis(1);

/// What a deadline led to is told if it took so long: what is shorter makes no difference.
const TOOK_TOLD: Duration = Duration::from_millis(1);

/// No suspend is shorter than this.
const SUSPENDED_MIN: Duration = Duration::from_millis(60);

/// How long the last bytes may take to leave.
const FAREWELL: Duration = Duration::from_millis(300);

/// A node, and all that is needed to drive it.
pub struct Driver<G: Game> {
    pub node: Node<G>,
    pub sockets: Sockets,
    pub shared: Arc<Shared<G>>,
    pub interfaces: Receiver<Seen>,
    pub disk: Disk,
    pub pilot: Option<Pilot<G>>,
    pub sent: Traffic,
    pub received: Traffic,
}

impl<G: Game> Driver<G> {
    /// Drives the node from its first breath to its last.
    pub fn run(mut self, warnings: Vec<String>, tell: &mut Teller<G>) {
        for warning in warnings {
            tell.tell(Happened::Warning(warning));
        }
        let mut last_woken = clock::now();
        let mut suspended = clock::suspended();
        let mut running = true;
        while running && !self.shared.is_abandoned() {
            let deadline = self.node.next_timeout();
            self.sockets.wait(deadline);
            let woken = clock::now();
            if let Some(late) = stall(Rate::of::<G>(), deadline, last_woken, woken) {
                tell.tell(Happened::Stall { late });
            }
            last_woken = woken;
            if lid_was_shut(&mut suspended, clock::suspended()) {
                running = self.feed(Input::Wire(Wire::Woke(clock::wall_time())), tell);
            }
            running = running && self.turn(woken, tell);
            self.shared.count(self.sent, self.received);
        }
        self.sockets.finish(clock::now() + FAREWELL);
    }

    /// Everything that is to be done after one wait. False: the node has ended.
    fn turn(&mut self, woken: Instant, tell: &mut Teller<G>) -> bool {
        let mut running = self.take_in(tell);
        if running && self.is_due() {
            if clock::now().since(woken) > LOOK_FRESH {
                self.sockets.look();
                running = self.take_in(tell);
            }
            let began = clock::now();
            running = running && self.feed(Input::Wire(Wire::Timeout), tell);
            let took = clock::now().since(began);
            if running && took >= TOOK_TOLD {
                running = self.feed(Input::Wire(Wire::Took(took)), tell);
            }
        }
        running
    }

    /// Feeds everything that waits, in the order of who should not have to.
    fn take_in(&mut self, tell: &mut Teller<G>) -> bool {
        let mut running = true;
        while running && let Some(wire) = self.sockets.next() {
            match &wire {
                Wire::Packet { bytes, .. } => self.received.datagram(bytes.len()),
                Wire::Bytes { chunk, .. } => self.received.bytes += chunk.len() as u64,
                _ => {}
            }
            running = self.feed(Input::Wire(wire), tell);
        }
        if let Some(warning) = self.sockets.next_warning() {
            tell.tell(Happened::Warning(warning));
        }
        while running && let Ok(seen) = self.interfaces.try_recv() {
            running = self.see(seen, tell);
        }
        while running && let Some(news) = self.disk.next_news() {
            running = match news {
                disk::News::Report(report) => self.feed(Input::Wire(Wire::Persisted(report)), tell),
                disk::News::Read(stored, notices) => {
                    notices.into_iter().for_each(|it| tell.tell(Happened::Warning(it)));
                    self.feed(Input::Wire(Wire::Read(stored)), tell)
                }
            };
        }
        while running && let Some(command) = self.shared.next_command() {
            running = self.feed(Input::Command(command), tell);
        }
        if running && let Some(controls) = self.shared.fresh_controls() {
            running = self.feed(Input::Command(Command::Controls(controls)), tell);
        }
        while running
            && self.node.has_room_for_orders()
            && let Some(order) = self.shared.next_order()
        {
            running = self.feed(Input::Command(Command::Order(order)), tell);
        }
        if running && self.shared.is_leaving() {
            running = self.feed(Input::Command(Command::Leave), tell);
        }
        running
    }

    /// The networks are others, or cannot be seen any more.
    fn see(&mut self, seen: Seen, tell: &mut Teller<G>) -> bool {
        match seen {
            Seen::Networks(all) => {
                let present = self.sockets.set_interfaces(&all);
                self.feed(Input::Wire(Wire::Interfaces(present)), tell)
            }
            Seen::Refused(why) => {
                tell.tell(Happened::Warning(why));
                true
            }
        }
    }

    fn is_due(&self) -> bool {
        self.node.next_timeout().is_some_and(|deadline| deadline <= clock::now())
    }

    /// Feeds the node one thing, and carries out what comes of it.
    fn feed(&mut self, input: Input<G>, tell: &mut Teller<G>) -> bool {
        self.node.handle(clock::now(), input);
        let (view, running) = self.drain(tell);
        let wish = view.zip(self.pilot.as_mut()).and_then(|(view, pilot)| pilot(&view));
        match wish {
            Some(command) if running => {
                self.node.handle(clock::now(), Input::Command(command));
                self.drain(tell).1
            }
            _ => running,
        }
    }

    /// Carries out what the node wants. Gives the view, if there is a new one, and whether the node goes on.
    fn drain(&mut self, tell: &mut Teller<G>) -> (Option<Arc<View<G>>>, bool) {
        let (mut latest, mut running) = (None, true);
        while let Some(output) = self.node.poll() {
            match output {
                Output::Effect(effect) => self.carry_out(effect),
                Output::View(view) => {
                    self.shared.show(Arc::clone(&view));
                    latest = Some(view);
                }
                Output::Event(event) => {
                    running &= !matches!(event, Event::Stopped);
                    tell.tell(Happened::Node(event));
                }
            }
        }
        (latest, running)
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Packet { to, via, bytes } => {
                self.sent.datagram(bytes.len());
                self.sockets.packet(to, via, &bytes);
            }
            Effect::Broadcast { on, port, bytes } => {
                self.sent.datagram(bytes.len());
                self.sockets.broadcast(&on, port, &bytes);
            }
            Effect::Dial { link, to } => self.sockets.dial(link, to),
            Effect::Bytes { link, bytes } => {
                self.sent.bytes += bytes.len() as u64;
                self.sockets.send(link, bytes);
            }
            Effect::Close { link } => self.sockets.close(link),
            Effect::Persist { batch, records } => self.disk.persist(batch, records),
            Effect::Remember { session, name } => self.disk.remember(session, &name),
        }
    }
}

impl Traffic {
    fn datagram(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.datagrams += 1;
    }
}

/// How much too late this thread woke, if that is more than a tick. A deadline that had passed
/// already when the thread last woke is no news.
fn stall(
    rate: Rate,
    deadline: Option<Instant>,
    last_woken: Instant,
    woken: Instant,
) -> Option<Duration> {
    let late = woken.since(deadline?.max(last_woken));
    (late > rate.tick()).then_some(late)
}

/// Whether this machine was suspended since the last look. What two clocks read one after the other
/// differs by a little each time: that is no sleep.
fn lid_was_shut(before: &mut Duration, suspended: Duration) -> bool {
    let slept = suspended.saturating_sub(*before);
    *before = suspended;
    slept > SUSPENDED_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspend_is_told_once_and_the_noise_of_clocks_never() {
        let ms = Duration::from_millis;
        let mut before = ms(7_000);
        assert!(!lid_was_shut(&mut before, ms(7_001)));
        assert!(!lid_was_shut(&mut before, ms(7_000)));
        assert!(lid_was_shut(&mut before, ms(67_000)));
        assert!(!lid_was_shut(&mut before, ms(67_000)));
    }

    const MS: u64 = 1_000;

    #[test]
    fn waking_a_tick_after_the_deadline_is_a_stall() {
        let stall = |deadline: u64, last: u64, woken: u64| {
            let (deadline, rate) = (Some(Instant(deadline * MS)), Rate::USUAL);
            stall(rate, deadline, Instant(last * MS), Instant(woken * MS))
        };
        assert_eq!(stall(100, 90, 101), None);
        assert_eq!(stall(100, 90, 160), Some(Duration::from_millis(60)));
    }

    // A host that catches up hands out deadlines of the past, one after the other.
    #[test]
    fn a_deadline_long_past_is_no_stall() {
        let deadline = Some(Instant(10 * MS));
        assert_eq!(stall(Rate::USUAL, deadline, Instant(90 * MS), Instant(91 * MS)), None);
    }

    #[test]
    fn without_a_deadline_nothing_can_be_late() {
        assert_eq!(stall(Rate::USUAL, None, Instant(0), Instant(900 * MS)), None);
    }
}
