use std::sync::mpsc;

use super::*;

/// When to give up. Reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn lines_come_out_in_their_order() {
    let paper = Paper::default();
    let output = paper.output();
    output.put("one");
    output.put("two\nthree\n");
    output.finish_within(PATIENCE);
    assert_eq!(paper.text(), "one\ntwo\nthree\n");
}

#[test]
fn whoever_does_not_read_keeps_nobody_waiting_and_what_is_left_out_is_said() {
    let (stream, reader) = held_pipe();
    let output = start(stream);
    let line = "x".repeat(1 << 16);
    let put = 200;
    output.put(&line);
    // It hangs in this one from here on, with an empty queue.
    reader.begun.recv_timeout(PATIENCE).unwrap();
    for _ in 1..put {
        output.put(&line);
    }
    // All of this without anybody having read; and the end does not wait for ever either.
    output.finish_within(Duration::from_millis(1));
    drop(reader.hold);
    output.finish_within(PATIENCE);
    output.put("after");
    output.finish_within(PATIENCE);
    let text = reader.paper.text();
    let lines: Vec<&str> = text.lines().collect();
    let (after, lines) = lines.split_last().unwrap();
    let (missing, written) = lines.split_last().unwrap();
    assert_eq!(*after, "after");
    assert!(written.iter().all(|written| *written == line));
    assert_eq!(*missing, format!("missing {}", put - written.len()));
    assert!(written.len() * line.len() <= 2 * WAITING_MAX, "{} lines waited", written.len());
}

// A short line must not slip in where long ones are missing: the order would be a lie.
#[test]
fn nothing_follows_on_what_is_missing_before_that_is_said() {
    let (stream, reader) = held_pipe();
    let output = start(stream);
    output.put("first");
    // It hangs in this one from here on, with an empty queue.
    reader.begun.recv_timeout(PATIENCE).unwrap();
    output.put(&"x".repeat(WAITING_MAX));
    output.put("short");
    drop(reader.hold);
    output.finish_within(PATIENCE);
    output.put("after");
    output.finish_within(PATIENCE);
    assert_eq!(reader.paper.text(), "first\nmissing 2\nafter\n");
}

#[test]
fn a_disk_that_was_full_for_a_while_lacks_lines_and_says_how_many() {
    let paper = Paper::default();
    let output = paper.output();
    output.put("one");
    output.finish_within(PATIENCE);
    paper.fill(2);
    output.put("two");
    output.put("three");
    output.finish_within(PATIENCE);
    paper.fill(usize::MAX);
    output.put("four");
    output.finish_within(PATIENCE);
    // What was begun before the disk was full has a line of its own.
    assert_eq!(paper.text(), "one\ntw\nmissing 2\nfour\n");
}

#[test]
fn a_closed_pipe_is_told_to_whoever_wants_to_know_it() {
    let output = start(Broken);
    let (hang_up, told) = crossbeam_channel::bounded(1);
    output.when_closed(hang_up);
    output.put("hello");
    told.recv_timeout(PATIENCE).unwrap();
    output.put("is anybody there?");
    output.finish_within(PATIENCE);
    let (hang_up, told) = crossbeam_channel::bounded(1);
    output.when_closed(hang_up);
    told.try_recv().unwrap();
}

#[test]
fn a_stream_that_is_busy_for_a_moment_is_tried_again() {
    let paper = Paper::default();
    let output = start(Hesitant { paper: paper.clone(), refusals: 3 });
    output.put("one");
    output.put("two");
    output.finish_within(PATIENCE);
    assert_eq!(paper.text(), "one\ntwo\n");
}

#[test]
fn what_is_missing_is_a_line_of_its_kind_for_scripts() {
    let line: Line = serde_json::from_str(in_json(7).trim()).unwrap();
    assert_eq!(line.what, What::LeftOut { lines: 7 });
}

fn start(stream: impl Write + Send + 'static) -> Output {
    Output::start("test", stream, |lines| format!("missing {lines}\n"), |_| {}).unwrap()
}

/// Keeps what is written, as far as there is room.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Sheet>>);

struct Sheet {
    text: Vec<u8>,
    room: usize,
}

impl Default for Sheet {
    fn default() -> Self {
        Self { text: Vec::new(), room: usize::MAX }
    }
}

impl Paper {
    fn output(&self) -> Output {
        start(self.clone())
    }

    fn fill(&self, room: usize) {
        self.0.lock().unwrap().room = room;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().text.clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sheet = self.0.lock().unwrap();
        let count = bytes.len().min(sheet.room);
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        sheet.room -= count;
        sheet.text.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe that nobody reads until `hold` is dropped.
struct Pipe {
    paper: Paper,
    begun: mpsc::Sender<()>,
    held: mpsc::Receiver<()>,
}

struct Reader {
    paper: Paper,
    begun: mpsc::Receiver<()>,
    hold: mpsc::Sender<()>,
}

fn held_pipe() -> (Pipe, Reader) {
    let paper = Paper::default();
    let (begun, begins) = mpsc::channel();
    let (hold, held) = mpsc::channel();
    (Pipe { paper: paper.clone(), begun, held }, Reader { paper, begun: begins, hold })
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.send(());
        // Ends when the other side is dropped.
        let _ = self.held.recv();
        self.paper.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes nothing at first, and then a byte at a time.
struct Hesitant {
    paper: Paper,
    refusals: u32,
}

impl Write for Hesitant {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.refusals > 0 {
            self.refusals -= 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.paper.write(&bytes[..1])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
