//! `POST /picus/put`

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use picus_api::body::Stored;
use picus_api::precondition::Preconditions;
use picus_api::{Code, route};
use picus_items::{IdempotencyKey, Item, Table};

use crate::body::{self, BodyLimits};
use crate::error::Error;
use crate::object_id::ObjectId;

pub(crate) async fn put(
    request: HttpRequest,
    payload: Payload,
    limits: Data<BodyLimits>,
    table: Data<Table>,
) -> Result<HttpResponse, Error> {
    let key = idempotency_key(&request)?;
    let conditions = Preconditions::read(|name| request.headers().get_all(name));
    if conditions.unmet_by_nothing().is_some() {
        return Err(picus_api::Error::precondition_failed().into());
    }
    let body = body::read_json(&request, payload, &limits).await?;
    let item = Item::parse(&body)?;
    let object_id = table.put(item, key.as_ref()).await?.to_string();
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
    // What is no text is no visible ASCII either, and is refused as such.
    Ok(Some(IdempotencyKey::new(value.to_str().unwrap_or_default())?))
}
