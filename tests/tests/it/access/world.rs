//! One object of each kind, and for every operation a call that concerns them.

use certmill_domain::{DeliveryId, DiscoveryId, JobId};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::{Answer, TestApp};

use crate::access::acme_rows;
use crate::access::rows::Rows;
use crate::csr::{imported, request};
use crate::openapi::Operation;

/// One object of each kind.
pub(crate) struct World {
    pub(crate) ca: String,
    pub(crate) role: String,
    pub(crate) certificate: String,
    pub(crate) serial: String,
    pub(crate) csr: String,
    pub(crate) anchor: String,
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) order: String,
    pub(crate) challenge: String,
    pub(crate) provider: String,
    pub(crate) secret: String,
    job: String,
    blocked: String,
    pub(crate) webhook: String,
    pub(crate) discovery: String,
    delivery: String,
    csr_pem: String,
    anchor_pem: String,
}

impl World {
    /// Makes them.
    pub(crate) async fn new(app: &TestApp) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ca = text(&app.root_ca("root").await["id"]);
        app.role("web", &ca).await;
        let issued = app.issue("web", "www.example.internal").await;
        let token = app.post("/v1/tokens", json!({ "name": "victim", "scopes": ["pki:read"] })).await;
        let csr_pem = request("-subj /CN=csr.example.internal");
        let csr = imported(app, &csr_pem).await;
        let anchor_pem = Authority::root("/CN=Theirs").certificate;
        let anchor = json!({ "name": "theirs", "certificate_pem": anchor_pem });
        let anchor = app.post("/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        let (account, order, challenge) = acme_rows::write(app).await;
        let provider = json!({ "name": "theirs", "type": "manual", "config": {}, "zones": ["example.org"] });
        let provider = app.post("/v1/pki/dns-providers", provider).await.json_with(StatusCode::CREATED);
        let secret = json!({ "data": { "key": "theirs" } });
        app.put("/v1/secrets/theirs/key", secret).await.json_with(StatusCode::CREATED);
        let blocked = json!({ "spki_sha256": "ab".repeat(32) });
        let blocked = app.post("/v1/pki/blocked-keys", blocked).await.json_with(StatusCode::CREATED);
        // It is not active, so that nobody but the test touches it.
        let webhook = json!({
            "name": "theirs", "url": "https://127.0.0.1:1/", "events": ["*"], "is_active": false
        });
        let webhook = app.post("/v1/webhooks", webhook).await.json_with(StatusCode::CREATED);
        let webhook = text(&webhook["id"]);
        Self {
            discovery: discovery(app).await,
            delivery: delivery(app, &webhook, 1).await,
            webhook,
            blocked: text(&blocked["id"]),
            job: done_job(app).await,
            secret: "theirs/key".to_owned(),
            account,
            order,
            challenge,
            provider: text(&provider["id"]),
            ca,
            role: "web".to_owned(),
            certificate: text(&issued["certificate_id"]),
            serial: text(&issued["serial_number"]),
            csr: text(&csr["id"]),
            anchor: text(&anchor["id"]),
            token: text(&token.json_with(StatusCode::CREATED)["id"]),
            csr_pem,
            anchor_pem,
        }
    }

    /// Well-formed ids that nobody has.
    pub(crate) fn absent() -> Self {
        let id = |prefix: &str| format!("{prefix}_01ARZ3NDEKTSV4RRFFQ69G5FAV");
        Self {
            ca: id("ca"),
            role: "absent".to_owned(),
            certificate: id("cert"),
            serial: "01:02:03".to_owned(),
            csr: id("csr"),
            anchor: id("ta"),
            token: id("tok"),
            account: id("acct"),
            order: id("ord"),
            challenge: id("chal"),
            provider: id("dnsp"),
            secret: "nobody/key".to_owned(),
            job: id("job"),
            blocked: id("bkey"),
            webhook: id("whk"),
            discovery: id("disc"),
            delivery: id("del"),
            csr_pem: String::new(),
            anchor_pem: String::new(),
        }
    }

    /// A path and a body with which the operation is well-formed, and concerns these objects.
    pub(crate) fn sample(&self, operation: &Operation) -> (String, Option<Value>) {
        let ids = [
            ("/ca/", &self.ca),
            ("/certificates/", &self.certificate),
            ("/csr/", &self.csr),
            ("/trust-anchors/", &self.anchor),
            ("/tokens/", &self.token),
            ("/acme/accounts/", &self.account),
            ("/acme/orders/", &self.order),
            ("/acme/challenges/", &self.challenge),
            ("/dns-providers/", &self.provider),
            ("/jobs/", &self.job),
            ("/blocked-keys/", &self.blocked),
            ("/webhooks/", &self.webhook),
            ("/discover/", &self.discovery),
        ];
        let id = ids.into_iter().find(|(part, _)| operation.path.contains(part)).map_or("", |(_, id)| id);
        let path =
            operation.path.replace("{id}", id).replace("{role}", &self.role).replace("{name}", &self.role);
        let path = path.replace("{path}", &self.secret).replace("{delivery_id}", &self.delivery);
        let body = match operation.name().as_str() {
            "POST /v1/pki/ca" => {
                json!({ "name": "new", "common_name": "New CA", "ca_type": "root", "key_type": "ec" })
            }
            "POST /v1/pki/ca/{id}/revoke" => json!({ "reason": "superseded" }),
            "POST /v1/pki/roles" => json!({ "name": "new", "ca_id": self.ca, "allow_any_name": true }),
            "PATCH /v1/pki/roles/{name}" => json!({ "allow_any_name": true }),
            "POST /v1/pki/issue/{role}" | "POST /v1/pki/roles/{name}/check" => {
                json!({ "common_name": "new.example.internal" })
            }
            "POST /v1/pki/issue/{role}/batch" => {
                json!({ "requests": [{ "common_name": "new.example.internal" }] })
            }
            "POST /v1/pki/certificates/export" => json!({}),
            "POST /v1/pki/sign/{role}" | "POST /v1/pki/csr/import" => json!({ "csr_pem": self.csr_pem }),
            "POST /v1/pki/csr" => {
                json!({ "subject": { "common_name": "new.example.internal" }, "key_type": "ec" })
            }
            "POST /v1/pki/csr/{id}/reject" => json!({ "reason": "no" }),
            "POST /v1/pki/csr/{id}/sign" => json!({ "ca_id": self.ca }),
            "POST /v1/pki/blocked-keys" => json!({ "spki_sha256": "cd".repeat(32) }),
            "POST /v1/pki/trust-anchors" | "POST /v1/pki/ca/import" => {
                json!({ "name": "new", "certificate_pem": self.anchor_pem })
            }
            "POST /v1/pki/certificates/import"
            | "POST /v1/pki/certificates/validate"
            | "POST /v1/pki/ca/{id}/certificate" => {
                json!({ "certificate_pem": self.anchor_pem })
            }
            "POST /v1/pki/ca/{id}/reissue"
            | "POST /v1/pki/certificates/{id}/renew"
            | "POST /v1/pki/certificates/{id}/private-key" => {
                json!({})
            }
            "PATCH /v1/pki/certificates/{id}" => json!({ "description": "changed" }),
            "POST /v1/pki/revoke" => json!({ "serial_number": self.serial }),
            "POST /v1/pki/acme/accounts" => json!({
                "name": "new", "provider": "custom", "directory_url": "https://127.0.0.1:1/directory"
            }),
            "POST /v1/pki/acme/issue" | "POST /v1/pki/acme/check" => {
                json!({ "account_id": self.account, "domains": ["new.example.org"] })
            }
            "POST /v1/pki/dns-providers" => json!({ "name": "new", "type": "manual", "config": {} }),
            "PATCH /v1/pki/ca/{id}" => json!({ "renewal_of_desk_certificates": "desk" }),
            "PATCH /v1/pki/acme/accounts/{id}" | "PATCH /v1/pki/dns-providers/{id}" => {
                json!({ "name": "changed" })
            }
            "POST /v1/pki/dns-providers/{id}/test" => json!({ "zone": "example.org" }),
            "POST /v1/pki/discover" => json!({ "targets": ["127.0.0.1:2"] }),
            "POST /v1/webhooks" => {
                json!({ "name": "new", "url": "https://127.0.0.1:1/", "events": ["*"], "is_active": false })
            }
            "PATCH /v1/webhooks/{id}" => json!({ "name": "changed" }),
            "PUT /v1/secrets/{path}" => json!({ "data": { "key": "new" } }),
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
        let acme = [
            &self.account,
            &self.order,
            &self.challenge,
            &self.provider,
            &self.secret,
            &self.job,
            &self.blocked,
            &self.webhook,
            &self.discovery,
            &self.delivery,
        ];
        let names = [&self.ca, &self.certificate, &self.csr, &self.anchor, &self.token];
        let names = names.into_iter().chain(acme);
        // The role's name is part of other words.
        let text = text.replace(&format!("`{}`", self.role), "`…`");
        names.fold(text, |text, name| text.replace(name.as_str(), "…"))
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

/// A job of the tenant that is done, so that no worker touches it; its id.
async fn done_job(app: &TestApp) -> String {
    let now = app.app.now();
    let id = JobId::generate(now, app.app.entropy());
    Rows::of(app)
        .await
        .execute(&format!(
            "INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, created_at, finished_at) \
             VALUES ('{id}', '{}', 'rebuild_crl', 'theirs', 'done', 0, 1, 5, 1, {})",
            app.tenant.id,
            now.unix_micros()
        ))
        .await;
    id.to_string()
}

/// A discovery of the tenant's that is over; its id.
async fn discovery(app: &TestApp) -> String {
    let now = app.app.now();
    let id = DiscoveryId::generate(now, app.app.entropy());
    let (tenant, micros) = (app.tenant.id, now.unix_micros());
    let mut rows = Rows::of(app).await;
    rows.execute(&format!(
        "INSERT INTO discoveries (tenant_id, id, targets, created_at, finished_at) VALUES ('{tenant}', '{id}', 1, {micros}, {micros})"
    ))
    .await;
    rows.execute(&format!(
        "INSERT INTO discovery_targets (tenant_id, discovery_id, position, endpoint, state) \
         VALUES ('{tenant}', '{id}', 0, 'a.example:443', 'unreachable')"
    ))
    .await;
    id.to_string()
}

/// A delivery of the tenant's that was given up, at a place; its id.
pub(crate) async fn delivery(app: &TestApp, webhook: &str, place: u32) -> String {
    let now = app.app.now();
    let id = DeliveryId::generate(now, app.app.entropy());
    let micros = now.unix_micros();
    Rows::of(app)
        .await
        .execute(&format!(
            "INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, sequence, event_id, event_type, object, state, \
             attempts, next_at, created_at, finished_at) VALUES ('{}', '{id}', '{webhook}', {place}, 'evt_1', \
             'ca.created', 'ca_1', 'failed', 10, {micros}, {micros}, {micros})",
            app.tenant.id
        ))
        .await;
    id.to_string()
}
