//! The life of a link: opened, introduced, of use or retired, lost.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use serde::Serialize;

use super::{
    Acquaintance, Mesh, Out, Parting,
    channel::{Channel, Handshake},
    identity::Identity,
    message::{ANSWER, Hello, OPENING, Opening, PROOF, REFUSED, Refusal},
    strangers::gives_way,
};
use crate::{
    config::{
        FRAME_WITHIN, Mutant, STRANGERS_PER_ADDRESS_MAX, UNFINISHED_BYTES_MAX,
        UNFINISHED_BYTES_PER_ADDRESS_MAX,
    },
    io::{CloseReason, Effect},
    keys::Forged,
    types::{Instant, LinkId, NodeId},
    wire::{self, Deframer, STRANGER_FRAME_BYTES_MAX},
};

/// How many bytes of somebody who has not said who it is wait at most: its next two messages.
const STRANGER_BYTES_MAX: usize = 2 * STRANGER_FRAME_BYTES_MAX;

/// The most retired links with one peer.
const SPARES_MAX: usize = 4;

/// How long after a link is up the first ping goes out: by then a datagram should have come.
const FIRST_PING: Duration = Duration::from_millis(250);

/// One link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) from: SocketAddr,
    pub(super) dialled: Option<NodeId>,
    /// The first word of this side, which dialled, is on its way.
    pub(super) introduced: bool,
    /// The handshake, while it is under way, and what this side offered as the channel's index.
    pub(super) handshake: Option<Handshake>,
    pub(super) offered: Option<u16>,
    /// Until when its first word is not looked at: somebody at its address guesses passphrases.
    pub(super) held_until: Option<Instant>,
    /// The channel that was agreed upon, by its index.
    pub(super) channel: Option<u16>,
    pub(super) peer: Option<NodeId>,
    /// Since when another link serves in its place.
    pub(super) retired: Option<Instant>,
    /// Which of two links stays: the one dialled by the lower id, then the one dialled last. The
    /// same at both ends.
    pub(super) merit: (bool, u64),
    /// When it was opened; once its peer has said who it is, when that was.
    pub(super) since: Instant,
    pub(super) heard: Instant,
    pub(super) ping_at: Instant,
    pub(super) deframer: Deframer,
    /// Since when the frame is on its way of which the first bytes have come.
    pub(super) unfinished: Option<Instant>,
}

impl Link {
    pub(super) fn new(now: Instant, from: SocketAddr, dialled: Option<NodeId>) -> Self {
        Self {
            from,
            dialled,
            introduced: false,
            handshake: None,
            offered: None,
            held_until: None,
            channel: None,
            peer: None,
            retired: None,
            merit: (false, 0),
            since: now,
            heard: now,
            ping_at: now,
            deframer: Deframer::new(),
            unfinished: None,
        }
    }
}

impl Mesh {
    /// The driver has accepted a link.
    pub(super) fn accepted(&mut self, now: Instant, me: &Identity, link: LinkId, from: SocketAddr) {
        if let Some(oldest) = self.stranger_to_go(from.ip())
            && !self.tuning.has(Mutant::EndlessStrangers)
        {
            self.drop_link(oldest);
        }
        self.links.insert(link, Link::new(now, from, None));
        self.unnamed.insert(link);
        self.look_at = self.look_at.min(now + self.tuning.handshake);
        if me.session.is_none() {
            self.write_json(link, REFUSED, &Refusal::Session);
        }
    }

    /// Which link without a hello gives way to another one from `ip`, if one has to: of those from the same
    /// address, or from the one with the most of them, the oldest on which nothing was said.
    fn stranger_to_go(&mut self, ip: IpAddr) -> Option<LinkId> {
        let (in_all, each) = (self.tuning.strangers_max, STRANGERS_PER_ADDRESS_MAX);
        if self.unnamed.len() < in_all.min(each) {
            return None;
        }
        // Some are gone, or are known by now.
        let links = &self.links;
        self.unnamed.retain(|link| links.get(link).is_some_and(|link| link.peer.is_none()));
        let strangers = self.unnamed.iter().filter_map(|link| Some((*link, self.links.get(link)?)));
        // Whoever has said something goes after all who have not.
        let known = strangers.map(|(id, link)| ((link.heard > link.since, id), link));
        let known = known.map(|(order, link)| (order, link.from.ip(), Instant::default()));
        gives_way(known, ip, in_all, each).map(|(_, id)| id)
    }

    /// A link is gone.
    pub(super) fn closed(&mut self, now: Instant, link: LinkId, reason: CloseReason) {
        let reason = match reason {
            CloseReason::EndOfStream => Parting::Closed,
            CloseReason::Error => Parting::Error,
            CloseReason::Slow => Parting::Slow,
        };
        self.lost(now, link, reason);
    }

    /// Bytes came in on a link.
    pub(super) fn bytes(&mut self, now: Instant, me: &Identity, link: LinkId, chunk: &[u8]) {
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        state.heard = now;
        if state.channel.is_none() && state.deframer.held() + chunk.len() > STRANGER_BYTES_MAX {
            return self.fail(now, link);
        }
        state.deframer.push(chunk);
        if let Some(peer) = state.peer.and_then(|id| self.peers.get_mut(&id)) {
            peer.heard = now;
        }
        self.frames(now, me, link);
        self.mind_unfinished(now, link);
    }

    /// A frame may be on its way for a while, and all of those together must not fill the memory: of the address
    /// that has the most of them the longest goes. That need not be the one that grew last.
    fn mind_unfinished(&mut self, now: Instant, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        if state.deframer.held() == 0 {
            state.unfinished = None;
            return;
        }
        if state.unfinished.is_none() {
            state.unfinished = Some(now);
            self.look_at = self.look_at.min(now + FRAME_WITHIN);
        }
        if state.deframer.held() <= STRANGER_FRAME_BYTES_MAX {
            return;
        }
        let held: BTreeMap<IpAddr, (usize, (usize, LinkId))> =
            self.links.iter().fold(BTreeMap::new(), |mut held, (id, link)| {
                let bytes = link.deframer.held();
                let (sum, longest) = held.entry(link.from.ip()).or_insert((0, (bytes, *id)));
                *sum += bytes;
                *longest = (*longest).max((bytes, *id));
                held
            });
        let in_all: usize = held.values().map(|(sum, _)| sum).sum();
        let Some((sum, (_, longest))) = held.values().max_by_key(|(sum, _)| *sum) else { return };
        if in_all > UNFINISHED_BYTES_MAX || *sum > UNFINISHED_BYTES_PER_ADDRESS_MAX {
            let longest = *longest;
            self.end(now, longest, Parting::Flooding);
        }
    }

    /// Takes in all whole frames of a link that have come.
    pub(super) fn frames(&mut self, now: Instant, me: &Identity, link: LinkId) {
        while let Some(state) = self.links.get_mut(&link) {
            if state.held_until.is_some_and(|until| now < until) {
                return;
            }
            state.held_until = None;
            if state.channel.is_none() && !self.reckoning.may_go_on(now, self.host.is_some()) {
                // Whoever comes in waits, not those who play.
                if !self.waiting.contains(&link) {
                    self.waiting.push_back(link);
                }
                self.look_at = self.look_at.min(self.reckoning.again_at());
                return;
            }
            let Some(state) = self.links.get_mut(&link) else { return };
            let frame = match state.deframer.next_frame() {
                Ok(Some(frame)) => {
                    // What comes behind it is another one.
                    state.unfinished = None;
                    frame.to_vec()
                }
                Ok(None) => return,
                Err(_) => return self.fail(now, link),
            };
            let Some(channel) = state.channel else {
                self.reckoning.one_more();
                if self.handshake(now, me, link, &frame).is_err() {
                    return self.fail(now, link);
                }
                continue;
            };
            let said_by = state.peer;
            if self.is_of_another_life(channel) {
                return self.end(now, link, Parting::Replaced);
            }
            let opened = self.channels.get_mut(&channel).map(|channel| channel.open_frame(&frame));
            match (said_by, opened) {
                (Some(peer), Some(Ok(frame))) => self.frame(now, peer, link, Bytes::from(frame)),
                _ => {
                    let peer = said_by.unwrap_or(NodeId::from_u128(0));
                    let what = "what came over a link and was not sent by whom it is with";
                    self.refusals.note(now, peer, what);
                    return self.fail(now, link);
                }
            }
        }
    }

    /// Closes the link with a peer, after what was sent on it.
    pub fn hang_up(&mut self, now: Instant, id: NodeId, reason: Parting) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(link) = peer.link.take() else { return };
        peer.unlinked = now;
        self.drop_link(link);
        self.out.push_back(Out::Down { peer: id, reason });
    }

    /// Says the first word on a link that is open, once, having dialled it.
    pub(super) fn introduce(&mut self, now: Instant, me: &Identity, link: LinkId) {
        let open = |state: &&mut super::Link| !state.introduced && state.dialled.is_some();
        let Some(state) = self.links.get_mut(&link).filter(open) else { return };
        state.introduced = true;
        let begun = me.handshake(&mut self.chance, true).and_then(|mut handshake| {
            let opening = me.opening(handshake.write(&[])?)?;
            state.handshake = Some(handshake);
            Some(opening)
        });
        match begun {
            Some(opening) => self.write_json(link, OPENING, &opening),
            None => self.fail(now, link),
        }
    }

    /// The next message of a handshake.
    fn handshake(
        &mut self,
        now: Instant,
        me: &Identity,
        link: LinkId,
        frame: &[u8],
    ) -> Result<(), Forged> {
        let state = self.links.get_mut(&link).ok_or(Forged)?;
        let (kind, said) = frame.split_first().ok_or(Forged)?;
        match (*kind, state.dialled, state.handshake.take()) {
            (OPENING, None, None) => self.opening(now, me, link, said),
            (ANSWER, Some(wanted), Some(mut handshake)) => {
                let hello = self.read_hello(&mut handshake, said)?;
                let own = hello.who.id() == me.id && hello.who.incarnation != me.incarnation;
                if hello.who.id() != wanted && !own {
                    return Err(Forged); // somebody else lives there by now, or this node itself
                }
                let index = self.free_index();
                let mine = serde_json::to_vec(&me.hello(link.0, index)).map_err(|_| Forged)?;
                let proof = handshake.write(&mine).ok_or(Forged)?;
                self.write(link, PROOF, &proof);
                if hello.who.id() == me.id {
                    // The other one knows it now, too.
                    if own {
                        self.out.push_back(Out::Clash { incarnation: hello.who.incarnation });
                    }
                    return Err(Forged);
                }
                self.agreed(now, me, link, handshake, hello, index)
            }
            (PROOF, None, Some(mut handshake)) => {
                let hello = self.read_hello(&mut handshake, said)?;
                if hello.who.id() == me.id {
                    if hello.who.incarnation != me.incarnation {
                        self.out.push_back(Out::Clash { incarnation: hello.who.incarnation });
                    }
                    return Err(Forged);
                }
                let index = self.links.get(&link).and_then(|state| state.offered).ok_or(Forged)?;
                self.agreed(now, me, link, handshake, hello, index)
            }
            (REFUSED, Some(_), _) => {
                let refusal = serde_json::from_slice(said).map_err(|_| Forged)?;
                let from = self.links.get(&link).map(|state| state.from).ok_or(Forged)?;
                // Who speaks here has not shown who it is.
                let refusal = Some(refusal).filter(|refusal: &Refusal| !refusal.is_personal());
                self.out.extend(refusal.map(|refusal| Out::Refused { refusal, from, by: None }));
                Err(Forged)
            }
            _ => Err(Forged),
        }
    }

    /// Somebody who dialled says its first word.
    fn opening(
        &mut self,
        now: Instant,
        me: &Identity,
        link: LinkId,
        said: &[u8],
    ) -> Result<(), Forged> {
        let opening: Opening = serde_json::from_slice(said).map_err(|_| Forged)?;
        let from = self.links.get(&link).map(|state| state.from).ok_or(Forged)?;
        let refused = me.refuse(&opening);
        if refused.is_none() && me.lock.is_some() && !self.guesses.may_try(now, from.ip()) {
            // It is looked at when its time has come, and takes none from others until then.
            self.reckoning.one_less();
            let again = wire::frame(OPENING, said).map_err(|_| Forged)?;
            let state = self.links.get_mut(&link).ok_or(Forged)?;
            state.deframer.push(&again);
            state.held_until = self.guesses.next_try(from.ip());
            self.stir();
            return Ok(());
        }
        let handshake = me.handshake(&mut self.chance, false).filter(|_| refused.is_none());
        let read = handshake.and_then(|mut handshake| {
            let said = handshake.read(&opening.noise).ok()?;
            said.is_empty().then_some(handshake)
        });
        let Some(mut handshake) = read else {
            let refusal = refused.unwrap_or(Refusal::Passphrase);
            if refused.is_none() && me.lock.is_some() {
                self.guesses.wrong(now, from.ip());
                tracing::info!(%from, "somebody tried another passphrase");
            }
            self.write_json(link, REFUSED, &refusal);
            return Err(Forged);
        };
        let index = self.free_index();
        let mine = serde_json::to_vec(&me.hello(0, index)).map_err(|_| Forged)?;
        let answer = handshake.write(&mine).ok_or(Forged)?;
        let state = self.links.get_mut(&link).ok_or(Forged)?;
        state.offered = Some(index);
        state.handshake = Some(handshake);
        self.write(link, ANSWER, &answer);
        Ok(())
    }

    /// Both sides know who the other one is, and share a channel.
    fn agreed(
        &mut self,
        now: Instant,
        me: &Identity,
        link: LinkId,
        handshake: Handshake,
        hello: Hello,
        index: u16,
    ) -> Result<(), Forged> {
        let Hello { who, dial, index: theirs, certificate, .. } = hello;
        let (id, life) = (who.id(), who.incarnation);
        if self.admission.is_held_off(now, id) {
            return Err(Forged);
        }
        if let Some(refusal) = self.admission.shown(now, &who.key, certificate.as_ref()) {
            self.forget_unless_linked(id);
            let channel = handshake.channel((id, life), theirs).ok_or(Forged)?;
            self.turn_away(link, channel, refusal);
            return Err(Forged);
        }
        let state = self.links.get(&link).ok_or(Forged)?;
        let (ip, wanted) = (state.from.ip(), state.dialled);
        if self.peers.get(&id).is_some_and(|peer| peer.incarnation != life) {
            self.end_life(now, id);
        }
        let udp = SocketAddr::new(ip, who.udp);
        if !self.peers.contains_key(&id) {
            self.make_room(ip, true);
        }
        self.learn_of(now, me, Acquaintance::introduced(who, ip, false, 0));
        let (Some(peer), Some(state)) = (self.peers.get_mut(&id), self.links.get_mut(&link)) else {
            return Err(Forged);
        };
        let channel = handshake.channel((id, life), theirs).ok_or(Forged)?;
        self.channels.insert(index, channel);
        let dial = if wanted.is_some() { link.0 } else { dial };
        state.merit = (wanted.is_some() == (me.id < id), dial);
        state.peer = Some(id);
        state.channel = Some(index);
        state.since = now;
        state.deframer.trust();
        let merit = state.merit;
        peer.tries = 0;
        peer.dial_at = now + self.tuning.redial_max;
        let rival = peer.link;
        // Both ends ping: a link that is silent for so long is dead, whatever its merit. So is one to
        // where the peer was before it moved.
        let silent = self.tuning.link_silence / 2;
        let moved = peer.moved;
        self.dial_succeeded(id, link);
        let better = rival.and_then(|rival| self.links.get(&rival)).is_none_or(|rival| {
            rival.merit < merit || now.since(rival.heard) > silent || rival.since < moved
        });
        if let Some(worse) = if better { rival } else { Some(link) } {
            self.retire(now, worse);
        }
        if better {
            self.bring_up(now, id, link, udp, rival.is_some());
        }
        self.choose_channel(id, link);
        Ok(())
    }

    fn bring_up(&mut self, now: Instant, id: NodeId, link: LinkId, udp: SocketAddr, renewed: bool) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.link = Some(link);
        peer.udp = Some(udp);
        peer.udp_heard = now;
        if let Some(state) = self.links.get_mut(&link) {
            state.ping_at = now + FIRST_PING;
        }
        self.stir();
        self.out.push_back(Out::Up { peer: id, renewed });
        self.probe(now, id);
    }

    fn retire(&mut self, now: Instant, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.retired = Some(now);
        let spares = state.peer.into_iter().flat_map(|peer| self.spares(peer));
        let spares: Vec<(Instant, LinkId)> = spares.map(|(id, spare)| (spare.heard, id)).collect();
        if spares.len() > SPARES_MAX
            && let Some((_, oldest)) = spares.into_iter().min()
        {
            self.drop_link(oldest);
        }
        self.stir();
    }

    /// A peer has started anew: the links of its earlier life are of no use.
    pub(super) fn end_life(&mut self, now: Instant, id: NodeId) {
        self.part_with(now, id, Parting::Replaced);
    }

    /// Closes all links with a peer.
    pub(super) fn part_with(&mut self, now: Instant, id: NodeId, reason: Parting) {
        let spares: Vec<LinkId> = self.spares(id).map(|(link, _)| link).collect();
        for spare in spares {
            self.drop_link(spare);
        }
        if let Some(link) = self.peers.get(&id).and_then(|peer| peer.link) {
            self.out.push_back(Out::Effect(Effect::Close { link }));
            self.lost(now, link, reason);
        }
        self.drop_channels(id);
    }

    /// A link is to be closed by this side, because what came over it makes no sense.
    pub(super) fn fail(&mut self, now: Instant, link: LinkId) {
        self.end(now, link, Parting::Nonsense);
    }

    /// A link is to be closed by this side.
    pub(super) fn end(&mut self, now: Instant, link: LinkId, reason: Parting) {
        self.out.push_back(Out::Effect(Effect::Close { link }));
        self.lost(now, link, reason);
    }

    /// A link is no more: what follows from that.
    pub(super) fn lost(&mut self, now: Instant, link: LinkId, reason: Parting) {
        let Some(state) = self.links.remove(&link) else { return };
        self.stir();
        self.leave_channel(&state);
        let Some(id) = state.peer else { return self.dial_over(now, link) };
        if self.peers.get(&id).is_none_or(|peer| peer.link != Some(link)) {
            return;
        }
        let spare = self.spares(id).max_by_key(|(_, link)| link.merit).map(|(link, _)| link);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.link = spare;
        match spare.and_then(|spare| self.links.get_mut(&spare).map(|state| (spare, state))) {
            Some((link, spare)) => {
                spare.retired = None;
                self.turn_channel(id, link);
                self.out.push_back(Out::Up { peer: id, renewed: true });
            }
            None => {
                peer.unlinked = now;
                peer.dial_at = now + self.tuning.redial_min;
                self.out.push_back(Out::Down { peer: id, reason });
            }
        }
    }

    /// The retired links with a peer.
    pub(super) fn spares(&self, id: NodeId) -> impl Iterator<Item = (LinkId, &Link)> {
        let spares = self.links.iter().map(|(link, state)| (*link, state));
        spares.filter(move |(_, link)| link.peer == Some(id) && link.retired.is_some())
    }

    pub(super) fn drop_link(&mut self, link: LinkId) {
        if let Some(state) = self.links.remove(&link) {
            self.leave_channel(&state);
        }
        self.stir();
        self.out.push_back(Out::Effect(Effect::Close { link }));
    }

    /// Tells whoever has just shown who it is that it may not come in. The link is closed after it.
    fn turn_away(&mut self, link: LinkId, mut channel: Channel, refusal: Refusal) {
        tracing::info!("{:?} wants to come in, and may not", channel.peer);
        let said = serde_json::to_vec(&refusal).unwrap_or_default();
        if let Ok(bytes) = channel.seal_frame(REFUSED, &said) {
            self.out.push_back(Out::Effect(Effect::Bytes { link, bytes: bytes.into() }));
        }
    }

    /// What the other side says of itself, if that is true.
    fn read_hello(&self, handshake: &mut Handshake, message: &[u8]) -> Result<Hello, Forged> {
        let said = handshake.read(message)?;
        let hello: Hello = serde_json::from_slice(&said).map_err(|_| Forged)?;
        let proved = handshake.check(&hello.who.key, hello.who.incarnation, &hello.proof);
        match self.tuning.has(Mutant::UnprovedKeys) {
            true => Ok(hello),
            false => proved.map(|()| hello),
        }
    }

    fn write_json(&mut self, link: LinkId, kind: u8, said: &impl Serialize) {
        if let Ok(body) = serde_json::to_vec(said) {
            self.write(link, kind, &body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{FLOODED_FOR, MESSAGES_PER_SECOND_MAX, Tuning},
        io::Wire,
        keys::Chance,
        mesh::testing::let_in,
        wire::FRAME_BYTES_MAX,
    };

    const NOW: Instant = Instant(1_000_000);

    fn at(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], port))
    }

    fn mesh() -> Mesh {
        Mesh::new(Tuning::default(), Chance::new([1; 32]), 0, Vec::new())
    }

    #[test]
    fn a_crowd_of_silent_links_takes_the_place_of_nobody_elses() {
        let (me, mut mesh) = (Identity::numbered(1), mesh());
        mesh.handle(NOW, &me, Wire::Accepted { link: LinkId(1), from: at(2, 1) });
        for number in 1..2_000 {
            let now = NOW + Duration::from_micros(number);
            let link = LinkId(1 + number * 2);
            mesh.handle(now, &me, Wire::Accepted { link, from: at(9, number as u16) });
        }
        assert!(mesh.links.contains_key(&LinkId(1)), "who came first, from elsewhere");
        assert_eq!(mesh.links.len(), 1 + STRANGERS_PER_ADDRESS_MAX);
        assert!(mesh.links.contains_key(&LinkId(1 + 1_999 * 2)), "and the last of the crowd");
    }

    #[test]
    fn whoever_has_not_said_who_it_is_is_not_kept_waiting_with_all_that_it_sends() {
        let (me, mut mesh) = (Identity::numbered(1), mesh());
        mesh.handle(NOW, &me, Wire::Accepted { link: LinkId(1), from: at(2, 1) });
        mesh.links.get_mut(&LinkId(1)).unwrap().held_until = Some(NOW + Duration::from_secs(1));
        for _ in 0..20 {
            mesh.handle(NOW, &me, Wire::Bytes { link: LinkId(1), chunk: vec![0; 4_000] });
        }
        assert!(!mesh.links.contains_key(&LinkId(1)));
    }

    #[test]
    fn unfinished_frames_do_not_fill_the_memory() {
        let (me, mut mesh) = (Identity::numbered(1), mesh());
        let mut chunk = (FRAME_BYTES_MAX as u32).to_be_bytes().to_vec();
        chunk.resize(FRAME_BYTES_MAX - 1, 7);
        for number in 0..400 {
            let link = LinkId(1 + number * 2);
            let mut state = Link::new(NOW, at(2 + (number % 20) as u8, 1), None);
            (state.channel, state.peer) = (Some(7), Some(NodeId::from_u128(number.into())));
            state.deframer.trust();
            mesh.links.insert(link, state);
            mesh.handle(NOW, &me, Wire::Bytes { link, chunk: chunk.clone() });
            let held: usize = mesh.links.values().map(|link| link.deframer.held()).sum();
            assert!(held <= UNFINISHED_BYTES_MAX, "{held} bytes");
        }
        // Nor do they wait for ever.
        let slow = mesh.links.values().all(|link| {
            link.unfinished.is_some_and(|since| since == NOW)
                && mesh.link_deadline(NOW, link) <= NOW + FRAME_WITHIN
        });
        assert!(slow);
    }

    #[test]
    fn a_link_is_not_slow_as_long_as_frames_end_on_it() {
        let (me, other) = (Identity::numbered(1), Identity::numbered(2));
        let mut mesh = mesh();
        let mut channel = let_in(&mut mesh, NOW, &me, &other, at(2, 1));
        let mut frame = || channel.seal_frame(0x10, &[0; 40]).unwrap();
        let (link, piece) = (LinkId(1), Duration::from_millis(100));
        let (mut now, mut rest) = (NOW, Vec::new());
        // No chunk ends where a frame does.
        while now < NOW + FRAME_WITHIN * 2 {
            now += piece;
            let mut chunk = std::mem::replace(&mut rest, frame());
            chunk.extend(rest.drain(..20));
            mesh.handle(now, &me, Wire::Bytes { link, chunk });
            let state = mesh.links.get(&link).expect("it is there");
            assert!(state.unfinished == Some(now) && mesh.link_deadline(now, state) > now);
        }
        let came = std::iter::from_fn(|| mesh.poll())
            .filter(|out| matches!(out, Out::Received(_)))
            .count();
        assert_eq!(came, (2 * FRAME_WITHIN).div_duration_f32(piece) as usize - 1);
        // Now one comes to no end.
        let begun = now;
        let long = (FRAME_BYTES_MAX as u32).to_be_bytes();
        rest.extend(frame());
        rest.extend(long);
        while mesh.links.contains_key(&link) && now < begun + FRAME_WITHIN * 2 {
            now += piece;
            let chunk = std::mem::replace(&mut rest, vec![0; 5]);
            mesh.handle(now, &me, Wire::Bytes { link, chunk });
            let state = mesh.links.get(&link).expect("it is there");
            if mesh.link_deadline(now, state) <= now {
                break;
            }
        }
        assert_eq!(now, begun + piece + FRAME_WITHIN);
    }

    // A second link of that life may be open yet when the peer has left, is back, and is heard of by others.
    #[test]
    fn what_was_sent_in_an_earlier_life_is_not_said_by_whoever_is_back() {
        let (me, other) = (Identity::numbered(1), Identity::numbered(2));
        let mut mesh = mesh();
        let mut channel = let_in(&mut mesh, NOW, &me, &other, at(2, 1));
        let mut says = |mesh: &mut Mesh| {
            let bytes = channel.seal_datagram(0x10, &[0; 40], &mut Default::default());
            let (from, via) = (at(2, 2), crate::io::Port::Own);
            mesh.handle(NOW, &me, Wire::Packet { from, via, bytes: bytes.to_vec() });
            let chunk = channel.seal_frame(0x10, &[0; 40]).unwrap();
            mesh.handle(NOW, &me, Wire::Bytes { link: LinkId(1), chunk });
            let out = std::iter::from_fn(|| mesh.poll());
            out.filter(|out| matches!(out, Out::Received(_))).count()
        };
        assert_eq!(says(&mut mesh), 2);
        mesh.peers.get_mut(&other.id).unwrap().incarnation.0 += 1;
        assert_eq!(says(&mut mesh), 0);
        assert!(!mesh.links.contains_key(&LinkId(1)), "nor is the link of use");
    }

    #[test]
    fn whoever_says_more_than_any_node_does_is_parted_with_and_told_of() {
        let (me, other) = (Identity::numbered(1), Identity::numbered(2));
        let mut mesh = mesh();
        let_in(&mut mesh, NOW, &me, &other, at(2, 1));
        while mesh.poll().is_some() {}
        let says = |mesh: &mut Mesh, now| {
            let ping = Bytes::from_static(&[super::super::message::PING, 0]);
            mesh.frame(now, other.id, LinkId(1), ping);
        };
        for second in 0..3 {
            let now = NOW + Duration::from_secs(second);
            (0..MESSAGES_PER_SECOND_MAX).for_each(|_| says(&mut mesh, now));
            assert!(mesh.peer(other.id).is_some_and(|peer| peer.is_linked()));
        }
        let now = NOW + Duration::from_secs(3);
        (0..=MESSAGES_PER_SECOND_MAX).for_each(|_| says(&mut mesh, now));
        let told = std::iter::from_fn(|| mesh.poll())
            .any(|out| matches!(out, Out::Down { reason: Parting::Flooding, .. }));
        assert!(told);
        let_in(&mut mesh, now, &me, &other, at(2, 1));
        assert!(!mesh.peer(other.id).is_some_and(|peer| peer.is_linked()), "not so soon");
        let_in(&mut mesh, now + FLOODED_FOR, &me, &other, at(2, 1));
        assert!(mesh.peer(other.id).is_some_and(|peer| peer.is_linked()));
    }
}
