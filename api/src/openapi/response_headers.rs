//! Adds the headers of every response to the document.

use utoipa::Modify;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

use crate::headers::{EVERY_RESPONSE, ResponseHeader};

/// Adds [`EVERY_RESPONSE`] to each response of the document.
pub(super) struct EveryResponse;

impl Modify for EveryResponse {
    fn modify(&self, document: &mut OpenApi) {
        document.paths.paths.values_mut().flat_map(operations).for_each(describe);
    }
}

/// All operations of a path, for any method.
fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = path;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}

fn describe(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for known in &EVERY_RESPONSE {
            response.headers.insert(known.name.to_owned(), RefOr::T(header(known)));
        }
    }
}

fn header(known: &ResponseHeader) -> Header {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .pattern(Some(known.pattern));
    HeaderBuilder::new().schema(Some(schema)).description(Some(known.description)).build()
}
