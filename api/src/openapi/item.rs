//! What items are made of.

use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, Ref, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The numbers that DynamoDB holds, zero aside, by their magnitude. That they have at most 38
/// digits is beyond what a schema can say.
const SMALLEST: f64 = 1e-130;
const TOO_LARGE: f64 = 1e126;

/// A new item: any JSON object without an `object_id`.
pub(super) struct NewItem;

impl PartialSchema for NewItem {
    fn schema() -> RefOr<Schema> {
        let description = "Any JSON object without an `object_id`: at most 400 KB as DynamoDB counts it, 32 levels \
                           deep, numbers of at most 38 digits, no empty names, no name twice.";
        ObjectBuilder::from(object(Some("^(?!object_id$)"))).description(Some(description)).into()
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
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Object))
            .property("object_id", ObjectBuilder::new().schema_type(SchemaType::new(Type::String)))
            .required("object_id")
            // Other writers may have left what a client can't put.
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for Item {}

/// A JSON value within an item.
struct Value;

impl PartialSchema for Value {
    fn schema() -> RefOr<Schema> {
        let number = || ObjectBuilder::new().schema_type(SchemaType::new(Type::Number));
        let plain = [Type::String, Type::Boolean, Type::Null];
        AnyOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(SchemaType::from_iter(plain)))
            .item(number().minimum(Some(SMALLEST)).exclusive_maximum(Some(TOO_LARGE)))
            .item(number().exclusive_minimum(Some(-TOO_LARGE)).maximum(Some(-SMALLEST)))
            .item(number().minimum(Some(0)).maximum(Some(0)))
            .item(ArrayBuilder::new().items(reference()))
            .item(object(None))
            .description(Some(
                "A JSON value whose names are not empty and whose numbers DynamoDB can hold.",
            ))
            .into()
    }
}

impl ToSchema for Value {}

fn reference() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(Value::name()))
}

/// An object whose names are not empty and match `pattern`.
fn object(pattern: Option<&str>) -> Object {
    let names = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .min_length(Some(1))
        .pattern(pattern);
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Object))
        .property_names(Some(names))
        .additional_properties(Some(AdditionalProperties::RefOr(reference())))
        .build()
}
