//! Serves the metrics in the format that the scraper prefers.

use actix_web::http::header::{Accept, Header as _, Quality, VARY};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use picus_telemetry::{Exposition, Prometheus};

pub(crate) fn configure(app: &mut ServiceConfig, prometheus: Prometheus) {
    app.app_data(Data::new(prometheus)).route("/metrics", web::get().to(scrape));
}

async fn scrape(request: HttpRequest, prometheus: Data<Prometheus>) -> HttpResponse {
    let exposition = preferred(&request);
    HttpResponse::Ok()
        .content_type(exposition.content_type())
        .insert_header((VARY, "Accept"))
        .body(prometheus.render(exposition))
}

/// The format that the client ranks highest. If it names none of them, it gets Prometheus' text.
fn preferred(request: &HttpRequest) -> Exposition {
    // A header that can't be parsed counts as missing.
    let Ok(Accept(mut accepted)) = Accept::parse(request) else { return Exposition::Text };
    accepted.retain(|item| item.quality != Quality::ZERO);
    let known = Accept(accepted).ranked().into_iter().find_map(|media| {
        match (media.type_().as_str(), media.subtype().as_str()) {
            // No other version is served.
            ("application", "openmetrics-text") => media
                .get_param("version")
                .is_none_or(|version| version == "1.0.0")
                .then_some(Exposition::OpenMetrics),
            ("text", "plain" | "*") | ("*", "*") => Some(Exposition::Text),
            _ => None,
        }
    });
    known.unwrap_or(Exposition::Text)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    fn given(accept: &[&str]) -> Exposition {
        let lines = accept
            .iter()
            .fold(TestRequest::get(), |request, line| request.append_header((ACCEPT, *line)));
        preferred(&lines.to_http_request())
    }

    #[test]
    fn the_format_with_the_highest_quality_is_chosen() {
        // The headers of Prometheus 2.42 and of the collector's receiver.
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let receiver = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(given(&[prometheus]), Exposition::OpenMetrics);
        assert_eq!(given(&[receiver]), Exposition::Text);
        assert_eq!(given(&["text/plain", "application/openmetrics-text;q=0.5"]), Exposition::Text);
        assert_eq!(
            given(&["text/plain;q=0.1", "application/openmetrics-text"]),
            Exposition::OpenMetrics
        );
        assert_eq!(
            given(&[
                "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8; q=0.6, text/plain; q=0.3"
            ]),
            Exposition::OpenMetrics
        );
    }

    #[test]
    fn an_accept_header_without_a_served_format_gets_text() {
        for accept in [
            "",
            "*/*",
            "text/html",
            "nonsense",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        ] {
            assert_eq!(given(&[accept]), Exposition::Text, "{accept}");
        }
        assert_eq!(given(&[]), Exposition::Text);
    }
}
