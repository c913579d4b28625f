//! Every field of every request schema, with values of the wrong type and beside unknown fields.

use serde_json::{Map, Value, json};
use tests::{Answer, TestApp, both_modes};

use crate::access::expect;
use crate::access::rows::Rows;
use crate::access::world::World;
use crate::openapi::{Operation, operations};

/// Fields whose text is a duration: what is none is `invalid_duration`.
const DURATIONS: [&str; 3] = ["ttl", "max_ttl", "not_before_duration"];

both_modes! {
    async fn unknown_fields_are_refused_by_name(app: TestApp) {
        let world = World::new(&app).await;
        let before = Rows::of(&app).await.all().await;
        for operation in with_bodies() {
            for value in [json!(1), Value::Null, json!({ "deeper": [] })] {
                let case = format!("{} with no_such_field: {value}", operation.name());
                let error = send(&app, &world, &operation, ("no_such_field", value), &case).await;
                assert!(names(&error, "no_such_field"), "{case}: {error}");
            }
        }
        let body = json!({ "csr_pem": "", "san": { "dns": [], "dn": ["a.test"] } });
        let answer = app.post("/v1/pki/sign/web", body).await;
        let error = expect("an unknown kind of name", &answer, 422, "validation_error");
        assert!(names(&error, "san"), "{error}");
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused body changed something");
    }

    async fn wrong_types_are_refused_by_field(app: TestApp) {
        let world = World::new(&app).await;
        let before = Rows::of(&app).await.all().await;
        let mut fields = 0;
        for operation in with_bodies() {
            let schema = operation.request_schema().unwrap();
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (field, of) in schema["properties"].as_object().unwrap() {
                let mut values = wrong_values(field, of);
                if is_free(&operation, field) {
                    values.retain(|value| !value.is_object());
                }
                if required.contains(&Value::from(field.as_str())) {
                    values.push(Value::Null);
                }
                for value in values {
                    let case = format!("{} with {field}: {value}", operation.name());
                    let error = send(&app, &world, &operation, (field, value), &case).await;
                    assert!(names(&error, field), "{case}: {error}");
                }
                fields += 1;
            }
            for field in required {
                let field = field.as_str().unwrap();
                let (path, body) = world.sample(&operation);
                let mut body = body.unwrap();
                body.as_object_mut().unwrap().remove(field);
                let case = format!("{} without {field}", operation.name());
                let answer = call(&app, &operation, &path, &body).await;
                let error = expect(&case, &answer, 422, "validation_error");
                assert!(names(&error, field), "{case}: {error}");
            }
        }
        assert!(fields > 80, "only {fields} fields: the walk does not see them");
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused body changed something");
    }

    async fn texts_that_are_no_durations_are_refused(app: TestApp) {
        let world = World::new(&app).await;
        let before = Rows::of(&app).await.all().await;
        let mut fields = 0;
        for operation in with_bodies() {
            let properties = operation.request_schema().unwrap()["properties"].as_object().unwrap().clone();
            for field in DURATIONS.into_iter().filter(|field| properties.contains_key(*field)) {
                for value in [json!(""), json!("d"), json!("-1h"), json!(-1), json!("1.5h"), json!("1h30"), json!("1 h"), json!("10000y"), json!("1M"), json!("soon"), json!("99999999999999999999h")] {
                    let (path, body) = world.sample(&operation);
                    let mut body = body.unwrap();
                    body[field] = value.clone();
                    let answer = call(&app, &operation, &path, &body).await;
                    expect(&format!("{} with {field}: {value}", operation.name()), &answer, 400, "invalid_duration");
                }
                fields += 1;
            }
        }
        assert_eq!(fields, 11, "a duration came or went: look at DURATIONS");
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused duration changed something");
    }

    async fn no_text_in_any_field_breaks_a_call(app: TestApp) {
        let world = World::new(&app).await;
        let long = "a".repeat(100_000);
        for operation in with_bodies() {
            let schema = operation.request_schema().unwrap();
            for (field, of) in schema["properties"].as_object().unwrap() {
                for text in ["", " ", "\u{0}", "a\u{0}b", "\r\n", "🔑", "\u{202e}gro", "'; DROP TABLE roles; --", &long] {
                    for value in holding(of, text) {
                        let (path, body) = world.sample(&operation);
                        let mut body = body.unwrap();
                        body[field] = value;
                        let answer = call(&app, &operation, &path, &body).await;
                        let case = format!("{} with {field}: {:?}", operation.name(), text.chars().take(30).collect::<String>());
                        let status = answer.status.as_u16();
                        // The ACME server of the sample does not exist.
                        let elsewhere = status == 502 && operation.path.ends_with("/acme/accounts");
                        assert!(status < 500 || elsewhere, "{case}: {}", answer.text());
                        // The role check is asked what would be refused, and says so in its answer.
                        // An export is no JSON object, and a filter may name what nothing has.
                        let is_export = operation.path.ends_with("/export");
                        let accepted = status < 400 && !is_export && answer.json()["allowed"] != false;
                        assert!(!accepted || is_free(&operation, field) || !text.contains('\u{0}'), "{case} was accepted: {}", answer.text());
                        if status >= 400 {
                            let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
                            expect(&case, &answer, status, &code);
                            assert!(answer.body.len() < 4_000, "{case}: the error repeats {} bytes", answer.body.len());
                        }
                    }
                }
            }
        }
    }
}

/// The operations that take a JSON body.
fn with_bodies() -> Vec<Operation> {
    let all = operations().into_iter().filter(|operation| operation.request_schema().is_some());
    // The last one, since it may take the objects of the others along.
    let (revocations, others): (Vec<_>, Vec<_>) =
        all.partition(|operation| operation.path.contains("revoke"));
    others.into_iter().chain(revocations).collect()
}

/// Sends the operation's sample with one field set; answers the refusal.
async fn send(
    app: &TestApp,
    world: &World,
    operation: &Operation,
    (field, value): (&str, Value),
    case: &str,
) -> Value {
    let (path, body) = world.sample(operation);
    let mut body = body.unwrap();
    body[field] = value;
    expect(case, &call(app, operation, &path, &body).await, 422, "validation_error")
}

async fn call(app: &TestApp, operation: &Operation, path: &str, body: &Value) -> Answer {
    let body = Some(("application/json", body.to_string().into_bytes()));
    app.send(operation.method.clone(), path, Some(&app.admin), &[], body).await
}

/// Whether `details.fields` names the field or something inside of it.
fn names(error: &Value, field: &str) -> bool {
    let fields = error["details"]["fields"].as_object().cloned().unwrap_or_else(Map::new);
    fields.iter().any(|(name, problem)| {
        let rest = name.strip_prefix(field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])) && problem.is_string()
    })
}

/// Values that a schema does not permit. Durations may be numbers of seconds.
fn wrong_values(field: &str, schema: &Value) -> Vec<Value> {
    // The document names one form of these, and texts and lists are taken too.
    if ["san", "subject"].contains(&field) {
        return vec![json!(5), json!(true), json!([1]), json!([["a"]]), json!({ "dns": 5 })];
    }
    match schema["type"].as_str() {
        Some("string") if DURATIONS.contains(&field) => {
            vec![json!(true), json!(1.5), json!(["1h"]), json!({ "hours": 1 })]
        }
        Some("string") => vec![json!(5), json!(true), json!(["a"]), json!({ "a": 1 })],
        Some("boolean") => vec![json!("true"), json!(1), json!([]), json!({})],
        Some("integer") => vec![json!("5"), json!(1.5), json!(true), json!([]), json!(1e30)],
        Some("array") => vec![json!(5), json!(true), json!([1]), json!([["a"]]), json!({ "dns": 5 })],
        Some("object") => vec![json!("a"), json!([]), json!(5), json!({ "a": 5 }), json!({ "a": null })],
        // A word of a closed set, whose schema is told by its name.
        None if schema["$ref"].is_string() || schema["allOf"].is_array() => {
            wrong_values(field, &json!({ "type": "string" }))
        }
        other => panic!("{field}: no wrong values for the type {other:?}"),
    }
}

/// Values of the schema that hold the text.
fn holding(schema: &Value, text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    for form in schema["oneOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice) {
        match form["type"].as_str() {
            Some("string") => values.push(json!(text)),
            Some("array") => values.push(json!([text])),
            Some("object") => values.extend([json!({ "dns": [text] }), json!({ text: "a" })]),
            _ => {}
        }
    }
    values
}

/// A secret is whatever its owner wants to keep.
fn is_free(operation: &Operation, field: &str) -> bool {
    operation.name() == "PUT /v1/secrets/{path}" && field == "data"
}
