//! Trace ids across processes: the `X-Amzn-Trace-Id` of AWS, and W3C's `traceparent`.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// A trace's id: 128 bits, the first 32 of them the time in seconds where X-Ray made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(u128);

impl TraceId {
    /// A new id that X-Ray accepts: seconds since 1970, then 96 random bits (AWS X-Ray Developer
    /// Guide, "Trace ID format").
    pub(crate) fn generate() -> Self {
        let seconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // The id's field has 32 bits, until the year 2106.
        let seconds = u128::from(seconds & 0xffff_ffff);
        Self(seconds << 96 | Uuid::new_v4().as_u128() >> 32)
    }

    /// The trace that the caller is in, by the headers it sent: `X-Amzn-Trace-Id` first, for the
    /// load balancer's access log has that one, then `traceparent`.
    pub(crate) fn from_headers(header: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let xray = header("x-amzn-trace-id").and_then(|value| Self::from_xray(&value));
        xray.or_else(|| Self::from_w3c(&header("traceparent")?))
    }

    /// Reads the `Root=1-8hex-24hex` among the fields of an `X-Amzn-Trace-Id`.
    pub(crate) fn from_xray(value: &str) -> Option<Self> {
        let root = value.split(';').find_map(|field| field.trim().strip_prefix("Root="))?;
        let (seconds, rest) = root.strip_prefix("1-")?.split_once('-')?;
        Some(Self(hex::<8>(seconds)? << 96 | hex::<24>(rest)?))
    }

    /// Reads a `traceparent` (W3C Trace Context, 3.2): `00-32hex-16hex-2hex`.
    fn from_w3c(value: &str) -> Option<Self> {
        let mut fields = value.trim().split('-');
        let version = fields.next().filter(|version| *version != "ff")?;
        hex::<2>(version)?;
        let id = hex::<32>(fields.next()?).filter(|id| *id != 0)?;
        hex::<16>(fields.next()?).filter(|parent| *parent != 0)?;
        hex::<2>(fields.next()?)?;
        Some(Self(id))
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

fn hex<const DIGITS: usize>(text: &str) -> Option<u128> {
    // Both standards write lower case.
    let proper =
        text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    proper.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const XRAY: &str = "1-67891233-abcdef012345678912345678";

    #[test]
    fn the_load_balancers_root_is_the_trace_id() {
        for value in [
            format!("Root={XRAY}"),
            format!("Self=1-67891234-12456789abcdef012345678a;Root={XRAY};CalledFrom=app"),
            format!("Root={XRAY};Parent=53995c3f42cd8ad8;Sampled=1"),
        ] {
            let id = TraceId::from_xray(&value).unwrap();
            assert_eq!(id.to_string(), XRAY);
            assert_eq!(format!("{id:x}"), "67891233abcdef012345678912345678");
        }
    }

    #[test]
    fn a_bad_header_is_no_trace() {
        for bad in [
            "",
            "Root=",
            "Root=1-1-1",
            "Root=2-67891233-abcdef012345678912345678",
            "Root=1-67891233-ABCDEF012345678912345678",
            "Root=1-6789123é-abcdef012345678912345678",
        ] {
            assert_eq!(TraceId::from_xray(bad), None, "{bad}");
        }
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceId::from_w3c(bad), None, "{bad}");
        }
    }

    #[test]
    fn traceparent_is_taken_where_there_is_no_xray_header() {
        let w3c = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let only_w3c = |name: &str| (name == "traceparent").then(|| w3c.to_owned());
        let id = TraceId::from_headers(only_w3c).unwrap();
        assert_eq!(id.to_string(), "1-0af76519-16cd43dd8448eb211c80319c");
        let both = |name: &str| {
            Some(if name == "traceparent" { w3c.into() } else { format!("Root={XRAY}") })
        };
        assert_eq!(TraceId::from_headers(both).unwrap().to_string(), XRAY);
    }

    #[test]
    fn a_new_id_carries_the_time() {
        let (one, other) = (TraceId::generate(), TraceId::generate());
        assert_ne!(one, other);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(u128::from(now) - (one.0 >> 96) < 60);
        assert_eq!(TraceId::from_xray(&format!("Root={one}")), Some(one));
    }
}
