//! Whom those who only watch watch through, when there are more of them than a host sends to with ease.
//!
//! Up to [`Tuning::direct_watchers`](crate::config::Tuning::direct_watchers) spectators get each tick from the host. If there
//! are more, the host makes some of them *relays*: these get each tick from it, and hand it down to
//! [`Tuning::fan_out`](crate::config::Tuning::fan_out) others each. So a host sends to a few dozen, whoever watches is one tick
//! later at most, and thousands can.
//!
//! A relay is a spectator like any other, of those that can be dialled and have been there for `STEADY`; those who have
//! been there for longest come first. Each of the others is told of two: through the first it watches, and with the second
//! it has a link beforehand. Whether it gets its ticks there, each tells itself, to its host and to that one's heir. So
//! the host sends to whoever gets them from nobody, whatever it had planned; and a new host knows the tree when its
//! reign begins, and goes on with it.
//!
//! Nobody trusts a relay: as long as there are any, the host signs each tick for those who watch, and whoever watches through
//! one shows no world that its host has not signed ([`Claim`](super::proof::Claim)).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::types::{Instant, NodeId};

/// How long somebody has watched before others watch through it.
const STEADY: Duration = Duration::from_secs(1);

/// The most relays: what a host sends to with ease.
const RELAYS_MAX: usize = 64;

/// The time between two looks at who watches, if somebody has come or gone.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// It is looked again after that time in any case: somebody may have played until then, or may become a relay now.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whoever is to hand ticks down, and to whom nobody has come after that time, cannot be reached: it is a relay no more.
const REACHED_WITHIN: Duration = Duration::from_secs(5);

/// Somebody who watches, as a host knows it.
#[derive(Clone, Copy, Debug)]
pub struct Watcher {
    /// Who.
    pub id: NodeId,
    /// It can be dialled.
    pub reachable: bool,
}

/// Through whom somebody is to watch: first, and if that fails.
pub type Route = [Option<NodeId>; 2];

/// Somebody who is to hand ticks down.
#[derive(Clone, Copy, Debug, Default)]
struct Relay {
    since: Instant,
    /// How many were sent there.
    load: usize,
    /// Somebody has watched through it.
    reached: bool,
}

/// What a host has planned, and what it was told.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Who watches, and since when.
    since: BTreeMap<NodeId, Instant>,
    relays: BTreeMap<NodeId, Relay>,
    /// Those who have been relays that nobody could reach.
    unreached: BTreeSet<NodeId>,
    /// What each spectator was told that was told something.
    routes: BTreeMap<NodeId, Route>,
    /// Through whom each watches that gets its ticks from another one, by its own word.
    through: BTreeMap<NodeId, NodeId>,
    /// Who is to be told of its route yet.
    untold: VecDeque<NodeId>,
    /// Somebody has come or gone since the last look, which was then.
    changed: bool,
    looked: Instant,
    grows: bool,
}

impl Tree {
    /// Somebody has come or gone.
    pub fn stir(&mut self) {
        self.changed = true;
    }

    /// Somebody says through whom it watches.
    pub fn says(&mut self, watcher: NodeId, through: Option<NodeId>) {
        self.changed |= self.through.get(&watcher) != through.as_ref();
        match through {
            Some(relay) => {
                self.through.insert(watcher, relay);
                if let Some(relay) = self.relays.get_mut(&relay) {
                    relay.reached = true;
                }
            }
            None => drop(self.through.remove(&watcher)),
        }
    }

    /// Somebody has no link any more.
    pub fn gone(&mut self, id: NodeId) {
        self.changed = true;
        self.through.remove(&id);
        self.through.retain(|_, relay| *relay != id);
        self.routes.remove(&id);
        self.since.remove(&id);
    }

    /// This node hosts no more, or in another reign: what it planned is over, what it was told still holds.
    pub fn begin(&mut self) {
        *self =
            Self { through: std::mem::take(&mut self.through), changed: true, ..Self::default() };
        // Whoever they watch through goes on handing down.
        let reached = Relay { reached: true, ..Relay::default() };
        self.relays = self.through.values().map(|relay| (*relay, reached)).collect();
    }

    /// Whether somebody gets its ticks from another one.
    pub fn watches_through(&self, watcher: NodeId) -> bool {
        self.through.contains_key(&watcher)
    }

    /// Whether anybody hands ticks down: as planned, or as those say who watch through somebody.
    pub fn has_relays(&self) -> bool {
        !self.relays.is_empty() || !self.through.is_empty()
    }

    /// Whether this one does.
    pub fn is_relay(&self, id: NodeId) -> bool {
        self.relays.contains_key(&id)
    }

    /// Whether it is to be looked at again who watches.
    pub fn is_due(&self, now: Instant) -> bool {
        now.since(self.looked) >= if self.changed { LOOK_EVERY } else { LOOK_AGAIN }
    }

    /// Who is to be told of its route next, and the route.
    pub fn next_untold(&mut self) -> Option<(NodeId, Route)> {
        let watcher = self.untold.pop_front()?;
        Some((watcher, self.routes.get(&watcher).copied().unwrap_or_default()))
    }

    /// Whether somebody is to be told.
    pub fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// These watch now. More than `direct` of them do not get each tick from the host, but from relays that hand it down
    /// to `fan_out` each.
    pub fn plan(&mut self, now: Instant, watchers: &[Watcher], direct: usize, fan_out: usize) {
        self.looked = now;
        let here: BTreeSet<NodeId> = watchers.iter().map(|watcher| watcher.id).collect();
        if !self.changed && !self.grows && here.iter().eq(self.since.keys()) {
            return;
        }
        (self.changed, self.grows) = (false, false);
        self.since.retain(|id, _| here.contains(id));
        self.routes.retain(|id, _| here.contains(id));
        self.through.retain(|id, relay| here.contains(id) && here.contains(relay));
        self.relays.retain(|id, _| here.contains(id));
        self.unreached.retain(|id| here.contains(id));
        for id in &here {
            self.since.entry(*id).or_insert(now);
        }
        // It does not come and go with a single one of them.
        let grown = !self.relays.is_empty() && here.len() > direct - direct / 4;
        if here.len() <= direct && !grown {
            self.relays.clear();
        } else {
            self.part_with_unreached(now);
            self.choose_relays(now, watchers, here.len().div_ceil(fan_out + 1).min(RELAYS_MAX));
        }
        self.lay_routes(&here, fan_out);
    }

    /// Whoever was named to others long ago, and has never served any of them, stands behind a firewall, or does not do what
    /// it is to.
    fn part_with_unreached(&mut self, now: Instant) {
        let in_vain = |(id, relay): (&NodeId, &Relay)| {
            let given_up = now.since(relay.since) >= REACHED_WITHIN;
            (relay.load > 0 && !relay.reached).then_some((*id, given_up))
        };
        let in_vain: Vec<_> = self.relays.iter().filter_map(in_vain).collect();
        self.grows = !in_vain.is_empty();
        for (id, _) in in_vain.into_iter().filter(|(_, given_up)| *given_up) {
            self.relays.remove(&id);
            self.unreached.insert(id);
        }
    }

    fn choose_relays(&mut self, now: Instant, watchers: &[Watcher], wanted: usize) {
        // One more than is needed, so that somebody can take the place of one that goes.
        let wanted = (wanted + 1).min(RELAYS_MAX);
        let since = |id: NodeId| self.since.get(&id).copied().unwrap_or(now);
        if self.relays.len() > wanted * 2 {
            let mut relays: Vec<NodeId> = self.relays.keys().copied().collect();
            relays.sort_unstable_by_key(|id| (since(*id), *id));
            relays.truncate(wanted);
            self.relays.retain(|id, _| relays.contains(id));
        }
        let others = watchers
            .iter()
            .filter(|watcher| watcher.reachable && !self.relays.contains_key(&watcher.id))
            .filter(|watcher| !self.unreached.contains(&watcher.id));
        let mut others: Vec<(bool, Instant, NodeId)> = others
            .map(|watcher| (self.watches_through(watcher.id), since(watcher.id), watcher.id))
            .collect();
        others.sort_unstable();
        let lacking = wanted.saturating_sub(self.relays.len());
        let steady = |(_, since, _): &&(bool, Instant, NodeId)| now.since(*since) >= STEADY;
        self.grows |= others.iter().filter(steady).count() < lacking.min(others.len());
        let relay = Relay { since: now, ..Relay::default() };
        let chosen = others.iter().filter(steady).take(lacking).map(|(_, _, id)| (*id, relay));
        let chosen: Vec<_> = chosen.collect();
        self.relays.extend(chosen);
    }

    /// Sends each spectator that is no relay to one that has room, and names it another one.
    fn lay_routes(&mut self, here: &BTreeSet<NodeId>, fan_out: usize) {
        self.relays.values_mut().for_each(|relay| relay.load = 0);
        let mut routes = BTreeMap::new();
        // Nobody moves who can stay: then come those who have to.
        let mut moving = Vec::new();
        for id in here {
            if self.relays.contains_key(id) {
                continue;
            }
            let [first, other] = self.routes.get(id).copied().unwrap_or_default();
            // Whoever watches through its other one may do so: to be sent elsewhere would cost it two links.
            let first = first.filter(|relay| self.relays.contains_key(relay));
            let stays = first.or_else(|| self.through.get(id).copied());
            match stays.filter(|relay| self.has_room(*relay, fan_out)) {
                Some(relay) => self.send_to(*id, relay, &mut routes),
                None => moving.push((*id, other)),
            }
        }
        for (id, other) in moving {
            let with_room = |relay: &NodeId| self.has_room(*relay, fan_out);
            let relay = other.filter(with_room).or_else(|| self.least_loaded().filter(with_room));
            match relay {
                Some(relay) => self.send_to(id, relay, &mut routes),
                None => drop(routes.insert(id, Route::default())),
            }
        }
        self.name_others(&mut routes);
        for id in here {
            let route = routes.get(id).copied().unwrap_or_default();
            if self.routes.get(id).copied().unwrap_or_default() != route {
                self.untold.retain(|other| other != id);
                self.untold.push_back(*id);
            }
        }
        self.routes = routes;
    }

    fn has_room(&self, relay: NodeId, fan_out: usize) -> bool {
        self.relays.get(&relay).is_some_and(|relay| relay.load < fan_out)
    }

    fn send_to(&mut self, watcher: NodeId, relay: NodeId, routes: &mut BTreeMap<NodeId, Route>) {
        self.relays.entry(relay).or_default().load += 1;
        routes.insert(watcher, [Some(relay), None]);
    }

    fn least_loaded(&self) -> Option<NodeId> {
        self.relays.iter().min_by_key(|(id, relay)| (relay.load, **id)).map(|(id, _)| *id)
    }

    /// Those who watch through one relay are named different others, so that none of these is overrun should it go.
    fn name_others(&self, routes: &mut BTreeMap<NodeId, Route>) {
        let relays: Vec<NodeId> = self.relays.keys().copied().collect();
        let mut turn = 0;
        for (id, route) in routes.iter_mut() {
            let Some(first) = route[0] else { continue };
            let before = self.routes.get(id).and_then(|before| before[1]);
            let keeps = before.filter(|other| *other != first && self.relays.contains_key(other));
            let mut next = || {
                turn += 1;
                relays.get(turn % relays.len().max(1)).copied()
            };
            let other = keeps.or_else(&mut next).filter(|other| *other != first).or_else(next);
            route[1] = other.filter(|other| *other != first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: usize = 10;
    const FAN_OUT: usize = 4;

    fn id(number: usize) -> NodeId {
        NodeId::from_u128(number as u128 + 1)
    }

    fn crowd(count: usize) -> Vec<Watcher> {
        (0..count).map(|number| Watcher { id: id(number), reachable: number % 2 == 0 }).collect()
    }

    fn told(tree: &mut Tree) -> BTreeMap<NodeId, Route> {
        std::iter::from_fn(|| tree.next_untold()).collect()
    }

    /// A tree of so many who have been there for long.
    fn grown(count: usize) -> (Tree, BTreeMap<NodeId, Route>) {
        let mut tree = Tree::default();
        tree.plan(Instant(0), &crowd(count), DIRECT, FAN_OUT);
        assert!(told(&mut tree).is_empty() && tree.is_due(Instant(1_000_000)));
        tree.plan(Instant(1_000_000), &crowd(count), DIRECT, FAN_OUT);
        let told = told(&mut tree);
        (tree, told)
    }

    #[test]
    fn few_watch_through_nobody() {
        let mut tree = Tree::default();
        for at in [0, 2_000_000] {
            tree.plan(Instant(at), &crowd(DIRECT), DIRECT, FAN_OUT);
        }
        assert!(told(&mut tree).is_empty() && !tree.has_relays());
    }

    #[test]
    fn of_many_each_is_sent_to_a_relay_with_room_and_knows_another_one() {
        let (tree, told) = grown(23);
        assert_eq!(tree.relays.len(), 6, "23 / (1 + 4), and one to spare");
        assert_eq!(told.len(), 17);
        for (watcher, [first, other]) in &told {
            let (first, other) = (first.unwrap(), other.unwrap());
            assert!(first != other && !tree.relays.contains_key(watcher));
            assert!([first, other].iter().all(|relay| tree.relays.contains_key(relay)));
        }
        assert!(tree.relays.values().all(|relay| relay.load <= FAN_OUT));
        assert!(
            tree.relays.keys().all(|relay| (relay.as_u128() - 1).is_multiple_of(2)),
            "reachable"
        );
    }

    #[test]
    fn whoever_watched_through_a_relay_that_is_gone_is_told_of_others_and_nobody_else_moves() {
        let (mut tree, before) = grown(23);
        let lost = *tree.relays.keys().next().unwrap();
        tree.gone(lost);
        let rest: Vec<Watcher> = crowd(23).into_iter().filter(|one| one.id != lost).collect();
        tree.plan(Instant(1_100_000), &rest, DIRECT, FAN_OUT);
        for (watcher, route) in told(&mut tree) {
            assert!(route.iter().flatten().all(|relay| *relay != lost));
            let concerned = before.get(&watcher).is_none_or(|before| before.contains(&Some(lost)));
            assert!(concerned || tree.relays.contains_key(&watcher), "{watcher:?}");
        }
    }

    // A second in which all is late must not move everybody.
    #[test]
    fn whoever_watches_through_the_other_one_for_a_while_is_sent_nowhere_else() {
        let (mut tree, before) = grown(23);
        for (watcher, [_, other]) in &before {
            tree.says(*watcher, *other);
        }
        tree.plan(Instant(1_200_000), &crowd(23), DIRECT, FAN_OUT);
        assert!(told(&mut tree).is_empty());
        let (watcher, _) = before.into_iter().next().unwrap();
        assert!(tree.watches_through(watcher));
        tree.says(watcher, None);
        assert!(!tree.watches_through(watcher));
    }

    #[test]
    fn a_new_host_goes_on_with_the_tree_that_it_was_told_of() {
        let (_, before) = grown(23);
        let mut heir = Tree::default();
        for (watcher, [first, _]) in &before {
            heir.says(*watcher, *first);
        }
        heir.begin();
        assert!(before.keys().all(|watcher| heir.watches_through(*watcher)) && heir.has_relays());
        heir.plan(Instant(5_000_000), &crowd(23), DIRECT, FAN_OUT);
        let after = told(&mut heir);
        for (watcher, [first, _]) in &before {
            assert_eq!(after[watcher][0], *first, "nobody moves");
        }
    }

    #[test]
    fn when_few_are_left_all_watch_through_nobody_again() {
        let (mut tree, before) = grown(23);
        tree.plan(Instant(2_000_000), &crowd(9), DIRECT, FAN_OUT);
        assert!(!tree.relays.is_empty(), "not for a few");
        tree.plan(Instant(3_000_000), &crowd(8), DIRECT, FAN_OUT);
        assert!(tree.relays.is_empty());
        let told = told(&mut tree);
        assert!(
            before.keys().filter(|id| id.as_u128() <= 8).all(|id| told[id] == Route::default())
        );
    }

    #[test]
    fn nobody_is_sent_to_a_relay_that_has_no_room() {
        let count = RELAYS_MAX * (FAN_OUT + 1) + 50;
        let (tree, told) = grown(count);
        assert_eq!(tree.relays.len(), RELAYS_MAX);
        assert_eq!(told.len(), RELAYS_MAX * FAN_OUT);
        assert!(tree.relays.values().all(|relay| relay.load == FAN_OUT));
    }

    #[test]
    fn whoever_watches_through_one_that_is_gone_gets_its_ticks_from_the_host_at_once() {
        let (mut tree, told) = grown(23);
        let (watcher, [first, _]) = told.into_iter().next().unwrap();
        tree.says(watcher, first);
        assert!(tree.watches_through(watcher));
        tree.gone(first.unwrap());
        assert!(!tree.watches_through(watcher));
    }

    // Somebody has a firewall that lets nobody in.
    #[test]
    fn a_relay_that_nobody_reaches_is_replaced_and_not_chosen_again() {
        let (mut tree, told) = grown(23);
        let relays: Vec<NodeId> = tree.relays.keys().copied().collect();
        for (watcher, [first, _]) in told.iter().filter(|(_, [first, _])| *first != Some(relays[0]))
        {
            tree.says(*watcher, *first);
        }
        let before = Instant(1_000_000 + REACHED_WITHIN.as_micros() as u64 - 1);
        tree.plan(before, &crowd(23), DIRECT, FAN_OUT);
        assert!(tree.is_relay(relays[0]) && tree.is_due(before + LOOK_AGAIN));
        for later in [LOOK_AGAIN, LOOK_AGAIN * 9] {
            tree.plan(before + later, &crowd(23), DIRECT, FAN_OUT);
            assert!(!tree.is_relay(relays[0]) && tree.relays.len() == relays.len());
            assert!(relays[1..].iter().all(|relay| tree.is_relay(*relay)));
            assert!(tree.routes.values().flatten().all(|relay| *relay != Some(relays[0])));
        }
    }
}
