//! `interregnum bridge`: a bus, and the arena, for programs in any language, and for pages.
//!
//! One thread serves all clients and waits for none. A client says lines of JSON ([`words`]), over TCP or over a
//! WebSocket ([`wire`]); what it is then, a member, a player or somebody who watches, is its own node or shares one
//! ([`guest`]). It has to know the token, whatever else it is; a page has to be one that this bridge has served
//! ([`http`]). Who reads slowly is sent less, and who breaks a rule is told which and cut off; nobody else notices.

mod frames;
mod guest;
mod http;
mod server;
mod wire;
mod words;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use interregnum::{details::random_bytes, runtime};
use qrcodegen::{QrCode, QrCodeEcc};
use serde_json::json;

use self::server::Server;
pub use self::server::Wants;
use super::{options::BridgeOptions, output::Stdout, secret, signals};

/// Serves until it is time to stop.
pub fn run(options: &BridgeOptions, wants: Wants) -> anyhow::Result<ExitCode> {
    let run = options.guest.run();
    let base = &wants.base;
    let out = Stdout::new(run.json)?;
    let stop = signals::stop_requests(run.tied, &out)?;
    let listens = options.listen.unwrap_or_else(|| {
        let ip = if options.web { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        SocketAddr::from((base.ip.unwrap_or(ip), 0))
    });
    let token = match &options.token_file {
        Some(file) => secret::first_word(file)?,
        None => random_token()?,
    };
    let mut server = Server::listen(listens, wants, token.clone())
        .with_context(|| format!("cannot listen at {listens}; try another --listen"))?;
    let at = server.address();
    let page = page_address(at, &token);
    if run.json {
        let line =
            json!({ "event": "bridge", "address": at.to_string(), "token": token, "page": page });
        out.put(&line.to_string());
    } else {
        out.put(&format!("Programs connect to {at}, with the token {token}."));
        out.put(&format!("Pages: {page}"));
        if options.web {
            out.put(&qr_code(&page)?);
        }
    }
    let end = run.seconds.map(|seconds| runtime::now() + Duration::from_secs(seconds));
    server.serve(|| stop.try_recv().is_ok() || end.is_some_and(|end| runtime::now() >= end))?;
    Ok(ExitCode::SUCCESS)
}

fn random_token() -> anyhow::Result<String> {
    Ok(random_bytes()?[..16].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Where a browser finds the page. The token stands behind a `#`, so that no server ever hears of it.
fn page_address(at: SocketAddr, token: &str) -> String {
    let ip = match at.ip() {
        ip if ip.is_unspecified() => {
            local_ip_address::local_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
        ip => ip,
    };
    format!("http://{}/#{token}", SocketAddr::new(ip, at.port()))
}

/// The address to be looked at by a phone, in half blocks.
fn qr_code(text: &str) -> anyhow::Result<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).context("the address is too long")?;
    let (edge, size) = (2, code.size());
    let dark = |x, y| code.get_module(x, y);
    let mut lines = String::new();
    for y in (-edge..size + edge).step_by(2) {
        for x in -edge..size + edge {
            lines.push(match (dark(x, y), dark(x, y + 1)) {
                (true, true) => ' ',
                (true, false) => '▄',
                (false, true) => '▀',
                (false, false) => '█',
            });
        }
        lines.push('\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_led_to_an_address_that_is_one_and_the_token_is_not_sent() {
        let at = "0.0.0.0:7000".parse().unwrap();
        let page = page_address(at, "abc");
        assert!(page.ends_with(":7000/#abc") && !page.contains("0.0.0.0"), "{page}");
        assert!(qr_code(&page).unwrap().lines().count() > 12);
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let (one, other) = (random_token().unwrap(), random_token().unwrap());
        assert!(one.len() == 32 && one != other);
    }
}
