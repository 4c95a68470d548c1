//! `GET /openapi.json`

use std::sync::LazyLock;

use actix_web::HttpResponse;

pub(crate) async fn document() -> HttpResponse {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| picus_api::document().to_pretty_json().unwrap_or_default());
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}
