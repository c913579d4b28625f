//! One object of each kind, and for every operation a call that concerns them.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, TestApp};

use crate::openapi::Operation;

/// One object of each kind.
pub(crate) struct World {
    pub(crate) ca: String,
    pub(crate) role: String,
    pub(crate) certificate: String,
    pub(crate) serial: String,
    token: String,
    csr: String,
}

impl World {
    /// Makes them.
    pub(crate) async fn new(app: &TestApp) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ca = text(&app.root_ca("root").await["id"]);
        app.role("web", &ca).await;
        let issued = app.issue("web", "www.example.internal").await;
        let token = app.post("/v1/tokens", json!({ "name": "victim", "scopes": ["pki:read"] })).await;
        let judge = Judge::new();
        judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=csr.example.internal -out r");
        Self {
            ca,
            role: "web".to_owned(),
            certificate: text(&issued["certificate_id"]),
            serial: text(&issued["serial_number"]),
            token: text(&token.json_with(StatusCode::CREATED)["id"]),
            csr: judge.read("r"),
        }
    }

    /// Well-formed ids that nobody has.
    pub(crate) fn absent() -> Self {
        let id = |prefix: &str| format!("{prefix}_01ARZ3NDEKTSV4RRFFQ69G5FAV");
        let (role, serial) = ("absent".to_owned(), "01:02:03".to_owned());
        Self { ca: id("ca"), role, certificate: id("cert"), serial, token: id("tok"), csr: String::new() }
    }

    /// A path and a body with which the operation would succeed.
    pub(crate) fn sample(&self, operation: &Operation) -> (String, Option<Value>) {
        let id = [("/ca/", &self.ca), ("/certificates/", &self.certificate), ("/tokens/", &self.token)]
            .into_iter()
            .find(|(part, _)| operation.path.contains(part))
            .map_or("", |(_, id)| id);
        let path =
            operation.path.replace("{id}", id).replace("{role}", &self.role).replace("{name}", &self.role);
        let body = match operation.name().as_str() {
            "POST /v1/pki/ca" => {
                json!({ "name": "new", "common_name": "New CA", "ca_type": "root", "key_type": "ec" })
            }
            "POST /v1/pki/ca/{id}/revoke" => json!({ "reason": "superseded" }),
            "POST /v1/pki/roles" => json!({ "name": "new", "ca_id": self.ca, "allow_any_name": true }),
            "PATCH /v1/pki/roles/{name}" => json!({ "allow_any_name": true }),
            "POST /v1/pki/issue/{role}" => json!({ "common_name": "new.example.internal" }),
            "POST /v1/pki/sign/{role}" => json!({ "csr_pem": self.csr }),
            "PATCH /v1/pki/certificates/{id}" => json!({ "description": "changed" }),
            "POST /v1/pki/revoke" => json!({ "serial_number": self.serial }),
            "POST /v1/tokens" => json!({ "name": "new", "scopes": ["pki:admin"] }),
            name => {
                assert!(operation.request_schema().is_none(), "{name} needs a sample body here");
                return (path, None);
            }
        };
        (path, Some(body))
    }

    /// A text without the ids and names of these objects.
    pub(crate) fn masked(&self, text: &str) -> String {
        let names = [&self.ca, &self.certificate, &self.token, &self.role];
        names.iter().fold(text.to_owned(), |text, name| text.replace(name.as_str(), "…"))
    }
}

/// Sends a request with an `Authorization` header, or none when it is empty.
pub(crate) async fn send(
    app: &TestApp,
    method: &Method,
    path: &str,
    authorization: &str,
    body: Option<Value>,
) -> Answer {
    let headers: &[(&str, &str)] =
        if authorization.is_empty() { &[] } else { &[("authorization", authorization)] };
    let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
    app.send(method.clone(), path, None, headers, body).await
}
