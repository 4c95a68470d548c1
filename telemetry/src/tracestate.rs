//! W3C's `tracestate`: what the tracing systems on a request's way tell each other.

use opentelemetry::trace::TraceState;

/// W3C Trace Context, 3.3.1.
const MAX_MEMBERS: usize = 32;

/// Reads all lines of the header as one list (W3C Trace Context, 3.3). An invalid list is dropped whole, because
/// passing on parts of it is forbidden.
pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> TraceState {
    members(lines).and_then(|members| TraceState::from_key_value(members).ok()).unwrap_or_default()
}

fn members<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Vec<(&'a str, &'a str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let texts = lines.flat_map(|line| line.split(',')).map(|text| text.trim_matches([' ', '\t']));
    for text in texts.filter(|text| !text.is_empty()) {
        let (key, value) = text.split_once('=')?;
        // The library checks the rest of the grammar.
        if key.is_empty()
            || value.is_empty()
            || !value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        {
            return None;
        }
        // If a key comes twice, the first one is the newest.
        if members.iter().all(|(known, _)| *known != key) {
            members.push((key, value));
        }
    }
    (members.len() <= MAX_MEMBERS).then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> String {
        read(lines.iter().copied()).header()
    }

    #[test]
    fn several_header_lines_form_one_list() {
        assert_eq!(told(&["a=1", " b@c=2\t,, a=3", ""]), "a=1,b@c=2");
        assert_eq!(
            told(&["rojo=00f067aa0ba902b7", "congo=t61 rcWkg Mz~"]),
            "rojo=00f067aa0ba902b7,congo=t61 rcWkg Mz~"
        );
        assert_eq!(told(&[]), "");
    }

    #[test]
    fn an_invalid_list_is_dropped_completely() {
        for bad in [
            "a", "a=", "=1", "A=1", "a =1", "a==1", "a=1=2", "a=\u{e9}", "a=1\n2", "a@b@c=1",
            "\u{fffd}",
        ] {
            assert_eq!(told(&["b=1", bad]), "", "{bad}");
        }
        let many = |count| (0..count).map(|at| format!("a{at}=1")).collect::<Vec<_>>().join(",");
        assert_eq!(told(&[&many(32)]), many(32));
        assert_eq!(told(&[&many(33)]), "");
        assert_eq!(told(&[&format!("a={}", "x".repeat(257))]), "");
    }
}
