//! What the programs say: as it is where it is piped on, or made readable, with who said it, on a
//! terminal. Text of clients can't deceive a terminal either way.

use std::io::{self, IsTerminal as _, stdout};

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc::UnboundedSender;

use crate::lines::Lines;
use picus_cloudwatch::metric_sink::MetricSink;
use picus_settings::visible;

/// Where the programs' lines go.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Output {
    Quiet,
    /// There, untouched.
    Raw(Lines),
    /// There, for people.
    Readable(Lines),
    /// To whoever receives them, each with who said it.
    Sent(UnboundedSender<(&'static str, String)>),
}

impl Output {
    /// What suits this process's stdout, and the lines on their way there.
    ///
    /// # Errors
    /// No thread can be had to write them.
    pub fn for_stdout() -> io::Result<(Self, Lines)> {
        let lines = Lines::start(stdout())?;
        let readable = stdout().is_terminal();
        let output = if readable { Self::Readable } else { Self::Raw };
        Ok((output(lines.clone()), lines))
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
            Self::Readable(lines) => {
                lines.push(format!("{label:<14} | {}\n", visible(&readable(line))));
            }
        }
    }
}

/// A JSON log line, a document of metrics, or what Lambda itself says, as a person reads it; any other
/// as it is.
fn readable(line: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str::<Value>(line) else {
        return line.to_owned();
    };
    if fields.remove("_aws").is_some() {
        return format!("             METRIC{}", rest(&fields));
    }
    let record = fields.remove("record");
    let mut take = |name: &str| fields.remove(name).as_ref().map(plain).unwrap_or_default();
    if let Some(Value::Object(record)) = record {
        let time = take("time");
        let clock = time.get(11..23).unwrap_or(&time);
        return format!("{clock} INFO  {}{}", take("type"), rest(&record));
    }
    let (time, level, message) = (take("timestamp"), take("level"), take("message"));
    for known in ["target", "service.name", "service.version", "trace_id", "span_id"] {
        fields.remove(known);
    }
    let clock = time.get(11..23).unwrap_or(&time);
    format!("{clock} {level:<5} {message}{}", rest(&fields))
}

fn rest(fields: &Map<String, Value>) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!(" {name}={}", plain(value))).collect();
    fields.concat()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_metrics_is_made_readable() {
        let line = r#"{"_aws":{"Timestamp":1},"service_name":"a","n_total":1}"#;
        assert_eq!(readable(line).trim_start(), "METRIC n_total=1 service_name=a");
    }

    #[tokio::test]
    async fn text_of_clients_reaches_no_terminal_unescaped() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let lines = Lines::start(writer).unwrap();
        let line = r#"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"INFO","message":"request","object_id":"\u001b]0;x\u0007\nservice | forged"}"#;
        for output in [Output::Readable(lines.clone()), Output::Raw(lines.clone())] {
            output.line("service", line);
            output.line("service", "not JSON \u{1b}[2J\u{202e}");
        }
        lines.flush();
        drop(lines);
        let mut shown = String::new();
        std::io::Read::read_to_string(&mut reader, &mut shown).unwrap();
        assert_eq!(shown.lines().count(), 4, "{shown:?}");
        assert_eq!(shown.matches(r"\u001b]0;x\u0007").count(), 2, "{shown:?}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    }

    #[test]
    fn what_lambda_says_is_made_readable() {
        let line = r#"{"time":"2026-01-02T03:04:05.678Z","type":"platform.start","record":{"requestId":"r"}}"#;
        assert_eq!(readable(line), "03:04:05.678 INFO  platform.start requestId=r");
    }

    #[test]
    fn a_log_line_is_made_readable_and_another_left_alone() {
        let line = r#"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"INFO","message":"request","target":"t","http.route":"/health","n":1}"#;
        assert_eq!(readable(line), "03:04:05.678 INFO  request http.route=/health n=1");
        assert_eq!(readable("plain text"), "plain text");
        assert_eq!(
            readable("{\"timestamp\":1}"),
            "1        ".trim_end_matches(' ').to_owned() + "       "
        );
    }
}
