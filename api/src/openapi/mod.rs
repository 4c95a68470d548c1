//! The contract as an OpenAPI 3.1 document, made from the types that are serialized.

mod item;
mod methods;
mod operations;
mod response_headers;

use methods::EveryMethod;
use response_headers::EveryResponse;
use utoipa::OpenApi;

/// Picus keeps JSON objects.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Picus",
        description = "JSON objects, put, got, listed and deleted under one address."
    ),
    paths(
        operations::list,
        operations::put,
        operations::get,
        operations::delete,
        operations::health
    ),
    modifiers(&EveryMethod, &EveryResponse)
)]
struct Api;

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
