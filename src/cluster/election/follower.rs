//! What a follower knows of its host: how fresh that is, how far away, and through whom it comes.

use super::*;

/// A host that is heard.
#[derive(Clone, Debug)]
pub(super) struct Following {
    pub(super) term: Term,
    pub(super) tick: Tick,
    /// When the last new tick came.
    pub(super) heard: Instant,
    /// How much of the silence since then is this node's own, which did not listen.
    pub(super) excused: Duration,
    /// The number of this node's last controls that the host has applied, and since when.
    pub(super) acknowledged: u64,
    pub(super) acknowledged_at: Instant,
    /// How far the host was behind with that when it said so last: a round trip, in whole ticks.
    pub(super) lag: Duration,
    /// The number of the last controls that the host has heard from this node itself, and since
    /// when it says so itself: as long as both directions work, no relay is needed.
    pub(super) direct: u64,
    pub(super) direct_at: Instant,
    pub(super) relay: Option<Relayed>,
    /// An ask not answered yet, because the host was heard just before it.
    pub(super) pending: Option<(NodeId, ElectionPacket)>,
}

/// Who stands between this node and its host, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relayed {
    pub(super) by: NodeId,
    /// How many nodes lie between this one and its host.
    pub(super) far: u8,
    pub(super) until: Instant,
}

impl Relayed {
    pub(super) fn through(now: Instant, via: Via) -> Self {
        Self { by: via.by, far: via.far, until: now + relay::SERVED }
    }

    /// Somebody who may be of use: nothing came through it yet.
    pub(super) fn to_be_tried(by: NodeId, until: Instant) -> Self {
        Self { by, far: relay::HOPS_MAX, until }
    }
}

impl Following {
    /// When its host is suspected, if nothing is heard before.
    pub(super) fn silent_at(&self, suspicion: Duration) -> Instant {
        self.heard + self.excused + suspicion
    }

    /// How recent an acknowledgement must be for the host to count as hearing: on a slow wire it takes
    /// a round trip in any case.
    pub(super) fn acknowledged_within(&self, tuning: &Tuning) -> Duration {
        tuning.acknowledged.max(self.lag * 2)
    }

    pub(super) fn is_acknowledged(&self, now: Instant, tuning: &Tuning) -> bool {
        now.since(self.acknowledged_at) <= self.acknowledged_within(tuning)
    }

    /// Whether `packet` is a new tick: a sign of life. Duplicates and late packets are none.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        rate: Rate,
        packet: &TickPacket,
        sent: u64,
        via: Option<Via>,
    ) -> bool {
        // More than was sent would be for an earlier life of this node.
        if packet.heard > self.acknowledged && packet.heard <= sent {
            self.acknowledged = packet.heard;
            self.acknowledged_at = now;
            let ticks = u32::try_from(sent - packet.heard).unwrap_or(u32::MAX);
            self.lag = rate.tick().saturating_mul(ticks).min(LAG_MAX);
        }
        match via {
            None if packet.heard > self.direct && packet.heard <= sent => {
                self.direct = packet.heard;
                self.direct_at = now;
            }
            Some(via) if now.since(self.direct_at) > rate.span(DIRECT) => {
                // Two who pass on to each other what neither hears would be of no use: the nearer
                // to the host serves.
                let serves = self.relay.filter(|relay| now < relay.until && relay.by != via.by);
                if serves.is_none_or(|relay| via.far <= relay.far) {
                    self.relay = Some(Relayed::through(now, via));
                }
            }
            _ => {}
        }
        let new = packet.tick > self.tick;
        if new {
            self.tick = packet.tick;
            self.heard = now;
            self.excused = Duration::ZERO;
            self.pending = None;
        }
        new
    }
}
