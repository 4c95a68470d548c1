//! Writes text to stdout or stderr in a thread of its own. If nobody reads (a pager, a stopped terminal), text is
//! lost and counted, and the system goes on.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes that wait, the same as in the programs' own log writer.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;
/// The longest wait for the last text at exit.
const MAX_FLUSH: Duration = Duration::from_secs(2);

/// Where text is added. Clones share one thread.
#[derive(Debug, Clone)]
pub struct Lines {
    text: Sender<String>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

impl Lines {
    /// Starts the thread that writes to `sink`. It ends with the last clone.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start(mut sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (text, given) = channel::<String>();
        let lines = Self { text, waiting: Arc::default(), lost: Arc::default() };
        let waiting = lines.waiting.clone();
        thread::Builder::new().name("lines".to_owned()).spawn(move || {
            for text in given {
                // A closed sink is no reason to stop.
                let _ = sink.write_all(text.as_bytes()).and_then(|()| sink.flush());
                waiting.fetch_sub(text.len(), Ordering::SeqCst);
            }
        })?;
        Ok(lines)
    }

    /// Adds whole lines, if there is room.
    pub fn push(&self, text: String) {
        let length = text.len();
        let before = self.waiting.fetch_add(length, Ordering::SeqCst);
        if before + length > MAX_WAITING_BYTES || self.text.send(text).is_err() {
            self.waiting.fetch_sub(length, Ordering::SeqCst);
            self.lost.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until everything is written, at most two seconds.
    pub fn flush(&self) {
        let deadline = Instant::now() + MAX_FLUSH;
        while self.waiting.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How often text was lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, pipe};

    use super::*;

    #[test]
    fn text_comes_out_in_order_and_whole() {
        let (reader, writer) = pipe().unwrap();
        let lines = Lines::start(writer).unwrap();
        for number in 0..1000 {
            lines.push(format!("{number}\n"));
        }
        lines.flush();
        drop(lines);
        let written: Vec<_> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        assert_eq!(written, (0..1000).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_blocked_sink_drops_and_counts_text_without_delay() {
        let (reader, writer) = pipe().unwrap();
        let lines = Lines::start(writer).unwrap();
        let started = Instant::now();
        for _ in 0..200 {
            lines.push("x".repeat(64 * 1024));
        }
        // One text may be in the writer's hands.
        assert!((135..=137).contains(&lines.lost()), "{}", lines.lost());
        lines.flush();
        assert!(started.elapsed() < MAX_FLUSH * 3, "{:?}", started.elapsed());
        drop(reader);
    }
}
