//! Whoever listens at every wire: all that leaves any machine, as it leaves.

use std::collections::BTreeMap;

use crate::{io::Effect, mesh::message::BEACON, sim::network::Place, types::LinkId};

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    /// All datagrams that are no beacons, one behind the other.
    pub datagrams: Vec<u8>,
    /// All beacons, one behind the other.
    pub beacons: Vec<u8>,
    /// What went over each link, in one direction.
    pub links: BTreeMap<(Place, LinkId), Vec<u8>>,
    /// What was said with it, before it was sealed, kind by kind: no listener has that, but whoever judges
    /// what a listener learns.
    pub said: Vec<Vec<u8>>,
}

impl Tap {
    /// Something leaves a machine.
    pub(super) fn hear<'a>(
        &mut self,
        place: Place,
        effect: &Effect,
        read: impl Fn(&[u8]) -> Option<&'a [u8]>,
    ) {
        if let Effect::Packet { bytes, .. } | Effect::Bytes { bytes, .. } = effect {
            self.said.extend(read(bytes).map(<[u8]>::to_vec));
        }
        match effect {
            Effect::Packet { bytes, .. } | Effect::Broadcast { bytes, .. } => {
                let beacon = bytes.first() == Some(&BEACON);
                let heard = if beacon { &mut self.beacons } else { &mut self.datagrams };
                heard.extend_from_slice(bytes);
            }
            Effect::Bytes { link, bytes } => {
                self.links.entry((place, *link)).or_default().extend_from_slice(bytes);
            }
            _ => {}
        }
    }

    /// All of it, wire by wire.
    pub fn heard(&self) -> impl Iterator<Item = &[u8]> {
        let packets = [&self.datagrams[..], &self.beacons];
        packets.into_iter().chain(self.links.values().map(Vec::as_slice))
    }
}
