//! The route table.

mod get;
mod list;
mod openapi;
mod put;

use std::future::ready;

use actix_web::guard::{self, Guard, fn_guard};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};
use picus_api::Code;
use picus_api::body::Health;
use picus_api::route::{self, GET, HEALTH, ITEM, LIST, OPENAPI, PUT};

use crate::error::Error;
use crate::limits;

/// The route table. Each known path answers HEAD like GET, lists its methods for OPTIONS, and refuses other methods
/// with 405.
pub(crate) fn configure(routes: &mut ServiceConfig) {
    routes
        .service(resource(LIST, &[]).route(reading().to(list::list)).wrap(from_fn(limits::bounded)))
        .service(resource(PUT, &[]).route(web::post().to(put::put)).wrap(from_fn(limits::bounded)))
        .service(
            resource(GET, &["/picus/get/", "/picus/get"])
                .route(reading().to(get::get))
                .wrap(from_fn(limits::bounded)),
        )
        .service(resource(ITEM, &[]).route(web::delete().to(misdirected)))
        .service(resource(HEALTH, &[]).route(reading().to(health)))
        .service(resource(OPENAPI, &[]).route(reading().to(openapi::document)))
        .default_service(web::to(async || refuse(picus_api::Error::unknown_path())));
}

/// A resource at `template` and `others`, so far with OPTIONS only.
fn resource(template: &'static str, others: &[&'static str]) -> Resource {
    let allow = route::allow(template);
    web::resource([&[template], others].concat())
        .guard(sent_as(template))
        .route(
            web::method(Method::OPTIONS).to(move || {
                ready(HttpResponse::NoContent().insert_header((ALLOW, allow)).finish())
            }),
        )
        .default_service(web::to(move || {
            ready(refuse(picus_api::Error::method_not_allowed(allow)))
        }))
}

/// GET, and HEAD, from whose response the edge removes the body.
fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Matches only if the path, as the client sent it, has this template. The router alone matches decoded paths: it
/// would route `/picus/l%69st`, whose key is `list`, to the list.
fn sent_as(of: &'static str) -> impl Guard {
    fn_guard(move |request| route::template(request.head().uri.path()) == of)
}

fn refuse(error: picus_api::Error) -> Result<HttpResponse, Error> {
    Err(error.into())
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(Health::HEALTHY)
}

/// The load balancer should have sent this call to the delete handler.
async fn misdirected() -> Result<HttpResponse, Error> {
    let message = "The delete handler answers DELETE: send it to the load balancer";
    refuse(picus_api::Error::new(Code::Misdirected, message))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::web::Data;
    use actix_web::{App, test};

    use super::*;
    use picus_api::route::template;
    use picus_items::Budget;

    use crate::limits::Limits;

    #[actix_web::test]
    async fn a_template_is_what_the_router_finds() {
        let limits = Data::new(Limits::new(1, &Budget::new(1 << 20), Duration::from_secs(5)));
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
            // `match_pattern` returns a resource's first pattern, whichever of its patterns matched.
            let found = found
                .map(|found| if found.starts_with("/picus/get") { GET.to_owned() } else { found });
            assert_eq!(template(path), found.unwrap_or_default(), "{path}");
        }
    }
}
