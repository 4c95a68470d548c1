//! Refuses requests that no page of the console's own sent: other sites must neither read nor change anything.

use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Request};

use crate::answer::Refusal;

/// The header with the token.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-picus-token");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names of this machine for itself. A name that leads here only by DNS is not among them.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Refuses a request that another site may have sent, and a change without the token.
pub(crate) fn check<B>(request: &Request<B>, token: &str) -> Result<(), Refusal> {
    let host = text(request.headers(), &HOST).unwrap_or_default();
    let name = host.parse::<Authority>().map(|host| host.host().to_ascii_lowercase());
    if !name.is_ok_and(|name| LOOPBACK.contains(&&*name)) {
        return Err(Refusal::Forbidden("the Host header does not name this machine"));
    }
    let site = text(request.headers(), &FETCH_SITE);
    let is_page = !request.uri().path().starts_with("/api/");
    // A link on another site may lead to the page, but nothing else.
    if !is_page && !matches!(site, None | Some("same-origin" | "none")) {
        return Err(Refusal::Forbidden("another site sent this"));
    }
    if request.method() != Method::POST {
        return Ok(());
    }
    let own = format!("http://{host}");
    if text(request.headers(), &ORIGIN).is_some_and(|origin| origin != own) {
        return Err(Refusal::Forbidden("another site sent this"));
    }
    if text(request.headers(), &TOKEN) != Some(token) {
        return Err(Refusal::Forbidden("X-Picus-Token is not that of /api/session"));
    }
    Ok(())
}

/// A header that comes once; empty if it can't be read or comes more than once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let only = if values.next().is_none() { first.to_str().ok() } else { None };
    Some(only.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: (&str, &str) = ("Host", "127.0.0.1:8081");
    const RIGHT: (&str, &str) = ("X-Picus-Token", "right");

    fn is_let_in(method: &str, path: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap(), "right").is_ok()
    }

    #[test]
    fn only_names_of_this_machine_are_accepted_as_hosts() {
        for host in ["127.0.0.1", "127.0.0.1:8081", "localhost:1", "LOCALHOST", "[::1]:8081"] {
            assert!(is_let_in("GET", "/api/state", &[("Host", host)]), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example:8081", "localhost.", "", "a b", "[::2]"]
        {
            assert!(!is_let_in("GET", "/", &[("Host", host)]), "{host}");
        }
        assert!(!is_let_in("GET", "/", &[]));
        assert!(!is_let_in("GET", "/", &[OWN, OWN]));
    }

    #[test]
    fn another_site_may_link_to_the_page_but_read_nothing() {
        for site in ["cross-site", "same-site", "new"] {
            assert!(!is_let_in("GET", "/api/state", &[OWN, ("Sec-Fetch-Site", site)]), "{site}");
            assert!(is_let_in("GET", "/", &[OWN, ("Sec-Fetch-Site", site)]), "{site}");
        }
        for site in ["same-origin", "none"] {
            assert!(is_let_in("GET", "/api/state", &[OWN, ("Sec-Fetch-Site", site)]), "{site}");
        }
    }

    #[test]
    fn a_change_needs_the_token_and_the_pages_origin() {
        let post =
            |more: &[(&str, &str)]| is_let_in("POST", "/api/clock", &[&[OWN][..], more].concat());
        assert!(post(&[RIGHT]));
        assert!(post(&[RIGHT, ("Origin", "http://127.0.0.1:8081")]));
        assert!(!post(&[]));
        assert!(!post(&[("X-Picus-Token", "wrong")]));
        for origin in ["null", "http://127.0.0.1:8080", "https://127.0.0.1:8081", "http://evil"] {
            assert!(!post(&[RIGHT, ("Origin", origin)]), "{origin}");
        }
        assert!(!post(&[RIGHT, ("Sec-Fetch-Site", "same-site")]));
    }
}
