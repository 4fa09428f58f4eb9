//! A client's part: number the own controls, play ahead, and show everything smoothly.
//!
//! The client *predicts*: it takes the newest state it has received and steps it with those of its
//! own controls that the host has not acknowledged yet. So the own player obeys at once, and the
//! others go on as they were going. Each snapshot puts the prediction right (*reconciliation*).
//!
//! What is *shown* is not the prediction itself but a world that follows it: each tick it is
//! stepped like any world and then drawn a part of the way towards the prediction. A correction,
//! a lost packet, even a new host's first snapshot thus shows as a slight change of course, never
//! as a jump. When nothing comes any more, everybody goes on moving for a bounded time. When this
//! line of history is given up for another one, everybody glides over to its place there.

use std::{collections::VecDeque, sync::Arc};

use super::{State, orders::Orders};
use crate::{
    game::{Game, News, Rate},
    types::{Incarnation, NodeId},
};

/// How far the prediction runs ahead of the newest state at most, in ticks of sixty a second: half of one.
const AHEAD_TICKS_MAX: u64 = 30;

/// So many ticks it is at least: what was pressed while a host was silent, and another one came, is not lost.
const AHEAD_TICKS_LEAST: u64 = 8;

/// Which part of its distance from the prediction the shown world makes up for in each sixtieth of a second, of
/// 65,536: a fifth.
const CATCH_UP: u16 = 13_107;

/// How long a glide to another line of history takes, in ticks of sixty a second.
const GLIDE_TICKS: u64 = 40;

/// How many of the own controls are kept that the host may not have.
const fn ahead_max(rate: Rate) -> usize {
    let ticks = rate.ticks_in(AHEAD_TICKS_MAX);
    (if ticks < AHEAD_TICKS_LEAST { AHEAD_TICKS_LEAST } else { ticks }) as usize
}

/// Which part of its distance the shown world makes up for in each tick, of 65,536: what a fifth of the rest comes to,
/// again and again, as often as there are sixtieths in it.
const fn catch_up(rate: Rate) -> u16 {
    let (mut left, sixtieth) =
        (rate.tick().as_micros() as u64, Rate::USUAL.tick().as_micros() as u64);
    let mut rest = 65_536;
    while left >= sixtieth {
        rest -= rest * CATCH_UP as u64 / 65_536;
        left -= sixtieth;
    }
    rest -= rest * CATCH_UP as u64 * left / sixtieth / 65_536;
    (65_536 - rest) as u16
}

/// The own controls, and what is shown.
#[derive(Clone, Debug)]
pub struct Client<G: Game> {
    number: u64,
    unacknowledged: VecDeque<(u64, G::Controls)>,
    orders: Orders<G::Order>,
    shown: Option<Arc<G::World>>,
    /// Ticks left of a glide to another line of history.
    glide: u32,
}

impl<G: Game> Default for Client<G> {
    fn default() -> Self {
        let (unacknowledged, orders) = (VecDeque::new(), Orders::default());
        Self { number: 0, unacknowledged, orders, shown: None, glide: 0 }
    }
}

impl<G: Game> Client<G> {
    /// Notes what the player holds down in this tick. Its number.
    pub fn press(&mut self, controls: G::Controls) -> u64 {
        self.number = self.number.wrapping_add(1);
        if self.unacknowledged.len() == ahead_max(Rate::of::<G>()) {
            self.unacknowledged.pop_front();
        }
        self.unacknowledged.push_back((self.number, controls));
        self.number
    }

    /// What the player has ordered.
    pub fn orders(&self) -> &Orders<G::Order> {
        &self.orders
    }

    /// The same, to give some, and to send them.
    pub fn orders_mut(&mut self) -> &mut Orders<G::Order> {
        &mut self.orders
    }

    /// Forgets what `state` says has been applied. Without a seat in it, nothing that is held down ever will be;
    /// orders wait until there is one.
    pub fn acknowledge<W>(&mut self, me: NodeId, incarnation: Incarnation, state: &State<W>) {
        self.orders.acknowledge(me, incarnation, state);
        let Some(seat) =
            state.seats.get(&me).filter(|seat| seat.incarnation == incarnation && seat.present)
        else {
            return self.unacknowledged.clear();
        };
        while self.unacknowledged.front().is_some_and(|(number, _)| *number <= seat.number) {
            self.unacknowledged.pop_front();
        }
    }

    /// The controls that the host may not have, oldest first, and the number of the last.
    pub fn unacknowledged(&self) -> (u64, Vec<G::Controls>) {
        (self.number, self.unacknowledged.iter().map(|(_, controls)| *controls).collect())
    }

    /// What to show in one tick, and in the next, given the newest state.
    pub fn show(
        &mut self,
        me: NodeId,
        newest: &State<G::World>,
        reigns: bool,
    ) -> (Arc<G::World>, Arc<G::World>) {
        let mut predicted = newest.world.clone();
        let mut events = Vec::new();
        let ahead = if reigns { 0 } else { self.unacknowledged.len() };
        for (_, controls) in self.unacknowledged.iter().take(ahead) {
            G::step(&mut predicted, &[News::Controls(me, *controls)], &mut events);
        }
        let from = self.shown.take();
        let to = Arc::new(match &from {
            None => predicted,
            Some(shown) => {
                let mut followed = G::World::clone(shown);
                let own = self.unacknowledged.back();
                let news: Vec<_> =
                    own.map(|(_, controls)| News::Controls(me, *controls)).into_iter().collect();
                G::step(&mut followed, &news, &mut events);
                // So much of the rest, so much of what is left then, ...: an even speed.
                let most = catch_up(Rate::of::<G>());
                let even = u16::try_from(65_536 / self.glide.max(2)).unwrap_or(most);
                self.glide = self.glide.saturating_sub(1);
                G::blend(&followed, &predicted, even.min(most))
            }
        });
        self.shown = Some(to.clone());
        (from.unwrap_or_else(|| to.clone()), to)
    }

    /// What is shown belongs to a line of history that was given up.
    pub fn glide(&mut self) {
        self.glide = Rate::of::<G>().ticks_in(GLIDE_TICKS) as u32;
    }

    /// Forgets what was shown: what comes next has nothing to do with it.
    pub fn forget(&mut self) {
        self.shown = None;
        self.unacknowledged.clear();
        self.orders.forget();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        cluster::message::{Member, Payload},
        config::Form,
        game::testing::Still,
        replica::{Replica, host::Host, snapshot},
        text::Name,
        types::{Clock, Epoch, Term, Tick},
    };

    const ME: NodeId = NodeId::from_u128(7);
    const LIFE: Incarnation = Incarnation(3);

    /// One walks, and it is counted what was done to its world.
    #[derive(Clone, Debug)]
    enum Walk {}

    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    struct Way {
        at: i64,
        controls: u64,
        blended: u32,
        stepped_after_a_blend: u32,
    }

    impl Game for Walk {
        const RULES: &'static str = "walk 1";
        type World = Way;
        type Controls = i8;
        type Order = ();
        type Event = ();
        type Scores = ();

        fn new_world(_seed: u64) -> Way {
            Way::default()
        }

        fn is_valid(world: &Way) -> bool {
            world.blended == 0
        }

        fn step(world: &mut Way, news: &[News<i8>], _events: &mut Vec<()>) {
            world.stepped_after_a_blend += u32::from(world.blended > 0);
            for item in news {
                if let News::Controls(_, pace) = item {
                    world.at += i64::from(*pace);
                    world.controls += 1;
                }
            }
        }

        fn blend(from: &Way, to: &Way, part: u16) -> Way {
            let at = from.at + (((to.at - from.at) * i64::from(part)) >> 16);
            let stepped_after_a_blend = from.stepped_after_a_blend;
            Way { at, blended: from.blended + 1, stepped_after_a_blend, ..to.clone() }
        }
    }

    fn member() -> Member {
        let name = Name::new("Ada");
        Member { id: ME, incarnation: LIFE, name, address: None, away: false, unsteady: false }
    }

    fn founded() -> State<Way> {
        State { world: Walk::new_world(1), seats: BTreeMap::new(), happened: 0 }
    }

    // What the documentation of `Game::blend` promises to authors, and asks of them.
    #[test]
    fn the_world_that_is_shown_is_stepped_and_blended_and_never_replicated() {
        let mut client = Client::<Walk>::default();
        let newest = founded();
        let (from, to) = client.show(ME, &newest, false);
        assert_eq!((&*from, &*to), (&newest.world, &newest.world));
        client.press(10);
        let mut before = to;
        for tick in 1..=5 {
            let (from, to) = client.show(ME, &newest, false);
            assert_eq!(from, before);
            let mut stepped = Way::clone(&from);
            Walk::step(&mut stepped, &[News::Controls(ME, 10)], &mut Vec::new());
            let mut predicted = newest.world.clone();
            Walk::step(&mut predicted, &[News::Controls(ME, 10)], &mut Vec::new());
            assert_eq!(*to, Walk::blend(&stepped, &predicted, CATCH_UP));
            assert_eq!((to.blended, to.stepped_after_a_blend), (tick, tick - 1));
            assert!(!Walk::is_valid(&to));
            before = to;
        }
        assert_eq!(newest, founded());
    }

    #[test]
    fn what_is_shown_follows_as_fast_however_rare_ticks_are() {
        assert_eq!((catch_up(Rate::USUAL), ahead_max(Rate::USUAL)), (CATCH_UP, 30));
        let slow = Rate::of::<Still<10>>();
        let rest = 1.0 - f64::from(catch_up(slow)) / 65_536.0;
        assert!((rest - 0.8_f64.powi(6)).abs() < 0.001, "{rest}");
        assert_eq!(ahead_max(slow) as u64, AHEAD_TICKS_LEAST);
    }

    // 828 days at sixty a second; then a u32 is used up.
    #[test]
    fn controls_go_on_when_their_numbers_no_longer_fit_32_bits() {
        let first = u64::from(u32::MAX) - 40;
        let mut client = Client::<Walk> { number: first, ..Client::default() };
        let (mut host, mut replica) = (Host::new(), Replica::<Walk>::default());
        let mut state = founded();
        host.step::<Walk>(&mut state, &[member()], &mut Vec::new());
        if let Some(seat) = state.seats.get_mut(&ME) {
            seat.number = first;
        }
        let term = Term { epoch: Epoch(1), host: NodeId::from_u128(9), incarnation: LIFE };
        let mut held = None;
        for tick in 1..=80_u64 {
            client.press(1);
            let (number, list) = client.unacknowledged();
            host.collect(ME, LIFE, None, number, &list);
            host.heard_directly(ME, number);
            host.step::<Walk>(&mut state, &[member()], &mut Vec::new());
            assert_eq!(host.heard(ME, LIFE), first + tick);
            assert_eq!(state.seats.get(&ME).map(|seat| seat.number), Some(first + tick));
            assert_eq!(state.world.controls, tick);

            let clock = Clock { term, tick: Tick(tick) };
            let baseline = held.as_ref().map(|(clock, state): &(_, State<Way>)| (*clock, state));
            let hash = state.hash();
            let payload =
                snapshot::encode::<Walk>(Form::Binary, clock, &state, hash, baseline, &[]);
            let Some(Payload::Binary(bytes)) = &payload else { panic!("no snapshot") };
            assert!(tick == 1 || bytes.len() < 16, "{} bytes", bytes.len());
            let received = snapshot::decode(&payload.unwrap(), clock, &replica);
            let received = received.map_err(|error| format!("{error:?}")).unwrap().state;
            assert_eq!(*received, state);
            client.acknowledge(ME, LIFE, &received);
            assert!(client.unacknowledged().1.is_empty());
            let mark = crate::cluster::message::WorldMark { clock, began: Tick(0) };
            replica.take(mark, received, None);
            held = Some((clock, state.clone()));
        }
    }
}
