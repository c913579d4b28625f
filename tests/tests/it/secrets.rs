//! `/v1/secrets`.

use openssl::base64::encode_block;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;

use crate::access::rows::Rows;

const PATH: &str = "/v1/secrets/dns/cloudflare";

both_modes! {
    async fn a_secret_is_written_read_and_deleted(app: TestApp) {
        let answer = app.put(PATH, json!({ "data": { "api_token": "planted-secret" } })).await;
        let written = answer.json_with(StatusCode::CREATED);
        assert_eq!(answer.header("location"), PATH);
        assert!(!answer.text().contains("planted"), "data is not answered: {written}");
        assert_eq!((&written["path"], &written["version"]), (&json!("dns/cloudflare"), &json!(1)));
        assert_eq!(written["secret_type"], "json");
        let read = app.get(PATH).await;
        assert_eq!(read.header("cache-control"), "no-store");
        let read = read.json_with(StatusCode::OK);
        assert_eq!(read["data"], json!({ "api_token": "planted-secret" }));
        // The path may be sent with its slashes escaped.
        assert_eq!(app.get("/v1/secrets/dns%2Fcloudflare").await.json_with(StatusCode::OK)["data"], read["data"]);
        assert_eq!(app.delete(PATH).await.status, StatusCode::NO_CONTENT);
        app.get(PATH).await.error(404, "secret_not_found");
        app.delete(PATH).await.error(404, "secret_not_found");
        let again = app.put(PATH, json!({ "data": {} })).await.json_with(StatusCode::CREATED);
        assert_eq!(again["version"], 1, "nothing of the deleted one is left: {again}");
    }

    async fn the_last_ten_versions_are_kept(app: TestApp) {
        for number in 1..=12 {
            let answer = app.put(PATH, json!({ "data": { "number": number } })).await;
            let expected = if number == 1 { StatusCode::CREATED } else { StatusCode::OK };
            assert_eq!(answer.json_with(expected)["version"], number);
        }
        let read = app.get(PATH).await.json_with(StatusCode::OK);
        assert_eq!((&read["version"], &read["data"]["number"]), (&json!(12), &json!(12)));
        let kept: Vec<i64> =
            read["versions"].as_array().unwrap().iter().map(|version| version["version"].as_i64().unwrap()).collect();
        assert_eq!(kept, (3..=12).rev().collect::<Vec<_>>());
        let old = app.get(&format!("{PATH}?version=3")).await.json_with(StatusCode::OK);
        assert_eq!((&old["version"], &old["data"]["number"]), (&json!(3), &json!(3)));
        for gone in ["2", "13", "0"] {
            app.get(&format!("{PATH}?version={gone}")).await.error(404, "secret_not_found");
        }
        app.get(&format!("{PATH}?version=x")).await.error(422, "validation_error");
    }

    async fn versions_written_at_once_are_all_there(app: TestApp) {
        let writes = (0..10).map(|number| app.put(PATH, json!({ "data": { "number": number } })));
        let answers = futures_util::future::join_all(writes).await;
        let mut versions: Vec<i64> = answers.iter().map(|answer| answer.json()["version"].as_i64().unwrap()).collect();
        versions.sort_unstable();
        assert_eq!(versions, (1..=10).collect::<Vec<_>>());
        let created = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
        assert_eq!(created, 1);
    }

    async fn paths_have_a_form(app: TestApp) {
        let deep = ["a"; 11].join("/");
        let long = "a".repeat(513);
        for bad in ["A", "a//b", "a/", "a.b", "a%20b", "a/%2E%2E/b", deep.as_str(), long.as_str()] {
            let answer = app.put(&format!("/v1/secrets/{bad}"), json!({ "data": {} })).await;
            let error = answer.error(422, "validation_error");
            assert!(error["details"]["fields"]["path"].as_str().unwrap().contains("a-z"), "{bad}: {error}");
        }
        let ten = ["a_b-9"; 10].join("/");
        app.put(&format!("/v1/secrets/{ten}"), json!({ "data": {} })).await.json_with(StatusCode::CREATED);
    }

    async fn data_has_the_form_of_its_type(app: TestApp) {
        let ca = app.root_ca("root").await;
        let pem = app.get(&format!("/v1/pki/ca/{}/certificate", ca["id"].as_str().unwrap())).await.json();
        let pem = pem["certificate_pem"].as_str().unwrap();
        for (body, field) in [
            (json!({}), "data"),
            (json!({ "data": "text" }), "data"),
            (json!({ "data": [1] }), "data"),
            (json!({ "data": {}, "secret_type": "yaml" }), "secret_type"),
            (json!({ "data": {}, "secret_type": "text" }), "data.value"),
            (json!({ "data": { "value": 1 }, "secret_type": "text" }), "data.value"),
            (json!({ "data": { "value": "x", "more": 1 }, "secret_type": "text" }), "data.more"),
            (json!({ "data": { "certificate": "none" }, "secret_type": "certificate" }), "data.certificate"),
            (json!({ "data": { "certificate": pem, "private_key": 1 }, "secret_type": "certificate" }), "data.private_key"),
            (json!({ "data": { "big": "x".repeat(65 * 1024) } }), "data"),
        ] {
            let answer = app.put(PATH, body.clone()).await;
            assert!(answer.status.is_client_error(), "{body}");
            let text = answer.text();
            assert!(text.contains(field), "{field}: {text}");
            assert!(!text.contains("none") || field != "data.certificate", "{text}");
        }
        app.put(PATH, json!({ "data": {}, "unknown": 1 })).await.error(422, "validation_error");
        app.get(PATH).await.error(404, "secret_not_found");
        app.put(PATH, json!({ "data": { "value": "x" }, "secret_type": "text" })).await.json_with(StatusCode::CREATED);
        let body = json!({ "data": { "certificate": pem }, "secret_type": "certificate" });
        app.put(PATH, body).await.json_with(StatusCode::OK);
        assert_eq!(app.get(PATH).await.json()["secret_type"], "certificate");
    }

    async fn secrets_are_listed_by_path_without_data(app: TestApp) {
        for path in ["dns/b", "dns/a", "dns-other", "eab/google", "dnsx"] {
            let body = json!({ "data": { "key": "planted-secret" } });
            app.put(&format!("/v1/secrets/{path}"), body).await.json_with(StatusCode::CREATED);
        }
        let paths = |list: &Value| -> Vec<String> {
            list["secrets"].as_array().unwrap().iter().map(|secret| secret["path"].as_str().unwrap().to_owned()).collect()
        };
        let all = app.get("/v1/secrets").await;
        assert!(!all.text().contains("planted"), "{}", all.text());
        assert_eq!(paths(&all.json()), ["dns-other", "dns/a", "dns/b", "dnsx", "eab/google"]);
        assert_eq!(paths(&app.get("/v1/secrets?prefix=dns/").await.json()), ["dns/a", "dns/b"]);
        assert_eq!(paths(&app.get("/v1/secrets?prefix=none").await.json()), [""; 0]);
        let page = app.get("/v1/secrets?prefix=dns&limit=3").await.json();
        assert_eq!(paths(&page), ["dns-other", "dns/a", "dns/b"]);
        let next = format!("/v1/secrets?prefix=dns&limit=3&cursor={}", page["cursor"].as_str().unwrap());
        let page = app.get(&next).await.json();
        assert_eq!((paths(&page), &page["has_more"]), (vec!["dnsx".to_owned()], &json!(false)));
        app.get("/v1/secrets?prefix=%25").await.error(422, "validation_error");
        app.get("/v1/secrets?cursor=nonsense").await.error(400, "invalid_cursor");
    }

    async fn every_touch_is_in_the_audit_log(app: TestApp) {
        app.put(PATH, json!({ "data": { "key": "planted-secret" } })).await.json_with(StatusCode::CREATED);
        app.get(PATH).await.json_with(StatusCode::OK);
        assert_eq!(app.delete(PATH).await.status, StatusCode::NO_CONTENT);
        app.get(PATH).await.error(404, "secret_not_found");
        let log = app.get("/v1/audit/logs?object=dns/cloudflare").await.json_with(StatusCode::OK);
        let told: Vec<(String, bool)> = log["logs"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .map(|row| (row["action"].as_str().unwrap().to_owned(), row["success"].as_bool().unwrap()))
            .collect();
        let expected =
            [("secret.write", true), ("secret.read", true), ("secret.delete", true), ("secret.read", false)];
        assert_eq!(told, expected.map(|(action, success)| (action.to_owned(), success)), "{log:#}");
    }

    async fn data_is_sealed_in_the_database(app: TestApp) {
        app.put(PATH, json!({ "data": { "key": "planted-secret" } })).await.json_with(StatusCode::CREATED);
        let rows = format!("{:?}", Rows::of(&app).await.all().await).to_lowercase();
        let hex = b"planted-secret".iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().concat();
        for form in ["planted-secret", &hex, &encode_block(b"planted-secret").to_lowercase()] {
            assert!(!rows.contains(form), "{form}");
        }
        assert!(rows.contains("dns/cloudflare"), "the rows were looked at");
    }
}
