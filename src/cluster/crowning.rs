//! What follows from what the election has decided: who is told, who is followed, and who reigns.

use super::*;

impl Cluster {
    pub(super) fn drain_election(&mut self, now: Instant) {
        while let Some(out) = self.election.poll() {
            match out {
                election::Out::Send { to, packet } => {
                    let packet = self.with_word(packet);
                    self.send_packet(now, to, packet);
                }
                election::Out::SendThrough { relay, to, packet } => {
                    let packet = self.with_word(packet);
                    self.send_through(now, relay, to, packet);
                }
                election::Out::SendTwice { to, packet } => {
                    let message = Message::Packet(packet);
                    self.send(now, to, Delivery::Datagram, &message);
                    self.send(now, to, Delivery::Link, &message);
                }
                election::Out::Lost { term, cause } => {
                    self.out.push_back(Out::Notice(Notice::HostLost(term, cause)));
                }
                election::Out::Asking { ends } => {
                    self.out.push_back(Out::Notice(Notice::Election(ends)));
                }
                election::Out::Reign { term, ends, silent, world } => {
                    let silent = ends.filter(|_| silent).map(|ends| ends.host);
                    self.take_over(now, term, silent);
                    self.out.push_back(Out::Reign { term, ends, world });
                }
                election::Out::Announce { term, ends } => {
                    self.take_over(now, term, None);
                    self.out.push_back(Out::Announce { term, ends });
                }
                election::Out::Follow { term, yielded } => {
                    if let Some(old) = yielded {
                        self.dismiss(now, old, term);
                    }
                    self.mesh.set_host(Some(term.host));
                    if let Some(way) = self.way_to_host(now, term.host) {
                        self.election.go_through(now, way);
                    }
                    self.keeper.follows();
                    self.votes.follow(Some(term));
                    if self.roster.follow(term) {
                        self.roster_changed(now);
                    }
                    self.out.push_back(Out::Follow { term });
                }
            }
        }
    }

    pub(super) fn take_over(&mut self, now: Instant, term: Term, silent: Option<NodeId>) {
        let bits = u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64());
        let minted = SessionId(Uuid::from_u128(bits));
        let session_id = self.session_id.or(self.announced_session(now)).unwrap_or(minted);
        if self.tuning.has(Mutant::LineDies) {
            self.roster.forget_line();
        }
        self.roster.take_over(now, term, session_id);
        if let Some(silent) = silent {
            self.roster.fell_silent(now, silent);
        }
        self.settle_session(now);
        self.keeper.reigns(term.epoch);
        self.votes.follow(Some(term));
        self.mesh.set_host(Some(term.host));
        self.proving.remember(term, ReignWord::give(&self.me.key, term));
        self.roster.bar(self.bars.published());
        self.publishing.begin(now);
        self.tree.begin();
        self.reconcile_at = now;
    }

    /// Tells the own members whom to follow, now that this node's reign is over.
    pub(super) fn dismiss(&mut self, now: Instant, old: Term, new: Term) {
        let ends = self.with_word(Packet::Ends { old, new, word: None });
        let linked = self.mesh.peers().filter(|(id, peer)| peer.is_linked() && *id != new.host);
        for peer in linked.map(|(id, _)| id).collect::<Vec<_>>() {
            self.send_packet(now, peer, ends.clone());
        }
        self.send_to_all(now, &Message::Packet(ends), Some(new.host));
    }
}
