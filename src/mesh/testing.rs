//! What tests of several files need.

use std::net::SocketAddr;

use super::{
    Mesh, Out,
    channel::{Channel, INDEX_MIN},
    identity::Identity,
    message::{ANSWER, Hello, OPENING, PROOF},
};
use crate::{
    io::{Effect, Wire},
    keys::Chance,
    types::{Instant, LinkId},
    wire,
};

/// Lets `other` dial this node from there and say who it is. Its end of what they agree upon.
pub fn let_in(
    mesh: &mut Mesh,
    now: Instant,
    me: &Identity,
    other: &Identity,
    from: SocketAddr,
) -> Channel {
    let link = LinkId(1);
    mesh.handle(now, me, Wire::Accepted { link, from });
    let mut handshake = other.handshake(&mut Chance::new([9; 32]), true).unwrap();
    let opening = other.opening(handshake.write(&[]).unwrap()).unwrap();
    let chunk = wire::frame(OPENING, &serde_json::to_vec(&opening).unwrap()).unwrap();
    mesh.handle(now, me, Wire::Bytes { link, chunk });
    let answer = std::iter::from_fn(|| mesh.poll()).find_map(|out| match out {
        Out::Effect(Effect::Bytes { bytes, .. }) => Some(bytes),
        _ => None,
    });
    let answer = answer.unwrap();
    assert_eq!(answer[4], ANSWER);
    let theirs: Hello = serde_json::from_slice(&handshake.read(&answer[5..]).unwrap()).unwrap();
    let hello = serde_json::to_vec(&other.hello(0, INDEX_MIN)).unwrap();
    let chunk = wire::frame(PROOF, &handshake.write(&hello).unwrap()).unwrap();
    mesh.handle(now, me, Wire::Bytes { link, chunk });
    handshake.channel((me.id, me.incarnation), theirs.index).unwrap()
}
