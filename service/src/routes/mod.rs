//! Every path there is, and who answers.

mod get;
mod list;
mod put;

use std::future::ready;

use actix_web::guard::{Guard, fn_guard};
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

const LIST: &str = "/picus/list";
const PUT: &str = "/picus/put";
const GET: &str = "/picus/get/{key}";
const ITEM: &str = "/picus/{key}";
/// Asked for by the load balancer and the container, and nobody's to trace.
pub(crate) const HEALTH: &str = "/health";
const OPENAPI: &str = "/openapi.json";

/// The routes that the latency objective holds for: those that clients wait for.
pub(crate) const OF_ITEMS: [&str; 3] = [LIST, PUT, GET];

/// The template of a path, for logs, metrics and traces; empty where it is none of ours. The
/// framework's own answer to that costs as much as a second routing.
pub(crate) fn template(path: &str) -> &'static str {
    let key_below = |parent| path.strip_prefix(parent).is_some_and(|key| !key.contains('/'));
    match path {
        LIST => LIST,
        PUT => PUT,
        HEALTH => HEALTH,
        OPENAPI => OPENAPI,
        "/picus/get" => GET,
        _ if key_below("/picus/get/") => GET,
        "/picus/" => "",
        _ if key_below("/picus/") => ITEM,
        _ => "",
    }
}

/// The route table. A path that is known answers other methods with 405.
pub(crate) fn configure(routes: &mut ServiceConfig) {
    let only = |method| web::to(move || ready(refuse(Error::method_not_allowed(method))));
    routes
        .service(
            web::resource(LIST)
                .guard(sent_as(LIST))
                .route(web::get().to(list::list))
                .default_service(only("GET"))
                .wrap(from_fn(limits::bounded)),
        )
        .service(
            web::resource(PUT)
                .guard(sent_as(PUT))
                .route(web::post().to(put::put))
                .default_service(only("POST"))
                .wrap(from_fn(limits::bounded)),
        )
        .service(
            web::resource([GET, "/picus/get/", "/picus/get"])
                .guard(sent_as(GET))
                .route(web::get().to(get::get))
                .default_service(only("GET"))
                .wrap(from_fn(limits::bounded)),
        )
        .service(web::resource(ITEM).guard(sent_as(ITEM)).to(delete_handlers))
        .service(
            web::resource(HEALTH)
                .guard(sent_as(HEALTH))
                .route(web::get().to(health))
                .default_service(only("GET")),
        )
        .service(
            web::resource(OPENAPI)
                .guard(sent_as(OPENAPI))
                .route(web::get().to(openapi::document))
                .default_service(only("GET")),
        )
        .default_service(web::to(async || refuse(Error::unknown_path())));
}

/// Holds for a path that is of this template as it was sent. The router matches paths that it has
/// decoded: left to itself, it would take `/picus/l%69st`, whose key is `list`, for the list.
fn sent_as(of: &'static str) -> impl Guard {
    fn_guard(move |request| template(request.head().uri.path()) == of)
}

fn refuse(error: Error) -> Result<HttpResponse, Problem> {
    Err(error.into())
}

/// Is the service up?
///
/// It is as long as it answers, whatever DynamoDB does.
#[utoipa::path(
    get, path = "/health", tag = "operations", operation_id = "getHealth",
    responses((status = 200, description = "The service answers.", body = openapi::Health), openapi::BadRequest),
)]
pub(crate) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "healthy" }))
}

/// The path that the load balancer sends to the delete handler.
async fn delete_handlers(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if request.method() == Method::DELETE {
        let message = "The delete handler answers DELETE: send it to the load balancer";
        return refuse(Error::new(Code::Misdirected, message));
    }
    refuse(Error::method_not_allowed("DELETE"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::web::Data;
    use actix_web::{App, test};

    use super::*;
    use crate::limits::Limits;

    #[actix_web::test]
    async fn a_template_is_what_the_router_finds() {
        let limits = Data::new(Limits::new(1, Duration::from_secs(5)));
        let app = App::new().app_data(limits).configure(configure);
        let app = test::init_service(app).await;
        for path in [
            LIST,
            PUT,
            HEALTH,
            OPENAPI,
            "/picus/get/a",
            "/picus/get/a%2Fb",
            "/picus/get/",
            "/picus/get",
            "/picus/a",
            "/picus/list/",
            "/picus/get/a/b",
            "/picus",
            "/picus/",
            "/",
            "/picus/a/b",
            "/health/",
        ] {
            let request = test::TestRequest::default().method(Method::PATCH).uri(path).to_request();
            let found = test::call_service(&app, request).await.request().match_pattern();
            // The other patterns of that resource are known by its first.
            let found = found
                .map(|found| if found.starts_with("/picus/get") { GET.to_owned() } else { found });
            assert_eq!(template(path), found.unwrap_or_default(), "{path}");
        }
    }
}
