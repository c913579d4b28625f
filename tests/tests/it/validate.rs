//! `POST /v1/pki/certificates/validate`.

mod inputs;
mod network;
mod ours;
mod paths;
mod pkits;
pub(crate) mod site;
pub(crate) mod workshop;

use std::collections::BTreeSet;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

use crate::ca::text;

const PATH: &str = "/v1/pki/certificates/validate";

/// Asks; the answer must be 200.
async fn ask(app: &TestApp, body: Value) -> Value {
    let answer = app.post(PATH, body).await.json_with(StatusCode::OK);
    // What holds of every answer.
    let sound = answer["valid"] == json!(answer["errors"].as_array().unwrap().is_empty());
    assert!(sound && (answer["valid"] == json!(false) || answer["not_revoked"] != json!(false)), "{answer}");
    assert!(answer["valid"] == json!(false) || answer["trusted_anchor"].is_object(), "{answer}");
    answer
}

/// Adds a trust anchor; answers it.
async fn trust(app: &TestApp, name: &str, pem: &str) -> Value {
    let body = json!({ "name": name, "certificate_pem": pem });
    app.post("/v1/pki/trust-anchors", body).await.json_with(StatusCode::CREATED)
}

/// The codes of `errors` or `warnings`.
fn codes(problems: &Value) -> BTreeSet<String> {
    problems.as_array().into_iter().flatten().map(|problem| text(&problem["code"]).to_owned()).collect()
}

/// Whether these are the codes.
fn are(problems: &Value, expected: &[&str]) -> bool {
    codes(problems) == expected.iter().map(|code| (*code).to_owned()).collect()
}

/// `valid`, `chain_valid`, `not_expired` and `not_revoked`.
fn verdict(answer: &Value) -> (bool, bool, bool, Option<bool>) {
    let is = |field: &str| answer[field].as_bool().unwrap();
    (is("valid"), is("chain_valid"), is("not_expired"), answer["not_revoked"].as_bool())
}

/// The subjects of the path.
fn subjects(answer: &Value) -> Vec<&str> {
    answer["chain"].as_array().unwrap().iter().map(|link| text(&link["subject"])).collect()
}
