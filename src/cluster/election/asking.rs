//! Losing a host, and asking for the crown.

use super::*;

impl Election {
    /// The host that is followed is lost.
    pub(super) fn lose(&mut self, now: Instant, cx: &Context<'_>, cause: Cause) {
        let Some(pending) = self.part(now, cause) else { return };
        if let Some((from, ask)) = pending {
            self.asked(now, cx, from, ask);
        }
        self.advance(now, cx);
    }

    /// Follows nobody any more, if it did. Returns the ask that was not answered yet.
    pub(super) fn part(
        &mut self,
        now: Instant,
        cause: Cause,
    ) -> Option<Option<(NodeId, ElectionPacket)>> {
        let following = self.state.as_following_mut()?;
        let pending = following.pending.take();
        let lost = Lost { following: following.clone(), cause, at: now };
        self.out.push_back(Out::Lost { term: lost.following.term, cause });
        self.turn(State::seeking(Some(lost), now));
        Some(pending)
    }

    /// The lost host is heard again: nothing has happened.
    pub(super) fn resume(&mut self) {
        if let Some(lost) = self.state.lost() {
            let grant = self.grant;
            self.turn(State::Following(lost.following.clone()));
            self.grant = grant;
        }
    }

    /// Who is to be asked: whoever was heard lately over an open link, but not the lost host.
    pub(super) fn electorate<'a>(
        &self,
        now: Instant,
        cx: &'a Context<'_>,
    ) -> impl Iterator<Item = Voter> + use<'a> {
        // Whoever has just come in has waited a beacon's time already for whom it knows.
        let newcomer = self.promised.is_none();
        let lately = self.tuning.beacon.max(self.tuning.lively());
        let heard = if newcomer { lately } else { self.tuning.heard };
        let lost = self.state.lost().map(|lost| lost.following.term.host);
        (cx.voters)()
            .into_iter()
            .filter(move |voter| voter.linked && now.since(voter.heard) <= heard)
            .filter(move |voter| Some(voter.id) != lost)
    }

    /// Moves a node without a host on: to its ask, its repetition, its crown.
    pub(super) fn advance(&mut self, now: Instant, cx: &Context<'_>) {
        let seeks = matches!(self.state, State::Seeking(_));
        if !seeks || self.is_drowsy(now) || self.watching {
            return;
        }
        let above = {
            let mine = self.rank(cx);
            self.electorate(now, cx).filter(|voter| mine.with(voter) > mine).count()
        };
        let Some(seeking) = self.state.as_seeking_mut() else { return };
        if seeking.candidacy.is_none() {
            if seeking.lost.is_none() && cx.held_back {
                let later = now + self.rate.span(RETRY_AFTER_TAKEOVER);
                seeking.ask_at = seeking.ask_at.max(later);
                return;
            }
            if now < seeking.ask_at {
                return;
            }
            if !seeking.ranked {
                seeking.ranked = true;
                seeking.ask_at = now + self.tuning.rank_step * above as u32;
            }
            if let Some(grant) = self.grant
                && now < grant.until
            {
                seeking.ask_at = seeking.ask_at.max(grant.until);
            }
            if now >= seeking.ask_at {
                self.stand(now, cx);
            }
        }
        self.count(now, cx);
    }

    /// Becomes a candidate, and asks.
    pub(super) fn stand(&mut self, now: Instant, cx: &Context<'_>) {
        let mut asked: BTreeSet<NodeId> = self.electorate(now, cx).map(|voter| voter.id).collect();
        let rough = self.gap_us > self.rate.span(ROUGH).as_micros() as u64;
        let patience = if rough { self.tuning.ask_patience } else { self.tuning.ask_deadline };
        let Some(seeking) = self.state.as_seeking_mut() else { return };
        asked.extend(&seeking.deferred);
        asked.retain(|id| seeking.held_up.get(id).is_none_or(|times| *times <= HELD_UP_MAX));
        let ends = seeking.lost.as_ref().map(|lost| lost.following.term);
        let host = ends.map(|term| term.host);
        // Who has lost its links with all others, and hears some of them still, is more likely to
        // be at fault itself than its host.
        let doubtful = asked.is_empty()
            && (cx.voters)().iter().any(|voter| voter.estranged && Some(voter.id) != host);
        let suspect = seeking
            .lost
            .as_ref()
            .filter(|lost| match lost.cause {
                Cause::Silent | Cause::Deaf => true,
                Cause::Closed => doubtful,
                Cause::Left | Cause::Yielded => false,
            })
            .map(|lost| lost.following.term.host);
        if self.tuning.has(Mutant::NoAskFirst) {
            return self.reign_from(now, ends, suspect.is_some(), BTreeMap::new(), None);
        }
        // Others may still hear a host whose link has closed here, and have to wait for two ticks to know; of one that was
        // silent for so long, for one at most.
        let ticks = match seeking.lost.as_ref().map(|lost| lost.cause) {
            Some(Cause::Closed) => 2,
            Some(Cause::Silent | Cause::Deaf) => 1,
            Some(Cause::Left | Cause::Yielded) | None => 0,
        };
        let deadline = if asked.is_empty() && suspect.is_some() {
            now + patience
        } else if self.tuning.has(Mutant::WaitsForAll) {
            now + Duration::from_secs(3_600)
        } else {
            now + self.rate.stretch(self.tuning.ask_deadline, ticks)
        };
        let candidacy = Candidacy {
            began: now,
            repeat_at: now,
            deadline,
            extends_at: Some(deadline),
            ends,
            asked,
            suspect,
            follows: BTreeMap::new(),
        };
        seeking.candidacy = Some(Box::new(candidacy));
        self.round = self.round.wrapping_add(1);
        self.out.push_back(Out::Asking { ends });
        self.ask(now, cx);
    }

    pub(super) fn ask(&mut self, now: Instant, cx: &Context<'_>) {
        let rank = self.rank(cx);
        let (round, floor, repeat) = (self.round, self.floor, self.tuning.ask_repeat);
        let world = cx.newest.mark();
        let Some(candidacy) = self.state.candidacy_mut() else {
            return;
        };
        if now < candidacy.repeat_at {
            return;
        }
        candidacy.repeat_at = now + repeat;
        let ask = ElectionPacket { round, ends: candidacy.ends, world, rank, floor };
        let silent = candidacy.asked.iter().filter(|id| !candidacy.follows.contains_key(id));
        let to: Vec<NodeId> = silent.copied().chain(candidacy.suspect).collect();
        for to in to {
            self.send(to, Packet::Election(ask.clone()));
        }
    }

    /// Counts the answers: reigns, asks again, or waits.
    pub(super) fn count(&mut self, now: Instant, cx: &Context<'_>) {
        let hasty = self.tuning.has(Mutant::NoPatience);
        let patience = if hasty { self.tuning.ask_deadline } else { self.tuning.ask_patience };
        let Some(candidacy) = self.state.candidacy_mut() else {
            return;
        };
        let all = candidacy.asked.iter().all(|id| candidacy.follows.contains_key(id));
        let over = now >= candidacy.deadline;
        let some = !candidacy.follows.is_empty();
        let alone = candidacy.asked.is_empty() && candidacy.suspect.is_none();
        let out_of_patience = now.since(candidacy.began) >= patience;
        let nobody = candidacy.asked.is_empty();
        if (all && (some || alone)) || (over && (some || nobody || out_of_patience)) {
            return self.win(now, cx);
        }
        if over && !out_of_patience {
            // Nobody answers at all. Keep asking; `packet` grants one more deadline.
            candidacy.deadline = candidacy.began + patience;
        }
        self.ask(now, cx);
    }

    pub(super) fn win(&mut self, now: Instant, cx: &Context<'_>) {
        let Some(candidacy) = self.state.candidacy_mut() else {
            return;
        };
        let ends = candidacy.ends;
        let silent = candidacy.suspect.is_some();
        let follows = std::mem::take(&mut candidacy.follows);
        let world =
            newest_world(cx.newest.mark(), &follows).filter(|_| !self.tuning.has(Mutant::OldWorld));
        let chosen = world.as_ref().map(|copy| copy.mark).or(cx.newest.mark());
        let answers = follows.values().filter_map(|(mark, _)| *mark).collect();
        self.won = chosen.map(|chosen| (chosen, answers));
        let members = follows.keys().map(|id| (*id, now)).collect();
        self.reign_from(now, ends, silent, members, world);
    }

    pub(super) fn reign_from(
        &mut self,
        now: Instant,
        ends: Option<Term>,
        silent: bool,
        members: BTreeMap<NodeId, Instant>,
        world: Option<WorldCopy>,
    ) {
        let term = self.next_term();
        self.turn(State::Reigning(Reigning {
            term,
            announced: now,
            members,
            rival: None,
            conceded: None,
        }));
        self.out.push_back(Out::Reign { term, ends, silent, world });
    }

    pub(super) fn next_term(&mut self) -> Term {
        let used = self.promised.map_or(Epoch(0), |term| term.epoch);
        self.floor = Epoch(self.floor.max(used).0.saturating_add(1));
        Term { epoch: self.floor, host: self.me, incarnation: self.incarnation }
    }
}
