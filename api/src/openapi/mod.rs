//! The OpenAPI 3.1 document, made from the types that are serialized.

mod item;
mod methods;
mod operations;
mod response_headers;
mod security;

use methods::EveryMethod;
use response_headers::EveryResponse;
use security::Token;
use utoipa::OpenApi;

/// Picus keeps JSON objects.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Picus",
        description = "Stores JSON objects: put, get, list and delete them.",
        contact(name = "Picus", url = "https://github.com/picus/picus")
    ),
    servers((url = "/", description = "The server that served this document.")),
    tags(
        (name = "items", description = "Put, get, list and delete JSON objects."),
        (name = "operations", description = "Watch the service."),
    ),
    paths(
        operations::list,
        operations::put,
        operations::get,
        operations::delete,
        operations::health
    ),
    security(()),
    modifiers(&EveryMethod, &EveryResponse, &Token)
)]
struct Api;

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::route;

    #[test]
    fn the_document_has_every_route_except_its_own() {
        let document = serde_json::to_value(document()).unwrap();
        let found: BTreeSet<_> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let routes = BTreeSet::from(route::ALL);
        let mut lacking = routes.difference(&found).filter(|path| **path != route::OPENAPI);
        if let Some(path) = lacking.next() {
            panic!("{path} has no operation: add it to operations.rs and to `paths` above");
        }
        let unknown: Vec<_> = found.difference(&routes).collect();
        assert!(unknown.is_empty(), "add to ALL in api/src/route.rs: {unknown:?}");
    }

    #[test]
    fn the_document_has_the_methods_that_are_allowed_and_no_others() {
        let document = serde_json::to_value(document()).unwrap();
        for (template, path) in document["paths"].as_object().unwrap() {
            let found: BTreeSet<_> =
                path.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
            let allowed: BTreeSet<_> = route::methods(template).map(str::to_owned).collect();
            assert_eq!(found, allowed, "{template}");
        }
    }
}
