//! What a run needs in the service before it is measured.

use std::{hash::BuildHasher, rc::Rc, time::Duration};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::{Connection, Target};

/// The names that are issued lie below this domain.
pub const DOMAIN: &str = "bench.internal";

/// Which keys the service makes for the certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyType {
    /// P-256.
    #[default]
    Ec,
    /// 2048 bits.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// The API, for what is not measured.
pub struct Api {
    target: Rc<Target>,
    connection: Connection,
}

impl Api {
    /// Connects when it is used.
    pub fn new(target: Rc<Target>, patience: Duration) -> Self {
        let connection = Connection::new(Rc::clone(&target), patience);
        Self { target, connection }
    }

    /// Makes a root CA and a role of its own with names that no other run has; answers the role's name.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses; the message holds its answer.
    pub async fn create_role(&mut self, key_type: KeyType) -> anyhow::Result<String> {
        let name = format!("bench-{:016x}", unique());
        let authority = json!({
            "name": name,
            "common_name": format!("Root of {name}"),
            "ca_type": "root",
            "key_type": "ec",
            "key_size": 256,
        });
        let authority = self.post("/v1/pki/ca", &authority).await?;
        let mut role = json!({
            "name": name,
            "ca_id": authority.get("id").context("the CA has no id")?,
            "allowed_domains": [DOMAIN],
            "allow_subdomains": true,
            "max_ttl": "720h",
        });
        let shape = match key_type {
            KeyType::Ec => json!({"key_type": "ec", "key_bits": 256}),
            KeyType::Rsa => json!({"key_type": "rsa", "key_bits": 2048}),
            KeyType::Ed25519 => json!({"key_type": "ed25519"}),
        };
        if let (Value::Object(role), Value::Object(shape)) = (&mut role, shape) {
            role.extend(shape);
        }
        self.post("/v1/pki/roles", &role).await?;
        Ok(name)
    }

    /// Makes a P-256 root CA whose answers of OCSP are signed by this, and a role of it; answers the CA's id, its certificate in
    /// PEM and the role's name.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses; the message holds its answer.
    pub async fn create_responder(&mut self, signer: &str) -> anyhow::Result<(String, String, String)> {
        let name = format!("bench-{:016x}", unique());
        let authority = json!({
            "name": name, "common_name": format!("Root of {name}"), "ca_type": "root", "key_type": "ec",
            "ocsp_signer": signer,
        });
        let authority = self.post("/v1/pki/ca", &authority).await?;
        let id = authority.get("id").and_then(Value::as_str).context("the CA has no id")?.to_owned();
        let role = json!({
            "name": name, "ca_id": id, "allowed_domains": [DOMAIN], "allow_subdomains": true, "max_ttl": "720h",
            "key_type": "ec",
        });
        self.post("/v1/pki/roles", &role).await?;
        let path = format!("/v1/pki/ca/{id}/certificate");
        let mut request = Vec::new();
        self.target.append_get(&path, &mut request);
        let certificate = self.call(&path, &request, 200).await?;
        let pem = certificate.get("certificate_pem").and_then(Value::as_str);
        Ok((id, pem.context("the CA has no certificate")?.to_owned(), name))
    }

    /// The PEM of certificates.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses; the message holds its answer.
    pub async fn certificates(&mut self, ids: &[String]) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let path = format!("/v1/pki/certificates/{id}");
            let mut request = Vec::new();
            self.target.append_get(&path, &mut request);
            let certificate = self.call(&path, &request, 200).await?;
            let pem = certificate.get("certificate_pem").and_then(Value::as_str);
            found.push(pem.context("a certificate has no PEM")?.to_owned());
        }
        Ok(found)
    }

    /// The ids of the newest certificates, at most 1000.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses; the message holds its answer.
    pub async fn certificate_ids(&mut self) -> anyhow::Result<Vec<String>> {
        let mut request = Vec::new();
        let path = "/v1/pki/certificates?limit=1000";
        self.target.append_get(path, &mut request);
        let list = self.call(path, &request, 200).await?;
        let certificates = list
            .get("certificates")
            .and_then(Value::as_array)
            .context("the list has no certificates field")?;
        let ids = certificates.iter().filter_map(|certificate| certificate.get("id")?.as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut request = Vec::new();
        self.target.post(path).append(&body.to_string(), &mut request);
        self.call(path, &request, 201).await
    }

    async fn call(&mut self, path: &str, request: &[u8], expected: u16) -> anyhow::Result<Value> {
        let authority = self.target.authority();
        let response = self
            .connection
            .exchange(request)
            .await
            .with_context(|| format!("no answer from {authority}{path}"))?;
        if response.status != expected {
            bail!("{path} answered {}: {}", response.status, String::from_utf8_lossy(response.body));
        }
        serde_json::from_slice(response.body).with_context(|| format!("{path} answered no JSON"))
    }
}

/// Differs from run to run. The hasher's keys are random, and nothing here needs more than that.
fn unique() -> u64 {
    std::hash::RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::test_server::{TestServer, answer};

    fn json_answer(status: &str, body: &str) -> crate::client::test_server::Answer {
        answer(&format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    fn api(server: &TestServer) -> Api {
        let target = Rc::new(Target::parse(&server.url(), "t").unwrap());
        Api::new(target, Duration::from_secs(20))
    }

    #[tokio::test]
    async fn the_role_belongs_to_the_new_authority() {
        let server = TestServer::start(vec![vec![
            json_answer("201 Created", r#"{"id":"ca_1","name":"x"}"#),
            json_answer("201 Created", r#"{"id":"role_1"}"#),
        ]])
        .await;
        let role = api(&server).create_role(KeyType::Rsa).await.unwrap();
        let requests = server.requests();
        let sent = |index: usize| -> Value {
            let (_, body) = requests[index].split_once("\r\n\r\n").unwrap();
            serde_json::from_str(body).unwrap()
        };
        assert_eq!(sent(0)["name"], Value::from(role.clone()));
        assert_eq!(sent(1)["name"], Value::from(role));
        assert_eq!(sent(1)["ca_id"], "ca_1");
        assert_eq!(sent(1)["key_type"], "rsa");
        assert_eq!(sent(1)["key_bits"], 2048);
    }

    #[tokio::test]
    async fn a_refusal_is_shown_as_the_service_said_it() {
        let body = r#"{"error":{"code":"insufficient_scope","message":"needs pki:admin"}}"#;
        let server = TestServer::start(vec![vec![json_answer("403 Forbidden", body)]]).await;
        let refusal = api(&server).create_role(KeyType::Ec).await.unwrap_err();
        assert_eq!(refusal.to_string(), format!("/v1/pki/ca answered 403: {body}"));
    }

    #[test]
    fn runs_do_not_share_names() {
        assert_ne!(unique(), unique());
    }
}
