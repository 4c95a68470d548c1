//! The answers that the HTTP library makes itself, to what it can't read.

/// What such an answer lacks on a connection that has served before, and the end of its head.
pub(super) const CLOSE: &[u8] = b"connection: close\r\n\r\n";

/// The status line and the only field before the date, of each answer of the library's own.
const HEADS: [&[u8]; 3] = [
    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: ",
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\ndate: ",
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\ndate: ",
];
/// A date, as HTTP has it, and the end of the head.
const REST: usize = "Thu, 26 Nov 2026 01:46:58 GMT\r\n\r\n".len();

/// Whether what is to be sent ends with an answer of the library's own that does not say that the
/// connection closes. Of the service's own answers none ends with its head and has so few fields.
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
    fn only_an_answer_of_the_librarys_own_lacks_its_notice() {
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
