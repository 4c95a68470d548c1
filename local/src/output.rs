//! Shows the programs' lines: unchanged in a pipe, readable on a terminal. Text from clients can't deceive a terminal
//! in either form.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, stdout};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::lines::Lines;
use crate::readable::readable;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_settings::visible;

/// The most stderr lines kept of a program.
const MAX_COMPLAINTS: usize = 32;

/// Where the programs' lines go.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Output {
    Quiet,
    /// Unchanged.
    Raw(Lines),
    /// Readable, for people.
    Readable {
        lines: Lines,
        /// Whether lines that nobody caused are shown too.
        all: bool,
    },
    /// To a receiver, each with the program's name.
    Sent(UnboundedSender<(&'static str, String)>),
    /// As the first says, and to a receiver.
    Also(Box<Output>, UnboundedSender<(&'static str, String)>),
}

impl Output {
    /// The right form for this process's stdout, and the writer of the lines. On a terminal, `all` shows every line,
    /// otherwise only those that people wait for.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn for_stdout(all: bool) -> io::Result<(Self, Lines)> {
        if stdout().is_terminal() {
            // In colour, unless `NO_COLOR` or a similar variable forbids it.
            let lines = Lines::start(anstream::stdout())?;
            return Ok((Self::Readable { lines: lines.clone(), all }, lines));
        }
        let lines = Lines::start(stdout())?;
        Ok((Self::Raw(lines.clone()), lines))
    }

    /// Shows each line of `stream` under `label`, and passes it to `metrics`.
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

    /// Shows each line of `stream` under `label`, and returns the last ones when it ends.
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

    /// Shows one line.
    pub(crate) fn line(&self, label: &'static str, line: &str) {
        match self {
            Self::Quiet => {}
            Self::Sent(lines) => {
                // If the receiver is gone, serving goes on.
                let _ = lines.send((label, line.to_owned()));
            }
            Self::Also(shown, lines) => {
                shown.line(label, line);
                let _ = lines.send((label, line.to_owned()));
            }
            // A pipe may lead to a terminal. Escaped JSON has the same meaning.
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
    async fn text_from_clients_is_escaped_for_terminals() {
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
        // The only escape sequences are Picus' own, which colour the time.
        let escapes = shown.match_indices('\u{1b}').map(|(at, _)| &shown[at + 1..at + 4]);
        assert!(escapes.eq(["[2m", "[0m"]), "{shown:?}");
    }
}
