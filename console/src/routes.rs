//! Which path gives what.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use picus_local::server::Body;
use serde_json::{Value, json};

use crate::answer::{self, Answer, Refusal};
use crate::clock::now_ms;
use crate::plant::Plant;
use crate::range::Query;
use crate::state::state;
use crate::{
    alarms, controls, dashboards, docs_page, events, guard, logs, overview, page, practice,
    requests, runbooks, traces,
};

/// The largest body: a dashboard, or a template.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// What every request may need.
pub(crate) struct Console {
    pub(crate) plant: Arc<Plant>,
    token: String,
    started: u64,
}

impl Console {
    pub(crate) fn new(plant: Arc<Plant>) -> Self {
        Self { plant, token: uuid::Uuid::new_v4().simple().to_string(), started: now_ms() }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if let Err(refusal) = guard::check(&request, &self.token) {
            return answer::json(Err(refusal));
        }
        let path = request.uri().path().to_owned();
        match *request.method() {
            Method::GET => self.get(&path, &Query::of(request.uri())),
            Method::POST => answer::json(self.post(&path, request).await),
            _ => answer::json(Err(Refusal::Method("GET, or POST"))),
        }
    }

    fn get(&self, path: &str, query: &Query) -> Response<Body> {
        let plant = &self.plant;
        let unknown = || answer::json(Err(Refusal::Unknown(path.to_owned())));
        answer::json(Ok(match path {
            "/api/session" => json!({
                "token": self.token,
                "version": env!("CARGO_PKG_VERSION"),
                "started": self.started,
            }),
            "/api/state" => state(plant),
            "/api/alarms" => return answer::json(alarms::list(plant, query)),
            path if path.starts_with("/api/alarms/") => {
                return answer::json(alarms::one(plant, &path["/api/alarms/".len()..], query));
            }
            "/api/practice" => practice::shown(plant),
            "/api/overview" => return answer::json(overview::overview(plant, query)),
            "/api/dashboards" => dashboards::list(),
            path if path.starts_with("/api/dashboards/") => {
                return answer::json(dashboards::one(
                    plant,
                    &path["/api/dashboards/".len()..],
                    query,
                ));
            }
            "/api/traces" => return answer::json(traces::list(&plant.traces, query)),
            path if path.starts_with("/api/traces/") => {
                return answer::json(traces::one(
                    &plant.traces,
                    &plant.logs,
                    &path["/api/traces/".len()..],
                ));
            }
            "/api/logs" => return answer::json(logs::tail(&plant.logs, query)),
            "/api/logs/query" => {
                return answer::json(logs::query(&plant.logs, &plant.store.read(), query));
            }
            "/api/openapi.json" => docs_page::document(&plant.facts.read().load_balancer),
            "/api/logs/queries" => json!({ "queries": runbooks::all_queries() }),
            "/api/events" => return events::stream(plant.clone()),
            path if path.starts_with("/docs") => {
                let address = plant.facts.read().load_balancer.clone();
                return docs_page::file(path, &address).unwrap_or_else(unknown);
            }
            path => return page::file(path).unwrap_or_else(unknown),
        }))
    }

    async fn post(&self, path: &str, request: Request<Incoming>) -> Answer {
        let body = body(request).await?;
        match path {
            "/api/clock" => controls::clock(&self.plant, &body),
            "/api/traffic" => controls::traffic(&self.plant, &body),
            "/api/alarms" => alarms::draw(&self.plant, &body),
            "/api/dashboards" => Ok(dashboards::draw(&self.plant, &body)),
            "/api/practice/begin" => practice::begin(&self.plant, &body).await,
            "/api/practice/acknowledge" => practice::acknowledge(&self.plant),
            "/api/practice/answer" => practice::answer(&self.plant, &body),
            "/api/practice/act" => practice::act(&self.plant, &body).await,
            "/api/practice/give-up" => practice::give_up(&self.plant).await,
            "/api/requests" => requests::forward(&self.plant, &body).await,
            "/api/faults" => controls::fault(&self.plant, &body).await,
            _ => Err(Refusal::Method("GET")),
        }
    }
}

async fn body(request: Request<Incoming>) -> Answer {
    let bad = |reason: String| Refusal::Bad(format!("the body can't be read: {reason}"));
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| bad(error.to_string()))?.to_bytes();
    let value: Value = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(bad("it is no JSON object".to_owned())) }
}
