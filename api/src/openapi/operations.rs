//! The operations of the service and of the delete handler.

#![expect(
    dead_code,
    reason = "utoipa describes an operation by a function, and programs answer it"
)]

use utoipa::{IntoParams, IntoResponses};

use super::item::{Item, NewItem};
use crate::body::{Deleted, Health, Stored};
use crate::error::ErrorBody;
use crate::route;

/// List items.
///
/// Without a limit, the response streams all items. If the connection is reset, the list is not complete. With a
/// limit, the response is one page.
#[utoipa::path(
    get, path = route::LIST, tag = "items", operation_id = "listItems",
    params(ListParameters),
    responses(
        (status = 200, description = "The items, in no particular order.", body = [Item],
         headers(("Link" = String, description = "The next page, if there are more items: `<…>; rel=\"next\"` (RFC 8288)."))),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn list() {}

/// Put an item.
///
/// The item gets an id: a random one, or the one that belongs to its `Idempotency-Key`. With a key, a client may send
/// the same request again, and the item is written once.
#[utoipa::path(
    post, path = route::PUT, tag = "items", operation_id = "putItem",
    security((), ("token" = [])),
    params(IdempotencyKeyParameter),
    request_body(content = NewItem, description = "Any JSON object without an `object_id`."),
    responses(
        (status = 201, description = "The item is stored.", body = Stored,
         headers(("Location" = String, description = "The path of the item."))),
        (status = 408, description = "The body came too slowly.", body = ErrorBody),
        (status = 409, description = "The Idempotency-Key was already used with another body.", body = ErrorBody),
        (status = 412, description = "`If-Match` was sent, but a new item can't match anything.", body = ErrorBody),
        (status = 413, description = "The item is larger than DynamoDB's limit of 400 KB.", body = ErrorBody),
        (status = 415, description = "The content type is not application/json in UTF-8, or the body has a content encoding.", body = ErrorBody,
         headers(("Accept" = String, description = "`application/json`, if the content type is wrong."),
                 ("Accept-Encoding" = String, description = "`identity`, if the body has a content encoding."))),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn put() {}

/// Get an item.
///
/// Reads are strongly consistent, so an item can be read at once after it was put, unless the operator chose
/// otherwise.
#[utoipa::path(
    get, path = route::GET, tag = "items", operation_id = "getItem",
    params(KeyParameter, IfMatchParameter, IfNoneMatchParameter),
    responses(
        (status = 200, description = "The item.", body = Item,
         headers(("ETag" = String, description = "The strong entity-tag of the item's current state."))),
        (status = 304, description = "`If-None-Match` names the item's current state.",
         headers(("ETag" = String, description = "The strong entity-tag of the item's current state."))),
        (status = 412, description = "`If-Match` does not name the item's current state.", body = ErrorBody),
        (status = 404, description = "`Item with key '<key>' not found`", body = ErrorBody),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn get() {}

/// Delete an item.
///
/// Of concurrent deletes of one item, exactly one succeeds.
#[utoipa::path(
    delete, path = route::ITEM, tag = "items", operation_id = "deleteItem",
    security((), ("token" = [])),
    params(KeyParameter, IfMatchParameter, IfNoneMatchParameter),
    responses(
        (status = 200, description = "The item is deleted.", body = Deleted),
        (status = 404, description = "`Item with key \"<key>\" not found`", body = ErrorBody),
        (status = 412, description = "The item is not in the state that the condition asks for, or has just changed. It is not deleted.", body = ErrorBody),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn delete() {}

/// Is the service up?
///
/// Answers as long as the service runs, whatever DynamoDB does.
#[utoipa::path(
    get, path = route::HEALTH, tag = "operations", operation_id = "getHealth",
    responses((status = 200, description = "The service is up.", body = Health), BadRequest),
)]
pub(super) fn health() {}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
struct KeyParameter {
    /// The item's `object_id`, percent-encoded: 1 to 2048 bytes of UTF-8.
    #[param(min_length = 1, max_length = 2048)]
    key: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParameters {
    /// The most items in the page.
    #[param(minimum = 1, maximum = 1000, required = false)]
    limit: Option<u16>,
    /// Where the page begins: from the `Link` of the previous page. Needs a limit.
    #[param(required = false)]
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct IdempotencyKeyParameter {
    /// The same key with the same body writes one item, however often the request is sent.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        required = false
    )]
    idempotency_key: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct IfMatchParameter {
    /// Continue only if the item has one of these strong entity-tags, which come from `ETag`; `*` means any item.
    #[param(rename = "If-Match", required = false)]
    if_match: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct IfNoneMatchParameter {
    /// Continue only if the item has none of these entity-tags, which come from `ETag`; `*` means any item.
    #[param(rename = "If-None-Match", required = false)]
    if_none_match: String,
}

/// Client errors that any call may return.
#[derive(IntoResponses)]
#[response(status = 400, description = "The request is malformed. The error says where and why.")]
struct BadRequest<'a>(ErrorBody<'a>);

/// Server errors that any call may return.
#[derive(IntoResponses)]
enum ServerErrors<'a> {
    #[response(
        status = 500,
        description = "Something else went wrong. Operators can find the request by the ids."
    )]
    Internal(ErrorBody<'a>),
    #[response(status = 503, description = "Too many requests. Try again after `Retry-After`.",
        headers(("Retry-After" = u32, description = "Seconds.")))]
    Busy(ErrorBody<'a>),
    #[response(status = 504, description = "The request took too long.")]
    TooLate(ErrorBody<'a>),
}
