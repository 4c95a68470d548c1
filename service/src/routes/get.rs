//! `GET /picus/get/{key}`

use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use picus_items::{Key, Table};

use crate::edge::ObjectId;
use crate::openapi::{self, Failure};
use crate::problem::Problem;

/// Get an item.
///
/// What was put is there: reads are strongly consistent unless the operator chose otherwise.
#[utoipa::path(
    get, path = "/picus/get/{key}", tag = "items", operation_id = "getItem",
    params(openapi::KeyParameter),
    responses(
        (status = 200, description = "The item.", body = openapi::Item),
        (status = 404, description = "`Item with key '<key>' not found`", body = Failure),
        openapi::BadRequest, openapi::Trouble,
    ),
)]
pub(crate) async fn get(request: HttpRequest, table: Data<Table>) -> Result<HttpResponse, Problem> {
    let key = Key::from_path_segment(segment(request.uri().path()))?;
    request.extensions_mut().insert(ObjectId(key.to_string()));
    let item = table.get(&key).await?;
    Ok(HttpResponse::Ok().json(item))
}

/// The key's segment as it was sent: the framework's own is decoded, leniently.
fn segment(path: &str) -> &str {
    path.strip_prefix("/picus/get/").unwrap_or_default()
}
