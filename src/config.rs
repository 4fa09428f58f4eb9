//! Every tunable: what it means, its range, and how it relates to the others; and the limits that several modules
//! share. A limit of one module stands there.

use std::{collections::BTreeSet, fmt, net::SocketAddr, time::Duration};

use crate::{
    accounts::{Friend, Statement},
    game::Rate,
    keys::{Lock, PublicKey, SecretKey},
    ledger::{disk::Stored, entry::WallTime, keeper::Folding, pace::Allowed},
    text::{Name, SessionName},
    types::{Incarnation, NodeId, Role},
};

/// The largest payload of a UDP packet, in bytes: below the MTU of Ethernet, of most tunnels and of
/// IPv6 everywhere. What is larger goes over the link.
pub const PACKET_BYTES_MAX: usize = 1_200;

/// The size that every beacon is padded to, in bytes. Answers have the size of questions, so that
/// nobody can use them to amplify traffic. The longest names of the widest characters fit.
pub const BEACON_BYTES: usize = 1_136;

/// The most bytes that [`Game::RULES`](crate::game::Game::RULES) may have, as a JSON string: each
/// beacon says them, and has to fit [`BEACON_BYTES`] with the longest names. A game that has more does
/// not compile.
pub const RULES_BYTES_MAX: usize = 32;

/// The most controls of one packet: a client repeats those of half a second.
pub const CONTROLS_TAKEN_MAX: usize = 256;

/// The most bytes that one order of a player may have, encoded.
pub const ORDER_BYTES_MAX: usize = 1_024;

/// The most orders of a player that may wait to be applied, on its machine, and as many at the host.
pub const ORDERS_WAITING_MAX: usize = 256;

/// The most bytes of orders in one packet: such a packet is a datagram, and holds any order.
pub const ORDERS_PACKET_BYTES: usize = ORDER_BYTES_MAX;

/// The most orders of one player that one step is told, and the most bytes of all players: what is more waits for
/// the next step. So a host can tell what its steps were told.
pub const ORDERS_PER_STEP_MAX: usize = 16;
/// See [`ORDERS_PER_STEP_MAX`].
pub const ORDERS_STEP_BYTES_MAX: usize = 16 << 10;

/// How soon one step may follow another where orders are applied [at once](crate::game::Game::PROMPT), in the mean.
pub const PROMPT_STEP_AFTER: Duration = Duration::from_millis(1);

/// As long as steps are ahead of that by no more than this they follow at once: so an answer need not wait for its turn.
pub const PROMPT_STEPS_AHEAD: Duration = Duration::from_millis(3);

/// What [`PROMPT_STEP_AFTER`] is after a step so large that it does not fit into a datagram: then many orders share one.
pub const PROMPT_STEP_AFTER_LARGE: Duration = Duration::from_millis(8);

/// How soon after another one a state is acknowledged there, if it came with something new.
pub const PROMPT_ACKNOWLEDGED_AFTER: Duration = Duration::from_millis(4);

/// The UDP port that beacons go to, unless `--beacon-port` says otherwise.
pub const BEACON_PORT: u16 = 50_000;

/// How many events may wait for each reader of [`Handle::events`](crate::runtime::Handle::events), from 4
/// up: over a minute of traced ticks. What comes on top is left out, and counted.
pub const EVENTS_WAITING_MAX: usize = 8_192;

/// The most nodes that a host may bar from a session: beyond, it bars nobody any more.
pub const BARRED_MAX: usize = 64;

/// The most links without a hello from one address: of a crowd, the longest silent ones give way. A crowd that
/// comes in at once has room here: each costs at most four kilobytes, for at most three seconds.
pub const STRANGERS_PER_ADDRESS_MAX: usize = 1_024;

/// Which part of the files that a process may open is left for links without a hello, at most: one of so many.
/// Whoever says nothing keeps nobody out who does.
pub const STRANGERS_PART_OF_FILES: usize = 4;

/// How many may knock at once before the network thread has answered any: a crowd that joins in the same
/// moment. (With 128, 97 of 1,000 fail.)
pub const BACKLOG: i32 = 1_024;

/// How many files a program is to be allowed that hosts a crowd: one for each link, and some more.
/// [`runtime::raise_file_limit`](crate::runtime::raise_file_limit) asks for them.
pub const FILES_WANTED: u64 = 65_536;

/// The most of each tick that a host spends on sending it, where there are sixty a second: about a half. Players get
/// each tick, whatever it costs. If all of it costs more, spectators get every second one; then every fourth.
pub const FAN_OUT_BUDGET: Duration = Duration::from_millis(8);

/// The most of longer ticks: for so long a host hears nobody.
pub const FAN_OUT_BUDGET_MAX: Duration = Duration::from_millis(24);

/// Spectators acknowledge one state of so many ticks, and all of them the same, so that one snapshot serves all.
pub const WATCHERS_ACKNOWLEDGE_EVERY: u64 = 8;

/// The time in which those who only watch are told of a change in who plays, a few at a time; and the pause
/// between two messages that only say how many watch.
pub const SPECTATORS_COUNTED_EVERY: Duration = Duration::from_secs(1);

/// Within so long a spectator opens a link with whoever comes after its host, so that a host's death costs it no
/// handshake: not at once, since all of them do.
pub const HEIR_MET_WITHIN: Duration = Duration::from_secs(2);

/// The most spectators that one thread drives, for measurements.
pub const CROWD_MAX: usize = 4_000;

/// The most nodes remembered that were only heard of: beyond, of the address with the most of them the one goes
/// of which nothing came for longest.
pub const HEARD_OF_MAX: usize = 256;

/// The most of those at one address: more play on no machine.
pub const HEARD_OF_PER_ADDRESS_MAX: usize = 96;

/// The most announcements remembered: a crowd may watch at one machine.
pub const ANNOUNCED_MAX: usize = 512;
/// The most of one address.
pub const ANNOUNCED_PER_ADDRESS_MAX: usize = 384;

/// The most dials under way to nodes that were only heard of.
pub const DIALS_TO_STRANGERS_MAX: usize = 32;

/// The most of those to one address.
pub const DIALS_PER_ADDRESS_MAX: usize = 16;

/// What a dial to a node that was only heard of costs of what was heard from there, in bytes: what goes out
/// for it until it has failed, or until the other end has said who it is.
pub const DIAL_COSTS_BYTES: u32 = 400;

/// The most that is kept of what was heard, in bytes: so many dials may follow one another without another
/// sign of life.
pub const DIAL_CREDIT_BYTES_MAX: u32 = 4 * DIAL_COSTS_BYTES;

/// The most bytes of unfinished frames, of all links together.
pub const UNFINISHED_BYTES_MAX: usize = 16 << 20;

/// The most of those from one address.
pub const UNFINISHED_BYTES_PER_ADDRESS_MAX: usize = 4 << 20;

/// How long a frame may take from its first byte to its last, however many came before it.
pub const FRAME_WITHIN: Duration = Duration::from_secs(15);

/// The most that one node may say in a second, in messages: twice what somebody says who passes on the
/// controls and ticks of all others.
pub const MESSAGES_PER_SECOND_MAX: u32 = 16_000;

/// For how long whoever said more is not let in.
pub const FLOODED_FOR: Duration = Duration::from_secs(5);

/// How long somebody who was kicked may not come back.
pub const KICKED_FOR: Duration = Duration::from_secs(60);

/// How long somebody who is asked to compare pictures has to say something.
pub const PAIRING_ANSWERED: Duration = Duration::from_secs(60);

/// How long the machines may take for what no person has to say anything to.
pub const PAIRING_REVEALED: Duration = Duration::from_secs(5);

/// How long two people have to compare.
pub const PAIRING_COMPARED: Duration = Duration::from_secs(180);

/// How often two may try to compare within [`PAIRING_TRIES_FOR`], whoever began: each try is one chance in a
/// million for whoever stands between them.
pub const PAIRING_TRIES_MAX: usize = 3;

/// How often anybody may begin to compare with one node within that time, all others together; and how often
/// that one may.
pub const PAIRING_TRIES_ALL_MAX: usize = 12;

/// For how long a try counts.
pub const PAIRING_TRIES_FOR: Duration = Duration::from_secs(60);

/// How long a node waits for the account of somebody who is called like one who is remembered, before it says
/// that this is somebody else: whose a machine is stands in the ledger, which may be on its way.
pub const ACCOUNT_PROVED_WITHIN: Duration = Duration::from_secs(5);

/// The most people whose lines somebody does not want to see.
pub const MUTED_MAX: usize = 1_024;

/// So many lines are shown without being asked for: a screen has a few.
pub const LINES_SHOWN: usize = 1_000;

/// The most lines that are shown to whoever looks further back; what is older is found by looking it up in
/// the ledger's file.
pub const LINES_SHOWN_MAX: usize = 20_000;

/// What a node is told at its start. Everything about it that is not heard from others.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who this node is: its id follows from the key.
    pub key: SecretKey,
    /// What the account says of itself that this machine speaks for; empty: it speaks for none.
    pub statements: Vec<Statement>,
    /// The account's key, if this machine has it: it opens letters, and does nothing else.
    pub reads_as: Option<SecretKey>,
    /// Whether its account is told of in each session even if it only watches: for somebody who talks.
    pub talks: bool,
    /// Whom its player has compared pictures with.
    pub friends: Vec<Friend>,
    /// Whose lines its player does not want to see, at most [`MUTED_MAX`] of them: the ids of persons.
    pub muted: BTreeSet<NodeId>,
    /// In which life. 64 random bits, drawn at each start.
    pub incarnation: Incarnation,
    /// What its player is called.
    pub name: Name,
    /// Player, or spectator.
    pub role: Role,
    /// The session to play in at once; none: stay on the title, and only listen.
    pub session: Option<SessionName>,
    /// What opens that session; none: it is open to everybody.
    pub lock: Option<Lock>,
    /// Whether it founds a session of its own where one of the same name is heard for three seconds that it
    /// cannot look into. If not, it waits for as long as that one is heard.
    pub founds_beside_locked: bool,
    /// The keys of those who may come in, if not everybody may: of nodes, and of accounts.
    pub allowed: Option<BTreeSet<PublicKey>>,
    /// Where to send beacons besides the networks around: `--peer`.
    pub peers: Vec<SocketAddr>,
    /// The port that beacons are sent to.
    pub beacon_port: u16,
    /// The port on which this node accepts links.
    pub tcp_port: u16,
    /// The port of this node's own UDP socket.
    pub udp_port: u16,
    /// Where all its chance comes from that nobody else may guess: 32 random bytes, drawn at each start.
    pub chance: [u8; 32],
    /// Where the game's comes from.
    pub seed: u64,
    /// Whether to report every applied tick with the hash of its world (`--trace-ticks`).
    pub trace_ticks: bool,
    /// Whether to make a [`View`](crate::node::View) of each tick. Without it the node neither
    /// predicts nor shows anything: for those who only take part.
    pub views: bool,
    /// What its disk holds. None: that is being read, and [`Wire::Read`](crate::io::Wire::Read) follows; it founds no
    /// session until then.
    pub stored: Option<Stored>,
    /// What the wall clock says.
    pub wall: WallTime,
    /// The form in which it sends what is replicated. It understands both.
    pub form: Form,
    /// The durations, all with sound defaults.
    pub tuning: Tuning,
}

/// The two forms of snapshots and controls on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Compact, for machines.
    #[default]
    Binary,
    /// Readable, for people.
    Json,
}

/// The durations and limits of the protocol. The defaults are the tested ones; the simulator may
/// change them to find out what they are good for.
///
/// All of it is said for sixty ticks a second. Where a game has fewer, those in which ticks are waited for are longer
/// by what these are longer: see `Tuning::at`.
///
/// Each duration is from 1 ms to 30 days, besides what is said of it. [`Tuning::check`] finds what is
/// out of its range; [`Join::start`](crate::runtime::Join::start) asks it.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// How long a first start listens for a host before it holds an election. Long enough for the
    /// beacons of all that start together to cross, and for their links to open.
    pub discovery: Duration,
    /// The time between two beacons. Whatever changes in one is told at once; who plays together and lacks nobody
    /// announces itself more seldom.
    pub beacon: Duration,
    /// Bounds of the suspicion time, which is twice the largest gap between ticks seen, and 16 ms. At
    /// most `suspicion_max`.
    pub suspicion_min: Duration,
    /// The upper bound. At least `suspicion_min`.
    pub suspicion_max: Duration,
    /// The time between two repetitions of an ask that is not answered.
    pub ask_repeat: Duration,
    /// How long a candidate waits for the last answers when it has some. At least two
    /// `ask_repeat`.
    pub ask_deadline: Duration,
    /// How long a candidate keeps asking when nobody answers at all. Above `ask_deadline`.
    pub ask_patience: Duration,
    /// What each lower rank waits longer than the one above before it asks.
    pub rank_step: Duration,
    /// How long a grant binds whoever gave it.
    pub grant: Duration,
    /// How recent an acknowledgement of one's own controls must be for the host to count as
    /// hearing.
    pub acknowledged: Duration,
    /// How long somebody may be silent before it is no longer asked in an election.
    pub heard: Duration,
    /// How late a wake-up must be to count as sleep: more than the suspicion of the others may
    /// allow, less than what they need to replace a host. Above `suspicion_min`.
    pub asleep: Duration,
    /// How long the higher id leaves the dialling to the lower one.
    pub dial_courtesy: Duration,
    /// The first pause after a failed dial; each further one doubles it. At most `redial_max`.
    pub redial_min: Duration,
    /// The longest pause between two dials.
    pub redial_max: Duration,
    /// How long a link may take from its opening to its hello.
    pub handshake: Duration,
    /// The time between two signs of life on a link that carries nothing else. With twenty ticks a second and fewer it is
    /// twice as long, and what is reckoned by it is longer.
    pub ping: Duration,
    /// How long a link may be silent before it is closed. At least two `ping`.
    pub link_silence: Duration,
    /// How long a player may be silent before the world treats it as gone away.
    pub away: Duration,
    /// How long a member may be away before the roster forgets it.
    pub forget: Duration,
    /// The most players in a session, while this node hosts it: 2 to [`PLAYERS_MAX`]. Whoever comes later waits for a
    /// seat, and watches until then.
    pub players_max: usize,
    /// To how many who only watch a host sends each tick itself, if there are no more. If there are, some hand ticks down to
    /// the others. At least 1.
    pub direct_watchers: usize,
    /// To how many others each of those hands ticks down: 1 to [`FAN_OUT_MAX`].
    pub fan_out: usize,
    /// When what was written into the ledger is folded into pages.
    pub folding: Folding,
    /// How fast this node talks, and how fast it lets others talk: at least one line at once.
    pub talk: Allowed,
    /// The most links that may be open without a hello: at least 1.
    pub strangers_max: usize,
    /// A deliberate bug. Only there with the cargo feature `mutants`.
    #[cfg(feature = "mutants")]
    pub mutant: Option<Mutant>,
}

/// The largest [`Tuning::players_max`].
pub const PLAYERS_MAX: usize = 64;

/// The largest [`Tuning::fan_out`].
pub const FAN_OUT_MAX: usize = 64;

/// The most of those who wait for a seat whose order everybody is told. Whoever comes later watches, too, and is listed
/// when there is room.
pub const WAITING_MAX: usize = 128;

/// For how long the seat of whoever is away is kept from those who wait: longer than a program takes to come back, or a
/// laptop to go from one Wi-Fi to the next. Where nobody waits it is kept for [`Tuning::forget`].
pub const SEAT_KEPT: Duration = Duration::from_secs(3);

/// How long whoever waits for a seat does without a host until it looks for a game as somebody who plays: longer than any
/// election, and than most cables are loose. The first of them waits for so long, and each other one for a second more
/// than the one before it, so that they find a host.
pub const WAITS_WITHOUT_HOST: Duration = Duration::from_secs(3);

/// The bounds of every duration in [`Tuning`].
const DURATION_MIN: Duration = Duration::from_millis(1);
const DURATION_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A value of [`Tuning`] that is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Tuning::{field} is {value}: it must be {range}")]
pub struct OutOfRange {
    /// The name of the field.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What it must be.
    pub range: String,
}

/// Deliberate bugs: what the simulator must find, or it is worth nothing. Each breaks one rule, in
/// one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Terms do not fence: whatever a host sends is followed.
    NoTerms,
    /// The highest id takes the crown from a healthy host.
    NotSticky,
    /// A new host goes on with its own world, whatever the others hold.
    OldWorld,
    /// A new host forgets which controls its predecessor has applied.
    Replay,
    /// A new host forgets which orders its predecessor has applied.
    OrdersAgain,
    /// The host that is judged against does not yield.
    Stubborn,
    /// Whoever misses its host takes the crown, without asking anybody.
    NoAskFirst,
    /// Whoever is asked grants the crown, even if it hears the host.
    YesSayer,
    /// A grant promises the candidate's reign, whether it comes or not.
    GrantPromises,
    /// By id alone it is decided who goes first.
    NoRank,
    /// A candidate whom nobody answers reigns at once.
    NoPatience,
    /// A candidate waits for every answer.
    WaitsForAll,
    /// Whoever wakes up goes on as if it had not slept.
    NoSelfCheck,
    /// A host that hears nobody is followed for ever.
    FollowsTheDeaf,
    /// Whoever says that it has ended a reign is followed by those who hear its host.
    Usurper,
    /// A host that meets a higher one outbids it, instead of asking it to judge.
    Duels,
    /// A member that two hosts claim counts for both.
    CountsTwice,
    /// All lives of a node are one.
    OneLife,
    /// Any state held serves as a baseline.
    AnyBaseline,
    /// Whatever world somebody brings along in an election is believed.
    TrustsAnswers,
    /// Whatever world somebody passes on in a host's name is believed.
    TrustsRelays,
    /// Whatever reign somebody tells of is believed.
    TrustsRumours,
    /// A datagram that has come before is taken again.
    TakesTwice,
    /// What comes of the ledger is taken without a look at its author's signature.
    UnsignedEntries,
    /// Whatever roster comes is believed to be the host's.
    UnsignedRosters,
    /// Whoever says that it has a key is believed.
    UnprovedKeys,
    /// A machine that its account has struck off is let in.
    LetsStruckIn,
    /// As many links of strangers are kept as come.
    EndlessStrangers,
    /// Who was barred is let in again by the next host.
    BansDie,
    /// The next host does not know who came first of those who wait for a seat.
    LineDies,
}

impl Mutant {
    /// All of them, with the names they have on the command line.
    pub const ALL: [(&'static str, Mutant); 30] = [
        ("no-terms", Mutant::NoTerms),
        ("not-sticky", Mutant::NotSticky),
        ("old-world", Mutant::OldWorld),
        ("replay", Mutant::Replay),
        ("orders-again", Mutant::OrdersAgain),
        ("stubborn", Mutant::Stubborn),
        ("no-ask-first", Mutant::NoAskFirst),
        ("yes-sayer", Mutant::YesSayer),
        ("grant-promises", Mutant::GrantPromises),
        ("no-rank", Mutant::NoRank),
        ("no-patience", Mutant::NoPatience),
        ("waits-for-all", Mutant::WaitsForAll),
        ("no-self-check", Mutant::NoSelfCheck),
        ("follows-the-deaf", Mutant::FollowsTheDeaf),
        ("usurper", Mutant::Usurper),
        ("duels", Mutant::Duels),
        ("counts-twice", Mutant::CountsTwice),
        ("one-life", Mutant::OneLife),
        ("any-baseline", Mutant::AnyBaseline),
        ("trusts-answers", Mutant::TrustsAnswers),
        ("trusts-relays", Mutant::TrustsRelays),
        ("trusts-rumours", Mutant::TrustsRumours),
        ("takes-twice", Mutant::TakesTwice),
        ("unsigned-entries", Mutant::UnsignedEntries),
        ("unsigned-rosters", Mutant::UnsignedRosters),
        ("unproved-keys", Mutant::UnprovedKeys),
        ("lets-struck-in", Mutant::LetsStruckIn),
        ("endless-strangers", Mutant::EndlessStrangers),
        ("bans-die", Mutant::BansDie),
        ("line-dies", Mutant::LineDies),
    ];
}

impl Tuning {
    /// Checks each value against its range.
    ///
    /// # Errors
    /// [`OutOfRange`] says which is out of it, and what it must be; the first one only.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let refuse = |so: bool, field, value: &dyn fmt::Debug, range: String| match so {
            true => Ok(()),
            false => Err(OutOfRange { field, value: format!("{value:?}"), range }),
        };
        for (field, value) in [
            ("discovery", self.discovery),
            ("beacon", self.beacon),
            ("suspicion_min", self.suspicion_min),
            ("suspicion_max", self.suspicion_max),
            ("ask_repeat", self.ask_repeat),
            ("ask_deadline", self.ask_deadline),
            ("ask_patience", self.ask_patience),
            ("rank_step", self.rank_step),
            ("grant", self.grant),
            ("acknowledged", self.acknowledged),
            ("heard", self.heard),
            ("asleep", self.asleep),
            ("dial_courtesy", self.dial_courtesy),
            ("redial_min", self.redial_min),
            ("redial_max", self.redial_max),
            ("handshake", self.handshake),
            ("ping", self.ping),
            ("link_silence", self.link_silence),
            ("away", self.away),
            ("forget", self.forget),
            ("talk.every", self.talk.every),
        ] {
            let range = || format!("from {DURATION_MIN:?} to {DURATION_MAX:?}");
            refuse((DURATION_MIN..=DURATION_MAX).contains(&value), field, &value, range())?;
        }
        for (field, value, least, of) in [
            ("suspicion_max", self.suspicion_max, self.suspicion_min, "suspicion_min"),
            ("ask_deadline", self.ask_deadline, self.ask_repeat * 2, "two ask_repeat"),
            ("redial_max", self.redial_max, self.redial_min, "redial_min"),
            ("link_silence", self.link_silence, self.ping * 2, "two ping"),
        ] {
            refuse(value >= least, field, &value, format!("at least {of}, {least:?}"))?;
        }
        for (field, value, below, of) in [
            ("ask_patience", self.ask_patience, self.ask_deadline, "ask_deadline"),
            ("asleep", self.asleep, self.suspicion_min, "suspicion_min"),
        ] {
            refuse(value > below, field, &value, format!("above {of}, {below:?}"))?;
        }
        let players = (2..=PLAYERS_MAX).contains(&self.players_max);
        let range = format!("from 2 to {PLAYERS_MAX}");
        refuse(players, "players_max", &self.players_max, range)?;
        let direct = self.direct_watchers >= 1;
        refuse(direct, "direct_watchers", &self.direct_watchers, "at least 1".into())?;
        let fan_out = (1..=FAN_OUT_MAX).contains(&self.fan_out);
        refuse(fan_out, "fan_out", &self.fan_out, format!("from 1 to {FAN_OUT_MAX}"))?;
        let talks = self.talk.at_once >= 1;
        refuse(talks, "talk.at_once", &self.talk.at_once, "at least 1".into())?;
        refuse(self.strangers_max >= 1, "strangers_max", &self.strangers_max, "at least 1".into())
    }

    /// The same at the rate of a game: as long as it is, and longer by so many ticks' being longer. One lost
    /// tick is no silence; a grant lasts until the first tick after the longest ask. Nobody is woken for longer than a tick, so only
    /// what exceeds that is sleep. Where ticks are rare, half as many signs of life do.
    pub(crate) fn at(self, rate: Rate) -> Self {
        let longer = |span: Duration, ticks| rate.stretch(span, ticks);
        let rarer = if rate.is_slow() { self.ping } else { Duration::ZERO };
        Self {
            suspicion_min: longer(self.suspicion_min, 2),
            suspicion_max: longer(self.suspicion_max, 2),
            ask_patience: longer(self.ask_patience, 2),
            grant: longer(self.grant, 3),
            acknowledged: longer(self.acknowledged, 5),
            asleep: longer(self.asleep, 1),
            ping: self.ping + rarer,
            link_silence: self.link_silence + rarer * 2,
            heard: self.heard + rarer * 2,
            away: self.away + rarer,
            ..self
        }
    }

    /// Whoever was heard within so long is there, as far as its signs of life say: one of them may be late.
    pub(crate) fn lively(&self) -> Duration {
        self.ping * 2
    }

    /// Whether this deliberate bug is in force. Never, without the cargo feature `mutants`.
    pub(crate) fn has(&self, mutant: Mutant) -> bool {
        #[cfg(feature = "mutants")]
        return self.mutant == Some(mutant);
        #[cfg(not(feature = "mutants"))]
        {
            let _ = mutant;
            false
        }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            discovery: ms(350),
            beacon: ms(1_000),
            suspicion_min: ms(50),
            suspicion_max: ms(200),
            ask_repeat: ms(10),
            ask_deadline: ms(40),
            ask_patience: ms(400),
            rank_step: ms(20),
            grant: ms(200),
            acknowledged: ms(400),
            heard: ms(2_000),
            asleep: ms(60),
            dial_courtesy: ms(300),
            redial_min: ms(50),
            redial_max: ms(2_000),
            handshake: ms(3_000),
            ping: ms(500),
            link_silence: ms(4_000),
            away: ms(1_500),
            forget: ms(600_000),
            players_max: 32,
            direct_watchers: 512,
            fan_out: FAN_OUT_MAX,
            folding: Folding::default(),
            talk: Allowed::default(),
            strangers_max: 2_048,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_its_range_is_named_with_the_range() {
        assert_eq!(Tuning::default().check(), Ok(()));
        let ms = Duration::from_millis;
        type Spoil = fn(&mut Tuning, Duration);
        let wrong: [(&str, Spoil, Duration); 9] = [
            ("beacon", |tuning, span| tuning.beacon = span, ms(0)),
            ("away", |tuning, span| tuning.away = span, Duration::MAX),
            ("suspicion_max", |tuning, span| tuning.suspicion_max = span, ms(49)),
            ("ask_deadline", |tuning, span| tuning.ask_deadline = span, ms(19)),
            ("ask_patience", |tuning, span| tuning.ask_patience = span, ms(40)),
            ("asleep", |tuning, span| tuning.asleep = span, ms(50)),
            ("redial_max", |tuning, span| tuning.redial_max = span, ms(49)),
            ("link_silence", |tuning, span| tuning.link_silence = span, ms(999)),
            ("strangers_max", |tuning, _| tuning.strangers_max = 0, ms(0)),
        ];
        for (field, spoil, span) in wrong {
            let mut tuning = Tuning::default();
            spoil(&mut tuning, span);
            assert_eq!(tuning.check().map_err(|error| error.field), Err(field));
        }
    }

    #[test]
    fn a_session_has_from_two_to_sixty_four_players() {
        for (players_max, fits) in [(0, false), (1, false), (2, true), (64, true), (65, false)] {
            let checked = Tuning { players_max, ..Tuning::default() }.check();
            assert_eq!(checked.is_ok(), fits, "{players_max}");
            if let Err(error) = checked {
                let said = format!("Tuning::players_max is {players_max}: it must be from 2 to 64");
                assert_eq!(error.to_string(), said);
            }
        }
    }
}
