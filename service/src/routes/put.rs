//! `POST /picus/put`

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use picus_api::body::Stored;
use picus_api::precondition::Preconditions;
use picus_api::{Code, route};
use picus_items::{Content, IdempotencyKey, Item, Table};

use crate::body::{self, BodyLimits};
use crate::error::Error;
use crate::limits::Limits;
use crate::object_id::ObjectId;

pub(crate) async fn put(
    request: HttpRequest,
    payload: Payload,
    body_limits: Data<BodyLimits>,
    limits: Data<Limits>,
    table: Data<Table>,
) -> Result<HttpResponse, Error> {
    let key = idempotency_key(&request)?;
    let conditions = Preconditions::read(|name| request.headers().get_all(name));
    if conditions.unmet_by_nothing().is_some() {
        return Err(picus_api::Error::precondition_failed().into());
    }
    let room = limits.room();
    let body = body::read_json(&request, payload, &body_limits, &room, &limits.receiving).await?;
    // Only after the whole body has come.
    let _place = limits.place(&request, &room).await?;
    room.hold(Content::Item, Item::weight(&body)).map_err(picus_items::Error::from)?;
    let item = Item::parse(body)?;
    if key.is_none() {
        // Normally the body's memory is freed with the item. With an idempotency key, the body stays, to be compared
        // with the stored item.
        room.release(Content::Body);
    }
    let object_id = room.within(table.put(item, key.as_ref())).await?.to_string();
    request.extensions_mut().insert(ObjectId(object_id.clone()));
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, route::location(&object_id)))
        .json(Stored { object_id }))
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Error> {
    let mut values = request.headers().get_all("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        let message = "Idempotency-Key is given twice";
        return Err(picus_api::Error::new(Code::InvalidIdempotencyKey, message).into());
    }
    // Text that is not ASCII is refused like any other bad key.
    Ok(Some(IdempotencyKey::new(value.to_str().unwrap_or_default())?))
}
