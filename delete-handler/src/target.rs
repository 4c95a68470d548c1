//! What a request is to do, and to which item.

use picus_api::Error;
use picus_api::route::{self, GET, GET_PARENT, ITEM, ITEM_PARENT};
use picus_items::Key;

/// What the request is to do, and to what.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Whether the sender has decoded the path. To decode it again could name another item.
    pub(crate) decoded: bool,
}

/// The template of a path, for logs and metrics; empty where it is none of ours.
pub(crate) fn template(path: &str) -> &'static str {
    if route::segment(path, ITEM_PARENT).is_some() { ITEM } else { "" }
}

/// What a request wants of its target.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// That the item with this key goes.
    Delete(Key),
    /// To know the methods.
    Options,
}

/// What the request wants.
///
/// In a path that came decoded, a `/` of the key can't be told from one of the path. Such a path is
/// unknown: what was not named for certain is not deleted.
pub(crate) fn find(target: &Target) -> Result<Wanted, Error> {
    let Some(segment) = route::segment(&target.path, ITEM_PARENT) else {
        return Err(match route::segment(&target.path, GET_PARENT) {
            Some(_) => Error::method_not_allowed(route::allow(GET)),
            None => Error::unknown_path(),
        });
    };
    match target.method.as_str() {
        "DELETE" if target.decoded => Ok(Wanted::Delete(Key::new(segment)?)),
        "DELETE" => Ok(Wanted::Delete(Key::from_path_segment(segment)?)),
        "OPTIONS" => Ok(Wanted::Options),
        _ => Err(Error::method_not_allowed(route::allow(ITEM))),
    }
}

#[cfg(test)]
mod tests {
    use picus_api::Code;

    use super::*;

    fn key(target: &Target) -> Result<String, Error> {
        match find(target)? {
            Wanted::Delete(key) => Ok(key.to_string()),
            Wanted::Options => Ok("the methods".to_owned()),
        }
    }

    fn found(method: &str, path: &str) -> Result<String, (Code, Option<String>)> {
        key(&Target { method: method.into(), path: path.into(), decoded: false })
            .map_err(|error| (error.code(), error.headers().next().map(|(_, allow)| allow)))
    }

    #[test]
    fn the_key_is_the_last_segment_decoded() {
        assert_eq!(found("DELETE", "/picus/a%2Fb%C3%A9").unwrap(), "a/bé");
        assert_eq!(found("DELETE", "/picus/list").unwrap(), "list");
        assert_eq!(found("DELETE", "/picus/get").unwrap(), "get");
    }

    #[test]
    fn a_decoded_path_is_not_decoded_again() {
        for (path, expected) in [
            ("/picus/%41", Some("%41")),
            ("/picus/100%", Some("100%")),
            ("/picus/a+b é", Some("a+b é")),
            ("/picus/a/b", None),
        ] {
            let target = Target { method: "DELETE".into(), path: path.into(), decoded: true };
            assert_eq!(key(&target).ok().as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn an_options_request_asks_for_the_methods() {
        assert_eq!(found("OPTIONS", "/picus/a").unwrap(), "the methods");
    }

    #[test]
    fn other_requests_are_refused() {
        for (method, path, refusal) in [
            ("DELETE", "/picus/", (Code::MissingKey, None)),
            ("DELETE", "/picus/%zz", (Code::InvalidKey, None)),
            ("DELETE", "/picus/a/b", (Code::UnknownPath, None)),
            ("DELETE", "/picus", (Code::UnknownPath, None)),
            ("DELETE", "", (Code::UnknownPath, None)),
            ("DELETE", "/picus/get/a", (Code::MethodNotAllowed, Some("GET, HEAD, OPTIONS"))),
            ("GET", "/picus/a", (Code::MethodNotAllowed, Some("DELETE, OPTIONS"))),
            ("delete", "/picus/a", (Code::MethodNotAllowed, Some("DELETE, OPTIONS"))),
        ] {
            let refusal = (refusal.0, refusal.1.map(str::to_owned));
            assert_eq!(found(method, path), Err(refusal), "{method} {path}");
        }
    }
}
