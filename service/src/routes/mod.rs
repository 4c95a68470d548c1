//! Who answers which path.

mod get;
mod list;
mod openapi;
mod put;

use std::future::ready;

use actix_web::guard::{Guard, fn_guard};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route};
use picus_api::Code;
use picus_api::body::Health;
use picus_api::route::{self, GET, HEALTH, ITEM, LIST, OPENAPI, PUT};

use crate::error::Error;
use crate::limits;

/// The routes that the latency SLO holds for: those that clients wait for.
pub(crate) const OF_ITEMS: [&str; 3] = [LIST, PUT, GET];

/// The route table. A path that is known answers other methods with 405.
pub(crate) fn configure(routes: &mut ServiceConfig) {
    routes
        .service(
            web::resource(LIST)
                .guard(sent_as(LIST))
                .route(web::get().to(list::list))
                .default_service(other_methods(LIST))
                .wrap(from_fn(limits::bounded)),
        )
        .service(
            web::resource(PUT)
                .guard(sent_as(PUT))
                .route(web::post().to(put::put))
                .default_service(other_methods(PUT))
                .wrap(from_fn(limits::bounded)),
        )
        .service(
            web::resource([GET, "/picus/get/", "/picus/get"])
                .guard(sent_as(GET))
                .route(web::get().to(get::get))
                .default_service(other_methods(GET))
                .wrap(from_fn(limits::bounded)),
        )
        .service(web::resource(ITEM).guard(sent_as(ITEM)).to(delete_handlers))
        .service(
            web::resource(HEALTH)
                .guard(sent_as(HEALTH))
                .route(web::get().to(health))
                .default_service(other_methods(HEALTH)),
        )
        .service(
            web::resource(OPENAPI)
                .guard(sent_as(OPENAPI))
                .route(web::get().to(openapi::document))
                .default_service(other_methods(OPENAPI)),
        )
        .default_service(web::to(async || refuse(picus_api::Error::unknown_path())));
}

/// Holds for a path that is of this template as it was sent. The router matches paths that it has
/// decoded: left to itself, it would take `/picus/l%69st`, whose key is `list`, for the list.
fn sent_as(of: &'static str) -> impl Guard {
    fn_guard(move |request| route::template(request.head().uri.path()) == of)
}

/// Refuses the methods that a path does not know.
fn other_methods(template: &'static str) -> Route {
    let error = move || picus_api::Error::method_not_allowed(route::allow(template));
    web::to(move || ready(refuse(error())))
}

fn refuse(error: picus_api::Error) -> Result<HttpResponse, Error> {
    Err(error.into())
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(Health::HEALTHY)
}

/// The path that the load balancer sends to the delete handler.
async fn delete_handlers(request: HttpRequest) -> Result<HttpResponse, Error> {
    if request.method() == Method::DELETE {
        let message = "The delete handler answers DELETE: send it to the load balancer";
        return refuse(picus_api::Error::new(Code::Misdirected, message));
    }
    refuse(picus_api::Error::method_not_allowed(route::allow(ITEM)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::web::Data;
    use actix_web::{App, test};

    use super::*;
    use picus_api::route::template;

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
