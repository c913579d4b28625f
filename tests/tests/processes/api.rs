//! A process that answers requests, and the requests that tests send to it.

use std::time::{Duration, Instant};

use launch::Process;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::site::{PATIENCE, until};

/// A process that answers requests.
pub(crate) struct Api {
    pub(crate) process: Process,
    pub(crate) url: String,
    pub(crate) token: String,
    client: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(process: Process, url: String, token: &str) -> Self {
        Self { process, url, token: token.to_owned(), client: client() }
    }

    /// Whether it answers in this time; `false` at once when the process has ended.
    pub(crate) async fn answers_within(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline && self.process.wait_timeout(Duration::ZERO).is_none() {
            if self.client.get(format!("{}/healthz", self.url)).send().await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// `GET`, whose answer must be JSON with status 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.read(path).await.json(200)
    }

    /// `GET`, whatever the answer.
    pub(crate) async fn read(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// `POST` of JSON, whose answer must have this status.
    pub(crate) async fn post(&self, path: &str, body: Value, status: u16) -> Value {
        self.send(Method::POST, path, Some(body)).await.json(status)
    }

    /// `PATCH` of JSON, whose answer must have the status 200.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        self.send(Method::PATCH, path, Some(body)).await.json(200)
    }

    /// Sends a request, which must be answered.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let sent = request(&self.client, (&self.url, &self.token), method, path, body).await;
        sent.unwrap_or_else(|error| panic!("{path}: {error:?}\n{}", self.process.log()))
    }

    /// Makes a P-256 root CA; answers its id.
    pub(crate) async fn root_ca(&self, name: &str) -> String {
        let body = json!({ "name": name, "common_name": name, "ca_type": "root", "key_type": "ec" });
        id(&self.post("/v1/pki/ca", body, 201).await)
    }

    /// Makes a role for names below `example.internal`.
    pub(crate) async fn role(&self, name: &str, ca: &str) {
        let body = json!({
            "name": name, "ca_id": ca, "allowed_domains": ["example.internal"], "allow_subdomains": true, "key_type": "ec"
        });
        self.post("/v1/pki/roles", body, 201).await;
    }

    /// Issues a certificate.
    pub(crate) async fn issue(&self, role: &str, name: &str) -> Value {
        let body = json!({ "common_name": format!("{name}.example.internal") });
        self.post(&format!("/v1/pki/issue/{role}"), body, 201).await
    }

    /// Issues a certificate under an idempotency key.
    pub(crate) async fn issue_under_key(&self, role: &str, name: &str, key: &str) -> Value {
        let body = json!({ "common_name": format!("{name}.example.internal") });
        let call =
            self.client.post(format!("{}/v1/pki/issue/{role}", self.url)).header("idempotency-key", key);
        let answer = call.bearer_auth(&self.token).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.unwrap()
    }

    /// Ends its connections.
    pub(crate) fn hang_up(&mut self) {
        self.client = client();
    }

    /// Revokes a certificate that was just issued.
    pub(crate) async fn revoke(&self, issued: &Value) -> Value {
        let body = json!({ "serial_number": issued["serial_number"], "reason": "superseded" });
        self.post("/v1/pki/revoke", body, 200).await
    }

    /// A CA.
    pub(crate) async fn ca(&self, id: &str) -> Value {
        self.get(&format!("/v1/pki/ca/{id}")).await
    }

    /// Reads a path until its JSON is as wanted.
    pub(crate) async fn eventually(
        &self,
        path: &str,
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = Value::Null;
        until(&format!("{path} as wanted"), within, async || {
            last = self.get(path).await;
            wanted(&last).then(|| last.clone())
        })
        .await
    }

    /// The ids of all certificates, page by page.
    pub(crate) async fn certificate_ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/pki/certificates?include_revoked=true&limit=1000{cursor}");
            let page = self.get(&path).await;
            ids.extend(page["certificates"].as_array().unwrap().iter().map(id));
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }
}

impl Answer {
    /// The body as JSON, after checking the status.
    pub(crate) fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of an error body.
    pub(crate) fn error_code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request to `(url, token)`; the error is one of the connection.
pub(crate) async fn request(
    client: &Client,
    (url, token): (&str, &str),
    method: Method,
    path: &str,
    body: Option<Value>,
) -> reqwest::Result<Answer> {
    let mut request = client.request(method, format!("{url}{path}")).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await?;
    Ok(Answer { status: response.status(), body: response.bytes().await?.to_vec() })
}

pub(crate) fn client() -> Client {
    Client::builder().timeout(PATIENCE).build().unwrap()
}

/// The id of an object.
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}
