//! Keys from a path or a header.

use std::fmt;

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::error::{Error, ErrorKind};

/// DynamoDB's limit for a partition key, in bytes (Amazon DynamoDB Developer Guide, "Quotas").
const MAX_KEY_BYTES: usize = 2048;
/// Long enough for any UUID or hash, and short enough for a header.
const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;

/// The namespace (RFC 9562, 5.5) that turns idempotency keys into object ids: the version 5 UUID of
/// `picus.idempotency-key` in the DNS namespace. It must never change, otherwise repeated requests would write again.
const IDEMPOTENCY_NAMESPACE: Uuid = Uuid::from_u128(0xb195_dcb6_00e1_519a_88b1_b3cf_6054_9b68);

/// The `object_id` of an item: 1 to 2048 bytes of UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// Uses a text as key.
    ///
    /// # Errors
    /// [`ErrorKind::MissingKey`] if it is empty, [`ErrorKind::InvalidKey`] if it is too long.
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = key.into();
        if key.is_empty() {
            return Err(Error::new(ErrorKind::MissingKey, "Missing key path parameter"));
        }
        if key.len() > MAX_KEY_BYTES {
            let message =
                format!("The key has {} bytes; a key has at most {MAX_KEY_BYTES}", key.len());
            return Err(Error::new(ErrorKind::InvalidKey, message));
        }
        Ok(Self(key))
    }

    /// Decodes a key from a URL's path (RFC 3986, 2.1).
    ///
    /// # Errors
    /// The errors of [`Key::new`], and [`ErrorKind::InvalidKey`] if it is badly encoded or not UTF-8.
    pub fn from_path_segment(segment: &str) -> Result<Self, Error> {
        if !well_percent_encoded(segment.as_bytes()) {
            let message = "The key is badly percent-encoded: write % as %25, followed by nothing \
                           or by two hexadecimal digits for a byte of UTF-8";
            return Err(Error::new(ErrorKind::InvalidKey, message));
        }
        match percent_decode_str(segment).decode_utf8() {
            Ok(key) => Self::new(key),
            Err(_) => Err(Error::new(
                ErrorKind::InvalidKey,
                "The key's percent-encoded bytes are not UTF-8",
            )),
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether two hexadecimal digits follow every `%`. The decoder accepts other text.
fn well_percent_encoded(text: &[u8]) -> bool {
    text.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The value of an `Idempotency-Key` header: 1 to 255 characters of visible ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Uses a header's value as key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidIdempotencyKey`] if it is empty, too long or not visible ASCII.
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = key.into();
        let sane = (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        if sane {
            Ok(Self(key))
        } else {
            let message = format!(
                "Idempotency-Key must be 1 to {MAX_IDEMPOTENCY_KEY_BYTES} characters of visible ASCII"
            );
            Err(Error::new(ErrorKind::InvalidIdempotencyKey, message))
        }
    }

    /// The id of the item that belongs to this key.
    pub(crate) fn object_id(&self) -> Uuid {
        Uuid::new_v5(&IDEMPOTENCY_NAMESPACE, self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(result: Result<Key, Error>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn a_path_segment_is_decoded_once() {
        assert_eq!(Key::from_path_segment("a%2Fb%20%C3%A9").unwrap().as_str(), "a/b é");
        assert_eq!(Key::from_path_segment("%2541").unwrap().as_str(), "%41");
        assert_eq!(Key::from_path_segment("a+b").unwrap().as_str(), "a+b");
    }

    #[test]
    fn bad_percent_encoding_is_refused() {
        for bad in ["%", "%4", "%zz", "a%", "%ff", "%C3", "%%41"] {
            assert_eq!(kind(Key::from_path_segment(bad)), ErrorKind::InvalidKey, "{bad}");
        }
    }

    #[test]
    fn a_key_has_1_to_2048_bytes() {
        assert_eq!(kind(Key::from_path_segment("")), ErrorKind::MissingKey);
        assert!(Key::new("é".repeat(1024)).is_ok());
        assert_eq!(kind(Key::new("é".repeat(1024) + "a")), ErrorKind::InvalidKey);
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii() {
        assert!(IdempotencyKey::new("\"2024-A_b\"").is_ok());
        assert!(IdempotencyKey::new("x".repeat(255)).is_ok());
        for bad in ["", "a b", "é", "a\n", &"x".repeat(256)] {
            assert!(IdempotencyKey::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_idempotency_key_always_names_the_same_item() {
        let id = |key: &str| IdempotencyKey::new(key).unwrap().object_id();
        assert_eq!(id("order-1"), id("order-1"));
        assert_ne!(id("order-1"), id("order-2"));
        let name = b"picus.idempotency-key";
        assert_eq!(IDEMPOTENCY_NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_DNS, name));
    }
}
