//! The operations, whichever program answers them.

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
/// Without a limit, all of them, in a stream; a list that breaks off, its connection reset, is not
/// the whole list. With a limit, a page.
#[utoipa::path(
    get, path = route::LIST, tag = "items", operation_id = "listItems",
    params(ListParameters),
    responses(
        (status = 200, description = "The items, in no order that means anything.", body = [Item],
         headers(("Link" = String, description = "Where more items remain after a page: `<…>; rel=\"next\"` (RFC 8288)."))),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn list() {}

/// Put an item.
///
/// The item gets an id: a random one, or the one that its `Idempotency-Key` stands for, so that the
/// same request may be sent again and writes once.
#[utoipa::path(
    post, path = route::PUT, tag = "items", operation_id = "putItem",
    security((), ("token" = [])),
    params(IdempotencyKeyParameter),
    request_body(content = NewItem, description = "Any JSON object without an `object_id`."),
    responses(
        (status = 201, description = "The item is stored.", body = Stored,
         headers(("Location" = String, description = "Where the item is."))),
        (status = 408, description = "The body came too slowly.", body = ErrorBody),
        (status = 409, description = "The Idempotency-Key was used for another body.", body = ErrorBody),
        (status = 412, description = "`If-Match` was sent, and what is put anew is nothing that it could name.", body = ErrorBody),
        (status = 413, description = "The item is over DynamoDB's 400 KB.", body = ErrorBody),
        (status = 415, description = "The content type is not application/json, in UTF-8, or the body has a content encoding.", body = ErrorBody,
         headers(("Accept" = String, description = "`application/json`, where the content type is another."),
                 ("Accept-Encoding" = String, description = "`identity`, where the body has a content encoding."))),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn put() {}

/// Get an item.
///
/// What was put is there: reads are strongly consistent unless the operator chose otherwise.
#[utoipa::path(
    get, path = route::GET, tag = "items", operation_id = "getItem",
    params(KeyParameter, IfMatchParameter, IfNoneMatchParameter),
    responses(
        (status = 200, description = "The item.", body = Item,
         headers(("ETag" = String, description = "This state of the item, as a strong entity-tag."))),
        (status = 304, description = "The item is one that `If-None-Match` names.",
         headers(("ETag" = String, description = "This state of the item, as a strong entity-tag."))),
        (status = 412, description = "The item is none that `If-Match` names.", body = ErrorBody),
        (status = 404, description = "`Item with key '<key>' not found`", body = ErrorBody),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn get() {}

/// Delete an item.
///
/// Of concurrent deletes exactly one succeeds.
#[utoipa::path(
    delete, path = route::ITEM, tag = "items", operation_id = "deleteItem",
    security((), ("token" = [])),
    params(KeyParameter, IfMatchParameter, IfNoneMatchParameter),
    responses(
        (status = 200, description = "The item is gone.", body = Deleted),
        (status = 404, description = "`Item with key \"<key>\" not found`", body = ErrorBody),
        (status = 412, description = "The item is not the one that the condition names, or has changed meanwhile: it stays.", body = ErrorBody),
        BadRequest, ServerErrors,
    ),
)]
pub(super) fn delete() {}

/// Is the service up?
///
/// It is as long as it answers, whatever DynamoDB does.
#[utoipa::path(
    get, path = route::HEALTH, tag = "operations", operation_id = "getHealth",
    responses((status = 200, description = "The service answers.", body = Health), BadRequest),
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
    /// The most items that the page may have.
    #[param(minimum = 1, maximum = 1000, required = false)]
    limit: Option<u16>,
    /// Where the page begins: from the `Link` of the page before. Needs a limit.
    #[param(required = false)]
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct IdempotencyKeyParameter {
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

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct IfMatchParameter {
    /// Go on only if the item is one of these: strong entity-tags, from `ETag`, or `*`.
    #[param(rename = "If-Match", required = false)]
    if_match: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
struct IfNoneMatchParameter {
    /// Go on only if the item is none of these: entity-tags, from `ETag`, or `*`.
    #[param(rename = "If-None-Match", required = false)]
    if_none_match: String,
}

/// The client's mistakes that any call may meet.
#[derive(IntoResponses)]
#[response(
    status = 400,
    description = "The request can't be understood; the error says where and why."
)]
struct BadRequest<'a>(ErrorBody<'a>);

/// The errors of the service's own that any call may meet.
#[derive(IntoResponses)]
enum ServerErrors<'a> {
    #[response(
        status = 500,
        description = "Something else went wrong; the operators find it by the ids."
    )]
    Internal(ErrorBody<'a>),
    #[response(status = 503, description = "Too much at this time: come back after `Retry-After`.",
        headers(("Retry-After" = u32, description = "Seconds.")))]
    Busy(ErrorBody<'a>),
    #[response(status = 504, description = "The answer was not there in time.")]
    TooLate(ErrorBody<'a>),
}
