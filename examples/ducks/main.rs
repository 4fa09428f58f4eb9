//! Ducks that play by themselves in a terminal: start it in two or three, and kill any.

mod ducks;

use std::time::Duration;

use ducks::{Ducks, Quack};
use interregnum::{Event, Happened, join};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let handle = join::<Ducks>("pond").env().start()?;
    let events = handle.events();
    let mut seen = None;
    loop {
        // What there is to see, always the newest.
        seen = handle.newer_view(seen.as_ref(), Duration::from_millis(16)).or(seen);
        let Some(view) = &seen else { continue };
        let Some(picture) = &view.picture else { continue };
        let pond = picture.shown(handle.now()); // to be drawn right now
        let Some(duck) = pond.ducks.get(&view.me) else { continue };

        // What the player holds down. A person would do it with keys.
        handle.hold((pond.bread - duck.at).signum() as i8);

        // What happened since the last time, each once.
        let name_of = |id| pond.ducks.get(&id).map_or("?", |duck| duck.name.as_str());
        while let Some(timed) = events.next_now() {
            match timed.event {
                Happened::Node(Event::Game { event: eater, .. }) => {
                    let bread = pond.ducks.get(&eater).map_or(0, |duck| duck.bread);
                    println!("{} has bread: {bread} of {}", name_of(eater), pond.fallen);
                    if eater == view.me {
                        let _ = handle.order(Quack); // what the player does once, if there is room for it
                    }
                }
                Happened::Node(Event::Host { host, gap, .. }) => {
                    // There is no gap for whoever has just come in.
                    let gap = gap.map(|gap| format!("; it stood still for {gap:.1?}"));
                    println!(
                        "{} hosts pond {:x}{}",
                        name_of(host),
                        pond.seed,
                        gap.unwrap_or_default()
                    );
                }
                Happened::Failed { why } => return Err(why.to_string().into()),
                _ => {}
            }
        }
    }
}
