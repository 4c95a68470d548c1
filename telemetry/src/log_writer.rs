//! Writes log lines to stdout in a thread of its own. Requests only add lines to a buffer. If stdout blocks, lines
//! are dropped and counted; no request ever waits.

use std::io::Write;
use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
/// The most bytes that wait for a slow stdout: some thousands of lines.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;
/// How long lines are gathered, so that one system call writes many of them. While lines keep coming, the thread looks
/// this often by itself: waking it would cost the request more than its line.
const GATHER: Duration = Duration::from_millis(10);
/// The longest wait for the last lines at exit: a blocked stdout must not stop it.
const MAX_FLUSH: Duration = Duration::from_secs(2);

/// The buffer of lines. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Woken if there is something to write and the thread rests, if somebody waits, or if the thread must end.
    work: Condvar,
    /// Woken if everything is written.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    thread: Doing,
    /// Somebody is waiting, so do not gather more lines.
    hurry: bool,
    ended: bool,
    dropped: u64,
}

/// What the thread that writes does.
#[derive(Debug, Default, PartialEq)]
enum Doing {
    /// It will look for lines by itself.
    #[default]
    Gathers,
    Writes,
    /// It has to be woken for the next line.
    Rests,
}

/// The thread that writes. Dropping it writes the last lines.
#[derive(Debug)]
pub(crate) struct Writer {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Adds a whole line, with its line break, if there is room.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.ended || state.waiting.len() + line.len() > MAX_WAITING_BYTES {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        if state.thread == Doing::Rests {
            state.thread = Doing::Gathers;
            self.0.work.notify_one();
        }
    }

    /// Lines dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.state().dropped
    }

    /// Waits until every line is written, at most two seconds.
    pub(crate) fn flush(&self) {
        let deadline = Instant::now() + MAX_FLUSH;
        let mut state = self.state();
        state.hurry = true;
        self.0.work.notify_one();
        while state.thread == Doing::Writes || !state.waiting.is_empty() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            self.0.idle.wait_for(&mut state, left);
        }
        state.hurry = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    /// Writes until told to end.
    fn write_to(&self, mut sink: impl Write) {
        let mut batch = Vec::new();
        let mut state = self.state();
        loop {
            if !state.hurry && !state.ended {
                self.0.work.wait_for(&mut state, GATHER);
            }
            while state.waiting.is_empty() {
                if state.ended {
                    return;
                }
                state.thread = Doing::Rests;
                self.0.work.wait(&mut state);
            }
            mem::swap(&mut batch, &mut state.waiting);
            state.thread = Doing::Writes;
            drop(state);
            let written = sink.write_all(&batch).and_then(|()| sink.flush());
            state = self.state();
            state.thread = Doing::Gathers;
            if written.is_err() {
                state.dropped += batch.split_inclusive(|byte| *byte == b'\n').count() as u64;
            }
            batch.clear();
            if state.waiting.is_empty() {
                self.0.idle.notify_all();
            }
        }
    }
}

impl Writer {
    /// Starts the thread that writes to `sink`.
    pub(crate) fn start(sink: impl Write + Send + 'static) -> std::io::Result<Self> {
        let lines = Lines(Arc::default());
        let writing = lines.clone();
        let thread = thread::Builder::new().name("log-writer".to_owned());
        let thread = thread.spawn(move || writing.write_to(sink))?;
        Ok(Self { lines, thread: Some(thread) })
    }

    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lines.flush();
        self.lines.state().ended = true;
        self.lines.0.work.notify_one();
        if let Some(thread) =
            self.thread.take().filter(|_| self.lines.state().thread != Doing::Writes)
        {
            // The thread never panics, and nothing is left to write.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc;

    use super::*;

    /// A sink whose writes block until the test lets each one through.
    struct Gate(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            self.1.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Writer, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let (open, gate) = mpsc::channel();
        let (tell, written) = mpsc::channel();
        (Writer::start(Gate(gate, tell)).unwrap(), open, written)
    }

    #[test]
    fn lines_are_written_completely_and_in_order() {
        let (writer, open, written) = gated();
        open.send(()).unwrap();
        for number in 0..1000 {
            writer.lines().push(format!("{number}\n").as_bytes());
            // The writer may combine lines, so there may be fewer writes than lines.
            open.send(()).unwrap();
        }
        drop(writer);
        let text = written.iter().flatten().collect();
        let numbers: Vec<_> = (0..1000).map(|number| format!("{number}\n")).collect();
        assert_eq!(String::from_utf8(text).unwrap(), numbers.concat());
    }

    #[test]
    fn a_blocked_sink_drops_and_counts_lines_without_delay() {
        let (writer, open, written) = gated();
        let lines = writer.lines();
        let line = vec![b'x'; 64 * 1024];
        for _ in 0..200 {
            lines.push(&line);
        }
        let dropped = lines.dropped();
        // One full buffer waits, and another may be being written.
        assert!((70..=140).contains(&dropped), "{dropped}");
        open.send(()).unwrap();
        open.send(()).unwrap();
        drop(writer);
        let bytes: usize = written.iter().map(|batch| batch.len()).sum();
        assert_eq!(bytes as u64, (200 - dropped) * line.len() as u64);
    }

    #[test]
    fn lines_that_a_broken_sink_refuses_are_counted() {
        let (writer, open, _) = gated();
        drop(open);
        let lines = writer.lines();
        lines.push(b"a\n");
        lines.push(b"b\n");
        lines.flush();
        assert_eq!(lines.dropped(), 2);
    }
}
