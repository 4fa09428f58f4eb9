//! Following a host, and how a reign ends without a quarrel.

use super::*;

impl Election {
    pub(super) fn follow(&mut self, now: Instant, packet: &TickPacket, via: Option<Via>) {
        self.follow_term(now, packet.term, via.map(|via| via.by));
        if let Some(following) = self.state.as_following_mut() {
            following.hear(now, self.rate, packet, self.sent, via);
        }
    }

    pub(super) fn follow_term(&mut self, now: Instant, term: Term, via: Option<NodeId>) {
        let before = self.turn(State::Following(Following {
            term,
            tick: Tick(0),
            heard: now,
            // Until a third node passes the ticks on, they come from nobody.
            excused: via.map_or(Duration::ZERO, |_| self.rate.span(RELAY_TRIED)),
            acknowledged: 0,
            lag: Duration::ZERO,
            acknowledged_at: now,
            direct: 0,
            direct_at: now,
            relay: via.map(|by| Relayed::to_be_tried(by, now + relay::SERVED)),
            pending: None,
        }));
        let yielded = before.as_reigning().map(|reign| reign.term);
        self.out.push_back(Out::Follow { term, yielded });
    }

    /// The host that is followed is not reached; `by` is, and follows it, too.
    pub fn go_through(&mut self, now: Instant, by: NodeId) {
        if let Some(following) = self.state.as_following_mut()
            && following.relay.is_none()
        {
            following.relay = Some(Relayed::to_be_tried(by, now + relay::SERVED));
            following.excused = self.rate.span(RELAY_TRIED);
        }
    }

    /// The answer to a packet of a term that is over, by the way that it came: who is cut off from here in both
    /// directions would never learn of it else.
    pub(super) fn fence(&mut self, now: Instant, term: Term, via: Option<NodeId>) {
        let Some(promised) = self.promised else {
            return;
        };
        let alive = self.reign() == Some(promised) || self.hears(now);
        self.send_either_way(via, term.host, Packet::Stale { promised, word: None, alive });
    }

    pub(super) fn hears(&self, now: Instant) -> bool {
        self.state.as_following().is_some_and(|following| {
            now.since(following.heard) <= self.suspicion()
                && (self.watching || following.is_acknowledged(now, &self.tuning))
        })
    }

    /// The host does not hear this node: one after the other is tried as a relay.
    pub(super) fn seek_relay(&mut self, now: Instant, cx: &Context<'_>) {
        let linked = (cx.voters)().into_iter().filter(|voter| voter.linked).map(|voter| voter.id);
        let Some(following) = self.state.as_following_mut() else { return };
        let last = following.relay.map(|relay| relay.by);
        if following.relay.is_some_and(|relay| now < relay.until) {
            return;
        }
        let others: Vec<NodeId> = linked.filter(|id| *id != following.term.host).collect();
        let after = others.iter().find(|id| Some(**id) > last).or(others.first());
        let until = now + self.rate.span(RELAY_TRIED);
        following.relay = match after {
            Some(by) => Some(Relayed::to_be_tried(*by, until)),
            None => Some(Relayed::to_be_tried(following.term.host, until)),
        };
    }

    pub(super) fn granted(&self, now: Instant, to: NodeId) -> bool {
        self.grant.is_some_and(|grant| grant.to == to && now < grant.until)
    }

    pub(super) fn ends(&mut self, now: Instant, from: NodeId, old: Term, new: Term) {
        let current = self.current();
        let fits = current == Some(old)
            && from == old.host
            && new > old
            && new.host != self.me
            && self.believe(new);
        if !fits || self.reign().is_some() || self.promised.is_some_and(|promised| new < promised) {
            return;
        }
        self.see(new.epoch);
        self.out.push_back(Out::Lost { term: old, cause: Cause::Yielded });
        self.follow_term(now, new, None);
    }

    pub(super) fn abdicated(
        &mut self,
        now: Instant,
        cx: &Context<'_>,
        from: NodeId,
        term: Term,
        successor: NodeId,
        world: Option<WorldCopy>,
    ) {
        if from != term.host || self.current() != Some(term) || self.reign().is_some() {
            return;
        }
        self.part_politely(now);
        if successor == self.me {
            let mine = cx.newest.mark();
            let world = world.filter(|copy| copy.mark.clock.term == term);
            let world = world.filter(|copy| !descends(mine, copy.mark));
            let chosen = world.as_ref().map(|copy| copy.mark).or(mine);
            self.won = chosen.map(|chosen| (chosen, Vec::new()));
            self.reign_from(now, Some(term), false, BTreeMap::new(), world);
        } else {
            self.grant = Some(Grant { to: successor, until: now + self.tuning.grant });
            self.withdraw(now + self.tuning.grant);
        }
    }

    /// The host that is followed leaves, and somebody else goes on.
    fn part_politely(&mut self, now: Instant) {
        let until = now + self.tuning.grant;
        if self.part(now, Cause::Left).is_some()
            && let Some(seeking) = self.state.as_seeking_mut()
        {
            seeking.ask_at = until;
            seeking.ranked = true;
        }
    }
}
