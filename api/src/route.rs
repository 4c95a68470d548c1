//! Every path, its template, and its methods.

use std::fmt::Display;

/// Lists items.
pub const LIST: &str = "/picus/list";
/// Puts an item.
pub const PUT: &str = "/picus/put";
/// Gets an item.
pub const GET: &str = "/picus/get/{key}";
/// Deletes an item.
pub const ITEM: &str = "/picus/{key}";
/// Health checks of the load balancer and the container. They are never traced.
pub const HEALTH: &str = "/health";
/// The OpenAPI document.
pub const OPENAPI: &str = "/openapi.json";

/// Every template.
pub const ALL: [&str; 6] = [LIST, PUT, GET, ITEM, HEALTH, OPENAPI];
/// The service's routes that the latency SLO covers: those that clients wait for.
pub const SLO_OF_SERVICE: [&str; 3] = [LIST, PUT, GET];
/// The delete handler's routes that the latency SLO covers.
pub const SLO_OF_HANDLER: [&str; 1] = [ITEM];

/// The beginning of every path of [`GET`].
pub const GET_PARENT: &str = "/picus/get/";
/// The beginning of every path of [`ITEM`].
pub const ITEM_PARENT: &str = "/picus/";

/// The template of a path as the client sent it, for logs, metrics and traces; empty for an unknown path.
#[must_use]
pub fn template(path: &str) -> &'static str {
    if let Some(itself) = ALL.into_iter().find(|template| *template == path) {
        return itself;
    }
    match path {
        "/picus/get" => GET,
        ITEM_PARENT => "",
        _ if segment(path, GET_PARENT).is_some() => GET,
        _ if segment(path, ITEM_PARENT).is_some() => ITEM,
        _ => "",
    }
}

/// The only segment of a path below `parent`, still percent-encoded; `None` if there are more.
#[must_use]
pub fn segment<'a>(path: &'a str, parent: &str) -> Option<&'a str> {
    path.strip_prefix(parent).filter(|segment| !segment.contains('/'))
}

/// The methods of a template, as `Allow` lists them (RFC 9110, 10.2.1). Each path with GET has HEAD too (RFC 9110,
/// 9.1). The route table, the OpenAPI document and every `Allow` come from here.
#[must_use]
pub fn allow(template: &str) -> &'static str {
    match template {
        PUT => "POST, OPTIONS",
        ITEM => "DELETE, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    }
}

/// The methods of [`allow`], one by one.
pub fn methods(template: &str) -> impl Iterator<Item = &'static str> {
    allow(template).split(", ")
}

/// The value of `Location`: the path of an item that was put.
#[must_use]
pub fn location(object_id: impl Display) -> String {
    format!("{GET_PARENT}{object_id}")
}

/// The value of `Link` (RFC 8288): the next page of a list.
#[must_use]
pub fn next_page(limit: impl Display, cursor: impl Display) -> String {
    format!("<{LIST}?limit={limit}&cursor={cursor}>; rel=\"next\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_template_of_its_route() {
        for (path, expected) in [
            ("/picus/list", LIST),
            ("/picus/get", GET),
            ("/picus/get/", GET),
            ("/picus/get/a%2Fb", GET),
            ("/picus/get/a/b", ""),
            ("/picus/a", ITEM),
            ("/picus/l%69st", ITEM),
            ("/picus/", ""),
            ("/picus", ""),
            ("/health/", ""),
        ] {
            assert_eq!(template(path), expected, "{path}");
        }
    }
}
