//! Everybody's cursor in one window, on a bus: no world, no rules, no server.
//!
//! `cargo run --release --example cursors -- Ada`, in several terminals. With `--bot` behind the name it moves by
//! itself, without a window, and says what it hears.

use std::{error::Error, time::Duration};

#[cfg(feature = "window")]
use interregnum::Instant;
use interregnum::bus::{Bus, Heard, Kind};

/// How often a cursor says where it is.
const EVERY: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or("somebody".to_owned());
    let bus = Bus::join("cursors").name(&name).env().start()?;
    match words.next() {
        Some(word) if word == "--bot" => bot(&bus),
        _ => window(bus),
    }
}

/// Goes round, and tells what it hears.
fn bot(bus: &Bus) -> Result<(), Box<dyn Error>> {
    let (began, mut next) = (bus.now(), bus.now());
    while !bus.is_over() {
        if bus.now() >= next {
            next = bus.now() + EVERY;
            let turn = bus.now().since(began).as_secs_f32();
            let at = [640.0 + 200.0 * turn.cos(), 360.0 + 200.0 * turn.sin()];
            bus.send(Kind::Latest, "cursor", &at)?;
        }
        match bus.recv_within(next.since(bus.now())) {
            Some(Heard::Message(message)) if message.from != bus.me() => {
                println!("{} is at {}", message.name, message.data);
            }
            Some(Heard::Gone { .. }) => println!("somebody is gone"),
            Some(Heard::Host { id, .. }) if id == bus.me() => println!("this one hosts"),
            _ => {}
        }
    }
    Ok(())
}

/// A time, as a motion counts it.
#[cfg(feature = "window")]
fn ms(time: Instant) -> f64 {
    time.0 as f64 / 1_000.0
}

#[cfg(not(feature = "window"))]
fn window(_bus: Bus) -> Result<(), Box<dyn Error>> {
    Err("this was built without a window; try --bot".into())
}

#[cfg(feature = "window")]
fn window(bus: Bus) -> Result<(), Box<dyn Error>> {
    use std::collections::BTreeMap;

    use interregnum::bus::Motion;
    use macroquad::prelude::*;

    macroquad::Window::new("Cursors", async move {
        let mut cursors = BTreeMap::new();
        let (mut next, mut said) = (bus.now(), (-1.0, -1.0));
        loop {
            while let Some(heard) = bus.recv() {
                match heard {
                    Heard::Message(message) => {
                        let Ok(at) = serde_json::from_str::<[f64; 2]>(&message.data) else {
                            continue;
                        };
                        let (_, motion) = cursors
                            .entry(message.from)
                            .or_insert_with(|| (message.name, Motion::<2>::default()));
                        motion.hear(message.sent_ms.into(), ms(message.heard_at), at, None);
                    }
                    Heard::Gone { id } => drop(cursors.remove(&id)),
                    _ => {}
                }
            }
            let mouse = mouse_position();
            if mouse != said && bus.now() >= next {
                (said, next) = (mouse, bus.now() + EVERY);
                let _ = bus.send(Kind::Latest, "cursor", &[mouse.0, mouse.1]); // the next one will do
            }
            clear_background(Color::from_hex(0x14_0f2a));
            let now_ms = ms(bus.now());
            for (id, (name, motion)) in &cursors {
                let Some([x, y]) = motion.at(now_ms).map(|at| at.map(|part| part as f32)) else {
                    continue;
                };
                let hue = (id.as_u128() % 360) as f32 / 360.0;
                let colour = macroquad::color::hsl_to_rgb(hue, 0.8, 0.65);
                draw_triangle(vec2(x, y), vec2(x, y + 22.0), vec2(x + 15.0, y + 15.0), colour);
                draw_text(name.as_str(), x + 18.0, y + 24.0, 22.0, colour);
            }
            next_frame().await;
        }
    });
    Ok(())
}
