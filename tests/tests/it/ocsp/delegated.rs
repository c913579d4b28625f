//! Delegated responders: answers that are signed by a short-lived certificate of the CA.

use std::time::Duration;

use certmill_domain::{Scope, Timestamp};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::{leaf, post, request, revoke, segment};
use crate::ca::{changed, text};
use crate::jobs::sql::Sql;

const HOURS: fn(u64) -> Duration = Duration::from_hours;

fn path(ca: &Value) -> String {
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

/// A CA with a delegated responder, once that one has its certificate.
async fn ca(app: &TestApp, wish: Value) -> Value {
    let body = json!({
        "name": "root", "common_name": "Root", "organization": "Smïth, Inc.", "ca_type": "root", "key_type": "ec", "ocsp": true,
        "ocsp_signer": "delegated",
    });
    let made = app.post("/v1/pki/ca", changed(body, &wish)).await.json_with(StatusCode::CREATED);
    assert_eq!(made["ocsp_signer"], "delegated");
    certified(app, &made, 1).await;
    made
}

/// Waits until so many certificates were made for the responder of a CA, as the audit log tells.
async fn certified(app: &TestApp, ca: &Value, count: usize) {
    let log = format!("/v1/audit/logs?action=ca.ocsp_signer&object={}", text(&ca["id"]));
    let logs = app.eventually(&log, |found| found["logs"].as_array().unwrap().len() >= count).await;
    let logs = logs["logs"].as_array().unwrap();
    assert_eq!(logs.len(), count, "{logs:?}");
    for row in logs {
        assert!(row["after_sha256"].is_string() && row["identity"] == "service", "{row}");
    }
}

/// Writes the CA as `ca.pem`, with all that is above it in `root.pem`: itself if it is a root.
async fn write(app: &TestApp, judge: &Judge, ca: &Value) {
    let found = app.get(&format!("{}/certificate", path(ca))).await.json_with(StatusCode::OK);
    let (own, above) = (text(&found["certificate_pem"]), text(&found["chain_pem"]));
    judge.write("ca.pem", own);
    judge.write("root.pem", if above.is_empty() { own } else { above });
}

/// What openssl says of the answer to a question, now. The certificate in it is in `signer.pem` afterwards.
async fn ask(app: &TestApp, judge: &Judge, ca: &Value, options: &str) -> String {
    let answer = post(app, ca, request(judge, options)).await;
    judge.write("answer.der", &answer.body);
    judged(app, judge, options)
}

fn judged(app: &TestApp, judge: &Judge, options: &str) -> String {
    let at = app.app.now().unix_seconds();
    let told = judge.run(&format!(
        "ocsp -respin answer.der -CAfile root.pem -verify_other ca.pem -issuer ca.pem -attime {at} -no_nonce -resp_text {options}"
    ));
    assert!(told.contains("Response verify OK"), "{told}");
    let certificate = told.find("-----BEGIN CERTIFICATE-----").map_or("", |at| &told[at..]);
    assert!(certificate.matches("BEGIN CERTIFICATE").count() <= 1, "{told}");
    let end = certificate.find("-----END CERTIFICATE-----").map_or(0, |at| at + 26);
    judge.write("signer.pem", &certificate[..end]);
    told
}

/// Whether the answer that was judged last has a certificate in it, that of a delegate.
fn is_delegated(judge: &Judge) -> bool {
    !judge.read("signer.pem").is_empty()
}

/// The serial number of the responder's certificate.
fn serial(judge: &Judge) -> String {
    let shown = judge.run("x509 -in signer.pem -noout -serial");
    shown.trim().trim_start_matches("serial=").to_owned()
}

/// The end of the responder's certificate, in seconds from now on.
fn left(app: &TestApp, judge: &Judge) -> i64 {
    let shown = judge.run("x509 -in signer.pem -noout -enddate -dateopt iso_8601");
    let end: String = shown.trim().trim_start_matches("notAfter=").replace(' ', "T");
    let end = Timestamp::parse_rfc3339(&end).unwrap();
    end.unix_seconds() - app.app.now().unix_seconds()
}

both_modes! {
    async fn a_delegate_answers_for_cas_of_every_kind(app: TestApp) {
        for (number, (key, own)) in [
            (json!({ "key_type": "ec", "key_size": 256 }), "NIST CURVE: P-256"),
            (json!({ "key_type": "ec", "key_size": 384 }), "NIST CURVE: P-384"),
            (json!({ "key_type": "ec", "key_size": 521 }), "NIST CURVE: P-521"),
            (json!({ "key_type": "ed25519" }), "ED25519 Public-Key"),
            (json!({ "key_type": "rsa" }), "NIST CURVE: P-256"),
            (json!({ "key_type": "rsa", "use_pss": true }), "NIST CURVE: P-256"),
        ]
        .into_iter()
        .enumerate()
        {
            let root = ca(&app, changed(key.clone(), &json!({ "name": format!("root-{number}") }))).await;
            let below = json!({
                "name": format!("issuing-{number}"), "ca_type": "intermediate", "parent_ca_id": root["id"], "common_name": "x".repeat(64),
                "permitted_dns_domains": ["example.internal"], "max_path_length": 0,
            });
            let issuing = ca(&app, changed(key, &below)).await;
            for of in [&root, &issuing] {
                let judge = Judge::new();
                write(&app, &judge, of).await;
                let one = leaf(&app, &judge, of, "one").await;
                let told = ask(&app, &judge, of, "-cert one.pem").await;
                assert!(told.contains("Cert Status: good"), "{told}");
                assert!(is_delegated(&judge), "{told}");
                let shown = judge.run("x509 -in signer.pem -noout -text");
                for part in [
                    own, "X509v3 Key Usage: critical\n                Digital Signature\n",
                    "X509v3 Extended Key Usage: \n                OCSP Signing\n", "OCSP No Check: \n", "CA:FALSE",
                ] {
                    assert!(shown.contains(part), "{own}: no {part} in {shown}");
                }
                assert!(!shown.contains("CRL Distribution") && !shown.contains("OCSP - URI"), "{shown}");
                judge.run("verify -x509_strict -purpose ocsphelper -CAfile root.pem -untrusted ca.pem signer.pem");
                let end = left(&app, &judge);
                assert!((6 * 86_400..=7 * 86_400).contains(&end), "{end}");
                // It is named by the hash of its key.
                let hashes = judge.run("x509 -in signer.pem -noout -ocspid");
                let key_id = hashes.lines().last().unwrap().trim().trim_start_matches("Public key OCSP hash: ");
                assert!(told.contains(&format!("Responder Id: {key_id}")), "{key_id}: {told}");
                // Nothing but the audit log and OCSP know of it.
                let serial = serial(&judge);
                let list = app.get(&format!("/v1/pki/certificates?serial_number={serial}")).await.json();
                assert_eq!(list["certificates"], json!([]));
                let told = ask(&app, &judge, of, &format!("-serial 0x{serial} -no_nonce")).await;
                assert!(told.contains("Cert Status: good"), "{told}");
                assert_eq!(app.get(&path(of)).await.json()["certificates_issued"], 1);
                revoke(&app, &one, "superseded").await;
                let told = ask(&app, &judge, of, "-cert one.pem -no_nonce").await;
                assert!(told.contains("Cert Status: revoked") && is_delegated(&judge), "{told}");
            }
        }
    }

    async fn it_is_renewed_well_before_its_end(app: TestApp) {
        app.clock.freeze();
        let (judge, root) = (Judge::new(), ca(&app, json!({})).await);
        write(&app, &judge, &root).await;
        leaf(&app, &judge, &root, "one").await;
        let der = request(&judge, "-cert one.pem -no_nonce");
        let path = format!("/pub/ocsp/{}/{}", text(&root["id"]), segment(&der));
        let get = async || {
            let answer = app.send(Method::GET, &path, None, &[], None).await;
            judge.write("answer.der", &answer.body);
            judged(&app, &judge, "-cert one.pem");
            (serial(&judge), answer.body)
        };
        let (first, answer) = get().await;
        assert_eq!(get().await.1, answer, "it is signed once");
        app.advance(HOURS(3 * 24)).await;
        app.settled().await;
        assert_eq!(get().await.0, first);
        certified(&app, &root, 1).await;
        // Half of its week is over.
        app.advance(HOURS(13)).await;
        certified(&app, &root, 2).await;
        let (second, renewed) = get().await;
        assert_ne!(second, first);
        assert_eq!(left(&app, &judge), 7 * 86_400, "a week from now on");
        assert_eq!(get().await.1, renewed);
        // What was answered before is good to its end, and so is the certificate in it.
        judge.write("answer.der", &answer);
        judged(&app, &judge, "-cert one.pem");
        let told = ask(&app, &judge, &root, &format!("-serial 0x{first} -no_nonce")).await;
        assert!(told.contains("Cert Status: good"), "{told}");
        let sql = Sql::open(app.database_url()).await;
        assert_eq!(sql.number("SELECT count(*) FROM ocsp_signers").await, 2);
        assert_eq!(sql.number("SELECT count(*) FROM ocsp_signers WHERE sealed_key IS NULL").await, 1, "one key is enough");
        // When it has ended it is forgotten.
        app.advance(HOURS(4 * 24)).await;
        certified(&app, &root, 3).await;
        assert_eq!(sql.number("SELECT count(*) FROM ocsp_signers").await, 2, "the first one is gone");
    }

    async fn while_there_is_none_the_ca_answers(app: TestApp) {
        let judge = Judge::new();
        let root = app.post("/v1/pki/ca", json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec" })).await;
        let root = root.json_with(StatusCode::CREATED);
        write(&app, &judge, &root).await;
        leaf(&app, &judge, &root, "one").await;
        let question = "-cert one.pem -no_nonce";
        ask(&app, &judge, &root, question).await;
        assert!(!is_delegated(&judge), "the default is the CA");
        let changed = app.patch(&path(&root), json!({ "ocsp_signer": "delegated" })).await.json_with(StatusCode::OK);
        assert_eq!((&changed["ocsp_signer"], &changed["ocsp"]), (&json!("delegated"), &json!(false)));
        certified(&app, &root, 1).await;
        ask(&app, &judge, &root, question).await;
        assert!(is_delegated(&judge), "what the CA had signed is not used again");
        let first = serial(&judge);
        // Saying the same again changes nothing.
        app.patch(&path(&root), json!({ "ocsp_signer": "delegated" })).await.json_with(StatusCode::OK);
        app.settled().await;
        certified(&app, &root, 1).await;
        // A key that cannot be used any more is as good as none.
        let sql = Sql::open(app.database_url()).await;
        let soon = app.app.now().plus(Duration::from_mins(30)).unix_micros();
        sql.run(&format!("UPDATE ocsp_signers SET not_after = {soon}, renew_at = {soon}")).await;
        ask(&app, &judge, &root, question).await;
        assert!(!is_delegated(&judge), "its answers would end too soon");
        sql.run("UPDATE ocsp_signers SET renew_at = 0").await;
        app.advance(Duration::from_secs(31)).await;
        certified(&app, &root, 2).await;
        ask(&app, &judge, &root, question).await;
        assert_ne!(serial(&judge), first);
    }

    async fn the_ca_takes_over_again(app: TestApp) {
        let (judge, root) = (Judge::new(), ca(&app, json!({})).await);
        write(&app, &judge, &root).await;
        leaf(&app, &judge, &root, "one").await;
        let question = "-cert one.pem -no_nonce";
        ask(&app, &judge, &root, question).await;
        let first = serial(&judge);
        let etag = app.get(&path(&root)).await.header("etag");
        let back = app.patch(&path(&root), json!({ "ocsp_signer": "ca" })).await;
        assert_eq!(back.json_with(StatusCode::OK)["ocsp_signer"], "ca");
        assert_ne!(back.header("etag"), etag);
        ask(&app, &judge, &root, question).await;
        assert!(!is_delegated(&judge));
        let sql = Sql::open(app.database_url()).await;
        assert_eq!(sql.number("SELECT count(*) FROM ocsp_signers WHERE sealed_key IS NOT NULL").await, 0);
        app.advance(HOURS(4 * 24)).await;
        app.settled().await;
        certified(&app, &root, 1).await;
        // Another one is another one.
        app.patch(&path(&root), json!({ "ocsp_signer": "delegated" })).await.json_with(StatusCode::OK);
        certified(&app, &root, 2).await;
        ask(&app, &judge, &root, question).await;
        assert_ne!(serial(&judge), first);
        for wrong in [json!("root"), json!("")] {
            let error = app.patch(&path(&root), json!({ "ocsp_signer": wrong })).await.error(422, "validation_error");
            assert!(text(&error["details"]["fields"]["ocsp_signer"]).contains("delegated"), "{error}");
        }
    }

    async fn a_ca_answers_itself_while_the_key_of_its_responder_cannot_be_used(app: TestApp) {
        let judge = Judge::new();
        let root = ca(&app, json!({})).await;
        write(&app, &judge, &root).await;
        leaf(&app, &judge, &root, "one").await;
        Sql::open(app.database_url()).await.run("UPDATE ocsp_signers SET sealed_key = certificate_der").await;
        let told = ask(&app, &judge, &root, "-cert one.pem").await;
        assert!(told.contains("Cert Status: good") && !is_delegated(&judge), "{told}");
    }

    async fn a_revoked_ca_answers_itself(app: TestApp) {
        let judge = Judge::new();
        let root = ca(&app, json!({})).await;
        let issuing = ca(&app, json!({ "name": "issuing", "ca_type": "intermediate", "parent_ca_id": root["id"] })).await;
        write(&app, &judge, &issuing).await;
        leaf(&app, &judge, &issuing, "one").await;
        ask(&app, &judge, &issuing, "-cert one.pem -no_nonce").await;
        assert!(is_delegated(&judge));
        let serial = serial(&judge);
        app.post(&format!("{}/revoke", path(&issuing)), json!({ "reason": "keyCompromise" })).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path(&issuing), |ca| ca["revocation"]["completed_at"].is_string()).await;
        let told = ask(&app, &judge, &issuing, "-cert one.pem -no_nonce").await;
        assert!(told.contains("Cert Status: revoked"), "{told}");
        assert!(!is_delegated(&judge), "what it has certified counts no more");
        let told = ask(&app, &judge, &issuing, &format!("-serial 0x{serial}")).await;
        assert!(told.contains("Cert Status: revoked") && told.contains("Revocation Reason: cACompromise"), "{told}");
        // Its responder loses its key, and gets no other one; that of the root goes on.
        let sql = Sql::open(app.database_url()).await;
        app.advance(HOURS(4 * 24)).await;
        certified(&app, &root, 2).await;
        certified(&app, &issuing, 1).await;
        let kept = format!("SELECT count(*) FROM ocsp_signers WHERE ca_id = '{}' AND sealed_key IS NOT NULL", text(&issuing["id"]));
        assert_eq!(sql.number(&kept).await, 0);
        judge.write("issuing.pem", judge.read("ca.pem"));
        write(&app, &judge, &root).await;
        let told = ask(&app, &judge, &root, "-cert issuing.pem").await;
        assert!(told.contains("Cert Status: revoked") && is_delegated(&judge), "{told}");
    }

    async fn it_ends_with_its_ca_and_goes_on_with_its_next_certificate(app: TestApp) {
        app.clock.freeze();
        let (judge, root) = (Judge::new(), ca(&app, json!({ "validity_days": 3 })).await);
        let role = json!({ "name": format!("role-{}", text(&root["id"])), "ca_id": root["id"], "key_type": "ec", "allow_any_name": true, "ttl": "24h" });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        write(&app, &judge, &root).await;
        leaf(&app, &judge, &root, "one").await;
        ask(&app, &judge, &root, "-cert one.pem").await;
        assert_eq!(left(&app, &judge), 3 * 86_400);
        let first = serial(&judge);
        // A new one would end no later.
        app.advance(HOURS(48)).await;
        app.settled().await;
        certified(&app, &root, 1).await;
        app.post(&format!("{}/reissue", path(&root)), json!({ "validity_days": 100 })).await.json_with(StatusCode::OK);
        app.advance(Duration::from_secs(31)).await;
        certified(&app, &root, 2).await;
        // By the certificate that the CA had before, and by the one that it has.
        for again in [false, true] {
            if again {
                write(&app, &judge, &root).await;
            }
            let told = ask(&app, &judge, &root, "-cert one.pem").await;
            assert!(told.contains("Cert Status: good"), "{told}");
            assert_ne!(serial(&judge), first);
        }
        assert!(left(&app, &judge) > 6 * 86_400);
        // A CA that has ended says nothing, and nobody is certified for it.
        app.advance(HOURS(24 * 101)).await;
        app.settled().await;
        assert_eq!(post(&app, &root, request(&judge, "-cert one.pem")).await.body, [0x30, 3, 0x0A, 1, 6]);
        let sql = Sql::open(app.database_url()).await;
        assert_eq!(sql.number("SELECT count(*) FROM jobs WHERE kind = 'renew_ocsp_signer' AND state <> 'done'").await, 0);
    }

    async fn a_ca_from_elsewhere_has_one_too(app: TestApp) {
        let judge = Judge::new();
        judge.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 900 -subj /O=Theirs/CN=Root \
                   -addext keyUsage=critical,keyCertSign,cRLSign -keyout top.key -out top.pem");
        let body = json!({
            "name": "moved", "certificate_pem": judge.read("top.pem"), "private_key_pem": judge.read("top.key"), "ocsp_signer": "delegated",
        });
        let moved = app.post("/v1/pki/ca/import", body).await.json_with(StatusCode::CREATED);
        let body = json!({
            "name": "ours", "common_name": "Ours", "ca_type": "intermediate", "key_type": "ec", "external": true, "ocsp_signer": "delegated",
        });
        let ours = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        judge.write("ca.csr", text(&ours["csr_pem"]));
        // Names must be of its organization, and theirs is not.
        judge.write("extensions", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n");
        judge.run("x509 -req -in ca.csr -CA top.pem -CAkey top.key -days 90 -extfile extensions -out ours.pem");
        certified(&app, &moved, 1).await;
        certified(&app, &ours, 0).await;
        let body = json!({ "certificate_pem": judge.read("ours.pem"), "chain_pem": judge.read("top.pem") });
        app.post(&format!("{}/certificate", path(&ours)), body).await.json_with(StatusCode::OK);
        certified(&app, &ours, 1).await;
        for of in [&moved, &ours] {
            write(&app, &judge, of).await;
            leaf(&app, &judge, of, "one").await;
            let told = ask(&app, &judge, of, "-cert one.pem").await;
            assert!(told.contains("Cert Status: good") && is_delegated(&judge), "{told}");
        }
    }

    async fn no_other_tenant_can_set_it(app: TestApp) {
        let (judge, root) = (Judge::new(), ca(&app, json!({})).await);
        let (_, stranger) = app.another_tenant("second").await;
        let reader = app.token(Scope::Read).await;
        let body = || Some(("application/json", br#"{"ocsp_signer":"ca"}"#.to_vec()));
        app.send(Method::PATCH, &path(&root), Some(&stranger), &[], body()).await.error(404, "ca_not_found");
        app.send(Method::PATCH, &path(&root), Some(&reader), &[], body()).await.error(403, "insufficient_scope");
        assert_eq!(app.get(&path(&root)).await.json()["ocsp_signer"], "delegated");
        write(&app, &judge, &root).await;
        leaf(&app, &judge, &root, "one").await;
        ask(&app, &judge, &root, "-cert one.pem").await;
        assert!(is_delegated(&judge));
        // Nor do strangers see that there is one.
        let logs = app.send(Method::GET, "/v1/audit/logs?action=ca.ocsp_signer", Some(&stranger), &[], None).await;
        assert_eq!(logs.json_with(StatusCode::OK)["logs"], json!([]));
    }
}
