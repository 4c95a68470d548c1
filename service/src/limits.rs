//! What keeps one request, or many, from taking all there is: a bound on requests in flight and a
//! deadline for each, which also catches a panic.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use futures_util::FutureExt as _;
use picus_api::{Code, Error};
use picus_catalogue as catalogue;
use pin_project_lite::pin_project;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;

use crate::error;

/// The bounds that all workers share.
pub(crate) struct Limits {
    in_flight: Arc<Semaphore>,
    request_timeout: Duration,
}

impl Limits {
    pub(crate) fn new(max_in_flight: usize, request_timeout: Duration) -> Self {
        Self { in_flight: Arc::new(Semaphore::new(max_in_flight)), request_timeout }
    }
}

/// Lets a request through if there is room, and only for as long as it may take to answer. It takes
/// up its room until its response's last byte.
pub(crate) async fn bounded(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let limits = request.app_data::<Data<Limits>>().expect("the application has limits").clone();
    let refused = request.request().clone();
    let refuse = move |error: Error| {
        Ok(ServiceResponse::from_err(error::Error(error), refused).map_into_right_body())
    };
    let Ok(permit) = limits.in_flight.clone().try_acquire_owned() else {
        metrics::counter!(catalogue::REQUESTS_SHED.name).increment(1);
        return refuse(Error::new(Code::Overloaded, "Too many requests at this time, retry later"));
    };
    // What a handler leaves half done when it panics goes with its request.
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind();
    match time::timeout(limits.request_timeout, answer).await {
        Ok(Ok(response)) => {
            let admitted = response?.map_body(|_, body| Admitted { body, _permit: permit });
            Ok(admitted.map_into_left_body())
        }
        Ok(Err(panic)) => refuse(Error::new(Code::Internal, "Internal error").with_panic(&*panic)),
        Err(_) => {
            let message = "The answer was not there in time, retry later";
            refuse(Error::new(Code::DeadlineExceeded, message))
        }
    }
}

pin_project! {
    /// A body that holds its request's room until it is gone.
    struct Admitted<B> {
        #[pin]
        body: B,
        _permit: OwnedSemaphorePermit,
    }
}

impl<B: MessageBody> MessageBody for Admitted<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.project().body.poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, test, web};
    use picus_telemetry::LatencySlo;

    use super::*;
    use crate::edge;

    #[actix_web::test]
    async fn a_panic_is_a_500_without_a_word_of_it_and_frees_its_room() {
        let limits = Data::new(Limits::new(1, Duration::from_secs(5)));
        let panics = async || -> HttpResponse { panic!("a secret") };
        let resource = web::resource("/").to(panics).wrap(from_fn(bounded));
        let objective = Data::new(LatencySlo::new(Duration::from_secs(1), &[]));
        let app = App::new().app_data(limits.clone()).app_data(objective);
        let app = app.service(resource).wrap(from_fn(edge::edge));
        let app = test::init_service(app).await;
        for _ in 0..3 {
            let request = test::TestRequest::get().uri("/").to_request();
            let response = test::call_service(&app, request).await;
            assert_eq!(response.status(), 500);
            let body = test::read_body(response).await;
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], "internal");
            assert_eq!(body["error"], "Internal error");
        }
        assert_eq!(limits.in_flight.available_permits(), 1);
    }
}
