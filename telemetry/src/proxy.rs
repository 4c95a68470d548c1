//! Chooses the proxy between telemetry and its collector.

use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use ureq::Proxy;
use ureq::http::Uri;

/// The proxy that the environment names for `endpoint`. Never one for this host itself, where the task's own
/// collector runs.
pub(crate) fn to(endpoint: &str) -> Option<Proxy> {
    choose(endpoint, |name| std::env::var(name).ok())
}

/// Describes the way to `endpoint` for a log line: hosts and ports, never a password.
pub(crate) fn way(endpoint: &str, proxy: Option<&Proxy>) -> String {
    let endpoint = endpoint.parse::<Uri>().unwrap_or_default();
    let mut way = endpoint.host().unwrap_or_default().to_owned();
    if let Some(port) = endpoint.port() {
        way = format!("{way}:{port}");
    }
    if let Some(proxy) = proxy {
        way = format!("{way} through the proxy {}:{}", proxy.host(), proxy.port());
    }
    way
}

/// The same rules as for calls to DynamoDB: `HTTP_PROXY`, then `ALL_PROXY`, unless `NO_PROXY` names the host. The
/// HTTP client's own rules would use `HTTPS_PROXY` for HTTP, too.
fn choose(endpoint: &str, read: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let endpoint: Uri = endpoint.parse().ok()?;
    if is_loopback(endpoint.host()?) {
        return None;
    }
    let first = |names: [&str; 2]| names.into_iter().find_map(&read).unwrap_or_default();
    let no_proxy = first(["NO_PROXY", "no_proxy"]);
    let named = [first(["HTTP_PROXY", "http_proxy"]), first(["ALL_PROXY", "all_proxy"])];
    let proxy = named.into_iter().find(|proxy| {
        let matcher = Matcher::builder().http(proxy.clone()).no(no_proxy.clone()).build();
        matcher.intercept(&endpoint).is_some()
    });
    Proxy::new(&proxy?).ok()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| {
        address.to_canonical().is_loopback()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = &'static [(&'static str, &'static str)];

    const PROXY: (&str, &str) = ("HTTP_PROXY", "http://user:secret@proxy:3128");

    fn chosen(endpoint: &str, set: Set) -> Option<String> {
        let read = |name: &str| Some(set.iter().find(|(found, _)| *found == name)?.1.to_owned());
        let proxy = choose(endpoint, read)?;
        Some(format!("{}:{}", proxy.host(), proxy.port()))
    }

    #[test]
    fn a_collector_on_this_host_is_reached_without_a_proxy() {
        for host in
            ["127.0.0.1", "127.8.8.8", "localhost", "LocalHost", "[::1]", "[::ffff:127.0.0.1]"]
        {
            let endpoint = format!("http://{host}:4318/v1/traces");
            assert_eq!(chosen(&endpoint, &[PROXY, ("ALL_PROXY", "http://all:1")]), None, "{host}");
        }
    }

    #[test]
    fn other_collectors_are_reached_through_the_http_proxy_unless_excluded() {
        const COLLECTOR: &str = "http://collector.internal:4318/v1/traces";
        let through = |set| chosen(COLLECTOR, set);
        assert_eq!(through(&[]), None);
        assert_eq!(through(&[PROXY]).as_deref(), Some("proxy:3128"));
        assert_eq!(through(&[("http_proxy", "proxy:1")]).as_deref(), Some("proxy:1"));
        assert_eq!(through(&[("ALL_PROXY", "http://all:1"), PROXY]).as_deref(), Some("proxy:3128"));
        assert_eq!(through(&[("ALL_PROXY", "http://all:1")]).as_deref(), Some("all:1"));
        assert_eq!(through(&[("HTTPS_PROXY", "http://tls:1")]), None, "it is for another scheme");
        assert_eq!(through(&[PROXY, ("NO_PROXY", "a.example, .internal")]), None);
        assert_eq!(through(&[PROXY, ("no_proxy", "*")]), None);
        assert_eq!(chosen("http://10.1.2.3:4318", &[PROXY, ("NO_PROXY", "10.0.0.0/8")]), None);
    }

    #[test]
    fn a_described_route_contains_no_password() {
        let proxy = Proxy::new(PROXY.1).unwrap();
        let told = way("http://user:secret@collector:4318/v1/traces", Some(&proxy));
        assert_eq!(told, "collector:4318 through the proxy proxy:3128");
        assert_eq!(way("http://127.0.0.1:4318/v1/traces", None), "127.0.0.1:4318");
    }
}
