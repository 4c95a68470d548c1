//! Adds HEAD and OPTIONS to the document: the methods of [`route::allow`] that have no function of their own.

use std::collections::BTreeMap;

use utoipa::Modify;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr, ResponseBuilder};

use crate::route;

/// Adds the methods that every path has, after the path's own.
pub(super) struct EveryMethod;

impl Modify for EveryMethod {
    fn modify(&self, document: &mut OpenApi) {
        for (template, path) in &mut document.paths.paths {
            for method in route::methods(template) {
                match method {
                    "HEAD" => path.head = path.get.as_ref().map(head),
                    "OPTIONS" => path.options = Some(options(template, path)),
                    _ => {}
                }
            }
        }
    }
}

/// The operation of GET, without content.
fn head(get: &Operation) -> Operation {
    let mut head = get.clone();
    head.operation_id = get.operation_id.as_ref().map(|id| format!("{id}Head"));
    head.summary = Some("Ask for the headers alone.".to_owned());
    head.description = Some("The same response as to GET, without content.".to_owned());
    for response in head.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.content.clear();
        }
    }
    head
}

fn options(template: &str, path: &PathItem) -> Operation {
    let sibling = [&path.get, &path.post, &path.delete].into_iter().flatten().next();
    let mut options = sibling.cloned().unwrap_or_default();
    options.operation_id = options.operation_id.map(|id| format!("{id}Options"));
    options.summary = Some("Ask for the methods.".to_owned());
    options.description = Some("`Allow` lists them. The response has no content.".to_owned());
    options.request_body = None;
    let in_path = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Path),
        RefOr::Ref(_) => true,
    };
    let schema = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    options.parameters = options
        .parameters
        .map(|parameters| parameters.into_iter().filter(in_path).collect())
        .filter(|parameters: &Vec<_>| !parameters.is_empty());
    for parameter in options.parameters.iter_mut().flatten() {
        // OPTIONS gives the same answer for every key.
        if let RefOr::T(parameter) = parameter {
            parameter.schema = Some(schema().into());
        }
    }
    let allow = HeaderBuilder::new()
        .schema(Some(schema()))
        .description(Some(format!("`{}`", route::allow(template))))
        .build();
    let response = ResponseBuilder::new()
        .description("`Allow` lists the methods.")
        .header("Allow", allow)
        .build();
    // A malformed request is refused whatever its method.
    let refused = options.responses.responses.remove_entry("400");
    options.responses.responses = BTreeMap::from([("204".to_owned(), RefOr::T(response))]);
    options.responses.responses.extend(refused);
    options
}
