//! The contract as an OpenAPI 3.1 document, made from the code.

mod headers;
mod json;
mod security;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use picus_items::Code;
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, IntoResponses, OpenApi, PartialSchema, ToSchema};

use crate::routes;

use headers::ResponseIds;
pub(crate) use json::{Item, NewItem};
use security::Token;

/// `GET /openapi.json`
pub(crate) async fn document() -> HttpResponse {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| Api::openapi().to_pretty_json().unwrap_or_default());
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}

/// Picus keeps JSON objects.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Picus",
        description = "JSON objects, put, got, listed and deleted under one address.",
        contact(name = "Picus", url = "https://github.com/picus/picus")
    ),
    servers((url = "/", description = "The address that this document is served from.")),
    tags(
        (name = "items", description = "Put, get, list and delete JSON objects."),
        (name = "operations", description = "Watch the service."),
    ),
    paths(routes::list, routes::put, routes::get, delete, routes::health),
    security(()),
    modifiers(&ResponseIds, &Token)
)]
struct Api;

/// Delete an item.
///
/// Of concurrent deletes exactly one succeeds.
#[utoipa::path(
    delete, path = "/picus/{key}", tag = "items", operation_id = "deleteItem",
    params(KeyParameter),
    security((), ("token" = [])),
    responses(
        (status = 200, description = "The item is gone.", body = Deleted),
        (status = 404, description = "`Item with key \"<key>\" not found`", body = Failure),
        BadRequest, Trouble,
    ),
)]
#[expect(dead_code, reason = "the delete handler answers; only the description is here")]
fn delete() {}

/// The body of every error.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failure {
    /// What is wrong, and what to do about it, for people.
    error: String,
    code: CodeWord,
    /// The trace of this request, as AWS X-Ray writes it.
    #[schema(pattern = "^1-[0-9a-f]{8}-[0-9a-f]{24}$")]
    trace_id: String,
    /// This request: the `X-Request-Id` that was sent, or a new one.
    request_id: String,
}

/// What is wrong, for programs: these words are stable.
#[derive(Serialize)]
pub(crate) struct CodeWord;

impl PartialSchema for CodeWord {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .description(Some("What is wrong, for programs: these words are stable."))
            .enum_values(Some(Code::ALL.map(Code::as_str)))
            .into()
    }
}

impl ToSchema for CodeWord {}

/// What became of a put.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stored {
    /// The item's key.
    #[schema(format = "uuid")]
    object_id: String,
}

/// What became of a delete.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// `Item with key "<key>" deleted successfully`
    message: String,
}

/// Whether the service is up.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(pattern = "^healthy$")]
    status: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct KeyParameter {
    /// The item's `object_id`, percent-encoded: 1 to 2048 bytes of UTF-8.
    #[param(min_length = 1, max_length = 2048)]
    key: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct ListParameters {
    /// The most items that the page may have.
    #[param(minimum = 1, maximum = 1000, required = false)]
    limit: Option<u16>,
    /// Where the page begins: from the `Link` of the page before. Needs a limit.
    #[param(required = false)]
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct IdempotencyKeyParameter {
    /// The same key with the same body writes one item, however often it is sent.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        required = false
    )]
    idempotency_key: String,
}

/// The client's mistakes that any call may meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
#[response(
    status = 400,
    description = "The request can't be understood; the error says where and why."
)]
pub(crate) struct BadRequest(Failure);

/// The service's troubles that any call may meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum Trouble {
    #[response(
        status = 500,
        description = "Something else went wrong; the operators find it by the ids."
    )]
    Internal(Failure),
    #[response(status = 503, description = "Too much at this time: come back after `Retry-After`.",
        headers(("Retry-After" = u32, description = "Seconds.")))]
    Busy(Failure),
    #[response(status = 504, description = "The answer was not there in time.")]
    TooLate(Failure),
}
