//! Query parameters that an operation does not have, or that stand twice, are refused: a filter with a typing error would
//! otherwise find everything.

use std::collections::BTreeMap;

use certmill_service::domain::{FieldErrors, Scope};
use certmill_service::{App, ServiceError};
use poem::http::Method;
use poem::{Endpoint, Request};
use serde_json::{Map, Value};

use crate::auth;
use crate::calls::matched;
use crate::error::ApiError;

/// The query parameters of one operation that needs a token.
struct Operation {
    method: Method,
    /// Its path with `:` for each parameter.
    pattern: String,
    parameters: Vec<String>,
}

/// Checks the query of each call before the operation reads it.
pub(crate) struct QueryCheck<E> {
    app: App,
    operations: Vec<Operation>,
    inner: E,
}

impl<E> QueryCheck<E> {
    /// Takes the operations from the OpenAPI document. Operations without a token are left alone: probes and relying parties
    /// add parameters of their own against caches.
    pub(crate) fn new(app: App, document: &str, inner: E) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, spec) in item.as_object().into_iter().flatten() {
                let Ok(method) = method.to_uppercase().parse() else { continue };
                if spec["security"].as_array().is_some_and(|schemes| !schemes.is_empty()) {
                    operations.push(Operation {
                        method,
                        pattern: pattern(path),
                        parameters: parameters(spec),
                    });
                }
            }
        }
        // `/csr/import` fits `/csr/:` too, and is meant literally.
        operations.sort_by_key(|operation| operation.pattern.matches(':').count());
        Self { app, operations, inner }
    }

    /// What is wrong with the query, by parameter.
    fn faults(&self, request: &Request) -> BTreeMap<String, String> {
        let Some(query) = request.uri().query().filter(|query| !query.is_empty()) else {
            return BTreeMap::new();
        };
        let path = request.uri().path();
        let operation = self.operations.iter().find(|operation| {
            operation.method == request.method() && matched(&operation.pattern, path).is_some()
        });
        let Some(Operation { parameters, .. }) = operation else { return BTreeMap::new() };
        let (mut seen, mut faults) = (Vec::new(), BTreeMap::new());
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            if !parameters.iter().any(|parameter| *parameter == name) {
                faults.insert(name.to_string(), unknown(parameters));
            } else if seen.contains(&name) {
                faults.insert(name.to_string(), "stands twice: give one value".to_owned());
            }
            seen.push(name);
        }
        faults
    }
}

impl<E: Endpoint> Endpoint for QueryCheck<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<E::Output> {
        let faults = self.faults(&request);
        if faults.is_empty() {
            return self.inner.call(request).await;
        }
        // Without a token nobody learns more than that one is needed.
        auth::caller(&self.app, &request, Scope::Read).await?;
        Err(ApiError::from(ServiceError::Validation(FieldErrors(faults))).into())
    }
}

fn unknown(parameters: &[String]) -> String {
    match parameters {
        [] => "unknown query parameter: this operation takes none".to_owned(),
        names => format!("unknown query parameter: use {}", names.join(", ")),
    }
}

/// The path with `:` in the place of each `{parameter}`.
fn pattern(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { ":" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn parameters(spec: &Value) -> Vec<String> {
    let all = spec["parameters"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let in_query = all.filter(|parameter| parameter.get("in").is_some_and(|place| place == "query"));
    in_query.filter_map(name).collect()
}

fn name(parameter: &Map<String, Value>) -> Option<String> {
    parameter.get("name")?.as_str().map(ToOwned::to_owned)
}
