//! The examples of the document: requests are sent as they stand there, and answers compared with what stands there.

use std::collections::BTreeMap;

use poem::http::{Method, StatusCode};
use serde_json::Value;
use tests::{TestApp, both_modes};

use crate::openapi::{Operation, operations};

/// Those whose request is sent here, in an order in which each finds what it needs. The others are for servers outside.
const SENT: [&str; 15] = [
    "createCa",
    "updateCa",
    "createRole",
    "issueCertificate",
    "issueCertificates",
    "exportCertificates",
    "updateCertificate",
    "validateCertificate",
    "revokeCertificate",
    "createCsr",
    "signCsr",
    "rejectCsr",
    "blockKey",
    "createToken",
    "createDnsProvider",
];
const OUTSIDE: [&str; 2] = ["createAcmeAccount", "createAcmeOrder"];

fn id(operation: &Operation) -> String {
    operation.spec["operationId"].as_str().unwrap().to_owned()
}

/// The example of a request with real ids in place of those of the document.
fn request(operation: &Operation, known: &BTreeMap<&str, Value>) -> Value {
    let mut request = operation.spec["requestBody"]["content"]["application/json"]["example"].clone();
    for (field, value) in known {
        if request.get(*field).is_some() {
            request[*field] = value.clone();
        }
    }
    request
}

/// The example of the answer, and its status.
fn answer(operation: &Operation) -> (u16, Option<Value>) {
    let responses = operation.spec["responses"].as_object().unwrap();
    let (status, response) = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
    (status.parse().unwrap(), response.pointer("/content/application~1json/example").cloned())
}

both_modes! {
    async fn examples_can_be_sent_as_they_are(app: TestApp) {
        let operations: BTreeMap<String, Operation> =
            operations().into_iter().map(|operation| (id(&operation), operation)).collect();
        let with_example: Vec<&String> = operations
            .iter()
            .filter(|(_, of)| of.spec.pointer("/requestBody/content/application~1json/example").is_some())
            .map(|(id, _)| id)
            .collect();
        let mut listed: Vec<&str> = SENT.iter().chain(&OUTSIDE).copied().collect();
        listed.sort_unstable();
        assert_eq!(with_example, listed, "an example that is not sent");
        for name in OUTSIDE {
            let (schema, example) = (operations[name].request_schema().unwrap(), request(&operations[name], &BTreeMap::new()));
            for field in example.as_object().unwrap().keys() {
                assert!(schema["properties"][field].is_object(), "{name}: {field} is no field");
            }
            for field in schema["required"].as_array().unwrap() {
                assert!(!example[field.as_str().unwrap()].is_null(), "{name}: {field} is missing");
            }
        }
        let mut known: BTreeMap<&str, Value> = BTreeMap::new();
        let (mut certificate, mut csr) = (String::new(), String::new());
        for name in SENT {
            let operation = &operations[name];
            let path = operation.path.replace("{role}", "web");
            let id = if name.ends_with("Csr") { &csr } else { &certificate };
            let path = path.replace("{id}", if name == "updateCa" { known["ca_id"].as_str().unwrap() } else { id });
            if name == "signCsr" {
                app.send(Method::POST, &format!("/v1/pki/csr/{csr}/approve"), Some(&app.admin), &[], None).await;
            }
            if name == "rejectCsr" {
                // The one of before is signed.
                made(&app, &operations["createCsr"], &known).await["id"].as_str().unwrap().clone_into(&mut csr);
            }
            let path = if name == "rejectCsr" { format!("/v1/pki/csr/{csr}/reject") } else { path };
            let body = serde_json::to_vec(&request(operation, &known)).unwrap();
            let body = Some(("application/json", body));
            let found = app.send(operation.method.clone(), &path, Some(&app.admin), &[], body).await;
            let (status, example) = answer(operation);
            assert_eq!(found.status, StatusCode::from_u16(status).unwrap(), "{name}: {}", found.text());
            if name == "exportCertificates" {
                continue;
            }
            let found = found.json();
            if let Some(example) = example {
                let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
                assert_eq!(keys(&example), keys(&found), "{name}: the example has other fields");
            }
            match name {
                "createCa" => drop(known.insert("ca_id", found["id"].clone())),
                "issueCertificate" => {
                    known.insert("serial_number", found["serial_number"].clone());
                    known.insert("certificate_pem", found["certificate"].clone());
                    found["certificate_id"].as_str().unwrap().clone_into(&mut certificate);
                }
                "createCsr" => found["id"].as_str().unwrap().clone_into(&mut csr),
                "validateCertificate" => assert_eq!(found["valid"], true, "{found}"),
                "issueCertificates" => assert_eq!(found["issued"], 2, "{found}"),
                _ => {}
            }
        }
    }
}

async fn made(app: &TestApp, operation: &Operation, known: &BTreeMap<&str, Value>) -> Value {
    app.post(&operation.path, request(operation, known)).await.json_with(StatusCode::CREATED)
}
