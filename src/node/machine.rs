//! The machine itself: cluster plus replica, driven by ticks. What it does as a host stands in `hosting`, as a client in
//! `following`; what its user says in `talking`.

use std::{collections::VecDeque, fmt, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::{
    Command, Connection, Event, Handover, Input, LedgerView, MemberView, Output, Picture,
    SessionView, Status, auditing::Auditing, company::Company, fan::Fan, following::Speech,
    hosting::Receiver, owed::Owed, persons::Persons, talk::Talk, watching::Watching,
};
use crate::{
    accounts::{Accounts, Friend},
    chat::Chat,
    cluster::{
        self, Cluster, Notice,
        election::Cause,
        message::{Ends, Payload, WorldMark},
    },
    config::{Config, Form, Mutant, RULES_BYTES_MAX, Tuning},
    game::{FactRules, Game, Rate},
    io::Wire,
    mesh::Delivery,
    pairing::Told,
    replica::{Replica, State, client::Client, host::Host, snapshot},
    types::{Clock, Incarnation, Instant, NodeId, Term, Tick},
};

/// A node that is late by more ticks than this gives them up instead of making up for them.
const CATCH_UP_TICKS_MAX: u32 = 4;

/// A node.
#[derive(Clone)]
pub struct Node<G: Game> {
    pub(super) wishes: Wishes,
    pub(super) cluster: Cluster,
    pub(super) replica: Replica<G>,
    pub(super) host: Host<G::Controls, G::Order>,
    pub(super) client: Client<G>,
    pub(super) controls: G::Controls,
    pub(super) tick_at: Option<Instant>,
    /// Where orders are applied at once: until when the steps made so far would take at the pace that is meant.
    pub(super) steps_paid_until: Instant,
    /// What the own reign ended, for the packets that say so.
    pub(super) ends: Ends,
    pub(super) auditing: Auditing<G>,
    /// What it acknowledges, if it only watches.
    pub(super) watching: Watching,
    /// When it says what is pressed, if it plays.
    pub(super) speech: Speech<G::Controls>,
    /// Who gets its ticks, if it hosts; and the list of those, made anew in the same place in each tick.
    pub(super) fan: Fan,
    pub(super) receivers: Vec<Receiver>,
    /// The last snapshot gave no state: the next must not refer to any.
    pub(super) needs_whole: bool,
    /// What all facts of the ledger come to.
    pub(super) scores: G::Scores,
    /// The world does not know yet what came into the scores.
    pub(super) scores_changed: bool,
    /// The own reign, until the world has heard of it.
    pub(super) new_reign: Option<Term>,
    pub(super) memory: Memory<G>,
    pub(super) persons: Persons,
    pub(super) talk: Talk,
    pub(super) company: Company,
    pub(super) applied: Option<Applied>,
    pub(super) connection: Connection,
    /// When the player held down what no state has had yet, by its number.
    pub(super) held_down: VecDeque<(u64, Instant)>,
    lost: Option<(NodeId, Cause)>,
    pub(super) handover: Option<Handover>,
    pub(super) picture: Option<Picture<G>>,
    pub(super) members: Arc<[MemberView]>,
    pub(super) spectators: u32,
    pub(super) sessions: Arc<[SessionView]>,
    pub(super) sessions_due: Instant,
    stopped: bool,
    /// It may not be in the session any more: it leaves with its next step.
    pub(super) excluded: bool,
    /// When it is to be woken.
    pub(super) due: Option<Instant>,
    pub(super) view_due: bool,
    pub(super) out: VecDeque<Output<G>>,
    /// What has happened: told after all that is to be sent and shown.
    told: VecDeque<Event<G>>,
    /// What is done next, before anything else is heard, and since when.
    pub(super) owed: Option<(Instant, Owed)>,
    /// When it is to be seen to what is due in each tick, however many steps there are.
    house_at: Instant,
}

/// What of its configuration a node needs after its start, and that does not change.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    pub(super) seed: u64,
    pub(super) form: Form,
    pub(super) views: bool,
    trace_ticks: bool,
    pub(super) tuning: Tuning,
    /// Whether it says who it is even if it only watches.
    pub(super) talks: bool,
}

/// What is shown of the ledger.
#[derive(Clone, Debug)]
pub(super) struct Memory<G: Game> {
    pub(super) scores: Arc<G::Scores>,
    pub(super) scores_due: bool,
    pub(super) scores_at: Instant,
    pub(super) ledger: LedgerView,
}

impl<G: Game> Default for Memory<G> {
    fn default() -> Self {
        Self {
            scores: Arc::default(),
            scores_due: true,
            scores_at: Instant::default(),
            ledger: LedgerView::default(),
        }
    }
}

/// The last tick applied here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applied {
    clock: Clock,
    pub(super) at: Instant,
}

impl<G: Game> fmt::Debug for Node<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.me())
            .field("status", &self.status())
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}

impl<G: Game> Node<G> {
    /// How fast its ticks follow one another.
    pub(super) const RATE: Rate = Rate::of::<G>();

    /// A node that has heard nothing yet. It starts with [`Config::session`], or on the title.
    pub fn new(now: Instant, mut config: Config) -> Self {
        const {
            let fits = json_bytes(G::RULES) <= RULES_BYTES_MAX;
            assert!(fits, "Game::RULES is too long: see config::RULES_BYTES_MAX");
        }
        if config.tuning.has(Mutant::OneLife) {
            config.incarnation = Incarnation(1);
        }
        let muted = std::mem::take(&mut config.muted);
        let (chance, reads_as) = (chance_of_talk(&config.chance), config.reads_as.take());
        let talk = Talk::new(now, chance, reads_as, config.tuning.talk, muted);
        let mut node = Self {
            talk,
            cluster: Cluster::new(now, &mut config, G::RULES, Self::RATE, FactRules::of::<G>()),
            replica: Replica::default(),
            host: Host::new(),
            client: Client::default(),
            controls: G::Controls::default(),
            tick_at: None,
            steps_paid_until: now,
            ends: Ends::Nothing,
            auditing: Auditing::default(),
            watching: Watching::default(),
            speech: Speech::default(),
            fan: Fan::new(Self::RATE),
            receivers: Vec::new(),
            needs_whole: false,
            scores: G::Scores::default(),
            scores_changed: false,
            new_reign: None,
            memory: Memory::default(),
            persons: Persons::new(std::mem::take(&mut config.statements), config.allowed.as_ref()),
            company: Company::new(std::mem::take(&mut config.friends)),
            applied: None,
            connection: Connection::default(),
            held_down: VecDeque::new(),
            lost: None,
            handover: None,
            picture: None,
            members: Arc::from([]),
            spectators: 0,
            sessions: Arc::from([]),
            sessions_due: now,
            stopped: false,
            excluded: false,
            due: None,
            view_due: true,
            out: VecDeque::new(),
            told: VecDeque::new(),
            owed: None,
            house_at: Instant::default(),
            wishes: Wishes {
                seed: config.seed,
                form: config.form,
                views: config.views,
                trace_ticks: config.trace_ticks,
                tuning: config.tuning,
                talks: config.talks,
            },
        };
        if let Some(session) = config.session {
            node.handle(now, Input::Command(Command::Play(session, config.lock)));
        }
        node.due = node.when_due();
        node
    }

    /// Feeds one thing that happened. `now` is never before that of the call before.
    pub fn handle(&mut self, now: Instant, input: Input<G>) {
        if self.stopped {
            return;
        }
        self.settle();
        // Not within the step that heard of it: what that step said of the session stands.
        if std::mem::take(&mut self.excluded) && self.cluster.me().session.is_some() {
            self.leave(now);
        }
        match input {
            Input::Wire(Wire::Took(span)) => return self.fan.took(span),
            Input::Wire(wire) => {
                let time_passed = matches!(wire, Wire::Timeout);
                let due = self.due.unwrap_or(now);
                self.cluster.handle(now, due, wire, &self.replica);
                self.drain(now);
                if time_passed && self.tick_at.is_some_and(|at| at <= now) {
                    self.tick(now);
                    self.drain(now);
                }
            }
            Input::Command(command) => self.command(now, command),
        }
        if G::PROMPT {
            self.step_soon(now);
        }
        // What the ticks brought of the ledger counts at once.
        self.cluster.flush(now, &self.replica);
        self.drain(now);
        if self.wishes.views {
            self.look(now);
        }
        self.due = if self.excluded { Some(now) } else { self.when_due() };
    }

    /// Takes the next of what comes of that: all effects, then the view, and only then what has happened, so that no
    /// event is ahead of the view. What is owed is done after that, and something may come of it, too.
    pub fn poll(&mut self) -> Option<Output<G>> {
        loop {
            let event = || self.told.pop_front().map(Output::Event);
            let next = self.out.pop_front().or_else(event);
            if next.is_some() || !self.settle() {
                return next;
            }
        }
    }

    /// Whether the node takes another order: those that wait for their host are as many as may wait.
    pub fn has_room_for_orders(&self) -> bool {
        self.client.orders().has_room()
    }

    /// When the node wants to be woken with [`Wire::Timeout`].
    pub fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn when_due(&self) -> Option<Instant> {
        if self.stopped {
            return None;
        }
        let look = self.sessions_due;
        let own = self.tick_at.or(self.wishes.views.then_some(look));
        let cluster = self.cluster.next_timeout();
        Some(own.map_or(cluster, |own| own.min(cluster)))
    }

    /// Who this node is.
    pub fn me(&self) -> NodeId {
        self.cluster.me().id
    }

    /// The cluster, to look at.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// From here on what this node seals can be read in its cluster. For whoever tells what happens.
    pub fn stay_legible(&mut self) {
        self.cluster.stay_legible();
    }

    /// Says to a peer what no node would say: to try out what becomes of that.
    pub fn utter(&mut self, now: Instant, to: NodeId, delivery: Delivery, kind: u8, body: &[u8]) {
        self.cluster.utter(now, to, delivery, kind, body);
        self.cluster.flush(now, &self.replica);
        self.drain(now);
    }

    /// The newest state held, to look at.
    pub fn replica(&self) -> &Replica<G> {
        &self.replica
    }

    /// The accounts known, to look at.
    pub fn accounts(&self) -> &Accounts {
        self.persons.shown()
    }

    /// All that was said, to look at.
    pub fn chat(&self) -> &Chat {
        self.talk.chat()
    }

    /// What all facts of the ledger come to, to look at.
    pub fn scores(&self) -> &G::Scores {
        &self.scores
    }

    /// Where the node stands.
    pub fn status(&self) -> Status {
        let election = self.cluster.election();
        if self.stopped {
            Status::Stopped
        } else if self.cluster.me().session.is_none() {
            Status::Browsing
        } else if self.applied.is_none() {
            Status::Searching
        } else if election.reign().is_some() || election.following().is_some() {
            Status::Playing
        } else {
            Status::Interregnum
        }
    }

    fn command(&mut self, now: Instant, command: Command<G>) {
        match command {
            Command::Controls(controls) => {
                self.controls = controls;
                return;
            }
            Command::Order(order) => return self.order(now, order),
            Command::Play(session, lock) => {
                if self.cluster.me().session.is_some() {
                    self.leave(now);
                }
                self.cluster.play(now, session, lock);
                self.tick_at = Some(now + Self::RATE.tick());
            }
            Command::Browse => self.leave(now),
            Command::Leave => {
                self.leave(now);
                self.stopped = true;
                self.say(Event::Stopped);
            }
            Command::Rename(name) => self.cluster.rename(name),
            Command::Kick(id) => self.cluster.bar(now, id, false),
            Command::Ban(id) => self.cluster.bar(now, id, true),
            Command::VoteOut(id) => self.cluster.vote_out(now, &self.replica, id),
            Command::Pair(id) => self.pair(now, id),
            Command::Compared { same } => self.compared(now, same),
            Command::Declare { statements, reads_as } => {
                self.cluster.speak_for(&statements);
                self.persons.declare(statements);
                self.talk.read_as(reads_as.map(|key| *key));
            }
            Command::Say(to, said) => self.say_to(now, to, said),
            Command::Unsay(id) => self.unsay(now, id),
            Command::Mute { person, mute } => {
                let news = self.talk.mute(person, mute);
                self.say(Event::Chat(news));
            }
            Command::LookBack { lines } => self.talk.look_back(lines),
        }
        self.view_due = true;
        self.drain(now);
    }

    fn leave(&mut self, now: Instant) {
        if self.wishes.talks && self.status() == Status::Playing {
            let accounts = self.persons.shown().clone();
            let seen = self.talk.note_seen(&self.around(&accounts));
            seen.into_iter().for_each(|seen| self.cluster.write(now, seen));
        }
        self.cluster.leave(now, &self.replica);
        self.drain(now);
        self.persons.left();
        self.talk.left();
        self.company.left();
        self.replica = Replica::default();
        self.host = Host::new();
        self.client.forget();
        self.auditing.forget();
        self.tick_at = None;
        self.applied = None;
        self.connection = Connection::default();
        self.held_down.clear();
        self.lost = None;
        self.handover = None;
        self.picture = None;
        self.members = Arc::from([]);
        self.spectators = 0;
    }

    /// Lets the replica hear what the cluster has reported.
    pub(super) fn drain(&mut self, now: Instant) {
        while let Some(out) = self.cluster.poll() {
            match out {
                cluster::Out::Effect(effect) => self.out.push_back(Output::Effect(effect)),
                cluster::Out::Notice(notice) => self.notice(now, notice),
                cluster::Out::Reign { term, ends, world } => self.reign(now, term, ends, world),
                cluster::Out::Announce { term, ends } => {
                    let own = ends.host == self.me();
                    self.ends = if own { Ends::CarriesOn(ends) } else { Ends::Beats(ends) };
                    self.go_on_as(term);
                    self.new_reign = Some(term);
                }
                cluster::Out::Opened => {
                    self.persons.opened();
                    self.talk.opened(self.cluster.ledger(), &self.cluster.me().key);
                    self.scores = G::Scores::default();
                    self.scores_changed = true;
                    self.memory.scores_due = true;
                }
                cluster::Out::Redated => {
                    self.scores = G::Scores::default();
                    self.memory.scores_due = true;
                }
                cluster::Out::Said(id) => {
                    let accounts = self.persons.shown();
                    if let Some(news) = self.talk.hear(self.cluster.ledger(), accounts, id) {
                        self.say(Event::Chat(news));
                    }
                }
                cluster::Out::PageCounts(page) => self.change_scores_by_page(&page),
                cluster::Out::Counts(entry) => {
                    let ledger = self.cluster.ledger();
                    if !self.persons.hear(ledger, &entry) && !self.talk.hear_mark(&entry) {
                        self.change_scores(&entry, true);
                    }
                }
                cluster::Out::CountsNoMore(entry) => self.change_scores(&entry, false),
                cluster::Out::Follow { term: _ } => self.host = Host::new(),
                cluster::Out::Tick { packet, by } => self.receive(now, packet, by),
                cluster::Out::JournalWanted { from, term, after } => {
                    self.tell_journal(now, from, term, after);
                }
                cluster::Out::Journal { term, payload } => self.hear_journal(now, term, &payload),
                cluster::Out::Controls { from, incarnation, packet, relayed } => {
                    self.collect(from, incarnation, &packet, relayed);
                }
                cluster::Out::Orders { from, incarnation, packet } => {
                    self.collect_orders(from, incarnation, &packet);
                }
            }
        }
    }

    pub(super) fn notice(&mut self, now: Instant, notice: Notice) {
        self.view_due = true;
        let event = match notice {
            Notice::PeerUp(peer, name) => {
                self.greet(now, peer);
                Event::PeerUp { peer, name }
            }
            Notice::PeerDown(peer, reason) => Event::PeerDown { peer, reason },
            Notice::HostLost(term, cause) => {
                self.lost = Some((term.host, cause));
                Event::HostLost { host: term.host, term, reason: cause }
            }
            Notice::Election(ends) => Event::Election { ends },
            Notice::Roster => {
                self.company.stir();
                self.show_members();
                self.spectators = self.cluster.spectators();
                let (version, spectators) = (self.cluster.roster_version(), self.spectators);
                Event::Roster { version, members: self.members.clone(), spectators }
            }
            Notice::Safe(writer, safety, through) => Event::Safe { writer, safety, through },
            Notice::Filling(fullness) => Event::LedgerFilling { fullness },
            Notice::DiskFailed(trouble) => Event::DiskFailed { trouble },
            Notice::NobodyFound => Event::NobodyFound,
            Notice::Unreachable(unreachable) => Event::Unreachable(unreachable),
            Notice::Full(players, ahead) => Event::Full { players, ahead },
            Notice::Seated => {
                // Whoever watches may look seldom.
                self.tick_at = self.tick_at.map(|at| at.min(now + Self::RATE.tick()));
                Event::Seated
            }
            Notice::Locked(session) => Event::Locked { session },
            Notice::Open(session) => Event::Open { session },
            Notice::Excluded(why) => {
                let session = self.cluster.me().session.clone();
                self.excluded = true;
                Event::Excluded { session: session.unwrap_or_default(), why }
            }
            Notice::Votes(host, votes, needed) => Event::Votes { host, votes, needed },
            Notice::Pairing(peer, name, told) => {
                if let Told::Paired(key) = told {
                    self.company.remember(now, peer, Friend { name: name.clone(), key });
                }
                Event::Pairing { peer, name, told }
            }
            Notice::NewIdentity(id) => {
                self.replica = Replica::default();
                self.host = Host::new();
                self.auditing.forget();
                self.applied = None;
                Event::NewIdentity { id }
            }
        };
        self.say(event);
    }

    /// One tick, as host or as client.
    pub(super) fn tick(&mut self, now: Instant) {
        let due = self.tick_at.unwrap_or(now);
        let (late, tick) = (now.since(due), Self::RATE.tick());
        let next = if late > tick * CATCH_UP_TICKS_MAX { now + tick } else { due + tick };
        // Where orders are applied at once there may be many steps in the time of a tick.
        if !G::PROMPT || now >= self.house_at {
            self.house_at = (self.house_at + tick).max(now);
            self.cluster.tick_ledger(now);
            self.mind_persons(now);
            self.mind_talk(now);
            self.mind_company(now);
            self.mind_scores(now);
        }
        if let Some(term) = self.cluster.election().reign() {
            let awake = self.cluster.awake_at(now);
            self.tick_at = Some(awake.unwrap_or(next));
            if awake.is_none() {
                self.step(now, term);
            }
        } else {
            self.report(now);
            self.tick_at = Some(self.in_phase(now, next + tick * self.ticks_to_spare(now)));
        }
        self.picture(now);
        self.cluster.flush(now, &self.replica);
    }

    /// The snapshot of a state for whoever holds the one at `holds`.
    pub(super) fn encode(
        &self,
        clock: Clock,
        state: &State<G::World>,
        hash: u32,
        holds: Option<Clock>,
    ) -> Option<Payload> {
        let any = self.wishes.tuning.has(Mutant::AnyBaseline);
        let held = |holds| if any { self.replica.state() } else { self.replica.held(holds) };
        let baseline = holds.and_then(|holds| Some((holds, held(holds)?.as_ref())));
        let events = self.replica.since(self.leads_from(baseline.map(|(held, _)| held), clock));
        snapshot::encode::<G>(self.wishes.form, clock, state, hash, baseline, &events)
    }

    /// The tick of a state that somebody holds, if what happened and was written since can be told: ticks
    /// of a line that was given up say nothing of this one.
    pub(super) fn leads_from(&self, holds: Option<Clock>, clock: Clock) -> Option<Tick> {
        let held = holds.filter(|held| self.replica.leads_here(*held))?.tick;
        (held < clock.tick).then_some(held)
    }

    pub(super) fn take(
        &mut self,
        mark: WorldMark,
        state: Arc<State<G::World>>,
        rival: Option<Term>,
    ) {
        if let Some(from) = self.replica.take(mark, state, rival) {
            self.client.glide();
            self.cluster.turned_to(mark.clock.tick);
            self.say(Event::Rebase { from, to: mark.clock });
        }
    }

    pub(super) fn tell_events(&mut self, events: Vec<(Tick, G::Event)>) {
        let (new, missed) = self.replica.note_events(events);
        if missed > 0 {
            self.say(Event::Missed { events: missed });
        }
        for (tick, event) in new {
            self.say(Event::Game { tick, event });
        }
    }

    /// Notes that a tick was applied, and reports the first of a reign.
    pub(super) fn applied(&mut self, now: Instant, clock: Clock, hash: u32, began: Tick) {
        let before = self.applied.replace(Applied { clock, at: now });
        self.connection.ticks += 1;
        if let Some(before) = before.filter(|before| before.clock.term == clock.term) {
            let skipped = clock.tick.0.saturating_sub(before.clock.tick.0.saturating_add(1));
            self.connection.missed = self.connection.missed.saturating_add(skipped);
        }
        if before.is_none_or(|before| before.clock.term != clock.term) {
            let gap = before.map(|before| now.since(before.at));
            let rolled_back = before.map_or(0, |b| b.clock.tick.0.saturating_sub(began.0));
            let term = clock.term;
            self.say(Event::Host { host: term.host, term, clock, gap, rolled_back });
            if let (Some(before), Some(gap)) = (before, gap)
                && before.clock.term.host != term.host
            {
                let from = before.clock.term.host;
                let known = self.lost.filter(|(host, _)| *host == from);
                let reason = known.map(|(_, reason)| reason);
                self.handover = Some(Handover { from, to: term.host, gap, reason, at: now });
            }
            self.view_due = true;
        }
        if self.wishes.trace_ticks {
            self.say(Event::Tick { clock, hash });
        }
    }

    pub(super) fn say(&mut self, event: Event<G>) {
        self.told.push_back(event);
    }
}

/// How many bytes `text` has as a JSON string, without the quotes.
const fn json_bytes(text: &str) -> usize {
    let (mut bytes, mut at) = (0, 0);
    while at < text.len() {
        bytes += match text.as_bytes()[at] {
            b'"' | b'\\' => 2,
            0..0x20 => 6,
            _ => 1,
        };
        at += 1;
    }
    bytes
}

/// The chance of what seals letters: nobody learns anything of the other chance of this node from it.
fn chance_of_talk(chance: &[u8; 32]) -> [u8; 32] {
    Sha256::new_with_prefix(b"interregnum letters 1").chain_update(chance).finalize().into()
}
