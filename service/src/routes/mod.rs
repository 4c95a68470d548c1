//! Every path there is, and who answers.

mod get;
mod list;
mod put;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use picus_items::{Code, Error};
use serde_json::json;

use crate::problem::Problem;
use crate::{limits, openapi};

pub(crate) use get::__path_get;
pub(crate) use list::__path_list;
pub(crate) use put::__path_put;

/// The routes that the latency objective holds for: those that clients wait for.
pub(crate) const OF_ITEMS: [&str; 3] = ["/picus/list", "/picus/put", "/picus/get/{key}"];

/// The route table. A path that is known answers other methods with 405.
pub(crate) fn configure(routes: &mut ServiceConfig) {
    let only_get = || web::to(async || Err::<HttpResponse, _>(Problem::method_not_allowed("GET")));
    let only_post =
        || web::to(async || Err::<HttpResponse, _>(Problem::method_not_allowed("POST")));
    routes
        .service(
            web::resource("/picus/list")
                .route(web::get().to(list::list))
                .default_service(only_get())
                .wrap(from_fn(limits::bounded)),
        )
        .service(
            web::resource("/picus/put")
                .route(web::post().to(put::put))
                .default_service(only_post())
                .wrap(from_fn(limits::bounded)),
        )
        .service(
            // The first of the patterns names the route in logs and metrics.
            web::resource(["/picus/get/{key}", "/picus/get/", "/picus/get"])
                .route(web::get().to(get::get))
                .default_service(only_get())
                .wrap(from_fn(limits::bounded)),
        )
        .service(web::resource("/picus/{key}").to(delete_handlers))
        .service(web::resource("/health").route(web::get().to(health)).default_service(only_get()))
        .service(
            web::resource("/openapi.json")
                .route(web::get().to(openapi::document))
                .default_service(only_get()),
        )
        .default_service(web::to(async || Err::<HttpResponse, _>(Problem::unknown_path())));
}

/// Is the service up?
#[utoipa::path(
    get, path = "/health", tag = "operations",
    responses((status = 200, description = "The service answers, whatever DynamoDB does.", body = openapi::Health)),
)]
pub(crate) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "healthy" }))
}

/// The path that the load balancer sends to the delete handler.
async fn delete_handlers(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if request.method() == Method::DELETE {
        let message = "The delete handler answers DELETE: send it to the load balancer";
        return Err(Error::new(Code::Misdirected, message).into());
    }
    Err(Problem::method_not_allowed("DELETE"))
}
