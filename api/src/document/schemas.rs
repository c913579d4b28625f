//! The schemas of requests and answers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{fields, members};

/// Says what the code does and poem-openapi does not write: request objects are closed, a field that need not be there may
/// be null, texts and numbers have formats and bounds, every field has a description.
pub(super) fn finish(document: &mut Value) {
    let requests = request_schemas(document);
    for (name, schema) in members(&mut document["components"]["schemas"]) {
        if requests.contains(name) {
            close(schema);
        }
    }
    for_each_object(document, &mut |object| {
        object
            .remove("deprecated")
            .filter(|deprecated| *deprecated != json!(false))
            .map(|it| object.insert("deprecated".to_owned(), it));
        join_description(object);
        write_formats(object);
    });
    for (schema, object) in members(&mut document["components"]["schemas"]) {
        let is_request = requests.contains(schema);
        for_each_property(object, &mut |name, property| {
            name_reference(property);
            fields::complete_property(schema, is_request, name, property);
        });
    }
    for_each_object(document, &mut allow_null);
}

/// Calls `change` for every property of a schema and of the objects inside of it.
fn for_each_property(schema: &mut Value, change: &mut impl FnMut(&str, &mut Value)) {
    if let Value::Object(object) = schema {
        let mut wrapped = Value::Object(std::mem::take(object));
        for_each_object(&mut wrapped, &mut |object| {
            if let Some(properties) = object.get_mut("properties").filter(|it| it.is_object()) {
                members(properties).for_each(|(name, property)| change(name, property));
            }
        });
        *schema = wrapped;
    }
}

/// Wraps a bare reference, beside which nothing may stand (OpenAPI 3.0.3, Reference Object), so that a description can.
fn name_reference(property: &mut Value) {
    if let Some(reference) = property.get("$ref").cloned() {
        *property = json!({ "allOf": [{ "$ref": reference }] });
    }
}

/// Calls `change` for every object of the document, the outermost first.
fn for_each_object(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|inner| for_each_object(inner, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| for_each_object(inner, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes the description out of `allOf: [{$ref}, {description}]`: it stands beside `allOf` too, and generators take the second
/// member for a type of its own.
fn join_description(object: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = object.get_mut("allOf") else { return };
    if let [reference, description] = &parts[..]
        && reference.get("$ref").is_some()
        && description.as_object().is_some_and(|only| only.keys().eq(["description"]))
    {
        let description = parts.pop().and_then(|mut part| part.get_mut("description").map(Value::take));
        object.entry("description").or_insert(description.unwrap_or_default());
    }
}

/// Rust's names of formats are not those of OpenAPI.
fn write_formats(object: &mut Map<String, Value>) {
    if let Some(format) = object.get("format").and_then(Value::as_str)
        && format.starts_with("uint")
    {
        object.insert("format".to_owned(), "int64".into());
        object.entry("minimum").or_insert(0.into());
    }
}

/// A property that is not required may be null: in answers null stands for "there is none", in requests it means the same as
/// leaving it out.
fn allow_null(object: &mut Map<String, Value>) {
    let required: BTreeSet<String> = object
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(ToOwned::to_owned))
        .collect();
    let Some(properties) = object.get_mut("properties").filter(|properties| properties.is_object()) else {
        return;
    };
    for (name, schema) in members(properties) {
        if required.contains(name) {
            continue;
        }
        // `nullable` belongs beside `type` (OpenAPI 3.0.3, Schema Object). Beside `allOf` it is what generators read, and a `type`
        // there makes some of them forget it; what is one of several forms is left out instead of being null.
        if schema.get("type").is_some() || schema.get("allOf").is_some() {
            schema["nullable"] = true.into();
        }
    }
}

/// Closes every object with named fields in a schema, those inside of it included.
fn close(schema: &mut Value) {
    if let Value::Object(_) = schema {
        let mut wrapped = schema.take();
        for_each_object(&mut wrapped, &mut |object| {
            if object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        });
        *schema = wrapped;
    }
}

/// The names of the schemas that request bodies have.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().into_iter().flat_map(Map::values);
    paths
        .filter_map(Value::as_object)
        .flat_map(Map::values)
        .filter_map(|operation| operation.pointer("/requestBody/content/application~1json/schema/$ref"))
        .filter_map(Value::as_str)
        .filter_map(|reference| reference.rsplit('/').next())
        .map(ToOwned::to_owned)
        .collect()
}
