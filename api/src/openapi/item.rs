//! Schemas of items, written so that client generators turn an item into a map of any values. Generators look at a
//! schema's type, properties and alternatives, and with each of these, some generators make a type that can't hold
//! every item. They ignore `not`, so limits are written with `not`.

use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Ref, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The range of DynamoDB's numbers, apart from zero. A schema can't express that they have at most 38 digits.
const SMALLEST: f64 = 1e-130;
const TOO_LARGE: f64 = 1e126;

/// A new item: any JSON object without an `object_id`.
pub(super) struct NewItem;

impl PartialSchema for NewItem {
    fn schema() -> RefOr<Schema> {
        let description = "Any JSON object without an `object_id`: at most 400 KB as DynamoDB counts it, 32 levels \
                           deep, numbers of at most 38 digits, no empty names, no name twice.";
        let names = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .min_length(Some(1))
            .pattern(Some("^(?!object_id$)"));
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Object))
            .description(Some(description))
            .property_names(Some(names))
            .additional_properties(Some(AdditionalProperties::RefOr(value())))
            .into()
    }
}

impl ToSchema for NewItem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Value::name().into_owned(), Value::schema()));
    }
}

/// An item.
pub(super) struct Item;

impl PartialSchema for Item {
    fn schema() -> RefOr<Schema> {
        // If `object_id` were a property, some generators' types would have no other.
        let object_id = json!({ "^object_id$": { "type": "string" } });
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Object))
            .description(Some(
                "An item: the attributes that were put, and its `object_id`, a string.",
            ))
            .min_properties(Some(1))
            // Other writers may have stored values that a client of Picus can't put.
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .extensions(Some(Extensions::from_iter([("patternProperties", object_id)])))
            .into()
    }
}

impl ToSchema for Item {}

/// A JSON value within an item.
struct Value;

impl PartialSchema for Value {
    fn schema() -> RefOr<Schema> {
        let value = value();
        let names = json!({ "type": "string", "minLength": 1 });
        let invalid = json!({ "anyOf": [
            { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": SMALLEST },
            { "type": "number", "exclusiveMinimum": -SMALLEST, "exclusiveMaximum": 0 },
            { "type": "number", "minimum": TOO_LARGE },
            { "type": "number", "maximum": -TOO_LARGE },
            { "not": { "items": value } },
            { "not": { "propertyNames": names, "additionalProperties": value } },
        ] });
        ObjectBuilder::new()
            .schema_type(SchemaType::AnyValue)
            .description(Some(
                "A JSON value whose names are not empty and whose numbers DynamoDB can hold.",
            ))
            .extensions(Some(Extensions::from_iter([("not", invalid)])))
            .into()
    }
}

impl ToSchema for Value {}

fn value() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(Value::name()))
}
