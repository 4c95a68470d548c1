//! Limits, so that requests can't use up the machine: how many are in flight (lists have a share of these), how much
//! memory all use together, and a deadline for each. The deadline's middleware also catches panics.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::FutureExt as _;
use picus_api::{Code, Error};
use picus_items::{Budget, Content, Room};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{self, Instant};

use crate::answer::Answer;
use crate::error;
use crate::wire::Connection;

/// Lists may use one in this many places, and one in this many bytes. Requests that wait for clients may use the same
/// share.
const SHARE: usize = 4;
/// The least memory of a request: its connection and an SDK call.
const BASE_BYTES: usize = 32 * 1024;
/// Any number of requests may wait for their clients if each is smaller than this.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;

/// The limits that all threads share.
pub(crate) struct Limits {
    places: Arc<Semaphore>,
    places_of_lists: Arc<Semaphore>,
    memory: Budget,
    /// Memory of requests that wait for a client: for the rest of its body, or until it reads its response or list.
    pub(crate) receiving: Budget,
    sending: Budget,
    pub(crate) listing: Budget,
    pub(crate) request_timeout: Duration,
    /// How many items fit in a page of a list, as the last page has shown.
    pub(crate) items_in_page: AtomicU16,
}

impl Limits {
    pub(crate) fn new(max_in_flight: usize, memory: &Budget, request_timeout: Duration) -> Self {
        let share = || Budget::new(memory.free() / SHARE);
        Self {
            places: Arc::new(Semaphore::new(max_in_flight)),
            places_of_lists: Arc::new(Semaphore::new(max_in_flight.div_ceil(SHARE))),
            memory: memory.clone(),
            receiving: share(),
            sending: share(),
            listing: share(),
            request_timeout,
            items_in_page: AtomicU16::new(u16::MAX),
        }
    }

    /// A new, empty room for a request.
    pub(crate) fn room(&self) -> Room {
        self.memory.room()
    }

    /// Takes a place for a request. Fails if the client has gone or the deadline has passed.
    pub(crate) async fn place(&self, request: &HttpRequest, room: &Room) -> Result<Place, Error> {
        Self::check(request).await?;
        let places = self.places.clone().try_acquire_owned();
        let place =
            places.map_err(|_| overloaded("Too many requests at this time, retry later"))?;
        room.hold(Content::Base, BASE_BYTES).map_err(picus_items::Error::from)?;
        Ok(Place { _place: place, _of_lists: None })
    }

    /// Takes a place for a list.
    pub(crate) async fn place_of_list(
        &self,
        request: &HttpRequest,
        room: &Room,
    ) -> Result<Place, Error> {
        let lists = self.places_of_lists.clone().try_acquire_owned();
        let of_lists = lists.map_err(|_| overloaded("Too many lists at this time, retry later"))?;
        let place = self.place(request, room).await?;
        Ok(Place { _of_lists: Some(of_lists), ..place })
    }

    /// Takes a place for the next page of a list. It waits, because a list that has begun can't be refused any more.
    pub(crate) async fn next_place_of_list(&self) -> Result<Place, Error> {
        let wait = async {
            let of_lists = self.places_of_lists.clone().acquire_owned().await.ok();
            Some(Place {
                _of_lists: of_lists,
                _place: self.places.clone().acquire_owned().await.ok()?,
            })
        };
        let place = time::timeout(self.request_timeout, wait).await.ok().flatten();
        place.ok_or_else(|| overloaded("There was no place for the rest of the list in time"))
    }

    /// If the client has gone, this never returns.
    async fn check(request: &HttpRequest) -> Result<(), Error> {
        if request.conn_data::<Rc<Connection>>().is_some_and(|connection| connection.is_left()) {
            // The library drops the request when it notices the closed connection.
            std::future::pending::<()>().await;
        }
        let deadline = request.extensions().get::<Deadline>().map(|Deadline(deadline)| *deadline);
        match deadline {
            Some(deadline) if deadline <= Instant::now() => Err(too_late()),
            _ => Ok(()),
        }
    }

    /// A response that keeps its memory counted until the client has read it. The place is free already.
    pub(crate) fn answer(
        &self,
        mut text: Vec<u8>,
        room: Room,
        list: bool,
    ) -> Result<Answer, Error> {
        text.shrink_to_fit();
        let share = if list { self.listing.room() } else { self.sending.room() };
        if text.len() > SMALL_BYTES {
            share.hold(Content::Answer, text.capacity()).map_err(picus_items::Error::from)?;
        }
        for done in [Content::Base, Content::Body, Content::Item, Content::Request, Content::Reply]
        {
            room.release(done);
        }
        room.hold(Content::Answer, text.capacity()).map_err(picus_items::Error::from)?;
        Ok(Answer::held(Bytes::from(text), [room, share]))
    }
}

/// A place among the requests in flight, until it is dropped.
pub(crate) struct Place {
    _place: OwnedSemaphorePermit,
    _of_lists: Option<OwnedSemaphorePermit>,
}

/// The time by which a response must begin.
#[derive(Clone, Copy)]
struct Deadline(Instant);

fn overloaded(message: &'static str) -> Error {
    Error::new(Code::Overloaded, message)
}

fn too_late() -> Error {
    Error::new(Code::DeadlineExceeded, "The response was not ready in time, retry later")
}

/// Enforces the deadline of a response, and catches a panic.
pub(crate) async fn bounded(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let limits = request.app_data::<Data<Limits>>().expect("the application has limits");
    let deadline = Instant::now() + limits.request_timeout;
    request.extensions_mut().insert(Deadline(deadline));
    let refused = request.request().clone();
    let refuse = move |error: Error| {
        Ok(ServiceResponse::from_err(error::Error(error), refused).map_into_right_body())
    };
    // Whatever a panic leaves unfinished belongs to this request only.
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind();
    match time::timeout_at(deadline, answer).await {
        Ok(Ok(response)) => Ok(response?.map_into_left_body()),
        Ok(Err(panic)) => refuse(Error::new(Code::Internal, "Internal error").with_panic(&*panic)),
        Err(_) => refuse(too_late()),
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
    async fn a_panic_is_a_500_without_details_and_frees_its_place() {
        let memory = Budget::new(1 << 20);
        let limits = Data::new(Limits::new(1, &memory, Duration::from_secs(5)));
        let panics = async |request: HttpRequest, limits: Data<Limits>| -> HttpResponse {
            let _place = limits.place(&request, &limits.room()).await.unwrap();
            panic!("a secret")
        };
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
        assert_eq!(limits.places.available_permits(), 1);
        assert_eq!(memory.free(), 1 << 20);
    }

    #[actix_web::test]
    async fn a_request_past_its_deadline_is_not_begun() {
        let limits = Limits::new(1, &Budget::new(1 << 20), Duration::from_secs(5));
        let request = test::TestRequest::get().to_http_request();
        assert!(limits.place(&request, &limits.room()).await.is_ok());
        request.extensions_mut().insert(Deadline(Instant::now()));
        let Err(error) = limits.place(&request, &limits.room()).await else { panic!("begun") };
        assert_eq!(error.code(), Code::DeadlineExceeded);
    }
}
