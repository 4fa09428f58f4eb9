//! What little HTTP the bridge speaks: a page and its script, and the beginning of a WebSocket.
//!
//! Only a page that the bridge itself has served may open a WebSocket, and whoever knows the token: another site that
//! somebody visits names itself in `Origin`, and a name that was bent to this address stands in `Host`.

use std::net::SocketAddr;

use tungstenite::handshake::derive_accept_key;

/// The most bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 8 << 10;
/// The most lines in it.
const HEADERS_MAX: usize = 64;

const PAGE: &str = include_str!("../../../clients/js/index.html");
const SCRIPT: &str = include_str!("../../../clients/js/interregnum.js");

/// What comes of what was read so far.
pub enum Request {
    /// More is needed.
    Unfinished,
    /// An answer, after which the connection is closed.
    Answer(Vec<u8>),
    /// A WebSocket begins behind this answer; so many bytes of what was read were the request.
    Upgrade(Vec<u8>, usize),
}

/// Looks at the head of a request. `own` are the hosts by which this bridge may be called.
pub fn request(read: &[u8], own: &[String]) -> Request {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(read) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if read.len() < HEAD_BYTES_MAX => return Request::Unfinished,
        _ => return Request::Answer(answer("400 Bad Request", "text/plain", "no request\n")),
    };
    let header = |name: &str| {
        let mut found = request.headers.iter().filter(|it| it.name.eq_ignore_ascii_case(name));
        found.next().and_then(|header| std::str::from_utf8(header.value).ok())
    };
    if request.method != Some("GET") {
        return Request::Answer(answer("405 Method Not Allowed", "text/plain", "GET only\n"));
    }
    let Some(host) = header("host").filter(|host| own.iter().any(|own| own == host)) else {
        return Request::Answer(answer("403 Forbidden", "text/plain", "another host\n"));
    };
    let path = request.path.unwrap_or_default();
    match path.split('?').next().unwrap_or_default() {
        "/" => Request::Answer(answer("200 OK", "text/html; charset=utf-8", PAGE)),
        "/interregnum.js" => {
            Request::Answer(answer("200 OK", "text/javascript; charset=utf-8", SCRIPT))
        }
        "/socket" => {
            let same = header("origin").is_none_or(|origin| {
                origin.strip_prefix("http://").is_some_and(|origin| origin == host)
            });
            let (upgrade, version) = (header("upgrade"), header("sec-websocket-version"));
            let asks = upgrade.is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
            match header("sec-websocket-key") {
                _ if !same => {
                    Request::Answer(answer("403 Forbidden", "text/plain", "another origin\n"))
                }
                Some(key) if asks && version == Some("13") => {
                    Request::Upgrade(welcome(key), length)
                }
                _ => Request::Answer(answer(
                    "426 Upgrade Required",
                    "text/plain",
                    "a WebSocket of version 13 is needed\n",
                )),
            }
        }
        _ => Request::Answer(answer("404 Not Found", "text/plain", "there is nothing here\n")),
    }
}

fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; script-src 'self' 'unsafe-inline'; \
         style-src 'unsafe-inline'; connect-src 'self' ws:; img-src data:\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn welcome(key: &str) -> Vec<u8> {
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

/// The hosts by which a browser may call a bridge that listens at these addresses.
pub fn own_hosts(addresses: &[SocketAddr]) -> Vec<String> {
    let named = addresses.iter().filter(|at| at.ip().is_loopback());
    let named = named.map(|at| format!("localhost:{}", at.port()));
    addresses.iter().map(ToString::to_string).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, more: &str) -> String {
        let own = own_hosts(&["127.0.0.1:7000".parse().unwrap()]);
        let read = format!("GET {path} HTTP/1.1\r\n{more}\r\n");
        match request(read.as_bytes(), &own) {
            Request::Unfinished => "unfinished".into(),
            Request::Answer(bytes) | Request::Upgrade(bytes, _) => {
                String::from_utf8_lossy(&bytes[9..12]).into_owned()
            }
        }
    }

    #[test]
    fn pages_of_other_sites_get_no_socket_and_other_names_get_nothing() {
        let host = "Host: 127.0.0.1:7000\r\n";
        let socket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        assert_eq!(asked("/", host), "200");
        assert_eq!(asked("/?token=x", "Host: localhost:7000\r\n"), "200");
        assert_eq!(asked("/", ""), "403");
        assert_eq!(asked("/", "Host: evil.example:7000\r\n"), "403");
        assert_eq!(asked("/other", host), "404");
        assert_eq!(asked("/socket", host), "426");
        assert_eq!(asked("/socket", &format!("{host}{socket}")), "101");
        let own = "Origin: http://127.0.0.1:7000\r\n";
        assert_eq!(asked("/socket", &format!("{host}{socket}{own}")), "101");
        for origin in ["http://evil.example", "https://127.0.0.1:7000", "null"] {
            let other = format!("Origin: {origin}\r\n");
            assert_eq!(asked("/socket", &format!("{host}{socket}{other}")), "403", "{origin}");
        }
    }

    #[test]
    fn what_is_no_request_is_answered_once_and_never_waited_for_long() {
        let own = own_hosts(&[]);
        assert!(matches!(request(b"GET / HT", &own), Request::Unfinished));
        assert!(matches!(request(b"\x00\x01", &own), Request::Answer(_)));
        let long = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; HEAD_BYTES_MAX]].concat();
        assert!(matches!(request(&long, &own), Request::Answer(_)));
    }
}
