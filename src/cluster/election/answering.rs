//! Answering those who ask, and counting the answers.

use super::*;

impl Election {
    pub(super) fn asked(
        &mut self,
        now: Instant,
        cx: &Context<'_>,
        from: NodeId,
        ask: ElectionPacket,
    ) {
        if self.is_drowsy(now) {
            return;
        }
        self.see_within_reason(ask.floor);
        let rank = self.rank(cx);
        let outranked = ask.rank > rank;
        match &mut self.state {
            State::Idle => {}
            State::Reigning(reign) => {
                let term = reign.term;
                let mark = cx.newest.mark();
                if let Some(mark) = mark
                    && ask.ends.is_none_or(|ends| ends <= term)
                {
                    self.answer(from, &ask, Answer::Lives { clock: mark.clock });
                }
            }
            State::Following(following) => {
                let deaf = self.tuning.has(Mutant::YesSayer);
                let silent = if deaf { Duration::MAX } else { now.since(following.heard) };
                let window = self.lives_window();
                let Some(following) = self.state.as_following_mut() else { return };
                let clock = Clock { term: following.term, tick: following.tick };
                let acknowledged = following.is_acknowledged(now, &self.tuning);
                let newer = ask.ends.is_none_or(|ends| ends < clock.term)
                    || ask.world.is_none_or(|world| {
                        clock.tick.0 >= world.clock.tick.0.saturating_add(NEWER_TICKS)
                    });
                if silent <= window && newer && acknowledged {
                    self.answer(from, &ask, Answer::Lives { clock });
                } else if silent <= self.rate.span(JUST_HEARD) && acknowledged {
                    following.pending = Some((from, ask));
                } else if outranked {
                    self.grant_to(now, cx, from, &ask);
                } else {
                    self.answer(from, &ask, Answer::TakingOver);
                    self.lose(now, cx, Cause::Silent);
                    self.defer(from);
                    self.hurry(now);
                }
            }
            State::Seeking(_) => {
                if outranked {
                    self.grant_to(now, cx, from, &ask);
                } else {
                    self.answer(from, &ask, Answer::TakingOver);
                    self.defer(from);
                    self.hurry(now);
                }
            }
        }
    }

    /// Somebody of lower rank has been told to wait.
    fn defer(&mut self, id: NodeId) {
        if let Some(seeking) = self.state.as_seeking_mut() {
            seeking.deferred.insert(id);
            if let Some(candidacy) = &mut seeking.candidacy {
                candidacy.asked.insert(id);
            }
        }
    }

    /// Somebody of lower rank asks already: no more waiting.
    pub(super) fn hurry(&mut self, now: Instant) {
        let free = self.grant.is_none_or(|grant| grant.until <= now);
        if let Some(seeking) = self.state.as_seeking_mut()
            && free
        {
            seeking.ranked = true;
            seeking.ask_at = seeking.ask_at.min(now);
        }
    }

    pub(super) fn grant_to(
        &mut self,
        now: Instant,
        cx: &Context<'_>,
        to: NodeId,
        ask: &ElectionPacket,
    ) {
        if self.grant.is_some_and(|grant| grant.to != to && now < grant.until) {
            return; // bound to somebody else; the repetition will find out
        }
        // Without a link nobody will say that the candidate is gone. If it lives it asks again.
        let linked = (cx.voters)().iter().any(|voter| voter.id == to && voter.linked);
        let span = if linked { self.tuning.grant } else { self.tuning.ask_deadline };
        self.grant = Some(Grant { to, until: now + span });
        if self.tuning.has(Mutant::GrantPromises) {
            let epoch = Epoch(self.floor.0 + 1);
            let term = Term { epoch, host: to, incarnation: Incarnation(0) };
            self.promised = self.promised.max(Some(term));
        }
        if let Some(seeking) = self.state.as_seeking_mut() {
            seeking.candidacy = None;
            seeking.ranked = true;
            seeking.ask_at = now + span;
        }
        let (world, worlds) = (cx.newest.mark(), cx.newest.copies(ask.world));
        self.answer(to, ask, Answer::Follow { world, worlds });
    }

    pub(super) fn answer(&mut self, to: NodeId, ask: &ElectionPacket, answer: Answer) {
        let ok = OkPacket { round: ask.round, floor: self.floor, answer };
        self.send(to, Packet::Ok(ok));
    }

    pub(super) fn answered(&mut self, now: Instant, cx: &Context<'_>, from: NodeId, ok: OkPacket) {
        self.see_within_reason(ok.floor);
        if ok.round != self.round || self.state.candidacy_mut().is_none() {
            return;
        }
        match ok.answer {
            Answer::Follow { world, worlds } => {
                let awaited = self.awaits(from, ok.round);
                let Some(candidacy) = self.state.candidacy_mut() else {
                    return;
                };
                if awaited {
                    let brought = worlds.into_iter().next().map(|copy| copy.sync_gamestate);
                    candidacy.follows.insert(from, (world, brought));
                }
                self.count(now, cx);
            }
            Answer::Lives { .. } | Answer::TakingOver if self.is_held_up_by(from) => {
                if let Some(candidacy) = self.state.candidacy_mut() {
                    candidacy.asked.remove(&from);
                }
                self.count(now, cx);
            }
            Answer::Lives { .. } => {
                if let Some(lost) = self.state.lost_mut()
                    && from != lost.following.term.host
                {
                    let until = now + relay::SERVED;
                    lost.following.relay = Some(Relayed::to_be_tried(from, until));
                }
                self.withdraw(now + self.rate.span(RETRY_AFTER_LIVES));
            }
            Answer::TakingOver => {
                self.withdraw(now + self.rate.span(RETRY_AFTER_TAKEOVER));
            }
        }
    }

    /// Whether somebody has said too often that the lost host lives, or that it takes over: with this answer it is one
    /// more time. The host itself may say so for ever.
    fn is_held_up_by(&mut self, by: NodeId) -> bool {
        let Some(seeking) = self.state.as_seeking_mut() else { return false };
        let lost = seeking.lost.as_ref().map(|lost| lost.following.term.host);
        if lost.is_none_or(|host| host == by) {
            return false;
        }
        let times = seeking.held_up.entry(by).or_default();
        *times = times.saturating_add(1).min(HELD_UP_MAX + 1);
        *times > HELD_UP_MAX
    }

    /// Whether this node has asked that one, in this round, and has no answer that follows it yet: the
    /// first one counts, so that nobody tries one world after the other.
    pub fn awaits(&self, from: NodeId, round: u32) -> bool {
        let candidacy = match &self.state {
            State::Seeking(seeking) => seeking.candidacy.as_ref(),
            _ => None,
        };
        round == self.round
            && candidacy.is_some_and(|candidacy| {
                candidacy.asked.contains(&from) && !candidacy.follows.contains_key(&from)
            })
    }

    pub(super) fn withdraw(&mut self, ask_at: Instant) {
        if let Some(seeking) = self.state.as_seeking_mut() {
            seeking.candidacy = None;
            seeking.ranked = true;
            seeking.ask_at = ask_at;
        }
    }
}
