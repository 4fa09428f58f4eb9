//! The bus: its rules in the simulator, with hosts that die; members as threads of this process, and programs on
//! loopback that speak the line protocol of the bridge.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests of the impure edge"
)]

#[cfg(feature = "cli")]
mod bridge;
mod members;
mod simulated;

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use uuid::Uuid;

/// When to give up. Reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

fn unused_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

fn new_room() -> String {
    format!("room {}", &Uuid::new_v4().simple().to_string()[..12])
}
