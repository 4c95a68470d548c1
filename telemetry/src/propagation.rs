//! Reads the caller's trace from AWS's `X-Amzn-Trace-Id` and W3C's `traceparent`.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::TraceState;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

use crate::tracestate;

/// A trace's id: 128 bits. If X-Ray made it, the first 32 bits are the time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(pub(crate) u128);

/// A caller's trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) trace_id: TraceId,
    /// The caller's span. A load balancer sends none.
    pub(crate) parent: Option<u64>,
    /// The caller's sampling decision. A load balancer sends none.
    pub(crate) sampled: Option<bool>,
    /// W3C's `tracestate`, passed on unchanged.
    pub(crate) state: TraceState,
}

impl TraceId {
    /// A new id that X-Ray accepts: seconds since 1970, then 96 random bits (AWS X-Ray Developer
    /// Guide, "Trace ID format").
    pub(crate) fn generate() -> Self {
        let seconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // The id has 32 bits for the time, enough until 2106.
        let seconds = u128::from(seconds & 0xffff_ffff);
        let random = RandomIdGenerator::default().new_trace_id();
        Self(seconds << 96 | u128::from_be_bytes(random.to_bytes()) >> 32)
    }
}

impl Caller {
    /// The caller's trace from its headers. `X-Amzn-Trace-Id` goes first, because the load balancer's access log has
    /// it; then `traceparent`. If both name the same trace, `traceparent` fills in what the other leaves open.
    /// `tracestate` is read only with `traceparent`.
    pub(crate) fn from_headers<'a, V>(values: impl Fn(&'static str) -> V) -> Option<Self>
    where
        V: Iterator<Item = &'a str>,
    {
        let xray = only(values("x-amzn-trace-id")).and_then(Self::from_xray);
        let w3c = only(values("traceparent")).and_then(Self::from_w3c);
        let Some(w3c) = w3c else { return xray };
        let state = tracestate::read(values("tracestate"));
        match xray {
            None => Some(Self { state, ..w3c }),
            Some(xray) if xray.trace_id == w3c.trace_id => Some(Self {
                trace_id: xray.trace_id,
                parent: xray.parent.or(w3c.parent),
                sampled: xray.sampled.or(w3c.sampled),
                state,
            }),
            Some(xray) => Some(xray),
        }
    }

    /// A new trace, for a caller without one.
    pub(crate) fn none() -> Self {
        Self { trace_id: TraceId::generate(), parent: None, sampled: None, state: TraceState::NONE }
    }

    /// Reads an `X-Amzn-Trace-Id`: `Root=1-8hex-24hex`, with or without `Parent=16hex` and `Sampled=0` or `1` (AWS
    /// X-Ray Developer Guide, "Tracing header").
    pub(crate) fn from_xray(value: &str) -> Option<Self> {
        // An API gateway joins several lines with commas. A single header never has one.
        if value.contains(',') {
            return None;
        }
        let field = |name: &str| {
            value.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let (seconds, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
        // If the random part is zero, every request of the same second would share the id.
        let random = hex::<24>(rest).filter(|random| *random != 0)?;
        Some(Self {
            trace_id: TraceId(hex::<8>(seconds)? << 96 | random),
            parent: field("Parent").and_then(span_id),
            sampled: match field("Sampled") {
                Some("1") => Some(true),
                Some("0") => Some(false),
                // `?` asks this service to decide.
                _ => None,
            },
            state: TraceState::NONE,
        })
    }

    /// Reads a `traceparent` (W3C Trace Context, 3.2): `00-32hex-16hex-2hex`.
    fn from_w3c(value: &str) -> Option<Self> {
        if value.contains(',') {
            return None;
        }
        let mut fields = value.trim().split('-');
        let version = fields.next().filter(|version| *version != "ff")?;
        hex::<2>(version)?;
        let trace_id = hex::<32>(fields.next()?).filter(|id| *id != 0)?;
        let parent = span_id(fields.next()?)?;
        let flags = hex::<2>(fields.next()?)?;
        // Later versions may add fields, which are ignored. Version 00 has no more.
        if version == "00" && fields.next().is_some() {
            return None;
        }
        let sampled = Some(flags & 1 == 1);
        let state = TraceState::NONE;
        Some(Self { trace_id: TraceId(trace_id), parent: Some(parent), sampled, state })
    }
}

/// OpenTelemetry's form: 32 hexadecimal digits.
impl fmt::LowerHex for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// X-Ray's form, which its console searches for: `1-8hex-24hex`.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1-{:08x}-{:024x}", self.0 >> 96, self.0 & ((1 << 96) - 1))
    }
}

/// The value of a header that holds one id. If the header comes twice, it counts as missing, because other systems
/// may have used either one (W3C Trace Context starts a new trace, too).
pub(crate) fn only<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

fn span_id(text: &str) -> Option<u64> {
    hex::<16>(text).and_then(|id| u64::try_from(id).ok()).filter(|id| *id != 0)
}

fn hex<const DIGITS: usize>(text: &str) -> Option<u128> {
    // Both standards demand lower case.
    let proper =
        text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    proper.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const XRAY: &str = "1-67891233-abcdef012345678912345678";
    const W3C: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn caller(parent: Option<u64>, sampled: Option<bool>) -> Caller {
        let trace_id = TraceId(0x6789_1233_abcd_ef01_2345_6789_1234_5678);
        Caller { trace_id, parent, sampled, state: TraceState::NONE }
    }

    fn from_headers(headers: &[(&str, &str)]) -> Option<Caller> {
        Caller::from_headers(|wanted| {
            headers.iter().filter(move |(name, _)| *name == wanted).map(|(_, value)| *value)
        })
    }

    #[test]
    fn the_load_balancers_root_has_no_parent_and_no_sampling_decision() {
        for value in [
            format!("Root={XRAY}"),
            format!("Self=1-67891234-12456789abcdef012345678a;Root={XRAY};CalledFrom=app"),
            format!("Root={XRAY};Parent=0000000000000000;Sampled=?"),
            format!("Root={XRAY};Parent=53995;Sampled="),
        ] {
            assert_eq!(Caller::from_xray(&value), Some(caller(None, None)), "{value}");
        }
        assert_eq!(caller(None, None).trace_id.to_string(), XRAY);
        assert_eq!(
            format!("{:x}", caller(None, None).trace_id),
            "67891233abcdef012345678912345678"
        );
    }

    #[test]
    fn a_caller_with_a_span_decides() {
        let parent = Some(0x5399_5c3f_42cd_8ad8);
        for (sampled, decision) in [("1", Some(true)), ("0", Some(false)), ("?", None)] {
            let value = format!("Root={XRAY}; Parent=53995c3f42cd8ad8; Sampled={sampled}");
            assert_eq!(Caller::from_xray(&value), Some(caller(parent, decision)), "{value}");
        }
        let value = format!("Root={XRAY};Sampled=1");
        assert_eq!(Caller::from_xray(&value), Some(caller(None, Some(true))));
    }

    #[test]
    fn an_invalid_header_is_ignored() {
        for bad in [
            "",
            "Root=",
            "Root=1-1-1",
            "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=2-67891233-abcdef012345678912345678",
            "Root=1-67891233-ABCDEF012345678912345678",
            "Root=1-6789123é-abcdef012345678912345678",
            "Rooted=1-67891233-abcdef012345678912345678",
            "Root=1-67891233-000000000000000000000000;Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=1-67891233-abcdef012345678912345678;Sampled=1,Root=1-67891234-abcdef012345678912345678",
        ] {
            assert_eq!(Caller::from_xray(bad), None, "{bad}");
        }
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-02",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x,01-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-01-x",
        ] {
            assert_eq!(Caller::from_w3c(bad), None, "{bad}");
        }
    }

    #[test]
    fn traceparent_is_used_if_there_is_no_xray_header() {
        let found = from_headers(&[("traceparent", W3C)]).unwrap();
        assert_eq!(found.trace_id.to_string(), "1-0af76519-16cd43dd8448eb211c80319c");
        assert_eq!((found.parent, found.sampled), (Some(0xb7ad_6b71_6920_3331), Some(true)));
        assert_eq!(Caller::from_w3c(&W3C.replace("-01", "-02")).unwrap().sampled, Some(false));
        assert!(Caller::from_w3c(&W3C.replace("00-", "01-").replace("-01", "-01-x")).is_some());
        let xray = format!("Root={XRAY}");
        let both = [("traceparent", W3C), ("x-amzn-trace-id", xray.as_str())];
        assert_eq!(from_headers(&both).unwrap().trace_id.to_string(), XRAY);
    }

    #[test]
    fn tracestate_is_used_only_with_traceparent() {
        let state = [("tracestate", "a=1"), ("tracestate", "b=2")];
        let read = |headers: &[_]| {
            let caller = from_headers(&[headers, &state[..]].concat())?;
            Some((caller.parent, caller.sampled, caller.state.header()))
        };
        let w3c = ("traceparent", W3C);
        let of_w3c = (Some(0xb7ad_6b71_6920_3331), Some(true), "a=1,b=2".to_owned());
        assert_eq!(read(&[w3c]), Some(of_w3c.clone()));
        assert_eq!(read(&[]), None);
        let other = format!("Root={XRAY}");
        assert_eq!(read(&[("x-amzn-trace-id", &other), w3c]), Some((None, None, String::new())));
        let same = "Root=1-0af76519-16cd43dd8448eb211c80319c";
        assert_eq!(read(&[("x-amzn-trace-id", same), w3c]), Some(of_w3c));
        let whole = format!("{same};Parent=53995c3f42cd8ad8;Sampled=0");
        let of_whole = (Some(0x5399_5c3f_42cd_8ad8), Some(false), "a=1,b=2".to_owned());
        assert_eq!(read(&[("x-amzn-trace-id", &whole), w3c]), Some(of_whole));
    }

    #[test]
    fn an_id_that_is_sent_twice_is_ignored() {
        let xray = format!("Root={XRAY}");
        let (xray, w3c) = (("x-amzn-trace-id", xray.as_str()), ("traceparent", W3C));
        assert_eq!(from_headers(&[xray, xray]), None);
        assert_eq!(from_headers(&[w3c, ("traceparent", "")]), None);
        assert_eq!(from_headers(&[xray, ("x-amzn-trace-id", ""), w3c]), from_headers(&[w3c]));
    }

    #[test]
    fn a_new_trace_id_contains_the_time() {
        let (one, other) = (TraceId::generate(), TraceId::generate());
        assert_ne!(one, other);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(u128::from(now) - (one.0 >> 96) < 60);
        assert_eq!(Caller::from_xray(&format!("Root={one}")).unwrap().trace_id, one);
    }
}
