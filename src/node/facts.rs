//! What the host writes into the ledger, and what all facts of the ledger come to.

use std::collections::BTreeSet;

use super::Node;
use crate::{
    game::{Fact, Game, News, ScoreNews},
    ledger::{
        body::{Body, Called},
        entry::Entry,
        page::Page,
    },
    replica::State,
    types::{Instant, NodeId},
};

impl<G: Game> Node<G> {
    /// Writes into the ledger who came and went, as the step after `before` was told.
    pub(super) fn write_news(
        &mut self,
        now: Instant,
        before: &State<G::World>,
        news: &[News<G::Controls, G::Order>],
    ) {
        let mut here: BTreeSet<NodeId> =
            before.seats.iter().filter(|(_, seat)| seat.present).map(|(id, _)| *id).collect();
        for news in news {
            let body = match news {
                News::Left(player) => {
                    here.remove(player);
                    Body::Left(*player)
                }
                News::Joined(player, name) => {
                    let called = Called { player: *player, name: name.clone() };
                    if here.insert(*player) { Body::Joined(called) } else { Body::Renamed(called) }
                }
                News::Controls(..) | News::Order(..) => continue,
            };
            self.cluster.write(now, body);
        }
    }

    /// Writes into the ledger what the step to `state` brought. It goes with this very tick: whoever
    /// holds this world holds that, too. Returns what the scores have changed in the world, if anything.
    pub(super) fn write_facts(
        &mut self,
        now: Instant,
        events: &[G::Event],
        state: &mut State<G::World>,
    ) -> Option<Vec<u8>> {
        for fact in events.iter().filter_map(|event| G::fact_of_event(&state.world, event)) {
            self.cluster.write(now, Body::Fact(fact));
        }
        if !std::mem::take(&mut self.scores_changed) {
            return None;
        }
        let before = state.world.clone();
        let facts = self.facts_of(&before);
        let wall = self.cluster.wall(now).0;
        G::scores_into_world(&mut state.world, &self.scores, wall, &facts);
        (state.world != before).then(|| {
            let mut difference = Vec::new();
            G::encode_difference(&before, &state.world, &mut difference);
            difference
        })
    }

    /// All facts of the group that this world is in.
    pub(super) fn facts_of(&self, world: &G::World) -> Vec<Fact> {
        let group = G::current_group(world);
        group.map(|group| self.cluster.ledger().facts_of(group)).unwrap_or_default()
    }

    /// Something counts in the ledger, or does not any more.
    pub(super) fn change_scores(&mut self, entry: &Entry, counts: bool) {
        let body = Body::of(entry);
        let Some(record) = body.as_ref().and_then(|body| body.record(entry)) else { return };
        let record = match record {
            ScoreNews::Counts(fact) if !counts => ScoreNews::CountsNoMore(fact),
            record => record,
        };
        G::update_scores(&mut self.scores, self.cluster.ledger().happened_at(entry), record);
        self.scores_changed = true;
        self.memory.scores_due = true;
    }

    /// Many facts count at once.
    pub(super) fn change_scores_by_page(&mut self, page: &Page) {
        let scores = &mut self.scores;
        self.cluster.ledger().tell_page(page, |at, record| G::update_scores(scores, at, record));
        self.scores_changed = true;
        self.memory.scores_due = true;
    }
}
