//! What of the document the client is made from.
//!
//! progenitor wants one type for all answers that went well and one for all errors, and makes a type of its own of every
//! bound that a field has. The service checks bounds; its message says more than a client's could.

use anyhow::bail;
use serde_json::{Map, Value};

/// Bounds that the service checks.
const BOUNDS: [&str; 10] = [
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "uniqueItems",
    "example",
    "default",
];

/// Where an operation answers in several media types, the one that a program wants.
const PREFERRED: [&str; 3] = ["application/json", "application/pkix-crl", "application/x-ndjson"];

/// Properties that hold what nobody should see in a log.
const SECRETS: [&str; 10] = [
    "private_key",
    "private_key_pem",
    "private_key_password",
    "eab_hmac_key",
    "zerossl_api_key",
    "password",
    "secret",
    "pkcs12",
    "token",
    "previous_secret",
];

/// Takes out what the client has no use for, in place.
pub(crate) fn narrow(document: &mut Value) -> anyhow::Result<()> {
    mark_secrets(document);
    mark_secret_objects(document)?;
    forget_bounds(document);
    let Some(paths) = document["paths"].as_object_mut() else { bail!("the document has no paths") };
    // What is published for relying parties is not JSON and has clients of its own.
    paths.retain(|path, _| path.starts_with("/v1/"));
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for responses in operations.filter_map(|operation| operation.get_mut("responses")?.as_object_mut()) {
        one_error(responses);
        // `206` is a part of a `200`, for those who ask for a range.
        responses.remove("206");
        for content in
            responses.values_mut().filter_map(|response| response.get_mut("content")?.as_object_mut())
        {
            if content.len() > 1 {
                let Some(kept) = PREFERRED.into_iter().find(|kept| content.contains_key(*kept)) else {
                    bail!("none of {:?} is a media type to prefer", content.keys().collect::<Vec<_>>());
                };
                content.retain(|media_type, _| media_type == kept);
            }
        }
    }
    Ok(())
}

/// All errors have the same body, so that two entries say as much as twelve.
fn one_error(responses: &mut Map<String, Value>) {
    let error = responses
        .iter()
        .find(|(status, response)| !status.starts_with('2') && response.get("$ref").is_some())
        .map(|(_, response)| response.clone());
    responses.retain(|status, _| status.starts_with('2'));
    if let Some(error) = error {
        responses.insert("4XX".to_owned(), error.clone());
        responses.insert("5XX".to_owned(), error);
    }
}

/// Objects that hold credentials, by their schema and its property.
const SECRET_OBJECTS: [(&str, &str); 4] = [
    ("CreateDnsProviderRequest", "config"),
    ("PutSecretRequest", "data"),
    ("Secret", "data"),
    ("UpdateDnsProviderRequest", "config"),
];

fn mark_secret_objects(document: &mut Value) -> anyhow::Result<()> {
    for (schema, property) in SECRET_OBJECTS {
        let found = &mut document["components"]["schemas"][schema]["properties"][property];
        let Some(members) = found.as_object_mut() else { bail!("{schema} has no {property}") };
        members.retain(|name, _| matches!(name.as_str(), "description" | "nullable"));
        members.insert("type".to_owned(), "string".into());
        members.insert("format".to_owned(), "secret-json".into());
    }
    Ok(())
}

fn mark_secrets(value: &mut Value) {
    // The token of an ACME challenge is public: it is part of a URL.
    let Some(schemas) = value["components"]["schemas"].as_object_mut() else { return };
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| *name != "AcmeChallenge") {
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { continue };
        for (_, property) in properties.iter_mut().filter(|(name, _)| SECRETS.contains(&name.as_str())) {
            if property["type"] == "string" {
                property["format"] = "password".into();
            }
        }
    }
}

/// Closed sets of words become texts as well: a later service may answer with a word that this client does not know yet.
fn forget_bounds(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let is_type = object.get("type").is_some_and(Value::is_string)
                || ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| object.contains_key(*key));
            if is_type {
                object.retain(|key, value| value.is_object() || !BOUNDS.contains(&key.as_str()));
                if object.get("type").is_some_and(|it| it == "string") {
                    object.remove("enum");
                }
            }
            object.values_mut().for_each(forget_bounds);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_bounds),
        _ => {}
    }
}
