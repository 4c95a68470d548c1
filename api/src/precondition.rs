//! Entity-tags, and the preconditions that clients set with them (RFC 9110, 8.8.3 and 13).

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use sha2::{Digest as _, Sha256};

/// The strong entity-tag of an item, from its JSON. The same JSON gives the same tag in both programs.
#[must_use]
pub fn etag(json: &[u8]) -> String {
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(json)))
}

/// The preconditions of a request.
#[derive(Debug, Default)]
pub struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// The precondition that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// `If-Match` does not name the item.
    IfMatch,
    /// `If-None-Match` names the item. To a GET, it is not modified.
    IfNoneMatch,
}

#[derive(Debug)]
enum Tags {
    /// `*`: any item.
    Any,
    These(Vec<Tag>),
}

#[derive(Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    /// With its quotes.
    opaque: String,
}

impl Preconditions {
    /// Reads the request's headers. `values` returns all values of a header by its lower-case name.
    pub fn read<V: AsRef<[u8]>, I: IntoIterator<Item = V>>(
        values: impl Fn(&'static str) -> I,
    ) -> Self {
        let tags = |name| Tags::read(values(name));
        Self { if_match: tags("if-match"), if_none_match: tags("if-none-match") }
    }

    /// Whether the request has no preconditions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// The precondition that an item with this tag does not meet; `None` if it meets all. A weak tag never matches in
    /// `If-Match` (RFC 9110, 13.1.1), but matches like a strong one in `If-None-Match` (13.1.2).
    #[must_use]
    pub fn unmet(&self, etag: &str) -> Option<Unmet> {
        let has = |tags: &Tags, weak_too: bool| match tags {
            Tags::Any => true,
            Tags::These(tags) => {
                tags.iter().any(|tag| tag.opaque == etag && (weak_too || !tag.weak))
            }
        };
        if self.if_match.as_ref().is_some_and(|tags| !has(tags, false)) {
            Some(Unmet::IfMatch)
        } else if self.if_none_match.as_ref().is_some_and(|tags| has(tags, true)) {
            Some(Unmet::IfNoneMatch)
        } else {
            None
        }
    }

    /// The precondition that a new item does not meet: nothing exists yet that `If-Match` could match.
    #[must_use]
    pub fn unmet_by_nothing(&self) -> Option<Unmet> {
        self.if_match.is_some().then_some(Unmet::IfMatch)
    }
}

impl Tags {
    fn read<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Option<Self> {
        let lines =
            values.into_iter().map(|value| String::from_utf8_lossy(value.as_ref()).into_owned());
        // Several lines are one list (RFC 9110, 5.3).
        let list = lines.reduce(|list, line| format!("{list},{line}"))?;
        Some(if list.trim() == "*" { Self::Any } else { Self::These(list_of_tags(&list)) })
    }
}

/// The tags of a list, up to the first thing that is not a tag. What can't be read matches nothing.
fn list_of_tags(mut list: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_start_matches([' ', '\t', ',']);
        let (weak, quoted) = match list.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, list),
        };
        let Some((opaque, rest)) = quoted.strip_prefix('"').and_then(|inner| inner.split_once('"'))
        else {
            return tags;
        };
        tags.push(Tag { weak, opaque: format!("\"{opaque}\"") });
        list = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"a,b\"";

    fn unmet(if_match: &[&'static str], if_none_match: &[&'static str]) -> Option<Unmet> {
        let values = |name| if name == "if-match" { if_match } else { if_none_match };
        Preconditions::read(|name| values(name).iter().copied()).unmet(ETAG)
    }

    #[test]
    fn if_match_accepts_a_listed_strong_tag_or_an_asterisk() {
        for met in [
            &[][..],
            &["*"],
            &[" * "],
            &[ETAG],
            &["\"x\", \"a,b\""],
            &["\"x\"", ETAG],
            &[",, W/\"a,b\" ,\t\"a,b\","],
        ] {
            assert_eq!(unmet(met, &[]), None, "{met:?}");
        }
        for failed in [
            &[""][..],
            &["\"x\""],
            &["W/\"a,b\""],
            &["a,b"],
            &["\"a,b"],
            &["x, \"a,b\""],
            &["*, *"],
        ] {
            assert_eq!(unmet(failed, &[]), Some(Unmet::IfMatch), "{failed:?}");
        }
    }

    #[test]
    fn if_none_match_refuses_a_listed_tag_weak_or_strong() {
        for met in [&["\"x\""][..], &["a,b"], &[""]] {
            assert_eq!(unmet(&[], met), None, "{met:?}");
        }
        for failed in [&["*"][..], &[ETAG], &["W/\"a,b\""], &["\"x\"", ETAG]] {
            assert_eq!(unmet(&[], failed), Some(Unmet::IfNoneMatch), "{failed:?}");
        }
        assert_eq!(unmet(&["\"x\""], &[ETAG]), Some(Unmet::IfMatch), "If-Match is checked first");
    }

    #[test]
    fn an_items_tag_is_made_from_its_json() {
        assert_eq!(etag(b"{}"), "\"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o\"");
        assert_ne!(etag(b"{}"), etag(b"{ }"));
    }
}
