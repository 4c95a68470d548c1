//! `GET /picus/get/{key}`

use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use picus_api::route;
use picus_items::{Key, Table};

use crate::error::Error;
use crate::object_id::ObjectId;

pub(crate) async fn get(request: HttpRequest, table: Data<Table>) -> Result<HttpResponse, Error> {
    // As it was sent: the framework's own segment is decoded, leniently.
    let segment = route::segment(request.uri().path(), route::GET_PARENT).unwrap_or_default();
    let key = Key::from_path_segment(segment)?;
    request.extensions_mut().insert(ObjectId(key.to_string()));
    let item = table.get(&key).await?;
    Ok(HttpResponse::Ok().json(item))
}
