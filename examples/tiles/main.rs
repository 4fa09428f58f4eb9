//! *Snailway*: a game of path tiles for up to four, and for any number who watch. It outlives its host,
//! like every game on this library, and knows nothing of how.
//!
//! `cargo run --release --example tiles` opens a window. Start it in several terminals, or on several
//! machines; `--bot` plays by itself, without a window, `--watch` only watches. Then kill any of them.
//!
//! | file | is |
//! |---|---|
//! | `path` | tiles, their ends, and the way over a board |
//! | `rules` | the game: all of it is a pure step over a world |
//! | `bot` | a player made of code |
//! | `teller` | what happens, in words or as JSON |
//! | `window`, `panel`, `garden`, `snail`, `stage` | what is seen, and what is clicked |

use std::{error::Error, net::Ipv4Addr, time::Duration};

use interregnum::{Handle, Name, Role, SessionName, Settings, Status, start, start_piloted};

use bot::Bot;
use rules::Snailway;
use teller::Teller;

mod bot;
#[cfg(feature = "window")]
mod garden;
#[cfg(feature = "window")]
mod panel;
mod path;
mod rules;
#[cfg(feature = "window")]
mod snail;
#[cfg(feature = "window")]
mod stage;
mod teller;
#[cfg(feature = "window")]
mod window;

const HELP: &str = "\
Snailway: lay tiles, and stay on the board.

  --name NAME     what you are called
  --bot           plays by itself, without a window
  --watch         only watches; with --bot without a window
  --session NAME  who says the same plays together
  --seconds N     leaves after so long
  --fast          a bot that does not think for long
  --json          tells what happens as JSON, one object per line (bots only)
  --ip ADDRESS    lives at this address of this machine alone
  --beacon-port N finds the others by this UDP port";

/// How long a bot seems to think, in ticks.
const THINKS: u64 = 70;
const THINKS_FAST: u64 = 6;

/// What was asked for.
struct Asked {
    settings: Settings,
    bot: bool,
    thinks: u64,
    json: bool,
    seconds: Option<u64>,
}

fn asked() -> Result<Option<Asked>, Box<dyn Error>> {
    let mut settings = Settings::new(Name::new("somebody"));
    settings.session = Some(SessionName::new("snailway")?);
    let mut asked = Asked { settings, bot: false, thinks: THINKS, json: false, seconds: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or(format!("{word} wants something behind it"));
        match word.as_str() {
            "--name" => asked.settings.name = Name::new(&next()?),
            "--bot" => asked.bot = true,
            "--fast" => asked.thinks = THINKS_FAST,
            "--watch" => asked.settings.role = Role::Spectator,
            "--json" => asked.json = true,
            "--session" => asked.settings.session = Some(SessionName::new(&next()?)?),
            "--seconds" => asked.seconds = Some(next()?.parse()?),
            "--ip" => asked.settings.ip = Some(next()?.parse::<Ipv4Addr>()?),
            "--beacon-port" => asked.settings.beacon_port = next()?.parse()?,
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("{other} means nothing here; try --help").into()),
        }
    }
    Ok(Some(asked))
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(Asked { settings, bot, thinks, json, seconds }) = asked()? else {
        println!("{HELP}");
        return Ok(());
    };
    let (name, session) = (settings.name.clone(), settings.session.clone());
    if !bot {
        return open_window(settings, seconds);
    }
    let mut bot = Bot::new(thinks);
    let handle = start_piloted::<Snailway>(
        settings,
        Box::new(move |view| {
            let world = view.picture.as_ref()?.newest();
            Some(bot.look(world, view.me))
        }),
    )?;
    tell(&handle, Teller::new(&handle, &name, session.as_ref(), json), seconds)
}

/// Tells what happens, until it is over.
fn tell(
    handle: &Handle<Snailway>,
    mut teller: Teller,
    seconds: Option<u64>,
) -> Result<(), Box<dyn Error>> {
    let events = handle.events();
    let end = seconds.map(|seconds| handle.now() + Duration::from_secs(seconds));
    let mut seen = None;
    while end.is_none_or(|end| handle.now() < end) {
        seen = handle.newer_view(seen.as_ref(), Duration::from_millis(100)).or(seen);
        while let Some(timed) = events.next_now() {
            teller.tell(&timed, seen.as_deref());
        }
        let view =
            seen.as_ref().filter(|view| matches!(view.status, Status::Failed | Status::Stopped));
        if let Some(view) = view {
            return view.failure.as_ref().map_or(Ok(()), |why| Err(why.to_string().into()));
        }
    }
    Ok(())
}

#[cfg(feature = "window")]
fn open_window(settings: Settings, seconds: Option<u64>) -> Result<(), Box<dyn Error>> {
    if cfg!(target_os = "linux")
        && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| std::env::var_os(name).is_none())
    {
        return Err("there is no display; with --bot it plays without a window".into());
    }
    window::open(start::<Snailway>(settings)?, seconds);
    Ok(())
}

#[cfg(not(feature = "window"))]
fn open_window(settings: Settings, _seconds: Option<u64>) -> Result<(), Box<dyn Error>> {
    let _ = start::<Snailway>; // what the window is opened with
    Err(format!("{} wants a window, and this was built without; try --bot", settings.name).into())
}
