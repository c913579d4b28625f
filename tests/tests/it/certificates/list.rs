//! The filters of the list.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use crate::ca::text;

const CSR: [&str; 2] = [
    "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -out new.csr -subj",
    "/CN=signed.example.internal",
];

/// The common names of what a query finds, in alphabetical order without `.example.internal`.
async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let listed = app.get(&format!("/v1/pki/certificates?{query}")).await.json_with(StatusCode::OK);
    let rows = listed["certificates"].as_array().unwrap().iter();
    let mut names: Vec<_> =
        rows.map(|row| text(&row["common_name"]).trim_end_matches(".example.internal").to_owned()).collect();
    names.sort_unstable();
    names
}

/// Percent-encodes everything but letters, digits and `.`.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Issues under `role` and labels the certificate; answers it as it is stored.
async fn issue(app: &TestApp, role: &str, request: Value, labels: Value) -> Value {
    let issued = app.post(&format!("/v1/pki/issue/{role}"), request).await.json_with(StatusCode::CREATED);
    let path = format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]));
    app.patch(&path, labels).await.json_with(StatusCode::OK)
}

async fn role(app: &TestApp, name: &str, ca: &Value) {
    let body = json!({
        "name": name, "ca_id": ca["id"], "key_type": "ec", "max_ttl": "2y", "allow_any_name": true, "allow_email_sans": true,
        "allowed_uri_sans": ["*"],
    });
    app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
}

async fn revoke(app: &TestApp, certificate: &Value) {
    app.post("/v1/pki/revoke", json!({ "serial_number": certificate["serial_number"] }))
        .await
        .json_with(StatusCode::OK);
}

/// An id that nothing has and that differs from `id` in its last character only.
fn other_id(id: &str) -> String {
    let (start, last) = id.split_at(id.len() - 1);
    format!("{start}{}", if last == "0" { "1" } else { "0" })
}

both_modes! {
    async fn each_filter_finds_its_own(app: TestApp) {
        let (one, two) = (app.root_ca("one").await, app.root_ca("two").await);
        role(&app, "web", &one).await;
        role(&app, "mail", &two).await;
        let name = |name: &str| json!({ "common_name": format!("{name}.example.internal"), "ttl": "30d" });
        let week = json!({ "common_name": "Week.example.internal", "ttl": "7d" });
        let a = issue(&app, "web", name("a"), json!({ "tags": { "team": "core" } })).await;
        issue(&app, "web", week, json!({})).await;
        issue(&app, "mail", name("b-1"), json!({})).await;
        let gone = issue(&app, "mail", name("gone"), json!({})).await;
        revoke(&app, &gone).await;
        let judge = tests::openssl::Judge::new();
        judge.run(&CSR.join(" "));
        app.post("/v1/pki/sign/web", json!({ "csr_pem": judge.read("new.csr"), "ttl": "1y" })).await.json_with(StatusCode::CREATED);

        let (one, two) = (text(&one["id"]), text(&two["id"]));
        for (query, expected) in [
            (String::new(), "a b-1 signed week"),
            ("include_revoked=true".to_owned(), "a b-1 gone signed week"),
            ("include_revoked=false".to_owned(), "a b-1 signed week"),
            (format!("ca_id={one}"), "a signed week"),
            (format!("ca_id={two}"), "b-1"),
            (format!("ca_id={two}&include_revoked=true"), "b-1 gone"),
            (format!("ca_id={}", other_id(one)), ""),
            ("expiring_within=8d".to_owned(), "week"),
            ("expiring_within=6d23h".to_owned(), ""),
            ("expiring_within=691200".to_owned(), "week"),
            ("expiring_within=31d".to_owned(), "a b-1 week"),
            ("expiring_within=31d&include_revoked=true".to_owned(), "a b-1 gone week"),
            ("role=web".to_owned(), "a signed week"),
            ("role=we".to_owned(), ""),
            ("status=active".to_owned(), "a b-1 signed week"),
            ("status=revoked".to_owned(), "gone"),
            ("status=expired".to_owned(), ""),
            ("source=issued".to_owned(), "a b-1 week"),
            ("source=signed".to_owned(), "signed"),
            ("source=imported".to_owned(), ""),
            ("common_name=example.int".to_owned(), "a b-1 signed week"),
            ("common_name=WEEK".to_owned(), "week"),
            ("common_name=-1".to_owned(), "b-1"),
            ("common_name=_1".to_owned(), ""),
            ("common_name=%25".to_owned(), ""),
            ("common_name=signed.example.internal".to_owned(), "signed"),
            ("common_name=core".to_owned(), ""),
            (format!("fingerprint_sha256={}", text(&a["fingerprint_sha256"])), "a"),
            (format!("fingerprint_sha256={}", text(&a["fingerprint_sha256"]).to_uppercase()), "a"),
            (format!("fingerprint_sha256={}", "0".repeat(64)), ""),
            (format!("role=web&source=issued&ca_id={one}&common_name=we&expiring_within=10d&status=active"), "week"),
            (format!("role=web&ca_id={two}"), ""),
        ] {
            assert_eq!(found(&app, &query).await.join(" "), expected, "{query}");
        }
        let (_, stranger) = app.another_tenant("second").await;
        let theirs = app.send(Method::GET, "/v1/pki/certificates?include_revoked=true", Some(&stranger), &[], None).await;
        assert_eq!(theirs.json_with(StatusCode::OK)["certificates"], json!([]));
    }

    async fn names_are_found_exactly_or_below_a_suffix(app: TestApp) {
        role(&app, "web", &app.root_ca("root").await).await;
        for (name, alt_names, uris) in [
            ("a", "www.shop.test,10.0.0.7", ""), ("b", "deep.www.shop.test,2001:db8::7", "urn:x:Y"),
            ("c", "shop.test,Ops@Shop.test", ""), ("d", "*.shop.test,bücher.shop.test", "spiffe://Shop.test/Web"), ("e", "workshop.test", ""),
        ] {
            let request = json!({ "common_name": format!("{name}.example.internal"), "alt_names": alt_names, "uri_sans": uris });
            issue(&app, "web", request, json!({})).await;
        }
        for (san, expected) in [
            ("a.example.internal", "a"), ("www.shop.test", "a"), ("WWW.Shop.Test", "a"), ("shop.test", "c"), ("*.shop.test", "a b d"),
            ("*.SHOP.test", "a b d"), ("*.www.shop.test", "b"), ("*.test", "a b c d e"), ("*.hop.test", ""), ("shop", ""), ("%", ""),
            ("10.0.0.7", "a"), ("2001:db8::7", "b"), ("2001:DB8:0::7", "b"), ("10.0.0.8", ""),
            ("Ops@shop.test", "c"), ("spiffe://Shop.test/Web", "d"), ("urn:x:Y", "b"),
            ("xn--bcher-kva.shop.test", "d"), ("bücher.shop.test", "d"), ("www.shop.test.", "a"),
        ] {
            assert_eq!(found(&app, &format!("san={}", encoded(san))).await.join(" "), expected, "{san}");
        }
        assert_eq!(found(&app, "san=*.shop.test").await.join(" "), "a b d");
    }

    async fn a_serial_number_is_found_in_every_spelling(app: TestApp) {
        role(&app, "web", &app.root_ca("root").await).await;
        let a = issue(&app, "web", json!({ "common_name": "a.example.internal" }), json!({})).await;
        issue(&app, "web", json!({ "common_name": "b.example.internal" }), json!({})).await;
        let serial = text(&a["serial_number"]);
        for spelling in [
            serial.to_owned(), serial.to_uppercase(), serial.replace(':', "-"), serial.replace(':', ""),
            serial.replace(':', "").to_uppercase(), serial.replace(':', "-").to_uppercase(), format!("00:{serial}"),
        ] {
            assert_eq!(found(&app, &format!("serial_number={}", encoded(&spelling))).await, ["a"], "{spelling}");
        }
        assert_eq!(found(&app, "serial_number=01").await, Vec::<String>::new());
        for wrong in ["xyz", "", "0x12", "1:2-3", "12:"] {
            let path = format!("/v1/pki/certificates?serial_number={}", encoded(wrong));
            let error = app.get(&path).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["serial_number"].is_string(), "{wrong}: {error}");
        }
    }

    async fn tags_are_found_as_key_and_value(app: TestApp) {
        role(&app, "web", &app.root_ca("root").await).await;
        for (name, tags) in [
            ("a", json!({ "team": "core", "env": "prod" })), ("b", json!({ "team": "Core" })), ("c", json!({ "team": "core%" })),
            ("d", json!({ "url": "https://x.test:8443/?a=b", "note": "a\"b\\c" })), ("e", json!({ "core": "team", "empty": "" })),
            ("f", json!({ "quote\",\"team": "core" })), ("g", json!({ "steam": "core", "team2": "core" })),
        ] {
            issue(&app, "web", json!({ "common_name": format!("{name}.example.internal") }), json!({ "tags": tags })).await;
        }
        for (tag, expected) in [
            ("team:core", "a"), ("team=core", "a"), ("env:prod", "a"), ("team:Core", "b"), ("TEAM:core", ""), ("team:cor", ""),
            ("team:core%", "c"), ("team:%", ""), ("te_m:core", ""), ("url:https://x.test:8443/?a=b", "d"),
            ("url=https://x.test:8443/?a=b", "d"), ("note:a\"b\\c", "d"), ("core:team", "e"), ("empty:", "e"), ("empty=", "e"),
            ("nothing:here", ""),
        ] {
            assert_eq!(found(&app, &format!("tag={}", encoded(tag))).await.join(" "), expected, "{tag}");
        }
        for wrong in ["team", "", ":core"] {
            let error = app.get(&format!("/v1/pki/certificates?tag={wrong}")).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["tag"].is_string(), "{wrong}: {error}");
        }
    }

    async fn what_no_filter_can_be_is_refused(app: TestApp) {
        for (query, field) in [
            ("status=pending", "status"), ("source=stolen", "source"), ("sort=name", "sort"), ("limit=0", "limit"),
            ("limit=1001", "limit"), ("limit=-1", "limit"), ("limit=ten", "limit"), ("include_revoked=maybe", "include_revoked"),
        ] {
            let answer = app.get(&format!("/v1/pki/certificates?{query}")).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", answer.text());
            let error = answer.error(422, "validation_error");
            assert_eq!(error["details"]["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{error}");
        }
        for wrong in ["soon", "-1d", "", "1.5d"] {
            app.get(&format!("/v1/pki/certificates?expiring_within={wrong}")).await.error(400, "invalid_duration");
        }
        app.get("/v1/pki/certificates?ca_id=nonsense").await.error(404, "ca_not_found");
        for limit in ["1", "1000"] {
            app.get(&format!("/v1/pki/certificates?limit={limit}")).await.json_with(StatusCode::OK);
        }
    }
}
