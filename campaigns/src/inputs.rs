//! Makes inputs that nobody would write: good ones, changed at random.

use std::fmt::Write as _;

use fastrand::Rng;

/// The most changes to one input.
const MAX_CHANGES: usize = 6;
/// Inputs are not changed beyond this length.
const MAX_BYTES: usize = 1 << 16;

/// Complete requests. `ID` is replaced by an item's id.
const REQUESTS: &[&str] = &[
    "GET /picus/get/ID HTTP/1.1\r\nHost: x\r\n\r\n",
    "HEAD /picus/get/ID HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"abc\", W/\"d\"\r\n\r\n",
    "GET /picus/list HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
    "GET /picus/list?limit=3&cursor=AAECAwQ HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /health HTTP/1.0\r\n\r\n",
    "GET /openapi.json HTTP/1.1\r\nHost: x:8080\r\nConnection: close\r\n\r\n",
    "OPTIONS /picus/put HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "DELETE /picus/ID HTTP/1.1\r\nHost: x\r\nIf-Match: *\r\nContent-Length: 0\r\n\r\n",
    "GET http://x/picus/get/%C3%A4?q=%zz#f HTTP/1.1\r\nHost: x\r\nX-Request-Id: a-b\r\n\r\n",
    "GET /picus/get/a HTTP/1.1\r\nHost: x\r\nX-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1\r\n\
     traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b,c=d\r\n\
     baggage: user=1;p=2\r\n\r\n",
    "POST /picus/put HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\n\
     Idempotency-Key: order-17\r\nContent-Length: 8\r\n\r\n{\"a\": 1}",
    "POST /picus/put HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\
     Expect: 100-continue\r\n\r\n5;x=y\r\n{\"a\":\r\n3\r\n 1}\r\n0\r\nTrailer: t\r\n\r\n",
];

/// Pieces with a meaning somewhere.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"%00",
    b"%",
    b"../",
    b"//",
    b"?",
    b"#",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"\"",
    b"=",
    b"HTTP/1.1",
    b"HTTP/9.9",
    b"Host: y\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Connection: upgrade\r\n",
    b"Upgrade: h2c\r\n",
    b"Range: bytes=0-\r\n",
    b"Expect: 100-continue\r\n",
    b"ffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"1E400",
    b"-0",
    b"1e-130",
    b"99999999999999999999999999999999999999",
    b"\\u0000",
    b"\\ud800",
    b"\\",
    b"\"object_id\":",
    b"\xef\xbb\xbf",
];

/// JSON values, and texts that are almost JSON.
const SCALARS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1",
    "1.50",
    "1E125",
    "1e126",
    "-1e-130",
    "1e-131",
    "01",
    "+1",
    ".5",
    "1.",
    "123456789012345678901234567890.12345678",
    "1234567890123456789012345678901234567890",
    "NaN",
    "Infinity",
    "\"\"",
    "\"a\"",
    "\"\\u00e4\\n\\/\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\x\"",
    "\"\u{7f}\u{e4}\u{1f600}\"",
    "\"\t\"",
    "tru",
];
const NAMES: &[&str] = &["a", "b", "", "object_id", "\\u0061", "\u{e4}", "S", "$", "a.b", "__type"];

/// A request, changed.
pub(crate) fn request(rng: &mut Rng, id: &str) -> Vec<u8> {
    let request = choice(rng, REQUESTS).replace("ID", id);
    changed(rng, request.into_bytes())
}

/// A body that is JSON, or almost.
pub(crate) fn body(rng: &mut Rng) -> Vec<u8> {
    let depth = choice(rng, &[1, 2, 4, 40]);
    let mut text = String::new();
    object(rng, depth, &mut text);
    if rng.bool() { text.into_bytes() } else { changed(rng, text.into_bytes()) }
}

fn object(rng: &mut Rng, depth: usize, text: &mut String) {
    text.push('{');
    for member in 0..rng.usize(0..4) {
        if member > 0 {
            text.push(',');
        }
        let name = choice(rng, NAMES);
        let number = if rng.bool() { member.to_string() } else { String::new() };
        // Writing to a string never fails.
        let _ = write!(text, "\"{name}{number}\":");
        value(rng, depth, text);
    }
    text.push('}');
}

fn value(rng: &mut Rng, depth: usize, text: &mut String) {
    // At depth, only one member goes deeper, so that the body does not grow with each level.
    match rng.u8(..if depth > 4 { 20 } else { 4 }) {
        0 | 1 => text.push_str(choice(rng, SCALARS)),
        2 if depth > 0 => object(rng, depth - 1, text),
        _ if depth > 0 => {
            text.push('[');
            value(rng, depth - 1, text);
            if rng.u8(..4) == 0 {
                text.push(',');
                text.push_str(choice(rng, SCALARS));
            }
            text.push(']');
        }
        _ => text.push('1'),
    }
}

fn changed(rng: &mut Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..rng.usize(0..=MAX_CHANGES) {
        let at = rng.usize(0..=bytes.len());
        let end = (at + rng.usize(1..16)).min(bytes.len());
        match rng.u8(..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 if at < bytes.len() => bytes[at] = rng.u8(..),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].repeat(rng.usize(1..4));
                insert(&mut bytes, at, &piece);
            }
            4 => bytes.truncate(at),
            // Now and then, longer than any limit on names, values and headers.
            5 if rng.u8(..20) == 0 => {
                let piece = vec![rng.u8(..); 1 << rng.u8(4..16)];
                insert(&mut bytes, at, &piece);
            }
            _ => insert(&mut bytes, at, choice(rng, PIECES)),
        }
        bytes.truncate(MAX_BYTES);
    }
    bytes
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(bytes.splice(at..at, piece.iter().copied()));
}

fn choice<T: Copy>(rng: &mut Rng, among: &[T]) -> T {
    among[rng.usize(..among.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_many_bodies_are_json() {
        let inputs = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..2000).map(|_| (request(&mut rng, "id"), body(&mut rng))).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).is_ok();
        let good = inputs(1).iter().filter(|(_, body)| json(body)).count();
        assert!((300..1700).contains(&good), "{good}");
    }
}
