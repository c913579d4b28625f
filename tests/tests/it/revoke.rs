//! `/v1/pki/revoke`, and what becomes of it in the CRL.

use std::collections::BTreeMap;
use std::time::Duration;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{seconds, text, with_fields};
use crate::jobs::sql::Sql;

const FIELDS: [&str; 5] = ["serial_number", "certificate_id", "revoked_at", "reason", "crl_update"];

/// Every reason with another spelling of it, and how openssl names its code; none for those that have no code.
const REASONS: [(&str, &str, Option<&str>); 9] = [
    ("unspecified", "Unspecified", None),
    ("keyCompromise", "key_compromise", Some("Key Compromise")),
    ("cACompromise", "ca_compromise", Some("CA Compromise")),
    ("affiliationChanged", "affiliation_changed", Some("Affiliation Changed")),
    ("superseded", "superseded", Some("Superseded")),
    ("cessationOfOperation", "cessation_of_operation", Some("Cessation Of Operation")),
    ("certificateHold", "certificate_hold", Some("Certificate Hold")),
    ("privilegeWithdrawn", "privilege_withdrawn", Some("Privilege Withdrawn")),
    ("aACompromise", "aa_compromise", Some("AA Compromise")),
];

/// A root with a role `web` on it; answers the path of the root.
async fn web(app: &TestApp) -> String {
    let root = app.root_ca("root").await;
    app.role("web", text(&root["id"])).await;
    format!("/v1/pki/ca/{}", text(&root["id"]))
}

async fn revoke(app: &TestApp, certificate: &Value, reason: &str) -> Value {
    let body = json!({ "serial_number": certificate["serial_number"], "reason": reason });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK)
}

async fn stored(app: &TestApp, issued: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", text(&issued["certificate_id"])))
        .await
        .json_with(StatusCode::OK)
}

/// The entries of the CRL at `path`, as openssl reads them: the reason by serial number; empty where there is none.
pub(crate) async fn entries(app: &TestApp, ca: &str) -> BTreeMap<String, String> {
    let judge = Judge::new();
    judge.write("list.crl", app.get(&format!("{ca}/crl")).await.body);
    let described = judge.run("crl -inform der -in list.crl -noout -text");
    let entries = described.split("Serial Number: ").skip(1).map(|entry| {
        let serial = entry.lines().next().unwrap().trim().to_lowercase();
        let mut lines = entry.lines().skip_while(|line| !line.contains("X509v3 CRL Reason Code"));
        (serial, lines.nth(1).map(str::trim).unwrap_or_default().to_owned())
    });
    entries.collect()
}

/// A serial number as openssl writes it in a list.
fn plain(certificate: &Value) -> String {
    text(&certificate["serial_number"]).replace(':', "")
}

both_modes! {
    async fn every_reason_in_either_spelling_reaches_the_crl(app: TestApp) {
        let ca = web(&app).await;
        let mut expected = BTreeMap::new();
        for (reason, other, code) in REASONS {
            for spelling in [reason, other].into_iter().filter(|spelling| *spelling != "Unspecified") {
                let issued = app.issue("web", "a.example.internal").await;
                let earliest = app.app.now().unix_seconds();
                let body = json!({ "serial_number": issued["serial_number"], "reason": spelling });
                let answer = app.post("/v1/pki/revoke", body).await;
                assert_eq!(answer.status, StatusCode::OK, "{spelling}: {}", answer.text());
                let revoked = with_fields(&answer, StatusCode::OK, &FIELDS);
                assert_eq!(revoked, json!({
                    "serial_number": issued["serial_number"], "certificate_id": issued["certificate_id"],
                    "revoked_at": revoked["revoked_at"], "reason": reason, "crl_update": "scheduled",
                }));
                let at = seconds(&revoked["revoked_at"]);
                assert!((earliest..=app.app.now().unix_seconds()).contains(&at), "{revoked}");
                let row = stored(&app, &issued).await;
                assert_eq!(
                    (&row["status"], &row["revocation_reason"], &row["revoked_at"]),
                    (&json!("revoked"), &json!(reason), &revoked["revoked_at"]),
                );
                expected.insert(plain(&issued), code.unwrap_or_default().to_owned());
            }
        }
        let issued = app.issue("web", "a.example.internal").await;
        let body = json!({ "serial_number": issued["serial_number"] });
        let silent = app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
        assert_eq!(silent["reason"], "unspecified");
        expected.insert(plain(&issued), String::new());
        app.issue("web", "kept.example.internal").await;
        let wanted = expected.len();
        app.eventually(&ca, |ca| ca["crl"]["entries"] == wanted).await;
        assert_eq!(entries(&app, &ca).await, expected);
    }

    async fn relying_parties_refuse_what_is_revoked_and_nothing_else(app: TestApp) {
        let ca = web(&app).await;
        let (bad, good) = (app.issue("web", "bad.example.internal").await, app.issue("web", "good.example.internal").await);
        revoke(&app, &bad, "superseded").await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        let judge = Judge::new();
        judge.write("ca.pem", text(&bad["issuing_ca"]));
        judge.write("bad.pem", text(&bad["certificate"]));
        judge.write("good.pem", text(&good["certificate"]));
        let pem = app.send(Method::GET, &format!("{ca}/crl"), Some(&app.admin), &[("accept", "text/plain")], None).await;
        judge.write("crl.pem", pem.body);
        judge.run("verify -x509_strict -crl_check -CAfile ca.pem -CRLfile crl.pem good.pem");
        let (accepted, said) = judge.try_run("verify -crl_check -CAfile ca.pem -CRLfile crl.pem bad.pem");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
        let shown = app.get(&ca).await.json();
        assert_eq!((&shown["status"], &shown["certificates_issued"]), (&json!("active"), &json!(2)));
    }

    async fn repeating_it_answers_the_first_revocation(app: TestApp) {
        let ca = web(&app).await;
        let issued = app.issue("web", "a.example.internal").await;
        let first = revoke(&app, &issued, "superseded").await;
        assert_eq!(revoke(&app, &issued, "superseded").await, first);
        let silent = app.post("/v1/pki/revoke", json!({ "serial_number": issued["serial_number"] })).await;
        assert_eq!(silent.json_with(StatusCode::OK), first, "no reason is no other reason");
        app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
        assert_eq!(entries(&app, &ca).await, BTreeMap::from([(plain(&issued), "Superseded".to_owned())]));
        assert_eq!(stored(&app, &issued).await["revoked_at"], first["revoked_at"]);
    }

    async fn the_revocation_of_a_ca_is_a_state_too(app: TestApp) {
        let root = app.root_ca("root").await;
        let body = json!({ "name": "sub", "common_name": "Sub", "ca_type": "intermediate", "parent_ca_id": root["id"], "key_type": "ec" });
        let sub = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let path = format!("/v1/pki/ca/{}", text(&sub["id"]));
        let ask = async |body: Value| app.post(&format!("{path}/revoke"), body).await;
        for reason in ["certificateHold", "removeFromCRL"] {
            let refused = ask(json!({ "reason": reason })).await.error(422, "validation_error");
            assert!(text(&refused["details"]["fields"]["reason"]).contains("for good"), "{refused}");
        }
        assert_eq!(app.get(&path).await.json()["status"], "active");
        let first = ask(json!({ "reason": "superseded" })).await.json_with(StatusCode::ACCEPTED)["revocation"].clone();
        for again in [json!({ "reason": "superseded" }), json!({})] {
            let told = ask(again).await.json_with(StatusCode::ACCEPTED);
            assert_eq!((&told["revocation"]["reason"], &told["revocation"]["revoked_at"]), (&first["reason"], &first["revoked_at"]));
        }
        for other in ["cessationOfOperation", "unspecified"] {
            let refused = ask(json!({ "reason": other })).await.error(409, "invalid_state");
            assert!(text(&refused["message"]).contains("superseded"), "{refused}");
        }
        // That its key was lost may be learnt later, and whoever reads the parent's list is told.
        let worse = ask(json!({ "reason": "keyCompromise" })).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&worse["revocation"]["reason"], &worse["revocation"]["revoked_at"]), (&json!("keyCompromise"), &first["revoked_at"]));
        ask(json!({ "reason": "superseded" })).await.error(409, "invalid_state");
        let parent = format!("/v1/pki/ca/{}", text(&root["id"]));
        app.post(&format!("{parent}/crl"), json!({})).await.json_with(StatusCode::OK);
        assert_eq!(entries(&app, &parent).await, BTreeMap::from([(plain(&sub), "Key Compromise".to_owned())]));
    }

    async fn nothing_is_released_under_a_revoked_ca(app: TestApp) {
        let ca = web(&app).await;
        let held = app.issue("web", "a.example.internal").await;
        revoke(&app, &held, "certificateHold").await;
        app.patch("/v1/pki/roles/web", json!({ "no_store": true })).await;
        let unstored = app.issue("web", "b.example.internal").await;
        revoke(&app, &unstored, "certificateHold").await;
        app.post(&format!("{ca}/revoke"), json!({ "reason": "keyCompromise" })).await.json_with(StatusCode::ACCEPTED);
        for issued in [&held, &unstored] {
            for dry_run in [true, false] {
                let body = json!({ "serial_number": issued["serial_number"], "reason": "removeFromCRL", "dry_run": dry_run });
                let refused = app.post("/v1/pki/revoke", body).await.error(409, "invalid_state");
                assert_eq!(refused["details"]["state"], "revoked", "{refused}");
            }
        }
        assert_eq!(stored(&app, &held).await["status"], "revoked");
        // It can still get another reason.
        revoke(&app, &held, "keyCompromise").await;
    }

    async fn a_reason_is_a_state(app: TestApp) {
        let ca = web(&app).await;
        // Each reason, and what can follow it.
        for (first, then, is_allowed) in [
            ("superseded", "keyCompromise", true), ("unspecified", "keyCompromise", true),
            ("superseded", "cessationOfOperation", false), ("superseded", "certificateHold", false),
            ("superseded", "removeFromCRL", false), ("keyCompromise", "superseded", false),
            ("keyCompromise", "removeFromCRL", false), ("certificateHold", "superseded", true),
            ("certificateHold", "keyCompromise", true), ("certificateHold", "unspecified", true),
        ] {
            let issued = app.issue("web", "a.example.internal").await;
            let before = revoke(&app, &issued, first).await;
            let body = json!({ "serial_number": issued["serial_number"], "reason": then });
            let answer = app.post("/v1/pki/revoke", body.clone()).await;
            let stands = if is_allowed {
                let after = answer.json_with(StatusCode::OK);
                assert_eq!((&after["reason"], &after["revoked_at"]), (&json!(then), &before["revoked_at"]), "{first} {then}");
                assert_eq!(app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK), after);
                then
            } else {
                let error = answer.error(409, "invalid_state");
                assert!(text(&error["message"]).contains(first), "{error}");
                assert_eq!(error["details"]["state"], "revoked", "{error}");
                first
            };
            let row = stored(&app, &issued).await;
            assert_eq!((&row["revocation_reason"], &row["revoked_at"]), (&json!(stands), &before["revoked_at"]));
        }
        app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
        let listed = entries(&app, &ca).await;
        assert_eq!(listed.len(), 10);
        assert_eq!(listed.values().filter(|reason| *reason == "Key Compromise").count(), 5, "{listed:?}");
    }

    async fn a_suspension_is_lifted(app: TestApp) {
        let ca = web(&app).await;
        let issued = app.issue("web", "a.example.internal").await;
        let release = json!({ "serial_number": issued["serial_number"], "reason": "removeFromCRL" });
        let early = app.post("/v1/pki/revoke", release.clone()).await.error(409, "invalid_state");
        assert!(text(&early["message"]).contains("certificateHold"), "{early}");
        revoke(&app, &issued, "certificateHold").await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        assert_eq!(entries(&app, &ca).await, BTreeMap::from([(plain(&issued), "Certificate Hold".to_owned())]));
        let released = app.post("/v1/pki/revoke", release.clone()).await.json_with(StatusCode::OK);
        assert_eq!((&released["revoked_at"], &released["reason"]), (&Value::Null, &json!("removeFromCRL")));
        let told = app.get("/v1/events?type=certificate.released,certificate.revoked&sort=-timestamp").await.json();
        assert_eq!(told["events"][0]["event_type"], "certificate.released");
        assert_eq!(told["events"][0]["object"], issued["certificate_id"]);
        let row = stored(&app, &issued).await;
        assert_eq!((&row["status"], &row["revoked_at"], &row["revocation_reason"]), (&json!("active"), &Value::Null, &Value::Null));
        // It leaves the list, which is no fault of the list.
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 0).await;
        assert_eq!(entries(&app, &ca).await, BTreeMap::new());
        app.post("/v1/pki/revoke", release).await.error(409, "invalid_state");
        // It can be revoked again, for good.
        revoke(&app, &issued, "superseded").await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
    }

    async fn when_the_key_was_lost_stands_in_the_crl(app: TestApp) {
        let ca = web(&app).await;
        let (one, two) = (app.issue("web", "a.example.internal").await, app.issue("web", "b.example.internal").await);
        let body = |issued: &Value, since: &str| json!({
            "serial_number": issued["serial_number"], "reason": "keyCompromise", "invalidity_date": since,
        });
        for wrong in ["2999-01-01T00:00:00Z", "yesterday"] {
            let error = app.post("/v1/pki/revoke", body(&one, wrong)).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["invalidity_date"].is_string(), "{error}");
        }
        app.post("/v1/pki/revoke", body(&one, "2026-01-02T03:04:05Z")).await.json_with(StatusCode::OK);
        revoke(&app, &two, "superseded").await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 2).await;
        let judge = Judge::new();
        judge.write("list.crl", app.get(&format!("{ca}/crl")).await.body);
        let described = judge.run("crl -inform der -in list.crl -noout -text");
        assert_eq!(described.matches("Invalidity Date").count(), 1, "{described}");
        let entry = described.split("Serial Number: ").find(|entry| entry.to_lowercase().starts_with(&plain(&one))).unwrap();
        assert!(entry.contains("Jan  2 03:04:05 2026 GMT") && entry.contains("Key Compromise"), "{entry}");
    }

    async fn a_dry_run_says_what_would_be(app: TestApp) {
        let ca = web(&app).await;
        let issued = app.issue("web", "a.example.internal").await;
        let ask = async |reason: &str| {
            let body = json!({ "serial_number": issued["serial_number"], "reason": reason, "dry_run": true });
            app.post("/v1/pki/revoke", body).await
        };
        let present = app.get(&ca).await.json()["crl"]["next_update"].clone();
        let told = ask("superseded").await.json_with(StatusCode::OK);
        let url = format!("http://pki.test/pub/crl/{}.crl", ca.rsplit('/').next().unwrap());
        assert_eq!(told["preview"], json!({
            "effect": "revoke", "crl_known_by": present, "delta_crl_known_by": null, "renewed_by": null, "crl_shard": 0, "crl_urls": [url],
        }));
        assert_eq!((&told["revoked_at"], stored(&app, &issued).await["status"].clone()), (&Value::Null, json!("active")));
        ask("removeFromCRL").await.error(409, "invalid_state");
        revoke(&app, &issued, "certificateHold").await;
        for (reason, effect) in [("removeFromCRL", "release"), ("superseded", "change_reason"), ("certificateHold", "none")] {
            assert_eq!(ask(reason).await.json_with(StatusCode::OK)["preview"]["effect"], effect, "{reason}");
        }
        assert_eq!(stored(&app, &issued).await["revocation_reason"], "certificateHold");
    }

    async fn two_at_once_agree_on_one_revocation(app: TestApp) {
        web(&app).await;
        for _ in 0..5 {
            let issued = app.issue("web", "a.example.internal").await;
            let [a, b, c] = ["superseded"; 3].map(|reason| revoke(&app, &issued, reason));
            let (a, b, c) = tokio::join!(a, b, c);
            assert!(a == b && b == c, "{a} {b} {c}");
            // Of reasons that exclude each other one wins.
            let issued = app.issue("web", "a.example.internal").await;
            let calls = ["superseded", "affiliationChanged", "privilegeWithdrawn"].map(|reason| {
                ("/v1/pki/revoke".to_owned(), json!({ "serial_number": issued["serial_number"], "reason": reason }))
            });
            let answers = app.post_at_once(calls.into()).await;
            let won: Vec<Value> = answers.iter().filter(|answer| answer.status == StatusCode::OK).map(tests::Answer::json).collect();
            assert!(won.len() == 1 && answers.iter().all(|answer| [200, 409].contains(&answer.status.as_u16())), "{won:?}");
            assert_eq!(stored(&app, &issued).await["revocation_reason"], won[0]["reason"]);
        }
    }

    async fn the_serial_number_may_be_spelled_in_every_way(app: TestApp) {
        web(&app).await;
        for change in [
            |serial: &str| serial.to_owned(), |serial: &str| serial.to_uppercase(), |serial: &str| serial.replace(':', "-"),
            |serial: &str| serial.replace(':', ""), |serial: &str| serial.replace(':', "").to_uppercase(),
        ] {
            let issued = app.issue("web", "a.example.internal").await;
            let spelled = change(text(&issued["serial_number"]));
            let revoked = app.post("/v1/pki/revoke", json!({ "serial_number": spelled })).await.json_with(StatusCode::OK);
            assert_eq!(revoked["certificate_id"], issued["certificate_id"], "{spelled}");
            assert_eq!(revoked["serial_number"], issued["serial_number"], "{spelled}");
        }
    }

    async fn what_cannot_be_revoked_is_refused(app: TestApp) {
        let ca = web(&app).await;
        let issued = app.issue("web", "a.example.internal").await;
        let serial = text(&issued["serial_number"]);
        for (body, field) in [
            (json!({}), "serial_number"), (json!({ "serial_number": "" }), "serial_number"),
            (json!({ "serial_number": "xyz" }), "serial_number"), (json!({ "serial_number": 12 }), "serial_number"),
            (json!({ "serial_number": "12".repeat(21) }), "serial_number"),
            (json!({ "serial_number": serial, "reason": "boredom" }), "reason"), (json!({ "serial_number": serial, "reason": "" }), "reason"),
            (json!({ "serial_number": serial, "reason": 1 }), "reason"), (json!({ "serial_number": serial, "colour": 1 }), "colour"),
        ] {
            let error = app.post("/v1/pki/revoke", body.clone()).await.error(422, "validation_error");
            assert_eq!(error["details"]["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{body}: {error}");
        }
        let unknown = json!({ "serial_number": "01:02:03" });
        app.post("/v1/pki/revoke", unknown).await.error(404, "certificate_not_found");
        // A CA is revoked by its own call.
        let own = app.get(&ca).await.json()["serial_number"].clone();
        app.post("/v1/pki/revoke", json!({ "serial_number": own })).await.error(404, "certificate_not_found");
        let (_, stranger) = app.another_tenant("second").await;
        let body = Some(("application/json", json!({ "serial_number": serial }).to_string().into_bytes()));
        app.send(Method::POST, "/v1/pki/revoke", Some(&stranger), &[], body).await.error(404, "certificate_not_found");
        assert_eq!(stored(&app, &issued).await["status"], "active");
        assert_eq!(app.get(&ca).await.json()["crl"]["number"], 1, "nothing was revoked, so no list was built");
    }

    async fn many_revocations_share_a_crl(app: TestApp) {
        let ca = web(&app).await;
        let mut issued = Vec::new();
        for _ in 0..10 {
            issued.push(app.issue("web", "a.example.internal").await);
        }
        for certificate in &issued {
            revoke(&app, certificate, "superseded").await;
        }
        let shown = app.eventually(&ca, |ca| ca["crl"]["entries"] == 10).await;
        let builds = Sql::open(app.database_url()).await.number("SELECT builds - 1 FROM crls").await;
        assert!((1..10).contains(&builds), "10 revocations led to {builds} builds");
        let next = app.issue("web", "b.example.internal").await;
        revoke(&app, &next, "superseded").await;
        let later = app.eventually(&ca, |ca| ca["crl"]["entries"] == 11).await;
        assert!(later["crl"]["number"].as_i64() > shown["crl"]["number"].as_i64(), "{later}");
    }

    async fn what_has_ended_leaves_after_one_more_list(app: TestApp) {
        let ca = web(&app).await;
        let lasting = app.issue("web", "a.example.internal").await;
        let body = json!({ "common_name": "brief.example.internal", "ttl": "2s" });
        let brief = app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        for certificate in [&lasting, &brief] {
            revoke(&app, certificate, "superseded").await;
        }
        let build = async || app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
        let end = seconds(&brief["not_after"]);
        // It is on one list that was made after its end (RFC 5280 §3.3), and on none that comes later.
        let mut after = 0;
        let ended = async {
            loop {
                let built = build().await;
                if built["entries"] == 1 {
                    return built;
                }
                assert_eq!(built["entries"], 2, "{built}");
                after += i32::from(seconds(&built["this_update"]) > end);
            }
        };
        let built = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the certificate of 2 s must end");
        assert!(seconds(&built["this_update"]) >= end, "{built}");
        assert!(after >= 1, "it must be on a list from after its end");
        assert_eq!(entries(&app, &ca).await, BTreeMap::from([(plain(&lasting), "Superseded".to_owned())]));
        assert_eq!(stored(&app, &brief).await["status"], "revoked", "it was revoked before it ended");
    }

    async fn each_ca_lists_its_own(app: TestApp) {
        let root = app.root_ca("root").await;
        let sub = app.intermediate_ca("sub", text(&root["id"])).await;
        app.role("direct", text(&root["id"])).await;
        app.role("below", text(&sub["id"])).await;
        let (direct, below) = (app.issue("direct", "a.example.internal").await, app.issue("below", "b.example.internal").await);
        revoke(&app, &direct, "superseded").await;
        revoke(&app, &below, "keyCompromise").await;
        for (ca, certificate, reason) in [(&root, &direct, "Superseded"), (&sub, &below, "Key Compromise")] {
            let path = format!("/v1/pki/ca/{}", text(&ca["id"]));
            app.eventually(&path, |ca| ca["crl"]["entries"] == 1).await;
            assert_eq!(entries(&app, &path).await, BTreeMap::from([(plain(certificate), reason.to_owned())]));
        }
    }

    async fn a_ca_s_revocation_leaves_earlier_ones_as_they_were(app: TestApp) {
        let ca = web(&app).await;
        let (early, late) = (app.issue("web", "a.example.internal").await, app.issue("web", "b.example.internal").await);
        revoke(&app, &early, "superseded").await;
        let before = stored(&app, &early).await;
        app.post(&format!("{ca}/revoke"), json!({ "reason": "keyCompromise" })).await.json_with(StatusCode::ACCEPTED);
        let done = app.eventually(&ca, |ca| !ca["revocation"]["completed_at"].is_null()).await;
        let progress = &done["revocation"];
        assert_eq!((&progress["certificates_revoked"], &progress["certificates_total"]), (&json!(1), &json!(1)));
        assert_eq!(stored(&app, &early).await, before);
        assert_eq!(stored(&app, &late).await["status"], "revoked");
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 2).await;
        assert_eq!(entries(&app, &ca).await[&plain(&early)], "Superseded");
    }
}
