//! What the OpenAPI document says beyond what poem-openapi writes: errors, headers, null, closed requests, licence.
//!
//! `finish` is the only way from poem-openapi's document to `openapi/certmill.json`, `/openapi.json` and `/docs`.

mod errors;
mod examples;
mod fields;
mod headers;
mod links;
mod schemas;

use std::collections::BTreeMap;

use poem::http::Method;
use serde_json::{Map, Value, json};

use crate::acts::Effect;
use crate::auth::{BY_CERTIFICATE, SCHEME, security_names};
use crate::limits;

pub(crate) use errors::status_of_code;

/// The groups in the order of the API's reference, which is the order in which a reader meets them.
const GROUPS: [&str; 14] = [
    "Certificate Authorities",
    "PKI Roles",
    "Certificates",
    "CSR Workflow",
    "Trust Anchors",
    "ACME",
    "DNS Providers",
    "Secrets",
    "Tokens",
    "Audit",
    "Events",
    "Jobs",
    "Public distribution",
    "Service",
];

/// What is said of an operation that certificates may call.
const ITSELF: &str = " A certificate that was issued under a role with `allow_self_renewal` may stand in the place of a token, as the client certificate of \
     the TLS connection, if the service has `tls_client_certificates` on: for itself only, by its id or as `self`.";

/// The document as clients are to see it.
pub(crate) fn finish(document: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(document) else {
        return document.to_owned();
    };
    describe_service(&mut document);
    schemas::finish(&mut document);
    let meanings = meanings(&document);
    for_each_operation(&mut document, |operation| {
        operation.name_scope();
        operation.declare_openness();
        operation.name_category();
        operation.complete(&meanings);
        headers::add(operation);
        errors::add(operation);
        examples::add(operation);
    });
    errors::add_components(&mut document);
    links::add(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// One operation of the document.
struct Operation<'a> {
    method: Method,
    path: &'a str,
    effect: Effect,
    spec: &'a mut Value,
}

impl Operation<'_> {
    /// Whether it needs a token.
    fn is_secured(&self) -> bool {
        self.spec["security"].as_array().is_some_and(|schemes| !schemes.is_empty())
    }

    /// Whether it has parameters `place`: `path`, `query` or `header`.
    fn has_parameters(&self, place: &str) -> bool {
        self.spec["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["in"] == place)
    }

    /// Whether it has a parameter of this name in its head: in a header or in the query.
    fn takes(&self, name: &str) -> bool {
        let parameters = self.spec["parameters"].as_array().into_iter().flatten();
        parameters.into_iter().any(|parameter| parameter["in"] != "path" && parameter["name"] == name)
    }

    /// Says the scope beside the scheme, in whose place it stands in poem-openapi's document, and in words.
    fn name_scope(&mut self) {
        let Some(scope) = security_names(self.spec).next().map(ToOwned::to_owned) else { return };
        // A scheme `mutualTLS` came with OpenAPI 3.1.
        let by_certificate = security_names(self.spec).any(|name| name == BY_CERTIFICATE);
        let itself = if by_certificate { ITSELF } else { "" };
        let more = self.spec["description"].as_str().map(|more| format!(" {more}")).unwrap_or_default();
        self.spec["description"] = format!("Scope: `{scope}`.{itself}{more}").into();
        self.spec["security"] = json!([{ SCHEME: [] }]);
        self.spec["x-required-scope"] = scope.into();
    }

    /// Completes its parameters, and describes its answers by their schemas.
    fn complete(&mut self, meanings: &BTreeMap<String, String>) {
        // Not by index, which would put null where there is no member.
        let parameters = self.spec.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            fields::complete_parameter(self.path, parameter);
        }
        for (_, response) in members(&mut self.spec["responses"]) {
            let mut content = response["content"].as_object().into_iter().flatten();
            let schema = content.find_map(|(_, content)| content.pointer("/schema/$ref")?.as_str());
            let meaning = schema.and_then(|reference| meanings.get(reference.rsplit('/').next()?));
            if let Some(meaning) = meaning.filter(|_| response["description"] == "") {
                response["description"] = meaning.clone().into();
            }
        }
    }

    /// Says that an operation without a scheme needs none, which an absent member leaves open.
    fn declare_openness(&mut self) {
        if self.spec["security"].is_null() {
            self.spec["security"] = json!([]);
        }
    }

    /// Names the category of the rate limits in which its calls count.
    fn name_category(&mut self) {
        if self.is_secured() {
            self.spec["x-rate-limit-category"] = limits::category(self.effect).as_str().into();
        }
    }
}

/// What each schema is.
fn meanings(document: &Value) -> BTreeMap<String, String> {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    let described =
        schemas.filter_map(|(name, schema)| Some((name.clone(), schema["description"].as_str()?)));
    described.map(|(name, meaning)| (name, meaning.to_owned())).collect()
}

fn for_each_operation(document: &mut Value, mut change: impl FnMut(&mut Operation<'_>)) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (path, item) in paths {
        for (method, spec) in item.as_object_mut().into_iter().flatten() {
            let Ok(method) = method.to_uppercase().parse() else { continue };
            let effect = Effect::of(&method, spec);
            change(&mut Operation { method, path, effect, spec });
        }
    }
}

fn describe_service(document: &mut Value) {
    document["info"]["license"] =
        json!({ "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0.html" });
    document["info"]["contact"] = json!({ "name": "The developers of certmill" });
    if let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut) {
        tags.sort_by_key(|tag| GROUPS.iter().position(|group| tag["name"] == *group));
    }
}

/// The members of an object; none of anything else.
fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().map(Map::iter_mut).into_iter().flatten()
}
