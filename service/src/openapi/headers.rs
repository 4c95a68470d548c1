//! The headers that every response has.

use utoipa::Modify;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

/// Writes them to every response of the document, as the edge does to every response there is.
pub(crate) struct ResponseIds;

impl Modify for ResponseIds {
    fn modify(&self, document: &mut OpenApi) {
        let operations = document.paths.paths.values_mut().flat_map(|path| {
            [&mut path.get, &mut path.post, &mut path.delete].into_iter().flatten()
        });
        operations.for_each(describe);
    }
}

fn describe(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        let headers = [
            (
                "X-Request-Id",
                "This request: the `X-Request-Id` that was sent, if it is 1 to 128 characters of visible ASCII, or a new one.",
                "^[!-~]{1,128}$",
            ),
            (
                "X-Amzn-Trace-Id",
                "The trace of this request, as AWS X-Ray writes it.",
                "^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$",
            ),
        ];
        for (name, description, pattern) in headers {
            response.headers.insert(name.to_owned(), RefOr::T(header(description, pattern)));
        }
    }
}

fn header(description: &str, pattern: &str) -> Header {
    let schema =
        ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).pattern(Some(pattern));
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}
