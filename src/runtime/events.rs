//! How whoever plays hears of what happened: any number of readers, each with a queue of its own.
//!
//! The network thread puts each event into every queue, and waits for none of them. What finds no room
//! in one of them is counted for that one, and told there as soon as there is room.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::{config::EVENTS_WAITING_MAX, game::Game, node::Event, types::Instant};

use super::{Happened, Timed, clock};

/// How much room in a queue is kept for the last event, and for how many were missed before it.
const LAST_EVENTS: usize = 2;

/// What happened to a node, each once, in order, from when this reader was
/// [taken on](super::Handle::events).
///
/// Take one on, keep it, and read it again and again; whoever wants to hear no more drops it. Up to
/// [`EVENTS_WAITING_MAX`] events wait for a reader. The rest is left out, and [`Happened::Missed`] says
/// how many. The last of all is [`Event::Stopped`] or [`Happened::Failed`]; for these there is always
/// room.
pub struct Events<G: Game> {
    waiting: Receiver<Timed<G>>,
    readers: Arc<Readers<G>>,
}

impl<G: Game> Events<G> {
    /// To which nothing ever comes.
    #[cfg(test)]
    pub fn none() -> Self {
        Readers::new().take_on()
    }

    /// The next one; none if nothing more has happened so far. Does not wait.
    pub fn next_now(&self) -> Option<Timed<G>> {
        self.waiting.try_recv().ok()
    }

    /// The next one; none if nothing happens for `patience`, or ever again.
    pub fn next_within(&self, patience: Duration) -> Option<Timed<G>> {
        self.waiting.recv_timeout(patience).ok()
    }

    /// One after the other until the node has ended, and waits for each.
    pub fn until_the_end(&self) -> impl Iterator<Item = Timed<G>> {
        self.waiting.iter()
    }

    /// Whether the node has ended: nothing more comes.
    pub fn has_ended(&self) -> bool {
        self.readers.over.load(Ordering::Acquire)
    }

    /// Whether the node has ended, and everything was read.
    pub fn is_over(&self) -> bool {
        self.has_ended() && self.waiting.is_empty()
    }

    /// The queue, for a program that waits for several at once.
    #[doc(hidden)]
    pub fn queue(&self) -> &Receiver<Timed<G>> {
        &self.waiting
    }
}

impl<G: Game> fmt::Debug for Events<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// All who read what happens to one node.
pub struct Readers<G: Game> {
    all: Mutex<Vec<Reader<G>>>,
    /// Nothing more is put into any queue.
    over: AtomicBool,
    waiting_max: usize,
    bell: OnceLock<Bell>,
}

/// What is called when something waits for a reader for whom nothing did.
pub type Bell = Arc<dyn Fn() + Send + Sync>;

/// The other end of an [`Events`].
struct Reader<G: Game> {
    queue: Sender<Timed<G>>,
    /// What found no room since the last that did.
    missed: u64,
}

impl<G: Game> Readers<G> {
    /// None yet.
    pub fn new() -> Arc<Self> {
        Self::with_room_for(EVENTS_WAITING_MAX)
    }

    fn with_room_for(waiting_max: usize) -> Arc<Self> {
        let (over, bell) = (AtomicBool::new(false), OnceLock::new());
        Arc::new(Self { all: Mutex::default(), over, waiting_max, bell })
    }

    /// From here on this is called, on the network thread, when something waits for a reader for whom nothing did. Only
    /// the first one counts.
    pub fn ring(&self, bell: Bell) {
        let _ = self.bell.set(bell);
    }

    /// Takes on another one, who hears of everything from here on.
    pub fn take_on(self: &Arc<Self>) -> Events<G> {
        let (queue, waiting) = unbounded();
        let mut all = self.lock();
        if !self.over.load(Ordering::Acquire) {
            all.push(Reader { queue, missed: 0 });
        }
        Events { waiting, readers: Arc::clone(self) }
    }

    /// A panic on the other side leaves the list whole: each change of it is one move.
    fn lock(&self) -> MutexGuard<'_, Vec<Reader<G>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G: Game> fmt::Debug for Readers<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// The side of the network thread. When it is gone, so is the node.
pub struct Teller<G: Game> {
    readers: Arc<Readers<G>>,
}

impl<G: Game> Teller<G> {
    /// Tells these; they may become more.
    pub fn new(readers: Arc<Readers<G>>) -> Self {
        Self { readers }
    }

    /// Tells every reader of `event`. Those who were dropped are forgotten.
    pub fn tell(&mut self, event: Happened<G>) {
        let (at, room) = (clock::now(), self.readers.waiting_max);
        let mut first = false;
        self.readers.lock().retain_mut(|reader| {
            first |= reader.queue.is_empty();
            reader.tell(at, event.clone(), room).is_ok()
        });
        if let Some(bell) = self.readers.bell.get().filter(|_| first) {
            bell();
        }
    }
}

impl<G: Game> Drop for Teller<G> {
    fn drop(&mut self) {
        let mut all = self.readers.lock();
        self.readers.over.store(true, Ordering::Release);
        all.clear();
        drop(all);
        if let Some(bell) = self.readers.bell.get() {
            bell();
        }
    }
}

/// Nobody can take anything out of this queue any more.
struct Gone;

impl<G: Game> Reader<G> {
    /// Puts in `event`, and before it how many found no room. There is always room for the last.
    fn tell(&mut self, at: Instant, event: Happened<G>, waiting_max: usize) -> Result<(), Gone> {
        let last = matches!(event, Happened::Node(Event::Stopped) | Happened::Failed { .. });
        let kept_free = if last { 0 } else { LAST_EVENTS };
        let needed = kept_free + 1 + usize::from(self.missed > 0);
        if self.queue.len() + needed > waiting_max {
            self.missed += 1;
            return Ok(());
        }
        let events = std::mem::take(&mut self.missed);
        if events > 0 {
            self.put(at, Happened::Missed { events })?;
        }
        self.put(at, event)
    }

    fn put(&self, at: Instant, event: Happened<G>) -> Result<(), Gone> {
        self.queue.send(Timed { at, event }).map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::testing::Still;

    #[test]
    fn who_reads_no_events_is_told_how_many_were_missed_and_always_how_it_ended() {
        let readers = Readers::<Still>::with_room_for(5);
        let mut tell = Teller::new(Arc::clone(&readers));
        let told = readers.take_on();
        for _ in 0..10 {
            tell.tell(Happened::Stall { late: Duration::ZERO });
        }
        assert!(told.next_now().is_some() && told.next_now().is_some());
        tell.tell(Happened::Stall { late: Duration::from_secs(1) });
        tell.tell(Happened::Node(Event::NobodyFound));
        tell.tell(Happened::Node(Event::Stopped));
        drop(tell);
        let told: Vec<_> = told.until_the_end().map(|timed| timed.event).collect();
        let [
            Happened::Stall { .. },
            Happened::Missed { events: 7 },
            Happened::Stall { .. },
            Happened::Missed { events: 1 },
            Happened::Node(Event::Stopped),
        ] = &told[..]
        else {
            panic!("{told:?}");
        };
    }

    #[test]
    fn each_of_several_readers_gets_everything_from_when_it_was_taken_on() {
        let readers = Readers::<Still>::new();
        let mut tell = Teller::new(Arc::clone(&readers));
        let early = readers.take_on();
        tell.tell(warning(1));
        let late = readers.take_on();
        tell.tell(warning(2));
        drop(tell);
        assert_eq!(warnings(&early), ["1", "2"]);
        assert_eq!(warnings(&late), ["2"]);
        assert_eq!(warnings(&readers.take_on()), [""; 0]);
    }

    #[test]
    fn a_reader_that_does_not_read_takes_nothing_from_the_others() {
        let readers = Readers::<Still>::with_room_for(4);
        let mut tell = Teller::new(Arc::clone(&readers));
        let (idle, busy) = (readers.take_on(), readers.take_on());
        for number in 0..1_000 {
            tell.tell(warning(number));
            assert_eq!(warnings_so_far(&busy), [number.to_string()]);
            assert!(idle.queue().len() <= 4);
        }
        assert_eq!(warnings_so_far(&idle), ["0", "1"]);
        tell.tell(Happened::Node(Event::Stopped));
        let next = idle.next_now().map(|timed| timed.event);
        assert!(matches!(next, Some(Happened::Missed { events: 998 })), "{next:?}");
    }

    #[test]
    fn a_reader_that_is_dropped_is_forgotten_with_all_that_waited_for_it() {
        let readers = Readers::<Still>::new();
        let mut tell = Teller::new(Arc::clone(&readers));
        let (gone, stays) = (readers.take_on(), readers.take_on());
        let why: Arc<str> = "held by whoever can still be told".into();
        tell.tell(Happened::Failed { why: Arc::clone(&why) });
        drop((gone, stays.next_now()));
        assert_eq!(Arc::strong_count(&why), 1);
        tell.tell(warning(1));
        assert_eq!(readers.lock().len(), 1);
        assert_eq!(warnings_so_far(&stays), ["1"]);
    }

    #[test]
    fn it_is_over_when_the_node_has_ended_and_everything_was_read() {
        let readers = Readers::<Still>::new();
        let mut tell = Teller::new(Arc::clone(&readers));
        let told = readers.take_on();
        tell.tell(Happened::Node(Event::Stopped));
        assert!(!told.is_over());
        drop(tell);
        assert!(!told.is_over());
        assert!(told.next_now().is_some());
        assert!(told.is_over() && readers.take_on().is_over());
    }

    fn warning(number: u32) -> Happened<Still> {
        Happened::Warning(number.to_string())
    }

    fn warnings(events: &Events<Still>) -> Vec<String> {
        events.until_the_end().map(text).collect()
    }

    fn warnings_so_far(events: &Events<Still>) -> Vec<String> {
        std::iter::from_fn(|| events.next_now()).map(text).collect()
    }

    fn text(timed: Timed<Still>) -> String {
        match timed.event {
            Happened::Warning(text) => text,
            other => panic!("{other:?}"),
        }
    }
}
