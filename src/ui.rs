//! The window: what a player sees and holds down.
//!
//! [`run`] opens it and stays until the player leaves. It draws whatever the newest
//! [`View`](crate::node::View) says and sends back what is held down; nothing here decides anything about the game.
//! The network has a thread of its own, so a window that is hidden or slow stalls only itself.
//!
//! Screens form a small stack: the [title] at the bottom, the [arena](mod@arena)
//! on top of it. Each frame the uppermost is shown what happened and says what comes next. Screens
//! animate events; they never work out by the rules what must have happened.
//!
//! All lengths are in units of a stage of [`STAGE`], which is fitted into the window whatever its
//! size; what the window has beyond is scenery.
//!
//! Where to read on: [`draw`] is the brush, which writes on a [`sheet`] what the `press` prints;
//! [`heir`] and [`crown`] are what it paints, [`title`], [`accounts`] and [`arena`] the screens. Only [`run`], the
//! press and [`keys`] talk to the window system: all else runs, and is tested, without one.
use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use macroquad::{input::prevent_quit, miniquad, window::next_frame};

use crate::node::Command;

pub mod accounts;
pub mod arena;
pub mod ask;
pub mod atlas;
mod bake;
pub mod bitmaps;
mod console;
pub mod crown;
pub mod draw;
pub mod field;
pub mod fonts;
pub mod heir;
pub mod keys;
pub mod layers;
mod life;
mod options;
mod pace;
pub mod padlock;
pub mod palette;
mod panel;
pub mod particles;
pub mod pictures;
pub mod pixels;
mod press;
pub mod ribbon;
mod screen;
pub mod shapes;
pub mod sheet;
pub mod text;
pub mod title;

pub use self::{
    console::{Console, Errand},
    life::Outcome,
    options::Options,
    screen::{Frame, STAGE, Screen, Turn, VERTICES_BUDGET},
};

use self::{draw::Studio, life::Life};

/// There is nothing to open a window on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no display: {reason}")]
pub struct NoDisplay {
    /// What the window system says.
    pub reason: String,
}

/// Opens the window and stays until the player leaves; the console has been told to leave by then.
/// To be called on the main thread, and once.
///
/// The node to play is started by `launch` when the window is open, so that a machine without a
/// display never had one. If `launch` has none, the window closes at once; why, its caller knows.
///
/// # Errors
/// [`NoDisplay`] when no window can be opened; `launch` has not been called then.
///
/// # Panics
/// When the window's own code does, after it was open.
pub fn run(
    launch: impl FnOnce() -> Option<Arc<dyn Console>> + 'static,
    options: Options,
) -> Result<Outcome, NoDisplay> {
    // The window system panics when it has no display; until the first frame that is an answer,
    // not a bug. The hook is the process's, so it is put back at once.
    let started = Arc::new(AtomicBool::new(false));
    let hook = Arc::new(panic::take_hook());
    panic::set_hook({
        let (started, hook) = (started.clone(), hook.clone());
        Box::new(move |info| {
            if started.load(Ordering::Relaxed) {
                hook(info);
            }
        })
    });
    let outcome = Arc::new(std::sync::Mutex::new(Outcome::of(options.name.clone())));
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        let (started, outcome) = (started.clone(), outcome.clone());
        macroquad::Window::from_config(config(&options), async move {
            started.store(true, Ordering::Relaxed);
            let Some(console) = launch() else { return };
            let ended = frames(console, options).await;
            if let Ok(mut outcome) = outcome.lock() {
                *outcome = ended;
            }
        });
    }));
    drop(panic::take_hook());
    if let Ok(hook) = Arc::try_unwrap(hook) {
        panic::set_hook(hook);
    }
    match result {
        Ok(()) if started.load(Ordering::Relaxed) => {
            let outcome = outcome.lock().map(|outcome| outcome.clone());
            Ok(outcome.unwrap_or_else(|poisoned| poisoned.into_inner().clone()))
        }
        Ok(()) => Err(NoDisplay { reason: "the window did not open".to_owned() }),
        Err(payload) if started.load(Ordering::Relaxed) => panic::resume_unwind(payload),
        Err(payload) => Err(NoDisplay { reason: said(payload.as_ref()) }),
    }
}

/// What a panic said, without its exclamation marks.
fn said(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .map_or_else(
            || "the window did not open".to_owned(),
            |words| words.trim_end_matches('!').to_owned(),
        )
}

fn config(options: &Options) -> macroquad::conf::Conf {
    let (width_px, height_px) = options.size_px;
    macroquad::conf::Conf {
        miniquad_conf: miniquad::conf::Conf {
            window_title: format!("Interregnum — {}", options.name),
            window_width: width_px.min(8_192) as i32,
            window_height: height_px.min(8_192) as i32,
            icon: Some(miniquad::conf::Icon {
                small: crown::icon(16),
                medium: crown::icon(32),
                big: crown::icon(64),
            }),
            platform: miniquad::conf::Platform {
                linux_backend: linux_backend(),
                linux_wm_class: "interregnum",
                ..Default::default()
            },
            ..Default::default()
        },
        draw_call_vertex_capacity: sheet::BATCH_VERTICES_MAX,
        draw_call_index_capacity: sheet::BATCH_INDICES_MAX,
        ..Default::default()
    }
}

/// X11, as long as there is any: it knows full screen and pasting best. Wayland where only that
/// is. Tried one at a time, because a failed attempt writes to the terminal.
fn linux_backend() -> miniquad::conf::LinuxBackend {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("WAYLAND_DISPLAY") && !set("DISPLAY") {
        miniquad::conf::LinuxBackend::WaylandOnly
    } else {
        miniquad::conf::LinuxBackend::X11Only
    }
}

/// The life of the window, frame by frame.
async fn frames(console: Arc<dyn Console>, options: Options) -> Outcome {
    prevent_quit();
    let studio = match Studio::new() {
        Ok(studio) => studio,
        Err(error) => {
            tracing::error!("{error}");
            console.command(Command::Leave);
            return Outcome::of(options.name);
        }
    };
    let mut life = Life::new(console, studio, options);
    while life.goes_on() {
        next_frame().await;
    }
    life.outcome
}
