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

use std::{error::Error, time::Duration};

use interregnum::{Command, Handle, Join, Status, join};

use bot::Bot;
use rules::{SECOND, Snailway};
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

GAME_IP, GAME_PEER and others of the environment say where it lives, and where it looks.";

/// How long a bot seems to think, in ticks.
const THINKS: u64 = 7 * SECOND / 6;
const THINKS_FAST: u64 = SECOND / 10;

/// What was asked for.
struct Asked {
    game: Join<Snailway>,
    bot: bool,
    thinks: u64,
    json: bool,
    seconds: Option<u64>,
}

fn asked() -> Result<Option<Asked>, Box<dyn Error>> {
    let mut game = join::<Snailway>("snailway");
    let (mut bot, mut thinks, mut json, mut seconds) = (false, THINKS, false, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or(format!("{word} wants something behind it"));
        match word.as_str() {
            "--name" => game = game.name(&next()?),
            "--bot" => bot = true,
            "--fast" => thinks = THINKS_FAST,
            "--watch" => game = game.watch(),
            "--json" => json = true,
            "--session" => game = game.session(&next()?),
            "--seconds" => seconds = Some(next()?.parse()?),
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("{other} means nothing here; try --help").into()),
        }
    }
    Ok(Some(Asked { game: game.env(), bot, thinks, json, seconds }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(Asked { game, bot, thinks, json, seconds }) = asked()? else {
        println!("{HELP}");
        return Ok(());
    };
    if !bot {
        return open_window(game, seconds);
    }
    let (name, session) = (game.as_settings().name.clone(), game.as_settings().session.clone());
    let mut bot = Bot::new(thinks);
    let handle = game
        .pilot(move |view| {
            let world = view.picture.as_ref()?.newest();
            bot.look(world, view.me).map(Command::Order)
        })
        .start()?;
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
fn open_window(game: Join<Snailway>, seconds: Option<u64>) -> Result<(), Box<dyn Error>> {
    if cfg!(target_os = "linux")
        && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| std::env::var_os(name).is_none())
    {
        return Err("there is no display; with --bot it plays without a window".into());
    }
    window::open(game.start()?, seconds);
    Ok(())
}

#[cfg(not(feature = "window"))]
fn open_window(_game: Join<Snailway>, _seconds: Option<u64>) -> Result<(), Box<dyn Error>> {
    Err("this was built without a window; try --bot".into())
}
