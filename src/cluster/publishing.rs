//! How a host tells who is in: players at once, and those who only watch a few at a time.
//!
//! A list goes to each receiver over its link, sealed for it alone. To tell a thousand spectators of each newcomer
//! would cost a host half of a tick, again and again. So they are told [one slice](WATCHERS_TOLD) after the other, of
//! whatever the list is then; and that only their own number has changed is told once in a while
//! ([`SPECTATORS_COUNTED_EVERY`]).

use super::*;

/// How many of those who only watch are told at a time of what has changed.
const WATCHERS_TOLD: usize = 16;

/// The time between two such slices.
const WATCHERS_TOLD_EVERY: Duration = Duration::from_millis(4);

/// How long after a reign has begun its list is told. It names nobody who was not in before, and everybody has much to
/// do at that moment.
const BEHIND_FIRST_TICK: Duration = Duration::from_millis(5);

/// What a host has to tell of who is in.
#[derive(Clone, Debug, Default)]
pub(super) struct Publishing {
    /// The list has changed, and that is told as soon as the pause since the last one is over.
    waits: bool,
    /// How many watch has changed, which can wait for longer.
    count_waits: bool,
    told_at: Instant,
    /// Nothing is told before that: the first ticks of a reign have the processors for themselves.
    begins_at: Instant,
    /// Who is to be told yet, of those who only watch.
    watchers: VecDeque<NodeId>,
    watchers_at: Instant,
}

impl Publishing {
    /// The list is this node's from here on: it is told soon, but behind the first tick, which everybody waits for.
    pub fn begin(&mut self, now: Instant) {
        let begins_at = now + BEHIND_FIRST_TICK;
        *self = Self { waits: true, told_at: self.told_at, begins_at, ..Self::default() };
    }

    /// When something is due besides the usual look.
    pub fn due_at(&self) -> Instant {
        let list = if self.waits {
            self.begins_at.max(self.told_at + ROSTER_PAUSE)
        } else {
            Instant::NEVER
        };
        let slice = if self.watchers.is_empty() { Instant::NEVER } else { self.watchers_at };
        list.min(slice)
    }

    /// Whether what is to be told can be told at `now`.
    pub fn may_tell(&self, now: Instant) -> bool {
        let passed = now.since(self.told_at);
        now >= self.begins_at
            && (self.waits && passed >= ROSTER_PAUSE
                || self.count_waits && passed >= SPECTATORS_COUNTED_EVERY)
    }
}

impl Cluster {
    /// Brings the list in line with the links, and tells what is due.
    pub(super) fn reconcile(&mut self, now: Instant) {
        match self.roster.reconcile(now, self.rate, &self.tuning, &self.me, &self.mesh) {
            Changed::Nothing => {}
            Changed::Spectators => self.publishing.count_waits = true,
            Changed::Members => {
                self.weigh_seats(now);
                self.publishing.waits = true;
            }
        }
        if self.publishing.may_tell(now) {
            self.publish_roster(now);
        }
        self.tell_watchers(now);
    }

    /// Tells players who is in, and whoever only watches soon.
    pub(super) fn publish_roster(&mut self, now: Instant) {
        let watches = |peer: &Peer| peer.is_linked() && !peer.role.plays();
        let watchers = self.mesh.peers().filter(|(_, peer)| watches(peer)).map(|(id, _)| id);
        // Whoever was not told of the last list yet comes first.
        let mut rest: BTreeSet<NodeId> = watchers.collect();
        let mut watchers = std::mem::take(&mut self.publishing.watchers);
        watchers.retain(|id| rest.remove(id));
        watchers.extend(rest);
        self.publishing =
            Publishing { told_at: now, watchers, watchers_at: now, ..Publishing::default() };
        let Some(said) = self.encoded_roster() else { return };
        // Whoever may not be here hears of that before it is parted with.
        let barred = self.roster.published().map_or(&[][..], |published| &published.barred);
        let is_barred = |id| barred.iter().any(|bar| bar.id == id);
        let at_once = self
            .mesh
            .peers()
            .filter(|(id, peer)| peer.is_linked() && (peer.role.plays() || is_barred(*id)));
        for player in at_once.map(|(id, _)| id).collect::<Vec<_>>() {
            self.deliver(now, player, Delivery::Link, &said);
        }
        self.out.push_back(Out::Notice(Notice::Roster));
        self.tell_watchers(now);
    }

    /// The next ones of those who only watch are told.
    pub(super) fn tell_watchers(&mut self, now: Instant) {
        if self.publishing.watchers.is_empty() || now < self.publishing.watchers_at {
            return;
        }
        self.publishing.watchers_at = now + WATCHERS_TOLD_EVERY;
        let Some(said) = self.encoded_roster() else { return };
        let slice = self.publishing.watchers.len().min(WATCHERS_TOLD);
        for watcher in self.publishing.watchers.drain(..slice).collect::<Vec<_>>() {
            self.deliver(now, watcher, Delivery::Link, &said);
        }
    }

    fn encoded_roster(&self) -> Option<Encoded> {
        coding::encode(&Message::Roster(self.roster.signed(&self.me.key)?))
    }

    /// A newcomer is told who is in, unless that is about to go to everybody of its kind.
    pub(super) fn tell_newcomer(&mut self, now: Instant, to: NodeId) {
        self.reconcile(now);
        let plays = self.mesh.peer(to).is_some_and(|peer| peer.role.plays());
        let told = match plays {
            true => self.publishing.told_at == now || self.publishing.waits,
            false => self.publishing.watchers.contains(&to),
        };
        if !told {
            self.send_roster(now, to);
        }
    }

    pub(super) fn send_roster(&mut self, now: Instant, to: NodeId) {
        if let Some(roster) = self.roster.signed(&self.me.key) {
            self.send(now, to, Delivery::Link, &Message::Roster(roster));
        }
    }

    /// Those who do not reach the host get its roster from here.
    pub(super) fn pass_roster(&mut self, now: Instant) {
        let clients = self.relayed(now);
        if clients.is_empty() {
            return;
        }
        let Some(roster) = self.roster.signed(&self.me.key) else { return };
        let message = Message::Roster(roster);
        for (client, _) in clients {
            self.send(now, client, Delivery::Link, &message);
        }
    }

    /// Somebody has shown who it is: it may be a member that was left out until then.
    pub(super) fn readmit(&mut self, now: Instant) {
        let (me, mesh) = (self.me.id, &self.mesh);
        if self.roster.readmit(|id| id != me && mesh.refuses(id).is_some()) {
            self.roster_changed(now);
        }
    }

    /// Whoever only watches is linked with the host's heir beforehand: not all of them at once.
    pub(super) fn mind_heir(&mut self, now: Instant) {
        if self.me.role.plays() {
            return;
        }
        let host = self.election.following().map(|term| term.host);
        let Some(host) = host else {
            // Whoever is linked may be the next one, and whoever is not yet is met now.
            return self.mesh.set_heir(now, self.heir.map(|(heir, _)| heir));
        };
        let heir = self.heir_of(host);
        if heir == self.heir.map(|(heir, _)| heir) {
            let due = self.heir.filter(|(_, at)| *at <= now).map(|(heir, _)| heir);
            return if due.is_some() || heir.is_none() {
                self.mesh.set_heir(now, due)
            };
        }
        let spread = self.random.next_u64() % HEIR_MET_WITHIN.as_micros() as u64;
        self.heir = heir.map(|heir| (heir, now + Duration::from_micros(spread)));
    }

    /// Who asks for the crown first if this host is lost, as far as the roster tells.
    fn heir_of(&self, host: NodeId) -> Option<NodeId> {
        let members = self.roster.members().iter();
        let present = members.filter(|member| member.id != host && !member.away);
        present.map(|member| (!member.unsteady, member.id)).max().map(|(_, id)| id)
    }
}
