//! Two hosts meet: one judges.

use super::*;

impl Election {
    /// Another host exists: this node met it itself, or heard of it by way of the neighbour `told_by`.
    pub(super) fn meet_rival(&mut self, now: Instant, term: Term, told_by: Option<NodeId>) {
        let Some(reign) = self.state.as_reigning_mut() else { return };
        if term <= reign.term || term.host == self.me {
            return;
        }
        if self.tuning.has(Mutant::Duels) {
            return self.announce(now, term);
        }
        match &mut reign.rival {
            Some(rival) if rival.term == term => {
                rival.heard = now;
                rival.told_by = told_by.or(rival.told_by);
            }
            Some(rival) if rival.term > term => {}
            rival => *rival = Some(Rival { term, heard: now, meet_at: now, told_by }),
        }
    }

    pub(super) fn told_stale(&mut self, now: Instant, by: NodeId, promised: Term, alive: bool) {
        if !self.believe(promised) {
            return;
        }
        self.see(promised.epoch);
        let Some(reign) = self.state.as_reigning_mut() else { return };
        let old = reign.term;
        if promised <= old {
            return;
        }
        let met = reign.rival.as_ref().is_some_and(|rival| {
            rival.term >= promised && now.since(rival.heard) <= self.rate.span(RIVAL_REMEMBERED)
        });
        if promised.host != self.me && alive {
            self.meet_rival(now, promised, Some(by).filter(|by| *by != promised.host));
        } else if !met && now.since(reign.announced) >= self.rate.span(ANNOUNCE_PAUSE) {
            self.announce(now, old);
        }
    }

    pub(super) fn told_rival(&mut self, now: Instant, from: NodeId, term: Term, by: NodeId) {
        let member = self.state.as_reigning().map(|reign| reign.members.contains_key(&from));
        if member == Some(true) && self.believe(term) {
            self.see(term.epoch);
            self.meet_rival(now, term, Some(by));
        }
    }

    /// Reigns on in a term above all known ones; `ends` is what it puts an end to.
    pub(super) fn announce(&mut self, now: Instant, ends: Term) {
        self.see(ends.epoch);
        let term = self.next_term();
        let Some(reign) = self.state.as_reigning_mut() else { return };
        reign.term = term;
        reign.announced = now;
        reign.rival = None;
        self.promised = Some(term);
        self.out.push_back(Out::Announce { term, ends });
    }

    /// Asks a rival once more to judge, or forgets it if nothing of it was heard for long.
    pub(super) fn meet_again(&mut self, now: Instant, cx: &Context<'_>) {
        let (members, rate) = (self.members(now), self.rate);
        let Some(reign) = self.state.as_reigning_mut() else { return };
        let Some(rival) = &mut reign.rival else { return };
        if now.since(rival.heard) > rate.span(RIVAL_REMEMBERED) {
            reign.rival = None;
            return;
        }
        rival.meet_at = now + MEET_REPEAT;
        // Whoever has given the crown away waits for whom it gave it to. Would it ask instead, that one could find
        // otherwise by then, and both would give it to each other, and take it, without an end.
        if reign.conceded.is_some_and(|conceded| conceded.holds(now, rate, rival.term.host)) {
            return;
        }
        let (term, to, told_by) = (reign.term, rival.term.host, rival.told_by);
        let tick = cx.newest.mark().map_or(Tick(0), |mark| mark.clock.tick);
        self.send_either_way(told_by, to, Packet::Meet(MeetPacket { term, members, tick }));
    }

    pub(super) fn members(&self, now: Instant) -> Vec<NodeId> {
        let Some(reign) = self.state.as_reigning() else { return Vec::new() };
        let lately =
            reign.members.iter().filter(|(_, at)| now.since(**at) <= self.rate.span(MEMBER_WINDOW));
        lately.map(|(id, _)| *id).chain([self.me]).collect()
    }

    /// A host with a lower term wants to know who of the two reigns on.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        cx: &Context<'_>,
        from: NodeId,
        meet: &MeetPacket,
        via: Option<NodeId>,
    ) {
        if meet.term.host != from || self.is_drowsy(now) || !self.believe(meet.term) {
            return;
        }
        let Some(mine) = self.reign() else { return };
        if meet.term >= mine {
            return self.meet_rival(now, meet.term, via);
        }
        let ours: BTreeSet<NodeId> = self.members(now).into_iter().collect();
        let twice = self.tuning.has(Mutant::CountsTwice);
        let theirs = meet.members.iter().filter(|id| twice || !ours.contains(id));
        let theirs: BTreeSet<NodeId> = theirs.copied().collect();
        let tick = cx.newest.mark().map_or(Tick(0), |mark| mark.clock.tick);
        let keeps = (ours.len(), tick, self.me) > (theirs.len(), meet.tick, meet.term.host);
        if let Some(reign) = self.state.as_reigning_mut()
            && !keeps
        {
            reign.conceded = Some(Conceded { to: meet.term.host, at: now });
        }
        let verdict = Packet::Verdict { judge: mine, judged: meet.term, keeps, word: None };
        self.send_either_way(via, meet.term.host, verdict);
    }

    pub(super) fn verdict(
        &mut self,
        now: Instant,
        (from, judge): (NodeId, Term),
        judged: Term,
        keeps: bool,
        via: Option<NodeId>,
    ) {
        // Nobody judges who was not asked to.
        let rival = self.state.as_reigning().and_then(|reign| reign.rival.as_ref());
        if judge.host != from || rival.is_none_or(|rival| rival.term.host != from) {
            return;
        }
        if self.reign() != Some(judged) || judge <= judged || !self.believe(judge) {
            return;
        }
        if self.tuning.has(Mutant::Stubborn) {
            return;
        }
        if keeps {
            self.see(judge.epoch);
            self.follow_term(now, judge, via);
        } else {
            self.announce(now, judge);
        }
    }
}
