//! Finds the HTTP library's own responses to requests that it can't parse, and adds `Connection: close`.

/// What such a response lacks if the connection has served before, and the end of its headers.
pub(super) const CLOSE: &[u8] = b"connection: close\r\n\r\n";

/// The beginning of each of these responses: the status line and the only header before the date.
const HEADS: [&[u8]; 3] = [
    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: ",
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\ndate: ",
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\ndate: ",
];
/// The length of the date and of the headers' end.
const REST: usize = "Thu, 26 Nov 2026 01:46:58 GMT\r\n\r\n".len();

/// Whether `bytes` end with one of the library's own responses, and it lacks `Connection: close`. The service's own
/// responses never end with their headers and have so few of them.
pub(super) fn is_missing(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r\n\r\n")
        && bytes
            .len()
            .checked_sub(REST)
            .is_some_and(|end| HEADS.iter().any(|head| bytes[..end].ends_with(head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_responses_of_the_library_itself_lack_the_notice() {
        let own = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Thu, 26 Nov 2026 01:46:58 GMT\r\n\r\n";
        assert!(is_missing(own.as_bytes()));
        assert!(is_missing(format!("HTTP/1.1 200 OK\r\n\r\n{{}}{own}").as_bytes()));
        for other in [
            own.replace("date", "connection: close\r\ndate"),
            own.replace("date", "x-request-id: a\r\ndate"),
            own.replace("400 Bad Request", "404 Not Found"),
            format!("{own}{{}}"),
            "0\r\n\r\n".to_owned(),
            String::new(),
        ] {
            assert!(!is_missing(other.as_bytes()), "{other}");
        }
    }
}
