//! Many certificates by one call: issuing them, and exporting what a filter finds.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

/// A body of a batch for these names.
fn batch(names: impl IntoIterator<Item = String>) -> Value {
    let requests: Vec<Value> = names.into_iter().map(|name| json!({ "common_name": name })).collect();
    json!({ "requests": requests })
}

async fn role(app: &TestApp) -> String {
    let root = app.root_ca("root").await;
    app.role("web", root["id"].as_str().unwrap()).await;
    root["id"].as_str().unwrap().to_owned()
}

async fn export(app: &TestApp, body: Value) -> (String, String) {
    let body = Some(("application/json", serde_json::to_vec(&body).unwrap()));
    let answer = app.send(Method::POST, "/v1/pki/certificates/export", Some(&app.admin), &[], body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    (answer.header("content-type"), answer.text())
}

both_modes! {
    async fn each_request_of_a_batch_has_its_answer(app: TestApp) {
        role(&app).await;
        let names = (0..40).map(|at| match at {
            3 => "www.example.com".to_owned(),
            7 => "not a name".to_owned(),
            _ => format!("h{at}.example.internal"),
        });
        let answer = app.post("/v1/pki/issue/web/batch", batch(names)).await.json_with(StatusCode::OK);
        assert_eq!((&answer["issued"], &answer["refused"]), (&json!(38), &json!(2)), "{answer}");
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), 40);
        for (at, result) in results.iter().enumerate() {
            match at {
                3 => assert_eq!(result["error"]["code"], "role_violation", "{result}"),
                7 => assert_eq!(result["error"]["code"], "validation_error", "{result}"),
                _ => {
                    let id = result["certificate"]["certificate_id"].as_str().unwrap();
                    let found = app.get(&format!("/v1/pki/certificates/{id}")).await.json_with(StatusCode::OK);
                    assert_eq!(found["common_name"], format!("h{at}.example.internal"));
                    assert!(result["certificate"]["private_key"].as_str().unwrap().contains("PRIVATE KEY"));
                    assert!(result["error"].is_null(), "{result}");
                }
            }
        }
        let refused = app.get("/v1/audit/logs?success=false&action=certificate.issue").await.json();
        let codes: Vec<&str> =
            refused["logs"].as_array().unwrap().iter().map(|row| row["error_code"].as_str().unwrap()).collect();
        assert_eq!(codes.len(), 2, "{refused}");
        assert!(codes.contains(&"role_violation") && codes.contains(&"validation_error"), "{codes:?}");
    }

    async fn a_batch_that_is_wrong_as_a_whole_issues_nothing(app: TestApp) {
        role(&app).await;
        let many = batch((0..1_001).map(|at| format!("h{at}.example.internal")));
        for body in [batch([]), many] {
            let error = app.post("/v1/pki/issue/web/batch", body).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["requests"].is_string(), "{error}");
        }
        let one = batch(["a.example.internal".to_owned()]);
        app.post("/v1/pki/issue/other/batch", one).await.error(404, "role_not_found");
        let mut misspelt = batch(["a.example.internal".to_owned(), "b.example.internal".to_owned()]);
        misspelt["requests"][1]["tll"] = json!("1h");
        let error = app.post("/v1/pki/issue/web/batch", misspelt).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["requests[1].tll"].is_string(), "{error}");
        let all = app.get("/v1/pki/certificates").await.json();
        assert_eq!(all["certificates"], json!([]));
    }

    async fn an_export_has_every_row_of_the_filter(app: TestApp) {
        let ca = role(&app).await;
        let names = (0..620).map(|at| format!("h{at}.example.internal"));
        let answer = app.post("/v1/pki/issue/web/batch", batch(names)).await.json_with(StatusCode::OK);
        assert_eq!(answer["issued"], 620);
        let (media_type, text) = export(&app, json!({ "ca_id": ca })).await;
        assert_eq!(media_type, "application/x-ndjson");
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 620);
        let listed = app.get("/v1/pki/certificates?limit=1000").await.json();
        assert_eq!(json!(rows), listed["certificates"], "the export and the list differ");
        assert!(!text.contains("PRIVATE KEY") && !text.contains("BEGIN"), "keys or PEM");
        let (media_type, text) = export(&app, json!({ "format": "csv", "san": "h7.example.internal" })).await;
        assert_eq!(media_type, "text/csv; charset=utf-8");
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("id,serial_number,common_name,"), "{text}");
        assert!(lines[1].contains(",h7.example.internal,"), "{text}");
        assert_eq!(lines[2], "");
        let (_, nothing) = export(&app, json!({ "role": "other" })).await;
        assert_eq!(nothing, "");
        app.post("/v1/pki/certificates/export", json!({ "status": "gone" })).await.error(422, "validation_error");
        let (_, stranger) = app.another_tenant("strangers").await;
        let theirs = app.post_as(&stranger, "/v1/pki/certificates/export", json!({})).await;
        assert_eq!((theirs.status, theirs.text().as_str()), (StatusCode::OK, ""));
    }
}
