//! Whatever comes in on the open ports, the game goes on and newcomers get in.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    process::Command,
    time::Duration,
};

use crate::peers::{Party, Peer, wait_for_one_game};

#[test]
fn garbage_on_the_tcp_port_disturbs_nobody() {
    strangers_knock(|peer| {
        for garbage in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            &[0; 4096],
            &[0xff; 70_000],
            b"\0\0\0\x02{}",
            b"\0\0\0\x05hello",
            b"\0\0\0\x04\xff\xfe\xfd\xfc",
        ] {
            let mut stranger = TcpStream::connect(peer.tcp).unwrap();
            // It may hang up before all is said.
            let _ = stranger.write_all(garbage);
        }
    });
}

#[test]
fn a_length_beyond_all_limits_is_refused_at_once() {
    strangers_knock(|peer| {
        let mut stranger = TcpStream::connect(peer.tcp).unwrap();
        stranger.write_all(&[0xff; 4]).unwrap();
        stranger.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // It is hung up on without having sent a byte of what it promised: the end of the stream,
        // or a reset, but no silence.
        let mut said = Vec::new();
        if let Err(error) = stranger.read_to_end(&mut said) {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "still linked");
        }
    });
}

#[test]
fn those_who_connect_and_close_disturb_nobody() {
    strangers_knock(|peer| {
        for _ in 0..200 {
            drop(TcpStream::connect(peer.tcp).unwrap());
        }
    });
}

#[test]
fn those_who_connect_and_say_nothing_disturb_nobody() {
    let mut silent = Vec::new();
    strangers_knock(|peer| {
        for _ in 0..40 {
            silent.push(TcpStream::connect(peer.tcp).unwrap());
        }
    });
}

#[cfg(unix)]
#[test]
fn more_links_than_there_are_files_for_disturb_nobody() {
    let party = Party::new();
    let command = party.command("bot");
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]);
    few.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => few.env(name, value),
            None => few.env_remove(name),
        };
    }
    let mut peers = vec![Peer::start(&mut few).introduced(), party.join()];
    let host = wait_for_one_game(&mut peers);
    let epoch = peers[0].epoch;
    let silent: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(peers[0].tcp).unwrap()).collect();
    for peer in &mut peers {
        peer.wait_for_play();
    }
    peers.push(party.join());
    assert_eq!(wait_for_one_game(&mut peers), host);
    assert!(peers.iter().all(|peer| peer.epoch == epoch), "another reign");
    drop(silent);
}

#[test]
fn garbage_on_the_beacon_port_disturbs_nobody() {
    let party = Party::new();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_broadcast(true).unwrap();
    let everybody = (Ipv4Addr::new(127, 255, 255, 255), party.beacon_port);
    game_goes_on(&party, |_| {
        for garbage in [
            &b""[..],
            b"{",
            b"{}",
            b"null",
            b"{\"magic\":\"interregnum\"}",
            &[0xff; 512],
            &[b'['; 1_400],
            &[b' '; 20_000],
        ] {
            socket.send_to(garbage, everybody).unwrap();
        }
    });
}

#[test]
fn garbage_on_a_players_own_port_disturbs_nobody() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    strangers_knock(|peer| {
        for garbage in [&b""[..], b"{}", b"\0", &[0xff; 1_200], &[b'{'; 1_200]] {
            for _ in 0..50 {
                // Both of its ports have the same number.
                socket.send_to(garbage, peer.tcp).unwrap();
            }
        }
    });
}

fn strangers_knock(knock: impl FnMut(&Peer)) {
    game_goes_on(&Party::new(), knock);
}

/// Two play; strangers do something to each; the two play on under the same host, and a third gets
/// in.
fn game_goes_on(party: &Party, mut knock: impl FnMut(&Peer)) {
    let mut peers = party.join_all(2);
    let host = wait_for_one_game(&mut peers);
    let epoch = peers[0].epoch;
    for peer in &peers {
        knock(peer);
    }
    for peer in &mut peers {
        peer.wait_for_play();
    }
    peers.push(party.join());
    assert_eq!(wait_for_one_game(&mut peers), host);
    assert!(peers.iter().all(|peer| peer.epoch == epoch), "another reign");
}
