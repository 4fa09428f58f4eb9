//! The life of the window, frame by frame.
use std::{sync::Arc, time::Duration};

use macroquad::{
    input::is_quit_requested,
    math::{Rect, Vec2, vec2},
    time::get_frame_time,
    window::{clear_background, screen_height, screen_width, set_fullscreen},
};

use super::{
    arena::ArenaScreen,
    console::Console,
    draw::{Canvas, Studio},
    keys::Keys,
    options::Options,
    pace::Pace,
    palette::{self, NIGHT},
    press::Press,
    screen::{Frame, STAGE, Screen, Turn},
    text,
    title::Title,
};
use crate::{
    arena::Arena,
    node::{Command, Event, Exclusion, View},
    runtime::Happened,
    text::{Name, SessionName},
    types::Instant,
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
    /// Nothing was shown yet.
    pub const fn of(name: Name) -> Self {
        Self { name, frames: (0, 0.0), vertices_most: 0 }
    }
}

/// The window while it is open.
pub struct Life {
    /// How it would end now.
    pub outcome: Outcome,
    console: Arc<dyn Console>,
    studio: Studio,
    press: Press,
    screens: Vec<Box<dyn Screen>>,
    pace: Pace,
    /// Seconds since the window opened.
    seconds: f32,
    /// The average time between two frames, in milliseconds.
    frame_ms: f32,
    events: Vec<Event<Arena>>,
    full_screen: bool,
    /// The node has left.
    stopped: bool,
    /// Since when the window waits for the node's farewell.
    leaving: Option<Instant>,
    /// What does not work as it should, and for how many seconds it has been on the screen.
    warning: Option<(String, f32)>,
    /// A new screen comes out of the dark.
    dark: f32,
}

impl Life {
    /// Before the first frame.
    pub fn new(console: Arc<dyn Console>, studio: Studio, options: Options) -> Self {
        let mut screens: Vec<Box<dyn Screen>> = vec![Box::new(Title::new(&options))];
        if options.play {
            screens.push(Box::new(ArenaScreen::new(console.now())));
        }
        Self {
            outcome: Outcome::of(options.name.clone()),
            studio,
            press: Press::new(),
            screens,
            pace: Pace::new(&*console, options.frames_per_second),
            seconds: 0.0,
            frame_ms: 1_000.0 / 60.0,
            events: Vec::new(),
            full_screen: false,
            stopped: false,
            leaving: None,
            warning: None,
            dark: 1.0,
            console,
        }
    }

    /// One frame. Whether there is to be another.
    ///
    /// Keys come before the wait for the next frame, so that the node hears of them at once; the view
    /// comes after it, so that it is as new as it can be.
    pub fn goes_on(&mut self) -> bool {
        let (keys, heard) = (Keys::now(), self.console.now());
        if let Some(top) = self.screens.last() {
            self.console.controls(top.controls(&keys));
        }
        self.pace.wait(&*self.console);

        let passed = get_frame_time().min(FRAME_SECONDS_MAX);
        self.seconds += passed;
        self.frame_ms += (passed * 1_000.0 - self.frame_ms) * 0.05;
        self.dark = (self.dark - passed * 3.5).max(0.0);
        self.take_events();
        let view = self.take_view();
        self.obey(&keys);

        let turn = self.draw(&keys, heard, passed, view);
        self.turn(turn);
        let farewell = self.leaving.is_some_and(|since| self.console.now().since(since) > FAREWELL);
        !self.stopped && !farewell
    }

    fn take_events(&mut self) {
        self.events.clear();
        while let Some(happened) = self.console.next_event() {
            match happened {
                Happened::Node(event) => {
                    self.stopped |= matches!(event, Event::Stopped);
                    if let Event::Excluded { session, why } = &event {
                        self.warning = Some((excluded(session, *why), 0.0));
                    }
                    self.events.push(event);
                }
                Happened::Warning(text) => self.warning = Some((text, 0.0)),
                // The view goes on saying it.
                Happened::Stall { .. } | Happened::Missed { .. } | Happened::Failed { .. } => {}
            }
        }
    }

    fn take_view(&mut self) -> Option<Arc<View<Arena>>> {
        let view = self.console.view();
        if let Some(view) = &view {
            self.outcome.name.clone_from(&view.name);
            if let Some(why) = &view.failure {
                let text = format!("the game has failed here, the others play on: {why}");
                self.warning = Some((text, 1.0));
            }
        }
        view
    }

    /// Does what the player wants of the window itself.
    fn obey(&mut self, keys: &Keys) {
        if keys.full_screen {
            self.full_screen = !self.full_screen;
            set_fullscreen(self.full_screen);
        }
        if is_quit_requested() {
            self.leave();
        }
    }

    fn leave(&mut self) {
        if self.leaving.is_none() {
            self.console.command(Command::Leave);
            self.leaving = Some(self.console.now());
        }
    }

    /// Draws the uppermost screen, and what lies over all of them.
    fn draw(
        &mut self,
        keys: &Keys,
        heard: Instant,
        passed: f32,
        view: Option<Arc<View<Arena>>>,
    ) -> Turn {
        clear_background(NIGHT);
        self.studio.begin();
        let size = vec2(screen_width().max(1.0), screen_height().max(1.0));
        let (stage, visible) = stage(Canvas::new(&self.studio), size);
        let frame = Frame {
            stage,
            visible,
            now: self.console.now(),
            console: &*self.console,
            view,
            events: &self.events,
            keys,
            heard,
            passed,
            seconds: self.seconds,
            frame_ms: self.frame_ms,
        };
        let turn = self.screens.last_mut().map_or(Turn::Back, |top| top.frame(&frame));
        if let Some((text, age)) = &mut self.warning {
            draw_warning(&stage, text, *age);
            *age += passed;
        }
        if self.leaving.is_some() {
            stage.block(visible, palette::faded(NIGHT, 0.7));
            let ink = text::Ink::royal(34.0, palette::CREAM);
            stage.text("Farewell", STAGE / 2.0, ink);
        } else if self.dark > 0.0 {
            stage.block(visible, palette::faded(NIGHT, self.dark));
        }
        self.studio.end();
        self.press.print(&self.studio);
        self.outcome.frames = (self.outcome.frames.0 + 1, self.seconds);
        self.outcome.vertices_most = self.studio.most();
        turn
    }

    /// Goes to another screen, or away.
    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Stay => {}
            _ if self.leaving.is_some() => {}
            Turn::Enter(screen) => {
                self.screens.push(screen);
                self.dark = 1.0;
            }
            Turn::Back => {
                self.screens.pop();
                self.dark = 1.0;
                if self.screens.is_empty() {
                    self.leave();
                }
            }
        }
    }
}

/// Says that the player may not be there any more.
fn excluded(session: &SessionName, why: Exclusion) -> String {
    match why {
        Exclusion::Barred => format!(
            "you may not be in {session} any more: its host let you go, or more than half of those who \
             play there wanted it"
        ),
        Exclusion::StruckOff => {
            format!("Your account has struck this machine off; {session} is not for it any more.")
        }
        Exclusion::NotListed => format!(
            "{session} lets in only those who are on a list, and you are not: give its host your key, \
             which F3 shows while you play"
        ),
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
