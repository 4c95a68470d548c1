//! What the programs say: as it is where it is piped on, or made readable, with who said it, on a
//! terminal. Text of clients can't deceive a terminal either way.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, stdout};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::lines::Lines;
use crate::readable::readable;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_settings::visible;

/// More lines than these are not kept of what a program says on stderr.
const MAX_COMPLAINTS: usize = 32;

/// Where the programs' lines go.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Output {
    Quiet,
    /// There, untouched.
    Raw(Lines),
    /// There, for people.
    Readable {
        lines: Lines,
        /// Whether also what comes without anyone doing anything.
        all: bool,
    },
    /// To whoever receives them, each with who said it.
    Sent(UnboundedSender<(&'static str, String)>),
}

impl Output {
    /// What suits this process's stdout, and the lines on their way there. On a terminal, `all` of
    /// them or those that people wait for.
    ///
    /// # Errors
    /// No thread can be had to write them.
    pub fn for_stdout(all: bool) -> io::Result<(Self, Lines)> {
        if stdout().is_terminal() {
            // In colour, unless `NO_COLOR` or its kin say otherwise.
            let lines = Lines::start(anstream::stdout())?;
            return Ok((Self::Readable { lines: lines.clone(), all }, lines));
        }
        let lines = Lines::start(stdout())?;
        Ok((Self::Raw(lines.clone()), lines))
    }

    /// Passes on each line of `stream` under `label` until it ends, and tells `metrics` of it.
    pub(crate) fn forward(
        &self,
        label: &'static str,
        stream: impl AsyncRead + Unpin + Send + 'static,
        metrics: MetricSink,
    ) {
        let output = self.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line);
                metrics.read_line(&text);
                output.line(label, text.trim_end_matches('\n'));
                line.clear();
            }
        });
    }

    /// Passes on each line of `stream` under `label` until it ends, and returns the last of them.
    pub(crate) fn forward_complaints(
        &self,
        label: &'static str,
        stream: impl AsyncRead + Unpin + Send + 'static,
    ) -> JoinHandle<String> {
        let output = self.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let (mut line, mut last) = (Vec::new(), VecDeque::new());
            while stream.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                output.line(label, &text);
                last.push_back(text);
                if last.len() > MAX_COMPLAINTS {
                    last.pop_front();
                }
                line.clear();
            }
            Vec::from(last).join("\n")
        })
    }

    /// Passes on one line.
    pub(crate) fn line(&self, label: &'static str, line: &str) {
        match self {
            Self::Quiet => {}
            Self::Sent(lines) => {
                // A receiver that is gone is no reason to stop serving.
                let _ = lines.send((label, line.to_owned()));
            }
            // It may be piped to a terminal. JSON says the same in either form.
            Self::Raw(lines) => lines.push(format!("{}\n", visible(line))),
            Self::Readable { lines, all } => {
                if let Some(line) = readable(label, line, *all) {
                    lines.push(format!("{line}\n"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn text_of_clients_reaches_no_terminal_unescaped() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let lines = Lines::start(writer).unwrap();
        let line = r#"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"INFO","message":"request","object_id":"\u001b]0;x\u0007\nservice | forged"}"#;
        let readable = Output::Readable { lines: lines.clone(), all: true };
        for output in [readable, Output::Raw(lines.clone())] {
            output.line("service", line);
            output.line("service", "not JSON \u{1b}[2J\u{202e}");
        }
        lines.flush();
        drop(lines);
        let mut shown = String::new();
        std::io::Read::read_to_string(&mut reader, &mut shown).unwrap();
        assert_eq!(shown.lines().count(), 4, "{shown:?}");
        assert_eq!(shown.matches(r"\u001b]0;x\u0007").count(), 2, "{shown:?}");
        assert!(!shown.contains(['\u{202e}', '\u{7}']), "{shown:?}");
        // The colour of the clock is ours.
        let escapes = shown.match_indices('\u{1b}').map(|(at, _)| &shown[at + 1..at + 4]);
        assert!(escapes.eq(["[2m", "[0m"]), "{shown:?}");
    }
}
