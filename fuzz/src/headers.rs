//! Headers, from lines such as `if-match: "a"`.

use picus_api::precondition::Preconditions;
use picus_telemetry::{RequestContext, nearest_hop, scheme};

pub(crate) fn check(lines: &[u8]) {
    let lines = lines.split(|byte| *byte == b'\n');
    let headers: Vec<(&[u8], &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
        })
        .collect();
    let values = |name: &'static str| {
        let of_it = headers.iter().filter(move |(found, _)| found == &name.as_bytes());
        of_it.map(|(_, value)| *value)
    };
    let conditions = Preconditions::read(values);
    if conditions.is_empty() {
        assert!(conditions.unmet("\"a\"").is_none(), "no precondition is not met");
    }
    let _ = conditions.unmet_by_nothing();
    // As the service reads them.
    let text = |value| std::str::from_utf8(value).unwrap_or("\u{fffd}");
    let context = RequestContext::from_headers(true, |name| values(name).map(text));
    let (id, trace) = (context.request_id(), context.xray_trace_id());
    assert!((1..=128).contains(&id.len()), "a request id of {} bytes", id.len());
    for id in [id, trace] {
        assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "not a header's value: {id:?}");
    }
    let _ = nearest_hop(values("x-forwarded-for"));
    assert!(["http", "https"].contains(&scheme(values("x-forwarded-proto"))));
}
