//! Examples of requests and answers. A test sends the requests and compares the answers with the examples
//! (`tests/tests/it/examples.rs`).

use serde_json::{Value, json};

use super::Operation;

/// Adds the example of an operation's request and that of its successful answer.
pub(super) fn add(operation: &mut Operation<'_>) {
    let Some(id) = operation.spec["operationId"].as_str() else { return };
    let (request, answer) = (request(id), answer(id));
    if let Some(content) = operation.spec.pointer_mut("/requestBody/content/application~1json")
        && let Some(request) = request
    {
        content["example"] = request;
    }
    for (status, response) in super::members(&mut operation.spec["responses"]) {
        if let Some(content) = response.pointer_mut("/content/application~1json")
            && status.starts_with('2')
            && let Some(answer) = &answer
        {
            content["example"] = answer.clone();
        }
    }
}

const CA: &str = "ca_01J9Z3NDEKTSV4RRFFQ69G5FAV";
const ACCOUNT: &str = "acct_01J9Z3NDEKTSV4RRFFQ69G5FAV";
const CERTIFICATE: &str = "cert_01J9Z3NDEKTSV4RRFFQ69G5FAV";
const SERIAL_NUMBER: &str = "3f:a1:0c:5d:77:20:9e:41:b8:06:d2:6b:90:ee:13:5a";
const PEM: &str = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n";

fn request(operation: &str) -> Option<Value> {
    Some(match operation {
        "createCa" => json!({
            "name": "example-root", "common_name": "Example Root CA", "ca_type": "root", "key_type": "ec",
            "validity_days": 3650, "organization": ["Example"]
        }),
        "createRole" => json!({
            "name": "web", "ca_id": CA, "allowed_domains": ["example.internal"], "allow_subdomains": true,
            "key_type": "ec", "max_ttl": "90d"
        }),
        "issueCertificate" => json!({
            "common_name": "www.example.internal", "alt_names": ["example-1.example.internal"], "ttl": "30d"
        }),
        "issueCertificates" => json!({
            "requests": [{ "common_name": "a.example.internal" }, { "common_name": "b.example.internal" }]
        }),
        "exportCertificates" => json!({ "format": "csv", "expiring_within": "60d" }),
        "revokeCertificate" => json!({ "serial_number": SERIAL_NUMBER, "reason": "superseded" }),
        "updateCa" => json!({ "ocsp": true, "crl_validity": "7d", "crl_overlap": "2d" }),
        "blockKey" => {
            json!({ "certificate_pem": PEM, "comment": "the key was on a public server", "revoke": true })
        }
        "updateCertificate" => json!({ "tags": { "team": "web" }, "description": "front door" }),
        "createCsr" => json!({
            "subject": { "common_name": "db.example.internal" }, "san_dns": ["db.example.internal"],
            "key_type": "ec"
        }),
        "signCsr" => json!({ "ca_id": CA, "validity_days": 90 }),
        "rejectCsr" => json!({ "reason": "the name belongs to another team" }),
        "validateCertificate" => json!({ "certificate_pem": PEM, "check_revocation": true }),
        "createToken" => json!({ "name": "deployment", "scopes": ["pki:issue"], "ttl": "90d" }),
        "createDnsProvider" => json!({
            "name": "by hand", "type": "manual", "config": {}, "zones": ["example.org"]
        }),
        "createAcmeAccount" => json!({
            "name": "le", "provider": "letsencrypt", "environment": "staging", "email": "ops@example.org"
        }),
        "createAcmeOrder" => {
            json!({ "account_id": ACCOUNT, "domains": ["www.example.org"], "challenge_type": "dns-01" })
        }
        _ => return None,
    })
}

fn answer(operation: &str) -> Option<Value> {
    Some(match operation {
        "issueCertificate" => json!({
            "certificate": PEM,
            "private_key": "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n",
            "private_key_type": "ec",
            "ca_chain": [PEM],
            "issuing_ca": PEM,
            "serial_number": SERIAL_NUMBER,
            "certificate_id": CERTIFICATE,
            "not_before": "2026-01-31T11:59:30Z",
            "not_after": "2026-03-02T12:00:00Z"
        }),
        "revokeCertificate" => json!({
            "serial_number": SERIAL_NUMBER,
            "certificate_id": CERTIFICATE,
            "revoked_at": "2026-02-01T08:00:00Z",
            "reason": "superseded",
            "crl_update": "scheduled"
        }),
        _ => return None,
    })
}
