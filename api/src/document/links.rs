//! What can be done next with what an operation answers, as links (OpenAPI 3.0.3, "Link Object").

use serde_json::{Map, Value, json};

use super::members;

/// Objects: the schema that an answer has, its member that names the object, and the path of the object.
const OBJECTS: [(&str, &str, &str); 15] = [
    ("AcmeAccount", "id", "/v1/pki/acme/accounts/{id}"),
    ("AcmeChallenge", "id", "/v1/pki/acme/challenges/{id}"),
    ("AcmeOrder", "id", "/v1/pki/acme/orders/{id}"),
    ("BlockedKeyDetail", "id", "/v1/pki/blocked-keys/{id}"),
    ("CertificateAuthority", "id", "/v1/pki/ca/{id}"),
    ("CertificateDetail", "id", "/v1/pki/certificates/{id}"),
    ("CreatedToken", "id", "/v1/tokens/{id}"),
    ("CsrDetail", "id", "/v1/pki/csr/{id}"),
    ("DnsProvider", "id", "/v1/pki/dns-providers/{id}"),
    ("IssuedCertificate", "certificate_id", "/v1/pki/certificates/{id}"),
    ("Job", "id", "/v1/jobs/{id}"),
    ("Role", "name", "/v1/pki/roles/{name}"),
    ("SecretInfo", "path", "/v1/secrets/{path}"),
    ("TrustAnchor", "id", "/v1/pki/trust-anchors/{id}"),
    ("WebhookWithSecret", "id", "/v1/webhooks/{id}"),
];

/// An operation on one object.
struct Target {
    path: String,
    operation_id: String,
}

/// Adds to each answer that is an object what else there is to call with its name.
pub(super) fn add(document: &mut Value) {
    let targets = targets(document);
    for (_, item) in members(&mut document["paths"]) {
        for (_, operation) in members(item) {
            let own = operation["operationId"].as_str().unwrap_or_default().to_owned();
            for (status, response) in members(&mut operation["responses"]) {
                if !status.starts_with('2') {
                    continue;
                }
                let links = links(response, &own, &targets);
                if !links.is_empty() {
                    response["links"] = links.into();
                }
            }
        }
    }
}

fn links(response: &Value, own: &str, targets: &[Target]) -> Map<String, Value> {
    let mut content = response["content"].as_object().into_iter().flatten();
    let schema =
        content.find_map(|(_, content)| content.pointer("/schema/$ref")?.as_str()?.rsplit('/').next());
    let object = OBJECTS.iter().find(|(name, _, _)| Some(*name) == schema);
    let Some((_, member, object)) = object else { return Map::new() };
    let Some(parameter) = object.split(['{', '}']).nth(1) else { return Map::new() };
    let is_next = |target: &&Target| {
        target.operation_id != own && target.path.strip_prefix(object).is_some_and(|rest| !rest.contains('{'))
    };
    let link = |target: &Target| {
        let link = json!({
            "operationId": target.operation_id,
            "parameters": { parameter: format!("$response.body#/{member}") },
        });
        (target.operation_id.clone(), link)
    };
    targets.iter().filter(is_next).map(link).collect()
}

fn targets(document: &Value) -> Vec<Target> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths
        .flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(_, spec)| (path, spec)));
    let target = |(path, spec): (&String, &Value)| {
        Some(Target { path: path.clone(), operation_id: spec["operationId"].as_str()?.to_owned() })
    };
    operations.filter_map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_there() {
        let document: Value = serde_json::from_str(&crate::openapi::raw_document()).unwrap();
        for (schema, member, path) in OBJECTS {
            let paths = document["paths"].as_object().unwrap();
            assert!(paths.keys().any(|other| other.starts_with(path)), "{path}");
            let properties = &document["components"]["schemas"][schema]["properties"];
            assert!(!properties[member].is_null(), "{schema}.{member}");
        }
    }
}
