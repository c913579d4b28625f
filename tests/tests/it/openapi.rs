//! The OpenAPI document: what it promises, and that the committed copy is the present one.

use std::collections::BTreeSet;
use std::path::Path;

use poem::http::{Method, StatusCode};
use serde_json::{Map, Value};
use tests::{Mode, TestApp};

/// What answers without a token, as the contract lists it.
pub(crate) const OPEN: [&str; 10] = [
    "/healthz",
    "/readyz",
    "/v1/health",
    "/v1/health/ready",
    "/v1/version",
    "/pub/ca/{file}",
    "/pub/crl/{file}",
    "/pub/ocsp/{ca_id}",
    "/pub/ocsp/{ca_id}/{request}",
    "/.well-known/acme-challenge/{token}",
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

    /// The names of its parameters `in` path or query.
    pub(crate) fn parameters(&self, place: &str) -> BTreeSet<String> {
        let parameters = self.spec["parameters"].as_array().into_iter().flatten();
        parameters
            .filter(|parameter| parameter["in"] == place)
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Every operation of the document.
pub(crate) fn operations() -> Vec<Operation> {
    let document = document();
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

fn document() -> Value {
    serde_json::from_str(&certmill_api::openapi_document()).unwrap()
}

/// Shows every object inside of a value to `see`.
fn for_each_object(value: &Value, see: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            see(object);
            object.values().for_each(|inner| for_each_object(inner, see));
        }
        Value::Array(items) => items.iter().for_each(|inner| for_each_object(inner, see)),
        _ => {}
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

#[test]
fn the_committed_document_is_the_present_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/certmill.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == certmill_api::openapi_document(),
        "openapi/certmill.json is stale: run `cargo run -p certmill -- openapi > openapi/certmill.json`"
    );
}

#[test]
fn the_client_for_rust_is_made_from_the_present_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read =
        |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|it| panic!("{path}: {it}"));
    let hash = |text: &str| certmill_x509::hex(&certmill_x509::sha256(text.as_bytes()));
    let made = read("openapi/clients/rust/src/generated.rs");
    let mut rest = made.as_str();
    let mut named = |label: &str| {
        let (line, after) = rest.split_once('\n').expect("a line of the head");
        rest = after;
        line.strip_prefix(label).unwrap_or_else(|| panic!("{label} is expected in {line}")).to_owned()
    };
    named("// Generated from openapi/certmill.json");
    let (document, generator, code) = (named("// document: "), named("// generator: "), named("// code: "));
    let anew = "run openapi/clients/rust/generate/run";
    assert_eq!(document, hash(&read("openapi/certmill.json")), "made from another document: {anew}");
    let sources = [
        "Cargo.lock",
        "src/docs.rs",
        "src/document.rs",
        "src/main.rs",
        "src/methods.rs",
        "src/queries.rs",
        "src/words.rs",
    ];
    let sources = sources.map(|file| read(&format!("openapi/clients/rust/generate/{file}")));
    assert_eq!(generator, hash(&sources.concat()), "made by another generator: {anew}");
    assert_eq!(code, hash(rest), "changed by hand: {anew}");
}

#[test]
fn every_operation_is_described() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
    for required in ["/info/title", "/info/version", "/components/securitySchemes/bearer"] {
        assert!(document.pointer(required).is_some(), "{required} is missing");
    }
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone().to_string()).collect();
    for operation in operations() {
        let (name, spec) = (operation.name(), &operation.spec);
        assert!(spec["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}: no summary");
        let grouped =
            spec["tags"].as_array().is_some_and(|of| of.iter().all(|tag| tags.contains(&tag.to_string())));
        assert!(grouped, "{name}: its group is not declared");
        let open = OPEN.contains(&operation.path.as_str());
        let declared_open = spec["security"] == serde_json::json!([]);
        assert_eq!(declared_open, open, "{name}: `security` and the list of open routes differ");
        assert!(open || spec["security"][0]["bearer"].is_array(), "{name}: unknown security scheme");
        let in_path: BTreeSet<_> = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(ToOwned::to_owned)
            .collect();
        assert_eq!(operation.parameters("path"), in_path, "{name}: path and parameters differ");
    }
}

#[test]
fn every_operation_says_what_it_answers() {
    for operation in operations() {
        let (name, responses) = (operation.name(), object(&operation.spec["responses"]));
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}: no success");
        assert!(
            responses
                .values()
                .all(|response| resolved(&operation.document, response)["description"].is_string()),
            "{name}"
        );
        assert!(!responses.contains_key("default"), "{name}: an answer without a status");
        // What takes no input and no token answers no error of the contract's form.
        if OPEN.contains(&operation.path.as_str()) && operation.parameters("path").is_empty() {
            continue;
        }
        // What has no body is what RFC 9110 §15.5.17 describes by its headers.
        let errors =
            responses.iter().filter(|(status, _)| status.starts_with(['4', '5']) && *status != "416");
        for (status, response) in errors {
            let response = resolved(&operation.document, response);
            let error = response.pointer("/content/application~1json/schema/$ref");
            assert_eq!(error, Some(&Value::from("#/components/schemas/ErrorBody")), "{name}: {status}");
        }
        assert!(responses.contains_key("500"), "{name}: no error response");
    }
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let mut seen = BTreeSet::new();
    for operation in operations() {
        let id =
            operation.spec["operationId"].as_str().unwrap_or_else(|| panic!("{}: no id", operation.name()));
        let is_camel_case = id.starts_with(|first: char| first.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(is_camel_case, "{id} is no name of a method");
        assert!(seen.insert(id.to_owned()), "{id} stands twice");
    }
}

#[test]
fn bodies_are_json_and_closed() {
    let mut closed = 0;
    for operation in operations().iter().filter(|operation| !operation.spec["requestBody"].is_null()) {
        let name = operation.name();
        let content = object(&operation.spec["requestBody"]["content"]);
        if operation.path == "/pub/ocsp/{ca_id}" {
            assert_eq!(content.keys().collect::<Vec<_>>(), ["application/ocsp-request"]);
            continue;
        }
        assert_eq!(content.keys().collect::<Vec<_>>(), ["application/json"], "{name}");
        let schema = operation.request_schema().unwrap();
        let properties = object(&schema["properties"]);
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(
                properties.contains_key(required.as_str().unwrap()),
                "{name}: {required} is not declared"
            );
        }
        for_each_object(&schema, &mut |object| {
            if object.contains_key("properties") {
                assert_eq!(object.get("additionalProperties"), Some(&Value::Bool(false)), "{name}: open");
                closed += 1;
            }
        });
    }
    assert!(closed >= 10, "only {closed} closed objects: the walk does not see them");
}

/// Names say little: what generators make of a field or parameter is all that their users read.
#[test]
fn every_field_and_parameter_is_described() {
    let document = document();
    let (mut missing, mut seen) = (Vec::new(), 0);
    for (name, schema) in object(&document["components"]["schemas"]) {
        if schema["description"].as_str().is_none_or(str::is_empty) {
            missing.push(name.clone());
        }
        for_each_object(schema, &mut |object| {
            for (field, schema) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                seen += 1;
                if schema["description"].as_str().is_none_or(str::is_empty) {
                    missing.push(format!("{name}.{field}"));
                }
            }
        });
    }
    for operation in operations() {
        for parameter in operation.spec["parameters"].as_array().into_iter().flatten() {
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{}: {}", operation.name(), parameter["name"]));
            }
        }
        for (status, response) in object(&operation.spec["responses"]) {
            let response = resolved(&operation.document, response);
            if response["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{}: {status}", operation.name()));
            }
        }
    }
    assert!(seen > 400, "only {seen} fields: the walk does not see them");
    assert!(missing.is_empty(), "without a description: {missing:#?}");
}

/// Generators make one type of what an operation answers.
#[test]
fn every_operation_answers_one_kind_of_success() {
    for operation in operations() {
        let mut kinds = BTreeSet::new();
        for (_, response) in object(&operation.spec["responses"]).iter().filter(|(of, _)| of.starts_with('2'))
        {
            let content = response["content"].as_object().into_iter().flatten();
            kinds.extend(content.map(|(media, content)| {
                if media == "application/json" { content["schema"].to_string() } else { "file".to_owned() }
            }));
        }
        kinds.remove("file");
        assert!(kinds.len() <= 1, "{}: {kinds:?}", operation.name());
    }
}

#[test]
fn no_schema_has_the_name_of_a_security_scheme_or_of_a_field_s_type() {
    let document = document();
    let schemas: BTreeSet<String> =
        object(&document["components"]["schemas"]).keys().map(|name| name.to_lowercase()).collect();
    assert_eq!(schemas.len(), object(&document["components"]["schemas"]).len(), "two differ by case only");
    for scheme in object(&document["components"]["securitySchemes"]).keys() {
        assert!(!schemas.contains(&scheme.to_lowercase()), "{scheme} is a schema too");
    }
    // Generators call the type of a field `window` of `Renewal` `RenewalWindow`.
    for (name, schema) in object(&document["components"]["schemas"]) {
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let is_type =
                !schema["allOf"].is_null() || schema["type"] == "object" || !schema["enum"].is_null();
            let made = format!("{name}{}", field.replace('_', "")).to_lowercase();
            let is_that_one = schema["allOf"][0]["$ref"]
                .as_str()
                .is_some_and(|to| to.to_lowercase().ends_with(&format!("/{made}")));
            assert!(
                !is_type || is_that_one || !schemas.contains(&made),
                "{name}.{field} makes a second {made}"
            );
        }
    }
}

/// Answers have null where there is nothing; a generated client fails on a null that the schema does not permit.
#[test]
fn what_may_be_absent_may_be_null() {
    let (document, mut optional) = (document(), 0);
    for_each_object(&document["components"]["schemas"], &mut |object| {
        let required: Vec<&Value> =
            object.get("required").and_then(Value::as_array).into_iter().flatten().collect();
        let Some(properties) = object.get("properties").and_then(Value::as_object) else { return };
        for (name, schema) in properties {
            if !required.iter().any(|of| *of == name) {
                let is_nullable = !schema["type"].is_null() || !schema["allOf"].is_null();
                assert_eq!(schema["nullable"] == true, is_nullable, "{name}: {schema}");
                optional += 1;
            }
        }
    });
    assert!(optional > 50, "only {optional} properties: the walk does not see them");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut followed = 0;
    for_each_object(&document, &mut |object| {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            assert!(
                document.pointer(reference.trim_start_matches('#')).is_some(),
                "{reference} leads nowhere"
            );
            followed += 1;
        }
    });
    assert!(followed > 20, "only {followed} references: the walk does not see them");
}

#[tokio::test]
async fn a_running_service_answers_the_document() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let answer = app.send(Method::GET, "/openapi.json", None, &[], None).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.json_with(StatusCode::OK) == document(), "/openapi.json and the exported document differ");
}

#[tokio::test]
async fn the_docs_need_nothing_from_elsewhere() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let answer = app.send(Method::GET, "/docs", None, &[], None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("text/html"), "{:?}", answer.headers);
    let html = answer.text();
    assert!(html.contains("/v1/pki/issue/{role}"), "the page does not hold the document");
    let (markup, tags) = (without_scripts(&html), tags(&html));
    assert!(tags.iter().any(|tag| tag.starts_with("<script")), "no scripts: the page cannot work");
    for tag in tags
        .iter()
        .filter(|tag| ["<script", "<link", "<img", "<iframe"].iter().any(|kind| tag.starts_with(kind)))
    {
        let outside = ["\"http:", "\"https:", "\"//", "'http:", "'https:", "'//", "=http", "=//"];
        assert!(!outside.iter().any(|start| tag.contains(start)), "fetched from elsewhere: {tag}");
    }
    assert!(!markup.contains("@import") && !markup.contains("url(http"), "a style sheet from elsewhere");
}

/// The page without the texts of its scripts.
fn without_scripts(html: &str) -> String {
    let mut parts = html.split("<script");
    let mut markup = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let tag = part.split_once('>').map_or(part, |(tag, _)| tag);
        markup.extend(["<script", tag, ">"]);
        markup.push_str(part.rsplit_once("</script>").map_or("", |(_, after)| after));
    }
    markup
}

/// The tags of the page, those inside of scripts left out.
fn tags(html: &str) -> Vec<String> {
    let markup = without_scripts(html);
    let tags = markup.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    tags.map(|tag| format!("<{}", tag.to_lowercase())).collect()
}
