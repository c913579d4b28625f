//! `/v1/pki/trust-anchors`: CA certificates of others that a tenant trusts.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::{has_fields, seconds, text, with_fields};

const FIELDS: [&str; 11] = [
    "id",
    "name",
    "subject",
    "issuer",
    "serial_number",
    "fingerprint_sha256",
    "not_before",
    "not_after",
    "is_ca",
    "certificate_pem",
    "created_at",
];
const PATH: &str = "/v1/pki/trust-anchors";

async fn add(app: &TestApp, name: &str, pem: &str) -> Value {
    app.post(PATH, json!({ "name": name, "certificate_pem": pem })).await.json_with(StatusCode::CREATED)
}

fn path(anchor: &Value) -> String {
    format!("{PATH}/{}", text(&anchor["id"]))
}

fn ids(list: &Value) -> Vec<String> {
    list["trust_anchors"].as_array().unwrap().iter().map(|anchor| text(&anchor["id"]).to_owned()).collect()
}

both_modes! {
    async fn an_anchor_is_added_read_and_removed(app: TestApp) {
        let root = Authority::root("/C=NL/O=Theirs/CN=Their-Root");
        let answer = app.post(PATH, json!({ "name": "their root", "certificate_pem": root.certificate })).await;
        let anchor = with_fields(&answer, StatusCode::CREATED, &FIELDS);
        assert!(text(&anchor["id"]).starts_with("ta_"), "{anchor}");
        assert_eq!(answer.header("location"), path(&anchor));
        assert_eq!((&anchor["name"], &anchor["is_ca"]), (&json!("their root"), &json!(true)));
        assert_eq!((&anchor["subject"], &anchor["issuer"]), (&json!("CN=Their-Root,O=Theirs,C=NL"), &json!("CN=Their-Root,O=Theirs,C=NL")));
        assert_eq!(anchor["certificate_pem"], root.certificate);
        let judge = Judge::new();
        judge.write("ca.pem", &root.certificate);
        let said = judge.run("x509 -in ca.pem -noout -fingerprint -sha256").trim().to_lowercase().replace(':', "");
        assert!(said.ends_with(text(&anchor["fingerprint_sha256"])), "{said}: {anchor}");
        let said = judge.run("x509 -in ca.pem -noout -serial").trim().to_lowercase();
        assert!(said.ends_with(&text(&anchor["serial_number"]).replace(':', "")), "{said}: {anchor}");
        assert_eq!(seconds(&anchor["not_after"]) - seconds(&anchor["not_before"]), 3_650 * 86_400);
        assert_eq!(app.get(&path(&anchor)).await.json_with(StatusCode::OK), anchor);
        let listed = app.get(PATH).await;
        assert_eq!(listed.json_with(StatusCode::OK), json!({ "trust_anchors": [anchor], "cursor": null, "has_more": false }));
        has_fields(&listed.json()["trust_anchors"][0], &listed.text(), &FIELDS);
        let deleted = app.delete(&path(&anchor)).await;
        assert_eq!((deleted.status, deleted.body.len()), (StatusCode::NO_CONTENT, 0));
        app.get(&path(&anchor)).await.error(404, "trust_anchor_not_found");
        app.delete(&path(&anchor)).await.error(404, "trust_anchor_not_found");
        assert!(ids(&app.get(PATH).await.json()).is_empty());
        // What was removed can be trusted anew.
        assert_ne!(add(&app, "again", &root.certificate).await["id"], anchor["id"]);
    }

    async fn every_kind_of_ca_certificate_is_taken(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let between = root.below("/CN=Between");
        let own = app.root_ca("own").await;
        let own = app.get(&format!("/v1/pki/ca/{}/certificate", text(&own["id"]))).await.json();
        let rsa = Judge::new();
        rsa.run("req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=RSA -keyout k -out c -addext keyUsage=critical,keyCertSign");
        for (case, pem) in [
            ("an intermediate", between.certificate.clone()), ("our own", text(&own["certificate_pem"]).to_owned()),
            ("an RSA key", rsa.read("c")), ("CRLF", root.certificate.replace('\n', "\r\n")),
        ] {
            let answer = app.post(PATH, json!({ "name": case, "certificate_pem": pem })).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{case}: {}", answer.text());
            assert!(text(&answer.json()["certificate_pem"]).starts_with("-----BEGIN CERTIFICATE-----\n"), "{case}");
        }
        let expired = Judge::new();
        expired.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Old -keyout k -out r");
        expired.write("extensions", "basicConstraints=critical,CA:TRUE\n");
        expired.run("x509 -req -in r -signkey k -days -1 -extfile extensions -out c");
        // It ended yesterday; whoever validates at an earlier instant may still need it.
        add(&app, "expired", &expired.read("c")).await;
    }

    async fn what_is_no_ca_s_certificate_is_refused(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let leaf = root.leaf("a.example.com");
        let judge = Judge::new();
        judge.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Self -keyout k -out c -addext basicConstraints=critical,CA:FALSE");
        judge.run("req -x509 -newkey rsa:1024 -nodes -subj /CN=Weak -keyout weak.key -out weak");
        judge.run("req -new -key k -subj /CN=Self -out r");
        let truncated = root.certificate.replacen("MII", "MIJ", 1);
        let before = Rows::of(&app).await.all().await;
        for (case, pem) in [
            ("a server's certificate", leaf.certificate.clone()), ("a self-signed server's", judge.read("c")),
            ("a key of 1024 bits", judge.read("weak")), ("a private key", leaf.key.clone()), ("a CSR", judge.read("r")),
            ("two certificates", format!("{}{}", root.certificate, root.certificate)), ("nothing", String::new()),
            ("no PEM", "hello".to_owned()), ("broken DER", truncated),
        ] {
            let answer = app.post(PATH, json!({ "name": case, "certificate_pem": pem })).await;
            let shown = expect(case, &answer, 422, "certificate_invalid").to_string();
            assert!(!shown.contains("error:0") && !shown.contains("KEY-----\\n"), "{case}: {shown}");
        }
        for (body, field) in [
            (json!({ "name": "", "certificate_pem": root.certificate }), "name"), (json!({ "name": "  ", "certificate_pem": root.certificate }), "name"),
            (json!({ "name": "x".repeat(129), "certificate_pem": root.certificate }), "name"), (json!({ "name": "a\u{0}b", "certificate_pem": root.certificate }), "name"),
            (json!({ "certificate_pem": root.certificate }), "name"), (json!({ "name": "x" }), "certificate_pem"),
            (json!({ "name": "x", "certificate_pem": [root.certificate] }), "certificate_pem"), (json!({ "name": "x", "certificate_pem": root.certificate, "is_ca": true }), "is_ca"),
        ] {
            let error = expect(&body.to_string(), &app.post(PATH, body.clone()).await, 422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused anchor left something behind");
    }

    async fn the_same_certificate_twice_is_told_with_its_id(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let anchor = add(&app, "first", &root.certificate).await;
        let again = json!({ "name": "second", "certificate_pem": root.certificate.replace('\n', "\r\n") });
        let error = app.post(PATH, again).await.error(409, "already_exists");
        assert_eq!(error["details"]["id"], anchor["id"], "{error}");
        assert!(text(&error["message"]).contains(text(&anchor["id"])), "{error}");
        // Its name says nothing about which one it is.
        add(&app, "first", &Authority::root("/CN=Root").certificate).await;
        let (_, stranger) = app.another_tenant("second").await;
        let theirs = json!({ "name": "first", "certificate_pem": root.certificate });
        app.post_as(&stranger, PATH, theirs).await.json_with(StatusCode::CREATED);
        let other = Authority::root("/CN=Root");
        let twin = json!({ "name": "twin", "certificate_pem": other.certificate });
        let answers = app.post_at_once(vec![(PATH.to_owned(), twin); 4]).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::CREATED);
        assert_eq!(won.len(), 1);
        for answer in lost {
            assert_eq!(answer.error(409, "already_exists")["details"]["id"], won[0].json()["id"]);
        }
    }

    async fn another_tenant_does_not_see_it(app: TestApp) {
        let anchor = add(&app, "ours", &Authority::root("/CN=Root").certificate).await;
        let (_, stranger) = app.another_tenant("second").await;
        for method in [Method::GET, Method::DELETE] {
            app.send(method, &path(&anchor), Some(&stranger), &[], None).await.error(404, "trust_anchor_not_found");
        }
        let listed = app.send(Method::GET, PATH, Some(&stranger), &[], None).await.json_with(StatusCode::OK);
        assert!(ids(&listed).is_empty());
        app.get(&path(&anchor)).await.json_with(StatusCode::OK);
        for unknown in ["ta_01ARZ3NDEKTSV4RRFFQ69G5FAV", "ta_x", "ca_01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
            app.get(&format!("{PATH}/{unknown}")).await.error(404, "trust_anchor_not_found");
        }
    }

    async fn the_list_has_pages(app: TestApp) {
        let mut made = Vec::new();
        for number in 0..5 {
            let root = Authority::root(&format!("/CN=Root-{number}"));
            made.insert(0, text(&add(&app, "root", &root.certificate).await["id"]).to_owned());
        }
        let (mut seen, mut query) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("{PATH}?limit=2{query}")).await.json_with(StatusCode::OK);
            seen.extend(ids(&page));
            assert_eq!(page["has_more"], json!(!page["cursor"].is_null()));
            match page["cursor"].as_str() {
                Some(cursor) => query = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, made);
        app.get(&format!("{PATH}?cursor=!")).await.error(400, "invalid_cursor");
    }

    async fn adding_and_removing_are_in_the_log(app: TestApp) {
        let anchor = add(&app, "root", &Authority::root("/CN=Root").certificate).await;
        app.delete(&path(&anchor)).await;
        let logs = app.get(&format!("/v1/audit/logs?object={}", text(&anchor["id"]))).await.json_with(StatusCode::OK);
        let told: Vec<_> = logs["logs"].as_array().unwrap().iter().map(|row| text(&row["action"])).collect();
        assert_eq!(told, ["trust_anchor.delete", "trust_anchor.create"]);
        assert_eq!(logs["logs"][1]["after_sha256"], anchor["fingerprint_sha256"]);
        assert_eq!(logs["logs"][0]["before_sha256"], anchor["fingerprint_sha256"]);
    }
}
