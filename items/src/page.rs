//! Pages of a list, and cursors between them.

use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::error::{Error, ErrorKind};
use crate::item::Item;
use crate::key::Key;

/// The most items in a page.
const MAX_LIMIT: u16 = 1000;
/// Marks our cursors, and allows for another format later.
const CURSOR_PREFIX: &str = "1:";

/// Some items, and where the next page begins.
#[derive(Debug)]
pub struct Page {
    /// At most as many as requested.
    pub items: Vec<Item>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}

/// How many items a page may have: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// Parses the query's `limit`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidLimit`] unless it is a whole number from 1 to 1000.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // `str::parse` would accept a plus sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) if digits => Ok(Self(limit)),
            _ => {
                let message = format!("limit must be a whole number from 1 to {MAX_LIMIT}");
                Err(Error::new(ErrorKind::InvalidLimit, message))
            }
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// Where a page begins: after an item. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Key);

impl Cursor {
    /// Parses the query's `cursor`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCursor`] if this service did not make it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let key = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| Key::new(text.strip_prefix(CURSOR_PREFIX)?).ok());
        key.map(Self).ok_or_else(|| {
            let message = "cursor is not valid: use the Link header of the page before, or leave it out to \
                           start at the first page";
            Error::new(ErrorKind::InvalidCursor, message)
        })
    }

    pub(crate) fn after(key: Key) -> Self {
        Self(key)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0
    }
}

/// Its form in a query. None of its characters needs encoding.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(format!("{CURSOR_PREFIX}{}", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_1000() {
        assert_eq!(Limit::parse("1").unwrap().get(), 1);
        assert_eq!(Limit::parse("1000").unwrap().get(), 1000);
        assert_eq!(Limit::parse("007").unwrap().get(), 7, "leading zeros are ignored");
        for bad in ["", "0", "1001", "-1", "+1", " 1", "1.0", "1e2", "99999999999999999999", "ten"]
        {
            assert_eq!(Limit::parse(bad).unwrap_err().kind(), ErrorKind::InvalidLimit, "{bad}");
        }
    }

    #[test]
    fn a_cursor_decodes_to_the_key_it_was_made_from() {
        let cursor = Cursor::after(Key::new("é/?&").unwrap());
        assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
    }

    #[test]
    fn other_cursors_are_refused() {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        for bad in [
            "",
            "x",
            "é",
            "!!!!",
            &encode("2:a"),
            &encode("1:"),
            &encode("a"),
            &encode(&format!("1:{}", "k".repeat(2049))),
        ] {
            assert_eq!(Cursor::parse(bad).unwrap_err().kind(), ErrorKind::InvalidCursor, "{bad}");
        }
    }
}
