//! `GET /picus/get/{key}`

use actix_web::http::header::ETAG;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use picus_api::precondition::{Preconditions, Unmet, etag};
use picus_api::route;
use picus_items::{Key, Table};

use crate::error::Error;
use crate::limits::Limits;
use crate::object_id::ObjectId;

pub(crate) async fn get(
    request: HttpRequest,
    limits: Data<Limits>,
    table: Data<Table>,
) -> Result<HttpResponse, Error> {
    // Taken from the path as the client sent it, because the framework decodes its segments too leniently.
    let segment = route::segment(request.uri().path(), route::GET_PARENT).unwrap_or_default();
    let key = Key::from_path_segment(segment)?;
    request.extensions_mut().insert(ObjectId(key.to_string()));
    let room = limits.room();
    let _place = limits.place(&request, &room).await?;
    let json = room.within(table.get(&key)).await?.to_json();
    let etag = etag(&json);
    let conditions = Preconditions::read(|name| request.headers().get_all(name));
    match conditions.unmet(&etag) {
        None => Ok(HttpResponse::Ok()
            .insert_header((ETAG, etag))
            .content_type("application/json")
            .body(limits.answer(json, room, false)?)),
        Some(Unmet::IfNoneMatch) => {
            Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish())
        }
        Some(Unmet::IfMatch) => Err(picus_api::Error::precondition_failed().into()),
    }
}
