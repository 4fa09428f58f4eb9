//! How fast somebody may talk: some lines at once, then one after the other.
//!
//! The writer keeps to it, and so does whoever hears: a member that is a modified program may sign a
//! thousand lines a second, and what comes of it elsewhere is what it is allowed. The lines beyond are
//! refused, and with them what stands behind them in its stream; they come again when they are asked
//! for, one a second.
//!
//! What counts is what was *taken*, and so what its author has signed. Whoever brings lines in somebody
//! else's name that this one never said, or brings them out of their order, uses up nothing of what this one may say.
//!
//! *Whoever was away* brings along what it has said meanwhile: while somebody is not linked its allowance
//! grows, and it is spent within [`BROUGHT_WITHIN`] after its link has come up. From a life that was never
//! heard before [`LINES_BROUGHT_MAX`] lines are taken so.
//!
//! *What a third node passes on* in an answer is taken whatever it is, since that one has counted it: only what
//! its author may still bring along gets less by it, never what it may say. So of a flood no more comes by two
//! ways than by one. But a member that is a modified program can pass on more in the name of somebody who was
//! never there, as much as anybody may bring of anything.

use std::{collections::BTreeMap, time::Duration};

use super::{
    entry::{Entry, EntryId, Kind, Writer},
    stream::Stream,
};
use crate::types::{Instant, NodeId};

/// So many lines may be said at once.
pub const LINES_AT_ONCE: u32 = 5;

/// Then one in each such time.
pub const LINE_EVERY: Duration = Duration::from_secs(1);

/// How fast somebody may talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// So many lines at once.
    pub at_once: u32,
    /// Then one in each such time.
    pub every: Duration,
}

impl Allowed {
    /// So many lines at once are heard of one writer.
    pub fn heard_at_once(&self) -> u32 {
        self.at_once.saturating_mul(2)
    }
}

impl Default for Allowed {
    fn default() -> Self {
        Self { at_once: LINES_AT_ONCE, every: LINE_EVERY }
    }
}

/// So many lines at once are heard of one writer: more than it may say, for what is said evenly need not
/// arrive so.
pub const LINES_HEARD_AT_ONCE: u32 = 2 * LINES_AT_ONCE;

/// So many lines are taken at once of somebody who was away: half an hour of talk without a pause.
pub const LINES_BROUGHT_MAX: u32 = 1_800;

/// For how long after its link has come up somebody may bring what it has said while it was away.
pub const BROUGHT_WITHIN: Duration = Duration::from_secs(5);

/// Of so many writers it is known how much they talk.
const WRITERS_MAX: usize = 1_024;

/// What somebody may still say.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    lines: u32,
    /// The time after which there is one more.
    every: Duration,
    /// When the last whole line of it had come in.
    at: Instant,
}

impl Pace {
    /// So many lines at once, then one in each such time.
    pub fn new(now: Instant, lines: u32, every: Duration) -> Self {
        Self { lines, every, at: now }
    }

    /// How many lines may be said now, at most `most`.
    pub fn left(&mut self, now: Instant, most: u32) -> u32 {
        let every = (self.every.as_micros() as u64).max(1);
        let more = now.since(self.at).as_micros() as u64 / every;
        self.at.0 += more * every;
        let lines = u64::from(self.lines).saturating_add(more).min(most.into());
        if lines == u64::from(most) {
            self.at = now;
        }
        self.lines = lines as u32;
        self.lines
    }

    /// So many were said.
    pub fn said(&mut self, lines: u32) {
        self.lines = self.lines.saturating_sub(lines);
    }

    /// How long it takes until another one may be said.
    pub fn wait(&self, now: Instant) -> Duration {
        match self.lines {
            0 => self.every.saturating_sub(now.since(self.at)),
            _ => Duration::ZERO,
        }
    }
}

/// What was left of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// How many lines.
    pub lines: u32,
    /// Whether anything was left out.
    pub beyond: bool,
}

/// How much each writer talks, as it is heard here.
#[derive(Clone, Debug, Default)]
pub struct Paces {
    allowed: Allowed,
    writers: BTreeMap<Writer, Pace>,
    /// Since when somebody is linked.
    linked: BTreeMap<NodeId, Instant>,
}

impl Paces {
    /// So fast may others talk.
    pub fn new(allowed: Allowed) -> Self {
        Self { allowed, ..Self::default() }
    }

    /// A link to this one is up.
    pub fn link_is_up(&mut self, now: Instant, peer: NodeId) {
        self.linked.entry(peer).or_insert(now);
    }

    /// The link to this one is gone.
    pub fn part(&mut self, peer: NodeId) {
        self.linked.remove(&peer);
    }

    /// All links are gone.
    pub fn part_all(&mut self) {
        self.linked.clear();
    }

    /// Leaves of a run that goes on this stream as much as its author may say now. That it was said is told
    /// afterwards, by [`said`](Paces::said), if the run turns out to be its author's.
    pub fn cut(&self, now: Instant, stream: Option<&Stream>, run: &mut Vec<Entry>) -> Cut {
        let is_line = is_new_line(stream);
        let Some(EntryId { writer, .. }) = run.iter().find(|entry| is_line(entry)).map(Entry::id)
        else {
            return Cut::default();
        };
        let left = self.pace_of(now, writer).lines;
        let lines = run.iter().enumerate().filter(|(_, entry)| is_line(entry));
        let beyond = lines.map(|(at, _)| at).nth(left as usize);
        run.truncate(beyond.unwrap_or(run.len()));
        Cut { lines: new_lines(stream, run), beyond: beyond.is_some() }
    }

    /// So many lines of this writer were taken.
    pub fn said(&mut self, now: Instant, writer: Writer, lines: u32) {
        if lines == 0 {
            return;
        }
        if self.writers.len() >= WRITERS_MAX && !self.writers.contains_key(&writer) {
            // Whoever has said nothing for longest is as one who never said anything.
            let idle = self.writers.iter().min_by_key(|(_, pace)| pace.at).map(|(idle, _)| *idle);
            idle.map(|idle| self.writers.remove(&idle));
        }
        let mut pace = self.pace_of(now, writer);
        pace.said(lines);
        self.writers.insert(writer, pace);
    }

    /// So many lines of this writer were taken from a third node.
    pub fn passed_on(&mut self, now: Instant, writer: Writer, lines: u32) {
        let known = self.writers.get(&writer);
        if lines == 0 || known.is_none() && self.writers.len() >= WRITERS_MAX {
            return;
        }
        let kept = self.allowed.heard_at_once();
        let most = LINES_BROUGHT_MAX.max(kept);
        let mut pace = known.copied().unwrap_or_else(|| Pace::new(now, most, self.allowed.every));
        let brings = pace.left(now, most).saturating_sub(kept);
        pace.said(lines.min(brings));
        self.writers.insert(writer, pace);
    }

    /// What a writer may say now.
    fn pace_of(&self, now: Instant, writer: Writer) -> Pace {
        let linked = self.linked.get(&writer.node);
        let brings = linked.is_some_and(|since| now.since(*since) < BROUGHT_WITHIN);
        let at_once = self.allowed.heard_at_once();
        let most = if brings { LINES_BROUGHT_MAX.max(at_once) } else { at_once };
        let known = self.writers.get(&writer).copied();
        let mut pace = known.unwrap_or_else(|| Pace::new(now, most, self.allowed.every));
        pace.left(now, most);
        pace
    }
}

/// Whether an entry is a line that is not held yet.
fn is_new_line(stream: Option<&Stream>) -> impl Fn(&Entry) -> bool {
    let through = stream.map_or(0, Stream::through);
    move |entry| entry.head().kind == Kind::LINE && entry.id().number > through
}

/// How many lines a run brings that goes on this stream. What is behind the last signature is not taken.
pub fn new_lines(stream: Option<&Stream>, run: &[Entry]) -> u32 {
    let signed = run.iter().rposition(|entry| entry.signature().is_some());
    let taken = &run[..signed.map_or(0, |last| last + 1)];
    let is_line = is_new_line(stream);
    taken.iter().filter(|entry| is_line(entry)).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        Ledger,
        body::Body,
        entry::WallTime,
        tests::{ledger, session},
    };

    const SECOND: u64 = 1_000_000;

    #[test]
    fn five_at_once_and_then_one_a_second() {
        let mut pace = Pace::new(Instant(0), LINES_AT_ONCE, LINE_EVERY);
        let mut said = |at: u64| {
            let may = pace.left(Instant(at), LINES_AT_ONCE) > 0;
            pace.said(u32::from(may));
            may
        };
        assert_eq!((0..9).filter(|_| said(0)).count(), 5);
        assert!(!said(SECOND - 1));
        assert!(said(SECOND));
        assert!(!said(2 * SECOND - 1));
        assert!(said(2 * SECOND));
        assert_eq!((0..9).filter(|_| said(60 * SECOND)).count(), 5);
        assert_eq!(pace.wait(Instant(60 * SECOND)), Duration::from_secs(1));
        assert_eq!(pace.wait(Instant(60 * SECOND + SECOND / 2)), Duration::from_millis(500));
    }

    fn lines(count: usize) -> Ledger {
        let mut flood = ledger(9);
        for n in 0..count {
            let body = Body::Other(Kind::LINE, n.to_be_bytes().to_vec());
            flood.write(WallTime(0), body).unwrap();
        }
        flood
    }

    fn heard(paces: &mut Paces, at: u64, run: &[Entry]) -> usize {
        let (mut run, writer) = (run.to_vec(), run[0].id().writer);
        let cut = paces.cut(Instant(at), None, &mut run);
        paces.said(Instant(at), writer, cut.lines);
        run.iter().filter(|entry| entry.head().kind == Kind::LINE).count()
    }

    #[test]
    fn of_a_flood_the_allowance_is_heard() {
        let flood = lines(3_000);
        let run: Vec<Entry> = flood.entries().map(|entry| Entry::clone(&entry)).collect();
        assert_eq!(run[0].head().session, session());
        let mut paces = Paces::default();
        let node = flood.me().node;
        paces.link_is_up(Instant(0), node);
        assert_eq!(heard(&mut paces, 0, &run), LINES_BROUGHT_MAX as usize, "it was away");
        let late = 10 * SECOND;
        assert_eq!(heard(&mut paces, late, &run), LINES_HEARD_AT_ONCE as usize);
        assert_eq!(heard(&mut paces, late, &run), 0);
        assert_eq!(heard(&mut paces, late + 3 * SECOND, &run), 3);
        // It is away for a minute.
        paces.part(node);
        paces.link_is_up(Instant(late + 62 * SECOND), node);
        assert_eq!(heard(&mut paces, late + 63 * SECOND, &run), 60);
    }

    #[test]
    fn what_comes_by_way_of_another_is_not_brought_once_more() {
        let flood = lines(3_000);
        let run: Vec<Entry> = flood.entries().map(|entry| Entry::clone(&entry)).collect();
        let (mut paces, me) = (Paces::default(), flood.me());
        paces.link_is_up(Instant(0), me.node);
        paces.passed_on(Instant(0), me, 500);
        assert_eq!(heard(&mut paces, 0, &run), LINES_BROUGHT_MAX as usize - 500);
        // What it may say is not used up by others.
        let late = 60 * SECOND;
        paces.passed_on(Instant(late), me, 500);
        assert_eq!(heard(&mut paces, late, &run), LINES_HEARD_AT_ONCE as usize);
    }
}
