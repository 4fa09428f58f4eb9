//! What a [mesh](super) knows of each other node.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::message::Address;
use crate::{
    config::{DIAL_COSTS_BYTES, DIAL_CREDIT_BYTES_MAX},
    text::Name,
    types::{Incarnation, Instant, LinkId, Role},
};

/// The most addresses remembered of one peer.
pub(super) const ADDRESSES_MAX: usize = 8;

/// A link with somebody who gets its ticks from another one carries next to nothing, and there may be thousands of them: of so many
/// signs of life one does.
pub(super) const FED_PINGS: u32 = 4;

/// How long a peer that is not linked is remembered after it was last heard.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What is known of one other node of the session.
#[derive(Clone, Debug)]
pub struct Peer {
    /// In which life.
    pub incarnation: Incarnation,
    /// What its player is called.
    pub name: Name,
    /// Whether it plays: as the roster says, if it stands there in this life, and as it says itself otherwise.
    pub role: Role,
    /// What it says itself.
    pub announced: Role,
    /// In which of its lives the roster has it.
    pub(super) seat: Option<Incarnation>,
    /// Somebody else hands it the host's ticks, or has done so.
    pub(super) fed: bool,
    /// When anything of it came in last.
    pub heard: Instant,
    /// Where its packets go.
    pub udp: Option<SocketAddr>,
    pub(super) udp_heard: Instant,
    /// When it or this machine came to another address: older links lead nowhere.
    pub(super) moved: Instant,
    /// When a datagram of it came last, if ever, and when one was sent to it.
    pub(super) datagram: Option<Instant>,
    pub(super) datagram_sent: Instant,
    /// Until when it counts as hearing no datagrams.
    pub(super) hears_no_datagrams_until: Instant,
    pub(super) addresses: Vec<Address>,
    /// When anything of or about it came in last.
    pub met: Instant,
    pub(super) link: Option<LinkId>,
    /// By which channel datagrams go to it, and by which they went before.
    pub(super) channel: Option<u16>,
    pub(super) last_channel: Option<u16>,
    /// When its last link ended, if it has had any.
    pub(super) unlinked: Instant,
    /// It plays through a third node, which has introduced it in this life of its.
    pub(super) introduced: bool,
    /// It is in the roster of the host that this node follows, in whichever life.
    pub(super) member: bool,
    /// How many bytes came from there that dials may be begun for, if it was only heard of.
    pub(super) credit: u32,
    /// How many messages came of it since when.
    pub(super) said: (Instant, u32),
    /// The dials under way, the oldest first.
    pub(super) dials: Vec<LinkId>,
    /// Which of its addresses is dialled next.
    pub(super) turn: usize,
    /// How many dials have been begun since it was last linked, or gave a sign of life.
    pub(super) tries: u32,
    /// When the next one may begin.
    pub(super) dial_at: Instant,
}

impl Peer {
    /// Whether it plays follows from what it says, and from what its host says. What it says may be older.
    pub(super) fn weigh_role(&mut self) {
        let seated = self.seat == Some(self.incarnation);
        self.role = if seated { Role::Player } else { self.announced };
    }

    /// It sent something from this address. If nothing came from the one in use for so long, it has
    /// moved. Whether it has.
    pub(super) fn heard_at(&mut self, now: Instant, from: SocketAddr, patience: Duration) -> bool {
        let mut moved = false;
        if self.udp != Some(from) && now.since(self.udp_heard) > patience {
            moved = self.udp.is_some_and(|before| before.ip() != from.ip());
            if moved {
                self.moved = now;
                self.dial_at = self.dial_at.min(now);
                if let Some(before) = self.addresses.first().copied() {
                    self.lives_at(Address { ip: from.ip(), udp: from.port(), ..before });
                }
            }
            self.udp = Some(from);
        }
        if self.udp == Some(from) {
            self.udp_heard = now;
        }
        moved
    }

    /// It was heard itself, at this address: there it is now, not where it was.
    pub(super) fn lives_at(&mut self, address: Address) {
        if self.addresses.first() == Some(&address) {
            return;
        }
        self.turn = 0;
        self.addresses.retain(|known| *known != address);
        self.addresses.truncate(ADDRESSES_MAX - 1);
        self.addresses.insert(0, address);
    }

    /// How often all of its addresses have been dialled in vain, as far as that makes a difference.
    pub(super) fn rounds(&self) -> u32 {
        (self.tries / self.addresses.len().max(1) as u32).min(10)
    }

    /// Whether it is more than heard of: it is a member, or was linked in this life.
    pub(super) fn is_known(&self) -> bool {
        self.member || self.was_linked()
    }

    /// Whether it may be dialled: somebody who was only heard of, for what was heard.
    pub(super) fn is_worth_a_dial(&self) -> bool {
        self.is_known() || self.credit >= DIAL_COSTS_BYTES
    }

    /// So many bytes came from there.
    pub(super) fn pays(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.credit = self.credit.saturating_add(bytes).min(DIAL_CREDIT_BYTES_MAX);
    }

    /// Whether it has had a link.
    pub fn was_linked(&self) -> bool {
        self.link.is_some() || self.unlinked > Instant::default()
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.link.is_some() || !self.dials.is_empty()
    }

    /// When it is not remembered any more, if nothing of it comes in before.
    pub(super) fn forgotten_at(&self) -> Instant {
        self.heard.max(self.met) + REMEMBERED
    }

    /// Whether its link is up.
    pub fn is_linked(&self) -> bool {
        self.link.is_some()
    }

    /// Whether it is in touch with this node: over a link, or by way of the third node that introduced
    /// it, through which it was heard within `lately`.
    pub fn is_in_touch(&self, now: Instant, lately: Duration) -> bool {
        self.link.is_some() || self.introduced && now.since(self.heard) <= lately
    }

    /// Whether it has no link, and was heard within `lately` all the same.
    pub fn is_estranged(&self, now: Instant, lately: Duration) -> bool {
        self.link.is_none() && self.heard > self.unlinked && now.since(self.heard) <= lately
    }

    /// How many times as long it may be until something of it comes as with others, and to it from here.
    pub fn calm(&self) -> u32 {
        if self.fed { FED_PINGS } else { 1 }
    }

    /// Whether it may wait for a seat, as far as it says itself.
    pub fn may_wait(&self) -> bool {
        self.announced.wants_a_seat()
    }

    /// Where it is, as far as that is known; else nowhere, which is one place for all of whom it is not.
    pub fn ip(&self) -> IpAddr {
        self.address().map_or(IpAddr::from([0; 4]), |address| address.ip)
    }

    /// Where it was heard last.
    pub fn address(&self) -> Option<Address> {
        self.addresses.first().copied()
    }
}
