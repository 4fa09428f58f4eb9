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
//! [`heir`] and [`crown`] are what it paints, [`title`] and [`arena`] the screens. Only [`run`], the
//! press and [`keys`] talk to the window system: all else runs, and is tested, without one.
use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use macroquad::{
    input::{is_quit_requested, prevent_quit},
    math::{Rect, Vec2, vec2},
    miniquad,
    time::get_frame_time,
    window::{clear_background, next_frame, screen_height, screen_width, set_fullscreen},
};

use crate::{
    node::{Command, Event},
    runtime::Happened,
    text::Name,
    types::Instant,
};

pub mod arena;
pub mod ask;
pub mod atlas;
mod bake;
mod console;
pub mod crown;
pub mod draw;
mod fonts;
pub mod heir;
pub mod keys;
pub mod layers;
mod options;
mod pace;
pub mod palette;
mod panel;
pub mod particles;
mod pixels;
mod press;
pub mod ribbon;
mod screen;
pub mod shapes;
pub mod sheet;
pub mod text;
pub mod title;

pub use self::{
    console::Console,
    options::Options,
    screen::{Frame, STAGE, Screen, Turn, VERTICES_BUDGET},
};

use self::{
    arena::ArenaScreen,
    draw::{Canvas, Studio},
    keys::Keys,
    pace::Pace,
    palette::NIGHT,
    press::Press,
    title::Title,
};

/// The longest time one frame stands for. After a stall the animations go on where they were.
const FRAME_SECONDS_MAX: f32 = 0.1;
/// How long the window waits for a polite farewell.
const FAREWELL: Duration = Duration::from_millis(900);
/// How long a warning stays, in seconds.
const WARNING_S: f32 = 20.0;
/// How many lines a warning has at most.
const WARNING_LINES_MAX: usize = 3;

/// How a window ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What its player is called at the end: worth keeping for the next time.
    pub name: Name,
    /// How many frames were shown, and in how many seconds.
    pub frames: (u64, f32),
    /// The most vertices of a frame.
    pub vertices_most: usize,
}

impl Outcome {
    const fn of(name: Name) -> Self {
        Self { name, frames: (0, 0.0), vertices_most: 0 }
    }
}

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
///
/// Keys come before the wait for the next frame, so that the node hears of them at once; the view
/// comes after it, so that it is as new as it can be.
async fn frames(console: Arc<dyn Console>, options: Options) -> Outcome {
    prevent_quit();
    let mut outcome = Outcome::of(options.name.clone());
    let studio = match Studio::new() {
        Ok(studio) => studio,
        Err(error) => {
            tracing::error!("{error}");
            console.command(Command::Leave);
            return outcome;
        }
    };
    let mut press = Press::new();
    let mut screens: Vec<Box<dyn Screen>> = vec![Box::new(Title::new(&options))];
    if options.play {
        screens.push(Box::new(ArenaScreen::new(console.now())));
    }
    let mut pace = Pace::new(&*console, options.frames_per_second);
    let mut seconds = 0.0;
    let mut frame_ms = 1_000.0 / 60.0;
    let mut events = Vec::new();
    let mut full_screen = false;
    // Since when the window waits for the node's farewell.
    let mut leaving: Option<Instant> = None;
    // What does not work as it should, and for how many seconds it has been on the screen.
    let mut warning: Option<(String, f32)> = None;
    // A new screen comes out of the dark.
    let mut dark = 1.0_f32;
    loop {
        let (keys, heard) = (Keys::now(), console.now());
        if let Some(top) = screens.last() {
            console.controls(top.controls(&keys));
        }
        pace.wait(&*console);

        let passed = get_frame_time().min(FRAME_SECONDS_MAX);
        seconds += passed;
        frame_ms += (passed * 1_000.0 - frame_ms) * 0.05;
        dark = (dark - passed * 3.5).max(0.0);
        events.clear();
        let mut stopped = false;
        while let Some(happened) = console.next_event() {
            match happened {
                Happened::Node(event) => {
                    stopped |= matches!(event, Event::Stopped);
                    events.push(event);
                }
                Happened::Warning(text) => warning = Some((text, 0.0)),
                // The view goes on saying it.
                Happened::Stall { .. } | Happened::Missed { .. } | Happened::Failed { .. } => {}
            }
        }
        let view = console.view();
        if let Some(view) = &view {
            outcome.name.clone_from(&view.name);
            if let Some(why) = &view.failure {
                warning =
                    Some((format!("the game has failed here, the others play on: {why}"), 1.0));
            }
        }
        if keys.full_screen {
            full_screen = !full_screen;
            set_fullscreen(full_screen);
        }
        if is_quit_requested() && leaving.is_none() {
            console.command(Command::Leave);
            leaving = Some(console.now());
        }

        clear_background(NIGHT);
        studio.begin();
        let size = vec2(screen_width().max(1.0), screen_height().max(1.0));
        let (stage, visible) = stage(Canvas::new(&studio), size);
        let frame = Frame {
            stage,
            visible,
            now: console.now(),
            console: &*console,
            view,
            events: &events,
            keys: &keys,
            heard,
            passed,
            seconds,
            frame_ms,
        };
        let turn = screens.last_mut().map_or(Turn::Back, |top| top.frame(&frame));
        if let Some((text, age)) = &mut warning {
            draw_warning(&stage, text, *age);
            *age += passed;
        }
        if leaving.is_some() {
            stage.block(visible, palette::faded(NIGHT, 0.7));
            let ink = text::Ink::royal(34.0, palette::CREAM);
            stage.text("Farewell", STAGE / 2.0, ink);
        } else if dark > 0.0 {
            stage.block(visible, palette::faded(NIGHT, dark));
        }
        studio.end();
        press.print(&studio);
        outcome.frames = (outcome.frames.0 + 1, seconds);
        outcome.vertices_most = studio.most();
        match turn {
            Turn::Stay => {}
            _ if leaving.is_some() => {}
            Turn::Enter(screen) => {
                screens.push(screen);
                dark = 1.0;
            }
            Turn::Back => {
                screens.pop();
                dark = 1.0;
                if screens.is_empty() {
                    console.command(Command::Leave);
                    leaving = Some(console.now());
                }
            }
        }
        let farewell = leaving.is_some_and(|since| console.now().since(since) > FAREWELL);
        if stopped || farewell {
            return outcome;
        }
        next_frame().await;
    }
}

/// Says what does not work as it should, for a while.
fn draw_warning(stage: &Canvas, text: &str, age: f32) {
    let seen = (age / 0.3).min(1.0) * (WARNING_S - age).clamp(0.0, 1.0);
    if seen == 0.0 {
        return;
    }
    let c = stage.faded(seen);
    let ink = text::Ink::plain(16.0, palette::CREAM).centred();
    let lines = c.wrapped(text, STAGE.x - 160.0, WARNING_LINES_MAX, ink);
    let width = lines.iter().map(|line| c.text_width(line, ink)).fold(0.0, f32::max) + 40.0;
    let height = lines.len() as f32 * 21.0 + 12.0;
    let place = Rect::new((STAGE.x - width) / 2.0, STAGE.y - 46.0 - height, width, height);
    c.round_rect(place, 14.0, palette::faded(NIGHT, 0.92));
    c.round_frame(place, 14.0, 1.4, palette::faded(palette::FIRE, 0.8));
    for (i, line) in lines.iter().enumerate() {
        c.text(line, vec2(STAGE.x / 2.0, place.y + 21.0 + i as f32 * 21.0), ink);
    }
}

/// The stage, fitted into the middle of a window of `size` pixels, and what is visible around it.
fn stage(window: Canvas, size: Vec2) -> (Canvas, Rect) {
    let scale = (size / STAGE).min_element();
    let origin = ((size - STAGE * scale) / 2.0).round();
    let visible = Rect::new(-origin.x / scale, -origin.y / scale, size.x / scale, size.y / scale);
    (window.shifted(origin, scale), visible)
}
