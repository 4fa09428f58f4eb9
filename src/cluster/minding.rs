//! What a node notices of its own place in a session, and tells its user once: that nobody is there, that it is
//! locked out.

use super::*;

impl Cluster {
    pub(super) fn mind_company(&mut self, now: Instant) {
        if self.mesh.peers().any(|(_, peer)| now.since(peer.heard) < NOBODY_AFTER) {
            self.company = now;
            self.told_nobody = false;
        } else if !self.told_nobody && now.since(self.company) >= NOBODY_AFTER {
            self.told_nobody = true;
            self.out.push_back(Out::Notice(Notice::NobodyFound));
        }
    }

    /// Whether a session of the own name is heard that this node cannot look into.
    pub(super) fn is_locked_out(&self, now: Instant) -> bool {
        let mine = |envelope: &Envelope| {
            Some(&envelope.session) == self.me.session.as_ref()
                && (envelope.protocol, &*envelope.rules) == (PROTOCOL, self.me.rules)
        };
        self.playing() && self.mesh.locked(now).any(mine)
    }

    pub(super) fn mind_lock(&mut self, now: Instant) {
        // Of two locked sessions of one name, one may be the own.
        let own = |beacon: &Beacon| self.me.shares_session(beacon);
        let alone = self.election.current().is_none() && !self.announced(now).any(own);
        if !self.told_locked && alone && self.is_locked_out(now) {
            self.told_locked = true;
            self.out.extend(self.me.session.clone().map(Notice::Locked).map(Out::Notice));
        }
        self.mind_openness(now);
    }

    /// A session of this name may be there that is open: this node, which has a passphrase, founds another one
    /// beside it, or has done so. Whoever is together with somebody who knows the passphrase is where it wants
    /// to be.
    pub(super) fn mind_openness(&mut self, now: Instant) {
        if self.told_open || self.me.lock.is_none() || !self.playing() {
            return;
        }
        let open = |beacon: &Beacon| {
            !beacon.locked
                && self.me.understands(&beacon.who)
                && beacon.who.session == self.me.session
        };
        let own = |beacon: &Beacon| self.me.shares_session(beacon);
        if self.announced(now).any(open) && !self.announced(now).any(own) {
            self.told_open = true;
            self.out.extend(self.me.session.clone().map(Notice::Open).map(Out::Notice));
        }
    }

    /// This node is called otherwise than its host says: the host does not hear the beacons that say
    /// so, and is told itself until it does.
    pub(super) fn mind_name(&mut self) {
        let host = self.election.following().and_then(|term| self.mesh.peer(term.host));
        let mine = self.roster.member(self.me.id);
        if mine.is_some_and(|member| member.name != self.me.name)
            && let Some(to) = host.and_then(|host| host.udp)
        {
            self.mesh.announce_to(&self.me, to);
        }
    }
}
