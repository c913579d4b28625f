//! The OpenAPI document: what it promises, and that the committed copy is the present one.

use std::collections::BTreeSet;

use poem::http::{Method, StatusCode};
use serde_json::{Map, Value};
use tests::{Mode, TestApp};

/// What answers without a token, as the contract lists it.
pub(crate) const OPEN: [&str; 7] = [
    "/healthz",
    "/readyz",
    "/v1/health",
    "/v1/health/ready",
    "/v1/version",
    "/pub/ca/{file}",
    "/pub/crl/{file}",
];

/// One operation of the document.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// Its path with its parameters in braces.
    pub(crate) path: String,
    pub(crate) spec: Value,
    document: Value,
}

impl Operation {
    /// `POST /v1/pki/ca`, for messages.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The schema of its JSON body, when it takes one.
    pub(crate) fn request_schema(&self) -> Option<Value> {
        let schema = self.spec.pointer("/requestBody/content/application~1json/schema")?;
        Some(resolved(&self.document, schema).clone())
    }

    /// Its query parameters.
    pub(crate) fn query(&self) -> BTreeSet<String> {
        let parameters = self.spec["parameters"].as_array().cloned().unwrap_or_default();
        parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Every operation of the document.
pub(crate) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&certmill_api::openapi_document()).unwrap();
    let mut found = Vec::new();
    for (path, methods) in object(&document["paths"]) {
        for (method, spec) in object(methods) {
            let method = method.to_uppercase().parse().unwrap();
            let document = document.clone();
            found.push(Operation { method, path: path.clone(), spec: spec.clone(), document });
        }
    }
    assert!(found.len() > 20, "the document has lost its operations");
    found
}

/// A schema, or the one that it refers to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => schema,
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

#[test]
fn dump() {
    std::fs::write("/tmp/oa.json", certmill_api::openapi_document()).unwrap();
}
