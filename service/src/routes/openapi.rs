//! `GET /openapi.json`

use std::sync::LazyLock;

use actix_web::HttpResponse;

use crate::answer::Answer;

pub(crate) async fn document() -> HttpResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        picus_api::document().to_pretty_json().expect("strings, numbers and maps become JSON")
    });
    HttpResponse::Ok().content_type("application/json").body(Answer::fixed(DOCUMENT.as_str()))
}
