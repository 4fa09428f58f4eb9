//! What may happen to a single machine, beside being killed, stopped, or cut off.

use std::{fmt::Display, net::Ipv4Addr, time::Duration};

use super::{What, World, links::End};
use crate::{
    game::Game,
    io::{CloseReason, Wire},
    node::Input,
    sim::network::{Place, Weather},
    types::Instant,
};

/// A cable that is out of its socket and in again, at a steady pace.
#[derive(Clone, Debug)]
pub(super) struct Flap {
    pairs: Vec<(Place, Place)>,
    half: Duration,
    until: Instant,
    down: bool,
}

impl<G: Game> World<G> {
    /// Whether anything at all is wrong between or with the machines that run.
    pub fn is_disturbed(&self) -> bool {
        let troubled = self.machines.iter().any(|machine| {
            machine.paused || machine.port_taken || !machine.reads || !machine.slow.is_zero()
        });
        self.network.is_disturbed() || troubled || !self.flaps.is_empty()
    }

    /// Something comes between the nodes.
    pub fn disturb(&mut self, what: impl Display) {
        self.disturbed = self.now;
        self.tell(what);
    }

    /// Nothing passes any more between `some` and `others`.
    pub fn cut_apart(&mut self, some: &[Place], others: &[Place]) {
        for a in some {
            for b in others.iter().filter(|b| *b != a) {
                self.network.cut(*a, *b);
                self.network.cut(*b, *a);
            }
        }
        let (some, others) = (names(some), names(others));
        self.disturb(format_args!("{some} and {others} are cut apart"));
    }

    /// From here on the network is like this.
    pub fn set_weather(&mut self, weather: Weather) {
        let Weather { latency_us, jitter_us, loss_permille, double_permille } = weather;
        self.disturb(format_args!(
            "packets take {latency_us} to {} µs; of 1,000 {loss_permille} are lost, {double_permille} \
             come twice",
            latency_us + jitter_us
        ));
        self.network.weather = weather;
    }

    /// From here on the process gets its share of the processor late, by up to `slow`; on time
    /// again if that is zero.
    pub fn slow_down(&mut self, place: Place, slow: Duration) {
        self.machines[place].slow = slow;
        if slow.is_zero() && self.machines[place].waiting {
            self.turn(place, self.machines[place].life);
        }
    }

    /// All processes run on time again.
    pub fn quicken(&mut self) {
        for place in 0..self.count() {
            self.slow_down(place, Duration::ZERO);
        }
    }

    /// A process has something to do, and waits for its share of the processor.
    pub(super) fn queue_up(&mut self, place: Place) {
        if std::mem::replace(&mut self.machines[place].waiting, true) {
            return;
        }
        let late = self.draw() % (self.machines[place].slow.as_micros() as u64 + 1);
        let life = self.machines[place].life;
        self.push(self.now + Duration::from_micros(late), What::Turn { place, life });
    }

    /// A process that waited gets its share: it takes in what came meanwhile, then does what is due.
    pub(super) fn turn(&mut self, place: Place, life: u32) {
        let machine = &mut self.machines[place];
        if machine.life != life || !std::mem::take(&mut machine.waiting) || machine.paused {
            return;
        }
        for input in std::mem::take(&mut machine.inbox) {
            self.handle(place, input);
        }
        if self.machines[place].timer.is_some_and(|timer| timer <= self.now) {
            self.handle(place, Input::Wire(Wire::Timeout));
        }
    }

    /// Pulls the cables between these pairs and puts them in again, every `half`, until then.
    pub fn flap(&mut self, pairs: Vec<(Place, Place)>, half: Duration, until: Instant) {
        let flap = self.order;
        self.flaps.insert(flap, Flap { pairs, half, until, down: false });
        self.flapped(flap);
    }

    pub(super) fn flapped(&mut self, id: u64) {
        let Some(mut flap) = self.flaps.remove(&id) else { return };
        flap.down = !flap.down && self.now < flap.until;
        for pair in &flap.pairs {
            self.network.flap(*pair, flap.down);
        }
        if !flap.down {
            self.release();
        }
        if self.now < flap.until {
            self.push(self.now + flap.half, What::Flap { flap: id });
            self.flaps.insert(id, flap);
        }
        self.disturbed = self.now;
    }

    /// One end of one of its links is gone, as a firewall may forget it: the other end finds out
    /// when it sends something.
    pub fn half_open(&mut self, place: Place) {
        let links: Vec<(_, u64)> =
            self.machines[place].links.iter().map(|(link, cable)| (*link, *cable)).collect();
        if links.is_empty() {
            return;
        }
        let (link, cable) = links[self.draw() as usize % links.len()];
        self.disturbed = self.now;
        self.network.haunt_cable(cable);
        let end = End { place, life: self.machines[place].life, link };
        self.close_end(end, cable, CloseReason::Error);
    }

    /// The machine has another address from here on. Its links lead nowhere.
    pub fn readdress(&mut self, place: Place) {
        let taken = |ip: Ipv4Addr| self.machines.iter().any(|machine| machine.ips.contains(&ip));
        let Some(old) = self.machines[place].ips.first().copied() else { return };
        let [a, b, net, _] = old.octets();
        let mut free = (1..=254).map(|last| Ipv4Addr::new(a, b, net, last)).filter(|ip| *ip > old);
        let Some(ip) = free.find(|ip| !taken(*ip)) else { return };
        self.machines[place].ips[0] = ip;
        self.network.readdress(place);
        self.note(place, format_args!("has the address {ip} from here on"));
        self.feed_interfaces(place);
    }

    /// Connects a machine, which is off, to one more network.
    pub fn join_network(&mut self, place: Place, net: u8) {
        self.machines[place].ips.push(Ipv4Addr::new(10, 0, net, place as u8 + 1));
    }

    /// A machine is not on one of its networks.
    pub fn leave_network(&mut self, place: Place, net: u8) {
        self.machines[place].ips.retain(|ip| ip.octets()[2] != net);
    }
}

/// Some machines, in words.
pub fn names(places: &[Place]) -> String {
    let names: Vec<String> = places.iter().map(|place| format!("n{place}")).collect();
    names.join(", ")
}
