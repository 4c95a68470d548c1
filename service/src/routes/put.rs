//! `POST /picus/put`

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use picus_items::{Code, Error, IdempotencyKey, Item, Table};
use serde_json::json;

use crate::body::{self, BodyLimits};
use crate::edge::ObjectId;
use crate::openapi::{self, Failure};
use crate::problem::Problem;

/// Put an item.
///
/// The item gets an id: a random one, or the one that its `Idempotency-Key` stands for, so that the
/// same request may be sent again and writes once.
#[utoipa::path(
    post, path = "/picus/put", tag = "items", operation_id = "putItem",
    security((), ("token" = [])),
    params(openapi::IdempotencyKeyParameter),
    request_body(content = openapi::NewItem, description = "Any JSON object without an `object_id`."),
    responses(
        (status = 201, description = "The item is stored.", body = openapi::Stored,
         headers(("Location" = String, description = "Where the item is."))),
        (status = 408, description = "The body came too slowly.", body = Failure),
        (status = 409, description = "The Idempotency-Key was used for another body.", body = Failure),
        (status = 413, description = "The item is over DynamoDB's 400 KB.", body = Failure),
        (status = 415, description = "The content type is not application/json, in UTF-8, or the body has a content encoding.", body = Failure),
        openapi::BadRequest, openapi::Trouble,
    ),
)]
pub(crate) async fn put(
    request: HttpRequest,
    payload: Payload,
    limits: Data<BodyLimits>,
    table: Data<Table>,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(&request)?;
    let body = body::read_json(&request, payload, &limits).await?;
    let item = Item::parse(&body)?;
    let id = table.put(item, key.as_ref()).await?.to_string();
    let response = HttpResponse::Created()
        .insert_header((LOCATION, format!("/picus/get/{id}")))
        .json(json!({ "object_id": id }));
    request.extensions_mut().insert(ObjectId(id));
    Ok(response)
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Error> {
    let mut values = request.headers().get_all("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::new(Code::InvalidIdempotencyKey, "Idempotency-Key is given twice"));
    }
    // What is no text is no visible ASCII either, and is refused as such.
    IdempotencyKey::new(value.to_str().unwrap_or_default()).map(Some)
}
